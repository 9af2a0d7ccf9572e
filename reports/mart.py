"""The public mart as reports read it: a frame a table, and what follows from one of them.

What belongs here: the tables and small look-ups. What does not: opening a database (`pipelines`), and any figure that
the mart does not hold. Site and factsheets refuse tables that are not the public ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from ssc_index.errors import SscIndexError

TABLES = (
    "dim_city",
    "dim_edition",
    "dim_goalpost",
    "dim_kpi",
    "fact_benchmark",
    "fact_change",
    "fact_change_kpi",
    "fact_correlation",
    "fact_importance",
    "fact_one_at_a_time",
    "fact_peer",
    "fact_peer_position",
    "fact_rank_distribution",
    "fact_rank_shift",
    "fact_rank_uncertainty",
    "fact_score",
    "fact_sensitivity",
    "fact_value",
)
GROUPINGS = ("region", "income_group", "size_class")
UPPER_LEVELS = ("index", "dimension", "sub_dimension")


NO_EDITION = (
    "The public mart has no edition: nothing is built or verified yet, or no city agrees to publish its scores. "
    "`ssc-index status` tells how far submissions are, `ssc-index query --internal` what is there."
)


class ReportError(SscIndexError):
    """A report that cannot be made from this mart, and what to do."""


@dataclass(frozen=True)
class Sureness:
    """How sure a city's rank is: among the cities with open values, for a hidden value must not move a public figure.

    Attributes:
        rank: Rank by the method as it stands, among these cities.
        low: 5 % of the replications give this rank or a better one.
        high: 95 % give this rank or a better one.
        tier: Tier; 1 is the best.
        among: How many cities these are.
    """

    rank: int
    low: int
    high: int
    tier: int | None
    among: int


@dataclass(frozen=True)
class PublicMart:
    """The public mart of one workspace.

    Attributes:
        tables: Frames of `TABLES` by name.
        workspace: Name of the workspace, shown to people.
        is_demo: Whether every city and number is invented.
        content_sha256: Address of the mart's content, from its manifest; empty where there is none.
        is_public: Whether the tables are those of the public mart; only the audit for the index team takes others.
    """

    tables: Mapping[str, pl.DataFrame]
    workspace: str
    is_demo: bool
    content_sha256: str = ""
    is_public: bool = True

    def must_be_public(self) -> None:
        """Stop whatever is for everybody from being made of the internal mart.

        Raises:
            ReportError: If the tables are not the public ones.
        """
        if not self.is_public:
            raise ReportError("This is for everybody and is made from the public mart alone.")

    def __getitem__(self, table: str) -> pl.DataFrame:
        return self.tables[table]

    @cached_property
    def editions(self) -> list[int]:
        """Editions, the oldest first."""
        return sorted(self["dim_edition"]["edition"].to_list())

    @cached_property
    def nodes(self) -> list[dict[str, Any]]:
        """Rows of ``dim_kpi`` in the catalogue's order."""
        return self["dim_kpi"].sort("position").to_dicts()

    @cached_property
    def names(self) -> dict[str, str]:
        """Name of each node."""
        return {node["node"]: node["name"] for node in self.nodes}

    @cached_property
    def city_rows(self) -> dict[str, dict[str, Any]]:
        """Rows of ``dim_city`` by key, in the order of the keys."""
        return {row["city_id"]: row for row in self["dim_city"].sort("city_id").to_dicts()}

    def sureness(self, edition: int) -> dict[str, Sureness]:
        """How sure each city's rank by the index is, by its key; only cities with open values have that."""
        root = next(node["node"] for node in self.nodes if node["level"] == "index")
        rows = self["fact_rank_uncertainty"].filter((pl.col("edition") == edition) & (pl.col("node") == root))
        rows = rows.drop_nulls(["rank", "rank_p05", "rank_p95"]).sort("rank", "city_id")
        return {
            row["city_id"]: Sureness(row["rank"], row["rank_p05"], row["rank_p95"], row["tier"], rows.height)
            for row in rows.to_dicts()
        }

    def edition_row(self, edition: int) -> dict[str, Any]:
        """The row of ``dim_edition``."""
        rows = self["dim_edition"].filter(pl.col("edition") == edition).to_dicts()
        if not rows:
            raise ReportError(f"The mart has no edition {edition}; it has {', '.join(map(str, self.editions))}.")
        return rows[0]

    def city_named(self, words: str) -> str:
        """Key of the city that somebody means: its key, its name, or a part that fits one city alone.

        Raises:
            ReportError: If none or several fit; the message names those that are near.
        """
        wanted = words.casefold()
        rows = self.city_rows
        exact = [key for key, row in rows.items() if wanted in (key.casefold(), row["name"].casefold())]
        part = [key for key, row in rows.items() if wanted in key.casefold() or wanted in row["name"].casefold()]
        found = exact or part
        if len(found) == 1:
            return found[0]
        if found:
            listed = ", ".join(f"{rows[key]['name']} ({key})" for key in found[:8])
            raise ReportError(f"{words} fits {len(found)} cities: {listed}. Give the key.")
        near = ", ".join(list(rows)[:5]) or "none: the public mart is empty"
        raise ReportError(f"{words} is no city of the public mart. Known are, for example: {near}.")
