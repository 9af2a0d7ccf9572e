"""What a city is recommended: a table of rules as data, held against its benchmark points.

What belongs here: reading the table and choosing from it. What does not: the texts (``recommendations.yaml``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

TABLE = Path(__file__).with_name("recommendations.yaml")


class Source(BaseModel):
    """Where a recommendation comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str
    href: str


class Recommendation(BaseModel):
    """One rule: a category, the points at or below which it speaks, and what it says."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    category: str
    at_most_points: int
    heading: str
    text: str
    source: Source


@cache
def load_recommendations(path: Path = TABLE) -> tuple[Recommendation, ...]:
    """Read the table; an unknown or missing key is an error."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(Recommendation.model_validate(row) for row in rows)


def recommended(points: Iterable[Mapping[str, Any]]) -> list[tuple[Recommendation, list[str]]]:
    """Recommendations for a city, those that concern most data points first, then in the order of the table.

    Args:
        points: Data points with ``category``, ``name`` and ``points`` (1 to 4; None without a benchmark).

    Returns:
        Each recommendation with the names of the data points that call for it.
    """
    rows = list(points)
    found = []
    for one in load_recommendations():
        of_category = [row for row in rows if row["category"] == one.category and row["points"] is not None]
        low = [row["name"] for row in of_category if row["points"] <= one.at_most_points]
        if low:
            found.append((one, low))
    return sorted(found, key=lambda pair: -len(pair[1]))
