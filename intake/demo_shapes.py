"""How the demo cohort's values are spread: where a middling city lies, and what moves it.

What belongs here: numbers that make invented values plausible, as data. What does not: the drawing
(`demo_model.py`). None of these numbers is a statistic of anything real, and none enters an index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from intake.demo_places import HIGH, LOW, LOWER_MIDDLE, UPPER_MIDDLE

Link = Literal["share", "log", "rare", "part", "choice"]
Base = Literal["population", "households", "area_km2", "city_gdp", "income", "one", "interruptions"]


@dataclass(frozen=True)
class Shape:
    """How the values of a data point are spread over cities.

    Attributes:
        middle: Where a middling city lies: for ``share`` and ``choice`` as a share of the way from the worst to the
            best goalpost; for the others as a multiple of the greater goalpost, or of 1 where there is none.
        spread: How far one standard deviation of the latent level moves it, on a log or logit scale.
        link: ``share`` stays between the goalposts; ``log`` has a long tail and may pass them; ``rare`` is 0 in most
            years; ``part`` is a weight within a total of 100; ``choice`` is yes or no.
        development: Weight of the city's development in the latent level.
        sustainability: Weight of its care for the environment.
        digital: Weight of its digital maturity.
        category: Weight of what the KPIs of one category have in common.
        own: Weight of what the data point has for itself.
        lowest: Least share of the way, for ``share``: a draw below it is mirrored there.
    """

    middle: float
    spread: float
    link: Link = "share"
    development: float = 0.7
    sustainability: float = 0.1
    digital: float = 0.0
    category: float = 0.4
    own: float = 0.5
    lowest: float = 0.0


@dataclass(frozen=True)
class Quantity:
    """A denominator that the profile does not give, as a multiple of something that it does.

    Attributes:
        base: What it is a multiple of; ``interruptions`` takes the numerator of the outage frequency.
        factor: The multiple in a middling city.
        decimals: Decimals it is counted in.
        development: How the logarithm of the multiple moves with development.
        spread: How it varies between cities otherwise, on the log scale.
    """

    base: Base
    factor: float
    decimals: int = 0
    development: float = 0.0
    spread: float = 0.12


SMART = Shape(0.40, 0.8, development=0.45, digital=0.75)
STRUCTURAL = Shape(0.55, 0.7)
SUSTAINABLE = Shape(0.50, 0.7, development=0.3, sustainability=0.6)
BY_KIND: Mapping[str, Shape] = {"smart": SMART, "structural": STRUCTURAL, "sustainable": SUSTAINABLE}

_GREEN = replace(SUSTAINABLE, development=0.0, sustainability=0.8)
_ACCESS = replace(STRUCTURAL, middle=0.95, spread=1.0, development=0.9)
# More development, more of it, and that is the worse end.
_APPETITE = replace(SUSTAINABLE, link="log", development=-0.7, sustainability=0.5, own=0.6)


def _log(shape: Shape, middle: float, spread: float, **weights: float) -> Shape:
    """A shape with a long tail."""
    return replace(shape, link="log", middle=middle, spread=spread, **weights)


def _part(middle: float, spread: float, development: float, sustainability: float) -> Shape:
    """A weight within a total; positive weights make it greater, whatever the direction."""
    return Shape(middle, spread, "part", development=development, sustainability=sustainability, category=0.0)


# Data points that the shape of their kind would place wrongly.
SHAPES: Mapping[str, Shape] = {
    "EC_ICT_ICT_1C.main": replace(SMART, middle=0.80, spread=1.0, development=0.8),
    "EC_ICT_ICT_2C.main": _log(SMART, 0.50, 0.45, development=0.8),
    "EC_ICT_ICT_3C.main": _log(SMART, 0.75, 0.25),
    "EC_ICT_ICT_4C.3g": replace(SMART, middle=0.97, spread=0.8),
    "EC_ICT_ICT_4C.4g": replace(SMART, middle=0.93, spread=0.9),
    "EC_ICT_ICT_5C.main": _log(SMART, 0.0004, 0.9),
    "EC_ICT_WS_1C.main": replace(SMART, middle=0.25),
    "EC_ICT_WS_2A.main": replace(SMART, middle=0.35),
    "EC_ICT_D_1A.main": replace(SMART, middle=0.25),
    "EC_ICT_ES_1C.main": replace(SMART, middle=0.50),
    "EC_ICT_ES_3A.main": replace(SMART, middle=0.20),
    "EC_ICT_PS_1A.percent": replace(SMART, middle=0.30),
    "EC_ICT_PS_2A.main": _log(SMART, 90.0, 0.6),
    "EC_ICT_PS_3A.main": replace(SMART, middle=0.55),
    "EC_P_IN_1C.main": _log(STRUCTURAL, 0.22, 0.55),
    "EC_P_IN_2C.main": _log(STRUCTURAL, 0.06, 1.3, own=0.8),
    # The manual expects more than 95 %, which is halfway from 90 to 100.
    "EC_P_IN_3A.main": replace(STRUCTURAL, middle=0.90, spread=0.6, development=0.0, lowest=0.52),
    "EC_P_EM_1C.main": replace(STRUCTURAL, middle=0.68),
    # A multiple of the unemployment rate: 0.04 of the goalpost 50 is twice.
    "EC_P_EM_2C.main": _log(STRUCTURAL, 0.04, 0.25, development=0.0),
    "EC_P_EM_3A.main": _log(STRUCTURAL, 0.30, 0.45, development=0.1),
    "EC_P_EM_4A.main": _log(SMART, 0.35, 0.5),
    "EC_I_WS_1C.main": _ACCESS,
    "EC_I_WS_2C.main": replace(_ACCESS, middle=0.93),
    "EC_I_WS_4C.main": replace(_ACCESS, middle=0.85),
    "EC_I_WS_5C.main": _ACCESS,
    "EC_I_WA_1C.main": replace(_ACCESS, middle=0.92),
    "EC_I_ES_1C.main": _log(STRUCTURAL, 0.10, 0.8),
    "EC_I_ES_2C.main": _log(STRUCTURAL, 0.30, 0.5),
    # 90 or more is normal, says the manual.
    "EC_I_ES_3C.main": replace(_ACCESS, middle=0.98, lowest=0.55),
    "EC_I_T_1C.main": _log(SUSTAINABLE, 0.45, 0.55),
    "EC_I_T_2A.main": replace(SUSTAINABLE, middle=0.75),
    "EC_I_T_3C.main": _log(_GREEN, 0.30, 0.8),
    "EC_I_T_4A.private": _part(0.45, 0.5, 0.3, -0.6),
    "EC_I_T_4A.public": _part(0.30, 0.4, 0.1, 0.5),
    "EC_I_T_4A.walking": _part(0.15, 0.4, -0.4, 0.1),
    "EC_I_T_4A.cycling": _part(0.06, 0.7, 0.1, 0.7),
    "EC_I_T_4A.para": _part(0.05, 0.8, -0.9, 0.0),
    "EC_I_T_5A.main": replace(SUSTAINABLE, middle=0.80, spread=0.6, development=0.0),
    "EC_I_T_6A.main": _log(_GREEN, 0.15, 1.0),
    "EC_I_T_7A.main": _log(_GREEN, 0.20, 1.1),
    "EC_I_T_8A.main": replace(SUSTAINABLE, middle=0.15, development=0.6),
    "EC_I_B_1A.main": replace(SUSTAINABLE, middle=0.30),
    "EC_I_B_2A.main": replace(SMART, middle=0.35),
    "EC_I_UP_1A.main": _log(_GREEN, 0.12, 0.8),
    **{
        f"EC_I_UP_2A.{part}": replace(SUSTAINABLE, middle=0.60, link="choice")
        for part in ("compact", "connected", "integrated", "inclusive", "resilient")
    },
    "EN_EN_AQ_1C.pm2_5": _log(SUSTAINABLE, 0.40, 0.4, development=0.6),
    "EN_EN_AQ_1C.pm10": _log(SUSTAINABLE, 0.42, 0.35, development=0.6),
    "EN_EN_AQ_1C.no2": _log(SUSTAINABLE, 0.50, 0.35, development=-0.1),
    "EN_EN_AQ_1C.so2": _log(SUSTAINABLE, 0.35, 0.5),
    "EN_EN_AQ_1C.o3": _log(SUSTAINABLE, 0.75, 0.2, development=0.0),
    "EN_EN_AQ_2C.main": replace(_APPETITE, middle=0.26, spread=0.75, own=0.8),
    "EN_EN_WS_1C.main": replace(_ACCESS, middle=0.70),
    "EN_EN_WS_2C.main": replace(_APPETITE, middle=0.42, spread=0.3),
    "EN_EN_WS_3C.main": replace(_GREEN, middle=0.20),
    "EN_EN_WS_4C.primary": replace(_ACCESS, middle=0.85),
    "EN_EN_WS_4C.secondary": replace(_ACCESS, middle=0.85),
    "EN_EN_WS_4C.tertiary": replace(SUSTAINABLE, middle=0.55, development=0.6),
    "EN_EN_WA_1C.landfill": _part(0.40, 0.5, -0.2, -0.6),
    "EN_EN_WA_1C.burnt": _part(0.02, 0.9, -0.9, -0.3),
    "EN_EN_WA_1C.incinerated": _part(0.12, 0.9, 0.8, 0.1),
    "EN_EN_WA_1C.open_dump": _part(0.08, 1.1, -1.0, -0.3),
    "EN_EN_WA_1C.recycled": _part(0.26, 0.5, 0.5, 0.6),
    "EN_EN_WA_1C.other": _part(0.04, 0.6, 0.0, 0.0),
    # 0 or 100 is normal, says the manual.
    "EN_EN_EQ_1C.main": replace(SMART, middle=0.995, spread=1.4, lowest=0.5),
    "EN_EN_EQ_2A.main": replace(_GREEN, middle=0.60),
    "EN_EN_PSN_1C.main": _log(_GREEN, 0.35, 0.8),
    "EN_EN_PSN_2A.main": replace(_GREEN, middle=0.75),
    "EN_EN_PSN_3A.main": _log(_GREEN, 0.30, 0.6),
    "EN_EN_PSN_4A.main": _log(_GREEN, 0.35, 0.7),
    "EN_E_E_1C.main": replace(_GREEN, middle=0.30),
    "EN_E_E_2C.main": replace(_APPETITE, middle=0.25, spread=0.6),
    "EN_E_E_3C.main": replace(_APPETITE, middle=0.30, spread=0.6),
    "EN_E_E_4A.main": _log(_GREEN, 0.45, 0.35),
    "SC_EH_ED_1C.main": replace(SMART, middle=0.75, development=0.7),
    "SC_EH_ED_2C.main": _log(STRUCTURAL, 0.93, 0.08),
    "SC_EH_ED_3C.main": _log(STRUCTURAL, 0.38, 0.45),
    "SC_EH_ED_4C.main": _ACCESS,
    "SC_EH_H_1C.main": replace(STRUCTURAL, middle=0.86, spread=0.35, development=0.9),
    "SC_EH_H_2C.main": _log(_ACCESS, 0.25, 0.9),
    "SC_EH_H_3C.main": _log(STRUCTURAL, 0.42, 0.5),
    "SC_EH_H_4A.main": _log(STRUCTURAL, 0.38, 0.45),
    "SC_EH_H_5A.main": replace(_ACCESS, middle=0.85),
    "SC_EH_C_1C.main": _log(STRUCTURAL, 0.40, 0.5, development=0.3),
    "SC_EH_C_2A.main": _log(STRUCTURAL, 0.15, 0.6),
    "SC_SH_HO_1C.main": replace(_ACCESS, middle=0.88),
    "SC_SH_HO_2A.main": _log(STRUCTURAL, 0.48, 0.2, development=0.2),
    "SC_SH_SI_1C.main": replace(STRUCTURAL, middle=0.70),
    "SC_SH_SI_2C.main": replace(STRUCTURAL, middle=0.58, spread=0.5),
    "SC_SH_SI_3C.main": replace(STRUCTURAL, middle=0.65),
    "SC_SH_SI_4C.main": replace(STRUCTURAL, middle=0.60, spread=0.4, development=0.2),
    "SC_SH_SI_5A.main": _log(STRUCTURAL, 0.60, 0.4),
    "SC_SH_SA_1C.main": replace(STRUCTURAL, link="rare", middle=0.15, spread=1.0),
    "SC_SH_SA_2C.main": replace(STRUCTURAL, link="rare", middle=0.20, spread=1.0),
    "SC_SH_SA_3A.main": replace(SUSTAINABLE, link="choice", middle=0.65),
    "SC_SH_SA_4A.main": replace(SUSTAINABLE, middle=0.80),
    "SC_SH_SA_5A.main": _log(STRUCTURAL, 0.32, 0.35),
    "SC_SH_SA_6C.main": _log(STRUCTURAL, 0.65, 0.3, development=0.3),
    "SC_SH_SA_7C.main": _log(STRUCTURAL, 0.35, 0.45),
    "SC_SH_SA_8C.main": _log(STRUCTURAL, 0.28, 0.7),
    "SC_SH_SA_9C.main": _log(STRUCTURAL, 0.28, 0.6, sustainability=0.3),
    "SC_SH_FS_1A.main": replace(SUSTAINABLE, middle=0.40, development=-0.2),
}

# Denominators by their words in the catalogue: the same words are the same quantity, in every row of a city.
QUANTITIES: Mapping[str, Quantity] = {
    "Adult inhabitants": Quantity("population", 0.74, development=0.04, spread=0.02),
    "Antenna sites": Quantity("population", 1 / 900),
    "Average hourly earnings of male employees": Quantity("one", 14.0, 2, development=0.7),
    "City expenditure": Quantity("city_gdp", 0.05),
    "City labour force": Quantity("population", 0.47, spread=0.05),
    "Customer interruptions in 12 months": Quantity("interruptions", 1.0, spread=0.0),
    "Customers served": Quantity("households", 1.10, spread=0.03),
    "Electricity customers": Quantity("households", 1.12, spread=0.03),
    "Electricity meters installed": Quantity("households", 1.08, spread=0.03),
    "Eligible voters": Quantity("population", 0.68, spread=0.04),
    "Energy consumed": Quantity("population", 70.0, development=0.3),
    "Enterprises": Quantity("population", 1 / 18),
    "Floor area of public buildings (m2)": Quantity("population", 1.9),
    "Food supplied": Quantity("population", 0.6),
    "Income": Quantity("income", 1.0, spread=0.0),
    "Inventoried data sets": Quantity("one", 420.0, spread=0.5),
    "Length of major streets (km)": Quantity("population", 1 / 1400, 1),
    "Length of the whole electricity system": Quantity("population", 1 / 130, 1),
    "Length of the whole system (km)": Quantity("population", 1 / 420, 1),
    "Length of water distribution system (km)": Quantity("population", 1 / 260, 1),
    "Live births in a year": Quantity("population", 0.013, development=-0.25),
    "Passenger vehicles": Quantity("population", 0.33, development=0.35),
    "People travelling to work": Quantity("population", 0.41, spread=0.05),
    "Pre-school-age children": Quantity("population", 0.06, development=-0.15),
    "Procurement activities": Quantity("population", 1 / 450),
    "Responses": Quantity("population", 1 / 28),
    "School-aged population": Quantity("population", 0.16, development=-0.12, spread=0.06),
    "Signal-controlled intersections": Quantity("population", 1 / 3200),
    "Solid waste": Quantity("population", 0.42, development=0.15),
    "Stops and stations": Quantity("population", 1 / 700),
    "Students": Quantity("population", 0.17, development=-0.08, spread=0.06),
    "Travel time in free-flow periods (min)": Quantity("one", 24.0, 1),
    "Volume of air sampled (m3)": Quantity("one", 20148.0, spread=0.0),
    "Wastewater": Quantity("population", 55.0),
    "Water consumed": Quantity("population", 62.0),
    "Water meters installed": Quantity("households", 0.90, spread=0.05),
    "Water supplied": Quantity("population", 82.0),
    "Whole city": Quantity("area_km2", 1.0, 2, spread=0.0),
    "Young labour force": Quantity("population", 0.075, development=-0.1),
}

# Numerators that are measured, not counted: decimals they are given in.
DECIMALS: Mapping[str, int] = {
    "EC_ICT_ICT_4C.3g": 2,
    "EC_ICT_ICT_4C.4g": 2,
    "EC_ICT_WS_2A.main": 1,
    "EC_ICT_D_1A.main": 1,
    "EC_ICT_ES_2A.main": 1,
    "EC_ICT_T_2C.main": 1,
    "EC_I_T_1C.main": 1,
    "EC_I_T_3C.main": 1,
    "EC_I_T_5A.main": 1,
    "EC_I_UP_1A.main": 3,
    "EN_EN_PSN_1C.main": 1,
    "EN_EN_PSN_3A.main": 3,
    "SC_EH_H_1C.main": 1,
    "SC_SH_SI_1C.main": 2,
    "SC_SH_SI_2C.main": 3,
}

# Shares of one total, in the order in which their remainders are settled.
TOTALS: tuple[tuple[str, ...], ...] = (
    tuple(f"EC_I_T_4A.{part}" for part in ("private", "public", "walking", "cycling", "para")),
    tuple(f"EN_EN_WA_1C.{part}" for part in ("landfill", "burnt", "incinerated", "open_dump", "recycled", "other")),
)

# Of each pair the first is a share of the second, and is drawn as such.
WITHIN: tuple[tuple[str, str], ...] = (
    ("EC_ICT_ICT_4C.4g", "EC_ICT_ICT_4C.3g"),
    ("EC_I_WS_2C.main", "EC_I_WS_1C.main"),
    ("EN_EN_WS_4C.secondary", "EN_EN_WS_4C.primary"),
    ("EN_EN_WS_4C.tertiary", "EN_EN_WS_4C.secondary"),
)

# Of each pair the first is drawn for itself but stays below the second.
BELOW: tuple[tuple[str, str], ...] = (
    ("EC_ICT_ICT_2C.main", "EC_ICT_ICT_1C.main"),
    ("EC_ICT_WS_1C.main", "EC_ICT_ES_1C.main"),
)

# Where a city of each income group lies in development, in standard deviations.
DEVELOPMENT: Mapping[str, float] = {HIGH: 1.1, UPPER_MIDDLE: 0.2, LOWER_MIDDLE: -0.6, LOW: -1.3}
# City GDP per inhabitant of a middling city of each income group, in the demo currency.
GDP_PER_CAPITA: Mapping[str, float] = {
    HIGH: 44_000.0,
    UPPER_MIDDLE: 13_000.0,
    LOWER_MIDDLE: 4_500.0,
    LOW: 1_400.0,
}

# The currency code that ISO 4217 reserves for testing.
CURRENCY = "XTS"

# Who holds the data, by the name of the category.
HOLDERS: Mapping[str, str] = {
    "ICT Infrastructure": "telecom regulator",
    "Water and Sanitation": "water utility",
    "Drainage": "water utility",
    "Electricity Supply": "electricity utility",
    "Energy": "energy agency",
    "Transport": "transport authority",
    "Public Sector": "city administration",
    "Innovation": "chamber of commerce",
    "Employment": "employment office",
    "Waste": "waste services",
    "Buildings": "building department",
    "Urban Planning": "planning department",
    "Air Quality": "environment agency",
    "Environmental Quality": "environment agency",
    "Public Space and Nature": "parks department",
    "Education": "school board",
    "Health": "health authority",
    "Culture": "cultural department",
    "Housing": "housing department",
    "Social Inclusion": "statistical office",
    "Safety": "public safety department",
    "Food Security": "market authority",
}
