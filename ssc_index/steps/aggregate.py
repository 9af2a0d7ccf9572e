"""Aggregate: scores up the tree.

What belongs here: the parameters of the step, what is wrong with them, and how it runs. What does not: the rules at a
node (`steps/rules.py`) and the arithmetic (`ssc_index/aggregate.py` and its neighbours, `ssc_index/weights.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ssc_index.aggregate import taking_part
from ssc_index.aggregate_cohort import blended
from ssc_index.benefit_of_doubt import DoubtError
from ssc_index.errors import ComputationError
from ssc_index.framework.model import Framework, Node
from ssc_index.steps.parameters import Name, Names, Parameters, Share
from ssc_index.steps.rules import How, Rule, rule_of
from ssc_index.steps.state import Ints, Outcome, State, all_scores, place
from ssc_index.steps.walk import Walk, group_columns, listed, nodes_reached, setting_at
from ssc_index.unobserved import UnobservedError
from ssc_index.values import Floats
from ssc_index.weights import sibling_weights

Decimals = Annotated[int, Field(strict=True, ge=0, le=15)]
Cohort = tuple[slice | Ints, list[float]]  # rows, and the weights that they share


class Blend(BaseModel):
    """A share of the mean of a group of units in the score of each of them.

    Attributes:
        group: Group column.
        share: Share of the group's mean, above 0 and at most 1.
        at: Nodes or levels where it is done.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    group: Name
    share: Annotated[float, Field(strict=True, gt=0, le=1)]
    at: Names


class Aggregate(Parameters):
    """Scores of nodes from the scores of their children, over what is present.

    Attributes:
        method: Rule at every node that nothing else names: ``arithmetic``, or ``{generalised: {p: 2}}``.
        levels: Rule by node code or level name; the framework's own ``aggregation`` at a node comes first.
        weights: ``framework`` (what a step *weights* has set comes first), ``equal`` for all, or a weight set of the
            framework.
        min_coverage: Least share of a node's children that must be present, for all nodes or by node code or
            level name; a node below it has no score.
        floor: Scores below it are raised to it where a rule takes them that refuses 0 (geometric, harmonic,
            generalised); with 0 a part of 0 makes the mean 0; None refuses 0 and less.
        leave_out: Nodes that count as if the framework lacked them, in weights and coverage; a node all of whose
            children are left out is left out itself. Their own scores are computed all the same.
        blend: Draws scores towards the mean of a group of units in the same year.
        round: Decimals to which scores are rounded (half to even) before they go up, for all or by node or level.
        to: Level at which the step stops; None is the root.
    """

    step: ClassVar[str] = "aggregate"
    method: How = "arithmetic"
    levels: dict[Name, How] = Field(default_factory=dict)
    weights: Name = "framework"
    min_coverage: Share | dict[Name, Share] = 0.0
    floor: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)] | None = None
    leave_out: Names | None = None
    blend: Blend | None = None
    round: Decimals | dict[Name, Decimals] | None = None
    to: Name | None = None


VARIANTS: dict[str, type[Parameters]] = {"": Aggregate}


def check(walk: Walk, step: Aggregate) -> None:
    """Every fault of the step on a framework, into the walk."""
    named: dict[str, Collection[str]] = {
        "levels": step.levels,
        "min_coverage": step.min_coverage if isinstance(step.min_coverage, dict) else (),
        "round": step.round if isinstance(step.round, dict) else (),
        "blend.at": step.blend.at if step.blend else (),
    }
    sources = ("framework", "equal", *walk.framework.weight_sets)
    if step.weights not in sources:
        walk.fault(f".weights: {step.weights!r} is no weight set; known are {', '.join(sources)}")
    known = [walk.known(names, key) for key, names in named.items()]  # all of them: each reports its own
    if step.blend and step.blend.group not in walk.groups:
        walk.fault(f".blend.group: {step.blend.group!r} is no group column; {group_columns(walk.groups)}")
    if walk.known(step.leave_out, "leave_out") and walk.framework.root.code in left_out(walk.framework, step.leave_out):
        walk.fault(".leave_out: leaves nothing of the root")
    if step.to is not None and step.to not in walk.framework.levels[:-1]:
        walk.fault(f".to: {step.to!r} is no level above the indicators: {', '.join(walk.framework.levels[:-1])}")
        return
    nodes = nodes_reached(walk.framework, walk.done, step.to)
    if not nodes:
        walk.fault(": everything up to there is aggregated already; drop the step")
        return
    if all(known):
        _check_settings(walk, step, nodes, named)
    _check_rules(walk, step, nodes)
    _check_scales(walk, nodes)
    walk.done.update(node.code for node in nodes)


