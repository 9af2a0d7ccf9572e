from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from ssc_index import compiled_files, files
from ssc_index.errors import FaultsError, ValuesError
from ssc_index.files import compute, read_values
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Node

TREE = framework_from_nodes(
    [
        Node(code="index", parent=None, name="Index", level=""),
        Node(code="a", parent="index", name="A", level="", direction="higher"),
        Node(code="b", parent="index", name="B", level="", direction="higher"),
    ]
)
ROWS = [
    {"code": "index", "parent": ""},
    {"code": "a", "parent": "index", "direction": "higher"},
    {"code": "b", "parent": "index", "direction": "higher"},
]
MEAN = {"steps": [{"aggregate": {}}]}


def _read(tmp_path: Path, text: str):
    path = tmp_path / "values.csv"
    path.write_text(text, encoding="utf-8")
    return read_values(path, TREE)


def _faults(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ValuesError) as caught:
        _read(tmp_path, text)
    return caught.value.faults


def test_wide_values_are_sorted_and_columns_that_are_no_indicator_are_groups(tmp_path):
    values = _read(tmp_path, "region,b,unit,a,year\nN,1,z,2,2021\n,,y,0,2021\nS, 3.5 ,z,,2020\n")
    assert values.units == ("z", "y", "z")
    assert values.years == (2020, 2021, 2021)
    np.testing.assert_array_equal(values.values, [[np.nan, 3.5], [0.0, np.nan], [2.0, 1.0]])
    assert values.groups == {"region": ("S", None, "N")}


def test_long_values_equal_the_wide_ones(tmp_path):
    long = _read(tmp_path, "unit,code,value\ny,b,2\nx,a,1\ny,a,\n")
    wide = _read(tmp_path, "unit,a,b\nx,1,\ny,,2\n")
    assert long.units == wide.units == ("x", "y")
    assert long.years is None
    np.testing.assert_array_equal(long.values, wide.values)


def test_an_indicator_without_rows_in_a_long_file_is_missing_throughout(tmp_path):
    values = _read(tmp_path, "unit,year,code,value\nx,2020,a,1\nx,2021,a,1\n")
    assert values.years == (2020, 2021)
    assert np.isnan(values.values[:, 1]).all()


@pytest.mark.parametrize("form", ["wide", "long"])
def test_parquet_gives_the_same_values_as_csv(tmp_path, form):
    text = {
        "wide": "unit,year,a,b,region\nx,2020,1.5,,N\ny,2020,2,3,\n",
        "long": "unit,year,code,value\nx,2020,a,1.5\ny,2020,a,2\ny,2020,b,3\n",
    }[form]
    from_csv = _read(tmp_path, text)
    pl.read_csv(text.encode()).write_parquet(tmp_path / "values.parquet")
    from_parquet = read_values(tmp_path / "values.parquet", TREE)
    assert from_parquet.units == from_csv.units
    assert from_parquet.years == from_csv.years
    assert from_parquet.groups == from_csv.groups
    np.testing.assert_array_equal(from_parquet.values, from_csv.values)


