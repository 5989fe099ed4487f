"""Verdicts as sentences that a scientist could paste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neuroevo.referee import body_map, coincidence
from neuroevo.referee.comparison import MAX_MORE
from neuroevo.referee.entry import CONTROLS, MIN_GRAPHS, MIN_SEEDS, Entry, leader
from neuroevo.referee.estimators import LEVEL, interquartile_mean
from neuroevo.referee.facts import TaskFacts
from neuroevo.referee.outcome import Comparison, Decision, Ending, Relation, Verdict
from neuroevo.referee.spread import Fixation, by_spread
from neuroevo.text import conjoined, count, figures, number, p_statement, percentages, signed

PERHAPS_MAP = "perhaps by its map onto the body alone"
MAX_NAMED = 4  # genomes named in one sentence; the rest are counted
ENDS: dict[Ending, str] = {
    "equal": "All scores are equal",
    "ceiling": "All end alike, at a ceiling",
    "floor": "All end alike, at a floor",
}


def verdict(
    task: str,
    scored: Sequence[Entry],
    comparisons: Sequence[Comparison],
    facts: TaskFacts,
    decision: Decision = "nothing",
    winner: str | None = None,
    alike: Ending | None = None,
) -> str:
    """Returns the verdict on a task in one sentence: the leader, its closest rival, and what lies between.

    Args:
        task: The task's label.
        scored: Genomes that have scores.
        comparisons: Those of all pairs of them.
        facts: What is known of the task.
        decision: What was decided.
        winner: Label of the genome that wins, if one does.
        alike: How all genomes end, if they end alike.
    """
    if not scored:
        return f"{task}: no lineage has a score yet, so there is nothing to compare."
    row = closest(scored, comparisons, winner, facts.num_tasks)
    if row is None:
        alone = _alone(scored[0], facts)
        if decision == "no winner":
            return f"No prior wins on {task}: a race dropped all others; {alone}."
        return f"{task}: exploratory, one genome has scores and nothing to be compared with; {alone}."
    if alike:
        begins = f"No prior wins on {task}:"
        if decision == "exploratory":
            begins = f"{task}: exploratory, so no winner is declared;"
        return f"{begins} {_lower(ENDS[alike])}, {_range(alike, scored, facts)}."
    x, y = _means(row, scored, facts)
    gap = _gap(row, scored, facts)
    if winner:
        rivals = f", the least surely beaten of {len(scored) - 1} rivals" if len(scored) > 2 else ""
        caution = f"; {body_map.CAUTION}" if body_map.is_perhaps_map(winner, scored) else ""
        return f"{winner} wins on {task}: {x} against {y} of {row.b}{rivals} {gap}{caution}."
    if decision == "exploratory":
        return (
            f"{task}: exploratory, so no winner is declared; {row.a} has {x}, against {y} of {row.b} {gap}."
        )
    rivals_of = [other for other in comparisons if other.concerns(row.a)]
    num_beaten = sum(other.beats(row.a, LEVEL, facts.num_tasks) for other in rivals_of)
    beats = (
        f"; {row.a} beats {num_beaten} of its {len(scored) - 1} rivals"
        if num_beaten and len(scored) > 2
        else ""
    )
    return f"No prior wins on {task}: {_standoff(row, scored, facts)}{beats}."


def closest(
    scored: Sequence[Entry], comparisons: Sequence[Comparison], winner: str | None, num_tasks: int = 1
) -> Comparison | None:
    """Returns the comparison that a verdict rests on, as the genome ahead sees it.

    A winner's is the one that it wins the least surely. Without a winner the genome ahead is the best prior,
    and it is held against the best of those that it does not beat, but its own double; or, where only
    controls have scores, against the next of them.

    Args:
        scored: Genomes that have scores; at least one.
        comparisons: Those of all pairs of them.
        winner: Label of the genome that wins, if one does.
        num_tasks: Tasks of the run, each of which may have a winner.

    Returns:
        None if nothing was compared.
    """
    priors = [entry for entry in scored if not entry.is_control]
    first = winner or leader(priors or scored).label
    rows = [row.facing(first) for row in comparisons if row.concerns(first)]
    if winner:
        return max(rows, key=lambda row: 1.0 if row.p_pair is None else row.p_pair, default=None)
    others = [row for row in rows if not row.is_same] or rows
    unbeaten = [row for row in others if not row.beats(first, LEVEL, num_tasks)] or others
    means = {entry.label: _mean(entry) for entry in scored}
    return max(unbeaten, key=lambda row: means[row.b], default=None)


def finding(row: Comparison, scored: Sequence[Entry], facts: TaskFacts) -> str:
    """Returns what a winner has against its closest rival, in few words for a verdict on several tasks.

    Args:
        row: The comparison that the verdict rests on, as the winner sees it.
        scored: Genomes that have scores.
        facts: What is known of the task.
    """
    x, y = _means(row, scored, facts)
    return f"{x} against {y} of {row.b}, {_tested(row, facts)}"


def difference(row: Comparison, facts: TaskFacts) -> str:
    """Returns a mean difference with its interval and the p that the verdict rests on.

    Args:
        row: The comparison.
        facts: What is known of the task.
    """
    gap, *bounds = figures([row.difference, *(row.ci95 or ())])
    is_wide = row.ci95 is not None and row.ci95[0] < row.ci95[1]  # scores without spread have none
    within = f", 95 % interval {bounds[0]} to {bounds[1]}" if is_wide else ""
    gap = signed(gap) if row.difference else "0"
    return f"mean difference {_quantity(gap, facts.unit)}{within}, {_tested(row, facts)}"


def _gap(row: Comparison, scored: Sequence[Entry], facts: TaskFacts) -> str:
    """Returns what lies between the two genomes of a comparison, whose interquartile means stand before."""
    means = {entry.label: _mean(entry) for entry in scored}
    is_told = _relation(row, facts) in ("better", "worse")
    is_contrary = is_told and (means[row.a] - means[row.b]) * row.difference < 0
    aside = "tests are of means, which outliers move; " if is_contrary else ""
    return f"(interquartile means; {aside}{difference(row, facts)})"


def _relation(row: Comparison, facts: TaskFacts) -> Relation:
    """Returns how a stands to b in the comparison of the two alone, as a verdict on a task takes it."""
    if row.beats(row.a, LEVEL, facts.num_tasks):
        return "better"
    if row.beats(row.b, LEVEL, facts.num_tasks):
        return "worse"
    return "equivalent" if row.verdict == "equivalent" else "inconclusive"


def _tested(row: Comparison, facts: TaskFacts) -> str:
    """Returns the p of a comparison: that of the two alone, corrected for tasks; or that of equivalence."""
    if row.verdict == "equivalent":
        return f"{p_statement(row.p_equivalence_holm)} for equivalence, after Holm"
    if row.p is None:
        return "not tested"
    p = max(min(1.0, facts.num_tasks * row.p), row.p_solved or 0.0)
    return f"{p_statement(p)} for {facts.num_tasks} tasks" if facts.num_tasks > 1 else p_statement(p)


def _standoff(row: Comparison, scored: Sequence[Entry], facts: TaskFacts) -> str:
    """Returns why the genome ahead, a, does not win: how it stands to its closest rival, b, in one clause."""
    x, y = _means(row, scored, facts)
    ahead = leader(scored)
    gap = _gap(row, scored, facts)
    if ahead.is_control and ahead.label == row.b:
        gap = _gap(row.facing(row.b), scored, facts)
        return f"{row.b}, {facts.described(ahead)}, is ahead with {y}, against {x} of {row.a} {gap}"
    if ahead.is_control:
        return f"only controls have scores; {row.a} has {x}, against {y} of {row.b} {gap}"
    both = f"{row.a} with {x} and {row.b} with {y}" if x != y else f"{row.a} and {row.b}, both with {x},"
    relation = _relation(row, facts)
    if relation == "equivalent":
        return f"{both} are equivalent{_margin(facts)} {gap}"
    if row.is_same:
        return f"{both} have the same scores, seed for seed"
    if relation == "inconclusive" and x == y:
        return f"{both} could not yet be told apart {gap}"
    words = {
        "better": "beats",
        "worse": "is worse in its mean than",
        "inconclusive": "could not yet be told apart from",
    }[relation]
    rest = ", but not every rival" if relation == "better" else ""
    return f"{row.a}, ahead with {x}, {words} {row.b} with {y} {gap}{rest}"


def _margin(facts: TaskFacts) -> str:
    """Returns the margin as the end of a clause on equivalence."""
    if facts.margin is None:
        return ""
    return f", to within the margin of {_quantity(f'{facts.margin:g}', facts.unit)}"


def _range(alike: Ending, scored: Sequence[Entry], facts: TaskFacts) -> str:
    """Returns from where to where genomes end that end alike, and what makes it a ceiling or a floor."""
    ends = min(scored, key=_mean), max(scored, key=_mean)
    low, high = figures([_mean(entry) for entry in ends])
    extent = f"from {low} ({ends[0].label}) to {high} ({ends[1].label})" if low != high else f"at {low}"
    extent = f"{extent} {facts.unit}".rstrip()
    if alike == "floor":
        return f"{extent}: no genome has learned more than its lineages differ"
    return (
        f"{extent} of at most {facts.maximum:g}, and none learns any more" if alike == "ceiling" else extent
    )


def takeover(
    task: str,
    num_populations: int,
    fixations: Mapping[str, Fixation],
    decision: Decision,
    winner: str | None,
) -> str:
    """Returns the verdict on mixed populations in one sentence: the prior ahead, the next, and its p.

    Args:
        task: The task's label.
        num_populations: How many populations there are.
        fixations: How far each prior spread, by label; at least one.
        decision: What was decided.
        winner: Label of the prior that wins, if one does.
    """
    order = by_spread(fixations)
    label = winner or order[0]
    first = fixations[label]
    alone = "all" if 0 < first.fixed == num_populations else str(first.fixed or "none")
    took = (
        f"{label} went from {_spread(first)} of the members of {count(num_populations, 'population')}, and "
        f"is alone in {alone}"
    )
    rival = next((other for other in order if other != label), None)
    if rival and fixations[rival].mean_final_share == 0:
        took += f"; {rival} died out" if len(order) == 2 else "; all others died out"
    elif rival:
        took += f"; {rival}, the next, went from {_spread(fixations[rival])}"
    took += f" ({p_statement(first.p_holm)} after Holm, against drift and founders)"
    if decision == "exploratory":
        return f"{task}: exploratory, so no winner is declared; {took}."
    if winner:
        return f"{winner} wins on {task}: {took}."
    return f"No prior wins on {task}: {took}."


def _spread(fixation: Fixation) -> str:
    """Returns a prior's share at the start and in the end."""
    return " to ".join(percentages([fixation.start_share, fixation.mean_final_share]))


