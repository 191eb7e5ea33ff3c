"""The asyncio client: the same calls, none of which blocks the event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from keyfob._base import BaseClient, Option, as_headers, as_json
from keyfob._errors import Error
from keyfob._foreign import call, call_for_text, utf8
from keyfob._library import library
from keyfob._request import prepare, send
from keyfob._response import Response

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from keyfob._request import CallOptions, RequestOptions

T = TypeVar("T")

_MOST_THREADS = 32


class AsyncClient(BaseClient):
    """`Client` for asyncio. A token that is fresh is given without leaving the event loop; what has
    to wait does so on a thread, and cancelling the task ends it there.

    >>> import asyncio
    >>> async def first_device():
    ...     async with keyfob.AsyncClient.load("kontakt", env="KEYFOB") as client:
    ...         response = await client.get("/v3/device", timeout=10)
    ...         return response.json()["content"][0]["id"]
    >>> asyncio.run(first_device())
    'gw-0001'
    """

    # Made when the first call has to wait, in the process in which it does: no thread survives
    # a fork.
    _pool: tuple[int, ThreadPoolExecutor] | None = None

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None or self._pool[0] != os.getpid():
            pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="keyfob")
            self._pool = (os.getpid(), pool)
        return self._pool[1]

    async def _wait(self, work: Callable[[Any], T], timeout: float | None) -> T:
        handle = self._begin_call(timeout)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads(), work, handle)
        except asyncio.CancelledError:
            library.keyfob_client_cancel(handle, None)
            raise
        except Error as error:
            # As in Client: its traceback would keep the client alive.
            raise error.with_traceback(None)  # noqa: B904
        finally:
            self._end_call(handle)
            del handle

    async def token(self, *, timeout: float | None = None) -> str:
        """As `Client.token`."""
        number, token = self._token
        if number == self._fresh_number():
            return token
        return await self._wait(self._get_token, timeout)

    async def headers(self, *, timeout: float | None = None) -> dict[str, str]:
        """As `Client.headers`."""
        number, headers = self._headers
        if number == self._fresh_number():
            return headers.copy()
        return await self._wait(self._get_headers, timeout)

    async def headers_for(self, url: str, *, timeout: float | None = None) -> dict[str, str]:
        """As `Client.headers_for`."""
        target = utf8(url, "url")
        return await self._wait(
            lambda handle: as_headers(
                call_for_text(library.keyfob_client_headers_for, handle, target)
            ),
            timeout,
        )

    async def renew(self, *, timeout: float | None = None) -> None:
        """As `Client.renew`."""
        await self._wait(partial(call, library.keyfob_client_renew), timeout)

    async def refused(self, token: str, *, timeout: float | None = None) -> None:
        """As `Client.refused`."""
        refused = utf8(token, "token")
        await self._wait(
            lambda handle: call(library.keyfob_client_refused, handle, refused), timeout
        )

    async def set(self, **options: Option) -> None:
        """As `Client.set`."""
        json = as_json(options)
        await self._wait(lambda handle: call(library.keyfob_client_set_json, handle, json), None)

    async def forget(self, *, timeout: float | None = None) -> None:
        """As `Client.forget`."""
        await self._wait(partial(call, library.keyfob_client_forget), timeout)

    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout: float | None = None,
        **options: Unpack[RequestOptions],
    ) -> Response:
        """As `Client.request`."""
        request = prepare(method, url, **options)
        return await self._wait(lambda handle: send(handle, request, method, url), timeout)

    async def get(self, url: str, **options: Unpack[CallOptions]) -> Response:
        """`request` with GET."""
        return await self.request("GET", url, **options)

    async def head(self, url: str, **options: Unpack[CallOptions]) -> Response:
        """`request` with HEAD."""
        return await self.request("HEAD", url, **options)

    async def post(self, url: str, **options: Unpack[CallOptions]) -> Response:
        """`request` with POST."""
        return await self.request("POST", url, **options)

    async def put(self, url: str, **options: Unpack[CallOptions]) -> Response:
        """`request` with PUT."""
        return await self.request("PUT", url, **options)

    async def patch(self, url: str, **options: Unpack[CallOptions]) -> Response:
        """`request` with PATCH."""
        return await self.request("PATCH", url, **options)

    async def delete(self, url: str, **options: Unpack[CallOptions]) -> Response:
        """`request` with DELETE."""
        return await self.request("DELETE", url, **options)

    async def pages(self, url: str, **options: Unpack[CallOptions]) -> AsyncIterator[Response]:
        """As `Client.pages`: `async for page in client.pages(url)`."""
        following: str | None = url
        while following is not None:
            page = await self.get(following, **options)
            yield page
            options["params"] = None
            following = page.links.get("next")

    async def close(self) -> None:
        """Ends the calls under way, and the client."""
        self._end()
        if self._pool is not None and self._pool[0] == os.getpid():
            self._pool[1].shutdown(wait=False)
        self._pool = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
