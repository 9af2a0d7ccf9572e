"""What hangs on one indicator, one node or one choice: the index computed anew without it, or with another.

What belongs here: leave-one-out and what-if, each a full run of `compute_index`. What does not: many choices
varied at random (uncertainty analysis).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from ssc_index.errors import FaultsError, FrameworkError, MethodError, ValuesError
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Framework
from ssc_index.index import compute_index
from ssc_index.method import Method, method_from_mapping
from ssc_index.plan import check_method
from ssc_index.result import IndexResult
from ssc_index.results import Comparison, compare
from ssc_index.sample import frame_of, year_column
from ssc_index.values import Values

IDLE = re.compile(r"steps\[(?P<step>\d+)\]\.(?:(?!aggregate: )\w+: |\w+\.(?!only\b)(?P<key>\w+): )")


@dataclass(frozen=True)
class Variants:
    """A result beside its variants, at the root.

    Attributes:
        summary: One row per variant, in order: ``year, variant, level`` (of the node left out; null for a
            method), ``removed`` (codes left out, an only child takes its parent with it), ``n`` units ranked in
            both, ``n_lost, n_gained`` (ranked in the result only, in the variant only), ``mean_shift`` (mean
            absolute rank change), ``largest_shift, largest_unit, mean_score_change, pearson, spearman,
            kendall, reason`` (why a variant has no figures).
        units: One row per variant and unit ranked in both, sorted by variant and rank: ``year, variant, unit,
            score, variant_score, score_change, rank, variant_rank, rank_change`` (variant − result: a
            negative rank change is a rise in the variant).
    """

    summary: pl.DataFrame
    units: pl.DataFrame


def leave_one_out(
    result: IndexResult, level: str | None = None, years: Sequence[int | None] = (None,)
) -> tuple[Variants, ...]:
    """Compute the index anew without each node of a level.

    The node, and all beneath it, are taken out of the framework, the values and the method's settings that name
    them; then every step runs again, so that screening, coverage and weights are those of the smaller index.

    Args:
        result: An index.
        level: Level of the nodes left out one by one; None is that of the indicators.
        years: Years of the comparison; None if the values know at most one.

    Returns:
        The variants, by year. One that leaves nothing, or that the method cannot compute, has a reason.

    Raises:
        ValuesError: If the level is not there, or is the root's.
    """
    framework = result.framework
    level = framework.levels[-1] if level is None else level
    if level not in framework.levels[1:]:
        raise ValuesError("leave-one-out", [f"{level!r} is no level below the root: {framework.levels[1:]}"])
    table = _Table(result, tuple(years))
    for node in framework.nodes:
        if node.level == level:
            removed = removed_with(framework, node.code)
            head = (node.code, level, ", ".join(removed))
            table.add(head, partial(_compute_without, result, removed))
    return table.variants()


def what_if(result: IndexResult, methods: Mapping[str, Method], year: int | None = None) -> Variants:
    """Compute the index anew by other methods.

    Args:
        result: An index.
        methods: Methods by the name of the variant, for example ``geometric instead of arithmetic``.
        year: Year of the comparison; None if the values know at most one.

    Returns:
        The variants. One that cannot be computed has a reason.
    """
    table = _Table(result, (year,))
    for name, method in methods.items():
        table.add((name, None, None), partial(compute_index, result.values, result.framework, method))
    return table.variants()[0]


def changed_step(method: Method, number: int, /, **parameters: object) -> Method:
    """The method with some parameters of one step changed, for `what_if`.

    Args:
        method: A method.
        number: The step, from 1.
        parameters: New parameters of the step; a new ``method`` drops the parameters of the old one.

    Returns:
        The changed method, with the same name.

    Raises:
        ValuesError: If there is no such step.
        MethodError: If the step does not take the parameters.
    """
    mapping = method.as_mapping()
    if not 1 <= number <= len(mapping["steps"]):
        raise ValuesError("what-if", [f"no step {number}; the method has {len(mapping['steps'])}"])
    ((name, given),) = mapping["steps"][number - 1].items()
    is_other = parameters.get("method", given.get("method")) != given.get("method")
    one_for_all = name == "aggregate"  # its means share their parameters
    kept = {key: value for key, value in given.items() if key == "only"} if is_other and not one_for_all else given
    mapping["steps"][number - 1] = {name: {**kept, **parameters}}
    return method_from_mapping(mapping, f"method {method.name}, step {number} changed")


def removed_with(framework: Framework, code: str) -> tuple[str, ...]:
    """A node, all beneath it, and each parent that would have no child left, in the order of the framework.

    Raises:
        ValuesError: If there is no such node.
    """
    if code not in framework.by_code:
        raise ValuesError("leave-one-out", [f"no node {code!r} in the framework"])
    top = framework.by_code[code]
    while top.parent is not None and len(framework.children[top.parent]) == 1:
        top = framework.by_code[top.parent]
    gone = {top.code}
    for node in framework.nodes:
        if node.parent in gone:
            gone.add(node.code)
    return tuple(node.code for node in framework.nodes if node.code in gone)


def _compute_without(result: IndexResult, removed: Sequence[str]) -> IndexResult:
    """The index without some nodes."""
    return compute_index(*without(result, removed))


def without(result: IndexResult, removed: Sequence[str]) -> tuple[Values, Framework, Method]:
    """Values, framework and method of a result without some nodes.

    Raises:
        FrameworkError: If nothing is left.
        MethodError: If the method cannot do without them.
    """
    gone = set(removed)
    if result.framework.root.code in gone:
        raise FrameworkError("leave-one-out", ["nothing is left of the framework"])
    framework = framework_from_nodes([node for node in result.framework.nodes if node.code not in gone], "what is left")
    columns = [column for column, code in enumerate(result.values.codes) if code not in gone]
    table = np.asfortranarray(result.values.values[:, columns])
    table.flags.writeable = False
    mapping = result.method.as_mapping()
    names = gone | (set(result.framework.levels) - set(framework.levels))
    steps = [_pruned_step(step, names) for step in mapping["steps"]]
    mapping["steps"] = [step for step in steps if step]
    values = replace(result.values, codes=framework.codes, values=table)
    return values, framework, _fitting(mapping, framework, values)


def _fitting(mapping: dict[str, Any], framework: Framework, values: Values) -> Method:
    """The method, without the steps and settings that have nothing left to act on.

    The whole method fits the whole framework, so that what does not fit now is what lost its nodes. An aggregation
    is never dropped, nor is ``only``: the method would be another.
    """
    subject = "what is left of the method"
    fits = partial(check_method, framework=framework, groups=tuple(values.groups), has_years=values.years is not None)
    method = method_from_mapping(mapping, subject)
    try:
        fits(method)
    except MethodError as error:
        idle = [IDLE.match(fault) for fault in error.faults]
        if not all(idle):
            raise
        steps: list[dict[str, Any] | None] = list(mapping["steps"])
        for found in filter(None, idle):
            step, key = steps[int(found["step"])], found["key"]
            if step is not None and key and key != "within":  # with nothing to fill from, nothing is filled
                next(iter(step.values())).pop(key, None)
            else:
                steps[int(found["step"])] = None
        method = method_from_mapping({**mapping, "steps": [step for step in steps if step]}, subject)
    return method


def _pruned_step(step: dict[str, Any], names: set[str]) -> dict[str, Any] | None:
    """A step without the settings of some nodes; None if it acted on them only."""
    ((name, parameters),) = step.items()
    kept: dict[str, object] = {}
    for key, value in parameters.items():
        if key == "blend" and isinstance(value, dict):
            at = [entry for entry in value["at"] if entry not in names]
            kept[key] = {**value, "at": at} if at else None
        elif isinstance(value, dict):
            kept[key] = {inner: setting for inner, setting in value.items() if inner not in names}
            if name == "weights" and value and not kept[key]:
                return None
        elif isinstance(value, list) and names.intersection(entry for entry in value if isinstance(entry, str)):
            kept[key] = [entry for entry in value if entry not in names]
            if key in ("only", "under") and not kept[key]:
                return None
            if key == "leave_out" and not kept[key]:
                del kept[key]
        else:
            kept[key] = value
    return {name: kept}


class _Table:
    """Variants compared one by one with a result, so that only one of them is held at a time."""

    def __init__(self, result: IndexResult, years: tuple[int | None, ...]) -> None:
        self.result, self.years = result, years
        self.summary: list[list[tuple[object, ...]]] = [[] for _ in years]
        self.units: list[list[pl.DataFrame]] = [[] for _ in years]

    def add(self, head: tuple[str, str | None, str | None], run: Callable[[], IndexResult]) -> None:
        """Run a variant and compare it; keep the reason where it cannot be computed."""
        try:
            other = run()
        except FaultsError as error:
            for rows in self.summary:
                rows.append((*head, *[None] * 10, "; ".join(error.faults)))
            return
        root = self.result.framework.root.code
        for year, rows, units in zip(self.years, self.summary, self.units, strict=True):
            found = compare(self.result, other, root, year, year)
            rows.append((*head, *_figures(found)))
            units.append(found.table.select(pl.lit(head[0], dtype=pl.String).alias("variant"), *_UNIT_COLUMNS))

    def variants(self) -> tuple[Variants, ...]:
        """The tables of each year."""
        return tuple(
            Variants(
                summary=year_column(frame_of(rows, **_SUMMARY), self.result, year),
                units=year_column(pl.concat(units) if units else frame_of([], **_UNITS), self.result, year),
            )
            for year, rows, units in zip(self.years, self.summary, self.units, strict=True)
        )


def _figures(found: Comparison) -> tuple[object, ...]:
    """What the summary says of a comparison."""
    largest = found.table.sort(pl.col("rank_change").abs(), descending=True, maintain_order=True).head(1)
    counts = (found.table.height, len(found.only_a), len(found.only_b))
    shifts = (found.mean_shift, found.largest_shift, next(iter(largest["unit"]), None))
    alike = (found.table["score_change"].mean(), found.pearson, found.spearman, found.kendall)
    return (*counts, *shifts, *alike, found.reason)


_UNIT_COLUMNS = (
    *("unit", pl.col("score_a").alias("score"), pl.col("score_b").alias("variant_score"), "score_change"),
    *(pl.col("rank_a").alias("rank"), pl.col("rank_b").alias("variant_rank"), "rank_change"),
)
_SUMMARY = {
    **dict.fromkeys(("variant", "level", "removed"), str),
    **dict.fromkeys(("n", "n_lost", "n_gained"), int),
    **dict.fromkeys(("mean_shift", "largest_shift"), float),
    **dict.fromkeys(("largest_unit",), str),
    **dict.fromkeys(("mean_score_change", "pearson", "spearman", "kendall"), float),
    **dict.fromkeys(("reason",), str),
}
_UNITS = {
    **dict.fromkeys(("variant", "unit"), str),
    **dict.fromkeys(("score", "variant_score", "score_change", "rank", "variant_rank", "rank_change"), float),
}
