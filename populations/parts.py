"""The three parts of a wiring, and what a null model does with each: rewire it, keep it or drop it.

Chemical synapses between neurons, gap junctions, and neuromuscular synapses carry different things: the last
are the circuit's map onto the body. A null that keeps one part and rewires the others says which of them an
effect stands on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.errors import ConnectomeError
from neuroevo.wiring.architecture import take
from neuroevo.wiring.null_models import Keep, join_labels

Part = Literal["rewire", "keep", "drop"]
RandomPart = Literal["random", "keep", "drop"]  # of priors that put edges at random places

OPTIONS = {"chemical": "chemical", "electrical": "gap", "neuromuscular": "neuromuscular"}  # by kind of edge
NAMES = {
    "chemical": "chemical synapses",
    "electrical": "gap junctions",
    "neuromuscular": "neuromuscular synapses",
}


def part_of(edges: Edges, rewired: Edges, choice: str) -> Edges:
    """Returns what becomes of one part of the wiring.

    Args:
        edges: The part as measured.
        rewired: The part as the null model draws it.
        choice: A `Part` or a `RandomPart`: `keep` takes what was measured, `drop` nothing, and each other
            word what the null model draws.
    """
    if choice == "drop":
        return take(edges, np.zeros(len(edges), bool))
    return edges if choice == "keep" else rewired


def require_parts(connectome: Connectome, choices: Mapping[str, object], usual: Mapping[str, object]) -> None:
    """Makes sure that a part that is to be kept or dropped, unlike usual, is there.

    Args:
        connectome: Source wiring.
        choices: What is done with each part, a `Part` by option.
        usual: What this prior does with each part unless it is asked for something else.

    Raises:
        ConnectomeError: If the connectome has no edge of such a part: the prior would be no other than the
            usual one, and be compared with itself.
    """
    for kind, option in OPTIONS.items():
        choice = choices[option]
        if choice in ("keep", "drop") and choice != usual[option] and not len(getattr(connectome, kind)):
            raise ConnectomeError(
                f"Option '{option}' is '{choice}', but {connectome.name!r} has no {NAMES[kind]}. Leave the "
                "option out, or choose a connectome that has some."
            )


def keep_of_pairs(is_muscle: np.ndarray, keep: Keep) -> Keep:
    """Returns what is kept of gap junctions: each cell's number of partners of each kind, and `keep`.

    Args:
        is_muscle: bool [N], the kind of each cell, neuron or muscle.
        keep: Labels and lengths that are kept too.
    """
    kind = is_muscle.astype(int)
    labels = kind if keep.labels is None else join_labels(kind, keep.labels)
    return replace(keep, labels=labels, mutual=True, triads=False)
