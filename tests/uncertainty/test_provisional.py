"""What was reported and is not verified, as an uncertain input; and grades and such values from files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from ssc_index.errors import MethodError, ValuesError
from ssc_index.files import read_values
from ssc_index.framework.save import framework_csv
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping
from ssc_index.sensitivity.ranks import alternatives_of, groups_of
from ssc_index.uncertainty.case import Case, case_of, decide, rows_of
from ssc_index.uncertainty.outputs import case_of_files, values_csv
from ssc_index.uncertainty.plain import before_normalisation, built, replication, scores_of
from ssc_index.uncertainty.prepared import prepare, why_not
from ssc_index.uncertainty.scores import scores_of_choices
from ssc_index.values import Floats, Values, values_from_columns
from tests.uncertainty import examples

ALL = {"kind": "provisional", "probability": 0.4}
EACH = {**ALL, "by": "unit"}


def provisional(values: Values) -> Floats:
    """For a third of the missing cells, and for a few of the others."""
    generator = np.random.default_rng(8)
    missing, draw = np.isnan(values.values), generator.random(values.values.shape)
    return np.where(np.where(missing, draw < 0.33, draw < 0.1), generator.uniform(5, 95, draw.shape), np.nan)


def case(inputs, steps=examples.STEPS, **more) -> Case:
    given = examples.values()
    grades = np.array(examples.GRADES)[np.arange(given.values.size).reshape(given.values.shape) % len(examples.GRADES)]
    method = examples.method(inputs, **more).as_mapping()
    method = method_from_mapping({**method, "steps": steps})
    return case_of(given, examples.framework(), method, grades=grades, provisional=provisional(given))


@pytest.mark.parametrize("by", [ALL, EACH])
def test_a_replication_is_the_index_of_values_with_those_that_count(by):
    one = case({"reported": by})
    rows = rows_of(one, 0, 200)
    choices = decide(one, rows)
    table, own = one.provisional, one.values.values
    assert (~np.isnan(table) & np.isnan(own)).sum() > 5
    assert (~np.isnan(table) & ~np.isnan(own)).sum() > 5
    counted = []
    for at in range(12):
        found = scores_of(one, built(one, choices, at))
        with_it = built(one, choices, at).values.values
        is_in = np.array(
            [
                (row == np.where(np.isnan(t), v, t))[~np.isnan(t)].all()
                for row, t, v in zip(with_it, table, own, strict=True)
            ]
        )
        counted.append(is_in)
        by_hand = own.copy()
        for unit in np.flatnonzero(is_in):
            for column in np.flatnonzero(~np.isnan(table[unit])):
                by_hand[unit, column] = table[unit, column]
        np.testing.assert_array_equal(with_it, by_hand)
        again = values_from_columns(one.values.units, None, one.values.codes, by_hand, one.values.groups)
        np.testing.assert_array_equal(found, compute_index(again, one.framework, one.method).scores)
    some = (~np.isnan(table)).any(axis=1)
    together = np.array(counted)[:, some]
    assert together.any()
    assert not together.all()
    assert (together.all(axis=1) | ~together.any(axis=1)).all() == (by is ALL)
    # 0.4 of the replications, and of units; three standard errors of 200 draws are 0.104.
    drawn = choices.options["reported"][:, None] if by is ALL else choices.provisional
    assert np.abs(drawn.mean(axis=0) - 0.4).max() < (0.104 if by is ALL else 0.15)


TOGETHER = {
    "alone": {"reported": ALL},
    "with imputation": {"reported": ALL, "imputation": examples.IMPUTATION, "top": examples.TOP},
    "with everything": {"reported": ALL, **examples.EVERYTHING},
}


@pytest.mark.parametrize("backend", ["numba", "numpy"])
@pytest.mark.parametrize("name", TOGETHER)
def test_the_kernel_computes_what_the_plain_loop_computes(name, backend):
    one = case(TOGETHER[name], nodes=["index", "pillar"])
    assert why_not(one) == []
    rows = rows_of(one, 0, 32)
    rows[0] = np.nan
    choices = decide(one, rows)
    scores = scores_of_choices(prepare(one), choices, backend)
    expected = np.array([scores_of(one, built(one, choices, at)) for at in range(32)])
    columns = [one.position[node] for node in one.kept]
    np.testing.assert_allclose(scores, np.moveaxis(expected[:, :, columns], 2, 0), atol=2e-4, rtol=0)
    counts = choices.options["reported"] == 1
    if name == "alone":  # two indices, and no others
        for same in (expected[counts], expected[~counts]):
            np.testing.assert_array_equal(same, np.broadcast_to(same[0], same.shape))
        assert np.nanmax(np.abs(expected[counts][0] - expected[~counts][0])) > 1


def test_by_unit_it_goes_the_plain_way_and_says_so():
    assert why_not(case({"reported": EACH})) == ["provisional values by unit"]


@pytest.mark.parametrize("first", [0, 2])  # steps before the normalisation, and none
def test_the_grade_of_a_cell_is_that_of_the_value_that_stands_in_it(first):
    inputs = {"reported": {**ALL, "probability": 1.0}, "errors": examples.MEASUREMENT}
    one = case(inputs, examples.STEPS[first:])
    rows = rows_of(one, 0, 1)
    assert decide(one, rows).options["reported"].tolist() == [1]
    before = before_normalisation(one, one.with_all_provisional, one.framework, one.method)
    cells = ~np.isnan(one.provisional)
    np.testing.assert_array_equal(before.values.values[cells], one.provisional[cells])
    shares = np.array([0.1, 0.02, 0.05, 0.25, 0.30])[np.arange(cells.size).reshape(cells.shape) % 5]
    np.testing.assert_allclose(before.deviation[cells], (shares * one.provisional)[cells])


def test_what_is_wrong_with_it_is_told():
    given, tree = examples.values(), examples.framework()
    with pytest.raises(ValuesError, match=r"inputs\.reported: no provisional values are given"):
        case_of(given, tree, examples.method({"reported": ALL}))
    with pytest.raises(ValuesError, match="of shape"):
        case_of(given, tree, examples.method({"reported": ALL}), provisional=np.zeros((2, 2)))
    endless = np.full(given.values.shape, np.nan)
    endless[3, 1] = np.inf
    with pytest.raises(ValuesError, match="provisional value of u003, x01: inf is not finite"):
        case_of(given, tree, examples.method({"reported": ALL}), provisional=endless)
    with pytest.raises(MethodError, match="one is of kind provisional already"):
        case({"one": ALL, "two": EACH})
    with pytest.raises(MethodError, match=r"inputs\.one\.by: 'city'"):
        case({"one": {**ALL, "by": "city"}})


def test_a_sensitivity_analysis_knows_it():
    one = case({"weights": examples.NOISE_OF_WEIGHTS, "imputation": examples.IMPUTATION, "reported": ALL})
    assert [group.name for group in groups_of(one)] == ["reported", "imputation", "weights"]
    settings = [(each.label, each.coordinates) for each in alternatives_of(one) if each.group == "reported"]
    assert [label for label, _ in settings] == ["counted", "left out"]
    rows = np.full((2, 3), np.nan)
    for row, (_, where) in enumerate(settings):
        rows[row, list(where)] = list(where.values())
    assert decide(one, rows).options["reported"].tolist() == [1, 0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of the small index: values wide and long, grades and provisional values in files of their own."""
    given = examples.values()
    grades = np.array(examples.GRADES)[np.arange(given.values.size).reshape(given.values.shape) % len(examples.GRADES)]
    inputs = {"reported": ALL, "errors": examples.MEASUREMENT}
    (tmp_path / "f.csv").write_text(framework_csv(examples.framework()), encoding="utf-8")
    method = json.loads(json.dumps(examples.method(inputs).as_mapping()))
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(method), encoding="utf-8")
    (tmp_path / "wide.csv").write_text(values_csv(given), encoding="utf-8")
    tables = {"value": given.values, "grade": grades, "provisional": provisional(given)}
    rows, columns = np.indices(grades.shape).reshape(2, -1)
    cells = {name: table.ravel() for name, table in tables.items()}
    keys = {"unit": np.array(given.units)[rows], "code": np.array(given.codes)[columns]}
    long = pl.DataFrame({**keys, **cells}, nan_to_null=True).with_columns(pl.col("grade").replace({"": None}))
    long.write_csv(tmp_path / "long.csv")
    long.write_parquet(tmp_path / "long.parquet")
    for name in ("grade", "provisional"):
        own = long.select("unit", "code", name).drop_nulls()
        own.sample(fraction=1.0, shuffle=True, seed=3).write_csv(tmp_path / f"{name}.csv")
        own.pivot("code", index="unit", values=name).write_csv(tmp_path / f"{name}_wide.csv")
    return tmp_path


