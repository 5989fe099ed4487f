"""Controls of the referee on real runs: one prior under several labels has no winner, and is equivalent.

That what was planted wins is in tests/experiment/test_planted.py. The rule of the field, one graph and one
seed, stands beside the referee on the same scores; studies/controls has more.
"""

from __future__ import annotations

import csv
import json
from typing import Any

import numpy as np
import pytest

import run as cli
from benchmarks.deal import dealt
from benchmarks.naive_rule import claims, greater, paired
from neuroevo.referee.estimators import table_of
from neuroevo.report.scores_lines import NEEDED
from neuroevo.run_folder import RunFolder

QUIET = ["--workers", "0", "--tuning", "off", "--quiet"]
SEEDS, GRAPHS = 6, 25  # one, and twelve for each of two labels
MEMORY = "memory:lags=10,length=300,test_length=200,washout=30"
WORM = "--connectome celegans-motor --adapter ridge:gain=0.9,bias=0.2 --neuron leaky:leak=0.5 --generations 0"


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of one prior: untrained reservoirs of the worm's motor circuit, its degrees kept."""
    path = tmp_path_factory.mktemp("twins") / "run"
    words = f"--genome degree {WORM} --seeds {SEEDS} --graphs {GRAPHS}".split()
    assert cli.main([*words, "--task", f"memory={MEMORY}", *QUIET, "--out", str(path)]) == 0
    return RunFolder.open(path)


@pytest.fixture(scope="module")
def judged(twins: RunFolder) -> dict[str, Any]:
    """What the referee says of its graphs, dealt to three labels."""
    path = twins.path.parent / "twins.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([NEEDED, *dealt(twins.results(), "degree")])
    out = path.with_name("judged")
    assert cli.main(["judge", str(path), "--margin", "0.5", "--out", str(out)]) == 0
    return json.loads((out / "report.json").read_text())["tasks"]["memory"]


def test_graphs_of_one_prior_under_three_labels_have_no_winner(judged):
    assert [(g["genome"], g["num_graphs"], g["num_seeds"]) for g in judged["genomes"]] == [
        ("one", 1, SEEDS),
        ("first", 12, SEEDS),
        ("second", 12, SEEDS),
    ]
    assert (judged["verdict"], judged["winner"]) == ("no winner", None)
    assert {row["verdict"] for row in judged["comparisons"]} <= {"inconclusive", "equivalent"}


def test_one_prior_twice_is_called_equivalent(judged):
    (row,) = (row for row in judged["comparisons"] if {row["a"], row["b"]} == {"first", "second"})
    assert row["verdict"] == "equivalent"
    assert row["p_equivalence_holm"] < 0.05


def test_the_rule_of_the_field_errs_every_second_time_where_the_referee_does_not(twins):
    table = table_of({(row["graph"], row["seed"]): row["score"] for row in twins.results()})
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
