"""What a method means on a given framework: names resolved, order of steps checked.

What belongs here: every fault that can be known before a number is computed. What does not: parameters on
their own (`method.py`) and faults that depend on values (the steps).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from ssc_index.errors import MethodError
from ssc_index.framework.model import Framework, Node
from ssc_index.method import (
    Aggregate,
    ImputeCentre,
    ImputeGroup,
    ImputeLastValue,
    ImputeNone,
    Mean,
    Method,
    NormaliseGoalposts,
    NormaliseMinmax,
    NormaliseNone,
    NormalisePercentile,
    NormaliseRank,
    NormaliseZscore,
    Parameters,
    Screen,
    TreatNone,
    TreatWinsorise,
)

Normalise = NormaliseNone | NormaliseGoalposts | NormaliseMinmax | NormaliseZscore | NormaliseRank | NormalisePercentile
Impute = ImputeCentre | ImputeGroup | ImputeLastValue
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


def level_of_scores(framework: Framework, step: Impute) -> str | None:
    """Level whose scores an imputation fills; None for the indicators."""
    return None if step.level == framework.levels[-1] else step.level


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


def check_method(
    method: Method, framework: Framework, groups: Collection[str], has_years: bool, subject: str = ""
) -> None:
    """Refuse a method that does not fit a framework and the columns of its values.

    A name that exists nowhere, a step that would act on nothing, a step that comes too late, indicators of
    unlike scales about to be averaged, goalposts or a group column that are not there: each is a fault.

    Args:
        method: The method.
        framework: The framework that it is run on.
        groups: Names of the group columns of the values.
        has_years: Whether the values know years.
        subject: What the error names; the method's name if empty.

    Raises:
        MethodError: With every fault, each with the number and name of its step.
    """
    walk = _Walk(framework, tuple(groups), has_years)
    for number, step in enumerate(method.steps):
        walk.place = f"steps[{number}].{step.step}"
        _CHECKS[type(step)](walk, step)
    if walk.faults:
        raise MethodError(subject or f"method {method.name}", walk.faults)


@dataclass
class _Walk:
    """Where the method stands as its steps are read in order."""

    framework: Framework
    groups: tuple[str, ...]
    has_years: bool
    place: str = ""
    faults: list[str] = field(default_factory=list)
    treated: set[str] = field(default_factory=set)
    logged: set[str] = field(default_factory=set)
    scaled: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)

    def fault(self, text: str) -> None:
        self.faults.append(f"{self.place}{text}")

    def known(self, names: Iterable[str] | None, key: str) -> bool:
        """Whether all names are codes or levels; a fault for each that is not."""
        wrong = [name for name in names or () if not self.framework.named(name)]
        for name in wrong:
            self.fault(f".{key}: {name!r} is no level and no node; {_valid(self.framework)}")
        return not wrong

    def in_time(self, codes: Iterable[str]) -> None:
        """A fault if indicators were aggregated before this step touches them."""
        late = [code for code in codes if self.framework.by_code[code].parent in self.done]
        if late:
            self.fault(f": comes after the aggregation of {_listed(late)}; move it in front of that step")


def _valid(framework: Framework) -> str:
    """The names that a method file may use, indicators left out of long lists."""
    nodes = [node.code for node in framework.nodes if node.code in framework.children]
    return f"levels are {', '.join(framework.levels)}; nodes are {', '.join(nodes)} and the indicators' codes"


def _listed(codes: Collection[str]) -> str:
    """Codes in a row, the first twenty of many."""
    shown = list(codes)[:20]
    return ", ".join(shown) + (f" and {len(codes) - 20} more" if len(codes) > 20 else "")


def _check_screen(walk: _Walk, step: Screen) -> None:
    walk.known(step.min_coverage_by_node, "min_coverage_by_node")
    for column in step.only_where:
        if column not in walk.groups:
            walk.fault(f".only_where: {column!r} is no group column; {_columns(walk.groups)}")
    if not (step.min_coverage or step.min_coverage_by_node or step.only_where):
        walk.fault(": screens nothing; give min_coverage, min_coverage_by_node or only_where")
    if walk.done:
        walk.fault(": comes after an aggregation; screen before scores are aggregated")


def _columns(groups: Collection[str]) -> str:
    """The group columns of the values, in words."""
    return f"group columns are {', '.join(groups)}" if groups else "the values have no group column"


def _check_treat(walk: _Walk, step: TreatWinsorise) -> None:
    if not walk.known(step.only, "only"):
        return
    meant = indicators_meant(walk.framework, step.only)
    twice = [code for code in meant if code in walk.treated]
    if twice:
        walk.fault(f": {_listed(twice)} are treated already; an indicator is treated once")
    walk.in_time(meant)
    walk.treated.update(meant)
    if step.fallback == "log":
        walk.logged.update(code for code in meant if code not in walk.scaled)


def _check_normalise(walk: _Walk, step: Normalise) -> None:
    if not walk.known(step.only, "only"):
        return
    meant = indicators_meant(walk.framework, step.only)
    twice = [code for code in meant if code in walk.scaled]
    if step.only is not None and twice:
        walk.fault(f": {_listed(twice)} are normalised already; an indicator is normalised once")
    meant = tuple(code for code in meant if code not in walk.scaled)
    if not meant and not twice:
        walk.fault(": no indicator")
    elif not meant and step.only is None:
        walk.fault(": every indicator is normalised already; drop the step")
    if isinstance(step, NormaliseGoalposts):
        without = [code for code in meant if walk.framework.by_code[code].low is None]
        if without:
            walk.fault(
                f": {_listed(without)} have no goalposts; fill low and high, or name another method for them by 'only'"
            )
    walk.in_time(meant)
    walk.scaled.update(meant)


def _check_impute(walk: _Walk, step: Impute) -> None:
    if isinstance(step, ImputeGroup) and step.group not in walk.groups:
        walk.fault(f".group: {step.group!r} is no group column; {_columns(walk.groups)}")
    if isinstance(step, ImputeLastValue) and not walk.has_years:
        walk.fault(": last_value needs years, but the values have no column year")
    if not walk.known(step.only, "only"):
        return
    level = level_of_scores(walk.framework, step)
    if level is None:
        meant = indicators_meant(walk.framework, step.only)
        walk.in_time(meant)
        logged = [code for code in meant if code in walk.logged - walk.scaled]
        if isinstance(step, ImputeLastValue) and logged:
            walk.fault(
                f": {_listed(logged)} may be on another logarithm in each year; carry values before treat, "
                "or scores after normalise, or treat with 'fallback: none'"
            )
    elif level not in walk.framework.levels:
        walk.fault(f".level: {level!r} is no level; levels are {', '.join(walk.framework.levels)}")
    else:
        _check_impute_level(walk, level, nodes_meant(walk.framework, level, step.only))


def _check_impute_level(walk: _Walk, level: str, nodes: Collection[Node]) -> None:
    """Scores of a level must have been aggregated, and their parents must not."""
    if not nodes:
        walk.fault(f".only: names no node of level {level!r}")
    missing = [node.code for node in nodes if node.code not in walk.done]
    if missing:
        walk.fault(f".level: {_listed(missing)} are not aggregated yet; put 'aggregate: {{to: {level}}}' before it")
    late = [node.code for node in nodes if node.parent is None or node.parent in walk.done]
    if late and not missing:
        walk.fault(
            f".level: the nodes above {_listed(late)} are aggregated already, so that it would change "
            f"nothing; stop the aggregation before it by 'to: {level}'"
        )


def _check_aggregate(walk: _Walk, step: Aggregate) -> None:
    by_coverage = step.min_coverage if isinstance(step.min_coverage, dict) else {}
    fits = walk.known(step.levels, "levels") & walk.known(by_coverage, "min_coverage")
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


def _check_settings(walk: _Walk, step: Aggregate, nodes: Collection[Node], by_coverage: Iterable[str]) -> None:
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


def _check_scales(walk: _Walk, nodes: Iterable[Node]) -> None:
    """Indicators about to be averaged must be on a common scale, or be scores by the user's word."""
    children = [child for node in nodes for child in walk.framework.children[node.code]]
    raw = [child for child in children if child.code in walk.framework.codes and child.code not in walk.scaled]
    if raw and walk.scaled:
        walk.fault(f": {_listed([node.code for node in raw])} are not normalised, other indicators are")
    lower = [node.code for node in raw if node.direction == "lower" or node.transform != "none"]
    if lower and not walk.scaled:
        walk.fault(
            f": no step normalises {_listed(lower)}, where less is better or a transform applies; "
            "normalise first, or say 'normalise: {method: none}' if the values are scores already"
        )


def _check_nothing(walk: _Walk, step: Parameters) -> None:
    """A step that is switched off cannot be wrong."""


_CHECKS: dict[type[Parameters], Callable[[_Walk, Any], None]] = {
    Screen: _check_screen,
    TreatNone: _check_nothing,
    TreatWinsorise: _check_treat,
    NormaliseNone: _check_normalise,
    NormaliseGoalposts: _check_normalise,
    NormaliseMinmax: _check_normalise,
    NormaliseZscore: _check_normalise,
    NormaliseRank: _check_normalise,
    NormalisePercentile: _check_normalise,
    ImputeNone: _check_nothing,
    ImputeCentre: _check_impute,
    ImputeGroup: _check_impute,
    ImputeLastValue: _check_impute,
    Aggregate: _check_aggregate,
}
