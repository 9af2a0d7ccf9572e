"""Releases: an edition frozen with all that it was made from, kept for ever and never rewritten."""

from __future__ import annotations

import csv
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pypdf
import pytest

from assets.workspace import open_workspace
from intake.countries import COLUMNS
from intake.reading import sha256_of
from intake.template import Entry
from pipelines import differences, release_folder, release_verification, releases
from schemas import marts
from schemas.table import Column
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.framework.load import read_framework_csv
from tests.pipelines.test_cli import squeezed
from tests.pipelines.test_freshness import HOTSPOTS, LATE
from tests.pipelines.workspaces import (
    INTERNAL,
    PROJECT,
    PUBLIC,
    REPORT,
    SECRET,
    add_submission,
    content,
    copy_workspace,
    invoke,
    mart_tables,
)
from tests.power import watched


@pytest.fixture(scope="module")
def released(small_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the small workspace with edition 2020 released. Do not change it: copy it."""
    root = copy_workspace(small_workspace, tmp_path_factory.mktemp("released") / "workspace")
    # Of no country of the cohort is this known to be true, so that each city with a value is asked.
    with (root / "raw" / "cities.csv").open(encoding="utf-8", newline="") as file:
        countries = sorted({row["country_code"] for row in csv.DictReader(file)})
    figures = [dict(zip(COLUMNS, (country, 2020), strict=False)) for country in countries]
    with (root / "raw" / "national.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([{**row, "internet_pct": 0, "source": "invented for a test"} for row in figures])
    result = invoke("release", "2020", "-w", root, "--reason", "a test")
    assert result.exit_code == 0, result.stderr
    return root


@pytest.fixture
def root(released: Path, tmp_path: Path) -> Path:
    return copy_workspace(released, tmp_path / "workspace")


def only_release(root: Path) -> releases.Release:
    (one,) = releases.releases(open_workspace(root))
    return one


def ask(mart: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(mart), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_a_release_holds_its_edition_alone_and_says_that_it_is_one(released: Path) -> None:
    link = released / "marts" / "ssc_index_release.duckdb"
    assert ask(link, "select edition, status from dim_edition") == [(2020, "release")]
    assert ask(link, "select distinct edition from fact_score") == [(2020,)]
    draft = released / "marts" / "ssc_index.duckdb"
    assert ask(draft, "select distinct status from dim_edition") == [("draft",)]


def test_its_scores_are_those_of_the_draft(released: Path) -> None:
    query = "select * from fact_score where edition = 2020 order by all"
    of_draft = ask(released / "marts" / "ssc_index.duckdb", query)
    assert of_draft
    assert ask(only_release(released).public_mart, query) == of_draft


def test_releasing_leaves_the_draft_as_it_is(released: Path, small_workspace: Path) -> None:
    assert content(released) == content(small_workspace)


def test_its_name_is_the_beginning_of_the_address_of_what_it_was_made_from(released: Path) -> None:
    one = only_release(released)
    facts = json.loads((one.folder / "release.json").read_text(encoding="utf-8"))
    assert one.name == f"2020-{one.address[:12]}"
    assert {"method_sha256", "code_sha256", "packages", "inputs_sha256", "public_content_sha256"} <= facts.keys()
    assert facts["packages"].keys() >= {"python", "duckdb", "numpy", "polars"}


def test_a_file_of_a_release_is_read_only_and_inputs_are_private(released: Path) -> None:
    folder = only_release(released).folder
    modes = {path.relative_to(folder).as_posix(): path.stat().st_mode & 0o777 for path in folder.rglob("*")}
    assert modes["inputs"] == 0o700
    assert (folder.parent / "journal.csv").stat().st_mode & 0o777 == 0o600  # its reasons may name cities
    assert modes["release.json"] == modes["marts/ssc_index.duckdb"] == 0o444
    assert modes["inputs/submissions.csv"] == modes["marts/ssc_index_internal.duckdb"] == 0o400


def test_no_public_byte_names_a_city_that_does_not_consent(released: Path) -> None:
    folder = only_release(released).folder
    secret = SECRET.encode()
    everywhere = [path for path in folder.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert everywhere, "the inputs must name it, or the test looks for the wrong thing"
    public = [path for path in everywhere if path.stat().st_mode & 0o004]
    assert public == []
    assert not [path for path in folder.rglob("*") if SECRET in path.name and "inputs" not in path.parts]


def test_a_release_holds_the_table_of_countries_that_its_checks_were_made_with(released: Path) -> None:
    one = only_release(released)
    assert (one.folder / "inputs" / "national.csv").read_bytes() == (released / "raw" / "national.csv").read_bytes()
    assert ask(one.internal_mart, "select count(*) from fact_finding where rule = 'far_from_country'")[0][0] > 0


def test_the_same_release_is_made_once(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in only_release(root).folder.rglob("*")}
    again = invoke("release", "2020", "-w", root)
    assert again.exit_code == 0
    assert "from the same, and is what comes out again" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in only_release(root).folder.rglob("*")} == before
    journal = (root / "releases" / "journal.csv").read_text(encoding="utf-8").splitlines()
    events = [line["event"] for line in csv.DictReader(journal)]
    assert events == ["released", "current"]
    assert not list((root / "releases").glob(".making-*"))


def test_what_a_killed_release_left_half_done_the_next_one_completes(root: Path) -> None:
    # Killed after the folder was put in its place, before the journal had its line and the link was set.
    (root / "releases" / "journal.csv").unlink()
    (root / "marts" / "ssc_index_release.duckdb").unlink()
    (root / "releases" / ".making-dead").mkdir()
    assert releases.releases(open_workspace(root)) == []
    (folder,) = (root / "releases").glob("2020-*")
    listed = " ".join(invoke("releases", "-w", root).stdout.split())
    assert f"{folder.name} lies in releases/, and the journal does not know it" in listed
    assert invoke("release", "2020", "-w", root).exit_code == 0
    assert "the journal does not know" not in invoke("releases", "-w", root).stdout
    assert only_release(root).is_current
    assert not list((root / "releases").glob(".making-*"))


def test_an_untouched_release_is_verified(root: Path) -> None:
    result = invoke("verify", "2020", "-w", root)
    assert result.exit_code == 0
    assert "same bits" in result.stdout


def test_every_change_to_a_release_and_its_raw_files_is_named(root: Path) -> None:
    folder = only_release(root).folder
    (folder / "method.yaml").chmod(0o644)
    (folder / "method.yaml").write_text("name: other\n", encoding="utf-8")
    (folder / "marts" / "ssc_index_manifest.json").unlink()
    (folder / "marts" / "ssc_index_parquet" / "more.parquet").write_bytes(b"PAR1")
    gone, replaced = sorted((root / "raw" / "2020").glob("*.xlsx"))[:2]
    gone.unlink()
    shutil.copyfile(root / "raw" / "cities.csv", replaced)
    result = invoke("verify", "2020", "-w", root)
    assert result.exit_code == 3
    for told in (
        "method.yaml: was changed after the release was made",
        "marts/ssc_index_manifest.json: is gone",
        "/more.parquet: was added after the release was made",
        f"raw/2020/{gone.name}: the file is gone",
        f"raw/2020/{replaced.name}: another file lies there now",
    ):
        assert told in result.stderr.replace("\n", " ")


def test_bits_that_come_out_otherwise_are_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = only_release(root)
    text = (one.folder / "method.yaml").read_text(encoding="utf-8")
    (one.folder / "method.yaml").chmod(0o644)
    (one.folder / "method.yaml").write_text(text.replace("floor: 1.0", "floor: 2.0"), encoding="utf-8")
    result = invoke("verify", "2020", "-w", root)
    assert result.exit_code == 3
    told = result.stderr.replace("\n", " ")
    assert "ssc_index.duckdb: made again it has the address" in told
    # It names the method by its hash.
    assert "ssc_index.duckdb: dim_edition has not the rows that are made again" in told
    assert "fact_value has not" not in told


def come_out_again(one: releases.Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a release come out, when it is made again, as it is now."""
    again = tmp_path / "again"
    (again / "raw").mkdir(parents=True)
    shutil.copytree(one.folder / "marts", again / "marts", symlinks=True)
    monkeypatch.setattr(release_verification, "built", lambda *_: open_workspace(again))


def test_a_mart_that_was_changed_with_its_checksum_is_told(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = only_release(root)
    come_out_again(one, tmp_path, monkeypatch)
    assert release_verification.verify(open_workspace(root), one)
    with monkeypatch.context() as later:
        later.setattr(release_verification, "code_sha256", lambda _: "another")
        assert not release_verification.verify(open_workspace(root), one)  # the same bits by other code are no fault
        told = invoke("verify", one.name, "-w", root)
    assert told.exit_code == 0
    assert "It was made by other code" in told.stdout

    one.public_mart.chmod(0o644)
    with duckdb.connect(str(one.public_mart)) as connection:
        connection.execute("update fact_score set score = score + 1 where node = 'index'")
        connection.execute("create or replace view ranking as select 1 as rank")
    parquet = one.public_mart.with_name("ssc_index_parquet") / "fact_score.parquet"
    parquet.chmod(0o644)
    pl.read_parquet(parquet).clear().write_parquet(parquet)
    manifest = one.public_mart.with_name("ssc_index_manifest.json")
    overwrite(manifest, manifest.read_text(encoding="utf-8").replace("ranks_follow_scores", "ranks_follow_nothing"))
    sum_anew(one.folder)
    with pytest.raises(release_verification.VerificationError) as told:
        release_verification.verify(open_workspace(root), one)
    assert told.value.faults == (
        "ssc_index.duckdb: fact_score has not the rows that are made again",
        "ssc_index.duckdb: its views and macros are not those that are made again",
        "ssc_index_parquet/fact_score.parquet: is not what is made again",
        "ssc_index_manifest.json: is not what is made again",
    )


def overwrite(path: Path, text: str) -> None:
    path.chmod(0o644)
    path.write_text(text, encoding="utf-8")


def sum_anew(folder: Path) -> None:
    """Write the checksums of a release as they are now, as somebody would who hides a change."""
    for checksums in (folder / "checksums.txt", folder / "inputs" / "checksums.txt"):
        places = [line.split("  ", 1)[1] for line in checksums.read_text(encoding="utf-8").splitlines()]
        overwrite(checksums, "".join(f"{sha256_of(folder / place)}  {place}\n" for place in places))


def test_method_framework_and_inputs_that_were_changed_with_their_checksums_are_told(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a comparison reads, and what a release says it was made from, must be what its address covers."""
    one = only_release(root)
    come_out_again(one, tmp_path, monkeypatch)
    receipt = sorted((one.folder / "inputs" / "receipts").rglob("*.csv"))[0]
    for path in (one.folder / "method.yaml", one.folder / "framework.csv", receipt):
        overwrite(path, path.read_text(encoding="utf-8") + "\n")
    sum_anew(one.folder)
    (one.folder / "marts" / "ssc_index_internal_parquet").unlink()
    with pytest.raises(release_verification.VerificationError) as told:
        release_verification.verify(open_workspace(root), one)
    parts = [f"{part}: is not what release.json tells of" for part in ("method.yaml", "framework.csv", "inputs")]
    assert told.value.faults[:4] == ("marts/ssc_index_internal_parquet: leads nowhere", *parts)
    overwrite(one.folder / "release.json", '{"edition": 2020}')
    with pytest.raises(release_verification.VerificationError) as told:
        release_verification.verify(open_workspace(root), one)
    assert any("release.json: its address is" in fault for fault in told.value.faults)


def test_status_tells_which_release_shows_what_the_draft_shows_no_more(root: Path) -> None:
    one = only_release(root)
    told = " ".join(invoke("status", "-w", root).stdout.split())
    assert f"Current release: {one.name}, of {one.released_at[:10]}." in told
    assert "shows no more" not in told
    # As if the city had withdrawn its consent to values, and the draft had been built since.
    draft = root / "marts" / "ssc_index.duckdb"
    with duckdb.connect(str(draft)) as connection:
        connection.execute("delete from fact_value where edition = 2020 and city_id = ?", [REPORT])
    facts = json.loads(invoke("status", "--json", "-w", root).stdout)["releases"]
    assert facts[0]["no_longer_shown"] == {"scores": 0, "values": 1}
    told = " ".join(invoke("status", "-w", root).stdout.split())
    assert f"{one.name} shows values (1) of cities that the draft shows no more" in told
    one.public_mart.unlink()
    assert f"{one.name} is damaged" in invoke("status", "-w", root).stdout
    releases.withdraw(open_workspace(root), one, "consent")
    assert json.loads(invoke("status", "--json", "-w", root).stdout)["releases"] == []


def test_no_reader_is_pointed_at_a_release_whose_files_were_changed(root: Path) -> None:
    first = only_release(root)
    later = later_release(root)
    parquet = first.public_mart.with_name("ssc_index_parquet") / "fact_score.parquet"
    parquet.chmod(0o644)
    content = parquet.read_bytes()
    parquet.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    told = " ".join(invoke("rollback", first.name, "-w", root).stderr.split())
    assert f"{first.name} is not as it was made" in told
    assert "fact_score.parquet: was changed after the release was made" in told
    assert only_current(root) == later.name
    result = invoke("withdraw", later.name, "-w", root, "--reason", "wrong")
    assert "pointed at no release" in result.stdout
    again = invoke("release", "2020", "-w", root)
    assert again.exit_code == 3
    assert f"{first.name} is not as it was made" in " ".join(again.stderr.split())
    parquet.write_bytes(content)
    assert invoke("rollback", first.name, "-w", root).exit_code == 0


def test_a_file_that_a_build_did_not_take_in_as_it_was_listed_is_not_left_out_of_a_release(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended its reader, or somebody saved it in between: either way its city would be missing without a word."""
    built = open_workspace(root)
    path = sorted((root / "raw" / "2020").glob("*.xlsx"))[0]
    path.write_bytes(path.read_bytes() + b"\n")
    monkeypatch.setattr(releases, "built", lambda *_: built)
    with pytest.raises(
        release_folder.ReleaseError, match=f"raw/2020/{path.name}: it could not be read, or was changed"
    ):
        releases.release_edition(built, 2020)
    assert only_release(root).is_current


def later_release(root: Path) -> releases.Release:
    """A second release, made by hand: a copy of the first, which the journal has and readers are pointed at."""
    place, one = open_workspace(root), only_release(root)
    facts = {**release_folder.facts_of(one.folder), "workspace": "later"}
    name = f"2020-{release_folder.address_of(facts)[: releases.ADDRESS_LENGTH]}"
    folder = shutil.copytree(one.folder, one.folder.with_name(name), symlinks=True)
    overwrite(folder / "release.json", json.dumps(facts))
    sum_anew(folder)
    releases._note(place, "released", name, "a test")
    return releases.rollback(place, releases.find(place, name), "a test")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"edition": 20', "cannot be read"),
        ("[]", "holds something else"),
        ('{"edition": 2020}', "was changed"),
        (None, "cannot be read"),
    ],
)
def test_a_damaged_release_is_named_and_the_others_go_on(root: Path, content: str | None, why: str) -> None:
    first = only_release(root)
    later = later_release(root)
    facts = later.folder / "release.json"
    facts.unlink()
    if content is not None:
        facts.write_text(content, encoding="utf-8")
    listed = json.loads(invoke("releases", "--json", "-w", root).stdout)
    assert [why in (one["damage"] or "") for one in listed] == [False, True]
    assert why in " ".join(invoke("releases", "-w", root).stdout.split())
    assert releases.find(open_workspace(root), "2020").name == first.name  # the year means the one that stands

    assert invoke("rollback", "previous", "-w", root).exit_code == 0
    back = invoke("rollback", later.name, "-w", root)
    assert back.exit_code == 2
    assert f"{later.name}/release.json {why}" in back.stderr.replace("\n", " ")
    assert invoke("withdraw", later.name, "-w", root, "--reason", "damaged").exit_code == 0
    assert only_current(root) == first.name


def only_current(root: Path) -> str:
    (one,) = [one for one in releases.releases(open_workspace(root)) if one.is_current]
    return one.name


def test_who_withdraws_what_was_rolled_back_to_does_not_bring_back_what_was_taken_from_readers(root: Path) -> None:
    first = only_release(root)
    later_release(root)
    assert invoke("rollback", first.name, "-w", root, "--reason", "the later one is under review").exit_code == 0
    result = invoke("withdraw", first.name, "-w", root, "--reason", "wrong too")
    assert "pointed at no release" in result.stdout
    assert not (root / "marts" / "ssc_index_release.duckdb").is_symlink()


def test_killed_between_its_links_a_rollback_is_done_by_the_next_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, first = open_workspace(root), only_release(root)
    later_release(root)
    links = [root / "marts" / name for name in ("ssc_index_release.duckdb", "ssc_index_release_parquet")]
    replace_file, replaced = Path.replace, []

    def replace_one(path: Path, target: Path) -> Path:
        if replaced:
            raise KeyboardInterrupt
        replaced.append(target)
        return replace_file(path, target)

    with monkeypatch.context() as killed:
        killed.setattr(Path, "replace", replace_one)
        with pytest.raises(KeyboardInterrupt):
            releases.rollback(place, first, "a test")
    releases.rollback(place, first, "a test")
    assert [link.resolve().parents[1] for link in links] == [first.folder, first.folder]


def test_a_loss_of_power_leaves_no_release_without_its_files(workspace: Path) -> None:
    with watched(workspace) as watch:
        result = invoke("release", "2020", "-w", workspace)
    assert result.exit_code == 0, result.stderr
    assert watch.lost == []
    name = only_release(workspace).name
    steps = [step for step in watch.order if step.startswith("name ") or step in ("sync journal.csv", "sync releases")]
    # The journal speaks of what is on the disk, and readers are pointed at what the journal speaks of.
    assert steps == [
        f"name {name}",
        "sync releases",
        # The journal is new, and then its name is there.
        "sync journal.csv",
        "sync releases",
        "sync journal.csv",
        "name ssc_index_release_parquet",
        "name ssc_index_release.duckdb",
    ]
    assert watch.order[watch.order.index(steps[-1]) + 1] == "sync marts"
    # The folder of releases is new, too.
    assert "sync workspace" in watch.order[: watch.order.index(steps[0])]


def test_marts_may_lie_elsewhere_behind_a_link(root: Path, tmp_path: Path) -> None:
    release = only_release(root)
    (root / "marts").rename(tmp_path / "another-disk")
    (root / "marts").symlink_to(tmp_path / "another-disk")
    (tmp_path / "another-disk" / "ssc_index_release.duckdb").unlink()
    assert invoke("rollback", release.name, "-w", root).exit_code == 0
    for name, target in (("duckdb", release.public_mart), ("parquet", release.folder / "marts" / "ssc_index_parquet")):
        link = root / "marts" / f"ssc_index_release{'.' if name == 'duckdb' else '_'}{name}"
        assert link.resolve(strict=True) == target.resolve()
    assert only_release(root).is_current


@pytest.mark.parametrize("target", ["elsewhere", "/elsewhere", "../releases/2020-0123456789ab/marts/ssc_index.duckdb"])
def test_a_link_that_somebody_else_has_made_leads_to_no_release_and_is_put_right(root: Path, target: str) -> None:
    release = only_release(root)
    mart, parquet = root / "marts" / "ssc_index_release.duckdb", root / "marts" / "ssc_index_release_parquet"
    for link in (mart, parquet):
        link.unlink()
    mart.symlink_to(target)
    parquet.mkdir()  # as of a copy that follows links
    assert not only_release(root).is_current
    assert invoke("rollback", release.name, "-w", root).exit_code == 0
    assert only_release(root).is_current
    assert parquet.resolve() == (release.folder / "marts" / "ssc_index_parquet").resolve()


def test_a_journal_that_was_changed_otherwise_than_by_a_line_is_told_and_nothing_is_done(root: Path) -> None:
    """A line that is taken out would let a release stand again that was withdrawn."""
    journal = root / "releases" / "journal.csv"
    whole = journal.read_bytes()
    head, first, second = whole.splitlines(keepends=True)
    for changed, why in (
        (b"\xef\xbb\xbf" + whole, "line 1 is not number,at,event,release,reason,previous"),  # saved by a spreadsheet
        (whole.replace(b"a test", b"Gen\xe8ve"), "line 3 does not follow line 2"),
        (whole.replace(b",", b";"), "line 1 is not"),
        (head + second, "line 2 has number 2, 1 is due: a line is missing or was added"),
        (whole + b"7,x\n", "line 4 is incomplete"),
        (head + first + second[:-9], "line 3 is incomplete: if the power was lost, take it off"),
    ):
        journal.write_bytes(changed)
        for command in (("releases",), ("rollback", "2020"), ("release", "2020")):
            result = invoke(*command, "-w", root)
            assert result.exit_code in (2, 3)
            assert "journal.csv was changed by hand" in squeezed(result.stderr)
            assert why in squeezed(result.stderr)
        assert journal.read_bytes() == changed


def test_a_file_that_is_left_out_for_its_name_stops_a_release(root: Path) -> None:
    path = next((root / "raw" / "2020").glob("*.xlsx"))
    path.rename(os.fsdecode(os.fsencode(path.parent) + b"/M\xfcnchen.xlsx"))
    result = invoke("release", "2020", "-w", root)
    assert result.exit_code == 3
    assert "2020/M\\xfcnchen.xlsx is left out: its name is not UTF-8" in squeezed(result.stderr)


def test_a_later_correction_makes_another_release_and_leaves_the_first(root: Path) -> None:
    first = only_release(root)
    add_submission(root, "2020/revision.xlsx", REPORT, 2020, {HOTSPOTS: Entry(numerator=77.0)}, received_at=LATE)
    assert invoke("release", "2020", "-w", root).exit_code == 0
    place = open_workspace(root)
    old, new = releases.releases(place)
    assert (old.name, old.is_current, new.is_current) == (first.name, False, True)
    link = root / "marts" / "ssc_index_release.duckdb"
    assert link.resolve() == new.public_mart.resolve()

    with duckdb.connect(str(link), read_only=True) as reader:
        before = reader.execute("select count(*) from fact_score").fetchall()
        assert invoke("rollback", "previous", "-w", root, "--reason", "a mistake").exit_code == 0
        assert reader.execute("select count(*) from fact_score").fetchall() == before
    assert link.resolve() == first.public_mart.resolve()

    assert invoke("rollback", new.name, "-w", root).exit_code == 0
    assert invoke("withdraw", new.name, "-w", root, "--reason", "a city was double").exit_code == 0
    assert link.resolve() == first.public_mart.resolve()
    assert new.public_mart.is_file()
    assert new.folder.stat().st_mode & 0o777 == 0o700
    assert first.folder.stat().st_mode & 0o777 == 0o755
    assert "a city was double" in invoke("releases", "-w", root).stdout
    assert invoke("rollback", new.name, "-w", root).exit_code == 2
    assert invoke("withdraw", first.name, "-w", root, "--reason", "this too").exit_code == 0
    assert not link.is_symlink()


def test_what_was_withdrawn_does_not_come_back_by_releasing_it_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = only_release(root)
    assert invoke("withdraw", one.name, "-w", root, "--reason", "a city was double").exit_code == 0
    monkeypatch.setattr(releases, "_refuse_damaged", lambda *_: None)
    monkeypatch.setattr(releases, "built", lambda view, _: view)
    monkeypatch.setattr(releases, "facts_for", lambda *_: release_folder.facts_of(one.folder))  # as it comes out again
    again = invoke("release", "2020", "-w", root)
    assert again.exit_code == 3
    assert f"What comes out is {one.name} again, which was withdrawn (a city was double)" in again.stderr
    assert not (root / "marts" / "ssc_index_release.duckdb").is_symlink()
    twice = invoke("withdraw", one.name, "-w", root, "--reason", "another reason")
    assert "had been withdrawn before (a city was double); that reason stays" in twice.stdout


def text_of(pdf: Path) -> str:
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(pdf).pages).split())


