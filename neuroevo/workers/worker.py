"""Workers: what computes requests, in one thread, wherever it is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neuroevo.errors import EvaluationError, NeuroevoError, failure

if TYPE_CHECKING:
    from neuroevo.network.blueprint import Blueprint
    from neuroevo.search.lineage import Shard, State
    from neuroevo.task import Task, TaskRequest
    from neuroevo.workers.runner import Runner


CACHED_RUNNERS = 64  # networks a worker keeps between generations

ATTEMPTS = 3  # of a request, before it is given up


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


@dataclass(frozen=True)
class Failed:
    """In place of a result: a request failed as often as it may.

    Attributes:
        reason: One line on the last failure; a traceback may follow on lines of its own.
    """

    reason: str


class Worker:
    """Computes requests in one thread; keeps tasks and networks between them."""

    def __init__(self) -> None:
        import torch

        import neuroevo.workers.runner  # noqa: F401 - seconds of imports, while the driver does its own
        from neuroevo.network.alignment import Arena

        torch.set_num_threads(1)
        self._tasks: dict[Hashable, Task] = {}
        self._runners: OrderedDict[tuple[Any, ...], Runner] = OrderedDict()
        self._arena = Arena()  # of all runners: they run one at a time

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

    def evaluate(self, key: tuple[Any, ...], shard: Shard, states: Sequence[State]) -> Any:
        """Fitness of the shard's part of a generation; see `Runner.evaluate`."""
        return self._runner(key, shard).evaluate(states)

    def advance(self, key: tuple[Any, ...], shard: Shard, states: Sequence[State], generations: int) -> Any:
        """Whole generations; see `Runner.advance`."""
        return self._runner(key, shard).advance(states, generations)

    def assess(self, key: Hashable, shard: Shard, states: Sequence[State]) -> Any:
        """Held-out figures; see `assessment.assess`."""
        from neuroevo.workers.assessment import assess

        return assess(shard, states, self._task(shard.task))

    def set_gains(self, key: Hashable, task: TaskRequest, blueprints: Sequence[Blueprint], seed: int) -> Any:
        """Operating range; see `operating_range.set_gains`."""
        from neuroevo.network.gains import set_gains

        return set_gains(blueprints, self._task(task), seed)

    def room(self, key: Hashable, task: TaskRequest, blueprints: Sequence[Blueprint], share: float) -> Any:
        """How many genomes fit on this worker's GPU, of which it has a share; see `memory.room`."""
        from neuroevo.workers import devices, gpu_memory

        free = devices.free_memory(devices.place("cuda"))
        return gpu_memory.room(blueprints, self._task(task), int(share * free))

    def _task(self, request: TaskRequest) -> Task:
        key = (request.path, repr(sorted(request.options.items())))
        if key not in self._tasks:
            self._tasks[key] = request.make()
        return self._tasks[key]

    def _runner(self, key: tuple[Any, ...], shard: Shard) -> Runner:
        from neuroevo.workers.runner import Runner

        if key not in self._runners:
            if shard.device != "cpu":
                self._make_room(shard)
            others = (runner for at, runner in self._runners.items() if at[:-1] == key[:-1])
            sibling = next((runner for runner in others if runner.shares_lineages(shard)), None)
            self._runners[key] = Runner(shard, self._task(shard.task), sibling, self._arena)
            if len(self._runners) > CACHED_RUNNERS:
                self._runners.popitem(last=False)
        self._runners.move_to_end(key)
        return self._runners[key]

    def _make_room(self, shard: Shard) -> None:
        """Drops networks, those first that were not used for longest, until a shard's fits on the GPU."""
        from neuroevo.workers import devices, gpu_memory

        device, wanted = devices.place(shard.device), gpu_memory.shard_bytes(shard, self._task(shard.task))
        while self._runners and devices.free_memory(device) < wanted:
            self._runners.popitem(last=False)
