"""What a cloud's API answered."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Optional

from keyfob._abi import Status
from keyfob._errors import ArgumentError, Error
from keyfob._foreign import call_for_text, utf8
from keyfob._library import library


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
    """An answer, whole, whatever its status. May be read from any thread.

    >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client:
    ...     response = client.get("/v3/device")
    >>> response.status, response.ok
    (200, True)
    >>> response.headers["Content-Type"]
    'application/json'
    >>> response.json()["content"][0]["id"]
    'gw-0001'
    """

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
        """The body."""
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


_KEPT = ("method", "url", "status", "content")


def _without_handle(
    kind: type[Response], kept: dict[str, Any], pairs: list[tuple[str, str]]
) -> Response:
    response = kind.__new__(kind)
    vars(response).update(kept, headers=Headers(pairs), _handle=None)
    return response
