"""Scoring: a search outlives it; it is tried again, comes later or early, and takes no more memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import run as command_line
from neuroevo.experiment import execute
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.request import resolve
from neuroevo.run_folder import RunFolder
from tests.small import CIRCUIT, ECHO, Listener, few_draws, no_figures, without_seconds

FILES = ("results.jsonl", "selection.jsonl")
SELECTIONS = {
    "tournament": {},
    "race": {"seeds": "2", "generations": "4", "selection": "race"},
    "mixed": {"graphs": "2", "seeds": "2", "generations": "4", "selection": "mixed"},
}


def arguments(out: Path, fault: Path, **changes: str) -> list[str]:
    """Returns a command line with two tasks, of which the scores of one fail as long as a file is there."""
    tasks = [f'moody=tests.unscorable:Unscorable:fault="{fault}"', ECHO]
    options = {"connectome": CIRCUIT, "generations": "3", "population": "6", "workers": "0", **changes}
    flags = [x for name, value in options.items() for x in (f"--{name}", value)]
    return ["run", "--genome", "connectome", "random", "--task", *tasks, *flags, "--out", str(out)]


def contents(path: Path) -> dict[str, object]:
    """Returns all that is to be equal of two runs."""
    folder = RunFolder.open(path)
    files = [path / name for name in FILES] + sorted(x for x in path.glob("champions/*/*") if x.is_file())
    texts = {str(x.relative_to(path)): x.read_bytes() for x in files if x.exists()}
    return {**texts, "metrics": without_seconds(folder.metrics())}


@pytest.fixture(scope="module", autouse=True)
def _cheap():
    with few_draws(), no_figures():
        yield


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The file with which scoring fails, which is not there, and a tournament without it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert command_line.main([*arguments(folder / "whole", folder / "fault"), "--quiet"]) == 0
    return folder / "fault", folder / "whole"


@pytest.mark.parametrize("selection", SELECTIONS)
def test_search_outlives_scoring_that_fails_and_resume_scores_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], undisturbed: tuple[Path, Path], selection: str
) -> None:
    fault, changes = undisturbed[0], SELECTIONS[selection]
    unspoilt = tmp_path / "whole" if changes else undisturbed[1]
    if changes:
        assert command_line.main([*arguments(unspoilt, fault, **changes), "--quiet"]) == 0
    fault.write_text("raise")
    capsys.readouterr()
    path = tmp_path / "run"
    assert command_line.main(arguments(path, fault, **changes)) == 1
    said = capsys.readouterr()
    assert "could not be scored" in said.out and "the held-out set was gone" in said.err
    errors = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and f"run.py score {path}" in errors[0]
    folder = RunFolder.open(path)
    assert folder.manifest()["status"] == "unscored"
    rows = {status: [x for x in folder.results() if x["status"] == status] for status in ("unscored", "done")}
    assert {x["task"] for x in rows["unscored"]} == {"moody"} and {x["task"] for x in rows["done"]} == {
        "echo"
    }
    assert all("the held-out set was gone" in (x["error"] or "") for x in rows["unscored"])
    whole = contents(unspoilt)
    assert {k: v for k, v in contents(path).items() if k not in FILES} == {
        k: v for k, v in whole.items() if k not in FILES
    }
    report = json.loads((path / "report.json").read_text())
    assert report["run"]["lineages"]["unscored"] == len(rows["unscored"]) > 0
    assert any("the held-out set was gone" in note for note in report["tasks"]["moody"]["notes"])
    assert "the held-out set was gone" in (path / "report.html").read_text()
    if selection == "tournament":  # it fails again, and nothing is lost
        assert command_line.main(["resume", str(path), "--quiet"]) == 1
        assert folder.results() == [*rows["unscored"], *rows["done"]]
    fault.unlink()
    assert command_line.main(["resume", str(path), "--quiet"]) == 0
    assert folder.manifest()["status"] == "done"
    assert contents(path) == whole


@pytest.mark.parametrize("fault", ["shape", "refuse"])
def test_task_that_refuses_to_score_loses_no_other_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    (tmp_path / "fault").write_text(fault)
    assert command_line.main(arguments(tmp_path / "run", tmp_path / "fault")) == 1
    status = {row["task"]: row["status"] for row in RunFolder.open(tmp_path / "run").results()}
    assert status == {"moody": "unscored", "echo": "done"}
    assert capsys.readouterr().err.startswith("error: 2 lineages could not be scored: ")


def stopped(out: Path, updates: int, **changes: str) -> None:
    """Begins a run and interrupts it after some generations of shards."""
    options = {"seeds": 2, "generations": 4, "population": 6, "workers": 0, "connectome": CIRCUIT, **changes}
    request = Configuration(genome=("connectome", "random"), task=(ECHO,), **options)  # type: ignore[arg-type]
    done: list[Any] = []
    watcher = Listener(update=done.append, is_stopping=lambda: len(done) >= updates)
    with pytest.raises(KeyboardInterrupt):
        execute.run(resolve(request), out, watcher=watcher)


def test_run_that_was_stopped_is_scored_as_it_is_and_can_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped(tmp_path / "run", 2)
    folder = RunFolder.open(tmp_path / "run")
    _, state = folder.read_checkpoint()
    reached = {tuple(x["lineage"]): x["generation"] for x in state["lineages"]}
    assert 0 < max(reached.values()) < 4 and folder.results() == []
    assert command_line.main(["score", str(folder.path)]) == 0
    assert "scored early" in capsys.readouterr().out
    begun = {key: generation for key, generation in reached.items() if generation}
    rows = {(x["task"], x["genome"], x["graph"], x["seed"]): x for x in folder.results()}
    assert {key: row["generations"] for key, row in rows.items()} == begun
    assert {row["status"] for row in rows.values()} == {"early"} and folder.manifest()[
        "status"
    ] == "interrupted"
    assert all(row["score"] is not None for row in rows.values())
    report = json.loads((folder.path / "report.json").read_text())
    assert report["run"]["lineages"]["early"] == len(begun)
    task = report["tasks"]["echo"]
    assert any("Lineages scored early" in note for note in task["notes"])
    assert any("before the end of their search" in reason for reason in task["reasons"])
    once = (folder.path / "results.jsonl").read_bytes()
    assert command_line.main(["score", str(folder.path), "--quiet"]) == 0
    assert (folder.path / "results.jsonl").read_bytes() == once
    assert command_line.main(["resume", str(folder.path), "--quiet"]) == 0
    whole = ["--generations", "4", "--population", "6", "--seeds", "2", "--workers", "0", "--quiet"]
    request = ["run", "--genome", "connectome", "random", "--task", ECHO, "--connectome", CIRCUIT, *whole]
    assert command_line.main([*request, "--out", str(tmp_path / "whole")]) == 0
    assert contents(folder.path) == contents(tmp_path / "whole")


@pytest.mark.parametrize("selection", ["race", "mixed"])
def test_selection_that_was_stopped_is_not_scored_before_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], selection: str
) -> None:
    stopped(tmp_path / "run", 1, selection=selection)
    assert command_line.main(["score", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and selection in said and f"resume {tmp_path / 'run'}" in said


def test_scoring_can_come_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], undisturbed: tuple[Path, Path]
) -> None:
    fault, whole = undisturbed
    fault.write_text("raise")  # would be met if anything was scored
    assert command_line.main(arguments(tmp_path / "run", fault, scoring="later")) == 0
    said = capsys.readouterr()
    assert "to be scored later" in said.out and not said.err
    folder = RunFolder.open(tmp_path / "run")
    assert {(row["status"], row["error"]) for row in folder.results()} == {("unscored", None)}
    fault.unlink()
    assert command_line.main(["score", str(folder.path), "--quiet"]) == 0
    assert contents(folder.path) == contents(whole)
    assert command_line.main(["score", str(folder.path)]) == 0
    assert "have their results" in capsys.readouterr().out


def test_run_of_an_earlier_version_whose_scoring_failed_is_scored(
    tmp_path: Path, undisturbed: tuple[Path, Path]
) -> None:
    fault, whole = undisturbed
    fault.write_text("raise")
    assert command_line.main(arguments(tmp_path / "run", fault)) == 1
    folder = RunFolder.open(tmp_path / "run")
    folder.replace_results([{**x, "status": "failed"} if x["error"] else x for x in folder.results()])
    folder.write_manifest(status="done", rows={})
    fault.unlink()
    assert command_line.main(["score", str(folder.path), "--quiet"]) == 0
    assert contents(folder.path) == contents(whole)


def test_without_tuning_scores_are_the_same_and_cost_less(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], undisturbed: tuple[Path, Path]
) -> None:
    fault, whole = undisturbed
    assert command_line.main(arguments(tmp_path / "run", fault, tuning="off")) == 0
    rows = {"on": RunFolder.open(whole).results(), "off": RunFolder.open(tmp_path / "run").results()}
    tuned = ("tuned_score", "tuned_factors", "tuning_evaluations", "scoring_evaluations")
    for on, off in zip(rows["on"], rows["off"], strict=True):
        assert {k: v for k, v in on.items() if k not in tuned} == {
            k: v for k, v in off.items() if k not in tuned
        }
        assert [off[name] for name in tuned] == [None, None, 0, 4]  # 2 drawn, 1 trained, 1 watched
        assert on["scoring_evaluations"] == 4 + 1 + 1 * 2**2 and on["tuning_evaluations"] == 2**2
    assert "search 21, scoring 4." in capsys.readouterr().out
