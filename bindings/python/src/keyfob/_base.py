"""What the blocking and the asyncio client have in common: everything that never waits."""

from __future__ import annotations

import ctypes
import math
import os
from functools import partial
from typing import TYPE_CHECKING, Any, Optional, Union
from weakref import ref

# By this name hints find modules that take long to import, if somebody reads the hints.
import keyfob
from keyfob import _foreign, _log
from keyfob._abi import Status
from keyfob._ending import note, open_clients, rest_at_the_end
from keyfob._errors import ArgumentError, Error, OptionError, TimeoutError, WouldBlockError
from keyfob._foreign import (
    call,
    call_for_handle,
    call_for_number,
    call_for_text,
    milliseconds,
    number,
    octets,
    path_text,
    utf8,
)
from keyfob._library import fresh_number, library
from keyfob._response import Response

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    import keyfob.options
    from keyfob._body import Octets
else:
    from keyfob._typing import Self, Unpack

#: What an option's value may be. `None` leaves the option unset.
Option = Union[str, int, bool, os.PathLike[str], list[str], dict[str, Any], None]

_NEVER_MS = 2**63 - 1
_QUICK_MS = 1
_LONGEST_S = 2**63 // 1000 - 1
_NOTHING: tuple[int, str] = (-1, "")


class BaseClient:
    """One account's token at one cloud. May be used from any number of threads at once."""

    _handle: Any = None

    def __init__(self, provider: str, /, **options: Unpack[keyfob.options.Options]) -> None:
        taken = take_as_json(options)
        self._begin(_config(provider), taken)

    @classmethod
    def load(
        cls,
        provider: str,
        /,
        *,
        file: Union[str, os.PathLike[str], None] = None,
        env: Optional[str] = None,
        **options: Unpack[keyfob.options.Options],
    ) -> Self:
        """A client whose options come from a file, from the environment, from the caller; later
        ones win.

        `file` is a JSON object of options. `env` is a prefix of environment variables: with
        `KEYFOB`, `KEYFOB_USERNAME` is `username`; variables that name no option, and empty ones,
        are passed over. Where `GATEWAY_API_KEY` is `my key`:

        >>> keyfob.Client.load("kontakt", env="GATEWAY").token()
        'my key'
        """
        taken = take_as_json(options)
        config = _config(provider)
        if file is not None:
            call(library.keyfob_config_load_file, config, utf8(path_text(file, "file"), "file"))
        if env is not None:
            call(library.keyfob_config_load_env, config, utf8(env, "env"))
        client = cls.__new__(cls)
        client._begin(config, taken)
        return client

    def _begin(self, config: Any, options: Any) -> None:
        call(library.keyfob_config_load_json, config, options)
        _log.attach(config)
        handle = call_for_handle(_foreign.ClientHandle, library.keyfob_client_new, config)
        self._handle = handle
        note(handle)
        # For calls that are sure to wait for nothing, or nearly so: should the token have become
        # due since the caller looked, they end at once.
        self._quick = call_for_handle(
            _foreign.ClientHandle, library.keyfob_client_share, handle, _QUICK_MS
        )
        note(self._quick)
        # The number of the fresh token at hand. While it is the same, so are token and headers:
        # what was converted for Python is kept with its number, and freshness stays the library's
        # to judge.
        self._fresh_number = partial(fresh_number, handle)
        self._token = _NOTHING
        self._headers: tuple[int, dict[str, str]] = (-1, {})
        self._waiting: set[ref[Any]] = set()
        open_clients.add(self)

    # What needs no waiting is answered on whatever thread asks: the event loop's, for one.

    def _token_at_hand(self) -> Optional[str]:
        """The token while it is fresh."""
        # The number first: should a renewal come between, the pair is one that never matches.
        number = self._fresh_number()
        if not number:
            return None
        try:
            token = self.try_token()
        except WouldBlockError:
            return None
        self._token = (number, token)
        return token

    def _headers_at_hand(self) -> Optional[dict[str, str]]:
        """What `headers` gives while the token is fresh."""
        number = self._fresh_number()
        headers = self._lines_at_hand(library.keyfob_client_headers)
        if number and headers is not None:
            self._headers = (number, headers)
            return headers.copy()
        return headers

    def _lines_at_hand(self, function: Any, *arguments: Any) -> Optional[dict[str, str]]:
        """Headers that a function gives while the token is fresh."""
        if self._fresh_number():
            try:
                return as_headers(call_for_text(function, self._quick, *arguments))
            except TimeoutError:
                pass
        return None

    def _signed(self, method: str, url: str, body: Octets) -> tuple[Any, ...]:
        """The function that gives a request's headers, and its arguments."""
        sent = octets(body, "body")
        function = library.keyfob_client_headers_for_request
        data = _foreign.pointer_to(sent, function.argtypes[3])
        return function, utf8(method, "method"), utf8(url, "url"), data, len(sent)

    def _may_see(self, url: str) -> bool:
        """Whether the token may go to this URL, and is there to go."""
        try:
            target = utf8(url, "url")
            call_for_text(library.keyfob_client_headers_for, self._quick, target)
        except Error as error:
            # Without a token at hand the limit ends the call; the URL was looked at before.
            return isinstance(error, TimeoutError)
        return True

    # The calls that may wait. They run where waiting is allowed, on a handle of their own.

    def _get_token(self, handle: Any) -> str:
        # Of this handle, which is good even when the client is closed meanwhile.
        number = fresh_number(handle)
        token = call_for_text(library.keyfob_client_token, handle) or ""
        if number:
            self._token = (number, token)
        return token

    def _get_headers(self, handle: Any) -> dict[str, str]:
        number = fresh_number(handle)
        headers = as_headers(call_for_text(library.keyfob_client_headers, handle))
        if number:
            self._headers = (number, headers)
        return headers.copy()

    def _begin_call(self, timeout: Optional[float]) -> Any:
        """A handle for one call: with its own time limit, and its own cancellation."""
        limit = milliseconds(timeout)
        handle = call_for_handle(
            _foreign.ClientHandle, library.keyfob_client_share, self._open_handle(), limit
        )
        self._waiting.add(note(handle))
        if self._handle is None:
            # Closed meanwhile, and before this call was there to be ended.
            library.keyfob_client_cancel(handle, None)
        return handle

    def _keep_open(self, response: Response) -> None:
        """A body that is still to be read is ended with the client."""
        rest = response._rest
        if rest is not None and rest.call is not None:
            self._waiting.add(ref(rest.call, self._waiting.discard))
            if self._handle is None:
                response.close()

    def _end_call(self, handle: Any) -> None:
        # An interrupt may keep this from happening: what is left then is a reference to nothing.
        if handle is not None:
            self._waiting.discard(ref(handle))

    def _open_handle(self) -> Any:
        handle = self._handle
        if handle is None:
            raise _closed()
        return handle

    @property
    def expires_in(self) -> float:
        """How many seconds the token at hand lives: `math.inf` for ever, 0 where there is none.

        >>> client = keyfob.Client("kontakt", api_key="my key")
        >>> client.expires_in
        inf
        """
        return _seconds(library.keyfob_client_expires_in_ms, self._open_handle())

    @property
    def renew_due_in(self) -> float:
        """How many seconds until the token is to be renewed: 0 for now, `math.inf` for never."""
        return _seconds(library.keyfob_client_renew_due_in_ms, self._open_handle())

    def try_token(self) -> str:
        """A token that has not expired, if that takes no waiting; `WouldBlockError` if it does."""
        return call_for_text(library.keyfob_client_try_token, self._open_handle()) or ""

    def status(self) -> keyfob.ClientStatus:
        """State, counters and the last error, for dashboards and bug reports. No secret is in it.

        >>> client = keyfob.Client("kontakt", api_key="my key")
        >>> status = client.status()
        >>> status.provider, status.state, status.counters.logins
        ('kontakt', 'fresh', 0)
        """
        import json

        from keyfob._status import client_status

        text = call_for_text(library.keyfob_client_status_json, self._open_handle())
        return client_status(json.loads(text or "{}"))

    def is_refusal(self, http_status: int, content: bytes) -> bool:
        """Whether an answer refuses the access token, by the provider's rule.

        For those who send requests themselves. `refused` is then to be told.
        """
        if not isinstance(http_status, int) or not 100 <= http_status <= 999:
            raise ArgumentError(f"{http_status!r} is no HTTP status")
        content = octets(content, "content")
        body = _foreign.pointer_to(content, library.keyfob_client_is_refusal.argtypes[2])
        refusal: bool = library.keyfob_client_is_refusal(
            self._open_handle(), http_status, body, len(content)
        )
        return refusal

    def note_nonce(
        self,
        url: str,
        http_status: int,
        dpop_nonce: Optional[str],
        www_authenticate: Optional[str] = None,
    ) -> bool:
        """Notes what an answer says of DPoP proofs (RFC 9449), for those who send requests
        themselves with the option `dpop`: its headers `DPoP-Nonce` and `WWW-Authenticate`.

        True where it refuses the request for want of the nonce that it gives: it is then to be sent
        once more, with new headers, and `refused` is not to be told.
        """
        if dpop_nonce is None:
            return False
        challenge = None if www_authenticate is None else utf8(www_authenticate, "www_authenticate")
        wanted: bool = library.keyfob_client_note_nonce(
            self._open_handle(), utf8(url, "url"), http_status, utf8(dpop_nonce, "nonce"), challenge
        )
        return wanted

    def cancel(self) -> None:
        """Ends the calls under way, on whatever thread: they raise `CancelledError`."""
        for under_way in list(self._waiting):
            if (handle := under_way()) is not None:
                library.keyfob_client_cancel(handle, None)

    def wind(self, seconds: float) -> None:
        """Lets time pass on this client's clock, so that a test need not wait for tokens to age.

        >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client:
        ...     token = client.token()
        ...     client.wind(7200)
        ...     client.expires_in
        0.0
        """
        if number(seconds, "seconds") > _LONGEST_S:
            raise ArgumentError(f"seconds must be at most {_LONGEST_S}")
        ms = round(seconds * 1000)
        call(library.keyfob_client_wind_ms, self._open_handle(), ms)

    def _end(self) -> None:
        """Lets go of everything; calls under way end, and hold what they need until they have."""
        self._fresh_number = _refuse  # type: ignore[assignment]
        self._handle = self._quick = None
        open_clients.discard(self)
        self._token, self._headers = _NOTHING, (-1, {})
        self.cancel()

    def __reduce__(self) -> Any:
        raise ArgumentError(
            f"a keyfob.{type(self).__name__} cannot be pickled or copied: it holds secrets, and its"
            " connections are its process's. Make one in each process, from the same options; with"
            " a file store they are one client. A forked process may use this one"
        )

    def __repr__(self) -> str:
        try:
            return f"<{type(self).__name__} {self.status().provider}>"
        except Error:
            return f"<{type(self).__name__} closed>"


