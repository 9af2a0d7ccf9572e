"""Correlations of columns and of nodes: pairwise complete, with p-values and flags.

What belongs here: Pearson, Spearman and Kendall coefficients of a table, and what they mean in a framework. What
does not: several columns against one node (`reliability.py`, `importance.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ssc_index.framework.model import Framework
from ssc_index.rank import rank_ascending
from ssc_index.result import IndexResult
from ssc_index.sample import Scores, frame_of, scores_in, year_column
from ssc_index.statistics import is_constant
from ssc_index.values import Floats

Measure = Literal["pearson", "spearman", "kendall"]
MEASURES: tuple[Measure, ...] = ("pearson", "spearman", "kendall")
LEAST_PAIRS = 3


@dataclass(frozen=True)
class Correlations:
    """Correlations of all pairs of columns.

    Attributes:
        measure: Which coefficient.
        codes: One per column.
        coefficient: Shape (n_codes, n_codes), symmetric; NaN where there is none (`reason` says why).
        p_value: Of the two-sided test of no association, same shape.
        n: Rows in which both are present, same shape.
        constant: Whether the column of the row's code is constant over the rows that the pair shares.
    """

    measure: Measure
    codes: tuple[str, ...]
    coefficient: Floats
    p_value: Floats
    n: NDArray[np.int64]
    constant: NDArray[np.bool_]

    def reason(self, first: int, second: int) -> str | None:
        """Why a pair has no coefficient; None where it has one."""
        if self.n[first, second] < LEAST_PAIRS:
            return f"{self.n[first, second]} complete pairs; at least {LEAST_PAIRS} are needed"
        same = [self.codes[i] for i, j in ((first, second), (second, first)) if self.constant[i, j]]
        return f"constant: {', '.join(same)}" if same else None


def correlate(table: Floats, codes: Sequence[str], measure: Measure = "pearson") -> Correlations:
    """Correlate all pairs of columns over the rows that each pair shares.

    Pearson ``r``; Spearman: ``r`` of the mean ranks, which are taken anew within the rows of each pair;
    Kendall ``τ_b``. p-values: Pearson and Spearman from Student's t with n − 2 degrees of freedom, Kendall
    exact for few rows without ties, else from the normal distribution (as SciPy).

    Args:
        table: Shape (n_rows, n_codes); NaN is missing.
        codes: One per column.
        measure: Which coefficient.

    Returns:
        Coefficients, p-values and counts. A pair with fewer than three shared rows, or with a column that is
        constant over them, has NaN and a reason.

    Source: Pearson; Spearman (1904); Kendall (1945) for τ_b; OECD/JRC Handbook (2008), step 4.

    >>> found = correlate(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 7.0]]), ["a", "b"], "spearman")
    >>> float(found.coefficient[0, 1])
    1.0
    """
    present = ~np.isnan(table)
    counts: NDArray[np.int64] = present.astype(np.int64).T @ present.astype(np.int64)
    size = table.shape[1]
    coefficient, p_value = np.full((size, size), np.nan), np.full((size, size), np.nan)
    constant = np.zeros((size, size), dtype=bool)
    if measure != "kendall":
        _complete_columns(table, present, measure, coefficient, constant)
    for i, j in _pairs_left(present, counts, measure):
        rows = present[:, i] & present[:, j]
        x, y = table[rows, i], table[rows, j]
        constant[i, j], constant[j, i] = is_constant(x), is_constant(y)
        if constant[i, j] or constant[j, i]:
            continue
        if measure == "kendall":
            coefficient[i, j], p_value[i, j] = _kendall(x, y)
            p_value[j, i] = p_value[i, j]
        else:
            coefficient[i, j] = _pearson(x, y) if measure == "pearson" else _pearson(_ranks(x), _ranks(y))
        coefficient[j, i] = coefficient[i, j]
    if measure != "kendall":
        p_value = _p_of_r(coefficient, counts)
    return Correlations(measure, tuple(codes), coefficient, p_value, counts, constant)


def _complete_columns(
    table: Floats, present: NDArray[np.bool_], measure: Measure, coefficient: Floats, constant: NDArray[np.bool_]
) -> None:
    """Fill in the pairs of columns that miss nothing, by one product of matrices."""
    whole = np.flatnonzero(np.asarray(present.all(axis=0)))
    if table.shape[0] < LEAST_PAIRS or whole.size == 0:
        return
    columns = [table[:, column] for column in whole.tolist()]
    is_flat = [is_constant(column) for column in columns]
    flat: NDArray[np.bool_] = np.array(is_flat, dtype=np.bool_)
    constant[np.ix_(whole[flat], whole)] = True
    good = whole[~flat]
    if good.size == 0:
        return
    ranked = [
        column if measure == "pearson" else _ranks(column)
        for column, same in zip(columns, flat, strict=True)
        if not same
    ]
    unit = np.stack([_unit_vector(column) for column in ranked], axis=1)
    matrix = np.clip(unit.T @ unit, -1.0, 1.0)
    np.fill_diagonal(matrix, 1.0)
    coefficient[np.ix_(good, good)] = matrix


def _pairs_left(present: NDArray[np.bool_], counts: NDArray[np.int64], measure: Measure) -> Iterator[tuple[int, int]]:
    """Pairs with enough rows that `_complete_columns` leaves."""
    whole: NDArray[np.bool_] = np.asarray(present.all(axis=0))
    for i in range(counts.shape[0]):
        for j in range(i, counts.shape[0]):
            if counts[i, j] >= LEAST_PAIRS and (measure == "kendall" or not (whole[i] and whole[j])):
                yield i, j


def _unit_vector(values: Floats) -> Floats:
    """Centre and divide by the length; scaled first, so that no square overflows."""
    centred = values - values.mean()
    centred = centred / np.abs(centred).max()
    scaled: Floats = centred / np.sqrt((centred * centred).sum())
    return scaled


def _pearson(x: Floats, y: Floats) -> float:
    """Coefficient of two columns that vary."""
    return float(np.clip((_unit_vector(x) * _unit_vector(y)).sum(), -1.0, 1.0))


def _ranks(values: Floats) -> Floats:
    """Mean ranks."""
    return rank_ascending(values, "average")


def _kendall(x: Floats, y: Floats) -> tuple[float, float]:
    """τ_b and its p-value."""
    from scipy.stats import kendalltau  # slow to import

    found = kendalltau(x, y)
    return float(found.statistic), float(found.pvalue)


def _p_of_r(coefficient: Floats, counts: NDArray[np.int64]) -> Floats:
    """Two-sided p-value of a coefficient: ``I(1 − r²; (n − 2)/2, 1/2)``, Student's t with n − 2 degrees of freedom."""
    from scipy.special import betainc

    freedom = np.maximum(counts - 2, 1) / 2.0
    p_value: Floats = betainc(freedom, 0.5, (1.0 - coefficient) * (1.0 + coefficient))
    return p_value


