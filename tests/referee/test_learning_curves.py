"""Learning: areas, curves, thresholds, and times that are censored."""

import numpy as np
import pytest

from neuroevo.referee import learning_curves
from neuroevo.referee.learning_curves import TimeToThreshold


def test_learning_area_is_the_mean_over_known_generations():
    assert learning_curves.learning_area([1.0, None, 3.0]) == 2.0
    assert learning_curves.learning_area([None]) is None


def test_learning_curve_ends_where_the_shortest_lineage_does():
    curve = learning_curves.learning_curve([[(10, 1.0), (20, 3.0), (30, 9.0)], [(10, 3.0), (20, None)]])
    assert curve.evaluations.tolist() == [10, 20]
    assert curve.mean.tolist() == [2.0, 3.0]
    assert (curve.low.tolist(), curve.high.tolist()) == ([1.0, 3.0], [3.0, 3.0])
    assert learning_curves.learning_curve([[(10, None)]]) is None
    assert learning_curves.learning_curve([]) is None


def test_threshold_lies_nine_tenths_of_the_way_to_the_best():
    slow = [[(10, 0.0), (20, 1.0), (30, 2.0)]] * 3
    fast = [[(10, 0.0), (20, 8.0), (30, 10.0)]] * 3
    level = learning_curves.threshold([slow, fast])
    assert level == pytest.approx(9.0)
    assert learning_curves.time_to(fast, level) == TimeToThreshold(level, 30, 3, 3)
    assert learning_curves.time_to(slow, level) == TimeToThreshold(level, None, 0, 3)


def test_nothing_learned_has_no_threshold():
    assert learning_curves.threshold([[[(10, 1.0), (20, 1.0)]], [[(10, 1.0), (20, 0.5)]]]) is None
    assert learning_curves.threshold([[[(10, None)]], []]) is None


def test_time_counts_the_first_reach_and_skips_what_is_not_finite():
    tracks = [[(10, None), (20, 5.0), (30, 1.0)], [(10, 1.0), (20, 2.0)], [(10, 6.0)], []]
    time = learning_curves.time_to(tracks, 5.0)
    assert (time.reached, time.of, time.median) == (2, 3, 20)


def curves(shape, noise=0.0, num_lineages=8, num_generations=40):
    """Returns lineages whose fitness is a shape of time in 0..1, with noise, each at a level of its own."""
    rng = np.random.default_rng(0)
    time = np.linspace(0, 1, num_generations)
    levels = 0.1 * rng.normal(size=num_lineages)
    table = shape(time) + (levels[:, None] + noise * rng.normal(size=(num_lineages, num_generations)))
    return [[(10.0 * k, float(x)) for k, x in enumerate(row)] for row in table]


@pytest.mark.parametrize(
    ("shape", "noise", "kind", "share"),
    [
        (lambda t: t, 0.0, "rising", 0.25),  # a straight line brings a quarter of its gain there
        (lambda t: 1 - np.exp(-2 * t), 0.0, "rising", 0.10),
        (lambda t: 1 - np.exp(-8 * t), 0.0, "flat", 0.002),
        (lambda t: np.minimum(1, 2 * t), 0.02, "flat", 0.0),
        (lambda t: 0.1 * np.minimum(1, 2 * t), 0.5, "unclear", None),  # noise hides what there is
        (lambda t: 0 * t, 0.0, "flat", None),
        (lambda t: -t, 0.0, "flat", None),  # what falls learns no more
    ],
)
def test_curves_are_flat_or_rising_by_what_their_last_quarter_brought(shape, noise, kind, share):
    slope = learning_curves.slope(curves(shape, noise))
    assert slope.kind == kind
    if share is not None:
        assert slope.share == pytest.approx(share, abs=0.02)


def test_what_is_still_learned_must_be_less_than_the_spread_of_lineages_to_be_flat():
    learned = [[(k, 100.0 * min(1, k / 30) + 0.1 * max(0, k - 30)) for k in range(40)] for _ in range(4)]
    assert learning_curves.slope(learned).kind != "flat"  # 1 of 100, but all lineages still learn it
    apart = [[(at, y + 10 * k) for at, y in track] for k, track in enumerate(learned)]
    assert learning_curves.slope(apart).kind == "flat"


@pytest.mark.parametrize("tracks", [[], curves(lambda t: t, num_lineages=1), curves(lambda t: t)[:0]])
def test_slope_of_one_lineage_or_of_none_is_not_known(tracks):
    assert learning_curves.slope(tracks) is None


def test_slope_of_few_generations_is_not_known_and_gaps_are_left_out():
    assert learning_curves.slope(curves(lambda t: t, num_generations=11)) is None
    gaps = curves(lambda t: t)
    gaps[0][5] = (50.0, None)
    assert learning_curves.slope(gaps).kind == "rising"
    assert learning_curves.slope([[(k, None) for k in range(40)]] * 3) is None


def test_slope_does_not_depend_on_the_unit():
    kinds = []
    for scale in (1e-90, 1.0, 1e99):
        tracks = [
            [(at, scale * y) for at, y in track] for track in curves(lambda t: 1 - np.exp(-2 * t), 0.01)
        ]
        kinds.append(learning_curves.slope(tracks).share)
    assert kinds == pytest.approx([kinds[0]] * 3)
