"""The speed of uncertainty analysis: ``python -m benchmarks.uncertainty [part of a name …]``.

91 indicators in four levels of aggregation, 20 % of the values missing, three alternatives each for normalisation,
imputation and the mean of each level, weights, exclusion and, unless a line says otherwise, measurement errors with
normalisation in every replication. Each line runs in a process of its own after a small run that compiles or loads;
``set-up`` is what is done once for a case, before the first replication, and is part of the seconds.

``bound`` is the time that the work cannot go below on this machine with these algorithms: the drawing of the errors
and a sort of the scores, measured in the same process and shared out over the processors. The ratios at the end are
measured in one process, one thread, and mean something on any machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.uncertainty_case import case
from ssc_index.uncertainty import kernel
from ssc_index.uncertainty.case import decide, rows_of
from ssc_index.uncertainty.plain import loop
from ssc_index.uncertainty.prepared import LANES, prepare
from ssc_index.uncertainty.run import run_uncertainty
from ssc_index.uncertainty.scores import scores_of_choices
from ssc_index.uncertainty.tally import add_pairs_by_numba, empty_tally, ranks_by_numba

LINES: dict[str, tuple[int, int, bool, str, float, float | None]] = {
    # cities, replications, errors, way, seconds allowed, megabytes allowed
    "1,000 x 10,000": (1_000, 10_000, True, "numba", 0.8, 300),
    "1,000 x 10,000, discrete choices and weights": (1_000, 10_000, False, "numba", 0.15, None),
    "100 x 10,000": (100, 10_000, True, "numba", 0.2, None),
    "1,000 x 100,000": (1_000, 100_000, True, "numba", 8, None),
    "10,000 x 10,000": (10_000, 10_000, True, "numba", 9, None),
    "1,000 x 10,000, NumPy alone, from 100 replications": (1_000, 10_000, True, "numpy", 3, None),
}
INDICATORS = 91


def quickest(work: Callable[[], object], times: int = 5) -> float:
    """Seconds of processor time of the quickest of several runs in this thread."""
    found = []
    for _ in range(times):
        started = time.thread_time()
        work()
        found.append(time.thread_time() - started)
    return min(found)


def drawing(cities: int) -> float:
    """Seconds to draw the errors of one replication."""
    cells = -(-cities // LANES) * LANES * INDICATORS
    words, drawn = np.empty(kernel.TILE // 2, np.int32), np.empty(kernel.TILE, np.float32)
    tiles = max(1, cells // kernel.TILE)

    def draw() -> None:
        for tile in range(tiles):
            kernel.fill_normals(np.uint64(7), tile, kernel.TILE, words, drawn)

    return quickest(draw, 40) * cells / (tiles * kernel.TILE)


def sorting(cities: int) -> float:
    """Seconds to sort the scores of one replication."""
    scores = np.random.default_rng(1).random((64, cities), dtype=np.float32)
    return quickest(lambda: np.sort(scores, axis=1), 40) / 64


def measure(name: str) -> dict[str, float]:
    """One line of the table, in this process."""
    cities, replications, measured, way, _, _ = LINES[name]
    run_uncertainty(case(50, 20, measured), backend=way)  # type: ignore[arg-type]  # LINES holds known names only
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    share = 100 if way == "numpy" else replications
    what = case(cities, share, measured)
    started = time.perf_counter()
    prepare(what)
    setup = time.perf_counter() - started
    found = []
    for _ in range(3 if cities * replications <= 10**7 else 1):
        wall, cpu = time.perf_counter(), time.process_time()
        run_uncertainty(what, backend=way)  # type: ignore[arg-type]  # LINES holds known names only
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = min(found)
    more = replications / share
    bound = replications * (sorting(cities) + (drawing(cities) if measured else 0.0)) / (os.cpu_count() or 1)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {
        "wall": setup + (wall - setup) * more,
        "cpu": cpu * more,
        "setup": setup,
        "bound": bound,
        "memory": memory,
        "above": memory - loaded,
    }


def ratios() -> list[tuple[str, float, str]]:
    """What a stranger's machine should show too: processor times of one thread, 1,000 cities."""
    cities, count = 1_000, 256
    with_errors, without = case(cities, count, True), case(cities, count, False)
    own, other = prepare(with_errors), prepare(without)
    rows, rows_without = rows_of(with_errors, 0, count), rows_of(without, 0, count)

    def scores() -> np.ndarray:
        return scores_of_choices(own, decide(with_errors, rows, "numba"), "numba")

    found = np.ascontiguousarray(scores()[0])
    everyone = np.ones(cities, dtype=bool)
    ranks = ranks_by_numba(found, everyone)
    tally = empty_tally(everyone, pairs=True)
    started = time.thread_time()
    loop(with_errors, rows[:4], lambda _, __: None)
    plain = (time.thread_time() - started) / 4
    fused = quickest(scores) / count
    bare = quickest(lambda: scores_of_choices(other, decide(without, rows_without, "numba"), "numba")) / count
    ranking = quickest(lambda: ranks_by_numba(found, everyone)) / count
    single = sorting(cities)
    double = quickest(lambda: np.sort(found.astype(np.float64), axis=1)) / count
    many = np.concatenate([ranks] * 4)
    pairs = quickest(lambda: add_pairs_by_numba(tally, many), 3) / (4 * count)
    draw = drawing(cities)
    return [
        ("plain loop over replications / kernel and ranking, one thread each", plain / (fused + ranking), ">= 50"),
        ("ranking / np.sort of the values in double precision", ranking / double, "<= 1.5"),
        ("ranking / np.sort of the values in single precision", ranking / single, "<= 1.5"),
        ("errors (with less without) / drawing them", (fused - bare) / draw, "<= 2"),
        ("pairs: seconds for 10,000 replications, two threads", pairs * 10_000 / 2, "<= 0.1"),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.uncertainty", description=__doc__)
    parser.add_argument("names", nargs="*", help="lines whose names hold one of these")
    parser.add_argument("--line", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.line:
        print(json.dumps(measure(given.line)))
        return
    console = Console(width=120)
    table = Table(title="Uncertainty analysis", title_justify="left", box=None)
    for column in ("what", "seconds", "allowed", "ratio", "processor", "set-up", "bound", "times", "MB", "above"):
        table.add_column(column, justify="left" if column == "what" else "right")
    picked = [name for name in LINES if not given.names or any(part in name for part in given.names)]
    for name in picked:
        with Console(stderr=True).status(f"measuring {name}"):
            script = [sys.executable, "-m", "benchmarks.uncertainty", "--line", name]
            told = json.loads(subprocess.run(script, capture_output=True, text=True, check=True).stdout)
        allowed = LINES[name][4]
        numbers = (told["wall"], allowed, told["wall"] / allowed, told["cpu"], told["setup"], told["bound"])
        table.add_row(
            name,
            *(f"{number:.2f}" for number in (*numbers, told["wall"] / told["bound"])),
            *(f"{told[key]:.0f}" for key in ("memory", "above")),
        )
    console.print(table)
    if not given.names:
        for what, ratio, allowed_ratio in ratios():
            console.print(f"{ratio:8.2f}  {allowed_ratio:7}  {what}", highlight=False)
        console.print("[dim]Sobol' indices: python -m benchmarks.sensitivity[/dim]")


if __name__ == "__main__":
    main()
