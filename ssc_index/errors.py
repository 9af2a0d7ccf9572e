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


class FrameworkError(FaultsError):
    """Faults of a framework or catalogue file."""


class MethodError(FaultsError):
    """Faults of a method file, or a method that does not fit its framework."""


class ValuesError(FaultsError):
    """Faults of the input values."""


class ComputationError(FaultsError):
    """A step that has no value by its own definition, for example a geometric mean of a zero."""
