"""Null models by swap chains: random wirings that keep exactly what `Keep` names, and a dose of randomness.

Every move keeps what was promised, so that a sample needs no repair and no rejection; only triads and
strengths are matched by annealing. Each chain has a budget, and its result says how far it got. The compiled
chains are in `swap_chain`, `connected_chain`, `triad_annealing` and `strength_annealing`; numba is imported
on first use: `run.py list` must not wait for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.errors import ConnectomeError, OptionError, require_range
from neuroevo.wiring.graph import Graph

if TYPE_CHECKING:
    from neuroevo.wiring.architecture import Architecture
    from neuroevo.wiring.strength_annealing import Strengths
    from neuroevo.wiring.swap_chain import Wiring
    from neuroevo.wiring.triad_annealing import Census


MOVES = 10  # accepted moves an edge wanted; each moves two edges or more
MANY = 100_000  # edges above which degrees alone are kept by trades, which move more at once than swaps
ROUNDS = 24  # of trades, each cell once
PILOT = 2  # proposals an edge that tell how often they are accepted
BUDGET = 2000  # proposals an edge at most
FLOOR = 5_000  # proposals at least: small wirings have rare moves
LENGTH_BINS = 14
# Temperatures, in units of the triads' distance; one triad of a rare class, in a small circuit, weighs 0.1.
STARTS = (1e-2, 1e-3, 1e-1, 1e-2)  # of the first annealing and those after it, if the census was missed
DRIFTS = (3e-4, 1e-3, 1e-2)  # of the walks to a dose, each if the one before did not get there
COOL, COLD = 3e-4, 1e-5
# In a wiring of more than so many edges a move changes a smaller share of a class, and more moves are needed.
LARGE, HEATED = 10_000, 1_100  # edges; temperatures are those above times HEATED over the edges
LIVELY, NEAR, WARMER = 0.2, 0.02, 4.0  # share accepted and distance between which such a wiring walks on
ANNEALED, MOST_ANNEALED = 300, 100_000_000  # proposals an edge while it cools, and the most in all
ANNEALING = 1_000_000  # proposals while the temperature falls from hot to cold
HOLD = 100  # proposals an edge at most among wirings with matched triads, after the first match
# Of strengths: temperatures in units of the mean weight, but for the first, half the greatest weight.
COOLED, FROZEN = 0.05, 0.005
WARM = (0.01, 0.1, 0.5, 2.0)  # of the walks of a mutation, each if the one before did not get there
STRENGTHS = 230  # proposals an edge while the temperature falls, and as many for the last few cells
STRENGTHS_FLOOR, SMALL = 200_000, 500  # proposals at least, but no more an edge than this
MET = 1e-6  # of the sum of all strengths: what rounding leaves of weights that are no whole numbers
NO_LIMIT = 1 << 60


@dataclass(frozen=True, eq=False)
class Lengths:
    """Bins of the distances between cells.

    Attributes:
        position: float [N, 3]; NaN where unknown.
        bounds: float [B], between the bins, sorted; at most `LENGTH_BINS` - 1.
    """

    position: np.ndarray
    bounds: np.ndarray

    def bins(self, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """Returns the bin of the distance of each pair, int8 [E], from 1; 0 where a position is unknown.

        Args:
            pre: int [E], one cell of each pair.
            post: int [E], the other.
        """
        apart = np.linalg.norm(self.position[pre] - self.position[post], axis=1)
        return np.where(np.isnan(apart), 0, 1 + np.searchsorted(self.bounds, apart)).astype(np.int8)


@dataclass(frozen=True, eq=False)
class Keep:
    """What a null model keeps besides every cell's in- and out-degree.

    Attributes:
        mutual: Whether every cell's number of partners joined in both directions is kept.
        labels: int [N]; every degree is kept towards and from the cells of each label. None gives all cells
            one label.
        lengths: Bins of lengths; the number of edges in each is kept. None keeps no lengths.
        triads: Whether the triad census of the whole is kept; needs `mutual`.
        strength: [N]; the sum of the weights of the edges that end on each cell is brought as near to this as
            annealing can, of gap junctions the sum of all of a cell's. Weights stay with their presynaptic
            cell in any case, and so do sums of outgoing ones. None leaves strengths alone.
        connected: Whether the wiring hangs together as the source does: the cells that have edges fall into
            no more weakly connected components than the source's.
    """

    mutual: bool = True
    labels: np.ndarray | None = None
    lengths: Lengths | None = None
    triads: bool = False
    strength: np.ndarray | None = None
    connected: bool = False

    @property
    def has_degrees_alone(self) -> bool:
        """Whether nothing but in- and out-degrees is kept."""
        marks = self.mutual, self.triads, self.connected
        return not any(marks) and all(x is None for x in (self.labels, self.lengths, self.strength))


@dataclass(frozen=True, eq=False)
class Rewired:
    """A sample of a null model and how it came about.

    Attributes:
        edges: The new wiring.
        overlap: Share of its edges that are the source's; 1 for an empty wiring.
        wanted: Share of its edges that the dose asked to be others than the source's.
        moves: Accepted moves an edge of the chain that mixes degrees.
        proposals: Number of proposals of all chains.
        triad_distance: Sum over the connected triad classes of |count - source| / (count + source); 0 is a
            match, None where triads were not asked for.
        strength_distance: Sum over cells of |strength - the one wanted|; 0 is a match, None where strengths
            were not asked for.
    """

    edges: Edges
    overlap: float
    wanted: float
    moves: float
    proposals: int
    triad_distance: float | None = None
    strength_distance: float | None = None


def rewire(
    edges: Edges,
    num_cells: int,
    *,
    seed: int,
    keep: Keep | None = None,
    rewired: float = 1.0,
    hold: int = HOLD,
) -> Rewired:
    """Returns a random wiring in which every cell keeps its in- and out-degree, and what `keep` names.

    The chains move by double-edge swaps, by turning three-cycles and, where mutual degrees are kept, by
    swaps of mutual pairs and trades of up to three ties between two cells. They are uniform on the wirings
    they reach: with degrees alone that is every wiring; with mutual degrees, by enumeration, every one of up
    to four cells and, at five cells, for 99.3 % of all degree sequences. Weights stay with their presynaptic
    cell.

    Triads: the mixed wiring is annealed to the source's census, then walks on, `hold` proposals an edge,
    at a temperature where the census is met or nearly so, and is cooled until it is met again. The walk
    forgets where it met the census first: the whole worm's samples share 0.32 of their edges with their own
    first match, 0.17 with one another. Walks of 0, 100 and 1,600 proposals an edge gave equal rich clubs,
    assortativity and overlaps, so that stopping at the first match would bias none of these noticeably.

    Strengths: the mixed wiring and its weights are annealed together, from temperatures at which weights are
    indifferent, by moves of edges that take their weights along and by exchanges of two weights of one
    presynaptic cell. A move that lets a strength grow lets another one shrink; the energy is the sum of what
    all cells are off. The last few cells are mended by moves that concern them only. Exchanges alone would
    not do: a muscle of few and strong synapses needs cells that have such.

    In one piece: the chain walks a stretch, looks whether the wiring fell apart, and goes back if so.

    Of more than `MANY` edges, where degrees alone are kept and the dose is 1, `curveball` draws from the same
    wirings, as evenly.

    A dose below 1 is a stop on the way: a full sample says how many edges the null replaces, and the same
    chain sets out again from the source until it has replaced that share of them.

    Args:
        edges: E directed edges without autapses; not modified.
        num_cells: N; cells are 0 to N - 1. Memory grows with the edges.
        seed: Equal seeds give equal wirings.
        keep: None keeps in-, out- and mutual degrees.
        rewired: Dose in [0, 1]; 0 returns the source, 1 a full sample.
        hold: Length of the walk after the first match of triads, proposals an edge.

    Raises:
        ConnectomeError: If an edge is an autapse.
        OptionError: If the dose is out of range, triads are to be kept without mutual degrees, or strengths
            with them.

    References:
        Rao, Jana & Bandyopadhyay (1996), Sankhya A 58(2), 225-242 (swaps and three-cycles);
        Strona et al. (2014), https://doi.org/10.1038/ncomms5114 (trades);
        Milo et al. (2002), https://doi.org/10.1126/science.298.5594.824 (annealing to a triad census);
        Milisav et al. (2025), https://doi.org/10.1038/s43588-024-00735-z (annealing to strengths);
        Viger & Latapy (2016), https://doi.org/10.1093/comnet/cnv013 (connected wirings).
    """
    require_range("rewired", rewired, 0.0, 1.0)
    if len(edges) and (edges.pre == edges.post).any():
        raise ConnectomeError("The wiring has an autapse; remove self-connections before rewiring.")
    keep = keep or Keep()
    if keep.triads and not keep.mutual:
        raise OptionError("Triads are matched among wirings of equal mutual degrees; keep those too.")
    if keep.strength is not None and keep.mutual:
        raise OptionError("Strengths are matched among wirings of equal degrees; keep no mutual ones.")
    if rewired == 0 or not len(edges):
        return _unchanged(edges, keep)
    if len(edges) > MANY and rewired == 1 and keep.has_degrees_alone:
        return _traded(edges, num_cells, seed)
    chain = _sample(edges, num_cells, keep, seed, rewired, hold)
    w = chain.wiring
    return chain.result(_sorted(chain.cells[w.pre], chain.cells[w.post], edges.weight[w.owner]))


def rewire_pairs(
    pairs: Edges, num_cells: int, *, seed: int, keep: Keep | None = None, rewired: float = 1.0
) -> Rewired:
    """Returns random gap junctions in which every cell keeps its number of partners.

    Pairs are mutual edges to the chain. A pair belongs to neither of its cells: its weight stays with
    whichever end the chain holds on to.

    Args:
        pairs: Symmetric pairs, each once; not modified.
        num_cells: N.
        seed: Equal seeds give equal wirings.
        keep: What is kept besides, as in `rewire`; `mutual` says nothing here. Strengths are those of all of
            a cell's pairs.
        rewired: Dose in [0, 1].

    Raises:
        OptionError: If the dose is out of range, or triads and strengths are both to be kept.
    """
    require_range("rewired", rewired, 0.0, 1.0)
    keep = replace(keep or Keep(), mutual=True)
    if keep.strength is not None and keep.triads:
        raise OptionError("Triads and strengths are matched one without the other; keep one of them.")
    if rewired == 0 or not len(pairs):
        return _unchanged(pairs, keep)
    both = Edges(
        np.concatenate([pairs.pre, pairs.post]),
        np.concatenate([pairs.post, pairs.pre]),
        np.concatenate([pairs.weight, pairs.weight]),
    )
    chain = _sample(both, num_cells, keep, seed, rewired)
    w, forth = chain.wiring, slice(len(pairs))
    ends = chain.cells[w.pre[forth]], chain.cells[w.post[forth]]
    weight = both.weight[chain.order[forth]]  # of the slot, not of its owner, so that each stays once
    return chain.result(_sorted(np.minimum(*ends), np.maximum(*ends), weight))


def length_bins(position: np.ndarray, edges: Edges) -> Lengths:
    """Returns bins of lengths, each of which holds as many of the edges as another.

    Args:
        position: [N, 3]; pairs with a cell of unknown position (NaN) are in bin 0, and so free among
            themselves.
        edges: The wiring whose lengths set the bins' bounds, at its 14-quantiles.
    """
    lengths = np.linalg.norm(position[edges.pre] - position[edges.post], axis=1)
    lengths = lengths[~np.isnan(lengths)]
    shares = np.arange(1, LENGTH_BINS) / LENGTH_BINS
    return Lengths(position, np.quantile(lengths, shares) if len(lengths) else np.zeros(0))


def in_strength(wiring: Connectome | Architecture, kind: str) -> np.ndarray:
    """Returns the sum of the weights of the edges of a kind that end on each cell, float64 [N].

    Args:
        wiring: N cells.
        kind: One of `model.KINDS`; gap junctions count for both of their cells.
    """
    edges: Edges = getattr(wiring, kind)
    strength = np.bincount(edges.post, edges.weight, wiring.num_cells)
    if kind == "electrical":
        strength += np.bincount(edges.pre, edges.weight, wiring.num_cells)
    return strength


def degree_labels(edges: Edges, num_cells: int, bins: int) -> np.ndarray:
    """Returns the cells' degree bins, int [N]: quantiles of the degree (in and out) of cells with edges.

    Args:
        edges: Directed edges.
        num_cells: N.
        bins: The number of bins, 1 or more; bin 0 has the smallest degrees.
    """
    degree = np.bincount(edges.pre, minlength=num_cells) + np.bincount(edges.post, minlength=num_cells)
    if not len(edges):
        return np.zeros(num_cells, np.int64)
    bounds = np.quantile(degree[degree > 0], np.arange(1, bins) / bins)
    return np.searchsorted(bounds, degree, side="right")


def join_labels(*labels: np.ndarray) -> np.ndarray:
    """Returns one label for each combination of several, int [N].

    Args:
        labels: int [N] each.
    """
    return np.unique(np.stack(labels, 1), axis=0, return_inverse=True)[1].reshape(-1)


def _unchanged(edges: Edges, keep: Keep) -> Rewired:
    """Returns the source as a sample: of dose 0, or of no edges."""
    exact = 0.0
    return Rewired(
        *(edges, 1.0, 0.0, 0.0, 0),
        triad_distance=exact if keep.triads else None,
        strength_distance=None if keep.strength is None else exact,
    )


def _traded(edges: Edges, num_cells: int, seed: int) -> Rewired:
    """Returns a sample of the wirings of the same in- and out-degrees, by trades."""
    from neuroevo.wiring.curveball import trade_rounds
    from neuroevo.wiring.triangles import common_edges

    order = np.lexsort((edges.post, edges.pre))
    weight = edges.weight[order]
    source = Graph.of(num_cells, edges.pre, edges.post)
    post = source.post.copy()
    dealt = trade_rounds(source.first, post, ROUNDS, np.random.default_rng(seed))
    order = np.argsort(source.pre.astype(np.int64) * num_cells + post)
    new = Edges(source.pre, post[order], weight[order])
    drawn = Graph(source.first, new.post)
    overlap = float(common_edges(source, drawn).sum() / source.num_edges)
    return Rewired(new, overlap, 1 - overlap, dealt / source.num_edges, ROUNDS * num_cells)


def _sample(edges: Edges, num_cells: int, keep: Keep, seed: int, rewired: float, hold: int = HOLD) -> Chain:
    """Returns a chain that has run its course, or that part of it which the dose asks for."""
    chain = Chain(edges, num_cells, keep, seed, hold)
    chain.run()
    replaced = int(chain.wiring.tally[1])
    if rewired < 1 and replaced:
        chain = Chain(edges, num_cells, keep, seed, hold)
        if keep.strength is None:
            chain.run_until(math.ceil(rewired * replaced))
        else:
            chain.run_share(rewired)
    chain.wanted = rewired * replaced / len(chain.order)
    return chain


class Chain:
    """A wiring on its way from the source to a sample.

    Attributes:
        wiring: The walking wiring; its cells are those that have edges, sorted by label.
        cells: int32, the source's names of these cells.
        order: int32 [E], the source's edge in each slot at the start.
        wanted: Share of the edges that the dose asks to be replaced.
        moves: Accepted moves an edge of the chain that mixes degrees.
        proposals: Number of proposals of all chains.
        census: The triads, where they are kept.
        strengths: The weights and what cells lack of their strengths, where those are kept.
    """

    def __init__(self, edges: Edges, num_cells: int, keep: Keep, seed: int, hold: int) -> None:
        self._keep = keep
        self._hold = hold
        self._rng = np.random.default_rng(seed)
        wiring, cells = _wiring(edges, num_cells, keep)
        self.wiring = wiring
        self.cells = cells
        self.order = wiring.owner.copy()
        self.wanted = 0.0
        self.moves = 0.0
        self.proposals = 0
        self.census = self._count() if keep.triads else None
        self._load = edges.weight[self.order].astype(np.float64)
        self.strengths = self._weigh(1.0)
        self._met = MET * float(edges.weight.sum(dtype=np.float64))
        self._stride = len(self.order)
        self._most = self._num_pieces() if keep.connected else 0

    def result(self, edges: Edges) -> Rewired:
        """Returns the outcome.

        Args:
            edges: The wiring that was reached, with the source's names of its cells.
        """
        overlap = 1 - int(self.wiring.tally[1]) / len(self.order)
        distances = self.triad_distance(), self.strength_distance()
        return Rewired(edges, overlap, self.wanted, self.moves, self.proposals, *distances)

    def run(self) -> None:
        """Mixes until every edge has been moved `MOVES` times or the budget is spent; then anneals."""
        self._mix(NO_LIMIT)
        if self._keep.triads and self.wiring.tally[0]:
            self._match()
        if self.strengths is not None:
            self._match_strengths(1.0)

    def run_share(self, share: float) -> None:
        """Mixes a share of the edges and their weights, and anneals these to the strengths.

        Args:
            share: Share of the edges that are free to move, in [0, 1].
        """
        self.strengths = self._weigh(share)
        if self.strengths is not None:
            self._anneal_strengths(math.inf, math.inf, -1.0)
            self._match_strengths(share)

    def run_until(self, enough: int) -> None:
        """Walks from the source until some edges are replaced, with what is matched nearly met on the way.

        Args:
            enough: The number of edges to replace.
        """
        if self.strengths is not None:
            self._drift(enough)
            return
        if not self._keep.triads:
            self._mix(enough)
            return
        for temperature in DRIFTS:
            self._anneal(self._annealing(), temperature, temperature, -1.0, enough)
        for start in (COOL, *STARTS):
            if self.triad_distance() == 0:
                break
            self._anneal(self._annealing(), start, COLD, 0.0)

    def _mix(self, enough: int) -> None:
        """Walks, first a little to learn how often proposals are accepted; then as long as that asks for.

        The length is set beforehand, since a walk that stops at a number of accepted moves is not uniform.
        """
        w, num_edges = self.wiring, len(self.order)
        pilot = max(FLOOR, PILOT * num_edges)
        self._walk(pilot, enough, adapt=True)
        if 0 < w.tally[0] and w.tally[1] < enough:
            wanted = math.ceil(MOVES * num_edges * pilot / int(w.tally[0]))
            self._walk(min(max(FLOOR, wanted), max(FLOOR, BUDGET * num_edges)), enough)
        self.moves = int(w.tally[0]) / num_edges

    def _walk(self, proposals: int, enough: int, adapt: bool = False) -> None:
        """Proposes moves; where the wiring is to hang together, in stretches whose length may be adapted."""
        self.proposals += proposals
        if self._keep.connected:
            from neuroevo.wiring.connected_chain import walk_connected

            self._stride = walk_connected(
                self.wiring, proposals, enough, self._most, self._stride, adapt, self._rng
            )
        else:
            from neuroevo.wiring.swap_chain import walk

            walk(self.wiring, proposals, enough, self._rng)

    def _num_pieces(self) -> int:
        """Returns the number of weakly connected components of the present wiring."""
        from neuroevo.wiring.connected_chain import num_pieces

        return num_pieces(self.wiring.pre, self.wiring.post, len(self.cells))

    def _match(self) -> None:
        """Anneals to the source's triads, walks on among wirings that have them, and returns to one."""
        self._recount()
        for start in STARTS if len(self.order) <= LARGE else STARTS[:2]:
            self._anneal(self._annealing(), start, COLD, 0.0)
            if self.triad_distance() == 0:
                break
        else:
            return
        self._walk_on()
        for start in (COOL, *STARTS):
            if self.triad_distance() == 0:
                return
            self._anneal(self._annealing(), start, COLD, 0.0)

    def _walk_on(self) -> None:
        """Walks among wirings whose triads are matched or nearly so, as long as to forget the first match.

        That is `HOLD` proposals an edge. Of a large wiring it is as many moves an edge as mixing takes, where
        that is less; the length is set beforehand from how often proposals are accepted, as in `_mix`.
        """
        num_edges = len(self.order)
        most, cool = self._hold * num_edges, COOL
        pilot = min(most, PILOT * num_edges)
        if num_edges <= LARGE or not pilot:
            self._anneal(most, cool, cool, -1.0)
            return
        share = self._share_accepted(pilot, cool)
        while share < LIVELY and (self.triad_distance() or 0.0) < NEAR:
            cool *= WARMER
            share = self._share_accepted(pilot, cool)
        wanted = math.ceil(MOVES * num_edges / max(share, 1 / pilot))
        self._anneal(max(0, min(most, wanted) - pilot), cool, cool, -1.0)

    def _share_accepted(self, proposals: int, temperature: float) -> float:
        """Returns the share of proposals that are accepted at a temperature."""
        before = int(self.wiring.tally[0])
        self._anneal(proposals, temperature, temperature, -1.0)
        return (int(self.wiring.tally[0]) - before) / proposals

    def _annealing(self) -> int:
        """Returns the number of proposals while the temperature falls."""
        edges = len(self.order)
        return ANNEALING if edges <= LARGE else min(ANNEALED * edges, max(MOST_ANNEALED, 20 * edges))

    def _anneal(self, proposals: int, hot: float, cold: float, until: float, enough: int = NO_LIMIT) -> None:
        """Matches triads while the temperature falls, until they are met or enough edges are replaced."""
        from neuroevo.wiring.triad_annealing import anneal

        if self.census is not None:
            scale = 1.0 if len(self.order) <= LARGE else HEATED / len(self.order)
            hot, cold = scale * hot, scale * cold
            self.proposals += anneal(self.wiring, self.census, proposals, hot, cold, until, enough, self._rng)

    def _drift(self, enough: int) -> None:
        """Walks from the source, no warmer than it takes, and mends strengths until as near as there."""
        mean, start = self._mean_weight(), max(self._met, self.strength_distance() or 0.0)
        for temperature in WARM:
            if self.wiring.tally[1] < enough:
                self._anneal_strengths(temperature * mean, temperature * mean, math.inf, enough)
        self._mend(start)

    def _match_strengths(self, share: float) -> None:
        """Anneals to the strengths, a share of the edges and their weights free to move."""
        if share == 1:
            self.strengths = self._weigh(share)  # the wiring has been mixed meanwhile
        hottest = float(self._load.max()) / 2
        self._anneal_strengths(hottest, COOLED * self._mean_weight(), -1.0)
        self._mend(self._met)

    def _mend(self, until: float) -> None:
        """Anneals what ends on cells whose strength is off."""
        mean = self._mean_weight()
        self._anneal_strengths(COOLED * mean, FROZEN * mean, until, mend=True)

    def _anneal_strengths(
        self, hot: float, cold: float, until: float, enough: int = 0, mend: bool = False
    ) -> None:
        """Anneals to the strengths, until they are met and enough edges are replaced."""
        from neuroevo.wiring.strength_annealing import anneal

        if self.strengths is not None:
            num_slots = len(self.strengths.slot)
            proposals = max(STRENGTHS * num_slots, min(STRENGTHS_FLOOR, SMALL * num_slots))
            self.proposals += anneal(
                *(self.wiring, self.strengths, proposals, hot, cold, until, enough, mend, self._rng)
            )

    def _weigh(self, share: float) -> Strengths | None:
        """Returns the weights of the present wiring and what cells lack of their strengths.

        A share of the edges, one at least, are free to move.
        """
        if self._keep.strength is None:
            return None
        from neuroevo.wiring.strength_annealing import strengths_of

        num_slots = self.wiring.num_one_way + self.wiring.num_mutual
        is_free = np.ones(num_slots, bool)
        if share < 1:
            is_free[:] = False
            is_free[self._rng.permutation(num_slots)[: max(1, round(share * num_slots))]] = True
        wanted = np.asarray(self._keep.strength, np.float64)[self.cells]
        return strengths_of(self.wiring, self._load, wanted, is_free)

    def _mean_weight(self) -> float:
        """Returns the mean weight of an edge."""
        return float(self._load.mean())

    def strength_distance(self) -> float | None:
        """Returns how far the strengths are from those wanted; None where they are not kept."""
        if self.strengths is None:
            return None
        distance = float(np.abs(self.strengths.excess).sum())
        return 0.0 if distance <= self._met else distance

    def _recount(self) -> None:
        """Takes the census of the present wiring."""
        if self.census is not None:
            self.census = self._count()._replace(target=self.census.target)

    def _count(self) -> Census:
        """Returns the census of the present wiring, with itself as the target."""
        from neuroevo.wiring.triad_annealing import census_of

        w = self.wiring
        return census_of(Graph.of(len(self.cells), w.pre, w.post))

    def triad_distance(self) -> float | None:
        """Returns how far the triads are from the source's; None where they are not kept."""
        from neuroevo.wiring.triad_annealing import distance

        c = self.census
        return None if c is None else float(distance(c.triads, c.target))


