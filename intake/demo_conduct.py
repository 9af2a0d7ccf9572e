"""How the invented cities of the demo behave: what they report, how well, when, and what may be published.

What belongs here: gaps, quality, verification, receipts and consent. What does not: the numbers
(`demo_model.py`). Most of it lasts: a city lacks the same KPI for years, and answers alike every year.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intake.demo_plan import BASE_YEAR, Plan, Rows
from intake.demo_random import Floats, draw, logistic
from intake.demo_shapes import HOLDERS
from ssc_index.framework.catalogue import Catalogue

Booleans = NDArray[np.bool_]
Positions = NDArray[np.intp]
Moments = NDArray[np.datetime64]

# Of every so many cities one is so sparse that it cannot be ranked.
BLOCK = 20
SKIPPED = 0.03
REVISED = 0.10
YEAR_LATE = 0.15
# Of the KPIs that a city lacked, a revision brings so many.
FOUND = 0.15
CONSENT_CHANGED = 0.05
# The last day on which anything reached the demo: later revisions of earlier years are not there yet.
LAST_RECEIPT = np.datetime64("2026-10-31T00:00")
LAST_YEAR = 2025

OUTCOMES = ("verified", "partly_verified", "pending", "rejected")
_OUTCOME_SHARES = (0.87, 0.06, 0.05, 0.02)
# Share of reported KPIs that the verifier does not pass, by outcome.
_NOT_VERIFIED = np.array([0.02, 0.15, 1.0, 1.0])
CONSENTS = ("report", "values", "scores", "none")
_CONSENT_SHARES = (0.55, 0.20, 0.15, 0.10)
MODES = ("onsite", "remote")
_MODE_SHARES = (0.3, 0.7)
# How cities fill the form: share of cities, and share of their KPIs given as a final value only.
_STYLES = (0.75, 0.18, 0.07)
_RESULT_ONLY = np.array([0.01, 0.12, 0.50])

# What a holder's data mostly are, by the last word of its name.
_ORIGINS: Mapping[str, str] = {
    "utility": "utility_or_operator",
    "authority": "administrative_register",
    "agency": "sensor_network",
    "regulator": "utility_or_operator",
    "office": "official_statistics",
    "commerce": "survey",
}


@dataclass(frozen=True)
class Conduct:
    """What the cities do with their figures; n rows, p data points.

    Attributes:
        is_skipped: Whether the city sends nothing this year, shape (n,).
        has_revision: Whether it sends a corrected workbook later, shape (n,).
        is_reported: Shape (n, p).
        is_result_only: Whether the final value stands without numerator and denominator, shape (n, p).
        is_verified: Whether the verifier passed it, shape (n, p); says nothing where the outcome is pending.
        quality: Position in the catalogue's list of grades, shape (n, p).
        origin: Position in the catalogue's list of origins, shape (n, p).
        received_at: To the minute, UTC, shape (n,).
        verified_on: Day of the outcome, shape (n,); NaT where it is pending.
        outcome: Position in `OUTCOMES`, shape (n,).
        mode: Position in `MODES`, shape (n,).
        consent: Position in `CONSENTS`, shape (n,).
    """

    is_skipped: Booleans
    has_revision: Booleans
    is_reported: Booleans
    is_result_only: Booleans
    is_verified: Booleans
    quality: Positions
    origin: Positions
    received_at: Moments
    verified_on: Moments
    outcome: Positions
    mode: Positions
    consent: Positions


def draw_conduct(
    plan: Plan, catalogue: Catalogue, seed: int, rows: Rows, development: Floats, *, is_revised: bool = False
) -> Conduct:
    """Draw what each city does in each year.

    Args:
        plan: The catalogue as arrays.
        catalogue: The catalogue, for its lists.
        seed: Seed of the cohort.
        rows: Cities and years.
        development: Development of each row, shape (n,).
        is_revised: Whether the workbook is the revision; it fills gaps and arrives later.

    Returns:
        Conduct; the same for a row whatever the other rows are.
    """
    n_kpis = len(plan.is_core)
    city = _lasting(seed, rows, n_kpis)
    yearly = {"lapse": n_kpis, "verified": n_kpis, "row": 6, "revision": 2}
    year = draw(seed, "year_conduct", rows.keys, {}, yearly)
    again = draw(seed, "revision_conduct", rows.keys, {}, {"found": n_kpis, "row": 2})
    reported = _reported(plan, seed, rows, development, city, year["lapse"])
    received = _received(rows, city["manner"][:, 0], year["row"][:, 0])
    late = _late(received, again["row"])
    outcome = _choices(year["row"][:, 1], _OUTCOME_SHARES)
    if is_revised:
        reported, received, outcome = reported | (again["found"] < FOUND), late, np.zeros_like(outcome)
    moves = year["row"][:, 2] < CONSENT_CHANGED
    consent = np.where(moves, year["row"][:, 3], city["manner"][:, 1])
    style = _choices(city["manner"][:, 2], _STYLES)
    has_parts = np.array([point.denominator is not None for point in plan.points])
    result_only = city["result_only"] < _RESULT_ONLY[style][:, np.newaxis]
    is_passed = year["verified"] >= _NOT_VERIFIED[outcome][:, np.newaxis]
    days = np.floor(20 + 70 * year["row"][:, 4]).astype("timedelta64[D]")
    verified_on = received.astype("datetime64[D]") + days
    verified_on[outcome == OUTCOMES.index("pending")] = np.datetime64("NaT", "D")
    is_to_come = (late > LAST_RECEIPT) & (rows.years <= LAST_YEAR)
    return Conduct(
        is_skipped=year["revision"][:, 0] < SKIPPED,
        has_revision=(year["revision"][:, 1] < REVISED) & ~is_to_come,
        is_reported=reported[:, plan.kpi],
        is_result_only=result_only[:, plan.kpi] & has_parts,
        is_verified=is_passed[:, plan.kpi],
        quality=_quality(catalogue, city["quality"], development)[:, plan.kpi],
        origin=_origin(plan, catalogue, city["origin"]),
        received_at=received,
        verified_on=verified_on,
        outcome=outcome,
        mode=_choices(year["row"][:, 5], _MODE_SHARES),
        consent=_choices(consent, _CONSENT_SHARES),
    )


def _lasting(seed: int, rows: Rows, n_kpis: int) -> dict[str, Floats]:
    """Draws of the city that hold in every year, repeated for its rows."""
    numbers, position = np.unique(rows.numbers, return_inverse=True)
    widths = dict.fromkeys(("reported", "result_only", "quality", "origin"), n_kpis)
    drawn = draw(seed, "city_conduct", numbers[:, np.newaxis], {"effort": 1}, {**widths, "manner": 3})
    return {name: array[position] for name, array in drawn.items()}


def _reported(
    plan: Plan, seed: int, rows: Rows, development: Floats, city: Mapping[str, Floats], lapse: Floats
) -> Booleans:
    """Which KPIs each city reports: core more than advanced, more with development and from year to year."""
    hardness = draw(seed, "cohort", np.array([[0]]), {"kpi": len(plan.is_core)}, {})["kpi"]
    base = np.where(plan.is_core, 2.6, 1.0) - 0.5 * hardness
    effort = 0.5 * development + 0.5 * city["effort"][:, 0] + 0.08 * (rows.years - BASE_YEAR)
    chance = logistic(base + effort[:, np.newaxis])
    chance = np.where(_is_sparse(seed, rows)[:, np.newaxis], 0.3 * chance, chance)
    return (city["reported"] < chance) & (lapse >= 0.03)


def _is_sparse(seed: int, rows: Rows) -> Booleans:
    """Whether each row's city is the one of its block that reports next to nothing."""
    block, place = np.divmod(rows.numbers - 1, BLOCK)
    blocks, position = np.unique(block, return_inverse=True)
    drawn = draw(seed, "block", blocks[:, np.newaxis], {}, {"sparse": 1})["sparse"][:, 0]
    is_sparse: Booleans = place == np.floor(BLOCK * drawn).astype(np.int64)[position]
    return is_sparse


