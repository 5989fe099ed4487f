"""Compiled kernels, in numba: weights times the state, and the step of the leaky rate neuron.

`multiply_weights` takes genomes one by one, and many columns of the state at once.
`multiply_weights_in_lanes` takes up to sixteen genomes of one wiring together, each in its own lane of a
vector. The state lies genome by genome, so it is first transposed to a tile. Both take the sums in the same
order, and so agree to the last bit, and the genomes of a wiring share the places of its entries.

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

from neuroevo.network.vectors import add_product, load, repeat, store

_WHERE = np.uint64  # numba would look whether a signed place is negative, to count it from the end
_NEXT = _WHERE(1)
_SIXTEEN, _FOUR, _SINGLE = (0,) * 16, (0,) * 4, (0,)  # lanes
_QUARTER, _VECTOR, _TWO_VECTORS, _THREE_VECTORS, _BLOCK = map(_WHERE, (4, 16, 32, 48, 64))  # columns

_ROWS = 64  # that are transposed at once: 64 cache lines of sixteen lanes stay in a core's first cache

# Weights times the state.


@njit(nogil=True, cache=True)
def multiply_weights(
    genomes: np.ndarray,
    rows: np.ndarray,
    bounds: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    bias: np.ndarray,
    source: np.ndarray,
    out: np.ndarray,
    num_columns: int,
) -> None:
    """Writes some rows of `matrix @ source + bias` of genomes, one after the other.

    A row's sums of 64 columns stay in registers. Arrays are flat where no shape is given.

    Args:
        genomes: One row a genome, int64 [g, 6 + parts]: where its entries begin in `values`; its first row in
            `bias` and `out`; where those of its wiring begin in `bounds`, `columns` and `rows`; how many of
            its rows to write; and of each part of what it is multiplied with the first row in `source`.
        rows: Of each wiring the rows of a genome to write, int64.
        bounds: Of each wiring where the entries of each part of each row begin, and the end of the last,
            int64.
        columns: Of the entries of each wiring, counted from the first of their part, int32.
        values: The weights, float32.
        bias: float32, one a row.
        source: The state, float32, B numbers a row.
        out: float32, B numbers a row.
        num_columns: B.
    """
    width, num_parts = _WHERE(num_columns), _WHERE(genomes.shape[1] - 6)
    parts = np.zeros(genomes.shape[1] - 6, np.uint64)
    for g in range(len(genomes)):
        value, first = _WHERE(genomes[g, 0]), _WHERE(genomes[g, 1])
        for k in range(num_parts):
            parts[k] = _WHERE(genomes[g, 6 + k]) * width
        entries = bounds[genomes[g, 2] :], columns[genomes[g, 3] :], values
        for i in range(genomes[g, 4], genomes[g, 4] + genomes[g, 5]):
            local = _WHERE(rows[i])
            row = first + local
            begin, at, start = local * num_parts, row * width, bias[row]
            c = _WHERE(0)
            while c + _BLOCK <= width:
                _add_block(start, entries, value, begin, parts, source, out, width, at, c)
                c += _BLOCK
            while c + _VECTOR <= width:
                _add_vector(_SIXTEEN, start, entries, value, begin, parts, source, out, width, at, c)
                c += _VECTOR
            while c + _QUARTER <= width:
                _add_vector(_FOUR, start, entries, value, begin, parts, source, out, width, at, c)
                c += _QUARTER
            while c < width:
                _add_vector(_SINGLE, start, entries, value, begin, parts, source, out, width, at, c)
                c += _NEXT


@njit(nogil=True, cache=True)
def _add_block(
    start: np.float32,
    entries: tuple[np.ndarray, np.ndarray, np.ndarray],
    value: np.uint64,
    begin: np.uint64,
    parts: np.ndarray,
    source: np.ndarray,
    out: np.ndarray,
    width: np.uint64,
    at: np.uint64,
    c: np.uint64,
) -> None:
    """Writes a row's sums of 64 columns from `c` on; `begin` is the row's first part in `bounds`."""
    bounds, columns, values = entries
    first = repeat(_SIXTEEN, start)
    second, third, fourth = first, first, first
    for part in range(_WHERE(len(parts))):
        base = parts[part] + c
        for k in range(_WHERE(bounds[begin + part]), _WHERE(bounds[begin + part + _NEXT])):
            weight = repeat(_SIXTEEN, values[value + k])
            x = base + _WHERE(columns[k]) * width
            first = add_product(first, weight, load(_SIXTEEN, source, x))
            second = add_product(second, weight, load(_SIXTEEN, source, x + _VECTOR))
            third = add_product(third, weight, load(_SIXTEEN, source, x + _TWO_VECTORS))
            fourth = add_product(fourth, weight, load(_SIXTEEN, source, x + _THREE_VECTORS))
    store(first, out, at + c)
    store(second, out, at + c + _VECTOR)
    store(third, out, at + c + _TWO_VECTORS)
    store(fourth, out, at + c + _THREE_VECTORS)


@njit(nogil=True, cache=True)
def _add_vector(
    lanes: tuple[int, ...],
    start: np.float32,
    entries: tuple[np.ndarray, np.ndarray, np.ndarray],
    value: np.uint64,
    begin: np.uint64,
    parts: np.ndarray,
    source: np.ndarray,
    out: np.ndarray,
    width: np.uint64,
    at: np.uint64,
    c: np.uint64,
) -> None:
    """Writes a row's sums of as many columns as there are lanes, from `c` on."""
    bounds, columns, values = entries
    total = repeat(lanes, start)
    for part in range(_WHERE(len(parts))):
        base = parts[part] + c
        for k in range(_WHERE(bounds[begin + part]), _WHERE(bounds[begin + part + _NEXT])):
            weight = repeat(lanes, values[value + k])
            total = add_product(total, weight, load(lanes, source, base + _WHERE(columns[k]) * width))
    store(total, out, at + c)


