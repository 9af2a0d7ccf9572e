"""Intake at scale: many workbooks, one more of them, and long bulk files.

``python -m benchmarks.intake [--cities 1950] [--bulk 1000] [--keep DIR]``. 1,950 invented cities of five years send
more than 10,000 workbooks; a smaller number measures a sample, and the table says so. Each line is a process of its
own. Seconds are those of the work by the clock, from opening the warehouse to its last close: the start of Python and
its packages is not among them, but it is in the processor time. Memory is the most that it and its workers held
together, what they share counted once, looked at several times a second, twice a second where little is new (Linux).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from benchmarks.__main__ import Line, show

ENOUGH = 10_000  # workbooks, for the limits to hold
# To look how much memory is held stops the process for some milliseconds: of what takes two seconds, a tenth.
SELDOM = 0.5
YEARS = (2021, 2022, 2023, 2024, 2025)
PSS = re.compile(r"^Pss: +(\d+) kB$", re.MULTILINE)
SETTINGS = {"POLARS_ENGINE_AFFINITY": "in-memory", "OPENBLAS_NUM_THREADS": "1"}

MAKE = """
import json, sys, time
from pathlib import Path
from intake.demo import make_bulk_cohort, make_demo
from ssc_index.framework.catalogue import load_catalogue
if __name__ == "__main__":
    root, kind, cities = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    started = time.perf_counter()
    if kind == "workbooks":
        files = make_demo(root, load_catalogue(), seed=2026, cities=cities).files
    else:
        years = range(2016, 2026)
        make_bulk_cohort(root / "raw" / "history.parquet", load_catalogue(), seed=2026, cities=cities, years=years)
        files = 1
    print(json.dumps({"files": files, "seconds": time.perf_counter() - started}))
"""

# As a build does it; hypothesis is of the tests, and Pandera would import it at the first check if it were there.
TAKE_IN = """
import json, sys, time
from pathlib import Path
sys.modules["hypothesis"] = None
from assets.core import values_step
from assets.ingest import ingest
from assets.memory import keep_what_is_loaded
from assets.resources import WorkspaceResource
from assets.writing import replace_years
from schemas import raw
from schemas.state import STEPS
if __name__ == "__main__":
    keep_what_is_loaded()
    store = WorkspaceResource(root=sys.argv[1])
    started = time.perf_counter()
    with store.writer("benchmark", (*raw.TABLES, STEPS)) as connection:
        found = ingest(store.workspace, connection, lambda done, total: None)
        cells = connection.execute("select count(*) from raw.cells").fetchall()[0][0]
        query = "select distinct year from raw.submissions order by year"
        years = [year for (year,) in connection.execute(query).fetchall()]
    taken_in = time.perf_counter()
    written = replace_years(store, values_step(store.workspace), years)
    ended = time.perf_counter()
    print(json.dumps({
        "new": found.new, "cells": cells, "read": taken_in - started, "validate": ended - taken_in,
        "years": len(written.computed),
    }))
"""


def told(script: str, *arguments: str, pause: float = 0.1) -> dict[str, float]:
    """What a script prints as JSON on its last line, with the most megabytes (MB) that its processes
    held together and their processor time, looked at after every ``pause`` (s)."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:  # a file, so that workers can start from it
        file.write(script)
        file.flush()
        environment = {**os.environ, **SETTINGS, "PYTHONPATH": str(Path(__file__).parents[1])}
        command = [sys.executable, file.name, *arguments]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
        ) as process:
            most, processor = 0.0, dict[str, float]()
            while process.poll() is None:  # what it prints fits the pipe
                megabytes, seconds = held(process.pid)
                most, processor = max(most, megabytes), processor | seconds
                time.sleep(pause)
            printed = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"a script ended with {process.returncode}")
    facts: dict[str, float] = json.loads(printed.splitlines()[-1])
    return {**facts, "MB": most, "processor time": sum(processor.values())}


