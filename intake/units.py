"""Units that a city may choose beside the form's own, units that people write all the same, and what they come to.

What belongs here: the factors, each with its source (`units.yaml`, and `CHOICES` for gases). What does not: reading the
cell (`workbook.py`) and writing the list (`form_rows.py`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import yaml

from intake.keys import key
from intake.numbers import Reading

UNITS = Path(__file__).with_name("units.yaml")

# Data point -> unit as the form lists it -> factor to the unit of the catalogue, µg/m³.
# Source: V22 p32 and p95 (at 20 °C and 1 atm).
CHOICES: Mapping[str, Mapping[str, float]] = {
    "EN_EN_AQ_1C.no2": {"ppb": 1.9, "ppm": 1900.0},
    "EN_EN_AQ_1C.so2": {"ppb": 2.62, "ppm": 2620.0},
    "EN_EN_AQ_1C.o3": {"ppb": 1.96, "ppm": 1960.0},
}

# Figures of the profile that have a unit of ``units.yaml``.
PROFILE_UNITS: Mapping[str, str] = {"area_km2": "km2"}

# What is divided by, in the spellings that people use.
_PER = {
    "day": ("day", "d"),
    "year": ("year", "yr", "a", "annum", "y"),
    "capita": ("capita", "cap", "inhabitant", "inhabitants", "inh", "person", "head", "resident"),
    "100000": ("100000inhabitants", "100000inh", "100000people", "100000"),
    "m2": ("m2", "sqm"),
    "m3": ("m3",),
}
_PER_OF = {spelling: name for name, spellings in _PER.items() for spelling in spellings}
_OF_WHAT = re.compile(r"(?:\s+of)?\s*\(?co2[ -]?(?:e|eq|equivalent)?\.?\)?$", re.IGNORECASE)


class Written(NamedTuple):
    """A unit that somebody wrote.

    Attributes:
        quantity: Name of the quantity in ``units.yaml``.
        size: How many of the quantity's first unit it is.
        per: What it is divided by.
    """

    quantity: str
    size: Fraction
    per: frozenset[str]


def factor_of(point: str, unit: str | None) -> float:
    """What a number in a chosen unit is multiplied by; 1 where the unit is the form's own, or none of the list.

    >>> factor_of("EN_EN_AQ_1C.no2", "PPB"), factor_of("EN_EN_AQ_1C.no2", "ug/m3"), factor_of("SC_SH_SI_2C.main", "ppb")
    (1.9, 1.0, 1.0)
    """
    choices = CHOICES.get(point)
    if choices is None or unit is None:
        return 1.0
    return next((factor for name, factor in choices.items() if key(name) == key(unit)), 1.0)


@lru_cache(maxsize=1024)
def written_unit(text: str) -> Written | None:
    """The unit that a text names; None where it names none of the table, or is divided by something else.

    >>> written_unit("m³ / day")
    Written(quantity='volume', size=Fraction(1000, 1), per=frozenset({'day'}))
    >>> written_unit("Services") is None
    True
    """
    plain = unicodedata.normalize("NFKC", text.replace("µ", "u").replace("μ", "u")).replace("^", "")
    head, *divisors = re.split(r"\s*/\s*|\s+per\s+", plain.strip())
    exact, small = _sizes()
    head = _OF_WHAT.sub("", head).strip()
    found = exact.get(head) or small.get(head.casefold())
    per = [_PER_OF.get(key(one)) for one in divisors]
    if found is None or None in per:
        return None
    return Written(*found, frozenset(one for one in per if one))


def ratio(given: str, asked: str) -> Fraction | None:
    """What a number in one unit is multiplied by to be in another; None where it cannot be converted exactly.

    A unit that leaves out some of what the other is divided by (``m3`` for ``l / day``) is the same unit written short.

    >>> ratio("m3", "l / day / capita"), ratio("MWh", "kWh / year"), ratio("kWh", "GJ / year / capita")
    (Fraction(1000, 1), Fraction(1000, 1), Fraction(9, 2500))
    >>> ratio("km", "l / day"), ratio("m3 / year", "l / day")
    (None, None)
    """
    one, other = written_unit(given), written_unit(asked)
    if one is None or other is None or one.quantity != other.quantity or not one.per <= other.per:
        return None
    return one.size / other.size


def converted(number: float, factor: Fraction) -> float:
    """A number times a factor; where the factor is a whole number or one over it, rounded once.

    >>> converted(340.0, Fraction(1000)), converted(5.0, Fraction(1, 1000))
    (340000.0, 0.005)
    """
    return number * factor.numerator / factor.denominator


def in_unit(reading: Reading, shown: str, asked: str | None) -> Reading:
    """A number that has a unit beside it, in the unit asked for where it can be converted.

    Args:
        reading: How the text was read.
        shown: The text.
        asked: The unit that the form asks for; None where it asks for none of the table.

    Returns:
        The reading as it is where nothing beside the number is a unit; else ``number_as_text`` (the unit asked for),
        ``unit_converted``, or ``other_unit`` with the number as it stands.

    >>> from intake.numbers import read_number
    >>> reading = in_unit(read_number("340 MWh"), "340 MWh", "kWh")
    >>> reading.number, reading.rule
    (340000.0, 'unit_converted')
    """
    number, unit = reading.number, reading.beside
    if number is None or asked is None or written_unit(unit) is None:
        return reading
    factor = ratio(unit, asked)
    if factor is None:
        told = (
            f"{shown!r} is in {unit[:60]!r}, which cannot be converted into what the form asks for, {asked}; it was "
            f"read as {number:.15g} {asked}. Type the number in {asked}."
        )
        return Reading(number, "other_unit", told)
    number = converted(number, factor)
    if factor == 1:
        return Reading(number, "number_as_text", f"{shown!r} was read as {number:.15g} {asked}.")
    told = (
        f"{shown!r} was read as {number:.15g} {asked} (1 {unit} = {float(factor):.12g} {asked}). If that is not meant, "
        f"type the number in {asked}."
    )
    return Reading(number, "unit_converted", told)


def doubt(point: str, unit: str, printed: str) -> str:
    """What is said of a unit that stands where another is asked for.

    Args:
        point: The data point.
        unit: What stands there.
        printed: The form's own unit.
    """
    times = ratio(unit, printed)
    offer = "" if times is None else f" (1 {unit} = {float(times):.12g} {printed})"
    return (
        f"{unit[:60]!r} stands where the form asks for {' or '.join([printed, *CHOICES.get(point, {})])}; the row was "
        f"read as {printed}. Convert the numbers{offer}, or write the form's unit back."
    )


@cache
def _sizes() -> tuple[dict[str, tuple[str, Fraction]], dict[str, tuple[str, Fraction]]]:
    """Quantity and size of each unit: by its names as they stand, and by those in small letters that mean only one."""
    # The reader in Python takes 0.05 s longer, at the first workbook that a build reads.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    table = yaml.load(UNITS.read_text(encoding="utf-8"), Loader=loader)  # both are safe
    exact = {
        name: (quantity, Fraction(str(unit["is"])))
        for quantity, facts in table.items()
        for unit in facts["units"]
        for name in unit["names"]
    }
    small: dict[str, set[tuple[str, Fraction]]] = {}
    for name, found in exact.items():
        small.setdefault(name.casefold(), set()).add(found)
    return exact, {name: found.pop() for name, found in small.items() if len(found) == 1}
