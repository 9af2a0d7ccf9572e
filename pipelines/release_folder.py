"""The folder of a release: what lies in it, its address, and whether it is as it was made.

What belongs here: laying out what an edition may draw on, freezing what was built of it, reading it again. What does
not: which releases there are and which one readers are pointed at (`releases.py`), making one again
(`release_verification.py`).

A release is a folder ``releases/<edition>-<first characters of its address>/``::

    release.json      what it is: method, framework, code, packages, inputs, marts; its SHA-256 is the address
    method.yaml       the method file
    framework.csv     the framework of the edition: tree, weights, goalposts
    marts/            public and internal mart with Parquet and manifests, as `publish` writes them
    inputs/           mode 0700: submissions.csv (place and SHA-256 of each file), receipts without the names of
                      persons, register, table of countries, settings
    checksums.txt     SHA-256 of every public file, as ``sha256sum -c`` reads it; of the others in inputs/

Raw files are not copied: ``raw/`` is the system of record.
"""

from __future__ import annotations

import csv
import hashlib
import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import yaml

from assets.editions import max_age, read_edition_method
from assets.freshness import PACKAGES, PUBLISHING, code_sha256
from assets.publish import standing
from assets.workspace import MARKER, Workspace, open_workspace
from intake.countries import NATIONAL_NAME
from intake.durable import sync, sync_names
from intake.reading import NAME_NOT_UTF8, raw_files, sha256_of, stray_files
from intake.receipts import copy_without_persons, receipt_path, years_named
from intake.register import REGISTER_NAME
from ssc_index.errors import SscIndexError
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.framework.save import framework_csv

FACTS, CHECKSUMS, METHOD, FRAMEWORK = "release.json", "checksums.txt", "method.yaml", "framework.csv"
RESTORE = "Restore the folder from a backup."
# What a build reads beside submissions and receipts.
OF_ALL_SUBMISSIONS = (REGISTER_NAME, NATIONAL_NAME)


class ReleaseError(SscIndexError):
    """A release that cannot be made, found or used, with what to do about it."""


def view_of(workspace: Workspace, edition: int, making: Path) -> tuple[Workspace, list[tuple[str, str]]]:
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


def restored_view(workspace: Workspace, folder: Path, making: Path) -> list[str]:
    """Lay out the inputs of a release again; a fault for each raw file that is gone or was replaced."""
    inputs = folder / "inputs"
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
        _lay_out(making, inputs, folder / METHOD, {place: places[sha] for place, sha in wanted})
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


def facts_for(view: Workspace, edition: int) -> dict[str, object]:
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
        "framework_sha256": framework_sha256(edition),
        "code_sha256": code_sha256(PUBLISHING),
        "packages": packages(),
        "inputs_sha256": _inputs_sha256(view.root.parent / "inputs"),
        "public_content_sha256": public.content_sha256,
        "internal_content_sha256": internal.content_sha256,
    }


def framework_sha256(edition: int) -> str:
    """Address of the framework that the catalogue has for an edition now."""
    return hashlib.sha256(framework_csv(load_catalogue().framework(edition)).encode()).hexdigest()


def packages() -> dict[str, str]:
    """Versions of Python and of the packages that a number can rest on."""
    return {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}}


def _inputs_sha256(inputs: Path) -> str:
    """Address of the receipts, the register, the settings and the list of submissions."""
    files = [path for path in _files(inputs) if path != inputs / CHECKSUMS]
    lines = [f"{sha256_of(path)}  {path.relative_to(inputs).as_posix()}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def address_of(facts: Mapping[str, object]) -> str:
    """Address of a release, SHA-256 of its facts."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def facts_of(folder: Path) -> dict[str, object]:
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


def put_together(folder: Path, built: Workspace, facts: Mapping[str, object]) -> None:
    """Make the folder of a release of what was built, every file and its name written to disk and read-only."""
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


def refuse_changed(folder: Path) -> None:
    """Point no reader at a release that is not as it was made; name every file."""
    if faults := changed_files(folder):
        raise ReleaseError("\n".join([f"{folder.name} is not as it was made. {RESTORE}", *faults]))


def changed_files(folder: Path) -> list[str]:
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


def other_parts(folder: Path, facts: Mapping[str, object]) -> list[str]:
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
        for name, (path, key, sha256) in parts.items()
        if path.exists() and sha256(path) != facts.get(key)
    ]


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
