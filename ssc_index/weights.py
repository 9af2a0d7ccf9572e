"""Weights: what each node counts within its parent, and in the end within the index.

What belongs here: weights of siblings and their product down the tree. What does not: renormalisation over
what is present, which differs by row (`aggregate.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ssc_index.framework.model import Framework, Node


def sibling_weights(children: Sequence[Node], source: str) -> tuple[float, ...]:
    """Weights of a node's children, in their order, not rescaled.

    Args:
        children: The children.
        source: ``framework``, ``equal``, or the name of a weight set of the framework.

    Returns:
        One weight per child; where a child is not in the set, its weight.
    """
    if source == "equal":
        return (1.0,) * len(children)
    return tuple(child.weight_sets.get(source, child.weight) for child in children)


def effective_weights(framework: Framework, source: str = "framework") -> dict[str, float]:
    """Weight of each node in the root: the product of ``w / Σ siblings' w`` down the tree; the root has 1.

    Args:
        framework: The tree.
        source: ``framework``, ``equal`` for all children alike, or the name of a weight set.

    Returns:
        Weights by code, in file order; each level of a tree of even depth sums to 1.

    Source: OECD/JRC Handbook (2008), step 6; COINr (``get_eff_weights``).
    """
    weights = {framework.root.code: 1.0}
    for parent, children in framework.children.items():
        own = sibling_weights(children, source)
        total = sum(own)
        for child, weight in zip(children, own, strict=True):
            weights[child.code] = weights[parent] * weight / total
    return {node.code: weights[node.code] for node in framework.nodes}
