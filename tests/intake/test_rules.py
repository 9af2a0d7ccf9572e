"""Each rule of the rulebook: a workbook in which it speaks, and one almost the same in which it does not."""

from __future__ import annotations

from typing import Any

import pytest
from rule_bench import COLUMNS, findings, rules_of

from intake.rules import Rule, load_rules

NET, BROADBAND, GDP_SHARE, PATENTS = "EC_ICT_ICT_1C.main", "EC_ICT_ICT_2C.main", "EC_P_IN_1C.main", "EC_P_IN_2C.main"
SME, JOBLESS, YOUTH, WATER = "EC_P_IN_3A.main", "EC_P_EM_1C.main", "EC_P_EM_2C.main", "EC_I_WS_1C.main"
POTABLE, SANITATION, POWER = "EC_I_WS_2C.main", "EC_I_WS_5C.main", "EC_I_ES_3C.main"
OUTAGES, OUTAGE_TIME, TRAVEL = "EC_I_ES_1C.main", "EC_I_ES_2C.main", "EC_I_T_5A.main"
PRIMARY, SECONDARY, TERTIARY = (f"EN_EN_WS_4C.{part}" for part in ("primary", "secondary", "tertiary"))
SO2 = "EN_EN_AQ_1C.so2"
NO2, PM25, PM10, GREEN = "EN_EN_AQ_1C.no2", "EN_EN_AQ_1C.pm2_5", "EN_EN_AQ_1C.pm10", "EN_EN_PSN_1C.main"
PEDESTRIAN, BIRTHS, SCHOOL, NURSERY = "EC_I_UP_1A.main", "SC_EH_H_2C.main", "SC_EH_ED_2C.main", "SC_SH_SI_5A.main"
GINI, EQUITY, CULTURE = "SC_SH_SI_2C.main", "SC_SH_SI_1C.main", "SC_EH_C_1C.main"
DATA_SETS, DATA_SHARE, EMF, STOPS = (
    "EC_ICT_PS_1A.number",
    "EC_ICT_PS_1A.percent",
    "EN_EN_EQ_1C.main",
    "EC_ICT_T_1C.main",
)
LITERACY, POVERTY, DOCTORS, DEATHS = "SC_EH_ED_4C.main", "SC_SH_SI_3C.main", "SC_EH_H_3C.main", "SC_SH_SA_9C.main"
DISASTERS, MIDWAY, COMPACT = "SC_SH_SA_1C.main", "EC_I_T_4A", "EC_I_UP_2A.compact"
THREE_G, FOUR_G = "EC_ICT_ICT_4C.3g", "EC_ICT_ICT_4C.4g"
PLANS = ("compact", "connected", "integrated", "inclusive", "resilient")
MODES = ("private", "public", "walking", "cycling", "para")
ROUTES = ("landfill", "burnt", "incinerated", "open_dump", "recycled", "other")
# Twelve cities around 95, and around 200.
NEAR_95 = [94.0, 94.5, 95.0, 95.5, 96.0, 93.5, 94.2, 95.1, 95.8, 94.9, 94.4, 95.3]
FROM_1_TO_95 = [1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 40.0, 50.0, 60.0, 70.0, 90.0, 95.0]
NEAR_200 = [190.0, 195.0, 200.0, 205.0, 210.0, 198.0, 202.0, 207.0, 193.0, 201.0, 199.0, 204.0]


def of(numerator: float, denominator: float | None, **fields: Any) -> dict[str, Any]:
    """A row with its parts."""
    return {"numerator": numerator, "denominator": denominator, **fields}


def typed(result: float, **fields: Any) -> dict[str, Any]:
    """A row with its result alone."""
    return {"result": result, **fields}


def shares(kpi: str, parts: tuple[str, ...], *values: float) -> dict[str, Any]:
    return {f"{kpi}.{part}": value for part, value in zip(parts, values, strict=True)}


def copied(last: float) -> dict[str, Any]:
    """Five values with many digits; the last one is given."""
    return {NET: 91.27, LITERACY: 97.31, POVERTY: 4.273, JOBLESS: 3.217, WATER: last}


