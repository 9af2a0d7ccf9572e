"""The fast way to many replications: scores in single precision, all cities side by side.

What belongs here: the compiled loops over replications, nodes and cities. What does not: what the numbers in its
arrays stand for (`prepared.py` lays them out) and the same in NumPy alone (`kernel_numpy.py`).

Logarithm, exponential, sine and cosine are polynomials in single precision (Chebyshev fits, error below 4e-7), so that
loops of them vectorise. All compiled functions stand in this one file, for what Numba keeps from run to run is renewed
when the file changes, and only then.

Every sum runs in a fixed order: over the children of a node one by one, over cities in sixteen lanes that are added
from the first to the last. Nothing is reordered, so a replication has the same bits in any company.
"""

# mypy: ignore-errors
# Numba types these functions, from the arrays they are called with.
from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

LANES = 16
ARITHMETIC, GEOMETRIC, HARMONIC = 0, 1, 2
GOALPOSTS, MINMAX, ZSCORE, NONE = 0, 1, 2, 3
PLAIN, SQRT, GAP = 0, 1, 2
OK, STUCK, REFUSED = 0, 1, 2

_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}
F = np.float32
J = np.int32
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


@njit(inline="always", error_model="numpy")
def ln(x: Any) -> Any:
    """Natural logarithm of a positive normal float32; −∞ for 0 and less; NaN of NaN."""
    raw = bits(x)
    power = J(J(raw - J(0x3F3504F3)) >> J(23))
    m = F(float_of(J(raw - J(power << J(23)))) - F(1.0))
    p = F(0.09004202)
    p = F(p * m + F(-0.14257795))
    p = F(p * m + F(0.1480646))
    p = F(p * m + F(-0.16575048))
    p = F(p * m + F(0.19973106))
    p = F(p * m + F(-0.2500161))
    p = F(p * m + F(0.3333366))
    p = F(p * m + F(-0.49999995))
    found = F(F(power) * F(0.6931472) + F(m + F(m * m) * p))
    found = found if x > F(0.0) else F(-np.inf)
    return found if x == x else x


@njit(inline="always", error_model="numpy")
def exp(x: Any) -> Any:
    """Exponential of a float32 between −87 and 88; 0 below; NaN of NaN."""
    t = F(x * F(1.442695041))
    t = t if t > F(-126.0) else F(-126.0)
    t = t if t < F(127.0) else F(127.0)
    power = J(F(t + F(126.5)))  # t + 126.5 is positive, so that cutting off rounds down
    f = F(t - F(F(power) - F(126.0)))
    p = F(1.54697320e-4)
    p = F(p * f + F(1.34004322e-3))
    p = F(p * f + F(9.61802560e-3))
    p = F(p * f + F(5.55032721e-2))
    p = F(p * f + F(2.40226512e-1))
    p = F(p * f + F(6.93147207e-1))
    p = F(p * f + F(1.0))
    found = F(p * float_of(J(J(power + J(1)) << J(23))))
    found = found if x > F(-87.0) else F(0.0)
    return found if x == x else x


@njit(inline="always", error_model="numpy")
def sine(v: Any) -> Any:
    """``sin 2πv`` for v between −½ and ½."""
    s = F(v * v)
    p = F(3.23813751)
    p = F(p * s + F(-14.89984667))
    p = F(p * s + F(42.02592699))
    p = F(p * s + F(-76.70301535))
    p = F(p * s + F(81.60513139))
    p = F(p * s + F(-41.34170041))
    p = F(p * s + F(6.2831853))
    return F(p * v)


@njit(inline="always", error_model="numpy")
def cosine(v: Any) -> Any:
    """``cos 2πv`` for v between −½ and ½."""
    s = F(v * v)
    p = F(6.52865816)
    p = F(p * s + F(-25.96759925))
    p = F(p * s + F(60.16763095))
    p = F(p * s + F(-85.45013953))
    p = F(p * s + F(64.93911746))
    p = F(p * s + F(-19.7392045))
    return F(p * s + F(0.99999999))


