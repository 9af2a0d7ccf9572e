"""What is told of each city's change: rounded so that it adds up, and in sentences.

What belongs here: rounding, words, order. What does not: layout (`page.py`, `table.py`), any part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from reports import words
from ssc_index.changes import FACTORS
from ssc_index.counterfactuals import KINDS

# Each factor in a word for a column, and in words for a sentence.
SHORT = {
    "revised": "Revised",
    "reported": "New",
    "carried": "Carried",
    "others": "Others",
    "entry_exit": "In/out",
    "framework": "Framew.",
    "method": "Method",
}
# The same as names where there is room.
NAMES = {
    "revised": "Its own figures revised",
    "reported": "Newly reported, or no longer",
    "carried": "Older figures carried",
    "others": "Other cities' figures",
    "entry_exit": "Cities in and out",
    "framework": "Framework",
    "method": "Method",
}
TOLD = {
    "revised": "figures that it reported in both editions and that are others now",
    "reported": "figures that it newly reports, or no longer does",
    "carried": "older figures that stand in for missing ones",
    "others": "the figures of the other cities",
    "entry_exit": "cities that entered or left the ranking",
    "framework": "goalposts, weights or indicators that have changed",
    "method": "the method, which has changed",
}
SCORE_DECIMALS, RANK_DECIMALS, MOST_KPIS = 2, 1, 8
ENDS = ("before", "after")


@dataclass(frozen=True)
class Told:
    """A city's change, ready to be read.

    Attributes:
        key: Key of the city.
        name: Its name.
        state: both, entered or left.
        score: Score before and after, rounded; None where it is not ranked.
        rank: Rank before and after.
        score_change: Difference of the rounded scores; None with a score missing.
        rank_change: Places gained.
        score_parts: By factor, rounded so that they sum to `score_change`; empty where there are none.
        rank_parts: The same for ranks.
        kpis: Name and contribution of the KPIs that moved it most, the greatest first, and what the others came to;
            rounded so that they sum to the parts of its own data.
        values: Values of these KPIs, before and after.
        sentences: What happened.
        codes: Nodes of the KPIs among `kpis`, in their order.
    """

    key: str
    name: str
    state: str
    score: tuple[float | None, float | None]
    rank: tuple[int | None, int | None]
    score_change: float | None
    rank_change: int | None
    score_parts: Mapping[str, float]
    rank_parts: Mapping[str, float]
    kpis: Sequence[tuple[str, float]]
    values: Sequence[str]
    sentences: Sequence[str]
    codes: Sequence[str] = ()


def adding_up(parts: Sequence[float], total: float, decimals: int) -> list[float]:
    """Round parts so that they add up to a rounded total: the largest remainders are rounded up.

    Args:
        parts: What sums to the total, but for rounding.
        total: The total, as it is shown.
        decimals: Decimals that are shown.

    Returns:
        The parts, each within one unit of the last decimal of what it is.

    >>> adding_up([1 / 3, 1 / 3, 1 / 3], 1.0, 2)
    [0.34, 0.33, 0.33]
    """
    unit = 10.0**decimals
    floors = [math.floor(part * unit) for part in parts]
    missing = round(total * unit) - sum(floors)
    order = sorted(range(len(parts)), key=lambda place: (floors[place] - parts[place] * unit, place))
    # Ends that were rounded apart from their difference can ask for a step more or less than there are parts.
    for step in range(abs(missing)):
        floors[order[step % len(order)] if missing > 0 else order[-1 - step % len(order)]] += 1 if missing > 0 else -1
    return [floor / unit + 0.0 for floor in floors]


def stories(
    parts: pl.DataFrame,
    kpis: pl.DataFrame,
    values: pl.DataFrame,
    cities: Mapping[str, str],
    nodes: Mapping[str, str],
) -> list[Told]:
    """What is told of every city: those that gained or lost most places first, those ranked once last.

    Args:
        parts: Rows of ``changes.parts``.
        kpis: Rows of ``changes.kpis``.
        values: Values before and after.
        cities: Name of each city.
        nodes: Name of each node.
    """
    moved = {city: frame for (city,), frame in kpis.partition_by("city_id", as_dict=True).items()}
    own = {city: frame for (city,), frame in values.partition_by("city_id", as_dict=True).items()}
    told = [_story(row, cities, nodes, moved.get(row["city_id"]), own.get(row["city_id"])) for row in parts.to_dicts()]
    return sorted(told, key=_order)


def _order(one: Told) -> tuple[str, int, float, int, str]:
    """Most places first, then most points."""
    rank = one.rank[1] or one.rank[0] or 0
    return (one.state, -abs(one.rank_change or 0), -abs(one.score_change or 0.0), rank, one.key)


def _story(
    row: Mapping[str, Any],
    cities: Mapping[str, str],
    nodes: Mapping[str, str],
    kpis: pl.DataFrame | None,
    values: pl.DataFrame | None,
) -> Told:
    first, last = (
        None if row[f"score_{when}"] is None else round(row[f"score_{when}"], SCORE_DECIMALS) for when in ENDS
    )
    change = None if first is None or last is None else round(last - first, SCORE_DECIMALS)
    score_parts = _parts(row, "score", change, SCORE_DECIMALS)
    rank_parts = _parts(row, "rank", row["rank_change"], RANK_DECIMALS)
    named = (
        []
        if kpis is None
        else sorted(kpis.select("node", "contribution").rows(), key=lambda one: (-abs(one[1]), one[0]))
    )
    largest = named[:MOST_KPIS]
    listed = [(nodes.get(node, node) if node != "index" else "Rounding and bounds", value) for node, value in largest]
    if rest := named[MOST_KPIS:]:
        listed.append((f"{len(rest)} others", math.fsum(value for _, value in rest)))
    if score_parts and listed:
        own = round(math.fsum(score_parts[kind] for kind in KINDS), SCORE_DECIMALS)
        shown = adding_up([value for _, value in listed], own, SCORE_DECIMALS)
        listed = [(name, value) for (name, _), value in zip(listed, shown, strict=True)]
    name = cities.get(row["city_id"], row["city_id"])
    return Told(
        row["city_id"],
        name,
        row["state"],
        (first, last),
        (row["rank_before"], row["rank_after"]),
        change,
        row["rank_change"],
        score_parts,
        rank_parts,
        listed,
        _values(values, {node for node, _ in largest}, nodes),
        _sentences(name, row, (first, last), change, score_parts, rank_parts),
        [node for node, _ in largest],
    )


def _parts(row: Mapping[str, Any], what: str, change: float | None, decimals: int) -> dict[str, float]:
    """Parts of a change that add up to it as it is shown; empty where there are none."""
    known = {name: row[f"{what}_{name}"] for name in FACTORS if row[f"{what}_{name}"] is not None}
    # Only what moved anything is rounded: a factor that did nothing must not get a remainder.
    moved = {name: value for name, value in known.items() if abs(value) > 1e-9}
    if change is None or not known:
        return {}
    rounded = dict(zip(moved, adding_up(list(moved.values()), change, decimals), strict=True)) if moved else {}
    return {name: rounded.get(name, 0.0) for name in known}


def _values(values: pl.DataFrame | None, wanted: set[str], nodes: Mapping[str, str]) -> list[str]:
    """Values of some KPIs, before and after, with their years."""
    if values is None:
        return []
    told = []
    for row in values.filter(pl.col("kpi_code").is_in(sorted(wanted))).sort("data_point").to_dicts():
        ends = [
            f"{words.amount(row[f'value_{when}'])} ({row[f'year_{when}']})" if row[f"value_{when}"] is not None else "–"
            for when in ENDS
        ]
        told.append(f"{nodes.get(row['data_point'], row['data_point'])}: {ends[0]} → {ends[1]}")
    return told


def _sentences(
    name: str,
    row: Mapping[str, Any],
    score: tuple[float | None, ...],
    change: float | None,
    score_parts: Mapping[str, float],
    rank_parts: Mapping[str, float],
) -> list[str]:
    """What happened, in words."""
    if row["state"] == "entered":
        return [f"{name} was not ranked before. It is number {row['rank_after']} with {score[1]:.2f} points."]
    if row["state"] == "left":
        return [f"{name} was number {row['rank_before']} with {score[0]:.2f} points. It is not ranked any more."]
    places = row["rank_change"]
    went = "kept its rank," if not places else ("rose" if places > 0 else "fell")
    ranks = f"number {row['rank_after']}" if not places else f"from number {row['rank_before']} to {row['rank_after']}"
    said = [f"{name} {went} {ranks}; its index went from {score[0]:.2f} to {score[1]:.2f} ({words.change(change, 2)})."]
    for what, parts, decimals in (("points", score_parts, SCORE_DECIMALS), ("places", rank_parts, RANK_DECIMALS)):
        moved = sorted((one for one in parts.items() if one[1]), key=lambda one: -abs(one[1]))
        if moved:
            listed = "; ".join(f"{words.change(value, decimals)} by {TOLD[factor]}" for factor, value in moved)
            said.append(f"In {what}: {listed}.")
    if row["reason"]:
        said.append(f"Not divided further: {row['reason']}.")
    elif not any(score_parts.values()) and not any(rank_parts.values()):
        said.append("Nothing that it rests on has changed.")
    return said
