"""Units of the columns of the marts, by column name: the same quantity has the same name in every table.

What belongs here: the unit of every number that an analyst reads. What does not: units of the values themselves, which
differ by data point and stand in the catalogue (`dim_kpi.unit`).
"""

from __future__ import annotations

from collections.abc import Mapping

_NAMES_BY_UNIT: Mapping[str, str] = {
    "calendar year": "edition edition_before year value_year first_edition last_edition",
    "unit of the data point": "value low high target",
    "unit of the data point; points of 100 where a score is measured": (
        "figure minimum quartile_1 median quartile_3 maximum region_gap_to_median region_gap_to_leader "
        "income_group_gap_to_median income_group_gap_to_leader size_class_gap_to_median size_class_gap_to_leader"
    ),
    "points of 100": (
        "score mean_score mean_score_error sd_score score_p05 score_p25 score_p50 score_p75 score_p95 "
        "score_before score_after score_change score_revised score_reported score_carried score_others "
        "score_entry_exit score_framework score_method revised reported carried contribution"
    ),
    "place, 1 is best": "rank rank_before rank_after mean_rank rank_p05 rank_p25 rank_p50 rank_p75 rank_p95",
    "places": (
        "mean_rank_error sd_rank rank_p05_error rank_p25_error rank_p50_error rank_p75_error rank_p95_error "
        "mean_rank_shift largest_rank_shift rank_change rank_revised rank_reported rank_carried rank_others "
        "rank_entry_exit rank_framework rank_method"
    ),
    "share, 0 to 1": (
        "coverage mean_coverage share share_error weight weight_share r2 main_effect ranked_share top_10 top_10_error "
        "first first_low first_high total total_low total_high "
        "top_quarter top_quarter_error better_than_nominal worse_than_nominal ahead behind ahead_error p_value"
    ),
    "share of the target, 1 reaches it": "target_share",
    "difference of shares, -1 to 1": "gap",
    "coefficient, -1 to 1": "coefficient",
    "per cent": "percentage region_percentile income_group_percentile size_class_percentile",
    "benchmark points": "points max_points",
    "persons": "population",
    "cities": "n_cities n_ranked n_ahead_of n_behind n_compared",
    "data points": "n_values n_provisional_goalposts n_carried n_imputed n_reported n_scored",
    "rows": "n_quarantined n_findings",
    "replications": "replications",
    "base points": "n_points",
    "points of 100, or places, squared": "variance",
    "number in an order, from 1": "position tier",
}

UNITS: Mapping[str, str] = {name: unit for unit, names in _NAMES_BY_UNIT.items() for name in names.split()}
