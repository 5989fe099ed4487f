"""What the headers of published tables mean: which column has the presynaptic cell, the weight, the class.

Headers are compared without regard to case, spaces, hyphens and underscores. A header that is called as its
meaning is comes before all others. Where two others could have one meaning, none is chosen.

| source | edges | cells |
|---|---|---|
| FlyWire (Codex) | `pre_root_id post_root_id syn_count nt_type` | `root_id nt_type nt_type_score` |
| FlyWire (Zenodo) | `pre_pt_root_id post_pt_root_id syn_count` | |
| Shiu et al. (2024) | `Presynaptic_ID Postsynaptic_ID Connectivity Excitatory` | |
| MaleCNS, hemibrain | `body_pre body_post weight`, `bodyId_pre bodyId_post weight` | `bodyId type` |
| MANC, BANC | `pre post count` | `banc_888_id cell_type` |
| worms | `Source Target Weight Type`, `Neuron 1 Neuron 2 Type Nbr` | `Neuron` |
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neuroevo.connectome.reading import NOTHING
from neuroevo.errors import ConnectomeError, unknown

EDGES: Mapping[str, tuple[str, ...]] = {
    "pre": (
        *(
            "body_pre",
            "bodyid_pre",
            "pre_root_id",
            "pre_pt_root_id",
            "presynaptic_id",
            "presynaptic",
            "pre_id",
        ),
        *("source", "from", "origin", "neuron_1", "pre_name", "pre_cell", "presynaptic_cell"),
    ),
    "post": (
        *("body_post", "bodyid_post", "post_root_id", "post_pt_root_id", "postsynaptic_id", "postsynaptic"),
        *("post_id", "target", "to", "neuron_2", "post_name", "post_cell", "postsynaptic_cell"),
    ),
    "weight": (
        *("syn_count", "count", "connectivity", "synapses", "n_synapses", "num_synapses", "synapse_count"),
        *("number_of_connections", "number_of_synapses", "nbr", "sections", "n_syn", "edge_weight"),
    ),
    "kind": ("type", "synapse_type", "edge_type", "connection_type"),
    "sign": ("excitatory", "polarity"),
    "transmitter": ("nt_type", "neurotransmitter", "nt", "top_nt", "predicted_nt"),
}
CELLS: Mapping[str, tuple[str, ...]] = {
    "name": (
        *(
            "root_id",
            "bodyid",
            "body",
            "body_id",
            "pt_root_id",
            "banc_888_id",
            "skid",
            "cell_id",
            "neuron_id",
        ),
        *("id", "neuron", "cell", "cell_name"),
    ),
    "role": (),
    "class": ("cell_type", "celltype", "type", "cell_class"),
    "transmitter": (
        *("consensus_nt", "nt_type", "neurotransmitter", "nt", "top_nt", "predicted_nt"),
        *("neurotransmitter_predicted", "nt_pred"),
    ),
    "confidence": (
        *("nt_type_score", "predicted_nt_confidence", "top_nt_conf", "conf_nt", "nt_confidence"),
        *("neurotransmitter_score", "nt_conf"),
    ),
    "sign": ("polarity",),
    "x": ("pos_x",),
    "y": ("pos_y",),
    "z": ("pos_z",),
    "input": (),
    "output": (),
}
RANKED = ("class", "transmitter", "confidence")  # several columns may tell these, the first of which is taken


@dataclass(frozen=True)
class Columns:
    """Which header has which meaning in one table.

    Attributes:
        header: Header by meaning, as it is written in the file.
        rest: Headers without a meaning, in order.
    """

    header: Mapping[str, str]
    rest: tuple[str, ...]


def plain(header: str) -> str:
    """Returns a header as headers are compared: in small letters, words joined by underscores.

    Args:
        header: As it is written.
    """
    return re.sub(r"[\s_\-.]+", "_", header.strip().lower())


def columns_of(
    file: str, headers: Sequence[str], known: Mapping[str, Sequence[str]], named: Mapping[str, str]
) -> Columns:
    """Returns what the headers of a table mean.

    Args:
        file: Name of the file, for messages.
        headers: Its headers.
        known: Headers by meaning, EDGES or CELLS.
        named: Header by meaning, as the user says; `NOTHING` where no column has it.

    Raises:
        ConnectomeError: If two headers are alike, a header that the user names is not there, or two could
            have one meaning.
    """
    written: dict[str, str] = {}
    for header in headers:
        if plain(header) in written:
            raise ConnectomeError(f"{file}, line 1: a column stands twice, {header!r}; wanted each once.")
        written[plain(header)] = header
    meaning: dict[str, str] = {}
    for name, synonyms in known.items():
        if name in named:
            if named[name] == NOTHING:
                continue
            if plain(named[name]) not in written:
                raise ConnectomeError(f"{file}: {unknown('column', named[name], headers)}")
            meaning[name] = written[plain(named[name])]
            continue
        fitting = [x for x in (name, *synonyms) if x in written]
        if len(fitting) > 1 and fitting[0] != name and name not in RANKED:
            raise ConnectomeError(
                f"{file}: the columns {' and '.join(written[x] for x in fitting)} could both be the {name}; "
                f"say which: --columns {name}={written[fitting[0]]}."
            )
        if fitting:
            meaning[name] = written[fitting[0]]
    taken = set(meaning.values())
    return Columns(meaning, tuple(header for header in headers if header not in taken))
