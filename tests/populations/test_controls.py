"""Controls without a core that evolves: what they compute, and what of them evolves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import populations
from neuroevo.connectome.catalog import load
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.gains import set_gains
from neuroevo.network.phenotype import CLOCK_PERIOD, Phenotype
from neuroevo.plugins import priors
from neuroevo.search import lineage
from neuroevo.search.settings import Settings
from neuroevo.task import TaskRequest
from neuroevo.wiring.architecture import CLOCK, Architecture, Layout
from neuroevo.workers.assessment import assess
from neuroevo.workers.runner import Runner
from tests.reference import random_architecture, run_plainly
from tests.toy import Echo

assert populations  # registers the priors

WORM = load("celegans-motor")


def control(name: str) -> Architecture:
    return priors.get(name).target(WORM, seed=0)


def _outputs(
    blueprints: list[Blueprint], parameters: list[torch.Tensor], sensed: torch.Tensor
) -> torch.Tensor:
    """Runs one genome of each blueprint on observations [T, G, S]; returns [T, G, A]."""
    phenotype = Phenotype(blueprints, [1] * len(blueprints))
    phenotype.load(parameters)
    phenotype.reset(1)
    return torch.stack([phenotype.step(x[:, None])[:, 0].clone() for x in sensed])


@pytest.mark.parametrize("name", ["frozen", "adapter-only"])
def test_frozen_core_equals_a_plain_loop_and_has_no_parameters(name: str) -> None:
    built = Blueprint(control(name), 3, 2)
    assert built.layout.core == 0 and built.layout.length == built.layout.adapters > 0
    parameters = built.draw(1, np.random.default_rng(0)) + 0.1
    sensed = np.random.default_rng(1).normal(size=(20, 3)).astype(np.float32)
    acted = _outputs([built], [parameters], torch.from_numpy(sensed)[:, None])[:, 0]
    np.testing.assert_allclose(acted, run_plainly(built, parameters[0].numpy(), sensed), atol=1e-5)


def test_frozen_network_is_the_evolving_one_before_evolution() -> None:
    frozen = Blueprint(control("frozen"), 3, 2)
    evolving = Blueprint(Architecture.of(WORM), 3, 2)
    genome = evolving.draw(1, np.random.default_rng(0))
    sensed = torch.randn(10, 2, 3, generator=torch.Generator().manual_seed(0))
    acted = _outputs(
        [frozen, evolving], [genome[:, evolving.layout.core :], genome], sensed[:, :1].expand(-1, 2, -1)
    )
    torch.testing.assert_close(acted[:, 0], acted[:, 1])
    assert frozen.architecture.content_hash != evolving.architecture.content_hash


def test_clock_is_a_travelling_sine_that_senses_nothing() -> None:
    built = Blueprint(control("clock"), 3, 4)
    assert built.layout == Layout(clock=CLOCK)
    theta = torch.tensor([[-0.3, 0.2, 0.7]])
    sensed = torch.randn(50, 2, 3, generator=torch.Generator().manual_seed(0))
    acted = _outputs([built, built], [theta, theta], sensed)
    torch.testing.assert_close(acted[:, 0], acted[:, 1], rtol=0, atol=0)
    t, j = np.arange(1, 51)[:, None], np.arange(4)
    expected = np.exp(-0.3) * np.sin(2 * np.pi * np.exp(0.2) / CLOCK_PERIOD * t - 0.7 * j)
    np.testing.assert_allclose(acted[:, 0], expected, atol=1e-4)


def test_clock_starts_anew_at_every_reset() -> None:
    phenotype = Phenotype([Blueprint(control("clock"), 2, 2)], [3])
    phenotype.load([torch.randn(3, CLOCK, generator=torch.Generator().manual_seed(0))])
    first = []
    for _ in range(2):
        phenotype.reset(2)
        first.append([phenotype.step(torch.zeros(3, 2, 2)).clone() for _ in range(5)])
    for a, b in zip(*first, strict=True):
        assert torch.equal(a, b)


def test_controls_share_a_batch_with_circuits_without_changing_them() -> None:
    circuit = Blueprint(random_architecture(0), 3, 2)
    mixed = [circuit, *(Blueprint(control(n), 3, 2) for n in ("clock", "adapter-only", "frozen")), circuit]
    parameters = [b.draw(1, np.random.default_rng(i)) for i, b in enumerate(mixed)]
    sensed = torch.randn(12, len(mixed), 3, generator=torch.Generator().manual_seed(0))
    together = _outputs(mixed, parameters, sensed)
    for i, (built, genome) in enumerate(zip(mixed, parameters, strict=True)):
        alone = _outputs([built], [genome], sensed[:, i : i + 1])
        torch.testing.assert_close(together[:, i], alone[:, 0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["clock", "adapter-only", "frozen"])
def test_control_is_evolved_and_scored(name: str) -> None:
    task = Echo()
    circuit, built = set_gains(
        [Blueprint(random_architecture(0), 2, 2), Blueprint(control(name), 2, 2)], task, 0
    )
    assert circuit.gains != Blueprint(random_architecture(0), 2, 2).gains
    settings = Settings(population=8, generations=3)
    x = lineage.Lineage("echo", name, 0, 0, 0, built)
    shard = lineage.Shard(TaskRequest("echo", "tests.toy:Echo", {}), (x,), settings)
    states, rows = Runner(shard, task).advance([lineage.begin(x, settings)], 3)
    (row,) = assess(shard, states, task)
    assert np.isfinite([row["score"], row["untrained_score"], *(r["fitness_best"] for r in rows)]).all()
    assert not row["activity"]["silent"]


@pytest.mark.parametrize("core", ["evolves", "frozen", "clock"])
def test_core_survives_a_champion_file(core: str) -> None:
    architecture = replace(random_architecture(1), core=core, notes=("a sentence",))
    read = Architecture.from_dict(architecture.to_dict())
    assert (read.core, read.notes, read.content_hash) == (core, ("a sentence",), architecture.content_hash)
