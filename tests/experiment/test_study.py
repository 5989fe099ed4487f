"""Studies: several runs of one file, reported together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import run as cli
from neuroevo.errors import OptionError
from neuroevo.experiment.request import resolve
from neuroevo.experiment.study import Study
from neuroevo.experiment.watcher import Interrupts
from neuroevo.report import write as reports
from neuroevo.report.evidence import Evidence
from tests import ROOT
from tests.small import TRUST, few_draws

TEXT = """
title = "Two models"
task = ["echo=tests.toy:Echo"]
connectome = "celegans-perimotor"
seeds = 2
workers = 0
[scales.smoke]
generations = 2
population = 8
[scales.large]
seeds = 4
[runs.first]
genome = ["rate=connectome"]
[runs.second]
genome = ["spikes=connectome", "none=adapter-only"]
neuron = "alif"
"""

TRUSTED = ["--trust", "tests.toy"]


def write(folder: Path, text: str = TEXT) -> Path:
    path = folder / "study.toml"
    path.write_text(text)
    return path


def test_run_wins_over_scale_and_scale_over_what_is_common(tmp_path: Path) -> None:
    text = TEXT + "seeds = 3\nscales.large.seed = 7\n"
    assert Study.read(write(tmp_path, text), "smoke", TRUST).runs["second"].seed == 0
    study = Study.read(write(tmp_path, text), "large", TRUST)
    assert study.runs["second"].seed == 7
    assert study.title == "Two models" and list(study.runs) == ["first", "second"]
    assert (study.runs["first"].seeds, study.runs["second"].seeds) == (4, 3)
    assert (study.runs["first"].neuron, study.runs["second"].neuron) == ("leaky", "alif")


def test_study_is_run_and_reported_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["study", str(write(tmp_path)), *TRUSTED, "--out", "made"]) == 0
    assert "Written to made" in capsys.readouterr().out
    report = json.loads((tmp_path / "made" / "report" / "report.json").read_text())
    assert {g["genome"] for g in report["tasks"]["echo"]["genomes"]} == {"rate", "spikes", "none"}
    assert (tmp_path / "made" / "second" / "results.jsonl").exists()
    assert cli.main(["study", str(write(tmp_path)), *TRUSTED, "--out", "made"]) == 2
    assert "made exists" in capsys.readouterr().err


def test_study_that_ended_early_is_carried_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run was at its end, the second is not there, or has done a generation."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["study", str(write(tmp_path)), *TRUSTED, "--out", "made"]) == 0
    (tmp_path / "study.toml").unlink()  # the folder of a study holds all that it needs
    results, report = tmp_path / "made/second/results.jsonl", tmp_path / "made/report/report.json"
    wanted, joined = results.read_bytes(), json.loads(report.read_text())["tasks"]
    before = (tmp_path / "made/first/results.jsonl").stat().st_mtime_ns
    shutil.rmtree(tmp_path / "made/second")
    shutil.rmtree(tmp_path / "made/report")
    stopping = mock.Mock(**{"are_wanted.return_value": True})
    with mock.patch.object(Interrupts, "__enter__", lambda _: stopping):
        assert cli.main(["resume", "made"]) == 130
    assert not results.exists()
    assert cli.main(["resume", "made"]) == 0
    assert results.read_bytes() == wanted and json.loads(report.read_text())["tasks"] == joined
    assert (tmp_path / "made/first/results.jsonl").stat().st_mtime_ns == before
    assert "Written to made" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TEXT.replace("[scales.smoke]", "[scales.tiny]"), "Did you mean 'tiny'?|Unknown scale"),
        ("title = 'x'", r"has no tables \[scales.NAME\]"),
        (TEXT.replace("seeds = 2", "seed_s = 2"), "run 'first'.*seed_s|Unknown key"),
        (TEXT.replace("[runs.second]", "[runs.second]\nseeds = 'two'"), "'seeds' in .*run 'second' is 'two'"),
        ("title = ", "is not TOML"),
    ],
)
def test_study_that_cannot_be_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(OptionError, match=line) as error:
        Study.read(write(tmp_path, text), "smoke", TRUST)
    assert "\n" not in str(error.value)


def test_missing_study_is_named() -> None:
    with pytest.raises(OptionError, match=r"Study 'no.toml' cannot be read"):
        Study.read("no.toml", "smoke")


STUDIES = sorted((ROOT / "studies").rglob("*.toml"))


@pytest.mark.parametrize("scale", ["smoke", "laptop", "paper"])
@pytest.mark.parametrize("path", STUDIES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_studies_of_this_project_can_be_requested_at_every_scale(path: Path, scale: str) -> None:
    for config in Study.read(path, scale).runs.values():
        resolve(config)


@pytest.mark.parametrize("path", STUDIES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_studies_of_this_project_run(path: Path, tmp_path: Path) -> None:
    """Figures are drawn of the runs together alone: of each run, the tests of reports draw enough."""
    drawn = reports._draw

    def draw(evidence: Evidence, *others: Any) -> Any:
        return drawn(evidence, *others) if len(evidence.names) == runs else ({}, {})

    runs = len(Study.read(path, "smoke").runs)
    out = str(tmp_path / "made")
    with few_draws(), mock.patch.object(reports, "_draw", draw):
        assert cli.main(["study", str(path), "--workers", "0", "--quiet", "--out", out]) == 0
    assert list((tmp_path / "made" / "report" / "figures").glob("*.svg"))
    report = json.loads((tmp_path / "made" / "report" / "report.json").read_text())
    assert report["run"]["lineages"]["done"] == report["run"]["lineages"]["planned"] > 0


def test_studies_were_found() -> None:
    assert {path.stem for path in STUDIES} >= {"fig3", "fig4", "fig5"}


def test_runs_that_no_report_can_join_are_refused_before_they_start(tmp_path: Path) -> None:
    text = TEXT + 'connectome = "celegans-motor"\n'
    out = tmp_path / "out"
    with pytest.raises(
        OptionError, match="cannot be reported as one: first and second differ in 'connectome'"
    ):
        Study.read(write(tmp_path, text), "smoke", TRUST).begin(out, {})
    assert not out.exists()


def test_runs_of_different_tasks_are_joined_though_each_has_a_search_of_its_own(tmp_path: Path) -> None:
    text = TEXT.replace('["rate=connectome"]', '["rate=connectome"]\ntask = ["digits"]')
    text = text.replace('["spikes=connectome", "none=adapter-only"]', '["rate=connectome"]')
    study = Study.read(write(tmp_path, text.replace('neuron = "alif"', "")), "smoke", TRUST)
    study.begin(tmp_path / "out", {})
    assert (tmp_path / "out").is_dir()
