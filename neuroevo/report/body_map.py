"""What of the connectome's map onto the body each genome has, and what the map is worth, from evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np

from neuroevo.referee.outcome import Comparison
from neuroevo.report.attribution import PARTIAL
from neuroevo.report.evidence import GenomeEvidence, TaskEvidence
from neuroevo.report.model import BodyMap, GenomeMap, MapTwins, Worth
from neuroevo.rows import MapEntry
from neuroevo.wiring import body_map

EXACT = "connectome"  # name of the prior that is the measured wiring


def build(task: TaskEvidence, comparisons: Sequence[Comparison]) -> BodyMap | None:
    """Returns what the wirings of a task have of the map; None where no muscles drive a body.

    Args:
        task: What runs hold of the task.
        comparisons: Those of all pairs of genomes that have scores.
    """
    if not task.has_muscles:
        return None
    pairs = ((genome, _mean(genome)) for genome in task.genomes)
    maps = [_genome_map(genome.label, entry) for genome, entry in pairs if entry is not None]
    return BodyMap(tuple(maps), tuple(_twins(task.genomes, comparisons)))


def is_kept(genome: GenomeEvidence) -> bool | None:
    """Says whether all wirings of a genome have the map as it was measured; None where it is not known.

    Args:
        genome: What runs hold of the genome.
    """
    entry = _mean(genome)
    return None if entry is None else body_map.is_kept(entry)


def _mean(genome: GenomeEvidence) -> MapEntry | None:
    """Returns the mean over a genome's graphs; None if of one of them nothing is known."""
    entries = [graph["body_map"] for graph in genome.graphs if "body_map" in graph]
    if not entries or len(entries) < len(genome.graphs):
        return None

    def mean(values: list[float]) -> float:
        return values[0] if min(values) == max(values) else float(np.mean(values))

    return {
        "number": mean([entry["number"] for entry in entries]),
        "synapses": mean([entry["synapses"] for entry in entries]),
        "signs": mean([entry["signs"] for entry in entries]),
        "strengths": mean([entry["strengths"] for entry in entries]),
    }


def _genome_map(label: str, entry: MapEntry) -> GenomeMap:
    """Returns what a report says of a genome."""
    text = body_map.described(entry)
    return GenomeMap(label, entry["synapses"], entry["signs"], entry["strengths"], text)


def _twins(genomes: Sequence[GenomeEvidence], comparisons: Sequence[Comparison]) -> Iterator[MapTwins]:
    """Yields nulls of one prior, one with the map rewired and one with it kept, that differ in one option.

    Knock-outs and transplants of other parts differ in one option too; an attribution says what they tell.
    """
    exact = next((genome.label for genome in genomes if genome.prior.name == EXACT), None)
    for rewired, keeping in permutations([x for x in genomes if x.prior.name != PARTIAL], 2):
        is_pair = is_kept(keeping) and is_kept(rewired) is False and rewired.prior.name == keeping.prior.name
        worth = _worth(comparisons, keeping.label, rewired.label)
        if is_pair and worth and _num_differing(rewired, keeping) == 1:
            circuit = None if exact is None else _worth(comparisons, exact, keeping.label)
            yield MapTwins(str(keeping.prior.name), rewired.label, keeping.label, worth, circuit)


def _num_differing(a: GenomeEvidence, b: GenomeEvidence) -> int:
    """Returns in how many options two genomes of one prior differ."""
    options = {*a.prior.options, *b.prior.options}
    return sum(a.prior.options.get(name) != b.prior.options.get(name) for name in options)


def _worth(comparisons: Sequence[Comparison], a: str, b: str) -> Worth | None:
    """Returns what one genome scores above another; None if the two were not compared."""
    row = next((row for row in comparisons if {row.a, row.b} == {a, b}), None)
    if row is None or a == b:
        return None
    row = row.facing(a)
    return Worth(row.difference, row.ci95, row.p_holm)
