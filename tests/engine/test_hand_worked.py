"""Three cities, four KPIs, every step on paper. The files are those of examples/hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

HAND = Path(__file__).parents[2] / "examples" / "hand"


@pytest.fixture
def done(run):
    return run(HAND / "framework.csv", HAND / "values.csv", HAND / "method.yaml")


def _rows(frame, *columns):
    return frame.select(columns).rows()


def test_screening_keeps_all_three(done):
    # Alba 4 of 4, Borgo 3 of 4 = 0.75, which is not below 0.75, Cala 4 of 4.
    assert done.result.included.tolist() == [True, True, True]
    assert done.table("step_1_screen.csv").height == 3


def test_treatment_changes_nothing_as_three_values_have_no_kurtosis(done):
    expected = [(20, 30, 300, 80), (40, 10, None, 60), (60, 20, 100, 50)]
    assert _rows(done.table("step_2_treat.csv"), "pm", "green", "doctors", "internet") == expected
    assert not (done.out / "cells_2_treat.csv").exists()


def test_normalisation_by_goalposts(done):
    # pm, less is better, 50 → 0 and 10 → 100:
    #   Alba (20-50)/(10-50) = 0.75 → 75; Borgo (40-50)/(-40) = 0.25 → 25; Cala (60-50)/(-40) = -0.25 → clipped to 0.
    # green 0 → 0, 40 → 100: 30/40 → 75; 10/40 → 25; 20/40 → 50.
    # doctors 0 → 0, 400 → 100: 300/400 → 75; missing; 100/400 → 25.
    # internet: as it is: 80, 60, 50.
    expected = [(75, 75, 75, 80), (25, 25, None, 60), (0, 50, 25, 50)]
    assert _rows(done.table("step_3_normalise.csv"), "pm", "green", "doctors", "internet") == expected


def test_imputation_by_the_mean_of_the_region(done):
    # Borgo lies in the north; the only other score of the north is Alba's 75.
    assert _rows(done.table("step_4_impute.csv"), "unit", "doctors") == [
        ("Alba", 75),
        ("Borgo", 75),
        ("Cala", 25),
    ]
    cells = _rows(done.table("cells_4_impute.csv"), "unit", "code", "before", "after", "change")
    assert cells == [("Borgo", "doctors", None, 75, "imputed")]


def test_aggregation_arithmetic_below_and_geometric_at_the_top(done):
    # env = (3 pm + 1 green) / 4: Alba (225+75)/4 = 75; Borgo (75+25)/4 = 25; Cala (0+50)/4 = 12.5.
    # soc = (doctors + internet) / 2: Alba (75+80)/2 = 77.5; Borgo (75+60)/2 = 67.5; Cala (25+50)/2 = 37.5.
    # index = sqrt(env × soc): Alba sqrt(5812.5) = 76.2397; Borgo sqrt(1687.5) = 41.0792; Cala sqrt(468.75) = 21.6506.
    table = done.table("step_5_aggregate.csv")
    assert _rows(table, "env", "soc") == [(75, 77.5), (25, 67.5), (12.5, 37.5)]
    expected = [math.sqrt(5812.5), math.sqrt(1687.5), math.sqrt(468.75)]
    assert table["index"].to_list() == pytest.approx(expected, rel=1e-15)


def test_ranks_coverage_and_what_was_imputed(done):
    scores = done.table("scores.csv")
    index = scores.filter(scores["node"] == "index")
    # Borgo: 3 of 4 KPIs observed, 1 filled; within soc 1 of 2 observed, 1 filled.
    assert _rows(index, "unit", "rank", "coverage", "n_imputed") == [
        ("Alba", 1, 1.0, 0),
        ("Borgo", 2, 0.75, 1),
        ("Cala", 3, 1.0, 0),
    ]
    society = scores.filter((scores["node"] == "soc") & (scores["unit"] == "Borgo"))
    assert _rows(society, "level", "score", "rank", "coverage", "n_imputed") == [("level_1", 67.5, 2, 0.5, 1)]
    # pm: 75, 25, 0 → 1, 2, 3; doctors: Alba and Borgo share 75 → 1, 1, then 3.
    for code, ranks in (("pm", [1, 2, 3]), ("doctors", [1, 1, 3]), ("green", [1, 3, 2])):
        assert scores.filter(scores["node"] == code)["rank"].to_list() == ranks
