"""Lengths that memory and kernels agree on, and the memory in which networks have their states."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

Device = str | torch.device

# The last bits of a small product depend on where a matrix begins in memory, and those of a sigmoid on
# whether a number is among the last of its tensor. Neither does if lengths are multiples of these (seen with
# MKL on a Zen 4), and then what a genome computes does not depend on its place in the batch.
ROW = 8  # numbers in a row of a small matrix
TENSOR = 64  # numbers that a neuron model moves at once

LANES = 16  # genomes that go together in one vector of 512 bits
MANY = 16  # columns (episodes or images) from which those of one genome fill a vector by themselves


def round_up(length: int, unit: int) -> int:
    """Returns the least multiple of a unit that is not less than a length.

    Args:
        length: At least 0.
        unit: At least 1.
    """
    return -(-length // unit) * unit


class Arena:
    """Memory on the CPU that networks which run one at a time share, each over the last one's state.

    A state is as large as all genomes' cells times images, and is needed only while the network runs. A
    worker keeps many networks; if each gave its state back and asked for another, the system would clear the
    pages anew every time, and what a network has bound to its state would have to be made again: half of the
    time.

    The arena is as large as the largest request so far, and at most twice that.
    """

    _GROWTH = (
        2  # so that earlier, smaller memories sum up to no more than the present; unused pages take nothing
    )

    def __init__(self) -> None:
        self._all = torch.empty(0)

    def take(self, sizes: Sequence[int]) -> list[Tensor]:
        """Returns tensors that hold anything; the next call returns the same memory.

        Where there was too little memory, earlier tensors keep what they are in.

        Args:
            sizes: Numbers in each tensor, which is flat and of float32.
        """
        firsts = [0, *accumulate(round_up(size, TENSOR) for size in sizes)]
        if firsts[-1] > len(self._all):
            self._all = torch.empty(max(firsts[-1], self._GROWTH * len(self._all)))
        return [self._all[first : first + size] for first, size in zip(firsts, sizes, strict=False)]
