"""The looks at a run that goes on until it is decided, made anew from its rows: what each of them decided.

A look is judged by the lineages that a request of its size has, at its own level, whatever has been added
since. So a report says the same of a look whenever it is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from scipy import stats

from neuroevo.errors import RunError
from neuroevo.files import Row
from neuroevo.referee.comparison import compare, power
from neuroevo.referee.entry import Entry
from neuroevo.referee.estimators import LEVEL, Interval, contrast, holm
from neuroevo.referee.looks import COINCIDENCE, Look, first_decided
from neuroevo.referee.outcome import Comparison, Relation
from neuroevo.referee.verdict import winner_of
from neuroevo.report.evidence import Evidence, GenomeEvidence, TaskEvidence
from neuroevo.report.planned import LookPlan, LooksReport, PairAtLook, PairLooks
from neuroevo.rows import PROVISIONAL

EntriesOf = Callable[[TaskEvidence], Sequence[Entry]]


@dataclass(frozen=True)
class History:
    """What the looks at a run have decided.

    Attributes:
        looks: The looks that are planned.
        rounds: What each look that was taken, of which all lineages are scored, found: comparisons by task.
        pairs: By task, every pair of genomes, with what each of these looks found.
        winners: By task, the genome that a look declared the winner, where one did.
        num_open: Number of pairs that none has decided.
    """

    looks: tuple[Look, ...]
    rounds: Sequence[Mapping[str, Sequence[Comparison]]]
    pairs: Mapping[str, tuple[PairLooks, ...]]
    winners: Mapping[str, str]
    num_open: int

    @property
    def taken(self) -> int:
        """Number of looks that were taken."""
        return len(self.rounds)

    @property
    def level(self) -> float:
        """Level of the last look that was taken; of the first before it."""
        return self.looks[max(0, self.taken - 1)].level


def planned(config: Row) -> tuple[Look, ...]:
    """Returns the looks that a run's resolved request plans; none where it is not to go on until decided.

    Args:
        config: The request.

    Raises:
        RunError: If the request is damaged.
    """
    try:
        return tuple(Look(**table) for table in config.get("looks") or ())
    except TypeError as error:
        raise RunError(f"The request's 'looks' are damaged ({error}); restore config.toml.") from error


def history(evidence: Evidence, entries_of: EntriesOf) -> History | None:
    """Returns what the looks at a run have decided; None where none is planned.

    Args:
        evidence: What the run holds.
        entries_of: Gives what the referee is told of the genomes of a task.
    """
    looks = planned(evidence.config)
    if not looks:
        return None
    seed = int(evidence.config.get("seed", 0))
    margins = {label: task.margin for label, task in evidence.tasks.items()}
    rounds: list[Mapping[str, Sequence[Comparison]]] = []
    winners: dict[str, str] = {}
    last: tuple[Look, Mapping[str, Sequence[Entry]]] | None = None
    for look in looks:
        tasks = {label: _restricted(task, look) for label, task in evidence.tasks.items()}
        if not _is_complete(evidence.config, tasks, look):
            break
        entries = {label: entries_of(task) for label, task in tasks.items()}
        rows = compare(entries, margins, seed, look.level, COINCIDENCE)
        rounds.append(_by_t_alone(rows))
        last = look, entries
        for label in evidence.tasks.keys() - winners.keys():
            winner = winner_of(entries[label], rows[label], len(evidence.tasks), look.level, COINCIDENCE)
            winners |= {label: winner} if winner else {}
    pairs = {label: _pairs([r[label] for r in rounds], looks) for label in evidence.tasks}
    if last is not None:
        pairs = {x: _with_needs(pairs[x], last[1][x], margins[x], last[0].level) for x in pairs}
    num_pairs = sum(math.comb(len(task.genomes), 2) for task in evidence.tasks.values())
    num_open = num_pairs - sum(pair.look is not None for x in pairs.values() for pair in x)
    return History(looks, rounds, pairs, winners, num_open)


def _with_needs(
    pairs: Sequence[PairLooks], entries: Sequence[Entry], margin: float | None, level: float
) -> tuple[PairLooks, ...]:
    """Returns the pairs of a task; of those that are open with how much more would decide them."""
    by_label = {entry.label: entry for entry in entries}
    with_needs = []
    for pair in pairs:
        a, b = by_label[pair.a], by_label[pair.b]
        measured = contrast(a.scores, b.scores, not (a.is_control or b.is_control))
        if pair.look is not None or measured is None:
            with_needs.append(pair)
            continue
        single = level / len(pairs)
        room = (margin or 0.0) - abs(measured.difference)  # two one-sided tests: each has the whole level
        equivalence = power(replace(measured, difference=room), 2 * single) if room > 0 else None
        with_needs.append(replace(pair, power=power(measured, single), power_equivalence=equivalence))
    return tuple(with_needs)


def settled(rows: Sequence[Comparison], pairs: Sequence[PairLooks]) -> list[Comparison]:
    """Returns comparisons with what the looks made of them, in place of what the last rows alone say.

    Args:
        rows: Comparisons of a task.
        pairs: What the looks made of its pairs.
    """
    by_labels = {(pair.a, pair.b): pair for pair in pairs}
    settled_rows = []
    for row in rows:
        pair = by_labels.get((row.a, row.b))
        relation: Relation = "inconclusive" if pair is None else pair.verdict
        power = None if pair is not None and pair.look is not None else row.power
        settled_rows.append(replace(row, verdict=relation, power=power))
    return settled_rows


def report_of(history: History, evidence: Evidence) -> LooksReport:
    """Returns the looks as a report states them.

    Args:
        history: What they have decided.
        evidence: What the run holds.
    """
    noted = evidence.manifest.get("looks")
    return LooksReport(
        budget=str(evidence.config.get("budget")),
        planned=tuple(LookPlan(x.seeds, x.graphs, x.lineages, x.level) for x in history.looks),
        taken=history.taken,
        open=history.num_open,
        ended=noted["ended"] if noted else None,
    )


def _restricted(task: TaskEvidence, look: Look) -> TaskEvidence:
    """Returns the evidence of a task as a run of a look's size has it."""
    return replace(task, genomes=tuple(_of_size(genome, look) for genome in task.genomes))


