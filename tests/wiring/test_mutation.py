"""Mutation keeps what a prior promises, moves a little, and takes parameters along; for every prior."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

import populations
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome, Edges
from neuroevo.network import adapters
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.neurons import Neuron
from neuroevo.plugins import priors
from neuroevo.search import ask_tell, inheritance
from neuroevo.search.lineage import State
from neuroevo.search.methods import Pgpe
from neuroevo.search.settings import Settings
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.mutation import Mutant, swap_few, transpose
from neuroevo.wiring.null_models import Chain, Keep, length_bins
from neuroevo.wiring.statistics import neurons_of
from neuroevo.wiring.triads import triad_census
from tests.populations.test_swap_priors import assert_degrees, numbered
from tests.promises import PROMISES
from tests.reference import random_architecture
from tests.wirings import matrix_of

assert populations  # registers the priors

STEPS = 5  # mutations on end
HOOKED = tuple(plugin.name for plugin in priors if plugin.mutate is not None)
UNCHANGED = {  # one wiring, no wiring, all to all, or parts that are exact to the last synapse
    *("connectome", "dense", "dense-matched", "mlp", "mlp-matched"),
    *("adapter-only", "clock", "frozen", "partial"),
}
IN_PLACE = ("weights-shuffled", "signs-shuffled", "count-jitter", "sign-errors")  # no synapse is elsewhere
SIGNS = ("signs-shuffled", "sign-errors")
CASES = [
    (name, circuit)
    for name in HOOKED
    for circuit in ("celegans-motor", "celegans-perimotor")
    if (name, circuit) != ("lengths", "celegans-perimotor")  # it has no positions
]
on_both_circuits = pytest.mark.parametrize(("name", "circuit"), CASES)


def mutant(name: str, worm: Connectome, parent: Architecture, seed: int = 0, **options: object) -> Mutant:
    plugin = priors.get(name)
    assert plugin.mutate is not None
    child = plugin.mutate(worm, parent, seed=seed, **{**plugin.defaults, **options})
    assert isinstance(child, Mutant)
    return child


@cache
def _family(name: str, circuit: str) -> tuple[Connectome, Architecture, tuple[Mutant, ...]]:
    """A circuit, a sample of a prior, and its descendants, each the mutant of the one before."""
    worm = load(circuit)
    sample = priors.get(name).target(worm, seed=1)
    descendants, parent = [], sample
    for seed in range(STEPS):
        descendants.append(mutant(name, worm, parent, seed))
        parent = descendants[-1].architecture
    return worm, sample, tuple(descendants)


# --- what priors promise ------------------------------------------------------------------------------


def test_every_prior_mutates_or_is_known_not_to() -> None:
    assert set(priors.names()) == set(PROMISES) | UNCHANGED
    assert set(HOOKED) == set(PROMISES)


@on_both_circuits
def test_descendants_keep_what_the_prior_promises(name: str, circuit: str) -> None:
    worm, sample, mutants = _family(name, circuit)
    PROMISES[name](sample, sample, worm)  # else the promise says nothing about mutation
    for mutant_ in mutants:
        PROMISES[name](mutant_.architecture, sample, worm)


@on_both_circuits
def test_descendants_keep_cells_ports_and_signs(name: str, circuit: str) -> None:
    _, sample, mutants = _family(name, circuit)
    for wiring in (m.architecture for m in mutants):
        assert (wiring.cells, wiring.dale, wiring.core) == (sample.cells, sample.dale, sample.core)
        for field in ("is_muscle", "inputs", "outputs"):
            np.testing.assert_array_equal(getattr(wiring, field), getattr(sample, field))
        assert (wiring.sign != sample.sign).any() == (name in SIGNS)
        if name != "sign-errors":
            np.testing.assert_array_equal(np.sort(wiring.sign), np.sort(sample.sign))
        np.testing.assert_array_equal(wiring.sign[wiring.is_muscle], sample.sign[sample.is_muscle])


@on_both_circuits
def test_descendants_are_simple_wirings_in_order(name: str, circuit: str) -> None:
    _, _, mutants = _family(name, circuit)
    for wiring in (m.architecture for m in mutants):
        for edges in (wiring.synapses, wiring.gap_junctions):
            order = edges.pre.astype(int) * wiring.num_cells + edges.post
            assert (np.diff(order) > 0).all() and (edges.pre != edges.post).all()
        assert (wiring.gap_junctions.pre < wiring.gap_junctions.post).all()
        assert not wiring.is_muscle[wiring.synapses.pre].any()


# --- how much moves, and what goes along --------------------------------------------------------------


@on_both_circuits
def test_mutation_moves_a_little(name: str, circuit: str) -> None:
    _, sample, mutants = _family(name, circuit)
    parent = sample
    for child in mutants:
        new = child.architecture
        share = _moved(new, parent)
        assert new.content_hash != parent.content_hash
        assert 0 < share < (0.3 if name in SIGNS else 0.1)  # a sign concerns all that a cell makes
        parent = new


def _moved(new: Architecture, old: Architecture) -> float:
    """Share of the synapses that changed place, weight or sign."""
    after, before = (
        set(zip(a.synapses.pre, a.synapses.post, a.synapses.weight, a.sign[a.synapses.pre], strict=True))
        for a in (new, old)
    )
    return len(before - after) / len(before)


@on_both_circuits
def test_parameters_travel_with_their_connections(name: str, circuit: str) -> None:
    _, sample, mutants = _family(name, circuit)
    parent = sample
    for child in mutants:
        new, old, origin = child.architecture.synapses, parent.synapses, child.synapses
        np.testing.assert_array_equal(np.sort(origin), np.arange(len(old)))
        np.testing.assert_array_equal(new.pre, old.pre[origin])  # a synapse stays with its presynaptic cell
        pairs, gaps = child.architecture.gap_junctions, child.gap_junctions
        np.testing.assert_array_equal(np.sort(gaps), np.arange(len(parent.gap_junctions)))
        if name in IN_PLACE:
            np.testing.assert_array_equal(new.post, old.post[origin])
        else:
            np.testing.assert_array_equal(new.weight, old.weight[origin])
            np.testing.assert_array_equal(pairs.weight, parent.gap_junctions.weight[gaps])
            assert 0.85 < (new.post == old.post[origin]).mean() < 1
            before = parent.gap_junctions
            stay = (pairs.pre == before.pre[gaps]) & (pairs.post == before.post[gaps])
            assert name == "sparse-mlp" or 0.85 < stay.mean() < 1  # that one has none
        parent = child.architecture


@on_both_circuits
def test_mutation_is_a_function_of_its_seed(name: str, circuit: str) -> None:
    worm, sample, _ = _family(name, circuit)
    before = sample.content_hash
    first, again, other = (_fresh_hash(mutant(name, worm, sample, seed).architecture) for seed in (7, 7, 8))
    assert first == again != other
    assert _fresh_hash(sample) == before


def _fresh_hash(architecture: Architecture) -> str:
    """The hash, computed anew."""
    return replace(architecture).content_hash


@pytest.mark.parametrize("name", [n for n in HOOKED if "rewired" in priors.get(n).defaults])
def test_dosed_wiring_stays_as_it_is(name: str) -> None:
    worm = load("celegans-motor")
    for dose in (0.0, 0.5):
        sample = priors.get(name).target(worm, seed=1, rewired=dose)
        assert mutant(name, worm, sample, rewired=dose).architecture.content_hash == sample.content_hash


@pytest.mark.parametrize("name", ["stats-prior", "random", "weights-shuffled"])
def test_gap_junctions_mutate_as_their_option_says(name: str) -> None:
    worm, plugin = load("celegans-motor"), priors.get(name)
    for gap in ("keep", "drop"):
        sample = plugin.target(worm, seed=1, gap=gap)
        child = mutant(name, worm, sample, gap=gap)
        for end in ("pre", "post"):
            np.testing.assert_array_equal(
                getattr(child.architecture.gap_junctions, end), getattr(sample.gap_junctions, end)
            )
    rewired = "random" if name == "random" else "rewire"
    sample = plugin.target(worm, seed=1, gap=rewired)
    gaps, before = mutant(name, worm, sample, gap=rewired).architecture.gap_junctions, sample.gap_junctions
    both = [set(zip(e.pre, e.post, strict=True)) for e in (gaps, before)]
    assert (both[0] != both[1]) == (name != "weights-shuffled")


def test_options_are_kept_too() -> None:
    worm = load("celegans")
    options = {"boundary": True, "lengths": True, "degree_bins": 2}
    sample = priors.get("stats-prior").target(worm, seed=1, **options)
    new = mutant("stats-prior", worm, sample, **options).architecture
    assert new.content_hash != sample.content_hash
    assert_degrees(new, worm, numbered(worm.role))
    bins = length_bins(worm.position, worm.chemical)
    np.testing.assert_array_equal(
        *(np.sort(bins.bins(e.pre, e.post)) for e in (sample.chemical, new.chemical))
    )
    assert triad_census(neurons_of(new)) == triad_census(neurons_of(sample))


def test_wiring_without_room_stays_as_it_is() -> None:
    worm = load("celegans-motor")
    alone = {"chemical": Keep(labels=np.arange(worm.num_cells))}
    exact = Architecture.of(worm)
    assert swap_few(exact, alone, seed=0).architecture.content_hash == exact.content_hash
    empty = Architecture.of(worm, synapses=Edges(*np.zeros((3, 0))))
    assert len(swap_few(empty, {"chemical": Keep(), "neuromuscular": Keep()}, seed=0).synapses) == 0


def test_mutant_that_does_not_meet_the_triads_again_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    worm, sample, _ = _family("stats-prior", "celegans-motor")

    def stray(chain: Chain, enough: int) -> None:
        chain._mix(enough)
        chain._recount()

    monkeypatch.setattr(Chain, "run_until", stray)
    child = mutant("stats-prior", worm, sample, gap="keep").architecture
    np.testing.assert_array_equal(matrix_of(child), matrix_of(sample))
    assert len(child.neuromuscular) and (child.neuromuscular.post != sample.neuromuscular.post).any()


def test_transposition_stays_within_groups_and_changes_something() -> None:
    values, group = np.arange(20.0), np.arange(20) % 3
    transposed = transpose(values, group, np.random.default_rng(0))
    assert 0 < (transposed != values).sum() <= 2
    for k in range(3):
        np.testing.assert_array_equal(np.sort(transposed[group == k]), values[group == k])
    equal = np.ones(4)
    np.testing.assert_array_equal(transpose(equal, np.zeros(4, int), np.random.default_rng(0)), equal)


def test_mutation_is_found_under_every_name_of_a_prior() -> None:
    assert priors.get("populations.statistical:degree").mutate is priors.get("degree").mutate is not None
    assert priors.get("tests.planted:late").mutate is None


# --- inheritance --------------------------------------------------------------------------------------

SENSORS, ACTUATORS = 3, 2


def _named_parameters(blueprint: Blueprint) -> list[tuple[object, ...]]:
    """What each parameter belongs to, by names of cells."""
    a = blueprint.architecture
    names: list[tuple[object, ...]] = []
    if a.core == "evolves":
        names = [(kind, *ends) for kind in ("synapses", "gap_junctions") for ends in _ends_of(a, kind)]
        names += [("bias", cell) for cell in a.cells]
        keys = {"class": sorted(set(a.cell_class)), "cell": a.cells, "shared": [""], "fixed": []}
        constants = blueprint.neuron.model.evolving
        names += [("constant", name, key) for name in constants for key in keys[blueprint.neuron.constants]]
    inputs, outputs = [a.cells[i] for i in a.inputs], [a.cells[i] for i in a.outputs]
    hidden = [f"hidden {k}" for k in range(getattr(blueprint.adapter, "hidden", 0))]
    for layer, (before, behind) in {
        "in": (range(SENSORS), inputs),
        "out": (outputs, range(ACTUATORS)),
    }.items():
        if hidden:
            names += [(layer, "first", h, x) for h in hidden for x in before]
            names += [(layer, "hidden bias", h) for h in hidden]
        names += [(layer, y, x) for y in behind for x in (hidden or before)]
    return [*names, *(("out bias", k) for k in range(ACTUATORS))]


def _ends_of(architecture: Architecture, kind: str) -> list[tuple[str, str]]:
    """Names of the cells that each connection of a kind joins."""
    edges: Edges = getattr(architecture, kind)
    return [
        (architecture.cells[i], architecture.cells[j]) for i, j in zip(edges.pre, edges.post, strict=True)
    ]


def live(architecture: Architecture, neuron: str = "leaky", adapter: str = "linear") -> Blueprint:
    fitted = architecture.without_dead_ends()
    return Blueprint(fitted, SENSORS, ACTUATORS, neuron=Neuron.parse(neuron), adapter=adapters.parse(adapter))


def _check_inheritance(whole: Architecture, change: Mutant, *kind: str) -> np.ndarray:
    """Checks that what a child has in common with its parent comes from there; returns the sources."""
    parent, child = live(whole, *kind), live(change.architecture, *kind)
    source = inheritance.sources(whole, parent, change, child)
    assert len(source) == child.layout.length
    children, parents = _named_parameters(child), _named_parameters(parent)
    places = {name: k for k, name in enumerate(parents)}
    origin: dict[tuple[object, ...], tuple[object, ...]] = {}
    for kind in ("synapses", "gap_junctions"):
        before = _ends_of(whole, kind)
        for ends, e in zip(_ends_of(change.architecture, kind), getattr(change, kind), strict=True):
            origin[kind, *ends] = (kind, *before[e])
    for name, k in zip(children, source, strict=True):
        assert k == places.get(origin.get(name, name), -1), name
    return source


@pytest.mark.parametrize("name", [*HOOKED, *sorted(UNCHANGED - {"clock"})])
def test_every_parameter_comes_from_where_it_was(name: str) -> None:
    worm = load("celegans-motor")
    sample = priors.get(name).target(worm, seed=1)
    plugin = priors.get(name)
    change = mutant(name, worm, sample) if plugin.mutate else Mutant.same(sample)
    source = _check_inheritance(sample, change)
    known = source[source >= 0]
    assert len(set(known)) == len(known) > 0.9 * len(source)
    if plugin.mutate is None:
        np.testing.assert_array_equal(source, np.arange(len(source)))


@pytest.mark.parametrize("sharing", ["shared", "class", "cell"])
def test_constants_and_hidden_layers_come_from_where_they_were(sharing: str) -> None:
    kind = (f"alif:constants={sharing}", "mlp:hidden=5")
    worm = load("celegans-motor")
    sample = priors.get("degree").target(worm, seed=1)
    source = _check_inheritance(sample, mutant("degree", worm, sample), *kind)
    known = source[source >= 0]
    assert len(set(known)) == len(known) > 0.9 * len(source)
    _check_inheritance(*_crossing(), *kind)
    same = _check_inheritance(sample, Mutant.same(sample), *kind)
    np.testing.assert_array_equal(same, np.arange(len(same)))


def _crossing() -> tuple[Architecture, Mutant]:
    """Two inputs of which only one reaches the output; after a swap of targets it is the other one."""
    none = np.zeros(0, np.int32)
    parent = Architecture(
        cells=("a", "b", "live", "dead"),
        is_muscle=np.zeros(4, bool),
        sign=np.ones(4, np.int8),
        synapses=Edges(np.array([0, 1]), np.array([2, 3]), np.array([1.0, 2.0])),
        gap_junctions=Edges(none, none, none),
        inputs=np.array([0, 1]),
        outputs=np.array([2]),
    )
    swapped = Edges(np.array([0, 1]), np.array([3, 2]), np.array([1.0, 2.0]))
    return parent, Mutant(replace(parent, synapses=swapped), np.array([0, 1]), none)


def test_what_comes_alive_is_new_and_what_dies_is_forgotten() -> None:
    parent, change = _crossing()
    source = _check_inheritance(parent, change)
    child = live(change.architecture)
    assert child.architecture.cells == ("b", "live")
    # b's synapse, bias and input weights are new; the output cell keeps what it had.
    assert source.tolist() == [-1, -1, 2, -1, -1, -1, 6, 7, 8, 9]


def _searching(blueprint: Blueprint) -> State:
    """A state some generations into a search."""
    size = blueprint.layout.length
    arrays = {
        "centre": np.arange(size, dtype=np.float32),
        "velocity": -np.arange(size, dtype=np.float32),
        "stdev": 1 + np.arange(size, dtype=np.float32),
    }
    return State(ask_tell.from_arrays(arrays), generation=4, evaluations=36, failures=2)


def test_search_is_carried_over_parameter_by_parameter() -> None:
    parent, change = _crossing()
    settings = Settings(population=8, generations=10)
    child = live(change.architecture)
    source = inheritance.sources(parent, live(parent), change, child)
    fresh = torch.full((child.layout.length,), 0.5)
    state = inheritance.inherit(_searching(live(parent)), source, fresh, child, settings)
    assert (state.generation, state.evaluations, state.failures) == (4, 36, 2)
    arrays, new = ask_tell.to_arrays(state.search), source < 0
    np.testing.assert_array_equal(arrays["centre"], np.where(new, 0.5, source))
    np.testing.assert_array_equal(arrays["velocity"], np.where(new, 0, -source))
    usual, is_core = Pgpe(), np.arange(child.layout.length) < child.layout.core
    spread = np.where(is_core, usual.stdev * usual.core, usual.stdev).astype(np.float32)
    np.testing.assert_array_equal(arrays["stdev"], np.where(new, spread, 1 + source))
    population = ask_tell.ask(state.search, settings, 4, seed=0)
    searches = ask_tell.tell([state.search], [population], [torch.arange(8.0)], settings, 4)
    assert torch.isfinite(ask_tell.centre(searches[0])).all()


def test_identity_carries_everything() -> None:
    whole = random_architecture(3)
    settings = Settings(population=8, generations=10)
    state, blueprint = _searching(live(whole)), live(whole)
    source = inheritance.sources(whole, blueprint, Mutant.same(whole), blueprint)
    again = inheritance.inherit(state, source, torch.zeros(blueprint.layout.length), blueprint, settings)
    for name, array in ask_tell.to_arrays(state.search).items():
        np.testing.assert_array_equal(ask_tell.to_arrays(again.search)[name], array)


def test_child_cut_off_from_its_inputs_does_not_fit() -> None:
    parent, change = _crossing()
    cut = replace(change.architecture, synapses=Edges(np.array([0]), np.array([3]), np.array([1.0])))
    none = np.zeros(0, int)
    assert inheritance.fit(live(parent), Mutant(cut, np.array([0]), none)) is None
    fitting = inheritance.fit(live(parent), change)
    assert fitting is not None and fitting.gains == live(parent).gains
