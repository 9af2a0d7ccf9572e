"""Do the parts of a node measure one thing: Cronbach's α, sampling adequacy (KMO), Bartlett's test, item by item.

What belongs here: statistics of a group of columns that is to be one scale. What does not: pairs of columns
(`correlation.py`) and principal components (`components.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ssc_index import elementary
from ssc_index.audit.pairwise import covariance, moments, pearson
from ssc_index.framework.model import Node
from ssc_index.result import IndexResult
from ssc_index.sample import Scores, frame_of, scores_in, year_column
from ssc_index.statistics import is_constant
from ssc_index.values import Floats

SINGULAR = 1e-12


@dataclass(frozen=True)
class Alpha:
    """Cronbach's α of a group of columns.

    Attributes:
        alpha: ``k / (k − 1) (1 − tr C / Σ C)``, C the pairwise complete covariances; NaN with a reason.
        standardised: The same of the correlations; NaN where a column is constant.
        reason: Why there is no α; None if there is.
    """

    alpha: float
    standardised: float
    reason: str | None = None


def cronbach_alpha(table: Floats) -> Alpha:
    """Cronbach's α: the share of the variance of a sum that its parts have in common.

    Below 0 where the parts run against each other on balance. The columns must point the same way: take scores,
    not values of which some are better when lower.

    Args:
        table: Shape (n_rows, k); NaN is missing, covariances are pairwise complete.

    Returns:
        α and its standardised form.

    Source: Cronbach (1951), Psychometrika 16(3), 297-334; OECD/JRC Handbook (2008), step 4.

    >>> round(cronbach_alpha(np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 3.0]])).alpha, 6)
    0.666667
    """
    found = moments(table)
    return _alpha(covariance(found), pearson(found))


def _alpha(matrix: Floats, correlations: Floats) -> Alpha:
    """α from covariances and correlations."""
    k = matrix.shape[0]
    if k < 2:
        return Alpha(np.nan, np.nan, f"{k} column; α needs two")
    if np.isnan(matrix).any():
        return Alpha(np.nan, np.nan, "two columns share fewer than two rows")
    total, size = float(matrix.sum()), float(np.abs(matrix).sum())
    if total < -SINGULAR * size:  # no sum of columns has a variance below 0, but each pair has rows of its own
        return Alpha(
            np.nan, np.nan, "pairs of columns rest on so unlike rows that their covariances sum to less than 0"
        )
    if total <= SINGULAR * size:
        return Alpha(np.nan, np.nan, "the sum of the columns does not vary")
    alpha = k / (k - 1) * (1 - float(np.trace(matrix)) / total)
    whole = float(correlations.sum())
    standardised = k / (k - 1) * (1 - k / whole) if whole > SINGULAR * k else np.nan
    return Alpha(alpha, standardised)


@dataclass(frozen=True)
class Adequacy:
    """Whether the columns share enough for factors, over complete rows.

    Attributes:
        n: Complete rows.
        kmo: ``Σ r² / (Σ r² + Σ q²)`` over all pairs, q the partial correlations given all other columns.
        kmo_by_column: The same over the pairs of one column, shape (k,).
        bartlett: ``−(n − 1 − (2k + 5) / 6) ln |R|``.
        freedom: Its degrees of freedom, ``k (k − 1) / 2``.
        p_value: Of Bartlett's test that all columns are uncorrelated.
        inflation: Variance inflation of each column given the others, ``1 / (1 − R²)``, shape (k,); infinite
            where the others determine it.
        reason: Why figures are NaN; None if none is.
    """

    n: int
    kmo: float
    kmo_by_column: Floats
    bartlett: float
    freedom: int
    p_value: float
    inflation: Floats
    reason: str | None = None


def adequacy(table: Floats) -> Adequacy:
    """Kaiser–Meyer–Olkin measure, Bartlett's test of sphericity and variance inflation.

    Args:
        table: Shape (n_rows, k); rows with a NaN are left out.

    Returns:
        The figures. Without two columns, with a constant one, or with fewer rows than k + 1 all are NaN; where
        a column is determined by others (R is singular), KMO is NaN, Bartlett's statistic infinite.

    Source: Kaiser (1974), Psychometrika 39(1), 31-36; Bartlett (1951), Biometrika 38, 337-344;
    OECD/JRC Handbook (2008), step 4.
    """
    complete = table[~np.isnan(table).any(axis=1)]
    n, k = complete.shape
    reason = _why_not(complete)
    nothing = np.full(k, np.nan)
    freedom = k * (k - 1) // 2
    if reason:
        return Adequacy(n, np.nan, nothing, np.nan, freedom, np.nan, nothing, reason)
    matrix = pearson(moments(complete))
    eigenvalues, vectors = np.linalg.eigh(matrix)
    tied = eigenvalues < SINGULAR * k
    if tied.any():
        determined = (np.abs(vectors[:, tied]) > 1e-6).any(axis=1)
        said = f"columns {', '.join(str(column + 1) for column in np.flatnonzero(determined))} determine each other"
        inflation = np.where(determined, np.inf, np.nan)
        return Adequacy(n, np.nan, nothing, np.inf, freedom, 0.0, inflation, said)
    inverse = np.linalg.inv(matrix)
    scale = np.sqrt(np.diag(inverse))
    partial = inverse / np.outer(scale, scale)
    apart = ~np.eye(k, dtype=bool)
    shared, left = np.where(apart, matrix**2, 0.0), np.where(apart, partial**2, 0.0)
    by_column = shared.sum(axis=0) + left.sum(axis=0)
    of_column = np.divide(shared.sum(axis=0), by_column, out=np.full(k, np.nan), where=by_column > 0)
    everything = float(shared.sum() + left.sum())
    statistic = -(n - 1 - (2 * k + 5) / 6) * float(elementary.ln(eigenvalues).sum())
    return Adequacy(
        n=n,
        kmo=float(shared.sum()) / everything if everything > 0 else np.nan,
        kmo_by_column=of_column,
        bartlett=statistic,
        freedom=freedom,
        p_value=_chi_square_tail(statistic, freedom),
        inflation=np.diag(inverse).copy(),
        reason=None if everything > 0 else "no two columns are correlated: KMO is 0/0",
    )


def _why_not(complete: Floats) -> str | None:
    """What stands in the way of a correlation matrix that can be inverted."""
    n, k = complete.shape
    if k < 2:
        return f"{k} column; two are needed"
    if n < k + 1:
        return f"{n} complete rows for {k} columns; at least {k + 1} are needed"
    flat = [str(column + 1) for column in range(k) if is_constant(complete[:, column])]
    return f"constant: column {', '.join(flat)}" if flat else None


def _chi_square_tail(statistic: float, freedom: int) -> float:
    """Probability of a χ² at least as large."""
    from scipy.special import chdtrc  # slow to import

    return float(chdtrc(freedom, max(statistic, 0.0)))


def item_rest_correlations(table: Floats) -> Floats:
    """Correlate each column with the sum of the others, over complete rows.

    Args:
        table: Shape (n_rows, k); rows with a NaN are left out.

    Returns:
        Shape (k,); NaN where the column or the rest is constant, with one column, or below three rows.

    Source: Nunnally (1978), Psychometric Theory (corrected item–total correlation).
    """
    complete = table[~np.isnan(table).any(axis=1)]
    rest = complete.sum(axis=1, keepdims=True) - complete
    k = table.shape[1]
    return np.diag(pearson(moments(np.hstack([complete, rest])))[:k, k:]).copy() if k > 1 else np.full(1, np.nan)


def reliability_frames(result: IndexResult, year: int | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Reliability in one year of a result: of every node as `reliability` tells it, and item by item.

    Args:
        result: An index.
        year: Year of the rows; None if the values know at most one.

    Returns:
        As `reliability`, and per part: ``node, of, code, alpha_without, item_rest, kmo, inflation, r2_by_others,
        reason``; the year first.
    """
    groups = _groups(scores_in(result, year), None)
    return year_column(_of_groups(groups), result, year), year_column(_of_items(groups), result, year)


