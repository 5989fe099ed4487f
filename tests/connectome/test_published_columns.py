"""Files in the very columns of published tables: each loads right, or says in one line why it does not."""

from __future__ import annotations

import gzip
from pathlib import Path

import networkx as nx
import numpy as np
import openpyxl
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from neuroevo.connectome import writing
from neuroevo.connectome.model import Connectome
from neuroevo.connectome.readers import read
from neuroevo.connectome.reading import Reading
from neuroevo.errors import ConnectomeError

A, B, C = "720575940620000001", "720575940620000002", "720575940620000003"  # which no float holds apart
WANTED = {(A, B): 7.0, (B, C): 5.0, (C, A): 9.0}


def edges(wiring: Connectome, kind: str = "chemical") -> dict[tuple[str, str], float]:
    part = getattr(wiring, kind)
    ends = zip(part.pre, part.post, part.weight.tolist(), strict=True)
    return {(wiring.cells[i], wiring.cells[j]): weight for i, j, weight in ends}


def table(**columns: list[object]) -> pa.Table:
    return pa.table(columns)


def ids(*cells: str) -> list[int]:
    return [int(cell) for cell in cells]


CODEX = (
    f"pre_root_id,post_root_id,neuropil,syn_count,nt_type\n{A},{B},AVLP_R,3,ACH\n{A},{B},PVLP_R,4,ACH\n"
    f"{B},{C},AVLP_R,5,GABA\n{C},{A},GNG,9,GLUT\n"
)


def test_codex_sums_the_rows_of_neuropils_and_names_what_it_ignores(tmp_path: Path) -> None:
    path = tmp_path / "connections.csv.gz"
    path.write_bytes(gzip.compress(CODEX.encode()))
    wiring = read(path, Reading(duplicates="sum", signs="shiu2024"))
    assert edges(wiring) == WANTED and wiring.name == "connections"
    assert wiring.transmitter == ("ACH", "GABA", "GLUT")
    assert wiring.account is not None and wiring.account.ignored == ("neuropil",)
    assert wiring.account.removed == {"repeated edges (sum of their weights)": 1}
    assert wiring.account.columns["pre"] == "pre_root_id"


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        (
            Reading(signs="worm"),
            r"line 3: chemical edge .* stands in line 2 already; .*--duplicates sum or max",
        ),
        (
            Reading(duplicates="sum"),
            r"rules differ on GLUT \(1\), .*--signs worm or shiu2024 or monoamine-zero",
        ),
    ],
)
def test_codex_is_refused_where_it_is_not_said_how_it_is_meant(
    tmp_path: Path, reading: Reading, said: str
) -> None:
    (tmp_path / "connections.csv").write_text(CODEX)
    with pytest.raises(ConnectomeError, match=said):
        read(tmp_path / "connections.csv", reading)


def test_zenodo_feather_of_whole_numbers_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "proofread.feather"
    columns = table(
        pre_pt_root_id=ids(A, B, C, C),
        post_pt_root_id=ids(B, C, A, A),
        neuropil=["X", "X", "X", "Y"],
        syn_count=[7, 5, 4, 5],
        gaba_avg=[0.1, 0.2, 0.3, 0.4],
    )
    feather.write_feather(columns, path)
    wiring = read(path, Reading(duplicates="sum"))
    assert edges(wiring) == WANTED
    assert wiring.account is not None and wiring.account.ignored == ("neuropil", "gaba_avg")
    assert "not known: every synapse excites" in wiring.account.signs


def test_shiu_parquet_has_signs_and_indices(tmp_path: Path) -> None:
    path = tmp_path / "Connectivity_783.parquet"
    columns = {
        "Presynaptic_ID": ids(A, B, C),
        "Postsynaptic_ID": ids(B, C, A),
        "Presynaptic_Index": [0, 1, 2],
        "Postsynaptic_Index": [1, 2, 0],
        "Connectivity": [7, 5, 9],
        "Excitatory": [1, -1, 1],
        "Excitatory x Connectivity": [7, -5, 9],
    }
    parquet.write_table(pa.table(columns), path)
    wiring = read(path)
    assert edges(wiring) == WANTED and wiring.sign.tolist() == [1, -1, 1]


