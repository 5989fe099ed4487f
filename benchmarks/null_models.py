"""How fast, how exact and how well mixed are the null models? Against networkx's `directed_edge_swap`.

On the whole worm: median seconds a sample, in how many of the samples all 16 triad classes are exact, what
the samples share with the worm and with one another, by how many sections cells' in-strengths are off in
all, how long the figures of a wiring take, and how far the walk after the first match of triads goes.
networkx makes as many accepted swaps as the median sample of `degree` in the same run. Memory is the
resident set after a tenth of many samples and after all. A made-up wiring of the size of a fly larva's
brain comes last. Seconds are this process's own on one core, so that other work on the machine weighs less.
Compilation is not timed.

    python -m benchmarks.null_models [--samples 100] [--memory 1000] [--rounds 3] [--seed 0]
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from statistics import median

import networkx
import numpy as np

from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome, Edges
from neuroevo.seeds import derive
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.comparison import graph_statistics
from neuroevo.wiring.graph import Graph
from neuroevo.wiring.null_models import Keep, Rewired, degree_labels, in_strength, rewire
from neuroevo.wiring.statistics import modules, neurons_of, path_length, reciprocity
from neuroevo.wiring.triads import triad_census

RICH = 50  # degree above which a cell is a hub
FLY_CELLS, FLY_SYNAPSES = 3000, 110_000


def timed(call: Callable[[], object]) -> tuple[float, object]:
    """Returns the processor seconds that a call took, and what it returned."""
    begin = time.process_time()
    result = call()
    return time.process_time() - begin, result


def samples(worm: Connectome, keep: Keep, number: int, seed: int) -> tuple[float, list[Rewired]]:
    """Returns the median seconds a sample, and the samples; the first call compiles and is not counted."""
    edges, cells = worm.chemical, worm.num_cells
    rewire(edges, cells, seed=seed, keep=keep)
    runs = [
        timed(lambda k=k: rewire(edges, cells, seed=derive(seed, k), keep=keep))  # type: ignore[misc]
        for k in range(number)
    ]
    return median(seconds for seconds, _ in runs), [sample for _, sample in runs]  # type: ignore[misc]


def matrix_of(edges: Edges, worm: Connectome) -> np.ndarray:
    """Returns the matrix among neurons, bool [N, N]."""
    neurons = np.flatnonzero(~worm.is_muscle)
    return Graph.of(worm.num_cells, edges.pre, edges.post).matrix()[np.ix_(neurons, neurons)]


def structure(matrix: np.ndarray, source: np.ndarray) -> tuple[float, float, float, float]:
    """Returns triad distance, reciprocity, density among hubs, and assortativity of total degree."""
    new, old = (triad_census(Graph.of_matrix(m)) for m in (matrix, source))
    connected = [k for k in old if k not in ("003", "012", "102") and new[k] + old[k]]
    distance = sum(abs(new[k] - old[k]) / (new[k] + old[k]) for k in connected)
    degree = source.sum(0) + source.sum(1)
    hubs = np.flatnonzero(degree > RICH)
    club = matrix[np.ix_(hubs, hubs)].sum() / (len(hubs) * (len(hubs) - 1))
    pre, post = np.nonzero(matrix)
    return distance, reciprocity(Graph.of_matrix(matrix)), club, np.corrcoef(degree[pre], degree[post])[0, 1]


def sections(edges: Edges, worm: Connectome) -> np.ndarray:
    """Returns each cell's sum of the section counts that end on it, [N]."""
    return np.bincount(edges.post, edges.weight, worm.num_cells)


def mean_shared(matrices: list[np.ndarray]) -> float:
    """Returns the mean share of edges that successive wirings have in common."""
    return float(np.mean([(a & b).sum() / a.sum() for a, b in pairwise(matrices)]))


