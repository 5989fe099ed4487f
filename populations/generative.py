"""Textbook random graphs fitted to the connectome: small-world, scale-free, stochastic block model."""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import Literal

import numpy as np

from neuroevo.connectome.model import Connectome, Edges, both_ways, once
from neuroevo.plugins import priors
from neuroevo.seeds import generator
from neuroevo.wiring.architecture import Architecture, join
from neuroevo.wiring.graph import Graph
from neuroevo.wiring.null_models import Keep, Lengths
from neuroevo.wiring.statistics import clustering, in_degree, mutual_degree, neurons_of, out_degree
from populations.mutations import KeepByKind, by_swaps, degrees
from populations.parts import RandomPart
from populations.places import Places
from populations.unstructured import random_gaps, scatter

Blocks = Literal["role", "class"]

MOST_DRAWS = 4_000_000  # of pairs at a time
MOST_AT_ONCE = 2_000  # cells of which all pairs are drawn a number; of more, pairs are drawn one by one


def _keep_ring(connectome: Connectome, **_: object) -> KeepByKind:
    """Returns the rule that keeps degrees and the numbers of synapses along the ring and of shortcuts."""
    neurons = _along_the_body(connectome)
    reach = _reach(len(neurons), len(connectome.chemical))
    angle = 2 * np.pi / max(1, len(neurons))  # of neighbours on a ring of radius 1
    position = np.full((connectome.num_cells, 3), np.nan)
    places = angle * np.arange(len(neurons))
    position[neurons] = np.stack([np.cos(places), np.sin(places), np.zeros(len(neurons))], 1)
    chord = 2 * np.sin(min(np.pi, angle * (reach + 0.5)) / 2)
    bound = chord if 2 * reach + 1 < len(neurons) else 3.0  # further than any two
    lengths = Lengths(position, np.array([bound]))
    return {"chemical": Keep(mutual=False, lengths=lengths), "neuromuscular": Keep(mutual=False)}


def _keep_blocks(connectome: Connectome, *, blocks: Blocks, **_: object) -> KeepByKind:
    """Returns the rule that keeps degrees towards and from each block, and so the numbers between any two."""
    keep = Keep(mutual=False, labels=_block_of(connectome, blocks))
    return {"chemical": keep, "neuromuscular": keep}


@priors.register("small-world", mutate=by_swaps(_keep_ring))
def small_world(
    connectome: Connectome, *, seed: int, gap: RandomPart = "random", dale: bool = True
) -> Architecture:
    """Ring of neighbours with random shortcuts, as many as bring the connectome's clustering.

    Neurons stand on a ring in the order of their position along the body, where known, else in cell order;
    each synapses on its nearest neighbours on both sides, then a share of the synapses takes a random target.
    The share is fitted: clustering of the ring falls with the cube of what is left of it.

    Keeps exactly: cells, signs, the number of chemical synapses and their section counts; neuromuscular and
    gap junctions as `random` does; ports. Approximately: clustering. Destroys: degrees (all nearly equal),
    reciprocity, and who connects to whom.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        gap: Gap junctions: `random` keeps their number, `keep` leaves them in place, `drop` has none.
        dale: True keeps each synapse's sign; False lets evolution change it.

    Returns:
        A sample of this prior.

    References:
        Watts & Strogatz (1998), https://doi.org/10.1038/30918; Barrat & Weigt (2000),
        https://doi.org/10.1007/s100510050067 (clustering after rewiring).
    """
    rng = generator(seed, "chemical")
    neurons = _along_the_body(connectome)
    both = connectome.is_undirected
    source = once(connectome.chemical) if both else connectome.chemical
    pre, post = _ring(len(neurons), len(source), rng, both)
    joined = Graph.of(len(neurons), *((pre, post) if not both else _both_ways(pre, post)))
    wanted, lattice, density = clustering(neurons_of(connectome)), clustering(joined), _density(joined)
    staying = np.clip((wanted - density) / max(lattice - density, 1e-9), 0, 1) ** (1 / 3)
    post = _shortcuts(pre, post, joined, 1 - staying, rng, both)
    chemical = Edges(neurons[pre], neurons[post], rng.permutation(source.weight.copy()))
    chemical = both_ways(chemical) if both else chemical
    return _with_random_rest(connectome, chemical, seed, gap, dale)


