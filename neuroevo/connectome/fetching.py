"""Brings a data set onto this machine: its files are downloaded, or a user's, and distilled to tables."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from neuroevo.connectome import datasets
from neuroevo.connectome.datasets import DATASETS, PROVENANCE, Dataset
from neuroevo.downloads import one_at_a_time
from neuroevo.errors import DataError, RegistryError, last_line, unknown
from neuroevo.files import to_json
from neuroevo.transfers import Pinned, Say, digest_of, download

RAW = "files"  # folder of what was downloaded, until its tables are made


def fetch(name: str, copies: Sequence[Path], say: Say, again: bool = False) -> list[str]:
    """Brings a data set onto this machine.

    Args:
        name: One of `datasets.names()`.
        copies: Files that the user has, each one of the data set's, whatever it is called; others are
            downloaded.
        say: Takes what is to be shown of how far it is.
        again: Whether it is fetched though it is there.

    Returns:
        What is there now, a sentence a line.

    Raises:
        RegistryError: If there is none of that name.
        DataError: If a file is not the pinned one, cannot be reached, or there is no room.
    """
    if name not in DATASETS:
        raise RegistryError(unknown("data set", name, DATASETS))
    data, folder = DATASETS[name], datasets.folder_of(name)
    if datasets.is_here(name) and not again:
        return [f"{name} is on this machine already, in {folder}.", *_rights(name, data)]
    given = _recognised(data, copies)
    try:
        (folder / RAW).mkdir(parents=True, exist_ok=True)
        with one_at_a_time(folder / PROVENANCE):
            for file, path in given.items():
                _link(path, folder / RAW / file.name)
            paths = {file: download(file, folder / RAW, say) for file in data.files}
            lines = _distilled(name, data, paths, folder, say)
            shutil.rmtree(folder / RAW)
    except OSError as error:
        raise DataError(
            f"Cannot keep {name} in {folder}: {last_line(error)}. Make room there, or set NEUROEVO_CACHE to "
            "another folder."
        ) from error
    return [*lines, *_rights(name, data)]


def _recognised(data: Dataset, copies: Sequence[Path]) -> dict[Pinned, Path]:
    """Returns which file of the data set each of the user's is, by its sum."""
    given: dict[Pinned, Path] = {}
    for path in copies:
        try:
            sums = {a: digest_of(path, a) for a in {file.algorithm for file in data.files}}
        except OSError as error:
            raise DataError(
                f"Cannot read {path}: {error.strerror}; wanted a file of the data set."
            ) from error
        file = next((f for f in data.files if sums[f.algorithm] == f.digest), None)
        if file is None:
            came = next(iter(sums.values()))
            wanted = ", ".join(f"{f.name} ({f.digest[:23]}...)" for f in data.files)
            raise DataError(
                f"{path} is none of the pinned files: its sum is {came[:23]}...; wanted {wanted}. Of another "
                "release, give it by its path: --connectome FILE."
            )
        given[file] = path
    return given


def _link(copy: Path, place: Path) -> None:
    """Gives a file of the user the name that it was published under, which tells how it is packed."""
    place.unlink(missing_ok=True)
    place.symlink_to(copy.absolute())


def _distilled(name: str, data: Dataset, paths: dict[Pinned, Path], folder: Path, say: Say) -> list[str]:
    """Writes the tables and where they are from, all or nothing; returns what they hold."""
    from neuroevo.connectome.distilling import distil

    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        tables = [Path(fresh) / f"{name}.parquet", Path(fresh) / f"{name}_cells.parquet"]
        held = distil(data, paths, tables[0], tables[1], say)
        known = {
            "name": name,
            "paper": data.paper,
            "licence": data.licence,
            "files": {file.name: file.digest for file in data.files},
            "urls": {file.name: file.url for file in data.files},
            "tables": {table.name: digest_of(table, "sha256") for table in tables},
            "cells": held.cells,
            "edges": held.edges,
            "synapses": held.synapses,
            "left_out": dict(held.left_out),
            "absent": list(held.absent),
            "ignored": list(held.ignored),
        }
        (Path(fresh) / PROVENANCE).write_text(to_json(known, 2) + "\n", encoding="utf-8")
        (folder / PROVENANCE).unlink(missing_ok=True)  # tables without it are none
        for path in (*tables, Path(fresh) / PROVENANCE):
            os.replace(path, folder / path.name)
    lines = [f"{name}: {held.cells:,} cells, {held.edges:,} edges, {held.synapses:,} synapses, in {folder}."]
    left_out = ", ".join(f"{number:,} {what}" for what, number in held.left_out.items() if number)
    lines += [f"Left out: {left_out}."] if left_out else []
    lines += [f"Not in these files: {', '.join(held.absent)}."] if held.absent else []
    return [*lines, *([f"Ignored: {', '.join(held.ignored)}."] if held.ignored else [])]


def _rights(name: str, data: Dataset) -> list[str]:
    """Returns the licence, what to cite, and how to go on."""
    has_transmitters = any("transmitter" in table.columns for table in data.cells)
    signs = " --signs shiu2024" if has_transmitters else ""
    return [
        f"Licence: {data.licence}.",
        f"Cite: {data.paper}.",
        f"Next: python run.py stats --connectome {name}{signs}",
    ]
