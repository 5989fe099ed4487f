"""Wirings of a run's genomes, one of each, read back from champions: for the figure of what nulls keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from neuroevo.errors import RunError
from neuroevo.files import parse, read
from neuroevo.report.body_map import EXACT
from neuroevo.report.evidence import GenomeEvidence, TaskEvidence
from neuroevo.report.figures.captions import Drawn
from neuroevo.report.figures.kept import FIGURES, MOST, kept_figure, ratios
from neuroevo.report.figures.picture import Picture
from neuroevo.report.model import TaskReport
from neuroevo.report.table import Cell, Heading, Table
from neuroevo.run_folder import RunFolder
from neuroevo.text import number
from neuroevo.wiring.architecture import Architecture, ArchitectureJson

WIRED = ("evolves", None)  # kinds of core of genomes whose wiring is drawn; None: not known


def read_wirings(runs: Sequence[RunFolder], task: TaskEvidence) -> dict[str, Architecture]:
    """Returns a wiring of each genome of a task: that of its first lineage whose champion can be read.

    Args:
        runs: Folders of the runs that have the lineages.
        task: What they hold of the task.

    Returns:
        By label, the connectome's first; genomes without a wiring, and those of whom no champion can be read,
        are left out.
    """
    wirings: dict[str, Architecture] = {}
    for genome in sorted(task.genomes, key=lambda x: x.prior.name != EXACT):
        if genome.prior.core in WIRED and len(wirings) < MOST:
            wiring = next(filter(None, (_wiring(run, genome) for run in runs)), None)
            if wiring is not None:
                wirings[genome.label] = wiring
    return wirings


def draw(
    wirings: Mapping[str, Architecture], task: TaskReport, evidence: TaskEvidence, styles: Mapping[str, int]
) -> Drawn | None:
    """Returns the figure of what the nulls of a task keep, still without an image; None where there is none.

    Args:
        wirings: A wiring of each genome.
        task: The task.
        evidence: What runs hold of it.
        styles: Which colour a genome has in all figures of a report.
    """
    exact = next((x.label for x in evidence.genomes if x.prior.name == EXACT), None)
    shares = {x: y for x, y in ratios(task.graphs, exact).items() if x in wirings and y}
    if not shares:
        return None
    names = [name for name in FIGURES if any(name in of_genome for of_genome in shares.values())]
    rows = [
        (
            Heading.of(genome, styles),
            [Cell(number(of_genome.get(name), 2, missing="–"), of_genome.get(name)) for name in names],
        )
        for genome, of_genome in shares.items()
    ]
    words = "; ".join(
        f"{genome} {', '.join(f'{FIGURES[name]} {number(x, 2)}' for name, x in of_genome.items())}"
        for genome, of_genome in shares.items()
    )
    title = "What each null keeps of the connectome"
    rest = len([x for x in evidence.genomes if x.prior.core in WIRED]) - len(wirings)
    picture = Picture(
        "kept",
        title,
        f"Means over graphs, as multiples of the connectome's: {words}.",
        b"",
        "One graph of each wiring, presynaptic cells from top to bottom, postsynaptic from left to right, by "
        f"class and name.{f' {rest} more are not drawn.' if rest > 0 else ''}",
        Table(title, ("genome", *(FIGURES[name] for name in names)), rows),
    )
    return picture, kept_figure(wirings, shares, exact, styles)


def _wiring(run: RunFolder, genome: GenomeEvidence) -> Architecture | None:
    """Returns the wiring of a genome's first champion in a run; None where there is none that can be read."""
    for key in genome.results:
        path = run.champion_path(key) / "architecture.json"
        if not path.is_file():
            continue
        try:
            description = parse(read(path), path)
            wiring = Architecture.from_dict(cast(ArchitectureJson, description["architecture"]))
            _require_cells(wiring)
        except (RunError, ArithmeticError, LookupError, TypeError, ValueError):  # as replay and export say
            return None
        return wiring
    return None


def _require_cells(wiring: Architecture) -> None:
    """Raises ValueError if edges are not of a wiring's cells, or columns not as long as these."""
    size = wiring.num_cells
    if not len(wiring.is_muscle) == len(wiring.sign) == len(wiring.cell_class) == size > 0:
        raise ValueError("columns of other lengths than there are cells")
    for edges in (wiring.synapses, wiring.gap_junctions):
        for cells in (edges.pre, edges.post):
            if len(cells) != len(edges.weight) or (len(cells) and not 0 <= cells.min() <= cells.max() < size):
                raise ValueError("edges of cells that are not there")
