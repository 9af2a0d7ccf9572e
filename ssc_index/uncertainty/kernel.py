"""The fast way to many replications: scores in single precision, all cities side by side.

What belongs here: the compiled loops over replications, nodes and cities. What does not: what the numbers in its
arrays stand for (`prepared.py` lays them out) and the same in NumPy alone (`kernel_numpy.py`).

Logarithm, exponential, sine and cosine are polynomials in single precision (Chebyshev fits, error below 4e-7), so that
loops of them vectorise; their terms are added in pairs, for a processor can compute several at once. A product that is
added to something is rounded once, with it (`fma`): the same bits on any processor, in half the steps on most. Indices
are unsigned where they run, for a signed one might count from the end, which no vector loop allows for. What Numba
keeps from run to run is renewed when the file that a function stands in changes, and only then: so every compiled
function stands in the file of those it calls. Ranks and counts have their own (`kernel_counts.py`), and streams of
random numbers (`kernel_draws.py`).

Every sum runs in a fixed order: over the children of a node one by one, over cities by laying eighths on each other and
folding one half on the other.
Nothing is reordered, so a replication has the same bits in any company.
"""

# mypy: ignore-errors
# Numba types these functions, from the arrays they are called with.
from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

LANES = 32  # the longest run of numbers that a loop takes at once, in any processor; rows are multiples of it
TILE = 1024  # errors drawn at once
BLOCK = 1024  # lanes of a node that are summed at once
ARITHMETIC, GEOMETRIC, HARMONIC = 0, 1, 2
GOALPOSTS, MINMAX, ZSCORE, NONE = 0, 1, 2, 3
PLAIN, SQRT, GAP = 0, 1, 2
MEAN, MEDIAN = 0, 1
OK, STUCK, REFUSED = 0, 1, 2

_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}
# Functions that only other compiled ones call need no doors for Python and C, which take a while to compile, and no
# counts of who holds an array, which take a tenth of the time: they make none.
_INNER = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}
F = np.float32
J = np.int32  # sums of these are of 64 bits unless they are cut back, and then half as many fit in a step
U = np.uint64


