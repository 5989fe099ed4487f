"""On workers: what dies or hangs in a score costs no search, and a target is reached in whatever order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neuroevo.experiment import selection
from neuroevo.experiment.resume import Past
from neuroevo.experiment.writer import RunWriter
from neuroevo.run_folder import RunFolder, key_of
from neuroevo.workers import ray_pool
from neuroevo.workers.pool import LocalPool
from neuroevo.workers.ray_pool import RayPool
from tests.small import plan, run
from tests.workers.test_ray_pool import assert_equal


def test_worker_that_dies_or_hangs_in_a_score_costs_no_search(
    crew: RayPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = tmp_path / "fault"
    task = f'moody=tests.unscorable:Unscorable:fault="{fault}"'
    request = {"genome": ("connectome",), "task": (task,), "tuning": "off"}
    undisturbed = run(tmp_path / "whole", LocalPool(), **request)
    monkeypatch.setattr(ray_pool, "ATTEMPTS", 1)
    fault.write_text("die")
    folder = run(tmp_path / "run", crew, **request)
    (row,) = folder.results()
    assert row["status"] == "unscored" and "worker" in str(row["error"])
    assert folder.champion_path(("moody", "connectome", 0, 0)).is_dir()

    def resume() -> RunFolder:
        again = RunWriter(folder, Past.read(folder))
        selection.run(plan(**request), crew, again)
        return RunFolder.open(folder.path)

    fault.write_text("sleep")
    monkeypatch.setattr(crew, "_workers", replace(crew._workers, deadline=1))
    (row,) = resume().results()
    # A score is 18 evaluations and a generation 9, so that it has twice the time.
    assert row["status"] == "unscored" and "was not completed in 2 s" in str(row["error"])
    fault.unlink()
    monkeypatch.undo()
    assert_equal(resume(), undisturbed)


@pytest.mark.parametrize("population", [8, 32])
def test_targets_are_reached_alike_on_any_number_of_workers(
    crew: RayPool, tmp_path: Path, population: int
) -> None:
    request: dict[str, Any] = {"seeds": 3, "generations": 5, "population": population, "tuning": "off"}
    rows = run(tmp_path / "plain", LocalPool(), **request).metrics()
    best = {
        key_of(row): max(x["fitness_centre"] or -9 for x in rows if key_of(x) == key_of(row)) for row in rows
    }
    request["target"] = (str(sorted(best.values())[3]),)  # which half of the lineages reach
    alone = run(tmp_path / "alone", LocalPool(), **request)
    assert 0 < sum(row["reached"] is not None for row in alone.results()) < 6
    assert_equal(run(tmp_path / "crew", crew, **request), alone)
