"""Wirings from files: what is filled in, what is refused, and in which words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neuroevo.connectome.catalog import load
from neuroevo.connectome.readers import SUFFIXES, read
from neuroevo.connectome.reading import Reading
from neuroevo.errors import ConnectomeError
from tests.wirings import pairs, ports, write

EDGES = "pre,post\nASH,AVA\nAVA,VA1\nVA1,m1\n"
CELLS = "name,role,class,transmitter,sign,x,y,z\nm1,muscle,,,,,,\nVA1,motor,VA,Acetylcholine,+1,1,2,\n"
CELLS += "ASH,sensory,,Glutamate,,,,\nAVA,interneuron,,,-1,,,\nCAN,,,,,,,\n"


# --- tables -------------------------------------------------------------------------------------------


def test_table_of_pre_and_post_alone_is_chemical_excitatory_and_of_weight_one(tmp_path: Path) -> None:
    wiring = read(write(tmp_path, wiring=EDGES))
    assert pairs(wiring, "chemical") == {("ASH", "AVA"): 1, ("AVA", "VA1"): 1, ("VA1", "m1"): 1}
    assert wiring.sign.tolist() == [1, 1, 1, 1]
    assert set(wiring.role) == {"interneuron"}
    assert ports(wiring) == (["ASH", "AVA", "VA1", "m1"],) * 2


def test_table_may_be_separated_by_tabs(tmp_path: Path) -> None:
    (tmp_path / "wiring.tsv").write_text(EDGES.replace(",", "\t"))
    assert read(tmp_path / "wiring.tsv").fingerprint() == read(write(tmp_path, wiring=EDGES)).fingerprint()


def test_table_of_cells_gives_order_roles_signs_positions_and_ports(tmp_path: Path) -> None:
    wiring = read(write(tmp_path, wiring=EDGES, wiring_cells=CELLS), Reading(signs="worm"))
    assert wiring.cells == ("m1", "VA1", "ASH", "AVA", "CAN")
    assert wiring.role == ("muscle", "motor", "sensory", "interneuron", "interneuron")
    assert wiring.cell_class == ("muscle", "VA", "ASH", "AVA", "CAN")
    assert wiring.transmitter == ("", "Acetylcholine", "Glutamate", "", "")
    assert wiring.sign.tolist() == [1, 1, 1, -1, 1]
    assert wiring.position[1].tolist()[:2] == [1, 2] and np.isnan(wiring.position[1, 2])
    assert pairs(wiring, "neuromuscular") == {("VA1", "m1"): 1}  # by the role of its target
    assert ports(wiring) == (["ASH"], ["m1"])


def test_cells_without_a_sign_inhibit_if_their_main_transmitter_is_gaba(tmp_path: Path) -> None:
    cells = "name,transmitter,sign\nASH,GABA,\nAVA,Acetylcholine+GABA,\nVA1,gaba+Dopamine,\nm1,GABA,1\n"
    assert read(write(tmp_path, wiring=EDGES, wiring_cells=cells)).sign.tolist() == [-1, 1, -1, 1]


def test_output_is_on_motor_cells_where_there_are_no_muscles(tmp_path: Path) -> None:
    cells = "name,role\nASH,sensory\nAVA,\nVA1,motor\nm1,\n"
    assert ports(read(write(tmp_path, wiring=EDGES, wiring_cells=cells))) == (["ASH"], ["VA1"])


def test_marks_choose_ports_over_roles(tmp_path: Path) -> None:
    cells = "name,role,input,output\nASH,sensory,0,no\nAVA,,1,yes\nVA1,motor,,\nm1,,,true\n"
    assert ports(read(write(tmp_path, wiring=EDGES, wiring_cells=cells))) == (["AVA"], ["AVA", "m1"])


def test_ports_are_chosen_by_class_or_name(tmp_path: Path) -> None:
    path = write(tmp_path, wiring=EDGES, wiring_cells=CELLS)
    wiring = read(path, Reading(signs="worm")).with_ports("VA+ASH", "AVA")
    assert ports(wiring) == (["VA1", "ASH"], ["AVA"])


@pytest.mark.parametrize(
    ("edges", "cells", "message"),
    [
        (
            EDGES,
            "name\nASH\nAVA\nVA1\n",
            r"wiring.csv, line 4: 'm1' is not among the cells of wiring_",
        ),
        (
            EDGES,
            "name,role\nASH,sensor\n",
            r"wiring_cells.csv, line 2: Unknown role 'sensor'. Did you mean",
        ),
        (EDGES, "name\nASH\nASH\n", r"wiring_cells.csv, line 3: 'ASH' stands in line 2 already"),
        (EDGES, "name\n\n \n", r"wiring_cells.csv, line 3: a cell without a name"),
        (EDGES, "name,sign\nASH,0.5\n", r"wiring_cells.csv, line 2: sign is '0.5'; wanted 1 .*, -1"),
        (EDGES, "name,x\nASH,left\n", r"line 2: x is 'left'; wanted micrometres"),
        (EDGES, "name,x\nASH,inf\n", r"line 2: x is 'inf'; wanted micrometres"),
        (EDGES, "name,input\nASH,maybe\n", r"line 2: input is 'maybe'; wanted 1 or 0"),
        (EDGES, "label,role\nASH,sensory\n", r"wiring_cells.csv, line 1: no column name"),
        (EDGES, "", r"wiring_cells.csv has no cells"),
        (
            EDGES,
            CELLS + "x,,,,,,,\n" + "ASH,,,,,,,",
            r"wiring_cells.csv, line 8: 'ASH' stands in line 4 already",
        ),
        (EDGES, CELLS + "x,,", r"wiring_cells.csv, line 7: no value for transmitter, sign, x, y, z"),
        (EDGES, CELLS + "x,,,,,,,,1", r"wiring_cells.csv, line 7: 9 values, and the header has 8 columns"),
        (
            "pre,post,sign\nASH,AVA,-1\n",
            "name,sign\nASH,1\nAVA,\n",
            r"line 2: 'ASH' has sign -1, and \+1 in wiring_cells.csv, line 2",
        ),
        (
            "pre,post,kind\nVA1,m1,chemical\n",
            "name,role\nVA1,motor\nm1,muscle\n",
            r"line 2: 'm1' is a muscle; wanted the kind neuromuscular",
        ),
        (
            "pre,post,kind\nVA1,m1,neuromuscular\n",
            "name,role\nVA1,motor\nm1,interneuron\n",
            r"line 2: 'm1' has the role interneuron; wanted a muscle",
        ),
        (
            "pre,post\nm1,VA1\n",
            "name,role\nVA1,motor\nm1,muscle\n",
            r"line 2: 'm1' is a muscle; wanted no synapse",
        ),
        (EDGES, "name,input\nASH,0\nAVA,0\nVA1,0\nm1,0\n", r"wiring has no input cells; wanted at least one"),
        (EDGES, "name,output\nASH,\nAVA,\nVA1,\nm1,\n", r"wiring has no output cells; wanted at least one"),
        ("pre,post,kind\na,b,electrical\n", "name,role\na,muscle\nb,muscle\n", r"wiring has no input cells"),
    ],
)
def test_table_of_cells_that_cannot_be_used_is_refused(
    tmp_path: Path, edges: str, cells: str, message: str
) -> None:
    path = write(tmp_path, wiring=edges, wiring_cells=cells)
    with pytest.raises(ConnectomeError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)


# --- files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe\x01", b"<<<not this", b"{}", b"PK\x03\x04 cut off"])
def test_file_that_cannot_be_read_gives_one_line(tmp_path: Path, suffix: str, content: bytes) -> None:
    (tmp_path / f"wiring{suffix}").write_bytes(content)
    with pytest.raises(ConnectomeError, match=r"wiring") as caught:
        load(str(tmp_path / f"wiring{suffix}"))
    assert "\n" not in str(caught.value)
    assert "wanted" in str(caught.value) or "no CSV text" in str(caught.value)


@pytest.mark.parametrize("name", ["wiring.docx", "wiring", "wiring.csv.zip", "wiring.npy.gz"])
def test_other_endings_are_refused_with_those_that_can_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("anything")
    with pytest.raises(ConnectomeError, match=r"Cannot read .*wanted one of \.csv \.tsv .* \.npy .*\.json"):
        load(str(tmp_path / name))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_folder_is_refused_whatever_it_is_called(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"wiring{suffix}").mkdir()
    with pytest.raises(ConnectomeError, match=r"Cannot read .*directory"):
        load(str(tmp_path / f"wiring{suffix}"))


def test_path_with_a_null_character_is_refused() -> None:
    with pytest.raises(ConnectomeError, match="Cannot read"):
        load("a\0b.csv")


def test_networkx_and_scipy_are_imported_only_when_used() -> None:
    code = (
        "import sys; from neuroevo.connectome import catalog; catalog.load('celegans'); catalog.summaries();"
    )
    code += "print([m for m in ('networkx', 'scipy', 'torch', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
