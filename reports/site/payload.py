"""What every page of the site needs: editions, cities, the tree, and each edition's ranking.

What belongs here: rows of the mart in a compact shape. What does not: a city's or a KPI's own data (`detail.py`).
A score that consent hides has no row in the mart; it is told as ``"h"``, a score that could not be computed as null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from reports import words
from reports.changes.story import NAMES, Told
from reports.figures.palette import BANDS
from reports.mart import GROUPINGS, UPPER_LEVELS, PublicMart
from reports.weights import weighing
from ssc_index.framework.catalogue import Catalogue
from ssc_index.method import Method

HIDDEN = "h"
# The edition before, and what is told of each city's change since.
Changes = tuple[int | None, Sequence[Told]]


def core(mart: PublicMart, catalogue: Catalogue) -> dict[str, Any]:
    """Data of the first page: who, what, when, and each edition's index.

    Args:
        mart: The public mart.
        catalogue: The catalogue, for formulas, sources and symbols of units.
    """
    cities = mart.city_rows
    groups = {name: _labels(mart, name) for name in GROUPINGS}
    place = {name: {label: count for count, label in enumerate(labels)} for name, labels in groups.items()}
    return {
        "workspace": mart.workspace,
        "is_demo": mart.is_demo,
        "content": mart.content_sha256,
        "editions": [_edition(row) for row in mart["dim_edition"].sort("edition").to_dicts()],
        "groups": {
            "region": groups["region"],
            "income_group": groups["income_group"],
            "size_class": [words.size(code) for code in groups["size_class"]],
        },
        "cities": [
            [
                row["city_id"],
                row["name"],
                row["country"],
                *(place[name][row[name]] for name in GROUPINGS),
                row["population"],
            ]
            for row in cities.values()
        ],
        "nodes": [_node(row, catalogue) for row in mart.nodes],
        "index": {str(edition): _index(mart, edition) for edition in mart.editions},
        "bands": [[band.key, band.label, band.fill, band.ink] for band in BANDS],
        "qualities": dict(words.QUALITIES),
        "derivations": dict(words.DERIVATIONS),
        "units": {code: [unit.symbol, unit.name] for code, unit in catalogue.codes.units.items()},
    }


def _labels(mart: PublicMart, name: str) -> list[str]:
    """Groups that occur; size classes in the order of size."""
    found = set(mart["dim_city"][name].to_list())
    known = [code for code in words.SIZES if code in found]
    return known + sorted(found - set(known)) if name == "size_class" else sorted(found)


def _edition(row: dict[str, Any]) -> dict[str, Any]:
    keys = (
        "edition",
        "status",
        "framework_version",
        "method",
        "method_sha256",
        "n_cities",
        "n_ranked",
        "n_values",
        "mean_coverage",
        "n_provisional_goalposts",
    )
    return {key: row[key] for key in keys} | {"as_of": row["as_of"].isoformat() if row["as_of"] else None}


def _node(row: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    keys = ("node", "parent", "level", "name", "unit", "direction", "kpi_code", "is_scored")
    node = {key: row[key] for key in keys}
    if row["level"] == "kpi":
        kpi = catalogue.kpi(row["node"])
        more = ("printed_code", "definition", "dimension", "sub_dimension", "category", "kpi_level", "kind")
        node |= {key: row[key] for key in more} | {
            "sdg": [part.strip() for part in (row["sdg_references"] or "").split(";")]
        }
        sources = (kpi.reference, *kpi.further_references)
        node["sources"] = [[source.title, source.page, source.href] for source in sources]
        node["caveats"] = [catalogue.codes.caveats[code] for code in kpi.caveats]
    if row["level"] == "data_point":
        point = catalogue.data_point(row["node"])
        node |= {"numerator": point.numerator, "denominator": point.denominator, "multiplier": point.multiplier}
        node["not_scored"] = point.not_scored_because
        node["caveats"] = [catalogue.codes.caveats[code] for code in point.caveats]
    return node


def _index(mart: PublicMart, edition: int) -> list[list[Any]]:
    """A row a city: its place among the cities, score, rank, coverage, carried, imputed, reason, sureness.

    Sureness: first and last rank of the interval, the rank among the cities with open values, the tier.
    """
    place = {city: count for count, city in enumerate(mart.city_rows)}
    rows = mart["fact_score"].filter((pl.col("edition") == edition) & (pl.col("level") == "index"))
    sure = {city: [one.low, one.high, one.rank, one.tier] for city, one in mart.sureness(edition).items()}
    return [
        [
            place[row["city_id"]],
            row["score"],
            row["rank"],
            row["coverage"],
            row["n_carried"],
            row["n_imputed"],
            words.reason(row["excluded_because"], mart.names) if row["excluded_because"] else None,
            sure.get(row["city_id"]),
        ]
        for row in rows.sort("city_id").to_dicts()
    ]


def edition_data(mart: PublicMart, edition: int, changes: Changes | None = None) -> dict[str, Any]:
    """An edition's scores above the category, benchmark totals, goalposts, spread of peers, and causes of changes."""
    place = {city: count for count, city in enumerate(mart.city_rows)}
    nodes = [node["node"] for node in mart.nodes if node["level"] in UPPER_LEVELS]
    column = {node: count for count, node in enumerate(nodes)}
    cities: dict[int, dict[str, list[Any]]] = {}
    rows = mart["fact_score"].filter((pl.col("edition") == edition) & pl.col("level").is_in(UPPER_LEVELS))
    for city, node, score, rank, coverage in rows.select("city_id", "node", "score", "rank", "coverage").iter_rows():
        hidden = [HIDDEN] * len(nodes)
        own = cities.setdefault(place[city], {"s": [*hidden], "r": [None] * len(nodes), "v": [None] * len(nodes)})
        own["s"][column[node]], own["r"][column[node]], own["v"][column[node]] = score, rank, coverage
    totals = mart["fact_benchmark"].filter(
        (pl.col("edition") == edition) & (pl.col("cut") == "total") & (pl.col("kpi_level") == "all")
    )
    return {
        "nodes": nodes,
        "cities": {str(key): cities[key] for key in sorted(cities)},
        "benchmark": {
            str(place[city]): percentage
            for city, percentage in totals.sort("city_id").select("city_id", "percentage").iter_rows()
        },
        "goalposts": _goalposts(mart, edition),
        "peers": _peers(mart, edition),
        "changes": None if changes is None or changes[0] is None else _changes(changes[0], changes[1], place),
    }


