"""report.html: one file that needs no network, reads well on a phone and in the dark."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from urllib.parse import quote

import jinja2
import tomli_w
from markupsafe import Markup

from neuroevo.files import to_json
from neuroevo.folders import safe_name
from neuroevo.report import citation, html
from neuroevo.report.figures.canvas import inline_svg
from neuroevo.report.figures.picture import Picture
from neuroevo.report.formatting import summary
from neuroevo.report.html import attribution, tables
from neuroevo.report.html.tables import Matrix, Passage
from neuroevo.report.model import LineageCounts, Report, RunReport, TaskReport
from neuroevo.report.planned_words import decision_lines, looks_line, seal_lines
from neuroevo.report.table import Table
from neuroevo.text import breakable, count, visible

FILES = ("report.json", "report.csv", "comparisons.csv", "sphinx.csv", "attribution.csv", "report.tex")
UNKNOWN = "unknown"  # selection of scores that another program wrote
CARD = "card.png"  # for those who share the page
FIGURES = "figures"  # their folder, beside the page
ENDINGS = ("svg", "png", "gif")  # that a figure may have a file of
ALIKE = {
    "ceiling": "Scores end alike, at a ceiling: near the highest that there can be, on flat curves.",
    "floor": "Scores end alike, at a floor: no genome has learned more than its lineages differ.",
    "equal": "All scores are equal.",
}


@dataclass(frozen=True)
class Figure:
    """A figure as the page shows it.

    Attributes:
        picture: What it is and says.
        svg: The figure as an element of the page; None for a PNG.
        links: Its files, relative to the page, by the name of their kind.
    """

    picture: Picture
    svg: Markup | None
    links: Mapping[str, str]


@dataclass(frozen=True)
class Section:
    """The part of the page about one task.

    Attributes:
        name: Its id.
        task: The task.
        is_repeated: True if the verdict on the run says the same as that on the task.
        facts: Sentences on the task's ports, cost and margin, and on how its genomes end.
        attribution: What each part of the wiring carries, where that was asked.
        ranking: The genomes.
        figures: The figures, in their order.
        matrix: The comparisons, if there are any.
        selection: What a race or mixed populations did.
        sphinx: What explains the leader's score, where there is something to compare it with.
        body_map: The map onto the body, where muscles drive it.
        sweep: Scores at each gain of a sweep, if there was one.
        graphs: Statistics of the graphs, if any are known.
        summary: The outcome in a sentence to be pasted.
    """

    name: str
    task: TaskReport
    is_repeated: bool
    facts: Sequence[str]
    attribution: Sequence[Passage]
    ranking: Table
    figures: Sequence[Figure]
    matrix: Matrix | None
    selection: Passage | None
    sphinx: Passage | None
    body_map: Passage | None
    sweep: Passage | None
    graphs: Table | None
    summary: str


def render(
    report: Report,
    pictures: Mapping[str, Sequence[Picture]],
    styles: Mapping[str, int],
    files: Sequence[str] = (),
) -> str:
    """Returns the page.

    Args:
        report: The report.
        pictures: Figures by task, in the order of the page.
        styles: Which colour a genome has in all figures.
        files: Which of `FILES` and of the figures' files lie beside the page, and are linked to.
    """
    run = report.run
    sections = [
        _section(f"t{i}", task, pictures.get(label, ()), styles, files, run.sentence)
        for i, (label, task) in enumerate(report.tasks.items())
    ]
    return (
        _environment()
        .get_template("page.html")
        .render(
            run=run,
            title=run.question or run.name,
            facts=_facts(report),
            signed=_signed(run),
            citation=citation.sentence(run),
            bibtex=citation.bibtex(run),
            card=CARD if CARD in files else "",
            sections=sections,
            origin=_planned(report) | _origin(run),
            files=[name for name in FILES if name in files],
            config=_toml(run.config),
            policy=policy(),
            style=Markup(asset("report.css")),
            script=Markup(asset("report.js")),
        )
    )


def part(name: str, *content: object) -> str:
    """Returns a part of the page: a macro of `templates/parts.html`.

    Args:
        name: Name of the macro, such as "table" or "figure".
        content: What it shows.
    """
    return str(getattr(_environment().get_template("parts.html").module, name)(*content))


def framed(picture: Picture, name: str, paths: Sequence[str] = ()) -> Figure:
    """Returns a figure as the page shows it.

    Args:
        picture: The figure.
        name: What its ids begin with, which no other figure of the page has.
        paths: Its files, relative to the page.
    """
    svg = None
    if not picture.is_png:
        svg = Markup(inline_svg(picture.image, picture.title, picture.description, name))
    return Figure(picture, svg, {path.rpartition(".")[2].upper(): quote(path) for path in paths})


def figure_path(task: str, kind: str, ending: str) -> str:
    """Returns the path of a figure's file, relative to the page.

    Args:
        task: Label of the task.
        kind: Kind of the figure.
        ending: One of `ENDINGS`.
    """
    return f"{FIGURES}/{kind}_{safe_name(task)}.{ending}"


def policy() -> str:
    """Returns the page's Content-Security-Policy: nothing is fetched, and no script runs but the page's own.

    Figures and swatches carry style attributes, which no hash can name. `style-src` is for browsers that do
    not know the two directives after it. `img-src` allows pictures that lie inside the page.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(asset('report.js'))}",
            "style-src 'unsafe-inline'",
            f"style-src-elem {_hash(asset('report.css'))}",
            "style-src-attr 'unsafe-inline'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