def _wiring(edges: Edges, num_cells: int, keep: Keep) -> tuple[Wiring, np.ndarray]:
    """Returns the wiring as the chains walk it, and the source's names of its cells."""
    from neuroevo.wiring.edge_table import edge_table
    from neuroevo.wiring.swap_chain import Wiring

    labels = np.zeros(num_cells, np.int64) if keep.labels is None else join_labels(keep.labels)
    cells = np.unique(np.concatenate([edges.pre, edges.post]))
    cells = cells[np.argsort(labels[cells], kind="stable")]
    label = labels[cells]
    new = np.zeros(num_cells, np.int32)
    new[cells] = np.arange(len(cells))
    pre, post = new[edges.pre], new[edges.post]
    reverse = _reverse(pre, post) if keep.mutual else np.full(len(pre), -1)
    kind = label[pre] * (int(label[-1]) + 1) + label[post]
    by_kind = np.argsort(kind, kind="stable")
    one_way = by_kind[reverse[by_kind] < 0]
    forth = by_kind[(reverse >= 0)[by_kind] & (pre < post)[by_kind]]
    order = np.concatenate([one_way, forth, reverse[forth]]).astype(np.int32)
    pre, post = pre[order], post[order]
    low, size = _ranges(kind[one_way], kind[forth], kind[reverse[forth]])
    first = np.searchsorted(label, label).astype(np.int32)
    count = (np.searchsorted(label, label, "right") - first).astype(np.int32)
    table = edge_table(len(cells), pre, post)
    position = (
        np.zeros((0, 0)) if keep.lengths is None else np.ascontiguousarray(keep.lengths.position[cells])
    )
    bounds = np.zeros(0) if keep.lengths is None else np.asarray(keep.lengths.bounds, np.float64)
    tally, scratch = np.zeros(2, np.int64), np.zeros((8, 16), np.int32)
    wiring = Wiring(
        *(pre, post, order, table, low, size, first, count, position, bounds, tally, scratch),
        num_one_way=len(one_way),
        num_mutual=len(forth),
        dyads=keep.mutual,
    )
    return wiring, cells


def _reverse(pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """Returns which edge runs the other way, of each edge, int64 [E]; -1 where there is none."""
    size = int(max(pre.max(), post.max())) + 1
    key, back = pre.astype(np.int64) * size + post, post.astype(np.int64) * size + pre
    forth, turned = np.argsort(key), np.argsort(back)
    number = np.full(len(key), -1)
    _, here, there = np.intersect1d(key[forth], back[turned], assume_unique=True, return_indices=True)
    number[turned[there]] = forth[here]
    return number


def _ranges(*kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first slot of each slot's kind and their number; kinds are sorted within each part."""
    low, size, start = [], [], 0
    for kind in kinds:
        begin, end = np.searchsorted(kind, kind), np.searchsorted(kind, kind, "right")
        low.append(start + begin)
        size.append(end - begin)
        start += len(kind)
    return np.concatenate(low).astype(np.int32), np.concatenate(size).astype(np.int32)


def _sorted(pre: np.ndarray, post: np.ndarray, weight: np.ndarray) -> Edges:
    """Returns edges in the order of (pre, post)."""
    order = np.lexsort((post, pre))
    return Edges(pre[order], post[order], weight[order])
