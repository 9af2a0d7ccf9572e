"""Taking in submissions: only files not seen before are parsed; receipts and register are read anew.

What belongs here: the order of work and what is kept where. What does not: reading of a file (`intake`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import duckdb
import polars as pl

from assets.warehouse import insert_rows, replace_rows, transaction
from assets.workspace import Workspace
from intake.reading import read_submission, sha256_of
from intake.tables import ReadResult
from schemas import raw
from ssc_index.framework.catalogue import load_catalogue

# Below so many new files a pool of processes costs more than it saves.
SMALLEST_POOL = 24

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Ingested:
    """What an ingest found.

    Attributes:
        seen: Distinct files below raw/.
        new: Of these, files parsed now.
        vanished: Files known from before that are no longer there.
    """

    seen: int
    new: int
    vanished: int
