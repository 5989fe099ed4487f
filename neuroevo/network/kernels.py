"""Compiled kernels, in plain numba: weights times the state, and the step of the leaky rate neuron.

`multiply_weights` takes one matrix and a state of many columns. `multiply_weights_in_lanes` takes up to
sixteen genomes whose matrices have entries at the same places together, each in its own lane of a vector. The
state lies genome by genome, so it is first transposed to a tile that stays in a core's first cache. Both take
the sums in the same order, and so agree to the last bit.

`leaky` and `leaky_rows` make one pass over the state in place of PyTorch's five, and compute what PyTorch's
operations do to the last bit, on processors whose exponential PyTorch takes from SLEEF: the same polynomial,
in the same order, with the same fused products.

Importing this module imports numba, so other modules do so on first use.

References:
    Shibata & Petrogalli (2020), SLEEF, https://doi.org/10.1109/TPDS.2019.2960333
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neuroevo.network.alignment import LANES

_WIDTH = np.uint64(LANES)
_ONE_PLACE, _TWO_PLACES, _FOUR_PLACES = np.uint64(1), np.uint64(2), np.uint64(4)

# Weights times the state.
#
# With `contract` a product and the sum that it goes into are one instruction, rounded once.


@njit(fastmath={"contract"}, nogil=True, cache=True)
def multiply_weights(
    starts: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    source: np.ndarray,
    bias: np.ndarray,
    out: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Writes some rows of `matrix @ source + bias` into the same rows of `out`.

    Four entries are taken at once, so that sums stay in registers.

    Args:
        starts: Where each row's entries begin, and where those of the last end, int32 [R + 1].
        columns: Of the entries, int32 [E].
        values: The weights, float32 [E].
        source: The state, float32 [M, B].
        bias: float32 [R, 1].
        out: float32 [R, B].
        rows: The rows to write, int64.
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


@njit(nogil=True, cache=True)
def multiply_weights_in_lanes(
    tiles: np.ndarray,
    rows: np.ndarray,
    starts: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    bias: np.ndarray,
    source: np.ndarray,
    out: np.ndarray,
    num_columns: int,
    tile: np.ndarray,
    total: np.ndarray,
    num_lanes: int,
) -> None:
    """Writes `matrix @ source + bias` of every genome into `out`; all arrays but `tiles` are flat.

    Args:
        tiles: One row for up to 16 genomes of a wiring, int64 [T, 8 + 2 parts]: how many genomes; how many
            rows they have; where the wiring's begin in `rows`, `starts` and `columns`, and the tile's in
            `values` and `bias`; the first genome's first row in `out`; and of each part of what genomes are
            multiplied with the first genome's first row in `source`, and how many rows each genome has.
        rows: Of each wiring, in the order in which their entries lie, int32.
        starts: Where the entries of each of these rows begin, and the end of the last, int32.
        columns: Of the entries, in the order of the parts, int32.
        values: The weights, 16 for each entry.
        bias: 16 for each row.
        source: The state, B numbers a row.
        out: B numbers a row.
        num_columns: B.
        tile: Room for 16 numbers of each column.
        total: Room for 16 numbers of each row.
        num_lanes: 16. It is an argument because LLVM would unroll loops over a known number of lanes before
            it looks for vector instructions, and then find none.
    """
    lanes = np.uint64(num_lanes)
    for t in range(len(tiles)):
        count, num_rows, row, begin, entry, value, bias_, first = tiles[t, :8]
        for b in range(num_columns):
            place = 0
            for k in range(8, tiles.shape[1], 2):
                width = tiles[t, k + 1]
                _take(source, tiles[t, k], width, count, b, num_columns, tile, place)
                place += width * LANES
            _add_rows(
                (values, columns, starts, rows, bias),
                (value, entry, begin, row, bias_),
                num_rows,
                tile,
                total,
                lanes,
            )
            _give(total, num_rows, out, first, count, b, num_columns)


@njit(fastmath={"contract"}, nogil=True, cache=True)
def _add_rows(
    arrays: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    firsts: tuple[int, int, int, int, int],
    num_rows: int,
    tile: np.ndarray,
    total: np.ndarray,
    lanes: np.uint64,
) -> None:
    """Writes biases plus products of a tile's entries, vectors of 16 weights each, into its rows of totals.

    `arrays` are those of `multiply_weights_in_lanes`: weights, their columns, where those of each row begin,
    rows and biases; `firsts` are where the tile's begin in each.

    Places are unsigned: numba would look whether a signed one is negative, to count it from the end, and then
    the loops over lanes would not become vector instructions. In a plainer form, one entry at a time with
    places as they come, a whole evaluation of 512 swimmers takes 2.16 times as long with networks of
    `celegans-male`, and of 1,024 bodies of swimmer-v5 with those of the motor circuit 1.15 times
    (`python -m benchmarks kernels`).
    """
    values, columns, starts, rows, bias = arrays
    value, entry, begin = np.uint64(firsts[0]), np.uint64(firsts[1]), np.uint64(firsts[2])
    row, bias_ = np.uint64(firsts[3]), np.uint64(firsts[4])
    k = np.uint64(starts[begin])
    for i in range(np.uint64(num_rows)):
        end, at = np.uint64(starts[begin + i + _ONE_PLACE]), np.uint64(rows[row + i]) * _WIDTH
        for lane in range(lanes):
            total[at + lane] = bias[bias_ + at + lane]
        while k + _FOUR_PLACES <= end:
            c = entry + k
            w0 = value + k * _WIDTH
            w1 = w0 + _WIDTH
            w2 = w1 + _WIDTH
            w3 = w2 + _WIDTH
            x0, x1 = np.uint64(columns[c]) * _WIDTH, np.uint64(columns[c + _ONE_PLACE]) * _WIDTH
            c += _TWO_PLACES
            x2, x3 = np.uint64(columns[c]) * _WIDTH, np.uint64(columns[c + _ONE_PLACE]) * _WIDTH
            for lane in range(lanes):
                total[at + lane] = (
                    total[at + lane]
                    + values[w0 + lane] * tile[x0 + lane]
                    + values[w1 + lane] * tile[x1 + lane]
                    + values[w2 + lane] * tile[x2 + lane]
                    + values[w3 + lane] * tile[x3 + lane]
                )
            k += _FOUR_PLACES
        while k < end:
            w0, x0 = value + k * _WIDTH, np.uint64(columns[entry + k]) * _WIDTH
            for lane in range(lanes):
                total[at + lane] = total[at + lane] + values[w0 + lane] * tile[x0 + lane]
            k += _ONE_PLACE


@njit(nogil=True, cache=True)
def _take(
    source: np.ndarray,
    first: int,
    width: int,
    count: int,
    b: int,
    num_columns: int,
    tile: np.ndarray,
    place: int,
) -> None:
    """Transposes rows of `width` numbers, one a genome, to columns of the tile.

    Lanes without a genome take the last genome's numbers.
    """
    begin, to = np.uint64(first * num_columns + b), np.uint64(place)
    step, size = np.uint64(num_columns), np.uint64(width * num_columns)
    last = np.uint64(count - 1)
    for j in range(np.uint64(width)):
        for lane in range(_WIDTH):
            tile[to + j * _WIDTH + lane] = source[begin + min(lane, last) * size + j * step]


@njit(nogil=True, cache=True)
def _give(
    total: np.ndarray, num_rows: int, out: np.ndarray, first: int, count: int, b: int, num_columns: int
) -> None:
    """Transposes columns of totals to rows of `out`, one a genome."""
    for lane in range(count):
        for r in range(num_rows):
            out[(first + lane * num_rows + r) * num_columns + b] = total[r * LANES + lane]


# The step of the leaky rate neuron.
#
# Constants of SLEEF's exponential in single precision, `expf` with one unit in the last place.

_F = np.float32
_TO_BITS, _LN2_HIGH, _LN2_LOW = _F(1.4426950408889634), _F(-0.693145751953125), _F(-1.428606765330187045e-06)
_C0, _C1, _C2 = (
    _F(0.000198527617612853646278381),
    _F(0.00139304355252534151077271),
    _F(0.00833336077630519866943359),
)
_C3, _C4, _C5 = _F(0.0416664853692054748535156), _F(0.166666671633720397949219), _F(0.5)
_ONE, _MOST = _F(1), _F(104)  # exp(-_MOST) is zero, and 1 / (1 + exp(_MOST)) is


def leaky(activity: np.ndarray, current: np.ndarray, leak: float) -> None:
    """Moves activities by `h <- (1 - leak) h + leak tanh(I)`.

    It computes its own exponential since that pays: with PyTorch's operations, which give the same bits, a
    whole evaluation of 512 networks on digits takes 1.23 times as long, and of 128 networks on MNIST 1.21
    times; with numba's own `exp` 2.5 and 2.3 times, and with `math.tanh` 10 and 9 times, for LLVM makes no
    vector instructions of these (`python -m benchmarks kernels`, one thread of an AMD EPYC with AVX-512).

    Args:
        activity: h, float32 [n], changed in place.
        current: I, float32 [n].
        leak: Share of the way, in (0, 1).
    """
    _leaky(activity, current, _F(1 - leak), _F(2 * leak), _F(leak))


def leaky_rows(activity: np.ndarray, current: np.ndarray, leak: float, rows: np.ndarray) -> None:
    """Moves some cells alone by the step of `leaky`.

    Args:
        activity: h, float32 [cells, B], changed in place.
        current: I, float32 [cells, B].
        leak: Share of the way, in (0, 1).
        rows: The cells to move, int64.
    """
    _leaky_rows(activity, current, _F(1 - leak), _F(2 * leak), _F(leak), rows)


@njit(nogil=True, cache=True, error_model="numpy")  # else it would look for divisions by zero, one by one
def _leaky(
    activity: np.ndarray, current: np.ndarray, stay: np.float32, twice: np.float32, leak: np.float32
) -> None:
    """Moves activities by `h <- stay * h + twice * sigmoid(2 I) - leak`."""
    for k in range(len(activity)):
        x = -(current[k] + current[k])
        if x > _MOST:  # not a number stays what it is
            x = _MOST
        if x < -_MOST:
            x = -_MOST
        whole = np.rint(x * _TO_BITS)
        rest = _fused(whole, _LN2_LOW, _fused(whole, _LN2_HIGH, x))
        series = _fused(_fused(_C0, rest, _C1), rest, _C2)
        series = _fused(_fused(_fused(series, rest, _C3), rest, _C4), rest, _C5)
        series = _ONE + _fused(rest * rest, series, rest)
        exponent = np.int32(whole)
        half = np.int32(exponent >> 1)
        power = series * _power_of_two(half) * _power_of_two(np.int32(exponent - half))
        activity[k] = _fused(_ONE / (_ONE + power), twice, activity[k] * stay) - leak


@njit(nogil=True, cache=True, error_model="numpy")
def _leaky_rows(
    activity: np.ndarray,
    current: np.ndarray,
    stay: np.float32,
    twice: np.float32,
    leak: np.float32,
    rows: np.ndarray,
) -> None:
    """Moves some rows."""
    for row in rows:
        _leaky(activity[row], current[row], stay, twice, leak)


@njit(fastmath={"contract"}, cache=True)
def _fused(a: np.float32, b: np.float32, c: np.float32) -> np.float32:
    """Returns `a * b + c`, rounded once where the processor can."""
    return a * b + c


@njit(cache=True)
def _power_of_two(exponent: np.int32) -> np.float32:
    """Returns 2 to an integer in -126..127, made of its bits."""
    return np.int32((exponent + np.int32(127)) << np.int32(23)).view(np.float32)
