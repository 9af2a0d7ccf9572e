"""What steps took from their units: kept while a method runs, and given back to score units outside the cohort.

What belongs here: the record that a step writes, and saved parameters as a step reads them. What does not: files
of them (`score_outside.py`) and any formula.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ssc_index.values import Floats


@dataclass(frozen=True)
class Distribution:
    """The values of one indicator among which others are ranked, "more is better" throughout.

    Attributes:
        year: Year of the values; None for all.
        code: The indicator.
        values: Distinct values, ascending, negated where less is better.
        counts: Units that have each.
    """

    year: int | None
    code: str
    values: Floats
    counts: Floats


@dataclass
class Record:
    """Numbers by name, year and column, while a step runs; a year of None holds for every year."""

    width: int
    numbers: dict[str, dict[int | None, Floats]] = field(default_factory=dict)

    def put(self, year: int | None, columns: Sequence[int] | int, numbers: Mapping[str, Floats | float]) -> None:
        """Note numbers of some columns."""
        for name, number in numbers.items():
            by_year = self.numbers.setdefault(name, {})
            by_year.setdefault(year, np.full(self.width, np.nan))[columns] = number

    def tables(self, years: Sequence[int | None]) -> tuple[dict[str, Floats], tuple[int | None, ...]]:
        """Arrays of shape (n_blocks, n_columns), and the year of each block: all years, then None, where used."""
        used = {year for by_year in self.numbers.values() for year in by_year}
        blocks = tuple(year for year in (*dict.fromkeys(years), None) if year in used)
        blocks = tuple(dict.fromkeys(blocks))
        nothing = np.full(self.width, np.nan)
        tables = {
            name: np.array([by_year.get(year, nothing) for year in blocks]).reshape(len(blocks), self.width)
            for name, by_year in self.numbers.items()
        }
        return tables, blocks


@dataclass(frozen=True)
class Saved:
    """Parameters of an earlier run, by the number of the step, then by code and year.

    Attributes:
        parameters: Numbers by name.
        distributions: Values among which others are ranked.
    """

    parameters: Mapping[int, Mapping[tuple[str, int | None], Mapping[str, float]]]
    distributions: Mapping[int, Mapping[tuple[str, int | None], Distribution]]

    def numbers(self, step: int, code: str, year: int | None) -> Mapping[str, float] | None:
        """Numbers of an indicator in a year, else those that hold for every year; None without any."""
        table = self.parameters.get(step, {})
        return table.get((code, year), table.get((code, None)))

    def distribution(self, step: int, code: str, year: int | None) -> Distribution | None:
        """Values of an indicator in a year, else of all years; None without any."""
        table = self.distributions.get(step, {})
        return table.get((code, year), table.get((code, None)))
