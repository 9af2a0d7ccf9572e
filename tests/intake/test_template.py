"""The form written: what stands in it, and that it reads back value for value."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from forms import CITY, HOTSPOTS, INTERNET, PLANS, PROFILE, read, row_of, write_form

from intake import form_texts, workbook
from intake.form_formulas import computed
from intake.form_model import SHARES_OF_100
from intake.rules import load_rules
from intake.template import (
    HEADERS,
    INSTRUCTIONS,
    KPIS,
    LISTS,
    PREFILLED,
    PROFILE_LABELS,
    Entry,
    LastReport,
    denominator_of,
)
from intake.template import PROFILE as PROFILE_SHEET
from intake.units import CHOICES
from ssc_index.framework.catalogue import DataPoint, load_catalogue

WIRELESS = "EC_ICT_ICT_3C.main"
GINI = "SC_SH_SI_2C.main"
PM10 = "EN_EN_AQ_1C.pm10"
MATERNAL = "SC_EH_H_2C.main"

ENTRIES = {
    INTERNET: Entry(30000, verified=True, quality="accurate_measurements", source="Register", comment="none"),
    WIRELESS: Entry(120000, verified=False, source_details="table 3"),
    HOTSPOTS: Entry(78),
    GINI: Entry(result=0.27, verified=True),
    PLANS: Entry(result="NO"),
    PM10: Entry(21.5),
    MATERNAL: Entry(3, 1200),
    "EC_ICT_WS_1C.main": Entry(10, 50, result=25.0),
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_form(tmp_path_factory.mktemp("form") / "filled.xlsx", ENTRIES)


@pytest.fixture(scope="module")
def sheets(filled: Path) -> Any:
    return openpyxl.load_workbook(filled)


@pytest.mark.parametrize(
    ("point", "denominator", "result", "is_formula"),
    [
        (INTERNET, 60000.0, 50.0, True),  # 30000 of 60000 households of the profile, in per cent
        (WIRELESS, 1.5, 80000.0, True),  # 120000 for 1.5 hundred thousand people
        (HOTSPOTS, None, 78.0, True),  # a count is its own result
        (PM10, None, 21.5, True),  # a concentration alone is the result
        (MATERNAL, 1200.0, 250.0, True),  # 3 of 1200 live births, times 100000
        (GINI, None, 0.27, False),  # typed: there is nothing to compute it from
        ("EC_ICT_WS_1C.main", 50.0, 25.0, False),  # 10 of 50 is 20, overwritten by 25
        ("EC_ICT_WS_2A.main", None, None, True),  # nothing given: NR
    ],
)
def test_results_are_computed_and_stored(
    filled: Path, point: str, denominator: float | None, result: float | None, is_formula: bool
) -> None:
    row = row_of(read(filled), point)
    assert (row["denominator"], row["result"], row["result_is_formula"]) == (denominator, result, is_formula)
    assert row["is_reported"] is (result is not None)


def test_a_filled_form_reads_back_without_a_fault(filled: Path) -> None:
    result = read(filled)
    catalogue = load_catalogue()
    assert result.faults.is_empty()
    assert (result.status, result.kind, result.framework_version) == ("read", "workbook", catalogue.version)
    assert result.cells["data_point"].to_list() == [point.id for point in catalogue.data_points]
    assert result.submissions.row(0, named=True) == {
        "file_sha256": result.file_sha256,
        "city_id": "no-testby",
        "year": 2024,
        "city_name": "Testby",
        "household_income": None,
        "inflation_pct": None,
        **PROFILE,
    }
    row = row_of(result, INTERNET)
    assert (row["quality"], row["source"], row["comment"]) == ("accurate_measurements", "Register", "none")
    assert row_of(result, WIRELESS)["is_verified"] is False
    assert row_of(result, HOTSPOTS)["is_verified"] is None
    plans = row_of(result, PLANS)
    assert (plans["result"], plans["result_text"], plans["is_reported"]) == (0.0, "NO", True)


def test_states_beside_a_value_survive(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {GINI: Entry(reported=True, verified=False), PLANS: Entry(reported=False)})
    result = read(path)
    gini = row_of(result, GINI)
    assert (gini["result"], gini["is_reported"], gini["is_verified"]) == (None, True, False)
    assert row_of(result, PLANS)["is_reported"] is False


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    first = write_form(tmp_path / "a.xlsx", ENTRIES).read_bytes()
    assert first == write_form(tmp_path / "b.xlsx", ENTRIES).read_bytes()
    assert first != write_form(tmp_path / "c.xlsx", ENTRIES, year=2023).read_bytes()


def test_blank_form_holds_one_row_for_each_data_point(tmp_path: Path) -> None:
    result = read(write_form(tmp_path / "a.xlsx", profile=None))
    assert result.faults.is_empty()
    assert result.cells.height == 112
    assert result.cells["is_reported"].to_list() == [False] * 112
    values = [*(f"{name}{text}" for name in ("numerator", "denominator", "result") for text in ("", "_text"))]
    assert result.cells.select(pl.all_horizontal(pl.col(values).is_null().all())).item()


def test_sheets_stand_in_order_and_the_lists_are_hidden(sheets: Any) -> None:
    assert sheets.sheetnames == [INSTRUCTIONS, PROFILE_SHEET, KPIS, LISTS]
    assert sheets[LISTS].sheet_state == "hidden"
    assert [cell.value for cell in sheets[KPIS][4]] == list(HEADERS.values())
    assert sheets[KPIS].freeze_panes == "D5"


def test_only_the_cells_to_fill_are_unlocked(sheets: Any) -> None:
    kpis, profile = sheets[KPIS], sheets[PROFILE_SHEET]
    assert kpis.protection.sheet
    assert profile.protection.sheet
    locked = {HEADERS[name]: kpis.cell(6, index).protection.locked for index, name in enumerate(HEADERS, start=1)}
    assert [label for label, is_locked in locked.items() if is_locked] == [
        "Code",
        "KPI",
        "Data point",
        "What to report",
        "Unit",
        "Last report",
        "Check",
    ]
    fields = {name: profile.cell(4 + index, 2).protection.locked for index, name in enumerate(PROFILE_LABELS)}
    assert [name for name, is_locked in fields.items() if is_locked] == [
        "city_id",
        "city_name",
        "country",
        "year",
        "framework_version",
        "form_version",
    ]


def test_drop_downs_hold_the_words_of_the_catalogue(sheets: Any) -> None:
    scoring = load_catalogue().scoring
    columns = {column[0].value: [cell.value for cell in column[1:] if cell.value] for column in sheets[LISTS].columns}
    assert columns["yes_no"] == ["YES", "NO"]
    assert columns["quality"] == [choice.text for choice in scoring.quality_grades.choices]
    assert columns["origin"] == [choice.text for choice in scoring.data_origins.choices]
    lists = [rule for rule in sheets[KPIS].data_validations.dataValidation if rule.type == "list"]
    covered = {str(area)[0] for rule in lists for area in rule.sqref.ranges}
    assert covered == {"E", "H", "K", "L", "M", "N"}


def test_bounds_of_the_result_come_from_the_catalogue(sheets: Any) -> None:
    rules = [rule for rule in sheets[KPIS].data_validations.dataValidation if rule.type == "custom"]
    own = next(rule for rule in rules if "H6" in rule.sqref)
    assert own.formula1 == 'OR(H6="NR",AND(ISNUMBER(H6),H6>=0,H6<=100))'


def test_live_formulas_point_to_the_profile(sheets: Any) -> None:
    kpis = sheets[KPIS]
    row = next(cell.row for cell in kpis["A"] if cell.value == WIRELESS)
    assert kpis.cell(row, 7).value == '=IF(ISNUMBER(Profile!$B$9),Profile!$B$9/100000,"")'
    assert sheets[PROFILE_SHEET]["A9"].value == "Population"


def test_demo_data_say_so_on_every_visible_sheet(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", ENTRIES, is_demo=True)
    book = openpyxl.load_workbook(path)
    for name in (INSTRUCTIONS, PROFILE_SHEET, KPIS):
        assert book[name]["A2"].value.startswith("DEMO DATA")
        assert "DEMO DATA" in book[name].oddFooter.left.text
    assert read(path).faults.is_empty()


def test_texts_never_become_formulas(tmp_path: Path) -> None:
    text = '=HYPERLINK("http://example.org","x")'
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(1, comment=text, source="@x", source_details="http://a")})
    book = openpyxl.load_workbook(path)
    assert book[KPIS]["Q6"].data_type == "s"
    assert not book[KPIS]._hyperlinks
    assert row_of(read(path), INTERNET)["comment"] == text


def test_an_unknown_field_or_data_point_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="EC_X, altitude"):
        write_form(tmp_path / "a.xlsx", {"EC_X": Entry()}, profile={"altitude": 3.0})


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (INTERNET, 60000.0),  # households as they are
        (WIRELESS, 1.5),  # 150000 inhabitants / 100000
        ("EN_EN_PSN_3A.main", 80.0),  # city area
        ("EC_P_IN_1C.main", 9e9),  # city GDP
        (MATERNAL, None),  # live births are no figure of the profile
    ],
)
def test_prefilled_denominators_come_from_the_profile(point: str, expected: float | None) -> None:
    assert denominator_of(load_catalogue().data_point(point), PROFILE) == expected
    assert denominator_of(load_catalogue().data_point(point), {}) is None


def test_a_form_in_another_language_is_read_by_its_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A language of the test's own: every label of the form is another word.
    shipped = (form_texts.SHIPPED_FOLDER / "en.yaml").read_text(encoding="utf-8")
    part = re.compile(r"^((?:  )+)(\w+|label): (?!\[)(\"?)(.*?)(\"?)$", re.MULTILINE)
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "en.yaml").write_text(shipped, encoding="utf-8")
    contract = shipped[: shipped.index("steps:")]
    texts = part.sub(lambda found: f"{found[1]}{found[2]}: {found[3]}Ny {found[4]}{found[5]}", contract)
    (folder / "xx.yaml").write_text(texts + shipped[shipped.index("steps:") :], encoding="utf-8")
    monkeypatch.setattr(form_texts, "SHIPPED_FOLDER", folder)
    form_texts._shipped.cache_clear()
    monkeypatch.setattr(workbook, "_LABELS", form_texts.known_labels.__wrapped__())
    path = write_form(tmp_path / "a.xlsx", ENTRIES, language="xx", last=LastReport(2023, {INTERNET: 48.0}))
    form_texts._shipped.cache_clear()
    assert openpyxl.load_workbook(path).sheetnames[:3] == ["Ny Instructions", "Ny Profile", "Ny KPIs"]
    result, english = read(path), read(write_form(tmp_path / "b.xlsx", ENTRIES))
    assert result.faults.is_empty()
    assert result.cells.drop("file_sha256", "sheet").equals(english.cells.drop("file_sha256", "sheet"))
    assert result.submissions.drop("file_sha256").equals(english.submissions.drop("file_sha256"))


def test_texts_that_lack_a_key_or_have_one_too_many_are_refused_with_each(tmp_path: Path) -> None:
    text = (form_texts.SHIPPED_FOLDER / "en.yaml").read_text(encoding="utf-8")
    text = text.replace("  result: Result\n", "").replace("  ok: ✓\n", "  fine: ✓\n")
    (tmp_path / "xx.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(form_texts.TextsError) as caught:
        form_texts.load_texts("xx", tmp_path)
    for told in ("headers: result is missing", "checks: ok is missing", "checks: fine is unknown"):
        assert told in str(caught.value)
    with pytest.raises(form_texts.TextsError, match="no language 'yy'"):
        form_texts.load_texts("yy")


def test_what_was_reported_last_stands_beside_locked_and_dated(tmp_path: Path) -> None:
    last = LastReport(2023, {INTERNET: 48.2, PLANS: 0.0}, {"population": 148_000.0, "currency": "NOK"})
    path = write_form(tmp_path / "a.xlsx", ENTRIES, last=last)
    book = openpyxl.load_workbook(path)
    rows = {str(cell.value): cell.row for cell in book[KPIS]["A"] if cell.value}
    assert book[KPIS]["I4"].value == "Last report\n2023"
    assert (book[KPIS][f"I{rows[INTERNET]}"].value, book[KPIS][f"I{rows[PLANS]}"].value) == (48.2, "NO")
    assert book[KPIS][f"I{rows[INTERNET]}"].protection.locked
    assert [book[PROFILE_SHEET][cell].value for cell in ("C3", "C9", "C13")] == ["Last report 2023", 148_000.0, "NOK"]
    # Nothing of it is read.
    assert read(path).faults.is_empty()
    assert (
        read(path)
        .cells.drop("file_sha256")
        .equals(read(write_form(tmp_path / "b.xlsx", ENTRIES)).cells.drop("file_sha256"))
    )


def test_totals_stand_below_the_shares_that_the_rules_add_up(sheets: Any) -> None:
    summed = {
        point.partition(".")[0]
        for rule in load_rules()
        if rule.code in ("mode_shares_not_100", "waste_shares_not_100")
        for point in rule.text.points or ()
    }
    assert set(SHARES_OF_100) == summed
    totals = [cell.row for cell in sheets[KPIS]["C"] if cell.value == "Total, must be 100"]
    assert len(totals) == 2
    assert sheets[KPIS][f"H{totals[0]}"].value == (
        f'=IF(COUNT(H{totals[0] - 5}:H{totals[0] - 1})=0,"",SUM(H{totals[0] - 5}:H{totals[0] - 1}))'
    )
    assert all(sheets[KPIS].cell(row, column).protection.locked for row in totals for column in range(1, 18))


def test_each_row_says_what_it_is_and_how_it_is_computed(sheets: Any) -> None:
    help_of = {row[0].value: row[3].value for row in sheets[KPIS].iter_rows(min_row=5) if row[0].value}
    assert help_of[WIRELESS].splitlines()[-1] == "Result = Numerator / Denominator"
    assert help_of[INTERNET].splitlines()[-1] == "Result = Numerator / Denominator × 100"
    assert help_of[INTERNET].startswith(load_catalogue().kpi_of(INTERNET).definition)
    assert all(help_of[point.id] for point in load_catalogue().data_points)


def test_units_and_currency_are_chosen_from_lists(sheets: Any) -> None:
    (units,) = [rule for rule in sheets[KPIS].data_validations.dataValidation if "E" in str(rule.sqref)]
    rows = {str(cell.value): cell.row for cell in sheets[KPIS]["A"] if cell.value}
    assert {str(area) for area in units.sqref.ranges} == {f"E{rows[code]}" for code in CHOICES}
    listed = {column[0].value: [cell.value for cell in column[1:] if cell.value] for column in sheets[LISTS].columns}
    assert listed["units"] == ["ug/m3", "ppb", "ppm"]
    assert "NOK" in listed["currency"]
    assert len(listed["currency"]) == len(set(listed["currency"])) > 150
    profile = [rule for rule in sheets[PROFILE_SHEET].data_validations.dataValidation if rule.type == "list"]
    assert [str(rule.sqref) for rule in profile] == ["B13"]


OF = {"source": "Office"}
FAULTY: dict[str, tuple[Entry, str]] = {
    INTERNET: (Entry(30000, **OF), "! Far from the last report"),  # 50 after 10
    "EC_ICT_ICT_2C.main": (Entry(30000, 50000, **OF), "! Denominator is not the profile's"),  # of 60 000
    HOTSPOTS: (Entry(78), "✗ Source is missing"),
    "EC_ICT_WS_1C.main": (Entry(10, 50, result=25.0, **OF), "✗ Differs from numerator / denominator"),
    "EC_ICT_WS_2A.main": (Entry(10, **OF), "✗ Denominator is missing"),
    "EC_P_EM_1C.main": (Entry(result=0.05, **OF), "! Fraction of one? Write per cent"),
    "EC_I_WS_3C.main": (Entry(result=120, **OF), "✗ Outside what is possible"),
    "EC_I_WA_1C.main": (Entry(result=90, reported=False, **OF), "✗ Value beside NO"),
    GINI: (Entry(result="about a third", **OF), "✗ Not a number"),
    PLANS: (Entry(result="partly", **OF), "✗ Choose YES or NO"),
    "EC_I_UP_2A.compact": (Entry(result="YES", **OF), "✓"),
    "SC_EH_H_2C.main": (Entry(), ""),
    # What reading takes for "nothing here" is no fault, in whatever letters and with blanks around it.
    "EC_ICT_ICT_3C.main": (Entry(" N/A "), ""),
    "EC_ICT_D_1A.main": (Entry(result="not available"), ""),
    "EC_I_UP_2A.integrated": (Entry(result="–"), ""),
    "EC_I_WS_1C.main": (Entry("n/a*"), "✗ Not a number"),
    "EC_I_WS_2C.main": (Entry(10, "..", **OF), "✗ Denominator is missing"),
}


@pytest.fixture(scope="module")
def saved(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what LibreOffice opened, calculated and saved: a filled form, a faulty one, one typed into."""
    if shutil.which("soffice") is None:
        pytest.skip("LibreOffice is not installed")
    folder = tmp_path_factory.mktemp("libreoffice")
    faulty = write_form(
        folder / "faulty.xlsx",
        {code: entry for code, (entry, _) in FAULTY.items()},
        last=LastReport(2023, {INTERNET: 10.0}),
    )
    command = ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", "xlsx"]
    files = [filled, faulty, type_into(folder / "typed.xlsx"), type_texts(folder / "texts.xlsx")]
    subprocess.run([*command, "--outdir", folder / "out", *files], check=True, capture_output=True, timeout=300)
    return folder / "out"


