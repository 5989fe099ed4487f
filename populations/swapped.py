"""Null models made by swaps: the options that they share, the dose, shuffles, and the notes they leave.

Such a prior is a function from a connectome to what swaps keep of each kind of edge, with the decorator
`@swap_null(name)`. All else is here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal

import numpy as np

from neuroevo.connectome.model import KINDS, Connectome, Edges, both_ways, once
from neuroevo.errors import ConnectomeError, require_range
from neuroevo.plugins import Range, priors
from neuroevo.seeds import derive, generator
from neuroevo.wiring.architecture import Architecture, join
from neuroevo.wiring.null_models import MOVES, Keep, Rewired, length_bins, rewire, rewire_pairs
from populations.mutations import KeepByKind, Mutate, by_swaps
from populations.options import join_options
from populations.parts import OPTIONS, Part, keep_of_pairs, part_of, require_parts

Rule = Callable[..., KeepByKind]

UNDIRECTED = "the wiring is undirected: each synapse moves with its reverse."
ROOM = 0.5  # a null that keeps a greater share of a wiring's synapses says so


@dataclass(frozen=True)
class SwapOptions:
    """Options of every prior made by swaps, and their usual defaults; a prior's help shows these texts.

    Attributes:
        rewired: Dose in [0, 1]: this share of the edges that a full sample replaces is replaced; 0 is the
            connectome.
        signs: `shuffle` permutes the signs of a share `rewired` of the neurons.
        weights: `keep` leaves section counts with their presynaptic cell; `shuffle` permutes a share
            `rewired` of them among edges of one kind and one presynaptic sign.
        chemical: Chemical synapses between neurons: `rewire` is the null; `keep` leaves them in place;
            `drop` has none.
        gap: Gap junctions: `rewire` keeps each cell's number of them, and of their lengths, roles or classes
            what the prior keeps of synapses; `keep` leaves them in place; `drop` has none.
        neuromuscular: Synapses on muscles, the map onto the body: `rewire` is the null; `keep` leaves them
            in place; `drop` has none.
        ports: `keep`: input and output cells are the connectome's.
        dale: True keeps each synapse's sign; False lets evolution change it.
    """

    rewired: Annotated[float, Range(0, 1)] = 1.0
    signs: Literal["keep", "shuffle"] = "keep"
    weights: Literal["keep", "shuffle"] = "keep"
    chemical: Part = "rewire"
    gap: Part = "rewire"
    neuromuscular: Part = "rewire"
    ports: Literal["keep"] = "keep"
    dale: bool = True


USUAL = SwapOptions()
SHARED = {field.name for field in fields(SwapOptions)}


def swap_null(
    name: str, *, options: SwapOptions = USUAL, fixed: tuple[str, ...] = (), mutate: Mutate | None = None
) -> Callable[[Rule], Callable[..., Architecture]]:
    """Registers a null model made by swaps, given the rule that says what its swaps keep.

    The decorated function, the rule, takes the connectome and the prior's own options, and returns what is
    kept of each kind of edge, "chemical", "neuromuscular" and "electrical". The prior has the options of
    `SwapOptions` beside its own.

    Args:
        name: What the command line calls the prior.
        options: Defaults of the shared options for this prior.
        fixed: Names of shared options that this prior does not offer: their default always holds.
        mutate: How wirings mutate in mixed populations; None swaps a few connections and keeps what the
            rule says.

    Returns:
        The decorator. It returns the prior, `(connectome, *, seed, **options) -> Architecture`.
    """

    def decorate(rule: Rule) -> Callable[..., Architecture]:
        def keep_of(connectome: Connectome, **values: object) -> KeepByKind:
            return rule(connectome, **{key: values[key] for key in values.keys() - offered})

        @functools.wraps(rule)
        def prior(connectome: Connectome, *, seed: int, **values: Any) -> Architecture:
            keep = keep_of(connectome, **values)
            chosen = replace(options, **{key: values[key] for key in values.keys() & offered})
            require_parts(connectome, vars(chosen), vars(options))
            return sample_by_swaps(connectome, keep, chosen, seed=seed)

        join_options(prior, rule, options, fixed)
        return priors.register(name, mutate=mutate or by_swaps(keep_of))(prior)

    offered = SHARED - {*fixed}
    return decorate


def sample_by_swaps(
    connectome: Connectome, keep: KeepByKind, options: SwapOptions, *, seed: int
) -> Architecture:
    """Returns a sample of a null model.

    The dose is the share of the way from the connectome (0) to the null (1): of the edges that a full sample
    replaces, of the cells whose signs and of the edges whose section counts are shuffled. A dose of 0 leaves
    all as measured, but for what is dropped.

    Args:
        connectome: Source wiring.
        keep: What is kept of "chemical", "neuromuscular" and "electrical" edges where they are rewired.
        options: The dose, and what becomes of each part of the wiring.
        seed: Equal seeds give equal wirings.

    Raises:
        OptionError: If the dose is out of range.
    """
    dose = options.rewired
    require_range("rewired", dose, 0.0, 1.0)
    edges, notes = {}, [UNDIRECTED] if connectome.is_undirected and options.chemical == "rewire" else []
    for kind in KINDS:
        source: Edges = getattr(connectome, kind)
        choice: str = getattr(options, OPTIONS[kind])
        rewired = source
        if choice == "rewire":
            sample = _rewired(connectome, kind, keep[kind], dose, seed)
            rewired = sample.edges
            notes += notes_on(kind, sample, dose)
        edges[kind] = part_of(source, rewired, choice)
    if options.weights == "shuffle":
        rng = generator(seed, "weights")
        edges = {kind: shuffled(connectome, kind, e, dose, rng) for kind, e in edges.items()}
    sign = connectome.sign
    if options.signs == "shuffle":
        sign = shuffle_signs(connectome, dose, generator(seed, "signs"))
    return Architecture.of(
        connectome,
        sign=sign,
        synapses=join(edges["chemical"], edges["neuromuscular"]),
        gap_junctions=edges["electrical"],
        dale=options.dale,
        notes=tuple(notes),
    )


def _rewired(connectome: Connectome, kind: str, keep: Keep, dose: float, seed: int) -> Rewired:
    """Returns the edges of a kind as the null model draws them."""
    source, num_cells = getattr(connectome, kind), connectome.num_cells
    if kind == "electrical":
        rule = keep_of_pairs(connectome.is_muscle, keep)
        return rewire_pairs(source, num_cells, seed=derive(seed, "gap"), keep=rule, rewired=dose)
    if not connectome.is_undirected:
        return rewire(source, num_cells, seed=derive(seed, kind), keep=keep, rewired=dose)
    sample = rewire_pairs(once(source), num_cells, seed=derive(seed, kind), keep=keep, rewired=dose)
    return replace(sample, edges=both_ways(sample.edges))


def shuffled(
    connectome: Connectome, kind: str, edges: Edges, share: float, rng: np.random.Generator
) -> Edges:
    """Returns edges of a kind with a share of the weights permuted, within signs or numbers of muscles.

    Args:
        connectome: Source wiring.
        kind: One of `model.KINDS`.
        edges: Edges of this kind; not modified.
        share: Share of the edges, in [0, 1].
        rng: Source of the permutations.
    """
    if kind == "electrical":
        return shuffle_weights(edges, _num_muscles(connectome, edges), share, rng)
    if not connectome.is_undirected:
        return shuffle_weights(edges, connectome.sign[edges.pre], share, rng)
    pairs = once(edges)
    signs = connectome.sign[pairs.pre].astype(int) + connectome.sign[pairs.post]
    return both_ways(shuffle_weights(pairs, signs, share, rng))


def same_for_all_kinds(keep: Keep) -> KeepByKind:
    """Returns a rule that keeps the same of each kind of edge.

    Args:
        keep: What is kept.
    """
    return dict.fromkeys(KINDS, keep)


def keep_lengths(connectome: Connectome, labels: np.ndarray | None = None) -> KeepByKind:
    """Returns the rule that keeps the distribution of lengths of each kind of edge, and degrees.

    Args:
        connectome: Source wiring.
        labels: int [N]; degrees are kept towards and from the cells of each label. None: one label.

    Raises:
        ConnectomeError: If fewer than two neurons have a position.
    """
    known = ~np.isnan(connectome.position).any(1) & ~connectome.is_muscle
    if known.sum() < 2:
        raise ConnectomeError(
            f"{connectome.name!r} has positions of {known.sum()} of {connectome.num_neurons} neurons; wiring "
            "lengths need two or more. Choose a connectome with positions, or a prior that keeps no lengths."
        )
    return {
        kind: Keep(labels=labels, lengths=length_bins(connectome.position, getattr(connectome, kind)))
        for kind in KINDS
    }


def shuffle_weights(edges: Edges, group: np.ndarray, share: float, rng: np.random.Generator) -> Edges:
    """Returns the edges with the weights of a share of them permuted within each group.

    Args:
        edges: E edges; not modified.
        group: int [E].
        share: Share of each group's edges, in [0, 1].
        rng: Source of the permutations.
    """
    weight = edges.weight.copy()
    for value in np.unique(group):
        chosen = _some(np.flatnonzero(group == value), share, rng)
        weight[chosen] = weight[rng.permutation(chosen)]
    return Edges(edges.pre, edges.post, weight)


def shuffle_signs(connectome: Connectome, share: float, rng: np.random.Generator) -> np.ndarray:
    """Returns the cells' signs, int8 [N], with those of a share of the neurons permuted.

    Args:
        connectome: Source wiring.
        share: Share of the neurons, in [0, 1].
        rng: Source of the permutation.
    """
    sign = connectome.sign.copy()
    chosen = _some(np.flatnonzero(~connectome.is_muscle), share, rng)
    sign[chosen] = sign[rng.permutation(chosen)]
    return sign


def notes_on(kind: str, sample: Rewired, dose: float, whose: str = "") -> list[str]:
    """Returns sentences on what a sample could not do, and how little room its source left it.

    Args:
        kind: The kind of the edges, one of `model.KINDS`; of gap junctions only strengths are told.
        sample: The edges after the swaps, and how they came about.
        dose: The dose that was asked for, in [0, 1].
        whose: Which of the synapses were rewired, as the end of a phrase: " of motor cells"; empty for all.
    """
    if kind == "electrical":
        return notes_on_strengths(kind, sample)
    notes = []
    stuck = sample.moves == 0 and dose > 0
    if dose == 1 and len(sample.edges) and (stuck or sample.overlap > ROOM):
        notes.append(
            f"keeps {sample.overlap:.0%} of the {kind} synapses{whose}: this wiring leaves the null "
            f"{'no' if sample.overlap == 1 else 'little'} room."
        )
    if dose == 1 and 0 < sample.moves < 0.5 * MOVES:
        notes.append(
            f"the chain of {kind} synapses{whose} made {sample.moves:.1f} moves a synapse in "
            f"{sample.proposals:,} proposals; {MOVES} were wanted, so that samples resemble the source more "
            "than they need to."
        )
    if sample.triad_distance:
        notes.append(
            f"triads matched to within {sample.triad_distance:.2g} (sum over 13 classes of "
            f"|c - t| / (c + t)) after {sample.proposals:,} proposals, not exactly."
        )
    notes += notes_on_strengths(kind, sample)
    if abs(sample.wanted + sample.overlap - 1) > max(0.05, 4 / max(len(sample.edges), 1)):
        notes.append(
            f"rewired={dose:g} asks to replace {sample.wanted:.0%} of the {kind} synapses; the "
            f"chain replaced {1 - sample.overlap:.0%}."
        )
    return notes


def notes_on_strengths(kind: str, sample: Rewired) -> list[str]:
    """Returns a sentence on how far the cells' strengths are from the connectome's, if they are.

    Args:
        kind: The kind of the edges, one of `model.KINDS`.
        sample: The edges after the swaps, and how they came about.
    """
    if not sample.strength_distance:
        return []
    total = sample.edges.weight.sum(dtype=np.float64) * (2 if kind == "electrical" else 1)
    name = "gap junctions" if kind == "electrical" else f"incoming {kind} synapses"
    return [
        f"cells' sums of weights of {name} matched to within {sample.strength_distance:.4g} of {total:.6g} "
        "(sum over cells of |sum - the connectome's|), not exactly."
    ]


def _some(items: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Returns a share of the items; for one generator a smaller share is a part of a greater one."""
    return rng.permutation(items)[: round(share * len(items))]


def _num_muscles(connectome: Connectome, pairs: Edges) -> np.ndarray:
    """Returns the number of muscles in each gap junction, int [E]."""
    return connectome.is_muscle[pairs.pre].astype(int) + connectome.is_muscle[pairs.post]
