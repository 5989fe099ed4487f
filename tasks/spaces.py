"""Spaces of Gymnasium's as sensors and actuators: flattened, a batch of environments at a time.

| space | as sensors | as actuators |
|---|---|---|
| `Box` | its numbers; pixels, bytes in 0..255, as floats in [0, 1] | outputs in [-1, 1] fill its bounds |
| `Discrete` | one sensor a value, 1 at the one that is there | one a value, the largest is chosen |
| `MultiDiscrete` | the same for every component | the same for every component |
| `MultiBinary` | its bits | one a bit, on above 0 |
| `Dict`, `Tuple` | those of their parts, one after another | the same |

The order is that of `gymnasium.spaces.flatten`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from gymnasium import spaces

from neuroevo.errors import TaskError, reason

MOST_PORTS = 1_000_000  # sensors or actuators; a linear map of as many fills a machine for one genome
BYTE = 255
COLOURS = (1, 3, 4)  # values of a pixel: grey, RGB, RGB and opacity


class Port(Protocol):
    """A space as numbers; `Sensors` and `Actuators` say which way they go.

    Attributes:
        width: How many numbers.
        text: What the space is, a phrase.
    """

    @property
    def width(self) -> int:
        """How many numbers."""

    @property
    def text(self) -> str:
        """What the space is, a phrase."""


class Sensors(Port, Protocol):
    """An observation space as sensors."""

    def of(self, batch: object) -> np.ndarray:
        """Returns what is sensed, [W, width].

        Args:
            batch: Observations of W environments, as a vector of environments gives them.

        Raises:
            TaskError: If one is not of the space.
        """


class Actuators(Port, Protocol):
    """An action space as actuators."""

    def of(self, outputs: np.ndarray) -> object:
        """Returns the actions of W environments, as a vector of environments takes them.

        Args:
            outputs: What the network puts out, float [W, width].
        """


@dataclass(frozen=True)
class Numbers:
    """Numbers that are sensed as they are; pixels as shares of the brightest.

    Attributes:
        width: How many numbers.
        text: What the space is, a phrase.
        scale: What they are divided by.
        channels_first: Whether an image has its colours, or frames, before its rows: they are moved to the
            end, so that the values of a pixel follow one another.
    """

    width: int
    text: str
    scale: float = 1.0
    channels_first: bool = False

    def of(self, batch: object) -> np.ndarray:
        """Returns what is sensed, [W, width].

        Args:
            batch: Numbers, [W, ...].
        """
        values = np.asarray(batch)
        if self.channels_first:
            values = np.moveaxis(values, 1, -1)
        values = values.reshape(len(values), -1)
        return values if self.scale == 1 else values.astype(np.float32) / np.float32(self.scale)


@dataclass(frozen=True)
class OneHot:
    """Choices, each of which is as many sensors as it has values.

    Attributes:
        counts: Values of each choice.
        starts: The first value of each.
        text: What the space is, a phrase.
    """

    counts: tuple[int, ...]
    starts: tuple[int, ...]
    text: str

    @property
    def width(self) -> int:
        """How many sensors."""
        return sum(self.counts)

    def of(self, batch: object) -> np.ndarray:
        """Returns what is sensed, float32 [W, width].

        Args:
            batch: Values, whole numbers, [W, ...].

        Raises:
            TaskError: If a value is none of the space.
        """
        values = np.asarray(batch).reshape(-1, len(self.counts)).astype(np.int64) - self.starts
        wrong = (values < 0) | (values >= self.counts)
        if wrong.any():
            row, choice = np.argwhere(wrong)[0]
            value = values[row, choice] + self.starts[choice]
            raise TaskError(
                f"the environment observed {value}, which is outside its space, {self.text}; wanted "
                f"{self.starts[choice]} to {self.starts[choice] + self.counts[choice] - 1}."
            )
        sensed = np.zeros((len(values), self.width), np.float32)
        first = np.concatenate([[0], np.cumsum(self.counts)[:-1]]).astype(np.int64)
        np.put_along_axis(sensed, values + first, 1, axis=1)
        return sensed


@dataclass(frozen=True)
class JoinedSensors:
    """The parts of a Dict or a Tuple, one after another.

    Attributes:
        keys: Where each part is found in an observation.
        parts: The parts.
        text: What the space is, a phrase.
    """

    keys: tuple[str | int, ...]
    parts: tuple[Sensors, ...]
    text: str

    @property
    def width(self) -> int:
        """How many sensors."""
        return sum(part.width for part in self.parts)

    def of(self, batch: object) -> np.ndarray:
        """Returns what is sensed, [W, width].

        Args:
            batch: A dict or tuple of batches.
        """
        assert isinstance(batch, Mapping | tuple)
        return np.concatenate([part.of(batch[key]) for key, part in self._pairs()], axis=1)  # type: ignore[index]

    def _pairs(self) -> Iterator[tuple[str | int, Sensors]]:
        """Returns the parts with their places."""
        return zip(self.keys, self.parts, strict=True)


@dataclass(frozen=True)
class Choices:
    """Choices: of each, the largest of its outputs names the value.

    Attributes:
        counts: Values of each choice.
        starts: The first value of each.
        shape: Shape of an action; () where it is one choice.
        text: What the space is, a phrase.
    """

    counts: tuple[int, ...]
    starts: tuple[int, ...]
    shape: tuple[int, ...]
    text: str

    @property
    def width(self) -> int:
        """How many actuators."""
        return sum(self.counts)

    def of(self, outputs: np.ndarray) -> np.ndarray:
        """Returns actions, int64 [W, ...] as the space is shaped.

        Args:
            outputs: What the network puts out, [W, width].
        """
        groups = np.split(outputs, np.cumsum(self.counts)[:-1], axis=1)
        named = np.stack([group.argmax(axis=1) for group in groups], axis=1) + np.array(self.starts)
        return named.reshape(-1, *self.shape)


@dataclass(frozen=True)
class Switches:
    """Bits, each of which is on where its output is above 0.

    Attributes:
        shape: Shape of an action.
        text: What the space is, a phrase.
    """

    shape: tuple[int, ...]
    text: str

    @property
    def width(self) -> int:
        """How many actuators."""
        return math.prod(self.shape)

    def of(self, outputs: np.ndarray) -> np.ndarray:
        """Returns actions, int8 [W, ...] as the space is shaped.

        Args:
            outputs: What the network puts out, [W, width]; a bit is off for NaN.
        """
        return (outputs > 0).astype(np.int8).reshape(-1, *self.shape)


@dataclass(frozen=True)
class Bounded:
    """Numbers between bounds: outputs in [-1, 1] fill the range between them, whole numbers are rounded.

    Attributes:
        space: The space.
        text: What the space is, a phrase.
    """

    space: spaces.Box
    text: str

    @property
    def width(self) -> int:
        """How many actuators."""
        return math.prod(self.space.shape)

    def of(self, outputs: np.ndarray) -> np.ndarray:
        """Returns actions, [W, ...] as the space is shaped.

        Args:
            outputs: What the network puts out, [W, width]; for NaN the action is the middle of its range.
        """
        low, high = self.space.low.astype(np.float64), self.space.high.astype(np.float64)
        unit = np.nan_to_num(outputs.astype(np.float64)).clip(-1, 1).reshape(-1, *self.space.shape)
        actions = (high + low) / 2 + (high - low) / 2 * unit
        if self.space.dtype.kind in "ui":
            actions = np.rint(actions)
        # Rounding may lead beyond the bounds.
        return actions.astype(self.space.dtype).clip(self.space.low, self.space.high)


@dataclass(frozen=True)
class JoinedActuators:
    """The parts of a Dict or a Tuple, one after another.

    Attributes:
        keys: Names of the parts of a Dict; None where it is a Tuple.
        parts: The parts.
        text: What the space is, a phrase.
    """

    keys: tuple[str, ...] | None
    parts: tuple[Actuators, ...]
    text: str

    @property
    def width(self) -> int:
        """How many actuators."""
        return sum(part.width for part in self.parts)

    def of(self, outputs: np.ndarray) -> object:
        """Returns actions, a dict or tuple of batches.

        Args:
            outputs: What the network puts out, [W, width].
        """
        groups = np.split(outputs, np.cumsum([part.width for part in self.parts])[:-1], axis=1)
        actions = tuple(part.of(group) for part, group in zip(self.parts, groups, strict=True))
        return actions if self.keys is None else dict(zip(self.keys, actions, strict=True))


def sensors(space: spaces.Space, whose: str) -> Sensors:
    """Returns an observation space as sensors.

    Args:
        space: The space.
        whose: Whose it is, the subject of the error: "Gymnasium's 'CartPole-v1'".

    Raises:
        TaskError: If it cannot be a fixed number of sensors.
    """
    port = _sensors(space, f"{whose} observes")
    _check_width(port, f"{whose} observes", "sensors")
    return port


def actuators(space: spaces.Space, whose: str) -> Actuators:
    """Returns an action space as actuators.

    Args:
        space: The space.
        whose: Whose it is, the subject of the error: "Gymnasium's 'CartPole-v1'".

    Raises:
        TaskError: If it cannot be a fixed number of actuators.
    """
    port = _actuators(space, f"{whose} takes actions")
    _check_width(port, f"{whose} takes actions", "actuators")
    return port


def stacked(observation: object) -> object:
    """Returns one observation as a batch of one.

    Args:
        observation: What an environment shows.
    """
    if isinstance(observation, Mapping):
        return {key: stacked(value) for key, value in observation.items()}
    if isinstance(observation, tuple):
        return tuple(map(stacked, observation))
    return np.asarray(observation)[None]


def first(batch: object) -> object:
    """Returns the first of a batch of actions.

    Args:
        batch: Actions, as `Actuators.of` returns them.
    """
    if isinstance(batch, Mapping):
        return {key: first(value) for key, value in batch.items()}
    if isinstance(batch, tuple):
        return tuple(map(first, batch))
    assert isinstance(batch, np.ndarray)
    return batch[0]


def image_shape(space: spaces.Space) -> tuple[int, ...] | None:
    """Returns the shape of an image, (height, width) or (height, width, values of a pixel), or None.

    Args:
        space: An observation space; it shows an image if it is a Box of bytes in 0..255 of such a shape.
    """
    if not (isinstance(space, spaces.Box) and _are_pixels(space)):
        return None
    shape = space.shape
    if len(shape) == 3:
        shape = (*shape[1:], shape[0]) if _has_channels_first(shape) else shape
        return shape[:2] if shape[2] == 1 else shape
    return shape


def _sensors(space: spaces.Space, what: str) -> Sensors:
    """Returns a space as sensors; `what` begins the error about one that cannot be."""
    if isinstance(space, spaces.Box) and space.dtype.kind in "fiub" and _size(space):
        size = " x ".join(map(str, space.shape)) or "1"
        if _are_pixels(space):
            is_first = _has_channels_first(space.shape)
            return Numbers(_size(space), f"pixels {size}", BYTE, is_first)
        return Numbers(_size(space), f"Box {size}")
    if isinstance(space, spaces.MultiBinary) and _size(space):
        return Numbers(_size(space), f"MultiBinary {' x '.join(map(str, space.shape))}")
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        return OneHot(*_choices(space))
    if isinstance(space, spaces.Dict | spaces.Tuple) and len(space.spaces):
        keys, text, parts = _parts(space, what, _sensors)
        return JoinedSensors(keys or tuple(range(len(parts))), parts, text)
    raise TaskError(
        f"{what} {reason(space)}; wanted a Box, Discrete, MultiDiscrete or MultiBinary space, or a Dict or "
        "Tuple of these: text, graphs and sequences are no fixed number of sensors. Register it wrapped, "
        "with gymnasium.wrappers.TransformObservation."
    )


def _actuators(space: spaces.Space, what: str) -> Actuators:
    """Returns a space as actuators; `what` begins the error about one that cannot be."""
    if isinstance(space, spaces.Box) and _size(space) and space.dtype.kind in "fiu":
        if not space.is_bounded():
            raise TaskError(
                f"{what} {reason(space)}, without finite bounds; wanted bounds that outputs in [-1, 1] can "
                "fill: register it wrapped, with gymnasium.wrappers.TransformAction and a bounded Box."
            )
        return Bounded(space, f"Box {' x '.join(map(str, space.shape)) or '1'} (filled by [-1, 1])")
    if isinstance(space, spaces.MultiBinary) and _size(space):
        return Switches(space.shape, f"MultiBinary {' x '.join(map(str, space.shape))} (on above 0)")
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        counts, starts, text = _choices(space)
        which = "the largest" if isinstance(space, spaces.Discrete) else "the largest of each"
        return Choices(counts, starts, space.shape or (), f"{text} ({which})")
    if isinstance(space, spaces.Dict | spaces.Tuple) and len(space.spaces):
        keys, text, parts = _parts(space, what, _actuators)
        return JoinedActuators(keys, parts, text)
    raise TaskError(
        f"{what} {reason(space)}; wanted a bounded Box, a Discrete, MultiDiscrete or MultiBinary space, or a "
        "Dict or Tuple of these. Register it wrapped, with gymnasium.wrappers.TransformAction."
    )


def _parts(
    space: spaces.Dict | spaces.Tuple, what: str, make: Callable[[spaces.Space, str], Port]
) -> tuple[tuple[str, ...] | None, str, tuple]:
    """Returns the names of a space's parts, None for a Tuple, a phrase, and the parts."""
    if isinstance(space, spaces.Dict):
        keys = tuple(space.spaces)
        parts = tuple(make(space.spaces[key], f"{what} a Dict with {key!r},") for key in keys)
        return keys, f"Dict({', '.join(f'{k} {p.text}' for k, p in zip(keys, parts, strict=True))})", parts
    parts = tuple(make(part, f"{what} a Tuple with") for part in space.spaces)
    return None, f"Tuple({', '.join(part.text for part in parts)})", parts


