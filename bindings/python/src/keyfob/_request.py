"""A request, from what Python people write."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Optional, TypedDict, Union

from keyfob import _foreign
from keyfob._body import Body, Data, Files, Params, body_of, pairs, set_body
from keyfob._errors import ArgumentError, Error
from keyfob._foreign import call, call_for_handle, number, path_text, utf8
from keyfob._library import library
from keyfob._response import Response
from keyfob._stream import OnProgress, Progress, Rest, digest_text, explain

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
    #: Whether the response is given once its head is there, and its body read as it comes:
    #: `iter_bytes`, `read`, `readinto`, `file`. `timeout` is then for the head.
    stream: bool
    #: Is told how far the body of the answer has come, at most ten times a second and at the end:
    #: bytes, and of how many where that is known. If it gives `False` the call is cancelled.
    on_progress: Optional[OnProgress]


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
    if not request.stream:
        return _respond(library.keyfob_client_send, client, request, method, url)
    response = _respond(library.keyfob_client_open, client, request, method, url)
    response._rest = Rest(client, response._handle, request)
    return response


def fetch(
    client: Any,
    request: Any,
    method: str,
    url: str,
    path: Union[str, os.PathLike[str]],
    sha256: Union[str, bytes, None],
) -> Response:
    """Downloads to a file, on a client's handle."""
    target, digest = utf8(path_text(path, "path"), "path"), digest_text(sha256)
    return _respond(library.keyfob_client_download, client, request, method, url, target, digest)


def _respond(
    function: Any, client: Any, request: Any, method: str, url: str, *more: Any
) -> Response:
    try:
        handle = call_for_handle(_foreign.ResponseHandle, function, client, request, *more)
    except Error as error:
        body = getattr(request, "body", None)
        if isinstance(body, Body):
            body.explain(error)
        explain(request)
        raise
    # What C calls while the body is read stays with it.
    handle.request = request
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
    stream: bool = False,
    on_progress: Optional[OnProgress] = None,
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
    if on_progress is not None:
        Progress(on_progress).attach(request)
    request.stream = bool(stream)
    return request
