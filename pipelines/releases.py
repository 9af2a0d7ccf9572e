"""Releases: an edition frozen with all that it was made from, kept for ever and never rewritten.

What belongs here: making, listing, withdrawing a release, and which one readers are pointed at. What does not: what
lies in its folder (`release_folder.py`), whether it is what it says it is (`release_verification.py`), how an edition
is computed – a release is built from raw submissions by the same job as a draft.

``releases/journal.csv`` says, line by line, what was released, withdrawn, or made current; lines are only ever added.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from assets.publish import lead, private_folder
from assets.warehouse import connect, read_queries, writer_lock
from assets.workspace import Workspace
from intake.durable import sync
from intake.ledger import Ledger
from pipelines import run
from pipelines.release_folder import (
    FACTS,
    METHOD,
    RESTORE,
    ReleaseError,
    address_of,
    changed_files,
    facts_for,
    facts_of,
    framework_sha256,
    put_together,
    refuse_changed,
    view_of,
)

FOLDER, JOURNAL = "releases", "journal.csv"
WORDS = ("current", "previous")
COLUMNS = ("at", "event", "release", "reason")
ADDRESS_LENGTH = 12
CURRENT = "ssc_index_release"


@dataclass(frozen=True)
class Release:
    """A frozen edition.

    Attributes:
        name: Edition and beginning of the address, for example ``2025-0f3a91c2b7de``.
        edition: Reference year.
        address: SHA-256 of what it is and was made from.
        folder: Where it lies.
        withdrawn_because: Why it was withdrawn; None while it stands.
        is_current: Whether readers of the released mart are pointed at it.
        released_at: When the journal says it was made, UTC.
        reason: What the journal says of it.
        damage: Why what it says of itself cannot be trusted; None where it can. Then its address is the beginning that
            its name tells, and readers are not pointed at it.
    """

    name: str
    edition: int
    address: str
    folder: Path
    withdrawn_because: str | None = None
    is_current: bool = False
    released_at: str = ""
    reason: str = ""
    damage: str | None = None

    @property
    def stands(self) -> bool:
        """Whether readers may be pointed at it."""
        return self.withdrawn_because is None and self.damage is None

    @property
    def public_mart(self) -> Path:
        """The mart that anyone may read."""
        return self.folder / "marts" / "ssc_index.duckdb"

    @property
    def internal_mart(self) -> Path:
        """The mart of the index team."""
        return self.folder / "marts" / "ssc_index_internal.duckdb"


def release_edition(workspace: Workspace, edition: int, reason: str = "") -> Release:
    """Build an edition from raw submissions and freeze it; make it the current release.

    Args:
        workspace: The workspace.
        edition: Reference year.
        reason: What the journal says of it.

    Returns:
        The release. The same edition from the same inputs by the same code is the same release: it is made once.

    Raises:
        ReleaseError: If the workspace has no submission of the edition, or a file is damaged or was replaced; if what
            comes out is a release that was withdrawn.
        BuildError: If the build fails.
    """
    with writer_lock(workspace.root / FOLDER / "releases", f"releasing {edition}"), _making(workspace) as making:
        known = {(line["event"], line["release"]) for line in _lines(workspace)}
        view, submissions = view_of(workspace, edition, making)
        made = built(view, edition)
        _refuse_damaged(made, submissions)
        facts = facts_for(view, edition)
        address = address_of(facts)
        name = f"{edition}-{address[:ADDRESS_LENGTH]}"
        target = workspace.root / FOLDER / name
        _refuse_withdrawn(workspace, name)
        if not target.exists():
            put_together(making / "release", made, facts)
            (making / "release").replace(target)
            sync(target.parent)
        elif facts_of(target) != facts:
            raise ReleaseError(f"{target} is there and is another release; this cannot be. Nothing was changed.")
        else:
            refuse_changed(target)
        if ("released", name) not in known:
            _note(workspace, "released", name, reason)
        _make_current(workspace, name, reason)
    return find(workspace, name)


def _refuse_withdrawn(workspace: Workspace, name: str) -> None:
    """Do not bring back by another command what was withdrawn for good."""
    lines = [line for line in _lines(workspace) if (line["event"], line["release"]) == ("withdrawn", name)]
    if lines:
        raise ReleaseError(
            f"What comes out is {name} again, which was withdrawn ({lines[-1]['reason']}): submissions, receipts, "
            "method and code are those that it was made from. Correct them first."
        )


def releases(workspace: Workspace) -> list[Release]:
    """All releases in the order of their making, withdrawn and damaged ones too."""
    lines = _lines(workspace)
    withdrawn = {line["release"]: line["reason"] for line in lines if line["event"] == "withdrawn"}
    made = {line["release"]: line for line in lines if line["event"] == "released"}
    pointed_at = _current(workspace)
    found = []
    for name, line in made.items():
        folder = workspace.root / FOLDER / name
        edition, address, damage = _told_of_itself(folder)
        told = (withdrawn.get(name), name == pointed_at, line["at"], line["reason"])
        found.append(Release(name, edition, address, folder, *told, damage=damage))
    return found


def unknown_folders(workspace: Workspace) -> list[str]:
    """Folders of releases of which the journal holds no line: one that was killed, or lines that were lost."""
    made = {line["release"] for line in _lines(workspace) if line["event"] == "released"}
    folders = sorted((workspace.root / FOLDER).glob("[0-9][0-9][0-9][0-9]-*"))
    return [path.name for path in folders if path.is_dir() and path.name not in made]


def current(workspace: Workspace) -> Release | None:
    """The release that readers are pointed at; None where there is none."""
    return next((one for one in releases(workspace) if one.is_current), None)


# What a mart shows of which city.
SHOWN = """
    select 'scores' as what, city_id from fact_score where edition = ? and level = 'index'
    union
    select 'values', city_id from fact_value where edition = ?
