"""What an indicator tells apart, and whether another tells the same.

What belongs here: discrimination of each node's scores, and redundancy among indicators. What does not: flags of
raw values (`statistics.py`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from ssc_index.audit.correlation import correlate
from ssc_index.audit.reliability import adequacy
from ssc_index.result import IndexResult
from ssc_index.sample import frame_of, rows_of, scores_of, year_column
from ssc_index.statistics import spread_of
from ssc_index.values import Floats

TELLS_APART = 12


def pairs_told_apart(scores: Floats) -> float:
    """Share of the pairs of units whose scores differ; NaN for fewer than two.

    ``1 − Σ f (f − 1) / (n (n − 1))``, f the units at each distinct score (rounded to 12 significant decimals of the
    largest, so that rounding noise tells nobody apart).

    Source: Gini–Simpson index, without replacement (Simpson 1949, Nature 163, 688).

    >>> pairs_told_apart(np.array([1.0, 1.0, 2.0, np.nan]))  # of three pairs one is tied
    0.6666666666666667
    """
    there = scores[~np.isnan(scores)]
    n = there.size
    if n < 2:
        return np.nan
    largest = float(np.abs(there).max()) or 1.0
    counts = np.unique(np.round(there / largest, TELLS_APART), return_counts=True)[1]
    return 1.0 - float((counts * (counts - 1)).sum()) / (n * (n - 1))


def discrimination_frame(result: IndexResult, year: int | None = None) -> pl.DataFrame:
    """How well the scores of each node tell units apart.

    Args:
        result: An index.
        year: Year of the rows; None if the values know at most one.

    Returns:
        One row per node: ``year, node, level, n, n_distinct, sd, interquartile_range, pairs_apart, share_lowest,
        share_highest`` (units at the smallest and the largest score: floor and ceiling), ``reason``.
    """
    rows = rows_of(result, year)
    out: list[tuple[object, ...]] = []
    for column, node in enumerate(result.framework.nodes):
        scores = result.scores[rows, column]
        there = scores[~np.isnan(scores)]
        if there.size < 2:
            out.append((node.code, node.level, there.size, there.size, *[None] * 5, "fewer than two scores"))
            continue
        q1, q3 = np.quantile(there, [0.25, 0.75]).tolist()
        ends = [float((there == end).mean()) for end in (there.min(), there.max())]
        spread = (spread_of(there), q3 - q1, pairs_told_apart(there))
        out.append((node.code, node.level, there.size, int(np.unique(there).size), *spread, *ends, None))
    return year_column(
        frame_of(
            out,
            node=str,
            level=str,
            n=int,
            n_distinct=int,
            sd=float,
            interquartile_range=float,
            pairs_apart=float,
            share_lowest=float,
            share_highest=float,
            reason=str,
        ),
        result,
        year,
    )


def redundancy_frame(result: IndexResult, year: int | None = None) -> pl.DataFrame:
    """Which indicators the others make superfluous.

    Args:
        result: An index; scores of indicators are looked at, so that a sign means what it says.
        year: Year of the rows; None if the values know at most one.

    Returns:
        One row per indicator: ``year, code, node`` (its parent), ``nearest`` (the indicator of the whole index
        with the largest absolute Pearson correlation), ``correlation`` with it, ``n`` rows that they share,
        ``nearest_is_sibling``, ``inflation`` and ``r2_by_siblings`` (from its siblings; 1 and infinite where
        they determine it), ``reason`` where these two are null.
    """
    framework, rows = result.framework, rows_of(result, year)
    codes = framework.codes
    table = scores_of(result, rows, codes)
    found = correlate(table, codes)
    size = np.where(np.isnan(found.coefficient), -1.0, np.abs(found.coefficient))
    np.fill_diagonal(size, -1.0)
    inflation: dict[str, tuple[float, str | None]] = {}
    for children in framework.children.values():
        leaves = [child.code for child in children if child.code in codes]
        fit = adequacy(scores_of(result, rows, leaves))
        inflation |= {code: (float(fit.inflation[i]), fit.reason) for i, code in enumerate(leaves)}
    out: list[tuple[object, ...]] = []
    for i, code in enumerate(codes):
        parent = framework.by_code[code].parent
        value, reason = inflation[code]
        j = int(size[i].argmax())
        near: tuple[object, ...] = (None, None, None, None)
        if size[i, j] >= 0:
            is_sibling = framework.by_code[codes[j]].parent == parent
            near = (codes[j], float(found.coefficient[i, j]), int(found.n[i, j]), is_sibling)
        out.append((code, parent, *near, value, 1.0 - 1.0 / value, reason if np.isnan(value) else None))
    return year_column(
        frame_of(
            out,
            code=str,
            node=str,
            nearest=str,
            correlation=float,
            n=int,
            nearest_is_sibling=bool,
            inflation=float,
            r2_by_siblings=float,
            reason=str,
        ),
        result,
        year,
    )
