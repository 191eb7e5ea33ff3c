"""The token for programs that use requests: `session.auth = keyfob.requests.Auth(client)`."""

from __future__ import annotations

from typing import Any, Optional
from urllib.parse import urljoin

import requests
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar
from requests.utils import rewind_body

from keyfob import _errors
from keyfob._client import Client
from keyfob._hosts import HostErrors, of_kind, signable

_errors_of_requests = HostErrors(
    globals(),
    {
        _errors.Error: requests.RequestException,
        _errors.NetworkError: requests.ConnectionError,
        _errors.TlsError: requests.exceptions.SSLError,
        _errors.TimeoutError: requests.Timeout,
        _errors.OriginError: requests.exceptions.InvalidURL,
    },
)


def _failed(error: _errors.Error, request: PreparedRequest) -> _errors.Error:
    """The error as requests has it."""
    return _errors_of_requests.joined(error, request=request, response=None)


class _Token:
    """A client's token in one request: what was added, so that it can be replaced or taken off."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._value = ""
        self._added: dict[str, str] = {}

    def present(self, request: PreparedRequest, timeout: Optional[float]) -> None:
        """Puts the token into a request: its own headers, and what else the provider wants unless
        the caller set it."""
        try:
            # The token before the headers: should a renewal come between, `refused` is told of a
            # token that is gone already, and no good one is given up.
            self._value = self._client.token(timeout=timeout)
            self._add(
                request,
                self._client._carriers(timeout),
                self._client.headers_for(
                    request.url or "",
                    method=request.method or "GET",
                    body=signable(request.body),
                    timeout=timeout,
                ),
            )
        except _errors.Error as error:
            raise _failed(error, request) from None

    def _add(
        self, request: PreparedRequest, own: Optional[dict[str, str]], wanted: dict[str, str]
    ) -> None:
        for name, value in wanted.items():
            if own is None or name in own or name in self._added or name not in request.headers:
                request.headers[name] = self._added[name] = value

    def is_refused(self, response: Response, request: PreparedRequest) -> bool:
        """Whether an answer refuses this token, and so the request is worth a second try."""
        if response.status_code < 400 or not self._is_in(request):
            return False
        return self._client.is_refusal(response.status_code, response.content)

    def lacks_nonce(self, response: Response) -> bool:
        """Whether an answer asks for another proof, with a nonce that it gives (DPoP)."""
        given = response.headers
        nonce, challenge = given.get("DPoP-Nonce"), given.get("WWW-Authenticate")
        return self._client.note_nonce(response.url, response.status_code, nonce, challenge)

    def renew(self, request: PreparedRequest, timeout: Optional[float]) -> None:
        """Has the token replaced."""
        try:
            self._client.refused(self._value, timeout=timeout)
        except _errors.Error as error:
            raise _failed(error, request) from None

    def take_off(self, request: PreparedRequest) -> None:
        """Takes off a request whatever was added to it."""
        for name in self._added:
            if self._has(request, name):
                del request.headers[name]

    def _is_in(self, request: PreparedRequest) -> bool:
        return all(self._has(request, name) for name in self._added)

    def _has(self, request: PreparedRequest, name: str) -> bool:
        return request.headers.get(name) == self._added[name]

    def __repr__(self) -> str:
        return "<a token>"


class Auth(AuthBase):
    """Puts a client's token into requests, and repeats a request once if the API refuses the token.

    >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client, requests.Session() as session:
    ...     session.auth = keyfob.requests.Auth(client)
    ...     session.get("https://apps-api.prod.kontakt.io/v3/device").status_code
    200

    `timeout` is the longest a token is waited for, in seconds. requests does not tell an `Auth` the
    limit of a request before it is sent; an `Adapter` learns it.

    A redirect to another origin is followed without anything that was added. `OriginError` is
    raised, and nothing sent, for a URL that must not see the token. Every error raised here is one
    of `requests`, too, such as `requests.Timeout`.
    """

    def __init__(self, client: Client, *, timeout: Optional[float] = None) -> None:
        self._client = of_kind(client, Client, "requests", timeout)
        self._timeout = timeout

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        token = _Token(self._client)
        token.present(request, self._timeout)
        body: Any = request.body
        start = body.tell() if hasattr(body, "tell") else None

        def answered(response: Response, **settings: Any) -> Response:
            # The request of which requests itself makes the next one, if this is a redirect.
            request = response.request
            is_spent = start is None and body is not None and not isinstance(body, (bytes, str))
            if token.lacks_nonce(response) and not is_spent:
                if start is not None:
                    body.seek(start)
                response = self._replay(token, response, settings)
                request = response.request
            if token.is_refused(response, request):
                token.renew(request, _limit(settings.get("timeout"), self._timeout))
                if start is not None:
                    body.seek(start)
                if not is_spent:
                    response = self._replay(token, response, settings)
            if response.is_redirect and not self._may_see(response):
                token.take_off(request)
            return response

        request.register_hook("response", answered)  # type: ignore[no-untyped-call]
        return request

    def _replay(self, token: _Token, response: Response, settings: dict[str, Any]) -> Response:
        request = response.request
        timeout = _limit(settings.get("timeout"), self._timeout)
        # In this one, too: a redirect on the same origin goes on with its headers.
        token.present(request, timeout)
        again = request.copy()
        jar = again._cookies  # type: ignore[attr-defined]
        extract_cookies_to_jar(jar, request, response.raw)  # type: ignore[no-untyped-call]
        again.prepare_cookies(jar)
        response.close()
        answer: Response = response.connection.send(again, **settings)
        answer.history.append(response)
        answer.request = again
        return answer

    def _may_see(self, response: Response) -> bool:
        """Whether the URL that a redirect leads to may see the token."""
        return self._client._may_see(urljoin(response.url, response.headers["location"]))


class Adapter(HTTPAdapter):
    """What `Auth` does, for every request to URLs that begin with a prefix, within the limit of
    each: a token is waited for as long as the answer would be (`timeout`, or the second of a pair).

    >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client, requests.Session() as session:
    ...     session.mount("https://apps-api.prod.kontakt.io/", keyfob.requests.Adapter(client))
    ...     session.get("https://apps-api.prod.kontakt.io/v3/device", timeout=10).status_code
    200

    The token is in what is sent and nowhere else: not in the request that the response has, nor in
    one that follows a redirect.
    """

    def __init__(self, client: Client, **settings: Any) -> None:
        super().__init__(**settings)
        self._client = of_kind(client, Client, "requests", None)

    def __reduce__(self) -> Any:
        # An `HTTPAdapter` would leave the client out.
        return self._client.__reduce__()

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        *args: Any,
        **settings: Any,
    ) -> Response:
        """What a session calls."""
        sent, limit, token = request.copy(), _limit(timeout), _Token(self._client)
        try:
            token.present(sent, limit)
            response = super().send(sent, stream, timeout, *args, **settings)
            body: Any = request.body
            is_spent = not (body is None or isinstance(body, (bytes, str)) or hasattr(body, "tell"))
            for is_refused in (token.lacks_nonce, lambda answer: token.is_refused(answer, sent)):
                if not is_refused(response):
                    continue
                if is_refused != token.lacks_nonce:
                    token.renew(sent, limit)
                if is_spent:
                    continue
                response.close()
                token.present(sent, limit)
                if hasattr(body, "tell"):
                    rewind_body(sent)
                response = super().send(sent, stream, timeout, *args, **settings)
        except requests.RequestException as error:
            error.request = request
            raise
        response.request = request
        return response


def _limit(timeout: Any, least: Optional[float] = None) -> Optional[float]:
    """How long a token may be waited for: as long as an answer would be."""
    read = timeout[1] if isinstance(timeout, tuple) else getattr(timeout, "read_timeout", timeout)
    known = [each for each in (read, least) if isinstance(each, (int, float))]
    return min(known, default=None)
