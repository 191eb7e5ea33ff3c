"""The token for programs that use aiohttp: `middlewares=[keyfob.aiohttp.Auth(client)]`."""

from __future__ import annotations

from typing import Optional

import aiohttp

from keyfob import _errors
from keyfob._async import AsyncClient
from keyfob._hosts import HostErrors, of_kind, signable

_errors_of_aiohttp = HostErrors(
    globals(),
    {
        _errors.Error: aiohttp.ClientError,
        _errors.NetworkError: aiohttp.ClientConnectionError,
        _errors.TimeoutError: aiohttp.ServerTimeoutError,
    },
)


class Auth:
    """A middleware (aiohttp 3.12 or later) that puts a client's token into requests, and repeats a
    request once if the API refuses the token.

    >>> import asyncio
    >>> async def list_devices():
    ...     async with keyfob.AsyncClient.load("kontakt", env="KEYFOB") as client:
    ...         auth = keyfob.aiohttp.Auth(client)
    ...         async with aiohttp.ClientSession(middlewares=[auth]) as session:
    ...             url = "https://apps-api.prod.kontakt.io/v3/device"
    ...             async with session.get(url) as response:
    ...                 return response.status
    >>> asyncio.run(list_devices())
    200

    aiohttp's own limits hold for the token, too; `timeout` is a further one, in seconds.

    aiohttp asks a middleware for every step of a redirect, so `OriginError` is raised, and nothing
    sent, for a URL that must not see the token, and for a redirect to one. Every error raised here
    is an `aiohttp.ClientError`, too.
    """

    def __init__(self, client: AsyncClient, *, timeout: Optional[float] = None) -> None:
        self._client = of_kind(client, AsyncClient, "aiohttp", timeout)
        self._timeout = timeout

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """What a session calls."""
        own = set(request.headers)
        token = await self._present(request, own)
        response = await handler(request)
        given = response.headers
        nonce, challenge = given.get("DPoP-Nonce"), given.get("WWW-Authenticate")
        # For want of a nonce that it gives (DPoP).
        if self._client.note_nonce(
            str(request.url), response.status, nonce, challenge
        ) and _can_be_sent_again(request):
            response.release()
            await self._present(request, own)
            response = await handler(request)
        if response.status < 400:
            return response
        if self._client.is_refusal(response.status, await response.read()):
            if not _can_be_sent_again(request):
                return response
            response.release()
            try:
                await self._client.refused(token, timeout=self._timeout)
            except _errors.Error as error:
                token = ""
                raise _errors_of_aiohttp.joined(error) from None
            await self._present(request, own)
            response = await handler(request)
        return response

    async def _present(self, request: aiohttp.ClientRequest, own: set[str]) -> str:
        """The token's own headers are set; what else the provider wants, unless the caller did."""
        try:
            # The token before the headers: should a renewal come between, `refused` is told of a
            # token that is gone already, and no good one is given up.
            token = await self._client.token(timeout=self._timeout)
            carriers = await self._client._carriers(self._timeout)
            wanted = await self._client.headers_for(
                str(request.url),
                method=request.method,
                body=signable(getattr(request.body, "_value", request.body)),
                timeout=self._timeout,
            )
        except _errors.Error as error:
            token, carriers = "", {}
            raise _errors_of_aiohttp.joined(error) from None
        given = {name.lower() for name in own}
        for name, value in wanted.items():
            if carriers is None or name in carriers or name.lower() not in given:
                request.headers[name] = value
        return token


def _can_be_sent_again(request: aiohttp.ClientRequest) -> bool:
    """Whether the body is at hand still, and not read from somewhere as it was sent."""
    return not getattr(request.body, "consumed", False)
