"""Ranking: hand-worked values, the published formulas, and what the bootstrap knows of graphs."""

import numpy as np
import pytest
from scipy import stats

from neuroevo import ranking


def scores(table) -> dict[tuple[int, int], float]:
    """Returns a table [graph][seed] as (graph, seed) -> score."""
    return {(g, s): float(x) for g, row in enumerate(table) for s, x in enumerate(row)}


# --- hand-worked values -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5.0], 5.0),
        ([1.0, 2.0, 6.0], 3.0),  # a quarter of three is none
        ([100.0, 1.0, 3.0, -50.0], 2.0),
        ([0.0, 1.0, 2.0, 3.0, 100.0], 2.0),
        ([8.0, 1.0, 7.0, 2.0, 6.0, 3.0, 5.0, 4.0], 4.5),  # 3, 4, 5, 6
    ],
)
def test_interquartile_mean_of_hand_worked_cases(values, expected):
    assert ranking.interquartile_mean(values) == expected


def test_interquartile_mean_of_nothing_is_none():
    assert ranking.interquartile_mean([]) is None


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 8, 9, 50])
def test_interquartile_mean_is_the_trimmed_mean_of_rliable(size):
    values = np.random.default_rng(size).normal(size=size)
    expected = stats.trim_mean(values, proportiontocut=0.25, axis=None)  # rliable.metrics.aggregate_iqm
    assert ranking.interquartile_mean(values) == pytest.approx(expected, rel=1e-12)


def test_probability_of_improvement_counts_ties_half():
    # Of nine pairs: 1 beats 0; 2 beats 0 and ties twice; 3 beats all: 1 + 2 + 3.
    assert ranking.probability_of_improvement([1, 2, 3], [2, 2, 0]) == pytest.approx(6 / 9)
    assert ranking.probability_of_improvement([1, 1], [1]) == 0.5
    assert ranking.probability_of_improvement([2, 3], [0, 1]) == 1.0


def test_probability_of_improvement_is_the_mann_whitney_statistic():
    rng = np.random.default_rng(0)
    a, b = rng.integers(5, size=13), rng.integers(5, size=8)
    expected = stats.mannwhitneyu(a, b).statistic / (13 * 8)
    assert ranking.probability_of_improvement(a, b) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([1, 2, 3], 2 / 8),  # only all + and all - reach 6
        ([3, 1, -1], 6 / 8),  # of +-3 +-1 +-1, only +-3 with the ones against it falls short
        ([1, 1, -1], 1.0),
        ([0.1, 0.2, -0.3], 1.0),  # zero but for rounding
        ([0, 0, 0], 1.0),
        ([1] * 12, 2 / 4096),
    ],
)
def test_sign_flip_test_is_exact_on_hand_worked_cases(differences, expected):
    assert ranking.sign_flip_test(differences, np.random.default_rng(0)) == pytest.approx(expected)


def test_sign_flip_test_says_nothing_of_one_pair():
    assert ranking.sign_flip_test([3.0], np.random.default_rng(0)) is None


def test_sign_flip_test_sampled_agrees_with_scipy():
    values = np.random.default_rng(3).normal(0.4, 1.0, size=16)
    sampled = ranking.sign_flip_test(values, np.random.default_rng(0))
    exact = stats.permutation_test((values,), np.sum, permutation_type="samples", n_resamples=2**16).pvalue
    assert sampled == pytest.approx(exact, abs=0.02)  # standard error 0.004
    assert ranking.sign_flip_test([1.0] * 60, np.random.default_rng(0)) == 1 / 10_001


def test_holm_of_a_hand_worked_case():
    # In order: 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1; no value falls below the one before it.
    expected = [0.03, 0.06, 0.06, 0.02]
    assert ranking.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx(expected)
    assert ranking.holm([0.8, None, 0.9]) == [1.0, None, 1.0]
    assert ranking.holm([]) == []


# --- intervals ----------------------------------------------------------------------------------------


def test_bootstrap_is_the_same_for_equal_seeds_only():
    table = np.random.default_rng(0).normal(size=(4, 6))
    first, again, other = (ranking.bootstrap_interval(table, np.random.default_rng(s)) for s in (1, 1, 2))
    assert first == again != other
    assert first[0] < ranking.interquartile_mean(table) < first[1]