@functools.cache
def asset(name: str) -> str:
    """Returns a file that becomes a part of the page.

    Args:
        name: "report.css" or "report.js".
    """
    return resources.files(html).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Returns a text's SHA-256 as a policy writes it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _visible(value: object) -> object:
    """Returns a value of a template as it is shown; markup and what is no text stay as they are."""
    return visible(value) if type(value) is str else value


@functools.cache
def _environment() -> jinja2.Environment:
    """Returns what renders the templates; all that they are given is escaped, unless it is `Markup`."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(html.__name__),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters |= {"breakable": breakable, "data_url": _data_url, "sort_key": _sort_key}
    environment.globals |= {"glyphs": tables.GLYPHS}
    return environment


def _section(
    name: str,
    task: TaskReport,
    pictures: Sequence[Picture],
    styles: Mapping[str, int],
    files: Sequence[str],
    above: str,
) -> Section:
    """Returns the part of the page about one task; a verdict that stands `above` already is not repeated."""
    facts = [text for text in (task.ports, task.readout, task.cost) if text]
    facts += decision_lines(task)
    facts += [ALIKE[task.verdict.ends_alike]] if task.verdict.ends_alike else []
    if task.margin is not None:
        facts.append(f"The smallest difference that matters is {f'{task.margin:g} {task.unit}'.rstrip()}.")
    figures = []
    for picture in pictures:
        paths = [figure_path(task.label, picture.kind, ending) for ending in ENDINGS]
        figures.append(framed(picture, f"{name}-{picture.kind}", [path for path in paths if path in files]))
    return Section(
        name=name,
        task=task,
        is_repeated=task.verdict.sentence == above,
        facts=facts,
        attribution=attribution.passages(task),
        ranking=tables.ranking(task, styles),
        figures=figures,
        matrix=tables.matrix(task, styles),
        selection=tables.selection(task, styles),
        sphinx=tables.sphinx(task, styles),
        body_map=tables.body_map(task, styles),
        sweep=tables.sweep(task, styles),
        graphs=tables.graphs(task, styles),
        summary=summary(task),
    )


def _signed(run: RunReport) -> list[str]:
    """Returns who made the report, when its run was asked for, and its seals, where they are known."""
    seals = ", ".join(seal[: citation.DIGITS] for seal in run.seals)
    facts = [run.author, run.date, f"sealed request {seals}" if seals else ""]
    return [fact for fact in facts if fact]


def _facts(report: Report) -> list[str]:
    """Returns the run in a few facts."""
    run = report.run
    genomes = {genome.label for task in report.tasks.values() for genome in task.genomes}
    facts = [count(len(genomes), "genome"), count(len(report.tasks), "task"), _lineages(run.lineages)]
    facts += [f"selection: {run.selection}"] if run.selection != UNKNOWN else []
    return [f"{'runs' if len(run.names) > 1 else 'run'} {', '.join(run.names)}", *facts]


def _lineages(counts: LineageCounts) -> str:
    """Returns how many lineages there are, and how they ended."""
    kinds = {
        "done": counts.done,
        "failed": counts.failed,
        "dropped by a race": counts.censored,
        "without a result": counts.missing,
        "without a score": counts.unscored,
        "scored early": counts.early,
    }
    ends = [f"{number:,} {words}" for words, number in kinds.items() if number]
    return ", ".join([f"{counts.planned:,} lineages planned", *ends])


def _planned(report: Report) -> dict[str, str]:
    """Returns what was planned and sealed before a run, as names and values."""
    looks = report.run.looks
    facts = {"Seal": " ".join(seal_lines(report, digits=64)), "Looks": looks_line(looks) if looks else ""}
    return {name: text for name, text in facts.items() if text}


def _origin(run: RunReport) -> dict[str, str]:
    """Returns where a run's figures come from, as names and values."""
    facts = {
        "Lineages": _lineages(run.lineages),
        "Asked for": run.date or None,
        "Connectome": run.connectome,
        "Data": run.data,
        "Commit": run.commit,
        "Device": run.device,
        "Platform": run.platform,
        "Workers": run.workers,
        "Wall time": None if run.wall_seconds is None else f"{run.wall_seconds:,.0f} s",
        **(run.versions or {}),
    }
    return {name: _fact(value) for name, value in facts.items() if value is not None}


def _fact(value: object) -> str:
    """Returns a value, or the entries of a mapping, as text."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_fact(item)}" for name, item in value.items() if item is not None)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(map(_fact, value))
    return str(value)


def _toml(config: Mapping[str, object]) -> str:
    """Returns a request as TOML; as JSON if TOML has no word for it."""
    try:
        return tomli_w.dumps(config)
    except (TypeError, AttributeError):
        return to_json(config, indent=2)


def _data_url(image: bytes, kind: str) -> str:
    """Returns an image of a kind, such as "png", as an address that holds all of it."""
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def _sort_key(value: float | None) -> str:
    """Returns what a cell sorts by, as the script reads it."""
    return "" if value is None else repr(float(value))
