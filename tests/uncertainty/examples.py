"""A small index with everything that can be uncertain about it, missing values included."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Framework, Node
from ssc_index.method import Method, method_from_mapping
from ssc_index.uncertainty.case import Case, case_of
from ssc_index.values import Values, values_from_columns

GRADES = ["", "accurate_measurements", "extrapolated_survey", "personal_estimation", "unknown_method"]
MEASUREMENT = {"kind": "measurement", "undeclared": {"relative": 0.1}}
NORMALISATION = {
    "kind": "alternatives",
    "step": "normalise",
    "options": [
        {},
        {"method": "minmax", "range": [1, 100]},
        {"method": "zscore", "mean": 50, "sd": 10},
    ],
}
IMPUTATION = {
    "kind": "alternatives",
    "step": "impute",
    "options": [{}, {"method": "median"}, {"method": "group_mean", "group": "region"}],
}
MEANS = {
    "kind": "alternatives",
    "step": "aggregate",
    "options": [{"levels": {"pillar": mean}} for mean in ("arithmetic", "geometric")],
}
TOP = {
    "kind": "alternatives",
    "step": "aggregate",
    "options": [{"levels": {"index": mean}} for mean in ("arithmetic", "geometric")],
    "probabilities": [1, 3],
}
NOISE_OF_WEIGHTS = {"kind": "weight_noise", "at": "indicator", "factor": 0.25}
DIRICHLET = {"kind": "weight_dirichlet", "at": "pillar", "concentration": 30}
EXPERTS = {
    "kind": "weight_table",
    "experts": [{"p0": 1.0, "p1": 2.0, "p2": 1.0}, {"p0": 3.0, "p1": 1.0, "p2": 0.0}],
    "bootstrap": True,
}
EXCLUSION = {"kind": "exclusion", "nodes": ["indicator", "p2"], "probability": 0.8}
GOALPOSTS = {"kind": "goalposts", "options": [{}, {"x00": [0.0, 60.0], "x21": [90.0, 20.0]}]}
EVERYTHING: dict[str, Any] = {
    "normalisation": NORMALISATION,
    "imputation": IMPUTATION,
    "means": MEANS,
    "top": TOP,
    "weights": NOISE_OF_WEIGHTS,
    "pillars": DIRICHLET,
    "exclusion": EXCLUSION,
    "errors": MEASUREMENT,
    "goalposts": GOALPOSTS,
}
STEPS = [
    {"impute": {"method": "none"}},
    {"screen": {"min_coverage": 0.4}},
    {"normalise": {"method": "goalposts", "range": [0, 100], "clip": True}},
    {
        "aggregate": {
            "levels": {"index": "geometric"},
            "min_coverage": {"pillar": 0.5, "index": 1.0},
            "floor": 1.0,
        }
    },
]


def framework() -> Framework:
    """Three pillars of two to four indicators; less is better in some."""
    nodes = [Node(code="index", parent=None, name="Index", level="index")]
    for pillar, count in enumerate((4, 2, 3)):
        nodes.append(Node(code=f"p{pillar}", parent="index", name="", level="pillar", weight=1.0 + pillar))
        for number in range(count):
            less = number % 2 == 1
            nodes.append(
                Node(
                    code=f"x{pillar}{number}",
                    parent=f"p{pillar}",
                    name="",
                    level="indicator",
                    direction="lower" if less else "higher",
                    transform="sqrt" if (pillar, number) == (0, 2) else "none",
                    low=90.0 if less else 10.0,
                    high=10.0 if less else 90.0,
                    weight=1.0 + number,
                )
            )
    return framework_from_nodes(nodes)


def values(units: int = 23, missing: float = 0.2, seed: int = 5) -> Values:
    """Values between 0 and 100 with holes, and a group."""
    codes = framework().codes
    generator = np.random.default_rng(seed)
    table = generator.uniform(5, 95, (units, len(codes)))
    table[generator.random(table.shape) < missing] = np.nan
    labels = [["north", "south"][unit % 2] for unit in range(units)]
    return values_from_columns([f"u{unit:03d}" for unit in range(units)], None, codes, table, {"region": labels})


def method(inputs: dict[str, Any], **more: Any) -> Method:
    """The small method with what varies."""
    rank = more.pop("rank", {})
    section = {"seed": 11, "replications": 64, "inputs": inputs, **more}
    return method_from_mapping({"name": "small", "steps": STEPS, "rank": rank, "uncertainty": section})


def case(inputs: dict[str, Any], units: int = 23, **more: Any) -> Case:
    """The small index with what varies; grades by turns, bounds at 0 and 100."""
    given = values(units)
    grades = np.array(GRADES)[np.arange(given.values.size).reshape(given.values.shape) % len(GRADES)]
    bounds = np.array([[0.0], [100.0]]) * np.ones(len(given.codes))
    return case_of(given, framework(), method(inputs, **more), grades=grades, bounds=bounds)
