"""The seal, the margin and the looks in every form of a report: terminal, page, JSON, CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

import run as cli
from neuroevo.report.planned import LookPlan, LooksReport, PairAtLook, PairLooks
from neuroevo.report.planned_words import decision_lines, looks_line, seal_lines
from neuroevo.report.terminal import print_report
from neuroevo.report.write import write_report
from neuroevo.run_folder import RunFolder
from tests.small import CIRCUIT, ECHO, few_draws, no_figures

REQUEST = ["--genome", "connectome", "random", "--task", ECHO, "--connectome", CIRCUIT, "--generations", "1"]
REQUEST += ["--population", "4", "--workers", "0", "--quiet", "--margin", "0.25", "--tuning", "off"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    path = tmp_path_factory.mktemp("planned") / "run"
    with few_draws(), no_figures():
        assert cli.main([*REQUEST, "--out", str(path)]) == 0
    return RunFolder.open(path)


def test_seal_and_margin_stand_in_every_form_of_a_report(folder: RunFolder) -> None:
    with no_figures():
        report = write_report(folder)
    sha256, row = folder.seal.sha256, folder.seal.sha256[:12]
    text = io.StringIO()
    print_report(report, Console(file=text, width=1_000))
    assert "Request sealed before the first evaluation, 20" in text.getvalue()
    assert (
        f"SHA-256 {row}, smallest difference that matters 0.25 error on echo; rows bear {row}."
        in text.getvalue()
    )
    assert f"SHA-256 {sha256}" in (folder.path / "report.html").read_text()
    (held,) = json.loads((folder.path / "report.json").read_text())["run"]["sealed"]
    assert (held["sha256"], held["request"], held["extended"]) == (sha256, row, 0)
    for name in ("report.csv", "comparisons.csv"):
        rows = list(csv.DictReader((folder.path / name).read_text().splitlines()))
        assert rows and all(row["seal"] == sha256 for row in rows)
    assert [row["margin"] for row in rows] == ["0.25"] and [row["look"] for row in rows] == [""]
    assert "looks" not in json.loads((folder.path / "report.json").read_text())["run"]


def test_more_that_was_asked_for_afterwards_is_counted(folder: RunFolder, tmp_path: Path) -> None:
    with few_draws(), no_figures():
        assert cli.main([*REQUEST, "--out", str(tmp_path / "run")]) == 0
        first = RunFolder.open(tmp_path / "run").seal.sha256
        assert cli.main(["resume", str(tmp_path / "run"), "--seeds", "2", "--quiet", "--trust", "tests"]) == 0
        report = write_report(RunFolder.open(tmp_path / "run"))
    (seal,) = report.run.sealed
    assert (seal.sha256, seal.extended) == (first, 1) and seal.request != first[:12]
    assert "More was asked for 1 time since" in seal_lines(report)[0]


def test_what_looks_decided_and_left_open_is_said(folder: RunFolder) -> None:
    with no_figures():
        report = write_report(folder)
    planned = (LookPlan(5, 12, 65, 0.01), LookPlan(10, 12, 130, 0.04))
    point = PairAtLook(1, 0.5, (0.1, 0.9), 0.001, 0.002, 0.01, 1.0, "better")
    late = replace(point, look=2, difference=0.001, verdict="inconclusive")
    pairs = (
        PairLooks("a", "b", "better", 1, (point, late)),
        PairLooks("a", "c", "inconclusive", None, (late,)),
        PairLooks("b", "c", "equivalent", 2, (replace(late, p_equivalence_holm=0.03, verdict="equivalent"),)),
    )
    lines = decision_lines(replace(report.tasks["echo"], looks=pairs))
    assert lines[0] == "Look 1 decided: a is better than b (+0.500, p = 0.002)."
    assert lines[1] == "Look 2 decided: b is equivalent to c (+0.00100, p = 0.03)."
    assert lines[2] == "Open: a and c (+0.00100; would take more than 1,000 seeds and graphs)."
    line = looks_line(LooksReport("200", planned, 2, 1, "budget"))
    assert "Looks taken: 2 of 2" in line and "the budget (200) is spent, and 1 comparison open" in line
    assert "held against 0.0400" in line
    assert "Looks taken: 0 of 2" in looks_line(LooksReport("200", planned, 0, 3, None))
