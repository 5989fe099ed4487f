"""Framing: which moments of an episode a film shows, how fast, and through which window."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from neuroevo.bodies import SIDE, Scene

MAX_SECONDS = 8.0  # played, at real speed; longer episodes are played up to MAX_SPEED times as fast, then cut
MAX_SPEED = 2.0
MAX_FRAMES = 170
LEAST_DELAY = 40  # milliseconds a frame; browsers slow down what is much faster
HOLD = 1_500  # milliseconds that the last frame stays
ASPECT = (0.28, 0.62)  # height over width of a window, least and most
REACH = (6.0, 3.0)  # body sizes, along x and y of the picture, of the longest way that is seen whole
FOLLOWING = (4.0, 2.0)  # body sizes that a window which follows the body has room for
MARGIN = 0.4  # body sizes beside the way, both sides together
FOLLOWED = 0.25  # share of all frames over which the place of a window that moves is averaged


@dataclass(frozen=True, eq=False)
class Schedule:
    """Which moments of an episode are played, and how fast.

    Attributes:
        frames: int [F], indices into the positions of a recording.
        delays: Milliseconds that each frame stays, multiples of 10.
        speed: Times real speed.
        is_whole: Whether the episode is played to its end.
    """

    frames: np.ndarray
    delays: tuple[int, ...]
    speed: float
    is_whole: bool


def schedule(num_positions: int, time_step: float) -> Schedule:
    """Returns how an episode of so many positions, `time_step` seconds apart, is played."""
    num_steps = min(num_positions - 1, max(1, int(MAX_SECONDS * MAX_SPEED / time_step)))
    speed = MAX_SPEED if num_steps * time_step > MAX_SECONDS else 1.0
    stride = max(math.ceil(num_steps / (MAX_FRAMES - 1)), round(LEAST_DELAY * speed / 1000 / time_step), 1)
    frames = np.unique([*range(0, num_steps, stride), num_steps])
    delay = max(20, 10 * math.ceil(100 * stride * time_step / speed - 1e-9))
    delays = (*[delay] * (len(frames) - 1), HOLD)
    return Schedule(frames, delays, 1000 * stride * time_step / delay, num_steps == num_positions - 1)


@dataclass(frozen=True, eq=False)
class Window:
    """What part of the picture's plane is seen.

    Attributes:
        middle: float64 [F, 2], its middle in every frame, metres.
        size: Its width and height, metres.
        body: Largest extent of the body, metres.
    """

    middle: np.ndarray
    size: tuple[float, float]
    body: float

    def corner(self, frame: int) -> np.ndarray:
        """Returns the upper left corner in a frame, metres."""
        return self.middle[frame] + np.array([-0.5, 0.5]) * self.size


def window(scene: Scene) -> Window:
    """Returns a window that holds the body's whole way or, where that is too long, follows the body."""
    flat = scene.project(scene.place[:, scene.shown])  # [F, shapes, 2]
    radius = np.array(scene.model.geom_rbound)[scene.shown][:, None]
    low, high = (flat - radius).min(1), (flat + radius).max(1)
    body, way = float((high - low).max()), scene.project(scene.centre)
    if scene.view == SIDE and scene.ground is not None:
        low[:, 1] = np.minimum(low[:, 1], scene.ground)
    middle, spans = np.zeros((len(flat), 2)), [0.0, 0.0]
    for axis in range(2):
        first, last = low[:, axis].min(), high[:, axis].max()
        fits = last - first <= REACH[axis] * body
        middle[:, axis] = (first + last) / 2 if fits else smooth(way[:, axis])
        spans[axis] = (last - first if fits else FOLLOWING[axis] * body) + MARGIN * body
    width = max(spans[0], spans[1] / ASPECT[1])
    return Window(middle, (width, max(spans[1], width * ASPECT[0])), body)


def smooth(values: np.ndarray) -> np.ndarray:
    """Returns values [F] averaged over their neighbours, so that a window glides."""
    reach = max(1, round(FOLLOWED * len(values) / 2))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    near = np.minimum(np.minimum(at, at[::-1]), reach)  # fewer towards the ends, as many on either side
    return (sums[at + near + 1] - sums[at - near]) / (2 * near + 1)
