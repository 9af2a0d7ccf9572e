"""Publishing: checked before it is shown, switched in one step, the same bits for the same content."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets import publish as publishing
from assets.marts import by_edition, internal_view, parents, rounds, whole
from assets.publish import (
    INTERNAL_MODE,
    PUBLIC_MODE,
    SQL,
    VIEWS,
    Published,
    PublishError,
    Seen,
    building,
    in_groups,
    intact_files,
    publish,
    standing,
)
from assets.warehouse import connect
from intake.consent import public_view
from schemas import core, marts
from ssc_index.framework.catalogue import load_catalogue
from tests.assets.cohort import EDITIONS, shared_frames
from tests.power import watched

Frames = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Marts:
    """Both marts of the cohort in one folder."""

    folder: Path
    internal: Published
    public: Published


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Marts:
    folder = tmp_path_factory.mktemp("marts")
    frames = shared_frames()
    shown = public_view(frames, parents(load_catalogue()))
    internal = publish(folder / "ssc_index_internal.duckdb", marts.INTERNAL, internal_view(frames), INTERNAL_MODE)
    return Marts(folder, internal, publish(folder / "ssc_index.duckdb", marts.PUBLIC, shown, PUBLIC_MODE))


@pytest.fixture(scope="module")
def mart(both: Marts) -> Iterator[duckdb.DuckDBPyConnection]:
    """The internal mart, as an analyst opens it."""
    with duckdb.connect(str(both.internal.path), read_only=True) as connection:
        yield connection


@cache
def few_frames() -> dict[str, pl.DataFrame]:
    """The public frames of one edition, three cities and a branch of the tree: quick to publish; do not change."""
    frames = public_view(shared_frames(), parents(load_catalogue()))
    branch = frames["catalogue_nodes"].filter(
        pl.col("level").is_in(["index", "dimension", "sub_dimension"]) | pl.col("kpi_code").eq("EC_ICT_ICT_1C")
    )
    tree = branch.with_columns(
        pl.when(pl.col("level") == "kpi").then(pl.lit("EC_ICT")).otherwise("parent").alias("parent")
    )
    few = {"catalogue_nodes": tree}
    for name, frame in frames.items():
        kept = frame
        if "edition" in frame.columns:
            kept = kept.filter(pl.col("edition") == EDITIONS[-1])
        if "city_id" in frame.columns:
            kept = kept.filter(pl.col("city_id").is_in(["a", "b", "f"]))
        for column in ("node", "data_point", "item", "node_a", "node_b", "part"):
            if column in frame.columns and name != "benchmark_scores":
                kept = kept.filter(pl.col(column).is_in(tree["node"].implode()))
        few.setdefault(name, kept)
    return few


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "marts" / "ssc_index.duckdb"


def publish_few(path: Path, frames: Frames | None = None, mode: int = PUBLIC_MODE) -> Published:
    return publish(path, marts.PUBLIC, few_frames() if frames is None else frames, mode)


def changed(frames: Frames, name: str, *columns: pl.Expr) -> dict[str, pl.DataFrame]:
    return {**frames, name: frames[name].with_columns(*columns)}


def everything_in(folder: Path) -> dict[str, bytes]:
    """Content of every file, links followed."""
    files = [*folder.rglob("*"), *folder.glob("*_parquet/*")]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files if file.is_file()}


def parquet_bytes(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.with_name(f"{path.stem}_parquet").iterdir()}


# --- checked before it is shown -------------------------------------------------------------------------------


def test_a_failing_check_leaves_the_old_mart_and_names_every_fault(path: Path) -> None:
    publish_few(path)
    before = everything_in(path.parent)
    root = pl.col("level") == "index"
    broken = changed(few_frames(), "index_scores", pl.when(~root).then("rank").alias("rank"))
    broken = changed(broken, "catalogue_nodes", pl.col("parent").replace("EC", "nowhere"))
    broken = changed(broken, "picked_values", pl.lit(float("inf")).alias("value"))
    with pytest.raises(PublishError) as raised:
        publish_few(path, broken)
    told = str(raised.value)
    assert told.startswith("ssc_index.duckdb not published, the old mart stays: ")
    assert len([fault for fault in raised.value.faults if fault.startswith("every_rank_has_a_score: ")]) == 3
    assert "parents_exist: {'node': 'EC_ICT', 'parent': 'nowhere'}" in told
    assert "fact_value: row 0: column value fails finite with 'inf'" in told
    assert everything_in(path.parent) == before


def test_a_value_that_the_schema_refuses_stops_the_mart(path: Path) -> None:
    nameless = changed(few_frames(), "raw_cities", pl.lit("no code").alias("country_code"))
    doubled = {**nameless, "index_cities": pl.concat([nameless["index_cities"]] * 2)}
    with pytest.raises(PublishError, match=r"dim_city: row 0: .*unique"):
        publish_few(path, doubled)


def test_a_missing_cell_that_the_table_would_refuse_is_told_as_every_fault_is(path: Path) -> None:
    broken = changed(few_frames(), "index_scores", pl.lit(None, pl.String).alias("level"))
    doubled = {**broken, "index_cities": pl.concat([broken["index_cities"]] * 2)}
    with pytest.raises(PublishError, match="fact_score: row 0: column level fails not_nullable") as raised:
        publish_few(path, doubled)
    assert any(fault.startswith("dim_city: ") for fault in raised.value.faults)


def test_more_than_twenty_offending_rows_are_counted(path: Path) -> None:
    broken = changed(few_frames(), "catalogue_nodes", pl.lit("nowhere").alias("parent"))
    nodes = broken["catalogue_nodes"]
    more = [nodes.with_columns(pl.format("{}{}", "node", pl.lit(copy)).alias("node")) for copy in range(3)]
    with pytest.raises(PublishError) as raised:
        publish_few(path, {**broken, "catalogue_nodes": pl.concat([nodes, *more])})
    told = [fault for fault in raised.value.faults if fault.startswith("parents_exist")]
    assert told[20:] == [f"parents_exist: and {4 * nodes.height - 20} rows more"]


# Each check with what makes it fire, as SQL on the internal mart, and how many rows it must return.
PLANTED: dict[str, list[tuple[str, int]]] = {
    "every_rank_has_a_score": [
        ("update fact_score set rank = null where edition = 2024 and city_id = 'a' and node = 'index'", 1),
        ("update fact_score set score = null where edition = 2024 and city_id = 'a' and node = 'EC'", 1),
    ],
    # City a is in four facts.
    "facts_have_their_city": [("delete from dim_city where city_id = 'a'", 4)],
    # The data point is in two facts.
    # A sub-dimension is in three: scores, and as a part and as a whole in correlations and importance.
    "facts_have_their_node": [
        ("delete from dim_kpi where node = 'EC_ICT_ICT_1C.main'", 2),
        ("delete from dim_kpi where node = 'EC_ICT'", 3),
    ],
    "parents_exist": [
        ("update dim_kpi set parent = 'nowhere' where node = 'EC_ICT'", 1),
        ("update dim_kpi set parent = null where node = 'EC_ICT'", 1),
        ("update dim_kpi set parent = null, level = 'index' where node = 'EC_ICT'", 1),
    ],
    # One city, two editions.
    "percentages_are_points": [
        (
            "update fact_benchmark set percentage = percentage + 0.001 "
            "where city_id = 'a' and cut = 'total' and kpi_level = 'all'",
            2,
        )
    ],
    # First and last change places: the new first is below the second, the new last above the one before it.
    "ranks_follow_scores": [
        ("update fact_score set rank = 8 - rank where rank in (1, 7) and edition = 2024 and node = 'index'", 2)
    ],
}
CHECKS = sorted(file.stem for file in (SQL / "checks").glob("*.sql"))


@pytest.mark.parametrize("check", CHECKS)
def test_each_check_of_the_marts_fires_on_a_planted_fault(check: str, both: Marts) -> None:
    script = (SQL / "checks" / f"{check}.sql").read_text(encoding="utf-8")
    needed = script.splitlines()[1].removeprefix("-- tables:").replace(" ", "").split(",")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{both.internal.path}' as mart (read_only)")
        for table in needed:
            connection.execute(f"create table {table} as select * from mart.{table}")
        assert connection.sql(script).fetchall() == []
        for fault, rows in PLANTED[check]:
            connection.execute("begin")
            connection.execute(fault)
            assert len(connection.sql(script).fetchall()) == rows, fault
            connection.execute("rollback")


def test_every_check_and_every_schema_ran(both: Marts) -> None:
    assert sorted(PLANTED) == CHECKS
    assert both.internal.checks == (*CHECKS, *(f"schema of {table.name}" for table in marts.INTERNAL))
    assert both.public.checks == (*CHECKS, *(f"schema of {table.name}" for table in marts.PUBLIC))


# --- the same bits --------------------------------------------------------------------------------------------


def test_publishing_the_same_twice_gives_the_same_content_and_the_same_parquet(tmp_path: Path) -> None:
    first, second = (tmp_path / name / "ssc_index.duckdb" for name in ("one", "two"))
    assert publish_few(first).content_sha256 == publish_few(second).content_sha256
    assert parquet_bytes(first) == parquet_bytes(second)
    manifests = [path.with_name("ssc_index_manifest.json").read_bytes() for path in (first, second)]
    assert manifests[0] == manifests[1]


def test_a_row_that_changes_changes_the_content(path: Path) -> None:
    before = publish_few(path).content_sha256
    one_city = pl.when(pl.col("city_id") == "b").then(pl.lit("Another name")).otherwise("name")
    after = publish_few(path, changed(few_frames(), "raw_cities", one_city.alias("name")))
    assert after.content_sha256 != before
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.sql("select name from dim_city where city_id = 'b'").fetchall() == [("Another name",)]


def test_a_comment_that_changes_changes_the_content(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = publish_few(path).content_sha256
    told = [*marts.DIM_CITY.comments(), "comment on table dim_city is 'Other words.'"]
    monkeypatch.setattr(type(marts.DIM_CITY), "comments", lambda table: told if table.name == "dim_city" else [])
    assert publish_few(path).content_sha256 != before


def test_edition_by_edition_is_the_same_as_all_at_once(tmp_path: Path, both: Marts) -> None:
    frames = internal_view(shared_frames())
    with building(tmp_path / "ssc_index_internal.duckdb", marts.INTERNAL, INTERNAL_MODE) as builder:
        builder.insert(frames, whole(marts.INTERNAL))
        for edition in EDITIONS:
            part = {
                name: frame.filter(pl.col("edition") == edition) if "edition" in frame.columns else frame
                for name, frame in frames.items()
            }
            builder.insert(part, by_edition(marts.INTERNAL))
        published = builder.seal()
        builder.switch(published)
    assert (published.content_sha256, published.rows) == (both.internal.content_sha256, both.internal.rows)
    # And so is what is taken from the files that stand.
    with (
        intact_files(published, marts.INTERNAL) as files,
        building(tmp_path / "again" / "ssc_index_internal.duckdb", marts.INTERNAL, INTERNAL_MODE) as builder,
    ):
        builder.insert(frames, whole(marts.INTERNAL))
        for edition in EDITIONS:
            builder.keep(edition, by_edition(marts.INTERNAL), files)
        assert builder.seal().content_sha256 == published.content_sha256


def test_a_table_that_is_made_some_rows_at_a_time_holds_the_same_rows(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = publish_few(tmp_path / "at once" / path.name)
    monkeypatch.setattr(publishing, "ROWS_OF_GROUP", 2)
    published = publish_few(path)
    assert published.rows == at_once.rows
    assert published.rows["fact_score"] > 2
    parquet = [
        pq.ParquetFile(one.with_name(f"{one.stem}_parquet") / "fact_score.parquet") for one in (at_once.path, path)
    ]
    assert parquet[0].read().equals(parquet[1].read())
    sizes = [parquet[1].metadata.row_group(group).num_rows for group in range(parquet[1].num_row_groups)]
    assert set(sizes[:-1]) == {2}
    doubled = pl.concat([few_frames()["index_cities"]] * 2)
    with pytest.raises(PublishError, match=r"dim_city: row 1: .*unique"):
        publish_few(path, {**few_frames(), "index_cities": doubled})


def test_rows_with_long_texts_have_the_room_to_be_put_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # 40,000 rows of 1,000 letters: 40 MB, last ones first.
    monkeypatch.setattr(publishing, "LEAST_ROOM", 30)
    told = [f"{number:05d}" + "x" * 1000 for number in range(40_000, 0, -1)]
    (row,) = shared_frames()["core_quarantine"].head(1).iter_rows(named=True)
    rows = pl.DataFrame({"message": told}).with_columns(
        pl.lit(value).alias(name) for name, value in row.items() if name != "message"
    )
    frames = internal_view(shared_frames()) | {"core_quarantine": core.QUARANTINE.typed(rows)}
    publish(tmp_path / "ssc_index_internal.duckdb", marts.INTERNAL, frames, INTERNAL_MODE)
    made = pq.read_table(tmp_path / "ssc_index_internal_parquet" / "fact_finding.parquet")
    assert made["message"].to_pylist() == told[::-1]


def test_a_key_that_is_there_twice_is_seen_though_its_rows_are_made_apart() -> None:
    table = marts.FACT_CHANGE_KPI
    frame = pl.DataFrame(
        {"edition": [2024] * 3, "edition_before": [2023] * 3, "city_id": ["a", "a", "a"], "node": ["x", None, "y"]}
    )
    rows = table.typed(frame.with_columns(pl.lit(0.5).alias(name) for name in set(table.columns) - set(frame.columns)))
    seen = Seen(table)
    assert [len(seen.failures(part.to_arrow())) for part in (rows[:1], rows[2:])] == [0, 0]
    (twice,) = seen.failures(rows[2:].to_arrow())
    assert (twice.row, "unique" in twice.check) == (2, True)
    # What is wrong with one row is told of that row, once.
    (missing,) = seen.failures(rows[1:2].to_arrow())
    assert (missing.row, missing.column) == (3, "node")
    assert seen.failures(rows[:1].to_arrow()) == []


def test_rows_are_parted_by_edition_and_number_whatever_they_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "ROWS_OF_GROUP", 3)
    rows = pa.table({"edition": [1, 1, 2, 2, 2, 2, 2, 2, 2, 3], "n": range(10)})
    for size in (1, 2, 4, 10):
        batches = [rows.slice(start, size) for start in range(0, 10, size)]
        groups = [group["n"].to_pylist() for group in in_groups(batches, by_edition=True)]
        assert groups == [[0, 1], [2, 3, 4], [5, 6, 7], [8], [9]]
        groups = [group["n"].to_pylist() for group in in_groups(batches, by_edition=False)]
        assert groups == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


def test_editions_of_few_cities_are_published_together_and_large_ones_alone() -> None:
    counts = {2020: 400, 2021: 500, 2023: 200, 2024: 1200, 2025: 10, 2026: 990}
    years = [year for year, count in counts.items() for _ in range(count)]
    assert rounds(pl.DataFrame({"edition": years})) == [(2020, 2021), (2023, 2023), (2024, 2024), (2025, 2026)]


def test_the_manifest_tells_content_rows_and_checks(both: Marts) -> None:
    manifest = json.loads((both.folder / "ssc_index_manifest.json").read_text(encoding="utf-8"))
    assert manifest["content_sha256"] == both.public.content_sha256
    assert manifest["rows"] == dict(both.public.rows)
    assert manifest["rows"]["dim_kpi"] == 241
    assert tuple(manifest["checks"]) == both.public.checks
    assert manifest["tables"].keys() == {table.name for table in marts.PUBLIC}


def test_parquet_holds_what_the_mart_holds(both: Marts) -> None:
    with connect(both.public.path, read_only=True) as connection:
        for table in marts.PUBLIC:
            exported = pl.read_parquet(both.folder / "ssc_index_parquet" / f"{table.name}.parquet")
            assert exported.equals(connection.table(table.name).pl()), table.name


# --- what stands is held against its address ---------------------------------------------------------------------


def score_file(path: Path) -> Path:
    return path.with_name("ssc_index_parquet") / "fact_score.parquet"


def flip_a_byte(path: Path) -> None:
    found = bytearray(score_file(path).read_bytes())
    found[len(found) // 2] ^= 1
    score_file(path).write_bytes(found)


def cut_off(path: Path) -> None:
    score_file(path).write_bytes(score_file(path).read_bytes()[:-100])


def delete(path: Path) -> None:
    score_file(path).unlink()


def forge(path: Path) -> None:
    """Put another table's file in its place, and have the manifest say that it is the one."""
    score_file(path).write_bytes(score_file(path).with_name("fact_benchmark.parquet").read_bytes())
    manifest = path.with_name("ssc_index_manifest.json")
    told = json.loads(manifest.read_text(encoding="utf-8"))
    told["tables"]["fact_score"] = told["tables"]["fact_benchmark"]
    manifest.write_text(json.dumps(told), encoding="utf-8")


