"""A login that a person allows."""

from __future__ import annotations

from typing import Any, Callable, Optional

from keyfob._foreign import LoginHandle, call_for_handle, utf8
from keyfob._library import library


class Login:
    """A login that a person allows: at another device, by a code (RFC 8628), or in a browser (RFC
    8252). `Client.login_begin` and `Client.login_begin_browser` make one. Any thread may use it.
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    @property
    def url(self) -> str:
        """What the person opens: the URL with the code in it where the server gives one, else that
        at which the code is typed; or where a browser is sent."""
        return self._text("url") or ""

    @property
    def verification_uri(self) -> Optional[str]:
        """Where the code is typed; None for a login in a browser."""
        return self._text("verification_uri")

    @property
    def verification_uri_complete(self) -> Optional[str]:
        """The same with the code in it; None where the server gives no such URL."""
        return self._text("verification_uri_complete")

    @property
    def user_code(self) -> Optional[str]:
        """What the person types; None for a login in a browser."""
        return self._text("user_code")

    @property
    def expires_in(self) -> Optional[float]:
        """How many seconds the code is good; None for a login in a browser."""
        return self._seconds("expires_in_ms")

    @property
    def interval(self) -> Optional[float]:
        """How many seconds the server wants between two questions; None in a browser."""
        return self._seconds("interval_ms")

    def _text(self, member: str) -> Optional[str]:
        text = getattr(library, f"keyfob_login_{member}")(self._handle)
        return None if text is None else str(text.decode())

    def _seconds(self, member: str) -> Optional[float]:
        ms: int = getattr(library, f"keyfob_login_{member}")(self._handle)
        return None if ms < 0 else ms / 1000

    def __repr__(self) -> str:
        return "<Login in a browser>" if self.user_code is None else f"<Login by {self.user_code}>"


def begin(handle: Any) -> Login:
    return Login(call_for_handle(LoginHandle, library.keyfob_client_login_begin, handle))


def begin_browser(redirect_uri: str) -> Callable[[Any], Login]:
    """What begins one with this redirect URI."""
    function, uri = library.keyfob_client_login_begin_browser, utf8(redirect_uri, "redirect_uri")
    return lambda handle: Login(call_for_handle(LoginHandle, function, handle, uri))
