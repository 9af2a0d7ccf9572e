"""How each node of a result came out of its children: the mean, the weights and the floor that its method used.

What belongs here: the one place where the analyses read steps of a method. What does not: the steps themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ssc_index.framework.model import Framework
from ssc_index.result import IndexResult
from ssc_index.sample import Scores, mean_shares
from ssc_index.steps.aggregate import Aggregate, left_out, mean_at, rule_at
from ssc_index.steps.rules import Rule as Combining
from ssc_index.steps.walk import nodes_reached
from ssc_index.steps.weights import families
from ssc_index.steps.weights_parameters import WeightsByGroup
from ssc_index.weights import sibling_weights


@dataclass(frozen=True)
class Rule:
    """How a node is made of its children.

    Attributes:
        mean: Name of the mean.
        weights: Weight of each child, in the order of the framework, not rescaled; 0 where the method leaves it out.
        floor: Scores below it are raised to it first; None if nothing is.
        how: The rule itself, knowing the children that it gets; None where only its name is known.
        kept: Whether each child is one of them.
    """

    mean: str
    weights: tuple[float, ...]
    floor: float | None
    how: Combining | None = None
    kept: tuple[bool, ...] = ()

    @property
    def shares(self) -> tuple[float, ...]:
        """Weights rescaled to a sum of 1; all 0 where no child that is left weighs anything."""
        total = sum(self.weights) or 1.0
        return tuple(weight / total for weight in self.weights)


def aggregation_rules(result: IndexResult | Scores, mean_of_groups: bool = False) -> dict[str, Rule]:
    """The rule of every node that a step of the method aggregates, by code.

    Args:
        result: An index, or scores of it.
        mean_of_groups: Whether a node whose children's weights differ between groups of units has a rule, by the mean
            share of each child over the units; else it has none, for no unit need have these weights.
    """
    rules: dict[str, Rule] = {}
    shares = _shares(result) if mean_of_groups else {}
    grouped = {
        parent.code
        for step in result.method.steps
        if isinstance(step, WeightsByGroup)
        for parent, _ in families(result.framework, step)
    }
    place = {code: number for number, code in enumerate(node.code for node in result.framework.nodes)}
    for step in result.method.steps:
        if not isinstance(step, Aggregate):
            continue
        out = left_out(result.framework, step.leave_out)
        for node in nodes_reached(result.framework, rules, step.to):
            children = result.framework.children[node.code]
            kept = [child.code not in out for child in children]
            if not any(kept) or (node.code in grouped and node.code not in shares):
                continue
            mean = mean_at(step, node)
            used: list[float] = list(sibling_weights(children, step.weights))
            if result.weights is not None:  # the last year's, if years differ
                used = [float(result.weights[-1, place[child.code]]) for child in children]
            if node.code in grouped:
                used = [shares[node.code][child.code] for child in children]
            own = [0.0 if np.isnan(weight) else float(weight) for weight in used]
            weights = tuple(weight if keep else 0.0 for weight, keep in zip(own, kept, strict=True))
            how = rule_at(step, node).among([child.code for child, keep in zip(children, kept, strict=True) if keep])
            rules[node.code] = Rule(mean, weights, step.floor if how.takes_floor else None, how, tuple(kept))
    return rules


def _shares(result: IndexResult | Scores) -> Mapping[str, Mapping[str, float]]:
    """Mean shares in families whose weights differ by group."""
    if isinstance(result, Scores):
        return result.shares
    return mean_shares(result, np.flatnonzero(result.included))


def nominal_weights(result: IndexResult | Scores, node: str) -> dict[str, float]:
    """Weight that each descendant of a node has in it by its rules: the product of shares down the tree.

    Where groups of units have weights of their own, the share is the mean over the units that take part.

    Args:
        result: An index, or scores of it; as `aggregation_rules`.
        node: Code of the node; it has 1.

    Returns:
        Weights by code; descendants that no step aggregates are left out.

    Source: OECD/JRC Handbook (2008), step 6; COINr (``get_eff_weights``).
    """
    return weights_by(aggregation_rules(result, mean_of_groups=True), result.framework, node)


def weights_by(rules: Mapping[str, Rule], framework: Framework, node: str) -> dict[str, float]:
    """`nominal_weights` by rules that are known already."""
    weights = {node: 1.0}
    for parent in framework.nodes:
        if parent.code in weights and parent.code in rules:
            children = framework.children[parent.code]
            for child, share in zip(children, rules[parent.code].shares, strict=True):
                weights[child.code] = weights[parent.code] * share
    return weights