def test_bootstrap_of_one_seed_is_none():
    rng = np.random.default_rng(0)
    assert ranking.bootstrap_interval([[1.0], [2.0], [3.0]], rng) is None
    assert ranking.bootstrap_interval([], rng) is None


def test_bootstrap_draws_graphs_before_seeds():
    # Both resampled graphs are the low one in a quarter of the resamples: the interval reaches both levels,
    # where one over the pooled lineages would not.
    table = [[0.0] * 20, [1.0] * 20]
    assert ranking.bootstrap_interval(table, np.random.default_rng(0)) == [0.0, 1.0]
    pooled = ranking.bootstrap_interval([[0.0] * 20 + [1.0] * 20], np.random.default_rng(0))
    assert 0.0 < pooled[0] < pooled[1] < 1.0


def test_bootstrap_takes_graphs_of_unequal_size():
    samples = ranking.resample([[5.0], [5.0, 5.0, 5.0], []], np.random.default_rng(0), 100)
    assert samples.shape == (100,)
    assert (samples == 5.0).all()


def test_bootstrap_spread_is_the_standard_error():
    values = np.random.default_rng(0).normal(size=(1, 400))
    samples = ranking.resample(values, np.random.default_rng(1))
    # The interquartile mean of normal scores has about 1.09 times the standard error of the mean.
    assert samples.std() == pytest.approx(1.09 / np.sqrt(400), rel=0.15)


# --- comparisons --------------------------------------------------------------------------------------


def test_compare_pairs_by_seed_and_corrects_over_tasks():
    low = [[0.0, 5.0, 9.0], [1.0, 6.0, 10.0]]
    high = [[1.0, 7.0, 12.0], [2.0, 8.0, 13.0]]  # above by 1, 2 and 3 in the three seeds
    rows = ranking.compare({t: {"high": scores(high), "low": scores(low)} for t in ("x", "y")}, seed=0)
    (row,) = rows["x"]
    assert (row["a"], row["b"]) == ("high", "low")
    assert row["difference"] == pytest.approx(7.25 - 5.25)
    assert row["p"] == 0.25
    assert row["p_holm"] == 0.5  # two comparisons in the run
    assert row["ci95"][0] < 2.0 < row["ci95"][1]


def test_compare_decides_nothing_however_clear():
    rows = ranking.compare({"x": {"a": scores([range(100, 112)]), "b": scores([range(12)])}}, seed=0)
    assert rows["x"][0]["p_holm"] < 0.001
    assert rows["x"][0]["probability_of_improvement"] == 1.0
    assert rows["x"][0]["verdict"] == "inconclusive"
    assert ranking.RUN_VERDICT == "exploratory"


def test_compare_does_not_depend_on_rivals():
    rng = np.random.default_rng(0)
    genomes = {label: scores(rng.normal(size=(2, 3))) for label in "abc"}
    two = ranking.compare({"x": {k: genomes[k] for k in "ac"}}, seed=4)["x"][0]
    three = ranking.compare({"x": genomes}, seed=4)["x"][1]
    assert two["ci95"] == three["ci95"]
    assert two["ci95"] != ranking.compare({"x": genomes}, seed=5)["x"][1]["ci95"]


def test_compare_leaves_out_genomes_without_scores_and_intervals_of_one_seed():
    rows = ranking.compare({"x": {"a": scores([[1.0]]), "none": {}, "b": scores([[2.0]])}}, seed=0)["x"]
    assert len(rows) == 1
    assert rows[0]["ci95"] is None and rows[0]["p"] is None and rows[0]["p_holm"] is None


# --- learning -----------------------------------------------------------------------------------------


def test_learning_area_is_the_mean_over_known_generations():
    assert ranking.learning_area([1.0, None, 3.0]) == 2.0
    assert ranking.learning_area([None]) is None


def test_learning_curve_ends_where_the_shortest_lineage_does():
    curve = ranking.learning_curve([[(10, 1.0), (20, 3.0), (30, 9.0)], [(10, 3.0), (20, None)]])
    assert curve.evaluations.tolist() == [10, 20]
    assert curve.mean.tolist() == [2.0, 3.0]
    assert (curve.low.tolist(), curve.high.tolist()) == ([1.0, 3.0], [3.0, 3.0])
    assert ranking.learning_curve([[(10, None)]]) is None
    assert ranking.learning_curve([]) is None
