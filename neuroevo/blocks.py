"""The block-diagonal matrix of a batch of networks: its index structure, its values, and the product with it.

A row of the matrix is a cell; a column is a cell or, behind all cells, an input port. So one product takes
the activities of all cells and what comes from outside to the currents of all cells.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from neuroevo.phenotype import Blueprint

# The last bits of a small product depend on where a matrix begins in memory, and those of a sigmoid on
# whether a number is among the last of its tensor. Neither does if lengths are multiples of these (seen with
# MKL on a Zen 4), and then what a genome computes does not depend on its place in the batch.
ROW = 8  # numbers in a row of a small matrix
TENSOR = 64  # numbers that a neuron model moves at once


class Block:
    """Index structure and base weights of one architecture: the rows of one genome.

    Attributes:
        num_cells: N.
        num_ports: Columns kept for its I input ports, a multiple of ROW.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        a, gains = blueprint.architecture, blueprint.gains
        syn, gap, n = a.synapses, a.gap_junctions, a.num_cells
        self.num_cells, self.num_ports, self._dale = n, whole(len(a.inputs), ROW), a.dale
        received = np.bincount(syn.post, syn.weight, n)[syn.post]
        gain = np.where(a.is_muscle[syn.post], gains.neuromuscular, gains.core)
        self._base = torch.from_numpy((gain * syn.weight / received).astype(np.float32))
        self._sign = torch.from_numpy(a.sign[syn.pre].astype(np.float32))
        total = np.bincount(gap.pre, gap.weight, n) + np.bincount(gap.post, gap.weight, n)
        share = gap.weight / np.maximum(total[gap.pre], total[gap.post])
        self._gap_base = torch.from_numpy((gains.core * share).astype(np.float32))

        # Entries: synapses, gap junctions one way, the other way, what leaves through them, and input ports.
        coupled, ends = np.unique(np.concatenate([gap.pre, gap.post]), return_inverse=True)
        self._ends, self._num_coupled = torch.from_numpy(ends.astype(np.int64)), len(coupled)
        rows = np.concatenate([syn.post, gap.pre, gap.post, coupled, a.inputs]).astype(np.int64)
        cols = np.concatenate([syn.pre, gap.post, gap.pre, coupled, n + np.arange(len(a.inputs))])
        # Which column of [synapses, gap junctions, leaving, 1] an entry's value is.
        starts = np.cumsum([0, len(syn.pre), len(gap.pre), len(coupled)])
        gap_value = starts[1] + np.arange(len(gap.pre))
        leaving = starts[2] + np.arange(len(coupled))
        source = [np.arange(len(syn.pre)), gap_value, gap_value, leaving, np.full(len(a.inputs), starts[3])]
        order = np.lexsort((cols, rows))  # CSR
        self._source = torch.from_numpy(np.concatenate(source)[order])
        self._cols, self._row_lengths = cols[order], np.bincount(rows, minlength=n)

    def __len__(self) -> int:
        """Number of entries."""
        return len(self._cols)

    def place(self, count: int, first_cell: int, first_port: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns row lengths and columns of consecutive genomes.

        Args:
            count: Number of genomes.
            first_cell: Column of the first genome's first cell.
            first_port: Column of its first port.
        """
        genomes = np.arange(count)[:, None]
        cells = first_cell + self.num_cells * genomes + self._cols
        ports = first_port + self.num_ports * genomes + self._cols - self.num_cells
        columns = np.where(self._cols < self.num_cells, cells, ports)
        return np.tile(self._row_lengths, count), columns.ravel()

    def as_measured(self, count: int) -> tuple[Tensor, Tensor]:
        """Returns parameters of synapses and gap junctions, [P, .], that leave strengths as they are."""
        return torch.zeros(count, len(self._base)), torch.zeros(count, len(self._gap_base))

    def values(self, synapses: Tensor, gaps: Tensor, out: Tensor) -> None:
        """Writes the values, float32 [P, entries], of P genomes into `out`."""
        if self._dale:
            weights = torch.exp(synapses).mul_(self._base * self._sign)
        else:
            weights = (synapses + self._sign).mul_(self._base)
        coupling = torch.exp(gaps).mul_(self._gap_base)
        leaving = torch.zeros(len(gaps), self._num_coupled)
        leaving.index_add_(1, self._ends, torch.cat([coupling, coupling], 1), alpha=-1)
        parts = torch.cat([weights, coupling, leaving, torch.ones(len(gaps), 1)], 1)
        torch.index_select(parts, 1, self._source, out=out)


def whole(length: int, unit: int) -> int:
    """Returns the least multiple of `unit` that is not less than `length`."""
    return -(-length // unit) * unit


def assemble(blocks: Sequence[Block], counts: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
    """Returns the matrix of a batch and the places of its values.

    Args:
        blocks: One a lineage.
        counts: Genomes of each lineage.

    Returns:
        CSR [cells, M], whose M columns are the cells, filled up to a multiple of TENSOR, and then the ports;
        and per lineage the view [P, entries] of its values.
    """
    num_cells = sum(c * b.num_cells for b, c in zip(blocks, counts, strict=True))
    lengths, cols, cell, port = [], [], 0, whole(num_cells, TENSOR)
    for block, count in zip(blocks, counts, strict=True):
        placed = block.place(count, cell, port)
        lengths.append(placed[0])
        cols.append(placed[1])
        cell, port = cell + count * block.num_cells, port + count * block.num_ports
    crow = torch.from_numpy(np.concatenate([[0], np.cumsum(np.concatenate(lengths))]))
    col = torch.from_numpy(np.concatenate(cols))
    matrix = _sparse(crow, col, torch.zeros(len(col)), (num_cells, port))
    views = torch.split(matrix.values(), [c * len(b) for b, c in zip(blocks, counts, strict=True)])
    return matrix, [v.view(c, -1) for v, c in zip(views, counts, strict=True)]


def between_cells(matrix: Tensor) -> Tensor:
    """Returns a copy, CSR [cells, cells], of a matrix that `assemble` made, without its ports."""
    num_cells, cols = matrix.shape[0], matrix.col_indices()
    kept = cols < num_cells
    before = torch.cat([torch.zeros(1, dtype=torch.int64), kept.cumsum(0)])
    crow = before[matrix.crow_indices().long()]
    return _sparse(crow, cols[kept], matrix.values()[kept], (num_cells, num_cells))


def propagate(matrix: Tensor, source: Tensor, bias: Tensor, *, out: Tensor) -> None:
    """Writes `matrix @ source + bias`: the current of every cell.

    Args:
        matrix: CSR, float32 [cells, M].
        source: float32 [M, B].
        bias: float32 [cells, 1], or the same for all columns, [cells, B].
        out: float32 [cells, B], overwritten.
    """
    if source.shape[1] == 1:  # a matrix-vector product is 1.7 times as fast as one with one column
        torch.addmv(bias[:, 0], matrix, source[:, 0], out=out[:, 0])
    elif bias.shape == out.shape:
        torch.addmm(bias, matrix, source, out=out)
    else:
        torch.addmm(out, matrix, source, beta=0, out=out)  # `mm` would first make a matrix of zeros
        out.add_(bias)


def _sparse(crow: Tensor, col: Tensor, values: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns a CSR matrix with 32-bit indices."""
    with warnings.catch_warnings():
        # PyTorch says once that CSR is in beta; the tests compare every product with a plain loop.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support", category=UserWarning)
        return torch.sparse_csr_tensor(
            crow.to(torch.int32),
            col.to(torch.int32),
            values,
            size=size,
            check_invariants=False,  # a chemical and an electrical synapse may share a place: they add up
        )
