"""Ranking: comparisons of priors, verdicts, and the sentences that state them. The unit is the lineage.

A prior wins a task only if it beats every other one by a test corrected for all comparisons of the run
(Holm), so controls included: where a control does as well, the wiring explains nothing. `estimates` holds
the tests, `benchmarks/calibration.py` measures how often they err.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from neuroevo.referee import wording
from neuroevo.referee.entry import Entry, better, leader
from neuroevo.referee.estimators import (
    LEVEL,
    Contrast,
    contrast,
    holm,
    interquartile_mean,
    permutation_test,
    probability_of_improvement,
    rank_p,
    table_of,
)
from neuroevo.seeds import generator

POWER = 0.8
MAX_MORE = 1_000  # seeds or graphs beyond which more of them are no advice
ALIKE = 0.1  # all end alike if what lies between them is less than this share of what they learned


def compare(
    tasks: Mapping[str, Sequence[Entry]], margins: Mapping[str, float | None], seed: int
) -> dict[str, list[dict[str, Any]]]:
    """Returns all comparisons of a run: every pair of genomes of every task that both have scores.

    Args:
        tasks: Genomes by task, in the order of the request.
        margins: By task, the smallest difference that matters, in the unit of the score; None: equivalence
            is not tested.
        seed: The run's seed; a pair's random numbers descend from it and the pair's labels alone.

    Returns:
        By task, rows `{a, b, kind, difference, ci95, df, p, p_holm, p_permutation, p_equivalence,
        p_equivalence_holm, probability_of_improvement, rank, auc, power, verdict}`. The difference is a's
        mean minus b's; p_holm counts the comparisons of all tasks; the verdict is of a: "better", "worse",
        "equivalent" or "inconclusive".
    """
    rows: dict[str, list[dict[str, Any]]] = {task: [] for task in tasks}
    for task, entries in tasks.items():
        scored = {entry.label: entry for entry in entries if entry.scores}
        for a, b in itertools.combinations(scored, 2):
            rng = generator(seed, "ranking", "pair", task, a, b)
            row = _compare(scored[a], scored[b], margins.get(task), rng)
            weak = scored[a].too_few() or scored[b].too_few()
            rows[task].append({"a": a, "b": b, **row, "_weak": bool(weak)})
    everything = [row for pairs in rows.values() for row in pairs]
    for name in ("p", "p_equivalence"):
        corrected = holm([row[name] for row in everything])
        for row, p in zip(everything, corrected, strict=True):
            row[f"{name}_holm"] = p
    curves = [row["auc"] for row in everything if row["auc"]]
    for row, p in zip(curves, holm([row["p"] for row in curves]), strict=True):
        row["p_holm"] = p
    for row in everything:
        found = row.pop("_contrast")
        row["verdict"] = _verdict(row, row.pop("_weak"))
        wanted = found is not None and row["verdict"] == "inconclusive"
        row["power"] = power(found, LEVEL / len(everything)) if wanted else None
    return rows


def _compare(a: Entry, b: Entry, margin: float | None, rng: np.random.Generator) -> dict[str, Any]:
    """Returns the figures of one pair, before correction."""
    found = contrast(a.scores, b.scores)
    by_curve = contrast(a.areas, b.areas)
    means = [float(np.nanmean(table_of(entry.scores), 1).mean()) for entry in (a, b)]
    return {
        "kind": found.kind if found else None,
        "difference": found.difference if found else means[0] - means[1],
        "ci95": found.ci95 if found else None,
        "df": found.df if found else None,
        "p": found.p if found else None,
        "p_permutation": permutation_test(a.scores, b.scores, rng),
        "p_equivalence": found.p_equivalence(margin) if found and margin is not None else None,
        "probability_of_improvement": probability_of_improvement(
            list(a.scores.values()), list(b.scores.values())
        ),
        "rank": _rank(a, b) if found and found.kind == "one wiring" else None,
        "auc": {"difference": by_curve.difference, "ci95": by_curve.ci95, "p": by_curve.p}
        if by_curve
        else None,
        "_contrast": found,
    }


def _rank(a: Entry, b: Entry) -> dict[str, Any]:
    """Returns the rank of the one wiring among the other prior's graphs, 1 being the best."""
    one, family = (a, b) if a.num_graphs == 1 else (b, a)
    value, others = (np.nanmean(table_of(entry.scores), 1) for entry in (one, family))
    rank = 1 + int((others > value[0]).sum())
    return {"genome": one.label, "rank": rank, "of": len(others) + 1, "p": rank_p(float(value[0]), others)}


def _verdict(row: Mapping[str, Any], is_weak: bool) -> str:
    """Returns the verdict on a: a difference that lies within the margin does not matter, however sure."""
    if is_weak or row["p_holm"] is None:
        return "inconclusive"
    if row["p_equivalence_holm"] is not None and row["p_equivalence_holm"] < LEVEL:
        return "equivalent"
    if row["p_holm"] >= LEVEL:
        return "inconclusive"
    return "better" if row["difference"] > 0 else "worse"


