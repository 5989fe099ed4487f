"""The block-diagonal matrix of a batch of networks: its index structure and its values.

A row of the matrix is a current of a cell; a column is what a cell transmits or, behind all cells, an input
port. So one product takes the activities of all cells and what comes from outside to the currents of all
cells. Where the neuron model asks for it there are several groups of rows, one a kind of current, and two of
columns: what synapses transmit, and what gap junctions couple.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from neuroevo.network.alignment import ROW, TENSOR, Device, round_up

if TYPE_CHECKING:
    from neuroevo.network.blueprint import Blueprint
    from neuroevo.wiring.architecture import Architecture


TRANSMITTED, COUPLED, PORT = range(3)  # groups of columns


def assemble(
    blocks: Sequence[GenomeBlock], counts: Sequence[int], device: Device = "cpu"
) -> tuple[Tensor, list[LineageBlocks]]:
    """Returns the matrix of a batch, and what of it belongs to each lineage.

    Args:
        blocks: One a lineage, all of one neuron model.
        counts: Genomes of each lineage.
        device: Where the matrix is to be.

    Returns:
        CSR [rows, M], and the blocks of each lineage. The matrix's rows are the cells, once for each group,
        of which all but the last are filled up to a multiple of TENSOR. Its M columns are the cells, filled
        up too, once for each group, and then the ports.
    """
    num_cells = sum(c * b.num_cells for b, c in zip(blocks, counts, strict=True))
    filled, num_groups = round_up(num_cells, TENSOR), len(blocks[0].row_groups)
    first_port = filled * blocks[0].num_column_groups
    lengths, columns, sizes = [], [], []
    firsts = list(_firsts(blocks, counts, first_port))
    for group in range(num_groups):
        for block, count, first in zip(blocks, counts, firsts, strict=True):
            block_lengths, block_columns = block.place(group, count, *first, filled)
            lengths.append(block_lengths)
            columns.append(block_columns)
            sizes.append(count * len(block.row_groups[group]))
        if group < num_groups - 1:
            lengths.append(np.zeros(filled - num_cells, np.int64))
    starts = torch.from_numpy(np.concatenate([[0], np.cumsum(np.concatenate(lengths))]))
    all_columns = torch.from_numpy(np.concatenate(columns))
    matrix = csr_matrix(
        starts.to(device),
        all_columns.to(device),
        torch.zeros(len(all_columns), device=device),
        (len(starts) - 1, first_port + sum(c * b.num_ports for b, c in zip(blocks, counts, strict=True))),
    )
    views = torch.split(matrix.values(), sizes)
    shaped = [v.view(counts[k % len(counts)], -1) for k, v in enumerate(views)]
    return matrix, [
        LineageBlocks(block, count, *first, shaped[r :: len(counts)])
        for r, (block, count, first) in enumerate(zip(blocks, counts, firsts, strict=True))
    ]


def _firsts(
    blocks: Sequence[GenomeBlock], counts: Sequence[int], first_port: int
) -> Iterator[tuple[int, int]]:
    """Yields where each lineage's cells and ports start."""
    cell, port = 0, first_port
    for block, count in zip(blocks, counts, strict=True):
        yield cell, port
        cell, port = cell + count * block.num_cells, port + count * block.num_ports


@dataclass(frozen=True, eq=False)
class LineageBlocks:
    """The blocks of one lineage: consecutive genomes of a batch that have one wiring.

    Attributes:
        block: Block of the wiring.
        count: Number of genomes, P.
        first_cell: Place of the first genome's first cell among all cells.
        first_port: Column of its first port.
        values: For each group of rows, a view [P, entries] of the matrix's values.
    """

    block: GenomeBlock
    count: int
    first_cell: int
    first_port: int
    values: list[Tensor]

    @property
    def rows(self) -> slice:
        """Where the lineage's cells are among all cells."""
        return slice(self.first_cell, self.first_cell + self.count * self.block.num_cells)


