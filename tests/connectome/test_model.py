"""The bundled wirings against the published figures; selectors, ports and circuits."""

import pickle

import numpy as np
import pytest

from neuroevo.connectome import bundled, catalog, datasets, published
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome
from neuroevo.errors import ConnectomeError
from tests.wirings import signed


@pytest.fixture(params=bundled.names())
def wiring(request) -> Connectome:
    return load(request.param)


# --- the bundle ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "neurons", "muscles", "chemical", "neuromuscular", "electrical", "inputs", "outputs"),
    [
        ("celegans", 302, 95, 3671, 956, 1192, 85, 126),
        ("celegans-motor", 97, 95, 701, 571, 368, 69, 95),
        ("celegans-perimotor", 66, 72, 188, 296, 89, 66, 72),
    ],
)
def test_bundled_wiring_has_the_published_size(
    name, neurons, muscles, chemical, neuromuscular, electrical, inputs, outputs
):
    wiring = load(name)
    assert (wiring.num_neurons, wiring.num_cells - wiring.num_neurons) == (neurons, muscles)
    assert (len(wiring.chemical), len(wiring.neuromuscular), len(wiring.electrical)) == (
        chemical,
        neuromuscular,
        electrical,
    )
    assert (len(wiring.inputs), len(wiring.outputs)) == (inputs, outputs)


def test_bundled_edges_are_sorted_once_and_without_autapses(wiring):
    for kind in (wiring.chemical, wiring.neuromuscular, wiring.electrical):
        pairs = list(zip(kind.pre.tolist(), kind.post.tolist(), strict=True))
        assert pairs == sorted(set(pairs))
        assert all(pre != post for pre, post in pairs)
        assert (kind.weight > 0).all()
    assert (wiring.electrical.pre < wiring.electrical.post).all()


def test_bundled_synapses_start_at_neurons_and_end_where_their_kind_says(wiring):
    assert not wiring.is_muscle[wiring.chemical.pre].any()
    assert not wiring.is_muscle[wiring.chemical.post].any()
    assert not wiring.is_muscle[wiring.neuromuscular.pre].any()
    assert wiring.is_muscle[wiring.neuromuscular.post].all()


def test_bundled_arrays_are_typed_and_read_only(wiring):
    assert (wiring.sign.dtype, wiring.position.dtype, wiring.inputs.dtype) == (np.int8, np.float32, np.int32)
    assert (wiring.chemical.pre.dtype, wiring.chemical.weight.dtype) == (np.int32, np.float32)
    assert set(wiring.sign.tolist()) <= {1, -1}
    for array in (wiring.sign, wiring.position, wiring.inputs, wiring.is_muscle, wiring.chemical.weight):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_celegans_neuromuscular_junctions_have_the_published_figures():
    worm = load("celegans")
    assert len(worm.neuromuscular) == 956
    assert worm.neuromuscular.weight.sum() == 5515
    assert len(set(worm.neuromuscular.pre.tolist())) == 162
    assert len(set(worm.neuromuscular.post.tolist())) == 95


def test_celegans_gap_junctions_join_neurons_and_muscles():
    worm = load("celegans")
    ends = worm.is_muscle[worm.electrical.pre].astype(int) + worm.is_muscle[worm.electrical.post]
    assert np.bincount(ends).tolist() == [1091, 5, 96]


@pytest.mark.parametrize(
    ("cell_class", "count"),
    [("DA", 9), ("DB", 7), ("DD", 6), ("VA", 12), ("VB", 11), ("VD", 13), ("AS", 11)]
    + [(name, 2) for name in ("AVA", "AVB", "AVD", "AVE", "PVC")],
)
def test_celegans_class_has_the_published_number_of_cells(cell_class, count):
    worm = load("celegans")
    assert sum(name == cell_class for name in worm.cell_class) == count
    assert len(worm.find(cell_class)) == count


def test_celegans_neurons_fall_into_118_classes_and_three_roles():
    worm = load("celegans")
    assert len(set(worm.cell_class) - {"muscle"}) == 118
    assert [worm.role.count(role) for role in ("sensory", "interneuron", "motor", "muscle")] == [
        85,
        91,
        126,
        95,
    ]


def test_celegans_signs_follow_the_main_transmitter():
    worm = load("celegans")
    main = np.array([transmitter.split("+")[0] for transmitter in worm.transmitter])
    assert ((worm.sign < 0) == (main == "GABA")).all()
    assert (worm.sign[worm.find("DD+VD+RME")] == -1).all()


def test_celegans_neurons_have_positions_head_to_tail():
    worm = load("celegans")
    assert np.isfinite(worm.position[~worm.is_muscle]).all()
    assert np.isnan(worm.position[worm.is_muscle]).all()
    along = worm.position[worm.find("DB1+DB4+DB7"), 1]
    assert (np.diff(along) > 100).all()  # micrometres; the animal is about a millimetre long


