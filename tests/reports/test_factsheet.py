"""Factsheets: their numbers read back out of PDF and HTML, their bytes, their letters."""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib
import polars as pl
import pypdf
import pytest

from assets.workspace import open_workspace
from reports import words
from reports.changes.story import NAMES
from reports.factsheet.facts import FactsheetMaker, contributions
from reports.factsheet.page import page
from reports.fonts import folders_with_noto
from reports.mart import PublicMart, ReportError
from reports.pdf import PdfMaker
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.method import read_method
from tests.pipelines.workspaces import REPORT, SCORES_ONLY, SECRET, invoke, mart_tables
from tests.reports.sites import HOSTILE, HOSTILE_NAME, public_mart, with_name, written

pytestmark = pytest.mark.xdist_group("site")
LATEST = 2020


@pytest.fixture(scope="module")
def mart(small_workspace: Path) -> PublicMart:
    return public_mart(small_workspace)


@pytest.fixture(scope="module")
def setter() -> PdfMaker:
    return PdfMaker()


def maker(root: Path, mart: PublicMart, edition: int = LATEST) -> FactsheetMaker:
    return FactsheetMaker(mart, load_catalogue(), read_method(open_workspace(root).method_path), edition)


@pytest.fixture(scope="module")
def facts(small_workspace: Path, mart: PublicMart) -> dict[str, Any]:
    return maker(small_workspace, mart).facts(REPORT)


def text_of(pdf: bytes) -> str:
    return "\n".join(sheet.extract_text() for sheet in pypdf.PdfReader(io.BytesIO(pdf)).pages)


