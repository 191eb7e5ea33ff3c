"""What can go wrong: one exception class for each family of statuses, all of them an `Error`."""

from __future__ import annotations

import builtins
from typing import Any, Optional

from keyfob._abi import FAMILIES, Status


class Error(Exception):
    """Why a call failed. `str(error)` is one line that says what to do, without a secret.

    >>> try:
    ...     keyfob.Client("kontact")
    ... except keyfob.Error as error:
    ...     print(error.status.name)
    UNKNOWN_PROVIDER
    """

    def __init__(
        self,
        message: str,
        *,
        status: Status = Status.INVALID_ARGUMENT,
        http_status: Optional[int] = None,
        provider_code: Optional[str] = None,
        provider_message: Optional[str] = None,
        retry_after: Optional[float] = None,
        is_retriable: bool = False,
    ) -> None:
        super().__init__(message)
        #: The kind of the failure.
        self.status = status
        #: The HTTP status of the answer that caused it, if an answer did.
        self.http_status = http_status
        #: The cloud's own code for it, such as `invalid_grant`.
        self.provider_code = provider_code
        #: The cloud's own sentence about it, such as `Session not active`.
        self.provider_message = provider_message
        #: How many seconds to wait before another try, where the cloud or a hold says so.
        self.retry_after = retry_after
        #: Whether the same call may succeed later with nothing changed but the time.
        self.is_retriable = is_retriable

    def __reduce__(self) -> tuple[Any, ...]:
        # What is the error's own, and nothing that another library hung on it.
        names = (
            "status",
            "http_status",
            "provider_code",
            "provider_message",
            "retry_after",
            "is_retriable",
        )
        return type(self), (str(self),), {name: getattr(self, name) for name in names}


class ArgumentError(Error, ValueError):
    """An argument has a value that the call cannot use."""


class OptionError(Error, ValueError):
    """An option, the provider or its profile is not one, or the options fit no login."""


class CredentialsError(Error):
    """The cloud refused the credentials, or there are none left to try.

    After a refusal no login is sent until the hold has passed: `status` is then `LOGIN_ON_HOLD` and
    `retry_after` says how long. New credentials through `Client.set`, or `Client.forget`, end it.
    """


class NetworkError(Error, ConnectionError):
    """The cloud could not be reached, or the connection broke."""


class TlsError(NetworkError):
    """No trusted TLS connection could be made."""


class TimeoutError(Error, builtins.TimeoutError):
    """The time limit passed."""


class OriginError(Error):
    """The URL must not see the token. Nothing was sent."""


class RateLimitError(Error):
    """The cloud asks for fewer calls; `retry_after` says when to come back, if the cloud did."""


class ServerError(Error):
    """The cloud failed."""


class AnswerError(Error):
    """An answer is not what it should be: of another form, or too large."""


class BodyError(Error):
    """A body cannot be read, written or sent again: a file, a reader, the target of a download."""


class StoreError(Error):
    """The token store cannot be read or written."""


class WouldBlockError(Error):
    """Answering would have meant waiting for the network."""


class CancelledError(Error):
    """The call was cancelled, or its client was closed meanwhile."""


class InternalError(Error):
    """A fault in keyfob itself, contained. The client stays usable."""


_OF_STATUS: dict[Status, type[Error]] = {
    status: globals()[family] for status, family in FAMILIES.items()
}


def of_status(status: Status) -> type[Error]:
    """The class for a status; `Error` for one that only a newer library has."""
    return _OF_STATUS.get(status, Error)


def families() -> list[type[Error]]:
    """Every class of errors that calls raise."""
    return list(dict.fromkeys([Error, *_OF_STATUS.values()]))


for _class in families():
    _class.__module__ = "keyfob"
