"""Clients of this package for the simulated clouds; tests/suites/control.py is the clouds' side."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keyfob
from keyfob._base import BaseClient

sys.path.append(str(Path(__file__).resolve().parents[3] / "tests/suites"))
from control import PROGRAM, ROOT
from control import Simulator as Clouds

__all__ = ["CLOUDS", "PROGRAM", "ROOT", "Simulator", "provider", "running"]

CLOUDS = ["kontakt", "iotconnect", "kii", "simacan"]


class Simulator(Clouds):
    """A running simulator, and the clients that a test made for it."""

    def __init__(self) -> None:
        super().__init__()
        self._clients: list[BaseClient] = []

    def reset(self) -> None:
        """Everything as after the start, and no client left of an earlier test."""
        # Clients of one account share its holds while one of them lives.
        while self._clients:
            self._clients.pop()._end()
        self.order("reset")

    def options(self, cloud: str, login: str | None = None) -> dict[str, Any]:
        """The options of a client for this cloud: of a user, unless another login is named."""
        if login is None and cloud == "oauth2":
            login = "client-credentials"
        return {**self.reach(cloud), "timeout_ms": 20_000, **self.login(cloud, login)}

    def client(self, cloud: str, login: str | None = None, **options: Any) -> keyfob.Client:
        client = keyfob.Client(provider(cloud), **{**self.options(cloud, login), **options})
        self._clients.append(client)
        return client

    def async_client(
        self, cloud: str, login: str | None = None, **options: Any
    ) -> keyfob.AsyncClient:
        client = keyfob.AsyncClient(provider(cloud), **{**self.options(cloud, login), **options})
        self._clients.append(client)
        return client


def provider(cloud: str) -> str:
    """What keyfob calls it: ThingsBoard is a profile from a file."""
    return "custom" if cloud == "thingsboard" else cloud


@contextmanager
def running() -> Iterator[Simulator]:
    """A simulator, for as long as the block runs."""
    with Simulator() as simulator:
        yield simulator
