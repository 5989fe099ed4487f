"""Seconds a random wiring that keeps degrees, against networkx, networkit and bctpy, and their errors.

On the whole worm's chemical synapses: processor seconds a sample, of the prior `degree` and of each
library's own function with ten swaps an edge. Each sample is looked at: whether every cell keeps its in- and
its out-degree, self-loops, double edges, and how many of the edges are still the source's. On wirings of so
few cells that all those of the same degrees can be listed: how many of them a sampler ever reaches, and the p
of a chi-square test that it reaches them equally often. `python -m benchmarks.null_models` has more of ours.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from benchmarks.crew import Crew, Here
from benchmarks.turns import OURS, Options, Row, compare, take_turns
from neuroevo.connectome.catalog import load

RIVALS = {
    OURS: "ours",
    "networkx directed_edge_swap": "networkx",
    "networkit EdgeSwitching": "networkit",
    "bctpy randmio_dir": "bctpy",
}
PEERS = ("networkit", "bctpy")  # networkx is a dependency
SMALL = {  # every wiring of the same degrees can be listed
    "lone three-cycle": [(0, 1), (1, 2), (2, 0)],
    "three-cycle and a pair": [(0, 1), (1, 2), (2, 0), (0, 3), (3, 0)],
    "five cells": [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (0, 2)],
}
VISITS = 50  # expected at each wiring
LIMIT = 30.0  # seconds for the samples of a small wiring: a sampler may search for a swap that there is not

Pairs = Sequence[tuple[int, int]]


def measure(options: Options) -> Iterator[Row]:
    """Yields a row a sampler, on the worm and on small wirings."""
    worm = load("celegans-perimotor" if options.smallest else "celegans")
    edges = list(zip(worm.chemical.pre.tolist(), worm.chemical.post.tolist(), strict=True))
    yield from _speed(edges, worm.num_cells, worm.name, options)
    for name, small in list(SMALL.items())[: 1 if options.smallest else None]:
        yield from _uniformity(name, small, options)


def _crews(
    edges: Pairs, cells: int, samples: int, options: Options, stack: ExitStack, limit: float
) -> dict[str, Crew]:
    """Returns the samplers' processes."""
    share: dict[str, Any] = {"edges": edges, "cells": cells, "samples": samples, "seed": options.seed}
    maker = "benchmarks.samplers_rivals:maker"

    def start(name: str) -> Crew:
        given = [{**share, "name": name}]
        python = options.peers_python if name in PEERS else ""
        return Here(maker, given) if options.here else Crew(maker, given, python, limit=limit)

    return {
        label: stack.enter_context(start(name))
        for label, name in RIVALS.items()
        if options.peers or name not in PEERS
    }


def _speed(edges: Pairs, cells: int, name: str, options: Options) -> Iterator[Row]:
    """Yields seconds a sample of a large wiring, and what is wrong with the samples."""
    with ExitStack() as stack:
        crews = _crews(edges, cells, 1, options, stack, 10 * LIMIT)
        values: dict[str, list[float]] = {label: [] for label in crews}
        faults: dict[str, list[dict[str, Any]]] = {label: [] for label in crews}
        for _ in range(options.turns(5)):
            take_turns(crews, 0)
            for label, crew in crews.items():
                if not crew.missing:
                    values[label].append(crew.work)
                    faults[label].append(errors(edges, crew.answers[0]["edges"][0], cells))
        facts = {label: _worst(samples) for label, samples in faults.items() if samples}
        notes = {label: _summary(samples) for label, samples in facts.items()}
        notes |= {label: crew.missing for label, crew in crews.items() if crew.missing}
    case = f"{name}, {cells} cells, {len(edges):,} synapses, degrees kept"
    yield from compare(case, "processor seconds a sample", values, less=True, notes=notes, facts=facts)


def errors(source: Pairs, sampled: Pairs, cells: int) -> dict[str, Any]:
    """Returns what is wrong with a sample, and which share of the source's edges it has."""
    old, new = (np.array(pairs).reshape(-1, 2).T for pairs in (source, sampled))
    changed = [np.bincount(new[k], minlength=cells) - np.bincount(old[k], minlength=cells) for k in (0, 1)]
    distinct = {tuple(pair) for pair in sampled}
    return {
        "cells_with_other_degrees": int(np.any(changed, 0).sum()),
        "loops": int((new[0] == new[1]).sum()) - int((old[0] == old[1]).sum()),
        "double_edges": len(sampled) - len(distinct),
        "kept": len(distinct & {tuple(pair) for pair in source}) / len(source),
    }


def _worst(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns the largest of each error over samples, and the mean share of edges kept."""
    worst = {name: max(x[name] for x in samples) for name in samples[0]}
    return {**worst, "kept": float(np.mean([x["kept"] for x in samples]))}


def _summary(worst: dict[str, Any]) -> str:
    """Returns in words what is wrong with samples."""
    degrees, loops, doubles = (worst[k] for k in ("cells_with_other_degrees", "loops", "double_edges"))
    faults = [
        f"{degrees} cells with other degrees" if degrees else "",
        f"{loops:+d} self-loops" if loops else "",
        f"{doubles} double edges" if doubles else "",
    ]
    return f"{', '.join(filter(None, faults)) or 'exact'}; {worst['kept']:.2f} of the edges kept"


def realisations(edges: Pairs, cells: int) -> set[frozenset[tuple[int, int]]]:
    """Lists all wirings without loops that have the degrees of one."""
    out = [sum(pre == cell for pre, _ in edges) for cell in range(cells)]
    into = sorted(post for _, post in edges)
    rows = [itertools.combinations([(i, j) for j in range(cells) if j != i], out[i]) for i in range(cells)]
    chosen = (tuple(itertools.chain(*row)) for row in itertools.product(*rows))
    return {frozenset(c) for c in chosen if sorted(post for _, post in c) == into}


def _uniformity(name: str, edges: Pairs, options: Options) -> Iterator[Row]:
    """Yields how many of a small wiring's realisations a sampler reaches, and how evenly."""
    from scipy.stats import chisquare

    cells = 1 + max(max(edge) for edge in edges)
    everything = realisations(edges, cells)
    samples = 4 if options.smallest else VISITS * len(everything)
    values, notes, facts = {}, {}, {}
    with ExitStack() as stack:
        crews = _crews(edges, cells, samples, options, stack, LIMIT)
        for label, crew in crews.items():
            crew()
            if crew.missing:
                values[label], notes[label] = list[float](), crew.missing
                continue
            visits = Counter(frozenset(map(tuple, sampled)) for sampled in crew.answers[0]["edges"])
            counts = [visits[wiring] for wiring in everything]
            p = float(chisquare(counts).pvalue)
            other = sum(visits.values()) - sum(counts)
            values[label] = [sum(count > 0 for count in counts) / len(everything)]
            notes[label] = f"equally often: p = {p:.2g}" + (f"; {other} of other degrees" if other else "")
            facts[label] = {"p": p, "reached": sum(count > 0 for count in counts), "other_degrees": other}
    case = f"{name}, {samples:,} samples of {len(everything)} wirings of the same degrees"
    yield from compare(case, "share of the wirings reached", values, notes=notes, facts=facts)
