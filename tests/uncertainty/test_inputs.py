"""What can be wrong with the section `uncertainty` of a method file."""

from __future__ import annotations

import pytest

from ssc_index.errors import MethodError
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.uncertainty.grades import GRADES
from ssc_index.uncertainty.inputs import read_uncertainty
from tests.uncertainty import examples


def test_every_fault_is_told_at_once_and_by_its_place():
    inputs = {
        "unknown": {"kind": "nonsense"},
        "key": {"kind": "exclusion", "nodes": ["p1"], "probability": 0.5, "colour": "red"},
        "share": {"kind": "exclusion", "nodes": ["p1"], "probability": 1.5},
    }
    with pytest.raises(MethodError) as error:
        read_uncertainty(examples.method(inputs), examples.framework())
    said = str(error.value)
    assert len(error.value.faults) == 3
    assert "uncertainty.inputs.unknown.kind: 'nonsense' is no kind of input; known are alternatives" in said
    assert "uncertainty.inputs.key.colour: unknown key" in said
    assert "uncertainty.inputs.share.probability: 1.5" in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "alternatives", "step": "treat", "options": [{}]}, "the method has no step 'treat'"),
        ({"kind": "alternatives", "step": 9, "options": [{}]}, "there is no step 9; the method has 4"),
        (
            {"kind": "alternatives", "step": "normalise", "options": [{"method": "magic"}]},
            "options[0]: steps[2].normalise.method: unknown method 'magic'",
        ),
        (
            {"kind": "alternatives", "step": "impute", "options": [{"method": "group_mean", "group": "planet"}]},
            "'planet' is no group column",
        ),
        (
            {"kind": "alternatives", "step": "aggregate", "options": [{"levels": {"pilar": "geometric"}}]},
            "'pilar' is no level and no node",
        ),
        ({**examples.MEANS, "probabilities": [1]}, "probabilities: 1 for 2 options"),
        ({"kind": "weight_noise", "at": "pilar", "factor": 0.2}, "at: 'pilar' is no level and no node"),
        ({"kind": "weight_noise", "at": "index", "factor": 0.2}, "'index' is the root"),
        ({"kind": "weight_table", "experts": [{"p0": 1}, {"p1": 1}]}, "names p0, p1 where another does not"),
        ({"kind": "weight_table", "experts": [{"p0": 40, "p1": 60}]}, "p2 under index have no weight beside"),
        ({"kind": "weight_table", "experts": [{"p0": 0, "p1": 0, "p2": 0}]}, "experts[0]: gives nothing under index"),
        ({"kind": "exclusion", "nodes": ["x99"], "probability": 0.5}, "'x99' is no level and no node"),
        ({"kind": "imputation_draws", "step": "treat"}, "input.step: the method has no step 'treat'"),
        ({"kind": "imputation_draws", "step": "impute"}, "no imputation by 'method: multiple', which alone has draws"),
        ({"kind": "goalposts", "options": [{"x99": [0.0, 1.0]}]}, "'x99' is no indicator"),
        ({"kind": "goalposts", "options": [{"x00": [5.0, 5.0]}]}, "options[0]"),
    ],
)
def test_a_reference_to_what_is_not_there_is_named(given, said):
    with pytest.raises(MethodError) as error:
        read_uncertainty(examples.method({"input": given}), examples.framework(), ["region"])
    assert said in str(error.value)


def test_bounds_and_exactness_are_of_indicators_and_bounds_have_room_between():
    faulty = {"kind": "measurement", "bounds": {"p0": [0, 1], "x00": [5, 5], "x01": [0, None]}, "exact": ["x99"]}
    with pytest.raises(MethodError) as error:
        examples.case({"errors": faulty})
    assert [fault.removeprefix("uncertainty.inputs.errors.") for fault in error.value.faults] == [
        "bounds: 'p0' is no indicator",
        "exact: 'x99' is no indicator",
        "bounds.x00: 5 is not below 5",
    ]
    with pytest.raises(MethodError, match=r"inputs\.errors\.bounds\.x00\.1"):
        examples.case({"errors": {"kind": "measurement", "bounds": {"x00": [0, float("inf")]}}})


def test_two_inputs_may_not_vary_the_same_weight():
    inputs = {"one": examples.DIRICHLET, "two": {"kind": "weight_noise", "at": ["p1"], "factor": 0.1}}
    with pytest.raises(MethodError) as error:
        read_uncertainty(examples.method(inputs), examples.framework())
    assert "the weight of p1 is varied by uncertainty.inputs.one already" in str(error.value)


def test_siblings_that_are_drawn_together_are_varied_though_one_alone_is_named():
    # p0, p1 and p2 are drawn about shares of 1/6, 2/6 and 3/6 in numbers that sum to some 30; noise laid p1 at some 2.
    one, two = {**examples.DIRICHLET, "at": ["p0"]}, {"kind": "weight_noise", "at": ["p1"], "factor": 0.1}
    with pytest.raises(MethodError) as error:
        read_uncertainty(examples.method({"one": one, "two": two}), examples.framework())
    assert error.value.faults == (
        "uncertainty.inputs.two: the weight of p1 is varied by uncertainty.inputs.one already",
    )
    read_uncertainty(examples.method({"one": one}), examples.framework())


def test_ranks_that_are_no_whole_numbers_are_refused():
    with pytest.raises(MethodError) as error:
        read_uncertainty(examples.method({"top": examples.TOP}, rank={"ties": "average"}), examples.framework())
    assert "rank.ties: average gives others" in str(error.value)


def test_the_table_of_errors_knows_the_grades_of_the_catalogue_in_their_order():
    grades = [choice.code for choice in load_catalogue().scoring.quality_grades.choices]
    assert list(GRADES) == grades
    assert [GRADES[grade].relative for grade in grades] == sorted(error.relative for error in GRADES.values())


def test_a_replication_is_a_method_like_any_other():
    case = examples.case(examples.EVERYTHING)
    assert case.names == tuple(examples.EVERYTHING)
