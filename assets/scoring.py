"""Benchmark scoring and peers of one edition: frames into arrays, through the engine, into rows.

What belongs here: which items and cuts are scored, and the rows of schema ``benchmark``. What does not: the
scoring (`ssc_index/benchmark.py`), targets and edges (the catalogue), who may see what (`intake/consent.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from assets.editions import GROUPS
from assets.pool import side_by_side
from intake.consent import NOT_NAMED, shown_scores, visible_cities, visible_values
from intake.keys import place_among
from intake.selection import UNKNOWN_SIZE
from schemas import benchmark as tables
from ssc_index.benchmark import PeerStatistics, band, peer_statistics, percentage, points, share_of_target
from ssc_index.framework.catalogue import Catalogue, DataPoint, Kpi
from ssc_index.values import Floats

SCORE_LEVELS = ("index", "dimension", "sub_dimension")
IN_NO_GROUP = (UNKNOWN_SIZE, NOT_NAMED)


@dataclass(frozen=True)
class Grid:
    """Figures of one edition: cities in rows, items in columns.

    Attributes:
        cities: City of each row, sorted.
        items: Item of each column.
        figures: Shape (n_cities, n_items); NaN is missing.
    """

    cities: tuple[str, ...]
    items: tuple[str, ...]
    figures: Floats


def grid(frame: pl.DataFrame, cities: Sequence[str], items: Sequence[str], item: str, figure: str) -> Grid:
    """Long rows as a grid; rows of other cities or items are left out."""
    row, column = place_among(frame["city_id"], cities), place_among(frame[item], items)
    known = (row >= 0) & (column >= 0)
    figures = np.full((len(cities), len(items)), np.nan)
    figures[row[known], column[known]] = frame[figure].to_numpy()[known]
    return Grid(tuple(cities), tuple(items), figures)


def own_values(edition: int, picked: pl.DataFrame) -> pl.DataFrame:
    """Values of the edition's own year: U4SSC scores a report, not what is carried from older ones."""
    return picked.filter(pl.col("year") == edition)


def benchmark_tables(
    edition: int, picked: pl.DataFrame, cities: pl.DataFrame, catalogue: Catalogue
) -> dict[str, pl.DataFrame]:
    """U4SSC points of every reported data point, and percentages of every cut.

    Args:
        edition: The edition.
        picked: Newest value of each city and data point of the edition.
        cities: ``city_id`` and ``consent`` of the cities of the edition.
        catalogue: The KPI catalogue with targets and scoring rules.

    Returns:
        Rows of ``benchmark.points`` and ``benchmark.scores``, by table name. A city that reports nothing in the
        edition's own year has none.
    """
    own = own_values(edition, picked)
    names = sorted(set(own["city_id"]))
    all_points = catalogue.data_points
    values = grid(own, names, [point.id for point in all_points], "data_point", "value")
    targets = [point.benchmark_target_in(edition) for point in all_points]
    target_values = np.array([np.nan if target is None else target.target for target in targets])
    scoring = catalogue.scoring
    rules = [scoring.share_of_target[point.share_kind or "higher"].rule for point in all_points]
    shares = share_of_target(values.figures, target_values, rules)
    edges = [edge.at for edge in scoring.edges]
    sides = [edge.belongs_to for edge in scoring.edges]
    scored = points(shares, edges, sides)
    consent = cities.select("city_id", "consent")
    return {
        tables.POINTS.name: _point_rows(edition, values, shares, scored, targets, catalogue, consent),
        tables.SCORES.name: _cut_rows(edition, values, scored, catalogue, consent),
    }


def _point_rows(
    edition: int,
    values: Grid,
    shares: Floats,
    scored: Floats,
    targets: Sequence[object],
    catalogue: Catalogue,
    consent: pl.DataFrame,
) -> pl.DataFrame:
    """A row for each data point that got points."""
    order = np.argsort(np.array(values.items))  # rows in the order of their key need no sorting
    row, place = np.nonzero(~np.isnan(scored[:, order]))
    column = order[place]
    bands = [one.code for one in catalogue.scoring.bands]
    frame = pl.DataFrame(
        {
            "city_id": pl.Series(values.cities, dtype=pl.String).gather(row),
            "data_point": pl.Series(values.items, dtype=pl.String).gather(column),
            "value": values.figures[row, column],
            "target": pl.Series([getattr(one, "target", None) for one in targets], dtype=pl.Float64).gather(column),
            "target_status": pl.Series([getattr(one, "status", None) for one in targets], dtype=pl.String).gather(
                column
            ),
            "target_share": shares[row, column],
            "points": scored[row, column].astype(np.int16),
            "band": pl.Series(bands, dtype=pl.String).gather(scored[row, column].astype(np.int64) - 1),
        }
    ).with_columns(pl.lit(edition, pl.Int16).alias("edition"))
    return tables.POINTS.conform(frame.join(consent, on="city_id", how="left", maintain_order="left"))