"""


def no_longer_shown(workspace: Workspace, release: Release) -> dict[str, int]:
    """Of how many cities a release shows scores, and values, that the draft of its edition shows no more.

    Consent may have been withdrawn since. A release stays as it is; whether it is withdrawn is for a person to decide.

    Raises:
        ReleaseError: If a mart cannot be read.
    """
    shown = []
    for path in (release.public_mart, workspace.public_mart):
        try:
            with connect(path, read_only=True) as connection:
                shown.append(set(connection.execute(SHOWN, [release.edition] * 2).fetchall()))
        except duckdb.Error as error:
            raise ReleaseError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    return {what: sum(one == what for one, _ in shown[0] - shown[1]) for what in ("scores", "values")}


def marts_of(release: Release) -> Workspace:
    """A release as reports take a workspace: its marts and its method. Nothing may be written there.

    Raises:
        ReleaseError: If it was withdrawn or is damaged, or the catalogue has changed since: names, definitions and
            goalposts are taken from the catalogue.
    """
    if release.withdrawn_because is not None:
        raise ReleaseError(f"{release.name} was withdrawn ({release.withdrawn_because}); choose another.")
    if release.damage is not None:
        raise ReleaseError(release.damage)
    facts = facts_of(release.folder)
    if facts.get("framework_sha256") != framework_sha256(release.edition):
        raise ReleaseError(
            f"{release.name} has another framework than the catalogue has for {release.edition} now, so that texts and "
            "figures would not fit. Check out the version that made it."
        )
    return Workspace(
        release.folder, str(facts["workspace"]), bool(facts["is_demo"]), release.folder / METHOD, status="release"
    )


def _told_of_itself(folder: Path) -> tuple[int, str, str | None]:
    """Edition and address of a release, and why they are taken from its name alone where its facts are damaged."""
    edition, _, beginning = folder.name.partition("-")
    if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
        return int(edition), beginning, None  # withdrawn, and closed to this user
    try:
        facts = facts_of(folder)
    except ReleaseError as error:
        return int(edition), beginning, str(error)
    address = address_of(facts)
    if address[:ADDRESS_LENGTH] == beginning and str(facts.get("edition")) == edition:
        return int(edition), address, None
    return int(edition), address, f"{folder / FACTS} was changed: its address is {address}. {RESTORE}"


def find(workspace: Workspace, wanted: str) -> Release:
    """The release of a name, of the beginning of a name, or the last standing one of an edition.

    ``current`` is the one that readers are pointed at, ``previous`` the last one before it that stands.

    Raises:
        ReleaseError: If there is none, or the beginning fits several.
    """
    known = releases(workspace)
    if wanted in WORDS:
        return _by_word(known, wanted)
    fitting = [one for one in known if one.name.startswith(wanted)]
    if wanted.isdecimal() and len(wanted) == 4:
        standing_ones = [one for one in fitting if one.stands]
        fitting = (standing_ones or fitting)[-1:]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(one.name for one in (fitting or known)) or "none yet; make one with `ssc-index release YEAR`"
    said = "fits several releases" if fitting else "is no release"
    raise ReleaseError(f"{wanted} {said}: {names}.")


def _by_word(known: Sequence[Release], word: str) -> Release:
    """The current release, or the last standing one that was made before it."""
    place = next((number for number, one in enumerate(known) if one.is_current), None)
    if place is None:
        raise ReleaseError("No release is current: none has been made, or all were withdrawn.")
    standing_ones = [one for one in known[:place] if one.stands]
    if word == "current":
        return known[place]
    if not standing_ones:
        raise ReleaseError(f"No release before {known[place].name} stands.")
    return standing_ones[-1]


def rollback(workspace: Workspace, release: Release, reason: str) -> Release:
    """Point readers of the released mart at a release.

    Raises:
        ReleaseError: If it was withdrawn, or a file of it is not as it was made.
    """
    with writer_lock(workspace.root / FOLDER / "releases", f"rolling back to {release.name}"):
        release = find(workspace, release.name)  # it may have been withdrawn while we waited
        if release.withdrawn_because is not None:
            raise ReleaseError(f"{release.name} was withdrawn ({release.withdrawn_because}); choose another.")
        if release.damage is not None:
            raise ReleaseError(release.damage)
        refuse_changed(release.folder)
        _make_current(workspace, release.name, reason)
    return find(workspace, release.name)


def withdraw(workspace: Workspace, release: Release, reason: str) -> Release | None:
    """Withdraw a release; its folder stays, for its owner. Readers get the last one before it that stands and is whole.

    Never at a later one: whoever rolled back to this one has taken that from the readers.

    Returns:
        The release that is current now; None if none before it stands.
    """
    with writer_lock(workspace.root / FOLDER / "releases", f"withdrawing {release.name}"):
        release = find(workspace, release.name)
        if release.withdrawn_because is None:
            _note(workspace, "withdrawn", release.name, reason)
        known = releases(workspace)
        before = known[: [one.name for one in known].index(release.name)]
        whole = (one for one in reversed(before) if one.stands and not changed_files(one.folder))
        if release.is_current and (next_one := next(whole, None)) is not None:
            _make_current(workspace, next_one.name, f"{release.name} was withdrawn")
        elif release.is_current:
            for link in _links(workspace):
                link.unlink(missing_ok=True)
        if release.folder.is_dir():
            release.folder.chmod(0o700)  # what it shows may be what a city no longer consents to
    return current(workspace)


@contextmanager
def _making(workspace: Workspace) -> Iterator[Path]:
    """A private folder beside the releases; what killed makings left there is removed. Hold the releases' lock."""
    folder = workspace.root / FOLDER
    folder.mkdir(exist_ok=True)
    sync(workspace.root)
    for leftover in folder.glob(".making-*"):
        shutil.rmtree(leftover)
    making = Path(tempfile.mkdtemp(prefix=".making-", dir=folder))
    try:
        yield making
    finally:
        shutil.rmtree(making, ignore_errors=True)


