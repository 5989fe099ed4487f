"""Pictures in a folder a class: read, split, named, and refused in one line."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neuroevo as ne
from neuroevo.errors import DataError, OptionError
from tasks import class_folders
from tasks.images import ImageFiles
from tests.small import CIRCUIT

SHAPE = (6, 5)
NAMES = ("cat", "dog", "Fox")


def picture(label: int, k: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """A picture whose brightest third tells its class."""
    drawn = np.random.default_rng([label, k]).integers(0, 120, shape).astype(np.uint8)
    drawn[2 * label : 2 * label + 2] += 120
    return drawn


def save(
    folder: Path, shape: tuple[int, ...] = SHAPE, number: int = 10, first: int = 0, end: str = "png"
) -> Path:
    """Writes pictures of every class; returns the folder."""
    for label, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for k in range(first, first + number):
            Image.fromarray(picture(label, k, shape)).save(folder / name / f"{k:03}.{end}")
    return folder


def task(path: Path, **options: Any) -> ImageFiles:
    return ImageFiles(str(path), **{"episodes": 4, "components": 0, **options})


@pytest.mark.parametrize("shape", [SHAPE, (*SHAPE, 3)])
def test_pictures_are_read_with_their_classes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    ours = task(save(tmp_path / "pets", shape))
    assert ours.class_names == ["Fox", "cat", "dog"]  # in the order of names, as the folders are listed
    images = ours.images()
    assert (len(images.train_images), len(images.test_images)) == (24, 6)
    assert ours.image_shape == shape and ours.num_sensors == np.prod(shape)
    everything = {
        (label, picture(k, n, shape).tobytes()) for label, k in enumerate((2, 0, 1)) for n in range(10)
    }
    given = zip(
        np.concatenate([images.train_labels, images.test_labels]).tolist(),
        [x.tobytes() for x in (*images.train_images, *images.test_images)],
        strict=True,
    )
    assert set(given) == everything


def test_split_is_drawn_by_its_seed_and_said(tmp_path: Path) -> None:
    save(tmp_path / "pets")
    first, other = (task(tmp_path / "pets", split=split) for split in (0, 7))
    assert first.ports == (
        "Images of 6 x 5 pixels as 30 sensors; 3 classes: Fox, cat, dog; 24 images for training, 6 for the "
        "score, drawn by split=0, a fifth of each class."
    )
    assert np.bincount(other.labels()).tolist() == [2, 2, 2]
    assert not np.array_equal(first.test_images(), other.test_images())
    assert first.images().sha256() != other.images().sha256()


def test_folders_that_tell_the_split_have_their_way(tmp_path: Path) -> None:
    save(tmp_path / "pets" / "train", number=5)
    save(tmp_path / "pets" / "test", number=2, first=5)
    ours = task(tmp_path / "pets")
    assert "15 images for training, 6 for the score, as the files tell." in ours.ports
    wanted = [picture(label, k) for label in (2, 0, 1) for k in (5, 6)]
    assert np.array_equal(ours.test_images(), wanted) and ours.labels().tolist() == [0, 0, 1, 1, 2, 2]


def test_one_picture_in_colour_makes_all_of_them_so(tmp_path: Path) -> None:
    save(tmp_path / "pets")
    Image.fromarray(picture(0, 0, (*SHAPE, 3))).save(tmp_path / "pets" / "cat" / "000.png")
    images = task(tmp_path / "pets").images()
    grey = [x for x in images.train_images if (x == x[..., :1]).all()]
    assert images.train_images.shape[1:] == (*SHAPE, 3) and 22 < len(grey) <= 24
    Image.fromarray(picture(0, 0)).convert("P").save(tmp_path / "pets" / "cat" / "001.png")
    assert task(tmp_path / "pets").image_shape == (*SHAPE, 3)


def test_jpegs_are_read_and_brought_to_a_size(tmp_path: Path) -> None:
    save(tmp_path / "pets", (40, 30, 3), end="JPEG")
    Image.fromarray(picture(0, 0, (80, 90, 3))).save(tmp_path / "pets" / "cat" / "000.jpg")
    with pytest.raises(
        DataError, match=r"has 40 x 30 pixels, .*cat/000.jpg 80 x 90; wanted images of one size"
    ):
        task(tmp_path / "pets")
    ours = task(tmp_path / "pets", size=8)
    assert ours.image_shape == (8, 8, 3) and ours.images().train_images.shape == (25, 8, 8, 3)
    flat = tmp_path / "flat"
    for name, value in (("a", 10), ("b", 200)):
        (flat / name).mkdir(parents=True)
        for k in range(3):
            Image.fromarray(np.full((9 + k, 4), value + k, np.uint8)).save(flat / name / f"{k}.png")
    shown = task(flat, size=3).images().train_images
    assert shown.shape == (4, 3, 3) and (shown == shown[:, :1, :1]).all()


def make_empty(folder: Path) -> None:
    (folder / "mouse").mkdir()


def make_note(folder: Path) -> None:
    (folder / "cat" / "notes.txt").write_text("a cat")


def make_file_beside(folder: Path) -> None:
    (folder / "labels.csv").write_text("a,b")


def make_cut(folder: Path) -> None:
    path = folder / "dog" / "003.png"
    path.write_bytes(path.read_bytes()[:60])


def make_no_image(folder: Path) -> None:
    (folder / "dog" / "003.png").write_bytes(b"GIF89a no picture")


def make_deep(folder: Path) -> None:
    Image.fromarray(np.zeros(SHAPE, np.uint16)).save(folder / "dog" / "003.png")


def make_transparent(folder: Path) -> None:
    Image.fromarray(np.full((*SHAPE, 4), 99, np.uint8)).save(folder / "dog" / "003.png")


def make_pipe(folder: Path) -> None:
    import os

    (folder / "dog" / "003.png").unlink()
    os.mkfifo(folder / "dog" / "003.png")


def make_one(folder: Path) -> None:
    for name in ("dog", "Fox"):
        for file in (folder / name).iterdir():
            file.unlink()
        (folder / name).rmdir()


def make_alike(folder: Path) -> None:
    for file in folder.glob("*/*.png"):
        Image.fromarray(np.full(SHAPE, 7, np.uint8)).save(file)


BAD: dict[Callable[[Path], None], str] = {
    make_empty: "mouse holds no images; wanted some of every class",
    make_note: "cat/notes.txt is no image that is read; wanted files .png, .jpg, .jpeg",
    make_file_beside: "labels.csv lies beside folders of images",
    make_cut: "Cannot read .*dog/003.png: .*Replace the file",
    make_no_image: "Cannot read .*dog/003.png: cannot identify image file",
    make_deep: "dog/003.png has pixels of the kind I;16; wanted bytes",
    make_transparent: "dog/003.png is transparent somewhere; wanted an opaque image",
    make_pipe: "dog/003.png is no image that is read",
    make_one: "pets holds one class, 'cat'; wanted a folder for each of two or more",
    make_alike: "All training images in .*pets are alike",
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda x: x.__name__)
def test_bad_folder_is_refused_in_one_line(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    save(tmp_path / "pets")
    spoil(tmp_path / "pets")
    with pytest.raises(DataError, match=BAD[spoil]) as caught, warnings.catch_warnings():
        warnings.simplefilter("error")
        task(tmp_path / "pets").prepare()
    assert "\n" not in str(caught.value)


def test_test_images_of_a_class_without_training_images_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "pets" / "train", number=2)
    save(tmp_path / "pets" / "test", number=2)
    (tmp_path / "pets" / "train" / "Fox" / "000.png").unlink()
    (tmp_path / "pets" / "train" / "Fox" / "001.png").unlink()
    (tmp_path / "pets" / "train" / "Fox").rmdir()
    with pytest.raises(DataError, match=r"Class 'Fox' has images in .*test and none in .*train"):
        task(tmp_path / "pets")


def test_huge_picture_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "pets", (60, 50))
    monkeypatch.setattr(class_folders.outside, "most_numbers", lambda: 10_000)
    with pytest.raises(DataError, match="30 images of 60 x 50 are 90 kB; wanted at most 10 kB"):
        task(tmp_path / "pets")
    assert task(tmp_path / "pets", size=5).image_shape == (5, 5)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000)
    with pytest.raises(DataError, match="exceeds limit of 1000 pixels"):
        task(save(tmp_path / "bombs", (40, 50)), size=5)


def test_size_is_for_pictures_alone(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros((4, 2, 2), np.uint8), labels=np.arange(4) % 2)
    with pytest.raises(OptionError, match=r"'size' is 8; wanted 0 for .*a.npz"):
        task(tmp_path / "a.npz", size=8)
    with pytest.raises(OptionError, match="'split' is -1"):
        task(tmp_path / "a.npz", split=-1)


def test_run_tells_classes_by_their_names(tmp_path: Path) -> None:
    save(tmp_path / "pets", (*SHAPE, 3))
    run = ne.run(
        genome="adapter-only",
        task=[f"pets=images:{tmp_path / 'pets'},components=0,episodes=24"],
        connectome=CIRCUIT,
        adapter="retina:patch=2",
        generations=25,
        population=24,
        workers=0,
        out=tmp_path / "run",
    )
    assert "3 classes: Fox, cat, dog" in run.report().tasks["pets"].ports
    assert run.results()["score"].max() > 0.6  # of three classes
    run.replay()
    (drawn,) = (tmp_path / "run" / "replay").rglob("confusion*.svg")
    assert all(name in drawn.read_text() for name in NAMES)
