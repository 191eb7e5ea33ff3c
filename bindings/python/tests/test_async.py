"""What `keyfob.AsyncClient` promises."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import keyfob
from keyfob._async import _Call
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
            assert client.status().counters.logins == 2

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
            with pytest.raises(keyfob.TimeoutError, match=r"within \d+ ms"):
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
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def none(kind: str) -> ThreadPoolExecutor:
        raise AssertionError("a thread was asked for")

    async def story() -> None:
        async with sim.async_client("simacan", store=f"file:{tmp_path}") as client:
            token = await client.token()
        monkeypatch.setattr(keyfob.AsyncClient, "_threads", none)
        url = sim.devices("simacan")
        presented = {"Authorization": f"Bearer {token}"}
        # Each time another client, so that it is the first that is asked of it.
        async with sim.async_client("simacan", store=f"file:{tmp_path}") as client:
            assert await client.token() == await client.token() == token
        async with sim.async_client("simacan", store=f"file:{tmp_path}") as client:
            assert await client.headers() == await client.headers() == presented
        async with sim.async_client("simacan", store=f"file:{tmp_path}") as client:
            asked = {"Accept": "application/json"}
            assert await client.headers_for(url) == {**presented, **asked}

    asyncio.run(story())


def test_a_token_waits_behind_no_silent_request(sim: Simulator) -> None:
    async def story() -> None:
        sim.order("inject", cloud="simacan", call="api", fault="stall:before-headers")
        async with sim.async_client("simacan", timeout_ms=60_000) as client:
            url = sim.devices("simacan")
            stalled = [asyncio.create_task(client.get(url)) for _ in range(40)]
            await asyncio.to_thread(sim.wait_for, "simacan", "api")
            first = await client.token()
            await client.renew()
            assert await client.token() != first
            assert not any(each.done() for each in stalled)
            client.cancel()
            ended = await asyncio.gather(*stalled, return_exceptions=True)
            assert {type(each) for each in ended} == {keyfob.CancelledError}

    asyncio.run(story())


def test_the_time_a_call_waits_for_a_thread_counts(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with sim.async_client("simacan") as client:
            # All threads are taken, by whatever; a call never gets one.
            taken = threading.Event()
            for _ in range(32):
                client._threads("request").submit(taken.wait)
            try:
                with pytest.raises(keyfob.TimeoutError, match="no thread was free within 50 ms"):
                    await client.get(sim.devices("simacan"), timeout=0.05)
                await client.set(timeout_ms=60)
                with pytest.raises(keyfob.TimeoutError, match="no thread was free within 60 ms"):
                    await client.get(sim.devices("simacan"))
                # One is free after half of the call's time: it has the other half.
                limits: list[float] = []
                monkeypatch.setattr(client, "_begin_call", limits.append)
                call = _Call(client, lambda _: None, 20.0)
                call._began -= 15
                await asyncio.to_thread(call.run)
                assert len(limits) == 1 and 0 < limits[0] <= 5
            finally:
                taken.set()

    asyncio.run(story())
    assert sim.counts("simacan") == {}


def test_closing_cancels_the_calls_that_wait_for_a_thread(sim: Simulator) -> None:
    async def story() -> None:
        sim.order("inject", cloud="simacan", call="login", fault="stall:before-headers")
        client = sim.async_client("simacan", timeout_ms=60_000)
        url = sim.devices("simacan")
        calls: list[asyncio.Task[Any]]
        calls = [asyncio.create_task(client.get(url)) for _ in range(40)]
        calls += [asyncio.create_task(client.token()) for _ in range(40)]
        await asyncio.to_thread(sim.wait_for, "simacan", "login")
        await client.close()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(each) for each in ended} == {keyfob.CancelledError}

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