@njit(nogil=True, cache=True)
def multiply_weights_in_lanes(
    lanes: tuple[int, ...],
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
) -> None:
    """Writes `matrix @ source + bias` of every genome into `out`; all arrays but `tiles` are flat.

    Args:
        lanes: Zeros, one a genome of a tile: W.
        tiles: One row for W genomes of a wiring, int64 [T, 7 + 2 parts]: how many rows they have; where the
            wiring's begin in `rows`, `starts` and `columns`, and the tile's in `values` and `bias`; the first
            genome's first row in `out`; and of each part of what genomes are multiplied with the first
            genome's first row in `source`, and how many rows each genome has.
        rows: Of each wiring, in the order in which their entries lie, int32.
        starts: Where the entries of each of these rows begin, and the end of the last, int32.
        columns: Of the entries, in the order of the parts, int32.
        values: The weights, W for each entry.
        bias: W for each row.
        source: The state, B numbers a row.
        out: B numbers a row.
        num_columns: B.
        tile: Room for W numbers of each column.
        total: Room for W numbers of each row.
    """
    width = len(lanes)
    for t in range(len(tiles)):
        num_rows, row, begin, entry, value, bias_, first = tiles[t, :7]
        for b in range(num_columns):
            place = 0
            for k in range(7, tiles.shape[1], 2):
                size = tiles[t, k + 1]
                _take(source, tiles[t, k], size, width, b, num_columns, tile, place)
                place += size * width
            _add_rows(
                lanes,
                (values, columns, starts, rows, bias),
                (value, entry, begin, row, bias_),
                num_rows,
                tile,
                total,
            )
            _give(total, num_rows, out, first, width, b, num_columns)


@njit(nogil=True, cache=True)
def _add_rows(
    lanes: tuple[int, ...],
    arrays: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    firsts: tuple[int, int, int, int, int],
    num_rows: int,
    tile: np.ndarray,
    total: np.ndarray,
) -> None:
    """Writes biases plus products of a tile's entries, one weight a lane, into its rows of totals.

    `arrays` are those of `multiply_weights_in_lanes`: weights, their columns, where those of each row begin,
    rows and biases; `firsts` are where the tile's begin in each.
    """
    values, columns, starts, rows, bias = arrays
    value, entry, begin = _WHERE(firsts[0]), _WHERE(firsts[1]), _WHERE(firsts[2])
    row, bias_, width = _WHERE(firsts[3]), _WHERE(firsts[4]), _WHERE(len(lanes))
    k = _WHERE(starts[begin])
    for i in range(_WHERE(num_rows)):
        end, at = _WHERE(starts[begin + i + _NEXT]), _WHERE(rows[row + i]) * width
        sums = load(lanes, bias, bias_ + at)
        while k < end:
            weights = load(lanes, values, value + k * width)
            sums = add_product(sums, weights, load(lanes, tile, _WHERE(columns[entry + k]) * width))
            k += _NEXT
        store(sums, total, at)


@njit(nogil=True, cache=True)
def _take(
    source: np.ndarray,
    first_row: int,
    size: int,
    count: int,
    b: int,
    num_columns: int,
    tile: np.ndarray,
    place: int,
) -> None:
    """Transposes rows of `size` numbers, one a genome, to columns of the tile, some rows at a time."""
    to, width, step = _WHERE(place), _WHERE(count), _WHERE(num_columns)
    for begin in range(0, size, _ROWS):
        rows = _WHERE(min(_ROWS, size - begin))
        for lane in range(count):
            first = _WHERE((first_row + lane * size + begin) * num_columns + b)
            at = to + _WHERE(begin) * width + _WHERE(lane)
            for j in range(rows):
                tile[at + j * width] = source[first + j * step]


@njit(nogil=True, cache=True)
def _give(
    total: np.ndarray, num_rows: int, out: np.ndarray, first: int, count: int, b: int, num_columns: int
) -> None:
    """Transposes columns of totals to rows of `out`, one a genome, some rows at a time."""
    width, step = _WHERE(count), _WHERE(num_columns)
    for begin in range(0, num_rows, _ROWS):
        rows = _WHERE(min(_ROWS, num_rows - begin))
        for lane in range(count):
            to = _WHERE((first + lane * num_rows + begin) * num_columns + b)
            at = _WHERE(begin) * width + _WHERE(lane)
            for j in range(rows):
                out[to + j * step] = total[at + j * width]


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
