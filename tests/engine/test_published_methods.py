"""The methods of published indices as files, run on the made-up cities of examples/steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata

PROJECT = Path(__file__).parents[2]
METHODS = sorted((PROJECT / "methods" / "published").glob("*.yaml"))
STEPS = PROJECT / "examples" / "steps"


@pytest.fixture
def computed(run):
    def run_file(name):
        return run(
            STEPS / "framework.csv", STEPS / "values.csv", PROJECT / "methods" / "published" / f"{name}.yaml"
        ).result

    return run_file


def test_there_are_five_beside_the_two_of_the_examples():
    assert [path.stem for path in METHODS] == ["ampi", "epi-style", "gii-style", "mpi", "percentile-rank"]


@pytest.mark.parametrize("path", METHODS, ids=lambda path: path.stem)
def test_every_published_method_runs_and_ranks_some_city(run, path):
    done = run(STEPS / "framework.csv", STEPS / "values.csv", path)
    assert np.isfinite(done.result.ranks[:, 0]).sum() > 5


def _children(result, node):
    return [result.nodes.index(child.code) for child in result.framework.children[node]]


def test_percentile_ranks_are_those_of_scipy(computed):
    result = computed("percentile-rank")
    for _, rows in result.values.year_slices():
        for column, node in enumerate(result.framework.indicators):
            values = result.values.values[rows, column]
            there = ~np.isnan(values)
            signed = values[there] if node.direction == "higher" else -values[there]
            expected = (rankdata(signed, method="min") - 1) / (there.sum() - 1)
            np.testing.assert_allclose(result.steps[0].table[rows, column][there], expected, rtol=1e-12)
    index = result.scores[:, 0]
    np.testing.assert_allclose(index, result.scores[:, _children(result, "index")].mean(axis=1), rtol=1e-12)


def test_the_epi_runs_from_the_fifth_to_the_ninety_fifth_percentile_of_all_years(computed):
    result = computed("epi-style")
    filled, scores = result.steps[0].table, result.steps[2].table
    assert np.isnan(result.values.values).sum() > np.isnan(filled).sum()
    for column, node in enumerate(result.framework.indicators):
        low, high = np.nanquantile(filled[:, column], [0.05, 0.95])
        expected = 100 * (np.clip(filled[:, column], low, high) - low) / (high - low)
        if node.direction == "lower":
            expected = 100 - expected
        np.testing.assert_allclose(scores[:, column], expected, rtol=1e-9, atol=1e-9)
    children = result.scores[:, _children(result, "index")]
    np.testing.assert_allclose(result.scores[:, 0], np.nanmean(children, axis=1), rtol=1e-12)


def test_the_gii_takes_the_mean_of_scores_between_the_worst_and_the_best_treated_value(computed):
    result = computed("gii-style")
    treated, scores = result.steps[1].table, result.steps[2].table
    for _, rows in result.values.year_slices():
        for column, node in enumerate(result.framework.indicators):
            block = treated[rows, column]
            low, high = np.nanmin(block), np.nanmax(block)
            expected = 100 * (block - low) / (high - low)
            expected = expected if node.direction == "higher" else 100 - expected
            np.testing.assert_allclose(scores[rows, column], expected, rtol=1e-9, atol=1e-9)


def _whole(parts):
    """Rows below the coverage of the methods, which is all children, take no part in means and extremes."""
    return np.where(np.isnan(parts).any(axis=1)[:, None], np.nan, parts)


def test_the_mpi_takes_the_penalty_of_its_formula(computed):
    result = computed("mpi")
    kids = _children(result, "env")
    for _, rows in result.values.year_slices():
        parts = _whole(result.scores[rows][:, kids])
        standard = 100 + 10 * (parts - np.nanmean(parts, axis=0)) / np.nanstd(parts, axis=0)
        expected = standard.mean(axis=1) - standard.var(axis=1) / standard.mean(axis=1)
        np.testing.assert_allclose(result.scores[rows, result.nodes.index("env")], expected, rtol=1e-9)


def test_the_ampi_takes_the_penalty_of_its_formula(computed):
    result = computed("ampi")
    parts = _whole(result.scores[:, _children(result, "env")])
    spread = np.nanmax(parts, axis=0) - np.nanmin(parts, axis=0)
    standard = 100 + 60 * (parts - np.nanmean(parts, axis=0)) / spread
    expected = standard.mean(axis=1) - standard.var(axis=1) / standard.mean(axis=1)
    np.testing.assert_allclose(result.scores[:, result.nodes.index("env")], expected, rtol=1e-9)
