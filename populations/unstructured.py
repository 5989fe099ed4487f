"""Priors that keep counts only, or nothing: the reference points of the ladder."""

from __future__ import annotations

import numpy as np

from neuroevo.connectome.model import Connectome, Edges, both_ways, once
from neuroevo.plugins import priors
from neuroevo.seeds import generator
from neuroevo.wiring.architecture import Architecture, join
from populations.mutations import by_swaps, degrees
from populations.parts import OPTIONS, RandomPart, part_of, require_parts
from populations.places import Places


@priors.register("random", mutate=by_swaps(degrees))
def random(
    connectome: Connectome,
    *,
    seed: int,
    chemical: RandomPart = "random",
    gap: RandomPart = "random",
    neuromuscular: RandomPart = "random",
    dale: bool = True,
) -> Architecture:
    """Uniformly random wiring with as many cells, synapses, and excitatory and inhibitory synapses.

    Keeps exactly: cells and their signs; the numbers of excitatory and of inhibitory synapses between
    neurons and onto muscles; the number of gap junctions between neurons, muscles and both; the section
    counts of each of these sets; ports. Destroys: degrees, reciprocity and all else.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        chemical: Chemical synapses between neurons: `random` keeps their numbers, `keep` leaves them in
            place, `drop` has none.
        gap: Gap junctions: `random` keeps their number, `keep` leaves them in place, `drop` has none.
        neuromuscular: Synapses on muscles, the map onto the body: `random` keeps their numbers, `keep`
            leaves them in place, `drop` has none.
        dale: True keeps each synapse's sign; False lets evolution change it.

    Returns:
        A sample of this prior.

    Raises:
        ConnectomeError: If a part is to be kept or dropped that the connectome does not have.
    """
    require_parts(
        connectome,
        {"chemical": chemical, "gap": gap, "neuromuscular": neuromuscular},
        dict.fromkeys(OPTIONS.values(), "random"),
    )
    rng = generator(seed, "chemical")
    # Both are always drawn, so that a part's places do not depend on what becomes of the other.
    if connectome.is_undirected:
        among_neurons = scatter_both_ways(connectome, connectome.sign, rng)
    else:
        among_neurons = scatter(connectome, connectome.chemical, ~connectome.is_muscle, rng)
    on_muscles = scatter(connectome, connectome.neuromuscular, connectome.is_muscle, rng)
    synapses = join(
        part_of(connectome.chemical, among_neurons, chemical),
        part_of(connectome.neuromuscular, on_muscles, neuromuscular),
    )
    return Architecture.of(
        connectome,
        synapses=synapses,
        gap_junctions=random_gaps(connectome, gap, seed),
        dale=dale,
    )


