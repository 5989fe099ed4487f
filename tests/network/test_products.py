"""The products that a network step is: right for few and many columns, and the same in whatever company."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuroevo.network.alignment import LANES
from neuroevo.network.matrix import csr_matrix
from neuroevo.network.products import LaneProduct, SparseProduct, SparsityPattern

COLUMNS = [1, 2, 7, 16, 47, 70]


def matrix_of(row_lengths: list[int], num_sources: int, rng: torch.Generator) -> torch.Tensor:
    """A CSR matrix whose rows have so many entries, some at one place."""
    starts = torch.tensor([0, *np.cumsum(row_lengths)])
    columns = torch.randint(0, num_sources, (sum(row_lengths),), generator=rng)
    values = torch.randn(sum(row_lengths), generator=rng)
    return csr_matrix(starts, columns, values, (len(row_lengths), num_sources))


def operands(columns: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A matrix with rows of 0 to 23 entries, what it is multiplied with, and a bias."""
    rng = torch.Generator().manual_seed(0)
    matrix = matrix_of(list(range(24)), 30, rng)
    return matrix, torch.randn(30, columns, generator=rng), torch.randn(24, 1, generator=rng)


@pytest.mark.parametrize("columns", COLUMNS)
def test_product_equals_a_dense_one_whatever_was_there_before(columns: int) -> None:
    matrix, source, bias = operands(columns)
    out = torch.full((24, columns), torch.nan)
    SparseProduct(matrix, source, bias, out)()
    wanted = matrix.to_dense().double() @ source.double() + bias
    torch.testing.assert_close(out.double(), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("columns", COLUMNS)
def test_product_of_some_rows_is_that_part_of_the_whole_and_writes_no_other(columns: int) -> None:
    matrix, source, bias = operands(columns)
    whole, part = torch.zeros(24, columns), torch.full((24, columns), 7.0)
    SparseProduct(matrix, source, bias, whole)()
    SparseProduct(matrix, source, bias, part, slice(5, 17))()
    assert torch.equal(part[5:17], whole[5:17])
    assert (part[:5] == 7).all() and (part[17:] == 7).all()


@pytest.mark.parametrize("columns", COLUMNS)
def test_product_reads_its_operands_anew_at_each_call(columns: int) -> None:
    matrix, source, bias = operands(columns)
    out, again = torch.zeros(24, columns), torch.zeros(24, columns)
    product = SparseProduct(matrix, source, bias, out)
    for tensor in (matrix.values(), source, bias):
        product()
        tensor.mul_(2)
        product()
        SparseProduct(matrix, source, bias, again)()
        assert torch.equal(out, again)


@pytest.mark.parametrize("columns", [1, 3, 16, 47, 63, 255])
def test_product_of_a_column_does_not_depend_on_the_columns_beside_it(columns: int) -> None:
    matrix, source, bias = operands(500)
    whole = torch.zeros(24, 500)
    SparseProduct(matrix, source, bias, whole)()
    for first in (0, 3, 500 - columns):
        out = torch.zeros(24, columns)
        SparseProduct(matrix, source[:, first : first + columns].contiguous(), bias, out)()
        assert torch.equal(out, whole[:, first : first + columns])


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
            self.patterns.append(SparsityPattern(lengths, rng.integers(0, size + ports, lengths.sum())))
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
        lanes = LaneProduct(self.patterns, self.counts)
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
        pattern, size, ports = self.patterns[run], self.sizes[run], self.ports[run]
        cell, port = self.first_cells[run] + genome * size, self.first_ports[run] + genome * ports
        starts = torch.tensor([0, *np.cumsum(pattern.row_lengths)])
        values = self.values[run][genome].clone()
        matrix = csr_matrix(starts, torch.from_numpy(pattern.columns), values, (size, size + ports))
        source = torch.cat([self.source[cell : cell + size], self.source[port : port + ports]])
        out = torch.zeros(size, self.columns)
        SparseProduct(matrix, source, self.bias[run][genome][:, None].clone(), out)()
        return out


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("counts", [(1, 1), (LANES, 2), (LANES + 1, LANES - 1), (5, 2 * LANES + 3)])
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
