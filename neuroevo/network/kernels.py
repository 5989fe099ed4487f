"""Compiled kernels: products of sparse matrices with the state, and the step of the leaky rate neuron.

`multiply` takes a matrix and a state of many columns. `multiply_lanes` takes sixteen genomes whose matrices
have entries at the same places together, each in its own lane of a vector. What they are multiplied with lies
genome by genome, so it is first transposed, in registers, to a tile that stays in a core's first cache. The
sums are taken in the order of `multiply`, and so equal them to the last bit.

`leaky` and `leaky_rows` make one pass over the state in place of five. They compute what PyTorch's operations
do to the last bit, on processors whose exponential PyTorch takes from SLEEF: the same polynomial, in the same
order, with the same fused products.

Importing this module imports numba, so other modules do so on first use.

References:
    Shibata & Petrogalli (2020), SLEEF, https://doi.org/10.1109/TPDS.2019.2960333
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from neuroevo.network.alignment import LANES

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_INT = ir.IntType(64)
_HALF = LANES // 2
_LOW = [lane + LANES * second for lane in range(_HALF) for second in (0, 1)]
_SHUFFLES = [ir.Constant(ir.VectorType(ir.IntType(32), LANES), [k + h for k in _LOW]) for h in (0, _HALF)]

F = np.float32
TO_BITS, LN2_HIGH, LN2_LOW = F(1.4426950408889634), F(-0.693145751953125), F(-1.428606765330187045e-06)
C0, C1, C2 = map(
    F, (0.000198527617612853646278381, 0.00139304355252534151077271, 0.00833336077630519866943359)
)
C3, C4, C5 = map(F, (0.0416664853692054748535156, 0.166666671633720397949219, 0.5))
ONE, MOST = F(1), F(104)  # exp(-MOST) is zero, and 1 / (1 + exp(MOST)) is


@njit(fastmath={"contract"}, nogil=True, cache=True)  # a product and its sum are one instruction
def multiply(
    starts: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    source: np.ndarray,
    bias: np.ndarray,
    out: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Writes rows of `matrix @ source + bias` into those of `out`.

    Four entries are taken at once, so that sums stay in registers.
    """
    num_columns = out.shape[1]
    for row in rows:
        total, first = out[row], bias[row, 0]
        for c in range(num_columns):
            total[c] = first
        k, end = starts[row], starts[row + 1]
        while k + 4 <= end:
            w0, w1, w2, w3 = values[k], values[k + 1], values[k + 2], values[k + 3]
            x0, x1 = source[columns[k]], source[columns[k + 1]]
            x2, x3 = source[columns[k + 2]], source[columns[k + 3]]
            for c in range(num_columns):
                total[c] = total[c] + w0 * x0[c] + w1 * x1[c] + w2 * x2[c] + w3 * x3[c]
            k += 4
        while k < end:
            w0, x0 = values[k], source[columns[k]]
            for c in range(num_columns):
                total[c] = total[c] + w0 * x0[c]
            k += 1


class _Code:
    """What intrinsics are written with: LLVM instructions on arrays of float32."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        self._context, self._signature, self._arguments = context, signature, arguments
        self.builder = builder

    def data(self, k: int) -> Any:
        """Returns the pointer to what an argument, an array, holds."""
        kind, value = self._signature.args[k], self._arguments[k]
        return self._context.make_array(kind)(self._context, self.builder, value).data

    def integer(self, k: int) -> Any:
        """Returns an argument as a 64-bit integer."""
        kind, value = self._signature.args[k], self._arguments[k]
        return self._context.cast(self.builder, value, kind, types.int64)

    def place(self, data: Any, first: Any, k: Any, stride: Any) -> Any:
        """Returns the pointer to the vector at `data[first + k * stride]`."""
        index = self.builder.add(first, self.builder.mul(k, stride))
        return self.builder.bitcast(self.builder.gep(data, [index]), _VECTOR.as_pointer())

    def at_most(self, k: int, last: Any) -> Any:
        """Returns the lesser of a number and an integer."""
        number = ir.Constant(_INT, k)
        return self.builder.select(self.builder.icmp_signed("<", number, last), number, last)


@intrinsic
def _add_row(
    typing_context: Any,
    values: Any,
    first: Any,
    tile: Any,
    columns: Any,
    start: Any,
    end: Any,
    total: Any,
    at: Any,
) -> Any:
    """Adds `values[first + 16 k] * tile[16 columns[k]]`, k from start to end, to `total[at]`, as vectors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        code = _Code(context, builder, signature, arguments)
        weights, place, sources, indices, out = (code.data(0), code.integer(1), *map(code.data, (2, 3, 6)))
        lanes, zero = ir.Constant(_INT, LANES), ir.Constant(_INT, 0)
        where = code.place(out, code.integer(7), zero, zero)
        held = cgutils.alloca_once_value(builder, builder.load(where, align=4))
        with cgutils.for_range_slice(
            builder, code.integer(4), code.integer(5), ir.Constant(_INT, 1), _INT
        ) as (k, _):
            column = builder.sext(builder.load(builder.gep(indices, [k])), _INT)
            weight = builder.load(code.place(weights, place, k, lanes), align=4)
            source = builder.load(code.place(sources, zero, column, lanes), align=4)
            product = builder.fmul(weight, source, flags=["contract"])  # and its sum are one instruction
            builder.store(builder.fadd(builder.load(held), product, flags=["contract"]), held)
        builder.store(builder.load(held), where, align=4)
        return context.get_dummy_value()

    kinds = values, first, tile, columns, start, end, total, at
    return types.void(*kinds), generate


