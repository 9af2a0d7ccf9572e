"""The table of speed and memory: ``make bench``, or ``python -m benchmarks [--quick]``.

Each line is a real command in a process of its own, or a step of it; the ratio is what was measured over what is
allowed. Where a line goes over, the table says where its time goes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from openpyxl import load_workbook
from rich.console import Console
from rich.table import Table

COMMAND = Path(sys.executable).with_name("ssc-index")


@dataclass
class Line:
    """One line of the table.

    Attributes:
        what: What was measured.
        seconds: Wall-clock seconds.
        allowed_seconds: What is allowed; None where the line is told only.
        megabytes: Largest resident memory of the process.
        allowed_megabytes: What is allowed; None where the line is told only.
        where: Seconds by step.
    """

    what: str
    seconds: float
    allowed_seconds: float | None = None
    megabytes: float | None = None
    allowed_megabytes: float | None = None
    where: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Measured over allowed, the worse of time and memory."""
        ratios = []
        if self.allowed_seconds:
            ratios.append(self.seconds / self.allowed_seconds)
        if self.allowed_megabytes and self.megabytes:
            ratios.append(self.megabytes / self.allowed_megabytes)
        return max(ratios) if ratios else None


def run(*arguments: str) -> tuple[float, float]:
    """Run a command of ours; return wall seconds and the largest resident memory in MB of it and its children."""
    before = time.perf_counter()
    process = subprocess.Popen([str(COMMAND), *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - before
    if status:
        raise SystemExit(f"ssc-index {' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_maxrss / 1000


def best(times: int, measured: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    """The quickest of several runs: what the machine can do when nobody disturbs it."""
    return min(measured() for _ in range(times))


STEPS_SCRIPT = """
import json, sys, time
from pathlib import Path
started = time.perf_counter()
from assets.workspace import open_workspace
from pipelines import run, show
from pipelines.definitions import definitions
from pipelines.ranges import received_years
loaded = time.perf_counter()
workspace = open_workspace(Path(sys.argv[1]))
outcome = run.build(workspace, *received_years(workspace), afresh=sys.argv[2] == "afresh")
built = time.perf_counter()
if sys.argv[2] == "last":
    loaded = built
import dagster as dg
run.prepare_home(workspace)
with dg.DagsterInstance.get() as instance:
    steps = {one.step_key: one.end_time - one.start_time for one in instance.get_run_step_stats(outcome.run_id)}
print(json.dumps({"load": loaded - started, "work": built - loaded, "steps": steps}))
"""


def work(workspace: Path, how: str = "stale") -> dict[str, float]:
    """Seconds of a build beyond process start and imports, in all and by step.

    Args:
        workspace: The workspace.
        how: ``stale`` computes what is stale, ``afresh`` everything; ``last`` tells the steps of the last build.
    """
    script = [sys.executable, "-c", STEPS_SCRIPT, str(workspace), how]
    facts = json.loads(subprocess.run(script, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
    rest = facts["work"] - sum(facts["steps"].values())
    return {"all": facts["work"], **facts["steps"], "Dagster": rest}


def correct(workspace: Path) -> None:
    """Correct one number of one workbook, as a city's revision would: another file in the old one's place.

    The number is one of two that stand side by side, so that a value comes of them: openpyxl saves formulas without
    what they gave, and a numerator whose denominator is a formula counts for nothing from then on.
    """
    path = sorted((workspace / "raw" / "2025").glob("*.xlsx"))[0]
    book = load_workbook(path)
    rows = [[cell for cell in row if isinstance(cell.value, float)] for row in book["KPIs"].iter_rows()]
    next(row for row in rows if len(row) > 1)[0].value *= 0.99
    book.save(path)


def help_text() -> Line:
    """How long a person waits for ``--help``."""
    seconds, memory = best(5, lambda: run("--help"))
    return Line("ssc-index --help", seconds, 0.5, memory)


def first_build(folder: Path) -> Line:
    """The first build after the project was set up or the engine changed: it compiles the uncertainty analysis."""
    workspace = folder / "first"
    run("demo", "--workspace", str(workspace), "--cities", "6", "--from", "2025", "--to", "2025")
    seconds, memory = run("build", "--workspace", str(workspace))
    return Line("first build of all, 6 x 1 workbooks: compiles once (later ones do not)", seconds, None, memory)


def demo_cohort(folder: Path) -> list[Line]:
    """The demo cohort from nothing to marts, and again with no new file."""
    workspace = folder / "demo"
    written, memory_written = run("demo", "--workspace", str(workspace))
    built, memory_built = run("build", "--workspace", str(workspace))
    lines = [
        Line(
            "demo 60 x 5 workbooks, from nothing to marts",
            written + built,
            25,
            max(memory_written, memory_built),
            where={"write workbooks": written, "build": built},
        )
    ]
    unchanged = min(work(workspace)["all"] for _ in range(3))
    lines.append(Line("rebuild with no new file, beyond process start", unchanged, 4))
    afresh = min((work(workspace, "afresh") for _ in range(2)), key=lambda one: one["all"])
    total = afresh.pop("all")
    lines.append(Line("the same, everything computed anew (--afresh)", total, where=afresh))
    correct(workspace)
    corrected = work(workspace)
    total = corrected.pop("all")
    lines.append(Line("one corrected workbook to marts", total, 6, where=corrected))
    return lines


BULK_SCRIPT = """
import sys
from pathlib import Path
from intake.demo import make_bulk_cohort
from ssc_index.framework.catalogue import load_catalogue
years = range(2016, 2026)
make_bulk_cohort(Path(sys.argv[1]), load_catalogue(), seed=2026, cities=int(sys.argv[2]), years=years)
"""


def bulk(folder: Path, cities: int) -> Line:
    """Ten years of many cities from one Parquet file to marts."""
    workspace = folder / f"bulk-{cities}"
    (workspace / "raw").mkdir(parents=True)
    (workspace / "workspace.yaml").write_text("name: bulk\nis_demo: true\n", encoding="utf-8")
    script = [sys.executable, "-c", BULK_SCRIPT, str(workspace / "raw" / "history.parquet"), str(cities)]
    subprocess.run(script, check=True)
    seconds, memory = run("build", "--workspace", str(workspace))
    where = work(workspace, "last")
    where.pop("all")
    where["Dagster and start"] = seconds - sum(where.values()) + where.pop("Dagster")
    limits = (30.0, 1500.0) if cities == 1000 else (None, None)
    values = f"{cities * 10 * 112 / 1e6:.2f} M"
    what = f"{cities} cities x 10 years ({values} values), bulk to marts"
    return Line(what, seconds, limits[0], memory, limits[1], where)


ENGINE_SCRIPT = """
import json, time
import numpy as np
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping
from ssc_index.values import values_from_columns
framework = load_catalogue().framework(2025)
low = np.array([node.low for node in framework.indicators])
high = np.array([node.high for node in framework.indicators])
table = low + np.random.default_rng(1).random((10_000, low.size)) * (high - low)
values = values_from_columns([f"u{i:05d}" for i in range(10_000)], None, framework.codes, table)
mean = {"method": "arithmetic", "levels": {"index": "geometric"}, "floor": 1.0}
steps = [{"normalise": {"method": "goalposts"}}, {"aggregate": mean}]
method = method_from_mapping({"name": "benchmark", "steps": steps})
times = []
for _ in range(3):
    started = time.perf_counter()
    compute_index(values, framework, method)
    times.append(time.perf_counter() - started)
print(json.dumps(min(times)))
"""


def engine() -> Line:
    """The engine alone: goalposts, means up six levels, ranks of every node."""
    told = subprocess.run([sys.executable, "-c", ENGINE_SCRIPT], capture_output=True, text=True, check=True)
    return Line("engine: 10,000 cities x 106 data points, 233 nodes", json.loads(told.stdout))


def machine() -> Line:
    """How fast this machine is, so that tables of two machines can be compared: Python alone, on one core."""
    code = "import time; s = time.perf_counter(); sum(i for i in range(10_000_000)); print(time.perf_counter() - s)"
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    return Line("this machine: ten million additions in Python", min(times))


def show(lines: Sequence[Line]) -> None:
    """Print the table and, for each line, where its time goes."""
    console = Console(width=100)
    table = Table(title="Speed and memory", title_justify="left", box=None)
    for name in ("what", "seconds", "allowed", "MB", "allowed", "ratio"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for line in lines:
        table.add_row(
            line.what,
            f"{line.seconds:.2f}",
            "" if line.allowed_seconds is None else f"{line.allowed_seconds:g}",
            "" if line.megabytes is None else f"{line.megabytes:.0f}",
            "" if line.allowed_megabytes is None else f"{line.allowed_megabytes:g}",
            "" if line.ratio is None else f"{line.ratio:.2f}",
        )
    console.print(table)
    for line in lines:
        if line.where:
            parts = ", ".join(f"{step} {seconds:.1f}" for step, seconds in line.where.items())
            console.print(f"[dim]{line.what}: {parts} s[/dim]")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the 1.1 M values out")
    quick = parser.parse_args().quick
    console = Console(stderr=True)
    folder = Path(tempfile.mkdtemp(prefix="ssc-index-bench-"))
    try:
        with console.status("measuring this machine and --help"):
            lines = [machine(), help_text(), engine()]
        with console.status("measuring the demo cohort"):
            lines += [first_build(folder), *demo_cohort(folder)]
        if not quick:
            with console.status("measuring 1,000 cities x 10 years"):
                lines.append(bulk(folder, 1000))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    show(lines)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
