"""The operating range: one rule for every prior brings every architecture to where it can learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import populations
from neuroevo.connectome.catalog import load
from neuroevo.network import gains, monitors
from neuroevo.network.blueprint import Blueprint, Gains
from neuroevo.network.gains import limits, measure, set_gains
from neuroevo.network.monitors import Monitor
from neuroevo.network.neurons import Neuron
from neuroevo.network.phenotype import Phenotype
from neuroevo.plugins import priors
from tests import small
from tests.toy import Echo

assert populations  # registers the priors

LEAKY = Neuron()
TARGETS, CORE_LIMIT = LEAKY.model.targets, LEAKY.model.core_limit
KINDS = dict(zip(TARGETS, range(4), strict=True))
BASIC = ["connectome", "stats-prior", "random", "dense"]


def blueprint(prior: str, circuit: str = "celegans-motor", gains: Gains = Gains()) -> Blueprint:  # noqa: B008
    architecture = priors.get(prior).target(load(circuit), seed=1).without_dead_ends()
    return Blueprint(architecture, Echo.num_sensors, Echo.num_actuators, gains)


@pytest.fixture(scope="module")
def task() -> Echo:
    return Echo(episodes=8, steps=12)


@pytest.fixture(scope="module", params=["celegans-motor", "celegans-perimotor"])
def tuned(request: pytest.FixtureRequest, task: Echo) -> list[Blueprint]:
    return set_gains([blueprint(prior, request.param) for prior in BASIC], task, 3)


def test_set_gains_brings_currents_to_target_or_gains_to_their_limit(
    tuned: list[Blueprint], task: Echo
) -> None:
    monitor = measure(tuned, task, 3)
    for kind, target in TARGETS.items():
        currents = monitor.root_mean_square(KINDS[kind]).numpy()
        gains = np.array([b.gains.to_dict()[kind] for b in tuned])
        at_limit = np.isclose(gains, limits(kind, LEAKY)[1]) & (currents < target)
        assert (np.isclose(currents, target, rtol=0.1) | at_limit).all(), (kind, currents, gains)


def test_set_gains_does_not_depend_on_the_other_blueprints(tuned: list[Blueprint], task: Echo) -> None:
    (alone,) = set_gains([Blueprint(tuned[1].architecture, 2, 2)], task, 3)
    for kind, gain in tuned[1].gains.to_dict().items():
        assert alone.gains.to_dict()[kind] == pytest.approx(gain, rel=1e-4)


def test_set_gains_depends_on_its_seed_alone(task: Echo) -> None:
    first, again, other = (set_gains([blueprint("random")], task, s)[0].gains for s in (5, 5, 6))
    assert first == again != other


@pytest.mark.parametrize("prior", BASIC)
def test_untrained_network_forgets_its_start(prior: str) -> None:
    """At the greatest core gain allowed, synapses shrink any difference between states: echo states."""
    built = blueprint(prior, gains=Gains(core=CORE_LIMIT))
    phenotype = Phenotype([built], [2])
    phenotype.load([built.draw(1, np.random.default_rng(0)).repeat(2, 1)])
    phenotype.reset(1)
    n = built.architecture.num_cells
    phenotype.state[n:, 0] = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, n).astype(np.float32))
    sensed = torch.ones(2, 1, Echo.num_sensors)
    for _ in range(300):
        outputs = phenotype.step(sensed)
    torch.testing.assert_close(outputs[0], outputs[1], atol=1e-5, rtol=0)


def test_circuit_beyond_the_limit_can_lock_up() -> None:
    """The limit is needed: with ten times that gain two starts end in two states under the same input."""
    built = blueprint("connectome", gains=Gains(input=0.1, core=10 * CORE_LIMIT))
    phenotype = Phenotype([built], [2])
    phenotype.load([built.draw(1, np.random.default_rng(0)).repeat(2, 1)])
    phenotype.reset(1)
    n = built.architecture.num_cells
    phenotype.state[:n], phenotype.state[n:] = 1.0, -1.0
    for _ in range(300):
        phenotype.step(torch.ones(2, 1, Echo.num_sensors))
    assert (phenotype.state[:n] - phenotype.state[n:]).abs().mean() > 0.5


@pytest.mark.parametrize(
    ("gains", "saturated", "silent"),
    [(Gains(500.0, 3.0, 50.0), True, False), (Gains(input=0.0), False, True), (Gains(), False, False)],
)
def test_monitor_tells_saturated_and_silent_networks(gains: Gains, saturated: bool, silent: bool) -> None:
    built = blueprint("connectome", gains=gains)
    activity = measure([built], Echo(steps=60), 0).activity()[0]
    assert (activity["saturated"] >= monitors.SATURATED) == saturated
    assert (activity["mean_abs"] < LEAKY.model.silent) == silent


def test_monitor_measures_what_a_plain_loop_measures(task: Echo) -> None:
    built = blueprint("stats-prior")
    phenotype = Phenotype([built], [1])
    phenotype.load([built.draw(1, np.random.default_rng(0))])
    phenotype.monitor = Monitor(phenotype)
    sensed = torch.ones(1, 3, Echo.num_sensors)
    phenotype.reset(3)
    matrix = phenotype.matrix.to_dense()
    neurons = torch.from_numpy(~built.architecture.is_muscle) & (matrix.abs().sum(1) > 0)
    sums, states = [], []
    for _ in range(4):
        sums.append((matrix @ phenotype.state)[neurons].square())
        phenotype.step(sensed)
        states.append(phenotype.state.abs())
    expected = torch.cat(sums).mean().sqrt()
    assert float(phenotype.monitor.root_mean_square(Monitor.CORE)[0]) == pytest.approx(
        float(expected), rel=1e-4
    )
    assert phenotype.monitor.activity()[0]["mean_abs"] == pytest.approx(
        float(torch.cat(states).mean()), abs=1e-4
    )


@pytest.mark.parametrize("genome", ["connectome", "random"])
def test_one_genome_says_of_a_body_s_own_maps_what_eight_equal_ones_do(
    genome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = small.plan(genome=(genome,), task=("worm:steps=20",), adapter="none", connectome="celegans-motor")
    ((natively, *_),), (task,) = plan.blueprints.values(), plan.tasks.values()
    assert gains.num_genomes(natively) == 1
    (one,) = set_gains([natively], task, 3)
    monkeypatch.setattr(gains, "num_genomes", lambda _: gains.NUM_GENOMES)
    (eight,) = set_gains([natively], task, 3)
    assert one.gains.to_dict() == pytest.approx(eight.gains.to_dict(), rel=1e-9)


def test_genomes_of_a_large_wiring_are_watched_one_by_one_with_the_same_gains(
    tuned: list[Blueprint], task: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    untuned = [Blueprint(tuned[1].architecture, 2, 2)]
    together = set_gains(untuned, task, 3)[0].gains.to_dict()
    monkeypatch.setattr(gains, "MOST_CELLS", 1)
    assert len(list(gains.observe(untuned, task, 3))) == gains.NUM_GENOMES
    assert set_gains(untuned, task, 3)[0].gains.to_dict() == pytest.approx(together, rel=1e-4)
