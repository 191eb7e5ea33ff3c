"""Ory Hydra, built from its Go modules, over Debian's PostgreSQL; logging in and agreeing are this module's."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from keys import EC, key_pair
from postgres import Postgres
from server import Server, free_port, installed, wait_for

VERSION = "2.3.0"
MODULE = "github.com/ory/hydra/v2"
POP = "github.com/gobuffalo/pop/v6=github.com/ory/pop/v6@v6.2.1-0.20241121111754-e5dfc0f3344b"
SECRET = "way+%& ü: secret"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Hydra(Server):
    name = "Hydra"
    version = VERSION
    notes = "It has no pages of its own: whoever comes is let in. Of a token that lives for a second it says `expires_in` 0."
    short_s = 3

    def __init__(self, scratch: Path) -> None:
        self._program = installed("hydra", VERSION, self._install) / "hydra"
        self._postgres = Postgres(scratch)
        public, admin = free_port(), free_port()
        self.issuer, self._admin = f"http://127.0.0.1:{public}", f"http://127.0.0.1:{admin}/admin"
        self._pages = ThreadingHTTPServer(("127.0.0.1", 0), self._page())
        threading.Thread(target=self._pages.serve_forever, daemon=True).start()
        pages = f"http://127.0.0.1:{self._pages.server_address[1]}"
        own = {
            "DSN": f"{self._postgres.url}?sslmode=disable",
            "SECRETS_SYSTEM": "of a test and long enough to be one",
            "URLS_SELF_ISSUER": self.issuer,
            "URLS_LOGIN": f"{pages}/login",
            "URLS_CONSENT": f"{pages}/consent",
            "SERVE_PUBLIC_HOST": "127.0.0.1",
            "SERVE_PUBLIC_PORT": str(public),
            "SERVE_ADMIN_HOST": "127.0.0.1",
            "SERVE_ADMIN_PORT": str(admin),
            "SQA_OPT_OUT": "true",
        }
        environment = {**os.environ, **own}
        log = scratch / "hydra.log"
        self._process: subprocess.Popen[Any] | None = None
        try:
            with log.open("w") as told:
                migrate = [self._program, "migrate", "sql", "-e", "--yes"]
                subprocess.run(migrate, env=environment, check=True, stdout=told, stderr=told)
                serve = [self._program, "serve", "all", "--dev"]
                self._process = subprocess.Popen(serve, env=environment, stdout=told, stderr=told)
            wait_for(f"{self.issuer}/health/ready", self._process, 90)
            self._furnish(scratch)
        except BaseException:
            print(log.read_text()[-3000:])
            self.stop()
            raise

    @staticmethod
    def _install(place: Path) -> None:
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod -buildvcs=false"}
        for command in (
            ["go", "mod", "init", "keyfob-test-hydra"],
            ["go", "get", "-tool", f"{MODULE}@v{VERSION}"],
            # As its own go.mod has it.
            ["go", "mod", "edit", f"-replace={POP}"],
            ["go", "build", "-o", "hydra", MODULE],
        ):
            subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True)

    def _ask(self, method: str, path: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._admin}{path}", json.dumps(body).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def _page(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        """Where browsers are sent to log in and to agree: both are said for them."""

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urllib.parse.urlsplit(self.path)
                kind = parts.path.strip("/")
                challenge = urllib.parse.parse_qs(parts.query)[f"{kind}_challenge"][0]
                asked = f"/oauth2/auth/requests/{kind}"
                query = urllib.parse.urlencode({f"{kind}_challenge": challenge})
                said: dict[str, Any] = {"subject": "owner"}
                if kind == "consent":
                    with urllib.request.urlopen(f"{server._admin}{asked}?{query}", timeout=30) as answer:
                        said = {"grant_scope": json.load(answer)["requested_scope"]}
                target = server._ask("PUT", f"{asked}/accept?{query}", said)["redirect_to"]
                self.send_response(302)
                self.send_header("Location", target)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return Page

    def _client(self, name: str, way: str, *grants: str, method: str = "POST", **more: Any) -> None:
        about = {
            "client_id": name,
            "token_endpoint_auth_method": way,
            "grant_types": list(grants),
            "response_types": ["code"],
            "redirect_uris": [self.redirect_uri],
            "scope": "openid offline_access",
            **more,
        }
        path = "/clients" if method == "POST" else f"/clients/{urllib.parse.quote(name, safe='')}"
        self._ask(method, path, about)

    def _furnish(self, scratch: Path) -> None:
        self.userinfo = f"{self.issuer}/userinfo"
        itself = {"issuer": self.issuer, "grant": "client_credentials"}
        self.auths = {}
        for way in ("client_secret_basic", "client_secret_post"):
            self._client(way, way, "client_credentials", client_secret=SECRET)
            self.auths[way] = {**itself, "client_id": way, "client_secret": SECRET, "client_auth": way}
        path, jwk = key_pair(scratch, *EC)
        key = {**jwk, "kid": "key-1", "use": "sig", "alg": "ES256"}
        signing = {"token_endpoint_auth_signing_alg": "ES256", "jwks": {"keys": [key]}}
        self._client("signing", "private_key_jwt", "client_credentials", **signing)
        by_key = {"client_assertion_key_file": path, "client_assertion_kid": "key-1"}
        self.auths["private_key_jwt (ES256)"] = {**itself, "client_id": "signing", **by_key}
        self.grants = {"client_credentials": self.auths["client_secret_basic"]}
        self.special_characters = "way+%& ü:"
        self._client("way+%& ü:", "client_secret_basic", "client_credentials", client_secret=SECRET)
        self.special = {**itself, "client_id": "way+%& ü:", "client_secret": SECRET}
        of_person = ("authorization_code", "refresh_token")
        self._client("public", "none", *of_person)
        scope = {"issuer": self.issuer, "scope": "openid offline_access"}
        self.by_browser = {**scope, "client_id": "public"}
        lives = {f"{grant}_grant_access_token_lifespan": f"{self.short_s}s" for grant in of_person}
        self._client("public-short", "none", *of_person, **lives)
        self.rotating = {**scope, "client_id": "public-short"}
        self._secret = SECRET
        self._client("managed", "client_secret_basic", *of_person, client_secret=SECRET)
        self.managed = {**scope, "client_id": "managed", "client_secret": SECRET, "grant": "interactive"}
        self._client("bearer", "client_secret_basic", JWT_BEARER, client_secret=SECRET)
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
        issuer = {"issuer": "https://plant.example", "subject": "gateway-7", "scope": ["openid"]}
        trusted = {**issuer, "jwk": key, "expires_at": until.strftime("%Y-%m-%dT%H:%M:%SZ")}
        self._ask("POST", "/trust/grants/jwt-bearer/issuers", trusted)
        self.by_assertion = {
            "issuer": self.issuer,
            "client_id": "bearer",
            "client_secret": SECRET,
            "assertion_key_file": path,
            "assertion_kid": "key-1",
            "assertion_issuer": issuer["issuer"],
            "assertion_subject": "gateway-7",
        }

    def rotate(self) -> str:
        self._secret += "-2"
        of_person = ("authorization_code", "refresh_token")
        self._client("managed", "client_secret_basic", *of_person, method="PUT", client_secret=self._secret)
        return self._secret

    def stop(self) -> None:
        self._pages.shutdown()
        self._pages.server_close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
        self._postgres.stop()
