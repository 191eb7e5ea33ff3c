"""The token for programs that use requests: `session.auth = keyfob.requests.Auth(client)`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from requests import PreparedRequest, Response
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar

from keyfob._client import Client
from keyfob._errors import Error


class Auth(AuthBase):
    """Puts a client's token into requests, and repeats a request once if the API refuses the token.

    >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client, requests.Session() as session:
    ...     session.auth = keyfob.requests.Auth(client)
    ...     session.get("https://apps-api.prod.kontakt.io/v3/device").status_code
    200

    `OriginError` is raised, and nothing sent, for a URL that must not see the token.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        # The token before the headers: should a renewal come between, `refused` is told of a token
        # that is gone already, and no good one is given up.
        token = self._client.token()
        self._present(request)
        body: Any = request.body
        start = body.tell() if hasattr(body, "tell") else None

        def replay(response: Response, **settings: Any) -> Response:
            if response.is_redirect:
                self._withhold(response)
            if response.status_code < 400:
                return response
            if not self._client.is_refusal(response.status_code, response.content):
                return response
            if start is not None:
                body.seek(start)
            elif body is not None and not isinstance(body, (bytes, str)):
                # A generator that has been used up: the answer is the caller's to see.
                return response
            self._client.refused(token)
            again = response.request.copy()
            jar = again._cookies  # type: ignore[attr-defined]
            extract_cookies_to_jar(jar, response.request, response.raw)  # type: ignore[no-untyped-call]
            again.prepare_cookies(jar)
            self._present(again)
            response.close()
            answer: Response = response.connection.send(again, **settings)
            answer.history.append(response)
            answer.request = again
            return answer

        request.register_hook("response", replay)  # type: ignore[no-untyped-call]
        return request

    def _withhold(self, response: Response) -> None:
        """Of the headers that may carry a token, requests itself takes only `Authorization` off a
        redirect to another origin."""
        target = urljoin(response.url, response.headers["location"])
        try:
            self._client.headers_for(target)
        except Error:
            for name in self._client.headers():
                response.request.headers.pop(name, None)

    def _present(self, request: PreparedRequest) -> None:
        own = self._client.headers()
        for name, value in self._client.headers_for(request.url or "").items():
            if name in own or name not in request.headers:
                request.headers[name] = value
