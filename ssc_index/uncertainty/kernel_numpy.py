"""The kernel in NumPy alone, for machines without a compiler: the same answers, not the same bits, and slower.

What belongs here: one replication at a time, all cities side by side, in double precision. What does not: the
compiled loops (`kernel.py`).
"""

from __future__ import annotations

import numpy as np

from ssc_index.aggregate import weighted_mean
from ssc_index.normalise import goalposts, means_and_deviations, minmax, worst_and_best, zscore
from ssc_index.steps.state import Ints
from ssc_index.uncertainty.plain import disturbed
from ssc_index.uncertainty.prepared import Laid, Prepared, Singles
from ssc_index.values import Floats


def compute_scores(prepared: Prepared, laid: Laid, scores: Singles, status: Ints) -> None:
    """Fill scores, shape (n_kept, n, n_lanes), and status, shape (n,), as `kernel.compute_scores` does."""
    n_units = prepared.n_units
    for r in range(len(laid.table_of)):
        table = prepared.tables[0, laid.table_of[r], :, :n_units].T.astype(np.float64)
        if laid.scale_of[r] >= 0:
            table, stuck = _normalised(prepared, laid, r, table)
            status[r] |= stuck
        above, refused = _aggregated(prepared, laid, r, table)
        status[r] |= 2 * refused
        scores[:, r, :n_units] = above[prepared.wanted]


def _normalised(prepared: Prepared, laid: Laid, r: int, table: Floats) -> tuple[Floats, bool]:
    """Values with their errors, to scores; whether an indicator is constant where that is an error."""
    if laid.noise[r]:
        deviation = prepared.deviations[laid.table_of[r], :, : prepared.n_units].T.astype(np.float64)
        table = disturbed(table, deviation, prepared.bounds.astype(np.float64), laid.noise[r])
    kinds, numbers = prepared.kinds[laid.scale_of[r]], prepared.numbers[laid.scale_of[r]].astype(np.float64)
    result, stuck = np.array(table, order="F"), False
    for column, kind in enumerate(kinds.tolist()):
        low, high, first, second, target, sign, clip, middle = numbers[column]
        if kind == 3:
            continue
        values = result[:, column : column + 1]
        if prepared.transforms[column] == 1:
            values = np.sqrt(values)
        elif prepared.transforms[column] == 2:
            values = np.abs(values - target)
        signs = np.array([sign])
        if kind == 0:
            found = goalposts(values, np.array([low]), np.array([high]), (first, second), clip > 0)
        elif kind == 1:
            found = minmax(values, *worst_and_best(values, signs), (first, second))
        else:
            found = zscore(values, signs, *means_and_deviations(values), first, second)
        if kind in (1, 2):
            constant = np.isnan(found) & ~np.isnan(values)
            found = np.where(constant, middle, found)
            stuck |= bool(constant.any()) and clip < 0
        result[:, column : column + 1] = found
    return result, stuck


def _aggregated(prepared: Prepared, laid: Laid, r: int, table: Floats) -> tuple[Floats, bool]:
    """Scores of the nodes above the indicators; whether a mean met a part that is not above 0."""
    above = np.full((len(prepared.start) - 1, prepared.n_units), np.nan)
    refused = False
    means, floor = prepared.means[laid.mean_of[r]], float(prepared.floors[laid.mean_of[r]])
    least = prepared.least[laid.mean_of[r], laid.alive_of[r]]
    for place in range(len(prepared.start) - 1):
        members = [
            member
            for member in range(prepared.start[place], prepared.start[place + 1])
            if prepared.alive[laid.alive_of[r], member]
        ]
        if not members:
            continue
        codes = prepared.family[members].tolist()
        parts = [above[-1 - code] if code < 0 else table[:, code] for code in codes]
        weights = laid.weights[r, members].astype(np.float64).tolist()
        if means[place] != 0 and np.isfinite(floor):
            parts = [np.maximum(part, floor) for part in parts]
        elif means[place] != 0:
            refused |= any(bool((part <= 0).any()) for part in parts)
            parts = [np.where(part < 0, 0.0, part) for part in parts]
        enough = np.sum([~np.isnan(part) for part in parts], axis=0) >= least[place]
        if means[place] == 2:
            with np.errstate(divide="ignore"):
                inverse = weighted_mean([1.0 / part for part in parts], weights)
                found = 1.0 / inverse
        else:
            found = weighted_mean(parts, weights, "geometric" if means[place] == 1 else "arithmetic")
        above[place] = np.where(enough, found, np.nan)
    return above, refused
