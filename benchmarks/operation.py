"""What daily operation costs: ``python -m benchmarks.operation [--cities 100 1000 10000] [--keep FILE]``.

A backfill of twelve years of the demo cohort in one run; one corrected workbook to published marts; and ten years of
many invented cities from one bulk file, step by step, without replications: how time and memory grow with the cities.
Then the newest report of one city is corrected, so that one edition is computed and published anew beside nine that
are kept. The exponent is that of the growth from the line above: 1 is in proportion. Memory is the most that a command
and its processes held together, what they share counted once, looked at twice a second (Linux);
processor time is looked at with it, so that growth can be told on a machine that others use too.

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
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import yaml
from rich.console import Console
from rich.table import Table

from assets.workspace import PROJECT
from benchmarks.__main__ import BULK_SCRIPT, COMMAND, Line, correct, run, show
from benchmarks.intake import SELDOM, held

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
        processor: Seconds of the processor that it took.
        megabytes: The most memory of it or of the build after the correction.
        steps: Seconds by step, and of the processor.
        edition: The same of the build after one report of the newest edition was corrected.
        mart_megabytes: Size of the internal mart.
    """

    cities: int
    values: int
    seconds: float
    processor: float
    megabytes: float
    steps: dict[str, tuple[float, float]]
    edition: dict[str, tuple[float, float]]
    mart_megabytes: float

    def of(self, part: str, which: int) -> float:
        """Seconds of a part, of the clock (0) or of the processor (1).

        Args:
            part: ``ingest``: from the bulk file into the warehouse; ``values``: from there to verified values of all
                years; ``edition``: one edition, selection to audit and comparison; ``marts``: publishing after that;
                ``of ten``: publishing all ten from nothing.
        """
        aside = ("ingest_submissions", "derive_values", "publish_marts")
        return {
            "ingest": self.steps["ingest_submissions"][which],
            "values": self.steps["derive_values"][which],
            "edition": sum(taken[which] for step, taken in self.edition.items() if step not in aside),
            "marts": self.edition["publish_marts"][which],
            "of ten": self.steps["publish_marts"][which],
        }[part]


PARTS = ("ingest", "values", "edition", "marts", "of ten")


LAST_STEPS_SCRIPT = """
import json, sys
from pathlib import Path
import dagster as dg
from assets.workspace import open_workspace
from pipelines.run import prepare_home
prepare_home(open_workspace(Path(sys.argv[1])))
with dg.DagsterInstance.get() as instance:
    (last,) = instance.get_runs(limit=1)
    told = instance.get_run_step_stats(last.run_id)
    print(json.dumps({one.step_key: [one.start_time, one.end_time] for one in told}))
"""