@pytest.mark.parametrize("blank", ["", " "])
def test_a_long_file_read_in_parts_is_the_wide_one_in_any_order(tmp_path, monkeypatch, blank):
    monkeypatch.setattr(files, "LONG_FROM", 1)
    monkeypatch.setattr(files, "PART", 7)
    random = np.random.Generator(np.random.Philox(key=4))
    cells = [(f"c{unit}", year, code) for unit in (10, 9, 2) for year in (2021, 2019, 2024) for code in "ab"]
    cells = [cells[place] for place in random.permutation(len(cells))]
    rows = [(blank + unit, year, code, float(number) or None) for number, (unit, year, code) in enumerate(cells)]
    frame = pl.DataFrame(rows[:-1], ["unit", "year", "code", "value"], orient="row")
    frame.write_parquet(tmp_path / "values.parquet", row_group_size=4)  # the file numbers its texts group by group
    read = read_values(tmp_path / "values.parquet", TREE)
    assert read.units == ("c10", "c2", "c9") * 3
    assert read.years == (2019,) * 3 + (2021,) * 3 + (2024,) * 3
    expected = dict(zip(cells[:-1], range(len(cells)), strict=False))
    for row, (unit, year) in enumerate(zip(read.units, read.years, strict=True)):
        for column, code in enumerate("ab"):
            number = expected.get((unit, year, code)) or np.nan
            np.testing.assert_equal(read.values[row, column], float(number))
    pl.concat([frame, frame[3:4]]).write_parquet(tmp_path / "values.parquet")
    with pytest.raises(ValuesError, match=r"row 18: .* is given on row 4 already"):
        read_values(tmp_path / "values.parquet", TREE)
    wrong = frame.with_row_index("row").with_columns(
        year=pl.when(pl.col("row") == 12).then(2**32 + 2021).otherwise("year"),  # of 32 bits it would be 2021
        value=pl.when(pl.col("row") == 9).then(np.inf).otherwise("value"),
    )
    wrong.drop("row").write_parquet(tmp_path / "values.parquet")
    with pytest.raises(ValuesError, match=r"(?s)row 13, column year: .*row 10, column value: inf is not a finite"):
        read_values(tmp_path / "values.parquet", TREE)


def test_texts_that_a_file_numbers_twice_or_not_throughout_are_still_texts(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LONG_FROM", 1)
    twice = pa.DictionaryArray.from_arrays(pa.array([2, 0, 1], pa.int32()), pa.array(["x", "y", "x"]))
    assert files._numbered("unit", pa.chunked_array([twice])).cast(pl.String).to_list() == ["x", "x", "y"]
    missing = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["x", None]))
    assert files._numbered("unit", pa.chunked_array([missing])) is None
    path = tmp_path / "values.parquet"
    pl.DataFrame({"unit": ["x", None], "year": [1, 1], "code": ["a", "a"], "value": [1.0, 2.0]}).write_parquet(path)
    with pytest.raises(ValuesError, match="row 2, column unit: empty"):
        read_values(path, TREE)
    path.write_bytes(b"PAR1 but no more")
    with pytest.raises(ValuesError, match="cannot be read as Parquet"):
        read_values(path, TREE)


def test_not_a_number_in_parquet_is_missing_and_infinity_is_a_fault(tmp_path):
    path = tmp_path / "values.parquet"
    pl.DataFrame({"unit": ["x", "y"], "a": [float("nan"), 1.0], "b": [1, 2]}).write_parquet(path)
    assert np.isnan(read_values(path, TREE).values[0, 0])
    pl.DataFrame({"unit": ["x", "y"], "a": [float("inf"), 1.0], "b": [1, 2]}).write_parquet(path)
    with pytest.raises(ValuesError, match="row 1, column a: inf is not a finite number"):
        read_values(path, TREE)


def test_a_year_column_that_is_empty_throughout_is_no_year(tmp_path):
    assert _read(tmp_path, "unit,year,a,b\nx,,1,2\n").years is None


def test_units_that_look_like_numbers_stay_text(tmp_path):
    assert _read(tmp_path, "unit,a,b\n007,1,1\n7,1,1\n").units == ("007", "7")


def test_every_fault_of_a_wide_file_is_reported_at_once(tmp_path):
    text = 'unit,year,a\n"two\nlines",2020,"3,5"\n,2020,1\nx,20.5,NaN\nx,2021,1e999\nx,2021,=1+1\n'
    faults = _faults(tmp_path, text)
    for expected in (
        "no column 'b' (B); add it",
        "line 3, column a: '3,5' is not a finite number; write a decimal point",
        "line 4, column unit: empty",
        "line 5, column year: '20.5' is not a year",
        "line 5, column a: 'NaN' is not a finite number; leave a missing cell empty",
        "line 6, column a: '1e999'",
        "line 7, column a: '=1+1'",
        "line 7: x, 2021 is given on line 6 already",
    ):
        assert any(fault.startswith(expected) for fault in faults), expected
    assert len(faults) == 8


