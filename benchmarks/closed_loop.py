"""Steps of bodies a second with unlike networks in the loop.

Ours: networks of 32 wirings of the motor circuit, one process a core with one thread, as the workers of a run
evaluate them. Rivals: the open loop, which is bare physics under controls given in advance with as many
threads, once random ones and once those that the networks gave: how bodies move decides how long physics
takes; and once more without MuJoCo's stopwatch and its searches for contacts that cannot be, which ours go
without: what no controller in the loop can outrun; the same networks as the policy of EnvPool and of
Gymnasium's vector environments, each also in one process a core, as ours are; EvoTorch's GymNE and VecGymNE
with a dense recurrent net of as many units; Brax and EvoJAX with such a net, whose physics are their own.

Slow rivals get fewer networks, of which their rates hardly depend; a row says how many.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from benchmarks.crew import Crew, Here
from benchmarks.turns import OURS, Options, Row, compare, take_turns

TASKS = ("swimmer-v5", "halfcheetah-v5")
NETWORKS = (64, 256, 1024, 4096)
STEPS = 100
RIVALS = "benchmarks.closed_loop_rivals"
JAX = "benchmarks.closed_loop_jax"
UNLIMITED = 1 << 20
OPEN = "mujoco.rollout, random controls"
OWN = "mujoco.rollout, the same controls"
LEAN = "the same, spared as ours is"
OPEN_GOALS = {("swimmer-v5", 64): 0.70, ("swimmer-v5", 1024): 0.90}


@dataclass(frozen=True)
class Rival:
    """A program whose speed is compared with ours, or ours itself.

    Attributes:
        name: Name in the table.
        maker: Function that makes its turns, see `crew`.
        arguments: Arguments of the maker, beside those that all rivals have.
        largest: Number of networks that it gets at most.
        is_shared: Whether the networks are dealt to one process a core.
        is_peer: Whether the interpreter for peers runs it.
        goal: How many times as fast ours should be; None where no goal was set.
    """

    name: str
    maker: str
    arguments: dict[str, Any] = field(default_factory=dict)
    largest: int = UNLIMITED
    is_shared: bool = False
    is_peer: bool = False
    goal: float | None = None

    def networks(self, wanted: int, smallest: bool) -> int:
        """Returns how many networks the rival gets.

        Args:
            wanted: Networks of the case.
            smallest: Whether sizes are the smallest at which anything runs.
        """
        return min(wanted, self.largest, 4 if smallest and self.largest < UNLIMITED else wanted)

    def key(self, task: str, networks: int, steps: int, options: Options) -> tuple[str, list[dict[str, Any]]]:
        """Returns the rival's maker and the arguments that the maker gets in each process.

        Args:
            task: Name of the task.
            networks: Networks of all processes.
            steps: Control steps of an episode.
            options: What all measurements are told.
        """
        given = {
            "task": task,
            "networks": networks,
            "steps": steps,
            "seed": options.seed,
            **self.arguments,
        }
        if not self.is_shared:
            return self.maker, [given]
        return self.maker, [{**given, "share": [k, options.cores]} for k in range(options.cores)]


def rivals(options: Options, units: int) -> list[Rival]:
    """Returns all rivals; without peers only those that the project's own dependencies give.

    Args:
        options: What all measurements are told.
        units: Units of the dense networks of some rivals.
    """
    cores, vector, net = options.cores, f"{RIVALS}:Vector", {"units": units}
    dependencies = [
        Rival(OURS, f"{RIVALS}:Ours", is_shared=True),
        Rival(OPEN, f"{RIVALS}:open_loop", {"threads": cores}),
        Rival(OWN, f"{RIVALS}:open_loop", {"threads": cores, "is_own": True}),
        Rival(LEAN, f"{RIVALS}:open_loop", {"threads": cores, "is_own": True, "is_lean": True}),
        Rival(f"Gymnasium sync, {cores} processes", vector, {"kind": "sync"}, 256, True, goal=3),
    ]
    if not options.peers:
        return dependencies
    pool: dict[str, Any] = {"kind": "envpool"}
    return [
        *dependencies,
        Rival("Gymnasium sync, one process", vector, {"kind": "sync", "threads": cores}, 256, goal=3),
        Rival("Gymnasium async", vector, {"kind": "async"}, 64, goal=3),
        Rival(f"EnvPool, {cores} processes", vector, pool, UNLIMITED, True, True, 1.2),
        Rival(f"EnvPool, {cores} threads", vector, {**pool, "threads": cores}, UNLIMITED, False, True, 1.2),
        Rival(
            "EnvPool, dense policy", vector, {**pool, "threads": cores, "is_dense": True}, 1024, False, True
        ),
        *(
            Rival(
                f"EvoTorch {name}", f"{RIVALS}:evotorch", {"kind": kind, "actors": n, **net}, most, goal=goal
            )
            for name, kind, n, most, goal in (
                ("GymNE, one process", "GymNE", 1, 32, 9),
                (f"GymNE, {cores} Ray actors", "GymNE", cores, 64, 4),
                ("VecGymNE", "VecGymNE", 1, 256, 5),
            )
        ),
        *(
            Rival(f"Brax, {backend}", f"{JAX}:brax", {"backend": backend, **net}, 64, is_peer=True)
            for backend in ("generalized", "spring")
        ),
        Rival("EvoJAX with Brax", f"{JAX}:evojax", net, 64, is_peer=True),
    ]


def measure(options: Options) -> Iterator[Row]:
    """Yields a row a rival for every task and number of networks.

    Args:
        options: What all measurements are told.
    """
    from benchmarks.networks import CIRCUIT
    from neuroevo.connectome.catalog import load

    units = 16 if options.smallest else load(CIRCUIT).num_cells
    sizes, steps = ((4,), 5) if options.smallest else (NETWORKS, STEPS)
    for task in TASKS[: 1 if options.smallest else None]:
        with ExitStack() as stack:  # crews last from one size to the next where they are the same
            crews: dict[str, Crew] = {}
            for networks in sizes:
                yield from _case(task, networks, steps, units, options, crews, stack)


def _case(
    task: str,
    networks: int,
    steps: int,
    units: int,
    options: Options,
    crews: dict[str, Crew],
    stack: ExitStack,
) -> Iterator[Row]:
    """Yields the rows of one task and number of networks."""
    case = f"{task}, {networks:,} networks, {steps} control steps"
    if not options.wants(case):
        return
    taking: dict[str, Crew] = {}
    notes, goals = {}, {}
    wanted = []
    for rival in rivals(options, units):
        number = rival.networks(networks, options.smallest)
        maker, shares = rival.key(task, number, steps, options)
        wanted.append((rival, number, maker, shares, f"{maker} {json.dumps(shares)}"))
    for name in crews.keys() - {key for *_, key in wanted}:
        crews.pop(name).close()  # their memory would be missed
    for rival, number, maker, shares, name in wanted:
        if name not in crews:
            python = options.peers_python if rival.is_peer else ""
            threads = rival.arguments.get("threads", 1)
            crews[name] = stack.enter_context(
                Here(maker, shares) if options.here else Crew(maker, shares, python, threads)
            )
        taking[rival.name] = crews[name]
        if number < networks:
            notes[rival.name] = f"{number} networks"
        if rival.goal:
            goals[rival.name] = rival.goal
    if (task, networks) in OPEN_GOALS:
        goals |= dict.fromkeys((OPEN, OWN, LEAN), OPEN_GOALS[task, networks])
    repeats = options.turns(3 if networks > 1024 else 5)
    seconds = take_turns(taking, repeats)
    rates = {
        name: [] if crew.missing else [crew.work / x for x in seconds[name]] for name, crew in taking.items()
    }
    notes |= {name: crew.missing for name, crew in taking.items() if crew.missing}
    yield from compare(case, "steps of bodies a second", rates, goals=goals, notes=notes)
