"""How an audit concludes: a table of rules as data, held against figures.

What belongs here: reading the table, judging, putting a figure into a sentence. What does not: rules, limits and
sentences (``rules.yaml``), and figures (`evidence.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

TABLE = Path(__file__).with_name("rules.yaml")
Unit = Literal["share", "count", "coefficient", "points", "places"]
Verdict = Literal["holds", "does not hold", "cannot be told"]


class Rule(BaseModel):
    """One rule.

    Attributes:
        name: What it is about.
        section: Section of the audit whose figures it judges.
        measure: Name of the figure.
        unit: What the figure is.
        at_least: Limit from below; exactly one of the two limits is given.
        at_most: Limit from above.
        holds: What is said where the limit is kept.
        fails: What is said where it is not.
        source: Where the limit comes from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    section: str
    measure: str
    unit: Unit
    at_least: float | None = None
    at_most: float | None = None
    holds: str
    fails: str
    source: str

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"{self.name}: give at_least or at_most")
        return self

    @property
    def limit(self) -> float:
        """The limit."""
        limit = self.at_most if self.at_least is None else self.at_least
        assert limit is not None
        return limit

    @property
    def condition(self) -> str:
        """The condition in words, for example ``at least 65 %``."""
        return f"{'at least' if self.at_most is None else 'at most'} {told(self.limit, self.unit)}"

    def is_kept(self, value: float) -> bool:
        """Whether a figure keeps the limit."""
        return value >= self.limit if self.at_most is None else value <= self.limit


@dataclass(frozen=True)
class Conclusion:
    """A rule with what came of it.

    Attributes:
        rule: The rule.
        value: The figure in words; a dash where there is none.
        verdict: Whether the rule holds.
        sentence: What is concluded.
    """

    rule: Rule
    value: str
    verdict: Verdict
    sentence: str


@cache
def load_rules(path: Path = TABLE) -> tuple[Rule, ...]:
    """Read the table; an unknown or missing key is an error."""
    return tuple(Rule.model_validate(row) for row in yaml.safe_load(path.read_text(encoding="utf-8")))


def conclude(measures: Mapping[str, float | None], rules: tuple[Rule, ...] | None = None) -> list[Conclusion]:
    """Judge figures.

    Args:
        measures: Figures by name; None where there is none.
        rules: The rules; None takes those of the table.

    Returns:
        A conclusion for each rule, in their order.

    Raises:
        KeyError: If a rule names a figure that there is not.
    """
    found = []
    for rule in load_rules() if rules is None else rules:
        value = measures[rule.measure]
        if value is None:
            sentence = "This mart does not tell: too few cities have a figure."
            found.append(Conclusion(rule, "–", "cannot be told", sentence))
            continue
        said = told(value, rule.unit)
        holds = rule.is_kept(value)
        form = rule.holds if holds else rule.fails
        sentence = form.format(value=said, limit=told(rule.limit, rule.unit))
        found.append(Conclusion(rule, said, "holds" if holds else "does not hold", sentence))
    return found


def told(value: float, unit: Unit) -> str:
    """A figure in words.

    >>> told(0.655, "share"), told(-0.4, "coefficient"), told(2.0, "count"), told(0.064, "points"), told(0.5, "places")
    ('65.5 %', '−0.4', '2', '6.4 percentage points', '0.5 places')
    """
    match unit:
        case "share":
            text = f"{100 * value:.1f}".removesuffix(".0") + " %"
        case "count":
            text = f"{value:.0f}"
        case "coefficient":
            text = f"{value:.3f}".rstrip("0").rstrip(".")
        case "points":
            text = f"{100 * value:.1f} percentage points"
        case "places":
            text = f"{value:.1f} places"
    return text.replace("-", "−")
