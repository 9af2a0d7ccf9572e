"""A bounded reader of xlsx files: zip and XML of the standard library, every size limited before it is spent.

What belongs here: archive, sheets, cells with address, type, cached value and formula flag. What does not:
what the cells mean (`workbook.py`). Macros, links and embedded objects are never opened; a document type
definition, with which entities could be declared, is refused.

The Rust readers of xlsx abort the whole process on one crafted cell, so none of them is used.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from ssc_index.errors import SscIndexError

MEBIBYTE = 1 << 20
MAX_FILE_BYTES = 8 * MEBIBYTE
MAX_MEMBERS = 500
MAX_DIRECTORY_BYTES = MEBIBYTE // 4  # of the archive's own list of its parts
MAX_TOTAL_BYTES = 64 * MEBIBYTE
MAX_MEMBER_BYTES = 16 * MEBIBYTE
MAX_RATIO = 200  # of members above one mebibyte; a real sheet deflates 5 to 20 times
MAX_TAG_BYTES = MEBIBYTE // 2  # of one tag with its attributes, or one comment
MAX_ROWS = 100_000  # row elements, empty ones too
MAX_CELL_ELEMENTS = 400_000  # cell elements, empty ones too
MAX_CELLS = 100_000  # cells that hold something
MAX_ROW = 20_000
MAX_COLUMN = 500
MAX_STRINGS = 100_000
MAX_MERGED = 10_000  # merged ranges of a sheet
MAX_STYLES = 70_000  # number formats and formats of cells; Excel knows 65 490
MAX_TEXT = 32_767  # Excel's own limit of one cell
MAX_CELL_CHARACTERS = 1_000_000  # of a cell that no spreadsheet program wrote

# Large, for expat looks at a text that does not end in a chunk once more with every further one.
_CHUNK = MEBIBYTE
_ADDRESS = re.compile(r"^\$?([A-Z]{1,3})\$?([0-9]{1,7})$")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WORKBOOK = "xl/workbook.xml"
# The record at the end of an archive: its signature, its length, and where it begins at the earliest.
_END, _END_BYTES, _LONGEST_END = b"PK\x05\x06", 22, 22 + (1 << 16)
_LOCAL_HEAD_BYTES = 30

# Built-in number formats, by ECMA-376 part 1, 18.8.30; and what of a format's code stands for no part of the number.
_BUILT_IN = dict.fromkeys(("9", "10"), "percent") | {
    str(number): "date" for span in ((14, 22), (27, 36), (45, 47), (50, 58)) for number in range(span[0], span[1] + 1)
}
_LITERAL = re.compile(r'"[^"]*"|\\.|[_*].|\[[^\]]*\]|general|standard', re.IGNORECASE)
_DATE_PART = re.compile(r"[dmyhs]", re.IGNORECASE)

Attributes = Mapping[str, str]


class Refused(SscIndexError):
    """A file that is not read at all.

    Attributes:
        rule: Short code of the reason.
        message: Sentence for the sender of the file.
    """

    def __init__(self, rule: str, message: str) -> None:
        self.rule = rule
        self.message = message
        super().__init__(message)


class Cell(NamedTuple):
    """One cell that holds something.

    Attributes:
        row: Row number, from 1.
        column: Column number, from 1.
        kind: ``number``, ``text``, ``boolean``, ``error``, or ``uncalculated`` for a formula without a stored value.
        value: float, str or bool after the kind; None for ``uncalculated``.
        is_formula: Whether the value is a formula's stored result.
        shows: What its number format shows a number as: ``percent`` (a hundred times the number, with the sign),
            ``date`` (a day or a time), or None.
    """

    row: int
    column: int
    kind: str
    value: float | str | bool | None
    is_formula: bool
    shows: str | None = None


class Merged(NamedTuple):
    """A range of cells that were merged into one; rows and columns from 1, the last ones included."""

    first_row: int
    last_row: int
    first_column: int
    last_column: int


class XlsxFile:
    """An opened, checked xlsx file; see `open_xlsx`."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members, self._strings_member, self._styles_member = _parts(archive)
        self._strings: list[str] | None = None
        self._styles: dict[str, str] = {}
        self._merged: dict[str, tuple[Merged, ...]] = {}

    @property
    def sheet_names(self) -> tuple[str, ...]:
        """Names of the sheets in the order of the tabs, hidden ones too."""
        return tuple(self._members)

    @property
    def has_macros(self) -> bool:
        """Whether there are programs in the file; nothing here can run them."""
        return any(name.casefold().endswith("vbaproject.bin") for name in self._archive.namelist())

    @property
    def has_links(self) -> bool:
        """Whether formulas take values from other files; nothing here follows them."""
        return any(name.startswith("xl/externalLinks/") for name in self._archive.namelist())

    def cells(self, sheet: str) -> list[Cell]:
        """Cells of a sheet that hold something, in the order of the file.

        Raises:
            Refused: If the sheet is damaged or goes beyond a limit.
        """
        with _damage_refused():
            if self._strings is None:
                self._strings = _shared_strings(self._archive, self._strings_member)
                self._styles = _styles(self._archive, self._styles_member)
            reader = _SheetReader(self._strings, self._styles)
            cells = reader.read(self._archive, self._members[sheet])
            self._merged[sheet] = tuple(reader.merged)
            return cells

    def merged(self, sheet: str) -> tuple[Merged, ...]:
        """Merged ranges of a sheet whose cells have been read; only the first cell of each holds anything."""
        return self._merged[sheet]


