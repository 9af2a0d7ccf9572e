"""Scores of nodes put on a scale again: percentile ranks of themes, standardised domains, and what is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import rankdata

from ssc_index.audit.report import audit_frames
from ssc_index.errors import ComputationError, MethodError
from ssc_index.score_outside import compute_outside

TREE = [
    {"code": "i", "parent": "", "level": "index"},
    {"code": "A", "parent": "i", "level": "theme"},
    {"code": "B", "parent": "i", "level": "theme"},
    *({"code": c, "parent": c[0].upper(), "direction": "higher", "level": "leaf"} for c in ("a1", "a2", "b1")),
]
VALUES = pl.DataFrame(
    {"unit": list("pqrs"), "a1": [1.0, 4.0, 2.0, 8.0], "a2": [5.0, 1.0, 3.0, 9.0], "b1": [3.0, 1.0, 2.0, 9.0]}
)
RAW = {"normalise": {"method": "none"}}
THEMES = {"aggregate": {"to": "theme"}}


def _again(**way):
    return {"steps": [RAW, THEMES, {"normalise": {"level": "theme", **way}}, {"aggregate": {}}]}


def test_themes_are_ranked_again_as_the_vulnerability_index_does(run):
    done = run(TREE, VALUES, _again(method="percentile", range=[0, 1]))
    result = done.result
    # A: means 3, 2.5, 2.5, 8.5; B: 3, 1, 2, 9
    np.testing.assert_allclose(result.scores[:, 1], (rankdata([3, 2.5, 2.5, 8.5], method="min") - 1) / 3)
    np.testing.assert_allclose(result.scores[:, 2], [2 / 3, 0, 1 / 3, 1])
    np.testing.assert_allclose(result.scores[:, 0], [2 / 3, 0, 1 / 6, 1])
    np.testing.assert_array_equal(result.scores[:, 3], VALUES["a1"])
    assert done.table("step_3_normalise.csv")["A"].to_list() == pytest.approx([2 / 3, 0, 0, 1])
    assert result.ranks[:, 1].tolist() == [2, 3, 3, 1]


def test_a_scale_within_each_year_for_one_node_alone(run):
    values = pl.concat([VALUES.with_columns(year=1), VALUES.with_columns(pl.col("b1") * 2, year=2)])
    result = run(TREE, values, _again(method="zscore", only="B", limits=[None, 1])).result
    b = np.array([3.0, 1, 2, 9])
    expected = np.minimum((b - b.mean()) / b.std(ddof=1), 1.0)
    np.testing.assert_allclose(result.scores[:, 2], [*expected, *expected], rtol=1e-14)
    np.testing.assert_array_equal(result.scores[:4, 1], [3, 2.5, 2.5, 8.5])
    assert result.steps[2].notes == ("B: scores set to a limit: 2",)


def test_domains_of_ranks_are_made_exponential_as_in_the_indices_of_deprivation(run):
    # Noble and others, English Indices of Deprivation: −23 ln(1 − R (1 − exp(−100/23))) of a rank R on (0, 1)
    tree = [*TREE[:3], *({**node, "level": "domain"} for node in [{"code": "X", "parent": "A"}]), *TREE[3:]]
    tree[4:6] = [{**node, "parent": "X"} for node in tree[4:6]]
    formula = {"formula": "-23 * ln(1 - X * (1 - exp(-100 / 23)))"}
    steps = [
        RAW,
        {"aggregate": {"to": "domain"}},
        {"normalise": {"method": "percentile", "range": [0, 1], "level": "domain"}},
    ]
    result = run(tree, VALUES, {"steps": [*steps, {"aggregate": {"levels": {"A": formula}}}]}).result
    ranks = np.array([2 / 3, 0, 0, 1])
    np.testing.assert_allclose(result.scores[:, 1], -23 * np.log(1 - ranks * (1 - np.exp(-100 / 23))), atol=1e-12)
    assert result.scores[3, 1] == pytest.approx(100)


def test_the_root_may_be_put_on_a_scale_and_a_unit_outside_by_the_same_numbers(run, tmp_path):
    steps = [RAW, {"aggregate": {}}, {"normalise": {"method": "minmax", "level": "index", "range": [0, 10]}}]
    done = run(TREE, VALUES, {"steps": steps})
    means = np.array([3.0, 1.75, 2.25, 8.75])
    np.testing.assert_allclose(done.result.scores[:, 0], 10 * (means - 1.75) / 7)
    outside = compute_outside(tmp_path / "framework.csv", tmp_path / "values.csv", done.out, tmp_path / "other")
    np.testing.assert_array_equal(outside.scores, done.result.scores)


def test_a_treatment_does_not_look_at_bounds_of_nodes(run):
    # bounds of 100 and 1000 are of the node's scores; a logarithm of the values starts from the values alone
    steps = [
        {"treat": {"method": "log_orig"}},
        RAW,
        THEMES,
        {"normalise": {"level": "theme", "method": "scaled", "bounds": [0, 1]}},
    ]
    result = run(TREE, VALUES, {"steps": [*steps, {"aggregate": {}}]}).result
    np.testing.assert_allclose(result.steps[0].table[:, 0], np.log(VALUES["a1"].to_numpy()), rtol=1e-14)


def test_an_audit_takes_nodes_on_a_scale_as_they_are(run):
    frames = audit_frames(run(TREE, VALUES, _again(method="zscore")).result)
    found = frames["discrimination"].filter(pl.col("node") == "A").row(0, named=True)
    assert found["sd"] == pytest.approx(1.0)


def test_one_node_may_have_another_way(run):
    ways = {"method": "minmax", "range": [0, 1], "overrides": {"B": {"method": "rank"}, "A": {"range": [0, 6]}}}
    result = run(TREE, VALUES, _again(**ways)).result
    assert result.scores[:, 2].tolist() == [3, 1, 2, 4]
    np.testing.assert_allclose(result.scores[:, 1], [0.5, 0, 0, 6])
    with pytest.raises(MethodError, match=r"overrides\.B\.level: not within an override"):
        run(TREE, VALUES, _again(method="rank", overrides={"B": {"level": "index"}}))


def test_equal_scores_have_no_scale(run):
    with pytest.raises(ComputationError, match="A: all units have the same value, so minmax has no score"):
        run(TREE, VALUES.with_columns(pl.lit(1.0).alias("a1"), pl.lit(1.0).alias("a2")), _again(method="minmax"))


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (
            [RAW, {"normalise": {"method": "rank", "level": "theme"}}],
            "A, B are not aggregated yet; aggregate up to theme",
        ),
        (
            [RAW, {"aggregate": {}}, {"normalise": {"method": "rank", "level": "theme"}}],
            "comes after the aggregation of A, B",
        ),
        (
            [RAW, THEMES, {"normalise": {"method": "rank", "level": "leaf"}}],
            "'leaf' is no level above the indicators: index, th",
        ),
        ([RAW, THEMES, {"normalise": {"method": "rank", "level": "theme", "only": "i"}}, {"aggregate": {}}], None),
        (
            [RAW, THEMES, {"normalise": {"method": "rank", "level": "theme", "only": "a1"}}],
            "no node of level theme lies there",
        ),
        (
            [RAW, THEMES, {"normalise": {"method": "none", "level": "theme"}}],
            "A, B are scores; method none changes nothing",
        ),
        ([RAW, THEMES, {"normalise": {"method": "goalposts", "level": "theme"}}], "A, B have no goalposts"),
        (
            [RAW, THEMES, {"normalise": {"method": "scaled", "bounds": [1, 0], "level": "theme"}}],
            "for A they must rise",
        ),
    ],
)
def test_what_cannot_be_put_on_a_scale_is_named(run, steps, said):
    if said is None:  # nodes beneath the one that is named
        assert run(TREE, VALUES, {"steps": steps}).result.scores[:, 2].tolist() == [3, 1, 2, 4]
        return
    with pytest.raises(MethodError, match=said):
        run(TREE, VALUES, {"steps": steps})
