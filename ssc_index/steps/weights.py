"""Weights: what children count in their parents, where the framework's own weights are not meant.

What belongs here: the parameters of the step, what is wrong with them, and how it runs. What does not: the arithmetic
(`ssc_index/weights_data.py`, `weights_expert.py`, `weights_target.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ssc_index import weights_data, weights_target
from ssc_index.errors import ComputationError
from ssc_index.framework.model import Framework, Node
from ssc_index.steps.parameters import Parameters
from ssc_index.steps.state import GroupWeights, Outcome, State, all_scores, in_year, place
from ssc_index.steps.walk import Walk, group_columns, listed
from ssc_index.steps.weights_parameters import (
    FromScores,
    Stated,
    Weights,
    WeightsAhp,
    WeightsBod,
    WeightsBudget,
    WeightsByGroup,
    WeightsCritic,
    WeightsDeviation,
    WeightsEntropy,
    WeightsEqual,
    WeightsFactor,
    WeightsGiven,
    WeightsOptimised,
    WeightsPca,
    WeightsRegression,
)
from ssc_index.values import Floats
from ssc_index.weights_data import WeightError

VARIANTS: dict[str, type[Parameters]] = {
    "equal": WeightsEqual,
    "given": WeightsGiven,
    "by_group": WeightsByGroup,
    "pca": WeightsPca,
    "factor": WeightsFactor,
    "critic": WeightsCritic,
    "deviation": WeightsDeviation,
    "entropy": WeightsEntropy,
    "regression": WeightsRegression,
    "bod": WeightsBod,
    "budget": WeightsBudget,
    "ahp": WeightsAhp,
    "optimised": WeightsOptimised,
}
Family = tuple[Node, tuple[Node, ...]]


def check(walk: Walk, step: Weights) -> None:
    """Every fault of the step on a framework, into the walk."""
    before = len(walk.faults)
    walk.known(step.under, "under")
    _check_names(walk, step)
    if len(walk.faults) > before:
        return
    meant = families(walk.framework, step)
    done = [parent.code for parent, _ in meant if parent.code in walk.done]
    if done and (step.under is not None or step.codes()):
        walk.fault(f": comes after the aggregation of {listed(done)}; move it in front of that step")
        return
    meant = [family for family in meant if family[0].code not in walk.done]
    if isinstance(step, FromScores):
        meant = _ready(walk, step, meant)
    if not meant and len(walk.faults) == before:
        walk.fault(": weighs nothing; name the parents of the children that it should weigh in 'under'")
    for parent, children in meant:
        if walk.weighed & {child.code for child in children}:
            walk.fault(f": weights under {parent.code} are set by an earlier step already")
        walk.weighed |= {child.code for child in children}
        if isinstance(step, WeightsByGroup):
            walk.grouped.add(parent.code)


def _check_names(walk: Walk, step: Weights) -> None:
    """Codes in weights, targets and tables are nodes with a parent; whole families are told."""
    by_code = walk.framework.by_code
    if isinstance(step, WeightsGiven) and step.set is not None and step.set not in walk.framework.weight_sets:
        known = ", ".join(walk.framework.weight_sets) or "none"
        walk.fault(f".set: {step.set!r} is no weight set of the framework; it has {known}")
    if isinstance(step, WeightsByGroup):
        if step.group not in walk.groups:
            walk.fault(f".group: {step.group!r} is no group column; {group_columns(walk.groups)}")
        sets = ("framework", *walk.framework.weight_sets)
        for named in dict.fromkeys(step.sets_named()):
            if named not in sets:
                walk.fault(f": {named!r} is no weight set of the framework; known are {', '.join(sets)}")
    if isinstance(step, WeightsRegression) and not (step.target in by_code or step.target in walk.groups):
        walk.fault(f".target: {step.target!r} is no node and no group column")
    for code in step.codes():
        if code not in by_code or by_code[code].parent is None:
            walk.fault(f": {code!r} is no node below the root")
    told = set(step.codes())
    if not told <= set(by_code) or isinstance(step, WeightsOptimised):
        return
    for parent in dict.fromkeys(by_code[code].parent for code in step.codes()):
        children = walk.framework.children.get(parent or "", ())
        lacking = [child.code for child in children if child.code not in told]
        if lacking:
            walk.fault(f": says nothing of {listed(lacking)}, other children of {parent}")
        elif isinstance(step, WeightsGiven | WeightsByGroup | WeightsBudget | WeightsAhp):
            for fault in step.faults_of([child.code for child in children]):
                walk.fault(f": under {parent}: {fault}")


def _ready(walk: Walk, step: FromScores, meant: Sequence[Family]) -> list[Family]:
    """Families whose children have scores by now; a fault for others that are named."""
    ready = []
    for parent, children in meant:
        late = [one.code for one in children if one.code not in walk.scaled and one.code not in walk.done]
        if not late:
            ready.append((parent, children))
        elif step.under is not None or step.codes():
            walk.fault(f": {listed(late)} under {parent.code} have no scores yet; move the step behind those they need")
    if isinstance(step, WeightsRegression) and step.target in walk.framework.by_code:
        if step.target not in walk.scaled and step.target not in walk.done:
            walk.fault(f".target: {step.target!r} has no scores yet")
        for parent, children in ready:
            if step.target in {child.code for child in children}:
                walk.fault(f".target: {step.target!r} is itself among the children of {parent.code}")
    if isinstance(step, WeightsOptimised):
        for parent, children in ready:
            said = [child.code for child in children if child.code in step.targets]
            if said and len(said) < len(children):
                walk.fault(f".targets: says only {listed(said)} of the children of {parent.code}")
    return ready


def families(framework: Framework, step: Weights) -> list[Family]:
    """Parents and children that a step weighs, in file order."""
    parents = [node for node in framework.nodes if node.code in framework.children]
    if step.under is not None:
        named = {node.code for name in step.under for node in framework.named(name)}
        parents = [node for node in parents if node.code in named]
    elif step.codes():
        named = {framework.by_code[code].parent or "" for code in step.codes()}
        parents = [node for node in parents if node.code in named]
    found = [(node, framework.children[node.code]) for node in parents]
    if isinstance(step, WeightsGiven) and step.set is not None:
        found = [(node, kids) for node, kids in found if any(step.set in kid.weight_sets for kid in kids)]
    if isinstance(step, WeightsByGroup) and step.sets:
        named = {*step.sets.values()}
        found = [(node, kids) for node, kids in found if any(named & set(kid.weight_sets) for kid in kids)]
    return found


def run(state: State, step: Stated | WeightsByGroup | FromScores) -> Outcome:
    """Set the weights of families whose parents are not aggregated yet."""
    if isinstance(step, WeightsByGroup):
        return _run_by_group(state, step)
    meant = [family for family in families(state.framework, step) if family[0].code not in state.done]
    scores = all_scores(state)
    weights = np.full(state.weights.shape, np.nan)
    notes: list[str] = []
    faults: list[str] = []
    for parent, children in meant:
        columns = state.node_columns([child.code for child in children])
        if isinstance(step, Stated):
            weights[:, columns] = step.weights_of(children, notes, faults)
            continue
        if any(child.code not in state.scaled and child.code not in state.done for child in children):
            continue
        every = slice(0, scores.shape[0])
        blocks = [(None, every)] if step.over == "panel" else list(state.blocks)
        for number, (year, rows) in enumerate(blocks):
            where = f"under {parent.code}{in_year(year)}"
            target = slice(None) if step.over == "panel" else number
            weights[target, columns] = _estimated(state, step, children, scores[rows], rows, where, notes, faults)
    if faults:
        raise ComputationError(place(state, "weights"), faults)
    state.weights = np.where(np.isnan(weights), state.weights, weights)
    return Outcome(parameters={"weight": weights}, blocks=tuple(year for year, _ in state.blocks), notes=tuple(notes))


def _run_by_group(state: State, step: WeightsByGroup) -> Outcome:
    """Give each family weights by the labels of the units; a unit that takes part and has no weights is a fault."""
    meant = [family for family in families(state.framework, step) if family[0].code not in state.done]
    labels = state.values.groups[step.group]
    known = dict.fromkeys((*step.weights, *step.sets))
    place_of: dict[str | None, int] = {label: number for number, label in enumerate(known)}
    others = -1 if step.others is None else len(known)
    groups = np.array([place_of.get(label, others) for label in labels], dtype=np.int64)
    taking_part = state.excluded_by == 0
    without = np.flatnonzero((groups < 0) & taking_part).tolist()
    faults = [
        f"{state.values.row_name(row)}: no weights for {step.group} {labels[row] or '(empty)'}" for row in without
    ]
    absent = [label for label, number in place_of.items() if not (groups == number).any()]
    if faults:
        known_labels = ", ".join(str(label) for label in known)
        faults.append(f"labels are {known_labels}; give weights for the others too, by label or as 'others'")
        raise ComputationError(place(state, "weights"), faults)
    for parent, children in meant:
        said, table = step.weights_of(children)
        codes = tuple(child.code for child in children)
        state.group_weights[parent.code] = GroupWeights(codes, said, table, groups)
    notes = [f"no unit has the {step.group} {label}" for label in absent]
    return Outcome(notes=tuple(notes))


def _estimated(
    state: State,
    step: FromScores,
    children: Sequence[Node],
    scores: Floats,
    rows: slice,
    where: str,
    notes: list[str],
    faults: list[str],
) -> Floats:
    """Weights of one family in one cohort; NaN and a fault where there are none."""
    codes = [child.code for child in children]
    if len(codes) == 1:
        return np.ones(1)
    table = scores[:, state.node_columns(codes)]
    target = _target(state, step, scores, rows, faults) if isinstance(step, WeightsRegression) else None
    complete = ~np.isnan(table).any(axis=1) & (True if target is None else ~np.isnan(target))
    notes.append(f"{where}: weights from {int(complete.sum())} of {len(table)} rows, those without a missing score")
    table = np.ascontiguousarray(table[complete])
    try:
        if isinstance(step, WeightsRegression):
            assert target is not None
            return weights_data.regression_weights(table, target[complete], step.negative)
        if isinstance(step, WeightsOptimised):
            wanted = np.array([step.targets.get(code, 1.0) for code in codes])
            best = weights_target.target_weights(table, wanted / wanted.sum(), step.measure)
            reached = ", ".join(f"{code} {share:.4f}" for code, share in zip(codes, best.importance, strict=True))
            notes.append(
                f"{where}: optimum at a squared distance of {best.distance:.3g}, conditions met to {best.slope:.1g}, "
                f"found from {best.found_from} starts; shares of importance: {reached}"
            )
            return best.weights
        if isinstance(step, WeightsFactor):
            found = weights_data.factor_weights(table, step.factors, step.min_eigenvalue)
            notes.append(f"{where}: {found.loadings.shape[1]} factors")
            return found.weights
        return _SIMPLE[type(step)](step, table)
    except WeightError as error:
        who = f"{listed([codes[column] for column in error.columns])} " if error.columns else ""
        faults.append(f"{where}: {who}{error}; choose another method there, or leave it to the framework")
        return np.full(len(codes), np.nan)


_SIMPLE: Mapping[type[FromScores], Callable[..., Floats]] = {
    WeightsPca: lambda step, table: weights_data.component_weights(table, step.negative),
    WeightsCritic: lambda step, table: weights_data.critic_weights(table, step.rescale),
    WeightsEntropy: lambda step, table: weights_data.entropy_weights(table),
    WeightsDeviation: lambda step, table: weights_data.deviation_weights(table),
    WeightsBod: lambda step, table: weights_data.common_doubt_weights(table),
}


def _target(state: State, step: WeightsRegression, scores: Floats, rows: slice, faults: list[str]) -> Floats:
    """What a regression explains: a node's scores, or numbers in a group column."""
    if step.target in state.framework.by_code:
        column: Floats = scores[:, state.node_column_of[step.target]]
        return column
    numbers = np.full(scores.shape[0], np.nan)
    for row, label in enumerate(state.values.groups[step.target][rows]):
        try:
            numbers[row] = np.nan if label is None else float(label)
        except ValueError:
            faults.append(f"{state.values.row_name(rows.start + row)}: {step.target} is {label!r}, not a number")
    return numbers
