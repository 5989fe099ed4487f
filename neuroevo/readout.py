"""Tasks as networks with a readout in closed form meet them: fitted, judged, and scored on held-out data.

A decoder that evolves measures the search as much as the wiring. Here a network is run on samples of a task,
a ridge regression from its cells to the targets is solved, and the fitness is what it explains of samples
that it was not fitted to. Held-out data are met once, by a readout of the whole training split.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from neuroevo.errors import TaskError
from neuroevo.network.adapters import Adapter, Ports, Ridge
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.network.reservoir import Population, Reservoir, is_reservoir, states_of
from neuroevo.network.ridge import Moments, Readout, Solver, fit
from neuroevo.network.solving import Size
from neuroevo.task import Chooses, HasImages, HasNativeMaps, HasTargets, Samples, Split, Task

IMAGES_AT_ONCE = 512  # bounds the memory of a part of the images
STEPS_AT_ONCE = 256  # steps of a sequence whose states are kept until they are added up
STEPS_WATCHED = 300  # of a sequence, by who measures currents
EPISODES_WATCHED = 32  # of those side by side, where networks run as reservoirs
HELD_BACK = 0.2  # of the training split, to choose the penalty by
MOST_SENSORS = 1_024  # that a readout without a network reads; of more, solving it would take long
HALF = 0.5  # of a minibatch is fitted, the other half measures the fit
LARGER = "Give the task larger minibatches (--episodes, or longer sequences)"
LONGER = "Give the task more data (of sequences, length or episodes)"


def on(task: Task, adapter: Adapter) -> Task:
    """Returns a task as networks with an adapter meet it.

    Args:
        task: The task.
        adapter: The adapter of the networks.

    Returns:
        The task itself, or with a ridge readout one whose fitness and scores are those of fitted readouts.

    Raises:
        TaskError: If a readout is asked for on a task that has no targets.
    """
    if not isinstance(adapter, Ridge) or isinstance(task, SolvedTask):
        return task
    if not isinstance(task, HasTargets):
        raise TaskError(
            "Adapter 'ridge' was asked for on a task that has no targets to fit a readout to; wanted images "
            "or a task of sequences, or --adapter linear."
        )
    return SolvedImages(task, adapter) if isinstance(task, HasImages) else SolvedTask(task, adapter)


@dataclass(frozen=True)
class Sensors:
    """What is sensed itself, in place of networks that sense it.

    Attributes:
        num_genomes: How often.
    """

    num_genomes: int


Runs = Phenotype | Population | Sensors  # what a readout reads


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of the samples of one run of genomes.

    Attributes:
        genomes: Which genomes.
        features: What their readouts read, float32 [g, n, F].
        targets: float32 [g, n, K], or [1, n, K] where all genomes have the same.
        first: The number of the first sample among all samples of a genome.
    """

    genomes: slice
    features: Tensor
    targets: Tensor
    first: int


