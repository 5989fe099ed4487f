"""Images as people keep them: a folder a class, of PNG or JPEG files, perhaps under `train/` and `test/`.

Sizes and kinds of pixels are known from the headers of all files, before any is unpacked.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuroevo import memory, outside
from neuroevo.errors import DataError, last_line, listed
from tasks.datasets import Images
from tasks.image_files import CHANNELS, Facts, held_out

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg")
SPLITS = ("train", "test")
GREY, COLOUR = ("1", "L"), ("P", "RGB", "RGBA", "LA", "PA", "CMYK", "YCbCr")  # Pillow's names of pixels


@dataclass(frozen=True)
class ClassFolders:
    """Files of a data set.

    Attributes:
        names: Names of the classes, in order.
        train: Training images, each with the number of its class.
        test: Test images; empty where the folders do not tell them.
    """

    names: tuple[str, ...]
    train: tuple[tuple[Path, int], ...]
    test: tuple[tuple[Path, int], ...]

    def stamp(self) -> tuple[tuple[int, int], ...]:
        """Returns what changes when a file is written anew: sizes and times of all files.

        Raises:
            DataError: If a file has gone.
        """
        try:
            status = [path.stat() for path, _ in (*self.train, *self.test)]
        except OSError as error:
            raise DataError(f"Cannot read {error.filename}: {error.strerror}. Replace the file.") from error
        return tuple((s.st_size, s.st_mtime_ns) for s in status)


def are_at(path: str) -> bool:
    """Says whether a path is a folder of folders, and holds no files of another kind of data set.

    Args:
        path: The path.
    """
    folder = Path(path).expanduser()
    try:
        inside = [item for item in folder.iterdir() if not item.name.startswith(".")]
    except OSError:
        return False
    others = any(item.suffix == ".npz" or "-ubyte" in item.name for item in inside)
    return not others and any(item.is_dir() for item in inside)


def facts(path: str, size: int = 0, split: int = 0) -> Facts:
    """Returns what is known of the images at a path from names and headers.

    Args:
        path: A folder with a folder for each class, or with `train` and `test` that have them.
        size: Side in pixels that images are brought to; 0 leaves them, and then all must be of one size.
        split: Seed of the draw of test images where the folders do not tell them.

    Raises:
        DataError: If there are fewer than two classes, a class has no images or only test images, a file is
            no image that can be read, or images differ in size.
    """
    folders = find(Path(path).expanduser())
    return _facts(folders, size, split, folders.stamp())


def load(path: str, size: int = 0, split: int = 0) -> Images:
    """Returns the images at a path, pixels in 0..255.

    Args:
        path: The folder.
        size: Side in pixels that images are brought to; 0 leaves them.
        split: Seed of the draw of test images where the folders do not tell them.

    Raises:
        DataError: As in `facts`; or if a file is damaged, an image is transparent somewhere, or the training
            images are all alike.
    """
    folders = find(Path(path).expanduser())
    return _load(Path(path).name, folders, size, split, folders.stamp())


def find(folder: Path) -> ClassFolders:
    """Returns the files of a data set; names that begin with a dot are passed over.

    Args:
        folder: The folder of the data set.

    Raises:
        DataError: If there are fewer than two classes, one has no images or only test images, or something
            lies among the images that is none.
    """
    inside = _inside(folder)
    if {item.name for item in inside} == set(SPLITS):
        train, test = (_classes(folder / name) for name in SPLITS)
    else:
        train, test = _classes(folder), {}
    if len(train) < 2:
        raise DataError(
            f"{folder} holds one class, {next(iter(train))!r}; wanted a folder for each of two or more."
        )
    unseen = [name for name in test if name not in train]
    if unseen:
        raise DataError(
            f"Class {unseen[0]!r} has images in {folder / 'test'} and none in {folder / 'train'}; wanted "
            "training images of every class."
        )
    number = {name: k for k, name in enumerate(train)}
    return ClassFolders(tuple(train), *(_files(part, number) for part in (train, test)))


def _files(classes: dict[str, list[Path]], number: dict[str, int]) -> tuple[tuple[Path, int], ...]:
    """Returns files with the numbers of their classes."""
    return tuple((file, number[name]) for name, files in classes.items() for file in files)


def _classes(folder: Path) -> dict[str, list[Path]]:
    """Returns the images of each class in a folder, in the order of names."""
    classes: dict[str, list[Path]] = {}
    for item in _inside(folder):
        if not item.is_dir():
            raise DataError(
                f"{item} lies beside folders of images; wanted a folder for each class and no more."
            )
        files = _inside(item)
        wrong = [file for file in files if file.suffix.lower() not in SUFFIXES or not file.is_file()]
        if wrong:
            raise DataError(
                f"{wrong[0]} is no image that is read; wanted files {listed(SUFFIXES)}. Move it away."
            )
        if not files:
            raise DataError(f"{item} holds no images; wanted some of every class, {listed(SUFFIXES)}.")
        classes[item.name] = files
    if not classes:
        raise DataError(f"{folder} holds no folders; wanted one for each class.")
    return classes


def _inside(folder: Path) -> list[Path]:
    """Returns what lies in a folder, in the order of names."""
    try:
        return sorted(item for item in folder.iterdir() if not item.name.startswith("."))
    except OSError as error:
        raise DataError(f"Cannot read {folder}: {error.strerror}; make it readable.") from error


@lru_cache(maxsize=4)  # a task is made several times before it is run
def _facts(folders: ClassFolders, size: int, split: int, stamp: object) -> Facts:
    """Returns what is known of files; a stamp tells files that were written anew apart."""
    forms = [_form(path) for path, _ in (*folders.train, *folders.test)]
    shape = _one_shape([path for path, _ in (*folders.train, *folders.test)], forms, size)
    train, test = (np.array([label for _, label in part], np.int64) for part in (folders.train, folders.test))
    chosen = None
    if not folders.test:
        chosen = held_out(train, split)
        train, test = train[~chosen], train[chosen]
    if not len(test):
        raise DataError(
            f"{folders.train[0][0].parent.parent} has one image of every class, so none can be held out; "
            "wanted more images."
        )
    needed, most = len(forms) * math.prod(shape), outside.most_numbers()
    if needed > most:
        raise DataError(
            f"{len(forms)} images of {' x '.join(map(str, shape))} are {memory.text(needed)}; wanted at most "
            f"{memory.text(most)} on this machine. Name a smaller size=N."
        )
    return Facts(shape, np.arange(len(folders.names)), train, test, chosen, folders.names)


def _form(path: Path) -> tuple[int, int, bool]:
    """Returns height, width and whether an image has colours."""
    with _opened(path) as image:
        if image.mode not in GREY + COLOUR:
            raise DataError(f"{path} has pixels of the kind {image.mode}; wanted bytes, grey or in colour.")
        return image.height, image.width, image.mode not in GREY


def _one_shape(paths: Sequence[Path], forms: Sequence[tuple[int, int, bool]], size: int) -> tuple[int, ...]:
    """Returns the shape that all images have, or are brought to; one in colour makes all of them so."""
    for path, (height, width, _) in zip(paths, forms, strict=True):
        if not size and (height, width) != forms[0][:2]:
            raise DataError(
                f"{paths[0]} has {forms[0][0]} x {forms[0][1]} pixels, {path} {height} x {width}; wanted "
                "images of one size, or size=N, to which they are brought."
            )
    sides = (size, size) if size else forms[0][:2]
    return (*sides, CHANNELS) if any(is_coloured for *_, is_coloured in forms) else sides


@lru_cache(maxsize=2)  # the tasks of a process share the arrays
def _load(name: str, folders: ClassFolders, size: int, split: int, stamp: object) -> Images:
    """Returns the images in files; a stamp tells files that were written anew apart."""
    known = _facts(folders, size, split, stamp)
    pixels = [
        np.stack([_pixels(path, known.shape) for path, _ in part])
        for part in (folders.train, folders.test)
        if part
    ]
    if known.held_out is not None:
        pixels = [pixels[0][~known.held_out], pixels[0][known.held_out]]
    if (pixels[0] == pixels[0][0]).all():
        where = folders.train[0][0].parent.parent
        raise DataError(f"All training images in {where} are alike; wanted images that differ.")
    return Images(name, pixels[0], known.train_labels, pixels[1], known.test_labels)


def _pixels(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Returns an image of a shape, uint8."""
    from PIL.Image import Resampling

    with _opened(path) as image:
        if image.has_transparency_data:
            if image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
                raise DataError(f"{path} is transparent somewhere; wanted an opaque image. Flatten it.")
        image = image.convert("RGB" if len(shape) == 3 else "L")
        if image.size != (shape[1], shape[0]):
            image = image.resize(
                (shape[1], shape[0]), Resampling.BOX if _shrinks(image, shape) else Resampling.BILINEAR
            )
        return np.asarray(image, np.uint8)


def _shrinks(image: Image, shape: tuple[int, ...]) -> bool:
    """Says whether an image has at least as many pixels, either way, as it is to have."""
    return image.width >= shape[1] and image.height >= shape[0]


@contextmanager
def _opened(path: Path) -> Iterator[Image]:
    """Opens an image; what fails while it is read is a DataError."""
    from PIL import Image

    try:
        with warnings.catch_warnings(), outside.opened(path) as file:
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=("PNG", "JPEG")) as image:
                yield image
    except DataError:
        raise
    except Exception as error:  # a damaged image fails in a dozen ways
        raise DataError(f"Cannot read {path}: {last_line(error)}. Replace the file.") from error
