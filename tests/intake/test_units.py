"""Units that people write: converted where that is exact, doubted where it is not, and always told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from forms import faults_of, only_fault, read, row_of, write_form

from intake.points import lookup_of
from intake.template import Entry
from intake.units import UNITS, converted, ratio, written_unit
from ssc_index.framework.catalogue import load_catalogue

WATER, POWER, HEAT, FLOOR = "EN_EN_WS_2C.main", "EN_E_E_2C.main", "EN_E_E_3C.main", "EN_E_E_4A.main"
LINES, GREEN, CARBON, NO2, CUTS = (
    "EC_I_T_1C.main",
    "EN_EN_PSN_1C.main",
    "EN_EN_AQ_2C.main",
    "EN_EN_AQ_1C.no2",
    "SC_SH_SA_5A.main",
)
TABLE = yaml.safe_load(UNITS.read_text(encoding="utf-8"))
NAMES = [(quantity, name) for quantity, facts in TABLE.items() for unit in facts["units"] for name in unit["names"]]


@pytest.mark.parametrize(
    ("given", "asked", "number", "expected"),
    [
        ("km", "m", 2.5, 2500.0),
        ("m", "km / 100 000 inhabitants", 400.0, 0.4),
        ("miles", "km", 10.0, 16.09344),
        ("ft", "m", 10.0, 3.048),
        ("km²", "ha", 3.0, 300.0),
        ("ha", "km2", 8000.0, 80.0),
        ("hectares", "m2 / 100 000 inhabitants", 2.0, 20_000.0),
        ("square miles", "km2", 100.0, 258.9988110336),
        ("sq ft", "m2", 100.0, 9.290304),
        ("m³ / day", "l / day / capita", 0.2, 200.0),
        ("ML", "l / day", 3.0, 3_000_000.0),
        ("ml", "l", 500.0, 0.5),
        ("hl", "l", 2.0, 200.0),
        ("US gallons", "l / day", 10.0, 37.85411784),
        ("MWh", "kWh / year", 5.0, 5000.0),
        ("GWh per year", "kWh / year", 5.0, 5_000_000.0),
        ("TWh", "kWh", 1.5, 1.5e9),
        ("Wh", "kWh", 1500.0, 1.5),
        ("MJ", "kWh", 36.0, 10.0),  # 1 kWh = 3.6 MJ
        ("TJ", "GJ / year", 2.0, 2000.0),
        ("kWh", "GJ / year / capita", 2500.0, 9.0),  # 2,500 × 3.6 MJ
        ("toe", "GJ / year", 10.0, 418.68),
        ("kWh/m2/yr", "ekWh / m2 / year", 120.0, 120.0),
        ("kg CO2e / capita", "Tonnes CO2e / capita", 5200.0, 5.2),
        ("kt", "t CO2e per year", 12.0, 12_000.0),
        ("Mt CO2-eq", "t CO2e per year", 1.5, 1_500_000.0),
        ("g", "kg", 250.0, 0.25),
        ("lbs", "kg", 10.0, 4.5359237),
        ("mg/m³", "ug/m3", 0.02, 20.0),
        ("ng/m3", "µg/m³", 500.0, 0.5),
        ("hours", "Minutes", 1.5, 90.0),
        ("s", "min", 90.0, 1.5),
    ],
)
def test_a_number_is_converted_exactly(given: str, asked: str, number: float, expected: float) -> None:
    factor = ratio(given, asked)
    assert factor is not None
    assert converted(number, factor) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("km", "l / day"),  # another quantity
        ("m3 / year", "l / day"),  # a year is no whole number of days
        ("km / 1000 inhabitants", "km / 100 000 inhabitants"),
        ("kWh / m2", "kWh / year / capita"),
        ("Ml", "l"),  # ml or ML?
        ("mt", "t CO2e per year"),  # Mt or MT?
        ("tons", "t CO2e per year"),  # of which country?
        ("Services", "l"),
        ("", "l"),
        ("per capita", "l / day / capita"),
    ],
)
def test_what_cannot_be_converted_is_not(given: str, asked: str) -> None:
    assert ratio(given, asked) is None


@pytest.mark.parametrize(("quantity", "name"), NAMES)
def test_every_name_of_the_table_means_its_own_unit(quantity: str, name: str) -> None:
    found = written_unit(name)
    assert found is not None
    (own,) = [unit for unit in TABLE[quantity]["units"] if name in unit["names"]]
    assert (found.quantity, ratio(name, own["names"][0]), found.per) == (quantity, 1, frozenset())
    assert TABLE[quantity]["source"]


def test_units_are_asked_for_by_the_catalogues_own_labels() -> None:
    lookup = lookup_of(load_catalogue())
    asked = {
        (point, field): lookup.asked(point, field)
        for point, field in ((CUTS, "numerator"), (CARBON, "numerator"), (FLOOR, "denominator"), (NO2, "result"))
    }
    assert list(asked.values()) == ["min", "t CO2e per year", "m2", "ug/m3"]
    assert lookup.asked("EC_ICT_ICT_1C.main", "result") is None
    assert not lookup.is_unit("m / 100 000 inhabitants", LINES)
    assert lookup.is_unit("km / 100000 inh.", LINES)


@pytest.mark.parametrize(
    ("point", "field", "typed", "number", "told"),
    [
        (WATER, "result", "0.2 m3 / day", 200.0, "(1 m3 / day = 1000 l / day / capita)"),
        (POWER, "numerator", "1 200 MWh", 1_200_000.0, "'1 200 MWh' was read as 1200000 kWh / year"),
        (HEAT, "numerator", "250 TJ", 250_000.0, "(1 TJ = 1000 GJ / year)"),
        (FLOOR, "denominator", "12 ha", 120_000.0, "was read as 120000 m2"),
        (GREEN, "numerator", "3 km2", 300.0, "was read as 300 ha"),
        (CARBON, "result", "5200 kg", 5.2, "was read as 5.2 Tonnes CO2e / capita"),
        (CUTS, "result", "0,5 h", 30.0, "was read as 30 Minutes"),
    ],
)
def test_a_unit_beside_a_number_is_converted_and_told(
    tmp_path: Path, point: str, field: str, typed: str, number: float, told: str
) -> None:
    entry = Entry(**{"numerator": 1.0, "denominator": 1.0, field: typed} if field != "result" else {field: typed})
    result = read(write_form(tmp_path / "a.xlsx", {point: entry}))
    assert row_of(result, point)[field] == pytest.approx(number, rel=1e-15)
    assert row_of(result, point)[f"{field}_text"] == typed
    note = only_fault(result, "unit_converted")
    assert (note["severity"], note["field"], note["value"], note["data_point"]) == ("note", field, typed, point)
    assert told in str(note["message"])


def test_a_unit_of_something_else_is_doubted_at_the_number(tmp_path: Path) -> None:
    result = read(write_form(tmp_path / "a.xlsx", {WATER: Entry(result="140 km")}))
    warning = only_fault(result, "other_unit")
    assert (warning["severity"], warning["field"], row_of(result, WATER)["result"]) == ("warning", "result", 140.0)
    assert "'140 km' is in 'km', which cannot be converted" in str(warning["message"])
    assert "read as 140 l / day / capita" in str(warning["message"])


@pytest.mark.parametrize("typed", ["140 l", "140 ℓ / day", "140 litres per day", "140 Services", "140 *"])
def test_the_forms_own_unit_and_words_that_are_none_are_noted_alone(tmp_path: Path, typed: str) -> None:
    result = read(write_form(tmp_path / "a.xlsx", {WATER: Entry(result=typed)}))
    assert row_of(result, WATER)["result"] == 140.0
    assert only_fault(result, "number_as_text")["severity"] == "note"


def test_the_area_of_the_city_may_be_in_hectares(tmp_path: Path) -> None:
    result = read(write_form(tmp_path / "a.xlsx", profile={"area_km2": "8 000 ha"}))
    assert result.submissions["area_km2"].to_list() == [80.0]
    (note,) = faults_of(result, "unit_converted")
    assert (note["sheet"], note["field"], note["severity"]) == ("Profile", "area_km2", "warning")
    assert "type the number alone" in str(note["message"])
    assert "'8 000 ha' was read as 80 km2" in str(note["message"])
