"""Drift: how far shares of a mixed population go by chance, and whether a prior went further.

Two things make shares drift though priors are equal. Who is replaced is chance: `neutral_shares` runs the
same replacements on random fitness. And luck is inherited: a good start or wiring goes on to offspring, so
that one founder can take over a population for no reason that lies in its prior. That happens much faster
than neutral drift, so `dealt_shares` takes the genealogies that there were and deals the founders' labels
anew. A prior counts as favoured only beyond both.

References:
    Kimura (1962), On the probability of fixation of mutant genes in a population, Genetics 47, 713-719
    (https://doi.org/10.1093/genetics/47.6.713).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy import special

from neuroevo.referee.entry import MIN_SEEDS
from neuroevo.referee.estimators import LEVEL, holm
from neuroevo.referee.spread import Fixation

SIMULATIONS = 10_000
MOST_POPULATIONS = 1_000  # that advice looks for
QUARTER = 4  # one in so many members is replaced after an epoch


def turnover(fitness: np.ndarray, ties: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the members that make room and those whose offspring takes it, one for one.

    The worst quarter makes room, one member at the least; the worst of all for an offspring of the best.

    Args:
        fitness: [..., N], N >= 2; not NaN.
        ties: [..., N], random numbers that decide between equals.

    Returns:
        Places of the worst and of the best, each int [..., N // 4] and of at least one.
    """
    order = np.lexsort((ties, fitness), axis=-1)
    count = max(1, fitness.shape[-1] // QUARTER)
    return order[..., :count], order[..., ::-1][..., :count]


def neutral_shares(
    labels: np.ndarray, num_rounds: int, num_populations: int, rng: np.random.Generator
) -> np.ndarray:
    """Returns mean final shares of every label under random fitness, [SIMULATIONS, K].

    Args:
        labels: int [N], in [0, K), of the founders; the same in each population.
        num_rounds: Rounds of replacement.
        num_populations: Populations that a mean is taken over.
        rng: Source of fitness.
    """
    shares = np.zeros((SIMULATIONS, int(labels.max()) + 1))
    for _ in range(num_populations):
        current = np.tile(labels, (SIMULATIONS, 1))
        for _ in range(num_rounds):
            fitness = rng.random(current.shape)
            worst, best = turnover(fitness, fitness)
            np.put_along_axis(current, worst, np.take_along_axis(current, best, 1), 1)
        shares += _shares(current, shares.shape[1])
    return shares / num_populations


def least_p(num_members: int, num_priors: int, num_rounds: int, num_populations: int) -> float:
    """Returns a p, corrected by Holm, that no prior of mixed populations can fall below, whatever happens.

    It is that of a prior which spreads as far as replacement lets it in every population. Chance does the
    same by drift, as a chain of draws without replacement says exactly, and by founders: of all ways to deal
    as many labels to the founders at least one is the one that there was. And no p is smaller than that of
    the number of simulations.

    Args:
        num_members: Members of a prior at the start of a population.
        num_priors: How many priors there are, each with as many members.
        num_rounds: Rounds of replacement.
        num_populations: How many populations there are.
    """
    size = num_members * num_priors
    by_drift = _chance_of_most(num_members, size, num_rounds) ** num_populations
    by_founders = float(math.comb(size, num_members)) ** -num_populations
    return min(1.0, num_priors * max(by_drift, by_founders, 1 / (1 + SIMULATIONS)))


def fewest_populations(num_members: int, num_priors: int, num_rounds: int) -> int | None:
    """Returns the least number of populations in which a prior can be favoured.

    Args:
        num_members: Members of a prior at the start of a population.
        num_priors: How many priors there are, each with as many members.
        num_rounds: Rounds of replacement.

    Returns:
        None where no number would do, since members hardly make room or priors are too many.
    """
    numbers = range(MIN_SEEDS, MOST_POPULATIONS + 1)
    of = (n for n in numbers if least_p(num_members, num_priors, num_rounds, n) < LEVEL)
    return next(of, None)


@functools.cache
def _chance_of_most(num_members: int, size: int, num_rounds: int) -> float:
    """Returns the chance that a prior comes to have as many members as it can, under random fitness."""
    count = max(1, size // QUARTER)
    is_worst = _hypergeometric(size, count)  # of so many members, [size + 1, count + 1]
    is_best = _hypergeometric(size - count, count)  # of those that are left of them
    chances = np.zeros(size + 1)
    chances[num_members] = 1.0
    for _ in range(num_rounds):
        following = np.zeros(size + 1)
        for worst in range(count + 1):
            left = np.arange(size - count + 1)  # members of the prior that are not worst
            weight = chances[left + worst] * is_worst[left + worst, worst]
            for best in range(count + 1):
                following[left + best] += weight * is_best[left, best]
        chances = following
    return float(chances[np.flatnonzero(chances)[-1]])


def _hypergeometric(size: int, num_drawn: int) -> np.ndarray:
    """Returns the chance of k marked ones among those drawn, [number marked, k], both from 0 on."""
    marked, k = np.ogrid[: size + 1, : num_drawn + 1]
    is_possible = (k <= marked) & (num_drawn - k <= size - marked)

    def log_ways(n: np.ndarray, r: np.ndarray) -> np.ndarray:
        r = np.where(is_possible, r, 0)
        n = np.maximum(n, r)
        return special.gammaln(n + 1) - special.gammaln(r + 1) - special.gammaln(n - r + 1)

    ways = log_ways(marked, k) + log_ways(size - marked, num_drawn - k)
    return np.where(is_possible, np.exp(ways - math.log(math.comb(size, num_drawn))), 0.0)


def dealt_shares(labels: np.ndarray, founders: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns mean final shares of every label had the founders' labels been others, [SIMULATIONS, K].

    Args:
        labels: int [N], of the founders.
        founders: int [S, N], the founder that each final member of each population descends from.
        rng: Deals the labels.
    """
    shares = np.zeros((SIMULATIONS, int(labels.max()) + 1))
    for row in founders:
        dealt = rng.permuted(np.tile(labels, (SIMULATIONS, 1)), axis=1)
        shares += _shares(dealt[:, row], shares.shape[1])
    return shares / len(founders)


@dataclass(frozen=True)
class SelectionRecord:
    """What became of the priors of mixed populations.

    Attributes:
        fixations: How far each prior spread, by label.
        winner: The one prior whose corrected p is below 0.05; None if there is none or more than one.
        num_simulations: Simulations that each p is a share of.
    """

    fixations: Mapping[str, Fixation]
    winner: str | None
    num_simulations: int

    def to_json(self) -> dict[str, object]:
        """Returns the entry of a task in the manifest's `selection_record`."""
        return {
            "neutral": {"num_simulations": self.num_simulations},
            "fixation": {label: asdict(fixation) for label, fixation in self.fixations.items()},
            "winner": self.winner,
        }


def fixation(
    names: Sequence[str], labels: np.ndarray, founders: np.ndarray, num_rounds: int, rng: np.random.Generator
) -> SelectionRecord:
    """Returns what became of the priors of mixed populations, and whether one of them is favoured.

    Args:
        names: K labels of priors.
        labels: int [N], the prior of each founder; the same in each population.
        founders: int [S, N], the founder that each final member descends from.
        num_rounds: Rounds of replacement.
        rng: Source of the simulations.
    """
    final = _shares(labels[founders], len(names))  # [S, K]
    mean = final.mean(0)
    p_drift = _one_sided(mean, neutral_shares(labels, num_rounds, len(founders), rng))
    p_founders = _one_sided(mean, dealt_shares(labels, founders, rng))
    p_values = np.maximum(p_drift, p_founders).tolist()
    p_holm = holm(p_values)
    fixations = {
        name: Fixation(
            start_share=float((labels == k).mean()),
            mean_final_share=float(mean[k]),
            fixed=int((final[:, k] == 1).sum()),
            of=len(founders),
            p=p_values[k],
            p_drift=float(p_drift[k]),
            p_founders=float(p_founders[k]),
            p_holm=p_holm[k],
        )
        for k, name in enumerate(names)
    }
    favoured = [name for name, p in zip(names, p_holm, strict=True) if p is not None and p < LEVEL]
    return SelectionRecord(fixations, favoured[0] if len(favoured) == 1 else None, SIMULATIONS)


def _one_sided(mean: np.ndarray, simulated: np.ndarray) -> np.ndarray:
    """Returns the p of mean final shares, [K], among simulated ones, [SIMULATIONS, K]."""
    return (1 + (simulated >= mean - 1e-9).sum(0)) / (1 + len(simulated))


def _shares(members: np.ndarray, num_labels: int) -> np.ndarray:
    """Returns the share of every label among members int [..., N], as [..., K]."""
    return np.stack([(members == k).mean(-1) for k in range(num_labels)], -1)