def reliability(scores: Scores, levels: Sequence[str] | None = None) -> pl.DataFrame:
    """Reliability of every node: of its children and of the indicators beneath it.

    Args:
        scores: Scores of one year, not values, so that all columns point the same way.
        levels: Levels of the parts; None is all.

    Returns:
        Per node above the indicators and kind of parts (``of``: ``children``, and ``indicators`` where they
        are others): ``node, level, of, n_parts, n_complete, alpha, alpha_standardised, kmo, bartlett,
        freedom, p_value, reason``.
    """
    return _of_groups(_groups(scores, levels))


@dataclass(frozen=True)
class _Group:
    """Parts of a node that are to measure one thing.

    Attributes:
        node: The node.
        of: ``children`` or ``indicators``.
        codes: The parts.
        table: Their scores, shape (n_units, k).
        covariances: Pairwise complete, shape (k, k).
        correlations: Likewise.
        fit: Their adequacy.
    """

    node: Node
    of: str
    codes: tuple[str, ...]
    table: Floats
    covariances: Floats
    correlations: Floats
    fit: Adequacy


def _groups(scores: Scores, levels: Sequence[str] | None) -> list[_Group]:
    """Groups of parts of every node above the indicators."""
    framework = scores.framework
    nodes = [node.code for node in framework.nodes if levels is None or node.level in levels]
    place = {code: column for column, code in enumerate(nodes)}
    table = scores.of(nodes)
    together = moments(table)
    covariances, correlations = covariance(together), pearson(together)
    found = []
    for node in framework.nodes:
        children = tuple(child.code for child in framework.children.get(node.code, ()))
        groups = {"children": children, "indicators": framework.leaves_under[node.code]}
        if groups["indicators"] == children:
            del groups["indicators"]
        for kind, codes in groups.items():
            if not children or not place.keys() >= set(codes):
                continue
            at = [place[code] for code in codes]
            own, square = table[:, at], np.ix_(at, at)
            found.append(_Group(node, kind, codes, own, covariances[square], correlations[square], adequacy(own)))
    return found


