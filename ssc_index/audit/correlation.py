"""Correlations of columns and of nodes: pairwise complete, with p-values and flags.

What belongs here: Pearson, Spearman and Kendall coefficients of a table, and what they mean in a framework. What
does not: their arithmetic (`pairwise.py`), several columns against one node (`reliability.py`, `importance.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ssc_index.audit.pairwise import LEAST_PAIRS, Moments, SharedRanks, moments, pearson
from ssc_index.framework.model import Framework
from ssc_index.result import IndexResult
from ssc_index.sample import Scores, frame_of, rows_of, scores_in, year_column
from ssc_index.values import Floats

Measure = Literal["pearson", "spearman", "kendall"]
MEASURES: tuple[Measure, ...] = ("pearson", "spearman", "kendall")


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
        flat = {self.codes[i]: bool(self.constant[i, j]) for i, j in ((first, second), (second, first))}
        return _why_none(int(self.n[first, second]), flat)


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
    size = table.shape[1]
    first, second = np.triu_indices(size)
    found = correlate_pairs(table, first, second, measure)
    whole = {name: np.empty((size, size), dtype=getattr(found, name).dtype) for name in ("coefficient", "p_value", "n")}
    for name, matrix in whole.items():
        matrix[first, second] = matrix[second, first] = getattr(found, name)
    constant = np.empty((size, size), dtype=np.bool_)
    constant[first, second], constant[second, first] = found.constant
    return Correlations(measure, tuple(codes), **whole, constant=constant)


@dataclass(frozen=True)
class Pairs:
    """Correlations of some pairs of columns.

    Attributes:
        coefficient: Shape (m,); NaN where there is none (`reason` says why).
        p_value: Of the two-sided test of no association, shape (m,).
        n: Rows in which both are present, shape (m,).
        constant: Whether the first, and whether the second is constant over them, shape (2, m).
    """

    coefficient: Floats
    p_value: Floats
    n: NDArray[np.int64]
    constant: NDArray[np.bool_]

    def reason(self, pair: int, *codes: str) -> str | None:
        """Why a pair of columns, these codes, has no coefficient; None where it has one."""
        return _why_none(int(self.n[pair]), dict(zip(codes, self.constant[:, pair].tolist(), strict=True)))


def _why_none(n: int, flat: Mapping[str, bool]) -> str | None:
    """Why columns of which some are flat over n rows have no coefficient; None where they have one."""
    if n < LEAST_PAIRS:
        return f"{n} complete pairs; at least {LEAST_PAIRS} are needed"
    constant = [code for code, is_flat in flat.items() if is_flat]
    return f"constant: {', '.join(constant)}" if constant else None


def correlate_pairs(
    table: Floats, first: NDArray[np.int64], second: NDArray[np.int64], measure: Measure = "pearson"
) -> Pairs:
    """`correlate` for some pairs of columns.

    Args:
        table: Shape (n_rows, n_codes); NaN is missing.
        first: One column of each pair, shape (m,).
        second: The other, shape (m,).
        measure: Which coefficient.
    """
    return _of_pairs(table, moments(table), first, second, measure)


def _of_pairs(
    table: Floats, found: Moments, first: NDArray[np.int64], second: NDArray[np.int64], measure: Measure
) -> Pairs:
    """As `correlate_pairs`, of columns whose moments are known."""
    n, constant = found.n[first, second], np.stack([found.constant[first, second], found.constant[second, first]])
    known = (n >= LEAST_PAIRS) & ~constant.any(axis=0)
    if measure == "kendall":
        return Pairs(*_kendall(table, first, second, known), n, constant)
    if measure == "pearson":
        coefficient = pearson(found)[first, second]
    else:
        coefficient = SharedRanks(table).spearman(first, second, known)
    return Pairs(coefficient, _p_of_r(coefficient, n), n, constant)


def _kendall(
    table: Floats, first: NDArray[np.int64], second: NDArray[np.int64], known: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """τ_b and its p-value of each pair that is known; else NaN."""
    from scipy.stats import kendalltau  # slow to import

    found = np.full((2, first.size), np.nan)
    for pair in np.flatnonzero(known):
        both = table[:, [first[pair], second[pair]]]
        tau = kendalltau(*both[~np.isnan(both).any(axis=1)].T)
        found[:, pair] = tau.statistic, tau.pvalue
    return found[0], found[1]


def _p_of_r(coefficient: Floats, counts: NDArray[np.int64]) -> Floats:
    """Two-sided p-value of a coefficient: ``I(1 − r²; (n − 2)/2, 1/2)``, Student's t with n − 2 degrees of freedom."""
    from scipy.special import betainc  # slow to import

    freedom = np.maximum(counts - 2, 1) / 2.0
    p_value: Floats = betainc(freedom, 0.5, (1.0 - coefficient) * (1.0 + coefficient))
    return p_value


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
    families = []
    for parent, nodes in framework.children.items():
        children = [child.code for child in nodes if levels is None or child.level in levels]
        if len(children) > 1:
            families.append((parent, list(itertools.combinations([*children, parent], 2))))
    names = list(dict.fromkeys(code for _, pairs in families for pair in pairs for code in pair))
    place = {code: column for column, code in enumerate(names)}
    at = np.array([[place[code] for code in pair] for _, pairs in families for pair in pairs], dtype=np.int64)
    table, (first, second) = scores.of(names), at.reshape(-1, 2).T
    together = moments(table)
    found = {measure: _of_pairs(table, together, first, second, measure) for measure in measures}
    out: list[tuple[object, ...]] = []
    start = 0
    for parent, pairs in families:
        for measure, one in found.items():
            for number, (a, b) in enumerate(pairs, start):
                relation = "parent" if b == parent else "siblings"
                coefficient, p_value = float(one.coefficient[number]), float(one.p_value[number])
                flag = _flag(coefficient, relation, limits)
                said = (int(one.n[number]), coefficient, p_value, flag, one.reason(number, a, b))
                out.append((measure, a, b, relation, parent, *said))
        start += len(pairs)
    text = dict.fromkeys(("measure", "code_a", "code_b", "relation", "common"), str)
    return frame_of(out, **text, n=int, coefficient=float, p_value=float, flag=str, reason=str)


