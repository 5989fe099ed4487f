"""Ports by meaning: which cells sense and which act, from what published tables say of their cells.

A table of cells that marks no ports and gives no roles may still say what cells are. Of the columns `flow`,
`super_class` and `superclass`, which flies' tables have, the first that names sensory cells is taken:

| words in it | role | port |
|---|---|---|
| sensory, afferent | sensory | input |
| motor | motor | output |
| descending, endocrine, efferent | interneuron | output |
| anything else | interneuron | |

Without any of these, input goes to the cells of the role sensory, or if there are none to all neurons; output
is read from the muscles, else the motor cells, else all neurons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuroevo.connectome.tables import CellTable
from neuroevo.errors import ConnectomeError

TELLING = ("super_class", "superclass", "flow")
SENSORY, MOTOR, ACTING = ("sensory", "afferent"), ("motor",), ("descending", "endocrine", "efferent")


@dataclass(frozen=True, eq=False)
class Port:
    """The cells of a port, and where it comes from.

    Attributes:
        cells: int32, cells in order.
        why: Where they come from, a few words.
        is_stated: Whether no column of annotations had a part in it.
    """

    cells: np.ndarray
    why: str
    is_stated: bool = False


def roles(cells: CellTable) -> tuple[list[str], str]:
    """Returns the role of each cell as annotations tell it, else "interneuron"; and the column that tells.

    Args:
        cells: The cells. Where they have roles of their own, annotations tell nothing.
    """
    column = "" if any(cells.role) else _telling(cells)
    if not column:
        return ["interneuron"] * len(cells.names), ""
    words = cells.annotations[column]
    known = {
        text: "sensory" if _has(text, SENSORY) else "motor" if _has(text, MOTOR) else "interneuron"
        for text in set(words)
    }
    return [known[text] for text in words], column


def chosen(name: str, cells: CellTable, role: Sequence[str], column: str) -> tuple[Port, Port]:
    """Returns the cells that take input and those that give output.

    Args:
        name: Name of the wiring, for messages.
        cells: The cells.
        role: Their roles, all filled in.
        column: Column of annotations that tells roles; "" where none does.

    Raises:
        ConnectomeError: If a port has no cell.
    """
    takes = _marked(cells.is_input) or _by_role(role, ("sensory",))
    gives = _marked(cells.is_output) or _acting(cells, role, column) or _by_role(role, ("muscle", "motor"))
    ends = f", by {column}" if column else ""
    both = [Port(port.cells, port.why + ("" if port.is_stated else ends)) for port in (takes, gives)]
    for port, what in zip(both, ("input", "output"), strict=True):
        if not len(port.cells):
            raise ConnectomeError(f"{name} has no {what} cells; wanted at least one: mark some as {what}.")
    return both[0], both[1]


def _telling(cells: CellTable) -> str:
    """Returns the first column of annotations that names sensory cells, or ""."""
    for column in TELLING:
        if any(_has(text, SENSORY) for text in set(cells.annotations.get(column, ()))):
            return column
    return ""


def _has(text: str, words: Sequence[str]) -> bool:
    """Says whether a text has one of some words in it."""
    return any(word in text.lower() for word in words)


def _marked(marks: np.ndarray | None) -> Port | None:
    """Returns the cells that are marked; None where nothing is said."""
    return (
        None
        if marks is None
        else Port(np.flatnonzero(marks).astype(np.int32), "marked in the table of cells", is_stated=True)
    )


def _acting(cells: CellTable, role: Sequence[str], column: str) -> Port | None:
    """Returns the cells that act, motor and others, by their annotations; None where there are none."""
    if not column or "muscle" in role:
        return None
    acts = {text: _has(text, (*MOTOR, *ACTING)) for text in set(cells.annotations[column])}
    mask = np.array([acts[text] for text in cells.annotations[column]], bool)
    return (
        Port(np.flatnonzero(mask).astype(np.int32), "motor, descending and endocrine cells")
        if mask.any()
        else None
    )


def _by_role(role: Sequence[str], preferred: Sequence[str]) -> Port:
    """Returns the cells of the first role that occurs; without one all neurons."""
    wanted = next((r for r in preferred if r in role), None)
    mask = np.array([r != "muscle" if wanted is None else r == wanted for r in role], bool)
    why = "all neurons, for no cell has such a role" if wanted is None else f"the cells of role {wanted}"
    return Port(np.flatnonzero(mask).astype(np.int32), why, is_stated=wanted is None)
