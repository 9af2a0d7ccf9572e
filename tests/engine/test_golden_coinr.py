"""COINr on its ASEM example (51 units × 49 indicators): the same numbers to 1e-9 relative.

The reference outputs are those of ../shared/goldens/coinr_asem; its definitions.md states each formula.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ssc_index.framework.load import read_framework_csv
from ssc_index.outranking import copeland, outranking_matrix
from ssc_index.screen import nonzero_share
from ssc_index.transform import found_in
from ssc_index.treat import skewness_and_kurtosis, winsorise
from ssc_index.weights import effective_weights
from tests.engine.conftest import write_framework

MINMAX_100 = {"normalise": {"method": "minmax", "range": [0, 100]}}
MINMAX_1_100 = {"normalise": {"method": "minmax", "range": [1, 100]}}
CELLS = 51 * 49
CELLS_WITH_NODES = 51 * 60


def test_the_example_coin_from_treatment_to_ranks(coinr, run):
    steps = [{"treat": {"method": "winsorise", "max_points": 5}}, MINMAX_100, {"aggregate": {}}]
    done = run(coinr.framework(), coinr.values("ex_4_screened"), {"steps": steps})
    assert coinr.compare(done.table("step_1_treat.csv"), "ex_5_treated") == CELLS
    assert coinr.compare(done.table("step_2_normalise.csv"), "ex_6_normalised") == CELLS
    assert coinr.compare(done.table("step_3_aggregate.csv"), "ex_7_aggregated") == CELLS_WITH_NODES
    scores = done.table("scores.csv")
    ranks = scores.pivot(on="node", index="unit", values="rank")
    assert coinr.compare(ranks, "ranks_all") == CELLS_WITH_NODES


DENOMINATORS = ("Area", "Energy", "GDP", "Population")


def _raw_with_denominators(coinr):
    raw = coinr.frame("asem_idata").select(pl.col("uCode").alias("unit"), "EurAsia_group", *DENOMINATORS)
    return coinr.values("ex_1_raw").join(raw, on="unit", maintain_order="left")


def _framework_with_denominators(coinr):
    given = {row["iCode"]: row["Denominator"] for row in coinr.frame("asem_imeta").iter_rows(named=True)}
    assert sum(name is not None for name in given.values()) > 10
    return [row | {"denominator": given[row["code"]]} for row in coinr.framework()]


def test_denominators_of_the_method_with_a_scale_factor(coinr, run):
    by = {"Goods": {"by": "GDP"}, "CO2": {"by": "GDP", "per": 1000}}
    done = run(coinr.framework(), _raw_with_denominators(coinr), {"steps": [{"denominate": {"indicators": by}}]})
    assert coinr.compare(done.table("step_1_denominate.csv"), "denom_custom_scalefactor") == CELLS


def test_the_example_coin_from_raw_values(coinr, run):
    steps = [
        {"denominate": {"where_missing": "missing"}},  # LAO has no Energy; COINr leaves the quotient NA
        {"impute": {"method": "group_mean", "group": "EurAsia_group"}},
        {"screen": {"min_coverage": 0.9}},
        {"treat": {"method": "winsorise", "max_points": 5}},
        MINMAX_100,
        {"aggregate": {}},
    ]
    done = run(_framework_with_denominators(coinr), _raw_with_denominators(coinr), {"steps": steps})
    assert coinr.compare(done.table("step_1_denominate.csv"), "ex_2_denominated") == CELLS
    assert coinr.compare(done.table("step_2_impute.csv"), "ex_3_imputed") == CELLS
    assert coinr.compare(done.table("step_3_screen.csv"), "ex_4_screened") == CELLS
    assert coinr.compare(done.table("step_6_aggregate.csv"), "ex_7_aggregated") == CELLS_WITH_NODES


def _screened_out(done):
    return set(done.table("excluded.csv")["unit"]) if (done.out / "excluded.csv").exists() else set()


def test_screening_by_coverage_and_by_zeros(coinr, run):
    theirs = coinr.frame("screen_byNA_summary")
    values = coinr.values("ex_1_raw")
    shares = nonzero_share(values.drop("unit").cast(pl.Float64).to_numpy())
    np.testing.assert_allclose(shares, theirs["Non_Zero"].to_numpy(), rtol=1e-12)
    flags = {
        "LowData": {"min_coverage": 0.95},
        "LowNonZero": {"min_nonzero": 0.95},
        "LowDatOrZeroFlag": {"min_coverage": 0.95, "min_nonzero": 0.95},
    }
    for flag, rules in flags.items():
        done = run(coinr.framework(), values, {"steps": [{"screen": rules}]})
        assert _screened_out(done) == set(theirs.filter(pl.col(flag))["uCode"])
        assert 0 < len(_screened_out(done)) < 51


def test_screening_with_units_forced_in_and_out(coinr, run):
    forced = {
        "force_out": [{"unit": "AUT", "reason": "as the reference does"}],
        "force_in": [{"unit": "BRN", "reason": "as the reference does"}],
    }
    done = run(coinr.framework(), coinr.values("ex_1_raw"), {"steps": [{"screen": {"min_coverage": 0.95, **forced}}]})
    assert _screened_out(done) == set(coinr.frame("screen_force_removed", "RemovedUnits")["RemovedUnits"])
    summary = coinr.frame("screen_force_summary")
    assert done.result.included.tolist() == summary["Included"].to_list()


def test_availability_of_data(coinr, run):
    done = run(coinr.framework(), coinr.values("ex_1_raw"), {"steps": [{"normalise": {"method": "none"}}]}).result
    summary, groups = coinr.frame("data_avail_summary"), coinr.frame("data_avail_bygroup")
    coverage = dict(zip(done.nodes, done.coverage.T, strict=True))
    np.testing.assert_allclose(coverage["Index"], summary["Dat_Avail"].to_numpy(), rtol=1e-12)
    for node in groups.columns[1:]:
        np.testing.assert_allclose(coverage[node], groups[node].to_numpy(), rtol=1e-12)
    values = done.values.values
    assert (values == 0).sum(axis=1).tolist() == summary["N_zero"].to_list()
    np.testing.assert_allclose(nonzero_share(values), summary["Non_Zero"].to_numpy(), rtol=1e-12)


def test_denominators_of_the_world(coinr, run):
    # COINr's table of countries as denominators of its own indicators; the quotient is taken by Polars.
    world = coinr.frame("world_denoms").select(pl.col("uCode").alias("unit"), pl.col("Population").alias("people"))
    values = coinr.values("ex_1_raw").join(world, on="unit", how="left", maintain_order="left")
    step = {"denominate": {"by": "people", "per": 1_000_000, "only": "Flights"}}
    ours = run(coinr.framework(), values, {"steps": [step]}).table("step_1_denominate.csv")
    theirs = values.select(pl.col("Flights") * 1_000_000 / pl.col("people"))["Flights"]
    assert theirs.null_count() == 0
    np.testing.assert_allclose(ours["Flights"].to_numpy(), theirs.to_numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    ("source", "parameters", "expected"),
    [
        ("ex_4_screened", {"max_points": 5}, "treat_winmax5"),
        ("ex_4_screened", {"max_points": 1}, "treat_winmax1"),
        ("ex_1_raw", {}, "treat_raw_default"),
        ("ex_1_raw", {"max_points": 1, "fallback": "log"}, "treat_raw_winmax1_f2_log_CT"),
    ],
)
def test_treatment_of_every_indicator(coinr, run, source, parameters, expected):
    done = run(coinr.framework(), coinr.values(source), {"steps": [{"treat": parameters}]})
    assert coinr.compare(done.table("step_1_treat.csv"), expected) == CELLS


def test_treated_cells_are_those_that_coinr_flags(coinr, run):
    done = run(coinr.framework(), coinr.values("ex_4_screened"), {"steps": [{"treat": {}}]})
    flags = coinr.frame("ex_5_treated_points")
    theirs = {
        (row["uCode"], code) for row in flags.iter_rows(named=True) for code in done.result.framework.codes if row[code]
    }
    cells = done.table("cells_1_treat.csv")
    assert set(zip(cells["unit"], cells["code"], strict=True)) == theirs
    assert len(theirs) > 0


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"method": "minmax", "range": [0, 100]}, "norm_minmax_0_100"),
        ({"method": "minmax", "range": [1, 100]}, "norm_minmax_1_100"),
        ({"method": "zscore", "mean": 0, "sd": 1}, "norm_zscore_0_1"),
        ({"method": "rank"}, "norm_rank"),
        ({"method": "percentile", "range": [0, 1]}, "norm_prank"),
        ({"method": "borda"}, "norm_borda"),
        ({"method": "distance_to_max"}, "norm_dist2max"),
        ({"method": "distance_to_reference", "unit": "BGR"}, "norm_dist2ref_5"),  # the fifth of its rows
    ],
)
def test_normalisation_of_treated_values(coinr, run, parameters, expected):
    done = run(coinr.framework(), coinr.values("ex_5_treated"), {"steps": [{"normalise": parameters}]})
    assert coinr.compare(done.table("step_1_normalise.csv"), expected) == CELLS


def test_minmax_of_raw_values_with_missing_cells(coinr, run):
    done = run(coinr.framework(), coinr.values("ex_1_raw"), {"steps": [MINMAX_100]})
    assert coinr.compare(done.table("step_1_normalise.csv"), "normraw_minmax_0_100") == CELLS


def test_bounds_of_a_scale_stand_in_real_units(coinr, run):
    # COINr takes bounds of negated values: 0 to 100 of them are 0 to -100 where less is better.
    rows = coinr.framework()
    lower = [row["code"] for row in rows if row["direction"] == "lower"]
    overrides = {code: {"bounds": [0, -100]} for code in lower}
    step = {"normalise": {"method": "scaled", "bounds": [0, 100], "overrides": overrides}}
    done = run(rows, coinr.values("ex_5_treated"), {"steps": [step]})
    assert len(lower) > 0
    assert coinr.compare(done.table("step_1_normalise.csv"), "norm_scaled_default") == CELLS


def test_fraction_of_the_maximum_where_more_is_better_and_in_order_where_less_is(coinr, run):
    # docs/differences.md: COINr divides negated values by their maximum, so that the worst unit scores most.
    rows = coinr.framework()
    lower = [row["code"] for row in rows if row["direction"] == "lower"]
    values = coinr.values("ex_5_treated")
    theirs = coinr.frame("norm_fracmax")
    for code in lower:  # some hold 0 and less, of which there is no share
        values = values.with_columns(pl.col(code) - pl.col(code).min() + 1.0)
    below = [row["code"] for row in rows if row["direction"] == "higher" and values[row["code"]].min() < 0]
    for code in below:
        values = values.with_columns(pl.col(code) - pl.col(code).min())
    done = run(rows, values, {"steps": [{"normalise": {"method": "fraction_of_max", "constant": "middle"}}]})
    ours = done.table("step_1_normalise.csv").sort("unit")
    compared = 0
    for row in rows:
        code = row["code"]
        if row["direction"] == "higher" and code not in below:
            np.testing.assert_allclose(ours[code].to_numpy(), theirs[code].to_numpy(), rtol=1e-9, err_msg=code)
            compared += 1
        elif row["direction"] == "lower":
            np.testing.assert_allclose(ours[code].to_numpy(), 1.0 / values.sort("unit")[code].to_numpy(), rtol=1e-9)
    assert compared >= 30


def test_distance_to_the_target_of_every_indicator(coinr, run):
    targets = {row["iCode"]: row["Target"] for row in coinr.frame("asem_imeta_normparams").iter_rows(named=True)}
    rows = coinr.framework()
    for row in rows:
        row["target"] = targets[row["code"]] if row["direction"] else ""
    done = run(rows, coinr.values("ex_1_raw"), {"steps": [{"normalise": {"method": "distance_to_target"}}]})
    assert coinr.compare(done.table("step_1_normalise.csv"), "normimeta_dist2targ") == CELLS


def test_goalposts_of_every_indicator(coinr, run):
    posts = {row["iCode"]: row for row in coinr.frame("asem_imeta_normparams").iter_rows(named=True)}
    rows = coinr.framework()
    for row in rows:
        if row["direction"]:
            pair = posts[row["code"]]["goalpost_lower"], posts[row["code"]]["goalpost_upper"]
            row["low"], row["high"] = pair if row["direction"] == "higher" else pair[::-1]
    steps = [{"normalise": {"method": "goalposts", "range": [0, 100], "clip": True}}]
    done = run(rows, coinr.values("ex_1_raw"), {"steps": steps})
    assert coinr.compare(done.table("step_1_normalise.csv"), "normimeta_goalposts") == CELLS


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"method": "mean"}, "impute_mean"),
        ({"method": "median"}, "impute_median"),
        ({"method": "group_mean", "group": "EurAsia_group"}, "impute_mean_grp_EurAsia"),
        ({"method": "group_median", "group": "GDP_group"}, "impute_median_grp_GDP"),
        ({"method": "within_mean", "within": "Index"}, "impute_row_mean_all"),
    ],
)
def test_imputation_of_raw_values(coinr, run, parameters, expected):
    values = coinr.values("ex_1_raw", "EurAsia_group", "GDP_group")
    done = run(coinr.framework(), values, {"steps": [{"impute": parameters}]})
    assert coinr.compare(done.table("step_1_impute.csv"), expected) == CELLS
    assert done.result.steps[0].imputed.sum() == 63  # the missing cells of the file


@pytest.mark.parametrize(
    ("method", "expected"), [("last_value", "impute_panel_latest"), ("linear_constant", "impute_panel_linear-constant")]
)
def test_imputation_over_a_panel(coinr, run, method, expected):
    panel = coinr.frame("asem_idata_panel_na").rename({"uCode": "unit", "Time": "year"})
    codes = [row["code"] for row in coinr.framework() if row["direction"]]
    done = run(coinr.framework(), panel.select("unit", "year", *codes), {"steps": [{"impute": {"method": method}}]})
    ours = done.table("step_1_impute.csv").sort("unit", "year")
    theirs = coinr.frame(expected).sort("uCode", "Time")
    for code in codes:
        np.testing.assert_allclose(
            ours[code].cast(pl.Float64).to_numpy(), theirs[code].cast(pl.Float64).to_numpy(), rtol=1e-9, err_msg=code
        )


@pytest.mark.parametrize(
    ("weights", "parameters", "expected"),
    [
        (None, {}, "agg_amean"),
        (None, {"method": "geometric"}, "agg_gmean"),
        (None, {"method": "harmonic"}, "agg_hmean"),
        (None, {"method": {"generalised": {"p": 2}}}, "agg_genmean_p2"),
        (None, {"levels": {"sub_index": "geometric", "Index": "harmonic"}}, "agg_mixed_a_g_h"),
        ("weights_random", {}, "agg_amean_wrandom"),
    ],
)
def test_aggregation_of_complete_scores(coinr, run, weights, parameters, expected):
    steps = [MINMAX_1_100, {"aggregate": parameters}]
    done = run(coinr.framework(_weights(coinr, weights)), coinr.values("ex_5_treated"), {"steps": steps})
    assert coinr.compare(done.table("step_2_aggregate.csv"), expected) == CELLS_WITH_NODES


def _weights(coinr, name):
    if name is None:
        return None
    frame = coinr.frame(name, key="iCode")
    return dict(zip(frame["iCode"], frame["Weight"], strict=True))


@pytest.mark.parametrize(
    ("weights", "parameters", "expected"),
    [
        ("weights_random", {}, "aggNA_amean"),
        (None, {"min_coverage": 0.5}, "aggNA_amean_thresh0.5"),
    ],
)
def test_aggregation_with_missing_cells(coinr, run, weights, parameters, expected):
    steps = [MINMAX_1_100, {"aggregate": parameters}]
    done = run(coinr.framework(_weights(coinr, weights)), coinr.values("ex_1_raw"), {"steps": steps})
    assert coinr.compare(done.table("step_2_aggregate.csv"), expected) == CELLS_WITH_NODES


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [({}, "aggNA35_amean_threshnone"), ({"min_coverage": 0.5}, "aggNA35_amean_thresh0.5")],
)
def test_aggregation_with_a_third_of_the_cells_missing(coinr, run, parameters, expected):
    steps = [{"normalise": {"method": "none"}}, {"aggregate": parameters}]
    framework = coinr.framework(_weights(coinr, "weights_random"))
    done = run(framework, coinr.values("aggNA35_in"), {"steps": steps})
    table = done.table("step_2_aggregate.csv")
    theirs = coinr.frame(expected)
    nodes = [code for code in theirs.columns if code in done.result.framework.children]
    assert coinr.compare(table, expected) == theirs.height * (len(theirs.columns) - 1)
    assert len(nodes) == 11


def _parts(coinr, name):
    """Scores between 1 and 100 of a file's 49 indicators, by COINr's own formula."""
    table, parts = coinr.frame(name), []
    for row in coinr.framework():
        if row["direction"]:
            values = table[row["code"]].to_numpy() * (1 if row["direction"] == "higher" else -1)
            parts.append((values - values.min()) / (values.max() - values.min()) * 99 + 1)
    return parts


def test_the_outranking_matrix_of_49_scores(coinr):
    theirs = coinr.frame("outrank_equal")
    units = coinr.frame("ex_5_treated")["uCode"].to_list()
    matrix = theirs.select(units).to_numpy()
    ours = outranking_matrix(_parts(coinr, "ex_5_treated"), [1.0] * 49)
    apart = ~np.eye(51, dtype=bool)
    np.testing.assert_allclose(ours[apart], matrix[apart], rtol=1e-9)


def test_copeland_scores_with_ties_that_are_ties(coinr):
    # COINr asks for 0.5 in floats: 5 pairs that tie miss it, and ten units are off (docs/differences.md).
    parts, note = _parts(coinr, "ex_5_treated"), coinr.frame("copeland_flat49_tie_note")
    for compiled in (False, True):
        ours = copeland(parts, [1.0] * 49, compiled=compiled)
        np.testing.assert_array_equal(ours, note["copeland_tie_tolerant_1e-12"].to_numpy())
    assert (ours != note["copeland_coinr"].to_numpy()).sum() == 10


def test_noisy_weights_give_the_replayed_scores(coinr, run):
    # Replication 24 of the uncertainty analysis of seed 1: noisy weights, everything else as in the example.
    drawn = coinr.frame("sens_noisy_weights", key="iCode")
    row = coinr.frame("ua_seed1_params").row(23, named=True)
    assert (row["Imputation"], row["Normalisation"], row["Winmax"]) == ("i_mean_grp", 1, 5)
    weights = dict(zip(drawn["iCode"], drawn[f"w{row['Weights']}"], strict=True))
    steps = [{"treat": {"max_points": 5}}, MINMAX_100, {"aggregate": {}}]
    done = run(coinr.framework(weights), coinr.values("ex_4_screened"), {"steps": steps})
    ours = done.table("step_3_aggregate.csv").sort("unit")["Index"].to_numpy()
    np.testing.assert_allclose(ours, coinr.frame("ua_seed1_scores")[f"r_{row['rep']}"].to_numpy(), rtol=1e-9)


def test_effective_weights(coinr, tmp_path):
    for name, weights in (("eff_weights", None), ("eff_weights_wrandom", "weights_random")):
        path = write_framework(tmp_path / "framework.csv", coinr.framework(_weights(coinr, weights)))
        ours = effective_weights(read_framework_csv(path))
        theirs = coinr.frame(name, key="iCode")
        for code, weight in zip(theirs["iCode"], theirs["EffWeight"], strict=True):
            assert ours[code] == pytest.approx(weight, rel=1e-12)


def test_skewness_and_kurtosis_of_five_columns(coinr):
    columns = coinr.frame("vec_in")
    for row in coinr.frame("vec_skewkurt").iter_rows(named=True):
        values = np.sort(columns[row["vec"]].drop_nulls().to_numpy())
        assert skewness_and_kurtosis(values) == pytest.approx((row["skew"], row["kurt"]), rel=1e-9)


def test_winsorisation_of_five_columns_at_seven_limits(coinr):
    columns, expected = coinr.frame("vec_in"), coinr.frame("vec_winsorise")
    summary = coinr.frame("vec_winsorise_summary").filter(~pl.col("force_win"))
    for row in summary.iter_rows(named=True):
        values = columns[row["vec"]].to_numpy()
        limit = 10**6 if row["winmax"] == "NULL" else int(row["winmax"])
        low, high, points, after = winsorise(np.sort(values[~np.isnan(values)]), limit, 2.0, 3.5)
        theirs = expected[f"{row['vec']}|{row['winmax']}|FALSE"].to_numpy()
        np.testing.assert_array_equal(np.clip(values, low, high), theirs, err_msg=str(row))
        assert points == row["nwin"]
        assert after == pytest.approx((row["skew_after"], row["kurt_after"]), rel=1e-9)
    assert summary.height >= 30


@pytest.mark.parametrize(
    ("family", "more", "expected"),
    [
        ("log", {}, "vec_log_CT"),
        ("log_orig", {}, "vec_log_CT_orig"),
        ("log_plus", {}, "vec_log_CT_plus"),
        ("boxcox", {"power": 0.0}, "vec_boxcox_0"),
        ("boxcox", {"power": 0.5}, "vec_boxcox_0.5"),
    ],
)
def test_functions_that_change_the_unit_of_five_columns(coinr, family, more, expected):
    columns, theirs = coinr.frame("vec_in"), coinr.frame(expected)
    for name in columns.columns:
        values = columns[name].to_numpy()
        finite = np.sort(values[~np.isnan(values)])
        transform = found_in(finite, family, skewness=skewness_and_kurtosis(finite)[0], **more)
        np.testing.assert_allclose(transform.treated(values), theirs[name].to_numpy(), rtol=1e-9, err_msg=name)


@pytest.mark.parametrize(
    ("over", "expected"), [("year", "purse_normalised_local"), ("panel", "purse_normalised_global")]
)
def test_a_panel_screened_treated_by_year_and_normalised(coinr, run, over, expected):
    codes = [row["code"] for row in coinr.framework() if row["direction"]]
    panel = coinr.frame("asem_idata_panel").rename({"uCode": "unit", "Time": "year"})
    steps = [
        {"screen": {"min_coverage": 0.9}},
        {"treat": {}},
        {"normalise": {"method": "minmax", "over": over}},
    ]
    done = run(coinr.framework(), panel.select("unit", "year", *codes), {"steps": steps})
    ours = done.table("step_3_normalise.csv").sort("year", "unit")
    theirs = coinr.frame(expected).sort("Time", "uCode")
    assert ours["unit"].to_list() == theirs["uCode"].to_list()  # the same five units are screened out
    assert ours.height == 230
    for code in codes:
        np.testing.assert_allclose(
            ours[code].cast(pl.Float64).to_numpy(),
            theirs[code].cast(pl.Float64).to_numpy(),
            rtol=1e-9,
            atol=1e-12,
            err_msg=code,
        )
