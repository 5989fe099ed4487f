"""Reservoirs do what phenotypes do that are stepped, and no column depends on those beside it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuroevo import readout
from neuroevo.connectome.catalog import load
from neuroevo.experiment.plan import fitted
from neuroevo.network import adapters, gains
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.neurons import Neuron
from neuroevo.network.phenotype import Phenotype
from neuroevo.network.reservoir import Population, Reservoir, is_reservoir, states_of
from neuroevo.readout import SolvedTask
from neuroevo.seeds import generator
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.sampling import Sample
from tasks.decisions import Decision
from tasks.memory import Memory
from tasks.sequences import SequenceTask

STEPS, WASHOUT = 40, 7


def blueprint(neuron: str = "leaky:leak=0.3") -> Blueprint:
    exact = Architecture.of(load("celegans-motor"))
    sample = Sample("connectome", 0, exact, exact.content_hash)
    adapter = adapters.parse("ridge:bias=0.2")
    return fitted([sample], {"task": Memory(lags=5)}, Neuron.parse(neuron), adapter)["task"][0]


def stepped(of: Blueprint, genomes: torch.Tensor, inputs: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
    """Returns the states of output cells, [P, B, T, F]."""
    phenotype = Phenotype([of], [len(genomes)])
    phenotype.load([genomes])
    phenotype.reset(inputs.shape[2])
    states = []
    for t in range(inputs.shape[1]):
        phenotype.step(inputs[which, t])
        states.append(phenotype.output_cells()[0][1].transpose(1, 2).clone())
    return torch.stack(states, 2)


def collected(
    of: Blueprint, genomes: torch.Tensor, inputs: torch.Tensor, which: torch.Tensor
) -> torch.Tensor:
    pieces: dict[int, list[torch.Tensor]] = {}
    for places, _, states in states_of(Reservoir(of, genomes, inputs, which), inputs.shape[1], WASHOUT, 1):
        pieces.setdefault(places.start, []).append(states)
    return torch.cat([torch.cat(parts, 2) for parts in pieces.values()])


@pytest.mark.parametrize("neuron", ["leaky:leak=0.3", "leaky:constants=cell", "leaky:substeps=3"])
@pytest.mark.parametrize("episodes", [1, 3, 20])
@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_states_are_those_of_a_phenotype_that_is_stepped(neuron: str, episodes: int, spread: float) -> None:
    of = blueprint(neuron)
    genomes = of.draw(18, generator(3, "genomes"))
    genomes += spread * torch.from_numpy(generator(4, "moved").standard_normal(genomes.shape)).float()
    inputs = torch.from_numpy(generator(5, "inputs").uniform(-1, 1, (2, STEPS, episodes, 1))).float()
    which = torch.arange(18) % 2
    ours = collected(of, genomes, inputs, which)
    torch.testing.assert_close(
        ours, stepped(of, genomes, inputs, which)[:, :, WASHOUT:].double(), rtol=1e-5, atol=2e-6
    )


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_a_genome_does_the_same_to_the_bit_alone_and_in_any_company(spread: float) -> None:
    of = blueprint()
    genomes = of.draw(21, generator(3, "genomes"))
    genomes += spread * torch.from_numpy(generator(4, "moved").standard_normal(genomes.shape)).float()
    inputs = torch.from_numpy(generator(5, "inputs").uniform(-1, 1, (3, STEPS, 2, 1))).float()
    which = torch.arange(21) % 3
    together = collected(of, genomes, inputs, which)
    for k in (0, 7, 20):
        assert torch.equal(collected(of, genomes[k : k + 1], inputs, which[k : k + 1])[0], together[k])
    genomes[5] = torch.nan
    spoilt = collected(of, genomes, inputs, which)
    assert torch.equal(spoilt[4], together[4]) and torch.equal(spoilt[6], together[6])
    assert spoilt[5].isnan().all()


def test_earlier_states_lie_beside_the_latest_and_are_rest_before_the_first() -> None:
    of = blueprint()
    genomes, which = of.draw(2, generator(3, "genomes")), torch.zeros(2, dtype=torch.int64)
    inputs = torch.from_numpy(generator(5, "inputs").uniform(-1, 1, (1, STEPS, 1, 1))).float()
    alone = {w: _side_by_side(of, genomes, inputs, which, w, 1) for w in (0, 2)}
    three = _side_by_side(of, genomes, inputs, which, 2, 3)
    size = alone[0].shape[3]
    assert torch.equal(three[..., :size], alone[2])
    assert torch.equal(three[..., 2 * size :], alone[0][:, :, :-2])
    early = _side_by_side(of, genomes, inputs, which, 0, 3)
    assert not early[:, :, 0, size:].any() and torch.equal(early[:, :, 1, size : 2 * size], alone[0][:, :, 0])


def _side_by_side(
    of: Blueprint, genomes: torch.Tensor, inputs: torch.Tensor, which: torch.Tensor, washout: int, times: int
) -> torch.Tensor:
    pieces = states_of(Reservoir(of, genomes, inputs, which), STEPS, washout, times)
    return torch.cat([states for _, _, states in pieces], 2)


def test_spikes_and_delays_take_the_other_way() -> None:
    assert is_reservoir(blueprint())
    assert not is_reservoir(blueprint("leaky:delay=2"))
    assert not is_reservoir(blueprint("alif"))


def test_lineages_of_one_wiring_that_follow_each_other_run_together() -> None:
    one, other = blueprint(), blueprint()
    population = Population([one, one, other], [one.draw(n, generator(n)) for n in (2, 1, 4)])
    assert [(of, len(genomes)) for of, genomes in population.runs()] == [(one, 3), (other, 4)]
    assert population.num_genomes == 7


@pytest.mark.parametrize("connectome", ["celegans", "celegans-motor"])
@pytest.mark.parametrize("task", [Memory(lags=5), Decision(episodes=20)])
def test_currents_and_gains_are_those_that_a_monitor_of_a_phenotype_measures(
    connectome: str, task: SequenceTask
) -> None:
    exact = Architecture.of(load(connectome))
    adapter = adapters.parse("ridge:bias=0.2")
    solved = readout.on(task, adapter)
    sample = Sample("connectome", 0, exact, exact.content_hash)
    of = fitted([sample], {"task": solved}, Neuron.parse("leaky"), adapter)["task"]
    assert isinstance(solved, SolvedTask) and solved.takes_populations(of)
    monitor = gains.measure(of, solved, 3)
    for kind, name in enumerate(("input", "core", "neuromuscular")):
        ours, theirs = gains.roots(of, solved, 3)[name], monitor.root_mean_square(kind).numpy()
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)

    class Stepped:
        evaluate = solved.evaluate

    with pytest.MonkeyPatch.context() as patch:
        slow = gains.set_gains(of, Stepped(), 3)
        patch.delattr(gains, "measure")  # which steps phenotypes
        fast = gains.set_gains(of, solved, 3)
    for name, gain in fast[0].gains.to_dict().items():
        assert gain == pytest.approx(slow[0].gains.to_dict()[name], rel=1e-4)
