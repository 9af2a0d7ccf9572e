"""The faults planted in the demo cohort, so that one sees the checks find something.

What belongs here: which cell of which workbook is wrong, and how. What does not: the checks
(`workbook.py`, `derive.py`, the bounds of the catalogue).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from intake.template import Entry


@dataclass(frozen=True)
class Plant:
    """A fault to plant.

    Attributes:
        number: Number of the city.
        year: Reference year.
        data_point: The data point.
        kind: What is wrong, in a word.
        rule: Code under which the checks report it.
    """

    number: int
    year: int
    data_point: str
    kind: str
    rule: str


# At most one in a workbook, and none in a data point whose neighbours it would disturb.
PLANTS = (
    Plant(1, 2021, "EC_ICT_ICT_1C.main", "text_in_number_cell", "not_a_number"),
    Plant(2, 2021, "SC_SH_SA_9C.main", "error_text_in_result", "not_a_number"),
    Plant(3, 2022, "SC_EH_ED_4C.main", "percentage_as_fraction", "result_is_fraction"),
    Plant(4, 2022, "EC_ICT_ES_1C.main", "share_above_100", "within_bounds"),
    Plant(5, 2023, "EN_EN_PSN_1C.main", "result_differs", "result_differs"),
    Plant(6, 2023, "SC_EH_H_3C.main", "population_as_denominator", "denominator_not_per_100000"),
    Plant(8, 2024, "SC_SH_SI_2C.main", "gini_from_0_to_100", "gini_on_0_to_100"),
    Plant(10, 2024, "EC_I_T_8A.main", "denominator_missing", "denominator_missing"),
    Plant(12, 2025, "SC_SH_SA_3A.main", "neither_yes_nor_no", "not_yes_no"),
    Plant(14, 2025, "EC_I_WS_3C.main", "denominator_zero", "denominator_zero"),
    Plant(15, 2025, "EC_P_IN_3A.main", "value_marked_not_reported", "value_marked_not_reported"),
    Plant(18, 2023, "SC_SH_SA_7C.main", "ambiguous_comma", "ambiguous_number"),
)


def planted_in(number: int, year: int) -> Plant | None:
    """The fault of a city's workbook, None where there is none."""
    return next((plant for plant in PLANTS if (plant.number, plant.year) == (number, year)), None)


def plant(entry: Entry, kind: str, value: float, population: float) -> Entry:
    """A row with its fault.

    Args:
        entry: The row as it should be, with numerator and denominator where the form has them.
        kind: Kind of the fault, one of `PLANTS`.
        value: Value of the row.
        population: Inhabitants of the city.
    """
    return _KINDS[kind](entry, value, population)


_KINDS: Mapping[str, Callable[[Entry, float, float], Entry]] = {
    "text_in_number_cell": lambda entry, _value, _people: replace(entry, numerator="about half of them"),
    "error_text_in_result": lambda entry, _value, _people: replace(entry, result="#DIV/0!"),
    "percentage_as_fraction": lambda entry, value, _people: replace(entry, result=round(value / 100, 4)),
    "share_above_100": lambda entry, _value, _people: replace(entry, numerator=round(1.2 * _number(entry.denominator))),
    "result_differs": lambda entry, value, _people: replace(entry, result=round(1.5 * value + 1, 2)),
    "population_as_denominator": lambda entry, _value, people: replace(entry, denominator=people),
    "gini_from_0_to_100": lambda entry, value, _people: replace(entry, result=round(100 * value, 1)),
    "denominator_missing": lambda entry, _value, _people: replace(entry, denominator=None, reported=True),
    "neither_yes_nor_no": lambda entry, _value, _people: replace(entry, result="partly"),
    "denominator_zero": lambda entry, _value, _people: replace(entry, denominator=0.0, reported=True),
    "value_marked_not_reported": lambda entry, _value, _people: replace(entry, reported=False),
    "ambiguous_comma": lambda entry, _value, _people: replace(entry, numerator="1,234"),
}


def _number(cell: float | str | None) -> float:
    """A cell that the demo itself filled with a number."""
    if not isinstance(cell, int | float):
        raise TypeError(f"{cell!r} is no number, so the fault cannot be planted here")
    return float(cell)
