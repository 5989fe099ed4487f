"""A null model of some parts of a wiring, the others exact: what attribution knocks out and transplants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from neuroevo.connectome.model import Connectome, Edges, both_ways, once
from neuroevo.errors import ConnectomeError, OptionError, unknown
from neuroevo.plugins import priors
from neuroevo.seeds import derive, generator
from neuroevo.wiring.architecture import Architecture, join, take
from neuroevo.wiring.null_models import Keep, Rewired, join_labels, rewire, rewire_pairs
from populations.parts import OPTIONS, Part, keep_of_pairs, part_of, require_parts
from populations.swapped import UNDIRECTED, notes_on, shuffle_weights, shuffled

Column = Literal["none", "role", "class", "transmitter"]
Deal = Literal["shuffle", "keep"]

ALL, NONE = "all", "none"
DEGREES = Keep(mutual=False)  # what rewired edges keep


@priors.register("partial")
def partial(
    connectome: Connectome,
    *,
    seed: int,
    chemical: Part = "rewire",
    gap: Part = "rewire",
    neuromuscular: Part = "rewire",
    signs: Deal = "shuffle",
    weights: Deal = "shuffle",
    by: Column = "none",
    cells: str = ALL,
    exact: str = NONE,
    dale: bool = True,
) -> Architecture:
    """A null model of some parts of the wiring, the others exact.

    As it comes, everything is random but degrees: synapses and gap junctions are rewired, section counts and
    signs shuffled. Each part can be kept exactly instead, in the one wiring as in the other: this is what
    `run.py attribute` makes its knock-outs (one part random) and transplants (one part exact) of.

    The parts are exclusive. Of synapses between neurons, and of those on muscles, one part is between whom
    they run; `weights` are the section counts of both, and `signs` those of the neurons. Of gap junctions one
    part is all: between whom they run and how strong they are.

    Classes of cells part the wiring a second time: a synapse, its section count and its sign are those of its
    presynaptic cell, and so of that cell's class. Gap junctions have no such cell and are of no class. With
    `by` all that is random stays inside a class: its synapses are rewired among themselves, its section
    counts and signs shuffled among themselves. So the null of one class does not depend on whether another
    one is exact, and where the effects of classes add, so do their shares.

    Keeps exactly: each cell's number of synapses and gap junctions in and out, and with `by` the number that
    it receives from each class; the section counts of each kind of connection, of each sign in the
    connectome; the number of neurons that inhibit; each part that is to be kept; ports. Destroys: of
    the other parts, who connects to whom, which connections are strong, and which cells inhibit.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        chemical: Chemical synapses between neurons: `rewire` keeps degrees; `keep` leaves them in place;
            `drop` has none.
        gap: Gap junctions, with their strengths: `rewire` keeps each cell's number of them; `keep` leaves
            them as they are; `drop` has none.
        neuromuscular: Synapses on muscles, the map onto the body: `rewire` keeps degrees; `keep` leaves them
            in place; `drop` has none.
        signs: `shuffle` permutes the signs of neurons; `keep` leaves them.
        weights: `shuffle` permutes the section counts of synapses of one kind and one presynaptic sign;
            `keep` leaves them with their presynaptic cell.
        by: What the classes of cells are: their role (`sensory`, `interneuron`, `motor`), published class or
            main transmitter; `none` has one class of all.
        cells: Classes whose synapses, section counts and signs are null, joined by +; `all` of them.
        exact: Classes of which these are as measured, joined by +; `none` of them.
        dale: True keeps each synapse's sign; False lets evolution change it.

    Returns:
        A sample of this prior.

    Raises:
        ConnectomeError: If a part is to be kept or dropped that the connectome does not have, or cells of an
            undirected wiring are to be told apart.
        OptionError: If a class is unknown, or classes are named without what they are.
    """
    choices = {"chemical": chemical, "gap": gap, "neuromuscular": neuromuscular}
    require_parts(connectome, choices, dict.fromkeys(choices, "rewire"))
    group = np.unique(classes_of(connectome, by), return_inverse=True)[1]
    is_null = _null_cells(connectome, by, cells, exact)
    edges: dict[str, Edges] = {}
    notes = [UNDIRECTED] if connectome.is_undirected and chemical == "rewire" else []
    for kind, option in OPTIONS.items():
        edges[kind], more = _part(connectome, kind, choices[option], weights, group, is_null, seed)
        notes += more
    return Architecture.of(
        connectome,
        sign=_signs(connectome, group, is_null, seed) if signs == "shuffle" else connectome.sign,
        synapses=join(edges["chemical"], edges["neuromuscular"]),
        gap_junctions=edges["electrical"],
        dale=dale,
        notes=tuple(notes),
    )


def classes_of(connectome: Connectome, by: str) -> tuple[str, ...]:
    """Returns the class of every cell.

    Args:
        connectome: Source wiring.
        by: A `Column`; with `none` all cells are of one class.
    """
    columns: dict[str, tuple[str, ...]] = {
        "none": (ALL,) * connectome.num_cells,
        "role": connectome.role,
        "class": connectome.cell_class,
        "transmitter": tuple(text.partition("+")[0].strip() or "unknown" for text in connectome.transmitter),
    }
    return columns[by]


def _null_cells(connectome: Connectome, by: str, cells: str, exact: str) -> np.ndarray:
    """Returns which cells' synapses, section counts and signs are null, bool [N]."""
    if by == "none":
        for name, value, usual in (("cells", cells, ALL), ("exact", exact, NONE)):
            if value != usual:
                raise OptionError(
                    f"Option {name!r} is {value!r}, and 'by' is 'none', which has one class of all cells; "
                    "wanted by=role, by=class or by=transmitter."
                )
    elif connectome.is_undirected:
        raise ConnectomeError(
            f"Option 'by' is {by!r}, but {connectome.name!r} is undirected: its synapses have no presynaptic "
            "cell. Leave the option out."
        )
    of_cell = np.array(classes_of(connectome, by), object)
    known = sorted({*of_cell[~connectome.is_muscle]})
    is_null = np.isin(of_cell, known if cells == ALL else _named(cells, known, by, connectome.name))
    return is_null & ~np.isin(of_cell, [] if exact == NONE else _named(exact, known, by, connectome.name))


