"""The same submissions give the same bits, whatever the order; how often they are built, `test_freshness.py` asks."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from intake.receipts import receipt_path
from intake.template import Entry
from tests.pipelines.workspaces import (
    INTERNAL,
    PUBLIC,
    YEARS,
    add_submission,
    addresses,
    build,
    content,
    copy_workspace,
    drop_submission,
    mart_tables,
    run_cli,
    write_bulk,
)

CITY = "demo-005-elvanpolis"
INTERNET, HOTSPOTS = "EC_ICT_ICT_1C.main", "EC_ICT_ICT_5C.main"
BULK_HEADER = ("city_id", "year", "data_point", "numerator", "denominator", "result", "verified", "population")


def add_history(root: Path) -> Path:
    """A bulk file of two cities that reaches beyond the years of the workbooks on both sides."""
    rows = [
        (city, year, point, numerator, denominator, None, "YES", 100_000)
        for city in (CITY, "demo-001-aldermoor")
        for year in (2017, 2021)
        for point, numerator, denominator in ((INTERNET, 30_000 + year, 40_000), (HOTSPOTS, 50, None))
    ]
    return write_bulk(root / "raw" / "history" / "bulk.csv", rows, BULK_HEADER)


@pytest.mark.parametrize(
    "order",
    [
        pytest.param((2020, 2019, 2018), id="backwards"),
        pytest.param((2019, 2018, 2020), id="from the middle", marks=pytest.mark.slow),
    ],
)
def test_years_built_one_by_one_in_any_order_equal_one_run(
    order: tuple[int, ...], small_workspace: Path, tmp_path: Path
) -> None:
    root = copy_workspace(small_workspace, tmp_path / "one-by-one", built=False)
    for year in order:
        build(root, year)
    assert set(order) == set(YEARS)
    assert content(root) == content(small_workspace)


def test_the_order_in_which_files_arrive_is_irrelevant(small_workspace: Path, tmp_path: Path) -> None:
    at_once = copy_workspace(small_workspace, tmp_path / "at-once", built=False)
    add_history(at_once)
    build(at_once)

    bit_by_bit = copy_workspace(at_once, tmp_path / "bit-by-bit", built=False)
    waiting = tmp_path / "waiting"
    (bit_by_bit / "raw").rename(waiting)
    (bit_by_bit / "raw").mkdir()
    for batch in (("history", "cities.csv"), ("2020",), ("2018", "2019")):
        for name in batch:
            (waiting / name).rename(bit_by_bit / "raw" / name)
        build(bit_by_bit)
    assert content(bit_by_bit) == content(at_once)


def test_a_vanished_file_leaves_no_trace(workspace: Path, small_workspace: Path) -> None:
    history = add_history(workspace)
    revision = add_submission(workspace, "2019/later.xlsx", CITY, 2019, {INTERNET: Entry(70_000)})
    build(workspace)
    assert set(mart_tables(workspace)["dim_edition"]["edition"]) == {2017, *YEARS, 2021}
    assert addresses(workspace) != addresses(small_workspace)

    drop_submission(history)
    drop_submission(revision)
    build(workspace)
    assert content(workspace) == content(small_workspace)


def test_what_decides_is_when_a_revision_was_received_not_its_name(workspace: Path) -> None:
    """Names are chosen so that any order by name, folder or time of writing would pick a wrong one."""
    day = {name: datetime(2020, 11, number, tzinfo=UTC) for number, name in enumerate(("early", "late", "last"), 1)}
    entries = {INTERNET: Entry(70_000), HOTSPOTS: Entry(result=40)}
    add_submission(workspace, "2019/a/late.xlsx", CITY, 2019, {INTERNET: Entry(60_000)}, received_at=day["late"])
    add_submission(workspace, "2019/zz/early.xlsx", CITY, 2019, entries, received_at=day["early"])
    add_submission(
        workspace,
        "2019/z-last.xlsx",
        CITY,
        2019,
        {INTERNET: Entry(50_000)},
        received_at=day["last"],
        verification_outcome="rejected",
    )
    build(workspace)
    marts = mart_tables(workspace)
    latest = marts["dim_submission"].filter(city_id=CITY, year=2019, is_latest=True)
    assert latest["path"].to_list() == ["2019/a/late.xlsx"]
    values = marts["fact_value"].filter(edition=2019, city_id=CITY, value_year=2019)
    # 60,000 of the 80,000 households of the form; what the accepted revision no longer reports is withdrawn.
    assert values.select("data_point", "value").rows() == [(INTERNET, 75.0)]
    assert marts["dim_submission"].filter(city_id=CITY, year=2019).height == 4


def test_where_a_file_lies_and_how_often_changes_nothing_that_is_public(workspace: Path, small_workspace: Path) -> None:
    moved = workspace / "raw" / "2019" / "demo-005-elvanpolis.xlsx"
    elsewhere = workspace / "raw" / "inbox" / "a b c.xlsx"
    elsewhere.parent.mkdir()
    shutil.copy(moved, workspace / "raw" / "zz-copy.xlsx")
    shutil.copy(receipt_path(moved), receipt_path(workspace / "raw" / "zz-copy.xlsx"))
    receipt_path(moved).rename(receipt_path(elsewhere))
    moved.rename(elsewhere)
    build(workspace)
    assert content(workspace, PUBLIC) == content(small_workspace, PUBLIC)
    paths = mart_tables(workspace, INTERNAL)["dim_submission"].filter(city_id=CITY, year=2019)["path"]
    assert paths.to_list() == ["inbox/a b c.xlsx"]


@pytest.mark.slow
def test_another_place_zone_language_hash_seed_and_processor_give_the_same_bits(
    small_workspace: Path, tmp_path: Path
) -> None:
    """The processor is one without AVX-512, as NumPy and OpenBLAS see it; where it is one anyway, nothing changes."""
    root = copy_workspace(small_workspace, tmp_path / "elsewhere", built=False)
    older = {"NPY_DISABLE_CPU_FEATURES": "X86_V4", "OPENBLAS_CORETYPE": "Haswell"}
    there = {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "12345", "LC_ALL": "C", "LANG": "C"}
    done = run_cli("build", "-w", root, **there, **older)
    assert done.returncode == 0, done.stderr
    assert content(root) == content(small_workspace)
