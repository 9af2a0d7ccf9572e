"""What one city's page and one KPI's page need, each in a file of its own that is read when the page is opened.

What belongs here: rows of the mart in a compact shape: a list a data point, its fields by position (`FIELDS`).
What does not: what every page needs (`payload.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from reports.changes.story import NAMES, Told
from reports.figures.palette import BANDS
from reports.mart import GROUPINGS, UPPER_LEVELS, PublicMart
from reports.site.payload import Changes

# Fields of a data point in a city's file, by position.
FIELDS = (
    "value",
    "value_year",
    "quality",
    "source",
    "derivation",
    "file",
    "cell",
    "score",
    "points",
    *GROUPINGS,
)
WORDS = ("quality", "source", "derivation", "file", "cell", "input")
# Of many cities, a bar of the figure stands for several ranks.
MOST_BARS = 60
ROOT = "index"
CHANCE = ("city_id", "edition", "rank", "share")
_BAND = {band.key: count for count, band in enumerate(BANDS)}


def city_files(mart: PublicMart, changes: Mapping[int, Changes] | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each city's key and data: every edition with nodes, data points, benchmark cuts, chances of ranks, causes of its
    change, what moves its rank, and the words they refer to.
    """
    order = {node["node"]: count for count, node in enumerate(mart.nodes) if node["level"] == "data_point"}
    column = {node: count for count, node in enumerate(sorted(order, key=order.__getitem__))}
    values = _by_city(_points(mart))
    nodes = _by_city(_node_rows(mart))
    cuts = _by_city(_cut_rows(mart))
    widths = {year: -(-len(mart.sureness(year)) // MOST_BARS) for year in mart.editions}
    chances = _by_city(mart["fact_rank_distribution"].sort("city_id", "edition", "rank").select(*CHANCE))
    moves = _by_city(_move_rows(mart))
    told = {(one.key, year): (before, one) for year, (before, many) in (changes or {}).items() for one in many}
    for city in mart.city_rows:
        book = _Words()
        editions: dict[str, dict[str, Any]] = {}

        def edition(year: int, editions: dict[str, dict[str, Any]] = editions) -> dict[str, Any]:
            fresh = {"nodes": {}, "points": [0] * len(column), "cuts": {}}
            return editions.setdefault(str(year), fresh)

        for year, node, score, rank in nodes.get(city, ()):
            edition(year)["nodes"][node] = [score, rank]
        for year, point, *row in values.get(city, ()):
            for count, field in enumerate(FIELDS):
                if field in WORDS:
                    row[count] = book.place(field, row[count])
            edition(year)["points"][column[point]] = _trimmed(row)
        for year, cut, node, percentage, band, reported, scored in cuts.get(city, ()):
            edition(year)["cuts"][f"{cut}|{node}"] = [
                None if percentage is None else _short(round(percentage, 4)),
                _BAND.get(band),
                reported,
                scored,
            ]
        for year, bars in _bars(chances.get(city, ()), widths).items():
            edition(year)["ranks"] = {"width": widths[year], "bars": bars}
        for year, name, total, first in moves.get(city, ()):
            edition(year).setdefault("moves", []).append([book.place("input", name), total, first])
        for year in mart.editions:
            if (city, year) in told:
                edition(year)["change"] = _change(*told[city, year])
        yield city, {"id": city, "editions": dict(sorted(editions.items())), "words": book.lists}


def _bars(chances: Iterable[tuple[int, int, float]], widths: Mapping[int, int]) -> dict[int, list[list[float]]]:
    """By edition, the first rank of each bar and the share of the replications in it."""
    found: dict[int, dict[int, list[float]]] = {}
    for year, rank, share in chances:
        width = widths[year]
        found.setdefault(year, {}).setdefault(rank - (rank - 1) % width, []).append(share)
    return {
        year: [[first, round(math.fsum(shares), 4)] for first, shares in sorted(bars.items())]
        for year, bars in found.items()
    }


def _change(before: int | None, one: Told) -> dict[str, Any]:
    """Sentences, parts by cause, and the KPIs that moved it most."""
    parts = [
        [name, one.score_parts.get(key), one.rank_parts.get(key)]
        for key, name in NAMES.items()
        if one.score_parts.get(key) or one.rank_parts.get(key)
    ]
    # A KPI by its node, where the page finds name and values; what the others came to, and rounding, in words.
    nodes = [node if node != ROOT else name for node, (name, _) in zip(one.codes, one.kpis, strict=False)]
    named = [*nodes, *(name for name, _ in one.kpis[len(nodes) :])]
    kpis = [[name, round(value, 4)] for name, (_, value) in zip(named, one.kpis, strict=True)]
    told = [one.sentences[0], *(words for words in one.sentences if words.startswith("Not divided"))]
    return {"before": before, "told": told, "parts": parts, "kpis": kpis}


class _Words:
    """Texts that repeat, each told once."""

    def __init__(self) -> None:
        self.lists: dict[str, list[str]] = {field: [] for field in WORDS}
        self._places: dict[tuple[str, str], int] = {}

    def place(self, field: str, word: str | None) -> int | None:
        """Where a text stands in its list; None for none."""
        if word is None:
            return None
        if (field, word) not in self._places:
            self._places[field, word] = len(self.lists[field])
            self.lists[field].append(word)
        return self._places[field, word]


def _trimmed(row: list[Any]) -> list[Any]:
    """A row without the nulls at its end; whole numbers without a point."""
    while row and row[-1] is None:
        row.pop()
    return [_short(one) for one in row]


def _short(value: Any) -> Any:
    """A number as JSON needs it: 75 for 75.0."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def _by_city(frame: pl.DataFrame) -> dict[str, list[tuple[Any, ...]]]:
    """Rows by city, ``city_id`` left out."""
    parts = frame.partition_by("city_id", as_dict=True, include_key=False, maintain_order=True)
    return {str(key[0]): part.rows() for key, part in parts.items()}


def _points(mart: PublicMart) -> pl.DataFrame:
    """A row a city, edition and data point with a public value: value, score, points and percentiles."""
    key = ["edition", "city_id", "data_point"]
    scores = mart["fact_score"].filter(pl.col("level") == "data_point")
    score = scores.select("edition", "city_id", pl.col("node").alias("data_point"), pl.col("score").round(4))
    benchmark = mart["fact_benchmark"].filter(pl.col("cut") == "data_point")
    points = benchmark.select("edition", "city_id", pl.col("node").alias("data_point"), "points")
    places = mart["fact_peer_position"].filter(pl.col("measure") == "value")
    percentiles = [pl.col(f"{name}_percentile").round(1).alias(name) for name in GROUPINGS]
    place = places.select("edition", "city_id", pl.col("item").alias("data_point"), *percentiles)
    cell = pl.concat_str(pl.col("sheet"), pl.col("cell"), separator="!", ignore_nulls=True).alias("cell")
    joined = (
        mart["fact_value"]
        .with_columns(cell, pl.col("file_sha256").str.head(12).alias("file"))
        .join(score, on=key, how="left")
        .join(points, on=key, how="left")
        .join(place, on=key, how="left")
    )
    return joined.sort("city_id", "edition", "data_point").select("city_id", "edition", "data_point", *FIELDS)


def _node_rows(mart: PublicMart) -> pl.DataFrame:
    rows = mart["fact_score"].filter(pl.col("level").is_in(UPPER_LEVELS)).sort("city_id", "edition", "node")
    return rows.select("city_id", "edition", "node", "score", "rank")


def _cut_rows(mart: PublicMart) -> pl.DataFrame:
    rows = mart["fact_benchmark"].filter((pl.col("kpi_level") == "all") & (pl.col("cut") != "data_point"))
    return rows.sort("city_id", "edition", "cut", "node").select(
        "city_id", "edition", "cut", "node", "percentage", "band", "n_reported", "n_scored"
    )


def _move_rows(mart: PublicMart) -> pl.DataFrame:
    """Shares of the variance of a city's rank that each choice has in all and alone, the largest first."""
    rows = mart["fact_sensitivity"].filter(pl.col("measure") == "rank").drop_nulls("total")
    shares = [pl.col(name).round(3) for name in ("total", "first")]
    rows = rows.sort("city_id", "edition", "total", "input", descending=[False, False, True, False])
    return rows.select("city_id", "edition", "input", *shares)


def kpi_files(mart: PublicMart) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each KPI's code and data: by data point and edition, the cities' values and the years they are of."""
    place = {city: count for count, city in enumerate(mart.city_rows)}
    found: dict[str, dict[str, dict[str, list[Any]]]] = {
        node["node"]: {} for node in mart.nodes if node["level"] == "kpi"
    }
    rows = mart["fact_value"].sort("kpi_code", "data_point", "edition", "city_id")
    for kpi, point, edition, city, value, year in rows.select(
        "kpi_code", "data_point", "edition", "city_id", "value", "value_year"
    ).iter_rows():
        found[kpi].setdefault(point, {}).setdefault(str(edition), []).append(
            [place[city], _short(value), edition - year]
        )
    yield from found.items()
