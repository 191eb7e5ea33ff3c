"""The simulated clouds from Python: started, told what to do, asked what arrived.

The one client of the control port in this language; simulator/README.md has the orders.

    with Simulator() as simulator:
        simulator.order("inject", cloud="kii", call="login", fault="status:503")
        options = {**simulator.reach("kii"), **simulator.login("kii")}
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def built(name: str) -> Path:
    """The path of something that cargo built."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return ROOT / target / os.environ.get("PROFILE", "debug") / name


PROGRAM = Path(os.environ.get("KEYFOB_SIMULATOR") or built("keyfob-simulator"))


class Simulator:
    """A running simulator; a context manager that stops it."""

    info: dict[str, Any]

    def __init__(self, program: Path = PROGRAM) -> None:
        self.program = program

    def __enter__(self) -> Any:
        self._directory = tempfile.TemporaryDirectory()
        info = Path(self._directory.name) / "info.json"
        # It goes when its input ends, so also when this process is killed.
        self._process = subprocess.Popen(
            [self.program, "--quiet", "--until-eof", "--info-file", info], stdin=subprocess.PIPE
        )
        while not info.exists():
            if self._process.poll() is not None:
                raise SystemExit(f"{self.program} ended with {self._process.returncode}")
            time.sleep(0.005)
        self.info = json.loads(info.read_text())
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
        self._directory.cleanup()

    def order(self, path: str, /, **body: Any) -> Any:
        """`order("wind", seconds=3600)`."""
        return self._ask(path, json.dumps(body).encode())

    def get(self, path: str) -> Any:
        """`get("journal?cloud=kii&call=login")`."""
        return self._ask(path)

    def text(self, path: str) -> str:
        """What is answered at a path, whatever the status, as text."""
        try:
            with urllib.request.urlopen(f"{self.info['control_url']}{path}", timeout=20) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as failed:
            return failed.read().decode()

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        url = f"{self.info['control_url']}/{path.lstrip('/')}"
        with urllib.request.urlopen(url, body, timeout=20) as answer:
            return json.load(answer)

    def counts(self, cloud: str) -> dict[str, int]:
        """How many calls of each name arrived."""
        calls: dict[str, int] = self.get("counts")[cloud]["calls"]
        return calls

    def wait_for(self, cloud: str, call: str) -> None:
        """Returns as soon as a call of this name has arrived."""
        until = time.monotonic() + 30
        while not self.counts(cloud).get(call):
            if time.monotonic() > until:
                raise TimeoutError(f"no {call} arrived at {cloud}")

    def journal(self, cloud: str, call: str) -> list[dict[str, Any]]:
        """The requests that arrived, oldest first."""
        entries: list[dict[str, Any]] = self.get(f"journal?cloud={cloud}&call={call}")
        return entries

    def take_journal(self) -> list[dict[str, Any]]:
        """What arrived since the last time, at any cloud."""
        entries: list[dict[str, Any]] = self.get("journal")
        self.order("clear", what="journal")
        return entries

    def reach(self, cloud: str) -> dict[str, Any]:
        """The options that lead to a cloud, credentials apart."""
        about = self.info["clouds"][cloud]
        options = {
            "ca_file": self.info["ca_file"],
            "base_url": about["base_url"],
            "allowed_origins": about["api_url"],
        }
        if "token_url" in about:
            options["token_url"] = about["token_url"]
        if cloud == "thingsboard":
            options["profile_file"] = str(ROOT / "tests/data/thingsboard.json")
        return options

    def login(self, cloud: str, name: str | None = None) -> dict[str, Any]:
        """The options of one of the cloud's logins; of a user's, where none is named."""
        logins: dict[str, dict[str, Any]] = self.info["clouds"][cloud]["logins"]
        if name is None:
            name = next((user for user in ("password", "user") if user in logins), None)
        return logins[name or next(iter(logins))]

    def devices(self, cloud: str) -> str:
        """The URL of the cloud's list of devices."""
        about = self.info["clouds"][cloud]
        return str(about["api_url"] + about["devices_path"])

    def variables(self) -> dict[str, str]:
        """All that as environment variables, for programs that read no JSON."""
        variables = {"SIM_CONTROL": self.info["control_url"].removeprefix("http://")}
        for cloud, about in self.info["clouds"].items():
            known = {
                **self.reach(cloud),
                **self.login(cloud),
                "api": about["api_url"],
                "devices": self.devices(cloud),
            }
            for name, value in known.items():
                variables[f"SIM_{cloud}_{name}".upper().replace("-", "_")] = value
        return variables
