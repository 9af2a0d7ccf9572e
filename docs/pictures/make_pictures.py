"""Pictures for README and docs, taken of what a build of the demo cohort writes: ``make pictures``.

What belongs here: which pages, how large. What does not: the pages.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from assets.workspace import open_workspace
from pipelines.report_commands import method_text, read_public_mart
from reports.audit.document import set_audit
from reports.audit.evidence import Evidence
from reports.audit.facts import audit_facts
from reports.audit.page import AUDIT
from reports.factsheet.facts import FactsheetMaker
from reports.mart import PublicMart
from reports.pdf import CERTIFICATE, SNAPSHOT, PdfMaker
from reports.site.build import write_site
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.method import read_method

HERE = Path(__file__).resolve().parent
LAPTOP, PHONE = (1280, 860), (390, 844)


def take(
    browser: Browser,
    address: str,
    place: str,
    name: str,
    size: tuple[int, int],
    scheme: str = "light",
    below: str = "",
) -> None:
    """One picture of one page, from its top or from a heading on."""
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page.goto(f"{address}#/{place}")
    page.wait_for_selector("html[data-ready]")
    if below:
        page.get_by_role("heading", name=below).evaluate("node => scrollTo(0, node.getBoundingClientRect().top - 90)")
    page.screenshot(path=HERE / f"{name}.png")
    page.close()


def middle_city(mart: PublicMart) -> str:
    """A city from the middle of the latest ranking that publishes its values."""
    latest = mart.editions[-1]
    scores = mart["fact_score"].filter(edition=latest, level="index").drop_nulls("rank").sort("rank")
    open_ones = set(mart["fact_value"].filter(edition=latest)["city_id"])
    ranked = [city for city in scores["city_id"] if city in open_ones]
    return str(ranked[len(ranked) // 3])


def main(workspace: Path) -> None:
    """Write the site beside the workspace's marts and take its pictures."""
    place = open_workspace(workspace)
    mart, catalogue, method = read_public_mart(place), load_catalogue(), read_method(place.method_path)
    latest = mart.editions[-1]
    evidence = Evidence(mart, catalogue, method, latest)
    audits = {latest: set_audit(mart, catalogue, method, latest, PdfMaker(None, AUDIT))}
    site = write_site(place.root / "site", mart, catalogue, method, method_text(place, mart), audits=audits)
    city = middle_city(mart)
    first = [name for name in mart.city_rows if name != city][:2]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        address = site.index.as_uri()
        take(browser, address, "ranking", "ranking", LAPTOP)
        take(browser, address, "regions", "regions", LAPTOP)
        take(browser, address, "change", "change", LAPTOP, below="Why they moved")
        take(browser, address, f"city/{city}", "city", (1280, 1200))
        take(browser, address, f"city/{city}", "sureness", (1280, 560), below="How sure is the rank")
        take(browser, address, "weights?w=EN%3A2", "weights", LAPTOP)
        take(browser, address, f"compare/{','.join([city, *first])}", "compare-dark", LAPTOP, "dark")
        take(browser, address, f"city/{city}", "phone", PHONE)
        browser.close()
    maker = FactsheetMaker(mart, catalogue, method, latest)
    facts = maker.facts(city)
    setter = PdfMaker()
    (HERE / "factsheet.png").write_bytes(setter.png(facts, pixels_an_inch=96))
    (HERE / "certificate.png").write_bytes(PdfMaker(None, CERTIFICATE).png(maker.certificate(city), pixels_an_inch=80))
    (HERE / "snapshot.png").write_bytes(PdfMaker(None, SNAPSHOT).png(facts, pixels_an_inch=72))
    (HERE / "audit.png").write_bytes(PdfMaker(None, AUDIT).png(audit_facts(evidence), pixels_an_inch=96))
    (HERE / "wheel.svg").write_text(facts["wheel"], encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