class GenomeBlock:
    """The block of one genome on the matrix's diagonal: index structure and base weights of an architecture.

    Args:
        blueprint: The architecture with its gains and its neuron model.
        device: Where the weights are to be.

    Attributes:
        num_cells: N.
        num_ports: Columns kept for its I input ports, a multiple of ROW.
        num_column_groups: Groups of columns of cells, 1 or 2.
        row_groups: Entries of each group of rows.
    """

    def __init__(self, blueprint: Blueprint, device: Device = "cpu") -> None:
        a, gains, neuron = blueprint.architecture, blueprint.gains, blueprint.neuron
        syn, gap, n = a.synapses, a.gap_junctions, a.num_cells
        self._model = neuron.model
        self._dale = a.dale
        self.num_column_groups = 2 if neuron.is_coupled_apart else 1
        self.num_cells = n
        self.num_ports = round_up(len(a.inputs), ROW)
        received = np.bincount(syn.post, syn.weight, n)[syn.post]
        gain = np.where(a.is_muscle[syn.post], gains.neuromuscular, gains.core)
        self._base = torch.from_numpy((gain * syn.weight / received).astype(np.float32)).to(device)
        self._sign = torch.from_numpy(a.sign[syn.pre].astype(np.float32)).to(device)
        total = np.bincount(gap.pre, gap.weight, n) + np.bincount(gap.post, gap.weight, n)
        share = gap.weight / np.maximum(total[gap.pre], total[gap.post])
        scale = gains.core * self._model.gap_scale
        self._gap_base = torch.from_numpy((scale * share).astype(np.float32)).to(device)
        coupled, ends = np.unique(np.concatenate([gap.pre, gap.post]), return_inverse=True)
        self._coupled = torch.from_numpy(coupled.astype(np.int64)).to(device)
        self._ends = torch.from_numpy(ends.astype(np.int64)).to(device)
        self.row_groups = [
            replace(entries, sources=entries.sources.to(device)) for entries in self._entries(a, coupled)
        ]

    def _entries(self, a: Architecture, coupled: np.ndarray) -> list[RowGroup]:
        """Returns the entries of each group of rows.

        The genome's values are its synapses, or where they open conductances those that excite and those that
        inhibit; then its gap junctions, what leaves each coupled cell through them, and 1.
        """
        syn, gap, n = a.synapses, a.gap_junctions, self.num_cells
        e, apart = len(syn.pre), COUPLED if self.num_column_groups == 2 else TRANSMITTED
        first = e * (2 if self._model.conductances else 1)
        gap_value = first + np.arange(len(gap.pre))
        leaving = first + len(gap.pre) + np.arange(len(coupled))
        port_value = np.full(len(a.inputs), first + len(gap.pre) + len(coupled))
        rest = [
            (gap.pre, apart, gap.post, gap_value),
            (gap.post, apart, gap.pre, gap_value),
            (coupled, apart, coupled, leaving),
            (a.inputs, PORT, np.arange(len(a.inputs)), port_value),
        ]
        synapses = (syn.post, TRANSMITTED, syn.pre, np.arange(e))
        if not self._model.conductances:
            return [_row_group(n, [synapses, *rest])]
        # A synapse that may change its sign has a place among both conductances.
        sign = a.sign[syn.pre]
        excite, inhibit = (np.flatnonzero((sign == s) | (not a.dale)) for s in (1, -1))
        return [
            _row_group(n, rest),
            _row_group(n, [(syn.post[excite], TRANSMITTED, syn.pre[excite], excite)]),
            _row_group(n, [(syn.post[inhibit], TRANSMITTED, syn.pre[inhibit], e + inhibit)]),
        ]

    def place(
        self, group: int, count: int, first_cell: int, first_port: int, spacing: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns row lengths and columns of consecutive genomes.

        Args:
            group: Number of the group of rows.
            count: Number of genomes.
            first_cell: Place of the first genome's first cell among all cells.
            first_port: Column of its first port.
            spacing: Columns from one group of columns of cells to the next.
        """
        entries, genomes = self.row_groups[group], np.arange(count)[:, None]
        cells = entries.column_group * spacing + first_cell + self.num_cells * genomes + entries.columns
        ports = first_port + self.num_ports * genomes + entries.columns
        columns = np.where(entries.column_group == PORT, ports, cells)
        return np.tile(entries.row_lengths, count), columns.ravel()

    def columns(self, group: int) -> np.ndarray:
        """Returns columns, int64 [entries], as one genome has them: its groups of cells, then its ports.

        Args:
            group: Number of the group of rows.
        """
        entries = self.row_groups[group]
        behind = self.num_column_groups * self.num_cells
        first = np.where(entries.column_group == PORT, behind, entries.column_group * self.num_cells)
        return first + entries.columns

    def parameters_as_measured(self, count: int) -> tuple[Tensor, Tensor]:
        """Returns parameters of synapses and gap junctions, [P, .], that leave strengths as they are.

        Args:
            count: Number of genomes, P.
        """
        return self._base.new_zeros(count, len(self._base)), self._base.new_zeros(count, len(self._gap_base))

    def synapse_weights(self, synapses: Tensor) -> Tensor:
        """Returns the weights of synapses, with their signs, float32 [P, E].

        Args:
            synapses: Parameters of the synapses, float32 [P, E].
        """
        if self._dale:
            return torch.exp(synapses).mul_(self._base * self._sign)
        return (synapses + self._sign).mul_(self._base)

    def gap_weights(self, gaps: Tensor) -> Tensor:
        """Returns the conductances of gap junctions, the same both ways, float32 [P, G].

        Args:
            gaps: Parameters of the gap junctions, float32 [P, G].
        """
        return torch.exp(gaps).mul_(self._gap_base)

    def coupling(self, gaps: Tensor) -> Tensor:
        """Returns the conductance of all gap junctions of each cell, float32 [P, N].

        Args:
            gaps: Parameters of the gap junctions, float32 [P, G].
        """
        conductance = self.gap_weights(gaps)
        total = gaps.new_zeros(len(gaps), self.num_cells)
        total[:, self._coupled] = _leaving(conductance, self._ends, len(self._coupled))
        return total

    def write_values(self, synapses: Tensor, gaps: Tensor, out: Sequence[Tensor]) -> None:
        """Writes the weights of P genomes.

        Args:
            synapses: Parameters of the synapses, float32 [P, E].
            gaps: Parameters of the gap junctions, float32 [P, G].
            out: For each group of rows, float32 [P, entries].
        """
        weights, coupling = self.synapse_weights(synapses), self.gap_weights(gaps)
        leaving = _leaving(coupling, self._ends, len(self._coupled)).neg_()
        chemical = (
            [weights.clamp(min=0), weights.neg().clamp_(min=0)] if self._model.conductances else [weights]
        )
        values = torch.cat([*chemical, coupling, leaving, gaps.new_ones(len(gaps), 1)], 1)
        for entries, place in zip(self.row_groups, out, strict=True):
            torch.index_select(values, 1, entries.sources, out=place)


def _leaving(conductance: Tensor, ends: Tensor, num_coupled: int) -> Tensor:
    """Returns the sums [P, coupled] of conductances [P, G] over the gap junctions that end at each cell."""
    sums = conductance.new_zeros(len(conductance), num_coupled)
    return sums.index_add_(1, ends, torch.cat([conductance, conductance], 1))


@dataclass(frozen=True)
class RowGroup:
    """Entries of one group of rows of a genome, in CSR order.

    Attributes:
        row_lengths: Entries in each row, int64 [N].
        column_group: Group of columns of each entry, int64 [entries].
        columns: Column within its group, for one genome, int64 [entries].
        sources: Which of the genome's values each entry takes, int64 [entries].
    """

    row_lengths: np.ndarray
    column_group: np.ndarray
    columns: np.ndarray
    sources: Tensor

    def __len__(self) -> int:
        """Number of entries."""
        return len(self.columns)


def _row_group(num_cells: int, parts: list[tuple[np.ndarray, int, np.ndarray, np.ndarray]]) -> RowGroup:
    """Returns entries in CSR order; parts are (rows, group of columns, columns, sources)."""
    rows = np.concatenate([p[0] for p in parts]).astype(np.int64)
    group = np.concatenate([np.full(len(p[0]), p[1]) for p in parts])
    columns = np.concatenate([p[2] for p in parts]).astype(np.int64)
    order = np.lexsort((columns, group, rows))
    sources = torch.from_numpy(np.concatenate([p[3] for p in parts]).astype(np.int64)[order])
    return RowGroup(np.bincount(rows, minlength=num_cells), group[order], columns[order], sources)


def between_cells(matrix: Tensor, num_cells: int, num_column_groups: int) -> Tensor:
    """Returns a copy, CSR [cells, cells], of a matrix that `assemble` made, without its ports.

    Groups of rows and columns are added up, inhibition with a minus.

    Args:
        matrix: CSR [rows, M].
        num_cells: Cells of all genomes.
        num_column_groups: Groups of columns of cells, 1 or 2.
    """
    filled = round_up(num_cells, TENSOR)
    lengths = torch.diff(matrix.crow_indices().long())
    rows = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    columns, values = matrix.col_indices().long(), matrix.values()
    signed = torch.where(rows >= 2 * filled, -values, values)
    is_cell = columns < filled * num_column_groups
    places, size = torch.stack([rows[is_cell] % filled, columns[is_cell] % filled]), (num_cells, num_cells)
    summed = torch.sparse_coo_tensor(places, signed[is_cell], size, check_invariants=False).coalesce()
    row_lengths = torch.bincount(summed.indices()[0], minlength=num_cells)
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), row_lengths.cumsum(0)])
    return csr_matrix(starts, summed.indices()[1], summed.values(), size)


def csr_matrix(starts: Tensor, columns: Tensor, values: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns a CSR matrix with 32-bit indices; the values stay where they are.

    Args:
        starts: Where each row's entries begin, and where those of the last end, [rows + 1].
        columns: Column of each entry, [entries].
        values: float32 [entries].
        size: Rows and columns.
    """
    with warnings.catch_warnings():
        # PyTorch says once that CSR is in beta; the tests compare every product with a plain loop.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support", category=UserWarning)
        return torch.sparse_csr_tensor(
            starts.to(torch.int32),
            columns.to(torch.int32),
            values,
            size=size,
            check_invariants=False,  # a chemical and an electrical synapse may share a place: they add up
        )
