"""Normalise: from values in their units to scores on a common scale.

What belongs here: the parameters of the step, what is wrong with them, and how it runs. What does not: the
arithmetic (`ssc_index/normalise.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from ssc_index import normalise
from ssc_index.errors import ComputationError
from ssc_index.framework.model import Node
from ssc_index.steps.parameters import Constant, Flag, Names, Number, Over, Parameters, Positive, Range, Ties
from ssc_index.steps.state import Outcome, State, in_year, place
from ssc_index.steps.walk import Walk, indicators_meant, listed
from ssc_index.values import Floats


class NormaliseNone(Parameters):
    """Take values as scores already: no direction, no scale.

    Attributes:
        only: Nodes or levels whose indicators are meant; None is all that are left.
    """

    step: ClassVar[str] = "normalise"
    method: Literal["none"]
    only: Names | None = None


class NormaliseGoalposts(Parameters):
    """Place values between the framework's ``low`` and ``high``.

    Attributes:
        range: Scores of ``low`` and ``high``.
        clip: Whether values beyond a goalpost score the same as the goalpost.
        only: Nodes or levels whose indicators are meant; None is all that are left.
    """

    step: ClassVar[str] = "normalise"
    method: Literal["goalposts"]
    range: Range = (0.0, 100.0)
    clip: Flag = True
    only: Names | None = None


class NormaliseMinmax(Parameters):
    """Place values between the worst and the best of the units.

    Attributes:
        range: Scores of the worst and the best.
        constant: What an indicator gets whose units are all equal: an ``error``, ``missing`` scores, or the
            ``middle`` of the range.
        over: Units of the same ``year``, or of all years (``panel``).
        only: Nodes or levels whose indicators are meant; None is all that are left.
    """

    step: ClassVar[str] = "normalise"
    method: Literal["minmax"]
    range: Range = (0.0, 100.0)
    constant: Constant = "error"
    over: Over = "year"
    only: Names | None = None


class NormaliseZscore(Parameters):
    """Standardise values to a mean and a standard deviation (n - 1).

    Attributes:
        mean: Mean of the scores.
        sd: Standard deviation of the scores.
        constant: As in minmax; ``middle`` is the mean.
        over: Units of the same ``year``, or of all years (``panel``).
        only: Nodes or levels whose indicators are meant; None is all that are left.
    """

    step: ClassVar[str] = "normalise"
    method: Literal["zscore"]
    mean: Number = 0.0
    sd: Positive = 1.0
    constant: Constant = "error"
    over: Over = "year"
    only: Names | None = None


class NormaliseRank(Parameters):
    """Score = rank from the worst (1) to the best.

    Attributes:
        ties: What equal values get.
        over: Units of the same ``year``, or of all years (``panel``).
        only: Nodes or levels whose indicators are meant; None is all that are left.
    """

    step: ClassVar[str] = "normalise"
    method: Literal["rank"]
    ties: Ties = "min"
    over: Over = "year"
    only: Names | None = None


class NormalisePercentile(Parameters):
    """Score = share of the other units that a unit ranks above, on a range.

    Attributes:
        range: Scores of the worst and the best rank.
        ties: What equal values get.
        constant: What a single unit gets, whose rank says nothing; ``middle`` is the middle of the range.
        over: Units of the same ``year``, or of all years (``panel``).
        only: Nodes or levels whose indicators are meant; None is all that are left.
    """

    step: ClassVar[str] = "normalise"
    method: Literal["percentile"]
    range: Range = (0.0, 100.0)
    ties: Literal["min", "max", "average"] = "min"
    constant: Constant = "error"
    over: Over = "year"
    only: Names | None = None


Normalise = NormaliseNone | NormaliseGoalposts | NormaliseMinmax | NormaliseZscore | NormaliseRank | NormalisePercentile


VARIANTS: dict[str, type[Parameters]] = {
    "none": NormaliseNone,
    "goalposts": NormaliseGoalposts,
    "minmax": NormaliseMinmax,
    "zscore": NormaliseZscore,
    "rank": NormaliseRank,
    "percentile": NormalisePercentile,
}


def check(walk: Walk, step: Normalise) -> None:
    """Every fault of the step on a framework, into the walk."""
    if not walk.known(step.only, "only"):
        return
    meant = indicators_meant(walk.framework, step.only)
    twice = [code for code in meant if code in walk.scaled]
    if step.only is not None and twice:
        walk.fault(f": {listed(twice)} are normalised already; an indicator is normalised once")
    meant = tuple(code for code in meant if code not in walk.scaled)
    if not meant and not twice:
        walk.fault(": no indicator")
    elif not meant and step.only is None:
        walk.fault(": every indicator is normalised already; drop the step")
    if isinstance(step, NormaliseGoalposts):
        without = [code for code in meant if walk.framework.by_code[code].low is None]
        if without:
            walk.fault(
                f": {listed(without)} have no goalposts; fill low and high, or name another method for them by 'only'"
            )
    walk.in_time(meant)
    walk.scaled.update(meant)


def run(state: State, step: Normalise) -> Outcome:
    """Put the indicators that are left on a scale, block by block."""
    if isinstance(step, NormaliseNone):
        state.scaled |= set(indicators_meant(state.framework, step.only))
        return Outcome()
    codes = [code for code in indicators_meant(state.framework, step.only) if code not in state.scaled]
    columns = state.columns(codes)
    nodes = [state.framework.by_code[code] for code in codes]
    values = _transformed(state, nodes, columns)
    blocks = state.blocks
    if getattr(step, "over", "year") == "panel":
        blocks = ((None, slice(0, len(state.values.units))),)
    scores = np.full(values.shape, np.nan, order="F")
    parameters: dict[str, Floats] = {}
    faults: list[str] = []
    for number, (year, rows) in enumerate(blocks):
        with np.errstate(over="ignore", invalid="ignore"):  # looked for below
            scores[rows], found = _scale(state, step, values[rows], nodes, rows)
        for name, array in found.items():
            parameters.setdefault(name, np.full((len(blocks), len(state.values.codes)), np.nan))
            parameters[name][number, columns] = array
        faults += _settle_constant(step, values[rows], scores[rows], codes, year)
    faults += [
        f"{state.values.row_name(row)}, {codes[column]}: {state.table[row, columns[column]]:g} lies beyond every scale"
        for row, column in np.argwhere(np.isinf(scores)).tolist()
    ]
    if faults:
        raise ComputationError(place(state, "normalise"), faults)
    table = state.table.copy(order="F")
    table[:, columns] = scores
    state.table = table
    state.scaled |= set(codes)
    return Outcome(parameters=parameters, blocks=tuple(year for year, _ in blocks))


def _transformed(state: State, nodes: Sequence[Node], columns: Sequence[int]) -> Floats:
    """Values after each indicator's transform; every cell outside a domain is a fault."""
    values = np.array(state.table[:, columns], order="F")
    faults = []
    for position, node in enumerate(nodes):
        outside = normalise.outside_domain(values[:, position], node.transform)
        faults += [
            f"{state.values.row_name(row)}, {node.code}: {values[row, position]:g} has no {node.transform}; "
            f"it must be {normalise.DOMAINS[node.transform]}"
            for row in np.flatnonzero(outside).tolist()
        ]
        values[outside, position] = np.nan
        values[:, position] = normalise.transform_values(values[:, position], node.transform, node.target)
    if faults:
        raise ComputationError(place(state, "normalise"), faults)
    return values


