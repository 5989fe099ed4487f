"""Looks: a run that grows until its comparisons are decided, and the error that each look at it may spend.

Who looks at results again and again, and stops when p is small, errs far more often than p says. Here looks
are planned before the run, and the level is spent over them: by a look the square of its share of the last
one's lineages (Lan & DeMets 1983; a power family, Kim & DeMets 1987). Each look's tests are made at its own
increment, so that by Bonferroni's rule all looks together err in `LEVEL` at most, whatever the joint
distribution of their statistics. Within a look Holm's rule corrects for the pairs. A comparison that a look
has decided stays decided.

Where graphs solve a task or do not, the increments are no help: one wiring that is among the few that do
stands out at every look. Such coincidences are nested, so that all looks together have little more of them
than the worst one; that may have `COINCIDENCE`. `benchmarks/calibration_looks.py` measures both.

References:
    Lan & DeMets (1983), https://doi.org/10.1093/biomet/70.3.659
    Kim & DeMets (1987), https://doi.org/10.1093/biomet/74.1.149
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neuroevo.referee.coincidence import fewest_graphs
from neuroevo.referee.estimators import LEVEL
from neuroevo.referee.outcome import Relation

POWER = 2.0  # of the share of the lineages: the greater, the less early looks may spend
COINCIDENCE = 0.6 * LEVEL  # of one look; of all that a run can have less than `LEVEL`
FIRST_SEEDS, SEEDS = 5, 10  # of the first look, and of those from the second on
LEAST_GRAPHS = 7  # of the first look
LEAST_GROWTH = 1.31  # of numbers from look to look; with less there is none between
GROWTH = 1.7  # of graphs from look to look, as nearly as the budget allows
ROUNDING = 1e-9  # share by which a sum of levels may be off
MOST_LOOKS = 6  # where the budget is one of time, and no look is known to be the last


@dataclass(frozen=True)
class Look:
    """A time at which a run is looked at.

    Attributes:
        seeds: Replicates of every architecture that it has then.
        graphs: Samples of every prior.
        lineages: Lineages in all.
        level: Error that its tests may spend, in (0, 1).
    """

    seeds: int
    graphs: int
    lineages: int
    level: float


@dataclass(frozen=True)
class Decided:
    """What the looks have made of a comparison.

    Attributes:
        relation: What was decided; "inconclusive" while nothing is.
        look: Number of the look that decided, from 1; None while none has.
    """

    relation: Relation
    look: int | None


@dataclass(frozen=True)
class Contest:
    """What the number of lineages follows from.

    Attributes:
        wirings: Priors that give one wiring.
        families: Priors that give a wiring a graph.
        tasks: Tasks.
    """

    wirings: int
    families: int
    tasks: int = 1

    def lineages(self, seeds: int, graphs: int) -> int:
        """Returns how many lineages there are.

        Args:
            seeds: Replicates of every architecture.
            graphs: Samples of every prior.
        """
        return self.tasks * seeds * (self.wirings + self.families * graphs)

    def most_graphs(self, seeds: int, lineages: int) -> int:
        """Returns how many graphs there can be with so many lineages; 0 if not even one, or none is drawn.

        Args:
            seeds: Replicates of every architecture.
            lineages: Lineages at most.
        """
        if not self.families:
            return 0
        return max(0, (lineages // (self.tasks * seeds) - self.wirings) // self.families)

    def most_seeds(self, graphs: int, lineages: int) -> int:
        """Returns how many seeds there can be with so many lineages.

        Args:
            graphs: Samples of every prior.
            lineages: Lineages at most.
        """
        return lineages // self.lineages(1, graphs)


def plan(contest: Contest, first: tuple[int, int], seeds: int, budget: int | None) -> tuple[Look, ...]:
    """Returns the looks of a run: seeds grow first, then graphs; where none is drawn, seeds alone.

    Args:
        contest: What lineages are counted by.
        first: Seeds and graphs of the first look.
        seeds: Seeds from the second look on; at least those of the first.
        budget: Lineages of the last look at most; None: the budget is one of time.

    Returns:
        The looks; none where the budget does not hold the first.
    """
    sizes = _timed(contest, first, seeds) if budget is None else _within(contest, first, seeds, budget)
    lineages = [contest.lineages(*size) for size in sizes]
    spends = levels(lineages) if budget is not None else [LEVEL / len(sizes)] * len(sizes)
    return tuple(Look(*size, n, level) for size, n, level in zip(sizes, lineages, spends, strict=True))


def levels(lineages: Sequence[int]) -> list[float]:
    """Returns the error that each look may spend; their sum is `LEVEL`.

    Args:
        lineages: Lineages of each look, which grow.
    """
    spent = [LEVEL * (n / lineages[-1]) ** POWER for n in lineages]
    return [after - before for before, after in zip([0.0, *spent], spent, strict=False)]


def are_spent(looks: Sequence[Look]) -> bool:
    """Says whether looks grow, and their levels are positive and together `LEVEL` at most.

    Args:
        looks: The looks, in order.
    """
    sizes = [look.lineages for look in looks]
    levels = [look.level for look in looks]
    grows = all(before < after for before, after in itertools.pairwise(sizes))
    return grows and all(level > 0 for level in levels) and sum(levels) <= LEVEL * (1 + ROUNDING)


def least_graphs(families: int) -> int:
    """Returns how many graphs a look takes at least to decide about one wiring.

    With fewer it stands out of some family by coincidence too often, where graphs solve a task or do not.

    Args:
        families: Families that the one wiring is held against; 0 where there is no such wiring.
    """
    return max(LEAST_GRAPHS, fewest_graphs(families, COINCIDENCE)) if families else LEAST_GRAPHS


def first_decided(relations: Mapping[int, Relation]) -> Decided:
    """Returns what the looks have made of a comparison: the first decision stays.

    Args:
        relations: What each look found, by its number, in order.
    """
    for number, relation in relations.items():
        if relation != "inconclusive":
            return Decided(relation, number)
    return Decided("inconclusive", None)


def _within(contest: Contest, first: tuple[int, int], seeds: int, budget: int) -> list[tuple[int, int]]:
    """Returns seeds and graphs of each look, the last as large as a budget of lineages allows."""
    few, graphs = first
    if contest.lineages(few, graphs) > budget:
        return []
    if not contest.families:
        most = contest.most_seeds(1, budget)
        return [(n, graphs) for n in _growing(few, most)]
    seeds = min(seeds, contest.most_seeds(graphs, budget))
    sizes = [(few, graphs)] if seeds >= LEAST_GROWTH * few else []
    return [*sizes, *((seeds, n) for n in _growing(graphs, contest.most_graphs(seeds, budget)))]


def _timed(contest: Contest, first: tuple[int, int], seeds: int) -> list[tuple[int, int]]:
    """Returns seeds and graphs of each look where the last is not known."""
    few, graphs = first
    if not contest.families:
        return [(round(few * GROWTH**k), graphs) for k in range(MOST_LOOKS)]
    sizes = [(few, graphs)] if seeds > few else []
    return [*sizes, *((seeds, round(graphs * GROWTH**k)) for k in range(MOST_LOOKS - len(sizes)))]


def _growing(low: int, high: int) -> list[int]:
    """Returns numbers from the first to the last, each about `GROWTH` times the one before."""
    steps = round(math.log(high / low) / math.log(GROWTH)) if high >= LEAST_GROWTH * low else 0
    return [round(low * (high / low) ** (k / steps)) for k in range(steps + 1)] if steps else [high]