@priors.register("scale-free", mutate=by_swaps(degrees))
def scale_free(
    connectome: Connectome, *, seed: int, gap: RandomPart = "random", dale: bool = True
) -> Architecture:
    """Power laws of in- and out-degree with the connectome's exponents; who is a hub is random.

    Exponents are estimated by maximum likelihood from degrees of at least the median; expected degrees
    follow the law of that exponent by rank (static model).

    Keeps exactly: cells, signs, the number of chemical synapses and their section counts; neuromuscular and
    gap junctions as `random` does; ports. Approximately: how unequal degrees are. Destroys: each cell's
    degree, the relation of in- and out-degree, reciprocity, and who connects to whom.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        gap: Gap junctions: `random` keeps their number, `keep` leaves them in place, `drop` has none.
        dale: True keeps each synapse's sign; False lets evolution change it.

    Returns:
        A sample of this prior.

    References:
        Goh, Kahng & Kim (2001), https://doi.org/10.1103/PhysRevLett.87.278701 (static model); Clauset,
        Shalizi & Newman (2009), https://doi.org/10.1137/070710111 (exponents).
    """
    rng = generator(seed, "chemical")
    graph = neurons_of(connectome)
    neurons = np.flatnonzero(~connectome.is_muscle)
    both, sources = connectome.is_undirected, _by_rank(out_degree(graph), rng)
    targets = sources if both else _by_rank(in_degree(graph), rng)
    source = once(connectome.chemical) if both else connectome.chemical
    weight = rng.permutation(source.weight.copy())  # NumPy shuffles no empty array that is read-only
    draw = _all_at_once if len(neurons) <= MOST_AT_ONCE else _one_by_one
    pre, post = draw(sources, targets, len(weight), both, rng)
    chemical = Edges(neurons[pre], neurons[post], weight)
    chemical = both_ways(chemical) if both else chemical
    return _with_random_rest(connectome, chemical, seed, gap, dale)


@priors.register("sbm", mutate=by_swaps(_keep_blocks))
def sbm(
    connectome: Connectome,
    *,
    seed: int,
    blocks: Blocks = "role",
    gap: RandomPart = "random",
    dale: bool = True,
) -> Architecture:
    """Stochastic block model: as many synapses between any two groups of cells, uniformly placed.

    The microcanonical model: numbers between blocks are the connectome's own, not expectations.

    Keeps exactly: cells, signs, the number of synapses and the section counts from each block to each block,
    onto muscles too; the number of gap junctions between neurons, muscles and both; ports. Destroys: degrees
    within a block, reciprocity, and who connects to whom.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        blocks: `role`: sensory, inter-, motor neurons, muscles; `class`: cell classes.
        gap: Gap junctions: `random` keeps their number, `keep` leaves them in place, `drop` has none.
        dale: True keeps each synapse's sign; False lets evolution change it.

    Returns:
        A sample of this prior.

    References:
        Holland, Laskey & Leinhardt (1983), https://doi.org/10.1016/0378-8733(83)90021-7; Peixoto (2017),
        https://doi.org/10.1103/PhysRevE.95.012317 (microcanonical).
    """
    rng = generator(seed, "chemical")
    block = _block_of(connectome, blocks)
    parts = [Edges(*np.zeros((3, 0)))]  # of a wiring of gap junctions alone
    if connectome.is_undirected and len(connectome.chemical):
        parts.append(_between_blocks(connectome, block, rng))
    for edges in () if connectome.is_undirected else (connectome.chemical, connectome.neuromuscular):
        pairs = np.stack([block[edges.pre], block[edges.post]])
        for a, b in np.unique(pairs, axis=1).T:
            allowed = Places.between((block == a) & ~connectome.is_muscle, block == b)
            parts.append(allowed.fill(edges.weight[(pairs[0] == a) & (pairs[1] == b)], rng))
    gaps = random_gaps(connectome, gap, seed)
    return Architecture.of(connectome, synapses=join(*parts), gap_junctions=gaps, dale=dale)


def _between_blocks(connectome: Connectome, block: np.ndarray, rng: np.random.Generator) -> Edges:
    """Returns as many pairs of synapses between any two blocks of an undirected wiring, each both ways."""
    pairs, parts = once(connectome.chemical), []
    ends = np.sort([block[pairs.pre], block[pairs.post]], axis=0)
    neurons = ~connectome.is_muscle
    for a, b in np.unique(ends, axis=1).T:
        allowed = Places.above(neurons & (block == a), neurons & (block == b))
        parts.append(allowed.fill(pairs.weight[(ends[0] == a) & (ends[1] == b)], rng))
    return both_ways(join(*parts))


def _block_of(connectome: Connectome, blocks: Blocks) -> np.ndarray:
    """Returns the block of each cell, int [N]."""
    named = connectome.role if blocks == "role" else connectome.cell_class
    return np.unique(named, return_inverse=True)[1]


def _with_random_rest(
    connectome: Connectome, chemical: Edges, seed: int, gap: RandomPart, dale: bool
) -> Architecture:
    """Returns a wiring of these chemical synapses; all else is placed as in `random`."""
    onto_muscles = scatter(
        connectome, connectome.neuromuscular, connectome.is_muscle, generator(seed, "neuromuscular")
    )
    return Architecture.of(
        connectome,
        synapses=join(chemical, onto_muscles),
        gap_junctions=random_gaps(connectome, gap, seed),
        dale=dale,
    )


def _along_the_body(connectome: Connectome) -> np.ndarray:
    """Returns the neurons in the order of their place on the longest axis of the body, if it is known."""
    neurons = np.flatnonzero(~connectome.is_muscle)
    position = connectome.position[neurons]
    if np.isnan(position).any():
        return neurons
    axis = np.ptp(position, axis=0).argmax()
    return neurons[np.argsort(position[:, axis], kind="stable")]


