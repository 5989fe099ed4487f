"""Memory of this machine: how much of it a process may use, and amounts as people read them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")  # where Linux keeps the limits of groups of processes
MEMBERSHIP = Path("/proc/self/cgroup")  # which group this process is in
UNITS = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def limit() -> int:
    """Returns the memory that processes here may use together, in bytes.

    That is the machine's, or less where a container or another group of processes has less.
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *group_limits()])


def group_limits(groups: Path = GROUPS, membership: Path = MEMBERSHIP) -> list[int]:
    """Returns the limits in bytes of the groups of processes that this one is in; none where it has none.

    Args:
        groups: The folder of all groups.
        membership: The file that says which of them this process is in.
    """
    return [number for file in _limit_files(groups, membership) if (number := _number(file))]


def text(amount: float) -> str:
    """Returns an amount of memory as people read it: 24 GB.

    Args:
        amount: The amount, in bytes.
    """
    for unit, name in UNITS:
        if amount >= unit:
            figure = amount / unit
            return f"{figure:,.0f} {name}" if figure >= 10 else f"{figure:.1f} {name}"
    return f"{amount:.0f} bytes"


def _limit_files(groups: Path, membership: Path) -> Iterator[Path]:
    """Yields the files that may hold a limit, of either version of Linux's groups."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:  # another system
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        top, name = (groups / "memory", "memory.limit_in_bytes") if controllers else (groups, "memory.max")
        here = top / place.lstrip("/")
        yield from (folder / name for folder in (here, *here.parents) if folder.is_relative_to(top))


def _number(file: Path) -> int | None:
    """Returns the number in a file, or None if there is no such file, or it says `max`."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
