"""Step *screen*: which rows (units × years) take part at all.

What belongs here: the rules that leave a row out, each with its reason in words. What does not: coverage
thresholds of single nodes (`aggregate.py`); a row that is screened out enters no mean, minimum or rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ssc_index.values import Floats, Labels


def coverage_reasons(
    present: NDArray[np.bool_], columns: Mapping[str, Sequence[int]], least: Mapping[str, float]
) -> list[list[str]]:
    """Say for each row which nodes have too small a share of their indicators.

    A row is kept where ``n_present / n_indicators >= least``, as a plain floating-point division.

    Args:
        present: Which cells are there, shape (n_rows, n_indicators).
        columns: Columns of the indicators beneath each node.
        least: Least share by node, 0 to 1.

    Returns:
        Reasons of each row; none where the row passes.

    Source: OECD/JRC Handbook (2008), step 3; the strict comparison is COINr's (``Screen``, ``dat_thresh``).

    >>> coverage_reasons(np.array([[True, False], [True, True]]), {"index": [0, 1]}, {"index": 0.65})
    [['coverage 0.5 of index is below 0.65 (1 of 2 indicators)'], []]
    """
    reasons: list[list[str]] = [[] for _ in range(present.shape[0])]
    for node, share in least.items():
        picked = list(columns[node])
        count = present[:, picked].sum(axis=1)
        for row in np.flatnonzero(count / len(picked) < share).tolist():
            reasons[row].append(
                f"coverage {count[row] / len(picked):.3g} of {node} is below {share:g} "
                f"({count[row]} of {len(picked)} indicators)"
            )
    return reasons


def nonzero_share(table: Floats) -> Floats:
    """Share of the values of each row that are not 0.

    Args:
        table: Shape (n_rows, n_indicators), in real units; NaN is missing.

    Returns:
        ``n_not_zero / n_present``, shape (n_rows,); NaN for a row without any value.

    >>> nonzero_share(np.array([[0.0, 2.0, np.nan], [np.nan, np.nan, np.nan]]))
    array([0.5, nan])
    """
    there = (~np.isnan(table)).sum(axis=1)
    other = ((table != 0) & ~np.isnan(table)).sum(axis=1)
    return np.where(there > 0, other / np.maximum(there, 1), np.nan)


def zero_reasons(table: Floats, least: float) -> list[list[str]]:
    """Say for each row whether too many of its values are 0.

    A row is kept where ``n_not_zero / n_present >= least``, as a plain floating-point division; a row without any
    value has no share and is left to the coverage.

    Args:
        table: Shape (n_rows, n_indicators), in real units; NaN is missing.
        least: Least share of values that are not 0.

    Returns:
        Reasons of each row; none where the row passes.

    Source: COINr (``Screen``, ``nonzero_thresh``).

    >>> zero_reasons(np.array([[0.0, 2.0, np.nan], [1.0, 1.0, 0.0]]), 0.6)
    [['share of values that are not 0 is 0.5, below 0.6 (1 of 2)'], []]
    """
    reasons: list[list[str]] = [[] for _ in range(table.shape[0])]
    shares = nonzero_share(table)
    for row in np.flatnonzero(shares < least).tolist():
        there = int((~np.isnan(table[row])).sum())
        other = int(np.count_nonzero(np.nan_to_num(table[row])))
        reasons[row].append(
            f"share of values that are not 0 is {shares[row]:.3g}, below {least:g} ({other} of {there})"
        )
    return reasons


def label_reasons(labels: Labels, column: str, wanted: Sequence[str]) -> list[list[str]]:
    """Say for each row whose label is not one of those wanted.

    >>> label_reasons(("1", "0", None), "ranked", ("1",))
    [[], ["ranked is '0', not '1'"], ['ranked is empty']]
    """
    said = " or ".join(repr(label) for label in wanted)
    return [
        [] if label in wanted else [f"{column} is empty" if label is None else f"{column} is {label!r}, not {said}"]
        for label in labels
    ]
