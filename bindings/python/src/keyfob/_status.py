"""What a client says of itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Optional

from keyfob._abi import Status
from keyfob._errors import Error, of_status


@dataclass(frozen=True)
class Counters:
    """What a client has done since it was made."""

    #: Logins tried, and how many of these the cloud rejected.
    logins: int = 0
    logins_rejected: int = 0
    #: Refreshes tried, and how many of these the cloud rejected.
    refreshes: int = 0
    refreshes_rejected: int = 0
    #: Renewals that came to nothing.
    failures: int = 0
    #: Requests that had a token to carry, and how many of these were sent again with a newer one.
    requests: int = 0
    replays: int = 0


@dataclass(frozen=True)
class ClientStatus:
    """A client at one moment, for dashboards and bug reports. No secret is in it. Times are in
    seconds, and what is left; `None` stands for none."""

    #: The profile's name.
    provider: str
    #: The login that the options fit, or `refresh_token`.
    login: str
    #: Names this account among all others; made from no secret.
    identity: str
    #: Of the access token: `none`, `fresh`, `due` (good, and to be renewed), `expired`.
    state: str
    #: The login that the token at hand goes back to.
    token_login: Optional[str]
    #: Who the token is for, where the cloud or the token itself says so.
    principal: Optional[str]
    #: The scope that was granted, or where the server says nothing of it, the one asked for.
    scope: Optional[str]
    #: Until the token ends; `math.inf` where it never does.
    expires_in: Optional[float]
    #: Until it is to be renewed.
    renew_due_in: Optional[float]
    #: Whether the next renewal needs no password.
    has_refresh_token: bool
    #: The thumbprint of the key that tokens are bound to, with the option `dpop` (RFC 9449).
    dpop_jkt: Optional[str]
    #: Whether the token at hand is bound to it.
    dpop_bound: bool
    #: Until rejected credentials may be tried again.
    hold: Optional[float]
    #: Until the cloud is asked again after a fault, or because it asked for quiet.
    pause: Optional[float]
    #: Discovered URLs, by name.
    endpoints: dict[str, str]
    #: `memory`, `file:` and the directory, or `own`.
    store: str
    #: Why the store cannot be read or written at present.
    store_fault: Optional[Error]
    #: Why the last try to get a token failed; `None` after one that succeeded.
    last_error: Optional[Error]
    #: Why what was last forgotten may still be good at the cloud.
    not_revoked: Optional[Error]
    counters: Counters
    #: The whole of it as the library gave it, with what a newer library may have added.
    raw: dict[str, Any] = field(repr=False, compare=False)


def client_status(raw: dict[str, Any]) -> ClientStatus:
    """The status from the library's JSON (docs/ABI.md). Members that are unknown are passed over,
    and those that an older library lacks are none."""
    store = raw.get("store", {})
    counters = raw.get("counters", {})
    return ClientStatus(
        provider=raw["provider"],
        login=raw["login"],
        identity=raw["identity"],
        state=raw["state"],
        token_login=raw.get("token_login"),
        principal=raw.get("principal"),
        scope=raw.get("scope"),
        expires_in=math.inf if raw.get("never_expires") else _seconds(raw.get("expires_in_ms")),
        renew_due_in=_seconds(raw.get("renew_due_in_ms")),
        has_refresh_token=raw["has_refresh_token"],
        dpop_jkt=raw.get("dpop_jkt"),
        dpop_bound=raw["dpop_bound"],
        hold=_seconds(raw.get("hold_ms")),
        pause=_seconds(raw.get("pause_ms")),
        endpoints=raw.get("endpoints", {}),
        store=store.get("kind", ""),
        store_fault=_error(store.get("fault")),
        last_error=_error(raw.get("last_error")),
        not_revoked=_error(raw.get("not_revoked")),
        counters=Counters(**{name: counters.get(name, 0) for name in vars(Counters())}),
        raw=raw,
    )


def _seconds(ms: Optional[float]) -> Optional[float]:
    return None if ms is None else ms / 1000


def _error(of: Optional[dict[str, Any]]) -> Optional[Error]:
    if of is None:
        return None
    status = Status.__members__.get(of["status"], Status(-1))
    kind = of_status(status)
    return kind(
        of["message"],
        status=status,
        http_status=of.get("http_status"),
        provider_code=of.get("provider_code"),
        provider_message=of.get("provider_message"),
    )
