"""The tables of report.html: ranking, comparisons, selection, statistics of graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuroevo.referee.spread import by_spread
from neuroevo.report import sphinx as explanation
from neuroevo.report.formatting import decimals, facing, final_shares, ranked, standing
from neuroevo.report.model import (
    GenomeReport,
    Measure,
    MixedPopulations,
    Parameters,
    Race,
    TaskReport,
    Worth,
)
from neuroevo.report.table import MISSING, Cell, Heading, Table, whole
from neuroevo.text import interval, number, p_text, typeset

if TYPE_CHECKING:
    from neuroevo.referee.learning_curves import TimeToThreshold
    from neuroevo.referee.outcome import AreaContrast

GLYPHS = {"better": "▲", "worse": "▼", "equivalent": "=", "inconclusive": "?"}
STATISTICS = {  # of graphs, with the head of their column
    "cells": "cells",
    "synapses": "synapses",
    "shortcut_ratio": "shortcut ratio",
    "route_length": "inputs to outputs",
    "unreached": "cells unreached",
    "density": "density",
    "reciprocity": "reciprocity",
    "clustering": "clustering",
    "path_length": "path length",
    "triad_error": "triad error",
    "rich_club": "rich club",
    "assortativity": "assortativity",
    "modularity": "modularity",
    "wiring_length": "wiring length",
    "excitatory": "excitatory share",
    "overlap": "overlap",
}
KINDS = {  # of comparisons, with what they are made over
    "graphs": "over graphs and seeds",
    "one wiring": "one wiring against a family",
    "control": "a family's mean against a control",
    "seeds": "over seeds, one wiring each",
}


@dataclass(frozen=True)
class Pair:
    """A cell of the matrix: how the genome of the row compares with that of the column.

    Attributes:
        verdict: What the genome of the row is; empty for a genome and itself, and for pairs not compared.
        difference: The difference of their means; a dash for pairs not compared.
        details: The comparison in words.
    """

    verdict: str = ""
    difference: str = ""
    details: str = ""

    @property
    def glyph(self) -> str:
        """The sign that stands for the verdict."""
        return GLYPHS.get(self.verdict, "")


@dataclass(frozen=True)
class Matrix:
    """Every genome of a task against every other.

    Attributes:
        label: What it is, for those who cannot see it.
        unit: Unit of the differences; may be empty.
        rows: The genomes, the highest score first; the columns are the same.
        pairs: A row a genome, a cell a genome.
        table: The same comparisons, a row a pair, with all their figures.
    """

    label: str
    unit: str
    rows: tuple[Heading, ...]
    pairs: tuple[tuple[Pair, ...], ...]
    table: Table


@dataclass(frozen=True)
class Passage:
    """A table of the page under a heading of its own.

    Attributes:
        head: The heading.
        text: A sentence above the table; may be empty.
        table: The table.
    """

    head: str
    text: str
    table: Table


def ranking(task: TaskReport, styles: Mapping[str, int]) -> Table:
    """Returns the genomes of a task, the highest score first.

    Args:
        task: The task.
        styles: Which colour a genome has in all figures of a report.
    """
    order, places = ranked(task), decimals(task)
    columns: dict[str, list[Cell]] = {}
    if shares := final_shares(task):
        columns["final share"] = [_share_cell(task, genome.label, shares) for genome in order]
    columns["score"] = [_measure_cell(genome.score, places, is_bold=True) for genome in order]
    if task.comparisons:
        columns["against the first"] = [_standing_cell(task, genome.label) for genome in order]
    columns["graphs × seeds"] = [_size_cell(genome) for genome in order]
    if any(genome.parameters != Parameters() for genome in order):  # a file of scores does not tell
        columns["core + adapters"] = [_parameters_cell(genome.parameters) for genome in order]
    if any(genome.parameters.solved is not None for genome in order):
        columns["solved"] = [_solved_cell(genome.parameters) for genome in order]
    if any(genome.evaluations is not None for genome in order):
        columns["evaluations"] = [Cell.count(genome.evaluations) for genome in order]
    measures: dict[str, tuple[list[Measure | None], int | None]] = {
        "untrained": ([genome.untrained for genome in order], places),
        "tuned": ([genome.tuned for genome in order], places),
        "learning area": ([genome.auc for genome in order], None),
    }
    for head, (column, digits) in measures.items():
        if any(measure and measure.iqm is not None for measure in column):
            columns[head] = [_measure_cell(measure, digits) for measure in column]
    if any(genome.to_threshold for genome in order):
        columns["evaluations to threshold"] = [_threshold_cell(genome.to_threshold) for genome in order]
    columns["state"] = [_state_cell(genome) for genome in order]
    return Table(
        f"Genomes on {task.label}: interquartile mean over lineages, and its 95 % interval [low, high]"
        + (", or the lowest to the highest" if any(not genome.score.ci95 for genome in order) else ""),
        ("genome", *columns),
        _rows([Heading.of(genome.label, styles) for genome in order], columns),
        sorted_by=(1, "descending"),
    )


def matrix(task: TaskReport, styles: Mapping[str, int]) -> Matrix | None:
    """Returns a task's comparisons, each genome of a row against each of a column.

    Args:
        task: The task.
        styles: Which colour a genome has in all figures of a report.

    Returns:
        None if no genomes were compared.
    """
    if not task.comparisons:
        return None
    compared = {label for row in task.comparisons for label in (row.a, row.b)}
    order = [genome.label for genome in ranked(task) if genome.label in compared]
    return Matrix(
        label=f"Matrix of comparisons on {task.label}",
        unit=task.unit,
        rows=tuple(Heading.of(label, styles) for label in order),
        pairs=tuple(tuple(_pair(task, a, b) for b in order) for a in order),
        table=_comparisons(task),
    )


def selection(task: TaskReport, styles: Mapping[str, int]) -> Passage | None:
    """Returns what a race or mixed populations did.

    Args:
        task: The task.
        styles: Which colour a genome has in all figures of a report.

    Returns:
        None for a tournament, and before the first rung or after no last epoch.
    """
    if isinstance(task.selection, MixedPopulations):
        return _fixation(task.label, task.selection, task.verdict.winner, styles)
    if isinstance(task.selection, Race):
        return _race(task, task.selection, styles)
    return None


def body_map(task: TaskReport, styles: Mapping[str, int]) -> Passage | None:
    """Returns nulls with the map onto the body rewired beside the same nulls with it kept.

    Args:
        task: The task.
        styles: Which colour a genome has in all figures of a report.

    Returns:
        None where no muscles drive a body; without rows where no null was run both ways.
    """
    if task.body_map is None:
        return None
    texts = [f"{row.genome} {row.text}" for row in task.body_map.genomes]
    places, score = decimals(task), {genome.label: genome.score for genome in task.genomes}
    rows = [
        (
            Heading.of(pair.prior, styles),
            [
                _measure_cell(score[pair.rewired], places),
                _measure_cell(score[pair.keeping], places),
                _worth_cell(pair.map, places),
                _worth_cell(pair.circuit, places),
            ],
        )
        for pair in task.body_map.twins
    ]
    unit = f" ({task.unit})" if task.unit else ""
    heads = (
        "prior",
        f"map rewired{unit}",
        f"map kept{unit}",
        "what the map is worth",
        "what the circuit is worth",
    )
    text = f"Of the neuromuscular synapses of the connectome: {', '.join(texts)}."
    if rows:
        text += (
            " The map is worth what a null with it scores above the same null without; the circuit behind "
            "it, what the connectome scores above the null with its map."
        )
    return Passage(
        "The map onto the body", text, Table(f"The map onto the body on {task.label}", heads, rows)
    )


def sphinx(task: TaskReport, styles: Mapping[str, int]) -> Passage | None:
    """Returns what share of the leader's score each other genome reaches.

    Args:
        task: The task.
        styles: Which colour a genome has in all figures of a report.

    Returns:
        None where there is nothing to compare the leader with; without rows where there are no shares.
    """
    sentences = explanation.lines(task)
    if not sentences:
        return None
    head = explanation.QUESTION
    text = " ".join(sentences).removeprefix(f"{head} ")
    return Passage(head, text, explanation.table(task, styles) or Table(head, (), ()))


def sweep(task: TaskReport, styles: Mapping[str, int]) -> Passage | None:
    """Returns the scores at each gain of a sweep; None where there was none.

    Args:
        task: The task.
        styles: Which colour a genome has in all figures of a report.
    """
    order = [genome for genome in ranked(task) if genome.at_gains]
    if not order:
        return None
    places = decimals(task)
    rows = [
        (
            Heading.of(genome.label, styles),
            [Cell(number(x, places, missing="-"), x) for x in (genome.at_gains or {}).values()],
        )
        for genome in order
    ]
    text = (
        "Held-out scores at each gain of the synapses between neurons, interquartile means. The score of a "
        "lineage is that at its own best gain, chosen on held-back training data."
    )
    heads = ("genome", *(order[0].at_gains or {}))
    return Passage("Scores by core gain", text, Table(f"Scores by core gain on {task.label}", heads, rows))


def graphs(task: TaskReport, styles: Mapping[str, int]) -> Table | None:
    """Returns the statistics of each genome's graphs; those that none has are left out.

    Args:
        task: The task.
        styles: Which colour a genome has in all figures of a report.

    Returns:
        None if no statistic is known.
    """
    columns = {"graphs": [Cell.count(row.num_graphs) for row in task.graphs]}
    for name, head in STATISTICS.items():
        spreads = [row.statistics.get(name) for row in task.graphs]
        if any(spread and spread.mean is not None for spread in spreads):
            columns[head] = [
                Cell.figure(
                    spread.mean if spread else None,
                    below=[f"± {typeset(number(spread.std))}"] if spread and spread.std else (),
                )
                for spread in spreads
            ]
    if len(columns) == 1:
        return None
    if task.body_map:
        words = {row.genome: row.text for row in task.body_map.genomes}
        columns["map onto the body"] = [Cell.words(words.get(row.genome, MISSING)) for row in task.graphs]
    headings = [Heading.of(row.genome, styles) for row in task.graphs]
    return Table(f"Statistics of the graphs on {task.label}", ("genome", *columns), _rows(headings, columns))


def _rows(
    headings: Sequence[Heading], columns: Mapping[str, Sequence[Cell]]
) -> list[tuple[Heading, list[Cell]]]:
    """Returns the rows of a table that was made column by column."""
    return [(heading, [column[i] for column in columns.values()]) for i, heading in enumerate(headings)]


def _comparisons(task: TaskReport) -> Table:
    """Returns a task's comparisons, a row a pair."""
    pairs, places = task.comparisons, decimals(task) + 1
    columns: dict[str, list[Cell]] = {
        "against": [Cell.words(row.b) for row in pairs],
        "mean difference": [
            Cell.figure(row.difference, places, _interval_below(row.ci95, places), is_bold=True)
            for row in pairs
        ],
        "p": [_p_cell(row.p) for row in pairs],
        "p, if graphs only solve or fail": [_p_cell(row.p_solved) for row in pairs],
        "p, corrected": [_p_cell(row.p_holm) for row in pairs],
        "verdict": [Cell.words(row.verdict) for row in pairs],
        "chance of improvement": [Cell.figure(row.probability_of_improvement, 2) for row in pairs],
    }
    if any(row.p_permutation is not None for row in pairs):
        columns["p, permutation"] = [_p_cell(row.p_permutation) for row in pairs]
    if any(row.p_equivalence_holm is not None for row in pairs):
        columns["p of equivalence, corrected"] = [_p_cell(row.p_equivalence_holm) for row in pairs]
    if any(row.auc for row in pairs):
        columns["difference in learning area"] = [_area_cell(row.auc) for row in pairs]
    if any(row.kind for row in pairs):
        columns["tested"] = [Cell.words(KINDS[row.kind] if row.kind else "") for row in pairs]
    return Table(
        f"Comparisons of genomes on {task.label}, pair by pair",
        ("genome", *columns),
        _rows([Heading(row.a) for row in pairs], columns),
    )


