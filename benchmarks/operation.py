"""What daily operation costs: ``python -m benchmarks.operation [--cities 100 1000 10000] [--keep FILE]``.

A backfill of twelve years of the demo cohort in one run; one corrected workbook to published marts; and ten years of
many invented cities from one bulk file, step by step, without replications: how time and memory grow with the cities.
The exponent is that of the growth from the line above: 1 is in proportion.

Where a run may take a few minutes only, measure one number of cities at a time, the smallest first, and keep the lines:
``--no-backfill --cities 100 --keep costs.json``, then the same with ``--cities 1000``: the second run shows both, with
the exponent between them.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from assets.workspace import PROJECT
from benchmarks.__main__ import BULK_SCRIPT, Line, correct, run, show

FIRST, LAST = 2015, 2026
EDITION = 2025
# What is allowed of 10,000 cities: seconds of a step or steps, megabytes of the whole.
INGEST, REBUILD, PUBLISH, MEGABYTES = 60.0, 20.0, 15.0, 4000.0


@dataclass(frozen=True)
class Cost:
    """What ten years of some cities cost.

    Attributes:
        cities: How many.
        values: Values reported, in all years.
        seconds: Of the whole build from nothing.
        megabytes: Largest resident memory of it.
        steps: Seconds by step.
        edition: Seconds by step of one edition rebuilt by another method.
        mart_megabytes: Size of the internal mart.
    """

    cities: int
    values: int
    seconds: float
    megabytes: float
    steps: dict[str, float]
    edition: dict[str, float]
    mart_megabytes: float

    @property
    def ingest(self) -> float:
        """Seconds from the bulk file to verified values."""
        return self.steps["ingest_submissions"] + self.steps["derive_values"]

    @property
    def rebuild(self) -> float:
        """Seconds of one edition, selection to audit."""
        aside = ("ingest_submissions", "derive_values", "publish_marts")
        return sum(seconds for step, seconds in self.edition.items() if step not in aside)

    @property
    def publish(self) -> float:
        """Seconds of publishing all ten editions."""
        return self.steps["publish_marts"]


LAST_STEPS_SCRIPT = """
import json, sys
from pathlib import Path
import dagster as dg
from assets.workspace import open_workspace
from pipelines.run import prepare_home
prepare_home(open_workspace(Path(sys.argv[1])))
with dg.DagsterInstance.get() as instance:
    (last,) = instance.get_runs(limit=1)
    print(json.dumps({one.step_key: one.end_time - one.start_time for one in instance.get_run_step_stats(last.run_id)}))
