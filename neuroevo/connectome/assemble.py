"""From tables of edges and cells to a wiring: the rules that every wiring keeps, whatever file it came in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from neuroevo.connectome import ports, signs
from neuroevo.connectome.account import Account
from neuroevo.connectome.model import KINDS, Connectome, Edges
from neuroevo.connectome.reading import Reading
from neuroevo.connectome.tables import LARGEST, UNSAID, CellTable, EdgeTable, require_columns, with_weights
from neuroevo.errors import ConnectomeError, listed

CHEMICAL, NEUROMUSCULAR, ELECTRICAL = range(len(KINDS))


def assemble(name: str, edges: EdgeTable, cells: CellTable | None, reading: Reading) -> Connectome:
    """Returns the wiring of some edges among some cells, in the order of the cells.

    Without a table cells are ordered neurons first, then targets of neuromuscular edges, by name. What is not
    known of a cell is filled in: its role is muscle if it is a target of neuromuscular edges, else what
    `ports` tells from annotations, else interneuron; its class is its name, a muscle's is muscle; its sign is
    that of its edges, else what `signs` tells. A gap junction may stand once, or both ways with one weight.

    Args:
        name: What the wiring is called.
        edges: Edges, each checked by itself.
        cells: Cells, each checked by itself; None takes those that the edges join.
        reading: What becomes of edges that stand several times, of autapses and of weak edges.

    Raises:
        ConnectomeError: If edges and cells contradict each other, an edge stands twice, nothing is left, or
            no cell takes input or gives output.
    """
    if not len(edges):
        raise ConnectomeError(f"{name} has no edges; wanted at least one.")
    removed: dict[str, int] = {}
    rows = len(edges)
    require_columns(edges, cells, reading)
    known = _cells_of(edges) if cells is None else cells
    edges = _placed(edges, known)
    role, column = _roles(edges, known)
    is_muscle = np.array([r == "muscle" for r in role], bool)
    edges = replace(edges, kind=_with_kinds(edges, is_muscle))
    transmitter, notes = _transmitters(edges, known)
    edges = _without_autapses(edges, reading, removed)
    edges = _once(edges, len(role), reading, removed)
    _require_muscles_at_the_end(edges, known, is_muscle)
    edges = _strong(edges, reading, removed)
    sign, about = signs.of_cells(name, _signs(edges, known), transmitter, _making(edges, len(role)), reading)
    takes, gives = ports.chosen(name, known, role, column)
    account = replace(
        _account(edges, cells), rows=rows, cells=len(role), removed=removed, signs=about, notes=tuple(notes)
    )
    return Connectome(
        name=name,
        cells=known.names,
        role=tuple(role),
        cell_class=tuple(_classes(known, is_muscle)),
        transmitter=tuple(transmitter),
        sign=sign,
        position=known.position,
        chemical=_of_kind(edges, CHEMICAL),
        neuromuscular=_of_kind(edges, NEUROMUSCULAR),
        electrical=_of_kind(edges, ELECTRICAL),
        inputs=takes.cells,
        outputs=gives.cells,
        annotations=known.annotations,
        account=replace(account, inputs=takes.why, outputs=gives.why),
    )


def _account(edges: EdgeTable, cells: CellTable | None) -> Account:
    """Returns what the tables themselves tell of what was read."""
    read = [table for table in (cells, edges) if table is not None]
    return Account(
        source=edges.file,
        sha256={table.file: table.sha256 for table in read if table.sha256},
        columns={k: v for table in read if table.columns for k, v in table.columns.header.items()},
        ignored=edges.columns.rest if edges.columns else (),
        annotations=tuple(cells.annotations) if cells else (),
        kinds={kind: int((edges.kind == k).sum()) for k, kind in enumerate(KINDS)},
        weight=float(edges.weight.sum()),
    )


def _roles(edges: EdgeTable, cells: CellTable) -> tuple[list[str], str]:
    """Returns the role of each cell, and the column of annotations that told it; "" where none did."""
    is_target = np.zeros(len(cells.names), bool)
    is_target[edges.post[edges.kind == NEUROMUSCULAR]] = True
    guesses, column = ports.roles(cells)
    filled = zip(cells.role, is_target.tolist(), guesses, strict=True)
    return [role or ("muscle" if hit else guess) for role, hit, guess in filled], column


def _cells_of(edges: EdgeTable) -> CellTable:
    """Returns the cells that some edges join: neurons first, then targets of neuromuscular edges, by name."""
    names = np.array(edges.names, object)
    muscles = set(names[np.unique(edges.post[edges.kind == NEUROMUSCULAR])].tolist())
    joined = names[np.unique(np.concatenate([np.unique(edges.pre), np.unique(edges.post)]))].tolist()
    return CellTable.of_names("its edges", [*sorted(set(joined) - muscles), *sorted(muscles)])


def _placed(edges: EdgeTable, cells: CellTable) -> EdgeTable:
    """Returns edges whose ends are places among the cells; raises ConnectomeError if one is none of them."""
    place = {cell: i for i, cell in enumerate(cells.names)}
    new = np.array([place.get(cell, -1) for cell in edges.names], np.int32)
    pre, post = new[edges.pre], new[edges.post]
    if (new < 0).any():
        for row in np.flatnonzero((pre < 0) | (post < 0))[:1].tolist():
            cell = next(cell for cell in edges.ends(row) if cell not in place)
            lost = len({c for i, c in enumerate(edges.names) if new[i] < 0})
            more = f" ({lost:,} cells of edges are not)" if lost > 1 else ""
            raise edges.error(
                row, f"{cell!r} is not among the cells of {cells.file}{more}; add it there, or mend the name"
            )
    return replace(edges, names=list(cells.names), pre=pre, post=post)


def _with_kinds(edges: EdgeTable, is_muscle: np.ndarray) -> np.ndarray:
    """Returns the kind of each edge: where it is not said, neuromuscular if the target is a muscle."""
    usual = np.where(is_muscle[edges.post], NEUROMUSCULAR, CHEMICAL).astype(np.int8)
    return np.where(edges.kind == UNSAID, usual, edges.kind)


def _without_autapses(edges: EdgeTable, reading: Reading, removed: dict[str, int]) -> EdgeTable:
    """Returns the edges between different cells; raises ConnectomeError if others are not to be dropped."""
    is_autapse = edges.pre == edges.post
    if not is_autapse.any():
        return edges
    number = int(is_autapse.sum())
    if reading.autapses == "refuse":
        row = int(np.flatnonzero(is_autapse)[0])
        more = f", and {number - 1:,} more are" if number > 1 else ""
        raise edges.error(
            row,
            f"{edges.ends(row)[0]!r} is joined to itself{more}; remove self-connections, or pass "
            "--autapses drop",
        )
    removed["autapses"] = number
    chosen = np.flatnonzero(~is_autapse)
    if not len(chosen):
        raise ConnectomeError(f"{edges.file} has autapses alone; wanted edges between different cells.")
    return with_weights(edges, edges.weight[chosen], chosen)


def _once(edges: EdgeTable, num_cells: int, reading: Reading, removed: dict[str, int]) -> EdgeTable:
    """Returns each edge once, sorted by kind, pre and post; gap junctions with pre < post."""
    key = (edges.kind.astype(np.int64) * num_cells + edges.pre) * num_cells + edges.post
    is_sorted = bool((key[1:] > key[:-1]).all())
    order = np.arange(len(key)) if is_sorted else np.argsort(key, kind="stable")
    weight = edges.weight[order]
    if not is_sorted:
        key = key[order]
        is_first = np.concatenate([[True], key[1:] != key[:-1]])
        if not is_first.all():
            if reading.duplicates == "refuse":
                later = int(np.flatnonzero(~is_first)[0])
                _refuse_twice(edges, int(order[later - 1]), int(order[later]), int((~is_first).sum()))
            starts = np.flatnonzero(is_first)
            put_together = np.add.reduceat if reading.duplicates == "sum" else np.maximum.reduceat
            weight = put_together(weight, starts)
            removed[f"repeated edges ({reading.duplicates} of their weights)"] = int((~is_first).sum())
            order = order[starts]
            for k in np.flatnonzero(weight > LARGEST)[:1].tolist():
                raise edges.error(
                    int(order[k]), f"the edge's weights sum to {weight[k]:g}; wanted at most {LARGEST:.2g}"
                )
    edges = with_weights(edges, weight, order)
    return _pairs_once(edges, num_cells, removed)


def _refuse_twice(edges: EdgeTable, earlier: int, row: int, number: int) -> None:
    """Raises ConnectomeError for an edge that stands twice."""
    ends = " - ".join(listed([cell]) for cell in edges.ends(row))
    more = f" ({number:,} such rows)" if number > 1 else ""
    raise edges.error(
        row,
        f"{KINDS[edges.kind[row]]} edge {ends} stands in {edges.where(earlier)} already{more}; wanted each "
        "edge, and each gap junction, once, or --duplicates sum or max",
    )


def _pairs_once(edges: EdgeTable, num_cells: int, removed: dict[str, int]) -> EdgeTable:
    """Returns gap junctions with pre < post; one that stands both ways is one, if its weights are equal."""
    is_gap = edges.kind == ELECTRICAL
    if not is_gap.any():
        return edges
    low, high = np.minimum(edges.pre, edges.post), np.maximum(edges.pre, edges.post)
    key = (edges.kind.astype(np.int64) * num_cells + np.where(is_gap, low, edges.pre)) * num_cells
    key += np.where(is_gap, high, edges.post)
    order = np.argsort(key, kind="stable")
    is_back = np.concatenate([[False], key[order][1:] == key[order][:-1]])
    back, forth = order[np.flatnonzero(is_back)], order[np.flatnonzero(is_back) - 1]
    differs = edges.weight[back] != edges.weight[forth]
    for k in np.flatnonzero(differs)[:1].tolist():
        row, earlier = max(back[k], forth[k]), min(back[k], forth[k])
        raise edges.error(
            int(row),
            f"gap junction {edges.ends(row)[0]!r} - {edges.ends(row)[1]!r} weighs {edges.weight[row]:g}, and "
            f"the other way round {edges.weight[earlier]:g} in {edges.where(int(earlier))}; wanted one "
            "weight",
        )
    if len(back):
        removed["gap junctions that stand both ways, each counted once"] = len(back)
    chosen = order[~is_back]
    edges = replace(edges, pre=np.where(is_gap, low, edges.pre), post=np.where(is_gap, high, edges.post))
    return with_weights(edges, edges.weight[chosen], chosen)


def _strong(edges: EdgeTable, reading: Reading, removed: dict[str, int]) -> EdgeTable:
    """Returns the edges of enough weight."""
    is_weak = edges.weight < reading.min_weight
    if not is_weak.any():
        return edges
    if is_weak.all():
        raise ConnectomeError(
            f"{edges.file}: no edge weighs {reading.min_weight:g} or more (--min-weight); the greatest "
            f"weighs {edges.weight.max():g}."
        )
    removed[f"edges of a weight below {reading.min_weight:g}"] = int(is_weak.sum())
    chosen = np.flatnonzero(~is_weak)
    return with_weights(edges, edges.weight[chosen], chosen)


def _of_kind(edges: EdgeTable, kind: int) -> Edges:
    """Returns the edges of a kind."""
    mask = edges.kind == kind
    return Edges(edges.pre[mask], edges.post[mask], edges.weight[mask])


def _making(edges: EdgeTable, num_cells: int) -> np.ndarray:
    """Returns which cells make synapses, bool [N]."""
    makes = np.zeros(num_cells, bool)
    makes[edges.pre[edges.kind != ELECTRICAL]] = True
    return makes


def _classes(cells: CellTable, is_muscle: np.ndarray) -> list[str]:
    """Returns the class of each cell: without one, muscle, or its name."""
    return [
        given or ("muscle" if muscle else name)
        for given, muscle, name in zip(cells.cell_class, is_muscle.tolist(), cells.names, strict=True)
    ]


def _signs(edges: EdgeTable, cells: CellTable) -> np.ndarray:
    """Returns the sign of each cell that has one, else 0; a cell has one sign for all its synapses."""
    sign = cells.sign.astype(np.int8).copy()
    said = np.flatnonzero(edges.sign)
    if not len(said):
        return sign
    first = np.full(len(sign), -1)
    first[edges.pre[said[::-1]]] = said[::-1]
    by_row = np.where(first >= 0, edges.sign[np.maximum(first, 0)], 0)
    differs = edges.sign[said] != by_row[edges.pre[said]]
    for row in said[differs][:1].tolist():
        _refuse_signs(
            edges, row, int(edges.sign[first[edges.pre[row]]]), edges.where(int(first[edges.pre[row]]))
        )
    against = (sign != 0) & (by_row != 0) & (sign != by_row)
    for cell in np.flatnonzero(against)[:1].tolist():
        where = f"{cells.file}, {cells.where(cell)}" if cells.where else cells.file
        _refuse_signs(edges, int(first[cell]), int(sign[cell]), where)
    return np.where(sign != 0, sign, by_row).astype(np.int8)


def _refuse_signs(edges: EdgeTable, row: int, other: int, where: str) -> None:
    """Raises ConnectomeError for a cell with two signs."""
    raise edges.error(
        row,
        f"{edges.ends(row)[0]!r} has sign {edges.sign[row]:+d}, and {other:+d} in {where}; "
        "wanted one sign for all synapses of a cell",
    )


def _transmitters(edges: EdgeTable, cells: CellTable) -> tuple[list[str], list[str]]:
    """Returns the transmitter of each cell, that of most of its rows where cells have none; and notes."""
    by_row = edges.transmitter
    if by_row is None or any(cells.transmitter):
        return list(cells.transmitter), []
    number = max(1, len(by_row.values))
    is_said = np.array([bool(text) for text in by_row.values], bool)[by_row.code]
    pairs, votes = np.unique(
        edges.pre[is_said].astype(np.int64) * number + by_row.code[is_said], return_counts=True
    )
    cell, value = np.divmod(pairs, number)
    order = np.lexsort((-value, votes, cell))  # the last of a cell has most votes; of equals the first text
    transmitter = [""] * len(cells.names)
    for k in order.tolist():
        transmitter[cell[k]] = by_row.values[value[k]]
    num_split = int((np.bincount(cell, minlength=1) > 1).sum())
    if not num_split:
        return transmitter, []
    cells_of = "1 cell has" if num_split == 1 else f"{num_split:,} cells have"
    return transmitter, [f"{cells_of} rows with several transmitters, and that of most of these rows."]


def _require_muscles_at_the_end(edges: EdgeTable, cells: CellTable, is_muscle: np.ndarray) -> None:
    """Checks that neuromuscular edges, and no other synapses, end on muscles, and that none begins there."""

    def why(cell: int) -> str:
        return "is a muscle" if cells.role[cell] else "is a target of neuromuscular edges"

    def first(mask: np.ndarray) -> list[int]:
        return np.flatnonzero(mask)[:1].tolist()

    names: Sequence[str] = cells.names
    checks: Mapping[str, tuple[np.ndarray, Callable[[int], str]]] = {
        "pre": (
            (edges.kind != ELECTRICAL) & is_muscle[edges.pre],
            lambda row: f"{names[edges.pre[row]]!r} {why(edges.pre[row])}; wanted no synapse from a muscle",
        ),
        "post": (
            (edges.kind == CHEMICAL) & is_muscle[edges.post],
            lambda row: (
                f"{names[edges.post[row]]!r} {why(edges.post[row])}; wanted the kind neuromuscular here too"
            ),
        ),
        "end": (
            (edges.kind == NEUROMUSCULAR) & ~is_muscle[edges.post],
            lambda row: (
                f"{names[edges.post[row]]!r} has the role {cells.role[edges.post[row]]}; wanted a muscle "
                "at its end"
            ),
        ),
    }
    for mask, text in checks.values():
        for row in first(mask):
            raise edges.error(row, text(row))