TYPED = {point.id: 3 * at + 1 / 7 for at, point in enumerate(load_catalogue().data_points, start=1)}


def type_into(path: Path) -> Path:
    """A blank form into whose cells a person typed; no formula of it has a value any more."""
    write_form(path, profile=None, last=LastReport(2023, {INTERNET: 1e-3}))
    book = openpyxl.load_workbook(path)
    profile, kpis = book[PROFILE_SHEET], book[KPIS]
    places = {label: field for field, (label, _) in PROFILE_LABELS.items() if field in PROFILE}
    for cell in profile["A"]:
        if cell.value in places:
            profile[f"B{cell.row}"] = PROFILE[places[cell.value]]
    rows = {str(cell.value): cell.row for cell in kpis["A"] if cell.value}
    for point in load_catalogue().data_points:
        row = rows[point.id]
        kpis[f"O{row}"] = f"Office of {point.id}"
        if point.value_type == "yes_no":
            kpis[f"H{row}"] = "YES"
        elif point.numerator is None:
            kpis[f"H{row}"] = 0.27
        else:
            kpis[f"F{row}"] = TYPED[point.id]
            if own_denominator(point) is not None:
                kpis[f"G{row}"] = own_denominator(point)
    book.save(path)
    return path


def type_texts(path: Path) -> Path:
    """A form whose population, and one numerator, a person typed as texts; one denominator is a formula that fails."""
    write_form(path)
    book = openpyxl.load_workbook(path)
    book[PROFILE_SHEET]["B9"], book[PROFILE_SHEET]["B14"] = "150 000", "48 900"
    rows = {str(cell.value): cell.row for cell in book[KPIS]["A"] if cell.value}
    book[KPIS][f"F{rows[INTERNET]}"] = "30 000"
    # A formula of the city's own that fails, with all that is computed from it.
    book[KPIS][f"F{rows['EC_ICT_WS_1C.main']}"], book[KPIS][f"G{rows['EC_ICT_WS_1C.main']}"] = 5, "=1/0"
    book.save(path)
    return path


