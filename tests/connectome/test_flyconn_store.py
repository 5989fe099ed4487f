"""A store of flyconn is read where it lies."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from neuroevo.connectome import catalog
from neuroevo.connectome.reading import Reading
from neuroevo.errors import ConnectomeError, DataError

WORM = Reading(signs="worm")


def _write(folder: Path, **more: list) -> None:
    folder.mkdir(parents=True)
    edges = {"pre": [11, 11, 12], "post": [12, 13, 13], "weight": [5, 2, 7], **more}
    frame = pd.DataFrame({"dataset": "malecns", "version": "1.0", **edges, "roi": None})
    frame.to_parquet(folder / "edges.parquet")
    pd.DataFrame(
        {
            "neuron_id": [11, 12, 13],
            "super_class": ["sensory", "central", "descending"],
            "cell_type": ["ORN", "PN", "DN"],
            "side": ["left", "left", "right"],
            "nt_pred": ["acetylcholine", "glutamate", "gaba"],
            "nt_conf": [0.9, 0.8, 0.7],
        }
    ).to_parquet(folder / "neurons.parquet")


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("FLYCONN_CACHE", str(tmp_path))
    return tmp_path / "store"


@pytest.mark.parametrize("parts", [("malecns-1.0",), ("malecns", "1.0"), ("malecns-1.0", "2")])
@pytest.mark.parametrize("has_version", [True, False])
def test_wiring_is_read(store, parts, has_version):
    _write(store.joinpath(*parts))
    wiring = catalog.load(f"flyconn:{'-'.join(parts) if has_version else 'malecns'}", WORM)
    assert wiring.name == "-".join(parts) and wiring.cells == ("11", "12", "13")
    assert wiring.chemical.weight.tolist() == [5, 2, 7]
    assert wiring.inputs.tolist() == [0] and wiring.outputs.tolist() == [2]
    assert wiring.transmitter == ("acetylcholine", "glutamate", "gaba")
    assert set(wiring.account.ignored) == {"dataset", "version", "roi"}


def test_all_that_is_asked_of_files_can_be_asked(store):
    _write(store / "malecns-1.0", pre=[11, 11, 11], post=[12, 12, 13])
    with pytest.raises(ConnectomeError, match=r"--duplicates sum"):
        catalog.load("flyconn:malecns", WORM)
    reading = Reading.of(duplicates="sum", select="side=left", signs="worm")
    assert catalog.load("flyconn:malecns", reading).chemical.weight.tolist() == [7]


def test_what_is_not_there_is_one_line(store):
    with pytest.raises(DataError, match=r"No store of flyconn is in .*FLYCONN_CACHE"):
        catalog.load("flyconn:malecns")
    _write(store / "malecns-1.0")
    with pytest.raises(DataError, match=r"Unknown connectome 'malecn'. Did you mean 'malecns-1.0'"):
        catalog.load("flyconn:malecn")
    _write(store / "malecns-1.1")
    with pytest.raises(DataError, match=r"could be malecns-1.0 or malecns-1.1; wanted one of them"):
        catalog.load("flyconn:malecns")
    assert catalog.load("flyconn:malecns-1.0", WORM).num_cells == 3
    (store / "malecns-1.1" / "neurons.parquet").unlink()
    with pytest.raises(DataError, match=r"has no neurons.parquet"):
        catalog.load("flyconn:malecns-1.1")
