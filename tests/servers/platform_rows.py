"""The rows of platforms: what is tried with a profile of the catalogue, in the order of the table. A row
returns what it saw, in a few words; raises `CannotDo` where the platform has no such thing, and anything else
where keyfob fails."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable

import keyfob
from server import Platform, fails, has, row_of
from stampede import client_of, stampede

PLATFORM_ROWS: list[tuple[str, Callable[[Platform, Path], str]]] = []
row = row_of(PLATFORM_ROWS)


def renewed_by(client: keyfob.Client) -> str:
    """How a client's first token was replaced."""
    counters = client.status().counters
    refreshed = counters.refreshes - counters.refreshes_rejected
    assert counters.logins + refreshed == 2, counters
    return "by the refresh token" if refreshed else "by the password"


@row("its profile logs in, and a request is let in")
def logs_in(platform: Platform, scratch: Path) -> str:
    with client_of(platform.owner) as client:
        answer = client.get(platform.api)
        assert answer.status == 200, (answer.status, answer.text[:300])
        status = client.status()
        assert status.counters.logins == 1
        whom = f" as {status.principal}" if status.principal else ""
        lives = f"{status.expires_in:.0f} s" if status.expires_in != float("inf") else "until it is refused"
        return f"`{platform.api}`{whom}, for {lives}".replace(" for until", " until")


@row("special characters in the password")
def special(platform: Platform, scratch: Path) -> str:
    with client_of({**platform.where, **has(platform.special, "no such user here")}) as client:
        assert client.get(platform.api).status == 200
    return f"`{platform.special_characters}`"


@row("a wrong password is sent once and held; the right one ends that")
def wrong_password(platform: Platform, scratch: Path) -> str:
    before = platform.logins()
    with client_of({**platform.owner, "password": "wrong, and long enough"}, scratch / "wrong") as client:
        first = fails(client.token)
        assert first.status.name == "CREDENTIALS_REJECTED", first
        for _ in range(5):
            held = fails(client.token)
            assert held.status.name == "LOGIN_ON_HOLD", held
        assert platform.logins() - before == 1, platform.logins() - before
        client.set(password=platform.user["password"])
        assert client.get(platform.api).status == 200
        assert platform.logins() - before == 2, platform.logins() - before
        return f"{first.http_status} {first.provider_code or ''} {first.provider_message or ''}".strip()


@row("a token in the store needs no login")
def stored(platform: Platform, scratch: Path) -> str:
    store = scratch / "stored"
    with client_of(platform.owner, store) as client:
        token = client.token()
    before = platform.logins()
    with client_of(platform.owner, store) as client:
        other = client.token()
        if platform.short_s == 0:
            assert other == token
        assert other != token or platform.logins() == before
    return "none"


@row("requests through several lifetimes of a token")
def lifetimes(platform: Platform, scratch: Path) -> str:
    has(platform.short_s, "its tokens cannot be made to live for seconds here")
    with client_of(platform.owner) as client:
        until, good, all_of_them = time.monotonic() + 3 * platform.short_s, 0, 0
        while time.monotonic() < until:
            good += client.get(platform.api).status == 200
            all_of_them += 1
        counters = client.status().counters
        assert good == all_of_them, f"{good} of {all_of_them}"
        assert counters.logins + counters.refreshes > 2, counters
        said = f"{counters.logins} logins, {counters.refreshes} refreshes, {counters.replays} sent again"
        return f"{all_of_them} requests in {3 * platform.short_s} s, none refused: {said}"


@row("a due token is renewed before it ends")
def due(platform: Platform, scratch: Path) -> str:
    with client_of(platform.owner, scratch / "due") as client:
        client.token()
        lives = client.status().expires_in or 0
        has(lives != float("inf"), "its answers do not say when a token ends, and it lives for long")
        client.wind(lives - lives / 1000)
        # A token may be the same text as the one before, where both are of one second.
        assert client.token()
        return renewed_by(client)


@row("a token that the server ended is replaced, and the request sent again")
def forgotten(platform: Platform, scratch: Path) -> str:
    with client_of(platform.owner) as client:
        token = client.token()
        platform.forget(token)
        answer = client.get(platform.api)
        assert answer.status == 200, answer.status
        assert client.token() != token
        counters = client.status().counters
        assert counters.replays == 1, counters
        return renewed_by(client)


@row("a refresh token that the server ended: the password logs in")
def ended(platform: Platform, scratch: Path) -> str:
    with client_of(platform.owner) as client:
        client.token()
        has(client.status().has_refresh_token, "it gives none")
        platform.end_session(client)
        before = platform.logins()
        client.renew()
        counters = client.status().counters
        assert counters.refreshes_rejected == 1 and platform.logins() - before == 1, counters
        assert client.get(platform.api).status == 200
        return "one refresh refused, one login"


@row("a password that is changed at the server")
def changed(platform: Platform, scratch: Path) -> str:
    old = platform.user["password"]
    with client_of(platform.owner) as client:
        client.token()
        platform.change_password("another " + old)
        platform.user = {**platform.user, "password": "another " + old}
        before = platform.logins()
        rejected, held = fails(client.renew), fails(client.renew)
        assert rejected.status.name == "CREDENTIALS_REJECTED", rejected
        assert held.status.name == "LOGIN_ON_HOLD", held
        assert platform.logins() - before == 1
        client.set(password="another " + old)
        assert client.get(platform.api).status == 200
        return "sent once, held; set, and let in"


@row("20 threads in each of 4 processes with one store: one login")
def one_login(platform: Platform, scratch: Path) -> str:
    for attempt in range(3):
        before, began = platform.logins(), time.monotonic()
        renewals, tokens = stampede(platform.owner, scratch / f"{platform.name}-stampede-{attempt}")
        assert renewals == len(tokens) and platform.logins() - before <= renewals, (renewals, len(tokens))
        if platform.short_s == 0 or time.monotonic() - began < platform.short_s:
            # Where it takes longer, as on a slow machine, a token may have ended meanwhile.
            assert renewals == 1, f"{renewals} renewals"
            break
    return "one login, one token"


@row("a server that fails says nothing of the password")
def failing(platform: Platform, scratch: Path) -> str:
    with client_of(platform.owner) as client:
        client.token()
        with platform.front.failing():
            error = fails(client.renew)
            assert error.status.name == "SERVER_ERROR", error
        client.wind(3600)
        client.renew()
        assert client.get(platform.api).status == 200
        return f"{error.http_status}, then renewed"
