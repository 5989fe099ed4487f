"""Curves of a run while it goes on: means over the lineages of a genome, a point a generation."""

from __future__ import annotations

import typing
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NotRequired, TypedDict

from neuroevo.rows import LineageRow, MetricsRow
from neuroevo.run_folder import Key, key_of

Mean = Literal["fitness_mean", "fitness_best", "fitness_centre"]
MEANS: tuple[Mean, ...] = typing.get_args(Mean)
Figure = Literal[
    "fitness_mean",
    "fitness_best",
    "fitness_centre",
    "failures",
    "share",
    "score",
    "score_low",
    "score_high",
    "untrained_score",
]
FIGURES: tuple[Figure, ...] = typing.get_args(Figure)

Series = tuple[str, str, str | None]  # stage, task, and genome unless all genomes are one population


class Point(TypedDict):
    """A point of the curves of a genome: those of its figures that there are.

    Attributes:
        task: Label of the task.
        genome: Label of the prior.
        evaluations: Evaluations of a lineage until then.
        stage: Name of the stage; missing or "" where the run has but one.
        generation: The generation, from 0.
        lineages: Lineages that figures are means over.
        failures: Genomes of the generation whose fitness is not finite.
        fitness_mean: Mean over lineages of the fitness of a genome.
        fitness_best: Mean over lineages of the largest fitness.
        fitness_centre: Mean over lineages of the fitness of the search's centre.
        share: Of mixed populations: the share of members, in [0, 1].
        score: Interquartile mean of the score; None where there is none.
        score_low: Lower end of its 95 % interval; None where there is none.
        score_high: Upper end of its 95 % interval; None where there is none.
        untrained_score: Interquartile mean of the score without training; None where there is none.
    """

    task: str
    genome: str
    evaluations: int
    stage: NotRequired[str]
    generation: NotRequired[int]
    lineages: NotRequired[int]
    failures: NotRequired[int]
    fitness_mean: NotRequired[float]
    fitness_best: NotRequired[float]
    fitness_centre: NotRequired[float]
    share: NotRequired[float]
    score: NotRequired[float | None]
    score_low: NotRequired[float | None]
    score_high: NotRequired[float | None]
    untrained_score: NotRequired[float | None]


@dataclass
class _Sums:
    """Figures of a genome's lineages at a generation, added up.

    Attributes:
        lineages: How many reported.
        failures: Genomes of theirs whose fitness is not finite.
        evaluations: The most that one of them has had.
        totals: Sums of fitness, over those lineages that have it.
        counts: How many lineages these are.
    """

    lineages: int = 0
    failures: int = 0
    evaluations: int = 0
    totals: dict[Mean, float] = field(default_factory=dict)
    counts: Counter[Mean] = field(default_factory=Counter)

    def add(self, row: MetricsRow) -> None:
        """Adds a lineage's figures; a fitness of None is no fitness.

        Args:
            row: Its metrics.
        """
        self.lineages += 1
        self.failures += row.get("failures") or 0
        self.evaluations = max(self.evaluations, row["evaluations"])
        for name in MEANS:
            if (value := row.get(name)) is not None:
                self.totals[name] = self.totals.get(name, 0) + value
                self.counts[name] += 1


class Means:
    """Means over the lineages of a genome, given out once all of them have reported a generation.

    Where rows have an epoch, priors compete in one population and a lineage may change its genome: then a
    generation is complete when all lineages of the task have reported it, and each genome has a share.
    """

    def __init__(self) -> None:
        self._planned: Counter[tuple[str, str, str]] = Counter()  # lineages of a stage, task and genome
        self._stages: dict[Key, str] = {}  # stages of those lineages that come later
        self._open: dict[tuple[Series, int], dict[str, _Sums]] = {}  # by genome
        self._given: set[Series] = set()

    def plan(self, lineages: Iterable[LineageRow], stage: str = "") -> None:
        """Adds lineages that are to report; those of a stage with a name make curves of their own.

        Args:
            lineages: Rows with task, genome, graph and seed.
            stage: Name of their stage, or "" for those that a run starts with.
        """
        for row in lineages:
            self._planned[stage, row["task"], row["genome"]] += 1
            if stage:
                self._stages[key_of(row)] = stage

    def add(self, rows: Iterable[MetricsRow]) -> list[Point]:
        """Takes in rows of metrics, in shards of any make-up.

        Args:
            rows: Rows of metrics.

        Returns:
            The points that are complete now.
        """
        points: list[Point] = []
        for row in rows:
            stage = self._stages.get(key_of(row), "")
            series = (stage, row["task"], None if "epoch" in row else row["genome"])
            by_genome = self._open.setdefault((series, row["generation"]), {})
            by_genome.setdefault(row["genome"], _Sums()).add(row)
            if _total(by_genome) == self._due(series):
                points += self._points(series, row["generation"])
        return points

    def rest(self) -> list[Point]:
        """Returns points of curves of which none was complete: lineages that nobody planned."""
        left = [unit for unit in self._open if unit[0] not in self._given]
        return [point for unit in sorted(left, key=lambda unit: unit[1]) for point in self._points(*unit)]

    def _due(self, series: Series) -> int:
        """Returns how many lineages a series has."""
        stage, task, genome = series
        if genome is not None:
            return self._planned[stage, task, genome]
        return sum(n for (s, t, _), n in self._planned.items() if (s, t) == (stage, task))

    def _points(self, series: Series, generation: int) -> list[Point]:
        """Returns the points of a generation, a genome each, and forgets its rows."""
        stage, task, genome = series
        by_genome = self._open.pop((series, generation))
        self._given.add(series)
        if genome is None:  # a genome without a member has a share too: none
            planned = [g for s, t, g in self._planned if (s, t) == (stage, task)]
            by_genome |= {g: _Sums() for g in planned if g not in by_genome}
        evaluations = max(sums.evaluations for sums in by_genome.values())
        points: list[Point] = []
        for label, sums in by_genome.items():
            point: Point = {
                "stage": stage,
                "task": task,
                "genome": label,
                "generation": generation,
                "evaluations": evaluations,
                "lineages": sums.lineages,
                "failures": sums.failures,
            }
            for name, total in sums.totals.items():
                point[name] = total / sums.counts[name]
            if genome is None:
                point["share"] = sums.lineages / _total(by_genome)
            points.append(point)
        return points


def _total(by_genome: Mapping[str, _Sums]) -> int:
    """Returns the number of lineages that were counted."""
    return sum(sums.lineages for sums in by_genome.values())
