"""What image tasks share: a network is shown an image, settles, and names the class.

The image is a constant input; after some network steps the outputs are read as logits, one a class. Fitness
is the log-likelihood of the true class, or whether it is named, on a minibatch of the training split, which
all genomes of a lineage share. The score is the accuracy on the whole test split, which nothing looks at but
`score` and what makes pictures of a finished run.

A minibatch says little about what a network still gets wrong once it names most images: nearly all of their
likelihoods are near zero, whatever the genome. With `pool`, a minibatch is drawn from a larger one by how
wrong the lineage's centre is on each image, and every image counts by the inverse of how often it would be
drawn: the same fitness in the mean, with a fraction of the noise (importance sampling; Katharopoulos &
Fleuret (2018), https://doi.org/10.48550/arXiv.1803.00942).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from neuroevo.errors import OptionError, require_range
from neuroevo.physics import engine
from neuroevo.seeds import generator
from neuroevo.task import Samples, Split, Task
from tasks import pixels
from tasks.datasets import Images

if TYPE_CHECKING:
    from torch import Tensor

    from neuroevo.network.phenotype import Phenotype

Fitness = Literal["cross-entropy", "accuracy"]
FITNESS_UNITS = {"cross-entropy": "log-likelihood", "accuracy": "accuracy"}
FLOOR = 0.03  # added to how wrong a network is on an image, 1.4 at most, for how often that is drawn
SCORED_AT_ONCE = 512  # images; bounds the memory of a score and keeps the states near the processor


@dataclass(frozen=True, eq=False)
class _Sensed:
    """A data set as the sensors see it."""

    train: Tensor  # float32 [n, S]
    train_labels: Tensor  # int64 [n]
    test: Tensor  # float32 [m, S]
    test_labels: Tensor  # int64 [m]


@dataclass(frozen=True, eq=False)
class Minibatch:
    """Training images that a genome is tested on.

    Attributes:
        images: Places of the images in the training split, int64 [B].
        weights: What each image counts, float32 [B], in expectation over all draws 1; None: all count 1.
    """

    images: np.ndarray
    weights: np.ndarray | None = None


class Classification(Task):
    """Base of the image tasks; a subclass says how large its data set is and loads it.

    Args:
        episodes: Images of a minibatch.
        steps: Network steps for which an image is shown.
        components: Principal components of the training split shown in place of pixels; 0 for pixels.
        fitness: `cross-entropy`, the log-likelihood of the true class; or `accuracy`, 1 or 0 an image.
        pool: Images among which those of a minibatch are drawn by how wrong the lineage is on each; 0: they
            are drawn evenly.

    Attributes:
        shape: Shape of an image, (height, width), or in colour (height, width, 3).
        num_training: Number of images of the training split.
        rank: Most principal components of the training split that can vary at all.
        class_names: Names of the classes, in order; each has an actuator.
        image_shape: (height, width) where a sensor is a pixel, row by row; (height, width, 3) in colour,
            where a pixel is three sensors that follow one another. None where sensors are components.
    """

    unit = "accuracy"
    maximum = 1.0
    on_device = True
    washout = 0  # of a readout: every image is shown from rest
    search = {"pgpe": {"core": 0.1}}  # noqa: RUF012 - the whole worm has thousands of synapses that tell little
    shape: tuple[int, ...]
    num_training: int
    rank: int
    class_names: list[str]
    steps: int
    episodes: int
    fitness_unit: str

    def __init__(
        self,
        episodes: int = 256,
        steps: int = 4,
        components: int = 0,
        fitness: Fitness = "cross-entropy",
        pool: int = 0,
    ) -> None:
        num_pixels = math.prod(self.shape)
        require_range("episodes", episodes, 1, self.num_training)
        require_range("steps", steps, 1, 1_000)
        if components > 0 and num_pixels > pixels.LARGEST:
            raise OptionError(
                f"Option 'components' is {components}; images of {num_pixels} values have none here (at most "
                f"{pixels.LARGEST}). Use components=0, or smaller images."
            )
        require_range("components", components, 0, self.rank)
        if pool:
            require_range("pool", pool, episodes, self.num_training)
        self.episodes = episodes
        self.steps = steps
        self.components = components
        self.fitness = fitness
        self.pool = pool
        self.fitness_unit = FITNESS_UNITS[fitness]
        self.num_sensors = components or num_pixels
        self.num_actuators = len(self.class_names)
        self.image_shape = None if components else self.shape
        self._sensed: _Sensed | None = None
        self._copies: dict[object, _Sensed] = {}  # by device

    @abstractmethod
    def images(self) -> Images:
        """Returns the data set."""

    def prepare(self) -> None:
        """Loads the data; raises DataError if they cannot be had."""
        self._data()

    def data_hashes(self) -> dict[str, str]:
        """Returns the SHA-256 of the data set, for the manifest."""
        return {"sha256": self.images().sha256()}

    @property
    def chooses(self) -> bool:
        """Whether minibatches depend on what a lineage gets wrong, see `choose`."""
        return self.pool > 0

    def choose(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> list[Minibatch]:
        """Returns what each genome, and whatever is near it, is best tested on.

        Args:
            phenotype: G genomes, the centres of lineages.
            seeds: One a genome, [G]; each stands for a pool.
        """
        import torch

        pools = {seed: self._drawn(seed, "pool", self.pool) for seed in seeds}
        parts_wrong = []
        for first in range(0, self.pool, SCORED_AT_ONCE):
            parts = {seed: Minibatch(pool[first : first + SCORED_AT_ONCE]) for seed, pool in pools.items()}
            logits, labels, _ = self._shown(phenotype, [parts[seed] for seed in seeds])
            parts_wrong.append(_wrong(logits, labels).cpu())
        wrong = torch.cat(parts_wrong, 1).double().numpy()
        return [
            _drawn_by(row, pools[seed], self.episodes, seed) for row, seed in zip(wrong, seeds, strict=True)
        ]

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns the fitness on training images: log-likelihoods of the true class, in nats, or hits.

        Args:
            phenotype: G genomes.
            seeds: One a genome, [G]; each stands for a minibatch of B images.

        Returns:
            float32 [G, B], at most 0; or with `fitness=accuracy` 1 or 0. NaN where an output is not finite.
        """
        minibatches = {seed: Minibatch(self.minibatch(seed)) for seed in dict.fromkeys(seeds)}  # each once
        return self.evaluate_on(phenotype, seeds=seeds, choices=[minibatches[seed] for seed in seeds])

    def evaluate_on(
        self, phenotype: Phenotype, *, seeds: Sequence[int], choices: Sequence[Minibatch]
    ) -> Tensor:
        """Returns the fitness on given training images.

        Args:
            phenotype: G genomes.
            seeds: Not used: the minibatches say all.
            choices: Minibatches of B images, one a genome, [G].

        Returns:
            float32 [G, B], as of `evaluate`, times an image's weight where it has one.
        """
        import torch

        logits, labels, weights = self._shown(phenotype, choices)
        if self.fitness == "accuracy":
            fitness = _hits(_named(logits), labels)
        else:
            fitness = torch.log_softmax(logits, 2).gather(2, labels[:, :, None])[:, :, 0]
        return fitness if weights is None else fitness * weights

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns 1 where the largest output names the class, 0 where not, on all test images.

        Args:
            phenotype: G genomes.
            seeds: Not used: the test split is the same for all.

        Returns:
            float32 [G, test images]; NaN where an output is not finite, for that network names no class.
        """
        return _hits(self._predicted(phenotype), self._data(engine.place(phenotype)).test_labels)

    def predictions(self, phenotype: Phenotype) -> np.ndarray:
        """Returns the class that each genome names for each test image.

        Args:
            phenotype: G genomes.

        Returns:
            int64 [G, test images]; -1 where an output is not finite.
        """
        return self._predicted(phenotype).cpu().numpy()

    def labels(self) -> np.ndarray:
        """Returns the true classes of the test images, int64 [test images]."""
        return self.images().test_labels.astype(np.int64)

    def test_images(self) -> np.ndarray:
        """Returns the test images, uint8 [test images, height, width], or in colour [..., 3]."""
        return self.images().test_images

    @cached_property
    def floor(self) -> tuple[float, str]:
        """The share of the test images that are of the class with most images to train on."""
        images = self.images()
        most = int(np.bincount(images.train_labels, minlength=len(self.class_names)).argmax())
        return float((images.test_labels == most).mean()), "naming one class always"

    @property
    def num_minibatch(self) -> int:
        """Images of a minibatch."""
        return self.episodes

    def samples(self, split: Split, *, seeds: Sequence[int]) -> Samples:
        """Returns images with targets that are 1 for their class and 0 for the others, for a readout.

        Args:
            split: "minibatch", "training" or "held-out"; the last is the test split.
            seeds: One a genome, [G]; each stands for a minibatch, and nothing else depends on it.
        """
        import torch

        data = self._data()
        classes = torch.eye(len(self.class_names))
        if split == "minibatch":
            row = {seed: u for u, seed in enumerate(dict.fromkeys(seeds))}
            images = torch.from_numpy(np.stack([self.minibatch(seed) for seed in row]))
            which = torch.tensor([row[seed] for seed in seeds])
            return Samples(data.train[images], classes[data.train_labels[images]], which)
        inputs, labels = {
            "training": (data.train, data.train_labels),
            "held-out": (data.test, data.test_labels),
        }[split]
        return Samples(inputs[None], classes[labels][None], torch.zeros(len(seeds), dtype=torch.int64))

    def judge(self, said: Tensor, targets: Tensor) -> Tensor:
        """Returns 1 where the greatest target that a readout says is that of the class, 0 where not.

        Args:
            said: float64 [G, n, classes].
            targets: Of the same shape.

        Returns:
            float64 [G, n].
        """
        return (said.argmax(2) == targets.argmax(2)).double()

    def minibatch(self, seed: int) -> np.ndarray:
        """Returns the places of the training images that a seed stands for, int64 [B]; none twice.

        Args:
            seed: The seed, as `evaluate` gets it.
        """
        return self._drawn(seed, "minibatch", self.episodes)

    def _drawn(self, seed: int, purpose: str, size: int) -> np.ndarray:
        """Returns some training images, int64 [size]; none twice."""
        return generator(seed, purpose).choice(self.num_training, size, replace=False, shuffle=False)

    def _shown(
        self, phenotype: Phenotype, choices: Sequence[Minibatch]
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Returns outputs [G, B, classes], true classes [G, B] and weights [G, B], None where all are 1."""
        import torch

        device = engine.place(phenotype)
        data = self._data(device)
        distinct = {id(choice): choice for choice in choices}
        row = {key: u for u, key in enumerate(distinct)}
        which = torch.tensor([row[id(choice)] for choice in choices], device=device)
        images = torch.from_numpy(np.stack([x.images for x in distinct.values()])).to(device)  # [U, B]
        logits = phenotype.settle(data.train[images], which, self.steps)
        weights = [x.weights for x in distinct.values() if x.weights is not None]
        counted = torch.from_numpy(np.stack(weights)).to(device)[which] if weights else None
        return logits, data.train_labels[images][which], counted

    def _predicted(self, phenotype: Phenotype) -> Tensor:
        """Returns the same as `predictions`, as a tensor."""
        import torch

        device = engine.place(phenotype)
        test = self._data(device).test
        which = torch.zeros(phenotype.num_genomes, dtype=torch.int64, device=device)
        parts = torch.split(test, SCORED_AT_ONCE)
        return torch.cat([_named(phenotype.settle(part[None], which, self.steps)) for part in parts], 1)

    def _data(self, device: object = "cpu") -> _Sensed:
        """Returns the data set as the sensors see it, made once, and copied once to a device."""
        if str(device) != "cpu":
            if device not in self._copies:
                parts = (getattr(self._data(), field.name).to(device) for field in fields(_Sensed))
                self._copies[device] = _Sensed(*parts)
            return self._copies[device]
        if self._sensed is None:
            import torch

            images = self.images()
            sensed = pixels.sense(images.train_images, images.test_images, self.components)
            labels = (x.astype(np.int64) for x in (images.train_labels, images.test_labels))
            (train, test), (train_labels, test_labels) = (
                map(torch.from_numpy, sensed),
                map(torch.from_numpy, labels),
            )
            self._sensed = _Sensed(train, train_labels, test, test_labels)
        return self._sensed


