"""The fast kernel against the plain loop over `compute_index`: the same replications, one by one.

Scores of the kernel are in single precision: 2e-4 of 100 points is the bound here, with a geometric mean over noisy
values on top of a z-score; most differ by less than 1e-5.
"""

from __future__ import annotations

import numpy as np
import pytest

from ssc_index.uncertainty.case import decide, rows_of
from ssc_index.uncertainty.plain import loop
from ssc_index.uncertainty.prepared import prepare, why_not
from ssc_index.uncertainty.scores import scores_of_choices
from tests.uncertainty import examples

SINGLE = {name: {name: one} for name, one in examples.EVERYTHING.items()}
TOGETHER = {
    "weights": {"weights": examples.NOISE_OF_WEIGHTS, "pillars": examples.DIRICHLET},
    "experts": {"experts": examples.EXPERTS, "exclusion": examples.EXCLUSION},
    "discrete": {name: one for name, one in examples.EVERYTHING.items() if name != "errors"},
    "errors and scales": {"errors": examples.MEASUREMENT, "normalisation": examples.NORMALISATION},
    "everything": examples.EVERYTHING,
}
CASES = {**SINGLE, **TOGETHER}


def brute_force(case, rows, nodes):
    """Scores by the plain loop, shape (n_nodes, n, n_units)."""
    found = np.empty((len(nodes), len(rows), len(case.values.units)))

    def keep(at, scores):
        found[:, at] = scores[:, [case.position[node] for node in nodes]].T

    loop(case, rows, keep)
    return found


@pytest.mark.parametrize("backend", ["numba", "numpy"])
@pytest.mark.parametrize("name", CASES)
def test_the_kernel_computes_what_the_plain_loop_computes(name, backend):
    case = examples.case(CASES[name], nodes=["index", "pillar"])
    assert why_not(case) == []
    rows = rows_of(case, 0, 48)
    rows[0] = np.nan
    prepared = prepare(case)
    scores = scores_of_choices(prepared, decide(case, rows), backend)
    expected = brute_force(case, rows, case.kept)
    assert case.kept == ("index", "p0", "p1", "p2")
    assert np.isnan(expected[0]).any()  # the example has units without a score
    np.testing.assert_allclose(scores, expected, atol=2e-4, rtol=0)


@pytest.mark.parametrize("units", [1, 15, 16, 17, 33])
def test_padding_counts_for_nothing(units):
    case = examples.case({**examples.EVERYTHING, "normalisation": {**examples.NORMALISATION, "options": [{}]}}, units)
    rows = rows_of(case, 0, 16)
    prepared = prepare(case)
    scores = scores_of_choices(prepared, decide(case, rows), "numba")
    assert scores.shape == (1, 16, units)
    np.testing.assert_allclose(scores, brute_force(case, rows, ("index",)), atol=2e-4, rtol=0)
