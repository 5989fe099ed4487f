"""Edge tables users bring: what is read, what is refused, and that what is written reads back."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroevo.connectome import bundled, writing
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome, Edges
from neuroevo.connectome.readers import read
from neuroevo.errors import ConnectomeError, RegistryError

HEADER = "pre,post,kind,weight,sign\n"


@pytest.fixture(params=bundled.names())
def wiring(request) -> Connectome:
    return load(request.param)


def edges(*rows) -> Edges:
    return Edges(*(np.array(column) for column in zip(*rows, strict=True))) if rows else Edges([], [], [])


def write(tmp_path, text, name="wiring.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_load_reads_an_edge_table_by_path(tmp_path):
    text = HEADER + "b,a,chemical,2,-1\na,m,neuromuscular,1.5,+1\nb,a,electrical,3,0\n"
    wiring = load(str(write(tmp_path, text)))
    assert wiring.cells == ("a", "b", "m")
    assert wiring.name == "wiring"
    assert wiring.role == ("interneuron", "interneuron", "muscle")
    assert wiring.sign.tolist() == [1, -1, 1]
    assert wiring.inputs.tolist() == [0, 1]
    assert wiring.outputs.tolist() == [2]
    assert (wiring.chemical.pre.tolist(), wiring.chemical.post.tolist()) == ([1], [0])
    assert (wiring.electrical.pre.tolist(), wiring.electrical.post.tolist()) == ([0], [1])
    assert wiring.neuromuscular.weight.tolist() == [1.5]


def test_edge_table_without_muscles_gives_output_on_all_neurons(tmp_path):
    wiring = read(write(tmp_path, "\ufeff" + HEADER + "a,b,chemical,1,1\nb,c,chemical,1,1\n"))
    assert wiring.outputs.tolist() == wiring.inputs.tolist() == [0, 1, 2]


def test_edge_table_may_have_other_columns_and_row_order(tmp_path):
    first = read(write(tmp_path, HEADER + "a,b,chemical,1,1\nc,b,chemical,2,-1\n"))
    other = read(write(tmp_path, "note,sign,weight,kind,post,pre\nx,-1,2,chemical,b,c\ny,1,1,chemical,b,a\n"))
    assert first.fingerprint() == other.fingerprint()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,b,chemical,1,1\na,c,chemical,x,1\n", r"line 3: weight 'x' is no number"),
        ("a,b,chemical,0,1\n", r"line 2: weight is 0"),
        ("a,b,chemical,-2,1\n", r"line 2: weight is -2"),
        ("a,b,chemical,nan,1\n", r"line 2: weight is nan"),
        ("a,b,chemical,1e99,1\n", r"line 2: weight is 1e99"),
        ("a,b,chemical,1,\n", r"line 2: sign is ''"),
        ("a,b,chemical,1,2\n", r"line 2: sign is '2'"),
        ("a,b,chemical,1,1\n\na,c,chemical,1,-1\n", r"line 4: 'a' has sign -1, and \+1 in line 2"),
        ("a,b,chemical,1,1\na,b,chemical,2,1\n", r"line 3: .* stands in line 2 already"),
        ("a,b,electrical,1,0\na,b,electrical,1,0\n", r"line 3: .* stands in line 2 already"),
        (
            "a,b,electrical,1,0\nb,a,electrical,2,0\n",
            r"line 3: gap junction 'b' - 'a' weighs 2, .* 1 in line 2",
        ),
        ("a,a,chemical,1,1\n", r"line 2: 'a' is joined to itself"),
        ("a,b,chemcal,1,1\n", r"line 2: .*Did you mean 'chemical'"),
        ("a,,chemical,1,1\n", r"line 2: a cell without a name"),
        ("a,b,chemical\n", r"line 2: no value for weight, sign"),
        ("a,m,neuromuscular,1,1\nm,a,chemical,1,1\n", r"line 3: 'm' is a target of neuromuscular"),
        ("a,m,neuromuscular,1,1\nb,m,chemical,1,1\n", r"line 3: 'm' is a target of neuromuscular"),
    ],
)
def test_edge_table_error_says_line_and_wish(tmp_path, rows, message):
    with pytest.raises(ConnectomeError, match=message) as caught:
        read(write(tmp_path, HEADER + rows))
    assert "\n" not in str(caught.value)
    assert "wiring.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no edges"),
        (HEADER, "has no edges"),
        (
            "pre,kind\na,chemical\n",
            "line 1: no column post; wanted a header that names both ends .* and post; it has pre, kind",
        ),
        ("pre:post\na:b\n", "line 1: no column pre"),
        ("pre,post,pre\na,b,a\n", "line 1: a column stands twice"),
        ("a\0b", "line 1: no column"),
        ("\n" + HEADER, "line 1: no column pre"),
    ],
)
def test_edge_table_without_header_or_rows_is_refused(tmp_path, text, message):
    with pytest.raises(ConnectomeError, match=message):
        read(write(tmp_path, text))


def test_edge_table_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes((HEADER + "ä,b,chemical,1,1\n").encode("latin-1"))
    with pytest.raises(ConnectomeError, match="UTF-8"):
        read(path)


def test_load_names_the_nearest_connectome():
    with pytest.raises(RegistryError, match="Did you mean 'celegans-motor'"):
        load("celegans-moter")


@pytest.mark.parametrize("source", ["missing.csv", "no/such/table"])
def test_load_refuses_a_path_that_does_not_exist(source):
    with pytest.raises(ConnectomeError, match=f"Cannot read '{re.escape(source)}'"):
        load(source)


def test_load_refuses_a_folder(tmp_path):
    with pytest.raises(ConnectomeError, match="directory"):
        load(str(tmp_path))


def test_written_file_leaves_nothing_behind_when_it_fails(tmp_path):
    with pytest.raises(ConnectomeError, match="Cannot write"):
        writing.write(load("celegans-perimotor"), tmp_path / "missing", "wiring")
    (tmp_path / "folder_cells.csv").mkdir()
    with pytest.raises(ConnectomeError, match="Cannot write"):
        writing.write(load("celegans-perimotor"), tmp_path, "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder_cells.csv"]


@pytest.mark.parametrize("form", writing.FORMATS)
def test_written_wiring_is_read_back_as_it_is(tmp_path, wiring, form):
    paths = writing.write(wiring, tmp_path, "wiring", form)
    again = read(paths[0])
    assert again.fingerprint() == wiring.fingerprint()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)


@st.composite
def wirings(draw) -> Connectome:
    # Small wirings in which every muscle is reached by a neuron and every cell has an edge.
    text = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=5)
    labels = sorted(draw(st.sets(text, min_size=3, max_size=8)))
    num_muscles = draw(st.integers(0, len(labels) - 2))
    num_neurons = len(labels) - num_muscles
    muscles = range(num_neurons, len(labels))
    weight = st.floats(2.0**-126, 2.0**100, width=32)

    def some(pairs):
        chosen = sorted(draw(st.sets(st.sampled_from(pairs), max_size=12))) if pairs else []
        return edges(*((i, j, draw(weight)) for i, j in chosen))

    ring = [(i, (i + 1) % num_neurons, 1.0) for i in range(num_neurons)]
    reached = [(draw(st.integers(0, num_neurons - 1)), m, draw(weight)) for m in muscles]
    return Connectome(
        name="drawn",
        cells=tuple(labels),
        role=("interneuron",) * num_neurons + ("muscle",) * num_muscles,
        cell_class=tuple(labels[:num_neurons]) + ("muscle",) * num_muscles,
        transmitter=("",) * len(labels),
        sign=[draw(st.sampled_from((1, -1))) for _ in range(num_neurons)] + [1] * num_muscles,
        position=np.full((len(labels), 3), np.nan),
        chemical=edges(*ring),
        neuromuscular=edges(*sorted(reached)),
        electrical=some([(i, j) for i in range(len(labels)) for j in range(i + 1, len(labels))]),
        inputs=range(num_neurons),
        outputs=muscles if num_muscles else range(num_neurons),
    )


@settings(deadline=None)  # a busy machine is no failure
@given(wirings())
def test_any_wiring_survives_writing_and_reading(tmp_path_factory, drawn):
    path, _ = writing.write(drawn, tmp_path_factory.mktemp("drawn"), "wiring")
    assert read(path).fingerprint() == drawn.fingerprint()
