"""What a cloud's API answered."""

from __future__ import annotations

import ctypes
import io
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cached_property, partial
from typing import IO, Any, Optional

from keyfob._abi import Status
from keyfob._errors import ArgumentError, Error
from keyfob._foreign import call_for_text, utf8
from keyfob._library import library
from keyfob._stream import PIECE, Raw, Rest


class Headers(Mapping[str, str]):
    """Headers by name, without regard to case. Those of one name are joined by a comma
    (RFC 9110 5.3); `pairs` has each as it came.

    >>> headers = keyfob.Headers([("content-type", "text/plain"), ("link", "<a>"), ("link", "<b>")])
    >>> headers["Content-Type"]
    'text/plain'
    >>> headers["Link"]
    '<a>, <b>'
    """

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        #: Names and values, as they came; names are lower case.
        self.pairs = pairs
        self._values: dict[str, str] = {}
        for name, value in pairs:
            before = self._values.get(name)
            self._values[name] = value if before is None else f"{before}, {value}"

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self.pairs!r})"


class Links:
    """The links of a response, by relation: from `Link` headers (RFC 8288) and HATEOAS bodies."""

    def __init__(self, response: Response) -> None:
        self._response = response

    def get(self, rel: str) -> Optional[str]:
        """The absolute URL of the link, or `None`. `AnswerError`: it is not a URL."""
        handle = self._response._handle
        if handle is None:
            raise ArgumentError("a response that was pickled has no links; look them up before")
        return call_for_text(library.keyfob_response_link, handle, utf8(rel, "rel"))

    def __getitem__(self, rel: str) -> str:
        url = self.get(rel)
        if url is None:
            raise KeyError(rel)
        return url

    def __contains__(self, rel: str) -> bool:
        return self.get(rel) is not None

    # Links are looked up, not listed; without this Python would try them as 0, 1, 2.
    __iter__ = None


class ResponseError(Error):
    """A response whose status is 400 or more, from `Response.raise_for_status`."""

    def __init__(self, message: str, response: Response) -> None:
        super().__init__(message, status=Status.UNEXPECTED_ANSWER, http_status=response.status)
        #: The response itself.
        self.response = response

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.response)


ResponseError.__module__ = "keyfob"