def _fixation(
    task: str, mixed: MixedPopulations, winner: str | None, styles: Mapping[str, int]
) -> Passage | None:
    """Returns how far each genome spread in mixed populations; nothing before their last epoch."""
    if not mixed.fixation:
        return None
    rows = []
    for genome in by_spread(mixed.fixation):
        row = mixed.fixation[genome]
        cells = [
            Cell.figure(row.start_share, 3),
            Cell.figure(row.mean_final_share, 3),
            Cell(f"{whole(row.fixed)} of {whole(row.of)}", row.fixed),
            _p_cell(row.p),
            _p_cell(row.p_holm),
        ]
        rows.append((Heading.of(genome, styles), cells))
    who = f"{winner} spreads" if winner else "No genome is shown to spread"
    heads = ("genome", "share at start", "mean share at end", "alone in", "p", "p, corrected")
    return Passage(
        "Spread in mixed populations",
        f"{who} more than drift and founders explain.",
        Table(f"Fixation in mixed populations on {task}", heads, rows),
    )


def _race(task: TaskReport, race: Race, styles: Mapping[str, int]) -> Passage | None:
    """Returns the rungs of a race, a row a genome a rung, and what confirmed it; nothing before the first."""
    if not race.rungs:
        return None
    rows = []
    for rung in race.rungs:
        cells = [
            Cell.count(rung.rung),
            Cell.count(rung.generation),
            Cell.count(rung.lineages),
            Cell.figure(rung.fitness),
            Cell.words(rung.against or MISSING),
            Cell.figure(rung.difference),
            _p_cell(rung.p),
            _p_cell(rung.level),
            Cell.words("dropped" if rung.dropped else "goes on"),
        ]
        rows.append((Heading.of(rung.genome, styles), cells))
    text = ""
    if race.confirmation:
        first, last = race.confirmation.seeds
        text = f"Confirmed on fresh seeds, {first} to {last}: {', '.join(race.confirmation.genomes)}."
        if race.confirmation.evaluations_saved is not None:
            text += f" The race saved {race.confirmation.evaluations_saved:,.0f} evaluations."
    fitness = f"fitness ({task.fitness_unit})" if task.fitness_unit else "fitness"
    heads = ("genome", "rung", "generation", "lineages", fitness, "against", "difference", "p", "level")
    return Passage("The race", text, Table(f"Rungs of the race on {task.label}", (*heads, "outcome"), rows))


