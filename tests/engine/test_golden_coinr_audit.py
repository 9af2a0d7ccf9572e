"""COINr's analyses of its ASEM example: the same numbers to 1e-9 relative, or the difference that is ours on purpose.

The reference outputs are those of ../shared/goldens/coinr_asem; docs/differences.md lists where we differ.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ssc_index.audit.components import principal_components
from ssc_index.audit.correlation import CorrelationLimits, correlate, correlation_frame
from ssc_index.audit.reliability import cronbach_alpha
from ssc_index.audit.structure import nominal_weights
from ssc_index.audit.variants import leave_one_out
from ssc_index.results import compare, ranked_table, strengths_and_weaknesses, unit_summary
from ssc_index.statistics import column_statistics, unit_availability
from ssc_index.trends import growth_frame, panel_of_scores

TREAT = {"treat": {"method": "winsorise", "max_points": 5}}
MINMAX_100 = {"normalise": {"method": "minmax", "range": [0, 100]}}
MINMAX_1_100 = {"normalise": {"method": "minmax", "range": [1, 100]}}
MEAN = {"aggregate": {}}


@pytest.fixture
def example(coinr, run):
    """The example coin: treated, normalised, aggregated."""
    return run(coinr.framework(), coinr.values("ex_4_screened"), {"steps": [TREAT, MINMAX_100, MEAN]}).result


def _table(frame: pl.DataFrame, codes) -> np.ndarray:
    return np.stack([frame[code].cast(pl.Float64).fill_null(np.nan).to_numpy() for code in codes], axis=1)


def _agree(ours, theirs, what=""):
    np.testing.assert_allclose(np.asarray(ours, float), np.asarray(theirs, float), rtol=1e-9, atol=1e-12, err_msg=what)


def test_statistics_of_every_raw_indicator(coinr):
    theirs = coinr.frame("stats_raw", key="iCode")
    raw = coinr.frame("ex_1_raw")
    ours = column_statistics(_table(raw, theirs["iCode"]), theirs["iCode"].to_list())
    names = {
        "minimum": "Min",
        "maximum": "Max",
        "mean": "Mean",
        "median": "Median",
        "sd": "Std",
        "skewness": "Skew",
        "kurtosis": "Kurt",
        "n": "N.Avail",
        "n_distinct": "N.Unique",
        "n_same": "N.Same",
        "share_available": "Frc.Avail",
        "share_non_zero": "Frc.NonZero",
        "share_distinct": "Frc.Unique",
        "share_same": "Frc.Same",
    }
    for mine, other in names.items():
        _agree(ours[mine], theirs[other], mine)
    _agree(ours["n"] - ours["n_zero"], theirs["N.NonZero"])
    assert ours["is_sparse"].to_list() == [flag != "ok" for flag in theirs["Flag.Avail"]]
    assert ours["has_outliers"].to_list() == [flag == "OUT" for flag in theirs["Flag.SkewKurt"]]
    assert ours["has_outliers"].sum() > 5


def test_flags_of_zeros_and_repeats_are_shares_of_what_is_there(coinr):
    # COINr flags shares of all rows (definitions.md, 25); where nothing is missing the two agree.
    theirs = coinr.frame("stats_raw", key="iCode")
    raw = coinr.frame("ex_1_raw")
    ours = column_statistics(_table(raw, theirs["iCode"]), theirs["iCode"].to_list())
    for mine, other in (("is_mostly_zero", "Flag.NonZero"), ("is_mostly_repeated", "Flag.Unique")):
        differ = [
            code
            for code, own, flag in zip(theirs["iCode"], ours[mine], theirs[other], strict=True)
            if own != (flag != "ok")
        ]
        assert all(theirs.filter(pl.col("iCode") == code)["Frc.Avail"].item() < 1 for code in differ)
        assert ours[mine].sum() > 0 or mine == "is_mostly_zero"


def test_what_each_unit_has_reported(coinr, run):
    done = run(coinr.framework(), coinr.values("ex_1_raw"), {"steps": [MINMAX_100, MEAN]}).result
    frame = unit_availability(done)
    whole = frame.filter(node="Index").sort("unit")
    summary = coinr.frame("data_avail_summary")
    for mine, other in (
        ("n_missing", "N_missing"),
        ("n_zero", "N_zero"),
        ("availability", "Dat_Avail"),
        ("share_non_zero", "Non_Zero"),
    ):
        _agree(whole[mine], summary[other], mine)
    groups = frame.pivot(on="node", index="unit", values="availability")
    assert coinr.compare(groups, "data_avail_bygroup") == 51 * 11


@pytest.mark.parametrize(
    ("name", "measure", "level"),
    [
        ("corr_pearson_L1", "pearson", "indicator"),
        ("corr_pearson_L2", "pearson", "pillar"),
        ("corr_spearman_L1", "spearman", "indicator"),
    ],
)
def test_correlations_within_a_level(coinr, example, name, measure, level):
    found = correlation_frame(example, measures=[measure], levels=[level])
    _every_pair_agrees(coinr, name, {frozenset(row[:2]): row[2] for row in _pairs(found)})


def _pairs(frame):
    return frame.select("code_a", "code_b", "coefficient").rows()


def _every_pair_agrees(coinr, name, ours):
    pairs = [row for row in coinr.frame(name).iter_rows() if row[0] != row[1]]
    assert len({frozenset(row[:2]) for row in pairs}) == len(ours)
    _agree([ours[frozenset(row[:2])] for row in pairs], [row[2] for row in pairs])


def test_correlations_of_raw_values_over_the_rows_that_each_pair_shares(coinr):
    raw = coinr.frame("ex_1_raw")
    codes = [name for name in raw.columns if name != "uCode"]
    found = correlate(_table(raw, codes), codes)
    assert found.n.min() < 51
    place = {code: i for i, code in enumerate(codes)}
    for first, second, value in coinr.frame("corr_pearson_raw").iter_rows():
        assert found.coefficient[place[first], place[second]] == pytest.approx(value, rel=1e-9, abs=1e-12)


def test_correlations_of_indicators_with_their_parents(coinr, example):
    found = correlation_frame(example, measures=["pearson"], levels=["indicator", "pillar"]).filter(relation="parent")
    _every_pair_agrees(coinr, "corr_L1_L2_withparent", {frozenset(row[:2]): row[2] for row in _pairs(found)})


@pytest.mark.parametrize("limit", [0.8, 0.5])
def test_flags_of_high_correlations_among_siblings(coinr, example, limit):
    found = correlation_frame(
        example, measures=["pearson"], levels=["indicator"], limits=CorrelationLimits(high=limit, weak=-2, negative=-2)
    )
    ours = {frozenset(row[:2]) for row in _pairs(found.filter(flag="high"))}
    if limit == 0.8:
        assert coinr.frame("corr_flags_high", key="Group").drop_nulls("Corr").height == 0
        assert ours == set()
        return
    parent = {row["code"]: row["parent"] for row in coinr.framework()}
    theirs = {
        frozenset((a, b))
        for a, b, value in coinr.frame("corr_pearson_L1").iter_rows()
        if a != b and parent[a] == parent[b] and value > limit
    }
    assert ours == theirs
    assert len(ours) > 10


def test_cronbachs_alpha_of_raw_values_scores_and_pillars(coinr, example):
    raw = coinr.frame("ex_1_raw")
    tables = {
        "Raw": lambda codes: _table(raw, codes),
        "Normalised": lambda codes: example.scores[:, [example.nodes.index(code) for code in codes]],
    }
    for row in coinr.frame("cronbach", key="group").iter_rows(named=True):
        group = row["group"]
        if row["dset"].startswith("Aggregated"):
            codes = [child.code for child in example.framework.children[group]]
            table = tables["Normalised"](codes)
        else:
            codes = example.framework.leaves_under[group]
            table = tables[row["dset"]](codes)
        assert len(codes) == row["k"]
        assert cronbach_alpha(table).alpha == pytest.approx(row["alpha"], rel=1e-9), row


@pytest.mark.parametrize(
    ("kind", "run_name"),
    [
        ("scores", "Normalised_L1_bygroup"),
        ("scores", "Normalised_L1_all"),
        ("pillars", "Aggregated_L2_bygroup"),
        ("raw", "Raw_L1_bygroup_naomit"),
    ],
)
def test_principal_components(coinr, example, kind, run_name):
    raw = coinr.frame("ex_1_raw")
    variances = coinr.frame("pca_variance", key="group").filter(run=run_name)
    loadings = coinr.frame("pca_rotation", key="group").filter(run=run_name)
    for group in variances["group"].unique().sort():
        mine = loadings.filter(group=group)
        codes = mine["iCode"].unique(maintain_order=True).to_list()
        at = [example.nodes.index(code) for code in codes]
        found = principal_components(_table(raw, codes) if kind == "raw" else example.scores[:, at], codes)
        theirs = variances.filter(group=group).sort("PC")
        _agree(found.eigenvalues, theirs["eigenvalue"])
        _agree(found.explained, theirs["var_explained"])
        wide = mine.pivot(on="PC", index="iCode", values="loading")
        matrix = _table(wide, [f"PC{i + 1}" for i in range(len(codes))])
        # The last of 49 components of 51 rows have eigenvalues near 0.001: their axes are good to fewer digits.
        np.testing.assert_allclose(np.abs(found.vectors), np.abs(matrix), rtol=1e-7, atol=1e-9, err_msg=group)
        assert (found.vectors.sum(axis=0) >= 0).all()


@pytest.mark.parametrize(("name", "weights"), [("eff_weights", None), ("eff_weights_wrandom", "weights_random")])
def test_nominal_weights_are_the_effective_weights_of_the_tree(coinr, run, name, weights):
    chosen = None
    if weights:
        frame = coinr.frame(weights, key="iCode")
        chosen = dict(zip(frame["iCode"], frame["Weight"], strict=True))
    done = run(coinr.framework(chosen), coinr.values("ex_5_treated"), {"steps": [MINMAX_100, MEAN]}).result
    ours = nominal_weights(done, "Index")
    theirs = coinr.frame(name, key="iCode")
    _agree([ours[code] for code in theirs["iCode"]], theirs["EffWeight"])


def test_the_index_without_each_pillar(coinr, example):
    (found,) = leave_one_out(example, "pillar")
    shifts = {row["element"]: row["MeanAbsDiff"] for row in coinr.frame("remove_L2_meanabsdiff").iter_rows(named=True)}
    assert set(found.summary["variant"]) == set(shifts) - {"Nominal"}
    for row in found.summary.iter_rows(named=True):
        assert row["mean_shift"] == pytest.approx(shifts[row["variant"]], rel=1e-9)
        assert (row["n"], row["n_lost"], row["n_gained"], row["reason"]) == (51, 0, 0, None)
    for column, name in (("variant_score", "remove_L2_scores"), ("variant_rank", "remove_L2_ranks")):
        wide = found.units.pivot(on="variant", index="unit", values=column)
        nominal = found.units.filter(variant="Physical").select("unit", pl.col(column[8:]).alias("Nominal"))
        assert coinr.compare(wide.join(nominal, on="unit"), name) == 51 * 9


def test_two_methods_compared(coinr, example, run):
    steps = [MINMAX_1_100, {"aggregate": {"method": "geometric"}}]
    geometric = run(coinr.framework(), coinr.values("ex_5_treated"), {"steps": steps}).result
    table = compare(example, geometric).table.sort("unit")
    theirs = coinr.frame("compare_amean_gmean")
    assert table["unit"].to_list() == theirs["uCode"].to_list()
    assert table["rank_a"].cast(pl.Int64).to_list() == theirs["coin.1"].to_list()
    assert table["rank_b"].cast(pl.Int64).to_list() == theirs["coin.2"].to_list()
    assert (-table["rank_change"]).cast(pl.Int64).to_list() == theirs["Diff"].to_list()  # theirs is a − b
    assert compare(example, geometric).mean_shift == pytest.approx(theirs["Abs.diff"].mean())


def test_tables_of_scores_and_ranks(coinr, example):
    short = ranked_table(example, levels=["Index"])
    theirs = pl.read_csv(coinr.folder / "results_Summ.csv")
    assert short["unit"].to_list() == theirs["uCode"].to_list()
    assert short["rank"].to_list() == theirs["Rank"].to_list()
    _agree(short["Index"], theirs["Index"])
    full = ranked_table(example).rename({"rank": "Rank"})
    assert coinr.compare(full, "results_Full") == 51 * 60 + 51  # with ranks, rounded to 12 decimals
    assert coinr.compare(ranked_table(example, show="ranks"), "ranks_all") == 51 * 60
    assert ranked_table(example).columns[:5] == ["unit", "rank", "Index", "Conn", "Sust"]


def test_a_units_strengths(coinr, run):
    done = run(coinr.framework(), coinr.values("ex_1_raw"), {"steps": [MINMAX_100, MEAN]}).result
    best, worst = strengths_and_weaknesses(done, "AUT")
    theirs = pl.read_csv(coinr.folder / "strengths_AUT.csv")
    assert dict(zip(best["node"], best["rank"], strict=True)) == dict(zip(theirs["Code"], theirs["Rank"], strict=True))
    values = dict(zip(best["node"], best["value"], strict=True))
    for code, value in zip(theirs["Code"], theirs["Value"], strict=True):
        assert values[code] == pytest.approx(value, rel=1e-9)
    assert worst["share_worse"].is_sorted()
    assert not set(best["node"]) & set(worst["node"])


def test_a_units_summary(coinr, example):
    found = unit_summary(example, "GBR", levels=["Index", "sub_index", "pillar"])
    theirs = coinr.frame("unit_summary_GBR", key="Code")
    ours = found.sort("node")
    assert ours["node"].to_list() == theirs["Code"].to_list()
    _agree(ours["score"], theirs["Score"])
    assert ours["rank"].to_list() == theirs["Rank"].to_list()
    assert found["node"].to_list()[:3] == ["Index", "Conn", "Sust"]


def test_growth_over_a_panel(coinr, run):
    codes = [row["code"] for row in coinr.framework() if row["direction"]]
    panel = coinr.frame("asem_idata_panel").rename({"uCode": "unit", "Time": "year"})
    steps = [
        {"screen": {"min_coverage": 0.9}},
        {"treat": {}},
        {"normalise": {"method": "minmax", "over": "panel"}},
        MEAN,
    ]
    done = run(coinr.framework(), panel.select("unit", "year", *codes), {"steps": steps}).result
    ours = {(row["unit"], row["code"]): row for row in growth_frame(panel_of_scores(done)).iter_rows(named=True)}
    compared = unlike = 0
    for row in coinr.frame("trends_CAGR").iter_rows(named=True):
        mine = ours[row["uCode"], row["iCode"]]
        assert mine["share_available"] == pytest.approx(row["Avail"])
        if row["CAGR"] in (None, "Inf"):  # theirs divides by a first score of 0
            assert mine["cagr"] is None
            assert ("not above 0" if row["CAGR"] else "no year") in mine["reason"], mine
            unlike += 1
            continue
        assert (mine["first_year"], mine["last_year"]) == (row["t_first"], row["t_latest"])
        assert mine["cagr"] == pytest.approx(float(row["CAGR"]), rel=1e-9, abs=1e-12), row
        compared += 1
    assert (compared, unlike) == (294, 6)
