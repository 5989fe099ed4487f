"""Estimates: hand-worked values, published formulas, SciPy's own tests, and what graphs and seeds add."""

import math

import numpy as np
import pytest
from scipy import stats

from neuroevo.referee import estimators
from neuroevo.referee.estimators import contrast, permutation_test
from neuroevo.referee.intervals import interval


def scores(table) -> dict[tuple[int, int], float]:
    """Returns a table [graph][seed] as (graph, seed) -> score; None is no score."""
    return {(g, s): float(x) for g, row in enumerate(table) for s, x in enumerate(row) if x is not None}


def drawn(seed, num_graphs, num_seeds=6, between=1.0) -> dict[tuple[int, int], float]:
    rng = np.random.default_rng(seed)
    return scores(rng.normal(size=(num_graphs, num_seeds)) + between * rng.normal(size=(num_graphs, 1)))


# --- interquartile mean and its interval --------------------------------------------------------------


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
    assert estimators.interquartile_mean(values) == expected


def test_interquartile_mean_of_nothing_is_none():
    assert estimators.interquartile_mean([]) is None


@pytest.mark.parametrize("size", [*range(1, 41), 50, 99, 100, 101, 360, 1_000])
def test_interquartile_mean_is_the_trimmed_mean_of_rliable(size):
    values = np.random.default_rng(size).normal(size=size)
    expected = stats.trim_mean(values, proportiontocut=0.25, axis=None)  # rliable.metrics.aggregate_iqm
    assert estimators.interquartile_mean(values) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_interquartile_mean_has_the_same_digits_in_whatever_order_scores_come():
    rng = np.random.default_rng(0)
    values = rng.normal(size=360)
    assert len({estimators.interquartile_mean(rng.permutation(values)) for _ in range(20)}) == 1
    # which SciPy's function alone does not do:
    assert len({stats.trim_mean(rng.permutation(values), 0.25) for _ in range(20)}) > 1


def test_interval_of_one_graph_is_that_of_tukey_and_mclaughlin():
    # Of ten, 0 and 1 become 2, and 8 and 9 become 7.
    bounds = interval(scores([[8.0, 1.0, 7.0, 2.0, 6.0, 3.0, 5.0, 4.0, 0.0, 9.0]]))
    winsorised = np.array([2, 2, 2, 3, 4, 5, 6, 7, 7, 7.0])
    squares = float(((winsorised - winsorised.mean()) ** 2).sum())
    assert squares == 42.5
    half = stats.t.ppf(0.975, 5) * math.sqrt(squares / (6 * 5))  # h = 6 scores are kept
    assert bounds == pytest.approx([4.5 - half, 4.5 + half])


def test_interval_of_many_graphs_is_that_of_their_means_where_seeds_say_nothing():
    table = np.arange(12.0)[:, None] + np.zeros(4)  # of 48 scores twelve are cut at each end: three graphs
    low, high = interval(scores(table))
    influence = np.clip(table, 3.0, 8.0) * 48 / 24
    half = stats.t.ppf(0.975, 11) * influence[:, 0].std(ddof=1) / math.sqrt(12)
    assert (low, high) == pytest.approx((5.5 - half, 5.5 + half))


def test_interval_needs_two_seeds():
    assert interval(scores([[float(k)] for k in range(20)])) is None


@pytest.mark.parametrize(("num_graphs", "num_seeds"), [(1, 9), (9, 20), (2, 50)])
def test_interval_needs_ten_graphs_or_ten_seeds_of_one(num_graphs, num_seeds):
    assert interval(drawn(0, num_graphs, num_seeds)) is None
    assert interval(drawn(0, 1 if num_graphs == 1 else 10, 10)) is not None


def test_interval_of_equal_scores_is_none():
    assert interval(scores([[1.0] * 10])) is None


def test_interval_follows_the_share_of_lineages_that_learn():
    """Of twenty lineages four learn: by Clopper and Pearson 6 to 44 in a hundred would."""
    share = stats.binomtest(4, 20).proportion_ci()
    assert share.low < 0.25  # and then the middle half is all zeros
    assert interval(scores([[1.0] * 4 + [0.0] * 16])) == pytest.approx((0.0, (share.high - 0.25) / 0.5))


