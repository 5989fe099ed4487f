"""Until it is decided: planned looks, decisions that stay, and the bytes of a request of that size."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import run as cli
from neuroevo.errors import EvaluationError, OptionError, RunError
from neuroevo.experiment import execute, growth
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.request import resolve
from neuroevo.experiment.study import Study
from neuroevo.report.build import judge
from neuroevo.report.evidence import gather
from neuroevo.report.model import Report
from neuroevo.run_folder import RunFolder
from tests.small import CIRCUIT, ECHO, Listener, few_draws, no_figures

LOTS = "lots=tests.lots:Lots:episodes=1"
BASE: dict[str, Any] = {
    "genome": ("connectome", "random"),
    "task": (LOTS,),
    "connectome": CIRCUIT,
    "generations": 1,
    "population": 4,
    "workers": 0,
    "until": "decided",
    "margin": ("0.01",),  # of luck that is spread over [0, 1]: nobody can tell so little
    "tuning": "off",
    "budget": "120",
}
PLANTED = {
    "genome": ("connectome", "degree"),
    "connectome": "planted",
    "task": ("lines",),
    "adapter": "none",
    "generations": 4,
    "tuning": "off",
    "margin": ("0.05",),
    "budget": "300",
}


@pytest.fixture(autouse=True)
def cheap() -> Iterator[None]:
    with few_draws(), no_figures():
        yield


def request(**changes: Any) -> Configuration:
    return Configuration(**{**BASE, **changes})


def carried_out(path: Path, **changes: Any) -> RunFolder:
    execute.run(resolve(request(**changes)), path)
    return RunFolder.open(path)


def report_of(folder: RunFolder) -> Report:
    return judge(gather([folder]))


@pytest.fixture(scope="module")
def spent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing is decided of, and that has all its looks."""
    path = tmp_path_factory.mktemp("until") / "run"
    with few_draws(), no_figures():
        carried_out(path)
    return path


def assert_same_rows(folder: RunFolder, wanted: RunFolder) -> None:
    """Results, champions and lineages are equal to the byte; metrics but for the time that they took."""

    def content(run: RunFolder) -> dict[str, object]:
        rows = (run.path / "metrics.jsonl").read_text().splitlines()
        champions = sorted(run.path.glob("champions/*/*"))
        return {
            "results": (run.path / "results.jsonl").read_bytes(),
            "metrics": [{k: v for k, v in json.loads(row).items() if k != "seconds"} for row in rows],
            "champions": {p.relative_to(run.path): p.read_bytes() for p in champions},
            "lineages": run.manifest()["lineages"],
            "graphs": run.manifest()["graphs"],
        }

    first, second = content(folder), content(wanted)
    for name in first:
        assert first[name] == second[name], name
    assert first["champions"]


def test_it_ends_at_its_budget_with_the_bytes_of_a_request_of_that_size(spent: Path, tmp_path: Path) -> None:
    folder = RunFolder.open(spent)
    last = folder.config()["looks"][-1]
    assert (folder.config()["seeds"], folder.config()["graphs"]) == (last["seeds"], last["graphs"])
    plain = request(until=None, budget=None, seeds=last["seeds"], graphs=last["graphs"])
    execute.run(resolve(plain), tmp_path / "plain")
    assert_same_rows(folder, RunFolder.open(tmp_path / "plain"))
    assert folder.manifest()["looks"]["ended"] == "budget"
    assert folder.manifest()["status"] == "done"
    assert len(folder.results()) == last["lineages"] <= 120


