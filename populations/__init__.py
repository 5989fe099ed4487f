"""Priors: distributions over architectures, derived from a connectome. One file a family.

A prior is a function `(connectome, *, seed, **options) -> Architecture` with the decorator
`@priors.register(name)`. Its docstring says what it keeps exactly, what approximately, and what it destroys.
"""

from populations import exact, statistical, unstructured

__all__ = ["exact", "statistical", "unstructured"]
