"""Image data sets in a user's own files: checked, split and read.

What is at a path is known before pixels are read: sizes from the headers, classes and the split from labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from neuroevo.errors import DataError
from neuroevo.seeds import generator
from tasks.datasets import HELD_OUT_EVERY, Images
from tasks.stored import Array, Pair, Split, find

CHANNELS = 3  # of an image in colour


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of a data set before its pixels are read.

    Attributes:
        shape: Shape of an image, (height, width) or in colour (height, width, 3).
        classes: The labels that there are, int64, ascending.
        train_labels: Places of the training images' labels in `classes`, int64 [n].
        test_labels: Places of the test images' labels in `classes`, int64 [m].
        held_out: Which of all images are held out, bool [n + m], where the files do not tell; else None.
        names: Names of the classes; empty where they have none.
    """

    shape: tuple[int, ...]
    classes: np.ndarray
    train_labels: np.ndarray
    test_labels: np.ndarray
    held_out: np.ndarray | None
    names: tuple[str, ...] = ()

    @property
    def class_names(self) -> list[str]:
        """Names of the classes; where they have none, their labels."""
        return list(self.names) or [str(label) for label in self.classes]


def facts(path: str, split: int = 0) -> Facts:
    """Returns what is known of the images at a path from headers and labels.

    Args:
        path: A folder or an npz file, see `stored.find`.
        split: Seed of the draw of test images where the files do not tell them.

    Raises:
        DataError: If files are missing or damaged, images are not all of one size and type, labels are no
            whole numbers from 0 or not as many as images, there are fewer than two classes, or a class has
            test images and no training image.
    """
    arrays = find(Path(path).expanduser())
    return _facts(arrays, split, arrays.stamp())


def load(path: str, split: int = 0) -> Images:
    """Returns the images at a path, pixels in 0..255; floats are rounded to it.

    Args:
        path: A folder or an npz file, see `stored.find`.
        split: Seed of the draw of test images where the files do not tell them.

    Raises:
        DataError: As in `facts`; or if pixels are not finite or out of range, or the training images are all
            alike.
    """
    arrays = find(Path(path).expanduser())
    return _load(Path(path).name, arrays, split, arrays.stamp())