def test_every_fault_of_a_long_file_is_reported_at_once(tmp_path):
    text = "unit,year,code,value,note\nx,2020,a,1,\nx,2020,a,2,\nx,2020,c,1,\nx,2020,index,1,\nx,,b,NR,\n"
    faults = _faults(tmp_path, text)
    for expected in (
        "unknown column 'note'",
        "line 3: x, 2020, a is given on line 2 already",
        "line 4, column code: 'c' is not an indicator",
        "line 5, column code: 'index' is not an indicator",
        "line 6, column year: empty",
        "line 6, column value: 'NR' is not a finite number; leave a missing cell empty",
    ):
        assert any(fault.startswith(expected) for fault in faults), expected
    assert len(faults) == 6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the file is empty"),
        ("unit,a,b\n", "no row below the header"),
        ("city,a,b\nx,1,2\n", "no column 'unit'; columns are city, a, b"),
        ("unit;a;b\nx;1;2\n", "separated by ';'"),
        ("unit,a,a\nx,1,2\n", "column 'a' occurs twice"),
        ("unit,a,\nx,1,2\n", "column 3 has no name"),
        ("unit,a,b\nx,1\n", "line 2: 2 cells under 3 columns"),
        ("unit,a,b\nx,1,2,3\n", "line 2: 4 cells under 3 columns"),
        ('unit,a,b\n"x,1,2\n', "cannot be read"),
    ],
)
def test_faults_of_the_form(tmp_path, text, expected):
    assert any(expected in fault for fault in _faults(tmp_path, text))


def test_a_file_that_is_not_there_or_not_what_it_says_is_named(tmp_path):
    with pytest.raises(ValuesError, match=r"nowhere\.csv"):
        read_values(tmp_path / "nowhere.csv", TREE)
    (tmp_path / "v.parquet").write_bytes(b"no")
    with pytest.raises(ValuesError, match=r"v\.parquet.*\n.*Parquet"):
        read_values(tmp_path / "v.parquet", TREE)
    (tmp_path / "v.csv").write_bytes("unit,a,b\nÅ,1,2\n".encode("latin-1"))
    with pytest.raises(ValuesError, match="UTF-8"):
        read_values(tmp_path / "v.csv", TREE)


def test_the_result_directory_holds_scores_every_step_and_the_record(run):
    steps = [{"impute": {"method": "mean"}}, {"normalise": {"method": "minmax"}}, {"aggregate": {}}]
    values = pl.DataFrame({"unit": ["x", "y", "z"], "a": [1, None, 3], "b": [1, 2, 4]})
    done = run(ROWS, values, {"steps": steps})
    assert sorted(path.name for path in done.out.iterdir()) == [
        "cells_1_impute.csv",
        "parameters_2_normalise.csv",
        "run.json",
        "scores.csv",
        "step_1_impute.csv",
        "step_2_normalise.csv",
        "step_3_aggregate.csv",
        "weights.csv",
    ]
    scores = done.table("scores.csv")
    assert scores.columns == ["unit", "year", "node", "level", "score", "rank", "coverage", "n_imputed"]
    assert scores["node"].to_list() == ["index"] * 3 + ["a"] * 3 + ["b"] * 3
    assert scores["unit"].to_list() == ["x", "y", "z"] * 3
    assert scores["year"].null_count() == 9


def test_the_record_names_inputs_by_hash_and_the_whole_method_but_no_path_and_no_clock(run):
    done = run(ROWS, pl.DataFrame({"unit": ["x"], "a": [1], "b": [2]}), MEAN)
    text = (done.out / "run.json").read_text(encoding="utf-8")
    record = json.loads(text)
    for what, name in (("framework", "framework.csv"), ("values", "values.csv"), ("method", "method.yaml")):
        digest = hashlib.sha256((done.out.parent / name).read_bytes()).hexdigest()
        assert record["inputs"][what] == {"file": name, "sha256": digest}
    assert record["method"] == done.result.method.as_mapping()
    assert record["versions"]["numpy"] == np.__version__
    assert record["files"] == ["scores.csv", "step_1_aggregate.csv", "weights.csv"]
    assert str(done.out.parent) not in text


