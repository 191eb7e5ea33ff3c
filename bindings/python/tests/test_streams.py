"""Bodies of any size, and news of a token, in both clients."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

import keyfob
from keyfob import _news
from simulator import Simulator

SIZE = 3_000_000


def files(sim: Simulator, size: int = SIZE) -> str:
    url: str = sim.info["clouds"]["simacan"]["api_url"]
    return f"{url}/files/{size}"


def test_a_body_is_read_as_it_comes(sim: Simulator) -> None:
    client = sim.client("simacan")
    whole = client.get(files(sim)).content
    assert len(whole) == SIZE
    with client.get(files(sim), stream=True) as response:
        assert (response.status, response.length) == (200, SIZE)
        assert response.read(10) == whole[:10]
        room = bytearray(5)
        assert response.readinto(room) == 5 and room == whole[10:15]
        assert b"".join(response.iter_bytes()) == whole[15:]
        assert response.read(10) == b"" == response.read()
    with client.get(files(sim), stream=True) as response:
        assert response.content == whole
    with pytest.raises(keyfob.ArgumentError, match="stream=True"):
        client.get(files(sim, 5)).read()


def test_a_body_is_a_file_to_what_takes_one(sim: Simulator, tmp_path: Path) -> None:
    client = sim.client("simacan")
    target = tmp_path / "copy"
    with client.get(files(sim), stream=True) as response, target.open("wb") as out:
        shutil.copyfileobj(response.file(), out)
    assert target.stat().st_size == SIZE


def test_a_body_half_read_costs_nothing_once_it_is_forgotten(sim: Simulator) -> None:
    client = sim.client("simacan")
    for _ in range(20):
        response = client.get(files(sim), stream=True)
        next(response.iter_bytes())
        del response
    gc.collect()
    assert client.get(files(sim, 3)).content
    waiting = client._waiting
    assert not [each for each in waiting if each() is not None]


def test_closing_the_client_ends_the_reading(sim: Simulator) -> None:
    client = sim.client("simacan")
    response = client.get(files(sim), stream=True)
    client.close()
    with pytest.raises(keyfob.CancelledError):
        response.read()
    response = sim.client("simacan").get(files(sim), stream=True)
    response.close()
    with pytest.raises(keyfob.CancelledError, match="closed"):
        response.read(1)


def test_progress_is_told_and_may_end_the_call(sim: Simulator) -> None:
    client = sim.client("simacan")
    told: list[Any] = []
    client.get(files(sim), on_progress=lambda *how_far: told.append(how_far), stream=True).read()
    assert told[-1] == (SIZE, SIZE)
    with pytest.raises(keyfob.CancelledError):
        client.get(files(sim), on_progress=lambda *_: False, stream=True).read()
    with pytest.raises(ZeroDivisionError):
        client.get(files(sim), on_progress=lambda *_: 1 // 0, stream=True).read()


def test_a_download_is_checked_and_put_in_place(sim: Simulator, tmp_path: Path) -> None:
    client = sim.client("simacan")
    digest = hashlib.sha256(client.get(files(sim)).content).hexdigest()
    target, told = tmp_path / "image", []
    answer = client.download(
        files(sim), target, sha256=digest, on_progress=lambda *how_far: told.append(how_far)
    )
    assert answer.ok and target.stat().st_size == SIZE and told[-1] == (SIZE, SIZE)
    with pytest.raises(keyfob.AnswerError):
        client.download(files(sim), target, sha256=bytes(32))
    assert hashlib.sha256(target.read_bytes()).hexdigest() == digest, "the old file is intact"
    with pytest.raises(keyfob.ArgumentError):
        client.download(files(sim), target, sha256="no digest")
    with pytest.raises(keyfob.BodyError):
        client.download(files(sim), tmp_path)


def test_asyncio_hears_what_a_progress_function_says(sim: Simulator, tmp_path: Path) -> None:
    async def story() -> None:
        async with sim.async_client("simacan") as client:
            with pytest.raises(ZeroDivisionError):
                await client.download(files(sim), tmp_path / "1", on_progress=lambda *_: 1 // 0)
            with pytest.raises(ZeroDivisionError):
                told, url = iter([True]), sim.devices("simacan")
                at_the_end = lambda *_: next(told, 0) or 1 // 0  # noqa: E731
                await (await client.get(url, stream=True, on_progress=at_the_end)).aread()
            target = tmp_path / "2"
            sim.order("inject", cloud="simacan", call="api", fault="drip:1")
            with pytest.raises(keyfob.CancelledError):
                await client.download(files(sim), target, on_progress=lambda *_: False)
            assert not target.exists()

    asyncio.run(story())


def test_asyncio_reads_and_downloads_too(sim: Simulator, tmp_path: Path) -> None:
    async def story() -> None:
        async with sim.async_client("simacan") as client:
            told: list[Any] = []
            async with await client.get(
                files(sim), stream=True, on_progress=lambda *how_far: told.append(how_far)
            ) as response:
                assert len(await response.aread(7)) == 7
                pieces = [piece async for piece in response.aiter_bytes()]
                with pytest.raises(keyfob.ArgumentError):
                    response.read()
            assert sum(map(len, pieces)) == SIZE - 7
            assert (await client.download(files(sim), tmp_path / "image")).ok
            await asyncio.sleep(0)
            assert told[-1] == (SIZE, SIZE)

    asyncio.run(story())
    assert (tmp_path / "image").stat().st_size == SIZE


def test_cancelling_the_task_ends_the_reading(sim: Simulator) -> None:
    async def story() -> None:
        sim.order("inject", cloud="simacan", call="api", times=1, fault="stall:within-body")
        async with sim.async_client("simacan") as client:
            response = await client.get(files(sim), stream=True)
            reading = asyncio.create_task(response.aread())
            await asyncio.sleep(0.05)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            with pytest.raises(keyfob.CancelledError):
                await response.aread(1)

    asyncio.run(story())


def test_each_new_token_is_given(sim: Simulator) -> None:
    client = sim.client("simacan")
    tokens = client.tokens()
    first = next(tokens)
    assert first == client.token()
    client.renew()
    assert next(tokens) == client.token() != first
    sim.order("wind", seconds=3500)
    client.wind(3500)
    third = next(tokens)
    assert third == client.token(), "renewed by who waited for it"
    closing = threading.Timer(0.1, client.close)
    closing.start()
    assert list(tokens) == [], "a closed client ends it"


def test_each_new_token_is_given_to_asyncio(sim: Simulator) -> None:
    async def story() -> None:
        async with sim.async_client("simacan") as client:
            tokens = client.tokens()
            first = await tokens.__anext__()
            waiting = asyncio.ensure_future(tokens.__anext__())
            await asyncio.sleep(0)
            await client.renew()
            second = await waiting
            assert first != second == await client.token()
            waiting = asyncio.ensure_future(tokens.__anext__())
            await asyncio.sleep(0)
            sim.order("wind", seconds=3500)
            client.wind(3500)
            assert await waiting != second
            waiting = asyncio.ensure_future(tokens.__anext__())
            await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            many = [asyncio.ensure_future(client.tokens().__anext__()) for _ in range(100)]
            assert len({*await asyncio.gather(*many)}) == 1
            rest = client.tokens()
            await rest.__anext__()
            ends = asyncio.ensure_future(rest.__anext__())
            await asyncio.sleep(0.01)
            await client.close()
            with pytest.raises(StopAsyncIteration):
                await ends

    asyncio.run(story())


def test_what_needs_a_person_ends_the_tokens(sim: Simulator) -> None:
    client = sim.client("simacan", password="wrong")
    with pytest.raises(keyfob.CredentialsError):
        next(client.tokens())
    known = client.wait()
    assert client.wait(known, timeout=0.001) == known


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_hears_news_of_its_own(sim: Simulator) -> None:
    client = sim.client("simacan")
    bell = client._begin_call(None)
    assert _news.descriptor(bell) > 2
    client.token()
    known = client.wait()
    waiting = threading.Thread(target=client.wait, args=(known,), kwargs={"timeout": 60})
    waiting.start()
    child = os.fork()
    if child == 0:
        # Another thread of the parent's was within a wait, and may have held its lock.
        try:
            heard = client.wait(known, timeout=5)
            client.renew()
            again = client.wait(heard, timeout=5)
            own = client._begin_call(None)
            fd = _news.descriptor(own)
            os._exit(0 if heard != known and again != heard and fd > 2 else 1)
        except BaseException:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    client.renew()
    waiting.join()
    client._end_call(bell)
