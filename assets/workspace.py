"""Where one index lives: its raw submissions, its warehouse, its marts.

What belongs here: paths and the marker file. What does not: anything that is in those places.
A workspace is a folder; the shipped one is ``data/``, the demo cohort has one of its own, and nothing is ever
read from two of them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from ssc_index.errors import SscIndexError

PROJECT = Path(__file__).resolve().parent.parent
MARKER = "workspace.yaml"
ENVIRONMENT_VARIABLE = "SSC_INDEX_WORKSPACE"
_MARKER_KEYS = {"name", "is_demo", "method", "raw_is_public"}
_TRUTHS = ("is_demo", "raw_is_public")


class WorkspaceError(SscIndexError):
    """A workspace that cannot be used, with what to do about it."""


@dataclass(frozen=True)
class Workspace:
    """The places of one index.

    Attributes:
        root: Folder of the workspace.
        name: Name shown to people.
        is_demo: Whether its cities are invented; shown wherever its numbers are.
        method_path: Method file of the index.
        as_of: Only submissions received by then count; None counts all. Such a view has a warehouse and marts of
            its own below ``as-of/``, so that it can never be taken for the published one.
        raw_is_public: Whether all that lies below ``raw/`` has been published already, so that anybody may read it. It
            opens nothing: what is shown follows from consent alone.
        status: What its editions call themselves: ``draft``, or ``release`` while one is frozen. No file can set
            it, so that no draft can be taken for a release.
    """

    root: Path
    name: str
    is_demo: bool
    method_path: Path
    as_of: datetime | None = None
    status: str = "draft"
    raw_is_public: bool = False

    @property
    def raw(self) -> Path:
        """Submissions as received: the system of record."""
        return self.root / "raw"

    @property
    def _built(self) -> Path:
        return (
            self.root
            if self.as_of is None
            else self.root / "as-of" / self.as_of.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        )

    @property
    def warehouse(self) -> Path:
        """The DuckDB file with all tables; can be deleted and rebuilt from `raw`."""
        return self._built / "warehouse.duckdb"

    @property
    def marts(self) -> Path:
        """Folder of the published marts."""
        return self._built / "marts"

    @property
    def public_mart(self) -> Path:
        """The mart that anyone may read."""
        return self.marts / "ssc_index.duckdb"

    @property
    def internal_mart(self) -> Path:
        """The mart of the index team, mode 0600."""
        return self.marts / "ssc_index_internal.duckdb"

    @property
    def dagster_home(self) -> Path:
        """Run history and settings of Dagster for this workspace."""
        return self.root / ".dagster"


def open_workspace(root: Path, as_of: datetime | None = None, status: str = "draft") -> Workspace:
    """Read a workspace's marker file.

    Args:
        root: Folder of the workspace.
        as_of: Only submissions received by then count.
        status: What its editions call themselves.

    Returns:
        The workspace; name and method fall back to the folder's name and the shipped method.

    Raises:
        WorkspaceError: If the folder has no ``raw/``, or the marker has unknown or wrong keys.
    """
    root = root.resolve()
    if not (root / "raw").is_dir():
        raise WorkspaceError(
            f"{root} is no workspace: it has no folder raw/. "
            "Make one with `ssc-index demo --workspace DIR`, or create DIR/raw and put submissions there."
        )
    marker = _marker(root / MARKER)
    method = PROJECT / "methods" / "index-2026.yaml"
    if "method" in marker:
        method = (root / str(marker["method"])).resolve()
    if not method.is_file():
        raise WorkspaceError(f"{root / MARKER}: method {method} does not exist.")
    truths = {name: bool(marker.get(name, False)) for name in _TRUTHS}
    return Workspace(root, str(marker.get("name", root.name)), method_path=method, as_of=as_of, status=status, **truths)


def default_root() -> Path:
    """The workspace meant when none is named: the environment's, ``./data``, or the checkout's ``data/``."""
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(named)
    here = Path.cwd() / "data"
    return here if (here / "raw").is_dir() else PROJECT / "data"


def _marker(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{path} is not YAML in UTF-8: {error}") from error
    if not isinstance(content, dict) or (unknown := set(content) - _MARKER_KEYS):
        listed = ", ".join(sorted(map(str, unknown))) if isinstance(content, dict) else "no mapping"
        raise WorkspaceError(f"{path}: {listed} is unknown here; it may hold {', '.join(sorted(_MARKER_KEYS))}.")
    for name in _TRUTHS:
        if not isinstance(content.get(name, False), bool):
            raise WorkspaceError(f"{path}: {name} is {content[name]!r}; write true or false.")
    return content
