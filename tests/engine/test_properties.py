"""Properties that hold for any values: Hypothesis looks for a counter-example."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_index.aggregate import weighted_mean
from ssc_index.errors import FaultsError
from ssc_index.files import read_values
from ssc_index.framework.load import framework_from_nodes, read_framework_csv
from ssc_index.framework.model import Node
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping, read_method
from ssc_index.rank import rank_ascending
from ssc_index.values import values_from_columns

EXAMPLES = settings(max_examples=40, deadline=None)
NUMBER = st.floats(-1000, 1000, allow_nan=False).map(lambda number: round(number, 3))
CELL = st.one_of(NUMBER, NUMBER, NUMBER, st.just(float("nan")))
CODES = ("a", "b", "c", "d")


def _framework(directions=("higher",) * 4, posts=((-500.0, 500.0),) * 4, weights=(1.0,) * 4):
    nodes = [
        Node(code="index", parent=None, name="i", level="index"),
        Node(code="A", parent="index", name="A", level="dimension", weight=2.0),
        Node(code="B", parent="index", name="B", level="dimension"),
    ]
    for code, direction, (low, high), weight in zip(CODES, directions, posts, weights, strict=True):
        parent = "A" if code in "ab" else "B"
        low, high = (low, high) if direction == "higher" else (high, low)
        nodes.append(
            Node(
                code=code, parent=parent, name=code, level="kpi", direction=direction, low=low, high=high, weight=weight
            )
        )
    return framework_from_nodes(nodes)


def _tables(fewest=1, most=9):
    return st.integers(fewest, most).flatmap(
        lambda n: st.lists(st.lists(CELL, min_size=4, max_size=4), min_size=n, max_size=n).map(np.array)
    )


def _run(table, steps, framework=None, units=None, groups=None):
    framework = framework or _framework()
    units = units or [f"u{row:03d}" for row in range(len(table))]
    values = values_from_columns(units, None, framework.codes, table, groups)
    return compute_index(values, framework, method_from_mapping({"name": "m", "steps": steps}))


SCALES = [
    {"method": "goalposts"},
    {"method": "minmax", "constant": "middle"},
    {"method": "percentile", "constant": "middle"},
]
WHOLE = [{"treat": {"fallback": "none"}}, {"normalise": {"method": "goalposts"}}, {"aggregate": {}}]


@pytest.mark.parametrize("scale", SCALES, ids=lambda scale: scale["method"])
@EXAMPLES
@given(_tables())
def test_scores_lie_between_0_and_100_and_are_missing_where_values_are(scale, table):
    done = _run(table, [{"normalise": scale}, {"aggregate": {}}])
    there = done.scores[~np.isnan(done.scores)]
    assert ((there >= 0) & (there <= 100)).all()
    np.testing.assert_array_equal(np.isnan(done.steps[0].table), np.isnan(done.values.values))


@pytest.mark.parametrize("scale", [*SCALES, {"method": "zscore", "constant": "middle"}, {"method": "rank"}], ids=str)
@EXAMPLES
@given(_tables())
def test_a_better_value_never_scores_less(scale, table):
    for directions, sign in ((("higher",) * 4, 1), (("lower",) * 4, -1)):
        done = _run(table, [{"normalise": scale}], _framework(directions))
        for column in range(4):
            values, scores = sign * done.values.values[:, column], done.steps[0].table[:, column]
            order = np.argsort(values[~np.isnan(values)], kind="stable")
            assert (np.diff(scores[~np.isnan(values)][order]) >= 0).all()


@EXAMPLES
@given(_tables(), st.randoms(use_true_random=False))
def test_the_order_of_units_does_not_matter_to_the_last_bit(table, random):
    units = [f"u{row:03d}" for row in range(len(table))]
    order = list(range(len(table)))
    random.shuffle(order)
    steps = [
        {"impute": {"method": "mean"}},
        {"normalise": {"method": "zscore", "constant": "middle"}},
        {"aggregate": {}},
    ]
    first = _run(table, steps, units=units)
    second = _run(table[order], steps, units=[units[row] for row in order])
    np.testing.assert_array_equal(first.scores, second.scores)
    np.testing.assert_array_equal(first.ranks, second.ranks)


@EXAMPLES
@given(_tables())
def test_other_names_of_units_move_only_the_rows(table):
    steps = [{"normalise": {"method": "minmax", "constant": "middle"}}, {"aggregate": {}}]
    done = _run(table, steps)
    renamed = _run(table, steps, units=[f"{len(table) - row:03d}" for row in range(len(table))])
    np.testing.assert_array_equal(done.scores, renamed.scores[::-1])


@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
@EXAMPLES
@given(_tables(2, 40), st.data())
def test_a_score_does_not_change_in_its_last_bit_because_others_are_there(mean, table, data):
    parameters = {"method": mean} | ({"floor": 0.5} if mean == "geometric" else {})
    steps = [{"normalise": {"method": "goalposts"}}, {"aggregate": parameters}]
    kept = sorted(data.draw(st.sets(st.integers(0, len(table) - 1), min_size=1)))
    units = [f"u{row:03d}" for row in range(len(table))]
    among_all = _run(table, steps, units=units)
    alone = _run(table[kept], steps, units=[units[row] for row in kept])
    np.testing.assert_array_equal(alone.scores, among_all.scores[kept])


@EXAMPLES
@given(_tables(), st.sampled_from([2.0, 0.25, 1024.0]), NUMBER)
def test_another_unit_of_measurement_changes_no_score(table, factor, shift):
    framework = _framework()
    posts = ((-500.0 * factor + shift, 500.0 * factor + shift),) * 4
    before = _run(table, WHOLE, framework)
    after = _run(table * factor + shift, WHOLE, _framework(posts=posts))
    np.testing.assert_allclose(after.scores, before.scores, rtol=0, atol=1e-9)


@EXAMPLES
@given(_tables())
def test_direction_is_symmetric_to_the_last_bit(table):
    for scale in ({"method": "minmax", "constant": "middle"}, {"method": "goalposts"}, {"method": "rank"}):
        up = _run(table, [{"normalise": scale}])
        down = _run(-table, [{"normalise": scale}], _framework(("lower",) * 4, ((-500.0, 500.0),) * 4))
        np.testing.assert_array_equal(up.scores, down.scores)


@EXAMPLES
@given(_tables(), st.lists(st.floats(0.1, 9), min_size=4, max_size=4))
def test_an_aggregate_lies_between_its_parts_and_geometric_is_not_above_arithmetic(table, weights):
    framework = _framework(weights=weights)
    steps = [{"normalise": {"method": "goalposts"}}]
    arithmetic = _run(table, [*steps, {"aggregate": {}}], framework)
    geometric = _run(table, [*steps, {"aggregate": {"method": "geometric", "floor": 0}}], framework)
    for done in (arithmetic, geometric):
        for node, children in done.framework.children.items():
            parts = done.scores[:, [done.nodes.index(child.code) for child in children]]
            score = done.scores[:, done.nodes.index(node)]
            there = ~np.isnan(score)
            assert (there == (~np.isnan(parts)).any(axis=1)).all()
            smallest = np.fmin.reduce(parts[there], axis=1)
            largest = np.fmax.reduce(parts[there], axis=1)
            assert ((score[there] >= smallest) & (score[there] <= largest)).all()
    both = ~np.isnan(arithmetic.scores)
    assert (geometric.scores[both] <= arithmetic.scores[both] + 1e-12 * 100).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {"method": "mean"},
        {"method": "median"},
        {"method": "group_mean", "group": "g"},
        {"method": "group_median", "group": "g"},
    ],
    ids=lambda parameters: parameters["method"],
)
@EXAMPLES
@given(_tables(), st.data())
def test_imputation_never_touches_an_observed_cell(parameters, table, data):
    labels = data.draw(st.lists(st.sampled_from(["x", "y", None]), min_size=len(table), max_size=len(table)))
    done = _run(table, [{"impute": parameters}], groups={"g": labels})
    step, observed = done.steps[0], ~np.isnan(done.values.values)
    np.testing.assert_array_equal(step.table[observed], done.values.values[observed])
    assert not step.imputed[observed].any()
    np.testing.assert_array_equal(step.imputed, ~observed & ~np.isnan(step.table))
    if parameters["method"] in ("mean", "median"):
        has_any = observed.any(axis=0)
        assert not np.isnan(step.table[:, has_any]).any()


@EXAMPLES
@given(
    st.lists(st.lists(st.floats(0.01, 100), min_size=3, max_size=3), min_size=1, max_size=5),
    st.lists(st.floats(0.1, 10), min_size=3, max_size=3),
    st.floats(0.1, 50),
)
def test_weights_need_not_sum_to_one(rows, weights, factor):
    parts = [np.array(column) for column in zip(*rows, strict=True)]
    for mean in ("arithmetic", "geometric"):
        one = weighted_mean(parts, weights, mean)
        other = weighted_mean(parts, [weight * factor for weight in weights], mean)
        np.testing.assert_allclose(one, other, rtol=1e-12)


WORDS = [
    "name",
    "steps",
    "unit",
    "code",
    "parent",
    "year",
    "a",
    "b",
    "1",
    ":",
    ",",
    "\n",
    "- ",
    "{",
    "[",
    '"',
    "\x00",
    "é",
    "&x",
]


@EXAMPLES
@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=3)), max_size=25).map("".join))
def test_any_file_is_read_or_refused_with_its_faults(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("any") / "file.csv"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    for read in (read_method, read_framework_csv, lambda file: read_values(file, _framework())):
        with contextlib.suppress(FaultsError):
            read(path)


@EXAMPLES
@given(st.lists(st.one_of(st.integers(-3, 3).map(float), st.just(float("nan"))), max_size=12))
def test_ranks_count_what_is_smaller(numbers):
    values = np.array(numbers)
    smaller = np.array([(values < value).sum() if value == value else np.nan for value in numbers])
    np.testing.assert_array_equal(rank_ascending(values), smaller + 1)
    equal = np.array([(values == value).sum() if value == value else np.nan for value in numbers])
    np.testing.assert_array_equal(rank_ascending(values, "max"), smaller + equal)
    np.testing.assert_array_equal(rank_ascending(values, "average"), smaller + (equal + 1) / 2)
