"""Interrupts: the first ends a run in good order, the second at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from neuroevo.terminal import Display

HINT = "finishing the generations under way, then writing a checkpoint; once more to stop at once"


class Interrupts:
    """A context in which Ctrl-C, and the signal with which a cluster ends a job, are first only noted.

    Args:
        display: Where the user is told.

    Attributes:
        is_wanted: Whether the run is to end once the generations under way are completed.
    """

    def __init__(self, display: Display) -> None:
        self._display, self.is_wanted = display, False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():  # no other may handle signals
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        """Notes the first signal; raises KeyboardInterrupt at the second."""
        if self.is_wanted:
            raise KeyboardInterrupt
        self.is_wanted = True
        self._display.hint(HINT)