@contextmanager
def open_xlsx(path: Path) -> Iterator[XlsxFile]:
    """Open a workbook within the limits of this module.

    Args:
        path: File of any name; what counts is its content.

    Raises:
        Refused: If it is empty, no workbook, encrypted, damaged, or beyond a limit.
    """
    _check_head(path)
    with _damage_refused():
        archive = zipfile.ZipFile(path)
    with archive:
        with _damage_refused():
            _check_archive(archive)
            book = XlsxFile(archive)
        yield book


def column_letters(column: int) -> str:
    """Letters of a column number.

    >>> column_letters(1), column_letters(28)
    ('A', 'AB')
    """
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


@contextmanager
def _damage_refused() -> Iterator[None]:
    """Turn what zipfile and expat raise on a damaged file into one refusal."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        expat.ExpatError,
        EOFError,
        OSError,
        KeyError,
        IndexError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise Refused(
            "damaged_workbook",
            f"The workbook is damaged ({type(error).__name__}: {str(error)[:120]}). "
            "Open it, save it again as .xlsx and send that.",
        ) from error


def _check_head(path: Path) -> None:
    """Refuse what is no zip file, with the reason that a person recognises."""
    size = path.stat().st_size
    if size == 0:
        raise Refused("empty_file", "The file is empty. Send it again.")
    if size > MAX_FILE_BYTES:
        raise Refused(
            "too_large",
            f"The workbook has {size / MEBIBYTE:.1f} MiB, the limit is {MAX_FILE_BYTES // MEBIBYTE} MiB. "
            "Remove pictures and sheets that are not part of the form.",
        )
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(_OLE):
        raise Refused(
            "not_a_workbook",
            "The file is encrypted or an old .xls. Remove the password and save it as .xlsx.",
        )
    if not head.startswith(b"PK"):
        raise Refused(
            "not_a_workbook",
            "The file is not an Excel workbook. Save the filled form as .xlsx and send that.",
        )
    _check_directory(path, size)


def _check_directory(path: Path, size: int) -> None:
    """Refuse an archive of too many parts before its list of them is read."""
    with path.open("rb") as file:
        file.seek(max(0, size - _LONGEST_END))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        return  # no archive; zipfile says so
    members, length = struct.unpack_from("<HL", tail, at + 10)
    if members > MAX_MEMBERS or length > MAX_DIRECTORY_BYTES:
        raise Refused("too_large", f"The workbook has {members} parts, the limit is {MAX_MEMBERS}.")


def _check_archive(archive: zipfile.ZipFile) -> None:
    """Refuse an archive that is no workbook or would unpack beyond the limits."""
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise Refused("too_large", f"The workbook has {len(members)} parts, the limit is {MAX_MEMBERS}.")
    if sum(member.file_size for member in members) > MAX_TOTAL_BYTES:
        raise Refused("too_large", f"The workbook unpacks to more than {MAX_TOTAL_BYTES // MEBIBYTE} MiB.")
    for member in members:
        if member.flag_bits & 1:
            raise Refused("not_a_workbook", "The file is encrypted. Remove the password and save it as .xlsx.")
        if member.file_size > MEBIBYTE and member.file_size > MAX_RATIO * max(1, member.compress_size):
            raise Refused("too_large", f"Part {member.filename[:80]!r} is packed like a zip bomb.")
    _check_places(members)
    if _WORKBOOK not in archive.NameToInfo:
        raise Refused("not_a_workbook", f"The file is {_kind_of(archive)}. Save the form as .xlsx and send that.")


def _kind_of(archive: zipfile.ZipFile) -> str:
    """What an archive is that is no workbook."""
    known = {
        "xl/workbook.bin": "a binary workbook (.xlsb)",
        "content.xml": "an OpenDocument file (.ods)",
        "word/document.xml": "a text document",
        "ppt/presentation.xml": "a presentation",
    }
    found = (kind for name, kind in known.items() if name in archive.NameToInfo)
    return next(found, "a zip archive but not an Excel workbook")


def _check_places(members: list[zipfile.ZipInfo]) -> None:
    """Refuse parts that share bytes or a name: no program writes them, and two readers see two workbooks."""
    end, names = 0, set()
    for member in sorted(members, key=lambda one: one.header_offset):
        if member.header_offset < end or member.filename in names:
            raise Refused(
                "damaged_workbook",
                f"Part {member.filename[:80]!r} of the workbook lies over another. Open it, save it again as .xlsx and "
                "send that.",
            )
        names.add(member.filename)
        end = member.header_offset + _LOCAL_HEAD_BYTES + len(member.filename) + member.compress_size


def _parse(
    archive: zipfile.ZipFile,
    member: str,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:
    """Feed one XML member to handlers, counting its bytes."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_dtd
    parser.EntityDeclHandler = _no_dtd
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    count = 0
    with archive.open(member) as file:
        while chunk := file.read(_CHUNK):
            count += len(chunk)
            if count > MAX_MEMBER_BYTES:
                raise Refused("too_large", f"Part {member[:80]!r} has more than {MAX_MEMBER_BYTES // MEBIBYTE} MiB.")
            parser.Parse(chunk, False)
            if count - parser.CurrentByteIndex > MAX_TAG_BYTES:
                raise Refused("too_large", f"Part {member[:80]!r} has a tag of more than {MAX_TAG_BYTES // 1024} KiB.")
    parser.Parse(b"", True)


