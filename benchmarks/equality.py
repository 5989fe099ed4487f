"""Are results still equal to the byte? Six small runs, and a line of hashes for each.

A change that is not meant to change results leaves these lines as they are: results, metrics without seconds,
decisions of selections, and champions. "To the byte" holds for one machine and one set of package versions,
so lines are compared with those of another checkout on the same machine:

    python -m benchmarks.equality > after.txt                                   # here
    python -m benchmarks.equality --checkout ../before > before.txt             # the version before
    diff before.txt after.txt
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAIR = "--genome connectome stats-prior"
RUNS = {
    "digits": f"{PAIR} --task digits --generations 12 --population 32",
    "swimmer": f"{PAIR} --task swimmer:steps=60 --generations 4 --population 16",
    "worm": f"{PAIR} --task worm:steps=40 --adapter none --generations 4 --population 16",
    "paper": f"{PAIR} --search paper --task digits --generations 6",
    "race": f"{PAIR} random --task digits --selection race --generations 8 --population 16 --seeds 4",
    "mixed": f"{PAIR} random --task digits --selection mixed --generations 8 --population 16 --seeds 2",
}
ROWS = ("results.jsonl", "metrics.jsonl", "selection.jsonl")
SHOWN = 16  # digits of a hash


def hashes(run: Path) -> list[str]:
    """Returns the hashes of a run folder: one for each file of rows that it has, and one of all champions.

    Args:
        run: The folder.
    """
    lines = []
    for path in (run / name for name in ROWS if (run / name).exists()):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        texts = [json.dumps({k: v for k, v in row.items() if k != "seconds"}) for row in rows]
        digest = hashlib.sha256("\n".join(texts).encode())
        lines.append(f"{path.name} {digest.hexdigest()[:SHOWN]}")
    digest = hashlib.sha256()
    for path in sorted(x for x in (run / "champions").rglob("*") if x.is_file()):
        digest.update(path.relative_to(run).as_posix().encode())
        digest.update(path.read_bytes())
    return [*lines, f"champions {digest.hexdigest()[:SHOWN]}"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the runs and prints their hashes.

    Args:
        arguments: Words of the command line, or None for those of this process.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkout", type=Path, default=ROOT, help="where the run.py is that makes the runs")
    parser.add_argument("--only", choices=RUNS, nargs="+", default=list(RUNS), help="some of the runs")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            out = Path(folder) / name
            command = [*RUNS[name].split(), "--workers", "0", "--quiet", "--out", str(out)]
            subprocess.run([sys.executable, "run.py", *command], cwd=options.checkout, check=True)
            print(" | ".join([name, *hashes(out)]), flush=True)


if __name__ == "__main__":
    main()