def leave_a_table_out(path: Path) -> None:
    manifest = path.with_name("ssc_index_manifest.json")
    told = json.loads(manifest.read_text(encoding="utf-8"))
    del told["tables"]["fact_score"]
    manifest.write_text(json.dumps(told), encoding="utf-8")


@pytest.mark.parametrize("harm", [flip_a_byte, cut_off, delete, forge, leave_a_table_out])
def test_files_that_are_not_what_was_published_are_not_read_and_the_same_mart_puts_them_right(
    harm: Callable[[Path], None], path: Path
) -> None:
    publish_few(path)
    before = everything_in(path.parent)
    with intact_files(standing(path), marts.PUBLIC) as files:
        assert files.keys() == {table.name for table in marts.PUBLIC}
    harm(path)
    with intact_files(standing(path), marts.PUBLIC) as files:
        assert files == {}
    publish_few(path)
    del before["ssc_index.duckdb"]  # two files of one content differ
    assert {name: found for name, found in everything_in(path.parent).items() if name in before} == before


def test_files_of_other_tables_are_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_few(path)
    with intact_files(standing(path), marts.INTERNAL) as files:
        assert files == {}
    with intact_files(None, marts.PUBLIC) as files:
        assert files == {}
    monkeypatch.setattr(type(marts.DIM_CITY), "ddl", lambda table: "other columns")
    with intact_files(standing(path), marts.PUBLIC) as files:
        assert files == {}


