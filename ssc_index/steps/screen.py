"""Screen: which rows take part at all.

What belongs here: the parameters of the step, what is wrong with them, and how it runs. What does not: the
arithmetic (`ssc_index/screen.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ssc_index import screen
from ssc_index.errors import MethodError
from ssc_index.steps.parameters import Label, Labels, Name, Parameters, Share
from ssc_index.steps.state import Outcome, State, place
from ssc_index.steps.walk import Walk, group_columns, setting_at


class Forced(BaseModel):
    """A unit that takes part, or does not, whatever the rules say.

    Attributes:
        unit: The unit.
        reason: Why; it stands in the result.
        years: Years for which it holds; None is all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    unit: Label
    reason: Name
    years: tuple[Annotated[int, Field(strict=True)], ...] | None = None


class Screen(Parameters):
    """Which rows (units × years) take part at all.

    Attributes:
        min_coverage: Least share of all indicators that must be there.
        min_coverage_by_node: Least share of the indicators beneath a node, by node code or level name.
        min_nonzero: Least share of the values that are there that are not 0.
        only_where: Labels that a group column must bear, by column.
        force_in: Units that take part whatever these rules say.
        force_out: Units that do not.
        count: ``present`` counts the table as it stands at this step (carried and imputed cells count),
            ``observed`` counts reported cells only, wherever the step stands.
    """

    step: ClassVar[str] = "screen"
    min_coverage: Share = 0.0
    min_coverage_by_node: dict[Name, Share] = Field(default_factory=dict)
    min_nonzero: Share = 0.0
    only_where: dict[Name, Labels] = Field(default_factory=dict)
    force_in: tuple[Forced, ...] = ()
    force_out: tuple[Forced, ...] = ()
    count: Literal["present", "observed"] = "present"


VARIANTS: dict[str, type[Parameters]] = {"": Screen}


def check(walk: Walk, step: Screen) -> None:
    """Every fault of the step on a framework, into the walk."""
    walk.known(step.min_coverage_by_node, "min_coverage_by_node")
    for column in step.only_where:
        if column not in walk.groups:
            walk.fault(f".only_where: {column!r} is no group column; {group_columns(walk.groups)}")
    if not (step.min_coverage or step.min_coverage_by_node or step.min_nonzero or step.only_where or step.force_out):
        walk.fault(": screens nothing; give min_coverage, min_coverage_by_node, min_nonzero, only_where or force_out")
    if step.min_nonzero and walk.scaled:
        walk.fault(".min_nonzero: a score of 0 is no value of 0; screen before normalise")
    if not walk.has_years and any(forced.years for forced in (*step.force_in, *step.force_out)):
        walk.fault(".years: the values have no column year")
    for unit in dict.fromkeys(forced.unit for forced in step.force_in):
        into, out = (_years_of(unit, forced) for forced in (step.force_in, step.force_out))
        if out == set() or (None not in into | out and not into & out):
            continue
        walk.fault(f".force_out: {unit!r} is forced in too")
    if walk.done:
        walk.fault(": comes after an aggregation; screen before scores are aggregated")


def _years_of(unit: str, forced: Sequence[Forced]) -> set[int | None]:
    """Years for which a unit is forced; None stands for all."""
    return {year for one in forced if one.unit == unit for year in (one.years or (None,))}


def run(state: State, step: Screen) -> Outcome:
    """Leave rows out: their cells are missing from here on."""
    present = state.observed if step.count == "observed" else ~np.isnan(state.table)
    framework = state.framework
    root = framework.root.code
    by_node = {node.code: setting_at(step.min_coverage_by_node, node) or 0.0 for node in framework.nodes}
    by_node[root] = max(by_node[root], step.min_coverage)
    least = {node: share for node, share in by_node.items() if share > 0}
    columns = {node: state.columns(framework.leaves_under[node]) for node in least}
    found = screen.coverage_reasons(present, columns, least)
    for column, wanted in step.only_where.items():
        _some_label_occurs(state, column, wanted)
        labels = screen.label_reasons(state.values.groups[column], column, wanted)
        found = [one + other for one, other in zip(labels, found, strict=True)]
    if step.min_nonzero:
        table = state.values.values if step.count == "observed" else state.table
        found = [one + other for one, other in zip(found, screen.zero_reasons(table, step.min_nonzero), strict=True)]
    notes = _force(state, step, found)
    out = np.array([bool(reasons) for reasons in found], dtype=bool) & (state.excluded_by == 0)
    for row in np.flatnonzero(out).tolist():
        state.reasons[row] = found[row]
    state.excluded_by[out] = state.number
    state.table = np.where((state.excluded_by > 0)[:, None], np.nan, state.table).copy(order="F")
    return Outcome(notes=(f"{int(out.sum())} of {out.size} rows screened out", *notes))


def _force(state: State, step: Screen, found: list[list[str]]) -> list[str]:
    """Overrule the reasons found where a unit is forced; what to note of those kept."""
    notes, faults = [], []
    for key, forced in (("force_in", step.force_in), ("force_out", step.force_out)):
        for one in forced:
            rows = [row for row, unit in enumerate(state.values.units) if unit == one.unit]
            if one.years is not None and state.values.years is not None:
                rows = [row for row in rows if state.values.years[row] in one.years]
            if not rows:
                years = "" if one.years is None else f" in {', '.join(map(str, one.years))}"
                faults.append(f"{key}: no unit {one.unit!r}{years} in the values")
            for row in rows:
                name = state.values.row_name(row)
                if key == "force_out":
                    found[row] = [*found[row], f"forced out: {one.reason}"]
                elif state.excluded_by[row]:
                    faults.append(f"{key}: {name} was screened out by step {state.excluded_by[row]}; force it in there")
                else:
                    notes += [f"{name} is forced in ({one.reason}), although {why}" for why in found[row]]
                    found[row] = []
    if faults:
        raise MethodError(place(state, "screen"), faults)
    return notes


def _some_label_occurs(state: State, column: str, wanted: Sequence[str]) -> None:
    """Refuse labels of which none occurs: every row would be left out by a slip of the pen."""
    labels = {label for label in state.values.groups[column] if label is not None}
    if state.values.units and not labels & set(wanted):
        said = ", ".join(repr(label) for label in sorted(labels)[:20])
        fault = f"only_where: none of {', '.join(map(repr, wanted))} occurs in column {column!r}; its labels are {said}"
        raise MethodError(place(state, "screen"), [fault])
