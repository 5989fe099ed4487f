"""What a request takes, before anything of it is begun: lineages, evaluations and memory.

Sizes follow from the request: arrays of parameters, networks and states are counted in bytes, as they are
laid out. The rest was measured (`python -m benchmarks.memory_estimate` holds estimates against measured
peaks): what processes with their libraries take, and what Python keeps beside the arrays. A request whose
estimate is more than this machine has, or that is beyond `MOST_LINEAGES` or `MOST_EVALUATIONS`, is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from neuroevo import memory
from neuroevo.errors import NeuroevoError, OptionError
from neuroevo.experiment.plan import fitted
from neuroevo.experiment.request import Experiment
from neuroevo.experiment.shards import shard_size, untrained_at_once
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.constants import Table
from neuroevo.network.solving import Size, genomes_at_once
from neuroevo.readout import SolvedTask
from neuroevo.search.ask_tell import BLOCK, CACHED_BLOCKS
from neuroevo.search.gaussian import REMEMBERED
from neuroevo.search.methods import Ga, Method
from neuroevo.search.settings import Settings
from neuroevo.task import HasBody
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.sampling import Sample
from neuroevo.workers.network_memory import NUMBER, genomes_on_core, network_bytes, state_bytes
from neuroevo.workers.worker import CACHED_RUNNERS

logger = logging.getLogger(__name__)

MOST_LINEAGES = 1_000_000  # of a run: a hundred times the largest that is known
MOST_EVALUATIONS = 100_000_000_000  # of a run: a year on a hundred cores, at 30 a second each

# Measured by `benchmarks.memory_estimate`, in bytes.
DRIVER = 520 * 2**20  # the driver with its libraries
WORKER = 600 * 2**20  # a worker with its libraries and a small task
LOCAL = 660 * 2**20  # the one process of --workers 0
EDGE = 60  # an edge of a wiring that was drawn and fitted to a task
CELL = 120  # a cell of it
WIRING = 12_000  # all else of it: its figures and its entry in the manifest
LINEAGE = 6_000  # a lineage beside its arrays: objects, rows, results
ROW = 400  # a row of metrics in a report; assumed, not measured by itself
WORLD = 20_000  # a body in its world, on a CPU; assumed, not measured by itself
# Measured too, as parts of what `network_memory` counts for a GPU, where genomes share less.
OPERATIONS = 3e10  # a second, of a core of a present server that multiplies and decomposes in float64
KEPT = 0.6  # of a network, while a worker keeps it
BUILDING = 2.5  # of a network, beside it, while it is built
STATE = 0.7  # of the states of its cells
COPIES_OF_STATE = 3  # of a lineage's arrays while a checkpoint is written: as they are, gathered, packed
COPIES_OF_POPULATION = 2  # beside itself, of the population that a search learns from: points, noise

READOUTS = "solved readouts"
LEAST = {"population": 2, "seeds": 1, "graphs": 1, "generations": 1, "episodes": 1}  # that a request can name


@dataclass(frozen=True)
class Estimate:
    """What a request takes.

    Attributes:
        lineages: Lineages in all.
        evaluations: Genomes that the searches evaluate, all lineages together; scores come on top.
        driver: Bytes of the process that leads the run, by what they are for.
        worker: Bytes of one worker, by what they are for; where this process computes, they are its own.
        workers: Workers that share this machine's memory with the driver.
        solving: Arithmetic of all readouts that are solved, in operations.
    """

    lineages: int
    evaluations: int
    driver: Mapping[str, float]
    worker: Mapping[str, float]
    workers: int
    solving: float = 0.0

    @property
    def solving_seconds(self) -> float:
        """Time that one core solves readouts for, in s; a slow core takes several times as long."""
        return self.solving / OPERATIONS

    @property
    def driver_bytes(self) -> float:
        """Memory of the driver, in bytes."""
        return sum(self.driver.values())

    @property
    def worker_bytes(self) -> float:
        """Memory of one worker, in bytes."""
        return sum(self.worker.values())

    @property
    def total(self) -> float:
        """Memory of all processes of this machine, in bytes."""
        return self.driver_bytes + self.workers * self.worker_bytes

    @property
    def largest(self) -> str:
        """What takes the most memory of all, in words."""
        parts = dict(self.driver)
        for what, amount in self.worker.items():
            parts[what] = parts.get(what, 0.0) + self.workers * amount
        return max(parts, key=lambda what: parts[what])


@dataclass(frozen=True)
class Numbers:
    """The numbers of a request that its memory grows with.

    Attributes:
        graphs: Samples of each prior.
        seeds: Replicates of each of them.
        population: Genomes of a generation, by task.
        generations: Generations of a lineage, by task.
        episodes: Episodes of an evaluation, by task.
    """

    graphs: int
    seeds: int
    population: Mapping[str, int]
    generations: Mapping[str, int]
    episodes: Mapping[str, int]

    @classmethod
    def of(cls, experiment: Experiment) -> Numbers:
        """Returns those of an experiment.

        Args:
            experiment: The experiment.
        """
        config, settings = experiment.config, experiment.settings
        return cls(
            graphs=config.graphs,
            seeds=config.seeds,
            population={label: search.populations[0] for label, search in settings.items()},
            generations={label: search.generations for label, search in settings.items()},
            episodes={label: task.episodes or 1 for label, task in experiment.tasks.items()},
        )

    def limited(self, name: str, most: int) -> Numbers:
        """Returns the numbers, of which one is at most so much.

        Args:
            name: The attribute.
            most: Its greatest value, for each task.
        """

        def cut(of: str, number: int) -> int:
            return min(number, most) if of == name else number

        def cut_all(of: str, by_task: Mapping[str, int]) -> dict[str, int]:
            return {label: cut(of, number) for label, number in by_task.items()}

        return Numbers(
            graphs=cut("graphs", self.graphs),
            seeds=cut("seeds", self.seeds),
            population=cut_all("population", self.population),
            generations=cut_all("generations", self.generations),
            episodes=cut_all("episodes", self.episodes),
        )

    def largest(self, name: str) -> int:
        """Returns the greatest value of a number.

        Args:
            name: The attribute.
        """
        value = getattr(self, name)
        return int(value) if isinstance(value, int) else max(value.values())


def require_possible(
    experiment: Experiment, blueprints: Mapping[str, Sequence[Blueprint]] | None = None
) -> Estimate | None:
    """Checks that a request has an end, and that this machine has the memory for it.

    Args:
        experiment: The request, resolved.
        blueprints: By task, those of the wirings that were drawn; None, before any is drawn, takes the
            connectome's own for all.

    Returns:
        What it takes; None where that is not known yet.

    Raises:
        OptionError: If it has not, in one line with what it needs and what would fit; or if the table of
            neurons' constants cannot be read.
    """
    numbers = Numbers.of(experiment)
    _require_an_end(experiment, numbers)
    known = blueprints or _own(experiment)
    if known is None:
        return None
    available = memory.limit()
    estimated = estimate(experiment, numbers, known)
    logger.info("estimated: %s", estimated)
    if estimated.total > available:
        raise OptionError(_refusal(experiment, known, estimated, available))
    return estimated


def estimate(
    experiment: Experiment, numbers: Numbers, blueprints: Mapping[str, Sequence[Blueprint]]
) -> Estimate:
    """Returns what a request takes.

    Args:
        experiment: The request, resolved.
        numbers: Its numbers, or others in their place.
        blueprints: By task, some that stand for all: of each kind of size the largest counts.
    """
    per_task = numbers.graphs * numbers.seeds * len(experiment.priors)
    is_local = experiment.workers.number == 0
    driver: dict[str, float] = {"libraries": LOCAL if is_local else DRIVER}
    worker: dict[str, float] = {"libraries": 0.0 if is_local else WORKER}
    evaluations, solving = 0, 0.0
    for label, search in experiment.settings.items():
        readout = _largest_readout(experiment, label, blueprints[label])
        largest = max(blueprints[label], key=lambda blueprint: blueprint.layout.length)
        lineages = _Lineages(per_task, search, numbers, label, largest, experiment, readout)
        evaluations += per_task * (numbers.population[label] + 1) * numbers.generations[label]
        solving += per_task * lineages.solving
        for what, amount in lineages.of_driver().items():
            driver[what] = driver.get(what, 0.0) + amount
        for what, amount in lineages.of_worker().items():  # tasks that are searched together share a worker
            worker[what] = max(worker.get(what, 0.0), amount)
    here = 1 if is_local else 0 if experiment.workers.address else experiment.workers.number or 1
    return Estimate(per_task * len(experiment.settings), evaluations, driver, worker, here, solving)


@dataclass(frozen=True)
class _Lineages:
    """The lineages of one task: what they take where they are led, and where they are evaluated.

    Attributes:
        count: How many there are.
        search: How each of them searches.
        numbers: Numbers of the request.
        label: Label of the task.
        blueprint: The largest of them.
        experiment: The request.
        readout: The size of the largest readout that is solved; None where none is.
    """

    count: int
    search: Settings
    numbers: Numbers
    label: str
    blueprint: Blueprint
    experiment: Experiment
    readout: Size | None = None

    @property
    def genomes(self) -> int:
        """Genomes of a generation, the search's centre among them; one where nothing evolves."""
        return self.numbers.population[self.label] + 1 if self.search.generations else 1

    @property
    def genome_bytes(self) -> int:
        """Bytes of the parameters of a genome."""
        return NUMBER * self.blueprint.layout.length

    @property
    def solving(self) -> float:
        """Operations that solve the readouts of a lineage: of its generations, and for its scores."""
        task, numbers = self.experiment.tasks[self.label], self.numbers
        if self.readout is None or not isinstance(task, SolvedTask):
            return 0.0
        evolved = self.genomes * numbers.generations[self.label]
        scores = 2 if evolved else len(task.sweep) or 1
        return scores * self.readout.operations(task.num_fitted) + evolved * self.readout.operations(
            task.num_minibatch
        )

    @property
    def shards(self) -> tuple[int, int, int]:
        """Lineages of a shard, parts that its population is sent in, and shards."""
        if not self.search.generations:
            size = min(self.count, untrained_at_once(self.numbers.seeds))
            return size, 1, -(-self.count // size)
        least = min(self.genomes - 1, self.search.populations[1])
        most = genomes_on_core(self.blueprint, self.experiment.tasks[self.label].episodes)
        most = most if self.readout is None else min(most, genomes_at_once([self.readout]))
        size, parts = shard_size(self.count, self.genomes - 1, least, most=most)
        return size, parts, -(-self.count // size)

    def of_driver(self) -> dict[str, float]:
        """Returns bytes of the process that leads the run, by what they are for."""
        architecture, numbers = self.blueprint.architecture, self.numbers
        edges = len(architecture.synapses) + len(architecture.gap_junctions)
        is_mixed = self.experiment.config.selection == "mixed"
        wirings = numbers.graphs * len(self.experiment.priors) * (numbers.seeds if is_mixed else 1)
        numbers_kept = state_numbers(self.search.method, self.genomes - 1) if self.search.generations else 0
        state = COPIES_OF_STATE * numbers_kept * self.genome_bytes
        _, parts, shards = self.shards
        populations = (shards + COPIES_OF_POPULATION) * self.genomes * self.genome_bytes
        return {
            "wirings": wirings * (EDGE * edges + CELL * architecture.num_cells + WIRING),
            "the states of searches": self.count * (LINEAGE + state),
            "rows of metrics": self.count * numbers.generations[self.label] * ROW,
            "populations": populations if parts > 1 else 0.0,
        }

    def of_worker(self) -> dict[str, float]:
        """Returns bytes of one worker, by what they are for; of networks on a GPU that takes care itself."""
        size, parts, shards = self.shards
        workers = self.experiment.workers.number or 1
        part = -(-self.genomes // parts)
        if parts == 1:  # each worker has some of the shards
            networks = min(CACHED_RUNNERS, -(-shards // workers))
            drawn = size * (1 + COPIES_OF_POPULATION) * self.genomes * self.genome_bytes
        else:  # each worker has parts of all of them, which share a network or two
            networks = 2 * min(shards, -(-CACHED_RUNNERS // -(-parts // workers)))
            drawn = (2 * part + CACHED_BLOCKS * BLOCK * networks) * self.genome_bytes
        if self.experiment.config.device != "cpu":
            return {"populations": drawn}
        network, episodes = size * part * network_bytes(self.blueprint), self.numbers.episodes[self.label]
        world = WORLD if isinstance(self.experiment.tasks[self.label], HasBody) else 0
        return {
            "populations": drawn,
            "networks": (KEPT * networks + BUILDING) * network,
            "states of networks": size * part * episodes * (STATE * state_bytes(self.blueprint) + world),
            READOUTS: 0.0 if self.readout is None else size * part * self.readout.bytes,
        }


def _largest_readout(experiment: Experiment, label: str, blueprints: Sequence[Blueprint]) -> Size | None:
    """Returns the size of the largest readout of a task that is solved; None where none is."""
    task = experiment.tasks[label]
    if not isinstance(task, SolvedTask):
        return None
    return max((task.size(blueprint.ports) for blueprint in blueprints), key=lambda size: size.bytes)


def state_numbers(method: Method, population: int) -> int:
    """Returns how many numbers a search keeps for each parameter.

    Args:
        method: Search method.
        population: Genomes of a generation.
    """
    return max(_kept(phase, population) for phase in method.phases)


def _kept(method: Method, population: int) -> int:
    """Returns how many numbers the method of one phase keeps for each parameter."""
    if isinstance(method, Ga):
        return min(method.elite, population) + 1  # the elite, and how far each parameter mutates
    optimizer = str(getattr(method, "optimizer", ""))
    return 2 + len([name for name in REMEMBERED.get(optimizer, ()) if name != "t"])  # centre and spread


def _own(experiment: Experiment) -> dict[str, list[Blueprint]] | None:
    """Returns the blueprints of the connectome itself by task, or None where no task takes it."""
    wiring = Architecture.of(experiment.connectome)
    Table.read(experiment.neuron)  # one that cannot be read is said now
    try:
        return fitted(
            [Sample("connectome", 0, wiring, "")], experiment.tasks, experiment.neuron, experiment.adapter
        )
    except NeuroevoError:  # said when the wirings of the run meet the tasks, which may be others
        return None


def _require_an_end(experiment: Experiment, numbers: Numbers) -> None:
    """Raises OptionError if a run has more lineages or evaluations than any has that comes to an end."""
    lineages = numbers.graphs * numbers.seeds * len(experiment.priors) * len(experiment.tasks)
    if lineages > MOST_LINEAGES:
        name = "seeds" if numbers.seeds >= numbers.graphs else "graphs"
        fits = MOST_LINEAGES * getattr(numbers, name) // lineages
        raise OptionError(
            f"--{name} {getattr(numbers, name)} makes {lineages:,} lineages; a run has at most "
            f"{MOST_LINEAGES:,}{_fitting(name, fits)}."
        )
    evaluations = (
        lineages
        // len(experiment.tasks)
        * sum((numbers.population[label] + 1) * numbers.generations[label] for label in experiment.tasks)
    )
    if evaluations > MOST_EVALUATIONS:
        name = "generations"
        if numbers.largest("population") > numbers.largest(name):
            name = "population"
        fits = MOST_EVALUATIONS * numbers.largest(name) // evaluations
        raise OptionError(
            f"--{name} {numbers.largest(name)} makes {evaluations:,} evaluations in {lineages:,} lineages; a "
            f"run has at most {MOST_EVALUATIONS:,}{_fitting(name, fits)}."
        )


def _refusal(
    experiment: Experiment, blueprints: Mapping[str, Sequence[Blueprint]], estimated: Estimate, available: int
) -> str:
    """Returns the line about a request that takes more memory than there is."""
    numbers = Numbers.of(experiment)

    def total(name: str, most: int) -> float:
        return estimate(experiment, numbers.limited(name, most), blueprints).total

    name = min(LEAST, key=lambda name: total(name, LEAST[name]))
    number = numbers.largest(name)
    fits = _greatest(number, LEAST[name], lambda most: total(name, most) <= available)
    needs = f"needs about {memory.text(estimated.total)}, most of it for {estimated.largest}"
    here = f"this machine has {memory.text(available)}"
    if fits is None:
        first = f"A run of {estimated.lineages:,} lineages {needs}; {here}"
        advice = "Choose a smaller connectome or fewer workers, priors and tasks"
        if estimated.largest == READOUTS:
            return f"{first}. Let readouts read less (read=outputs, times=1), or take fewer workers."
        return f"{first}. {advice} (--workers, --genome, --task)."
    return f"--{name} {number} {needs}; {here}{_fitting(name, fits)}."


def _fitting(name: str, fits: int) -> str:
    """Returns the end of a sentence that says what would fit."""
    if fits < LEAST[name]:
        return ""
    if name == "population":
        fits -= fits % 2  # most searches draw pairs
    return f"; at most --{name} {_rounded(fits)} fits"


def _rounded(number: int) -> int:
    """Returns a number with its first three figures, the rest zeros."""
    unit = 10 ** max(0, len(str(number)) - 3)
    return number // unit * unit


def _greatest(high: int, low: int, fits: Callable[[int], bool]) -> int | None:
    """Returns the greatest number from low to high that fits, where all below it do; None if none does."""
    if not fits(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