def test_report_says_what_was_spent_and_what_is_open(spent: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(RunFolder.open(spent))
    looks = report.run.looks
    assert looks is not None and (looks.taken, looks.ended, looks.open) == (len(looks.planned), "budget", 1)
    assert sum(look.level for look in looks.planned) == pytest.approx(0.05)
    (pair,) = report.tasks["lots"].looks
    assert pair.verdict == "inconclusive" and pair.look is None and len(pair.looks) == looks.taken
    widths = [point.interval[1] - point.interval[0] for point in pair.looks if point.interval]
    assert len(widths) == looks.taken and widths[-1] < widths[0]
    assert report.tasks["lots"].comparisons[0].verdict == "inconclusive"
    assert report.run.verdict != "winner"
    assert cli.main(["report", str(spent)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert f"Looks taken: {looks.taken} of {looks.taken}" in out and "is spent, and 1 comparison open" in out
    assert "Open: connectome and random (" in out
    held = json.loads((spent / "report.json").read_text())
    assert held["run"]["looks"]["planned"][0]["seeds"] == 5
    assert held["tasks"]["lots"]["looks"][0]["looks"][0]["look"] == 1


def test_manifest_records_the_looks_that_were_taken(spent: Path) -> None:
    folder = RunFolder.open(spent)
    taken, planned = folder.manifest()["looks"]["taken"], folder.config()["looks"]
    assert [(x["seeds"], x["graphs"], x["level"]) for x in taken] == [
        (x["seeds"], x["graphs"], x["level"]) for x in planned
    ]
    for look, pair in zip(taken, report_of(folder).tasks["lots"].looks[0].looks, strict=True):
        (row,) = look["comparisons"]["lots"]
        assert (row["p_holm"], row["difference"]) == (pair.p_holm, pair.difference)


def test_planted_difference_ends_at_the_first_looks(tmp_path: Path) -> None:
    folder = carried_out(tmp_path / "run", **PLANTED)
    (pair,) = report_of(folder).tasks["lines"].looks
    assert pair.verdict == "better" and pair.look is not None
    assert folder.manifest()["looks"]["ended"] == "decided"
    looks = folder.config()["looks"]
    assert len(folder.results()) == looks[pair.look - 1]["lineages"] < looks[-1]["lineages"]


def test_equal_priors_end_as_equivalent_within_a_wide_margin(tmp_path: Path) -> None:
    folder = carried_out(tmp_path / "run", genome=("random", "dense"), margin=("0.5",), budget="800")
    (pair,) = report_of(folder).tasks["lots"].looks
    assert pair.verdict == "equivalent" and pair.look is not None
    assert folder.manifest()["looks"]["ended"] == "decided"


@pytest.mark.parametrize("after", [1, 2])
def test_a_run_that_is_stopped_again_and_again_has_the_same_bytes(
    tmp_path: Path, spent: Path, after: int
) -> None:
    """It is stopped within looks, as often as it takes, each time after so many generations of shards."""
    done: list[int] = []
    listener = Listener(update=lambda p: done.append(p.done), is_stopping=lambda: len(done) >= after)
    stops = 0
    while not (tmp_path / "run").exists() or growth.goes_on(RunFolder.open(tmp_path / "run")):
        done.clear()
        try:
            if stops:
                execute.resume(tmp_path / "run", {}, listener, ("tests",))
            else:
                execute.run(resolve(request()), tmp_path / "run", watcher=listener)
        except KeyboardInterrupt:
            stops += 1
    assert stops >= 2 // after
    folder = RunFolder.open(tmp_path / "run")
    assert_same_rows(folder, RunFolder.open(spent))
    assert folder.manifest()["looks"] == RunFolder.open(spent).manifest()["looks"]
    assert report_of(folder).tasks == report_of(RunFolder.open(spent)).tasks


def test_a_run_that_dies_between_looks_goes_on(
    tmp_path: Path, spent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies after a look is scored: before it is noted, and before the next begins."""
    for number, (where, name) in enumerate([(growth, "_ended"), (execute, "_grown")]):
        path = tmp_path / str(number)
        with monkeypatch.context() as patch, pytest.raises((EvaluationError, MemoryError)):
            patch.setattr(where, name, _dies)
            execute.run(resolve(request()), path)
        assert RunFolder.open(path).manifest()["status"] == "done"
        assert len(RunFolder.open(path).results()) == RunFolder.open(path).config()["looks"][0]["lineages"]
        assert execute.resume(path, {}, trust=("tests",)) is not None
        assert_same_rows(RunFolder.open(path), RunFolder.open(spent))
        assert execute.resume(path, {}, trust=("tests",)) is None, "it is at its end"


def _dies(*_: object) -> None:
    raise MemoryError("no room")


def test_a_look_that_is_not_whole_decides_nothing(tmp_path: Path) -> None:
    """Of a run that was stopped within a look, decisions are those of the looks before."""
    done: list[int] = []
    listener = Listener(update=lambda p: done.append(p.done), is_stopping=lambda: len(done) >= 3)
    with pytest.raises(KeyboardInterrupt):
        execute.run(resolve(request(**PLANTED)), tmp_path / "run", watcher=listener)
    report = report_of(RunFolder.open(tmp_path / "run"))
    assert report.run.looks is not None and report.run.looks.taken == 0
    assert {row.verdict for row in report.tasks["lines"].comparisons} <= {"inconclusive"}


def test_the_clock_decides_only_whether_a_look_begins(tmp_path: Path, spent: Path) -> None:
    folder = carried_out(tmp_path / "run", budget="0.000001h")
    assert len(folder.manifest()["looks"]["taken"]) == 1
    assert folder.manifest()["looks"]["ended"] == "budget"
    first = folder.config()["looks"][0]
    assert len(folder.results()) == first["lineages"]
    spent_rows = {line.rpartition(", ")[0] for line in (spent / "results.jsonl").read_text().splitlines()}
    rows = (folder.path / "results.jsonl").read_text().splitlines()
    assert all(row.rpartition(", ")[0] in spent_rows for row in rows), "but for the mark of the request"


def test_plan_is_sealed_before_the_first_evaluation(tmp_path: Path, spent: Path) -> None:
    listener = Listener(is_stopping=lambda: True)
    with pytest.raises(KeyboardInterrupt):
        execute.run(resolve(request()), tmp_path / "run", watcher=listener)
    folder = RunFolder.open(tmp_path / "run")
    plan = folder.manifest()["plan"]
    assert folder.results() == [] and len(plan["sha256"]) == 64
    assert plan["plan"]["request"]["margin"] == ["0.01"] and plan["plan"]["budget"] == "120"
    again = RunFolder.open(spent)
    assert again.manifest()["plan"] == plan
    assert again.seal.sha256 == plan["plan"]["looks"][-1]["request"], "rows bear what was sealed"
    (seal,) = report_of(again).run.sealed
    assert (seal.sha256, seal.extended) == (plan["sha256"], 0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('budget = "120"', 'budget = "1200"', 'says budget = "1200"; the run was begun with "120"'),
        ("level = 0.0", "level = 0.1", "says looks.level = 0.1"),
        ('until = "decided"', "", "lacks until; the run was begun with"),
    ],
)
def test_edited_plan_is_refused(
    spent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, message: str
) -> None:
    path = Path(shutil.copytree(spent, tmp_path / "run"))
    text = (path / "config.toml").read_text()
    assert old in text
    (path / "config.toml").write_text(text.replace(old, new, 1))
    assert cli.main(["report", str(path)]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


def test_it_is_extended_by_its_looks_alone_and_joined_with_none(
    spent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(shutil.copytree(spent, tmp_path / "run"))
    assert cli.main(["resume", str(path), "--graphs", "99", "--trust", "tests"]) == 2
    assert "cannot be extended by --graphs: it grows by the looks" in capsys.readouterr().err
    with pytest.raises(RunError, match="decided look by look"):
        gather([RunFolder.open(spent), RunFolder.open(path.rename(tmp_path / "other"))])


def test_resolved_request_gives_the_same_plan_again(spent: Path) -> None:
    config = Configuration.of(RunFolder.open(spent).config(), "the run")
    experiment = resolve(config)
    assert experiment.config == config and len(experiment.looks) == len(config.looks or ())
    assert resolve(config.override({"budget": "400"})).looks[-1].lineages > experiment.looks[-1].lineages
    with pytest.raises(OptionError, match="'looks' is no plan"):
        resolve(Configuration.of({**config.to_dict(), "looks": [{"seeds": 5}]}, "a file"))


def test_study_of_several_runs_has_none_that_goes_on_until_it_is_decided(tmp_path: Path) -> None:
    text = """
    task = ["memory"]
    adapter = "ridge"
    margin = ["0.3"]
    [scales.smoke]
    generations = 0
    [runs.one]
    genome = ["connectome", "random"]
    until = "decided"
    budget = "400"
    """
    (tmp_path / "one.toml").write_text(text)
    assert list(Study.read(tmp_path / "one.toml", "smoke").runs) == ["one"]
    (tmp_path / "two.toml").write_text(text + '[runs.two]\ngenome = ["dense"]\n')
    with pytest.raises(OptionError, match="run 'one' goes on until it is decided"):
        Study.read(tmp_path / "two.toml", "smoke")


COMMAND = ["--genome", "connectome", "random", "--task", ECHO, "--connectome", CIRCUIT, "--workers", "0"]
ASKED = [*COMMAND, "--until", "decided", "--margin", "echo=0.1", "--budget", "300"]
BAD = {
    "one prior": ([*ASKED[:2], *ASKED[3:]], "--until decided was given with one prior, connectome"),
    "no margin": ([*COMMAND, "--until", "decided", "--budget", "300"], "was given without a margin on echo"),
    "no budget": ([*COMMAND, "--until", "decided", "--margin", "1"], "was given without a budget; give"),
    "no until": ([*COMMAND, "--budget", "300"], "Option 'budget' is '300' without --until decided"),
    "budget of zero": ([*ASKED[:-1], "0"], "Option 'budget' is '0'; wanted lineages, from 1 to 1,000,000"),
    "negative budget": ([*ASKED[:-2], "--budget=-5"], "Option 'budget' is '-5'; wanted lineages"),
    "no hours": ([*ASKED[:-1], "0h"], "Option 'budget' is '0h'; wanted lineages"),
    "absurd budget": ([*ASKED[:-1], "9" * 11], "wanted lineages, from 1 to 1,000,000"),
    "absurd hours": ([*ASKED[:-1], "9999h"], "or hours such as 2h, up to 8,760h"),
    "endless budget": ([*ASKED[:-1], "inf"], "Option 'budget' is 'inf'; wanted lineages"),
    "half a lineage": ([*ASKED[:-1], "30.5"], "Option 'budget' is '30.5'; wanted lineages"),
    "small budget": ([*ASKED[:-1], "12"], "Option 'budget' is 12 lineages, and the first look takes"),
    "margin of zero": ([*COMMAND, "--until", "decided", "--margin", "0", "--budget", "9"], "Margin '0' is 0"),
    "margin below zero": (
        [*ASKED, "--margin=-1"],
        "Margin '-1' is -1; wanted a finite number greater than 0",
    ),
    "margin with a unit": ([*ASKED, "--margin", "3%"], "a number in the unit of the score"),
    "margin elsewhere": (
        [*ASKED, "--margin", "ecco=1"],
        "Unknown task in margin 'ecco'. Did you mean 'echo'?",
    ),
    "race": ([*ASKED, "--selection", "race", "--seeds", "9"], "asked for with selection 'race'"),
    "mixed": ([*ASKED, "--selection", "mixed"], "asked for with selection 'mixed'"),
    "scored later": ([*ASKED, "--scoring", "later"], "was given with scoring 'later'"),
    "few seeds": ([*ASKED, "--seeds", "3"], "Option 'seeds' is 3 with --until decided; a verdict takes 5"),
    "few graphs": (
        [*ASKED, "--graphs", "3"],
        "Option 'graphs' is 3 with --until decided, and the first look",
    ),
    "another end": ([*COMMAND, "--until", "won"], "Option 'until' is 'won'; wanted decided."),
    "nothing": ([*COMMAND, "--until"], "Argument --until: expected one argument"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_request_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    arguments, message = BAD[case]
    assert cli.main([*arguments, "--out", str(tmp_path / "run")]) == 2
    out, err = capsys.readouterr()
    assert message in err and err.count("\n") == 1 and out == ""
    assert not (tmp_path / "run").exists()
