"""Running normalisation of observations: against NumPy's mean and variance of all of them."""

from __future__ import annotations

import numpy as np

from neuroevo.network.normalisation import LIMIT, Moments, Normaliser, Statistics

S = 3


def met(observed: np.ndarray, statistics: Statistics, counted: np.ndarray | None = None) -> Moments:
    """What a normaliser counts of observations [T, G, B, S] of one lineage."""
    steps, genomes, episodes, _ = observed.shape
    normaliser = Normaliser([statistics], [genomes])
    for t in range(steps):
        which = np.full(genomes * episodes, True) if counted is None else counted[t].ravel()
        normaliser.apply(observed[t].reshape(-1, S), which)
    return normaliser.moments()


def test_statistics_are_numpys_of_all_observations() -> None:
    rng, statistics, everything = np.random.default_rng(0), Statistics.none(S), []
    for generation in range(4):
        observed = rng.normal([1e6, 0, -3], [1e-2, 5, 1e3], (7, 4, 2, S))
        observed[..., 1] = generation  # a sensor that stands still at first
        counted = rng.random((7, 4, 2)) < 0.8
        everything.append(observed[counted])
        statistics = statistics.merged(met(observed, statistics, counted))
        seen = np.concatenate(everything)
        assert statistics.count == len(seen)
        np.testing.assert_allclose(statistics.mean, seen.mean(0), rtol=1e-12)
        np.testing.assert_allclose(statistics.squares / statistics.count, seen.var(0), rtol=1e-6)
    sensed = Normaliser([statistics], [1]).apply(seen)
    np.testing.assert_allclose(sensed, ((seen - seen.mean(0)) / seen.std(0)).clip(-10, 10), atol=1e-3)


def test_sums_do_not_depend_on_the_batch() -> None:
    observed = np.random.default_rng(0).normal(size=(5, 6, 4, S))
    whole = met(observed, Statistics.none(S))
    parts = [met(observed[:, rows], Statistics.none(S)) for rows in (slice(0, 1), slice(1, 4), slice(4, 6))]
    for ours, theirs in zip(Moments.join(parts), whole, strict=True):
        assert np.array_equal(ours, theirs)


def test_lineages_have_statistics_of_their_own() -> None:
    a = Statistics(1.0, np.zeros(S), np.ones(S))
    b = Statistics(4.0, np.ones(S), np.full(S, 16.0))
    sensed = Normaliser([a, b], [1, 2]).apply(np.full((6, S), 3.0))  # three genomes, two episodes each
    assert sensed[:, 0].tolist() == [3, 3, 1, 1, 1, 1] and sensed.dtype == np.float32


def test_sensor_that_stands_still_is_centred_and_others_are_cut_off() -> None:
    still = Statistics(10.0, np.array([5.0, 1e9, 0.0]), np.array([0.0, 1e-6, 1.0]))
    sensed = Normaliser([still], [1]).apply(np.array([[5.5, 1e9 + 2, 1e9]]))
    assert sensed.tolist() == [[0.5, 2.0, LIMIT]]


def test_what_is_not_finite_is_not_counted_and_stays_to_be_told() -> None:
    observed = np.ones((2, 1, 2, S))
    observed[1, 0, 0, 1], observed[1, 0, 1, 2] = np.nan, np.inf
    moments = met(observed, Statistics.none(S))
    assert moments.counts.tolist() == [[2]] and np.isfinite(moments.squares).all()
    assert np.isnan(Normaliser([Statistics.none(S)], [1]).apply(observed[1, 0])[0, 1])


def test_statistics_of_nothing_change_nothing() -> None:
    none = Statistics.none(S)
    observed = np.array([[1.0, -2.0, 0.5]])
    assert Normaliser([none], [1]).apply(observed).tolist() == observed.tolist()
    nothing = Normaliser([none], [2]).moments()
    assert nothing.counts.shape == (1, 2) and none.merged(nothing).count == 0
    once = none.merged(met(observed[None, None], none))
    again = once.merged(nothing)
    assert again.count == 1 and np.array_equal(again.mean, observed[0]) and not again.squares.any()


def test_statistics_are_read_back_to_the_bit() -> None:
    rng = np.random.default_rng(0)
    statistics = Statistics(3.0, rng.normal(size=S), rng.random(S))
    for again in (
        Statistics.from_dict(statistics.to_dict()),
        Statistics.from_arrays(statistics.to_arrays()),
    ):
        assert again is not None and again.count == 3.0
        assert np.array_equal(again.mean, statistics.mean)
        assert np.array_equal(again.squares, statistics.squares)
    assert Statistics.from_arrays({"other": rng.random(S)}) is None
