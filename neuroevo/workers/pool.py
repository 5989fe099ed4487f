"""Evaluators: requests mapped over Ray actors, or computed in this process.

One worker a core and one thread a worker: networks and bodies that share their cores with other thread
pools are slower. What a request computes depends on the request alone, so results do not depend on the number
of workers, on which of them computed what, or on those that failed on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from neuroevo.errors import EvaluationError
from neuroevo.workers.ray_cluster import Workers
from neuroevo.workers.worker import ATTEMPTS, Failed, Request, Worker


class Pool(Protocol):
    """Where requests are computed."""

    def submit(self, request: Request) -> None:
        """Queues a request."""

    def completed(self) -> tuple[Request, Any]:
        """Waits for one queued request and returns it with its result, in any order.

        What failed ATTEMPTS times, each time on another worker where there is one, has `Failed` as its
        result.
        """

    def forget(self, shard: tuple[Any, ...]) -> None:
        """Gives back the memory of a shard of which no more requests will come: keys that begin so."""


class LocalPool:
    """Computes requests in this process, one after another: `--workers 0`, for debugging."""

    def __init__(self) -> None:
        self._worker, self._queue = Worker(), list[Request]()

    def submit(self, request: Request) -> None:
        """Queues a request."""
        self._queue.append(request)

    def completed(self) -> tuple[Request, Any]:
        """Computes the oldest request."""
        request = self._queue.pop(0)
        for _ in range(ATTEMPTS):
            try:
                return request, self._worker.compute(
                    request.method, request.about, request.key, *request.constant, *request.arguments
                )
            except EvaluationError as error:
                reason = str(error)
        return request, Failed(reason)

    def forget(self, shard: tuple[Any, ...]) -> None:
        """Keeps what it has: the worker's cache is bounded."""


@contextmanager
def pool(workers: Workers) -> Iterator[Pool]:
    """Opens a pool and shuts it down.

    Raises:
        OptionError: If the cluster cannot be reached.
        EvaluationError: If Ray cannot be started here.
    """
    if workers.number == 0:
        yield LocalPool()
        return
    import torch

    from neuroevo.workers.ray_pool import RayPool

    # As a worker has: more of them would wait for work in a loop, on the cores that workers are on.
    torch.set_num_threads(1)

    try:
        yield RayPool.start(workers)
    finally:
        import ray

        ray.shutdown()
