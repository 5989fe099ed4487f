"""Entries: what the referee is told of one genome on one task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from neuroevo.referee.estimators import Scores, interquartile_mean
from neuroevo.referee.learning_curves import Slope
from neuroevo.text import count

MIN_SEEDS, MIN_GRAPHS = 5, 3  # with fewer a comparison is exploratory; `coincidence` may ask for more
CONTROLS = {  # kinds of core that explain what a wiring seems to do
    "none": "a control without any wiring",
    "clock": "a control of three parameters and no network",
    "frozen": "a control whose wiring does not evolve",
    "named": "a control",
}


@dataclass(frozen=True)
class Entry:
    """What is known of one genome on one task.

    Attributes:
        label: The genome's label.
        scores: Held-out scores of its lineages.
        untrained: The same lineages' scores before they evolved.
        areas: Mean fitness over generations: the area under each learning curve.
        one_point: True if all samples of the prior are one wiring; None if not known.
        core: "evolves", "frozen", "clock" or "none"; None if not known.
        num_missing: Planned lineages without a result, or not scored yet.
        num_early: Lineages that were scored before the end of their search.
        failed: Lineages, by graph and seed, that ended without a finite score.
        is_censored: True if a race dropped it.
        keeps_map: Whether its wirings have the connectome's map onto the body; None where the body is not
            driven by muscles, or it is not known.
        slope: Whether its lineages still learn at their end; None where it cannot be told.
    """

    label: str
    scores: Scores
    untrained: Scores = field(default_factory=dict)
    areas: Scores = field(default_factory=dict)
    one_point: bool | None = None
    core: str | None = None
    num_missing: int = 0
    num_early: int = 0
    failed: frozenset[tuple[int, int]] = frozenset()
    is_censored: bool = False
    keeps_map: bool | None = None
    slope: Slope | None = None

    @property
    def num_graphs(self) -> int:
        """Number of graphs that have a score."""
        return len({graph for graph, _ in self.scores})

    @property
    def num_seeds(self) -> int:
        """Number of seeds that have a score."""
        return len({seed for _, seed in self.scores})

    @property
    def is_control(self) -> bool:
        """True for a control: a genome without a wiring, or whose wiring does not evolve."""
        return self.core in CONTROLS

    @property
    def num_lacking(self) -> int:
        """Number of lineages that have no result, or have not come to the end of their search."""
        return self.num_missing + self.num_early

    def too_few(self, min_graphs: int = MIN_GRAPHS) -> list[str]:
        """Returns what the genome has too little of for a verdict, such as "2 graphs".

        Args:
            min_graphs: Graphs that a verdict takes of a prior that has several.
        """
        lacks = []
        if self.num_seeds < MIN_SEEDS:
            lacks.append(count(self.num_seeds, "seed"))
        if self.num_graphs < min_graphs and not (self.one_point and self.num_graphs == 1):
            lacks.append(count(self.num_graphs, "graph"))
        return lacks


def with_failures(entries: Sequence[Entry]) -> list[Entry]:
    """Returns the genomes of a task with a score for each lineage that failed: the lowest that any has.

    Left out, lineages that fail would favour the genome that they belong to, for those that are left did
    well enough not to fail.

    Args:
        entries: The genomes.
    """
    lowest = min((score for entry in entries for score in entry.scores.values()), default=None)
    if lowest is None:
        return list(entries)
    return [
        replace(entry, scores={**entry.scores, **dict.fromkeys(sorted(entry.failed), lowest)})
        for entry in entries
    ]


def leader(scored: Sequence[Entry]) -> Entry:
    """Returns the genome with the greatest interquartile mean; the first of equals.

    Args:
        scored: Genomes that have scores; at least one.
    """
    return max(scored, key=lambda entry: interquartile_mean(list(entry.scores.values())) or 0.0)
