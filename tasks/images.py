"""Handwritten digits: a network is shown an image, settles, and names the class.

The image is a constant input; after some network steps the ten outputs are read as logits. Fitness is the
log-likelihood of the true class on a minibatch of the training split, which all genomes of a lineage share.
The score is the accuracy on the whole test split, which nothing but `score` looks at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.errors import require_range
from neuroevo.plugins import tasks
from neuroevo.seeds import generator
from tasks import datasets

if TYPE_CHECKING:
    from torch import Tensor

    from neuroevo.phenotype import Phenotype

NUM_CLASSES = 10
SCORED_AT_ONCE = 500  # images; bounds the memory of a score and keeps the states near the processor
PROJECTED_AT_ONCE = 2_000  # images
AXIS_GRID = 2.0**-20  # axes are rounded to it, see `principal_axes`


@dataclass(frozen=True, eq=False)
class _Sensed:
    """A data set as the sensors see it."""

    train: Tensor  # float32 [n, S]
    train_labels: Tensor  # int64 [n]
    test: Tensor  # float32 [m, S]
    test_labels: Tensor  # int64 [m]


class _Classification:
    """What image tasks share; a subclass names its data set.

    Attributes:
        num_pixels: Of an image.
        num_training: Images of the training split.
        rank: Principal components of the training split that vary at all.
    """

    unit = "accuracy"
    fitness_unit = "log-likelihood"
    num_actuators = NUM_CLASSES
    num_pixels: int
    num_training: int
    rank: int

    def __init__(self, episodes: int, steps: int, components: int) -> None:
        require_range("episodes", episodes, 1, self.num_training)
        require_range("steps", steps, 1, 1_000)
        require_range("components", components, 0, self.rank)
        self.episodes, self.steps, self.components = episodes, steps, components
        self.num_sensors = components or self.num_pixels
        self._sensed: _Sensed | None = None

    def images(self) -> datasets.Images:
        """Returns the data set."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Loads the data; raises DataError if they cannot be had."""
        self._data()

    def data_hashes(self) -> dict[str, str]:
        """Returns the SHA-256 of the data set, for the manifest."""
        return {"sha256": self.images().sha256()}

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns the log-likelihood of the true class, in nats, on training images.

        Args:
            phenotype: G genomes.
            seeds: One a genome; each stands for a minibatch.

        Returns:
            float32 [G, B], at most 0.
        """
        import torch

        data = self._data()
        row = {seed: u for u, seed in enumerate(dict.fromkeys(seeds))}
        which = torch.tensor([row[seed] for seed in seeds])
        batches = torch.from_numpy(np.stack([self.minibatch(seed) for seed in row]))  # [U, B]
        logits = phenotype.settle(data.train[batches], which, self.steps)  # [G, B, classes]
        labels = data.train_labels[batches][which]  # [G, B]
        return torch.log_softmax(logits, 2).gather(2, labels[:, :, None])[:, :, 0]

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns 1 where the largest output names the class, 0 where not, on all test images.

        Args:
            phenotype: G genomes.
            seeds: Not used: the test split is the same for all.

        Returns:
            float32 [G, test images]; NaN where an output is not finite, for that network names no class.
        """
        import torch

        data, hits = self._data(), []
        which = torch.zeros(phenotype.num_genomes, dtype=torch.int64)
        for start in range(0, len(data.test), SCORED_AT_ONCE):
            part = slice(start, start + SCORED_AT_ONCE)
            logits = phenotype.settle(data.test[None, part], which, self.steps)
            hit = (logits.argmax(2) == data.test_labels[part]).float()
            hits.append(hit.masked_fill(~logits.isfinite().all(2), torch.nan))
        return torch.cat(hits, 1)

    def minibatch(self, seed: int) -> np.ndarray:
        """Returns the training images, int64 [B], that a seed stands for; none twice."""
        rng = generator(seed, "minibatch")
        return rng.choice(self.num_training, self.episodes, replace=False, shuffle=False)

    def _data(self) -> _Sensed:
        """Returns the data set as the sensors see it, made once."""
        if self._sensed is None:
            import torch

            images = self.images()
            sensed = sense(images.train_images, images.test_images, self.components)
            labels = (x.astype(np.int64) for x in (images.train_labels, images.test_labels))
            (train, test), (train_labels, test_labels) = (
                map(torch.from_numpy, sensed),
                map(torch.from_numpy, labels),
            )
            self._sensed = _Sensed(train, train_labels, test, test_labels)
        return self._sensed


@tasks.register("digits")
class Digits(_Classification):
    """Name handwritten digits of 8 x 8 pixels; they come with scikit-learn.

    Sensors: pixels, less their training mean, over one number that makes them of order one.

    Args:
        episodes: Images of a minibatch.
        steps: Network steps for which an image is shown.
        components: Principal components of the training split shown in place of pixels; 0 for pixels.
    """

    defaults = {"generations": 200, "population": 64}  # noqa: RUF012
    num_pixels, num_training, rank = 64, 1_442, 61

    def __init__(self, episodes: int = 256, steps: int = 4, components: int = 0) -> None:
        super().__init__(episodes, steps, components)

    def images(self) -> datasets.Images:
        """Returns the 8 x 8 digits."""
        return datasets.digits()


@tasks.register("mnist")
class Mnist(_Classification):
    """Name the handwritten digits of MNIST, 28 x 28 pixels; downloaded once, 20 MB, and checked.

    Sensors: leading principal components of the training split, strongest first, over one number that makes
    them of order one. They are fitted without labels.

    Args:
        episodes: Images of a minibatch.
        steps: Network steps for which an image is shown.
        components: Principal components; 0 for pixels.
        folder: Folder of the four IDX files, in place of a download.
    """

    defaults = {"generations": 1600, "population": 192}  # noqa: RUF012
    num_pixels, num_training, rank = 784, 60_000, 712

    def __init__(self, episodes: int = 256, steps: int = 4, components: int = 40, folder: str = "") -> None:
        super().__init__(episodes, steps, components)
        self.folder = folder

    def images(self) -> datasets.Images:
        """Returns MNIST."""
        return datasets.mnist(self.folder)


def sense(train: np.ndarray, test: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns what sensors see of images: pixels or principal components, of order one.

    Both are fitted to the training images: their mean is taken off, and one number for all sensors brings the
    mean square to 1. So components keep their proportions: the weak ones, which tell little, stay weak.

    Args:
        train: uint8 [n, height, width].
        test: uint8 [m, height, width].
        components: Leading principal components; 0 for pixels.

    Returns:
        float32 [n, S] and [m, S].
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
        pixels: uint8 [n, pixels].
        components: How many, at most the rank of the images.

    Returns:
        float64 [pixels, components], of unit length up to the grid, strongest first.
    """
    products = sum(part.T @ part for part in _parts(pixels))
    mean = pixels.sum(0, dtype=np.int64) / len(pixels)
    _, axes = np.linalg.eigh(products / len(pixels) - np.outer(mean, mean))
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