def size_frame(result: IndexResult, year: int | None = None, limit: float = 0.6) -> pl.DataFrame:
    """Correlate indicators with what tells the size of a unit: the columns that the method divides by or derives from.

    Args:
        result: An index.
        year: Year of the rows; None if the values know at most one.
        limit: Absolute Pearson correlation above which an indicator is flagged.

    Returns:
        One row per indicator, form and column: ``year, code, form, size, n, coefficient, p_value, flag, reason``.
        ``form`` is ``reported`` (the values that went in) or, where a step has changed them so, ``denominated``;
        ``size`` is the column; ``flag`` is ``size``, else null. Without such columns there is no row.

    Source: COINr (``get_denom_corr``: the limit, and absolute correlations).
    """
    rows, codes = rows_of(result, year), result.values.codes
    forms = {"reported": (codes, result.values.values[rows])}
    divided = [step for step in result.steps if step.name == "denominate"]
    if divided:
        changed = np.any([(step.table != step.before) & ~np.isnan(step.table) for step in divided], axis=(0, 1))
        own = tuple(code for code, one in zip(codes, changed, strict=True) if one)
        forms["denominated"] = (own, divided[-1].table[rows][:, changed])
    out: list[tuple[object, ...]] = []
    sizes = {name: column[rows] for name, column in result.values.denominators.items()}
    for form, (own, table) in forms.items():
        for name, column in sizes.items():
            pairs = np.arange(len(own)), np.full(len(own), len(own))
            found = correlate_pairs(np.column_stack([table, column]), *pairs)
            for place, code in enumerate(own):
                r = float(found.coefficient[place])
                flag, reason = "size" if abs(r) > limit else None, found.reason(place, code, name)
                out.append((code, form, name, int(found.n[place]), r, float(found.p_value[place]), flag, reason))
    text = {"code": str, "form": str, "size": str}
    frame = frame_of(out, **text, n=int, coefficient=float, p_value=float, flag=str, reason=str)
    return year_column(frame, result, year)


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
