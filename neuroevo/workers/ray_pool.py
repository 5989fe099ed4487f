"""A pool of Ray actors, and its own supervision of them.

A request that fails is computed again on another worker: one that raised, whose worker or node died, or that
is past its deadline. The worker is replaced wherever it may be at fault. After three such failures a request
is given up; that a whole node was lost or cut off does not count. A worker takes part once it has answered
for the first time, so that those that find no room wait for a node to join, and hold nothing up. If the node
through which this process takes part in Ray dies, Ray is started anew.

A worker has one request, and another before it has ended that where both are brief, so that it need not wait
for messages. All else that is queued stays with the driver.

Functions import Ray where they use it: it reads `os.environ` when it is imported, which `ray_cluster.start`
writes before.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import re
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from neuroevo.errors import EvaluationError, NeuroevoError, described, failure
from neuroevo.workers import endings, ray_cluster
from neuroevo.workers.endings import Place
from neuroevo.workers.ray_actor import Actor, Parcels
from neuroevo.workers.ray_cluster import Workers
from neuroevo.workers.requests import ATTEMPTS, Failed, Key, Request, TaskKey

if TYPE_CHECKING:
    from ray import ObjectRef
    from ray.actor import ActorHandle
    from ray.remote_function import RemoteFunction

logger = logging.getLogger(__name__)

WAIT_SECONDS = 1.0  # between looks at deadlines and nodes
FIRST_DEADLINE = 3600.0  # seconds, of a kind of request of which none has been completed
DEADLINE_FACTOR = 20.0  # the deadline of a kind of request is then so many times the longest of it,
LEAST_DEADLINE = 60.0  # and so many seconds at least
START_SECONDS = 120.0  # without any worker, before the pool gives up
RETURN_SECONDS = 60.0  # in which a cluster that is gone may come back
GROWTH_SECONDS = 5.0  # between looks at the size of the cluster
REACH_SECONDS = 5.0  # in which a node answers that can be reached
MOST_NODES_LOST = 10  # with one request, before that counts against it
LOOK_AHEAD = 64  # queued requests of which a worker takes that whose network it has
BRIEF_SECONDS = 0.1  # that a request takes at most which is sent to a busy worker: none waits long for it
PATIENCE = 4  # times that a request is passed over for such a one, before it is first whoever comes

_LACKING = re.compile(r"No module named '([\w.]+)'")
_EXIT_STATUS = re.compile(r"exits with an exit code (\d+)")  # in Ray's report of a death
_MEMORY = "running low on memory"
_LOST = "connection error"  # of a process that has gone without saying so
_UNKNOWN = (
    "without a word, and nothing says that memory was short: it was killed (SIGKILL), or a library that is "
    "not Python ended it"
)

Completed = tuple[Request[object], object]


@dataclass(eq=False)
class _Job:
    """A request on its way.

    Attributes:
        request: What is to be computed.
        failures: Reasons of its failures so far. Nodes that were lost with it are not among them, for they
            say nothing against it.
        nodes_lost: How many nodes were lost with it.
        not_by: The worker at which it failed last.
        passed: How often a worker took one that had queued for less long.
    """

    request: Request[object]
    failures: list[str] = field(default_factory=list)
    nodes_lost: int = 0
    not_by: _Slot | None = None
    passed: int = 0


@dataclass(eq=False)
class _Slot:
    """A worker as the pool sees it.

    Attributes:
        actor: Ray's handle of the worker.
        ref: Ray's reference to the running call, or None while the worker is idle. The first call asks the
            worker where it is.
        since: When the running call began, by the monotonic clock.
        job: The running request, or None while the worker starts or is idle.
        ahead: Reference and request of the call that follows, or None where it has not been sent.
        place: Where its process is, or None while it starts.
        parcels: What it was sent and keeps; where it has a request's shard, it has the network too.
    """

    actor: ActorHandle
    ref: ObjectRef | None
    since: float
    job: _Job | None = None
    ahead: tuple[ObjectRef, _Job] | None = None
    place: Place | None = None
    parcels: Parcels = field(default_factory=Parcels)

    def begin(self, ref: ObjectRef, job: _Job) -> None:
        """Takes up a request."""
        self.ref = ref
        self.job = job
        self.since = time.monotonic()

    def go_on(self) -> _Job | None:
        """Takes up the request that follows, if there is one; returns the one before it."""
        before = self.job
        ref, job = self.ahead or (None, None)
        self.ref = ref
        self.job = job
        self.since = time.monotonic()
        self.ahead = None
        return before


class RayPool:
    """Computes requests on Ray actors.

    Args:
        workers: The workers that are wanted; Ray has been started for them.

    Attributes:
        retries: How many requests were given to another worker, by what had happened.
    """

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._queue: deque[_Job] = deque()
        self._slots: list[_Slot] = []
        self._stored: dict[Key, tuple[object, ObjectRef]] = {}  # objects, with Ray's references to them
        self._longest: dict[type[Request[object]], float] = {}  # seconds a portion, by kind of request
        self._seconds: dict[tuple[type[Request[object]], Key], float] = {}  # that the last of its kind took
        self._looked = time.monotonic()  # at the size of the cluster
        self._answered = time.monotonic()  # when there was a worker last
        self.retries: dict[str, int] = {}
        self._fill()

    @classmethod
    def start(cls, workers: Workers) -> RayPool:
        """Starts or joins Ray.

        Args:
            workers: The workers that are wanted.

        Returns:
            A pool of them.

        Raises:
            OptionError: If the cluster cannot be reached.
            EvaluationError: If Ray cannot be started here.
        """
        ray_cluster.start(workers)
        return cls(workers)

    def submit(self, request: Request[object]) -> None:
        """Queues a request; an idle worker starts it at once.

        Args:
            request: What is to be computed.
        """
        self._queue.append(_Job(request))
        self._dispatch()

    def completed(self) -> Completed:
        """Waits for any running request.

        Returns:
            The request and its result, which is `Failed` if it failed as often as it may.

        Raises:
            NeuroevoError: If a request cannot be carried out, wherever it is tried.
            EvaluationError: If there has been no worker for long, or Ray is gone and does not come back.
        """
        import ray

        while True:
            self._dispatch()
            busy = {slot.ref: slot for slot in self._slots if slot.ref is not None}
            try:
                ready, _ = ray.wait(list(busy), num_returns=1, timeout=WAIT_SECONDS)
            except ray.exceptions.RayError:
                self._revive()
                continue
            for ref in ready:
                completed = self._collect(busy[ref], ref)
                if completed is not None:
                    return completed
            late = self._end_late()
            if late is not None:
                return late
            self._look_around()

    def forget(self, run: int, shard: int) -> None:
        """Drops what was stored for a shard's requests.

        Args:
            run: Number of the run.
            shard: Number of the shard in it, of which no more requests will come.
        """

        def is_of_it(key: Key) -> bool:
            return not isinstance(key, TaskKey) and (key.run, key.shard) == (run, shard)

        self._stored = {key: stored for key, stored in self._stored.items() if not is_of_it(key)}
        self._seconds = {kind: seconds for kind, seconds in self._seconds.items() if not is_of_it(kind[1])}

    def _fill(self) -> None:
        """Makes as many workers as are wanted, and not there."""
        number = self._workers.number
        wanted = ray_cluster.room(self._workers) if number is None else number
        if len(self._slots) < wanted:
            logger.info("starting %d workers, beside %d", wanted - len(self._slots), len(self._slots))
        while len(self._slots) < wanted:
            self._slots.append(_new_slot(self._workers))

    def _dispatch(self) -> None:
        """Gives queued requests to workers, idle ones at once; those whose network one keeps come first."""
        for slot in self._slots:
            job = self._choose(slot) if slot.ref is None else None
            if job is not None:
                slot.begin(self._send(slot, job), job)
        for slot in self._slots:
            if slot.job is None or slot.ahead is not None or not self._is_brief(slot.job):
                continue
            job = self._choose(slot)
            if job is not None and self._is_brief(job):
                slot.ahead = self._send(slot, job), job

    def _is_brief(self, job: _Job) -> bool:
        """Says whether a job took little time when it was last computed."""
        last = (type(job.request), job.request.key)
        return self._seconds.get(last, FIRST_DEADLINE) < BRIEF_SECONDS

    def _send(self, slot: _Slot, job: _Job) -> ObjectRef:
        """Sends a queued job to a worker; returns the reference to its result."""
        for other in itertools.takewhile(lambda other: other is not job, self._queue):
            other.passed += 1
        self._queue.remove(job)
        request, cached = job.request, dict(job.request.cached)
        fields = vars(request)
        logger.debug("%s: %s to %s", type(request).__name__, request.about, slot.place)
        sent = [self._sent(slot, key, fields[name]) for name, key in cached.items()]
        others = {name: value for name, value in fields.items() if name not in cached}
        return slot.actor.compute.remote(type(request), others, cached, *sent)

    def _sent(self, slot: _Slot, key: Key, value: object) -> ObjectRef | None:
        """Returns a reference to an object, which each node is sent once; None where the worker has it."""
        import ray

        if slot.parcels.get(key) is value:
            return None
        slot.parcels.put(key, value)
        stored, ref = self._stored.get(key, (None, None))
        if stored is not value:
            ref = ray.put(value)
            self._stored[key] = value, ref
        return ref

    def _choose(self, slot: _Slot) -> _Job | None:
        """Returns what a worker takes: a request whose network it has, if no other waits for long."""
        near = itertools.islice(self._queue, LOOK_AHEAD)
        is_alone = not any(other.place for other in self._slots if other is not slot)
        mine = [job for job in near if job.not_by is not slot or is_alone]
        if not mine:
            return None
        chosen = mine[0]
        if chosen.passed < PATIENCE:
            chosen = next((job for job in mine if job.request.key in slot.parcels), chosen)
        return chosen

    def _collect(self, slot: _Slot, ref: ObjectRef) -> Completed | None:
        """Takes what a worker has ready: a result, its first answer, or a failure."""
        import ray

        try:
            result = ray.get(ref)
        except ray.exceptions.RayTaskError as error:  # an exception of the method, as it was raised
            if isinstance(error.cause, NeuroevoError) and not isinstance(error.cause, EvaluationError):
                raise type(error.cause)(self._with_hint(str(error.cause))) from None
            about = slot.job.request.about if slot.job else "Starting a worker"
            text = str(error.cause) if isinstance(error.cause, EvaluationError) else failure(about, error)
            text = self._with_hint(text)
            return self._failed(slot, "exception", text, is_at_fault=slot.job is None)
        except ray.exceptions.RayError as error:
            if not ray_cluster.is_alive():
                self._revive()
                return None
            return self._failed(slot, "death", _death(slot, error), is_at_fault=True)
        seconds = time.monotonic() - slot.since
        job = slot.go_on()
        self._answered = time.monotonic()
        if job is None:
            slot.place = result
            logger.info("a worker has started, process %d on node %s", result.pid, result.node)
            return None
        kind = type(job.request)
        self._longest[kind] = max(self._longest.get(kind, 0.0), seconds / job.request.portions)
        self._seconds[kind, job.request.key] = seconds
        return job.request, result

    def _with_hint(self, text: str) -> str:
        """Returns a failure, and at the end of its line how a cluster gets a module that it lacks."""
        line, _, trace = text.partition("\n")
        lacking = _LACKING.search(line)
        if self._workers.address is None or lacking is None:
            return text
        line += (
            f" The nodes lack {lacking[1]!r}: install it on each, or import it by name in the file of the "
            "plug-in beside which it lies, for that is sent along."
        )
        return f"{line}\n{trace}" if trace else line

    def _failed(self, slot: _Slot, kind: str, reason: str, *, is_at_fault: bool) -> Completed | None:
        """Gives what a worker was doing to another one; returns what has failed too often."""
        job, following = slot.go_on(), slot.job
        slot.parcels = Parcels()  # it may not have come to keep what it was sent
        is_lost = is_at_fault and job is not None and not _is_there(slot)
        if is_at_fault:
            if following is not None:  # it has not begun
                self._queue.appendleft(following)
            _end(slot, is_running=kind == "deadline" and not is_lost)
            self._slots[self._slots.index(slot)] = _new_slot(self._workers)
        line = reason.splitlines()[0]
        if job is None:
            logger.info("a worker did not start: %s", line)
            self._give_up_if_none_starts(line)
            return None
        kind = "node" if is_lost else kind
        self.retries[kind] = self.retries.get(kind, 0) + 1
        job.nodes_lost += is_lost
        if not is_lost or job.nodes_lost > MOST_NODES_LOST:
            job.failures.append(reason)
        if len(job.failures) >= ATTEMPTS:
            logger.info("given up after %d failures (%s): %s", len(job.failures), kind, line)
            return job.request, Failed(reason)
        logger.info("tried again (%s): %s", kind, line)
        job.not_by = slot
        self._queue.appendleft(job)
        return None

    def _end_late(self) -> Completed | None:
        """Ends a request that is past its deadline, and its worker with it."""
        now = time.monotonic()
        for slot in self._slots:
            if slot.job is None:
                continue
            limit = self._deadline(slot.job.request)
            if now - slot.since > limit:
                line = f"{slot.job.request.about} was not completed in {limit:.0f} s."
                return self._failed(slot, "deadline", line, is_at_fault=True)
        return None

    def _deadline(self, request: Request[object]) -> float:
        """Returns seconds in which a request is completed unless something is wrong."""
        kind, portions = type(request), request.portions
        if self._workers.deadline:
            return self._workers.deadline * portions
        if kind in self._longest:
            return max(LEAST_DEADLINE, DEADLINE_FACTOR * self._longest[kind] * portions)
        longest = max(self._longest.values(), default=0.0) if portions > 1 else 0.0
        return max(FIRST_DEADLINE, DEADLINE_FACTOR * longest * portions)

    def _look_around(self) -> None:
        """Takes in nodes that joined; notices if there is no worker at all for too long."""
        if any(slot.place for slot in self._slots):
            self._answered = time.monotonic()
        self._give_up_if_none_starts()
        if self._workers.number is None and time.monotonic() - self._looked > GROWTH_SECONDS:
            self._looked = time.monotonic()
            self._fill()

    def _give_up_if_none_starts(self, failure: str = "") -> None:
        """Raises EvaluationError if there has been no worker for long; a failure to start says why."""
        if time.monotonic() - self._answered > START_SECONDS:
            why = failure or (
                "none has answered; wanted a free core. Use fewer --workers, or wait for other runs to end."
            )
            raise EvaluationError(f"No worker has started in {START_SECONDS:.0f} s: {why}")

    def _revive(self) -> None:
        """Starts Ray anew after the node of this process was lost; what was on its way begins again."""
        sent = [(slot.job, slot.ahead[1] if slot.ahead else None) for slot in self._slots]
        lost = [job for pair in sent for job in pair if job is not None]
        logger.info("the node of this process was lost, and %d requests with it; Ray starts anew", len(lost))
        self.retries["cluster"] = self.retries.get("cluster", 0) + len(lost)
        self._queue.extendleft(reversed(lost))
        self._slots = []
        self._stored = {}
        ray_cluster.restart(self._workers, RETURN_SECONDS)
        self._answered = time.monotonic()
        self._fill()


def _new_slot(workers: Workers) -> _Slot:
    """Returns a worker that is about to start."""
    import ray

    # Ray would restart an actor on its own terms; this pool has its own.
    actor: Any = ray.remote(Actor).options(max_restarts=0, **workers.options).remote()
    return _Slot(actor, actor.place.remote(), time.monotonic())


def _is_there(slot: _Slot) -> bool:
    """Says whether a worker's node answers: one that is cut off is not given up by Ray for half a minute."""
    import ray

    if slot.place is None or slot.place.node == ray.get_runtime_context().get_node_id():
        return True
    try:
        answer = _at(slot.place.node, _answer).remote()
        return bool(ray.wait([answer], timeout=REACH_SECONDS)[0]) and bool(ray.get(answer))
    except ray.exceptions.RayError:
        return False