def test_what_people_read_is_made_from_a_release_and_only_then_a_certificate_attests(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = only_release(root)
    before = {path: path.stat().st_mtime_ns for path in one.folder.rglob("*")}
    for name, option in (("draft", ()), ("release", ("--release", "2020"))):
        made = invoke("factsheet", REPORT, "--kind", "certificate", "-w", root, "--out", tmp_path / name, *option)
        assert made.exit_code == 0, made.stderr
    draft, final = (text_of(tmp_path / name / f"{REPORT}-2020-certificate.pdf") for name in ("draft", "release"))
    assert "attests nothing until it is released" in draft
    assert "attests nothing" not in final

    assert "Ranking 2020 (release)" in invoke("show", "ranking", "-w", root, "--release", "current").stdout
    assert "(draft)" in invoke("show", "movers", "-w", root).stdout
    assert "(draft)" in invoke("show", "EC_ICT_ICT_1C", "-w", root).stdout
    asked = invoke("query", "select edition, status from dim_edition", "--csv", "-w", root, "--release", "2020-")
    assert asked.stdout == "edition,status\n2020,release\n"
    site = root / f"site-{one.name}"
    assert invoke("site", "-w", root, "--release", one.name).exit_code == 0
    assert '"status":"release"' in (site / "data" / "core.js").read_text(encoding="utf-8")
    assert invoke("audit", "-w", root, "--release", one.name).exit_code == 0
    assert (root / f"audit-{one.name}" / "audit-2020.pdf").is_file()
    assert {path: path.stat().st_mtime_ns for path in one.folder.rglob("*")} == before

    with monkeypatch.context() as later:
        later.setattr(releases, "framework_sha256", lambda _: "another")
        assert "another framework" in invoke("show", "ranking", "-w", root, "--release", "2020").stderr
    releases.withdraw(open_workspace(root), one, "wrong")
    refused = invoke("site", "-w", root, "--release", one.name)
    assert refused.exit_code == 2
    assert f"{one.name} was withdrawn (wrong)" in refused.stderr


def test_a_list_of_releases_says_when_and_why(released: Path) -> None:
    one = only_release(released)
    told = " ".join(invoke("releases", "-w", released).stdout.split())
    assert f"{one.name} 2020 {one.released_at[:10]} current; a test" in told


def test_a_release_holds_its_framework(released: Path) -> None:
    folder = only_release(released).folder
    assert read_framework_csv(folder / "framework.csv") == load_catalogue().framework(2020)
    assert "framework.csv" in (folder / "checksums.txt").read_text(encoding="utf-8")


# diff: why an edition differs from another


def compared(root: Path, *arguments: object) -> dict[str, Any]:
    result = invoke("diff", *arguments, "-w", root, "--json")
    assert result.exit_code == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout)
    return told


