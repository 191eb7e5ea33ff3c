"""A request, from what Python people write."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Union

from keyfob import _foreign
from keyfob._foreign import call, call_for_handle, utf8
from keyfob._library import library
from keyfob._response import Response

if TYPE_CHECKING:
    from typing_extensions import TypedDict

    Scalar = Union[str, int, float, bool]
    Params = Union[Mapping[str, Any], Iterable["tuple[str, Any]"]]

    class RequestOptions(TypedDict, total=False):
        """What a request takes besides its method and URL."""

        #: Added to the URL's query. A list is repeated, `None` left out.
        params: Params | None
        #: Headers. Those that carry the token are not the caller's to set.
        headers: Mapping[str, str] | None
        #: The body: bytes, text, or a form's fields.
        data: bytes | str | Params | None
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
    data: bytes | str | Params | None = None,
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
    for name, value in pairs(params):
        call(library.keyfob_request_add_query, request, utf8(name, "params"), utf8(value, name))
    body, content_type = _body(data, json)
    if content_type and not any(name.lower() == "content-type" for name in headers or ()):
        headers = {**(headers or {}), "Content-Type": content_type}
    for name, value in (headers or {}).items():
        call(library.keyfob_request_set_header, request, utf8(name, "headers"), utf8(value, name))
    if body is not None:
        data_type = library.keyfob_request_set_body.argtypes[1]
        call(
            library.keyfob_request_set_body,
            request,
            _foreign.pointer_to(body, data_type),
            len(body),
        )
    if idempotent is not None:
        call(library.keyfob_request_set_idempotent, request, idempotent)
    return request


def _body(data: bytes | str | Params | None, json: Any) -> tuple[bytes | None, str | None]:
    """The bytes, and what they are."""
    if json is not None:
        from json import dumps

        return dumps(json).encode(), "application/json"
    if data is None or isinstance(data, bytes):
        return data, None
    if isinstance(data, str):
        return data.encode(), "text/plain; charset=utf-8"
    from urllib.parse import urlencode

    return urlencode(pairs(data)).encode(), "application/x-www-form-urlencoded"


def pairs(params: Params | None) -> list[tuple[str, str]]:
    """Names and values; a list is one name with several values, and `None` is none."""
    items = params.items() if isinstance(params, Mapping) else params or ()
    return [
        (name, as_text(each))
        for name, value in items
        for each in (value if isinstance(value, (list, tuple)) else [value])
        if each is not None
    ]


def as_text(value: Any) -> str:
    """A value as URLs and options write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    return str(value)
