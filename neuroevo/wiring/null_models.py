"""Null models by swap chains: random wirings that keep exactly what `Keep` names, and a dose of randomness.

Every move keeps what was promised, so that a sample needs no repair and no rejection; only triads are
matched by annealing. Each chain has a budget, and its result says how far it got. The compiled chains are
in `swap_chain` and `triad_annealing`; numba is imported on first use: `run.py list` must not wait for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.connectome.model import Edges
from neuroevo.errors import ConnectomeError, OptionError, require_range

if TYPE_CHECKING:
    from neuroevo.wiring.swap_chain import Wiring
    from neuroevo.wiring.triad_annealing import Census


MOVES = 10  # accepted moves an edge wanted; each moves two edges or more
PILOT = 2  # proposals an edge that tell how often they are accepted
BUDGET = 2000  # proposals an edge at most
FLOOR = 5_000  # proposals at least: small wirings have rare moves
LENGTH_BINS = 14
# Temperatures, in units of the triads' distance; one triad of a rare class, in a small circuit, weighs 0.1.
STARTS = (1e-2, 1e-3, 1e-1, 1e-2)  # of the first annealing and those after it, if the census was missed
DRIFTS = (3e-4, 1e-3, 1e-2)  # of the walks to a dose, each if the one before did not get there
COOL, COLD = 3e-4, 1e-5
ANNEALING = 1_000_000  # proposals while the temperature falls from hot to cold
HOLD = 100  # proposals an edge among wirings with matched triads, after the first match
NO_LIMIT = 1 << 60


@dataclass(frozen=True, eq=False)
class Keep:
    """What a null model keeps besides every cell's in- and out-degree.

    Attributes:
        mutual: Whether every cell's number of partners joined in both directions is kept.
        labels: int [N]; every degree is kept towards and from the cells of each label. None gives all cells
            one label.
        lengths: int [N, N], symmetric, in [0, LENGTH_BINS]; the number of edges in each bin is kept. None
            keeps no lengths.
        triads: Whether the triad census of the whole is kept; needs `mutual`.
    """

    mutual: bool = True
    labels: np.ndarray | None = None
    lengths: np.ndarray | None = None
    triads: bool = False


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
    """

    edges: Edges
    overlap: float
    wanted: float
    moves: float
    proposals: int
    triad_distance: float | None = None


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

    A dose below 1 is a stop on the way: a full sample says how many edges the null replaces, and the same
    chain sets out again from the source until it has replaced that share of them.

    Args:
        edges: E directed edges without autapses; not modified.
        num_cells: N; cells are 0 to N - 1. Memory grows with the square of those that have an edge.
        seed: Equal seeds give equal wirings.
        keep: None keeps in-, out- and mutual degrees.
        rewired: Dose in [0, 1]; 0 returns the source, 1 a full sample.
        hold: Length of the walk after the first match of triads, proposals an edge.

    Raises:
        ConnectomeError: If an edge is an autapse.
        OptionError: If the dose is out of range, or triads are to be kept without mutual degrees.

    References:
        Rao, Jana & Bandyopadhyay (1996), Sankhya A 58(2), 225-242 (swaps and three-cycles);
        Strona et al. (2014), https://doi.org/10.1038/ncomms5114 (trades);
        Milo et al. (2002), https://doi.org/10.1126/science.298.5594.824 (annealing to a triad census).
    """
    require_range("rewired", rewired, 0.0, 1.0)
    if len(edges) and (edges.pre == edges.post).any():
        raise ConnectomeError("The wiring has an autapse; remove self-connections before rewiring.")
    keep = keep or Keep()
    if keep.triads and not keep.mutual:
        raise OptionError("Triads are matched among wirings of equal mutual degrees; keep those too.")
    if rewired == 0 or not len(edges):
        return Rewired(edges, 1.0, 0.0, 0.0, 0, 0.0 if keep.triads else None)
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
        keep: `labels` and `lengths`, as in `rewire`.
        rewired: Dose in [0, 1].
    """
    require_range("rewired", rewired, 0.0, 1.0)
    if rewired == 0 or not len(pairs):
        return Rewired(pairs, 1.0, 0.0, 0.0, 0)
    both = Edges(
        np.concatenate([pairs.pre, pairs.post]),
        np.concatenate([pairs.post, pairs.pre]),
        np.concatenate([pairs.weight, pairs.weight]),
    )
    chain = _sample(both, num_cells, keep or Keep(), seed, rewired)
    w, forth = chain.wiring, slice(len(pairs))
    ends = chain.cells[w.pre[forth]], chain.cells[w.post[forth]]
    weight = both.weight[chain.order[forth]]  # of the slot, not of its owner, so that each stays once
    return chain.result(_sorted(np.minimum(*ends), np.maximum(*ends), weight))


