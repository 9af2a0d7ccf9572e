"""Step *screen*: which rows (units × years) take part at all.

What belongs here: the rules that leave a row out, each with its reason in words. What does not: coverage
thresholds of single nodes (`aggregate.py`); a row that is screened out enters no mean, minimum or rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ssc_index.values import Labels


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