def _named(text: str, known: Sequence[str], by: str, wiring: str) -> list[str]:
    """Returns the classes that a text names, which may be one whose name has a plus in it."""
    names = [text] if text in known else [name.strip() for name in text.split("+")]
    for name in names:
        if name not in known:
            raise OptionError(unknown(f"{by} of neurons in {wiring!r}", name, known))
    return names


def _part(
    connectome: Connectome,
    kind: str,
    choice: str,
    weights: str,
    group: np.ndarray,
    is_null: np.ndarray,
    seed: int,
) -> tuple[Edges, list[str]]:
    """Returns what becomes of the edges of a kind, and sentences on what could not be done."""
    source: Edges = getattr(connectome, kind)
    if kind == "electrical":
        sample = _rewired_pairs(connectome, seed) if choice == "rewire" else None
        return part_of(source, sample.edges if sample else source, choice), []
    is_random = is_null[source.pre]
    if choice == "drop":
        return take(source, ~is_random), []
    edges, notes = source, []
    if choice == "rewire":
        sample = _rewired(connectome, kind, group, is_random, seed)
        whose = "" if is_random.all() else " of the cells that are null"
        edges, notes = sample.edges, notes_on(kind, sample, 1.0, whose)
    if weights == "shuffle":
        edges = _dealt(connectome, kind, edges, group, is_null, generator(seed, "weights", kind))
    return edges, notes


def _rewired(
    connectome: Connectome, kind: str, group: np.ndarray, is_random: np.ndarray, seed: int
) -> Rewired:
    """Returns the synapses of a kind, those of each class that is null rewired among themselves."""
    source: Edges = getattr(connectome, kind)
    if connectome.is_undirected:
        pairs = rewire_pairs(once(source), connectome.num_cells, seed=derive(seed, kind), keep=DEGREES)
        return replace(pairs, edges=both_ways(pairs.edges))
    label = group[source.pre]
    samples = [
        rewire(
            take(source, is_random & (label == value)),
            connectome.num_cells,
            seed=derive(seed, kind, int(value)),
            keep=DEGREES,
        )
        for value in np.unique(label[is_random])
    ]
    if not samples:
        return Rewired(source, 1.0, 0.0, 0.0, 0)
    sizes = [len(sample.edges) for sample in samples]
    return Rewired(  # what all that was rewired comes to, for the notes
        join(take(source, ~is_random), *(sample.edges for sample in samples)),
        overlap=float(np.average([sample.overlap for sample in samples], weights=sizes)),
        wanted=float(np.average([sample.wanted for sample in samples], weights=sizes)),
        moves=float(np.average([sample.moves for sample in samples], weights=sizes)),
        proposals=sum(sample.proposals for sample in samples),
    )


def _rewired_pairs(connectome: Connectome, seed: int) -> Rewired:
    """Returns the gap junctions rewired and their strengths shuffled, those onto as many muscles."""
    rule = keep_of_pairs(connectome.is_muscle, DEGREES)
    pairs = connectome.electrical
    sample = rewire_pairs(pairs, connectome.num_cells, seed=derive(seed, "gap"), keep=rule)
    return replace(
        sample, edges=shuffled(connectome, "electrical", sample.edges, 1.0, generator(seed, "gap weights"))
    )


def _dealt(
    connectome: Connectome,
    kind: str,
    edges: Edges,
    group: np.ndarray,
    is_null: np.ndarray,
    rng: np.random.Generator,
) -> Edges:
    """Returns synapses whose section counts are permuted among those of one class and one sign."""
    if connectome.is_undirected:
        return shuffled(connectome, kind, edges, 1.0, rng)
    is_random = is_null[edges.pre]
    free = take(edges, is_random)
    if not len(free):
        return edges
    label = join_labels(group[free.pre], connectome.sign[free.pre].astype(int))
    weight = edges.weight.copy()
    weight[is_random] = shuffle_weights(free, label, 1.0, rng).weight
    return replace(edges, weight=weight)


def _signs(connectome: Connectome, group: np.ndarray, is_null: np.ndarray, seed: int) -> np.ndarray:
    """Returns the cells' signs, those of the neurons of each class that is null permuted."""
    rng, sign = generator(seed, "signs"), connectome.sign.copy()
    is_random = is_null & ~connectome.is_muscle
    for value in np.unique(group[is_random]):
        chosen = np.flatnonzero(is_random & (group == value))
        sign[chosen] = sign[rng.permutation(chosen)]
    return sign
