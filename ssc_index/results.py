"""Reading a result: ranked tables at every level, one unit's profile, ranks within groups, two results compared.

What belongs here: tables made of scores and ranks. What does not: the scores (`index.py`), long tables of them
(`result.py`) and texts about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ssc_index.audit.correlation import correlate
from ssc_index.errors import ValuesError
from ssc_index.framework.model import Node
from ssc_index.result import IndexResult
from ssc_index.sample import frame_of, rows_of, year_column
from ssc_index.values import Floats

Show = Literal["scores", "ranks", "group_ranks"]


def ranked_table(
    result: IndexResult,
    year: int | None = None,
    levels: Sequence[str] | None = None,
    show: Show = "scores",
    group: str | None = None,
) -> pl.DataFrame:
    """One row per unit, rank 1 first, with a column per node from the root down.

    Args:
        result: An index.
        year: Year of the rows; None if the values know at most one.
        levels: Levels shown; None is all.
        show: ``scores``, ``ranks`` among all, or ``group_ranks`` among the units with the same label.
        group: Group column, for ``group_ranks``.

    Returns:
        ``unit, rank`` (of the root), then the nodes, level by level, in the order of the framework. Units
        without a rank stand last, sorted by name; ties are sorted by name; missing is null.

    Raises:
        ValuesError: If the year, a level or the group column is not there.
    """
    rows = rows_of(result, year)
    wrong = [level for level in levels or () if level not in result.framework.levels]
    if wrong:
        raise ValuesError("levels", [f"no level {name!r}; levels are {result.framework.levels}" for name in wrong])
    nodes = [
        (column, node)
        for level in result.framework.levels
        for column, node in enumerate(result.framework.nodes)
        if node.level == level and (levels is None or level in levels)
    ]
    if show == "group_ranks":
        table = _group_ranks(result, rows, group)
    else:
        table = (result.scores if show == "scores" else result.ranks)[rows]
    root = result.nodes.index(result.framework.root.code)
    frame = pl.DataFrame(
        [
            pl.Series("unit", [result.units[row] for row in rows.tolist()], dtype=pl.String),
            _ranks_series("rank", result.ranks[rows, root], result),
            *(
                pl.Series(node.code, table[:, column], nan_to_null=True)
                if show == "scores"
                else _ranks_series(node.code, table[:, column], result)
                for column, node in nodes
            ),
        ]
    )
    return frame.sort("rank", "unit", nulls_last=True)


def _ranks_series(name: str, ranks: Floats, result: IndexResult) -> pl.Series:
    """Ranks as whole numbers unless ties share a mean; none is null."""
    series = pl.Series(name, ranks, nan_to_null=True)
    return series if result.method.rank.ties == "average" else series.cast(pl.Int64)


def _group_ranks(result: IndexResult, rows: NDArray[np.int64], group: str | None) -> Floats:
    """Ranks among the rows with the same label; NaN without a label."""
    if group is None or group not in result.values.groups:
        known = ", ".join(result.values.groups) or "none"
        raise ValuesError("group ranks", [f"no group column {group!r}; group columns are {known}"])
    labels = np.array([result.values.groups[group][row] or "" for row in rows.tolist()])
    ranks = np.full((rows.size, len(result.nodes)), np.nan)
    rule = result.method.rank
    for label in sorted(set(labels.tolist()) - {""}):
        members = np.flatnonzero(labels == label)
        for column in range(ranks.shape[1]):
            scores = result.scores[rows[members], column]
            ranks[members, column] = rule.ranks_of(scores)
    return ranks


def group_table(result: IndexResult, group: str, year: int | None = None) -> pl.DataFrame:
    """Ranks within groups, long.

    Args:
        result: An index.
        group: Group column.
        year: Year of the rows; None if the values know at most one.

    Returns:
        ``year, group, label, node, level, unit, score, rank`` (among all), ``group_rank, n_ranked`` (units of
        the label with a score), sorted by label, node (order of the framework), group_rank and unit; units
        without a label are left out.
    """
    rows = rows_of(result, year)
    ranks = _group_ranks(result, rows, group)
    labels = [result.values.groups[group][row] for row in rows.tolist()]
    units = [result.units[row] for row in rows.tolist()]
    parts = [
        pl.DataFrame(
            [
                pl.Series("label", labels, dtype=pl.String),
                pl.Series("node", [node.code] * rows.size, dtype=pl.String),
                pl.Series("level", [node.level] * rows.size, dtype=pl.String),
                pl.Series("unit", units, dtype=pl.String),
                pl.Series("score", result.scores[rows, column], nan_to_null=True),
                _ranks_series("rank", result.ranks[rows, column], result),
                _ranks_series("group_rank", ranks[:, column], result),
            ]
        ).with_columns(pl.lit(column).alias("position"))
        for column, node in enumerate(result.framework.nodes)
    ]
    frame = pl.concat(parts).drop_nulls("label").sort("label", "position", "group_rank", "unit", nulls_last=True)
    counted = frame.with_columns(pl.col("score").count().over("label", "node").cast(pl.Int64).alias("n_ranked"))
    named = counted.select(pl.lit(group, dtype=pl.String).alias("group"), pl.all()).drop("position")
    return year_column(named, result, year)


def unit_summary(
    result: IndexResult, unit: str, year: int | None = None, levels: Sequence[str] | None = None
) -> pl.DataFrame:
    """Scores and ranks of one unit.

    Args:
        result: An index.
        unit: The unit.
        year: Year of the row; None if the values know at most one.
        levels: Levels shown; None is all.

    Returns:
        ``node, name, level, score, rank, n_ranked, coverage``, level by level from the root, in the order of
        the framework.

    Raises:
        ValuesError: If the unit takes no part in the year.
    """
    rows = rows_of(result, year)
    row = _row_of(result, rows, unit)
    nodes = [
        (column, node)
        for level in result.framework.levels
        for column, node in enumerate(result.framework.nodes)
        if node.level == level and (levels is None or level in levels)
    ]
    columns = [column for column, _ in nodes]
    return pl.DataFrame(
        [
            *_names([node for _, node in nodes]),
            pl.Series("score", result.scores[row, columns], nan_to_null=True),
            _ranks_series("rank", result.ranks[row, columns], result),
            pl.Series("n_ranked", (~np.isnan(result.ranks[rows][:, columns])).sum(axis=0)),
            pl.Series("coverage", result.coverage[row, columns]),
        ]
    )


def _names(nodes: Sequence[Node]) -> list[pl.Series]:
    """Code, name and level of nodes."""
    return [
        pl.Series("node", [node.code for node in nodes], dtype=pl.String),
        pl.Series("name", [node.name for node in nodes], dtype=pl.String),
        pl.Series("level", [node.level for node in nodes], dtype=pl.String),
    ]


def _row_of(result: IndexResult, rows: NDArray[np.int64], unit: str) -> int:
    """Row of a unit among those looked at."""
    for row in rows.tolist():
        if result.units[row] == unit:
            return int(row)
    raise ValuesError("values", [f"{unit!r} takes no part; give a unit that does, and its year if there are several"])


def strengths_and_weaknesses(
    result: IndexResult,
    unit: str,
    year: int | None = None,
    count: int = 5,
    level: str | None = None,
    min_distinct: float = 0.0,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Where a unit stands best and worst; less is better where the method ranks the lowest score first.

    A strength has the smallest share of other units strictly better, a weakness the smallest share strictly worse;
    a node where nobody is worse is no strength, one where nobody is better no weakness. Ties go to the node whose
    unit leaves more others behind (has more in front), then to the order of the framework.

    Args:
        result: An index.
        unit: The unit.
        year: Year of the row; None if the values know at most one.
        count: Nodes in each list, at most.
        level: Level of the nodes; None is that of the indicators.
        min_distinct: Least share of distinct scores among the ranked; a yes-or-no indicator tells little.

    Returns:
        Two frames, ``node, name, level, parent, value`` (as reported; null above the indicators), ``score,
        rank, n_ranked, share_better, share_worse``.

    Raises:
        ValuesError: If the unit takes no part in the year, or the level is not there.
    """
    rows = rows_of(result, year)
    row = _row_of(result, rows, unit)
    level = result.framework.levels[-1] if level is None else level
    if level not in result.framework.levels:
        raise ValuesError("levels", [f"no level {level!r}; levels are {result.framework.levels}"])
    value_of = dict(zip(result.values.codes, result.values.values[row].tolist(), strict=True))
    out: list[tuple[object, ...]] = []
    for column, node in enumerate(result.framework.nodes):
        scores, own = result.scores[rows, column], result.scores[row, column]
        ranked = scores[~np.isnan(scores)]
        if node.level != level or np.isnan(own) or ranked.size < 2:
            continue
        if np.unique(ranked).size / ranked.size < min_distinct:
            continue
        better, worse = (float(found.sum()) / (ranked.size - 1) for found in (ranked > own, ranked < own))
        if result.method.rank.first == "lowest":
            better, worse = worse, better
        value, rank = value_of.get(node.code, np.nan), result.ranks[row, column]
        head = (node.code, node.name, node.level, node.parent)
        out.append((*head, value, float(own), float(rank), ranked.size, better, worse))
    frame = frame_of(
        out,
        node=str,
        name=str,
        level=str,
        parent=str,
        value=float,
        score=float,
        rank=float,
        n_ranked=int,
        share_better=float,
        share_worse=float,
    )
    if result.method.rank.ties != "average":
        frame = frame.with_columns(pl.col("rank").cast(pl.Int64))
    best, worst = pl.col("share_better"), pl.col("share_worse")
    strengths = frame.filter(worst > 0).sort(best, -worst, maintain_order=True).head(count)
    weaknesses = frame.filter(best > 0).sort(worst, -best, maintain_order=True).head(count)
    return strengths, weaknesses