@intrinsic
def _transpose(
    typing_context: Any,
    source: Any,
    first: Any,
    stride: Any,
    count: Any,
    out: Any,
    out_first: Any,
    out_stride: Any,
    out_count: Any,
) -> Any:
    """Writes 16 x 16 numbers, rows `stride` apart, transposed to rows `out_stride` apart.

    Of fewer rows the last is read again; of fewer rows of `out` those beyond are not written.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        code = _Code(context, builder, signature, arguments)
        read, written, one = code.data(0), code.data(4), ir.Constant(_INT, 1)
        begin, step, last = code.integer(1), code.integer(2), builder.sub(code.integer(3), one)
        rows = [
            builder.load(code.place(read, begin, code.at_most(k, last), step), align=4) for k in range(LANES)
        ]
        for _ in range(LANES.bit_length() - 1):
            pairs = [(rows[k], rows[k + _HALF]) for k in range(_HALF)]
            rows = [builder.shuffle_vector(a, b, mask) for a, b in pairs for mask in _SHUFFLES]
        begin, step, last = code.integer(5), code.integer(6), builder.sub(code.integer(7), one)
        for k in reversed(range(LANES)):  # so that what stands in the last row is what belongs there
            builder.store(rows[k], code.place(written, begin, code.at_most(k, last), step), align=4)
        return context.get_dummy_value()

    kinds = source, first, stride, count, out, out_first, out_stride, out_count
    return types.void(*kinds), generate


@njit(nogil=True, cache=True)
def multiply_lanes(
    tiles: np.ndarray,
    rows: np.ndarray,
    starts: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    bias: np.ndarray,
    source: np.ndarray,
    out: np.ndarray,
    episodes: int,
    tile: np.ndarray,
    total: np.ndarray,
) -> None:
    """Writes `matrix @ source + bias` of every genome into `out`; all but `tiles` are flat.

    Args:
        tiles: One for up to 16 genomes of a wiring, int64 [T, 8 + 2 parts]: how many genomes; how many rows
            they have; where the wiring's begin in `rows`, `starts` and `columns`, and the tile's in `values`
            and `bias`; the first genome's first row in `out`; and of each part of what genomes are multiplied
            with the first genome's first row in `source`, and how many rows each genome has.
        rows: Of each wiring, in the order in which their entries lie, int32.
        starts: Of their entries, and the end of the last, int32.
        columns: Of the entries, in the order of the parts, int32.
        values: Vectors of 16 for each entry.
        bias: Vectors of 16 for each row.
        source: B numbers a row.
        out: B numbers a row.
        episodes: B.
        tile: Room for 16 numbers of each column.
        total: Room for 16 numbers of each row.
    """
    for t in range(len(tiles)):
        count, num_rows, row, begin, entry, value, bias_, first = tiles[t, :8]
        for b in range(episodes):
            place = 0
            for k in range(8, tiles.shape[1], 2):
                width = tiles[t, k + 1]
                _take(source, tiles[t, k], width, count, b, episodes, tile, place)
                place += width * LANES
            for r in range(num_rows * LANES):
                total[r] = bias[bias_ + r]
            for i in range(num_rows):
                at, start, end = rows[row + i] * LANES, starts[begin + i], starts[begin + i + 1]
                _add_row(values, value, tile, columns[entry:], start, end, total, at)
            _give(total, num_rows, out, first, count, b, episodes)


@njit(nogil=True, cache=True)
def _take(
    source: np.ndarray,
    first: int,
    width: int,
    count: int,
    b: int,
    episodes: int,
    tile: np.ndarray,
    place: int,
) -> None:
    """Writes rows of `width` numbers, one a genome, into columns of the tile."""
    if episodes == 1 and width >= LANES:
        for j in range(0, width, LANES):
            begin = min(j, width - LANES)  # the last ones overlap those before
            _transpose(source, first + begin, width, count, tile, place + begin * LANES, LANES, LANES)
        return
    for lane in range(LANES):
        row = first + min(lane, count - 1) * width
        for j in range(width):
            tile[place + j * LANES + lane] = source[(row + j) * episodes + b]


@njit(nogil=True, cache=True)
def _give(
    total: np.ndarray, num_rows: int, out: np.ndarray, first: int, count: int, b: int, episodes: int
) -> None:
    """Writes columns of totals into rows of `out`, one a genome."""
    if episodes == 1 and num_rows >= LANES:
        for r in range(0, num_rows, LANES):
            begin = min(r, num_rows - LANES)
            _transpose(total, begin * LANES, LANES, LANES, out, first + begin, num_rows, count)
        return
    for lane in range(count):
        for r in range(num_rows):
            out[(first + lane * num_rows + r) * episodes + b] = total[r * LANES + lane]


@intrinsic
def _fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Returns a * b + c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


@intrinsic
def _whole(typing_context: Any, number: Any) -> Any:
    """Returns the nearest whole number, as a float."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rounded = builder.module.declare_intrinsic("llvm.rint", [ir.FloatType()])
        return builder.call(rounded, arguments)

    return types.float32(types.float32), generate


