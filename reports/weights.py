"""What a reader needs to weigh an edition anew: the tree with its weights, means and thresholds.

What belongs here: the step *aggregate* of a method, written out node by node. What does not: computing (the browser,
or `ssc_index`).
"""

from __future__ import annotations

from typing import Any

from reports.mart import ReportError
from ssc_index.framework.model import Framework
from ssc_index.method import Method
from ssc_index.steps.aggregate import Aggregate, mean_at
from ssc_index.steps.rules import rule_of
from ssc_index.steps.walk import setting_at
from ssc_index.weights import sibling_weights

# The means that the browser and the parts of a change know.
MEANS = {"arithmetic", "geometric"}


def aggregate_step(method: Method) -> Aggregate:
    """The one step that takes the scores of data points up to the index.

    Raises:
        ReportError: If the method has several, stops below the index, leaves nodes out, changes scores afterwards, or
            ranks the lowest first; then the scores of data points and the weights of the tree alone do not give the
            ranking.
    """
    steps = [step for step in method.steps if isinstance(step, Aggregate)]
    if len(steps) != 1 or method.steps[-1] is not steps[0] or steps[0].to is not None or steps[0].leave_out:
        raise ReportError(f"{method.name}: weights can be tried only where one last step aggregates everything.")
    step = steps[0]
    if others := {rule_of(how).name for how in (step.method, *step.levels.values())} - MEANS:
        raise ReportError(f"{method.name}: weights cannot be tried with {', '.join(sorted(others))} means.")
    if any(one.step == "weights" for one in method.steps):
        raise ReportError(f"{method.name}: weights cannot be tried where a step estimates or sets them.")
    if step.blend is not None or step.round is not None:
        raise ReportError(
            f"{method.name}: weights cannot be tried where scores are rounded or blended on their way up."
        )
    if method.rank.first == "lowest":
        raise ReportError(f"{method.name}: weights cannot be tried where the lowest score is first.")
    return step


def weighing(framework: Framework, method: Method) -> dict[str, Any]:
    """Everything that gives index scores from the scores of data points.

    Args:
        framework: The framework of the edition.
        method: The method of the edition.

    Returns:
        ``floor`` (None: none), ``ties``, ``round``, and ``nodes`` in tree order, each with code, parent, weight and,
        for those with children, mean and least share of children.
    """
    step = aggregate_step(method)
    weights = {framework.root.code: 1.0}
    for children in framework.children.values():
        own = sibling_weights(children, step.weights)
        weights |= {child.code: weight for child, weight in zip(children, own, strict=True)}
    nodes = []
    for node in framework.nodes:
        entry: dict[str, Any] = {"node": node.code, "parent": node.parent, "weight": weights[node.code]}
        if node.code in framework.children:
            given = step.min_coverage
            least = (setting_at(given, node) or 0.0) if isinstance(given, dict) else given
            entry |= {"mean": mean_at(step, node), "least": least}
        nodes.append(entry)
    return {"floor": step.floor, "ties": method.rank.ties, "round": method.rank.round, "nodes": nodes}
