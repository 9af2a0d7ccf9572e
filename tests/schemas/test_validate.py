"""Failures of a frame, told in rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest

from schemas import checks
from schemas.core import values
from schemas.table import Column, Table
from schemas.validate import Failure, failures, split
from ssc_index.framework.catalogue import load_catalogue
from tests.assets.cohort import core_frame, value_row

TABLE = Table(
    name="core.notes",
    description="One row per note.",
    key=("city_id", "year"),
    columns={
        "city_id": Column(pl.String, "City."),
        "year": Column(pl.Int16, "Reference year.", checks=(checks.year(),)),
        "word": Column(pl.String, "One of two words.", checks=(checks.one_of(("yes", "no"), "word"),)),
        "score": Column(pl.Float64, "Score, 0 to 100.", nullable=True, checks=(checks.between(0, 100),)),
        "share": Column(pl.Float64, "Any number.", checks=(checks.finite(),)),
    },
)
GOOD: Mapping[str, Any] = {"city_id": "a", "year": 2024, "word": "yes", "score": 50.0, "share": 0.5}


def frame(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([GOOD | dict(row) for row in rows], schema=TABLE.polars_schema)


def found(table: Table, rows: pl.DataFrame) -> list[tuple[int | None, str | None, str]]:
    return [(one.row, one.column, one.check) for one in failures(table, rows)]


def test_a_good_frame_has_no_failure() -> None:
    assert failures(TABLE, frame({}, {"city_id": "b", "score": None})) == []


def test_an_empty_frame_has_no_failure() -> None:
    assert failures(TABLE, TABLE.empty()) == []


@pytest.mark.parametrize(
    ("cell", "check"),
    [
        ({"score": 100.1}, "between_0_and_100"),
        ({"score": -0.1}, "between_0_and_100"),
        ({"score": math.nan}, "between_0_and_100"),
        ({"score": math.inf}, "between_0_and_100"),
        ({"score": -math.inf}, "between_0_and_100"),
        ({"share": math.inf}, "finite"),
        ({"share": -math.inf}, "finite"),
        ({"word": "maybe"}, "word"),
        ({"word": "Yes"}, "word"),
        ({"year": 1999}, "year_between_2000_and_2100"),
        ({"year": 2101}, "year_between_2000_and_2100"),
    ],
)
def test_a_wrong_cell_is_named_by_row_column_and_check(cell: Mapping[str, Any], check: str) -> None:
    assert found(TABLE, frame({}, {"city_id": "b", **cell})) == [(1, next(iter(cell)), check)]


@pytest.mark.parametrize("value", [None, math.nan])
def test_what_may_not_be_missing_is_named(value: float | None) -> None:
    failed = failures(TABLE, frame({}, {"city_id": "b", "share": value}))
    assert {(one.row, one.column) for one in failed} == {(1, "share")}
    assert "not_nullable" in {one.check for one in failed}


@pytest.mark.parametrize("edge", [0.0, 100.0])
def test_the_bounds_themselves_hold(edge: float) -> None:
    assert failures(TABLE, frame({"score": edge})) == []


def test_two_rows_with_one_key_are_both_named() -> None:
    failed = found(TABLE, frame({}, {"city_id": "b"}, {"score": 1.0}))
    assert {row for row, _, _ in failed} == {0, 2}
    assert all("unique" in check for _, _, check in failed)


def test_every_failure_is_told_at_once_in_order() -> None:
    failed = found(TABLE, frame({"word": "maybe", "score": 101.0}, {"city_id": "b", "share": math.inf}))
    assert failed == [(0, "score", "between_0_and_100"), (0, "word", "word"), (1, "share", "finite")]


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        (frame({}).drop("word"), "column_in_dataframe"),
        (frame({}).with_columns(extra=pl.lit(1)), "column_in_schema"),
    ],
    ids=["missing", "extra"],
)
def test_a_missing_or_extra_column_is_a_fault_of_the_frame(wrong: pl.DataFrame, check: str) -> None:
    assert [(one.row, one.check) for one in failures(TABLE, wrong)] == [(None, check)]
    with pytest.raises(ValueError, match=r"^core\.notes: .*" + check):
        split(TABLE, wrong)


def test_a_wrong_type_is_a_fault_of_the_frame() -> None:
    wrong = frame({}).with_columns(pl.col("score").cast(pl.String))
    assert (None, "score", "dtype") in found(TABLE, wrong)
    with pytest.raises(ValueError, match="score"):
        split(TABLE, wrong)


def test_split_keeps_the_good_rows_as_they_were() -> None:
    rows = frame({}, {"city_id": "b", "score": 101.0, "word": "maybe"}, {"city_id": "c", "score": None})
    good, failed = split(TABLE, rows)
    assert good.equals(rows[[0, 2]])
    assert [one.row for one in failed] == [1, 1]


def test_split_of_a_good_frame_returns_it() -> None:
    good, failed = split(TABLE, frame({}))
    assert good.equals(frame({}))
    assert failed == []


def test_a_failure_is_one_sentence() -> None:
    assert (
        failures(TABLE, frame({"score": 101.0}))[0].message
        == "row 0: column score fails between_0_and_100 with '101.0'"
    )
    assert Failure(None, "extra", "column_in_schema", None).message == "column extra fails column_in_schema with None"


# --- bounds of the catalogue ----------------------------------------------------------------------------------

VALUES = values(load_catalogue())
PERCENT = "EC_ICT_ICT_1C.main"
BOUNDED = [point for point in load_catalogue().data_points if point.upper_bound is not None]


def value_failures(point: str, value: float) -> list[tuple[int | None, str | None, str]]:
    rows = core_frame([value_row("a", 2024, point, value), value_row("b", 2024, PERCENT, 50.0)])
    return found(VALUES, rows)


@pytest.mark.parametrize("value", [0.0, 100.0])
def test_a_value_on_its_bounds_holds(value: float) -> None:
    assert value_failures(PERCENT, value) == []


@pytest.mark.parametrize("value", [-0.001, 100.001])
def test_a_value_outside_the_bounds_of_its_data_point_fails(value: float) -> None:
    assert value_failures(PERCENT, value) == [(0, None, "within_bounds")]


def test_a_data_point_without_upper_bound_takes_any_number() -> None:
    open_ended = next(point for point in load_catalogue().data_points if point.upper_bound is None)
    assert value_failures(open_ended.id, 1e12) == []


def test_every_upper_bound_of_the_catalogue_is_kept() -> None:
    # 71 data points have one; each value lies just above its own.
    rows = core_frame([value_row("a", 2024, point.id, 1.001 * float(point.upper_bound or 0)) for point in BOUNDED])
    assert len(BOUNDED) == 71
    assert [one.row for one in failures(VALUES, rows)] == list(range(71))


def test_an_unknown_data_point_fails() -> None:
    assert value_failures("EC_ICT_ICT_99C.main", 1.0) == [(0, "data_point", "known_data_point")]


def test_a_failed_bound_tells_the_row_so_that_split_keeps_the_rest() -> None:
    rows = core_frame([value_row("a", 2024, PERCENT, 101.0), value_row("b", 2024, PERCENT, 50.0)])
    good, failed = split(VALUES, rows)
    assert good["city_id"].to_list() == ["b"]
    assert len(failed) == 1


# --- rows in strict order of their key need no grouping --------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "doubled"),
    [
        ([("a", 2023), ("a", 2024), ("b", 2020)], 0),
        ([("b", 2020), ("a", 2024), ("a", 2023)], 0),
        ([("a", 2023), ("a", 2023), ("b", 2020)], 2),
        ([("a", 2023), ("b", 2020), ("a", 2023)], 2),
        ([("a", 2023), ("b", 2020), ("b", 2021), ("b", 2020)], 2),
    ],
)
def test_doubled_keys_are_found_whatever_the_order_of_the_rows(keys: list[tuple[str, int]], doubled: int) -> None:
    rows = frame(*({"city_id": city, "year": year} for city, year in keys))
    assert len(failures(TABLE, rows)) == doubled


def test_other_faults_are_told_alike_in_order_and_out_of_order() -> None:
    rows = [{"city_id": "a", "score": 101.0}, {"city_id": "b", "word": "maybe"}, {"city_id": "c"}]
    in_order = [(one.column, one.check) for one in failures(TABLE, frame(*rows))]
    assert in_order == [("score", "between_0_and_100"), ("word", "word")]
    assert sorted((one.column, one.check) for one in failures(TABLE, frame(*reversed(rows)))) == in_order


def test_pandera_is_asked_for_a_report_only_where_something_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """What decides is the same in one query as in Pandera's own, missing cells included."""
    asked = []
    validate = pa.DataFrameSchema.validate
    monkeypatch.setattr(
        pa.DataFrameSchema, "validate", lambda self, *given, **more: asked.append(1) or validate(self, *given, **more)
    )
    assert failures(TABLE, frame({}, {"city_id": "b", "score": None})) == []
    assert not asked
    assert found(TABLE, frame({}, {"city_id": "b", "score": 101.0})) == [(1, "score", "between_0_and_100")]
    assert asked
