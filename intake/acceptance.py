"""Warnings that a verifier has accepted, with the reason: written in the receipt, shown with the finding.

What belongs here: the text of the receipt's column ``accepted``, and its effect on findings. What does not: the
receipt file (`receipts.py`) and the rules.

The column holds one entry or several, separated by ``|``: ``rule @ data point = reason``, or ``rule = reason`` for a
finding of the whole submission.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import polars as pl

from intake.lines import entries
from intake.rules import load_rules
from ssc_index.framework.catalogue import load_catalogue

# Warnings of reading, which no rule of the rulebook gives: a verifier may accept them as well.
OF_READING = frozenset(
    {
        "formula_not_calculated",
        "framework_missing",
        "merged_cells",
        "missing_rows",
        "other_unit",
        "profile_conflict",
        "renamed_header",
        "unknown_code",
    }
)
_ENTRY = re.compile(r"(?P<rule>[a-z0-9_]+)\s*(?:@\s*(?P<point>[A-Za-z0-9_.]+)\s*)?=\s*(?P<reason>.*\S)", re.DOTALL)
KEY = ["file_sha256", "city_id", "year"]


@dataclass(frozen=True)
class Acceptance:
    """One accepted finding.

    Attributes:
        rule: Code of the rule.
        data_point: The data point; None for a finding of the whole submission.
        reason: Why the verifier accepts it.
    """

    rule: str
    data_point: str | None
    reason: str


def read_acceptances(text: str) -> tuple[list[Acceptance], list[str]]:
    """Read the column ``accepted`` of a receipt.

    Args:
        text: Entries, separated by ``|``.

    Returns:
        The entries that can be used, and a sentence for each that cannot.

    >>> read_acceptances("jump @ EC_P_IN_2C.main = New university")[0]
    [Acceptance(rule='jump', data_point='EC_P_IN_2C.main', reason='New university')]
    >>> read_acceptances("within_bounds @ EC_P_IN_2C.main = Fine")[1]
    ["'within_bounds' is an error; only warnings can be accepted. Have the cell corrected."]
    """
    severities, points = _known()
    good, faults = [], []
    for entry, match in entries(text, _ENTRY):
        if match is None:
            faults.append(f"{entry[:80]!r} is no entry; write: rule @ data point = reason.")
            continue
        rule, point = match["rule"], match["point"]
        if severities.get(rule) == "error":
            faults.append(f"{rule!r} is an error; only warnings can be accepted. Have the cell corrected.")
        elif rule not in severities:
            faults.append(f"there is no rule {rule!r}. Take its code from the findings.")
        elif point is not None and point not in points:
            faults.append(f"there is no data point {point!r}. Take its id from the findings.")
        else:
            good.append(Acceptance(rule, point, match["reason"]))
    return good, faults


def rule_of(finding: str) -> str:
    """The rule of a finding that is accepted, ``rule @ data point`` or ``rule``.

    >>> rule_of("jump @ EC_P_IN_2C.main")
    'jump'
    """
    return finding.partition("@")[0].strip()


@cache
def _known() -> tuple[dict[str, str], frozenset[str]]:
    """Severity of each rule, and the ids of the data points."""
    severities = dict.fromkeys(OF_READING, "warning") | {rule.code: str(rule.text.severity) for rule in load_rules()}
    return severities, frozenset(point.id for point in load_catalogue().data_points)


def apply_acceptances(found: pl.DataFrame, submissions: pl.DataFrame) -> pl.DataFrame:
    """Findings, those that a verifier has accepted as notes that say so.

    Args:
        found: Findings with the columns of ``tables.FAULTS``.
        submissions: ``file_sha256, city_id, year, accepted``.

    Returns:
        The same rows in the same order.
    """
    rows = [
        (*key, one.rule, one.data_point, one.reason)
        for *key, text in submissions.drop_nulls("accepted").select(*KEY, "accepted").iter_rows()
        for one in read_acceptances(text)[0]
    ]
    if not rows:
        return found
    names = [*KEY, "rule", "data_point", "_reason"]
    types = {"year": pl.Int16, "data_point": pl.String}
    accepted = pl.DataFrame(rows, schema=names, orient="row", schema_overrides=types).unique(
        names[:-1], keep="first", maintain_order=True
    )
    joined = found.join(accepted, on=names[:-1], how="left", nulls_equal=True, maintain_order="left")
    is_accepted = pl.col("_reason").is_not_null() & (pl.col("severity") == "warning")
    return joined.with_columns(
        pl.when(is_accepted).then(pl.lit("note")).otherwise("severity").alias("severity"),
        pl.when(is_accepted)
        .then(pl.format("{} Accepted by the verifier: {}", "message", "_reason"))
        .otherwise("message")
        .alias("message"),
    ).drop("_reason")
