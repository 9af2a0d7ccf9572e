"""Which methods an edition can be built by."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.editions import max_age, read_edition_method
from assets.workspace import PROJECT
from ssc_index.errors import MethodError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "method.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_method_carries_values_for_two_years() -> None:
    assert max_age(read_edition_method(PROJECT / "methods" / "index-2026.yaml")) == 2


def test_ranks_with_halves_and_parameters_over_a_panel_are_refused_together(tmp_path: Path) -> None:
    method = written(
        tmp_path,
        "name: x\nsteps:\n  - normalise: {method: minmax, over: panel}\n  - aggregate: {method: arithmetic}\n"
        "rank: {ties: average}\n",
    )
    with pytest.raises(MethodError) as caught:
        read_edition_method(method)
    assert len(caught.value.faults) == 2
    assert "whole numbers" in str(caught.value)
    assert "steps[0].normalise.over" in str(caught.value)


def test_an_adjusted_mazziotta_pareto_index_over_a_panel_is_refused(tmp_path: Path) -> None:
    text = "name: x\nsteps:\n  - normalise: {{method: minmax}}\n  - aggregate: {{levels: {{index: {}}}}}\n"
    with pytest.raises(MethodError, match="ampi over panel would see one edition only"):
        read_edition_method(written(tmp_path, text.format("ampi")))
    assert read_edition_method(written(tmp_path, text.format("{ampi: {over: year}}"))).name == "x"


@pytest.mark.parametrize("method", ["last_value", "linear", "constant", "linear_constant"])
def test_values_of_any_age_are_refused_for_an_edition_would_carry_none(method: str, tmp_path: Path) -> None:
    text = "name: x\nsteps:\n  - impute: {{method: {}{}}}\n  - aggregate: {{method: arithmetic}}\n"
    with pytest.raises(MethodError, match=r"steps\[0\]\.impute\.max_years: missing"):
        read_edition_method(written(tmp_path, text.format(method, "")))
    assert max_age(read_edition_method(written(tmp_path, text.format(method, ", max_years: 4")))) == 4
