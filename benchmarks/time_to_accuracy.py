"""Seconds until a network names 0.90 and 0.95 of MNIST's test images, against EvoTorch (minutes).

Ours is `run.py --genome stats-prior --task mnist` with its defaults, its workers and all it does between
generations but checkpoints. Rivals are EvoTorch's PGPE with ClipUp and as many solutions a generation, on
minibatches of as many images of the same principal components, with a dense network of as many units as the
circuit has cells: evaluated by SupervisedNE on Ray actors, and as one vectorised objective by `torch.vmap`.
Spread, speed and the scale of parameters are those of ours by default.

Rivals advance in turns of some seconds. Clocks stand while the centre of the search is tried on the test
images, every few seconds, and do not count what is made before the first generation. One that is not there at
the limit, or ours at the end of its budget, is reported with its accuracy, and the ratio is then a bound.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.crew import Crew, Here
from benchmarks.turns import OURS, Options, Row, compare
from benchmarks.vision_rivals import network, task_of

TARGETS = (0.90, 0.95)
GOAL = 3.0  # times as soon, at the first target
LIMIT, TURN, LOOK = 600.0, 15.0, 3.0  # seconds: of a rival, of a turn, between looks at the accuracy
POPULATION, IMAGES, STEPS, COMPONENTS = 192, 256, 4, 40  # as `mnist` has them
MODULE = "benchmarks.time_to_accuracy"


class Trial:
    """A search that advances by turns and is looked at from time to time.

    Args:
        generation: Advances the search by one generation; raises StopIteration if there is none left.
        accuracy: Returns the accuracy of the search's answer on the test images.
        turn: Seconds that a turn lasts.
        look: Seconds between looks.
        close: Function that is called at the end.
    """

    def __init__(
        self,
        generation: Callable[[], object],
        accuracy: Callable[[], float],
        turn: float,
        look: float,
        close: Callable[[], object] = lambda: None,
    ) -> None:
        self.close = close
        self._generation = generation
        self._accuracy = accuracy
        self._turn = turn
        self._look = look
        self._seconds = 0.0
        self._generations = 0
        self._reached: dict[str, float] = {}
        self._best = 0.0
        self._is_over = False

    def __call__(self) -> dict[str, Any]:
        """Advances for a turn."""
        end, looked = self._seconds + self._turn, self._seconds
        while self._seconds < end and not self._is_over:
            begin = time.perf_counter()
            try:
                self._generation()
                self._generations += 1
            except StopIteration:  # a run ends with its budget
                self._is_over = True
            self._seconds += time.perf_counter() - begin
            if self._seconds - looked >= self._look or self._seconds >= end or self._is_over:
                looked = self._seconds
                self._best = max(self._best, self._accuracy())
                for target in TARGETS:
                    if self._best >= target:
                        self._reached.setdefault(str(target), self._seconds)
        return {
            "work": self._seconds,
            "generations": self._generations,
            "over": self._is_over,
            "best": self._best,
            "reached": self._reached,
        }


def ours(task: str, seed: int, cores: int, turn: float, look: float) -> Trial:
    """Returns our run, generation by generation."""
    import torch

    import populations  # noqa: F401 - registers the priors
    import tasks  # noqa: F401 - registers the tasks
    from neuroevo.experiment.config import Configuration
    from neuroevo.experiment.evolution import Evolution
    from neuroevo.experiment.plan import Plan
    from neuroevo.experiment.request import resolve
    from neuroevo.experiment.watcher import Watcher
    from neuroevo.experiment.writer import RunWriter
    from neuroevo.network.phenotype import Phenotype
    from neuroevo.run_folder import RunFolder
    from neuroevo.search.lineage import centre
    from neuroevo.workers.pool import pool
    from neuroevo.workers.ray_cluster import Workers

    torch.set_num_threads(1)
    plan = Plan(resolve(Configuration(genome=("stats-prior",), task=(task,), seed=seed)))
    stack = ExitStack()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "run"
    where = stack.enter_context(pool(Workers(cores)))
    run = RunFolder.create(folder, plan.config.to_dict(), {"lineages": plan.lineages()})
    writer = RunWriter(run)
    evolution = Evolution(plan, where, writer, Watcher())
    (request,) = plan.requests
    writer._cost = 1e9  # no checkpoints: the rivals write none
    pairs = evolution.begin(request, evolution.set_gains(request), range(1))
    (shard,) = evolution.shards(request, pairs)
    rows = evolution.evolve([shard])
    tested = request.make()
    alone = Phenotype([shard.shard.lineages[0].blueprint], [1])

    def accuracy() -> float:
        (pair,) = shard.pairs()
        alone.load([centre(*pair)[None]])
        return float(tested.score(alone, seeds=[0]).nanmean())

    return Trial(lambda: next(rows), accuracy, turn, look, stack.close)


def evotorch(kind: str, seed: int, units: int, cores: int, turn: float, look: float) -> Trial:
    """Returns EvoTorch's PGPE.

    Args:
        kind: `SupervisedNE` or `vmap`.
        seed: Seed of the search and of minibatches.
        units: Number of units of the network.
        cores: Number of Ray actors, or of threads.
        turn: Seconds that a turn lasts.
        look: Seconds between looks.
    """
    import torch
    from evotorch.algorithms import PGPE

    from neuroevo.search.methods import Pgpe

    ours_ = task_of("mnist", IMAGES, STEPS)
    data = ours_._data()
    torch.manual_seed(seed)
    torch.set_num_threads(cores if kind == "vmap" else 1)
    net = network(COMPONENTS, units, ours_.num_actuators, STEPS)
    problem = _problem(kind, net, data, seed, cores)
    settings, start = Pgpe(), torch.nn.utils.parameters_to_vector(net.parameters()).detach()
    fastest = settings.speed * len(start) ** 0.5  # Euclidean
    searcher = PGPE(
        problem,
        popsize=POPULATION,
        stdev_init=settings.stdev,
        center_learning_rate=fastest / 2,  # ClipUp's own rule
        stdev_learning_rate=settings.stdev_learning_rate,
        optimizer="clipup",
        optimizer_config={"max_speed": fastest},
        ranking_method="centered",
        center_init=start,
    )

    def accuracy() -> float:
        torch.nn.utils.vector_to_parameters(searcher.status["center"].clone(), net.parameters())
        with torch.no_grad():
            return float((net(data.test).argmax(1) == data.test_labels).float().mean())

    return Trial(searcher.step, accuracy, turn, look)


def _problem(kind: str, net: Any, data: Any, seed: int, cores: int) -> Any:
    """Returns EvoTorch's problem for a network."""
    import torch
    from evotorch import Problem
    from evotorch.decorators import vectorized
    from evotorch.neuroevolution import SupervisedNE
    from evotorch.neuroevolution.net import make_functional_module
    from torch.nn.functional import cross_entropy
    from torch.utils.data import TensorDataset

    if kind == "SupervisedNE":
        images = TensorDataset(data.train, data.train_labels)
        return SupervisedNE(images, net, cross_entropy, minibatch_size=IMAGES, num_actors=cores)
    mapped = torch.vmap(make_functional_module(net), in_dims=(0, None))
    rng = torch.Generator().manual_seed(seed)

    @vectorized
    def loss(values: torch.Tensor) -> torch.Tensor:
        rows = torch.randint(len(data.train), (IMAGES,), generator=rng)
        logits = mapped(values, data.train[rows])
        where = data.train_labels[rows].expand(len(values), -1)[:, :, None]
        return -torch.log_softmax(logits, 2).gather(2, where)[:, :, 0].mean(1)

    length = sum(p.numel() for p in net.parameters())
    return Problem("min", loss, solution_length=length, initial_bounds=(-1e-5, 1e-5))


