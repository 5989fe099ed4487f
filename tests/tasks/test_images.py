"""Image tasks: what networks see, what they are scored on, and that the test split stays held out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from neuroevo.checks import small
from neuroevo.errors import OptionError
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.seeds import generator
from neuroevo.wiring.architecture import Architecture
from tasks import classification, pixels
from tasks.images import Digits, FashionMnist, Mnist
from tests.tasks.test_datasets import fashion_or_skip, mnist_or_skip

CLASSES = 10


class LinearReadout:
    """G linear classifiers in the place of a phenotype; remembers the images it was shown.

    Args:
        weight: float32 [G, classes, S].
        bias: float32 [G, classes].
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight = weight
        self.bias = bias
        self.num_genomes = len(weight)
        self.shown: list[Tensor] = []

    def settle(self, images: Tensor, which: Tensor, steps: int) -> Tensor:
        self.shown.append(images)
        return images[which] @ self.weight.transpose(1, 2) + self.bias[:, None]


def random_readouts(num_genomes: int, num_sensors: int) -> LinearReadout:
    draw = torch.Generator().manual_seed(0)
    weight = torch.randn(num_genomes, CLASSES, num_sensors, generator=draw)
    return LinearReadout(weight, torch.randn(num_genomes, CLASSES, generator=draw))


def ridge(task: Digits | Mnist | FashionMnist) -> LinearReadout:
    """The least-squares classifier on the task's own sensors, in closed form."""
    data = task._data()
    sensed = torch.cat([data.train, torch.ones(len(data.train), 1)], 1).double()
    wanted = torch.nn.functional.one_hot(data.train_labels, CLASSES).double()
    weight = torch.linalg.solve(
        sensed.T @ sensed + torch.eye(sensed.shape[1]).double(), sensed.T @ wanted
    ).float()
    return LinearReadout(weight[:-1].T[None], weight[-1:])


@pytest.fixture(scope="module")
def digits() -> Digits:
    return Digits(episodes=32)


@pytest.fixture(scope="module")
def mnist() -> Mnist:
    mnist_or_skip()
    return Mnist()


def shown(task: Digits, seeds: Sequence[int]) -> Tensor:
    """Returns what genomes of these seeds see in `evaluate`, [U, B, S]."""
    readouts = random_readouts(len(seeds), task.num_sensors)
    task.evaluate(readouts, seeds=seeds)
    return torch.cat(readouts.shown)


@pytest.mark.parametrize(
    ("task", "sensors", "shape"),
    [
        (Digits(), 64, (8, 8)),
        (Digits(components=9), 9, None),
        (Mnist(), 40, None),
        (Mnist(components=0), 784, (28, 28)),
        (FashionMnist(components=0), 784, (28, 28)),
    ],
)
def test_sensors_are_counted_before_data_are_loaded(
    task: Digits | Mnist | FashionMnist, sensors: int, shape: tuple[int, int] | None
) -> None:
    assert (task.num_sensors, task.num_actuators, task.image_shape) == (sensors, 10, shape)
    assert len(task.class_names) == task.num_actuators == 10
    assert task._sensed is None


@pytest.mark.parametrize(
    "options", [{"episodes": 0}, {"episodes": 1443}, {"steps": 0}, {"components": -1}, {"components": 62}]
)
def test_digits_refuse_options_out_of_range(options: dict[str, int]) -> None:
    with pytest.raises(OptionError, match=f"Option '{next(iter(options))}' is"):
        Digits(**options)


@pytest.mark.parametrize("components", [0, 20])
def test_sensors_are_centred_and_of_order_one(components: int) -> None:
    train = Digits(components=components)._data().train
    torch.testing.assert_close(train.mean(0), torch.zeros(train.shape[1]), atol=1e-6, rtol=0)
    assert train.square().mean().item() == pytest.approx(1, abs=1e-5)


def test_components_are_principal() -> None:
    """They hold the most variance that so many uncorrelated directions can, as the eigenvalues say."""
    task = Digits(components=20)
    shown = task.images().train_images.reshape(-1, 64).astype(float)
    sensed = task._data().train.double().numpy()
    wanted = np.sort(np.linalg.eigvalsh(np.cov(shown.T, bias=True)))[::-1][:20]
    covariance = np.cov(sensed.T, bias=True) * wanted.mean()
    # Axes are rounded to a grid of 1e-6 and sensors to float32.
    np.testing.assert_allclose(covariance, np.diag(wanted), atol=1e-4 * wanted[0])


