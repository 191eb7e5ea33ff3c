"""PyPI's django-oauth-toolkit, in a Django site of one file."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from server import HERE, Server, beginning, free_port, installed, wait_for

SECRET = "way+%& ü: secret"


class DjangoOAuthToolkit(Server):
    name = "django-oauth-toolkit"
    person = {"username": "owner", "password": "correct horse"}
    notes = "Its metadata names neither the device nor the revocation endpoint: both are given as options."

    def __init__(self, scratch: Path) -> None:
        pinned = (HERE / "django-oauth-toolkit/requirements.txt").read_text()
        self.version = pinned.split("django-oauth-toolkit==")[1].split()[0]
        place = installed("django-oauth-toolkit", pinned, self._install)
        home = scratch / "django"
        home.mkdir()
        port = free_port()
        self._root = f"http://127.0.0.1:{port}"
        self.issuer = f"{self._root}/o"
        command = [place / "venv/bin/python", HERE / "django-oauth-toolkit/site.py", home, str(port)]
        with beginning(command, scratch / "django.log") as self._process:
            wait_for(f"{self.issuer}/.well-known/openid-configuration", self._process, 60)
        self.userinfo = f"{self.issuer}/userinfo/"
        ends = {
            "issuer": self.issuer,
            "device_authorization_url": f"{self.issuer}/device-authorization/",
            "revocation_url": f"{self.issuer}/revoke_token/",
        }
        confidential = {"client_type": "confidential", "client_secret": SECRET}
        self._client("itself", authorization_grant_type="client-credentials", **confidential)
        itself = {"issuer": self.issuer, "client_id": "itself", "client_secret": SECRET, "grant": "client_credentials"}
        self.auths = {way: {**itself, "client_auth": way} for way in ("client_secret_basic", "client_secret_post")}
        self._client("users", authorization_grant_type="password", **confidential)
        user = {"username": "owner", "password": "correct horse", "client_id": "users", "client_secret": SECRET}
        self.grants = {"client_credentials": itself, "password": {"issuer": self.issuer, "grant": "password", **user}}
        self.special_characters = "way+%& ü:"
        self._client("way+%& ü:", authorization_grant_type="client-credentials", **confidential)
        self.special = {**itself, "client_id": "way+%& ü:"}
        public = {"client_type": "public", "redirect_uris": self.redirect_uri}
        device = "urn:ietf:params:oauth:grant-type:device_code"
        self._client("device", authorization_grant_type=device, **public)
        self._client("browser", authorization_grant_type="authorization-code", **public)
        scope = {**ends, "scope": "openid read"}
        self.by_code = {**scope, "client_id": "device"}
        self.by_browser = {**scope, "client_id": "browser"}
        self.rotating = self.by_code
        self._secret = SECRET
        self._managed = {"authorization_grant_type": device, "client_type": "confidential"}
        self._client("managed", **self._managed, client_secret=SECRET)
        self.managed = {**scope, "client_id": "managed", "client_secret": SECRET, "grant": "interactive"}

    @staticmethod
    def _install(place: Path) -> None:
        # Its path is written into it, so it is made where it will be.
        subprocess.run([sys.executable, "-m", "venv", "--copies", place / "venv"], check=True)
        pip = [place / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", HERE / "django-oauth-toolkit/requirements.txt"], check=True)

    def _client(self, name: str, **more: Any) -> None:
        body = json.dumps({"client_id": name, **more}).encode()
        urllib.request.urlopen(f"{self._root}/control", body, timeout=30).close()

    def rotate(self) -> str:
        self._secret += "-2"
        self._client("managed", **self._managed, client_secret=self._secret)
        return self._secret

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
