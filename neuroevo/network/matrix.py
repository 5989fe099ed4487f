"""The block-diagonal matrix of a batch of networks: where its entries are, and their values.

A row of the matrix is a current of a cell; a column is what a cell transmits or, behind all cells, an input
port. So one product takes the activities of all cells and what comes from outside to the currents of all
cells. Where the neuron model asks for it there are several groups of rows, one a kind of current, and two of
columns: what synapses transmit, and what gap junctions couple.

On a CPU the matrix is never put together. Genomes of one wiring share the places of their entries, and a
genome adds four bytes an entry: its weights, which are written where a product wants them. A device has the
matrix as one CSR tensor.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from neuroevo.network.alignment import ROW, TENSOR, Device, round_up

if TYPE_CHECKING:
    from neuroevo.network.blueprint import Blueprint
    from neuroevo.wiring.architecture import Architecture


TRANSMITTED, COUPLED, PORT = range(3)  # groups of columns

_AT_ONCE = 1 << 24  # values that are decoded at once: 64 MB


class BlockMatrix:
    """The matrix of a batch: one block a genome along the diagonal.

    Rows are the cells, once for each group of rows, of which all but the last are filled up to a multiple of
    TENSOR. The M columns are the cells, filled up too, once for each group of columns, and then the ports.

    Args:
        blocks: One a lineage, all of one neuron model.
        counts: Genomes of each lineage.
        device: Where the matrix is to be.

    Attributes:
        device: Where it is.
        lineages: What of it belongs to each lineage.
        num_cells: Cells of all genomes.
        filled: Rows of a group, and columns of a group of cells: the cells, filled up.
        shape: Its rows, and M.
        csr: The matrix, CSR [rows, M], on a device; None on a CPU.
    """

    def __init__(self, blocks: Sequence[GenomeBlock], counts: Sequence[int], device: Device = "cpu") -> None:
        self.device = torch.device(device)
        self.num_cells = sum(c * b.num_cells for b, c in zip(blocks, counts, strict=True))
        self.filled = round_up(self.num_cells, TENSOR)
        self._num_groups = len(blocks[0].row_groups)
        first_port = self.filled * blocks[0].num_column_groups
        num_ports = sum(c * b.num_ports for b, c in zip(blocks, counts, strict=True))
        self.shape = self.filled * (self._num_groups - 1) + self.num_cells, first_port + num_ports
        self.lineages = [
            LineageBlocks(block, count, *first)
            for block, count, first in zip(blocks, counts, _firsts(blocks, counts, first_port), strict=True)
        ]
        self.csr = None if self.device.type == "cpu" else self.assemble()

    def assemble(self) -> Tensor:
        """Returns the matrix, CSR [rows, M]; the values of lineages are views of its own from now on."""
        lengths, columns = [], []
        for group in range(self._num_groups):
            for lineage in self.lineages:
                block_lengths, block_columns = lineage.place(group, self.filled)
                lengths.append(block_lengths)
                columns.append(block_columns)
            if group < self._num_groups - 1:
                lengths.append(np.zeros(self.filled - self.num_cells, np.int64))
        starts = torch.from_numpy(np.concatenate([[0], np.cumsum(np.concatenate(lengths))]))
        all_columns = torch.from_numpy(np.concatenate(columns))
        values = self.keep_values()
        return csr_matrix(starts.to(self.device), all_columns.to(self.device), values, self.shape)

    def keep_values(self) -> Tensor:
        """Returns all weights, one behind the other in the matrix's order, kept so from now on."""
        groups = range(self._num_groups)
        sizes = [x.count * len(x.block.row_groups[group]) for group in groups for x in self.lineages]
        values = torch.zeros(sum(sizes), device=self.device)
        views = torch.split(values, sizes)
        for k, lineage in enumerate(self.lineages):
            lineage.keep([view.view(lineage.count, -1) for view in views[k :: len(self.lineages)]])
        return values

    def drop_values(self) -> None:
        """Gives back the weights that `keep_values` made."""
        for lineage in self.lineages:
            lineage.keep([])