def test_motor_circuit_is_the_cord_the_command_cells_the_head_and_touch():
    motor = load("celegans-motor")
    assert set(motor.cell_class) == set(
        "DA DB DD VA VB VD AS AVA AVB AVD AVE PVC RMD SMD RIM ALM AVM PLM PVM muscle".split()
    )
    assert {motor.cell_class[i] for i in motor.inputs} == set("DA DB DD VA VB VD AS".split())
    assert motor.is_muscle[motor.outputs].all()
    assert len(motor.outputs) == 95


def test_perimotor_circuit_is_six_units_of_eleven_motor_neurons():
    circuit = load("celegans-perimotor")
    counts = {name: circuit.cell_class.count(name) for name in sorted(set(circuit.cell_class) - {"muscle"})}
    assert counts == {"AS": 12, "DA": 6, "DB": 6, "DD": 6, "VA": 12, "VB": 12, "VD": 12}
    assert sum(counts.values()) == 66


def test_perimotor_signs_are_the_sources():
    circuit = load("celegans-perimotor")
    signs = np.concatenate([circuit.sign[kind.pre] for kind in (circuit.chemical, circuit.neuromuscular)])
    assert ((signs > 0).sum(), (signs < 0).sum()) == (370, 114)
    assert {circuit.cell_class[i] for i in np.flatnonzero(circuit.sign < 0)} == {"DD", "VD"}


def test_every_bundled_name_has_a_summary_and_loads_once():
    assert list(catalog.summaries()) == bundled.names() + published.names() + datasets.names()
    assert load("celegans") is load("celegans")


# --- selectors, ports, circuits -----------------------------------------------------------------------


def test_find_joins_roles_classes_and_names():
    worm = load("celegans")
    cells = worm.find("sensory + AVA + VB1 + AVAL")
    assert len(cells) == 85 + 2 + 1
    assert cells.dtype == np.int32
    assert (np.diff(cells) > 0).all()


@pytest.mark.parametrize(("selector", "near"), [("AVAA", "AVA"), ("avb", "AVB"), ("VB1+sensor", "sensory")])
def test_find_names_the_nearest_cells(selector, near):
    with pytest.raises(ConnectomeError, match=f"Did you mean {near!r}"):
        load("celegans").find(selector)


@pytest.mark.parametrize("selector", ["", "AVA+", "+", "qqqqqq"])
def test_find_refuses_a_part_that_names_nothing(selector):
    with pytest.raises(ConnectomeError, match="roles"):
        load("celegans").find(selector)


def test_with_ports_changes_only_what_issigned():
    motor = load("celegans-motor")
    changed = motor.with_ports(inputs="ALM+PLM")
    assert [motor.cells[i] for i in changed.inputs] == ["ALML", "ALMR", "PLML", "PLMR"]
    assert (changed.outputs == motor.outputs).all()
    assert len(motor.inputs) == 69


def test_with_ports_refuses_an_empty_port_set():
    touch = load("celegans").circuit("touch", "ALM+AVM")
    with pytest.raises(ConnectomeError, match="no outputs"):
        touch.with_ports(inputs="ALM")


def test_circuit_keeps_edges_and_ports_among_its_cells():
    worm = load("celegans")
    part = worm.circuit("part", "AVA+VA+DA+ASH+muscle")
    for whole, circuit in zip(signed(worm), signed(part), strict=True):
        within = {ends: weight for ends, weight in whole.items() if set(ends) <= set(part.cells)}
        assert circuit == within
        assert circuit
    assert [part.cells[i] for i in part.inputs] == ["ASHL", "ASHR"]
    assert {part.cell_class[i] for i in part.outputs} == {"VA", "DA"}


def test_circuit_takes_indices_in_any_order():
    worm = load("celegans")
    chosen = worm.find("AVA+AVB")
    assert worm.circuit("x", chosen[::-1]).fingerprint() == worm.circuit("y", "AVA+AVB").fingerprint()


@pytest.mark.parametrize("cells", [[], [397], [-1, 2]])
def test_circuit_refuses_cells_that_do_not_exist(cells):
    with pytest.raises(ConnectomeError, match="0 to 396"):
        load("celegans").circuit("x", cells)


def test_fingerprint_tells_wirings_and_ports_apart():
    worm = load("celegans")
    prints = {
        worm.fingerprint(),
        worm.with_ports(outputs="muscle").fingerprint(),
        worm.circuit("x", np.arange(396)).fingerprint(),
    }
    assert len(prints) == 3
    assert worm.fingerprint() == pickle.loads(pickle.dumps(worm)).fingerprint()