# --- who may read ---------------------------------------------------------------------------------------------


def mode_of(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


def test_the_internal_mart_is_for_its_owner_alone(both: Marts) -> None:
    parquet = both.folder / "ssc_index_internal_parquet"
    assert mode_of(both.internal.path) == "0600"
    assert mode_of(both.folder / "ssc_index_internal_manifest.json") == "0600"
    assert mode_of(parquet) == "0700"
    assert {mode_of(file) for file in parquet.iterdir()} == {"0600"}


def test_the_public_mart_is_for_all(both: Marts) -> None:
    parquet = both.folder / "ssc_index_parquet"
    assert mode_of(both.public.path) == "0644"
    assert mode_of(parquet) == "0755"
    assert {mode_of(file) for file in parquet.iterdir()} == {"0644"}


def test_while_it_is_built_nobody_else_can_look(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    write = publishing._write_manifest

    def look(manifest: Path, content: Mapping[str, object]) -> None:
        seen.append(mode_of(manifest.parent))
        write(manifest, content)

    monkeypatch.setattr(publishing, "_write_manifest", look)
    publish_few(path)
    assert seen == ["0700"]


def test_public_bytes_hold_no_secret(both: Marts) -> None:
    # City g gives no consent, city f gives scores alone: neither's name, source, sender or file may be in the files.
    public = both.public.path.read_bytes() + b"".join(parquet_bytes(both.public.path).values())
    inside = both.internal.path.read_bytes()
    for secret in (b"City G", b"Source of f", b"Source of g", b"secret-file"):
        assert secret in inside
        assert secret not in public
    with connect(both.public.path, read_only=True) as connection:
        tables = [
            row[0]
            for row in connection.sql(
                "select table_name from duckdb_columns() where column_name = 'city_id'"
            ).fetchall()
        ]
        for table in tables:
            assert connection.sql(f"select 1 from {table} where city_id = 'g'").fetchall() == [], table
        assert connection.sql("select 1 from fact_value where city_id = 'f'").fetchall() == []


# --- switching ------------------------------------------------------------------------------------------------


def test_what_dead_builds_left_behind_is_removed(path: Path) -> None:
    leftover = path.parent / ".build-ssc_index-1"
    leftover.mkdir(parents=True)
    (leftover / "ssc_index.duckdb").write_bytes(b"half a mart")
    publish_few(path)
    assert sorted(file.name for file in path.parent.glob(".build-*")) == []


def test_a_reader_goes_on_reading_what_it_opened(path: Path) -> None:
    publish_few(path)
    # A second connection to one path in one process would share the first one's file: open the old inode by a link.
    old = path.with_name("held.duckdb")
    old.hardlink_to(path)
    with duckdb.connect(str(old), read_only=True) as reader:
        before = reader.sql("select name from dim_city order by city_id").fetchall()
        publish_few(path, changed(few_frames(), "raw_cities", pl.lit("Renamed").alias("name")))
        assert reader.sql("select name from dim_city order by city_id").fetchall() == before
    with duckdb.connect(str(path), read_only=True) as reader:
        assert set(reader.sql("select name from dim_city").fetchall()) == {("Renamed",)}


def test_a_build_that_dies_before_the_switch_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_few(path)
    before = everything_in(path.parent)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(publishing, "_switch", die)
    with pytest.raises(KeyboardInterrupt):
        publish_few(path, changed(few_frames(), "raw_cities", pl.lit("Renamed").alias("name")))
    assert everything_in(path.parent) == before


def test_what_is_no_longer_shown_is_in_no_file_once_the_next_mart_stands(path: Path) -> None:
    for name in ("Ondesecreto", "Twosecreto"):
        content = publish_few(path, changed(few_frames(), "raw_cities", pl.lit(name).alias("name"))).content_sha256
    (folder,) = path.parent.glob("ssc_index_parquet-*")
    assert folder.name == path.with_name("ssc_index_parquet").readlink().name == f"ssc_index_parquet-{content[:16]}"
    found = b"".join(everything_in(path.parent).values())
    assert b"Twosecreto" in found
    assert b"Ondesecreto" not in found


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "it's; drop table dim_city" / "ssc_index.duckdb"
    publish_few(path)
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.table("dim_city").count("*").fetchall() == [(3,)]


def test_publishing_the_same_again_keeps_the_mart_whole(path: Path) -> None:
    assert publish_few(path).content_sha256 == publish_few(path).content_sha256
    assert pl.read_parquet(path.with_name("ssc_index_parquet") / "dim_city.parquet").height == 3


def test_a_loss_of_power_leaves_no_name_without_what_it_names(path: Path) -> None:
    content = publish_few(path).content_sha256
    next((path.parent / "ssc_index_parquet").iterdir()).unlink()
    # The folder of the same content is mended in its place, that of another content is a new one.
    for region in (None, "Another"):
        frames = few_frames()
        if region:
            frames = changed(frames, "raw_cities", pl.lit(region).alias("name"))
        with watched(path.parent) as watch:
            folder = f"ssc_index_parquet-{publish_few(path, frames).content_sha256[:16]}"
        assert watch.lost == []
        names = [step for step in watch.order if step.startswith("name ") and not step.endswith(".parquet")]
        of_folder = [f"name {folder}"] if region else []
        assert names == [
            *of_folder,
            "name ssc_index_parquet",
            "name ssc_index.duckdb",
            "name ssc_index_manifest.json",
        ]
        # What was shown before goes after that.
        assert watch.order[-1] == "sync marts"
    assert content[:16] not in folder


def test_a_manifest_of_which_a_part_is_there_is_none_and_the_next_mart_puts_it_right(path: Path) -> None:
    publish_few(path)
    manifest = path.with_name("ssc_index_manifest.json")
    before = manifest.read_bytes()
    for left in (b"", before[:300], b"[]", b"{}", bytes(300), b"\xff"):
        manifest.write_bytes(left)
        assert standing(path) is None, left
    publish_few(path)
    assert manifest.read_bytes() == before


def test_a_folder_in_the_place_of_a_link_is_replaced_by_it(path: Path) -> None:
    """Whoever restores marts by a program that follows links has a folder there."""
    publish_few(path)
    link = path.with_name("ssc_index_parquet")
    target = link.readlink()
    link.unlink()
    link.mkdir()
    (link / "dim_city.parquet").write_bytes(b"of a copy")
    publish_few(path)
    assert link.readlink() == target
    assert sorted(file.name for file in path.parent.iterdir() if file.is_dir()) == ["ssc_index_parquet", target.name]


# --- what an analyst finds ------------------------------------------------------------------------------------


def test_every_table_and_column_has_its_comment(mart: duckdb.DuckDBPyConnection) -> None:
    tables = dict(mart.sql("select table_name, comment from duckdb_tables()").fetchall())
    assert tables == {table.name: table.description for table in marts.INTERNAL}
    columns = mart.sql(
        "select table_name, column_name, comment from duckdb_columns() "
        "where table_name in (select table_name from duckdb_tables())"
    ).fetchall()
    assert {(table, column): comment for table, column, comment in columns} == {
        (table.name, name): table.comment(name) for table in marts.INTERNAL for name in table.columns
    }


def test_every_view_and_macro_has_a_comment(mart: duckdb.DuckDBPyConnection) -> None:
    views = mart.sql("select view_name, comment from duckdb_views() where not internal").fetchall()
    macros = mart.sql("select function_name, comment from duckdb_functions() where not internal").fetchall()
    assert {name for name, _ in [*views, *macros]} == set(VIEWS)
    assert [name for name, comment in [*views, *macros] if not comment] == []


def test_ranking_lists_ranked_cities_first(mart: duckdb.DuckDBPyConnection) -> None:
    rows = mart.sql("select rank, city_id, score from ranking where edition = 2024").fetchall()
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert [row[2] for row in rows] == sorted((row[2] for row in rows), reverse=True)


def test_a_profile_has_the_eleven_nodes_down_to_the_sub_dimensions(mart: duckdb.DuckDBPyConnection) -> None:
    # The index, three dimensions and seven sub-dimensions, each with its benchmark percentage.
    rows = mart.sql(
        "select level, benchmark_percentage from city_profile where city_id = 'a' and edition = 2024"
    ).fetchall()
    assert sorted(level for level, _ in rows) == ["dimension"] * 3 + ["index"] + ["sub_dimension"] * 7
    assert all(25 <= percentage <= 100 for _, percentage in rows)


def test_comparing_two_cities_gives_the_difference(mart: duckdb.DuckDBPyConnection) -> None:
    rows = mart.sql("select node, score_a, score_b, difference from compare_cities('a', 'b') where edition = 2024")
    found = {node: (a, b, difference) for node, a, b, difference in rows.fetchall()}
    assert len(found) == 11
    assert all(difference == a - b for a, b, difference in found.values())
    back = mart.sql("select difference from compare_cities('b', 'a') where edition = 2024 and node = 'index'")
    assert back.fetchall() == [(-found["index"][2],)]


def test_the_trend_of_a_kpi_tells_value_year_and_source(mart: duckdb.DuckDBPyConnection) -> None:
    rows = mart.sql("select edition, value, value_year, is_carried, source from kpi_trend('c', 'EC_ICT_ICT_1C')")
    assert rows.fetchall() == [(2023, 30.0, 2023, False, "Source of c"), (2024, 30.0, 2024, False, "Source of c")]


def test_carried_values_are_marked_with_their_year(mart: duckdb.DuckDBPyConnection) -> None:
    rows = mart.sql("select distinct edition - value_year, is_carried from fact_value order by all").fetchall()
    assert rows == [(0, False), (1, True)]


def test_the_edition_counts_what_it_rests_on(mart: duckdb.DuckDBPyConnection, both: Marts) -> None:
    told = "select n_cities, n_ranked, n_values, is_demo, status from dim_edition where edition = 2024"
    own = shared_frames()["picked_values"].filter((pl.col("edition") == 2024) & (pl.col("year") == 2024)).height
    # The workspace of the tests is the shipped method's, with invented cities.
    assert mart.sql(told).fetchall() == [(7, 7, own, True, "draft")]
    with duckdb.connect(str(both.public.path), read_only=True) as public:
        n_cities, n_ranked, n_values, *_ = public.sql(told).fetchall()[0]
        shown = public.sql("select count(*) from fact_value where edition = 2024 and not is_carried").fetchall()[0][0]
    assert (n_cities, n_ranked, n_values) == (6, 6, shown)


def test_the_mart_can_be_read_by_duckdb_1_5(both: Marts) -> None:
    # Versions of the storage format: DuckDB 1.5 reads 64 to 68. The number stands behind the magic word.
    head = both.public.path.read_bytes()[:32]
    assert head[8:12] == b"DUCK"
    assert 64 <= int.from_bytes(head[12:20], "little") <= 68


def test_mart_sql_holds_no_path_and_no_attachment(both: Marts) -> None:
    with connect(both.public.path, read_only=True) as connection:
        scripts = connection.sql("select sql from duckdb_views() where not internal").fetchall()
    assert [script for (script,) in scripts if re.search(r"read_parquet|attach|/", script, re.IGNORECASE)] == []


def test_what_does_not_fit_into_memory_goes_where_only_we_can_read_it(path: Path) -> None:
    with building(path, marts.PUBLIC, PUBLIC_MODE) as builder:
        (spilled,) = builder._connection.sql("select current_setting('temp_directory')").fetchall()[0]
        folder = Path(spilled).parent
        assert folder.parent == path.parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


def test_a_mart_on_its_way_has_no_log_beside_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    check = publishing._run_checks

    def look(connection: duckdb.DuckDBPyConnection, present: set[str], faults: list[str]) -> list[str]:
        (folder,) = path.parent.glob(".build-*")
        seen.append(sorted(file.name for file in folder.iterdir()))
        return check(connection, present, faults)

    monkeypatch.setattr(publishing, "_run_checks", look)
    publish_few(path)
    assert seen == [["parquet", path.name]]
