"""A pytest plugin: the simulated clouds, and clients for them.

    # conftest.py
    pytest_plugins = ["keyfob.testing"]

    # test_gateway.py
    @pytest.mark.keyfob("kii", login="user")
    def test_a_dead_token_is_replaced(cloud, client):
        client.token()
        cloud.kill_tokens()
        assert client.get(cloud.devices_url).ok

`cloud` is a simulated cloud as after its start, `kontakt` unless the marker names another; `client`
is a `keyfob.Client` for it. The program `keyfob-simulator` is the one that KEYFOB_SIMULATOR names,
else that of the package keyfob-simulator, else the one on the path.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import pytest

import keyfob

__all__ = ["Cloud", "Simulator", "client", "cloud", "keyfob_simulator"]


class Simulator:
    """The running program; a context manager that stops it."""

    #: What it says of itself: the clouds, where they listen, their logins.
    info: dict[str, Any]

    def __enter__(self) -> Simulator:
        program = _program()
        self._directory = tempfile.TemporaryDirectory()
        told = Path(self._directory.name) / "info.json"
        # It goes when its input ends, so also when this process is killed.
        self._process = subprocess.Popen(
            [program, "--quiet", "--until-eof", "--info-file", told], stdin=subprocess.PIPE
        )
        while not told.exists():
            if self._process.poll() is not None:
                raise RuntimeError(f"{program} ended with {self._process.returncode}")
            time.sleep(0.005)
        self.info = json.loads(told.read_text(encoding="utf-8"))
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
        self._directory.cleanup()

    def ask(self, path: str, body: Optional[dict[str, Any]] = None) -> Any:
        """Asks the control port, or gives it an order; simulator/README.md has all of them."""
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.info['control_url']}/{path}"
        with urllib.request.urlopen(url, data, timeout=20) as answer:
            return json.load(answer)


def _program() -> str:
    named = os.environ.get("KEYFOB_SIMULATOR")
    if named:
        return named
    try:
        return str(importlib.import_module("keyfob_simulator").program())
    except ImportError:
        found = shutil.which("keyfob-simulator")
    if not found:
        raise FileNotFoundError(
            "there is neither a package keyfob-simulator nor that program on the path; install one,"
            " or name it in KEYFOB_SIMULATOR"
        )
    return found


class Cloud:
    """One simulated cloud."""

    def __init__(
        self, simulator: Simulator, provider: str, login: Optional[str], options: dict[str, Any]
    ) -> None:
        about = simulator.info["clouds"][provider]
        logins = about["logins"]
        if login is None:
            login = next((n for n in ("password", "user") if n in logins), next(iter(logins)))
        #: The provider's name, as `keyfob.Client` takes it.
        self.provider = provider
        #: The options of a client for it.
        self.options: dict[str, Any] = {
            "ca_file": simulator.info["ca_file"],
            "base_url": about["base_url"],
            "allowed_origins": about["api_url"],
            **({"token_url": about["token_url"]} if "token_url" in about else {}),
            **logins[login],
            **options,
        }
        #: Where its API begins, and where it lists devices.
        self.api_url: str = about["api_url"]
        self.devices_url: str = about["api_url"] + about["devices_path"]
        self._simulator = simulator
        self._clients: list[keyfob.Client] = []

    def client(self, **options: Any) -> keyfob.Client:
        """A client for this cloud, closed when the test has ended."""
        made = keyfob.Client(self.provider, **{**self.options, **options})
        self._clients.append(made)
        return made

    def fault(self, call: str, fault: str, **more: Any) -> None:
        """Injects a fault into the next calls: `cloud.fault("login", "status:503", times=1)`.

        Calls are `login`, `refresh` and `api`; simulator/README.md lists the faults.
        """
        self.order("inject", call=call, fault=fault, **more)

    def kill_tokens(self) -> None:
        """Makes every access token one that the API refuses."""
        self.order("revoke", what="access")

    def wind(self, seconds: float) -> None:
        """Lets time pass, at the cloud and for the clients that were made here."""
        self._simulator.ask("wind", {"seconds": seconds})
        for each in self._clients:
            each.wind(seconds)

    def order(self, path: str, **body: Any) -> Any:
        """Gives an order that is about this cloud."""
        return self._simulator.ask(path, {"cloud": self.provider, **body})

    def counts(self) -> dict[str, int]:
        """How many calls of each name arrived."""
        calls: dict[str, int] = self._simulator.ask("counts")[self.provider]["calls"]
        return calls

    def journal(self, call: str) -> list[dict[str, Any]]:
        """The requests of this name that arrived, oldest first."""
        arrived: list[dict[str, Any]]
        arrived = self._simulator.ask(f"journal?cloud={self.provider}&call={call}")
        return arrived

    def close(self) -> None:
        """Closes the clients that were made here."""
        # Clients of one account share its holds while one of them lives.
        while self._clients:
            self._clients.pop().close()


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line(
        "markers", "keyfob(provider, login=None, **options): the cloud of the fixtures"
    )


@pytest.fixture(scope="session")
def keyfob_simulator() -> Iterator[Simulator]:
    """The simulator, one for all tests."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def cloud(request: pytest.FixtureRequest, keyfob_simulator: Simulator) -> Iterator[Cloud]:
    """A simulated cloud, as after its start."""
    marker = request.node.get_closest_marker("keyfob")
    options = dict(marker.kwargs) if marker else {}
    provider = marker.args[0] if marker and marker.args else "kontakt"
    keyfob_simulator.ask("reset", {})
    made = Cloud(keyfob_simulator, provider, options.pop("login", None), options)
    yield made
    made.close()


@pytest.fixture
def client(cloud: Cloud) -> keyfob.Client:
    """A client for the cloud."""
    return cloud.client()
