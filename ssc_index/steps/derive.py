"""Derive: indicators that a formula makes of others, or of columns of the values.

What belongs here: the parameters of the step, what is wrong with them, and how it runs. What does not: the language
of formulas and its arithmetic (`ssc_index/formula.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import AfterValidator, Field

from ssc_index.errors import ComputationError
from ssc_index.formula import evaluated, formula, in_words, undefined
from ssc_index.steps.parameters import Name, Parameters
from ssc_index.steps.state import Outcome, State, place
from ssc_index.steps.walk import Walk


def _readable(text: str) -> str:
    """A text that is a formula."""
    formula(text)
    return text


Text = Annotated[str, Field(strict=True), AfterValidator(_readable)]


class Derive(Parameters):
    """Compute indicators from others, row by row.

    Attributes:
        indicators: Formula by the code of the indicator. Its names are indicators, those derived before it among
            them, and columns of numbers of the values.
        where_undefined: A row with all parts whose formula has no value (a quotient by 0): ``error``, or it goes
            ``missing``.
    """

    step: ClassVar[str] = "derive"
    indicators: Annotated[dict[Name, Text], Field(min_length=1)]
    where_undefined: Literal["error", "missing"] = "error"


VARIANTS: dict[str, type[Parameters]] = {"": Derive}


def operands_named(steps: Iterable[Parameters]) -> set[str]:
    """Names in the formulas of a method: indicators, and columns of the values."""
    texts = [text for step in steps if isinstance(step, Derive) for text in step.indicators.values()]
    return {name for text in texts for name in formula(text).names}


def derived_codes(steps: Iterable[Parameters]) -> set[str]:
    """Indicators that a method derives."""
    return {code for step in steps if isinstance(step, Derive) for code in step.indicators}


def check(walk: Walk, step: Derive) -> None:
    """Every fault of the step on a framework, into the walk."""
    known = {*walk.framework.codes, *(walk.denominators or ())}
    changed = {"denominated": walk.denominated, "treated": walk.treated, "normalised": walk.scaled}
    for code, text in step.indicators.items():
        path = f".indicators.{code}"
        if code not in walk.framework.codes:
            walk.fault(f".indicators: {code!r} is no indicator of the framework")
            continue
        if code in walk.derived:
            walk.fault(f"{path}: is derived already")
        for what, codes in changed.items():
            if code in codes:
                walk.fault(f"{path}: is {what} already; derive an indicator before anything is done to it")
        for name in formula(text).names:
            if name == code:
                walk.fault(f"{path}: is made of itself; an indicator is observed or derived")
            elif name not in known and walk.denominators is not None:
                walk.fault(f"{path}: {name!r} is no indicator and no column of the values")
            for what in ("treated", "normalised"):
                if name in changed[what]:
                    walk.fault(f"{path}: {name} is {what} already; derive in front of that step")
        walk.derived.add(code)
    walk.in_time(code for code in step.indicators if code in walk.framework.codes)


def run(state: State, step: Derive) -> Outcome:
    """Compute each indicator in the order given, or refuse every row that has no value."""
    state.table, state.carried = state.table.copy(order="F"), state.carried.copy(order="F")
    state.observed, state.imputed = state.observed.copy(order="F"), state.imputed.copy(order="F")
    faults, notes = [], []
    for code, text in step.indicators.items():
        what, column = formula(text), state.column_of[code]
        given = np.flatnonzero(~np.isnan(state.values.values[:, column])).tolist()
        if given:
            more = f" and {len(given) - 1} more rows" if len(given) > 1 else ""
            name = state.values.row_name(given[0])
            faults.append(f"{name}{more}, {code}: has a value, and the method derives it; empty the column")
        own = [state.column_of[name] for name in what.names if name in state.column_of]
        parts = {
            name: state.table[:, state.column_of[name]]
            if name in state.column_of
            else np.where(state.excluded_by > 0, np.nan, state.values.denominators[name])
            for name in what.names
        }
        result = evaluated(what, parts)
        lost = undefined(result, what, parts)
        if step.where_undefined == "error":
            faults += [
                f"{state.values.row_name(row)}, {code}: {in_words(what, parts, row)} has no value; correct it, or say "
                "'where_undefined: missing'"
                for row in lost
            ]
        result[lost] = np.nan
        there = ~np.isnan(result)
        state.table[:, column] = result
        state.observed[:, column] = there & state.observed[:, own].all(axis=1)
        state.imputed[:, column] = there & state.imputed[:, own].any(axis=1)
        state.carried[:, column] = np.where(there, state.carried[:, own].max(axis=1, initial=0), 0)
        notes.append(f"{code}: {text}" + (f"; without a value: {len(lost)}" if lost else ""))
    if faults:
        raise ComputationError(place(state, "derive"), faults)
    return Outcome(notes=tuple(notes))
