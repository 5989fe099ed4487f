"""Recordings: what a task tells of one episode, and what a network's cells do in it.

A task with a body films one world of its control loop and hands the film back as a `Recording`:

    film = Film(episode)
    ...
    film.take(worlds.qpos)  # where the episode starts, and again after every control step
    ...
    return film.recording(model, CONTROL_STEP, score)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import mujoco
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Recording:
    """How a body moved in one episode.

    Attributes:
        model: The compiled body, in metres. Bodies move along +x.
        qpos: float64 [T + 1, nq], MuJoCo's positions at the start and after each of T control steps; fewer
            than an episode may have where it ended early.
        time_step: Seconds of a control step.
        score: Of the episode, as `score` returns it, in the task's unit.
        is_chain: The body is a chain of links, and its joints but for the root's run from head to tail in the
            order of the model: their angles are the body's curvature.
    """

    model: mujoco.MjModel
    qpos: np.ndarray
    time_step: float
    score: float
    is_chain: bool = False


class Film:
    """Keeps the positions of one world, step by step.

    Args:
        world: Which of the W worlds that are stepped at once.
    """

    def __init__(self, world: int) -> None:
        self._world = world
        self._positions: list[np.ndarray] = []

    def take(self, qpos: np.ndarray, moved: np.ndarray | None = None) -> None:
        """Notes where the world is.

        Args:
            qpos: float64 [W, nq].
            moved: bool [W], the worlds whose episode was still going on; None: all. Of one whose episode has
                ended nothing is noted.
        """
        if moved is None or moved[self._world]:
            self._positions.append(qpos[self._world].copy())

    def recording(
        self, model: mujoco.MjModel, time_step: float, score: float, *, is_chain: bool = False
    ) -> Recording:
        """Returns what was noted; arguments as in `Recording`."""
        return Recording(model, np.array(self._positions), time_step, score, is_chain)


class CellRecorder:
    """A monitor of a phenotype that keeps the activity of one genome's cells.

    Every time that outputs are read is a moment: in a control loop, a network step.

    Args:
        column: The episode whose activity is kept, of the B that run at once. Where fewer run, the last.
    """

    def __init__(self, column: int) -> None:
        self._column = column
        self._moments: list[np.ndarray] = []

    def record_currents(self, recurrent: Tensor, drives: list[Tensor]) -> None:
        """Currents are not kept."""

    def record_outputs(self, state: Tensor, outputs: Tensor) -> None:
        """Notes activities [cells, B]."""
        column = min(self._column, state.shape[1] - 1)
        self._moments.append(state[:, column].numpy().copy())

    def activity(self, num_cells: int) -> np.ndarray:
        """Returns activities, float32 [N, moments], of which there may be none."""
        return np.array(self._moments, np.float32).reshape(-1, num_cells).T


class ClassRecorder:
    """A monitor of a phenotype that averages the activity of one genome's cells over the images of a class.

    Args:
        labels: int64 [n], the class of every image, in the order in which they are shown.
        num_classes: K.
    """

    def __init__(self, labels: np.ndarray, num_classes: int) -> None:
        self._labels, self._num_classes = labels, num_classes
        self._shown = 0
        self._sums: np.ndarray | None = None

    def record_currents(self, recurrent: Tensor, drives: list[Tensor]) -> None:
        """Currents are not kept."""

    def record_outputs(self, state: Tensor, outputs: Tensor) -> None:
        """Adds activities [cells, B] at the answers to the next B images."""
        part = self._labels[self._shown : self._shown + state.shape[1]]
        is_of = part[:, None] == np.arange(self._num_classes)
        sums = state[:, : len(part)].numpy().astype(np.float64) @ is_of
        self._sums = sums if self._sums is None else self._sums + sums
        self._shown += state.shape[1]

    def activity(self, num_cells: int) -> np.ndarray:
        """Returns mean activities, float64 [N, K]; [N, 0] unless every image was shown exactly once.

        The mean of a class without images is NaN.
        """
        if self._sums is None or self._shown != len(self._labels):
            return np.zeros((num_cells, 0))
        counts = np.bincount(self._labels, minlength=self._num_classes)
        return self._sums / np.where(counts > 0, counts, np.nan)
