"""A panel over its years: growth, trends, convergence and mobility.

What belongs here: what several years of the same units say. What does not: what a change is made of
(`contributions.py`), and scores that compare over time (goalposts, or `over: panel` in the method).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from ssc_index import elementary
from ssc_index.audit.correlation import correlate
from ssc_index.errors import ValuesError
from ssc_index.rank import rank_descending
from ssc_index.result import IndexResult
from ssc_index.sample import frame_of
from ssc_index.statistics import NEARLY, spread_of
from ssc_index.values import Floats

Scale = Literal["level", "log"]


@dataclass(frozen=True)
class Panel:
    """Columns of a panel as a cube. Build it with `panel_of_scores` or `panel_of_values`.

    Attributes:
        units: Sorted, each once.
        years: Ascending, each once.
        codes: Columns.
        cube: Shape (n_units, n_years, n_codes); NaN is missing, screened out, or not in the panel.
    """

    units: tuple[str, ...]
    years: tuple[int, ...]
    codes: tuple[str, ...]
    cube: Floats

    def column(self, code: str) -> Floats:
        """One code, shape (n_units, n_years).

        Raises:
            ValuesError: If the code is not there.
        """
        if code not in self.codes:
            raise ValuesError("panel", [f"no column {code!r}; columns are {', '.join(self.codes)}"])
        return self.cube[:, :, self.codes.index(code)]


def panel_of_scores(result: IndexResult) -> Panel:
    """Scores of all nodes over the years.

    Raises:
        ValuesError: If the values know fewer than two years.
    """
    return _panel(result, result.nodes, result.scores)


def panel_of_values(result: IndexResult) -> Panel:
    """Values that went in, in their units, over the years; rows screened out are missing.

    Raises:
        ValuesError: If the values know fewer than two years.
    """
    return _panel(result, result.values.codes, result.values.values)


def _panel(result: IndexResult, codes: tuple[str, ...], table: Floats) -> Panel:
    """Spread the rows that take part over units and years."""
    if result.years is None or len(set(result.years)) < 2:
        raise ValuesError("panel", ["the values know fewer than two years"])
    units, years = sorted(set(result.units)), sorted(set(result.years))
    place, when = {unit: i for i, unit in enumerate(units)}, {year: i for i, year in enumerate(years)}
    cube = np.full((len(units), len(years), len(codes)), np.nan)
    rows = np.flatnonzero(result.included).tolist()
    cube[[place[result.units[row]] for row in rows], [when[result.years[row]] for row in rows]] = table[rows]
    return Panel(tuple(units), tuple(years), codes, cube)


def growth_frame(panel: Panel) -> pl.DataFrame:
    """Growth and trend of every unit and code, over the years that it has.

    Args:
        panel: A panel.

    Returns:
        ``unit, code, n, share_available`` (of all years), ``first_year, last_year, first, last, change``,
        ``cagr`` = (last / first)^(1 / years) − 1 (NaN for a first value of 0 or less or a last below 0, also
        where both are equal), ``slope`` of the least-squares line per year, ``slope_error`` (standard error,
        from three points), ``p_value`` of a slope of 0, ``r2``, ``slope_pct`` = slope / the line's value in
        the first year × 100, and ``reason`` for what is null; sorted by code (in the order of the panel) and
        unit. Two points give their line without an error; one gives nothing but itself.

    Source: COINr (``get_trends``: ``CAGR``, ``prc_change``); ordinary least squares.
    """
    years = np.asarray(panel.years, dtype=np.float64)
    present = ~np.isnan(panel.cube)
    count = present.sum(axis=1)
    first_at = present.argmax(axis=1)
    last_at = len(panel.years) - 1 - present[:, ::-1].argmax(axis=1)
    first = np.take_along_axis(panel.cube, first_at[:, None, :], axis=1)[:, 0]
    last = np.take_along_axis(panel.cube, last_at[:, None, :], axis=1)[:, 0]
    span = years[last_at] - years[first_at]
    with np.errstate(divide="ignore", invalid="ignore"):
        cagr = np.where((first > 0) & (last >= 0) & (count > 1), elementary.power(last / first, 1 / span) - 1, np.nan)
    line = _lines(panel.cube, years, present, count)
    with np.errstate(divide="ignore", invalid="ignore"):
        at_first = line["intercept"] + line["slope"] * years[first_at]
        slope_pct = np.where(at_first > 0, line["slope"] / at_first * 100, np.nan)
    shape = count.shape
    known = count.T.ravel() > 0
    series = {
        "n": count,
        "share_available": count / len(panel.years),
        "first_year": years[first_at],
        "last_year": years[last_at],
        "first": first,
        "last": last,
        "change": np.where(count > 1, last - first, np.nan),
        "cagr": cagr,
        "slope": line["slope"],
        "slope_error": line["error"],
        "p_value": line["p_value"],
        "r2": line["r2"],
        "slope_pct": slope_pct,
    }
    reasons = _growth_reasons(count, first, last, at_first, line["r2"])
    frame = pl.DataFrame(
        [
            pl.Series("unit", list(panel.units) * shape[1], dtype=pl.String),
            pl.Series("code", np.repeat(np.array(panel.codes, dtype=object), shape[0]), dtype=pl.String),
            *(
                pl.Series(name, np.ascontiguousarray(array.T).ravel(), nan_to_null=True)
                for name, array in series.items()
            ),
            pl.Series("reason", reasons, dtype=pl.String),
        ]
    )
    years_known = [
        pl.when(pl.Series(known)).then(pl.col(name)).cast(pl.Int64).alias(name) for name in ("first_year", "last_year")
    ]
    return frame.with_columns(pl.col("n").cast(pl.Int64), *years_known)


def _lines(
    cube: Floats, years: Floats, present: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], count: Floats
) -> dict[str, Floats]:
    """Least-squares lines along the years, where there are two points or more."""
    from scipy.special import stdtr  # slow to import

    with np.errstate(divide="ignore", invalid="ignore"):
        when = np.where(present, years[None, :, None], 0.0)
        t_mean = when.sum(axis=1) / count
        y_mean = np.nansum(cube, axis=1) / count
        t = np.where(present, years[None, :, None] - t_mean[:, None, :], 0.0)
        y = np.where(present, cube - y_mean[:, None, :], 0.0)
        tt, ty, yy = (t * t).sum(axis=1), (t * y).sum(axis=1), (y * y).sum(axis=1)
        slope = np.where(count > 1, ty / tt, np.nan)
        residual = y - slope[:, None, :] * t
        rest = (residual * residual).sum(axis=1)
        size = np.nanmax(np.abs(np.where(present, cube, 0.0)), axis=1)
        flat = np.sqrt(yy) <= 1e-12 * size
        error = np.where(count > 2, np.sqrt(rest / np.maximum(count - 2, 1) / tt), np.nan)
        tail = 2 * stdtr(np.maximum(count - 2, 1), -np.abs(slope) / error)
        p_value = np.where((count > 2) & ~flat, tail, np.nan)
        r2 = np.where((count > 1) & ~flat, 1 - rest / yy, np.nan)
    return {"slope": slope, "intercept": y_mean - slope * t_mean, "error": error, "p_value": p_value, "r2": r2}


def _growth_reasons(count: Floats, first: Floats, last: Floats, at_first: Floats, r2: Floats) -> list[str | None]:
    """Why figures of a unit and code are missing, code by code."""
    cases = [
        (count == 0, "no year with a value"),
        (count == 1, "one year with a value: no change, no line"),
        ((count > 1) & ~(first > 0), "the first value is not above 0: no cagr"),
        ((count > 1) & (first > 0) & (last < 0), "the last value is below 0: no cagr"),
        ((count > 1) & np.isnan(r2), "all values are equal: no r2, no p-value"),
        (count == 2, "two points: no standard error"),
        ((count > 1) & ~(at_first > 0), "the line starts at 0 or less: no slope_pct"),
    ]
    texts: list[list[str]] = [[] for _ in range(count.size)]
    for mask, said in cases:
        for position in np.flatnonzero(np.asarray(mask).T.ravel()).tolist():
            texts[position].append(said)
    return ["; ".join(text) or None for text in texts]


@dataclass(frozen=True)
class BetaConvergence:
    """Whether those who were behind grow faster.

    Attributes:
        code: What was looked at.
        scale: ``log``: yearly growth of the logarithm; ``level``: yearly change in points.
        n: Units with both years (and, for ``log``, both above 0).
        slope: Of growth on the start; below 0 is convergence.
        slope_error: Its standard error.
        p_value: Of a slope of 0, two-sided.
        r2: Of the regression.
        speed: Share of a gap closed per year, ``−ln(1 + slope · years) / years``; NaN unless the slope lies
            between −1/years and 0.
        half_life: Years to halve a gap, ``ln 2 / speed``; NaN likewise.
        reason: Why figures are NaN; None if none is.
    """

    code: str
    scale: Scale
    n: int
    slope: float
    slope_error: float
    p_value: float
    r2: float
    speed: float
    half_life: float
    reason: str | None = None


def beta_convergence(
    panel: Panel, code: str, first: int | None = None, last: int | None = None, scale: Scale = "log"
) -> BetaConvergence:
    """Regress the growth of units on where they started.

    ``(f(last) − f(first)) / years = a + slope · f(first)``, with f the logarithm or the identity. A score measured
    with error converges by chance alone; read a slope beside the fall of the dispersion (`sigma_convergence`).

    Args:
        panel: A panel.
        code: Column.
        first: First year; None is the panel's.
        last: Last year; None is the panel's.
        scale: ``log``, or ``level`` where scores may be 0.

    Returns:
        The regression. Fewer than three units, or the same start for all, give NaN with a reason.

    Raises:
        ValuesError: If code or years are not there, or the years are not in order.

    Source: Barro and Sala-i-Martin (1992), Journal of Political Economy 100(2), 223-251.
    """
    start, end, years = _two_years(panel, code, first, last)
    there = ~(np.isnan(start) | np.isnan(end))
    notes = []
    if scale == "log":
        positive = there & (np.nan_to_num(start) > 0) & (np.nan_to_num(end) > 0)
        if (there & ~positive).any():
            notes.append(f"{int((there & ~positive).sum())} units at 0 or less are left out of the logarithm")
        there = positive
    x, y = start[there], end[there]
    if scale == "log":
        x, y = elementary.ln(x), elementary.ln(y)
    found = correlate(np.stack([x, y], axis=1), ["start", "end"])
    n = int(there.sum())
    if n < 3 or found.constant[0, 1]:
        notes.append(f"{n} units; at least 3 are needed" if n < 3 else "all units start alike")
        nothing = (np.nan, np.nan, np.nan, np.nan, np.nan, np.nan)
        return BetaConvergence(code, scale, n, *nothing, "; ".join(notes))
    growth = (y - x) / years
    centred, answer = x - x.mean(), growth - growth.mean()
    slope = float((centred * answer).sum() / (centred * centred).sum())
    rest = float(((answer - slope * centred) ** 2).sum())
    whole = float((answer * answer).sum())
    error = float(np.sqrt(rest / (n - 2) / (centred * centred).sum()))
    inside = -1 / years < slope < 0
    speed = -float(elementary.log1p(slope * years)) / years if inside else np.nan
    if not inside:
        notes.append("no speed: the slope is not between -1/years and 0")
    alike = np.ptp(y - x) <= NEARLY * max(np.abs(x).max(), np.abs(y).max())
    if alike:
        notes.append("all units grow alike: no r2, no p-value")
    return BetaConvergence(
        code=code,
        scale=scale,
        n=n,
        slope=slope,
        slope_error=error,
        p_value=np.nan if alike else _t_tail(slope, error, n - 2),
        r2=np.nan if alike else 1 - rest / whole,
        speed=float(speed),
        half_life=math.log(2) / float(speed),
        reason="; ".join(notes) or None,
    )


def _t_tail(estimate: float, error: float, freedom: int) -> float:
    """Two-sided p-value of an estimate with a standard error."""
    from scipy.special import stdtr  # slow to import

    return 0.0 if error == 0 else float(2 * stdtr(freedom, -abs(estimate) / error))


def _two_years(panel: Panel, code: str, first: int | None, last: int | None) -> tuple[Floats, Floats, int]:
    """A column in two years, and the years between."""
    first = panel.years[0] if first is None else first
    last = panel.years[-1] if last is None else last
    known = ", ".join(str(year) for year in panel.years)
    faults = [f"no year {year}; years are {known}" for year in (first, last) if year not in panel.years]
    if faults or first >= last:
        raise ValuesError("panel", faults or [f"{first} to {last}: the first year must lie before the last"])
    column = panel.column(code)
    return column[:, panel.years.index(first)], column[:, panel.years.index(last)], last - first


def sigma_convergence(panel: Panel, codes: Sequence[str] | None = None) -> pl.DataFrame:
    """Dispersion of units year by year, among the units that have every year.

    Args:
        panel: A panel.
        codes: Columns; None is all.

    Returns:
        ``code, year, n`` (units with all years), ``mean, sd`` (n − 1), ``cv`` = sd / |mean|, ``sd_log`` (null
        if any is 0 or less), ``change_of_sd`` against the first year (relative; below 0 is convergence),
        ``reason``; sorted by code (order of the panel) and year.

    Source: Sala-i-Martin (1996), Economic Journal 106, 1019-1036.
    """
    out: list[tuple[object, ...]] = []
    for code in panel.codes if codes is None else codes:
        column = panel.column(code)
        balanced = column[~np.isnan(column).any(axis=1)]
        n = balanced.shape[0]
        if n < 2:
            out += [(code, year, n, *[None] * 5, f"{n} units have all years; two are needed") for year in panel.years]
            continue
        sd, mean = _spreads(balanced), balanced.mean(axis=0)
        logs = _spreads(elementary.ln(balanced)) if (balanced > 0).all() else np.full(sd.shape, np.nan)
        for i, year in enumerate(panel.years):
            cv = sd[i] / abs(mean[i]) if mean[i] != 0 else np.nan
            change = sd[i] / sd[0] - 1 if sd[0] > 0 else np.nan
            reasons = [
                said
                for said, holds in (
                    ("the mean is 0: no cv", mean[i] == 0),
                    ("a value is 0 or less: no sd_log", np.isnan(logs[i])),
                    ("all units start alike: no change_of_sd", sd[0] == 0),
                )
                if holds
            ]
            figures = (float(figure) for figure in (mean[i], sd[i], cv, logs[i], change))
            out.append((code, year, n, *figures, "; ".join(reasons) or None))
    return frame_of(
        out, code=str, year=int, n=int, mean=float, sd=float, cv=float, sd_log=float, change_of_sd=float, reason=str
    )


def _spreads(balanced: Floats) -> Floats:
    """Standard deviation of each column; 0 where all units are alike."""
    return np.array([spread_of(column) for column in balanced.T])


@dataclass(frozen=True)
class Mobility:
    """How much units change places between two years.

    Attributes:
        code: What was looked at.
        n: Units with a score in both years; ranks are taken among them.
        units: ``unit, rank_first, rank_last, rank_change``, the best of the first year first; a negative change
            is a rise.
        mean_shift: Mean absolute rank change.
        spearman: Correlation of the ranks.
        kendall: τ_b.
        transitions: Share of the units of each class (row) that are in each class (column) later; class 1 holds
            the best; shape (k, k). A row without units is NaN.
        shorrocks: ``(k − tr P) / (k − 1)``: 0 where nobody leaves a class; NaN if a class is empty.
        reason: Why figures are NaN; None if none is.
    """

    code: str
    n: int
    units: pl.DataFrame
    mean_shift: float
    spearman: float
    kendall: float
    transitions: Floats
    shorrocks: float
    reason: str | None = None


def rank_mobility(
    panel: Panel, code: str, first: int | None = None, last: int | None = None, classes: int = 4
) -> Mobility:
    """Compare the places of units in two years.

    Args:
        panel: A panel of scores (more is better).
        code: Column.
        first: First year; None is the panel's.
        last: Last year; None is the panel's.
        classes: Classes of equal size for the transitions, 2 or more: quartiles by default. The class of rank r
            (ties share the best) of n is ``floor((r − 1) k / n) + 1``.

    Returns:
        The comparison.

    Raises:
        ValuesError: If code or years are not there, or fewer than two classes are asked for.

    Source: Shorrocks (1978), Econometrica 46(5), 1013-1024.
    """
    if classes < 2:
        raise ValuesError("mobility", [f"{classes} class; at least 2 are needed"])

    start, end, _ = _two_years(panel, code, first, last)
    there = np.flatnonzero(~(np.isnan(start) | np.isnan(end)))
    before, after = rank_descending(start[there]), rank_descending(end[there])
    n = there.size
    table = pl.DataFrame(
        [
            pl.Series("unit", [panel.units[row] for row in there.tolist()], dtype=pl.String),
            pl.Series("rank_first", before.astype(np.int64)),
            pl.Series("rank_last", after.astype(np.int64)),
            pl.Series("rank_change", (after - before).astype(np.int64)),
        ]
    ).sort("rank_first", "unit")
    moved = np.zeros((classes, classes))
    of = [((ranks - 1) * classes // max(n, 1)).astype(np.int64) for ranks in (before, after)]
    np.add.at(moved, (of[0], of[1]), 1.0)
    sums = moved.sum(axis=1, keepdims=True)
    transitions = np.divide(moved, sums, out=np.full(moved.shape, np.nan), where=sums > 0)
    pair = np.stack([start[there], end[there]], axis=1)
    found = {measure: correlate(pair, ["first", "last"], measure) for measure in ("spearman", "kendall")}
    empty = [str(i + 1) for i in np.flatnonzero(sums[:, 0] == 0).tolist()]
    reasons = [
        said
        for said in (found["spearman"].reason(0, 1), f"class {', '.join(empty)} is empty" if empty else None)
        if said
    ]
    return Mobility(
        code=code,
        n=n,
        units=table,
        mean_shift=float(np.abs(after - before).mean()) if n else np.nan,
        spearman=float(found["spearman"].coefficient[0, 1]),
        kendall=float(found["kendall"].coefficient[0, 1]),
        transitions=transitions,
        shorrocks=float((classes - np.trace(transitions)) / (classes - 1)),
        reason="; ".join(reasons) or None,
    )