# Code of the rule: (rows, what else is given) in which it speaks, and in which it does not.
CASES: list[tuple[str, tuple[dict[str, Any], dict[str, Any]], tuple[dict[str, Any], dict[str, Any]]]] = [
    ("value_marked_not_reported", ({NET: typed(97, is_reported=False)}, {}), ({NET: typed(97)}, {})),
    ("denominator_zero", ({NET: of(5, 0)}, {}), ({NET: of(0, 160_000)}, {})),
    ("denominator_tiny", ({PATENTS: of(5, 1e-300)}, {}), ({PATENTS: of(5, 4)}, {})),
    ("denominator_tiny", ({PATENTS: of(1e18, 1e-300)}, {}), ({PATENTS: of(5, 4)}, {})),
    # 400 000 inhabitants: the form's denominator is 4.
    ("denominator_not_per_100000", ({PATENTS: of(12, 400_000)}, {}), ({PATENTS: of(12, 4)}, {})),
    ("per_100000_inhabitants_not_births", ({BIRTHS: of(1, 400_000)}, {}), ({BIRTHS: of(1, 5_000)}, {})),
    ("per_100000_inhabitants_not_births", ({BIRTHS: of(1, 4)}, {}), ({BIRTHS: of(0, 900)}, {})),
    ("households_are_inhabitants", ({NET: of(150_000, 400_000)}, {}), ({NET: of(150_000, 160_000)}, {})),
    ("result_is_fraction", ({LITERACY: of(75, 100, result=0.75)}, {}), ({LITERACY: of(75, 100, result=75)}, {})),
    ("result_differs", ({LITERACY: of(75, 100, result=57)}, {}), ({LITERACY: of(1, 3, result=33.33)}, {})),
    ("denominator_missing", ({LITERACY: of(75, None)}, {}), ({LITERACY: of(75, None, result=75)}, {})),
    # Of the population there is a profile that could be filled in, or not; of literacy there is none.
    ("denominator_missing", ({WATER: of(75, None)}, {}), ({WATER: of(75, 400_000)}, {})),
    (
        "denominator_missing",
        ({WATER: of(75, None)}, {"profile": {"population": None}}),
        ({WATER: of(75, 400_000)}, {"profile": {"population": None}}),
    ),
    ("formula_without_inputs", ({NET: typed(5, result_is_formula=True)}, {}), ({NET: typed(5)}, {})),
    ("denominator_is_one", ({LITERACY: of(0.97, 1)}, {}), ({LITERACY: of(97, 100)}, {})),
    ("denominator_is_one", ({PATENTS: of(8, 1)}, {}), ({PATENTS: of(8, 1)}, {"profile": {"population": 100_000.0}})),
    ("numerator_is_concentration", ({PM25: of(8.4, None)}, {}), ({PM25: typed(8.4)}, {})),
    ("gini_on_0_to_100", ({GINI: 27}, {}), ({GINI: 0.27}, {})),
    ("area_above_city", ({PEDESTRIAN: of(120, 100)}, {}), ({PEDESTRIAN: of(2, 100)}, {})),
    # 100 km² are 10 000 ha; 3000 ha for each 100 000 of 400 000 inhabitants are 12 000.
    ("area_above_city", ({GREEN: typed(3000)}, {}), ({GREEN: typed(2000)}, {})),
    ("within_bounds", ({LITERACY: 101}, {}), ({LITERACY: 100}, {})),
    ("within_bounds", ({SCHOOL: -1}, {}), ({SCHOOL: 104}, {})),
    (
        "denominator_far_from_elsewhere",
        ({JOBLESS: of(5, 200_000), "EC_P_EM_3A.main": of(9, 150_000)}, {}),
        ({JOBLESS: of(5, 200_000), "EC_P_EM_3A.main": of(9, 199_000)}, {}),
    ),
    ("denominator_far_from_profile", ({WATER: of(9, 120_000)}, {}), ({WATER: of(9, 150_000)}, {})),
    # 6 % below the profile's 400 000.
    ("denominator_off_profile", ({POVERTY: of(9, 376_000)}, {}), ({POVERTY: of(9, 384_000)}, {})),
    ("other_area", ({PEDESTRIAN: of(2, 250)}, {}), ({PEDESTRIAN: of(2, 100)}, {})),
    ("households_differ", ({NET: of(9, 159_000)}, {}), ({NET: of(9, 160_000)}, {})),
    ("prefilled_changed", ({POVERTY: of(9, 399_000)}, {}), ({POVERTY: of(9, 400_000)}, {})),
    (
        "pollutant_in_ppm",
        ({NO2: typed(0.02, comment="0.02 ppm")}, {}),
        ({NO2: typed(38, comment="converted from ppm")}, {}),
    ),
    (  # chosen in the column Unit: the reader has converted it
        "pollutant_in_ppm",
        ({NO2: of(38, None, comment="Analyser in ppb")}, {}),
        ({NO2: of(38, None, numerator_text="20 ppb", comment="Analyser in ppb")}, {}),
    ),
    ("pollutant_very_low", ({NO2: 0.02}, {}), ({NO2: 20}, {})),
    ("pollutant_very_low", ({SO2: 0.15}, {}), ({SO2: typed(0.15, comment="Measured in µg/m³, as said")}, {})),
    (
        "sme_limit_not_250",
        ({SME: typed(97, comment="fewer than 50 employees")}, {}),
        ({SME: typed(97, comment="< 250")}, {}),
    ),
    *(
        ("sme_limit_not_250", ({SME: typed(97, comment=wrong)}, {}), ({SME: typed(97, comment=right)}, {}))
        for wrong, right in [
            ("Firms with up to 100 staff", "Register of up to 10 October 2024"),
            ("SME: < 50", "< 50: 90 %; 50 to 249: 9 %"),
            ("limit: at most 199 employees", "Less than 20 enterprises are larger than 250"),
        ]
    ),
    *(
        ("not_12_months", ({OUTAGES: typed(1, comment=wrong)}, {}), ({OUTAGES: typed(1, comment=right)}, {}))
        for wrong, right in [
            ("First quarter only", "From the headquarters of the utility"),
            ("Q3 2024", "Q1-Q4 2024"),
            ("eleven months", "All four quarters, 12 months"),
            ("half-year", "Old quarter and new quarters of the city"),
        ]
    ),
    (
        "not_12_months",
        ({OUTAGES: typed(1, comment="6 months only")}, {}),
        ({OUTAGES: typed(1, comment="12 months")}, {}),
    ),
    ("interruption_time_of_customers", ({OUTAGE_TIME: typed(60, comment="SAIDI")}, {}), ({OUTAGE_TIME: 60}, {})),
    ("interruption_time_of_customers", ({OUTAGE_TIME: 1.1}, {}), ({OUTAGE_TIME: 66.86}, {})),
    ("ratio_looks_like_percentage", ({EQUITY: 74}, {}), ({EQUITY: 0.74}, {})),
    ("maybe_fraction", ({NET: 0.97}, {"past": {NET: 96.0}}), ({NET: 0.97}, {"past": {NET: 0.9}})),
    (  # peers that differ by as much say nothing against the city's own past
        "maybe_fraction",
        ({NET: 0.45}, {"past": {NET: 36.0}, "peers": {NET: FROM_1_TO_95}}),
        ({NET: 0.45}, {"past": {NET: 0.6}, "peers": {NET: FROM_1_TO_95}}),
    ),
    ("maybe_fraction", ({NET: 0.95}, {"peers": {NET: NEAR_95}}), ({NET: 95.0}, {"peers": {NET: NEAR_95}})),
    (
        "maybe_fraction",
        ({NET: 0.97, LITERACY: 0.98, WATER: 1, POVERTY: 0.04}, {}),
        ({NET: 97, LITERACY: 98, WATER: 100, POVERTY: 0.04}, {}),
    ),
    ("secondary_above_primary", ({PRIMARY: 80, SECONDARY: 90}, {}), ({PRIMARY: 90, SECONDARY: 90}, {})),
    ("tertiary_above_secondary", ({SECONDARY: 24.5, TERTIARY: 80}, {}), ({SECONDARY: 24.5, TERTIARY: 0.02}, {})),
    (
        "mode_shares_not_100",
        (shares(MIDWAY, MODES, 50, 20, 10, 10, 5), {}),
        (shares(MIDWAY, MODES, 50, 20, 15, 10, 4), {}),
    ),
    (
        "mode_shares_not_100",
        ({f"{MIDWAY}.private": 80, f"{MIDWAY}.public": 30}, {}),
        ({f"{MIDWAY}.private": 60, f"{MIDWAY}.public": 30}, {}),
    ),
    (
        "waste_shares_not_100",
        (shares("EN_EN_WA_1C", ROUTES, 70, 0, 8, 0, 11, 0), {}),
        (shares("EN_EN_WA_1C", ROUTES, 78.87, 0, 8.31, 0, 11.19, 0), {}),
    ),
    (
        "shares_nearly_100",
        (shares("EN_EN_WA_1C", ROUTES, 78.87, 0, 8.31, 0, 11.19, 0), {}),
        (shares("EN_EN_WA_1C", ROUTES, 78.87, 0, 8.31, 0, 11.19, 1.63), {}),
    ),
    ("broadband_above_internet", ({NET: 50, BROADBAND: 60}, {}), ({NET: 97, BROADBAND: 84.51}, {})),
    ("broadband_above_100", ({BROADBAND: 104}, {}), ({BROADBAND: 99}, {})),
    (
        "water_meters_above_electricity_meters",
        ({"EC_ICT_WS_1C.main": 80, "EC_ICT_ES_1C.main": 60}, {}),
        ({"EC_ICT_WS_1C.main": 27.27, "EC_ICT_ES_1C.main": 60}, {}),
    ),
    ("open_data_half_given", ({DATA_SETS: 119}, {}), ({DATA_SETS: 119, DATA_SHARE: 100}, {})),
    ("open_data_half_given", ({DATA_SHARE: 60}, {}), ({DATA_SETS: 119, DATA_SHARE: 60}, {})),
    (
        "open_data_counts_differ",
        ({DATA_SETS: typed(119), DATA_SHARE: of(100, 200)}, {}),
        ({DATA_SETS: typed(119), DATA_SHARE: of(119, 200)}, {}),
    ),
    ("rnd_far_above_usual", ({GDP_SHARE: 11.3}, {}), ({GDP_SHARE: 1.13}, {})),
    (
        "rnd_far_above_usual",
        ({GDP_SHARE: 4.0}, {"country": {"national_rnd_pct": 1.0}}),
        ({GDP_SHARE: 2.5}, {"country": {"national_rnd_pct": 1.0}}),
    ),
    ("rnd_of_the_country", ({GDP_SHARE: typed(2.2, comment="national value")}, {}), ({GDP_SHARE: 2.2}, {})),
    ("few_small_enterprises", ({SME: 40}, {}), ({SME: 99.71}, {})),
    ("potable_above_basic", ({WATER: 90, POTABLE: 95}, {}), ({WATER: 100, POTABLE: 100}, {})),
    ("sanitation_low", ({SANITATION: 40}, {}), ({SANITATION: 95}, {})),
    ("electricity_access_low", ({POWER: 9}, {}), ({POWER: 97.39}, {})),
    ("travel_time_high", ({TRAVEL: 3}, {}), ({TRAVEL: 1.4}, {})),
    ("travel_time_below_1", ({TRAVEL: 0.7}, {}), ({TRAVEL: 1.0}, {})),
    ("emf_in_between", ({EMF: 60}, {}), ({EMF: typed(60, comment="Audit of all 300 sites")}, {})),
    ("enrolment_above_100", ({SCHOOL: 104}, {}), ({SCHOOL: 95.3}, {})),
    ("school_age_implausible", ({SCHOOL: of(9, 300_000)}, {}), ({SCHOOL: of(9, 60_000)}, {})),
    ("pre_school_implausible", ({NURSERY: of(9, 100_000)}, {}), ({NURSERY: of(9, 24_000)}, {})),
    ("fine_dust_above_dust", ({PM25: 20, PM10: 12}, {}), ({PM25: 8, PM10: 12}, {})),
    (
        "labour_shares_above_100",
        ({JOBLESS: 60, "EC_P_EM_3A.main": 30, "EC_P_EM_4A.main": 20}, {}),
        ({JOBLESS: 6.7, "EC_P_EM_3A.main": 10.83, "EC_P_EM_4A.main": 0.95}, {}),
    ),
    (
        "interruptions_differ",
        ({OUTAGES: of(5_000, 100_000), OUTAGE_TIME: of(300_000, 4_000)}, {}),
        ({OUTAGES: of(5_000, 100_000), OUTAGE_TIME: of(300_000, 5_000)}, {}),
    ),
    ("youth_below_total", ({JOBLESS: 2.74, YOUTH: 2.40}, {}), ({JOBLESS: 2.16, YOUTH: 2.25}, {})),
    ("mobile_4g_above_3g", ({THREE_G: 20, FOUR_G: 90}, {}), ({THREE_G: 96, FOUR_G: 98}, {})),
    (
        "source_missing",
        ({NET: typed(97, source=None, source_details=None)}, {}),
        ({NET: typed(97, source_details=None)}, {}),
    ),
    (
        "survey_without_sample",
        ({NET: typed(97, origin="survey")}, {}),
        ({NET: typed(97, origin="survey", comment="random sample of 900")}, {}),
    ),
    (
        "providers_not_named",
        ({NET: typed(60, origin="utility_or_operator")}, {}),
        ({NET: typed(60, origin="utility_or_operator", comment="all three providers")}, {}),
    ),
    (
        "broadband_providers_not_named",
        ({BROADBAND: typed(60, origin="utility_or_operator")}, {}),
        ({BROADBAND: typed(60, origin="utility_or_operator", source="Telecom regulator")}, {}),
    ),
    (
        "far_from_country",
        ({NET: 40}, {"country": {"national_internet_pct": 96.0}}),
        ({NET: 90}, {"country": {"national_internet_pct": 96.0}}),
    ),
    (
        "far_from_country",
        ({BROADBAND: 5}, {"country": {"national_broadband_pct": 70.0}}),
        ({BROADBAND: 60}, {"country": {"national_broadband_pct": 70.0}}),
    ),
    ("compliance_not_stated", ({STOPS: 40}, {}), ({STOPS: typed(40, comment="screens")}, {})),
    ("intersection_source", ({"EC_ICT_T_3A.main": typed(9, source_details=None)}, {}), ({"EC_ICT_T_3A.main": 9}, {})),
    (
        "inventory_not_stated",
        ({DATA_SETS: 9, DATA_SHARE: typed(9, source_details=None)}, {}),
        ({DATA_SETS: 9, DATA_SHARE: 9}, {}),
    ),
    (
        "not_from_utility",
        ({POWER: typed(97, source="Town hall")}, {}),
        ({POWER: typed(97, source="Electricity works")}, {}),
    ),
    ("plan_without_basis", ({COMPACT: typed(1, source_details=None)}, {}), ({COMPACT: typed(1)}, {})),
    (
        "partly_planned",
        (shares("EC_I_UP_2A", PLANS, 1, 1, 0, 1, 1), {}),
        (shares("EC_I_UP_2A", PLANS, 1, 1, 1, 1, 1), {}),
    ),
    (
        "currency_of_amounts_missing",
        ({GDP_SHARE: of(1.13e8, 1e10)}, {"profile": {"currency": None}}),
        ({GDP_SHARE: of(1.13e8, 1e10)}, {}),
    ),
    ("currency_missing", ({GDP_SHARE: 1.13}, {"profile": {"currency": None}}), ({GDP_SHARE: 1.13}, {})),
    (
        "value_in_comment",
        ({f"{MIDWAY}.para": {"is_reported": False, "comment": "Reported: 1.86 %"}}, {}),
        ({f"{MIDWAY}.para": {"is_reported": False, "comment": "see page 12"}}, {}),
    ),
    ("zero_without_comment", ({CULTURE: 0}, {}), ({CULTURE: typed(0, comment="paid by the county")}, {})),
    (
        "zero_without_comment",
        ({DOCTORS: 0}, {"past": {DOCTORS: 200.0}, "peers": {DOCTORS: NEAR_200}}),
        ({DOCTORS: 190}, {"past": {DOCTORS: 200.0}, "peers": {DOCTORS: NEAR_200}}),
    ),
    ("no_after_yes", ({COMPACT: 0}, {"past": {COMPACT: 1.0}}), ({COMPACT: 0}, {"past": {COMPACT: 0.0}})),
    (  # of a NO, 0 is no number of which there are none
        "zero_without_comment",
        ({DOCTORS: 0}, {"past": {DOCTORS: 200.0}, "peers": {DOCTORS: NEAR_200}}),
        ({COMPACT: 0}, {"past": {COMPACT: 1.0}, "peers": {COMPACT: [1.0] * 12}}),
    ),
    ("result_overridden", ({LITERACY: 97}, {}), ({LITERACY: of(97, 100)}, {})),
    ("size_slipped", ({DOCTORS: 2000}, {"past": {DOCTORS: 200.0}}), ({DOCTORS: 230}, {"past": {DOCTORS: 200.0}})),
    ("jump", ({DOCTORS: 6000}, {"past": {DOCTORS: 200.0}}), ({DOCTORS: 300}, {"past": {DOCTORS: 200.0}})),
    (
        "unlike_peers",
        ({DOCTORS: 2000}, {"peers": {DOCTORS: NEAR_200}}),
        ({DOCTORS: 260}, {"peers": {DOCTORS: NEAR_200}}),
    ),
    ("unlike_peers", ({NET: 5}, {"peers": {NET: NEAR_95}}), ({NET: 80}, {"peers": {NET: NEAR_95}})),
    # 1.25 for each 100 000 of 400 000 are 5 people; 1.40 are 5.6.
    ("rate_of_no_whole_number", ({DEATHS: 1.4}, {}), ({DEATHS: 1.25}, {})),
    ("equal_rates", ({DEATHS: 1.06, DISASTERS: 1.06}, {}), ({DEATHS: 1.06, DISASTERS: 0}, {})),
    ("copied_neighbour", ({THREE_G: 96.67, FOUR_G: 96.67}, {}), ({THREE_G: 100, FOUR_G: 100}, {})),
    (
        "copied_from_other_city",
        (copied(93.11), {"peers": {point: [value] for point, value in copied(93.11).items()}}),
        (copied(93.11), {"peers": {NET: [91.27], LITERACY: [97.31]}}),
    ),
    ("many_not_reported", ({NET: 97}, {}), ({}, {"every": True})),
    ("core_missing", ({NET: 97}, {}), ({}, {"every": True})),
    (
        "copied_from_last_year",
        ({}, {"every": True, "past_every": 0.0}),
        ({}, {"every": True, "past_every": 0.001}),
    ),
    (
        "gdp_far_from_country",
        ({NET: 97}, {"profile": {"city_gdp": 4e12}, "country": {"national_gdp_per_capita": 30_000.0}}),
        ({NET: 97}, {"country": {"national_gdp_per_capita": 30_000.0}}),
    ),
    ("households_implausible", ({NET: 97}, {"profile": {"households": 900_000.0}}), ({NET: 97}, {})),
    ("density_implausible", ({NET: 97}, {"profile": {"area_km2": 1_000_000.0}}), ({NET: 97}, {})),
    # 400 000 inhabitants on 100 km2; a year lies between the reports.
    (
        "population_jumped",
        ({NET: 97}, {"past": {"profile.population": 360e3}}),
        ({NET: 97}, {"past": {"profile.population": 375e3}}),
    ),
    (
        "households_jumped",
        ({NET: 97}, {"past": {"profile.households": 140e3}}),
        ({NET: 97}, {"past": {"profile.households": 150e3}}),
    ),
    (
        "area_changed",
        ({NET: 97}, {"past": {"profile.area_km2": 90.0}}),
        ({NET: 97}, {"past": {"profile.area_km2": 99.0}}),
    ),
    ("gdp_jumped", ({NET: 97}, {"past": {"profile.city_gdp": 1e9}}), ({NET: 97}, {"past": {"profile.city_gdp": 8e9}})),
    ("population_missing", ({NET: 97}, {"profile": {"population": None}}), ({NET: 97}, {})),
]