def _pair(task: TaskReport, a: str, b: str) -> Pair:
    """Returns a cell of the matrix."""
    row = None if a == b else facing(task, a, b)
    if row is None:
        return Pair(difference="" if a == b else MISSING)
    places = decimals(task) + 1
    facts = (
        f"{a} against {b}: {row.verdict}",
        f"mean difference {number(row.difference, places)} {task.unit}".rstrip(),
        f"95 % interval {interval(row.ci95, places, 'none')}",
        f"p {p_text(row.p, 'none')}, corrected {p_text(row.p_holm, 'none')}",
        f"chance of improvement {number(row.probability_of_improvement, 2, 'none')}",
    )
    return Pair(row.verdict, typeset(number(row.difference, places)), "; ".join(facts))


def _measure_cell(measure: Measure | None, places: int | None, is_bold: bool = False) -> Cell:
    """Returns a cell of an interquartile mean with its interval below, or else the lowest and the highest."""
    if measure is None:
        return Cell.figure(None)
    below = _interval_below(measure.ci95, places)
    if not below and measure.extremes and measure.extremes[0] < measure.extremes[1]:
        below = [" to ".join(typeset(number(x, places)) for x in measure.extremes)]
    return Cell.figure(measure.iqm, places, below, is_bold)


def _interval_below(bounds: Sequence[float] | None, places: int | None) -> list[str]:
    """Returns the small print of an interval; nothing without one."""
    return [] if bounds is None else [typeset(interval(bounds, places))]


