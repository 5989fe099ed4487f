"""Deals the graphs of one prior to three labels: scores in which nobody may win, for `run.py judge`.

    python -m benchmarks.deal RUN [--genome degree] > twins.csv
    python run.py judge twins.csv --margin 0.5

The first graph becomes `one`, which stands for a circuit; of the others every second one becomes `first`, the
rest `second`. Whatever a referee says of the three but that they are not told apart, or equivalent, is false.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from neuroevo.report.scores_lines import NEEDED
from neuroevo.run_folder import RunFolder


def dealt(rows: Iterable[dict], genome: str) -> Iterator[list[object]]:
    """Yields the lineages of a genome, each under the label that its graph is dealt to.

    Args:
        rows: Results of a run.
        genome: Label of the genome.
    """
    for row in rows:
        if row["genome"] == genome:
            graph = row["graph"]
            label = "one" if graph == 0 else "first" if graph % 2 else "second"
            yield [row["task"], label, graph, row["seed"], row["score"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--genome", default="degree")
    options = parser.parse_args()
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(NEEDED)
    table.writerows(dealt(RunFolder.open(options.run).results(), options.genome))


if __name__ == "__main__":
    main()
