"""Targets: a lineage ends when its centre is good enough, the same however often the run was stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import run as command_line
from neuroevo.errors import OptionError
from neuroevo.experiment import selection
from neuroevo.experiment.evolution import Stopped
from neuroevo.experiment.request import targets
from neuroevo.experiment.resume import Past
from neuroevo.experiment.watcher import Progress
from neuroevo.experiment.writer import RunWriter
from neuroevo.report.replay.champions import read_champion
from neuroevo.run_folder import RunFolder, key_of
from neuroevo.workers.pool import LocalPool
from tests.small import CIRCUIT, ECHO, Listener, few_draws, no_figures, plan, run, without_seconds

REQUEST: dict[str, Any] = {"seeds": 3, "generations": 6}
SPLIT = {"genome": ("connectome",), "population": 32, "generations": 6, "seeds": 2}  # populations in parts


@pytest.fixture(scope="module", autouse=True)
def _cheap():
    with few_draws(), no_figures():
        yield


@dataclass
class Case:
    """A request, its run without a target, a fitness that some lineages reach, and its run with it."""

    request: dict[str, Any]
    plain: RunFolder
    target: float
    folder: RunFolder

    @property
    def request_with_target(self) -> dict[str, Any]:
        return {**self.request, "target": (f"echo={self.target!r}",)}


def case(parent: Path, request: dict[str, Any]) -> Case:
    """Runs a request without a target, and with one that some lineages reach, at different times."""
    plain = run(parent / "plain", **request)
    best: dict[Any, float] = {}
    for row in plain.metrics():
        best[key_of(row)] = max(best.get(key_of(row), -99.0), row["fitness_centre"] or -99.0)
    target = sorted(best.values())[len(best) // 2]
    return Case(request, plain, target, run(parent / "run", **request, target=(f"echo={target!r}",)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return case(tmp_path_factory.mktemp("whole"), REQUEST)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return case(tmp_path_factory.mktemp("parts"), SPLIT)


@pytest.fixture
def runs(request: pytest.FixtureRequest) -> Case:
    """The case whose name a test is given."""
    named: Case = request.getfixturevalue(request.param)
    return named


@pytest.mark.parametrize("runs", ["whole", "parts"], indirect=True)
def test_lineages_end_at_the_target_and_others_are_as_without(runs: Case) -> None:
    plain, target, folder, request_ = runs.plain, runs.target, runs.folder, runs.request
    rows: dict[Any, list[Any]] = {}
    for row in without_seconds(plain.metrics()):
        rows.setdefault(key_of(row), []).append(row)
    wanted, ends = [], {}
    for key, its in rows.items():
        first = next((k for k, row in enumerate(its) if row["fitness_centre"] >= target), None)
        ends[key] = first
        wanted += its if first is None else its[: first + 1]
    assert without_seconds(folder.metrics()) == wanted
    assert None in ends.values() and any(first is not None for first in ends.values())
    each = plan(**request_).settings["echo"].population + 1
    without = {key_of(row): row for row in plain.results()}
    assert [key_of(row) for row in folder.results()] == list(without)
    for row in folder.results():
        first = ends[key_of(row)]
        if first is None:
            assert row == {**without[key_of(row)], "reached": None}
        else:
            assert row["reached"] == {"generation": first, "evaluations": (first + 1) * each}
            assert row["evaluations"] == (first + 1) * each and row["status"] == "done"


def test_champion_is_the_genome_that_reached_the_target(whole: Case) -> None:
    from neuroevo.network.phenotype import Phenotype
    from neuroevo.seeds import derive
    from tests.toy import Echo

    target, folder = whole.target, whole.folder
    last = {key_of(row): row for row in folder.metrics()}
    reached = [row for row in folder.results() if row["reached"]]
    for row in reached:
        blueprint, parameters = read_champion(folder, key_of(row))
        phenotype = Phenotype([blueprint], [1])
        phenotype.load([parameters[None]])
        seed = derive(0, "episodes", row["task"], row["seed"], row["reached"]["generation"])
        fitness = float(Echo().evaluate(phenotype, seeds=[seed]).double().mean())
        assert fitness == pytest.approx(last[key_of(row)]["fitness_centre"], rel=1e-6) and fitness >= target
    assert reached


@pytest.mark.parametrize("runs", ["whole", "parts"], indirect=True)
@pytest.mark.parametrize("updates", [1, 3, 5])
def test_run_with_a_target_goes_on_to_the_same_results(tmp_path: Path, updates: int, runs: Case) -> None:
    request, undisturbed = runs.request_with_target, runs.folder
    told: list[Progress] = []
    with pytest.raises(Stopped):
        run(
            tmp_path / "run",
            None,
            Listener(update=told.append, is_stopping=lambda: len(told) >= updates),
            **request,
        )
    folder = RunFolder.open(tmp_path / "run")
    again = RunWriter(folder, Past.read(folder))
    selection.run(plan(**request), LocalPool(), again, Listener(update=told.append))
    assert (folder.path / "results.jsonl").read_bytes() == (undisturbed.path / "results.jsonl").read_bytes()
    assert without_seconds(folder.metrics()) == without_seconds(undisturbed.metrics())
    for path in undisturbed.path.glob("champions/*/*"):
        assert path.read_bytes() == (folder.path / path.relative_to(undisturbed.path)).read_bytes()
    assert told[-1].done == told[-1].total == len(folder.metrics())


def test_report_tells_of_the_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--genome", "connectome", "--task", ECHO, "--connectome", CIRCUIT, "--generations", "3"]
    flags += ["--population", "6", "--workers", "0", "--target", "-99", "--out", str(tmp_path / "run")]
    assert command_line.main(["run", *flags]) == 0
    said = "Lineages that reached the target, and ended there: connectome 1 of 1 after 7 evaluations"
    assert said in " ".join(capsys.readouterr().out.split())
    (note,) = (
        note
        for note in json.loads((tmp_path / "run" / "report.json").read_text())["tasks"]["echo"]["notes"]
        if "target" in note
    )
    assert note.startswith(said) and said in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["much"], "Cannot read target 'much'; wanted X or TASK=X, X a number."),
        (["nan"], "Target 'nan' is nan; wanted a finite number."),
        (["inf"], "Target 'inf' is inf; wanted a finite number."),
        (["eco=1"], "Unknown task in target 'eco'. Did you mean 'echo'?"),
        (["1", "2"], "The target of all tasks is given twice; give it once."),
    ],
)
def test_wrong_targets_are_one_line(texts: list[str], message: str) -> None:
    with pytest.raises(OptionError) as error:
        targets(texts, ["echo"])
    assert str(error.value).startswith(message)


def test_targets_are_of_all_tasks_or_of_one() -> None:
    assert targets(["-0.5", "b=2"], ["a", "b"]) == {"a": -0.5, "b": 2.0}
    assert targets([], ["a"]) == {"a": None}


@pytest.mark.parametrize("mode", ["race", "mixed"])
def test_selection_takes_no_target(mode: str) -> None:
    with pytest.raises(OptionError, match=f"Option 'target' is 1 with selection '{mode}'"):
        plan(**REQUEST, selection=mode, target=("1",))
