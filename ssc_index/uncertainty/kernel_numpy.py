"""The kernel in NumPy alone, for machines without a compiler: the same answers, not the same bits, and slower.

What belongs here: one replication at a time, all indicators and cities at once, in single precision. What does not:
the compiled loops (`kernel.py`).

A level of the tree is a product of matrices: weights of its nodes' children by what the children score. Where a mean
meets parts whose logarithm or reciprocal is not finite, the node goes alone.
"""

from __future__ import annotations

import numpy as np

from ssc_index.aggregate import weighted_mean
from ssc_index.steps.state import Bools, Ints
from ssc_index.uncertainty import draws
from ssc_index.uncertainty.prepared import Laid, Prepared, Singles
from ssc_index.values import Floats

GOALPOSTS, MINMAX, ZSCORE = 0, 1, 2
SQRT, GAP = 1, 2
ARITHMETIC, GEOMETRIC, HARMONIC = 0, 1, 2


def compute_scores(prepared: Prepared, laid: Laid, scores: Singles, status: Ints) -> None:
    """Fill scores, shape (n_kept, n, n_lanes), and status, shape (n,), as `kernel.compute_scores` does."""
    n_units, levels = prepared.n_units, _levels(prepared)
    held: dict[int, tuple[Singles, Singles]] = {}
    for r in range(len(laid.table_of)):
        table = prepared.tables[0, laid.table_of[r], :, :n_units]
        if laid.scale_of[r] >= 0:
            if (number := int(laid.table_of[r])) not in held:
                held[number] = _ends(prepared, table)
            table, stuck = _normalised(prepared, laid, r, table, held[number])
            status[r] |= stuck
        above, refused = _aggregated(prepared, laid, r, table, levels)
        status[r] |= 2 * refused
        scores[:, r, :n_units] = above[prepared.wanted]


def _ends(prepared: Prepared, table: Singles) -> tuple[Singles, Singles]:
    """Least and greatest that each value may become: its bounds, or the value itself where it is beyond them."""
    low, high = (np.ascontiguousarray(one)[:, None] for one in prepared.bounds)
    with np.errstate(invalid="ignore"):
        return np.minimum(table, low), np.maximum(table, high)


def _normalised(
    prepared: Prepared, laid: Laid, r: int, table: Singles, ends: tuple[Singles, Singles]
) -> tuple[Singles, bool]:
    """Values with their errors, to scores, shape (n_indicators, n_units); whether an indicator is stuck.

    An indicator is stuck where all of its values are equal and that is an error.
    """
    values = _disturbed(prepared, laid, r, table, ends)
    kinds, numbers = prepared.kinds[laid.scale_of[r]], prepared.numbers[laid.scale_of[r]]
    low, high, first, second, target, sign, clip, middle = (np.ascontiguousarray(one)[:, None] for one in numbers.T)
    kind, transform = kinds[:, None], np.where(kinds <= ZSCORE, prepared.transforms, 0)
    for places, change in ((transform == SQRT, np.sqrt), (transform == GAP, np.abs)):
        if places.any():
            given = values[places] - (target[places] if change is np.abs else np.float32(0.0))
            with np.errstate(invalid="ignore"):  # the square root of less than nothing is missing
                values[places] = change(given)
    from_, slope, to = low, np.zeros_like(low), first
    lost = np.zeros(kinds.shape, dtype=bool)
    relative = np.isin(kinds, (MINMAX, ZSCORE))
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(kind == GOALPOSTS, (second - first) / (high - low), slope)
        if relative.any():
            least, most = np.fmin.reduce(values, axis=1)[:, None], np.fmax.reduce(values, axis=1)[:, None]
            lost = relative & ~(least < most)[:, 0]
            from_ = np.where(kind == MINMAX, np.where(sign > 0, least, most), from_)
            slope = np.where(kind == MINMAX, sign * (second - first) / (most - least), slope)
        if (kinds == ZSCORE).any():
            centre, spread = _moments(values)
            from_ = np.where(kind == ZSCORE, centre, from_)
            slope = np.where(kind == ZSCORE, sign * second / spread, slope)
    result: Singles = values - from_.astype(np.float32)
    result *= slope.astype(np.float32)
    result += to
    held = ((kind == GOALPOSTS) & (clip > 0)) | (kind == MINMAX)
    if held.any():
        ends = np.where(held, np.minimum(first, second), -np.inf), np.where(held, np.maximum(first, second), np.inf)
        np.clip(result, ends[0].astype(np.float32), ends[1].astype(np.float32), out=result)
    for places, fill in ((kinds > ZSCORE, values), (lost, np.where(np.isnan(values), np.float32(np.nan), middle))):
        if places.any():
            result[places] = fill[places]
    known = ~np.isnan(values).all(axis=1) if lost.any() else lost
    return result, bool((lost & known & np.isnan(middle[:, 0]) & (clip[:, 0] < 0)).any())


def _disturbed(prepared: Prepared, laid: Laid, r: int, table: Singles, ends: tuple[Singles, Singles]) -> Singles:
    """Values with their errors, held within their ends."""
    if not laid.noise[r]:
        return table.copy()
    deviation = prepared.deviations[laid.table_of[r], :, : prepared.n_units]
    values: Singles = draws.columns_of_normals(laid.noise[r], prepared.n_units, len(table)).astype(np.float32)
    values *= deviation
    values += table
    with np.errstate(invalid="ignore"):
        np.maximum(values, ends[0], out=values)
        np.minimum(values, ends[1], out=values)
    return values


