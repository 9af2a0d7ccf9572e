"""From cells to values: what counts, what is kept out, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from intake.derive import Derived, derive_values
from intake.tables import CELLS, RECEIPTS, SUBMISSIONS
from ssc_index.framework.catalogue import load_catalogue

FILE = "a" * 64
RATIO = "EC_ICT_ICT_1C.main"  # per cent of households
RATE = "EC_P_IN_2C.main"  # patents per 100 000 inhabitants
COUNT = "EC_ICT_ICT_5C.main"  # Wi-Fi hotspots
CONCENTRATION = "EN_EN_AQ_1C.pm2_5"


def derive(
    outcome: str = "verified",
    population: float | None = None,
    previous: float | None = None,
    accepted: str | None = None,
    **cell: Any,
) -> Derived:
    """Derive a single row; the given fields override a verified, reported one."""
    row: dict[str, Any] = dict.fromkeys(CELLS)
    row |= {"file_sha256": FILE, "city_id": "x", "year": 2024, "data_point": RATIO, "sheet": "KPIs", "row_number": 17}
    row |= {"is_reported": True, "is_verified": True, "result_is_formula": False, "source": "Office", **cell}
    submission = dict.fromkeys(SUBMISSIONS) | {"file_sha256": FILE, "city_id": "x", "year": 2024}
    receipt = dict.fromkeys(RECEIPTS) | {"file_sha256": FILE, "city_id": "x", "year": 2024}
    receipt |= {"received_at": datetime(2025, 3, 1, tzinfo=UTC), "verification_outcome": outcome, "consent": "none"}
    receipt |= {"accepted": accepted}
    past = {"city_id": "x", "year": 2023, "data_point": row["data_point"], "value": previous}
    columns = {"file_sha256": FILE, "numerator": "F", "denominator": "G", "result": "H"}
    return derive_values(
        pl.DataFrame([row], schema=dict(CELLS)),
        pl.DataFrame([submission | {"population": population}], schema=dict(SUBMISSIONS)),
        pl.DataFrame([receipt], schema=dict(RECEIPTS)),
        pl.DataFrame([columns | {"is_reported": "I", "is_verified": "J"}]),
        load_catalogue(),
        past=pl.DataFrame([past], schema_overrides={"value": pl.Float64, "year": pl.Int16}),
    )


def of_rows(findings: pl.DataFrame) -> pl.DataFrame:
    """Findings of rows; a workbook with one row has others, of the whole."""
    return findings.filter(pl.col("data_point").is_not_null())


def only(frame: pl.DataFrame) -> dict[str, Any]:
    """The single row of a frame."""
    return frame.row(0, named=True) if frame.height == 1 else pytest.fail(f"{frame.height} rows: {frame.to_dicts()}")


def test_value_is_numerator_over_denominator_in_per_cent() -> None:
    # 45 of 60 households: 75 %.
    value = only(derive(numerator=45.0, denominator=60.0).values)
    assert (value["value"], value["derivation"], value["cell"]) == (75.0, "recomputed", "F17")


def test_rate_per_100000_takes_the_forms_denominator() -> None:
    # 12 patents, 400 000 inhabitants: the form's denominator is 4, the rate 3.
    value = only(derive(data_point=RATE, numerator=12.0, denominator=4.0, population=400_000.0).values)
    assert value["value"] == 3.0


def test_population_itself_as_denominator_of_a_rate_is_kept_out() -> None:
    fault = only(derive(data_point=RATE, numerator=12.0, denominator=400_000.0, population=400_000.0).kept_out)
    assert (fault["rule"], fault["cell"], fault["value"]) == ("denominator_not_per_100000", "G17", "400000.0")
    assert "that is 4. Correct it. (R004)" in fault["message"]


def test_result_alone_goes_on_with_a_note() -> None:
    derived = derive(result=84.51)
    assert only(derived.values)["value"] == 84.51
    assert only(derived.values)["cell"] == "H17"
    assert only(of_rows(derived.findings))["rule"] == "result_overridden"


def test_result_that_agrees_within_rounding_goes_on() -> None:
    # 1 of 3 is 33.33…; the report prints 33.33.
    derived = derive(numerator=1.0, denominator=3.0, result=33.33)
    assert only(derived.values)["value"] == pytest.approx(100 / 3)
    assert derived.kept_out.is_empty()


def test_result_that_differs_is_kept_out_with_both_numbers() -> None:
    fault = only(derive(numerator=45.0, denominator=60.0, result=57.0).kept_out)
    assert (fault["rule"], fault["severity"], fault["cell"], fault["value"]) == (
        "result_differs",
        "error",
        "H17",
        "57.0",
    )
    assert "Result 57 differs" in fault["message"]
    assert "gives 75." in fault["message"]


def test_fraction_typed_for_per_cent_is_named_as_such() -> None:
    fault = only(derive(numerator=45.0, denominator=60.0, result=0.75).kept_out)
    assert fault["rule"] == "result_is_fraction"
    assert "gives 75. Write per cent. (R051)" in fault["message"]


def test_small_percentage_alone_is_doubted_only_where_the_past_says_so() -> None:
    # 0.04 % is a true published value; 0.97 after 96 % is a fraction, and goes on with a warning.
    assert only(of_rows(derive(result=0.04).findings))["rule"] == "result_overridden"
    derived = derive(result=0.97, previous=96.0)
    assert only(derived.values)["value"] == 0.97
    assert set(of_rows(derived.findings)["rule"]) == {"maybe_fraction", "result_overridden"}


def test_accepted_warning_becomes_a_note_with_the_verifiers_reason() -> None:
    accepted = f"maybe_fraction @ {RATIO} = The registry was lost | jump @ {RATIO} = Not found here"
    findings = derive(result=0.97, previous=96.0, accepted=accepted).findings
    fault = only(findings.filter(pl.col("rule") == "maybe_fraction"))
    assert fault["severity"] == "note"
    assert fault["message"].endswith("Accepted by the verifier: The registry was lost")


def test_error_cannot_be_accepted_away() -> None:
    derived = derive(numerator=45.0, denominator=0.0, accepted=f"denominator_zero @ {RATIO} = Please")
    assert derived.values.is_empty()
    assert only(derived.kept_out)["severity"] == "error"


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ({"numerator": 45.0}, "denominator_missing"),
        ({"numerator": 45.0, "denominator": 0.0}, "denominator_zero"),
        ({"result": 50.0, "result_is_formula": True}, "formula_without_inputs"),
        ({"result": 50.0, "is_reported": False}, "value_marked_not_reported"),
        ({"result": 50.0, "is_verified": False}, "not_verified"),
        ({"result": 50.0, "is_verified": None}, "not_verified"),
    ],
)
def test_row_is_kept_out_with_its_reason(cell: dict[str, Any], rule: str) -> None:
    derived = derive(**cell)
    assert derived.values.is_empty()
    assert only(derived.kept_out)["rule"] == rule


def test_row_that_reports_nothing_is_neither_value_nor_fault() -> None:
    derived = derive(denominator=60.0, is_reported=None)
    assert [frame.height for frame in (derived.values, derived.kept_out, of_rows(derived.findings))] == [0, 0, 0]


def test_count_takes_its_numerator() -> None:
    assert only(derive(data_point=COUNT, numerator=78.0).values)["value"] == 78.0


def test_concentration_alone_in_the_numerator_is_the_value() -> None:
    derived = derive(data_point=CONCENTRATION, numerator=8.4)
    assert only(derived.values)["value"] == 8.4
    assert only(of_rows(derived.findings))["rule"] == "numerator_is_concentration"


def test_unreadable_cell_is_left_to_the_fault_of_reading() -> None:
    derived = derive(numerator=None, numerator_text="many", denominator=60.0, result=50.0)
    assert derived.values.is_empty()
    assert derived.kept_out.is_empty()


@pytest.mark.parametrize("outcome", ["pending", "rejected"])
def test_submission_without_a_verifiers_yes_waits_as_a_whole(outcome: str) -> None:
    derived = derive(outcome=outcome, result=50.0)
    assert derived.values.is_empty()
    fault = only(derived.kept_out)
    assert (fault["rule"], fault["value"]) == ("submission_not_verified", outcome)
    assert "its 1 reported data points wait" in fault["message"]


def test_bulk_rows_are_named_by_line_and_column() -> None:
    row: dict[str, Any] = dict.fromkeys(CELLS) | {"file_sha256": FILE, "city_id": "x", "year": 2024}
    row |= {"data_point": RATIO, "row_number": 42, "numerator": 45.0, "denominator": 0.0, "is_verified": True}
    receipt = dict.fromkeys(RECEIPTS) | {"file_sha256": FILE, "city_id": "x", "year": 2024}
    derived = derive_values(
        pl.DataFrame([row], schema=dict(CELLS)),
        pl.DataFrame(schema=dict(SUBMISSIONS)),
        pl.DataFrame([receipt | {"verification_outcome": "verified"}], schema=dict(RECEIPTS)),
        pl.DataFrame(
            [
                {"file_sha256": FILE}
                | dict.fromkeys(["numerator", "denominator", "result", "is_reported", "is_verified"])
            ],
            schema_overrides=dict.fromkeys(
                ("numerator", "denominator", "result", "is_reported", "is_verified"), pl.String
            ),
        ),
        load_catalogue(),
    )
    assert only(derived.kept_out)["cell"] == "line 42, column denominator"


@pytest.mark.parametrize(
    ("outcome", "verdict", "waits"),
    [
        ("verified", True, False),
        ("verified", None, True),
        ("partly_verified", None, True),
        ("partly_verified", False, False),  # refused
        ("pending", None, True),
        ("pending", True, True),
        ("pending", False, False),
        ("rejected", None, False),
        ("rejected", True, False),
    ],
)
def test_what_nobody_has_judged_yet_waits_beside_the_values(outcome: str, verdict: bool | None, waits: bool) -> None:
    derived = derive(outcome, numerator=45.0, denominator=60.0, is_verified=verdict, quality="survey")
    is_value = outcome.endswith("verified") and verdict is True
    assert (derived.values.height, derived.provisional.height) == (int(is_value), int(waits))
    if waits:
        verified = derive(numerator=45.0, denominator=60.0, quality="survey").values
        assert derived.provisional.equals(verified)


@pytest.mark.parametrize("given", [{"outcome": "pending"}, {"is_verified": None}])
@pytest.mark.parametrize(
    "cell",
    [
        {"numerator": 45.0, "denominator": 60.0, "result": 57.0},
        {"numerator": 45.0, "denominator": 0.0},
        {"result": 50.0, "is_reported": False},
        {"result": 50.0, "source": None},
        {"result": 500.0},
        {"result_text": "many"},
        {"numerator": 45.0},
    ],
)
def test_what_has_an_error_does_not_wait(given: dict[str, Any], cell: dict[str, Any]) -> None:
    assert derive(**given, **cell).provisional.is_empty()
    assert derive(**given, result=50.0).provisional.height == 1


def test_what_waits_moves_no_value_and_no_finding() -> None:
    row: dict[str, Any] = dict.fromkeys(CELLS)
    row |= {"year": 2024, "data_point": CONCENTRATION, "sheet": "KPIs", "row_number": 17, "source": "Office"}
    row |= {"is_reported": True, "is_verified": True, "result_is_formula": False}
    cities = [f"c{number:02}" for number in range(14)]
    cells = [row | {"file_sha256": city * 2, "city_id": city, "result": 20.0 + at} for at, city in enumerate(cities)]
    cells.append(row | {"file_sha256": "late", "city_id": "late", "result": 4000.0})
    keys = [{name: cell[name] for name in ("file_sha256", "city_id", "year")} for cell in cells]
    submissions = pl.DataFrame([dict.fromkeys(SUBMISSIONS) | key for key in keys], schema=dict(SUBMISSIONS))
    known = {"received_at": datetime(2025, 3, 1, tzinfo=UTC), "verification_outcome": "verified", "consent": "none"}
    receipts = [dict.fromkeys(RECEIPTS) | key | known for key in keys]
    receipts[-1]["verification_outcome"] = "pending"
    columns = pl.DataFrame({"file_sha256": [key["file_sha256"] for key in keys]})
    several = [
        derive_values(
            pl.DataFrame(cells[:count], schema=dict(CELLS)),
            submissions.head(count),
            pl.DataFrame(receipts[:count], schema=dict(RECEIPTS)),
            columns.head(count),
            load_catalogue(),
        )
        for count in (14, 15)
    ]
    assert [one.provisional.height for one in several] == [0, 1]
    assert several[0].values.equals(several[1].values)
    assert several[0].findings.equals(several[1].findings)