class SolvedTask(Task):
    """A task whose targets are told by readouts that are solved for every genome.

    Args:
        task: The task.
        adapter: The readout that is wanted.

    Raises:
        TaskError: If the readout reads more states than a sequence or an image has steps.
    """

    def __init__(self, task: Task, adapter: Ridge) -> None:
        assert isinstance(task, HasTargets)
        self._task: HasTargets = task
        self._base: Task = task
        self._adapter = adapter
        self.unit = task.unit
        self.fitness_unit = "R2 of samples held back"
        self.defaults = task.defaults
        self.num_sensors = task.num_sensors
        self.num_actuators = task.num_actuators
        self.search = task.search
        self.shows = task.shows
        self.steps = task.steps
        self.episodes = task.episodes
        self.held_out = task.held_out
        self.image_shape = task.image_shape
        if isinstance(task, HasNativeMaps):
            self.native = task.native
        if task.steps is not None and adapter.times > task.steps:
            raise TaskError(
                f"Adapter 'ridge' with times={adapter.times} on a task of {task.steps} network steps; wanted "
                "at most as many times as steps."
            )

    def prepare(self) -> None:
        """Fetches what the task needs."""
        self._base.prepare()

    def data_hashes(self) -> dict[str, str]:
        """Returns hashes of the data that the task uses."""
        return self._base.data_hashes()

    def require_samples(self, ports: Ports, where: str, *, evolves: bool = True) -> None:
        """Makes sure that a readout has no more weights a target than samples to be fitted to.

        Args:
            ports: What the adapter connects.
            where: What the error says of whose the readout is.
            evolves: Whether readouts are fitted to minibatches too, and not to the training split alone.

        Raises:
            TaskError: If it has more.
        """
        features = self._adapter.num_features(ports)
        limits = [(int((1 - HELD_BACK) * self._task.num_training), "most of the training split", LONGER)]
        if evolves:
            limits.insert(0, (int(HALF * self._task.num_minibatch), "half of a minibatch", LARGER))
        for fitted, what, advice in limits:
            if features >= fitted:
                raise TaskError(
                    f"{where}: Adapter 'ridge' reads {features} numbers, and is fitted to {fitted} samples, "
                    f"{what}; wanted more than {features}. {advice}, or let the readout read less "
                    "(read=outputs, times=1)."
                )

    def size(self, ports: Ports) -> Size:
        """Returns the numbers that the cost of a readout grows with.

        Args:
            ports: What the adapter connects.
        """
        task, is_series = self._task, not isinstance(self._base, HasImages)
        side_by_side = (self._base.episodes or 1) * STEPS_AT_ONCE if is_series else IMAGES_AT_ONCE
        samples = min(side_by_side, max(task.num_training, task.num_minibatch))
        return Size(self._adapter.num_features(ports), self.num_actuators, samples)

    @property
    def sweep(self) -> tuple[float, ...]:
        """The gains at which what does not evolve is scored; none where there is no sweep."""
        return self._adapter.sweep

    @property
    def num_minibatch(self) -> int:
        """Samples of a minibatch, half of which a readout is fitted to while it evolves."""
        return self._task.num_minibatch

    @property
    def num_fitted(self) -> int:
        """Samples that a readout is fitted to in the end, to choose its penalty among them."""
        return self._task.num_training

    def require_cells(self, core: str) -> None:
        """Makes sure that a wiring has cells to be read.

        Args:
            core: What of the wiring evolves, see `Architecture`.

        Raises:
            TaskError: If it has not.
        """
        if core == "clock":
            raise TaskError("Adapter 'ridge' reads cells, and a clock has none; leave this prior out.")

    def evaluate(self, phenotype: Phenotype | Population, *, seeds: Sequence[int]) -> Tensor:
        """Returns how much of one half of a minibatch readouts explain that are fitted to the other half.

        Args:
            phenotype: G genomes.
            seeds: One a genome, [G]; each stands for a minibatch.

        Returns:
            float64 [G, 1], at most 1: 1 minus the squared error over that of the mean, averaged over targets,
            under the penalty for which this is greatest. NaN where a cell is not finite.
        """
        if isinstance(phenotype, Phenotype) and phenotype.monitor is not None:
            return self._watched(phenotype, seeds)
        fitness = torch.full((phenotype.num_genomes, 1), torch.nan, dtype=torch.float64)
        for genomes, fitted, others in self._moments(phenotype, "minibatch", seeds, HALF):
            finite = _are_finite(fitted, others)
            solver = Solver(fitted)
            explained = 1 - solver.errors(others, self._penalties(solver)).min(0).values
            fitness[genomes, 0] = explained.where(finite, torch.nan)
        return fitness

    def takes_populations(self, blueprints: Sequence[Blueprint]) -> bool:
        """Says whether genomes need no phenotype: on sequences, where they can run as reservoirs.

        Args:
            blueprints: Those of one task.
        """
        return not isinstance(self._task, HasImages) and all(map(is_reservoir, blueprints))

    def currents(self, blueprint: Blueprint, genomes: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Returns mean squares of currents at the beginning of a minibatch, of its first episodes.

        Args:
            blueprint: The genomes' wiring, see `takes_populations`.
            genomes: float32 [P, L].
            seed: Of the minibatch.

        Returns:
            Of what each cell receives from others, float64 [N], and of what each port brings, [I].
        """
        inputs = self._task.samples("minibatch", seeds=[seed]).inputs[:, :STEPS_WATCHED, :EPISODES_WATCHED]
        which = torch.zeros(len(genomes), dtype=torch.int64)
        return Reservoir(blueprint, genomes, inputs, which).squares(inputs.shape[1])

    def _watched(self, phenotype: Phenotype, seeds: Sequence[int]) -> Tensor:
        """Runs a network on the beginning of a minibatch for somebody who watches it; there is no fitness."""
        samples = self._task.samples("minibatch", seeds=seeds)
        if samples.inputs.ndim == 3:
            phenotype.show(samples.inputs[:, :IMAGES_AT_ONCE], samples.which)
            phenotype.hold(self._base.steps or 1)
        else:
            phenotype.reset(samples.inputs.shape[2])
            for step in range(min(samples.inputs.shape[1], STEPS_WATCHED)):
                phenotype.step(samples.inputs[samples.which, step])
        return torch.full((phenotype.num_genomes, 1), torch.nan, dtype=torch.float64)

    def score(self, phenotype: Phenotype | Population, *, seeds: Sequence[int]) -> Tensor:
        """Returns the scores of readouts of the whole training split on held-out data.

        Args:
            phenotype: G genomes.
            seeds: One a genome, [G].

        Returns:
            Scores [G, B'], in the task's unit; NaN where a cell is not finite.
        """
        return self.score_and_error(phenotype, seeds=seeds)[0]

    def score_and_error(
        self, phenotype: Phenotype | Population, *, seeds: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Returns scores as `score` does, and how much readouts err on what is held back of the training.

        Args:
            phenotype: G genomes.
            seeds: One a genome, [G].

        Returns:
            Scores [G, B'], and the least errors of the penalties to choose from, float64 [G], see
            `ridge.Solver.errors`; infinite where a cell is not finite.
        """
        said, targets, lost, errors = self._said(phenotype, seeds)
        scores = self._task.judge(said, targets).double()
        return scores.masked_fill(lost[:, None], torch.nan), errors.masked_fill(lost, torch.inf)

    @cached_property
    def floor(self) -> tuple[float, str] | None:
        """The score that takes no network, and what has it, as the task tells."""
        return self._base.floor

    @property
    def can_read_sensors(self) -> bool:
        """Whether a readout can be fitted to the sensors themselves: few of them, and many samples."""
        most = min(MOST_SENSORS, int((1 - HELD_BACK) * self._task.num_training) - 1)
        return self.num_sensors * self._adapter.times <= most

    def sensor_scores(self, seeds: Sequence[int]) -> list[float | None]:
        """Returns what readouts of the sensors score, with no network between.

        They are fitted and judged as those of networks are, and read as many of the latest moments.

        Args:
            seeds: Seeds of held-out data, as `score` gets them.

        Returns:
            A held-out score a seed, mean over episodes; None where it is not finite.
        """
        if isinstance(self._task, HasImages):  # the same for every seed
            return self._sensor_scores(seeds[:1]) * len(seeds)
        return [score for seed in seeds for score in self._sensor_scores([seed])]

    def _sensor_scores(self, seeds: Sequence[int]) -> list[float | None]:
        """Returns what readouts of the sensors score, all seeds at once."""
        with torch.inference_mode():
            said, targets, lost, _ = self._said(Sensors(len(seeds)), seeds)
            scores = self._task.judge(said, targets).double().mean(1).masked_fill(lost, torch.nan)
        return [x if math.isfinite(x) else None for x in scores.tolist()]

    def _penalties(self, solver: Solver) -> Tensor:
        """Returns the penalties to choose from, [L, P]: the one that was asked for, or a grid."""
        if not self._adapter.penalty:
            return solver.grid()
        return torch.full((1, len(solver.scale)), self._adapter.penalty, dtype=torch.float64)

    def _said(self, phenotype: Runs, seeds: Sequence[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns what readouts say of held-out data and should, see `judge`; who has none; their errors."""
        readouts: dict[int, Readout] = {}
        lost = torch.zeros(phenotype.num_genomes, dtype=torch.bool)
        least = torch.zeros(phenotype.num_genomes, dtype=torch.float64)
        for genomes, fitted, others in self._moments(phenotype, "training", seeds, 1 - HELD_BACK):
            finite = _are_finite(fitted, others)
            solver = Solver(fitted)
            penalties = self._penalties(solver)
            errors = solver.errors(others, penalties)
            chosen = penalties.gather(0, errors.argmin(0)[None])[0]
            least[genomes] = errors.min(0).values
            readouts[genomes.start] = fit(fitted + others, chosen)
            lost[genomes] = ~finite
        said: list[list[Tensor]] = [[] for _ in readouts]
        targets: list[list[Tensor]] = [[] for _ in readouts]
        samples = self._task.samples("held-out", seeds=seeds)
        place = {start: k for k, start in enumerate(sorted(readouts))}
        for part in self._parts(phenotype, samples):
            k = place[part.genomes.start]
            said[k].append(readouts[part.genomes.start](part.features.nan_to_num(0, 0, 0)))
            targets[k].append(part.targets.double().expand(len(part.features), -1, -1))
        answers, wanted = (torch.cat([torch.cat(x, 1) for x in parts]) for parts in (said, targets))
        if samples.inputs.ndim == 4:  # steps and episodes lie in one row of samples
            columns = samples.inputs.shape[2]
            answers, wanted = (x.unflatten(1, (-1, columns)) for x in (answers, wanted))
        return answers, wanted, lost, least

    def _moments(
        self, phenotype: Runs, split: Split, seeds: Sequence[int], share: float
    ) -> Iterator[tuple[slice, Moments, Moments]]:
        """Yields, of each run of genomes, moments of the first share of a split's samples and of the rest."""
        samples = self._task.samples(split, seeds=seeds)
        boundary = round(share * _num_samples(samples, self._task.washout))
        sums: dict[int, tuple[slice, list[Moments | None]]] = {}
        for part in self._parts(phenotype, samples):
            _, pair = sums.setdefault(part.genomes.start, (part.genomes, [None, None]))
            cut = min(max(boundary - part.first, 0), part.features.shape[1])
            for k, piece in enumerate((slice(0, cut), slice(cut, None))):
                features, targets = part.features[:, piece], part.targets[:, piece]
                if features.shape[1]:
                    new, before = Moments.of(features, targets), pair[k]
                    pair[k] = new if before is None else before + new
        for genomes, (fitted, others) in sums.values():
            assert fitted is not None and others is not None  # samples are many, see `require_samples`
            yield genomes, fitted, others

    def _parts(self, phenotype: Runs, samples: Samples) -> Iterator[_Part]:
        """Yields all samples in parts, in order, as each run of genomes responds to them."""
        if isinstance(phenotype, Sensors):
            yield from self._of_sensors(phenotype, samples)
        elif isinstance(phenotype, Population):
            yield from self._of_reservoirs(phenotype, samples)
        elif samples.inputs.ndim == 3:
            yield from self._of_images(phenotype, samples)
        elif phenotype.monitor is None and self.takes_populations(phenotype.blueprints):
            yield from self._of_reservoirs(Population(phenotype.blueprints, phenotype.parameters), samples)
        else:
            yield from self._of_series(phenotype, samples)

    def _of_sensors(self, sensors: Sensors, samples: Samples) -> Iterator[_Part]:
        """Yields what is sensed: images, or every step after the washout with those before it."""
        genomes, inputs = slice(0, sensors.num_genomes), samples.inputs[samples.which]
        if samples.inputs.ndim == 3:
            for first in range(0, inputs.shape[1], IMAGES_AT_ONCE):
                piece = slice(first, first + IMAGES_AT_ONCE)
                yield _Part(genomes, inputs[:, piece], _targets(samples, genomes, piece), first)
            return
        washout, times = self._task.washout, self._adapter.times
        before = torch.nn.functional.pad(inputs, (0, 0, 0, 0, times - 1, 0))
        length = inputs.shape[1]
        latest = torch.cat([before[:, times - 1 - k : times - 1 - k + length] for k in range(times)], 3)
        targets = _targets(samples, genomes, slice(washout, None)).flatten(1, 2)
        yield _Part(genomes, latest[:, washout:].flatten(1, 2), targets, 0)

    def _of_reservoirs(self, population: Population, samples: Samples) -> Iterator[_Part]:
        """Yields responses to sequences, tile by tile of lineages that follow each other with one wiring."""
        episodes, length, first = samples.inputs.shape[2], samples.inputs.shape[1], 0
        for blueprint, parameters in population.runs():
            which = samples.which[first : first + len(parameters)]
            reservoir = Reservoir(blueprint, parameters, samples.inputs, which)
            washout, times = self._task.washout, self._adapter.times
            for genomes, steps, states in states_of(reservoir, length, washout, times):
                place = slice(first + genomes.start, first + genomes.stop)
                piece = slice(steps.start + washout, steps.stop + washout)
                targets = _targets(samples, place, piece).flatten(1, 2)
                features = states.transpose(1, 2).flatten(1, 2)
                yield _Part(place, features, targets, steps.start * episodes)
            first += len(parameters)

    def _of_images(self, phenotype: Phenotype, samples: Samples) -> Iterator[_Part]:
        """Yields responses to images, each held from rest, at the times that are read."""
        steps, times = self._base.steps or 1, self._adapter.times
        moments = [steps * (k + 1) // times for k in range(times)]
        for first in range(0, samples.inputs.shape[1], IMAGES_AT_ONCE):
            piece = slice(first, first + IMAGES_AT_ONCE)
            phenotype.show(samples.inputs[:, piece], samples.which)
            read: list[list[Tensor]] = []
            for before, now in zip([0, *moments], moments, strict=False):
                phenotype.hold(now - before)
                read.append([cells.clone() for _, cells in phenotype.output_cells()])
            for k, (genomes, _) in enumerate(phenotype.output_cells()):
                features = torch.cat([state[k] for state in read], 1).transpose(1, 2)
                yield _Part(genomes, features, _targets(samples, genomes, piece), first)

    def _of_series(self, phenotype: Phenotype, samples: Samples) -> Iterator[_Part]:
        """Yields responses to sequences, step by step after the washout, with the latest states beside it."""
        length, columns = samples.inputs.shape[1:3]
        washout, times = self._task.washout, self._adapter.times
        phenotype.reset(columns)
        latest: deque[list[Tensor]] = deque(maxlen=times)
        waiting: list[list[Tensor]] = []
        for step in range(length):
            phenotype.step(samples.inputs[samples.which, step])
            latest.append([cells.clone() for _, cells in phenotype.output_cells()])
            if step < washout:
                continue
            waiting.append([torch.cat(states, 1) for states in zip(*reversed(latest), strict=True)])
            if len(waiting) == STEPS_AT_ONCE or step == length - 1:
                begin = step + 1 - len(waiting)
                for k, (genomes, _) in enumerate(phenotype.output_cells()):
                    rows = torch.stack([states[k] for states in waiting], 1)  # [g, t, F, B]
                    features = rows.transpose(2, 3).flatten(1, 2)
                    targets = _targets(samples, genomes, slice(begin, step + 1)).flatten(1, 2)
                    yield _Part(genomes, features, targets, (begin - washout) * columns)
                waiting = []


class SolvedImages(SolvedTask):
    """A task of images whose classes are told by readouts; it shows its images and what they are taken for.

    Args:
        task: The task.
        adapter: The readout that is wanted.
    """

    def __init__(self, task: Task, adapter: Ridge) -> None:
        super().__init__(task, adapter)
        assert isinstance(task, HasImages)
        if (isinstance(task, Chooses) and task.chooses) or task.fitness_unit == task.unit:
            raise TaskError(
                "Adapter 'ridge' was asked for on images with pool or fitness=accuracy, which a readout that "
                "is solved has no use for; leave these options out, or use --adapter linear."
            )
        self._images: HasImages = task
        self.class_names = task.class_names
        self.labels = task.labels
        self.test_images = task.test_images

    def predictions(self, phenotype: Phenotype) -> np.ndarray:
        """Returns the class that each genome's readout names for each test image, int64 [G, n], or -1.

        Args:
            phenotype: G genomes.
        """
        said, _, lost, _ = self._said(phenotype, [0] * phenotype.num_genomes)
        return said.argmax(2).masked_fill(lost[:, None], -1).numpy()


def _targets(samples: Samples, genomes: slice, piece: slice) -> Tensor:
    """Returns the targets of some genomes, [g, n, ...]; one row where all see the same."""
    rows = samples.which[genomes]
    if len(samples.targets) == 1 or bool((rows == rows[0]).all()):
        rows = rows[:1]
    return samples.targets[rows][:, piece]


def _num_samples(samples: Samples, washout: int) -> int:
    """Returns how many samples a readout can be fitted to."""
    if samples.inputs.ndim == 3:
        return samples.inputs.shape[1]
    return (samples.inputs.shape[1] - washout) * samples.inputs.shape[2]


def _are_finite(*moments: Moments) -> Tensor:
    """Returns which networks have finite features, bool [P]; sums of the others become zero, in place."""
    finite = torch.stack([m.xx.isfinite().all((1, 2)) & m.xy.isfinite().all((1, 2)) for m in moments]).all(0)
    for m in moments:
        for sums in (m.x, m.xx, m.xy):
            sums[~finite] = 0
    return finite