def _moments(values: Singles) -> tuple[Floats, Floats]:
    """Mean and standard deviation (n − 1) of each row, shape (n_indicators, 1) each."""
    there = ~np.isnan(values)
    count = np.count_nonzero(there, axis=1)[:, None].astype(np.float64)
    centre = np.add.reduce(np.where(there, values, np.float32(0.0)), axis=1, dtype=np.float64)[:, None] / count
    gaps = np.where(there, values - centre.astype(np.float32), np.float32(0.0))
    squares = np.einsum("ij,ij->i", gaps, gaps, dtype=np.float64)[:, None]
    return centre, np.sqrt(squares / (count - 1.0))


def _levels(prepared: Prepared) -> list[Ints]:
    """Nodes above the indicators by level from below: each beneath none of its own level or of one before."""
    level = np.zeros(len(prepared.start) - 1, dtype=np.int64)
    for place in range(len(level)):
        codes = prepared.family[prepared.start[place] : prepared.start[place + 1]]
        level[place] = max((level[-1 - code] + 1 for code in codes.tolist() if code < 0), default=0)
    return [np.flatnonzero(level == one) for one in range(level.max() + 1)]


def _aggregated(prepared: Prepared, laid: Laid, r: int, table: Singles, levels: list[Ints]) -> tuple[Singles, bool]:
    """Scores of the nodes above the indicators; whether a mean met a part that is not above 0."""
    n_above, n_leaves = len(prepared.start) - 1, len(table)
    # Rows: the indicators, then the nodes above them.
    rows = np.full((n_leaves + n_above, table.shape[1]), np.nan, dtype=np.float32)
    rows[:n_leaves] = table
    source = np.where(prepared.family < 0, n_leaves - 1 - prepared.family, prepared.family)
    parent = np.repeat(np.arange(n_above), np.diff(prepared.start))
    counts = prepared.alive[laid.alive_of[r]]
    means, floor = prepared.means[laid.mean_of[r]], np.float32(prepared.floors[laid.mean_of[r]])
    least = prepared.least[laid.mean_of[r], laid.alive_of[r]]
    refused = False
    for nodes in levels:
        for mean in sorted(set(means[nodes].tolist())):
            own = nodes[means[nodes] == mean]
            members = np.flatnonzero(np.isin(parent, own) & counts)
            if not members.size:
                continue
            parts = rows[source[members]]
            there = ~np.isnan(parts)
            if mean != ARITHMETIC and np.isfinite(floor):
                np.maximum(parts, floor, out=parts, where=there)
            elif mean != ARITHMETIC:
                wrong = there & (parts <= 0)
                refused |= bool(wrong.any())
                parts[wrong & (parts < 0)] = 0.0
            weights = np.zeros((own.size, members.size), dtype=np.float32)
            weights[np.searchsorted(own, parent[members]), np.arange(members.size)] = laid.weights[r, members]
            found = _weighted(parts, there, weights, mean)
            enough = (weights != 0) @ there.astype(np.float32)
            enough += _weightless(weights, own, parent[members]) @ there.astype(np.float32)
            rows[n_leaves + own] = np.where(enough >= least[own][:, None], found, np.float32(np.nan))
    return rows[n_leaves:], refused


def _weightless(weights: Singles, own: Ints, parents: Ints) -> Singles:
    """Children that weigh nothing: they count where the number of children is asked for."""
    is_child = own[:, None] == parents[None, :]
    found: Singles = (is_child & (weights == 0)).astype(np.float32)
    return found


def _weighted(parts: Singles, there: Bools, weights: Singles, mean: int) -> Singles:
    """Weighted means of the parts that are there, shape (n_nodes, n_units); NaN where they weigh nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.log(parts) if mean == GEOMETRIC else np.float32(1.0) / parts if mean == HARMONIC else parts
        terms = np.where(there, terms, np.float32(0.0))
        if mean != ARITHMETIC and not np.isfinite(terms).all():
            return _one_by_one(parts, weights, mean)
        bottom = weights @ there.astype(np.float32)
        bottom[bottom <= 0] = np.nan
        result: Singles = (weights @ terms).astype(np.float32, copy=False)
        result /= bottom
        if mean == GEOMETRIC:
            np.exp(result, out=result)
        elif mean == HARMONIC:
            np.divide(np.float32(1.0), result, out=result)
        return result


def _one_by_one(parts: Singles, weights: Singles, mean: int) -> Singles:
    """The same where a logarithm or reciprocal is not finite, which no product of matrices allows for."""
    found: Singles = np.full((len(weights), parts.shape[1]), np.nan, dtype=np.float32)
    for place, own in enumerate(weights):
        picked = np.flatnonzero(own)
        if not picked.size:
            continue
        own_parts = [parts[member].astype(np.float64) for member in picked]
        shares = own[picked].astype(np.float64).tolist()
        if mean == GEOMETRIC:
            found[place] = weighted_mean(own_parts, shares, "geometric").astype(np.float32)
        else:
            found[place] = (1.0 / weighted_mean([1.0 / part for part in own_parts], shares)).astype(np.float32)
    return found
