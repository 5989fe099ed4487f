"""A run until decided has the same bytes whoever computes it: workers of one pool, at every look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from neuroevo.experiment import execute
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.request import resolve
from neuroevo.run_folder import RunFolder
from neuroevo.workers.pool import Pool
from tests.small import CIRCUIT, no_figures

REQUEST = Configuration(
    genome=("degree", "random"),
    task=("lots=tests.lots:Lots:episodes=1",),
    connectome=CIRCUIT,
    generations=1,
    population=4,
    tuning="off",
    until="decided",
    margin=("0.01",),
    budget="140",
    workers=0,
)


def test_results_do_not_depend_on_workers(
    tmp_path: Path, pools: dict[int, Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = []
    for number in (0, 2):

        @contextmanager
        def opened(_: object, number: int = number) -> Iterator[Pool]:
            yield pools[number]

        monkeypatch.setattr(execute, "pool", opened)
        with no_figures():
            execute.run(resolve(REQUEST), tmp_path / str(number))
        folders.append(RunFolder.open(tmp_path / str(number)))
    alone, crew = folders
    assert len(alone.manifest()["looks"]["taken"]) == 2
    assert alone.manifest()["looks"] == crew.manifest()["looks"]
    assert (alone.path / "results.jsonl").read_bytes() == (crew.path / "results.jsonl").read_bytes()
    for path in alone.path.glob("champions/*/*"):
        assert path.read_bytes() == (crew.path / path.relative_to(alone.path)).read_bytes()
