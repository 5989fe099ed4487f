"""Shares of a difference: Fieller's interval where there is a formula, coverage by simulation where not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neuroevo.referee.estimators import contrast
from neuroevo.referee.shares import Means

WHOLE, PART = np.array([1.0, -1.0, 0.0]), np.array([0.0, -1.0, 1.0])  # of exact, null, transplant


def scores(table: np.ndarray) -> dict[tuple[int, int], float]:
    return {(g, s): float(table[g, s]) for g in range(table.shape[0]) for s in range(table.shape[1])}


def means(*tables: np.ndarray) -> Means:
    of_all = Means.of([scores(table) for table in tables])
    assert of_all is not None
    return of_all


def test_scores_of_any_size_have_the_same_shares() -> None:
    rng = np.random.default_rng(5)
    tables = [rng.normal(mean, 0.3, (k, 6)) for mean, k in ((3, 1), (0, 9), (1, 9))]
    usual = means(*tables).share(PART, WHOLE)
    for size in (1e-120, 1e-9, 1e90):
        other = means(*(table * size for table in tables))
        assert other.share(PART, WHOLE) == (pytest.approx(usual[0]), pytest.approx(usual[1]))
        assert float(other.mean[0]) * other.scale == pytest.approx(float(tables[0].mean()) * size)


def test_interval_of_single_wirings_is_fiellers() -> None:
    rng = np.random.default_rng(0)
    exact, null, other = (rng.normal(mean, 0.5, (1, 8)) for mean in (3.0, 0.0, 1.0))
    share, ci95 = means(exact, null, other).share(PART, WHOLE) or (None, None)
    a, b = (other - null)[0], (exact - null)[0]
    covariance, t = np.cov(a, b, ddof=1) / 8, stats.t.isf(0.025, 7)
    g = t**2 * covariance[1, 1] / b.mean() ** 2
    ratio = a.mean() / b.mean()
    centre = ratio - g * covariance[0, 1] / covariance[1, 1]
    left = covariance[0, 0] - 2 * ratio * covariance[0, 1] + ratio**2 * covariance[1, 1]
    left -= g * (covariance[0, 0] - covariance[0, 1] ** 2 / covariance[1, 1])
    half = t / b.mean() * np.sqrt(left)
    assert share == pytest.approx(ratio)
    assert ci95 == pytest.approx(((centre - half) / (1 - g), (centre + half) / (1 - g)), abs=1e-9)


def test_test_of_a_share_of_families_is_that_of_their_contrast() -> None:
    rng = np.random.default_rng(1)
    seeds = rng.normal(0, 1, 6)
    tables = [
        m + rng.normal(0, 0.7, (9, 1)) + seeds * w + rng.normal(0, 1, (9, 6)) for m, w in ((0, 1), (2, 2))
    ]
    of_two = means(*tables)
    test = contrast(*map(scores, tables))
    assert test is not None and test.kind == "graphs"
    assert of_two.p(np.array([1.0, -1.0])) == pytest.approx(test.p, rel=1e-9)
    error, df = of_two.error(np.array([1.0, -1.0]))
    assert ((error * of_two.scale) ** 2, df) == pytest.approx((test.variance, test.df))


def test_shares_of_effects_that_add_are_exact_and_add_up() -> None:
    seeds = np.linspace(0, 1, 10)
    exact, null, first, second = (np.full((k, 10), m) + seeds for k, m in ((1, 5), (8, 1), (8, 2), (8, 4)))
    of_all = means(exact, null, first, second)
    whole = np.array([1.0, -1, 0, 0])
    parts = [np.array([0.0, -1, 1, 0]), np.array([0.0, -1, 0, 1])]
    shares = [(of_all.share(part, whole) or (None,))[0] for part in parts]
    assert shares == pytest.approx([0.25, 0.75])
    assert of_all.share(sum(parts), whole) == (pytest.approx(1.0), pytest.approx((1.0, 1.0)))


def test_a_difference_that_is_not_told_gives_no_end() -> None:
    rng = np.random.default_rng(2)
    tables = [rng.normal(0, 1, (k, 5)) for k in (1, 10, 10)]
    share, ci95 = means(*tables).share(PART, WHOLE) or (None, None)
    assert share is not None and ci95 is None
    assert means(*[np.ones((k, 5)) for k in (1, 10, 10)]).share(PART, WHOLE) is None
    assert Means.of([scores(table[:, :1]) for table in tables]) is None


def drawn(
    rng: np.random.Generator, kind: str, share: float, num_graphs: int
) -> tuple[list[np.ndarray], float]:
    """Tables of exact wiring, null and transplant, and the true share."""
    if kind == "solve":  # a graph solves the task or does not; the exact wiring does
        tables = [
            (rng.random((num_graphs, 1)) < p) + rng.normal(0, 0.02, (num_graphs, 5)) for p in (0, share)
        ]
        return [1 + rng.normal(0, 0.02, (1, 5)), *tables], share
    seeds, tables = rng.normal(0, 1, 5), []
    for mean, graphs in ((5.0, 1), (0.0, num_graphs), (5 * share, num_graphs)):
        effect = rng.exponential(1, (graphs, 1)) - 1 if kind == "skew" else rng.normal(0, 1, (graphs, 1))
        own = seeds + rng.normal(0, 0.3, 5) + rng.normal(0, 1, (graphs, 5))
        tables.append(mean + (effect if graphs > 1 else 0) + own)
    return tables, share


@pytest.mark.parametrize("num_graphs", [7, 10])
@pytest.mark.parametrize(
    ("kind", "share"),
    [("normal", 0.0), ("normal", 1.0), ("skew", 0.0), ("solve", 0.5), ("solve", 0.9), ("solve", 0.1)],
)
def test_intervals_cover(kind: str, share: float, num_graphs: int) -> None:
    rng, num_tables, num_covered = np.random.default_rng(3), 200, 0
    for _ in range(num_tables):
        tables, true = drawn(rng, kind, share, num_graphs)
        of_all = means(*tables)
        if kind == "solve":
            of_all = of_all.guarded(1.0 / of_all.scale)
        _, ci95 = of_all.share(PART, WHOLE) or (None, None)
        num_covered += ci95 is None or ci95[0] <= true <= ci95[1]
    # 95 % would be missed by as much as this in 1 of 1,000 tests.
    assert num_covered >= stats.binom.ppf(0.001, num_tables, 0.95)


def test_guard_widens_only_what_graphs_say_too_little_of() -> None:
    rng = np.random.default_rng(4)
    alike = [np.full((k, 5), m) + rng.normal(0, 0.02, (k, 5)) for k, m in ((1, 1), (10, 0), (10, 0))]
    of_all = means(*alike)
    assert of_all.unlike * of_all.scale < 0.1
    before, after = (
        (x.share(PART, WHOLE) or (0, None))[1] for x in (of_all, of_all.guarded(1.0 / of_all.scale))
    )
    assert before is not None and after is not None
    assert before[1] - before[0] < 0.1 < 0.25 < after[1] < 0.5
    assert of_all.guarded(1.0 / of_all.scale).over_graphs[0] == 0  # the exact wiring is no sample of graphs
    solving = [*alike[:2], (np.arange(10) < 5)[:, None] + alike[2]]
    of_all = means(*solving)
    assert of_all.unlike * of_all.scale == pytest.approx(0.5, abs=0.05)
