"""Read-only program, read-only or missing home, long or foreign temporary folders: said, and got around."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from neuroevo import caches, downloads
from neuroevo.errors import OptionError
from neuroevo.workers import ray_folder
from tests import ROOT

REQUEST = ["--genome", "connectome", "--task", "swimmer", "--workers", "0"]
# A module of little code that is compiled where it is imported, and Matplotlib.
COMPILED = """
import os, neuroevo.physics.clock, matplotlib
from neuroevo import caches
matplotlib.get_configdir()
print(os.environ["NUMBA_CACHE_DIR"], *caches.notes(), sep="\\n")
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable is set, and nothing is remembered."""
    for name in (caches.NUMBA, caches.MATPLOTLIB, "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "NEUROEVO_CACHE"):
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)
    monkeypatch.delenv(ray_folder.VARIABLE, raising=False)
    caches.private_folder.cache_clear()
    caches.notes()


def can_mount() -> bool:
    """Says whether this process can make folders read-only for itself."""
    command = ["unshare", "-m", "true"]
    return shutil.which("unshare") is not None and not subprocess.run(command, capture_output=True).returncode


def read_only(
    folders: list[Path], arguments: list[str], **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs the command line where some folders are read-only; an empty variable is unset."""
    mounts = " && ".join(f"mount --bind {f} {f} && mount -o remount,ro,bind {f}" for f in folders)
    unset = " ".join(f"-u {name}" for name, value in environment.items() if not value)
    script = f'{mounts} && cd {ROOT} && exec env {unset} {sys.executable} -B "$@"'
    values = {**os.environ, "OMP_NUM_THREADS": "1", **{k: v for k, v in environment.items() if v}}
    command = ["unshare", "-m", "bash", "-c", script, "run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=values, timeout=120)


NO_MOUNTS = "folders cannot be made read-only here: unshare -m is not allowed"


@pytest.mark.skipif(not can_mount(), reason=NO_MOUNTS)
@pytest.mark.parametrize("home", ["read-only", "none"])
def test_read_only_program_and_home_are_got_around(home: str, tmp_path: Path) -> None:
    where, temporary = tmp_path / "home", tmp_path / "tmp"
    where.mkdir()
    temporary.mkdir()
    environment = {"HOME": str(where) if home == "read-only" else "", "TMPDIR": str(temporary)}
    folders = [ROOT, where, *([Path.home()] if home == "none" else [])]
    done = read_only(folders, ["-c", COMPILED], **environment)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    folder, compiled, settings = done.stdout.splitlines()
    assert compiled.startswith("compiled code kept in") and "NUMBA_CACHE_DIR names another" in compiled
    assert settings.startswith("Matplotlib's settings kept in")
    (private,) = temporary.glob("neuroevo-*")
    assert Path(folder) == private / "numba" and stat.S_IMODE(private.stat().st_mode) == 0o700
    assert list(Path(folder).rglob("*.nbi")) and not list(where.iterdir())


@pytest.mark.skipif(not can_mount(), reason=NO_MOUNTS)
def test_nowhere_to_keep_compiled_code_is_one_line(tmp_path: Path) -> None:
    where = tmp_path / "home"
    where.mkdir()
    arguments = ["run.py", *REQUEST, "--out", str(tmp_path / "run")]
    environment = {"HOME": str(where), "NUMBA_CACHE_DIR": str(where / "numba")}
    done = read_only([ROOT, where], arguments, **environment)
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert "set NUMBA_CACHE_DIR to a folder that can" in line
    assert not (tmp_path / "run").exists()


def test_private_folder_is_private(tmp_path: Path) -> None:
    folder = caches.private_folder(str(tmp_path))
    assert folder is not None and stat.S_IMODE(folder.stat().st_mode) == 0o700
    caches.private_folder.cache_clear()
    assert caches.private_folder(str(tmp_path)) == folder
    folder.chmod(0o777)  # others could write there
    caches.private_folder.cache_clear()
    other = caches.private_folder(str(tmp_path))
    assert other is not None and other != folder and stat.S_IMODE(other.stat().st_mode) == 0o700
    assert caches.private_folder(str(tmp_path / "missing")) is None


def test_link_in_place_of_the_private_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(0o700)
    (tmp_path / f"neuroevo-{os.getuid()}").symlink_to(tmp_path / "mine")
    folder = caches.private_folder(str(tmp_path))
    assert folder is not None and not folder.is_symlink() and not list((tmp_path / "mine").iterdir())


def test_variables_that_are_set_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "is_usable", lambda _: False)
    monkeypatch.setenv(caches.NUMBA, "/mine")
    monkeypatch.setenv(caches.MATPLOTLIB, "/mine too")
    monkeypatch.setitem(sys.modules, "numba", None)  # type: ignore[arg-type]
    monkeypatch.delitem(sys.modules, "numba")
    caches.prepare()
    assert (os.environ[caches.NUMBA], os.environ[caches.MATPLOTLIB]) == ("/mine", "/mine too")
    assert caches.notes() == []
    with pytest.raises(OptionError, match="/mine cannot be written; set NUMBA_CACHE_DIR"):
        caches.require()


def test_downloads_are_kept_where_they_can_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert downloads.cache_folder() == tmp_path / "neuroevo"
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    private = caches.private_folder()
    assert private is not None and downloads.cache_folder() == private / "downloads"
    monkeypatch.setenv("NEUROEVO_CACHE", "/mine")
    assert downloads.cache_folder() == Path("/mine")


def test_ray_has_a_short_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    folder = ray_folder.choose()
    assert folder is not None and len(folder) <= ray_folder.LONGEST
    assert stat.S_IMODE(Path(folder).parent.stat().st_mode) == 0o700
    monkeypatch.setenv(ray_folder.VARIABLE, str(long))
    with pytest.raises(OptionError, match=r"too long for sockets; set RAY_TMPDIR .* at most \d+ bytes"):
        ray_folder.choose()


def test_folder_of_another_user_is_not_rays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "is_usable", lambda folder: "neuroevo-" in str(folder))
    folder = ray_folder.choose()
    assert folder is not None and "neuroevo-" in folder
    monkeypatch.setattr(caches, "is_usable", lambda _: False)
    with pytest.raises(OptionError, match="cannot be written; set RAY_TMPDIR"):
        ray_folder.choose()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(30, "Read-only file system", "/home/me/.ray"), "RAY_AUTH_TOKEN_PATH"),
        (PermissionError(13, "Permission denied", "/tmp/ray/session"), "RAY_TMPDIR"),
        (OSError("AF_UNIX path length cannot exceed 107 bytes: /x"), "RAY_TMPDIR"),
        (RuntimeError("no cores"), "--workers 0"),
    ],
)
def test_each_failure_names_what_mends_it(error: Exception, said: str) -> None:
    assert said in ray_folder.advice(error)
