"""The rules of validation as data: ``rulebook/*.yaml``, read and checked as a whole.

What belongs here: what a rule file may hold, and that every fault of every file is reported at once. What does not:
the rules themselves (``rulebook/``), the meaning of their names (`facts.py`), and what they find (`checks.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from intake.expressions import ExpressionError, Node, Vocabulary, names_in, parse
from intake.facts import EXACTLY_OF_OTHERS, OF_OTHERS, vocabulary
from intake.tables import Severity
from ssc_index.errors import FaultsError, broken_rule
from ssc_index.framework.catalogue import Catalogue, DataPoint, load_catalogue
from ssc_index.framework.strict_yaml import read_plain_yaml

SHIPPED_FOLDER = Path(__file__).parent / "rulebook"

Where = Literal["numerator", "denominator", "result", "is_reported", "is_verified", "source", "comment", "profile"]
Text = Annotated[str, Field(min_length=1)]

_HOLE = re.compile(r"\{([^{}]*)\}")


class RulesError(FaultsError):
    """Faults of the rule files, all of them."""


class RuleText(BaseModel):
    """One rule as its file holds it.

    Attributes:
        code: Word by which findings name it.
        manual: Number in the list of rules taken from the verification manual, ``R001`` to ``R058``; several where
            one expression serves several; None for a rule of our own.
        severity: ``error`` keeps the value out until the cell is corrected; ``warning`` and ``note`` do not.
        differs_because: Why the severity is not the one of the list; None where it is.
        points: What it is evaluated for: ids of data points, KPI codes, or words of `_SELECTORS`; None is once for
            the whole submission.
        field: The cell of the row, or the field of the profile as ``profile.population``, that is pointed at.
        when: Expression that holds where there is a finding; None where another module finds it.
        found_by: The module that finds it where there is no expression: ``reading``.
        family: Of the rules of one family only the first in the order of the files speaks at a row.
        told_to: ``verifier`` where a city may not be told: the sentence would confirm what another city reported.
        message: What is wrong and what to do; expressions in braces are filled in.
        source: Page of the manual, or what else it rests on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    manual: tuple[Annotated[str, Field(pattern=r"^R0[0-5][0-9]$")], ...] = ()
    severity: Severity
    differs_because: Text | None = None
    points: tuple[Text, ...] | None = None
    field: Annotated[str, Field(pattern=r"^([a-z_]+|profile\.[a-z_0-9]+)$")] = "result"
    when: Text | None = None
    found_by: Literal["reading"] | None = None
    family: Text | None = None
    told_to: Literal["verifier"] | None = None
    message: Text
    source: Text


@dataclass(frozen=True)
class Rule:
    """One checked rule.

    Attributes:
        text: As its file holds it.
        points: Positions of its data points in the catalogue; empty for the whole submission.
        condition: Its expression; None where another module finds it.
        message: The sentence in pieces: texts and the expressions between them.
    """

    text: RuleText
    points: tuple[int, ...]
    condition: Node | None
    message: tuple[str | Node, ...]

    @property
    def code(self) -> str:
        """Word by which findings name it."""
        return self.text.code


_SELECTORS: Mapping[str, Callable[[DataPoint], bool]] = {
    "every": lambda _: True,
    "percent": lambda point: point.unit == "percent",
    "not_percent": lambda point: point.unit != "percent",
    "ratio": lambda point: point.denominator is not None,
    "rate_per_100000": lambda point: point.value_type == "rate_per_100000",
    "concentration": lambda point: point.value_type == "concentration",
    "yes_no": lambda point: point.value_type == "yes_no",
    "number": lambda point: point.value_type != "yes_no",
    "of_population": lambda point: point.denominator_basis == "population",
    "of_households": lambda point: point.denominator_basis == "households",
    "of_city_area": lambda point: point.denominator_basis == "city_area",
    "of_city_gdp": lambda point: point.denominator_basis == "city_gdp",
}


def load_rules(folder: Path | None = None) -> tuple[Rule, ...]:
    """Read the rules.

    Args:
        folder: Folder of rule files, read in the order of their names; None is the shipped one, read once.

    Returns:
        The rules in their order.

    Raises:
        RulesError: With every fault of every file: file, rule, key and what is wrong.

    >>> next(rule.text.severity for rule in load_rules() if rule.code == "denominator_zero")
    'error'
    """
    return _shipped() if folder is None else _load(folder, load_catalogue())


@cache
def for_verifiers_alone() -> frozenset[str]:
    """Codes of the shipped rules whose findings no city is told.

    >>> sorted(for_verifiers_alone())
    ['copied_from_other_city']
    """
    return frozenset(rule.code for rule in load_rules() if rule.text.told_to == "verifier")


