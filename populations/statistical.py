"""Priors that keep statistics of the connectome and randomise the rest by swap chains."""

from __future__ import annotations

from typing import Literal

from neuroevo.architecture import Architecture, join
from neuroevo.connectome import Connectome
from neuroevo.plugins import priors
from neuroevo.rewiring import rewire
from neuroevo.seeds import derive
from populations.gaps import rewire_gaps

Gap = Literal["rewire", "keep", "drop"]


@priors.register("stats-prior")
def stats_prior(connectome: Connectome, *, seed: int, gap: Gap = "rewire", dale: bool = True) -> Architecture:
    """Random wiring with every cell's in-, out- and mutual degree of the connectome.

    Matched today: degrees and reciprocity. The triad census is not matched yet.

    Keeps exactly: each cell's number of chemical synapses in, out and reciprocated; of neuromuscular
    junctions in and out; of gap junctions; its sign; the section counts of its outgoing synapses; ports.
    Destroys: who connects to whom, and so triads beyond reciprocity, modules and wiring length.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        gap: Gap junctions: `rewire` keeps each cell's number of them, `keep` keeps them, `drop` has none.
        dale: True keeps each synapse's sign; False lets evolution change it.
    """
    chemical = rewire(connectome.chemical, connectome.num_cells, seed=derive(seed, "chemical"))
    neuromuscular = rewire(connectome.neuromuscular, connectome.num_cells, seed=derive(seed, "neuromuscular"))
    return Architecture.of(
        connectome,
        synapses=join(chemical, neuromuscular),
        gap_junctions=rewire_gaps(connectome, gap, derive(seed, "gap")),
        dale=dale,
    )