def power(found: Contrast, level: float) -> dict[str, int | None]:
    """Returns how many more seeds, and how many more graphs, would decide a comparison.

    As planning does, it takes the difference and the variances to be what was measured, and asks for a
    power of 80 % at the given level.

    Returns:
        `{"more_seeds", "more_graphs"}`; None where no number up to `MAX_MORE` would do, or graphs are not
        what is drawn.
    """
    more = np.arange(1, MAX_MORE + 1)
    seeds, graphs = found.num_seeds + more, max(found.num_graphs) + more
    num_varied = sum(k > 1 for k in found.num_graphs)
    drawn = np.inf if found.kind == "seeds" else num_varied * (max(found.num_graphs) - 1)

    def first(variance: np.ndarray, df: np.ndarray) -> int | None:
        reach = stats.t.isf(level / 2, df) + stats.t.isf(1 - POWER, df)
        enough = np.flatnonzero(abs(found.difference) >= reach * np.sqrt(variance))
        return int(more[enough[0]]) if len(enough) else None

    by_seeds = first(
        found.graph_part + found.seed_part * found.num_seeds / seeds, np.minimum(drawn, seeds - 1.0)
    )
    if found.kind == "seeds" or found.difference == 0:
        return {"more_seeds": by_seeds, "more_graphs": None}
    extra = 1.0 if found.kind == "one wiring" else 0.0
    shrink = (extra + 1 / graphs) / (extra + 1 / max(found.num_graphs))
    by_graphs = first(
        found.graph_part * shrink + found.seed_part,
        np.minimum(num_varied * (graphs - 1.0), found.num_seeds - 1.0),
    )
    return {"more_seeds": by_seeds, "more_graphs": by_graphs}


def decide(
    task: str, entries: Sequence[Entry], rows: Sequence[Mapping[str, Any]], unit: str
) -> dict[str, Any]:
    """Returns a task's verdict.

    Args:
        task: The task's label.
        entries: Genomes.
        rows: Their comparisons, as `compare` returns them.
        unit: Of the score.

    Returns:
        `{"verdict", "winner", "sentence", "reasons", "power", "ends_alike"}`; the verdict is "winner",
        "no winner", "exploratory" or "nothing".
    """
    scored = [entry for entry in entries if entry.scores]
    contenders = [entry for entry in scored if not entry.is_control]
    found: dict[str, Any] = {
        "verdict": "nothing",
        "winner": None,
        "reasons": [],
        "power": [],
        "ends_alike": ends_alike(scored, rows),
    }
    if scored:
        beating = [entry for entry in contenders if _beats_all(entry, scored, rows)]
        best = beating[0] if beating else leader(contenders) if contenders else None
        found["reasons"] = wording.hindrances(entries, scored)
        found["verdict"] = "exploratory" if found["reasons"] else "no winner"
        if not found["reasons"]:
            if best and beating and not best.num_failed:
                found |= {"verdict": "winner", "winner": best.label}
            found["reasons"] = wording.reasons(best, scored, rows, unit, found["winner"])
            if best and not found["winner"]:
                found["power"] = wording.power_lines(best, rows)
        found["reasons"] = found["reasons"] + wording.learning(rows, found["ends_alike"])
    return {**found, "sentence": wording.verdict(task, scored, rows, unit, found)}


def _beats_all(best: Entry, scored: Sequence[Entry], rows: Sequence[Mapping[str, Any]]) -> bool:
    """Says whether a genome beats every other; at most one does."""
    beaten = sum(better(row, best.label) for row in rows)
    return len(scored) > 1 and beaten == len(scored) - 1


def ends_alike(scored: Sequence[Entry], rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Says where all genomes end, if they end alike: "equal", "ceiling", "floor"; None if they do not.

    A floor is an end at which they have learned nothing: they are where they began, to within the spread of
    lineages. A ceiling is one at which no test tells them apart and what lies between them is less than
    `ALIKE` of what they learned.
    """
    means = [interquartile_mean(list(entry.scores.values())) or 0.0 for entry in scored]
    starts = [interquartile_mean(list(entry.untrained.values())) for entry in scored if entry.untrained]
    if len(scored) < 2 or any(row["verdict"] in ("better", "worse") for row in rows):
        return None
    values = [value for entry in scored for value in entry.scores.values()]
    if max(values) == min(values):
        return "equal"
    known = [start for start in starts if start is not None]
    if not known:
        return None
    gain = float(np.median(means)) - float(np.median(known))
    within = float(np.median([np.std(list(entry.scores.values())) for entry in scored]))
    if gain <= within:
        return "floor"
    return "ceiling" if max(means) - min(means) < ALIKE * gain else None
