"""The small language in which rules are written: arithmetic, comparisons and a few functions over whole tables.

What belongs here: reading a text into a checked tree, and evaluating the tree on arrays. What does not: what the
names mean (`facts.py`) and the rules (`rules.py`). Nothing of it is Python and nothing of it is run as Python.

Missing is NaN: a number computed from a missing one is missing, and a comparison with a missing number does not
hold. ``not`` is allowed only before what can be told of a missing number too: a call such as ``given(x)``, or a name
that is a truth; so a rule never fires because something is absent unless it says so.

``and`` binds closer than ``or``; ``a == b`` is exact; a percentage sign divides by 100.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ssc_index.errors import SscIndexError

Kind = Literal["number", "truth", "text"]
Array = NDArray[Any]

MAX_LENGTH = 1000
MAX_DEPTH = 40

_TOKEN = re.compile(
    r"\s*(?:(?P<point>[A-Z]{2}(?:_[A-Z]+)+_[0-9][AC]\.[a-z0-9_]+)|(?P<number>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,2})?%?)"
    r"|(?P<name>[a-z][a-z0-9_]*)|(?P<text>'[^']*')|(?P<sign><=|>=|==|!=|[-+*/()<>,]))"
)
_COMPARISONS: Mapping[str, Callable[[Array, Array], Array]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
}
_SUMS: Mapping[str, Callable[[Array, Array], Array]] = {"+": np.add, "-": np.subtract}
_PRODUCTS: Mapping[str, Callable[[Array, Array], Array]] = {"*": np.multiply, "/": np.divide}


class ExpressionError(SscIndexError):
    """An expression that cannot be read, with the place in it."""


class Facts(Protocol):
    """What an expression is evaluated on: arrays that broadcast to (submissions, data points of the rule)."""

    def fact(self, name: str) -> Array:
        """The fact of a name for the data points of the rule, or for the whole submission."""
        ...

    def fact_of(self, name: str, point: str) -> Array:
        """The fact of a name for one data point, shape (submissions, 1)."""
        ...

    def call(self, name: str, arguments: Sequence[Array]) -> Array:
        """A function of numbers that knows the cohort, for example a robust z."""
        ...

    def says(self, field: str, pattern: str) -> Array:
        """Whether a text of the row has a match of a pattern; texts that are absent have none."""
        ...


@dataclass(frozen=True)
class Vocabulary:
    """The names that an expression may use.

    Attributes:
        numbers: Facts that are numbers.
        truths: Facts that are true or false.
        texts: Fields that ``says`` and ``has`` look into.
        calls: Functions of `Facts.call`, with the number of their arguments.
        points: Ids of data points.
    """

    numbers: frozenset[str]
    truths: frozenset[str]
    texts: frozenset[str]
    calls: Mapping[str, int]
    points: frozenset[str]


@dataclass(frozen=True)
class Node:
    """A part of an expression.

    Attributes:
        operation: What it does: ``number``, ``fact``, ``fact_of``, ``says``, ``call``, ``not``, or a sign or function.
        kind: Whether it gives numbers or truths.
        arguments: Parts that it works on.
        words: Names and texts that it works with.
        number: The number of a ``number``.
    """

    operation: str
    kind: Kind
    arguments: tuple[Node, ...] = ()
    words: tuple[str, ...] = ()
    number: float = 0.0


def parse(text: str, vocabulary: Vocabulary) -> Node:
    """Read an expression.

    Args:
        text: The expression.
        vocabulary: The names that it may use.

    Returns:
        Its tree; every name known, every argument of the right kind.

    Raises:
        ExpressionError: If it cannot be read; says where.

    >>> words = Vocabulary(frozenset({"value"}), frozenset(), frozenset(), {}, frozenset())
    >>> parse("value > 5%", words).operation
    '>'
    """
    return _Parser(text, vocabulary).whole()


def names_in(node: Node) -> frozenset[str]:
    """The names that a tree asks for: facts and functions that know the cohort."""
    own = node.words[:1] if node.operation in ("fact", "fact_of", "call") else ()
    return frozenset(own).union(*map(names_in, node.arguments))


def evaluate(node: Node, facts: Facts) -> Array:
    """Evaluate a tree; division by zero and the like give missing numbers.

    Args:
        node: The tree.
        facts: What the names mean.

    Returns:
        Numbers or truths, in a shape that broadcasts to (submissions, data points of the rule).
    """
    with np.errstate(all="ignore"):
        return _evaluated(node, facts)


def _evaluated(node: Node, facts: Facts) -> Array:
    operation = node.operation
    if operation == "number":
        return np.asarray(node.number)
    if operation == "fact":
        return facts.fact(node.words[0])
    if operation == "fact_of":
        return facts.fact_of(*node.words)
    if operation == "says":
        return facts.says(*node.words)
    if operation in ("and", "or"):
        return _joined(node, facts)
    values = [_evaluated(argument, facts) for argument in node.arguments]
    if operation == "call":
        return facts.call(node.words[0], values)
    return _OPERATIONS[operation](values)


def _joined(node: Node, facts: Facts) -> Array:
    """``and`` or ``or``; the right side is left out where the left side settles it for all."""
    left = _evaluated(node.arguments[0], facts)
    if node.operation == "and":
        return left & _evaluated(node.arguments[1], facts) if left.any() else left
    return left if left.all() and left.size else left | _evaluated(node.arguments[1], facts)


def _different(values: Sequence[Array]) -> Array:
    """Unequal, both given."""
    left, right = values
    different: Array = (left != right) & ~np.isnan(left) & ~np.isnan(right)
    return different


def _finite_quotient(values: Sequence[Array]) -> Array:
    quotient = np.divide(*values)
    finite: Array = np.where(np.isfinite(quotient), quotient, np.nan)
    return finite


def _sum(values: Sequence[Array]) -> Array:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _sum_given(values: Sequence[Array]) -> Array:
    return _sum([np.nan_to_num(value) for value in values])


def _count_given(values: Sequence[Array]) -> Array:
    return _sum([(~np.isnan(value)).astype(float) for value in values])


def _off_whole(values: Sequence[Array]) -> Array:
    distance: Array = np.abs(values[0] - np.rint(values[0]))
    return distance


def _log10(values: Sequence[Array]) -> Array:
    logarithm: Array = np.where(values[0] > 0, np.log10(np.where(values[0] > 0, values[0], 1.0)), np.nan)
    return logarithm


def _of_two(do: Callable[[Array, Array], Array]) -> Callable[[Sequence[Array]], Array]:
    return lambda values: do(values[0], values[1])


# Functions of numbers: how many arguments (None: one or more), what they give, how.
_FUNCTIONS: Mapping[str, tuple[int | None, Kind, Callable[[Sequence[Array]], Array]]] = {
    "abs": (1, "number", lambda values: np.abs(values[0])),
    "round": (1, "number", lambda values: np.rint(values[0])),
    "log10": (1, "number", _log10),
    "off_whole": (1, "number", _off_whole),
    "min": (2, "number", lambda values: np.minimum(*values)),
    "max": (2, "number", lambda values: np.maximum(*values)),
    "sum": (None, "number", _sum),
    "sum_given": (None, "number", _sum_given),
    "count_given": (None, "number", _count_given),
    "given": (1, "truth", lambda values: ~np.isnan(values[0])),
    "apart": (3, "truth", lambda values: np.abs(values[0] - values[1]) > values[2] * np.abs(values[1])),
    "near": (3, "truth", lambda values: np.abs(values[0] - values[1]) <= values[2] * np.abs(values[1])),
}
_OPERATIONS: Mapping[str, Callable[[Sequence[Array]], Array]] = {
    **{name: function for name, (_, _, function) in _FUNCTIONS.items()},
    **{sign: _of_two(do) for sign, do in {**_COMPARISONS, **_SUMS}.items()},
    "*": _of_two(np.multiply),
    "/": _finite_quotient,
    "!=": _different,
    "negative": lambda values: -values[0],
    "not": lambda values: ~values[0],
}


class _Parser:
    """Reads one expression from left to right, each method one strength of binding."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self._text = text
        self._vocabulary = vocabulary
        self._tokens = self._split()
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        """The whole expression."""
        node = self._either()
        if self._at < len(self._tokens):
            raise self._error(f"{self._tokens[self._at][1]!r} is not expected here")
        return node

    def _split(self) -> list[tuple[str, str, int]]:
        """Kind, text and place of each token."""
        if len(self._text) > MAX_LENGTH:
            raise ExpressionError(f"the expression is longer than {MAX_LENGTH} characters")
        tokens, at, end = [], 0, len(self._text.rstrip())
        while at < end:
            match = _TOKEN.match(self._text, at)
            if match is None:
                rest = self._text[at:].strip()[:20]
                raise ExpressionError(f"{self._text!r}: {rest!r} at {at + 1} is no word of the language")
            tokens.append((match.lastgroup or "", match.group(match.lastgroup or 0), match.start(match.lastgroup or 0)))
            at = match.end()
        return tokens

    def _error(self, what: str) -> ExpressionError:
        place = self._tokens[self._at][2] + 1 if self._at < len(self._tokens) else len(self._text)
        return ExpressionError(f"{self._text!r}, at {place}: {what}")

    def _peek(self) -> str:
        """The next sign or word; texts and the end give nothing."""
        kind, text, _ = self._tokens[self._at] if self._at < len(self._tokens) else ("", "", 0)
        return "" if kind == "text" else text

    def _take(self, wanted: str) -> None:
        if self._peek() != wanted:
            raise self._error(f"{wanted!r} is expected")
        self._at += 1

    def _either(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"it is nested deeper than {MAX_DEPTH}")
        left = self._both()
        while self._peek() == "or":
            self._at += 1
            left = self._truths("or", left, self._both())
        self._depth -= 1
        return left

    def _both(self) -> Node:
        left = self._not()
        while self._peek() == "and":
            self._at += 1
            left = self._truths("and", left, self._not())
        return left

    def _truths(self, word: str, left: Node, right: Node) -> Node:
        if left.kind != "truth" or right.kind != "truth":
            raise self._error(f"{word!r} stands between a number and something; compare the number")
        return Node(word, "truth", (left, right))

    def _not(self) -> Node:
        if self._peek() != "not":
            return self._comparison()
        self._at += 1
        inner = self._comparison()
        if inner.kind != "truth" or inner.operation not in ("fact", "says", "given"):
            raise self._error("'not' goes before a truth such as given(value) only; turn the comparison round")
        return Node("not", "truth", (inner,))

    def _comparison(self) -> Node:
        left = self._sum()
        sign = self._peek()
        if sign not in _COMPARISONS and sign != "!=":
            return left
        self._at += 1
        right = self._sum()
        self._numbers(sign, left, right)
        if self._peek() in _COMPARISONS:
            raise self._error("comparisons do not chain; write a < b and b < c")
        return Node(sign, "truth", (left, right))

    def _numbers(self, sign: str, *parts: Node) -> None:
        if any(part.kind != "number" for part in parts):
            raise self._error(f"{sign!r} goes with numbers")

    def _sum(self) -> Node:
        left = self._product()
        while (sign := self._peek()) in _SUMS:
            self._at += 1
            right = self._product()
            self._numbers(sign, left, right)
            left = Node(sign, "number", (left, right))
        return left

    def _product(self) -> Node:
        left = self._signed()
        while (sign := self._peek()) in _PRODUCTS:
            self._at += 1
            right = self._signed()
            self._numbers(sign, left, right)
            left = Node(sign, "number", (left, right))
        return left

    def _signed(self) -> Node:
        if self._peek() != "-":
            return self._atom()
        self._at += 1
        inner = self._atom()
        self._numbers("-", inner)
        return Node("negative", "number", (inner,))

    def _atom(self) -> Node:
        if self._at == len(self._tokens):
            raise self._error("it ends too early")
        kind, text, _ = self._tokens[self._at]
        if text == "(" and kind == "sign":
            self._at += 1
            inner = self._either()
            self._take(")")
            return inner
        if kind == "number":
            self._at += 1
            percent = text.endswith("%")
            return Node("number", "number", number=float(text.rstrip("%")) / (100 if percent else 1))
        if kind == "point":
            return self._fact_of("value")
        if kind != "name":
            raise self._error(f"{text!r} is not expected here")
        self._at += 1
        return self._call(text) if self._peek() == "(" else self._fact(text)

    def _fact(self, name: str) -> Node:
        if name in self._vocabulary.numbers:
            return Node("fact", "number", words=(name,))
        if name in self._vocabulary.truths:
            return Node("fact", "truth", words=(name,))
        self._at -= 1
        raise self._error(f"there is no fact {name!r}")

    def _fact_of(self, name: str) -> Node:
        """A fact of another data point, whose id is next."""
        kind, point, _ = self._tokens[self._at] if self._at < len(self._tokens) else ("", "", 0)
        if kind != "point":
            raise self._error("the id of a data point is expected")
        if point not in self._vocabulary.points:
            raise self._error(f"there is no data point {point!r}")
        self._at += 1
        is_truth = name in self._vocabulary.truths
        return Node("fact_of", "truth" if is_truth else "number", words=(name, point))

    def _call(self, name: str) -> Node:
        self._take("(")
        if name in ("says", "has"):
            node = self._texts(name)
        elif name in self._vocabulary.numbers or name in self._vocabulary.truths:
            node = self._fact_of(name)
        else:
            node = self._function(name)
        self._take(")")
        return node

    def _texts(self, name: str) -> Node:
        """``says(field, 'pattern')`` or ``has(field)``."""
        kind, field, _ = self._tokens[self._at] if self._at < len(self._tokens) else ("", "", 0)
        if kind != "name" or field not in self._vocabulary.texts:
            raise self._error(f"{name} looks into {', '.join(sorted(self._vocabulary.texts))}")
        self._at += 1
        if name == "has":
            return Node("says", "truth", words=(field, ""))
        self._take(",")
        kind, text, _ = self._tokens[self._at] if self._at < len(self._tokens) else ("", "", 0)
        if kind != "text" or len(text) < 3:
            raise self._error("a pattern in single quotes is expected")
        try:  # as it is looked for: patterns of Python's own are not all known there
            pl.select(pl.lit("").str.contains(f"(?i){text[1:-1]}"))
        except pl.exceptions.PolarsError as error:
            reason = " ".join(str(error).split())[:160]
            raise self._error(f"the pattern is none: {reason}") from error
        self._at += 1
        return Node("says", "truth", words=(field, text[1:-1]))

    def _function(self, name: str) -> Node:
        arguments = [self._either()]
        while self._peek() == ",":
            self._at += 1
            arguments.append(self._either())
        self._numbers(name, *arguments)
        if name in self._vocabulary.calls:
            count: int | None = self._vocabulary.calls[name]
            node = Node("call", "number", tuple(arguments), (name,))
        elif name in _FUNCTIONS:
            count, kind, _ = _FUNCTIONS[name]
            node = Node(name, kind, tuple(arguments))
        else:
            raise self._error(f"there is no function {name!r}")
        if count is not None and len(arguments) != count:
            raise self._error(f"{name} takes {count} arguments, not {len(arguments)}")
        return node
