"""The sensitivity of an index: scores and ranks of all cities as outputs, its uncertain inputs as groups.

What belongs here: how a case of the uncertainty analysis becomes a model with groups, and the table of its indices.
What does not: the estimators (`sobol.py`) and the computation of a replication (`ssc_index/uncertainty/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ssc_index.method import Rank
from ssc_index.rank import rank_descending
from ssc_index.sensitivity.alternatives import Alternative, choices
from ssc_index.sensitivity.model import Group
from ssc_index.sensitivity.sobol import Indices
from ssc_index.uncertainty import plain
from ssc_index.uncertainty.case import Case
from ssc_index.uncertainty.inputs import (
    Alternatives,
    AnyInput,
    Exclusion,
    Goalposts,
    Measurement,
    WeightTable,
    step_number,
)
from ssc_index.values import Floats

Scores = Callable[[Floats], Floats]


def groups_of(case: Case) -> tuple[Group, ...]:
    """Inputs of a case by the group that its method file names, in the order of the computation.

    Args:
        case: The case.

    Returns:
        One group for each name under ``group``, and one for each input without it, under its own name; by the first
        step that any of its inputs touches.
    """
    columns: dict[str, list[int]] = {}
    first: dict[str, float] = {}
    for column, (name, one) in enumerate(case.section.inputs.items()):
        group = one.group or name
        columns.setdefault(group, []).append(column)
        first[group] = min(first.get(group, np.inf), _place(case, one))
    return tuple(Group(name, tuple(columns[name])) for name in sorted(columns, key=lambda name: first[name]))


def _place(case: Case, one: AnyInput) -> float:
    """Position of the first step that an input touches; measurement error and goalposts come just before theirs."""
    if isinstance(one, Alternatives):
        return step_number(case.method, one.step)
    if isinstance(one, Measurement):
        return _first(case, "normalise") - 0.5
    if isinstance(one, Goalposts):
        return _first(case, "normalise") - 0.25
    return _first(case, "aggregate")


def _first(case: Case, step: str) -> float:
    """Position of the first step of a name."""
    return next((place for place, one in enumerate(case.method.steps) if one.step == step), -1)


def alternatives_of(case: Case, n_draws: int = 20) -> tuple[Alternative, ...]:
    """Every setting that the inputs of a case can take, each with all other inputs as the method has them.

    Args:
        case: The case.
        n_draws: Settings of an input that has no list of them: weights drawn, measurement error.

    Returns:
        By input: each option, each node left out, each expert, or ``n_draws`` draws.
    """
    found: list[Alternative] = []
    for column, (name, one) in enumerate(case.section.inputs.items()):
        if isinstance(one, Alternatives | Goalposts):
            shares = one.probabilities or [1.0] * len(one.options)
            labels = [f"{number}: {_label(option)}" for number, option in enumerate(one.options, start=1)]
            weights = {label: share / sum(shares) for label, share in zip(labels, shares, strict=True)}
            found += choices(name, column, weights)
        elif isinstance(one, Exclusion):
            each = one.probability / len(case.candidates)
            found += [
                Alternative(name, f"without {code}", {column: (place + 0.5) * each})
                for place, code in enumerate(case.candidates)
            ]
        elif isinstance(one, WeightTable) and not one.bootstrap:
            found += _alike(name, column, "expert", len(one.experts))
        else:
            found += _alike(name, column, "draw", n_draws)
    return tuple(found)


def _alike(name: str, column: int, what: str, count: int) -> tuple[Alternative, ...]:
    """Equally likely settings, numbered."""
    return choices(name, column, {f"{what} {number + 1}": 1 / count for number in range(count)})


def _label(option: Mapping[str, Any]) -> str:
    """An option in words; the empty one is the method as it stands."""
    return ", ".join(f"{key} {value}" for key, value in option.items()) or "as it stands"


@dataclass(frozen=True)
class RankModel:
    """Scores and ranks at a node as a function of the uncertain choices.

    Attributes:
        scores: Scores at the node from rows of numbers, shape (n_rows, n_units); NaN is a unit without a score.
        nominal: Ranks at the node by the method as it stands, shape (n_units,).
        rank: How ranks are taken.
    """

    scores: Scores
    nominal: Floats
    rank: Rank

    def __call__(self, rows: Floats, /) -> Floats:
        """Outputs, shape (n_rows, 2 n_units + 1): scores, ranks, and the mean of ``|rank - nominal rank|``.

        The mean is over units that are ranked in both; NaN where there is none.
        """
        scores = self.scores(rows)
        ranks = np.stack([rank_descending(one, self.rank.ties, self.rank.round) for one in scores])
        shifts = np.abs(ranks - self.nominal)
        ranked = np.count_nonzero(~np.isnan(shifts), axis=1)
        total = np.where(np.isnan(shifts), 0.0, shifts).sum(axis=1)
        mean = np.where(ranked > 0, total / np.maximum(ranked, 1), np.nan)
        return np.concatenate([scores, ranks, mean[:, None]], axis=1)


@dataclass(frozen=True)
class PlainScores:
    """Scores of one node, one replication after another through `compute_index`: slow and certain.

    Attributes:
        case: The case.
        node: Code of the node.
    """

    case: Case
    node: str

    def __call__(self, rows: Floats, /) -> Floats:
        """Scores, shape (n_rows, n_units)."""
        found: list[Floats] = []
        column = self.case.position[self.node]
        plain.loop(self.case, rows, lambda _, scores: found.append(scores[:, column]))
        return np.stack(found)


def rank_model(case: Case, scores: Scores) -> RankModel:
    """Scores and ranks as a model; the nominal ranks are those of the row that leaves every input as it is.

    Args:
        case: The case.
        scores: Scores at a node from rows of numbers, where NaN is nominal.

    Returns:
        The model.
    """
    nominal = scores(np.full((1, len(case.names)), np.nan))[0]
    rank = case.method.rank
    return RankModel(scores, rank_descending(nominal, rank.ties, rank.round), rank)


def sensitivity_frame(indices: Indices, units: Sequence[str], confidence: float = 0.95) -> pl.DataFrame:
    """The indices of scores and ranks as a table.

    Args:
        indices: Of a `RankModel`.
        units: Its units, in order.
        confidence: Probability that an interval holds the truth.

    Returns:
        Columns ``measure`` (``score``, ``rank``, ``mean_rank_shift``), ``unit`` (null for the last), ``input``,
        ``first``, ``first_low``, ``first_high``, ``total``, ``total_low``, ``total_high``, ``variance``, ``n_used``;
        by measure, unit and input in this order. An index that does not exist is null.
    """
    count, inputs = len(units), len(indices.groups)
    measures = ["score"] * count + ["rank"] * count + ["mean_rank_shift"]
    columns = {"first": indices.first, "total": indices.total}
    for name in ("first", "total"):
        columns[f"{name}_low"], columns[f"{name}_high"] = indices.interval(name, confidence)
    order = ("first", "first_low", "first_high", "total", "total_low", "total_high")
    return pl.DataFrame(
        [
            pl.Series("measure", np.repeat(measures, inputs).tolist(), dtype=pl.String),
            pl.Series("unit", [unit for unit in [*units, *units, None] for _ in range(inputs)], dtype=pl.String),
            pl.Series("input", list(indices.groups) * len(measures), dtype=pl.String),
            *(pl.Series(name, columns[name].T.ravel(), nan_to_null=True) for name in order),
            pl.Series("variance", np.repeat(indices.variance, inputs), nan_to_null=True),
            pl.Series("n_used", np.repeat(indices.n_used, inputs)),
        ]
    )
