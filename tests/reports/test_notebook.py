"""The notebook of examples/: every cell runs on a mart, and what it computes anew is what was published.

Cells run one after the other in one namespace, as a kernel runs them; a notebook server is not needed for that.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.pipelines.workspaces import PROJECT
from tests.reports.sites import public_mart

pytestmark = pytest.mark.xdist_group("site")
NOTEBOOK = PROJECT / "examples" / "marts.ipynb"
LATEST = 2020


def cells(kind: str) -> list[dict[str, Any]]:
    content = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    return [cell for cell in content["cells"] if cell["cell_type"] == kind]


def run(source: str, namespace: dict[str, Any]) -> Any:
    """Run a cell; its last expression is what a notebook shows."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, NOTEBOOK.name, "exec"), namespace)
    return eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), namespace) if last else None


@pytest.fixture(scope="module")
def ran(small_workspace: Path) -> tuple[dict[str, Any], list[Any]]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    path = list(sys.path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSC_INDEX_MART", str(small_workspace / "marts" / "ssc_index.duckdb"))
        patch.chdir(PROJECT)
        shown = [run("".join(cell["source"]), namespace) for cell in cells("code")]
    sys.path[:] = path
    return namespace, shown


def test_every_cell_shows_something(ran: tuple[dict[str, Any], list[Any]]) -> None:
    shown = ran[1]
    assert len(shown) == 8
    assert all(one is not None and not (isinstance(one, pl.DataFrame) and one.is_empty()) for one in shown)
    (intervals,) = [one for one in shown if hasattr(one, "_repr_svg_")]
    assert intervals._repr_svg_().startswith("<svg ")


def test_what_it_shows_is_the_mart(ran: tuple[dict[str, Any], list[Any]], small_workspace: Path) -> None:
    names, mart = ran[0], public_mart(small_workspace)
    scores = mart["fact_score"].filter(edition=LATEST, node="index").drop_nulls("rank")
    told = names["ranking"].select("city_id", "rank", "score").sort("city_id")
    assert told.equals(scores.select("city_id", "rank", "score").sort("city_id"))
    assert names["changes"].height == mart["fact_change"].filter(edition=LATEST).drop_nulls("score_revised").height > 0


def test_scores_that_it_computes_anew_are_the_published_ones(ran: tuple[dict[str, Any], list[Any]]) -> None:
    names = ran[0]
    assert names["compared"].height == 5
    assert names["largest_difference"] < 1e-9
    assert (names["compared"]["arithmetic"] > names["compared"]["anew"]).all()  # the mean of unlike dimensions


def test_it_is_kept_without_outputs() -> None:
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells("code"))
    assert len(cells("markdown")) == 7