def built(view: Workspace, edition: int) -> Workspace:
    """Build one edition of a view (`release_folder.view_of`)."""
    run.build(view, edition, edition)
    return view


# What keeps a whole file out. A draft goes on without it and says so; a release must not lose a city that way.
DAMAGED_FILES = """
    select path, file_sha256, 'it cannot be read as a submission' as reason
    from raw.files
    where status = 'refused' and is_present
    union
    select files.path, files.file_sha256, 'it is not the file that its receipt is for' as reason
    from raw.receipt_faults as faults
    inner join raw.files as files on faults.file_sha256 = files.file_sha256
    where faults.rule = 'other_file' and files.is_present
    order by 1, 2
"""

TAKEN_IN = "select file_sha256 from raw.files where is_present"


def _refuse_damaged(view: Workspace, submissions: Sequence[tuple[str, str]]) -> None:
    """Refuse to release an edition that a damaged or replaced file would be missing from; name every one.

    A file that the warehouse does not know ended its reader, or was changed after we listed it.
    """
    found = read_queries(view.warehouse, {"damaged": DAMAGED_FILES, "taken_in": TAKEN_IN})
    rows = found["damaged"].rows()
    taken_in = set(found["taken_in"]["file_sha256"])
    unknown = "it could not be read, or was changed while the release was made"
    rows += [(place, sha, unknown) for place, sha in submissions if sha not in taken_in]
    if rows:
        listed = [f"raw/{path}: {reason} (SHA-256 {sha})" for path, sha, reason in rows]
        hint = "Put back the file that was received, or take it out of raw/ with its receipt if it is not to count."
        raise ReleaseError("\n".join(["Files of this edition are damaged. " + hint, *listed]))


