"""Which submission and which value an edition takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from intake.selection import accepted_submissions, edition_cities, selected_values, size_class
from ssc_index.framework.catalogue import load_catalogue
from tests.assets.cohort import (
    core_frame,
    receipt_row,
    receipts_frame,
    register_frame,
    sha_of,
    submission_row,
    submissions_frame,
    value_row,
)

POINT = "EC_ICT_ICT_1C.main"
OTHER = "EC_ICT_ICT_2C.main"
CLASSES = load_catalogue().scoring.size_classes.classes


def revision(number: int, outcome: str = "verified", month: int | None = None, **given: Any) -> dict[str, Any]:
    """Receipt of the n-th revision of city a, 2023: received in the n-th month of 2024 unless told otherwise."""
    received = datetime(2024, month or number, 1, tzinfo=UTC)
    sha = sha_of(f"revision {number}", 2023)
    return receipt_row("a", 2023, file_sha256=sha, received_at=received, verification_outcome=outcome, **given)


def latest(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Files that count, by number of revision."""
    names = {sha_of(f"revision {number}", 2023): str(number) for number in range(1, 10)}
    accepted = accepted_submissions(receipts_frame(rows))
    return [names[sha] for sha in accepted.filter("is_latest")["file_sha256"]]


def test_the_latest_accepted_revision_wins() -> None:
    assert latest([revision(1), revision(2, "partly_verified")]) == ["2"]


def test_every_accepted_revision_stays_listed() -> None:
    accepted = accepted_submissions(receipts_frame([revision(2), revision(1)]))
    assert accepted["is_latest"].to_list() == [False, True]
    assert accepted["received_at"].is_sorted()


@pytest.mark.parametrize("outcome", ["rejected", "pending"])
def test_a_revision_that_is_not_accepted_changes_nothing(outcome: str) -> None:
    assert latest([revision(1), revision(2, outcome)]) == ["1"]


def test_revisions_of_one_moment_are_told_apart_by_their_content() -> None:
    # Whatever the order of input: the greater hash is the later one.
    rows = [revision(1, month=3), revision(2, month=3)]
    last = max(rows, key=lambda row: row["file_sha256"])
    found = [accepted_submissions(receipts_frame(order)).filter("is_latest") for order in (rows, rows[::-1])]
    assert [frame["file_sha256"].to_list() for frame in found] == [[last["file_sha256"]]] * 2


def test_a_carried_value_that_a_late_revision_changed_or_brought_is_marked() -> None:
    def of(number: int, point: str, value: float) -> dict[str, Any]:
        return value_row("a", 2023, point, value, file_sha256=sha_of(f"revision {number}", 2023))

    third = "EC_ICT_ICT_3C.main"
    cells = [of(1, POINT, 10.0), of(2, POINT, 11.0), of(1, OTHER, 5.0), of(2, OTHER, 5.0), of(2, third, 1.0)]
    receipts = [revision(1), revision(2), receipt_row("a", 2024)]
    frame = selected_values(core_frame(cells), accepted_submissions(receipts_frame(receipts)), [2023, 2024], 2)
    marked = {
        (edition, point): flag for edition, point, flag in frame.select("edition", "data_point", "is_restated").rows()
    }
    # In its own edition it is the value of the year; in the later one it restates what was carried.
    assert marked == {
        (2023, POINT): False,
        (2023, OTHER): False,
        (2023, third): False,
        (2024, POINT): True,
        (2024, OTHER): False,
        (2024, third): True,
    }
    # Before the revision nothing was restated.
    early = accepted_submissions(receipts_frame(receipts[:1]))
    assert selected_values(core_frame(cells), early, [2023], 2)["is_restated"].to_list() == [False, False]


