"""npm's oidc-provider: an OpenID-certified server in a Node process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from keys import EC, ED25519, Authority, key_pair
from server import HERE, Server, installed

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
SECRET = "a-secret-that-is-long-enough-for-HS256"


class OidcProvider(Server):
    name = "oidc-provider"
    person = {"login": "gateway-owner", "password": "any password"}

    def __init__(self, scratch: Path) -> None:
        package = (HERE / "oidc-provider/package.json").read_text()
        place = installed("oidc-provider", package, self._install)
        self.version = json.loads((place / "node_modules/oidc-provider/package.json").read_text())["version"]
        authority = Authority(scratch / "certificates")
        own = {
            "TLS_CERT": str(authority.server.cert),
            "TLS_KEY": str(authority.server.key),
            "TLS_CLIENT_CA": str(authority.root.cert),
        }
        self._process = subprocess.Popen(
            ["node", HERE / "oidc-provider/server.mjs"],
            env={**os.environ, **own},
            cwd=place,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(scratch / "oidc-provider.log").open("w"),
            text=True,
        )
        assert self._process.stdout
        self.issuer = self._process.stdout.readline().strip()
        self.userinfo = f"{self.issuer}/me"
        itself = {"issuer": self.issuer, "grant": "client_credentials"}
        self.auths = {}
        for way in ("client_secret_basic", "client_secret_post", "client_secret_jwt"):
            self._client(way, client_secret=SECRET, token_endpoint_auth_method=way)
            self.auths[way] = {**itself, "client_id": way, "client_secret": SECRET, "client_auth": way}
        for alg, kind in (("ES256", EC), ("EdDSA", ED25519)):
            path, jwk = key_pair(scratch, *kind)
            name = f"private_key_jwt-{alg}"
            self._client(name, jwks={"keys": [jwk]}, token_endpoint_auth_method="private_key_jwt")
            self.auths[f"private_key_jwt ({alg})"] = {**itself, "client_id": name, "client_assertion_key_file": path}
        shown, lone = authority.signed("gateway-7"), authority.alone("gateway-8")
        known = {"tls_client_auth_subject_dn": "CN=gateway-7"}
        self._client("gateway-7", token_endpoint_auth_method="tls_client_auth", **known)
        keys = {"keys": [{**lone.jwk, "kid": "gateway-8"}]}
        self._client("gateway-8", token_endpoint_auth_method="self_signed_tls_client_auth", jwks=keys)
        trusting = {**itself, "ca_file": str(authority.root.cert)}
        self.by_certificate = {
            "tls_client_auth": {**trusting, "client_id": "gateway-7", **shown.options},
            "self_signed_tls_client_auth": {**trusting, "client_id": "gateway-8", **lone.options},
        }
        self.grants = {"client_credentials": self.auths["client_secret_basic"]}
        public = {"token_endpoint_auth_method": "none", "application_type": "native"}
        self._client("public", **public)
        self._client("public-short", client_name=f"{self.short_s}s", **public)
        scope = {"issuer": self.issuer, "scope": "openid offline_access"}
        self.by_code = self.by_browser = {**scope, "client_id": "public"}
        self.rotating = {**scope, "client_id": "public-short"}
        # What RFC 6749 A.1 and A.2 allow, and the server takes: VSCHAR.
        self.special_characters = "way+%& :"
        self._client(
            "way+%& :", client_secret="way+%& : s3cret, long enough", token_endpoint_auth_method="client_secret_basic"
        )
        self.special = {**itself, "client_id": "way+%& :", "client_secret": "way+%& : s3cret, long enough"}
        self._secret = SECRET
        self.enable()
        self.managed = {**scope, "client_id": "managed", "client_secret": self._secret, "grant": "interactive"}
        self._client("bound", dpop_bound_access_tokens=True, **public)
        self.bound, self.nonces = {**scope, "client_id": "bound", "dpop": "true"}, "everywhere"
        self._client("second", client_name="1s", **public)
        self.second_s = {**scope, "client_id": "second"}

    @staticmethod
    def _install(place: Path) -> None:
        shutil.copy(HERE / "oidc-provider/package.json", place)
        subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "--no-audit"], cwd=place, check=True)

    def _control(self, **order: Any) -> None:
        urllib.request.urlopen(f"{self.issuer}/control", json.dumps(order).encode(), timeout=10).close()

    def _client(self, name: str, **more: Any) -> None:
        redirect = {"redirect_uris": [self.redirect_uri], "response_types": ["code"]}
        grants = ["authorization_code", "refresh_token", DEVICE]
        if more.get("token_endpoint_auth_method") != "none":
            grants.append("client_credentials")
        self._control(put={"client_id": name, "grant_types": grants, **redirect, **more})

    def disable(self) -> None:
        self._control(remove="managed")

    def enable(self) -> None:
        self._client("managed", client_secret=self._secret, token_endpoint_auth_method="client_secret_basic")

    def rotate(self) -> str:
        self._secret += "-2"
        self.enable()
        return self._secret

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(20)
