"""How far something is that takes long, in a few words from time to time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, TypeVar

SECONDS = 2.0  # before the first words
SHARE = 0.1  # of the time so far, between words

Say: TypeAlias = Callable[[str], object]
Item = TypeVar("Item")


def counted(items: Iterable[Item], what: str, total: int, say: Say) -> Iterator[Item]:
    """Yields items, and says now and then how many there have been: "drawing wirings 300 of 100,000".

    What takes less than `SECONDS` goes without words.

    Args:
        items: The items.
        what: What is done with them.
        total: How many there are to be.
        say: Is given the words.
    """
    first = time.monotonic()
    due = first + SECONDS
    for number, item in enumerate(items):
        now = time.monotonic()
        if now >= due:
            due = now + max(SECONDS, SHARE * (now - first))
            say(f"{what} {number:,} of {total:,}")
        yield item


def nothing(_: str) -> None:
    """Says nothing.

    Args:
        _: The words.
    """
