"""Learning: areas, curves, thresholds, and times that are censored."""

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
