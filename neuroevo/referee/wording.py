"""Sentences: verdicts in words that a scientist could paste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neuroevo.referee.entry import CONTROLS, MIN_GRAPHS, MIN_SEEDS, Entry, better, leader
from neuroevo.referee.estimators import LEVEL, interquartile_mean, interval
from neuroevo.text import conjoined, count, p_statement

MAX_NAMED = 4  # genomes named in one sentence; the rest are counted
ENDS = {
    "equal": "All scores are equal",
    "ceiling": "All end alike, at a ceiling",
    "floor": "All end alike, at a floor: none has learned more than lineages differ",
}
RELATIONS = {
    "worse": "is worse, in its mean, than",
    "equivalent": "is equivalent to",
    "inconclusive": "is not told from",
}
Row = Mapping[str, Any]


def verdict(task: str, scored: Sequence[Entry], rows: Sequence[Row], unit: str, found: Row) -> str:
    """Returns the verdict on a task in one sentence, with its figures."""
    if not scored:
        return f"{task}: no lineage has a score yet, so there is nothing to compare."
    first = next((e for e in scored if e.label == found["winner"]), leader(scored))
    standing = f"{first.label} has {_standing(first, unit)}"
    if len(scored) == 1:
        return f"{task}: exploratory, one genome has scores and nothing to be compared with; {standing}."
    if found["winner"]:
        closest = max((_facing(row, first.label) for row in rows if first.label in _names(row)), key=_p)
        beaten = (
            closest["b"]
            if len(scored) == 2
            else f"all {len(scored) - 1} others, {closest['b']} the least surely"
        )
        return (
            f"{first.label} wins on {task}: {_standing(first, unit)}; it beats {beaten} "
            f"({_difference(closest, unit)})."
        )
    if found["verdict"] == "exploratory":
        return f"{task}: exploratory, so no winner is declared; ahead, {standing}."
    if found["ends_alike"]:
        return f"No prior wins on {task}: {_lower(ENDS[found['ends_alike']])}; {standing}."
    if first.core in CONTROLS:
        rest = [entry for entry in scored if not entry.is_control]
        then = f"; of the others {leader(rest).label} has {_standing(leader(rest), unit)}" if rest else ""
        return f"No prior wins on {task}: a control is ahead, {standing}{then}."
    return f"No prior wins on {task}: ahead, {standing}."


def mixed(task: str, selection: Row) -> Row:
    """Returns the verdict on a mixed population: who took over, beyond what drift and founders explain.

    Args:
        task: The task's label.
        selection: The report's section on selection.

    Returns:
        What `ranking.decide` returns of lineages that are compared.
    """
    fixation, number = selection.get("fixation") or {}, selection.get("populations") or 0
    found: dict[str, Any] = {
        "verdict": "nothing",
        "winner": None,
        "power": [],
        "reasons": [],
        "ends_alike": None,
    }
    if not fixation:
        return {**found, "sentence": f"{task}: the populations have not reached their last epoch."}
    label, first = max(fixation.items(), key=lambda item: item[1]["mean_final_share"])
    took = (
        f"{label} went from {first['start_share']:.0%} to {first['mean_final_share']:.0%} of the members of "
        f"{count(number, 'population')}, and is alone in {first['fixed']} ({p_statement(first['p_holm'])} "
        "after Holm, against drift and founders)"
    )
    if number < MIN_SEEDS:
        why = f"{count(number, 'population')}; a verdict takes {MIN_SEEDS} (--seeds)."
        return {
            **found,
            "verdict": "exploratory",
            "reasons": [why],
            "sentence": f"{task}: exploratory, so no winner is declared; ahead, {took}.",
        }
    if selection.get("winner"):
        winner = selection["winner"]
        return {
            **found,
            "verdict": "winner",
            "winner": winner,
            "sentence": f"{winner} wins on {task}: {took}.",
        }
    return {**found, "verdict": "no winner", "sentence": f"No prior wins on {task}: ahead, {took}."}


def of_run(tasks: Mapping[str, Row]) -> str:
    """Returns the verdict on a run: its task's own sentence, or each task's winner."""
    found = list(tasks.items())
    if all(section["verdict"] == "nothing" for _, section in found):
        return "No lineage has a score yet, so there is nothing to compare."
    if len(found) == 1:
        return str(found[0][1]["sentence"])
    parts = [f"{section['winner']} wins on {task}" for task, section in found if section["winner"]]
    for kind, words in (
        ("no winner", "no prior wins on"),
        ("exploratory", "exploratory, so no winner is declared, on"),
        ("nothing", "no score yet on"),
    ):
        of_kind = [task for task, section in found if section["verdict"] == kind]
        if of_kind:
            parts.append(f"{words} {conjoined(of_kind)}")
    text = "; ".join(parts)
    return f"{text if tasks and parts[0].split()[0] in _winners(tasks) else text[:1].upper() + text[1:]}."


def hindrances(entries: Sequence[Entry], scored: Sequence[Entry]) -> list[str]:
    """Returns why a task can have no verdict yet; empty if it can."""
    found = []
    few = {entry.label: entry.too_few() for entry in scored}
    if any(few.values()):
        having = [f"{label} has {' and '.join(lacks)}" for label, lacks in few.items() if lacks]
        found.append(
            f"{_some(having, '; ')}. A verdict takes {MIN_SEEDS} seeds (--seeds), and {MIN_GRAPHS} graphs "
            "of a prior that has more than one (--graphs)."
        )
    absent = [f"{entry.label} {entry.num_missing}" for entry in entries if entry.num_missing]
    if absent:
        found.append(f"Lineages without a result: {_some(absent)}. A verdict waits for them.")
    unscored = [entry.label for entry in entries if not entry.scores and not entry.is_censored]
    if unscored and scored:
        found.append(f"Without any score: {_some(unscored)}.")
    if len(scored) == 1 and not any(entry.is_censored for entry in entries):
        found.append("One genome has scores; a verdict takes two.")
    return found


def reasons(
    best: Entry | None, scored: Sequence[Entry], rows: Sequence[Row], unit: str, winner: str | None
) -> list[str]:
    """Returns why there is no winner, or what a winner's reader must know.

    Args:
        best: The leading genome that is no control; None if all are controls.
        scored: All genomes with scores.
        rows: Their comparisons.
        unit: Of the score.
        winner: Label of the winner.
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
    facing = [_facing(row, best.label) for row in rows if best.label in _names(row)]
    tied = [row for row in facing if not better(row, best.label)]
    found = []
    for row in (row for row in tied if row["b"] in controls):
        as_well = "does as well as" if row["difference"] <= 0 else "is not told from"
        as_well = "does better than" if row["verdict"] == "worse" else as_well
        by = _difference(_facing(row, row["b"]), unit)
        found.append(
            f"{row['b']}, {controls[row['b']]}, {as_well} {best.label} ({by}): the wiring is not shown to "
            "explain the score."
        )
    others = [row for row in tied if row["b"] not in controls]
    for row in others[:MAX_NAMED]:
        relation = RELATIONS[row["verdict"]]
        found.append(f"{best.label} {relation} {row['b']} ({_difference(row, unit)}).")
    if len(others) > MAX_NAMED:
        found.append(f"Nor is it told from {len(others) - MAX_NAMED} more.")
    if not tied:
        found.append(
            f"{best.num_failed} of {best.label}'s lineages failed and have no score; leaving them out "
            "favours it, so it is not declared the winner."
        )
    return found


