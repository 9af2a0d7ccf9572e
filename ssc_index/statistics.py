"""Descriptive statistics: what each indicator looks like, and what each unit has reported.

What belongs here: statistics of one column, and counts of cells by unit and node. What does not: anything of two
columns at once (`audit/`), and what is done about outliers (`treat.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ssc_index.elementary import power_of_two_near
from ssc_index.result import IndexResult
from ssc_index.sample import frame_of, rows_of, years_of
from ssc_index.treat import skewness_and_kurtosis
from ssc_index.values import Floats

NEARLY = 1e-12


@dataclass(frozen=True)
class Limits:
    """When a statistic of an indicator is worth a flag.

    Attributes:
        available: Least share of the units with a value.
        non_zero: Least share of the values that are not zero.
        distinct: Least share of the values that differ from each other.
        skewness: Absolute skewness that, reached together with `kurtosis`, means outliers.
        kurtosis: Excess kurtosis, likewise.
        fence: Interquartile ranges beyond the quartiles at which a value is far out (Tukey).
        robust_z: Modified z-score, ``0.6745 (x - median) / MAD``, beyond which a value is far out.
    """

    available: float = 0.65
    non_zero: float = 0.5
    distinct: float = 0.5
    skewness: float = 2.0
    kurtosis: float = 3.5
    fence: float = 1.5
    robust_z: float = 3.5


DEFAULT_LIMITS = Limits()


def is_constant(values: Floats) -> bool:
    """Whether all values are equal, up to rounding (1e-12 of the largest); NaN is left out.

    >>> is_constant(np.array([0.1 + 0.2, 0.3, np.nan])), is_constant(np.array([0.0, 1e-300]))
    (True, False)
    """
    there = values[~np.isnan(values)]
    if there.size < 2:
        return True
    smallest, largest = float(there.min()), float(there.max())
    return largest - smallest <= NEARLY * max(abs(smallest), abs(largest))


def spread_of(values: Floats) -> float:
    """Standard deviation (n − 1) of two values or more, none missing; 0 where they are constant.

    >>> spread_of(np.array([0.1, 0.1, 0.1])), spread_of(np.array([1.0, 3.0])) == 2**0.5
    (0.0, True)
    """
    if is_constant(values):
        return 0.0
    unit = power_of_two_near(values)
    return float((values * unit).std(ddof=1) / unit)


def column_statistics(table: Floats, codes: Sequence[str], limits: Limits = DEFAULT_LIMITS) -> pl.DataFrame:
    """Describe each column of a table.

    Args:
        table: Shape (n_rows, n_codes); NaN is missing.
        codes: One per column.
        limits: When to flag.

    Returns:
        One row per code, in order: counts (``n``, ``n_missing``, ``n_zero``, ``n_distinct``, ``n_same`` = how
        often the commonest value occurs), shares of them (``share_available`` of the rows, the others of the
        values that are there), ``minimum, q1, median, q3, maximum`` (quantiles of type 7), ``mean``, ``sd``
        (n − 1), ``cv`` = sd / |mean|, ``skewness`` and ``kurtosis`` (type 2, excess), ``n_outside_fences``,
        ``n_far_robust``, the flags ``is_sparse, is_mostly_zero, is_mostly_repeated, has_outliers``, and
        ``reason`` where a statistic is null though its row stands.

    Source: Tukey (1977), Exploratory Data Analysis (fences); Iglewicz and Hoaglin (1993) (modified z-score);
    COINr (``get_stats``: which statistics, and the limits).

    >>> column_statistics(np.array([[1.0], [2.0], [2.0], [np.nan]]), ["a"]).select("n", "n_same", "mean").row(0)
    (3, 2, 1.6666666666666667)
    """
    rows = [_describe(code, table[:, column], limits) for column, code in enumerate(codes)]
    return frame_of(rows, **_COLUMNS)


_COUNTS = ("n", "n_missing", "n_zero", "n_distinct", "n_same")
_NUMBERS = (
    *("share_available", "share_non_zero", "share_distinct", "share_same"),
    *("minimum", "q1", "median", "q3", "maximum", "mean", "sd", "cv", "skewness", "kurtosis"),
)
_FLAGS = ("is_sparse", "is_mostly_zero", "is_mostly_repeated", "has_outliers")
_COLUMNS: dict[str, type] = {
    "code": str,
    **dict.fromkeys(_COUNTS, int),
    **dict.fromkeys(_NUMBERS, float),
    "n_outside_fences": int,
    "n_far_robust": int,
    **dict.fromkeys(_FLAGS, bool),
    "reason": str,
}


def _describe(code: str, column: Floats, limits: Limits) -> tuple[object, ...]:
    """One row of `column_statistics`."""
    there = np.sort(column[~np.isnan(column)])
    n, rows = there.size, column.size
    if n == 0:
        nothing = (None,) * (len(_NUMBERS) - 1)
        return (code, 0, rows, 0, 0, 0, 0.0, *nothing, 0, 0, True, None, None, None, "no value at all")
    counts = np.unique(there, return_counts=True)[1]
    n_zero, n_same = int((there == 0).sum()), int(counts.max())
    available, non_zero, distinct = n / rows, 1 - n_zero / n, counts.size / n
    low, q1, median, q3, high = np.quantile(there, [0, 0.25, 0.5, 0.75, 1]).tolist()
    mean, constant = float(there.mean()), is_constant(there)
    sd = spread_of(there) if n > 1 else None
    skewness, kurtosis = (np.nan, np.nan) if constant else skewness_and_kurtosis(there)
    shape = [None if np.isnan(value) else value for value in (skewness, kurtosis)]
    outliers = None if None in shape else bool(abs(skewness) >= limits.skewness and kurtosis >= limits.kurtosis)
    reasons = [
        said
        for said, holds in (
            ("a single value: no sd", n == 1),
            ("all values are equal: no skewness, no kurtosis", n > 1 and constant),
            ("fewer than 4 values: no kurtosis", n < 4 and not constant),
            ("the mean is 0: no cv", mean == 0),
        )
        if holds
    ]
    return (
        *(code, n, rows - n, n_zero, counts.size, n_same),
        *(available, non_zero, distinct, n_same / n),
        *(low, q1, median, q3, high, mean, sd, None if sd is None or mean == 0 else sd / abs(mean), *shape),
        int(outside_fences(there, limits.fence).sum()),
        int((np.abs(robust_z(there)) > limits.robust_z).sum()),
        *(available < limits.available, non_zero < limits.non_zero, distinct < limits.distinct, outliers),
        "; ".join(reasons) or None,
    )


def outside_fences(values: Floats, fence: float = 1.5) -> NDArray[np.bool_]:
    """Say which values lie more than ``fence`` interquartile ranges outside the quartiles; NaN never does.

    >>> outside_fences(np.array([1.0, 2.0, 3.0, 4.0, 50.0])).tolist()
    [False, False, False, False, True]
    """
    q1, q3 = np.nanquantile(values, [0.25, 0.75])
    far: NDArray[np.bool_] = (values < q1 - fence * (q3 - q1)) | (values > q3 + fence * (q3 - q1))
    return far


def robust_z(values: Floats) -> Floats:
    """Modified z-scores, ``0.6745 (x - median) / MAD``; 0 throughout where the MAD is 0; NaN stays NaN.

    Source: Iglewicz and Hoaglin (1993), How to Detect and Handle Outliers.

    >>> robust_z(np.array([1.0, 2.0, 3.0, 4.0, 50.0])).round(3).tolist()
    [-1.349, -0.674, 0.0, 0.674, 31.702]
    """
    distance = values - np.nanmedian(values)
    spread = float(np.nanmedian(np.abs(distance)))
    return np.where(np.isnan(values), np.nan, 0.0) if spread == 0 else 0.6745 * distance / spread


def outlying_cells(result: IndexResult, limits: Limits = DEFAULT_LIMITS) -> pl.DataFrame:
    """List the reported values that lie far from the others of their indicator and year.

    Args:
        result: An index; the values that went in are looked at, of rows that take part.
        limits: Fences and modified z-score.

    Returns:
        ``unit, year, code, value, robust_z, is_outside_fences, is_far_robust``, a row per cell that is
        either, sorted by year, code (order of the framework) and unit.
    """
    out: list[tuple[object, ...]] = []
    for year in years_of(result):
        rows = rows_of(result, year)
        for column, code in enumerate(result.values.codes):
            values = result.values.values[rows, column]
            if np.isnan(values).all():
                continue
            z, outside = robust_z(values), outside_fences(values, limits.fence)
            far = np.abs(z) > limits.robust_z
            out += [
                (result.units[rows[cell]], year, code, values[cell], z[cell], outside[cell], far[cell])
                for cell in np.flatnonzero(outside | far).tolist()
            ]
    columns = {"unit": str, "year": int, "code": str, "value": float, "robust_z": float}
    return frame_of(out, **columns, is_outside_fences=bool, is_far_robust=bool)


def unit_availability(result: IndexResult) -> pl.DataFrame:
    """Count what each unit has reported beneath each node.

    Returns:
        ``unit, year, node, level, n_indicators, n_observed, n_missing, n_zero, availability, share_non_zero``
        for every row of the values (also those screened out) and every node above the indicators, sorted by
        year, node (order of the framework) and unit; ``share_non_zero`` is of the observed ones, null where
        there is none.
    """
    framework = result.framework
    column_of = {code: column for column, code in enumerate(result.values.codes)}
    keys, is_zero = result.row_keys(with_year=True), result.values.values == 0
    parts = []
    for position, node in enumerate(framework.nodes):
        if node.code not in framework.children:
            continue
        columns = [column_of[leaf] for leaf in framework.leaves_under[node.code]]
        observed, zero = result.n_observed[:, position], is_zero[:, columns].sum(axis=1)
        share = np.divide(observed - zero, observed, out=np.full(observed.shape, np.nan), where=observed > 0)
        parts.append(
            keys.with_columns(
                pl.lit(node.code, dtype=pl.String).alias("node"),
                pl.lit(node.level, dtype=pl.String).alias("level"),
                pl.lit(len(columns), dtype=pl.Int64).alias("n_indicators"),
                pl.Series("n_observed", observed),
                pl.Series("n_missing", len(columns) - observed),
                pl.Series("n_zero", zero),
                pl.Series("availability", observed / len(columns)),
                pl.Series("share_non_zero", share, nan_to_null=True),
            )
        )
    return pl.concat(parts).sort("year", maintain_order=True)
