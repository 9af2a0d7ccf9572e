"""Texts in number cells, as real reports print them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.numbers import NOT_REPORTED, check_magnitude, read_number, read_yes_no


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("97", 97.0),
        ("  97.00 % ", 97.0),
        ("0.00%", 0.0),
        ("0.001 % / City GDP", 0.001),
        ("95 424 / 100 000 inhabitants", 95424.0),
        ("333.72/ 100 000 inhabitants", 333.72),
        ("89.20 FTE / 100 000 inhabitants", 89.2),
        ("0.64 Ratio Female: Male", 0.64),
        ("1.51 % GDP", 1.51),
        ("246 Services", 246.0),
        ("5.07 Minutes", 5.07),
        ("9 032.14 kWh / yr", 9032.14),
        ("70.87 ekWh / m 2", 70.87),
        ("147.70 ℓ / day / capita", 147.7),
        ("6 per cent", 6.0),
        ("3,5", 3.5),
        ("0,123", 0.123),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("1,234,567", 1234567.0),
        ("1'234'567", 1234567.0),
        ("12\u202f345,6", 12345.6),
        ("\u22125", -5.0),
        ("1e5", 100000.0),
        ("95.3 *", 95.3),
        ("95.3²", 95.3),
    ],
)
def test_a_text_that_means_one_number_is_read_and_said(text: str, number: float) -> None:
    reading = read_number(text)
    assert reading.number == number
    assert reading.rule == "number_as_text"
    assert "was read as" in reading.remark


@pytest.mark.parametrize(
    ("text", "rule", "says"),
    [
        ("1,234", "ambiguous_number", "comma"),
        ("about 40", "not_a_number", "an estimate"),
        ("ca. 300", "not_a_number", "an estimate"),
        ("~40", "not_a_number", "an estimate"),
        ("more than 1 000", "not_a_number", "an estimate"),
        ("see 4", "not_a_number", "is text"),
        ("over time", "not_a_number", "is text"),
        ("<5", "not_a_number", "a limit"),
        ("12-15", "not_a_number", "more than one number"),
        ("1 2", "not_a_number", "more than one number"),
        ("97 (2019)", "not_a_number", "more than one number"),
        ("340 ppb", "not_a_number", "changes its size"),
        ("340 ppb", "not_a_number", "and choose ppb in the column Unit"),
        ("3 million", "not_a_number", "changes its size"),
        ("1.86 % (not reported)", "not_a_number", "Which of the two"),
        ("NaN", "not_finite", "not a finite number"),
        ("-inf", "not_finite", "not a finite number"),
        ("1e308", "out_of_scale", "larger than any quantity"),
        ("#DIV/0!", "not_a_number", "is text"),
    ],
)
def test_a_text_that_could_mean_something_else_is_refused(text: str, rule: str, says: str) -> None:
    reading = read_number(text)
    assert reading.number is None
    assert reading.rule == rule
    assert says in reading.remark


@pytest.mark.parametrize("word", [*sorted(NOT_REPORTED), "Not Reported", "Unknown", "n.d.", " NR ", "N/A"])
def test_words_for_nothing_are_missing_without_a_word(word: str) -> None:
    reading = read_number(word)
    assert (reading.number, reading.is_missing, reading.rule) == (None, True, None)


def test_magnitude_is_limited_at_a_million_million_million() -> None:
    assert check_magnitude(1e18).number == 1e18
    assert check_magnitude(1.1e18).rule == "out_of_scale"
    assert check_magnitude(float("nan")).rule == "not_finite"


@pytest.mark.parametrize(
    ("text", "answer"), [("YES", True), ("y", True), ("No", False), ("0", False), ("partly", None)]
)
def test_yes_and_no_are_the_only_answers(text: str, answer: bool | None) -> None:
    assert read_yes_no(text) is answer


@given(st.integers(0, 10**12), st.integers(0, 99))
def test_blanks_between_thousands_change_nothing(whole: int, cents: int) -> None:
    printed = f"{whole:,}".replace(",", " ") + f".{cents:02d} %"
    assert read_number(printed).number == float(f"{whole}.{cents:02d}")


@given(st.text(max_size=40))
def test_no_text_raises(text: str) -> None:
    reading = read_number(text)
    assert (reading.number is not None) or reading.is_missing or reading.remark
