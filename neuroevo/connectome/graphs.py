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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroevo import outside
from neuroevo.connectome.assemble import assemble
from neuroevo.connectome.model import KINDS, Connectome
from neuroevo.connectome.tables import CELL_COLUMNS, Cell, Row, require_distinct
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
        graph.add_node(name, **attributes)
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


def from_networkx(graph: nx.Graph, name: str | None = None) -> Connectome:
    """Returns the wiring that a graph describes, its cells in the order of the nodes.

    Args:
        graph: Any graph of networkx, directed or not; nodes are named by their text. Edges of an undirected
            graph are chemical, one each way, or electrical.
        name: What the wiring is called; None takes the graph's own name.

    Returns:
        The wiring, checked as `assemble` does.

    Raises:
        ConnectomeError: If an attribute or edge is not of its form, or an undirected edge ends on a muscle.
    """
    name = name or str(graph.graph.get("name") or "graph")
    cells = [
        Cell(name, f"node {str(node)!r}").parse({**_coordinates(name, node, data), "name": node})
        for node, data in graph.nodes(data=True)
    ]
    require_distinct(cells)
    muscles = {cell.name for cell in cells if cell.role == "muscle"}
    rows = [
        row
        for pre, post, data in graph.edges(data=True)
        for row in _rows(name, graph.is_directed(), {**data, "pre": pre, "post": post}, muscles)
    ]
    return assemble(name, rows, cells)


def _rows(name: str, is_directed: bool, values: Mapping[str, Any], muscles: set[str]) -> list[Row]:
    """Returns the edge of a graph as one row or, if it goes both ways, as two."""
    pre, post = values["pre"], values["post"]
    where = Row(name, f"edge {str(pre)!r} {'->' if is_directed else '-'} {str(post)!r}")
    forth = where.parse(values, muscles)
    if is_directed or forth.kind == "electrical":
        return [forth]
    back = where.parse({**values, "pre": post, "post": pre}, muscles)
    if "neuromuscular" in (forth.kind, back.kind):
        raise where.error("it has no direction and ends on a muscle; wanted a directed graph for such edges")
    return [forth, back]


def read_graph(path: Path) -> Connectome:
    """Returns the wiring in a file that networkx reads; JSON is its node-link form.

    Args:
        path: File whose name ends in one of `readers.GRAPHS`.

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
    return from_networkx(graph, path.stem)


def _node_link(content: io.BytesIO) -> nx.Graph:
    """Returns the graph in node-link JSON, whose list of edges has had two names."""
    import networkx as nx

    data = json.loads(content.read().decode())
    return nx.node_link_graph(data, edges="edges" if "edges" in data else "links")


def _coordinates(name: str, node: object, data: Mapping[str, Any]) -> dict[str, object]:
    """Returns the attributes of a node with its position, if that is one sequence, as x, y and z."""
    attributes = {column: data[column] for column in CELL_COLUMNS if column in data}
    position = next((data[key] for key in ("position", "pos") if key in data), None)
    if position is None:
        return attributes
    try:
        x, y, z = position
    except (TypeError, ValueError):
        raise Cell(name, f"node {str(node)!r}").error(
            f"position is {position!r}; wanted three numbers, in micrometres"
        ) from None
    return {**attributes, "x": x, "y": y, "z": z}
