"""Denominate: totals divided by the size of the unit.

What belongs here: the parameters of the step, what is wrong with them, and how it runs. What does not: the
arithmetic (`ssc_index/denominate.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ssc_index.denominate import per_denominator, without_denominator
from ssc_index.errors import ComputationError
from ssc_index.framework.model import Framework
from ssc_index.steps.parameters import Name, Names, Parameters, Positive
from ssc_index.steps.state import Outcome, State, place
from ssc_index.steps.walk import Walk, indicators_meant, listed
from ssc_index.values import Floats

Rule = Literal["error", "missing"]


class Divisor(BaseModel):
    """What one indicator is divided by.

    Attributes:
        by: Column of the values.
        per: What it is counted in, for example 1000 for "per thousand".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    by: Name
    per: Positive = 1.0


class Denominate(Parameters):
    """Divide indicators by columns of the values. Without ``by`` and ``indicators``, as the framework says.

    Attributes:
        by: Column of the values, for all indicators that the step takes.
        per: What it is counted in, for example 1000 for "per thousand".
        only: Nodes or levels whose indicators are divided; None is all (of those with a denominator).
        indicators: Denominators by indicator, instead of ``by``, ``per`` and ``only``.
        where_zero: A value whose denominator is 0 or less: ``error``, or it goes ``missing``.
        where_missing: A value whose denominator is missing: ``error``, or it goes ``missing``.
    """

    step: ClassVar[str] = "denominate"
    by: Name | None = None
    per: Positive | None = None
    only: Names | None = None
    indicators: dict[Name, Divisor] = Field(default_factory=dict)
    where_zero: Rule = "error"
    where_missing: Rule = "error"

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Denominate:
        """Denominators are given once."""
        if self.indicators and (self.by or self.per or self.only):
            raise ValueError("give either indicators, or by, per and only")
        if self.per is not None and self.by is None:
            raise ValueError("per goes with by; the framework's denominators have a per of their own")
        return self


VARIANTS: dict[str, type[Parameters]] = {"": Denominate}


def denominators_named(steps: Iterable[Parameters]) -> set[str]:
    """Columns of the values that the steps of a method divide by, beside those that the framework names."""
    found = [step for step in steps if isinstance(step, Denominate)]
    named = {divisor.by for step in found for divisor in step.indicators.values()}
    return named | {step.by for step in found if step.by is not None}


def _divisors(framework: Framework, step: Denominate) -> dict[str, Divisor]:
    """What each indicator is divided by, in the order of the framework."""
    if step.indicators:
        return {code: step.indicators[code] for code in framework.codes if code in step.indicators}
    codes = indicators_meant(framework, step.only)
    if step.by is not None:
        return {code: Divisor(by=step.by, per=1.0 if step.per is None else step.per) for code in codes}
    nodes = [framework.by_code[code] for code in codes]
    return {node.code: Divisor(by=node.denominator, per=node.per) for node in nodes if node.denominator is not None}


def check(walk: Walk, step: Denominate) -> None:
    """Every fault of the step on a framework, into the walk."""
    for code in step.indicators:
        if code not in walk.framework.codes:
            walk.fault(f".indicators: {code!r} is no indicator of the framework")
    if not walk.known(step.only, "only"):
        return
    divisors = _divisors(walk.framework, step)
    if not divisors and not step.indicators:
        walk.fault(": no indicator has a denominator in the framework; give 'by' or 'indicators'")
    if walk.denominators is not None:
        for name in dict.fromkeys(divisor.by for divisor in divisors.values()):
            if name not in walk.denominators:
                codes = listed([code for code, divisor in divisors.items() if divisor.by == name])
                walk.fault(f": the values have no column {name!r} to divide {codes} by; add it")
    for before, what in ((walk.denominated, "denominated"), (walk.treated, "treated"), (walk.scaled, "normalised")):
        late = [code for code in divisors if code in before]
        if late:
            walk.fault(f": {listed(late)} are {what} already; denominate values once, before treat and normalise")
    walk.in_time(divisors)
    walk.denominated.update(divisors)


def run(state: State, step: Denominate) -> Outcome:
    """Divide each indicator, or refuse every cell that has no quotient."""
    table = state.table.copy(order="F")
    faults, notes = [], []
    for code, divisor in _divisors(state.framework, step).items():
        column = state.column_of[code]
        denominator = state.values.denominators[divisor.by]
        found, gone = _cells_without(state, step, code, divisor.by, denominator)
        faults += found
        table[:, column] = per_denominator(state.table[:, column], denominator, divisor.per)
        lost = ~np.isnan(state.table[:, column]) & (denominator > 0) & ~np.isfinite(table[:, column])
        faults += [
            f"{state.values.row_name(row)}, {code}: {state.table[row, column]:g} divided by {divisor.by} "
            f"{denominator[row]:g} is too large for a number"
            for row in np.flatnonzero(lost).tolist()
        ]
        notes.append(f"{code}: by {divisor.by}" + (f" per {divisor.per:g}" if divisor.per != 1 else "") + gone)
    if faults:
        raise ComputationError(place(state, "denominate"), faults)
    state.table = table
    return Outcome(notes=tuple(notes))


def _cells_without(state: State, step: Denominate, code: str, by: str, denominator: Floats) -> tuple[list[str], str]:
    """Values that have no quotient: a fault for each, or what to note of them, as the rules say."""
    values = state.table[:, state.column_of[code]]
    faults, gone = [], 0
    rules = (("where_missing", step.where_missing), ("where_zero", step.where_zero))
    for (key, rule), cells in zip(rules, without_denominator(values, denominator), strict=True):
        gone += int(cells.sum())
        if rule == "error":
            for row in np.flatnonzero(cells).tolist():
                what = "missing" if np.isnan(denominator[row]) else f"{denominator[row]:g}"
                name = f"{state.values.row_name(row)}, {code}"
                faults.append(
                    f"{name}: cannot be divided by {by}, which is {what}; correct it, or say '{key}: missing'"
                )
    return faults, f"; values that go missing without it: {gone}" if gone else ""
