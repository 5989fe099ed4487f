"""From published files to two tables: edges among cells, each once, and what is known of the cells.

Files of a hundred million rows are read in batches, of which the edges between cells stay. Their sums have
been checked before, so that what they hold is what was published.
"""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neuroevo import outside
from neuroevo.connectome.datasets import Dataset, Published
from neuroevo.connectome.frames import headers_text
from neuroevo.connectome.headers import plain
from neuroevo.errors import DataError, last_line
from neuroevo.transfers import Pinned, Say

if TYPE_CHECKING:
    import pyarrow as pa

ENDS = ("pre", "post")
NEEDED = (*ENDS, "weight", "name")


@dataclass(frozen=True)
class Distilled:
    """What two tables hold.

    Attributes:
        cells: Number of cells.
        edges: Number of edges.
        synapses: Sum of their weights.
        left_out: What was left out or put together, each a number by what it is.
        absent: Columns that the source was expected to have, and has not.
        ignored: Columns that the source has, and that say nothing here.
    """

    cells: int
    edges: int
    synapses: int
    left_out: Mapping[str, int]
    absent: tuple[str, ...]
    ignored: tuple[str, ...]


def distil(data: Dataset, paths: Mapping[Pinned, Path], edges: Path, cells: Path, say: Say) -> Distilled:
    """Writes the tables of a data set.

    Args:
        data: The data set.
        paths: Where its files are; their sums are right.
        edges: Where the table of edges is written, in Parquet.
        cells: Where the table of cells is written; unpacked files lie beside it meanwhile.
        say: Takes what is to be shown of how far it is.

    Returns:
        What they hold.

    Raises:
        DataError: If a file is not of its form, or lacks a column without which there is no wiring.
    """
    import pyarrow as pa
    from pyarrow import parquet

    left_out: dict[str, int] = {}
    absent: list[str] = []
    ignored: list[str] = []
    known = _cells(data.cells, paths, cells.parent, left_out, absent, ignored)
    index = pd.Index(known.pop("name"))
    pre, post, weight = _edges(data.edges, paths, index, cells.parent, left_out, ignored, say)
    ids = index.to_numpy()
    say("writing tables")
    parquet.write_table(pa.table({"pre": ids[pre], "post": ids[post], "weight": weight}), edges)
    parquet.write_table(
        pa.table({"name": ids.astype(str), **{c: known[c].to_numpy(str) for c in known}}), cells
    )
    return Distilled(
        len(ids), len(pre), int(weight.sum()), left_out, tuple(absent), tuple(dict.fromkeys(ignored))
    )


def _cells(
    tables: Sequence[Published],
    paths: Mapping[Pinned, Path],
    folder: Path,
    left_out: dict[str, int],
    absent: list[str],
    ignored: list[str],
) -> pd.DataFrame:
    """Returns what is known of each cell, texts but for the name, in the order of the first table."""
    joined = None
    for published in tables:
        with _table(published, paths, folder) as table:
            header = _headers(published, table.headers, absent, ignored)
            frame = table.read(list(header.values())).rename(columns={v: k for k, v in header.items()})
        frame = _counted(frame, frame["name"].notna(), "rows of cells without a name", left_out)
        frame["name"] = frame["name"].astype("int64")
        if published.needs:
            is_cell = frame[published.needs].fillna("").astype(str) != ""
            frame = _counted(frame, is_cell, f"rows of cells without a {published.needs}", left_out)
        frame = _counted(frame, ~frame["name"].duplicated(), "rows of cells that stand again", left_out)
        if joined is not None:
            is_known = frame["name"].isin(joined["name"])
            frame = _counted(frame, is_known, "rows on what is no cell", left_out)
        joined = frame if joined is None else joined.merge(frame, on="name", how="left")
    assert joined is not None  # a data set has a table of cells
    if not len(joined):
        raise DataError(f"{tables[0].pinned.name} has no cells; wanted the published table.")
    texts = joined.drop(columns="name").astype("string").fillna("")
    return pd.concat([joined["name"], texts], axis=1)


def _counted(frame: pd.DataFrame, stays: pd.Series, what: str, left_out: dict[str, int]) -> pd.DataFrame:
    """Returns some rows; the others are counted."""
    left_out[what] = left_out.get(what, 0) + int((~stays).sum())
    return frame[stays].copy()


