"""The numbers of the demo cohort: from latent levels of invented cities to numerators and denominators.

What belongs here: drawing, and the relations between data points that hold in any real city. What does not: what
of it a city reports (`demo_conduct.py`) and the spreads themselves (`demo_shapes.py`).

A city has three lasting traits (development, care for the environment, digital maturity) that drift over the
years; each data point answers to them, to what its category has in common, and to something of its own:

``level = (sum of weight * trait + category + own + year) / norm``, about standard normal;
``value = between the goalposts by logit``, or ``middle * exp(spread * level)`` where tails are long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from intake.demo_plan import BASE_YEAR, Plan, Rows
from intake.demo_random import Floats, draw, logistic
from intake.demo_shapes import BELOW, DECIMALS, DEVELOPMENT, GDP_PER_CAPITA, QUANTITIES, TOTALS, WITHIN
from intake.template import PREFILLED

# Standard deviation of what is new in a data point each year, beside a level of about 1.
YEARLY = 0.12
# How much a corrected figure of a revision moves, in the same measure.
CORRECTION = 0.35
# The young are unemployed so many times as often as all, or more; a draw below it is mirrored there.
YOUTH_ABOVE_ALL = 1.1
# One standard deviation of level, on the logit scale.
LOGIT = 1.7
# Events strike where the year's own draw is above this: in about one year of seven.
EVENT = 1.1

_TRAIT_NAMES = ("development", "sustainability", "digital")
_OUTAGES, _OUTAGE_TIME = "EC_I_ES_1C.main", "EC_I_ES_2C.main"
_DATA_SETS, _DATA_SETS_SHARE = "EC_ICT_PS_1A.number", "EC_ICT_PS_1A.percent"
_UNEMPLOYMENT, _YOUTH_UNEMPLOYMENT = "EC_P_EM_1C.main", "EC_P_EM_2C.main"
_FINE_DUST, _DUST = "EN_EN_AQ_1C.pm2_5", "EN_EN_AQ_1C.pm10"
_GREEN = "EN_EN_PSN_1C.main"
_HOTSPOTS = "EC_ICT_ICT_5C.main"


@dataclass(frozen=True)
class Figures:
    """What is true of the invented cities, whether they report it or not; n rows, p data points.

    Attributes:
        profile: Figures of the profile by field, each of shape (n,).
        development: The city's development in the year, shape (n,).
        numerator: Shape (n, p); NaN where the form has none.
        denominator: In the unit of the form (rates: population / 100 000); NaN where it has none.
        value: What the two come to, or the result where there is no numerator; yes is 1, no is 0.
    """

    profile: Mapping[str, Floats]
    development: Floats
    numerator: Floats
    denominator: Floats
    value: Floats


def draw_figures(plan: Plan, seed: int, rows: Rows, *, is_revised: bool = False) -> Figures:
    """Draw profile and data points of each row.

    Args:
        plan: The catalogue as arrays.
        seed: Seed of the cohort.
        rows: Cities and years.
        is_revised: Whether the figures are those of a revision, in which some KPIs are corrected.

    Returns:
        Figures; the same for a row whatever the other rows are.
    """
    n_points = len(plan.points)
    city = _lasting(plan, seed, rows)
    year = draw(seed, "year", rows.keys, {"trait": 3, "point": n_points, "price": 1}, {})
    new = YEARLY * year["point"]
    if is_revised:
        new = new + CORRECTION * _corrections(plan, seed, rows)
    traits = _traits(rows, city, year["trait"])
    profile = _profile(rows, city["profile"], traits[0], year["price"][:, 0])
    level = _levels(plan, traits, city["category"], city["point"], new)
    value = _values(plan, level, year["point"])
    _relate(plan, value, profile["population"])
    denominator = _denominators(plan, profile, traits[0], city["quantity"])
    numerator = _numerators(plan, value, denominator, profile["area_km2"])
    return _figures(plan, profile, traits[0], numerator, denominator, value)


def _lasting(plan: Plan, seed: int, rows: Rows) -> dict[str, Floats]:
    """Draws of the city that hold in every year, repeated for its rows."""
    numbers, position = np.unique(rows.numbers, return_inverse=True)
    widths = {
        "profile": 8,
        "trait": 3,
        "drift": 3,
        "category": len(plan.category_names),
        "point": len(plan.points),
        "quantity": len(QUANTITIES),
    }
    drawn = draw(seed, "city", numbers[:, np.newaxis], widths, {})
    return {name: array[position] for name, array in drawn.items()}


def _corrections(plan: Plan, seed: int, rows: Rows) -> Floats:
    """Standard normal where a revision corrects a KPI (about one of eleven), else 0; shape (n, p)."""
    widths = {"correction": len(plan.points)}
    drawn = draw(seed, "revision", rows.keys, widths, {"changed": len(plan.is_core)})
    return np.where(drawn["changed"][:, plan.kpi] < 0.09, drawn["correction"], 0.0)


def _traits(rows: Rows, city: Mapping[str, Floats], yearly: Floats) -> tuple[Floats, Floats, Floats]:
    """Development, care for the environment and digital maturity, each of shape (n,)."""
    income = np.array([DEVELOPMENT[place.country.income_group] for place in rows.places])
    own, drift = city["trait"], city["drift"]
    passed = rows.years - BASE_YEAR
    development = income + 0.45 * own[:, 0]
    return (
        development + passed * (0.02 + 0.03 * drift[:, 0]) + 0.04 * yearly[:, 0],
        0.35 * development + 0.9 * own[:, 1] + passed * (0.04 + 0.04 * drift[:, 1]) + 0.06 * yearly[:, 1],
        0.65 * development + 0.75 * own[:, 2] + passed * (0.08 + 0.04 * drift[:, 2]) + 0.06 * yearly[:, 2],
    )


def _profile(rows: Rows, own: Floats, development: Floats, price: Floats) -> dict[str, Floats]:
    """Population, households, area, money and prices, by field of the form's profile."""
    passed = rows.years - BASE_YEAR
    base = np.clip(np.exp(np.log(350_000) + 1.25 * own[:, 0]), 24_000, 9_500_000)
    growth = np.clip(0.012 + 0.006 * own[:, 1], 0.001, 0.03)
    population = np.rint(base * (1 + growth) ** passed)
    size = np.clip(2.9 - 0.5 * development + 0.25 * own[:, 2], 2.0, 4.5)
    area = np.round(base / np.exp(np.log(3200) + 0.6 * own[:, 3]), 1)
    start = np.array([GDP_PER_CAPITA[place.country.income_group] for place in rows.places])
    per_capita = start * np.exp(0.3 * own[:, 4]) * (1.02 + 0.008 * own[:, 5]) ** passed
    return {
        "population": population,
        "households": np.rint(population / size),
        "area_km2": area,
        "city_gdp": np.rint(population * per_capita / 1000) * 1000,
        "household_income": np.rint(0.45 * per_capita * size),
        "inflation_pct": np.round(np.abs(3.0 - 0.8 * development + 1.2 * price), 1),
    }