def _scale(
    state: State, step: Normalise, values: Floats, nodes: Sequence[Node], rows: slice
) -> tuple[Floats, dict[str, Floats]]:
    """Scores of one block and the parameters they rest on."""
    sign = np.array([-1.0 if node.direction == "lower" or node.transform == "gap_to_target" else 1.0 for node in nodes])
    if isinstance(step, NormaliseGoalposts):
        low, high = _goalposts(state, nodes, rows)
        return normalise.goalposts(values, low, high, step.range, step.clip), {"low": low, "high": high}
    if isinstance(step, NormaliseMinmax):
        scores, worst, best = normalise.minmax(values, sign, step.range)
        return scores, {"worst": worst, "best": best}
    if isinstance(step, NormaliseZscore):
        scores, mean, sd = normalise.zscore(values, sign, step.mean, step.sd)
        return scores, {"mean": mean, "sd": sd}
    count = (~np.isnan(values)).sum(axis=0).astype(np.float64)
    if isinstance(step, NormalisePercentile):
        return normalise.percentiles(values, sign, step.ties, step.range), {"n": count}
    assert isinstance(step, NormaliseRank)
    return normalise.ranks(values, sign, step.ties), {"n": count}


def _goalposts(state: State, nodes: Sequence[Node], rows: slice) -> tuple[Floats, Floats]:
    """Goalposts of a block, put through the same transform as the values."""
    low, high = np.empty(len(nodes)), np.empty(len(nodes))
    for position, node in enumerate(nodes):
        posts = np.array([node.low, node.high], dtype=np.float64)
        column = state.log_shift[rows, state.column_of[node.code]]
        shift = column[0] if column.size else np.nan
        if np.isnan(shift):
            posts = normalise.transform_values(posts, node.transform, node.target)
        else:
            posts = np.log(posts - shift)
        low[position], high[position] = posts
    return low, high


def _settle_constant(
    step: Normalise, values: Floats, scores: Floats, codes: Sequence[str], year: int | None
) -> list[str]:
    """Apply the step's rule to cells that have a value and no score; ``scores`` is changed in place."""
    if not isinstance(step, NormaliseMinmax | NormaliseZscore | NormalisePercentile):
        return []
    stuck = ~np.isnan(values) & np.isnan(scores)
    if step.constant == "middle":
        middle = step.mean if isinstance(step, NormaliseZscore) else sum(step.range) / 2.0
        scores[stuck] = middle
    if step.constant != "error":
        return []
    return [
        f"{codes[column]}{in_year(year)}: all units have the same value, so {step.method} has no score; "
        "say 'constant: missing' or 'constant: middle', or leave the indicator out"
        for column in np.flatnonzero(stuck.any(axis=0)).tolist()
    ]
