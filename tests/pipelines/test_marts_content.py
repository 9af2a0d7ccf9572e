"""What the published marts of the small workspace hold, and what the public one must never hold."""

from __future__ import annotations

import hashlib
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import polars as pl
import pytest

from intake.reading import sha256_of
from schemas import marts
from ssc_index.framework.catalogue import load_catalogue
from tests.intake.forms import set_cell
from tests.pipelines.workspaces import (
    CONSENTS,
    INTERNAL,
    PUBLIC,
    REPORT,
    SCORES_ONLY,
    SECRET,
    YEARS,
    build,
    change_receipt,
    change_register,
    copy_workspace,
    mart_tables,
)

pytestmark = pytest.mark.xdist_group("marts_content")

# The row of public hotspots in the form: a plain count, its numerator is its value.
HOTSPOTS, ROW = "EC_ICT_ICT_5C.main", 11
SECRET_VALUE, SCORES_VALUE, OPEN_VALUE = 7.13571357, 8.24682468, 9.35793579
SECRET_NAME = "Zecretopolis Umbra"
INSIDE_TEXTS = {
    "comment of the secret city": "Remark-4711",
    "comment of the city with scores only": "Remark-4712",
    "comment of the open city": "Remark-4713",
    "source of the secret city": "Source-4714",
    "details of the open city's source": "Details-4715",
    "sender": "sender-4716@example.org",
    "verifier": "Verifier-4717",
    "folder": "inbox-4718",
}
OPEN_SOURCE = "Source-4719"


def inline(text: str) -> str:
    return f"<is><t>{text}</t></is>"


def plant(path: Path, value: float, comment: str, source: str, details: str = "none") -> None:
    """Put a value, a comment and a source into the row of public hotspots, reported and verified."""
    set_cell(path, f"F{ROW}", f"<v>{value!r}</v>")
    texts = {"K": "YES", "L": "YES", "O": source, "P": details, "Q": comment}
    for column, text in texts.items():
        set_cell(path, f"{column}{ROW}", inline(text), "inlineStr")


