"""What a network step costs with each neuron model, relative to `leaky`.

    python -m benchmarks.neuron_step

Populations of the worm's locomotor circuit, one thread. Models take turns within a round, so that whatever
else the machine does falls on all alike; the figure is the median over rounds of a model's time over leaky's.
"""

from __future__ import annotations

import time

import numpy as np
import torch

import populations
from neuroevo.connectome.catalog import load
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.neurons import MODELS, Neuron
from neuroevo.network.phenotype import Phenotype
from neuroevo.plugins import priors

CIRCUIT, GENOMES, SENSORS, ACTUATORS = "celegans-motor", 128, 15, 5
ROUNDS, STEPS = 9, 10
COLUMNS = (1, 64)  # episodes of a body, images of a minibatch
assert populations  # registers the priors


def network(neuron: Neuron) -> Phenotype:
    """Returns untrained genomes of the exact circuit.

    Args:
        neuron: Neuron model and its options.
    """
    architecture = priors.get("connectome").target(load(CIRCUIT), seed=0).without_dead_ends()
    blueprint = Blueprint(architecture, SENSORS, ACTUATORS, neuron=neuron)
    phenotype = Phenotype([blueprint], [GENOMES])
    phenotype.load([blueprint.draw(GENOMES, np.random.default_rng(0))])
    return phenotype


def seconds(phenotype: Phenotype, observations: torch.Tensor) -> float:
    """Returns the time of a network step.

    Args:
        phenotype: The network.
        observations: What it senses, float32 [G, B, S].
    """
    phenotype.step(observations)
    start = time.perf_counter()
    for _ in range(STEPS):
        phenotype.step(observations)
    return (time.perf_counter() - start) / STEPS


def main() -> None:
    torch.set_num_threads(1)
    cases = {name: Neuron.parse(f"{name}:substeps=1") for name in MODELS}
    cases |= {
        f"{name}, {Neuron(name).steps} substeps": Neuron(name) for name in MODELS if Neuron(name).steps > 1
    }
    cases["leaky, constants of each cell"] = Neuron.parse("leaky:constants=cell")
    networks = {name: network(neuron) for name, neuron in cases.items()}
    print(f"{GENOMES} genomes of {CIRCUIT}, one thread; time of a network step over that of leaky")
    print(f"{'':32}" + "".join(f"{f'{columns} columns':>14}" for columns in COLUMNS))
    figures = {}
    for columns in COLUMNS:
        observations = torch.randn(GENOMES, columns, SENSORS, generator=torch.Generator().manual_seed(0))
        for phenotype in networks.values():
            phenotype.reset(columns)
        rounds = [{n: seconds(p, observations) for n, p in networks.items()} for _ in range(ROUNDS)]
        figures[columns] = {n: np.median([r[n] / r["leaky"] for r in rounds]) for n in networks}
        figures[columns]["leaky, ms"] = 1e3 * np.median([r["leaky"] for r in rounds])
    for name in [*networks, "leaky, ms"]:
        print(f"{name:32}" + "".join(f"{figures[columns][name]:14.2f}" for columns in COLUMNS))


if __name__ == "__main__":
    with torch.inference_mode():
        main()