def _no_dtd(*_: object) -> None:
    raise Refused("forbidden_content", "The workbook declares XML entities, which no spreadsheet program writes.")


@lru_cache(maxsize=1 << 13)  # the cells of a form have the same addresses in every file
def _place(name: str) -> tuple[int, int]:
    """Row and column of an address."""
    match = _ADDRESS.match(name)
    if match is None:
        raise Refused("damaged_workbook", f"The workbook has a cell at {name[:20]!r}, which is no address.")
    letters, digits = match.groups()
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return int(digits), column


def _local(tag: str) -> str:
    """A tag without its namespace prefix; some programs write ``x:row``."""
    return tag.rpartition(":")[2]


def _parts(archive: zipfile.ZipFile) -> tuple[dict[str, str], str | None, str | None]:
    """Sheet names with the members that hold them, and the members of the shared texts and of the styles."""
    targets: dict[str, str] = {}
    sheets: dict[str, str] = {}
    strings: list[str] = []
    styles: list[str] = []

    def relation(tag: str, attributes: dict[str, str]) -> None:
        if _local(tag) != "Relationship":
            return
        target = attributes["Target"]
        member = target[1:] if target.startswith("/") else f"xl/{target}"
        if attributes["Type"].endswith("/worksheet"):
            targets[attributes["Id"]] = member
        elif attributes["Type"].endswith("/sharedStrings"):
            strings.append(member)
        elif attributes["Type"].endswith("/styles"):
            styles.append(member)

    def sheet(tag: str, attributes: dict[str, str]) -> None:
        if _local(tag) == "sheet":
            relation_id = next((value for name, value in attributes.items() if name.endswith(":id")), "")
            if relation_id in targets:  # chart sheets and dialogs have no cells
                sheets[attributes["name"]] = targets[relation_id]

    _parse(archive, "xl/_rels/workbook.xml.rels", relation)
    _parse(archive, _WORKBOOK, sheet)
    return sheets, strings[0] if strings else None, styles[0] if styles else None