def _check_settings(walk: Walk, step: Aggregate, nodes: Collection[Node], named: Mapping[str, Iterable[str]]) -> None:
    """Names and the floor must concern some node that this step computes."""
    reached = {node.code for node in nodes} | {node.level for node in nodes}
    for key, names in named.items():
        for name in names:
            if name not in reached:
                walk.fault(f".{key}: {name!r} is not aggregated by this step, so that it would change nothing")
    if step.floor is not None and not any(rule_at(step, node).takes_floor for node in nodes):
        walk.fault(
            ".floor: no node of this step has a geometric mean or another rule that refuses 0, so that it would "
            "change nothing"
        )


def _check_rules(walk: Walk, step: Aggregate, nodes: Iterable[Node]) -> None:
    """Rules must suit the children and the weights that steps have set for them."""
    out = left_out(walk.framework, step.leave_out)
    for node in nodes:
        children = [child.code for child in walk.framework.children[node.code] if child.code not in out]
        rule = rule_at(step, node)
        for fault in rule.faults(children) if children else ():
            walk.fault(f": {node.code}: {fault}")
        if walk.weighed & set(children):
            if step.weights != "framework":
                walk.fault(f".weights: {step.weights!r}, but a step weights has set those under {node.code}")
            elif node.code in walk.grouped and rule.cohort:
                walk.fault(f": {node.code}: {rule.name} compares units, which have no weights in common")
            elif not rule.weighs:
                walk.fault(f": {node.code}: {rule.name} asks for no weights, but a step has set them")
        walk.weighed -= {child.code for child in walk.framework.children[node.code]}


def mean_at(step: Aggregate, node: Node) -> str:
    """Name of the rule at a node."""
    return rule_at(step, node).name


def rule_at(step: Aggregate, node: Node) -> Rule:
    """The rule at a node: the framework's own, else the step's for the node, its level, or all."""
    return rule_of(node.aggregation or setting_at(step.levels, node) or step.method)


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
        score, found = _node_score(state, step, node, children, parts)
        faults += found
        scores[:, position[node.code]] = _finished(state, step, node, score)
    if faults:
        raise ComputationError(place(state, "aggregate"), faults)
    state.scores = scores
    state.done |= {node.code for node in nodes}
    return Outcome()


def _node_score(
    state: State, step: Aggregate, node: Node, children: Sequence[Node], parts: list[Floats]
) -> tuple[Floats, list[str]]:
    """Score of a node, year by year where years differ, and what its rule refuses."""
    rule = rule_at(step, node).among([child.code for child in children])
    least = _setting(step.min_coverage, node) or 0.0
    by_year = [rows for _, rows in state.blocks]
    given = parts
    cohorts = _cohorts(state, step, node, children, apart=rule.cohort)
    if rule.cohort:
        parts = _of_cohort(parts, cohorts, least)
    parts, refusals = rule.prepared(parts, by_year)
    if rule.takes_floor and step.floor is not None:
        parts = [np.maximum(part, step.floor) for part in parts]
    score = np.full(parts[0].shape, np.nan)
    numbers = np.arange(score.size)
    for rows, own in cohorts:
        pieces, number = [part[rows] for part in parts], numbers[rows]
        if not (rule.takes_floor and step.floor is not None):
            # a child without weight has no say, whatever its score
            found = [one for one in rule.refusals(pieces, own, least) if one[1] < 0 or own[one[1]] > 0]
            refusals += [(int(number[row]), child, text) for row, child, text in found]
            pieces = _without(pieces, found)
        try:
            score[rows] = rule.combine(pieces, own, least)
        except UnobservedError as error:
            said = f"{children[error.child].code} " if error.child >= 0 else ""
            refusals += [(int(number[0]), -1, f"{said}{error}")]
        except DoubtError as error:
            refusals += [(int(number[row]), -1, "its restrictions leave it no weights") for row in error.rows]
    return score, [_refusal(state, rule, node, children, given, one) for one in refusals]


