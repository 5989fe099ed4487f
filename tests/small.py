"""Small requests that several tests run: the toy task on the smallest bundled circuit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import populations
import tasks
from neuroevo import checkpoint
from neuroevo.experiment import selection
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.request import resolve
from neuroevo.experiment.watcher import Progress, Watcher
from neuroevo.experiment.writer import RunWriter
from neuroevo.extent import body
from neuroevo.report import write
from neuroevo.rows import LineageRow
from neuroevo.run_folder import MANIFEST, ROWS, RunFolder
from neuroevo.trust import Trust
from neuroevo.workers import assessment
from neuroevo.workers.pool import LocalPool, Pool

REGISTERED = populations.__name__, tasks.__name__  # importing them registers what they hold
CIRCUIT = "celegans-perimotor"
ECHO = "echo=tests.toy:Echo"
TRUST = Trust(("tests",))  # for requests in files that name it


class Listener(Watcher):
    """Calls functions with what happens in a run, and ends it when one of them says so."""

    def __init__(
        self,
        update: Callable[[Progress], object] = lambda _: None,
        event: Callable[[str, tuple[str, str] | None], object] = lambda *_: None,
        plan: Callable[[Sequence[LineageRow], str], object] = lambda *_: None,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._update = update
        self._event = event
        self._plan = plan
        self._is_stopping = is_stopping

    def update(self, progress: Progress) -> None:
        self._update(progress)

    def event(self, text: str, out: tuple[str, str] | None = None) -> None:
        self._event(text, out)

    def plan(self, lineages: Sequence[LineageRow], stage: str) -> None:
        self._plan(lineages, stage)

    def is_stopping(self) -> bool:
        return self._is_stopping()


def plan(**changes: Any) -> Plan:
    """Returns the plan of a request: two priors, the toy task, three generations of eight."""
    request = {"genome": ("connectome", "random"), "task": (ECHO,), "connectome": CIRCUIT, **changes}
    return Plan(resolve(Configuration(**request)))


def run(path: Path, pool: Pool | None = None, watcher: Watcher | None = None, **changes: Any) -> RunFolder:
    """Runs a request, in this process unless a pool is given, and returns its folder."""
    planned = plan(**changes)
    folder = RunFolder.create(path, planned.config.to_dict(), {"lineages": planned.lineages()})
    selection.run(planned, LocalPool() if pool is None else pool, RunWriter(folder), watcher)
    return folder


def strip_seal(path: Path) -> None:
    """Makes a run folder one of a version that had no seals: without marks, and without hashes of rows."""
    manifest = json.loads((path / MANIFEST).read_text())
    for name in ("requests", "rows"):
        manifest.pop(name, None)
    (path / MANIFEST).write_text(json.dumps(manifest))
    for name in ROWS:
        if (path / name).exists():
            lines = (path / name).read_bytes().splitlines(keepends=True)
            (path / name).write_bytes(b"".join(body(line) + b"}\n" for line in lines))
    names = [x for x in (checkpoint.PREVIOUS, checkpoint.NEWEST) if (path / x).exists()]
    for arrays, state in [checkpoint._read(path / name) for name in names]:
        checkpoint.save(path, arrays, {k: v for k, v in state.items() if k not in ("request", "rows")})


@contextmanager
def no_figures() -> Iterator[None]:
    """Makes reports cheap for what does not look at them: they have no figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "pictures", lambda *_: [])
        yield


def without_seconds(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns metrics without the one column that differs from run to run, in the order of lineages."""
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in rows]
    return sorted(rows, key=lambda r: (r["task"], r["genome"], r["graph"], r["seed"], r["generation"]))


@contextmanager
def few_draws() -> Iterator[None]:
    """Makes scores cheap for what does not look at them: they are means over fewer untrained genomes.

    In this process only: the workers of a pool have the usual number.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assessment, "NUM_UNTRAINED", 2)
        patch.setattr(assessment, "NUM_TUNED", 1)
        patch.setattr(assessment, "FACTORS", (0.5, 2.0))
        yield
