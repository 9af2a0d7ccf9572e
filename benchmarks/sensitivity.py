"""Sobol' indices of many outputs against SALib: ``python -m benchmarks.sensitivity``.

Score and rank of each of 1,000 cities and the mean shift of ranks (2,001 outputs), 12 groups, n = 1,024: 14,337 runs.
The first lines take the runs as given and time the estimates with their intervals, on outputs that both tools get.
"""

from __future__ import annotations

import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from rich.console import Console
from rich.table import Table

from ssc_index.sensitivity.model import groups_from_sizes
from ssc_index.sensitivity.sobol import Indices, indices_of_outputs, sensitivity

GROUPS, POINTS, CITIES, SHARE = 12, 1_024, 1_000, 4


def recorded() -> np.ndarray:
    """Outputs of all runs, shape (n, groups + 2, outputs): A, each AB in order, B; an additive model with noise."""
    random = np.random.Generator(np.random.Philox(2026))
    a, b = random.random((2, POINTS, GROUPS))
    rows = np.repeat(a[:, None], GROUPS + 2, axis=1)
    for group in range(GROUPS):
        rows[:, group + 1, group] = b[:, group]
    rows[:, -1] = b
    outputs = rows @ random.random((GROUPS, 2 * CITIES + 1)) + 50.0
    return outputs.astype(np.float32)


class Given:
    """Runs that cost nothing: the same outputs for every block of rows."""

    def __init__(self, outputs: np.ndarray) -> None:
        self.outputs = outputs.reshape(-1, outputs.shape[-1])

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        return self.outputs[: len(rows)]


def timed(call) -> tuple[float, float]:
    """Wall and processor seconds, the quickest of three."""
    found = []
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    return min(found)


def salib(outputs: np.ndarray, resamples: int) -> tuple[float, list]:
    """Seconds that SALib takes for all outputs, from a share of them, and what it found."""
    from SALib.analyze import sobol

    problem = {"num_vars": GROUPS, "names": [f"x{i}" for i in range(GROUPS)], "bounds": [[0, 1]] * GROUPS}
    columns = np.linspace(0, outputs.shape[-1] - 1, SHARE).astype(int)
    started, found = time.perf_counter(), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for column in columns:
            y = outputs[..., column].astype(np.float64).ravel()
            found.append((column, sobol.analyze(problem, y, False, num_resamples=resamples, seed=1)))
    return (time.perf_counter() - started) * outputs.shape[-1] / SHARE, found


def difference(ours: Indices, theirs: list) -> float:
    """Largest relative difference of total indices."""
    return max(float(np.abs(ours.total[:, column] / found["ST"] - 1).max()) for column, found in theirs)


def main() -> None:
    """Measure and print."""
    outputs, console = recorded(), Console()
    model, groups = Given(outputs), groups_from_sizes({f"x{i}": 1 for i in range(GROUPS)})
    table = Table(title=f"Sobol' indices: {GROUPS} groups, n = {POINTS:,}, {outputs.shape[-1]:,} outputs")
    for column in ("what", "seconds", "processor", "times ours"):
        table.add_column(column, justify="left" if column == "what" else "right")
    with console.status("measuring"):
        sensitivity(model, groups, 64, 1)  # imports
        alone = timed(lambda: sensitivity(model, groups, POINTS, 1))
        with ThreadPoolExecutor(2) as pool:
            two = timed(lambda: sensitivity(model, groups, POINTS, 1, run=pool.map))
        table.add_row("ours: points, estimates and errors, one thread", f"{alone[0]:.3f}", f"{alone[1]:.3f}", "1.0")
        table.add_row("ours, two threads", f"{two[0]:.3f}", f"{two[1]:.3f}", f"{two[0] / alone[0]:.1f}")
        for resamples in (2, 100):
            seconds, found = salib(outputs, resamples)
            name = f"SALib, {resamples} bootstraps ({SHARE} outputs timed, scaled up)"
            table.add_row(name, f"{seconds:.1f}", "", f"{seconds / alone[0]:.0f}")
    console.print(table)
    ours = indices_of_outputs(
        tuple(group.name for group in groups),
        outputs[:, 0],
        outputs[:, -1],
        outputs[:, 1:-1].swapaxes(0, 1),
    )
    console.print(f"largest relative difference of total indices: {difference(ours, found):.1e}")


if __name__ == "__main__":
    main()
