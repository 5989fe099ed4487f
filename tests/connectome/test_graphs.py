"""Wirings from and to graphs: exact round trips, in memory and through files, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from neuroevo.connectome.bundled import names
from neuroevo.connectome.catalog import load
from neuroevo.connectome.graphs import from_networkx, to_networkx
from neuroevo.connectome.model import Connectome
from neuroevo.connectome.readers import read
from neuroevo.errors import ConnectomeError
from tests.wirings import pairs


def tangle() -> Connectome:
    """Returns a wiring with every kind of edge, both signs, gaps beside synapses and unknown coordinates."""
    worm = load("celegans")
    return worm.circuit("tangle", "AVA+AVB+VA+DD+MDL08+MDL09+MVL08+MVL09").with_ports("AVA+VA1", "muscle")


def write_json(graph: nx.Graph, path: Path) -> None:
    path.write_text(json.dumps(nx.node_link_data(graph, edges="edges")))


WRITERS = {".graphml": nx.write_graphml, ".gml": nx.write_gml, ".gexf": nx.write_gexf, ".json": write_json}


@pytest.mark.parametrize("name", names())
def test_graph_makes_the_same_wiring_again(name: str) -> None:
    wiring = load(name)
    again = from_networkx(to_networkx(wiring))
    assert again.fingerprint() == wiring.fingerprint()
    assert again.name == wiring.name


@pytest.mark.parametrize("suffix", WRITERS)
def test_graph_file_keeps_the_wiring(tmp_path: Path, suffix: str) -> None:
    wiring = tangle()
    assert min(len(wiring.chemical), len(wiring.neuromuscular), len(wiring.electrical)) > 0
    assert set(wiring.sign.tolist()) == {1, -1}
    WRITERS[suffix](to_networkx(wiring), tmp_path / f"tangle{suffix}")
    again = read(tmp_path / f"tangle{suffix}")
    assert again.fingerprint() == wiring.fingerprint()


def test_pajek_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.net").write_text('*vertices 3\n1 "A"\n2 "B"\n3 "C"\n*arcs\n1 2 2.5\n2 3 1\n')
    assert pairs(read(tmp_path / "a.net"), "chemical") == {("A", "B"): 2.5, ("B", "C"): 1}


def test_plain_directed_graph_is_chemical_excitatory_and_of_weight_one() -> None:
    wiring = from_networkx(nx.DiGraph([(1, 2), (2, 3)]), "chain")
    assert (wiring.name, wiring.cells) == ("chain", ("1", "2", "3"))
    assert pairs(wiring, "chemical") == {("1", "2"): 1, ("2", "3"): 1}


def test_graph_may_hold_positions_and_signs_of_edges() -> None:
    graph = nx.DiGraph()
    graph.add_node("a", pos=(1, 2, 3))
    graph.add_edge("a", "b", weight=np.float32(0.1), sign=-1)
    wiring = from_networkx(graph)
    assert wiring.position[0].tolist() == [1, 2, 3] and np.isnan(wiring.position[1]).all()
    assert wiring.sign.tolist() == [-1, 1]
    assert wiring.chemical.weight[0] == np.float32(0.1)


def multi(*edges: tuple[str, str, dict[str, object]]) -> nx.MultiDiGraph:
    graph = nx.MultiDiGraph()
    graph.add_edges_from(edges)
    return graph


def noded(**attributes: object) -> nx.DiGraph:
    graph = nx.DiGraph([("a", "b")])
    graph.add_node("a", **attributes)
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (nx.MultiGraph([(1, 2), (2, 1)]), "edge '1' - '2': chemical edge 1 - 2 stands in edge '1' - '2' al"),
        (nx.DiGraph(), "graph has no edges"),
        (
            multi(("a", "b", {}), ("a", "b", {})),
            "edge 'a' -> 'b': chemical edge a - b stands in edge",
        ),
        (
            multi(("a", "b", {"kind": "electrical"}), ("b", "a", {"kind": "electrical", "weight": 2})),
            "gap junction 'b' - 'a' weighs 2, and the other way round 1",
        ),
        (
            multi(("a", "b", {"sign": 1}), ("a", "c", {"sign": -1})),
            r"'a' has sign -1, and \+1 in edge",
        ),
        (nx.DiGraph([("a", "a")]), "edge 'a' -> 'a': 'a' is joined to itself"),
        (multi(("a", "b", {"weight": -1})), "edge 'a' -> 'b': weight is -1"),
        (multi(("a", "b", {"weight": "heavy"})), "weight 'heavy' is no number"),
        (multi(("a", "b", {"weight": None})), "no value for weight"),
        (multi(("a", "b", {"kind": "chemcal"})), "Did you mean 'chemical'"),
        (nx.DiGraph([(1, "1")]), "node '1': '1' stands in node '1' already"),
        (noded(role="boss"), "node 'a': Unknown role 'boss'"),
        (noded(position=(1, 2)), r"node 'a': position is \(1, 2\); wanted three numbers"),
        (noded(pos="left"), "node 'a': position is 'left'; wanted three numbers"),
        (noded(input="perhaps"), "node 'a': input is 'perhaps'; wanted 1 or 0"),
    ],
)
def test_graph_that_is_no_wiring_is_refused(graph: nx.Graph, message: str) -> None:
    with pytest.raises(ConnectomeError, match=message) as caught:
        from_networkx(graph)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", WRITERS)
def test_graph_file_that_is_cut_off_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"tangle{suffix}"
    WRITERS[suffix](to_networkx(tangle()), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ConnectomeError, match=f"tangle{suffix} cannot be read as"):
        read(path)