def _firsts(
    blocks: Sequence[GenomeBlock], counts: Sequence[int], first_port: int
) -> Iterator[tuple[int, int]]:
    """Yields where each lineage's cells and ports start."""
    cell, port = 0, first_port
    for block, count in zip(blocks, counts, strict=True):
        yield cell, port
        cell, port = cell + count * block.num_cells, port + count * block.num_ports


class LineageBlocks:
    """The blocks of one lineage: consecutive genomes of a batch that have one wiring.

    Args:
        block: Block of the wiring.
        count: Number of genomes, P.
        first_cell: Place of the first genome's first cell among all cells.
        first_port: Column of its first port.

    Attributes:
        block: Block of the wiring.
        count: P.
        first_cell: Place of the first genome's first cell among all cells.
        first_port: Column of its first port.
        values: For each group of rows the genomes' weights, float32 [P, entries], genome by genome; none
            while nobody wants them so.
    """

    def __init__(self, block: GenomeBlock, count: int, first_cell: int, first_port: int) -> None:
        self.block = block
        self.count = count
        self.first_cell = first_cell
        self.first_port = first_port
        self.values: list[Tensor] = []
        self._parameters: tuple[Tensor, Tensor] | None = None

    @property
    def rows(self) -> slice:
        """Where the lineage's cells are among all cells."""
        return slice(self.first_cell, self.first_cell + self.count * self.block.num_cells)

    def parts(self, genome: int, filled: int) -> list[tuple[int, int]]:
        """Returns for each part of what genomes are multiplied with a genome's first row, and its rows.

        Args:
            genome: Number of the genome among those of the lineage.
            filled: Rows from one group of cells to the next.
        """
        block = self.block
        cell = self.first_cell + genome * block.num_cells
        groups = [(k * filled + cell, block.num_cells) for k in range(block.num_column_groups)]
        return [*groups, (self.first_port + genome * block.num_ports, block.num_ports)]

    def place(self, group: int, filled: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns row lengths and columns of all genomes in the whole matrix.

        Args:
            group: Number of the group of rows.
            filled: Columns from one group of columns of cells to the next.
        """
        pattern, genomes = self.block.row_groups[group].pattern, np.arange(self.count)[:, None]
        firsts = np.array([first for first, _ in self.parts(0, filled)])
        steps = np.array([size for _, size in self.parts(0, filled)])
        columns = firsts[pattern.parts] + steps[pattern.parts] * genomes + pattern.columns
        return np.tile(pattern.row_lengths, self.count), columns.ravel()

    def take(self, synapses: Tensor, gaps: Tensor) -> None:
        """Takes notice of new parameters, which stay as they are until the next.

        Args:
            synapses: Parameters of the synapses, float32 [P, E].
            gaps: Parameters of the gap junctions, float32 [P, G].
        """
        self._parameters = synapses, gaps
        self._fill()

    def keep(self, values: list[Tensor]) -> None:
        """Has the genomes' weights in some place from now on.

        Args:
            values: For each group of rows float32 [P, entries]; none where nobody wants them.
        """
        self.values = values
        self._fill()

    def _fill(self) -> None:
        """Writes the weights into `values`, if there are any."""
        if self.values and self._parameters is not None:
            for genomes, decoded in self.decoded(range(self.count)):
                for entries, values in zip(self.block.row_groups, self.values, strict=True):
                    torch.index_select(decoded, 1, entries.sources, out=values[genomes])

    def decoded(self, genomes: range) -> Iterator[tuple[slice, Tensor]]:
        """Yields the values of some genomes, float32 [p, V], a few genomes at a time, and which they are.

        Args:
            genomes: Which of the lineage's genomes.
        """
        if self._parameters is None:
            return
        at_once = max(1, _AT_ONCE // self.block.num_values)
        for first in range(genomes.start, genomes.stop, at_once):
            part = slice(first, min(first + at_once, genomes.stop))
            yield part, self.block.values(*(x[part] for x in self._parameters))


@dataclass(frozen=True)
class SparsityPattern:
    """Where the entries of a genome's matrix are.

    What a genome is multiplied with has parts: groups of cells, and ports.

    Attributes:
        row_lengths: Entries in each of n rows, int64 [n].
        columns: Of the entries, row by row and in a row part by part, counted from the first of their part,
            int32 [E].
        parts: The part that each entry is in, int8 [E].
    """

    row_lengths: np.ndarray
    columns: np.ndarray
    parts: np.ndarray

    @classmethod
    def of_one_part(cls, row_lengths: np.ndarray, columns: np.ndarray) -> SparsityPattern:
        """Returns the pattern of a matrix that is multiplied with a single part.

        Args:
            row_lengths: Entries in each row, int64 [n].
            columns: Of the entries, row by row [E].
        """
        return cls(row_lengths, columns.astype(np.int32), np.zeros(len(columns), np.int8))

    def behind_one_another(self, widths: Sequence[int]) -> np.ndarray:
        """Returns columns, int32 [E], of a matrix whose parts lie one behind the other.

        Args:
            widths: Columns of each part.
        """
        firsts = np.cumsum([0, *widths[:-1]], dtype=np.int32)
        return self.columns + firsts[self.parts]

    def bounds(self, num_parts: int) -> np.ndarray:
        """Returns where the entries of each part of each row begin, and where the last end.

        Args:
            num_parts: Parts of a row, K.

        Returns:
            int64 [n * K + 1], row by row.
        """
        rows = np.repeat(np.arange(len(self.row_lengths)), self.row_lengths)
        counts = np.bincount(rows * num_parts + self.parts, minlength=len(self.row_lengths) * num_parts)
        return np.concatenate([[0], np.cumsum(counts)])

    def order(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns rows in order of length, so that a core guesses where each ends, and their entries."""
        order = np.argsort(self.row_lengths, kind="stable")
        lengths = self.row_lengths[order]
        starts = np.cumsum(self.row_lengths) - self.row_lengths
        shift = starts[order] - (np.cumsum(lengths) - lengths)
        return order, np.repeat(shift, lengths) + np.arange(lengths.sum())


class GenomeBlock:
    """The block of one genome on the matrix's diagonal: index structure and base weights of an architecture.

    Args:
        blueprint: The architecture with its gains and its neuron model.
        device: Where the weights are to be.

    Attributes:
        num_cells: N.
        num_ports: Columns kept for its I input ports, a multiple of ROW.
        num_column_groups: Groups of columns of cells, 1 or 2.
        num_values: Different values of a genome, V.
        device: Where the weights are.
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
        self.device = torch.device(device)
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
        chemical = len(syn.pre) * (2 if self._model.conductances else 1)
        self.num_values = chemical + len(gap.pre) + len(coupled) + 1
        self.row_groups = self._entries(a, coupled)

    def _entries(self, a: Architecture, coupled: np.ndarray) -> list[RowGroup]:
        """Returns the entries of each group of rows.

        The genome's values are its synapses, or where they open conductances those that excite and those that
        inhibit; then its gap junctions, what leaves each coupled cell through them, and 1.
        """
        syn, gap = a.synapses, a.gap_junctions
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
            return [self._row_group([synapses, *rest])]
        # A synapse that may change its sign has a place among both conductances.
        sign = a.sign[syn.pre]
        excite, inhibit = (np.flatnonzero((sign == s) | (not a.dale)) for s in (1, -1))
        return [
            self._row_group(rest),
            self._row_group([(syn.post[excite], TRANSMITTED, syn.pre[excite], excite)]),
            self._row_group([(syn.post[inhibit], TRANSMITTED, syn.pre[inhibit], e + inhibit)]),
        ]

    def _row_group(self, entries: list[tuple[np.ndarray, int, np.ndarray, np.ndarray]]) -> RowGroup:
        """Returns entries in CSR order, of some (rows, group of columns, columns, sources)."""
        rows, columns, sources = (np.concatenate([e[k] for e in entries]).astype(np.int32) for k in (0, 2, 3))
        parts = np.concatenate(
            [np.full(len(e[0]), min(e[1], self.num_column_groups), np.int8) for e in entries]
        )
        order = np.lexsort((columns, parts, rows))
        lengths = np.bincount(rows, minlength=self.num_cells)
        pattern = SparsityPattern(lengths, columns[order], parts[order])
        return RowGroup(pattern, torch.from_numpy(sources[order]).to(self.device))

    @property
    def widths(self) -> list[int]:
        """Columns of each part of what a genome is multiplied with: groups of cells, and ports."""
        return [*[self.num_cells] * self.num_column_groups, self.num_ports]

    def ports_alone(self) -> SparsityPattern:
        """Returns where the entries of the first group of rows are that lead from ports."""
        whole = self.row_groups[0].pattern
        is_port = whole.parts == self.num_column_groups
        receivers = np.repeat(np.arange(self.num_cells), whole.row_lengths)[is_port]
        lengths = np.bincount(receivers, minlength=self.num_cells)
        return SparsityPattern(lengths, whole.columns[is_port], whole.parts[is_port])

    def senders_to(self, is_receiver: np.ndarray) -> np.ndarray:
        """Returns the cells that some cells receive from, in the first group of rows.

        Args:
            is_receiver: Which cells, bool [N].
        """
        whole = self.row_groups[0].pattern
        reaches = np.repeat(is_receiver, whole.row_lengths) & (whole.parts == 0)
        return whole.columns[reaches]

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

    def values(self, synapses: Tensor, gaps: Tensor) -> Tensor:
        """Returns the different values of P genomes, float32 [P, V]; see `RowGroup.sources`.

        Args:
            synapses: Parameters of the synapses, float32 [P, E].
            gaps: Parameters of the gap junctions, float32 [P, G].
        """
        weights, coupling = self.synapse_weights(synapses), self.gap_weights(gaps)
        leaving = _leaving(coupling, self._ends, len(self._coupled)).neg_()
        chemical = (
            [weights.clamp(min=0), weights.neg().clamp_(min=0)] if self._model.conductances else [weights]
        )
        return torch.cat([*chemical, coupling, leaving, gaps.new_ones(len(gaps), 1)], 1)


def _leaving(conductance: Tensor, ends: Tensor, num_coupled: int) -> Tensor:
    """Returns the sums [P, coupled] of conductances [P, G] over the gap junctions that end at each cell."""
    sums = conductance.new_zeros(len(conductance), num_coupled)
    return sums.index_add_(1, ends, torch.cat([conductance, conductance], 1))


@dataclass(frozen=True)
class RowGroup:
    """Entries of one group of rows of a genome, in CSR order.

    Attributes:
        pattern: Where they are.
        sources: Which of the genome's values each entry takes, int32 [entries].
    """

    pattern: SparsityPattern
    sources: Tensor

    def __len__(self) -> int:
        """Number of entries."""
        return len(self.pattern.columns)


def between_cells(whole: BlockMatrix) -> Tensor:
    """Returns a copy, CSR [cells, cells], of a matrix without its ports, on the CPU.

    Groups of rows and columns are added up, inhibition with a minus.

    Args:
        whole: The matrix of a batch.
    """
    places, entries = [], []
    for lineage in whole.lineages:
        block = lineage.block
        steps = lineage.first_cell + block.num_cells * np.arange(lineage.count)[:, None]
        decoded = [values for _, values in lineage.decoded(range(lineage.count))]
        values = torch.cat(decoded) if decoded else torch.zeros(lineage.count, block.num_values)
        for group, row_group in enumerate(block.row_groups):
            pattern = row_group.pattern
            is_cell = pattern.parts < block.num_column_groups
            rows = np.repeat(np.arange(block.num_cells), pattern.row_lengths)[is_cell]
            places.append(np.stack([steps + rows, steps + pattern.columns[is_cell]]).reshape(2, -1))
            sources = row_group.sources[torch.from_numpy(is_cell).to(block.device)]
            taken = torch.index_select(values, 1, sources)
            entries.append((-taken if group == 2 else taken).reshape(-1).cpu())
    size = whole.num_cells, whole.num_cells
    indices = torch.from_numpy(np.concatenate(places, 1))
    summed = torch.sparse_coo_tensor(indices, torch.cat(entries), size, check_invariants=False).coalesce()
    row_lengths = torch.bincount(summed.indices()[0], minlength=whole.num_cells)
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
