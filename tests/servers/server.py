"""What a server that nobody here wrote has to say of itself, so that the rows can be tried on it."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import random
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable, Iterator

import keyfob
from front import Front
from person import Person

HERE = Path(__file__).resolve().parent


def cache() -> Path:
    """Where servers are installed, outside the tree: they are large, and the same for each run."""
    place = os.environ.get("KEYFOB_SERVERS_CACHE")
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(place) if place else Path(root) / "keyfob-servers"
    path.mkdir(parents=True, exist_ok=True)
    return path


def installed(name: str, pinned: str, install: Any) -> Path:
    """A directory of the cache in which `install(directory)` was run, once for each pinned text."""
    digest = hashlib.sha256(pinned.encode()).hexdigest()[:12]
    place = cache() / f"{name}-{digest}"
    if not place.exists():
        fresh = place.with_suffix(f".{os.getpid()}")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        install(fresh)
        fresh.rename(place)
    return place


def free_port() -> int:
    """A port that nobody listens on, and that no client is given meanwhile: servers take their time to bind."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class CannotDo(Exception):
    """The server has no such thing, or this runner does not set it up."""


def has(what: Any, why: str) -> Any:
    if not what:
        raise CannotDo(why)
    return what


def fails(work: Callable[[], Any]) -> keyfob.Error:
    try:
        work()
    except keyfob.Error as error:
        return error
    raise AssertionError("it did not fail")


class Server:
    """A server under way. What it cannot do is missing from its lists, and its rows say so."""

    name = "a server"
    version = "?"
    #: What about it is not as it comes.
    notes = ""
    issuer: str
    userinfo: str | None = None
    #: Where its users log in, and as whom.
    person: dict[str, str] = {}
    #: The ways of client authentication it has: name of the way, and options of a client that uses it.
    auths: dict[str, dict[str, str]] = {}
    #: The same for grants that need no person.
    grants: dict[str, dict[str, str]] = {}
    #: Clients that show a certificate (RFC 8705), by the name of the way.
    by_certificate: dict[str, dict[str, str]] = {}
    #: A client with another issuer's token (RFC 7523 2.1), or with the key that signs one.
    by_assertion: dict[str, str] | None = None
    #: A client that gets a token, and one that exchanges it (RFC 8693).
    exchange: tuple[dict[str, str], dict[str, str]] | None = None
    #: Options of clients that a person lets in. `None`: it has no such grant.
    by_code: dict[str, str] | None = None
    by_browser: dict[str, str] | None = None
    #: A person's login with a refresh token that is rotated, whose access tokens live so many seconds.
    rotating: dict[str, str] | None = None
    short_s = 3
    redirect_uri = "http://127.0.0.1:8400/callback"
    #: A client whose name and secret have special characters, and which characters.
    special: dict[str, str] | None = None
    special_characters = ""
    #: A client with a secret that `disable`, `enable` and `rotate` speak of.
    managed: dict[str, str] | None = None
    second_s: dict[str, str] | None = None
    #: A person's login whose tokens are bound to a key (RFC 9449), and where the server wants nonces.
    bound: dict[str, str] | None = None
    nonces = "nowhere"

    can_refuse_a_device = True

    def visit(self, url: str, user_code: str = "", until: str | None = None, agrees: bool = True) -> str:
        """A person goes to a page of it, and says yes or no; gives the page that is seen then, or `until`."""
        return Person(**self.person, user_code=user_code).visit(url, until=until, agrees=agrees)

    def disable(self) -> None:
        raise NotImplementedError

    def enable(self) -> None:
        raise NotImplementedError

    def rotate(self) -> str:
        """Gives the managed client another secret."""
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError


class Platform:
    """A platform whose own login a profile of the catalogue speaks. What reaches it is counted before it."""

    name = "a platform"
    version = "?"
    #: What about it is not as it comes.
    notes = ""
    #: Where its API is, as an option or by itself, and what else a client needs to find it.
    where: dict[str, str]
    user = {"username": "owner", "password": "correct horse"}
    #: Somebody whose password has special characters, and which.
    special: dict[str, str] | None = None
    special_characters = "way+%& ü:"
    #: What a request asks for that only somebody who has logged in gets, relative to `base_url`.
    api: str
    #: What of a login's path no other call has.
    login_path: str
    #: How long its tokens live here; 0 where they live long.
    short_s = 0
    front: Front

    @property
    def owner(self) -> dict[str, str]:
        """The options of a client that logs in as its user."""
        return {**self.where, **self.user}

    def logins(self) -> int:
        """How many logins have reached it."""
        return self.front.count(self.login_path)

    def forget(self, token: str) -> None:
        """Ends a token before its time."""
        raise NotImplementedError

    def end_session(self, client: keyfob.Client) -> None:
        """Ends a refresh token that a client has, without its knowledge."""
        raise NotImplementedError

    def change_password(self, password: str) -> None:
        """Gives its user another password."""
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError


def row_of(table: list[tuple[str, Any]]) -> Callable[[str], Callable[[Any], Any]]:
    """What marks the functions that are rows of a table."""

    def titled(title: str) -> Callable[[Any], Any]:
        def add(run: Any) -> Any:
            table.append((title, run))
            return run

        return add

    return titled


@contextlib.contextmanager
def beginning(command: list[Any], log: Path, **manner: Any) -> Iterator[subprocess.Popen[Any]]:
    """A server that writes into this log. What fails before it is ready shows the log's end, and ends the server."""
    with log.open("a") as told:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=told, stderr=told, **manner)
    try:
        yield process
    except BaseException:
        print(log.read_text()[-3000:])
        process.kill()
        raise


def wait_for(url: str, process: subprocess.Popen[Any], limit_s: float = 240) -> None:
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (OSError, http.client.HTTPException):
            time.sleep(0.3)
    raise RuntimeError(f"nothing answers at {url}")
