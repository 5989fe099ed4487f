"""Pools: requests computed on Ray actors, or in this process.

One worker a core and one thread a worker: networks and bodies that share their cores with other thread
pools are slower. What a request computes depends on the request alone, so results do not depend on the number
of workers, on which of them computed what, or on those that failed on the way.
"""

from __future__ import annotations

import faulthandler
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

import torch

from neuroevo.errors import EvaluationError
from neuroevo.workers import ray_cluster
from neuroevo.workers.ray_cluster import Workers
from neuroevo.workers.ray_pool import RayPool
from neuroevo.workers.requests import ATTEMPTS, Failed, Request, compute
from neuroevo.workers.worker import Worker

logger = logging.getLogger(__name__)


class Pool(Protocol):
    """A place where requests are computed."""

    def submit(self, request: Request[object]) -> None:
        """Queues a request.

        Args:
            request: What is to be computed.
        """

    def completed(self) -> tuple[Request[object], object]:
        """Waits for one of the queued requests, in any order.

        Returns:
            The request and its result. That is `Failed` where it failed ATTEMPTS times, each time on another
            worker where there is one.

        Raises:
            NeuroevoError: If a request cannot be carried out, wherever it is tried.
        """

    def forget(self, run: int, shard: int) -> None:
        """Gives back memory that was used for a shard.

        Args:
            run: Number of the run.
            shard: Number of the shard in it, of which no more requests will come.
        """


class LocalPool:
    """Computes requests in this process, one after another: `--workers 0`, for debugging."""

    def __init__(self) -> None:
        self._worker = Worker()
        with suppress(AttributeError, ValueError, OSError):  # where standard error is no file
            faulthandler.enable()  # a library that crashes takes this process with it: say where
        self._queue: list[Request[object]] = []

    def submit(self, request: Request[object]) -> None:
        """Queues a request.

        Args:
            request: What is to be computed.
        """
        self._queue.append(request)

    def completed(self) -> tuple[Request[object], object]:
        """Computes the oldest request.

        Returns:
            The request and its result, which is `Failed` if it failed as often as it may.

        Raises:
            NeuroevoError: If the request cannot be carried out, however often it is tried.
        """
        request = self._queue.pop(0)
        logger.debug("%s: %s", type(request).__name__, request.about)
        for _ in range(ATTEMPTS):
            try:
                return request, compute(request, self._worker)
            except EvaluationError as error:
                reason = str(error)
                logger.info("failed: %s", reason.splitlines()[0])
        return request, Failed(reason)

    def forget(self, run: int, shard: int) -> None:
        """Keeps what the worker has, for its cache is bounded.

        Args:
            run: Number of the run.
            shard: Number of the shard in it.
        """


@contextmanager
def pool(workers: Workers) -> Iterator[Pool]:
    """Gives a pool and shuts it down in the end.

    Args:
        workers: The workers that are wanted.

    Yields:
        The pool; of no workers, one that computes in this process.

    Raises:
        OptionError: If the cluster cannot be reached.
        EvaluationError: If Ray cannot be started here.
    """
    if workers.number == 0:
        yield LocalPool()
        return
    # As a worker has: more of them would wait for work in a loop, on the cores that workers are on.
    torch.set_num_threads(1)

    try:
        yield RayPool.start(workers)
    finally:
        ray_cluster.stop()