def _styles(archive: zipfile.ZipFile, member: str | None) -> dict[str, str]:
    """What the cell formats that show per cent or dates show, by their numbers; nothing where there is no such part."""
    formats = dict(_BUILT_IN)
    found: dict[str, str] = {}
    count = styles = 0
    is_of_cells = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count, styles, is_of_cells
        tag = _local(tag)
        if tag not in ("numFmt", "xf", "cellXfs"):
            return
        count += 1
        if count > MAX_STYLES:
            raise Refused("too_large", f"The workbook has more than {MAX_STYLES} formats. Copy the data into the form.")
        if tag == "cellXfs":
            is_of_cells = True
        elif tag == "numFmt":
            if shows := _shown_by(attributes.get("formatCode", "")):
                formats[attributes.get("numFmtId", "")] = shows
        elif tag == "xf" and is_of_cells:
            if shows := formats.get(attributes.get("numFmtId", "")):
                found[str(styles)] = shows
            styles += 1

    def end(tag: str) -> None:
        nonlocal is_of_cells
        if _local(tag) == "cellXfs":
            is_of_cells = False

    if member is not None and member in archive.NameToInfo:
        _parse(archive, member, start, end)
    return found


def _shown_by(code: str) -> str | None:
    """What the code of a number format shows.

    >>> _shown_by("0.0%"), _shown_by("[$-407]d. mmm yyyy"), _shown_by('#,##0" days"'), _shown_by("[Red]General")
    ('percent', 'date', None, None)
    """
    signs = _LITERAL.sub("", code)
    return "percent" if "%" in signs else "date" if _DATE_PART.search(signs) else None


def _shared_strings(archive: zipfile.ZipFile, member: str | None) -> list[str]:
    """The table of texts; phonetic guides are left out."""
    strings: list[str] = []
    parts: list[str] = []
    is_text = is_phonetic = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal is_text, is_phonetic
        if tag == "t":
            is_text = not is_phonetic
        elif tag == "si":
            parts.clear()
        elif tag == "rPh":
            is_phonetic = True
        elif ":" in tag:
            start(_local(tag), attributes)

    def end(tag: str) -> None:
        nonlocal is_text, is_phonetic
        if tag == "t":
            is_text = False
        elif tag == "si":
            if len(strings) >= MAX_STRINGS:
                raise Refused("too_large", f"The workbook has more than {MAX_STRINGS} different texts.")
            strings.append("".join(parts)[:MAX_TEXT])
        elif tag == "rPh":
            is_phonetic = False
        elif ":" in tag:
            end(_local(tag))

    def text(data: str) -> None:
        if is_text:
            parts.append(data)
            if len(parts) > MAX_CELL_CHARACTERS // MAX_TEXT and sum(map(len, parts)) > MAX_CELL_CHARACTERS:
                raise Refused("too_large", f"The workbook has a text of more than {MAX_CELL_CHARACTERS} characters.")

    if member is not None:
        _parse(archive, member, start, end, text)
    return strings


