"""Sequences of dynamical systems: what comes next, and what a system driven by the input does."""

from __future__ import annotations

from typing import Literal

import numpy as np

from neuroevo.errors import OptionError, require_range
from neuroevo.plugins import tasks
from tasks.sequences import LONGEST, SequenceTask

NOISE_TRIES = 100
DELAY, SUBSTEPS = 17, 10  # of Mackey-Glass: its delay, and steps of integration a unit of time
TRANSIENT = 1_000  # units of time, or steps, that come before a sequence


@tasks.register("narma")
class Narma(SequenceTask):
    """Say what a nonlinear autoregressive system does that the input drives: NARMA-10 or NARMA-20.

    y[t+1] = 0.3 y[t] + 0.05 y[t] sum(y[t-i], i < n) + 1.5 u[t-n+1] u[t] + 0.1 with u uniform in 0..0.5; for
    n = 20 the right side, with 0.01 in place of 0.1, passes through tanh and 0.2 is added. The score is the
    share of the variance that is explained.

    Args:
        order: n, 10 or 20.
        length: Steps of a training sequence.
        test_length: Steps of a held-out sequence.
        washout: Steps at the beginning that are not judged.
        episodes: Sequences that run side by side.

    References:
        Atiya & Parlos (2000), https://doi.org/10.1109/72.846741 (order 10);
        Rodan & Tino (2011), https://doi.org/10.1109/TNN.2010.2089641 (order 20).
    """

    shows = {"ridge": "weakly, what memory tells (untrained)"}  # noqa: RUF012 - as in `Task`

    def __init__(
        self,
        order: Literal[10, 20] = 10,
        length: int = 2000,
        test_length: int = 1000,
        washout: int = 100,
        episodes: int = 1,
    ) -> None:
        super().__init__(length, test_length, washout, episodes)
        if order not in (10, 20):
            raise OptionError(f"Option 'order' is {order}; wanted 10 or 20.")
        self.order = order

    def draw(self, rng: np.random.Generator, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the input u and the system's state y, [T, B, 1]; a sequence that diverges is drawn again.

        Args:
            rng: Source of the input.
            length: T.
        """
        inputs, outputs = [], []
        for _ in range(self.episodes):
            for _ in range(NOISE_TRIES):
                u = rng.uniform(0, 0.5, length)
                y = self._driven(u)
                if np.abs(y).max() < 10:
                    break
            inputs.append(u)
            outputs.append(y)
        return np.stack(inputs, 1)[:, :, None], np.stack(outputs, 1)[:, :, None]

    def _driven(self, u: np.ndarray) -> np.ndarray:
        """Returns the system's states under an input [T], clipped where it diverges."""
        n, total = self.order, 0.0  # of the latest n states
        y, constant = [0.0] * len(u), 0.01 if n == 20 else 0.1
        values = u.tolist()
        for t in range(len(values) - 1):
            total += y[t] - (y[t - n] if t >= n else 0.0)
            product = values[t - n + 1] * values[t] if t >= n - 1 else 0.0
            new = 0.3 * y[t] + 0.05 * y[t] * total + 1.5 * product + constant
            y[t + 1] = float(np.tanh(new)) + 0.2 if n == 20 else min(new, 100.0)
        return np.array(y)


class _Ahead(SequenceTask):
    """A task about an autonomous system some steps from now."""

    def _check_horizon(self, horizon: int) -> None:
        """Raises OptionError unless the horizon is a number of steps."""
        require_range("horizon", horizon, 1, LONGEST)

    def _split(self, series: np.ndarray, horizon: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns a series [T + horizon, B] and itself some steps later, [T, B, 1] each."""
        return series[:-horizon, :, None], series[horizon:, :, None]


@tasks.register("mackey-glass")
class MackeyGlass(_Ahead):
    """Say what a chaotic system with delay does some steps from now: Mackey-Glass, delay 17.

    dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x, one step a unit of time, mean subtracted. The score is
    the share of the variance that is explained.

    Args:
        horizon: Steps ahead.
        length: Steps of a training sequence.
        test_length: Steps of a held-out sequence.
        washout: Steps at the beginning that are not judged.
        episodes: Sequences that run side by side.

    References:
        Mackey & Glass (1977), https://doi.org/10.1126/science.267326;
        Jaeger & Haas (2004), https://doi.org/10.1126/science.1091277 (84 steps ahead, ten steps of Euler's
        method a unit of time).
    """

    shows = {"ridge": "the whole worm from random wirings and none (untrained)"}  # noqa: RUF012 - as in `Task`

    def __init__(
        self,
        horizon: int = 84,
        length: int = 2000,
        test_length: int = 1000,
        washout: int = 100,
        episodes: int = 1,
    ) -> None:
        super().__init__(length, test_length, washout, episodes)
        self._check_horizon(horizon)
        self.horizon = horizon

    def draw(self, rng: np.random.Generator, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the series now and `horizon` steps later, [T, B, 1] each.

        Args:
            rng: Source of what comes before the series.
            length: T.
        """
        series = _mackey_glass(
            rng.uniform(0.4, 1.2, (DELAY * SUBSTEPS, self.episodes)), length + self.horizon
        )
        return self._split(series - 0.93, self.horizon)  # its mean over a long time is 0.93


@tasks.register("lorenz")
class Lorenz(_Ahead):
    """Say what a chaotic system without delay does some steps from now: x of Lorenz's system.

    dx/dt = 10 (y - x), dy/dt = x (28 - z) - y, dz/dt = x y - 8/3 z, by Runge-Kutta's method of order 4; x
    over 8, about its standard deviation, is heard. The score is the share of the variance that is explained.

    Args:
        horizon: Steps ahead.
        step: Units of time a step.
        length: Steps of a training sequence.
        test_length: Steps of a held-out sequence.
        washout: Steps at the beginning that are not judged.
        episodes: Sequences that run side by side.

    References:
        Lorenz (1963), https://doi.org/10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2
    """

    shows = {"ridge": "no wiring from another, all from none (untrained)"}  # noqa: RUF012 - as in `Task`

    def __init__(
        self,
        horizon: int = 20,
        step: float = 0.02,
        length: int = 2000,
        test_length: int = 1000,
        washout: int = 100,
        episodes: int = 1,
    ) -> None:
        super().__init__(length, test_length, washout, episodes)
        self._check_horizon(horizon)
        if not 0 < step <= 0.05:
            raise OptionError(f"Option 'step' is {step:g}; wanted more than 0, and at most 0.05.")
        self.horizon = horizon
        self.step = step

    def draw(self, rng: np.random.Generator, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the series now and `horizon` steps later, [T, B, 1] each.

        Args:
            rng: Source of the state that the system starts from.
            length: T.
        """
        start = rng.normal(0, 5, (3, self.episodes)) + np.array([[0.0], [0.0], [25.0]])
        return self._split(_lorenz(start, length + self.horizon, self.step) / 8, self.horizon)


def _mackey_glass(history: np.ndarray, length: int) -> np.ndarray:
    """Returns a series [length, B] after a transient, by Euler's method from a history [delay, B].

    What the delay feeds back is known a whole delay ahead; between, the system is linear, a filter.
    """
    from scipy.signal import lfilter

    delay, keep = len(history), 1 - 0.1 / SUBSTEPS
    parts, last = [history], history[-1:]
    for _ in range(-(-(TRANSIENT + length) * SUBSTEPS // delay)):
        fed = 0.2 / SUBSTEPS * parts[-1] / (1 + parts[-1] ** 10)
        new, _ = lfilter([1.0], [1.0, -keep], fed, axis=0, zi=keep * last)
        parts.append(new)
        last = new[-1:]
    series = np.concatenate(parts[1:])[::SUBSTEPS]
    return series[TRANSIENT : TRANSIENT + length]


def _lorenz(start: np.ndarray, length: int, step: float) -> np.ndarray:
    """Returns x, [length, B], after a transient, from states [3, B]."""

    def slope(s: np.ndarray) -> np.ndarray:
        return np.stack([10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]])

    state, series = start, np.empty((length, start.shape[1]))
    for t in range(TRANSIENT + length):
        if t >= TRANSIENT:
            series[t - TRANSIENT] = state[0]
        a = slope(state)
        b = slope(state + step / 2 * a)
        c = slope(state + step / 2 * b)
        d = slope(state + step * c)
        state = state + step / 6 * (a + 2 * b + 2 * c + d)
    return series