@pytest.mark.parametrize(("mart", "option"), [(PUBLIC, ()), (INTERNAL, ("--internal",))])
def test_two_editions_of_the_draft_are_compared_as_in_the_mart(
    small_workspace: Path, mart: str, option: tuple[str, ...]
) -> None:
    rows = mart_tables(small_workspace, mart)["fact_change"].filter(edition=2020)
    assert rows["edition_before"].unique().to_list() == [2019]
    told = {one["city_id"]: one for one in compared(small_workspace, "2019", "2020", *option)["cities"]}
    assert set(rows["city_id"]) <= set(told)
    for row in rows.to_dicts():
        for name in set(row) - {"edition", "edition_before"}:
            assert told[row["city_id"]][name] == pytest.approx(row[name], abs=1e-12), (row["city_id"], name)
    assert (SECRET in told) == (mart == INTERNAL)
    kpis = mart_tables(small_workspace, mart)["fact_change_kpi"].filter(edition=2020)
    assert kpis.height == sum(len(one["kpis"]) for one in told.values() if one["city_id"] in set(kpis["city_id"]))


def test_a_draft_is_compared_with_its_release(root: Path) -> None:
    same = compared(root, "current", "2020", "--internal")["cities"]
    assert same
    assert all(one["score_change"] == 0.0 == one["rank_change"] for one in same if one["state"] == "both")
    add_submission(root, "2020/revision.xlsx", REPORT, 2020, {HOTSPOTS: Entry(numerator=77.0)}, received_at=LATE)
    assert invoke("build", "-w", root).exit_code == 0
    moved = {one["city_id"]: one for one in compared(root, "2020-", "2020", "--internal")["cities"]}
    # The revision reports one figure alone: too little to be ranked.
    assert moved[REPORT]["state"] == "left"
    below = [one for one in moved.values() if one["state"] == "both" and one["rank_change"]]
    assert all(one["rank_entry_exit"] == one["rank_change"] for one in below)


