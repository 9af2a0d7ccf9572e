"""Units that a city may choose beside the form's own, and what they come to.

What belongs here: the factors, each with its source. What does not: reading the cell (`workbook.py`) and writing the
list (`form_rows.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from intake.points import key

# Data point -> unit as the form lists it -> factor to the unit of the catalogue, µg/m³.
# Source: V22 p32 and p95 (at 20 °C and 1 atm).
CHOICES: Mapping[str, Mapping[str, float]] = {
    "EN_EN_AQ_1C.no2": {"ppb": 1.9, "ppm": 1900.0},
    "EN_EN_AQ_1C.so2": {"ppb": 2.62, "ppm": 2620.0},
    "EN_EN_AQ_1C.o3": {"ppb": 1.96, "ppm": 1960.0},
}


def factor_of(point: str, unit: str | None) -> float:
    """What a number in a chosen unit is multiplied by; 1 where the unit is the form's own, or none of the list.

    >>> factor_of("EN_EN_AQ_1C.no2", "PPB"), factor_of("EN_EN_AQ_1C.no2", "ug/m3"), factor_of("SC_SH_SI_2C.main", "ppb")
    (1.9, 1.0, 1.0)
    """
    choices = CHOICES.get(point)
    if choices is None or unit is None:
        return 1.0
    return next((factor for name, factor in choices.items() if key(name) == key(unit)), 1.0)