def _levels(plan: Plan, traits: Sequence[Floats], category: Floats, own: Floats, yearly: Floats) -> Floats:
    """Latent level of each data point, about standard normal, shape (n, p); more is better."""
    common, single = plan.weights("category"), plan.weights("own")
    level = common * category[:, plan.category] + single * own + yearly
    squares = common**2 + single**2
    for name, trait in zip(_TRAIT_NAMES, traits, strict=True):
        weight = plan.weights(name)
        level = level + weight * trait[:, np.newaxis]
        squares = squares + weight**2
    return level / np.sqrt(squares)


def _values(plan: Plan, level: Floats, event: Floats) -> Floats:
    """Value of each data point in its unit, relations not yet seen to, shape (n, p)."""
    middle, spread = plan.weights("middle"), plan.weights("spread")
    worst, best = plan.worst, plan.best
    scale = np.where(np.isnan(best), 1.0, np.fmax(np.abs(worst), np.abs(best)))
    value = np.empty_like(level)
    for at in (plan.where("share"), plan.where("choice")):
        share = logistic(np.log(middle[at] / (1 - middle[at])) + LOGIT * spread[at] * level[:, at])
        lowest = plan.weights("lowest")[at]
        share = np.where(share < lowest, 2 * lowest - share, share)
        value[:, at] = worst[at] + share * (best[at] - worst[at])
    at = plan.where("choice")
    value[:, at] = np.where(value[:, at] > 0.5, 1.0, 0.0)
    at = np.concatenate([plan.where("log"), plan.where("rare")])
    sign = np.where(best[at] < worst[at], -1.0, 1.0)
    value[:, at] = scale[at] * middle[at] * np.exp(sign * spread[at] * level[:, at])
    at = plan.where("part")
    value[:, at] = middle[at] * np.exp(spread[at] * level[:, at])
    at = plan.where("rare")
    value[:, at] = np.where(event[:, at] > EVENT, value[:, at], 0.0)
    upper = np.array([np.inf if point.upper_bound is None else point.upper_bound for point in plan.points])
    bounded: Floats = np.fmin(value, upper)
    return bounded


