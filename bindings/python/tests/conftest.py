"""What every test has: the clouds, as after their start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulator import Simulator, running


@pytest.fixture(scope="session")
def clouds() -> Iterator[Simulator]:
    with running() as simulator:
        yield simulator


@pytest.fixture
def sim(clouds: Simulator) -> Simulator:
    clouds.reset()
    return clouds
