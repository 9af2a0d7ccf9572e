"""The tree of an index: nodes, weights, directions, goalposts.

What belongs here: the framework as the engine sees it, whatever index it is. What does not: the U4SSC
catalogue (`catalogue.py`) and reading of files (`load.py`).
"""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Direction = Literal["higher", "lower"]


class Node(BaseModel):
    """One node of a framework: an indicator (leaf) or an aggregate.

    Attributes:
        code: Unique code, for example ``EC_ICT_ICT_1C.main`` or ``index``.
        parent: Code of the parent; None for the root.
        name: What people call it.
        level: Name of its level; every leaf of a framework is on the last one.
        unit: Unit of the values of an indicator; empty for aggregates.
        direction: Whether more is better; None for aggregates. It documents: arithmetic uses ``low`` and
            ``high`` where goalposts apply, and the loader proves that the two agree.
        weight: Weight among its siblings; siblings need not sum to one.
        weight_sets: The same by the name of a weight set; a method file chooses one.
        transform: ``none``, ``ln``, ``log10``, ``log2``, ``sqrt``, one of these four of a sum (``ln(x+0.5)``), or
            ``gap_to_target`` (``|value - target|``); applied to values and goalposts alike before normalisation.
        low: Value that scores 0, in real units; greater than ``high`` where less is better.
        high: Value that scores the full mark, in real units.
        target: Target value, in real units.
        aggregation: Aggregation method at this node; None leaves it to the method file.
        denominator: Column of the values file by which a step ``denominate`` divides the indicator; None for none.
        per: What the denominator is counted in: 1000 makes it "per thousand"; above 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    code: str
    parent: str | None
    name: str
    level: str
    unit: str = ""
    direction: Direction | None = None
    weight: float = 1.0
    weight_sets: dict[str, float] = Field(default_factory=dict)
    transform: str = "none"
    low: float | None = None
    high: float | None = None
    target: float | None = None
    aggregation: str | None = None
    denominator: str | None = None
    per: float = 1.0


class Framework(BaseModel):
    """A checked tree of nodes, parents before children.

    Build it with `load.framework_from_nodes`, which reports every fault at once.

    Attributes:
        nodes: All nodes in file order, parents before children.
        levels: Level names from the root to the indicators.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    nodes: tuple[Node, ...]
    levels: tuple[str, ...]

    @cached_property
    def by_code(self) -> dict[str, Node]:
        """Nodes by code."""
        return {node.code: node for node in self.nodes}

    @cached_property
    def root(self) -> Node:
        """The node without a parent."""
        return next(node for node in self.nodes if node.parent is None)

    @cached_property
    def children(self) -> dict[str, tuple[Node, ...]]:
        """Children of each aggregate, in file order."""
        groups: dict[str, list[Node]] = {}
        for node in self.nodes:
            if node.parent is not None:
                groups.setdefault(node.parent, []).append(node)
        return {code: tuple(group) for code, group in groups.items()}

    @cached_property
    def indicators(self) -> tuple[Node, ...]:
        """Leaves, in file order: the columns of every array of values."""
        return tuple(node for node in self.nodes if node.code not in self.children)

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Codes of the indicators, in file order."""
        return tuple(node.code for node in self.indicators)

    @cached_property
    def leaves_under(self) -> dict[str, tuple[str, ...]]:
        """Indicator codes beneath each node (an indicator has itself)."""
        under: dict[str, tuple[str, ...]] = {}
        for node in reversed(self.nodes):
            kids = self.children.get(node.code)
            under[node.code] = (node.code,) if kids is None else tuple(leaf for kid in kids for leaf in under[kid.code])
        return under

    @cached_property
    def weight_sets(self) -> tuple[str, ...]:
        """Names of the weight sets that the nodes carry beside their weight, in order of first use."""
        return tuple(dict.fromkeys(name for node in self.nodes for name in node.weight_sets))

    def named(self, name: str) -> tuple[Node, ...]:
        """Nodes that a method file means by a name: one node by its code, or all nodes of a level.

        Returns:
            The nodes in file order; empty if nothing bears the name.
        """
        if name in self.by_code:
            return (self.by_code[name],)
        return tuple(node for node in self.nodes if node.level == name)
