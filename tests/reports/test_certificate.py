"""Certificate and snapshot of a city: one page each, with the numbers of the mart, and nothing attested too early."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pypdf
import pytest

from reports import words
from reports.mart import PublicMart, ReportError
from reports.pdf import CERTIFICATE, FACTSHEET, SNAPSHOT, PdfMaker
from tests.pipelines.workspaces import REPORT, SCORES_ONLY, invoke
from tests.reports.sites import HOSTILE, public_mart, with_name
from tests.reports.test_factsheet import LATEST, maker, text_of

pytestmark = pytest.mark.xdist_group("site")


@pytest.fixture(scope="module")
def mart(small_workspace: Path) -> PublicMart:
    return public_mart(small_workspace)


def squeezed(pdf: bytes) -> str:
    return " ".join(text_of(pdf).split())


def row_of(mart: PublicMart, table: str, **key: Any) -> dict[str, Any]:
    return mart[table].filter(edition=LATEST, **key).row(0, named=True)


def test_a_certificate_attests_the_numbers_of_the_mart(small_workspace: Path, mart: PublicMart) -> None:
    pdf, _ = PdfMaker(None, CERTIFICATE).pdf(maker(small_workspace, mart).certificate(REPORT))
    text = squeezed(pdf)
    own = mart["fact_value"].filter(edition=LATEST, city_id=REPORT, is_carried=False)
    assert f"had {own.height} of 112 data points, of {own['kpi_code'].n_unique()} of 91 KPIs, verified" in text
    index = row_of(mart, "fact_score", city_id=REPORT, node="index")
    ranked = row_of(mart, "dim_edition")["n_ranked"]
    assert f"is number {index['rank']} of {ranked} ranked cities that are shown" in text
    assert f"an index of {words.score(index['score'])} of 100 on {words.percent(index['coverage'])}" in text
    sure = row_of(mart, "fact_rank_uncertainty", city_id=REPORT, node="index")
    assert f"between the places {sure['rank_p05']} and {sure['rank_p95']} among the cities with open values" in text
    assert all(name[:16] in text for name in own["file_sha256"].unique())
    assert len(pypdf.PdfReader(io.BytesIO(pdf)).pages) == 1


def test_a_draft_attests_nothing_and_a_release_does(small_workspace: Path, mart: PublicMart) -> None:
    draft = maker(small_workspace, mart).certificate(REPORT)
    assert any("attests nothing until it is released" in limit for limit in draft["limits"])
    released = mart["dim_edition"].with_columns(pl.lit("release").alias("status"))
    final = maker(small_workspace, replace(mart, tables={**mart.tables, "dim_edition": released})).certificate(REPORT)
    assert final["limits"] == [words.DEMO_NOTICE]


def test_the_number_is_that_of_the_mart_and_of_the_city(small_workspace: Path, mart: PublicMart) -> None:
    one = maker(small_workspace, mart)
    number = one.certificate(REPORT)["number"]
    assert number == maker(small_workspace, mart).certificate(REPORT)["number"]
    assert number != one.certificate(HOSTILE)["number"]
    assert number != maker(small_workspace, replace(mart, content_sha256="0" * 64)).certificate(REPORT)["number"]


def test_a_city_with_scores_only_has_its_values_kept_confidential(small_workspace: Path, mart: PublicMart) -> None:
    told = maker(small_workspace, mart, 2019).certificate(SCORES_ONLY)
    assert "its values are confidential" in " ".join(told["statements"])
    assert told["files"] == []
    assert "data points, of" not in " ".join(told["statements"])


def test_a_city_that_reported_nothing_for_the_year_has_no_certificate(small_workspace: Path, mart: PublicMart) -> None:
    assert row_of(mart, "fact_score", city_id=SCORES_ONLY, node="index")["coverage"] == 0
    with pytest.raises(ReportError, match="nothing to attest"):
        maker(small_workspace, mart).certificate(SCORES_ONLY)


def test_certificates_of_all_leave_out_who_reported_nothing_and_say_so(small_workspace: Path, tmp_path: Path) -> None:
    result = invoke("factsheet", "--all", "--kind", "certificate", "-w", small_workspace, "--out", tmp_path)
    assert result.exit_code == 0
    assert len(list(tmp_path.iterdir())) == 5
    assert "Wrote 5 certificates" in result.stdout
    assert "reported nothing for 2020" in result.stderr


@pytest.mark.parametrize("kind", ["snapshot", "certificate"])
def test_the_command_writes_one_page_with_the_same_bytes(small_workspace: Path, tmp_path: Path, kind: str) -> None:
    for folder in ("a", "b"):
        result = invoke("factsheet", REPORT, "--kind", kind, "-w", small_workspace, "--out", tmp_path / folder)
        assert result.exit_code == 0, result.output
    assert [path.name for path in (tmp_path / "a").iterdir()] == [f"{REPORT}-{LATEST}-{kind}.pdf"]
    first, second = (next((tmp_path / folder).iterdir()).read_bytes() for folder in ("a", "b"))
    assert first == second
    reader = pypdf.PdfReader(io.BytesIO(first))
    root: Any = reader.trailer["/Root"]
    assert len(reader.pages) == 1
    assert root["/MarkInfo"]["/Marked"]


def test_a_snapshot_shows_scores_and_the_rank_interval_of_the_mart(small_workspace: Path, mart: PublicMart) -> None:
    facts = maker(small_workspace, mart).facts(REPORT)
    pdf, _ = PdfMaker(None, SNAPSHOT).pdf(facts)
    text = squeezed(pdf)
    for node in ("index", "EC", "EN", "SC"):
        score = row_of(mart, "fact_score", city_id=REPORT, node=node)["score"]
        assert f"{mart.names[node]} {words.score(score)}" in text
    sure = row_of(mart, "fact_rank_uncertainty", city_id=REPORT, node="index")
    assert f"{sure['rank_p05']} to {sure['rank_p95']}" in text
    assert facts["strengths"][0]["name"] in text


def test_a_single_ranked_city_is_told_in_the_singular(small_workspace: Path, mart: PublicMart) -> None:
    alone = mart["dim_edition"].with_columns(pl.lit(1).cast(mart["dim_edition"]["n_ranked"].dtype).alias("n_ranked"))
    made = maker(small_workspace, replace(mart, tables={**mart.tables, "dim_edition": alone}))
    assert any("of 1 ranked city that is shown" in told for told in made.certificate(REPORT)["statements"])
    assert any("among the 1 ranked city that is shown" in told for told in made.facts(REPORT)["method"])


def test_a_name_longer_than_its_line_is_divided(small_workspace: Path, mart: PublicMart) -> None:
    name = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"
    made = maker(small_workspace, with_name(mart, REPORT, name))
    for facts, kind in ((made.facts(REPORT), FACTSHEET), (made.certificate(REPORT), CERTIFICATE)):
        pdf, _ = PdfMaker(None, kind).pdf(facts)
        lines = [line.strip() for line in text_of(pdf).splitlines()]
        divided = [line[:-1] for line in lines if line.endswith(("-", "\u00ad"))]
        assert any(len(part) > 15 and name.startswith(part) for part in divided), lines[:6]
