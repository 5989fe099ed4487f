"""neuroevo puts connectomes on trial: does a nervous system's wiring help a machine, and what about it?

    import neuroevo as ne

    worm = ne.load_connectome("celegans")
    null = ne.sample("stats-prior", worm, seed=0)
    ne.compare(["stats-prior", "degree"], worm, samples=20)

    run = ne.run(genome=["connectome", "stats-prior"], task=["digits"], seeds=5, out="runs/a")
    run.results()
    run.comparisons()
    policy = run.champion("digits", "connectome")

Names are imported when they are first used, so `import neuroevo` is cheap; `__all__` lists what is promised,
and `api` documents the functions. Submodules may change; `neuroevo.connectome`, `wiring`, `physics` and
`network` are what authors of priors and tasks import beside it.
"""

import logging

import lazy_loader

from neuroevo import caches, finder

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

finder.alias()
caches.prepare()  # before any module imports numba or Matplotlib
logging.getLogger(__name__).addHandler(logging.NullHandler())  # a library says nothing unless it is asked to