def held_out(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns which images are held out where files do not tell: a fifth of each class, drawn at random.

    The draw depends on labels and seed alone and is the same in every run. Of two to nine images of a class
    one is held out; an only one is for training.

    Args:
        labels: Labels of the images, int64 [n].
        seed: Seed of the draw.

    Returns:
        Whether each image is held out, bool [n].
    """
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels).tolist():
        members = np.flatnonzero(labels == label)
        count = max(1, len(members) // HELD_OUT_EVERY) if len(members) > 1 else 0
        chosen[generator(seed, "images", "held out", label).choice(members, count, replace=False)] = True
    return chosen


@lru_cache(maxsize=4)  # a task is made several times before it is run
def _facts(arrays: Split, seed: int, stamp: object) -> Facts:
    """Returns what is known of arrays; a stamp tells files that were written anew apart."""
    shape = _one_shape([images for images, _ in (*arrays.train, *arrays.test)])
    train = np.concatenate([_labels(pair) for pair in arrays.train])
    test = np.concatenate([_labels(pair) for pair in arrays.test]) if arrays.test else train[:0]
    chosen = None
    if not arrays.test:
        chosen = held_out(train, seed)
        train, test = train[~chosen], train[chosen]
    where = arrays.train[0][1]
    classes = np.unique(train)
    if len(classes) < 2:
        raise DataError(f"{where} holds one class, {classes[0]}; wanted two or more.")
    unseen = np.setdiff1d(test, classes)
    if len(unseen):
        raise DataError(
            f"Class {unseen[0]} has images in {arrays.test[0][0]} and no training image; wanted training "
            "images of every class."
        )
    if not len(test):
        raise DataError(f"{where} has one image of every class, so none can be held out; wanted more images.")
    return Facts(shape, classes, np.searchsorted(classes, train), np.searchsorted(classes, test), chosen)


@lru_cache(maxsize=2)  # the tasks of a process share the arrays
def _load(name: str, arrays: Split, seed: int, stamp: object) -> Images:
    """Returns the images in arrays; a stamp tells files that were written anew apart."""
    known = _facts(arrays, seed, stamp)
    pixels = [
        np.concatenate([_pixels(images, known.shape) for images, _ in part])
        for part in (arrays.train, arrays.test)
        if part
    ]
    if known.held_out is not None:
        pixels = [pixels[0][~known.held_out], pixels[0][known.held_out]]
    if (pixels[0] == pixels[0][0]).all():
        raise DataError(f"All training images in {arrays.train[0][0]} are alike; wanted images that differ.")
    return Images(name, pixels[0], known.train_labels, pixels[1], known.test_labels)


def _one_shape(arrays: Sequence[Array]) -> tuple[int, ...]:
    """Returns the shape of an image; it and the type of pixels are the same in all arrays."""
    first, kind = _form(arrays[0])
    for array in arrays[1:]:
        shape, other = _form(array)
        if shape != first:
            raise DataError(
                f"{arrays[0]} holds images of {' x '.join(map(str, first))}, {array} of "
                f"{' x '.join(map(str, shape))}; wanted images of one size."
            )
        if other != kind:
            raise DataError(f"{arrays[0]} holds {kind}, {array} {other}; wanted pixels of one type.")
    return first


def _form(array: Array) -> tuple[tuple[int, ...], str]:
    """Returns the shape of an image and the type of its pixels."""
    shape, dtype = array.header()
    if len(shape) == 4 and shape[3] == 1:
        shape = shape[:3]
    if 0 in shape or not (len(shape) == 3 or shape[3:] == (CHANNELS,)):
        raise DataError(
            f"{array} has the shape {list(shape)}; wanted images [n, height, width], or in colour "
            "[n, height, width, 3]."
        )
    if dtype.kind not in "uif":
        raise DataError(f"{array} holds values of type {dtype}; wanted 0..255, or floats in [0, 1].")
    return shape[1:], "floats" if dtype.kind == "f" else "whole numbers"


def _labels(pair: Pair) -> np.ndarray:
    """Returns labels, int64 [n], of images."""
    (num_images, *_), _ = pair[0].header()
    array = pair[1]
    shape, dtype = array.header()
    if shape not in ((num_images,), (num_images, 1)):
        raise DataError(
            f"{array} has the shape {list(shape)}, {pair[0]} has {num_images} images; wanted a label for "
            f"each, [{num_images}]."
        )
    values = array.read().reshape(-1) if dtype.kind in "uif" else None
    with np.errstate(invalid="ignore"):
        is_whole = values is not None and (np.isfinite(values) & (values == np.floor(values))).all()
    if values is None or not is_whole:
        raise DataError(f"{array} holds labels that are no whole numbers; wanted 0, 1, 2 and so on.")
    if values.min() < 0 or float(values.max()) >= 2**31:  # which a half float cannot be compared with
        raise DataError(
            f"{array} holds labels from {values.min():g} to {values.max():g}; wanted 0, 1, 2 and so on."
        )
    return values.astype(np.int64)


def _pixels(array: Array, shape: tuple[int, ...]) -> np.ndarray:
    """Returns images, uint8 [n, ...]."""
    values = array.read()
    largest = 1 if values.dtype.kind == "f" else 255
    if not np.isfinite(values).all():
        raise DataError(f"{array} holds pixels that are not finite; wanted 0..255, or floats in [0, 1].")
    if values.min() < 0 or values.max() > largest:
        raise DataError(
            f"{array} holds {values.dtype} from {values.min():g} to {values.max():g}; wanted whole numbers "
            "in 0..255, or floats in [0, 1]."
        )
    if largest == 1:
        values = np.rint(values.astype(np.float64) * 255)
    return values.astype(np.uint8).reshape(-1, *shape)
