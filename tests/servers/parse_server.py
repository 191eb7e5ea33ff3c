"""npm's Parse Server, over Debian's PostgreSQL."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from front import Front
from postgres import Postgres
from server import HERE, Platform, beginning, free_port, installed, wait_for

APP, MASTER, REST = "gatewayapp", "master key of a test", "rest key of a test"


class ParseServer(Platform):
    name = "Parse Server"
    api = "users/me"
    login_path = "/parse/login"
    # A token that is refused within ten seconds of its issue is not replaced at once.
    short_s = 15
    special = {"username": "way+%& ü:", "password": "way+%& ü: secret"}

    def __init__(self, scratch: Path) -> None:
        package = (HERE / "parse-server/package.json").read_text()
        place = installed("parse-server", package, self._install)
        self.version = json.loads((place / "node_modules/parse-server/package.json").read_text())["version"]
        self._postgres = Postgres(scratch)
        port = free_port()
        self._root = f"http://127.0.0.1:{port}/parse"
        settings = {
            "appId": APP,
            "masterKey": MASTER,
            "restAPIKey": REST,
            "serverURL": self._root,
            "mountPath": "/parse",
            "host": "127.0.0.1",
            "port": port,
            "databaseURI": self._postgres.url,
            "sessionLength": self.short_s,
            "logsFolder": str(scratch / "parse"),
        }
        (scratch / "parse.json").write_text(json.dumps(settings))
        command = ["node", "node_modules/parse-server/bin/parse-server", scratch / "parse.json"]
        try:
            with beginning(command, scratch / "parse.log", cwd=place) as self._process:
                wait_for(f"{self._root}/health", self._process, 90)
                for who in (self.user, self.special):
                    self._ask("POST", "/users", who)
        except BaseException:
            self._postgres.stop()
            raise
        self.front = Front(port)
        self.where = {
            "provider": "parse-server",
            "base_url": f"{self.front.url}/parse",
            "app_id": APP,
            "api_key": REST,
        }

    @staticmethod
    def _install(place: Path) -> None:
        shutil.copy(HERE / "parse-server/package.json", place)
        subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "--no-audit"], cwd=place, check=True)

    def _ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        headers = {f"X-Parse-{name.replace('_', '-')}": value for name, value in headers.items()}
        known = {"X-Parse-Application-Id": APP, "X-Parse-Master-Key": MASTER, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._root}{path}", data, {**known, **headers}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def forget(self, token: str) -> None:
        self._ask("POST", "/logout", {}, Session_Token=token)

    def change_password(self, password: str) -> None:
        for each in self._ask("GET", "/users")["results"]:
            if each["username"] == self.user["username"]:
                self._ask("PUT", f"/users/{each['objectId']}", {"password": password})

    def stop(self) -> None:
        self.front.stop()
        self._process.terminate()
        self._process.wait(20)
        self._postgres.stop()