@pytest.mark.parametrize(
    "headers",
    [("body_pre", "body_post", "weight"), ("bodyId_pre", "bodyId_post", "weight"), ("pre", "post", "count")],
)
@pytest.mark.parametrize("suffix", [".feather", ".csv", ".tsv.gz", ".parquet"])
def test_malecns_hemibrain_and_manc_load_alike_in_every_format(
    tmp_path: Path, headers: tuple[str, str, str], suffix: str
) -> None:
    path = tmp_path / f"edges{suffix}"
    columns = pa.table(dict(zip(headers, (ids(A, B, C), ids(B, C, A), [7, 5, 9]), strict=True)))
    if suffix == ".feather":
        feather.write_feather(columns, path)
    elif suffix == ".parquet":
        parquet.write_table(columns, path)
    else:
        mark = "," if "csv" in suffix else "\t"
        rows = [headers, *zip(*(columns[h].to_pylist() for h in headers), strict=True)]
        text = "".join(mark.join(map(str, row)) + "\n" for row in rows)
        path.write_bytes(gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode())
    assert edges(read(path)) == WANTED


def test_banc_has_more_numbers_than_its_weight(tmp_path: Path) -> None:
    path = tmp_path / "banc.feather"
    columns = table(
        pre=ids(A, B, C),
        post=ids(B, C, A),
        count=[7, 5, 9],
        norm=[0.1] * 3,
        pre_count=[1] * 3,
        post_count=[1] * 3,
    )
    feather.write_feather(columns, path)
    cells = table(
        banc_888_id=ids(A, B, C),
        super_class=["sensory", "central_brain_intrinsic", "motor"],
        cell_type=["ORN", "LN", "MN1"],
        side=["left", "left", "right"],
        neurotransmitter_predicted=["acetylcholine", "gaba", "acetylcholine"],
    )
    feather.write_feather(cells, tmp_path / "banc_cells.feather")
    wiring = read(path)
    assert edges(wiring) == WANTED
    assert wiring.cell_class == ("ORN", "LN", "MN1") and wiring.role == ("sensory", "interneuron", "motor")
    assert wiring.sign.tolist() == [1, -1, 1]
    assert wiring.inputs.tolist() == [0] and wiring.outputs.tolist() == [2]
    assert wiring.account is not None and "by super_class" in wiring.account.outputs
    assert wiring.find("side:left").tolist() == [0, 1]


def test_flywire_annotations_give_ports_by_their_classes(tmp_path: Path) -> None:
    (tmp_path / "fly.csv").write_text(CODEX)
    (tmp_path / "fly_cells.tsv").write_text(
        "root_id\tflow\tsuper_class\tcell_class\tcell_type\ttop_nt\ttop_nt_conf\tside\n"
        f"{A}\tafferent\tsensory\tolfactory\tORN_DA1\tacetylcholine\t0.9\tleft\n"
        f"{B}\tintrinsic\tcentral\tALLN\tlLN1\tgaba\t0.8\tleft\n"
        f"{C}\tefferent\tdescending\t\tDNa02\tglutamate\t0.4\tright\n"
    )
    wiring = read(tmp_path / "fly.csv", Reading(duplicates="sum", signs="shiu2024"))
    assert wiring.inputs.tolist() == [0] and wiring.outputs.tolist() == [2]
    assert wiring.cell_class == ("ORN_DA1", "lLN1", "DNa02")
    assert wiring.transmitter[2] == "glutamate"
    assert wiring.annotations["top_nt_conf"] == ("0.9", "0.8", "0.4")


def test_larvas_matrix_has_names_on_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "all-all.csv"
    path.write_text(f",{A},{B},{C}\n{A},0,7,0\n{B},0.0,2,5\n{C},9,0,0\n")
    with pytest.raises(ConnectomeError, match=rf"entry \[{B}, {B}\]: .*--autapses drop"):
        read(path)
    wiring = read(path, Reading(autapses="drop"))
    assert edges(wiring) == WANTED
    assert wiring.account is not None and wiring.account.removed == {"autapses": 1}


def test_worms_sheet_has_headings_over_its_names(tmp_path: Path) -> None:
    path = tmp_path / "SI5.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        [None, None, None, "PHARYNX", None, "SENSORY"],
        [None, None, None, "I1L", "I1R", "ASHL"],
        [None, "PHARYNX", "I1L", None, 2, None],
        [None, None, "I1R", 1, None, None],
        [None, "SENSORY", "ASHL", None, None, None],
        [None, None, None, None, 3, 4],
    ):
        sheet.append(row)
    sheet.merge_cells("D1:E1")
    sheet.merge_cells("B3:B4")
    book.save(path)
    wiring = read(path)
    assert edges(wiring) == {("I1L", "I1R"): 2, ("I1R", "I1L"): 1}
    assert wiring.account is not None and wiring.account.notes == (
        "2 numbers without a name on both sides, such as sums, are passed over.",
    )
    book.create_sheet("gap junctions")
    book.save(path)
    account = read(path).account
    assert account is not None and "not read: gap junctions." in account.notes[0]