@njit(inline="always")
def philox_round(a: Any, b: Any, c: Any, d: Any, k: Any, q: Any) -> Any:
    """One round of Philox4x32 in 64-bit lanes whose upper halves stay 0."""
    one = U(0xD2511F53) * a
    two = U(0xCD9E8D57) * c
    return (two >> U(32)) ^ b ^ k, two & U(0xFFFFFFFF), (one >> U(32)) ^ d ^ q, one & U(0xFFFFFFFF)


@njit(inline="always", error_model="numpy")
def fraction(word: Any) -> Any:
    """A float32 in (0, 1) of the upper 24 bits of a word."""
    return F(F(J(word >> U(8))) * F(5.9604644775390625e-08) + F(2.98023223876953125e-08))


@njit(nogil=True, error_model="numpy")
def fill_normals(key: Any, column: Any, quarter: Any, drawn: Any) -> None:
    """Standard normal noise of one indicator, as `draws.normals` has it.

    Args:
        key: Key of the replication.
        column: Number of the indicator.
        quarter: Counters used: a quarter of the lanes, rounded up.
        drawn: Filled, shape (4, at least quarter), float32.
    """
    k0 = key & U(0xFFFFFFFF)
    q0 = key >> U(32)
    k1, q1 = (k0 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q0 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k2, q2 = (k1 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q1 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k3, q3 = (k2 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q2 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k4, q4 = (k3 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q3 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k5, q5 = (k4 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q4 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k6, q6 = (k5 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q5 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k7, q7 = (k6 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q6 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k8, q8 = (k7 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q7 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k9, q9 = (k8 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q8 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    one, two, three, four = drawn[0], drawn[1], drawn[2], drawn[3]
    for i in range(quarter):
        a, b, c, d = U(i) & U(0xFFFFFFFF), U(column), U(0), U(2)
        a, b, c, d = philox_round(a, b, c, d, k0, q0)
        a, b, c, d = philox_round(a, b, c, d, k1, q1)
        a, b, c, d = philox_round(a, b, c, d, k2, q2)
        a, b, c, d = philox_round(a, b, c, d, k3, q3)
        a, b, c, d = philox_round(a, b, c, d, k4, q4)
        a, b, c, d = philox_round(a, b, c, d, k5, q5)
        a, b, c, d = philox_round(a, b, c, d, k6, q6)
        a, b, c, d = philox_round(a, b, c, d, k7, q7)
        a, b, c, d = philox_round(a, b, c, d, k8, q8)
        a, b, c, d = philox_round(a, b, c, d, k9, q9)
        radius = F(np.sqrt(F(F(-2.0) * ln(fraction(a)))))
        # sin and cos of 2πu are those of 2π(u − ½) with the other sign.
        angle = F(fraction(b) - F(0.5))
        one[i] = F(-radius * cosine(angle))
        two[i] = F(-radius * sine(angle))
        radius = F(np.sqrt(F(F(-2.0) * ln(fraction(c)))))
        angle = F(fraction(d) - F(0.5))
        three[i] = F(-radius * cosine(angle))
        four[i] = F(-radius * sine(angle))


@njit(**_OPTIONS)
def _disturb(table: Any, deviation: Any, low: Any, high: Any, drawn: Any, quarter: Any, row: Any) -> None:
    """Values with their errors, within bounds; a value beyond a bound already stays there."""
    n = row.size
    for part in range(4):
        start = part * quarter
        noise = drawn[part]
        stop = min(n, start + quarter)
        for i in range(max(stop - start, 0)):
            x = table[start + i]
            least = x if x < low else low
            most = x if x > high else high
            y = F(x + F(deviation[start + i] * noise[i]))
            y = y if y > least else least
            y = y if y < most else most
            row[start + i] = y if x == x else x


@njit(**_OPTIONS)
def _normalise(row: Any, kind: Any, transform: Any, numbers: Any) -> Any:
    """One indicator's values to scores, in place; whether some cell has a value and no score."""
    n = row.size
    low, high, first, second, target, sign, clip, middle = numbers
    if transform == SQRT:
        for i in range(n):
            row[i] = F(np.sqrt(row[i]))
    elif transform == GAP:
        for i in range(n):
            row[i] = F(abs(F(row[i] - target)))
    if kind == NONE:
        return False
    if kind == GOALPOSTS:
        slope = F(F(1.0) / F(high - low))
        length = F(second - first)
        for i in range(n):
            share = F(F(row[i] - low) * slope)
            if clip > F(0.0):
                share = share if not share < F(0.0) else F(0.0)
                share = share if not share > F(1.0) else F(1.0)
            row[i] = F(first + F(length * share))
        return False
    if kind == MINMAX:
        least = np.full(LANES, np.inf, dtype=np.float32)
        most = np.full(LANES, -np.inf, dtype=np.float32)
        for start in range(0, n, LANES):
            for j in range(LANES):
                x = row[start + j]
                least[j] = x if x < least[j] else least[j]
                most[j] = x if x > most[j] else most[j]
        low, high = least[0], most[0]
        for j in range(1, LANES):
            low = min(low, least[j])
            high = max(high, most[j])
        if low < high:
            # Where less is better the smallest value gets the best score.
            a = first if sign > F(0.0) else second
            b = second if sign > F(0.0) else first
            slope = F(F(b - a) / F(high - low))
            least_score, most_score = min(a, b), max(a, b)
            for i in range(n):
                y = F(a + F(F(row[i] - low) * slope))
                y = y if not y < least_score else least_score
                row[i] = y if not y > most_score else most_score
            return False
    else:
        total = np.zeros(LANES, dtype=np.float32)
        count = np.zeros(LANES, dtype=np.float32)
        least = np.full(LANES, np.inf, dtype=np.float32)
        most = np.full(LANES, -np.inf, dtype=np.float32)
        for start in range(0, n, LANES):
            for j in range(LANES):
                x = row[start + j]
                total[j] = F(total[j] + (x if x == x else F(0.0)))
                count[j] = F(count[j] + (F(1.0) if x == x else F(0.0)))
                least[j] = x if x < least[j] else least[j]
                most[j] = x if x > most[j] else most[j]
        whole, cells = 0.0, 0.0
        low, high = least[0], most[0]
        for j in range(LANES):
            whole += total[j]
            cells += count[j]
            low = min(low, least[j])
            high = max(high, most[j])
        if cells > 1.0 and low < high:
            mean = F(whole / cells)
            for j in range(LANES):
                total[j] = F(0.0)
            for start in range(0, n, LANES):
                for j in range(LANES):
                    x = F(row[start + j] - mean)
                    x = x if x == x else F(0.0)
                    total[j] = F(total[j] + F(x * x))
            whole = 0.0
            for j in range(LANES):
                whole += total[j]
            slope = F(F(sign * second) / F(np.sqrt(whole / (cells - 1.0))))
            for i in range(n):
                row[i] = F(first + F(F(row[i] - mean) * slope))
            return False
    # All values are equal: missing, or the middle of the scale (NaN stays NaN).
    found = False
    for i in range(n):
        if row[i] == row[i]:
            found = True
            row[i] = middle
    return found


@njit(**_OPTIONS)
def _add(row: Any, weight: Any, mean: Any, floor: Any, top: Any, bottom: Any, count: Any) -> None:
    """One child's part in the sums of its parent: numerator, denominator and count."""
    if mean == ARITHMETIC:
        for i in range(row.size):
            x = row[i]
            term = F(weight * x)
            term = term if x == x else F(0.0)
            own = weight if x == x else F(0.0)
            one = F(1.0) if x == x else F(0.0)
            top[i] = F(top[i] + term)
            bottom[i] = F(bottom[i] + own)
            count[i] = F(count[i] + one)
    elif weight == F(0.0):
        for i in range(row.size):
            one = F(1.0) if row[i] == row[i] else F(0.0)
            count[i] = F(count[i] + one)
    elif mean == GEOMETRIC:
        for i in range(row.size):
            x = row[i]
            term = F(weight * ln(x if x > floor else floor))
            term = term if x == x else F(0.0)
            own = weight if x == x else F(0.0)
            one = F(1.0) if x == x else F(0.0)
            top[i] = F(top[i] + term)
            bottom[i] = F(bottom[i] + own)
            count[i] = F(count[i] + one)
    else:
        for i in range(row.size):
            x = row[i]
            term = F(weight / (x if x > floor else floor))
            term = term if x == x else F(0.0)
            own = weight if x == x else F(0.0)
            one = F(1.0) if x == x else F(0.0)
            top[i] = F(top[i] + term)
            bottom[i] = F(bottom[i] + own)
            count[i] = F(count[i] + one)


@njit(**_OPTIONS)
def _any_at_or_below_zero(row: Any) -> Any:
    """Whether a mean that needs positive parts would meet one that is not."""
    found = J(0)
    for i in range(row.size):
        found |= J(1) if row[i] <= F(0.0) else J(0)
    return found != J(0)


@njit(**_OPTIONS)
def _finish(top: Any, bottom: Any, count: Any, mean: Any, least: Any, score: Any) -> None:
    """A node's scores from its sums; NaN where too few children are there."""
    for i in range(score.size):
        known = (bottom[i] > F(0.0)) & (count[i] >= least)
        x = F(top[i] / bottom[i])
        if mean == HARMONIC:
            x = F(F(1.0) / x)
        score[i] = x if known else F(np.nan)
    if mean == GEOMETRIC:
        for i in range(score.size):
            score[i] = exp(score[i])


@njit(**_OPTIONS)
def _fill_row(
    table: Any, deviation: Any, low: Any, high: Any, key: Any, child: Any, n_units: Any, drawn: Any, row: Any
) -> None:
    """One indicator's values, with their errors if there are any."""
    if key == np.uint64(0):
        row[:] = table
        return
    quarter = (n_units + 3) // 4
    fill_normals(key, child, quarter, drawn)
    row[n_units:] = F(np.nan)
    _disturb(table, deviation, low, high, drawn, quarter, row[:n_units])


@njit(**_OPTIONS)
def _scale_row(row: Any, kind: Any, transform: Any, given: Any) -> Any:
    """One indicator's scores, in place; whether it is constant where that is an error."""
    eight = (given[0], given[1], given[2], given[3], given[4], given[5], given[6], given[7])
    stuck = _normalise(row, kind, transform, eight)
    return stuck and given[7] != given[7] and given[6] < F(0.0)


@njit(**_OPTIONS)
def _repeats(table_of: Any, scale_of: Any, noise: Any) -> Any:
    """Whether any replication has the indicators' scores of the one before."""
    for r in range(1, table_of.size):
        if table_of[r] == table_of[r - 1] and scale_of[r] == scale_of[r - 1] and noise[r] == noise[r - 1]:
            return True
    return False


@njit(**_OPTIONS)
def _is_as_before(
    g: Any,
    r: Any,
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
    now, before = mean_of[r], mean_of[r - 1]
    out, out_before = alive_of[r], alive_of[r - 1]
    if means[now, g] != means[before, g] or floors[now] != floors[before]:
        return False
    if least[now, out, g] != least[before, out_before, g]:
        return False
    for place in range(start[g], start[g + 1]):
        if alive[out, place] != alive[out_before, place]:
            return False
        if alive[out, place]:
            child = family[place]
            if not (same[-1 - child] if child < 0 else leaves) or weights[r, place] != weights[r - 1, place]:
                return False
    return True


@njit(**_OPTIONS)
def compute_scores(
    tables: Any,
    deviations: Any,
    bounds: Any,
    kinds: Any,
    transforms: Any,
    numbers: Any,
    nodes: Any,
    family: Any,
    start: Any,
    means: Any,
    floors: Any,
    least: Any,
    alive: Any,
    wanted: Any,
    table_of: Any,
    scale_of: Any,
    mean_of: Any,
    alive_of: Any,
    weights: Any,
    noise: Any,
    n_units: Any,
    scores: Any,
    status: Any,
) -> None:
    """Scores of replications; see `prepared.Prepared` for the arrays.

    Args:
        tables: Values or scores of the indicators by table, shape (n_tables, n_indicators, n_lanes).
        deviations: Standard deviations of their errors, same shape; without errors shape (0, 0, 0).
        bounds: Smallest and greatest value of each indicator, shape (2, n_indicators).
        kinds: Scale of each indicator by set of scales, shape (n_scales, n_indicators).
        transforms: Transform of each indicator, shape (n_indicators,).
        numbers: Parameters of each scale, shape (n_scales, n_indicators, 8).
        nodes: Nodes above the indicators, children before parents, shape (n_above,).
        family: Their children, one family after the other: an indicator's column, or −1 − the place in ``nodes``.
        start: Where each family starts in ``family``, shape (n_above + 1,).
        means: Mean of each node by set of means, shape (n_means, n_above).
        floors: Floor by set of means, shape (n_means,); −∞ is none.
        least: Children that must be there, by set of means and by what is left out, shape (n_means, n_out, n_above).
        alive: Whether each member of ``family`` counts, by what is left out, shape (n_out, n_family).
        wanted: Place in ``nodes`` of each node whose scores are kept, shape (n_kept,).
        table_of: Table of each replication, shape (n,).
        scale_of: Its set of scales; −1 where the tables are scores.
        mean_of: Its set of means.
        alive_of: What it leaves out.
        weights: Its weight of each member of ``family``, shape (n, n_family).
        noise: Key of its errors, shape (n,); 0 is none.
        n_units: Lanes that are units; the rest is padding.
        scores: Filled, shape (n_kept, n, n_lanes).
        status: Filled, shape (n,): 0, or why the replication has no value by the method's own rules.
    """
    n_lanes = tables.shape[2]
    top = np.zeros(n_lanes, dtype=np.float32)
    bottom = np.zeros(n_lanes, dtype=np.float32)
    count = np.zeros(n_lanes, dtype=np.float32)
    keep = _repeats(table_of, scale_of, noise)
    rows = np.empty((tables.shape[1] if keep else 1, n_lanes), dtype=np.float32)
    known = np.zeros(tables.shape[1], dtype=np.bool_)
    stuck = np.zeros(tables.shape[1], dtype=np.bool_)
    same = np.zeros(nodes.size, dtype=np.bool_)
    states = np.zeros(nodes.size, dtype=np.int64)
    drawn = np.empty((4, (n_units + 3) // 4 + LANES), dtype=np.float32)
    above = np.empty((nodes.size, n_lanes), dtype=np.float32)
    for r in range(table_of.size):
        table, scale, mean_set, out = table_of[r], scale_of[r], mean_of[r], alive_of[r]
        status[r] = OK
        leaves = r > 0 and table == table_of[r - 1] and scale == scale_of[r - 1] and noise[r] == noise[r - 1]
        if not leaves:
            known[:] = False
        for g in range(nodes.size):
            same[g] = r > 0 and _is_as_before(
                g, r, leaves, same, mean_of, alive_of, weights, means, floors, least, alive, start, family
            )
            if same[g]:
                status[r] = max(status[r], states[g])
                continue
            states[g] = OK
            mean = means[mean_set, g]
            floor = floors[mean_set] if mean == GEOMETRIC else F(-np.inf)
            top[:] = F(0.0)
            bottom[:] = F(0.0)
            count[:] = F(0.0)
            for place in range(start[g], start[g + 1]):
                if not alive[out, place]:
                    continue
                child = family[place]
                if child < 0:
                    part = above[-1 - child]
                elif scale < 0:
                    part = tables[table, child]
                else:
                    part = rows[child if keep else 0]
                    if not (keep and known[child]):
                        _fill_row(
                            tables[table, child],
                            deviations[table, child] if noise[r] != np.uint64(0) else drawn[0],
                            bounds[0, child],
                            bounds[1, child],
                            noise[r],
                            child,
                            n_units,
                            drawn,
                            part,
                        )
                        stuck[child] = _scale_row(part, kinds[scale, child], transforms[child], numbers[scale, child])
                        known[child] = True
                    if stuck[child]:
                        states[g] = STUCK
                if mean != ARITHMETIC and not floor > F(-np.inf) and _any_at_or_below_zero(part):
                    states[g] = REFUSED
                _add(part, weights[r, place], mean, floor, top, bottom, count)
            _finish(top, bottom, count, mean, least[mean_set, out, g], above[g])
            status[r] = max(status[r], states[g])
        for slot in range(wanted.size):
            scores[slot, r, :] = above[wanted[slot]]


@njit(**_OPTIONS)
def pack_keys(scores: Any, among: Any, keys: Any) -> None:
    """Keys whose ascending order is the descending order of scores; units without a score come last.

    Args:
        scores: Shape (n, n_lanes), float32.
        among: Whether each unit is ranked, shape (n_units,).
        keys: Filled, shape (n, n_units), uint64: the score's bits, best first, above the unit's number.
    """
    for r in range(keys.shape[0]):
        for i in range(keys.shape[1]):
            x = scores[r, i]
            raw = bits(F(x + F(0.0)))  # −0 is 0
            rising = np.int64(raw) if raw >= J(0) else np.int64(raw ^ J(0x7FFFFFFF))
            falling = np.uint64(np.int64(2147483647) - rising)
            known = (x == x) & among[i]
            keys[r, i] = ((falling if known else np.uint64(0xFFFFFFFF)) << np.uint64(32)) | np.uint64(i)


@njit(**_OPTIONS)
def ranks_of(keys: Any, ranks: Any) -> None:
    """Ranks from sorted keys: 1 is the best, equal scores share the smallest; 0 is no rank.

    Args:
        keys: Shape (n, n_units), each row sorted.
        ranks: Filled, shape (n, n_units), int32.
    """
    for r in range(keys.shape[0]):
        before, rank = np.uint64(0xFFFFFFFF), J(0)
        for place in range(keys.shape[1]):
            key = keys[r, place]
            high = key >> np.uint64(32)
            if high == np.uint64(0xFFFFFFFF):
                ranks[r, np.int64(key & np.uint64(0xFFFFFFFF))] = J(0)
                continue
            if high != before:
                rank = J(place + 1)
            before = high
            ranks[r, np.int64(key & np.uint64(0xFFFFFFFF))] = rank


@njit(**_OPTIONS)
def count(
    scores: Any,
    ranks: Any,
    low: Any,
    width: Any,
    unit: Any,
    rank_width: Any,
    ranked: Any,
    score_sum: Any,
    score_squares: Any,
    rank_sum: Any,
    rank_squares: Any,
    top_ten: Any,
    top_quarter: Any,
    score_bins: Any,
    rank_bins: Any,
) -> None:
    """Count replications; see `tally.Tally` for the counts, all changed in place."""
    for r in range(ranks.shape[0]):
        cells = 0
        for i in range(ranks.shape[1]):
            cells += 1 if ranks[r, i] > 0 else 0
        quarter = (cells + 3) // 4
        for i in range(ranks.shape[1]):
            rank = np.int64(ranks[r, i])
            if rank == 0:
                continue
            score = np.float64(scores[r, i])
            whole = np.int64(np.rint(score / unit))
            place = np.int64(max(0.0, min(np.floor((score - low) / width), score_bins.shape[1] - 1.0)))
            ranked[i] += 1
            score_sum[i] += whole
            score_squares[i] += whole * whole
            rank_sum[i] += rank
            rank_squares[i] += rank * rank
            top_ten[i] += 1 if rank <= 10 else 0
            top_quarter[i] += 1 if rank <= quarter else 0
            score_bins[i, place] += 1
            rank_bins[i, (rank - 1) // rank_width] += 1


@njit(**_OPTIONS)
def count_pairs(order: Any, ahead: Any) -> None:
    """Count how often one unit is ahead of another.

    Args:
        order: Ranks from 0 of each unit, 65,535 without a rank, shape (n_units, n), uint16; n below 65,536.
        ahead: Changed in place, shape (n_units, n_units).
    """
    n = order.shape[1]
    for a in range(order.shape[0]):
        for b in range(a + 1, order.shape[0]):
            before, after = np.uint16(0), np.uint16(0)
            for r in range(n):
                before += np.uint16(1) if order[a, r] < order[b, r] else np.uint16(0)
                after += np.uint16(1) if order[b, r] < order[a, r] else np.uint16(0)
            ahead[a, b] += before
            ahead[b, a] += after