def test_axes_point_where_their_largest_entry_is_positive() -> None:
    axes = pixels.principal_axes(Digits().images().train_images.reshape(-1, 64), 61)
    assert (axes[np.abs(axes).argmax(0), np.arange(61)] > 0).all()
    assert (axes % pixels.AXIS_GRID == 0).all()


def test_most_components_are_the_rank() -> None:
    images = Digits().images().train_images.reshape(-1, 64)
    assert np.linalg.matrix_rank(images - images.mean(0)) == Digits.rank
    assert pixels.principal_axes(images, Digits.rank).shape == (64, Digits.rank)
    with pytest.raises(OptionError, match=r"'components' is 62; the training images vary along 61 axes"):
        pixels.principal_axes(images, Digits.rank + 1)


def test_test_images_are_seen_through_the_training_fit(digits: Digits) -> None:
    data, source = digits._data(), digits.images()
    shown = torch.from_numpy(source.train_images.reshape(-1, 64).astype(np.float64))
    mean, scale = shown.mean(0), (shown - shown.mean(0)).square().mean().sqrt()
    wanted = (torch.from_numpy(source.test_images.reshape(-1, 64).astype(np.float64)) - mean) / scale
    torch.testing.assert_close(data.test, wanted.float())


def test_evaluate_is_the_log_likelihood_of_the_label(digits: Digits) -> None:
    readouts = random_readouts(3, 64)
    fitness = digits.evaluate(readouts, seeds=[5, 6, 5])
    data = digits._data()
    for genome, seed in enumerate([5, 6, 5]):
        chosen = digits.minibatch(seed)
        logits = data.train[chosen] @ readouts.weight[genome].T + readouts.bias[genome]
        wanted = -torch.nn.functional.cross_entropy(logits, data.train_labels[chosen], reduction="none")
        torch.testing.assert_close(fitness[genome], wanted)


def test_equal_seeds_see_equal_images(digits: Digits) -> None:
    assert torch.equal(shown(digits, [3]), shown(Digits(episodes=32), [3]))
    assert shown(digits, [3, 3, 3]).shape == (1, 32, 64)


def test_distinct_seeds_see_distinct_images(digits: Digits) -> None:
    batches = shown(digits, [3, 4])
    assert batches.shape == (2, 32, 64)
    assert not torch.equal(batches[0], batches[1])


def test_order_of_genomes_does_not_matter(digits: Digits) -> None:
    readouts = random_readouts(4, 64)
    flipped = LinearReadout(readouts.weight.flip(0), readouts.bias.flip(0))
    seeds = [1, 2, 2, 3]
    there, back = digits.evaluate(readouts, seeds=seeds), digits.evaluate(flipped, seeds=seeds[::-1])
    torch.testing.assert_close(there, back.flip(0))


def test_minibatch_has_no_image_twice() -> None:
    task = Digits(episodes=Digits.num_training)
    assert sorted(task.minibatch(0)) == list(range(Digits.num_training))


def test_evaluate_never_shows_a_test_image(digits: Digits) -> None:
    images = {x.numpy().tobytes() for x in shown(digits, range(200)).reshape(-1, 64)}
    assert len(images) > 1400  # nearly all of the training split
    assert not images & {x.numpy().tobytes() for x in digits._data().test}


def test_score_shows_each_test_image_once(digits: Digits) -> None:
    readouts = random_readouts(2, 64)
    scores = digits.score(readouts, seeds=[0, 1])
    assert scores.shape == (2, 355)
    assert torch.equal(torch.cat(readouts.shown, 1)[0], digits._data().test)


