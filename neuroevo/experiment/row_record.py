"""The record of rows that a run writes: what a checkpoint can vouch for, and the order that they end in.

Hashes run along with what is appended. Rows come in the order in which shards are completed, which differs
from run to run; in the end a tournament puts them into the order of its plan.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Sequence

import numpy as np

from neuroevo.errors import RunError
from neuroevo.experiment.resume import DIGITS, Past, hashed
from neuroevo.extent import Extent, Running, body
from neuroevo.files import atomic_write, read, to_json
from neuroevo.rows import MetricsRow, ResultRow, SelectionRow
from neuroevo.run_folder import METRICS, RESULTS, ROWS, SELECTION, Key, RunFolder, key_of

_SHIFT = 1 << 32  # generation x _SHIFT + number of the lineage is the place of a row


class RowRecord:
    """Appends rows, and knows how far the files reach.

    Args:
        folder: The run's folder.
        past: What the run has behind it; the list of its rows is taken over.
    """

    def __init__(self, folder: RunFolder, past: Past) -> None:
        self._folder = folder
        self._running = {name: Running.of(folder.path / name) for name in ROWS}
        self._hashes: dict[Key, hashlib._Hash] = {}  # of the rows of metrics of each lineage
        self._numbers: dict[Key, int] = {}  # of lineages, in the order in which they first had a row
        self._places = array("Q")  # of the rows of metrics, in the order of the file
        for row in past.written:
            self._take_in(row, hashed(row))
        past.written = []

    def extents(self) -> dict[str, Extent]:
        """Returns how far each file reaches; what a write that failed has left after that is cut off.

        Raises:
            RunError: If a file is shorter than what was written.
        """
        for name, running in self._running.items():
            path = self._folder.path / name
            size = path.stat().st_size if path.exists() else 0
            if size > running.size:
                self._folder.cut(name, running.size)
            if size < running.size:
                raise RunError(
                    f"{path} has {size:,} bytes, and {running.size:,} were written: another program changed "
                    "it while the run went on."
                )
        return {name: running.now() for name, running in self._running.items()}

    def hash_of(self, lineage: Key) -> str:
        """Returns the hash of a lineage's rows of metrics.

        Args:
            lineage: The lineage.
        """
        return self._hashes.get(lineage, hashlib.sha256()).hexdigest()[:DIGITS]

    def write_metrics(self, rows: Iterable[MetricsRow]) -> None:
        """Appends rows to metrics.jsonl.

        Args:
            rows: A row a lineage a generation.
        """
        rows = list(rows)
        lines = self._folder.append_metrics(rows)
        self._add(METRICS, lines)
        for row, line in zip(rows, lines, strict=True):
            self._take_in(row, body(line))

    def write_results(self, rows: Iterable[ResultRow]) -> None:
        """Appends rows to results.jsonl.

        Args:
            rows: A row a lineage.
        """
        self._add(RESULTS, self._folder.append_results(rows))

    def write_selection(self, rows: Iterable[SelectionRow]) -> None:
        """Appends rows to selection.jsonl.

        Args:
            rows: What was decided.
        """
        self._add(SELECTION, self._folder.append_selection(rows))

    def order_metrics(self, lineages: Sequence[Key]) -> None:
        """Puts metrics into the order of generations, and of lineages in each, if they are not.

        Args:
            lineages: All lineages of the run, in order.

        Raises:
            RunError: If the file is shorter than what was written, or cannot be replaced.
        """
        if not self._places:
            return
        self.extents()  # a file that was cut meanwhile has lines of other places
        rank = {key: number for number, key in enumerate(lineages)}
        of_number = np.array([rank[key] for key in self._numbers], np.uint64)
        places = np.frombuffer(self._places, np.uint64)
        wanted = places // _SHIFT * _SHIFT + of_number[places % _SHIFT]
        lines = read(self._folder.path / METRICS).splitlines(keepends=True)
        order = np.argsort(wanted, kind="stable")
        self._rewrite(METRICS, lines, [lines[k] for k in order])
        self._places = array("Q", places[order].tobytes())

    def order_results(self, lineages: Sequence[Key]) -> None:
        """Puts results into the order of lineages, a row each, if they are not.

        Args:
            lineages: Lineages in order; others come last.
        """
        rank = {key: number for number, key in enumerate(dict.fromkeys(lineages))}
        rows = sorted(self._folder.results(), key=lambda row: rank.get(key_of(row), len(rank)))
        lines = read(self._folder.path / RESULTS, missing=b"").splitlines(keepends=True)
        self._rewrite(RESULTS, lines, [f"{to_json(row)[:-1]}}}\n".encode() for row in rows])

    def _rewrite(self, name: str, lines: list[bytes], ordered: list[bytes]) -> None:
        """Replaces the lines of a file, with the mark of the run's newest request, unless nothing changes."""
        tail = f"{self._folder.seal.tail}\n".encode()
        ordered = [line if line.endswith(tail) else body(line) + tail for line in ordered]
        if ordered != lines:
            data = b"".join(ordered)
            atomic_write(self._folder.path / name, data)
            self._running[name] = Running()
            self._running[name].add(data)

    def _add(self, name: str, lines: Sequence[bytes]) -> None:
        """Takes in lines that were appended to a file."""
        for line in lines:
            self._running[name].add(line)

    def _take_in(self, row: MetricsRow, text: bytes) -> None:
        """Notes the hash and the place of a row of metrics, of which the text is what is hashed."""
        key = key_of(row)
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers)
            self._hashes[key] = hashlib.sha256()
        self._hashes[key].update(text)
        self._places.append(row["generation"] * _SHIFT + self._numbers[key])
