"""Sobol' indices of many outputs against SALib: ``python -m benchmarks.sensitivity``.

Score and rank of each of 1,000 cities and the mean shift of ranks (2,001 outputs), 12 groups, n = 1,024: 14,337 runs.
The first table takes the runs as given and times the estimates with their intervals, on outputs that both tools get.
The second is the whole analysis of the shared case, errors and normalisation in every run: as it is done, and with
the rows shuffled, so that the kernel can keep nothing of the run before. Ratios are of processor time.
"""

from __future__ import annotations

import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import uncertainty_case
from ssc_index.method import method_from_mapping
from ssc_index.sensitivity.model import groups_from_sizes
from ssc_index.sensitivity.ranks import RankModel, groups_of, rank_model
from ssc_index.sensitivity.sobol import Indices, indices_of_outputs, sensitivity
from ssc_index.uncertainty.case import Case, case_of

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
    """Processor seconds that SALib takes for all outputs, from a few of them, and what it found."""
    from SALib.analyze import sobol

    problem = {"num_vars": GROUPS, "names": [f"x{i}" for i in range(GROUPS)], "bounds": [[0, 1]] * GROUPS}
    columns = np.linspace(0, outputs.shape[-1] - 1, SHARE).astype(int)
    started, found = time.process_time(), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for column in columns:
            y = outputs[..., column].astype(np.float64).ravel()
            found.append((column, sobol.analyze(problem, y, False, num_resamples=resamples, seed=1)))
    return (time.process_time() - started) * outputs.shape[-1] / SHARE, found


def difference(ours: Indices, theirs: list) -> float:
    """Largest relative difference of total indices."""
    return max(float(np.abs(ours.total[:, column] / found["ST"] - 1).max()) for column, found in theirs)


def twelve_groups() -> Case:
    """The shared case with the weights of each level as a group of their own."""
    case = uncertainty_case.case(CITIES, 1, True)
    inputs = uncertainty_case.inputs(True)
    noise = inputs.pop("weights")
    inputs |= {f"weights_of_{level}": {**noise, "at": [level]} for level in uncertainty_case.LEVELS[1:]}
    section = {"seed": 2026, "replications": 1, "inputs": inputs}
    method = method_from_mapping({**case.method.as_mapping(), "uncertainty": section})
    return case_of(case.values, case.framework, method, grades=case.grades, bounds=case.bounds)


class Shuffled:
    """A model whose rows come in another order, so that a row has nothing of the one before."""

    def __init__(self, model: RankModel) -> None:
        self.model = model

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        order = np.random.Generator(np.random.Philox(1)).permutation(len(rows))
        outputs = self.model(rows[order])
        return outputs[np.argsort(order)]


def whole_analysis(console: Console) -> None:
    """The analysis with its runs."""
    case = twelve_groups()
    groups, model = groups_of(case), rank_model(case)
    table = Table(title=f"The whole analysis: {len(groups)} groups, n = {POINTS:,}, {CITIES:,} cities")
    for column in ("what", "seconds", "processor", "allowed", "ratio"):
        table.add_column(column, justify="left" if column == "what" else "right")
    keys = np.random.Generator(np.random.Philox(1)).random((POINTS * (len(groups) + 2), CITIES))
    with console.status("measuring"), ThreadPoolExecutor(2) as pool:
        sensitivity(model, groups, 64, 1)  # compilation
        done = timed(lambda: sensitivity(model, groups, POINTS, 1, run=pool.map))
        all_again = timed(lambda: sensitivity(Shuffled(model), groups, POINTS, 1, run=pool.map))
        sort = timed(lambda: np.sort(keys, axis=1))
    for what, (wall, cpu), allowed in (
        ("score and rank of each city", done, "0.8"),
        ("nothing kept of the run before", all_again, ""),
        ("np.sort of as many numbers", sort, ""),
    ):
        table.add_row(what, f"{wall:.3f}", f"{cpu:.3f}", allowed, f"{cpu / sort[1]:.1f}")
    console.print(table)


def main() -> None:
    """Measure and print."""
    outputs, console = recorded(), Console()
    model, groups = Given(outputs), groups_from_sizes({f"x{i}": 1 for i in range(GROUPS)})
    table = Table(title=f"Sobol' indices: {GROUPS} groups, n = {POINTS:,}, {outputs.shape[-1]:,} outputs")
    for column in ("what", "seconds", "processor", "ratio"):
        table.add_column(column, justify="left" if column == "what" else "right")
    with console.status("measuring"):
        sensitivity(model, groups, 64, 1)  # imports
        alone = timed(lambda: sensitivity(model, groups, POINTS, 1))
        with ThreadPoolExecutor(2) as pool:
            two = timed(lambda: sensitivity(model, groups, POINTS, 1, run=pool.map))
        table.add_row("ours, one thread", f"{alone[0]:.3f}", f"{alone[1]:.3f}", "1.0")
        table.add_row("ours, two threads", f"{two[0]:.3f}", f"{two[1]:.3f}", f"{two[1] / alone[1]:.1f}")
        for resamples in (2, 100):
            seconds, found = salib(outputs, resamples)
            name = f"SALib, {resamples} bootstraps, from {SHARE} outputs"
            table.add_row(name, "", f"{seconds:.1f}", f"{seconds / alone[1]:.0f}")
    console.print(table)
    ours = indices_of_outputs(
        tuple(group.name for group in groups),
        outputs[:, 0],
        outputs[:, -1],
        outputs[:, 1:-1].swapaxes(0, 1),
    )
    console.print(f"largest relative difference of total indices: {difference(ours, found):.1e}")
    whole_analysis(console)


if __name__ == "__main__":
    main()
