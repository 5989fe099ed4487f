"""Decisions at the end of a trial: which of two noisy inputs was greater; whether two were the same."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.errors import require_range
from neuroevo.plugins import tasks
from tasks.sequences import LONGEST, SequenceTask

if TYPE_CHECKING:
    from torch import Tensor


class _Trials(SequenceTask):
    """A task of trials, each an episode from rest whose last step is judged."""

    unit = "accuracy"
    num_sensors = 2
    num_actuators = 2

    @cached_property
    def floor(self) -> tuple[float, str]:
        """Half: both answers are as often right."""
        return 0.5, "guessing one of two"

    def judge(self, said: Tensor, targets: Tensor) -> Tensor:
        """Returns 1 where the greater of two numbers names the right answer, 0 where not, float64 [G, B].

        Args:
            said: float64 [G, 1, B, 2].
            targets: Of the same shape, 1 for the right answer and 0 for the other.
        """
        return (said[:, -1].argmax(2) == targets[:, -1].argmax(2)).double()


def _answers(which: np.ndarray, length: int) -> np.ndarray:
    """Returns targets [T, B, 2] that name one of two answers, int [B], at every step."""
    return np.broadcast_to(np.eye(2)[which], (length, len(which), 2))


@tasks.register("decision")
class Decision(_Trials):
    """Say which of two noisy inputs is the greater on average: perceptual decision making.

    Both inputs are noise of deviation `noise` about 0.5 plus or minus half the coherence, which is drawn
    evenly from 0.05, 0.1, 0.2 and 0.4; the answer is due at the end. The score is the share of right answers.

    Args:
        length: Steps of a trial.
        noise: Standard deviation of the inputs at a step.
        episodes: Trials of a minibatch, and of held-out data.

    References:
        Britten, Shadlen, Newsome & Movshon (1992), https://doi.org/10.1523/JNEUROSCI.12-12-04745.1992
    """

    shows = {"ridge": "no sparse wiring from another, all from none (untrained)"}  # noqa: RUF012 - as in `Task`

    def __init__(self, length: int = 30, noise: float = 0.5, episodes: int = 1000) -> None:
        require_range("length", length, 2, LONGEST)
        require_range("noise", noise, 0.0, 100.0)
        super().__init__(length, length, length - 1, episodes)
        self.noise = noise

    def draw(self, rng: np.random.Generator, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns two noisy inputs, [T, B, 2], and which is the greater, [T, B, 2].

        Args:
            rng: Source of trials.
            length: T.
        """
        which = rng.integers(0, 2, self.episodes)
        coherence = rng.choice([0.05, 0.1, 0.2, 0.4], self.episodes)
        means = 0.5 + coherence[:, None] / 2 * np.where(np.eye(2)[which] > 0, 1, -1)
        inputs = means + self.noise * rng.standard_normal((length, self.episodes, 2))
        return inputs, _answers(which, length)


@tasks.register("match")
class Match(_Trials):
    """Say whether two stimuli, a delay apart, were the same: delayed match to sample.

    A stimulus is one of two patterns, (1, 0) or (0, 1), for `shown` steps; then comes a delay of nothing but
    noise, a second stimulus, and the answer at its end. It is an exclusive or across time, which no linear
    network can tell. The score is the share of right answers.

    Args:
        shown: Steps of a stimulus.
        delay: Steps between the two.
        noise: Standard deviation of the inputs at a step.
        episodes: Trials of a minibatch, and of held-out data.

    References:
        Miller, Erickson & Desimone (1996), https://doi.org/10.1523/JNEUROSCI.16-16-05154.1996
    """

    shows = {"ridge": "any wiring from none alone: all are at the ceiling (untrained)"}  # noqa: RUF012 - as in `Task`

    def __init__(self, shown: int = 5, delay: int = 20, noise: float = 0.1, episodes: int = 1000) -> None:
        require_range("shown", shown, 1, LONGEST // 3)
        require_range("delay", delay, 0, LONGEST // 3)
        require_range("noise", noise, 0.0, 100.0)
        length = 2 * shown + delay
        super().__init__(length, length, length - 1, episodes)
        self.shown = shown
        self.delay = delay
        self.noise = noise

    def draw(self, rng: np.random.Generator, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns stimuli, [T, B, 2], and whether they are the same, [T, B, 2].

        Args:
            rng: Source of trials.
            length: T.
        """
        first, second = rng.integers(0, 2, (2, self.episodes))
        inputs = self.noise * rng.standard_normal((length, self.episodes, 2))
        inputs[: self.shown] += np.eye(2)[first]
        inputs[self.shown + self.delay :] += np.eye(2)[second]
        return inputs, _answers((first == second).astype(int), length)
