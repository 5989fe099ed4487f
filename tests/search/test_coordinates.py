"""Coordinates: what a phase moves, what moves as one, and what stays, seen on the decoded network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from neuroevo.connectome.model import Edges
from neuroevo.errors import OptionError
from neuroevo.network.adapters import Adapter, Linear, Ridge, Train
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.neurons import Neuron
from neuroevo.network.phenotype import Phenotype
from neuroevo.search import coordinates
from neuroevo.wiring.architecture import Architecture
from tests.reference import random_architecture

ROOT2, THIRD = float(np.log(2.0) / 2), float(np.log(1 / 3))


def blueprint(
    dale: bool = True,
    train: Train = "evolved",
    core: str = "evolves",
    constants: str = "fixed",
    kind: Adapter | None = None,
) -> Blueprint:
    architecture = replace(random_architecture(4, dale=dale), core=core)  # type: ignore[arg-type]
    neuron = Neuron.parse(f"leaky:constants={constants}")
    return Blueprint(architecture, 2, 3, neuron=neuron, adapter=kind or Linear(train=train))


def genome(built: Blueprint, seed: int = 0) -> torch.Tensor:
    """A genome in which every parameter is some way from where it was drawn."""
    rng = torch.Generator().manual_seed(seed)
    return 0.5 * torch.randn(built.layout.length, generator=rng)


def matrix(built: Blueprint, genomes: torch.Tensor) -> np.ndarray:
    """Weights between cells, [P, N, N], row the cell that receives."""
    phenotype = Phenotype([built], [len(genomes)])
    phenotype.load([genomes])
    n = built.architecture.num_cells
    whole = phenotype.matrix.to_dense().numpy()
    return np.stack([whole[k * n : (k + 1) * n, k * n : (k + 1) * n] for k in range(len(genomes))])


def moved(built: Blueprint, is_pretraining: bool) -> set[str]:
    """Parts in which a phase moves anything; of each it must then move everything."""
    base = genome(built)
    axes = coordinates.make(built, base, is_pretraining)
    if axes is None:
        return {name for name, part in built.layout.parts.items() if part.stop > part.start}
    point = axes.encode(base[None])
    changed = (axes.decode(point + 0.3, built)[0] != base).numpy()
    parts = {name: changed[part] for name, part in built.layout.parts.items() if part.stop > part.start}
    assert all(part.all() or not part.any() for part in parts.values())
    assert torch.equal(axes.decode(point, built)[0], base)
    return {name for name, part in parts.items() if part.any()}


# --- shared factors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dale", [True, False])
def test_pretraining_moves_all_synapses_of_a_sign_by_one_factor(dale: bool) -> None:
    built = blueprint(dale)
    base = genome(built)
    axes = coordinates.make(built, base, True)
    assert axes is not None and axes.signs == (1, -1)
    points = axes.encode(base[None]).repeat(2, 1)
    points[1, :2] = torch.tensor([ROOT2, THIRD])
    before, after = matrix(built, axes.decode(points, built))
    a = built.architecture
    pairs = {(int(i), int(j)) for i, j in zip(a.gap_junctions.pre, a.gap_junctions.post, strict=True)}
    counts = {1: 0, -1: 0, "muscle": 0}
    for pre, post in zip(a.synapses.pre, a.synapses.post, strict=True):
        if (pre, post) in pairs or (post, pre) in pairs:
            continue  # a gap junction in the same place adds to the entry
        factor = {1: 2**0.5, -1: 1 / 3}[int(a.sign[pre])]
        np.testing.assert_allclose(after[post, pre], factor * before[post, pre], rtol=1e-5)
        counts[int(a.sign[pre])] += 1
        counts["muscle"] += bool(a.is_muscle[post])
    assert min(counts.values()) > 5
    synapses = np.zeros_like(before, bool)
    synapses[a.synapses.post, a.synapses.pre] = True
    np.testing.assert_array_equal(after[~synapses], before[~synapses])


def test_factor_of_a_free_wiring_is_that_of_its_weight_whatever_its_sign_is_by_now() -> None:
    built = blueprint(dale=False)
    base = genome(built)
    base[built.layout.parts["synapses"]] *= 6  # many weights have changed their sign
    axes = coordinates.make(built, base, True)
    assert axes is not None
    points = axes.encode(base[None]).repeat(2, 1)
    points[1, :2] = float(np.log(1.7))
    signs = torch.from_numpy(coordinates.signs_of(built))
    weights = axes.decode(points, built)[:, built.layout.parts["synapses"]] + signs
    torch.testing.assert_close(weights[1], 1.7 * weights[0])
    assert (weights[0] * signs < 0).any()


def test_wiring_of_one_sign_has_one_factor() -> None:
    built = blueprint()
    a = built.architecture
    alone = replace(built, architecture=replace(a, sign=np.ones_like(a.sign)))
    axes = coordinates.make(alone, genome(alone), True)
    assert axes is not None and axes.signs == coordinates.kinds(alone) == (1,)
    assert axes.encode(genome(alone)[None]).shape[1] == 1 + alone.layout.adapters


# --- what moves, and what stays -----------------------------------------------------------------------

ADAPTERS, CORE = {"encoder", "decoder"}, {"synapses", "gap_junctions", "biases", "constants"}


@pytest.mark.parametrize(
    ("train", "early", "late"),
    [
        ("evolved", {"synapses", "constants", *ADAPTERS}, {*CORE, *ADAPTERS}),
        ("pretrained", {"synapses", "constants", *ADAPTERS}, CORE),
        ("fixed", {"synapses", "constants"}, CORE),
    ],
)
def test_phases_move_what_the_table_says(train: Train, early: set[str], late: set[str]) -> None:
    built = blueprint(train=train, constants="class")
    assert moved(built, True) == early
    assert moved(built, False) == late


@pytest.mark.parametrize("is_pretraining", [True, False])
def test_where_everything_moves_points_are_genomes(is_pretraining: bool) -> None:
    built = blueprint() if not is_pretraining else blueprint(core="frozen")
    assert coordinates.make(built, genome(built), is_pretraining) is None


@pytest.mark.parametrize("train", ["evolved", "pretrained"])
@pytest.mark.parametrize("is_pretraining", [True, False])
def test_control_without_a_core_goes_on_with_its_adapters(train: Train, is_pretraining: bool) -> None:
    assert moved(blueprint(train=train, core="frozen"), is_pretraining) == ADAPTERS


@pytest.mark.parametrize("train", ["evolved", "fixed", "pretrained"])
@pytest.mark.parametrize("is_pretraining", [True, False])
def test_clock_moves_always(train: Train, is_pretraining: bool) -> None:
    assert moved(blueprint(train=train, core="clock"), is_pretraining) == {"clock"}


def test_genome_of_which_nothing_can_evolve_is_refused() -> None:
    with pytest.raises(OptionError, match=r"frozen on t has nothing to evolve: .*; leave it out, or use"):
        coordinates.check(blueprint(train="fixed", core="frozen"), "frozen on t")
    for built in (blueprint(train="fixed"), blueprint(core="frozen"), blueprint(train="fixed", core="clock")):
        coordinates.check(built, "x")


def test_parameters_that_evolve_are_counted_apart() -> None:
    layout = blueprint().layout
    both = {"core": layout.core, "adapters": layout.adapters}
    assert coordinates.count(blueprint()) == coordinates.count(blueprint(train="pretrained")) == both
    fixed = {"core": layout.core, "adapters": 0, "fixed_adapters": layout.adapters}
    assert coordinates.count(blueprint(train="fixed")) == fixed
    assert coordinates.count(blueprint(train="fixed", core="clock")) == {"core": 3, "adapters": 0}


def test_coordinates_are_told_by_part() -> None:
    built = blueprint()
    layout, axes = built.layout, coordinates.make(built, genome(built), True)
    assert axes is not None
    shared = coordinates.parts(built, axes).tolist()
    adapters = ["encoder"] * layout.encoder + ["decoder"] * layout.decoder
    assert shared == ["synapses", "synapses", *adapters]
    whole = coordinates.parts(built, None)
    for name, where in layout.parts.items():
        assert (whole[where] == name).all() and (whole == name).sum() == where.stop - where.start
    for train in ("evolved", "fixed"):
        still = list(ADAPTERS) if train == "fixed" else []
        places = np.flatnonzero(np.isin(whole, still)).tolist()
        assert coordinates.still(blueprint(train=train)).tolist() == places


@pytest.mark.parametrize("core", ["evolves", "frozen"])
def test_biases_that_a_readout_asks_for_stay_where_the_core_does(core: str) -> None:
    plain, biased = (blueprint(core=core, kind=Ridge(bias=bias)) for bias in (0.0, 0.2))
    cells, num = biased.architecture.num_cells, biased.layout.length
    assert biased.layout.biases == cells and plain.layout.biases == (cells if core == "evolves" else 0)
    drawn = biased.draw(500, np.random.default_rng(1))[:, biased.layout.parts["biases"]]
    assert float(drawn.std()) == pytest.approx(0.2, rel=0.05)
    still = coordinates.still(biased).tolist()
    assert still == ([] if core == "evolves" else list(range(num))[biased.layout.parts["biases"]])
    assert moved(biased, False) == moved(plain, False)
    counts = coordinates.count(biased)
    assert counts.get("fixed_biases", 0) == len(still)
    assert {k: v for k, v in counts.items() if k != "fixed_biases"} == coordinates.count(plain)


def test_what_is_solved_of_a_readout_is_counted_apart() -> None:
    built = blueprint(kind=Ridge(times=2))
    cells, targets = len(built.architecture.outputs), built.num_actuators
    counts = coordinates.count(built)
    assert counts["features"] == 2 * cells and counts["solved"] == 2 * cells * targets + targets
    assert counts["core"] + counts["adapters"] == built.layout.length


# --- inheritance --------------------------------------------------------------------------------------


def test_coordinates_are_inherited_by_what_they_stand_for() -> None:
    none = np.zeros(0, np.int32)
    parent = Blueprint(
        Architecture(
            cells=("a", "b", "c"),
            is_muscle=np.zeros(3, bool),
            sign=np.array([1, -1, 1], np.int8),
            synapses=Edges(np.array([0, 1]), np.array([2, 2]), np.ones(2)),
            gap_junctions=Edges(none, none, none),
            inputs=np.array([0, 1]),
            outputs=np.array([2]),
        ),
        1,
        1,
    )
    child = replace(parent, architecture=replace(parent.architecture, sign=np.array([-1, -1, 1], np.int8)))
    old, fresh = torch.arange(10.0, 19.0), torch.full((9,), 0.5)
    source = np.array([1, -1, 2, 3, -1, 5, -1, 7, 8])  # synapses 2, biases 3, encoder 2, decoder 2
    axes = [coordinates.make(x, g, True) for x, g in ((child, fresh), (parent, old))]
    assert axes[0] is not None and axes[1] is not None and axes[0].signs == (-1,)
    carried, origin = coordinates.inherited(axes[0], axes[1], source, fresh)
    assert carried.base.tolist() == [11, 0.5, 12, 13, 0.5, 15, 0.5, 17, 18]
    assert origin.tolist() == [1, 2, -1, 4, 5]  # the factor of inhibition, then encoder and decoder
