"""npm's Directus, over SQLite."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import keyfob
from front import Front
from server import HERE, Platform, beginning, free_port, installed, wait_for

ADMIN = {"email": "admin@example.com", "password": "correct horse battery"}


class Directus(Platform):
    name = "Directus"
    api = "/users/me"
    login_path = "/auth/login"
    # Its tokens end at whole seconds, up to one early, and one that is refused within ten seconds of its issue is not
    # replaced at once.
    short_s = 15
    user = {"username": "owner@example.com", "password": "correct horse"}
    special = {"username": "way@example.com", "password": "way+%& ü: secret"}

    def __init__(self, scratch: Path) -> None:
        package = (HERE / "directus/package.json").read_text()
        place = installed("directus", package, self._install)
        self.version = json.loads((place / "node_modules/directus/package.json").read_text())["version"]
        port = free_port()
        self._root = f"http://127.0.0.1:{port}"
        own = {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "SECRET": "of a test, and long enough to be one",
            "DB_CLIENT": "sqlite3",
            "DB_FILENAME": str(scratch / "directus.db"),
            "STORAGE_LOCAL_ROOT": str(scratch / "uploads"),
            "EXTENSIONS_PATH": str(scratch / "extensions"),
            "ADMIN_EMAIL": ADMIN["email"],
            "ADMIN_PASSWORD": ADMIN["password"],
            "ACCESS_TOKEN_TTL": f"{self.short_s}s",
            "REFRESH_TOKEN_TTL": "7d",
            "TELEMETRY": "false",
        }
        log = scratch / "directus.log"
        command = ["node", "node_modules/directus/cli.js"]
        manner = {"cwd": place, "env": {**os.environ, **own}}
        with beginning([*command, "bootstrap"], log, **manner) as first:
            assert first.wait() == 0
        with beginning([*command, "start"], log, **manner) as self._process:
            wait_for(f"{self._root}/server/ping", self._process, 120)
            for who in (self.user, self.special):
                self._admin("POST", "/users", {"email": who["username"], "password": who["password"]})
        self.front = Front(port)
        self.where = {"provider": "directus", "base_url": self.front.url}

    @staticmethod
    def _install(place: Path) -> None:
        shutil.copy(HERE / "directus/package.json", place)
        npm = ["npm", "install", "--silent", "--ignore-scripts", "--no-audit"]
        subprocess.run(npm, cwd=place, check=True)
        # Of what is compiled, these two are needed; the headers are those of the Node that is here.
        headers = Path(shutil.which("node") or "/usr/bin/node").resolve().parents[1]
        build = ["npm", "rebuild", "--silent", f"--nodedir={headers}", "sqlite3", "isolated-vm"]
        subprocess.run(build, cwd=place, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _ask(self, method: str, path: str, body: Any, token: str = "") -> Any:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._root}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"{}").get("data")

    def _admin(self, method: str, path: str, body: Any = None) -> Any:
        return self._ask(method, path, body, self._ask("POST", "/auth/login", ADMIN)["access_token"])

    def change_password(self, password: str) -> None:
        for each in self._admin("GET", "/users"):
            if each["email"] == self.user["username"]:
                self._admin("PATCH", f"/users/{each['id']}", {"password": password})

    def end_session(self, client: keyfob.Client) -> None:
        # Whoever's password is set has no session left, though it be the same.
        self.change_password(self.user["password"])

    def stop(self) -> None:
        self.front.stop()
        assert self._process
        self._process.terminate()
        self._process.wait(20)