@pytest.mark.parametrize(
    ("revised", "expected"),
    [
        # Of 2022, value of each accepted submission in turn; then the value, its year and mark in the edition 2023.
        ([5.0], (5.0, 2022, False)),
        ([5.0, 5.0], (5.0, 2022, False)),
        ([5.0, 6.0], (6.0, 2022, True)),
        ([5.0, 6.0, 6.0], (6.0, 2022, True)),
        ([5.0, 6.0, 5.0], (5.0, 2022, True)),
        ([None, 5.0], (5.0, 2022, True)),
        ([5.0, None], (2.0, 2021, True)),
        ([5.0, None, None], (2.0, 2021, True)),
        ([None, None], (2.0, 2021, False)),
    ],
)
def test_a_carried_value_is_marked_whichever_revision_changed_brought_or_took_it(
    revised: Sequence[float | None], expected: tuple[float, int, bool]
) -> None:
    files = [sha_of(f"revision {number}", 2022) for number in range(len(revised))]
    cells = [value_row("a", 2021, POINT, 2.0)] + [
        value_row("a", 2022, POINT, value, file_sha256=file)
        for value, file in zip(revised, files, strict=True)
        if value is not None
    ]
    receipts = [receipt_row("a", 2021), receipt_row("a", 2023)] + [
        receipt_row("a", 2022, file_sha256=file, received_at=datetime(2023, 1 + number, 1, tzinfo=UTC))
        for number, file in enumerate(files)
    ]
    accepted = accepted_submissions(receipts_frame(receipts))
    for order in (1, -1):
        frame = selected_values(core_frame(cells[::order]), accepted, [2021, 2023], 2)
        told = frame.select("edition", "value", "year", "is_restated").rows()
        assert told == [(2021, 2.0, 2021, False), (2023, *expected)]
    # A revision of 2022 is none of what the edition 2023 would not draw on.
    assert selected_values(core_frame(cells), accepted, [2023], 0).is_empty()


def picked(
    cells: Sequence[dict[str, Any]], receipts: Sequence[dict[str, Any]], editions: Sequence[int], age: int
) -> list[tuple[int, str, int, float]]:
    """City a's picks: edition, data point, year of the value, value."""
    frame = selected_values(core_frame(cells), accepted_submissions(receipts_frame(receipts)), editions, age)
    return frame.select("edition", "data_point", "year", "value").rows()


def test_a_data_point_that_the_latest_revision_leaves_out_is_withdrawn() -> None:
    first, second = revision(1), revision(2)
    cells = [
        value_row("a", 2023, POINT, 10.0, file_sha256=first["file_sha256"]),
        value_row("a", 2023, OTHER, 20.0, file_sha256=first["file_sha256"]),
        value_row("a", 2023, POINT, 11.0, file_sha256=second["file_sha256"]),
    ]
    assert picked(cells, [first, second], [2023], 0) == [(2023, POINT, 2023, 11.0)]
    assert len(picked(cells, [first], [2023], 0)) == 2


YEARS = (2020, 2021, 2022, 2023)
RECEIPTS = [receipt_row("a", year) for year in YEARS]


@pytest.mark.parametrize(("age", "expected"), [(0, []), (1, []), (2, [(2023, POINT, 2021, 21.0)])])
def test_a_value_is_taken_up_to_the_age_that_the_method_carries(age: int, expected: list[Any]) -> None:
    cells = [value_row("a", 2020, POINT, 20.0), value_row("a", 2021, POINT, 21.0)]
    assert picked(cells, RECEIPTS, [2023], age) == expected


def test_the_newest_value_is_picked_data_point_by_data_point() -> None:
    cells = [
        value_row("a", 2021, POINT, 21.0),
        value_row("a", 2022, POINT, 22.0),
        value_row("a", 2021, OTHER, 31.0),
        value_row("a", 2023, OTHER, 33.0),
    ]
    assert picked(cells, RECEIPTS, [2023], 2) == [(2023, POINT, 2022, 22.0), (2023, OTHER, 2023, 33.0)]


def test_a_later_year_never_reaches_an_earlier_edition() -> None:
    assert picked([value_row("a", 2023, POINT, 23.0)], RECEIPTS, [2022, 2023], 2) == [(2023, POINT, 2023, 23.0)]


def test_there_is_no_edition_of_a_year_without_an_accepted_submission() -> None:
    cells = [value_row("a", 2022, POINT, 22.0)]
    receipts = [receipt_row("a", 2022), receipt_row("a", 2023, verification_outcome="pending")]
    assert [edition for edition, *_ in picked(cells, receipts, [2022, 2023], 2)] == [2022]


def test_an_edition_of_nothing_is_empty_and_keeps_its_columns() -> None:
    frame = selected_values(core_frame([]), accepted_submissions(receipts_frame([])), [2023], 2)
    assert frame.is_empty()
    assert set(frame.columns) >= {"edition", "city_id", "year", "data_point", "value", "file_sha256", "consent"}


