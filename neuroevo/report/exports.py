r"""Exports of a report, with the figures of report.json: report.csv, comparisons.csv, report.tex and others.

The CSV files have one row a genome a task, a comparison, or a share of the leader's score. Numbers are
written as Python's `repr` writes them, so that reading them gives those of report.json to the last digit;
null is an empty field. Text stands in quotes. A text that a spreadsheet would run as a formula (its first
character is one of = + - @, one of their full-width forms, a tab or a line break) has an apostrophe put
before it, which makes it plain text; other readers strip that one character. Numbers are never changed, so
a negative one keeps its sign.

The LaTeX file is a table a task, for \input in a document that loads booktabs. It rounds as the page does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from neuroevo.report.formatting import decimals, ranked, standing
from neuroevo.report.model import Report, TaskReport, plain
from neuroevo.text import interval, number, one_line, visible

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
INTERVAL = ("iqm", "ci95_low", "ci95_high", "extremes_low", "extremes_high")
SIZES = ("core", "adapters", "solved", "features")
PARAMETERS = (*SIZES, *(f"{x}_range_{y}" for x in SIZES for y in ("low", "high")))
ROUTES = ("shortcut_ratio", "route_length", "unreached")  # statistics of a genome's graphs
GENOMES = (  # columns, which are there even where no genome has such a figure
    *("task", "unit", "fitness_unit", "genome", *INTERVAL),
    *("num_graphs", "num_seeds", "num_lineages", "one_point"),
    *(f"parameters_{name}" for name in PARAMETERS),
    *("evaluations", "scoring_evaluations"),
    *(f"{measure}_{name}" for measure in ("untrained", "tuned", "auc") for name in INTERVAL),
    *(f"to_threshold_{name}" for name in ("threshold", "median", "reached", "of")),
    *("status", "failures", "saturated", "silent", "is_control"),
    *(f"{name}_{figure}" for name in ROUTES for figure in ("mean", "std")),
    "seal",
)
BODY_MAP = ("body_map", *(f"body_map_{name}" for name in ("synapses", "signs", "strengths")))  # if told
COMPARISONS = (
    *("task", "unit", "fitness_unit", "a", "b", "difference", "ci95_low", "ci95_high", "df", "kind"),
    *("p", "p_solved", "p_holm", "p_permutation", "p_equivalence", "p_equivalence_holm"),
    "probability_of_improvement",
    *("rank_rank", "rank_of", "rank_p"),
    *("auc_difference", "auc_ci95_low", "auc_ci95_high", "auc_p", "auc_p_holm"),
    *("power_more_seeds", "power_more_graphs", "power_both_seeds", "power_both_graphs"),
    *("verdict", "rank_genome", "margin", "look", "seal"),
)
SPHINX = (
    *("task", "unit", "leader", "floor", "floor_is", "genome", "part"),
    *("score", "share", "ci95_low", "ci95_high"),
)
ATTRIBUTION = (
    *("task", "unit", "fitness_unit", "measure", "part", "exact", "null", "exact_mean", "null_mean"),
    *("difference", "ci95_low", "ci95_high", "p"),
    *(
        f"{way}_{figure}"
        for way in ("knockout", "transplant")
        for figure in ("genome", "mean", "share", "ci95_low", "ci95_high", "p", "p_holm")
    ),
    "hindrance",
)
TEX = {  # characters that LaTeX reads as commands, that join with their neighbours, or that old fonts lack
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\char96{}",
    "'": r"\char39{}",
    "[": "{[}",
    "]": "{]}",
    "µ": r"$\mu$",
    "μ": r"$\mu$",
    "×": r"$\times$",
    "°": r"$^{\circ}$",
    "²": "$^{2}$",
    "³": "$^{3}$",
    "¹": "$^{1}$",
    "⁻": "$^{-}$",
    "−": "$-$",
    "–": r"\textendash{}",
    "·": r"$\cdot$",
}


def genomes_csv(report: Report) -> str:
    """Returns report.csv: every figure of every genome, a row a genome a task.

    Of the statistics of a genome's graphs it has the way from inputs to outputs.

    Args:
        report: The report.
    """
    rows = []
    for task in report.tasks.values():
        statistics = {row.genome: row.statistics for row in task.graphs}
        for genome in task.genomes:
            known = statistics.get(genome.label, {})
            spreads = {name: plain(spread) for name in ROUTES if (spread := known.get(name)) is not None}
            columns = {**spreads, **_map_columns(task, genome.label), "seal": _seal(report)}
            rows.append((task, {**plain(genome), **columns}))
    is_told = any(task.body_map for task in report.tasks.values())
    return _csv(rows, (*GENOMES, *BODY_MAP) if is_told else GENOMES)


def comparisons_csv(report: Report) -> str:
    """Returns comparisons.csv: every figure of every comparison, a row a pair a task.

    Args:
        report: The report.
    """
    rows = []
    for task in report.tasks.values():
        looks = {(pair.a, pair.b): pair.look for pair in task.looks}
        for row in task.comparisons:
            columns = {"margin": task.margin, "look": looks.get((row.a, row.b)), "seal": _seal(report)}
            rows.append((task, {**plain(row), **columns}))
    return _csv(rows, COMPARISONS)


def sphinx_csv(report: Report) -> str:
    """Returns sphinx.csv: what share of the leader's score each other genome reaches, a row a genome a task.

    Args:
        report: The report.
    """
    rows = []
    for task in report.tasks.values():
        if task.sphinx is None or task.sphinx.floor is None:
            continue
        of_task = {
            "leader": task.sphinx.leader,
            "floor": task.sphinx.floor.score,
            "floor_is": task.sphinx.floor.what,
        }
        rows += [(task, {**of_task, **plain(share)}) for share in task.sphinx.shares]
    return _csv(rows, SPHINX)


def attribution_csv(report: Report) -> str:
    """Returns attribution.csv: what each part of the wiring carries, a row a part a measure a task.

    Sums over exclusive parts are rows too, without genomes' means and p.

    Args:
        report: The report.
    """
    rows = []
    for task in report.tasks.values():
        for attribution in task.attribution:
            whole = plain(attribution)
            rows += [(task, {**whole, **plain(row)}) for row in (*attribution.parts, *attribution.sums)]
    return _csv(rows, ATTRIBUTION)


def tex(report: Report) -> str:
    """Returns report.tex: a booktabs table a task, the highest score first.

    Args:
        report: The report.
    """
    head = (
        "% Made by neuroevo. Use: \\usepackage{booktabs} in the preamble, and \\input{report.tex}.\n"
        "% A character that plain LaTeX does not know is written as its code point.\n"
    )
    return head + "\n".join(_tabular(i, task) for i, task in enumerate(report.tasks.values()))


def escape_tex(text: str) -> str:
    """Returns a text as LaTeX prints it literally.

    Letters of Latin scripts stay; of other characters that are neither ASCII nor in `TEX` the code point is
    written, since LaTeX stops at those that its font lacks.

    Args:
        text: Any text; line breaks become blanks.
    """
    text = one_line(text)
    escaped = "".join(TEX.get(character) or _tex_character(character) for character in text)
    return re.sub("-(?=-)", "-{}", escaped)  # two hyphens would join to a dash


def flat(row: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yields the figures of a nested row, with the names on their way joined by underscores.

    A list of two, an interval or a range, becomes two columns that end in `_low` and `_high`.

    Args:
        row: A part of report.json.
        prefix: What the names begin with.
    """
    for key, value in row.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}_")
        elif isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
            yield from ((f"{name}_low", value[0]), (f"{name}_high", value[1]))
        else:
            yield name, value


