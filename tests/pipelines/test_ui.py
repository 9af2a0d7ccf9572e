"""The Dagster UI of a workspace in a real browser: graph, groups, descriptions, check results, a run by hand."""

from __future__ import annotations

import json
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from intake.template import Entry
from tests.pipelines.workspaces import (
    add_submission,
    add_to_register,
    addresses,
    copy_workspace,
    free_port,
    kill_group,
    run_cli,
    start_cli,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("ui"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH (Debian: apt-get install chromium)"),
]

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
GROUPS = ("raw", "core", "index", "benchmark", "uncertainty", "audit", "changes", "marts", "state")
MILLISECONDS = 1000


@dataclass(frozen=True)
class Ui:
    """A running UI.

    Attributes:
        root: Its workspace.
        address: Where it listens.
        page: A browser page.
        troubles: What the page complained of: errors on the console, exceptions, requests that failed.
    """

    root: Path
    address: str
    page: Page
    troubles: list[str] = field(default_factory=list)

    def open(self, place: str) -> Page:
        self.page.goto(self.address + place)
        return self.page

    def ask(self, query: str, **variables: object) -> Any:
        """The answer of the server's GraphQL."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.address}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]


def wait_for(address: str, process: Any, seconds: float = 120) -> None:
    """Wait until the server answers."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert process.poll() is None, process.communicate()[1]
        try:
            with urllib.request.urlopen(f"{address}/server_info", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise TimeoutError(address)


@pytest.fixture(scope="module")
def ui(small_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """The UI on the small workspace with one bad cell, built once from the command line before."""
    root = copy_workspace(small_workspace, tmp_path_factory.mktemp("ui") / "workspace")
    add_to_register(root, "bad-city")
    add_submission(root, "2020/bad.xlsx", "bad-city", 2020, {"EC_ICT_ICT_1C.main": Entry("about half")})
    done = run_cli("build", "-w", root)
    assert done.returncode == 0, done.stderr
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    process = start_cli("dev", "-w", root, "--port", port)
    try:
        wait_for(address, process)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1600, "height": 1000})
            page.set_default_timeout(60 * MILLISECONDS)
            expect.set_options(timeout=60 * MILLISECONDS)
            one = Ui(root, address, page)
            page.on("console", lambda said: one.troubles.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: one.troubles.append(str(error)))
            page.on("requestfailed", lambda request: one.troubles.append(f"{request.url}: {request.failure}"))
            yield one
            browser.close()
    finally:
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        kill_group(process)


def picture(ui: Ui, name: str) -> None:
    """Keep what the page shows, for a person to look at."""
    ui.page.screenshot(path=ui.root.parent / f"{name}.png")


def test_the_lineage_shows_every_group(ui: Ui) -> None:
    page = ui.open("/asset-groups")
    for group in GROUPS:
        expect(page.get_by_text(group, exact=True).first).to_be_visible()
    picture(ui, "lineage")
    # Opened, a group shows its tables with their latest state.
    page.get_by_text("core", exact=True).last.click()
    expect(page.get_by_text("quarantine", exact=True).first).to_be_visible()
    expect(page.get_by_text("findings", exact=True).first).to_be_visible()
    picture(ui, "group")
    answer = ui.ask("{ assetNodes { groupName description assetKey { path } isMaterializable } }")
    found = answer["assetNodes"]
    assert {node["groupName"] for node in found} == set(GROUPS)
    assert all(node["description"] and node["isMaterializable"] for node in found)


def test_an_asset_shows_what_it_holds_and_what_was_built_from_the_command_line(ui: Ui) -> None:
    page = ui.open("/assets/core/quarantine?view=overview")
    expect(page.get_by_text("What was kept out, with file, sheet, cell, KPI, value and rule.").first).to_be_visible()
    expect(page.get_by_text("Short code of the rule that failed.")).to_be_visible()
    expect(page.get_by_text("Never materialized")).to_have_count(0)
    picture(ui, "asset")


def test_check_results_are_shown_with_counts_and_a_sample(ui: Ui) -> None:
    page = ui.open("/assets/core/quarantine?view=checks&checkDetail=no_errors")
    expect(page.get_by_text("Nothing was kept out as an error.")).to_be_visible()
    expect(page.get_by_text("by_rule").first).to_be_visible()
    expect(page.get_by_text("Not Evaluated")).to_have_count(0)
    page.get_by_text("schema", exact=True).first.click()
    expect(page.get_by_text("Columns, types, keys, codes and bounds of the Pandera schema.").first).to_be_visible()
    expect(page.get_by_text("Passed").first).to_be_visible()
    picture(ui, "checks")


def test_an_asset_can_be_materialised_by_hand(ui: Ui) -> None:
    before = addresses(ui.root)
    known = {run["runId"] for run in runs(ui)}
    page = ui.open("/assets/raw/files")
    page.locator("button", has_text="Materialize").first.click()
    # The tables of raw come from one step, so the UI asks whether the others may be made too.
    page.get_by_text("Confirm", exact=True).click()
    until = time.monotonic() + 90
    while not (new := [run for run in runs(ui) if run["runId"] not in known]):
        assert time.monotonic() < until
        time.sleep(0.5)
    picture(ui, "materialising")
    while (run := next(run for run in runs(ui) if run["runId"] == new[0]["runId"]))["status"] not in DONE:
        assert time.monotonic() < until, run
        time.sleep(0.5)
    assert run["status"] == "SUCCESS"
    assert {key["path"][0] for key in run["assetSelection"]} == {"raw"}
    page = ui.open(f"/runs/{run['runId']}")
    expect(page.get_by_text("Success").first).to_be_visible()
    picture(ui, "run")
    # Nothing new below raw/, and the marts have not been touched.
    assert addresses(ui.root) == before


DONE = {"SUCCESS", "FAILURE", "CANCELED"}


def runs(ui: Ui) -> list[dict[str, Any]]:
    answer = ui.ask("{ runsOrError { ... on Runs { results { runId status assetSelection { path } } } } }")
    found: list[dict[str, Any]] = answer["runsOrError"]["results"]
    return found


def test_no_page_complained(ui: Ui) -> None:
    """Last, after all pages above; run alone, it looks at the first of them."""
    ui.open("/overview")
    expect(ui.page.get_by_text("Lineage").first).to_be_visible()
    assert [trouble for trouble in ui.troubles if "net::ERR_ABORTED" not in trouble] == []
