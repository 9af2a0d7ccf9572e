"""Faults planted in clean workbooks are found at their cell; clean workbooks are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.corruption import Cohort, clean_cohort, false_alarms, plant
from benchmarks.corruption_kinds import KINDS, Kind


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return clean_cohort(tmp_path_factory.mktemp("clean"), 24, (2024, 2025))


def test_there_are_forty_kinds_of_fault_and_each_has_its_name() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 40


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_planted_fault_is_found_at_its_cell(kind: Kind, cohort: Cohort, tmp_path: Path) -> None:
    outcome = plant(cohort, kind, tmp_path, 1)
    assert outcome.planted, "no city of the small cohort has a row in which it can be planted"
    assert outcome.found == outcome.planted, outcome.told


def test_clean_workbooks_raise_no_alarm(cohort: Cohort) -> None:
    # One per cent of 48 workbooks is none.
    assert len(cohort.inspections) == 48
    assert false_alarms(cohort) == []
