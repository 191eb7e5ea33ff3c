"""The blocking client."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar, Union

import keyfob
from keyfob import _news
from keyfob._base import BaseClient, as_headers, take_as_json
from keyfob._body import Octets
from keyfob._ending import rest_at_the_end
from keyfob._errors import ArgumentError, Error
from keyfob._foreign import call, call_for_text, hidden_utf8, milliseconds, utf8
from keyfob._items import items_of
from keyfob._library import library
from keyfob._login import Login, begin, begin_browser
from keyfob._mqtt import Mqtt, mqtt_of
from keyfob._request import CallOptions, RequestOptions, Timeout, fetch, prepare, seconds_of, send
from keyfob._response import Response
from keyfob._waiting import interruptible

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    import keyfob.options
else:
    from keyfob._typing import Self, Unpack

T = TypeVar("T")


class Client(BaseClient):
    """Obtains, keeps and renews one account's token at a cloud, and sends requests that carry it.

    `options` are those of docs/OPTIONS.md, such as `username`, `password_file`, `timeout_ms`.
    Making a client sends nothing: the first call that needs a token does that.

    A client may be used from any number of threads at once, and goes on in a forked child. Calls
    that wait release the GIL, end with Ctrl-C, and take at most `timeout` seconds, or what the
    option `timeout_ms` says.

    >>> client = keyfob.Client("kontakt", username="gateway@example.com", password="correct horse")
    >>> with client:
    ...     devices = client.get("/v3/device").raise_for_status().json()["content"]
    >>> devices[0]["id"]
    'gw-0001'

    Raises `OptionError` where the options fit no login, or more than one.
    """

    def _wait(self, work: Callable[[Any], T], timeout: Optional[float]) -> T:
        handle = None
        try:
            handle = self._begin_call(timeout)
            return interruptible(
                partial(work, handle), partial(library.keyfob_client_cancel, handle, None)
            )
        except Error as error:
            # The frames of its traceback hold the handle, and with it the client: whoever keeps an
            # error would keep a closed client alive.
            raise error.with_traceback(None)  # noqa: B904
        finally:
            self._end_call(handle)
            del handle
            rest_at_the_end()

    def token(self, *, timeout: Optional[float] = None) -> str:
        """A good access token, obtained or renewed first where that is needed.

        >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client:
        ...     client.token() == client.token()
        True

        Raises `CredentialsError`, and whatever keeps from reaching the cloud.
        """
        number, token = self._token
        if number == self._fresh_number():
            return token
        del token  # an old one, which no traceback needs
        at_hand = self._token_at_hand()
        return self._wait(self._get_token, timeout) if at_hand is None else at_hand

    def headers(self, *, timeout: Optional[float] = None) -> dict[str, str]:
        """The headers that carry the token. Raises as `token`.

        >>> keyfob.Client("kontakt", api_key="my key").headers()
        {'Api-Key': 'my key'}
        """
        number, headers = self._headers
        if number == self._fresh_number():
            return headers.copy()
        del headers
        at_hand = self._headers_at_hand()
        return self._wait(self._get_headers, timeout) if at_hand is None else at_hand

    def headers_for(
        self,
        url: str,
        *,
        method: str = "GET",
        body: Octets = b"",
        timeout: Optional[float] = None,
    ) -> dict[str, str]:
        """The headers for a request to this URL, for those who send requests themselves: those that
        carry the token, and what the provider asks of every request.

        Some clouds have each request signed: for them, `method` and `body` are what is sent, and
        the headers are good for this one request.

        Raises `OriginError` where the token must not go; else as `token`.

        >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client:
        ...     sorted(client.headers_for("https://apps-api.example/v3/device"))
        Traceback (most recent call last):
        keyfob.OriginError: https://apps-api.example/v3/device: not an origin of kontakt, ...
        """
        signed = self._signed(method, url, body)
        at_hand = self._lines_at_hand(*signed)
        if at_hand is not None:
            return at_hand
        function, *rest = signed
        return self._wait(
            lambda handle: as_headers(call_for_text(function, handle, *rest)), timeout
        )

    def _carriers(self, timeout: Optional[float]) -> Optional[dict[str, str]]:
        """The headers that carry the token; None where each request has headers of its own."""
        try:
            return self.headers(timeout=timeout)
        except ArgumentError:
            return None

    def answer_member(self, pointer: str, *, timeout: Optional[float] = None) -> Optional[str]:
        """A member of the answer that gave the token, by its JSON pointer (RFC 6901): `/id_token`,
        `/scope`. A text as it is, anything else as JSON. None: there is no such member, or the
        provider keeps none; `oauth2` does. It may be secret.

        Raises `ArgumentError` where it is no JSON pointer; else as `token`.

        >>> keyfob.Client("kontakt", api_key="my key").answer_member("/scope")
        """
        name = utf8(pointer, "pointer")
        member = library.keyfob_client_answer_member
        return self._wait(lambda handle: call_for_text(member, handle, name), timeout)

    def mqtt(self, *, timeout: Optional[float] = None) -> Mqtt:
        """What an MQTT library connects to the cloud's broker with. Computed for this moment: ask
        anew for each connection, and `renew` once when the broker refuses it.

        >>> keyfob.Client("blynk", api_key="my key").mqtt().username
        'device'

        Raises `ArgumentError` where the provider says nothing of MQTT for this login; else as
        `token`.
        """
        return self._wait(mqtt_of, timeout)

    def login_begin(self, *, timeout: Optional[float] = None) -> Login:
        """Begins a login at another device (RFC 8628), for a person who needs no browser on this
        machine: show `verification_uri` and `user_code`, then call `login_wait`. The options are
        `client_id` with `issuer`; where `client_secret` is set, too, `grant` is `interactive`.

        >>> with keyfob.Client.load("oauth2", env="PERSON") as client:
        ...     login = client.login_begin()
        ...     len(login.user_code), login.interval
        (9, 5.0)

        Raises `OptionError` where the options are those of another login, or the server has no
        such login; and whatever keeps from reaching it.
        """
        return self._wait(begin, timeout)

    def login_wait(self, login: Login, *, timeout: Optional[float] = None) -> None:
        """Waits until the person has answered, at most `timeout` seconds or as long as the code is
        good, and keeps the token as that of any login. The server is asked no faster than it says.

        Raises `TimeoutError`: the login is as it was, wait again. `CredentialsError` whose
        `status` is `LOGIN_DENIED` or `LOGIN_EXPIRED`: begin another.
        """
        function, ms = library.keyfob_client_login_wait, milliseconds(timeout)
        self._wait(lambda handle: call(function, handle, login._handle, ms), None)

    def login_begin_browser(self, redirect_uri: str, *, timeout: Optional[float] = None) -> Login:
        """Begins a login in a browser (RFC 8252, with PKCE): open `url` there, and give what it
        comes back to `redirect_uri` with to `login_finish`. Nothing is opened and nothing listens.

        >>> with keyfob.Client.load("oauth2", env="PERSON") as client:
        ...     login = client.login_begin_browser("http://127.0.0.1:8400/")
        ...     "code_challenge_method=S256" in login.url
        True

        Raises as `login_begin`.
        """
        return self._wait(begin_browser(redirect_uri), timeout)

    def login_finish(self, login: Login, answer: str, *, timeout: Optional[float] = None) -> None:
        """Takes what the browser came back with: the whole URL, its path and query, or the query
        alone. Checks `state` and `iss` (RFC 9207), and keeps the token as that of any login.

        Raises `ArgumentError` for an answer that is none, or not to this login, which goes on
        waiting for its own; `OriginError` for another issuer's; `CredentialsError` for a no.
        """
        told = hidden_utf8(answer, "answer")
        del answer  # so that no traceback shows it
        function = library.keyfob_client_login_finish
        self._wait(lambda handle: call(function, handle, login._handle, told), timeout)

    def renew(self, *, timeout: Optional[float] = None) -> None:
        """Renews the token now, fresh or not. Callers at the same time share one renewal."""
        self._wait(partial(call, library.keyfob_client_renew), timeout)

    def refused(self, token: str, *, timeout: Optional[float] = None) -> None:
        """Says that an API refused this access token, for those who send requests themselves.

        Renews, unless a newer token is there already. Then ask for the token again, and repeat the
        request once.
        """
        refused = hidden_utf8(token, "token")
        del token  # so that no traceback shows it
        self._wait(lambda handle: call(library.keyfob_client_refused, handle, refused), timeout)

    def set(self, **options: Unpack[keyfob.options.Options]) -> None:
        """Changes options while the client is in use, all or none of them.

        New credentials end a hold; another account's token is dropped.
        """
        json = take_as_json(options)
        self._wait(lambda handle: call(library.keyfob_client_set_json, handle, json), None)

    def reach(self, url: str = "", *, timeout: Optional[float] = None) -> None:
        """Tries the way to the cloud, for a check of a set-up: finds the host, asks the proxy,
        connects, and does TLS. No credential is sent.

        `url` is absolute, or relative to the base URL. `NetworkError` and `TlsError` say where the
        way ends, and name the proxy if it is that.
        """
        told = utf8(url, "url")
        self._wait(lambda handle: call(library.keyfob_client_reach, handle, told), timeout)

    def forget(self, *, timeout: Optional[float] = None) -> None:
        """Forgets tokens and any hold: in memory, in the store, at a cloud that can revoke them.

        A revocation that fails is no failure of this call, since here the tokens are gone:
        `status().not_revoked` tells why they may still be good at the cloud.
        """
        self._wait(partial(call, library.keyfob_client_forget), timeout)

    def request(
        self,
        method: str,
        url: str,
        *,
        timeout: Timeout = None,
        **options: Unpack[RequestOptions],
    ) -> Response:
        """Sends a request with the token. If the API refuses the token, renews it and sends again,
        once. Every answer is a response, whatever its status.

        `url` is absolute, or relative to the provider's base URL (a leading slash begins at the
        host), or begins with a discovered endpoint: `{deviceBaseUrl}/Device`. `options` are
        `params`, `headers`, `data` (bytes, text, a form's fields; a file or an iterator is read
        while it is sent), `json`, `files`, `idempotent`, and `stream` and `on_progress` for an
        answer of any size.

        Raises `OriginError` before anything is sent; else as `token`.

        >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client:
        ...     client.request("POST", "/things", json={"id": "gate-7"}).status
        201
        """
        request = prepare(method, url, **options)
        response = self._wait(
            lambda handle: send(handle, request, method, url), seconds_of(timeout)
        )
        self._keep_open(response)
        return response

    def download(
        self,
        url: str,
        path: Union[str, os.PathLike[str]],
        *,
        sha256: Union[str, bytes, None] = None,
        timeout: Timeout = None,
        **options: Unpack[RequestOptions],
    ) -> Response:
        """Gets this URL into a file. What came before a fault is kept in `path.part`, and is gone
        on with: by this call until nothing has come for the option `download_retry_s`, then by a
        later one. The file is checked by its length, by `sha256` if given, and by the digest that
        the server names, and then put in the place of `path` at once.

        The response has no body. Where its status is no success, nothing was written. `timeout` is
        for each answer's head. Raises `AnswerError` where what came was not what it should be.

        >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client:
        ...     client.download("/v3/device", "devices.json").status
        200
        """
        request = prepare("GET", url, **options)
        return self._wait(
            lambda handle: fetch(handle, request, "GET", url, path, sha256), seconds_of(timeout)
        )

    def wait(self, known: int = 0, *, timeout: Optional[float] = None) -> int:
        """Waits until there is news, and gives its number: another token, or a hold or a pause that
        begins or ends. `known` is the number that the last call gave, and is given again where
        nothing happens within `timeout` seconds, an hour if absent; 0 at first.

        A token that is due is renewed meanwhile. Whoever wants the tokens takes `tokens`.
        """
        seconds = milliseconds(timeout) / 1000 or _news.LONGEST_S
        return self._wait(lambda handle: _news.wait(handle, known, seconds), None)

    def tokens(self) -> Iterator[str]:
        """The token, and then each that takes its place, for what lives longer than a request: an
        MQTT session, a WebSocket. Renews what is due while it waits. Ends when the client is
        closed; raises what needs somebody to put it right, and goes on after what passes.

        >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client:
        ...     for token in client.tokens():
        ...         break
        """
        last, known = None, 0
        while self._handle is not None:
            try:
                known = self.wait(known)
                token = self.token()
            except Error as error:
                if self._handle is None:
                    return
                if last is None or not error.is_retriable:
                    raise
            else:
                if token != last:
                    last = token
                    yield token

    def get(self, url: str, **options: Unpack[CallOptions]) -> Response:
        """`request` with GET."""
        return self.request("GET", url, **options)

    def head(self, url: str, **options: Unpack[CallOptions]) -> Response:
        """`request` with HEAD."""
        return self.request("HEAD", url, **options)

    def post(self, url: str, **options: Unpack[CallOptions]) -> Response:
        """`request` with POST."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Unpack[CallOptions]) -> Response:
        """`request` with PUT."""
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Unpack[CallOptions]) -> Response:
        """`request` with PATCH."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Unpack[CallOptions]) -> Response:
        """`request` with DELETE."""
        return self.request("DELETE", url, **options)

    def pages(self, url: str, **options: Unpack[CallOptions]) -> Iterator[Response]:
        """Gets this URL, and then each page that the one before links to as `next`.

        >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client:
        ...     [page.status for page in client.pages("/v3/device")]
        [200, 200, 200]
        """
        following: Optional[str] = url
        while following is not None:
            page = self.get(following, **options)
            yield page
            # The link has the query already.
            options["params"] = None
            following = page.links.get("next")

    def items(
        self, url: str, *, at: Optional[str] = None, **options: Unpack[CallOptions]
    ) -> Iterator[Any]:
        """The items of all pages, one after the other: what the list in each page has.

        `at` names the list where a page has several: `data`, or `data.devices` for one further
        down. Raises `ResponseError` for a page that is none, and `AnswerError` for one without
        such a list.

        >>> with keyfob.Client.load("kontakt", env="KEYFOB") as client:
        ...     [device["id"] for device in client.items("/v3/device")][:2]
        ['gw-0001', 'gw-0002']
        """
        for page in self.pages(url, **options):
            yield from items_of(page, at)

    def close(self) -> None:
        """Ends the calls under way, and the client."""
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
