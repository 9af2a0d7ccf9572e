"""The statistical audit: its numbers read back out of PDF and HTML, its rules, its bytes, what it must not hold."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pypdf
import pytest
from scipy.stats import rankdata, spearmanr

from assets.workspace import open_workspace
from pipelines.report_commands import read_mart
from reports import words
from reports.audit.document import Audit, set_audit
from reports.audit.evidence import Evidence
from reports.audit.facts import INTERNAL, SECTIONS, audit_facts
from reports.audit.page import AUDIT, audit_page
from reports.audit.rules import Rule, conclude, load_rules, told
from reports.factsheet.facts import FactsheetMaker
from reports.mart import PublicMart, ReportError
from reports.pdf import PdfMaker
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.method import Method, read_method
from tests.pipelines.workspaces import REPORT, SECRET, copy_workspace, invoke, mart_tables
from tests.reports.sites import HOSTILE, HOSTILE_NAME, make_site, public_mart, with_name
from tests.reports.test_factsheet import Texts, text_of

pytestmark = pytest.mark.xdist_group("site")
LATEST = 2020


@pytest.fixture(scope="module")
def mart(small_workspace: Path) -> PublicMart:
    return public_mart(small_workspace)


@pytest.fixture(scope="module")
def method(small_workspace: Path) -> Method:
    return read_method(open_workspace(small_workspace).method_path)


@pytest.fixture(scope="module")
def setter() -> PdfMaker:
    return PdfMaker(None, AUDIT)


@pytest.fixture(scope="module")
def evidence(mart: PublicMart, method: Method) -> Evidence:
    return Evidence(mart, load_catalogue(), method, LATEST)


@pytest.fixture(scope="module")
def audit(mart: PublicMart, method: Method, setter: PdfMaker) -> Audit:
    return set_audit(mart, load_catalogue(), method, LATEST, setter)


def changed(mart: PublicMart, **tables: pl.DataFrame) -> PublicMart:
    return replace(mart, tables={**mart.tables, **tables})


def squeezed(text: str) -> str:
    return " ".join(text.split())


# --- numbers --------------------------------------------------------------------------------------------------------


def test_coverage_correlations_and_ranks_in_pdf_and_html_are_those_of_the_mart(audit: Audit, mart: PublicMart) -> None:
    pdf = squeezed(text_of(audit.pdf))
    html = Texts()
    html.feed(audit.html)
    scores = mart["fact_score"].filter(edition=LATEST, node="index").drop_nulls("rank")
    mean, least = (words.percent(getattr(scores["coverage"], how)()) for how in ("mean", "min"))
    line = ["Global SSC Index", str(scores.height), mean, least]
    assert " ".join(line) in pdf
    assert line in cells(html.texts, len(line))
    pairs = mart["fact_correlation"].filter(edition=LATEST, node_b="index", relation="parent")
    assert pairs.height == 6
    for part in ("EC", "EN", "SC"):
        own = {row["measure"]: row for row in pairs.filter(node_a=part).to_dicts()}
        figures = [f"{own[measure]['coefficient']:.2f}".replace("-", "−") for measure in ("pearson", "spearman")]
        assert " ".join([mart.names[part], "Global SSC Index", *figures]) in pdf
    sure = mart["fact_rank_uncertainty"].filter(edition=LATEST, node="index")
    assert sure.height == 5
    for row in sure.to_dicts():
        name = mart.city_rows[row["city_id"]]["name"]
        assert f"{name}: rank {row['rank']}, interval {row['rank_p05']} to {row['rank_p95']}" in html.texts
    for tier, cities in sure.sort("rank").group_by("tier", maintain_order=True):
        names = ", ".join(mart.city_rows[city]["name"] for city in cities["city_id"])
        assert f"{tier[0]} {names} {cities.height}" in pdf


def test_what_moves_the_ranks_is_what_the_mart_says(audit: Audit, evidence: Evidence, mart: PublicMart) -> None:
    pdf, html = squeezed(text_of(audit.pdf)), Texts()
    html.feed(audit.html)
    rows = mart["fact_rank_shift"].filter(edition=LATEST).to_dicts()
    most = {}  # by city the choice that its rank hangs on most; of equal ones the first by name
    for row in mart["fact_sensitivity"].filter(edition=LATEST, measure="rank").drop_nulls("total").to_dicts():
        most[row["city_id"]] = min(most.get(row["city_id"], (math.inf, "")), (-row["total"], row["input"]))
    assert len(rows) == 6
    assert most
    for row in rows:
        count = sum(name == row["input"] for _, name in most.values())
        figures = [f"{row[name]:z.2f}".replace("-", "−") for name in ("first", "total")]
        ends = [" to ".join(f"{row[f'{name}_{end}']:z.2f}" for end in ("low", "high")) for name in ("first", "total")]
        ends = [one.replace("-", "−") for one in ends]
        line = [row["input"].replace("_", " "), figures[0], ends[0], figures[1], ends[1], str(count)]
        assert " ".join(line) in pdf
        assert line in cells(html.texts, len(line))
    assert evidence.measures["largest_mover"] == max(row["first"] for row in rows)


def test_each_choice_alone_is_what_the_mart_says(audit: Audit, evidence: Evidence, mart: PublicMart) -> None:
    html = Texts()
    html.feed(audit.html)
    rows = mart["fact_one_at_a_time"].filter(edition=LATEST)
    drawn = rows.filter(pl.col("input") == "measurement")
    assert drawn.height == 20
    assert any(row["draws"] == 20 for row in evidence.alone)
    for row in evidence.alone:
        own = rows.filter(input=row["input"])
        own = own.filter(setting=row["setting"]) if row["setting"] else own
        assert own.height == (row["draws"] or 1)
        assert row["mean_rank_shift"] == pytest.approx(own["mean_rank_shift"].mean())
        assert row["largest_rank_shift"] == own["largest_rank_shift"].max() > 0
    found = next(row for row in evidence.alone[:15] if (row["setting"] or "").startswith("without "))
    name = mart.names[found["setting"].removeprefix("without ")]
    line = ["left out", f"without {name}", f"{found['mean_rank_shift']:.2f}", f"{found['largest_rank_shift']:.0f}"]
    assert [*line, str(found["n_compared"])] in cells(html.texts, 5)


def cells(texts: list[str], width: int) -> list[list[str]]:
    """Runs of texts of a page, one a cell."""
    known = [text for text in texts if text]
    return [known[place : place + width] for place in range(len(known))]


def test_importance_is_that_of_the_mart(mart: PublicMart, method: Method, setter: PdfMaker) -> None:
    table = mart["fact_importance"].with_columns(
        pl.lit(0.25).alias("main_effect"),
        pl.when(pl.col("part") == "EN").then(0.137).otherwise(0.5).alias("share"),
        (pl.when(pl.col("part") == "EN").then(0.137).otherwise(0.5) - pl.col("weight_share")).alias("gap"),
        pl.lit(0.3).alias("r2"),
        pl.lit(None, pl.String).alias("reason"),
    )
    made = set_audit(changed(mart, fact_importance=table), load_catalogue(), method, LATEST, setter)
    # 13.7 % of the effects for 33.3 % of the weights.
    assert "Environment 33 % 0.30 0.25 33 % 14 % −19.6" in squeezed(text_of(made.pdf))
    assert "A dimension drives the index 19.6 percentage points more or less than its weight says" in made.html


def test_the_index_computed_anew_is_the_published_one(evidence: Evidence, mart: PublicMart) -> None:
    assert evidence.result is not None
    published = {row["city_id"]: row["score"] for row in evidence.ranked}
    anew = dict(zip(evidence.result.values.units, evidence.result.scores[:, 0].tolist(), strict=True))
    assert len(anew) == 5
    assert anew == pytest.approx({city: published[city] for city in anew}, abs=1e-9)


def test_a_city_whose_score_rests_on_what_is_not_public_is_left_aside(mart: PublicMart, method: Method) -> None:
    score = pl.when((pl.col("city_id") == REPORT) & (pl.col("node") == "index")).then(pl.col("score") + 1)
    scores = mart["fact_score"].with_columns(score.otherwise(pl.col("score")).alias("score"))
    found = Evidence(changed(mart, fact_score=scores), load_catalogue(), method, LATEST)
    assert found.result is None  # four cities are left
    assert found.measures["other_mean"] is None


def test_the_arithmetic_mean_moves_ranks_as_it_does_by_hand(evidence: Evidence, mart: PublicMart) -> None:
    scores = mart["fact_score"].filter(edition=LATEST).filter(pl.col("city_id").is_in(evidence.open_cities))
    wide = scores.filter(pl.col("node").is_in(["index", "EC", "EN", "SC"])).pivot(
        "node", index="city_id", values="score"
    )
    mean = wide.select(["EC", "EN", "SC"]).to_numpy().mean(axis=1)
    before, after = rankdata(-wide["index"].to_numpy(), "min"), rankdata(-mean, "min")
    (row,) = [row for row in evidence.variants if row["variant"] == "Arithmetic mean of the dimensions"]
    assert row["mean_shift"] == pytest.approx(np.abs(after - before).mean())
    assert evidence.measures["other_mean"] == pytest.approx(spearmanr(before, after).statistic)


def test_values_beyond_a_goalpost_are_counted_on_the_side_they_are(mart: PublicMart, method: Method) -> None:
    post = (
        mart["dim_goalpost"]
        .filter(edition=LATEST)
        .drop_nulls("low")
        .filter(pl.col("low") > pl.col("high"))
        .row(0, named=True)
    )
    known = mart["fact_value"].filter(edition=LATEST, data_point=post["data_point"])
    of_point = (pl.col("edition") == LATEST) & (pl.col("data_point") == post["data_point"])
    values = mart["fact_value"].with_columns(
        pl.when(of_point).then(post["low"] + 1.0).otherwise(pl.col("value")).alias("value")
    )
    found = Evidence(changed(mart, fact_value=values), load_catalogue(), method, LATEST)
    (row,) = [row for row in found.shapes if row["point"] == post["data_point"]]
    assert (row["worse"], row["better"]) == (known.height, 0)
    assert known.height > 0


# --- rules ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.name)
def test_every_rule_judges_a_figure_that_there_is_on_either_side_of_its_limit(rule: Rule, evidence: Evidence) -> None:
    assert rule.measure in evidence.measures
    assert rule.section in SECTIONS
    beyond = -0.01 if rule.at_most is None else 0.01
    for value, verdict, form in ((rule.limit, "holds", rule.holds), (rule.limit + beyond, "does not hold", rule.fails)):
        (one,) = conclude({rule.measure: value}, (rule,))
        assert (one.verdict, one.value) == (verdict, told(value, rule.unit))
        assert one.sentence == form.format(value=one.value, limit=told(rule.limit, rule.unit))
        assert "{" not in one.sentence
    (one,) = conclude({rule.measure: None}, (rule,))
    assert one.verdict == "cannot be told"


def test_a_rule_has_one_limit() -> None:
    given = {"name": "a", "section": "b", "measure": "c", "unit": "share", "holds": "d", "fails": "e", "source": "f"}
    for limits in ({}, {"at_least": 1.0, "at_most": 2.0}):
        with pytest.raises(ValueError, match="at_least or at_most"):
            Rule.model_validate(given | limits)


def test_conclusions_stand_in_pdf_and_html_with_condition_and_source(audit: Audit, evidence: Evidence) -> None:
    html = Texts()
    html.feed(audit.html)
    pdf = squeezed(text_of(audit.pdf))
    conclusions = conclude(evidence.measures)
    assert {one.verdict for one in conclusions} == {"holds", "does not hold", "cannot be told"}
    for one in conclusions:
        assert {one.rule.name, one.rule.condition, one.sentence, one.rule.source} <= set(html.texts)
        assert one.sentence in pdf
    held = sum(one.verdict == "holds" for one in conclusions)
    assert f"{held} of {len(conclusions)} rules hold" in audit.summary


# --- bytes, letters, secrets ----------------------------------------------------------------------------------------


def test_the_same_mart_gives_the_same_bytes_and_needs_no_internal_mart(
    small_workspace: Path, audit: Audit, tmp_path: Path
) -> None:
    root = copy_workspace(small_workspace, tmp_path / "workspace")
    (root / "marts" / "ssc_index_internal.duckdb").unlink()
    result = invoke("audit", "-w", root, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert audit.summary in " ".join(result.output.split())
    assert (tmp_path / "out" / f"audit-{LATEST}.pdf").read_bytes() == audit.pdf
    assert (tmp_path / "out" / f"audit-{LATEST}.html").read_text(encoding="utf-8") == audit.html


def test_the_audit_holds_no_secret(audit: Audit, small_workspace: Path) -> None:
    everything = text_of(audit.pdf) + audit.html
    hidden = mart_tables(small_workspace)["dim_city"].filter(city_id=SECRET)["name"].item()
    assert hidden not in everything
    assert SECRET not in everything
    assert "Glasucruzo" in everything


def test_the_internal_audit_is_of_all_cities_private_and_says_so(small_workspace: Path, tmp_path: Path) -> None:
    root = copy_workspace(small_workspace, tmp_path / "workspace")
    result = invoke("audit", "--internal", "-w", root)
    assert result.exit_code == 0, result.output
    pdf, html = (root / "audit-internal" / f"audit-{LATEST}.{kind}" for kind in ("pdf", "html"))
    assert not (root / "audit").exists()
    assert [path.stat().st_mode & 0o777 for path in (pdf, html, pdf.parent)] == [0o600, 0o600, 0o700]
    text = squeezed(text_of(pdf.read_bytes()))
    hidden = mart_tables(small_workspace)["dim_city"].filter(city_id=SECRET)["name"].item()
    assert hidden in text
    assert INTERNAL in text
    assert INTERNAL in html.read_text(encoding="utf-8")
    scores = mart_tables(small_workspace)["fact_score"].filter(edition=LATEST, node="index").drop_nulls("rank")
    assert f"{scores.height} of 7 cities are ranked" in text


def test_site_and_factsheets_refuse_the_internal_mart(small_workspace: Path, method: Method, tmp_path: Path) -> None:
    internal = read_mart(open_workspace(small_workspace), internal=True)
    with pytest.raises(ReportError, match="public mart alone"):
        make_site(small_workspace, tmp_path / "out", internal)
    with pytest.raises(ReportError, match="public mart alone"):
        FactsheetMaker(internal, load_catalogue(), method, LATEST)
    assert list(tmp_path.iterdir()) == []


def test_the_pdf_is_tagged_titled_and_a4(audit: Audit) -> None:
    reader = pypdf.PdfReader(io.BytesIO(audit.pdf))
    root: Any = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert b"pdfuaid" in root["/Metadata"].get_object().get_data()
    assert reader.metadata is not None
    assert str(reader.metadata.title).endswith(f"Statistical audit {LATEST}")
    assert [round(float(edge)) for edge in reader.pages[0].mediabox[2:]] == [595, 842]


def test_the_page_asks_for_no_other_file(audit: Audit) -> None:
    assert not re.search(r"https?://(?!www\.w3\.org/)|<script|<link|@import|url\(", audit.html)


def test_hostile_and_strange_names(mart: PublicMart, method: Method) -> None:
    named = with_name(with_name(mart, HOSTILE, HOSTILE_NAME), REPORT, "京都市")
    made = set_audit(named, load_catalogue(), method, LATEST, PdfMaker(None, AUDIT, machine=False))
    parsed = Texts()
    parsed.feed(made.html)
    assert not {"img", "script"} & set(parsed.tags)
    assert "京都市" in made.html
    assert REPORT in made.remark
    assert REPORT in text_of(made.pdf)


def test_too_few_cities_are_said_and_nothing_is_judged(mart: PublicMart, method: Method, setter: PdfMaker) -> None:
    few = sorted(mart.city_rows)[:3]
    tables = {
        name: frame.filter(pl.col("city_id").is_in(few)) if "city_id" in frame.columns else frame.clear()
        for name, frame in mart.tables.items()
        if name.startswith(("fact", "dim_city"))
    }
    evidence = Evidence(changed(mart, **tables), load_catalogue(), method, LATEST)
    facts = audit_facts(evidence)
    assert {row[3] for row in facts["conclusions"]} == {"cannot be told"}
    assert "Fewer than 5" in audit_page(facts)
    assert "Fewer than 5" in text_of(setter.set(facts))


def test_an_edition_that_is_not_there_is_told(small_workspace: Path, tmp_path: Path) -> None:
    result = invoke("audit", "--edition", "1999", "-w", small_workspace, "--out", tmp_path)
    assert result.exit_code == 2
    assert "The mart has no edition 1999" in result.stderr
    assert invoke("audit", "--edition", "2020", "--all", "-w", small_workspace).exit_code == 2