def test_the_same_input_in_any_order_gives_the_same_bytes(run):
    values = pl.DataFrame(
        {
            "unit": ["x", "y", "z", "x"],
            "year": [2020, 2020, 2020, 2021],
            "a": [0.1, 0.7, None, 0.3],
            "b": [1 / 3, 2 / 3, 0.2, 0.9],
        }
    )
    steps = [{"impute": {"method": "mean"}}, {"normalise": {"method": "zscore", "over": "panel"}}, {"aggregate": {}}]

    def written(frame):
        done = run(ROWS, frame, {"steps": steps})
        return {path.name: path.read_bytes() for path in done.out.glob("*.csv")}

    first = written(values)
    assert written(values.reverse().select("b", "unit", "a", "year")) == first
    assert written(values) == first


def test_numbers_read_back_to_the_same_bits(run):
    values = pl.DataFrame({"unit": ["x", "y"], "a": [0.1, 1e-300], "b": [1 / 3, 123456789.12345679]})
    done = run(ROWS, values, MEAN)
    np.testing.assert_array_equal(
        done.table("step_1_aggregate.csv").select("index", "a", "b").to_numpy(), done.result.scores
    )


def test_text_that_a_spreadsheet_would_run_is_quoted(run):
    rows = [ROWS[0], {"code": "=a", "parent": "index", "direction": "higher"}]
    units = ["=cmd|'/c calc'!A1", "+1", "-2", "@x", "plain"]
    values = pl.DataFrame({"unit": units, "=a": [1, 2, 3, 4, 5]})
    done = run(rows, values, MEAN)
    units_written = set(done.table("scores.csv")["unit"].cast(pl.String))
    assert units_written == {f"'{unit}" for unit in units[:4]} | {"plain"}
    assert done.table("step_1_aggregate.csv").columns == ["unit", "index", "'=a"]


def test_files_of_an_earlier_result_are_removed_and_others_are_left(tmp_path, run):
    values = pl.DataFrame({"unit": ["x", "y"], "a": [1, None], "b": [1, 2]})
    done = run(ROWS, values, {"steps": [{"impute": {"method": "mean"}}, {"aggregate": {}}]})
    (done.out / "notes.csv").write_text("mine")
    done = run(ROWS, values, MEAN)
    assert sorted(path.name for path in done.out.glob("*.csv")) == [
        "notes.csv",
        "scores.csv",
        "step_1_aggregate.csv",
        "weights.csv",
    ]


def test_faults_of_framework_and_method_are_reported_together(tmp_path):
    (tmp_path / "f.csv").write_text("code,parent\nindex,\n")
    (tmp_path / "m.yaml").write_text("name: m\nsteps: [{fly: {}}]\n")
    with pytest.raises(FaultsError) as caught:
        compute(tmp_path / "f.csv", tmp_path / "v.csv", tmp_path / "m.yaml", tmp_path / "out")
    assert "the root has no children" in str(caught.value)
    assert "unknown step 'fly'" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_rows_screened_out_stay_in_the_scores_with_their_coverage_and_a_reason(run):
    values = pl.DataFrame({"unit": ["x", "y"], "a": [1, 2], "b": [3, None]})
    done = run(ROWS, values, {"steps": [{"screen": {"min_coverage": 0.75}}, {"aggregate": {}}]})
    row = done.table("scores.csv").filter((pl.col("unit") == "y") & (pl.col("node") == "index"))
    assert row.select("score", "rank", "coverage").row(0) == (None, None, 0.5)
    assert done.table("step_1_screen.csv")["unit"].to_list() == ["x"]
    assert done.table("excluded.csv").row(0) == (
        "y",
        None,
        "coverage 0.5 of index is below 0.75 (1 of 2 indicators)",
    )


