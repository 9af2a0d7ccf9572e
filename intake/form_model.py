"""What the form is made of: its fields and labels, the city it is for, and what stands in a row.

What belongs here: what writing (`template.py`, `form_rows.py`) and reading (`workbook.py`) must agree on. What does
not: either of the two, the texts themselves (``texts/``), and appearance (`form_style.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from intake.form_texts import load_texts
from ssc_index.framework.catalogue import DataPoint

# 1 had no columns Last report and Check, no choice of units, and did not name its version.
FORM_VERSION = 2

_ENGLISH = load_texts()
INSTRUCTIONS = _ENGLISH.sheets.instructions
PROFILE = _ENGLISH.sheets.profile
KPIS = _ENGLISH.sheets.kpis
LISTS = _ENGLISH.sheets.lists

# Field of the row -> header of the column, in the order of the form. The labels are the contract with the reader.
HEADERS: Mapping[str, str] = _ENGLISH.headers
REQUIRED_FIELDS = ("code", "numerator", "denominator", "result", "is_reported", "is_verified")
# Columns that help whoever fills the form in; nothing of them is read.
HELP_FIELDS = ("kpi", "help", "previous", "check")

# Field of the profile -> label, and what is asked for.
PROFILE_LABELS: Mapping[str, tuple[str, str]] = {
    name: (one.label, one.help or "") for name, one in _ENGLISH.profile.items()
}
LOCKED_PROFILE = ("city_id", "city_name", "country", "year", "framework_version", "form_version")

# Data points of a quantity that the profile gives: the denominator is filled in from there.
PREFILLED: Mapping[str, str] = {
    "population": "population",
    "households": "households",
    "city_area": "area_km2",
    "city_gdp": "city_gdp",
}
# KPIs whose data points are shares of one whole.
SHARES_OF_100 = ("EC_I_T_4A", "EN_EN_WA_1C")

NOT_REPORTED = "NR"


@dataclass(frozen=True)
class City:
    """The city that a workbook is for.

    Attributes:
        city_id: Key in the register, for example ``no-karmoy``.
        name: Name of the city.
        country: Name of the country.
    """

    city_id: str
    name: str
    country: str


@dataclass(frozen=True)
class Entry:
    """What stands in one row of the form; None leaves the cell to the form.

    Attributes:
        numerator: Number, or a text as people write it.
        denominator: Number in the form's unit (population / 100 000 for rates); None takes the profile's where the
            data point asks for a figure of the profile.
        result: Final value; None computes it from numerator and denominator. YES or NO for such data points.
        reported: None leaves it to the form's formula.
        verified: The verifier's YES or NO.
        quality: Code of the data-quality grade.
        origin: Code of the data origin.
        source: Who holds the data.
        source_details: Document, table, page or address.
        comment: Remark of the city.
    """

    numerator: float | str | None = None
    denominator: float | str | None = None
    result: float | str | None = None
    reported: bool | None = None
    verified: bool | None = None
    quality: str | None = None
    origin: str | None = None
    source: str | None = None
    source_details: str | None = None
    comment: str | None = None


@dataclass(frozen=True)
class LastReport:
    """What a city reported last, shown for comparison.

    Attributes:
        year: Its reference year.
        values: Values by data-point id, in catalogue units; 1 and 0 of a yes/no data point.
        profile: Figures of the profile by field.
    """

    year: int
    values: Mapping[str, float] = field(default_factory=dict)
    profile: Mapping[str, float | str | None] = field(default_factory=dict)


def denominator_of(point: DataPoint, profile: Mapping[str, Any]) -> float | None:
    """The denominator that the profile gives, in the form's unit; None where it gives none.

    Args:
        point: The data point.
        profile: Figures by profile field.
    """
    name = PREFILLED.get(point.denominator_basis or "")
    number = profile.get(name) if name else None
    if not isinstance(number, int | float):
        return None
    return number / point.template_divisor


def yes_no(value: bool) -> str:
    """The word of the form."""
    return "YES" if value else "NO"
