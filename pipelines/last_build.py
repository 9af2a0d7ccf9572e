"""What the last build from the command line was made from, so that the next one does no more than it must.

What belongs here: the address of all that a build looks at, the note of the last one, and the editions that a
change of files can reach. What does not: which steps are stale (`assets/freshness.py` decides, whatever is run).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from assets.editions import max_age, read_edition_method
from assets.freshness import PUBLISHING, code_sha256
from assets.publish import bytes_sha256
from assets.workspace import MARKER, Workspace
from intake.evidence import OLDEST
from intake.reading import is_built_from, visible_files
from intake.receipts import RECEIPT_SUFFIX, years_named

NOTE = "last-build"


@dataclass(frozen=True)
class Looked:
    """Everything that a build looks at.

    Attributes:
        at_large: Address of the code, the method, the workspace's settings and the files that belong to no year.
        files: Address of each submission and receipt, by place below raw/.
        years: Years that the receipt of a submission names, by place of either.
    """

    at_large: str
    files: dict[str, str]
    years: dict[str, list[int]]

    @property
    def address(self) -> str:
        """Address of it all."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class LastBuild:
    """A build that came to its end.

    Attributes:
        looked: What it looked at.
        marts: Addresses of every byte of the public and the internal mart that it left.
        first: First edition that was asked for.
        last: Last edition that was asked for.
        run_id: Dagster's run.
        failed_checks: Asset checks that did not hold, with what they counted.
    """

    looked: Looked
    marts: list[str]
    first: int
    last: int
    run_id: str
    failed_checks: dict[str, str]


def look(workspace: Workspace) -> Looked:
    """Take the address of everything that a build looks at."""
    large = hashlib.sha256(f"{code_sha256(PUBLISHING)} {workspace.as_of}".encode())
    files: dict[str, str] = {}
    years: dict[str, list[int]] = {}
    named: dict[Path, list[int]] = {}
    others = [path for path in (workspace.root / MARKER, workspace.method_path) if path.is_file()]
    # By name alone, wherever they lie: the project may have been moved. No place below raw/ begins so.
    found = {f"../{path.name}": path for path in others}
    found |= {place: workspace.raw / place for place in visible_files(workspace.raw)}
    for place, path in found.items():
        if not is_built_from(path):
            continue
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        receipt = path if path.name.endswith(RECEIPT_SUFFIX) else path.with_name(path.name + RECEIPT_SUFFIX)
        if receipt not in named:  # a submission and its receipt ask for the same
            named[receipt] = sorted(years_named(receipt)) if receipt.is_file() else []
        if named[receipt]:
            files[place], years[place] = content, named[receipt]
        else:
            large.update(f"\n{place} {content}".encode(errors="surrogateescape"))
    return Looked(large.hexdigest(), files, years)


def nothing_new(workspace: Workspace, looked: Looked, first: int, last: int) -> LastBuild | None:
    """The last build, if it was made from the same, covers the range, and what it left is still there."""
    found = _last(workspace)
    if found is None or found.looked != looked or found.marts != addresses(workspace):
        return None
    return found if found.first <= first and last <= found.last else None


def reached(workspace: Workspace, looked: Looked, first: int, last: int) -> tuple[int, int]:
    """The part of a range that files changed since the last build can reach.

    Args:
        workspace: The workspace.
        looked: What is there now.
        first: First edition asked for.
        last: Last edition asked for.

    Returns:
        The years of changed files, as many more as values are carried or compared, and the next edition, which is
        compared with the one before it; the whole range if anything else has changed, or if the last build did not
        cover it.
    """
    found = _last(workspace)
    if found is None or found.looked.at_large != looked.at_large or not (found.first <= first and last <= found.last):
        return first, last
    was, now = found.looked, looked
    changed = {place for place in was.files.keys() | now.files.keys() if was.files.get(place) != now.files.get(place)}
    years = {year for place in changed for year in (*_years(was.years, place), *_years(now.years, place))}
    if not years:
        return first, last
    # A value is also what those of the next years are compared with.
    age = max(max_age(read_edition_method(workspace.method_path)), OLDEST)
    reach = max(years) + age
    reach = min(
        (year for one in (was, now) for named in one.years.values() for year in named if year > reach), default=reach
    )
    low, high = max(first, min(years)), min(last, reach)
    return (low, high) if low <= high else (first, last)


def _years(years: Mapping[str, list[int]], place: str) -> list[int]:
    return years.get(place, [])


def addresses(workspace: Workspace) -> list[str]:
    """Addresses of every byte of the public and the internal mart; empty texts where they do not stand."""
    return [bytes_sha256(path) for path in (workspace.public_mart, workspace.internal_mart)]


def note_build(workspace: Workspace, build: LastBuild) -> None:
    """Keep the note of a build that came to its end."""
    note = note_of(workspace)
    new = note.with_name(f"{note.name}.{os.getpid()}")
    new.touch(0o600)  # it names files, and files name cities
    new.write_text(json.dumps(asdict(build), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    new.replace(note)


def _last(workspace: Workspace) -> LastBuild | None:
    """The note of the last build, while the warehouse that it filled is there."""
    note = note_of(workspace)
    if not (note.is_file() and workspace.warehouse.is_file()):
        return None
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        return LastBuild(**{**told, "looked": Looked(**told["looked"])})
    except (ValueError, TypeError, KeyError):
        return None  # another version's note


def note_of(workspace: Workspace) -> Path:
    """Where the last build that came to its end is noted."""
    moment = "" if workspace.as_of is None else f"-{workspace.as_of:%Y%m%dT%H%M%SZ}"
    return workspace.dagster_home / f"{NOTE}{moment}.json"
