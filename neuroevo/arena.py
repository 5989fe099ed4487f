"""Memory in which networks that are run one at a time have their states, one over the other.

A state is as large as all genomes' cells times images, and is needed only while the network runs. A worker
keeps many networks; if each gave its state back and asked for another, the system would clear the pages anew
every time, and what a network has bound to its state would have to be made again: half of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from neuroevo.blocks import TENSOR, whole

GROWTH = 2  # so that all that was too small takes no more than what is there; pages not used take nothing


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