def _of_size(genome: GenomeEvidence, look: Look) -> GenomeEvidence:
    """Returns the evidence of a genome as a run of a look's size has it."""
    lineages = tuple(x for x in genome.lineages if x[2] < look.graphs and x[3] < look.seeds)
    return replace(
        genome,
        lineages=lineages,
        results={key: genome.results[key] for key in lineages if key in genome.results},
        tracks={key: genome.tracks[key] for key in lineages if key in genome.tracks},
        graphs=tuple(row for row in genome.graphs if row["graph"] < look.graphs),
    )


def _is_complete(config: Row, tasks: Mapping[str, TaskEvidence], look: Look) -> bool:
    """Says whether a run is as large as a look, and all lineages of this size have their final results."""
    if int(config.get("seeds", 1)) < look.seeds or int(config.get("graphs", 1)) < look.graphs:
        return False
    statuses = [status for task in tasks.values() for genome in task.genomes for status in genome.status]
    return not any(status is None or status in PROVISIONAL for status in statuses)


def _by_t_alone(tasks: Mapping[str, Sequence[Comparison]]) -> dict[str, list[Comparison]]:
    """Returns a look's comparisons with the corrected p of their t tests, which has the look's level."""
    corrected = iter(holm([row.p for rows in tasks.values() for row in rows]))
    return {task: [replace(row, p_holm=next(corrected)) for row in rows] for task, rows in tasks.items()}


def _pairs(rounds: Sequence[Sequence[Comparison]], looks: Sequence[Look]) -> tuple[PairLooks, ...]:
    """Returns the pairs of a task with what each look says of them."""
    points_of: dict[tuple[str, str], list[PairAtLook]] = {}
    for number, (rows, look) in enumerate(zip(rounds, looks, strict=False), start=1):
        for row in rows:
            points_of.setdefault((row.a, row.b), []).append(_at(number, row, look))
    histories = []
    for (a, b), points in points_of.items():
        decided = first_decided({point.look: point.verdict for point in points})
        histories.append(PairLooks(a, b, decided.relation, decided.look, tuple(points)))
    return tuple(histories)


def _at(number: int, row: Comparison, look: Look) -> PairAtLook:
    """Returns what a look says of a pair."""
    return PairAtLook(
        look=number,
        difference=row.difference,
        interval=_repeated(row, look),
        p=row.p,
        p_holm=row.p_holm,
        p_solved=row.p_solved,
        p_equivalence_holm=row.p_equivalence_holm,
        verdict=row.verdict,
    )


def _repeated(row: Comparison, look: Look) -> Interval | None:
    """Returns the interval of a difference at a look's level: all looks' together hold it in 95 %.

    Reference: Jennison & Turnbull (1984), https://doi.org/10.1016/0197-2456(84)90050-X.
    """
    if row.ci95 is None or row.df is None:
        return None
    half = (row.ci95[1] - row.ci95[0]) / 2
    wider = half * float(stats.t.isf(look.level / 2, row.df) / stats.t.isf(LEVEL / 2, row.df))
    return (row.difference - wider, row.difference + wider) if math.isfinite(wider) else None