def own_denominator(point: DataPoint) -> float | None:
    """A denominator to type, where the profile gives none and the data point has one."""
    is_typed = point.denominator is not None and point.denominator_basis not in PREFILLED
    return TYPED[point.id] * 3 if is_typed and point.value_type != "concentration" else None


@pytest.mark.slow
def test_libreoffice_saves_the_form_value_for_value(filled: Path, saved: Path) -> None:
    again, own = read(saved / filled.name), read(filled)
    assert again.faults.is_empty()
    assert again.submissions.drop("file_sha256").equals(own.submissions.drop("file_sha256"))
    # LibreOffice stores fifteen digits.
    fifteen = pl.col("result", "numerator", "denominator").round_sig_figs(14)
    columns = pl.exclude("file_sha256")
    assert again.cells.select(columns).with_columns(fifteen).equals(own.cells.select(columns).with_columns(fifteen))
    assert CITY.city_id == again.submissions["city_id"][0]


@pytest.mark.slow
def test_a_form_filled_in_libreoffice_comes_back_value_for_value(saved: Path) -> None:
    result = read(saved / "typed.xlsx")
    assert result.faults.is_empty()
    assert result.submissions.select(list(PROFILE)).row(0, named=True) == PROFILE
    for point in load_catalogue().data_points:
        row = row_of(result, point.id)
        assert (row["is_reported"], row["source"]) == (True, f"Office of {point.id}")
        if point.numerator is None:
            assert row["result"] == (1.0 if point.value_type == "yes_no" else 0.27)
            continue
        denominator = own_denominator(point) or denominator_of(point, PROFILE)
        expected = computed(point, TYPED[point.id], denominator)
        for given, wanted in (("numerator", TYPED[point.id]), ("denominator", denominator), ("result", expected)):
            assert row[given] == (None if wanted is None else pytest.approx(wanted, rel=1e-14)), (point.id, given)


