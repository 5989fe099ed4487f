"""Lines of a file of scores: CSV text of any usual delimiter, or JSON lines, as values by column.

What stands in a column is for `scores_file` to say; here a line has to have the columns of the header, and
the text has to be text.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuroevo import outside
from neuroevo.errors import DataError, listed, reason

COLUMNS = {  # of a row; the first five are needed
    "task": "name of the task",
    "genome": "name of what is compared, such as a wiring or a null model",
    "graph": "number or name of the wiring, one of the samples of the genome",
    "seed": "number or name of the replicate; seeds of one name are taken for the same in all genomes",
    "score": "score of the lineage; empty, nan or inf where it failed",
    "untrained": "score of the same lineage before it learned",
    "tuned": "score of the same lineage with a few numbers tuned",
    "evaluations": "evaluations that the lineage took",
    "control": "whether the genome is a control: yes or no, or its kind: none, clock or frozen",
    "unit": "unit of the task's score",
    "margin": "smallest difference of the task's scores that matters",
    "floor": "score on the task that takes no network, from which shares are counted",
    "maximum": "best score on the task that there can be",
    "status": "how the lineage ended, in the words of results.jsonl",
    "role": "part of a race that the lineage is of, in the words of results.jsonl",
    "population": "mixed population that the lineage is a member of",
}
NEEDED = tuple(COLUMNS)[:5]
ALIASES = {"untrained_score": "untrained", "tuned_score": "tuned", "kind": "control"}
DELIMITERS = (",", ";", "\t", "|")
TABLES, LINES = (".csv", ".tsv", ".txt"), (".jsonl", ".ndjson")
MARK = b"\xef\xbb\xbf"  # of UTF-8 at the beginning of a file
OTHER = (b"\xff\xfe", b"\xfe\xff")  # marks of UTF-16

Values = Sequence[object]  # of a line, in the order of COLUMNS; None where there is none


@dataclass(frozen=True)
class Lines:
    """A file of scores as it was read.

    Attributes:
        path: The file.
        data: What it holds.
    """

    path: Path
    data: bytes

    @classmethod
    def read(cls, path: Path) -> Lines:
        """Returns a file as it was read.

        Args:
            path: The file, `.csv`, `.tsv` or `.txt` with a header, or `.jsonl` or `.ndjson`.

        Raises:
            DataError: If it cannot be read, is empty or is no text.
        """
        if path.suffix.lower() not in (*TABLES, *LINES):
            raise DataError(
                f"{path} is no file of scores by its name; wanted {', '.join(TABLES)} with a header, or JSON "
                f"lines ({', '.join(LINES)})."
            )
        try:
            data = outside.content(path)
        except OSError as error:
            raise DataError(
                f"Cannot read {str(path)!r}: {error.strerror}; wanted a file of scores, CSV or JSON lines."
            ) from error
        lines = cls(path, data)
        if not data.removeprefix(MARK).strip():
            raise DataError(
                f"{path.name} is empty; wanted a header with {', '.join(NEEDED)} and a row a lineage."
            )
        lines._require_text()
        return lines

    def error(self, line: int, message: str) -> DataError:
        """Returns an error that says where in the file something stands.

        Args:
            line: Number of the line, from 1.
            message: What is wrong and what was wanted, without a full stop.
        """
        return DataError(f"{self.path.name}, line {line}: {message}.")

    def values(self) -> Iterator[tuple[int, Values]]:
        """Yields the rows: the number of the line on which one ends, and its values by column.

        Raises:
            DataError: If a line is not of its form, or a needed column is not there.
        """
        if self.path.suffix.lower() in LINES:
            yield from self._objects()
            return
        for line, fields, places in self._rows():
            yield line, [None if place is None else fields[place] for place in places]

    def unread(self) -> list[str]:
        """Returns the columns of the header that nobody reads; of JSON lines those of the first."""
        if self.path.suffix.lower() in LINES:
            names = list(json.loads(next(line for line in io.BytesIO(self._plain) if line.strip())))
        else:
            names = self._header()[1]
        return [name for name in names if name and ALIASES.get(name, name) not in COLUMNS]

    @property
    def _plain(self) -> bytes:
        """What the file holds, without a mark at its beginning."""
        return self.data.removeprefix(MARK)

    def _require_text(self) -> None:
        """Raises DataError if the file is no UTF-8; it names the line."""
        if self.data.startswith(OTHER):
            raise self.error(1, "it begins as text in UTF-16 does; wanted UTF-8, so save it as that")
        try:
            self.data.decode()
        except UnicodeDecodeError as error:
            line = self.data.count(b"\n", 0, error.start) + 1
            raise self.error(line, f"no text in UTF-8 ({error.reason}); save the file as UTF-8") from None

    def _reader(self, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """Yields the lines of a table that are not empty, each with its number."""
        text = io.TextIOWrapper(io.BytesIO(self._plain), "utf-8", newline="")
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        try:
            for fields in reader:
                if fields:
                    yield reader.line_num, fields
        except csv.Error as error:
            raise self.error(reader.line_num, f"no CSV ({reason(error)}); mend its quotes") from None

    def _header(self) -> tuple[str, list[str]]:
        """Returns the delimiter and the columns' names: in lower case, without blanks around them."""
        ways: list[tuple[int, str, int, list[str]]] = []
        fault: DataError | None = None
        for delimiter in DELIMITERS:
            try:
                line, fields = next(self._reader(delimiter))
            except DataError as error:  # its quotes suit another delimiter
                fault = fault or error
                continue
            names = [name.strip().lower() for name in fields]
            number = len({ALIASES.get(name, name) for name in names} & set(NEEDED))
            ways.append((number, delimiter, line, names))
        if not ways and fault:
            raise fault
        number, delimiter, line, names = max(ways, key=lambda way: way[0])
        columns = [ALIASES.get(name, name) for name in names]
        if number < len(NEEDED):
            missing = [name for name in NEEDED if name not in columns]
            shown = listed(name for name in names if name)
            raise self.error(
                line,
                f"no column {listed(missing)} in the header ({shown:.200}); wanted {', '.join(NEEDED)}, "
                "separated by commas, semicolons, tabs or bars",
            )
        twice = [name for name in COLUMNS if columns.count(name) > 1]
        twice += [
            name for name in dict.fromkeys(names) if name and names.count(name) > 1 and name not in twice
        ]
        if twice:
            raise self.error(line, f"two columns say {twice[0]!r}; wanted each once")
        return delimiter, names

    def _rows(self) -> Iterator[tuple[int, list[str], list[int | None]]]:
        """Yields the rows below the header, and where in a row each column stands."""
        delimiter, names = self._header()
        columns = [ALIASES.get(name, name) for name in names]
        places = [columns.index(name) if name in columns else None for name in COLUMNS]
        rows = self._reader(delimiter)
        next(rows)
        for line, fields in rows:
            if len(fields) != len(names):
                raise self.error(
                    line,
                    f"{len(fields)} fields, where the header has {len(names)}; wanted one for each column",
                )
            yield line, fields, places

    def _objects(self) -> Iterator[tuple[int, Values]]:
        """Yields the values of JSON lines."""
        for number, line in enumerate(io.BytesIO(self._plain), start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line, object_pairs_hook=_once)
            except (ValueError, RecursionError) as error:
                raise self.error(number, f"no JSON ({reason(error)}); wanted an object a line") from None
            if not isinstance(row, dict):
                raise self.error(number, f"{type(row).__name__} in place of an object; wanted one a line")
            columns = [ALIASES.get(name, name) for name in row]
            if len(set(columns)) < len(columns):
                twice = next(name for name in columns if columns.count(name) > 1)
                raise self.error(number, f"two keys say {twice!r}; wanted each once")
            row = dict(zip(columns, row.values(), strict=True))
            if missing := [name for name in NEEDED if name not in row]:
                raise self.error(number, f"no {listed(missing)}; wanted {', '.join(NEEDED)} in every line")
            yield number, [row.get(name) for name in COLUMNS]


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Returns a JSON object; raises ValueError if it has a key twice."""
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands twice")
    return row