def length_bins(position: np.ndarray, edges: Edges) -> np.ndarray:
    """Returns the bin of every pair's length, int8 [N, N]; each bin holds as many of the edges as another.

    Args:
        position: [N, 3]; pairs with a cell of unknown position (NaN) are in bin 0, and so free among
            themselves.
        edges: The wiring whose lengths set the bins' bounds, at its 14-quantiles.
    """
    apart = np.linalg.norm(position[:, None] - position[None], axis=2)
    lengths = apart[edges.pre, edges.post]
    lengths = lengths[~np.isnan(lengths)]
    shares = np.arange(1, LENGTH_BINS) / LENGTH_BINS
    bounds = np.quantile(lengths, shares) if len(lengths) else np.zeros(0)
    return np.where(np.isnan(apart), 0, 1 + np.searchsorted(bounds, apart)).astype(np.int8)


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


def _sample(edges: Edges, num_cells: int, keep: Keep, seed: int, rewired: float, hold: int = HOLD) -> Chain:
    """Returns a chain that has run its course, or that part of it which the dose asks for."""
    chain = Chain(edges, num_cells, keep, seed, hold)
    chain.run()
    replaced = int(chain.wiring.tally[1])
    if rewired < 1 and replaced:
        chain = Chain(edges, num_cells, keep, seed, hold)
        chain.run_until(math.ceil(rewired * replaced))
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

    def result(self, edges: Edges) -> Rewired:
        """Returns the outcome.

        Args:
            edges: The wiring that was reached, with the source's names of its cells.
        """
        overlap = 1 - int(self.wiring.tally[1]) / len(self.order)
        return Rewired(edges, overlap, self.wanted, self.moves, self.proposals, self.triad_distance())

    def run(self) -> None:
        """Mixes until every edge has been moved `MOVES` times or the budget is spent; then matches triads."""
        self._mix(NO_LIMIT)
        if self._keep.triads and self.wiring.tally[0]:
            self._match()

    def run_until(self, enough: int) -> None:
        """Walks from the source until some edges are replaced, with triads nearly met on the way.

        Args:
            enough: The number of edges to replace.
        """
        if not self._keep.triads:
            self._mix(enough)
            return
        for temperature in DRIFTS:
            self._anneal(ANNEALING, temperature, temperature, -1.0, enough)
        for start in (COOL, *STARTS):
            if self.triad_distance() == 0:
                break
            self._anneal(ANNEALING, start, COLD, 0.0)

    def _mix(self, enough: int) -> None:
        """Walks, first a little to learn how often proposals are accepted; then as long as that asks for.

        The length is set beforehand, since a walk that stops at a number of accepted moves is not uniform.
        """
        from neuroevo.wiring.swap_chain import walk

        w, num_edges = self.wiring, len(self.order)
        pilot = max(FLOOR, PILOT * num_edges)
        walk(w, pilot, enough, self._rng)
        self.proposals += pilot
        if 0 < w.tally[0] and w.tally[1] < enough:
            wanted = math.ceil(MOVES * num_edges * pilot / int(w.tally[0]))
            more = min(max(FLOOR, wanted), max(FLOOR, BUDGET * num_edges))
            walk(w, more, enough, self._rng)
            self.proposals += more
        self.moves = int(w.tally[0]) / num_edges

    def _match(self) -> None:
        """Anneals to the source's triads, walks on among wirings that have them, and returns to one."""
        self._recount()
        for start in STARTS:
            self._anneal(ANNEALING, start, COLD, 0.0)
            if self.triad_distance() == 0:
                break
        else:
            return
        self._anneal(self._hold * len(self.order), COOL, COOL, -1.0)
        for start in (COOL, *STARTS):
            if self.triad_distance() == 0:
                return
            self._anneal(ANNEALING, start, COLD, 0.0)

    def _anneal(self, proposals: int, hot: float, cold: float, until: float, enough: int = NO_LIMIT) -> None:
        """Matches triads while the temperature falls, until they are met or enough edges are replaced."""
        from neuroevo.wiring.triad_annealing import anneal

        if self.census is not None:
            self.proposals += anneal(self.wiring, self.census, proposals, hot, cold, until, enough, self._rng)

    def _recount(self) -> None:
        """Takes the census of the present wiring."""
        if self.census is not None:
            self.census = self._count()._replace(target=self.census.target)

    def _count(self) -> Census:
        """Returns the census of the present wiring, with itself as the target."""
        from neuroevo.wiring.triad_annealing import census_of

        return census_of(self.wiring.place >= 0)

    def triad_distance(self) -> float | None:
        """Returns how far the triads are from the source's; None where they are not kept."""
        from neuroevo.wiring.triad_annealing import distance

        c = self.census
        return None if c is None else float(distance(c.triads, c.target))


