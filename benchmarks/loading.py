"""How long a table of edges takes to load, and how much memory, beside the libraries that read tables.

    python -m benchmarks.brains OUT && python -m benchmarks.loading OUT/g20k.csv OUT/g140k.csv OUT/g15m.csv

Each reader is a process of its own, in turns, and is measured whole: imports, reading, and the most memory
that it had. pyarrow and pandas return columns; ours checks them, tells cells from names, and sorts the edges.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

TURNS = 3
READERS = {
    "neuroevo": "from neuroevo.connectome import catalog; catalog.load({path!r})",
    "pyarrow": "from pyarrow import csv; csv.read_csv({path!r}, csv.ReadOptions(use_threads=False))",
    "pandas": "import pandas; pandas.read_csv({path!r})",
}
MEASURED = """
import resource
{code}
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6)
"""


def measured(reader: str, path: str) -> tuple[float, float]:
    """Returns CPU seconds and the greatest memory, in GB, of a process that reads a table.

    Args:
        reader: One of READERS.
        path: The table.
    """
    code = MEASURED.format(code=READERS[reader].format(path=path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, memory = map(float, done.stdout.split())
    return seconds, memory


def main(paths: list[str]) -> None:
    """Prints a row for each table and reader: medians over turns.

    Args:
        paths: The tables.
    """
    print(f"{'table':<24}{'reader':<12}{'CPU s':>8}{'GB':>8}{'over pyarrow':>14}")
    for path in paths:
        rows = {reader: [] for reader in READERS}
        for _ in range(TURNS):
            for reader in READERS:
                rows[reader].append(measured(reader, path))
        least = statistics.median(seconds for seconds, _ in rows["pyarrow"])
        for reader, values in rows.items():
            seconds, memory = (statistics.median(column) for column in zip(*values, strict=True))
            print(f"{path[-22:]:<24}{reader:<12}{seconds:>8.2f}{memory:>8.2f}{seconds / least:>14.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
