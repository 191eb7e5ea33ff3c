"""The token in requests that requests and httpx send."""

from __future__ import annotations

import asyncio
import copy
import io
import pickle
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any, Callable

import aiohttp
import httpx
import pytest
import requests

import keyfob
import keyfob.aiohttp
import keyfob.httpx
import keyfob.requests
from simulator import CLOUDS, Simulator


def session(sim: Simulator, client: keyfob.Client) -> requests.Session:
    session = requests.Session()
    # Else a bundle that the environment names would come before the one that is set here.
    session.trust_env = False
    session.verify = sim.info["ca_file"]
    session.auth = keyfob.requests.Auth(client)
    return session


def http(sim: Simulator, client: keyfob.Client) -> httpx.Client:
    tls = ssl.create_default_context(cafile=sim.info["ca_file"])
    return httpx.Client(verify=tls, auth=keyfob.httpx.Auth(client))


def async_http(sim: Simulator, client: keyfob.AsyncClient) -> httpx.AsyncClient:
    tls = ssl.create_default_context(cafile=sim.info["ca_file"])
    return httpx.AsyncClient(verify=tls, auth=keyfob.httpx.Auth(client))


@pytest.mark.parametrize("cloud", [*CLOUDS, "oauth2", "thingsboard"])
def test_requests_carries_the_token(sim: Simulator, cloud: str) -> None:
    with sim.client(cloud) as client, session(sim, client) as to:
        assert to.get(sim.devices(cloud)).status_code == 200


@pytest.mark.parametrize("cloud", [*CLOUDS, "oauth2", "thingsboard"])
def test_httpx_carries_the_token(sim: Simulator, cloud: str) -> None:
    with sim.client(cloud) as client, http(sim, client) as to:
        assert to.get(sim.devices(cloud)).status_code == 200


@pytest.mark.parametrize("cloud", CLOUDS)
def test_requests_repeats_once_what_was_refused(sim: Simulator, cloud: str) -> None:
    with sim.client(cloud) as client, session(sim, client) as to:
        client.token()
        sim.order("revoke", cloud=cloud, what="access")
        answer = to.get(sim.devices(cloud))
    assert answer.status_code == 200
    assert len(answer.history) == 1
    assert (sim.counts(cloud)["refresh"], sim.counts(cloud)["api"]) == (1, 2)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_httpx_repeats_once_what_was_refused(sim: Simulator, cloud: str) -> None:
    with sim.client(cloud) as client, http(sim, client) as to:
        client.token()
        sim.order("revoke", cloud=cloud, what="access")
        assert to.get(sim.devices(cloud)).status_code == 200
    assert (sim.counts(cloud)["refresh"], sim.counts(cloud)["api"]) == (1, 2)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_httpx_with_asyncio_repeats_once_what_was_refused(sim: Simulator, cloud: str) -> None:
    async def story() -> int:
        async with sim.async_client(cloud) as client, async_http(sim, client) as to:
            await client.token()
            sim.order("revoke", cloud=cloud, what="access")
            return (await to.get(sim.devices(cloud))).status_code

    assert asyncio.run(story()) == 200
    assert (sim.counts(cloud)["refresh"], sim.counts(cloud)["api"]) == (1, 2)


def aio(sim: Simulator, client: keyfob.AsyncClient, **options: Any) -> aiohttp.ClientSession:
    tls = ssl.create_default_context(cafile=sim.info["ca_file"])
    connector = aiohttp.TCPConnector(ssl=tls)
    auth = keyfob.aiohttp.Auth(client, **options)
    return aiohttp.ClientSession(connector=connector, middlewares=[auth])


@pytest.mark.parametrize("cloud", CLOUDS)
def test_aiohttp_repeats_once_what_was_refused(sim: Simulator, cloud: str) -> None:
    async def story() -> int:
        async with sim.async_client(cloud) as client, aio(sim, client) as to:
            await client.token()
            sim.order("revoke", cloud=cloud, what="access")
            async with to.get(sim.devices(cloud)) as response:
                return response.status

    assert asyncio.run(story()) == 200
    assert (sim.counts(cloud)["refresh"], sim.counts(cloud)["api"]) == (1, 2)


# A client whose tokens are bound to a key, and of which the server wants nonces.
PROVING: dict[str, Any] = {
    "client_id": "prover-5",
    "client_secret": None,
    "username": "gateway@example.com",
    "password": "correct horse",
    "grant": None,
    "dpop": True,
}
# Longer than a nonce is good.
LATER = 200