def chance(fixations: Mapping[str, Fixation]) -> str:
    """Returns why no prior wins, though there are enough populations to tell.

    Args:
        fixations: How far each prior spread, by label.
    """
    spread = [label for label, x in fixations.items() if x.p_holm is not None and x.p_holm < LEVEL]
    if len(spread) > 1:
        return f"{conjoined(spread)} both spread further than drift and founders explain; a winner is one."
    return "No prior spread further than drift and founders explain."


def extinct(fixations: Mapping[str, Fixation]) -> list[str]:
    """Returns a sentence on priors that no population has a member of any more, if there are any.

    Args:
        fixations: How far each prior spread, by label.
    """
    gone = [label for label, fixation in fixations.items() if fixation.mean_final_share == 0]
    return [f"Extinct in every population: {conjoined(gone)}."] if gone else []


def few_populations(num_populations: int, fewest: int | None) -> str:
    """Returns why mixed populations can have no verdict.

    Args:
        num_populations: How many there are.
        fewest: Populations in which a prior can be favoured at all; None where no number would do.
    """
    if fewest is None:
        return (
            "No number of populations would give a verdict: so few members make room that chance does as "
            "much as any prior can. Ask for more generations (--generations), or members (--graphs)."
        )
    few = count(num_populations, "population")
    if fewest == MIN_SEEDS:
        return f"{few}; a verdict takes {fewest} (--seeds {fewest})."
    return (
        f"{few}; a verdict takes {fewest} (--seeds {fewest}): in fewer, chance alone carries a prior to all "
        "members too often."
    )


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
    if all(verdict.decision == "attribution" for verdict in verdicts.values()):
        return " ".join(verdict.sentence for verdict in verdicts.values())
    parts = [_win(task, verdict) for task, verdict in verdicts.items() if verdict.winner]
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


