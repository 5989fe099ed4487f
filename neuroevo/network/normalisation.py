"""Running normalisation of observations: a lineage senses them less their mean, over their deviation.

Statistics are of all observations that a lineage's genomes have met in the generations behind it, and stand
still within one. Those of an episode are taken step by step, as Welford (1962) does, and put together as
Chan, Golub & LeVeque (1983) do, which loses no digits where the mean is large: first the episodes of a
genome, then the genomes of a population, in order. So they do not depend on where a genome is evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypedDict

import numpy as np

LIMIT = 10.0  # of what is sensed, either way
STILL = 1e-12  # a deviation below this share of the mean, or of 1, is none: the sensor is only centred


class StatisticsJson(TypedDict):
    """Statistics as plain JSON types, under the names of the attributes of `Statistics`."""

    count: float
    mean: list[float]
    squares: list[float]


class Moments(NamedTuple):
    """Statistics of the observations of each of some genomes of R lineages.

    Attributes:
        counts: Of how many, float64 [R, p].
        mean: Their mean, float64 [R, p, S].
        squares: Sum of the squares of their deviations from it, float64 [R, p, S].
    """

    counts: np.ndarray
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def join(cls, parts: Sequence[Moments]) -> Moments:
        """Returns the statistics of whole populations from those of their parts.

        Args:
            parts: Those of the parts, in order.
        """
        return cls(*(np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True)))


@dataclass(frozen=True, eq=False)
class Statistics:
    """Mean and variance of observations.

    Attributes:
        count: Of how many.
        mean: Their mean, float64 [S].
        squares: Sum of the squares of their deviations from it, float64 [S].
    """

    count: float
    mean: np.ndarray
    squares: np.ndarray

    @cached_property
    def scale(self) -> np.ndarray:
        """What deviations from the mean are multiplied with, float64 [S]."""
        deviation = np.sqrt(self.squares / max(self.count, 1.0))
        varies = deviation > STILL * np.maximum(1.0, np.abs(self.mean))
        return 1.0 / np.where(varies, deviation, 1.0)

    @classmethod
    def none(cls, num_sensors: int) -> Statistics:
        """Returns statistics of no observations, which leave everything as it is.

        Args:
            num_sensors: S.
        """
        return cls(0.0, np.zeros(num_sensors), np.zeros(num_sensors))

    def merged(self, moments: Moments, lineage: int = 0) -> Statistics:
        """Returns the statistics with further observations.

        Args:
            moments: Those of the genomes of R lineages.
            lineage: Which of these lineages, from 0.
        """
        count, mean, squares = np.array([[self.count]]), self.mean[None], self.squares[None]
        for genome in zip(*(x[lineage] for x in moments), strict=True):
            count, mean, squares = _merged(
                count, mean, squares, *(x[None] for x in map(np.atleast_1d, genome))
            )
        return Statistics(float(count[0, 0]), mean[0], squares[0])

    def to_dict(self) -> StatisticsJson:
        """Returns plain JSON types, which `from_dict` takes back to the bit."""
        return {"count": self.count, "mean": self.mean.tolist(), "squares": self.squares.tolist()}

    @classmethod
    def from_dict(cls, data: StatisticsJson) -> Statistics:
        """Returns the statistics that `to_dict` described.

        Args:
            data: Plain JSON types.
        """
        return cls(float(data["count"]), np.array(data["mean"], float), np.array(data["squares"], float))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Returns arrays by name, for a checkpoint."""
        return {
            "statistics.count": np.array(self.count),
            "statistics.mean": self.mean,
            "statistics.squares": self.squares,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Statistics | None:
        """Returns the statistics that `to_arrays` gave, or None where there are none among some arrays.

        Args:
            arrays: Arrays by name.
        """
        if "statistics.mean" not in arrays:
            return None
        return cls(float(arrays["statistics.count"]), arrays["statistics.mean"], arrays["statistics.squares"])


class Normaliser:
    """Statistics at work: what G genomes sense of observations, and statistics of those that they meet.

    Args:
        statistics: Those of R lineages, by which their genomes' observations are normalised.
        counts: Genomes of each lineage.
    """

    def __init__(self, statistics: Sequence[Statistics], counts: Sequence[int]) -> None:
        self._num_lineages = len(counts)
        self._mean = np.repeat(np.stack([x.mean for x in statistics]), counts, axis=0)[:, None]  # [G, 1, S]
        self._scale = np.repeat(np.stack([x.scale for x in statistics]), counts, axis=0)[:, None]
        self._met: tuple[np.ndarray, ...] = ()  # count [G, B, 1], mean and squares [G, B, S]

    def apply(self, observed: np.ndarray, counted: np.ndarray | None = None) -> np.ndarray:
        """Returns what is sensed of observations, float32 [W, S].

        Args:
            observed: Observations of the W = G B episodes, genome by genome, [W, S].
            counted: Which of these count, bool [W]; those that are not finite do not. None counts none.
        """
        values = observed.astype(np.float64).reshape(len(self._mean), -1, self._mean.shape[2])
        if counted is not None:
            self._count(values, counted.reshape(values.shape[:2]) & np.isfinite(values).all(axis=2))
        sensed = ((values - self._mean) * self._scale).clip(-LIMIT, LIMIT)
        return sensed.astype(np.float32).reshape(observed.shape)

    def _count(self, values: np.ndarray, which: np.ndarray) -> None:
        """Adds those observations [G, B, S] to the statistics that count, bool [G, B]."""
        if not self._met:
            self._met = np.zeros((*which.shape, 1)), np.zeros(values.shape), np.zeros(values.shape)
        count, mean, squares = self._met
        count[which] += 1
        deviations = values[which] - mean[which]
        mean[which] += deviations / count[which]
        squares[which] += deviations * (values[which] - mean[which])

    def moments(self) -> Moments:
        """Returns statistics of the observations that counted, of each genome."""
        genomes, _, sensors = self._mean.shape
        by_episode = self._met or (np.zeros((genomes, 1, 1)), *[np.zeros((genomes, 1, sensors))] * 2)
        total = tuple(x[:, 0] for x in by_episode)
        for k in range(1, by_episode[0].shape[1]):
            total = _merged(*total, *(x[:, k] for x in by_episode))
        count, mean, squares = (x.reshape(self._num_lineages, -1, x.shape[1]) for x in total)
        return Moments(count[:, :, 0], mean, squares)


def _merged(
    count: np.ndarray,
    mean: np.ndarray,
    squares: np.ndarray,
    more: np.ndarray,
    other_mean: np.ndarray,
    other_squares: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns count [n, 1], mean [n, S] and squares [n, S] of n pairs of sets of observations."""
    total = count + more
    share = more / np.maximum(total, 1.0)
    shift = other_mean - mean
    return total, mean + shift * share, squares + other_squares + shift**2 * (count * share)