"""


def last_steps(workspace: Path) -> dict[str, float]:
    """Seconds of the last run, by step."""
    script = [sys.executable, "-c", LAST_STEPS_SCRIPT, str(workspace)]
    told = subprocess.run(script, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    steps: dict[str, float] = json.loads(told)
    return steps


def backfill(folder: Path) -> list[Line]:
    """Twelve years of the demo cohort in one run, then one corrected workbook."""
    workspace = folder / "demo"
    run("demo", "--workspace", str(workspace), "--from", str(FIRST), "--to", str(LAST))
    seconds, memory = run("build", "--workspace", str(workspace), "--from", str(FIRST), "--to", str(LAST))
    where = last_steps(workspace)
    lines = [Line("backfill of 12 years x 60 cities, one run", seconds, 30, memory, where=where)]
    correct(workspace)
    seconds, memory = run("build", "--workspace", str(workspace))
    where = last_steps(workspace)
    lines.append(Line("one corrected workbook to marts, command and all", seconds, 6, memory, where=where))
    return lines


def cost(folder: Path, cities: int) -> Cost:
    """Ten years of some cities from a bulk file to marts, then one edition by another method."""
    workspace = folder / f"bulk-{cities}"
    (workspace / "raw").mkdir(parents=True)
    (workspace / "workspace.yaml").write_text("name: bulk\nis_demo: true\nmethod: method.yaml\n", encoding="utf-8")
    method = yaml.safe_load((PROJECT / "methods" / "index-2026.yaml").read_text(encoding="utf-8"))
    method.pop("uncertainty", None)
    path = workspace / "method.yaml"
    path.write_text(yaml.safe_dump(method, sort_keys=False), encoding="utf-8")
    script = [sys.executable, "-c", BULK_SCRIPT, str(workspace / "raw" / "history.parquet"), str(cities)]
    subprocess.run(script, check=True)
    seconds, memory = run("build", "--workspace", str(workspace))
    steps = last_steps(workspace)
    path.write_text(yaml.safe_dump({**method, "name": "another"}, sort_keys=False), encoding="utf-8")
    run("build", "--workspace", str(workspace), "--edition", str(EDITION))
    edition = last_steps(workspace)
    mart = (workspace / "marts" / "ssc_index_internal.duckdb").stat().st_size / 1e6
    shutil.rmtree(workspace)
    return Cost(cities, cities * 10 * 112, seconds, memory, steps, edition, mart)


def kept_costs(path: Path, measured: Sequence[Cost]) -> list[Cost]:
    """Lines of earlier runs and of this one, by cities; a line measured anew stands in place of the one in the file."""
    known = [Cost(**line) for line in json.loads(path.read_text(encoding="utf-8"))] if path.is_file() else []
    by_cities = {one.cities: one for one in (*known, *measured)}
    costs = [one for _, one in sorted(by_cities.items())]
    path.write_text(json.dumps([asdict(one) for one in costs], indent=1) + "\n", encoding="utf-8")
    return costs


def exponent(before: Cost | None, after: Cost, what: str) -> str:
    """Exponent of the growth of a quantity with the number of cities; empty for the first line."""
    if before is None:
        return ""
    grown = math.log(getattr(after, what) / getattr(before, what))
    return f"{grown / math.log(after.cities / before.cities):.2f}"


def show_costs(costs: Sequence[Cost]) -> None:
    """The table of growth, in 80 columns."""
    console = Console(width=80)
    table = Table(
        title="Ten years from one bulk file, without replications (M values, s, MB)",
        title_justify="left",
        box=None,
        padding=(0, 1, 0, 0),
    )
    for name in (
        "cities",
        "M",
        "s",
        "^",
        "MB",
        "^",
        "ingest",
        "^",
        "edition",
        "^",
        "marts",
        "^",
        "mart",
    ):
        table.add_column(name, justify="right", style="dim" if name == "^" else None, no_wrap=True)
    for before, one in zip([None, *costs], costs, strict=False):
        cells = [f"{one.cities:,}", f"{one.values / 1e6:.2f}"]
        for what in ("seconds", "megabytes", "ingest", "rebuild", "publish"):
            value = getattr(one, what)
            cells += [f"{value:.0f}" if what == "megabytes" else f"{value:.1f}", exponent(before, one, what)]
        table.add_row(*cells, f"{one.mart_megabytes:.0f}")
    console.print(table)


def lines_of(one: Cost) -> list[Line]:
    """The lines of 10,000 cities that have a limit."""
    return [
        Line("10,000 cities x 10 years: ingest from bulk", one.ingest, INGEST, one.megabytes, MEGABYTES),
        Line("  one edition rebuilt, without replications", one.rebuild, REBUILD, where=one.edition),
        Line("  publish ten editions", one.publish, PUBLISH, where=one.steps),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operation", description=__doc__)
    parser.add_argument("--cities", type=int, nargs="*", default=[100, 1000, 10_000], help="numbers of cities")
    parser.add_argument("--no-backfill", action="store_true", help="leave the demo cohort out")
    parser.add_argument("--keep", type=Path, help="a file to keep the lines of cities in, for exponents between runs")
    given = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="ssc-index-operation-") as name:
        lines = []
        if not given.no_backfill:
            with console.status("twelve years of the demo cohort"):
                lines = backfill(Path(name))
        costs = []
        for cities in given.cities:
            with console.status(f"{cities} cities x 10 years"):
                costs.append(cost(Path(name), cities))
    if given.keep:
        costs = kept_costs(given.keep, costs)
    lines += [line for one in costs if one.cities == 10_000 for line in lines_of(one)]
    if lines:
        show(lines)
    if costs:
        show_costs(costs)


if __name__ == "__main__":
    main()
