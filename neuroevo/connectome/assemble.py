"""From rows of edges and cells to a wiring: the rules that every wiring keeps, whatever file it came in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuroevo.connectome.model import Connectome, edges_by_kind
from neuroevo.connectome.tables import Cell, Row
from neuroevo.errors import ConnectomeError, listed


def assemble(name: str, rows: Sequence[Row], cells: Sequence[Cell]) -> Connectome:
    """Returns the wiring of some edges among some cells, in the order of the cells.

    What is not known of a cell is filled in: its role is muscle if it is a target of neuromuscular edges,
    else interneuron; its class is its name, a muscle's is muscle; its sign is that of its edges, else -1 if
    its main transmitter is GABA, else +1.
    Without marks, input goes to the sensory cells, or if there are none to all neurons; output is read from
    the muscles, else the motor cells, else all neurons.

    Args:
        name: What the wiring is called.
        rows: Edges, each checked by itself.
        cells: Cells of distinct names, each checked by itself.

    Raises:
        ConnectomeError: If edges and cells contradict each other, an edge stands twice, or no cell takes
            input or gives output.
    """
    if not rows:
        raise ConnectomeError(f"{name} has no edges; wanted at least one.")
    known = {cell.name: cell for cell in cells}
    targets = {row.post for row in rows if row.kind == "neuromuscular"}
    role = {c.name: c.role or ("muscle" if c.name in targets else "interneuron") for c in cells}
    _require_known(rows, known)
    _require_once(rows)
    _require_muscles_at_the_end(rows, known, role)
    signs = _signs(rows, known)
    neurons = [c.name for c in cells if role[c.name] != "muscle"]
    return Connectome(
        name=name,
        cells=tuple(known),
        role=tuple(role.values()),
        cell_class=tuple(c.cell_class or ("muscle" if role[c.name] == "muscle" else c.name) for c in cells),
        transmitter=tuple(c.transmitter for c in cells),
        sign=np.array([signs.get(c.name) or _usual_sign(c.transmitter) for c in cells]),
        position=np.array([c.position for c in cells]),
        **edges_by_kind(list(known), [(row.pre, row.post, row.kind, row.weight) for row in rows]),
        inputs=_ports(name, "input", [c.is_input for c in cells], role, ("sensory",), neurons),
        outputs=_ports(name, "output", [c.is_output for c in cells], role, ("muscle", "motor"), neurons),
    )


def cells_of(rows: Sequence[Row]) -> list[Cell]:
    """Returns the cells that some edges join: neurons first, then targets of neuromuscular edges, by name.

    Args:
        rows: One edge or more.
    """
    muscles = {row.post for row in rows if row.kind == "neuromuscular"}
    neurons = {cell for row in rows for cell in (row.pre, row.post)} - muscles
    return [Cell(rows[0].file, "its edges", name) for name in (*sorted(neurons), *sorted(muscles))]


def _ports(
    name: str,
    port: str,
    marks: Sequence[bool | None],
    role: dict[str, str],
    preferred: Sequence[str],
    neurons: Sequence[str],
) -> np.ndarray:
    """Returns the cells that are marked; without marks those of the first role that occurs, else neurons."""
    if any(mark is not None for mark in marks):
        chosen = [i for i, mark in enumerate(marks) if mark]
    else:
        wanted = next((r for r in preferred if r in role.values()), None)
        taken = set(neurons) if wanted is None else {cell for cell, r in role.items() if r == wanted}
        chosen = [i for i, cell in enumerate(role) if cell in taken]
    if not chosen:
        raise ConnectomeError(f"{name} has no {port} cells; wanted at least one: mark some as {port}.")
    return np.array(chosen, np.int32)


def _require_known(rows: Sequence[Row], known: dict[str, Cell]) -> None:
    """Checks that each edge joins cells of the table of cells."""
    for row in rows:
        for cell in (row.pre, row.post):
            if cell not in known:
                source = next(iter(known.values())).file if known else "the table of cells"
                raise row.error(
                    f"{cell!r} is not among the cells of {source}; add it there, or mend the name"
                )


def _require_once(rows: Sequence[Row]) -> None:
    """Checks that no edge stands twice; a gap junction has no direction."""
    first: dict[tuple[str, ...], Row] = {}
    for row in rows:
        ends = sorted((row.pre, row.post)) if row.kind == "electrical" else (row.pre, row.post)
        earlier = first.setdefault((row.kind, *ends), row)
        if earlier is not row:
            ends_named = " - ".join(listed([cell]) for cell in (row.pre, row.post))
            raise row.error(
                f"{row.kind} edge {ends_named} stands in {earlier.where} already; wanted each edge, and each "
                "gap junction, once"
            )


def _signs(rows: Sequence[Row], known: dict[str, Cell]) -> dict[str, int]:
    """Returns the sign of each cell that has one; a cell has one sign for all its synapses."""
    first: dict[str, Row | Cell] = {cell.name: cell for cell in known.values() if cell.sign}
    for row in rows:
        earlier = first.setdefault(row.pre, row) if row.sign else row
        if earlier.sign != row.sign:
            place = earlier.where if earlier.file == row.file else f"{earlier.file}, {earlier.where}"
            raise row.error(
                f"{row.pre!r} has sign {row.sign:+d}, and {earlier.sign:+d} in {place}; "
                "wanted one sign for all synapses of a cell"
            )
    return {cell: place.sign for cell, place in first.items()}


def _usual_sign(transmitter: str) -> int:
    """Returns the sign of a cell of which nothing is known but its transmitters, as in the bundled tables."""
    return -1 if transmitter.partition("+")[0].strip().upper() == "GABA" else 1


def _require_muscles_at_the_end(rows: Sequence[Row], known: dict[str, Cell], role: dict[str, str]) -> None:
    """Checks that neuromuscular edges, and no other synapses, end on muscles, and that none begins there."""

    def why(cell: str) -> str:
        return "is a muscle" if known[cell].role else "is a target of neuromuscular edges"

    for row in rows:
        if row.kind != "electrical" and role[row.pre] == "muscle":
            raise row.error(f"{row.pre!r} {why(row.pre)}; wanted no synapse from a muscle")
        if row.kind == "chemical" and role[row.post] == "muscle":
            raise row.error(f"{row.post!r} {why(row.post)}; wanted the kind neuromuscular here too")
        if row.kind == "neuromuscular" and role[row.post] != "muscle":
            raise row.error(f"{row.post!r} has the role {role[row.post]}; wanted a muscle at its end")
