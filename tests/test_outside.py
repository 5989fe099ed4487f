"""Files that others wrote are looked at before they are read: what they are, and how large, unpacked too."""

from __future__ import annotations

import ast
import gzip
import io
import os
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import run as cli
from neuroevo import files, memory, toml
from neuroevo.connectome import catalog
from neuroevo.connectome.readers import SUFFIXES
from neuroevo.errors import NeuroevoError, RunError
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.study import Study
from neuroevo.forms import Form
from neuroevo.network.constants import Table
from neuroevo.network.neurons import Neuron
from neuroevo.rows import Manifest
from neuroevo.run_folder import RunFolder
from tasks import idx, image_files
from tests import ROOT

MB = 1_000_000
READERS: dict[str, Callable[[Path], object]] = {
    **{f"a{suffix}": lambda path: catalog.load(str(path)) for suffix in SUFFIXES},
    "config.toml": Configuration.read,
    "study.toml": lambda path: Study.read(path, "smoke"),
    "constants.csv": lambda path: Table.read(Neuron.parse(f"leaky:table={path}")),
    "train-images-idx3-ubyte": idx.read,
    "train-images-idx3-ubyte.gz": idx.read,
    "manifest.json": lambda path: RunFolder(path.parent).manifest(),
    "results.jsonl": lambda path: RunFolder(path.parent).results(),
    "metrics.jsonl": lambda path: RunFolder(path.parent).metrics(),
    "selection.jsonl": lambda path: RunFolder(path.parent).unfinished(),
    "checkpoint.safetensors": lambda path: RunFolder(path.parent).read_checkpoint(),
}