def scope(
    receipts: Sequence[dict[str, Any]], submissions: Sequence[dict[str, Any]], editions: Sequence[int], age: int = 2
) -> pl.DataFrame:
    """Rows of ``index.cities``; every submission reports one value."""
    accepted = accepted_submissions(receipts_frame(receipts))
    cells = core_frame([value_row(row["city_id"], row["year"], POINT, 1.0) for row in submissions])
    selected = selected_values(cells, accepted, editions, age)
    return edition_cities(
        selected, accepted, submissions_frame(submissions), register_frame("abc"), CLASSES, editions, age
    )


def test_the_scope_of_an_edition_is_who_reported_within_the_age() -> None:
    keys = [("a", 2023), ("b", 2021), ("c", 2020), ("c", 2024)]
    cities = scope([receipt_row(*key) for key in keys], [submission_row(*key) for key in keys], [2023, 2024])
    assert cities.select("edition", "city_id", "submission_year", "n_values").rows() == [
        (2023, "a", 2023, 1),
        (2023, "b", 2021, 0),  # carried, no value of the edition's own year
        (2024, "a", 2023, 0),
        (2024, "c", 2024, 1),
    ]


def test_a_city_takes_population_and_receipt_of_its_newest_submission() -> None:
    keys = [("a", 2022), ("a", 2023)]
    submissions = [submission_row("a", 2022, 40_000.0), submission_row("a", 2023, 60_000.0)]
    city = scope([receipt_row(*key) for key in keys], submissions, [2023]).row(0, named=True)
    assert (city["population"], city["size_class"], city["file_sha256"]) == (60_000.0, "from_50000", sha_of("a", 2023))
    assert city["region"] == "North"


def test_the_least_consent_of_what_an_edition_may_draw_on_counts() -> None:
    keys = [("a", 2021, "none"), ("a", 2022, "report"), ("a", 2023, "values"), ("a", 2024, "report")]
    receipts = [receipt_row(*key) for key in keys]
    cities = scope(receipts, [submission_row(city, year) for city, year, _ in keys], [2022, 2023, 2024])
    assert cities["consent"].to_list() == ["none", "none", "values"]


def test_a_city_outside_the_register_is_in_no_edition() -> None:
    stranger = {**submission_row("a", 2023), "city_id": "z"}
    receipts = [receipt_row("a", 2023), receipt_row("z", 2023)]
    assert scope(receipts, [submission_row("a", 2023), stranger], [2023])["city_id"].to_list() == ["a"]


@pytest.mark.parametrize(
    ("population", "code"),
    [
        (None, "unknown"),
        (0.0, "below_50000"),
        (49_999.0, "below_50000"),
        (50_000.0, "from_50000"),
        (199_999.9, "from_50000"),
        (200_000.0, "from_200000"),
        (500_000.0, "from_500000"),
        (1_499_999.0, "from_500000"),
        (1_500_000.0, "from_1500000"),
        (40_000_000.0, "from_1500000"),
    ],
)
def test_a_size_class_holds_its_lower_edge_and_not_its_upper(population: float | None, code: str) -> None:
    frame = pl.DataFrame({"population": [population]}, schema={"population": pl.Float64})
    assert frame.select(size_class(CLASSES)).item() == code


def test_the_order_of_the_input_does_not_matter() -> None:
    keys = [(city, year) for city in "abc" for year in YEARS]
    cells = [value_row(*key, point, 1.0) for key in keys for point in (POINT, OTHER)]
    receipts, submissions = [receipt_row(*key) for key in keys], [submission_row(*key) for key in keys]
    made = []
    for shift in (0, 5):
        moved = [rows[shift:] + rows[:shift] for rows in (cells, receipts, submissions)]
        accepted = accepted_submissions(receipts_frame(moved[1]))
        selected = selected_values(core_frame(moved[0]).reverse(), accepted, YEARS, 2)
        cities = edition_cities(
            selected, accepted, submissions_frame(moved[2]), register_frame("cba"), CLASSES, YEARS, 2
        )
        made.append((accepted, selected, cities))
    for first, second in zip(*made, strict=True):
        assert first.equals(second)