def test_interval_of_lineages_alike_within_a_graph_counts_graphs():
    """Ten lineages a graph that all do the same are worth one each."""
    alike = scores(np.array([1.0] * 3 + [0.0] * 7)[:, None] + np.zeros(10))
    share = stats.binomtest(3, 10).proportion_ci().high
    assert interval(alike)[1] >= (share - 0.25) / 0.5 - 1e-12


@pytest.mark.parametrize("size", [1e-200, 1e155, 1e300])
def test_scores_of_any_size_are_compared_as_others_are(size):
    plain, scaled = [], []
    for seed, k in ((5, 12), (6, 11)):
        plain.append(drawn(seed, k, 10))
        scaled.append({key: x * size for key, x in plain[-1].items()})
    with np.errstate(all="raise"):
        assert contrast(*scaled).p == pytest.approx(contrast(*plain).p)
        assert interval(scaled[0])[1] == pytest.approx(interval(plain[0])[1] * size)
    p = [permutation_test(*tables, np.random.default_rng(0)) for tables in (plain, scaled)]
    assert p[0] == p[1]


def test_interval_is_wider_where_graphs_differ():
    def width(between: float) -> float:
        low, high = interval(drawn(0, 10, 10, between))
        return high - low

    assert width(3.0) > 2 * width(0.0)


# --- contrasts ----------------------------------------------------------------------------------------


def test_contrast_of_two_wirings_is_the_paired_t_test():
    a, b = np.random.default_rng(1).normal(size=(2, 9))
    measured = contrast(scores([a]), scores([b]))
    expected = stats.ttest_rel(a, b)
    assert measured.kind == "seeds"
    assert measured.p == pytest.approx(expected.pvalue)
    assert measured.ci95 == pytest.approx(list(expected.confidence_interval(0.95)))


def test_contrast_of_families_is_welch_on_graph_means_where_seeds_say_nothing():
    a, b = [1.0, 4.0, 2.0, 3.5], [2.0, 2.5, 6.0]
    measured = contrast(scores([[x] * 30 for x in a]), scores([[x] * 30 for x in b]))
    expected = stats.ttest_ind(a, b, equal_var=False)
    assert measured.kind == "graphs"
    assert measured.df == pytest.approx(expected.df)
    assert measured.p == pytest.approx(expected.pvalue)


def test_contrast_of_one_wiring_asks_whether_it_is_one_more_of_the_family():
    family, one = [1.0, 4.0, 2.0, 3.5], 9.0
    measured = contrast(scores([[one] * 30]), scores([[x] * 30 for x in family]))
    spread = np.std(family, ddof=1) * math.sqrt(1 + 1 / 4)
    assert measured.kind == "one wiring"
    assert measured.p == pytest.approx(2 * stats.t.sf((one - np.mean(family)) / spread, 3))


def test_contrast_adds_what_seeds_do_to_a_whole_prior():
    # Graphs agree; the seed moves all of a's graphs together and none of b's.
    shift = np.array([1.0, -1.0, 2.0, -2.0, 0.0])
    a, b = np.tile(shift, (4, 1)), np.zeros((4, 5))
    measured = contrast(scores(a + 1), scores(b))
    assert measured.p == pytest.approx(stats.ttest_1samp(shift + 1, 0).pvalue, rel=0.2)
    assert measured.variance == pytest.approx(shift.var(ddof=1) / 5)


def test_contrast_cancels_what_seeds_do_to_both():
    shared = 100 * np.random.default_rng(2).normal(size=6)
    plain = contrast(drawn(3, 4), drawn(4, 5))
    moved = contrast(
        *({key: x + shared[key[1]] for key, x in drawn(seed, k).items()} for seed, k in ((3, 4), (4, 5)))
    )
    assert moved.difference == pytest.approx(plain.difference)
    assert moved.variance == pytest.approx(plain.variance)


