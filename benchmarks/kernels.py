"""What each clever part of the compiled kernels is worth, for a whole evaluation.

A part stays only where an evaluation without it takes at least 1.2 times as long, in one case at least. The
rivals are the same program with one part in its plainest form; one thread evaluates many networks, of wirings
of two priors, with every rival in turns. A figure is seconds of the processor, which other programs on the
machine disturb less than seconds of a clock.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import torch
from numba import njit
from torch import Tensor

from benchmarks import vision_rivals
from benchmarks.networks import CIRCUIT, batches
from benchmarks.turns import OURS, Options, Row, compare
from neuroevo.network import kernels, neurons
from tasks.locomotion_bodies import SwimmerV5
from tasks.swimmer import Swimmer

STEPS, IMAGES, NETWORK_STEPS = 100, 256, 4
LARGEST = "celegans-male"  # of the connectomes that come with the program, on the lightest of its bodies
TURNS = 9
MUCH = 1.2  # what a clever part has to be worth

Patches = dict[tuple[Any, str], Any]


class Evaluation:
    """An evaluation of many networks, in batches, by one worker.

    Args:
        task: What they are evaluated on.
        networks: How many.
        seed: Of wirings, parameters, starts and images.
        circuit: Connectome that the priors are derived from.
    """

    def __init__(self, task: Any, networks: int, seed: int, circuit: str = CIRCUIT) -> None:
        self._task = task
        self._seed = seed
        self._batches = batches(networks, (task.num_sensors, task.num_actuators), seed, circuit=circuit)

    def __call__(self) -> Tensor:
        """Returns the fitness of all networks, [G, B]."""
        fitness = []
        for phenotype, parameters in self._batches:
            phenotype.load(parameters)
            fitness.append(self._task.evaluate(phenotype, seeds=[self._seed] * phenotype.num_genomes).clone())
            phenotype.release()  # so that the next rival binds its own kernels
        return torch.cat(fitness)


def measure(options: Options) -> Iterator[Row]:
    """Yields a row a variant for every evaluation.

    Args:
        options: What all measurements are told.
    """
    torch.set_num_threads(1)
    seed, smallest = options.seed, options.smallest
    steps = 5 if smallest else STEPS
    swimmers, images = (4, 4) if smallest else (1024, 512)
    large = CIRCUIT if smallest else LARGEST
    batch = (16, 2) if smallest else (IMAGES, NETWORK_STEPS)
    cases: dict[str, tuple[Callable[[], Evaluation], str | tuple[str, ...]]] = {
        f"swimmer-v5, {swimmers:,} networks, {steps} control steps": (
            lambda: Evaluation(SwimmerV5(steps=steps), swimmers, seed),
            "products",
        ),
        f"swimmer, {swimmers // 2:,} networks of {large}, {steps} control steps": (
            lambda: Evaluation(Swimmer(steps=steps), swimmers // 2, seed, large),
            "products",
        ),
        f"digits, {images} networks, {batch[0]} images": (
            lambda: Evaluation(vision_rivals.task_of("digits", *batch), images, seed),
            ("leaky", "images"),
        ),
    }
    if not smallest:
        cases[f"digits, {images // 8} networks of {LARGEST}, 32 images"] = (
            lambda: Evaluation(
                vision_rivals.task_of("digits", 32, NETWORK_STEPS), images // 8, seed, LARGEST
            ),
            "images",
        )
        cases[f"mnist, {images // 4} networks, {batch[0]} images"] = (
            lambda: Evaluation(vision_rivals.task_of("mnist", *batch), images // 4, seed),
            ("leaky", "images"),
        )
    for case, (make, part) in cases.items():
        rivals = variants(part)
        seconds = _take_turns(make(), rivals, options.turns(TURNS))
        goals = {name: MUCH for name in rivals if name != OURS}
        yield from compare(case, "processor seconds an evaluation", seconds, less=True, goals=goals)


def variants(only: str | tuple[str, ...] = "") -> dict[str, Patches]:
    """Returns the program as it is, and with one part in its plainest form.

    Args:
        only: What the names of variants begin with; by default all.

    Returns:
        What to put in the place of what, by name.
    """
    by_name: dict[str, Patches] = {
        "products, loops over lanes": {
            (kernels, "multiply_weights_in_lanes"): _lanes_with(_add_rows_in_loops)
        },
        "images, loops over columns": {(kernels, "multiply_weights"): _multiply_in_loops},
        "leaky, PyTorch": {(neurons, "_is_compiled"): lambda tensor: False},
        "leaky, numba's exp": _leaky_with(_leaky_exp),
        "leaky, math.tanh": _leaky_with(_leaky_tanh),
    }
    return {OURS: {}} | {name: patches for name, patches in by_name.items() if name.startswith(only)}


def _take_turns(evaluate: Evaluation, rivals: dict[str, Patches], repeats: int) -> dict[str, list[float]]:
    """Returns processor seconds of the turns of each rival, after a round in which kernels are compiled."""
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    names = list(rivals)
    for turn in range(repeats + 1):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            with _patched(rivals[name]):
                begin = time.process_time()
                evaluate()
                if turn:
                    seconds[name].append(time.process_time() - begin)
    return seconds


@contextmanager
def _patched(patches: Patches) -> Iterator[None]:
    """Puts functions in the place of others for a while."""
    active = [mock.patch.object(owner, name, new) for (owner, name), new in patches.items()]
    for patch in active:
        patch.start()
    try:
        yield
    finally:
        for patch in active:
            patch.stop()


def _lanes_with(add_rows: Callable[..., None]) -> Callable[..., None]:
    """Returns `multiply_weights_in_lanes` with another way to add a tile's rows."""
    source = kernels.multiply_weights_in_lanes.py_func
    copied = type(source)(source.__code__, source.__globals__ | {"_add_rows": add_rows}, source.__name__)
    return njit(nogil=True)(copied)


