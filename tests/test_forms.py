"""Values of a wrong type or size in a run folder are one line with file, line and key, whoever reads it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

import neuroevo as ne
import run as cli
from neuroevo import toml
from neuroevo.forms import Form
from neuroevo.rows import Manifest, MetricsRow, ResultRow
from neuroevo.run_folder import RunFolder
from tests.small import CIRCUIT, ECHO

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run at its end."""
    path = tmp_path_factory.mktemp("forms") / "run"
    request = ["--genome", "connectome", "random", "--task", ECHO, "--connectome", CIRCUIT, "--seeds", "2"]
    assert cli.main([*request, "--workers", "0", "--quiet", "--out", str(path)]) == 0
    return path


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    path = Path(shutil.copytree(whole, tmp_path / "run"))
    change(
        path / "manifest.json", lambda manifest: manifest.pop("rows", None)
    )  # as if no seal told of changes
    return path


def change(path: Path, how: Change) -> None:
    """Changes what a file holds; of a file of lines, the second."""
    if path.suffix == ".toml":
        values: dict[str, Any] = dict(toml.read(path))
        how(values)
        path.write_text(tomli_w.dumps(values))
    elif path.suffix == ".jsonl":
        lines = path.read_text().splitlines()
        row = json.loads(lines[1])
        how(row)
        path.write_text("\n".join([lines[0], json.dumps(row), *lines[2:]]) + "\n")
    else:
        values = json.loads(path.read_text())
        how(values)
        path.write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("name", "how", "said"),
    [
        (
            "config.toml",
            lambda c: c.update(task=3),
            "config.toml is damaged (task: expected `array`, got `int`)",
        ),
        (
            "config.toml",
            lambda c: c.update(genome=["a", 3.5]),
            "config.toml is damaged (genome[1]: expected `str`",
        ),
        (
            "config.toml",
            lambda c: c.update(seed="a"),
            "config.toml is damaged (seed: expected `int`, got `str`)",
        ),
        ("manifest.json", lambda m: m.update(graphs=None), "(graphs: expected `array`, got `null`)"),
        ("manifest.json", lambda m: m.update(tasks=[]), "(tasks: expected `object`, got `array`)"),
        (
            "manifest.json",
            lambda m: m["tasks"][ECHO.split("=")[0]].update(margin="a"),
            ".margin: expected `float |",
        ),
        (
            "manifest.json",
            lambda m: m["graphs"][1]["statistics"].update(density="nan"),
            "graphs[1].statistics",
        ),
        (
            "manifest.json",
            lambda m: m["lineages"].append({"task": "a"}),
            "lineages[4]: object missing required",
        ),
        (
            "manifest.json",
            lambda m: m.update(wall_seconds=1e155),
            "(wall_seconds: expected `float` <= 1e+100)",
        ),
        (
            "results.jsonl",
            lambda r: r.update(seed=2**70),
            "line 2 is damaged (seed: expected `int` <= 9223372036",
        ),
        (
            "results.jsonl",
            lambda r: r.update(graph=True),
            "line 2 is damaged (graph: expected `int`, got `bool`)",
        ),
        (
            "results.jsonl",
            lambda r: r.update(parameters={"core": []}),
            "line 2 is damaged (parameters[...]: exp",
        ),
        (
            "results.jsonl",
            lambda r: r.update(activity=[1]),
            "line 2 is damaged (activity: expected `object |",
        ),
        (
            "metrics.jsonl",
            lambda r: r.update(evaluations="a"),
            "line 2 is damaged (evaluations: expected `int`",
        ),
        ("metrics.jsonl", lambda r: r.pop("generation"), "line 2 is damaged (generation missing)"),
    ],
)
def test_wrong_type_is_one_line_with_file_line_and_key(
    run: Path, name: str, how: Change, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(run / name, how)
    assert cli.main(["report", str(run)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and f"{name}" in line and said in line, line


@pytest.mark.parametrize("value", [1e155, -1e155, 1.7e308])
@pytest.mark.parametrize("name", ["results.jsonl", "metrics.jsonl"])
def test_figures_beyond_reason_are_told_and_left_out(
    run: Path, name: str, value: float, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ("score", "untrained_score") if name == "results.jsonl" else ("fitness_mean", "fitness_centre")
    change(run / name, lambda row: row.update(dict.fromkeys(keys, value)))
    assert cli.main(["report", str(run)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "2 figures of 1 lineage beyond 1e+100 left out, first of connectome on echo, graph 0, seed" in said
    assert "e+155" not in (run / "report.html").read_text()
    ne.open_run(run).report()


def test_figures_that_are_small_or_negative_zero_are_as_others(run: Path) -> None:
    change(run / "results.jsonl", lambda row: row.update(score=-0.0))
    change(run / "metrics.jsonl", lambda row: row.update(fitness_mean=5e-324))
    assert cli.main(["report", str(run)]) == 0


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            lambda a: a["architecture"]["cells"].__setitem__(3, 7),
            "architecture.cells[3]: expected `str`, got `int`",
        ),
        (lambda a: a["architecture"]["is_muscle"].pop(), "damaged or of another version"),
        (lambda a: a.update(neuron=None), "neuron: expected `str`, got `null`"),
    ],
)
def test_champion_of_wrong_types_is_one_line(
    run: Path, how: Change, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for champion in (run / "champions").iterdir():
        change(champion / "architecture.json", how)
    assert cli.main(["replay", str(run)]) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_forms_take_what_earlier_versions_left_out() -> None:
    assert Form((Manifest,)).fault({}) == ""
    assert Form((Manifest,)).fault({"tasks": {"a": {}}, "graphs": [], "unknown": [1]}) == ""
    row = {"task": "a", "genome": "b", "graph": 0, "seed": 0}
    assert Form((ResultRow,)).fault(row) == Form((MetricsRow,)).fault(row) == ""
    assert Form((ResultRow,)).fault({**row, "score": 1, "gains": {"core": 1}}) == ""


def test_resumed_run_reads_its_checkpoint_by_form(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder.open(run)
    arrays, state = folder.read_checkpoint()
    state["lineages"][1]["evaluations"] = [1]
    folder.write_checkpoint(arrays, state)
    folder.write_manifest(status="running")
    (run / "checkpoint.previous.safetensors").unlink(missing_ok=True)
    assert cli.main(["resume", str(run), "--workers", "0", "--quiet"]) in (1, 2)
    line = capsys.readouterr().err.splitlines()[-1]
    assert "lineages[1].evaluations: expected `int`, got `array`" in line
