"""The token for programs that use httpx: `httpx.Client(auth=keyfob.httpx.Auth(client))`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, ItemsView, Iterator, KeysView, ValuesView
from typing import Any, Optional, Union

import httpx

from keyfob import _errors
from keyfob._async import AsyncClient
from keyfob._client import Client
from keyfob._hosts import HostErrors, of_kind

_errors_of_httpx = HostErrors(
    globals(),
    {
        _errors.Error: httpx.RequestError,
        _errors.NetworkError: httpx.ConnectError,
        _errors.TimeoutError: httpx.TimeoutException,
        _errors.OriginError: httpx.UnsupportedProtocol,
    },
)


class _Presented(httpx.Headers):
    """Headers with a token that is sent, and that no copy of them has.

    httpx follows redirects below an `Auth`, which is not asked, and makes the headers of the next
    request as a copy of these. It would take all of them but `Authorization` to any host.
    """

    def __init__(self, own: httpx.Headers, token: dict[str, str]) -> None:
        names = {name.lower() for name in token}
        super().__init__([each for each in own.multi_items() if each[0].lower() not in names])
        self._whole = httpx.Headers(own)
        self._whole.update(token)

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        return self._whole.raw

    def keys(self) -> KeysView[str]:
        return self._whole.keys()

    def values(self) -> ValuesView[str]:
        return self._whole.values()

    def items(self) -> ItemsView[str, str]:
        return self._whole.items()

    def multi_items(self) -> list[tuple[str, str]]:
        return self._whole.multi_items()

    def get_list(self, key: str, split_commas: bool = False) -> list[str]:
        return self._whole.get_list(key, split_commas)

    def get(self, key: str, default: Any = None) -> Any:
        return self._whole.get(key, default)

    def __getitem__(self, key: str) -> str:
        return self._whole[key]

    def __contains__(self, key: Any) -> bool:
        return key in self._whole

    def __iter__(self) -> Iterator[Any]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)

    def __repr__(self) -> str:
        return repr(self._whole)


class _Flow:
    """One request's way: what was added to it, and whether its answer is worth a second try."""

    def __init__(self, request: httpx.Request, timeout: Optional[float]) -> None:
        self.request = request
        self._own = request.headers
        self._file = _file_of(request)
        self._start = self._file.tell() if self._file else 0
        self.token = ""
        read = request.extensions.get("timeout", {}).get("read")
        known = [each for each in (read, timeout) if each is not None]
        #: How long a token may be waited for: as long as an answer would be.
        self.limit: Optional[float] = min(known, default=None)

    @property
    def body(self) -> bytes:
        """The body, for clouds that have it signed; none that is streamed."""
        try:
            return self.request.content
        except httpx.RequestNotRead:
            return b""

    def rewind(self) -> bool:
        """Whether the body can be sent again: a file from where it began, what was read to its end
        from elsewhere never."""
        if self._file:
            self._file.seek(self._start)
            return True
        if "Transfer-Encoding" in self._own:
            return False
        try:
            self.request.content  # noqa: B018
            return True
        except httpx.RequestNotRead:
            # A form with files; httpx goes back to their beginnings.
            return "multipart/" in self._own.get("Content-Type", "")

    def present(self, token: str, own: Optional[dict[str, str]], wanted: dict[str, str]) -> None:
        """The token's own headers are set; what else the provider wants, unless the caller did."""
        self.token = token
        added = {
            name: value
            for name, value in wanted.items()
            if own is None or name in own or name not in self._own
        }
        self.request.headers = _Presented(self._own, added)

    def went_elsewhere(self, response: httpx.Response) -> bool:
        """Whether redirects led to another request, which has no token; then it is this flow's."""
        if response.request is self.request:
            return False
        self.request, self._own = response.request, response.request.headers
        return True

    def lacks_nonce(self, client: Union[Client, AsyncClient], response: httpx.Response) -> bool:
        """Whether an answer asks for another proof, with a nonce that it gives (DPoP)."""
        given, url = response.headers, str(response.request.url)
        nonce, challenge = given.get("DPoP-Nonce"), given.get("WWW-Authenticate")
        lacks = client.note_nonce(url, response.status_code, nonce, challenge)
        return lacks and response.request is self.request

    def failed(self, error: _errors.Error) -> _errors.Error:
        """The error as httpx has it."""
        return _errors_of_httpx.joined(error, _request=self.request)

    def __repr__(self) -> str:
        return "<a token>"


