"""Treat: outliers, before they stretch a scale.

What belongs here: the parameters of the step, what is wrong with them, and how it runs. What does not: the
arithmetic (`ssc_index/treat.py`).
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from ssc_index import treat
from ssc_index.framework.model import Node
from ssc_index.steps.normalise import Normalise, NormaliseGoalposts
from ssc_index.steps.parameters import Count, Names, Number, Parameters, Positive
from ssc_index.steps.state import Outcome, State, in_year
from ssc_index.steps.walk import Walk, indicators_meant, listed


class TreatNone(Parameters):
    """Leave outliers as they are."""

    step: ClassVar[str] = "treat"
    method: Literal["none"]


class TreatWinsorise(Parameters):
    """Pull the extremes of skewed indicators in, then take a logarithm if that was not enough.

    Attributes:
        max_points: Stop once this many cells stand at a cap.
        skew: An indicator is treated if its absolute skewness reaches this …
        kurtosis: … and its excess kurtosis reaches this.
        fallback: What follows if the winsorised indicator still fails: ``log`` or ``none``.
        only: Nodes or levels whose indicators are treated; None is all.
    """

    step: ClassVar[str] = "treat"
    method: Literal["winsorise"] = "winsorise"
    max_points: Count = 5
    skew: Positive = 2.0
    kurtosis: Number = 3.5
    fallback: Literal["log", "none"] = "log"
    only: Names | None = None


VARIANTS: dict[str, type[Parameters]] = {"": TreatWinsorise, "none": TreatNone, "winsorise": TreatWinsorise}


def check(walk: Walk, step: TreatNone | TreatWinsorise) -> None:
    """Every fault of the step on a framework, into the walk."""
    if isinstance(step, TreatNone):
        return
    if not walk.known(step.only, "only"):
        return
    meant = indicators_meant(walk.framework, step.only)
    twice = [code for code in meant if code in walk.treated]
    if twice:
        walk.fault(f": {listed(twice)} are treated already; an indicator is treated once")
    walk.in_time(meant)
    walk.treated.update(meant)
    if step.fallback == "log":
        walk.logged.update(code for code in meant if code not in walk.scaled)


def run(state: State, step: TreatNone | TreatWinsorise) -> Outcome:
    """Treat each indicator, year by year."""
    if isinstance(step, TreatNone):
        return Outcome()
    codes = indicators_meant(state.framework, step.only)
    anchors = {code: _anchors(state, state.framework.by_code[code]) for code in codes}
    table = state.table.copy(order="F")
    shape = (len(state.blocks), len(state.values.codes))
    found = {name: np.full(shape, np.nan) for name in ("skewness", "kurtosis", "n_points", "log_shift")}
    notes = []
    for block, (year, rows) in enumerate(state.blocks):
        for code, column in zip(codes, state.columns(codes), strict=True):
            node = state.framework.by_code[code]
            done = treat.treat_column(
                np.ascontiguousarray(state.table[rows, column]),
                step.max_points,
                step.skew,
                step.kurtosis,
                step.fallback == "log" and node.transform == "none",
                anchors[code],
            )
            table[rows, column] = done.values
            state.log_shift[rows, column] = done.shift
            statistics = (done.skewness, done.kurtosis, done.n_points, done.shift)
            for name, number in zip(found, statistics, strict=True):
                found[name][block, column] = number
            if done.rule in ("winsorised", "logged"):
                notes.append(f"{code}{in_year(year)}: {done.rule}")
    treated = (table != state.table) & ~np.isnan(table)
    state.table = table
    return Outcome(
        treated=treated, parameters=found, blocks=tuple(year for year, _ in state.blocks), notes=tuple(notes)
    )


def _anchors(state: State, node: Node) -> tuple[float, ...]:
    """Goalposts that a later step of the method will compare with the indicator's treated values."""
    if node.code in state.scaled or node.low is None or node.high is None:
        return ()
    for step in state.steps[state.number :]:
        if isinstance(step, Normalise) and node.code in indicators_meant(state.framework, step.only):
            return (node.low, node.high) if isinstance(step, NormaliseGoalposts) else ()
    return ()
