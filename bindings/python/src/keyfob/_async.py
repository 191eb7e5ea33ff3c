"""The asyncio client: the same calls, none of which blocks the event loop."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Generic, Optional, TypeVar, Union

import keyfob
from keyfob import _news
from keyfob._abi import Status
from keyfob._base import BaseClient, as_headers, take_as_json
from keyfob._body import Octets
from keyfob._errors import ArgumentError, CancelledError, Error, TimeoutError
from keyfob._foreign import call, call_for_text, hidden_utf8, milliseconds, utf8
from keyfob._items import items_of
from keyfob._library import library
from keyfob._login import Login, begin, begin_browser
from keyfob._mqtt import Mqtt, mqtt_of
from keyfob._request import CallOptions, RequestOptions, Timeout, fetch, prepare, seconds_of, send
from keyfob._response import Response
from keyfob._stream import OnProgress

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    import keyfob.options
else:
    from keyfob._typing import Self, Unpack

T = TypeVar("T")

# Requests have threads of their own, so that no token waits behind requests to a silent API, or
# behind people who are asked to log in. Whoever waits for news holds one for as long, where the
# event loop cannot wait for a descriptor.
_THREADS = {"request": 32, "token": 8, "body": 32, "news": 32, "login": 4}

# A thread that is free has a call within this. Only a longer wait is taken off the call's limit:
# whoever gave 50 ms reads of 50 ms when they have passed.
_HANDED_OVER_S = 0.01


class _Call(Generic[T]):
    """A call from its beginning in the event loop to its end on a thread."""

    def __init__(self, client: AsyncClient, work: Callable[[Any], T], limit: float) -> None:
        self._client = client
        self._work = work
        self._began = time.monotonic()
        self._handle: Any = None
        self._is_cancelled = False
        #: How many seconds it may take in all.
        self.limit = limit
        #: Whether a thread has taken it.
        self.has_begun = False

    def run(self) -> T:
        """Does the work, on a thread, in the time that is left."""
        self.has_begun = True
        waited = time.monotonic() - self._began
        left = self.limit - waited if waited > _HANDED_OVER_S else self.limit
        if left <= 0:
            raise self.late()
        try:
            handle = self._handle = self._client._begin_call(left)
        except ArgumentError:
            # It began when the client was open still: to be closed meanwhile is to be cancelled.
            raise CancelledError("the client was closed", status=Status.CANCELLED) from None
        try:
            # It may have been cancelled before it had a handle by which to be.
            if self._is_cancelled:
                library.keyfob_client_cancel(handle, None)
            return self._work(handle)
        finally:
            self._handle = None
            self._client._end_call(handle)

    def cancel(self) -> None:
        """Ends it, wherever it is."""
        self._is_cancelled = True
        handle = self._handle
        if handle is not None:
            library.keyfob_client_cancel(handle, None)

    def late(self) -> TimeoutError:
        """What is raised when its time passed before a thread took it."""
        return TimeoutError(
            f"no thread was free within {milliseconds(self.limit)} ms, so many calls are under way;"
            " give them shorter limits, or begin fewer at once",
            status=Status.TIMEOUT,
            is_retriable=True,
        )


class _ToldInTheLoop:
    """Tells a function in the event loop, from the thread that reads. What it says is heard when
    there is more to tell."""

    def __init__(self, tell: OnProgress) -> None:
        self._tell, self._loop = tell, asyncio.get_running_loop()
        self._has_enough = False
        self._failure: Optional[Exception] = None

    def __call__(self, done: int, total: Optional[int]) -> bool:
        if not self._has_enough:
            self._loop.call_soon_threadsafe(self._tell_here, done, total)
            return True
        self.explain()
        return False

    def _tell_here(self, done: int, total: Optional[int]) -> None:
        try:
            self._has_enough = self._has_enough or self._tell(done, total) is False
        except Exception as why:
            self._failure = why  # first: the other thread looks for it once it is enough
            self._has_enough = True

    def explain(self) -> None:
        """Raises what the function raised."""
        if self._failure is not None:
            raise self._failure


class AsyncClient(BaseClient):
    """`Client` for asyncio. What is at hand is given without leaving the event loop; what has to
    wait does so on a thread. A call's limit begins with the call, and cancelling its task ends it.

    >>> import asyncio
    >>> async def first_device():
    ...     async with keyfob.AsyncClient.load("kontakt", env="KEYFOB") as client:
    ...         response = await client.get("/v3/device", timeout=10)
    ...         return response.json()["content"][0]["id"]
    >>> asyncio.run(first_device())
    'gw-0001'
    """

    def _begin(self, config: Any, options: Any) -> None:
        self._calls: set[_Call[Any]] = set()
        # Who waits for news, to be woken by the end.
        self._listening: set[asyncio.Event] = set()
        # Made when the first call has to wait, in the process in which it does: no thread survives
        # a fork.
        self._pools: dict[tuple[int, str], ThreadPoolExecutor] = {}
        super()._begin(config, options)
        limit_ms = call_for_text(library.keyfob_config_get, config, b"timeout_ms")
        self._limit = int(limit_ms or 30_000) / 1000

    def _threads(self, kind: str) -> ThreadPoolExecutor:
        key = (os.getpid(), kind)
        pool = self._pools.get(key)
        if pool is None:
            pool = ThreadPoolExecutor(_THREADS[kind], thread_name_prefix=f"keyfob-{kind}")
            self._pools[key] = pool
        return pool

    async def _wait(
        self, work: Callable[[Any], T], timeout: Optional[float], kind: str = "token"
    ) -> T:
        self._open_handle()
        limit = milliseconds(timeout) / 1000 or self._limit
        call = _Call(self, work, limit)
        self._calls.add(call)
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._threads(kind), call.run)
        try:
            await asyncio.wait((future,), timeout=limit)
            if not call.has_begun:
                call.cancel()
                future.cancel()
                raise call.late()
            return await future
        except asyncio.CancelledError:
            call.cancel()
            future.cancel()
            raise
        except Error as error:
            # As in Client: its traceback would keep the client alive.
            raise error.with_traceback(None)  # noqa: B904
        finally:
            self._calls.discard(call)
            del call, future

    def cancel(self) -> None:
        """As `Client.cancel`."""
        for each in list(self._calls):
            each.cancel()

    async def token(self, *, timeout: Optional[float] = None) -> str:
        """As `Client.token`."""
        number, token = self._token
        if number == self._fresh_number():
            return token
        del token  # an old one, which no traceback needs
        at_hand = self._token_at_hand()
        return await self._wait(self._get_token, timeout) if at_hand is None else at_hand

    async def headers(self, *, timeout: Optional[float] = None) -> dict[str, str]:
        """As `Client.headers`."""
        number, headers = self._headers
        if number == self._fresh_number():
            return headers.copy()
        del headers
        at_hand = self._headers_at_hand()
        return await self._wait(self._get_headers, timeout) if at_hand is None else at_hand

    async def headers_for(
        self,
        url: str,
        *,
        method: str = "GET",
        body: Octets = b"",
        timeout: Optional[float] = None,
    ) -> dict[str, str]:
        """As `Client.headers_for`."""
        signed = self._signed(method, url, body)
        at_hand = self._lines_at_hand(*signed)
        if at_hand is not None:
            return at_hand
        function, *rest = signed
        return await self._wait(
            lambda handle: as_headers(call_for_text(function, handle, *rest)), timeout
        )

    async def _carriers(self, timeout: Optional[float]) -> Optional[dict[str, str]]:
        """As `Client._carriers`."""
        try:
            return await self.headers(timeout=timeout)
        except ArgumentError:
            return None

    async def answer_member(
        self, pointer: str, *, timeout: Optional[float] = None
    ) -> Optional[str]:
        """As `Client.answer_member`."""
        name = utf8(pointer, "pointer")
        member = library.keyfob_client_answer_member
        return await self._wait(lambda handle: call_for_text(member, handle, name), timeout)

    async def mqtt(self, *, timeout: Optional[float] = None) -> Mqtt:
        """As `Client.mqtt`."""
        return await self._wait(mqtt_of, timeout)

    async def login_begin(self, *, timeout: Optional[float] = None) -> Login:
        """As `Client.login_begin`."""
        return await self._wait(begin, timeout)

    async def login_wait(self, login: Login, *, timeout: Optional[float] = None) -> None:
        """As `Client.login_wait`. To cancel the task ends the wait, and not the login."""
        function, ms = library.keyfob_client_login_wait, milliseconds(timeout)
        await self._wait(lambda handle: call(function, handle, login._handle, ms), None, "login")

    async def login_begin_browser(
        self, redirect_uri: str, *, timeout: Optional[float] = None
    ) -> Login:
        """As `Client.login_begin_browser`."""
        return await self._wait(begin_browser(redirect_uri), timeout)

    async def login_finish(
        self, login: Login, answer: str, *, timeout: Optional[float] = None
    ) -> None:
        """As `Client.login_finish`."""
        told = hidden_utf8(answer, "answer")
        del answer  # so that no traceback shows it
        function = library.keyfob_client_login_finish
        await self._wait(lambda handle: call(function, handle, login._handle, told), timeout)

    async def renew(self, *, timeout: Optional[float] = None) -> None:
        """As `Client.renew`."""
        await self._wait(partial(call, library.keyfob_client_renew), timeout)

    async def refused(self, token: str, *, timeout: Optional[float] = None) -> None:
        """As `Client.refused`."""
        refused = hidden_utf8(token, "token")
        del token  # so that no traceback shows it
        await self._wait(
            lambda handle: call(library.keyfob_client_refused, handle, refused), timeout
        )

    async def set(self, **options: Unpack[keyfob.options.Options]) -> None:
        """As `Client.set`."""
        limit_ms: Any = options.get("timeout_ms")
        json = take_as_json(options)
        await self._wait(lambda handle: call(library.keyfob_client_set_json, handle, json), None)
        if limit_ms is not None:
            self._limit = int(limit_ms) / 1000

    async def reach(self, url: str = "", *, timeout: Optional[float] = None) -> None:
        """As `Client.reach`."""
        told = utf8(url, "url")
        await self._wait(lambda handle: call(library.keyfob_client_reach, handle, told), timeout)

    async def forget(self, *, timeout: Optional[float] = None) -> None:
        """As `Client.forget`."""
        await self._wait(partial(call, library.keyfob_client_forget), timeout)

    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout: Timeout = None,
        **options: Unpack[RequestOptions],
    ) -> Response:
        """As `Client.request`."""
        options = self._in_the_loop(options)
        request = prepare(method, url, **options)
        response = await self._wait(
            lambda handle: send(handle, request, method, url), seconds_of(timeout), "request"
        )
        rest, told = response._rest, options.get("on_progress")
        if rest is not None:
            rest.threads = partial(self._threads, "body")
            if isinstance(told, _ToldInTheLoop):
                rest.explain_told = told.explain
        self._keep_open(response)
        return response

    async def download(
        self,
        url: str,
        path: Union[str, os.PathLike[str]],
        *,
        sha256: Union[str, bytes, None] = None,
        timeout: Timeout = None,
        **options: Unpack[RequestOptions],
    ) -> Response:
        """As `Client.download`. Cancelling the task keeps what has come, for a later download."""
        options = self._in_the_loop(options)
        told = options.get("on_progress")
        request = prepare("GET", url, **options)
        response = await self._wait(
            lambda handle: fetch(handle, request, "GET", url, path, sha256),
            seconds_of(timeout),
            "request",
        )
        if isinstance(told, _ToldInTheLoop):
            told.explain()
        return response

    @staticmethod
    def _in_the_loop(options: RequestOptions) -> RequestOptions:
        """Has `on_progress` called in the event loop, not on the thread that reads."""
        tell = options.get("on_progress")
        if tell is not None:
            options["on_progress"] = _ToldInTheLoop(tell)
        return options

    async def wait(self, known: int = 0, *, timeout: Optional[float] = None) -> int:
        """As `Client.wait`."""
        seconds = milliseconds(timeout) / 1000 or _news.LONGEST_S
        # The call's own limit is behind that of the wait.
        return await self._wait(
            lambda handle: _news.wait(handle, known, seconds), seconds + self._limit, "news"
        )

    async def tokens(self) -> AsyncIterator[str]:
        """As `Client.tokens`: `async for token in client.tokens()`. It waits in the event loop, and
        holds no thread.

        >>> import asyncio
        >>> async def first():
        ...     async with keyfob.AsyncClient.load("kontakt", env="KEYFOB") as client:
        ...         async for token in client.tokens():
        ...             return token == await client.token()
        >>> asyncio.run(first())
        True
        """
        bell = self._begin_call(None)
        last, known = None, 0
        try:
            while self._handle is not None:
                try:
                    known = await self._listen(bell, known)
                    token = await self.token()
                except Error as error:
                    if self._handle is None:
                        return
                    if last is None or not error.is_retriable:
                        raise
                else:
                    if token != last:
                        last = token
                        yield token
        finally:
            self._end_call(bell)

    async def _listen(self, bell: Any, known: int) -> int:
        """Waits for news by a descriptor; on a thread, where there is none to be had."""
        loop, rung = asyncio.get_running_loop(), asyncio.Event()
        try:
            fd = _news.descriptor(bell)
            number = _news.wait(bell, known, 0)
            if number != known:
                return number
            loop.add_reader(fd, rung.set)
        except (keyfob.BodyError, NotImplementedError):
            return await self.wait(known)
        self._listening.add(rung)
        try:
            await rung.wait()
        finally:
            self._listening.discard(rung)
            loop.remove_reader(fd)
        # Known as it was: the token may be due, which is for `token` to see to.
        return _news.wait(bell, known, 0)

    def _end(self) -> None:
        super()._end()
        for rung in list(self._listening):
            rung.set()

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
        following: Optional[str] = url
        while following is not None:
            page = await self.get(following, **options)
            yield page
            options["params"] = None
            following = page.links.get("next")

    async def items(
        self, url: str, *, at: Optional[str] = None, **options: Unpack[CallOptions]
    ) -> AsyncIterator[Any]:
        """As `Client.items`: `async for item in client.items(url)`."""
        async for page in self.pages(url, **options):
            for item in items_of(page, at):
                yield item

    async def close(self) -> None:
        """Ends the calls under way, and the client."""
        self._end()
        for (process, _), pool in self._pools.items():
            if process == os.getpid():
                pool.shutdown(wait=False)
        self._pools = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
