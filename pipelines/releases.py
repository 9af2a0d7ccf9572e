"""Releases: an edition frozen with all that it was made from, kept for ever and never rewritten.

What belongs here: making, listing, verifying, withdrawing a release, and which one readers are pointed at. What does
not: how an edition is computed – a release is built from raw submissions by the same job as a draft.

A release is a folder ``releases/<edition>-<first characters of its address>/``::

    release.json      what it is: method, framework, code, packages, inputs, marts; its SHA-256 is the address
    method.yaml       the method file
    framework.csv     the framework of the edition: tree, weights, goalposts
    marts/            public and internal mart with Parquet and manifests, as `publish` writes them
    inputs/           mode 0700: submissions.csv (place and SHA-256 of each file), receipts without the names of
                      persons, register, table of countries, settings
    checksums.txt     SHA-256 of every public file, as ``sha256sum -c`` reads it; of the others in inputs/

Raw files are not copied: ``raw/`` is the system of record. ``releases/journal.csv`` says, line by line, what was
released, withdrawn, or made current; lines are only ever added.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import duckdb
import yaml

from assets.editions import max_age, read_edition_method
from assets.freshness import PACKAGES, PUBLISHING, code_sha256, queried_address
from assets.publish import lead, private_folder, standing
from assets.warehouse import connect, read_queries, writer_lock
from assets.workspace import MARKER, Workspace, open_workspace
from intake.countries import NATIONAL_NAME
from intake.durable import sync, sync_names
from intake.reading import NAME_NOT_UTF8, raw_files, sha256_of, stray_files
from intake.receipts import copy_without_persons, receipt_path, years_named
from intake.register import REGISTER_NAME
from intake.texts import one_line
from pipelines import run
from ssc_index.errors import FaultsError, SscIndexError
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.framework.save import framework_csv

FOLDER, JOURNAL, FACTS, CHECKSUMS = "releases", "journal.csv", "release.json", "checksums.txt"
METHOD, FRAMEWORK = "method.yaml", "framework.csv"
WORDS = ("current", "previous")
COLUMNS = ("number", "at", "event", "release", "reason")
ADDRESS_LENGTH = 12
RESTORE = "Restore the folder from a backup."
# What a build reads beside submissions and receipts.
OF_ALL_SUBMISSIONS = (REGISTER_NAME, NATIONAL_NAME)
CURRENT = "ssc_index_release"


class ReleaseError(SscIndexError):
    """A release that cannot be made, found or used, with what to do about it."""


class VerificationError(FaultsError):
    """A release that is not what it says it is, or cannot be made again; every difference is listed."""


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
        known = {(line["event"], line["release"]) for line in _journal(workspace)}
        view, submissions = _view(workspace, edition, making)
        built = _built(view, edition)
        _refuse_damaged(built, submissions)
        facts = _facts(view, edition)
        address = _address(facts)
        name = f"{edition}-{address[:ADDRESS_LENGTH]}"
        target = workspace.root / FOLDER / name
        _refuse_withdrawn(workspace, name)
        if not target.exists():
            _put_together(making / "release", built, submissions, facts)
            (making / "release").replace(target)
            sync(target.parent)
        elif _facts_of(target) != facts:
            raise ReleaseError(f"{target} is there and is another release; this cannot be. Nothing was changed.")
        else:
            _refuse_changed(target)
        if ("released", name) not in known:
            _note(workspace, "released", name, reason)
        _make_current(workspace, name, reason)
    return find(workspace, name)


def _refuse_withdrawn(workspace: Workspace, name: str) -> None:
    """Do not bring back by another command what was withdrawn for good."""
    lines = [line for line in _journal(workspace) if (line["event"], line["release"]) == ("withdrawn", name)]
    if lines:
        raise ReleaseError(
            f"What comes out is {name} again, which was withdrawn ({lines[-1]['reason']}): submissions, receipts, "
            "method and code are those that it was made from. Correct them first."
        )


def releases(workspace: Workspace) -> list[Release]:
    """All releases in the order of their making, withdrawn and damaged ones too."""
    lines = _journal(workspace)
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
    made = {line["release"] for line in _journal(workspace) if line["event"] == "released"}
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
    facts = _facts_of(release.folder)
    if facts.get("framework_sha256") != _framework_sha256(release.edition):
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
        facts = _facts_of(folder)
    except ReleaseError as error:
        return int(edition), beginning, str(error)
    address = _address(facts)
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


def verify(workspace: Workspace, release: Release) -> bool:
    """Check that a release is as it was made, and make it again from raw submissions: the bits must be the same.

    Returns:
        Whether it was made by the code and the packages of now. Other ones that make the same bits are no fault.

    Raises:
        VerificationError: With every file that was changed or is missing, and every mart that comes out otherwise.
    """
    faults = _changed_files(release.folder)
    facts = _facts_of(release.folder)
    faults += _other_parts(release.folder, facts)
    if _address(facts) != release.address or not release.name.endswith(release.address[:ADDRESS_LENGTH]):
        faults.append(f"{FACTS}: its address is {_address(facts)}, the release is named {release.name}")
    is_same_code = (facts.get("code_sha256"), facts.get("packages")) == (code_sha256(PUBLISHING), _packages())
    if facts.get("framework_sha256") != _framework_sha256(release.edition):
        faults.append(f"{FRAMEWORK}: the catalogue's framework of {release.edition} is another now")
    with tempfile.TemporaryDirectory(prefix="ssc-index-verify-") as folder:
        making = Path(folder)
        missing = _restore_view(workspace, release, making)
        if missing:
            raise VerificationError(f"{release.name} cannot be made again", [*faults, *missing])
        view = open_workspace(making / "view", status="release")
        faults += _differences(release, facts, _built(view, release.edition))
    if faults and not is_same_code:
        faults.insert(
            0,
            "code: the release was made by other code or packages, so that what follows need not mean a fault; "
            "check out its version and verify there",
        )
    if faults:
        raise VerificationError(f"{release.name} is not what it was", faults)
    return is_same_code


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
        _refuse_changed(release.folder)
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
        whole = (one for one in reversed(before) if one.stands and not _changed_files(one.folder))
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


def _view(workspace: Workspace, edition: int, making: Path) -> tuple[Workspace, list[tuple[str, str]]]:
    """A workspace of what the edition may draw on, and place and SHA-256 of its submissions."""
    if unnamed := [fault.message for fault in stray_files(workspace.raw) if fault.rule == NAME_NOT_UTF8]:
        raise ReleaseError("\n".join(["Files would be missing from the edition.", *unnamed]))
    age = max_age(read_edition_method(workspace.method_path))
    window = range(edition - age, edition + 1)
    submissions = []
    own = False
    for path in raw_files(workspace.raw):
        receipt = receipt_path(path)
        years = years_named(receipt) if receipt.is_file() else set()
        if years.intersection(window):
            place = path.relative_to(workspace.raw).as_posix()
            submissions.append((place, sha256_of(path)))
            own |= edition in years
            copy_without_persons(receipt, making / "inputs" / "receipts" / receipt.relative_to(workspace.raw))
    if not own:
        raise ReleaseError(f"There is no submission of {edition} below {workspace.raw}; there is nothing to release.")
    inputs = making / "inputs"
    for name in OF_ALL_SUBMISSIONS:
        if (workspace.raw / name).is_file():
            _copy(workspace.raw / name, inputs / name)
    settings = {"name": workspace.name, "is_demo": workspace.is_demo, "method": "method.yaml"}
    (inputs / MARKER).write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    _copy(workspace.method_path, making / "method.yaml")
    _write_csv(inputs / "submissions.csv", ("place", "sha256"), submissions)
    _lay_out(making, inputs, making / "method.yaml", {place: workspace.raw / place for place, _ in submissions})
    return open_workspace(making / "view", status="release"), submissions


def _restore_view(workspace: Workspace, release: Release, making: Path) -> list[str]:
    """Lay out the inputs of a release again; a fault for each raw file that is gone or was replaced."""
    inputs = release.folder / "inputs"
    with (inputs / "submissions.csv").open(encoding="utf-8", newline="") as file:
        wanted = [(row["place"], row["sha256"]) for row in csv.DictReader(file)]
    places: dict[str, Path] = {}
    for path in raw_files(workspace.raw):
        places.setdefault(sha256_of(path), path)
    missing = [
        f"raw/{place}: {'another file lies there now' if (workspace.raw / place).is_file() else 'the file is gone'}; "
        f"put back the one that was received, SHA-256 {sha}"
        for place, sha in wanted
        if sha not in places
    ]
    if not missing:
        _lay_out(making, inputs, release.folder / "method.yaml", {place: places[sha] for place, sha in wanted})
    return missing


def _lay_out(making: Path, inputs: Path, method: Path, files: Mapping[str, Path]) -> None:
    """A workspace below ``view/``: links to raw files by the place that each had, copies of all else."""
    view = making / "view"
    for place, path in files.items():
        link = view / "raw" / place
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.resolve())
    shutil.copytree(inputs / "receipts", view / "raw", dirs_exist_ok=True)
    for name in OF_ALL_SUBMISSIONS:
        if (inputs / name).is_file():
            _copy(inputs / name, view / "raw" / name)
    _copy(inputs / MARKER, view / MARKER)
    _copy(method, view / "method.yaml")


def _built(view: Workspace, edition: int) -> Workspace:
    """Build one edition of a view."""
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


def _facts(view: Workspace, edition: int) -> dict[str, object]:
    """Everything that makes a release what it is."""
    public, internal = standing(view.public_mart), standing(view.internal_mart)
    assert public is not None
    assert internal is not None
    catalogue = load_catalogue()
    return {
        "edition": edition,
        "is_demo": view.is_demo,
        "workspace": view.name,
        "method": read_edition_method(view.method_path).name,
        "method_sha256": sha256_of(view.method_path),
        "framework_version": catalogue.version,
        "framework_sha256": _framework_sha256(edition),
        "code_sha256": code_sha256(PUBLISHING),
        "packages": _packages(),
        "inputs_sha256": _inputs_sha256(view.root.parent / "inputs"),
        "public_content_sha256": public.content_sha256,
        "internal_content_sha256": internal.content_sha256,
    }


def _framework_sha256(edition: int) -> str:
    return hashlib.sha256(framework_csv(load_catalogue().framework(edition)).encode()).hexdigest()


def _packages() -> dict[str, str]:
    return {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}}


def _inputs_sha256(inputs: Path) -> str:
    """Address of the receipts, the register, the settings and the list of submissions."""
    files = [path for path in _files(inputs) if path != inputs / CHECKSUMS]
    lines = [f"{sha256_of(path)}  {path.relative_to(inputs).as_posix()}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _address(facts: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _facts_of(folder: Path) -> dict[str, object]:
    """What a release says of itself.

    Raises:
        ReleaseError: If its folder or its facts are gone.
    """
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReleaseError(f"{folder / FACTS} cannot be read: {error}. {RESTORE}") from error
    if not isinstance(facts, dict):
        raise ReleaseError(f"{folder / FACTS} holds something else than the facts of a release. {RESTORE}")
    return facts


def _put_together(
    folder: Path, built: Workspace, submissions: Sequence[tuple[str, str]], facts: Mapping[str, object]
) -> None:
    """The folder of a release, every file and its name written to disk and read-only."""
    folder.mkdir(mode=0o755)
    built.marts.replace(folder / "marts")
    for lock in (folder / "marts").glob("*.lock"):
        lock.unlink()
    (built.root.parent / "inputs").replace(folder / "inputs")
    (folder / "inputs").chmod(0o700)
    _copy(built.method_path, folder / METHOD)
    edition = int(str(facts["edition"]))
    (folder / FRAMEWORK).write_text(framework_csv(load_catalogue().framework(edition)), encoding="utf-8")
    (folder / FACTS).write_text(
        json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    # Receipts bear the names of cities that need not have consented to anything: their list is internal too.
    internal = [path for path in _files(folder) if _is_internal(path.relative_to(folder))]
    public = [path for path in _files(folder) if path not in internal]
    for listed, at in ((public, folder), (internal, folder / "inputs")):
        lines = [f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in listed]
        (at / CHECKSUMS).write_text("".join(lines), encoding="utf-8")
    for path in _files(folder):
        path.chmod(0o400 if _is_internal(path.relative_to(folder)) else 0o444)
        sync(path)
    sync_names(folder)


def _is_internal(place: Path) -> bool:
    return place.parts[0] == "inputs" or "internal" in place.as_posix()


def _refuse_changed(folder: Path) -> None:
    """Point no reader at a release that is not as it was made; name every file."""
    if faults := _changed_files(folder):
        raise ReleaseError("\n".join([f"{folder.name} is not as it was made. {RESTORE}", *faults]))


def _changed_files(folder: Path) -> list[str]:
    """A fault for each file of a release that is not as it was made."""
    faults = []
    lists = [path for path in (folder / CHECKSUMS, folder / "inputs" / CHECKSUMS) if path.is_file()]
    if len(lists) < 2:
        faults.append(f"{CHECKSUMS}: one of the two is gone")
    lines = [line for path in lists for line in path.read_text(encoding="utf-8").splitlines()]
    listed = {place: sha for sha, place in (line.split("  ", 1) for line in lines)}
    for place, sha in listed.items():
        path = folder / place
        if not path.is_file():
            faults.append(f"{place}: is gone")
        elif sha256_of(path) != sha:
            faults.append(f"{place}: was changed after the release was made")
    places = {path.relative_to(folder).as_posix() for path in _files(folder) if path not in lists}
    faults += [f"{place}: was added after the release was made" for place in sorted(places - listed.keys())]
    links = ("marts/ssc_index_parquet", "marts/ssc_index_internal_parquet")
    return [*faults, *(f"{link}: leads nowhere" for link in links if not (folder / link).is_dir())]


def _other_parts(folder: Path, facts: Mapping[str, object]) -> list[str]:
    """A fault for each part of a release that is not the one its facts tell of.

    Checksums lie beside what they are of: whoever changed a file may have changed them too.
    """
    inputs = folder / "inputs"
    parts = {
        METHOD: (folder / METHOD, "method_sha256", sha256_of),
        FRAMEWORK: (folder / FRAMEWORK, "framework_sha256", sha256_of),
        "inputs": (inputs, "inputs_sha256", _inputs_sha256),
    }
    return [
        f"{name}: is not what {FACTS} tells of"
        for name, (path, key, address_of) in parts.items()
        if path.exists() and address_of(path) != facts.get(key)
    ]


def _differences(release: Release, facts: Mapping[str, object], built: Workspace) -> list[str]:
    """What comes out otherwise when a release is made again."""
    faults = []
    for key, path, released in (
        ("public_content_sha256", built.public_mart, release.public_mart),
        ("internal_content_sha256", built.internal_mart, release.internal_mart),
    ):
        mart = standing(path)
        found = mart.content_sha256 if mart else "nothing"
        if found != facts.get(key):
            faults.append(f"{path.name}: made again it has the address {found}, the release says {facts.get(key)}")
        if mart and released.is_file():
            faults += _other_content(released, path)
    return faults


# What stands over the tables of a mart; a comment on it, or how it was written, is no difference.
STANDING_OVER = """
    select view_name as name, sql as definition from duckdb_views() where database_name = ? and not internal
    union all
    select function_name, macro_definition from duckdb_functions() where database_name = ? and not internal
    order by all
