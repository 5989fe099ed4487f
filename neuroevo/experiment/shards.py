"""Shards on their way through a pool: generation by generation, then to their scores on held-out data.

`advance` and `assess` take requests to the pool and bring results back; a `ShardRun` says which requests it
needs next, and what their results mean. Nothing is computed or written here, and nobody is told: functions
yield what happens. The make-up of a shard depends on its lineages alone, and the pool alone decides where and
when a request is computed.
"""

from __future__ import annotations

import enum
import logging
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from torch import Tensor

from neuroevo.rows import MetricsRow, Scores
from neuroevo.run_folder import Key
from neuroevo.search import lineage as lineages_
from neuroevo.search.lineage import Evaluation, Lineage, Shard, State
from neuroevo.search.settings import Settings
from neuroevo.workers.assessment import Scope
from neuroevo.workers.pool import Pool
from neuroevo.workers.requests import Advance, Assess, Evaluate, Failed, Request
from neuroevo.workers.runner import Advanced
from neuroevo.workers.worker import ShardKey

logger = logging.getLogger(__name__)

GENOMES_PER_SHARD = 256  # enough bodies for the batched physics, few enough for the last-level cache
LINEAGES_PER_REQUEST = 32  # that do not evolve and are scored together, about
MIN_REQUESTS = 8  # fewer lineages than this are split by population, so that several workers share them,
GENOMES_PER_GPU = 8_192  # at most, so that several GPUs share the lineages; not measured
GENOMES_PER_PART = 16  # but not into smaller parts: a step of a small batch is mostly overhead

Pair = tuple[Lineage, State]


