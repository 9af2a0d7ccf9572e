"""Any tree, any values, any method: a result without infinities, or an error of ours that names what is wrong."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from ssc_index.audit.report import audit_frames
from ssc_index.errors import SscIndexError
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Framework, Node
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping
from ssc_index.values import Values, values_from_columns

TRANSFORMS = ["none"] * 20 + ["ln", "sqrt", "log10", "ln(x+1)", "gap_to_target", "log2(x+0.5)"]
RULES: list[Any] = [
    *(
        "arithmetic",
        "geometric",
        "harmonic",
        "median",
        "minimum",
        "mpi",
        "ampi",
        "bod",
        "borda",
        "copeland",
        "unobserved",
    ),
    *({"generalised": {"p": p}} for p in (2, -1, 0.5)),
    *({"owa": {"power": 2}}, {"counting": {"cutoff": 0.4, "range": [0, 100]}}, {"formula": "0 * i"}),
]
SCALES: list[dict[str, Any]] = [
    *({"method": name, "constant": "middle"} for name in ("distance_to_max", "distance_to_target", "fraction_of_max")),
    *({"method": name, "constant": "middle"} for name in ("minmax", "zscore", "logistic", "percentile")),
    *({"method": name} for name in ("goalposts", "rank", "borda", "none", "cutoff", "minmax", "zscore")),
    {"method": "minmax", "range": [1, 100], "constant": "missing", "limits": [20, None]},
    {"method": "distance_to_reference", "unit": "u0", "constant": "missing"},
    {"method": "categorical", "percentiles": [0.3, 0.6], "scores": [0, 1, 2]},
    {"method": "scaled", "bounds": [1, 2], "clip": True},
]
TREATMENTS: list[dict[str, Any]] = [
    *({"method": name, "no_spread": "keep"} for name in ("iqr", "mad", "log", "log_plus", "log_orig", "yeojohnson")),
    *({"method": "winsorise", "skew": 0.5, "kurtosis": 0.1, "fallback": name} for name in ("log", "boxcox", "none")),
    {"method": "percentile", "low": 0.1, "high": 0.9},
    {"method": "log_offset", "offset": 1.5, "base": 10},
    {"method": "log_gii", "factor": 100.0, "no_spread": "keep"},
]
FILLS: list[dict[str, Any]] = [
    *({"method": name} for name in ("mean", "median", "last_value", "linear", "constant", "neighbours", "none")),
    *({"method": name, "group": "g"} for name in ("group_mean", "group_median")),
    *({"method": name, "ridge": 0.3, "over": "panel", "max_iterations": 200} for name in ("em",)),
    {"method": "multiple", "ridge": 0.3, "draws": 2, "seed": 1},
    {"method": "within_mean", "within": "i"},
    {"method": "regression", "predictors": ["x0"]},
]
WEIGHTS = [
    {"method": name} for name in ("equal", "critic", "entropy", "deviation", "bod", "factor", "optimised", "pca")
]


def _tree(draw: random.Random) -> Framework:
    """A root, up to four nodes with children, indicators of any kind."""
    nodes, inner = [Node(code="i", parent=None, name="", level="")], ["i"]
    for number in range(draw.randint(0, 4)):
        weight = draw.choice([1.0, 0.0, 2.5])
        nodes.append(Node(code=f"N{number}", parent=draw.choice(inner), name="", level="", weight=weight))
        inner.append(f"N{number}")
    bare = [code for code in inner if not any(node.parent == code for node in nodes)]
    for number in range(max(draw.randint(1, 7), len(bare))):
        transform, direction = draw.choice(TRANSFORMS), draw.choice(["higher", "lower"])
        low, high = sorted(draw.sample([0.1, 0.5, 1.0, 5.0, 20.0], 2), reverse=direction == "lower")
        gap = transform == "gap_to_target"
        nodes.append(
            Node(
                code=f"x{number}",
                parent=bare[number] if number < len(bare) else draw.choice(inner),
                name="",
                level="",
                direction="lower" if gap else direction,
                transform=transform,
                low=None if gap else low,
                high=None if gap else high,
                target=draw.choice([None, 3.0]) if not gap and number % 5 == 4 else 3.0,
                weight=draw.choice([1.0, 1.0, 0.0, 3.0]),
            )
        )
    weightless = {code for code in inner if not any(node.weight for node in nodes if node.parent == code)}
    return framework_from_nodes(
        node.model_copy(update={"weight": 1.0}) if node.parent in weightless else node for node in nodes
    )


def _values(draw: random.Random, framework: Framework, hard: bool) -> Values:
    """Units that come and go; holes, constants, extremes, and if hard values of 0 and less."""
    years: list[int] | None = draw.choice([None, [2020], [2019, 2020, 2022]])
    rows = [(f"u{unit}", year) for year in years or [0] for unit in range(draw.choice([1, 2, 3, 6, 15]))]
    rows = [row for row in rows if draw.random() > 0.1] or rows[:1]
    table = np.array([[draw.random() * 9 + 1 for _ in framework.codes] for _ in rows])
    for column in range(table.shape[1]):
        shape = draw.random()
        table[:, column] = np.exp(table[:, column]) if shape < 0.1 else 2.0 if shape < 0.2 else table[:, column]
        holes = [draw.random() < (1.0 if 0.2 < shape < 0.25 else 0.15) for _ in rows]
        table[holes, column] = math.nan
        table[[hard and draw.random() < 0.1 for _ in rows], column] = draw.choice([0.0, -1.0])
    return values_from_columns(
        [unit for unit, _ in rows],
        None if years is None else [year for _, year in rows],
        framework.codes,
        table,
        {"g": [draw.choice(["a", "b", None]) for _ in rows]},
    )


def _method(draw: random.Random, framework: Framework) -> dict[str, Any]:
    """Steps in an order that may or may not make sense."""
    names = [*framework.levels[:-1], *framework.children, *framework.levels[:-1], framework.codes[0]]

    def some(choices: list[dict[str, Any]]) -> dict[str, Any]:
        way = dict(draw.choice(choices))
        return {**way, "only": [draw.choice(names)]} if draw.random() < 0.15 else way

    def scale() -> dict[str, Any]:
        way = some(SCALES)
        fixed = way["method"] in ("goalposts", "none", "cutoff", "scaled")
        return way if fixed else {**way, "over": draw.choice(["year", "year", "panel"])}

    def aggregate(**more: Any) -> dict[str, Any]:
        rule = draw.choice(RULES)
        way = {"method": rule, **more}
        if rule in ("geometric", "harmonic") or (isinstance(rule, dict) and "generalised" in rule):
            way["floor"] = draw.choice([0, 1])
        if draw.random() < 0.15:
            way["levels"] = {draw.choice(names): draw.choice(["arithmetic", "minimum"])}
        extras: list[dict[str, Any]] = [
            {"min_coverage": draw.choice([0.5, 1.0])},
            {"leave_out": [draw.choice(framework.codes)]},
            {} if "to" in more else {"blend": {"group": "g", "share": 0.3, "at": ["i"]}},
        ]
        return {**way, **(draw.choice(extras) if draw.random() < 0.5 else {})}

    steps: list[dict[str, Any]] = []
    for chance, name, make in (
        (0.2, "screen", lambda: draw.choice([{"min_coverage": 0.5}, {"min_nonzero": 0.3}])),
        (0.4, "treat", lambda: some(TREATMENTS)),
        (0.4, "impute", lambda: some(FILLS)),
        (1.0, "normalise", scale),
        (0.05, "normalise", scale),
        (0.3, "impute", lambda: some(FILLS)),
        (0.2, "weights", lambda: dict(draw.choice(WEIGHTS))),
    ):
        if draw.random() < chance:
            steps.append({name: make()})
    if draw.random() < 0.3 and len(framework.levels) > 2:
        level = framework.levels[1]
        steps.append({"aggregate": aggregate(to=level)})
        if draw.random() < 0.7:
            steps.append({"normalise": {**scale(), "level": level}})
    return {"name": "any", "steps": [*steps, {"aggregate": aggregate()}]}


def run_any(seed: int, hard: bool, audit: bool = False) -> bool:
    """Compute one; whether there is a result."""
    draw = random.Random(seed)
    framework = _tree(draw)
    values, method = _values(draw, framework, hard), _method(draw, framework)
    try:
        result = compute_index(values, framework, method_from_mapping(method))
        if audit:
            audit_frames(result)
    except SscIndexError:
        return False
    assert not np.isinf(result.scores).any()
    np.testing.assert_array_equal(np.isnan(result.ranks), np.isnan(result.scores))
    return True


@pytest.mark.parametrize("hard", [False, True])
def test_any_method_gives_a_result_or_says_why_not(hard):
    done = [run_any(seed, hard) for seed in range(120)]
    assert 20 < sum(done) < 100  # both happen


@pytest.mark.parametrize("seed", [3, 17])
def test_any_result_can_be_audited(seed):
    assert any(run_any(number, False, True) for number in range(20 * seed, 20 * seed + 12))
