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

from ssc_index.rank import rank_descending
from ssc_index.sensitivity.alternatives import Alternative, choices
from ssc_index.sensitivity.model import Group
from ssc_index.sensitivity.sobol import Indices
from ssc_index.steps.state import Bools
from ssc_index.uncertainty import plain
from ssc_index.uncertainty.case import Backend, Case, decide
from ssc_index.uncertainty.inputs import (
    Alternatives,
    AnyInput,
    Exclusion,
    Goalposts,
    Measurement,
    WeightTable,
    step_number,
)
from ssc_index.uncertainty.prepared import Prepared, prepare, why_not
from ssc_index.uncertainty.scores import scores_of_choices
from ssc_index.uncertainty.tally import ranks_by_numba, ranks_by_numpy
from ssc_index.values import Floats

Replicate = Callable[[Floats], tuple[Floats, Floats]]


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
        replicate: Scores and ranks at the node from rows of numbers, of the units that are asked for.
        nominal: Their ranks by the method as it stands, shape (n_units,).
    """

    replicate: Replicate
    nominal: Floats

    def __call__(self, rows: Floats, /) -> Floats:
        """Outputs, shape (n_rows, 2 n_units + 1): scores, ranks, and the mean of ``|rank - nominal rank|``.

        The mean is over units that are ranked in both; NaN where there is none.
        """
        scores, ranks = self.replicate(rows)
        count = scores.shape[1]
        outputs = np.empty((len(rows), 2 * count + 1), dtype=scores.dtype)
        outputs[:, :count] = scores
        outputs[:, count:-1] = ranks
        shifts = np.abs(ranks - self.nominal)
        ranked = np.count_nonzero(shifts >= 0, axis=1)
        total = np.nansum(shifts, axis=1)
        outputs[:, -1] = np.where(ranked > 0, total / np.maximum(ranked, 1), np.nan)
        return outputs


@dataclass(frozen=True)
class Plain:
    """Scores and ranks of one node, one replication after another through `compute_index`: slow and certain.

    Attributes:
        case: The case.
        node: Code of the node.
        among: Which units are asked for and ranked, shape (n_units_of_case,).
    """

    case: Case
    node: str
    among: Bools

    def __call__(self, rows: Floats, /) -> tuple[Floats, Floats]:
        """Scores and ranks, shape (n_rows, n_units) each."""
        found: list[Floats] = []
        column = self.case.position[self.node]
        plain.loop(self.case, rows, lambda _, scores: found.append(scores[:, column]))
        scores, rank = np.stack(found)[:, self.among], self.case.method.rank
        return scores, np.stack([rank_descending(one, rank.ties, rank.round) for one in scores])


@dataclass(frozen=True)
class Fast:
    """The same by the kernel, in single precision.

    Attributes:
        prepared: The case laid out for the kernel.
        node: Code of the node, one of those that the case keeps.
        among: Which units are asked for and ranked, shape (n_units_of_case,).
        backend: ``numba`` or ``numpy``.
    """

    prepared: Prepared
    node: str
    among: Bools
    backend: Backend

    def __call__(self, rows: Floats, /) -> tuple[Floats, Floats]:
        """Scores and ranks, shape (n_rows, n_units) each."""
        case = self.prepared.case
        scores = scores_of_choices(self.prepared, decide(case, rows, self.backend), self.backend, in_turn=True)[
            case.kept.index(self.node)
        ]
        scores = np.ascontiguousarray(scores[:, self.among])
        rank = ranks_by_numpy if self.backend == "numpy" else ranks_by_numba
        ranks = rank(scores, np.ones(scores.shape[1], dtype=bool))
        return scores, np.where(ranks > 0, ranks, np.nan)


def rank_model(
    case: Case,
    node: str | None = None,
    among: Bools | None = None,
    backend: Backend | None = "numba",
    prepared: Prepared | None = None,
) -> RankModel:
    """Scores and ranks at a node as a model.

    Args:
        case: The case.
        node: Code of the node, one of those that the case keeps; None is the root.
        among: Which units are asked for and ranked among each other; None is all.
        backend: ``numba`` or ``numpy`` for the kernel, None for the plain way; the plain way is also taken where
            the kernel lacks something that the case needs.
        prepared: The case laid out for the kernel, if it is at hand.

    Returns:
        The model; its nominal ranks are those of the row that leaves every input as it is.
    """
    code = case.framework.root.code if node is None else node
    asked = np.ones(case.rows.stop - case.rows.start, dtype=bool) if among is None else among
    replicate: Replicate = Plain(case, code, asked)
    if backend is not None and (prepared is not None or not why_not(case)):
        replicate = Fast(prepared or prepare(case), code, asked, backend)
    return RankModel(replicate, replicate(np.full((1, len(case.names)), np.nan))[1][0])


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
