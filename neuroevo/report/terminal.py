"""A report in the terminal: the verdict, a ranking a task, notes."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from neuroevo.report import sphinx
from neuroevo.report.attribution_terminal import attribution_parts
from neuroevo.report.exports import ROUTES
from neuroevo.report.formatting import body_map_lines, decimals, final_shares, ranked, standing, summary
from neuroevo.report.model import GenomeReport, Report, TaskReport
from neuroevo.report.planned_words import decision_lines, looks_line, seal_lines
from neuroevo.text import compact, interval, number, wrap

NAME_WIDTH = 13  # characters for the names of genomes, before columns are left out for them:
SPARED = ("tuned", "solved", "un-\ntrained", "graphs\nxseeds")
UNTOLD = ("un-\ntrained", "core+\nadapters")  # columns that are left out where no genome has a figure


def tables(report: Report, width: int = 80) -> list[RenderableType]:
    """Returns a report for the terminal.

    The verdict; for each task a ranking, what explains it, what more data would tell, and notes; what is
    missing; and at the end a sentence a task, to be pasted.

    Args:
        report: The report.
        width: Columns of the terminal; made to look right from 80.
    """
    run, tasks = report.run, report.tasks.values()
    parts: list[RenderableType] = [part for task in tasks for part in attribution_parts(task)]
    if run.verdict != "attribution":
        parts.append(Text(run.sentence, style="" if parts else "bold"))
    previous = ""
    for task in tasks:
        parts += [Text(), _table(task, width)]
        if task.sphinx and task.sphinx.shares:
            parts += [Text(), _sphinx(task)]
        if any(genome.at_gains for genome in task.genomes):
            parts += [Text(), _sweep(task)]
        ways = routes(task)
        news = [text for text in (task.cost, ways if ways != previous else "") if text]
        previous = ways
        why = () if task.attribution else (*task.verdict.reasons, *task.verdict.power)
        lines = [(text, "") for text in (*sphinx.lines(task), *why, *news)]
        lines += [(text, "dim") for text in (task.ports, task.readout) if text]
        lines += [(text, "") for text in body_map_lines(task)]
        lines += [(text, "") for text in decision_lines(task)]
        lines += [(text, "yellow") for text in task.notes]
        parts += [Padding(Text(text, style=style), (0, 0, 0, 1), expand=False) for text, style in lines]
    notes = [Text(note, style="yellow") for note in (*run.missing, *run.notes)]
    notes += [Text(text) for text in ([looks_line(run.looks)] if run.looks else [])]
    notes += [Text(text, style="dim") for text in seal_lines(report)]
    last = [Text(summary(task), style="bold") for task in tasks if not task.attribution]
    return [*parts, *([Text(), *notes] if notes else []), Text(), *last]


def routes(task: TaskReport) -> str:
    """Returns a sentence on the way from inputs to outputs in each genome's graphs; "" if it is not known.

    Args:
        task: The task.
    """
    genomes = []
    for row in task.graphs:
        means = {name: spread.mean for name in ROUTES if (spread := row.statistics.get(name)) is not None}
        if means:
            genomes.append(f"{row.genome} {', '.join(number(means.get(name), 2) for name in ROUTES)}")
    if not genomes:
        return ""
    return (
        "From inputs to outputs (share of synapses straight there over the connectome's, connections on the "
        f"shortest path, cells that no input reaches; means over graphs): {'; '.join(genomes)}."
    )


def print_report(report: Report, console: Console) -> None:
    """Prints a report to the terminal.

    Args:
        report: The report.
        console: Where it is printed, in that console's width.
    """
    for part in tables(report, console.width):
        console.print(part, highlight=False)


def _table(task: TaskReport, width: int) -> RenderableType:
    """Returns a task's ranking for the terminal."""
    order = ranked(task)
    is_tuned = any(genome.tuned for genome in order)
    is_solved = any(genome.parameters.solved is not None for genome in order)
    extent = "95 %\ninterval" if any(genome.score.ci95 for genome in order) else "lowest,\nhighest"
    heads = ["score\n(IQM)", extent, "graphs\nxseeds", "un-\ntrained"]
    heads += [*(["tuned"] if is_tuned else []), "core+\nadapters", *(["solved"] if is_solved else [])]
    heads += ["against\nthe first"] if task.comparisons else []
    rows = [_cells(task, genome, is_tuned, is_solved)[: len(heads)] for genome in order]
    if shares := final_shares(task):
        heads = ["final\nshare", *heads]
        rows = [[shares[genome.label], *row] for genome, row in zip(order, rows, strict=True)]
    wanted = min(NAME_WIDTH, max(len(genome.label) for genome in order))
    is_untrained = all(genome.untrained.iqm == genome.score.iqm for genome in order)  # a column says both
    for k in reversed(range(len(heads))):  # what a file of scores does not tell
        if heads[k] in UNTOLD and all(row[k] == "-" for row in rows):
            heads, rows = [*heads[:k], *heads[k + 1 :]], [[*row[:k], *row[k + 1 :]] for row in rows]
    for spared in ("un-\ntrained", *SPARED) if is_untrained else SPARED:  # where names have no room
        if _taken(heads, rows) + wanted > width and spared in heads:
            k = heads.index(spared)
            heads, rows = [*heads[:k], *heads[k + 1 :]], [[*row[:k], *row[k + 1 :]] for row in rows]
    unit = f", {task.unit}" if task.unit else ""
    table = Table(
        title=Text(f"{task.label} (held-out score{unit})", style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    table.add_column("genome", overflow="fold")
    for head in heads:
        is_verdict = head.startswith("against")
        table.add_column(head, justify="left" if is_verdict else "right", no_wrap=True)
    for genome, cells in zip(order, rows, strict=True):
        table.add_row(Text(wrap(genome.label, max(8, width - _taken(heads, rows)))), *map(Text, cells))
    return table


def _sweep(task: TaskReport) -> RenderableType:
    """Returns the scores at each gain of a sweep."""
    order, places = [genome for genome in ranked(task) if genome.at_gains], decimals(task)
    title = Text(f"{task.label}, held-out score by core gain", style="bold")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("genome", overflow="fold")
    for gain in order[0].at_gains or {}:
        table.add_column(gain, justify="right", no_wrap=True)
    for genome in order:
        cells = [number(score, places, missing="-") for score in (genome.at_gains or {}).values()]
        table.add_row(Text(genome.label), *map(Text, cells))
    return table


def _sphinx(task: TaskReport) -> RenderableType:
    """Returns what share of the leader's score each other genome reaches."""
    explained, places = task.sphinx, decimals(task)
    assert explained is not None
    title = Text(f"{task.label}, share of what {explained.leader} scores above the floor", style="bold")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("genome", overflow="fold")
    table.add_column("what it has", overflow="fold")
    for head in ("mean", "share", "95 % interval"):
        table.add_column(head, justify="right", no_wrap=True)
    for x in explained.shares:
        bounds = "-" if x.ci95 is None else " to ".join(map(sphinx.percent, x.ci95))
        cells = (sphinx.what_of(x), number(x.score, places), sphinx.percent(x.share), bounds)
        table.add_row(Text(x.genome), *map(Text, cells))
    return table


def _taken(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Returns the characters that columns take."""
    columns = zip((max(head.split("\n"), key=len) for head in heads), *rows, strict=True)
    return sum(max(map(len, column)) + 2 for column in columns)


def _cells(task: TaskReport, genome: GenomeReport, is_tuned: bool, is_solved: bool) -> list[str]:
    """Returns a genome's cells of the ranking."""
    places, has_intervals = decimals(task), any(x.score.ci95 for x in task.genomes)
    starts = [genome.untrained, genome.tuned] if is_tuned else [genome.untrained]
    sizes = (genome.parameters.core, genome.parameters.adapters)
    return [
        number(genome.score.iqm, places),
        interval(genome.score.ci95 if has_intervals else genome.score.extremes, places),
        f"{genome.num_graphs} x {genome.num_seeds}",
        *(number(start.iqm if start else None, places) for start in starts),
        "+".join(compact(size) for size in sizes if size is not None) or "-",
        *([_counted(genome.parameters.solved)] if is_solved else []),
        standing(task, genome.label),
    ]


def _counted(size: int | None) -> str:
    """Returns a number of weights in few characters, "-" where there are none."""
    return "-" if size is None else compact(size)