def _received(rows: Rows, habit: Floats, chance: Floats) -> Moments:
    """When each workbook arrives: February to September of the next year, in office hours."""
    day = np.floor(232 * (0.6 * habit + 0.4 * chance)).astype(np.int64)
    minute = np.floor(600 * np.mod(1000 * chance, 1.0)).astype(np.int64)
    start = (rows.years - 1970 + 1).astype("datetime64[Y]").astype("datetime64[D]") + np.timedelta64(31, "D")
    received: Moments = (start + day.astype("timedelta64[D]")).astype("datetime64[m]") + (7 * 60 + minute).astype(
        "timedelta64[m]"
    )
    return received


def _late(received: Moments, again: Floats) -> Moments:
    """When the revision arrives: months later, some more than a year later."""
    days = np.where(again[:, 0] < YEAR_LATE, 370 + 120 * again[:, 1], 40 + 170 * again[:, 1])
    late: Moments = received + (np.floor(days).astype(np.int64) * 1440).astype("timedelta64[m]")
    return late


def _choices(chance: Floats, shares: tuple[float, ...]) -> Positions:
    """Position of the share that each chance falls into."""
    edges = np.cumsum(shares)[:-1]
    return np.searchsorted(edges, chance, side="right").astype(np.intp)


def _quality(catalogue: Catalogue, chance: Floats, development: Floats) -> Positions:
    """Grade of each KPI, the first of the list the best; better with development."""
    n_grades = len(catalogue.scoring.quality_grades.choices)
    skew = np.exp(0.35 * (development + 0.6))
    return np.floor(n_grades * chance ** skew[:, np.newaxis]).astype(np.intp)


def _origin(plan: Plan, catalogue: Catalogue, chance: Floats) -> Positions:
    """Origin of each data point: mostly what its holder has, sometimes any other."""
    codes = [choice.code for choice in catalogue.scoring.data_origins.choices]
    usual = [
        codes.index(_ORIGINS.get(HOLDERS[name].rpartition(" ")[2], "administrative_register"))
        for name in plan.category_names
    ]
    by_point = chance[:, plan.kpi]
    other = np.floor(len(codes) * (by_point - 0.75) / 0.25).astype(np.intp)
    return np.where(by_point < 0.75, np.array(usual)[plan.category], other)