@pytest.mark.parametrize("at_once", [1, 100, 355])
def test_score_does_not_depend_on_its_chunks(
    digits: Digits, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = digits.score(random_readouts(3, 64), seeds=[0, 0, 0])
    monkeypatch.setattr(classification, "SCORED_AT_ONCE", at_once)
    assert torch.equal(digits.score(random_readouts(3, 64), seeds=[7, 8, 9]), wanted)


def test_outputs_that_are_not_finite_are_failures(digits: Digits) -> None:
    readouts = random_readouts(2, 64)
    readouts.bias[1, 3] = torch.nan
    by_hits = Digits(episodes=32, fitness="accuracy")
    for task in (digits, by_hits):
        for values in (task.evaluate(readouts, seeds=[0, 0]), task.score(readouts, seeds=[0, 0])):
            assert values[0].isfinite().all()
            assert values[1].isnan().all()
    named = digits.predictions(readouts)
    assert (named[0] >= 0).all() and (named[1] == -1).all()


def test_outputs_that_are_not_finite_on_one_image_are_a_failure_there_alone(digits: Digits) -> None:
    readouts = random_readouts(1, 64)
    readouts.weight[0, 0, 20] = torch.inf  # no finite output where that pixel is not at its mean
    lit = digits._data().test[:, 20] != 0
    assert ((digits.predictions(readouts)[0] == -1) == lit.numpy()).all()


def test_accuracy_as_fitness_is_whether_the_largest_output_names_the_class() -> None:
    task = Digits(episodes=32, fitness="accuracy")
    readouts = random_readouts(2, 64)
    fitness = task.evaluate(readouts, seeds=[5, 6])
    data = task._data()
    for genome, seed in enumerate([5, 6]):
        chosen = task.minibatch(seed)
        logits = data.train[chosen] @ readouts.weight[genome].T + readouts.bias[genome]
        assert torch.equal(fitness[genome], (logits.argmax(1) == data.train_labels[chosen]).float())
    assert 0 < fitness.mean() < 1
    assert (task.fitness_unit, Digits().fitness_unit) == ("accuracy", "log-likelihood")


def test_fitness_of_either_kind_meets_the_same_images() -> None:
    for seed in range(3):
        first, second = (Digits(fitness=kind).minibatch(seed) for kind in ("cross-entropy", "accuracy"))
        assert np.array_equal(first, second)


def test_score_is_made_of_predictions(digits: Digits) -> None:
    blueprint = Blueprint(Architecture.of(small()), digits.num_sensors, digits.num_actuators)
    phenotype = Phenotype([blueprint], [3])
    phenotype.load([blueprint.draw(3, generator(0, "test"))])
    named = digits.predictions(phenotype)
    assert named.dtype == np.int64 and named.shape == (3, 355)
    hits = (named == digits.labels()).astype(np.float32)
    assert np.array_equal(digits.score(phenotype, seeds=[0] * 3).numpy(), hits)
    assert len(np.unique(named)) > 1  # they say something


def test_pictures_are_those_that_labels_are_of(digits: Digits) -> None:
    source = digits.images()
    assert digits.test_images().dtype == np.uint8 and digits.test_images().shape == (355, 8, 8)
    assert np.array_equal(digits.test_images(), source.test_images)
    assert digits.labels().dtype == np.int64 and np.array_equal(digits.labels(), source.test_labels)


def test_linear_readout_names_digits(digits: Digits) -> None:
    assert digits.score(ridge(digits), seeds=[0]).mean() > 0.9


@pytest.mark.network
def test_linear_readout_names_mnist(mnist: Mnist) -> None:
    """Least squares on 64 components: the strong control that every network has to beat."""
    scores = mnist.score(ridge(mnist), seeds=[0])
    assert scores.shape == (1, 10_000)
    assert scores.mean() > 0.8


@pytest.mark.network
def test_linear_readout_names_clothes() -> None:
    """Harder than digits, by the same control."""
    fashion_or_skip()
    task = FashionMnist()
    assert 0.7 < task.score(ridge(task), seeds=[0]).mean() < 0.84


@pytest.mark.network
def test_most_components_of_clothes_are_the_rank() -> None:
    images = fashion_or_skip().train_images.reshape(60_000, -1)
    assert pixels.principal_axes(images, FashionMnist.rank).shape == (784, 784)


@pytest.mark.network
def test_mnist_sensors_do_not_depend_on_threads(mnist: Mnist) -> None:
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    source, sensed = mnist.images(), []
    for threads in (1, 2):
        with threadpool_limits(threads):
            sensed.append(pixels.sense(source.train_images[:10_000], source.test_images, 64))
    (train, test), (train_again, test_again) = sensed
    assert np.array_equal(train, train_again)
    assert np.array_equal(test, test_again)
