"""A unit outside the cohort, scored by what the cohort's run saved."""

from __future__ import annotations

import shutil

import numpy as np
import polars as pl
import pytest
import yaml

from ssc_index.errors import ComputationError, MethodError, SscIndexError
from ssc_index.files import compute
from ssc_index.score_outside import compute_outside
from tests.engine.conftest import write_framework

CODES = ("a", "b", "c", "d")
DIRECTIONS = ("higher", "lower", "higher", "lower")
SCALES = [
    {"method": "goalposts"},
    {"method": "scaled", "bounds": [0, 500], "overrides": {"b": {"bounds": [500, 0]}, "d": {"bounds": [500, 0]}}},
    {"method": "minmax"},
    {"method": "distance_to_max"},
    {"method": "distance_to_reference", "unit": "u07", "constant": "missing"},
    {"method": "distance_to_target"},
    {"method": "fraction_of_max"},
    {"method": "zscore"},
    {"method": "logistic"},
    {"method": "rank"},
    {"method": "rank", "ties": "average"},
    {"method": "borda", "ties": "max"},
    {"method": "percentile"},
    {"method": "categorical", "percentiles": [0.2, 0.5], "scores": [0, 50, 100]},
    {"method": "minmax", "over": "panel"},
    {"method": "percentile", "over": 2021},
    {"method": "minmax", "overrides": {"B": {"method": "percentile", "over": "panel"}}},
]
TREATMENTS = [
    {"method": "none"},
    {"max_points": 2},
    {"max_points": 1, "skew": 0.5, "kurtosis": -2.0, "fallback_on": "winsorised"},
    {"method": "iqr", "overrides": {"a": {"method": "boxcox"}, "b": {"method": "yeojohnson"}}},
    {"method": "percentile", "low": 0.1, "high": 0.9, "over": "panel"},
    {"method": "log_gii", "overrides": {"c": {"method": "log_plus"}, "d": {"method": "mad"}}},
]


def _framework():
    rows = [{"code": "index", "parent": ""}, {"code": "A", "parent": "index"}, {"code": "B", "parent": "index"}]
    for code, direction in zip(CODES, DIRECTIONS, strict=True):
        low, high = (1, 300) if direction == "higher" else (300, 1)
        rows.append(
            {
                "code": code,
                "parent": "A" if code in "ab" else "B",
                "direction": direction,
                "low": low,
                "high": high,
                "target": 500 if direction == "higher" else 0.5,
            }
        )
    return rows


def _values(years=(2020, 2021)):
    random = np.random.Generator(np.random.Philox(key=3))
    frames = []
    for year in years:
        table = np.round(np.exp(random.standard_normal((20, 4)) * 1.2 + 2.0), 2)
        table[5] = table[6]  # ties
        frame = pl.DataFrame({"unit": [f"u{row:02d}" for row in range(20)], "year": [year] * 20})
        frames.append(frame.with_columns(pl.Series(code, table[:, column]) for column, code in enumerate(CODES)))
    return pl.concat(frames)


@pytest.fixture
def cohort(tmp_path):
    """Run a method on the cohort; the folder of the result and the files."""

    def run_cohort(steps, years=(2020, 2021), values=None):
        write_framework(tmp_path / "f.csv", _framework())
        (_values(years) if values is None else values).write_csv(tmp_path / "v.csv")
        text = yaml.safe_dump({"name": "m", "steps": steps}, sort_keys=False)
        (tmp_path / "m.yaml").write_text(text, encoding="utf-8")
        return compute(tmp_path / "f.csv", tmp_path / "v.csv", tmp_path / "m.yaml", tmp_path / "saved")

    return run_cohort


def _outside(tmp_path, frame):
    frame.write_csv(tmp_path / "outside.csv")
    return compute_outside(tmp_path / "f.csv", tmp_path / "outside.csv", tmp_path / "saved", tmp_path / "out")


@pytest.mark.parametrize("scale", SCALES, ids=str)
def test_a_city_of_the_cohort_scores_outside_what_it_scored_within(tmp_path, cohort, scale):
    _same(tmp_path, cohort([{"normalise": scale}, {"aggregate": {}}]))


@pytest.mark.parametrize("treatment", TREATMENTS, ids=str)
@pytest.mark.parametrize("scale", ["goalposts", "distance_to_target", "percentile"])
def test_so_it_does_after_a_treatment(tmp_path, cohort, treatment, scale):
    normalise = {"method": scale} | ({"constant": "missing"} if scale == "distance_to_target" else {})
    _same(tmp_path, cohort([{"treat": treatment}, {"normalise": normalise}, {"aggregate": {}}]))


