"""A null without hubs: cells of more partners than a quantile of the connectome's hand the surplus on."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np

from neuroevo.connectome.model import Connectome, Edges, both_ways, once
from neuroevo.errors import OptionError, require_range
from neuroevo.plugins import Range, priors
from neuroevo.seeds import generator
from neuroevo.text import count
from neuroevo.wiring.architecture import Architecture, join, take
from neuroevo.wiring.mutation import SHARE, Mutant
from populations.parts import NAMES, OPTIONS, Part, part_of, require_parts
from populations.swapped import shuffle_signs, shuffled

TRIES = 100  # of each swap of two dealt connections, before a mutation is content with fewer


def swap_dealt(connectome: Connectome, architecture: Architecture, *, seed: int, **options: object) -> Mutant:
    """Returns a mutant in which a few of the connections that hubs handed on change partners.

    Two of them swap their postsynaptic ends, or one end each of gap junctions, so that every cell keeps its
    number of partners. What is the connectome's stays in place.

    Args:
        connectome: Source wiring; what it does not have was dealt.
        architecture: Not modified.
        seed: Equal seeds give equal mutants.
        options: The prior's options. What they keep or drop stays as it is.
    """
    if float(str(options["rewired"])) < 1:
        return Mutant.same(architecture)
    rng, synapses, pairs = generator(seed, "dealt"), architecture.synapses, architecture.gap_junctions
    on_muscle = architecture.is_muscle[synapses.post]
    kind_of_cell = architecture.is_muscle.astype(int)
    pre, post = synapses.pre.copy(), synapses.post.copy()
    if connectome.is_undirected:
        forth = np.flatnonzero(pre < post)
        back = np.lexsort((pre, post))[forth]  # of each pair the synapse the other way
        ends = _swapped(once(synapses), once(connectome.chemical), kind_of_cell, rng, both=True)
        pre[forth], post[forth] = post[back], pre[back] = ends
    else:
        for kind, mask in (("chemical", ~on_muscle), ("neuromuscular", on_muscle)):
            edges = take(synapses, mask)
            post[mask] = _swapped(edges, getattr(connectome, kind), kind_of_cell, rng, both=False)[1]
    order = np.lexsort((post, pre))
    ends = np.sort(_swapped(pairs, connectome.electrical, kind_of_cell, rng, both=True), axis=0)
    order_of_pairs = np.lexsort((ends[1], ends[0]))
    return Mutant(
        replace(
            architecture,
            synapses=Edges(pre[order], post[order], synapses.weight[order]),
            gap_junctions=Edges(
                ends[0, order_of_pairs], ends[1, order_of_pairs], pairs.weight[order_of_pairs]
            ),
        ),
        order,
        order_of_pairs,
    )


@priors.register("hub-cap", mutate=swap_dealt)
def hub_cap(
    connectome: Connectome,
    *,
    seed: int,
    cap: Annotated[float, Range(0, 1, without=0)] = 0.9,
    rewired: Annotated[float, Range(0, 1)] = 1.0,
    signs: Literal["keep", "shuffle"] = "keep",
    weights: Literal["keep", "shuffle"] = "keep",
    chemical: Part = "rewire",
    gap: Part = "rewire",
    neuromuscular: Part = "rewire",
    dale: bool = True,
) -> Architecture:
    """The measured wiring without its hubs: what they have above a cap is dealt to other cells.

    Hubs are cells of more partners than the quantile `cap` of the connectome: by default the tenth of the
    cells with the most, in turn by number of postsynaptic partners, of presynaptic ones, and of partners by
    gap junctions, each among the cells that have any, and for each kind of connection alone. A hub hands on
    as many connections as it has above the cap, drawn at random. Of a synapse that a hub makes another neuron
    of the same sign becomes the presynaptic cell, of one that it receives another cell of the same kind the
    postsynaptic one, and of a gap junction another cell of the same kind the partner: one that has such
    connections, is below the cap itself, and was not joined in this place. The cap is the quantile, or where
    others have no room for all of it the least that leaves room, and a note says so. In the whole worm 13 %
    of the chemical synapses move, and the rich club falls from 0.27 to 0.16; `degree:rewired=0.145` moves as
    many and keeps the hubs.

    Of an undirected connectome pairs are dealt, each with both its synapses.

    Keeps exactly: all connections of cells that are no hubs and meet none; the number of connections of each
    kind and their section counts; the numbers of excitatory and of inhibitory synapses; which cells have
    connections of each kind, in and out; signs; ports. Destroys: the hubs, their rich club and the long tail
    of degrees; whom a hub's surplus joined. A cap of 1 is the connectome.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        cap: Quantile of the connectome's numbers of partners, above 0 and at most 1, that no cell exceeds.
        rewired: Dose in [0, 1]: this share of the surplus is dealt; 0 is the connectome.
        signs: `shuffle` permutes the signs of a share `rewired` of the neurons.
        weights: `keep` lets section counts go with their synapse; `shuffle` permutes a share `rewired` of
            them among edges of one kind and one presynaptic sign.
        chemical: Chemical synapses between neurons: `rewire` caps them, `keep` leaves them in place, `drop`
            has none.
        gap: Gap junctions: `rewire` caps them, `keep` leaves them in place, `drop` has none.
        neuromuscular: Synapses on muscles, the map onto the body: `rewire` caps them, `keep` leaves them in
            place, `drop` has none.
        dale: True keeps each synapse's sign; False lets evolution change it.

    Returns:
        A sample of this prior.

    Raises:
        OptionError: If the cap or the dose is out of range.
        ConnectomeError: If a part is to be kept or dropped that the connectome does not have.

    References:
        Towlson et al. (2013), https://doi.org/10.1523/JNEUROSCI.3784-12.2013 (the worm's hubs and rich club)
    """
    require_range("rewired", rewired, 0.0, 1.0)
    if not 0 < cap <= 1:
        raise OptionError(f"Option 'cap' is {cap:g}; wanted a quantile above 0 and at most 1.")
    choices = {"chemical": chemical, "gap": gap, "neuromuscular": neuromuscular}
    require_parts(connectome, choices, dict.fromkeys(choices, "rewire"))
    parts, notes = {}, []
    for kind, option in OPTIONS.items():
        measured: Edges = getattr(connectome, kind)
        new = measured
        if choices[option] == "rewire":
            new, more = without_hubs(connectome, kind, cap, rewired, generator(seed, kind))
            notes += more
        parts[kind] = part_of(measured, new, choices[option])
    if weights == "shuffle":
        rng = generator(seed, "weights")
        parts = {kind: shuffled(connectome, kind, edges, rewired, rng) for kind, edges in parts.items()}
    rng = generator(seed, "signs")
    return Architecture.of(
        connectome,
        sign=shuffle_signs(connectome, rewired, rng) if signs == "shuffle" else connectome.sign,
        synapses=join(parts["chemical"], parts["neuromuscular"]),
        gap_junctions=parts["electrical"],
        dale=dale,
        notes=tuple(notes),
    )


def without_hubs(
    connectome: Connectome, kind: str, cap: float, dose: float, rng: np.random.Generator
) -> tuple[Edges, list[str]]:
    """Returns connections of one kind after hubs have handed on their surplus, and notes on it.

    Args:
        connectome: Source wiring.
        kind: One of `model.KINDS`.
        cap: Quantile of the numbers of partners, in (0, 1].
        dose: Share of the surplus that is dealt, in [0, 1].
        rng: Source of what is handed on, and to whom.
    """
    edges: Edges = getattr(connectome, kind)
    both = connectome.is_undirected and kind == "chemical"
    edges = once(edges) if both else edges
    ends = np.stack([edges.pre, edges.post])
    n, muscle = connectome.num_cells, connectome.is_muscle
    everyone, taken, notes = np.ones(n, bool), _Pairs(ends), []
    steps: list[tuple[tuple[int, ...], np.ndarray, np.ndarray, str]]
    if kind == "electrical":  # numbers of partners of neurons and of muscles differ, and so do their hubs
        steps = [
            ((0, 1), members, members.astype(int), f" of {cells}")
            for cells, members in (("neurons", ~muscle), ("muscles", muscle))
        ]
        taken.add(ends[::-1])
    elif both:
        steps = [((0, 1), everyone, connectome.sign, " of a cell")]
        taken.add(ends[::-1])
    else:
        alike = everyone.astype(int)
        steps = [((0,), everyone, connectome.sign, " out of a cell"), ((1,), everyone, alike, " into a cell")]
    for sides, members, label, where in steps:
        deal, extra = _relieved(_Deal(ends, sides, taken, label), members, cap, dose, rng)
        ends, taken = deal.ends, deal.taken
        if extra:
            notes.append(
                f"caps {NAMES[kind]}{where} at {count(extra, 'partner')} more than the quantile {cap:g}: "
                "below that others have no room for what hubs hand on."
            )
    if (
        not notes
        and len(edges)
        and dose == 1 > cap
        and (np.sort(ends, 0) == np.sort([edges.pre, edges.post], 0)).all()
    ):
        notes.append(f"caps no {NAMES[kind]}: no cell has more partners than the quantile {cap:g}.")
    ends = np.sort(ends, axis=0) if kind == "electrical" else ends
    order = np.lexsort((ends[1], ends[0]))
    dealt = Edges(ends[0, order], ends[1, order], edges.weight[order])
    return both_ways(dealt) if both else dealt, notes


def _relieved(
    start: _Deal, members: np.ndarray, cap: float, dose: float, rng: np.random.Generator
) -> tuple[_Deal, int]:
    """Returns edges after those hubs that are members, bool [N], handed on, and the cap over the quantile."""
    degrees = start.degree[members & (start.degree > 0)]
    seed = int(rng.integers(2**63))
    if not len(degrees):
        return start, 0
    quantile = int(np.quantile(degrees, cap, method="inverted_cdf"))
    for bound in range(quantile, int(degrees.max())):
        deal = start.copy()
        if deal.run(np.where(members, bound, start.degree), dose, np.random.default_rng(seed)):
            return deal, bound - quantile
    return start, int(degrees.max()) - quantile


class _Deal:
    """Edges on their way from hubs to other cells.

    Attributes:
        ends: int [2, E], presynaptic and postsynaptic cells; changed by `run`.
        taken: Pairs of cells that edges join now or joined at the start; changed by `run`.
        degree: int [N], the number of edges of each cell on the sides that are dealt; changed by `run`.
    """

    def __init__(self, ends: np.ndarray, sides: tuple[int, ...], taken: _Pairs, label: np.ndarray) -> None:
        """Takes edges, the sides that are dealt (both: edges are symmetric), and who may replace whom."""
        self.ends = ends.copy()
        self.taken = taken.copy()
        self.degree = np.zeros(len(label), int)
        for side in sides:
            self.degree += np.bincount(ends[side], minlength=len(label))
        self._sides = sides
        self._label = label
        self._may = self.degree > 0

    def copy(self) -> _Deal:
        """Returns the same edges, before they are dealt."""
        return _Deal(self.ends, self._sides, self.taken, self._label)

    def run(self, bound: np.ndarray, dose: float, rng: np.random.Generator) -> bool:
        """Deals a share of what is above a bound, int [N]; says whether there was room for it."""
        surplus = rng.permutation(np.repeat(np.arange(len(bound)), np.maximum(self.degree - bound, 0)))
        surplus = surplus[: round(dose * len(surplus))]
        stock = self._stock(np.unique(surplus), rng)
        return all(self._hand_on(hub, stock[hub], bound, rng) for hub in surplus.tolist())

    def _stock(self, hubs: np.ndarray, rng: np.random.Generator) -> dict[int, list[int]]:
        """Returns each hub's edges in random order, as places in `ends.ravel()`."""
        num_edges = self.ends.shape[1]
        places = np.concatenate([side * num_edges + np.arange(num_edges) for side in self._sides])
        cells = self.ends.ravel()[places]
        order = np.argsort(cells, kind="stable")
        low, high = (np.searchsorted(cells[order], hubs, side) for side in ("left", "right"))
        return {
            int(hub): rng.permutation(places[order[start:end]]).tolist()
            for hub, start, end in zip(hubs, low, high, strict=True)
        }

    def _hand_on(self, hub: int, stock: list[int], bound: np.ndarray, rng: np.random.Generator) -> bool:
        """Gives the next of a hub's edges that another cell can take to one; says whether there is any.

        What none can take is not tried again: cells fill up, and places that are taken stay so.
        """
        while stock:
            side, edge = divmod(stock.pop(), self.ends.shape[1])
            other = self.ends[1 - side, edge]
            free = self._may & (self.degree < bound) & (self._label == self._label[hub])
            free[self.taken.joined(int(other), side)] = False
            free[other] = False
            takers = np.flatnonzero(free)
            if len(takers):
                self._join(side, edge, rng.choice(takers))
                return True
        return False

    def _join(self, side: int, edge: int, cell: int) -> None:
        """Makes a cell one end of an edge."""
        self.degree[self.ends[side, edge]] -= 1
        self.degree[cell] += 1
        self.ends[side, edge] = cell
        a, b = self.ends[:, edge]
        self.taken.put(a, b)
        if len(self._sides) > 1:
            self.taken.put(b, a)


