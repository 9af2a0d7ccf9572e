"""Checks of single values that several tables share, each with the name that people see.

What belongs here: checks that know nothing of any table. What does not: bounds and codes themselves (the catalogue).
Two-sided on purpose: NaN and infinity pass one-sided Pandera checks on Polars.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandera.polars as pa


def finite() -> pa.Check:
    """A number that is neither NaN nor infinite."""
    return pa.Check.in_range(-1e300, 1e300, error="finite")


def between(low: float, high: float) -> pa.Check:
    """A number within closed bounds."""
    return pa.Check.in_range(low, high, error=f"between_{low:g}_and_{high:g}")


def one_of(codes: Iterable[str], name: str) -> pa.Check:
    """A code of a closed list."""
    return pa.Check.isin(sorted(codes), error=name)


def sha256() -> pa.Check:
    """A SHA-256 in hexadecimal."""
    return pa.Check.str_matches(r"^[0-9a-f]{64}$", error="sha256")


def year() -> pa.Check:
    """A plausible reference year."""
    return pa.Check.in_range(2000, 2100, error="year_between_2000_and_2100")


def iso3() -> pa.Check:
    """An ISO 3166 alpha-3 country code."""
    return pa.Check.str_matches(r"^[A-Z]{3}$", error="iso3")
