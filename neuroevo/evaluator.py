"""Evaluators: shards of lineages mapped over Ray actors, or run in this process.

One worker a core and one thread a worker: networks and bodies that share their cores with other thread
pools are slower. What a shard computes depends on the shard alone, so results do not depend on the number
of workers or on which of them computed what.
"""

from __future__ import annotations

import importlib
import os
import traceback
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from neuroevo.errors import EvaluationError, NeuroevoError, OptionError

if TYPE_CHECKING:
    from neuroevo.lineage import Runner, Shard, State, Task, TaskRequest
    from neuroevo.phenotype import Blueprint

CACHED_RUNNERS = 64  # networks a worker keeps between generations


class Worker:
    """Computes requests in one thread; keeps tasks and networks between them."""

    def __init__(self) -> None:
        import torch

        import neuroevo.lineage  # noqa: F401 - seconds of imports, while the driver does its own

        torch.set_num_threads(1)
        self._tasks: dict[str, Task] = {}
        self._runners: OrderedDict[Hashable, Runner] = OrderedDict()

    def evaluate(self, key: Hashable, shard: Shard, states: Sequence[State]) -> Any:
        """Fitness of the shard's part of a generation; see `Runner.evaluate`."""
        return self._runner(key, shard).evaluate(states)

    def advance(self, key: Hashable, shard: Shard, states: Sequence[State], generations: int) -> Any:
        """Whole generations; see `Runner.advance`."""
        return self._runner(key, shard).advance(states, generations)

    def assess(self, key: Hashable, shard: Shard, states: Sequence[State]) -> Any:
        """Held-out figures; see `lineage.assess`."""
        from neuroevo.lineage import assess

        return assess(shard, states, self._task(shard.task))

    def set_gains(self, key: Hashable, task: TaskRequest, blueprints: Sequence[Blueprint], seed: int) -> Any:
        """Operating range; see `operating_range.set_gains`."""
        from neuroevo.operating_range import set_gains

        return set_gains(blueprints, self._task(task), seed)

    def _task(self, request: TaskRequest) -> Task:
        if request.label not in self._tasks:
            self._tasks[request.label] = request.make()
        return self._tasks[request.label]

    def _runner(self, key: Hashable, shard: Shard) -> Runner:
        from neuroevo.lineage import Runner

        if key not in self._runners:
            self._runners[key] = Runner(shard, self._task(shard.task))
            if len(self._runners) > CACHED_RUNNERS:
                self._runners.popitem(last=False)
        self._runners.move_to_end(key)
        return self._runners[key]


@dataclass(frozen=True, eq=False)
class Request:
    """One call of a worker's method; calling it again gives the same result.

    Attributes:
        key: Identity of the request's shard: a worker that has its network is preferred.
        method: Name of a Worker method.
        constant: Leading arguments that never change for this key; sent to each node once.
        arguments: The rest.
        about: Who is concerned, for the message if it fails.
    """

    key: Hashable
    method: str
    constant: tuple[Any, ...]
    arguments: tuple[Any, ...]
    about: str


class Pool(Protocol):
    """Where requests are computed."""

    num_workers: int

    def submit(self, request: Request) -> None:
        """Queues a request."""

    def completed(self) -> tuple[Request, Any]:
        """Waits for one queued request and returns it with its result, in any order."""


class LocalPool:
    """Computes requests in this process, one after another: `--workers 0`, for debugging."""

    num_workers = 0

    def __init__(self) -> None:
        self._worker, self._queue = Worker(), list[Request]()

    def submit(self, request: Request) -> None:
        """Queues a request."""
        self._queue.append(request)

    def completed(self) -> tuple[Request, Any]:
        """Computes the oldest request."""
        request = self._queue.pop(0)
        try:
            method = getattr(self._worker, request.method)
            return request, method(request.key, *request.constant, *request.arguments)
        except NeuroevoError:
            raise
        except Exception as error:
            raise EvaluationError(_failure(request, error)) from error