@pytest.mark.parametrize(("k", "m"), [(1, 1), (1, 4), (4, 1), (3, 5)])
def test_contrast_is_antisymmetric_and_free_of_origin_and_unit(k, m):
    a, b = drawn(5, k), drawn(6, m)
    there, back = contrast(a, b), contrast(b, a)
    assert back.difference == pytest.approx(-there.difference)
    assert back.p == pytest.approx(there.p)
    assert back.p_below == pytest.approx(there.p_above)
    scaled = contrast(*({key: 7 + 1000 * x for key, x in t.items()} for t in (a, b)))
    assert scaled.p == pytest.approx(there.p)
    assert scaled.ci95 == pytest.approx([1000 * x for x in there.ci95])


def test_contrast_does_not_depend_on_the_numbers_of_graphs_and_seeds():
    a, b = drawn(7, 4), drawn(8, 3)
    moved = [{(90 - g, 50 + 3 * s): x for (g, s), x in t.items()} for t in (a, b)]
    assert contrast(*moved).p == pytest.approx(contrast(a, b).p)


def test_contrast_uses_the_seeds_that_both_have():
    a, b = drawn(9, 3), drawn(10, 3)
    more = {**b, **{(g, 50 + s): 1e6 for g in range(3) for s in range(4)}}
    assert contrast(a, more) == contrast(a, b)


def test_contrast_needs_two_seeds_that_both_have():
    assert contrast(scores([[1.0]]), scores([[2.0]])) is None
    assert contrast({(0, 0): 1.0, (0, 1): 2.0}, {(0, 2): 1.0, (0, 3): 2.0}) is None


def test_contrast_copes_with_missing_scores():
    table = np.random.default_rng(11).normal(size=(5, 8))
    holes = table.astype(object)
    holes[0, 0] = holes[3, 5] = None
    whole, part = contrast(scores(table), drawn(12, 4, 8)), contrast(scores(holes), drawn(12, 4, 8))
    assert math.isfinite(part.p)
    assert part.difference == pytest.approx(whole.difference, abs=0.2)
    assert 0.5 < part.variance / whole.variance < 2


def test_scores_without_spread_say_no_more_than_their_number():
    high, low = scores([[2.0] * 6]), scores([[1.0] * 6])
    assert contrast(high, low).p == pytest.approx(2 / 2**6)  # as flips of signs
    assert contrast(high, high).p == 1.0
    family = scores([[0.1 + 0.2] * 5, [0.3] * 5, [0.3] * 5])  # equal but for rounding
    assert contrast(scores([[0.3] * 5]), family).p == 1.0


def test_equivalence_is_two_one_sided_tests():
    a, b = np.random.default_rng(13).normal(size=(2, 12))
    measured = contrast(scores([a]), scores([b]))
    ends = [
        stats.ttest_1samp(a - b, -0.5, alternative="greater").pvalue,
        stats.ttest_1samp(a - b, 0.5, alternative="less").pvalue,
    ]
    assert measured.p_equivalence(0.5) == pytest.approx(max(ends))
    assert measured.p_equivalence(100.0) < 1e-6


# --- partners that assume no distribution -------------------------------------------------------------


