"""The rows of an edition against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from assets.marts import parents
from assets.scoring import benchmark_tables, cuts, own_values
from intake.consent import public_view
from schemas import benchmark, index
from schemas.validate import failures
from ssc_index.framework.catalogue import load_catalogue
from tests.assets.cohort import SPREAD_POINT, shared_frames

YEAR = 2024
REPORT = {
    "EC_ICT_ICT_1C.main": 96.0,  # target 100: 0.96, above 95 %: 4 points
    "EC_ICT_ICT_2C.main": 39.6,  # target 60: 0.66, an edge belongs to the band below: 2 points
    "EC_ICT_WS_1C.main": 20.0,  # target 80: 0.25: 1 point
    "EC_ICT_ICT_5C.main": 900.0,  # reported, but it has no benchmark
    "EN_EN_AQ_1C.pm2_5": 8.0,  # less is better, target 5: 5 / 8 = 0.625: 2 points
    "SC_SH_SA_3A.main": 1.0,  # yes: 4 points
}


def picks(values: dict[str, float], year: int = YEAR) -> pl.DataFrame:
    rows = [
        {"edition": YEAR, "city_id": "a", "year": year, "data_point": point, "value": value}
        for point, value in values.items()
    ]
    common = {"file_sha256": "0" * 64, "quality": None, "consent": "values"}
    return pl.DataFrame([row | {"is_restated": False} | common for row in rows], schema=index.SELECTED.polars_schema)


@pytest.fixture(scope="module")
def scored() -> dict[str, pl.DataFrame]:
    cities = shared_frames()["index_cities"].filter(pl.col("edition") == YEAR)
    return benchmark_tables(YEAR, picks(REPORT), cities, load_catalogue())


def percentage(scored: dict[str, pl.DataFrame], cut: str, node: str, level: str = "all") -> tuple[Any, ...]:
    """Reported, scored, points, most points, percentage, band."""
    frame = scored[benchmark.SCORES.name].filter((pl.col("cut") == cut) & (pl.col("node") == node))
    row = frame.filter(pl.col("kpi_level") == level).row(0, named=True)
    return tuple(row[name] for name in ("n_reported", "n_scored", "points", "max_points", "percentage", "band"))


@pytest.mark.parametrize(
    ("point", "share", "points"),
    [
        ("EC_ICT_ICT_1C.main", 0.96, 4),
        ("EC_ICT_ICT_2C.main", 0.66, 2),
        ("EC_ICT_WS_1C.main", 0.25, 1),
        ("EN_EN_AQ_1C.pm2_5", 0.625, 2),
        ("SC_SH_SA_3A.main", 1.0, 4),
    ],
)
def test_points_of_a_data_point(scored: dict[str, pl.DataFrame], point: str, share: float, points: int) -> None:
    row = scored[benchmark.POINTS.name].filter(pl.col("data_point") == point).row(0, named=True)
    assert row["target_share"] == pytest.approx(share, abs=1e-12)
    assert row["points"] == points


def test_a_data_point_without_benchmark_has_no_points(scored: dict[str, pl.DataFrame]) -> None:
    assert "EC_ICT_ICT_5C.main" not in set(scored[benchmark.POINTS.name]["data_point"])


def test_percentages_of_each_cut(scored: dict[str, pl.DataFrame]) -> None:
    # Economy: 4 + 2 + 1 = 7 of 12 points: 58.33 %. The Wi-Fi hotspots are reported, not scored.
    assert percentage(scored, "dimension", "EC") == (4, 3, 7, 12, pytest.approx(700 / 12), "from_33_to_66")
    # ICT infrastructure: 4 + 2 = 6 of 8.
    assert percentage(scored, "category", "EC: ICT Infrastructure") == (3, 2, 6, 8, 75.0, "from_66_to_95")
    # All five: 4 + 2 + 1 + 2 + 4 = 13 of 20.
    assert percentage(scored, "total", "index") == (6, 5, 13, 20, 65.0, "from_33_to_66")
    # Core without the resilience plan, an advanced KPI: 9 of 16.
    assert percentage(scored, "total", "index", "core") == (5, 4, 9, 16, 56.25, "from_33_to_66")
    assert percentage(scored, "total", "index", "advanced") == (1, 1, 4, 4, 100.0, "above_95")
    # SDG 17: household internet and fixed broadband; SDG 11: fine dust.
    assert percentage(scored, "sdg", "SDG 17") == (2, 2, 6, 8, 75.0, "from_66_to_95")
    assert percentage(scored, "sdg", "SDG 11") == (1, 1, 2, 4, 50.0, "from_33_to_66")


def test_a_cut_in_which_nothing_is_reported_has_no_row(scored: dict[str, pl.DataFrame]) -> None:
    assert "EC_I" not in set(scored[benchmark.SCORES.name]["node"])


def test_carried_values_get_no_benchmark() -> None:
    cities = shared_frames()["index_cities"].filter(pl.col("edition") == YEAR)
    assert own_values(YEAR, picks(REPORT, YEAR - 1)).is_empty()
    found = benchmark_tables(YEAR, picks(REPORT, YEAR - 1), cities, load_catalogue())
    assert all(frame.is_empty() for frame in found.values())


def test_every_data_point_is_in_one_node_of_each_cut_but_sdg() -> None:
    # 112 data points in the total, the dimensions, the sub-dimensions and the categories.
    sizes: dict[str, int] = {}
    for cut, _, level, columns in cuts(load_catalogue()):
        if level == "all":
            sizes[cut] = sizes.get(cut, 0) + len(columns)
    assert {cut: size for cut, size in sizes.items() if cut != "sdg"} == dict.fromkeys(
        ("total", "dimension", "sub_dimension", "category"), 112
    )


# --- peers ----------------------------------------------------------------------------------------------------


def peer_row(grouping: str, group: str, audience: str = "internal") -> dict[str, Any]:
    frame = shared_frames()["benchmark_peers"].filter(
        (pl.col("edition") == YEAR)
        & (pl.col("audience") == audience)
        & (pl.col("grouping") == grouping)
        & (pl.col("peer_group") == group)
        & (pl.col("item") == SPREAD_POINT)
    )
    return frame.row(0, named=True)


@pytest.mark.parametrize("audience", benchmark.AUDIENCES)
def test_a_group_of_five_is_spread_as_worked_out(audience: str) -> None:
    # Values 10, 20, 30, 40, 100: the quartiles are the second and the fourth.
    row = peer_row("region", "North", audience)
    assert [row[name] for name in ("n_cities", "minimum", "quartile_1", "median", "quartile_3", "maximum")] == [
        5, 10.0, 20.0, 30.0, 40.0, 100.0,
    ]  # fmt: skip
    assert row["leader_city_id"] == "e"


@pytest.mark.parametrize(
    ("grouping", "group"), [("income_group", "High"), ("income_group", "Low"), ("region", "South")]
)
def test_a_group_of_four_or_fewer_is_suppressed(grouping: str, group: str) -> None:
    row = peer_row(grouping, group)
    figures = ("n_cities", "minimum", "quartile_1", "median", "quartile_3", "maximum", "leader_city_id")
    assert [row[name] for name in figures] == [None] * 7


@pytest.mark.parametrize(
    ("city", "percentile", "to_median", "to_leader"),
    [
        ("a", 0.0, -20.0, -90.0),
        ("c", 50.0, 0.0, -70.0),  # better than two of its four peers
        ("e", 100.0, 70.0, 0.0),
    ],
)
def test_the_place_of_a_city_among_five(city: str, percentile: float, to_median: float, to_leader: float) -> None:
    frame = shared_frames()["benchmark_peer_positions"].filter(
        (pl.col("edition") == YEAR) & (pl.col("audience") == "internal") & (pl.col("item") == SPREAD_POINT)
    )
    row = frame.filter(pl.col("city_id") == city).row(0, named=True)
    places = [row[f"region_{name}"] for name in ("percentile", "gap_to_median", "gap_to_leader")]
    assert places == [percentile, to_median, to_leader]
    # Its income group has four cities, or three.
    assert row["income_group_percentile"] is None


# --- scores ---------------------------------------------------------------------------------------------------


def test_public_ranks_have_no_gap_where_a_city_without_consent_stands() -> None:
    tree = parents(load_catalogue())
    inside = shared_frames()["index_scores"].filter((pl.col("edition") == YEAR) & (pl.col("level") == "index"))
    shown = public_view(shared_frames(), tree)["index_scores"]
    outside = shown.filter((pl.col("edition") == YEAR) & (pl.col("level") == "index"))
    assert sorted(inside["rank"]) == [1, 2, 3, 4, 5, 6, 7]
    assert sorted(outside["rank"]) == [1, 2, 3, 4, 5, 6]
    assert outside.sort("rank")["score"].is_sorted(descending=True)


@pytest.mark.parametrize(
    "table", [*benchmark.TABLES, index.SCORES, index.CITIES, index.SELECTED], ids=lambda table: table.name
)
def test_the_frames_of_a_build_hold_their_schemas(table: Any) -> None:
    name = "picked_values" if table is index.SELECTED else table.name.replace(".", "_")
    assert not shared_frames()[name].is_empty()
    assert failures(table, shared_frames()[name]) == []
