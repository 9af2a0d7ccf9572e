"""The audit of a result as a set of tables: what ``ssc-index compute --audit`` writes.

What belongs here: which analyses are run, year by year, and how their tables are named. What does not: any figure.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import polars as pl

from ssc_index.audit.components import component_frames
from ssc_index.audit.correlation import MEASURES, Measure, correlation_frame, size_frame
from ssc_index.audit.discrimination import discrimination_frame, redundancy_frame
from ssc_index.audit.importance import importance_frame
from ssc_index.audit.reliability import reliability_frames
from ssc_index.audit.variants import Variants, leave_one_out
from ssc_index.chained import chain_frame
from ssc_index.contributions import change_contributions
from ssc_index.errors import ValuesError
from ssc_index.result import IndexResult
from ssc_index.sample import frame_of, rows_of, year_column, years_of
from ssc_index.statistics import column_statistics, outlying_cells, unit_availability
from ssc_index.trends import growth_frame, panel_of_scores, sigma_convergence

MOST_ROWS_FOR_KENDALL = 2000


def audit_frames(result: IndexResult, variants: bool = True) -> dict[str, pl.DataFrame]:
    """Run every analysis that needs no choice of its own.

    Args:
        result: An index.
        variants: Whether to compute the index anew without each node of each level; as many runs as nodes.

    Returns:
        Tables by name: ``statistics`` (values), ``availability``, ``outliers``, ``correlations``, ``reliability``,
        ``reliability_items``, ``components``, ``loadings``, ``importance``, ``redundancy``, ``discrimination``,
        ``without_node`` and ``without_node_units``; ``sizes`` where the values have columns to divide by or derive
        from; of a panel also ``growth``, ``dispersion``, ``changes`` (contributions, year on year) and, where the
        method has links between years, ``chained``; and ``notes`` (what was left out, and why). Each has a column
        ``year`` where it is by year. Kendall's τ, which takes n log n steps for every pair, is left out of years with
        more than 2,000 units.
    """
    notes: list[tuple[int | None, str]] = []
    frames = {
        "statistics": _by_year(result, lambda year: _statistics(result, year)),
        "availability": unit_availability(result),
        "outliers": outlying_cells(result),
        "correlations": _by_year(result, lambda year: correlation_frame(result, year, _measures(result, year, notes))),
        "importance": _by_year(result, lambda year: importance_frame(result, year)),
        "redundancy": _by_year(result, lambda year: redundancy_frame(result, year)),
        "discrimination": _by_year(result, lambda year: discrimination_frame(result, year)),
    }
    years = years_of(result)
    pairs = {("reliability", "reliability_items"): reliability_frames, ("components", "loadings"): component_frames}
    for names, analyse in pairs.items():
        parts = [analyse(result, year) for year in years]
        for name, tables in zip(names, zip(*parts, strict=True), strict=True):
            frames[name] = pl.concat(tables)
    if variants:
        found = _leave_one_out(result)
        frames["without_node"] = pl.concat([one.summary for one in found])
        frames["without_node_units"] = pl.concat([one.units for one in found])
    if result.values.denominators:
        frames["sizes"] = _by_year(result, lambda year: size_frame(result, year))
    if len(years) > 1:
        frames |= _over_time(result, notes)
    frames["notes"] = frame_of([*notes], year=int, note=str)
    return frames


def _by_year(result: IndexResult, analyse: Callable[[int | None], pl.DataFrame]) -> pl.DataFrame:
    """One table of all years."""
    return pl.concat([analyse(year) for year in years_of(result)])


def _statistics(result: IndexResult, year: int | None) -> pl.DataFrame:
    """Statistics of the values that went in, of rows that take part."""
    table = result.values.values[rows_of(result, year)]
    return year_column(column_statistics(table, result.values.codes), result, year)


def _measures(result: IndexResult, year: int | None, notes: list[tuple[int | None, str]]) -> tuple[Measure, ...]:
    """Coefficients that a year can afford."""
    rows = rows_of(result, year).size
    if rows <= MOST_ROWS_FOR_KENDALL:
        return MEASURES
    notes.append((year, f"correlations: no Kendall, for {rows} units are more than {MOST_ROWS_FOR_KENDALL}"))
    return ("pearson", "spearman")


def _leave_one_out(result: IndexResult) -> list[Variants]:
    """Without each node below the root, level by level, year by year."""
    levels = result.framework.levels[1:]
    return [found for level in levels for found in leave_one_out(result, level, years_of(result))]


def _over_time(result: IndexResult, notes: list[tuple[int | None, str]]) -> dict[str, pl.DataFrame]:
    """What a panel says besides."""
    panel, years = panel_of_scores(result), years_of(result)
    changes = [
        change_contributions(result, result, earlier, later).select(
            pl.lit(earlier, dtype=pl.Int64).alias("year_before"), pl.lit(later, dtype=pl.Int64).alias("year"), pl.all()
        )
        for earlier, later in pairwise(years)
    ]
    found = {"growth": growth_frame(panel), "dispersion": sigma_convergence(panel), "changes": pl.concat(changes)}
    try:
        found["chained"] = chain_frame(result)
    except ValuesError as error:
        notes += [(None, f"chained: {fault}") for fault in error.faults]
    return found
