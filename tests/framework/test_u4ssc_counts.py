"""The shipped catalogue against the published structure and against the reference tables it was made from."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ssc_index.framework.catalogue import WORKING_PROPOSAL, DataPoint, Kpi, load_catalogue

CATALOGUE = load_catalogue()
REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
UNBENCHMARKED = {"EC_ICT_ICT_5C.main", "EC_ICT_PS_1A.number", "EC_ICT_PS_2A.main", "SC_EH_C_2A.main"}
WITHOUT_DIRECTION = {"EC_I_T_4A.para", "EN_EN_WA_1C.incinerated", "EN_EN_WA_1C.other"}


def rows(name: str) -> list[dict[str, str]]:
    path = REFERENCE / name
    if not path.exists():
        pytest.skip(f"the reference table {name} is not beside this checkout")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def code_of(printed: str) -> str:
    return "_".join(printed.replace(":", " ").split())


def dated(points: tuple[DataPoint, ...]) -> Iterator[tuple[DataPoint, Any]]:
    for point in points:
        yield from ((point, entry) for entry in point.goalposts.values())
        yield from ((point, entry) for entry in point.benchmark_targets.values())


def test_there_are_91_kpis_in_45_17_and_29() -> None:
    assert len(CATALOGUE.kpis) == 91
    assert Counter(kpi.dimension for kpi in CATALOGUE.kpis) == {
        "Economy": 45,
        "Environment": 17,
        "Society and Culture": 29,
    }


def test_there_are_seven_sub_dimensions() -> None:
    assert len({kpi.sub_dimension for kpi in CATALOGUE.kpis}) == 7
    assert len(CATALOGUE.codes.sub_dimensions) == 7


def test_22_category_names_make_27_cells_and_24_rows() -> None:
    kpis = CATALOGUE.kpis
    assert len({kpi.category for kpi in kpis}) == 22
    assert len({(kpi.sub_dimension, kpi.category) for kpi in kpis}) == 27
    assert len({(kpi.dimension, kpi.category) for kpi in kpis}) == 24


def test_there_are_112_data_points_and_84_kpis_have_one() -> None:
    counts = Counter(len(kpi.data_points) for kpi in CATALOGUE.kpis)
    # 84 × 1, 2 × 2 (coverage, open data), 1 × 3 (wastewater), 3 × 5 (modes, plans, air), 1 × 6 (waste):
    # 84 + 4 + 3 + 15 + 6 = 112
    assert counts == {1: 84, 2: 2, 3: 1, 5: 3, 6: 1}
    assert len(CATALOGUE.data_points) == 112


def test_the_codes_give_55_core_and_36_advanced() -> None:
    # ITU quotes 54 and 37; the last letter of the codes gives 55 and 36, and one KPI carries the doubt.
    assert Counter(kpi.level for kpi in CATALOGUE.kpis) == {"core": 55, "advanced": 36}
    disputed = [kpi.code for kpi in CATALOGUE.kpis if "level_count_disputed" in kpi.caveats]
    assert disputed == ["EC_ICT_ICT_5C"]


def test_electronic_health_records_belong_to_health_whatever_the_code_says() -> None:
    records = CATALOGUE.kpi("SC_EH_ED_5A")
    assert records.category == "Health"
    assert CATALOGUE.category_code(records) == "SC_EH_H"


def test_there_is_exactly_one_official_target_and_no_official_goalpost() -> None:
    official = [(point.id, entry) for point, entry in dated(CATALOGUE.data_points) if entry.status == "official"]
    assert [(name, entry.target) for name, entry in official] == [("EC_ICT_ICT_2C.main", 60.0)]
    assert official[0][1].reference.page == "15"


def test_every_number_names_a_source_or_owns_up_to_having_none() -> None:
    for point, entry in dated(CATALOGUE.data_points):
        is_proposal = entry.reference.title == WORKING_PROPOSAL
        assert not is_proposal or "proposal_without_source" in point.caveats, point.id


def test_only_counts_and_points_without_direction_are_not_scored() -> None:
    unscored = {point.id for point in CATALOGUE.data_points if not point.scored}
    assert unscored == WITHOUT_DIRECTION | (UNBENCHMARKED - {"SC_EH_C_2A.main"})


def test_what_published_reports_leave_without_benchmark_has_no_target() -> None:
    without = {point.id for point in CATALOGUE.data_points if not point.benchmark_targets}
    assert without == WITHOUT_DIRECTION | UNBENCHMARKED


def test_goalposts_and_targets_lie_on_one_scale() -> None:
    """A target beyond the goalposts would ask more of a city than the full score."""
    for point in CATALOGUE.data_points:
        posts, target = point.goalposts_in(2026), point.benchmark_target_in(2026)
        if posts is not None and target is not None:
            low, high = sorted((posts.low, posts.high))
            assert low <= target.target <= high, point.id


def test_no_definition_is_used_twice() -> None:
    assert len({kpi.definition for kpi in CATALOGUE.kpis}) == 91


def test_every_code_of_the_closed_lists_is_used() -> None:
    points, codes = CATALOGUE.data_points, CATALOGUE.codes
    caveats = {caveat for part in (*CATALOGUE.kpis, *points) for caveat in part.caveats}
    assert caveats == set(codes.caveats)
    assert {part.unit for part in (*CATALOGUE.kpis, *points)} == set(codes.units)
    reasons = {entry.reason for point in points for entry in point.goalposts.values()}
    assert reasons == set(codes.goalpost_reasons)
    assert {point.not_scored_because for point in points} - {None} == set(codes.not_scored_because)
    assert {point.no_benchmark_because for point in points} - {None} == set(codes.no_benchmark_because)


def test_kpis_agree_with_the_reference_table() -> None:
    table = rows("u4ssc_kpis.csv")
    assert [code_of(row["kpi_no"]) for row in table] == [kpi.code for kpi in CATALOGUE.kpis]
    for row, kpi in zip(table, CATALOGUE.kpis, strict=True):
        assert kpi_row(kpi) == {key: row[key] for key in kpi_row(kpi)}
        assert kpi.kind == (row["kind"] or row["kind_inferred"])
        assert kpi.evidence.kind == ("page" if row["kind"] else "inferred")
        assert kpi.definition != row["definition_in_own_words"]


def kpi_row(kpi: Kpi) -> dict[str, str]:
    """A KPI as the reference table writes it."""
    return {
        "kpi_no": kpi.printed_code,
        "dimension": kpi.dimension,
        "sub_dimension": kpi.sub_dimension,
        "category": kpi.category,
        "name": kpi.name,
        "level": kpi.level,
        "unit": CATALOGUE.codes.units[kpi.unit].printed,
        "sdg_references": ";".join(kpi.sdg_references),
        "direction": kpi.direction,
        "evidence": kpi.evidence.definition,
        "level_evidence": kpi.evidence.level,
        "direction_evidence": kpi.evidence.direction,
    }


def test_data_points_agree_with_the_reference_table() -> None:
    table = rows("u4ssc_data_points.csv")
    for row, point in zip(table, CATALOGUE.data_points, strict=True):
        kpi_part, _, suffix = row["data_point_id"].partition("/")
        assert point.id == f"{code_of(kpi_part)}.{suffix}"
        expected = {key: row[key] or None for key in point_row(point)}
        if point.value_type == "yes_no":  # the table leaves these empty; yes is 1 and no is 0
            expected |= {"multiplier": "1", "lower_bound": "0", "upper_bound": "1"}
        assert point_row(point) == expected


def point_row(point: DataPoint) -> dict[str, str | None]:
    """A data point as the reference table writes it."""
    numbers = {key: getattr(point, key) for key in ("multiplier", "lower_bound", "upper_bound")}
    return {
        "name": point.name,
        "unit": CATALOGUE.codes.units[point.unit].printed,
        "formula_numerator": point.numerator,
        "formula_denominator": point.denominator,
        **{key: None if number is None else f"{number:.0f}" for key, number in numbers.items()},
        "value_type": point.value_type,
        "direction": point.direction,
        "formula_evidence": point.evidence.formula,
        "direction_evidence": point.evidence.direction,
    }


def test_every_name_of_the_published_reports_is_known() -> None:
    for row in rows("published_city_values.csv"):
        kpi = CATALOGUE.kpi_named(row["kpi_name"])
        assert kpi is not None, row["kpi_name"]
        assert row["kpi_code"] in ("", kpi.printed_code)
        assert (row["dimension"], row["sub_dimension"], row["category"]) == (
            kpi.dimension,
            kpi.sub_dimension,
            kpi.category,
        )


def test_published_values_mostly_fall_between_the_goalposts() -> None:
    """Goalposts that most real cities overshoot would not tell them apart."""
    positions = []
    for row in rows("published_city_values.csv"):
        kpi = CATALOGUE.kpi_named(row["kpi_name"])
        if kpi is None or len(kpi.data_points) > 1 or row["value"] == "":
            continue
        posts = kpi.data_points[0].goalposts_in(2020)
        if posts is not None:
            positions.append((float(row["value"]) - posts.low) / (posts.high - posts.low))
    inside = sum(0 <= position <= 1 for position in positions) / len(positions)
    assert len(positions) > 60
    assert inside >= 0.95


def test_the_page_on_the_catalogue_gives_the_counts_of_the_catalogue() -> None:
    page = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text(encoding="utf-8")
    points = CATALOGUE.data_points
    for title, key in (("goalposts", "goalposts"), ("benchmark targets", "benchmark_targets")):
        entries = [entry for point in points for entry in getattr(point, key).values()]
        official = sum(entry.status == "official" for entry in entries)
        ours = sum(entry.reference.title == WORKING_PROPOSAL for entry in entries)
        assert f"| {title} | {official} | {len(entries) - official} | {ours} |" in page
    for caveat in ("source_not_opened", "proposal_without_source"):
        carriers = sum(caveat in point.caveats for point in points)
        assert f"`{caveat}` ({carriers}" in page
    for word, count in Counter(kpi.evidence.definition for kpi in CATALOGUE.kpis).items():
        assert any(f"`{word}`" in line and f"| {count}" in line for line in page.splitlines())
