"""The report of runs, made from their folders alone: report.json, report.html, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from neuroevo.errors import OptionError, RunError
from neuroevo.files import atomic_write, to_json
from neuroevo.folders import check_free, new_folder
from neuroevo.report import exports, wirings
from neuroevo.report.build import judge
from neuroevo.report.evidence import Evidence, gather
from neuroevo.report.figures import canvas, colors
from neuroevo.report.figures.captions import pictures
from neuroevo.report.figures.card import card
from neuroevo.report.figures.picture import Picture
from neuroevo.report.html import page
from neuroevo.report.model import Report
from neuroevo.report.replay.replay_folder import replayed
from neuroevo.run_folder import RunFolder
from neuroevo.text import one_line

HTML, ATTRIBUTION = "report.html", "attribution.csv"
LONGEST_NAME = 200  # characters of an author's name


def write_report(
    runs: RunFolder | Sequence[RunFolder],
    out: Path | None = None,
    extra: Mapping[str, Sequence[Picture]] | None = None,
    author: str = "",
) -> Report:
    """Writes the report of one run, or of several that answer one request.

    Written are report.json, report.html, report.csv, comparisons.csv, sphinx.csv, report.tex, card.png and
    figures/, and attribution.csv of a run that asks what parts of the wiring carry. Equal records give equal
    files: nothing depends on the time or on random state. Pictures that `replay` left in the folder of a run
    are shown too.

    Args:
        runs: The run, or several.
        out: A new folder for the report, which appears whole or not at all; None writes into the folder of
            the one run.
        extra: Further figures by task, such as those of kind "behaviour" or "activity"; the page shows them
            after its own.
        author: Who makes the report, for its head and its citation; may be empty.

    Returns:
        The report, whose `to_json` is what report.json holds.

    Raises:
        RunError: If a record is damaged, the runs do not belong together, or the folder cannot be written.
        OptionError: If the author's name is too long.
    """
    runs = [runs] if isinstance(runs, RunFolder) else list(runs)
    if out is not None:
        check_free(out)
    elif len(runs) != 1:
        raise RunError(f"{len(runs)} runs have no folder in common; name a new one for their report (--out).")
    evidence = gather(runs)
    behaviour = replayed(runs)
    more = {x: [*behaviour.get(x, ()), *(extra or {}).get(x, ())] for x in (*behaviour, *(extra or {}))}
    report, files = _rendered(evidence, more, author, runs)
    with nullcontext(runs[0].path) if out is None else new_folder(out) as folder:
        _save(files, folder)
    return report


def write_judgement(evidence: Evidence, out: Path, author: str = "") -> Report:
    """Writes the report of evidence that is no run's, with all that a run's report has.

    Args:
        evidence: The evidence, such as that of a file of scores.
        out: A new folder for the report, which appears whole or not at all.
        author: Who makes the report, for its head and its citation; may be empty.

    Returns:
        The report.

    Raises:
        RunError: If the folder exists or cannot be written.
        OptionError: If the author's name is too long.
    """
    check_free(out)
    report, files = _rendered(evidence, {}, author)
    with new_folder(out) as folder:
        _save(files, folder)
    return report


def _rendered(
    evidence: Evidence, extra: Mapping[str, Sequence[Picture]], author: str, runs: Sequence[RunFolder] = ()
) -> tuple[Report, dict[str, bytes]]:
    """Returns the report of evidence, and its files by their path in the folder."""
    if len(author) > LONGEST_NAME:
        raise OptionError(
            f"Option 'author' has {len(author):,} characters, {author[:20]!r}...; "
            f"wanted at most {LONGEST_NAME}."
        )
    report = judge(evidence)
    report = replace(report, run=replace(report.run, author=one_line(author)))
    styles = colors.places(
        {genome.label: genome.prior.name for task in evidence.tasks.values() for genome in task.genomes}
    )
    shown, files = _draw(evidence, report, styles, extra, runs)
    first = next((path for path in files if path.endswith(".png")), None)
    files[page.CARD] = card(report.run, None if first is None else files[first])
    files |= _texts(report, shown, styles, files)
    return report, files


def _save(files: Mapping[str, bytes], folder: Path) -> None:
    """Writes files into a folder."""
    for name, data in files.items():
        atomic_write(folder / name, data, folder)


def _draw(
    evidence: Evidence,
    report: Report,
    styles: Mapping[str, int],
    extra: Mapping[str, Sequence[Picture]],
    runs: Sequence[RunFolder],
) -> tuple[dict[str, list[Picture]], dict[str, bytes]]:
    """Returns the figures of the page by task, and the files of all figures by their path in the folder."""
    shown: dict[str, list[Picture]] = {}
    files: dict[str, bytes] = {}
    for label, task in report.tasks.items():
        genomes = evidence.tasks[label].genomes
        scores = {genome.label: list(genome.done().values()) for genome in genomes}
        drawn = pictures(task, evidence.tasks[label].curves(), scores, styles)
        if not shown:  # wirings are the same on every task
            of_task = evidence.tasks[label]
            figure_of_nulls = wirings.draw(wirings.read_wirings(runs, of_task), task, of_task, styles)
            drawn += [figure_of_nulls] if figure_of_nulls else []
        for picture, figure in drawn:
            image = canvas.svg(figure)
            shown.setdefault(label, []).append(replace(picture, image=image))
            files[page.figure_path(label, picture.kind, "svg")] = image
            files[page.figure_path(label, picture.kind, "png")] = canvas.png(figure)
        for picture in extra.get(label, ()):
            shown.setdefault(label, []).append(picture)
            ending = "png" if picture.is_png else "svg"
            files[page.figure_path(label, picture.kind, ending)] = picture.image
            if picture.motion:
                files[page.figure_path(label, picture.kind, "gif")] = picture.motion
    return shown, files


def _texts(
    report: Report,
    shown: Mapping[str, Sequence[Picture]],
    styles: Mapping[str, int],
    figures: Mapping[str, bytes],
) -> dict[str, bytes]:
    """Returns the report's other files by name; report.json is the last, so that it is there if all are."""
    texts = {
        "report.csv": exports.genomes_csv(report),
        "comparisons.csv": exports.comparisons_csv(report),
        "sphinx.csv": exports.sphinx_csv(report),
        "report.tex": exports.tex(report),
    }
    if any(task.attribution for task in report.tasks.values()):
        texts[ATTRIBUTION] = exports.attribution_csv(report)
    texts[HTML] = page.render(report, shown, styles, ["report.json", *texts, *figures])
    texts["report.json"] = to_json(report.to_json(), indent=2)
    return {name: text.encode(errors="backslashreplace") for name, text in texts.items()}
