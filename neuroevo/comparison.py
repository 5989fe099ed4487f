"""`stats` and `sample`: wirings of priors beside their connectome, as a table and as edge tables."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neuroevo.architecture import Architecture
from neuroevo.configuration import Entrant
from neuroevo.connectome import Connectome, write_edges
from neuroevo.errors import OptionError, RunError
from neuroevo.records import safe_name
from neuroevo.seeds import derive
from neuroevo.statistics import describe, neurons_of, overlap


def draw(connectome: Connectome, entrant: Entrant, num_samples: int, seed: int) -> Iterator[Architecture]:
    """Yields samples of a prior; sample k depends on the seed, the prior, its options and k.

    Args:
        connectome: Source wiring.
        entrant: The prior and its options; its label does not matter.
        num_samples: How many.
        seed: The run's seed.
    """
    options = repr(sorted(entrant.options.items()))
    for k in range(num_samples):
        graph_seed = derive(seed, "graph", entrant.plugin.path, options, k)
        yield entrant.plugin.target(connectome, seed=graph_seed, **entrant.options)


def compare(
    connectome: Connectome, genomes: Sequence[Entrant], num_samples: int, seed: int
) -> dict[str, Any]:
    """Returns statistics of a connectome and the mean and deviation of those of priors.

    Args:
        connectome: Source wiring.
        genomes: Priors to sample.
        num_samples: Samples of each.
        seed: Root of the seed tree.

    Returns:
        `{"connectome", "samples", "seed", "source": {figure: value}, "genomes": {label: {figure: {"mean",
        "std"}}}}`; `overlap` is the share of the connectome's chemical synapses that a sample has too.
    """
    source = neurons_of(connectome)
    genome_figures = {}
    for entrant in genomes:
        rows = [
            {**describe(a), "overlap": overlap(source, neurons_of(a))}
            for a in draw(connectome, entrant, num_samples, seed)
        ]
        genome_figures[entrant.label] = {
            name: {
                "mean": float(np.mean([row[name] for row in rows])),
                "std": float(np.std([row[name] for row in rows], ddof=1)) if len(rows) > 1 else None,
            }
            for name in rows[0]
        }
    return {
        "connectome": connectome.name,
        "samples": num_samples,
        "seed": seed,
        "source": {**describe(connectome), "overlap": 1.0},
        "genomes": genome_figures,
    }


def print_comparison(figures: dict[str, Any]) -> None:
    """Prints what `compare` returns as a table: a row a figure, a column a prior."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    count = figures["samples"]
    caption = f"Mean of {count} samples" + (" ± standard deviation" if count > 1 else "")
    table = Table(box=None, pad_edge=False, header_style="bold", caption=caption, caption_justify="left")
    if not figures["genomes"]:
        table.caption = None
    table.add_column("")
    table.add_column(figures["connectome"], justify="right")
    for label in figures["genomes"]:
        table.add_column(label, justify="right")
    for name, value in figures["source"].items():
        cells = [_cell(genome[name]) for genome in figures["genomes"].values()]
        if name != "overlap" or cells:
            table.add_row(name.replace("_", " "), _number(value), *cells)
    console.print(table)


def write_samples(
    connectome: Connectome, genomes: Sequence[Entrant], num_samples: int, seed: int, folder: Path
) -> list[Path]:
    """Writes samples of priors as edge tables `<genome>-<k>.csv` into a new folder.

    The folder appears whole or not at all.

    Raises:
        OptionError: If two labels give one file name.
        RunError: If the folder exists or cannot be written.
    """
    names = [safe_name(entrant.label) for entrant in genomes]
    if len(set(names)) < len(names):
        raise OptionError(f"Labels {', '.join(names)} give files of one name; choose labels that differ.")
    if folder.exists():
        raise RunError(f"{folder} exists; wanted a new folder. Choose another --out or move it away.")
    new = folder.with_name(f".{folder.name}.new")
    try:
        shutil.rmtree(new, ignore_errors=True)  # what an interrupted call may have left
        new.mkdir(parents=True)
        written = []
        for name, entrant in zip(names, genomes, strict=True):
            for k, sample in enumerate(draw(connectome, entrant, num_samples, seed)):
                _write(new / f"{name}-{k}.csv", sample)
                written.append(folder / f"{name}-{k}.csv")
        new.rename(folder)
    except OSError as error:
        raise RunError(f"Cannot write {folder}: {error.strerror}; choose another --out.") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return written


def _write(path: Path, architecture: Architecture) -> None:
    """Writes one wiring."""
    write_edges(
        path,
        architecture.cells,
        architecture.sign,
        chemical=architecture.chemical,
        neuromuscular=architecture.neuromuscular,
        electrical=architecture.electrical,
    )


def _cell(figure: dict[str, float | None]) -> str:
    """Returns a mean, with its deviation where there is one."""
    mean, std = figure["mean"], figure["std"]
    return _number(mean) if not std else f"{_number(mean)} ± {_number(std)}"


def _number(value: float | None) -> str:
    """Returns counts whole and shares to four decimals."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 2 or value == int(value) else f"{value:.4f}"