def held(session: int) -> tuple[float, dict[str, float]]:
    """Megabytes of memory of all processes of a session, and the processor time of each, in seconds.

    What processes share, libraries above all, counts once: each has its share of it (Pss).
    """
    kilobytes, seconds = 0, {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[3]) != session:
                continue
            (share,) = PSS.findall((place.parent / "smaps_rollup").read_text(encoding="utf-8"))
        except (OSError, ValueError):  # it has ended
            continue
        kilobytes += int(share)
        seconds[place.parent.name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return kilobytes * 1024 / 1e6, seconds


def line(what: str, facts: dict[str, float], seconds: float | None, megabytes: float | None) -> Line:
    """A line of the table from what was told; what was measured stands below it."""
    where = {name: facts[name] for name in ("read", "validate")}
    seconds_taken = sum(where.values())
    where["processor time of all processes, start among it"] = facts["processor time"]
    return Line(f"{what}; years validated: {facts['years']:.0f}", seconds_taken, seconds, facts["MB"], megabytes, where)


def workbooks(root: Path, cities: int) -> Iterator[Line]:
    """Many workbooks from nothing, nothing new, and one more."""
    made = told(MAKE, str(root), "workbooks", str(cities))
    count = int(made["files"])
    is_enough = count >= ENOUGH
    sample = "" if is_enough else f" (a sample: the limits are for {ENOUGH:,})"
    yield Line(f"write {count:,} workbooks", made["seconds"])
    facts = told(TAKE_IN, str(root))
    yield line(f"{count:,} workbooks{sample}", facts, *((240.0, 1000.0) if is_enough else (None, None)))
    yield line("the same with nothing new", told(TAKE_IN, str(root), pause=SELDOM), None, None)
    late = sorted((root / "raw" / str(YEARS[-1])).glob("*.xlsx"))[0]
    shutil.move(late, root / late.name)
    told(TAKE_IN, str(root))
    shutil.move(root / late.name, late)
    with late.open("ab") as file:
        file.write(b"\0")  # behind the archive, where nobody looks: another file of the same content
    limits = (2.0, None) if is_enough else (None, None)
    yield line(f"one new among them{sample}", told(TAKE_IN, str(root), pause=SELDOM), *limits)


def bulk(root: Path, cities: int) -> Line:
    """Ten years of many cities from one Parquet file."""
    (root / "raw").mkdir(parents=True)
    (root / "workspace.yaml").write_text("name: bulk\nis_demo: true\n", encoding="utf-8")
    told(MAKE, str(root), "bulk", str(cities))
    facts = told(TAKE_IN, str(root))
    what = f"bulk: {cities:,} cities x 10 years ({facts['cells'] / 1e6:.2f} M values)"
    return line(what, facts, 60.0 if cities == 10_000 else None, 4000.0 if cities == 10_000 else None)


@contextmanager
def folder_of(keep: Path | None) -> Iterator[Path]:
    """Where cohorts are made: a folder to keep, or one that goes."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="ssc-index-intake-") as name:
        yield Path(name)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intake", description=__doc__)
    parser.add_argument("--cities", type=int, default=1950, help="cities that send workbooks; 0 leaves them out")
    parser.add_argument("--bulk", type=int, nargs="*", default=[1000], help="cities of bulk files, e.g. 1000 10000")
    parser.add_argument("--keep", type=Path, help="a new folder for the cohorts, which stay there")
    asked = parser.parse_args()
    console = Console(stderr=True)
    lines: list[Line] = []
    with folder_of(asked.keep) as folder:
        if asked.cities:
            with console.status(f"workbooks of {asked.cities} cities"):
                lines += workbooks(folder / "workbooks", asked.cities)
        for cities in asked.bulk:
            with console.status(f"bulk of {cities} cities"):
                lines.append(bulk(folder / f"bulk-{cities}", cities))
    show(lines)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