def test_the_audit_is_written_if_asked_for_and_removed_if_not(tmp_path, run):
    values = pl.DataFrame({"unit": ["=p", "q", "r"], "a": [1.0, 2.0, 4.0], "b": [3.0, 1.0, 2.0]})
    done = run(ROWS, values, {"steps": [{"normalise": {"method": "none"}}, {"aggregate": {}}]})
    paths = [
        tmp_path / f"{name}.{ending}" for name, ending in (("framework", "csv"), ("values", "csv"), ("method", "yaml"))
    ]
    compute(*paths, done.out, audit=True)
    written = {path.name for path in done.out.glob("audit_*.csv")}
    assert {"audit_correlations.csv", "audit_importance.csv", "audit_without_node.csv"} <= written
    assert written <= set(json.loads((done.out / "run.json").read_text())["files"])
    assert done.table("audit_statistics.csv").select("code", "mean", "year").rows() == [
        ("a", 7 / 3, None),
        ("b", 2.0, None),
    ]
    assert "'=p" in (done.out / "audit_without_node_units.csv").read_text()
    compute(*paths, done.out)
    assert not list(done.out.glob("audit_*.csv"))


@pytest.mark.parametrize("has_years", [True, False])
def test_cells_are_laid_out_in_the_same_way_by_either_loop(has_years):
    random = np.random.default_rng(5)
    units, width, n_units, n_years = np.array([2, 0, 1], dtype=np.int32), 4, 3, 3
    # few of the cells: some units are not in some of the years
    cells = random.permutation(n_units * (n_years if has_years else 1) * width)[:6]
    code, rest = cells % width, cells // width
    unit, year = rest % n_units, (rest // n_units if has_years else np.zeros(0, dtype=np.int64))
    numbers, starts = random.random(cells.size), np.arange(n_years) * n_units
    loops = compiled_files.note_years, compiled_files.note_rows, compiled_files.lay_cells
    found = []
    for look, note, lay in (files._laying(False), loops):
        is_year = np.zeros(n_years + 1, dtype=bool)
        look(year + 1990, 1990, is_year)
        np.testing.assert_array_equal(np.flatnonzero(is_year), np.unique(year))
        occurs = np.zeros(n_units * n_years, dtype=bool)
        note(unit, units, year + 1990, 1990, starts, occurs)
        row_of, start_of_code = np.cumsum(occurs) - 1, np.arange(width) * int(occurs.sum())
        flat, filled = np.full(int(occurs.sum()) * width, np.nan), np.zeros(int(occurs.sum()) * width, dtype=bool)
        lay(unit, units, year + 1990, 1990, starts, row_of, code, start_of_code, numbers, flat, filled)
        found.append((occurs, flat, filled))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    occurs, flat, filled = found[0]
    assert filled.sum() == cells.size
    for at in range(cells.size):
        place = (year[at] if has_years else 0) * n_units + units[unit[at]]
        assert flat[code[at] * occurs.sum() + occurs[:place].sum()] == numbers[at]


def test_a_long_file_that_is_compiled_gives_the_same_values_and_sees_a_cell_given_twice(tmp_path, monkeypatch):
    random = np.random.default_rng(1)
    lines = [
        f"u{u},{y},{c},{random.random()!r}" for u in range(9) for y in (2020, 2023) for c in "ab" if (u, y) != (3, 2020)
    ]
    random.shuffle(lines)
    read = []
    for threshold in (10**9, 1):
        monkeypatch.setattr(files, "COMPILED_FROM", threshold)
        monkeypatch.setattr(files, "PART", 7)  # several parts, by several threads
        (tmp_path / "v.csv").write_text("\n".join(["unit,year,code,value", *lines]))
        read.append(read_values(tmp_path / "v.csv", TREE))
    assert (read[0].units, read[0].years) == (read[1].units, read[1].years)
    np.testing.assert_array_equal(read[0].values, read[1].values)
    (tmp_path / "v.csv").write_text("\n".join(["unit,year,code,value", *lines, lines[5]]))
    with pytest.raises(ValuesError, match=r"line 36: .* is given on line 7 already"):
        read_values(tmp_path / "v.csv", TREE)
