"""What every analysis starts from and ends with: the rows of one year that take part, and a frame of rows.

What belongs here: the choice of rows and columns, and the form of a table. What does not: any analysis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ssc_index.errors import ValuesError
from ssc_index.framework.model import Framework
from ssc_index.method import Method
from ssc_index.result import IndexResult
from ssc_index.values import Floats

TYPES: dict[type, type[pl.DataType]] = {str: pl.String, int: pl.Int64, float: pl.Float64, bool: pl.Boolean}


@dataclass(frozen=True)
class Scores:
    """Scores of some units in one year, wherever they come from.

    Attributes:
        framework: The framework.
        method: The method that made them.
        table: Shape (n_units, n_nodes), nodes in the order of the framework; NaN is missing.
        weights: Weights that were used, shape (n_years, n_nodes); None where only those of the framework are known.
        shares: Where groups of units have weights of their own: share of each child, the mean over the units; by the
            codes of parent and child.
    """

    framework: Framework
    method: Method
    table: Floats
    weights: Floats | None = None
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, codes: Sequence[str]) -> Floats:
        """Scores of some nodes, shape (n_units, n_codes)."""
        place = {node.code: column for column, node in enumerate(self.framework.nodes)}
        columns = np.array([place[code] for code in codes], dtype=np.int64)
        table: Floats = self.table[:, columns]
        return table


def scores_in(result: IndexResult, year: int | None = None) -> Scores:
    """Scores of the units that take part in one year, and the weights of that year; as `rows_of`."""
    rows, known = rows_of(result, year), years_of(result)
    own = [0 if len(known) == 1 else known.index(year)]
    shares = mean_shares(result, rows)
    return Scores(result.framework, result.method, result.scores[rows], result.weights[own], shares)


def mean_shares(result: IndexResult, rows: NDArray[np.int64]) -> dict[str, dict[str, float]]:
    """Share of each child in the weights of its family, the mean over units: of families whose weights differ by group.

    Args:
        result: An index.
        rows: Rows of the units.

    Returns:
        Shares by the codes of parent and child; without a row that has weights, no family.
    """
    found = {}
    for parent, grouped in result.group_weights.items():
        own = grouped.group_of[rows]
        count = np.bincount(own[own >= 0], minlength=len(grouped.labels))
        if count.any():
            totals = grouped.table.sum(axis=1, keepdims=True)
            shares = grouped.table / np.where(totals > 0, totals, 1.0)
            means = (shares * count[:, None]).sum(axis=0) / count.sum()
            found[parent] = dict(zip(grouped.codes, means.tolist(), strict=True))
    return found


def years_of(result: IndexResult) -> tuple[int | None, ...]:
    """Years of a result, each once, in order; (None,) without years."""
    return tuple(year for year, _ in result.values.year_slices())


def rows_of(result: IndexResult, year: int | None = None) -> NDArray[np.int64]:
    """Rows of one year that take part.

    Args:
        result: An index.
        year: The year; None if the values know at most one.

    Returns:
        Row numbers, ascending.

    Raises:
        ValuesError: If the year is not there, or none is named and there are several.
    """
    blocks = dict(result.values.year_slices())
    if year is None and len(blocks) == 1:
        year = next(iter(blocks))
    if year not in blocks:
        known = ", ".join(str(known) for known in blocks)
        said = "several years" if year is None else f"no year {year}"
        raise ValuesError("values", [f"{said}; name one of {known}"])
    block = blocks[year]
    return np.arange(block.start, block.stop)[result.included[block]]


def year_column(frame: pl.DataFrame, result: IndexResult, year: int | None) -> pl.DataFrame:
    """Put the year in front of a frame; null without years."""
    known = years_of(result)
    said = known[0] if year is None and len(known) == 1 else year
    return frame.select(pl.lit(said, dtype=pl.Int64).alias("year"), pl.all())


def scores_of(result: IndexResult, rows: NDArray[np.int64], codes: Sequence[str]) -> Floats:
    """Scores of some rows and nodes, shape (n_rows, n_codes)."""
    columns = np.array([result.nodes.index(code) for code in codes], dtype=np.int64)
    table: Floats = result.scores[rows[:, None], columns]
    return table


def frame_of(rows: Sequence[tuple[object, ...]], **columns: type) -> pl.DataFrame:
    """Build a frame of rows; columns by name and type (``str``, ``int``, ``float``, ``bool``); NaN is null."""
    cells = zip(*rows, strict=True) if rows else ((),) * len(columns)
    series = []
    for (name, kind), column in zip(columns.items(), cells, strict=True):
        plain = [cell.item() if isinstance(cell, np.generic) else cell for cell in column]
        one = pl.Series(name, plain, dtype=TYPES[kind])
        series.append(one.fill_nan(None) if kind is float else one)
    return pl.DataFrame(series)