def _choices(space: spaces.Discrete | spaces.MultiDiscrete) -> tuple[tuple[int, ...], tuple[int, ...], str]:
    """Returns values and first values of the choices of a space, and a phrase."""
    if isinstance(space, spaces.Discrete):
        return (int(space.n),), (int(space.start),), f"Discrete {space.n}"
    counts: Sequence[int] = space.nvec.reshape(-1).tolist()
    return (
        tuple(counts),
        tuple(space.start.reshape(-1).tolist()),
        f"MultiDiscrete {'+'.join(map(str, counts))}",
    )


def _check_width(port: Port, what: str, ports: str) -> None:
    """Raises TaskError if a space is more sensors or actuators than any network has."""
    if port.width > MOST_PORTS:
        text = reason(port.text, 200)
        raise TaskError(f"{what} {text}, {port.width} {ports}; wanted at most {MOST_PORTS}.")


def _size(space: spaces.Space) -> int:
    """Returns how many numbers there are in a space of a shape."""
    return math.prod(space.shape or ())


def _are_pixels(space: spaces.Box) -> bool:
    """Says whether a Box holds an image: bytes in 0..255, in rows and columns."""
    is_byte = space.dtype == np.uint8 and len(space.shape) in (2, 3)
    return is_byte and bool((space.low == 0).all() and (space.high == BYTE).all())


def _has_channels_first(shape: Sequence[int]) -> bool:
    """Says whether an image has its colours, or a few frames, before its rows."""
    return len(shape) == 3 and shape[2] not in COLOURS and shape[0] in COLOURS
