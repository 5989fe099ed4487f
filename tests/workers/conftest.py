"""What tests of Ray share: Ray is started once, and so are its workers, each of which takes seconds to start.

Ray has six cores: three for the workers that are shared, and three for what a test starts beside them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from neuroevo.workers import ray_cluster, ray_pool
from neuroevo.workers.pool import LocalPool, Pool
from neuroevo.workers.ray_cluster import Workers
from neuroevo.workers.ray_pool import RayPool

FREE_CORES = 3


@pytest.fixture(scope="session")
def shared() -> Iterator[dict[int, RayPool]]:
    """Pools that wait for the next test, by their number of workers."""
    yield {}
    ray_cluster.stop()


@pytest.fixture
def started(shared: dict[int, RayPool], monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[int, RayPool]]:
    """Starts Ray unless it has been; leaves no pool to the next test that a failure has left with work."""
    import ray

    monkeypatch.setattr(ray_pool, "WAIT_SECONDS", 0.2)
    if not ray.is_initialized():
        shared.clear()
        ray_cluster.start(Workers(3 + FREE_CORES, gpus=1 / 3))  # of GPUs Ray believes what it is told
    yield shared
    for number, pool in tuple(shared.items()):
        if pool._queue or any(slot.job for slot in pool._slots):
            del shared[number]


@pytest.fixture
def crew(started: dict[int, RayPool]) -> RayPool:
    """A pool of two workers."""
    if 2 not in started:
        started[2] = RayPool(Workers(2))
    started[2].retries.clear()
    return started[2]


@pytest.fixture
def pools(started: dict[int, RayPool], crew: RayPool) -> dict[int, Pool]:
    """Pools by their number of workers, 0 for this process."""
    if 1 not in started:
        started[1] = RayPool(Workers(1))
    started[1].retries.clear()
    return {0: LocalPool(), 1: started[1], 2: crew}