def _wiring(edges: Edges, num_cells: int, keep: Keep) -> tuple[Wiring, np.ndarray]:
    """Returns the wiring as the chains walk it, and the source's names of its cells."""
    from neuroevo.wiring.swap_chain import Wiring

    labels = np.zeros(num_cells, np.int64) if keep.labels is None else join_labels(keep.labels)
    cells = np.unique(np.concatenate([edges.pre, edges.post]))
    cells = cells[np.argsort(labels[cells], kind="stable")]
    label = labels[cells]
    new = np.zeros(num_cells, np.int32)
    new[cells] = np.arange(len(cells))
    pre, post = new[edges.pre], new[edges.post]
    place = np.full((len(cells), len(cells)), -1, np.int32)
    place[pre, post] = np.arange(len(pre))
    reverse = place[post, pre] if keep.mutual else np.full(len(pre), -1)
    kind = label[pre] * (int(label[-1]) + 1) + label[post]
    by_kind = np.argsort(kind, kind="stable")
    one_way = by_kind[reverse[by_kind] < 0]
    forth = by_kind[(reverse >= 0)[by_kind] & (pre < post)[by_kind]]
    order = np.concatenate([one_way, forth, reverse[forth]]).astype(np.int32)
    pre, post = pre[order], post[order]
    place[pre, post] = np.arange(len(pre))
    low, size = _ranges(kind[one_way], kind[forth], kind[reverse[forth]])
    first = np.searchsorted(label, label).astype(np.int32)
    count = (np.searchsorted(label, label, "right") - first).astype(np.int32)
    code = np.zeros((0, 0), np.int64)
    if keep.lengths is not None:
        code = 16 ** keep.lengths[np.ix_(cells, cells)].astype(np.int64)
    tally, scratch = np.zeros(2, np.int64), np.zeros((8, 16), np.int32)
    wiring = Wiring(
        *(pre, post, order, place, low, size, first, count, code, place >= 0, tally, scratch),
        num_one_way=len(one_way),
        num_mutual=len(forth),
        dyads=keep.mutual,
    )
    return wiring, cells


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
