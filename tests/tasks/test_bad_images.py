"""Images of a user's own that cannot be used: one line for each, and nothing is unpickled or written."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import run as cli
from neuroevo.errors import DataError, OptionError
from tasks import idx
from tasks.images import ImageFiles
from tasks.sources import FILES
from tests.small import CIRCUIT
from tests.tasks.test_image_files import KEYS, arrays, drawn, save_idx, save_npz


class Foreign:
    """Would make a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.folder),)


def changed(**changes: np.ndarray) -> list[np.ndarray]:
    """Returns the arrays with some replaced."""
    return [changes.get(key, value) for key, value in zip(KEYS, arrays(), strict=True)]


def npz(**changes: np.ndarray) -> Callable[[Path], Path]:
    return lambda folder: save_npz(folder / "a.npz", KEYS, changed(**changes))


def idx_without(*names: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        save_idx(folder, arrays())
        for name in names:
            (folder / name).unlink()
        return folder

    return make


def with_file(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        save_idx(folder, arrays())
        (folder / name).write_bytes(content)
        return folder

    return make


def both_kinds(folder: Path) -> Path:
    save_npz(folder / "a.npz")
    return save_idx(folder, arrays())


def parts(*shapes: tuple[int, ...]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        for k, shape in enumerate(shapes):
            save_npz(folder / f"{k}.npz", ("images", "labels"), list(drawn(9, k, shape)))
        return folder

    return make


def unlike_parts(folder: Path) -> Path:
    save_npz(folder / "a.npz")
    save_npz(folder / "b.npz", ("images", "labels"), list(drawn(9, 0)))
    return folder


def no_archive(folder: Path) -> Path:
    (folder / "a.npz").write_bytes(b"PK\x03\x04 cut off")
    return folder / "a.npz"


def damaged(folder: Path) -> Path:
    """A byte of the first array is changed."""
    save_npz(folder / "a.npz")
    content = bytearray((folder / "a.npz").read_bytes())
    content[content.index(arrays()[0].tobytes()) + 9] ^= 255
    (folder / "a.npz").write_bytes(content)
    return folder / "a.npz"


RAGGED = np.empty(60, object)
RAGGED[:] = [np.zeros((2 + k % 2, 2)) for k in range(60)]
IMAGES, LABELS = arrays()[:2]
UNSEEN = arrays()[3].copy()
UNSEEN[3] = 9
BAD: list[tuple[Callable[[Path], Path], str]] = [
    (lambda folder: folder / "none", "none does not exist; wanted a folder of IDX files"),
    (lambda folder: folder, "holds no image files; wanted a folder of IDX files"),
    (lambda folder: save_idx(folder, arrays()) / FILES[0], "is no folder and no .npz file"),
    (idx_without(FILES[0]), "holds no train images beside t10k-images"),
    (idx_without(FILES[3]), "holds no test labels beside t10k-images"),
    (idx_without(FILES[2], FILES[3]), "holds no test images beside train-images"),
    (both_kinds, "holds both t10k-images-idx3-ubyte and a.npz"),
    (with_file(f"a-{FILES[0]}", b""), f"two files of train images, a-{FILES[0]} and {FILES[0]}; wanted one"),
    (with_file(FILES[0], b"\x89PNG...."), "is no IDX file: it begins with 89 50 4e 47"),
    (with_file(FILES[0], idx.pack(IMAGES)[:-7]), "is cut off or damaged"),
    (with_file(FILES[1], idx.pack(LABELS)[:-7]), "is cut off or damaged"),
    (
        with_file(FILES[1], idx.pack(LABELS[:-1])),
        r"has the shape \[59\].* has 60 images; wanted a label for each",
    ),
    (
        with_file(FILES[2], idx.pack(IMAGES[:21, :, :3])),
        "holds images of 5 x 4, .* of 5 x 3; wanted images of one",
    ),
    (parts((5, 4), (5, 4), (4, 5)), r"0.npz holds images of 5 x 4, images in .*2.npz of 4 x 5"),
    (unlike_parts, "a.npz and .*b.npz only one tells test images"),
    (no_archive, "Cannot read .*a.npz: .*Wanted an .npz file"),
    (damaged, "Cannot read train_images in .*Bad CRC-32"),
    (
        lambda folder: save_npz(folder / "a.npz", ("a", "b", "c", "d")),
        "holds the arrays a, b, c, d; wanted train_im",
    ),
    (
        npz(train_images=IMAGES.reshape(60, -1)),
        r"has the shape \[60, 20\]; wanted images \[n, height, width\]",
    ),
    (npz(train_images=np.zeros((60, 5, 4, 4), np.uint8)), r"has the shape \[60, 5, 4, 4\]"),
    (npz(test_images=IMAGES[:0], test_labels=LABELS[:0]), r"has the shape \[0, 5, 4\]"),
    (npz(train_images=IMAGES.astype("U3")), "holds values of type <U3; wanted 0..255, or floats"),
    (npz(train_images=IMAGES / 255), "train_images in .* holds floats, test_images in .* whole numbers"),
    (
        npz(train_images=IMAGES.astype(int) + 200),
        "holds int64 from 200 to 399; wanted whole numbers in 0..255",
    ),
    (npz(train_images=IMAGES.astype(int) - 1), "holds int64 from -1 to "),
    (
        npz(train_images=IMAGES * 1.0, test_images=IMAGES[:21] / 255),
        "holds float64 from 0 to 199; wanted whole",
    ),
    (
        npz(train_images=np.where(IMAGES == IMAGES[0, 0, 0], np.nan, 0.5), test_images=IMAGES[:21] / 255),
        "not finite",
    ),
    (npz(train_images=IMAGES * 0), "All training images in .* are alike"),
    (npz(train_images=RAGGED), "holds Python objects, which are never unpickled; wanted an array of numbers"),
    (
        npz(train_labels=LABELS.astype(object)),
        "train_labels in .* holds Python objects, which are never unpickled",
    ),
    (npz(train_labels=LABELS[:59]), r"has the shape \[59\], train_images in .* has 60 images"),
    (npz(train_labels=np.eye(3)[LABELS]), r"has the shape \[60, 3\]"),
    (npz(train_labels=LABELS + 0.5), "holds labels that are no whole numbers"),
    (npz(train_labels=np.where(LABELS == 1, np.nan, 0)), "holds labels that are no whole numbers"),
    (npz(train_labels=LABELS.astype("U1")), "holds labels that are no whole numbers"),
    (npz(train_labels=LABELS.astype(int) - 1), "holds labels from -1 to 1; wanted 0, 1, 2 and so on"),
    (npz(train_labels=LABELS * 0), "holds one class, 0; wanted two or more"),
    (npz(test_labels=UNSEEN), "Class 9 has images in test_images in .* and no training image"),
    (
        lambda folder: save_npz(folder / "a.npz", ("images", "labels"), [IMAGES[:2], LABELS[:2]]),
        "has one image of every class, so none can be held out",
    ),
]


@pytest.mark.parametrize(("make", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_images_that_cannot_be_used_get_one_line(
    make: Callable[[Path], Path], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make(tmp_path)
    with pytest.raises(DataError, match=message) as raised:
        ImageFiles(str(path), episodes=1, components=0).prepare()
    assert "\n" not in str(raised.value)
    out = tmp_path / "run"
    task = f'images:"{path}",episodes=1,components=0'
    request = ["--genome", "random", "--connectome", CIRCUIT, "--workers", "0", "--quiet"]
    assert cli.main([*request, "--task", task, "--out", str(out)]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not out.exists()


def test_what_would_be_unpickled_is_never_run(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    for k, key in enumerate(KEYS):
        values = np.empty(60, object)
        values[:] = [Foreign(folder) for _ in range(60)]
        with pytest.raises(DataError, match="never unpickled"):
            path = npz(**{key: values})(tmp_path / str(k))
            ImageFiles(str(path), episodes=1, components=0).prepare()
    with zipfile.ZipFile(tmp_path / "pickled.npz", "w") as archive:  # a bare pickle in the place of an array
        for key in KEYS:
            archive.writestr(f"{key}.npy", b"cos\nmkdir\n(S'" + str(folder).encode() + b"'\ntR.")
    with pytest.raises(DataError, match="Cannot read train_images"):
        ImageFiles(str(tmp_path / "pickled.npz"), episodes=1, components=0)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": ""}, r"Option 'path' is not given; wanted a folder or an \.npz file, images:PATH"),
        ({"episodes": 61}, r"'episodes' is 61; wanted a number in \[1, 60\]"),
        ({"components": 21}, r"'components' is 21; wanted a number in \[0, 20\]"),
        ({"steps": 0}, "'steps' is 0"),
    ],
)
def test_options_out_of_range_are_refused(tmp_path: Path, options: dict, message: str) -> None:
    given = {"path": str(save_npz(tmp_path / "a.npz")), "episodes": 8, "components": 0}
    with pytest.raises(OptionError, match=message):
        ImageFiles(**{**given, **options})


def test_more_components_than_vary_are_refused_when_pixels_are_read(tmp_path: Path) -> None:
    flat = arrays()[0].copy()
    flat[:, 3:] = 7
    task = ImageFiles(str(npz(train_images=flat)(tmp_path)), episodes=8, components=13)
    with pytest.raises(OptionError, match="'components' is 13; the training images vary along 12 axes"):
        task.prepare()


def test_components_of_large_images_are_refused(tmp_path: Path) -> None:
    path = save_npz(tmp_path / "a.npz", KEYS, arrays((65, 64)))
    assert ImageFiles(str(path), episodes=8, components=0).num_sensors == 65 * 64
    with pytest.raises(OptionError, match=r"images of 4160 values have none here .* Use components=0"):
        ImageFiles(str(path), episodes=8)
