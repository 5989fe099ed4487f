"""The report of runs, made from their folders alone: report.json, report.html, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroevo.errors import RunError
from neuroevo.files import atomic_write, to_json
from neuroevo.report.build import judge
from neuroevo.report.evidence import Records, gather
from neuroevo.run_folder import RunFolder, safe_name

if TYPE_CHECKING:
    from neuroevo.report.figures.picture import Picture


HTML = "report.html"


def write_report(
    runs: RunFolder | Sequence[RunFolder],
    out: Path | None = None,
    extra: Mapping[str, Sequence[Picture]] | None = None,
) -> dict[str, Any]:
    """Makes the report of one run, or of several that answer one request, and returns what report.json holds.

    Written are report.json, report.html, report.csv, comparisons.csv, report.tex and figures/. Equal records
    give equal files: nothing depends on the time or on random state. Pictures that `replay` left in the
    folder of a run are shown too.

    Args:
        runs: The run, or several.
        out: A new folder for the report; None writes into the folder of the one run.
        extra: Further figures by task, such as those of kind "behaviour" or "activity"; the page shows them
            after its own.

    Raises:
        RunError: If a record is damaged, the runs do not belong together, or the folder cannot be written.
    """
    runs = [runs] if isinstance(runs, RunFolder) else list(runs)
    if out is not None:
        RunFolder.check_free(out)
    elif len(runs) != 1:
        raise RunError(f"{len(runs)} runs have no folder in common; name a new one for their report (--out).")
    from neuroevo.report.replay.replay_folder import replayed

    records = gather(runs)
    report = judge(records)
    styles = {label: i for i, label in enumerate(dict.fromkeys(key[1] for key in records.planned))}
    folder = runs[0].path if out is None else out
    behaviour = replayed(runs)
    more = {x: [*behaviour.get(x, ()), *(extra or {}).get(x, ())] for x in (*behaviour, *(extra or {}))}
    pictures, files = _draw(records, report, styles, more)
    files |= _texts(report, pictures, styles, files)
    for name, data in files.items():
        _make((folder / name).parent)
        atomic_write(folder / name, data)
    return report


def _draw(
    records: Records,
    report: Mapping[str, Any],
    styles: Mapping[str, int],
    extra: Mapping[str, Sequence[Picture]],
) -> tuple[dict[str, list[Picture]], dict[str, bytes]]:
    """Returns the figures of the page by task, and the files of all figures by their path in the folder."""
    from neuroevo.report.figures import canvas
    from neuroevo.report.figures.captions import pictures
    from neuroevo.report.figures.picture import PNG
    from neuroevo.report.html import page

    shown: dict[str, list[Picture]] = {}
    files: dict[str, bytes] = {}
    for task, section in report["tasks"].items():
        scores = {e["genome"]: list(records.done(task, e["genome"]).values()) for e in section["genomes"]}
        for picture, figure in pictures(task, section, records.curves(task), scores, styles):
            image = canvas.svg(figure)
            shown.setdefault(task, []).append(replace(picture, image=image))
            stem = f"{page.FIGURES}/{picture.kind}_{safe_name(task)}"
            files |= {f"{stem}.svg": image, f"{stem}.png": canvas.png(figure)}
        for picture in extra.get(task, ()):
            shown.setdefault(task, []).append(picture)
            ending = "png" if picture.image.startswith(PNG) else "svg"
            files[f"{page.FIGURES}/{picture.kind}_{safe_name(task)}.{ending}"] = picture.image
            if picture.motion:
                files[f"{page.FIGURES}/{picture.kind}_{safe_name(task)}.gif"] = picture.motion
    return shown, files


def _texts(
    report: Mapping[str, Any],
    pictures: Mapping[str, Sequence[Picture]],
    styles: Mapping[str, int],
    figures: Mapping[str, bytes],
) -> dict[str, bytes]:
    """Returns the report's other files by name; report.json is the last, so that it is there if all are."""
    from neuroevo.report import exports
    from neuroevo.report.html import page

    texts = {
        "report.csv": exports.genomes_csv(report),
        "comparisons.csv": exports.comparisons_csv(report),
        "report.tex": exports.tex(report),
        HTML: page.render(report, pictures, styles, [*page.FILES, *figures]),
        "report.json": to_json(report, indent=2),
    }
    return {name: text.encode(errors="backslashreplace") for name, text in texts.items()}


def _make(folder: Path) -> None:
    """Makes a folder where there is none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"Cannot make {folder}: {error.strerror}; check the disk and the rights.") from error
