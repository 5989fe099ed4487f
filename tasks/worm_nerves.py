"""How a circuit of the worm is wired to the worm's body: its muscles, and its stretch receptors.

Muscles are known by their names, MDL01 to MVR24: dorsal or ventral, left or right, and the segment they bend.
A segment is bent by the difference of its dorsal and its ventral muscles, left and right together. What a
muscle does is its activity in [-1, 1] about a resting tone: muscles pull and never push, and the tone, the
same on both sides, bends nothing.

Stretch is felt by the B-type motor neurons, DB and VB, each by the mean bend of the segments in a field of
its own. In this they differ in the two accounts of how the wave comes about:

- `posterior` (Boyle, Berri & Cohen 2012): a cell is excited where its own side is stretched, over half a body
  length from the cell towards the tail. It bends its segment against what it feels: an oscillator.
- `anterior` (Wen et al. 2012): a cell is excited where its own side is bent, over 200 micrometres from the
  cell towards the head. It bends its segment as the one ahead is bent: a follower.

References:
    Boyle, Berri & Cohen (2012), https://doi.org/10.3389/fncom.2012.00010
    Wen et al. (2012), https://doi.org/10.1016/j.neuron.2012.08.039
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from neuroevo.errors import TaskError

if TYPE_CHECKING:
    from neuroevo.wiring.architecture import Architecture

Stretch = Literal["posterior", "anterior"]
SEGMENTS = 24
FIELD = {"posterior": 12, "anterior": 5}  # segments in the field of a cell
# B-type cells of either side stand evenly along this part of the body, in segments, in the order of their
# numbers. Of the segments that a cell drives the middle is then less than two away, in every bundled circuit.
CORD = (6.5, 23.0)
PERIMOTOR = 18  # segments of the perimotor model, which leaves out the head: its first is the seventh

_MUSCLE = re.compile(r"M([DV])[LR](\d\d)")
_B_TYPE = re.compile(r"([DV])B(\d+)")
_SIDES = {"D": "dorsal", "V": "ventral"}


def muscles(cells: Sequence[str]) -> np.ndarray:
    """Returns how the muscles among some cells bend the segments, float32 [24, N]: dorsal is positive.

    Args:
        cells: Names of the N cells.

    Raises:
        TaskError: If a side has no muscle, or a muscle is beyond the last segment.
    """
    places = {i: (m[1], int(m[2])) for i, name in enumerate(cells) if (m := _MUSCLE.fullmatch(name))}
    for letter, side in _SIDES.items():
        if letter not in {s for s, _ in places.values()}:
            raise TaskError(
                f"The wiring has no {side} body-wall muscles, M{letter}L01 to M{letter}R24, to bend the body "
                "with; wanted a circuit with muscles, such as celegans-motor, or --adapter linear."
            )
    segments = {segment for _, segment in places.values()}
    ahead = SEGMENTS - PERIMOTOR if segments == set(range(1, PERIMOTOR + 1)) else 0
    decoder = np.zeros((SEGMENTS, len(cells)), np.float32)
    for cell, (letter, segment) in places.items():
        if not 1 <= segment <= SEGMENTS:
            raise TaskError(
                f"The muscle {cells[cell]!r} is in none of the worm's {SEGMENTS} segments; wanted MDL01 to "
                "MVR24, or --adapter linear."
            )
        decoder[segment + ahead - 1, cell] = 0.5 if letter == "D" else -0.5  # the mean of left and right
    return decoder


def stretch_receptors(cells: Sequence[str], stretch: Stretch) -> np.ndarray:
    """Returns how the B-type motor neurons among some cells feel the joint angles, float32 [N, 24].

    Args:
        cells: Names of the N cells.
        stretch: Where and how they feel the body bend.

    Raises:
        TaskError: If a side has none.
    """
    encoder = np.zeros((len(cells), SEGMENTS), np.float32)
    for letter, side in _SIDES.items():
        numbers = {
            i: int(m[2]) for i, name in enumerate(cells) if (m := _B_TYPE.fullmatch(name)) and m[1] == letter
        }
        if not numbers:
            raise TaskError(
                f"The wiring has no {side} motor neurons of type B, {letter}B1 and on, to feel how the body "
                "bends; wanted a circuit with them, such as celegans-motor, or --adapter linear."
            )
        sign = (1 if letter == "D" else -1) * (1 if stretch == "anterior" else -1)
        for rank, cell in enumerate(sorted(numbers, key=lambda i: numbers[i])):
            encoder[cell] = sign * field(place(rank, len(numbers)), stretch)
    return encoder


def place(rank: int, number: int) -> float:
    """Returns where along the body a B-type cell stands, in segments.

    Args:
        rank: Rank of the cell among those of its side, from 0 at the head.
        number: How many there are.
    """
    first, last = CORD
    return first + (last - first) * (rank + 0.5) / number


def field(segment: float, stretch: Stretch) -> np.ndarray:
    """Returns the weights of the mean over the segments that a cell feels, float [24].

    Args:
        segment: Where the cell stands, in segments.
        stretch: Whether it feels what is behind or ahead of it.
    """
    away = np.arange(1, SEGMENTS + 1) - segment
    if stretch == "anterior":
        away = -away
    felt = (away >= 0) & (away < FIELD[stretch])
    return felt / felt.sum()


def native(architecture: Architecture, stretch: Stretch) -> tuple[np.ndarray, np.ndarray]:
    """Returns the maps of the worm's body: the encoder, float32 [N, 24], and the decoder, float32 [24, N].

    Args:
        architecture: The wiring, whose muscles and motor neurons are known by their names.
        stretch: Where and how B-type motor neurons feel the body bend.

    Raises:
        TaskError: If the wiring lacks the muscles or the B-type motor neurons of a side.
    """
    decoder = muscles(architecture.cells)
    return stretch_receptors(architecture.cells, stretch), decoder
