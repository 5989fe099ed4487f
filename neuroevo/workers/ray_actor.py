"""A worker as Ray has it, and the objects that it keeps between requests so that they are not sent again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

from neuroevo.errors import EvaluationError
from neuroevo.workers import endings
from neuroevo.workers.endings import Place
from neuroevo.workers.requests import Key, Request, compute
from neuroevo.workers.worker import Worker

MOST_PARCELS = 128  # shards and states that a worker keeps: to send them again is most of a brief request


class Parcels:
    """Objects that a worker was sent and keeps, by key; the least recently used is dropped first.

    The worker has one of these, and the driver has one for each worker. Both are told of the same keys in the
    same order, for a worker computes in the order in which it is asked: so the driver knows what is there.
    """

    def __init__(self) -> None:
        self._objects: OrderedDict[Key, object] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        """Says whether there is an object for a key."""
        return key in self._objects

    def get(self, key: Key) -> object:
        """Returns the object of a key, which is then the most recently used; None if there is none.

        Args:
            key: Names the object.
        """
        if key not in self._objects:
            return None
        self._objects.move_to_end(key)
        return self._objects[key]

    def put(self, key: Key, value: object) -> None:
        """Keeps an object in place of the one that has its key.

        Args:
            key: Names the object.
            value: Anything but None.
        """
        self._objects[key] = value
        self._objects.move_to_end(key)
        if len(self._objects) > MOST_PARCELS:
            self._objects.popitem(last=False)


class Actor:
    """A worker as Ray has it; Ray wraps its methods, which would show in tracebacks of the worker's own."""

    def __init__(self) -> None:
        self._worker = Worker()
        self._parcels = Parcels()

    def place(self) -> Place:
        """Returns where the worker is."""
        import ray

        return endings.place(ray.get_runtime_context().get_node_id())

    def compute(
        self,
        kind: Callable[..., Request[object]],
        fields: Mapping[str, object],
        cached: Mapping[str, Key],
        *sent: object,
    ) -> object:
        """Returns the result of a request that comes in parts, see `requests.compute`.

        Args:
            kind: The request's class.
            fields: Its fields that are not cached, by name.
            cached: Keys of its fields that are cached, by name.
            sent: The values of these, in the same order; None stands for the object that is here already.

        Raises:
            NeuroevoError: If the request cannot be carried out, wherever it is tried.
            EvaluationError: If it fails, or this process is interrupted.
        """
        whole = dict(fields)
        for (name, key), value in zip(cached.items(), sent, strict=True):  # in this order, as the driver does
            if value is None:
                whole[name] = self._parcels.get(key)
            else:
                self._parcels.put(key, value)
                whole[name] = value
        request = kind(**whole)
        try:
            return compute(request, self._worker)
        except KeyboardInterrupt:  # by a signal to this process alone: who runs the program is not here
            raise EvaluationError(f"{request.about} was interrupted by SIGINT in its worker.") from None