def _of_cohort(parts: Sequence[Floats], cohorts: Sequence[Cohort], least: float) -> list[Floats]:
    """Parts of the rows that reach the coverage in their year; the others enter no mean, minimum or rank."""
    joins = np.concatenate([taking_part([part[rows] for part in parts], own, least) for rows, own in cohorts])
    return [np.where(joins, part, np.nan) for part in parts]


def _cohorts(state: State, step: Aggregate, node: Node, children: Sequence[Node], apart: bool) -> list[Cohort]:
    """Rows that have the same weights, with these; years apart if they must be, or if their weights differ."""
    if step.weights == "framework" and (grouped := state.group_weights.get(node.code)) is not None:
        columns = [grouped.codes.index(child.code) for child in children]
        found = [np.flatnonzero(grouped.group_of == number) for number in range(len(grouped.labels))]
        return [(rows, own[columns].tolist()) for rows, own in zip(found, grouped.table, strict=True)]
    weights = _weights(state, step, children)
    if (weights == weights[0]).all() and not apart:
        return [(slice(0, len(state.values.units)), weights[0].tolist())]
    return [(rows, own.tolist()) for (_, rows), own in zip(state.blocks, weights, strict=True)]


def _weights(state: State, step: Aggregate, children: Sequence[Node]) -> Floats:
    """Weights of the children by year, shape (n_blocks, n_children), and note them as those that were used."""
    own = np.tile(np.array(sibling_weights(children, step.weights)), (len(state.blocks), 1))
    columns = state.node_columns([child.code for child in children])
    if step.weights == "framework":
        estimated = state.weights[:, columns]
        own = np.where(np.isnan(estimated), own, estimated)
    state.weights_used[:, columns] = own
    return own


def _without(parts: Sequence[Floats], refused: Iterable[tuple[int, int, str]]) -> list[Floats]:
    """Parts without the cells that are refused, so that the others can be looked at all the same."""
    kept = [part.copy() for part in parts]
    for row, child, _ in refused:
        for part in kept if child < 0 else (kept[child],):
            part[row] = np.nan
    return kept


def _refusal(
    state: State, rule: Rule, node: Node, children: Sequence[Node], parts: Sequence[Floats], one: tuple[int, int, str]
) -> str:
    """A refusal in words: unit, node, score, rule."""
    row, child, text = one
    unit = state.values.row_name(row)
    if child < 0:
        return f"{unit}, {node.code}: {text}, so it has no score by {rule.name}"
    floor = "give the step a floor, or this node another mean" if rule.takes_floor else "give this node another rule"
    said = f"{rule.name} mean" if rule.takes_floor else f"score by {rule.name}"
    return f"{unit}, {children[child].code}: {parts[child][row]:g} {text}, so {node.code} has no {said}; {floor}"


def _finished(state: State, step: Aggregate, node: Node, score: Floats) -> Floats:
    """A node's score with the mean of its group blended in, and rounded."""
    if step.blend and any(node in state.framework.named(name) for name in step.blend.at):
        labels = state.values.groups[step.blend.group]
        score = np.concatenate([blended(score[rows], labels[rows], step.blend.share) for _, rows in state.blocks])
    decimals = _setting(step.round, node)
    return score if decimals is None else np.round(score, decimals)


def _setting(given: float | dict[str, float] | dict[str, int] | None, node: Node) -> Any:
    """What a setting for all, or by node code or level name, says of a node."""
    return setting_at(given, node) if isinstance(given, dict) else given


def left_out(framework: Framework, names: Iterable[str] | None) -> set[str]:
    """Codes of the nodes that names leave out, and of those above them that have no child left."""
    out = {node.code for name in names or () for node in framework.named(name)}
    for code in tuple(out):
        parent = framework.by_code[code].parent
        while parent is not None and all(child.code in out for child in framework.children[parent]):
            out.add(parent)
            parent = framework.by_code[parent].parent
    return out