def test_a_page_of_changes_is_public_unless_it_says_otherwise(small_workspace: Path, tmp_path: Path) -> None:
    pages = {}
    for name, option in (("public", ()), ("internal", ("--internal",))):
        path = tmp_path / f"{name}.html"
        assert invoke("diff", "2019", "2020", "-w", small_workspace, "--html", path, *option).exit_code == 0
        pages[name] = path.read_text(encoding="utf-8")
    assert SECRET in pages["internal"]
    assert SECRET not in pages["public"]
    assert (tmp_path / "internal.html").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("2012", "2020"), "has no edition 2012; it has 2018, 2019, 2020"),
        (("2019", "nothing"), "nothing is no release"),
        (("2019", "2020", "--city", "atlantis"), "atlantis is not ranked in either edition, or not shown"),
        (("2019", "2020", "--city", "demo"), "demo fits"),
    ],
)
def test_what_cannot_be_compared_is_told(small_workspace: Path, arguments: tuple[str, ...], told: str) -> None:
    result = invoke("diff", *arguments, "-w", small_workspace)
    assert result.exit_code == 2
    assert told in result.stderr.replace("\n", " ")


def test_scores_that_the_engine_does_not_make_again_are_not_explained(
    small_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = differences._seen

    def other(tables: Any) -> Any:
        opened, shown = whole(tables)
        return opened, shown.with_columns(pl.col("score") + 0.5)

    monkeypatch.setattr("pipelines.differences._seen", other)
    result = invoke("diff", "2019", "2020", "-w", small_workspace, "--internal")
    assert result.exit_code == 2
    assert "come out otherwise from the same values" in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("release", "2016"), "There is no submission of 2016"),
        (("verify", "2019"), "2019 is no release: 2020-"),
        (("rollback", "nothing"), "nothing is no release"),
        (("rollback", "previous"), "No release before 2020-"),
    ],
)
def test_what_cannot_be_done_is_told_with_what_there_is(released: Path, arguments: tuple[str, ...], told: str) -> None:
    result = invoke(*arguments, "-w", released)
    assert result.exit_code in {2, 3}
    assert told in result.stderr.replace("\n", " ")


