"""Whether a release is what it says it is: held against its own facts, and made again from raw submissions.

What belongs here: comparing a release with what is made again. What does not: what lies in its folder
(`release_folder.py`), how an edition is computed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import duckdb

from assets.freshness import PUBLISHING, code_sha256, queried_address
from assets.publish import standing
from assets.warehouse import connect
from assets.workspace import Workspace, open_workspace
from intake.reading import sha256_of
from pipelines.release_folder import (
    FACTS,
    FRAMEWORK,
    address_of,
    changed_files,
    facts_of,
    framework_sha256,
    other_parts,
    packages,
    restored_view,
)
from pipelines.releases import ADDRESS_LENGTH, Release, built
from ssc_index.errors import FaultsError


class VerificationError(FaultsError):
    """A release that is not what it says it is, or cannot be made again; every difference is listed."""


def verify(workspace: Workspace, release: Release) -> bool:
    """Check that a release is as it was made, and make it again from raw submissions: the bits must be the same.

    Returns:
        Whether it was made by the code and the packages of now. Other ones that make the same bits are no fault.

    Raises:
        VerificationError: With every file that was changed or is missing, and every mart that comes out otherwise.
    """
    faults = changed_files(release.folder)
    facts = facts_of(release.folder)
    faults += other_parts(release.folder, facts)
    if address_of(facts) != release.address or not release.name.endswith(release.address[:ADDRESS_LENGTH]):
        faults.append(f"{FACTS}: its address is {address_of(facts)}, the release is named {release.name}")
    is_same_code = (facts.get("code_sha256"), facts.get("packages")) == (code_sha256(PUBLISHING), packages())
    if facts.get("framework_sha256") != framework_sha256(release.edition):
        faults.append(f"{FRAMEWORK}: the catalogue's framework of {release.edition} is another now")
    with tempfile.TemporaryDirectory(prefix="ssc-index-verify-") as folder:
        making = Path(folder)
        missing = restored_view(workspace, release.folder, making)
        if missing:
            raise VerificationError(f"{release.name} cannot be made again", [*faults, *missing])
        view = open_workspace(making / "view", status="release")
        faults += _differences(release, facts, built(view, release.edition))
    if faults and not is_same_code:
        faults.insert(
            0,
            "code: the release was made by other code or packages, so that what follows need not mean a fault; "
            "check out its version and verify there",
        )
    if faults:
        raise VerificationError(f"{release.name} is not what it was", faults)
    return is_same_code


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
