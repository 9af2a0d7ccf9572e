"""Scores of many replications at once, by the compiled kernel, by NumPy, or one by one.

What belongs here: which of the ways is taken. What does not: the ways.
"""

from __future__ import annotations

import numpy as np

from ssc_index.uncertainty import kernel_numpy
from ssc_index.uncertainty.case import Backend, Choices
from ssc_index.uncertainty.plain import built, scores_of
from ssc_index.uncertainty.prepared import Prepared, Singles, lay


def scores_of_choices(prepared: Prepared, choices: Choices, backend: Backend, in_turn: bool = False) -> Singles:
    """Scores of the kept nodes.

    Args:
        prepared: A prepared case.
        choices: Of n replications.
        backend: ``numba`` or ``numpy``; they agree to single precision, not to the bit.
        in_turn: Compute them one after the other, for neighbours share much; otherwise those together that share a
            table. It changes no number.

    Returns:
        Shape (n_kept, n, n_units); NaN is no score.

    Raises:
        ComputationError: If a replication has no value by a step's own definition, in the words of that step.
    """
    laid = lay(prepared, choices)
    count = len(laid.table_of)
    scores = np.empty((len(prepared.case.kept), count, prepared.n_units), dtype=np.float32)
    status = np.zeros(count, dtype=np.int64)
    sorted_by = (laid.mean_of, prepared.pattern[laid.mean_of], laid.scale_of, laid.table_of)
    order = np.arange(count) if in_turn else np.lexsort(sorted_by)
    # Where nothing varies weights neighbours are more alike than at once.
    together = 1 if in_turn or prepared.disturbs or not prepared.case.weighted else 4
    if backend == "numba":
        from ssc_index.uncertainty import kernel  # its compiler takes a while to load

        kernel.compute_scores(
            prepared.tables.reshape(-1, prepared.n_lanes),
            prepared.deviations.reshape(-1, prepared.n_lanes),
            prepared.full,
            prepared.lowest,
            prepared.bounds,
            prepared.kinds,
            prepared.transforms,
            prepared.numbers,
            prepared.fills.centres,
            prepared.fills.grouping,
            prepared.fills.lanes,
            prepared.fills.ends,
            prepared.family,
            prepared.start,
            prepared.means,
            prepared.forms,
            prepared.floors,
            prepared.least,
            prepared.alive,
            prepared.pattern,
            prepared.wanted,
            order,
            in_turn,
            together,
            laid.table_of,
            laid.scale_of,
            laid.mean_of,
            laid.alive_of,
            laid.weights,
            laid.noise,
            scores,
            status,
        )
    else:
        kernel_numpy.compute_scores(prepared, laid, scores, status)
    for at in np.flatnonzero(status).tolist():
        scores_of(prepared.case, built(prepared.case, choices, at))  # raises what the step has to say, if anything
    return scores
