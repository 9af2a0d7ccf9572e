"""The rule files: what the loader refuses, what the language refuses, and the list that they must cover."""

from __future__ import annotations

import csv
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.expressions import ExpressionError, Node, evaluate, parse
from intake.facts import _EVIDENCE, NATIONAL, PREVIOUS_PROFILE, Batch, vocabulary
from intake.rules import RulesError, load_rules
from intake.screening import _batch_rows, form_rows
from intake.tables import CELLS, SUBMISSIONS, empty
from ssc_index.framework.catalogue import load_catalogue

LIST = Path(__file__).parents[3] / "shared" / "reference" / "u4ssc_validation_rules.csv"
WORDS = vocabulary(load_catalogue())
RULE = """
  - code: {code}
    severity: {severity}
    points: [{points}]
    when: {when}
    message: "{message}"
    source: here
"""


def write(folder: Path, *rules: str) -> Path:
    (folder / "a.yaml").write_text("rules:" + "".join(rules), encoding="utf-8")
    return folder


def rule(
    code: str = "a", severity: str = "error", points: str = "every", when: str = "value > 1", message: str = "m"
) -> str:
    return RULE.format(code=code, severity=severity, points=points, when=when, message=message)


def test_a_sound_rule_loads(tmp_path: Path) -> None:
    (loaded,) = load_rules(write(tmp_path, rule(points="SC_SH_SI_2C", message="{value} is {10 * value}")))
    assert loaded.code == "a"
    assert len(loaded.points) == 1


def test_every_fault_of_every_rule_is_told_at_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        rule(code="Bad Code"),
        rule(code="b", severity="fatal"),
        rule(code="c", points="EC_XX_1C"),
        rule(code="d", when="value >"),
        rule(code="e", when="value + 1"),
        rule(code="f", message="{nothing_known}"),
        rule(code="k", message="{value - peer_median} and {abs(peer_z(value))}"),
        rule(code="t", when="twins > 0"),
        rule(code="g").replace("when", "whenever"),
        rule(code="h"),
        rule(code="h", severity="note"),
    )
    with pytest.raises(RulesError) as caught:
        load_rules(tmp_path)
    told = str(caught.value)
    for place in ("Bad Code", "b: severity", "'EC_XX_1C' is no data point", "d: when", "e: when", "nothing_known"):
        assert place in told
    assert "whenever" in told
    assert "k: message: peer_median can be the number of one other city" in told
    assert "k: message: peer_z can be the number of one other city" in told
    assert "t: told_to must be verifier" in told
    assert "a.yaml, h: the code stands before with another severity" in told


@pytest.mark.parametrize("text", ["- a", "rules: 1", "other: []", "rules: [&x {code: a}]", "rules: {"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(RulesError):
        load_rules(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "value",
        "value > 1 > 0",
        "not value > 1",
        "value and value > 1",
        "(value > 1",
        "unknown > 1",
        "near(value, 1) and value > 1",
        "says(value, 'x')",
        "says(comment, '(')",
        "says(comment, '[0-9[.,][0-9]+')",  # a pattern of Python's, but not of the one that is used
        "says(comment, '(?=a)b')",
        "says(comment, '((a{999}){999}){999}')",
        "__import__('os')",
        "value.__class__ > 1",
        "value > 1; value",
        "lambda: 1",
        "EC_ICT_ICT_9C.main > 1",
        "(" * 60 + "value" + ")" * 60 + " > 1",
        "value > 1" + " " * 2000 + "1",
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    if text == "value":
        assert parse(text, WORDS).kind == "number"
        return
    with pytest.raises(ExpressionError):
        parse(text, WORDS)


ATOMS = st.sampled_from(["value", "population", "EC_ICT_ICT_1C.main", "1", "5%", "0", "numerator(EC_I_ES_1C.main)"])
SIGNS = st.sampled_from(["+", "-", "*", "/"])
NUMBERS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, SIGNS, inner).map(" ".join),
        inner.map(lambda text: f"abs({text})"),
        st.tuples(inner, inner).map(lambda pair: f"max({pair[0]}, {pair[1]})"),
        inner.map(lambda text: f"-({text})"),
    ),
    max_leaves=6,
)
TRUTHS = st.tuples(NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(TRUTHS)
def test_any_expression_of_the_language_gives_truths_and_raises_nothing(text: str) -> None:
    batch = _nothing_reported()
    holds = np.asarray(evaluate(parse(text, WORDS), batch.on([0, 5])))
    assert holds.dtype == bool
    np.broadcast_to(holds, (batch.submissions.height, 2))


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="valuepo(){}'.,+-*/<>= 0123456789ECIT_%", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ExpressionError):
        parse(text, WORDS)


def _nothing_reported() -> Batch:
    catalogue = load_catalogue()
    submissions = empty(SUBMISSIONS).with_columns()
    row = dict.fromkeys(SUBMISSIONS) | {"file_sha256": "a", "city_id": "x", "year": 2024, "population": 5.0}
    submissions = submissions.vstack(submissions.__class__([row], schema=dict(SUBMISSIONS)))
    columns = submissions.select("file_sha256")
    return Batch(_batch_rows(form_rows(empty(CELLS), submissions, columns, catalogue)), submissions, catalogue)


def test_a_comparison_with_something_missing_does_not_hold() -> None:
    batch = _nothing_reported()
    for text in ("value > 1", "value <= 1", "value == 1", "value != 1", "apart(value, 1, 0)", "near(value, 1, 1)"):
        assert not np.asarray(evaluate(parse(text, WORDS), batch.on([0]))).any(), text


def test_the_58_rules_of_the_manual_are_all_there_with_their_severity() -> None:
    if not LIST.is_file():
        pytest.skip("the list of rules of ../shared is not here")
    with LIST.open(encoding="utf-8", newline="") as file:
        listed = {row["rule_id"]: row for row in csv.DictReader(file)}
    ours = defaultdict(list)
    for one in load_rules():
        for number in one.text.manual:
            ours[number].append(one)
    assert set(ours) == set(listed)
    assert len(listed) == 58
    points = [point.id for point in load_catalogue().data_points]
    for number, row in listed.items():
        kept = [one for one in ours[number] if one.text.severity == row["severity"]]
        assert kept or all(one.text.differs_because for one in ours[number]), number
        named = {code.strip().replace(": ", "_") for code in row["kpi_nos"].split(";")}
        if row["kpi_nos"] == "*" or row["kpi_nos"].startswith("<"):
            continue
        told = {points[at].partition(".")[0] for one in ours[number] for at in one.points}
        # A rule between two KPIs is told at one of them.
        assert told <= named, number
        assert told == named or len(named) - len(told) <= 2, (number, named - told)


def words_of(node: Node) -> set[str]:
    """Names that an expression works with, and what it does."""
    return {node.operation, *node.words}.union(*(words_of(part) for part in node.arguments))


def test_by_which_rules_a_row_is_in_error_looks_at_its_own_workbook_alone() -> None:
    # Submissions that wait are held against these rules by themselves (`derive._without_errors`).
    of_others = {"call", "is_ordinary", "unchanged_pct", "previous_profile_year"}
    of_others |= {*_EVIDENCE, *NATIONAL, *PREVIOUS_PROFILE}
    spoken: set[str | None] = set()
    for one in load_rules():
        if one.text.severity == "error":
            assert one.condition is None or not words_of(one.condition) & of_others, one.code
            assert one.text.family not in spoken, f"{one.code}: what comes before may keep it from speaking"
        elif one.text.family:
            spoken.add(one.text.family)
    assert any(words_of(one.condition) & of_others for one in load_rules() if one.condition is not None)
