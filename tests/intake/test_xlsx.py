"""The bounded reader against odd and hostile files."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from forms import write_form

from intake import xlsx
from intake.xlsx import Cell, Refused, open_xlsx

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
WORKBOOK = (
    f'<workbook xmlns="{MAIN}" xmlns:r="{DOCUMENT}"><sheets>'
    '<sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
RELATIONS = (
    f'<Relationships xmlns="{PACKAGE}">'
    f'<Relationship Id="rId1" Type="{DOCUMENT}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{DOCUMENT}/sharedStrings" Target="sharedStrings.xml"/>'
    "</Relationships>"
)


def sheet(rows: str) -> str:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'


def make(path: Path, rows: str, strings: str = "", **members: str) -> Path:
    """A workbook of one sheet with these rows."""
    parts = {
        "xl/workbook.xml": WORKBOOK,
        "xl/_rels/workbook.xml.rels": RELATIONS,
        "xl/worksheets/sheet1.xml": sheet(rows),
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>',
    } | {name.replace("__", "/"): content for name, content in members.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def cells(path: Path) -> list[Cell]:
    with open_xlsx(path) as book:
        return book.cells("One")


def refusal(path: Path) -> Refused:
    with pytest.raises(Refused) as caught, open_xlsx(path) as book:
        book.cells(book.sheet_names[0])
    return caught.value


def test_each_type_of_cell_comes_with_its_address_and_kind(tmp_path: Path) -> None:
    rows = (
        '<row r="2"><c r="B2"><v>1.5</v></c><c r="C2" t="s"><v>0</v></c><c r="D2" t="b"><v>1</v></c>'
        '<c r="E2" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="F2"><f>A1</f></c><c r="G2" t="str"><f>X</f><v>NR</v></c>'
        '<c r="AA2" t="inlineStr"><is><r><t>two </t></r><r><t>parts</t></r></is></c><c r="H2" s="3"/></row>'
    )
    strings = "<si><r><t>ri</t></r><r><t>ch</t></r><rPh><t>phonetic</t></rPh></si>"
    assert cells(make(tmp_path / "a.xlsx", rows, strings)) == [
        Cell(2, 2, "number", 1.5, False),
        Cell(2, 3, "text", "rich", False),
        Cell(2, 4, "boolean", True, False),
        Cell(2, 5, "error", "#DIV/0!", True),
        Cell(2, 6, "uncalculated", None, True),
        Cell(2, 7, "text", "NR", True),
        Cell(2, 27, "text", "two parts", False),
    ]


def test_a_formula_with_an_empty_number_was_never_calculated(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="A1"><f>B1</f><v></v></c><c r="B1" t="str"><f>C1</f><v></v></c><c r="C1"><v></v></c></row>'
    assert cells(make(tmp_path / "a.xlsx", rows)) == [
        Cell(1, 1, "uncalculated", None, True),
        Cell(1, 2, "text", "", True),
    ]


def test_cells_without_addresses_are_counted(tmp_path: Path) -> None:
    rows = "<row><c><v>1</v></c><c><v>2</v></c></row><row><c><v>3</v></c></row>"
    assert [cell[:2] for cell in cells(make(tmp_path / "a.xlsx", rows))] == [(1, 1), (1, 2), (2, 1)]


def test_prefixed_tags_are_the_same_tags(tmp_path: Path) -> None:
    prefixed = (
        f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData><x:row r="1"><x:c r="A1"><x:v>7</x:v></x:c></x:row>'
        "</x:sheetData></x:worksheet>"
    )
    path = make(tmp_path / "a.xlsx", "", **{"xl__worksheets__sheet1.xml": prefixed})
    assert cells(path) == [Cell(1, 1, "number", 7.0, False)]


@pytest.mark.parametrize(
    ("content", "rule", "says"),
    [
        (b"", "empty_file", "empty"),
        (b"city;year\n", "not_a_workbook", "not an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "not_a_workbook", "password"),
        (b"PK\x03\x04 broken", "damaged_workbook", "damaged"),
    ],
)
def test_what_is_no_workbook_is_named(tmp_path: Path, content: bytes, rule: str, says: str) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    error = refusal(path)
    assert error.rule == rule
    assert says in error.message


def test_a_zip_without_a_workbook_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert refusal(path).rule == "not_a_workbook"


def test_a_truncated_workbook_is_refused(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx")
    path.write_bytes(path.read_bytes()[:-3000])
    assert refusal(path).rule == "damaged_workbook"


def test_a_cell_far_outside_is_refused(tmp_path: Path) -> None:
    error = refusal(make(tmp_path / "a.xlsx", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'))
    assert error.rule == "far_cell"
    assert "XFD1048576" in error.message


def test_an_empty_cell_far_outside_does_no_harm(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576" s="1"/></row>'
    assert len(cells(make(tmp_path / "a.xlsx", rows))) == 1


def test_entities_are_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>'
    assert refusal(make(tmp_path / "a.xlsx", "", **{"xl__worksheets__sheet1.xml": bomb})).rule == "forbidden_content"


def test_a_zip_bomb_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    path = make(tmp_path / "a.xlsx", "", **{"xl__media__blank.bin": " " * (4 << 20)})
    error = refusal(path)
    assert error.rule == "too_large"
    assert "zip bomb" in error.message


@pytest.mark.parametrize(
    ("limit", "value", "rows"),
    [
        ("MAX_ROWS", 3, "<row/>" * 4),
        ("MAX_CELL_ELEMENTS", 3, '<row r="1">' + "<c/>" * 4 + "</row>"),
        ("MAX_CELLS", 3, '<row r="1">' + "<c><v>1</v></c>" * 4 + "</row>"),
        ("MAX_MEMBER_BYTES", 100, '<row r="1"/>' * 20),
        ("MAX_TOTAL_BYTES", 100, '<row r="1"/>'),
        ("MAX_MEMBERS", 3, '<row r="1"/>'),
        ("MAX_FILE_BYTES", 100, '<row r="1"/>'),
    ],
)
def test_each_limit_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, rows: str) -> None:
    path = make(tmp_path / "a.xlsx", rows)
    cells(path)  # within the real limits it is read
    monkeypatch.setattr(xlsx, limit, value)
    assert refusal(path).rule == "too_large"


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "a.xlsx", "")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag of encryption in the central directory
    path.write_bytes(data)
    assert "encrypted" in refusal(path).message


def styled(path: Path, styles: str) -> Path:
    """A workbook with a cell of each of the first three formats."""
    relations = RELATIONS.replace(
        "</Relationships>", f'<Relationship Id="rId3" Type="{DOCUMENT}/styles" Target="styles.xml"/></Relationships>'
    )
    rows = '<row r="1">' + "".join(f'<c s="{at}"><v>0.5</v></c>' for at in range(3)) + "</row>"
    parts = {
        "xl/_rels/workbook.xml.rels": relations,
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}">{styles}</styleSheet>',
    }
    return make(path, rows, **parts)


def test_a_cell_says_what_its_format_shows(tmp_path: Path) -> None:
    styles = (
        '<numFmts><numFmt numFmtId="164" formatCode="0.000%"/>'
        '<numFmt numFmtId="165" formatCode="0&quot;%&quot;"/></numFmts>'
        '<cellStyleXfs><xf numFmtId="9"/></cellStyleXfs>'
        '<cellXfs><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="9"/></cellXfs>'
        '<cellStyles/><dxfs><dxf><numFmt numFmtId="165" formatCode="0%"/></dxf></dxfs>'
    )
    assert [cell.shows for cell in cells(styled(tmp_path / "a.xlsx", styles))] == ["percent", None, "percent"]
    prefixed = re.sub(r"<(/?)(?=\w)", r"<\1x:", styles).replace("<x:numFmts>", f'<x:numFmts xmlns:x="{MAIN}">', 1)
    other = f'<x:all xmlns:x="{MAIN}">{prefixed}</x:all>'
    assert [cell.shows for cell in cells(styled(tmp_path / "b.xlsx", other))] == ["percent", None, "percent"]


@pytest.mark.parametrize(
    ("code", "shows"),
    [
        ("0.00%", "percent"), ("dd/mm/yyyy", "date"), ("[$-F800]dddd\\, mmmm yyyy", "date"), ("[h]:mm:ss", "date"),
        ("General", None), ("Standard", None), ("#,##0.00", None), ("0.00E+00", None), ('#,##0" hours"', None),
        ("[>=10000]#,##0;General", None), ("_-* #,##0.00\\ _k_r_-", None), ("[Red]-0.0", None),
    ],
)  # fmt: skip
def test_a_format_is_known_by_its_code(code: str, shows: str | None, tmp_path: Path) -> None:
    quoted = code.replace("&", "&amp;").replace('"', "&quot;")
    own = f'<numFmts><numFmt numFmtId="164" formatCode="{quoted}"/></numFmts><cellXfs><xf numFmtId="164"/></cellXfs>'
    assert cells(styled(tmp_path / "a.xlsx", own))[0].shows == shows


def test_more_formats_than_a_program_writes_are_refused(tmp_path: Path) -> None:
    found = refusal(styled(tmp_path / "a.xlsx", f"<cellXfs>{'<xf/>' * (xlsx.MAX_STYLES + 1)}</cellXfs>"))
    assert found.rule == "too_large"
    assert "formats" in found.message
