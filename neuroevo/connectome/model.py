"""A measured wiring: the frozen `Connectome`, its cells, edges, signs and ports.

`bundled` has the wirings that come with the program, `published` those that are fetched once, and `catalog`
loads any of them by name, or one from a file.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypedDict

import numpy as np

from neuroevo.connectome.account import Account
from neuroevo.errors import ConnectomeError, unknown

MOST_LISTED = 40  # values of a column that a message names
KINDS = ("chemical", "neuromuscular", "electrical")  # kinds of edges, each an attribute of a wiring


@dataclass(frozen=True, eq=False)
class Edges:
    """Directed edges, or symmetric pairs listed once; sorted by (pre, post), no duplicates, read-only.

    Attributes:
        pre: int32 [E], presynaptic cells.
        post: int32 [E], postsynaptic cells.
        weight: float32 [E], greater than 0; in the whole animal a number of electron-microscope sections.
    """

    pre: np.ndarray
    post: np.ndarray
    weight: np.ndarray

    def __post_init__(self) -> None:
        for name, dtype in (("pre", np.int32), ("post", np.int32), ("weight", np.float32)):
            object.__setattr__(self, name, _frozen(getattr(self, name), dtype))

    def __len__(self) -> int:
        return len(self.pre)

    def is_equal(self, other: Edges) -> bool:
        """Says whether other edges join the same cells, with the same weights.

        Args:
            other: Edges.
        """
        columns = ((self.pre, other.pre), (self.post, other.post), (self.weight, other.weight))
        return all(np.array_equal(one, another) for one, another in columns)


class EdgesByKind(TypedDict):
    """Edges of each kind.

    Attributes:
        chemical: Synapses from neuron to neuron.
        neuromuscular: Synapses from neuron to muscle.
        electrical: Gap junctions, each pair once, pre < post.
    """

    chemical: Edges
    neuromuscular: Edges
    electrical: Edges


@dataclass(frozen=True, eq=False)
class Connectome:
    """A measured wiring of N cells.

    Attributes:
        name: Name of the wiring.
        cells: Names of the N cells.
        role: "sensory", "interneuron", "motor" or "muscle", per cell.
        cell_class: Published class, per cell: AVAL is of class AVA, VB11 of VB.
        transmitter: Transmitters joined by "+", the main one first; "" where unknown, per cell.
        sign: int8 [N], +1 or -1: the sign of every synapse the cell makes (Dale's principle).
        position: float32 [N, 3], micrometres; NaN where unknown.
        chemical: Synapses from neuron to neuron, without autapses.
        neuromuscular: Synapses from neuron to muscle.
        electrical: Gap junctions, each pair once, pre < post.
        inputs: int32 [I], the cells that take input.
        outputs: int32 [O], the cells that give output.
        annotations: What else is known of the cells, a text each, by column: side, modality, lineage.
        account: What was read and what was not; None of a wiring that was not read from a file.
        has_free_signs: Whether evolution may change the sign of any synapse, since none is known.
    """

    name: str
    cells: tuple[str, ...]
    role: tuple[str, ...]
    cell_class: tuple[str, ...]
    transmitter: tuple[str, ...]
    sign: np.ndarray
    position: np.ndarray
    chemical: Edges
    neuromuscular: Edges
    electrical: Edges
    inputs: np.ndarray
    outputs: np.ndarray
    annotations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    account: Account | None = None
    has_free_signs: bool = False

    def __post_init__(self) -> None:
        for name, dtype in (
            ("sign", np.int8),
            ("position", np.float32),
            ("inputs", np.int32),
            ("outputs", np.int32),
        ):
            object.__setattr__(self, name, _frozen(getattr(self, name), dtype))

    @property
    def num_cells(self) -> int:
        """The number of cells, N."""
        return len(self.cells)

    @cached_property
    def is_muscle(self) -> np.ndarray:
        """Mask of the muscles, bool [N]."""
        return _frozen([role == "muscle" for role in self.role], np.bool_)

    @property
    def num_neurons(self) -> int:
        """The number of cells that are not muscles."""
        return int((~self.is_muscle).sum())

    @cached_property
    def is_undirected(self) -> bool:
        """Whether edges have no direction: each synapse has its reverse, of the same weight, none a muscle.

        So are structural connectomes of people and mice, and wirings of gap junctions alone.
        """
        if len(self.neuromuscular) or not (len(self.chemical) or len(self.electrical)):
            return False
        return is_symmetric(self.chemical)

    def find(self, selector: str) -> np.ndarray:
        """Returns the cells a selector names, int32, in cell order.

        Args:
            selector: Roles, classes and cell names joined by "+": "sensory+AVA+VB1" is their union. A part
                "column:value" names the cells with a value in a column of annotations, and the parts behind
                it further values: "modality:olfactory+visual".

        Raises:
            ConnectomeError: If a part names no role, class, cell or value, with the nearest name.
        """
        chosen = np.zeros(self.num_cells, bool)
        column = ""
        for part in (part.strip() for part in selector.split("+")):
            if part not in self._names and ":" in part:
                column, _, part = (x.strip() for x in part.partition(":"))
                column = column.lower()
            chosen[self._with_value(column, part) if column else self._named(part)] = True
        return np.flatnonzero(chosen).astype(np.int32)

    def _named(self, part: str) -> list[int]:
        """Returns the cells of a role, a class or a name."""
        if part not in self._names:
            raise ConnectomeError(self._unknown(part))
        return self._names[part]

    def _with_value(self, column: str, value: str) -> list[int]:
        """Returns the cells with a value in a column."""
        texts = self.column(column)
        chosen = [i for i, text in enumerate(texts) if text == value]
        if not chosen:
            values = sorted({text for text in texts if text})
            raise ConnectomeError(unknown(f"value of {column} in {self.name!r}", value, values[:MOST_LISTED]))
        return chosen

    def column(self, name: str) -> tuple[str, ...]:
        """Returns what a column says of each cell.

        Args:
            name: A column of the annotations, or name, role, class or transmitter.

        Raises:
            ConnectomeError: If there is none of that name.
        """
        columns = {
            **self.annotations,
            "name": self.cells,
            "role": self.role,
            "class": self.cell_class,
            "transmitter": self.transmitter,
        }
        if name not in columns:
            raise ConnectomeError(unknown(f"column of the cells of {self.name!r}", name, columns))
        return columns[name]

    def _unknown(self, part: str) -> str:
        """Returns the line about a selector that names nothing, without the hundreds of known names."""
        spelt = {name.lower(): name for name in self._names}
        near = difflib.get_close_matches(part.lower(), spelt, n=1, cutoff=0.5)
        hint = f" Did you mean {spelt[near[0]]!r}?" if near else ""
        return (
            f"Unknown cells {part!r} in {self.name!r}.{hint} Wanted cell names, classes or roles "
            f"({', '.join(sorted(set(self.role)))}), joined by '+'."
        )

    @cached_property
    def _names(self) -> dict[str, list[int]]:
        """Cells by role, class and name."""
        names: dict[str, list[int]] = {}
        for labels in (self.role, self.cell_class, self.cells):
            for cell, label in enumerate(labels):
                names.setdefault(label, []).append(cell)
        return names

    def with_ports(self, inputs: str | None = None, outputs: str | None = None) -> Connectome:
        """Returns the same wiring with other input or output cells; None keeps those it has.

        Args:
            inputs: Selector of the cells that take input.
            outputs: Selector of the cells that give output.

        Raises:
            ConnectomeError: If a selector is unknown or a port set is empty.
        """
        taking = self.inputs if inputs is None else self.find(inputs)
        giving = self.outputs if outputs is None else self.find(outputs)
        for port, cells in (("inputs", taking), ("outputs", giving)):
            if not len(cells):
                raise ConnectomeError(
                    f"{self.name!r} has no {port}; name cells, classes or roles: sensory, motor, muscle, ..."
                )
        account = self.account
        if account is not None and not (inputs is None and outputs is None):
            account = replace(account, inputs=inputs or account.inputs, outputs=outputs or account.outputs)
        return replace(self, inputs=taking, outputs=giving, account=account)

    def accounted(
        self, removed: Mapping[str, int] | None = None, signs: str = "", notes: tuple[str, ...] = ()
    ) -> Connectome:
        """Returns the same wiring, whose account tells more.

        Args:
            removed: What was left out, each a number by what it is.
            signs: Where signs come from now; "" leaves what is said of them.
            notes: What else a reader of results must know, a sentence each.
        """
        account = self.account or Account(self.name)
        account = replace(
            account,
            removed={**account.removed, **(removed or {})},
            signs=signs or account.signs,
            notes=(*account.notes, *notes),
        )
        return replace(self, account=account)

    def circuit(self, name: str, cells: str | Sequence[int] | np.ndarray) -> Connectome:
        """Returns the sub-circuit among some cells: their edges, and those of their ports that remain.

        Ports may end up empty; `with_ports` sets others.

        Args:
            name: Name of the circuit.
            cells: Selector, or indices of cells; the order of the cells is kept.

        Raises:
            ConnectomeError: If no cell is chosen, or one does not exist.
        """
        chosen = self.find(cells) if isinstance(cells, str) else np.unique(np.asarray(cells, np.int64))
        if not len(chosen) or chosen[0] < 0 or chosen[-1] >= self.num_cells:
            raise ConnectomeError(
                f"Circuit {name!r} got {len(chosen)} cells; wanted one or more of 0 to {self.num_cells - 1}."
            )
        new = np.full(self.num_cells, -1, np.int32)
        new[chosen] = np.arange(len(chosen))

        def within(edges: Edges) -> Edges:
            pre, post = new[edges.pre], new[edges.post]
            inside = (pre >= 0) & (post >= 0)
            return Edges(pre[inside], post[inside], edges.weight[inside])

        return Connectome(
            name=name,
            cells=tuple(self.cells[i] for i in chosen),
            role=tuple(self.role[i] for i in chosen),
            cell_class=tuple(self.cell_class[i] for i in chosen),
            transmitter=tuple(self.transmitter[i] for i in chosen),
            sign=self.sign[chosen],
            position=self.position[chosen],
            chemical=within(self.chemical),
            neuromuscular=within(self.neuromuscular),
            electrical=within(self.electrical),
            inputs=new[self.inputs][new[self.inputs] >= 0],
            outputs=new[self.outputs][new[self.outputs] >= 0],
            annotations={
                column: tuple(texts[i] for i in chosen) for column, texts in self.annotations.items()
            },
            account=self.account,
            has_free_signs=self.has_free_signs,
        )

    def fingerprint(self) -> str:
        """Returns the SHA-256 of everything but the name: equal ones are equal wirings with equal ports."""
        digest = hashlib.sha256(repr((self.cells, self.role, self.cell_class, self.transmitter)).encode())
        arrays = [self.sign, self.position, self.inputs, self.outputs]
        for edges in (self.chemical, self.neuromuscular, self.electrical):
            arrays += [edges.pre, edges.post, edges.weight]
        for array in arrays:
            digest.update(f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def is_symmetric(edges: Edges) -> bool:
    """Says whether each edge has its reverse, of the same weight.

    Args:
        edges: Directed edges.
    """
    order = np.lexsort((edges.pre, edges.post))
    columns = (edges.pre, edges.post), (edges.post, edges.pre), (edges.weight, edges.weight)
    return all(np.array_equal(forth, back[order]) for forth, back in columns)


def once(edges: Edges) -> Edges:
    """Returns each pair of cells of an undirected wiring once, pre < post.

    Args:
        edges: Edges of which each has its reverse.
    """
    forth = edges.pre < edges.post
    return Edges(edges.pre[forth], edges.post[forth], edges.weight[forth])


def both_ways(pairs: Edges) -> Edges:
    """Returns the two edges of each pair, sorted by (pre, post).

    Args:
        pairs: Pairs of cells, each once.
    """
    pre, post = np.concatenate([pairs.pre, pairs.post]), np.concatenate([pairs.post, pairs.pre])
    order = np.lexsort((post, pre))
    return Edges(pre[order], post[order], np.concatenate([pairs.weight, pairs.weight])[order])


def edges_by_kind(cells: Sequence[str], rows: Iterable[tuple[str, str, str, float]]) -> EdgesByKind:
    """Returns the edges of each kind, sorted.

    Args:
        cells: Names of the N cells.
        rows: Edges, each (name of the presynaptic cell, of the postsynaptic cell, kind, weight). A gap
            junction may name its cells in either order.
    """
    place = {cell: i for i, cell in enumerate(cells)}
    edges: dict[str, list[tuple[int, int, float]]] = {kind: [] for kind in KINDS}
    for pre, post, kind, weight in rows:
        i, j = place[pre], place[post]
        edges[kind].append((j, i, weight) if kind == "electrical" and j < i else (i, j, weight))
    columns = {kind: np.array(sorted(listed)).reshape(-1, 3).T for kind, listed in edges.items()}
    chemical, neuromuscular, electrical = (Edges(*columns[kind]) for kind in KINDS)
    return {"chemical": chemical, "neuromuscular": neuromuscular, "electrical": electrical}


def _frozen(values: object, dtype: type) -> np.ndarray:
    """Returns a read-only copy."""
    array: np.ndarray = np.array(values, dtype)
    array.setflags(write=False)
    return array
