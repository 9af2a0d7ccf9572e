"""How things are said to readers: reasons, sizes, bands, numbers.

What belongs here: words and formats that site, factsheets and terminal share. What does not: any number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

SIZES: Mapping[str, str] = {
    "below_50000": "below 50,000",
    "from_50000": "50,000 to 200,000",
    "from_200000": "200,000 to 500,000",
    "from_500000": "500,000 to 1.5 million",
    "from_1500000": "1.5 million and more",
    "unknown": "size not published",
}
QUALITIES: Mapping[str, str] = {
    "accurate_measurements": "accurate measurements",
    "extrapolated_survey": "extrapolated from a survey",
    "extrapolated_higher_level": "taken from a higher level",
    "estimation_assumptions": "estimated from assumptions",
    "personal_estimation": "personal estimate",
    "unknown_method": "method unknown",
}
DERIVATIONS: Mapping[str, str] = {
    "recomputed": "computed from numerator and denominator",
    "reported_result": "result as reported",
}
# The Sustainable Development Goals by number, in short.
GOALS: Mapping[int, str] = {
    1: "No poverty",
    2: "Zero hunger",
    3: "Good health and well-being",
    4: "Quality education",
    5: "Gender equality",
    6: "Clean water and sanitation",
    7: "Affordable and clean energy",
    8: "Decent work and growth",
    9: "Industry, innovation, infrastructure",
    10: "Reduced inequalities",
    11: "Sustainable cities",
    12: "Responsible consumption",
    13: "Climate action",
    14: "Life below water",
    15: "Life on land",
    16: "Peace and strong institutions",
    17: "Partnerships for the goals",
}
DEMO_NOTICE = "Demo data: every city and every number is invented."
DRAFT_NOTICE = "Draft: not a release; it changes with every rebuild."

_REASON = re.compile(
    r"coverage (?P<share>[\d.]+) of (?P<node>\S+) is below (?P<least>[\d.]+) \((?P<n>\d+) of (?P<of>\d+) indicators\)"
)


def size(code: str) -> str:
    """A size class in words; a code of another scheme as it stands.

    >>> size("from_50000")
    '50,000 to 200,000'
    """
    return SIZES.get(code, code.replace("_", " "))


def quality(code: str) -> str:
    """A data-quality grade in words."""
    return QUALITIES.get(code, code.replace("_", " "))


def reason(excluded: str, names: Mapping[str, str]) -> str:
    """Why a city is not ranked, for people who do not know the method file.

    Args:
        excluded: What the engine says.
        names: Names of nodes.

    >>> reason("coverage 0.431 of EC is below 0.5 (22 of 51 indicators)", {"EC": "Economy"})
    'Economy: 22 of 51 data points, 50 % needed'
    >>> reason("coverage 0 of index is below 0.5 (0 of 106 indicators)", {})
    'no data point for this year'
    """
    parts = []
    for part in excluded.split("; "):
        match = _REASON.fullmatch(part)
        if match is None:
            parts.append(part)
        elif match["n"] == "0" and match["node"] == "index":
            parts.append("no data point for this year")
        else:
            told = f"{match['n']} of {match['of']} data points, {percent(float(match['least']))} needed"
            parts.append(told if match["node"] == "index" else f"{names.get(match['node'], match['node'])}: {told}")
    return "; ".join(parts)


def count(number: int, one: str, many: str) -> str:
    """A number of something, in the singular where it is one.

    >>> count(1, "city", "cities"), count(12, "city", "cities")
    ('1 city', '12 cities')
    """
    return f"{number} {one if number == 1 else many}"


def percent(share: float | None) -> str:
    """A share as a percentage without decimals.

    >>> percent(0.654), percent(None)
    ('65 %', '–')
    """
    return "–" if share is None else f"{100 * share:.0f} %"


def score(value: float | None, decimals: int = 1) -> str:
    """A score; a dash where there is none.

    >>> score(69.349), score(None)
    ('69.3', '–')
    """
    return "–" if value is None or math.isnan(value) else f"{value:.{decimals}f}"


def amount(value: float | None, unit: str | None = None) -> str:
    """A value as people read it: four figures or so, yes and no for what is asked so.

    >>> amount(1234.5), amount(0.12345), amount(1.0, "yes_no"), amount(None)
    ('1,234', '0.1235', 'yes', '–')
    """
    if value is None or math.isnan(value):
        return "–"
    if unit == "yes_no":
        return "yes" if value >= 1 else "no"
    size_of = abs(value)
    decimals = 0 if size_of >= 1000 else 1 if size_of >= 100 else 2 if size_of >= 1 else 4
    text = f"{value:,.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def change(value: float | None, decimals: int = 1) -> str:
    """A change with its sign; a dash where there is none.

    >>> change(2.04), change(-1.0, 0), change(0.0), change(None)
    ('+2.0', '−1', '±0.0', '–')
    """
    if value is None:
        return "–"
    text = f"{value:+.{decimals}f}".replace("-", "−")
    return "±" + text[1:] if float(f"{value:.{decimals}f}") == 0 else text
