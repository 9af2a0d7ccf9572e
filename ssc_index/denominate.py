"""Step *denominate*: totals made comparable by the size of the unit.

What belongs here: the division and what it refuses. What does not: which indicator is divided by what
(`steps/denominate.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssc_index.values import Floats


def per_denominator(values: Floats, denominator: Floats, per: float) -> Floats:
    """Divide values by a denominator that is counted in units of ``per``: ``x / (d / per)``.

    Args:
        values: Shape (n_rows,), in real units; NaN is missing.
        denominator: Shape (n_rows,); NaN is missing.
        per: For example 1000 for "per thousand inhabitants".

    Returns:
        Shape (n_rows,); NaN where a value or denominator is missing, or the denominator is 0 or less; infinite where
        the quotient is too large for a number.

    Source: OECD/JRC Handbook (2008), step 5; COINr (``Denominate``, ``ScaleFactor``).

    >>> per_denominator(np.array([30.0, 8.0]), np.array([2000.0, 0.0]), 1000.0)
    array([15., nan])
    """
    usable = np.where(denominator > 0, denominator, np.nan)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # told by the caller, cell by cell
        return np.asarray(values / (usable / per))


def without_denominator(values: Floats, denominator: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Values that cannot be divided: because the denominator is missing, and because it is 0 or less.

    >>> without_denominator(np.array([1.0, 1.0, np.nan]), np.array([np.nan, 0.0, 0.0]))
    (array([ True, False, False]), array([False,  True, False]))
    """
    there = ~np.isnan(values)
    return there & np.isnan(denominator), there & (denominator <= 0)
