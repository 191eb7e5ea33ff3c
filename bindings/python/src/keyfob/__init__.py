"""keyfob hands a gateway the key to its cloud.

It obtains an access token from an IoT cloud, keeps it, renews it before it runs out, stores it so
that it survives a power cut, and sends requests that carry it.

>>> with keyfob.Client.load("kontakt", env="KEYFOB") as client:
...     for page in client.pages("/v3/device"):
...         for device in page.raise_for_status().json()["content"]:
...             print(device["id"], device["online"])
gw-0001 True
...

`Client` blocks, `AsyncClient` is for asyncio. `keyfob.requests.Auth` and `keyfob.httpx.Auth` put
the token into requests that other libraries send. Every failure is an `Error`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyfob._abi import Status
from keyfob._base import Option
from keyfob._client import Client
from keyfob._errors import (
    AnswerError,
    ArgumentError,
    BodyError,
    CancelledError,
    CredentialsError,
    Error,
    InternalError,
    NetworkError,
    OptionError,
    OriginError,
    RateLimitError,
    ServerError,
    StoreError,
    TimeoutError,
    TlsError,
    WouldBlockError,
)
from keyfob._library import library as _library
from keyfob._login import Login
from keyfob._mqtt import Mqtt
from keyfob._response import Headers, Links, Response, ResponseError

if TYPE_CHECKING:
    from keyfob._async import AsyncClient
    from keyfob._status import ClientStatus

__all__ = [
    "AnswerError",
    "ArgumentError",
    "AsyncClient",
    "BodyError",
    "CancelledError",
    "Client",
    "ClientStatus",
    "CredentialsError",
    "Error",
    "Headers",
    "InternalError",
    "Links",
    "Login",
    "Mqtt",
    "NetworkError",
    "Option",
    "OptionError",
    "OriginError",
    "RateLimitError",
    "Response",
    "ResponseError",
    "ServerError",
    "Status",
    "StoreError",
    "TimeoutError",
    "TlsError",
    "WouldBlockError",
    "providers",
]

__version__: str = _library.keyfob_version().decode()


def providers() -> dict[str, Any]:
    """The built-in providers, the logins of each, and all options.

    >>> "kontakt" in [each["name"] for each in keyfob.providers()["providers"]]
    True
    """
    import json

    from keyfob._foreign import call_for_text

    known: dict[str, Any] = json.loads(call_for_text(_library.keyfob_providers_json) or "{}")
    return known


def __getattr__(name: str) -> Any:
    # asyncio takes as long to import as all the rest twice over; who needs it names it.
    if name == "AsyncClient":
        from keyfob._async import AsyncClient

        return AsyncClient
    if name == "options":
        import keyfob.options as options

        return options
    if name == "ClientStatus":
        from keyfob._status import ClientStatus

        return ClientStatus
    raise AttributeError(f"module 'keyfob' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
