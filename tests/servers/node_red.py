"""npm's Node-RED with its admin API closed (`adminAuth`): what runs on gateways themselves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

from front import Front
from server import HERE, Platform, beginning, free_port, installed, wait_for


class NodeRed(Platform):
    name = "Node-RED"
    notes = "Its users stand in its settings, so a password is not changed while it runs."
    api = "/flows"
    login_path = "/auth/token"
    short_s = 5
    special = {"username": "way+%& ü:", "password": "way+%& ü: secret"}

    def __init__(self, scratch: Path) -> None:
        package = (HERE / "node-red/package.json").read_text()
        place = installed("node-red", package, self._install)
        self.version = json.loads((place / "node_modules/node-red/package.json").read_text())["version"]
        port = free_port()
        own = {
            "PORT": str(port),
            "SECONDS": str(self.short_s),
            "HOME_DIRECTORY": str(scratch / "node-red"),
            "USERS": json.dumps([self.user, self.special]),
        }
        command = ["node", "node_modules/node-red/red.js", "-s", HERE / "node-red/settings.js"]
        log, environment = scratch / "node-red.log", {**os.environ, **own}
        with beginning(command, log, cwd=place, env=environment) as self._process:
            wait_for(f"http://127.0.0.1:{port}/auth/login", self._process, 90)
        self.front = Front(port)
        self.where = {"provider": "node-red", "base_url": self.front.url}

    @staticmethod
    def _install(place: Path) -> None:
        shutil.copy(HERE / "node-red/package.json", place)
        subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "--no-audit"], cwd=place, check=True)

    def forget(self, token: str) -> None:
        request = urllib.request.Request(
            f"{self.front.url}/auth/revoke",
            urllib.parse.urlencode({"token": token}).encode(),
            {"Authorization": f"Bearer {token}"},
        )
        urllib.request.urlopen(request, timeout=30).close()

    def stop(self) -> None:
        self.front.stop()
        self._process.terminate()
        self._process.wait(20)
