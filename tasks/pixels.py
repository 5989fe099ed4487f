"""What sensors see of images: pixels, or principal components of the training images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neuroevo.errors import OptionError

PROJECTED_AT_ONCE = 2_000  # images
AXIS_GRID = 2.0**-20  # axes are rounded to it, see `principal_axes`
LARGEST = 4_096  # pixels of an image that has principal components; their covariance is 128 MB
# Axes along which images do not vary come out of the eigenvalue solver with variances of some 1e-16 of the
# largest, and in no order of their own. The weakest axis of MNIST that varies has 1.6e-10 of the largest.
WEAKEST = 1e-13


def sense(train: np.ndarray, test: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns what sensors see of images: pixels or principal components, of order one.

    Both are fitted to the training images: their mean is taken off, and one number for all sensors brings the
    mean square to 1. So components keep their proportions: the weak ones, which tell little, stay weak.

    Args:
        train: Training images, uint8 [n, height, width] or [n, height, width, 3], not all alike.
        test: Test images of the same size, uint8 [m, ...].
        components: S, leading principal components; 0 for pixels, row by row.

    Returns:
        What is seen of training and of test images, float32 [n, S] and [m, S].

    Raises:
        OptionError: If the training images have fewer components that vary.
    """
    train, test = train.reshape(len(train), -1), test.reshape(len(test), -1)
    if components:
        axes = principal_axes(train, components)
        train, test = _project(train, axes), _project(test, axes)
    mean, spread = train.mean(0, dtype=np.float64), train.std(0, dtype=np.float64)
    scale = np.sqrt(np.mean(spread**2))
    return ((train - mean) / scale).astype(np.float32), ((test - mean) / scale).astype(np.float32)


def principal_axes(pixels: np.ndarray, components: int) -> np.ndarray:
    """Returns the leading principal axes of images, the same to the bit for any number of threads.

    More threads add in another order, which rounds differently. So the covariance comes from sums of whole
    numbers, exact in any order; what the eigenvalue solver leaves open, some 1e-14, is rounded away on a
    grid; and products of whole pixels with numbers on that grid are exact again.

    Args:
        pixels: Images as rows, uint8 [n, pixels].
        components: How many axes, at most the rank of the images.

    Returns:
        The axes as columns, float64 [pixels, components], of unit length up to the grid, strongest first.

    Raises:
        OptionError: If the images vary along fewer axes.
    """
    products = sum(part.T @ part for part in _parts(pixels))
    mean = pixels.sum(0, dtype=np.int64) / len(pixels)
    variances, axes = np.linalg.eigh(products / len(pixels) - np.outer(mean, mean))
    rank = int((variances > WEAKEST * variances[-1]).sum())
    if components > rank:
        raise OptionError(
            f"Option 'components' is {components}; the training images vary along {rank} axes, so wanted a "
            f"number in [0, {rank}]."
        )
    axes = axes[:, ::-1][:, :components]
    # An axis has no direction of its own: its largest entry shall be positive.
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(components)])
    return np.round(axes / AXIS_GRID) * AXIS_GRID


def _project(pixels: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Returns coordinates along axes, float64 [n, components]."""
    return np.concatenate([part @ axes for part in _parts(pixels)])


def _parts(pixels: np.ndarray) -> Iterator[np.ndarray]:
    """Yields images in float64, some at a time."""
    for start in range(0, len(pixels), PROJECTED_AT_ONCE):
        yield pixels[start : start + PROJECTED_AT_ONCE].astype(np.float64)