@dataclass(frozen=True)
class Comparison:
    """Two results side by side at one node.

    Attributes:
        node: The node.
        table: Units with a rank in both, ``unit, score_a, score_b, score_change, rank_a, rank_b, rank_change``
            (b − a; a negative rank change is a rise), the best of a first.
        only_a: Units with a rank in the first only, sorted.
        only_b: Units with a rank in the second only, sorted.
        mean_shift: Mean absolute rank change; NaN without a unit in both.
        largest_shift: Largest absolute rank change; NaN likewise.
        pearson: Correlation of the scores; NaN below three units or if constant.
        spearman: Correlation of the ranks; NaN likewise.
        kendall: τ_b of the scores; NaN likewise.
        reason: Why figures are NaN; None if none is.
    """

    node: str
    table: pl.DataFrame
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    mean_shift: float
    largest_shift: float
    pearson: float
    spearman: float
    kendall: float
    reason: str | None = None


def compare(
    a: IndexResult,
    b: IndexResult,
    node: str | None = None,
    year_a: int | None = None,
    year_b: int | None = None,
    among_both: bool = False,
) -> Comparison:
    """Compare two methods, two editions or two years by the units that both rank.

    Args:
        a: The first result.
        b: The second; may be the same, in another year.
        node: A node of both; None compares the roots, whatever their codes.
        year_a: Year in the first; None if it knows at most one.
        year_b: Year in the second; None if it knows at most one.
        among_both: Take ranks anew among the units that both rank, so that a unit that joined or left moves
            nobody; by default ranks are as published.

    Returns:
        The comparison.

    Raises:
        ValuesError: If a year or the node is not there.
    """
    sides = []
    for result, year in ((a, year_a), (b, year_b)):
        code = result.framework.root.code if node is None else node
        if code not in result.nodes:
            raise ValuesError("comparison", [f"no node {code!r} in the framework of method {result.method.name}"])
        rows, column = rows_of(result, year), result.nodes.index(code)
        ranked = [row for row in rows.tolist() if not np.isnan(result.ranks[row, column])]
        sides.append({result.units[row]: (result.scores[row, column], result.ranks[row, column]) for row in ranked})
    left, right = sides
    both = sorted(set(left) & set(right))
    scores = np.array([[left[unit][0], right[unit][0]] for unit in both]).reshape(-1, 2)
    ranks = np.array([[left[unit][1], right[unit][1]] for unit in both]).reshape(-1, 2)
    if among_both:
        rules = [result.method.rank for result in (a, b)]
        columns = [rule.ranks_of(scores[:, i]) for i, rule in enumerate(rules)]
        ranks = np.stack(columns, axis=1)
    table = pl.DataFrame(
        [
            pl.Series("unit", both, dtype=pl.String),
            *(pl.Series(f"score_{side}", scores[:, i]) for i, side in enumerate("ab")),
            pl.Series("score_change", scores[:, 1] - scores[:, 0]),
            *(pl.Series(f"rank_{side}", ranks[:, i]) for i, side in enumerate("ab")),
            pl.Series("rank_change", ranks[:, 1] - ranks[:, 0]),
        ]
    ).sort("rank_a", "unit")
    shifts = np.abs(ranks[:, 1] - ranks[:, 0])
    found = {measure: correlate(scores, ["a", "b"], measure) for measure in ("pearson", "spearman", "kendall")}
    return Comparison(
        node=a.framework.root.code if node is None else node,
        table=table,
        only_a=tuple(sorted(set(left) - set(right))),
        only_b=tuple(sorted(set(right) - set(left))),
        mean_shift=float(shifts.mean()) if both else np.nan,
        largest_shift=float(shifts.max()) if both else np.nan,
        pearson=float(found["pearson"].coefficient[0, 1]),
        spearman=float(found["spearman"].coefficient[0, 1]),
        kendall=float(found["kendall"].coefficient[0, 1]),
        reason=found["pearson"].reason(0, 1) if both else "no unit is ranked in both",
    )
