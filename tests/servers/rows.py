"""The rows: what is tried on each server, in the order of the table. A row returns what it saw, in a few
words; raises `CannotDo` where the server has no such thing, and anything else where keyfob fails."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Callable

import keyfob
from server import CannotDo, Server, fails, has, row_of
from stampede import client_of, stampede

ROWS: list[tuple[str, Callable[[Server, Path], str]]] = []
row = row_of(ROWS)


def let_in(server: Server, client: keyfob.Client, agrees: bool = True) -> None:
    """A person lets the client in, by whatever way the server has."""
    if server.by_code is not None:
        login = client.login_begin()
        server.visit(login.url, login.user_code or "", agrees=agrees)
        client.login_wait(login, timeout=60)
    else:
        by_browser(server, client, agrees)


def by_browser(server: Server, client: keyfob.Client, agrees: bool = True) -> None:
    login = client.login_begin_browser(server.redirect_uri)
    answer = server.visit(login.url, until=server.redirect_uri, agrees=agrees)
    client.login_finish(login, answer)


def sees(server: Server, token: str) -> int:
    """What the userinfo endpoint answers to a token."""
    request = urllib.request.Request(server.userinfo or "", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@row("endpoints by discovery from the issuer")
def discovery(server: Server, scratch: Path) -> str:
    options = next(iter([*server.grants.values(), server.by_code, server.by_browser]))
    with client_of(has(options, "it has no grant")) as client:
        client.token() if server.grants else client.login_begin() if server.by_code else client.login_begin_browser(
            server.redirect_uri
        )
        return f"{len(client.status().endpoints or {})} endpoints"


@row("client authentication")
def authentication(server: Server, scratch: Path) -> str:
    has(server.auths, "its clients have no secrets")
    for way, options in server.auths.items():
        with client_of(options) as client:
            assert client.token(), way
    return ", ".join(server.auths)


@row("a wrong client secret is sent once and held")
def wrong_secret(server: Server, scratch: Path) -> str:
    ways = [options for options in server.auths.values() if "client_secret" in options]
    options = has(ways, "its clients have no secrets")[0]
    with client_of({**options, "client_secret": "wrong, and long enough to be one"}) as client:
        first, second = fails(client.token), fails(client.token)
        assert first.status.name == "CREDENTIALS_REJECTED", first
        assert second.status.name == "LOGIN_ON_HOLD", second
        return f"{first.http_status} {first.provider_code}"


@row("special characters in a client's name and secret")
def special(server: Server, scratch: Path) -> str:
    with client_of(has(server.special, "it gives clients names and secrets of its own")) as client:
        assert client.token()
    return f"`{server.special_characters}`"


@row("grants that need no person")
def grants(server: Server, scratch: Path) -> str:
    has(server.grants, "it has none")
    for grant, options in server.grants.items():
        with client_of(options) as client:
            assert client.token(), grant
    return ", ".join(server.grants)


@row("mutual TLS: a certificate says who the client is")
def mutual_tls(server: Server, scratch: Path) -> str:
    has(server.by_certificate, "its clients show no certificates")
    for way, options in server.by_certificate.items():
        with client_of(options) as client:
            assert client.token(), way
            client.renew()
        # Without it the server lets nobody in by that name.
        without = {name: value for name, value in options.items() if not name.startswith("client_")}
        with client_of({**without, "client_id": options["client_id"], "client_secret": "none"}) as client:
            error = fails(client.token)
            assert error.status.name == "CREDENTIALS_REJECTED", error
    return ", ".join(server.by_certificate)


@row("JWT bearer: another issuer's token is traded for one")
def jwt_bearer(server: Server, scratch: Path) -> str:
    with client_of(has(server.by_assertion, "it takes no such tokens")) as client:
        first = client.token()
        client.renew()
        assert client.token() != first
    return "twice, by two assertions of one key"


@row("token exchange: one of its tokens for another")
def exchange(server: Server, scratch: Path) -> str:
    first, second = has(server.exchange, "it exchanges none")
    with client_of(first) as client:
        subject = client.token()
    with client_of({**second, "subject_token": subject}) as client:
        token = client.token()
        assert token != subject
        client.renew()
        assert client.token() != token
    return "twice"


@row("device grant: a person allows it")
def device(server: Server, scratch: Path) -> str:
    with client_of(has(server.by_code, "it has no device grant")) as client:
        let_in(server, client)
        assert client.token()
        return "complete URL" if client.login_begin().verification_uri_complete else "no complete URL"


@row("device grant: a person refuses it")
def device_denied(server: Server, scratch: Path) -> str:
    has(server.can_refuse_a_device, "its page has no such button")
    with client_of(has(server.by_code, "it has no device grant")) as client:
        error = fails(lambda: let_in(server, client, agrees=False))
        assert error.status.name == "LOGIN_DENIED", error
        return f"{error.http_status} {error.provider_code}"


@row("authorization code with PKCE over loopback")
def browser(server: Server, scratch: Path) -> str:
    with client_of(has(server.by_browser, "it has no such grant for this client")) as client:
        by_browser(server, client)
        assert client.token()
        login = client.login_begin_browser(server.redirect_uri)
        forged = fails(lambda: client.login_finish(login, "?code=x&state=y"))
        assert forged.status.name == "INVALID_ARGUMENT", forged
    return "state and code checked"


@row("a refresh gives another token, and the refresh token rotates or stays")
def refresh(server: Server, scratch: Path) -> str:
    options = has(server.by_code or server.by_browser, "nobody but the client logs in")
    with client_of(options) as client:
        let_in(server, client)
        first = client.token()
        client.renew()
        client.renew()
        assert client.token() != first
        assert client.status().counters.refreshes == 2
    return "twice"


@row("20 threads in each of 4 processes on an expired token: one refresh, the family lives")
def one_refresh(server: Server, scratch: Path) -> str:
    options = has(server.rotating, "its tokens cannot be made to live for seconds here")
    store = scratch / f"{server.name}-stampede"
    with client_of(options, store) as client:
        let_in(server, client)
        client.token()
        for _ in range(3):
            time.sleep(server.short_s + 0.2)
            began = time.monotonic()
            refreshes, tokens = stampede(options, store)
            assert refreshes == len(tokens), (refreshes, len(tokens))
            if time.monotonic() - began < server.short_s:
                # None but the first can have seen its token end meanwhile, as on a slow machine.
                assert refreshes == 1, f"{refreshes} refreshes"
                break
        assert client.token() in tokens or client.status().counters.refreshes == 1
        client.renew()
        assert client.token() not in tokens
    return "one refresh, and another after it"


@row("tokens that live one second")
def one_second(server: Server, scratch: Path) -> str:
    options = has(server.second_s, "its tokens cannot be made to live for a second here")
    has(server.userinfo, "it has no userinfo endpoint")
    with client_of(options) as client:
        let_in(server, client)
        until, good, all_of_them = time.monotonic() + 4, 0, 0
        while time.monotonic() < until:
            answer = client.get("{userinfo_endpoint}")
            all_of_them += 1
            good += answer.status == 200
        assert good == all_of_them, f"{good} of {all_of_them}"
        return f"{all_of_them} requests in 4 s, {client.status().counters.refreshes} refreshes, none refused"


@row("DPoP: tokens are bound to a key, and each request proves it")
def bound(server: Server, scratch: Path) -> str:
    options = has(server.bound, "it binds none")
    has(server.userinfo, "it has no userinfo endpoint")
    store = scratch / f"{server.name}-bound"
    with client_of(options, store) as client:
        let_in(server, client)
        assert client.status().dpop_bound
        assert client.get(server.userinfo or "").status == 200
        client.renew()
        assert client.get(server.userinfo or "").status == 200
        stolen, key = client.token(), client.status().dpop_jkt
    with client_of(options, store) as client:
        client.renew()
        assert client.status().dpop_jkt == key
        assert client.get(server.userinfo or "").status == 200
        by_browser(server, client)
        assert client.get(server.userinfo or "").status == 200
        client.forget()
        assert client.status().not_revoked is None, client.status().not_revoked
    answered = sees(server, stolen)
    assert answered in (400, 401), answered
    return f"device, code, refresh after a restart, userinfo; a stolen token: {answered}; nonces: {server.nonces}"


@row("a refresh token that the server no longer takes")
def rejected(server: Server, scratch: Path) -> str:
    options = has(server.by_code or server.by_browser, "nobody but the client logs in")
    store = scratch / f"{server.name}-rejected"
    with client_of(options, store) as client:
        let_in(server, client)
        client.token()
        with client_of(options, store) as other:
            # It is revoked at the server, and what this one knows is as it was.
            refreshed = other.token()
            assert refreshed
        taken_back(server, client)
        error, tries = fails(client.renew), 1
        while error.status.name != "LOGIN_REQUIRED" and tries < 3:
            client.wind(400)
            error, tries = fails(client.renew), tries + 1
        if error.provider_code is None and tries == 3:
            # Nothing is dropped for an answer that proves nothing, where only a person could log in again.
            assert client.status().has_refresh_token
            raise CannotDo(f"it answers {error.http_status} without a word, which proves nothing: the token is kept")
        assert error.status.name == "LOGIN_REQUIRED", error
        return f"{error.provider_code or error.http_status or ''} {error.provider_message or ''}".strip()


def taken_back(server: Server, client: keyfob.Client) -> None:
    """Revokes what a client has without its knowledge: a twin forgets it."""
    import shutil

    options = server.by_code or server.by_browser or {}
    path = Path(client.status().store.partition(":")[2].strip())
    copy = path.with_name(path.name + "-copy")
    shutil.copytree(path, copy)
    with client_of(options, copy) as twin:
        twin.forget()
        assert twin.status().not_revoked is None, twin.status().not_revoked


@row("a client that is disabled, and enabled again, loses nothing")
def disabled(server: Server, scratch: Path) -> str:
    options = has(server.managed, "its clients cannot be changed here")
    with client_of(options) as client:
        let_in(server, client)
        client.token()
        server.disable()
        error = fails(client.renew)
        server.enable()
        client.wind(3600)
        client.renew()
        assert client.status().counters.refreshes_rejected == 0
        return f"{error.http_status} {error.provider_code}, then renewed with the same refresh token"


@row("a client secret that is rotated")
def rotated(server: Server, scratch: Path) -> str:
    options = has(server.managed, "its clients cannot be changed here")
    with client_of(options) as client:
        let_in(server, client)
        secret = server.rotate()
        error = fails(client.renew)
        # Only an answer without a code leaves it open what was wrong.
        assert error.status.name == "CREDENTIALS_REJECTED" or error.provider_code is None, error
        client.set(client_secret=secret)
        client.wind(400)
        client.renew()
    server.managed = {**options, "client_secret": secret}
    said = f"{error.http_status} {error.provider_code or 'without a code'}"
    return f"{said}; set, and renewed with the same refresh token"


@row("forgetting revokes: userinfo refuses the token")
def revoked(server: Server, scratch: Path) -> str:
    options = has(server.by_code or server.by_browser, "nobody but the client logs in")
    has(server.userinfo, "it has no userinfo endpoint")
    with client_of(options) as client:
        let_in(server, client)
        token = client.token()
        before = sees(server, token)
        assert before == 200, before
        client.forget()
        if client.status().not_revoked is not None:
            raise CannotDo("it has no revocation endpoint")
        after = sees(server, token)
        # An access token may outlive its refresh token (RFC 7009 2.1).
        return f"{before}, then {after}"
