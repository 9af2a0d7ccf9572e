"""Speed and size of what people see: site and factsheets of 1,000 cities; first paint and answers in a browser.

``python -m benchmarks.reports [WORKSPACE]``: the cities are those of a built workspace, by default of the demo cohort,
over and over under names of their own.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import polars as pl

from assets.workspace import open_workspace
from pipelines.report_commands import method_text, read_public_mart
from reports.audit.document import set_audit
from reports.audit.page import AUDIT
from reports.factsheet.facts import FactsheetMaker
from reports.mart import PublicMart
from reports.pdf import PdfMaker
from reports.site.build import write_site
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.method import read_method

CITIES, SHEETS = 1000, 100
TABLES = (
    *("dim_city", "fact_benchmark", "fact_change", "fact_change_kpi", "fact_peer_position"),
    *("fact_rank_uncertainty", "fact_score", "fact_value"),
)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
# From the event to the picture that follows it.
ANSWER = """async act => {
  const run = new Function(`return (${act})`)();
  const started = performance.now();
  run();
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - started;
}"""
ACTS = {
    "sort 1,000 cities": "ranking|() => [...document.querySelectorAll('th button')][2].click()",
    "filter by region": """ranking|() => { const s = document.querySelectorAll('select')[1]; s.selectedIndex = 1;
        s.dispatchEvent(new Event('change')); }""",
    "move a weight": """weights|() => { const s = document.querySelector('input[type=range]'); s.value = 2;
        s.dispatchEvent(new Event('input')); }""",
}


def many(mart: PublicMart, cities: int) -> PublicMart:
    """The mart with its cities over and over, so many in all; ranks are those of the whole crowd."""
    copies = -(-cities // len(mart.city_rows))
    tables = dict(mart.tables)
    for name in TABLES:
        frames = []
        for copy in range(copies):
            key = pl.concat_str(pl.col("city_id"), pl.lit(f"-{copy:02d}")).alias("city_id")
            frame = mart[name].with_columns(key)
            if name == "dim_city":
                frame = frame.with_columns(pl.concat_str(pl.col("name"), pl.lit(f" {copy:02d}")).alias("name"))
            if name == "fact_score":
                frame = frame.with_columns((pl.col("score") * (1 - copy / 1000)).alias("score"))
            frames.append(frame)
        tables[name] = pl.concat(frames)
    kept = pl.col("city_id").is_in(tables["dim_city"]["city_id"].sort().head(cities).to_list())
    tables = {name: frame.filter(kept) if name in TABLES else frame for name, frame in tables.items()}
    # Ranks among a crowd so many times as large: intervals as wide in shares, chances as many times as many.
    apart = pl.int_range(pl.len()).over("edition", "node", "rank")
    ranks = [((pl.col(name) - 1) * copies + 1).cast(pl.Int32).alias(name) for name in ("rank_p05", "rank_p95")]
    own = ((pl.col("rank") - 1) * copies + 1 + apart).cast(pl.Int32).alias("rank")
    tables["fact_rank_uncertainty"] = tables["fact_rank_uncertainty"].with_columns(own, *ranks)
    chances = mart["fact_rank_distribution"].join(pl.DataFrame({"copy": range(copies)}), how="cross")
    chances = chances.join(pl.DataFrame({"step": range(copies)}), how="cross")
    tables["fact_rank_distribution"] = chances.with_columns(
        pl.format("{}-{}", "city_id", pl.col("copy").cast(pl.String).str.zfill(2)).alias("city_id"),
        ((pl.col("rank") - 1) * copies + 1 + pl.col("step")).cast(pl.Int32).alias("rank"),
        (pl.col("share") / copies).alias("share"),
    ).filter(kept)
    rank = pl.col("score").rank("min", descending=True).over("edition", "node").cast(pl.Int32).alias("rank")
    tables["fact_score"] = tables["fact_score"].with_columns(rank)
    return replace(mart, tables=tables)


def told(what: str, seconds: float, allowed: float, more: str = "") -> None:
    print(f"{what:<34}{seconds:>9.3f} s   allowed {allowed:g} s   {seconds / allowed:5.0%}  {more}")


def timed(work: Callable[[], object]) -> tuple[float, float, object]:
    """Wall and processor seconds of some work, and what it gave."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def in_browser(address: str) -> None:
    """First paint and the time from an action to the picture that answers it."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for place in ("ranking", "weights", "change"):
            page = browser.new_page()
            started = time.perf_counter()
            page.goto(f"{address}#/{place}")
            page.wait_for_selector("html[data-ready]")
            ready = time.perf_counter() - started
            told(f"first paint, {place}", page.evaluate(PAINT) / 1000, 1.0, f"all there after {ready:.2f} s")
            page.close()
        for what, act in ACTS.items():
            place, _, action = act.partition("|")
            page = browser.new_context(bypass_csp=True).new_page()
            page.goto(f"{address}#/{place}")
            page.wait_for_selector("html[data-ready]")
            page.evaluate(ANSWER, action)
            told(what, min(page.evaluate(ANSWER, action) for _ in range(5)) / 1000, 0.1)
        browser.close()


def main(workspace: Path) -> None:
    place = open_workspace(workspace)
    small = read_public_mart(place)
    mart = many(small, CITIES)
    catalogue, method = load_catalogue(), read_method(place.method_path)
    folder = Path(tempfile.mkdtemp())
    text = method_text(place, small)
    seconds, cpu, site = timed(lambda: write_site(folder / "site", mart, catalogue, method, text))
    size = sum(path.stat().st_size for path in (folder / "site").rglob("*") if path.is_file()) / 1e6
    cities = len(mart.city_rows)
    told(f"site, {cities} cities, {len(mart.editions)} editions", seconds, 60, f"cpu {cpu:.1f} s, {size:.1f} MB of 60")
    maker = FactsheetMaker(mart, catalogue, method, mart.editions[-1])
    setter = PdfMaker()

    def sheets() -> int:
        with ThreadPoolExecutor() as pool:
            return sum(
                len(pdf) for pdf, _ in pool.map(lambda city: setter.pdf(maker.facts(city)), maker.cities[:SHEETS])
            )

    seconds, cpu, _ = min((timed(sheets) for _ in range(3)), key=lambda run: run[0])
    told(f"{SHEETS} factsheets, PDF", seconds, 5, f"cpu {cpu:.1f} s, best of three")
    seconds, cpu, _ = timed(lambda: set_audit(mart, catalogue, method, mart.editions[-1], PdfMaker(None, AUDIT)))
    told(f"audit, {cities} cities", seconds, 60, f"cpu {cpu:.1f} s")
    in_browser((folder / "site" / "index.html").as_uri())
    del site
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "workspaces/demo"))