def _p_cell(p: float | None) -> Cell:
    """Returns a cell of a p-value."""
    return Cell(p_text(p, MISSING), p)


def _share_cell(task: TaskReport, genome: str, shares: Mapping[str, str]) -> Cell:
    """Returns a cell of the share of the members that a genome ends with."""
    mixed = task.selection
    spread = mixed.fixation if isinstance(mixed, MixedPopulations) and mixed.fixation else {}
    return Cell(shares[genome], spread[genome].mean_final_share if genome in spread else None)


def _standing_cell(task: TaskReport, genome: str) -> Cell:
    """Returns a cell of how a genome stands to the one ahead."""
    word = standing(task, genome)
    return Cell.words(word, glyph=GLYPHS.get(word, ""))


def _size_cell(genome: GenomeReport) -> Cell:
    """Returns a cell of a genome's graphs and seeds, with its lineages below."""
    below = (*(["one wiring"] if genome.one_point else []), f"{genome.num_lineages:,} scored")
    sizes = f"{whole(genome.num_graphs)} × {whole(genome.num_seeds)}"
    return Cell(sizes, genome.num_lineages, below=below)


def _threshold_cell(time: TimeToThreshold | None) -> Cell:
    """Returns a cell of the evaluations that the median lineage took to a threshold."""
    if time is None:
        return Cell.count(None)
    below = f"{time.reached} of {time.of}", f"reach {typeset(number(time.threshold))}"
    return Cell.count(time.median, below)


