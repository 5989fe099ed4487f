"""The ladder of priors as a Markdown table: what each keeps of a connectome, by its wirings' own statistics.

A row a registered prior with its default options, means over samples. Triad error is the sum of
|c - t| / (c + t) over the 13 connected triads, c being the sample's counts and t the connectome's. Priors
whose cells are not the connectome's, or that have no synapses, have nothing to compare and are named below.

    python -m benchmarks.ladder_table [--samples 20] [--connectome celegans] [--seed 0]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import populations
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome
from neuroevo.errors import NeuroevoError
from neuroevo.plugins import priors
from neuroevo.wiring.comparison import compare
from neuroevo.wiring.statistics import is_comparable

__all__ = ["main", "populations"]  # importing populations registers the priors

COLUMNS = {  # figure -> head and decimals
    "degree_error": ("degree error", 2),
    "strength_error": ("strength error", 2),
    "components": ("components", 1),
    "reciprocity": ("reciprocity", 3),
    "triad_error": ("triad error", 2),
    "clustering": ("clustering", 3),
    "rich_club": ("rich club", 3),
    "assortativity": ("assortativity", 3),
    "modularity": ("modularity", 3),
    "wiring_length": ("length (µm)", 1),
    "overlap": ("overlap", 3),
}


def ladder(connectome: Connectome, num_samples: int, seed: int) -> tuple[list[list[str]], dict[str, str]]:
    """Returns the rows of the table, the connectome's first, and why each prior without a row has none."""
    source = compare(connectome, [], 1, seed).figures["source"]
    rows = [[f"*{connectome.name}*", *_cells({name: {"mean": value} for name, value in source.items()})]]
    left_out = {}
    for entrant in priors.calls(priors.names()):
        try:
            first = compare(connectome, [entrant], 1, seed).examples[entrant.label]
            if not is_comparable(connectome, first):
                left_out[entrant.label] = "other cells"
            elif not len(first.chemical):
                left_out[entrant.label] = "no synapses among neurons"
            else:
                figures = compare(connectome, [entrant], num_samples, seed).figures["genomes"]
                rows.append([f"`{entrant.label}`", *_cells(figures[entrant.label])])
        except NeuroevoError as error:
            left_out[entrant.label] = str(error).split("\n")[0]
    return rows, left_out


def markdown(rows: list[list[str]]) -> str:
    """Returns rows of text as a Markdown table, its columns aligned."""
    table = [["prior", *(head for head, _ in COLUMNS.values())], *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [table[0], rule, *table[1:]]
    return "\n".join(f"| {' | '.join(_aligned(line, widths))} |" for line in lines)


def _aligned(line: list[str], widths: list[int]) -> list[str]:
    return [line[0].ljust(widths[0]), *(x.rjust(w) for x, w in zip(line[1:], widths[1:], strict=True))]


def _cells(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns the means of the columns; "-" where a figure is undefined."""
    means = {name: figures[name]["mean"] for name in COLUMNS}
    return ["-" if means[x] is None else f"{means[x] + 0.0:.{digits}f}" for x, (_, digits) in COLUMNS.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--samples", type=int, default=20, help="of each prior")
    parser.add_argument("--connectome", default="celegans", help="bundled wiring or CSV edge table")
    parser.add_argument("--seed", type=int, default=0, help="root of all random numbers")
    options = parser.parse_args()
    if options.samples < 1:
        parser.error(f"--samples is {options.samples}; wanted 1 or more")
    rows, left_out = ladder(load(options.connectome), options.samples, options.seed)
    print(markdown(rows))
    print(f"\nMean of {options.samples} samples, seed {options.seed}.", end="")
    print(f" Left out: {', '.join(f'{k} ({v})' for k, v in left_out.items())}." if left_out else "")


if __name__ == "__main__":
    main()
