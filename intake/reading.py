"""One received file, whatever it holds, into the tables of intake.

What belongs here: which files are submissions, and the promise that no file raises or stops the others. What does
not: the formats (`workbook.py`, `bulk.py`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from intake import tables
from intake.tables import Fault, ReadResult
from intake.workbook import read_workbook
from intake.xlsx import Refused
from ssc_index.framework.catalogue import Catalogue

WORKBOOK_SUFFIXES = (".xlsx", ".xlsm")
BULK_SUFFIXES = (".csv", ".parquet")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_submission(path: Path, catalogue: Catalogue) -> ReadResult:
    """Read a workbook or a bulk file; whatever is wrong with it becomes faults.

    Args:
        path: File to read; its suffix says which of the two it is.
        catalogue: The KPI catalogue.

    Returns:
        Rows and faults; a file that cannot be read at all is refused.
    """
    kind: Literal["workbook", "bulk"] = "bulk" if path.suffix.lower() in BULK_SUFFIXES else "workbook"
    file_sha256 = sha256_of(path)
    try:
        return read_workbook(path, file_sha256, catalogue)
    except Refused as error:
        return tables.refusal(file_sha256, kind, [Fault(error.rule, error.message, file_sha256=file_sha256)])