def test_graph_tells_its_other_attributes_and_keeps_those_of_nodes(tmp_path: Path) -> None:
    graph = nx.DiGraph()
    graph.add_node("a", side="left", super_class="sensory")
    graph.add_node("b", side="right", super_class="motor")
    graph.add_edge("a", "b", syn_count=3, neuropil="AL")
    nx.write_graphml(graph, tmp_path / "fly.graphml")
    wiring = read(tmp_path / "fly.graphml")
    assert edges(wiring) == {("a", "b"): 3} and wiring.annotations["side"] == ("left", "right")
    assert (wiring.inputs.tolist(), wiring.outputs.tolist()) == ([0], [1])
    assert wiring.account is not None and wiring.account.ignored == ("neuropil",)
    again = read(writing.write(wiring, tmp_path, "again", "graphml")[0])
    assert again.annotations["side"] == ("left", "right") and again.fingerprint() == wiring.fingerprint()


def test_columns_that_are_named_are_used_or_refused(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("pre,post\na,b\nb,a\n")
    (tmp_path / "w_cells.csv").write_text("name,released,kind_of\na,GABA,PN\nb,ACH,LN\n")
    named = {"transmitter": "released", "class": "kind_of"}
    wiring = read(tmp_path / "w.csv", Reading(columns=named))
    assert wiring.transmitter == ("GABA", "ACH") and wiring.sign.tolist() == [-1, 1]
    assert wiring.cell_class == ("PN", "LN")
    for columns, said in (
        ({"sign": "excites"}, "no table has a column 'excites' to be the sign"),
        ({"class": "sort"}, "Unknown column 'sort'"),
    ):
        with pytest.raises(ConnectomeError, match=said):
            read(tmp_path / "w.csv", Reading(columns=columns))
    np.save(tmp_path / "m.npy", np.eye(3, k=1))
    with pytest.raises(ConnectomeError, match="no table has a column 'n' to be the weight"):
        read(tmp_path / "m.npy", Reading(columns={"weight": "n"}))


def test_sum_that_no_weight_can_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("pre,post,weight\na,b,3e38\na,b,3e38\nb,a,1\n")
    with pytest.raises(ConnectomeError, match=r"line 2: the edge's weights sum to 6e\+38"):
        read(tmp_path / "w.csv", Reading(duplicates="sum"))


def test_varshney_and_openworm_tables_say_kinds_in_their_own_words(tmp_path: Path) -> None:
    path = tmp_path / "worm.csv"
    path.write_text(
        "Neuron 1,Neuron 2,Type,Nbr\nAVAL,VA1,Sp,3\nAVAL,AVBL,EJ,2\nAVBL,AVAL,EJ,2\nVA1,M1,NMJ,4\n"
    )
    wiring = read(path)
    assert edges(wiring) == {("AVAL", "VA1"): 3} and edges(wiring, "neuromuscular") == {("VA1", "M1"): 4}
    assert edges(wiring, "electrical") == {("AVAL", "AVBL"): 2}
    path.write_text("Neuron 1,Neuron 2,Type,Nbr\nAVAL,VA1,R,3\n")
    with pytest.raises(ConnectomeError, match=r"line 2: Unknown kind of edge 'R'.*--columns kind=-"):
        read(path)
    path.write_text("Origin,Target,Type,Number of Connections\nAVAL,AVBL,GapJunction,2\nAVBL,VA1,Send,1\n")
    assert edges(read(path), "electrical") == {("AVAL", "AVBL"): 2}


def test_hemibrains_cells_have_type_and_instance(tmp_path: Path) -> None:
    (tmp_path / "traced.csv").write_text(f"bodyId_pre,bodyId_post,weight\n{A},{B},7\n")
    (tmp_path / "traced_cells.csv").write_text(f"bodyId,type,instance\n{A},EPG,EPG(PB08)_L3\n{B},PEN,PEN_a\n")
    wiring = read(tmp_path / "traced.csv")
    assert wiring.cell_class == ("EPG", "PEN")
    assert set(wiring.annotations) == {"bodyid", "type", "instance"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "pre,post,syn_count,count\na,b,1,2\n",
            "columns syn_count and count could both be the weight; say which",
        ),
        ("pre,post,weight\na,b,1\nb,c,2,9\n", "line 3: 4 values, and the header has 3 columns"),
        ("pre,post,weight\na,b\n", "line 2: no value for weight"),
        ('pre,post,weight\na,"b,1\nb,c,2\nc,d,"4\n', "line 2: a quote that is not closed on its line"),
        ("pre,post,weight\n1.5,b,\n", "line 2: weight '' is no number"),
        ("pre,post,weight\na,b,many\n", "line 2: weight 'many' is no number"),
        ("pre,post,weight\na,b, 3\nb,c,-1\n", "line 3: weight is -1; wanted a finite number greater than 0"),
        ("pre\tpost,pre;post\tpost;pre\na;b\tc\n", "no column"),
        ("name,role\na,b\n", "no column pre, post; wanted a header that names both ends"),
    ],
)
def test_fault_is_told_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "w.csv").write_text(text)
    with pytest.raises(ConnectomeError) as caught:
        read(tmp_path / "w.csv")
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_two_delimiters_that_both_fit_are_refused(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("pre,x;pre;post;y,post\na,b;c;d;e,f\n")
    with pytest.raises(ConnectomeError, match="line 1: the header can be parted by ',' and by ';'"):
        read(tmp_path / "w.csv")


def test_gzip_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress("".join(["pre,post\n", *(f"a{i},b{i}\n" for i in range(20_000))]).encode())
    (tmp_path / "w.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConnectomeError, match=r"w\.csv\.gz is cut off"):
        read(tmp_path / "w.csv.gz")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (table(pre=[1.0, 2.0], post=[2.0, 3.0]), "column pre holds fractions"),
        (table(pre=[["a"], ["b"]], post=["b", "c"]), "column pre holds list.*wanted one value a row"),
        (table(pre=["a", None], post=["b", "c"]), "row 2: a cell without a name"),
        (table(pre=["a", "b"], post=["b", "c"], weight=[1.0, None]), "row 2: weight '' is no number"),
    ],
)
def test_feather_with_what_is_no_name_or_number_is_refused(
    tmp_path: Path, columns: pa.Table, said: str
) -> None:
    feather.write_feather(columns, tmp_path / "w.feather")
    with pytest.raises(ConnectomeError, match=said):
        read(tmp_path / "w.feather")