class RayPool:
    """Computes requests on Ray actors, one a core, each in one thread."""

    def __init__(self, num_workers: int) -> None:
        import ray

        actor = ray.remote(num_cpus=1, max_restarts=0)(Worker)  # Ray sets OMP_NUM_THREADS to num_cpus
        self.num_workers = num_workers
        self._actors = [actor.remote() for _ in range(num_workers)]
        self._idle = list(range(num_workers))
        self._seen: list[set[Hashable]] = [set() for _ in range(num_workers)]
        self._constants: dict[Hashable, list[Any]] = {}
        self._queue: list[Request] = []
        self._running: dict[Any, tuple[int, Request]] = {}

    def submit(self, request: Request) -> None:
        """Queues a request; an idle worker starts it at once."""
        self._queue.append(request)
        self._dispatch()

    def completed(self) -> tuple[Request, Any]:
        """Waits for any running request."""
        import ray

        (ready, *_), _ = ray.wait(list(self._running), num_returns=1)
        worker, request = self._running.pop(ready)
        self._idle.append(worker)
        self._dispatch()
        try:
            return request, ray.get(ready)
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            if isinstance(cause, NeuroevoError):
                raise cause from None
            raise EvaluationError(_failure(request, cause)) from error
        except ray.exceptions.RayActorError as error:
            raise EvaluationError(
                f"The worker that computed {request.about} died ({type(error).__name__}), often for want of "
                "memory; use fewer --workers or a smaller --population."
            ) from error

    def _dispatch(self) -> None:
        """Gives queued requests to idle workers, those whose network a worker keeps first."""
        import ray

        while self._queue and self._idle:
            worker = self._idle.pop(0)
            known = (i for i, r in enumerate(self._queue) if r.key in self._seen[worker])
            request = self._queue.pop(next(known, 0))
            self._seen[worker].add(request.key)
            if request.key not in self._constants:
                self._constants[request.key] = [ray.put(x) for x in request.constant]
            method = getattr(self._actors[worker], request.method)
            call = method.remote(request.key, *self._constants[request.key], *request.arguments)
            self._running[call] = (worker, request)


@contextmanager
def pool(num_workers: int, address: str | None = None) -> Iterator[Pool]:
    """Opens a pool and shuts it down.

    Args:
        num_workers: 0 computes in this process; otherwise Ray actors of one core each.
        address: A Ray cluster to join; None starts Ray on this machine.

    Raises:
        OptionError: If the cluster cannot be reached.
    """
    if num_workers == 0:
        yield LocalPool()
        return
    import threading

    import ray

    # Ray mostly waits for its processes to start; meanwhile this one can import what it needs next.
    threading.Thread(target=lambda: importlib.import_module("neuroevo.tournament"), daemon=True).start()
    _start_ray(num_workers, address)

    try:
        yield RayPool(num_workers)
    finally:
        ray.shutdown()


def default_workers() -> int:
    """Returns the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_ray(num_workers: int, address: str | None) -> None:
    """Starts or joins Ray, quietly, bound to this machine unless an address is given."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import logging

    import ray

    common: dict[str, Any] = {
        "logging_level": logging.ERROR,
        "log_to_driver": False,
        "configure_logging": True,
    }
    if address is None:
        ray.init(num_cpus=num_workers, include_dashboard=False, **common)
        return
    try:
        ray.init(address=address, **common)
    except (ConnectionError, ValueError) as error:
        raise OptionError(
            f"No Ray cluster answers at {address!r} ({str(error).splitlines()[0]}); start one with "
            "`ray start --head`, or leave out --address."
        ) from error


def _failure(request: Request, error: BaseException) -> str:
    """Returns one line that says what failed where; the traceback follows on its own lines."""
    trace = "".join(traceback.format_exception(error)).rstrip()
    return f"{request.about} failed with {type(error).__name__}: {error}\n{trace}"
