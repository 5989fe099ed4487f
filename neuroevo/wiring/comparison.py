"""Samples of priors beside their connectome, in figures: what `run.py stats` shows and a manifest holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np

from neuroevo.connectome.model import Connectome
from neuroevo.plugins import PluginCall
from neuroevo.progress import Say, counted, nothing
from neuroevo.seeds import derive
from neuroevo.wiring import routes, statistics
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.graph import Graph
from neuroevo.wiring.routes import WithPorts
from neuroevo.wiring.sampling import draw, require_count, twins
from neuroevo.wiring.statistics import is_comparable, neurons_of
from neuroevo.wiring.triads import TRIADS, triad_census, triad_error, z_scores

Figures = dict[str, float | int | None]  # of one wiring, by name; None where a figure is undefined
Curve = list[float | None]  # means over wirings by degree, from 0; None at a degree that none of them has
Curves = dict[str, Curve]  # numbers of neurons by "in_degree" and "out_degree", and phi(k), the "rich_club"
GRAPH_FIGURES = (
    *("density", "reciprocity", "clustering", "path_length", "rich_club", "assortativity", "modularity"),
    *("triad_error", "wiring_length", "overlap", "shortcut_ratio", "route_length", "unreached"),
)


class Spread(TypedDict):
    """A figure over the samples of a prior.

    Attributes:
        mean: Mean over the samples in which the figure is defined; None if it is in none.
        std: Their standard deviation (n - 1); None for fewer than two samples.
        count: Their number.
    """

    mean: float | None
    std: float | None
    count: int


class CurvesBeside(TypedDict):
    """Curves of a connectome and, by label, of priors."""

    source: Curves
    genomes: dict[str, Curves]


class ComparisonFigures(TypedDict):
    """What `run.py stats --json` prints.

    Attributes:
        connectome: Name of the source wiring.
        undirected: Whether each of its synapses has its reverse, of the same weight.
        read: What was read of it and what was not, a sentence each; empty of a wiring that is no file.
        samples: The number of samples of each prior.
        seed: Root of the seed tree.
        null: Label ("genome") of the prior that z-scores refer to, the number of its samples ("samples"),
            and the spread of each of its triad counts; None without a null prior.
        source: Figures of the connectome.
        genomes: Spread of every figure, by label of the prior.
        curves: Degrees and rich clubs.
        distinct: The number of different wirings among the samples, by label.
        notes: Sentences that samples of a prior leave, by label; priors without notes are left out.
    """

    connectome: str
    undirected: bool
    read: list[str]
    samples: int
    seed: int
    null: dict[str, str | int | Spread] | None
    source: Figures
    genomes: dict[str, dict[str, Spread]]
    curves: CurvesBeside
    distinct: dict[str, int]
    notes: dict[str, list[str]]


@dataclass(frozen=True, eq=False)
class Comparison:
    """A connectome and samples of priors, compared.

    Attributes:
        connectome: Source wiring.
        figures: Statistics of all of them, in plain types.
        examples: The first sample of every prior, by label.
        priors: Name of every prior, by label.
    """

    connectome: Connectome
    figures: ComparisonFigures
    examples: dict[str, Architecture]
    priors: dict[str, str | None]


def compare(
    connectome: Connectome,
    genomes: Sequence[PluginCall],
    num_samples: int,
    seed: int,
    null: PluginCall | None = None,
    say: Say = nothing,
    exact: bool = False,
) -> Comparison:
    """Returns statistics of a connectome, and the mean and deviation of those of priors.

    Beside those of `statistics.describe` there are, for wirings of the connectome's cells: `degree_error`,
    `strength_error`, `triad_error`, `overlap` (the share of the connectome's chemical synapses that a sample
    has too), and `overlap_between` (the share of a sample's that another one has); with a null prior also
    `z_<triad>` and `rich_club_ratio`, phi over that of the null at the same degree.

    Args:
        connectome: Source wiring.
        genomes: Priors to sample.
        num_samples: The number of samples of each.
        seed: Root of the seed tree.
        null: Prior that triads and the rich club are compared with; its samples are not those of `genomes`.
            None leaves these comparisons out.
        say: Is told how many wirings there are, where they take long.
        exact: Whether nothing is sampled or left out of large wirings, whatever it takes, see
            `statistics.structure`.

    Raises:
        NeuroevoError: If there are too many samples, or a prior cannot be sampled on this connectome.
    """
    require_count(num_samples, genomes)
    reference = _Reference.of(connectome, null, num_samples, seed, say, exact)
    source = reference.row(connectome)
    samples, twin = {entrant.label: _Samples() for entrant in genomes}, twins(genomes)
    for entrant in genomes:
        for architecture in draw(connectome, entrant, num_samples, seed, say, twin=twin[entrant.label]):
            samples[entrant.label].add(architecture, reference.row(architecture))
    figures: ComparisonFigures = {
        "connectome": connectome.name,
        "undirected": connectome.is_undirected,
        "read": connectome.account.lines() if connectome.account else [],
        "samples": num_samples,
        "seed": seed,
        "null": reference.null_figures(null),
        "source": {**source, "overlap_between": None},
        "genomes": {label: s.summary() for label, s in samples.items()},
        "curves": {
            "source": _curves([neurons_of(connectome)]),
            "genomes": {label: _curves(s.graphs) for label, s in samples.items()},
        },
        "distinct": {label: len(s.hashes) for label, s in samples.items()},
        "notes": {label: s.notes for label, s in samples.items() if s.notes},
    }
    examples = {label: s.first for label, s in samples.items()}
    return Comparison(connectome, figures, examples, {call.label: call.plugin.name for call in genomes})


def graph_statistics(
    connectome: Connectome, architectures: Sequence[Architecture], seed: int, say: Say = nothing
) -> list[Figures]:
    """Returns the figures of each graph that a run's manifest holds.

    Those that compare with the connectome are None where a graph has other cells.

    Args:
        connectome: Source wiring.
        architectures: The graphs.
        seed: Root of the seed tree.
        say: Is told how many there are, where they take long.
    """
    reference, rows = _Reference.of(connectome, None, 0, seed), []
    for architecture in counted(architectures, "measuring wirings:", len(architectures), say):
        row = reference.row(architecture)
        counts: Figures = {"cells": architecture.num_cells, "synapses": len(architecture.synapses)}
        figures = {name: row[name] for name in GRAPH_FIGURES}
        rows.append({**counts, **figures, "excitatory": row["excitatory_fraction"]})
    return rows


@dataclass(frozen=True, eq=False)
class _Reference:
    """What every wiring is compared with: the connectome and samples of the null prior."""

    connectome: Connectome
    graph: Graph
    census: dict[str, int]
    seed: int
    null_censuses: list[dict[str, int]]
    null_club: Curve  # mean phi by degree
    exact: bool
    known: dict[bytes, Figures] = field(default_factory=dict)  # structures by graph: many priors share one

    @classmethod
    def of(
        cls,
        connectome: Connectome,
        null: PluginCall | None,
        num_samples: int,
        seed: int,
        say: Say = nothing,
        exact: bool = False,
    ) -> _Reference:
        """Returns the reference after sampling the null prior, with seeds of its own."""
        drawn = draw(connectome, null, num_samples, derive(seed, "null"), say) if null else iter(())
        graph = neurons_of(connectome)
        censuses, clubs = [], []
        for sample in map(neurons_of, drawn):  # one in memory at a time
            censuses.append(triad_census(sample))
            clubs.append(statistics.rich_club(sample))
        club = _mean_curve(clubs)
        return cls(connectome, graph, triad_census(graph), seed, censuses, club, exact)

    def row(self, wiring: WithPorts) -> Figures:
        """Returns all figures of a wiring."""
        graph, same = neurons_of(wiring), is_comparable(self.connectome, wiring)
        structure = self._structure(graph)
        census = {label: int(structure[f"triads_{label}"] or 0) for label in TRIADS}
        row: Figures = {
            **statistics.counts(wiring),
            **structure,
            "wiring_length": statistics.wiring_length(wiring, self.connectome.position) if same else None,
            "excitatory_fraction": statistics.sign_fraction(graph, wiring.sign[~wiring.is_muscle]),
            "degree_error": statistics.degree_error(graph, self.graph) if same else None,
            "strength_error": statistics.strength_error(wiring, self.connectome) if same else None,
            "triad_error": triad_error(census, self.census) if same else None,
            "overlap": statistics.overlap(self.graph, graph) if same else None,
            "shortcut_ratio": self._shortcut_ratio(wiring),
            "route_length": routes.route_length(wiring),
            "unreached": routes.unreached(wiring),
        }
        if self.null_censuses:
            scores = z_scores(census, self.null_censuses)
            row["rich_club_ratio"] = self._club_ratio(structure) if same else None
            row |= {f"z_{label}": z if same else None for label, z in scores.items()}
        return row

    def null_figures(self, null: PluginCall | None) -> dict[str, str | int | Spread] | None:
        """Returns the entry `null` of the comparison's figures."""
        if null is None:
            return None
        triads = _summary([{f"triads_{k}": v for k, v in census.items()} for census in self.null_censuses])
        return {"genome": null.label, "samples": len(self.null_censuses), **triads}

    def _structure(self, graph: Graph) -> Figures:
        """Returns `statistics.structure`, computed once for equal graphs."""
        key = graph.digest()
        if key not in self.known:
            self.known[key] = statistics.structure(graph, derive(self.seed, "modules"), self.exact)
        return self.known[key]

    def _shortcut_ratio(self, wiring: WithPorts) -> float | None:
        """Returns the share of synapses from inputs to outputs over the connectome's, if that has any."""
        expected = routes.shortcuts(self.connectome)
        return routes.shortcuts(wiring) / expected if expected else None

    def _club_ratio(self, structure: Figures) -> float | None:
        """Returns phi over the null's at the same degree; None where there is none or it is 0."""
        phi, degree = structure["rich_club"], int(structure["rich_club_degree"] or 0)
        expected = self.null_club[degree] if degree < len(self.null_club) else None
        return phi / expected if phi is not None and expected else None


class _Samples:
    """The samples of one prior: their figures and their graphs."""

    def __init__(self) -> None:
        self.rows: list[Figures] = []
        self.hashes: set[str] = set()
        self.notes: list[str] = []
        self.graphs: list[Graph] = []

    def add(self, architecture: Architecture, row: Figures) -> None:
        """Adds a sample and its figures."""
        if not self.rows:
            self.first = architecture
        self.rows.append(row)
        self.hashes.add(architecture.content_hash)
        self.notes += [note for note in dict.fromkeys(architecture.notes) if note not in self.notes]
        self.graphs.append(neurons_of(architecture))

    def summary(self) -> dict[str, Spread]:
        """Returns the mean and deviation of every figure."""
        between: Spread = {"mean": self._overlap_between(), "std": None, "count": len(self.rows)}
        return {**_summary(self.rows), "overlap_between": between}

    def _overlap_between(self) -> float | None:
        """Returns the mean share of a sample's synapses that another one has; None if cells differ."""
        from neuroevo.wiring.triangles import common_edges

        count, same = len(self.rows), self.rows[0]["overlap"] is not None
        if count < 2 or not same:
            return None
        shares = []
        for k, graph in enumerate(self.graphs):
            if graph.num_edges:
                common = (common_edges(graph, g).sum() for i, g in enumerate(self.graphs) if i != k)
                shares.append(sum(common) / (graph.num_edges * (count - 1)))
        return float(np.mean(shares)) if shares else None


def _summary(rows: Sequence[Mapping[str, float | int | None]]) -> dict[str, Spread]:
    """Returns mean, standard deviation (n - 1) and number of the values that are not None."""
    summary: dict[str, Spread] = {}
    for name in rows[0] if rows else ():
        values = [value for row in rows if (value := row[name]) is not None]
        same = len(set(values)) == 1  # then no rounding shall make a deviation
        mean = None if not values else float(values[0]) if same else float(np.mean(values))
        std = None if len(values) < 2 else 0.0 if same else float(np.std(values, ddof=1))
        summary[name] = {"mean": mean, "std": std, "count": len(values)}
    return summary


def _curves(graphs: Iterable[Graph]) -> Curves:
    """Returns mean numbers of cells by in- and by out-degree, and mean phi by total degree."""
    inward, outward, club = [], [], []
    for graph in graphs:
        inward.append(np.bincount(statistics.in_degree(graph)))
        outward.append(np.bincount(statistics.out_degree(graph)))
        club.append(statistics.rich_club(graph))
    return {
        "in_degree": _mean_curve(inward, beyond=0.0),
        "out_degree": _mean_curve(outward, beyond=0.0),
        "rich_club": _mean_curve(club),
    }


def _mean_curve(curves: Sequence[np.ndarray], beyond: float = np.nan) -> Curve:
    """Returns the mean of curves of differing length, over those defined (not NaN) at each place.

    After its end a curve has the value `beyond`.
    """
    table = np.full((len(curves), max(map(len, curves), default=0)), beyond)
    for row, curve in zip(table, curves, strict=True):
        row[: len(curve)] = curve
    defined = [column[~np.isnan(column)] for column in table.T]
    return [float(values.mean()) if len(values) else None for values in defined]