def measure(options: Options) -> Iterator[Row]:
    """Yields a row a rival for each target."""
    from benchmarks.networks import CIRCUIT
    from neuroevo.connectome.catalog import load

    units = load(CIRCUIT).num_cells
    small = options.smallest
    task = "digits:components=20,episodes=16" if small else "mnist"
    turn, look, limit = (0.2, 0.1, 0.2) if small else (TURN, LOOK, LIMIT)
    paced = {"seed": options.seed, "turn": turn, "look": look}
    cores = 0 if small else options.cores
    with ExitStack() as stack:

        def start(maker: str, **given: Any) -> Crew:
            name, shares = f"{MODULE}:{maker}", [{**paced, **given}]
            return stack.enter_context(Here(name, shares) if options.here else Crew(name, shares))

        crews = {OURS: start("ours", task=task, cores=cores)}
        if options.peers and not small:
            for kind in ("SupervisedNE", "vmap"):
                crews[f"EvoTorch PGPE, {kind}"] = start("evotorch", kind=kind, units=units, cores=cores)
        while going := [crew for crew in crews.values() if _goes_on(crew, limit)]:
            for crew in going:
                crew()
        yield from _rows(crews, task, limit)


def _goes_on(crew: Crew, limit: float) -> bool:
    """Says whether a rival has another turn."""
    if crew.missing or not crew.answers:
        return not crew.missing
    (answer,) = crew.answers
    is_there = len(answer["reached"]) == len(TARGETS)
    return not (is_there or answer["over"] or answer["work"] >= limit)


def _rows(crews: dict[str, Crew], task: str, limit: float) -> Iterator[Row]:
    """Yields rows of the seconds after which each rival reached each target."""
    for target in TARGETS:
        values, notes, facts, goals = {}, {}, {}, {}
        for name, crew in crews.items():
            if crew.missing:
                values[name], notes[name] = list[float](), crew.missing
                continue
            (answer,) = crew.answers
            when = answer["reached"].get(str(target))
            values[name] = [] if when is None else [when]
            outcome = (
                f"best {answer['best']:.3f}, {answer['generations']:,} generations, {answer['work']:.0f} s"
            )
            notes[name] = f"not reached: {outcome}" if when is None else outcome
            facts[name] = {k: answer[k] for k in ("best", "generations", "work")}
            ours_at = crews[OURS].answers[0]["reached"].get(str(target)) if crews[OURS].answers else None
            if ours_at and when is None:
                notes[name] += f"; ours more than {answer['work'] / ours_at:.1f} times as soon"
            if name != OURS and target == TARGETS[0]:
                goals[name] = GOAL
        case = f"{task.partition(':')[0]}, {target} of the test images, at most {limit:g} s"
        yield from compare(case, "seconds", values, less=True, goals=goals, notes=notes, facts=facts)
