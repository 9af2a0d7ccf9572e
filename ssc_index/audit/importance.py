"""What each part truly drives: its main effect on a node, beside the weight that it was given.

What belongs here: the correlation ratio and its smoother. What does not: weights fitted to it (a weighting step).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ssc_index.audit.pairwise import SharedRanks, at_a_time, moments, pearson
from ssc_index.audit.smoothing import smooth
from ssc_index.audit.structure import Rule, aggregation_rules, weights_by
from ssc_index.framework.model import Framework, Node
from ssc_index.result import IndexResult
from ssc_index.sample import Scores, frame_of, scores_in, year_column
from ssc_index.values import Floats

LEAST_ROWS = 10


@dataclass(frozen=True)
class Effect:
    """How much of the variance of one column another accounts for on its own.

    Attributes:
        n: Rows in which both are present.
        correlation: Pearson's r; its square is what a straight line accounts for.
        main_effect: Correlation ratio ``Var(E[y|x]) / Var(y)``, 0 to 1; what any curve accounts for.
        freedom: Degrees of freedom of the curve; 2 is a straight line.
        reason: Why the figures are NaN; None if they are not.
    """

    n: int
    correlation: float
    main_effect: float
    freedom: float
    reason: str | None = None


def main_effect(x: Floats, y: Floats) -> Effect:
    """Correlation ratio of y on x: how much of y's variance is that of its mean given x.

    The mean given x is a penalised cubic B-spline (P-spline): 20 segments, second differences, the penalty out
    of 45 fixed ones (10⁻⁵ to 10⁶ times the rows) with the least corrected AIC, once on x and once on the
    mean ranks of x; the better of the two. A line fits what is a line. No draw is involved. The ratio itself
    does not change with a monotone change of x, its estimate does: the curve is another. Few rows leave noise:
    unrelated columns of 50 rows come out at some 0.05, not at 0.

    Args:
        x: The part, shape (n_rows,); NaN is missing.
        y: The whole, same shape; rows where either is missing are left out.

    Returns:
        The effect; NaN with a reason for fewer than 10 rows or where either is constant.

    Source: Paruolo, Saisana and Saltelli (2013), J. R. Statist. Soc. A 176(3), 609-634 (the measure); Becker,
    Saisana, Paruolo and Vandecasteele (2017), Ecological Indicators 80, 12-22 (penalised splines for it).
    """
    return main_effects(np.column_stack([x, y]), [(0, 1)])[0]


def main_effects(table: Floats, pairs: Sequence[tuple[int, int]]) -> list[Effect]:
    """`main_effect` of many pairs of columns, side by side.

    Args:
        table: Shape (n_rows, k); NaN is missing.
        pairs: Column of the part, column of the whole.

    Returns:
        One effect for each pair, the same whatever other pairs there are.
    """
    found = moments(table)
    correlations = pearson(found)
    part, whole = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    n, flat = found.n[part, whole], (found.constant[part, whole], found.constant[whole, part])
    ratio, freedom = np.full(n.size, np.nan), np.full(n.size, np.nan)
    ranks, todo = SharedRanks(table), np.flatnonzero((n >= LEAST_ROWS) & ~flat[0] & ~flat[1])
    for run in at_a_time(todo.size, table.shape[0]):
        at = todo[run]
        ratio[at], freedom[at] = _ratios(table, part[at], whole[at], ranks)
    correlation = np.where(np.isnan(ratio), np.nan, correlations[part, whole])
    reasons = [_why_not(int(size), *same) for size, *same in zip(n, *flat, strict=True)]
    figures = (figure.tolist() for figure in (n, correlation, ratio, freedom))
    return [Effect(*row) for row in zip(*figures, reasons, strict=True)]


def _why_not(n: int, part: bool, whole: bool) -> str | None:
    """Why a pair has no effect."""
    if n < LEAST_ROWS:
        return f"{n} complete pairs; at least {LEAST_ROWS} are needed"
    same = [name for name, constant in (("the part", part), ("the whole", whole)) if constant]
    return f"{' and '.join(same)} is constant" if same else None


def _ratios(
    table: Floats, part: NDArray[np.int64], whole: NDArray[np.int64], ranks: SharedRanks
) -> tuple[Floats, Floats]:
    """Correlation ratio of pairs of columns that vary, and degrees of freedom of the curves behind them."""
    x, y = np.ascontiguousarray(table[:, part].T), np.ascontiguousarray(table[:, whole].T)
    there = ~(np.isnan(x) | np.isnan(y))
    y = _about_mean(y, there)
    y = y / np.sqrt(_mean(y * y, there))
    curves = [smooth(_unit(design, there), y, there) for design in (x, ranks.of(part, whole))]
    fitted = [_about_mean(curve.fitted, there) for curve in curves]
    values, by_ranks = (np.clip(_mean(one * one, there)[:, 0], 0.0, 1.0) for one in fitted)
    better = curves[1].criterion < curves[0].criterion
    return np.where(better, by_ranks, values), np.where(better, curves[1].freedom, curves[0].freedom)


def _mean(figures: Floats, there: NDArray[np.bool_]) -> Floats:
    """Mean of each row where it is, shape (m, 1)."""
    means: Floats = np.where(there, figures, 0.0).sum(axis=1, keepdims=True) / there.sum(axis=1, keepdims=True)
    return means


def _about_mean(figures: Floats, there: NDArray[np.bool_]) -> Floats:
    """Rows less their mean; 0 where they are not."""
    return np.where(there, figures - _mean(figures, there), 0.0)


def _unit(figures: Floats, there: NDArray[np.bool_]) -> Floats:
    """Move each row onto 0 … 1; 0 where it is not."""
    low = np.where(there, figures, np.inf).min(axis=1, keepdims=True)
    high = np.where(there, figures, -np.inf).max(axis=1, keepdims=True)
    return np.where(there, (figures - low) / (high - low), 0.0)


def importance_frame(result: IndexResult, year: int | None = None) -> pl.DataFrame:
    """Main effects in one year of a result: ``year``, then as `importance`.

    Args:
        result: An index.
        year: Year of the rows; None if the values know at most one.
    """
    return year_column(importance(scores_in(result, year)), result, year)


def importance(scores: Scores, levels: Sequence[str] | None = None) -> pl.DataFrame:
    """Main effects of parts on their wholes, beside nominal weights.

    Args:
        scores: Scores of one year.
        levels: Levels of the parts; None is all.

    Returns:
        A row for each part of the root at any depth, and of every other node for its children: ``node,
        code, level, n, weight`` (nominal, product of shares down to the part), ``correlation, r2,
        main_effect, share`` (main effect over the sum of those of the parts of the same level in this node),
        ``weight_share`` (weight, likewise), ``gap`` (share − weight_share), ``freedom, reason``. Leaves of
        unequal depth share the last level, as in the framework.
    """
    framework = scores.framework
    rules = aggregation_rules(scores, mean_of_groups=True)
    heads = [
        (node.code, part.code, part.level, weight)
        for node in framework.nodes
        for part, weight in _parts(framework, rules, node)
        if levels is None or part.level in levels
    ]
    names = list(dict.fromkeys(code for head in heads for code in head[:2]))
    place = {code: column for column, code in enumerate(names)}
    effects = main_effects(scores.of(names), [(place[part], place[node]) for node, part, *_ in heads])
    sums: dict[tuple[str, str], list[float]] = {}
    for (node, _, level, weight), effect in zip(heads, effects, strict=True):
        total = sums.setdefault((node, level), [0.0, 0.0])
        total[0] += 0.0 if np.isnan(effect.main_effect) else effect.main_effect
        total[1] += weight
    out: list[tuple[object, ...]] = []
    for (node, part, level, weight), effect in zip(heads, effects, strict=True):
        share, weight_share = map(_share, (effect.main_effect, weight), sums[node, level])
        figures = (effect.correlation, effect.correlation**2, effect.main_effect, share, weight_share)
        out.append((node, part, level, effect.n, weight, *figures, share - weight_share, effect.freedom, effect.reason))
    text = {"node": str, "code": str, "level": str, "n": int, "weight": float}
    figures_of = ("correlation", "r2", "main_effect", "share", "weight_share", "gap", "freedom")
    return frame_of(out, **text, **dict.fromkeys(figures_of, float), reason=str)


def _parts(framework: Framework, rules: Mapping[str, Rule], node: Node) -> list[tuple[Node, float]]:
    """Parts of a node that its rule weighs, with their nominal weights: of the root at any depth, else its children."""
    if node.parent is None:
        weights = weights_by(rules, framework, node.code)
        return [
            (part, weights[part.code]) for part in framework.nodes if part.code in weights and part.code != node.code
        ]
    if node.code not in rules:
        return []
    return list(zip(framework.children[node.code], rules[node.code].shares, strict=True))


def _share(part: float, total: float) -> float:
    """A part of a sum; a sum of 0 has no share."""
    return part / total if total > 0 else np.nan
