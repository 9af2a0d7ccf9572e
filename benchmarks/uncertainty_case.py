"""The case that the benchmarks of uncertainty and sensitivity share: 91 indicators in five levels, 20 % missing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Framework, Node
from ssc_index.method import method_from_mapping
from ssc_index.uncertainty.case import Case, case_of
from ssc_index.uncertainty.grades import GRADES
from ssc_index.values import values_from_columns

LEVELS = ("index", "dimension", "sub_dimension", "category", "indicator")
COUNTS = (1, 3, 7, 22, 91)
MEANS = ("arithmetic", "geometric", "harmonic")
STEPS = [
    {"impute": {"method": "none"}},
    {"normalise": {"method": "goalposts", "range": [1, 100], "clip": True}},
    {
        "aggregate": {
            "levels": {"index": "geometric"},
            "min_coverage": {"index": 1.0, "dimension": 0.5, "sub_dimension": 0.5, "category": 0.2},
            "floor": 1,
        }
    },
]


def framework() -> Framework:
    """91 → 22 → 7 → 3 → 1; every third indicator is better where it is less."""
    nodes = []
    for depth, count in enumerate(COUNTS):
        for number in range(count):
            parent = None if depth == 0 else f"{LEVELS[depth - 1]}_{number * COUNTS[depth - 1] // count}"
            leaf = depth == len(COUNTS) - 1
            less = leaf and number % 3 == 0
            nodes.append(
                Node(
                    code=f"{LEVELS[depth]}_{number}",
                    parent=parent,
                    name="",
                    level=LEVELS[depth],
                    direction=("lower" if less else "higher") if leaf else None,
                    low=(95.0 if less else 5.0) if leaf else None,
                    high=(5.0 if less else 95.0) if leaf else None,
                )
            )
    return framework_from_nodes(nodes)


def inputs(measured: bool) -> dict[str, Any]:
    """Weights, three alternatives each of scale, imputation and mean by level, exclusion; errors if measured."""
    found: dict[str, Any] = {
        "imputation": {
            "kind": "alternatives",
            "step": "impute",
            "options": [{}, {"method": "median"}, {"method": "group_mean", "group": "region"}],
        },
        "normalisation": {
            "kind": "alternatives",
            "step": "normalise",
            "options": [{}, {"method": "minmax", "range": [1, 100]}, {"method": "zscore", "mean": 50, "sd": 10}],
        },
        "weights": {"kind": "weight_noise", "at": list(LEVELS[1:]), "factor": 0.25},
        "exclusion": {"kind": "exclusion", "nodes": ["indicator", "category"], "probability": 0.5},
    }
    for level in LEVELS[:-1]:
        found[f"mean_of_{level}"] = {
            "kind": "alternatives",
            "step": "aggregate",
            "options": [{"levels": {level: mean}} for mean in MEANS],
        }
    if measured:
        found["errors"] = {"kind": "measurement"}
    return found


def case(units: int, replications: int, measured: bool) -> Case:
    """The case for a number of cities."""
    tree = framework()
    generator = np.random.default_rng(2026)
    codes = tree.codes
    table = np.clip(generator.normal(50, 12, (units, 1)) + generator.normal(0, 15, (units, len(codes))), 1, 99)
    table[generator.random(table.shape) < 0.2] = np.nan
    labels = [f"region {unit % 5}" for unit in range(units)]
    values = values_from_columns([f"c{unit:05d}" for unit in range(units)], None, codes, table, {"region": labels})
    section = {"seed": 2026, "replications": replications, "inputs": inputs(measured)}
    method = method_from_mapping({"name": "benchmark", "steps": STEPS, "uncertainty": section})
    grades = np.array(list(GRADES), dtype=object)[generator.integers(0, len(GRADES), table.shape)]
    bounds = np.array([[0.0], [100.0]]) * np.ones(len(codes))
    return case_of(values, tree, method, grades=grades if measured else None, bounds=bounds)
