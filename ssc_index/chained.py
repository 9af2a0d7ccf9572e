"""A chain-linked index: neighbouring years compared by what a unit has in both, the links multiplied.

What belongs here: the links and the chain. What does not: other figures over years (`trends.py`), what a change is made
of (`contributions.py`).

An index over what is there moves when an indicator begins or ends, though nothing has changed. A chain does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import polars as pl

from ssc_index.audit.structure import Rule, aggregation_rules
from ssc_index.errors import ValuesError
from ssc_index.framework.model import Framework
from ssc_index.result import IndexResult
from ssc_index.sample import scores_in
from ssc_index.trends import panel_of_scores
from ssc_index.values import Floats


def chain_frame(result: IndexResult, base: int | None = None) -> pl.DataFrame:
    """The index of each unit as a chain over the years.

    The link from a year to the next is the index of the next over that of the first, each aggregated anew from the
    indicators that the unit has in both years, by the rules and weights of the next. In the base year the chain is the
    score; from there it is multiplied by the links forwards and divided by them backwards. Thresholds of coverage,
    rounding and means of groups blended in do not enter links.

    Args:
        result: An index of several years whose scores compare over them, none of them filled above the indicators.
        base: Year in which the chain is the score; None is the last.

    Returns:
        ``unit, year, score, n_common`` (indicators in both this year and the one before), ``link`` (from the one
        before), ``chained`` and ``reason`` where there is none; by unit and year.

    Raises:
        ValuesError: With fewer than two years, a base that is none of them, or a method whose scores have no links:
            units are compared, groups of them have weights of their own, or nodes are filled or put on a scale anew.

    Source: after the chain-linked summary index of Gwartney, Lawson and others, Economic Freedom of the World.
    """
    panel = panel_of_scores(result)
    years, units = panel.years, panel.units
    if base is not None and base not in years:
        raise ValuesError("chained index", [f"no year {base}; years are {', '.join(map(str, years))}"])
    rules = {year: aggregation_rules(scores_in(result, year)) for year in years}
    faults = _faults(result, next(iter(rules.values())))
    if faults:
        raise ValuesError("chained index", faults)
    nodes = [node.code for node in result.framework.nodes]
    leaves = [nodes.index(code) for code in result.framework.codes]
    score = panel.column(result.framework.root.code)
    link, common = np.full(score.shape, np.nan), np.zeros(score.shape, dtype=np.int64)
    for number, (_, year) in enumerate(pairwise(years), start=1):
        before, after = panel.cube[:, number - 1, leaves], panel.cube[:, number, leaves]
        both = ~(np.isnan(before) | np.isnan(after))
        common[:, number] = both.sum(axis=1)
        first, last = (_root(result.framework, rules[year], np.where(both, table, np.nan)) for table in (before, after))
        np.divide(last, first, out=link[:, number], where=(first > 0) & (last > 0))
    at = len(years) - 1 if base is None else years.index(base)
    chained = np.full(score.shape, np.nan)
    chained[:, at] = score[:, at]
    for number in range(at + 1, len(years)):
        chained[:, number] = chained[:, number - 1] * link[:, number]
    for number in range(at, 0, -1):
        chained[:, number - 1] = chained[:, number] / link[:, number]
    return _frame(units, years, score, common, link, chained, at)


def _faults(result: IndexResult, rules: Mapping[str, Rule]) -> list[str]:
    """Why a method's scores have no links."""
    faults = [
        f"step {step.number} ({step.name}) works on scores of nodes, which a link would have to make anew"
        for step in result.steps
        if step.name in ("impute", "normalise") and len(step.codes) == len(result.nodes)
    ]
    waiting = [result.framework.root.code]
    while waiting:
        code = waiting.pop()
        rule = rules.get(code)
        if rule is None:
            faults.append(f"{code}: groups of units have weights of their own")
            continue
        assert rule.how is not None
        if rule.how.cohort:
            faults.append(f"{code}: {rule.how.name} compares units, so that a score is not a unit's own")
        children = zip(result.framework.children[code], rule.kept, strict=True)
        waiting += [child.code for child, kept in children if kept and child.code in result.framework.children]
    return faults


def _root(framework: Framework, rules: Mapping[str, Rule], table: Floats) -> Floats:
    """Scores of the root from those of the indicators, shape (n_units,)."""
    scores = dict(zip(framework.codes, table.T, strict=True))
    with np.errstate(all="ignore"):  # a rule that has no value gives no link
        for node in reversed(framework.nodes):
            if node.code in rules:
                rule, children = rules[node.code], framework.children[node.code]
                kept = [number for number in range(len(children)) if rule.kept[number]]
                parts = [scores[children[number].code] for number in kept]
                if rule.floor is not None:
                    parts = [np.maximum(part, rule.floor) for part in parts]
                assert rule.how is not None
                scores[node.code] = rule.how.combine(parts, [rule.weights[number] for number in kept], 0.0)
    root: Floats = scores[framework.root.code]
    return root


def _frame(
    units: tuple[str, ...],
    years: tuple[int, ...],
    score: Floats,
    common: np.ndarray,
    link: Floats,
    chained: Floats,
    at: int,
) -> pl.DataFrame:
    """Rows by unit and year."""
    reasons: list[str | None] = []
    for unit in range(len(units)):
        for number in range(len(years)):
            steps = (*range(at + 1, number + 1), *range(at, number, -1))  # forwards or backwards: one of them is empty
            broken = [step for step in steps if np.isnan(link[unit, step])]
            if np.isnan(score[unit, at]):
                reasons.append(f"no score in {years[at]}, the base")
            elif broken:
                reasons.append(f"no link from {years[broken[0] - 1]} to {years[broken[0]]}")
            else:
                reasons.append(None)
    floats = {"score": score, "link": link, "chained": chained}
    columns = {name: pl.Series(name, table.ravel(), nan_to_null=True) for name, table in floats.items()}
    return pl.DataFrame(
        [
            pl.Series("unit", np.repeat(np.array(units, dtype=object), len(years)), dtype=pl.String),
            pl.Series("year", list(years) * len(units), dtype=pl.Int64),
            columns["score"],
            pl.Series("n_common", common.ravel(), dtype=pl.Int64),
            columns["link"],
            columns["chained"],
            pl.Series("reason", reasons, dtype=pl.String),
        ]
    )
