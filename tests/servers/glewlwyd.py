"""Debian's Glewlwyd, over SQLite. Its pages are a program for browsers, so a person's part goes by its API."""

from __future__ import annotations

import gzip
import json
import sqlite3
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from person import NoRedirect
from server import Server, beginning, free_port, wait_for

SECRET = "plain-enough"
TABLES = Path("/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz")
SETTINGS = """
port={port}
bind_address="127.0.0.1"
external_url="{root}"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="WARNING"
session_expiration=2419200
session_key="GLEWLWYD2_SESSION_ID"
admin_session_authentication="cookie"
profile_session_authentication="cookie"
login_api_enabled=true
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database = {{ type="sqlite3" path="{database}" }}
"""
ENABLED = ("client", "code", "device", "password", "refresh", "token", "id-token")


class Glewlwyd(Server):
    name = "Glewlwyd"
    notes = (
        "It does not undo the form encoding of names and secrets (`client_secret_basic_raw`), and in the browser's"
        " grant it wants a nonce where the scope has `openid`. Its refresh tokens are good once, except where a client"
        " is disabled and its secret rotated: one of those is spent by a refresh that it refuses, whatever for. A token"
        " that lives for a second ends before that: it counts whole seconds."
    )
    can_refuse_a_device = False

    def __init__(self, scratch: Path) -> None:
        if not TABLES.exists():
            raise RuntimeError("apt-get install glewlwyd")
        asked = ["dpkg-query", "--show", "--showformat=${Version}", "glewlwyd"]
        self.version = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split("-")[0]
        database, port = scratch / "glewlwyd.db", free_port()
        with sqlite3.connect(database) as tables:
            tables.executescript(gzip.decompress(TABLES.read_bytes()).decode())
        self._root = f"http://127.0.0.1:{port}"
        settings = scratch / "glewlwyd.conf"
        settings.write_text(SETTINGS.format(port=port, root=self._root, database=database))
        with beginning(["glewlwyd", "-c", settings], scratch / "glewlwyd.log") as self._process:
            wait_for(f"{self._root}/config", self._process, 30)
            self._admin = self._session("admin", "password")
            self._furnish()

    def _ask(self, opener: Any, method: str, path: str, body: Any = None) -> None:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        opener.open(urllib.request.Request(f"{self._root}/api{path}", data, headers, method=method), timeout=30).close()

    def _session(self, username: str, password: str) -> Any:
        opener = urllib.request.build_opener(NoRedirect, urllib.request.HTTPCookieProcessor(CookieJar()))
        self._ask(opener, "POST", "/auth/", {"username": username, "password": password})
        return opener

    def _plugin(self, name: str, seconds: int, **more: Any) -> str:
        issuer = f"{self._root}/api/{name}"
        parameters: dict[str, Any] = {f"auth-type-{each}-enabled": True for each in ENABLED}
        parameters.update(
            {
                "iss": issuer,
                "jwt-type": "sha",
                "jwt-key-size": "256",
                "key": "a secret for the JWTs of a test",
                "access-token-duration": seconds,
                "refresh-token-duration": 86400,
                "code-duration": 600,
                "refresh-token-rolling": True,
                "refresh-token-one-use": "always",
                "allow-non-oidc": True,
                "device-authorization-expiration": 600,
                "device-authorization-interval": 1,
                "pkce-allowed": True,
                "introspection-revocation-allowed": True,
                "introspection-revocation-allow-target-client": True,
                "secret-type": "public",
                "subject-type": "public",
                "address-claim": {"type": "no"},
                "jwks-show": True,
                **more,
            }
        )
        about = {"module": "oidc", "name": name, "display_name": name, "order_rank": 0, "enabled": True}
        self._ask(self._admin, "POST", "/mod/plugin/", {**about, "parameters": parameters})
        return issuer

    def _client(self, name: str, secret: str, *grants: str, method: str = "POST", **more: Any) -> None:
        about = {
            "client_id": name,
            "name": name,
            "enabled": True,
            "confidential": True,
            "password": secret,
            "authorization_type": list(grants),
            "scope": ["g_profile"],
            "redirect_uri": [self.redirect_uri],
            "token_endpoint_auth_method": ["client_secret_basic", "client_secret_post"],
            **more,
        }
        path = "/client/" if method == "POST" else f"/client/{urllib.parse.quote(name)}"
        self._ask(self._admin, method, path, about)

    def _furnish(self) -> None:
        self.issuer = self._plugin("glwd", 3600)
        self.userinfo = f"{self.issuer}/userinfo"
        user = {"username": "owner", "password": "correct horse", "scope": ["g_profile", "openid"], "enabled": True}
        self._ask(self._admin, "POST", "/user/", {**user, "name": "owner", "email": "owner@example.com"})
        self.person = {"username": "owner", "password": "correct horse"}
        itself = {"issuer": self.issuer, "grant": "client_credentials", "scope": "g_profile"}
        self._client("itself", SECRET, "client_credentials", "password")
        mine = {**itself, "client_id": "itself", "client_secret": SECRET}
        self.auths = {way: {**mine, "client_auth": way} for way in ("client_secret_basic", "client_secret_post")}
        self.grants = {"client_credentials": mine, "password": {**mine, **self.person, "grant": "password"}}
        # A colon in a name cannot be told from that before the secret, where nothing is encoded.
        self.special_characters = "way+%& ü"
        self._client("way+%& ü", "way+%& ü: secret", "client_credentials")
        raw = {"client_auth": "client_secret_basic_raw", "client_secret": "way+%& ü: secret"}
        self.special = {**itself, "client_id": "way+%& ü", **raw}
        self._of_person = ("code", "device_authorization", "refresh_token")
        self._secret = SECRET
        for name in ("people", "managed"):
            self._client(name, SECRET, *self._of_person)
        people = {"client_id": "people", "client_secret": SECRET, "grant": "interactive"}
        self.by_code = {**people, "issuer": self.issuer, "scope": "openid g_profile"}
        self.by_browser = {**people, "issuer": self.issuer, "scope": "g_profile"}
        lasting = self._plugin("lasting", 3600, **{"refresh-token-one-use": "never"})
        self.managed = {**self.by_code, "client_id": "managed", "issuer": lasting}
        self.rotating = {**self.by_code, "issuer": self._plugin("short", self.short_s)}

    def visit(self, url: str, user_code: str = "", until: str | None = None, agrees: bool = True) -> str:
        browser = self._session(**self.person)
        for client in ("people", "managed"):
            self._ask(browser, "PUT", f"/auth/grant/{client}", {"scope": "openid g_profile"})
        # What its page adds once the person has said yes.
        try:
            browser.open(f"{url}&g_continue", timeout=30).close()
        except urllib.error.HTTPError as error:
            return str(error.headers["Location"])
        raise RuntimeError(f"no redirect from {url}")

    def disable(self) -> None:
        self._client("managed", self._secret, *self._of_person, method="PUT", enabled=False)

    def enable(self) -> None:
        self._client("managed", self._secret, *self._of_person, method="PUT")

    def rotate(self) -> str:
        self._secret += "-indeed"
        self.enable()
        return self._secret

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