def test_permutation_of_seeds_is_that_of_scipy():
    a, b = np.random.default_rng(14).normal(size=(2, 8))
    expected = stats.permutation_test(
        (a - b,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=False
    ).pvalue
    p = permutation_test(scores([a]), scores([b]), np.random.default_rng(0))
    assert p == pytest.approx(expected)


def test_permutation_of_graphs_is_that_of_scipy():
    a, b = drawn(15, 4), drawn(16, 5)
    means = [estimators.table_of(t).mean(1) for t in (a, b)]
    expected = stats.permutation_test(
        means,
        lambda x, y: abs(x.mean() - y.mean()),
        n_resamples=np.inf,
        alternative="greater",
        vectorized=False,
    ).pvalue
    assert permutation_test(a, b, np.random.default_rng(0)) == pytest.approx(expected)


def test_rank_of_a_wiring_among_graphs():
    family = scores([[float(k)] * 3 for k in range(9)])
    best, middle = scores([[10.0] * 3]), scores([[4.5] * 3])
    assert permutation_test(best, family, np.random.default_rng(0)) == pytest.approx(2 / 10)
    assert permutation_test(middle, family, np.random.default_rng(0)) == 1.0
    assert estimators.rank_p(10.0, np.arange(9)) == 0.1
    assert estimators.rank_p(3.0, np.arange(9)) == 0.7  # 3 ties with itself, 4 to 8 are above


def test_drawn_permutations_come_from_the_generator_and_never_give_zero():
    a, b = scores([np.arange(20.0) + 100]), scores([np.arange(20.0)])
    p_values = [permutation_test(a, b, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert p_values[0] == p_values[1]
    assert 0 < p_values[0] <= 1e-3


def test_probability_of_improvement_counts_ties_half():
    # Of nine pairs: 1 beats 0; 2 beats 0 and ties twice; 3 beats all: 1 + 2 + 3.
    assert estimators.probability_of_improvement([1, 2, 3], [2, 2, 0]) == pytest.approx(6 / 9)
    assert estimators.probability_of_improvement([1, 1], [1]) == 0.5


def test_probability_of_improvement_is_the_published_formula():
    rng = np.random.default_rng(0)
    a, b = rng.integers(5, size=13), rng.integers(5, size=8)
    # Agarwal et al. (2021), eq. 1: the mean over pairs of S = 1, 1/2 or 0
    pairs = [1.0 if x > y else 0.5 if x == y else 0.0 for x in a for y in b]
    assert estimators.probability_of_improvement(a, b) == pytest.approx(np.mean(pairs))
    assert np.mean(pairs) == pytest.approx(stats.mannwhitneyu(a, b).statistic / (13 * 8))


def test_holm_steps_down():
    # 0.01 * 4, then 0.02 * 3, then max(that, 0.03 * 2), then 0.5
    assert estimators.holm([0.03, 0.01, None, 0.5, 0.02]) == pytest.approx([0.06, 0.04, None, 0.5, 0.06])
    assert estimators.holm([0.9, 0.8]) == [1.0, 1.0]
    assert estimators.holm([]) == []


@pytest.mark.parametrize("size", [1, 2, 3, 5, 10, 28, 190])
def test_holm_is_the_rule_as_it_was_published(size):
    """Hypotheses are rejected in ascending order of p while p <= level / number left; then none is (1979)."""
    rng = np.random.default_rng(size)
    p_values = np.round(rng.uniform(size=size) ** 3, 3)  # small ones, and ties
    corrected = estimators.holm(p_values.tolist())
    for level in [*np.unique(corrected), *rng.uniform(size=20)]:
        rejected = set()
        for step, i in enumerate(np.argsort(p_values, kind="stable")):
            if p_values[i] * (size - step) > level:
                break
            rejected.add(i)
        assert {i for i, p in enumerate(corrected) if p <= level} == (
            rejected if level < 1 else set(range(size))
        )


def test_median_time_with_censored_lineages():
    assert estimators.median_time([10, 20, 30, 40], [True] * 4) == 20
    assert estimators.median_time([10, 20, 40, 40], [True, True, False, False]) == 20
    assert estimators.median_time([10, 40, 40, 40], [True, False, False, False]) is None
    # Kaplan & Meier by hand: 1 at 10 of 5 (0.8); one lost at 15; 1 of 3 at 20 (0.533); 1 of 2 at 30 (0.267)
    assert estimators.median_time([10, 15, 20, 30, 40], [True, False, True, True, False]) == 30


@pytest.mark.parametrize("num_graphs", [(1, 1), (30, 40)], ids=["flipped", "dealt"])
def test_rearrangements_are_the_same_however_many_are_drawn_at_once(num_graphs, monkeypatch):
    a, b = (drawn(k, number, num_seeds=20) for k, number in enumerate(num_graphs))
    whole = permutation_test(a, b, np.random.default_rng(0))
    monkeypatch.setattr(estimators, "MOST_TERMS", 999)
    assert permutation_test(a, b, np.random.default_rng(0)) == whole
    assert permutation_test(a, b, np.random.default_rng(1)) != whole
