"""Rows that were torn: restored or asked for again, and never taken for all there is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import run as cli
from neuroevo import api, checkpoint
from neuroevo.errors import RunError
from neuroevo.experiment import execute
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.request import resolve
from neuroevo.run_folder import METRICS, RESULTS, SELECTION, RunFolder
from tests.small import CIRCUIT, ECHO, Listener, few_draws, no_figures, strip_seal, without_seconds


def _changed(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    place = len(lines) // 2
    lines[place] = lines[place].replace(b"0.", b"7.", 1)
    assert lines[place] not in data.splitlines(keepends=True)
    return b"".join(lines)


def _doubled(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join([*lines[:2], lines[1], *lines[2:]])


DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "half": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "zeros": lambda data: bytes(len(data)),
    "zeros in it": lambda data: data[:300] + bytes(200) + data[500:],
    "missing": lambda data: None,
    "changed": _changed,
    "doubled": _doubled,
    "a line less": lambda data: b"".join(data.splitlines(keepends=True)[:-1]),
    "more": lambda data: data + data.splitlines(keepends=True)[0],
}
TORN = (  # a finished run: every damage once, and of each file those that it may answer otherwise
    (METRICS, "half"),
    (METRICS, "zeros in it"),
    (METRICS, "changed"),
    (METRICS, "more"),
    (RESULTS, "half"),
    (RESULTS, "empty"),
    (RESULTS, "zeros"),
    (RESULTS, "missing"),
    (RESULTS, "changed"),
    (RESULTS, "doubled"),
    (RESULTS, "a line less"),
)
TORN_EARLY = ("empty", "zeros", "missing", "changed", "doubled", "a line less", "more")  # metrics alone
assert {damage for _, damage in TORN} == set(DAMAGES)
assert {damage for name, damage in TORN if name == METRICS} | set(TORN_EARLY) == set(DAMAGES)
BASE: dict[str, Any] = {
    "genome": ("connectome", "random"),
    "task": (ECHO,),
    "connectome": CIRCUIT,
    "generations": 4,
    "population": 8,
    "workers": 0,
    "seeds": 2,
}
REQUESTS: dict[str, dict[str, Any]] = {
    "tournament": {},
    "race": {"selection": "race", "seeds": 2},
    "mixed": {"selection": "mixed", "graphs": 2},
}


@pytest.fixture(scope="module", autouse=True)
def cheap() -> Iterator[None]:
    with few_draws(), no_figures():
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bool], Path]:
    """Returns a function that gives the folder of a run, at its end or stopped in the middle of it."""
    parent, known = tmp_path_factory.mktemp("runs"), {}

    def path_of(mode: str, is_done: bool) -> Path:
        path = parent / f"{mode}-{is_done}"
        if path not in known:
            known[path], updates = True, list[object]()
            listener = Listener(update=updates.append, is_stopping=lambda: not is_done and len(updates) > 4)
            experiment = resolve(Configuration(**{**BASE, **REQUESTS[mode]}))
            try:
                execute.run(experiment, path, watcher=listener)
            except KeyboardInterrupt:
                assert not is_done
        return path

    return path_of


def damaged(path: Path, name: str, damage: str) -> None:
    data = DAMAGES[damage]((path / name).read_bytes())
    if data is None:
        (path / name).unlink()
    else:
        (path / name).write_bytes(data)


def assert_same(path: Path, wanted: Path) -> None:
    first, second = RunFolder.open(path), RunFolder.open(wanted)
    assert (path / RESULTS).read_bytes() == (wanted / RESULTS).read_bytes()
    assert without_seconds(first.metrics()) == without_seconds(second.metrics())
    assert sum(1 for _ in first.stream_metrics()) == sum(1 for _ in second.stream_metrics())
    assert first.selection() == second.selection()
    for champion in wanted.glob("champions/*/*"):
        assert (path / champion.relative_to(wanted)).read_bytes() == champion.read_bytes()


@pytest.mark.parametrize(("name", "damage"), TORN)
def test_finished_run_with_torn_rows_says_so_and_has_them_again(
    runs: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, damage: str
) -> None:
    path = Path(shutil.copytree(runs("tournament", True), tmp_path / "run"))
    damaged(path, name, damage)
    for read in (lambda: api.open_run(path), lambda: api.join([path], tmp_path / "joined")):
        with pytest.raises(RunError, match=rf"{name} .*since the run ended. Put it back, or"):
            read()
    assert cli.main(["report", str(path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and f"python run.py resume {path}" in err
    assert cli.main(["resume", str(path)]) == 0
    out, err = capsys.readouterr()
    if (name, damage) != (METRICS, "more"):  # what is too much is cut off, and nothing is lacking
        assert "at its end" not in out and name in err
    assert_same(path, runs("tournament", True))


@pytest.mark.parametrize("damage", TORN_EARLY)
def test_interrupted_run_with_torn_metrics_has_them_again(
    runs: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    path = Path(shutil.copytree(runs("tournament", False), tmp_path / "run"))
    damaged(path, METRICS, damage)
    assert cli.main(["report", str(path)]) == 2
    capsys.readouterr()
    assert cli.main(["resume", str(path)]) == 0
    err = capsys.readouterr().err
    if damage != "more":
        assert METRICS in err and "begin again at generation 0" in err
    assert_same(path, runs("tournament", True))


@pytest.mark.parametrize(
    ("mode", "is_done", "name", "damage"),
    [
        ("race", True, METRICS, "half"),
        ("race", True, SELECTION, "changed"),
        ("race", False, METRICS, "changed"),
        ("race", False, SELECTION, "half"),
        ("mixed", True, METRICS, "changed"),
        ("mixed", True, SELECTION, "half"),
        ("mixed", False, METRICS, "half"),
        ("mixed", False, SELECTION, "changed"),
    ],
)
def test_race_and_mixed_populations_with_torn_rows_have_them_again(
    runs: Any, tmp_path: Path, mode: str, is_done: bool, name: str, damage: str
) -> None:
    path = Path(shutil.copytree(runs(mode, is_done), tmp_path / "run"))
    damaged(path, name, damage)
    assert cli.main(["resume", str(path)]) == 0
    assert_same(path, runs(mode, True))


def test_only_the_lineage_whose_row_was_changed_begins_again(
    runs: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(shutil.copytree(runs("tournament", True), tmp_path / "run"))
    damaged(path, METRICS, "changed")
    assert cli.main(["resume", str(path)]) == 0
    assert "1 lineage of 4 begin again at generation 0" in " ".join(capsys.readouterr().err.split())


def test_scoring_that_was_interrupted_vouches_for_its_results(
    runs: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(shutil.copytree(runs("tournament", True), tmp_path / "run"))
    RunFolder.open(path).write_manifest(status="interrupted")
    damaged(path, RESULTS, "changed")
    assert cli.main(["resume", str(path)]) == 0
    assert "scored again" in capsys.readouterr().err
    assert_same(path, runs("tournament", True))


def test_rows_that_are_gone_of_a_run_without_a_seal_are_missed(runs: Any, tmp_path: Path) -> None:
    path = Path(shutil.copytree(runs("tournament", False), tmp_path / "run"))
    strip_seal(path)
    damaged(path, METRICS, "half")
    assert cli.main(["resume", str(path)]) == 0
    assert without_seconds(RunFolder.open(path).metrics()) == without_seconds(
        RunFolder.open(runs("tournament", True)).metrics()
    )


def test_file_that_is_cut_while_the_run_goes_on_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "run"

    def cut(progress: object) -> None:
        if (path / METRICS).stat().st_size > 1_000:
            (path / METRICS).write_bytes((path / METRICS).read_bytes()[:500])

    with pytest.raises(Exception, match="another program changed it while the run went on"):
        execute.run(resolve(Configuration(**BASE)), path, watcher=Listener(update=cut))
    assert cli.main(["resume", str(path)]) == 0
    assert len(api.open_run(path).metrics()) == 4 * BASE["generations"]


def test_checkpoint_that_vouches_for_other_lineages_is_damaged(
    runs: Callable[[str, bool], Path], tmp_path: Path
) -> None:
    path = tmp_path / "run"
    shutil.copytree(runs("tournament", False), path)
    arrays, state, _ = checkpoint.load(path)
    checkpoint.save(path, arrays, {**state, "lineages": state["lineages"][:-1]})
    with pytest.raises(RunError, match=r"is damaged .it vouches for other lineages than it has.; start"):
        execute.resume(path, {})


def test_line_of_zeros_is_gone_though_every_row_that_can_be_read_stays(
    runs: Callable[[str, bool], Path], tmp_path: Path
) -> None:
    """Each lineage has one row: of one it is damaged, and all others stay as they are."""
    path, updates = tmp_path / "run", list[object]()
    listener = Listener(update=updates.append, is_stopping=lambda: len(updates) > 0)
    with pytest.raises(KeyboardInterrupt):
        execute.run(resolve(Configuration(**{**BASE, **REQUESTS["tournament"]})), path, watcher=listener)
    first, *others = (path / METRICS).read_bytes().splitlines(keepends=True)
    assert len({line.partition(b'"generation": ')[2][:1] for line in (first, *others)}) == 1
    (path / METRICS).write_bytes(b"".join([bytes(len(first) - 1), b"\n", *others]))
    assert execute.resume(path, {}) is not None
    assert b"\0" not in (path / METRICS).read_bytes()
    assert_same(path, runs("tournament", True))
