"""A request, from what Python people write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional, TypedDict, Union

from keyfob import _foreign
from keyfob._body import Body, Data, Files, Params, body_of, pairs, set_body
from keyfob._errors import ArgumentError, Error
from keyfob._foreign import call, call_for_handle, number, utf8
from keyfob._library import library
from keyfob._response import Response

#: Seconds in all; or, as in requests, for the connection and for the answer, which are added up.
Timeout = Union[float, tuple[Optional[float], Optional[float]], None]


class RequestOptions(TypedDict, total=False):
    """What a request takes besides its method and URL."""

    #: Added to the URL's query. A list is repeated, `None` left out.
    params: Optional[Params]
    #: Headers. Those that carry the token are not the caller's to set.
    headers: Optional[Mapping[str, str]]
    #: The body: bytes or whatever holds some, text, a form's fields; or a file or an iterator of
    #: bytes, which is read while it is sent.
    data: Data
    #: The body, to be sent as JSON.
    json: Any
    #: Files of a form, beside the fields that `data` has then.
    files: Optional[Files]
    #: Whether sending it twice does no harm; only then is it repeated after a fault that leaves
    #: open whether it was carried out. `None`: as HTTP says of the method.
    idempotent: Optional[bool]


class CallOptions(RequestOptions, total=False):
    """The same, and what is about the call."""

    #: The longest it takes in seconds, its retries and a renewal included.
    timeout: Timeout


def seconds_of(timeout: Timeout) -> Optional[float]:
    """A limit in seconds: of a pair, both together. The option `connect_timeout_ms` bounds the
    connection alone."""
    if not isinstance(timeout, tuple):
        return timeout
    if len(timeout) != 2:
        raise ArgumentError("timeout must be seconds, or a pair of them")
    known = [each for each in timeout if each is not None]
    if not all(number(each, "timeout") > 0 for each in known):
        raise ArgumentError("timeout must be more than 0 seconds, or None")
    return sum(known) if len(known) == 2 else None


def send(client: Any, request: Any, method: str, url: str) -> Response:
    """Sends a request on a client's handle."""
    try:
        handle = call_for_handle(
            _foreign.ResponseHandle, library.keyfob_client_send, client, request
        )
    except Error as error:
        body = getattr(request, "body", None)
        if isinstance(body, Body):
            body.explain(error)
        raise
    return Response(handle, method, url)


def prepare(
    method: str,
    url: str,
    *,
    params: Optional[Params] = None,
    headers: Optional[Mapping[str, str]] = None,
    data: Data = None,
    json: Any = None,
    files: Optional[Files] = None,
    idempotent: Optional[bool] = None,
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
    body, content_type = body_of(data, json, files)
    if headers is not None and not isinstance(headers, Mapping):
        raise ArgumentError(f"headers must be a dictionary, not {type(headers).__name__}")
    own = {utf8(name, "headers"): utf8(value, name) for name, value in (headers or {}).items()}
    if content_type and not any(name.lower() == b"content-type" for name in own):
        own[b"Content-Type"] = content_type.encode()
    for each, said in own.items():
        call(library.keyfob_request_set_header, request, each, said)
    set_body(request, body)
    if idempotent is not None:
        if not isinstance(idempotent, bool):
            raise ArgumentError(f"idempotent must be true or false, not {idempotent!r}")
        call(library.keyfob_request_set_idempotent, request, idempotent)
    return request