def _of_groups(groups: Sequence[_Group]) -> pl.DataFrame:
    """Figures of each group."""
    rows: list[tuple[object, ...]] = []
    for group in groups:
        alpha, fit = _alpha(group.covariances, group.correlations), group.fit
        figures = (alpha.alpha, alpha.standardised, fit.kmo, fit.bartlett, fit.freedom, fit.p_value)
        head = (group.node.code, group.node.level, group.of, len(group.codes), fit.n)
        rows.append((*head, *figures, _told(alpha.reason, fit.reason)))
    names = {"node": str, "level": str, "of": str, "n_parts": int, "n_complete": int}
    figures_of = dict.fromkeys(("alpha", "alpha_standardised", "kmo", "bartlett"), float)
    return frame_of(rows, **names, **figures_of, freedom=int, p_value=float, reason=str)


def _of_items(groups: Sequence[_Group]) -> pl.DataFrame:
    """Figures of each part of each group."""
    rows: list[tuple[object, ...]] = []
    for group in groups:
        rest = item_rest_correlations(group.table)
        for column, code in enumerate(group.codes):
            kept = np.delete(np.arange(len(group.codes)), column)
            square = np.ix_(kept, kept)
            without = _alpha(group.covariances[square], group.correlations[square])
            inflation = float(group.fit.inflation[column])
            figures = (without.alpha, rest[column], group.fit.kmo_by_column[column], inflation, 1.0 - 1.0 / inflation)
            said = _told(without.reason, group.fit.reason)
            rows.append((group.node.code, group.of, code, *(float(figure) for figure in figures), said))
    figures_of = dict.fromkeys(("alpha_without", "item_rest", "kmo", "inflation", "r2_by_others"), float)
    return frame_of(rows, node=str, of=str, code=str, **figures_of, reason=str)


def _told(*reasons: str | None) -> str | None:
    """Reasons as one text, each once."""
    return "; ".join(dict.fromkeys(said for said in reasons if said)) or None
