"""What each clever part of the compiled kernels is worth, for a whole evaluation.

A part stays only where an evaluation without it takes at least 1.2 times as long. Three evaluations: swimmers
with networks in the loop, and two of images; 32 wirings of the motor circuit, one thread. The rivals are the
same program with one part in its plainest form. All evaluate the same networks in turns, and a figure is
seconds of the processor, which other programs on the machine disturb less than seconds of a clock.
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

from benchmarks import closed_loop_rivals, vision_rivals
from benchmarks.turns import OURS, Options, Row, compare
from neuroevo.network import kernels, neurons
from neuroevo.network.alignment import LANES

STEPS, IMAGES, NETWORK_STEPS = 100, 256, 4
TURNS = 9
MUCH = 1.2  # what a clever part has to be worth

Patches = dict[tuple[Any, str], Any]


def measure(options: Options) -> Iterator[Row]:
    """Yields a row a variant for every evaluation.

    Args:
        options: What all measurements are told.
    """
    torch.set_num_threads(1)
    share, seed, small = (0, 1), options.seed, options.smallest
    if small:
        evaluations = {
            "swimmer-v5, 4 networks": (closed_loop_rivals.Ours("swimmer-v5", 4, 5, seed, share), variants()),
            "digits, 4 networks": (vision_rivals.Ours("digits", 4, 16, 2, seed), variants()),
        }
    else:
        evaluations = {
            f"swimmer-v5, 1,024 networks, {STEPS} control steps": (
                closed_loop_rivals.Ours("swimmer-v5", 1024, STEPS, seed, share),
                variants("products"),
            ),
            f"digits, 512 networks, {IMAGES} images": (
                vision_rivals.Ours("digits", 512, IMAGES, NETWORK_STEPS, seed),
                variants("leaky"),
            ),
            f"mnist, 128 networks, {IMAGES} images": (
                vision_rivals.Ours("mnist", 128, IMAGES, NETWORK_STEPS, seed),
                variants("leaky"),
            ),
        }
    for case, (evaluate, rivals) in evaluations.items():
        seconds = _take_turns(evaluate, rivals, options.turns(TURNS))
        goals = {name: MUCH for name in rivals if name.startswith("leaky")}
        yield from compare(case, "processor seconds an evaluation", seconds, less=True, goals=goals)


def variants(only: str = "") -> dict[str, Patches]:
    """Returns the program as it is, and with one part in its plainest form.

    Args:
        only: What the names of variants begin with; by default all.

    Returns:
        What to put in the place of what, by name.
    """
    by_name: dict[str, Patches] = {
        "products, signed places": {(kernels, "multiply_weights_in_lanes"): _lanes_with(_add_row_signed)},
        "leaky, PyTorch": {(neurons, "_is_compiled"): lambda tensor: False},
        "leaky, numba's exp": _leaky_with(_leaky_exp),
        "leaky, math.tanh": _leaky_with(_leaky_tanh),
    }
    return {OURS: {}} | {name: patches for name, patches in by_name.items() if name.startswith(only)}


def _take_turns(evaluate: Any, rivals: dict[str, Patches], repeats: int) -> dict[str, list[float]]:
    """Returns processor seconds of the turns of each rival, after a round in which kernels are compiled."""
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    names = list(rivals)
    for turn in range(repeats + 1):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            with _patched(rivals[name]):
                begin = time.process_time()
                evaluate()
                _release(evaluate)
                if turn:
                    seconds[name].append(time.process_time() - begin)
    return seconds


def _release(evaluate: Any) -> None:
    """Gives back what networks have bound, as a worker does, so that the next rival binds its own kernels."""
    for phenotype, _ in evaluate._batches:
        if phenotype.has_copies:
            phenotype.release()


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


def _lanes_with(add_row: Callable[..., None]) -> Callable[..., None]:
    """Returns `multiply_weights_in_lanes` with another way to add a row."""
    source = kernels.multiply_weights_in_lanes.py_func
    copied = type(source)(source.__code__, source.__globals__ | {"_add_row": add_row}, source.__name__)
    return njit(nogil=True)(copied)


@njit(fastmath={"contract"}, nogil=True)
def _add_row_signed(values, tile, columns, start, end, total, row):  # type: ignore[no-untyped-def]
    """One entry at a time, with places as they come: LLVM makes no vector instructions of it."""
    for k in range(start, end):
        for lane in range(LANES):
            total[row * LANES + lane] += values[k * LANES + lane] * tile[columns[k] * LANES + lane]


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
