"""The one resource of the assets: the workspace and its warehouse.

What belongs here: how an asset reaches tables. What does not: the tables' content.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl

from assets import warehouse
from assets.workspace import Workspace, open_workspace
from schemas.table import Table


class WorkspaceResource(dg.ConfigurableResource[None]):
    """A workspace, for assets.

    Attributes:
        root: Folder of the workspace.
        as_of: ISO date and time with zone; only submissions received by then count. Empty counts all.
        status: What the editions call themselves, ``draft`` or ``release``.
        afresh: Whether to compute what already stands on the same inputs.
    """

    root: str
    as_of: str = ""
    status: str = "draft"
    afresh: bool = False

    @property
    def workspace(self) -> Workspace:
        """The workspace's places."""
        as_of = datetime.fromisoformat(self.as_of) if self.as_of else None
        return open_workspace(Path(self.root), as_of, self.status)

    @contextmanager
    def writer(self, purpose: str, tables: Sequence[Table]) -> Iterator[duckdb.DuckDBPyConnection]:
        """The warehouse, open for writing, with these tables present."""
        with warehouse.open_writer(self.workspace.warehouse, purpose, tables) as connection:
            yield connection

    def read(self, **queries: warehouse.Query) -> dict[str, pl.DataFrame]:
        """Rows of some queries on the warehouse, all on the same state of it, by the names given."""
        return warehouse.read_queries(self.workspace.warehouse, queries)

    def read_coded(self, **queries: warehouse.Query) -> dict[str, pl.DataFrame]:
        """As `read`, with texts as categories (`assets.warehouse.coded_rows_of`)."""
        return warehouse.read_queries(self.workspace.warehouse, queries, coded=True)
