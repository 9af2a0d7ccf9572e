"""Screen: which rows take part at all.

What belongs here: the parameters of the step, what is wrong with them, and how it runs. What does not: the
arithmetic (`ssc_index/screen.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from ssc_index import screen
from ssc_index.errors import MethodError
from ssc_index.steps.parameters import Labels, Name, Parameters, Share
from ssc_index.steps.state import Outcome, State, place
from ssc_index.steps.walk import Walk, group_columns, setting_at


class Screen(Parameters):
    """Which rows (units × years) take part at all.

    Attributes:
        min_coverage: Least share of all indicators that must be there.
        min_coverage_by_node: Least share of the indicators beneath a node, by node code or level name.
        only_where: Labels that a group column must bear, by column.
        count: ``present`` counts the table as it stands at this step (carried and imputed cells count),
            ``observed`` counts reported cells only, wherever the step stands.
    """

    step: ClassVar[str] = "screen"
    min_coverage: Share = 0.0
    min_coverage_by_node: dict[Name, Share] = Field(default_factory=dict)
    only_where: dict[Name, Labels] = Field(default_factory=dict)
    count: Literal["present", "observed"] = "present"


VARIANTS: dict[str, type[Parameters]] = {"": Screen}


def check(walk: Walk, step: Screen) -> None:
    """Every fault of the step on a framework, into the walk."""
    walk.known(step.min_coverage_by_node, "min_coverage_by_node")
    for column in step.only_where:
        if column not in walk.groups:
            walk.fault(f".only_where: {column!r} is no group column; {group_columns(walk.groups)}")
    if not (step.min_coverage or step.min_coverage_by_node or step.only_where):
        walk.fault(": screens nothing; give min_coverage, min_coverage_by_node or only_where")
    if walk.done:
        walk.fault(": comes after an aggregation; screen before scores are aggregated")


def run(state: State, step: Screen) -> Outcome:
    """Leave rows out: their cells are missing from here on."""
    present = ~np.isnan(state.values.values if step.count == "observed" else state.table)
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
    out = np.array([bool(reasons) for reasons in found], dtype=bool) & (state.excluded_by == 0)
    for row in np.flatnonzero(out).tolist():
        state.reasons[row] = found[row]
    state.excluded_by[out] = state.number
    state.table = np.where((state.excluded_by > 0)[:, None], np.nan, state.table).copy(order="F")
    return Outcome(notes=(f"{int(out.sum())} of {out.size} rows screened out",))


def _some_label_occurs(state: State, column: str, wanted: Sequence[str]) -> None:
    """Refuse labels of which none occurs: every row would be left out by a slip of the pen."""
    labels = {label for label in state.values.groups[column] if label is not None}
    if state.values.units and not labels & set(wanted):
        said = ", ".join(repr(label) for label in sorted(labels)[:20])
        fault = f"only_where: none of {', '.join(map(repr, wanted))} occurs in column {column!r}; its labels are {said}"
        raise MethodError(place(state, "screen"), [fault])
