"""A blank form as a package, and the filling of its cells.

What belongs here: cells of an xlsx that XlsxWriter wrote take other contents; all else stays as it was packed. So a
filled form costs a seventh of writing it anew. What does not: what stands where (`template.py`) and the reading of
files that come from elsewhere (`xlsx.py`).
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

# Stands in the blank form for the title of the document's properties.
TITLE = "TITLE OF THE FORM"
MOST_TEXT = 32_767  # characters of one cell; Excel's own limit

_CELL = re.compile(r'<c r="([A-Z]+[0-9]+)"( s="[0-9]+")?[^>]*?(?:/>|>(<f>.*?</f>)?.*?</c>)', re.DOTALL)
_CORE = "docProps/core.xml"
# What XML cannot hold is written as the format says, _x0007_; so is a text that looks like that already.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9a-fA-F]{4}_)")
# Dates of the members, so that the bytes do not depend on the clock.
_PACKED = (1980, 1, 1, 0, 0, 0)


class Stored(NamedTuple):
    """The value that a cell's own formula comes to; the formula stays.

    Attributes:
        value: A number or a text.
    """

    value: float | str


Content = float | str | Stored


class _Sheet(NamedTuple):
    """A sheet cut at its cells.

    Attributes:
        parts: Its XML; every odd part is a cell.
        cells: Of each address, where its part stands, how it begins and its formula.
    """

    parts: list[str]
    cells: dict[str, tuple[int, str, str]]


class BlankForm:
    """A form without contents; make it once and write it often.

    The same contents give the same bytes.
    """

    def __init__(self, package: bytes, members: Mapping[str, str]) -> None:
        """Cut a package at the cells of some of its sheets.

        Args:
            package: An xlsx file of XlsxWriter.
            members: Name of each sheet to fill, with the member that holds it.
        """
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        self._members = dict(members)
        self._sheets = {sheet: _cut(contents.pop(member).decode()) for sheet, member in members.items()}
        self._core = contents.pop(_CORE).decode()
        rest = io.BytesIO()
        with zipfile.ZipFile(rest, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in contents.items():
                archive.writestr(_info(name), content)
        self._rest = rest.getvalue()

    def write(self, path: Path, title: str, cells: Mapping[str, Mapping[str, Content]]) -> None:
        """Write the form with contents.

        Args:
            path: Where to write; its folder must exist.
            title: Title in the properties of the document.
            cells: By sheet, contents by address; cells that are not named stay blank.

        Raises:
            KeyError: If the form has no such sheet or cell.
            ValueError: If a number is not finite.
        """
        package = io.BytesIO(self._rest)
        with zipfile.ZipFile(package, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(_info(_CORE), self._core.replace(TITLE, _escaped(title)))
            for sheet, member in self._members.items():
                archive.writestr(_info(member), _filled(self._sheets[sheet], cells.get(sheet, {})))
        path.write_bytes(package.getvalue())


def _info(name: str) -> zipfile.ZipInfo:
    """A member as it is packed, whatever the time and the machine."""
    info = zipfile.ZipInfo(name, _PACKED)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info


def _cut(xml: str) -> _Sheet:
    """A sheet cut at its cells."""
    parts, cells, end = [], {}, 0
    for match in _CELL.finditer(xml):
        address, style, formula = match.groups()
        parts += [xml[end : match.start()], match.group()]
        cells[address] = (len(parts) - 1, f'<c r="{address}"{style or ""}', formula or "")
        end = match.end()
    return _Sheet([*parts, xml[end:]], cells)


def _filled(sheet: _Sheet, contents: Mapping[str, Content]) -> str:
    """The XML of a sheet with contents in its cells."""
    parts = sheet.parts.copy()
    for address, content in contents.items():
        at, head, formula = sheet.cells[address]
        if isinstance(content, str):
            parts[at] = f'{head} t="inlineStr"><is><t xml:space="preserve">{_escaped(content)}</t></is></c>'
        elif not isinstance(content, Stored):
            parts[at] = f"{head}><v>{_number(content)}</v></c>"
        elif isinstance(content.value, str):
            parts[at] = f'{head} t="str">{formula}<v>{_escaped(content.value)}</v></c>'
        else:
            parts[at] = f"{head}>{formula}<v>{_number(content.value)}</v></c>"
    return "".join(parts)


def _number(value: float) -> str:
    """A number to its last bit."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number that a workbook can hold")
    return repr(float(value))


def _escaped(text: str) -> str:
    """A text as XML holds it."""
    return escape(_CONTROL.sub(lambda match: f"_x{ord(match.group()):04X}_", text[:MOST_TEXT]))