def covariance(table: Floats) -> Floats:
    """Covariances of all pairs of columns over the rows that each pair shares, divided by n − 1.

    Args:
        table: Shape (n_rows, n_codes); NaN is missing.

    Returns:
        Shape (n_codes, n_codes); NaN where a pair shares fewer than two rows.
    """
    present = ~np.isnan(table)
    if present.all() and table.shape[0] > 1:
        centred = table - table.mean(axis=0)
        whole: Floats = centred.T @ centred / (table.shape[0] - 1)
        return whole
    size = table.shape[1]
    matrix = np.full((size, size), np.nan)
    for i in range(size):
        for j in range(i, size):
            rows = present[:, i] & present[:, j]
            x, y = table[rows, i], table[rows, j]
            if x.size > 1:
                matrix[i, j] = matrix[j, i] = ((x - x.mean()) * (y - y.mean())).sum() / (x.size - 1)
    return matrix


@dataclass(frozen=True)
class CorrelationLimits:
    """When a correlation of parts of one node is worth a flag.

    Attributes:
        high: Above it two siblings tell much the same.
        weak: Below it they tell little of one common thing.
        negative: Below it they pull against each other, so that a mean hides both.
    """

    high: float = 0.9
    weak: float = 0.3
    negative: float = -0.4


DEFAULT_LIMITS = CorrelationLimits()


