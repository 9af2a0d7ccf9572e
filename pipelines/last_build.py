"""What the last build from the command line was made from, so that a build with nothing new ends at once.

What belongs here: the address of all that a build looks at, and the note of the last one. What does not: which
steps are stale once something is new (`assets/freshness.py`).
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from assets.freshness import PUBLISHING, code_sha256
from assets.publish import standing
from assets.workspace import MARKER, Workspace

NOTE = "last-build"


@dataclass(frozen=True)
class LastBuild:
    """A build that came to its end.

    Attributes:
        basis_sha256: Address of everything it looked at.
        marts: Addresses of the public and the internal mart that it left.
        first: First edition that was asked for.
        last: Last edition that was asked for.
        run_id: Dagster's run.
        failed_checks: Asset checks that did not hold, with what they counted.
    """

    basis_sha256: str
    marts: list[str]
    first: int
    last: int
    run_id: str
    failed_checks: dict[str, str]


def basis_of(workspace: Workspace) -> str:
    """Address of every file below raw/ by place and content, the method, the workspace's settings and the code."""
    digest = hashlib.sha256(f"{code_sha256(PUBLISHING)} {workspace.as_of}".encode())
    settings = [workspace.root / MARKER, workspace.method_path]
    for path in [*settings, *sorted(workspace.raw.rglob("*"))]:
        if path.is_file():
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"\n{os.path.relpath(path, workspace.root)} {content}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def nothing_new(workspace: Workspace, basis: str, first: int, last: int) -> LastBuild | None:
    """The last build, if it was made from the same, covers the range, and what it left is still there."""
    note = _note(workspace)
    if not (note.is_file() and workspace.warehouse.is_file()):
        return None
    try:
        found = LastBuild(**json.loads(note.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return None  # another version's note
    is_same = found.basis_sha256 == basis and found.marts == addresses(workspace)
    return found if is_same and found.first <= first and last <= found.last else None


def addresses(workspace: Workspace) -> list[str]:
    """Addresses of the public and the internal mart as they stand; empty texts where they do not."""
    marts = (standing(path) for path in (workspace.public_mart, workspace.internal_mart))
    return [mart.content_sha256 if mart else "" for mart in marts]


def note_build(workspace: Workspace, build: LastBuild) -> None:
    """Keep the note of a build that came to its end."""
    note = _note(workspace)
    new = note.with_name(f"{note.name}.{os.getpid()}")
    new.write_text(json.dumps(asdict(build), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    new.replace(note)


def _note(workspace: Workspace) -> Path:
    moment = "" if workspace.as_of is None else f"-{workspace.as_of:%Y%m%dT%H%M%SZ}"
    return workspace.dagster_home / f"{NOTE}{moment}.json"