def _config(provider: str) -> Any:
    name = utf8(provider, "provider")
    return call_for_handle(_foreign.ConfigHandle, library.keyfob_config_new, name)


def take_as_json(options: Any) -> Any:
    """Options as the library takes several at once.

    The dictionary is emptied, and the `repr` of what is given shows nothing: whatever fails later,
    no traceback that shows variables has a secret of these.
    """
    try:
        return ctypes.create_string_buffer(_json(options))
    except BaseException as error:
        # Its frames hold them as well.
        error.__context__ = None
        raise error.with_traceback(None)  # noqa: B904
    finally:
        options.clear()


def _json(options: dict[str, Any]) -> bytes:
    import json

    plain = {name: _plain(name, value) for name, value in options.items() if value is not None}
    try:
        return json.dumps(plain, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as why:
        # What json says of a value is its type, not the value.
        raise _option_error(f"the options are no JSON: {why}") from None


def _plain(name: str, value: Any) -> Any:
    """An option's value as JSON has it."""
    if isinstance(value, (str, int, float, dict)):
        return value
    if isinstance(value, os.PathLike):
        return path_text(value, name)
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return " ".join(value)
    raise _option_error(
        f"{name}: an option is text, a number, a path, a list of texts or, for a profile, a"
        f" dictionary; not {type(value).__name__}"
    )


def _option_error(message: str) -> OptionError:
    return OptionError(message, status=Status.INVALID_OPTION)


def as_headers(lines: Optional[str]) -> dict[str, str]:
    """Lines of `Name: value` as a dictionary."""
    split = (line.partition(": ") for line in (lines or "").split("\n") if line)
    return {name: value for name, _, value in split}


def _seconds(function: Any, handle: Any) -> float:
    ms = call_for_number(function, handle)
    return math.inf if ms == _NEVER_MS else ms / 1000


def _closed() -> ArgumentError:
    rest_at_the_end()
    return ArgumentError("the client is closed")


def _refuse() -> int:
    raise _closed()
