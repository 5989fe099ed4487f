"""The products that a network step is: right for few and many columns, and the same in whatever company."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuroevo.network.alignment import LANES
from neuroevo.network.matrix import SparsityPattern
from neuroevo.network.products import GenomeProduct, LaneProduct, Run

COLUMNS = [1, 2, 7, 16, 47, 70, 129]
GENOMES, ROWS, PORTS = 3, 24, 6


class Genomes:
    """Genomes with rows of 0 to 23 entries, some at one place, what they are multiplied with, and biases.

    Cells begin in row 2 of the source and ports behind all cells; what is written begins in row 5.
    """

    def __init__(self, columns: int) -> None:
        rng = np.random.default_rng(0)
        lengths = np.arange(ROWS)
        parts = np.concatenate([np.sort(rng.integers(0, 2, n)) for n in lengths]).astype(np.int8)
        self.pattern = SparsityPattern(
            lengths, rng.integers(0, np.where(parts, PORTS, ROWS)).astype(np.int32), parts
        )
        num_sources = 2 + GENOMES * (ROWS + PORTS)
        self.values = torch.from_numpy(rng.normal(size=(GENOMES, lengths.sum())).astype("f"))
        self.source = torch.from_numpy(rng.normal(size=(num_sources, columns)).astype("f"))
        self.bias = torch.from_numpy(rng.normal(size=(5 + GENOMES * ROWS, 1)).astype("f"))
        self.parts = [(2, ROWS), (2 + GENOMES * ROWS, PORTS)]

    def multiply(
        self, genomes: range = range(GENOMES), rows: np.ndarray | None = None, *, out: torch.Tensor
    ) -> torch.Tensor:
        """What is written into `out` for some genomes, or for some of their rows."""
        GenomeProduct([self.run(genomes, rows)], self.bias, self.source, out)()
        return out

    def run(self, genomes: range, rows: np.ndarray | None = None) -> Run:
        """Some of the genomes."""
        return Run(self.pattern, self.values, self.parts, 5, genomes, rows)

    def dense(self) -> torch.Tensor:
        """The products by dense matrices of double precision, [genomes * rows, B]."""
        rows = np.repeat(np.arange(ROWS), self.pattern.row_lengths)
        columns = self.pattern.behind_one_another([ROWS, PORTS])
        wanted = []
        for genome, values in enumerate(self.values.double().numpy()):
            matrix = np.zeros((ROWS, ROWS + PORTS))
            np.add.at(matrix, (rows, columns), values)
            cell, port = (first + genome * size for first, size in self.parts)
            source = torch.cat([self.source[cell : cell + ROWS], self.source[port : port + PORTS]]).double()
            bias = self.bias[5 + genome * ROWS : 5 + (genome + 1) * ROWS]
            wanted.append(torch.from_numpy(matrix) @ source + bias)
        return torch.cat(wanted)


def nothing(columns: int) -> torch.Tensor:
    """Rows in which nothing is written yet."""
    return torch.full((5 + GENOMES * ROWS, columns), 7.0)


@pytest.mark.parametrize("columns", COLUMNS)
def test_product_equals_a_dense_one_whatever_was_there_before(columns: int) -> None:
    genomes = Genomes(columns)
    out = genomes.multiply(out=torch.full((5 + GENOMES * ROWS, columns), torch.nan))
    torch.testing.assert_close(out[5:].double(), genomes.dense(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("columns", COLUMNS)
def test_product_of_some_rows_is_that_part_of_the_whole_and_writes_no_other(columns: int) -> None:
    genomes, rows = Genomes(columns), np.array([3, 4, 17])
    whole, part = genomes.multiply(out=nothing(columns)), nothing(columns)
    genomes.multiply(range(1, 3), rows, out=part)
    written = np.concatenate([5 + ROWS + rows, 5 + 2 * ROWS + rows])
    assert torch.equal(part[written], whole[written])
    assert (np.delete(part.numpy(), written, 0) == 7).all()


@pytest.mark.parametrize("columns", COLUMNS)
def test_product_reads_its_operands_anew_at_each_call(columns: int) -> None:
    genomes, out = Genomes(columns), nothing(columns)
    product = GenomeProduct([genomes.run(range(GENOMES))], genomes.bias, genomes.source, out)
    for tensor in (genomes.values, genomes.source, genomes.bias):
        product()
        tensor.mul_(2)
        product()
        assert torch.equal(out, genomes.multiply(out=nothing(columns)))


@pytest.mark.parametrize("columns", [1, 3, 16, 47, 63, 255])
def test_product_of_a_column_does_not_depend_on_the_columns_beside_it(columns: int) -> None:
    genomes = Genomes(500)
    source, whole = genomes.source, genomes.multiply(out=nothing(500))
    for first in (0, 3, 500 - columns):
        genomes.source = source[:, first : first + columns].contiguous()
        assert torch.equal(genomes.multiply(out=nothing(columns)), whole[:, first : first + columns])


def test_product_of_several_wirings_is_that_of_each() -> None:
    """Of the second, weights are the same for all genomes; both have their values in one storage."""
    genomes, alone, together = Genomes(20), nothing(20), nothing(20)
    entries = len(genomes.pattern.columns)
    storage = torch.cat([genomes.values.ravel(), torch.ones(entries)])
    genomes.values = storage[: GENOMES * entries].view(GENOMES, entries)
    shared = storage[GENOMES * entries :].view(1, entries)
    runs = [genomes.run(range(1)), Run(genomes.pattern, shared, genomes.parts, 5, range(1, 3))]
    for run in runs:
        GenomeProduct([run], genomes.bias, genomes.source, alone)()
    GenomeProduct(runs, genomes.bias, genomes.source, together)()
    assert torch.equal(alone, together)
    genomes.values = torch.ones(GENOMES, entries)
    assert torch.equal(together[5 + ROWS :], genomes.multiply(out=nothing(20))[5 + ROWS :])


class Herd:
    """Genomes of two patterns, the second smaller than a vector, and what they are multiplied with."""

    def __init__(self, counts: tuple[int, int], columns: int) -> None:
        rng = np.random.default_rng(0)
        self.counts = counts
        self.columns = columns
        self.sizes = (37, 3)
        self.ports = (20, 4)
        self.patterns = []
        for size, ports in zip(self.sizes, self.ports, strict=True):
            lengths = rng.integers(0, 9, size)
            parts = np.concatenate([np.sort(rng.integers(0, 2, n)) for n in lengths]).astype(np.int8)
            columns_ = rng.integers(0, np.where(parts, ports, size)).astype(np.int32)
            self.patterns.append(SparsityPattern(lengths, columns_, parts))
        pairs = list(zip(counts, self.patterns, strict=True))
        self.values = [torch.from_numpy(rng.normal(size=(c, len(p.columns))).astype("f")) for c, p in pairs]
        self.bias = [torch.from_numpy(rng.normal(size=(c, len(p.row_lengths))).astype("f")) for c, p in pairs]
        cells = [c * n for c, n in zip(counts, self.sizes, strict=True)]
        ports_ = [c * n for c, n in zip(counts, self.ports, strict=True)]
        self.first_cells = (5, 5 + cells[0])
        self.first_ports = (5 + sum(cells), 5 + sum(cells) + ports_[0])
        total = self.first_ports[1] + ports_[1]
        self.source = torch.from_numpy(rng.normal(size=(total, columns)).astype("f"))
        self.out = torch.full((total, columns), 7.0)

    def lanes(self) -> LaneProduct:
        """The matrices side by side."""
        lanes = LaneProduct(self.patterns, list(zip(self.sizes, self.ports, strict=True)), self.counts)
        for run, (values, bias) in enumerate(zip(self.values, self.bias, strict=True)):
            lanes.load(run, values, bias)
        return lanes

    def multiply(self, lanes: LaneProduct) -> torch.Tensor:
        """What they write; the rest stays 7."""
        widths = zip(self.first_cells, self.sizes, self.first_ports, self.ports, strict=True)
        parts = [[(cell, size), (port, num_ports)] for cell, size, port, num_ports in widths]
        lanes.bind(self.source, parts, self.out, self.first_cells)()
        return self.out

    def one(self, run: int, genome: int) -> torch.Tensor:
        """What one genome receives, by the product of its own matrix."""
        size, out = self.sizes[run], torch.zeros_like(self.out)
        parts = [(self.first_cells[run], size), (self.first_ports[run], self.ports[run])]
        first, bias = self.first_cells[run], torch.zeros(len(out), 1)
        where = slice(first + genome * size, first + (genome + 1) * size)
        bias[where, 0] = self.bias[run][genome]
        alone = Run(self.patterns[run], self.values[run], parts, first, range(genome, genome + 1))
        GenomeProduct([alone], bias, self.source, out)()
        return out[where]


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize(
    "counts", [*((n, LANES + 1 - n) for n in range(1, LANES + 1)), (LANES + 1, 2), (5, 2 * LANES + 3)]
)
def test_genomes_side_by_side_receive_to_the_bit_what_each_does_alone(
    counts: tuple[int, int], columns: int
) -> None:
    herd = Herd(counts, columns)
    written = herd.multiply(herd.lanes())
    for run, count in enumerate(counts):
        for genome in range(count):
            first = herd.first_cells[run] + genome * herd.sizes[run]
            assert torch.equal(written[first : first + herd.sizes[run]], herd.one(run, genome))
    assert (written[:5] == 7).all() and (written[herd.first_ports[0] :] == 7).all()


def test_genomes_side_by_side_can_be_loaded_anew_some_at_a_time() -> None:
    herd = Herd((LANES + 4, 6), 1)
    lanes = herd.lanes()
    herd.multiply(lanes)
    herd.values[0][14:19] += 1
    herd.bias[0][14:19] -= 1
    lanes.load(0, herd.values[0][14:19], herd.bias[0][14:19], slice(14, 19))
    again = herd.multiply(lanes).clone()
    assert torch.equal(again, herd.multiply(herd.lanes()))
