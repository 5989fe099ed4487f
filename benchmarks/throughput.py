"""How fast is an evaluation? The closed loop against bare physics, and the sparse step against a dense one.

Closed loop: networks of many wirings swim as the evaluators run them: one worker a core, each with one thread
and its share of the genomes. The rival is the open loop, `mujoco.rollout` with as many threads, on as many of
the same bodies for as many steps, with controls given in advance and all steps taken in one call. No
controller in the loop can be faster.

Sparse step: what every cell receives, the product with the weights plus the bias and no nonlinearity, as one
CSR matrix of all genomes and as `torch.bmm` with one dense matrix a genome, in one thread. The dense rival is
timed both as `W x` and as `x' W'`, each on memory laid out for it, and the faster one counts.

Rivals take turns, and a ratio is the median of those of the turns, so that other load falls on both alike.

    python -m benchmarks.throughput [--networks 1024] [--steps 100] [--repeats 5] [--seed 0]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection

import mujoco
import numpy as np
import torch
from mujoco import rollout

import populations  # noqa: F401 - registers the priors
from neuroevo import connectome
from neuroevo.architecture import Architecture
from neuroevo.cluster import default_workers
from neuroevo.connectome import Connectome
from neuroevo.phenotype import Blueprint, Phenotype
from neuroevo.plugins import priors
from neuroevo.products import WIDE, Product
from neuroevo.seeds import derive, generator
from tasks.swimmer import SUBSTEPS, Swimmer, model

PRIORS = ("stats-prior", "random")  # of the closed loop
WIRINGS = 32  # half of each prior
SPREAD = 0.1  # of the parameters of one wiring's genomes
EPISODES = (1, 2)  # a network, each in a body of its own
SHARE = 0.8  # of the open loop's rate that the closed loop should reach
DENSE_GENOMES, DENSE_WIRINGS = 128, 8
STEPS = 4  # network steps in a row in every turn of a product
COLUMNS = {1: 8.0, 8: None, 64: None, 256: 2.0}  # and how many times as fast the sparse step should be


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--networks", type=int, default=1024, help=f"a multiple of {WIRINGS}")
    parser.add_argument("--steps", type=int, default=100, help="control steps an episode")
    parser.add_argument("--workers", type=int, default=default_workers(), help="and threads of the open loop")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each rival")
    parser.add_argument("--seed", type=int, default=0, help="of wirings, parameters and starts")
    options = parser.parse_args()
    if options.networks < WIRINGS or options.networks % WIRINGS:
        parser.error(f"--networks is {options.networks}; use a multiple of the {WIRINGS} wirings.")
    if not 1 <= options.workers <= WIRINGS:
        parser.error(f"--workers is {options.workers}; use 1 to {WIRINGS}.")
    torch.set_num_threads(1)
    print(f"load average {os.getloadavg()[0]:.1f} on {default_workers()} cores before")
    compare_loops(options)
    compare_products(options)


def compare_loops(options: argparse.Namespace) -> None:
    """Times closed and open loop in turn, and prints both."""
    print(
        f"\n{options.networks:,} networks of {WIRINGS} wirings, {options.steps} control steps, "
        f"{options.workers} workers of one thread; control steps a second\n"
        f"{'episodes':>8}  {'bodies':>6}  {'open loop':>9}  {'closed loop':>11}  {'ratio':>5}  "
        f"{'turns':>12}  goal"
    )
    lines = [start_worker(k, options) for k in range(options.workers)]
    for episodes in EPISODES:
        rivals: dict[str, Callable[[], object]] = {
            "closed": partial(ask, lines, episodes),
            "open": open_loop(options, episodes),
        }
        seconds = take_turns(rivals, options.repeats)
        bodies = options.networks * episodes
        rate = {name: bodies * options.steps / np.median(times) for name, times in seconds.items()}
        turns = np.divide(seconds["open"], seconds["closed"])  # how the rates compare
        print(
            f"{episodes:>8}  {bodies:>6,}  {rate['open']:>9,.0f}  {rate['closed']:>11,.0f}  "
            f"{np.median(turns):>5.2f}  {turns.min():.2f} to {turns.max():.2f}  {SHARE}"
        )
    ask(lines, 0)


def ask(lines: Sequence[Connection], episodes: int) -> None:
    """Has all workers evaluate at once and waits for them; at 0 episodes they end."""
    for line in lines:
        line.send(episodes)
    for line in lines:
        if not line.recv():
            raise SystemExit("A fitness was not finite: the simulation failed, and its time says nothing.")


def start_worker(number: int, options: argparse.Namespace) -> Connection:
    """Starts a worker and returns the line to it."""
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    context.Process(target=work, args=(there, number, options), daemon=True).start()
    there.close()  # so that a worker's death ends the wait for it
    return here


def work(line: Connection, number: int, options: argparse.Namespace) -> None:
    """Evaluates its share of the wirings, with all genomes of each, as often and as long as it is told."""
    torch.set_num_threads(1)
    tasks = {episodes: Swimmer(steps=options.steps, episodes=episodes) for episodes in EPISODES}
    sizes = tasks[1].num_sensors, tasks[1].num_actuators
    motor = connectome.load("celegans-motor")
    shares = range(number, WIRINGS, options.workers)
    blueprints = [Blueprint(wiring(motor, w, options.seed), *sizes) for w in shares]
    phenotype, parameters = animate(blueprints, options.networks // WIRINGS, options.seed)
    seeds = [options.seed] * phenotype.num_genomes
    while episodes := line.recv():
        phenotype.load(parameters)
        line.send(bool(tasks[episodes].evaluate(phenotype, seeds=seeds).isfinite().all()))
    line.send(True)


def wiring(source: Connectome, number: int, seed: int) -> Architecture:
    """Returns a sample of one prior for even numbers and of the other for odd ones."""
    prior = priors.get(PRIORS[number % 2]).target
    return prior(source, seed=derive(seed, "wiring", number)).without_dead_ends()


def animate(blueprints: Sequence[Blueprint], genomes: int, seed: int) -> tuple[Phenotype, list[torch.Tensor]]:
    """Returns the network of some genomes of every blueprint, loaded, and their parameters."""
    rng = generator(seed, "parameters")
    parameters = []
    for blueprint in blueprints:
        noise = rng.normal(0, SPREAD, (genomes, blueprint.layout.length)).astype(np.float32)
        parameters.append(blueprint.draw(genomes, rng) + torch.from_numpy(noise))
    phenotype = Phenotype(blueprints, [genomes] * len(blueprints))
    phenotype.load(parameters)
    return phenotype, parameters


def open_loop(options: argparse.Namespace, episodes: int) -> Callable[[], object]:
    """Returns a call that rolls all bodies out under controls given in advance."""
    kind, body = mujoco.mjtState.mjSTATE_FULLPHYSICS, model()
    data = [mujoco.MjData(body) for _ in range(options.workers)]
    begin = np.zeros((episodes, mujoco.mj_stateSize(body, kind)))
    qpos, qvel = Swimmer().starts(options.seed, "training", episodes)
    for episode in range(episodes):
        data[0].qpos[:], data[0].qvel[:] = qpos[episode], qvel[episode]
        mujoco.mj_getState(body, data[0], begin[episode], kind)
    begin = np.tile(begin, (options.networks, 1))
    steps = options.steps * SUBSTEPS
    control = generator(options.seed, "control").uniform(-1, 1, (len(begin), steps, body.nu))
    states = np.zeros((len(begin), steps, begin.shape[1]))
    engine = rollout.Rollout(nthread=options.workers if options.workers > 1 else 0)
    return partial(
        engine.rollout,
        [body] * len(begin),
        data,
        begin,
        control,
        nstep=steps,
        skip_checks=True,
        state=states,
    )


def compare_products(options: argparse.Namespace) -> None:
    """Times the sparse and the dense product in turn at several numbers of columns and prints them."""
    cells = connectome.load("celegans").circuit("neurons", "sensory+interneuron+motor")
    sample, seeds = priors.get(PRIORS[0]).target, [derive(options.seed, k) for k in range(DENSE_WIRINGS)]
    blueprints = [Blueprint(sample(cells, seed=seed), num_sensors=1, num_actuators=1) for seed in seeds]
    phenotype, _ = animate(blueprints, DENSE_GENOMES // DENSE_WIRINGS, options.seed)
    entries = phenotype.matrix.values().numel() // DENSE_GENOMES
    print(
        f"\n{DENSE_GENOMES} genomes of {cells.num_cells} cells, {len(cells.chemical):,} synapses and "
        f"{len(cells.electrical):,} gap junctions ({entries:,} entries), "
        f"one thread; microseconds a genome and step\n"
        f"{'columns':>7}  {'sparse':>6}  {'dense':>6}  {'ratio':>5}  goal"
    )
    weights = dense_weights(phenotype)
    for columns, goal in COLUMNS.items():
        rivals = products(phenotype, weights, columns, options.seed)
        seconds = take_turns(rivals, 4 * options.repeats, STEPS)
        times = {name: np.array(turns) * 1e6 / DENSE_GENOMES / STEPS for name, turns in seconds.items()}
        sparse = times.pop("sparse")
        dense = min(times.values(), key=np.median)
        print(
            f"{columns:>7}  {np.median(sparse):>6.1f}  {np.median(dense):>6.1f}  "
            f"{np.median(dense / sparse):>5.1f}  {goal or ''}"
        )


def dense_weights(phenotype: Phenotype) -> torch.Tensor:
    """Returns the diagonal blocks of the network's matrix, float32 [G, N, N], for genomes of equal size."""
    matrix, cells = phenotype.matrix, int(phenotype.genome_sizes[0])
    rows = torch.repeat_interleave(torch.arange(matrix.shape[0]), matrix.crow_indices().diff().long())
    columns = matrix.col_indices().long()
    weights = torch.zeros(phenotype.num_genomes, cells, cells)
    weights.index_put_((rows // cells, rows % cells, columns % cells), matrix.values(), accumulate=True)
    return weights


def products(
    phenotype: Phenotype, weights: torch.Tensor, columns: int, seed: int
) -> dict[str, Callable[[], object]]:
    """Returns calls that compute the same: the sparse product, and the dense one in both orders."""
    genomes, cells, _ = weights.shape
    rng, matrix = generator(seed, "states"), phenotype.matrix
    state = torch.from_numpy(rng.uniform(-1, 1, (genomes * cells, columns)).astype(np.float32))
    bias = torch.from_numpy(rng.normal(0, 1, (genomes * cells, 1)).astype(np.float32))
    spread = bias if columns >= WIDE else bias.repeat(1, columns)  # as the phenotype has it
    by_genome, bias_by_genome = state.view(genomes, cells, -1), bias.view(genomes, cells, 1)
    turned, turned_weights = by_genome.transpose(1, 2).contiguous(), weights.transpose(1, 2).contiguous()
    turned_bias = bias_by_genome.transpose(1, 2)
    out, dense_out, turned_out = (torch.empty_like(x) for x in (state, by_genome, turned))
    rivals: dict[str, Callable[[], object]] = {
        "sparse": Product(matrix, state, spread, out),
        "dense W x": lambda: torch.bmm(weights, by_genome, out=dense_out).add_(bias_by_genome),
        "dense x' W'": lambda: torch.bmm(turned, turned_weights, out=turned_out).add_(turned_bias),
    }
    for call in rivals.values():
        call()
    torch.testing.assert_close(dense_out.view_as(out), out)
    torch.testing.assert_close(turned_out.transpose(1, 2).reshape(out.shape), out)
    return rivals


def take_turns(
    rivals: dict[str, Callable[[], object]], repeats: int, calls: int = 1
) -> dict[str, list[float]]:
    """Returns the seconds of each rival's turns, of some calls each, after a round that warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(repeats + 1):
        for name, call in rivals.items():
            begin = time.perf_counter()
            for _ in range(calls):
                call()
            if turn:
                seconds[name].append(time.perf_counter() - begin)
    return seconds


if __name__ == "__main__":
    main()