class Texts(HTMLParser):
    """The texts of a page, one a cell; what figures say is told apart."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_scores_and_ranks_in_pdf_and_html_are_those_of_the_mart(
    facts: dict[str, Any], setter: PdfMaker, mart: PublicMart
) -> None:
    pdf = text_of(setter.pdf(facts)[0])
    html = Texts()
    html.feed(page(facts))
    rows = mart["fact_score"].filter(edition=LATEST, city_id=REPORT).to_dicts()
    upper = [row for row in rows if row["level"] in ("index", "dimension", "sub_dimension")]
    assert len(upper) == 11
    for row in upper:
        score = words.score(row["score"])
        name = mart.names[row["node"]]
        assert score in html.texts, row["node"]
        line = re.compile(
            r"\s+".join(map(re.escape, name.split())) + rf"\s+{re.escape(score)}\s+{row['rank'] or '–'}\b"
        )
        assert line.search(pdf), (name, score)
    index = next(row for row in upper if row["node"] == "index")
    assert f"{words.percent(index['coverage'])}" in html.texts
    total = mart["fact_benchmark"].filter(edition=LATEST, city_id=REPORT, cut="total", kpi_level="all")
    assert f"{words.score(total['percentage'].item())} %" in html.texts


def test_the_wheel_has_the_bands_of_the_mart(facts: dict[str, Any], mart: PublicMart) -> None:
    bands = mart["fact_benchmark"].filter(edition=LATEST, city_id=REPORT, cut="data_point")["band"].drop_nulls()
    outer = [
        cell
        for cell in re.findall(r'<path d="([^"]+)"[^>]*class="f-band f-(\w+)"', facts["wheel"])
        if "A214" in cell[0]
    ]
    assert len(outer) == 112
    for band, count in bands.value_counts().rows():
        assert sum(one[1] == band for one in outer) == count
    # What has a value and no band is not grey: it was carried from an earlier year, or has no target.
    values = mart["fact_value"].filter(edition=LATEST, city_id=REPORT)
    carried, uncompared = values["is_carried"].sum(), len(values) - len(bands)
    assert 0 < carried <= uncompared
    assert sum(one[1] == "no_benchmark" for one in outer) == uncompared
    assert sum(one[1] == "not_reported" for one in outer) == 112 - len(values)
    told = [int(number) for number in re.findall(r"\d+", facts["wheel_told"])]
    assert (told[0], told[1], told[2], told[-1]) == (112, len(bands), carried, 112 - len(values))
    assert sum(told[1:]) == 112


def test_strengths_are_ahead_of_weaknesses_and_hold_the_values_of_the_mart(
    facts: dict[str, Any], mart: PublicMart
) -> None:
    assert facts["strengths"]
    ahead = [int(row["ahead"].removesuffix(" %")) for row in facts["strengths"] + facts["weaknesses"][::-1]]
    assert ahead == sorted(ahead, reverse=True)
    rows = (
        mart["fact_value"]
        .filter(edition=LATEST, city_id=REPORT)
        .join(
            mart["dim_kpi"].select("node", "name", pl.col("unit").alias("own")), left_on="data_point", right_on="node"
        )
    )
    values = {(row["name"], words.amount(row["value"], row["own"])) for row in rows.to_dicts()}
    assert all((row["name"], row["value"]) in values for row in facts["strengths"])


def test_the_same_facts_give_the_same_bytes_from_any_compiler(facts: dict[str, Any], setter: PdfMaker) -> None:
    first = setter.pdf(facts)[0]
    assert setter.pdf(facts)[0] == first
    assert PdfMaker().pdf(facts)[0] == first


def test_the_pdf_is_tagged_titled_a4_and_of_two_pages(facts: dict[str, Any], setter: PdfMaker) -> None:
    reader = pypdf.PdfReader(io.BytesIO(setter.pdf(facts)[0]))
    root: Any = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en-GB"
    assert b"pdfuaid" in root["/Metadata"].get_object().get_data()
    assert reader.metadata is not None
    assert str(reader.metadata.title).endswith(f"factsheet {LATEST}")
    assert [round(float(edge)) for edge in reader.pages[0].mediabox[2:]] == [595, 842]
    assert len(reader.pages) == 2


def test_a_city_with_scores_only_shows_no_value(small_workspace: Path, mart: PublicMart, setter: PdfMaker) -> None:
    told = maker(small_workspace, mart).facts(SCORES_ONLY)
    assert not told["has_values"]
    assert told["strengths"] == told["sdgs"] == []
    assert "publishes its scores but not its values" in " ".join(text_of(setter.pdf(told)[0]).split())
    assert "What lies beneath the scores is confidential" in page(told)


def test_no_factsheet_holds_a_secret(small_workspace: Path, tmp_path: Path) -> None:
    result = invoke("factsheet", "--all", "-w", small_workspace, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    files = written(tmp_path)
    assert not any(SECRET in name for name in files)
    texts = [text_of(content) if name.endswith(".pdf") else content.decode() for name, content in files.items()]
    assert len(texts) == 2 * 6  # seven cities, one without consent
    everything = "\n".join(texts)
    hidden = mart_tables(small_workspace)["fact_value"].filter(pl.col("city_id") == SECRET)["file_sha256"].unique()
    assert "Covaldale" not in everything
    assert not any(name[:12] in everything for name in hidden)
    assert "Glasucruzo" in everything


def test_a_hostile_name_is_text_in_html_and_pdf(small_workspace: Path, mart: PublicMart, setter: PdfMaker) -> None:
    told = maker(small_workspace, with_name(mart, HOSTILE, HOSTILE_NAME)).facts(HOSTILE)
    parsed = Texts()
    parsed.feed(page(told))
    assert HOSTILE_NAME in parsed.texts
    assert not {"img", "script"} & set(parsed.tags)
    assert "onerror=alert(1)" in text_of(setter.pdf(told)[0])


def test_a_page_asks_for_no_other_file(facts: dict[str, Any]) -> None:
    assert not re.search(r"https?://(?!www\.w3\.org/)|<script|<link|@import|url\((?!#)", page(facts))


def test_a_name_without_a_font_is_replaced_by_the_key_and_said_so(small_workspace: Path, mart: PublicMart) -> None:
    told = maker(small_workspace, with_name(mart, REPORT, "京都市")).facts(REPORT)
    pdf, remark = PdfMaker(machine=False).pdf(told)
    assert "no font has 京都市" in remark
    assert "--fonts" in remark
    assert REPORT in text_of(pdf)
    assert "京" not in text_of(pdf)
    assert "京都市" in page(told)  # a browser finds its own fonts
    # A neighbour in the ranking is named, too.
    other = next(row["city_id"] for row in told["sureness"]["rows"] if not row["is_own"])
    beside, remark = PdfMaker(machine=False).pdf(maker(small_workspace, with_name(mart, REPORT, "京都市")).facts(other))
    assert f"京都市 is set as {REPORT}" in remark
    assert REPORT in text_of(beside)


NOTO = {path.name for folder in folders_with_noto() for path in Path(folder).iterdir()}
CJK = pytest.mark.skipif("NotoSerifCJK-Regular.ttc" not in NOTO, reason="Noto CJK is not installed (fonts-noto-cjk)")
CORE = pytest.mark.skipif("NotoNaskhArabic-Regular.ttf" not in NOTO, reason="Noto is not installed (fonts-noto-core)")


@pytest.mark.parametrize(
    ("name", "country", "font"),
    [
        pytest.param("京都市", "JPN", "NotoSerifCJKjp", marks=CJK),
        pytest.param("서울", "KOR", "NotoSerifCJKkr", marks=CJK),
        pytest.param("上海", "CHN", "NotoSerifCJKsc", marks=CJK),
        pytest.param("القاهرة", "EGY", "NotoNaskhArabic", marks=CORE),
        pytest.param("กรุงเทพ", "THA", "NotoSerifThai", marks=CORE),
        pytest.param("मुंबई", "IND", "NotoSerifDevanagari", marks=CORE),
    ],
)
def test_names_are_set_in_noto_where_the_face_of_the_text_lacks_a_letter(
    small_workspace: Path, mart: PublicMart, setter: PdfMaker, name: str, country: str, font: str
) -> None:
    plain = setter.pdf(maker(small_workspace, mart).facts(REPORT))[0]
    told = maker(small_workspace, with_name(mart, REPORT, name)).facts(REPORT) | {"country_code": country}
    pdf, remark = setter.pdf(told)
    assert remark == ""
    assert font in "".join(fonts_of(pdf))
    assert country in ("EGY", "THA", "IND") or name in text_of(pdf)  # joined letters come out of a PDF otherwise
    # Who needs no such letter gets none of the machine's fonts, whatever was set before.
    assert setter.pdf(maker(small_workspace, mart).facts(REPORT))[0] == plain
    assert "Noto" not in "".join(fonts_of(plain))


def fonts_of(pdf: bytes) -> list[str]:
    sheets = pypdf.PdfReader(io.BytesIO(pdf)).pages
    resources: list[Any] = [sheet["/Resources"] for sheet in sheets]
    return [str(font.get_object()["/BaseFont"]) for one in resources for font in one["/Font"].values()]


@pytest.mark.parametrize("name", ["Łódź", "Αθήνα", "Київ", "القاهرة"])
def test_names_that_the_fonts_hold_are_set_as_they_are(small_workspace: Path, mart: PublicMart, name: str) -> None:
    pdf, remark = PdfMaker(machine=False).pdf(maker(small_workspace, with_name(mart, REPORT, name)).facts(REPORT))
    assert remark == ""
    assert any(word in text_of(pdf) for word in (name, name[::-1]))


MATPLOTLIB_FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def test_fonts_that_are_named_are_used(small_workspace: Path, mart: PublicMart, tmp_path: Path) -> None:
    """Georgian: of the fonts that the tests have, DejaVu Sans of Matplotlib holds it."""
    shutil.copy(MATPLOTLIB_FONTS / "DejaVuSans-Bold.ttf", tmp_path)
    shutil.copy(MATPLOTLIB_FONTS / "DejaVuSans.ttf", tmp_path)
    told = maker(small_workspace, with_name(mart, REPORT, "თბილისი")).facts(REPORT)
    pdf, remark = PdfMaker(tmp_path).pdf(told)
    assert remark == ""
    fonts: Any = pypdf.PdfReader(io.BytesIO(pdf)).pages[0]["/Resources"]
    assert any("DejaVuSans-Bold" in str(font.get_object()["/BaseFont"]) for font in fonts["/Font"].values())


def test_a_font_of_boxes_is_refused() -> None:
    with pytest.raises(ReportError, match="a box for every letter"):
        PdfMaker(MATPLOTLIB_FONTS)


def test_a_folder_without_fonts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no font"):
        PdfMaker(tmp_path)
    with pytest.raises(ReportError, match="no folder"):
        PdfMaker(tmp_path / "nowhere")


def test_an_unranked_city_is_told_why(small_workspace: Path, mart: PublicMart, setter: PdfMaker) -> None:
    reason = "coverage 0.283 of index is below 0.5 (30 of 106 indicators)"
    of_city = (pl.col("city_id") == REPORT) & (pl.col("edition") == LATEST) & (pl.col("level") == "index")
    scores = mart["fact_score"].with_columns(
        pl.when(of_city).then(None).otherwise(pl.col("rank")).alias("rank"),
        pl.when(of_city).then(None).otherwise(pl.col("score")).alias("score"),
        pl.when(of_city).then(pl.lit(reason)).otherwise(pl.col("excluded_because")).alias("excluded_because"),
    )
    told = maker(small_workspace, replace(mart, tables={**mart.tables, "fact_score": scores})).facts(REPORT)
    text = " ".join(text_of(setter.pdf(told)[0]).split())
    assert "not ranked" in text
    assert "30 of 106 data points, 50 % needed" in text
    assert told["waterfall"] == ""


def test_the_leader_is_the_first_of_the_ranking(small_workspace: Path, mart: PublicMart) -> None:
    found = maker(small_workspace, mart)
    first = mart["fact_score"].filter(edition=LATEST, level="index", rank=1)["city_id"]
    assert found.leader == first.min()
    nobody = mart["fact_score"].with_columns(pl.lit(None, pl.Int32).alias("rank"))
    with pytest.raises(ReportError, match="No city is ranked"):
        maker(small_workspace, replace(mart, tables={**mart.tables, "fact_score": nobody})).leader  # noqa: B018  # it raises


def test_rank_interval_and_tier_are_those_of_the_mart(
    facts: dict[str, Any], small_workspace: Path, mart: PublicMart, setter: PdfMaker
) -> None:
    row = mart["fact_rank_uncertainty"].filter(edition=LATEST, city_id=REPORT, node="index").row(0, named=True)
    told = [
        f"{row['rank_p05']} to {row['rank_p95']}",
        f"90 % rank interval, tier {row['tier']}; rank {row['rank']} of 5 with open values",
    ]
    assert told in facts["key_figures"]
    assert " ".join(told) in " ".join(text_of(setter.pdf(facts)[0]).split())
    scores_only = maker(small_workspace, mart).facts(SCORES_ONLY)
    assert not any("interval" in words for _, words in scores_only["key_figures"])


def test_causes_of_the_change_are_those_of_the_mart_in_pdf_and_html(
    facts: dict[str, Any], mart: PublicMart, setter: PdfMaker
) -> None:
    row = mart["fact_change"].filter(edition=LATEST, city_id=REPORT).row(0, named=True)
    pdf, html = " ".join(text_of(setter.pdf(facts)[0]).split()), Texts()
    html.feed(page(facts))
    assert facts["causes"]["before"] == str(LATEST - 1)
    shown = {name: (points, places) for name, points, places in facts["causes"]["parts"]}
    assert shown
    for factor, name in NAMES.items():
        if name in shown:
            points, places = (float(told.replace("−", "-").replace("±", "")) for told in shown[name])
            assert points == pytest.approx(row[f"score_{factor}"], abs=0.011)
            assert places == pytest.approx(row[f"rank_{factor}"], abs=0.11)
            assert " ".join([name, *shown[name]]) in pdf
            assert name in html.texts
    assert facts["causes"]["total"] == [words.change(row["score_change"], 2), words.change(row["rank_change"], 0)]
    assert " ".join(["Together", *facts["causes"]["total"]]) in pdf


def test_the_interval_figure_shows_the_city_among_its_neighbours(facts: dict[str, Any], mart: PublicMart) -> None:
    table = mart["fact_rank_uncertainty"].filter(edition=LATEST, node="index")
    rows = {mart.city_rows[row["city_id"]]["name"]: row for row in table.to_dicts()}
    shown = facts["sureness"]["rows"]
    assert [row["name"] for row in shown if row["is_own"]] == [mart.city_rows[REPORT]["name"]]
    assert len(shown) == 5
    for row in shown:
        own = rows[row["name"]]
        assert (row["rank"], row["low"], row["high"]) == (own["rank"], own["rank_p05"], own["rank_p95"])
        assert row["at"] == [(rank - 1) / 4 for rank in (row["low"], row["rank"], row["high"])]


def test_contributions_add_up_and_raise_to_the_floor() -> None:
    # Geometric mean of 0 (raised to 1), 100 and 10: (1000) ** (1/3) = 10; later of 8, 100, 10: 20.
    before = {"a": 0.0, "b": 100.0, "c": 10.0, "index": 10.0}
    after = {"a": 8.0, "b": 100.0, "c": 10.0, "index": 20.0}
    parts = contributions(before, after, {"a": 1.0, "b": 1.0, "c": 1.0}, "geometric", 1.0)
    assert parts is not None
    assert parts == pytest.approx({"a": 10.0, "b": 0.0, "c": 0.0})
    assert contributions({**before, "a": None}, after, {"a": 1.0}, "geometric", 1.0) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name a city, or give --all."),
        (("nowhere",), "nowhere is no city of the public mart"),
        (("demo",), "fits 6 cities"),
        ((REPORT, "--edition", "1999"), "The mart has no edition 1999"),
    ],
)
def test_what_cannot_be_made_is_told(small_workspace: Path, tmp_path: Path, arguments: Any, said: str) -> None:
    result = invoke("factsheet", *arguments, "-w", small_workspace, "--out", tmp_path)
    assert result.exit_code == 2
    assert said in result.stderr
