"""Readouts in closed form: states and fits are those of independent libraries; held-out data stay so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from reservoirpy import nodes
from sklearn.linear_model import Ridge as Reference

from neuroevo import readout
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Edges
from neuroevo.errors import OptionError, TaskError
from neuroevo.experiment.plan import fitted
from neuroevo.network import adapters, gains, weights
from neuroevo.network.adapters import Ports
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.neurons import Neuron
from neuroevo.network.phenotype import Phenotype
from neuroevo.readout import SolvedTask
from neuroevo.seeds import generator
from neuroevo.task import Samples, Split, Task
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.sampling import Sample
from tasks.images import Digits
from tasks.lines import Lines
from tasks.memory import Memory
from tasks.prediction import MackeyGlass
from tasks.swimmer import Swimmer

LEAK = 0.4


def network(task: Task, text: str, genomes: int = 1, leak: float = LEAK) -> Phenotype:
    adapter = adapters.parse(text)
    exact = Architecture.of(load("celegans-motor"))
    sample = Sample("connectome", 0, exact, exact.content_hash)
    neuron = Neuron.parse(f"leaky:leak={leak}")
    blueprint = fitted([sample], {"task": task}, neuron, adapter)["task"][0]
    if isinstance(task, SolvedTask):
        task.require_samples(blueprint.ports, "here")
    phenotype = Phenotype([blueprint], [genomes])
    phenotype.load([blueprint.draw(genomes, generator(1, "genomes"))])
    return phenotype


def solved(task: Task, text: str) -> SolvedTask:
    made = readout.on(task, adapters.parse(text))
    assert isinstance(made, SolvedTask)
    return made


def states(phenotype: Phenotype, inputs: torch.Tensor) -> np.ndarray:
    phenotype.reset(1)
    cells = []
    for moment in inputs:
        phenotype.step(moment[None, None])
        cells.append(phenotype.state[:, 0].numpy().copy())
    return np.array(cells, np.float64)


def test_states_and_readout_are_those_of_reservoirpy() -> None:
    task = solved(Memory(lags=20, length=700, test_length=400), "ridge:read=all,bias=0.2,penalty=0.01")
    phenotype = network(task, "ridge:read=all,bias=0.2,penalty=0.01")
    blueprint: Blueprint = phenotype.blueprints[0]
    samples = {split: task._base.samples(split, seeds=[5]) for split in ("training", "held-out")}  # type: ignore[attr-defined]
    parameters = blueprint.draw(1, generator(1, "genomes"))
    encoder = torch.split(parameters, blueprint.layout.sizes, 1)[5]
    inward = np.zeros((blueprint.architecture.num_cells, 1))
    inward[blueprint.architecture.inputs] = blueprint.weights(0, encoder)[0][0][0].numpy().T
    bias = parameters[0, blueprint.layout.parts["biases"]].double().numpy()
    matrix = phenotype.matrix.to_dense().double().numpy()
    said, wanted = {}, {}
    for split, drawn in samples.items():
        reservoir = nodes.Reservoir(W=matrix, Win=inward, bias=bias, lr=LEAK, activation="tanh")
        theirs = reservoir.run(drawn.inputs[0, :, 0].double().numpy())
        ours = states(phenotype, drawn.inputs[0, :, 0])
        assert np.abs(ours - theirs).max() < 1e-6
        said[split], wanted[split] = theirs[100:], drawn.targets[0, 100:, 0].double().numpy()
    model = nodes.Ridge(ridge=0.01).fit(said["training"], wanted["training"])
    reference = Reference(alpha=0.01).fit(said["training"], wanted["training"])
    predicted = model.run(said["held-out"])
    np.testing.assert_allclose(predicted, reference.predict(said["held-out"]), atol=1e-6)
    capacity = sum(np.corrcoef(predicted[:, k], wanted["held-out"][:, k])[0, 1] ** 2 for k in range(20))
    assert float(task.score(phenotype, seeds=[5])) == pytest.approx(capacity, abs=1e-3)


def test_a_delay_line_remembers_as_many_steps_as_it_has_cells() -> None:
    length = 12
    line = np.arange(length - 1, dtype=np.int32)
    none = Edges(*np.zeros((3, 0), np.int32))
    wiring = Architecture(
        cells=tuple(f"c{k}" for k in range(length)),
        is_muscle=np.zeros(length, bool),
        sign=np.ones(length, np.int8),
        synapses=Edges(line, line + 1, np.ones(length - 1, np.float32)),
        gap_junctions=none,
        inputs=np.array([0], np.int32),
        outputs=np.arange(length, dtype=np.int32),
    )
    adapter = adapters.parse("ridge:read=all")
    task = solved(Memory(lags=30, length=1500), "ridge:read=all")
    neuron = Neuron.parse("leaky:leak=0.999")
    sample = Sample("line", 0, wiring, wiring.content_hash)
    blueprint = fitted([sample], {"task": task}, neuron, adapter)["task"][0]
    blueprint = replace(blueprint, gains=replace(blueprint.gains, input=0.1, core=1.0))
    phenotype = Phenotype([blueprint], [1])
    phenotype.load([torch.cat([torch.zeros(1, blueprint.layout.length - 1), torch.ones(1, 1)], 1)])
    assert float(task.score(phenotype, seeds=[0])) == pytest.approx(length, abs=0.5)


def test_images_are_told_as_by_scikit_learn_on_the_same_states() -> None:
    base = Digits(steps=6, episodes=500)
    task = solved(base, "ridge:times=2,penalty=3.0")
    phenotype = network(task, "ridge:times=2,penalty=3.0", genomes=2)
    base.prepare()
    features = {}
    for split in ("training", "held-out"):
        samples = base.samples(split, seeds=[0, 0])  # type: ignore[arg-type]
        phenotype.show(samples.inputs, samples.which)
        read = []
        for _ in range(2):
            phenotype.hold(3)
            read.append(phenotype.output_cells()[0][1].clone())
        features[split] = torch.cat(read, 1).transpose(1, 2).double().numpy(), samples.targets[0].numpy()
    for g, said in enumerate(task.score(phenotype, seeds=[0, 0])):
        model = Reference(alpha=3.0).fit(features["training"][0][g], features["training"][1])
        answers = model.predict(features["held-out"][0][g]).argmax(1)
        assert (
            torch.from_numpy(answers == features["held-out"][1].argmax(1)).double() == said
        ).float().mean() > 0.99


def test_fitness_is_what_is_explained_of_the_half_that_was_not_fitted() -> None:
    base = Digits(episodes=600)
    task = solved(base, "ridge:penalty=2.0")
    phenotype = network(task, "ridge:penalty=2.0")
    base.prepare()
    samples = base.samples("minibatch", seeds=[9])
    phenotype.show(samples.inputs, samples.which)
    phenotype.hold(base.steps)
    x = phenotype.output_cells()[0][1][0].T.double().numpy().copy()
    y = samples.targets[0].double().numpy()
    model = Reference(alpha=2.0).fit(x[:300], y[:300])
    errors = ((model.predict(x[300:]) - y[300:]) ** 2).sum(0) / ((y[300:] - y[:300].mean(0)) ** 2).sum(0)
    assert float(task.evaluate(phenotype, seeds=[9])) == pytest.approx(1 - errors.mean(), abs=1e-5)


def test_genomes_are_scored_alike_alone_and_in_company() -> None:
    task = solved(Memory(length=400, test_length=300), "ridge:bias=0.2")
    phenotype = network(task, "ridge:bias=0.2", genomes=3)
    together = task.score(phenotype, seeds=[1, 2, 1])
    blueprint = phenotype.blueprints[0]
    genomes = blueprint.draw(3, generator(1, "genomes"))
    for g, seed in enumerate((1, 2, 1)):
        alone = Phenotype([blueprint], [1])
        alone.load([genomes[g : g + 1]])
        torch.testing.assert_close(task.score(alone, seeds=[seed])[0], together[g], rtol=1e-6, atol=1e-6)


def test_a_network_that_is_not_finite_has_no_score_and_spoils_no_other() -> None:
    task = solved(Memory(length=300, test_length=200), "ridge")
    phenotype = network(task, "ridge", genomes=2)
    blueprint = phenotype.blueprints[0]
    genomes = blueprint.draw(2, generator(1, "genomes"))
    before = task.score(phenotype, seeds=[1, 1])
    genomes[0, blueprint.layout.parts["biases"]] = torch.nan
    phenotype.load([genomes])
    scores, fitness = task.score(phenotype, seeds=[1, 1]), task.evaluate(phenotype, seeds=[1, 1])
    assert scores[0].isnan().all() and fitness[0].isnan().all() and fitness[1].isfinite().all()
    torch.testing.assert_close(scores[1], before[1])


class Spied(Memory):
    """Counts how often each split is asked for."""

    asked: list[str]

    def samples(self, split: Split, *, seeds: Sequence[int]) -> Samples:
        self.asked = [*getattr(self, "asked", []), split]
        return super().samples(split, seeds=seeds)


def test_held_out_data_are_met_once_by_scores_and_never_by_fitness() -> None:
    base = Spied(length=300, test_length=200)
    task = solved(base, "ridge")
    phenotype = network(task, "ridge")
    task.evaluate(phenotype, seeds=[1])
    assert base.asked == ["minibatch"]
    task.score(phenotype, seeds=[1])
    assert base.asked == ["minibatch", "training", "held-out"]


@pytest.mark.parametrize(
    ("task", "text", "said"),
    [
        (Swimmer, "ridge", "no targets to fit a readout to; wanted images"),
        (lambda: Digits(pool=500), "ridge", "with pool or fitness=accuracy"),
        (lambda: Digits(fitness="accuracy"), "ridge", "with pool or fitness=accuracy"),
        (Digits, "ridge:times=9", "times=9 on a task of 4 network steps"),
        (lambda: Digits(episodes=64), "ridge:read=all,times=4", "numbers, and is fitted to 32 samples"),
    ],
)
def test_readouts_that_cannot_be_are_refused_in_one_line(task: type[Task], text: str, said: str) -> None:
    with pytest.raises(TaskError, match=said) as refused:
        network(readout.on(task(), adapters.parse(text)), text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["ridge:train=pretrained", "ridge:penalty=-1", "ridge:times=0", "ridge:read=some"]
)
def test_options_of_a_readout_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(OptionError):
        adapters.parse(text)


def test_a_clock_has_no_cells_to_read() -> None:
    with pytest.raises(TaskError, match="a clock has none"):
        solved(Memory(), "ridge:bias=0.2").require_cells("clock")


def test_cells_of_a_wiring_that_does_not_evolve_have_the_biases_that_are_asked_for() -> None:
    exact = Architecture.of(load("celegans-motor"))
    adapter, task = adapters.parse("ridge:bias=0.2"), solved(Memory(), "ridge:bias=0.2")
    biases, encoders = [], []
    for wiring in (exact, replace(exact, core="frozen")):
        sample = Sample("x", 0, wiring, wiring.content_hash)
        blueprint = fitted([sample], {"task": task}, Neuron.parse("leaky"), adapter)["task"][0]
        phenotype = Phenotype([blueprint], [2])
        genomes = blueprint.draw(2, generator(1, "genomes"))
        phenotype.load([genomes])
        biases.append(phenotype.cells.bias.clone())
        encoders.append(genomes[:, blueprint.layout.parts["encoder"]])
        assert np.allclose(weights.arrays(blueprint, genomes[0])["biases"], biases[-1][: len(exact.cells), 0])
    assert float(biases[0].std()) == pytest.approx(0.2, rel=0.1)
    assert torch.equal(*biases) and torch.equal(*encoders)  # drawn alike for wirings of as many cells


def test_native_maps_feed_sensors_as_without_an_adapter_and_the_readout_is_solved() -> None:
    task, exact = Lines(), Architecture.of(load("planted"))
    sample, neuron = Sample("connectome", 0, exact, exact.content_hash), Neuron.parse("leaky")
    text = "ridge:train=native,penalty=0.01"
    met = {"none": task, text: solved(task, text)}
    states = {}
    for name, of_task in met.items():
        blueprint = fitted([sample], {"t": of_task}, neuron, adapters.parse(name))["t"][0]
        blueprint = Blueprint.rebuild(blueprint.describe())
        assert blueprint.layout.adapters == 0 and len(blueprint.architecture.inputs) == 6
        phenotype = Phenotype([blueprint], [1])
        phenotype.load([torch.zeros(1, blueprint.layout.length)])
        drawn = {split: task.samples(split, seeds=[3]) for split in ("training", "held-out")}  # type: ignore[arg-type]
        states[name] = {split: run_of(phenotype, x.inputs[0]) for split, x in drawn.items()}
    assert all((states["none"][split] == states[text][split]).all() for split in drawn)
    outs = blueprint.architecture.outputs
    x, y = (
        [a[task.washout :].reshape(-1, a.shape[2]) for a in both]
        for both in (
            [states[text][split][:, :, outs] for split in drawn],
            [drawn[split].targets[0].double().numpy() for split in drawn],
        )
    )
    said = Reference(alpha=0.01).fit(x[0], y[0]).predict(x[1]).reshape(-1, task.episodes, 6)
    wanted = y[1].reshape(said.shape)
    score = 1 - ((said - wanted) ** 2).sum(0) / ((wanted - wanted.mean(0)) ** 2).sum(0)
    ours = solved(task, text).score(phenotype, seeds=[3])[0].numpy()
    np.testing.assert_allclose(ours, score.mean(1), atol=1e-4)
    assert ours.mean() > 0.7  # the planted circuit is right


def run_of(phenotype: Phenotype, inputs: torch.Tensor) -> np.ndarray:
    """Activities of all cells at every step of a sequence [T, B, S], float64 [T, B, cells]."""
    phenotype.reset(inputs.shape[1])
    cells = []
    for moment in inputs:
        phenotype.step(moment[None])
        cells.append(phenotype.state.T.double().numpy().copy())
    return np.array(cells)


@pytest.mark.parametrize(
    ("task", "connectome", "said"),
    [
        (Memory, "planted", "'ridge' with train=native was asked for on a task without maps of its own"),
        (Lines, "celegans-motor", "Task 'lines' with native maps is wired to cells in1 to in6"),
    ],
)
def test_native_maps_that_are_not_there_are_told_in_one_line(
    task: type[Task], connectome: str, said: str
) -> None:
    text = "ridge:train=native"
    exact = Architecture.of(load(connectome))
    with pytest.raises(TaskError, match=said) as refused:
        fitted([Sample("x", 0, exact, "")], {"t": solved(task(), text)}, Neuron(), adapters.parse(text))
    assert "\n" not in str(refused.value)


def test_sensors_drive_cells_as_much_as_is_asked_for() -> None:
    task = solved(Memory(length=300), "ridge:drive=0.2")
    exact = Architecture.of(load("celegans-motor"))
    sample = Sample("x", 0, exact, exact.content_hash)
    for text, wanted in (("ridge:drive=0.2", 0.2), ("ridge:drive=1.5", 1.5), ("ridge", 0.6)):
        blueprints = fitted([sample], {"t": task}, Neuron.parse("leaky"), adapters.parse(text))["t"]
        measured = gains.measure(gains.set_gains(blueprints, task, 1), task, 1)
        assert float(measured.root_mean_square(0)) == pytest.approx(wanted, rel=0.02)


def test_untrained_readouts_need_samples_of_the_training_split_alone() -> None:
    task = solved(Digits(episodes=64), "ridge:read=all,times=4")
    ports = Ports(64, 10, 192, 10)
    with pytest.raises(TaskError, match="x: Adapter 'ridge' reads 768 numbers, and is fitted to 32 samples"):
        task.require_samples(ports, "x")
    task.require_samples(ports, "x", evolves=False)
    with pytest.raises(TaskError, match=r"1600 numbers, and is fitted to 1153 samples, most of the training"):
        task.require_samples(replace(ports, num_outputs=400), "x", evolves=False)


@pytest.mark.parametrize(("penalty", "times"), [(0.01, 1), (2.0, 3)])
def test_raw_sensors_of_a_sequence_are_read_as_by_scikit_learn(penalty: float, times: int) -> None:
    """The readout has the latest moments of the input beside each other, and no network between."""
    task = MackeyGlass(horizon=6, length=400, test_length=200, washout=20)
    scores = solved(task, f"ridge:penalty={penalty},times={times}").sensor_scores([3, 7])
    for seed, score in zip((3, 7), scores, strict=True):
        rows = {}
        for split in ("training", "held-out"):
            samples = task.samples(split, seeds=[seed])
            inputs, targets = (x[0, :, 0].double().numpy() for x in (samples.inputs, samples.targets))
            latest = [np.concatenate([np.zeros((k, 1)), inputs[: len(inputs) - k]]) for k in range(times)]
            rows[split] = np.hstack(latest)[20:], targets[20:]
        model = Reference(alpha=penalty).fit(*rows["training"])
        x, y = rows["held-out"]
        said = torch.from_numpy(model.predict(x).reshape(1, -1, 1, 1))
        wanted = float(task.judge(said, torch.from_numpy(y.reshape(1, -1, 1, 1)))[0, 0])
        assert score == pytest.approx(wanted, abs=1e-6) and 0 < wanted < 1


def test_raw_sensors_of_images_are_read_as_by_scikit_learn_whatever_the_seed() -> None:
    task = Digits(steps=1)
    scores = solved(task, "ridge:penalty=0.5").sensor_scores([1, 2])
    train, test = (task.samples(split, seeds=[0]) for split in ("training", "held-out"))
    model = Reference(alpha=0.5).fit(train.inputs[0].double().numpy(), train.targets[0].double().numpy())
    answers = model.predict(test.inputs[0].double().numpy()).argmax(1)
    accuracy = float((answers == test.targets[0].argmax(1).numpy()).mean())
    assert scores == pytest.approx([accuracy, accuracy])


def test_raw_sensors_that_are_too_many_for_the_samples_are_not_read() -> None:
    assert solved(Memory(lags=2), "ridge").can_read_sensors
    short = Memory(lags=2, length=12, test_length=12, washout=9)
    assert not solved(short, "ridge:times=3").can_read_sensors
