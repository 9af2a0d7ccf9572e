"""What the rules of validation can ask: every name of their language, as arrays over submissions and data points.

What belongs here: the facts of a workbook itself, and its profile. What does not: evidence from other years and
cities (`evidence.py`), the language (`expressions.py`), the rules (`rules.py`).

Everything is computed once for a whole batch of submissions, when first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from intake.evidence import PAST_PROFILE, Evidence
from intake.expressions import Vocabulary
from intake.tables import PROFILE_NUMBERS
from intake.template import PREFILLED
from ssc_index.framework.catalogue import Catalogue

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Positions = NDArray[np.intp]

# Figures of a country that a context table may give (docs/workbook.md), by their names in the rules.
NATIONAL = ("national_gdp_per_capita", "national_internet_pct", "national_broadband_pct", "national_rnd_pct")

ROW_NUMBERS = ("value", "numerator", "denominator", "result", "computed")
ROW_TRUTHS = ("is_given", "is_readable", "says_not_reported", "is_formula", "is_converted")
ROW_TEXTS = ("source", "source_details", "comment", "origin")
_DERIVED = ("quantity", "profile_quantity", "quantity_elsewhere", "lower_bound", "upper_bound", "multiplier")
_EVIDENCE = ("slipped_z", "previous", "previous_year", "peer_median", "peer_middle", "zeros_pct", "twins")
# Figures of the profile in the city's latest earlier submission.
PREVIOUS_PROFILE = tuple(f"previous_{name.removeprefix('profile.')}" for name in PAST_PROFILE)
_SUBMISSION_NUMBERS = (
    *PROFILE_NUMBERS,
    *NATIONAL,
    *PREVIOUS_PROFILE,
    "previous_profile_year",
    "year",
    "kpis_not_reported_pct",
    "core_kpis_not_reported",
    "fractions_pct",
    "unchanged_pct",
)
_SUBMISSION_TRUTHS = ("has_currency",)
_KIND_TRUTHS = ("is_ratio", "is_rate", "is_concentration")
# What can be the number of one other city, or lead to it: rules may ask for it, and no sentence may tell it.
OF_OTHERS = frozenset({"peer_median", "peer_z", "jump_z", "slipped_z", "zeros_pct"})
# What compares with the values of single other cities: a rule that asks for it may be told to verifiers alone.
EXACTLY_OF_OTHERS = frozenset({"twins"})
CALLS: Mapping[str, int] = {"peer_z": 1, "jump_z": 1}


def vocabulary(catalogue: Catalogue) -> Vocabulary:
    """The names that rules may use with a catalogue."""
    return Vocabulary(
        numbers=frozenset((*ROW_NUMBERS, *_DERIVED, *_EVIDENCE, *_SUBMISSION_NUMBERS)),
        truths=frozenset((*ROW_TRUTHS, *_SUBMISSION_TRUTHS, *_KIND_TRUTHS, "is_ordinary")),
        texts=frozenset((*ROW_TEXTS, "texts")),
        calls=CALLS,
        points=frozenset(point.id for point in catalogue.data_points),
    )


class Batch:
    """Submissions as matrices of shape (submissions, data points of the catalogue).

    Attributes:
        submissions: One row each, in the order of the matrices' rows.
        catalogue: The KPI catalogue.
        submission: Matrix row of each row of the form.
        point: Matrix column of each row of the form.
    """

    def __init__(
        self, rows: pl.DataFrame, submissions: pl.DataFrame, catalogue: Catalogue, evidence: Evidence | None = None
    ) -> None:
        """Place rows of the form in matrices.

        Args:
            rows: ``submission`` and ``point`` (positions), `ROW_NUMBERS`, `ROW_TRUTHS` and `ROW_TEXTS`.
            submissions: ``city_id``, ``year``, the profile, ``currency``; one for each matrix row.
            catalogue: The KPI catalogue.
            evidence: Other years and other cities; None where nothing else is known.
        """
        self.submissions = submissions
        self.catalogue = catalogue
        self.submission: Positions = rows["submission"].to_numpy().astype(np.intp)
        self.point: Positions = rows["point"].to_numpy().astype(np.intp)
        self._rows = rows
        self._shape = (submissions.height, len(catalogue.data_points))
        self._cache: dict[str, NDArray[Any]] = {}
        self._given_evidence = evidence

    def on(self, points: Sequence[int]) -> PointFacts:
        """The facts as a rule for some data points sees them; no data points: a rule for the whole submission."""
        return PointFacts(self, np.asarray(points, dtype=np.intp))

    def fact(self, name: str) -> NDArray[Any]:
        """A fact, in a shape that broadcasts to the batch's."""
        if name not in self._cache:
            self._cache[name] = self._made(name)
        return self._cache[name]

    def says(self, field: str, pattern: str, points: Positions) -> Booleans:
        """Whether texts of the rows of some data points match, shape (submissions, points)."""
        matrix = np.zeros((self._shape[0], len(points)), dtype=bool)
        if field == "texts":
            text = pl.concat_str(["source", "source_details", "comment"], separator=" ", ignore_nulls=True)
        else:
            text = pl.col(field)
        says = text.str.contains(f"(?i){pattern}") if pattern else text.is_not_null() & (text != "")
        column = np.full(self._shape[1], -1)
        column[points] = np.arange(len(points))
        at = column[self.point]
        is_asked = at >= 0
        rows = self._texts if is_asked.all() else self._texts.filter(pl.Series(is_asked))
        found = rows.select(says.fill_null(False)).to_series().to_numpy()
        matrix[self.submission[is_asked], at[is_asked]] = found
        return matrix

    @cached_property
    def _texts(self) -> pl.DataFrame:
        """Texts of the rows."""
        return self._rows.select(ROW_TEXTS)

    @cached_property
    def evidence(self) -> Evidence:
        """Other years and other cities."""
        return self._given_evidence or Evidence.none(self.submissions.height, self.catalogue)

    def _made(self, name: str) -> NDArray[Any]:
        if name in ROW_NUMBERS:
            return self._placed(name, np.nan)
        if name in ROW_TRUTHS:
            return self._placed(name, False)
        if name in PROFILE_NUMBERS or name == "year":
            return self._of_submission(name)
        if name in NATIONAL:
            return self._of_submission(name) if name in self.submissions.columns else self._nothing
        if name in PREVIOUS_PROFILE:
            at = PREVIOUS_PROFILE.index(name)
            return self.evidence.previous_profile[:, at : at + 1]
        if name == "has_currency":
            currency = self.submissions["currency"].is_not_null().to_numpy()
            return currency[:, np.newaxis]
        return getattr(self, f"_{name}")()  # type: ignore[no-any-return]  # the methods below

    def _placed(self, name: str, blank: float | bool) -> NDArray[Any]:
        """A column of the rows, in its matrix."""
        column = self._rows[name]
        matrix = np.full(self._shape, blank)
        filled = column.fill_null(blank) if isinstance(blank, bool) else column.fill_null(np.nan)
        matrix[self.submission, self.point] = filled.to_numpy()
        return matrix

    @property
    def _nothing(self) -> Floats:
        return np.full((self._shape[0], 1), np.nan)

    def _of_submission(self, name: str) -> Floats:
        """A figure of the submission, shape (submissions, 1)."""
        column: Floats = self.submissions[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return column[:, np.newaxis]

    def _of_points(self, numbers: Sequence[float | None]) -> Floats:
        """A figure of each data point, shape (1, points)."""
        return np.array([[np.nan if number is None else number for number in numbers]])

    def _lower_bound(self) -> Floats:
        return self._of_points([point.lower_bound for point in self.catalogue.data_points])

    def _upper_bound(self) -> Floats:
        return self._of_points([point.upper_bound for point in self.catalogue.data_points])

    def _multiplier(self) -> Floats:
        return self._of_points([point.template_multiplier for point in self.catalogue.data_points])

    def _is_ratio(self) -> Booleans:
        return np.array([[point.denominator is not None for point in self.catalogue.data_points]])

    def _is_rate(self) -> Booleans:
        return np.array([[point.template_divisor != 1 for point in self.catalogue.data_points]])

    def _is_concentration(self) -> Booleans:
        return np.array([[point.value_type == "concentration" for point in self.catalogue.data_points]])

    def _quantity(self) -> Floats:
        """The denominator undivided: the population, not population / 100 000."""
        divisors = self._of_points([point.template_divisor for point in self.catalogue.data_points])
        quantity: Floats = self.fact("denominator") * divisors
        return quantity

    def _profile_quantity(self) -> Floats:
        """The profile's figure of the denominator's quantity."""
        matrix = np.full(self._shape, np.nan)
        for position, point in enumerate(self.catalogue.data_points):
            if point.denominator_basis:
                matrix[:, position] = self.fact(PREFILLED[point.denominator_basis])[:, 0]
        return matrix

    def _quantity_elsewhere(self) -> Floats:
        """Middle of the denominators that other rows of the workbook give for the same quantity."""
        matrix = np.full(self._shape, np.nan)
        quantity = np.where(self.fact("is_given"), self.fact("quantity"), np.nan)
        groups: dict[str, list[int]] = {}
        for position, point in enumerate(self.catalogue.data_points):
            if point.denominator:
                groups.setdefault(point.denominator_basis or point.denominator, []).append(position)
        for members in groups.values():
            if len(members) < 2:
                continue
            part = quantity[:, members]
            for at, position in enumerate(members):
                matrix[:, position] = row_median(np.delete(part, at, axis=1))
        return matrix

    def _kpi_given(self) -> Booleans:
        """Whether anything of each KPI is given, shape (submissions, KPIs)."""
        starts = np.flatnonzero(self._kpi_starts)
        given: Booleans = np.logical_or.reduceat(self.fact("is_given"), starts, axis=1)
        return given

    @cached_property
    def _kpi_starts(self) -> Booleans:
        codes = [point.kpi_code for point in self.catalogue.data_points]
        return np.array([at == 0 or codes[at - 1] != code for at, code in enumerate(codes)])

    def _kpis_not_reported_pct(self) -> Floats:
        share: Floats = 100 - 100 * self.fact("kpi_given").mean(axis=1, keepdims=True)
        return share

    def _core_kpis_not_reported(self) -> Floats:
        is_core = np.array([kpi.level.casefold() == "core" for kpi in self.catalogue.kpis])
        missing = ~self.fact("kpi_given")[:, is_core]
        counted: Floats = missing.sum(axis=1, keepdims=True).astype(float)
        return counted

    def _fractions_pct(self) -> Floats:
        """Of the percentages typed without their parts, how many lie above 0 and up to 1; missing below four."""
        is_percent = np.array([point.unit == "percent" for point in self.catalogue.data_points])
        typed = self.fact("result")[:, is_percent].copy()
        typed[~np.isnan(self.fact("computed")[:, is_percent])] = np.nan
        count = (~np.isnan(typed) & (typed != 0)).sum(axis=1, keepdims=True)
        small = ((typed > 0) & (typed <= 1)).sum(axis=1, keepdims=True)
        share: Floats = np.where(count >= 4, 100 * small / np.maximum(count, 1), np.nan)
        return share

    def _unchanged_pct(self) -> Floats:
        """Of the values that last year's workbook had too, how many are the same to the last digit; missing below 20.

        Zeros, whole shares and choices stay the same in any city and do not count.
        """
        value, previous = self.fact("value"), self.fact("previous")
        is_choice = np.array([point.value_type == "yes_no" for point in self.catalogue.data_points])
        counts = ~np.isnan(value) & ~np.isnan(previous) & ~is_choice & (value % 10 != 0)
        total = counts.sum(axis=1, keepdims=True)
        same = (counts & (value == previous)).sum(axis=1, keepdims=True)
        share: Floats = np.where(total >= 20, 100 * same / np.maximum(total, 1), np.nan)
        return share

    def _previous(self) -> Floats:
        return self.evidence.previous

    def _previous_year(self) -> Floats:
        return self.evidence.previous_year

    def _previous_profile_year(self) -> Floats:
        return self.evidence.previous_profile_year

    def _peer_median(self) -> Floats:
        return self.evidence.peer_median(self.fact("value"))

    def _peer_middle(self) -> Floats:
        return self.evidence.peer_middle(self.fact("value"))

    def _zeros_pct(self) -> Floats:
        """Of the other submissions that give a value, how many give 0; missing where there is no other."""
        value = self.fact("value")
        others = (~np.isnan(value)).sum(axis=0) - 1
        zeros = (value == 0).sum(axis=0) - (value == 0)
        share: Floats = np.where(others > 0, 100 * zeros / np.maximum(others, 1), np.nan)
        return share

    def _twins(self) -> Floats:
        return self.evidence.twins(self.fact("value"))

    def _slipped_z(self) -> Floats:
        return self.evidence.slipped_z(self.fact("value"))

    def _is_ordinary(self) -> Booleans:
        """Whether the city's own past or its peers make the value look usual."""
        value, every = self.fact("value"), np.arange(self._shape[1])
        peer = np.abs(self.evidence.peer_z(value, self.fact("value"), every)) <= 3.5
        past = np.abs(self.evidence.jump_z(value, self.fact("value"), every)) <= 5
        ordinary: Booleans = peer | past
        return ordinary


class PointFacts:
    """The facts of a batch for the data points of one rule; see `expressions.Facts`."""

    def __init__(self, batch: Batch, points: Positions) -> None:
        self._batch = batch
        self._points = points
        self._position = {point.id: at for at, point in enumerate(batch.catalogue.data_points)}

    def fact(self, name: str) -> NDArray[Any]:
        """A fact for the data points of the rule, or for the whole submission."""
        array = self._batch.fact(name)
        if not len(self._points) or array.shape[1] == 1:
            return array
        return array[:, self._points]

    def fact_of(self, name: str, point: str) -> NDArray[Any]:
        """A fact of one data point, shape (submissions, 1)."""
        array = self._batch.fact(name)
        at = self._position[point]
        return array if array.shape[1] == 1 else array[:, at : at + 1]

    def call(self, name: str, arguments: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """A robust z of numbers, against peers or against the city's own past."""
        measure = self._batch.evidence.peer_z if name == "peer_z" else self._batch.evidence.jump_z
        return measure(arguments[0], self._batch.fact("value"), self._points)

    def says(self, field: str, pattern: str) -> NDArray[Any]:
        """Whether a text of the row matches a pattern, whatever its case."""
        return self._batch.says(field, pattern, self._points)


def row_median(matrix: Floats) -> Floats:
    """Median of what is given in each row; missing where nothing is."""
    ordered = np.sort(matrix, axis=1)
    count = (~np.isnan(matrix)).sum(axis=1)
    at = np.arange(len(matrix))
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    high = np.minimum(high, matrix.shape[1] - 1)
    middle = (ordered[at, low] + ordered[at, high]) / 2
    median: Floats = np.where(count > 0, middle, np.nan)
    return median