@intrinsic
def bits(_context: Any, _number: Any) -> Any:
    """The bits of a float32 as an int32."""

    def generate(_ctx: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.bitcast(given[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def float_of(_context: Any, _number: Any) -> Any:
    """The float32 that an int32 is the bits of."""

    def generate(_ctx: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.bitcast(given[0], ir.FloatType())

    return types.float32(types.int32), generate


@intrinsic
def fma(_context: Any, _a: Any, _b: Any, _c: Any) -> Any:
    """``a · b + c`` of float32, rounded once."""

    def generate(_ctx: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.fma(*given)

    return types.float32(types.float32, types.float32, types.float32), generate


@njit(inline="always", error_model="numpy")
def logarithm(raw: Any) -> Any:
    """Natural logarithm of a positive normal float32, given by its bits."""
    power = J(J(raw - J(0x3F3504F3)) >> J(23))
    m = F(float_of(J(raw - J(power << J(23)))) - F(1.0))
    m2 = F(m * m)
    p0 = fma(m, F(0.3333366), F(-0.49999995))
    p1 = fma(m, F(0.19973106), F(-0.2500161))
    p2 = fma(m, F(0.1480646), F(-0.16575048))
    p3 = fma(m, F(0.09004202), F(-0.14257795))
    p = fma(fma(p3, m2, p2), F(m2 * m2), fma(p1, m2, p0))
    return fma(F(power), F(0.6931472), fma(m2, p, m))


@njit(inline="always", error_model="numpy")
def ln(x: Any) -> Any:
    """Natural logarithm of a positive normal float32; −10³⁰ for 0 and less, of which a share of 0 is 0; NaN of NaN."""
    return logarithm(bits(x)) if x > F(0.0) else F(x + F(-1e30))


@njit(inline="always", error_model="numpy")
def reciprocal(x: Any) -> Any:
    """One over a float32 that is not negative; 10³⁰ of 0, for a share of 0 of that is 0."""
    return F(F(1.0) / F(x + F(1e-30)))


@njit(inline="always", error_model="numpy")
def exp(x: Any) -> Any:
    """Exponential of a float32 up to 88; 0 below −87; NaN of NaN, which every step passes on."""
    t = F(x * F(1.442695041))
    t = F(-126.0) if t < F(-126.0) else t
    t = F(127.0) if t > F(127.0) else t
    s = F(t + F(12582912.0))  # 1.5 · 2²³: the last bits of the sum are the nearest whole number
    f = F(t - F(s - F(12582912.0)))
    f2 = F(f * f)
    p0 = fma(f, F(6.93147207e-1), F(1.0))
    p1 = fma(f, F(5.55032721e-2), F(2.40226512e-1))
    p2 = fma(f2, F(1.54697320e-4), fma(f, F(1.34004322e-3), F(9.61802560e-3)))
    p = fma(p2, F(f2 * f2), fma(p1, f2, p0))
    found = F(p * float_of(J(J(bits(s) << J(23)) + J(0x3F800000))))
    return F(0.0) if x < F(-87.0) else found


@njit(**_INNER)
def _fill_words(key: Any, tile: Any, count: Any, words: Any) -> None:
    """Random words of 64 bits of a tile that has so many: SplitMix64, as `draws.words` has it."""
    first = key + (U(tile) * U(count) + U(1)) * U(0x9E3779B97F4A7C15)
    for i in range(count):
        z = first + U(i) * U(0x9E3779B97F4A7C15)
        z = (z ^ (z >> U(30))) * U(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> U(27))) * U(0x94D049BB133111EB)
        words[i] = z ^ (z >> U(31))


@njit(**_INNER)
def _fill_pairs(words: Any, count: Any, drawn: Any) -> None:
    """Two standard normals of half a word, by the polar form of Box and Muller; `draws.normals` has the formula."""
    for i in range(count):
        word = words[i]
        u = fma(F(J(J(word >> J(16)) & J(0xFFFF))), F(2.0**-16), F(2.0**-17))
        radius = F(np.sqrt(F(-logarithm(bits(u)))))
        v = fma(F(J(word & J(0x3FFF))), F(2.0**-14), F(2.0**-15 - 0.5))
        s = F(v * v)
        s2 = F(s * s)
        sine = fma(fma(s, F(-4.6817541e-3), F(7.9692626e-2)), s2, fma(s, F(-0.64596410), F(1.5707963)))
        sine = F(sine * v)
        cosine = fma(F(9.1926e-4), s2, fma(s, F(-2.0863480e-2), F(0.25366950)))
        cosine = fma(cosine, s2, fma(s, F(-1.2337006), F(1.0)))
        one, two = F(radius * F(cosine - sine)), F(radius * F(cosine + sine))
        drawn[i] = float_of(J(bits(one) ^ J(J(word << J(16)) & J(-0x80000000))))
        drawn[U(count + i)] = float_of(J(bits(two) ^ J(J(word << J(17)) & J(-0x80000000))))


@njit(**_OPTIONS)
def fill_normals(key: Any, tile: Any, cells: Any, words: Any, drawn: Any) -> None:
    """Standard normal noise of one tile of a replication, as `draws.normals` has it.

    Args:
        key: Start of the replication's errors.
        tile: Number of the tile.
        cells: Cells of a tile, a multiple of 32.
        words: Scratch, shape (at least cells / 4,), uint64.
        drawn: Filled, shape (at least cells,), float32.
    """
    _fill_words(key, tile, cells // 4, words)
    _fill_pairs(words.view(np.int32), cells // 2, drawn)


@njit(**_INNER)
def _disturb(
    tables: Any,
    deviations: Any,
    row: Any,
    low: Any,
    high: Any,
    drawn: Any,
    shift: Any,
    values: Any,
    k: Any,
    begin: Any,
    n: Any,
) -> None:
    """Some values of an indicator with their errors, within bounds; one beyond a bound already stays there."""
    for i in range(n):
        x = tables[row, U(begin + i)]
        least = x if x < low else low
        most = x if x > high else high
        y = fma(deviations[row, U(begin + i)], drawn[U(shift + i)], x)
        y = least if y < least else y
        values[k, U(begin + i)] = most if y > most else y


@njit(**_INNER)
def _disturb_on_line(
    tables: Any,
    deviations: Any,
    row: Any,
    low: Any,
    high: Any,
    drawn: Any,
    shift: Any,
    values: Any,
    k: Any,
    begin: Any,
    n: Any,
    from_: Any,
    slope: Any,
    to: Any,
    least: Any,
    most: Any,
) -> None:
    """`_disturb` and `_rescale` at once, where the scale asks for nothing of the other values."""
    for i in range(n):
        x = tables[row, U(begin + i)]
        bottom = x if x < low else low
        top = x if x > high else high
        y = fma(deviations[row, U(begin + i)], drawn[U(shift + i)], x)
        y = bottom if y < bottom else y
        y = fma(F((top if y > top else y) - from_), slope, to)
        y = least if y < least else y
        values[k, U(begin + i)] = most if y > most else y


@njit(**_INNER)
def _range(values: Any, k: Any) -> Any:
    """Smallest and greatest value of a row; without values ∞ and −∞.

    The bits of floats, negative ones turned over, are whole numbers of the same order; whole numbers may be compared
    in any order. (Laying eighths of the row on each other first takes three fifths of the time, and half a second to
    compile.)
    """
    low, high = J(0x7F800000), J(-0x7F800001)
    for i in range(values.shape[1]):
        x = values[k, U(i)]
        raw = bits(x)
        raw = J(raw ^ J(J(raw >> J(31)) & J(0x7FFFFFFF)))
        one = raw if x == x else J(0x7F800000)
        two = raw if x == x else J(-0x7F800001)
        low = one if one < low else low
        high = two if two > high else high
    low = J(low ^ J(J(low >> J(31)) & J(0x7FFFFFFF)))
    high = J(high ^ J(J(high >> J(31)) & J(0x7FFFFFFF)))
    return float_of(low), float_of(high)


@njit(**_INNER)
def _folded(folds: Any, n: Any) -> Any:
    """Sum of n numbers, a multiple of 4, by folding the second half on the first; they are lost."""
    while n > 8:
        half = (n // 2 + 7) // 8 * 8
        for i in range(n - half):
            folds[i] = F(folds[i] + folds[U(half + i)])
        n = half
    whole = 0.0
    for i in range(n):
        whole += folds[i]
    return whole


@njit(**_INNER)
def _mean(values: Any, k: Any, folds: Any) -> Any:
    """Mean of the values of a row, and how many there are."""
    cells, eighth = J(0), values.shape[1] // 8
    for i in range(values.shape[1]):
        cells = J(cells + (J(1) if values[k, U(i)] == values[k, U(i)] else J(0)))
    for i in range(eighth):
        total = F(0.0)
        for part in range(8):
            x = values[k, U(part * eighth + i)]
            total = F(total + (x if x == x else F(0.0)))
        folds[i] = total
    return F(_folded(folds, eighth) / cells), cells


@njit(**_INNER)
def _deviation(values: Any, k: Any, mean: Any, cells: Any, folds: Any) -> Any:
    """Standard deviation (n − 1) of the values of a row."""
    eighth = values.shape[1] // 8
    for i in range(eighth):
        total = F(0.0)
        for part in range(8):
            x = F(values[k, U(part * eighth + i)] - mean)
            x = x if x == x else F(0.0)
            total = fma(x, x, total)
        folds[i] = total
    return F(np.sqrt(_folded(folds, eighth) / (cells - 1.0)))


@njit(**_INNER)
def _rescale(values: Any, k: Any, from_: Any, slope: Any, to: Any, least: Any, most: Any) -> None:
    """``to + (value − from) · slope``, held between two scores; a missing value stays missing."""
    for i in range(values.shape[1]):
        y = fma(F(values[k, i] - from_), slope, to)
        y = least if y < least else y
        values[k, i] = most if y > most else y


@njit(**_INNER)
def _line(numbers: Any, scale: Any, k: Any) -> Any:
    """A scale between two goalposts: from which value, how steep, to which score, the least and the greatest score."""
    low, high = numbers[scale, k, 0], numbers[scale, k, 1]
    first, second = numbers[scale, k, 2], numbers[scale, k, 3]
    least, most = F(-np.inf), F(np.inf)
    if numbers[scale, k, 6] > F(0.0):
        least, most = min(first, second), max(first, second)
    return low, F(F(second - first) / F(high - low)), first, least, most


@njit(**_INNER)
def _normalise(values: Any, at: Any, kind: Any, transform: Any, numbers: Any, scale: Any, k: Any, folds: Any) -> Any:
    """One indicator's values to scores, in place; whether all of them are equal, so that it has no scale."""
    first, second = numbers[scale, k, 2], numbers[scale, k, 3]
    target, sign, middle = numbers[scale, k, 4], numbers[scale, k, 5], numbers[scale, k, 7]
    if kind == NONE:
        return False
    if transform == SQRT:
        for i in range(values.shape[1]):
            values[at, i] = F(np.sqrt(values[at, i]))
    elif transform == GAP:
        for i in range(values.shape[1]):
            values[at, i] = F(abs(F(values[at, i] - target)))
    if kind == GOALPOSTS:
        from_, slope, to, least, most = _line(numbers, scale, k)
        _rescale(values, at, from_, slope, to, least, most)
        return False
    low, high = _range(values, at)
    if not low < high:
        for i in range(values.shape[1]):
            values[at, i] = middle if values[at, i] == values[at, i] else F(np.nan)
        return low == high
    if kind == MINMAX:
        # Where less is better the smallest value gets the best score.
        a = first if sign > F(0.0) else second
        b = second if sign > F(0.0) else first
        _rescale(values, at, low, F(F(b - a) / F(high - low)), a, min(a, b), max(a, b))
        return False
    mean, cells = _mean(values, at, folds)
    deviation = _deviation(values, at, mean, cells, folds)
    _rescale(values, at, mean, F(F(sign * second) / deviation), first, F(-np.inf), F(np.inf))
    return False


@njit(**_INNER)
def _turned(raw: Any) -> Any:
    """Bits of a float as a whole number of the same order, and back."""
    return J(raw ^ J(J(raw >> J(31)) & J(0x7FFFFFFF)))


@njit(**_INNER)
def _median(keys: Any, n: Any) -> Any:
    """Median of n floats that are given as whole numbers of the same order: by halves of the range that it lies in."""
    low, high = keys[0], keys[0]
    for i in range(n):
        low = keys[i] if keys[i] < low else low
        high = keys[i] if keys[i] > high else high
    total = F(0.0)
    for k in range((n - 1) // 2, n // 2 + 1):  # one number before which so many come, or two
        least, most = np.int64(low), np.int64(high)
        while least < most:
            middle = (least + most) >> 1
            top, cells = J(middle), J(0)
            for i in range(n):
                cells = J(cells + (J(1) if keys[i] <= top else J(0)))
            if np.int64(cells) > k:
                most = middle
            else:
                least = middle + 1
        total = F(total + float_of(_turned(J(least))))
    return total if n % 2 == 1 else F(F(0.5) * total)


@njit(**_INNER)
def _impute(
    values: Any,
    at: Any,
    k: Any,
    scale: Any,
    table: Any,
    centres: Any,
    grouping: Any,
    lanes: Any,
    ends: Any,
    keys: Any,
) -> Any:
    """Fill what is missing of an indicator by the means and medians that its imputations take, of groups of units.

    A group without any score stays bare. Tells whether all units have one then.
    """
    if centres.shape[1] == 0:
        return False
    for j in range(centres.shape[1]):
        centre, by = centres[scale, j, k], grouping[scale, j]
        for group in range(ends.shape[2] - 1 if centre >= 0 else 0):
            first, last = ends[table, by, group], ends[table, by, group + 1]
            count, total = np.int64(0), 0.0
            for place in range(first, last):
                x = values[at, U(lanes[table, by, place])]
                keys[count] = _turned(bits(x))  # written over where it is missing: no processor can guess which are
                total += np.float64(x) if x == x else 0.0
                count += 1 if x == x else 0
            if count == 0 or count == last - first:
                continue
            middle = _median(keys, count) if centre == MEDIAN else F(total / count)
            for place in range(first, last):
                lane = U(lanes[table, by, place])
                x = values[at, lane]
                values[at, lane] = x if x == x else middle
    holes = J(0)
    for i in range(lanes.shape[2]):
        holes = J(holes | (J(0) if values[at, i] == values[at, i] else J(1)))
    return holes == J(0)


@njit(**_INNER)
def _any_at_or_below_zero(rows: Any, row: Any, n: Any) -> Any:
    """Whether a mean that needs positive parts would meet one that is not."""
    found = J(0)
    for i in range(n):
        found = J(found | (J(1) if rows[row, i] <= F(0.0) else J(0)))
    return found != J(0)


@njit(**_INNER)
def _to_scores(rows: Any, row: Any, start: Any, n: Any, source: Any, parts: Any, part: Any) -> None:
    """Scores of what a mean has added up; the arguments are those of `_convert`."""
    if source == ARITHMETIC:
        for i in range(n):
            parts[part, i] = rows[row, U(start + i)]
    elif source == GEOMETRIC:
        for i in range(n):
            parts[part, i] = exp(rows[row, U(start + i)])
    else:
        for i in range(n):
            parts[part, i] = F(F(1.0) / rows[row, U(start + i)])


@njit(**_INNER)
def _to_logarithms(rows: Any, row: Any, start: Any, n: Any, source: Any, floor: Any, parts: Any, part: Any) -> None:
    """Logarithms of scores; the arguments are those of `_convert`."""
    if source == ARITHMETIC:
        for i in range(n):
            x = rows[row, U(start + i)]
            parts[part, i] = ln(floor if x < floor else x)
    elif source == GEOMETRIC:
        least = ln(floor)
        for i in range(n):
            x = rows[row, U(start + i)]
            parts[part, i] = least if x < least else x
    else:
        for i in range(n):
            x = F(F(F(1.0) / rows[row, U(start + i)]) - F(1e-20))  # no more than 0 where a part is 0
            parts[part, i] = ln(floor if x < floor else x)


@njit(**_INNER)
def _to_reciprocals(rows: Any, row: Any, start: Any, n: Any, source: Any, floor: Any, parts: Any, part: Any) -> None:
    """Reciprocals of scores; the arguments are those of `_convert`."""
    if source == ARITHMETIC:
        for i in range(n):
            x = rows[row, U(start + i)]
            parts[part, i] = reciprocal(floor if x < floor else x)
    elif source == GEOMETRIC:
        least = ln(floor)
        for i in range(n):
            x = rows[row, U(start + i)]
            parts[part, i] = exp(F(-(least if x < least else x)))
    else:
        most = F(F(1.0) / floor) if floor > F(0.0) else F(np.inf)
        for i in range(n):
            x = rows[row, U(start + i)]
            parts[part, i] = most if x > most else x


@njit(**_INNER)
def _convert(
    rows: Any, row: Any, start: Any, n: Any, source: Any, goal: Any, floor: Any, parts: Any, part: Any
) -> None:
    """A row as a mean adds it up: as it is, as logarithm or as reciprocal; a missing part stays missing.

    Args:
        rows: Where it stands, shape (any, n_lanes).
        row: Which it is.
        start: Lane from which on.
        n: Lanes.
        source: Mean that the row has added up; `ARITHMETIC` where it holds scores.
        goal: Mean that is to add it up.
        floor: Scores below it are raised to it; −∞ is none.
        parts: Filled, shape (any, at least n).
        part: In which row.
    """
    if goal == ARITHMETIC:
        _to_scores(rows, row, start, n, source, parts, part)
    elif goal == GEOMETRIC:
        _to_logarithms(rows, row, start, n, source, floor, parts, part)
    else:
        _to_reciprocals(rows, row, start, n, source, floor, parts, part)


@njit(**_OPTIONS)
def fill_form(scores: Any, goal: Any, floor: Any, found: Any) -> None:
    """Scores as a mean adds them up, as the kernel itself converts them.

    Args:
        scores: Shape (n, n_lanes).
        goal: The mean.
        floor: Scores below it are raised to it; −∞ is none.
        found: Filled, same shape.
    """
    for row in range(scores.shape[0]):
        _convert(scores, row, np.int64(0), scores.shape[1], np.int64(ARITHMETIC), goal, floor, found, row)


@njit(**_INNER)
def _add_up(rows: Any, shift: Any, which: Any, shares: Any, count: Any, sums: Any, g: Any, start: Any, n: Any) -> None:
    """Sum of parts by their shares; a lane that lacks one is missing.

    Args:
        rows: The parts, shape (any, n_lanes).
        shift: Their first lane.
        which: Their rows, shape (at least count,).
        shares: Their shares, same shape.
        count: How many there are, a multiple of 4.
        sums: Filled from ``start`` on in row ``g``.
        g: See ``sums``.
        start: See ``sums``.
        n: Lanes.
    """
    for j in range(0, count, 4):
        r0, r1, r2, r3 = which[j], which[j + 1], which[j + 2], which[j + 3]
        w0, w1, w2, w3 = shares[j], shares[j + 1], shares[j + 2], shares[j + 3]
        if j == 0:
            for i in range(n):
                x = fma(w1, rows[r1, U(shift + i)], F(w0 * rows[r0, U(shift + i)]))
                sums[g, U(start + i)] = fma(w3, rows[r3, U(shift + i)], fma(w2, rows[r2, U(shift + i)], x))
        else:
            for i in range(n):
                x = fma(w1, rows[r1, U(shift + i)], fma(w0, rows[r0, U(shift + i)], sums[g, U(start + i)]))
                sums[g, U(start + i)] = fma(w3, rows[r3, U(shift + i)], fma(w2, rows[r2, U(shift + i)], x))


@njit(**_INNER)
def _add_up_known(
    rows: Any,
    shift: Any,
    which: Any,
    shares: Any,
    count: Any,
    least: Any,
    bottom: Any,
    cells: Any,
    sums: Any,
    g: Any,
    start: Any,
    n: Any,
) -> None:
    """Weighted mean of the parts that are there; missing where there are fewer than ``least`` or they weigh nothing.

    Args as of `_add_up`, but ``count`` need be no multiple, for there are shares of 0 up to the next one; and
    ``bottom`` and ``cells``: scratch, shape (at least n,).
    """
    for j in range(0, count, 4):
        r0, r1, r2, r3 = which[j], which[j + 1], which[j + 2], which[j + 3]
        w0, w1, w2, w3 = shares[j], shares[j + 1], shares[j + 2], shares[j + 3]
        if j == 0:
            for i in range(n):
                x0, x1 = rows[r0, U(shift + i)], rows[r1, U(shift + i)]
                x2, x3 = rows[r2, U(shift + i)], rows[r3, U(shift + i)]
                top = F(w0 * (x0 if x0 == x0 else F(0.0)))
                top = fma(w1, x1 if x1 == x1 else F(0.0), top)
                top = fma(w2, x2 if x2 == x2 else F(0.0), top)
                sums[g, U(start + i)] = fma(w3, x3 if x3 == x3 else F(0.0), top)
                own = F(w0 * (F(1.0) if x0 == x0 else F(0.0)))
                own = fma(w1, F(1.0) if x1 == x1 else F(0.0), own)
                own = fma(w2, F(1.0) if x2 == x2 else F(0.0), own)
                bottom[i] = fma(w3, F(1.0) if x3 == x3 else F(0.0), own)
        else:
            for i in range(n):
                x0, x1 = rows[r0, U(shift + i)], rows[r1, U(shift + i)]
                x2, x3 = rows[r2, U(shift + i)], rows[r3, U(shift + i)]
                top = fma(w0, x0 if x0 == x0 else F(0.0), sums[g, U(start + i)])
                top = fma(w1, x1 if x1 == x1 else F(0.0), top)
                top = fma(w2, x2 if x2 == x2 else F(0.0), top)
                sums[g, U(start + i)] = fma(w3, x3 if x3 == x3 else F(0.0), top)
                own = fma(w0, F(1.0) if x0 == x0 else F(0.0), bottom[i])
                own = fma(w1, F(1.0) if x1 == x1 else F(0.0), own)
                own = fma(w2, F(1.0) if x2 == x2 else F(0.0), own)
                bottom[i] = fma(w3, F(1.0) if x3 == x3 else F(0.0), own)
    if least > F(1.0):  # one part with a weight is at least one part
        for i in range(n):
            cells[i] = F(0.0)
        for j in range(count):
            r0 = which[j]
            for i in range(n):
                cells[i] = F(cells[i] + (F(1.0) if rows[r0, U(shift + i)] == rows[r0, U(shift + i)] else F(0.0)))
        for i in range(n):
            bottom[i] = bottom[i] if cells[i] >= least else F(np.nan)
    for i in range(n):  # nothing by nothing is missing
        sums[g, U(start + i)] = F(sums[g, U(start + i)] / bottom[i])


@njit(**_INNER)
def _holes(sums: Any, g: Any, begin: Any, n: Any) -> Any:
    """How many of n lanes are missing."""
    found = J(0)
    for i in range(n):
        found = J(found + (J(0) if sums[g, U(begin + i)] == sums[g, U(begin + i)] else J(1)))
    return found


@njit(**_INNER)
def _mend(
    rows: Any, shift: Any, which: Any, shares: Any, count: Any, least: Any, sums: Any, g: Any, start: Any, n: Any
) -> Any:
    """Means of those lanes that `_add_up` left missing, as `_add_up_known` has them; whether they were few.

    If there are many the rest is left, for one by one takes too long.
    """
    few = n // 16
    for begin in range(0, n, LANES):
        stop = min(begin + LANES, n)
        here = _holes(sums, g, start + begin, stop - begin)
        few -= here
        if few < 0:
            return False
        if here == 0:
            continue
        for i in range(begin, stop):
            if sums[g, start + i] == sums[g, start + i]:
                continue
            top, bottom, cells = F(0.0), F(0.0), F(0.0)
            for j in range(count):
                x = rows[which[j], shift + i]
                if x == x:
                    top, bottom, cells = fma(shares[j], x, top), F(bottom + shares[j]), F(cells + F(1.0))
            if cells >= least and bottom > F(0.0):
                sums[g, start + i] = F(top / bottom)
    return True


@njit(**_INNER)
def _add_up_together(rows: Any, which: Any, shares: Any, count: Any, sums: Any, at: Any) -> None:
    """As `_add_up`, for all lanes of four replications at once: a part is fetched once, which takes half the time.

    Args:
        rows: The parts, shape (any, n_lanes).
        which: Their rows, shape (at least count,).
        shares: Their shares, shape (4, at least count).
        count: How many there are, a multiple of 4.
        sums: Filled.
        at: In which rows, shape (4,).
    """
    a, b, c, d = at[0], at[1], at[2], at[3]
    for j in range(0, count, 4):
        r0, r1, r2, r3 = which[j], which[j + 1], which[j + 2], which[j + 3]
        a0, a1, a2, a3 = shares[0, j], shares[0, j + 1], shares[0, j + 2], shares[0, j + 3]
        b0, b1, b2, b3 = shares[1, j], shares[1, j + 1], shares[1, j + 2], shares[1, j + 3]
        c0, c1, c2, c3 = shares[2, j], shares[2, j + 1], shares[2, j + 2], shares[2, j + 3]
        d0, d1, d2, d3 = shares[3, j], shares[3, j + 1], shares[3, j + 2], shares[3, j + 3]
        if j == 0:
            for i in range(rows.shape[1]):
                x0, x1, x2, x3 = rows[r0, U(i)], rows[r1, U(i)], rows[r2, U(i)], rows[r3, U(i)]
                sums[a, U(i)] = fma(a3, x3, fma(a2, x2, fma(a1, x1, F(a0 * x0))))
                sums[b, U(i)] = fma(b3, x3, fma(b2, x2, fma(b1, x1, F(b0 * x0))))
                sums[c, U(i)] = fma(c3, x3, fma(c2, x2, fma(c1, x1, F(c0 * x0))))
                sums[d, U(i)] = fma(d3, x3, fma(d2, x2, fma(d1, x1, F(d0 * x0))))
        else:
            for i in range(rows.shape[1]):
                x0, x1, x2, x3 = rows[r0, U(i)], rows[r1, U(i)], rows[r2, U(i)], rows[r3, U(i)]
                sums[a, U(i)] = fma(a3, x3, fma(a2, x2, fma(a1, x1, fma(a0, x0, sums[a, U(i)]))))
                sums[b, U(i)] = fma(b3, x3, fma(b2, x2, fma(b1, x1, fma(b0, x0, sums[b, U(i)]))))
                sums[c, U(i)] = fma(c3, x3, fma(c2, x2, fma(c1, x1, fma(c0, x0, sums[c, U(i)]))))
                sums[d, U(i)] = fma(d3, x3, fma(d2, x2, fma(d1, x1, fma(d0, x0, sums[d, U(i)]))))


@njit(**_INNER)
def _add_up_known_together(rows: Any, which: Any, shares: Any, sums: Any, at: Any) -> None:
    """As `_add_up_known` of four parts of which one is enough; the arguments are those of `_add_up_together`."""
    a, b, c, d = at[0], at[1], at[2], at[3]
    r0, r1, r2, r3 = which[0], which[1], which[2], which[3]
    a0, a1, a2, a3 = shares[0, 0], shares[0, 1], shares[0, 2], shares[0, 3]
    b0, b1, b2, b3 = shares[1, 0], shares[1, 1], shares[1, 2], shares[1, 3]
    c0, c1, c2, c3 = shares[2, 0], shares[2, 1], shares[2, 2], shares[2, 3]
    d0, d1, d2, d3 = shares[3, 0], shares[3, 1], shares[3, 2], shares[3, 3]
    for i in range(rows.shape[1]):
        x0, x1, x2, x3 = rows[r0, U(i)], rows[r1, U(i)], rows[r2, U(i)], rows[r3, U(i)]
        p0, x0 = F(1.0) if x0 == x0 else F(0.0), x0 if x0 == x0 else F(0.0)
        p1, x1 = F(1.0) if x1 == x1 else F(0.0), x1 if x1 == x1 else F(0.0)
        p2, x2 = F(1.0) if x2 == x2 else F(0.0), x2 if x2 == x2 else F(0.0)
        p3, x3 = F(1.0) if x3 == x3 else F(0.0), x3 if x3 == x3 else F(0.0)
        top, bottom = (
            fma(a3, x3, fma(a2, x2, fma(a1, x1, F(a0 * x0)))),
            fma(a3, p3, fma(a2, p2, fma(a1, p1, F(a0 * p0)))),
        )
        sums[a, U(i)] = F(top / bottom)
        top, bottom = (
            fma(b3, x3, fma(b2, x2, fma(b1, x1, F(b0 * x0)))),
            fma(b3, p3, fma(b2, p2, fma(b1, p1, F(b0 * p0)))),
        )
        sums[b, U(i)] = F(top / bottom)
        top, bottom = (
            fma(c3, x3, fma(c2, x2, fma(c1, x1, F(c0 * x0)))),
            fma(c3, p3, fma(c2, p2, fma(c1, p1, F(c0 * p0)))),
        )
        sums[c, U(i)] = F(top / bottom)
        top, bottom = (
            fma(d3, x3, fma(d2, x2, fma(d1, x1, F(d0 * x0)))),
            fma(d3, p3, fma(d2, p2, fma(d1, p1, F(d0 * p0)))),
        )
        sums[d, U(i)] = F(top / bottom)


@njit(**_INNER)
def _score_together(
    tables: Any,
    full: Any,
    family: Any,
    start: Any,
    forms: Any,
    least: Any,
    alive: Any,
    order: Any,
    turn: Any,
    n: Any,
    table: Any,
    mean_of: Any,
    alive_of: Any,
    weights: Any,
    which: Any,
    shares: Any,
    rows: Any,
    ready: Any,
    above: Any,
) -> None:
    """Sums of the nodes over indicators for n replications, up to four, that follow each other and share a table.

    ``ready`` tells of which nodes: of those that may lack parts only where there are up to four and one is enough.
    What is left out has a share of 0. The sums of one replication after the other stand in ``above``, behind the rows
    of the replication in hand. `compute_scores` has the other arguments.
    """
    n_above = start.size - 1
    for g in range(n_above):
        first, count = start[g], start[g + 1] - start[g]
        fours, whole, ready[g] = (count + 3) // 4 * 4, True, True
        for j in range(fours):
            k = family[first + (j if j < count else 0)]
            ready[g] &= k >= 0
            whole &= k >= 0 and full[table, k]
            which[j] = (forms[mean_of[order[turn]], g] * full.shape[0] + table) * full.shape[1] + k
        for slot in range(4):
            r = order[turn + min(slot, n - 1)]
            total = F(0.0)
            for j in range(fours):
                lives = j < count and alive[alive_of[r], first + j]
                shares[slot, j] = weights[r, first + j] if lives else F(0.0)
                total = F(total + shares[slot, j])
            for j in range(count):
                shares[slot, j] = F(shares[slot, j] / total)
            ready[g] &= whole or (fours == 4 and least[mean_of[r], alive_of[r], g] <= F(1.0))
            rows[slot] = (1 + slot) * n_above + g
        if ready[g] and whole:
            _add_up_together(tables, which, shares, fours, above, rows)
        elif ready[g]:
            _add_up_known_together(tables, which, shares, above, rows)


@njit(**_INNER)
def _is_as_before(
    g: Any,
    r: Any,
    before: Any,
    leaves: Any,
    same: Any,
    mean_of: Any,
    alive_of: Any,
    weights: Any,
    means: Any,
    floors: Any,
    least: Any,
    alive: Any,
    start: Any,
    family: Any,
) -> Any:
    """Whether a node's scores are those of the replication before: its rule, its children and their weights.

    A sensitivity analysis changes one group of inputs at a time, so that most nodes stay as they are.
    """
    now, then = mean_of[r], mean_of[before]
    out, out_then = alive_of[r], alive_of[before]
    if means[now, g] != means[then, g] or floors[now] != floors[then]:
        return False
    if least[now, out, g] != least[then, out_then, g]:
        return False
    for place in range(start[g], start[g + 1]):
        if alive[out, place] != alive[out_then, place]:
            return False
        if alive[out, place]:
            child = family[place]
            if not (same[-1 - child] if child < 0 else leaves) or weights[r, place] != weights[before, place]:
                return False
    return True


@njit(**_INNER)
def _fill_value(
    tables: Any,
    deviations: Any,
    row: Any,
    low: Any,
    high: Any,
    kind: Any,
    transform: Any,
    numbers: Any,
    scale: Any,
    k: Any,
    key: Any,
    words: Any,
    halves: Any,
    drawn: Any,
    tile: Any,
    folds: Any,
    values: Any,
    at: Any,
) -> Any:
    """Scores of one indicator in row ``at`` of ``values``: its values, their errors, its scale.

    A tile of errors is as much as stays in the processor's first cache: several short rows, or a piece of a long one.
    ``tile[0]`` is the one that ``drawn`` holds. Tells whether all values are equal, so that there is no scale.
    """
    n_lanes = values.shape[1]
    abreast, pieces = max(1, TILE // n_lanes), (n_lanes + TILE - 1) // TILE
    straight = kind == GOALPOSTS and transform == PLAIN and key != U(0)
    from_, slope, to, least, most = _line(numbers, scale, k)
    for piece in range(pieces):
        begin = piece * TILE
        n = min(TILE, n_lanes - begin)
        if key == U(0):
            for i in range(n):
                values[at, U(begin + i)] = tables[row, U(begin + i)]
            continue
        wanted = k // abreast * pieces + piece
        if tile[0] != wanted:
            wide = TILE if pieces > 1 else abreast * n_lanes
            _fill_words(key, wanted, wide // 4, words)
            _fill_pairs(halves, wide // 2, drawn)
            tile[0] = wanted
        shift = k % abreast * n_lanes
        if straight:
            _disturb_on_line(
                tables, deviations, row, low, high, drawn, shift, values, at, begin, n, from_, slope, to, least, most
            )
        else:
            _disturb(tables, deviations, row, low, high, drawn, shift, values, at, begin, n)
    if straight:
        return False
    return _normalise(values, at, kind, transform, numbers, scale, k, folds)


@njit(**_INNER)
def _score_node(rows: Any, shift: Any, which: Any, shares: Any, by: Any, spare: Any, above: Any, to: Any) -> None:
    """A node's sums of some lanes, from parts that stand ready.

    Args:
        rows: See `_add_up`; so ``shift``, ``which`` and ``shares``, which there is room in for a multiple of 4.
        shift: See ``rows``.
        which: See ``rows``.
        shares: See ``rows``.
        by: How many parts there are, whether all units have them all, whether units seldom lack one, as where the parts
            are themselves means, and how many a unit needs.
        spare: Scratch, shape (2, at least n).
        above: Filled.
        to: In which row, from which lane on, how many lanes, and how many of these are units.
    """
    (count, whole, seldom, need), (g, begin, n, n_units) = by, to
    fours = (count + 3) // 4 * 4
    for j in range(count, fours):
        which[j], shares[j] = which[0], F(0.0)
    if whole or seldom:
        _add_up(rows, shift, which, shares, fours, above, g, begin, n)
        if whole or _mend(rows, shift, which, shares, count, need, above, g, begin, n_units):
            return
    _add_up_known(rows, shift, which, shares, count, need, spare[0], spare[1], above, g, begin, n)


@njit(**_INNER)
def _tell(above: Any, g: Any, mean: Any, scores: Any, slot: Any, r: Any) -> None:
    """Scores of a node from the sums that its mean keeps."""
    for i in range(scores.shape[2]):
        scores[slot, r, i] = above[g, i]
    if mean == GEOMETRIC:
        for i in range(scores.shape[2]):
            scores[slot, r, i] = exp(scores[slot, r, i])
    elif mean == HARMONIC:
        for i in range(scores.shape[2]):
            scores[slot, r, i] = F(F(1.0) / scores[slot, r, i])


@njit(**_INNER)
def _compute_in_turn(
    tables: Any,
    deviations: Any,
    full: Any,
    lowest: Any,
    bounds: Any,
    kinds: Any,
    transforms: Any,
    numbers: Any,
    centres: Any,
    grouping: Any,
    lanes: Any,
    ends: Any,
    family: Any,
    start: Any,
    means: Any,
    forms: Any,
    floors: Any,
    least: Any,
    alive: Any,
    pattern: Any,
    wanted: Any,
    order: Any,
    keep: Any,
    together: Any,
    table_of: Any,
    scale_of: Any,
    mean_of: Any,
    alive_of: Any,
    weights: Any,
    noise: Any,
    scores: Any,
    status: Any,
    words: Any,
    halves: Any,
    drawn: Any,
    tile: Any,
    folds: Any,
    keys: Any,
    values: Any,
    of_columns: Any,
    of_nodes: Any,
    states: Any,
    above: Any,
    parts: Any,
    spare: Any,
    of_children: Any,
    shares: Any,
    ready: Any,
    place_of: Any,
    rows: Any,
) -> None:
    """As `compute_scores`, with arrays to work in."""
    n_lanes, n_above, n_tables, n_columns = tables.shape[1], start.size - 1, full.shape[0], full.shape[1]
    n_units = scores.shape[2]
    disturbed = kinds.shape[0] > 0
    # Numba compiles a function anew for each number that is written out where it is called.
    none, plain_scores = np.int64(0), np.int64(ARITHMETIC)
    known, stuck, filled = of_columns[0], of_columns[1], of_columns[2]
    same, whole = of_nodes[0], of_nodes[1]
    children, which, share = of_children[0], of_children[1], shares[0]
    first, after = none, none  # replications whose sums of indicators are computed together
    for turn in range(order.size):
        r, before = order[turn], order[max(turn - 1, 0)]
        table, scale, now, out = table_of[r], scale_of[r], mean_of[r], alive_of[r]
        leaves = turn > 0 and table == table_of[before] and scale == scale_of[before] and noise[r] == noise[before]
        if not leaves:
            known[:] = False
        status[r], tile[0] = OK, -1
        if turn == after:
            first, after, ready[:] = turn, turn + 1, False
            while after < min(first + together, order.size) and (
                table_of[order[after]] == table and pattern[mean_of[order[after]]] == pattern[now]
            ):
                after += 1
            if after > first + 1:
                _score_together(
                    tables,
                    full,
                    family,
                    start,
                    forms,
                    least,
                    alive,
                    order,
                    turn,
                    after - first,
                    table,
                    mean_of,
                    alive_of,
                    weights,
                    which,
                    shares,
                    rows,
                    ready,
                    above,
                )
        for g in range(n_above):
            same[g] = turn > 0 and _is_as_before(
                g, r, before, leaves, same, mean_of, alive_of, weights, means, floors, least, alive, start, family
            )
            if ready[g]:
                place_of[g] = (1 + turn - first) * n_above + g
            if same[g]:
                status[r] = max(status[r], states[g])
                continue
            if not ready[g]:
                place_of[g] = g
            mean, need, floor = means[now, g], least[now, out, g], floors[now]
            positive = mean != ARITHMETIC and not floor > F(-np.inf)
            states[g], whole[g] = OK, True
            count, inner, total = none, none, F(0.0)
            alike = True
            for place in range(start[g], start[g + 1]):
                k, at = family[place], count
                if k >= 0 and not disturbed:
                    whole[g] &= full[table, k]
                if not alive[out, place]:
                    continue
                if k < 0:
                    inner += 1
                    whole[g] &= whole[-1 - k]
                    alike &= means[now, -1 - k] == mean
                    refused = positive and means[now, -1 - k] == ARITHMETIC
                    refused = refused and _any_at_or_below_zero(above, place_of[-1 - k], n_lanes)
                elif disturbed:
                    at = k if keep else count
                    if not (keep and known[k]):
                        constant = _fill_value(
                            tables,
                            deviations,
                            table * n_columns + k,
                            bounds[0, k],
                            bounds[1, k],
                            kinds[scale, k],
                            transforms[k],
                            numbers,
                            scale,
                            k,
                            noise[r],
                            words,
                            halves,
                            drawn,
                            tile,
                            folds,
                            values,
                            at,
                        )
                        lost = constant and numbers[scale, k, 7] != numbers[scale, k, 7]
                        stuck[k] = lost and numbers[scale, k, 6] < F(0.0)
                        # The square root of less than nothing is missing too.
                        filled[k] = full[table, k] and transforms[k] != SQRT and not lost
                        if not filled[k]:
                            filled[k] = _impute(values, at, k, scale, table, centres, grouping, lanes, ends, keys)
                        known[k] = True
                    whole[g] &= filled[k]
                    if stuck[k]:
                        states[g] = STUCK
                    refused = positive and _any_at_or_below_zero(values, at, n_lanes)
                else:
                    refused = positive and lowest[table, k] <= F(0.0)
                if refused:
                    states[g] = REFUSED
                children[count], which[count], share[count] = k, at, weights[r, place]
                total = F(total + share[count])
                count += 1
            status[r] = max(status[r], states[g])
            if not (F(count) >= need and total > F(0.0)):
                whole[g] = False
                for i in range(n_lanes):
                    above[place_of[g], i] = F(np.nan)
                continue
            if ready[g]:
                continue
            for j in range(count):
                share[j] = F(share[j] / total)
            shown = (forms[now, g] * n_tables + table) * n_columns
            by = count, whole[g], inner == count, need
            for begin in range(0, n_lanes, BLOCK):
                n = min(BLOCK, n_lanes - begin)
                to = g, begin, n, min(n, n_units - begin)
                if inner == 0 and disturbed and mean == ARITHMETIC:
                    _score_node(values, begin, which, share, by, spare, above, to)
                elif inner == 0 and not disturbed:
                    for j in range(count):
                        which[j] = shown + children[j]
                    _score_node(tables, begin, which, share, by, spare, above, to)
                elif inner == count and alike:  # what has been held at the floor stays above it
                    for j in range(count):
                        which[j] = place_of[-1 - children[j]]
                    _score_node(above, begin, which, share, by, spare, above, to)
                else:
                    for j in range(count):
                        k = children[j]
                        if k < 0:
                            _convert(above, place_of[-1 - k], begin, n, means[now, -1 - k], mean, floor, parts, j)
                        elif disturbed:
                            _convert(values, k if keep else j, begin, n, plain_scores, mean, floor, parts, j)
                        else:
                            _convert(tables, table * n_columns + k, begin, n, plain_scores, mean, floor, parts, j)
                        which[j] = j
                    _score_node(parts, none, which, share, by, spare, above, to)
        for slot in range(wanted.size):
            _tell(above, place_of[wanted[slot]], means[now, wanted[slot]], scores, slot, r)


@njit(**_OPTIONS)
def compute_scores(
    tables: Any,
    deviations: Any,
    full: Any,
    lowest: Any,
    bounds: Any,
    kinds: Any,
    transforms: Any,
    numbers: Any,
    centres: Any,
    grouping: Any,
    lanes: Any,
    ends: Any,
    family: Any,
    start: Any,
    means: Any,
    forms: Any,
    floors: Any,
    least: Any,
    alive: Any,
    pattern: Any,
    wanted: Any,
    order: Any,
    keep: Any,
    together: Any,
    table_of: Any,
    scale_of: Any,
    mean_of: Any,
    alive_of: Any,
    weights: Any,
    noise: Any,
    scores: Any,
    status: Any,
) -> None:
    """Scores of replications; see `prepared.Prepared` for the arrays.

    Each node keeps the sum of its parts as its mean adds them up: scores, logarithms or reciprocals. They become
    scores only where a node above, or the caller, asks for something else.

    Args:
        tables: Values of the indicators, or their scores in every form that a mean asks for, plain ones first, shape
            (n_forms · n_tables · n_indicators, n_lanes).
        deviations: Standard deviations of their errors, same shape; without errors shape (1, 1).
        full: Whether every unit has a value, shape (n_tables, n_indicators).
        lowest: Smallest score, same shape; of no meaning where values are normalised here.
        bounds: Smallest and greatest value of each indicator, shape (2, n_indicators).
        kinds: Scale of each indicator by set of scales, shape (n_scales, n_indicators); (0, n_indicators) where the
            tables are scores.
        transforms: Transform of each indicator, shape (n_indicators,).
        numbers: Parameters of each scale, shape (n_scales, n_indicators, 8).
        centres: By what the missing scores of each indicator are filled, one imputation after the other: a mean (0),
            a median (1) or nothing (−1), shape (n_scales, n_fills, n_indicators).
        grouping: By which grouping of the units, shape (n_scales, n_fills).
        lanes: Units that take part, group after group, shape (n_tables, n_groupings, n_units).
        ends: Where each group starts in ``lanes``, and where the last ends, shape (n_tables, n_groupings,
            n_groups + 1).
        family: Children of the nodes above the indicators, one family after the other, children before parents: an
            indicator's column, or −1 − the number of the child among these nodes.
        start: Where each family starts in ``family``, shape (n_above + 1,).
        means: Mean of each node by set of means, shape (n_means, n_above).
        forms: Form of the tables that this mean asks for, same shape.
        floors: Floor by set of means, shape (n_means,); −∞ is none.
        least: Children that must be there, by set of means and by what is left out, shape (n_means, n_out, n_above).
        alive: Whether each member of ``family`` counts, by what is left out, shape (n_out, n_family).
        pattern: Number of the forms that each set of means asks for, shape (n_means,).
        wanted: Number of each node whose scores are kept, shape (n_kept,).
        order: Replications in the order in which they are computed, shape (n,): it changes speed, no number.
        keep: Whether scores of indicators are kept for the next replication: the same holds.
        together: How many replications that share a table are computed at once, 1 to 4: the same holds.
        table_of: Table of each replication, shape (n,).
        scale_of: Its set of scales; −1 where the tables are scores.
        mean_of: Its set of means.
        alive_of: What it leaves out.
        weights: Its weight of each member of ``family``, shape (n, n_family).
        noise: Start of its errors, shape (n,); 0 is none.
        scores: Filled, shape (n_kept, n, n_units).
        status: Filled, shape (n,): 0, or why the replication has no value by the method's own rules.
    """
    n_lanes, n_above, n_columns = tables.shape[1], start.size - 1, full.shape[1]
    largest = 1
    for g in range(n_above):
        largest = max(largest, start[g + 1] - start[g])
    largest = (largest + 3) // 4 * 4
    width, n_rows = min(n_lanes, BLOCK), n_columns if keep else largest
    n_sums = n_above if together == 1 else n_above * (1 + 4)
    # Numbers that stand a multiple of 4,096 bytes apart in memory wait for each other.
    apart = LANES if n_lanes % 1024 == 0 else 0
    words = np.empty(TILE // 4, dtype=np.uint64)
    _compute_in_turn(
        tables,
        deviations,
        full,
        lowest,
        bounds,
        kinds,
        transforms,
        numbers,
        centres,
        grouping,
        lanes,
        ends,
        family,
        start,
        means,
        forms,
        floors,
        least,
        alive,
        pattern,
        wanted,
        order,
        keep,
        together,
        table_of,
        scale_of,
        mean_of,
        alive_of,
        weights,
        noise,
        scores,
        status,
        words,
        words.view(np.int32),
        np.empty(TILE, dtype=np.float32),
        np.empty(1, dtype=np.int64),
        np.empty(n_lanes, dtype=np.float32),
        np.empty(n_lanes, dtype=np.int32),
        np.empty((n_rows, n_lanes), dtype=np.float32),
        np.zeros((3, n_columns), dtype=np.bool_),
        np.zeros((2, n_above), dtype=np.bool_),
        np.zeros(n_above, dtype=np.int64),
        np.empty((n_sums, n_lanes + apart), dtype=np.float32),
        np.empty((largest, width + apart), dtype=np.float32),
        np.empty((2, width + apart), dtype=np.float32),
        np.empty((2, largest), dtype=np.int64),
        np.empty((4, largest), dtype=np.float32),
        np.zeros(n_above, dtype=np.bool_),
        np.zeros(n_above, dtype=np.int64),
        np.empty(4, dtype=np.int64),
    )
