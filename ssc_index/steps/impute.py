"""Impute: missing cells filled, each flagged.

What belongs here: the parameters of the step, what is wrong with them, and how it runs. What does not: the
arithmetic (`ssc_index/impute.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ssc_index import impute
from ssc_index.framework.model import Framework, Node
from ssc_index.steps.parameters import Name, Names, Parameters
from ssc_index.steps.state import Bools, Outcome, State, in_year
from ssc_index.steps.walk import Walk, group_columns, indicators_meant, listed, nodes_meant
from ssc_index.values import Floats


class ImputeNone(Parameters):
    """Leave missing cells missing."""

    step: ClassVar[str] = "impute"
    method: Literal["none"]


class ImputeCentre(Parameters):
    """Fill by the mean or median of the units of the same year.

    Attributes:
        only: Nodes or levels that are filled; None is all.
        level: Level whose scores are filled, once they are aggregated; None is the indicators.
    """

    step: ClassVar[str] = "impute"
    method: Literal["mean", "median"]
    only: Names | None = None
    level: Name | None = None


class ImputeGroup(Parameters):
    """Fill by the mean or median of the units of the same year and group.

    Attributes:
        group: Group column of the values.
        only: Nodes or levels that are filled; None is all.
        level: Level whose scores are filled, once they are aggregated; None is the indicators.
    """

    step: ClassVar[str] = "impute"
    method: Literal["group_mean", "group_median"]
    group: Name
    only: Names | None = None
    level: Name | None = None


class ImputeLastValue(Parameters):
    """Fill by the unit's own last value from an earlier year.

    Attributes:
        max_years: Greatest age in years; None is any age.
        only: Nodes or levels that are filled; None is all.
        level: Level whose scores are filled, once they are aggregated; None is the indicators.
    """

    step: ClassVar[str] = "impute"
    method: Literal["last_value"]
    max_years: Annotated[int, Field(strict=True, ge=1)] | None = None
    only: Names | None = None
    level: Name | None = None


Impute = ImputeCentre | ImputeGroup | ImputeLastValue


VARIANTS: dict[str, type[Parameters]] = {
    "none": ImputeNone,
    "mean": ImputeCentre,
    "median": ImputeCentre,
    "group_mean": ImputeGroup,
    "group_median": ImputeGroup,
    "last_value": ImputeLastValue,
}


def level_of_scores(framework: Framework, step: Impute) -> str | None:
    """Level whose scores an imputation fills; None for the indicators."""
    return None if step.level == framework.levels[-1] else step.level


def check(walk: Walk, step: ImputeNone | Impute) -> None:
    """Every fault of the step on a framework, into the walk."""
    if isinstance(step, ImputeNone):
        return
    if isinstance(step, ImputeGroup) and step.group not in walk.groups:
        walk.fault(f".group: {step.group!r} is no group column; {group_columns(walk.groups)}")
    if isinstance(step, ImputeLastValue) and not walk.has_years:
        walk.fault(": last_value needs years, but the values have no column year")
    if not walk.known(step.only, "only"):
        return
    level = level_of_scores(walk.framework, step)
    if level is None:
        meant = indicators_meant(walk.framework, step.only)
        walk.in_time(meant)
        logged = [code for code in meant if code in walk.logged - walk.scaled]
        if isinstance(step, ImputeLastValue) and logged:
            walk.fault(
                f": {listed(logged)} may be on another logarithm in each year; carry values before treat, "
                "or scores after normalise, or treat with 'fallback: none'"
            )
    elif level not in walk.framework.levels:
        walk.fault(f".level: {level!r} is no level; levels are {', '.join(walk.framework.levels)}")
    else:
        _check_impute_level(walk, level, nodes_meant(walk.framework, level, step.only))


def _check_impute_level(walk: Walk, level: str, nodes: Collection[Node]) -> None:
    """Scores of a level must have been aggregated, and their parents must not."""
    if not nodes:
        walk.fault(f".only: names no node of level {level!r}")
    missing = [node.code for node in nodes if node.code not in walk.done]
    if missing:
        walk.fault(f".level: {listed(missing)} are not aggregated yet; put 'aggregate: {{to: {level}}}' before it")
    late = [node.code for node in nodes if node.parent is None or node.parent in walk.done]
    if late and not missing:
        walk.fault(
            f".level: the nodes above {listed(late)} are aggregated already, so that it would change "
            f"nothing; stop the aggregation before it by 'to: {level}'"
        )


def run(state: State, step: ImputeNone | Impute) -> Outcome:
    """Fill indicators, or the scores of a level."""
    if isinstance(step, ImputeNone):
        return Outcome()
    level = level_of_scores(state.framework, step)
    if level is None:
        codes = indicators_meant(state.framework, step.only)
        columns, table, flags = state.columns(codes), state.table, state.imputed
    else:
        codes = tuple(node.code for node in nodes_meant(state.framework, level, step.only))
        columns, table, flags = state.node_columns(codes), state.scores, state.filled_nodes
    wanted = np.zeros(table.shape, dtype=bool)
    wanted[:, columns] = True
    wanted[state.excluded_by > 0] = False
    filled, ages, notes = _fill(state, step, table, wanted, ~flags)
    new = np.isnan(table) & ~np.isnan(filled)
    if not np.array_equal(filled[~np.isnan(table)], table[~np.isnan(table)]):
        raise AssertionError("imputation changed a cell that was there")
    if level is None:
        state.table, state.imputed, state.carried = filled, flags | new, np.maximum(state.carried, ages)
        return Outcome(imputed=new, carried=ages, notes=tuple(notes))
    state.scores, state.filled_nodes = filled, flags | new
    return Outcome(imputed=new, carried=ages, notes=tuple(notes))


def _fill(
    state: State, step: Impute, table: Floats, wanted: Bools, donors: Bools
) -> tuple[Floats, NDArray[np.int16], list[str]]:
    """Fill a table by the step's method; notes name groups that had nothing to give."""
    if isinstance(step, ImputeLastValue):
        assert state.values.years is not None
        filled, ages = impute.fill_by_last_value(
            table, state.values.units, state.values.years, step.max_years, wanted, donors
        )
        return filled, ages, []
    groups, names = _groups(state, step)
    centre: impute.Centre = "median" if step.method.endswith("median") else "mean"
    filled, empty = impute.fill_by_group(table, groups, centre, wanted)
    codes = state.values.codes
    if table.shape[1] != len(codes):
        codes = tuple(node.code for node in state.framework.nodes)
    notes = [
        f"{codes[column]}: {names[group]} has no value; cells that stay missing: {cells}"
        for group, column, cells in empty
    ]
    left = np.isnan(table) & wanted & (groups < 0)[:, None]
    if left.any():
        notes.append(f"rows without a label take no part; cells that stay missing: {int(left.sum())}")
    return filled, np.zeros(table.shape, dtype=np.int16), notes


def _groups(state: State, step: ImputeCentre | ImputeGroup) -> tuple[NDArray[np.int64], list[str]]:
    """Number of each row's group (year × label) and its name; −1 for rows that take no part."""
    years = state.values.years or (None,) * len(state.values.units)
    labels: Sequence[str | None] = [""] * len(years)
    if isinstance(step, ImputeGroup):
        labels = state.values.groups[step.group]
    keys: dict[tuple[int | None, str], int] = {}
    numbers = np.full(len(years), -1, dtype=np.int64)
    for row, (year, label) in enumerate(zip(years, labels, strict=True)):
        if label is not None and not state.excluded_by[row]:
            numbers[row] = keys.setdefault((year, label), len(keys))
    if isinstance(step, ImputeCentre):
        return numbers, [f"all units{in_year(year)}" for year, _ in keys]
    return numbers, [f"{step.group} {label!r}{in_year(year)}" for year, label in keys]
