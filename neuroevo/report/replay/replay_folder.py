"""The folder `replay` of a run: pictures of behaviour and what they say, from which reports take them.

    replay.json    schema, and a row a lineage: what was shown, and its pictures
    NAME/          a lineage's pictures, named as its champion

The folder is replaced whole.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuroevo.errors import RunError, described
from neuroevo.files import Row, parse, read, require_no_link, to_json
from neuroevo.report.figures.picture import Picture
from neuroevo.report.table import Cell, Heading, Table
from neuroevo.run_folder import RunFolder

FOLDER, INDEX, SCHEMA = "replay", "replay.json", 1

Value = str | float | None  # of a table


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture of behaviour, as files.

    Attributes:
        kind: One word: "behaviour", "curvature", "angles", "activity", "confusion" or "mistakes".
        title: Title of the picture.
        description: What the picture shows, in words and numbers.
        files: Data by ending: "svg" and "png", or "gif" and, as its still, "png".
        caption: What a reader must know beside the picture.
        heads: Heads of its table; empty where it has none.
        rows: Rows of its table: a heading, then numbers, texts or None.
    """

    kind: str
    title: str
    description: str
    files: Mapping[str, bytes]
    caption: str = ""
    heads: Sequence[str] = ()
    rows: Sequence[Sequence[Value]] = ()


def check_replaceable(folder: Path) -> None:
    """Checks that a folder of pictures may be written at a path.

    Args:
        folder: The path.

    Raises:
        RunError: If something else lies there.
    """
    require_no_link(folder)
    if folder.exists() and not (folder / INDEX).is_file():
        raise RunError(f"{folder} exists and holds no {INDEX}; wanted a new folder. Choose another --out.")


def is_automatic(folder: Path) -> bool:
    """Says whether a folder of pictures was made by a run itself, and not because somebody asked for it.

    Args:
        folder: The folder.

    Raises:
        RunError: If its index is damaged.
    """
    index = folder / INDEX
    return index.is_file() and parse(read(index), index).get("automatic") is True


def write_replay(
    folder: Path, shown: Sequence[tuple[Row, str, Sequence[Drawing]]], *, is_automatic: bool = False
) -> list[Path]:
    """Writes a folder of pictures, or replaces it whole.

    Args:
        folder: Path of the folder; what lies there already must be such a folder.
        shown: What the index says of each lineage, the name of its folder, and its pictures.
        is_automatic: Whether nobody asked for it, so that the run may replace it when it goes on.

    Returns:
        Paths of all files, the index first.

    Raises:
        RunError: If something else is there, or it cannot be written.
    """
    check_replaceable(folder)
    new, old = (folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.{x}") for x in ("new", "old"))
    rows, written = [], []
    try:
        new.mkdir(parents=True)
        for row, name, drawings in shown:
            (new / name).mkdir()
            for drawing in drawings:
                for ending, data in drawing.files.items():
                    (new / name / f"{drawing.kind}.{ending}").write_bytes(data)
                    written.append(folder / name / f"{drawing.kind}.{ending}")
            rows.append({**row, "folder": name, "pictures": [_index_entry(x) for x in drawings]})
        index = {"schema": SCHEMA, **({"automatic": True} if is_automatic else {}), "lineages": rows}
        (new / INDEX).write_text(to_json(index, indent=2), "utf-8")
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    except OSError as error:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise RunError(f"Cannot write {folder}: {error.strerror}; choose another --out.") from error
    finally:
        for remains in (new, old):
            shutil.rmtree(remains, ignore_errors=True)
    return [folder / INDEX, *written]


def replayed(runs: Sequence[RunFolder]) -> dict[str, list[Picture]]:
    """Returns the pictures in the folders of runs by task; none where nothing was replayed.

    Args:
        runs: Folders of runs.

    Raises:
        RunError: If such a folder is damaged.
    """
    pictures: dict[str, list[Picture]] = {}
    for run in runs:
        folder = run.path / FOLDER
        if not (folder / INDEX).is_file():
            continue
        index = parse(read(folder / INDEX), folder / INDEX)
        try:
            for row in index["lineages"]:
                shown = pictures.setdefault(row["task"], [])
                for entry in row["pictures"]:
                    number = sum(x.kind.partition("-")[0] == entry["kind"] for x in shown) + 1
                    shown.append(_picture(folder / _name(row), entry, number))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise RunError(
                f"{folder} is damaged ({described(error)}); delete it or "
                f"make it again with python run.py replay {run.path}."
            ) from error
    return pictures


def _index_entry(drawing: Drawing) -> Row:
    """Returns a picture as plain types, without its files' data."""
    names = ("kind", "title", "description", "caption", "heads", "rows")
    return {**{name: getattr(drawing, name) for name in names}, "files": list(drawing.files)}


def _name(row: Row) -> str:
    """Returns the name of the folder of a lineage's pictures, which lies in that of all."""
    name = row["folder"]
    if name != Path(name).name or not name.isprintable():
        raise ValueError(f"a folder {name!r}")
    return str(name)


def _picture(folder: Path, entry: Row, number: int) -> Picture:
    """Returns a picture as reports show it; the second of its kind has another kind."""
    kind, endings = entry["kind"], entry["files"]
    if not (kind.isalpha() and set(endings) <= {"svg", "png", "gif"} and "png" in endings):
        raise ValueError(f"a picture of kind {kind!r} with files {endings}")
    data = {ending: read(folder / f"{kind}.{ending}") for ending in endings}
    rows = [(Heading(str(row[0])), [_cell(value) for value in row[1:]]) for row in entry["rows"]]
    return Picture(
        kind=kind if number == 1 else f"{kind}-{number}",
        title=entry["title"],
        description=entry["description"],
        image=data.get("svg", data["png"]),
        caption=entry["caption"],
        table=Table(entry["title"], entry["heads"], rows) if rows else None,
        motion=data.get("gif", b""),
    )


def _cell(value: float | str | None) -> Cell:
    """Returns a cell of a number, whole ones without decimals, or of a text."""
    if isinstance(value, str):
        return Cell.words(value)
    return Cell.figure(value, 0 if isinstance(value, int) else None)
