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
    from neuroevo.lineage import Shard, State, Task, TaskRequest
    from neuroevo.phenotype import Blueprint
    from neuroevo.runner import Runner

CACHED_RUNNERS = 64  # networks a worker keeps between generations
CONNECT_SECONDS = 10.0
MAX_REASON = 300  # characters of somebody else's error that are quoted


class Worker:
    """Computes requests in one thread; keeps tasks and networks between them."""

    def __init__(self) -> None:
        import torch

        import neuroevo.runner  # noqa: F401 - seconds of imports, while the driver does its own

        torch.set_num_threads(1)
        self._tasks: dict[Hashable, Task] = {}
        self._runners: OrderedDict[Hashable, Runner] = OrderedDict()

    def compute(self, method: str, about: str, key: Hashable, *arguments: Any) -> Any:
        """Calls one of the methods below.

        Raises:
            EvaluationError: If it fails; text alone, for not every exception can be sent.
            NeuroevoError: As it was raised.
        """
        try:
            return getattr(self, method)(key, *arguments)
        except NeuroevoError:
            raise
        except Exception as error:
            raise EvaluationError(failure(about, error)) from None

    def evaluate(self, key: Hashable, shard: Shard, states: Sequence[State]) -> Any:
        """Fitness of the shard's part of a generation; see `Runner.evaluate`."""
        return self._runner(key, shard).evaluate(states)

    def advance(self, key: Hashable, shard: Shard, states: Sequence[State], generations: int) -> Any:
        """Whole generations; see `Runner.advance`."""
        return self._runner(key, shard).advance(states, generations)

    def assess(self, key: Hashable, shard: Shard, states: Sequence[State]) -> Any:
        """Held-out figures; see `assessment.assess`."""
        from neuroevo.assessment import assess

        return assess(shard, states, self._task(shard.task))

    def set_gains(self, key: Hashable, task: TaskRequest, blueprints: Sequence[Blueprint], seed: int) -> Any:
        """Operating range; see `operating_range.set_gains`."""
        from neuroevo.operating_range import set_gains

        return set_gains(blueprints, self._task(task), seed)

    def _task(self, request: TaskRequest) -> Task:
        key = (request.path, repr(sorted(request.options.items())))
        if key not in self._tasks:
            self._tasks[key] = request.make()
        return self._tasks[key]

    def _runner(self, key: Hashable, shard: Shard) -> Runner:
        from neuroevo.runner import Runner

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
        key: Identity of the request's shard, hashable: a worker that has its network is preferred.
        method: Name of a Worker method.
        constant: Leading arguments that never change for this key; sent to each node once.
        arguments: The rest.
        about: Who is concerned, for the message if it fails: genome, task, graph, seed, generation.
    """

    key: tuple[Any, ...]
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

    def forget(self, shard: tuple[Any, ...]) -> None:
        """Gives back the memory of a shard of which no more requests will come: keys that begin so."""


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
        return request, self._worker.compute(
            request.method, request.about, request.key, *request.constant, *request.arguments
        )

    def forget(self, shard: tuple[Any, ...]) -> None:
        """Keeps what it has: the worker's cache is bounded."""


class RayPool:
    """Computes requests on Ray actors, one a core, each in one thread."""

    def __init__(self, num_workers: int) -> None:
        import ray

        actor = ray.remote(num_cpus=1, max_restarts=0)(Worker)  # Ray sets OMP_NUM_THREADS to num_cpus
        self.num_workers = num_workers
        self._actors: list[Any] = [actor.remote() for _ in range(num_workers)]
        self._idle = list(range(num_workers))
        self._seen: list[set[Hashable]] = [set() for _ in range(num_workers)]
        self._constants: dict[tuple[Any, ...], list[Any]] = {}
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
            if isinstance(error.cause, NeuroevoError):
                raise error.cause from None
            raise EvaluationError(failure(request.about, error)) from error
        except ray.exceptions.RayError as error:
            raise EvaluationError(
                f"The worker that computed {request.about} died ({type(error).__name__}), often for want of "
                "memory; use fewer --workers or a smaller --population."
            ) from error

    def forget(self, shard: tuple[Any, ...]) -> None:
        """Drops the constant arguments of a shard from the object store."""
        for key in [key for key in self._constants if key[: len(shard)] == shard]:
            del self._constants[key]

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
            arguments = (*self._constants[request.key], *request.arguments)
            compute = self._actors[worker].compute
            call = compute.remote(request.method, request.about, request.key, *arguments)
            self._running[call] = (worker, request)


@contextmanager
def pool(num_workers: int, address: str | None = None) -> Iterator[Pool]:
    """Opens a pool and shuts it down.

    Args:
        num_workers: 0 computes in this process; otherwise Ray actors of one core each.
        address: A Ray cluster to join; None starts Ray on this machine.

    Raises:
        OptionError: If the cluster cannot be reached.
        EvaluationError: If Ray cannot be started here.
    """
    if num_workers == 0:
        yield LocalPool()
        return
    import threading

    import ray

    # Ray mostly waits for its processes to start; meanwhile this one can import what it needs next.
    threading.Thread(target=lambda: importlib.import_module("neuroevo.tournament"), daemon=True).start()
    try:
        _start_ray(num_workers, address)
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
        try:
            ray.init(num_cpus=num_workers, include_dashboard=False, **common)
        except Exception as error:
            reason = _one_line(error)
            raise EvaluationError(f"Ray does not start here ({reason}); try --workers 0.") from error
        return
    try:
        _require_listener(address)
        ray.init(address=address, **common)
    except Exception as error:
        raise OptionError(
            f"No Ray cluster answers at {address!r} ({_one_line(error)}); start one with `ray start --head`, "
            "or leave out --address."
        ) from error


def _require_listener(address: str) -> None:
    """Raises OSError unless something listens at HOST:PORT: Ray would try for minutes."""
    import socket

    if address != "auto":
        host, _, port = address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()


def failure(about: str, error: BaseException) -> str:
    """Returns one line that says what failed where; the traceback follows on lines of its own."""
    trace = "".join(traceback.format_exception(error)).rstrip()
    return f"{about} failed with {type(error).__name__}: {_one_line(error)}.\n{trace}"


def _one_line(error: BaseException) -> str:
    """Returns an error's text without line breaks, and without its end where it is long."""
    text = " ".join(str(error).split())
    return text.removesuffix(".") if len(text) <= MAX_REASON else f"{text[:MAX_REASON]}..."