def ladder(worm: Connectome, number: int, seed: int) -> dict[str, tuple[float, list[Rewired]]]:
    """Prints a row a null model; returns seconds and samples by name."""
    labels = {
        bins: degree_labels(worm.chemical, worm.num_cells, bins) if bins else None for bins in (0, 4, 8, 12)
    }
    rules = {"degree": Keep(mutual=False), "degree-mutual": Keep()}
    rules["connected"] = Keep(mutual=False, connected=True)
    rules["strength"] = Keep(mutual=False, strength=in_strength(worm, "chemical"))
    rules |= {
        f"stats-prior{f':degree_bins={bins}' if bins else ''}": Keep(triads=True, labels=labels[bins])
        for bins in labels
    }
    source = matrix_of(worm.chemical, worm)
    heads = (
        *("s/sample", "exact", "distance", "recipr.", "hubs", "assort.", "overlap", "pairwise"),
        *("strength", "proposals"),
    )
    print(f"{'':<27}" + "".join(f"{head:>10}" for head in heads))
    worms = structure(source, source)
    print(f"{worm.name:<27}{'':>10}{'':>10}" + "".join(f"{x:>10.3f}" for x in worms))
    drawn_by = {}
    for name, keep in rules.items():
        seconds, drawn = samples(worm, keep, number if "bins" not in name else max(number // 5, 2), seed)
        matrices = [matrix_of(sample.edges, worm) for sample in drawn]
        census = triad_census(Graph.of_matrix(source))
        exact = sum(triad_census(Graph.of_matrix(m)) == census for m in matrices)
        means = np.mean([structure(m, source) for m in matrices], 0)
        overlap = np.mean([sample.overlap for sample in drawn])
        off = np.mean([np.abs(sections(s.edges, worm) - sections(worm.chemical, worm)).sum() for s in drawn])
        print(
            f"{name:<27}{seconds:>10.4f}{f'{exact}/{len(drawn)}':>10}"
            + "".join(f"{x:>10.3f}" for x in (*means, overlap, mean_shared(matrices)))
            + f"{off:>10,.1f}"
            + f"{median(sample.proposals for sample in drawn):>10,.0f}"
        )
        drawn_by[name] = seconds, drawn
    return drawn_by


def against_networkx(
    worm: Connectome, drawn_by: dict[str, tuple[float, list[Rewired]]], rounds: int, seed: int
) -> None:
    """Prints how many times as fast as networkx each null is, at as many swaps as `degree` makes."""
    swaps = round(median(sample.moves for sample in drawn_by["degree"][1]) * len(worm.chemical))
    graph = networkx.DiGraph(zip(worm.chemical.pre.tolist(), worm.chemical.post.tolist(), strict=True))

    def swap(number: int) -> None:
        networkx.directed_edge_swap(graph.copy(), nswap=swaps, max_tries=100 * swaps, seed=seed + number)

    theirs = median(timed(lambda k=k: swap(k))[0] for k in range(rounds))  # type: ignore[misc]
    print(f"\nnetworkx directed_edge_swap, {swaps:,} swaps: {theirs:.2f} s")
    for name in ("degree", "degree-mutual", "connected", "strength", "stats-prior"):
        seconds, drawn = drawn_by[name]
        proposals = median(sample.proposals for sample in drawn)
        print(
            f"  {name}: a sample {theirs / seconds:,.1f} times as fast; "
            f"a proposal {theirs / swaps / (seconds / proposals):,.0f} times as fast as a swap"
        )


def mixing(worm: Connectome, number: int, seed: int) -> None:
    """Prints what a sample shares with its chain's first match of triads, by the walk's length after it."""
    keep = Keep(triads=True)
    print("\nproposals an edge after the first match -> share of edges that the first match had")
    for hold in (25, 100, 400, 1600):
        shared = []
        for k in range(number):
            first, later = (
                matrix_of(
                    rewire(worm.chemical, worm.num_cells, seed=derive(seed, k), keep=keep, hold=h).edges, worm
                )
                for h in (0, hold)
            )
            shared.append((first & later).sum() / first.sum())
        print(f"  {hold:>5}: {np.mean(shared):.3f}")


def measuring(worm: Connectome, rounds: int, seed: int) -> None:
    """Prints how long the figures of one wiring take, and its parts beside networkx, which gives the same."""
    drawn = [
        replace(Architecture.of(worm), synapses=rewire(worm.chemical, worm.num_cells, seed=k).edges)
        for k in range(10)
    ]
    graph_statistics(worm, drawn[:1], seed)
    whole = median(timed(lambda: graph_statistics(worm, drawn, seed))[0] for _ in range(rounds)) / len(drawn)
    print(f"\nfigures of one wiring: {1000 * whole:.1f} ms")
    wiring = neurons_of(drawn[0])
    graph = networkx.DiGraph(wiring.matrix())
    calls: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "modules": (
            lambda: modules(wiring, seed),
            lambda: networkx.community.louvain_communities(graph, seed=seed),
        ),
        "triads": (lambda: triad_census(wiring), lambda: networkx.triadic_census(graph)),
        "paths": (
            lambda: path_length(wiring),
            lambda: dict(networkx.all_pairs_shortest_path_length(graph)),
        ),
    }
    for name, pair in calls.items():
        ours, theirs = (median(timed(call)[0] for _ in range(max(rounds, 3))) for call in pair)
        print(f"  {name}: {1000 * ours:.1f} ms, networkx {theirs / ours:,.0f} times as long")


def resident() -> float:
    """Returns the resident set in MiB now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def memory(worm: Connectome, number: int, seed: int) -> None:
    """Prints the resident set after a tenth of the samples of a null model and after all of them."""
    print()
    for name, keep in {"degree-mutual": Keep(), "stats-prior": Keep(triads=True)}.items():
        first = 0.0
        for k in range(number):
            rewire(worm.chemical, worm.num_cells, seed=derive(seed, k), keep=keep)
            if k == number // 10:
                first = resident()
        print(
            f"{name}: resident set after {number // 10} samples {first:.1f} MiB, "
            f"after {number}: {resident():.1f} MiB"
        )


def fly(seed: int) -> None:
    """Prints the seconds of a `degree-mutual` sample of a made-up wiring with heavy-tailed degrees."""
    rng = np.random.default_rng(seed)
    weight = rng.lognormal(0, 1, (2, FLY_CELLS))
    chance = np.outer(weight[0] / weight[0].sum(), weight[1] / weight[1].sum())
    np.fill_diagonal(chance, 0)
    flat = rng.choice(chance.size, FLY_SYNAPSES, replace=False, p=chance.ravel() / chance.sum())
    edges = Edges(*np.divmod(np.sort(flat), FLY_CELLS), np.ones(FLY_SYNAPSES))
    seconds, sample = timed(lambda: rewire(edges, FLY_CELLS, seed=seed))
    assert isinstance(sample, Rewired)
    print(
        f"\n{FLY_CELLS:,} cells, {FLY_SYNAPSES:,} synapses, degree-mutual: {seconds:.2f} s, "
        f"{sample.moves:.1f} moves a synapse, overlap {sample.overlap:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--samples", type=int, default=100, help="of each null model")
    parser.add_argument("--memory", type=int, default=1000, help="samples over which memory is watched")
    parser.add_argument("--rounds", type=int, default=3, help="runs of networkx")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    worm = load("celegans")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    drawn_by = ladder(worm, options.samples, options.seed)
    against_networkx(worm, drawn_by, options.rounds, options.seed)
    measuring(worm, options.rounds, options.seed)
    mixing(worm, max(options.samples // 20, 2), options.seed)
    memory(worm, options.memory, options.seed)
    fly(options.seed)
    print(f"\nload average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
