"""Verdicts as sentences that a scientist could paste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neuroevo.referee import body_map
from neuroevo.referee.drift import Fixation
from neuroevo.referee.entry import CONTROLS, MIN_GRAPHS, MIN_SEEDS, Entry, leader
from neuroevo.referee.estimators import LEVEL, interquartile_mean, interval
from neuroevo.referee.outcome import Comparison, Decision, Ending, Relation, Verdict
from neuroevo.text import conjoined, count, p_statement

PERHAPS_MAP = "perhaps by its map onto the body alone"
MAX_NAMED = 4  # genomes named in one sentence; the rest are counted
ENDS: dict[Ending, str] = {
    "equal": "All scores are equal",
    "ceiling": "All end alike, at a ceiling",
    "floor": "All end alike, at a floor: none has learned more than lineages differ",
}
RELATIONS: dict[Relation, str] = {  # of the leader to a genome that it does not beat
    "worse": "is worse, in its mean, than",
    "equivalent": "is equivalent to",
    "inconclusive": "is not told from",
}


def verdict(
    task: str,
    scored: Sequence[Entry],
    comparisons: Sequence[Comparison],
    unit: str,
    decision: Decision = "nothing",
    winner: str | None = None,
    alike: Ending | None = None,
) -> str:
    """Returns the verdict on a task in one sentence, with its figures.

    Args:
        task: The task's label.
        scored: Genomes that have scores.
        comparisons: Those of all pairs of them.
        unit: Unit of the score; may be empty.
        decision: What was decided.
        winner: Label of the genome that wins, if one does.
        alike: How all genomes end, if they end alike.
    """
    if not scored:
        return f"{task}: no lineage has a score yet, so there is nothing to compare."
    first = next((entry for entry in scored if entry.label == winner), leader(scored))
    standing = f"{first.label} has {_standing(first, unit)}"
    if len(scored) == 1:
        return f"{task}: exploratory, one genome has scores and nothing to be compared with; {standing}."
    if winner:
        facing = [row.facing(winner) for row in comparisons if row.concerns(winner)]
        closest = max(facing, key=lambda row: 1.0 if row.p_holm is None else row.p_holm)
        others = f"all {len(scored) - 1} others, {closest.b} the least surely"
        beaten = closest.b if len(scored) == 2 else others
        caution = f"; {body_map.CAUTION}" if body_map.is_perhaps_map(winner, scored) else ""
        return (
            f"{winner} wins on {task}: {_standing(first, unit)}; it beats {beaten} "
            f"({_difference(closest, unit)}){caution}."
        )
    if decision == "exploratory":
        return f"{task}: exploratory, so no winner is declared; ahead, {standing}."
    if alike:
        return f"No prior wins on {task}: {_lower(ENDS[alike])}; {standing}."
    if first.core in CONTROLS:
        rest = [entry for entry in scored if not entry.is_control]
        then = f"; of the others {leader(rest).label} has {_standing(leader(rest), unit)}" if rest else ""
        return f"No prior wins on {task}: a control is ahead, {standing}{then}."
    return f"No prior wins on {task}: ahead, {standing}."


def takeover(
    task: str,
    num_populations: int,
    fixations: Mapping[str, Fixation],
    decision: Decision,
    winner: str | None,
) -> str:
    """Returns the verdict on mixed populations in one sentence.

    Args:
        task: The task's label.
        num_populations: How many populations there are.
        fixations: How far each prior spread, by label; at least one.
        decision: What was decided.
        winner: Label of the prior that wins, if one does.
    """
    label, first = max(fixations.items(), key=lambda item: item[1].mean_final_share)
    took = (
        f"{label} went from {first.start_share:.0%} to {first.mean_final_share:.0%} of the members of "
        f"{count(num_populations, 'population')}, and is alone in {first.fixed} "
        f"({p_statement(first.p_holm)} after Holm, against drift and founders)"
    )
    if decision == "exploratory":
        return f"{task}: exploratory, so no winner is declared; ahead, {took}."
    if winner:
        return f"{winner} wins on {task}: {took}."
    return f"No prior wins on {task}: ahead, {took}."


def few_populations(num_populations: int) -> str:
    """Returns why mixed populations can have no verdict yet.

    Args:
        num_populations: How many there are.
    """
    return f"{count(num_populations, 'population')}; a verdict takes {MIN_SEEDS} (--seeds)."


def unfinished(task: str) -> str:
    """Returns the sentence on mixed populations that have not reached their end.

    Args:
        task: The task's label.
    """
    return f"{task}: the populations have not reached their last epoch."


def of_run(verdicts: Mapping[str, Verdict]) -> str:
    """Returns the verdict on a run: its task's own sentence, or each task's winner.

    Args:
        verdicts: The verdicts on its tasks, by label.
    """
    if all(verdict.decision == "nothing" for verdict in verdicts.values()):
        return "No lineage has a score yet, so there is nothing to compare."
    if len(verdicts) == 1:
        return next(iter(verdicts.values())).sentence
    parts = [
        f"{verdict.winner} wins on {task}{f' ({PERHAPS_MAP})' if verdict.is_perhaps_map else ''}"
        for task, verdict in verdicts.items()
        if verdict.winner
    ]
    begins_with_winner = bool(parts)
    for decision, words in (
        ("no winner", "no prior wins on"),
        ("exploratory", "exploratory, so no winner is declared, on"),
        ("nothing", "no score yet on"),
    ):
        tasks = [task for task, verdict in verdicts.items() if verdict.decision == decision]
        if tasks:
            parts.append(f"{words} {conjoined(tasks)}")
    text = "; ".join(parts)
    return f"{text if begins_with_winner else text[:1].upper() + text[1:]}."


def hindrances(entries: Sequence[Entry], scored: Sequence[Entry]) -> list[str]:
    """Returns why a task can have no verdict yet; nothing if it can.

    Args:
        entries: All genomes of the task.
        scored: Those of them that have scores.
    """
    sentences = []
    few = {entry.label: entry.too_few() for entry in scored}
    if any(few.values()):
        having = [f"{label} has {' and '.join(lacks)}" for label, lacks in few.items() if lacks]
        sentences.append(
            f"{_some(having, '; ')}. A verdict takes {MIN_SEEDS} seeds (--seeds), and {MIN_GRAPHS} graphs "
            "of a prior that has more than one (--graphs)."
        )
    absent = [f"{entry.label} {entry.num_missing}" for entry in entries if entry.num_missing]
    if absent:
        sentences.append(f"Lineages without a result: {_some(absent)}. A verdict waits for them.")
    early = [f"{entry.label} {entry.num_early}" for entry in entries if entry.num_early]
    if early:
        sentences.append(
            f"Lineages scored before the end of their search: {_some(early)}. A verdict waits for their end."
        )
    unscored = [entry.label for entry in entries if not entry.scores and not entry.is_censored]
    if unscored and scored:
        sentences.append(f"Without any score: {_some(unscored)}.")
    if len(scored) == 1 and not any(entry.is_censored for entry in entries):
        sentences.append("One genome has scores; a verdict takes two.")
    return sentences


def reasons(
    best: Entry | None,
    scored: Sequence[Entry],
    comparisons: Sequence[Comparison],
    unit: str,
    winner: str | None,
) -> list[str]:
    """Returns why there is no winner, or what a winner's reader must know.

    Args:
        best: The leading genome that is no control; None if all are controls.
        scored: Genomes that have scores.
        comparisons: Those of all pairs of them.
        unit: Unit of the score; may be empty.
        winner: Label of the winner, if there is one.
    """
    controls = {entry.label: CONTROLS[entry.core] for entry in scored if entry.core in CONTROLS}
    if winner:
        if not controls:
            return ["No control (no wiring, a clock, frozen wiring) was run: adapters alone may explain it."]
        return [f"The controls do not explain it: it beats {conjoined(list(controls))} too."]
    if best is None:
        return [f"Only controls have scores: {conjoined(list(controls))}. A control is not a winner."]
    if len(scored) == 1:
        return [
            "The race dropped all others for their fitness; their scores are not known, so none is beaten."
        ]
    facing = [row.facing(best.label) for row in comparisons if row.concerns(best.label)]
    unbeaten = [row for row in facing if row.verdict != "better"]
    if not unbeaten:
        return [
            f"{best.num_failed} of {best.label}'s lineages failed and have no score; leaving them out "
            "favours it, so it is not declared the winner."
        ]
    sentences = [_control(row, controls[row.b], unit) for row in unbeaten if row.b in controls]
    others = [row for row in unbeaten if row.b not in controls]
    for row in others[:MAX_NAMED]:
        sentences.append(f"{row.a} {RELATIONS[row.verdict]} {row.b} ({_difference(row, unit)}).")
    if len(others) > MAX_NAMED:
        sentences.append(f"Nor is it told from {len(others) - MAX_NAMED} more.")
    return sentences


def _control(row: Comparison, what: str, unit: str) -> str:
    """Returns a sentence on a control, b, that the leader, a, does not beat."""
    as_well = "does as well as" if row.difference <= 0 else "is not told from"
    as_well = "does better than" if row.verdict == "worse" else as_well
    return (
        f"{row.b}, {what}, {as_well} {row.a} ({_difference(row.facing(row.b), unit)}): the wiring is not "
        "shown to explain the score."
    )


def learning(comparisons: Sequence[Comparison], alike: Ending | None) -> list[str]:
    """Returns what the learning curves say where the scores say nothing.

    Args:
        comparisons: Those of all pairs of genomes that have scores.
        alike: How all genomes end, if they end alike; where they do not, nothing is said.
    """
    if not alike:
        return []
    faster: dict[str, list[str]] = {}
    for row in comparisons:
        if row.auc and row.auc.p_holm is not None and row.auc.p_holm < LEVEL:
            fast, slow = (row.a, row.b) if row.auc.difference > 0 else (row.b, row.a)
            faster.setdefault(fast, []).append(slow)
    head = f"{ENDS[alike]}; so learning curves are compared (mean fitness over generations)"
    if not faster:
        return [f"{head}: they do not differ either."]
    return [f"{head}: " + "; ".join(f"{a} learns faster than {_some(b)}" for a, b in faster.items()) + "."]


def power_lines(best: Entry, comparisons: Sequence[Comparison]) -> list[str]:
    """Returns how many more seeds or graphs would tell the leader from those it is not told from.

    Args:
        best: The leading genome that is no control.
        comparisons: Those of all pairs of genomes that have scores.
    """
    ways, hopeless = [], []
    for row in comparisons:
        if row.concerns(best.label) and row.power:
            rival = row.facing(best.label).b
            numbers = (row.power.more_seeds, "more seed"), (row.power.more_graphs, "more graph")
            enough = [count(n, what) for n, what in numbers if n]
            if enough:
                ways.append(f"{rival}, {' or '.join(enough)}")
            else:
                hopeless.append(rival)
    lines = []
    if ways:
        lines.append(
            f"To tell {best.label} from others with 80 % power, if they differ by as much as measured, would "
            f"take: {_some(ways, '; ')}."
        )
    if hopeless:
        lines.append(
            f"To tell {best.label} from {_some(hopeless)}, neither more seeds alone nor more graphs alone "
            "would do, if they differ by as much as measured."
        )
    return lines


def _standing(entry: Entry, unit: str) -> str:
    """Returns a genome's score, interval and numbers."""
    iqm = interquartile_mean(list(entry.scores.values())) or 0.0
    limits = interval(entry.scores)
    within = f", 95 % interval {limits[0]:.3g} to {limits[1]:.3g}" if limits else ""
    numbers = f"{count(entry.num_graphs, 'graph')} × {count(entry.num_seeds, 'seed')}"
    return f"{_quantity(f'{iqm:.3g}', unit)} (interquartile mean{within}; {numbers})"


def _difference(row: Comparison, unit: str) -> str:
    """Returns a mean difference with its interval and corrected p."""
    within = f", 95 % interval {row.ci95[0]:.2g} to {row.ci95[1]:.2g}" if row.ci95 else ""
    return f"{_quantity(f'{row.difference:+.3g}', unit)}, {p_statement(row.p_holm)} after Holm{within}"


def _quantity(figure: str, unit: str) -> str:
    """Returns a figure with its unit, which may be empty."""
    return f"{figure} {unit}" if unit else figure


def _some(items: Sequence[str], separator: str = ", ") -> str:
    """Returns the first few items, and how many more there are."""
    more = len(items) - MAX_NAMED
    return separator.join(items[:MAX_NAMED]) + (f"{separator}and {more} more" if more > 0 else "")


def _lower(text: str) -> str:
    """Returns a sentence without the capital at its beginning."""
    return text[:1].lower() + text[1:]
