"""Inputs that fuzzing once found to break a promise of the reader or of the rules (``benchmarks/fuzz.py``)."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from benchmarks.fuzz import PARTS, TABLE, TARGETS, TEXT, WHOLE, package, seeds
from intake.reading import read_submission
from ssc_index.framework.catalogue import load_catalogue

CRASHES = sorted((Path(__file__).parent / "crashes").iterdir())


@pytest.mark.parametrize("path", CRASHES, ids=lambda path: path.name)
def test_what_once_broke_a_promise_does_no_more(path: Path, tmp_path: Path) -> None:
    TARGETS[path.name.partition("-")[0]](path.read_bytes(), tmp_path)


def test_the_fuzzer_starts_from_a_form_that_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(package({}))
    result = read_submission(path, load_catalogue())
    assert result.status == "read"
    assert result.cells.height == 5
    assert result.cells["source"].to_list() == ["Office"] * 5  # one is merged over three rows
    assert result.faults.filter(pl.col("message").str.contains("shows a day")).height  # formats of cells are read


@pytest.mark.parametrize("kind", [*range(len(PARTS)), WHOLE, TABLE, TEXT])
def test_each_kind_of_input_is_read(kind: int, tmp_path: Path) -> None:
    part = seeds()[PARTS[kind]] if kind < len(PARTS) else b"1,2"
    TARGETS["reader"](bytes([kind]) + part, tmp_path)
    TARGETS["reader"](bytes([kind]) + part[:-9], tmp_path)