@priors.register("counts", mutate=by_swaps(degrees))
def counts(
    connectome: Connectome, *, seed: int, gap: RandomPart = "random", dale: bool = True
) -> Architecture:
    """As many cells, synapses, and the same excitatory and inhibitory numbers; all else is random.

    The statistics network of Schmidgall, Schuman & Parsa (2022). Less is kept than by `random`: which neurons
    inhibit is drawn anew, and a synapse may end on any neuron or muscle.

    Keeps exactly: the number of cells, of excitatory and of inhibitory neurons, of excitatory and of
    inhibitory synapses, their section counts; the number of gap junctions between neurons, muscles and both;
    ports. Destroys: which cells inhibit, the split of synapses between neurons and muscles, degrees,
    reciprocity and all else.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        gap: Gap junctions: `random` keeps their number, `keep` leaves them in place, `drop` has none.
        dale: True keeps each synapse's sign; False lets evolution change it.

    Returns:
        A sample of this prior.

    References:
        Schmidgall, Schuman & Parsa (2022), https://doi.org/10.48550/arXiv.2209.14406
    """
    rng = generator(seed, "signs")
    neurons = np.flatnonzero(~connectome.is_muscle)
    sign = connectome.sign.copy()
    sign[neurons] = sign[rng.permutation(neurons)]
    measured = join(connectome.chemical, connectome.neuromuscular)
    rng, parts = generator(seed, "chemical"), []
    if connectome.is_undirected:
        parts.append(scatter_both_ways(connectome, sign, rng))
    for value in (1, -1) if not connectome.is_undirected else ():
        sources = ~connectome.is_muscle & (sign == value)
        allowed = Places.between(sources, np.ones(connectome.num_cells, bool))
        parts.append(allowed.fill(measured.weight[connectome.sign[measured.pre] == value], rng))
    return Architecture.of(
        connectome,
        sign=sign,
        synapses=join(*parts),
        gap_junctions=random_gaps(connectome, gap, seed),
        dale=dale,
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

    Returns:
        A sample of this prior.
    """
    everyone = np.ones(connectome.num_cells, bool)
    return _all_to_all(connectome, everyone, generator(seed, "weights"), dale)


@priors.register("dense-matched")
def dense_matched(connectome: Connectome, *, seed: int, dale: bool = True) -> Architecture:
    """All to all among fewer cells: as many parameters of the wiring as the connectome has.

    The same share of the neurons and of the muscles is drawn at random, at least one input and one output
    cell among them; the share is the one whose number of synapses and biases comes nearest to the
    connectome's synapses, gap junctions and biases.

    Keeps exactly: the signs of the cells that stay, and whether they take input or give output.
    Approximately: the number of core parameters; the distribution of section counts, from which each
    synapse's strength is drawn. Destroys: most cells, and so the size of the adapters; all structure; no gap
    junctions.

    Args:
        connectome: Source wiring.
        seed: Draws cells and strengths; equal seeds give equal architectures.
        dale: True keeps each synapse's sign; False lets evolution change it.

    Returns:
        A sample of this prior.
    """
    rng = generator(seed, "weights")
    wanted = num_core_parameters(connectome)
    neurons, muscles = (
        rng.permutation(np.flatnonzero(mask)) for mask in (~connectome.is_muscle, connectome.is_muscle)
    )
    for port in (connectome.inputs, connectome.outputs):  # one of each in front, so that it stays
        for cells in (neurons, muscles):
            of_port = np.flatnonzero(np.isin(cells, port))
            if len(of_port):
                cells[: of_port[0] + 1] = np.roll(cells[: of_port[0] + 1], 1)
                break
    shares = np.arange(1, len(neurons) + 1)
    of_muscles = np.ceil(shares / len(neurons) * len(muscles)).astype(int)
    sizes = shares * (shares - 1) + shares * of_muscles + shares + of_muscles
    k = max(int(np.abs(sizes - wanted).argmin()), min(1, len(shares) - 1))
    stay = np.zeros(connectome.num_cells, bool)
    stay[neurons[: shares[k]]] = stay[muscles[: of_muscles[k]]] = True
    return _all_to_all(connectome, stay, rng, dale).keep(stay)


def num_core_parameters(connectome: Connectome) -> int:
    """Returns the number of parameters of the exact wiring: synapses, gap junctions and biases.

    Args:
        connectome: Source wiring.
    """
    return Architecture.of(connectome).core_layout.core


def random_gaps(connectome: Connectome, gap: RandomPart, seed: int) -> Edges:
    """Returns the gap junctions of a prior of random edges.

    Args:
        connectome: Source wiring.
        gap: `random` puts as many at random places, `keep` leaves them in place, `drop` has none.
        seed: Equal seeds give equal gap junctions.
    """
    return part_of(connectome.electrical, scatter_pairs(connectome, generator(seed, "gap")), gap)


def _all_to_all(
    connectome: Connectome, cells: np.ndarray, rng: np.random.Generator, dale: bool
) -> Architecture:
    """Returns all synapses among the cells marked in bool [N], with strengths drawn from those measured."""
    neurons = np.flatnonzero(~connectome.is_muscle & cells)
    parts = []
    for source, targets in (
        (connectome.chemical, neurons),
        (connectome.neuromuscular, np.flatnonzero(connectome.is_muscle & cells)),
    ):
        pre, post = (x.ravel() for x in np.meshgrid(neurons, targets, indexing="ij"))
        pre, post = pre[pre != post], post[pre != post]
        measured = source.weight if len(source) else np.ones(1, np.float32)
        parts.append(Edges(pre.astype(np.int32), post.astype(np.int32), rng.choice(measured, len(pre))))
    none = np.zeros(0, np.int32)
    return Architecture.of(
        connectome, synapses=join(*parts), gap_junctions=Edges(none, none, np.zeros(0, np.float32)), dale=dale
    )


def scatter(connectome: Connectome, edges: Edges, targets: np.ndarray, rng: np.random.Generator) -> Edges:
    """Returns as many edges from neurons of each sign, uniformly placed.

    Args:
        connectome: Source wiring.
        edges: Edges of the connectome, whose numbers and section counts are kept.
        targets: bool [N], the cells that edges may end on.
        rng: Source of the places.
    """
    parts = []
    for sign in (1, -1):
        sources = ~connectome.is_muscle & (connectome.sign == sign)
        weight = edges.weight[connectome.sign[edges.pre] == sign]
        parts.append(Places.between(sources, targets).fill(weight, rng))
    return join(*parts)


def scatter_both_ways(connectome: Connectome, sign: np.ndarray, rng: np.random.Generator) -> Edges:
    """Returns as many pairs of synapses, each with its reverse, for each number of ends that excite.

    Args:
        connectome: Source wiring, undirected, whose numbers and section counts are kept.
        sign: int [N], the cells' signs, as many of either as the connectome's.
        rng: Source of the places.
    """
    pairs, neurons = once(connectome.chemical), ~connectome.is_muscle
    before = connectome.sign[pairs.pre].astype(int) + connectome.sign[pairs.post]
    excites, inhibits = neurons & (sign > 0), neurons & (sign < 0)
    ends = {-2: (inhibits, inhibits), 0: (excites, inhibits), 2: (excites, excites)}
    parts = (Places.above(*ends[k]).fill(pairs.weight[before == k], rng) for k in ends)
    return both_ways(join(*parts))


def scatter_pairs(connectome: Connectome, rng: np.random.Generator) -> Edges:
    """Returns as many gap junctions between neurons, between muscles, and between both, uniformly placed.

    Args:
        connectome: Source wiring.
        rng: Source of the places.
    """
    pairs, muscle = connectome.electrical, connectome.is_muscle
    num_muscles = muscle[pairs.pre].astype(int) + muscle[pairs.post]
    ends = ((~muscle, ~muscle), (~muscle, muscle), (muscle, muscle))
    parts = (Places.above(*ends[k]).fill(pairs.weight[num_muscles == k], rng) for k in range(3))
    return join(*parts)
