"""One year of several: asked for alone, it is what it is among the others."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ssc_index.errors import SscIndexError, ValuesError
from ssc_index.framework.model import Framework
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping
from ssc_index.one_year import last_look_around
from tests.engine.test_any_method import _method, _tree, _values

# Steps that look at other years first, and others that do not: what is let go in between must have been of no use.
LOOKING_BACK = [
    {"impute": {"method": "linear"}},
    {"screen": {"min_coverage": 0.4}},
    {"impute": {"method": "last_value", "max_years": 2}},
    {"treat": {"method": "log_offset", "offset": 1.5}},
    {"screen": {"min_coverage": 0.5, "count": "observed"}},
    {"normalise": {"method": "goalposts"}},
    {"aggregate": {"method": "arithmetic", "min_coverage": 0.5}},
]
TABLES = ("table", "before", "treated", "imputed", "carried", "standard_error")


def _weights(framework: Framework) -> dict[str, float]:
    """Weights of the children of the root, no two alike."""
    children = framework.children[framework.root.code]
    return {child.code: 1.0 + number for number, child in enumerate(children)}


def _asked_alone(seed: int, steps: list[dict[str, object]] | None) -> int | None:
    """After which step the other years were let go; None where there is no result, or one year."""
    draw = random.Random(seed)
    framework = _tree(draw)
    values = _values(draw, framework, False)
    own = {"method": "by_group", "group": "g", "weights": {"a": _weights(framework)}, "others": "framework"}
    back = {"name": "back", "steps": [{"weights": own}, *steps]} if steps else _method(draw, framework)
    method = method_from_mapping(back)
    if len(set(values.years or ())) < 2:
        return None
    try:
        whole = compute_index(values, framework, method)
    except SscIndexError:
        return None
    for block, (year, rows) in enumerate(values.year_slices()):
        alone = compute_index(values, framework, method, year=year)
        assert (alone.units, set(alone.years or ())) == (whole.units[rows], {year})
        assert alone.excluded_because == whole.excluded_because[rows]
        for name in ("included", "excluded_by", "scores", "ranks", "n_observed", "n_present", "n_imputed", "n_carried"):
            np.testing.assert_array_equal(getattr(alone, name), getattr(whole, name)[rows], name)
        np.testing.assert_array_equal(alone.filled_by, whole.filled_by[rows])
        np.testing.assert_array_equal(alone.weights, whole.weights[block : block + 1])
        for one, step in zip(alone.steps, whole.steps, strict=True):
            for name in TABLES:
                np.testing.assert_array_equal(getattr(one, name), getattr(step, name)[rows], f"{step.name} {name}")
    return last_look_around(framework, method.steps)


def test_a_year_asked_for_alone_is_what_it_is_among_the_others():
    after = [_asked_alone(seed, LOOKING_BACK) for seed in range(60)]
    assert set(after) == {4, None}
    assert after.count(4) > 5


def test_of_any_method_a_year_asked_for_alone_is_what_it_is_among_the_others():
    assert sum(_asked_alone(seed, None) is not None for seed in range(60)) > 5


X = {"unit": "x", "reason": "a test"}


@pytest.mark.parametrize(
    "names",
    [{"only_where": {"g": ["a"]}}, {"force_in": [X], "min_coverage": 0.1}, {"force_out": [X]}],
)
def test_a_screen_that_names_labels_or_units_looks_whether_any_year_has_them(names):
    steps = [{"screen": names}, {"normalise": {"method": "none"}}, {"aggregate": {}}]
    assert last_look_around(_tree(random.Random(1)), method_from_mapping({"name": "n", "steps": steps}).steps) == 1


def test_a_year_that_is_not_there_is_refused():
    draw = random.Random(1)
    framework = _tree(draw)
    values = _values(draw, framework, False)
    with pytest.raises(ValuesError, match="no row is of the year 1999"):
        compute_index(values, framework, method_from_mapping({"name": "n", "steps": LOOKING_BACK[-3:]}), year=1999)
