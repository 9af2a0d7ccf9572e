"""The 100 replications that COINr recorded on its ASEM example, computed again from their recorded choices.

The choices are two imputations, three normalisations, a hundred tables of weights and five depths of winsorisation.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ssc_index.files import read_values
from ssc_index.framework.load import read_framework_csv
from ssc_index.method import method_from_mapping
from ssc_index.rank import rank_descending
from ssc_index.uncertainty.case import Case, Choices, case_of
from ssc_index.uncertainty.plain import built, scores_of
from tests.engine.conftest import Coinr, write_framework

IMPUTATIONS = ["i_mean_grp", "i_median_grp"]
METHOD = {
    "name": "asem",
    "steps": [
        {"impute": {"method": "group_mean", "group": "EurAsia_group"}},
        {"treat": {"method": "winsorise", "max_points": 5}},
        {"normalise": {"method": "minmax", "range": [0, 100]}},
        {"aggregate": {}},
    ],
}


@pytest.fixture(scope="module")
def coinr(goldens) -> Coinr:
    return Coinr(goldens / "coinr_asem")


@pytest.fixture(scope="module")
def case(coinr, tmp_path_factory) -> Case:
    """The recorded analysis as a method file has it."""
    folder = tmp_path_factory.mktemp("asem")
    framework = read_framework_csv(write_framework(folder / "framework.csv", coinr.framework()))
    coinr.values("ex_2_denominated", "EurAsia_group").write_csv(folder / "values.csv")
    values = read_values(folder / "values.csv", framework)
    weights = coinr.frame("sens_noisy_weights", key="iCode")
    experts = [
        {code: float(weight) for code, weight in zip(weights["iCode"], weights[f"w{number}"], strict=True)}
        for number in range(1, 101)
    ]
    inputs = {
        "imputation": {
            "kind": "alternatives",
            "step": "impute",
            "options": [{}, {"method": "group_median", "group": "EurAsia_group"}],
        },
        "normalisation": {
            "kind": "alternatives",
            "step": "normalise",
            "options": [
                {},
                {"method": "zscore", "mean": 50, "sd": 10},
                {"method": "percentile", "range": [0, 1]},
            ],
        },
        "weights": {
            "kind": "weight_table",
            "experts": [{code: one[code] for code in one if code != "Index"} for one in experts],
        },
        "winsorisation": {
            "kind": "alternatives",
            "step": "treat",
            "options": [{"max_points": number} for number in range(1, 6)],
        },
    }
    method = method_from_mapping({**METHOD, "uncertainty": {"seed": 1, "replications": 100, "inputs": inputs}})
    return case_of(values, framework, method)


@pytest.fixture(scope="module")
def recorded(coinr, case) -> Choices:
    """The recorded choices in our words."""
    rows = coinr.frame("ua_seed1_params", key="rep").sort("rep")
    experts = case.section.inputs["weights"].experts
    weights = np.repeat(case.base_weights[None, :], rows.height, axis=0)
    for row, number in enumerate(rows["Weights"].to_list()):
        for code, weight in experts[number - 1].items():
            weights[row, case.position[code]] = weight
    return Choices(
        options={
            "imputation": np.array([IMPUTATIONS.index(name) for name in rows["Imputation"]]),
            "normalisation": rows["Normalisation"].to_numpy() - 1,
            "winsorisation": rows["Winmax"].to_numpy() - 1,
        },
        weights=weights,
        excluded=np.full(rows.height, -1),
        noise=np.zeros(rows.height, dtype=np.uint64),
    )


def test_every_recorded_replication_is_replayed(coinr, case, recorded):
    scores, ranks = coinr.frame("ua_seed1_scores"), coinr.frame("ua_seed1_ranks")
    assert scores["uCode"].to_list() == list(case.values.units)
    for number in range(100):
        ours = scores_of(case, built(case, recorded, number))[:, case.position["Index"]]
        np.testing.assert_allclose(ours, scores[f"r_{number + 1}"].to_numpy(), rtol=1e-9, err_msg=str(number))
        np.testing.assert_array_equal(rank_descending(ours), ranks[f"r_{number + 1}"].cast(pl.Float64).to_numpy())
