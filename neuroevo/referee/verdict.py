"""Verdicts: whether a prior wins a task. The unit is the lineage.

A prior wins a task only if it beats every other one by a test corrected for all comparisons of the run
(Holm), controls included: where a control does as well, the wiring explains nothing. `estimators` holds the
tests, `comparison` applies them to all pairs, and `benchmarks/calibration.py` measures how often they err.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from neuroevo.referee import body_map, wording
from neuroevo.referee.drift import Fixation
from neuroevo.referee.entry import MIN_SEEDS, Entry, leader
from neuroevo.referee.estimators import interquartile_mean
from neuroevo.referee.outcome import Comparison, Decision, Ending, Verdict

ALIKE = 0.1  # all end alike if what lies between them is less than this share of what they learned


def decide(task: str, entries: Sequence[Entry], comparisons: Sequence[Comparison], unit: str) -> Verdict:
    """Returns the verdict on a task whose lineages are compared.

    Args:
        task: The task's label.
        entries: Its genomes.
        comparisons: Those of all pairs of genomes that have scores.
        unit: Unit of the score.
    """
    scored = [entry for entry in entries if entry.scores]
    if not scored:
        return Verdict("nothing", None, wording.verdict(task, [], [], unit))
    alike = ends_alike(scored, comparisons)
    winner = None
    power: list[str] = []
    decision: Decision = "exploratory"
    reasons = wording.hindrances(entries, scored)
    contenders = [entry for entry in scored if not entry.is_control]
    if not reasons:
        beating = [entry for entry in contenders if _beats_all(entry, scored, comparisons)]
        best = beating[0] if beating else leader(contenders) if contenders else None
        winner = best.label if best and beating and not best.num_failed else None
        decision = "winner" if winner else "no winner"
        reasons = wording.reasons(best, scored, comparisons, unit, winner)
        power = wording.power_lines(best, comparisons) if best and not winner else []
    ahead = next((x for x in contenders if x.label == winner), leader(contenders) if contenders else None)
    reasons += body_map.reasons(ahead, scored, comparisons)
    reasons += wording.learning(comparisons, alike)
    sentence = wording.verdict(task, scored, comparisons, unit, decision, winner, alike)
    is_map = body_map.is_perhaps_map(winner, scored)
    return Verdict(decision, winner, sentence, tuple(reasons), tuple(power), alike, is_map)


def decide_mixed(
    task: str, num_populations: int, fixations: Mapping[str, Fixation], winner: str | None
) -> Verdict:
    """Returns the verdict on mixed populations: who took over, beyond what drift and founders explain.

    Args:
        task: The task's label.
        num_populations: How many populations there are.
        fixations: How far each prior spread, by label; empty before the last epoch.
        winner: Label of the one prior that is favoured, as `drift` found it.
    """
    if not fixations:
        return Verdict("nothing", None, wording.unfinished(task))
    if num_populations < MIN_SEEDS:
        winner = None
    decision: Decision = "exploratory" if num_populations < MIN_SEEDS else "winner" if winner else "no winner"
    sentence = wording.takeover(task, num_populations, fixations, decision, winner)
    verdict = Verdict(decision, winner, sentence)
    if decision == "exploratory":
        return replace(verdict, reasons=(wording.few_populations(num_populations),))
    return verdict


def _beats_all(best: Entry, scored: Sequence[Entry], comparisons: Sequence[Comparison]) -> bool:
    """Says whether a genome beats every other; at most one does."""
    num_beaten = sum(row.finds_better(best.label) for row in comparisons)
    return len(scored) > 1 and num_beaten == len(scored) - 1


def ends_alike(scored: Sequence[Entry], comparisons: Sequence[Comparison]) -> Ending | None:
    """Returns how all genomes of a task end, if they end alike.

    A floor is an end at which they have learned nothing: they are where they began, to within the spread of
    lineages. A ceiling is one at which no test tells them apart and what lies between them is less than
    `ALIKE` of what they learned.

    Args:
        scored: Genomes that have scores.
        comparisons: Those of all pairs of them.

    Returns:
        "equal", "ceiling" or "floor"; None if they do not end alike, it cannot be told, or nothing evolved.
    """
    means = [interquartile_mean(list(entry.scores.values())) or 0.0 for entry in scored]
    starts = [interquartile_mean(list(entry.untrained.values())) for entry in scored if entry.untrained]
    if len(scored) < 2 or any(row.verdict in ("better", "worse") for row in comparisons):
        return None
    if all(entry.scores == entry.untrained for entry in scored):
        return None  # nothing evolved
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