def _at(node: str, function: Callable[..., object]) -> RemoteFunction:
    """Returns a function, of Python and no builtin, as Ray runs it on a node and nowhere else."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    where = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(function).options(num_cpus=0, max_retries=0, scheduling_strategy=where)


def _answer() -> bool:
    """Says that a node is there."""
    return True


def _kill(pid: int) -> None:
    """Ends a process, also one that is stopped."""
    os.kill(pid, signal.SIGKILL)


def _end(slot: _Slot, *, is_running: bool) -> None:
    """Ends a worker; its process, too, if that may be stopped and not hear that it should end."""
    import ray

    with contextlib.suppress(Exception):  # it may be gone, and its node with it
        ray.kill(slot.actor, no_restart=True)
    if slot.place is None or not is_running:
        return
    with contextlib.suppress(Exception):
        if slot.place.node == ray.get_runtime_context().get_node_id():
            _kill(slot.place.pid)
        else:
            _at(slot.place.node, _kill).remote(slot.place.pid)


def _death(slot: _Slot, error: Exception) -> str:
    """Says that a worker died, and of what, as far as there is evidence."""
    import ray

    doing = f"that computed {slot.job.request.about}" if slot.job else "that was about to start"
    report = str(error)
    status = _EXIT_STATUS.search(report)
    if isinstance(error, ray.exceptions.OutOfMemoryError) or _MEMORY in report:
        why = "for Ray ended it: its node ran out of memory; use fewer --workers or a smaller --population"
    elif status is not None:
        why = f"with exit status {status[1]}: something in it ended the process; mend the task"
    else:
        why = _last_words(slot) or (_UNKNOWN if _LOST in report else f"({described(error)})")
    return f"The worker {doing} died {why}."


def _last_words(slot: _Slot) -> str:
    """Returns why a worker died, as its node knows it; "" where that says nothing."""
    import ray

    if slot.place is None:
        return ""
    node, _, log, kills = slot.place
    if node == ray.get_runtime_context().get_node_id():
        return endings.last_words(log, kills)
    with contextlib.suppress(Exception):  # the node may be gone
        answer = _at(node, endings.last_words).remote(log, kills)
        if ray.wait([answer], timeout=REACH_SECONDS)[0]:
            return str(ray.get(answer))
    return ""
