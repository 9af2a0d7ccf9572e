"""The rules held against a batch of submissions: what they find, at which cell, in which words.

What belongs here: evaluation, precedence between rules, and the findings as rows. What does not: the rules
(``rulebook/``), the facts (`facts.py`), and what is done with a row that has an error (`derive.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from intake.expressions import Node, evaluate
from intake.facts import Batch, PointFacts
from intake.rules import Rule, load_rules

Booleans = NDArray[np.bool_]
Positions = NDArray[np.intp]


@dataclass(frozen=True)
class Found:
    """Where one rule found something; the arrays are of equal length.

    Attributes:
        rule: The rule.
        submission: Row of the batch.
        point: Column of the batch; -1 where the whole submission is meant.
        message: The sentence.
    """

    rule: Rule
    submission: Positions
    point: Positions
    message: list[str]


def check(batch: Batch, is_asked: Booleans, *, rules: Sequence[Rule] | None = None) -> list[Found]:
    """Hold the rules against a batch.

    A row that has an error tells that error alone: it must be corrected first. Of the rules of one family only the
    first speaks at a row.

    Args:
        batch: The submissions, with whatever they are compared with.
        is_asked: Which submissions findings are wanted for, shape (submissions,).
        rules: The rules in their order; None takes the shipped ones.

    Returns:
        What each rule found, in the order of the rules; rules that found nothing are left out.
    """
    shape = (batch.submissions.height, len(batch.catalogue.data_points))
    # A row that could not be read has its fault from the reader; what it means is not judged.
    has_error = ~batch.fact("is_readable") & batch.fact("is_given")
    by_family: dict[str, Booleans] = {}
    found = []
    for rule in load_rules() if rules is None else rules:
        if rule.condition is None:
            continue
        facts = batch.on(rule.points)
        holds = np.asarray(evaluate(rule.condition, facts))
        if not rule.points:
            submission = np.flatnonzero(_whole(holds, (shape[0], 1))[:, 0] & is_asked)
            point = np.full(len(submission), -1)
        else:
            columns = np.asarray(rule.points)
            speaks = _whole(holds, (shape[0], len(columns))) & is_asked[:, np.newaxis] & ~has_error[:, columns]
            if rule.text.family:
                spoken = by_family.setdefault(rule.text.family, np.zeros(shape, dtype=bool))
                speaks &= ~spoken[:, columns]
                spoken[:, columns] |= speaks
            if rule.text.severity == "error":
                has_error[:, columns] |= speaks
            submission, within = np.nonzero(speaks)
            point = columns[within]
        if len(submission):
            found.append(Found(rule, submission, point, _told(rule, facts, shape[0], submission, point)))
    return [kept for one in found if len((kept := _beside_no_error(one, has_error)).submission)]


def _beside_no_error(one: Found, has_error: Booleans) -> Found:
    """What a rule found, less what stands beside an error that a later rule has found in the same row."""
    if one.rule.text.severity == "error" or not one.rule.points:
        return one
    is_kept = ~has_error[one.submission, one.point]
    message = [text for text, kept in zip(one.message, is_kept.tolist(), strict=True) if kept]
    return Found(one.rule, one.submission[is_kept], one.point[is_kept], message)


def _whole(holds: NDArray[np.bool_], shape: tuple[int, int]) -> Booleans:
    whole: Booleans = np.broadcast_to(holds, shape)
    return whole


def _told(rule: Rule, facts: PointFacts, height: int, submission: Positions, point: Positions) -> list[str]:
    """The sentence of each finding."""
    pieces: list[list[str]] = []
    where = {position: at for at, position in enumerate(rule.points)}
    columns = np.array([where.get(int(at), 0) for at in point], dtype=np.intp)
    shape = (height, max(1, len(rule.points)))
    for piece in rule.message:
        if isinstance(piece, Node):
            numbers = np.asarray(evaluate(piece, facts))
            picked = np.broadcast_to(numbers, shape)[submission, columns]
            pieces.append([shown(number) for number in picked.astype(float).tolist()])
        else:
            pieces.append([piece] * len(submission))
    numbers_of = f" ({', '.join(rule.text.manual)})" if rule.text.manual else ""
    return ["".join(parts) + numbers_of for parts in zip(*pieces, strict=True)]


def shown(number: float) -> str:
    """A number as people write it: at most six significant digits, no exponent for what a city counts.

    >>> shown(400000.0), shown(0.123456789), shown(2e12), shown(float("inf"))
    ('400000', '0.123457', '2e+12', 'inf')
    >>> shown(27637600000.5), shown(0.00000578927)
    ('27637600000', '0.00000579')
    """
    if number != number:  # missing; said of tens of thousands, so without NumPy
        return "nothing"
    size = abs(number)
    if size < 1e12 and number == int(number):
        return str(int(number))
    if 1e6 <= size < 1e12:
        return f"{number:.0f}"
    if 1e-9 < size < 1e-4:
        return f"{number:.{2 - int(np.floor(np.log10(size)))}f}"
    return f"{number:.6g}"


def findings_frame(found: Sequence[Found], batch: Batch) -> pl.DataFrame:
    """Findings as a frame, one row each.

    Args:
        found: Output of `check`.
        batch: The batch it was called with.

    Returns:
        ``submission, point`` (positions; null where the whole submission is meant), ``order`` (of the rule),
        ``rule, severity, field, message``, sorted by submission, point and order.
    """
    counts = [len(one.submission) for one in found]
    nothing = np.zeros(0, dtype=np.int64)

    def repeated(values: Sequence[object]) -> list[object]:
        return [value for value, count in zip(values, counts, strict=True) for _ in range(count)]

    frame = pl.DataFrame(
        {
            "submission": np.concatenate([nothing, *(one.submission for one in found)]),
            "point": np.concatenate([nothing, *(one.point for one in found)]),
            "order": repeated(range(len(found))),
            "rule": repeated([one.rule.code for one in found]),
            "severity": repeated([one.rule.text.severity for one in found]),
            "field": repeated([one.rule.text.field for one in found]),
            "message": [message for one in found for message in one.message],
        },
        schema={
            "submission": pl.Int64,
            "point": pl.Int64,
            "order": pl.Int64,
            "rule": pl.String,
            "severity": pl.String,
            "field": pl.String,
            "message": pl.String,
        },
    )
    return frame.with_columns(pl.col("point").replace(-1, None)).sort("submission", "point", "order", nulls_last=False)
