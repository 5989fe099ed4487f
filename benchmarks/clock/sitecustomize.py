"""Python imports this at its start where it is on the path: `time.time` is off by what a file says, seconds.

The clock of the machine is not touched, for others read it too. Intervals, `time.monotonic`, stay true, as
they do when a clock is set.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

CLOCK = Path(os.environ["FALSE_CLOCK"])


def off(seconds: Callable[[], float]) -> Callable[[], float]:
    """Returns a clock that is off."""

    def now() -> float:
        return seconds() + float(CLOCK.read_text())

    return now


time.time = off(time.time)