def _ring(
    num_cells: int, num_edges: int, rng: np.random.Generator, both: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Returns edges of a ring, nearest neighbours first; of the last distance a random part.

    Where edges go both ways they are one half of them, each pair of neighbours once.
    """
    parts, left = [], num_edges
    for distance in range(1, num_cells):
        step = distance if both else _step(distance)
        if left <= 0:
            break
        opposite = both and 2 * step == num_cells
        cells = np.arange(num_cells // 2 if opposite else num_cells)
        chosen = cells if left >= len(cells) else rng.permutation(len(cells))[:left]
        parts.append(np.stack([chosen, (chosen + step) % num_cells]))
        left -= len(chosen)
    pre, post = np.concatenate(parts, axis=1) if parts else np.zeros((2, 0), np.int64)
    return pre, post


def _step(k: int) -> int:
    """Returns the k-th nearest place on a ring, k from 1: 1, -1, 2, -2 and so on."""
    return k // 2 + 1 if k % 2 else -(k // 2)


def _reach(num_cells: int, num_edges: int) -> int:
    """Returns the greatest distance that edges of `_ring` bridge."""
    return max((abs(_step(k)) for k in range(1, -(-num_edges // max(1, num_cells)) + 1)), default=0)


def _both_ways(pre: np.ndarray, post: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns edges and their reverses."""
    return np.concatenate([pre, post]), np.concatenate([post, pre])


def _shortcuts(
    pre: np.ndarray,
    post: np.ndarray,
    joined: Graph,
    share: float,
    rng: np.random.Generator,
    both: bool,
) -> np.ndarray:
    """Returns targets of which a share was moved to random cells not yet targeted.

    Where edges go both ways each is moved with its reverse.
    """
    post, size = post.copy(), joined.num_cells
    bounds = zip(joined.first[:-1].tolist(), joined.first[1:].tolist(), strict=True)
    taken = [joined.post[a:b].tolist() for a, b in bounds]  # of each cell, in order
    for cell in range(size):
        insort(taken[cell], cell)
    for edge in np.flatnonzero(rng.random(len(pre)) < share).tolist():
        cell, old = int(pre[edge]), int(post[edge])
        free = size - len(taken[cell])
        if not free:
            continue
        new = _free_cell(taken[cell], int(rng.integers(free)))
        post[edge] = new
        for here, before, after in (
            (cell, old, new),
            *(((old, cell, None), (new, None, cell)) if both else ()),
        ):
            if before is not None:
                taken[here].remove(before)
            if after is not None:
                insort(taken[here], after)
    return post


def _free_cell(taken: list[int], k: int) -> int:
    """Returns the k-th cell, from 0, that is not in a sorted list: past k by the taken below it."""
    below = bisect_right(range(len(taken)), k, key=lambda i: taken[i] - i)
    return k + below


def _density(graph: Graph) -> float:
    """Returns the share of pairs joined in any direction: the clustering of a random graph."""
    size = graph.num_cells
    joined = 2 * graph.num_edges - int(mutual_degree(graph).sum())
    return float(joined / max(1, size * (size - 1)))


def _all_at_once(
    sources: np.ndarray, targets: np.ndarray, number: int, both: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns pairs drawn without replacement, in proportion to the product of their factors.

    The greatest of log(chance) + Gumbel noise are such draws. Where edges go both ways each pair is one.
    """
    chance = np.outer(sources, targets)
    np.fill_diagonal(chance, 0)
    if both:
        chance = np.triu(chance)
    with np.errstate(divide="ignore"):
        keys = np.log(chance) + rng.gumbel(size=chance.shape)
    chosen = np.argsort(-keys, axis=None)[:number]
    pre, post = np.unravel_index(chosen, chance.shape)
    return pre, post


def _one_by_one(
    sources: np.ndarray, targets: np.ndarray, number: int, both: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns what `_all_at_once` does: draws with replacement, of which those that were before are left out.

    The ends of a pair are drawn each by itself, so that nothing is as large as all pairs.
    """
    size = len(sources)
    ends = [np.cumsum(factor / factor.sum()) for factor in (sources, targets)]
    keys, draws = np.zeros(0, np.int64), 2 * number
    while len(keys) < number:  # where few pairs take nearly all draws, more are made at a time
        pre, post = (np.minimum(np.searchsorted(end, rng.random(draws)), size - 1) for end in ends)
        if both:
            pre, post = np.minimum(pre, post), np.maximum(pre, post)
        new = (pre.astype(np.int64) * size + post)[pre != post]
        keys = np.concatenate([keys, new])
        keys = keys[np.sort(np.unique(keys, return_index=True)[1])]
        draws = min(2 * draws, MOST_DRAWS)
    pre, post = np.divmod(keys[:number], size)
    return pre, post


def _by_rank(degree: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns expected degrees up to a factor, [N], of the power law fitted to degrees; ranks are random."""
    least = max(1.0, float(np.median(degree)))
    tail = degree[degree >= least]
    logs = np.log(tail / (least - 0.5)).sum()
    exponent = 1 + len(tail) / logs if logs > 0 else np.inf
    rank = 1.0 + rng.permutation(len(degree))
    return rank ** (-1 / (exponent - 1))
