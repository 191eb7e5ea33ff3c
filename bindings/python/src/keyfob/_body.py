"""A request's body, from what Python people have: bytes, text, fields, files, iterators.

What is at hand is handed over at once. A file or an iterator is read while it is sent, on the
thread that sends, and is never in memory as a whole.
"""

from __future__ import annotations

import ctypes
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, Callable, Optional, Union

from keyfob import _foreign
from keyfob._abi import Status, keyfob_read_fn, keyfob_rewind_fn
from keyfob._errors import ArgumentError, BodyError, Error
from keyfob._foreign import call, octets
from keyfob._library import library

#: What a query or a form may be.
Params = Union[Mapping[str, Any], Iterable[tuple[str, Any]]]
#: What holds bytes.
Octets = Union[bytes, bytearray, memoryview]
#: What a body may be.
Data = Union[Octets, str, Params, IO[bytes], Iterator[bytes], None]
#: What a file of a form may be: its content, or that with a name, a content type and headers.
File = Union[
    Octets,
    str,
    IO[bytes],
    tuple[str, Union[Octets, str, IO[bytes]]],
    tuple[str, Union[Octets, str, IO[bytes]], str],
    tuple[str, Union[Octets, str, IO[bytes]], str, Mapping[str, str]],
]
Files = Union[Mapping[str, File], Iterable[tuple[str, File]]]


class Body:
    """A body that is read while it is sent."""

    def __init__(
        self, read: Callable[[int], bytes], rewind: Optional[Callable[[], None]], length: int
    ) -> None:
        #: Gives the next bytes, at most as many as it is told; none at the end.
        self.read = read
        self._rewind_source = rewind
        self._failure: Optional[BaseException] = None
        self.length = length

    def attach(self, request: Any) -> None:
        """Makes this the request's body. The request's handle keeps it, and what C calls."""
        read = keyfob_read_fn(self._read)
        rewind = keyfob_rewind_fn(self._rewind) if self._rewind_source else keyfob_rewind_fn()
        call(library.keyfob_request_set_body_reader, request, read, rewind, self.length, None)
        request.body, request.callbacks = self, (read, rewind)

    def rewind(self) -> None:
        """Goes back to the beginning."""
        assert self._rewind_source
        self._rewind_source()

    def _read(self, buffer: Any, capacity: int, _: Any) -> int:
        try:
            chunk = octets(self.read(capacity), "what a body gives")
            ctypes.memmove(buffer, chunk, len(chunk))
            return len(chunk)
        except BaseException as why:
            self._failure = why
            return -1

    def _rewind(self, _: Any) -> int:
        try:
            self.rewind()
            return Status.OK
        except BaseException as why:
            self._failure = why
            return Status.FILE

    def explain(self, error: Error) -> None:
        """Raises what the body itself met with, if that is why a call failed."""
        why, self._failure = self._failure, None
        if why is not None:
            message = f"the body cannot be read: {type(why).__name__}: {why}"
            raise BodyError(message, status=Status.FILE) from why.with_traceback(None)


def of_file(file: Any) -> Body:
    """The rest of a file. One that can seek is sent with its length, and can be sent again."""
    try:
        start = file.tell()
        length = file.seek(0, io.SEEK_END) - start
        file.seek(start)
    except (AttributeError, OSError, TypeError):
        return Body(file.read, None, -1)
    return Body(file.read, lambda: file.seek(start), max(length, 0))


def of_iterator(pieces: Iterator[Any], length: int = -1) -> Body:
    """What an iterator gives, piece by piece."""
    rest = memoryview(b"")

    def read(capacity: int) -> bytes:
        nonlocal rest
        while not rest:
            piece = next(pieces, None)
            if piece is None:
                return b""
            rest = memoryview(octets(piece, "what an iterator gives"))
        now, rest = bytes(rest[:capacity]), rest[capacity:]
        return now

    return Body(read, None, length)


def body_of(data: Data, json: Any, files: Optional[Files]) -> tuple[Any, Optional[str]]:
    """The body, as bytes or as a `Body`, and what it is."""
    if json is not None:
        if data is not None or files is not None:
            raise ArgumentError("a body is json, or it is data and files")
        from json import dumps

        try:
            return dumps(json).encode(), "application/json"
        except (TypeError, ValueError, RecursionError) as why:
            raise ArgumentError(f"json: {why}") from None
    if files is not None:
        from keyfob._multipart import multipart

        return multipart(files, data)
    if data is None or isinstance(data, bytes):
        return data, None
    if isinstance(data, str):
        return text_octets(data, "data"), "text/plain; charset=utf-8"
    if isinstance(data, (Mapping, list, tuple)):
        from urllib.parse import urlencode

        return urlencode(pairs(data, "data")).encode(), "application/x-www-form-urlencoded"
    if hasattr(data, "read"):
        return of_file(data), None
    if isinstance(data, Iterator):
        return of_iterator(data), None
    return octets(data, "data"), None


def set_body(request: Any, body: Any) -> None:
    """Gives a request its body."""
    if isinstance(body, Body):
        body.attach(request)
    elif body is not None:
        start = _foreign.pointer_to(body, library.keyfob_request_set_body.argtypes[1])
        call(library.keyfob_request_set_body, request, start, len(body))


def text_octets(text: str, what: str) -> bytes:
    """A text as a body has it: a NUL is a character like any other there."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ArgumentError(f"{what} has a character that UTF-8 cannot carry") from None


def pairs(params: Optional[Params], what: str) -> list[tuple[str, str]]:
    """Names and values; a list is one name with several values, and `None` is none."""
    items = params.items() if isinstance(params, Mapping) else params or ()
    try:
        named = [(name, value) for name, value in items]
    except (TypeError, ValueError):
        raise ArgumentError(f"{what} must be a dictionary, or pairs of name and value") from None
    return [
        (name, _as_text(each))
        for name, value in named
        for each in (value if isinstance(value, (list, tuple)) else [value])
        if each is not None
    ]


def _as_text(value: Any) -> str:
    """A value as URLs write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    return str(value)
