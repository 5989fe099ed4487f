"""Wirings from and to networkx graphs, and the files that networkx reads.

| attribute | of | meaning |
|---|---|---|
| `role`, `class`, `transmitter`, `sign` | nodes | as in a table of cells; all may be missing |
| `x`, `y`, `z`, or one of `position`, `pos` | nodes | micrometres; may be missing |
| `input`, `output` | nodes | whether the cell is a port; may be missing |
| `kind`, `weight`, `sign` | edges | as in an edge table; all may be missing |

A chemical synapse and a gap junction may join the same two cells, so a wiring is a graph with parallel edges.
An edge of an undirected graph is a synapse each way, of one weight, or a gap junction.
"""

from __future__ import annotations

import io
import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroevo import outside
from neuroevo.connectome.assemble import assemble
from neuroevo.connectome.frames import in_memory
from neuroevo.connectome.model import KINDS, Connectome
from neuroevo.connectome.reading import Reading
from neuroevo.connectome.tables import (
    EDGE_COLUMNS,
    UNSAID,
    CellTable,
    EdgeTable,
    cells_of,
    edges_of,
    with_weights,
)
from neuroevo.errors import ConnectomeError, last_line

if TYPE_CHECKING:
    import networkx as nx


_FORMATS = {
    ".graphml": ("GraphML", "read_graphml"),
    ".gml": ("GML", "read_gml"),
    ".gexf": ("GEXF", "read_gexf"),
    ".net": ("Pajek", "read_pajek"),
}


def to_networkx(connectome: Connectome) -> nx.MultiDiGraph:
    """Returns a wiring as a graph, from which `from_networkx` makes the same wiring again.

    Nodes are names of cells. The key of an edge is its kind; a gap junction is one edge, from the cell that
    comes first. Coordinates that are not known are left out.

    Args:
        connectome: The wiring.
    """
    import networkx as nx

    graph = nx.MultiDiGraph(name=connectome.name)
    inputs, outputs = set(connectome.inputs.tolist()), set(connectome.outputs.tolist())
    for i, name in enumerate(connectome.cells):
        place = zip("xyz", connectome.position[i].tolist(), strict=True)
        attributes = {
            "role": connectome.role[i],
            "class": connectome.cell_class[i],
            "transmitter": connectome.transmitter[i],
            "sign": int(connectome.sign[i]),
            "input": i in inputs,
            "output": i in outputs,
            **{axis: value for axis, value in place if not math.isnan(value)},
        }
        known = {column: texts[i] for column, texts in connectome.annotations.items()}
        graph.add_node(name, **{**known, **attributes})
    for kind in KINDS:
        edges = getattr(connectome, kind)
        for pre, post, weight in zip(
            edges.pre.tolist(), edges.post.tolist(), edges.weight.tolist(), strict=True
        ):
            sign = {} if kind == "electrical" else {"sign": int(connectome.sign[pre])}
            graph.add_edge(
                connectome.cells[pre], connectome.cells[post], key=kind, kind=kind, weight=weight, **sign
            )
    return graph


def from_networkx(graph: nx.Graph, name: str | None = None, reading: Reading | None = None) -> Connectome:
    """Returns the wiring that a graph describes, its cells in the order of the nodes.

    Args:
        graph: Any graph of networkx, directed or not; nodes are named by their text. Edges of an undirected
            graph are chemical, one each way, or electrical.
        name: What the wiring is called; None takes the graph's own name.
        reading: What becomes of edges that stand twice, of autapses and weak edges; None is a plain one.

    Returns:
        The wiring, checked as `assemble` does.

    Raises:
        ConnectomeError: If an attribute or edge is not of its form, or an undirected edge ends on a muscle.
    """
    name = name or str(graph.graph.get("name") or "graph")
    reading = reading or Reading()
    where = Path(name)
    nodes = [_coordinates(name, node, data) for node, data in graph.nodes(data=True)]
    labels = [str(node) for node in graph]
    cells = None
    if nodes:
        headers = list(dict.fromkeys(str(key) for data in nodes for key in data))
        rows = [
            [label, *(_text(data.get(h)) for h in headers)] for label, data in zip(labels, nodes, strict=True)
        ]
        places = [f"node {label!r}" for label in labels]
        cells = cells_of(in_memory(where, ["name", *headers], rows, places), reading)
    return assemble(name, _edges(where, graph, cells, reading), cells, reading)


