"""Calibration: the referee's error rates on simulated scores whose answer is known; a fast version.

`python -m benchmarks.calibration` prints the whole table. Bounds leave room for chance: three standard
errors of a rate at the number of tables simulated here.
"""

import math

import numpy as np
import pytest

from benchmarks.calibration import evolved, referee, rivals, scores_of, table
from neuroevo.experiment.config import Configuration
from neuroevo.referee.comparison import compare
from neuroevo.referee.entry import Entry
from neuroevo.referee.facts import TaskFacts
from neuroevo.referee.verdict import decide

TABLES = 300


def most(rate: float, number: int = TABLES) -> float:
    """Returns the per cent that a rate may show by chance."""
    return 100 * (rate + 3 * math.sqrt(rate * (1 - rate) / number))


@pytest.mark.parametrize("between", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("num_graphs", [3, 5, 20])
def test_one_wiring_of_the_null_family_wins_at_most_as_often_as_stated(num_graphs, between):
    rates = referee(
        np.random.default_rng([1, num_graphs, int(10 * between)]),
        TABLES,
        (True, num_graphs, between, "normal"),
    )
    assert rates["alarm"] <= most(0.05)
    assert rates["winner"] <= most(0.05)


@pytest.mark.parametrize("between", [0.0, 2.0])
@pytest.mark.parametrize("num_graphs", [3, 5, 20])
def test_two_samples_of_one_family_win_at_most_as_often_as_stated(num_graphs, between):
    rates = referee(
        np.random.default_rng([2, num_graphs, int(10 * between)]),
        TABLES,
        (False, num_graphs, between, "normal"),
    )
    assert rates["alarm"] <= most(0.05)
    assert rates["winner"] <= most(0.05)


def test_effect_of_one_deviation_is_found_at_ten_seeds_and_five_graphs():
    rates = referee(np.random.default_rng(3), TABLES, (False, 5, 0.0, "normal"))
    assert rates["power"] >= 80


def test_intervals_cover():
    rates = referee(np.random.default_rng(4), 1000, (False, 12, 1.0, "normal"))
    for name in ("cover", "iqm"):
        assert 93 - 2.1 <= rates[name] <= 97 + 1.7  # three standard errors at each end


def test_simpler_methods_fail_the_hard_case():
    """Without this the tests above would not show that the hard case is hard."""
    rates = rivals(np.random.default_rng(5), 200, (True, 5, 1.0, "normal"))
    assert rates["lineages"] > 30
    assert rates["hierarchical"] > 15
    assert rates["seeds"] > 30


def test_run_of_many_equal_priors_rarely_has_a_winner():
    rng, winners = np.random.default_rng(6), 0
    for k in range(TABLES):
        shared = rng.normal(size=10) * np.sqrt(0.5)
        tables = [table(rng, n, 10, 1.0, shared) for n in (1, 12, 12, 12)]
        entries = [Entry(str(i), scores_of(t), one_point=len(t) == 1) for i, t in enumerate(tables)]
        winners += decide("t", entries, compare({"t": entries}, {}, k)["t"], TaskFacts()).winner is not None
    assert 100 * winners / TABLES <= most(0.05)


def test_real_runs_of_the_calibration_have_a_score_for_every_lineage():
    request = Configuration(
        genome=("degree",),
        task=("tests.toy:Echo",),
        connectome="celegans-perimotor",
        graphs=3,
        seeds=2,
        generations=2,
        population=4,
    )
    assert set(evolved(request)) == {(graph, seed) for graph in range(3) for seed in range(2)}