def _relate(plan: Plan, value: Floats, population: Floats) -> None:
    """Make the data points fit each other, in place: totals of 100, parts within wholes, fine dust within dust."""
    column = plan.column
    for part, whole in WITHIN:
        value[:, column[part]] *= value[:, column[whole]] / 100
    for less, more in BELOW:
        value[:, column[less]] = np.fmin(value[:, column[less]], 0.99 * value[:, column[more]])
    for total in TOTALS:
        at = [column[point] for point in total]
        weights = value[:, at]
        value[:, at] = 100 * weights / _total(weights)[:, np.newaxis]
    dust = value[:, column[_DUST]]
    value[:, column[_DUST]] = np.fmax(dust, 1.15 * value[:, column[_FINE_DUST]])
    # Drawn as hotspots of each inhabitant, and as a multiple of the rate of all.
    value[:, column[_HOTSPOTS]] *= population
    times = value[:, column[_YOUTH_UNEMPLOYMENT]]
    times = np.where(times < YOUTH_ABOVE_ALL, YOUTH_ABOVE_ALL**2 / times, times)
    youth = times * value[:, column[_UNEMPLOYMENT]]
    value[:, column[_YOUTH_UNEMPLOYMENT]] = np.fmin(youth, 90.0)


def _total(parts: Floats) -> Floats:
    """Sum over columns, one after the other, so that the bits do not depend on how many rows there are."""
    total = np.zeros(len(parts))
    for part in parts.T:
        total = total + part
    return total


def _denominators(plan: Plan, profile: Mapping[str, Floats], development: Floats, varied: Floats) -> Floats:
    """Denominator of each data point, undivided, NaN where there is none, shape (n, p)."""
    bases = {
        **profile,
        "income": profile["household_income"] * profile["households"],
        "one": np.ones(len(development)),
        "interruptions": np.ones(len(development)),
    }
    sizes = {}
    for position, (name, quantity) in enumerate(QUANTITIES.items()):
        log = quantity.development * development + quantity.spread * varied[:, position]
        exact = bases[quantity.base] * quantity.factor * np.exp(log)
        unit = 10.0**-quantity.decimals
        sizes[name] = np.fmax(np.round(exact, quantity.decimals), unit)
    denominator = np.full((len(development), len(plan.points)), np.nan)
    for position, point in enumerate(plan.points):
        if point.denominator_basis:
            denominator[:, position] = profile[PREFILLED[point.denominator_basis]]
        elif point.denominator:
            denominator[:, position] = sizes[point.denominator]
    return denominator


def _numerators(plan: Plan, value: Floats, denominator: Floats, area_km2: Floats) -> Floats:
    """Numerator of each data point, whole where things are counted, NaN where there is none; shape (n, p).

    Fills in ``denominator`` where it is the numerator of another data point.
    """
    column = plan.column
    multiplier = np.array([point.multiplier for point in plan.points])
    decimals = [DECIMALS.get(point.id, 0) for point in plan.points]
    unit = 10.0 ** np.array(decimals)
    raw = np.where(np.isnan(denominator), value, value * denominator / multiplier)
    numerator = np.rint(raw * unit) / unit
    for total in TOTALS:
        _settle(numerator, denominator, [column[point] for point in total])
    # A hectare is a hundredth of a square kilometre; four fifths of a city at most are green.
    numerator[:, column[_GREEN]] = np.fmin(numerator[:, column[_GREEN]], np.rint(80 * area_km2))
    outages = np.fmax(numerator[:, column[_OUTAGES]], 1.0)
    numerator[:, column[_OUTAGES]] = denominator[:, column[_OUTAGE_TIME]] = outages
    numerator[:, column[_OUTAGE_TIME]] = np.rint(value[:, column[_OUTAGE_TIME]] * outages)
    numerator[:, column[_DATA_SETS]] = numerator[:, column[_DATA_SETS_SHARE]]
    numerator[:, [point.numerator is None for point in plan.points]] = np.nan
    return numerator


def _settle(numerator: Floats, denominator: Floats, at: list[int]) -> None:
    """Give what rounding left over to the greatest part, in place: the parts are the whole."""
    parts = numerator[:, at]
    left = denominator[:, at[0]] - _total(parts)
    greatest = np.argmax(parts, axis=1)
    numerator[np.arange(len(parts)), np.array(at)[greatest]] += left


def _figures(
    plan: Plan,
    profile: Mapping[str, Floats],
    development: Floats,
    numerator: Floats,
    denominator: Floats,
    drawn: Floats,
) -> Figures:
    """The figures with the value that numerator and denominator come to."""
    multiplier = np.array([point.multiplier for point in plan.points])
    divisor = np.array([point.template_divisor for point in plan.points])
    computed = numerator / denominator * multiplier
    counted = np.where(np.isnan(denominator), numerator, computed)
    value = np.where(np.isnan(numerator), np.round(drawn, 3), counted)
    return Figures(profile, development, numerator, denominator / divisor, value)