@pytest.fixture(autouse=True)
def traced() -> Iterator[None]:
    """Memory is traced in every test."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


def peak() -> int:
    """Returns the most memory that was allocated in a test so far, in bytes."""
    return tracemalloc.get_traced_memory()[1]


def beside_a_manifest(folder: Path, name: str) -> Path:
    """Returns the path of a file of a run folder, whose other files are right."""
    for other in {"manifest.json", "config.toml"} - {name}:
        (folder / other).write_text("{}" if other.endswith("json") else "")
    return folder / name


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_regular_file_is_one_line(name: str, kind: str, tmp_path: Path) -> None:
    path = beside_a_manifest(tmp_path, name)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(NeuroevoError, match=f"it is a (named )?{kind}, no regular file") as refused:
        READERS[name](path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", [name for name in READERS if name not in ("config.toml", "study.toml")])
def test_what_is_larger_than_memory_is_not_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "limit", lambda: 160 * MB)
    path = beside_a_manifest(tmp_path, name)
    with path.open("wb") as file:
        file.truncate(2_000 * MB)  # takes no room on the disk
    if name == "selection.jsonl":  # which is read in pieces
        return
    with pytest.raises(NeuroevoError) as refused:
        READERS[name](path)
    assert peak() < 60 * MB
    said = str(refused.value)
    assert "it has 2.0 GB, and at most" in said or "it has more than 10,000,000 bytes" in said, said


def test_archive_is_measured_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("arr_0.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": "<f8", "fortran_order": False, "shape": (11_500, 11_500)}
            )
            for _ in range(11_500):
                file.write(bytes(11_500 * 8))
    assert path.stat().st_size < 6 * MB
    with pytest.raises(NeuroevoError, match=r"it has 1\.1 GB unpacked, and at most 1\.0 GB are read"):
        catalog.load(str(path))
    assert peak() < 60 * MB


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_header_that_promises_too_much_is_refused(name: str, tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, np.ones((3, 3)))
    content = file.getvalue().replace(b"'shape': (3, 3), }" + b" " * 8, b"'shape': (90000, 90000), }")
    path = tmp_path / name
    if name.endswith("z"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("arr_0.npy", content)
    else:
        path.write_bytes(content)
    with pytest.raises(NeuroevoError, match="cannot be read as a matrix: its header announces 90000 x 90000"):
        catalog.load(str(path))


def test_packed_images_are_unpacked_no_further_than_their_header_says(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(struct.pack(">HBB3I", 0, 8, 3, 10, 2, 3))
        for _ in range(200):
            file.write(bytes(MB))
    with pytest.raises(NeuroevoError, match="it goes on beyond 1,000,076 bytes unpacked"):
        idx.read(path)
    assert peak() < 10 * MB
    path.write_bytes(gzip.compress(struct.pack(">HBB3I", 0, 8, 3, *[60_000] * 3)))
    with pytest.raises(NeuroevoError, match=r"it has 216 TB unpacked, and at most"):
        idx.read(path)


def test_image_archives_are_held_against_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "images.npz"
    np.savez_compressed(path, images=np.zeros((400, 100, 100), np.uint8), labels=np.arange(400) % 2)
    monkeypatch.setattr(memory, "limit", lambda: 8 * MB)
    with pytest.raises(NeuroevoError, match=r"it has 4\.0 MB unpacked, and at most 1\.0 MB are read"):
        image_files.load(str(path))


def test_line_without_end_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with path.open("wb") as file:
        file.truncate(300 * MB)
    with pytest.raises(RunError, match=r"line 1 is damaged \(it has more than 10,000,000 bytes\)"):
        list(files.read_lines(path, (), Form((Manifest,))))
    assert files.half_line(path) == 1
    assert peak() < 30 * MB


def test_dots_take_no_memory_and_a_mark_is_passed_over(tmp_path: Path) -> None:
    with pytest.raises(toml.TomlError, match="more than 32 parts"):
        toml.loads(b"a" + b".a" * 20_000 + b" = 1")
    assert peak() < 10 * MB
    path = tmp_path / "marked.toml"
    path.write_bytes('\ufeffgenome = ["connectome"]\n'.encode())
    assert Configuration.read(path).genome == ("connectome",)


def test_table_of_constants_is_read_before_workers_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from neuroevo.experiment import execute

    monkeypatch.setattr(execute, "pool", None)  # nobody may begin anything
    request = ["--genome", "connectome", "--task", "swimmer", "--neuron", f"leaky:table={tmp_path}"]
    assert cli.main([*request, "--out", str(tmp_path / "run")]) == 2
    assert "cannot be read: Is a directory; wanted a CSV file" in capsys.readouterr().err


# Functions that open files by their own: what they read is not a user's, or they do not read.
NOT_OUTSIDE = {
    "neuroevo/memory.py": {"_limit_files", "_number"},  # of the system
    "neuroevo/outside.py": {"opened", "content"},
    "neuroevo/connectome/bundled.py": {"_table"},  # of this package
    "neuroevo/report/html/page.py": {"asset"},
    "neuroevo/connectome/published.py": {"_downloaded", "mushroom_body"},  # what was fetched, and has a sum
    "neuroevo/connectome/distilling.py": {"_unpack"},  # what it writes
    "neuroevo/transfers.py": {"_go_on"},
    "tasks/idx.py": {"read"},  # by its own reader
    "tasks/sources.py": {"mnist_wheel", "debian"},
    "neuroevo/files.py": {"append_lines", "open_new", "open_to_append", "sync"},
    "neuroevo/run_folder.py": {"cut"},
    "neuroevo/experiment/packages.py": {"_names"},  # source text of modules that were imported
    "neuroevo/workers/endings.py": {"last_words", "memory_kills"},  # of Ray and the system
}
OPENING = {"open", "read_text", "read_bytes", "fromfile", "loadtxt", "genfromtxt", "read_csv", "load_file"}
OTHER = {
    "arrow",
    "archive",
    "RunFolder",
    "cls",
    "gzip",
    "tarfile",
    "os",
    "idx",
    "Image",
}  # who open no path: Arrow gets an open stream


def opening(path: Path) -> set[str]:
    """Names of the functions of a file in which something is opened by its path."""
    names: set[str] = set()
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    called = node.func
                    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                    owner = getattr(getattr(called, "value", None), "id", "")
                    if name in OPENING and owner not in OTHER:
                        names.add(function.name)
    return names


def test_no_reader_of_outside_files_opens_them_itself() -> None:
    tracemalloc.stop()  # it makes the parser slow
    for top in ("neuroevo", "tasks", "populations"):
        for path in sorted((ROOT / top).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith("neuroevo/connectome/data/"):
                assert opening(path) <= NOT_OUTSIDE.get(name, set()), name
