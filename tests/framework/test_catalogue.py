from datetime import date

import pytest
import yaml
from pydantic import ValidationError

from ssc_index.errors import FrameworkError
from ssc_index.framework.catalogue import Kpi, load_catalogue
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.strict_yaml import read_plain_yaml

CATALOGUE = load_catalogue()
PROTECTED = CATALOGUE.data_point("EN_EN_PSN_3A.main")


def test_the_shipped_catalogue_is_read_once() -> None:
    assert load_catalogue() is load_catalogue()


def test_catalogue_objects_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        CATALOGUE.kpis[0].name = "Another"  # type: ignore[misc]  # that it fails is the point


def test_look_ups_find_kpis_and_data_points() -> None:
    assert CATALOGUE.kpi("EC_ICT_ICT_4C").printed_code == "EC: ICT: ICT: 4C"
    assert CATALOGUE.data_point("EC_ICT_ICT_4C.3g").name == "Wireless Broadband Coverage: 3G"
    assert CATALOGUE.kpi_of("EC_ICT_ICT_4C.4g") is CATALOGUE.kpi("EC_ICT_ICT_4C")
    with pytest.raises(KeyError):
        CATALOGUE.kpi_of("EC_ICT_ICT_4C.5g")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("School Enrollment", "SC_EH_ED_2C"),
        ("School Enrolment", "SC_EH_ED_2C"),
        ("e-government services", "EC_ICT_PS_2A"),
        ("SC:EH:ED:1C", "SC_EH_ED_1C"),
        ("SC: EH: ED:1C", "SC_EH_ED_1C"),
        ("SC_EH_ED_1C", "SC_EH_ED_1C"),
    ],
)
def test_spellings_of_published_reports_are_understood(text: str, code: str) -> None:
    found = CATALOGUE.kpi_named(text)
    assert found is not None
    assert found.code == code


def test_an_unknown_name_finds_nothing() -> None:
    assert CATALOGUE.kpi_named("Happiness") is None


def test_the_template_divides_the_population_for_rates_per_100_000() -> None:
    # A city of 250 000 with 50 physicians: template denominator 2.5, 50 / 2.5 = 20 = 50 / 250 000 × 100 000.
    physicians = CATALOGUE.data_point("SC_EH_H_3C.main")
    denominator = 250_000 / physicians.template_divisor
    assert denominator == 2.5
    assert 50 / denominator * physicians.template_multiplier == 20


@pytest.mark.parametrize("point", ["SC_EH_H_2C.main", "EC_ICT_ICT_1C.main", "EN_EN_AQ_2C.main"])
def test_other_denominators_are_filled_undivided(point: str) -> None:
    """Live births, households and inhabitants of a per-capita figure stand in full."""
    assert CATALOGUE.data_point(point).template_divisor == 1


def test_denominators_from_the_profile_are_recognised() -> None:
    bases = {
        basis: sum(point.denominator_basis == basis for point in CATALOGUE.data_points)
        for basis in ("population", "households", "city_area", "city_gdp")
    }
    # 29 data points per inhabitant; 9 per household; pedestrian and protected area; R&D and disaster losses.
    assert bases == {"population": 29, "households": 9, "city_area": 2, "city_gdp": 2}


@pytest.mark.parametrize(
    ("year", "target"),
    [(2014, None), (2015, 17.0), (2022, 17.0), (2023, 30.0), (2040, 30.0)],
)
def test_the_latest_target_on_or_before_new_year_holds(year: int, target: float | None) -> None:
    # dated 2015-01-01 (Aichi, 17 %) and 2023-01-01 (Kunming-Montreal, 30 %); the first day itself counts
    found = PROTECTED.benchmark_target_in(year)
    assert (found.target if found else None) == target


def test_an_entry_dated_after_new_year_waits_for_the_next_year() -> None:
    entry = PROTECTED.goalposts[date(2015, 1, 1)]
    moved = PROTECTED.model_copy(update={"goalposts": {date(2020, 1, 2): entry}})
    assert moved.goalposts_in(2020) is None
    assert moved.goalposts_in(2021) == entry


@pytest.mark.parametrize(
    ("point", "kind"),
    [
        ("EC_ICT_ICT_1C.main", "higher"),
        ("EC_P_EM_1C.main", "lower"),
        ("SC_SH_SI_1C.main", "gap_to_target"),
        ("SC_SH_SA_3A.main", "yes_no"),
        ("EN_EN_WA_1C.other", None),
    ],
)
def test_each_data_point_knows_its_rule_for_the_share_of_target(point: str, kind: str | None) -> None:
    assert CATALOGUE.data_point(point).share_kind == kind


