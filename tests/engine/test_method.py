from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ssc_index.errors import MethodError
from ssc_index.method import method_from_mapping, read_method
from ssc_index.steps.registry import STEPS

METHODS = Path(__file__).parents[2] / "methods"

DESIGN = """
name: index-2026
steps:
  - screen:    {min_coverage: 0.65, min_coverage_by_node: {dimension: 0.5}}
  - treat:     {method: winsorise, max_points: 5, skew: 2.0, kurtosis: 3.5, fallback: log}
  - normalise: {method: goalposts, range: [0, 100], clip: true}
  - impute:    {method: group_median, group: income_group, only: [EN, SC]}
  - aggregate: {method: arithmetic, levels: {index: geometric}, min_coverage: 0.5}
rank: {ties: min}
uncertainty: {replications: 10000, seed: 2026, inputs: {anything: [1, 2]}}
"""


def _faults(text: str, tmp_path: Path) -> tuple[str, ...]:
    path = tmp_path / "method.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MethodError) as caught:
        read_method(path)
    return caught.value.faults


def _step(step: str, tmp_path: Path) -> tuple[str, ...]:
    return _faults(f"name: m\nsteps:\n  - {step}\n", tmp_path)


def test_the_method_file_of_the_design_is_read(tmp_path):
    path = tmp_path / "method.yaml"
    path.write_text(DESIGN, encoding="utf-8")
    method = read_method(path)
    assert [step.step for step in method.steps] == ["screen", "treat", "normalise", "impute", "aggregate"]
    assert method.steps[0].min_coverage_by_node == {"dimension": 0.5}
    assert method.steps[2].range == (0.0, 100.0)
    assert method.steps[3].only == ("EN", "SC")
    assert method.rank.ties == "min"
    assert method.uncertainty == {"replications": 10000, "seed": 2026, "inputs": {"anything": [1, 2]}}


def test_what_is_done_to_a_method_does_not_reach_the_next_reader_of_the_same_text(tmp_path):
    path = tmp_path / "method.yaml"
    path.write_text(DESIGN, encoding="utf-8")
    read_method(path).uncertainty["inputs"]["anything"].append(3)
    assert read_method(path).uncertainty["inputs"] == {"anything": [1, 2]}


def test_a_method_written_out_reads_back_the_same(tmp_path):
    method = method_from_mapping(yaml.safe_load(DESIGN))
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump(method.as_mapping(), sort_keys=False), encoding="utf-8")
    assert read_method(path) == method


