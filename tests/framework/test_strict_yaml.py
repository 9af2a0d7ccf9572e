import pytest

from ssc_index.framework.strict_yaml import read_plain_yaml


def test_words_that_yaml_would_turn_into_something_else_stay_as_written() -> None:
    text = "a: NO\nb: 1.10\nc: 12:30\nd: 2015-01-01\ne: 0o17\nf: 1e3"
    tree, faults = read_plain_yaml(text)
    assert tree == {"a": "NO", "b": "1.10", "c": "12:30", "d": "2015-01-01", "e": "0o17", "f": "1e3"}
    assert faults == []


def test_nothing_is_none_only_without_quotes() -> None:
    tree, _ = read_plain_yaml("a: null\nb: ~\nc:\nd: 'null'\ne: ''")
    assert tree == {"a": None, "b": None, "c": None, "d": "null", "e": ""}


def test_lists_and_mappings_nest() -> None:
    tree, faults = read_plain_yaml("a:\n  - b: 1\n    c: [x, y]\n  - {}\n")
    assert tree == {"a": [{"b": "1", "c": ["x", "y"]}, {}]}
    assert faults == []


def test_an_empty_text_holds_nothing() -> None:
    assert read_plain_yaml("# only a comment\n") == (None, [])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\na: 2", "line 2: key 'a' stands twice; keep one"),
        ("a:\n  b: 1\n  c: 2\n  b: 3", "line 4: key 'b' stands twice; keep one"),
        ("a: &x 1", "line 1: anchor '&x'; plain files have none"),
        ("a: &x {b: 1}", "line 1: anchor '&x'; plain files have none"),
        ("a: &x 1\nb: *x", "line 2: alias '*x'; write the value out"),
        ("a: {b: 1}\nc: {<<: {b: 1}}", "line 2: merge key '<<'; write the values out"),
        ("a: !!python/name:os.system x", "line 1: tag 'tag:yaml.org,2002:python/name:os.system'"),
        ("? [a, b]\n: 1", "line 1: a key must be a plain word"),
        ("a: 1\n---\nb: 2", "line 2: a second document begins"),
        ("a: [1", "not YAML: while parsing a flow sequence"),
        ("a: b: c", "not YAML: mapping values are not allowed"),
    ],
)
def test_what_is_not_plain_is_refused_with_its_line(text: str, fault: str) -> None:
    _, faults = read_plain_yaml(text)
    assert any(found.startswith(fault) for found in faults), faults


def test_every_fault_of_a_text_is_found_in_one_pass() -> None:
    _, faults = read_plain_yaml("a: &x 1\na: 2\nb: *x")
    assert [fault.partition(":")[0] for fault in faults] == ["line 1", "line 2", "line 3"]
