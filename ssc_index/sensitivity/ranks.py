"""The sensitivity of an index: scores and ranks of all cities as outputs, its uncertain inputs as groups.

What belongs here: how a case of the uncertainty analysis becomes a model with groups, and the table of its indices.
What does not: the estimators (`sobol.py`) and the computation of a replication (`ssc_index/uncertainty/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from ssc_index.method import Method
from ssc_index.sensitivity.alternatives import Alternative, OneAtATime, choices
from ssc_index.sensitivity.model import Group
from ssc_index.sensitivity.shapley import Effects
from ssc_index.sensitivity.sobol import Indices
from ssc_index.steps.state import Bools, Ints
from ssc_index.uncertainty import plain
from ssc_index.uncertainty.case import Backend, Case, decide
from ssc_index.uncertainty.inputs import (
    Alternatives,
    AnyInput,
    Exclusion,
    Goalposts,
    Measurement,
    Provisional,
    WeightTable,
    step_number,
)
from ssc_index.uncertainty.prepared import Prepared, prepare, why_not
from ssc_index.uncertainty.scores import scores_of_choices
from ssc_index.uncertainty.tally import ranks_by_numba, ranks_by_numpy
from ssc_index.values import Floats


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
    """Position of the first step that an input touches; what comes in before a step is just before it."""
    if isinstance(one, Alternatives):
        return step_number(case.method, one.step)
    if isinstance(one, Provisional):
        return -1.0
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
        elif isinstance(one, Provisional) and one.by == "all":
            found += choices(name, column, {"counted": one.probability, "left out": 1.0 - one.probability})
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
    """Scores at a node, and ranks among one or more sets of units, as a function of the uncertain choices.

    Attributes:
        scores: Scores of all units at the node from rows of numbers, shape (n_rows, n_units); NaN is not ranked.
        rank: Ranks within each row of scores, NaN where there is none.
        amongs: Sets of units that are ranked among each other, each of shape (n_units,).
        nominal: For each set its ranks by the method as it stands, shape (units of the set,).
    """

    scores: Callable[[Floats], Floats]
    rank: Callable[[Floats], Floats]
    amongs: tuple[Bools, ...]
    nominal: tuple[Floats, ...]

    def __call__(self, rows: Floats, /) -> Floats:
        """Outputs, shape (n_rows, n_outputs): scores; then for each set its ranks, and the mean of their shifts.

        A shift is ``|rank - nominal rank|``, its mean is over units that are ranked in both; NaN where there is none.
        `outputs_of` tells which column is which.
        """
        scores = self.scores(rows)
        parts = [scores]
        for among, nominal in zip(self.amongs, self.nominal, strict=True):
            ranks = self.rank(np.ascontiguousarray(scores[:, among])).astype(scores.dtype, copy=False)
            shifts = np.abs(ranks - nominal)
            ranked = np.count_nonzero(shifts >= 0, axis=1)
            mean = np.where(ranked > 0, np.nansum(shifts, axis=1) / np.maximum(ranked, 1), np.nan)
            parts += [ranks, mean[:, None].astype(scores.dtype)]
        return np.concatenate(parts, axis=1)


def outputs_of(amongs: Sequence[Bools], which: int = 0) -> tuple[Ints, slice, int]:
    """Which outputs of a `RankModel` are those of one set of units.

    Args:
        amongs: Its sets of units.
        which: Position of the set.

    Returns:
        Columns of the scores of its units, of their ranks, and of the mean shift of these.
    """
    sizes = [int(among.sum()) for among in amongs]
    start = len(amongs[0]) + sum(sizes[:which]) + which
    return np.flatnonzero(amongs[which]), slice(start, start + sizes[which]), start + sizes[which]


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


@dataclass(frozen=True)
class FastScores:
    """The same by the kernel, in single precision.

    Attributes:
        prepared: The case laid out for the kernel.
        node: Code of the node, one of those that the case keeps.
        backend: ``numba`` or ``numpy``.
    """

    prepared: Prepared
    node: str
    backend: Backend

    def __call__(self, rows: Floats, /) -> Floats:
        """Scores, shape (n_rows, n_units)."""
        case = self.prepared.case
        kept = scores_of_choices(self.prepared, decide(case, rows, self.backend), self.backend, in_turn=True)
        scores: Floats = kept[case.kept.index(self.node)]
        return scores


def _plain_ranks(method: Method, scores: Floats) -> Floats:
    """Ranks of each row as the method has them."""
    return np.stack([method.rank.ranks_of(one) for one in scores])


def _fast_ranks(backend: Backend, scores: Floats) -> Floats:
    """Ranks of each row by the bits of its scores."""
    rank = ranks_by_numpy if backend == "numpy" else ranks_by_numba
    ranks = rank(scores.astype(np.float32, copy=False), np.ones(scores.shape[1], dtype=bool))
    return np.where(ranks > 0, ranks, np.nan)


def rank_model(
    case: Case,
    node: str | None = None,
    amongs: Sequence[Bools] = (),
    backend: Backend | None = "numba",
    prepared: Prepared | None = None,
) -> RankModel:
    """Scores and ranks at a node as a model.

    Args:
        case: The case.
        node: Code of the node, one of those that the case keeps; None is the root.
        amongs: Sets of units to be ranked among each other, each of shape (n_units,); without any, all units.
        backend: ``numba`` or ``numpy`` for the kernel, None for the plain way; the plain way is also taken where
            the kernel lacks something that the case needs.
        prepared: The case laid out for the kernel, if it is at hand.

    Returns:
        The model; its nominal ranks are those of the row that leaves every input as it is.
    """
    code = case.framework.root.code if node is None else node
    sets = tuple(amongs) or (np.ones(case.rows.stop - case.rows.start, dtype=bool),)
    scores: Callable[[Floats], Floats] = PlainScores(case, code)
    rank = partial(_plain_ranks, case.method)
    if backend is not None and (prepared is not None or not why_not(case)):
        scores = FastScores(prepared or prepare(case, backend), code, backend)
        rank = partial(_fast_ranks, backend)
    nominal = scores(np.full((1, len(case.names)), np.nan))
    return RankModel(scores, rank, sets, tuple(rank(np.ascontiguousarray(nominal[:, one]))[0] for one in sets))


def sensitivity_frame(
    indices: Indices,
    units: Sequence[str],
    amongs: Sequence[Bools] = (),
    which: int = 0,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """The indices of scores and ranks of one set of units as a table.

    Args:
        indices: Of a `RankModel`.
        units: All of its units, in order.
        amongs: Its sets of units; without any, one of all units.
        which: Position of the set.
        confidence: Probability that an interval holds the truth.

    Returns:
        Columns ``measure`` (``score``, ``rank``, ``mean_rank_shift``), ``unit`` (null for the last), ``input``,
        ``first``, ``first_low``, ``first_high``, ``total``, ``total_low``, ``total_high``, ``variance``, ``n_used``;
        by measure, unit and input in this order. An index that does not exist is null.
    """
    outputs, columns = _each_output(units, amongs, which, len(indices.groups))
    shares: dict[str, Floats] = {}
    for name in ("first", "total"):
        shares[name] = getattr(indices, name)
        shares[f"{name}_low"], shares[f"{name}_high"] = indices.interval(name, confidence)
    return pl.DataFrame(
        [
            *columns,
            pl.Series("input", list(indices.groups) * len(outputs), dtype=pl.String),
            *_shares(shares, outputs),
            pl.Series("variance", np.repeat(indices.variance[outputs], len(indices.groups)), nan_to_null=True),
            pl.Series("n_used", np.repeat(indices.n_used[outputs], len(indices.groups))),
        ]
    )


def interactions_frame(indices: Indices, units: Sequence[str], confidence: float = 0.95) -> pl.DataFrame:
    """The second-order indices of scores and ranks of all units as a table.

    Args:
        indices: Of a `RankModel`, with second order.
        units: Its units, in order.
        confidence: Probability that an interval holds the truth.

    Returns:
        Columns ``measure`` and ``unit`` as of `sensitivity_frame`, ``input``, ``other``, ``second``, ``second_low``,
        ``second_high``: what both inputs do together beyond what each does alone, as a share of the variance. An
        index that does not exist is null.
    """
    outputs, columns = _each_output(units, (), 0, len(indices.pairs))
    low, high = indices.interval("second", confidence)
    sides = {
        name: [indices.groups[pair[side]] for pair in indices.pairs] for side, name in enumerate(("input", "other"))
    }
    return pl.DataFrame(
        [
            *columns,
            *(pl.Series(name, groups * len(outputs), dtype=pl.String) for name, groups in sides.items()),
            *_shares({"second": indices.second, "second_low": low, "second_high": high}, outputs),
        ]
    )


def shapley_frame(effects: Effects, units: Sequence[str], confidence: float = 0.95) -> pl.DataFrame:
    """The Shapley effects of scores and ranks of all units as a table.

    Args:
        effects: Of a `RankModel`.
        units: Its units, in order.
        confidence: Probability that an interval holds the truth.

    Returns:
        Columns ``measure`` and ``unit`` as of `sensitivity_frame`, ``input``, ``effect``, ``effect_low``,
        ``effect_high``, ``variance``, ``n_used``. The effects on one output add up to 1; one that does not exist is
        null.
    """
    outputs, columns = _each_output(units, (), 0, len(effects.groups))
    low, high = effects.interval(confidence)
    return pl.DataFrame(
        [
            *columns,
            pl.Series("input", list(effects.groups) * len(outputs), dtype=pl.String),
            *_shares({"effect": effects.effects, "effect_low": low, "effect_high": high}, outputs),
            pl.Series("variance", np.repeat(effects.variance[outputs], len(effects.groups)), nan_to_null=True),
            pl.Series("n_used", np.repeat(effects.n_used[outputs], len(effects.groups))),
        ]
    )


def _each_output(units: Sequence[str], amongs: Sequence[Bools], which: int, rows: int) -> tuple[Ints, list[pl.Series]]:
    """Outputs of one set of units in the order of a table; its columns ``measure`` and ``unit``, so many rows each."""
    scores, ranks, shift = outputs_of(tuple(amongs) or (np.ones(len(units), dtype=bool),), which)
    outputs = np.concatenate([scores, np.arange(ranks.start, ranks.stop), [shift]])
    names = [units[place] for place in scores]
    measures = ["score"] * len(scores) + ["rank"] * len(scores) + ["mean_rank_shift"]
    return outputs, [
        pl.Series("measure", np.repeat(measures, rows).tolist(), dtype=pl.String),
        pl.Series("unit", [unit for unit in [*names, *names, None] for _ in range(rows)], dtype=pl.String),
    ]


def _shares(tables: Mapping[str, Floats], outputs: Ints) -> list[pl.Series]:
    """A column for each table of shape (n_rows, n_outputs): output after output."""
    return [pl.Series(name, table[:, outputs].T.ravel(), nan_to_null=True) for name, table in tables.items()]


def alternatives_frame(alone: OneAtATime) -> pl.DataFrame:
    """Each setting of each input against the method as it stands, every other input at its nominal value, as a table.

    Args:
        alone: Of a `RankModel`, with shifts of the ranks of a set of units.

    Returns:
        Columns ``input``, ``setting``, ``mean_rank_shift``, ``largest_rank_shift``, ``n_compared``; one row for each
        setting of `alternatives_of`, in its order.
    """
    return pl.DataFrame(
        {
            "input": [one.group for one in alone.alternatives],
            "setting": [one.label for one in alone.alternatives],
            "mean_rank_shift": pl.Series(alone.mean_shift, nan_to_null=True),
            "largest_rank_shift": pl.Series(alone.largest_shift, nan_to_null=True),
            "n_compared": alone.n_compared,
        }
    )