"""
TABLES = "select table_name from duckdb_tables() where database_name = ? order by 1"


def _other_content(released: Path, again: Path) -> list[str]:
    """What of a released mart does not hold what the mart holds that was made again.

    Checksums lie beside what they are of: whoever changed a mart may have changed them too.
    """
    faults = []
    with connect() as connection:
        try:
            connection.execute("attach ? as released (read_only)", [str(released)])
            connection.execute("attach ? as again (read_only)", [str(again)])
            there, wanted = (
                [table for (table,) in connection.execute(TABLES, [name]).fetchall()] for name in ("released", "again")
            )
            faults += [f"{released.name}: {table} is in one of the two alone" for table in sorted({*there} ^ {*wanted})]
            for table in sorted({*there} & {*wanted}):
                rows = ("select * from " + name + ".main." + table for name in ("released", "again"))
                if len({queried_address(connection, (query, ())) for query in rows}) > 1:
                    faults.append(f"{released.name}: {table} has not the rows that are made again")
            over = [connection.execute(STANDING_OVER, [name, name]).fetchall() for name in ("released", "again")]
            if over[0] != over[1]:
                faults.append(f"{released.name}: its views and macros are not those that are made again")
        except duckdb.Error as error:
            faults.append(f"{released.name}: cannot be compared: {str(error).splitlines()[0]}")
    mine, other = (path.with_name(f"{path.stem}_parquet") for path in (released, again))
    pairs = [(mine / file.name, file) for file in sorted(other.iterdir())]
    told, told_again = (path.with_name(f"{path.stem}_manifest.json") for path in (released, again))
    pairs.append((told, told_again))
    changed = [one for one, file in pairs if one.is_file() and sha256_of(one) != sha256_of(file)]
    marts = released.parent
    return [*faults, *(f"{one.relative_to(marts).as_posix()}: is not what is made again" for one in changed)]


def _journal(workspace: Workspace) -> list[dict[str, str]]:
    path = workspace.root / FOLDER / JOURNAL
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    whole = text[: text.rfind("\n") + 1]  # a line without its end was cut off when the disk was full
    lines = list(csv.DictReader(io.StringIO(whole)))
    if any(line.keys() != set(COLUMNS) or None in line.values() for line in lines):
        raise ReleaseError(
            f"{path} was changed by hand: its columns are not {', '.join(COLUMNS)} in every line. The releases and "
            "what readers are pointed at are as they were. Restore it from a backup, or mend the line."
        )
    return lines


def _note(workspace: Workspace, event: str, name: str, reason: str) -> None:
    """Add a line to the journal and have it written to disk. Lines are numbered: clocks may go back."""
    path = workspace.root / FOLDER / JOURNAL
    _drop_torn_line(path)
    number = len(_journal(workspace)) + 1
    path.touch(mode=0o600)
    path.chmod(0o600)  # reasons may name cities that consent to nothing
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not file.tell():
            writer.writerow(COLUMNS)
        writer.writerow((number, datetime.now(UTC).isoformat(timespec="seconds"), event, name, one_line(reason)))
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)


def _drop_torn_line(path: Path) -> None:
    """Take away a last line without its end: the disk was full, what it told was never done, and it is told again."""
    content = path.read_bytes() if path.is_file() else b""
    if content and not content.endswith(b"\n"):
        os.truncate(path, content.rfind(b"\n") + 1)


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


def _files(folder: Path) -> list[Path]:
    """Files below a folder, links to folders not followed twice, in the order of their paths."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
