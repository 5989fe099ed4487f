"""Images of a user's own: what is found, how it is split, and one line for each thing that cannot be used."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

import run as cli
from neuroevo.checks import check_task
from neuroevo.errors import DataError, NeuroevoError
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.request import resolve
from neuroevo.run_folder import RunFolder
from neuroevo.task import TaskRequest
from tasks import idx, image_files
from tasks.classification import Fitness
from tasks.images import ImageFiles
from tasks.sources import FILES, to_idx
from tests.small import CIRCUIT, without_seconds

KEYS = ("train_images", "train_labels", "test_images", "test_labels")
KERAS = ("x_train", "y_train", "x_test", "y_test")
HEIGHT, WIDTH = 5, 4


def drawn(
    num_images: int, seed: int, shape: tuple[int, ...] = (HEIGHT, WIDTH)
) -> tuple[np.ndarray, np.ndarray]:
    """Returns images, uint8, of three classes in turn: each is bright in a part of its own."""
    rng = np.random.default_rng(seed)
    labels = np.arange(num_images, dtype=np.uint8) % 3
    images = rng.integers(0, 100, (num_images, *shape), np.uint8)
    images[np.arange(num_images), labels] += 100
    return images, labels


def arrays(shape: tuple[int, ...] = (HEIGHT, WIDTH)) -> list[np.ndarray]:
    """Returns training images, training labels, test images and test labels."""
    return [*drawn(60, 0, shape), *drawn(21, 1, shape)]


def save_idx(folder: Path, values: list[np.ndarray], names: tuple[str, ...] = FILES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in zip(names, to_idx(values).values(), strict=True):
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder


def save_npz(path: Path, keys: tuple[str, ...] = KEYS, values: list[np.ndarray] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **dict(zip(keys, arrays() if values is None else values, strict=True)))
    return path


def assert_same(path: Path, values: list[np.ndarray]) -> None:
    for array, wanted in zip(image_files.load(str(path)).arrays(), values, strict=True):
        assert np.array_equal(array, wanted)


# --- what is found ------------------------------------------------------------------------------------


def test_images_are_the_same_in_every_kind_of_file(tmp_path: Path) -> None:
    values = arrays()
    assert_same(save_idx(tmp_path / "idx", values), values)
    assert_same(save_npz(tmp_path / "one" / "a.npz"), values)
    assert_same(tmp_path / "one", values)
    assert_same(save_npz(tmp_path / "keras.npz", KERAS), values)


@pytest.mark.parametrize(
    "names",
    [
        tuple(f"{name}.gz" for name in FILES),
        tuple(f"mine-{name.replace('t10k', 'test')}" for name in FILES),
        tuple(name.replace("-idx", ".idx") for name in FILES),
    ],
)
def test_names_of_idx_files_may_differ_at_their_beginning(tmp_path: Path, names: tuple[str, ...]) -> None:
    (tmp_path / "README").write_text("not among them")
    assert_same(save_idx(tmp_path, arrays(), names), arrays())


def test_plain_idx_file_is_read_rather_than_a_compressed_one(tmp_path: Path) -> None:
    save_idx(tmp_path, arrays())
    (tmp_path / f"{FILES[0]}.gz").write_bytes(b"never opened")
    assert_same(tmp_path, arrays())


def test_archives_of_a_folder_are_joined_in_the_order_of_their_names(tmp_path: Path) -> None:
    values = arrays()
    save_npz(tmp_path / "b.npz", KEYS, [x[len(x) // 2 :] for x in values])
    save_npz(tmp_path / "a.npz", KEYS, [x[: len(x) // 2] for x in values])
    assert_same(tmp_path, values)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_are_bytes_over_255(tmp_path: Path, kind: type) -> None:
    values = arrays()
    floats = [x if x.ndim == 1 else (x / 255).astype(kind) for x in values]
    assert_same(save_npz(tmp_path / "a.npz", KEYS, floats), values)


def test_other_whole_numbers_and_an_axis_of_one_are_as_bytes(tmp_path: Path) -> None:
    values = arrays()
    other = [x[..., None].astype(np.int64) for x in values]  # labels as MedMNIST has them, [n, 1]
    assert_same(save_npz(tmp_path / "a.npz", KEYS, other), values)


def test_arrays_beside_the_images_are_left_alone(tmp_path: Path) -> None:
    save_npz(tmp_path / "a.npz", (*KEYS, "notes"), [*arrays(), np.array([{}], object)])
    assert_same(tmp_path / "a.npz", arrays())


def test_images_in_colour_have_three_sensors_a_pixel(tmp_path: Path) -> None:
    values = arrays((HEIGHT, WIDTH, 3))
    for path in (save_npz(tmp_path / "a.npz", KEYS, values), save_idx(tmp_path / "idx", values)):
        task = ImageFiles(str(path), episodes=8, components=0)
        assert (task.num_sensors, task.image_shape) == (HEIGHT * WIDTH * 3, (HEIGHT, WIDTH, 3))
        assert np.array_equal(task.test_images(), values[2])
        sensed = task._data().test.reshape(21, HEIGHT, WIDTH, 3).double().numpy()
        scale = np.sqrt(values[0].astype(float).var(0).mean())
        np.testing.assert_allclose(sensed, (values[2] - values[0].mean(0)) / scale, atol=1e-5)


def test_classes_are_the_labels_that_there_are(tmp_path: Path) -> None:
    values = arrays()
    numbers = np.array([3, 20, 7])
    path = save_npz(tmp_path / "a.npz", KEYS, [values[0], numbers[values[1]], values[2], numbers[values[3]]])
    task = ImageFiles(str(path), episodes=8, components=0)
    assert (task.class_names, task.num_actuators) == (["3", "7", "20"], 3)
    assert np.array_equal(np.array([3, 7, 20])[task.labels()], numbers[values[3]])


def test_sensors_and_classes_are_known_before_pixels_are_read(tmp_path: Path) -> None:
    save_idx(tmp_path, arrays())
    cut = (tmp_path / FILES[0]).read_bytes()[:-1]
    (tmp_path / FILES[0]).write_bytes(cut)
    task = ImageFiles(str(tmp_path), components=0, episodes=60)
    assert (task.num_sensors, task.num_actuators, task.num_training) == (HEIGHT * WIDTH, 3, 60)
    with pytest.raises(DataError, match="is cut off or damaged"):
        task.prepare()


def test_files_written_anew_are_read_anew(tmp_path: Path) -> None:
    path = save_npz(tmp_path / "a.npz")
    assert_same(path, arrays())
    save_npz(path, KEYS, [x[:-3] for x in arrays()])
    assert_same(path, [x[:-3] for x in arrays()])


# --- images held out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["npz", "idx"])
def test_a_fifth_of_each_class_is_held_out_where_files_do_not_tell(tmp_path: Path, kind: str) -> None:
    images, labels = drawn(66, 0)
    if kind == "npz":
        path = save_npz(tmp_path / "a.npz", ("images", "labels"), [images, labels])
    else:
        for name, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte.gz", labels)):
            content = idx.pack(array)
            (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
        path = tmp_path
    loaded = image_files.load(str(path))
    assert np.bincount(loaded.test_labels).tolist() == [4, 4, 4]  # of 22 each
    assert np.bincount(loaded.train_labels).tolist() == [18, 18, 18]
    pairs = {(x.tobytes(), int(y)) for x, y in zip(images, labels, strict=True)}
    train, test = (
        {(x.tobytes(), int(y)) for x, y in zip(*part, strict=True)}
        for part in ((loaded.train_images, loaded.train_labels), (loaded.test_images, loaded.test_labels))
    )
    assert train | test == pairs and not train & test
    assert ImageFiles(str(path), episodes=54, components=0).num_training == 54


def test_held_out_images_are_spread_and_drawn_from_the_labels_alone() -> None:
    labels = np.repeat([0, 1], 500)
    chosen = image_files.held_out(labels)
    assert np.array_equal(chosen, image_files.held_out(labels.copy()))
    for part in np.flatnonzero(chosen).reshape(2, 100) % 500:
        assert part.min() < 50 and part.max() >= 450  # a draw without this is rarer than one in 10,000


@pytest.mark.parametrize(("count", "wanted"), [(1, 0), (2, 1), (9, 1), (10, 2)])
def test_every_class_keeps_training_images(count: int, wanted: int) -> None:
    labels = np.repeat([5, 9], [count, 10])
    assert image_files.held_out(labels)[:count].sum() == wanted


# --- as a task ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", [("cross-entropy", 0), ("accuracy", 5)])
def test_task_on_own_images_keeps_the_rules(tmp_path: Path, chosen: tuple[Fitness, int]) -> None:
    folder = str(save_idx(tmp_path, arrays()))

    class Given(ImageFiles):
        """Name the images in a folder."""

        def __init__(
            self,
            path: str = folder,
            episodes: int = 8,
            steps: int = 4,
            components: int = chosen[1],
            fitness: Fitness = chosen[0],
        ) -> None:
            super().__init__(path, episodes, steps, components, fitness)

    check_task(Given)


def test_worker_makes_the_task_again_from_its_options(tmp_path: Path) -> None:
    path = save_npz(tmp_path / "a.npz")
    experiment = resolve(Configuration(genome=("random",), task=(f"images:{path},components=3,episodes=8",)))
    (call,), (here,) = experiment.task_calls.values(), experiment.tasks.values()
    there = TaskRequest(call.label, call.plugin.path, call.options).make()
    assert (there.num_sensors, there.num_actuators) == (here.num_sensors, here.num_actuators) == (3, 3)
    assert torch.equal(there._data().train, here._data().train)
    assert there.data_hashes() == here.data_hashes()


def test_run_on_own_images_is_the_same_from_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_npz(tmp_path / "shapes" / "a.npz")
    request = ["--genome", "connectome", "--connectome", CIRCUIT, "--generations", "3", "--population", "8"]
    task = "images:shapes,components=3,episodes=8"
    assert cli.main([*request, "--task", task, "--workers", "0", "--quiet", "--out", "one"]) == 0
    assert cli.main(["--config", "one/config.toml", "--quiet", "--out", "two"]) == 0
    first, second = (RunFolder.open(folder) for folder in ("one", "two"))
    assert first.config() == second.config()
    assert without_seconds(first.metrics()) == without_seconds(second.metrics())
    assert first.results() == second.results()
    assert first.config()["task"] == [
        f'"{task}"=images:path=shapes,episodes=8,steps=4,components=3,fitness=cross-entropy,pool=0,'
        "size=0,split=0"
    ]


@pytest.mark.parametrize("text", ["images:{}", "images:path={}", "x=images:{}", "images:{},steps=2"])
def test_request_for_own_images_stays_as_it_is_when_resolved_again(tmp_path: Path, text: str) -> None:
    path = save_npz(tmp_path / "a=b, c" / "x:y.npz")
    text = text.format(f'"{path}"') + ",episodes=8,components=0"
    config = Configuration(genome=("random",), task=(text,))
    experiment = resolve(config)
    (call,) = experiment.task_calls.values()
    assert call.options["path"] == str(path)
    again = resolve(experiment.config)
    assert again.config == experiment.config and again.task_calls == experiment.task_calls
    with pytest.raises(NeuroevoError, match="Two tasks"):
        resolve(Configuration(genome=("random",), task=(text, text)))
