"""The sphinx table in a report: words, rows, files and figures of a run whose shares are worked by hand."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from neuroevo.experiment import selection
from neuroevo.experiment.manifest import manifest
from neuroevo.experiment.writer import RunWriter
from neuroevo.referee.entry import Entry
from neuroevo.referee.sphinx import explain
from neuroevo.report import exports, sphinx
from neuroevo.report.figures import canvas
from neuroevo.report.figures.sphinx import sphinx_figure
from neuroevo.report.model import TaskReport
from neuroevo.report.terminal import tables
from neuroevo.report.write import write_report
from neuroevo.run_folder import RunFolder
from neuroevo.workers.pool import LocalPool
from tests import small, verdicts

FLOOR = (0.1, "naming one class always")


def entry(label: str, core: str, *rows: list[float]) -> Entry:
    scores = {(graph, seed): x for graph, row in enumerate(rows) for seed, x in enumerate(row)}
    return Entry(label, scores, one_point=len(rows) == 1, core=core)


ENTRIES = (
    entry("connectome", "evolves", [0.8, 0.9, 1.0]),
    entry("degree", "evolves", [0.68, 0.7, 0.72], [0.7, 0.69, 0.71]),
    entry("adapter-only", "none", [0.49, 0.5, 0.51]),
    entry("clock", "clock", [0.29, 0.3, 0.31]),
)


def task(*entries: Entry, sensors: float | None = None) -> TaskReport:
    read = {} if sensors is None else {(0, seed): sensors for seed in range(3)}
    of_task = next(iter(verdicts.least().tasks.values()))
    return replace(of_task, unit="accuracy", sphinx=explain(entries, FLOOR, read, "accuracy"))


def test_a_sentence_takes_the_score_apart():
    (text,) = sphinx.lines(task(*ENTRIES))
    interval = re.escape("(95 % interval ") + r"-?[\d.]+ % to [\d.]+ %, against degree"
    assert re.fullmatch(
        re.escape(
            "What explains the score? Of what connectome scores above 0.1 accuracy (naming one class always; "
            "stated by the task), the body alone reaches 25 %; maps without a wiring add 25 %; other wirings "
            "add 25 % (the best: degree); its own adds 25 % "
        )
        + interval
        + r"(: not shown to add anything)?\)\.",
        text,
    )


def test_what_was_not_run_is_said():
    first, degree, adapters, _ = ENTRIES
    assert sphinx.lines(task(first, degree))[1] == (
        "Since no control without a wiring was run (adapter-only; of a body, clock), what is theirs is "
        "counted as the wiring's."
    )
    assert sphinx.lines(task(first, adapters))[1] == (
        "Since no other wiring was run, what is theirs is counted as the wiring's."
    )
    assert len(sphinx.lines(task(first, degree, adapters))) == 1
    assert sphinx.lines(task(first)) == []


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (-0.0001, "0 %"),
        (0.034, "3.4 %"),
        (-0.034, "-3.4 %"),
        (0.5, "50 %"),
        (0.987, "98.7 %"),
        (1, "100 %"),
        (2.5, "250 %"),
        (-12.4, "-1,240 %"),
    ],
)
def test_percentages_have_a_decimal_where_it_tells(share, text):
    assert sphinx.percent(share) == text


def test_csv_has_the_shares_of_report_json():
    report = verdicts.least()
    of_task = task(*ENTRIES, sensors=0.3)
    report = replace(report, tasks={"t": of_task})
    rows = list(csv.DictReader(io.StringIO(exports.sphinx_csv(report))))
    shares = json.loads(json.dumps(report.to_json()))["tasks"]["t"]["sphinx"]["shares"]
    assert [row["genome"] for row in rows] == [x["genome"] for x in shares]
    assert [float(row["share"]) for row in rows] == [x["share"] for x in shares]
    assert {row["leader"] for row in rows} == {"connectome"} and {row["floor"] for row in rows} == {"0.1"}
    assert exports.sphinx_csv(verdicts.least()).splitlines() == [",".join(f'"{x}"' for x in exports.SPHINX)]


def test_terminal_has_the_table_in_80_columns():
    report = replace(verdicts.least(), tasks={"t": task(*ENTRIES, sensors=0.3)})
    console = Console(width=80, file=io.StringIO(), color_system=None)
    for part in tables(report, 80):
        console.print(part, highlight=False)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert max(map(len, lines)) <= 80
    (row,) = [line for line in lines if line.startswith("raw sensors")]
    assert "readout of the sensors" in row and "25 %" in row


def test_figure_has_a_bar_as_long_as_each_share():
    of_task = task(*ENTRIES, sensors=0.3)
    assert of_task.sphinx is not None
    figure = sphinx_figure("t", of_task.sphinx, "0.1", {"connectome": 0, "degree": 1})
    bars = [round(x.get_width(), 6) for x in figure.axes[0].patches]
    assert sorted(bars) == [0.25, 0.25, 0.5, 0.75, 1.0]
    assert b"raw sensors" in canvas.svg(figure)
    written = [text.get_text() for text in figure.axes[0].texts]
    assert {sphinx.percent(x.share) for x in of_task.sphinx.shares} <= set(written)


def test_a_run_on_digits_says_what_raw_sensors_reach(tmp_path):
    """The readout of the pixels scores within what scikit-learn's ridge regression does at penalties."""
    planned = small.plan(
        genome=("connectome", "adapter-only"),
        task=("digits:steps=3,episodes=256",),
        adapter="ridge",
        generations=0,
        seeds=2,
    )
    folder = RunFolder.create(tmp_path / "run", planned.config.to_dict(), manifest(planned, ()))
    with small.few_draws():
        selection.run(planned, LocalPool(), RunWriter(folder))
    report = write_report(folder)
    of_task = report.tasks["digits:steps=3,episodes=256"]
    explained = of_task.sphinx
    assert explained is not None and explained.floor is not None
    (sensors,) = [x for x in explained.shares if x.genome == sphinx.SENSORS]
    page = (folder.path / "report.html").read_text()
    assert "What explains the score?" in page and "raw sensors" in page and 'href="sphinx.csv"' in page
    assert (folder.path / "figures" / "sphinx_digits%3Asteps=3,episodes=256.svg").is_file()

    from sklearn.linear_model import Ridge

    from tasks.images import Digits

    data = Digits()
    train, test = (data.samples(x, seeds=[0]) for x in ("training", "held-out"))
    labels = test.targets[0].argmax(1).numpy()
    accuracies = []
    for penalty in np.logspace(-2, 3, 20):
        model = Ridge(alpha=penalty).fit(train.inputs[0].numpy(), train.targets[0].numpy())
        accuracies.append(float((model.predict(test.inputs[0].numpy()).argmax(1) == labels).mean()))
    assert min(accuracies) <= sensors.score <= max(accuracies)
    assert sensors.score > max(accuracies) - 0.02  # the penalty is chosen on training data
    most = np.bincount(train.targets[0].argmax(1).numpy()).argmax()
    assert explained.floor.score == pytest.approx(float((labels == most).mean()))