def _changes(before: int, told: Sequence[Told], place: Mapping[str, int]) -> dict[str, Any]:
    """The edition that is compared with, and each city's parts of points and places, in the order of the causes."""
    parts = {
        str(place[one.key]): [list(map(of.get, NAMES)) for of in (one.score_parts, one.rank_parts)]
        for one in told
        if one.score_parts
    }
    return {"before": before, "causes": list(NAMES.values()), "cities": parts}


def _goalposts(mart: PublicMart, edition: int) -> dict[str, list[Any]]:
    """Goalposts and target of each data point, with status and source."""
    rows = mart["dim_goalpost"].filter(pl.col("edition") == edition).sort("data_point")
    keys = (
        "low",
        "high",
        "goalpost_status",
        "goalpost_reference",
        "target",
        "target_status",
        "target_reference",
    )
    return {row["data_point"]: [row[key] for key in keys] for row in rows.to_dicts()}


def _peers(mart: PublicMart, edition: int) -> dict[str, dict[str, list[Any]]]:
    """Number of cities, quartiles and median of each shown peer group, by ``grouping|group`` and item."""
    rows = mart["fact_peer"].filter((pl.col("edition") == edition) & pl.col("median").is_not_null())
    found: dict[str, dict[str, list[Any]]] = {}
    for row in rows.sort("grouping", "peer_group", "measure", "item").to_dicts():
        group = words.size(row["peer_group"]) if row["grouping"] == "size_class" else row["peer_group"]
        key = f"{row['grouping']}|{group}"
        found.setdefault(key, {})[row["item"] if row["measure"] == "value" else f"score:{row['item']}"] = [
            row["n_cities"],
            row["quartile_1"],
            row["median"],
            row["quartile_3"],
        ]
    return found


def score_matrix(mart: PublicMart, edition: int, catalogue: Catalogue, method: Method) -> dict[str, Any]:
    """What the playground weighs: the scores of data points, city by city, and how they are put together.

    Scores are written to the last bit, so that the browser can give the engine's numbers.
    """
    framework = catalogue.framework(edition)
    place = {city: count for count, city in enumerate(mart.city_rows)}
    column = {code: count for count, code in enumerate(framework.codes)}
    rows = mart["fact_score"].filter((pl.col("edition") == edition) & (pl.col("level") == "data_point"))
    cities: dict[int, list[float | None]] = {}
    for city, node, score in rows.select("city_id", "node", "score").iter_rows():
        if node in column:
            cities.setdefault(place[city], [None] * len(column))[column[node]] = score
    return {
        "points": list(framework.codes),
        "cities": {str(key): cities[key] for key in sorted(cities)},
        "weighing": weighing(framework, method),
    }
