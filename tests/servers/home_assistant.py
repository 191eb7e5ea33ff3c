"""PyPI's Home Assistant, with as little of it as has a login. It installs what its parts need by itself."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import keyfob
from front import Front
from server import HERE, Platform, beginning, free_port, installed, wait_for

CONFIGURATION = """
homeassistant:
  auth_providers:
    - type: homeassistant
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
"""
ONBOARDED = {
    "version": 4,
    "key": "onboarding",
    "data": {"done": ["user", "core_config", "analytics", "integration"]},
}


class HomeAssistant(Platform):
    name = "Home Assistant"
    notes = "An access token's half an hour is its own, and passwords are changed by a script while it does not run."
    api = "/api/config"
    login_path = "/auth/login_flow/"
    special = {"username": "way", "password": "way+%& ü: secret"}

    def __init__(self, scratch: Path) -> None:
        pinned = (HERE / "home-assistant/requirements.txt").read_text()
        self.version = pinned.split("homeassistant==")[1].split()[0]
        # By its module: what is in venv/bin names the path where it was installed.
        program = [installed("home-assistant", pinned, self._install) / "venv/bin/python", "-m", "homeassistant"]
        home, port = scratch / "home-assistant", free_port()
        # What its page for the first start has done, which makes the first user.
        (home / ".storage").mkdir(parents=True)
        (home / ".storage/onboarding").write_text(json.dumps(ONBOARDED))
        (home / "configuration.yaml").write_text(CONFIGURATION.format(port=port))
        add = [*program, "--script", "auth", "--config", home, "add"]
        for who in (self.user, self.special):
            subprocess.run([*add, who["username"], who["password"]], check=True, capture_output=True)
        with beginning([*program, "--config", home], scratch / "home-assistant.log") as self._process:
            wait_for(f"http://127.0.0.1:{port}/auth/providers", self._process, 300)
        self.front = Front(port)
        self.where = {"provider": "home-assistant", "base_url": self.front.url}

    @staticmethod
    def _install(place: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--copies", place / "venv"], check=True)
        pip = [place / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", HERE / "home-assistant/requirements.txt"], check=True)

    def _revoke(self) -> None:
        token = json.loads(self.front.last["/auth/token"])["refresh_token"]
        form = urllib.parse.urlencode({"token": token}).encode()
        urllib.request.urlopen(f"{self.front.url}/auth/revoke", form, timeout=30).close()

    def forget(self, token: str) -> None:
        self._revoke()

    def end_session(self, client: keyfob.Client) -> None:
        self._revoke()

    def stop(self) -> None:
        self.front.stop()
        self._process.terminate()
        self._process.wait(60)
