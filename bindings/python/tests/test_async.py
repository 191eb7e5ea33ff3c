"""What `keyfob.AsyncClient` promises."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

import keyfob
from simulator import CLOUDS, Simulator


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_call_has_its_awaitable_form(sim: Simulator, cloud: str) -> None:
    async def story() -> None:
        async with sim.async_client(cloud) as client:
            token = await client.token()
            assert token in (await client.headers())["Authorization"]
            assert token == await client.token() == client.try_token()
            await client.renew()
            renewed = await client.token()
            assert renewed != token
            await client.refused(renewed)
            assert await client.token() != renewed
            assert "Authorization" in await client.headers_for(sim.devices(cloud))
            assert [page.status async for page in client.pages(sim.devices(cloud))] == [200] * 3
            await client.set(timeout_ms=10_000)
            await client.forget()
            assert (await client.get(sim.devices(cloud))).ok
            assert client.status()["counters"]["logins"] == 2

    asyncio.run(story())
    assert sim.counts(cloud)["login"] == 2


def test_each_method_is_its_own(sim: Simulator) -> None:
    async def story() -> None:
        url = sim.info["clouds"]["simacan"]["api_url"] + "/echo"
        async with sim.async_client("simacan") as client:
            for method in ("get", "post", "put", "patch", "delete"):
                answer = await getattr(client, method)(url)
                assert answer.json()["method"] == method.upper()
            assert (await client.head(url)).content == b""

    asyncio.run(story())


def test_the_event_loop_runs_on_while_a_call_waits(sim: Simulator) -> None:
    async def story() -> None:
        sim.order("inject", cloud="simacan", call="login", times=1, fault="delay:1000")
        async with sim.async_client("simacan", timeout_ms=60_000) as client:
            waiting = asyncio.create_task(client.token())
            await asyncio.to_thread(sim.wait_for, "simacan", "login")
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            # Whoever comes next has the answer that the first gave up on.
            assert await client.token()

    asyncio.run(story())
    assert sim.counts("simacan")["login"] == 1


def test_cancelling_ends_calls_at_whatever_moment(sim: Simulator) -> None:
    async def story() -> None:
        sim.order("inject", cloud="simacan", call="login", fault="delay:1000")
        async with sim.async_client("simacan", timeout_ms=60_000) as client:
            for loops in range(100):
                waiting = asyncio.create_task(client.token())
                for _ in range(loops % 5):
                    await asyncio.sleep(0)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            sim.order("clear")
            # There is a thread for it: none is still in a call that was given up.
            assert await client.token()

    asyncio.run(story())


def test_a_time_limit_of_asyncio_ends_the_call(sim: Simulator) -> None:
    async def story() -> None:
        sim.order("inject", cloud="simacan", call="login", times=1, fault="delay:1000")
        async with sim.async_client("simacan", timeout_ms=60_000) as client:
            waiting = asyncio.create_task(client.token())
            await asyncio.to_thread(sim.wait_for, "simacan", "login")
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(waiting, 0.001)
            assert await client.token()

    asyncio.run(story())


def test_a_time_limit_is_the_calls_own(sim: Simulator) -> None:
    async def story() -> None:
        sim.order("inject", cloud="simacan", call="login", fault="delay:1000")
        async with sim.async_client("simacan", timeout_ms=60_000) as client:
            with pytest.raises(keyfob.TimeoutError, match="within 50 ms"):
                await client.token(timeout=0.05)
            sim.order("clear")
            assert await client.token()

    asyncio.run(story())


def test_cancelling_one_task_leaves_the_others_calls_alone(sim: Simulator) -> None:
    async def story() -> None:
        sim.order("inject", cloud="simacan", call="login", times=1, fault="delay:1000")
        async with sim.async_client("simacan") as client:
            first = asyncio.create_task(client.token())
            await asyncio.to_thread(sim.wait_for, "simacan", "login")
            others = [asyncio.create_task(client.token()) for _ in range(5)]
            await asyncio.sleep(0)
            first.cancel()
            tokens = set(await asyncio.gather(*others))
            assert len(tokens) == 1

    asyncio.run(story())
    assert sim.counts("simacan")["login"] == 1


def test_a_thousand_tasks_that_meet_no_token_share_one_login(sim: Simulator) -> None:
    async def story() -> None:
        async with sim.async_client("simacan") as client:
            tokens = await asyncio.gather(*(client.token() for _ in range(1000)))
            assert len(set(tokens)) == 1

    asyncio.run(story())
    assert sim.counts("simacan")["login"] == 1


def test_a_fresh_token_is_given_without_a_thread(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> ThreadPoolExecutor:
        raise AssertionError("a thread was asked for")

    async def story() -> None:
        async with sim.async_client("simacan") as client:
            await client.token()
            kept = await client.token(), await client.headers(), await client.headers()
            monkeypatch.setattr(client, "_threads", none)
            assert await client.token() == kept[0]
            assert await client.headers() == kept[1]

    asyncio.run(story())


def test_closing_ends_the_calls_of_other_tasks(sim: Simulator) -> None:
    async def story() -> None:
        sim.order("inject", cloud="simacan", call="login", fault="stall:before-headers")
        client = sim.async_client("simacan", timeout_ms=60_000)
        waiting = asyncio.create_task(client.token())
        await asyncio.to_thread(sim.wait_for, "simacan", "login")
        await client.close()
        with pytest.raises(keyfob.CancelledError):
            await waiting
        with pytest.raises(keyfob.ArgumentError, match="closed"):
            await client.token()

    asyncio.run(story())


def test_a_client_that_worked_before_a_fork_works_in_the_child(sim: Simulator) -> None:
    client = sim.async_client("simacan")
    asyncio.run(client.token())
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(client.renew(timeout=10))
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert sim.counts("simacan")["refresh"] == 1
