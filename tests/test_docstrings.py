"""Every example in a docstring gives what it says."""

from __future__ import annotations

import doctest
import importlib
import warnings
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("ssc_index", "intake", "schemas", "reports", "assets", "pipelines")
MODULES = sorted(
    ".".join(path.relative_to(PROJECT).with_suffix("").parts)
    for package in PACKAGES
    for path in (PROJECT / package).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what a module imports: `tests/conftest.py`
        module = importlib.import_module(name)
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def test_there_are_examples() -> None:
    assert len(MODULES) > 50
