"""A positive control through the whole pipeline: the planted circuit wins its task, and its nulls do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import run
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome
from neuroevo.errors import OptionError, TaskError
from neuroevo.run_folder import RunFolder
from neuroevo.wiring.architecture import Architecture
from tasks.lines import Lines


def test_planted_circuit_is_six_lines_that_never_meet() -> None:
    planted = load("planted")
    assert (planted.num_cells, len(planted.chemical), len(planted.electrical)) == (48, 90, 0)
    assert (len(planted.inputs), len(planted.outputs)) == (6, 6)
    for k, cell in enumerate(planted.inputs):
        reached = [planted.cells[i] for i in planted.outputs if _reaches(planted, int(cell), int(i))]
        assert reached == [f"out{k + 1}"] and planted.cells[cell] == f"in{k + 1}"


def _reaches(planted: Connectome, source: int, target: int) -> bool:
    chemical = planted.chemical
    reached = {source}
    for _ in range(3):
        reached |= {int(b) for a, b in zip(chemical.pre, chemical.post, strict=True) if int(a) in reached}
    return target in reached


def test_lines_ask_for_each_input_some_steps_ago() -> None:
    inputs, targets = Lines(lag=6).draw(np.random.default_rng(0), 20_000)
    np.testing.assert_array_equal(targets[6:], inputs[:-6])
    assert inputs.std() == pytest.approx(1, abs=0.05)
    for lag, wanted in ((1, 0.9), (2, 0.81)):
        x = inputs[:, :, 0]
        assert np.corrcoef(x[lag:].ravel(), x[:-lag].ravel())[0, 1] == pytest.approx(wanted, abs=0.02)


def test_the_planted_circuit_wins_without_adapters(tmp_path: Path) -> None:
    # Twelve graphs each: with fewer, a wiring that happens to solve the task would stand out from two priors.
    words = "--connectome planted --task lines --adapter none --seeds 5 --graphs 12 --evaluations 165"
    request = f"--genome connectome degree random {words} --workers 0 --tuning off --quiet".split()
    assert run.main([*request, "--out", str(tmp_path / "run")]) == 0
    folder = RunFolder.open(tmp_path / "run")
    scores = {
        g: [r["score"] or 0.0 for r in folder.results() if r["genome"] == g]
        for g in ("connectome", "degree", "random")
    }
    assert min(scores["connectome"]) > 0.3 > max(scores["degree"] + scores["random"])
    assert "connectome wins" in (folder.path / "report.html").read_text()


def test_a_wiring_without_the_lines_cells_is_refused() -> None:
    worm = Architecture.of(load("celegans-motor"))
    with pytest.raises(TaskError, match="has no in1; wanted --connectome planted"):
        Lines().native(worm)
    with pytest.raises(OptionError, match="'lag' is 30, and the washout 20"):
        Lines(lag=30)
