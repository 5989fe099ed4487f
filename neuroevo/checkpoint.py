"""The checkpoint of a run: the newest and the one before, each whole or not there.

    checkpoint.safetensors           arrays by name; as metadata `state`, JSON, and `sha256` of all that
    checkpoint.previous.safetensors  the same, as it was one checkpoint earlier

A checkpoint is a new file that is synced before it is renamed. Whenever its writer dies, and whatever happens
to one of the files, the other can be read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from neuroevo import outside
from neuroevo.errors import RunError
from neuroevo.files import Row, explained, read, sync_folder, to_json, write_new
from neuroevo.text import one_line

NEWEST, PREVIOUS = "checkpoint.safetensors", "checkpoint.previous.safetensors"

Arrays = dict[str, np.ndarray]


def save(folder: Path, arrays: Mapping[str, np.ndarray], state: Mapping[str, object]) -> None:
    """Writes a checkpoint; the newest becomes the one before.

    Args:
        folder: The folder to write into.
        arrays: Arrays by name.
        state: All that is no array, plain JSON types.

    Raises:
        RunError: If it cannot be written; what was there is as it was.
    """
    import safetensors.numpy

    text = to_json(state)
    rows = {name: np.asarray(array, order="C") for name, array in arrays.items()}  # the format's order
    metadata = {"state": text, "sha256": _digest(rows, text)}
    path = folder / NEWEST
    new = write_new(path, safetensors.numpy.save(rows, metadata))
    with explained("write", path):
        if path.exists():
            os.replace(path, folder / PREVIOUS)
        os.replace(new, path)
        sync_folder(folder)


def load(folder: Path, check: Callable[[Row, Path], None] = lambda *_: None) -> tuple[Arrays, Row, str]:
    """Reads the newest checkpoint that can be used.

    Args:
        folder: Where it was written.
        check: Raises RunError if a state, from a file, is not that of the run.

    Returns:
        Arrays by name, the state, and a sentence if the newest checkpoint cannot be used, else "".

    Raises:
        RunError: If there is none, or none that can be used, or `check` raises it.
    """
    problems = []
    for name in (NEWEST, PREVIOUS):
        try:
            arrays, state = _read(folder / name)
        except RunError as error:
            problems.append(str(error))
            continue
        check(state, folder / name)
        return arrays, state, f"{problems[0]} The one before it was used." if problems else ""
    raise RunError(problems[0] if problems[0] == problems[1] else " ".join(problems))


def exists(folder: Path) -> bool:
    """Says whether a run has written a checkpoint.

    Args:
        folder: The run's folder.
    """
    return any((folder / name).exists() for name in (NEWEST, PREVIOUS))


def _read(path: Path) -> tuple[Arrays, Row]:
    """Returns what a file holds; raises RunError unless that is what was written."""
    import safetensors.numpy

    data = read(path, most=outside.most_numbers())  # arrays nearly all
    try:
        size = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + size])["__metadata__"]
        arrays = safetensors.numpy.load(data)
        if metadata["sha256"] != _digest(arrays, metadata["state"]):
            raise ValueError("its SHA-256 is another")
        state = json.loads(metadata["state"])
    except Exception as error:  # what is damaged may fail in any way
        raise RunError(f"{path} is damaged ({one_line(error)}).") from error
    return arrays, state


def _digest(arrays: Mapping[str, np.ndarray], state: str) -> str:
    """Returns the SHA-256 of arrays, with their names, types and shapes, and of the state."""
    digest = hashlib.sha256(state.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(json.dumps([name, str(array.dtype), array.shape]).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
