"""How much of the past a network holds, linearly and beyond: memory and information processing capacity."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.errors import OptionError, require_range
from neuroevo.plugins import tasks
from tasks.sequences import SequenceTask, lagged, squared_correlation

if TYPE_CHECKING:
    from torch import Tensor

MOST_LAGS, MOST_TARGETS = 1_000, 2_000
CHANCE = 1e-4  # of an unrelated target to count, all targets of a sequence together


class _OfThePast(SequenceTask):
    """A task about a random input some steps ago."""

    def _check_lags(self, lags: int) -> None:
        """Raises OptionError unless every lag lies within what is judged."""
        require_range("lags", lags, 1, MOST_LAGS)
        if lags > self.washout + 1:
            raise OptionError(
                f"Option 'lags' is {lags}, and the washout {self.washout} steps: the first steps that count "
                f"have no input as long ago. Wanted lags of at most {self.washout + 1}, or a longer washout."
            )


@tasks.register("memory")
class Memory(_OfThePast):
    """Say what was heard 0, 1, 2, ... steps ago: short-term memory capacity.

    The input is white noise, uniform in -1..1. The score is the memory capacity of Jaeger: the sum over lags
    of the squared correlation between what is said and what was heard. A network of N linear units holds at
    most N steps.

    Args:
        lags: Number of lags, from 0 on; each has an actuator.
        length: Steps of a training sequence.
        test_length: Steps of a held-out sequence.
        washout: Steps at the beginning that are not judged.
        episodes: Sequences that run side by side.

    References:
        Jaeger (2001), Short term memory in echo state networks, GMD Report 152.
    """

    unit = "steps"
    shows = {  # noqa: RUF012 - as in `Task`, nobody writes to it
        "ridge": "the worm from nulls of its degrees, triads, lengths, not from classes (untrained)",
    }

    def __init__(
        self,
        lags: int = 40,
        length: int = 2000,
        test_length: int = 1000,
        washout: int = 100,
        episodes: int = 1,
    ) -> None:
        super().__init__(length, test_length, washout, episodes)
        self._check_lags(lags)
        self.lags = lags
        self.num_actuators = lags
        self.maximum = float(lags)

    def draw(self, rng: np.random.Generator, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns noise, [T, B, 1], and what it was at each lag, [T, B, lags].

        Args:
            rng: Source of the noise.
            length: T.
        """
        noise = rng.uniform(-1, 1, (length, self.episodes, 1))
        return noise, np.concatenate([lagged(noise, lag) for lag in range(self.lags)], 2)

    def judge(self, said: Tensor, targets: Tensor) -> Tensor:
        """Returns the memory capacity, float64 [G, B], in 0..lags.

        Args:
            said: float64 [G, T, B, lags].
            targets: Of the same shape.
        """
        return squared_correlation(said, targets).sum(2)


@tasks.register("capacity")
class Capacity(_OfThePast):
    """Say products of what was heard at several lags: information processing capacity of one degree.

    The input is white noise, uniform in -1..1. Targets are all products of Legendre polynomials of the input
    at lags 0 to `lags` - 1 whose degrees sum to `degree`; they are uncorrelated. The score is the sum of the
    squared correlations that exceed what chance gives: for unrelated targets n times a squared correlation
    follows chi-squared with one degree of freedom. Degree 1 is linear memory.

    Args:
        degree: Total degree of every target.
        lags: Number of lags, from 0 on.
        length: Steps of a training sequence.
        test_length: Steps of a held-out sequence.
        washout: Steps at the beginning that are not judged.
        episodes: Sequences that run side by side.

    References:
        Dambre, Verstraeten, Schrauwen & Massar (2012), https://doi.org/10.1038/srep00514
    """

    unit = "capacity"
    shows = {"ridge": "no wiring of the whole worm from another, all from none (untrained)"}  # noqa: RUF012 - as in `Task`

    def __init__(
        self,
        degree: int = 2,
        lags: int = 10,
        length: int = 2000,
        test_length: int = 1000,
        washout: int = 100,
        episodes: int = 1,
    ) -> None:
        super().__init__(length, test_length, washout, episodes)
        require_range("degree", degree, 1, 10)
        self._check_lags(lags)
        self.degree = degree
        self.lags = lags
        self.products = self._products()
        self.num_actuators = len(self.products)
        self.maximum = float(len(self.products))

    def _products(self) -> list[tuple[int, ...]]:
        """Returns the lags of each target, as many times as their degree; raises OptionError if too many."""
        count = 1
        for k in range(self.degree):
            count = count * (self.lags + k) // (k + 1)
        if count > MOST_TARGETS:
            raise OptionError(
                f"Degree {self.degree} over {self.lags} lags has {count:,} products; wanted at most "
                f"{MOST_TARGETS:,}. Take fewer lags."
            )
        return list(combinations_with_replacement(range(self.lags), self.degree))

    def draw(self, rng: np.random.Generator, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns noise, [T, B, 1], and products of polynomials of it, [T, B, K].

        Args:
            rng: Source of the noise.
            length: T.
        """
        noise = rng.uniform(-1, 1, (length, self.episodes, 1))
        past = np.concatenate([lagged(noise, lag) for lag in range(self.lags)], 2)  # [T, B, lags]
        polynomials = [_legendre(past, degree) for degree in range(self.degree + 1)]
        targets = np.ones((length, self.episodes, len(self.products)))
        for k, lags in enumerate(self.products):
            for lag in set(lags):
                targets[:, :, k] *= polynomials[lags.count(lag)][:, :, lag]
        return noise, targets

    def judge(self, said: Tensor, targets: Tensor) -> Tensor:
        """Returns the capacity beyond chance, float64 [G, B], in 0..K.

        Args:
            said: float64 [G, T, B, K].
            targets: Of the same shape.
        """
        from scipy.stats import chi2

        threshold = chi2.isf(CHANCE / self.num_actuators, 1) / said.shape[1]
        capacities = squared_correlation(said, targets)
        return capacities.where(capacities > threshold, 0.0).sum(2)


def _legendre(values: np.ndarray, degree: int) -> np.ndarray:
    """Returns the Legendre polynomial of a degree, of variance 1 for values uniform in -1..1."""
    coefficients = np.zeros(degree + 1)
    coefficients[degree] = np.sqrt(2 * degree + 1)
    return np.polynomial.legendre.legval(values, coefficients)