@pytest.mark.parametrize("path", sorted(METHODS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_method_is_read_and_bears_its_file_name(path):
    assert read_method(path).name == path.stem


@pytest.mark.parametrize(("name", "method"), [(name, kind) for name in STEPS for kind in STEPS[name].VARIANTS])
def test_every_step_knows_its_own_name(name, method):
    assert STEPS[name].VARIANTS[method].step == name


def test_every_fault_of_a_file_is_reported_at_once(tmp_path):
    text = """
name: ""
colour: blue
steps:
  - screen: {min_coverage: 1.5, minimum: 3}
  - normalize: {method: minmax}
  - normalise: {method: mimax}
  - impute: {method: group_mean}
  - aggregate: {levels: {index: harmonious}}
rank: {ties: best, round: -1}
"""
    faults = _faults(text, tmp_path)
    for expected in (
        "colour: unknown key; known are name, steps, rank, uncertainty",
        "name: ''",
        "steps[0].screen.min_coverage: 1.5",
        "steps[0].screen.minimum: unknown key; known are min_coverage, min_coverage_by_node, min_nonzero, only_where, "
        "force_in, force_out, count",
        "steps[1]: unknown step 'normalize'; known are denominate, derive, screen, treat, normalise, impute, weights",
        "steps[2].normalise.method: unknown method 'mimax'; known are none, goalposts, scaled, minmax",
        "steps[3].impute.group: missing",
        "steps[4].aggregate.levels.index: 'harmonious'",
        "rank.ties: 'best'",
        "rank.round: -1",
    ):
        assert any(fault.startswith(expected) for fault in faults), expected
    assert len(faults) == 10


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("normalise", "one key with its parameters"),
        ("{screen: {}, treat: {}}", "one key with its parameters"),
        ("normalise: [1, 2]", "parameters are a mapping, not [1, 2]"),
        ("normalise: {range: [0, 1]}", "no method; known are"),
        ("impute:", "no method; known are"),
        ("normalise: {method: zscore, clip: true}", "clip: unknown key"),
        ("normalise: {method: minmax, range: [100, 0]}", "the first number must be below the second"),
        ("normalise: {method: minmax, range: [0]}", "range.1: missing"),
        ("normalise: {method: minmax, range: [0, .inf]}", "finite number"),
        ("normalise: {method: goalposts, clip: 1}", "should be a valid boolean"),
        ("impute: {method: median, only: [NO]}", "put quotes around a name"),
        ("impute: {method: median, only: []}", "at least 1 item"),
        ("impute: {method: last_value, max_years: 0}", "greater than or equal to 1"),
        ("treat: {max_points: 2.5}", "2.5"),
        ("treat: {skew: 1e0}", "YAML reads 1e-3 as text"),
        ("treat: {method: none, skew: 2.0}", "skew: unknown key"),
        ("screen: {min_coverage: true}", "min_coverage: True"),
        ("screen: {only_where: {ranked: [true]}}", "put quotes around a name"),
        ("aggregate: {floor: -1}", "greater than or equal to 0"),
        ("aggregate: {min_coverage: {index: 2}}", "less than or equal to 1"),
        ("aggregate: {method: generalised}", "generalised.p: Field required"),
        ("aggregate: {method: {generalised: {p: 0}}}", "the mean of order 0 is the geometric one"),
        ("aggregate: {method: {generalised: {q: 2}}}", "q: unknown key; known are p"),
        ("aggregate: {method: [borda]}", "no rule of aggregation; known are arithmetic, geometric, harmonic"),
        ("aggregate: {method: owa}", "give either weights or power"),
        ("aggregate: {levels: {index: {owa: {weights: [1, 2], power: 2.0}}}}", "give either weights or power"),
        ("aggregate: {method: {owa: {weights: [0, 0]}}}", "all are 0"),
        ("aggregate: {method: {bod: {shares: [0.5, 0.2]}}}", "the first number must not be above the second"),
        ("aggregate: {round: -1}", "greater than or equal to 0"),
        ("aggregate: {blend: {group: region, share: 0, at: index}}", "greater than 0"),
    ],
)
def test_faults_of_a_step(tmp_path, step, expected):
    faults = _step(step, tmp_path)
    assert any(expected in fault for fault in faults), faults
    assert all(fault.startswith("steps[0]") for fault in faults)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a method file is a mapping"),
        ("- name", "a method file is a mapping"),
        ("name: m\n", "steps: a list of at least one step"),
        ("name: m\nsteps: []\n", "steps: a list of at least one step"),
        ("name: m\nname: n\nsteps: [{screen: {min_coverage: 1}}]\n", "key 'name' occurs twice"),
        ("name: m\nsteps: [{aggregate: {floor: 1, floor: 2}}]\n", "key 'floor' occurs twice"),
        ("steps: [{aggregate: {}}]\n", "name: missing"),
        ("name: 2026\nsteps: [{aggregate: {}}]\n", "name: 2026"),
        ("name: [\n", "cannot be read as YAML"),
        ("name: " + "[" * 5000, "cannot be read as YAML"),
        ("name: &n m\nsteps: [{aggregate: {to: *n}}]\n", "an alias; write it out"),
        ("name: m\nsteps: [{aggregate: {? [a] : 1}}]\n", "cannot be read as YAML"),
        ("name: m\nsteps: [{aggregate: {5: 1}}]\n", "steps[0].aggregate.5"),
        ("name: m\nsteps: [{aggregate: {}}]\nuncertainty: 5\n", "uncertainty: 5"),
    ],
)
def test_faults_of_the_form(tmp_path, text, expected):
    assert any(expected in fault for fault in _faults(text, tmp_path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MethodError, match=r"nowhere\.yaml"):
        read_method(tmp_path / "nowhere.yaml")


def test_a_single_name_may_stand_for_a_list_and_a_whole_number_for_a_label():
    steps = [
        {"screen": {"only_where": {"ranked": 1, "region": ["north", 2]}}},
        {"impute": {"method": "mean", "only": "EN"}},
    ]
    method = method_from_mapping({"name": "m", "steps": steps})
    assert method.steps[0].only_where == {"ranked": ("1",), "region": ("north", "2")}
    assert method.steps[1].only == ("EN",)


def test_a_step_without_parameters_takes_the_defaults_that_docs_method_md_states():
    kinds = ["goalposts", "minmax", "zscore", "rank", "percentile"]
    steps = [{"screen": None}, {"treat": None}, *({"normalise": {"method": kind}} for kind in kinds), {"aggregate": {}}]
    written = method_from_mapping({"name": "m", "steps": steps}).as_mapping()
    names = {"only": None, "overrides": {}}
    block = {"constant": "error", "over": "year", **names}
    assert written["rank"] == {"ties": "min", "round": None, "first": "highest"}
    limits, level = {"limits": None}, {"level": None}
    assert written["steps"] == [
        {
            "screen": {
                "min_coverage": 0,
                "min_coverage_by_node": {},
                "min_nonzero": 0,
                "only_where": {},
                "force_in": [],
                "force_out": [],
                "count": "present",
            }
        },
        {
            "treat": {
                "method": "winsorise",
                "max_points": 5,
                "skew": 2,
                "kurtosis": 3.5,
                "fallback": "log",
                "fallback_on": "original",
                "over": "year",
                **names,
            }
        },
        {"normalise": {"method": "goalposts", "range": [0, 100], "clip": True, **limits, **level, **names}},
        {"normalise": {"method": "minmax", "range": [0, 100], **limits, **level, **block}},
        {
            "normalise": {
                "method": "zscore",
                "mean": 0,
                "sd": 1,
                "centre": None,
                "spread": None,
                **limits,
                **level,
                **block,
            }
        },
        {"normalise": {"method": "rank", "ties": "min", "over": "year", **level, **names}},
        {"normalise": {"method": "percentile", "range": [0, 100], "ties": "min", **level, **block}},
        {
            "aggregate": {
                "method": "arithmetic",
                "levels": {},
                "weights": "framework",
                "min_coverage": 0,
                "floor": None,
                "leave_out": None,
                "blend": None,
                "round": None,
                "to": None,
            }
        },
    ]