def cuts(catalogue: Catalogue) -> Iterator[tuple[str, str, str, tuple[int, ...]]]:
    """Every cut of the data points: cut, node, KPI level, and the columns that belong to it.

    A category is scored within its dimension, over the sub-dimensions that share its name, as U4SSC reports do. A
    data point counts for every SDG that its KPI refers to.
    """
    kpis = [catalogue.kpi_of(point.id) for point in catalogue.data_points]
    members: dict[tuple[str, str], list[int]] = {}
    for column, kpi in enumerate(kpis):
        for key in _memberships(catalogue, kpi):
            members.setdefault(key, []).append(column)
    for (cut, node), columns in members.items():
        yield cut, node, "all", tuple(columns)
        for level in ("core", "advanced"):
            yield cut, node, level, tuple(column for column in columns if kpis[column].level == level)


def _memberships(catalogue: Catalogue, kpi: Kpi) -> list[tuple[str, str]]:
    dimension = catalogue.dimension_code(kpi)
    goals = sorted({int(reference.split(".")[0]) for reference in kpi.sdg_references})
    return [
        ("total", "index"),
        ("dimension", dimension),
        ("sub_dimension", catalogue.sub_dimension_code(kpi)),
        ("category", f"{dimension}: {kpi.category}"),
        *(("sdg", f"SDG {goal}") for goal in goals),
    ]


def _cut_rows(edition: int, values: Grid, scored: Floats, catalogue: Catalogue, consent: pl.DataFrame) -> pl.DataFrame:
    """A row for each city and cut in which it reports anything."""
    scoring = catalogue.scoring
    edges, sides = [edge.at for edge in scoring.edges], [edge.belongs_to for edge in scoring.edges]
    bands = pl.Series([None, *(one.code for one in scoring.bands)], dtype=pl.String)
    names = sorted(cuts(catalogue))  # rows in the order of their key need no sorting
    is_reported, is_scored = ~np.isnan(values.figures), ~np.isnan(scored)
    reached_points = np.where(is_scored, scored, 0.0)
    n_reported, n_scored, total, reached = (
        np.column_stack(columns)
        for columns in zip(
            *(
                (
                    is_reported[:, columns].sum(axis=1),
                    is_scored[:, columns].sum(axis=1),
                    reached_points[:, columns].sum(axis=1),
                    percentage(scored[:, columns], scoring.full_points),
                )
                for _, _, _, columns in names
            ),
            strict=True,
        )
    )
    city, cut = np.nonzero(n_reported)
    has_benchmark = n_scored[city, cut] > 0
    frame = pl.DataFrame(
        {
            "city_id": pl.Series(values.cities, dtype=pl.String).gather(city),
            "cut": pl.Series([name[0] for name in names], dtype=pl.String).gather(cut),
            "node": pl.Series([name[1] for name in names], dtype=pl.String).gather(cut),
            "kpi_level": pl.Series([name[2] for name in names], dtype=pl.String).gather(cut),
            "n_reported": n_reported[city, cut],
            "n_scored": n_scored[city, cut],
            "points": pl.Series(np.where(has_benchmark, total[city, cut], np.nan), nan_to_null=True),
            "max_points": pl.Series(
                np.where(has_benchmark, scoring.full_points * n_scored[city, cut], np.nan), nan_to_null=True
            ),
            "percentage": pl.Series(reached[city, cut], nan_to_null=True),
            "band": bands.gather(band(reached[city, cut], edges, sides) + 1),
        }
    ).with_columns(pl.lit(edition, pl.Int16).alias("edition"))
    return tables.SCORES.conform(frame.join(consent, on="city_id", how="left", maintain_order="left"))


