"""Many replications: shared out in parts, counted, put together.

What belongs here: parts, workers, progress, when to stop. What does not: one part's arithmetic.

A part is a range of replications. Whoever computes it gets the same whole numbers, and whole numbers add up the same
in any order: serial, by threads, by processes or on a cluster.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssc_index.steps.state import Bools
from ssc_index.uncertainty.case import Case, decide, rows_of
from ssc_index.uncertainty.distribution import Figures, figures_of
from ssc_index.uncertainty.plain import loop
from ssc_index.uncertainty.prepared import Prepared, Singles, prepare, why_not
from ssc_index.uncertainty.scores import Backend, scores_of_choices
from ssc_index.uncertainty.tally import (
    Scale,
    Tally,
    add_by_numba,
    add_by_numpy,
    empty_tally,
    ranks_by_numba,
    ranks_by_numpy,
    scale_of,
)

PILOT = 64  # replications that fix the scale of the scores
ROUND = 1000  # replications between two looks at the error
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Task:
    """What every part needs to know; goes to the workers once with each part.

    Attributes:
        case: The case.
        prepared: The case laid out; None where the plain loop computes it.
        kept: Codes of the nodes that are counted, the root first.
        among: Sets of units that are ranked among themselves, by name, shape (n_units,) each.
        scales: Scale of each node's scores.
        backend: Way of computing.
    """

    case: Case
    prepared: Prepared | None
    kept: tuple[str, ...]
    among: Mapping[str, Bools]
    scales: tuple[Scale, ...]
    backend: Backend


Tallies = dict[tuple[str, str], Tally]


@dataclass(frozen=True)
class Result:
    """What an uncertainty analysis found.

    Attributes:
        case: The case.
        units: Units of the year.
        kept: Nodes with distributions, the root first.
        tallies: Counts by node and set of units.
        scales: Scale of scores by node.
        replications: How many were computed: fewer than asked for if it was interrupted or sure enough.
        way: How they were computed: ``numba``, ``numpy`` or ``plain``, and why.
    """

    case: Case
    units: tuple[str, ...]
    kept: tuple[str, ...]
    tallies: Tallies
    scales: Mapping[str, Scale]
    replications: int
    way: str

    def figures(self, node: str, among: str = "all") -> Figures:
        """Figures of a node."""
        return figures_of(self.tallies[node, among], self.scales[node])


def run_uncertainty(
    case: Case,
    among: Mapping[str, Bools] | None = None,
    backend: Backend = "numba",
    workers: int | None = None,
    executor: Executor | Any = None,
    progress: Progress | None = None,
    part: int | None = None,
) -> Result:
    """Compute the replications that a case asks for.

    Args:
        case: The case.
        among: Sets of units that are ranked among themselves, by name, shape (n_units,); ``all`` is always there.
        backend: ``numba``, or ``numpy`` alone.
        workers: Threads; None takes one for each processor. 1 is serial.
        executor: Takes the parts instead of threads: anything with ``submit`` whose futures `as_completed` knows,
            such as a pool of processes.
        progress: Told replications done and asked for, in any order of parts.
        part: Replications in a part; None fits it to the number of units. It changes no number.

    Returns:
        The counts. After an interrupt (Ctrl-C) those of the parts that were done, if any.

    Raises:
        ComputationError: If a replication has no value by a step's own definition.
    """
    task, way = _task(case, among, backend)
    total = case.section.replications
    n_units = case.rows.stop - case.rows.start
    size = part or max(16, min(256, 2**18 // max(n_units, 1)))
    tallies = _empty(task)
    done = 0
    for start, stop in _rounds(case):
        parts = [(begin, min(begin + size, stop)) for begin in range(start, stop, size)]
        try:
            for tally, count in _computed(task, parts, workers, executor):
                _merge(tallies, tally)
                done += count
                if progress is not None:
                    progress(done, total)
        except KeyboardInterrupt:
            if not done:
                raise
            break
        if _sure(task, tallies):
            break
    return Result(
        case,
        case.values.units[case.rows],
        task.kept,
        tallies,
        dict(zip(task.kept, task.scales, strict=True)),
        done,
        way,
    )


def _task(case: Case, among: Mapping[str, Bools] | None, backend: Backend) -> tuple[Task, str]:
    """Prepare a case, and fit the scales to its first replications."""
    reasons = why_not(case)
    prepared = None if reasons else prepare(case)
    everyone = np.ones(case.rows.stop - case.rows.start, dtype=bool)
    sets = {"all": everyone, **(among or {})}
    bare = Task(case, prepared, case.kept, sets, (), backend)
    sample = _scores(bare, 0, PILOT)
    scales = tuple(scale_of(sample[slot]) for slot in range(len(case.kept)))
    way = backend if prepared is not None else f"plain ({'; '.join(reasons)})"
    return Task(case, prepared, case.kept, sets, scales, backend), way


def _empty(task: Task) -> Tallies:
    """Nothing counted."""
    root = task.case.framework.root.code
    return {
        (node, name): empty_tally(among, pairs=node == root) for node in task.kept for name, among in task.among.items()
    }


def _merge(into: Tallies, other: Tallies) -> None:
    """Add the counts of other replications."""
    for key, tally in other.items():
        into[key].merge(tally)


def _rounds(case: Case) -> Iterator[tuple[int, int]]:
    """Ranges of replications after each of which it may stop."""
    total = case.section.replications
    step = total if case.section.until is None else ROUND
    for start in range(0, total, step):
        yield start, min(start + step, total)


def _sure(task: Task, tallies: Tallies) -> bool:
    """Whether every mean rank of the root is as sure as asked for."""
    until = task.case.section.until
    if until is None:
        return False
    figures = figures_of(tallies[task.case.framework.root.code, "all"], task.scales[0])
    return bool(np.nanmax(figures.mean_rank_error) <= until.mean_rank_error)


def _computed(
    task: Task, parts: list[tuple[int, int]], workers: int | None, executor: Executor | Any
) -> Iterator[tuple[Tallies, int]]:
    """Counts of parts as they come in."""
    workers = workers or os.cpu_count() or 1
    if executor is not None:
        futures = [executor.submit(count_part, task, [part]) for part in parts]
        for future in as_completed(futures):
            yield future.result()
        return
    if workers == 1 or len(parts) == 1:
        for part in _bunches(parts, max(1, len(parts) // 50)):
            yield count_part(task, part)
        return
    with ThreadPoolExecutor(workers) as pool:
        bunches = _bunches(parts, max(1, len(parts) // (8 * workers)))
        threads = [pool.submit(count_part, task, bunch) for bunch in bunches]
        try:
            for thread in as_completed(threads):
                yield thread.result()
        except BaseException:
            for thread in threads:
                thread.cancel()
            raise


def _bunches(parts: list[tuple[int, int]], size: int) -> list[list[tuple[int, int]]]:
    """Parts that one worker counts into the same tally."""
    return [parts[start : start + size] for start in range(0, len(parts), size)]


def count_part(task: Task, parts: list[tuple[int, int]]) -> tuple[Tallies, int]:
    """Count the replications of some parts.

    Returns:
        The counts, and how many replications they are of.
    """
    tallies = _empty(task)
    for start, stop in parts:
        scores = _scores(task, start, stop)
        for slot, node in enumerate(task.kept):
            own = np.ascontiguousarray(scores[slot])
            for name, among in task.among.items():
                if task.backend == "numba":
                    add_by_numba(tallies[node, name], task.scales[slot], own, ranks_by_numba(own, among))
                else:
                    add_by_numpy(tallies[node, name], task.scales[slot], own, ranks_by_numpy(own, among))
    return tallies, sum(stop - start for start, stop in parts)


def _scores(task: Task, start: int, stop: int) -> Singles:
    """Scores of replications, shape (n_kept, n, n_units)."""
    case = task.case
    rows = rows_of(case, start, stop)
    if task.prepared is not None:
        return scores_of_choices(task.prepared, decide(case, rows), task.backend)
    columns = [case.position[node] for node in task.kept]
    found = np.empty((len(columns), stop - start, case.rows.stop - case.rows.start), dtype=np.float32)

    def keep(at: int, scores: Any) -> None:
        found[:, at] = scores[:, columns].T

    loop(case, rows, keep)
    return found