def shard_size(
    num_lineages: int,
    population: int,
    smallest: int | None = None,
    room: int | None = None,
    most: int = GENOMES_PER_SHARD,
) -> tuple[int, int]:
    """Returns how many of a task's lineages make a shard, and in how many parts a population is sent.

    A population larger than a shard is split however many lineages there are: a part regenerates its genomes
    from seeds, so that messages stay as long as a genome.

    Args:
        num_lineages: How many the task has.
        population: The largest of a phase.
        smallest: The smallest of a phase, or None where all are equal.
        room: Genomes that fit on a GPU at once, which is filled, or None where the shard is for a core.
        most: Genomes of a shard for a core, at most; fewer where each takes much memory.
    """
    least = population if smallest is None else smallest
    if room is not None:
        wanted = population + 1  # and the centre
        return max(1, room // wanted), min(math.ceil(wanted / room), least)
    most = min(most, GENOMES_PER_SHARD)
    blocks = math.ceil(population / most)
    if num_lineages >= MIN_REQUESTS:
        return max(1, most // population), min(blocks, least)
    wanted = math.ceil(MIN_REQUESTS / num_lineages)
    possible = least // min(GENOMES_PER_PART, most)
    return 1, max(1, min(max(wanted, blocks), possible))


def untrained_at_once(seeds: int) -> int:
    """Returns how many lineages that do not evolve a core scores at once: whole wirings, each with all seeds.

    Args:
        seeds: Replicates of a wiring.
    """
    return seeds * max(1, LINEAGES_PER_REQUEST // seeds)


def genomes_at_once(num_lineages: int, num_parts: int, settings: Settings) -> int:
    """Returns how many genomes a search evaluates at once, at most.

    Args:
        num_lineages: How many lineages make a shard.
        num_parts: In how many parts each population is sent.
        settings: How they search.
    """
    largest, _ = settings.populations
    return num_lineages * math.ceil((largest + 1) / num_parts)


class Stage(enum.Enum):
    """What a shard's requests are about."""

    RESTING = "none is under way"
    EVALUATING = "a generation"
    PROBING = "a generation of each lineage alone, since that of all together failed"


@dataclass(frozen=True)
class Step:
    """What the result of a request brought about.

    Attributes:
        rows: Metrics of the generation, if it is now complete, a row a lineage.
        lost: Lineages that were lost, with their states, which say why.
        requests: What is to be computed next, before the generation can be complete.
    """

    rows: Sequence[MetricsRow] = ()
    lost: Sequence[Pair] = ()
    requests: Sequence[Request[object]] = ()


class ShardRun:
    """A shard on its way through its generations.

    It rests between generations. `begin` gives the requests of the next one, and `take` takes their results:

        RESTING --begin--> EVALUATING --take, all results are in--> RESTING, one generation on
        EVALUATING --take, a request failed--> PROBING --take, all results are in--> RESTING, lineages lost

    Lineages that fail alone are lost; if none does, all are. The shard goes on without them.

    Args:
        run: Number of the run among those of this process.
        number: Number of the shard in the run.
        shard: The lineages that are advanced.
        states: Their states, of equal generation.
        num_parts: In how many parts each population is evaluated.
        lost: Lineages that were lost before, with their states.
        ended: Lineages that were at their target before, with their states.
        order: The order of all these lineages; by default there are those of the shard alone.

    Attributes:
        run: Number of the run among those of this process.
        number: Number of the shard in the run.
        shard: The lineages that are advanced; those that were lost are not among them.
        states: Their states. The list is replaced, never changed.
        lost: Lineages that were lost, with their states, which say why.
        ended: Lineages that have ended at their target, with their states; they are not among `shard`'s.
        stage: What the requests are about that are under way.
    """

    def __init__(
        self,
        run: int,
        number: int,
        shard: Shard,
        states: Sequence[State],
        num_parts: int = 1,
        lost: Sequence[Pair] = (),
        ended: Sequence[Pair] = (),
        order: Sequence[Key] = (),
    ) -> None:
        self.run = run
        self.number = number
        self.shard = shard
        self.states = list(states)
        self.lost = list(lost)
        self.ended = list(ended)
        self._order = {key: k for k, key in enumerate(order or [x.key for x in shard.lineages])}
        self.stage = Stage.RESTING
        self._parts = lineages_.parts(shard, num_parts)
        self._revision = 0  # how often lineages were lost: the network is then another one
        self._awaited: dict[Request[object], int] = {}  # requests under way, by number of part or lineage
        self._progress = _Progress()

    @property
    def key(self) -> ShardKey:
        """Names the shard's network as it is now."""
        return ShardKey(self.run, self.number, self._revision)

    @property
    def generation(self) -> int:
        """The next generation."""
        return self.states[0].generation

    def pairs(self) -> list[Pair]:
        """Returns the lineages with their states."""
        return list(zip(self.shard.lineages, self.states, strict=True))

    def everyone(self) -> list[Pair]:
        """Returns the lineages with their states, in their order, then those that were lost."""
        return [*self.sound(), *sorted(self.lost, key=self._place)]

    def sound(self) -> list[Pair]:
        """Returns the lineages that were not lost, with their states, in their order."""
        return sorted([*self.pairs(), *self.ended], key=self._place)

    def _place(self, pair: Pair) -> int:
        """Returns the place of a lineage in the order."""
        return self._order[pair[0].key]

    def is_over(self, until: int | None = None) -> bool:
        """Says whether no generation is to come.

        Args:
            until: The generation to stop at, or None for the last of the settings.
        """
        last = self.shard.settings.generations
        return not self.states or self.generation >= (last if until is None else min(until, last))

    def begin(self) -> list[Request[object]]:
        """Returns the requests of the next generation, which the shard then waits for."""
        self.stage = Stage.EVALUATING
        self._progress = _Progress()
        about = describe(self.shard, f"generation {self.generation}")
        if len(self._parts) == 1:
            self._awaited = {Advance(self.key, about, self._parts[0], self.states): 0}
        else:
            half = -(-len(self._parts) // 2)
            # Neighbours share a block of genomes. Of two workers each takes a half, and keeps to what it had.
            order = [k for first in range(half) for k in range(first, len(self._parts), half)]
            self._awaited = {
                Evaluate(replace(self.key, part=k), about, self._parts[k], self.states): k for k in order
            }
        return list(self._awaited)

    def propose(self) -> None:
        """Draws the genomes that the parts of a generation are about, while workers evaluate these."""
        if self.stage is Stage.EVALUATING and len(self._parts) > 1:
            settings = self.shard.settings
            self._progress.proposals = [lineages_.propose(x, state, settings) for x, state in self.pairs()]

    def awaits(self, request: Request[object]) -> bool:
        """Says whether the result of a request is still of use: not if another part of it has failed.

        Args:
            request: One of those that `begin` or `take` gave.
        """
        return request in self._awaited

    def take(self, request: Request[object], result: object) -> Step:
        """Takes a result.

        Args:
            request: One that the shard awaits.
            result: What came of it.

        Returns:
            What the result brought about. The shard rests again if `stage` says so.

        Raises:
            TypeError: If the result is not what the request asks for.
        """
        number = self._awaited.pop(request)
        if self.stage is Stage.PROBING:
            return self._take_probe(number, result)
        if isinstance(result, Failed):
            return self._take_failure(result)
        if isinstance(result, Evaluation):
            self._progress.evaluations[number] = result
            return Step() if self._awaited else self._complete(self._joined())
        if isinstance(result, Advanced):
            return self._complete(result)
        raise TypeError(f"{request.about} gave a {type(result).__name__}.")

    def assess(self, pairs: Sequence[Pair], tunes: bool) -> Assess:
        """Returns the request for held-out scores of lineages, in the memory that the search took.

        Args:
            pairs: The lineages with their states, of those that were not lost.
            tunes: Whether untrained genomes are tuned by two numbers.
        """
        num = len(self.states) + len(self.ended)
        shard = replace(self.shard, lineages=tuple(lineage for lineage, _ in pairs))
        scope = Scope(genomes_at_once(num, len(self._parts), shard.settings), tunes)
        return Assess(self.key, describe(shard, "held-out data"), shard, [x for _, x in pairs], scope)

    def _joined(self) -> Advanced:
        """Returns the states after a generation whose population was evaluated in parts, and metrics."""
        progress = self._progress
        evaluation = Evaluation.join([progress.evaluations[k] for k in range(len(self._parts))])
        seconds = time.perf_counter() - progress.started
        states, rows = lineages_.update(self.shard, self.states, progress.proposals, evaluation, seconds)
        return Advanced(states, rows)

    def _complete(self, advanced: Advanced) -> Step:
        """Goes on to the next generation."""
        self.states = advanced.states
        self.stage = Stage.RESTING
        at_target = [r for r, state in enumerate(self.states) if state.is_at_target]
        if at_target:
            self.ended += self._take_out(at_target)
        return Step(rows=advanced.rows)

    def _take_out(self, numbers: Collection[int]) -> list[Pair]:
        """Returns lineages, by number, without which the shard goes on."""
        pairs = self.pairs()
        left = [pair for r, pair in enumerate(pairs) if r not in numbers]
        self.shard = replace(self.shard, lineages=tuple(lineage for lineage, _ in left))
        self.states = [state for _, state in left]
        self._parts = lineages_.parts(self.shard, len(self._parts))
        self._revision += 1
        return [pairs[r] for r in numbers]

    def _take_failure(self, failed: Failed) -> Step:
        """Drops the lineage that failed, or looks for it where there are several."""
        logger.info("shard %d: %s", self.number, failed.reason.splitlines()[0])
        if len(self.states) == 1:
            return self._lose({0: failed.reason})
        self.stage = Stage.PROBING
        self._awaited = {}
        for r, (lineage, state) in enumerate(self.pairs()):
            alone = replace(self.shard, lineages=(lineage,))
            about = describe(alone, f"generation {state.generation}")
            self._awaited[Advance(replace(self.key, probe=r), about, alone, [state])] = r
        logger.info("shard %d: %d lineages are tried one by one", self.number, len(self._awaited))
        return Step(requests=list(self._awaited))

    def _take_probe(self, number: int, result: object) -> Step:
        """Notes whether a lineage failed alone; drops those that did once all are known."""
        if isinstance(result, Failed):
            self._progress.reasons[number] = result.reason
        if self._awaited:
            return Step()
        reasons = dict(sorted(self._progress.reasons.items()))
        if not reasons:
            about = describe(self.shard, f"generation {self.generation}")
            line = f"{about} failed together, although none of the lineages failed alone."
            reasons = dict.fromkeys(range(len(self.states)), line)
        return self._lose(reasons)

    def _lose(self, reasons: Mapping[int, str]) -> Step:
        """Takes lineages out, by number, for reasons."""
        logger.info("shard %d loses %d of %d lineages", self.number, len(reasons), len(self.states))
        out = zip(self._take_out(reasons), reasons.values(), strict=True)
        lost = [(lineage, replace(state, error=reason)) for (lineage, state), reason in out]
        self.lost += lost
        self.stage = Stage.RESTING
        self._awaited = {}
        return Step(lost=lost)


@dataclass
class _Progress:
    """What is in of a generation that is under way.

    Attributes:
        started: When it began, by the performance counter.
        evaluations: Fitness by part, where it is evaluated in parts.
        proposals: Genomes of each lineage, [P + 1, L], where it is evaluated in parts.
        reasons: Why lineages failed alone, by their numbers.
    """

    started: float = field(default_factory=time.perf_counter)
    evaluations: dict[int, Evaluation] = field(default_factory=dict)
    proposals: list[Tensor] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)


def advance(
    pool: Pool,
    shards: Sequence[ShardRun],
    until: int | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[ShardRun, Step]]:
    """Yields shards with each step that completed a generation, or that lost lineages.

    A shard whose request failed as often as it may is searched for the lineages that fail alone; it goes on
    without them.

    Args:
        pool: Where they are computed.
        shards: The shards, which change with every step.
        until: The generation to stop at, or None for the last of each shard's settings.
        stopping: Asked before each generation; where true, those under way are the last.
    """
    waiting: dict[Request[object], ShardRun] = {}

    def submit(shard: ShardRun, requests: Sequence[Request[object]]) -> None:
        for request in requests:
            waiting[request] = shard
            pool.submit(request)

    def go_on(shard: ShardRun) -> None:
        if not (shard.is_over(until) or stopping()):
            submit(shard, shard.begin())
            shard.propose()

    for shard in shards:
        go_on(shard)
    while waiting:
        request, result = pool.completed()
        shard = waiting.pop(request)
        if not shard.awaits(request):
            continue
        step = shard.take(request, result)
        submit(shard, step.requests)
        if step.rows or step.lost:
            yield shard, step
        if shard.stage is Stage.RESTING:
            go_on(shard)


@dataclass(frozen=True)
class Assessed:
    """A lineage that has been assessed.

    Attributes:
        lineage: The lineage.
        state: Its last state.
        scores: What `assessment.assess` found; None where it was not assessed, or that failed.
        error: Why it failed; "" where it did not.
    """

    lineage: Lineage
    state: State
    scores: Scores | None = None
    error: str = ""


def assess(
    pool: Pool, shards: Sequence[ShardRun], known: Collection[Key], tunes: bool = True
) -> Iterator[Assessed | None]:
    """Yields every lineage when it is assessed, in the order of the shards, and None while nothing is ready.

    Where the lineages of a shard cannot be assessed together, each is assessed alone.

    Args:
        pool: Where they are computed.
        shards: The shards; lineages that they have lost are not assessed.
        known: Lineages that are not assessed, for their results are known.
        tunes: Whether untrained genomes are tuned by two numbers.
    """
    ready: dict[Key, Assessed] = {}
    for lineage, state in (pair for shard in shards for pair in shard.everyone()):
        if state.error or lineage.key in known:
            ready[lineage.key] = Assessed(lineage, state)
    waiting: dict[Request[object], Assess] = {}

    def submit(request: Assess) -> None:
        waiting[request] = request
        pool.submit(request)

    for shard in shards:
        pairs = [pair for pair in shard.sound() if pair[0].key not in ready]
        if pairs:
            submit(shard.assess(pairs, tunes))
    for lineage, _ in [pair for shard in shards for pair in shard.everyone()]:
        while lineage.key not in ready:
            yield None
            completed, result = pool.completed()
            request = waiting.pop(completed)
            if isinstance(result, Failed) and len(request.states) > 1:
                for alone in _one_by_one(request):
                    submit(alone)
            else:
                ready |= {x.lineage.key: x for x in _assessed(request, result)}
        yield ready[lineage.key]
    yield None


def _one_by_one(request: Assess) -> list[Assess]:
    """Returns the requests for each of several lineages alone."""
    requests = []
    for r, (lineage, state) in enumerate(zip(request.shard.lineages, request.states, strict=True)):
        alone = replace(request.shard, lineages=(lineage,))
        key = replace(request.key, probe=r)
        scope = replace(request.scope, at_once=(request.scope.at_once or 0) // len(request.states) or None)
        requests.append(Assess(key, describe(alone, "held-out data"), alone, [state], scope))
    return requests


def _assessed(request: Assess, result: object) -> list[Assessed]:
    """Returns the lineages of a request, with what came of it."""
    pairs: list[Pair] = list(zip(request.shard.lineages, request.states, strict=True))
    if isinstance(result, Failed):
        return [Assessed(*pair, error=result.reason) for pair in pairs]
    rows = cast(Sequence[Scores], result)
    return [Assessed(*pair, row) for pair, row in zip(pairs, rows, strict=True)]


def describe(shard: Shard, what: str) -> str:
    """Returns a phrase that names the lineages of a shard.

    Args:
        shard: The shard.
        what: What is done with them, the end of the phrase.
    """
    first = shard.lineages[0]
    rest = and_others(len(shard.lineages))
    return f"{first.genome} on {first.task}, graph {first.graph}, seed {first.seed}{rest}, {what}"


def and_others(count: int) -> str:
    """Returns how many there are beside the first, as the end of a phrase.

    Args:
        count: How many there are in all.
    """
    return f" and {count - 1} more" if count > 1 else ""