def peer_tables(
    edition: int,
    picked: pl.DataFrame,
    scores: pl.DataFrame,
    cities: pl.DataFrame,
    catalogue: Catalogue,
    parents: Mapping[str, str | None],
) -> dict[str, pl.DataFrame]:
    """Spread of every peer group and the place of every city in it, for the index team and for the public.

    The public figures rest on nothing but what the public mart shows of single cities.

    Args:
        edition: The edition.
        picked: Newest value of each city and data point of the edition.
        scores: Rows of ``index.scores`` of the edition.
        cities: Rows of ``index.cities`` of the edition.
        catalogue: The KPI catalogue.
        parents: Parent of each node.

    Returns:
        Rows of ``benchmark.peers`` and ``benchmark.peer_positions``, by table name.
    """

    def seen(audience: str) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        if audience == "internal":
            return own_values(edition, picked), scores, cities
        shown = shown_scores(scores, parents, picked)
        return own_values(edition, visible_values(picked, cities)), shown, visible_cities(cities)

    def compared(audience: str) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
        values, shown, named = seen(audience)
        stamp = [pl.lit(edition, pl.Int16).alias("edition"), pl.lit(audience).alias("audience")]
        made = [_of_measure(*measured, named, catalogue) for measured in _measures(values, shown, named, catalogue)]
        groups, places = ([frame.with_columns(stamp) for frame in frames] for frames in zip(*made, strict=True))
        return groups, places

    made = side_by_side(compared, ["internal", "public"])
    return {
        tables.PEERS.name: tables.PEERS.conform(pl.concat([frame for groups, _ in made for frame in groups])),
        tables.PEER_POSITIONS.name: tables.PEER_POSITIONS.conform(
            pl.concat([frame for _, places in made for frame in places])
        ),
    }


def _of_measure(
    measure: str, figures: Grid, lower: list[bool], named: pl.DataFrame, catalogue: Catalogue
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Spread of every group and place of every city in the figures of a measure."""
    found = {
        grouping: peer_statistics(
            figures.figures,
            [None if label in IN_NO_GROUP else label for label in named[grouping].to_list()],
            catalogue.scoring.smallest_group,
            lower,
        )
        for grouping in GROUPS
    }
    stamp = pl.lit(measure).alias("measure")
    spread = [_spread_rows(figures, one).with_columns(stamp, grouping=pl.lit(name)) for name, one in found.items()]
    return pl.concat(spread), _place_rows(figures, found).with_columns(stamp)


def _measures(
    values: pl.DataFrame, scores: pl.DataFrame, named: pl.DataFrame, catalogue: Catalogue
) -> Iterator[tuple[str, Grid, list[bool]]]:
    """Values of the data points that have a direction, and scores from the index to the sub-dimensions."""
    names = named["city_id"].to_list()
    directed: list[DataPoint] = [point for point in catalogue.data_points if point.direction != "none"]
    yield (
        "value",
        grid(values, names, [point.id for point in directed], "data_point", "value"),
        [point.direction == "lower" for point in directed],
    )
    known = scores.filter(pl.col("level").is_in(SCORE_LEVELS) & pl.col("score").is_not_null())
    nodes = sorted(set(known["node"]))
    yield "score", grid(known, names, nodes, "node", "score"), [False] * len(nodes)


def _spread_rows(figures: Grid, found: PeerStatistics) -> pl.DataFrame:
    """How each group is spread in each item; missing where suppressed."""
    n_groups, n_items = found.n.shape
    cities = pl.Series([*figures.cities, None], dtype=pl.String)
    leader = np.where(found.leader < 0, len(figures.cities), found.leader).ravel()
    return pl.DataFrame(
        {
            "peer_group": pl.Series(found.groups, dtype=pl.String).gather(np.repeat(np.arange(n_groups), n_items)),
            "item": pl.Series(figures.items, dtype=pl.String).gather(np.tile(np.arange(n_items), n_groups)),
            "n_cities": pl.Series(found.n.ravel()).replace(0, None),
            "minimum": found.minimum.ravel(),
            "quartile_1": found.quartile_1.ravel(),
            "median": found.median.ravel(),
            "quartile_3": found.quartile_3.ravel(),
            "maximum": found.maximum.ravel(),
            "leader_city_id": cities.gather(leader),
        }
    )


def _place_rows(figures: Grid, found: Mapping[str, PeerStatistics]) -> pl.DataFrame:
    """Where each city stands in each grouping, for the items of which it has a figure."""
    row, item = np.nonzero(~np.isnan(figures.figures))
    places = {
        f"{grouping}_{name}": getattr(one, name)[row, item]
        for grouping, one in found.items()
        for name in ("percentile", "gap_to_median", "gap_to_leader")
    }
    return pl.DataFrame(
        {
            "city_id": pl.Series(figures.cities, dtype=pl.String).gather(row),
            "item": pl.Series(figures.items, dtype=pl.String).gather(item),
            "figure": figures.figures[row, item],
            **places,
        }
    )
