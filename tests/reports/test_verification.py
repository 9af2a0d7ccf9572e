"""What goes back to a city: its own workbook with findings at the cells, a page, and the verification report."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from intake.annotate import FILLS, SHEET, annotated
from intake.inspection import inspect_files
from intake.template import City, Entry, write_workbook
from reports.pdf import PdfMaker
from reports.verification.facts import UNDECIDED, Verified, report_facts
from reports.verification.findings_page import findings_page
from reports.verification.recommendations import load_recommendations, recommended
from reports.verification.report_page import REPORT, report_page
from ssc_index.framework.catalogue import load_catalogue

NET, LITERACY, WIFI = "EC_ICT_ICT_1C.main", "SC_EH_ED_4C.main", "EC_ICT_ICT_5C.main"
NAMES = {point.id: point.name for point in load_catalogue().data_points}
ASKED = [(2, "EC_ICT_ICT_1C.main", "Which survey?"), (3, "", "Who signs?")]
EVIL = '=HYPERLINK("http://x","y")<script>alert(1)</script>'


@pytest.fixture(scope="module")
def workbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("forms") / "a.xlsx"
    entries = {LITERACY: Entry(75, 0, source="S"), WIFI: Entry(25), NET: Entry(57_000, source=EVIL)}
    profile = {"population": 150_000.0, "households": 60_000.0}
    write_workbook(
        path, load_catalogue(), city=City("no-a", "Åby", "Norway"), year=2024, profile=profile, entries=entries
    )
    return path


@pytest.fixture(scope="module")
def found(workbook: Path) -> list[dict[str, Any]]:
    (one,) = inspect_files([workbook], load_catalogue())
    rows = one.findings.to_dicts()
    assert {row["severity"] for row in rows} >= {"error", "warning"}
    return [*rows, {**rows[-1], "message": EVIL, "sheet": None, "cell": None}]


@pytest.fixture(scope="module")
def returned(workbook: Path, found: list[dict[str, Any]]) -> Any:
    return openpyxl.load_workbook(io.BytesIO(annotated(workbook, found, EVIL, NAMES, ASKED)))


def test_each_finding_stands_at_its_cell_in_colour_and_words(returned: Any, found: list[dict[str, Any]]) -> None:
    placed = [row for row in found if row["sheet"]]
    assert placed
    for row in placed:
        cell = returned[row["sheet"]][row["cell"]]
        assert row["message"] in cell.comment.text
        assert cell.fill.fgColor.rgb[2:] in FILLS.values()
    error = next(row for row in placed if row["severity"] == "error")
    assert returned[error["sheet"]][error["cell"]].fill.fgColor.rgb[2:] == FILLS["error"]


def test_the_list_comes_first_and_holds_every_finding_as_text(returned: Any, found: list[dict[str, Any]]) -> None:
    assert returned.sheetnames[0] == SHEET
    sheet = returned[SHEET]
    asked = [text for _, _, text in ASKED]
    assert [row[3].value for row in sheet.iter_rows(min_row=5)] == [*asked, *(row["message"] for row in found)]
    assert [sheet.cell(row, 1).value for row in (5, 6)] == ["Question 2", "Question 3"]
    assert str(sheet["A2"].value).startswith("2 to answer, ")
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} == {"s"}
    assert sheet["A1"].value == EVIL


def test_the_list_names_each_data_point_and_shows_every_sentence_whole(
    returned: Any, found: list[dict[str, Any]]
) -> None:
    sheet, own = returned[SHEET], returned["Profile"]["A5"].font.name
    assert {sheet.cell(row, column).font.name for row in (1, 4, 5) for column in (1, 2)} == {own}
    for row, one in enumerate(found, start=5 + len(ASKED)):
        named = f"{NAMES[one['data_point']]}\n{one['data_point']}" if one["data_point"] else ""
        assert (sheet.cell(row, 3).value or "") == named
        # A column of 90 shows some ninety letters to the line, and a line takes more than ten points.
        assert sheet.row_dimensions[row].height > 10 * (len(one["message"]) / 90)


def test_the_citys_own_cells_formulas_and_lists_are_as_they_were(workbook: Path, returned: Any) -> None:
    before = openpyxl.load_workbook(workbook)
    assert returned.sheetnames[1:] == before.sheetnames
    for name in before.sheetnames:
        old, new = before[name], returned[name]
        assert {c.coordinate: c.value or None for r in old.iter_rows() for c in r} == {
            c.coordinate: c.value or None for r in new.iter_rows() for c in r
        }
        rules = [(str(one.sqref), one.type, one.formula1) for one in old.data_validations.dataValidation]
        assert rules == [(str(one.sqref), one.type, one.formula1) for one in new.data_validations.dataValidation]
        assert old.protection.sheet == new.protection.sheet
        assert len(old.conditional_formatting) == len(new.conditional_formatting)


def test_what_is_returned_can_be_read_again(workbook: Path, found: list[dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    path.write_bytes(annotated(workbook, found, "Findings", NAMES))
    again, first = inspect_files([path, workbook], load_catalogue())
    # Denominators from the profile are formulas: they have no value until a spreadsheet program opens the file.
    same = ["data_point", "numerator", "source"]
    assert again.result.cells.select(same).equals(first.result.cells.select(same))


def test_nothing_in_the_page_is_markup_of_others(found: list[dict[str, Any]]) -> None:
    page = findings_page(EVIL, found, [(1, "", EVIL)], {})
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") >= 3


# --- the report --------------------------------------------------------------------------------------------------

SECTIONS = (
    "Introduction", "KPI reporting and verification summary", "Data point reporting and verification summary",
    "City performance benchmark", "Benchmarks and scoring", "Results", "KPIs not reported", "KPIs not verified",
    "Policy recommendations", "Improvement opportunities", "Next steps",
)  # fmt: skip


def verified(**changes: Any) -> Verified:
    """A city that reports three data points, of which two are verified."""
    given: dict[str, Any] = {
        "city": "Åby", "city_id": "no-a", "year": 2024, "outcome": "partly_verified", "mode": "remote",
        "on": "2025-06-02", "verifier": "V. Erifier", "received_on": "2025-03-01",
        "values": {NET: 20.0, LITERACY: 99.0}, "unverified": {WIFI: "No source"},
        "points": {
            NET: {"points": 1, "band": "below_33", "target": 100.0, "target_share": 0.2},
            LITERACY: {"points": 4, "band": "above_95", "target": 100.0, "target_share": 0.99},
        },
        "cuts": {("total", "index"): {"percentage": 62.5, "band": "from_33_to_66", "points": 5, "max_points": 8}},
        "questions": [(1, NET, "Which year?", "")], "accepted": {f"jump @ {NET}": "New census"},
    }  # fmt: skip
    return Verified(**{**given, **changes})


def test_the_report_counts_what_is_reported_and_verified() -> None:
    facts = report_facts(verified(), load_catalogue())
    # 91 KPIs and 112 data points; three are reported, two of them verified, each a KPI of its own.
    assert facts["kpi_summary"][-1] == ["All", "91", "3", "0", "88", "2"]
    assert facts["point_summary"][-1] == ["All", "112", "3", "109", "2"]
    assert [row[2] for row in facts["not_verified"]] == ["No source"]
    assert len(facts["not_reported"]) == 88
    assert facts["questions"] == [["1", "Household Internet Access", "Which year?", "no answer"]]
    assert facts["accepted"] == [["jump: Household Internet Access", "New census"]]
    assert [row[0] for row in facts["improvements"]] == ["Household Internet Access"]
    assert "Answer the 1 open question of the verifier." in facts["next_steps"]
    assert "Collect the 109 data points that are not reported, core KPIs first." in facts["next_steps"]


def test_a_finding_that_stands_names_its_data_point_and_what_it_does_to_the_value() -> None:
    about = [("KPIs", "G6", NET, "error"), ("KPIs", "H9", WIFI, "warning"), (None, None, None, "warning")]
    rows = [
        {"sheet": sheet, "cell": cell, "data_point": point, "severity": severity, "message": "m"}
        for sheet, cell, point, severity in [*about, ("KPIs", "H9", WIFI, "note")]
    ]
    facts = report_facts(verified(findings=rows), load_catalogue())
    assert facts["open_findings"] == [
        ["KPIs!G6", "Household Internet Access", "kept out", "m"],
        ["KPIs!H9", "Availability of WIFI in Public Areas", "to check", "m"],
        ["–", "the submission", "to check", "m"],
    ]


def test_before_anything_is_verified_the_report_does_not_say_that_all_is_well() -> None:
    nothing = verified(outcome="pending", values={}, unverified={NET: UNDECIDED, WIFI: "No source"}, points={}, cuts={})
    facts = report_facts(nothing, load_catalogue())
    assert facts["improvements"] == facts["recommendations"] == []
    said = "Nothing that has a benchmark is verified."
    assert (facts["none"]["improvements"], facts["none"]["recommendations"]) == (said, said)
    assert "Wait for the verifier's verdict on 1 reported data point." in facts["next_steps"]
    assert any("1 data point that is reported but not verified; section 8" in step for step in facts["next_steps"])
    assert report_page(facts).count(said) == 2
    blank = report_facts(verified(values={}, unverified={}, points={}, cuts={}), load_catalogue())
    assert blank["none"]["not_verified"] == "Nothing is reported."
    full = {point: {"points": 4, "band": "above_95", "target": 100.0, "target_share": 1.0} for point in (NET, LITERACY)}
    assert report_facts(verified(points=full), load_catalogue())["none"]["improvements"].startswith("None: every")


def test_a_kpi_of_which_a_part_is_missing_is_told_as_partial() -> None:
    several = next(kpi for kpi in load_catalogue().kpis if len(kpi.data_points) > 1)
    facts = report_facts(verified(values={several.data_points[0].id: 1.0}, unverified={}, points={}), load_catalogue())
    (row,) = [row for row in facts["not_reported"] if row[1] == several.name]
    assert row[3].startswith("partial – following not reported: ")
    assert several.data_points[1].name in row[3]


def test_every_category_has_a_recommendation_with_its_source_and_low_points_call_for_it() -> None:
    table = load_recommendations()
    assert {one.category for one in table} == {kpi.category for kpi in load_catalogue().kpis}
    assert all(one.source.href.startswith("https://sdgs.un.org/goals/goal") for one in table)
    points = [
        ("Water and Sanitation", 2),
        ("Water and Sanitation", 1),
        ("Transport", 3),
        ("Waste", None),
        ("Air Quality", 1),
    ]
    rows = [{"category": name, "name": f"{name} {count}", "points": count} for name, count in points]
    assert [(one.category, low) for one, low in recommended(rows)] == [
        ("Water and Sanitation", ["Water and Sanitation 2", "Water and Sanitation 1"]),
        ("Air Quality", ["Air Quality 1"]),
    ]


def test_the_page_has_the_sections_in_their_order_and_no_markup_of_others() -> None:
    page = report_page(report_facts(verified(city=EVIL, questions=[(1, NET, EVIL, EVIL)]), load_catalogue()))
    places = [page.index(f"{number} {title}</h2>") for number, title in enumerate(SECTIONS, 1)]
    assert places == sorted(places)
    assert "<script>" not in page


def test_the_pdf_is_tagged_and_shows_a_question_mark_for_letters_without_a_font() -> None:
    facts = report_facts(verified(questions=[(1, NET, "来年 Ω", "")]), load_catalogue())
    maker = PdfMaker(template=REPORT, machine=False)
    legible, strange = maker.legible(facts)
    assert (strange, legible["questions"][0][2]) == ("来年", "?? Ω")
    first, _ = maker.pdf(legible)
    assert first.startswith(b"%PDF")
    # The same bytes from another maker, while other threads set other documents.
    others = [report_facts(verified(questions=[(1, NET, text, "")]), load_catalogue()) for text in ("a", "b")]
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda one: PdfMaker(template=REPORT, machine=False).pdf(one)[0], [*others, legible]))
    assert made[2] == first
    assert len({*made}) == 3
    assert b"/StructTreeRoot" in first
    assert [line for line in SECTIONS if f"== {line}" not in REPORT.read_text(encoding="utf-8")] == []