@njit(fastmath={"contract"}, nogil=True)
def _add_rows_in_loops(lanes, arrays, firsts, num_rows, tile, total):  # type: ignore[no-untyped-def]
    """Loops over lanes, which LLVM may make vector instructions of or not."""
    values, columns, starts, rows, bias = arrays
    value, entry, begin, row, bias_ = firsts
    width = len(lanes)
    for i in range(num_rows):
        at = rows[row + i] * width
        for lane in range(width):
            total[at + lane] = bias[bias_ + at + lane]
        for k in range(starts[begin + i], starts[begin + i + 1]):
            for lane in range(width):
                total[at + lane] += values[value + k * width + lane] * tile[columns[entry + k] * width + lane]


@njit(fastmath={"contract"}, nogil=True)
def _multiply_in_loops(genomes, rows, bounds, columns, values, bias, source, out, num_columns):  # type: ignore[no-untyped-def]
    """One entry at a time, with all of its columns: sums go through memory."""
    num_parts = genomes.shape[1] - 6
    for g in range(len(genomes)):
        value, first, bound, entry, row, num_rows = genomes[g, :6]
        for i in range(row, row + num_rows):
            local = rows[i]
            total = out[(first + local) * num_columns : (first + local + 1) * num_columns]
            total[:] = bias[first + local]
            for part in range(num_parts):
                at = bound + local * num_parts + part
                for k in range(bounds[at], bounds[at + 1]):
                    begin = (genomes[g, 6 + part] + columns[entry + k]) * num_columns
                    total += values[value + k] * source[begin : begin + num_columns]


def _leaky_with(step: Callable[..., None]) -> Patches:
    """Returns the leaky neuron with another compiled step, of all cells and of some."""

    @njit(nogil=True)
    def step_rows(activity, current, leak, rows):  # type: ignore[no-untyped-def]
        for row in rows:
            step(activity[row], current[row], leak)

    def leaky(activity: np.ndarray, current: np.ndarray, leak: float) -> None:
        step(activity, current, np.float32(leak))

    def leaky_rows(activity: np.ndarray, current: np.ndarray, leak: float, rows: Sequence[int]) -> None:
        step_rows(activity, current, np.float32(leak), rows)

    return {(kernels, "leaky"): leaky, (kernels, "leaky_rows"): leaky_rows}


@njit(nogil=True, error_model="numpy")
def _leaky_exp(activity, current, leak):  # type: ignore[no-untyped-def]
    one, two = np.float32(1), np.float32(2)
    for k in range(len(activity)):
        sigmoid = one / (one + np.exp(-two * current[k]))
        activity[k] = (one - leak) * activity[k] + leak * (two * sigmoid - one)


@njit(nogil=True, error_model="numpy")
def _leaky_tanh(activity, current, leak):  # type: ignore[no-untyped-def]
    for k in range(len(activity)):
        activity[k] = (np.float32(1) - leak) * activity[k] + leak * math.tanh(current[k])
