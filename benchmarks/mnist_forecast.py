"""What would PGPE come to on MNIST? A forecast by gradients (minutes).

    python -m benchmarks.mnist_forecast [SEARCH ...] [--pool 2048] [--floor 0.03]

The mean of what a search by mirrored pairs sees, to first order, is the gradient g of its minibatch, seen
through the pairs: `sum_k e_k (e_k . g)`, of which g takes one backward pass and the pairs e_k a product. So
the search's own noise is there, at a fraction of the price, and settings can be compared that differ in
spreads, speed, population, minibatch and pool. What it leaves out: curvature within the spread, ranks in
place of values, and that the spread adapts.

The network is the one that `--connectome celegans --neuron leaky:leak=0.95 --task mnist:steps=3` builds, one
parameter an entry of the matrix between cells. Accuracy is that of the test split, as in `mnist_gradient`.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from neuroevo.connectome import catalog
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.gains import set_gains
from neuroevo.network.neurons import Neuron
from neuroevo.network.phenotype import Phenotype
from neuroevo.search.gaussian import MOMENTUM, RATE, spreads
from neuroevo.search.methods import Pgpe, parse
from neuroevo.wiring.architecture import Architecture
from tasks import classification
from tasks.images import Mnist

LEAK, STEPS = 0.95, 3
READINGS = 5
SETTINGS = ["pgpe:stdev=0.1,speed=0.01,core=0.3,bias=0.03,decoder=0.4", "pgpe:stdev=0.1,speed=0.01,core=0.1"]


class Network:
    """The whole worm as a function of a genome that has gradients.

    Attributes:
        start: Untrained parameters, float32 [n]: encoder, decoder, entries between cells, biases.
        parts: The part of a genome that each belongs to, str [n].
    """

    def __init__(self, task: Mnist) -> None:
        wiring = Architecture.of(catalog.load("celegans")).without_dead_ends()
        neuron = Neuron.parse(f"leaky:leak={LEAK}")
        blueprint = Blueprint(wiring, task.num_sensors, task.num_actuators, neuron=neuron)
        (blueprint,) = set_gains([blueprint], task, 1)
        genome, phenotype = blueprint.draw(1, np.random.default_rng(0)), Phenotype([blueprint], [1])
        phenotype.load([genome])
        dense, (adapter,) = phenotype.matrix.to_dense(), phenotype._adapters
        self._places = dense.nonzero().T
        self._weights = dense[self._places[0], self._places[1]]
        encoder = adapter.encoder._weights[0][0][:, : blueprint.ports.num_inputs]
        decoder = adapter.decoder._weights[0][0][:, : blueprint.ports.num_actuators]
        self._shapes = encoder.shape, decoder.shape
        drawn = blueprint.layout.parts
        self._scales = [
            float(maps.std() / genome[0, drawn[name]].std())
            for name, maps in (("encoder", encoder), ("decoder", decoder))
        ]
        self._inputs = torch.from_numpy(wiring.inputs).long()
        self._outputs = torch.from_numpy(wiring.outputs).long()
        self._cells = wiring.num_cells
        maps = [x.flatten() / scale for x, scale in zip((encoder, decoder), self._scales, strict=True)]
        self.start = torch.cat([*maps, torch.zeros(len(self._weights) + self._cells)])
        self._sizes = [encoder.numel(), decoder.numel(), len(self._weights), self._cells]
        self.parts = np.repeat(["encoder", "decoder", "synapses", "biases"], self._sizes)

    def __call__(self, parameters: Tensor, images: Tensor) -> Tensor:
        """Returns logits [B, classes] of images [B, S]."""
        encoder, decoder, entries, bias = torch.split(parameters, self._sizes)
        shape, places = (self._cells, self._cells), (self._places[0], self._places[1])
        weights = torch.zeros(shape).index_put(places, self._weights * torch.exp(entries))
        sensed = self._scales[0] * encoder.view(self._shapes[0]).T @ images.T
        drive = torch.zeros(self._cells, len(images)).index_add(0, self._inputs, sensed) + bias[:, None]
        state = LEAK * torch.tanh(drive)
        for _ in range(STEPS - 1):
            state = state + LEAK * (torch.tanh(weights @ state + drive) - state)
        return (self._scales[1] * decoder.view(self._shapes[1]).T @ state[self._outputs]).T


@dataclass(frozen=True)
class Budget:
    """What a search is given: generations, population, images of a minibatch and of a pool, 0 for none."""

    generations: int
    population: int
    images: int
    pool: int


def forecast(network: Network, task: Mnist, method: Pgpe, budget: Budget) -> None:
    """Searches and prints how it does."""
    data, rng, began = task._data(), torch.Generator().manual_seed(0), time.perf_counter()
    parameters, velocity = network.start.clone(), torch.zeros_like(network.start)
    spread = torch.from_numpy(spreads(method, network.parts)).float()
    accuracies, losses = [], []
    for k in range(budget.generations):
        images, weights = _minibatch(network, parameters, task, budget, k)
        centre = parameters.clone().requires_grad_()
        each = cross_entropy(network(centre, data.train[images]), data.train_labels[images], reduction="none")
        loss = (weights * each).mean()
        loss.backward()
        losses.append(float(loss.detach()))
        pairs = torch.randn(budget.population // 2, len(parameters), generator=rng) * spread
        uphill = -(pairs.T @ (pairs @ centre.grad))
        share = k / max(1, budget.generations - 1)
        decay = method.final_speed + (1 - method.final_speed) * 0.5 * (1 + math.cos(math.pi * share))
        fastest = method.speed * decay * math.sqrt(len(parameters))
        velocity = MOMENTUM * velocity + RATE * fastest * uphill / uphill.norm()
        velocity *= min(1.0, fastest / float(velocity.norm()))
        parameters = parameters + velocity
        if (k + 1) % max(1, budget.generations // READINGS) == 0:
            with torch.no_grad():
                right = (network(parameters, data.test).argmax(1) == data.test_labels).float().mean()
            accuracies.append(f"{float(right):.4f}")
    tenth = losses[-max(1, len(losses) // 10) :]
    seconds = time.perf_counter() - began
    print(
        f"{method}, {budget}: {' '.join(accuracies)}; loss of the last tenth {np.mean(tenth):.3f}; "
        f"{seconds:.0f} s"
    )


def _minibatch(
    network: Network, parameters: Tensor, task: Mnist, budget: Budget, seed: int
) -> tuple[Tensor, Tensor]:
    """Returns training images [B] and what each counts [B], drawn as `task` does."""
    if not budget.pool:
        return torch.from_numpy(task.minibatch(seed)), torch.ones(budget.images)
    data, pool = task._data(), task._drawn(seed, "pool", budget.pool)
    with torch.no_grad():
        logits = network(parameters, data.train[pool])
    wrong = classification._wrong(logits[None], data.train_labels[pool][None])[0].double().numpy()
    chosen = classification._drawn_by(wrong, pool, budget.images, seed)
    assert chosen.weights is not None
    return torch.from_numpy(chosen.images), torch.from_numpy(chosen.weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("search", nargs="*", default=SETTINGS, help="settings of pgpe with clipup")
    parser.add_argument("--generations", type=int, default=3_600)
    parser.add_argument("--population", type=int, default=192)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--pool", type=int, default=2_048, help="0: minibatches are drawn evenly")
    parser.add_argument("--floor", type=float, default=classification.FLOOR)
    options = parser.parse_args()
    torch.set_num_threads(1)
    classification.FLOOR = options.floor
    task = Mnist(episodes=options.images, steps=STEPS)
    network = Network(task)
    budget = Budget(options.generations, options.population, options.images, options.pool)
    for text in options.search:
        method = parse(text)
        if not isinstance(method, Pgpe) or method.optimizer != "clipup":
            parser.error(f"search {text!r}; wanted pgpe with optimizer=clipup")
        forecast(network, task, method, budget)


if __name__ == "__main__":
    main()
