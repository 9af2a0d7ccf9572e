"""What the demo cohort is drawn for: the catalogue as arrays, and cities and years as rows.

What belongs here: laying the shapes over a catalogue. What does not: drawing (`demo_model.py`,
`demo_conduct.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intake.demo_places import Place
from intake.demo_random import Floats, Integers
from intake.demo_shapes import BY_KIND, QUANTITIES, SHAPES, Link, Shape
from ssc_index.errors import SscIndexError
from ssc_index.framework.catalogue import Catalogue, DataPoint

# The year to which the lasting traits belong; the others are reached by drift.
BASE_YEAR = 2020


@dataclass(frozen=True)
class Rows:
    """Cities and years, one row each.

    Attributes:
        places: City of each row.
        years: Reference year of each row, shape (n,).
    """

    places: tuple[Place, ...]
    years: Integers

    @property
    def numbers(self) -> Integers:
        """Number of the city of each row, shape (n,)."""
        return np.array([place.number for place in self.places], dtype=np.int64)

    @property
    def keys(self) -> Integers:
        """Number of the city and year of each row, shape (n, 2)."""
        return np.stack([self.numbers, self.years], axis=1)


def rows_of(places: Sequence[Place], years: Sequence[int]) -> Rows:
    """Every city in every year, cities outside, years inside."""
    listed = tuple(place for place in places for _ in years)
    return Rows(listed, np.tile(np.array(years, dtype=np.int64), len(places)))


@dataclass(frozen=True)
class Plan:
    """The catalogue and the shapes as arrays over data points.

    Attributes:
        points: Data points in catalogue order.
        shapes: Their shapes.
        column: Position by data-point id.
        kpi: Position of each data point's KPI, shape (n_points,).
        is_core: Whether each KPI is core, shape (n_kpis,).
        category: Position of each data point's category, shape (n_points,).
        category_names: Names of the categories, by position.
        worst: Goalpost that scores 0, NaN where there is none.
        best: Goalpost that scores 100, NaN where there is none.
    """

    points: tuple[DataPoint, ...]
    shapes: tuple[Shape, ...]
    column: Mapping[str, int]
    kpi: NDArray[np.intp]
    is_core: NDArray[np.bool_]
    category: NDArray[np.intp]
    category_names: tuple[str, ...]
    worst: Floats
    best: Floats

    def where(self, link: Link) -> NDArray[np.intp]:
        """Positions of the data points of a link."""
        return np.flatnonzero([shape.link == link for shape in self.shapes])

    def weights(self, name: str) -> Floats:
        """One number of every shape, shape (n_points,)."""
        return np.array([getattr(shape, name) for shape in self.shapes])


def plan_of(catalogue: Catalogue) -> Plan:
    """Lay the shapes over a catalogue.

    Raises:
        SscIndexError: If a denominator of the catalogue is unknown here.
    """
    points = catalogue.data_points
    unknown = {
        point.denominator
        for point in points
        if point.denominator and not point.denominator_basis and point.denominator not in QUANTITIES
    }
    if unknown:
        raise SscIndexError(
            f"the demo cohort knows no size of {', '.join(sorted(unknown))}: add it to QUANTITIES in "
            "intake/demo_shapes.py, under the words of the catalogue"
        )
    kpis = [catalogue.kpi_of(point.id) for point in points]
    kpi_position = {kpi.code: position for position, kpi in enumerate(catalogue.kpis)}
    names = tuple(dict.fromkeys(kpi.category for kpi in catalogue.kpis))
    goalposts = [point.goalposts[max(point.goalposts)] if point.goalposts else None for point in points]
    return Plan(
        points=tuple(points),
        shapes=tuple(SHAPES.get(point.id, BY_KIND[kpi.kind]) for point, kpi in zip(points, kpis, strict=True)),
        column={point.id: position for position, point in enumerate(points)},
        kpi=np.array([kpi_position[kpi.code] for kpi in kpis], dtype=np.intp),
        is_core=np.array([kpi.level == "core" for kpi in catalogue.kpis]),
        category=np.array([names.index(kpi.category) for kpi in kpis], dtype=np.intp),
        category_names=names,
        worst=np.array([np.nan if pair is None else pair.low for pair in goalposts]),
        best=np.array([np.nan if pair is None else pair.high for pair in goalposts]),
    )
