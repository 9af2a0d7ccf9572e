"""Sensitivity against what COINr recorded: its design replayed run by run, its indices from the recorded runs.

What its runs vary is in the README of the golden files: imputation (2 ways), normalisation (3), weights (100 drawn
sets), points of winsorisation (1 to 5). y = mean over 51 units of |rank - nominal rank|.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ssc_index.framework.load import framework_from_nodes
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping
from ssc_index.sensitivity.model import groups_from_sizes
from ssc_index.sensitivity.sobol import indices_of_outputs, sensitivity

INPUTS = ("Imputation", "Normalisation", "Weights", "Winmax")
NORMALISATIONS = (
    {"method": "minmax", "range": [0, 100]},
    {"method": "zscore", "mean": 50, "sd": 10},
    {"method": "percentile", "range": [0, 1]},
)
# COINr divides the variance of the 2N runs of A and B by 2N - 1, we by 2N as SALib does.
SEED_1, ISHIGAMI = 199 / 200, 511 / 512


@pytest.fixture
def replicate(coinr, run):
    """One run of COINr's specification through the whole engine: its settings in, y out."""
    drawn = coinr.frame("sens_noisy_weights", "iCode")
    seen: dict[tuple[object, ...], float] = {}

    def steps(imputation: str, normalisation: int, points: int) -> list[dict[str, object]]:
        return [
            {"impute": {"method": imputation, "group": "EurAsia_group"}},
            {"treat": {"method": "winsorise", "max_points": points}},
            {"normalise": NORMALISATIONS[normalisation - 1]},
            {"aggregate": {}},
        ]

    values = coinr.values("ex_2_denominated", "EurAsia_group")
    nominal = run(coinr.framework(), values, {"steps": steps("group_mean", 1, 5)}).result

    def replication(imputation: str, normalisation: int, weights: int, points: int) -> float:
        key = (imputation, normalisation, weights, points)
        if key not in seen:
            weight = dict(zip(drawn["iCode"], drawn[f"w{weights}"].cast(pl.Float64), strict=True))
            nodes = [node.model_copy(update={"weight": weight[node.code]}) for node in nominal.framework.nodes]
            method = method_from_mapping({"name": "run", "steps": steps(imputation, normalisation, points)})
            result = compute_index(nominal.values, framework_from_nodes(nodes), method)
            seen[key] = float(np.abs(result.ranks[:, 0] - nominal.ranks[:, 0]).mean())
        return seen[key]

    return replication


def recorded(coinr, name: str, n: int, groups: int):
    """Outputs of A, B and every AB of a recorded design, one output each."""
    y = coinr.frame(name, "rep")["y"].to_numpy()
    return y[:n, None], y[n : 2 * n, None], y[2 * n :].reshape(groups, n, 1)


def test_every_run_of_the_recorded_design_is_replayed(coinr, replicate):
    design = coinr.frame("sa_seed1_design", "rep")
    ways = {"i_mean_grp": "group_mean", "i_median_grp": "group_median"}
    ours = [replicate(ways[imputation], *rest) for imputation, *rest in design.select(INPUTS).iter_rows()]
    assert len(ours) == 600
    np.testing.assert_allclose(ours, design["y"], rtol=0, atol=1e-12)


def test_total_indices_of_the_recorded_design(coinr):
    theirs = coinr.frame("sa_indices_3seeds", "Variable").filter(pl.col("seed") == 1).sort("Variable")
    found = indices_of_outputs(INPUTS, *recorded(coinr, "sa_seed1_design", 100, 4))
    np.testing.assert_allclose(found.total[:, 0] * SEED_1, theirs["STi"], rtol=1e-9)
    np.testing.assert_allclose(found.variance / SEED_1, theirs["varY"][0], rtol=1e-12)
    assert theirs["Variable"].to_list() == list(INPUTS)


def test_first_order_indices_of_the_recorded_design_are_theirs_but_for_the_mean(coinr):
    """They leave B as it is; we take the mean of all A and B from it first, and their index comes back with it."""
    theirs = coinr.frame("sa_indices_3seeds", "Variable").filter(pl.col("seed") == 1).sort("Variable")
    a, b, ab = recorded(coinr, "sa_seed1_design", 100, 4)
    found = indices_of_outputs(INPUTS, a, b, ab)
    bias = found.mean * (ab - a).mean(axis=1) / found.variance
    np.testing.assert_allclose((found.first + bias)[:, 0] * SEED_1, theirs["Si"], rtol=1e-9)
    # 1.035 becomes 0.804: an index above one was the mean's doing.
    np.testing.assert_allclose(found.first[:, 0] * SEED_1, [0.0102, 0.8040, 0.2519, 0.0912], atol=5e-5)


def test_ishigami_as_they_sampled_it(coinr):
    y = coinr.frame("sa_ishigami_in", "")["y"].to_numpy()
    theirs = coinr.frame("sa_ishigami_out", "Variable")
    found = indices_of_outputs(("V1", "V2", "V3"), y[:256, None], y[256:512, None], y[512:].reshape(3, 256, 1))
    np.testing.assert_allclose(found.total[:, 0] * ISHIGAMI, theirs["STi"], rtol=1e-9)
    np.testing.assert_allclose(found.variance / ISHIGAMI, theirs["Variance"][0], rtol=1e-9)


def test_indices_of_a_design_of_our_own_lie_within_what_three_seeds_gave(coinr, replicate):
    """Their seeds spread (0.88, 0.77, 0.65 for normalisation); ours must agree with each within both errors."""

    def model(rows):
        place = [np.minimum((rows[:, i] * size).astype(int), size - 1) for i, size in enumerate((2, 3, 100, 5))]
        ways = ("group_mean", "group_median")
        return np.array(
            [[replicate(ways[i], n + 1, w + 1, p + 1)] for i, n, w, p in zip(*(p.tolist() for p in place), strict=True)]
        )

    found = sensitivity(model, groups_from_sizes(dict.fromkeys(INPUTS, 1)), 64, 2026)
    three = coinr.frame("sa_indices_3seeds", "Variable")
    for position, name in enumerate(INPUTS):
        ours, ours_error = found.total[position, 0], found.total_error[position, 0]
        for low, high, theirs in (
            three.filter(pl.col("Variable") == name).select("STi_q5", "STi_q95", "STi").iter_rows()
        ):
            error = (high - low) / 2 / 1.645
            assert abs(ours - theirs) < 3 * np.hypot(ours_error, error), name
    assert np.argsort(-found.total[:, 0]).tolist() == [1, 2, 3, 0]  # normalisation, weights, winsorisation, imputation