def _journal(workspace: Workspace) -> Ledger:
    return Ledger(workspace.root / FOLDER / JOURNAL, COLUMNS)


def _lines(workspace: Workspace) -> list[dict[str, str]]:
    """All lines of the journal.

    Raises:
        ReleaseError: If it was changed otherwise than by adding a line: what was withdrawn could stand again.
    """
    lines, faults = _journal(workspace).read()
    if faults:
        said = "The releases and what readers are pointed at are as they were. Restore it from a backup."
        path = workspace.root / FOLDER / JOURNAL
        raise ReleaseError("\n".join([f"{path} was changed by hand. {said}", *faults]))
    return lines


def _note(workspace: Workspace, event: str, name: str, reason: str) -> None:
    """Add a line to the journal. Lines are numbered: clocks may go back."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    _journal(workspace).append([{"at": at, "event": event, "release": name, "reason": reason}])


def _links(workspace: Workspace) -> tuple[Path, Path]:
    return workspace.marts / f"{CURRENT}.duckdb", workspace.marts / f"{CURRENT}_parquet"


def _current(workspace: Workspace) -> str | None:
    """The release that the link of the released mart leads to; None where it is no such link."""
    link = _links(workspace)[0]
    return link.readlink().parent.parent.name if link.is_symlink() else None


def _make_current(workspace: Workspace, name: str, reason: str) -> None:
    """Point readers at a release: each link is replaced in one step.

    The mart's, which says what is current, comes last: if we are killed before it, the next call does it all again.
    """
    mart, parquet = _links(workspace)
    released = workspace.root / FOLDER / name / "marts"
    targets = {parquet: released / "ssc_index_parquet", mart: released / "ssc_index.duckdb"}
    if all(link.is_symlink() and link.resolve() == target.resolve() for link, target in targets.items()):
        return
    _note(workspace, "current", name, reason)
    with private_folder(mart) as folder:
        # Links lead from where marts/ really lies: it may be a link to another disk.
        way = Path(os.path.relpath(released.resolve(), workspace.marts.resolve()))
        for link, target in targets.items():
            lead(link, way / target.name, folder)
        sync(workspace.marts)
