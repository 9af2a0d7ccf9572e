"""What an uncertainty analysis writes: files that are read back, and a replication that is an index of its own."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ssc_index.errors import SscIndexError
from ssc_index.files import compute
from ssc_index.uncertainty import outputs, result
from ssc_index.uncertainty.plain import replication
from tests.uncertainty import examples


def test_a_replication_that_is_written_out_can_be_computed_by_anyone(tmp_path):
    case = examples.case(examples.EVERYTHING)
    written = outputs.write_replication(case, 17, tmp_path / "out")
    names = ("framework.csv", "values.csv", "method.yaml", "scores.csv")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)
    framework, values, method, scores = (tmp_path / "out" / name for name in names)
    again = compute(framework, values, method, tmp_path / "again")
    np.testing.assert_allclose(again.scores, written.scores, rtol=1e-13)
    assert (tmp_path / "again" / "scores.csv").read_bytes() == scores.read_bytes()
    assert again.method.name == "small-11-17"
    # It is that replication and no other.
    expected = replication(case, 17)
    table = pl.read_csv(values)
    assert table["region"].to_list() == list(case.values.groups["region"])
    np.testing.assert_array_equal(table.select(expected.values.codes).to_numpy(), expected.values.values)
    first = outputs.write_replication(case, 0, tmp_path / "first")
    assert first.method.name == case.method.name
    with pytest.raises(SscIndexError, match="numbered from 0"):
        outputs.write_replication(case, -1, tmp_path)


def test_files_are_there_whole_or_their_last_is_missing(tmp_path, monkeypatch):
    """Whoever finds the last file finds all of them of one writing."""
    place = tmp_path / "out"
    assert outputs._place(place, {"a.csv": "old", "last.json": "old"}) == ("a.csv", "last.json")
    moved = type(place).replace

    def dies(self, target):
        if target.name == "last.json":
            raise KeyboardInterrupt
        return moved(self, target)

    monkeypatch.setattr(type(place), "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        outputs._place(place, {"a.csv": "new", "last.json": "new"})
    assert [(path.name, path.read_text()) for path in place.iterdir()] == [("a.csv", "new")]


def test_a_rank_is_held_against_the_nominal_one_only_where_each_rank_was_counted():
    counts, ranked = np.array([[1, 2, 1, 4], [0, 0, 3, 1], [9, 0, 0, 0], [0, 0, 0, 0]]), np.array([8, 4, 9, 0])
    nominal = np.array([3.0, 4.0, np.nan, 1.0])  # the third has no rank, the last none in any replication
    better, worse = result._against(counts, ranked, nominal, 1)
    np.testing.assert_array_equal(better, [3 / 8, 3 / 4, np.nan, np.nan])
    np.testing.assert_array_equal(worse, [4 / 8, 0.0, np.nan, np.nan])
    for width in (2, 3):
        assert np.isnan(result._against(counts, ranked, nominal, width)).all()
