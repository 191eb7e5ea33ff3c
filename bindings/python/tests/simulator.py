"""The simulated clouds, as a program of their own: started, told what to do, asked what arrived."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keyfob
from keyfob._base import BaseClient

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = os.environ.get("KEYFOB_SIMULATOR") or str(ROOT / "target/debug/keyfob-simulator")
CLOUDS = ["kontakt", "iotconnect", "kii", "simacan"]

_LOGINS = {"kii": "user", "oauth2": "client-credentials"}


class Simulator:
    """A running simulator; its orders are those of simulator/README.md."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.info = info
        self._clients: list[BaseClient] = []

    def reset(self) -> None:
        """Everything as after the start, and no client left of an earlier test."""
        # Clients of one account share its holds while one of them lives.
        while self._clients:
            self._clients.pop()._end()
        self.order("reset")

    def order(self, path: str, /, **body: Any) -> None:
        """`order("wind", seconds=3600)`."""
        self._ask(f"/{path}", json.dumps(body).encode())

    def counts(self, cloud: str) -> dict[str, int]:
        """How many calls of each name arrived."""
        calls: dict[str, int] = self._ask("/counts")[cloud]["calls"]
        return calls

    def wait_for(self, cloud: str, call: str) -> None:
        """Returns as soon as a call of this name has arrived."""
        until = time.monotonic() + 30
        while not self.counts(cloud).get(call):
            if time.monotonic() > until:
                raise TimeoutError(f"no {call} arrived at {cloud}")

    def journal(self, cloud: str, call: str) -> list[dict[str, Any]]:
        """The requests that arrived, oldest first."""
        entries: list[dict[str, Any]] = self._ask(f"/journal?cloud={cloud}&call={call}")
        return entries

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        with urllib.request.urlopen(self.info["control_url"] + path, body, timeout=20) as answer:
            return json.load(answer)

    def options(self, cloud: str, login: str | None = None) -> dict[str, Any]:
        """The options of a client for this cloud: of a user, unless another login is named."""
        about = self.info["clouds"][cloud]
        options = {
            "base_url": about["base_url"],
            "ca_file": self.info["ca_file"],
            "allowed_origins": about["api_url"],
            "timeout_ms": 20_000,
            **about["logins"][login or _LOGINS.get(cloud, "password")],
        }
        if cloud == "oauth2":
            options["token_url"] = about["token_url"]
        if cloud == "thingsboard":
            options["profile_file"] = ROOT / "tests/data/thingsboard.json"
        return options

    def client(self, cloud: str, login: str | None = None, **options: Any) -> keyfob.Client:
        client = keyfob.Client(provider(cloud), **{**self.options(cloud, login), **options})
        self._clients.append(client)
        return client

    def async_client(self, cloud: str, **options: Any) -> keyfob.AsyncClient:
        client = keyfob.AsyncClient(provider(cloud), **{**self.options(cloud), **options})
        self._clients.append(client)
        return client

    def devices(self, cloud: str) -> str:
        """The URL of the cloud's list of devices."""
        about = self.info["clouds"][cloud]
        return str(about["api_url"] + about["devices_path"])


def provider(cloud: str) -> str:
    """What keyfob calls it: ThingsBoard is a profile from a file."""
    return "custom" if cloud == "thingsboard" else cloud


@contextmanager
def running() -> Iterator[Simulator]:
    """A simulator, for as long as the block runs."""
    with tempfile.TemporaryDirectory() as directory:
        info = Path(directory) / "info.json"
        command = [PROGRAM, "--quiet", "--until-eof", "--info-file", str(info)]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            try:
                while not info.exists():
                    if process.poll() is not None:
                        raise RuntimeError(f"{PROGRAM} ended with {process.returncode}")
                    time.sleep(0.005)
                yield Simulator(json.loads(info.read_text()))
            finally:
                # The end of its input ends it, and takes its files along.
                assert process.stdin
                process.stdin.close()
