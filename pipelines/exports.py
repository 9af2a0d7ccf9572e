"""The log of exports: who had what written out of the workspace, and when.

What belongs here: the file ``exports.csv`` of a workspace and its lines. What does not: the writing of what is
exported. The log is internal: it names cities.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from intake.ledger import Ledger

if TYPE_CHECKING:
    from assets.workspace import Workspace

NAME = "exports.csv"
COLUMNS = ("at", "by", "what", "audience", "content", "target")
USER_VARIABLE = "SSC_INDEX_USER"


def log_of(workspace: Workspace) -> Ledger:
    """The log of a workspace; only ever added to."""
    return Ledger(workspace.root / NAME, COLUMNS)


def now() -> str:
    """The time of an entry, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user() -> str:
    """Who works here: SSC_INDEX_USER, else the user of the operating system."""
    if named := os.environ.get(USER_VARIABLE):
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return str(os.getuid())


def note_export(workspace: Workspace, what: str, audience: str, target: str, content: str | None = None) -> None:
    """Add a line to the log.

    Args:
        workspace: The workspace.
        what: What was written, for example ``site``.
        audience: ``public``, ``internal``, or the city that it is for.
        target: Where it went.
        content: Address of what it was made from; None takes that of the mart of the audience.
    """
    from assets.publish import standing

    if content is None:
        mart = standing(workspace.internal_mart if audience == "internal" else workspace.public_mart)
        content = "" if mart is None else mart.content_sha256
    entry = {"at": now(), "by": user(), "what": what, "audience": audience, "content": content, "target": target}
    log_of(workspace).append([entry])


def entries(workspace: Workspace) -> tuple[Sequence[dict[str, str]], list[str]]:
    """All lines, and where the chain is broken."""
    return log_of(workspace).read()
