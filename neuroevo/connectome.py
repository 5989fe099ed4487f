"""Measured wirings: the frozen Connectome, the bundled ones, and how any other is found.

`celegans` is the whole animal, `celegans-motor` its locomotor circuit, `celegans-perimotor` the repeating
circuit of the ventral cord. neuroevo/data/SOURCES.md says where they come from and what was decided. Others
are fetched once, see `fetched`, or read from files, see `readers`.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuroevo import edge_table
from neuroevo.errors import ConnectomeError, RegistryError, unknown

if TYPE_CHECKING:
    import networkx as nx

CORD_MOTOR = "DA+DB+DD+VA+VB+VD+AS"  # the seven classes that drive the body wall from the cord
COMMAND = "AVA+AVB+AVD+AVE+PVC"
HEAD_MOTOR = "RMD+SMD+RIM"
TOUCH = "ALM+AVM+PLM+PVM"

_SUMMARIES = {
    "celegans": "C. elegans hermaphrodite: 302 neurons, 95 body-wall muscles; sensory in, motor out",
    "celegans-motor": "its locomotor circuit: 97 neurons, 95 muscles; cord motor neurons in, muscles out",
    "celegans-perimotor": "six repeating units of its cord: 66 motor neurons in, 72 muscles out",
}


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


@dataclass(frozen=True, eq=False)
class Connectome:
    """A measured wiring of N cells.

    Attributes:
        name: What it is called.
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
        """N."""
        return len(self.cells)

    @cached_property
    def is_muscle(self) -> np.ndarray:
        """Mask of the muscles, bool [N]."""
        return _frozen([role == "muscle" for role in self.role], np.bool_)

    @property
    def num_neurons(self) -> int:
        """Cells that are not muscles."""
        return int((~self.is_muscle).sum())

    def find(self, selector: str) -> np.ndarray:
        """Returns the cells a selector names, int32, in cell order.

        Args:
            selector: Roles, classes and cell names joined by "+": "sensory+AVA+VB1" is their union.

        Raises:
            ConnectomeError: If a part names no role, class or cell, with the nearest name.
        """
        found: set[int] = set()
        for part in (part.strip() for part in selector.split("+")):
            cells = self._names.get(part)
            if cells is None:
                raise ConnectomeError(self._unknown(part))
            found.update(cells)
        return np.array(sorted(found), np.int32)

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
    def _names(self) -> dict[str, set[int]]:
        """Cells by role, class and name."""
        names: dict[str, set[int]] = {}
        for labels in (self.role, self.cell_class, self.cells):
            for cell, label in enumerate(labels):
                names.setdefault(label, set()).add(cell)
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
        return replace(self, inputs=taking, outputs=giving)

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
            kept = (pre >= 0) & (post >= 0)
            return Edges(pre[kept], post[kept], edges.weight[kept])

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
        )

    def to_networkx(self) -> nx.MultiDiGraph:
        """Returns the wiring as a graph whose nodes and edges have attributes, see `graphs`."""
        from neuroevo.graphs import to_networkx

        return to_networkx(self)

    @staticmethod
    def from_networkx(graph: nx.DiGraph, name: str | None = None) -> Connectome:
        """Returns the wiring that a directed graph describes; makes again what `to_networkx` was given.

        Args:
            graph: A networkx DiGraph or MultiDiGraph; see `graphs` for the attributes that are read.
            name: What the wiring is called; else the graph's own name.

        Raises:
            ConnectomeError: If the graph is undirected, or an attribute or edge is not of its form.
        """
        from neuroevo.graphs import from_networkx

        return from_networkx(graph, name)

    def fingerprint(self) -> str:
        """SHA-256 of everything but the name: equal fingerprints are equal wirings with equal ports."""
        digest = hashlib.sha256(repr((self.cells, self.role, self.cell_class, self.transmitter)).encode())
        arrays = [self.sign, self.position, self.inputs, self.outputs]
        for edges in (self.chemical, self.neuromuscular, self.electrical):
            arrays += [edges.pre, edges.post, edges.weight]
        for array in arrays:
            digest.update(f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def load(source: str) -> Connectome:
    """Returns a bundled connectome by name, fetches another by name, or reads one from a file.

    Args:
        source: One of `names()` or `fetched.names()`, or a path, which holds a separator or a dot, or exists.

    Raises:
        RegistryError: If there is no connectome of that name, with the nearest.
        ConnectomeError: If the file does not exist or cannot be used.
        DataError: If the connectome has to be fetched and cannot be.
    """
    if source in _SUMMARIES:
        return _bundled(source)
    from neuroevo import fetched

    if source in fetched.names():
        return fetched.load(source)
    if os.sep in source or "/" in source or "." in source or os.path.exists(source):
        from neuroevo import readers

        return readers.read(source)
    raise RegistryError(unknown("connectome", source, summaries()))


def names() -> list[str]:
    """Names of the bundled connectomes, which need no download."""
    return list(_SUMMARIES)


def summaries() -> dict[str, str]:
    """One line about each connectome that has a name: the bundled ones, then those fetched on first use."""
    from neuroevo import fetched

    return {**_SUMMARIES, **fetched.summaries()}


def write_edges(
    path: str | Path,
    cells: Sequence[str],
    sign: np.ndarray,
    *,
    chemical: Edges,
    neuromuscular: Edges,
    electrical: Edges,
) -> None:
    """Writes an edge table that `load` reads, as a new file that is then renamed.

    Cells without edges do not appear in it, nor do roles, classes, positions and ports.

    Args:
        path: The CSV file; one that exists is replaced.
        cells: Names of the N cells.
        sign: [N], +1 or -1.
        chemical: Synapses from neuron to neuron.
        neuromuscular: Synapses from neuron to muscle.
        electrical: Gap junctions, each pair once.

    Raises:
        ConnectomeError: If the file cannot be written.
    """
    edges_of = zip(edge_table.KINDS, (chemical, neuromuscular, electrical), strict=True)
    edge_table.write(
        Path(path),
        (
            (
                cells[pre],
                cells[post],
                kind,
                str(weight).removesuffix(".0"),  # the shortest text that reads back as this float32
                0 if kind == "electrical" else int(sign[pre]),
            )
            for kind, edges in edges_of
            for pre, post, weight in zip(edges.pre, edges.post, edges.weight, strict=True)
        ),
    )


def edges_by_kind(cells: Sequence[str], rows: Iterable[tuple[str, str, str, float]]) -> dict[str, Edges]:
    """Returns Edges by kind from rows of (pre, post, kind, weight)."""
    place = {cell: i for i, cell in enumerate(cells)}
    found: dict[str, list[tuple[int, int, float]]] = {kind: [] for kind in edge_table.KINDS}
    for pre, post, kind, weight in rows:
        i, j = place[pre], place[post]
        found[kind].append((j, i, weight) if kind == "electrical" and j < i else (i, j, weight))
    columns = {kind: np.array(sorted(edges)).reshape(-1, 3).T for kind, edges in found.items()}
    return {kind: Edges(pre, post, weight) for kind, (pre, post, weight) in columns.items()}


@cache
def _bundled(name: str) -> Connectome:
    """Returns a bundled connectome, read once."""
    if name == "celegans-perimotor":
        return _table(name, "perimotor").with_ports("motor", "muscle")
    if name == "celegans":
        return _table(name, "celegans").with_ports("sensory", "motor")
    selector = "+".join((CORD_MOTOR, COMMAND, HEAD_MOTOR, TOUCH, "muscle"))
    return _bundled("celegans").circuit(name, selector).with_ports(CORD_MOTOR, "muscle")


def _table(name: str, stem: str) -> Connectome:
    """Reads a bundled pair of tables; data/build.py made them, so they are not checked here."""
    folder = resources.files("neuroevo.data")
    cells = list(csv.DictReader((folder / f"{stem}_cells.csv").read_text("utf-8").splitlines()))
    edges = csv.reader((folder / f"{stem}_edges.csv").read_text("utf-8").splitlines()[1:])
    columns = {column: tuple(cell[column] for cell in cells) for column in cells[0]}
    return Connectome(
        name=name,
        cells=columns["name"],
        role=columns["role"],
        cell_class=columns["class"],
        transmitter=columns["transmitter"],
        sign=np.array([int(sign) for sign in columns["sign"]]),
        position=np.array([[float(cell[axis] or "nan") for axis in "xyz"] for cell in cells]),
        **edges_by_kind(columns["name"], [(pre, post, kind, float(w)) for pre, post, kind, w in edges]),
        inputs=np.array([]),
        outputs=np.array([]),
    )


def _frozen(values: object, dtype: type) -> np.ndarray:
    """Returns a read-only copy."""
    array: np.ndarray = np.array(values, dtype)
    array.setflags(write=False)
    return array
