"""The site's files: what they hold, what they must never hold, and that they are the same every time."""

from __future__ import annotations

import html
import json
import math
import re
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from reports.audit.rules import load_rules
from reports.figures import palette
from reports.mart import ReportError
from reports.site.build import STATIC
from reports.site.detail import _bars
from reports.weights import aggregate_step
from ssc_index.changes import FACTORS
from ssc_index.method import method_from_mapping
from tests.pipelines.workspaces import PUBLIC, REPORT, SCORES_ONLY, SECRET, copy_workspace, invoke, mart_tables
from tests.reports.sites import HOSTILE, HOSTILE_NAME, make_site, public_mart, with_name, written
from tests.reports.test_factsheet import text_of

pytestmark = pytest.mark.xdist_group("site")
PLANTED = "Zecretopolis-4711"
LATEST = 2020


@pytest.fixture(scope="module")
def workspace_with_secrets(small_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy whose internal mart has a text of ours in every text column of the city without consent."""
    root = copy_workspace(small_workspace, tmp_path_factory.mktemp("site") / "workspace")
    with duckdb.connect(str(root / "marts" / "ssc_index_internal.duckdb")) as connection:
        connection.execute("update dim_city set name = ?, country = ? where city_id = ?", [PLANTED, PLANTED, SECRET])
        connection.execute("update fact_value set source = ? where city_id in (?, ?)", [PLANTED, SECRET, SCORES_ONLY])
    return root


@pytest.fixture(scope="module")
def files(workspace_with_secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("site") / "out"
    result = invoke("site", "-w", workspace_with_secrets, "--out", out)
    assert result.exit_code == 0, result.output
    return written(out)


def data_of(files: dict[str, bytes], name: str) -> Any:
    text = files[f"data/{name}.js"].decode()
    match = re.fullmatch(r'SSC\.put\("[^"]+",(.*)\);\n', text, re.S)
    assert match is not None
    return json.loads(match[1])


def everything_in(files: dict[str, bytes], folder: Path) -> bytes:
    """All bytes written, all cells that the Parquet files decode to, and all texts of PDFs."""
    decoded = [text_of(content).encode() for name, content in files.items() if name.endswith(".pdf")]
    for name, content in files.items():
        if name.endswith(".parquet"):
            path = folder / Path(name).name
            path.write_bytes(content)
            decoded.append(pl.read_parquet(path).write_csv(float_precision=None).encode())
    return b"\n".join([*(name.encode() for name in files), *files.values(), *decoded])


def test_no_secret_is_in_any_byte_that_is_written(
    files: dict[str, bytes], workspace_with_secrets: Path, tmp_path: Path
) -> None:
    internal = mart_tables(workspace_with_secrets)
    hidden = internal["fact_value"].filter(pl.col("city_id").is_in([SECRET, SCORES_ONLY]))
    secrets = {repr(value) for value in hidden["value"].to_list() if len(repr(value)) > 9}
    # A share of 25 in 52 may be another city's, too: what the public mart holds is no secret.
    public = mart_tables(workspace_with_secrets, PUBLIC)
    secrets -= {
        repr(value) for frame in public.values() for column in frame.select(pl.col(pl.Float64)) for value in column
    }
    secrets |= {name[:12] for name in hidden["file_sha256"].unique()} | {SECRET, PLANTED, "Covaldale"}
    assert len(secrets) > 100
    everything = everything_in(files, tmp_path)
    assert [secret for secret in secrets if secret.encode() in everything] == []
    # The control: the same search finds what is public.
    shown = internal["fact_value"].filter(city_id=REPORT)
    assert all(repr(value).encode() in everything for value in shown["value"].to_list()[:50])
    assert b"Glasucruzo" in everything


def test_the_internal_mart_is_not_read(files: dict[str, bytes], workspace_with_secrets: Path, tmp_path: Path) -> None:
    root = copy_workspace(workspace_with_secrets, tmp_path / "workspace")
    (root / "marts" / "ssc_index_internal.duckdb").write_bytes(b"no database")
    make_site(root, tmp_path / "out", with_audit=True)
    assert written(tmp_path / "out") == files


def test_two_sites_of_one_mart_have_the_same_bytes(
    files: dict[str, bytes], small_workspace: Path, tmp_path: Path
) -> None:
    make_site(small_workspace, tmp_path / "out", with_audit=True)
    assert written(tmp_path / "out") == files


def test_index_scores_in_the_data_are_those_of_the_mart_to_the_last_bit(
    files: dict[str, bytes], small_workspace: Path
) -> None:
    core = data_of(files, "core")
    mart = public_mart(small_workspace)
    for edition in mart.editions:
        told = {core["cities"][row[0]][0]: tuple(row[1:4]) for row in core["index"][str(edition)]}
        rows = mart["fact_score"].filter(edition=edition, level="index")
        expected = rows.select("city_id", "score", "rank", "coverage").rows()
        assert told == {city: (score, rank, coverage) for city, score, rank, coverage in expected}


def test_intervals_and_tiers_in_the_data_are_those_of_the_mart(files: dict[str, bytes], small_workspace: Path) -> None:
    core = data_of(files, "core")
    table = public_mart(small_workspace)["fact_rank_uncertainty"].filter(node="index")
    for edition in (2019, LATEST):
        told = {core["cities"][row[0]][0]: tuple(row[7]) for row in core["index"][str(edition)] if row[7] is not None}
        rows = table.filter(edition=edition).select("city_id", "rank_p05", "rank_p95", "rank", "tier").rows()
        assert told == {city: tuple(figures) for city, *figures in rows}
        assert told
    assert SCORES_ONLY not in told


def test_causes_of_changes_are_those_of_the_mart_and_add_up_as_shown(
    files: dict[str, bytes], small_workspace: Path
) -> None:
    mart = public_mart(small_workspace)
    cities = [row[0] for row in data_of(files, "core")["cities"]]
    told = data_of(files, f"edition-{LATEST}")["changes"]
    rows = mart["fact_change"].filter(edition=LATEST).drop_nulls("score_revised").to_dicts()
    assert told["before"] == LATEST - 1
    assert {cities[int(place)] for place in told["cities"]} == {row["city_id"] for row in rows} != set()
    for row in rows:
        points, places = told["cities"][str(cities.index(row["city_id"]))]
        for name, point, moved in zip(FACTORS, points, places, strict=True):
            assert point == pytest.approx(row[f"score_{name}"], abs=0.011)
            assert moved == pytest.approx(row[f"rank_{name}"], abs=0.11)
        assert sum(places) == pytest.approx(row["rank_change"], abs=1e-9)
        change = data_of(files, f"city/{row['city_id']}")["editions"][str(LATEST)]["change"]
        kpis = mart["fact_change_kpi"].filter(edition=LATEST, city_id=row["city_id"])
        # Eight and what the others come to: together all of them, and as shown the parts of its own data.
        of_kpis = math.fsum(value for _, value in change["kpis"])
        assert of_kpis == pytest.approx(kpis["contribution"].sum(), abs=0.03)
        assert of_kpis == pytest.approx(math.fsum(points[:3]), abs=1e-9)
        assert {node for node, _ in change["kpis"][:8]} <= {*kpis["node"], "Rounding and bounds"}
    hidden = data_of(files, f"city/{SCORES_ONLY}")["editions"][str(LATEST)].get("change")
    assert hidden is None or hidden["parts"] == hidden["kpis"] == []


def test_chances_of_ranks_are_those_of_the_mart(files: dict[str, bytes], small_workspace: Path) -> None:
    rows = public_mart(small_workspace)["fact_rank_distribution"].filter(edition=LATEST, city_id=REPORT)
    told = data_of(files, f"city/{REPORT}")["editions"][str(LATEST)]["ranks"]
    expected = [[rank, round(share, 4)] for rank, share in rows.select("rank", "share").sort("rank").rows()]
    assert told == {"width": 1, "bars": expected}
    assert "ranks" not in data_of(files, f"city/{SCORES_ONLY}")["editions"][str(LATEST)]


def test_what_moves_a_rank_is_what_the_mart_says(files: dict[str, bytes], small_workspace: Path) -> None:
    rows = public_mart(small_workspace)["fact_sensitivity"].drop_nulls("total")
    rows = rows.filter(city_id=REPORT, edition=LATEST, measure="rank")
    assert not rows.is_empty()
    expected = [(row["input"], round(row["total"], 3), round(row["first"], 3)) for row in rows.to_dicts()]
    city = data_of(files, f"city/{REPORT}")
    words = city["words"]["input"]
    told = [(words[name], total, first) for name, total, first in city["editions"][str(LATEST)]["moves"]]
    assert told == sorted(expected, key=lambda one: (-one[1], one[0]))
    assert "moves" not in data_of(files, f"city/{SCORES_ONLY}")["editions"][str(LATEST)]


def test_of_many_cities_a_bar_holds_several_ranks() -> None:
    chances = [(2025, 1, 0.125), (2025, 3, 0.25), (2025, 4, 0.25), (2025, 9, 0.375)]
    assert _bars(chances, {2025: 3}) == {2025: [[1, 0.375], [4, 0.25], [7, 0.375]]}


def test_the_site_holds_the_audit_of_its_latest_edition(files: dict[str, bytes]) -> None:
    told = data_of(files, f"audit-{LATEST}")
    assert len(told["conclusions"]) == len(load_rules())
    page = files[f"downloads/audit-{LATEST}.html"].decode()
    assert all(html.escape(row[4]) in page for row in told["conclusions"])
    assert files[f"downloads/audit-{LATEST}.pdf"].startswith(b"%PDF")
    assert data_of(files, "core")["about"]["audits"] == [LATEST]


def test_a_city_with_scores_only_has_no_data_point_and_hidden_scores_are_marked(files: dict[str, bytes]) -> None:
    city = data_of(files, f"city/{SCORES_ONLY}")
    assert all(not any(edition["points"]) for edition in city["editions"].values())
    place = str([row[0] for row in data_of(files, "core")["cities"]].index(SCORES_ONLY))
    assert place not in data_of(files, f"scores-{LATEST}")["cities"]


def test_a_name_that_is_markup_stays_a_name(small_workspace: Path, tmp_path: Path) -> None:
    mart = with_name(public_mart(small_workspace), HOSTILE, HOSTILE_NAME)
    make_site(small_workspace, tmp_path / "out", mart)
    for name, content in written(tmp_path / "out").items():
        if (name.endswith(".js") and "/" in name) or name == "index.html":
            assert b"<img" not in content, name
    core = data_of(written(tmp_path / "out"), "core")
    assert HOSTILE_NAME in [city[1] for city in core["cities"]]


def test_a_text_that_a_spreadsheet_would_run_is_quoted_in_the_downloads(small_workspace: Path, tmp_path: Path) -> None:
    mart = with_name(public_mart(small_workspace), HOSTILE, '=HYPERLINK("http://x")')
    make_site(small_workspace, tmp_path / "out", mart)
    assert "'=HYPERLINK" in (tmp_path / "out" / "downloads" / f"ranking-{LATEST}.csv").read_text()


def test_no_page_names_another_host_but_in_links_to_sources() -> None:
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert "http://" not in text, path.name
        assert "https://" not in text, path.name
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\(", text), path.name


def test_the_page_forbids_itself_other_hosts(files: dict[str, bytes]) -> None:
    page = files["index.html"].decode()
    assert "default-src 'self' file: data: blob:" in page
    assert "Demo data: every city and every number is invented." in page


def test_colours_of_the_style_sheet_are_those_of_the_palette() -> None:
    text = (STATIC / "figures.js").read_text(encoding="utf-8") + (STATIC / "site.css").read_text(encoding="utf-8")
    assert all(colour in text for colour in (palette.INK, palette.ACCENT, palette.WORSE, palette.LINE))


def test_a_folder_of_somebody_else_is_not_touched(small_workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    result = invoke("site", "-w", small_workspace, "--out", tmp_path)
    assert result.exit_code == 2
    assert "no site of ours" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_site_replaces_the_one_before(small_workspace: Path, tmp_path: Path) -> None:
    make_site(small_workspace, tmp_path / "out")
    (tmp_path / "out" / "data" / "old.js").write_text("old")
    make_site(small_workspace, tmp_path / "out")
    assert not (tmp_path / "out" / "data" / "old.js").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_method_file_that_changed_since_the_build_is_refused(small_workspace: Path, tmp_path: Path) -> None:
    root = copy_workspace(small_workspace, tmp_path / "workspace")
    method = Path(__file__).resolve().parents[2] / "methods" / "index-2026.yaml"
    (root / "other.yaml").write_text(method.read_text().replace("floor: 1.0", "floor: 2.0"))
    marker = (root / "workspace.yaml").read_text()
    (root / "workspace.yaml").write_text(marker + "method: other.yaml\n")
    result = invoke("site", "-w", root, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "has changed since the mart was built" in result.stderr


def test_weights_are_offered_only_where_one_step_aggregates() -> None:
    twice = [{"aggregate": {"method": "arithmetic", "to": "dimension"}}, {"aggregate": {"method": "geometric"}}]
    with pytest.raises(ReportError, match="one last step"):
        aggregate_step(method_from_mapping({"name": "two", "steps": twice}))


def test_weights_are_not_offered_where_the_lowest_score_is_first() -> None:
    given = {"name": "one", "steps": [{"aggregate": {}}], "rank": {"first": "lowest"}}
    with pytest.raises(ReportError, match="lowest score is first"):
        aggregate_step(method_from_mapping(given))


def test_weights_are_not_offered_with_a_mean_that_the_pages_do_not_know() -> None:
    plain = method_from_mapping({"name": "one", "steps": [{"aggregate": {"method": "arithmetic"}}]})
    harmonic = plain.steps[0].model_copy(update={"levels": {"index": "harmonic"}})
    with pytest.raises(ReportError, match="harmonic"):
        aggregate_step(plain.model_copy(update={"steps": (harmonic,)}))
