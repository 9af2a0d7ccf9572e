"""What a step means on a framework, before a number is computed: names resolved, the order of steps followed.

What belongs here: the walk along the steps of a method and what its checks share. What does not: the checks of
one step (its module).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ssc_index.framework.model import Framework, Node

Setting = TypeVar("Setting")


def indicators_meant(framework: Framework, only: Iterable[str] | None) -> tuple[str, ...]:
    """Codes of the indicators beneath the nodes and levels named, in file order; all for None."""
    if only is None:
        return framework.codes
    meant = {leaf for name in only for node in framework.named(name) for leaf in framework.leaves_under[node.code]}
    return tuple(code for code in framework.codes if code in meant)


def nodes_meant(framework: Framework, level: str, only: Iterable[str] | None) -> tuple[Node, ...]:
    """Nodes of a level that lie at or beneath the nodes and levels named; all of the level for None."""
    nodes = tuple(node for node in framework.nodes if node.level == level)
    if only is None:
        return nodes
    meant = {node.code for name in only for node in framework.named(name)}
    return tuple(node for node in nodes if meant & {node.code, *ancestors(framework, node)})


def ancestors(framework: Framework, node: Node) -> list[str]:
    """Codes of the nodes above a node, the parent first."""
    above = []
    while node.parent is not None:
        above.append(node.parent)
        node = framework.by_code[node.parent]
    return above


def nodes_reached(framework: Framework, done: Collection[str], to: str | None) -> tuple[Node, ...]:
    """Nodes that an aggregation computes: those not computed yet, up to a level, children before parents."""
    top = 0 if to is None else framework.levels.index(to)
    return tuple(
        node
        for node in reversed(framework.nodes)
        if node.code in framework.children and node.code not in done and framework.levels.index(node.level) >= top
    )


def setting_at(settings: Mapping[str, Setting], node: Node) -> Setting | None:
    """What a mapping by node code or level name says of a node; the code comes first."""
    return settings.get(node.code, settings.get(node.level))


@dataclass
class Walk:
    """Where the method stands as its steps are read in order."""

    framework: Framework
    groups: tuple[str, ...]
    has_years: bool
    denominators: tuple[str, ...] | None = None
    place: str = ""
    faults: list[str] = field(default_factory=list)
    derived: set[str] = field(default_factory=set)
    denominated: set[str] = field(default_factory=set)
    treated: set[str] = field(default_factory=set)
    logged: set[str] = field(default_factory=set)
    scaled: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    weighed: set[str] = field(default_factory=set)
    grouped: set[str] = field(default_factory=set)

    def fault(self, text: str) -> None:
        """Note a fault of the step that the walk is at; text goes on from the step's path."""
        self.faults.append(f"{self.place}{text}")

    def known(self, names: Iterable[str] | None, key: str) -> bool:
        """Whether all names are codes or levels; a fault for each that is not."""
        wrong = [name for name in names or () if not self.framework.named(name)]
        for name in wrong:
            self.fault(f".{key}: {name!r} is no level and no node; {valid_names(self.framework)}")
        return not wrong

    def in_time(self, codes: Iterable[str]) -> None:
        """A fault if indicators were aggregated before this step touches them."""
        late = [code for code in codes if self.framework.by_code[code].parent in self.done]
        if late:
            self.fault(f": comes after the aggregation of {listed(late)}; move it in front of that step")


def valid_names(framework: Framework) -> str:
    """The names that a method file may use, indicators left out of long lists."""
    nodes = [node.code for node in framework.nodes if node.code in framework.children]
    return f"levels are {', '.join(framework.levels)}; nodes are {', '.join(nodes)} and the indicators' codes"


def listed(codes: Collection[str]) -> str:
    """Codes in a row, the first twenty of many."""
    shown = list(codes)[:20]
    return ", ".join(shown) + (f" and {len(codes) - 20} more" if len(codes) > 20 else "")


def group_columns(groups: Collection[str]) -> str:
    """The group columns of the values, in words."""
    return f"group columns are {', '.join(groups)}" if groups else "the values have no group column"
