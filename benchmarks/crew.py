"""Rivals in processes of their own, which are told when to take their turns.

Each rival has its own threads, its own libraries and perhaps its own interpreter, and does nothing between
its turns. `Crew` starts one; a process runs this file as `python -m benchmarks.crew MODULE:MAKER`. It reads
one line of JSON, the keyword arguments of the maker, and answers whether it is ready; then each line `go` is
a turn. A maker returns a call that takes one turn and returns how much work that was, such as steps of
bodies, or a dict of plain JSON types that has it as `work`. If the call has a method `close`, that is called
at the end.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from neuroevo.errors import described
from neuroevo.text import one_line

ROOT = Path(__file__).parent.parent
LONGEST = 200  # characters of another library's error that are quoted

Turn = Callable[[], float | dict[str, Any]]


class Crew:
    """One rival, in one process or several that work at once; they start while others do.

    Args:
        maker: Function that each process calls for its turns, as `module:function`.
        shares: Keyword arguments of the maker in each process, plain JSON types.
        python: Path of the interpreter; empty for this one.
        threads: Number of threads of numeric libraries in each process.
        limit: Seconds that an answer may take; after that the rival is ended and counts as missing.

    Attributes:
        missing: Why the rival cannot take part, known once it was told to take a turn; empty if it can.
        work: Work of the last turn, over all processes.
        answers: Answers of the last turn, one a process.
    """

    def __init__(
        self,
        maker: str,
        shares: Sequence[dict[str, Any]],
        python: str = "",
        threads: int = 1,
        limit: float = 900.0,
    ) -> None:
        self._limit = limit
        self.missing = ""
        self.work = 0.0
        self.answers: list[dict[str, Any]] = []
        self._notes = [tempfile.TemporaryFile("w+") for _ in shares]
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(threads)}
        self._processes = [
            subprocess.Popen(
                [python or sys.executable, "-m", "benchmarks.crew", maker],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=notes,
                text=True,
                cwd=ROOT,
                env=environment,
            )
            for notes in self._notes
        ]
        self._send([json.dumps(share) for share in shares])
        self._is_ready = False

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self) -> None:
        """Takes a turn; does nothing where the rival is missing."""
        if not self._is_ready:
            self._receive()
            self._is_ready = True
        if not self.missing:
            self._send(["go"] * len(self._processes))
            self.answers = self._receive()
            self.work = sum(float(answer.get("work", 0.0)) for answer in self.answers)

    def close(self) -> None:
        """Ends the processes."""
        for process in self._processes:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()  # type: ignore[union-attr]
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()  # type: ignore[union-attr]
        for notes in self._notes:
            notes.close()

    def _send(self, lines: Sequence[str]) -> None:
        """Sends each process a line."""
        for process, line in zip(self._processes, lines, strict=True):
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(line + "\n")  # type: ignore[union-attr]
                process.stdin.flush()  # type: ignore[union-attr]

    def _receive(self) -> list[dict[str, Any]]:
        """Waits for an answer of each process."""
        answers = []
        for process, notes in zip(self._processes, self._notes, strict=True):
            answer = self._answer(process, notes)
            self.missing = self.missing or answer.get("missing", "")
            answers.append(answer)
        return answers

    def _answer(self, process: subprocess.Popen[str], notes: Any) -> dict[str, Any]:
        """Waits for an answer of one process; ends it if none comes."""
        assert process.stdout is not None
        if not select.select([process.stdout], [], [], self._limit)[0]:
            process.kill()
            return {"missing": f"failed: no answer in {self._limit:g} s"}
        line = process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"missing": f"failed: {_last_line(notes)}"}
        return answer


class Here(Crew):
    """A rival in this process, one share after another: quick to start, but its times say little."""

    def __init__(self, maker: str, shares: Sequence[dict[str, Any]]) -> None:
        self.missing = ""
        self.work = 0.0
        self.answers: list[dict[str, Any]] = []
        self._turns: list[Turn] = []
        try:
            self._turns = [_turn(maker, share) for share in shares]
        except Exception as error:
            self.missing = reason(error)

    def close(self) -> None:
        """Closes what turns hold."""
        for turn in self._turns:
            getattr(turn, "close", lambda: None)()

    def __call__(self) -> None:
        """Takes a turn; does nothing where the rival is missing."""
        if self.missing:
            return
        try:
            self.answers = [_answer_of(turn()) for turn in self._turns]
        except Exception as error:
            self.missing = reason(error)
        self.work = sum(float(answer.get("work", 0.0)) for answer in self.answers)


def _turn(maker: str, share: dict[str, Any]) -> Turn:
    """Returns the turn that a maker makes."""
    module, _, name = maker.partition(":")
    turn: Turn = getattr(importlib.import_module(module), name)(**share)
    return turn


def _answer_of(result: float | dict[str, Any]) -> dict[str, Any]:
    """Returns the result of a turn as a dict that has the work done."""
    return result if isinstance(result, dict) else {"work": result}


def _last_line(notes: Any) -> str:
    """Returns the last line that a process wrote to standard error."""
    notes.seek(0)
    lines = notes.read().strip().splitlines()
    return lines[-1][:LONGEST] if lines else "its process ended without a word"


def reason(error: BaseException) -> str:
    """Returns in one line why a rival cannot take part."""
    if isinstance(error, ModuleNotFoundError):
        return f"not installed: {one_line(error, LONGEST)}"
    return f"failed: {described(error, LONGEST)}"


def serve(maker: str) -> None:
    """Takes turns and answers on standard output; whatever libraries print there goes to standard error."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(**facts: Any) -> None:
        answers.write(json.dumps(facts) + "\n")
        answers.flush()

    try:
        turn = _turn(maker, json.loads(sys.stdin.readline()))
        say()
        for _ in sys.stdin:
            say(**_answer_of(turn()))
        getattr(turn, "close", lambda: None)()
    except Exception as error:
        traceback.print_exc()
        say(missing=reason(error))


def _end_with(parent: int) -> None:
    """Ends this process once its parent is gone, even in a turn that would never end."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


if __name__ == "__main__":
    serve(sys.argv[1])
