"""What each part truly drives: its main effect on a node, beside the weight that it was given.

What belongs here: the correlation ratio and its smoother. What does not: weights fitted to it (a weighting step).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ssc_index.audit.structure import nominal_weights
from ssc_index.rank import rank_ascending
from ssc_index.result import IndexResult
from ssc_index.sample import Scores, frame_of, scores_in, year_column
from ssc_index.statistics import is_constant
from ssc_index.values import Floats

LEAST_ROWS = 10
SEGMENTS = 20
PENALTIES = 10.0 ** np.arange(-5.0, 6.25, 0.25)


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
    mean ranks of x; the better of the two. The ratio does not change with a monotone change of x,
    and a line fits what is a line. No draw is involved. Few rows leave noise: unrelated columns of 50 rows
    come out at some 0.05, not at 0.

    Args:
        x: The part, shape (n_rows,); NaN is missing.
        y: The whole, same shape; rows where either is missing are left out.

    Returns:
        The effect; NaN with a reason for fewer than 10 rows or where either is constant.

    Source: Paruolo, Saisana and Saltelli (2013), J. R. Statist. Soc. A 176(3), 609-634 (the measure); Becker,
    Paruolo, Saisana and Saltelli (2017), Ecological Indicators 80, 12-22 (penalised splines for it); Eilers and
    Marx (1996), Statistical Science 11(2), 89-121 (the spline); Hurvich, Simonoff and Tsai (1998), J. R. Statist.
    Soc. B 60(2), 271-293 (the choice of its penalty).
    """
    there = ~(np.isnan(x) | np.isnan(y))
    x, y = x[there], y[there]
    if x.size < LEAST_ROWS:
        return Effect(x.size, np.nan, np.nan, np.nan, f"{x.size} complete pairs; at least {LEAST_ROWS} are needed")
    flat = [name for name, column in (("the part", x), ("the whole", y)) if is_constant(column)]
    if flat:
        return Effect(x.size, np.nan, np.nan, np.nan, f"{' and '.join(flat)} is constant")
    y = y - y.mean()
    y = y / np.sqrt((y * y).mean())
    fits = [_smooth(_unit(design), y) for design in (x, rank_ascending(x, "average"))]
    _, fitted, freedom = min(fits, key=lambda fit: fit[0])
    centred = x - x.mean()
    centred = centred / np.abs(centred).max()
    # Rounding may carry a perfect correlation past 1.
    correlation = float(np.clip(float((centred * y).sum() / np.sqrt((centred * centred).sum() * y.size)), -1.0, 1.0))
    return Effect(x.size, correlation, float(np.clip(fitted.var(), 0.0, 1.0)), freedom)


def _unit(x: Floats) -> Floats:
    """Move onto 0 … 1."""
    scaled: Floats = (x - x.min()) / (x.max() - x.min())
    return scaled


def _smooth(x: Floats, y: Floats) -> tuple[float, Floats, float]:
    """Fit the P-spline: its corrected AIC, fitted values and degrees of freedom."""
    basis = _basis(x)
    gram, right = basis.T @ basis, basis.T @ y
    difference = np.diff(np.eye(gram.shape[0]), n=2, axis=0)
    roughness = difference.T @ difference
    # With A = G + λ₀R = LLᵀ and L⁻¹RL⁻ᵀ = U diag(s) Uᵀ, every G + λR is LU diag(1 + (λ − λ₀)s) UᵀLᵀ.
    penalties = PENALTIES * y.size
    lower = np.linalg.cholesky(gram + penalties[0] * roughness)
    half = np.linalg.solve(lower, roughness)
    sizes, axes = np.linalg.eigh(np.linalg.solve(lower, half.T))
    shrink = 1.0 / (1.0 + (penalties - penalties[0])[:, None] * np.maximum(sizes, 0.0))
    back = np.linalg.solve(lower.T, axes)
    freedoms = shrink @ (back * (gram @ back)).sum(axis=0)
    fits = basis @ back @ (shrink * (back.T @ right)).T
    variances = np.maximum(((y[:, None] - fits) ** 2).mean(axis=0), np.finfo(np.float64).tiny)
    left = y.size - freedoms - 2
    criteria = np.where(left > 1, np.log(variances) + 2 * (freedoms + 1) / np.maximum(left, 1), np.inf)
    best = int(criteria.argmin())
    return float(criteria[best]), fits[:, best], float(freedoms[best])


def _basis(x: Floats) -> Floats:
    """Cubic B-splines on 20 equal segments of 0 … 1, shape (n, 23)."""
    place = np.minimum((x * SEGMENTS).astype(np.int64), SEGMENTS - 1)
    t = x * SEGMENTS - place
    pieces = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6
    basis = np.zeros((x.size, SEGMENTS + 3))
    np.put_along_axis(basis, place[:, None] + np.arange(4), pieces, axis=1)
    return basis


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
    out: list[tuple[object, ...]] = []
    for node in framework.nodes:
        if node.code not in framework.children:
            continue
        weights = nominal_weights(scores, node.code)
        is_root = node.parent is None
        parts = [
            part
            for part in framework.nodes
            if part.code in weights
            and (part.parent == node.code or (is_root and part.code != node.code))
            and (levels is None or part.level in levels)
        ]
        if not parts:
            continue
        whole = scores.of([node.code])[:, 0]
        table = scores.of([part.code for part in parts])
        effects = {part.code: main_effect(table[:, i], whole) for i, part in enumerate(parts)}
        for part in parts:
            alike = [other.code for other in parts if other.level == part.level]
            share = _share(effects[part.code].main_effect, [effects[code].main_effect for code in alike])
            weight_share = _share(weights[part.code], [weights[code] for code in alike])
            effect = effects[part.code]
            figures = (effect.correlation, effect.correlation**2, effect.main_effect, share, weight_share)
            head = (node.code, part.code, part.level, effect.n, weights[part.code])
            out.append((*head, *figures, share - weight_share, effect.freedom, effect.reason))
    text = {"node": str, "code": str, "level": str, "n": int, "weight": float}
    figures_of = ("correlation", "r2", "main_effect", "share", "weight_share", "gap", "freedom")
    return frame_of(out, **text, **dict.fromkeys(figures_of, float), reason=str)


def _share(part: float, parts: list[float]) -> float:
    """A part of a sum; parts without a figure count nothing, a sum of 0 has no share."""
    total = float(np.nansum(parts))
    return part / total if total > 0 else np.nan
