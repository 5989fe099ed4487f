"""What ends a process is told for what it is: with evidence, or as not known."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuroevo import errors, plugins
from neuroevo.errors import EvaluationError, RegistryError
from neuroevo.workers import endings, ray_pool
from neuroevo.workers.pool import LocalPool
from tests.faulty import Impossible

GROUP = Path("/sys/fs/cgroup/memory")


def test_exit_in_this_thread_alone_is_caught() -> None:
    """A child of a task that ends itself does so; and all is as before afterwards."""
    usual, handler = os._exit, signal.getsignal(signal.SIGINT)
    with pytest.raises(endings.ImmediateExit, match=r"^os._exit\(3\)$"), endings.contained():
        child = os.fork()
        if child == 0:
            os._exit(9)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        os._exit(3)
    assert os._exit is usual and signal.getsignal(signal.SIGINT) is handler


class Interrupting(Impossible):
    """Presses Ctrl-C."""

    def run(self, worker: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)


class Raising(Impossible):
    """Raises what Ctrl-C would."""

    def run(self, worker: object) -> None:
        raise KeyboardInterrupt


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Interrupts are raised, which a job in the background of a shell is begun without."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, usual)


@pytest.mark.usefixtures("interruptible")
def test_interrupt_is_told_from_one_that_a_task_raises() -> None:
    pool = LocalPool()
    pool.submit(Interrupting())
    with pytest.raises(KeyboardInterrupt):
        pool.completed()
    pool.submit(Raising())
    reason = pool.completed()[1].reason  # type: ignore[attr-defined]
    assert reason.startswith("Nothing at all failed with KeyboardInterrupt, though nobody interrupted it.\n")


def test_module_that_ends_the_program_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script without `if __name__ == "__main__"`."""
    (tmp_path / "ending_script.py").write_text("import sys\n\nsys.exit(0)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RegistryError, match="SystemExit: 0, which asks the program to end"):
        plugins.load("ending_script:Task")


def test_crash_is_read_from_the_log(tmp_path: Path) -> None:
    script = tmp_path / "crash.py"
    script.write_text("import ctypes, faulthandler\nfaulthandler.enable()\nctypes.string_at(0)\n")
    with (tmp_path / "log").open("wb") as log:
        assert subprocess.run([sys.executable, script], stderr=log, check=False).returncode == -signal.SIGSEGV
    words = endings.last_words(str(tmp_path / "log"), endings.memory_kills())
    assert words.startswith("of a crash, Segmentation fault in string_at, ")
    assert endings.last_words(str(script), endings.memory_kills()) == ""
    assert endings.last_words(str(tmp_path / "none"), endings.memory_kills()) == ""


@pytest.mark.skipif(
    not os.access(GROUP, os.W_OK) or not (GROUP / "memory.limit_in_bytes").exists(),
    reason="needs a memory group of Linux's that it may write",
)
def test_want_of_memory_is_told_where_the_kernel_says_so() -> None:
    """A process that the kernel ends, in a group of 64 MB."""
    group, before = GROUP / f"neuroevo-{os.getpid()}", endings.memory_kills()
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(64 << 20))
        greedy = textwrap.dedent(
            f"""
            import os
            open("{group}/cgroup.procs", "w").write(str(os.getpid()))
            held = bytearray(1 << 30)
            """
        )
        assert subprocess.run([sys.executable, "-c", greedy], check=False).returncode == -signal.SIGKILL
        assert "for want of memory; use fewer --workers" in endings.last_words("", before)
        assert endings.last_words("", endings.memory_kills()) == ""
    finally:
        group.rmdir()


def test_wish_to_end_the_program_is_somebody_elses_fault() -> None:
    assert errors.described(SystemExit(3)) == "SystemExit: 3, which asks the program to end"
    assert issubclass(endings.ImmediateExit, errors.FOREIGN) and not issubclass(
        KeyboardInterrupt, errors.FOREIGN
    )
    assert issubclass(EvaluationError, errors.FOREIGN)


def test_death_is_told_by_what_ray_reports() -> None:
    """Advice about memory is given where Ray says that it ran out, and nowhere else."""
    from ray.exceptions import ActorDiedError, OutOfMemoryError, RuntimeEnvSetupError

    slot = ray_pool._Slot(None, None, 0.0)  # type: ignore[arg-type]
    lines = [
        ray_pool._death(slot, error)
        for error in (
            OutOfMemoryError("1 worker(s) were killed due to the node running low on memory."),
            RuntimeEnvSetupError("no space left on the disk"),
            ActorDiedError(),
        )
    ]
    assert "for Ray ended it: its node ran out of memory; use fewer --workers" in lines[0]
    assert "died (RuntimeEnvSetupError: Failed to set up runtime environment. no space left" in lines[1]
    assert "died (ActorDiedError: The actor died unexpectedly" in lines[2]
    assert ["memory" in line for line in lines] == [True, False, False]