def learning(rows: Sequence[Row], alike: str | None) -> list[str]:
    """Returns what the learning curves say where the scores say nothing."""
    if not alike:
        return []
    faster: dict[str, list[str]] = {}
    for row in rows:
        if row["auc"] and (row["auc"]["p_holm"] or 1.0) < LEVEL:
            a, b = (row["a"], row["b"]) if row["auc"]["difference"] > 0 else (row["b"], row["a"])
            faster.setdefault(a, []).append(b)
    head = f"{ENDS[alike]}; so learning curves are compared (mean fitness over generations)"
    if not faster:
        return [f"{head}: they do not differ either."]
    return [f"{head}: " + "; ".join(f"{a} learns faster than {_some(b)}" for a, b in faster.items()) + "."]


def power_lines(best: Entry, rows: Sequence[Row]) -> list[str]:
    """Returns how many more seeds or graphs would tell the leader from those it is not told from."""
    ways, hopeless = [], []
    for row in rows:
        if best.label in _names(row) and row.get("power"):
            rival = row["b"] if row["a"] == best.label else row["a"]
            numbers = (row["power"]["more_seeds"], "seed"), (row["power"]["more_graphs"], "graph")
            found = [count(n, f"more {what}") for n, what in numbers if n]
            if found:
                ways.append(f"{rival}, {' or '.join(found)}")
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


def quantity(value: float, unit: str, sign: bool = False) -> str:
    """Returns a value to three digits with its unit."""
    text = f"{value:{'+' if sign else ''}.3g}"
    return f"{text} {unit}" if unit else text


def _standing(entry: Entry, unit: str) -> str:
    """Returns a genome's score, interval and numbers."""
    iqm = interquartile_mean(list(entry.scores.values())) or 0.0
    limits = interval(entry.scores)
    within = f", 95 % interval {limits[0]:.3g} to {limits[1]:.3g}" if limits else ""
    numbers = f"{count(entry.num_graphs, 'graph')} × {count(entry.num_seeds, 'seed')}"
    return f"{quantity(iqm, unit)} (interquartile mean{within}; {numbers})"


def _difference(row: Row, unit: str) -> str:
    """Returns a mean difference with its interval and corrected p."""
    within = f", 95 % interval {row['ci95'][0]:.2g} to {row['ci95'][1]:.2g}" if row["ci95"] else ""
    return f"{quantity(row['difference'], unit, sign=True)}, {p_statement(row['p_holm'])} after Holm{within}"


def _facing(row: Row, label: str) -> Row:
    """Returns a comparison as the given genome sees it: it is a."""
    if row["a"] == label:
        return row
    turned = {"better": "worse", "worse": "better"}
    limits = [-row["ci95"][1], -row["ci95"][0]] if row["ci95"] else None
    return {
        **row,
        "a": row["b"],
        "b": row["a"],
        "difference": -row["difference"],
        "ci95": limits,
        "verdict": turned.get(row["verdict"], row["verdict"]),
    }


def _names(row: Row) -> tuple[str, str]:
    return row["a"], row["b"]


def _p(row: Row) -> float:
    return 1.0 if row["p_holm"] is None else float(row["p_holm"])


def _some(items: Sequence[str], separator: str = ", ") -> str:
    """Returns the first few items, and how many more there are."""
    more = len(items) - MAX_NAMED
    return separator.join(items[:MAX_NAMED]) + (f"{separator}and {more} more" if more > 0 else "")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _winners(tasks: Mapping[str, Row]) -> set[str]:
    return {str(section["winner"]) for section in tasks.values() if section["winner"]}
