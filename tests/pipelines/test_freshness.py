"""What a change makes stale: exactly the years and steps that rest on it, and nothing when nothing has changed."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import dagster as dg
import duckdb
import polars as pl
import pytest
from rich.console import Console

from assets import freshness
from assets.workspace import open_workspace
from intake.reading import sha256_of
from intake.template import Entry
from pipelines import ranges, show
from pipelines.definitions import definitions
from pipelines.last_build import look, note_of, reached
from pipelines.run import QUIET
from pipelines.status import show_status
from tests.pipelines.workspaces import (
    INTERNAL,
    REPORT,
    YEARS,
    add_submission,
    addresses,
    build,
    change_receipt,
    change_register,
    content,
    copy_workspace,
    dagster_in_memory,
    drop_built,
    drop_submission,
    invoke,
    mart_tables,
    write_bulk,
)

HOTSPOTS = "EC_ICT_ICT_5C.main"
# After every submission of the cohort.
LATE = datetime(2023, 1, 2, 9, tzinfo=UTC)
NOTHING = "none: nothing they rest on has changed"
# One table of each step that has years.
TABLE_OF = {
    "derive_values": "core/values",
    "select_values": "index/selected",
    "compute_index": "index/scores",
    "score_benchmarks": "benchmark/points",
    "compare_peers": "benchmark/peers",
    "audit_editions": "audit/correlations",
    "compare_editions": "changes/parts",
}


def computed(root: Path) -> dict[str, list[int]]:
    """Run the job over all years; the years that each step computed."""
    job = definitions(root).resolve_job_def("build_editions")
    tags = {ranges.RANGE_START: str(YEARS[0]), ranges.RANGE_END: str(YEARS[-1])}
    with dagster_in_memory(), warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        result = job.execute_in_process(tags=tags, run_config=QUIET)
    told = {
        event.materialization.asset_key.to_user_string(): event.materialization.metadata
        for event in result.get_asset_materialization_events()
    }
    found = {step: str(told[table]["years_computed"].value) for step, table in TABLE_OF.items()}
    return {step: [] if text == NOTHING else [int(year) for year in text.split(", ")] for step, text in found.items()}


def moment(root: Path) -> tuple[int, int]:
    """Which file the public mart is."""
    stat = (root / "marts" / "ssc_index.duckdb").stat()
    return stat.st_ino, stat.st_mtime_ns


def rebuilt_from_nothing(root: Path, target: Path) -> Path:
    copy_workspace(root, target, built=False)
    build(target)
    return target


@pytest.fixture
def noted(workspace: Path, small_workspace: Path) -> Path:
    """The copy with the note of the last build, as a workspace has it that was built where it stands."""
    note = note_of(open_workspace(workspace))
    note.parent.mkdir(mode=0o700)
    shutil.copy(note_of(open_workspace(small_workspace)), note)
    return workspace


def test_a_build_with_nothing_new_runs_nothing_and_says_so(noted: Path) -> None:
    before = moment(noted)
    again = invoke("build", "-w", noted)
    assert again.stdout.startswith("Nothing has changed since the last build.")
    assert moment(noted) == before


def test_a_change_that_touches_no_year_computes_none_and_leaves_the_marts(workspace: Path) -> None:
    before = moment(workspace)
    assert computed(workspace) == {step: [] for step in TABLE_OF}
    assert moment(workspace) == before


def test_afresh_computes_everything(workspace: Path, small_workspace: Path) -> None:
    before = moment(workspace)
    result = invoke("build", "-w", workspace, "--afresh")
    assert result.exit_code == 0
    assert result.stdout.startswith("Computed: 2018–2020. Any other edition stands as it was.")
    assert moment(workspace) != before
    assert content(workspace) == content(small_workspace)


def test_a_revision_makes_its_year_and_what_draws_on_it_stale(workspace: Path, tmp_path: Path) -> None:
    # The city reports 2018 again, with one value: 2018 has another report, and later editions nothing to carry.
    add_submission(workspace, "2018/revision.xlsx", REPORT, 2018, {HOTSPOTS: Entry(numerator=77.0)}, received_at=LATE)
    found = computed(workspace)
    # The years after are compared with their past, so that they are derived anew too.
    assert found["derive_values"] == [2018, 2019, 2020]
    assert found["select_values"] == list(YEARS)
    assert 2018 in found["compute_index"]
    # A revision of the last year leaves the earlier editions as they have just been made.
    add_submission(workspace, "2020/revision.xlsx", REPORT, 2020, {HOTSPOTS: Entry(numerator=78.0)}, received_at=LATE)
    assert computed(workspace) == {step: [2020] for step in TABLE_OF}
    assert content(workspace) == content(rebuilt_from_nothing(workspace, tmp_path / "anew"))


def test_a_change_that_changes_no_selected_value_stops_at_the_selection(workspace: Path) -> None:
    # The same workbook packed again is another file; verified in another way, it has another receipt.
    (receipt,) = sorted((workspace / "raw").rglob(f"*{REPORT}*.receipt.csv"))[-1:]
    workbook = receipt.with_name(receipt.name.removesuffix(".receipt.csv"))
    before = sha256_of(workbook)
    with ZipFile(workbook, "a") as packed:
        packed.comment = b"again"
    now = sha256_of(workbook)
    assert now != before
    change_receipt(
        receipt,
        lambda row: {
            **row,
            "file_sha256": now,
            "verification_mode": "onsite" if row["verification_mode"] != "onsite" else "remote",
        },
    )
    found = computed(workspace)
    assert found.pop("derive_values")
    assert found.pop("select_values")
    assert not any(found.values())
    assert mart_tables(workspace, INTERNAL)["fact_value"].filter(file_sha256=now).height


def test_who_sent_a_submission_reaches_no_table(workspace: Path) -> None:
    (receipt,) = sorted((workspace / "raw").rglob(f"*{REPORT}*.receipt.csv"))[-1:]
    change_receipt(receipt, lambda row: {**row, "received_from": "Another office (invented)"})
    assert computed(workspace) == {step: [] for step in TABLE_OF}


def test_a_late_revision_of_a_past_year_restates_what_later_editions_carry_and_says_so(workspace: Path) -> None:
    values = mart_tables(workspace, INTERNAL)["fact_value"]
    earlier = values.filter("is_restated").height
    carried = values.filter(
        pl.col("is_carried") & ~pl.col("is_restated") & (pl.col("value") > 1), edition=2020, unit="percent"
    )
    row = carried.sort("city_id", "data_point").row(0, named=True)
    city, year, point = row["city_id"], row["value_year"], row["data_point"]
    report = values.filter(~pl.col("is_carried"), city_id=city, edition=year)
    header = ("city_id", "year", "data_point", "result", "verified")
    told = [
        (city, year, name, value * 0.5 if name == point else value, "YES")
        for name, value in report.select("data_point", "value").rows()
    ]
    write_bulk(workspace / "raw" / str(year) / "revision.csv", told, header, received_at=LATE)
    found = computed(workspace)
    assert {year, 2020} <= set(found["compute_index"])
    # A report is scored by itself: what a later edition carries is none of its own.
    assert found["score_benchmarks"] == [year]
    after = mart_tables(workspace, INTERNAL)["fact_value"]
    assert after.filter(edition=2020, city_id=city, data_point=point).select("value", "is_restated").rows() == [
        (pytest.approx(row["value"] * 0.5), True)
    ]
    # In the edition of its own year it is the value of the year; what the revision left as it was is not marked.
    mine = after.filter("is_restated", city_id=city)
    assert mine["data_point"].unique().to_list() == [point]
    assert mine["edition"].min() > year
    assert after.filter("is_restated").height == earlier + mine.height
    told = {row["edition"]: row["n_values"] for row in of_status(workspace)["restated"]}
    assert told == dict(after.filter("is_restated").group_by("edition").len().iter_rows())
    place = open_workspace(workspace)
    show.show_build(Console(width=80, file=(page := io.StringIO())), place)
    said = " ".join(page.getvalue().split())
    listed = ", ".join(f"{count} of {edition}" for edition, count in sorted(told.items()))
    assert f"restated values that later editions carry: {listed} (is_restated" in said


def test_a_withdrawn_consent_is_published_even_if_no_score_changes(workspace: Path, tmp_path: Path) -> None:
    for receipt in sorted((workspace / "raw").rglob(f"*{REPORT}*.receipt.csv")):
        change_receipt(receipt, lambda row: {**row, "consent": "none"})
    before = addresses(workspace)
    build(workspace)
    assert addresses(workspace)[0] != before[0]
    with duckdb.connect(str(workspace / "marts" / "ssc_index.duckdb"), read_only=True) as mart:
        assert mart.execute("select count(*) from fact_score where city_id = ?", [REPORT]).fetchall() == [(0,)]
    # The files of before, which showed the city, are gone.
    assert len(list((workspace / "marts").glob("ssc_index_parquet-*"))) == 1
    assert content(workspace) == content(rebuilt_from_nothing(workspace, tmp_path / "anew"))


def test_another_name_in_the_register_is_published_without_computing_an_edition(workspace: Path) -> None:
    change_register(workspace, lambda row: {**row, "name": row["name"] + " upon Test"})
    assert computed(workspace)["compute_index"] == []
    with duckdb.connect(str(workspace / "marts" / "ssc_index.duckdb"), read_only=True) as mart:
        names = [name for (name,) in mart.execute("select name from dim_city").fetchall()]
    assert names
    assert all(name.endswith(" upon Test") for name in names)


def test_another_method_computes_editions_and_derives_nothing(workspace: Path) -> None:
    text = open_workspace(workspace).method_path.read_text(encoding="utf-8")
    (workspace / "method.yaml").write_text(text.replace("floor: 1.0", "floor: 2.0"), encoding="utf-8")
    found = computed(workspace)
    assert found["derive_values"] == found["select_values"] == found["score_benchmarks"] == []
    assert found["compute_index"] == list(YEARS)


@pytest.mark.parametrize("name", ["ssc_index.duckdb", "ssc_index_internal.duckdb", "ssc_index_manifest.json"])
def test_what_was_deleted_of_the_marts_is_published_again(noted: Path, small_workspace: Path, name: str) -> None:
    (noted / "marts" / name).unlink()
    assert invoke("build", "-w", noted).exit_code == 0
    assert content(noted) == content(small_workspace)


@pytest.mark.parametrize("name", ["ssc_index.duckdb", "ssc_index_internal_parquet/fact_value.parquet"])
def test_what_was_damaged_of_the_marts_is_put_right_though_nothing_is_new(
    workspace: Path, small_workspace: Path, name: str
) -> None:
    path = workspace / "marts" / name
    found = bytearray(path.read_bytes())
    found[len(found) // 2] ^= 1
    path.write_bytes(found)
    assert computed(workspace) == {step: [] for step in TABLE_OF}
    assert path.read_bytes() != found
    assert content(workspace) == content(small_workspace)
    with duckdb.connect(str(workspace / "marts" / "ssc_index.duckdb"), read_only=True) as mart:
        assert mart.execute("select count(*) > 0 from fact_score").fetchall() == [(True,)]


def test_a_deleted_warehouse_is_built_again(noted: Path, small_workspace: Path) -> None:
    drop_built(noted)
    assert invoke("build", "-w", noted).exit_code == 0
    assert content(noted) == content(small_workspace)


def test_files_that_other_code_has_read_are_read_again(
    workspace: Path, small_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with duckdb.connect(str(workspace / "warehouse.duckdb")) as warehouse:
        warehouse.execute("update raw.cells set numerator = 1, result = 1")
        warehouse.execute("update state.steps set basis_sha256 = repeat('0', 64) where step = 'ingest_submissions'")
    build(workspace)
    assert content(workspace) == content(small_workspace)


def test_other_code_makes_every_step_stale(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def code_sha256(folders: tuple[str, ...] = freshness.COMPUTING) -> str:
        return "0" * 64

    monkeypatch.setattr("assets.freshness.code_sha256", code_sha256)
    found = computed(workspace)
    assert {step: years[-3:] for step, years in found.items()} == {step: list(YEARS) for step in TABLE_OF}


def test_the_address_of_the_code_is_that_of_its_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("assets.freshness.PROJECT", tmp_path)
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "one.py").write_text("a = 1\n", encoding="utf-8")
    plain = freshness.code_sha256.__wrapped__
    first = plain(("part",))
    assert plain(("part",)) == first
    (tmp_path / "part" / "one.py").write_text("a = 2\n", encoding="utf-8")
    assert plain(("part",)) != first


def test_a_build_after_a_correction_runs_no_more_editions_than_it_can_reach(noted: Path) -> None:
    place = open_workspace(noted)
    same = look(place)
    assert reached(place, same, *YEARS[::2]) == (2018, 2020)
    add_submission(noted, "2019/revision.xlsx", REPORT, 2019, {HOTSPOTS: Entry(numerator=77.0)}, received_at=LATE)
    # The method carries values for two years; 2021 was not asked for.
    assert reached(place, look(place), 2018, 2020) == (2019, 2020)
    change_register(noted, lambda row: {**row, "name": row["name"] + " upon Test"})
    assert reached(place, look(place), 2018, 2020) == (2018, 2020)


def test_corrections_one_after_another_equal_a_build_from_nothing(noted: Path, tmp_path: Path) -> None:
    for year in (2020, 2018, 2019):
        add_submission(
            noted, f"{year}/r.xlsx", REPORT, year, {HOTSPOTS: Entry(numerator=float(year))}, received_at=LATE
        )
        assert invoke("build", "-w", noted).exit_code == 0
    drop_submission(noted / "raw" / "2019" / "r.xlsx")
    assert invoke("build", "-w", noted).exit_code == 0
    assert content(noted) == content(rebuilt_from_nothing(noted, tmp_path / "anew"))


def test_a_receipt_that_moves_to_another_year_reaches_both(noted: Path) -> None:
    (receipt,) = sorted((noted / "raw" / "2018").glob(f"*{REPORT}*.receipt.csv"))[:1]
    change_receipt(receipt, lambda row: {**row, "year": "2020"})
    place = open_workspace(noted)
    assert reached(place, look(place), 2018, 2020) == (2018, 2020)


def of_status(root: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(invoke("status", "-w", root, "--json").stdout)
    return facts


def states(facts: dict[str, Any]) -> dict[str, str]:
    """For each step the states of the three years, by their first letters: f(resh), s(tale), w(aits), n(ot built)."""
    return {row["step"]: "".join(row[str(year)][0] for year in YEARS) for row in facts["steps"]}


def revise(root: Path) -> None:
    add_submission(root, "2019/revision.xlsx", REPORT, 2019, {HOTSPOTS: Entry(numerator=77.0)}, received_at=LATE)


def withdraw_verification(root: Path) -> None:
    (receipt,) = (root / "raw" / "2020").glob(f"*{REPORT}*.receipt.csv")
    change_receipt(receipt, lambda row: {**row, "verification_outcome": "pending"})


def remove(root: Path) -> None:
    (receipt,) = (root / "raw" / "2018").glob(f"*{REPORT}*.receipt.csv")
    drop_submission(receipt.with_name(receipt.name.removesuffix(".receipt.csv")))


def rename_cities(root: Path) -> None:
    change_register(root, lambda row: {**row, "name": row["name"] + " upon Test"})


def raise_floor(root: Path) -> None:
    method = root / "method.yaml"
    method.write_text(method.read_text(encoding="utf-8").replace("floor: 1.0", "floor: 2.0"), encoding="utf-8")


def break_off(root: Path) -> None:
    """Leave the warehouse as a build of 2020 does that is killed once it has selected values."""
    with duckdb.connect(str(root / "warehouse.duckdb")) as warehouse:
        warehouse.execute(
            "delete from state.steps where step not in ('ingest_submissions', 'derive_values', 'select_values') "
            "and year in (0, 2020)"
        )


@pytest.mark.parametrize(
    ("change", "derived", "selected", "computed_", "scored"),
    [
        # What rests on something stale waits: a correction may come to nothing on the way.
        (revise, "fsw", "fww", "fww", "fww"),
        (withdraw_verification, "ffs", "ffw", "ffw", "ffw"),
        (remove, "sww", "www", "www", "www"),
        # Any name in the register may be one that a rule looks for.
        (rename_cities, "sss", "www", "www", "www"),
        (raise_floor, "fff", "fff", "sss", "fff"),
        (break_off, "fff", "fff", "ffn", "ffn"),
    ],
)
def test_the_status_tells_what_is_stale_by_content_and_a_build_computes_that_and_no_more(
    workspace: Path, change: Any, derived: str, selected: str, computed_: str, scored: str
) -> None:
    change(workspace)
    facts = of_status(workspace)
    assert not facts["standing"]["is_fresh"]
    told = states(facts)
    names = ("derive_values", "select_values", "compute_index", "score_benchmarks")
    assert [told[name] for name in names] == [derived, selected, computed_, scored]

    for step, years in computed(workspace).items():
        must = {year for year, state in zip(YEARS, told[step], strict=True) if state in "sn"}
        may = must | {year for year, state in zip(YEARS, told[step], strict=True) if state == "w"}
        assert must <= set(years) & set(YEARS) <= may, step
    assert of_status(workspace)["standing"] == {"is_fresh": True, "first": None, "last": None, "changed": []}


def test_the_status_says_in_words_what_has_changed_and_what_a_build_would_do(workspace: Path) -> None:
    # Nobody has noted a build here, as after one from the UI or at night.
    assert not note_of(open_workspace(workspace)).exists()
    assert set(states(of_status(workspace))) == {*TABLE_OF, "replicate_index", "publish_marts"}
    assert set(states(of_status(workspace)).values()) == {"fff"}
    assert "Everything is fresh" in invoke("status", "-w", workspace).stdout
    revise(workspace)
    facts = of_status(workspace)
    assert facts["standing"] == {"is_fresh": False, "first": 2019, "last": 2020, "changed": ["2019/revision.xlsx"]}
    told = invoke("status", "-w", workspace).stdout.splitlines()
    said = " ".join(" ".join(told).split())
    assert "1 submission is new, gone, or with another receipt: 2019/revision.xlsx." in said
    assert "`ssc-index build` would compute what is stale or not built of 2019–2020." in said
    assert "What waits rests on something stale" in said
    assert ["derive_values", "2018", "2019", "2020"] in [line.split() for line in told]


def test_years_that_no_build_has_reached_are_not_called_stale(workspace: Path) -> None:
    add_submission(workspace, "2021/new.xlsx", REPORT, 2021, {HOTSPOTS: Entry(numerator=77.0)}, received_at=LATE)
    (row,) = [row for row in of_status(workspace)["steps"] if row["step"] == "compute_index"]
    assert {row[str(year)] for year in YEARS} == {"fresh"}
    assert row["2021"] == "not built"


def test_a_file_without_a_receipt_computes_nothing_and_is_told_as_something_to_publish(workspace: Path) -> None:
    (workspace / "raw" / "2019" / "notes.txt").write_text("not a submission", encoding="utf-8")
    facts = of_status(workspace)
    assert set(states(facts).values()) == {"fff"}
    assert not facts["standing"]["is_fresh"]
    said = " ".join(invoke("status", "-w", workspace).stdout.split())
    assert "`ssc-index build` would publish the marts again, and compute no edition." in said


def test_the_steps_of_many_years_are_told_in_eighty_columns(noted: Path) -> None:
    facts = json.loads(invoke("status", "-w", noted, "--json").stdout)
    by_year = {str(year): "stale" if year in (2003, 2024) else "fresh" for year in range(2000, 2025) if year != 2010}
    page = Console(width=80, file=io.StringIO())
    show_status(page, {**facts, "steps": [{"step": "score_benchmarks", **by_year, "2010": None}]})
    (line,) = [line for line in page.file.getvalue().splitlines() if "score_benchmarks" in line]
    assert line.split("  ")[1:] == ["2000–2002, 2004–2009, 2011–2023", "2003, 2024 "]


def test_a_project_that_was_moved_stands_on_the_same(noted: Path, tmp_path: Path) -> None:
    place = open_workspace(noted)
    method = tmp_path / "elsewhere" / place.method_path.name
    method.parent.mkdir()
    shutil.copy(place.method_path, method)
    moved = dataclasses.replace(place, method_path=method)
    assert look(moved) == look(place)
    method.write_bytes(method.read_bytes() + b"# another\n")
    assert look(moved) != look(place)