def _win(task: str, verdict: Verdict) -> str:
    """Returns a win among several tasks, in one clause."""
    notes = ", ".join([verdict.finding, *([PERHAPS_MAP] if verdict.is_perhaps_map else [])])
    return f"{verdict.winner} wins on {task} ({notes})"


def hindrances(entries: Sequence[Entry], scored: Sequence[Entry], facts: TaskFacts) -> list[str]:
    """Returns why a task can have no verdict yet; nothing if it can.

    Args:
        entries: All genomes of the task.
        scored: Those of them that have scores.
        facts: What is known of the task.
    """
    sentences = []
    if few := too_little(scored):
        sentences.append(few)
        if facts.is_raced and any(entry.num_seeds < MIN_SEEDS for entry in scored):
            sentences.append(
                "After a race these are fresh seeds: half as many as asked for, if no prior is dropped."
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


def too_little(scored: Sequence[Entry]) -> str:
    """Returns a sentence on genomes that have too few seeds or graphs for a verdict; "" if all have enough.

    Args:
        scored: Genomes of the task that have scores, or will have.
    """
    fewest, why = fewest_graphs(scored)
    few = {entry.label: entry.too_few(fewest) for entry in scored}
    having = [f"{label} has {' and '.join(lacks)}" for label, lacks in few.items() if lacks]
    if not having:
        return ""
    return (
        f"{_some(having, '; ')}. A verdict takes {MIN_SEEDS} seeds (--seeds), and {fewest} graphs of a "
        f"prior that has more than one (--graphs){why}."
    )


def fewest_graphs(scored: Sequence[Entry]) -> tuple[int, str]:
    """Returns the graphs that a verdict takes of a prior that has several, and why where it takes more.

    Args:
        scored: Genomes of the task that have scores.
    """
    single = [x.label for x in scored if x.num_graphs == 1 and (x.one_point or x.is_control)]
    families = len(scored) - len(single)
    if not families:
        return MIN_GRAPHS, ""
    of_families = max(MIN_GRAPHS, coincidence.fewest_graphs_of_families(families) if families > 1 else 0)
    of_one = coincidence.fewest_graphs() if single else 0
    if of_one > of_families:
        return of_one, f", for {single[0]} is but one: with fewer, chance may set it apart from all"
    return of_families, ""


def reasons(
    best: Entry | None,
    scored: Sequence[Entry],
    comparisons: Sequence[Comparison],
    facts: TaskFacts,
    winner: str | None,
) -> list[str]:
    """Returns why there is no winner, or what a winner's reader must know.

    Args:
        best: The leading genome that is no control; None if all are controls.
        scored: Genomes that have scores.
        comparisons: Those of all pairs of them.
        facts: What is known of the task.
        winner: Label of the winner, if there is one.
    """
    controls = {entry.label: entry for entry in scored if entry.core in CONTROLS}
    if winner:
        return [_controls(list(controls.values()), facts)]
    if best is None:
        return [f"Only controls have scores: {conjoined(list(controls))}. A control is not a winner."]
    if len(scored) == 1:
        return [
            "The race dropped all others for their fitness; their scores are not known, so none is beaten."
        ]
    facing = [row.facing(best.label) for row in comparisons if row.concerns(best.label)]
    unbeaten = [row for row in facing if not row.beats(best.label, LEVEL, facts.num_tasks)]
    sentences = [_control(row, controls[row.b], facts) for row in unbeaten if row.b in controls]
    others = [row for row in unbeaten if row.b not in controls]
    for row in others[:MAX_NAMED]:
        gap = "" if row.is_same else f" ({difference(row, facts)})"
        sentences.append(f"{_to_prior(row, facts)}{gap}.")
    if len(others) > MAX_NAMED:
        sentences.append(f"Nor does it beat {len(others) - MAX_NAMED} more.")
    return sentences


def _controls(controls: Sequence[Entry], facts: TaskFacts) -> str:
    """Returns what the controls that a winner beats say of it, or that there are none."""
    telling = [entry.label for entry in controls if facts.is_telling(entry)]
    if telling:
        return f"The controls do not explain it: it beats {conjoined(telling)} too."
    blind = [entry.label for entry in controls]
    aside = f" {conjoined(blind)} senses nothing, and so is no control of this task." if blind else ""
    return f"No control ({', '.join(facts.controls())}) was run: adapters alone may explain it.{aside}"


def _to_prior(row: Comparison, facts: TaskFacts) -> str:
    """Returns how the leader, a, stands to a prior, b, that it does not beat."""
    relation = _relation(row, facts)
    if relation == "worse":
        return f"{row.a} is worse, in its mean, than {row.b}"
    if relation == "equivalent":
        return f"{row.a} and {row.b} are equivalent{_margin(facts)}"
    if row.is_same:
        return f"{row.a} and {row.b} have the same scores, seed for seed"
    return f"{row.a} could not be told apart from {row.b}"


def _control(row: Comparison, control: Entry, facts: TaskFacts) -> str:
    """Returns a sentence on a control, b, that the leader, a, does not beat."""
    stands = _relation(row, facts)
    if stands == "equivalent":
        relation = f"is equivalent to {row.a}{_margin(facts)}"
    elif stands == "worse":
        relation = f"does better than {row.a}"
    elif row.difference <= 0:
        relation = f"does as well as {row.a}"
    else:
        relation = f"could not be told apart from {row.a}"
    shown = "the wiring is not shown to explain the score"
    if not facts.is_telling(control):
        shown = f"{row.a} is not shown to use what it senses"
    return (
        f"{row.b}, {facts.described(control)}, {relation} ({difference(row.facing(row.b), facts)}): {shown}."
    )


def learning(comparisons: Sequence[Comparison], alike: Ending | None) -> list[str]:
    """Returns what the learning curves say where the scores say nothing.

    That curves do not differ is said only where those of all pairs were tested.

    Args:
        comparisons: Those of all pairs of genomes that have scores.
        alike: How all genomes end, if they end alike; where they do not, nothing is said.
    """
    tested = [row for row in comparisons if row.auc and row.auc.p_holm is not None]
    if not alike or not tested:
        return []
    higher: dict[str, list[str]] = {}
    for row in tested:
        if row.auc and row.auc.p_holm is not None and row.auc.p_holm < LEVEL:
            high, low = (row.a, row.b) if row.auc.difference > 0 else (row.b, row.a)
            higher.setdefault(high, []).append(low)
    head = f"{ENDS[alike]}; so learning curves are compared (mean fitness over generations)"
    words = "learns faster than" if alike == "ceiling" else "has the higher curve than"
    if higher:
        return [f"{head}: " + "; ".join(f"{a} {words} {_some(b)}" for a, b in higher.items()) + "."]
    return [f"{head}: they could not be told apart either."] if len(tested) == len(comparisons) else []


def longer(scored: Sequence[Entry]) -> list[str]:
    """Returns whether a longer search may tell genomes apart, where learning curves say so.

    Args:
        scored: Genomes that have scores.
    """
    slopes = {entry.label: entry.slope for entry in scored if not entry.is_control and entry.slope}
    rising = {label: slope.share for label, slope in slopes.items() if slope.kind == "rising" and slope.share}
    if rising:
        shares = percentages(list(rising.values()))
        parts = [f"{share} of what {label} learned" for label, share in zip(rising, shares, strict=True)]
        return [
            f"Learning curves still rise: the last quarter of the generations brought {_some(parts)}. A "
            "longer search may tell more (--generations)."
        ]
    if slopes and all(slope.kind == "flat" for slope in slopes.values()):
        return ["Learning curves are flat, so a longer search would hardly move the scores."]
    return []


def power_lines(best: Entry, comparisons: Sequence[Comparison], facts: TaskFacts) -> list[str]:
    """Returns how many more seeds or graphs would tell the leader from those it is not told from.

    Where none would, a margin might still show that they are equivalent.

    Args:
        best: The leading genome that is no control.
        comparisons: Those of all pairs of genomes that have scores.
        facts: What is known of the task.
    """
    ways, hopeless, even = [], [], []
    for row in comparisons:
        if not row.concerns(best.label) or row.is_same:
            continue
        rival = row.facing(best.label).b
        if row.difference == 0 and row.p is not None and row.verdict == "inconclusive":
            even.append(rival)
        elif row.power:
            numbers = (row.power.more_seeds, "more seed"), (row.power.more_graphs, "more graph")
            enough = [count(n, what) for n, what in numbers if n]
            if row.power.both_seeds and row.power.both_graphs:
                together = row.power.both_seeds, row.power.both_graphs
                enough = [
                    f"{count(together[0], 'more seed')} together with {count(together[1], 'more graph')}"
                ]
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
            f"To tell {best.label} from {_some(hopeless)}, no number of seeds and graphs up to {MAX_MORE:,} "
            "more of each would do, if they differ by as much as measured."
        )
    if facts.margin is None and (hopeless or even):
        lines.append(
            f"That {best.label} is equivalent to {_some([*hopeless, *even])} could be shown only with a "
            "margin, stated before the run (--margin)."
        )
    return lines


def _mean(entry: Entry) -> float:
    """Returns a genome's interquartile mean."""
    return interquartile_mean(list(entry.scores.values())) or 0.0


def _means(row: Comparison, scored: Sequence[Entry], facts: TaskFacts) -> tuple[str, str]:
    """Returns the interquartile means of both genomes of a comparison, with their unit."""
    means = {entry.label: _mean(entry) for entry in scored}
    x, y = figures([means[row.a], means[row.b]])
    return _quantity(x, facts.unit), _quantity(y, facts.unit)


def _alone(entry: Entry, facts: TaskFacts) -> str:
    """Returns the score of a genome that has no rival, and what it is a mean of."""
    lineages = f"{count(entry.num_graphs, 'graph')} × {count(entry.num_seeds, 'seed')}"
    score = _quantity(number(_mean(entry)), facts.unit)
    return f"{entry.label} has {score} (interquartile mean; {lineages})"


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