class _Pairs:
    """Pairs of cells, looked up from either end, in the space that they take.

    Attributes:
        partners: Of each end, the cells that a cell is a pair with, by cell.
    """

    def __init__(self, ends: np.ndarray) -> None:
        """Takes pairs, int [2, E]."""
        self.partners: tuple[dict[int, set[int]], dict[int, set[int]]] = ({}, {})
        self.add(ends)

    def add(self, ends: np.ndarray) -> None:
        """Adds pairs, int [2, E]."""
        for a, b in zip(*ends.tolist(), strict=True):
            self.put(a, b)

    def put(self, a: int, b: int) -> None:
        """Adds a pair."""
        self.partners[0].setdefault(int(a), set()).add(int(b))
        self.partners[1].setdefault(int(b), set()).add(int(a))

    def take(self, a: int, b: int) -> None:
        """Takes a pair out, if it is there."""
        self.partners[0].get(int(a), set()).discard(int(b))
        self.partners[1].get(int(b), set()).discard(int(a))

    def has(self, a: int, b: int) -> bool:
        """Says whether a pair is there."""
        return int(b) in self.partners[0].get(int(a), ())

    def joined(self, cell: int, side: int) -> list[int]:
        """Returns the cells of a side, 0 or 1, that are pairs with a cell of the other side."""
        return list(self.partners[1 - side].get(cell, ()))

    def copy(self) -> _Pairs:
        """Returns the same pairs."""
        new = _Pairs(np.zeros((2, 0), int))
        new.partners = (
            {k: set(v) for k, v in self.partners[0].items()},
            {k: set(v) for k, v in self.partners[1].items()},
        )
        return new


