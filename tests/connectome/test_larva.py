"""The bundled brain of the larva is what was published, as data/SOURCES.md says."""

import gzip
import hashlib
import re
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from neuroevo.connectome import bundled, catalog
from neuroevo.connectome.data import build_larva
from neuroevo.errors import ConnectomeError, DataError

DATA = Path(build_larva.__file__).parent
SOURCES = (DATA / "SOURCES.md").read_text("utf-8")
TABLES = ("larva.csv.gz", "larva_cells.csv.gz")
MODALITIES = {
    "gustatory-external": 131,
    "gustatory-pharyngeal": 107,
    "gut": 85,
    "olfactory": 42,
    "visual": 29,
    "respiratory": 26,
    "thermo-cold": 6,
    "thermo-warm": 4,
}


@pytest.fixture(scope="module")
def larva():
    return bundled.load("larva")


@pytest.fixture(scope="module")
def graph():
    """The published edges as networkx holds them."""
    table = pd.read_csv(DATA / "larva.csv.gz", dtype={"pre": str, "post": str})
    return nx.from_pandas_edgelist(table, "pre", "post", "weight", nx.DiGraph)


@pytest.mark.parametrize("name", TABLES)
def test_table_has_the_hash_in_sources(name):
    content = (DATA / name).read_bytes()
    assert re.search(rf"`{re.escape(name)}` \|.*\| `{hashlib.sha256(content).hexdigest()}` \|", SOURCES)


def test_tables_are_small_enough_to_come_along():
    assert sum((DATA / name).stat().st_size for name in TABLES) < 700_000


def test_published_sums_are_in_sources():
    assert all(sha256 in SOURCES for sha256 in build_larva.SHA256.values())


def test_the_table_holds_what_was_published(graph):
    assert (graph.number_of_nodes(), graph.number_of_edges(), nx.number_of_selfloops(graph)) == (
        2_952,
        110_677,
        537,
    )
    assert graph.size("weight") == 352_611
    assert sum(graph[a][a]["weight"] for a in graph if graph.has_edge(a, a)) == 783


def test_wiring_is_the_table_without_autapses(larva, graph):
    graph = graph.copy()
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    names = larva.cells
    edges = zip(larva.chemical.pre, larva.chemical.post, larva.chemical.weight, strict=True)
    assert {(names[i], names[j], w) for i, j, w in edges} == set(graph.edges.data("weight"))
    assert not len(larva.neuromuscular) and not len(larva.electrical)
    assert larva.account.removed == {"autapses": 537}


def test_figures_of_sources(larva, graph):
    joined = set(zip(larva.chemical.pre.tolist(), larva.chemical.post.tolist(), strict=True))
    assert len(joined) == 110_140 and larva.chemical.weight.sum() == 351_828
    assert sum((j, i) in joined for i, j in joined) == 28_300
    out, into = (np.bincount(ends, minlength=2_952) for ends in (larva.chemical.pre, larva.chemical.post))
    top = [{larva.cells[k]: int(n[k]) for k in np.argsort(-n)[:2]} for n in (out, into)]
    assert top == [{"16795524": 159, "11543212": 154}, {"3886356": 209, "5966099": 202}]


def test_sensory_cells_take_input_and_descending_and_ring_gland_cells_give_output(larva):
    assert {larva.role[i] for i in larva.inputs} == {"sensory"} and len(larva.inputs) == 430
    classes = [larva.cell_class[i] for i in larva.outputs]
    assert {name: classes.count(name) for name in set(classes)} == {"DN-VNC": 182, "DN-SEZ": 164, "RGN": 54}


def test_inputs_can_be_chosen_by_modality(larva):
    assert {
        m: len(np.intersect1d(larva.find(f"modality:{m}"), larva.inputs)) for m in MODALITIES
    } == MODALITIES
    assert sum(MODALITIES.values()) == 430
    assert len(larva.find("modality:olfactory+visual")) == 71
    assert len(larva.find("ascending")) == 46
    with pytest.raises(ConnectomeError, match="Unknown value of modality in 'larva' 'smell'"):
        larva.find("modality:smell")


def test_pairs_are_mutual_and_sides_opposite(larva):
    place = {name: i for i, name in enumerate(larva.cells)}
    pair, side = larva.annotations["pair"], larva.annotations["side"]
    both = [(i, place[pair[i]]) for i in range(larva.num_cells) if pair[i] in place]
    assert len(both) == 2 * 1_235
    assert all(pair[j] == larva.cells[i] and {side[i], side[j]} == {"left", "right"} for i, j in both)
    assert side.count("") == larva.cell_class.count("unannotated") == 346


def test_signs_are_unknown_and_can_be_drawn(larva):
    assert (larva.sign == 1).all() and "Signs are not known" in larva.account.signs
    drawn = catalog.prepared("larva", catalog.Reading(signs="ratio=0.7"), seed=1)
    assert 0.65 < (drawn.sign == 1).mean() < 0.75


def test_build_makes_the_tables_again_from_their_own_edges(tmp_path):
    cells = pd.read_csv(DATA / "larva_cells.csv.gz", dtype=str, keep_default_na=False)
    listed = pd.read_csv(DATA / "larva.csv.gz").astype("int64")
    assert build_larva._packed(listed) == (DATA / "larva.csv.gz").read_bytes()
    assert gzip.decompress(build_larva._packed(cells)) == gzip.decompress(
        (DATA / "larva_cells.csv.gz").read_bytes()
    )
    other = tmp_path / "S2.csv"
    other.write_text("left_id,right_id\n")
    with pytest.raises(DataError, match=build_larva.SHA256["annotations"]):
        build_larva.build(DATA / "larva.csv.gz", other)


def test_build_reads_the_published_matrix(tmp_path, monkeypatch):
    path = tmp_path / "matrix.csv"
    path.write_text(",7,3\n7,2.0,0.0\n3,5.0,0.0\n")
    monkeypatch.setitem(build_larva.SHA256, "matrix", hashlib.sha256(path.read_bytes()).hexdigest())
    assert build_larva._edges(path).to_numpy().tolist() == [[3, 7, 5], [7, 7, 2]]
