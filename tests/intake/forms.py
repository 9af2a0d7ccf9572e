"""Helpers of these tests: a form with entries, and raw edits of a workbook's XML."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from intake.reading import read_submission
from intake.tables import ReadResult
from intake.template import City, Entry, write_workbook
from ssc_index.framework.catalogue import load_catalogue

CITY = City("no-testby", "Testby", "Norway")
YEAR = 2024
PROFILE = {"population": 150000.0, "households": 60000.0, "area_km2": 80.0, "city_gdp": 9e9, "currency": "NOK"}
INTERNET = "EC_ICT_ICT_1C.main"
HOTSPOTS = "EC_ICT_ICT_5C.main"
PLANS = "SC_SH_SA_3A.main"
KPIS_XML = "xl/worksheets/sheet3.xml"
PROFILE_XML = "xl/worksheets/sheet2.xml"


def write_form(path: Path, entries: Mapping[str, Entry] | None = None, **changes: object) -> Path:
    """A form of Testby with some entries."""
    arguments: dict[str, object] = {"city": CITY, "year": YEAR, "profile": PROFILE, "entries": entries} | changes
    write_workbook(path, load_catalogue(), **arguments)  # type: ignore[arg-type]  # checked by the function
    return path


def read(path: Path) -> ReadResult:
    return read_submission(path, load_catalogue())


def row_of(result: ReadResult, point: str) -> dict[str, object]:
    return result.cells.row(by_predicate=pl.col("data_point") == point, named=True)


def faults_of(result: ReadResult, rule: str) -> list[dict[str, object]]:
    return result.faults.filter(pl.col("rule") == rule).to_dicts()


def only_fault(result: ReadResult, rule: str) -> dict[str, object]:
    """The single fault of a rule; fails if others stand beside it.

    Formulas that openpyxl left without a value when a test saved the form are left aside.
    """
    others = result.faults.filter(pl.col("rule") != "formula_not_calculated")
    assert others["rule"].to_list() == [rule]
    return others.row(0, named=True)


def edit(path: Path, member: str, change: Callable[[str], str]) -> Path:
    """Rewrite one member of a workbook."""
    return edit_all(path, lambda name, xml: change(xml) if name == member else xml)


def edit_all(path: Path, change: Callable[[str, str], str]) -> Path:
    """Rewrite members of a workbook; gets the name and text of each."""
    with zipfile.ZipFile(path) as archive:
        before = {info.filename: archive.read(info).decode() for info in archive.infolist()}
    after = {name: change(name, text) for name, text in before.items()}
    assert after != before, "the edit changed nothing"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in after.items():
            archive.writestr(name, text)
    return path


def set_cell(path: Path, address: str, inner: str, kind: str = "n", member: str = KPIS_XML) -> Path:
    """Put other XML into a cell, for example ``<v>#DIV/0!</v>`` of kind ``e``."""
    pattern = re.compile(rf'<c r="{address}"([^>]*?)(?:/>|>.*?</c>)')

    def change(xml: str) -> str:
        style = re.search(r's="\d+"', pattern.search(xml)[1])  # type: ignore[index]  # the cell is there
        return pattern.sub(f'<c r="{address}" {style[0] if style else ""} t="{kind}">{inner}</c>', xml, count=1)

    return edit(path, member, change)


def replace_text(path: Path, old: str, new: str) -> Path:
    """Change a text of the workbook wherever it stands as a whole."""
    pattern = re.compile(rf"(<t[^>]*>){re.escape(old)}</t>")
    return edit_all(path, lambda _, xml: pattern.sub(rf"\g<1>{new}</t>", xml))
