"""Aggregate: scores up the tree.

What belongs here: the parameters of the step, what is wrong with them, and how it runs. What does not: the
arithmetic (`ssc_index/aggregate.py`, `ssc_index/weights.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Annotated, ClassVar, cast

import numpy as np
from pydantic import Field

from ssc_index.aggregate import refused, weighted_mean
from ssc_index.errors import ComputationError
from ssc_index.framework.model import Framework, Node
from ssc_index.steps.parameters import Mean, Name, Names, Parameters, Share
from ssc_index.steps.state import Outcome, State, all_scores, place
from ssc_index.steps.walk import Walk, listed, nodes_reached, setting_at
from ssc_index.values import Floats
from ssc_index.weights import sibling_weights


class Aggregate(Parameters):
    """Weighted means up the tree, over what is present.

    Attributes:
        method: Mean at every node that nothing else names.
        levels: Mean by node code or level name; the framework's own ``aggregation`` at a node comes first.
        weights: ``framework``, ``equal`` for all, or a weight set of the framework.
        min_coverage: Least share of a node's children that must be present, for all nodes or by node code or
            level name; a node below it has no score.
        floor: Scores below it are raised to it where a geometric mean takes them; with 0 a part of 0 makes
            the mean 0; None refuses 0 and less.
        leave_out: Nodes that count as if the framework lacked them, in weights and coverage; a node all of whose
            children are left out is left out itself. Their own scores are computed all the same.
        to: Level at which the step stops; None is the root.
    """

    step: ClassVar[str] = "aggregate"
    method: Mean = "arithmetic"
    levels: dict[Name, Mean] = Field(default_factory=dict)
    weights: Name = "framework"
    min_coverage: Share | dict[Name, Share] = 0.0
    floor: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)] | None = None
    leave_out: Names | None = None
    to: Name | None = None


VARIANTS: dict[str, type[Parameters]] = {"": Aggregate}


def check(walk: Walk, step: Aggregate) -> None:
    """Every fault of the step on a framework, into the walk."""
    by_coverage = step.min_coverage if isinstance(step.min_coverage, dict) else {}
    if step.weights not in ("framework", "equal", *walk.framework.weight_sets):
        known = ", ".join(("framework", "equal", *walk.framework.weight_sets))
        walk.fault(f".weights: {step.weights!r} is no weight set; known are {known}")
    fits = walk.known(step.levels, "levels") & walk.known(by_coverage, "min_coverage")
    if walk.known(step.leave_out, "leave_out") and walk.framework.root.code in left_out(walk.framework, step.leave_out):
        walk.fault(".leave_out: leaves nothing of the root")
    if step.to is not None and step.to not in walk.framework.levels[:-1]:
        walk.fault(f".to: {step.to!r} is no level above the indicators: {', '.join(walk.framework.levels[:-1])}")
        return
    nodes = nodes_reached(walk.framework, walk.done, step.to)
    if not nodes:
        walk.fault(": everything up to there is aggregated already; drop the step")
        return
    if fits:
        _check_settings(walk, step, nodes, by_coverage)
    _check_scales(walk, nodes)
    walk.done.update(node.code for node in nodes)


def _check_settings(walk: Walk, step: Aggregate, nodes: Collection[Node], by_coverage: Iterable[str]) -> None:
    """Names and the floor must concern some node that this step computes."""
    reached = {node.code for node in nodes} | {node.level for node in nodes}
    for key, names in (("levels", step.levels), ("min_coverage", by_coverage)):
        for name in names:
            if name not in reached:
                walk.fault(f".{key}: {name!r} is not aggregated by this step, so that it would change nothing")
    if step.floor is not None and all(mean_at(step, node) != "geometric" for node in nodes):
        walk.fault(".floor: no node of this step has a geometric mean, so that it would change nothing")


def mean_at(step: Aggregate, node: Node) -> Mean:
    """The mean at a node: the framework's own, else the step's for the node, its level, or all."""
    if node.aggregation is not None:
        return cast(Mean, node.aggregation)  # the loader proved that it is one
    return setting_at(step.levels, node) or step.method


def _check_scales(walk: Walk, nodes: Iterable[Node]) -> None:
    """Indicators about to be averaged must be on a common scale, or be scores by the user's word."""
    children = [child for node in nodes for child in walk.framework.children[node.code]]
    raw = [child for child in children if child.code in walk.framework.codes and child.code not in walk.scaled]
    if raw and walk.scaled:
        walk.fault(f": {listed([node.code for node in raw])} are not normalised, other indicators are")
    lower = [node.code for node in raw if node.direction == "lower" or node.transform != "none"]
    if lower and not walk.scaled:
        walk.fault(
            f": no step normalises {listed(lower)}, where less is better or a transform applies; "
            "normalise first, or say 'normalise: {method: none}' if the values are scores already"
        )


def run(state: State, step: Aggregate) -> Outcome:
    """Compute nodes from their children, the lowest first."""
    scores = all_scores(state)
    position = state.node_column_of
    faults: list[str] = []
    nodes = nodes_reached(state.framework, state.done, step.to)
    out = left_out(state.framework, step.leave_out)
    for node in nodes:
        children = [child for child in state.framework.children[node.code] if child.code not in out]
        if not children:
            continue
        parts = [scores[:, position[child.code]] for child in children]
        mean, least = mean_at(step, node), _least_coverage(step, node)
        if mean == "geometric":
            parts, found = _positive(state, step, node, children, parts)
            faults += found
        weights = sibling_weights(children, step.weights)
        scores[:, position[node.code]] = weighted_mean(parts, weights, mean, least)
    if faults:
        raise ComputationError(place(state, "aggregate"), faults)
    state.scores = scores
    state.done |= {node.code for node in nodes}
    return Outcome()


def left_out(framework: Framework, names: Iterable[str] | None) -> set[str]:
    """Codes of the nodes that names leave out, and of those above them that have no child left."""
    out = {node.code for name in names or () for node in framework.named(name)}
    for node in reversed(framework.nodes) if out else ():
        children = framework.children.get(node.code, ())
        if children and all(child.code in out for child in children):
            out.add(node.code)
    return out


def _positive(
    state: State, step: Aggregate, node: Node, children: Sequence[Node], parts: Sequence[Floats]
) -> tuple[list[Floats], list[str]]:
    """Raise scores to the floor, or refuse every one that is not above 0."""
    if step.floor is not None:
        return [np.maximum(part, step.floor) for part in parts], []
    faults = [
        f"{state.values.row_name(row)}, {children[child].code}: {parts[child][row]:g} is not above 0, so "
        f"{node.code} has no geometric mean; give the step a floor, or this node another mean"
        for row, child in refused(parts, _least_coverage(step, node))
    ]
    return [np.where(part <= 0, np.nan, part) for part in parts], faults


def _least_coverage(step: Aggregate, node: Node) -> float:
    """Share of the children that must be present at a node."""
    if not isinstance(step.min_coverage, dict):
        return step.min_coverage
    return setting_at(step.min_coverage, node) or 0.0
