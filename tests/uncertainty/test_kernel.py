"""The fast kernel against the plain loop over `compute_index`: the same replications, one by one.

Scores of the kernel are in single precision: 2e-4 of 100 points is the bound here, with a geometric mean over noisy
values on top of a z-score; most differ by less than 1e-5.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Node
from ssc_index.index import compute_index, run_steps, tables_of
from ssc_index.method import method_from_mapping
from ssc_index.uncertainty import kernel_numpy
from ssc_index.uncertainty.case import case_of, decide, rows_of
from ssc_index.uncertainty.plain import chosen_method, loop
from ssc_index.uncertainty.prepared import prepare, why_not
from ssc_index.uncertainty.scores import scores_of_choices
from ssc_index.values import values_from_columns
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


MEANS = ("arithmetic", "geometric", "harmonic")
MULTIPLE = {"method": "multiple", "draws": 3, "seed": 4, "ridge": 0.5, "tolerance": 0.01, "resample": False}
BOUNDED = {"floor": 1.0, "min_coverage": {"pillar": 0.5, "index": 1.0}}
MEDIANS = {"impute": {"method": "group_median", "group": "region"}}
SPECIAL = {
    # step and its parameters in place of the example's, inputs
    "draws of a multiple imputation": ({0: {"impute": MULTIPLE}}, {"draws": {"kind": "imputation_draws", "step": 1}}),
    "draws and errors": (
        {0: {"impute": MULTIPLE}},
        {"draws": {"kind": "imputation_draws", "step": 1}, "errors": examples.MEASUREMENT},
    ),
    # Scores from 0 on, so that the floor holds up many of them.
    "a floor under harmonic means": (
        {3: {"aggregate": {"method": "harmonic", **BOUNDED}}},
        {"errors": examples.MEASUREMENT, "weights": examples.NOISE_OF_WEIGHTS},
    ),
    "a named set of weights": (
        {3: {"aggregate": {"weights": "experts", "min_coverage": BOUNDED["min_coverage"]}}},
        {"errors": examples.MEASUREMENT, "weights": examples.NOISE_OF_WEIGHTS, "exclusion": examples.EXCLUSION},
    ),
    "sets of weights that vary": (
        {},
        {
            "sets": {
                "kind": "alternatives",
                "step": "aggregate",
                "options": [{}, {"weights": "experts"}, {"weights": "equal"}],
            },
            "errors": examples.MEASUREMENT,
        },
    ),
    **{
        f"{above} means of {beneath} ones": (
            {3: {"aggregate": {"levels": {"index": above, "pillar": beneath}, **BOUNDED}}},
            {"normalisation": examples.NORMALISATION, "weights": examples.NOISE_OF_WEIGHTS},
        )
        for above in ("arithmetic", "geometric", "harmonic")
        for beneath in ("geometric", "harmonic")
    },
    **{
        f"{above} means of a geometric, a harmonic and an arithmetic one": (
            {3: {"aggregate": {"levels": {"index": above, "p0": "geometric", "p1": "harmonic"}, **BOUNDED}}},
            {"normalisation": examples.NORMALISATION, "weights": examples.NOISE_OF_WEIGHTS},
        )
        for above in ("arithmetic", "geometric", "harmonic")
    },
    # Scores of 0 are held at 0 by the floor, so that a mean of them is 0; that of others knows nothing of them.
    **{
        f"{above} means of {beneath} ones that may be 0": (
            {3: {"aggregate": {"levels": {"index": above, "pillar": beneath}, "floor": 0.0, "min_coverage": 0.2}}},
            {"imputation": examples.IMPUTATION, "experts": examples.EXPERTS, "exclusion": examples.EXCLUSION},
        )
        for above, beneath in itertools.product(MEANS, repeat=2)
        if (above, beneath) != ("arithmetic", "arithmetic")
    },
    # Imputation after the errors sees other scores in every replication; what is screened out before takes no part.
    "medians of groups": (
        {0: {"screen": {"min_coverage": 0.7}}, 1: examples.STEPS[2], 2: MEDIANS},
        {"errors": examples.MEASUREMENT, "weights": examples.NOISE_OF_WEIGHTS},
    ),
    "medians of all": (
        {1: examples.STEPS[2], 2: {"impute": {"method": "median"}}},
        {"errors": examples.MEASUREMENT, "normalisation": examples.NORMALISATION},
    ),
    "imputations that vary": (
        {0: {"screen": {"min_coverage": 0.5}}, 1: examples.STEPS[2], 2: {"impute": {"method": "mean"}}},
        {
            "errors": examples.MEASUREMENT,
            "normalisation": examples.NORMALISATION,
            "screening": {"kind": "alternatives", "step": "screen", "options": [{}, {"min_coverage": 0.75}]},
            "imputation": {
                "kind": "alternatives",
                "step": "impute",
                "options": [{}, {"method": "none"}, {"only": "p0"}, {"method": "group_mean", "group": "region"}],
            },
        },
    ),
    "one imputation after another": (
        {
            0: examples.STEPS[2],
            1: {"impute": {"method": "group_mean", "group": "region", "only": ["p0", "x20"]}},
            2: {"impute": {"method": "median"}},
        },
        {"errors": examples.MEASUREMENT, "exclusion": examples.EXCLUSION},
    ),
    "transforms without a scale": ({2: {"normalise": {"method": "none"}}}, {"errors": examples.MEASUREMENT}),
}


@pytest.mark.parametrize("backend", ["numba", "numpy"])
@pytest.mark.parametrize("name", SPECIAL)
def test_the_kernel_computes_what_the_plain_loop_computes_by_other_methods(name, backend):
    steps, inputs = SPECIAL[name]
    section = {"seed": 11, "replications": 64, "inputs": inputs, "nodes": ["pillar"]}
    given = [steps.get(place, step) for place, step in enumerate(examples.STEPS)]
    method = method_from_mapping({"name": "special", "steps": given, "uncertainty": section})
    nodes = [
        node.model_copy(update={"weight_sets": {"experts": 1.0 + 3 * (place % 2)}})
        for place, node in enumerate(examples.framework().nodes)
    ]
    values = examples.values(missing=0.05 if "draws" in name else 0.2)
    case = case_of(values, framework_from_nodes(nodes), method)
    assert why_not(case) == []
    rows = rows_of(case, 0, 32)
    rows[0] = np.nan
    scores = scores_of_choices(prepare(case), decide(case, rows), backend)
    expected = brute_force(case, rows, case.kept)
    known = ~np.isnan(expected).any(axis=1)
    assert np.ptp(np.moveaxis(expected, 1, 2)[known], axis=-1).max() > 0.1  # the inputs move something
    np.testing.assert_allclose(scores, expected, atol=2e-4, rtol=0)


@pytest.mark.parametrize("backend", ["numba", "numpy"])
@pytest.mark.parametrize("centre", ["group_mean", "group_median"])
def test_units_without_a_label_are_not_imputed_and_a_group_without_a_value_stays_bare(centre, backend):
    given = examples.values(missing=0.4)
    table = given.values.copy()
    labels = [[None, "lone", "north", "south", "south"][unit % 5] for unit in range(len(given.units))]
    lone = [unit for unit, label in enumerate(labels) if label == "lone"]
    table[lone, 3] = np.nan
    table[0] = np.nan
    steps = [examples.STEPS[2], {"impute": {"method": centre, "group": "region"}}, {"aggregate": {"min_coverage": 0.3}}]
    section = {"seed": 11, "inputs": {"errors": examples.MEASUREMENT}, "nodes": ["pillar"]}
    method = method_from_mapping({"name": "groups", "steps": steps, "uncertainty": section})
    case = case_of(replace(given, values=table, groups={"region": tuple(labels)}), examples.framework(), method)
    assert why_not(case) == []
    rows = rows_of(case, 0, 8)
    scores = scores_of_choices(prepare(case), decide(case, rows), backend)
    expected = brute_force(case, rows, case.kept)
    assert np.isnan(expected[:, :, 0]).all()
    assert not np.isnan(expected[0, :, 1:]).any()
    np.testing.assert_allclose(scores, expected, atol=2e-4, rtol=0)


def test_a_scale_after_an_imputation_goes_the_plain_way():
    steps = [{"normalise": {"method": "none", "only": "p0"}}, MEDIANS, examples.STEPS[2], examples.STEPS[3]]
    section = {"seed": 1, "inputs": {"errors": examples.MEASUREMENT}}
    method = method_from_mapping({"name": "late", "steps": steps, "uncertainty": section})
    case = case_of(examples.values(), examples.framework(), method)
    assert why_not(case) == ["a normalise step after an imputation after measurement errors"]


@pytest.mark.parametrize("backend", ["numba", "numpy"])
@pytest.mark.parametrize("scale", [{"method": "minmax", "range": [0, 90]}, {"method": "zscore", "mean": 40, "sd": 10}])
def test_a_column_that_stays_constant_under_its_errors_takes_the_middle(scale, backend):
    """A relative error of 0 is none."""
    given = examples.values()
    table = given.values.copy()
    table[~np.isnan(table[:, 0]), 0] = 0.0
    steps = [*examples.STEPS]
    steps[2] = {"normalise": {**scale, "constant": "middle"}}
    section = {"seed": 11, "replications": 8, "inputs": {"errors": examples.MEASUREMENT}, "nodes": ["pillar"]}
    method = method_from_mapping({"name": "constant", "steps": steps, "uncertainty": section})
    case = case_of(replace(given, values=table), examples.framework(), method)
    assert why_not(case) == []
    rows = rows_of(case, 0, 8)
    scores = scores_of_choices(prepare(case), decide(case, rows), backend)
    np.testing.assert_allclose(scores, brute_force(case, rows, case.kept), atol=2e-4, rtol=0)


@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_an_indicator_may_stand_beside_pillars(backend):
    """The last pillar gives way to its indicators, some of whose values are missing, right beneath the index."""
    nodes = examples.framework().nodes
    moved = [
        node.model_copy(update={"parent": "index"}) if node.parent == "p2" else node
        for node in nodes
        if node.code != "p2"
    ]
    inputs = {
        "errors": examples.MEASUREMENT,
        "weights": examples.NOISE_OF_WEIGHTS,
        "normalisation": examples.NORMALISATION,
    }
    case = case_of(examples.values(), framework_from_nodes(moved), examples.method(inputs))
    assert why_not(case) == []
    rows = rows_of(case, 0, 24)
    scores = scores_of_choices(prepare(case), decide(case, rows), backend)
    np.testing.assert_allclose(scores, brute_force(case, rows, case.kept), atol=2e-4, rtol=0)


@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_of_an_indicator_that_few_have_the_least_and_most_are_those_of_the_few(backend):
    """Two cities with the same value: their errors often lie on the same side of it, where no other city has any."""
    given = examples.values()
    table = given.values.copy()
    table[2:, 0], table[:2, 0] = np.nan, 50.0
    steps = [examples.STEPS[1], {"normalise": {"method": "minmax", "range": [0, 90]}}, examples.STEPS[3]]
    section = {"seed": 11, "inputs": {"errors": examples.MEASUREMENT}, "nodes": ["pillar"]}
    method = method_from_mapping({"name": "few", "steps": [*steps], "uncertainty": section})
    case = case_of(replace(given, values=table), examples.framework(), method)
    assert why_not(case) == []
    rows = rows_of(case, 0, 8)
    scores = scores_of_choices(prepare(case), decide(case, rows), backend)
    np.testing.assert_allclose(scores, brute_force(case, rows, case.kept), atol=2e-4, rtol=0)


@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_a_value_beyond_a_bound_is_not_pulled_back_to_it(backend):
    """Its errors may take it no further; those of the others stop at the bounds."""
    inputs = {"errors": examples.MEASUREMENT, "normalisation": examples.NORMALISATION}
    given, bounds = examples.values(), np.array([[20.0], [80.0]]) * np.ones(len(examples.framework().codes))
    case = case_of(given, examples.framework(), examples.method(inputs, nodes=["pillar"]), bounds=bounds)
    assert why_not(case) == []
    rows = rows_of(case, 0, 24)
    scores = scores_of_choices(prepare(case), decide(case, rows), backend)
    np.testing.assert_allclose(scores, brute_force(case, rows, case.kept), atol=2e-4, rtol=0)


@pytest.mark.parametrize("units", [600, 2000])
def test_numpy_computes_what_the_kernel_computes_where_units_stand_in_pairs(units):
    assert kernel_numpy.Lanes.of(units).paired
    steps = [examples.STEPS[2], {"impute": {"method": "group_median", "group": "region"}}, examples.STEPS[3]]
    impute = {"kind": "alternatives", "step": "impute", "options": [{}, {"method": "none"}, {"method": "mean"}]}
    inputs = {"errors": examples.MEASUREMENT, "normalisation": examples.NORMALISATION, "imputation": impute}
    section = {"seed": 3, "inputs": inputs, "nodes": ["pillar"]}
    method = method_from_mapping({"name": "pairs", "steps": steps, "uncertainty": section})
    case = case_of(examples.values(units), examples.framework(), method)
    assert why_not(case) == []
    rows = rows_of(case, 0, 24)
    scores = scores_of_choices(prepare(case), decide(case, rows), "numpy")
    expected = scores_of_choices(prepare(case, "numba"), decide(case, rows, "numba"), "numba")
    np.testing.assert_allclose(scores, expected, atol=2e-4, rtol=0)


def test_numpy_computes_a_replication_to_the_same_bits_in_any_company(monkeypatch):
    case = examples.case(examples.EVERYTHING, nodes=["index", "pillar"])
    rows = np.concatenate([rows_of(case, 0, 40), np.full((1, len(case.names)), np.nan)])
    prepared = prepare(case)
    together = scores_of_choices(prepared, decide(case, rows), "numpy")
    alone = np.concatenate([scores_of_choices(prepared, decide(case, row[None]), "numpy") for row in rows], axis=1)
    assert together.tobytes() == alone.tobytes()
    monkeypatch.setattr(kernel_numpy, "LANES", 3 * len(case.values.units))
    monkeypatch.setattr(kernel_numpy, "LANES_ABOVE", 5 * len(case.values.units))
    monkeypatch.setattr(kernel_numpy, "AT_ONCE", 2)
    assert scores_of_choices(prepare(case), decide(case, rows), "numpy").tobytes() == together.tobytes()


def test_numpy_computes_a_replication_to_the_same_bits_beside_one_that_lacks_scores():
    """The first city has one of the two indicators of a pillar, and no score of it where that one is left out."""
    given = examples.values(missing=0.0)
    table = given.values.copy()
    table[0, given.codes.index("x10")] = np.nan
    exclusion = {"kind": "exclusion", "nodes": ["indicator"], "probability": 0.9}
    method = examples.method({"weights": examples.NOISE_OF_WEIGHTS, "exclusion": exclusion})
    case = case_of(replace(given, values=table), examples.framework(), method)
    rows = rows_of(case, 0, 40)
    together = scores_of_choices(prepare(case), decide(case, rows), "numpy")
    lacks = np.isnan(together[0]).any(axis=1)
    assert 0 < lacks.sum() < 40
    alone = [scores_of_choices(prepare(case), decide(case, row[None]), "numpy") for row in rows]
    assert together.tobytes() == np.concatenate(alone, axis=1).tobytes()


WIDE = (1, 4, 7, 2, 9)  # children of each pillar


@pytest.mark.parametrize("coverage", [0.0, 0.6])
@pytest.mark.parametrize("missing", [0.0, 0.02, 0.3])
def test_the_kernel_computes_a_replication_to_the_same_bits_in_any_company(missing, coverage):
    """Replications that share a table are computed together where nothing has an error; few may lack a pillar."""
    nodes = [Node(code="index", parent=None, name="", level="index")]
    for pillar, count in enumerate(WIDE):
        nodes.append(Node(code=f"p{pillar}", parent="index", name="", level="pillar"))
        nodes += [
            Node(code=f"x{pillar}{number}", parent=f"p{pillar}", name="", level="indicator", direction="higher")
            for number in range(count)
        ]
    framework = framework_from_nodes(nodes)
    generator = np.random.default_rng(3)
    table = generator.uniform(5, 95, (1100, len(framework.codes)))  # more than the kernel sums at once
    table[generator.random(table.shape) < missing] = np.nan
    if missing:
        table[:9, sum(WIDE[:2]) :] = np.nan  # two pillars of five
    units = [f"u{unit:04d}" for unit in range(len(table))]
    labels = {"region": [["north", "south"][unit % 2] for unit in range(len(table))]}
    inputs = {
        "imputation": examples.IMPUTATION,
        "means": {**examples.MEANS, "options": [{"levels": {"pillar": mean}} for mean in MEANS]},
        "top": {**examples.MEANS, "options": [{"levels": {"index": mean}} for mean in MEANS]},
        "weights": {**examples.NOISE_OF_WEIGHTS, "at": ["indicator", "pillar"]},
        "exclusion": {**examples.EXCLUSION, "nodes": ["indicator", "pillar"]},
    }
    steps = [
        {"impute": {"method": "none"}},
        {"normalise": {"method": "minmax", "range": [0, 100]}},
        {"aggregate": {"min_coverage": coverage, "floor": 0.0, "levels": {"index": "geometric"}}},
    ]
    section = {"seed": 1, "inputs": inputs, "nodes": ["pillar"]}
    method = method_from_mapping({"name": "wide", "steps": steps, "uncertainty": section})
    case = case_of(values_from_columns(units, None, framework.codes, table, labels), framework, method)
    assert why_not(case) == []
    rows = np.concatenate([rows_of(case, 0, 60), np.full((1, len(case.names)), np.nan)])
    prepared = prepare(case, "numba")
    together = scores_of_choices(prepared, decide(case, rows), "numba")
    in_turn = scores_of_choices(prepared, decide(case, rows), "numba", in_turn=True)
    alone = np.concatenate([scores_of_choices(prepared, decide(case, row[None]), "numba") for row in rows], axis=1)
    assert together.tobytes() == alone.tobytes()
    assert in_turn.tobytes() == alone.tobytes()
    some = [*range(0, 60, 8), 60]
    np.testing.assert_allclose(together[:, some], brute_force(case, rows[some], case.kept), atol=2e-4, rtol=0)


def test_each_draw_of_an_imputation_is_a_replication_of_its_own():
    case = case_of(
        examples.values(missing=0.05),
        examples.framework(),
        method_from_mapping(
            {
                "name": "draws",
                "steps": [{"impute": MULTIPLE}, *examples.STEPS[1:]],
                "uncertainty": {"seed": 1, "inputs": {"draws": {"kind": "imputation_draws", "step": "impute"}}},
            }
        ),
    )
    nominal, *each = (
        compute_index(case.values, case.framework, chosen_method(case, {"draws": number})).steps[0].table
        for number in (-1, 0, 1, 2)
    )
    np.testing.assert_allclose(nominal, np.mean(each, axis=0), rtol=1e-12)
    holes = np.isnan(case.values.values)
    assert (each[0] != each[1])[holes].all()
    assert (each[0] == each[1])[~holes].all()


@pytest.mark.parametrize("units", [1, 15, 16, 17, 33])
def test_padding_counts_for_nothing(units):
    case = examples.case({**examples.EVERYTHING, "normalisation": {**examples.NORMALISATION, "options": [{}]}}, units)
    rows = rows_of(case, 0, 16)
    prepared = prepare(case)
    scores = scores_of_choices(prepared, decide(case, rows), "numba")
    assert scores.shape == (1, 16, units)
    np.testing.assert_allclose(scores, brute_force(case, rows, ("index",)), atol=2e-4, rtol=0)


def test_tables_of_methods_that_begin_alike_are_those_of_each_by_itself():
    """Whatever a step leaves in a state must stay out of the methods beside it; a treatment sees scales to come."""
    treated = {"treat": {"method": "boxcox", "positive": "shifted", "power": 0.5}}
    scales = [{"method": "minmax"}, {"method": "scaled", "bounds": [-50, 200]}, {"method": "zscore"}]
    methods = [
        method_from_mapping({"name": "small", "steps": [*start, {"screen": screening}, treated, {"normalise": scale}]})
        for start in ([], [{"impute": {"method": "group_mean", "group": "region"}}])
        for screening in ({"min_coverage": 0.5}, {"min_coverage": 0.8})
        for scale in scales
    ]
    found = dict(tables_of(examples.values(), examples.framework(), methods))
    for place, method in enumerate(methods):
        table = found[place]
        alone = run_steps(examples.values(), examples.framework(), method)[1][-1].table
        np.testing.assert_array_equal(table, alone)
    assert len({table.tobytes() for table in found.values()}) > 8
