"""Several files read into one frame of each kind.

What belongs here: what a process of a pool is asked for, and so little else that it starts quickly. What does not:
the reading of a single file (`reading.py`) and who writes the rows down.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from intake import tables
from intake.reading import read_submission
from intake.tables import ReadResult
from ssc_index.framework.catalogue import load_catalogue


@dataclass(frozen=True)
class Readings:
    """What reading several workbooks gave, in one frame of each kind: between processes a frame costs, not a row.

    Attributes:
        files: Rows of `tables.FILES`.
        submissions: Rows of `tables.SUBMISSIONS`.
        cells: Rows of `tables.CELLS`.
        faults: Rows of `tables.FAULTS`.
    """

    files: pl.DataFrame
    submissions: pl.DataFrame
    cells: pl.DataFrame
    faults: pl.DataFrame


def gathered(results: Sequence[ReadResult]) -> Readings:
    """What was read of several files, in their order; there must be one."""
    facts = [
        {
            "file_sha256": result.file_sha256,
            "kind": result.kind,
            "status": result.status,
            "framework_version": result.framework_version,
            "column_map": json.dumps(dict(result.column_map), sort_keys=True),
        }
        for result in results
    ]
    return Readings(
        tables.frame(tables.FILES, {name: [fact[name] for fact in facts] for name in tables.FILES}),
        pl.concat([result.submissions for result in results]),
        pl.concat([result.cells for result in results]),
        pl.concat([result.faults for result in results]),
    )


def read_workbooks(paths: Sequence[Path]) -> Readings:
    """Read several workbooks against the shipped catalogue: what a process of a pool is asked for."""
    return gathered([read_submission(path, load_catalogue()) for path in paths])
