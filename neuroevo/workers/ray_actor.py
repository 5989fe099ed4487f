"""A worker as Ray has it, and what it keeps between requests so that it is not sent again."""

from __future__ import annotations

import operator
import os
from collections import OrderedDict
from typing import Any

from neuroevo.workers.worker import Worker

HELD = 128  # constants and states that a worker keeps: sending them again would be most of a brief request
SHARED = ("evaluate",)  # methods whose arguments the parts of a generation have in common

Key = tuple[Any, ...]
Some = tuple[Any, ...] | None


class Held:
    """What a worker was sent and keeps, by name, the least used first.

    The worker has one and the driver has one of each worker, which agree, for a worker computes in the order
    in which it is told.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, tuple[Any, ...]] = OrderedDict()

    def __contains__(self, name: Key) -> bool:
        """Says whether anything is kept under a name."""
        return name in self._kept

    def has(self, name: Key, value: tuple[Any, ...]) -> bool:
        """Says whether the objects of a value are those that were sent."""
        return are_same(self._kept.get(name), value)

    def renew(self, name: Key, value: Some) -> tuple[Any, ...]:
        """Keeps a value, or what there is where that is None; returns it."""
        kept = self._kept.pop(name, ()) if value is None else value
        self._kept.pop(name, None)
        self._kept[name] = kept
        if len(self._kept) > HELD:
            self._kept.popitem(last=False)
        return kept


def are_same(first: Some, second: Some) -> bool:
    """Says whether two tuples hold the same objects."""
    if first is None or second is None or len(first) != len(second):
        return False
    return all(map(operator.is_, first, second))


def common(key: Key) -> Key:
    """Names what the parts of a generation have in common."""
    return (*key[:-1], "common")


class Actor:
    """A worker as Ray has it; Ray wraps its methods, which would show in tracebacks of the worker's own."""

    def __init__(self) -> None:
        self._worker, self._held = Worker(), Held()

    def place(self) -> tuple[str, int]:
        """Returns the node that this is on, and the process there."""
        import ray

        return ray.get_runtime_context().get_node_id(), os.getpid()

    def compute(self, method: str, about: str, key: Key, constant: Some, arguments: Some) -> Any:
        """Computes a request, see `Worker.compute`; None is what was sent last under the same name."""
        constant = self._held.renew(key, constant)
        if method in SHARED:
            arguments = self._held.renew(common(key), arguments)
        return self._worker.compute(method, about, key, *constant, *(arguments or ()))