@pytest.mark.parametrize("way", ["session", "adapter"])
def test_requests_proves_its_key_again_where_a_nonce_is_asked_for(sim: Simulator, way: str) -> None:
    with sim.client("oauth2", **PROVING) as client, session(sim, client) as to:
        if way == "adapter":
            to.auth = None
            to.mount(sim.info["clouds"]["oauth2"]["base_url"], keyfob.requests.Adapter(client))
        client.token()
        assert to.get(sim.devices("oauth2")).status_code == 200
        sim.order("wind", seconds=LATER)
        client.wind(LATER)
        assert to.get(sim.devices("oauth2")).status_code == 200
    assert (sim.counts("oauth2").get("refresh", 0), sim.counts("oauth2")["api"]) == (0, 3)


def test_httpx_proves_its_key_again_where_a_nonce_is_asked_for(sim: Simulator) -> None:
    with sim.client("oauth2", **PROVING) as client, http(sim, client) as to:
        client.token()
        sim.order("wind", seconds=LATER)
        client.wind(LATER)
        assert to.get(sim.devices("oauth2")).status_code == 200
    assert (sim.counts("oauth2").get("refresh", 0), sim.counts("oauth2")["api"]) == (0, 2)


def test_asyncio_proves_its_key_again_where_a_nonce_is_asked_for(sim: Simulator) -> None:
    async def story() -> tuple[int, int]:
        async with sim.async_client("oauth2", **PROVING) as client:
            await client.token()
            sim.order("wind", seconds=LATER)
            client.wind(LATER)
            async with async_http(sim, client) as to:
                first = (await to.get(sim.devices("oauth2"))).status_code
            sim.order("wind", seconds=LATER)
            client.wind(LATER)
            async with aio(sim, client) as also, also.get(sim.devices("oauth2")) as response:
                return first, response.status

    assert asyncio.run(story()) == (200, 200)
    assert (sim.counts("oauth2").get("refresh", 0), sim.counts("oauth2")["api"]) == (0, 4)


def test_aiohttp_sends_a_body_again_if_it_is_at_hand(sim: Simulator) -> None:
    url = sim.info["clouds"]["simacan"]["api_url"] + "/echo"

    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"

    async def story() -> None:
        async with sim.async_client("simacan") as client, aio(sim, client) as to:
            await client.token()
            sim.order("revoke", cloud="simacan", what="access")
            async with to.post(url, data=b"abc") as response:
                assert (await response.json())["body"] == "abc"
            sim.order("revoke", cloud="simacan", what="access")
            async with to.post(url, data=pieces()) as response:
                assert response.status == 401

    asyncio.run(story())


def test_aiohttp_follows_no_redirect_to_another_origin(sim: Simulator) -> None:
    async def story(login: str) -> None:
        async with sim.async_client("kontakt", login) as client, aio(sim, client) as to:
            for where in ("same", "other-origin"):
                fault = f"redirect:302:{where}"
                sim.order("inject", cloud="kontakt", call="api", times=1, fault=fault)
                if where == "same":
                    async with to.get(sim.devices("kontakt")) as response:
                        assert response.status == 200
                else:
                    with pytest.raises(keyfob.OriginError) as raised:
                        await to.get(sim.devices("kontakt"))
                    assert isinstance(raised.value, aiohttp.ClientError)
        assert sim.journal("kontakt", "elsewhere") == []

    for login in ("api-key", "password"):
        sim.reset()
        asyncio.run(story(login))


def test_aiohttps_limits_are_those_of_the_token_too(sim: Simulator) -> None:
    sim.order("inject", cloud="simacan", call="login", fault="stall:before-headers")

    async def story() -> None:
        async with sim.async_client("simacan", timeout_ms=60_000) as client:
            async with aio(sim, client) as to:
                with pytest.raises(asyncio.TimeoutError):
                    limit = aiohttp.ClientTimeout(total=0.05)
                    await to.get(sim.devices("simacan"), timeout=limit)
            async with aio(sim, client, timeout=0.05) as to:
                with pytest.raises(aiohttp.ServerTimeoutError) as raised:
                    await to.get(sim.devices("simacan"))
                assert isinstance(raised.value, keyfob.TimeoutError)
        with pytest.raises(TypeError, match=r"keyfob\.AsyncClient"):
            keyfob.aiohttp.Auth(sim.client("simacan"))  # type: ignore[arg-type]

    asyncio.run(story())