def every_row() -> dict[str, Any]:
    """A row of every data point, each with an odd value of its own within the bounds."""
    from ssc_index.framework.catalogue import load_catalogue

    points = load_catalogue().data_points
    return {
        point.id: 1.0 if point.value_type == "yes_no" else 0.3123 if point.unit == "index_0_to_1" else 31.17 + at / 7
        for at, point in enumerate(points)
    }


def whole(rows: dict[str, Any], given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A case with all of its rows, and their past where each has one."""
    given = dict(given)
    if given.pop("every", False):
        rows = every_row()
    if (change := given.pop("past_every", None)) is not None:
        given["past"] = {point: value + change for point, value in rows.items()}
    return rows, given


def codes(rows: dict[str, Any], given: dict[str, Any]) -> set[str]:
    rows, given = whole(rows, given)
    return rules_of(rows, **given)


@pytest.mark.parametrize(("rule", "fires", "silent"), CASES, ids=[f"{case[0]}-{at}" for at, case in enumerate(CASES)])
def test_a_rule_speaks_where_it_should_and_nowhere_else(rule: str, fires: Any, silent: Any) -> None:
    assert rule in codes(*fires)
    assert rule not in codes(*silent)


def test_every_rule_has_a_case() -> None:
    assert {case[0] for case in CASES} == {rule.code for rule in load_rules() if rule.condition is not None}


EXPRESSIONS = [rule for rule in load_rules() if rule.condition is not None]


@pytest.mark.parametrize("rule", EXPRESSIONS, ids=[f"{one.code}-{at}" for at, one in enumerate(EXPRESSIONS)])
def test_every_expression_speaks_in_a_case_at_its_cell_and_is_silent_in_another(rule: Rule) -> None:
    # A code may have several expressions; each by itself, whatever would have spoken before it.
    spoke = silent = 0
    for _, fires, other in (case for case in CASES if case[0] == rule.code):
        rows, given = whole(*fires)
        found = findings(rows, **given, rules=[rule]).to_dicts()
        spoke += bool(found)
        for one in found:
            assert (one["sheet"], one["cell"]) == place_of(rule.text.field, one["data_point"], rows), one
        rows, given = whole(*other)
        silent += findings(rows, **given, rules=[rule]).is_empty()
    assert spoke
    assert silent


def place_of(field: str, point: str | None, rows: dict[str, Any]) -> tuple[str | None, str | None]:
    """Sheet and cell of a field of a data point, or of the profile; none of the workbook as a whole."""
    if point is None:
        return ("Profile", COLUMNS[field]) if field.startswith("profile.") else (None, None)
    row = rows[point]
    # A value that is computed has no result that was typed: its numerator is to be looked at.
    is_computed = field == "result" and isinstance(row, dict) and row.get("result") is None and "numerator" in row
    return "KPIs", f"{COLUMNS['numerator' if is_computed else field]}{10 + list(rows).index(point)}"


def test_the_first_city_of_a_year_is_held_against_what_the_others_gave_last() -> None:
    assert "unlike_peers" in rules_of({NET: 5}, elders={NET: NEAR_95})
    assert "unlike_peers" not in rules_of({NET: 5}, elders={NET: NEAR_95[:5]})  # fewer than twelve are no group
    # Where enough have reported this year, what others gave before counts for nothing.
    assert "unlike_peers" not in rules_of({NET: 80}, peers={NET: NEAR_95}, elders={NET: [5.0] * 20})
    assert "unlike_peers" in rules_of({NET: 5}, peers={NET: NEAR_95}, elders={NET: [5.0] * 20})


@pytest.mark.parametrize(
    ("point", "profile", "says"),
    [
        (NET, {"households": 150_000.0}, "though the profile says 150000."),  # the form takes no number from a text
        (NET, {"households": None}, "comes from the profile, which gives no number"),
        (LITERACY, {}, "Give the denominator, or the final value"),
    ],
)
def test_a_missing_denominator_is_asked_for_where_it_comes_from(point: str, profile: Any, says: str) -> None:
    (row,) = findings({point: of(75, None)}, profile=profile).filter(rule="denominator_missing").to_dicts()
    assert says in row["message"]


@pytest.mark.parametrize("whose", ["peers", "elders"])
def test_a_city_is_told_about_what_its_peers_gave_and_the_number_of_none(whose: str) -> None:
    others = [191.37, 195.71, 198.13, 199.57, 200.33, 201.19, 201.93, 202.71, 203.17, 204.39, 205.61, 207.77, 209.53]
    for number in (2000.0, 20_000.0):  # wherever its own value lies among them, it learns no more
        (row,) = findings({DOCTORS: number}, **{whose: {DOCTORS: others}}).filter(rule="unlike_peers").to_dicts()
        assert "of which the middle half gives about 200." in row["message"]
        assert not [one for one in others if str(one) in row["message"]]


def test_a_finding_of_the_profiles_past_stands_at_its_cell_and_names_the_year() -> None:
    (row,) = findings({NET: 97}, past={"profile.population": 40_000.0}).filter(rule="population_jumped").to_dicts()
    assert (row["sheet"], row["cell"], row["field"]) == ("Profile", "B9", "population")
    assert "Population 400000 after 40000 for 2023" in row["message"]


def test_a_row_with_an_error_tells_that_error_alone() -> None:
    # 120 of 100, ten times last year's: the bounds are enough to say.
    found = findings({LITERACY: of(120, 100)}, past={LITERACY: 12.0})
    assert found.filter(found["data_point"].is_not_null())["rule"].to_list() == ["within_bounds"]


def test_a_row_with_an_error_tells_no_warning_of_an_earlier_rule() -> None:
    # Only the numerator is given, a warning; that it is far too low is an error, and comes later.
    found = findings({NO2: of(0.02, None)})
    assert found.filter(found["data_point"].is_not_null())["rule"].to_list() == ["pollutant_very_low"]


def test_of_a_family_the_gravest_speaks() -> None:
    # 120 000 of 160 000 households is 25 % off: more than 10, more than 5, and not what was filled in.
    found = findings({WATER: of(9, 120_000)})
    denominators = [row for row in found.to_dicts() if row["field"] == "denominator"]
    assert [row["rule"] for row in denominators] == ["denominator_far_from_profile"]


def test_a_finding_names_cell_value_and_rule_and_what_to_do() -> None:
    (row,) = findings({GINI: 27.0}).filter(findings({GINI: 27.0})["rule"] == "gini_on_0_to_100").to_dicts()
    assert (row["sheet"], row["cell"], row["field"], row["value"]) == ("KPIs", "H10", "result", "27.0")
    assert row["message"] == (
        "27 is on a scale of 0 to 100; the form asks for 0 to 1, that is 0.27. Divide by 100. (R049)"
    )


def test_a_finding_of_the_profile_names_its_cell() -> None:
    found = findings({NET: 97}, profile={"area_km2": 1_000_000.0})
    (row,) = found.filter(found["rule"] == "density_implausible").to_dicts()
    assert (row["sheet"], row["cell"], row["field"]) == ("Profile", "B11", "area_km2")


def test_legitimate_values_are_left_alone() -> None:
    # Seen in published reports: above 100 or 100 000, zero, very small, above the target.
    rows = {
        "EC_ICT_ICT_3C.main": 101_200,
        SCHOOL: 95.3,
        NURSERY: 104,
        "SC_SH_SA_2C.main": 0.001,
        "EC_ICT_ES_3A.main": 0.04,
        DISASTERS: 0,
        "EC_I_T_7A.main": 0,
        BROADBAND: 84.51,
    }
    found = findings(rows)
    assert not found.filter(found["severity"].is_in(["error", "warning"]) & found["data_point"].is_not_null()).height
