"""Requests: what a worker can be asked for, as small messages that say by themselves how they are computed.

    Evaluate    fitness of a part of a generation
    Advance     whole generations
    Assess      held-out scores
    SetGains    blueprints in their operating range
    Room        how many genomes a GPU takes

What a request gives depends on its fields alone, so that it can be computed again, and anywhere.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from neuroevo import readout
from neuroevo.errors import FOREIGN, EvaluationError, NeuroevoError, failure
from neuroevo.network import gains
from neuroevo.network.blueprint import Blueprint
from neuroevo.rows import Scores
from neuroevo.search.lineage import Evaluation, Shard, State
from neuroevo.task import TaskRequest
from neuroevo.workers import assessment, devices, endings, network_memory
from neuroevo.workers.assessment import Scope
from neuroevo.workers.runner import Advanced
from neuroevo.workers.worker import ShardKey, Worker

ATTEMPTS = 3  # of a request, before it is given up

Result = TypeVar("Result", covariant=True)


@dataclass(frozen=True)
class TaskKey:
    """Names a request about some wirings on a task.

    Attributes:
        run: Number of the run among those of the driver's process.
        task: Label of the task.
        first: Number of the first of these wirings among the samples of the run.
    """

    run: int
    task: str
    first: int = 0


@dataclass(frozen=True)
class StatesKey:
    """Names the states that all parts of a shard's generation are evaluated from.

    Attributes:
        run: Number of the run among those of the driver's process.
        shard: Number of the shard in its run.
        revision: How often the shard has lost lineages.
    """

    run: int
    shard: int
    revision: int


Key = ShardKey | TaskKey | StatesKey


@dataclass(frozen=True, eq=False)
class Request(ABC, Generic[Result]):
    """One thing that a worker is asked to compute.

    Attributes:
        key: Names what the request is about; a worker that has been asked about it before is preferred.
        about: Who is concerned, for the message if it fails: genome, task, graph, seed, generation.
    """

    key: Key
    about: str

    @abstractmethod
    def run(self, worker: Worker) -> Result:
        """Returns the result.

        Args:
            worker: Computes it, with the tasks and networks that it keeps.
        """

    @property
    def portions(self) -> int:
        """How many times the work of a generation it is; it has so many times the time, too."""
        return 1

    @property
    @abstractmethod
    def cached(self) -> Mapping[str, Key]:
        """Fields that a worker keeps, so that the next request need not carry them, with their keys."""


@dataclass(frozen=True, eq=False)
class Evaluate(Request[Evaluation]):
    """Asks for the fitness of a shard's part of a generation, see `Runner.evaluate`.

    Attributes:
        key: The shard's, with its part.
        shard: A part of a shard.
        states: Its lineages' states, R of them; the same list for all parts of a generation.
    """

    key: ShardKey
    shard: Shard
    states: Sequence[State]

    def run(self, worker: Worker) -> Evaluation:
        """Returns the fitness of the part.

        Args:
            worker: Keeps the part's network.
        """
        return worker.runner(self.key, self.shard).evaluate(self.states)

    @property
    def cached(self) -> Mapping[str, Key]:
        """The part never changes, and the states are those of the generation's other parts."""
        states = StatesKey(self.key.run, self.key.shard, self.key.revision)
        return {"shard": self.key, "states": states}


@dataclass(frozen=True, eq=False)
class Advance(Request[Advanced]):
    """Asks for whole generations of a shard, see `Runner.advance`.

    Attributes:
        key: The shard's.
        shard: The whole of it.
        states: Its lineages' states, R of them.
        generations: How many generations are asked for.
    """

    key: ShardKey
    shard: Shard
    states: Sequence[State]
    generations: int = 1

    def run(self, worker: Worker) -> Advanced:
        """Returns the states after the generations, and rows of metrics.

        Args:
            worker: Keeps the shard's network.
        """
        return worker.runner(self.key, self.shard).advance(self.states, self.generations)

    @property
    def cached(self) -> Mapping[str, Key]:
        """The shard never changes."""
        return {"shard": self.key}


