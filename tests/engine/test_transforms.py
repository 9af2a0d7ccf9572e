"""Logarithms of sums, logarithms to a base, and limits of scores: by hand, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_index.errors import ComputationError, FrameworkError, MethodError
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Node
from ssc_index.normalise import domain, outside_domain, transform_parts, transform_values
from ssc_index.score_outside import compute_outside
from ssc_index.transform import Transform

NAN = math.nan
METHOD = {"steps": [{"normalise": {"method": "goalposts", "range": [0, 100]}}, {"aggregate": {}}]}


def _framework(**of_a):
    return [{"code": "i", "parent": ""}, {"code": "a", "parent": "i", "direction": "higher", **of_a}]


def _treated(**parameters):
    return {"steps": [{"treat": parameters}, *METHOD["steps"]]}


def _zscores(**parameters):
    return {"steps": [{"normalise": {"method": "zscore", **parameters}}, {"aggregate": {}}]}


@pytest.mark.parametrize(
    ("transform", "value", "expected"),
    [
        ("ln(x+1)", math.e - 1, 1.0),
        ("log10(x+0.01)", 0.99, 0.0),
        ("log10", 1000.0, 3.0),
        ("log2", 8.0, 3.0),
        ("log2(x-1)", 9.0, 3.0),
        ("sqrt(x+.5)", 3.5, 2.0),
        ("ln(x+1e-3)", 0.999, 0.0),
    ],
)
def test_a_transform_of_a_sum(transform, value, expected):
    found = transform_values(np.array([value, NAN]), transform)
    np.testing.assert_allclose(found, [expected, NAN], rtol=1e-15, atol=1e-15)


def test_the_domain_of_a_sum_ends_where_the_sum_is_nothing():
    values = np.array([-2.1, -2.0, -1.9, NAN])
    assert outside_domain(values, "ln(x+2)").tolist() == [True, True, False, False]
    assert outside_domain(values, "sqrt(x+2)").tolist() == [True, False, False, False]
    assert (domain("log2(x-3)"), domain("log10"), domain("gap_to_target")) == ("above 3", "above 0", "any number")


@pytest.mark.parametrize("text", ["ln(x)", "ln(x*2)", "log3", "exp", "ln(y+1)", "ln(x+)", "ln(x+1", "ln(x+1e999)"])
def test_what_is_no_transform_is_none(text):
    assert transform_parts(text) is None
    with pytest.raises(ValueError, match="no transform"):
        transform_values(np.ones(1), text)
    nodes = [
        Node(code="i", parent=None, name="", level=""),
        Node(code="a", parent="i", name="", level="", direction="higher", transform=text, low=0.0, high=1.0),
    ]
    with pytest.raises(FrameworkError, match=r"transform: unknown .* known are none, ln, .*ln\(x\+0.5\)"):
        framework_from_nodes(nodes)


def test_goalposts_take_the_offset_too(run):
    # ln(x + 1) between ln 1 = 0 and ln 100: 9 lies half-way, 99 at the top
    values = pl.DataFrame({"unit": ["p", "q", "r"], "a": [0.0, 9.0, 99.0]})
    done = run(_framework(transform="LN(x + 1)", low=0, high=99), values, METHOD)
    np.testing.assert_allclose(done.result.scores[:, 1], [0.0, 50.0, 100.0], rtol=1e-14)
    by_step = run(_framework(low=0, high=99), values, _treated(method="log_offset", offset=1))
    np.testing.assert_array_equal(by_step.result.scores, done.result.scores)


def test_where_less_is_better_the_logarithm_falls(run):
    values = pl.DataFrame({"unit": ["p", "q"], "a": [9.0, 0.0]})
    done = run(_framework(direction="lower", transform="log10(x+1)", low=99, high=0), values, METHOD)
    np.testing.assert_allclose(done.result.scores[:, 1], [50.0, 100.0])


def test_a_value_or_goalpost_outside_the_domain_is_named(run):
    values = pl.DataFrame({"unit": ["p", "q"], "a": [-3.0, 1.0]})
    with pytest.raises(ComputationError, match=r"p, a: -3 has no ln\(x\+2\); it must be above -2"):
        run(_framework(transform="ln(x+2)", low=0, high=9), values, METHOD)
    with pytest.raises(FrameworkError, match=r"ln\(x\+2\) of goalpost -2; it must be above -2"):
        run(_framework(transform="ln(x+2)", low=-2, high=9), values, METHOD)
    with pytest.raises(ComputationError, match="a: log_offset needs values above -3, not -3; give a greater 'offset'"):
        run(_framework(low=0, high=9), values, _treated(method="log_offset", offset=3))
    with pytest.raises(ComputationError, match="a: -9, 9 have no place in the unit that treat gave it"):
        run(_framework(low=-9, high=9), values, _treated(method="log_offset", offset=4))


@pytest.mark.parametrize(("base", "values"), [(2, [1, 2, 8]), (10, [1, 10, 1000]), (3, [1, 3, 27])])
def test_a_logarithm_to_a_base_counts_powers_of_it(run, base, values):
    scores = {"steps": [{"treat": {"method": "log_offset", "offset": 0, "base": base}}, {"aggregate": {}}]}
    done = run(_framework(), pl.DataFrame({"unit": ["p", "q", "r"], "a": values}), scores)
    np.testing.assert_allclose(done.result.scores[:, 0], [0.0, 1.0, 3.0], rtol=1e-15)
    with pytest.raises(MethodError, match=r"base: 1: Input should be greater than 1"):
        run(_framework(), pl.DataFrame({"unit": ["p"], "a": [1.0]}), _treated(method="log_offset", offset=0, base=1))


def test_constant_values_have_a_logarithm_with_an_offset(run):
    values = pl.DataFrame({"unit": ["p", "q"], "a": [0.0, 0.0]})
    done = run(_framework(low=0, high=99), values, _treated(method="log_offset", offset=1))
    np.testing.assert_array_equal(done.result.scores[:, 1], [0.0, 0.0])


@pytest.mark.parametrize("base", [None, 7])
def test_a_unit_outside_gets_the_same_offset(run, tmp_path, base):
    treat = {"method": "log_offset", "offset": 0.5} | ({} if base is None else {"base": base})
    frame = pl.DataFrame({"unit": ["p", "q", "r"], "a": [0.0, 4.0, 30.0]})
    steps = [{"treat": treat}, {"normalise": {"method": "minmax", "range": [0, 100]}}, {"aggregate": {}}]
    done = run(_framework(), frame, {"steps": steps})
    outside = compute_outside(tmp_path / "framework.csv", tmp_path / "values.csv", done.out, tmp_path / "other")
    np.testing.assert_array_equal(outside.scores, done.result.scores)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=9), st.floats(0.01, 100))
def test_a_logarithm_of_a_sum_keeps_the_order(values, offset):
    found = Transform("log_base", shift=-offset, factor=10.0).in_new_unit(np.sort(values))
    assert (np.diff(found) >= 0).all()


def test_scores_beyond_a_limit_are_set_to_it(run):
    # mean 3, deviation √((9 + 1 + 1 + 1 + 36) / 4) = √12
    values = pl.DataFrame({"unit": list("pqrst"), "a": [0.0, 2.0, 2.0, 2.0, 9.0]})
    free = run(_framework(), values, _zscores()).result.scores[:, 1]
    np.testing.assert_allclose(free[[0, 4]], [-3 / math.sqrt(12), 6 / math.sqrt(12)])
    done = run(_framework(), values, _zscores(limits=[-1.5, 1.5])).result
    np.testing.assert_array_equal(done.scores[:, 1], np.clip(free, -1.5, 1.5))
    assert done.steps[0].notes == ("a: scores set to a limit: 1",)
    one_sided = run(_framework(), values, _zscores(limits=[-0.5, None])).result
    np.testing.assert_array_equal(one_sided.scores[:, 1], np.maximum(free, -0.5))
    other = run(_framework(), values, _zscores(mean=50, sd=10, limits=[None, 60])).result
    np.testing.assert_array_equal(other.scores[:, 1], np.minimum(50 + 10 * free, 60))


def test_a_scale_of_another_year_has_limits_where_they_are_given(run):
    values = pl.DataFrame({"unit": list("pqpq"), "year": [1, 1, 2, 2], "a": [0.0, 10.0, -5.0, 12.0]})
    step = {"method": "minmax", "range": [0, 100], "over": 1, "limits": [0, 100]}
    done = run(_framework(), values, {"steps": [{"normalise": step}, {"aggregate": {}}]})
    np.testing.assert_array_equal(done.result.scores[:, 1], [0.0, 100.0, 0.0, 100.0])


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"method": "zscore", "limits": [None, None]}, "give a least score, a greatest one, or both"),
        ({"method": "zscore", "limits": [1, 1]}, "the first number must be below the second"),
        ({"method": "goalposts", "limits": [0, 50]}, "clip holds scores already; say 'clip: false' with limits"),
        ({"method": "rank", "limits": [0, 50]}, "limits: unknown key"),
    ],
)
def test_limits_that_say_nothing_are_refused(run, parameters, said):
    with pytest.raises(MethodError, match=said):
        run(_framework(low=0, high=1), pl.DataFrame({"unit": ["p"], "a": [1]}), {"steps": [{"normalise": parameters}]})
