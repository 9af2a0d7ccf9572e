"""Planted secrets: searched for in every byte that leaves the house, of whatever kind, in one place.

A workspace is built, released, exported and made to fail with cities that entrusted something: one that consents to
nothing, one that is counted but not named, one that shows its scores alone, one that withdrew its values for a year,
and what is internal of one that shows everything; and with a revision that waits for its verifier, which the method
lets count. Public is what others may read by its file mode, whatever wrote it, and what commands say of the public
mart. The history of runs and what is written to another city are searched too.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import duckdb
import polars as pl
import pypdf
import pytest
from typer.testing import CliRunner

from assets.workspace import open_workspace
from intake.template import Entry
from pipelines.cli import app
from pipelines.exports import entries
from pipelines.notices import Notice, send
from tests.intake.forms import PROFILE_XML, set_cell
from tests.pipelines.workspaces import (
    ENVIRONMENT,
    REPORT,
    SCORES_ONLY,
    SECRET,
    add_submission,
    change_receipt,
    change_register,
    make_small,
    tables,
)

pytestmark = pytest.mark.xdist_group("public_bytes")

UNNAMED, PSEUDONYM = "demo-006-fjorbruck", "city-7f3a"
WITHDRAWN = "demo-004-dunhythe"
FOLDER = "inbox-kz4718"

# What waits: a revision of a city that consents to all its values, once they are verified.
WAITING, UNVERIFIED = "demo-005-elvanpolis", 4357913.68
HOTSPOTS = "EC_ICT_ICT_5C.main"
COUNTS = "    what_waits: {kind: provisional, probability: 0.5}\n"

# The row of public hotspots in the form: a plain count, its numerator is its value.
ROW = 11


@dataclass(frozen=True)
class Planted:
    """What one city reports for a year: a number of its own and texts of its own."""

    city: str
    year: int
    value: float
    population: float
    source: str
    comment: str


PLANTED = {
    one.city: one
    for one in (
        Planted(SECRET, 2020, 7135713.57, 734519.25, "Source-kz4711", "Remark-kz4711"),
        Planted(UNNAMED, 2020, 8246824.68, 845621.75, "Source-kz4712", "Remark-kz4712"),
        Planted(SCORES_ONLY, 2019, 6157615.46, 956732.25, "Source-kz4713", "Remark-kz4713"),
        Planted(WITHDRAWN, 2020, 5268726.35, 267841.75, "Source-kz4714", "Remark-kz4714"),
        Planted(REPORT, 2020, 9379837.24, 378952.25, "Source-kz4715", "Remark-kz4715"),
    )
}
OPEN = PLANTED[REPORT]

# Words that are in nothing but a secret, in small letters, without what spellings differ in.
OF_HIDDEN_CITIES = {
    "key of the city without consent": "valdale",
    "name of the city without consent": "zecretopolis",
    "key of the city that is not named": "fjorbr",
    "name of the city that is not named": "zhiddenham",
    "country of the city that is not named": "zumbralandia",
    "code of the country of the city that is not named": "zub",
}
OF_PERSONS = {"sender": "sender-kz4716", "verifier": "verifier-kz4717", "focal point": "focal-kz4720"}
OF_THE_TEAM = {
    "folder of the files": FOLDER,
    "details of the open city's source": "details-kz4719",
    "text of an error": "error-kz4721",
}


SEPARATOR = rb"(?:[,.' ]|\xc2\xa0|\xe2\x80\xaf|\xe2\x80\x89|&nbsp;)?"


def number_pattern(value: float) -> re.Pattern[bytes]:
    """A number of seven digits as people and programs write it, down to its whole part, with any separators."""
    spoken = []
    for whole in (int(value), round(value)):
        digits = str(whole).encode()
        spoken.append(digits[:-6] + SEPARATOR + digits[-6:-3] + SEPARATOR + digits[-3:])
        scientific = b".".join([digits[:1], digits[1:5]])
        spoken.append(re.escape(scientific) + rb"\d*e\+?0?6")
    return re.compile(b"|".join([*spoken, re.escape(struct.pack("<d", value).lower())]), re.DOTALL)


PATTERNS = {f"value of {one.city}": number_pattern(one.value) for one in PLANTED.values() if one is not OPEN}
PATTERNS["value that waits"] = number_pattern(UNVERIFIED)
PATTERNS |= {f"population of {one.city}": number_pattern(one.population) for one in PLANTED.values() if one is not OPEN}
TEXTS = {
    **OF_HIDDEN_CITIES,
    **OF_PERSONS,
    **OF_THE_TEAM,
    **{f"source of {one.city}": one.source.lower() for one in PLANTED.values() if one is not OPEN},
    **{f"comment of {one.city}": one.comment.lower() for one in PLANTED.values()},
}


def searched(content: bytes) -> bytes:
    """A content in small letters, and once more as it reads where letters take two bytes each."""
    small = content.lower()
    if b"\0" not in small:
        return small
    return small + small.replace(b"\0", b"") + small.decode("utf-16-le", "ignore").encode("utf-8", "ignore")


def is_text(content: bytes) -> bool:
    """Whether bytes are those of a text: packed ones are not, and all of them are searched unpacked as well."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def secrets_in(content: bytes) -> set[str]:
    """What a content gives away. Three letters are in packed bytes by chance: once in some two million."""
    small, shortest = searched(content), 1 if is_text(content) else 6
    found = {what for what, text in TEXTS.items() if len(text) >= shortest and text.encode() in small}
    return found | {what for what, pattern in PATTERNS.items() if pattern.search(small)}