@pytest.mark.slow
def test_what_the_form_says_live_is_what_is_wrong(saved: Path) -> None:
    book = openpyxl.load_workbook(saved / "faulty.xlsx", data_only=True)
    rows = {str(cell.value): cell.row for cell in book[KPIS]["A"] if cell.value}
    told = {code: book[KPIS][f"J{rows[code]}"].value or "" for code in FAULTY}
    assert told == {code: says for code, (_, says) in FAULTY.items()}
    wrong = sum(says.startswith("✗") for says in told.values())
    doubtful = sum(says.startswith("!") for says in told.values())
    assert [book[KPIS][cell].value for cell in ("C3", "D3")] == [f"{wrong} to correct", f"{doubtful} to look at"]
    typed = openpyxl.load_workbook(saved / "typed.xlsx", data_only=True)
    total = next(cell.row for cell in typed[KPIS]["C"] if cell.value == "Total, must be 100")
    # Each of the five is a third of its denominator.
    assert typed[KPIS][f"H{total}"].value == pytest.approx(500 / 3)
    assert typed[KPIS][f"J{total}"].value == "! Shares do not come to 100"
    assert typed[KPIS]["B3"].value == typed[INSTRUCTIONS]["B4"].value == "112 of 112 data points reported"
    assert [typed[PROFILE_SHEET][f"D{row}"].value for row in range(9, 14)] == ["✓"] * 5


