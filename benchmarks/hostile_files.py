"""Files that are made to hurt whoever opens them, each with the rule under which it must be refused.

What belongs here: building them. What does not: reading them (`hostile.py`, ``tests/intake/test_hostile.py``).
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
MEBIBYTE = 1 << 20

SHEETS = ("Profile", "KPIs")
WORKBOOK = (
    f'<workbook xmlns="{MAIN}" xmlns:r="{DOCUMENT}"><sheets>'
    + "".join(f'<sheet name="{name}" sheetId="{at}" r:id="rId{at}"/>' for at, name in enumerate(SHEETS, start=1))
    + "</sheets></workbook>"
)
RELATIONS = (
    f'<Relationships xmlns="{PACKAGE}">'
    + "".join(
        f'<Relationship Id="rId{at}" Type="{DOCUMENT}/worksheet" Target="worksheets/sheet{at}.xml"/>'
        for at in range(1, len(SHEETS) + 1)
    )
    + f'<Relationship Id="rId9" Type="{DOCUMENT}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
)
HEAD, TAIL = f'<worksheet xmlns="{MAIN}"><sheetData>', "</sheetData></worksheet>"
SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"

Chunks = Iterator[bytes]


@dataclass(frozen=True)
class Hostile:
    """A kind of hostile file.

    Attributes:
        name: What it is.
        suffix: Suffix under which it is sent.
        build: Writes it.
        rules: Codes under which it may be refused; empty where it must be read as if the hostile part were not there.
    """

    name: str
    suffix: str
    build: Callable[[Path], None]
    rules: tuple[str, ...]


def book(path: Path, parts: Mapping[str, str | bytes | Callable[[], Chunks]] | None = None) -> None:
    """A small workbook, some parts of which are others; a part that is made on the fly is never held as a whole."""
    whole: dict[str, str | bytes | Callable[[], Chunks]] = {
        "xl/workbook.xml": WORKBOOK,
        "xl/_rels/workbook.xml.rels": RELATIONS,
        SHEET: HEAD + TAIL,
        "xl/worksheets/sheet2.xml": HEAD + TAIL,
        STRINGS: f'<sst xmlns="{MAIN}"/>',
        **(parts or {}),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in whole.items():
            if callable(content):
                with archive.open(name, "w", force_zip64=True) as member:
                    for chunk in content():
                        member.write(chunk)
            else:
                archive.writestr(name, content)


def repeated(piece: str, count: int, head: str = HEAD, tail: str = TAIL) -> Callable[[], Chunks]:
    """A part that holds one piece very often."""
    many = max(1, MEBIBYTE // len(piece))

    def chunks() -> Chunks:
        yield head.encode()
        for start in range(0, count, many):
            yield piece.encode() * min(many, count - start)
        yield tail.encode()

    return chunks


def noise(size: int) -> bytes:
    """Text that packs badly, so that a part stays below every ratio; the same each time."""
    return random.Random(2026).randbytes(size // 2).hex().encode()


def nested(path: Path) -> None:
    """A zip in a zip in a zip …: nine layers, each holding ten of the next."""
    content = zlib.compress(b"0" * 10 * MEBIBYTE)
    for _ in range(9):
        layer = io.BytesIO()
        with zipfile.ZipFile(layer, "w", zipfile.ZIP_DEFLATED) as archive:
            for at in range(10):
                archive.writestr(f"{at}.zip", content)
        content = layer.getvalue()
    path.write_bytes(content)


def nested_inside(path: Path) -> None:
    """The same, embedded in a sound workbook, where nothing opens it."""
    inner = path.with_suffix(".inner")
    nested(inner)
    book(path, {"xl/embeddings/bomb.zip": inner.read_bytes()})
    inner.unlink()


def overlapping(path: Path) -> None:
    """Many entries of the directory that share the bytes of one."""
    book(path, {"xl/media/a.bin": b"\0" * MEBIBYTE})
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        info, start, n = archive.getinfo("xl/media/a.bin"), archive.start_dir, len(archive.infolist())
    end = data.rindex(b"PK\x05\x06")
    entries = [data[start:end]]
    for at in range(60):
        name = f"xl/media/{at:03}.bin".encode()
        flat = (20, 20, 0, 8, 0, 33, info.CRC, info.compress_size, info.file_size, len(name), 0, 0, 0, 0, 0)
        entries.append(struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *flat, info.header_offset) + name)
    directory = b"".join(entries)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, n + 60, n + 60, len(directory), start, 0)
    path.write_bytes(data[:start] + directory + tail)


def twice(path: Path) -> None:
    """Two parts of one name, so that two programs see two workbooks."""
    book(path)
    # The directory of a zip may name a part twice; zipfile warns, so the second is written under another name.
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(SHEET.replace("sheet1", "sheetX"), HEAD + TAIL)
    path.write_bytes(path.read_bytes().replace(b"sheetX", b"sheet1"))


def lying(path: Path) -> None:
    """A part that unpacks to far more than it says."""
    book(path, {SHEET: repeated(" ", 60 * MEBIBYTE)})
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.start_dir
    at = data.index(SHEET.encode(), start) - 46
    data[at + 24 : at + 28] = struct.pack("<L", 1000)
    path.write_bytes(data)


def doctype(declaration: str, member: str = SHEET, text: str = "&a;") -> Callable[[Path], None]:
    """A part that declares entities."""

    def build(path: Path) -> None:
        row = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{text}</t></is></c></row>'
        content = f"<!DOCTYPE x [{declaration}]>"
        inner = {SHEET: HEAD + row + TAIL, STRINGS: f'<sst xmlns="{MAIN}"><si><t>{text}</t></si></sst>'}
        other = {"xl/workbook.xml": WORKBOOK, "xl/_rels/workbook.xml.rels": RELATIONS}
        book(path, {member: content + {**inner, **other}[member]})

    return build


LAUGHS = "".join(f'<!ENTITY l{at} "{("&l" + str(at - 1) + ";") * 10 if at else "ha"}">' for at in range(10))


def utf16(path: Path) -> None:
    """The laughs in UTF-16, where a search for the word DOCTYPE finds nothing."""
    text = f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [{LAUGHS}]>{HEAD}{TAIL}'
    book(path, {SHEET: text.encode("utf-16")})


def macros(path: Path) -> None:
    """A workbook with a program in it."""
    book(path, {"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000})


def linked(path: Path) -> None:
    """A workbook whose sheet lies at another address."""
    away = RELATIONS.replace(
        'Target="worksheets/sheet1.xml"', 'Target="http://127.0.0.1:9/sheet1.xml" TargetMode="External"'
    )
    book(path, {"xl/_rels/workbook.xml.rels": away})


def climbing(path: Path) -> None:
    """Names of parts, and a target, that climb out of the archive."""
    away = RELATIONS.replace("worksheets/sheet1.xml", "../../../../../../etc/passwd")
    book(path, {"xl/_rels/workbook.xml.rels": away, "../../../../tmp/climbed.txt": "here"})


def many_parts(path: Path) -> None:
    """Two hundred thousand parts."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", WORKBOOK)
        for at in range(40_000):
            archive.writestr(f"a{at}", b"")


