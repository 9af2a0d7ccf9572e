"""The shipped submissions of real cities, from raw to marts: published values, benchmarks, coverage, and no rank."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import polars as pl
import pytest

from assets.workspace import open_workspace
from tests.pipelines.workspaces import (
    INTERNAL,
    PROJECT,
    PUBLIC,
    copy_workspace,
    findings,
    invoke,
    mart_tables,
)

pytestmark = pytest.mark.xdist_group("real_data")

# Verification report of Karmøy (2020), page 14, and where each value stands in its workbook.
KARMOY = {
    "EC_ICT_ICT_1C.main": (97.0, "H6"),
    "EC_ICT_ICT_2C.main": (84.51, "H7"),
    "EC_ICT_ICT_3C.main": (95_424.0, "H8"),
    "EC_ICT_ICT_4C.3g": (96.67, "H9"),
    "EC_ICT_ICT_4C.4g": (96.67, "H10"),
    "EC_ICT_ICT_5C.main": (78.0, "H11"),
    "EC_ICT_WS_1C.main": (27.27, "H13"),
    "EC_ICT_WS_2A.main": (9.98, "H14"),
    "EC_ICT_D_1A.main": (0.0, "H16"),
    "EC_I_WS_1C.main": (100.0, "H40"),
    "EC_I_WS_2C.main": (97.07, "H41"),
    "EC_I_WS_3C.main": (35.42, "H42"),
    "EC_I_WS_4C.main": (81.57, "H43"),
    "EC_I_WS_5C.main": (100.0, "H44"),
}
# Verified data points of each report.
REPORTED = {
    ("es-valencia", 2020): 9,
    ("ir-mashhad", 2021): 6,
    ("no-alesund", 2020): 23,
    ("no-asker", 2020): 14,
    ("no-karmoy", 2020): 14,
    ("no-kristiansund", 2020): 13,
    ("no-rana", 2020): 0,
    ("sa-riyadh", 2020): 16,
    ("tn-bizerte", 2020): 20,
}


@pytest.fixture(scope="module")
def output() -> list[str]:
    """What the build of the fixture `real` printed."""
    return []


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, output: list[str]) -> Path:
    """A copy of the shipped workspace, built by its own method file."""
    shipped = open_workspace(PROJECT / "data")
    root = copy_workspace(shipped.root, tmp_path_factory.mktemp("real") / "data", built=False)
    (root / "workspace.yaml").write_text(
        f"name: {shipped.name}\nis_demo: {str(shipped.is_demo).lower()}\nmethod: {shipped.method_path}\n",
        encoding="utf-8",
    )
    result = invoke("build", "-w", root, "--strict")
    # Strict and yet 0: nothing of what we ship is kept out as an error.
    assert result.exit_code == 0, result.output
    output.append(result.output)
    return root


@pytest.fixture(scope="module")
def public(real: Path) -> dict[str, pl.DataFrame]:
    return mart_tables(real, PUBLIC)


def test_the_values_of_karmoy_are_those_published_with_their_cells(real: Path, public: dict[str, pl.DataFrame]) -> None:
    values = public["fact_value"].filter(city_id="no-karmoy", edition=2020)
    rows = {row["data_point"]: row for row in values.to_dicts()}
    assert {point: (row["value"], row["cell"]) for point, row in rows.items()} == KARMOY
    assert {row["derivation"] for row in rows.values()} == {"reported_result"}
    sheet = openpyxl.load_workbook(real / "raw" / "2020" / "no-karmoy.xlsx", data_only=True)["KPIs"]
    for point, row in rows.items():
        assert sheet[row["cell"]].value == row["value"]
        assert sheet[f"A{row['cell'][1:]}"].value == point


def test_fixed_broadband_of_karmoy_gets_four_points_by_the_official_target(public: dict[str, pl.DataFrame]) -> None:
    """The worked example of U4SSC: 84.51 per cent against a target of 60."""
    points = public["fact_benchmark"].filter(city_id="no-karmoy", edition=2020, node="EC_ICT_ICT_2C.main")
    (row,) = points.to_dicts()
    assert (row["points"], row["max_points"], row["target"], row["target_status"]) == (4, 4, 60.0, "official")
    assert row["target_share"] == pytest.approx(84.51 / 60, rel=1e-15)
    official = public["dim_goalpost"].filter(edition=2020, target_status="official")
    assert official["data_point"].to_list() == ["EC_ICT_ICT_2C.main"]


def test_the_benchmark_of_karmoy_is_the_share_of_its_points(public: dict[str, pl.DataFrame]) -> None:
    of_karmoy = public["fact_benchmark"].filter(city_id="no-karmoy", edition=2020)
    points = of_karmoy.filter(cut="data_point")["points"]
    (total,) = of_karmoy.filter(cut="total", kpi_level="all").to_dicts()
    # Hotspots have no benchmark: 13 of 14 are scored, 41 of 52 points are 78.85 per cent.
    assert (points.len(), points.sum()) == (13, 41)
    assert (total["n_reported"], total["n_scored"], total["points"], total["max_points"]) == (14, 13, 41, 52)
    assert total["percentage"] == pytest.approx(100 * 41 / 52)


def test_every_report_counts_with_all_its_verified_values(real: Path) -> None:
    submissions = mart_tables(real, INTERNAL)["dim_submission"]
    assert {(row["city_id"], row["year"]): row["n_values"] for row in submissions.to_dicts()} == REPORTED
    assert submissions["is_latest"].all()
    assert [row["rule"] for row in findings(real, is_quarantined=True)] == ["not_verified"]


def test_nine_cities_are_named_and_none_is_ranked(public: dict[str, pl.DataFrame]) -> None:
    assert set(public["dim_city"]["city_id"]) == {city for city, _ in REPORTED}
    assert not public["dim_city"]["is_demo"].any()
    assert public["fact_score"]["rank"].null_count() == public["fact_score"].height
    assert public["fact_score"]["score"].null_count() == public["fact_score"].height
    assert public["dim_edition"]["n_ranked"].to_list() == [0, 0]
    assert public["ranking"]["excluded_because"].str.contains("is below 0.5").all()


def test_coverage_is_the_share_of_scored_data_points_reported(public: dict[str, pl.DataFrame]) -> None:
    coverage = {(row["city_id"], row["edition"]): row["coverage"] for row in public["ranking"].to_dicts()}
    # 106 data points are scored; of Karmøy's 14 reported ones hotspots is not.
    assert coverage["no-karmoy", 2020] == pytest.approx(13 / 106)
    assert coverage["no-rana", 2020] == 0
    # What is carried into the next edition is no report of that year.
    assert coverage["no-karmoy", 2021] == 0
    carried = public["fact_value"].filter(city_id="no-karmoy", edition=2021)
    assert carried["is_carried"].all()
    assert carried.height == len(KARMOY)


def test_what_is_printed_tells_coverage_and_no_rank(real: Path, output: list[str]) -> None:
    (printed,) = output
    assert "unranked: too little reported" in " ".join(printed.split())
    line = next(line for line in printed.splitlines() if "Karmøy" in line)
    assert line.split() == ["2020", "Karmøy", "14", "of", "112", "12%", "78.8", "78.8", "–", "–"]
    assert "Rank " not in printed
    assert "DEMO" not in printed
    assert real.name == "data"


def test_the_shipped_folder_is_left_as_it_was(real: Path) -> None:
    """The tests build a copy; what we ship keeps its bytes."""
    for path in (PROJECT / "data" / "raw").rglob("*"):
        if path.is_file():
            assert (real / path.relative_to(PROJECT / "data")).read_bytes() == path.read_bytes()
