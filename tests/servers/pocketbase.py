"""PocketBase, built from its Go modules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from front import Front
from server import HERE, Platform, beginning, free_port, installed, wait_for

ADMIN = {"identity": "admin@example.com", "password": "correct horse battery"}


class PocketBase(Platform):
    name = "PocketBase"
    notes = "Its users are superusers: what nobody may read is answered 401 only there."
    api = "/api/collections"
    login_path = "/auth-with-password"
    # The least that it takes.
    short_s = 10
    user = {"username": "owner@example.com", "password": "correct horse"}
    special = {"username": "way@example.com", "password": "way+%& ü: secret"}

    def __init__(self, scratch: Path) -> None:
        module = (HERE / "pocketbase/go.mod").read_text()
        self.version = module.split("pocketbase/pocketbase v")[1].split()[0]
        program = installed("pocketbase", module, self._install) / "pocketbase"
        port = free_port()
        self._root = f"http://127.0.0.1:{port}"
        data = f"--dir={scratch / 'pocketbase'}"
        admin = ["superuser", "upsert", ADMIN["identity"], ADMIN["password"]]
        subprocess.run([program, data, *admin], check=True, capture_output=True)
        command = [program, data, "serve", f"--http=127.0.0.1:{port}"]
        with beginning(command, scratch / "pocketbase.log") as self._process:
            wait_for(f"{self._root}/api/health", self._process, 60)
            self._furnish()
        self.front = Front(port)
        self.where = {"provider": "pocketbase", "base_url": self.front.url, "collection": "_superusers"}

    @staticmethod
    def _install(place: Path) -> None:
        for each in ("go.mod", "main.go"):
            shutil.copy(HERE / "pocketbase" / each, place)
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod -buildvcs=false"}
        subprocess.run(["go", "build", "-o", "pocketbase", "."], cwd=place, env=environment, check=True)

    def _ask(self, method: str, path: str, body: Any, token: str = "") -> Any:
        headers = {"Content-Type": "application/json", "Authorization": token}
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self._root}/api{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def _admin(self, method: str, path: str, body: Any) -> Any:
        token = self._ask("POST", "/collections/_superusers/auth-with-password", ADMIN)["token"]
        return self._ask(method, path, body, token)

    def _furnish(self) -> None:
        self._admin("PATCH", "/collections/_superusers", {"authToken": {"duration": self.short_s}})
        for who in (self.user, self.special):
            password = {"password": who["password"], "passwordConfirm": who["password"]}
            self._admin("POST", "/collections/_superusers/records", {"email": who["username"], **password})

    def change_password(self, password: str) -> None:
        path = "/collections/_superusers/records"
        token = self._ask("POST", "/collections/_superusers/auth-with-password", ADMIN)["token"]
        everybody = urllib.request.Request(f"{self._root}/api{path}", headers={"Authorization": token})
        with urllib.request.urlopen(everybody, timeout=30) as answer:
            records = json.load(answer)["items"]
        (found,) = [each["id"] for each in records if each["email"] == self.user["username"]]
        self._ask("PATCH", f"{path}/{found}", {"password": password, "passwordConfirm": password}, token)

    def forget(self, token: str) -> None:
        # A password that is set ends all tokens, though it be the same.
        self.change_password(self.user["password"])

    def stop(self) -> None:
        self.front.stop()
        self._process.terminate()
        self._process.wait(20)