def test_table_of_cells_that_lacks_cells_says_how_many(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("pre,post\na,b\nb,c\nc,d\n")
    (tmp_path / "w_cells.csv").write_text("name\na\nb\n")
    with pytest.raises(ConnectomeError, match=r"line 3: 'c' is not among .*\(2 cells of edges are not\)"):
        read(tmp_path / "w.csv")


def test_isolated_cells_stay(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("pre,post\na,b\nb,a\n")
    names = "".join(f"x{i}\n" for i in range(200_000))
    (tmp_path / "w_cells.csv").write_text(f"name\na\nb\n{names}")
    assert read(tmp_path / "w.csv").num_cells == 200_002


def test_selection_weights_and_columns_do_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("from_cell,to_cell,n\na,b,1\nb,c,5\nc,a,6\na,d,7\n")
    (tmp_path / "w_cells.csv").write_text("id,side\na,left\nb,left\nc,left\nd,right\n")
    columns = {"pre": "from_cell", "post": "to_cell", "weight": "n"}
    wiring = read(tmp_path / "w.csv", Reading(columns=columns, min_weight=5, select={"side": ("left",)}))
    assert edges(wiring) == {("b", "c"): 5, ("c", "a"): 6}
    assert wiring.account is not None
    assert wiring.account.removed == {
        "edges of a weight below 5": 1,
        "cells without side=left": 1,
        "edges of these cells": 1,
    }
    for reading, said in (
        (Reading(columns=columns, select={"side": ("lefty",)}), "Did you mean 'left'"),
        (Reading(columns=columns, select={"flank": ("left",)}), "Unknown column of the cells"),
        (Reading(columns=columns, select={"side": ("right",)}), "leaves no edge"),
        (
            Reading(columns=columns, min_weight=8),
            r"no edge weighs 8 or more \(--min-weight\); the greatest weighs 7",
        ),
        (Reading(columns={**columns, "weight": "m"}), "Unknown column 'm'"),
    ):
        with pytest.raises(ConnectomeError, match=said):
            read(tmp_path / "w.csv", reading)
