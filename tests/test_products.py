"""The product that a network step is: right for few and many columns, and the same in whatever company."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuroevo.blocks import sparse
from neuroevo.products import MANY, WIDE, Product

COLUMNS = [1, 2, 7, WIDE, MANY - 1, MANY, 70]


def matrix_of(row_lengths: list[int], num_sources: int, rng: torch.Generator) -> torch.Tensor:
    """A CSR matrix whose rows have so many entries, some at one place."""
    starts = torch.tensor([0, *np.cumsum(row_lengths)])
    columns = torch.randint(0, num_sources, (sum(row_lengths),), generator=rng)
    values = torch.randn(sum(row_lengths), generator=rng)
    return sparse(starts, columns, values, (len(row_lengths), num_sources))


def operands(columns: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A matrix with rows of 0 to 23 entries, what it is multiplied with, and a bias."""
    rng = torch.Generator().manual_seed(0)
    matrix = matrix_of(list(range(24)), 30, rng)
    return matrix, torch.randn(30, columns, generator=rng), torch.randn(24, 1, generator=rng)


@pytest.mark.parametrize(
    ("columns", "is_spread"), [*((c, False) for c in COLUMNS), *((c, True) for c in COLUMNS if c < WIDE)]
)
def test_product_equals_a_dense_one_whatever_was_there_before(columns: int, is_spread: bool) -> None:
    matrix, source, bias = operands(columns)
    out = torch.full((24, columns), torch.nan)
    Product(matrix, source, bias.repeat(1, columns) if is_spread else bias, out)()
    wanted = matrix.to_dense().double() @ source.double() + bias
    torch.testing.assert_close(out.double(), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("columns", COLUMNS)
def test_product_of_some_rows_is_that_part_of_the_whole_and_writes_no_other(columns: int) -> None:
    matrix, source, bias = operands(columns)
    whole, part = torch.zeros(24, columns), torch.full((24, columns), 7.0)
    Product(matrix, source, bias, whole)()
    Product(matrix, source, bias, part, slice(5, 17))()
    assert torch.equal(part[5:17], whole[5:17])
    assert (part[:5] == 7).all() and (part[17:] == 7).all()


@pytest.mark.parametrize("columns", COLUMNS)
def test_product_reads_its_operands_anew_at_each_call(columns: int) -> None:
    matrix, source, bias = operands(columns)
    out, again = torch.zeros(24, columns), torch.zeros(24, columns)
    product = Product(matrix, source, bias, out)
    for tensor in (matrix.values(), source, bias):
        product()
        tensor.mul_(2)
        product()
        Product(matrix, source, bias, again)()
        assert torch.equal(out, again)


@pytest.mark.parametrize("columns", [MANY, MANY + 1, 63, 255])
def test_product_of_a_column_does_not_depend_on_the_columns_beside_it(columns: int) -> None:
    matrix, source, bias = operands(500)
    whole = torch.zeros(24, 500)
    Product(matrix, source, bias, whole)()
    for first in (0, 3, 500 - columns):
        out = torch.zeros(24, columns)
        Product(matrix, source[:, first : first + columns].contiguous(), bias, out)()
        assert torch.equal(out, whole[:, first : first + columns])
