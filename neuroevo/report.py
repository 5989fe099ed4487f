"""The report of a run, made from its folder alone: report.json, report.html and figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroevo.evidence import Records
from neuroevo.judgement import judge
from neuroevo.records import RunFolder, atomic_write, safe_name, to_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

JSON, HTML, FIGURES = "report.json", "report.html", "figures"


def write_report(run: RunFolder) -> dict[str, Any]:
    """Makes report.json, report.html and the figures, and returns what report.json holds.

    Equal records give equal files: nothing depends on the time or on random state.

    Raises:
        RunError: If a record is damaged or the folder cannot be written.
    """
    from neuroevo import figures, page

    records = Records(run)
    report = judge(records)
    styles = {label: i for i, label in enumerate(dict.fromkeys(key[1] for key in records.planned))}
    (run.path / FIGURES).mkdir(exist_ok=True)
    images: dict[str, dict[str, bytes]] = {}
    for task, section in report["tasks"].items():
        for kind, figure in _figures(records, task, section, styles).items():
            image = figures.svg(figure)
            stem = run.path / FIGURES / f"{kind}_{safe_name(task)}"
            atomic_write(Path(f"{stem}.svg"), image)
            atomic_write(Path(f"{stem}.png"), figures.png(figure))
            images.setdefault(task, {})[kind] = image
    atomic_write(run.path / HTML, page.render(report, images, styles).encode())
    atomic_write(run.path / JSON, to_json(report, indent=2).encode())
    return report


def _figures(
    records: Records, task: str, section: Mapping[str, Any], styles: Mapping[str, int]
) -> dict[str, Figure]:
    """Returns the figures of a task, by kind; one that would be empty is left out."""
    from neuroevo.figures import learning_figure, scores_figure

    found = {}
    curves = records.curves(task)
    if curves:
        what = "search centre" if section["learning_from"] == "fitness_centre" else "population"
        unit = section["fitness_unit"]
        label = f"fitness of the {what}" + (f" ({unit})" if unit else "")
        found["learning"] = learning_figure(task, curves, label, styles)
    scores = {e["genome"]: list(records.done(task, e["genome"]).values()) for e in section["genomes"]}
    if any(scores.values()):
        found["scores"] = scores_figure(task, section["genomes"], scores, section["unit"], styles)
    return found
