"""npm's oidc-provider: an OpenID-certified server in a Node process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from server import HERE, Server, installed

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
SECRET = "a-secret-that-is-long-enough-for-HS256"


def _key(directory: Path, *kind: str) -> tuple[str, dict[str, str]]:
    """A private key as a file, and its public half as a JWK."""
    import base64

    path = directory / f"{'-'.join(kind)}.pem".replace(":", "-")
    subprocess.run(["openssl", "genpkey", *kind, "-out", path], check=True, capture_output=True)
    public = subprocess.run(
        ["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    b64 = lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")  # noqa: E731
    if "ED25519" in kind:
        return str(path), {"kty": "OKP", "crv": "Ed25519", "x": b64(public[-32:])}
    return str(path), {"kty": "EC", "crv": "P-256", "x": b64(public[-64:-32]), "y": b64(public[-32:])}


class OidcProvider(Server):
    name = "oidc-provider"
    person = {"login": "gateway-owner", "password": "any password"}

    def __init__(self, scratch: Path) -> None:
        package = (HERE / "oidc-provider/package.json").read_text()
        place = installed("oidc-provider", package, self._install)
        self.version = json.loads((place / "node_modules/oidc-provider/package.json").read_text())["version"]
        self._process = subprocess.Popen(
            ["node", HERE / "oidc-provider/server.mjs"],
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
        for alg, kind in [
            ("ES256", ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")),
            ("EdDSA", ("-algorithm", "ED25519")),
        ]:
            path, jwk = _key(scratch, *kind)
            name = f"private_key_jwt-{alg}"
            self._client(name, jwks={"keys": [jwk]}, token_endpoint_auth_method="private_key_jwt")
            self.auths[f"private_key_jwt ({alg})"] = {**itself, "client_id": name, "client_assertion_key_file": path}
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
        if "client_secret" in more or "jwks" in more:
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