@dataclass(frozen=True, eq=False)
class Assess(Request[Sequence[Scores]]):
    """Asks for held-out scores of a shard's lineages, see `assessment.assess`.

    Attributes:
        key: The shard's.
        shard: The whole of it.
        states: Its lineages' last states, R of them.
        scope: What is found out, and with how many genomes at once.
    """

    key: ShardKey
    shard: Shard
    states: Sequence[State]
    scope: Scope

    def run(self, worker: Worker) -> Sequence[Scores]:
        """Returns the scores, a row a lineage.

        Args:
            worker: Keeps the task; networks of searches, which are over, make room.

        Raises:
            EvaluationError: If the task cannot score, in whatever way: the search was well without.
        """
        worker.drop_networks()
        task = readout.on(worker.task(self.shard.task), self.shard.lineages[0].blueprint.adapter)
        try:
            return assessment.assess(self.shard, self.states, task, self.scope, worker.arena)
        except NeuroevoError as error:
            raise EvaluationError(f"{self.about}: {error}") from error

    @property
    def portions(self) -> int:
        """Of all lineages' genomes, as many portions as there are parts."""
        num_lineages = len(self.states)
        return math.ceil(num_lineages * self.scope.evaluations / (self.scope.at_once or math.inf)) or 1

    @property
    def cached(self) -> Mapping[str, Key]:
        """The shard may be there from the generations before."""
        return {"shard": self.key}


@dataclass(frozen=True, eq=False)
class SetGains(Request[Sequence[Blueprint]]):
    """Asks for blueprints in their operating range, see `gains.set_gains`.

    Attributes:
        key: The task's, with the number of the first blueprint.
        task: The task as a message.
        blueprints: Those whose gains are to be set.
        seed: Of the genomes and the episodes that the range is measured on.
    """

    key: TaskKey
    task: TaskRequest
    blueprints: Sequence[Blueprint]
    seed: int

    def run(self, worker: Worker) -> Sequence[Blueprint]:
        """Returns the blueprints with their gains.

        Args:
            worker: Keeps the task.
        """
        task = readout.on(worker.task(self.task), self.blueprints[0].adapter)
        return gains.set_gains(self.blueprints, task, self.seed)

    @property
    def cached(self) -> Mapping[str, Key]:
        """Nothing is asked twice about these wirings."""
        return {}


@dataclass(frozen=True, eq=False)
class Room(Request[int]):
    """Asks how many genomes fit on the worker's GPU, see `network_memory.room`.

    Attributes:
        key: The task's.
        task: The task as a message.
        blueprints: All of the task's.
        share: Of the GPU's free memory, in (0, 1], that this worker may use.
    """

    key: TaskKey
    task: TaskRequest
    blueprints: Sequence[Blueprint]
    share: float

    def run(self, worker: Worker) -> int:
        """Returns the number of genomes, at least 1.

        Args:
            worker: Keeps the task.
        """
        free = devices.free_memory(devices.place("cuda"))
        return network_memory.room(self.blueprints, worker.task(self.task), int(self.share * free))

    @property
    def cached(self) -> Mapping[str, Key]:
        """Nothing is asked twice about a task's room."""
        return {}


@dataclass(frozen=True)
class Failed:
    """Stands in place of a result where a request failed as often as it may.

    Attributes:
        reason: One line on the last failure; a traceback may follow on lines of its own.
    """

    reason: str


def compute(request: Request[Result], worker: Worker) -> Result:
    """Returns the result of a request.

    Args:
        request: What is asked for.
        worker: Computes it.

    Raises:
        EvaluationError: If it fails; it holds text alone, for not every exception can be sent.
        NeuroevoError: If the request cannot be carried out, wherever it is tried.
        KeyboardInterrupt: If this process was interrupted, and not by the task itself.
    """
    try:
        with endings.contained() as interrupted:
            return request.run(worker)
    except NeuroevoError:
        raise
    except FOREIGN as error:
        raise EvaluationError(failure(request.about, error)) from None
    except KeyboardInterrupt as error:
        if interrupted.is_so:
            raise
        raise EvaluationError(failure(request.about, error)) from None