def secrets_of(path: Path) -> set[str]:
    """What a file gives away, by its bytes or by what they decode to."""
    return {one for content in contents(path) for one in secrets_in(content)}


# --- what is searched -------------------------------------------------------------------------------------------


def is_for_others(path: Path, root: Path) -> bool:
    """Whether anybody of this machine may read a file: its own mode, and a way through every folder."""
    folders = [path, *path.parents][1 : len(path.relative_to(root).parts) + 1]
    return bool(path.stat().st_mode & 0o004) and all(folder.stat().st_mode & 0o001 for folder in folders)


def contents(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and all that they decode to."""
    content = path.read_bytes()
    yield content
    match path.suffix:
        case ".duckdb":
            for name, frame in tables(path).items():
                yield name.encode() + frame.write_csv(float_precision=None).encode()
            with duckdb.connect(str(path), read_only=True) as connection:
                for query in ("duckdb_tables()", "duckdb_columns()", "duckdb_views()", "duckdb_functions()"):
                    rows = connection.sql(f"select * from {query} where database_name = current_database()").fetchall()
                    yield repr(rows).encode()
        case ".parquet":
            yield pl.read_parquet(path).write_csv().encode()
            yield repr(pl.read_parquet_metadata(path)).encode()
        case ".pdf":
            yield from contents_of_pdf(content)
        case ".xlsx" | ".zip":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for one in archive.infolist():
                    yield one.filename.encode() + archive.read(one)


def contents_of_pdf(content: bytes) -> Iterator[bytes]:
    """Text, metadata, and every object of a PDF, unpacked."""
    reader = pypdf.PdfReader(io.BytesIO(content))
    yield repr(reader.metadata).encode()
    yield " ".join(" ".join(sheet.extract_text() for sheet in reader.pages).split()).encode()
    for number in range(1, reader.trailer["/Size"]):  # type: ignore[operator,arg-type]  # a number
        one = reader.get_object(number)
        yield repr(one).encode()
        if hasattr(one, "get_data"):
            yield one.get_data()


def kind_of(path: Path, root: Path) -> str:
    """Folder of the workspace and ending: each such kind has its canary."""
    return f"{path.relative_to(root).parts[0]} {path.suffix}"


@dataclass(frozen=True)
class House:
    """A workspace with all that was made in it."""

    root: Path
    said: dict[str, str]

    def files(self) -> list[Path]:
        """Files that others may read; what cities sent in is the team's whatever its mode."""
        found = [path for path in sorted(self.root.rglob("*")) if path.is_file()]
        return [path for path in found if is_for_others(path, self.root) and "raw" not in path.parts]

    def of_kind(self, kind: str) -> list[Path]:
        """The files of a kind that others may read."""
        return [path for path in self.files() if kind_of(path, self.root) == kind]


def plant(root: Path) -> None:
    """Put what is secret into the raw files of a workspace."""
    for one in PLANTED.values():
        path = root / "raw" / str(one.year) / f"{one.city}.xlsx"
        details = OF_THE_TEAM["details of the open city's source"] if one is OPEN else "none"
        set_cell(path, f"F{ROW}", f"<v>{one.value!r}</v>")
        for column, text in {"K": "YES", "L": "YES", "O": one.source, "P": details, "Q": one.comment}.items():
            set_cell(path, f"{column}{ROW}", f"<is><t>{text}</t></is>", "inlineStr")
        set_cell(path, "B9", f"<v>{one.population!r}</v>", member=PROFILE_XML)
    consents = {UNNAMED: "values", WITHDRAWN: "scores"}
    for receipt in sorted((root / "raw").rglob("*.receipt.csv")):
        persons = {"received_from": "Sender-kz4716@example.org", "verifier": "Verifier-kz4717"}
        is_last = receipt.parent.name == "2020"
        change_receipt(
            receipt,
            lambda row, is_last=is_last, persons=persons: {
                **row,
                **persons,
                "consent": consents.get(row["city_id"], row["consent"]) if is_last else row["consent"],
            },
        )
    names = {
        SECRET: {"name": "Zecretopolis Ümbra", "aliases": "Old Zecretopolis"},
        UNNAMED: {"name": "Zhiddenham", "country": "Zumbralandia", "country_code": "ZUB", "pseudonym": PSEUDONYM},
    }
    change_register(root, lambda row: {**row, **names.get(row["city_id"], {})})
    with (root / "raw" / "focal_points.csv").open("w", encoding="utf-8", newline="") as file:
        lines = [(city, "Focal-kz4720", "Head", "focal-kz4720@example.org") for city in (SECRET, REPORT)]
        csv.writer(file, lineterminator="\n").writerows([("city_id", "name", "role", "email"), *lines])
    pending = {"verification_outcome": "pending", "received_at": datetime(2021, 12, 1, tzinfo=UTC)}
    entries = {HOTSPOTS: Entry(numerator=UNVERIFIED)}
    add_submission(root, "2020/again.xlsx", WAITING, 2020, entries, consent="report", **pending)
    with (root / "method.yaml").open("a", encoding="utf-8") as file:
        file.write(COUNTS)
    (root / "raw" / "2020").rename(root / "raw" / FOLDER)


# What commands say of the public mart, of the work, and to another city.
COMMANDS = (
    ("build",),
    ("site",),
    ("factsheet", "--all"),
    ("release", "2020", "--reason", "first"),
    ("releases",),
    ("status",),
    ("doctor",),
    ("show", "ranking"),
    ("show", REPORT),
    ("show", PSEUDONYM),
    ("show", "EC_ICT_ICT_5C"),
    ("show", "movers"),
    ("diff", "2019", "2020"),
    ("query", "select * from fact_value"),
    ("findings", REPORT, "2020"),
    ("report", REPORT, "2020"),
)
# The city may read these itself: they hold what it sent in, and none of the others'.
OWN = {"comment of the open city", f"comment of {REPORT}", "details of the open city's source"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    root = tmp_path_factory.mktemp("planted") / "workspace"
    make_small(root)
    plant(root)
    said = {}
    with mock.patch.dict(os.environ):
        for command in COMMANDS:
            result = CliRunner().invoke(app, [*command, "-w", str(root)], env=ENVIRONMENT)
            assert result.exit_code in (0, 1), (command, result.output[-2000:])
            said[" ".join(command)] = result.output
        with mock.patch("assets.index.edition_tables", side_effect=ValueError("Zecretopolis: Error-kz4721")):
            failed = CliRunner().invoke(app, ["build", "--afresh", "-w", str(root)], env=ENVIRONMENT)
    assert failed.exit_code == 3
    assert "Error-kz4721" in failed.output, "whoever builds is told"
    return House(root, said)


def test_no_secret_is_in_any_byte_that_others_may_read(house: House) -> None:
    found = {path.relative_to(house.root).as_posix(): secrets_of(path) for path in house.files()}
    assert len(found) > 150
    assert {name: told for name, told in found.items() if told} == {}


def test_what_waits_counts_for_the_team_and_for_nobody_else(house: House) -> None:
    place = open_workspace(house.root)
    with duckdb.connect(str(place.warehouse), read_only=True) as connection:
        (row,) = connection.sql(
            "select city_id, value from core.provisional where city_id = ?", params=[WAITING]
        ).fetchall()
    assert row == (WAITING, UNVERIFIED)
    for mart, counts in ((place.internal_mart, True), (place.public_mart, False)):
        for table in ("fact_one_at_a_time", "fact_sensitivity", "fact_rank_shift"):
            told = set(tables(mart)[table].filter(edition=2020)["input"])
            assert len(told) > 5
            assert ("what_waits" in told) == counts, (mart.name, table)


def test_no_secret_is_in_the_name_of_any_file_that_is_written(house: House) -> None:
    written = [path for path in house.root.rglob("*") if not {"raw", "inputs", "to-cities"} & set(path.parts)]
    assert len(written) > 150
    assert [path for path in written if secrets_in(path.relative_to(house.root).as_posix().encode())] == []


def test_no_secret_is_in_what_commands_say(house: House) -> None:
    assert {command: told for command, text in house.said.items() if (told := secrets_in(text.encode()))} == {}


def test_no_hidden_city_and_no_person_is_in_the_history_of_runs(house: House) -> None:
    """Whoever opens Dagster's UI is of the house, and need not know who takes part without being named."""
    history = [path for path in sorted((house.root / ".dagster").rglob("*")) if path.is_file()]
    # Private files of ours beside it: what errors said, and the list of files that the last build read.
    ours = {"errors.jsonl", "last-build.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in history if path.name in ours} == {0o600}
    texts = {path.name: path.read_bytes() for path in history if path.name not in ours}
    assert {name: told for name, text in texts.items() if (told := secrets_in(text))} == {}
    everything = b"".join(texts.values())
    # Canaries: steps, partitions, metadata and the kind of the error are there, so the search reads the right files.
    for told in (b"compute_index", b"2020", b"dagster/row_count", b"ValueError: what it says stands in errors.jsonl"):
        assert told in everything
    assert "text of an error" in secrets_in((house.root / ".dagster" / "errors.jsonl").read_bytes())


def test_what_is_written_to_a_city_holds_nothing_of_another(house: House) -> None:
    written = sorted((house.root / "to-cities").iterdir())
    assert sorted(path.suffix for path in written) == [".html", ".html", ".pdf", ".xlsx"]
    for path in written:
        told = secrets_of(path)
        assert told - OWN - set(OF_PERSONS) == set(), path.name
        # The report names its verifier, and nobody else.
        assert told & set(OF_PERSONS) <= ({"verifier"} if "report" in path.name else set()), path.name
        assert any(b"glasucruzo" in content.lower() for content in contents(path)), path.name


def test_the_log_of_exports_says_what_went_out_to_whom_and_is_the_teams_alone(house: House) -> None:
    lines, broken = entries(open_workspace(house.root))
    assert broken == []
    wanted = ["site", "factsheets of 2020", "release 2020-", "findings", "verification report"]
    assert all(part in line["what"] for part, line in zip(wanted, lines, strict=True))
    assert [line["audience"] for line in lines] == ["public"] * 3 + [REPORT] * 2
    public = json.loads((house.root / "marts" / "ssc_index_manifest.json").read_text(encoding="utf-8"))
    assert lines[0]["content"] == public["content_sha256"]
    assert all(len(line["content"]) == 64 and line["at"] and line["by"] and line["target"] for line in lines)
    assert stat.S_IMODE((house.root / "exports.csv").stat().st_mode) == 0o600


def test_a_notice_holds_nothing_but_steps_and_kinds(house: House) -> None:
    with mock.patch.dict(os.environ, {"SSC_INDEX_WEBHOOK": ""}):
        send(open_workspace(house.root), Notice("failed", "build", "run", "2020", ("compute_index",)))
    content = (house.root / "notices.jsonl").read_bytes()
    assert b"compute_index" in content
    assert secrets_in(content) == set()


def test_the_team_has_in_its_own_files_what_nobody_else_has(house: House) -> None:
    """The control of the planting: each secret came in, and stands where it belongs."""
    came_in = secrets_of(house.root / "marts" / "ssc_index_internal.duckdb")
    for one in PLANTED.values():
        if one is not OPEN:
            assert {f"value of {one.city}", f"population of {one.city}", f"source of {one.city}"} <= came_in
    assert set(OF_HIDDEN_CITIES) <= came_in
    assert "folder of the files" in came_in


# What is public of the open city and its number, in each kind of file that could leak a secret of the same kind.
CANARIES = {
    "marts .duckdb": ["name", "source", "value", "pseudonym"],
    "marts .parquet": ["name", "source", "value", "pseudonym"],
    "releases .duckdb": ["name", "source", "value", "pseudonym"],
    "releases .parquet": ["name", "source", "value", "pseudonym"],
    "site .js": ["name", "source", "value", "pseudonym"],
    "site .csv": ["name", "pseudonym"],
    "site .html": ["name"],
    "site .pdf": ["name"],
    "site .parquet": ["name", "source", "value", "pseudonym"],
    "factsheets .html": ["name"],
    "factsheets .pdf": ["name"],
}


@pytest.mark.parametrize("kind", CANARIES)
def test_the_search_finds_what_is_public_in_every_kind_of_file(kind: str, house: House) -> None:
    patterns = {
        "name": re.compile(b"demo glasucruzo"),
        "source": re.compile(OPEN.source.lower().encode()),
        "value": number_pattern(OPEN.value),
        "pseudonym": re.compile(PSEUDONYM.encode()),
    }
    everything = [searched(content) for path in house.of_kind(kind) for content in contents(path)]
    for what in CANARIES[kind]:
        assert any(patterns[what].search(content) for content in everything), what


def test_every_kind_of_file_that_can_hold_a_city_has_a_canary(house: House) -> None:
    holding = {
        kind_of(path, house.root)
        for path in house.files()
        if any(b"glasucruzo" in content.lower() for content in contents(path))
    }
    assert holding == set(CANARIES)


def leaking_duckdb(path: Path, frame: pl.DataFrame) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.register("frame", frame)
        connection.execute("create table leak as select * from frame")


@pytest.mark.parametrize(
    ("name", "write"),
    [("a.duckdb", leaking_duckdb), ("a.parquet", lambda path, frame: frame.write_parquet(path))],
)
def test_a_leak_is_seen_through_the_packing_of_a_file(
    name: str, write: Callable[[Path, pl.DataFrame], None], tmp_path: Path
) -> None:
    rows = pl.int_range(3000, eager=True)
    secret = PLANTED[UNNAMED]
    texts = pl.Series("text", [f"text {row // 7}" for row in rows])
    texts[1500] = f"as {secret.source} has it"
    values = rows.cast(pl.Float64).set(rows == 1500, secret.value).alias("value")
    write(tmp_path / name, pl.DataFrame([texts, values]))
    told = secrets_of(tmp_path / name)
    assert {f"source of {UNNAMED}", f"value of {UNNAMED}"} <= told


@pytest.mark.parametrize(
    "text",
    ["8246824.68", "8,246,824.7", "8.246.825", "8&nbsp;246&nbsp;825", "8\u202f246\u202f825", "ZHIDDENHAM", "ZUB"],
)
def test_a_leak_is_seen_however_it_is_written(text: str) -> None:
    assert len(secrets_in(f"the city of {text} is".encode())) == 1
    assert len(secrets_in(text.encode("utf-16-le"))) == 1


def test_three_letters_amid_packed_bytes_are_no_leak() -> None:
    code = OF_HIDDEN_CITIES["code of the country of the city that is not named"].encode()
    assert not secrets_in(b"\x9d\xc0" + code + b"\xff")
    assert secrets_in(b"\x9d\xc0zecretopolis\xff")
