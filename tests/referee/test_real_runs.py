"""Controls of the referee on real runs: one prior under several labels has no winner, and is equivalent.

That what was planted wins is in tests/experiment/test_planted.py. The rule of the field, one graph and one
seed, stands beside the referee on the same scores; studies/controls has more.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

import run as cli
from benchmarks.naive_rule import claims, greater, paired
from neuroevo.run_folder import RunFolder

QUIET = ["--workers", "0", "--tuning", "off", "--quiet"]
SEEDS, GRAPHS = 6, 12
MEMORY = "memory:lags=10,length=300,test_length=200,washout=30"
WORM = "--connectome celegans-motor --adapter ridge:gain=0.9,bias=0.2 --neuron leaky:leak=0.5 --generations 0"


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of one prior twice: untrained reservoirs of the worm's motor circuit, its degrees kept."""
    path = tmp_path_factory.mktemp("twins") / "run"
    words = f"--genome first=degree second=degree {WORM} --seeds {SEEDS} --graphs {GRAPHS}".split()
    assert (
        cli.main([*words, "--task", f"memory={MEMORY}", "--margin", "0.5", *QUIET, "--out", str(path)]) == 0
    )
    return RunFolder.open(path)


def test_one_prior_twice_has_no_winner_and_is_called_equivalent(twins):
    section = json.loads((twins.path / "report.json").read_text())["tasks"]["memory"]
    hashes = {row["graph_hash"] for row in twins.results()}
    assert len(hashes) == 2 * GRAPHS  # drawn apart
    assert (section["verdict"], section["winner"]) == ("no winner", None)
    (row,) = section["comparisons"]
    assert (row["kind"], row["verdict"]) == ("graphs", "equivalent")
    assert row["p_equivalence_holm"] < 0.05


def test_the_rule_of_the_field_errs_every_second_time_where_the_referee_does_not(twins):
    scores = {(row["graph_hash"], row["seed"]): row["score"] for row in twins.results()}
    table = np.array(list(scores.values())).reshape(2 * GRAPHS, SEEDS)
    rows = np.array([claims(table[k : k + 1], np.delete(table, k, 0), 0) for k in range(len(table))])
    naive, _, referee = rows.mean(0)
    assert naive == pytest.approx(
        0.5, abs=1e-12
    )  # each graph is the circuit in turn, and one of two is ahead
    assert referee <= 0.05


def test_rules_of_hand_worked_tables():
    circuit, null = np.array([[1.0, 2.0, 3.0]]), np.array([[0.0, 1.0, 2.0], [2.0, 2.0, 2.0]])
    assert greater(circuit, null) == 4 / 6  # 3 of 3, and 1 of 3 with a tie
    assert paired(circuit, null) == 0.5  # always one more; and 0 in the mean
    assert greater(circuit, np.array([[np.nan, 1.0, 4.0]])) == 0.5
