"""The site in a real browser, from a folder: every page, its numbers, the playground, keyboard and accessibility."""

from __future__ import annotations

import itertools
import math
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_core_python
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from reports import words
from reports.mart import PublicMart
from reports.weights import weighing
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.framework.model import Framework
from ssc_index.index import compute_index
from ssc_index.method import Method, method_from_mapping, read_method
from ssc_index.values import values_from_columns
from tests.pipelines.workspaces import REPORT, SCORES_ONLY
from tests.reports.sites import HOSTILE, HOSTILE_NAME, make_site, public_mart, with_name

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PROJECT = Path(__file__).resolve().parents[2]
AXE = Path(axe_core_python.__file__).parent / "axe.min.js"
LATEST = 2020
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("site"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH (Debian: apt-get install chromium)"),
]

PAGES = (
    "ranking",
    "regions",
    "regions?by=income_group&colour=tier",
    "regions?colour=change",
    "audit",
    "city",
    f"city/{REPORT}",
    f"city/{SCORES_ONLY}",
    "kpi",
    "kpi/EC_ICT_ICT_1C",
    "kpi/EC_ICT_ICT_4C",
    f"compare/{REPORT},{HOSTILE}",
    "change",
    "weights",
    "method",
    "downloads",
)


@dataclass
class Site:
    """The site, open in a browser.

    Attributes:
        page: A page of the browser.
        address: Its first page.
        mart: What it was made from.
        troubles: What the browser complained of.
        requests: Every address that was asked for.
    """

    page: Page
    address: str
    mart: PublicMart
    troubles: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, place: str) -> Page:
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}#/{place}")
        self.page.wait_for_selector("html[data-ready]")
        return self.page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(browser: Browser, small_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    mart = with_name(public_mart(small_workspace), HOSTILE, HOSTILE_NAME)
    written = make_site(small_workspace, tmp_path_factory.mktemp("site") / "out", mart, with_audit=True)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(15_000)
    one = Site(page, written.index.as_uri(), mart)
    page.on("console", lambda said: one.troubles.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: one.troubles.append(str(error)))
    page.on("request", lambda request: one.requests.append(request.url))
    yield one
    page.close()


@pytest.mark.parametrize("place", PAGES)
def test_every_page_opens_from_a_folder_without_complaint_or_outside_request(site: Site, place: str) -> None:
    page = site.open(place)
    expect(page.locator("h1")).to_have_count(1)
    assert page.locator("h1").inner_text() != "This page cannot be shown"
    expect(page.locator("#notice")).to_be_visible()
    assert site.troubles == []
    assert [
        address for address in site.requests if not address.startswith(("file://", "data:", "about:", "blob:"))
    ] == []


@pytest.mark.parametrize(
    ("scheme", "width", "places"),
    [("light", 1280, PAGES), ("dark", 390, ("ranking", f"city/{REPORT}", "kpi/EC_ICT_ICT_1C", "weights", "method"))],
)
def test_no_page_has_a_serious_fault_of_accessibility_or_is_wider_than_its_window(
    browser: Browser, site: Site, scheme: Any, width: int, places: tuple[str, ...]
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    source = AXE.read_text(encoding="utf-8")
    faults = []
    for place in places:
        page.goto("about:blank")
        page.goto(f"{site.address}#/{place}")
        page.wait_for_selector("html[data-ready]")
        page.evaluate("{ const part = document.querySelector('main details'); if (part) part.open = true; }")
        page.evaluate(source)
        violations = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        faults += [
            (place, found["id"], found["nodes"][0]["html"][:160], found["nodes"][0]["failureSummary"])
            for found in violations
            if found["impact"] in {"serious", "critical"}
        ]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            faults.append((place, "wider than the window", "", ""))
    page.close()
    assert faults == []


def cells(page: Page, table: str) -> list[list[str]]:
    """Texts of a table's cells, line by line; what only screen readers get is left out."""
    found: list[list[str]] = page.evaluate(
        """label => [...document.querySelectorAll(`[aria-label="${label}"] tbody tr`)].map(row => [...row.children].map(
            cell => { const copy = cell.cloneNode(true); for (const one of copy.querySelectorAll('.sr')) one.remove();
            return copy.textContent.trim(); }))""",
        table,
    )
    return found


def test_the_ranking_shows_the_numbers_of_the_mart(site: Site) -> None:
    page = site.open("ranking")
    scores = site.mart["fact_score"].filter(edition=LATEST)
    by_city = {(row["city_id"], row["node"]): row for row in scores.to_dicts()}
    names = {row["name"]: (key, row) for key, row in site.mart.city_rows.items()}
    shown = cells(page, f"Ranking {LATEST}")
    assert len(shown) == scores.filter(level="index")["rank"].drop_nulls().len() > 3
    for rank, city, score, _interval, _tier, *dimensions, coverage, _change in shown:
        key, about = next(item for name, item in names.items() if city == name + item[1]["country"])
        row = by_city[key, "index"]
        assert (int(rank), score) == (row["rank"], words.score(row["score"]))
        assert coverage.startswith(words.percent(row["coverage"]))
        for node, told in zip(("EC", "EN", "SC"), dimensions, strict=True):
            expected = by_city.get((key, node))
            assert told == ("not public" if expected is None else words.score(expected["score"])), about["name"]


def test_the_ranking_shows_intervals_and_tiers_of_the_mart(site: Site) -> None:
    page = site.open("ranking")
    sure = {
        row["city_id"]: row
        for row in site.mart["fact_rank_uncertainty"].filter(edition=LATEST, node="index").to_dicts()
    }
    names = {row["name"] + row["country"]: key for key, row in site.mart.city_rows.items()}
    labels = page.locator(f'[aria-label="Ranking {LATEST}"] tbody tr').evaluate_all(
        "rows => rows.map(row => [row.cells[1].innerText.replace(/\\s*\\n/g, ''), row.querySelector('svg')?.ariaLabel, "
        "row.cells[4].innerText])"
    )
    assert len(labels) == len(sure) == 5
    for name, told, tier in labels:
        row = sure[names[name]]
        assert told == (
            f"rank {row['rank']} of the 5 cities with open values, "
            f"90 % interval {row['rank_p05']} to {row['rank_p95']}, tier {row['tier']}"
        )
        assert tier == str(row["tier"])


def test_every_ranked_city_has_a_tile_with_its_rank_in_the_group_that_is_its_own(site: Site) -> None:
    page = site.open("regions?by=income_group&colour=EN")
    ranks = site.mart["fact_score"].filter(edition=LATEST, node="index").drop_nulls("rank")
    expected = {
        (site.mart.city_rows[city]["income_group"], site.mart.city_rows[city]["name"], str(rank))
        for city, rank in ranks.select("city_id", "rank").rows()
    }
    told = page.locator("main section.card").evaluate_all(
        "cards => cards.flatMap(card => [...card.querySelectorAll('.tile')].map(tile => "
        "[card.querySelector('h2').firstChild.textContent, tile.querySelector('span').textContent, "
        "tile.querySelector('b').textContent]))"
    )
    assert {tuple(one) for one in told} == expected
    page.get_by_label("Coloured by").select_option("tier")
    assert "colour=tier" in page.url
    tiers = site.mart["fact_rank_uncertainty"].filter(edition=LATEST, node="index")
    titles = page.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.title)")
    for row in tiers.to_dicts():
        name = site.mart.city_rows[row["city_id"]]["name"]
        assert any(title.startswith(f"{name},") and title.endswith(f"tier {row['tier']}") for title in titles)


def test_cities_without_a_rank_are_shown_with_their_coverage(site: Site) -> None:
    page = site.open("ranking")
    rows = site.mart["fact_score"].filter(edition=LATEST, level="index").to_dicts()
    unranked = {site.mart.city_rows[row["city_id"]]["name"]: row for row in rows if row["rank"] is None}
    shown = cells(page, f"Cities without a rank in {LATEST}")
    assert len(shown) == len(unranked)
    for city, coverage, _benchmark, because in shown:
        row = next(row for name, row in unranked.items() if city.startswith(name))
        assert coverage == words.percent(row["coverage"])
        assert not row["excluded_because"] or because == words.reason(row["excluded_because"], site.mart.names)


def test_every_value_of_a_city_is_that_of_the_mart(site: Site) -> None:
    page = site.open(f"city/{REPORT}")
    symbols = {code: unit.symbol for code, unit in load_catalogue().codes.units.items()}
    names = {node["node"]: node for node in site.mart.nodes}
    shown = [line for sub in names.values() if sub["level"] == "sub_dimension" for line in cells(page, sub["name"])]
    told: dict[str, list[list[str]]] = {}
    for line in shown:
        told.setdefault(line[0], []).append(line)
    rows = site.mart["fact_value"].filter(edition=LATEST, city_id=REPORT).to_dicts()
    assert len(rows) > 50
    for row in rows:
        node = names[row["data_point"]]
        unit = symbols[node["unit"]]
        expected = words.amount(row["value"], node["unit"]) + (f" {unit}" if unit else "")
        lines = told[f"{node['name']}{node['kpi_code']}"]
        assert expected in [line[1] for line in lines], row["data_point"]
        assert any(line[2].startswith(str(row["value_year"])) for line in lines)
    assert sum(line[1] == "not reported" for line in shown) == 112 - len(rows)


def test_a_kpi_page_ranks_the_values_of_the_mart(site: Site) -> None:
    page = site.open("kpi/EC_ICT_ICT_1C")
    values = site.mart["fact_value"].filter(edition=LATEST, data_point="EC_ICT_ICT_1C.main")
    expected = [f"{words.amount(value)} %" for value in values["value"].sort(descending=True).to_list()]
    shown = [line[1] for line in cells(page, "Values of Household Internet Access")]
    assert shown == expected[:10]


def test_a_hostile_name_is_shown_as_it_stands_and_runs_nothing(site: Site) -> None:
    page = site.open(f"city/{HOSTILE}")
    expect(page.locator("h1")).to_have_text(HOSTILE_NAME)
    assert page.locator("main img").count() == 0
    assert site.troubles == []


# --- the playground --------------------------------------------------------------------------------------------


def aggregation() -> Method:
    """The last step of the shipped method, on scores that are there already."""
    shipped = read_method(PROJECT / "methods" / "index-2026.yaml").as_mapping()
    steps = [{"normalise": {"method": "none"}}, shipped["steps"][-1]]
    return method_from_mapping({"name": "aggregation", "steps": steps, "rank": shipped["rank"]})


def reweighted(framework: Framework, weights: dict[str, float]) -> Framework:
    nodes = tuple(node.model_copy(update={"weight": weights.get(node.code, node.weight)}) for node in framework.nodes)
    return Framework(nodes=nodes, levels=framework.levels)


def drawn_scores(generator: np.random.Generator, columns: int, rows: int) -> np.ndarray:
    """Scores with holes of every size, and rows in which whole parts stand at the low goalpost."""
    scores = generator.uniform(0, 100, (rows, columns))
    scores[generator.uniform(size=scores.shape) < generator.uniform(0, 0.7, (rows, 1))] = np.nan
    scores[: rows // 4, : columns // 2] *= 0.0
    return scores


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mean", ["geometric", "arithmetic"])
def test_the_playground_gives_the_scores_and_ranks_of_compute_index(site: Site, seed: int, mean: str) -> None:
    generator = np.random.Generator(np.random.Philox(seed))
    framework, method = load_catalogue().framework(LATEST), aggregation()
    inner = [node.code for node in framework.nodes if node.level in {"dimension", "sub_dimension", "category"}]
    weights = {code: float(weight) for code, weight in zip(inner, generator.uniform(0, 4, len(inner)), strict=True)}
    weights[inner[int(generator.integers(4, len(inner)))]] = 0.0
    scores = drawn_scores(generator, len(framework.codes), 120)
    units = [f"u{row:03d}" for row in range(len(scores))]
    varied = method.as_mapping()
    varied["steps"][-1]["aggregate"]["levels"]["index"] = mean
    if mean == "arithmetic":
        varied["steps"][-1]["aggregate"]["floor"] = None
    values = values_from_columns(units, None, framework.codes, scores, {}, subject="test")
    result = compute_index(values, reweighted(framework, weights), method_from_mapping(varied))
    rows = [[None if math.isnan(score) else score for score in row] for row in scores.tolist()]
    matrix = {
        "points": list(framework.codes),
        "cities": dict(zip(units, rows, strict=True)),
        "weighing": weighing(framework, method),
    }
    page = site.open("method")
    told = page.evaluate(
        """([matrix, weights, mean]) => {
            const published = Object.fromEntries(Object.keys(matrix.cities).map(place => [place, () => undefined]));
            const scores = SSC.weigh(matrix, published, weights, {index: mean});
            const text = Object.fromEntries(Object.entries(scores).map(([k, v]) => [k, Number.isNaN(v) ? null : v]));
            return [text, SSC.ranks(scores, matrix.weighing.ties)];
        }""",
        [matrix, weights, mean],
    )
    mine = np.array([math.nan if told[0][unit] is None else told[0][unit] for unit in units])
    assert 10 < np.isfinite(mine).sum() < len(mine)  # thresholds of coverage bite, and not everywhere
    np.testing.assert_allclose(mine, result.scores[:, 0], rtol=0, atol=1e-9)
    ranks = [told[1].get(unit, math.nan) for unit in units]
    np.testing.assert_array_equal(ranks, result.ranks[:, 0])


def test_the_playground_starts_from_the_published_index(site: Site) -> None:
    page = site.open("weights")
    told: dict[str, float | None] = page.evaluate(
        """async edition => { const matrix = await SSC.load(`scores-${edition}`);
            const data = await SSC.load(`edition-${edition}`);
            const scores = SSC.weigh(matrix, SSC.publishedScores(data));
            const told = score => Number.isNaN(score) ? null : score;
            return Object.fromEntries(Object.entries(scores).map(([k, v]) => [SSC.cities[k].id, told(v)])); }""",
        LATEST,
    )
    index = site.mart["fact_score"].filter(edition=LATEST, level="index")
    for city, score in index.select("city_id", "score").iter_rows():
        assert told[city] == (None if score is None else pytest.approx(score, abs=1e-9)), city
    assert SCORES_ONLY in told
    assert "0 of" in page.locator("main").inner_text()


def test_a_slider_ranks_the_cities_anew_and_the_address_keeps_it(site: Site) -> None:
    page = site.open("weights")
    slider = page.get_by_label("Weight of Environment", exact=True).first
    slider.focus()
    page.keyboard.press("End")
    page.wait_for_url("**EN%3A4**")
    shown = cells(page, "Ranking by your weights")
    assert shown
    assert page.locator("#share-EN").inner_text() == "67 %"  # 4 of 1 + 4 + 1
    again = site.open(page.url.partition("#/")[2])
    assert again.locator("#share-EN").inner_text() == "67 %"
    assert cells(again, "Ranking by your weights") == shown
    again.get_by_role("button", name="As published").click()
    again.wait_for_url(lambda address: "EN%3A4" not in address)


def test_contributions_of_dimensions_add_up_to_the_change(site: Site) -> None:
    page = site.open("method")
    parts = page.evaluate(
        """() => SSC.contributions({EC: 40, EN: 60, SC: 50}, {EC: 50, EN: 45, SC: 50},
            Math.cbrt(40 * 60 * 50), Math.cbrt(50 * 45 * 50),
            {floor: 1, nodes: [{node: 'index', parent: null, mean: 'geometric'},
            ...['EC', 'EN', 'SC'].map(node => ({node, parent: 'index', weight: 1}))]})"""
    )
    change = (50 * 45 * 50) ** (1 / 3) - (40 * 60 * 50) ** (1 / 3)
    assert sum(part for _, part in parts) == pytest.approx(change, abs=1e-12)
    assert [part > 0 for _, part in parts] == [True, False, False]
    assert parts[2][1] == 0


# --- by hand ---------------------------------------------------------------------------------------------------


def test_columns_sort_by_keyboard_and_say_so(site: Site) -> None:
    page = site.open("ranking")
    button = page.locator("th button", has_text="Environment")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Environment")
    shown = [float(line[6]) for line in cells(page, f"Ranking {LATEST}") if line[6] not in {"–", "not public"}]
    assert shown == sorted(shown, reverse=True)
    assert "sort=EN" in page.url


def test_filters_keep_ranks_and_stay_in_the_address(site: Site) -> None:
    page = site.open("ranking")
    before = cells(page, f"Ranking {LATEST}")
    page.get_by_label("Income group").select_option(index=1)
    chosen = page.get_by_label("Income group").input_value()
    shown = cells(page, f"Ranking {LATEST}")
    assert 0 < len(shown) < len(before)
    assert all(line in before for line in shown)
    again = site.open(page.url.partition("#/")[2])
    assert again.get_by_label("Income group").input_value() == chosen
    assert cells(again, f"Ranking {LATEST}") == shown


def test_the_skip_link_comes_first_and_a_new_page_takes_the_focus(site: Site) -> None:
    page = site.open("ranking")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    expect(page.locator("h1")).to_contain_text("Ranking")
    assert page.url.endswith("#/ranking")
    page.get_by_role("link", name="Method", exact=True).click()
    expect(page.locator("#main")).to_be_focused()
    assert page.title().startswith("Method")


def test_the_theme_stays_and_an_unknown_place_is_told(site: Site) -> None:
    page = site.open("ranking")
    page.get_by_role("button", name="Switch to dark colours").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page = site.open("city/nowhere")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert "nowhere is not among the cities" in page.locator("main").inner_text()
    page.get_by_role("button", name="Switch to light colours").click()
    site.troubles.clear()


def test_what_was_carried_or_has_no_target_is_hatched_and_not_grey(site: Site) -> None:
    values = site.mart["fact_value"].filter(edition=LATEST, city_id=REPORT)
    bands = site.mart["fact_benchmark"].filter(edition=LATEST, city_id=REPORT, cut="data_point")["band"].drop_nulls()
    page = site.open(f"city/{REPORT}")
    hatched = page.locator("path.f-no_benchmark[d*='A214 214']")
    assert hatched.count() == len(values) - len(bands) > 0
    assert page.locator("path.f-not_reported[d*='A214 214']").count() == 112 - len(values)
    assert (
        hatched.first.evaluate("path => document.querySelector(path.getAttribute('fill').slice(4, -1)).tagName")
        == "pattern"
    )


def test_every_page_says_that_it_is_a_draft_on_paper_too(site: Site) -> None:
    page = site.open(f"city/{REPORT}")
    expect(page.locator("#status")).to_have_text("draft")
    page.emulate_media(media="print")
    expect(page.locator("#status")).to_be_visible()
    page.emulate_media(media="screen")


def test_a_scale_from_0_begins_with_0(site: Site) -> None:
    page = site.open("ranking")
    ticks = page.locator("figure text").all_text_contents()
    assert "0" in ticks
    assert "-0" not in ticks


def test_a_name_from_right_to_left_keeps_the_rank_on_the_side_of_its_line(site: Site) -> None:
    page = site.open("ranking")
    label = page.evaluate(
        "SSC.fig.slope([{name: 'القاهرة', before: 8, after: 8}], ['2019', '2020'], '', '')"
        ".querySelector('g text').textContent"
    )
    assert label == "\u2068القاهرة\u2069  8"  # a first strong isolate, so that 8 stands at the right as of other cities


def test_many_editions_on_a_phone_are_named_as_far_as_there_is_room(site: Site) -> None:
    page = site.open("ranking")
    page.set_viewport_size({"width": 390, "height": 900})
    page.evaluate(
        """() => {
            const years = Array.from({length: 12}, (_, place) => 2015 + place);
            const svg = SSC.fig.progress([{name: 'Index', values: years.map(() => 50)}], years, '', '');
            svg.id = 'many';
            document.getElementById('main').append(svg);
        }"""
    )
    years = page.locator("#many text", has_text="20")
    assert years.last.text_content() == "2026"
    boxes = [box for one in years.all() if (box := one.bounding_box())]
    page.set_viewport_size({"width": 1280, "height": 900})
    assert 3 <= len(boxes) < 12
    assert all(left["x"] + left["width"] < right["x"] for left, right in itertools.pairwise(boxes))


def test_no_name_on_a_tile_is_cut(site: Site) -> None:
    page = site.open("regions")
    name = page.locator(".tile span").first
    name.evaluate("one => { one.textContent = 'Demo Merrowminster-upon-the-Long-River'; }")
    width, height = name.evaluate("one => [one.scrollWidth - one.clientWidth, one.scrollHeight - one.clientHeight]")
    overflow = name.evaluate("one => getComputedStyle(one).whiteSpace")
    assert (width, height) <= (0, 0)
    assert overflow == "normal"


def test_a_single_city_is_told_in_the_singular(site: Site) -> None:
    page = site.open("city")
    told = page.evaluate(
        """async () => {
            const all = SSC.cities, index = SSC.index[SSC.latest], about = SSC.byEdition[SSC.latest];
            const one = Object.values(index).find((row) => row.rank);
            const words = [];
            try {
                SSC.cities = [all[one.city.place]];
                SSC.index[SSC.latest] = Object.defineProperty({[one.city.place]: one}, 'among', {value: 0});
                SSC.byEdition[SSC.latest] = {...about, n_ranked: 1, n_cities: 1};
                for (const name of ['city', 'ranking', 'regions']) {
                    const page = document.createElement('div');
                    await SSC.pages[name].show(page, {parts: [], query: new URLSearchParams()});
                    const parts = page.querySelectorAll('p, desc, section:not([hidden]) h2');
                    words.push(...[...parts].map((part) => part.textContent));
                }
            } finally { SSC.cities = all; SSC.index[SSC.latest] = index; SSC.byEdition[SSC.latest] = about; }
            return words;
        }"""
    )
    text = " · ".join(told)
    assert "1 of 1 city reports enough" in text
    assert "1 city by region" in text
    assert "The tile is the one ranked city" in text
    assert not re.search(r"\b1 (ranked )?cities", text)
    assert "Not ranked" not in told


def test_print_shows_content_and_no_controls(site: Site) -> None:
    page = site.open(f"city/{REPORT}")
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert not page.locator(".controls").first.is_visible()
    assert page.locator("figure.wheel svg").is_visible()
    page.emulate_media(media="screen")
