"""The demo cohort as one long table with the columns of a bulk file.

What belongs here: from drawn arrays to rows. What does not: the drawing and the writing (`demo.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from intake.demo_conduct import OUTCOMES
from intake.demo_files import Draws, comment_of, result_cells, source_details_of, source_of
from intake.demo_shapes import CURRENCY
from ssc_index.framework.catalogue import Catalogue


def bulk_frame(draws: Draws, catalogue: Catalogue) -> pl.DataFrame:
    """Rows of a bulk file, one for each city, year and data point.

    Args:
        draws: What was drawn.
        catalogue: The KPI catalogue.

    Returns:
        Sorted by city, year and data point in the order of the catalogue; blank where nothing is reported.
    """
    n_rows, n_points = draws.conduct.is_reported.shape
    row = np.repeat(np.arange(n_rows), n_points)
    at = np.tile(np.arange(n_points), n_rows)
    places, years = draws.rows.places, draws.rows.years
    numerator, denominator, result = (pl.Series(cells.ravel()).fill_nan(None) for cells in result_cells(draws))
    is_reported = pl.Series(draws.conduct.is_reported.ravel())
    is_open = (draws.conduct.outcome == OUTCOMES.index("pending"))[:, np.newaxis]
    has_verdict = draws.conduct.is_reported & ~is_open
    verdict = pl.Series(draws.conduct.is_verified.ravel())
    grades = [choice.code for choice in catalogue.scoring.quality_grades.choices]
    origins = [choice.code for choice in catalogue.scoring.data_origins.choices]
    sources = [source_of(draws.plan.category_names[position]) for position in draws.plan.category]
    comments = [comment_of(point.id, is_result_only=False) for point in draws.plan.points]
    columns = {
        "city_id": _picked([place.city_id for place in places], row),
        "city_name": _picked([place.name for place in places], row),
        "year": pl.Series(years[row]).cast(pl.Int16),
        "framework_version": pl.repeat(catalogue.version, n_rows * n_points, eager=True),
        "data_point": _picked([point.id for point in draws.plan.points], at),
        "numerator": numerator,
        "denominator": denominator,
        "result": result,
        "reported": is_reported,
        "verified": _where(verdict, pl.Series(has_verdict.ravel())),
        "quality": _where(_picked(grades, draws.conduct.quality.ravel()), is_reported),
        "origin": _where(_picked(origins, draws.conduct.origin.ravel()), is_reported),
        "source": _where(_picked(sources, at), is_reported),
        "source_details": _where(_details(draws), is_reported),
        "comment": _where(_picked(comments, at), is_reported),
        "currency": pl.repeat(CURRENCY, n_rows * n_points, eager=True),
    }
    columns |= {name: pl.Series(figures[row]) for name, figures in draws.figures.profile.items()}
    return pl.DataFrame(columns)


def _picked(texts: Sequence[str | None], positions: NDArray[np.intp]) -> pl.Series:
    """The text at each position."""
    return pl.Series(texts, dtype=pl.String).gather(pl.Series(positions).cast(pl.UInt32))


def _where(series: pl.Series, is_kept: pl.Series) -> pl.Series:
    """A series with nulls where it is not kept."""
    return series.zip_with(is_kept, pl.Series([None], dtype=series.dtype))


def _details(draws: Draws) -> pl.Series:
    """Source details of each row."""
    years, position = np.unique(draws.rows.years, return_inverse=True)
    n_kpis = len(draws.plan.is_core)
    texts = [source_details_of(year, kpi) for year in years.tolist() for kpi in range(n_kpis)]
    return _picked(texts, (position[:, np.newaxis] * n_kpis + draws.plan.kpi).ravel())