@pytest.mark.parametrize(
    ("values", "own"),
    [
        ("long.csv", ()),
        ("long.parquet", ()),
        ("wide.csv", ("grade.csv", "provisional.csv")),
        ("wide.csv", ("grade_wide.csv", "provisional_wide.csv")),
    ],
)
def test_grades_and_provisional_values_from_files(folder, values, own):
    grades, reported = [folder / name for name in own] or (None, None)
    found = case_of_files(folder / "f.csv", folder / values, folder / "m.yaml", None, grades, reported)
    expected = case({"reported": ALL, "errors": examples.MEASUREMENT})
    np.testing.assert_array_equal(found.values.values, expected.values.values)
    np.testing.assert_array_equal(found.grades, expected.grades)
    np.testing.assert_array_equal(found.provisional, expected.provisional)
    same = [
        replication(one, 3).values.values
        for one in (found, case_of_files(folder / "f.csv", folder / "long.csv", folder / "m.yaml"))
    ]
    np.testing.assert_array_equal(*same)


def test_an_index_takes_a_long_file_with_them_and_looks_at_its_values_alone(folder):
    with_them = read_values(folder / "long.csv", examples.framework())
    np.testing.assert_array_equal(with_them.values, examples.values().values)


def test_every_fault_of_a_file_is_told_with_its_line(folder):
    lines = [
        "unit,code,provisional",
        "u000,x00,12",
        "u000,x00,13",
        "nobody,x00,1",
        "u001,x99,2",
        "u002,x01,high",
        "u003,x01,",
    ]
    (folder / "provisional.csv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "grade.csv").write_text("unit,x0\nu000,good\n", encoding="utf-8")
    files = (folder / "f.csv", folder / "wide.csv", folder / "m.yaml")
    with pytest.raises(ValuesError) as error:
        case_of_files(*files, provisional=folder / "provisional.csv")
    assert [fault.split(":")[0] for fault in error.value.faults] == [
        "line 6, column provisional",
        "line 3",
        "line 4",
        "line 5",
    ]
    assert "u000, x00 is given on line 2 already" in str(error.value)
    with pytest.raises(ValuesError, match="column 'x0' is no indicator"):
        case_of_files(*files, grades=folder / "grade.csv")
    (folder / "grade.csv").write_text("unit,x00\nu000,good\n", encoding="utf-8")
    with pytest.raises(ValuesError, match="u000, x00: grade 'good' has no error; known are accurate_measurements"):
        case_of_files(*files, grades=folder / "grade.csv", provisional=folder / "provisional_wide.csv")
    (folder / "grade.csv").write_text("unit,year,x00\nu000,2024,good\n", encoding="utf-8")
    with pytest.raises(ValuesError, match="the file has years, the values that it stands beside have no years"):
        case_of_files(*files, grades=folder / "grade.csv")


def test_a_file_that_no_input_asks_for_is_a_fault(folder):
    method = json.loads(json.dumps(examples.method({"weights": examples.NOISE_OF_WEIGHTS}).as_mapping()))
    (folder / "m.yaml").write_text(yaml.safe_dump(method), encoding="utf-8")
    files = (folder / "f.csv", folder / "long.csv", folder / "m.yaml")
    assert case_of_files(*files).grades is None  # columns are there for whoever asks
    with pytest.raises(ValuesError) as error:
        case_of_files(*files, grades=folder / "grade.csv", provisional=folder / "provisional.csv")
    assert [fault.split(":")[0] for fault in error.value.faults] == ["grade.csv", "provisional.csv"]