def ole(path: Path) -> None:
    """What a program writes that protects a workbook with a password: a container of another kind."""
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512 + "EncryptedPackage".encode("utf-16-le") * 200)


def encrypted_part(path: Path) -> None:
    """A zip whose parts are encrypted."""
    book(path)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)


def truncated(path: Path) -> None:
    """The first half of a workbook."""
    book(path, {SHEET: HEAD + noise(50_000).decode() + TAIL})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def raw(content: bytes) -> Callable[[Path], None]:
    """A file of these bytes."""

    def build(path: Path) -> None:
        path.write_bytes(content)

    return build


def office(*names: str) -> Callable[[Path], None]:
    """Another kind of office document."""

    def build(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, "x")

    return build


def workbook_named_csv(path: Path) -> None:
    """A workbook under the name of a table."""
    book(path)


CSV_HEAD = "city_id,year,data_point,numerator,denominator,result\n"


def csv_of(*pieces: bytes | str) -> Callable[[Path], None]:
    """A table of these pieces."""

    def build(path: Path) -> None:
        with path.open("wb") as file:
            for piece in pieces:
                file.write(piece if isinstance(piece, bytes) else piece.encode())

    return build


def parquet_that_lies(path: Path) -> None:
    """A Parquet file of a few kilobytes that holds forty million equal rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"city_id": "no-rana", "data_point": "EC_ICT_ICT_1C.main"}
    n = 4_000_000
    table = pa.table(
        {name: pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int8()), [text]) for name, text in columns.items()}
        | {"year": pa.array([2020] * n, pa.int16()), "result": pa.array([1.0] * n)}
    )
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(10):
            writer.write_table(table)


def formula_cells(path: Path) -> None:
    """Texts that a spreadsheet program would run if they were written into a cell as they are."""
    rows = "".join(
        f'<row r="{at}"><c r="A{at}" t="inlineStr"><is><t>{text}</t></is></c></row>'
        for at, text in enumerate(("=1+1", "+1", "-1+1", "@SUM(1)", "=cmd|'/c calc'!A0"), start=1)
    )
    book(path, {SHEET: HEAD + rows + TAIL})


ENTITY = '<!ENTITY a "aaaa">'
BIG = ("too_large",)
DAMAGED = ("damaged_workbook",)
NO_BOOK = ("not_a_workbook",)
NO_TABLE = ("not_a_table",)

KINDS: tuple[Hostile, ...] = (
    Hostile("zip bomb: nested, nine layers", ".xlsx", nested, NO_BOOK),
    Hostile("zip bomb: nested, in a sound workbook", ".xlsx", nested_inside, ()),
    Hostile("zip bomb: overlapping entries", ".xlsx", overlapping, ("too_large", "damaged_workbook")),
    Hostile(
        "zip bomb: 600 MB of blanks", ".xlsx", lambda path: book(path, {SHEET: repeated(" ", 600 * MEBIBYTE)}), BIG
    ),
    Hostile("zip bomb: a part that lies about its size", ".xlsx", lying, ("damaged_workbook", "too_large")),
    Hostile("two parts of one name", ".xlsx", twice, DAMAGED),
    Hostile("40 000 parts", ".xlsx", many_parts, BIG),
    Hostile(
        "shared texts: a million",
        ".xlsx",
        lambda path: book(path, {STRINGS: repeated("<si><t>a</t></si>", 1_000_000, f'<sst xmlns="{MAIN}">', "</sst>")}),
        BIG,
    ),
    Hostile(
        "shared texts: one of 30 MB",
        ".xlsx",
        lambda path: book(
            path,
            {STRINGS: f'<sst xmlns="{MAIN}"><si><t>'.encode() + noise(30 * MEBIBYTE // 2) + b"</t></si></sst>"},
        ),
        BIG,
    ),
    Hostile(
        "a cell of 12 MB",
        ".xlsx",
        lambda path: book(
            path,
            {
                SHEET: f'{HEAD}<row r="1"><c r="A1" t="inlineStr"><is><t>'.encode()
                + noise(12 * MEBIBYTE)
                + f"</t></is></c></row>{TAIL}".encode()
            },
        ),
        BIG,
    ),
    Hostile(
        "an attribute of 12 MB",
        ".xlsx",
        lambda path: book(
            path, {SHEET: f'{HEAD}<row r="1" x="'.encode() + noise(12 * MEBIBYTE) + f'"/>{TAIL}'.encode()}
        ),
        BIG,
    ),
    Hostile(
        "an element with 300 000 attributes",
        ".xlsx",
        lambda path: book(
            path, {SHEET: f"{HEAD}<row " + " ".join(f'a{at}="{at}"' for at in range(300_000)) + f"/>{TAIL}"}
        ),
        BIG,
    ),
    Hostile(
        "a million elements of no meaning",
        ".xlsx",
        lambda path: book(path, {SHEET: HEAD + "".join(f"<a{at % 97}/>" for at in range(1_000_000)) + TAIL}),
        ("too_large", "forbidden_content"),
    ),
    Hostile(
        "elements nested 200 000 deep",
        ".xlsx",
        lambda path: book(path, {SHEET: HEAD + "<x>" * 200_000 + "</x>" * 200_000 + TAIL}),
        ("too_large", "forbidden_content"),
    ),
    Hostile(
        "a cell at XFD1048576",
        ".xlsx",
        lambda path: book(path, {SHEET: f'{HEAD}<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>{TAIL}'}),
        ("far_cell",),
    ),
    Hostile(
        "a row at 999999999999",
        ".xlsx",
        lambda path: book(path, {SHEET: f'{HEAD}<row r="999999999999"><c><v>1</v></c></row>{TAIL}'}),
        ("far_cell", "damaged_workbook"),
    ),
    Hostile(
        "a million rows of one cell",
        ".xlsx",
        lambda path: book(path, {SHEET: repeated('<row><c t="n"><v>1</v></c></row>', 1_000_000)}),
        BIG,
    ),
    Hostile(
        "a million empty cells",
        ".xlsx",
        lambda path: book(path, {SHEET: repeated("<c/>", 1_000_000, f"{HEAD}<row>", f"</row>{TAIL}")}),
        BIG,
    ),
    Hostile(
        "a million merged ranges",
        ".xlsx",
        lambda path: book(
            path,
            {
                SHEET: repeated(
                    '<mergeCell ref="A1:XFD1048576"/>',
                    400_000,
                    f"{HEAD}</sheetData><mergeCells>",
                    "</mergeCells></worksheet>",
                )
            },
        ),
        BIG,
    ),
    Hostile(
        "XXE: a file of this machine",
        ".xlsx",
        doctype('<!ENTITY a SYSTEM "file:///etc/passwd">'),
        ("forbidden_content",),
    ),
    Hostile(
        "XXE: an address, by a parameter",
        ".xlsx",
        doctype('<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;'),
        ("forbidden_content",),
    ),
    Hostile("XXE: in the workbook part", ".xlsx", doctype(ENTITY, "xl/workbook.xml"), ("forbidden_content",)),
    Hostile("XXE: in the relations", ".xlsx", doctype(ENTITY, "xl/_rels/workbook.xml.rels"), ("forbidden_content",)),
    Hostile("XXE: in the shared texts", ".xlsx", doctype(ENTITY, STRINGS), ("forbidden_content",)),
    Hostile("billion laughs", ".xlsx", doctype(LAUGHS, text="&l9;"), ("forbidden_content",)),
    Hostile("billion laughs in UTF-16", ".xlsx", utf16, ("forbidden_content",)),
    Hostile(
        "quadratic blow-up",
        ".xlsx",
        doctype(f'<!ENTITY a "{"a" * 100_000}">', text="&a;" * 20_000),
        ("forbidden_content",),
    ),
    Hostile("a sheet at another address", ".xlsx", linked, DAMAGED),
    Hostile("names that climb", ".xlsx", climbing, DAMAGED),
    Hostile("macros", ".xlsm", macros, ()),
    Hostile("texts that look like formulas", ".xlsx", formula_cells, ()),
    Hostile("encrypted: a container of passwords", ".xlsx", ole, NO_BOOK),
    Hostile("encrypted: a part", ".xlsx", encrypted_part, NO_BOOK),
    Hostile("truncated", ".xlsx", truncated, DAMAGED),
    Hostile("empty", ".xlsx", raw(b""), ("empty_file",)),
    Hostile("the first two letters of a zip", ".xlsx", raw(b"PK"), DAMAGED),
    Hostile("named .xlsx: a table", ".xlsx", raw(b"city_id,year\n"), NO_BOOK),
    Hostile("named .xlsx: a PDF", ".xlsx", raw(b"%PDF-1.7\n" + b"x" * 900), NO_BOOK),
    Hostile("named .xlsx: a text document", ".xlsx", office("word/document.xml"), NO_BOOK),
    Hostile("named .xlsx: an .xlsb", ".xlsx", office("xl/workbook.bin"), NO_BOOK),
    Hostile("named .xlsx: an .ods", ".xlsx", office("content.xml", "mimetype"), NO_BOOK),
    Hostile("named .csv: a workbook", ".csv", workbook_named_csv, NO_TABLE),
    Hostile("named .parquet: a workbook", ".parquet", workbook_named_csv, NO_TABLE),
    Hostile("table: a million columns", ".csv", csv_of("a," * 1_000_000, "\n"), NO_TABLE),
    Hostile("table: thirty thousand columns", ".csv", csv_of("a," * 30_000, "\n", "1," * 30_000, "\n"), BIG),
    Hostile("table: a line of a million fields", ".csv", csv_of(CSV_HEAD, "a," * 1_000_000, "\n"), (*NO_TABLE, *BIG)),
    Hostile("table: a line of 100 MB", ".csv", csv_of(CSV_HEAD, *[b"a" * MEBIBYTE] * 100), (*NO_TABLE, *BIG)),
    Hostile(
        "table: a quote without end, 100 MB",
        ".csv",
        csv_of(CSV_HEAD, '"', *[b"a,b\n" * (MEBIBYTE // 4)] * 100),
        (*NO_TABLE, *BIG),
    ),
    Hostile("table: nothing but zero bytes", ".csv", csv_of(b"\0" * MEBIBYTE), NO_TABLE),
    Hostile("table: not UTF-8", ".csv", csv_of(CSV_HEAD, b"no-rana,2020,\xff\xfe,1,2,3\n"), NO_TABLE),
    Hostile("table: forty million equal rows", ".parquet", parquet_that_lies, (*NO_TABLE, *BIG)),
    Hostile("table: a damaged footer", ".parquet", raw(b"PAR1" + b"\xff" * 200 + b"\xff\xff\xff\x7fPAR1"), NO_TABLE),
)
