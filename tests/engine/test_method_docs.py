"""Every method file that docs/method.md shows runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
import yaml

from ssc_index.files import compute

PROJECT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TEXTS = BLOCK.findall((PROJECT / "docs" / "method.md").read_text(encoding="utf-8"))
FOLDERS = {"by-hand": "hand", "gender-inequality": "gender"}  # every other example runs on examples/steps


def _name(text: str) -> str:
    return str(yaml.safe_load(text)["name"])


def test_examples_have_names_of_their_own():
    names = [_name(text) for text in TEXTS]
    assert len(names) > 1
    assert len(names) == len(set(names))


@pytest.mark.parametrize("text", TEXTS, ids=_name)
def test_the_example_runs_and_ranks(text, tmp_path):
    folder = PROJECT / "examples" / FOLDERS.get(_name(text), "steps")
    (tmp_path / "method.yaml").write_text(text, encoding="utf-8")
    compute(folder / "framework.csv", folder / "values.csv", tmp_path / "method.yaml", tmp_path / "out")
    scores = pl.read_csv(tmp_path / "out" / "scores.csv", infer_schema_length=None)
    assert scores.filter(pl.col("level") == "index")["score"].count() > 0