def _swapped(
    edges: Edges, source: Edges, kind_of_cell: np.ndarray, rng: np.random.Generator, *, both: bool
) -> np.ndarray:
    """Returns the ends of edges [2, E] after a few of those that the source lacks swapped one end each.

    The cells that change places are of one kind. `both`: edges are symmetric.
    """
    ends, n = np.stack([edges.pre, edges.post]), len(kind_of_cell)
    measured = np.stack([source.pre, source.post]).astype(np.int64)
    dealt = np.flatnonzero(~np.isin(ends[0] * np.int64(n) + ends[1], measured[0] * n + measured[1]))
    if len(dealt) < 2:
        return ends
    taken = _Pairs(np.concatenate([measured, ends], axis=1))
    if both:
        taken.add(np.concatenate([measured, ends], axis=1)[::-1])
    left = max(1, round(SHARE * len(edges) / 2))
    for _ in range(TRIES * left):
        if not left:
            break
        i, j = rng.choice(dealt, 2, replace=False)
        side = int(rng.integers(2)) if both else 1  # the end of j that goes to i
        a, b, c, d = ends[0, i], ends[1, i], ends[1 - side, j], ends[side, j]
        if (
            kind_of_cell[b] != kind_of_cell[d]
            or a == d
            or b == c
            or b == d
            or taken.has(a, d)
            or taken.has(c, b)
        ):
            continue
        for x, y, is_there in ((a, b, False), (c, d, False), (a, d, True), (c, b, True)):
            change = taken.put if is_there else taken.take
            change(x, y)
            if both:
                change(y, x)
        ends[1, i], ends[side, j] = d, b
        left -= 1
    return ends