def correlation_frame(
    result: IndexResult,
    year: int | None = None,
    measures: Sequence[Measure] = MEASURES,
    limits: CorrelationLimits = DEFAULT_LIMITS,
    levels: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Correlate the scores of all nodes, within and across levels.

    Args:
        result: An index.
        year: Year of the rows; None if the values know at most one.
        measures: Which coefficients.
        limits: When to flag.
        levels: Levels that take part; None is all.

    Returns:
        One row per measure and pair, in the order of the framework: ``year, measure, code_a, level_a, code_b,
        level_b, relation, common, n, coefficient, p_value, flag, reason``. ``relation`` is ``siblings``,
        ``parent`` (b is the parent of a), ``ancestor`` or ``other``; ``common`` is the lowest node above (or
        at) both. ``flag`` is ``high`` (siblings only), ``negative`` or ``weak`` (siblings, and a part with
        its parent), else null.
    """
    framework = result.framework
    nodes = [node for node in framework.nodes if levels is None or node.level in levels]
    codes = [node.code for node in nodes]
    table = scores_in(result, year).of(codes)
    upper = [(j, i) for i in range(len(codes)) for j in range(i + 1, len(codes))]  # the lower node first
    ties = [_relation(framework, codes[a], codes[b]) for a, b in upper]
    parts = []
    for measure in measures:
        found = correlate(table, codes, measure)
        a, b = [pair[0] for pair in upper], [pair[1] for pair in upper]
        coefficient = found.coefficient[a, b]
        flags = [_flag(value, tie[0], limits) for value, tie in zip(coefficient.tolist(), ties, strict=True)]
        parts.append(
            pl.DataFrame(
                [
                    pl.Series("measure", [measure] * len(upper), dtype=pl.String),
                    pl.Series("code_a", [codes[i] for i in a], dtype=pl.String),
                    pl.Series("level_a", [nodes[i].level for i in a], dtype=pl.String),
                    pl.Series("code_b", [codes[i] for i in b], dtype=pl.String),
                    pl.Series("level_b", [nodes[i].level for i in b], dtype=pl.String),
                    pl.Series("relation", [tie[0] for tie in ties], dtype=pl.String),
                    pl.Series("common", [tie[1] for tie in ties], dtype=pl.String),
                    pl.Series("n", found.n[a, b]),
                    pl.Series("coefficient", coefficient, nan_to_null=True),
                    pl.Series("p_value", found.p_value[a, b], nan_to_null=True),
                    pl.Series("flag", flags, dtype=pl.String),
                    pl.Series("reason", [found.reason(*pair) for pair in upper], dtype=pl.String),
                ]
            )
        )
    return year_column(pl.concat(parts), result, year)


def family_correlations(
    scores: Scores,
    measures: Sequence[Measure] = ("pearson", "spearman"),
    limits: CorrelationLimits = DEFAULT_LIMITS,
    levels: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Correlate the children of each node with each other and with the node: the pairs that can bear a flag.

    Args:
        scores: Scores of one year.
        measures: Which coefficients.
        limits: When to flag.
        levels: Levels of the children; None is all.

    Returns:
        One row per measure and pair, node by node: ``measure, code_a, code_b, relation`` (``siblings``, or
        ``parent``: b is the parent of a), ``common`` (the node), ``n, coefficient, p_value, flag, reason``. A
        node with a single child has none.
    """
    framework = scores.framework
    out: list[tuple[object, ...]] = []
    for parent, nodes in framework.children.items():
        children = [child.code for child in nodes if levels is None or child.level in levels]
        if len(children) < 2:
            continue
        codes = [*children, parent]
        for measure in measures:
            found = correlate(scores.of(codes), codes, measure)
            for i, j in itertools.combinations(range(len(codes)), 2):
                relation = "parent" if codes[j] == parent else "siblings"
                figures = (int(found.n[i, j]), found.coefficient[i, j], found.p_value[i, j])
                flag = _flag(float(found.coefficient[i, j]), relation, limits)
                out.append((measure, codes[i], codes[j], relation, parent, *figures, flag, found.reason(i, j)))
    text = dict.fromkeys(("measure", "code_a", "code_b", "relation", "common"), str)
    return frame_of(out, **text, n=int, coefficient=float, p_value=float, flag=str, reason=str)


def _relation(framework: Framework, a: str, b: str) -> tuple[str, str]:
    """How two nodes lie to each other, and the lowest node above or at both."""
    above_a, above_b = _path(framework, a), _path(framework, b)
    common = next(code for code in above_a if code in above_b)
    if common in (a, b):
        near = abs(len(above_a) - len(above_b)) == 1
        return ("parent" if near else "ancestor"), common
    return ("siblings" if above_a[1] == above_b[1] else "other"), common


def _path(framework: Framework, code: str) -> list[str]:
    """A node and those above it, up to the root."""
    path = [code]
    while (parent := framework.by_code[path[-1]].parent) is not None:
        path.append(parent)
    return path


def _flag(coefficient: float, relation: str, limits: CorrelationLimits) -> str | None:
    """What is to be said of a coefficient."""
    if np.isnan(coefficient) or relation not in ("siblings", "parent"):
        return None
    if coefficient < limits.negative:
        return "negative"
    if coefficient < limits.weak:
        return "weak"
    return "high" if coefficient > limits.high and relation == "siblings" else None