def test_a_second_refusal_is_the_callers_to_see(sim: Simulator) -> None:
    sim.order("inject", cloud="simacan", call="api", fault="status:401")
    with sim.client("simacan") as client:
        with session(sim, client) as to:
            assert to.get(sim.devices("simacan")).status_code == 401
        with http(sim, client) as other:
            assert other.get(sim.devices("simacan")).status_code == 401
    # A token that is refused as soon as it is issued is not replaced again for a while.
    assert (sim.counts("simacan")["refresh"], sim.counts("simacan")["api"]) == (1, 4)


def test_other_failures_are_not_repeated(sim: Simulator) -> None:
    url = sim.info["clouds"]["simacan"]["api_url"] + "/status/403"
    with sim.client("simacan") as client:
        with session(sim, client) as to:
            assert to.get(url).status_code == 403
        with http(sim, client) as other:
            assert other.get(url).status_code == 403
    assert sim.counts("simacan") == {"api": 2, "login": 1}


def test_a_body_is_sent_again_whole(sim: Simulator) -> None:
    url = sim.info["clouds"]["simacan"]["api_url"] + "/echo"
    for data in (b"abc", io.BytesIO(b"abc")):
        with sim.client("simacan") as client, session(sim, client) as to:
            client.token()
            sim.order("revoke", cloud="simacan", what="access")
            assert to.post(url, data=data).json()["body"] == "abc"
    bodies: list[dict[str, Any]] = [
        {"content": b"abc"},
        {"content": io.BytesIO(b"abc")},
        {"files": {"abc": io.BytesIO(b"abc")}},
        {"data": {"abc": "x"}},
    ]
    for body in bodies:
        with sim.client("simacan") as client, http(sim, client) as other:
            client.token()
            sim.order("revoke", cloud="simacan", what="access")
            assert "abc" in other.post(url, **body).json()["body"]
    begun = io.BytesIO(b"abcdef")
    begun.seek(3)
    with sim.client("simacan") as client, session(sim, client) as to:
        client.token()
        sim.order("revoke", cloud="simacan", what="access")
        assert to.post(url, data=begun).json()["body"] == "def"


def test_a_body_that_is_used_up_is_not_sent_again(sim: Simulator) -> None:
    def body() -> Iterator[bytes]:
        yield b"abc"

    url = sim.info["clouds"]["simacan"]["api_url"] + "/echo"

    def by_auth(client: keyfob.Client) -> Any:
        with session(sim, client) as to:
            return to.post(url, data=body())

    def by_an_adapter(client: keyfob.Client) -> Any:
        with session(sim, client) as to:
            to.auth = None
            to.mount(url, keyfob.requests.Adapter(client))
            return to.post(url, data=body())

    def by_httpx(client: keyfob.Client) -> Any:
        with http(sim, client) as to:
            return to.post(url, content=body())

    ways: list[Callable[[keyfob.Client], Any]] = [by_auth, by_an_adapter, by_httpx]
    for number, send in enumerate(ways, 1):
        with sim.client("simacan") as client:
            token = client.token()
            sim.order("revoke", cloud="simacan", what="access")
            assert send(client).status_code == 401
            assert client.token() != token, "the next request has another"
        assert sim.counts("simacan")["api"] == number


def test_asyncio_sends_a_body_that_is_used_up_once(sim: Simulator) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"abc"

    async def story() -> None:
        url = sim.info["clouds"]["simacan"]["api_url"] + "/echo"
        async with sim.async_client("simacan") as client, async_http(sim, client) as to:
            token = await client.token()
            sim.order("revoke", cloud="simacan", what="access")
            assert (await to.post(url, content=body())).status_code == 401
            assert await client.token() != token
            assert (await to.post(url, content=body())).json()["body"] == "abc"

    asyncio.run(story())


def test_the_callers_own_headers_stay(sim: Simulator) -> None:
    url = sim.info["clouds"]["kontakt"]["api_url"] + "/echo"
    own = {"Content-Type": "application/json; v=2", "Authorization": "Bearer mine"}
    with sim.client("kontakt") as client:
        with session(sim, client) as to:
            arrived = to.post(url, headers=own).json()["headers"]
            assert arrived["content-type"] == "application/json; v=2"
        with http(sim, client) as other:
            arrived = other.post(url, headers=own).json()["headers"]
            assert arrived["content-type"] == "application/json; v=2"


