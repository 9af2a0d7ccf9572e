"""Whether everything that a build needs is in order, and what to do where it is not.

What belongs here: looking. What does not: mending.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from assets.workspace import MARKER, Workspace, WorkspaceError, default_root, open_workspace
from intake.reading import LinkError
from ssc_index.errors import SscIndexError

SMALLEST_FREE_GB = 1.0
PACKAGES = ("dagster", "duckdb", "polars", "pandera", "pyarrow", "numpy", "scipy")


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        what: What was looked at.
        is_fine: Whether it is in order.
        says: What was found, and what to do if it is not in order.
    """

    what: str
    is_fine: bool
    says: str


def examine(root: Path | None) -> list[Finding]:
    """Look at Python, packages, catalogue, workspace, method, disk and the published mart."""
    return list(_examine(root or default_root()))


def _examine(root: Path) -> Iterator[Finding]:
    version = sys.version_info[:2]
    yield Finding("Python", (3, 11) <= version <= (3, 13), ".".join(map(str, sys.version_info[:3])))
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    yield Finding("packages", True, ", ".join(f"{name} {number}" for name, number in versions.items()))
    yield _catalogue()
    try:
        workspace = open_workspace(root)
    except WorkspaceError as error:
        yield Finding("workspace", False, str(error))
        return
    kind = "demo data" if workspace.is_demo else "real submissions"
    yield Finding("workspace", True, f"{workspace.name} ({kind}) at {workspace.root}")
    yield _method(workspace)
    try:
        yield _raw(workspace)
        yield _private(workspace)
    except LinkError as error:
        yield Finding("submissions", False, str(error))
    free = shutil.disk_usage(workspace.root).free / 1e9
    yield Finding("disk", free >= SMALLEST_FREE_GB, f"{free:.1f} GB free; at least {SMALLEST_FREE_GB:g} GB is needed")
    writable = os.access(workspace.root, os.W_OK)
    yield Finding("writable", writable, str(workspace.root) if writable else f"{workspace.root} cannot be written")
    yield _mart(workspace)


def _catalogue() -> Finding:
    from ssc_index.framework.catalogue import load_catalogue

    try:
        catalogue = load_catalogue()
    except SscIndexError as error:
        return Finding("catalogue", False, str(error))
    return Finding(
        "catalogue",
        True,
        f"{catalogue.version}: {len(catalogue.kpis)} KPIs, {len(catalogue.data_points)} data points",
    )


def _method(workspace: Workspace) -> Finding:
    from ssc_index.method import read_method

    try:
        method = read_method(workspace.method_path)
    except SscIndexError as error:
        return Finding("method", False, str(error))
    return Finding("method", True, f"{method.name}, {len(method.steps)} steps ({workspace.method_path.name})")


def _raw(workspace: Workspace) -> Finding:
    from intake.reading import raw_files, stray_files

    count = len(raw_files(workspace.raw))
    told = [f"{count} submission files below {workspace.raw}", *(one.message for one in stray_files(workspace.raw))]
    return Finding("submissions", len(told) == 1 and count > 0, "; ".join(told))


def _private(workspace: Workspace) -> Finding:
    told = open_files(workspace)
    if told:
        return Finding("confidential", False, told)
    reason = "is invented" if workspace.is_demo else "is published already" if workspace.raw_is_public else "is private"
    return Finding("confidential", True, f"what lies below {workspace.raw} {reason}")


def open_files(workspace: Workspace) -> str:
    """What to do where any user of the machine can read what is confidential; empty where none can."""
    from intake.private import open_to_others

    count = 0 if workspace.is_demo or workspace.raw_is_public else open_to_others(workspace.raw)
    if not count:
        return ""
    return (
        f"any user of this machine can read {count} files below {workspace.raw}, where submissions, receipts and names "
        f"of persons lie; run chmod -R o-rwx {workspace.raw} (or, if all of it is published, write raw_is_public: true "
        f"in {MARKER})"
    )


def _mart(workspace: Workspace) -> Finding:
    from pipelines.show import QueryError, read

    if not workspace.public_mart.exists():
        return Finding("mart", True, "none yet; `ssc-index build` makes it")
    try:
        editions = read(workspace, "select edition from dim_edition").height
        read(workspace, "select edition from dim_edition", internal=True)
    except QueryError as error:
        return Finding("mart", False, str(error))
    mode = workspace.internal_mart.stat().st_mode & 0o777
    if mode != 0o600:
        return Finding("mart", False, f"the internal mart has mode {mode:o}; run chmod 600 {workspace.internal_mart}")
    return Finding("mart", True, f"{editions} editions published; the internal mart has mode 600")


def show_examination(console: Console, findings: list[Finding]) -> None:
    """The findings as a table."""
    table = Table(box=None, show_header=False)
    for _ in ("mark", "what", "says"):
        table.add_column(overflow="fold")
    for finding in findings:
        mark = Text("ok", style="green") if finding.is_fine else Text("no", style="red")
        table.add_row(mark, finding.what, finding.says)
    console.print(table)
