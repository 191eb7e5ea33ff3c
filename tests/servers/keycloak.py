"""Keycloak, the distribution that Maven Central has, in its development mode with a database in memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from keys import EC, ED25519, RSA, Authority, key_pair, pem_pair
from server import Server, free_port, installed, wait_for

VERSION = "26.5.6"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
SECRET = "a-secret-that-is-long-enough-for-HS256"
WAYS = {
    "client_secret_basic": "client-secret",
    "client_secret_post": "client-secret",
    "client_secret_jwt": "client-secret-jwt",
}


class Keycloak(Server):
    name = "Keycloak"
    version = VERSION
    notes = "Started with `--features=dpop,jwt-authorization-grant`."
    person = {"username": "owner", "password": "correct horse"}

    def __init__(self, scratch: Path) -> None:
        place = installed("keycloak", ARTIFACT, self._install)
        home = scratch / "keycloak"
        shutil.copytree(next(place.glob("keycloak-*")), home, symlinks=True)
        self.root = f"http://127.0.0.1:{free_port()}"
        self.tls = f"https://127.0.0.1:{free_port()}"
        port = self.root.rsplit(":", 1)[1]
        admin = {"KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": "admin"}
        self._scratch = scratch
        self._authority = Authority(scratch / "certificates")
        trusted = scratch / "trusted.p12"
        keytool = ["keytool", "-importcert", "-noprompt", "-storetype", "PKCS12", "-alias", "authority"]
        by = ["-keystore", trusted, "-storepass", "changeit", "-file", self._authority.root.cert]
        subprocess.run([*keytool, *by], check=True, capture_output=True)
        self._process = subprocess.Popen(
            [
                home / "bin/kc.sh",
                "start-dev",
                f"--http-port={port}",
                "--http-host=127.0.0.1",
                "--http-management-port=0",
                f"--https-port={self.tls.rsplit(':', 1)[1]}",
                f"--https-certificate-file={self._authority.server.cert}",
                f"--https-certificate-key-file={self._authority.server.key}",
                "--https-client-auth=request",
                f"--https-trust-store-file={trusted}",
                "--https-trust-store-password=changeit",
                "--features=dpop,jwt-authorization-grant",
            ],
            env={**os.environ, **admin, "JAVA_OPTS_APPEND": "-Xmx700m"},
            stdin=subprocess.DEVNULL,
            stdout=(scratch / "keycloak.log").open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_for(f"{self.root}/realms/master", self._process, 400)
            self._furnish()
        except BaseException:
            print((scratch / "keycloak.log").read_text()[-3000:])
            self.stop()
            raise

    @staticmethod
    def _install(place: Path) -> None:
        subprocess.run(
            ["mvn", "-q", "-B", "dependency:get", f"-Dartifact={ARTIFACT}", "-Dtransitive=false"], check=True
        )
        home = Path.home() / ".m2/repository/org/keycloak/keycloak-quarkus-dist" / VERSION
        with zipfile.ZipFile(home / f"keycloak-quarkus-dist-{VERSION}.zip") as archive:
            archive.extractall(place)
        next(place.glob("keycloak-*/bin/kc.sh")).chmod(0o755)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": "admin"}
        token_url = f"{self.root}/realms/master/protocol/openid-connect/token"
        with urllib.request.urlopen(token_url, urllib.parse.urlencode(form).encode(), timeout=60) as answer:
            token = json.load(answer)["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.root}/admin/realms{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _client(self, name: str, **more: Any) -> None:
        attributes = {"oauth2.device.authorization.grant.enabled": "true", **more.pop("attributes", {})}
        self._ask(
            "POST",
            "/gateways/clients",
            {
                "clientId": name,
                "redirectUris": [self.redirect_uri],
                "standardFlowEnabled": True,
                "directAccessGrantsEnabled": True,
                "attributes": attributes,
                **more,
            },
        )

    def _furnish(self) -> None:
        # Refresh tokens are good once (rotation), as a careful operator has it.
        self._ask(
            "POST", "", {"realm": "gateways", "enabled": True, "revokeRefreshToken": True, "refreshTokenMaxReuse": 0}
        )
        self._ask(
            "POST",
            "/gateways/users",
            {
                "username": "owner",
                "enabled": True,
                "email": "owner@example.com",
                "emailVerified": True,
                "firstName": "Gate",
                "lastName": "Owner",
                "credentials": [{"type": "password", "value": "correct horse", "temporary": False}],
            },
        )
        self.issuer = f"{self.root}/realms/gateways"
        self.userinfo = f"{self.issuer}/protocol/openid-connect/userinfo"
        secret = {"publicClient": False, "serviceAccountsEnabled": True, "secret": SECRET}
        itself = {"issuer": self.issuer, "grant": "client_credentials", "client_secret": SECRET}
        self.auths = {}
        for way, kind in WAYS.items():
            self._client(way, clientAuthenticatorType=kind, **secret)
            self.auths[way] = {**itself, "client_id": way, "client_auth": way}
        self._by_key(itself)
        self._by_certificate()
        self._exchanging(secret)
        self._trusting(secret)
        user = {"issuer": self.issuer, "client_id": "public", "username": "owner", "password": "correct horse"}
        self.grants = {"client_credentials": self.auths["client_secret_basic"], "password": user}
        public = {"publicClient": True, "consentRequired": True}
        self._client("public", publicClient=True)
        self._client("asking", **public)
        short = {"access.token.lifespan": str(self.short_s)}
        self._client("public-short", publicClient=True, attributes=short)
        self._client("second", publicClient=True, attributes={"access.token.lifespan": "1"})
        scope = {"issuer": self.issuer, "scope": "openid"}
        self.by_code = self.by_browser = {**scope, "client_id": "asking"}
        self.rotating = {**scope, "client_id": "public-short"}
        self.second_s = {**scope, "client_id": "second"}
        dpop = {"dpop.bound.access.tokens": "true"}
        self._client("bound", publicClient=True, attributes=dpop)
        self.bound = {**scope, "client_id": "bound", "dpop": "true"}
        self.special_characters = "way+%& ü:"
        special = {"client_id": "way+%& ü:", "client_secret": "way+%& ü: secret"}
        self._client(
            special["client_id"], publicClient=False, serviceAccountsEnabled=True, secret=special["client_secret"]
        )
        self.special = {"issuer": self.issuer, "grant": "client_credentials", **special}
        self._client("managed", **secret)
        self.managed = {**scope, "client_id": "managed", "client_secret": SECRET, "grant": "interactive"}

    def _by_key(self, itself: dict[str, str]) -> None:
        """Clients that prove themselves by a JWT that their key signs."""
        for alg, kind in (("ES256", EC), ("EdDSA", ED25519)):
            path, jwk = key_pair(self._scratch, *kind)
            keys = {"keys": [{**jwk, "kid": alg, "use": "sig", "alg": alg}]}
            attributes = {
                "use.jwks.string": "true",
                "jwks.string": json.dumps(keys),
                "token.endpoint.auth.signing.alg": alg,
            }
            name = f"private_key_jwt-{alg}"
            more = {"publicClient": False, "serviceAccountsEnabled": True, "attributes": attributes}
            self._client(name, clientAuthenticatorType="client-jwt", **more)
            by_key = {"client_assertion_key_file": path, "client_assertion_kid": alg}
            self.auths[f"private_key_jwt ({alg})"] = {
                "issuer": itself["issuer"],
                "grant": itself["grant"],
                "client_id": name,
                **by_key,
            }

    def _by_certificate(self) -> None:
        """A client whose certificate is its name, at the realm's other address: that over TLS."""
        shown = self._authority.signed("gateway-7")
        attributes = {"x509.subjectdn": "CN=gateway-7"}
        more = {"publicClient": False, "serviceAccountsEnabled": True, "attributes": attributes}
        self._client("gateway-7", clientAuthenticatorType="client-x509", **more)
        self.by_certificate = {
            "tls_client_auth": {
                "issuer": f"{self.tls}/realms/gateways",
                "grant": "client_credentials",
                "client_id": "gateway-7",
                "ca_file": str(self._authority.root.cert),
                **shown.options,
            }
        }

    def _exchanging(self, secret: dict[str, Any]) -> None:
        """A client that may exchange a user's token for another."""
        self._client("exchanging", attributes={"standard.token.exchange.enabled": "true"}, **secret)
        both = {"issuer": self.issuer, "client_id": "exchanging", "client_secret": SECRET}
        self.exchange = ({**both, "username": "owner", "password": "correct horse"}, both)

    def _trusting(self, secret: dict[str, Any]) -> None:
        """A client that may bring a token of another issuer, about a user whom that issuer knows by another name."""
        path, public = pem_pair(self._scratch, *RSA)
        trusted = {
            "issuer": "https://plant.example",
            "clientId": "gateways",
            "clientSecret": "none",
            "authorizationUrl": "https://plant.example/authorize",
            "tokenUrl": "https://plant.example/token",
            "validateSignature": "true",
            "useJwksUrl": "false",
            "publicKeySignatureVerifier": public,
            "jwtAuthorizationGrantEnabled": "true",
        }
        about = {"alias": "plant", "providerId": "oidc", "enabled": True, "config": trusted}
        self._ask("POST", "/gateways/identity-provider/instances", about)
        (owner,) = self._ask("GET", "/gateways/users?username=owner")
        known = {"identityProvider": "plant", "userId": "gateway-7", "userName": "gateway-7"}
        self._ask("POST", f"/gateways/users/{owner['id']}/federated-identity/plant", known)
        allowed = {
            "oauth2.jwt.authorization.grant.enabled": "true",
            "oauth2.jwt.authorization.grant.idp": "plant",
        }
        self._client("trusting", attributes=allowed, **secret)
        self.by_assertion = {
            "issuer": self.issuer,
            "client_id": "trusting",
            "client_secret": SECRET,
            "assertion_key_file": path,
            "assertion_issuer": "https://plant.example",
            "assertion_subject": "gateway-7",
        }

    def _managed(self, **change: Any) -> None:
        (about,) = self._ask("GET", "/gateways/clients?clientId=managed")
        self._ask("PUT", f"/gateways/clients/{about['id']}", {**about, **change})

    def disable(self) -> None:
        self._managed(enabled=False)

    def enable(self) -> None:
        self._managed(enabled=True)

    def rotate(self) -> str:
        (about,) = self._ask("GET", "/gateways/clients?clientId=managed")
        fresh = self._ask("POST", f"/gateways/clients/{about['id']}/client-secret")
        return str(fresh["value"])

    def stop(self) -> None:
        import signal

        # Java is the script's child: both are of the group that was made for them.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(20)