@intrinsic
def _power(typing_context: Any, exponent: Any) -> Any:
    """Returns 2 to an integer in -126..127, as its bits are."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.IntType(32)
        bits = builder.shl(builder.add(arguments[0], ir.Constant(kind, 127)), ir.Constant(kind, 23))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(types.int32), generate


def leaky(activity: np.ndarray, current: np.ndarray, leak: float) -> None:
    """Moves activities by `h <- (1 - leak) h + leak tanh(I)`; both float32 [n]."""
    _leaky(activity, current, F(1 - leak), F(2 * leak), F(leak))


def leaky_rows(activity: np.ndarray, current: np.ndarray, leak: float, rows: np.ndarray) -> None:
    """Does the same to some rows, int64, of activities and currents, float32 [cells, B]."""
    _leaky_rows(activity, current, F(1 - leak), F(2 * leak), F(leak), rows)


@njit(nogil=True, cache=True, error_model="numpy")  # else it would look for divisions by zero, one by one
def _leaky(
    activity: np.ndarray, current: np.ndarray, kept: np.float32, twice: np.float32, leak: np.float32
) -> None:
    """Moves activities by `h <- kept * h + twice * sigmoid(2 I) - leak`."""
    for k in range(len(activity)):
        x = -(current[k] + current[k])
        if x > MOST:  # not a number stays what it is
            x = MOST
        if x < -MOST:
            x = -MOST
        whole = _whole(x * TO_BITS)
        rest = _fma(whole, LN2_LOW, _fma(whole, LN2_HIGH, x))
        series = _fma(_fma(C0, rest, C1), rest, C2)
        series = _fma(_fma(_fma(series, rest, C3), rest, C4), rest, C5)
        series = ONE + _fma(rest * rest, series, rest)
        exponent = np.int32(whole)
        half = np.int32(exponent >> 1)
        power = series * _power(half) * _power(np.int32(exponent - half))
        activity[k] = _fma(ONE / (ONE + power), twice, activity[k] * kept) - leak


@njit(nogil=True, cache=True, error_model="numpy")
def _leaky_rows(
    activity: np.ndarray,
    current: np.ndarray,
    kept: np.float32,
    twice: np.float32,
    leak: np.float32,
    rows: np.ndarray,
) -> None:
    """Moves some rows."""
    for row in rows:
        _leaky(activity[row], current[row], kept, twice, leak)
