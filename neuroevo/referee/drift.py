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

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuroevo.referee.estimators import LEVEL, holm

SIMULATIONS = 10_000
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


def fixation(
    names: Sequence[str], labels: np.ndarray, founders: np.ndarray, num_rounds: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Returns what became of the priors of mixed populations, as `selection_record` of the manifest holds it.

    Args:
        names: K labels of priors.
        labels: int [N], the prior of each founder; the same in each population.
        founders: int [S, N], the founder that each final member descends from.
        num_rounds: Rounds of replacement.
        rng: For the simulations.

    Returns:
        `{"neutral": {"num_simulations"}, "fixation": {label: {"start_share", "mean_final_share", "fixed",
        "of", "p", "p_holm", "p_drift", "p_founders"}}, "winner"}`. `fixed` counts the populations, of `of`,
        in which the prior is alone. `p` is one-sided and the larger of `p_drift`, against random fitness,
        and `p_founders`, against labels dealt anew; the winner is the one prior whose corrected p is below
        0.05, null if there is none or more than one.
    """
    final = _shares(labels[founders], len(names))  # [S, K]
    mean = final.mean(0)
    nulls = {
        "p_drift": neutral_shares(labels, num_rounds, len(founders), rng),
        "p_founders": dealt_shares(labels, founders, rng),
    }
    found: dict[str, dict[str, Any]] = {}
    for k, name in enumerate(names):
        ps = {
            test: float(1 + (shares[:, k] >= mean[k] - 1e-9).sum()) / (1 + SIMULATIONS)
            for test, shares in nulls.items()
        }
        found[name] = {
            "start_share": float((labels == k).mean()),
            "mean_final_share": float(mean[k]),
            "fixed": int((final[:, k] == 1).sum()),
            "of": len(founders),
            "p": max(ps.values()),
            **ps,
        }
    for entry, p in zip(found.values(), holm([entry["p"] for entry in found.values()]), strict=True):
        entry["p_holm"] = p
    favoured = [name for name, entry in found.items() if entry["p_holm"] < LEVEL]
    winner = favoured[0] if len(favoured) == 1 else None
    return {"neutral": {"num_simulations": SIMULATIONS}, "fixation": found, "winner": winner}


def _shares(members: np.ndarray, num_labels: int) -> np.ndarray:
    """Returns the share of every label, [..., K], of members int [..., N]."""
    return np.stack([(members == k).mean(-1) for k in range(num_labels)], -1)
