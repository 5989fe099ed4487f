"""Compiled loops of sequences: networks go through all steps of a piece, sixteen of one wiring side by side.

Sixteen networks of leaky rate neurons lie in the lanes of vectors for as many steps as are asked for, so that
their activities never leave a core's first cache. A row of the wiring's matrix is added up in four registers,
of which each takes every fourth entry; numba has no word for that, so `_add_row` is written as the
instructions that LLVM compiles. With numba's loops in its place, whose sums go through memory, a whole score
on `memory` takes 1.35 times as long (`python -m benchmarks reservoirs`). What a lane holds depends on no
other lane.

Importing this module imports numba, so other modules do so on first use.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic

from neuroevo.network.alignment import LANES
from neuroevo.network.kernels import _leaky

ENTRIES = 4  # of a row that go together: its entries are filled up to a multiple

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_LONG = ir.IntType(64)
_NONE_STAYS, _TWICE, _ALL = np.float32(0), np.float32(2), np.float32(1)  # makes of a leaky step a tanh


@intrinsic
def _add_row(
    typing: Any,
    weights: Any,
    columns: Any,
    first: Any,
    end: Any,
    bias: Any,
    tile: Any,
    total: Any,
    row: Any,
) -> Any:
    """Writes into `total` a row's bias plus the products of its entries.

    Args:
        typing: What numba passes.
        weights: Sixteen an entry, flat, float32.
        columns: Where in the tile the sixteen numbers of each entry's column begin, int32.
        first: The row's first entry, int64.
        end: The end of its last entry, int64.
        bias: Sixteen a row, flat, float32.
        tile: What weights are multiplied with, flat, float32.
        total: Sixteen a row, flat, float32.
        row: Where the row's numbers begin in `bias` and `total`, int64.

    Returns:
        The type, and what emits the instructions.
    """
    kinds = weights, columns, first, end, bias, tile, total, row

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointers = [
            context.make_array(kind)(context, builder, arg).data if isinstance(kind, types.Array) else arg
            for kind, arg in zip(signature.args, args, strict=True)
        ]
        weight, column, begin, stop, first_bias, first_cell, out, place_of_row = pointers
        product = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        fused = cgutils.get_or_insert_function(builder.module, product, f"llvm.fmuladd.v{LANES}f32")

        def at(pointer: Any, place: Any) -> Any:
            return builder.bitcast(builder.gep(pointer, [place]), _VECTOR.as_pointer())

        sums = [cgutils.alloca_once(builder, _VECTOR) for _ in range(ENTRIES)]
        builder.store(builder.load(at(first_bias, place_of_row), align=4), sums[0])
        for place in sums[1:]:
            builder.store(ir.Constant(_VECTOR, [0.0] * LANES), place)
        with cgutils.for_range_slice(builder, begin, stop, ir.Constant(_LONG, ENTRIES), _LONG) as (k, _):
            for j, place in enumerate(sums):
                entry = builder.add(k, ir.Constant(_LONG, j))
                cell = builder.zext(builder.load(builder.gep(column, [entry])), _LONG)
                factors = [at(weight, builder.mul(entry, ir.Constant(_LONG, LANES))), at(first_cell, cell)]
                pair = [builder.load(factor, align=4) for factor in factors]
                builder.store(builder.call(fused, [*pair, builder.load(place)]), place)
        a, b, c, d = (builder.load(place) for place in sums)
        whole = builder.fadd(builder.fadd(a, b), builder.fadd(c, d))
        builder.store(whole, at(out, place_of_row), align=4)
        return context.get_dummy_value()

    return types.void(*kinds), emit


@njit(nogil=True, cache=True)
def respond(
    structure: tuple[np.ndarray, np.ndarray],
    weights: np.ndarray,
    cells: tuple[np.ndarray, np.ndarray],
    encoder: np.ndarray,
    heard: np.ndarray,
    substeps: int,
    tile: np.ndarray,
    room: tuple[np.ndarray, np.ndarray],
    read: np.ndarray,
    states: np.ndarray,
) -> None:
    """Moves sixteen networks through a piece of their sequences, and writes what cells do at every step.

    Arrays are flat, sixteen numbers a row, but where a shape is given.

    Args:
        structure: Where the entries of each of N rows begin, and the end of the last, int64 [N + 1], all
            multiples of ENTRIES; of each entry where the numbers of its column begin in `tile`, int32 [E].
        weights: Of E entries.
        cells: Biases and leaks of N cells.
        encoder: Weights from each sensor to each of I ports, sensor by sensor.
        heard: What the sensors are given, float32 [T, S, 16].
        substeps: Membrane steps in a network step.
        tile: Activities of N cells, the I ports, and a row of zeros; it is left as it is after the last step.
        room: Twice N rows of finite numbers.
        read: The cells that are read, int64 [F].
        states: What they do, float64 [lanes, T, F], of the first lanes.
    """
    bias, leak = cells
    current, target = room
    for t in range(len(heard)):
        _sense(encoder, heard[t], tile[len(bias) : len(tile) - LANES])
        for _ in range(substeps):
            _add_rows(structure, weights, bias, tile, current)
            _move(tile[: len(bias)], current, target, leak)
        for lane in range(len(states)):
            row = states[lane, t]
            for f in range(len(read)):
                row[f] = tile[read[f] * LANES + lane]


@njit(nogil=True, cache=True)
def watch(
    structure: tuple[np.ndarray, np.ndarray],
    weights: np.ndarray,
    cells: tuple[np.ndarray, np.ndarray],
    encoder: np.ndarray,
    heard: np.ndarray,
    substeps: int,
    tile: np.ndarray,
    room: tuple[np.ndarray, np.ndarray],
    inputs: np.ndarray,
    squares: np.ndarray,
) -> None:
    """Moves sixteen networks as `respond` does, and adds up squares of the currents before every step.

    Args:
        structure: See `respond`.
        weights: See `respond`.
        cells: See `respond`.
        encoder: See `respond`.
        heard: See `respond`.
        substeps: See `respond`.
        tile: See `respond`.
        room: See `respond`.
        inputs: The cells that ports lead to, int64 [I' <= I].
        squares: float64, sixteen for each of N cells and then I ports; to these are added the squares of what
            cells receive from each other, and of what ports bring.
    """
    bias, leak = cells
    current, target = room
    size = len(bias)
    for t in range(len(heard)):
        _sense(encoder, heard[t], tile[size : len(tile) - LANES])
        for k in range(substeps):
            _add_rows(structure, weights, bias, tile, current)
            if k == 0:
                for i in range(size):
                    target[i] = current[i] - bias[i]
                for port in range(len(inputs)):
                    for lane in range(LANES):
                        target[inputs[port] * LANES + lane] -= tile[size + port * LANES + lane]
                for i in range(size):
                    squares[i] += target[i] * target[i]
                for i in range(size, len(squares)):
                    squares[i] += tile[i] * tile[i]
            _move(tile[:size], current, target, leak)


@njit(nogil=True, cache=True)
def _sense(encoder: np.ndarray, heard: np.ndarray, ports: np.ndarray) -> None:
    """Writes into the ports what sensors bring that are given numbers [S, 16]."""
    ports[:] = np.float32(0)
    for sensor in range(len(heard)):
        for port in range(len(ports) // LANES):
            first, place = sensor * len(ports) + port * LANES, port * LANES
            for lane in range(LANES):
                ports[place + lane] += encoder[first + lane] * heard[sensor, lane]


@njit(nogil=True, cache=True)
def _add_rows(
    structure: tuple[np.ndarray, np.ndarray],
    weights: np.ndarray,
    bias: np.ndarray,
    tile: np.ndarray,
    current: np.ndarray,
) -> None:
    """Writes what cells receive."""
    starts, columns = structure
    for row in range(len(starts) - 1):
        _add_row(weights, columns, starts[row], starts[row + 1], bias, tile, current, row * LANES)


@njit(nogil=True, cache=True)
def _move(activity: np.ndarray, current: np.ndarray, target: np.ndarray, leak: np.ndarray) -> None:
    """Moves activities by `h <- h + leak (tanh(I) - h)`."""
    target[:] = np.float32(0)  # of what is not finite nothing is to stay
    _leaky(target, current, _NONE_STAYS, _TWICE, _ALL)
    for i in range(len(activity)):
        activity[i] += leak[i] * (target[i] - activity[i])
