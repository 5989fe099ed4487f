"""Tables in files, column by column: text with any delimiter, packed or not, Parquet and Feather.

Apache Arrow reads the columns that are asked for. Nothing is guessed on the way: names stay the text that
they are, so that identifiers of 18 digits keep all of them, and a number is one or is refused with its line.
Text is looked at while it passes by: a quote has to be closed on its line, for else it would swallow the rows
up to the next one (`streams`).
"""

from __future__ import annotations

import csv
import hashlib
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from neuroevo import outside
from neuroevo.connectome.streams import BLOCK, PACKED, text_stream, worded
from neuroevo.errors import ConnectomeError, last_line
from neuroevo.text import one_line

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}  # the likeliest, told from the file where another fits
ANY_DELIMITER = (",", "\t", ";", "|")
STORED = (".parquet", ".feather")
MOST_HEADER = 1 << 20  # bytes of a first line
MOST_HEADERS, MOST_SHOWN = 12, 40  # headers that a message names, and characters of each

Fits = Callable[[Sequence[str]], bool]


@dataclass(frozen=True, eq=False)
class Coded:
    """A column of texts: a number for each row, and what each number stands for.

    Attributes:
        code: int32 [R].
        values: Distinct texts, without spaces round them.
    """

    code: np.ndarray
    values: list[str]

    def texts(self) -> list[str]:
        """Returns the text of each row."""
        return np.array(self.values, object)[self.code].tolist() if len(self.code) else []