def _same(tmp_path, within):
    rows = [row for row, unit in enumerate(within.units) if unit in ("u03", "u05", "u19")]
    outside = _outside(tmp_path, _values().filter(pl.col("unit").is_in(["u03", "u05", "u19"])))
    assert outside.units == tuple(within.units[row] for row in rows)
    np.testing.assert_array_equal(outside.scores, within.scores[rows])
    assert np.isfinite(outside.scores).sum() > 20
    assert np.isnan(outside.ranks).all()


def test_a_city_better_than_the_best_scores_above_the_scale(tmp_path, cohort):
    cohort([{"normalise": {"method": "minmax", "range": [0, 100]}}])
    best = _values().filter(pl.col("year") == 2020)["a"].max()
    worst = _values().filter(pl.col("year") == 2020)["a"].min()
    frame = _values().head(1).with_columns(pl.lit(best + (best - worst)).alias("a"))
    assert _outside(tmp_path, frame).steps[0].table[0, 0] == pytest.approx(200.0, rel=1e-12)


def test_a_value_beyond_the_caps_of_the_cohort_is_capped_and_told_and_others_are_not(tmp_path, cohort):
    cohort([{"treat": {"method": "percentile", "low": 0.1, "high": 0.9}}, {"normalise": {"method": "minmax"}}])
    given = _values().filter(pl.col("year") == 2020)
    middle, cap = given["a"].median(), given["a"].quantile(0.9, "linear")
    frame = given.head(2).with_columns(*(pl.lit(given[code].median()).alias(code) for code in CODES))
    within = _outside(tmp_path, frame).steps[0]
    assert (within.notes, within.treated.any()) == ((), False)
    beyond = _outside(tmp_path, frame.with_columns(pl.Series("a", [middle, 1e6]))).steps[0]
    assert beyond.notes == ("a in 2020: winsorised",)
    assert beyond.table[:, 0].tolist() == [middle, pytest.approx(cap)]
    assert beyond.treated[:, 0].tolist() == [False, True]


def test_a_year_without_parameters_is_refused_by_name(tmp_path, cohort):
    cohort([{"normalise": {"method": "minmax"}}])
    with pytest.raises(ComputationError, match="a in 2030: the saved parameters have no scale of it"):
        _outside(tmp_path, _values().head(1).with_columns(pl.lit(2030).alias("year")))


def test_a_cell_that_the_method_would_fill_must_be_there(tmp_path, cohort):
    cohort([{"normalise": {"method": "minmax"}}, {"impute": {"method": "mean", "only": "A"}}, {"aggregate": {}}])
    _same_cells = _values().head(1)
    assert np.isfinite(_outside(tmp_path, _same_cells).scores).all()
    holes = _same_cells.with_columns(pl.lit(None, dtype=pl.Float64).alias(code) for code in ("b", "c"))
    with pytest.raises(ComputationError, match=r"u00 2020, b: missing; the method fills it") as caught:
        _outside(tmp_path, holes)
    assert len(caught.value.faults) == 1  # c is not filled by the method either


def test_another_framework_is_refused(tmp_path, cohort):
    cohort([{"normalise": {"method": "minmax"}}])
    write_framework(tmp_path / "f.csv", [*_framework()[:-1], _framework()[-1] | {"low": 301}])
    with pytest.raises(SscIndexError, match=r"f\.csv: is not the framework of the run in saved"):
        _outside(tmp_path, _values().head(1))


def test_a_folder_without_a_result_and_the_folder_of_the_parameters_are_refused(tmp_path, cohort):
    cohort([{"normalise": {"method": "minmax"}}])
    paths = tmp_path / "f.csv", tmp_path / "v.csv", tmp_path / "saved"
    with pytest.raises(SscIndexError, match="holds the parameters"):
        compute_outside(*paths, tmp_path / "saved")
    shutil.rmtree(tmp_path / "saved")
    with pytest.raises(SscIndexError, match="saved: holds no result"):
        compute_outside(*paths, tmp_path / "out")


def test_a_step_that_compares_units_is_refused(tmp_path, cohort, monkeypatch):
    cohort([{"normalise": {"method": "minmax"}}, {"aggregate": {}}])
    monkeypatch.setattr("ssc_index.score_outside.ROW_WISE_MEANS", ("geometric",))
    with pytest.raises(MethodError, match=r"steps\[1\]\.aggregate: arithmetic at index compares units"):
        _outside(tmp_path, _values().head(1))