@pytest.fixture(scope="module")
def planted(small_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small workspace with secrets that can be recognised wherever they turn up."""
    root = copy_workspace(small_workspace, tmp_path_factory.mktemp("planted") / "workspace", built=False)
    raw = root / "raw"
    texts = INSIDE_TEXTS
    plant(
        raw / "2020" / f"{SECRET}.xlsx",
        SECRET_VALUE,
        texts["comment of the secret city"],
        texts["source of the secret city"],
    )
    plant(
        raw / "2019" / f"{SCORES_ONLY}.xlsx",
        SCORES_VALUE,
        texts["comment of the city with scores only"],
        "none",
    )
    plant(
        raw / "2020" / f"{REPORT}.xlsx",
        OPEN_VALUE,
        texts["comment of the open city"],
        OPEN_SOURCE,
        texts["details of the open city's source"],
    )
    for receipt in raw.rglob("*.receipt.csv"):
        change_receipt(receipt, lambda row: {**row, "received_from": texts["sender"], "verifier": texts["verifier"]})
    change_register(root, lambda row: {**row, "name": SECRET_NAME} if row["city_id"] == SECRET else row)
    (raw / "2020").rename(raw / texts["folder"])
    build(root)
    return root


@pytest.fixture(scope="module")
def public(planted: Path) -> dict[str, pl.DataFrame]:
    return mart_tables(planted, PUBLIC)


@pytest.fixture(scope="module")
def internal(planted: Path) -> dict[str, pl.DataFrame]:
    return mart_tables(planted, INTERNAL)


def shown(root: Path, name: str) -> Iterator[bytes]:
    """Everything that a reader of a mart's files can see: their bytes, and every cell that they decode to."""
    folder = root / "marts"
    files = [folder / f"{name}.duckdb", folder / f"{name}_manifest.json", *(folder / f"{name}_parquet").iterdir()]
    for path in files:
        yield path.name.encode() + path.read_bytes()
    for frame in mart_tables(root, name).values():
        yield frame.write_csv(float_precision=None).encode()
    for path in files[2:]:
        yield pl.read_parquet(path).write_csv().encode()
    with duckdb.connect(str(files[0]), read_only=True) as connection:
        for query in ("duckdb_tables()", "duckdb_columns()", "duckdb_views()", "duckdb_functions()"):
            rows = connection.sql(f"select * from {query} where database_name = current_database()").fetchall()
            yield repr(rows).encode()


def holds(root: Path, name: str, needle: bytes) -> bool:
    return any(needle in content for content in shown(root, name))


def number_needles(value: float) -> list[bytes]:
    """A number as text and as a column of doubles holds it."""
    return [repr(value).encode(), struct.pack("<d", value)]


def test_no_secret_text_is_in_any_public_byte_and_each_that_the_team_needs_is_internal(planted: Path) -> None:
    for what, text in {**INSIDE_TEXTS, "secret name": SECRET_NAME, "secret key": SECRET}.items():
        assert not holds(planted, PUBLIC, text.encode()), what
    for text in (SECRET_NAME, SECRET, INSIDE_TEXTS["folder"], INSIDE_TEXTS["source of the secret city"]):
        assert holds(planted, INTERNAL, text.encode()), text


def test_the_search_finds_what_is_public(planted: Path) -> None:
    """The control: what may be seen is found by the same search, in text and in decoded cells."""
    assert holds(planted, PUBLIC, OPEN_SOURCE.encode())
    assert holds(planted, PUBLIC, repr(OPEN_VALUE).encode())
    assert holds(planted, PUBLIC, b"Demo Glasucruzo")


@pytest.mark.parametrize("value", [SECRET_VALUE, SCORES_VALUE])
def test_no_secret_value_is_in_any_public_byte(value: float, planted: Path) -> None:
    for needle in number_needles(value):
        assert not holds(planted, PUBLIC, needle)
    assert holds(planted, INTERNAL, repr(value).encode())


def test_the_files_of_the_secret_city_cannot_be_recognised_by_their_hash(planted: Path) -> None:
    for path in (planted / "raw").rglob(f"{SECRET}*.xlsx"):
        assert not holds(planted, PUBLIC, sha256_of(path).encode())
        assert holds(planted, INTERNAL, sha256_of(path).encode())


def test_a_city_without_consent_is_in_no_public_table(public: dict[str, pl.DataFrame]) -> None:
    named = {
        city
        for frame in public.values()
        for column in ("city_id", "leader_city_id")
        if column in frame.columns
        for city in frame[column].drop_nulls()
    }
    assert named == set(CONSENTS) - {SECRET}


def test_of_a_city_with_scores_only_scores_are_public(public: dict[str, pl.DataFrame]) -> None:
    def of_city(name: str) -> pl.DataFrame:
        return public[name].filter(city_id=SCORES_ONLY)

    assert of_city("fact_value").is_empty()
    assert of_city("dim_city")["population"].to_list() == [None]
    assert set(of_city("fact_score")["level"]) <= {"index", "dimension", "sub_dimension"}
    assert not of_city("fact_score").is_empty()
    assert set(of_city("fact_benchmark")["cut"]) <= {"total", "dimension"}
    assert "value" not in set(of_city("fact_peer_position").get_column("measure"))


def test_ranks_have_no_gap_that_tells_of_a_city_that_is_not_shown(
    public: dict[str, pl.DataFrame], internal: dict[str, pl.DataFrame]
) -> None:
    secret = internal["ranking"].filter(city_id=SECRET)["rank"].drop_nulls()
    assert not secret.is_empty(), "the secret city has a rank that could leave a gap"
    for year in YEARS:
        ranks = public["ranking"].filter(edition=year)["rank"].drop_nulls().to_list()
        assert ranks == list(range(1, len(ranks) + 1))


def test_the_internal_mart_and_all_beside_it_are_for_its_owner_alone(planted: Path) -> None:
    marts_folder = planted / "marts"
    modes = {
        path.relative_to(marts_folder).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in marts_folder.rglob("*")
        if path.name.startswith(INTERNAL) or INTERNAL in path.parts[-2]
    }
    assert {mode for name, mode in modes.items() if "/" not in name and "parquet" not in name} == {0o600}
    assert {mode for name, mode in modes.items() if "/" in name} == {0o600}
    assert {mode for name, mode in modes.items() if "/" not in name and "parquet" in name} == {0o700}


@pytest.mark.parametrize(("name", "wanted"), [(PUBLIC, marts.PUBLIC), (INTERNAL, marts.INTERNAL)])
def test_a_mart_holds_these_tables_and_every_column_is_explained(name: str, wanted: Any, planted: Path) -> None:
    with duckdb.connect(str(planted / "marts" / f"{name}.duckdb"), read_only=True) as connection:
        tables = connection.sql("select table_name, comment from duckdb_tables() order by table_name").fetchall()
        columns = connection.sql(
            "select table_name, column_name, comment from duckdb_columns() where not internal"
        ).fetchall()
        views = connection.sql("select view_name, comment from duckdb_views() where not internal").fetchall()
        macros = connection.sql(
            "select function_name, comment from duckdb_functions() where not internal and function_type = 'table_macro'"
        ).fetchall()
    assert [table for table, _ in tables] == sorted(table.name for table in wanted)
    assert {view for view, _ in views} == {"ranking", "city_profile"}
    assert {macro for macro, _ in macros} == {
        "against_peers",
        "compare_cities",
        "drivers",
        "kpi_trend",
        "movers",
        "ranking_of",
        "where_from",
        "who_is_ahead",
    }
    assert all(comment for _, comment in (*tables, *views, *macros))
    of_tables = {(table, column) for table, column, _ in columns if table in {name for name, _ in tables}}
    assert of_tables == {(table.name, column) for table in wanted for column in table.columns}
    assert all(comment for table, _, comment in columns if table in {name for name, _ in tables})


def test_the_parquet_files_hold_what_the_tables_hold(planted: Path, public: dict[str, pl.DataFrame]) -> None:
    for table in marts.PUBLIC:
        path = planted / "marts" / f"{PUBLIC}_parquet" / f"{table.name}.parquet"
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            rows = connection.sql(f"select * from read_parquet('{path}') order by all").pl()
        assert rows.rows() == public[table.name].rows()


def test_a_carried_value_is_marked_and_is_that_of_the_year_it_names(internal: dict[str, pl.DataFrame]) -> None:
    values = internal["fact_value"]
    carried = values.filter("is_carried")
    assert carried.height > 20
    assert values.filter(pl.col("is_carried") != (pl.col("value_year") < pl.col("edition"))).is_empty()
    assert set((carried["edition"] - carried["value_year"]).to_list()) <= {1, 2}
    # Each carried value stands in the edition of its own year, from the same file and cell.
    same = ["city_id", "data_point", "value", "file_sha256", "cell"]
    own = values.filter(pl.col("value_year") == pl.col("edition")).select(*same, value_year="edition")
    assert carried.join(own, on=[*same, "value_year"], how="semi").height == carried.height
    # And nothing is carried over a value of the edition's own year.
    assert values.select("edition", "city_id", "data_point").is_unique().all()


def test_a_value_leads_back_to_the_cells_it_rests_on(planted: Path, internal: dict[str, pl.DataFrame]) -> None:
    catalogue = load_catalogue()
    paths = dict(internal["dim_submission"].select("file_sha256", "path").iter_rows())
    traced = internal["fact_value"].filter(edition=2020, city_id=REPORT, derivation="recomputed").rows(named=True)
    ratios = [row for row in traced if catalogue.data_point(row["data_point"]).denominator is not None]
    assert len(ratios) > 20
    row = ratios[0]
    path = planted / "raw" / paths[row["file_sha256"]]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == row["file_sha256"]
    sheet = openpyxl.load_workbook(path, data_only=True)[row["sheet"]]
    column, line = row["cell"][0], int(row["cell"][1:])
    assert column == "F"
    assert sheet[f"A{line}"].value == row["data_point"]
    numerator, denominator = sheet[row["cell"]].value, sheet[f"G{line}"].value
    multiplier = catalogue.data_point(row["data_point"]).template_multiplier
    assert row["value"] == pytest.approx(numerator / denominator * multiplier, rel=1e-15)


def test_the_planted_value_has_its_address(internal: dict[str, pl.DataFrame]) -> None:
    (row,) = internal["fact_value"].filter(edition=2020, city_id=SECRET, data_point=HOTSPOTS).to_dicts()
    assert (row["value"], row["sheet"], row["cell"]) == (SECRET_VALUE, "KPIs", f"F{ROW}")
    assert row["source"] == INSIDE_TEXTS["source of the secret city"]


def test_the_ranking_comes_in_order_without_being_asked(planted: Path) -> None:
    with duckdb.connect(str(planted / "marts" / f"{PUBLIC}.duckdb"), read_only=True) as connection:
        rows = connection.sql("select edition, rank, score, coverage, city_id from ranking").fetchall()
    ordered = sorted(rows, key=lambda row: (row[0], row[1] is None, row[1] or 0, -row[3], row[4]))
    assert rows == ordered
    assert any(rank is None for _, rank, *_ in rows)
    for year in YEARS:
        scores = [score for edition, rank, score, *_ in rows if edition == year and rank is not None]
        assert scores == sorted(scores, reverse=True)


def test_cities_can_be_compared(planted: Path, public: dict[str, pl.DataFrame]) -> None:
    first, second = "demo-005-elvanpolis", REPORT
    with duckdb.connect(str(planted / "marts" / f"{PUBLIC}.duckdb"), read_only=True) as connection:
        compared = connection.sql(f"from compare_cities('{first}', '{second}')").pl()
    scores = {
        (edition, city): score
        for edition, city, score in public["ranking"].select("edition", "city_id", "score").iter_rows()
    }
    index = compared.filter(node="index")
    assert index["edition"].to_list() == list(YEARS)
    for row in index.to_dicts():
        assert (row["score_a"], row["score_b"]) == (scores[row["edition"], first], scores[row["edition"], second])
        assert row["difference"] == row["score_a"] - row["score_b"]
    assert set(compared["level"]) == {"index", "dimension", "sub_dimension"}


def test_a_kpi_can_be_followed_over_the_editions(planted: Path) -> None:
    with duckdb.connect(str(planted / "marts" / f"{PUBLIC}.duckdb"), read_only=True) as connection:
        trend = connection.sql(f"from kpi_trend('{REPORT}', 'EC_ICT_ICT_5C')").pl()
    assert trend["edition"].is_sorted()
    (last,) = trend.filter(edition=2020).to_dicts()
    assert (last["value"], last["source"], last["is_carried"]) == (OPEN_VALUE, OPEN_SOURCE, False)


def test_a_city_profile_tells_scores_and_benchmarks_side_by_side(public: dict[str, pl.DataFrame]) -> None:
    profile = public["city_profile"].filter(city_id=REPORT, edition=2020)
    # The index, three dimensions, seven sub-dimensions.
    assert profile["level"].value_counts().sort("count")["count"].to_list() == [1, 3, 7]
    assert profile["benchmark_percentage"].null_count() == 0
    assert profile["benchmark_percentage"].is_between(25, 100).all()


def test_demo_data_say_so_in_every_row_of_cities_and_editions(public: dict[str, pl.DataFrame]) -> None:
    assert public["dim_city"]["is_demo"].all()
    assert public["dim_edition"]["is_demo"].all()
    assert public["ranking"]["is_demo"].all()
    assert public["dim_city"]["name"].str.starts_with("Demo").all()