@pytest.mark.slow
def test_a_number_that_stands_as_a_text_is_told_live_and_breaks_no_other_check(saved: Path) -> None:
    book = openpyxl.load_workbook(saved / "texts.xlsx", data_only=True)
    profile = [book[PROFILE_SHEET][f"D{row}"].value for row in range(9, 16)]
    assert profile == ["✗ Not a number", "✓", "✓", "✓", "✓", "✗ Not a number", None]  # inflation is not given
    told = {str(code.value): check.value or "" for code, check in zip(book[KPIS]["A"], book[KPIS]["J"], strict=True)}
    assert told[INTERNET] == "✗ Not a number"
    assert told[HOTSPOTS] == ""  # nothing is typed there, and where the profile gives no number nothing is wrong
    assert told["EC_ICT_WS_1C.main"] == "✗ Not a number"
    assert sum(says.startswith("✗") for says in told.values()) == 2
    assert not any(says.startswith("#") for says in told.values())


@pytest.mark.slow
def test_a_formula_that_fails_is_told_at_its_cell_and_not_again_where_the_form_looks_at_it(saved: Path) -> None:
    result = read(saved / "texts.xlsx")
    found = result.faults.filter(data_point="EC_ICT_WS_1C.main")
    assert found.select("rule", "field").rows() == [("excel_error", "denominator")]
    assert row_of(result, "EC_ICT_WS_1C.main")["result_text"] == "#DIV/0!"  # so that no value is made of it