def test_no_marker_file_can_make_a_release_of_a_draft(root: Path) -> None:
    marker = root / "workspace.yaml"
    marker.write_text(marker.read_text(encoding="utf-8") + "status: release\n", encoding="utf-8")
    result = invoke("build", "-w", root)
    assert result.exit_code == 2
    assert "status is unknown here" in result.stderr


def test_releases_stay_readable_when_a_later_version_gives_the_marts_another_form(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``dim_edition`` gets a column: the release of before keeps its form, and readers of the link get the new one."""
    old = only_release(root)
    shutil.copytree(PROJECT / "sql", tmp_path / "sql")
    script = tmp_path / "sql" / "marts" / "dim_edition.sql"
    last = "as n_provisional_goalposts\nfrom city_counts"
    text = script.read_text(encoding="utf-8")
    assert text.count(last) == 1
    script.write_text(text.replace(last, last.replace("\n", ",\n    'later' as motto\n")), encoding="utf-8")
    motto = Column(pl.String, "What a later version has to say.", nullable=True)
    later = replace(marts.DIM_EDITION, columns={**marts.DIM_EDITION.columns, "motto": motto})
    for name in ("PUBLIC", "INTERNAL"):
        tables = tuple(later if table is marts.DIM_EDITION else table for table in getattr(marts, name))
        monkeypatch.setattr(marts, name, tables)
    monkeypatch.setattr("assets.publish.SQL", tmp_path / "sql")

    link = root / "marts" / "ssc_index_release.duckdb"
    edition = "select * exclude motto from dim_edition"
    before = ask(link, "select * from dim_edition")
    assert invoke("release", "2020", "-w", root).exit_code == 0
    assert ask(link, edition) == before == ask(old.public_mart, "select * from dim_edition")
    assert ask(link, "select motto from dim_edition") == [("later",)]
    assert invoke("rollback", old.name, "-w", root).exit_code == 0
    assert ask(link, "select * from dim_edition") == before
    told = invoke("verify", old.name, "-w", root)
    assert told.exit_code == 3
    assert "made again it has the address" in told.stderr.replace("\n", " ")
