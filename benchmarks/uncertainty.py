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
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import njit
from rich.console import Console
from rich.table import Table

from benchmarks.uncertainty_case import case
from ssc_index.sensitivity.ranks import groups_of, rank_model
from ssc_index.sensitivity.sobol import sensitivity
from ssc_index.uncertainty import kernel
from ssc_index.uncertainty.case import Backend, decide, rows_of
from ssc_index.uncertainty.plain import loop
from ssc_index.uncertainty.prepared import LANES, prepare, why_not
from ssc_index.uncertainty.run import run_uncertainty
from ssc_index.uncertainty.scores import scores_of_choices
from ssc_index.uncertainty.tally import add_pairs_by_numba, empty_tally, ranks_by_numba


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        cities: Number of cities.
        replications: Number of replications.
        allowed: Seconds allowed.
        measured: Whether values have errors, and are normalised in each replication.
        way: ``numba`` or ``numpy``.
        pairs: Whether all pairs of cities are compared.
    """

    cities: int
    replications: int
    allowed: float
    measured: bool = True
    way: Backend = "numba"
    pairs: bool = False


SOBOL, COMPILATION = "Sobol' indices, 12 groups, n = 1,024, 1,000 cities", "compilation, once on a machine"
LINES = {
    "1,000 x 10,000": Line(1_000, 10_000, 0.8),
    "1,000 x 10,000, all pairs compared": Line(1_000, 10_000, 0.9, pairs=True),
    "1,000 x 10,000, discrete choices and weights": Line(1_000, 10_000, 0.15, measured=False),
    "100 x 10,000": Line(100, 10_000, 0.2),
    "1,000 x 100,000": Line(1_000, 100_000, 8),
    "10,000 x 10,000": Line(10_000, 10_000, 9),
    "1,000 x 10,000, NumPy alone": Line(1_000, 10_000, 3, way="numpy"),
}
ALLOWED = {**{name: line.allowed for name, line in LINES.items()}, SOBOL: 0.8, COMPILATION: 15}
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
    words, drawn = np.empty(kernel.TILE // 4, np.uint64), np.empty(kernel.TILE, np.float32)
    tiles = max(1, cells // kernel.TILE)

    draw = njit(nogil=True)(_draw_tiles)  # calls from Python would take longer than the errors
    draw(np.uint64(7), tiles, words, drawn)
    return quickest(lambda: draw(np.uint64(7), tiles, words, drawn), 40) * cells / (tiles * kernel.TILE)


def _draw_tiles(key: np.uint64, tiles: int, words: np.ndarray, drawn: np.ndarray) -> None:
    """The errors of a replication, tile after tile, as the kernel draws them."""
    for tile in range(tiles):
        kernel.fill_normals(key, tile, kernel.TILE, words, drawn)


def sorting(cities: int) -> float:
    """Seconds to sort the scores of one replication."""
    scores = np.random.default_rng(1).random((64, cities), dtype=np.float32)
    return quickest(lambda: np.sort(scores, axis=1), 40) / 64


def measure(name: str) -> dict[str, float]:
    """One line of the table, in this process."""
    if name == COMPILATION:
        return compilation()
    line = LINES.get(name, Line(1_000, 1, ALLOWED[name]))
    run_uncertainty(case(50, 20, line.measured), backend=line.way, pairs=line.pairs)
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    if name == SOBOL:
        return sobol(loaded)
    what = case(line.cities, line.replications, line.measured)
    started = time.perf_counter()
    why_not(what)
    prepare(what, line.way)
    setup = time.perf_counter() - started
    found = []
    for _ in range(3 if line.cities * line.replications <= 10**7 else 1):
        what = case(line.cities, line.replications, line.measured)  # a case keeps what it has found of itself
        wall, cpu = time.perf_counter(), time.process_time()
        run_uncertainty(what, backend=line.way, pairs=line.pairs)
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = min(found)
    once = sorting(line.cities) + (drawing(line.cities) if line.measured else 0.0)
    bound = line.replications * once / (os.cpu_count() or 1)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {
        "wall": wall,
        "cpu": cpu,
        "setup": setup,
        "bound": bound,
        "memory": memory,
        "above": memory - loaded,
    }


def sobol(loaded: float) -> dict[str, float]:
    """The line of Sobol' indices: the whole analysis, runs and estimates with their intervals."""
    from benchmarks.sensitivity import GROUPS, POINTS, twelve_groups

    what = twelve_groups()
    started = time.perf_counter()
    groups, model = groups_of(what), rank_model(what)
    setup = time.perf_counter() - started
    found = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for n in (64, POINTS, POINTS, POINTS):
            wall, cpu = time.perf_counter(), time.process_time()
            sensitivity(model, groups, n, 1, run=pool.map)
            found.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = min(found[1:])
    # Errors are drawn for A, for B, and for A with the errors of B; every run is ranked.
    bound = POINTS * (3 * drawing(what.rows.stop) + (GROUPS + 2) * sorting(what.rows.stop)) / (os.cpu_count() or 1)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {
        "wall": wall,
        "cpu": cpu,
        "setup": setup,
        "bound": bound,
        "memory": memory,
        "above": memory - loaded,
    }


