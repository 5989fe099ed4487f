"""Verdicts: whether a prior wins a task. The unit is the lineage.

A prior wins a task only if it beats every other one, controls included: where a control does as well, the
wiring explains nothing. That it beats all is a union-intersection test (Berger 1982,
https://doi.org/10.1080/00401706.1982.10487790): if it is no better than some rival, that rival's test alone
already keeps the error rate, so each test has the whole of it, and only the tasks of a run share it. What is
said of single pairs is corrected for all pairs of the run (Holm). `estimators` holds the tests, `comparison`
applies them to all pairs, and `benchmarks/calibration.py` measures how often they err.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from neuroevo.referee import body_map, wording
from neuroevo.referee.entry import MIN_SEEDS, Entry, leader
from neuroevo.referee.estimators import LEVEL, contrast, interquartile_mean
from neuroevo.referee.facts import TaskFacts
from neuroevo.referee.outcome import Comparison, Decision, Ending, Verdict
from neuroevo.referee.spread import Fixation

NEAR = 0.05  # of the way from where genomes began to the highest score: what is left of it at a ceiling


def decide(
    task: str,
    entries: Sequence[Entry],
    comparisons: Sequence[Comparison],
    facts: TaskFacts,
    level: float = LEVEL,
    level_if_solved: float = LEVEL,
    declared: str | None = None,
) -> Verdict:
    """Returns the verdict on a task whose lineages are compared.

    Args:
        task: The task's label.
        entries: Its genomes.
        comparisons: Those of all pairs of genomes that have scores.
        facts: What is known of the task.
        level: Error rate of the winners of all tasks of the run together, in (0, 1).
        level_if_solved: The same where graphs only solve or fail, for which looks need not share it.
        declared: Label of the genome that an earlier look at the run declared the winner; it stays so.
    """
    scored = [entry for entry in entries if entry.scores]
    if not scored:
        return Verdict("nothing", None, wording.verdict(task, [], [], facts))
    alike = ends_alike(scored, comparisons, facts.maximum)
    winner = None
    p_winner = None
    power: list[str] = []
    decision: Decision = "exploratory"
    reasons = wording.hindrances(entries, scored, facts)
    contenders = [entry for entry in scored if not entry.is_control]
    if not reasons:
        best = leader(contenders) if contenders else None
        winner = declared or winner_of(entries, comparisons, facts.num_tasks, level, level_if_solved)
        if winner is not None:
            best = next(entry for entry in contenders if entry.label == winner)
            p_winner = p_of_winner(best, scored, comparisons, facts.num_tasks)
        decision = "winner" if winner else "no winner"
        reasons = [] if alike == "equal" else wording.reasons(best, scored, comparisons, facts, winner)
        power = wording.power_lines(best, comparisons, facts) if best and not (winner or alike) else []
    ahead = next((x for x in contenders if x.label == winner), leader(contenders) if contenders else None)
    reasons += body_map.reasons(ahead, scored, comparisons, winner is not None)
    reasons += wording.learning(comparisons, alike)
    reasons += wording.longer(scored) if decision == "no winner" and alike is None else []
    sentence = wording.verdict(task, scored, comparisons, facts, decision, winner, alike)
    is_map = body_map.is_perhaps_map(winner, scored)
    row = wording.closest(scored, comparisons, winner) if winner else None
    finding = wording.finding(row, scored, facts) if row else ""
    return Verdict(decision, winner, sentence, tuple(reasons), tuple(power), alike, is_map, finding, p_winner)


def decide_mixed(
    task: str,
    num_populations: int,
    fixations: Mapping[str, Fixation],
    winner: str | None,
    fewest: int | None = MIN_SEEDS,
) -> Verdict:
    """Returns the verdict on mixed populations: who took over, beyond what drift and founders explain.

    Args:
        task: The task's label.
        num_populations: How many populations there are.
        fixations: How far each prior spread, by label; empty before the last epoch.
        winner: Label of the one prior that is favoured, as `drift` found it.
        fewest: Populations in which a prior can be favoured at all, as `drift.fewest_populations` has it;
            None where no number would do.
    """
    if not fixations:
        return Verdict("nothing", None, wording.unfinished(task))
    is_exploratory = num_populations < MIN_SEEDS or fewest is None or num_populations < fewest
    winner = None if is_exploratory else winner
    decision: Decision = "exploratory" if is_exploratory else "winner" if winner else "no winner"
    sentence = wording.takeover(task, num_populations, fixations, decision, winner)
    reasons = [wording.few_populations(num_populations, fewest)] if is_exploratory else []
    reasons += [] if is_exploratory or winner else [wording.chance(fixations)]
    return Verdict(decision, winner, sentence, tuple([*reasons, *wording.extinct(fixations)]))


def winner_of(
    entries: Sequence[Entry],
    comparisons: Sequence[Comparison],
    num_tasks: int = 1,
    level: float = LEVEL,
    level_if_solved: float = LEVEL,
) -> str | None:
    """Returns the label of the genome that beats every other one; None if none does.

    Args:
        entries: Genomes of a task.
        comparisons: Those of all pairs of them that have scores.
        num_tasks: Tasks of the run.
        level: Error rate of the winners of all tasks together, in (0, 1).
        level_if_solved: The same where graphs only solve or fail, for which looks need not share it.
    """
    scored = [entry for entry in entries if entry.scores]
    weight = level / level_if_solved
    for entry in scored:
        p = None if entry.is_control else p_of_winner(entry, scored, comparisons, num_tasks, weight)
        if p is not None and p < level:
            return entry.label
    return None


def p_of_winner(
    best: Entry,
    scored: Sequence[Entry],
    comparisons: Sequence[Comparison],
    num_tasks: int = 1,
    weight: float = 1.0,
) -> float | None:
    """Returns the p with which a genome wins: the largest of its comparisons, each taken alone.

    At most one genome of a task has one. The t test's p is multiplied by the number of tasks (Bonferroni);
    what coincidence alone would do is a matter of each task's own graphs.

    Args:
        best: The genome.
        scored: Genomes of the task that have scores.
        comparisons: Those of all pairs of them.
        num_tasks: Tasks of the run.
        weight: By which p if graphs only solve or fail is multiplied, where it has a level of its own.

    Returns:
        None if it is not ahead of every other one, or one of them is equivalent.
    """
    facing = [row.facing(best.label) for row in comparisons if row.concerns(best.label)]
    if len(scored) < 2 or len(facing) < len(scored) - 1:
        return None
    if any(row.difference <= 0 or row.verdict == "equivalent" or row.p is None for row in facing):
        return None
    return max(
        max(min(1.0, num_tasks * (row.p or 0.0)), min(1.0, weight * (row.p_solved or 0.0))) for row in facing
    )


def ends_alike(
    scored: Sequence[Entry], comparisons: Sequence[Comparison], maximum: float | None = None
) -> Ending | None:
    """Returns how all genomes of a task end, if they end alike.

    They do if all pairs were tested, with as many seeds and graphs as a verdict takes, and no test tells two
    apart. A floor is an end at which no genome has learned anything: each is where it began, to within the
    spread of its lineages, and no test finds it above. A ceiling is one at which none learns any more, since
    curves are flat, and all are near the highest score that the task allows: of the way there from where they
    began, at most `NEAR` is left. Where that score is not known, nobody can say that it was reached.

    Args:
        scored: Genomes that have scores.
        comparisons: Those of all pairs of them.
        maximum: The highest score that there can be; None where there is none, or it is not known.

    Returns:
        "equal", "ceiling" or "floor"; None if they do not end alike, it cannot be told, or nothing evolved.
    """
    values = {value for entry in scored for value in entry.scores.values()}
    if len(scored) > 1 and len(values) == 1:
        return "equal"
    if not all(row.is_alike for row in comparisons) or not comparisons:
        return None
    if any(entry.too_few() or entry.num_lacking for entry in scored):
        return None
    if all(entry.scores == entry.untrained for entry in scored):
        return None  # nothing evolved
    if all(map(_has_learned_nothing, scored)):
        return "floor"
    return "ceiling" if maximum is not None and _are_at(maximum, scored) else None


def _has_learned_nothing(entry: Entry) -> bool:
    """Says whether a genome is where it began, to within the spread of its lineages and by a test."""
    start = interquartile_mean(list(entry.untrained.values()))
    end = interquartile_mean(list(entry.scores.values()))
    if start is None or end is None:
        return False
    gain = contrast(entry.scores, entry.untrained)
    is_shown = gain is not None and gain.p_above < LEVEL
    return not is_shown and abs(end - start) <= float(np.std(list(entry.scores.values())))


def _are_at(maximum: float, scored: Sequence[Entry]) -> bool:
    """Says whether genomes have learned nearly all that there is to be learned, and learn no more."""
    starts = [interquartile_mean(list(entry.untrained.values())) for entry in scored]
    known = [start for start in starts if start is not None]
    if not known or not all(entry.slope and entry.slope.kind == "flat" for entry in scored):
        return False
    ends = [interquartile_mean(list(entry.scores.values())) or 0.0 for entry in scored]
    start = float(np.median(known))
    return start < min(ends) and maximum - min(ends) <= NEAR * (maximum - start)
