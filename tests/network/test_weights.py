"""Evolved weights as a table and as a file: against the running network, and rebuilt by NumPy alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neuroevo.connectome.catalog import load
from neuroevo.errors import RunError
from neuroevo.network.adapters import Adapter, Conv, Linear, Mlp
from neuroevo.network.blueprint import Blueprint, Gains
from neuroevo.network.neurons import MODELS, Neuron
from neuroevo.network.policy import Policy
from neuroevo.wiring.architecture import Architecture, Core
from tests.reference import random_architecture
from tests.small import CIRCUIT

S, A = 4, 3


def genome(
    neuron: str = "leaky", adapter: Adapter | None = None, dale: bool = True, core: Core = "evolves"
) -> Policy:
    """A policy of a small wiring, whose parameters are all moved."""
    architecture = replace(random_architecture(0, dale=dale), core=core)
    blueprint = Blueprint(
        architecture, S, A, Gains(0.7, 0.9, 2.0, 1.3), Neuron.parse(neuron), adapter or Linear(), (2, S // 2)
    )
    rng = np.random.default_rng(0)
    return Policy(blueprint, torch.from_numpy(rng.normal(0, 0.5, blueprint.layout.length).astype(np.float32)))


def rebuilt(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The policy in a file, of leaky neurons: no part of neuroevo is used, and the file is read alone."""
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        x = {name: file.get_tensor(name).astype(float) for name in file.keys()}
        champion = json.loads(file.metadata()["champion"])
    assert champion["neuron"] == "leaky" and champion["delay"] == 1
    n = len(champion["cells"])
    matrix = np.zeros((n, n))
    for kind in ("synapses", "gap_junctions"):
        pre, post = (x[f"{kind}.{end}"].astype(int) for end in ("pre", "post"))
        np.add.at(matrix, (post, pre), x[f"{kind}.weight"])
        if kind == "gap_junctions":
            np.add.at(matrix, (pre, post), x[f"{kind}.weight"])
            for end in (pre, post):
                np.add.at(matrix, (end, end), -x[f"{kind}.weight"])
    inputs, outputs = (x[name].astype(int) for name in ("inputs", "outputs"))
    activity = np.zeros(n)

    def through(name: str, values: np.ndarray) -> np.ndarray:
        number = sum(key.startswith(name) and key.endswith(("weight", "filters")) for key in x)
        for k in range(number):
            if f"{name}.{k}.filters" in x:
                answers = values[x[f"{name}.{k}.grid"].astype(int)] @ x[f"{name}.{k}.filters"]
                values = np.tanh((answers + x[f"{name}.{k}.bias"]).T.ravel())
                continue
            values = values @ x[f"{name}.{k}.weight"] + x.get(f"{name}.{k}.bias", 0)
            values = np.tanh(values) if k < number - 1 else values
        return values

    def step(sensed: np.ndarray) -> np.ndarray:
        if "normalisation.mean" in x:
            sensed = ((sensed - x["normalisation.mean"]) * x["normalisation.scale"]).clip(-10, 10)
        outside = x["biases"].copy()
        outside[inputs] += through("encoder", sensed)
        for _ in range(champion["substeps"]):
            activity[:] += x["constants.leak"] * (np.tanh(matrix @ activity + outside) - activity)
        return through("decoder", activity[outputs])

    return step


@pytest.mark.parametrize("neuron", ["leaky", "leaky:constants=cell,substeps=3"])
@pytest.mark.parametrize("adapter", [Linear(), Mlp(hidden=5), Conv(filters=3, size=2, stride=1)], ids=str)
def test_file_alone_is_the_policy(neuron: str, adapter: Adapter, tmp_path: Path) -> None:
    policy = genome(neuron, adapter)
    policy.save(tmp_path / "champion.safetensors")
    step = rebuilt(tmp_path / "champion.safetensors")
    for sensed in np.random.default_rng(1).normal(size=(20, S)):
        np.testing.assert_allclose(step(sensed.astype(np.float32)), policy.step(sensed), atol=1e-5)


@pytest.mark.parametrize("dale", [True, False])
@pytest.mark.parametrize("neuron", MODELS)
def test_table_has_the_weights_that_the_network_computes_with(neuron: str, dale: bool) -> None:
    policy = genome(neuron, dale=dale)
    table, a = policy.synapses(), policy.blueprint.architecture
    place = {name: k for k, name in enumerate(a.cells)}
    wanted = policy.phenotype.matrix.to_dense().numpy()
    matrix = np.zeros_like(wanted)
    for row in table.itertuples():
        i, j = place[row.pre], place[row.post]
        matrix[j, i] += row.evolved
        if row.kind == "electrical":
            matrix[i, j] += row.evolved
            matrix[[i, j], [i, j]] -= row.evolved
    np.testing.assert_allclose(matrix, wanted, atol=1e-6)
    chemical = table[table["kind"] != "electrical"]
    assert (np.sign(chemical["evolved"]) == chemical["sign"]).all() == dale


def test_measured_strengths_are_those_of_the_connectome() -> None:
    worm = load(CIRCUIT)
    blueprint = Blueprint(Architecture.of(worm), S, A)
    policy = Policy(blueprint, blueprint.draw(1, np.random.default_rng(0))[0])
    table = policy.synapses().set_index("kind")
    for kind, edges in (
        ("chemical", worm.chemical),
        ("neuromuscular", worm.neuromuscular),
        ("electrical", worm.electrical),
    ):
        rows = {(row.pre, row.post): row.measured for row in table.loc[kind].itertuples()}
        ends = ((worm.cells[i], worm.cells[j]) for i, j in zip(edges.pre, edges.post, strict=True))
        assert rows == dict(zip(ends, edges.weight, strict=True))


@pytest.mark.parametrize("core", ["frozen", "clock"])
def test_core_that_does_not_evolve_has_what_was_measured_or_nothing(core: Core, tmp_path: Path) -> None:
    policy = genome(core=core)
    table = policy.synapses()
    if core == "clock":
        assert not len(table) and list(table) == ["pre", "post", "kind", "sign", "measured", "evolved"]
    else:
        chemical = table[table["kind"] == "chemical"]
        share = chemical["measured"] / chemical.groupby("post")["measured"].transform("sum")
        np.testing.assert_allclose(chemical["evolved"], 0.9 * chemical["sign"] * share, rtol=1e-5)
        policy.save(tmp_path / "file")
        sensed = np.ones(S, np.float32)
        np.testing.assert_allclose(rebuilt(tmp_path / "file")(sensed), policy.step(sensed), atol=1e-5)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="file exists; nothing is written over"):
        genome().save(tmp_path / "file")
    with pytest.raises(RunError, match=r"Cannot write .*: No such file or directory"):
        genome().save(tmp_path / "no" / "file")
    assert (tmp_path / "file").read_text() == "mine"