def _edges(where: Path, graph: nx.Graph, cells: CellTable | None, reading: Reading) -> EdgeTable:
    """Returns the edges of a graph; those of an undirected one stand both ways, but for gap junctions."""
    is_directed = graph.is_directed()
    others = dict.fromkeys(str(key) for *_, data in graph.edges(data=True) for key in data)
    headers = [*EDGE_COLUMNS, *(key for key in others if key not in EDGE_COLUMNS)]
    rows, places = [], []
    for pre, post, data in graph.edges(data=True):
        place = f"edge {str(pre)!r} {'->' if is_directed else '-'} {str(post)!r}"
        if empty := [h for h in headers[2:] if data.get(h, "") is None]:
            raise ConnectomeError(
                f"{where.name}, {place}: no value for {', '.join(empty)}; wanted one, or no such attribute."
            )
        rows.append([str(pre), str(post), *(_text(data.get(h)) for h in headers[2:])])
        places.append(place)
    used = [i for i, h in enumerate(headers) if i < 2 or any(row[i] for row in rows)]
    frame = in_memory(where, [headers[i] for i in used], [[row[i] for i in used] for row in rows], places)
    edges = edges_of(frame, reading, may_lack=True)
    return edges if is_directed else _both_ways(edges, cells)


def _both_ways(edges: EdgeTable, cells: CellTable | None) -> EdgeTable:
    """Returns the edges of an undirected graph: synapses each way, gap junctions once."""
    muscles = {c for c, r in zip(cells.names, cells.role, strict=True) if r == "muscle"} if cells else set()
    is_muscle = np.array([name in muscles for name in edges.names], bool)
    ends_there = (edges.kind == KINDS.index("neuromuscular")) | (
        (edges.kind == UNSAID) & (is_muscle[edges.pre] | is_muscle[edges.post])
    )
    for row in np.flatnonzero(ends_there)[:1].tolist():
        raise edges.error(
            row, "it has no direction and ends on a muscle; wanted a directed graph for such edges"
        )
    is_twice = np.flatnonzero((edges.kind != KINDS.index("electrical")) & (edges.pre != edges.post))
    chosen = np.concatenate([np.arange(len(edges)), is_twice])
    both = with_weights(edges, edges.weight[chosen], chosen)
    pre, post = both.pre.copy(), both.post.copy()
    pre[len(edges) :], post[len(edges) :] = both.post[len(edges) :], both.pre[len(edges) :]
    return replace(both, pre=pre, post=post)


def _text(value: object) -> str:
    """Returns the value of an attribute as a table has it; "" where there is none."""
    return "" if value is None else str(value)


def read_graph(path: Path, reading: Reading) -> Connectome:
    """Returns the wiring in a file that networkx reads; JSON is its node-link form.

    Args:
        path: File whose name ends in one of `readers.GRAPHS`.
        reading: What becomes of its edges and cells.

    Raises:
        ConnectomeError: If the file cannot be read or holds no wiring.
    """
    import networkx as nx

    what, reader = _FORMATS.get(path.suffix.lower(), ("node-link JSON", ""))
    try:
        with warnings.catch_warnings(action="ignore"):  # that no type is given: values are read as text
            content = io.BytesIO(outside.content(path))
            graph = getattr(nx, reader)(content) if reader else _node_link(content)
    except Exception as error:  # a damaged file fails in a dozen ways
        raise ConnectomeError(
            f"{path.name} cannot be read as {what}: {last_line(error)}; "
            "wanted a whole file as networkx writes it."
        ) from error
    return from_networkx(graph, path.stem, reading)


def _node_link(content: io.BytesIO) -> nx.Graph:
    """Returns the graph in node-link JSON, whose list of edges has had two names."""
    import networkx as nx

    data = json.loads(content.read().decode())
    return nx.node_link_graph(data, edges="edges" if "edges" in data else "links")


def _coordinates(name: str, node: object, data: Mapping[str, Any]) -> dict[str, object]:
    """Returns the attributes of a node with its position, if that is one sequence, as x, y and z."""
    attributes = {str(key): value for key, value in data.items() if key not in ("position", "pos")}
    if "name" in attributes:  # that of the node is its own
        attributes["attribute_name"] = attributes.pop("name")
    position = next((data[key] for key in ("position", "pos") if key in data), None)
    if position is None:
        return attributes
    try:
        x, y, z = position
    except (TypeError, ValueError):
        raise ConnectomeError(
            f"{name}, node {str(node)!r}: position is {position!r}; wanted three numbers, in micrometres."
        ) from None
    return {**attributes, "x": x, "y": y, "z": z}
