"""Recordings: how a body moved in one episode.

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


@dataclass(frozen=True, eq=False)
class Recording:
    """How a body moved in one episode.

    Attributes:
        model: The compiled body, in metres. Bodies move along +x.
        qpos: float64 [T + 1, nq], MuJoCo's positions at the start and after each of T control steps; fewer
            than an episode may have where it ended early.
        time_step: Seconds of a control step.
        score: Score of the episode, as the task's `score` returns it, in the task's unit.
        is_chain: Whether the body is a chain of links, and its joints but for the root's run from head to
            tail in the order of the model: their angles are the body's curvature.
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
            moved: Worlds whose episode was still going on, bool [W]; None for all. Nothing is noted of a
                world whose episode has ended.
        """
        if moved is None or moved[self._world]:
            self._positions.append(qpos[self._world].copy())

    def recording(
        self, model: mujoco.MjModel, time_step: float, score: float, *, is_chain: bool = False
    ) -> Recording:
        """Returns what was noted.

        Args:
            model: The compiled body, in metres.
            time_step: Seconds of a control step.
            score: Score of the episode, in the task's unit.
            is_chain: Whether the body is a chain of links, see `Recording`.
        """
        return Recording(model, np.array(self._positions), time_step, score, is_chain)
