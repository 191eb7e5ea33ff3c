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

from server import Server, free_port, installed, wait_for

VERSION = "26.0.7"
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
    person = {"username": "owner", "password": "correct horse"}

    def __init__(self, scratch: Path) -> None:
        place = installed("keycloak", ARTIFACT, self._install)
        home = scratch / "keycloak"
        shutil.copytree(next(place.glob("keycloak-*")), home, symlinks=True)
        self.root = f"http://127.0.0.1:{free_port()}"
        port = self.root.rsplit(":", 1)[1]
        admin = {"KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": "admin"}
        self._process = subprocess.Popen(
            [
                home / "bin/kc.sh",
                "start-dev",
                f"--http-port={port}",
                "--http-host=127.0.0.1",
                "--http-management-port=0",
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
        self.special_characters = "way+%& ü:"
        special = {"client_id": "way+%& ü:", "client_secret": "way+%& ü: secret"}
        self._client(
            special["client_id"], publicClient=False, serviceAccountsEnabled=True, secret=special["client_secret"]
        )
        self.special = {"issuer": self.issuer, "grant": "client_credentials", **special}
        self._client("managed", **secret)
        self.managed = {**scope, "client_id": "managed", "client_secret": SECRET, "grant": "interactive"}

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
