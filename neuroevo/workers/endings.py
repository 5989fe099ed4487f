"""Endings: tasks that end the program, or their process, are told for what they did.

`contained` makes exceptions of what would end a worker's process from within Python. What ends it all the
same leaves traces, which `last_words` reads: Python's own report of a crash in the log of the process, and
the kernel's count of processes that it ended for want of memory.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

_CRASH = re.compile(r"^Fatal Python error: (.+)$", re.MULTILINE)
_FRAME = re.compile(r'^  File "(.+)", line (\d+) in (.+)$', re.MULTILINE)
_TAIL = 64_000  # bytes of a log that are read


class ImmediateExit(SystemExit):
    """A call of `os._exit`, which nothing could have caught."""


@dataclass
class Interrupted:
    """Whether there was a signal to interrupt this process, such as Ctrl-C sends.

    Attributes:
        is_so: Whether there was one.
    """

    is_so: bool = False


@contextmanager
def contained() -> Iterator[Interrupted]:
    """Makes a call of `os._exit` in this thread an ImmediateExit, and notes whether an interrupt is real.

    A KeyboardInterrupt that code raises by itself looks like the one that Ctrl-C brings. Signals go on to
    whom they went before; outside the main thread, where none arrive, none is noted.

    Yields:
        Whether there was an interrupt.

    Raises:
        ImmediateExit: If code within the context calls `os._exit` in this thread.
    """
    interrupted, usual_exit, usual = Interrupted(), os._exit, signal.getsignal(signal.SIGINT)
    process, thread = os.getpid(), threading.get_ident()

    def leave(status: int) -> NoReturn:
        if (os.getpid(), threading.get_ident()) == (process, thread):
            raise ImmediateExit(f"os._exit({status})")
        usual_exit(status)

    def note(number: int, frame: FrameType | None) -> None:
        interrupted.is_so = True
        assert callable(usual)
        usual(number, frame)

    is_noted = callable(usual) and threading.current_thread() is threading.main_thread()
    os._exit = leave
    if is_noted:
        signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        os._exit = usual_exit
        if is_noted:
            signal.signal(signal.SIGINT, usual)


class Place(NamedTuple):
    """Where a worker's process is.

    Attributes:
        node: Id of its node.
        pid: Id of the process there.
        log: File to which it writes errors; "" where there is none.
        kills: Processes that the kernel of the node had ended for want of memory when this one began.
    """

    node: str
    pid: int
    log: str = ""
    kills: int = 0


def place(node: str) -> Place:
    """Returns where this process is.

    Args:
        node: Id of its node.
    """
    log = ""
    with suppress(OSError):  # where there is no /proc
        log = os.readlink("/proc/self/fd/2")
    return Place(node, os.getpid(), log, memory_kills())


def memory_kills() -> int:
    """Returns how many processes the kernel has ended for want of memory since it started; 0 if unknown."""
    with suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def last_words(log: str, kills: int) -> str:
    """Returns why a process of this machine ended, as the end of a sentence; "" if nothing says so.

    Args:
        log: File to which it wrote errors.
        kills: How many processes the kernel had ended for want of memory when it began.
    """
    with suppress(OSError):
        with open(log, "rb") as file:
            file.seek(max(0, os.path.getsize(log) - _TAIL))
            crash = crash_in(file.read().decode(errors="replace"))
        if crash:
            return f"of {crash}; mend the task, or the library that it calls"
    if (more := memory_kills() - kills) > 0:
        killed = f"while the kernel ended {more} of the processes there for want of memory"
        return f"{killed}; use fewer --workers or a smaller --population"
    return ""


def crash_in(text: str) -> str:
    """Returns what crashed and where, a phrase, of what Python writes when it crashes; "" of other text.

    Args:
        text: What a process wrote.
    """
    crash = _CRASH.search(text)
    if crash is None:
        return ""
    frame = _FRAME.search(text, crash.end())
    where = "" if frame is None else f" in {frame[3]}, {frame[1]} line {frame[2]}"
    return f"a crash, {crash[1]}{where}"
