"""A request, from what Python people write."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Union

from keyfob import _foreign
from keyfob._errors import ArgumentError
from keyfob._foreign import call, call_for_handle, octets, utf8
from keyfob._library import library
from keyfob._response import Response

if TYPE_CHECKING:
    from array import array

    from typing_extensions import TypedDict

    Scalar = Union[str, int, float, bool]
    Params = Union[Mapping[str, Any], Iterable["tuple[str, Any]"]]
    Data = Union[bytes, bytearray, memoryview, "array[Any]", str, Params, None]

    class RequestOptions(TypedDict, total=False):
        """What a request takes besides its method and URL."""

        #: Added to the URL's query. A list is repeated, `None` left out.
        params: Params | None
        #: Headers. Those that carry the token are not the caller's to set.
        headers: Mapping[str, str] | None
        #: The body: bytes or whatever holds some, text, or a form's fields.
        data: Data
        #: The body, to be sent as JSON.
        json: Any
        #: Whether sending it twice does no harm; only then is it repeated after a fault that leaves
        #: open whether it was carried out. `None`: as HTTP says of the method.
        idempotent: bool | None

    class CallOptions(RequestOptions, total=False):
        """The same, and what is about the call."""

        #: The longest it takes in seconds, its retries and a renewal included.
        timeout: float | None


def send(client: Any, request: Any, method: str, url: str) -> Response:
    """Sends a request on a client's handle."""
    handle = call_for_handle(_foreign.ResponseHandle, library.keyfob_client_send, client, request)
    return Response(handle, method, url)


def prepare(
    method: str,
    url: str,
    *,
    params: Params | None = None,
    headers: Mapping[str, str] | None = None,
    data: Data = None,
    json: Any = None,
    idempotent: bool | None = None,
) -> Any:
    """Makes the request's handle."""
    request = call_for_handle(
        _foreign.RequestHandle,
        library.keyfob_request_new,
        utf8(method, "method"),
        utf8(url, "url"),
    )
    for name, value in pairs(params, "params"):
        call(library.keyfob_request_add_query, request, utf8(name, "params"), utf8(value, name))
    body, content_type = _body(data, json)
    if headers is not None and not isinstance(headers, Mapping):
        raise ArgumentError(f"headers must be a dictionary, not {type(headers).__name__}")
    own = {utf8(name, "headers"): utf8(value, name) for name, value in (headers or {}).items()}
    if content_type and not any(name.lower() == b"content-type" for name in own):
        own[b"Content-Type"] = content_type
    for name_, value_ in own.items():
        call(library.keyfob_request_set_header, request, name_, value_)
    if body is not None:
        data_type = library.keyfob_request_set_body.argtypes[1]
        start = _foreign.pointer_to(body, data_type)
        call(library.keyfob_request_set_body, request, start, len(body))
    if idempotent is not None:
        if not isinstance(idempotent, bool):
            raise ArgumentError(f"idempotent must be true or false, not {idempotent!r}")
        call(library.keyfob_request_set_idempotent, request, idempotent)
    return request


def _body(data: Data, json: Any) -> tuple[bytes | None, bytes | None]:
    """The bytes, and what they are."""
    if json is not None:
        from json import dumps

        try:
            return dumps(json).encode(), b"application/json"
        except (TypeError, ValueError, RecursionError) as why:
            raise ArgumentError(f"json: {why}") from None
    if data is None or isinstance(data, bytes):
        return data, None
    if isinstance(data, str):
        return utf8_body(data), b"text/plain; charset=utf-8"
    if isinstance(data, (Mapping, list, tuple)):
        from urllib.parse import urlencode

        return urlencode(pairs(data, "data")).encode(), b"application/x-www-form-urlencoded"
    return octets(data, "data"), None


def utf8_body(text: str) -> bytes:
    """A text as a body: a NUL is a character like any other there."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ArgumentError("data has a character that UTF-8 cannot carry") from None


def pairs(params: Params | None, what: str) -> list[tuple[str, str]]:
    """Names and values; a list is one name with several values, and `None` is none."""
    items = params.items() if isinstance(params, Mapping) else params or ()
    try:
        named = [(name, value) for name, value in items]
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{what} must be a dictionary, or pairs of a name and a value"
        ) from None
    return [
        (name, as_text(each))
        for name, value in named
        for each in (value if isinstance(value, (list, tuple)) else [value])
        if each is not None
    ]


def as_text(value: Any) -> str:
    """A value as URLs write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    return str(value)
