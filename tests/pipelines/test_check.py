"""``ssc-index check``: what a city or a verifier is told of a file, and how the command ends."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from intake.demo_files import draw_rows
from intake.demo_places import place
from intake.demo_plan import rows_of
from intake.inspection import inspect_files
from intake.template import City, Entry, write_workbook
from intake.xlsx import column_letters, open_xlsx
from pipelines import check_commands
from pipelines.check_commands import plain
from pipelines.cli import app
from ssc_index.framework.catalogue import load_catalogue
from tests.intake.forms import replace_text

NET, LITERACY = "EC_ICT_ICT_1C.main", "SC_EH_ED_4C.main"
PROFILE = {"population": 150_000.0, "households": 60_000.0, "area_km2": 80.0, "city_gdp": 9e9, "currency": "NOK"}
SOURCE = {"source": "Statistical office", "source_details": "Table 1", "verified": True}


def form(path: Path, entries: dict[str, Entry], year: int = 2024, city: str = "no-testby") -> Path:
    write_workbook(
        path, load_catalogue(), city=City(city, "Testby", "Norway"), year=year, profile=PROFILE, entries=entries
    )
    return path


def whole(path: Path) -> Path:
    """A workbook in which every data point is reported with its parts, as the demo draws it."""
    catalogue = load_catalogue()
    draws = draw_rows(catalogue, 1, rows_of([place(3)], [2024]))
    figures = draws.figures
    entries = {}
    for at, point in enumerate(draws.plan.points):
        value = float(figures.value[0, at])
        if point.value_type == "yes_no":
            entry = Entry(result="YES", **SOURCE)
        elif point.numerator is None:
            entry = Entry(result=value, **SOURCE)
        else:
            own = point.denominator is not None and point.denominator_basis is None
            denominator = float(figures.denominator[0, at]) if own else None
            comment = "Screens; all sites measured; electricity utility; all providers; random sample"
            entry = Entry(float(figures.numerator[0, at]), denominator, comment=comment, **SOURCE)
        entries[point.id] = entry
    profile = {name: float(array[0]) for name, array in figures.profile.items()} | {"currency": "XTS"}
    city = City("demo-003", "Demo", "Demoland")
    write_workbook(path, catalogue, city=city, year=2024, profile=profile, entries=entries)
    return path


def check(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, arguments)], env={"COLUMNS": "80", "TERM": "dumb"})


def test_a_clean_workbook_ends_with_0(tmp_path: Path) -> None:
    result = check(whole(tmp_path / "a.xlsx"))
    assert result.exit_code == 0, result.output
    assert "112 data points reported." in result.output
    assert "0 errors, 0 warnings" in result.output or "Nothing found." in result.output


def test_findings_end_with_1_and_name_cell_and_what_to_do(tmp_path: Path) -> None:
    result = check(form(tmp_path / "a.xlsx", {LITERACY: Entry(75, 0, **SOURCE)}))
    assert result.exit_code == 1
    assert "KPIs!G" in result.output
    words = " ".join(result.output.split())
    assert f"{LITERACY}: The denominator is 0, so there is no value. Correct it." in words
    assert "[denominator_zero]" in words
    assert max(len(line) for line in result.output.splitlines()) <= 80


def test_a_figure_of_the_profile_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    def of_the_profile(population: object) -> list[str]:
        path = tmp_path / "a.xlsx"
        city, profile = City("no-testby", "Testby", "Norway"), {**PROFILE, "population": population}
        write_workbook(path, load_catalogue(), city=city, year=2024, profile=profile, entries={LITERACY: Entry(1, 2)})
        told = json.loads(check(path, "--json").output)[0]["findings"]
        return [one["rule"] for one in told if one["field"] == "population" and one["severity"] != "note"]

    assert of_the_profile("many") == ["not_a_number"]
    assert of_the_profile(None) == ["population_missing"]


def test_a_finding_in_a_column_that_was_not_found_stands_at_its_row(tmp_path: Path) -> None:
    path = replace_text(form(tmp_path / "a.xlsx", {NET: Entry(57_000, source="S")}), "Source", "Where from")
    (told,) = [
        one for one in json.loads(check(path, "--json").output)[0]["findings"] if one["rule"] == "source_missing"
    ]
    assert (told["sheet"], told["cell"]) == ("KPIs", "row 6")


def test_a_refused_file_ends_with_2_and_the_others_are_told_all_the_same(tmp_path: Path) -> None:
    bad = tmp_path / "bad.xlsx"
    bad.write_bytes(b"no workbook")
    result = check(bad, form(tmp_path / "a.xlsx", {}), "--json")
    assert result.exit_code == 2
    refused, read = json.loads(result.output)
    assert (refused["status"], refused["findings"][0]["rule"]) == ("refused", "not_a_workbook")
    assert (read["status"], read["submissions"]) == ("read", [{"city_id": "no-testby", "year": 2024}])


def test_a_missing_file_ends_with_2(tmp_path: Path) -> None:
    result = check(tmp_path / "none.xlsx")
    assert result.exit_code == 2
    assert "There is no file" in result.output


def test_files_of_one_call_are_each_others_past(tmp_path: Path) -> None:
    old = form(tmp_path / "old.xlsx", {LITERACY: Entry(9_700, 10_000, **SOURCE)}, 2023)
    new = form(tmp_path / "new.xlsx", {LITERACY: Entry(result=0.97, **SOURCE)}, 2024)
    alone, after = (inspect_files(paths, load_catalogue())[-1] for paths in ([new], [old, new]))
    assert "maybe_fraction" not in set(alone.findings["rule"])
    (row,) = after.findings.filter(after.findings["rule"] == "maybe_fraction").to_dicts()
    assert row["cell"].startswith("H")


@pytest.mark.parametrize(
    ("arguments", "variable", "is_built", "compared"),
    [([], True, True, True), ([], True, False, False), ([], False, True, False), (["-w"], False, True, True)],
)
def test_a_workspace_to_compare_with_is_named_or_in_the_environment(
    arguments: list[str],
    variable: bool,
    is_built: bool,
    compared: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(check_commands, "known_from", lambda place: asked.append(place.root))
    monkeypatch.setenv("SSC_INDEX_WORKSPACE", str(tmp_path) if variable else "")
    (tmp_path / "raw").mkdir()
    if is_built:
        (tmp_path / "warehouse.duckdb").touch()
    path = form(tmp_path / "a.xlsx", {NET: Entry(result=97.0, **SOURCE)})
    check(path, *arguments, *([tmp_path] if arguments else []))
    assert asked == ([tmp_path] if compared else [])


def test_a_year_to_come_is_told_at_its_cell(tmp_path: Path) -> None:
    path = form(tmp_path / "a.xlsx", {NET: Entry(result=97.0, **SOURCE)}, 2025)
    (early,) = inspect_files([path], load_catalogue(), today=date(2024, 12, 31))
    (row,) = early.findings.filter(early.findings["rule"] == "year_in_future").to_dicts()
    with open_xlsx(path) as book:
        places = {f"{column_letters(cell.column)}{cell.row}": cell.value for cell in book.cells("Profile")}
    assert (row["sheet"], row["field"], row["value"], places[row["cell"]]) == ("Profile", "year", "2025", 2025.0)
    assert (row["severity"], early.findings["rule"][0]) == ("error", "year_in_future")
    assert "2025 lies after today, 2024-12-31" in row["message"]
    for today in (date(2025, 1, 1), None):
        (one,) = inspect_files([path], load_catalogue(), today=today)
        assert "year_in_future" not in set(one.findings["rule"])


def test_a_year_to_come_of_a_bulk_file_is_told_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"city_id,year,data_point,result,source\nno-a,2099,{NET},97,S\nno-a,2024,{NET},97,S\n")
    found = json.loads(check(path, "--json").output)[0]["findings"]
    told = [(one["city_id"], one["year"], one["cell"]) for one in found if one["rule"] == "year_in_future"]
    assert told == [("no-a", 2099, "line 2, column year")]


def test_nothing_of_a_file_is_obeyed_by_the_terminal(tmp_path: Path) -> None:
    assert plain("\x1b]0;x\x07\u202e") == "\ufffd]0;x\ufffd\ufffd"
    result = check(form(tmp_path / "[red]a.xlsx", {NET: Entry("\x1b[31m many", 5, **SOURCE)}))
    assert "\x1b" not in result.output
    assert "[red]a.xlsx" in result.output
