"""Constants of neurons: tables of them, who shares them, and how parameters move them.

A table is a CSV file whose first column is `cell` or `class` and whose others are constants of the model; a
row `*` stands for all that are not named:

    class,a,b,c,d
    VB,0.02,0.2,-65,8
    *,0.02,0.25,-58,0
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuroevo import outside
from neuroevo.errors import ConnectomeError, OptionError, unknown
from neuroevo.network.neurons import Constant, Neuron
from neuroevo.wiring.architecture import Architecture

if TYPE_CHECKING:
    from torch import Tensor


ANY = "*"


@dataclass(frozen=True)
class Table:
    """Constants by cell or class, as a file gives them.

    Attributes:
        path: The file.
        by: "cell" or "class".
        names: Names of the constants.
        rows: Values of the constants by cell or class.
    """

    path: str
    by: str
    names: tuple[str, ...]
    rows: Mapping[str, tuple[float, ...]]

    @classmethod
    def read(cls, neuron: Neuron) -> Table | None:
        """Returns the table that a neuron's request names, or None if it names none.

        Args:
            neuron: The request.

        Raises:
            OptionError: If the file cannot be read, rows are of unequal length, a cell has two rows, a column
                is no constant of the model, or a value is out of its range.
        """
        if not neuron.table:
            return None
        where = f"Constants table {neuron.table!r}"
        try:
            text = outside.content(neuron.table).decode("utf-8-sig")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise OptionError(f"{where} cannot be read: {reason}; wanted a CSV file.") from error
        try:
            lines = [[field.strip() for field in line] for line in csv.reader(text.splitlines()) if any(line)]
        except csv.Error as error:
            raise OptionError(f"{where} is no CSV text: {error}.") from error
        by, *names = lines[0] if lines else [""]
        if by not in ("cell", "class") or not names:
            raise OptionError(f"{where} begins with {by!r}; wanted a head `cell,...` or `class,...`.")
        for name in names:
            if name not in neuron.model.constants:
                raise OptionError(
                    f"{where}: {unknown(f'constant of {neuron.name}', name, neuron.model.constants)}"
                )
            if names.count(name) > 1:
                raise OptionError(f"{where} has the column {name!r} twice; wanted it once.")
        rows: dict[str, tuple[float, ...]] = {}
        for row in lines[1:]:
            if row[0] in rows:
                raise OptionError(f"{where} has {row[0]!r} twice; wanted one row for each {by}.")
            rows[row[0]] = _values(where, row, names, neuron.model.constants)
        return cls(neuron.table, by, tuple(names), rows)

    def values(self, architecture: Architecture, base: Mapping[str, float]) -> np.ndarray:
        """Returns the constants of every cell, float32 [K, N], in the order of `base`.

        Args:
            architecture: The wiring, N cells.
            base: Constants before evolution by name; the table's take their place.

        Raises:
            ConnectomeError: If a cell has no row.
        """
        keys = architecture.cells if self.by == "cell" else architecture.cell_class
        values = np.repeat(np.array(list(base.values()), np.float32)[:, None], len(keys), 1)
        columns = [list(base).index(name) for name in self.names]
        for i, key in enumerate(keys):
            row = self.rows.get(key, self.rows.get(ANY))
            if row is None:
                whose = f" of cell {architecture.cells[i]!r}" if self.by == "class" else ""
                raise ConnectomeError(
                    f"Constants table {self.path!r} has no row for the {self.by} {key!r}{whose}; add one, or "
                    f"a row {ANY!r} for all that are not named."
                )
            values[columns, i] = row
        return values


def _values(
    where: str, row: Sequence[str], names: Sequence[str], known: Mapping[str, Constant]
) -> tuple[float, ...]:
    """Returns a row's values, checked."""
    if len(row) != len(names) + 1:
        raise OptionError(f"{where}: row {row[0]!r} has {len(row) - 1} values; wanted {len(names)}.")
    values = []
    for name, text in zip(names, row[1:], strict=True):
        try:
            values.append(float(text))
        except ValueError:
            raise OptionError(f"{where}: {name!r} of {row[0]!r} is {text!r}; wanted a number.") from None
        known[name].check(f"{row[0]}:{name}", values[-1])
    return tuple(values)


def groups(neuron: Neuron, architecture: Architecture) -> np.ndarray:
    """Returns which cells share their evolving constants: the number of its group for each cell, int64 [N].

    Without evolving constants there are no groups: int64 [0].

    Args:
        neuron: The request, which says who shares constants.
        architecture: The wiring, N cells.
    """
    n = architecture.num_cells
    if neuron.constants == "fixed" or architecture.core != "evolves":
        return np.zeros(0, np.int64)
    if neuron.constants == "class":
        return np.unique(np.array(architecture.cell_class), return_inverse=True)[1].astype(np.int64)
    return np.zeros(n, np.int64) if neuron.constants == "shared" else np.arange(n)


def decode(constant: Constant, base: Tensor | float, theta: Tensor) -> Tensor:
    """Returns values of a constant: `base` moved by parameters.

    Args:
        constant: The constant, which says how parameters move it.
        base: Values before evolution, [N], or one number.
        theta: Parameters, float32 [P, N].
    """
    import torch

    values = torch.as_tensor(base, dtype=torch.float32)
    if constant.scale == "log":
        return torch.exp(theta) * values
    if constant.scale == "logit":
        return torch.sigmoid(theta + torch.logit(values))
    return theta * constant.spread + values
