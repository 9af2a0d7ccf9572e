"""The base error of the project and the collector that reports every fault at once.

What belongs here: how faults are named and gathered. What does not: which faults exist; each module
states its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class SscIndexError(Exception):
    """Base of every error that this project raises on purpose."""


class FaultsError(SscIndexError):
    """Several faults found in one pass, all of them listed.

    Attributes:
        subject: What was examined, for example a file name.
        faults: One sentence per fault; each names the place, the value and the rule.
    """

    def __init__(self, subject: str, faults: Iterable[str]) -> None:
        self.subject = subject
        self.faults = tuple(faults)
        count = len(self.faults)
        head = f"{subject}: {count} fault{'s' if count != 1 else ''}"
        super().__init__("\n".join([head, *(f"  - {fault}" for fault in self.faults)]))


def broken_rule(fault: Mapping[str, Any]) -> str:
    """The rule that a value broke: what Pydantic says of it, or an error of ours as we worded it.

    Args:
        fault: One of ``ValidationError.errors()``.
    """
    said: str = fault["msg"]
    return said.removeprefix("Value error, ")


def faults_in(errors: Iterable[Mapping[str, Any]], data: object) -> list[dict[str, Any]]:
    """Faults of data, one for each place; Pydantic tells one for each kind that a setting may be of.

    Args:
        errors: ``ValidationError.errors()``.
        data: What was validated.

    Returns:
        The same faults in order. A place has names and numbers of the data alone; what several kinds ask for stands in
        one sentence, and is left out where the data are of one of them and wrong further down.

    >>> errors = [{"type": "float_type", "loc": ("a", "float"), "msg": "Input should be a number"},
    ...           {"type": "dict_type", "loc": ("a", "dict[str,float]"), "msg": "Input should be a dictionary"}]
    >>> [(fault["loc"], fault["msg"]) for fault in faults_in(errors, {"a": "half"})]
    [(('a',), 'Input should be a number or a dictionary')]
    """
    at_place: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for error in errors:
        loc = _place(error, data)
        at_place.setdefault(loc, []).append({**error, "loc": loc})
    faults = []
    for loc, found in at_place.items():
        of_kind = [fault for fault in found if fault["type"].endswith("_type") or fault["type"] == "literal_error"]
        deeper = any(len(other) > len(loc) and other[: len(loc)] == loc for other in at_place)
        if len(of_kind) == len(found) and deeper:
            continue
        asked = of_kind if len(of_kind) == len(found) else [fault for fault in found if fault not in of_kind]
        first, *others = (fault["msg"] for fault in asked)
        rest = dict.fromkeys(other.removeprefix("Input should be ") for other in others)
        faults.append({**asked[0], "msg": " or ".join([first, *rest])})
    return faults


def _place(error: Mapping[str, Any], data: object) -> tuple[Any, ...]:
    """Where a fault lies in the data; names of the kinds that were tried are no places."""
    place: list[Any] = []
    parts = error["loc"]
    for number, part in enumerate(parts, start=1):
        is_there, data = _part(data, part)
        if is_there or part == "[key]" or (error["type"] == "missing" and number == len(parts)):
            place.append(part)
    return tuple(place)


def _part(data: object, part: object) -> tuple[bool, object]:
    """Whether data have a part of this name or number, and the part; else the data."""
    if isinstance(data, Mapping) and part in data:
        return True, data[part]
    if isinstance(data, list | tuple) and isinstance(part, int) and part < len(data):
        return True, data[part]
    return False, data


class FrameworkError(FaultsError):
    """Faults of a framework or catalogue file."""


class MethodError(FaultsError):
    """Faults of a method file, or a method that does not fit its framework."""


class ValuesError(FaultsError):
    """Faults of the input values."""


class ComputationError(FaultsError):
    """A step that has no value by its own definition, for example a geometric mean of a zero."""