def test_nothing_is_sent_where_the_token_must_not_go(sim: Simulator) -> None:
    with sim.client("simacan") as client:
        with session(sim, client) as to, pytest.raises(keyfob.OriginError):
            to.get(sim.info["clouds"]["kontakt"]["api_url"] + "/echo")
        with http(sim, client) as other, pytest.raises(keyfob.OriginError):
            other.get(sim.info["clouds"]["kontakt"]["api_url"] + "/echo")
    assert sim.counts("kontakt") == {}


ADDED = {"authorization", "api-key", "x-kii-appid", "x-kii-appkey"}


def elsewhere(sim: Simulator, cloud: str) -> set[str]:
    """The names of the headers that the other origin saw."""
    (followed,) = sim.journal(cloud, "elsewhere")
    return {name.lower() for name, _ in followed["headers"]}


@pytest.mark.parametrize(
    ("cloud", "login", "replayed"),
    [
        ("kontakt", "api-key", False),
        ("kontakt", "password", False),
        ("kontakt", "password", True),
        ("kii", "user", False),
        ("kii", "user", True),
    ],
)
@pytest.mark.parametrize("by", ["requests", "requests with an adapter", "httpx", "httpx async"])
def test_no_redirect_takes_along_what_was_added(
    sim: Simulator, cloud: str, login: str, replayed: bool, by: str
) -> None:
    url = sim.devices(cloud)

    def prepare(client: keyfob.Client | keyfob.AsyncClient) -> None:
        assert client.try_token()
        if replayed:
            body = '{"errorCode": "WRONG_TOKEN"}' if cloud == "kii" else ""
            status = "status:403" if cloud == "kii" else "status:401"
            sim.order("inject", cloud=cloud, call="api", times=1, fault=status, body=body)
        fault = "redirect:302:other-origin"
        sim.order("inject", cloud=cloud, call="api", times=1, fault=fault)

    async def story() -> None:
        async with sim.async_client(cloud, login) as client, async_http(sim, client) as to:
            await client.token()
            prepare(client)
            await to.get(url, headers={"x-own": "kept"}, follow_redirects=True)

    if by == "httpx async":
        asyncio.run(story())
    else:
        with sim.client(cloud, login) as client:
            client.token()
            prepare(client)
            if by == "httpx":
                with http(sim, client) as other:
                    other.get(url, headers={"x-own": "kept"}, follow_redirects=True)
            elif by == "requests":
                with session(sim, client) as to:
                    to.get(url, headers={"x-own": "kept"})
            else:
                with session(sim, client) as to:
                    to.auth = None
                    api = sim.info["clouds"][cloud]["api_url"]
                    to.mount(api, keyfob.requests.Adapter(client))
                    to.get(url, headers={"x-own": "kept"})
    assert elsewhere(sim, cloud) & {*ADDED, "x-own"} == {"x-own"}
    assert sim.counts(cloud)["api"] == (2 if replayed else 1)


@pytest.mark.parametrize("login", ["api-key", "password"])
def test_requests_takes_the_token_along_on_the_same_origin(sim: Simulator, login: str) -> None:
    sim.order("inject", cloud="kontakt", call="api", times=1, fault="redirect:307:same")
    with sim.client("kontakt", login) as client, session(sim, client) as to:
        assert to.get(sim.devices("kontakt")).status_code == 200
    assert sim.counts("kontakt")["api"] == 2


@pytest.mark.parametrize("login", ["api-key", "password"])
def test_httpx_sends_the_token_where_a_redirect_led_on_the_origin(
    sim: Simulator, login: str
) -> None:
    sim.order("inject", cloud="kontakt", call="api", times=1, fault="redirect:307:same")
    with sim.client("kontakt", login) as client, http(sim, client) as to:
        assert to.get(sim.devices("kontakt"), follow_redirects=True).status_code == 200
        # The second came without the token, and was sent again with it. No token was replaced.
        assert client.status().counters.refreshes == 0
    assert sim.counts("kontakt")["api"] == 3