class _SheetReader:
    """The handlers of one sheet; what they share lives between calls of expat."""

    def __init__(self, strings: list[str], styles: Mapping[str, str]) -> None:
        self._strings = strings
        self._styles = styles
        self._style = "0"
        self._cells: list[Cell] = []
        self.merged: list[Merged] = []
        self._parts: list[str] = []
        self._length = 0
        self._rows = 0
        self._elements = 0
        self._row = 0
        self._column = 0
        self._kind = "n"
        self._is_open = False
        self._has_value = False
        self._has_formula = False

    def read(self, archive: zipfile.ZipFile, member: str) -> list[Cell]:
        """All cells of the sheet that hold something."""
        _parse(archive, member, self._start, self._end, self._text)
        return self._cells

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c":
            self._start_cell(attributes)
        elif tag == "v" or tag == "t":
            self._is_open = self._has_value = True
        elif tag == "f":
            self._has_formula = True
        elif tag == "row":
            self._start_row(attributes)
        elif tag == "mergeCell":
            self._start_merged(attributes["ref"])
        elif ":" in tag:
            self._start(_local(tag), attributes)

    def _start_merged(self, name: str) -> None:
        """Keep a merged range."""
        if len(self.merged) >= MAX_MERGED:
            raise Refused("too_large", f"A sheet has more than {MAX_MERGED} merged ranges.")
        first, _, last = name.partition(":")
        rows, columns = zip(*(_place(part) for part in (first, last or first)), strict=True)
        self.merged.append(Merged(min(rows), max(rows), min(columns), max(columns)))

    def _start_row(self, attributes: dict[str, str]) -> None:
        self._rows += 1
        if self._rows > MAX_ROWS:
            raise Refused(
                "too_large",
                f"A sheet has more than {MAX_ROWS} rows. Delete the empty formatted rows below the form.",
            )
        self._row = int(attributes["r"]) if "r" in attributes else self._row + 1
        self._column = 0

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_CELL_ELEMENTS:
            raise Refused("too_large", f"A sheet has more than {MAX_CELL_ELEMENTS} cells.")
        name = attributes.get("r")
        if name is None:
            self._column += 1
        else:
            self._row, self._column = _place(name)
        self._kind = attributes.get("t", "n")
        self._style = attributes.get("s", "0")
        self._has_value = self._has_formula = False
        self._parts.clear()
        self._length = 0

    def _text(self, data: str) -> None:
        if self._is_open:
            self._length += len(data)
            if self._length > MAX_CELL_CHARACTERS:
                raise Refused("too_large", f"Row {self._row} has a cell of more than {MAX_CELL_CHARACTERS} characters.")
            self._parts.append(data)

    def _end(self, tag: str) -> None:
        if tag == "v" or tag == "t":
            self._is_open = False
        elif tag == "c":
            if self._has_value or self._has_formula:
                self._end_cell()
        elif ":" in tag:
            self._end(_local(tag))

    def _end_cell(self) -> None:
        if not (0 < self._row <= MAX_ROW and 0 < self._column <= MAX_COLUMN):
            place = f"{column_letters(self._column)}{self._row}"
            raise Refused(
                "far_cell",
                f"Cell {place} holds something far outside the form. Clear everything beyond the form.",
            )
        if len(self._cells) >= MAX_CELLS:
            raise Refused("too_large", f"A sheet has more than {MAX_CELLS} filled cells.")
        kind, value = self._typed("".join(self._parts))
        if value != "" or self._has_formula:
            shows = self._styles.get(self._style)
            self._cells.append(Cell(self._row, self._column, kind, value, self._has_formula, shows))

    def _typed(self, text: str) -> tuple[str, float | str | bool | None]:
        """Kind and value of a stored text, after the cell's type."""
        kind = self._kind
        # Some programs write a formula without a value, others with an empty one; an empty text is a value.
        if not self._has_value or (self._has_formula and kind == "n" and not text):
            return "uncalculated", None
        if kind == "s":
            return "text", self._strings[int(text)]
        if kind == "n":
            try:
                return "number", float(text)
            except ValueError:
                return "text", text[:MAX_TEXT]
        if kind == "b":
            return "boolean", text.strip() == "1"
        if kind == "e":
            return "error", text
        return "text", text[:MAX_TEXT]
