"""Null models that keep degrees, and of the triads what `stats-prior` is asked to."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np

from neuroevo.connectome.model import KINDS, Connectome
from neuroevo.errors import OptionError, require_range
from neuroevo.plugins import Range
from neuroevo.wiring.null_models import Keep, degree_labels, in_strength, join_labels
from populations.mutations import KeepByKind
from populations.swapped import keep_lengths, same_for_all_kinds, swap_null


@swap_null("stats-prior")
def stats_prior(
    connectome: Connectome,
    *,
    triads: bool = True,
    degree_bins: Annotated[int, Range(0, 1_000, without=1)] = 0,
    boundary: bool = False,
    lengths: bool = False,
) -> KeepByKind:
    """Random wiring with every cell's in-, out- and mutual degree and the triad census of the connectome.

    Triads are those of the chemical synapses among neurons; all 16 classes have the connectome's numbers
    (whole worm: in 100 of 100 samples), or a note says how far the chain got. Known bias: matching triads
    alone gathers hubs. In the whole worm the density among cells of degree above 50 is 0.63, the
    connectome's 0.38 (degrees alone: 0.27), and the degree assortativity 0.30, the connectome's 0.06. Swaps
    within degree bins mend both, at the cost of sharing more synapses with the connectome: without bins
    11 %; 4 bins 0.47, 0.09 and 19 %; 8 bins 0.39, 0.06 and 28 % (`benchmarks/null_models.py`).

    Keeps exactly: each cell's number of chemical synapses in, out and reciprocated; the triad census; of
    neuromuscular junctions in and out; of gap junctions; its sign; the section counts of its outgoing
    synapses; ports. Destroys: who connects to whom, and so modules, classes, wiring length, and structure
    of four cells and more.

    Args:
        connectome: Source wiring.
        triads: False keeps degrees alone, as `degree-mutual`, and what the next three options ask for.
        degree_bins: Chemical synapses are swapped within this many bins of pre- and postsynaptic degree,
            which keeps the rich club; 0 for no bins, else 2 to 1,000.
        boundary: Keep each cell's degrees towards each role too, as `boundary`.
        lengths: Keep the distribution of wiring lengths too, as `lengths`; triads may then be missed.

    Returns:
        What swaps keep of each kind of edge.

    Raises:
        OptionError: If the number of bins is negative or 1.
        ConnectomeError: If lengths are to be kept and fewer than two neurons have a position.

    References:
        Milo et al. (2002), https://doi.org/10.1126/science.298.5594.824 (nulls that keep smaller motifs);
        Colizza et al. (2006), https://doi.org/10.1038/nphys209 (rich club).
    """
    require_range("degree_bins", degree_bins, 0, 1_000)
    if degree_bins == 1:
        raise OptionError(
            "Option 'degree_bins' is 1, one bin that holds every cell; wanted 0 (none), or 2 or more."
        )
    labels = np.unique(connectome.role if boundary else connectome.is_muscle, return_inverse=True)[1]
    keep = keep_lengths(connectome, labels) if lengths else same_for_all_kinds(Keep(labels=labels))
    if degree_bins:
        binned = join_labels(labels, degree_labels(connectome.chemical, connectome.num_cells, degree_bins))
        keep["chemical"] = replace(keep["chemical"], labels=binned)
    keep["chemical"] = replace(keep["chemical"], triads=triads)
    return keep


@swap_null("degree-mutual")
def degree_mutual(connectome: Connectome) -> KeepByKind:
    """Random wiring with every cell's in-, out- and mutual degree of the connectome.

    Keeps exactly: each cell's number of chemical synapses in, out and reciprocated; of neuromuscular
    junctions in and out; of gap junctions; its sign; the section counts of its outgoing synapses; ports.
    Destroys: who connects to whom, and so triads beyond reciprocity, modules and wiring length.

    Args:
        connectome: Source wiring.

    Returns:
        What swaps keep of each kind of edge.
    """
    return same_for_all_kinds(Keep())


@swap_null("degree")
def degree(connectome: Connectome) -> KeepByKind:
    """Random wiring with every cell's in- and out-degree of the connectome.

    Keeps exactly: each cell's number of chemical synapses in and out; of neuromuscular junctions in and out;
    of gap junctions; its sign; the section counts of its outgoing synapses; ports.
    Destroys: reciprocity (whole worm: 0.36 falls to about 0.07), triads, modules and wiring length.

    Args:
        connectome: Source wiring.

    Returns:
        What swaps keep of each kind of edge.
    """
    return same_for_all_kinds(Keep(mutual=False))


@swap_null("strength", fixed=("weights",))
def strength(connectome: Connectome) -> KeepByKind:
    """Random wiring with every cell's in- and out-degree and its in- and out-strength, the sums of sections.

    A cell's strength is the sum of the section counts of its synapses: nulls that keep degrees alone change
    how much a cell is told, and so who can drive whom. Simulated annealing, from the wirings of `degree`,
    brings the sum over cells of |in-strength - the connectome's| to 0 or near it, by moves of synapses that
    take their section counts along and by exchanges of two section counts of one cell, separately for
    synapses between neurons, on muscles, and gap junctions (each cell's sum over all of them). Out-strengths
    are kept throughout, for section counts stay with their presynaptic cell. What is missed is noted with
    its number.

    Keeps exactly: each cell's number of chemical synapses in and out; of neuromuscular junctions in and out;
    of gap junctions; its sign; the section counts of its outgoing synapses, and so its out-strength; ports.
    Approximately: each cell's in-strength, and its sum over gap junctions (whole worm, in the mean over 20
    samples: of 20,848 sections between neurons 1 is off, of 5,515 on muscles 0.3, of 14,360 of gap junctions
    211; as many synapses are the worm's as under `degree`, 10 %).
    Destroys: reciprocity, triads, modules and wiring length.

    Args:
        connectome: Source wiring.

    Returns:
        What swaps keep of each kind of edge.

    References:
        Milisav et al. (2025), https://doi.org/10.1038/s43588-024-00735-z (there any two weights may be
        exchanged, after the edges have been moved for good, and out-strengths are approximate too)
    """
    return {kind: Keep(mutual=False, strength=in_strength(connectome, kind)) for kind in KINDS}


@swap_null("connected")
def connected(connectome: Connectome) -> KeepByKind:
    """Random wiring with every cell's in- and out-degree that hangs together as the connectome does.

    Swaps may cut a wiring to pieces where cells have few synapses. Here the cells that have edges of a kind,
    between neurons, on muscles or gap junctions, fall into no more weakly connected components of this kind
    than in the connectome: one stays one, and several may become fewer. Every such wiring is as likely.
    Where synapses join all neurons, as in the bundled worms, the whole stays in one piece.

    Keeps exactly: each cell's number of chemical synapses in and out; of neuromuscular junctions in and out;
    of gap junctions; that these hang together; its sign; the section counts of its outgoing synapses; ports.
    Destroys: reciprocity, triads, modules and wiring length.

    Args:
        connectome: Source wiring.

    Returns:
        What swaps keep of each kind of edge.

    References:
        Viger & Latapy (2016), https://doi.org/10.1093/comnet/cnv013
    """
    return same_for_all_kinds(Keep(mutual=False, connected=True))