FIRST_USE = """
import json, time
from benchmarks.uncertainty_case import case
from ssc_index.uncertainty.run import run_uncertainty
wall, cpu = time.perf_counter(), time.process_time()
for measured in (True, False):
    run_uncertainty(case(50, 20, measured), workers=1)
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))
"""


def compilation() -> dict[str, float]:
    """The line of the first use: what it takes more than the second, with nothing kept from before."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        script = [sys.executable, "-c", FIRST_USE]
        first, second = (
            json.loads(subprocess.run(script, capture_output=True, text=True, check=True, env=environment).stdout)
            for _ in range(2)
        )
    wall, cpu = (one - other for one, other in zip(first, second, strict=True))
    return {"wall": wall, "cpu": cpu, "setup": 0.0, "bound": float("nan"), "memory": 0.0, "above": 0.0}


def ratios() -> list[tuple[str, float, str]]:
    """What a stranger's machine should show too: processor times of one thread, 1,000 cities."""
    cities, count = 1_000, 256
    with_errors, without = case(cities, count, True), case(cities, count, False)
    own, other = prepare(with_errors, "numba"), prepare(without, "numba")
    rows, rows_without = rows_of(with_errors, 0, count), rows_of(without, 0, count)

    def scores() -> np.ndarray:
        return scores_of_choices(own, decide(with_errors, rows, "numba"), "numba")

    still = rows.copy()
    still[:, with_errors.names.index("errors")] = np.nan  # the values as they are, but scaled and added up anew

    found = np.ascontiguousarray(scores()[0])
    everyone = np.ones(cities, dtype=bool)
    ranks = ranks_by_numba(found, everyone)
    tally = empty_tally(everyone, pairs=True)
    started = time.thread_time()
    loop(with_errors, rows[:4], lambda _, __: None)
    plain = (time.thread_time() - started) / 4
    fused = quickest(scores) / count
    bare = quickest(lambda: scores_of_choices(other, decide(without, rows_without, "numba"), "numba")) / count
    unmoved = quickest(lambda: scores_of_choices(own, decide(with_errors, still, "numba"), "numba")) / count
    ranking = quickest(lambda: ranks_by_numba(found, everyone)) / count
    single = sorting(cities)
    doubles = found.astype(np.float64)
    room = doubles.copy()

    def sort() -> None:
        np.copyto(room, doubles)  # not into new memory: that would take longer than the sort
        room.sort(axis=1)

    double = quickest(sort) / count
    many = np.concatenate([ranks.astype(np.int16)] * 8)
    pairs = quickest(lambda: add_pairs_by_numba(tally, many), 3) / (8 * count)
    draw = drawing(cities)
    return [
        ("plain loop over replications / kernel and ranking, one thread each", plain / (fused + ranking), ">= 50"),
        ("ranking / np.sort of the values in double precision", ranking / double, "<= 1.5"),
        ("ranking / np.sort of the values in single precision", ranking / single, "<= 1.5"),
        ("errors drawn and added, within bounds / drawing them", (fused - unmoved) / draw, "<= 2"),
        ("all that errors bring, scales and means taken anew / drawing them", (fused - bare) / draw, ""),
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
    # Not where it is measured: a process that has compiled is 100 MB larger.
    subprocess.run([sys.executable, "-c", FIRST_USE], capture_output=True, check=True)
    picked = [name for name in ALLOWED if not given.names or any(part in name for part in given.names)]
    for name in picked:
        with Console(stderr=True).status(f"measuring {name}"):
            script = [sys.executable, "-m", "benchmarks.uncertainty", "--line", name]
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # as the command line has it
            done = subprocess.run(script, capture_output=True, text=True, check=True, env=environment)
            told = json.loads(done.stdout)
        allowed = ALLOWED[name]
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
        console.print("[dim]Sobol' indices against SALib: python -m benchmarks.sensitivity[/dim]")


if __name__ == "__main__":
    main()
