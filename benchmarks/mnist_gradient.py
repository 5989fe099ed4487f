"""How well could the whole worm name MNIST, if it were not evolved? The same network by gradient descent.

    python -m benchmarks.mnist_gradient [--genome connectome frozen] [--components 40] [--iterations 3000]

The network that `--connectome celegans --task mnist` builds, leaky neurons and linear adapters, is written
out once more as one that can be differentiated, and first compared with the phenotype. Adam moves what the
genome would evolve: adapters, and for `connectome` synapses and biases with them, signs free. The accuracy
on the test split is what this network can come to; what evolution falls short of it is the search's.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from torch import Tensor

from neuroevo.connectome import catalog
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.neurons import MODELS
from neuroevo.network.phenotype import Phenotype
from neuroevo.wiring.architecture import Architecture
from tasks.images import Mnist

RATES = {"connectome": 0.01, "frozen": 0.03}
BATCH, READINGS = 256, 6


class Differentiable:
    """One genome's network with tensors that have gradients: `h <- h + leak (tanh(W h + b + x) - h)`."""

    def __init__(self, blueprint: Blueprint, phenotype: Phenotype, steps: int) -> None:
        ports, wiring = blueprint.ports, blueprint.architecture
        self.inputs = torch.from_numpy(wiring.inputs).long()
        self.outputs = torch.from_numpy(wiring.outputs).long()
        self.cells = wiring.num_cells
        self.steps = steps
        self.leak = MODELS["leaky"].constants["leak"].default
        self.weights = phenotype.matrix.to_dense().clone()
        self.there = self.weights != 0
        (adapter,) = phenotype._adapters
        self.encoder = adapter.encoder._weights[0][0][:, : ports.num_inputs].clone()
        self.decoder = adapter.decoder._weights[0][0][:, : ports.num_actuators].clone()
        self.bias = torch.zeros(self.cells, 1)

    def __call__(self, images: Tensor) -> Tensor:
        """Returns logits [B, classes] of images [B, S]."""
        drive = torch.zeros(self.cells, len(images))
        drive = drive.index_add(0, self.inputs, self.encoder.t() @ images.t()) + self.bias
        weights, h = self.weights * self.there, torch.zeros(self.cells, len(images))
        for _ in range(self.steps):
            h = h + self.leak * (torch.tanh(weights @ h + drive) - h)
        return (self.decoder.t() @ h[self.outputs]).t()


def trained(genome: str, components: int, iterations: int) -> None:
    """Trains a network and prints how it does."""
    task = Mnist(components=components)
    data = task._data()
    architecture = Architecture.of(catalog.load("celegans")).without_dead_ends()
    blueprint = Blueprint(architecture, task.num_sensors, task.num_actuators)
    phenotype = Phenotype([blueprint], [1])
    phenotype.load([blueprint.draw(1, np.random.default_rng(0))])
    network = Differentiable(blueprint, phenotype, task.steps)
    settled = phenotype.settle(data.test[None, :BATCH], torch.zeros(1, dtype=torch.int64), task.steps)[0]
    torch.testing.assert_close(network(data.test[:BATCH]), settled, rtol=1e-4, atol=1e-5)
    moved = [network.encoder, network.decoder]
    if genome == "connectome":
        moved += [network.weights, network.bias]
    for tensor in moved:
        tensor.requires_grad_()
    optimizer = torch.optim.Adam(moved, lr=RATES[genome])
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, iterations)
    rng, started = torch.Generator().manual_seed(0), time.perf_counter()
    for k in range(1, iterations + 1):
        batch = torch.randint(len(data.train), (BATCH,), generator=rng)
        loss = torch.nn.functional.cross_entropy(network(data.train[batch]), data.train_labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
        if k % max(1, iterations // READINGS) == 0:
            with torch.no_grad():
                right = (network(data.test).argmax(1) == data.test_labels).float().mean()
            seconds = time.perf_counter() - started
            print(f"{genome:<11} {k:>6} steps {seconds:>6.0f} s   {right:.4f} on the test split", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--genome", nargs="+", choices=list(RATES), default=list(RATES))
    parser.add_argument("--components", type=int, default=40)
    parser.add_argument("--iterations", type=int, default=3_000)
    options = parser.parse_args()
    for genome in options.genome:
        trained(genome, options.components, options.iterations)


if __name__ == "__main__":
    main()
