"""The token for programs that use httpx: `httpx.Client(auth=keyfob.httpx.Auth(client))`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import httpx

from keyfob._async import AsyncClient
from keyfob._client import Client


class Auth(httpx.Auth):
    """Puts a client's token into requests, and repeats a request once if the API refuses the token.

    An `httpx.Client` takes an `Auth` of a `keyfob.Client`, an `httpx.AsyncClient` one of a
    `keyfob.AsyncClient`.

    >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client:
    ...     with httpx.Client(auth=keyfob.httpx.Auth(client)) as http:
    ...         http.get("https://apps-api.prod.kontakt.io/v3/device").status_code
    200

    `OriginError` is raised, and nothing sent, for a URL that must not see the token.
    """

    def __init__(self, client: Client | AsyncClient) -> None:
        self._client = client

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """What httpx.Client asks."""
        client = self._client
        if not isinstance(client, Client):
            raise TypeError("httpx.Client needs a keyfob.Client, not a keyfob.AsyncClient")
        # The token before the headers: should a renewal come between, `refused` is told of a token
        # that is gone already, and no good one is given up.
        token = client.token()
        _present(request, client.headers(), client.headers_for(str(request.url)))
        response = yield request
        if response.status_code < 400:
            return
        if client.is_refusal(response.status_code, response.read()):
            client.refused(token)
            _present(request, client.headers(), client.headers_for(str(request.url)))
            yield request

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """What httpx.AsyncClient asks."""
        client = self._client
        if not isinstance(client, AsyncClient):
            raise TypeError("httpx.AsyncClient needs a keyfob.AsyncClient, not a keyfob.Client")
        token = await client.token()
        _present(request, await client.headers(), await client.headers_for(str(request.url)))
        response = yield request
        if response.status_code < 400:
            return
        if client.is_refusal(response.status_code, await response.aread()):
            await client.refused(token)
            _present(request, await client.headers(), await client.headers_for(str(request.url)))
            yield request


def _present(request: httpx.Request, own: dict[str, str], headers: dict[str, str]) -> None:
    """The token's own headers are set; what else the provider wants, unless the caller set it."""
    for name, value in headers.items():
        if name in own or name not in request.headers:
            request.headers[name] = value
