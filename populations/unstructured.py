"""Priors that keep counts only, or nothing: the reference points of the ladder."""

from __future__ import annotations

from typing import Literal

import numpy as np

from neuroevo.architecture import Architecture, join
from neuroevo.connectome import Connectome, Edges
from neuroevo.plugins import priors
from neuroevo.seeds import generator
from populations.gaps import rewire_gaps

Gap = Literal["random", "keep", "drop"]


@priors.register("random")
def random(connectome: Connectome, *, seed: int, gap: Gap = "random", dale: bool = True) -> Architecture:
    """Uniformly random wiring with as many cells, synapses, and excitatory and inhibitory synapses.

    Keeps exactly: cells and their signs; the numbers of excitatory and of inhibitory synapses between
    neurons and onto muscles; the number of gap junctions between neurons, muscles and both; the section
    counts of each of these sets; ports. Destroys: degrees, reciprocity and all else.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        gap: Gap junctions: `random` keeps their number, `keep` keeps them, `drop` has none.
        dale: True keeps each synapse's sign; False lets evolution change it.
    """
    neurons = ~connectome.is_muscle
    rng = generator(seed, "chemical")
    chemical = _scatter(connectome, connectome.chemical, neurons, rng)
    neuromuscular = _scatter(connectome, connectome.neuromuscular, connectome.is_muscle, rng)
    if gap == "random":
        gap_junctions = _scatter_pairs(connectome, generator(seed, "gap"))
    else:
        gap_junctions = rewire_gaps(connectome, gap, seed)
    return Architecture.of(
        connectome, synapses=join(chemical, neuromuscular), gap_junctions=gap_junctions, dale=dale
    )


@priors.register("dense")
def dense(connectome: Connectome, *, seed: int, dale: bool = True) -> Architecture:
    """All to all: every neuron synapses onto every other neuron and every muscle.

    Keeps exactly: cells, signs, ports. Approximately: the distribution of section counts, from which each
    synapse's strength is drawn. Destroys: the number of synapses and all structure; no gap junctions.

    Args:
        connectome: Source wiring.
        seed: Draws the strengths; equal seeds give equal architectures.
        dale: True keeps each synapse's sign; False lets evolution change it.
    """
    neurons = np.flatnonzero(~connectome.is_muscle)
    rng = generator(seed, "weights")
    parts = []
    for source, targets in (
        (connectome.chemical, neurons),
        (connectome.neuromuscular, np.flatnonzero(connectome.is_muscle)),
    ):
        pre, post = (x.ravel() for x in np.meshgrid(neurons, targets, indexing="ij"))
        pre, post = pre[pre != post], post[pre != post]
        measured = source.weight if len(source) else np.ones(1, np.float32)
        parts.append(Edges(pre.astype(np.int32), post.astype(np.int32), rng.choice(measured, len(pre))))
    none = np.zeros(0, np.int32)
    return Architecture.of(
        connectome, synapses=join(*parts), gap_junctions=Edges(none, none, np.zeros(0, np.float32)), dale=dale
    )


def _scatter(connectome: Connectome, edges: Edges, targets: np.ndarray, rng: np.random.Generator) -> Edges:
    """Returns as many edges, from neurons of each sign onto the cells of `targets`, uniformly placed."""
    parts = []
    for sign in (1, -1):
        sources = ~connectome.is_muscle & (connectome.sign == sign)
        allowed = np.outer(sources, targets)
        np.fill_diagonal(allowed, False)
        weight = edges.weight[connectome.sign[edges.pre] == sign]
        parts.append(_place(allowed, weight, rng))
    return join(*parts)


def _scatter_pairs(connectome: Connectome, rng: np.random.Generator) -> Edges:
    """Returns as many gap junctions between neurons, between muscles, and between both."""
    pairs, muscle = connectome.electrical, connectome.is_muscle
    num_muscles = muscle[pairs.pre].astype(int) + muscle[pairs.post]
    kind = muscle.astype(int)[:, None] + muscle
    above = np.triu(np.ones(kind.shape, bool), 1)
    return join(*(_place(above & (kind == k), pairs.weight[num_muscles == k], rng) for k in range(3)))


def _place(allowed: np.ndarray, weight: np.ndarray, rng: np.random.Generator) -> Edges:
    """Returns one edge for each weight at a random allowed place, in random order of the weights."""
    pre, post = np.nonzero(allowed)
    chosen = rng.choice(len(pre), len(weight), replace=False)
    return Edges(pre[chosen].astype(np.int32), post[chosen].astype(np.int32), rng.permutation(weight))
