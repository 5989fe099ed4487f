"""The measured wiring itself: a prior with one point."""

from __future__ import annotations

from neuroevo.architecture import Architecture
from neuroevo.connectome import Connectome
from neuroevo.plugins import priors


@priors.register("connectome")
def connectome(connectome: Connectome, *, seed: int, dale: bool = True) -> Architecture:
    """The exact wiring: every synapse, gap junction, sign and section count as measured.

    Keeps exactly: everything. Destroys: nothing. One graph, whatever the seed.

    Args:
        connectome: Source wiring.
        seed: Not used: there is one such wiring.
        dale: True keeps each synapse's sign; False lets evolution change it.
    """
    return Architecture.of(connectome, dale=dale)