class Response:
    """An answer, whatever its status. May be read from any thread.

    With `stream=True` its body is still to be read, and `with` closes it; else it is whole.

    >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client:
    ...     response = client.get("/v3/device")
    >>> response.status, response.ok
    (200, True)
    >>> response.headers["Content-Type"]
    'application/json'
    >>> response.json()["content"][0]["id"]
    'gw-0001'
    """

    _rest: Optional[Rest] = None

    def __init__(self, handle: Any, method: str, url: str) -> None:
        self._handle = handle
        #: The method of the request.
        self.method = method
        #: The URL of the request, as it was given.
        self.url = url
        #: The HTTP status.
        self.status: int = library.keyfob_response_status(handle)

    @property
    def ok(self) -> bool:
        """Whether the status is less than 400."""
        return self.status < 400

    @cached_property
    def headers(self) -> Headers:
        """The headers."""
        pairs: list[tuple[str, str]] = []
        value = ctypes.c_char_p()
        read = library.keyfob_response_header_at
        while name := read(self._handle, len(pairs), ctypes.byref(value)):
            pairs.append((name.decode(), (value.value or b"").decode()))
        return Headers(pairs)

    @cached_property
    def content(self) -> bytes:
        """The body; with `stream=True` what is left of it, which is read now."""
        if self._rest is not None:
            return b"".join(self.iter_bytes())
        length = ctypes.c_size_t()
        body = library.keyfob_response_body(self._handle, ctypes.byref(length))
        return ctypes.string_at(body, length.value) if length.value else b""

    @property
    def text(self) -> str:
        """The body as text, in the charset the response names, else in UTF-8."""
        charset = "utf-8"
        for parameter in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                charset = value.strip().strip("\"'")
        try:
            return self.content.decode(charset, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    @property
    def length(self) -> Optional[int]:
        """How many bytes the body has, where the head says so."""
        length = library.keyfob_response_length(self._handle)
        return None if length < 0 else int(length)

    def readinto(self, buffer: Any) -> int:
        """Reads the next bytes of a body with `stream=True` into a buffer. Gives how many there
        were; 0 at the end. `NetworkError`: the body was cut."""
        return self._stream().readinto(buffer)

    def read(self, size: int = -1) -> bytes:
        """The next bytes of a body with `stream=True`, at most `size`; all that is left, if that is
        less than 0. None at the end."""
        if size < 0:
            return b"".join(self.iter_bytes())
        room = bytearray(size)
        return bytes(memoryview(room)[: self.readinto(room)]) if size else b""

    def iter_bytes(self, size: int = PIECE) -> Iterator[bytes]:
        """The body of a response with `stream=True`, piece by piece, each at most `size` bytes.

        >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client:
        ...     with client.get("/v3/device", stream=True) as response:
        ...         sum(len(piece) for piece in response.iter_bytes()) > 100
        True
        """
        room = bytearray(_size(size))
        while length := self.readinto(room):
            yield bytes(memoryview(room)[:length])

    async def aread(self, size: int = -1) -> bytes:
        """As `read`, of a response of an `AsyncClient`."""
        if size < 0:
            return b"".join([piece async for piece in self.aiter_bytes()])
        room = bytearray(size)
        return bytes(memoryview(room)[: await self._areadinto(room)]) if size else b""

    async def aiter_bytes(self, size: int = PIECE) -> AsyncIterator[bytes]:
        """As `iter_bytes`, of a response of an `AsyncClient`: `async for piece in ...`."""
        room = bytearray(_size(size))
        while length := await self._areadinto(room):
            yield bytes(memoryview(room)[:length])

    async def _areadinto(self, room: bytearray) -> int:
        import asyncio

        rest = self._stream()
        if rest.threads is None:
            raise ArgumentError("this response is a Client's: call its read or iter_bytes")
        call, read = rest.call, partial(rest.read_here, room)
        reading = asyncio.get_running_loop().run_in_executor(rest.threads(), read)
        try:
            length: int = await reading
        except asyncio.CancelledError:
            if call is not None:
                library.keyfob_client_cancel(call, None)
            raise
        rest.explain_told()
        return length

    def file(self) -> IO[bytes]:
        """The body of a response with `stream=True` as a file, for what reads from one."""
        return io.BufferedReader(Raw(self._stream()), PIECE)

    def close(self) -> None:
        """Ends the reading of a body with `stream=True`; else nothing is left to be done."""
        if self._rest is not None:
            self._rest.close()

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Response:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def _stream(self) -> Rest:
        if self._rest is None:
            raise ArgumentError("the response is whole; to read it as it comes, set stream=True")
        return self._rest

    def json(self) -> Any:
        """The body, read as JSON. `ValueError`: it is not JSON."""
        import json

        return json.loads(self.content)

    @property
    def links(self) -> Links:
        """The links: `response.links["next"]`, `response.links.get("next")`."""
        return Links(self)

    def raise_for_status(self) -> Response:
        """Raises `ResponseError` for a status of 400 or more; gives the response otherwise."""
        if self.ok:
            return self
        # A query may carry what is nobody's business.
        url = self.url.partition("?")[0]
        raise ResponseError(f"{self.method} {url} answered {self.status}", self)

    def __reduce__(self) -> tuple[Any, ...]:
        # As a copy that has everything but links, which only the library can find.
        kept = {name: getattr(self, name) for name in _KEPT}
        return _without_handle, (type(self), kept, self.headers.pairs)

    def __copy__(self) -> Response:
        # It never changes.
        return self

    def __deepcopy__(self, _: object) -> Response:
        return self

    def __repr__(self) -> str:
        return f"<Response [{self.status}]>"


def _size(size: int) -> int:
    if size > 0:
        return size
    raise ArgumentError("size must be 1 or more")


_KEPT = ("method", "url", "status", "content")


def _without_handle(
    kind: type[Response], kept: dict[str, Any], pairs: list[tuple[str, str]]
) -> Response:
    response = kind.__new__(kind)
    vars(response).update(kept, headers=Headers(pairs), _handle=None)
    return response
