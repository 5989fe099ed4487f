"""Arrays of images and labels in a user's files: found by their names, in IDX files or NumPy archives.

Archives are read as numbers alone: nothing is ever unpickled.
"""

from __future__ import annotations

import math
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from neuroevo import outside
from neuroevo.errors import DataError, last_line, listed
from tasks import idx

WANTED = (
    "wanted a folder of IDX files (train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
    "t10k-labels-idx1-ubyte, plain or .gz) or of .npz files, one .npz file, or a folder a "
    "class of PNG or JPEG files"
)
_IDX = re.compile(r"(?:(train|t10k|test)-)?(images|labels)[-.]idx\d-ubyte(?:\.gz)?$")
_KEYS = (  # in an archive: training images and labels, test images and labels
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("x_train", "y_train", "x_test", "y_test"),  # as Keras writes them
    ("images", "labels"),
)


@dataclass(frozen=True)
class Array:
    """An array in a file.

    Attributes:
        path: The file.
        key: Name of the array in an npz file; empty where the file is an IDX file.
    """

    path: Path
    key: str = ""

    def __str__(self) -> str:
        return f"{self.key} in {self.path}" if self.key else str(self.path)

    def header(self) -> tuple[tuple[int, ...], np.dtype]:
        """Returns shape and type; the values are not read.

        Raises:
            DataError: If the file is damaged, or the array holds Python objects.
        """
        if not self.key:
            return idx.read_shape(self.path), np.dtype(np.uint8)
        with self._opened() as file:
            shape, dtype = outside.array_header(file)
        if dtype.hasobject:
            raise DataError(
                f"{self} holds Python objects, which are never unpickled; wanted an array of numbers. Give "
                "all images one size and save them as one array."
            )
        return shape, dtype

    def read(self) -> np.ndarray:
        """Returns the values.

        Raises:
            DataError: If the file is damaged, or the array holds Python objects.
        """
        if not self.key:
            return idx.read(self.path)
        shape, dtype = self.header()
        with self._opened() as file:
            outside.require_size(math.prod(shape) * dtype.itemsize, outside.most_numbers(), self.path)
            return np.lib.format.read_array(file, allow_pickle=False)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        """Opens the array's member of the archive; what fails while it is read is a DataError."""
        try:
            with (
                warnings.catch_warnings(action="ignore"),  # of a file that is old; one that is damaged fails
                outside.opened(self.path) as whole,
                zipfile.ZipFile(whole) as archive,
                archive.open(f"{self.key}.npy") as file,
            ):
                yield file
        except Exception as error:  # a damaged archive fails in a dozen ways
            raise DataError(f"Cannot read {self}: {last_line(error)}. Replace the file.") from error


Pair = tuple[Array, Array]  # images and their labels


@dataclass(frozen=True)
class Split:
    """Arrays of one data set, for training and for tests.

    Attributes:
        train: Training images and their labels, in parts.
        test: Test images and their labels, in parts; empty where the files do not tell test images, which are
            then among the others.
    """

    train: tuple[Pair, ...]
    test: tuple[Pair, ...] = ()

    def stamp(self) -> tuple[tuple[int, int], ...]:
        """Returns what changes when a file is written anew: sizes and times of all files.

        Raises:
            DataError: If a file has gone, as one that a link points to may have.
        """
        try:
            status = [array.path.stat() for pair in (*self.train, *self.test) for array in pair]
        except OSError as error:
            raise DataError(f"Cannot read {error.filename}: {error.strerror}. Replace the file.") from error
        return tuple((s.st_size, s.st_mtime_ns) for s in status)


def find(path: Path) -> Split:
    """Returns the arrays at a path.

    A folder of IDX files has one of each kind; their names may begin with anything. Archives of a folder are
    parts of one data set, joined in the order of their names.

    Args:
        path: A folder, or an npz file.

    Raises:
        DataError: If there are none, or not those of one data set.
    """
    if path.is_file() and path.suffix == ".npz":
        return _in_archive(path)
    if not path.is_dir():
        what = "is no folder and no .npz file" if path.exists() else "does not exist"
        raise DataError(f"{path} {what}; {WANTED}.")
    try:
        files = sorted(path.iterdir())
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}; make it readable.") from error
    archives = [file for file in files if file.suffix == ".npz"]
    named = [file for file in files if _IDX.search(file.name)]
    if archives and named:
        raise DataError(
            f"{path} holds both {named[0].name} and {archives[0].name}; wanted IDX files or .npz files alone."
        )
    if not archives and not named:
        raise DataError(f"{path} holds no image files; {WANTED}.")
    return _joined([_in_archive(file) for file in archives]) if archives else _in_idx_files(path, named)


def _in_idx_files(folder: Path, files: Sequence[Path]) -> Split:
    """Returns the arrays in IDX files."""
    paths: dict[str, Path] = {}
    for file in files:
        kind = _kind(file)
        if kind in paths and file.name != f"{paths[kind].name}.gz":  # plain and compressed: plain is read
            raise DataError(
                f"{folder} holds two files of {kind}, {paths[kind].name} and {file.name}; wanted one. Put "
                "each data set into a folder of its own."
            )
        paths.setdefault(kind, file)
    splits = ("",) if set(paths) <= {"images", "labels"} else ("train ", "test ")
    for kind in (f"{split}{what}" for split in splits for what in ("images", "labels")):
        if kind not in paths:
            raise DataError(f"{folder} holds no {kind} beside {files[0].name}; {WANTED}.")
    return Split(*(((Array(paths[f"{s}images"]), Array(paths[f"{s}labels"])),) for s in splits))


def _kind(file: Path) -> str:
    """Returns what an IDX file holds, by its name: "train images" or, where no split is told, "images"."""
    split, what = _IDX.findall(file.name)[0]
    return f"{'test' if split == 't10k' else split} {what}".strip()


def _in_archive(path: Path) -> Split:
    """Returns the arrays in an npz file."""
    try:
        with outside.opened(path) as whole, zipfile.ZipFile(whole) as archive:
            held = [name.removesuffix(".npy") for name in archive.namelist()]
    except Exception as error:  # a damaged archive fails in a dozen ways
        raise DataError(f"Cannot read {path}: {last_line(error)}. Wanted an .npz file.") from error
    keys = next((keys for keys in _KEYS if set(keys) <= set(held)), None)
    if keys is None:
        wanted = "; or ".join(", ".join(keys) for keys in _KEYS)
        raise DataError(f"{path} holds the arrays {listed(held) if held else '(none)'}; wanted {wanted}.")
    arrays = [Array(path, key) for key in keys]
    return Split(*(((images, labels),) for images, labels in zip(arrays[::2], arrays[1::2], strict=True)))


def _joined(parts: Sequence[Split]) -> Split:
    """Returns the arrays of several archives as those of one data set."""
    for part in parts:
        if bool(part.test) != bool(parts[0].test):
            raise DataError(
                f"Of {parts[0].train[0][0].path} and {part.train[0][0].path} only one tells test images; "
                "wanted parts of one data set, all alike."
            )
    return Split(
        tuple(p for part in parts for p in part.train), tuple(p for part in parts for p in part.test)
    )