@cache
def _shipped() -> tuple[Rule, ...]:
    return _load(SHIPPED_FOLDER, load_catalogue())


def _load(folder: Path, catalogue: Catalogue) -> tuple[Rule, ...]:
    faults: list[str] = []
    rules: list[Rule] = []
    seen: dict[str, Rule] = {}
    words = vocabulary(catalogue)
    for path in sorted(folder.glob("*.yaml")):
        for number, item in enumerate(_items(path, faults), start=1):
            rule = _rule(item, f"{path.name}, rule {number}", catalogue, words, faults)
            if rule is None:
                continue
            first = seen.setdefault(rule.code, rule)
            if (first.text.severity, first.text.manual) != (rule.text.severity, rule.text.manual):
                faults.append(f"{path.name}, {rule.code}: the code stands before with another severity or manual")
            rules.append(rule)
    if not rules and not faults:
        faults.append("holds no rule")
    if faults:
        raise RulesError(f"rules in {folder.name}", faults)
    return tuple(rules)


def _items(path: Path, faults: list[str]) -> list[Any]:
    """What stands below ``rules`` in a file."""
    try:
        tree, found = read_plain_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{path.name}: cannot be read as UTF-8 text: {type(error).__name__}")
        return []
    faults += [f"{path.name}: {fault}" for fault in found]
    if not isinstance(tree, dict) or set(tree) != {"rules"} or not isinstance(tree["rules"], list):
        faults.append(f"{path.name}: holds something else than one list named rules")
        return []
    return tree["rules"]


def _rule(item: Any, place: str, catalogue: Catalogue, words: Vocabulary, faults: list[str]) -> Rule | None:
    """A checked rule; None with every fault of it."""
    if isinstance(item, dict) and isinstance(item.get("code"), str):
        place = f"{place.partition(',')[0]}, {item['code']}"
    try:
        text = RuleText.model_validate(item)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            path = ".".join(str(step) for step in fault["loc"]) or "rule"
            faults.append(f"{place}: {path}: {broken_rule(fault)}")
        return None
    found: list[str] = []
    points = _points(text.points, catalogue, found)
    condition = None if text.when is None else _condition(text.when, words, found)
    message = _message(text.message, words, found)
    if (text.when is None) == (text.found_by is None):
        found.append("give either when or found_by")
    if condition is not None and text.told_to is None and names_in(condition) & EXACTLY_OF_OTHERS:
        found.append("told_to must be verifier: to a city it would confirm what another city reported")
    if text.points is None and text.field != "result" and not text.field.startswith("profile."):
        found.append(f"field {text.field} is of a row, but the rule is for the whole submission")
    faults += [f"{place}: {fault}" for fault in found]
    return None if found else Rule(text, points, condition, message)


def _points(wanted: Sequence[str] | None, catalogue: Catalogue, faults: list[str]) -> tuple[int, ...]:
    """Positions of the data points that a rule names, in catalogue order."""
    chosen: set[int] = set()
    for name in wanted or ():
        words = name.split()
        here = {at for at, point in enumerate(catalogue.data_points) if all(_is_meant(word, point) for word in words)}
        if not here:
            known = ", ".join(_SELECTORS)
            faults.append(f"points: {name!r} is no data point, no KPI and none of {known}")
        chosen |= here
    return tuple(sorted(chosen))


def _is_meant(word: str, point: DataPoint) -> bool:
    """Whether a word of ``points`` means a data point; words that blanks separate must all."""
    if word in _SELECTORS and _SELECTORS[word](point):
        return True
    return word in (point.id, point.kpi_code)


def _condition(text: str, words: Vocabulary, faults: list[str]) -> Node | None:
    """The expression of a rule, which tells true from false."""
    try:
        node = parse(text, words)
    except ExpressionError as error:
        faults.append(f"when: {error}")
        return None
    if node.kind != "truth":
        faults.append(f"when: {text!r} is a number; a rule needs a comparison")
    return node


def _message(text: str, words: Vocabulary, faults: list[str]) -> tuple[str | Node, ...]:
    """The pieces of a message: every other one is an expression."""
    pieces: list[str | Node] = []
    for at, piece in enumerate(_HOLE.split(text)):
        if at % 2 == 0:
            pieces.append(piece)
            continue
        try:
            node = parse(piece, words)
        except ExpressionError as error:
            faults.append(f"message: {error}")
            continue
        if node.kind != "number":
            faults.append(f"message: {{{piece}}} is no number")
        if told := names_in(node) & OF_OTHERS:
            faults.append(f"message: {', '.join(sorted(told))} can be the number of one other city; tell peer_middle")
        pieces.append(node)
    return tuple(pieces)
