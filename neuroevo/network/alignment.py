"""Widths that memory and kernels agree on, and the memory in which networks have their states.

A state is as large as all genomes' cells times images, and is needed only while the network runs. A worker
keeps many networks; if each gave its state back and asked for another, the system would clear the pages anew
every time, and what a network has bound to its state would have to be made again: half of the time. So
networks that run one at a time have their states in one `Arena`, one over the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

# The last bits of a small product depend on where a matrix begins in memory, and those of a sigmoid on
# whether a number is among the last of its tensor. Neither does if lengths are multiples of these (seen with
# MKL on a Zen 4), and then what a genome computes does not depend on its place in the batch.
ROW = 8  # numbers in a row of a small matrix
TENSOR = 64  # numbers that a neuron model moves at once

Device = str | torch.device

GROWTH = 2  # so that all that was too small takes no more than what is there; pages not used take nothing

LANES = 16  # genomes that go together: numbers in a vector of 512 bits
FEW = 16  # columns from which those of one genome fill a vector


def whole(length: int, unit: int) -> int:
    """Returns the least multiple of `unit` that is not less than `length`."""
    return -(-length // unit) * unit


class Arena:
    """Memory on the CPU, as much as the largest that was asked for, and at most twice that."""

    def __init__(self) -> None:
        self._all = torch.empty(0)

    def take(self, sizes: Sequence[int]) -> list[Tensor]:
        """Returns tensors of these sizes, float32, that hold anything; the next call returns the same memory.

        Where there was too little, earlier tensors keep what they are in.
        """
        firsts = [0, *accumulate(whole(size, TENSOR) for size in sizes)]
        if firsts[-1] > len(self._all):
            self._all = torch.empty(max(firsts[-1], GROWTH * len(self._all)))
        return [self._all[first : first + size] for first, size in zip(firsts, sizes, strict=False)]