def test_a_kpi_has_the_direction_that_its_data_points_share() -> None:
    assert CATALOGUE.kpi("EN_EN_AQ_1C").direction == "lower"
    assert CATALOGUE.kpi("EN_EN_WA_1C").direction == "none"


def test_the_tree_holds_every_node_with_parents_first() -> None:
    nodes = CATALOGUE.tree()
    # 1 index + 3 dimensions + 7 sub-dimensions + 27 category cells + 91 KPIs + 112 data points = 241
    assert len(nodes) == 241
    seen: set[str | None] = {None}
    for node in nodes:
        assert node.parent in seen
        seen.add(node.code)
    assert len(seen) == 242


def test_the_framework_leaves_out_what_is_not_scored() -> None:
    framework = CATALOGUE.framework(2026)
    # 112 data points less 3 counts and 3 without direction = 106
    # 91 KPIs less Wi-Fi and e-government, whose only data point is a count = 89
    assert len(framework.indicators) == 106
    levels = [node.level for node in framework.nodes]
    assert [levels.count(level) for level in framework.levels] == [1, 3, 7, 27, 89, 106]
    assert framework.levels == ("index", "dimension", "sub_dimension", "category", "kpi", "data_point")
    assert "EC_ICT_ICT_5C" not in framework.by_code
    assert {node.weight for node in framework.nodes} == {1.0}


def test_the_framework_carries_goalposts_transform_and_target_of_the_year() -> None:
    framework = CATALOGUE.framework(2020)
    fine_dust, gap = framework.by_code["EN_EN_AQ_1C.pm2_5"], framework.by_code["SC_SH_SI_1C.main"]
    assert (fine_dust.low, fine_dust.high, fine_dust.direction, fine_dust.unit) == (
        35,
        5,
        "lower",
        "ug_per_m3",
    )
    assert (gap.transform, gap.low, gap.high, gap.target) == ("gap_to_target", 0.5, 1, 1)
    assert framework.by_code["EN_EN_PSN_3A.main"].target == 17
    assert CATALOGUE.framework(2026).by_code["EN_EN_PSN_3A.main"].target == 30


def test_the_category_of_a_leaf_comes_from_the_name_of_the_category() -> None:
    framework = CATALOGUE.framework(2026)
    assert framework.by_code["SC_EH_ED_5A"].parent == "SC_EH_H"
    assert framework.by_code["EC_ICT_WS"].name == framework.by_code["EN_EN_WS"].name == "Water and Sanitation"


def test_the_framework_passes_the_rules_of_any_framework() -> None:
    framework = CATALOGUE.framework(2026)
    assert framework_from_nodes(framework.nodes) == framework


def test_a_year_before_the_first_goalposts_names_every_data_point() -> None:
    with pytest.raises(FrameworkError) as caught:
        CATALOGUE.framework(2014)
    assert len(caught.value.faults) == 106
    assert caught.value.faults[0].startswith("EC_ICT_ICT_1C.main: scored, but no goalposts hold on 2014-01-01")


def test_a_kpi_written_as_yaml_reads_back_the_same() -> None:
    for kpi in CATALOGUE.kpis:
        text = yaml.safe_dump(kpi.model_dump(mode="json"), allow_unicode=True)
        tree, faults = read_plain_yaml(text)
        assert faults == []
        assert Kpi.model_validate(tree) == kpi


def test_bands_meet_the_printed_example() -> None:
    scoring = CATALOGUE.scoring
    target = CATALOGUE.data_point("EC_ICT_ICT_2C.main").benchmark_target_in(2021)
    assert target is not None
    # Mashhad factsheet p15: bands end at 19.8, 39.6 and 57.0 of a target of 60
    assert [round(edge * target.target, 9) for edge in scoring.band_edges] == [19.8, 39.6, 57.0]
    assert scoring.band_points == (1, 2, 3, 4)
    assert scoring.full_points == 4
    assert {edge.belongs_to for edge in scoring.edges} == {"lower"}
    assert [edge.status for edge in scoring.edges] == ["provisional", "provisional", "official"]


def test_only_the_rule_with_a_worked_example_is_official() -> None:
    statuses = {kind: rule.status for kind, rule in CATALOGUE.scoring.share_of_target.items()}
    assert statuses == {
        "higher": "official",
        "lower": "provisional",
        "gap_to_target": "provisional",
        "yes_no": "provisional",
    }


def test_lists_around_the_scoring_are_complete() -> None:
    scoring = CATALOGUE.scoring
    assert len(scoring.quality_grades.choices) == 6
    assert (scoring.verification.yes, scoring.verification.no) == ("YES", "NO")
    assert scoring.smallest_group == 5
    bounds = [size.from_population for size in scoring.size_classes.classes]
    assert bounds == [0, 50_000, 200_000, 500_000, 1_500_000]
    assert scoring.data_origins.by_code["survey"].text == "Survey"
