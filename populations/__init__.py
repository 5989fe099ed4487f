"""Priors: distributions over architectures, derived from a connectome. One file a family.

A prior is a function `(connectome, *, seed, **options) -> Architecture` with the decorator
`@priors.register(name)`. Its docstring says what it keeps exactly, what approximately, and what it destroys.

    exact           the connectome, and its weights or signs shuffled
    measured        the connectome as it might have been measured: other counts, signs that are wrong
    hubs            the connectome without its hubs
    blocks          null models that keep lengths, roles or classes; statistical: degrees, strengths, triads
    unstructured    counts only, or all to all; generative: textbook random graphs
    layered         feed-forward networks; controls: no core that evolves
    partial         some parts random, the others exact: knock-outs and transplants
    swapped         @swap_null(name): a null model made by swaps, from the rule that says what is kept
    options         options that several priors share, in their signatures and help
    places          pairs of cells that random edges may join, numbered without a list of them
    parts           which part of a wiring is rewired, kept or dropped; mutations: how wirings mutate
"""

from neuroevo.plugins import priors
from populations import (
    blocks,
    controls,
    exact,
    generative,
    hubs,
    layered,
    measured,
    partial,
    statistical,
    unstructured,
)

LADDER = (  # from the worm to noise, then what is no wiring of a connectome, then controls
    *("connectome", "count-jitter", "sign-errors", "weights-shuffled", "signs-shuffled", "hub-cap"),
    *("lengths", "boundary", "classes", "stats-prior"),
    *("degree-mutual", "strength", "connected", "degree", "partial", "counts", "random"),
    *("small-world", "scale-free", "sbm"),
    *("dense", "dense-matched", "mlp", "mlp-matched", "sparse-mlp", "adapter-only", "clock", "frozen"),
)
priors.arrange(LADDER)

__all__ = [
    "LADDER",
    "blocks",
    "controls",
    "exact",
    "generative",
    "hubs",
    "layered",
    "measured",
    "partial",
    "statistical",
    "unstructured",
]
