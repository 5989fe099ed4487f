"""Seconds of a whole tournament: lineages fused against one after another, Ray's overhead, growth.

Evolution alone: architectures are drawn and gains are set beforehand. Fused is how a run goes: all lineages
at once, in shards, by one worker a core. The rival is the same program with the same workers, given one
lineage after another, whose population the workers share. Ray's overhead is one worker against none, where
this process computes. Growth is what twice as many lineages, cells, or seeds cost; twice the cells are the
same circuit twice, so synapses double too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import networkx
import torch

import populations
import tasks
from benchmarks.turns import OURS, Call, Options, Row, compare, take_turns
from neuroevo.connectome.catalog import load
from neuroevo.connectome.graphs import from_networkx, to_networkx
from neuroevo.connectome.model import Connectome
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.evolution import Evolution
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.request import resolve
from neuroevo.experiment.shards import ShardRun
from neuroevo.experiment.watcher import Watcher
from neuroevo.experiment.writer import RunWriter
from neuroevo.run_folder import RunFolder
from neuroevo.search.lineage import centre
from neuroevo.workers.pool import Pool, pool
from neuroevo.workers.ray_cluster import Workers

REGISTERED = populations.__name__, tasks.__name__  # importing them registers priors and tasks
CIRCUIT = "celegans-motor"
GENOMES = ("stats-prior", "random")
GRAPHS, SEEDS = 5, 10  # 2 priors x 5 graphs x 10 seeds are 100 lineages
GENERATIONS, POPULATION, STEPS = 3, 16, 50
FUSED_GOAL = 2.0


class Tournament:
    """A request, planned once and evolved as often as it is called.

    Args:
        folder: Folder in which runs are written.
        where: Pool that computes.
        options: Options of all measurements.
        circuit: Source wiring.
        graphs: Number of samples of each prior.
        seeds: Number of seeds of each sample.
    """

    def __init__(
        self, folder: Path, where: Pool, options: Options, circuit: Connectome, graphs: int, seeds: int
    ) -> None:
        small = options.smallest
        request = Configuration(
            genome=GENOMES,
            task=(f"swimmer:steps={5 if small else STEPS},held_out=1",),
            connectome=CIRCUIT,
            graphs=graphs,
            seeds=seeds,
            generations=2 if small else GENERATIONS,
            population=4 if small else POPULATION,
            seed=options.seed,
        )
        self._plan = Plan(replace(resolve(request), connectome=circuit.with_ports(None, None)))
        self._folder = folder
        self._where = where
        self._request = self._plan.requests[0]
        first = self._evolution()
        self._blueprints = first.set_gains(self._request)
        self.lineages = len(self._plan.lineages())
        self.centres: list[torch.Tensor] = []

    def fused(self) -> None:
        """Evolves all lineages at once."""
        evolution = self._evolution()
        pairs = evolution.begin(self._request, self._blueprints, range(self._plan.config.seeds))
        self._run(evolution, evolution.shards(self._request, pairs))

    def one_by_one(self) -> None:
        """Evolves one lineage after another."""
        evolution = self._evolution()
        pairs = evolution.begin(self._request, self._blueprints, range(self._plan.config.seeds))
        shards = [shard for pair in pairs for shard in evolution.shards(self._request, [pair])]
        self._run(evolution, *([shard] for shard in shards))

    def _run(self, evolution: Evolution, *batches: Sequence[ShardRun]) -> None:
        """Evolves batches of shards in turn and keeps what their lineages answer with."""
        self.centres = []
        for shards in batches:
            for _ in evolution.evolve(shards):
                pass
            for shard in shards:
                evolution.forget(shard)
                self.centres += [centre(lineage, state) for lineage, state in shard.pairs()]

    def _evolution(self) -> Evolution:
        """Returns the request's evolution in a folder of its own."""
        path = Path(tempfile.mkdtemp(dir=self._folder))
        about = {"lineages": self._plan.lineages()}
        run = RunFolder.create(path / "run", self._plan.config.to_dict(), about)
        return Evolution(self._plan, self._where, RunWriter(run), Watcher())


def measure(options: Options) -> Iterator[Row]:
    """Yields the rows of all three questions."""
    torch.set_num_threads(1)
    circuit = load("celegans-perimotor" if options.smallest else CIRCUIT)
    graphs, seeds = (1, 2) if options.smallest else (GRAPHS, SEEDS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def make(where: Pool, wiring: Connectome, g: int, s: int) -> Tournament:
            return Tournament(folder, where, options, wiring, g, s)

        workers = 0 if options.smallest else options.cores  # a check of the code does not start Ray
        with pool(Workers(workers)) as where:
            yield from _fused(make(where, circuit, graphs, seeds), workers, options)
        with pool(Workers(0)) as local:
            alone = make(local, circuit, graphs, seeds)
            if options.peers and not options.smallest:
                with pool(Workers(1)) as one:
                    yield from _overhead(alone, make(one, circuit, graphs, seeds), options)
            larger = {
                "twice the lineages, by graphs": make(local, circuit, 2 * graphs, seeds),
                "twice the cells": make(local, doubled(circuit), graphs, seeds),
                "twice the seeds": make(local, circuit, graphs, 2 * seeds),
            }
            yield from _growth(alone, larger, options)


def _fused(tournament: Tournament, workers: int, options: Options) -> Iterator[Row]:
    """Yields fused lineages against one after another."""
    rivals: dict[str, Call] = {OURS: tournament.fused, "one lineage after another": tournament.one_by_one}
    seconds = take_turns(rivals, options.turns(3))
    case = f"{tournament.lineages} lineages of the swimmer, {workers} workers, fused"
    goals = {"one lineage after another": FUSED_GOAL}
    yield from compare(case, "seconds", seconds, less=True, goals=goals)


def _overhead(alone: Tournament, on_ray: Tournament, options: Options) -> Iterator[Row]:
    """Yields one worker of Ray's against none."""
    rivals: dict[str, Call] = {"one Ray worker": on_ray.fused, "no workers, no Ray": alone.fused}
    seconds = take_turns(rivals, options.turns(3))
    case = f"{alone.lineages} lineages of the swimmer, Ray's overhead"
    yield from compare(case, "seconds", seconds, ours="one Ray worker", less=True)


def _growth(alone: Tournament, larger: dict[str, Tournament], options: Options) -> Iterator[Row]:
    """Yields what larger requests cost."""
    rivals: dict[str, Call] = {"as it is": alone.fused, **{name: x.fused for name, x in larger.items()}}
    seconds = take_turns(rivals, options.turns(3))
    case = f"{alone.lineages} lineages of the swimmer, no workers, growth (2 is in proportion)"
    yield from compare(case, "seconds", seconds, ours="as it is", less=True)


def doubled(circuit: Connectome) -> Connectome:
    """Returns two copies of a circuit, side by side, as one."""
    graph = to_networkx(circuit)
    names = ({node: f"{node}{suffix}" for node in graph} for suffix in ("", "-twin"))
    return from_networkx(networkx.union(*(networkx.relabel_nodes(graph, n) for n in names)))