def last_steps(workspace: Path) -> dict[str, tuple[float, float]]:
    """Begin and end of each step of the last run, in seconds since 1970."""
    script = [sys.executable, "-c", LAST_STEPS_SCRIPT, str(workspace)]
    told = subprocess.run(script, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    steps: dict[str, tuple[float, float]] = json.loads(told)
    return steps


def lasting(workspace: Path) -> dict[str, float]:
    """Seconds of the last run, by step."""
    return {step: end - begin for step, (begin, end) in last_steps(workspace).items()}


def backfill(folder: Path) -> list[Line]:
    """Twelve years of the demo cohort in one run, then one corrected workbook."""
    workspace = folder / "demo"
    run("demo", "--workspace", str(workspace), "--from", str(FIRST), "--to", str(LAST))
    seconds, memory = run("build", "--workspace", str(workspace), "--from", str(FIRST), "--to", str(LAST))
    where = lasting(workspace)
    lines = [Line("backfill of 12 years x 60 cities, one run", seconds, 30, memory, where=where)]
    correct(workspace)
    seconds, memory = run("build", "--workspace", str(workspace))
    where = lasting(workspace)
    lines.append(Line("one corrected workbook to marts, command and all", seconds, 6, memory, where=where))
    return lines


@dataclass(frozen=True)
class Watched:
    """What was seen of a command while it ran.

    Attributes:
        seconds: How long it took.
        megabytes: The most memory that it and its processes held together.
        times: When it was looked at, in seconds since 1970.
        processor: Seconds of the processor that it had taken by then.
    """

    seconds: float
    megabytes: float
    times: list[float]
    processor: list[float]

    def by_step(self, workspace: Path) -> dict[str, tuple[float, float]]:
        """Seconds of the clock and of the processor of each step that it ran."""
        return {
            step: (end - begin, float(np.diff(np.interp([begin, end], self.times, self.processor))[0]))
            for step, (begin, end) in last_steps(workspace).items()
        }


def watched(*arguments: str) -> Watched:
    """Run a command of ours, and look at it and its processes twice a second."""
    begun, most = time.time(), 0.0
    seen, times, processor = dict[str, float](), [begun], [0.0]
    command = [str(COMMAND), *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        while process.poll() is None:
            megabytes, seconds = held(process.pid)
            most, seen = max(most, megabytes), seen | seconds
            times.append(time.time())
            processor.append(sum(seen.values()))
            time.sleep(SELDOM)
    if process.returncode:
        raise SystemExit(f"ssc-index {' '.join(arguments)} ended with {process.returncode}")
    return Watched(time.time() - begun, most, times, processor)


def correct_report(history: Path) -> None:
    """Send a later report of the first city for the newest year beside the bulk file: one number is another."""
    rows = pl.read_parquet(history).filter(pl.col("year") == EDITION)
    rows = rows.filter(pl.col("city_id") == rows["city_id"].min())
    is_changed = pl.int_range(pl.len()) == pl.col("numerator").is_not_null().arg_max()
    other = pl.when(is_changed).then(pl.col("numerator") * 0.99).otherwise("numerator").alias("numerator")
    later = history.with_name("correction.parquet")
    rows.with_columns(other, pl.lit(None, pl.Float64).alias("result")).write_parquet(later)
    receipts = pl.read_csv(history.with_name(f"{history.name}.receipt.csv"), infer_schema=False)
    own = receipts.filter((pl.col("city_id") == rows["city_id"][0]) & (pl.col("year") == str(EDITION)))
    received = pl.lit("2026-11-01T09:00:00Z").alias("received_at")
    own.with_columns(received).write_csv(later.with_name(f"{later.name}.receipt.csv"))


def cost(folder: Path, cities: int) -> Cost:
    """Ten years of some cities from a bulk file to marts, then one edition after a correction."""
    workspace = folder / f"bulk-{cities}"
    (workspace / "raw").mkdir(parents=True)
    (workspace / "workspace.yaml").write_text("name: bulk\nis_demo: true\nmethod: method.yaml\n", encoding="utf-8")
    method = yaml.safe_load((PROJECT / "methods" / "index-2026.yaml").read_text(encoding="utf-8"))
    method.pop("uncertainty", None)
    (workspace / "method.yaml").write_text(yaml.safe_dump(method, sort_keys=False), encoding="utf-8")
    history = workspace / "raw" / "history.parquet"
    subprocess.run([sys.executable, "-c", BULK_SCRIPT, str(history), str(cities)], check=True)
    built = watched("build", "--workspace", str(workspace))
    steps = built.by_step(workspace)
    correct_report(history)
    again = watched("build", "--workspace", str(workspace))
    edition = again.by_step(workspace)
    mart = (workspace / "marts" / "ssc_index_internal.duckdb").stat().st_size / 1e6
    shutil.rmtree(workspace)
    most = max(built.megabytes, again.megabytes)
    return Cost(cities, cities * 10 * 112, built.seconds, built.processor[-1], most, steps, edition, mart)


def kept_costs(path: Path, measured: Sequence[Cost]) -> list[Cost]:
    """Lines of earlier runs and of this one, by cities; a line measured anew stands in place of the one in the file."""
    known = [Cost(**line) for line in json.loads(path.read_text(encoding="utf-8"))] if path.is_file() else []
    by_cities = {one.cities: one for one in (*known, *measured)}
    costs = [one for _, one in sorted(by_cities.items())]
    path.write_text(json.dumps([asdict(one) for one in costs], indent=1) + "\n", encoding="utf-8")
    return costs


def exponent(before: Cost | None, after: Cost, value: Callable[[Cost], float]) -> str:
    """Exponent of the growth of a quantity with the number of cities; empty for the first line."""
    if before is None:
        return ""
    return f"{math.log(value(after) / value(before)) / math.log(after.cities / before.cities):.2f}"


def show_costs(costs: Sequence[Cost]) -> None:
    """The table of growth, in 100 columns."""
    console = Console(width=100)
    table = Table(
        title="Ten years from one bulk file, without replications: MB, and seconds of the processor",
        title_justify="left",
        box=None,
        padding=(0, 1, 0, 0),
    )
    columns: dict[str, Callable[[Cost], float]] = {
        "MB": lambda one: one.megabytes,
        "all": lambda one: one.processor,
        **{part: partial(Cost.of, part=part, which=1) for part in PARTS},
    }
    for name in ("cities", *(one for heading in columns for one in (heading, "^")), "mart"):
        table.add_column(name, justify="right", style="dim" if name == "^" else None, no_wrap=True)
    for before, one in zip([None, *costs], costs, strict=False):
        cells = [f"{one.cities:,}"]
        for value in columns.values():
            told = value(one)
            cells += [f"{told:.0f}" if told >= 100 else f"{told:.1f}", exponent(before, one, value)]
        table.add_row(*cells, f"{one.mart_megabytes:.0f}")
    console.print(table)


def lines_of(one: Cost) -> list[Line]:
    """The lines of 10,000 cities that have a limit, and what stands beside them; seconds of the clock."""
    ingest, values, edition, marts, of_ten = (one.of(part, 0) for part in PARTS)
    after, before = ({step: taken[0] for step, taken in steps.items()} for steps in (one.edition, one.steps))
    return [
        Line("10,000 cities x 10 years: ingest from bulk", ingest, INGEST, one.megabytes, MEGABYTES),
        Line("  verified values of ten years", values),
        Line("  one edition rebuilt, without replications", edition, REBUILD, where=after),
        Line("  publish, one edition of ten changed", marts, PUBLISH),
        Line("  publish ten editions from nothing", of_ten, where=before),
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
