"""Drives the package by the orders of the conformance table (tests/suites/conformance).

With the argument `async` it does so through `keyfob.AsyncClient`.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import math
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keyfob


class Driver:
    def __init__(self, is_async: bool) -> None:
        self.client_type: Any = keyfob.AsyncClient if is_async else keyfob.Client
        self.is_async = is_async
        self.loop = asyncio.new_event_loop()
        self.clients: dict[str, Any] = {}
        self.logins: dict[int, keyfob.Login] = {}

    def obey(self, order: str, name: str, *fields: str) -> list[str]:
        """What an order gave, but for its `OK`."""
        method = getattr(self, f"do_{order}")
        told: list[str] = method(name if order in ("new", "free") else self.clients[name], *fields)
        return told

    def done(self, called: Any) -> Any:
        """The result of a call of either client."""
        return self.loop.run_until_complete(called) if inspect.isawaitable(called) else called

    def do_new(self, name: str, provider: str, *pairs: str) -> list[str]:
        options = dict(zip(pairs[::2], pairs[1::2]))
        self.clients[name] = self.client_type(provider, **options)
        return []

    def do_token(self, client: Any, callers: str) -> list[str]:
        if self.is_async:
            return [each.result() for each in self.done(self.ask(client, int(callers)))]
        with ThreadPoolExecutor(int(callers)) as threads:
            asked = [threads.submit(client.token) for _ in range(int(callers))]
            return [each.result() for each in asked]

    async def ask(self, client: Any, callers: int) -> set[asyncio.Task[str]]:
        asked = [asyncio.ensure_future(client.token()) for _ in range(callers)]
        done, _ = await asyncio.wait(asked)
        for each in done:
            each.exception()
        return done

    def do_try_token(self, client: Any) -> list[str]:
        return [client.try_token()]

    def do_headers(self, client: Any, *url: str) -> list[str]:
        headers = self.done(client.headers_for(*url) if url else client.headers())
        return [f"{name}: {value}" for name, value in headers.items()]

    def do_expires_in(self, client: Any) -> list[str]:
        seconds = client.expires_in
        return ["never" if seconds == math.inf else str(round(seconds * 1000))]

    def do_renew(self, client: Any) -> list[str]:
        self.done(client.renew())
        return []

    def do_refused(self, client: Any, token: str) -> list[str]:
        self.done(client.refused(token))
        return []

    def do_is_refusal(self, client: Any, status: str, body: str = "") -> list[str]:
        return [str(int(client.is_refusal(int(status), body.encode())))]

    def do_set(self, client: Any, option: str, value: str) -> list[str]:
        self.done(client.set(**{option: value}))
        return []

    def do_forget(self, client: Any) -> list[str]:
        self.done(client.forget())
        return []

    def do_status(self, client: Any) -> list[str]:
        return [json.dumps(client.status().raw)]

    def do_answer_member(self, client: Any, pointer: str) -> list[str]:
        member = self.done(client.answer_member(pointer))
        return [str(int(member is not None)), member or ""]

    def do_request(self, client: Any, method: str, url: str, *body: str) -> list[str]:
        data = body[0].encode() if body else None
        response = self.done(client.request(method, url, data=data))
        return [str(response.status), response.links.get("next") or ""]

    def do_login_begin(self, client: Any, *redirect_uri: str) -> list[str]:
        begun = client.login_begin_browser(*redirect_uri) if redirect_uri else client.login_begin()
        login = self.logins[id(client)] = self.done(begun)
        return [login.url, login.user_code or ""]

    def do_login_wait(self, client: Any, ms: str) -> list[str]:
        timeout = int(ms) / 1000 or None
        self.done(client.login_wait(self.logins[id(client)], timeout=timeout))
        return []

    def do_login_finish(self, client: Any, answer: str) -> list[str]:
        self.done(client.login_finish(self.logins[id(client)], answer))
        return []

    def do_wind(self, client: Any, ms: str) -> list[str]:
        client.wind(int(ms) / 1000)
        return []

    def do_free(self, name: str) -> list[str]:
        self.done(self.clients.pop(name).close())
        return []


def failed(error: keyfob.Error) -> list[str]:
    retry_after = -1 if error.retry_after is None else round(error.retry_after * 1000)
    return [
        error.status.name,
        str(error.http_status or 0),
        error.provider_code or "",
        str(retry_after),
        str(int(error.is_retriable)),
        str(error),
    ]


def main() -> None:
    driver = Driver("async" in sys.argv[1:])
    for line in sys.stdin:
        try:
            told = ["OK", *driver.obey(*line.rstrip("\n").split("\t"))]
        except keyfob.Error as error:
            told = failed(error)
        print(*told, sep="\t", flush=True)


main()