def _edges(
    published: Published,
    paths: Mapping[Pinned, Path],
    cells: pd.Index,
    folder: Path,
    left_out: dict[str, int],
    ignored: list[str],
    say: Say,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the edges among cells, each once, sorted: int64 [E] pre and post, float64 [E] weight."""
    parts, rows = [], 0
    with _table(published, paths, folder) as table:
        header = _headers(published, table.headers, [], ignored)
        for batch in table.batches([header[name] for name in ("pre", "post", "weight")]):
            ends = [cells.get_indexer(batch[header[end]].to_numpy()) for end in ENDS]
            stays = (ends[0] >= 0) & (ends[1] >= 0)
            weight = batch[header["weight"]].to_numpy()
            parts.append((ends[0][stays].astype(np.int32), ends[1][stays].astype(np.int32), weight[stays]))
            rows += len(stays)
            say(f"{published.pinned.name}: {rows:,} rows read")
    pre, post, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    left_out["rows with an end that is no cell"] = rows - len(pre)
    is_autapse = pre == post
    left_out["autapses"] = int(is_autapse.sum())
    key = (pre[~is_autapse].astype(np.int64) * len(cells)) + post[~is_autapse]
    if not len(key):
        raise DataError(f"{published.pinned.name} has no edge among the cells; wanted the published table.")
    order = np.argsort(key, kind="stable")
    key = key[order]
    starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    left_out["repeated edges (sum of their weights)"] = len(key) - len(starts)
    summed = np.add.reduceat(weight[~is_autapse][order].astype(np.float64), starts)
    pre, post = np.divmod(key[starts], len(cells))
    return pre, post, summed


def _headers(
    published: Published, headers: Sequence[str], absent: list[str], ignored: list[str]
) -> dict[str, str]:
    """Returns the source's header for each of ours; raises DataError for one that is needed and not there."""
    written = {plain(header): header for header in headers}
    chosen = {}
    for ours, candidates in published.columns.items():
        here = next((written[plain(c)] for c in candidates if plain(c) in written), None)
        if here is not None:
            chosen[ours] = here
        elif ours in NEEDED or ours == published.needs:
            raise DataError(
                f"{published.pinned.name} has no column {' or '.join(candidates)}, it has "
                f"{headers_text(headers)}; wanted the published columns. Read it yourself: --connectome FILE "
                f"--columns {ours}=..."
            )
        else:
            absent.append(candidates[0])
    ignored.extend(header for header in headers if header not in chosen.values())
    return chosen


class _table:
    """A table in a published file, which is unpacked while the context lasts."""

    def __init__(self, published: Published, paths: Mapping[Pinned, Path], folder: Path) -> None:
        self._path = paths[published.pinned]
        self._member = published.member
        self._folder = folder
        self._name = published.member or published.pinned.name
        self._unpacked: Path | None = None

    def __enter__(self) -> _table:
        import pyarrow as pa
        from pyarrow import dataset

        if self._member:
            self._unpacked = self._path = _unpack(self._path, self._member, self._folder)
        self._is_text = ".csv" in self._name
        try:
            self._data = dataset.dataset(self._path, format=self._format(None))
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"{self._name} cannot be read as a table: {last_line(error)}.") from error
        self.headers = list(self._data.schema.names)
        return self

    def __exit__(self, *error: object) -> None:
        if self._unpacked is not None:
            self._unpacked.unlink(missing_ok=True)

    def _format(self, wholes: Sequence[str] | None) -> Any:
        """Returns how the file is read; of text, columns of whole numbers are such."""
        from pyarrow import csv, dataset, int64

        if not self._is_text:
            return "feather"
        types = dict.fromkeys(wholes or (), int64())
        return dataset.CsvFileFormat(convert_options=csv.ConvertOptions(column_types=types))

    def batches(self, wholes: Sequence[str]) -> Iterator[Mapping[str, pa.Array]]:
        """Yields columns of whole numbers, some rows at a time."""
        import pyarrow as pa
        from pyarrow import dataset

        data = dataset.dataset(self._path, format=self._format(wholes)) if self._is_text else self._data
        for batch in data.to_batches(columns=list(wholes), use_threads=False):
            yield {name: batch.column(name).cast(pa.int64()) for name in wholes}

    def read(self, headers: Sequence[str]) -> pd.DataFrame:
        """Returns columns as they are; whole numbers stay whole where some are missing."""
        table = self._data.to_table(columns=list(dict.fromkeys(headers)), use_threads=False)
        return table.to_pandas(integer_object_nulls=True)


def _unpack(path: Path, member: str, folder: Path) -> Path:
    """Returns a member of a packed folder, written beside the tables."""
    try:
        with outside.opened(path) as packed, tarfile.open(fileobj=packed) as archive:
            entry = next((m for m in archive if m.isfile() and Path(m.name).name == member), None)
            stream = archive.extractfile(entry) if entry else None
            if stream is None:
                raise DataError(f"{path.name} holds no {member}; wanted the published folder.")
            with stream, (folder / member).open("wb") as file:
                shutil.copyfileobj(stream, file)
    except (tarfile.TarError, EOFError) as error:
        raise DataError(f"{path.name} cannot be unpacked: {last_line(error)}.") from error
    return folder / member
