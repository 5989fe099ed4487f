"""The way from inputs to outputs is that of networkx, and a chain, a shortcut and an island are told."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Edges
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.comparison import graph_statistics
from neuroevo.wiring.routes import distances_from_inputs, route_length, shortcuts, unreached


def edges(*pairs: tuple[int, int]) -> Edges:
    pre, post = np.array(pairs, np.int32).reshape(-1, 2).T
    return Edges(pre, post, np.ones(len(pre), np.float32))


def wiring(synapses: Edges, gaps: Edges, cells: int = 5) -> Architecture:
    return Architecture(
        cells=tuple(f"c{k}" for k in range(cells)),
        is_muscle=np.zeros(cells, bool),
        sign=np.ones(cells, np.int8),
        synapses=synapses,
        gap_junctions=gaps,
        inputs=np.array([0], np.int32),
        outputs=np.array([3], np.int32),
    )


def test_a_chain_has_no_shortcut_and_its_length() -> None:
    chain = wiring(edges((0, 1), (1, 2), (2, 3)), edges())
    assert (shortcuts(chain), route_length(chain), unreached(chain)) == (0.0, 3.0, 1)
    short = wiring(edges((0, 1), (1, 2), (2, 3), (0, 3)), edges())
    assert (shortcuts(short), route_length(short)) == (0.25, 1.0)


def test_gap_junctions_lead_both_ways_and_synapses_one() -> None:
    backwards = wiring(edges((1, 0), (2, 3)), edges((1, 2)))
    assert route_length(backwards) is None and unreached(backwards) == 4
    forwards = wiring(edges((0, 2), (1, 3)), edges((1, 2)))
    assert (route_length(forwards), unreached(forwards)) == (3.0, 1)


@pytest.mark.parametrize("name", ["celegans", "celegans-motor"])
def test_distances_are_those_of_networkx(name: str) -> None:
    worm = load(name)
    graph = nx.DiGraph()
    graph.add_nodes_from(range(worm.num_cells))
    for part in (worm.chemical, worm.neuromuscular):
        graph.add_edges_from(zip(part.pre.tolist(), part.post.tolist(), strict=True))
    graph.add_edges_from(zip(worm.electrical.pre.tolist(), worm.electrical.post.tolist(), strict=True))
    graph.add_edges_from(zip(worm.electrical.post.tolist(), worm.electrical.pre.tolist(), strict=True))
    wanted = nx.multi_source_dijkstra_path_length(graph, set(worm.inputs.tolist()), weight=None)
    measured = distances_from_inputs(worm)
    assert {k: v for k, v in enumerate(measured.tolist()) if np.isfinite(v)} == wanted


@pytest.mark.parametrize("prior", ["random", "degree", "hub-cap", "dense-matched"])
def test_figures_of_a_null_are_those_of_all_pairs_in_networkx(prior: str) -> None:
    null = priors.get(prior).target(load("celegans-motor"), seed=4)
    graph = nx.DiGraph()
    graph.add_nodes_from(range(null.num_cells))
    for part, ways in ((null.synapses, 1), (null.gap_junctions, 2)):
        for a, b in zip(part.pre.tolist(), part.post.tolist(), strict=True):
            graph.add_edges_from([(a, b), (b, a)][:ways])
    lengths = dict(nx.all_pairs_shortest_path_length(graph))
    nearest = {
        cell: min((lengths[i][cell] for i in null.inputs.tolist() if cell in lengths[i]), default=None)
        for cell in range(null.num_cells)
    }
    outputs = [nearest[i] for i in null.outputs.tolist() if nearest[i] is not None]
    assert route_length(null) == pytest.approx(sum(outputs) / len(outputs))
    assert unreached(null) == sum(steps is None for steps in nearest.values())
    straight = [
        b in null.outputs and a in null.inputs
        for a, b in zip(null.synapses.pre, null.synapses.post, strict=True)
    ]
    assert shortcuts(null) == pytest.approx(np.mean(straight))


def test_every_graph_of_a_run_says_how_its_way_differs() -> None:
    worm = load("celegans")
    exact = Architecture.of(worm)
    null = priors.get("random").target(worm, seed=0)
    fewer = priors.get("dense-matched").target(worm, seed=0)
    rows = graph_statistics(worm, [exact, null, fewer], seed=0)
    assert rows[0]["shortcut_ratio"] == 1.0
    assert rows[1]["shortcut_ratio"] == pytest.approx(shortcuts(null) / shortcuts(worm)) != 1.0
    assert all(row["route_length"] is not None and row["unreached"] is not None for row in rows)