class Frame(ABC):
    """A table in a file, of which columns are read when they are asked for.

    Attributes:
        file: Name of the file.
        headers: Headers of its columns.
        sha256: SHA-256 of the file, known once columns have been read.
        columns: Columns that were read, by header.
    """

    def __init__(self, path: Path, headers: list[str]) -> None:
        self.path = path
        self.file = path.name
        self.headers = headers
        self.sha256 = ""
        self.columns: dict[str, pa.ChunkedArray] = {}

    @abstractmethod
    def read(self, texts: Sequence[str], numbers: Sequence[str]) -> None:
        """Reads some columns.

        Args:
            texts: Headers of those that hold names.
            numbers: Headers of those that hold numbers.

        Raises:
            ConnectomeError: If the file cannot be read, or a row has more or fewer fields than the header.
        """

    @abstractmethod
    def where(self, row: int) -> str:
        """Returns the place of a row, such as "line 3".

        Args:
            row: Its number, from 0.
        """

    def raw(self, row: int, header: str) -> str:
        """Returns a value as it is written.

        Args:
            row: Its row, from 0.
            header: Its column.
        """
        value = self.columns[header][row].as_py()
        return "" if value is None else str(value)

    def error(self, row: int, message: str) -> ConnectomeError:
        """Returns an error that says where a row stands.

        Args:
            row: Its number, from 0.
            message: What is wrong and what was wanted, without a full stop.
        """
        return ConnectomeError(f"{self.file}, {self.where(row)}: {message}.")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def coded(self, header: str, are_names: bool = False) -> Coded:
        """Returns a column of texts that was read; what is missing is "".

        Args:
            header: Its header.
            are_names: Whether it holds names of cells.

        Raises:
            ConnectomeError: If names are fractions, or it holds what is no single value.
        """
        import pyarrow as pa

        column = self.columns[header]
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_floating(kind) and are_names:
            raise ConnectomeError(
                f"{self.file}: column {header} holds fractions ({kind}), which lose digits of an identifier; "
                "wanted whole numbers or text. Write the file again with these."
            )
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            raise ConnectomeError(f"{self.file}: column {header} holds {kind}; wanted one value a row.")
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        array = pa.chunked_array(column.chunks, column.type).unify_dictionaries().combine_chunks()
        if isinstance(array, pa.ChunkedArray):  # without rows
            return Coded(np.zeros(0, np.int32), [])
        raw = ["" if x is None else str(x).strip() for x in array.dictionary.to_pylist()]
        indices = array.indices
        if indices.null_count:
            indices, raw = indices.fill_null(len(raw)), [*raw, ""]
        place: dict[str, int] = {}
        new = np.fromiter((place.setdefault(x, len(place)) for x in raw), np.int32, len(raw))
        return Coded(new[indices.to_numpy(zero_copy_only=False)], list(place))

    def numbers(self, header: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns a column of numbers that was read.

        Args:
            header: Its header.

        Returns:
            float64 [R], and a mask of the rows that hold no number, bool [R].
        """
        import pyarrow as pa

        column = self.columns[header]
        kind = column.type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
            array = column.cast(pa.float64(), safe=False)
            is_none = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
            values = array.to_numpy()
            return values, np.zeros(len(values), bool) if is_none is None else np.asarray(is_none, bool)
        coded = self.coded(header)
        known = [_number(text) for text in coded.values]
        values = np.array([np.nan if x is None else x for x in known] or [np.nan])
        is_none = np.array([x is None for x in known] or [True])
        return values[coded.code], is_none[coded.code]


class _Text(Frame):
    """Text with a delimiter and a header, perhaps packed."""

    def __init__(self, path: Path, headers: list[str], delimiter: str) -> None:
        super().__init__(path, headers)
        self.delimiter = delimiter

    def read(self, texts: Sequence[str], numbers: Sequence[str]) -> None:
        """Reads some columns; see `Frame`."""
        import pyarrow as pa

        names = pa.dictionary(pa.int32(), pa.string())
        types = {**dict.fromkeys(texts, names), **dict.fromkeys(numbers, pa.float64())}
        try:
            table = self._table(types)
        except _NoNumber:  # a number with spaces round it, or what is none: told by who looks at it
            table = self._table({**types, **dict.fromkeys(numbers, names)})
        self.columns = {header: table[header] for header in types}

    def _table(self, types: dict[str, pa.DataType]) -> pa.Table:
        """Returns some columns of the types; raises _NoNumber if a number is none as Arrow reads it."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        with text_stream(self.path) as stream:
            try:
                table = arrow.read_csv(
                    pa.PythonFile(stream, mode="r"),
                    arrow.ReadOptions(use_threads=False, block_size=BLOCK),
                    arrow.ParseOptions(delimiter=self.delimiter),
                    arrow.ConvertOptions(
                        include_columns=list(types),
                        column_types=types,
                        null_values=[],
                        strings_can_be_null=False,
                    ),
                )
            except pa.ArrowInvalid as error:
                raise self._explained(str(error)) from error
            self.sha256 = stream.sha256()
        return table

    def _explained(self, said: str) -> Exception:
        """Returns what an error of Arrow's means here."""
        if "conversion error to double" in said:
            return _NoNumber()
        if "UTF8" in said.upper().replace("-", ""):
            return ConnectomeError(f"{self.file} is no text in UTF-8; wanted it saved so.")
        width = len(self.headers)
        for line, values in self._rows():
            if len(values) < width:
                missing = ", ".join(self.headers[len(values) :])
                return ConnectomeError(
                    f"{self.file}, line {line}: no value for {missing}; wanted one in every column of the "
                    "header."
                )
            if len(values) > width:
                return ConnectomeError(
                    f"{self.file}, line {line}: {len(values)} values, and the header has {width} columns; "
                    "wanted one value a column, with quotes round one that holds the delimiter."
                )
        return ConnectomeError(
            f"{self.file} cannot be read as a table: {last_line(said)}; wanted a line for each edge."
        )

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yields the rows below the header, each with its line from 1; slow, for words of errors."""
        with text_stream(self.path) as stream:
            reader = csv.reader(
                io.TextIOWrapper(io.BufferedReader(stream), "utf-8-sig", newline=""), delimiter=self.delimiter
            )
            for number, values in enumerate(reader):
                if number and values:
                    yield reader.line_num, values

    def where(self, row: int) -> str:
        """Returns the place of a row; see `Frame`."""
        return next(
            (f"line {line}" for i, (line, _) in enumerate(self._rows()) if i == row), f"row {row + 1}"
        )

    def raw(self, row: int, header: str) -> str:
        """Returns a value as it is written; see `Frame`."""
        place = self.headers.index(header)
        return next((values[place].strip() for i, (_, values) in enumerate(self._rows()) if i == row), "")


class _Stored(Frame):
    """A file of Parquet or Feather, whose columns have types."""

    def read(self, texts: Sequence[str], numbers: Sequence[str]) -> None:
        """Reads some columns; see `Frame`."""
        wanted = list(dict.fromkeys([*texts, *numbers]))
        with worded(self.file, self.path), outside.opened(self.path, outside.most_columns()) as file:
            table = _stored(file, self.path.suffix.lower(), wanted)
            table.validate(full=True)  # offsets of a damaged file lead out of its memory
            file.seek(0)
            digest = hashlib.sha256()
            while block := file.read(BLOCK):
                digest.update(block)
            self.sha256 = digest.hexdigest()
        self.columns = {header: table[header] for header in wanted}

    def where(self, row: int) -> str:
        """Returns the place of a row; see `Frame`."""
        return f"row {row + 1}"


class _InMemory(Frame):
    """A table that is in memory already, such as a sheet of a workbook."""

    def __init__(
        self, path: Path, headers: list[str], rows: Sequence[Sequence[str]], places: int | Sequence[str]
    ) -> None:
        super().__init__(path, headers)
        self._lines = rows
        self._places = places

    def read(self, texts: Sequence[str], numbers: Sequence[str]) -> None:
        """Reads some columns; see `Frame`."""
        import pyarrow as pa

        self.columns = {
            header: pa.chunked_array([pa.array([row[i] for row in self._lines], pa.string())])
            for i, header in enumerate(self.headers)
            if header in (*texts, *numbers)
        }

    def where(self, row: int) -> str:
        """Returns the place of a row; see `Frame`."""
        return f"row {row + self._places}" if isinstance(self._places, int) else self._places[row]


def in_memory(
    path: Path, headers: list[str], rows: Sequence[Sequence[str]], places: int | Sequence[str]
) -> Frame:
    """Returns a table of rows that were read already.

    Args:
        path: Where they are from.
        headers: Headers of its columns.
        rows: Texts of each row.
        places: Place of each row, for messages; or the number of the first.
    """
    return _InMemory(path, headers, rows, places)


def is_table(path: Path) -> bool:
    """Says whether the name of a file is that of a table.

    Args:
        path: The file.
    """
    return suffix_of(path) in (*DELIMITERS, *STORED)


def suffix_of(path: Path) -> str:
    """Returns how the name of a file ends, in small letters, but for the mark of a packed one.

    Args:
        path: The file.
    """
    name = path.with_suffix("") if path.suffix.lower() == PACKED else path
    return name.suffix.lower()


def stem_of(path: Path) -> str:
    """Returns the name of a file without what it ends in.

    Args:
        path: The file.
    """
    return (path.with_suffix("") if path.suffix.lower() == PACKED else path).stem


def open_frame(path: Path, fits: Fits, what: str) -> Frame:
    """Returns the table in a file, of which the headers are read.

    Args:
        path: The file; `is_table` says that it is one.
        fits: Says of headers whether they are those of such a table.
        what: What it should be, for messages: "an edge table".

    Raises:
        ConnectomeError: If the file cannot be read, or two delimiters fit.
    """
    suffix = suffix_of(path)
    if suffix in STORED:
        with worded(path.name, path), outside.opened(path, outside.most_columns()) as file:
            return _Stored(path, _stored_headers(file, suffix))
    try:
        with text_stream(path) as stream:
            line = io.BufferedReader(stream, 1 << 16).readline(MOST_HEADER).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConnectomeError(f"{path.name} is no text in UTF-8; wanted {what}, saved so.") from None
    if line and not line.strip():
        return _Text(path, [""], DELIMITERS[suffix])  # the header is an empty line
    likely = DELIMITERS[suffix]
    by_delimiter = {d: _fields(line, d) for d in (likely, *(x for x in ANY_DELIMITER if x != likely))}
    fitting = [d for d, headers in by_delimiter.items() if (d in line or d == likely) and fits(headers)]
    if len(fitting) > 1:
        marks = " and by ".join(repr(d) for d in fitting)
        raise ConnectomeError(
            f"{path.name}, line 1: the header can be parted by {marks}; wanted one delimiter in the file."
        )
    delimiter = fitting[0] if fitting else likely
    return _Text(path, by_delimiter[delimiter], delimiter)


class _NoNumber(Exception):
    """A column of numbers holds what Arrow reads as none."""


def _stored(file: IO[bytes], suffix: str, headers: list[str]) -> pa.Table:
    """Returns some columns of a file of Parquet or Feather."""
    if suffix == ".parquet":
        from pyarrow import parquet

        return parquet.read_table(file, columns=headers, use_threads=False)
    from pyarrow import feather

    return feather.read_table(file, columns=headers, use_threads=False)


def _stored_headers(file: IO[bytes], suffix: str) -> list[str]:
    """Returns the headers of a file of Parquet or Feather."""
    if suffix == ".parquet":
        from pyarrow import parquet

        return [str(name) for name in parquet.read_schema(file).names]
    from pyarrow import feather, ipc

    try:
        return [str(name) for name in ipc.open_file(file).schema.names]
    except Exception:  # the first version of the format is no file of IPC
        file.seek(0)
        return [str(name) for name in feather.read_table(file, use_threads=False).schema.names]


def headers_text(headers: Sequence[str]) -> str:
    """Returns headers for a message: a few, of which none is long or has characters that cannot be seen.

    Args:
        headers: The headers of a table.
    """
    texts = [one_line(header, MOST_SHOWN) or "an empty one" for header in headers[:MOST_HEADERS]]
    return ", ".join([*texts, *(["..."] if len(headers) > MOST_HEADERS else [])])


def _fields(line: str, delimiter: str) -> list[str]:
    """Returns the fields of a line; as one where it cannot be parted."""
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return [line.strip()]


def _number(text: str) -> float | None:
    """Returns the number that a text is, or None."""
    try:
        return float(text)
    except ValueError:
        return None