def _csv(rows: Sequence[tuple[TaskReport, Mapping[str, object]]], columns: Sequence[str]) -> str:
    """Returns rows of all tasks as CSV, with these columns."""
    lines: list[list[object]] = [list(columns)]
    for task, row in rows:
        figures = dict(flat(row))
        figures |= {"task": task.label, "unit": task.unit, "fitness_unit": task.fitness_unit}
        lines.append([figures.get(name) for name in columns])
    return "".join(",".join(map(_field, line)) + "\n" for line in lines)


def _seal(report: Report) -> str | None:
    """Returns the SHA-256 of what was sealed before the first evaluation; None where nothing was."""
    return " ".join(seal.sha256 for seal in report.run.sealed) or None


def _map_columns(task: TaskReport, label: str) -> dict[str, object]:
    """Returns what a genome has of the map onto the body, by column; nothing where it is not told."""
    of_task = task.body_map.genomes if task.body_map else ()
    row = next((row for row in of_task if row.genome == label), None)
    values = () if row is None else (row.text, row.synapses, row.signs, row.strengths)
    return dict(zip(BODY_MAP, values, strict=False))


def _field(value: object) -> str:
    """Returns a value as a field of a CSV file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    if text.startswith(FORMULA):
        text = f"'{text}"
    return '"' + visible(text).replace('"', '""') + '"'


def _tex_character(character: str) -> str:
    """Returns a character that LaTeX knows, or the code point of one that it may not know."""
    if " " <= character <= "~" or re.match(r"[À-ÖØ-öø-ž]", character):
        return character
    return f"{{[}}U+{ord(character):04X}{{]}}"


def _tabular(place: int, task: TaskReport) -> str:
    """Returns a task's table."""
    places = decimals(task)
    title = escape_tex(f"{task.label} ({task.unit})" if task.unit else task.label)
    heads = (
        "genome",
        "IQM",
        "interval",
        r"graphs $\times$ seeds",
        "untrained",
        "tuned",
        "core + adapters",
        "evaluations",
        "against the first",
    )
    maps = {} if task.body_map is None else {row.genome: row.text for row in task.body_map.genomes}
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{Held-out scores on {title}: interquartile mean (IQM) and 95\,\% interval.}}",
        rf"  \label{{tab:neuroevo-{place}}}",
        rf"  \begin{{tabular}}{{lrrrrrrrl{'l' * bool(maps)}}}",
        r"    \toprule",
        f"    {' & '.join((*heads, *(['map onto the body'] if maps else [])))} \\\\",
        r"    \midrule",
    ]
    for genome in ranked(task):
        sizes = (genome.parameters.core, genome.parameters.adapters)
        cells = (
            escape_tex(genome.label),
            _math(number(genome.score.iqm, places)),
            _math(interval(genome.score.ci95, places)),
            rf"${genome.num_graphs} \times {genome.num_seeds}$",
            *(_math(number(x.iqm if x else None, places)) for x in (genome.untrained, genome.tuned)),
            " + ".join(number(size, 0) for size in sizes)
            + (f", {genome.parameters.solved:,} solved" if genome.parameters.solved else ""),
            number(genome.evaluations, 0),
            escape_tex(standing(task, genome.label)),
            *([escape_tex(maps.get(genome.label, "-"))] if maps else []),
        )
        lines.append(f"    {' & '.join(cells)} \\\\")
    lines += [r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _math(text: str) -> str:
    """Returns figures with a real minus sign; "-" alone stands for none."""
    return "--" if text == "-" else f"${text.replace(',', '{,}').replace('{,} ', ', ')}$"
