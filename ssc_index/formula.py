"""Formulas that a method file writes out: read once, then computed row by row.

What belongs here: the small language, what it refuses, and its arithmetic. What does not: where a formula stands
(`steps/derive.py`, `steps/rules.py`) and what its names mean there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from ssc_index import elementary
from ssc_index.values import Floats

MOST_CHARACTERS = 2000
NAME = re.compile(r"`([^`]+)`|(?<![\w.])([^\W\d]\w*)(?!\w|\s*\()")
STAND_IN = re.compile(r"\b_(\d+)_\b")
OPERATORS: dict[type[ast.operator], Callable[[Floats, Floats], Floats]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: elementary.power,
}
OF_ONE: dict[str, Callable[[Floats], Floats]] = {
    "ln": elementary.ln,
    "log10": elementary.log10,
    "log2": elementary.log2,
    "exp": elementary.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
}
OF_SEVERAL: dict[str, Callable[[Sequence[Floats]], Floats]] = {
    "min": lambda parts: _folded(np.minimum, parts),
    "max": lambda parts: _folded(np.maximum, parts),
    "mean": lambda parts: _folded(np.add, parts) / len(parts),
}
KNOWN = f"numbers, names, + - * / **, parentheses and {', '.join([*OF_ONE, *OF_SEVERAL])}"


def _folded(function: Callable[[Floats, Floats], Floats], parts: Sequence[Floats]) -> Floats:
    """A function of two taken along several, the first two first."""
    result = parts[0]
    for part in parts[1:]:
        result = function(result, part)
    return result


@dataclass(frozen=True)
class Formula:
    """A formula that was read.

    Attributes:
        text: As it is written.
        names: Names in it, in order of first use.
        tree: Its form, names replaced by their numbers.
    """

    text: str
    names: tuple[str, ...]
    tree: ast.expr


@cache
def formula(text: str) -> Formula:
    """Read a formula.

    Numbers, names, ``+ - * / **``, parentheses, ``ln log10 log2 exp sqrt abs`` of one, ``min max mean`` of one or more.
    A name that is no plain word (``EC-1.2``) stands between backticks.

    Args:
        text: The formula.

    Returns:
        What it says.

    Raises:
        ValueError: With the first thing that is not understood.

    >>> formula("output / mean(`in-1`, `in-2`)").names
    ('output', 'in-1', 'in-2')
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"longer than {MOST_CHARACTERS} characters")
    said: list[str] = []

    def stand_in(found: re.Match[str]) -> str:
        said.append(found[1] or found[2])
        return f" _{len(said) - 1}_ "

    names: dict[str, int] = {}
    try:
        tree = ast.parse(" ".join(NAME.sub(stand_in, text).split()), mode="eval").body
        tree = _understood(tree, said, names)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"cannot be read; a formula has {KNOWN}, and names of other signs in backticks") from error
    if not names:
        raise ValueError("names nothing that it is computed from")
    return Formula(text, tuple(names), tree)


def _understood(node: ast.expr, said: Sequence[str], names: dict[str, int]) -> ast.expr:
    """The same form if all of it is known; ``names`` takes the names, each with its number."""
    match node:
        case ast.Constant(value=int() | float() as number):
            if not abs(number) < 1e300:
                raise ValueError(f"{ast.unparse(node)} is too large a number")
            return node
        case ast.Name(id=name):
            found = said[int(name.strip("_"))]
            return ast.Name(id=str(names.setdefault(found, len(names))), ctx=ast.Load())
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return ast.BinOp(_understood(left, said, names), op, _understood(right, said, names))
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            return ast.UnaryOp(sign, _understood(operand, said, names))
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]) if name in OF_ONE or name in OF_SEVERAL:
            if not parts or (name in OF_ONE and len(parts) > 1):
                raise ValueError(f"{name} takes {'one part' if name in OF_ONE else 'one part or more'}")
            func = ast.Name(id=name, ctx=ast.Load())
            return ast.Call(func, [_understood(part, said, names) for part in parts], [])
    hint = "; a power is written **" if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor) else ""
    written = STAND_IN.sub(lambda found: said[int(found[1])], ast.unparse(node))
    raise ValueError(f"{written!r} is not known{hint}; a formula has {KNOWN}")


def evaluated(what: Formula, columns: Mapping[str, Floats]) -> Floats:
    """Compute a formula row by row.

    Args:
        what: The formula.
        columns: Numbers by name, shape (n_rows,) each; NaN is missing.

    Returns:
        Shape (n_rows,); NaN where a name is missing, NaN or infinite where the formula has no value (`undefined`).
        A row's result depends on that row only, to the last bit.

    >>> evaluated(formula("2 * a ** 2 - b"), {"a": np.array([3.0, 1.0]), "b": np.array([1.0, np.nan])})
    array([17., nan])
    """
    parts = [np.ascontiguousarray(columns[name]) for name in what.names]  # one code path of the logarithm
    missing = np.any([np.isnan(part) for part in parts], axis=0)
    with np.errstate(all="ignore"):  # told by the caller, cell by cell
        result = np.array(np.broadcast_to(_value(what.tree, parts), missing.shape))
    result[missing] = np.nan  # 1 ** NaN is 1, but nobody knows
    return result


def _value(node: ast.expr, parts: Sequence[Floats]) -> Floats:
    """Value of a part of a formula."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return np.full(parts[0].shape, float(number))
        case ast.Name(id=number):
            return parts[int(number)]
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATORS[type(op)](_value(left, parts), _value(right, parts))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, parts)
        case ast.UnaryOp(operand=operand):
            return _value(operand, parts)
        case ast.Call(func=ast.Name(id=name), args=args) if name in OF_ONE:
            return OF_ONE[name](_value(args[0], parts))
        case ast.Call(func=ast.Name(id=name), args=args):
            return OF_SEVERAL[name]([_value(arg, parts) for arg in args])
    raise AssertionError(ast.dump(node))


def undefined(result: Floats, what: Formula, columns: Mapping[str, Floats]) -> list[int]:
    """Rows that have every name of a formula and no value of it.

    >>> a = {"a": np.array([0.0, 2.0, np.nan])}
    >>> undefined(evaluated(formula("1 / a"), a), formula("1 / a"), a)
    [0]
    """
    there = ~np.any([np.isnan(columns[name]) for name in what.names], axis=0)
    return np.flatnonzero(there & ~np.isfinite(result)).tolist()


def in_words(what: Formula, columns: Mapping[str, Floats], row: int) -> str:
    """A formula and its parts in a row, in words.

    >>> in_words(formula("1 / a"), {"a": np.array([0.0])}, 0)
    "'1 / a' with a = 0"
    """
    return f"{what.text!r} with {', '.join(f'{name} = {columns[name][row]:g}' for name in what.names)}"