def _file_of(request: httpx.Request) -> Any:
    """The file that the body is read from as it is sent, if that can go back."""
    body = getattr(request.stream, "_stream", None)
    is_file = hasattr(body, "tell") and hasattr(body, "seek")
    return body if is_file and getattr(body, "seekable", lambda: True)() else None


class Auth(httpx.Auth):
    """Puts a client's token into requests, and repeats a request once if the API refuses the token.

    An `httpx.Client` takes an `Auth` of a `keyfob.Client`, an `httpx.AsyncClient` one of a
    `keyfob.AsyncClient`.

    >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client:
    ...     with httpx.Client(auth=keyfob.httpx.Auth(client)) as http:
    ...         http.get("https://apps-api.prod.kontakt.io/v3/device").status_code
    200

    A token is waited for as long as an answer would be, by httpx's own `timeout`, and no longer
    than `timeout` seconds.

    `OriginError` is raised, and nothing sent, for a URL that must not see the token. No redirect
    takes along what was added; where one led to a URL that may see the token, and was not
    answered well there, that request is sent again with it. A body that is read from an iterator is
    sent once: its refusal is the answer, and the next request has another token. Every error raised
    here is one of `httpx`, too, such as `httpx.TimeoutException`.
    """

    def __init__(
        self, client: Union[Client, AsyncClient], *, timeout: Optional[float] = None
    ) -> None:
        self._client = of_kind(client, (Client, AsyncClient), "httpx", timeout)
        self._timeout = timeout

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """What httpx.Client asks."""
        client = of_kind(self._client, Client, "httpx.Client", None)
        flow = _Flow(request, self._timeout)
        self._present(client, flow)
        response = yield request
        if flow.lacks_nonce(client, response) and flow.rewind():
            self._present(client, flow)
            response = yield request
        if response.status_code < 400:
            return
        if flow.went_elsewhere(response):
            # What answered saw no token.
            if not client._may_see(str(flow.request.url)):
                return
        elif client.is_refusal(response.status_code, response.read()):
            try:
                client.refused(flow.token, timeout=flow.limit)
            except _errors.Error as error:
                raise flow.failed(error) from None
            if not flow.rewind():
                return
        else:
            return
        self._present(client, flow)
        yield flow.request

    def _present(self, client: Client, flow: _Flow) -> None:
        limit = flow.limit
        try:
            # The token before the headers: should a renewal come between, `refused` is told of a
            # token that is gone already, and no good one is given up.
            flow.present(
                client.token(timeout=limit),
                client._carriers(limit),
                client.headers_for(
                    str(flow.request.url),
                    method=flow.request.method,
                    body=flow.body,
                    timeout=limit,
                ),
            )
        except _errors.Error as error:
            raise flow.failed(error) from None

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """What httpx.AsyncClient asks."""
        client = of_kind(self._client, AsyncClient, "httpx.AsyncClient", None)
        flow = _Flow(request, self._timeout)
        await self._present_async(client, flow)
        response = yield request
        if flow.lacks_nonce(client, response) and flow.rewind():
            await self._present_async(client, flow)
            response = yield request
        if response.status_code < 400:
            return
        if flow.went_elsewhere(response):
            # What answered saw no token.
            if not client._may_see(str(flow.request.url)):
                return
        elif client.is_refusal(response.status_code, await response.aread()):
            try:
                await client.refused(flow.token, timeout=flow.limit)
            except _errors.Error as error:
                raise flow.failed(error) from None
            if not flow.rewind():
                return
        else:
            return
        await self._present_async(client, flow)
        yield flow.request

    async def _present_async(self, client: AsyncClient, flow: _Flow) -> None:
        limit = flow.limit
        try:
            flow.present(
                await client.token(timeout=limit),
                await client._carriers(limit),
                await client.headers_for(
                    str(flow.request.url),
                    method=flow.request.method,
                    body=flow.body,
                    timeout=limit,
                ),
            )
        except _errors.Error as error:
            raise flow.failed(error) from None