def _parameters_cell(parameters: Parameters) -> Cell:
    """Returns a cell of the numbers of parameters, with their ranges below where graphs differ in size."""
    sizes = (parameters.core, parameters.adapters)
    ranges = (parameters.core_range, parameters.adapters_range)
    known = [size for size in sizes if size is not None]
    return Cell(
        " + ".join(map(whole, sizes)),
        sum(known) if len(known) == len(sizes) else None,
        below=tuple(f"{low:,} – {high:,}" for low, high in filter(None, ranges)),
    )


def _solved_cell(parameters: Parameters) -> Cell:
    """Returns a cell of the weights of solved readouts, with what these read below."""
    read = parameters.features_range or ((parameters.features,) if parameters.features else ())
    below = ("of " + " – ".join(f"{n:,}" for n in read) + " numbers",) if read else ()
    return Cell.count(parameters.solved, below)


def _state_cell(genome: GenomeReport) -> Cell:
    """Returns a cell of how a genome's lineages ended, with what went wrong below."""
    wrong = {"failures": genome.failures, "saturated": genome.saturated, "silent": genome.silent}
    return Cell.words(genome.status, below=[f"{n:,} {kind}" for kind, n in wrong.items() if n])


def _worth_cell(worth: Worth | None, places: int) -> Cell:
    """Returns a cell of a difference in score, with its interval and corrected p below."""
    if worth is None:
        return Cell.figure(None)
    below = _interval_below(worth.ci95, places)
    below += [] if worth.p_holm is None else [f"p {p_text(worth.p_holm)}"]
    return Cell.figure(worth.difference, places, below, is_bold=True)


def _area_cell(area: AreaContrast | None) -> Cell:
    """Returns a cell of a difference in learning area, with its interval and p below."""
    if area is None:
        return Cell.figure(None)
    below = _interval_below(area.ci95, None)
    below += [] if area.p_holm is None else [f"p {p_text(area.p_holm)}"]
    return Cell.figure(area.difference, below=below)
