"""Networks of every neuron model against a plain loop; delays; constants by cell, class and table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neuroevo.errors import ConnectomeError, NeuroevoError
from neuroevo.network import cells, constants
from neuroevo.network.blueprint import Blueprint, Gains
from neuroevo.network.constants import Table
from neuroevo.network.neurons import MODELS, Neuron
from neuroevo.network.phenotype import Phenotype
from neuroevo.wiring.architecture import Architecture
from tests.plain_networks import simulate
from tests.reference import random_architecture

S, A, T = 3, 2, 12
GAINS = {  # that make cells of each model active, and spike
    "leaky": Gains(0.7, 0.9, 2.0, 1.3),
    "relu": Gains(0.7, 0.5, 2.0, 1.3),
    "graded": Gains(0.9, 2.0, 2.0, 1.3),
    "alif": Gains(1.5, 2.0, 2.0, 1.3),
    "izhikevich": Gains(1.5, 2.0, 2.0, 1.3),
}


def classed(seed: int, *args: int, dale: bool = True) -> Architecture:
    """A random wiring whose cells are of three classes."""
    architecture = random_architecture(seed, *args, dale=dale)
    return replace(architecture, classes=tuple("ABC"[i % 3] for i in range(architecture.num_cells)))


def decoded(blueprint: Blueprint, row: np.ndarray) -> list[dict[str, float]]:
    """Constants of every cell, decoded one by one."""
    neuron, a = blueprint.neuron, blueprint.architecture
    theta = row[blueprint.layout.parts["constants"]].astype(float).reshape(len(neuron.model.evolving), -1)
    key = {
        "fixed": lambda i: 0,
        "shared": lambda i: 0,
        "class": lambda i: "ABC".index(a.classes[i]),
        "cell": lambda i: i,
    }[neuron.constants]
    cells_by_hand = []
    for i in range(a.num_cells):
        cell = dict(neuron.base)
        for k, name in enumerate(neuron.model.evolving if theta.size else []):
            constant, moved = neuron.model.constants[name], theta[k, key(i)]
            if constant.scale == "log":
                cell[name] *= np.exp(moved)
            elif constant.scale == "logit":
                cell[name] = 1 / (1 + (1 - cell[name]) / cell[name] * np.exp(-moved))
            else:
                cell[name] += constant.spread * moved
        cells_by_hand.append(cell)
    return cells_by_hand


def batch(neuron: Neuron, dale: bool = True) -> tuple[Phenotype, list[torch.Tensor]]:
    """Two lineages of different size."""
    gains = GAINS[neuron.name]
    pair = [Blueprint(classed(k, n, 4, dale=dale), S, A, gains, neuron) for k, n in ((0, 9), (1, 12))]
    phenotype, rng = Phenotype(pair, [2, 1]), np.random.default_rng(2)
    parameters = [
        torch.from_numpy(rng.normal(0, 0.4, (count, b.layout.length)).astype(np.float32))
        for b, count in zip(pair, phenotype.counts, strict=True)
    ]
    phenotype.load(parameters)
    return phenotype, parameters


CASES = [(name, options) for name in MODELS for options in ("", "substeps=3,delay=3", "constants=class")]
CASES += [("izhikevich", "constants=cell"), ("graded", "constants=shared"), ("leaky", "constants=cell")]


@pytest.mark.parametrize("dale", [True, False])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_network_equals_a_plain_loop(name: str, options: str, dale: bool) -> None:
    neuron = Neuron.parse(f"{name}:{options}" if options else name)
    phenotype, parameters = batch(neuron, dale)
    observations = np.random.default_rng(3).normal(0, 1, (T, phenotype.num_genomes, 2, S)).astype(np.float32)
    phenotype.reset(2)
    fast = np.stack([phenotype.step(torch.from_numpy(o)).numpy() for o in observations])
    genomes = [(b, row) for b, p in zip(phenotype.blueprints, parameters, strict=True) for row in p.numpy()]
    # These spiking cells are chaotic: some 40 ms after the first spike single precision is another orbit.
    compared = 24 // neuron.steps if name == "izhikevich" else T
    for genome, (blueprint, row) in enumerate(genomes):
        slow = simulate(blueprint, row, observations[:compared, genome, 1], decoded(blueprint, row))
        np.testing.assert_allclose(fast[:compared, genome, 1], slow, atol=2e-4)
    assert np.ptp(fast[:compared], axis=0).max() > 0.02  # something happens


@pytest.mark.parametrize("name", MODELS)
def test_network_does_not_depend_on_its_place_in_the_batch(name: str) -> None:
    phenotype, parameters = batch(Neuron.parse(f"{name}:constants=class,delay=2"))
    observations = torch.randn(T, 3, 2, S, generator=torch.Generator().manual_seed(1))
    other = Phenotype(phenotype.blueprints[::-1], phenotype.counts[::-1])
    other.load(parameters[::-1])
    phenotype.reset(2)
    other.reset(2)
    for o in observations:
        first, second = phenotype.step(o), other.step(o[[2, 0, 1]])
    torch.testing.assert_close(second, first[[2, 0, 1]], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_reset_and_release_forget_everything(name: str) -> None:
    phenotype, _ = batch(Neuron.parse(f"{name}:delay=3"))
    observations = torch.randn(T, 3, 2, S, generator=torch.Generator().manual_seed(1))
    outputs_by_order = []
    for release in (False, False, True, False):
        if release:
            phenotype.release()
        phenotype.reset(2)
        outputs_by_order.append(torch.stack([phenotype.step(o) for o in observations]))
    assert all(torch.equal(outputs_by_order[0], other) for other in outputs_by_order[1:])


def test_settle_runs_all_membrane_steps() -> None:
    phenotype, _ = batch(Neuron.parse("alif:substeps=5"))
    images = torch.randn(1, 4, S, generator=torch.Generator().manual_seed(0))
    settled = phenotype.settle(images, torch.zeros(3, dtype=torch.int64), steps=4)
    phenotype.reset(4)
    for _ in range(4):
        stepped = phenotype.step(images.expand(3, -1, -1))
    torch.testing.assert_close(settled, stepped)


def test_constants_are_shared_as_asked() -> None:
    a = classed(0, 9, 4)
    sizes = {
        sharing: Blueprint(a, S, A, neuron=Neuron.parse(f"izhikevich:constants={sharing}")).layout.constants
        for sharing in ("fixed", "shared", "class", "cell")
    }
    assert sizes == {"fixed": 0, "shared": 6, "class": 18, "cell": 6 * 13}
    frozen = Blueprint(replace(a, core="frozen"), S, A, neuron=Neuron("alif", "cell"))
    assert frozen.layout.constants == 0
    assert constants.groups(Neuron("alif", "class"), a).tolist() == [i % 3 for i in range(13)]


def write(tmp_path: Path, text: str) -> Neuron:
    path = tmp_path / "constants.csv"
    path.write_text(text)
    return Neuron.parse(f"izhikevich:table={path}")


def test_table_gives_each_cell_its_constants(tmp_path: Path) -> None:
    neuron, a = write(tmp_path, "class,c,d\nA,-50,2\n*,-65,8\n"), classed(0, 9, 4)
    table = Table.read(neuron)
    assert table is not None
    values = table.values(a, neuron.base)
    by_name = dict(zip(neuron.base, values, strict=True))
    assert by_name["c"].tolist() == [-50.0 if i % 3 == 0 else -65.0 for i in range(13)]
    assert set(by_name["a"].tolist()) == {np.float32(0.02)}
    built = Blueprint(a, S, A, GAINS["izhikevich"], neuron, table=values)
    row = np.random.default_rng(0).normal(0, 0.4, built.layout.length).astype(np.float32)
    phenotype = Phenotype([built], [1])
    phenotype.load([torch.from_numpy(row)[None]])
    observations = np.random.default_rng(3).normal(0, 1, (T, S)).astype(np.float32)
    phenotype.reset(1)
    compared = observations[:3]
    fast = np.stack([phenotype.step(torch.from_numpy(o)[None, None]).numpy()[0, 0] for o in compared])
    cells = [
        neuron.base | {"c": float(c), "d": float(d)} for c, d in zip(by_name["c"], by_name["d"], strict=True)
    ]
    np.testing.assert_allclose(fast, simulate(built, row, compared, cells), atol=2e-4)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name,c\nA,1\n", "begins with 'name'; wanted a head `cell,...` or `class,...`"),
        ("class,x\nA,1\n", "Unknown constant of izhikevich 'x'"),
        ("class,c,c\nA,1,2\n", "has the column 'c' twice"),
        ("class,c,d\nA,1\n", "row 'A' has 1 values; wanted 2"),
        ("class,c\nA,1,2\n", "row 'A' has 2 values; wanted 1"),
        ("class,c\nA,one\n", "'c' of 'A' is 'one'; wanted a number"),
        ("class,a\nA,-1\n", "Constant 'A:a' is -1; wanted a number greater than 0"),
        ("class,c\nA,1\nA,2\n", "has 'A' twice"),
        ("", "begins with ''"),
    ],
)
def test_table_that_cannot_be_read_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    neuron = write(tmp_path, text)
    with pytest.raises(NeuroevoError) as error:
        Table.read(neuron)
    assert line in str(error.value) and "\n" not in str(error.value)


def test_table_must_have_every_cell(tmp_path: Path) -> None:
    neuron = write(tmp_path, "cell,c\nc0,-50\n")
    table = Table.read(neuron)
    assert table is not None
    with pytest.raises(ConnectomeError, match="has no row for the cell 'c1'; add one, or a row"):
        table.values(classed(0, 9, 4), neuron.base)


def test_missing_table_is_named() -> None:
    with pytest.raises(NeuroevoError, match=r"'nowhere.csv' cannot be read: No such file"):
        Table.read(Neuron.parse("izhikevich:table=nowhere.csv"))


def test_description_rebuilds_the_blueprint(tmp_path: Path) -> None:
    neuron = write(tmp_path, "class,c\n*,-50\n")
    table = Table.read(neuron)
    assert table is not None
    a = classed(0, 9, 4)
    built = Blueprint(a, S, A, GAINS["alif"], neuron, image_shape=(1, 3), table=table.values(a, neuron.base))
    again = Blueprint.rebuild(built.describe())
    assert again.describe() == built.describe()
    assert again.architecture.content_hash == a.content_hash and again.layout == built.layout


@pytest.mark.parametrize("neuron", ["leaky", "relu", "graded:substeps=2", "alif:delay=3", "izhikevich"])
@pytest.mark.parametrize("columns", [16, 64])
def test_cells_that_settle_in_chunks_are_where_all_at_once_come_to(
    neuron: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Neuron.parse(f"{neuron},constants=cell" if ":" in neuron else f"{neuron}:constants=cell")
    blueprints = [Blueprint(classed(k, 16), S, A, GAINS[model.name], neuron=model) for k in range(2)]
    images = torch.randn(1, columns, S, generator=torch.Generator().manual_seed(0))
    settled, counts = [], []
    for size in (1 << 17, 1):
        monkeypatch.setattr(cells, "CHUNK", size)
        phenotype = Phenotype(blueprints, [5, 4])
        phenotype.load([b.draw(n, np.random.default_rng(n)) for b, n in zip(blueprints, (5, 4), strict=True)])
        outputs = phenotype.settle(images, torch.zeros(9, dtype=torch.int64), steps=7)
        real = slice(0, int(phenotype.first_rows[-1]))  # rows that only fill up hold anything
        settled.append([outputs, *(tensor[real] for tensor in phenotype.cells.variables.values())])
        counts.append(len(phenotype.cells._chunks))
    assert counts[0] == 1 < counts[1]
    for whole, in_chunks in zip(*settled, strict=True):
        assert torch.equal(whole, in_chunks)
