"""Priors: distributions over architectures, derived from a connectome. One file a family.

A prior is a function `(connectome, *, seed, **options) -> Architecture` with the decorator
`@priors.register(name)`. Its docstring says what it keeps exactly, what approximately, and what it destroys.
"""

from neuroevo.plugins import priors
from populations import blocks, controls, exact, generative, layered, statistical, unstructured

LADDER = (  # from the worm to noise, then what is no wiring of a connectome, then controls
    *("connectome", "weights-shuffled", "signs-shuffled", "lengths", "boundary", "classes", "stats-prior"),
    *("degree-mutual", "degree", "counts", "random", "small-world", "scale-free", "sbm"),
    *("dense", "dense-matched", "mlp", "mlp-matched", "sparse-mlp", "adapter-only", "clock", "frozen"),
)
priors.arrange(LADDER)

__all__ = ["LADDER", "blocks", "controls", "exact", "generative", "layered", "statistical", "unstructured"]