def test_the_callers_limit_is_that_of_the_token_too(sim: Simulator) -> None:
    url = sim.devices("simacan")
    sim.order("inject", cloud="simacan", call="login", fault="stall:before-headers")

    async def story() -> None:
        async with sim.async_client("simacan", timeout_ms=60_000) as client:
            async with async_http(sim, client) as to:
                with pytest.raises(httpx.TimeoutException):
                    await to.get(url, timeout=0.05)

    with sim.client("simacan", timeout_ms=60_000) as client:
        with session(sim, client) as to:
            to.auth = keyfob.requests.Auth(client, timeout=0.05)
            with pytest.raises(requests.Timeout):
                to.get(url)
            to.auth = None
            to.mount("https://", keyfob.requests.Adapter(client))
            for timeout in (0.05, (30, 0.05)):
                with pytest.raises(requests.Timeout):
                    to.get(url, timeout=timeout)
        with http(sim, client) as other:
            with pytest.raises(httpx.TimeoutException):
                other.get(url, timeout=0.05)
            other.auth = keyfob.httpx.Auth(client, timeout=0.05)
            with pytest.raises(httpx.TimeoutException):
                other.get(url, timeout=None)
    asyncio.run(story())
    assert "api" not in sim.counts("simacan")


def test_errors_are_those_of_the_library_that_asked_too(sim: Simulator) -> None:
    foreign = sim.info["clouds"]["kontakt"]["api_url"] + "/echo"
    for password, url, family, of_requests, of_httpx in (
        ("wrong, by adapters", sim.devices("simacan"), keyfob.CredentialsError, None, None),
        (None, foreign, keyfob.OriginError, requests.exceptions.InvalidURL, None),
    ):
        changed = {"password": password} if password else {}
        with sim.client("simacan", **changed) as client:
            with session(sim, client) as to:
                with pytest.raises(of_requests or requests.RequestException) as by_requests:
                    to.get(url)
            with http(sim, client) as other:
                with pytest.raises(of_httpx or httpx.RequestError) as by_httpx:
                    other.get(url)
        for raised in (by_requests.value, by_httpx.value):
            assert isinstance(raised, family)
            assert str(raised.request.url) == url
            again = pickle.loads(pickle.dumps(raised))
            assert (type(again), str(again)) == (type(raised), str(raised))
            assert again.status is raised.status


def test_what_an_adapter_cannot_use_is_told_when_it_is_made(sim: Simulator) -> None:
    wrong: Any = "a client"
    with sim.client("simacan") as client:
        makers: list[Callable[[], Any]] = [
            lambda: keyfob.requests.Auth(wrong),
            lambda: keyfob.requests.Adapter(wrong),
            lambda: keyfob.httpx.Auth(wrong),
            lambda: keyfob.aiohttp.Auth(wrong),
            lambda: keyfob.aiohttp.Auth(client),  # type: ignore[arg-type]
            lambda: keyfob.requests.Auth(client, timeout=wrong),
            lambda: keyfob.httpx.Auth(client, timeout=-1),
            # A copy would have no client, and fail at its first request.
            lambda: copy.deepcopy(keyfob.requests.Adapter(client)),
            lambda: pickle.dumps(keyfob.requests.Adapter(client)),
        ]
        for make in makers:
            with pytest.raises(keyfob.ArgumentError):
                make()


def test_a_closed_client_is_told_as_the_library_tells_things(sim: Simulator) -> None:
    client = sim.client("simacan")
    client.close()
    with session(sim, client) as to, pytest.raises(requests.RequestException) as by_requests:
        to.get(sim.devices("simacan"))
    with http(sim, client) as other, pytest.raises(httpx.RequestError) as by_httpx:
        other.get(sim.devices("simacan"))
    for raised in (by_requests.value, by_httpx.value):
        assert isinstance(raised, keyfob.ArgumentError)
        assert isinstance(raised, ValueError)
        again = pickle.loads(pickle.dumps(raised))
        assert (type(again), str(again)) == (type(raised), str(raised))


def test_the_wrong_kind_of_client_is_told(sim: Simulator) -> None:
    async def story() -> None:
        async with sim.async_client("simacan") as client:
            with http(sim, client) as to, pytest.raises(TypeError, match=r"keyfob\.Client"):  # type: ignore[arg-type]
                to.get(sim.devices("simacan"))
            other = sim.client("simacan")
            async with async_http(sim, other) as to_other:  # type: ignore[arg-type]
                with pytest.raises(TypeError, match=r"keyfob\.AsyncClient"):
                    await to_other.get(sim.devices("simacan"))

    asyncio.run(story())