def _wrong(logits: Tensor, labels: Tensor) -> Tensor:
    """Returns how far the likelihoods of the classes are from the truth, float32 [G, B] in 0..1.42.

    It is the norm of the derivative of the log-likelihood by the outputs: what an image can teach.
    """
    import torch

    truth = torch.nn.functional.one_hot(labels, logits.shape[2])
    return (torch.softmax(logits, 2) - truth).norm(dim=2)


def _drawn_by(wrong: np.ndarray, pool: np.ndarray, size: int, seed: int) -> Minibatch:
    """Returns images of a pool [M], drawn by how wrong a network is on them [M], with their weights.

    They are drawn systematically, at equal distances: as often as expected, but for less than one.
    """
    chances = FLOOR + np.nan_to_num(wrong, nan=0.0, posinf=0.0)
    ends = np.cumsum(chances)
    marks = (generator(seed, "draw").random() + np.arange(size)) * (ends[-1] / size)
    which = np.minimum(np.searchsorted(ends, marks, side="right"), len(pool) - 1)
    return Minibatch(pool[which], (chances.mean() / chances[which]).astype(np.float32))


def _named(logits: Tensor) -> Tensor:
    """Returns the class of the largest output [G, B, classes], int64 [G, B]; -1 where not all are finite."""
    return logits.argmax(2).masked_fill(~logits.isfinite().all(2), -1)


def _hits(named: Tensor, labels: Tensor) -> Tensor:
    """Returns 1 where the class is named, 0 where another is, NaN where none is; float32 [G, B]."""
    import torch

    return (named == labels).float().masked_fill(named < 0, torch.nan)
