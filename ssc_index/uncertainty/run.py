"""Many replications: shared out in parts, counted, put together.

What belongs here: parts, workers, progress, when to stop. What does not: one part's arithmetic.

A part is a range of replications. Whoever computes it gets the same whole numbers, and whole numbers add up the same
in any order: serial, by threads, by processes or on a cluster.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from queue import Empty, SimpleQueue
from threading import Event, Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_index.index import run_steps
from ssc_index.method import Rank
from ssc_index.steps.state import Bools, all_scores
from ssc_index.uncertainty.case import Backend, Case, decide, rows_of
from ssc_index.uncertainty.distribution import Figures, figures_of
from ssc_index.uncertainty.plain import loop
from ssc_index.uncertainty.prepared import Prepared, Singles, prepare, why_not
from ssc_index.uncertainty.scores import scores_of_choices
from ssc_index.uncertainty.tally import (
    Ranks,
    Scale,
    Tally,
    add_by_numba,
    add_by_numpy,
    add_pairs_by_numba,
    add_pairs_by_numpy,
    empty_tally,
    ranks_by_numba,
    ranks_by_numpy,
    ranks_by_rule,
    scale_of,
)
from ssc_index.values import Floats

PILOT = 64  # replications that fix the scale of the scores
ROUND = 1000  # replications between two looks at the error
MANY = 2048  # replications after which pairs of units are compared: the more at once, the less each costs
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Task:
    """What every part needs to know; goes to the workers once with each part.

    Attributes:
        case: The case.
        prepared: The case laid out; None where the plain loop computes it.
        kept: Codes of the nodes that are counted, the root first.
        among: Sets of units that are ranked among themselves, by name, shape (n_units,) each: ``all`` at every
            node, the others at the root.
        scales: Scale of each node's scores.
        backend: Way of computing.
        pairs: Whether pairs of units are compared.
    """

    case: Case
    prepared: Prepared | None
    kept: tuple[str, ...]
    among: Mapping[str, Bools]
    scales: tuple[Scale, ...]
    backend: Backend
    pairs: bool


Tallies = dict[tuple[str, str], Tally]
Locks = dict[tuple[str, str], Lock]


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
        interrupted: Whether it was interrupted.
        prepared: The case laid out for the kernel; None where the plain loop computed it.
    """

    case: Case
    units: tuple[str, ...]
    kept: tuple[str, ...]
    tallies: Tallies
    scales: Mapping[str, Scale]
    replications: int
    way: str
    interrupted: bool = False
    prepared: Prepared | None = None

    @cached_property
    def nominal(self) -> Floats:
        """Scores of the method as it stands, of the nodes that are kept, shape (n_units, n_kept)."""
        case = self.case
        state, _ = run_steps(case.values, case.framework, case.method)
        return all_scores(state)[case.rows][:, [case.position[node] for node in self.kept]]

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
    pairs: bool = True,
) -> Result:
    """Compute the replications that a case asks for.

    Args:
        case: The case.
        among: Sets of units that are ranked among themselves, by name, shape (n_units,); ``all`` is always there,
            the others are ranked at the root only.
        backend: ``numba``, or ``numpy`` alone.
        workers: Threads; None takes one for each processor. 1 is serial.
        executor: Takes the parts instead of threads: anything with ``submit`` whose futures `as_completed` knows,
            such as a pool of processes or the executor of a Dask client. ``workers`` tells how many it has.
        progress: Told replications done and asked for, in any order of parts. It may raise `KeyboardInterrupt`, which
            ends the analysis with what was counted, and not amid a sum.
        part: Replications in a part; None fits it to the number of units. It changes no number.
        pairs: Whether pairs of units are compared, where there are no more than 2,000: without it no tiers either.

    Returns:
        The counts. After an interrupt (Ctrl-C) those of the parts that were done, if any.

    Raises:
        ComputationError: If a replication has no value by a step's own definition.
    """
    task, way = _task(case, among, backend, pairs)
    total = case.section.replications
    n_units = case.rows.stop - case.rows.start
    # The plain way takes long over each, and an interrupt waits for the parts in hand.
    size = max(16, 512 * 1024 // max(n_units, 1024)) if task.prepared is not None else 8
    workers = workers or os.cpu_count() or 1
    tallies = _empty(task)
    done, interrupted = 0, False

    def tell(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    for start, stop in _rounds(case):
        step = part or _even(stop - start, size, workers)
        parts = [(begin, min(begin + step, stop)) for begin in range(start, stop, step)]
        try:
            _count(task, tallies, parts, workers, executor, tell)
        except KeyboardInterrupt:
            if not _replications(tallies):
                raise
            interrupted = True
            break
        if _sure(task, tallies):
            break
    scales = dict(zip(task.kept, task.scales, strict=True))
    count = _replications(tallies)
    units = case.values.units[case.rows]
    return Result(case, units, task.kept, tallies, scales, count, way, interrupted, task.prepared)


def _even(count: int, most: int, workers: int) -> int:
    """Size of parts, no more than so many replications each, that come out even for all workers.

    >>> _even(10_000, 512, 2), _even(100, 512, 2)
    (500, 50)
    """
    turns = -(-count // (most * workers))
    return -(-count // (turns * workers))


def _task(case: Case, among: Mapping[str, Bools] | None, backend: Backend, pairs: bool = True) -> tuple[Task, str]:
    """Prepare a case, and fit the scales to its first replications."""
    reasons = why_not(case)
    prepared = None if reasons else prepare(case, backend)
    everyone = np.ones(case.rows.stop - case.rows.start, dtype=bool)
    sets = {"all": everyone, **(among or {})}
    bare = Task(case, prepared, case.kept, sets, (), backend, pairs)
    sample = _scores(bare, 0, PILOT)
    scales = tuple(scale_of(sample[slot]) for slot in range(len(case.kept)))
    way = backend if prepared is not None else f"plain ({'; '.join(reasons)})"
    return replace(bare, scales=scales), way


def _empty(task: Task) -> Tallies:
    """Nothing counted."""
    root = task.case.framework.root.code
    return {
        (node, name): empty_tally(among, pairs=task.pairs and node == root)
        for node in task.kept
        for name, among in task.among.items()
        if name == "all" or node == root
    }


def _locks(tallies: Tallies) -> Locks:
    """A lock for each tally."""
    return {key: Lock() for key in tallies}


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


def _replications(tallies: Tallies) -> int:
    """How many replications were counted."""
    return next(iter(tallies.values())).replications


def _count(
    task: Task,
    tallies: Tallies,
    parts: list[tuple[int, int]],
    workers: int,
    executor: Executor | Any,
    tell: Callable[[int], None],
) -> None:
    """Count parts into tallies. What was counted before an exception, such as an interrupt, is in them too."""
    if executor is None:
        _count_by_threads(task, tallies, [[part] for part in parts], workers, tell)
        return
    together = max(1, min(len(parts) // (8 * workers), MANY // (parts[0][1] - parts[0][0])))
    bunches = [parts[start : start + together] for start in range(0, len(parts), together)]
    packed = Packed.of(task)
    futures = {executor.submit(count_packed, packed, bunch) for bunch in bunches}
    try:
        for future in as_completed(futures):
            counted, count = future.result()
            futures.discard(future)
            _merge(tallies, counted)
            tell(count)
    finally:
        for future in futures:
            future.cancel()


def _count_by_threads(
    task: Task, tallies: Tallies, bunches: list[list[tuple[int, int]]], workers: int, tell: Callable[[int], None]
) -> None:
    """The same by threads, which share the tallies: one at a time adds to each, so that they are there only once."""
    told: SimpleQueue[int | None] = SimpleQueue()
    left, stop, locks = SimpleQueue[list[tuple[int, int]]](), Event(), _locks(tallies)
    for bunch in bunches:
        left.put(bunch)

    def work() -> None:
        try:
            with Comparison(task, tallies, locks) as comparison:
                while not stop.is_set():
                    told.put(_count_into(task, tallies, locks, comparison, left.get_nowait()))
        except Empty:
            pass
        except BaseException:
            stop.set()
            raise
        finally:
            told.put(None)

    with ThreadPoolExecutor(workers) as pool:
        threads = [pool.submit(work) for _ in range(workers)]
        try:
            for _ in threads:
                while (count := told.get()) is not None:
                    tell(count)
        finally:
            stop.set()
            for thread in threads:
                thread.result()


@dataclass(frozen=True)
class Packed:
    """A task on its way to workers: packed once, and unpacked once by each.

    Attributes:
        data: The task, pickled.
        sha256: Hash of it, by which a worker knows it again.
    """

    data: bytes
    sha256: str

    @classmethod
    def of(cls, task: Task) -> Packed:
        """Pack a task."""
        data = pickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL)
        return cls(data, hashlib.sha256(data).hexdigest())

    def __hash__(self) -> int:
        return hash(self.sha256)


@lru_cache(maxsize=1)
def _unpacked(packed: Packed) -> Task:
    """The task, as a worker keeps it from one bunch of parts to the next."""
    task: Task = pickle.loads(packed.data)
    return task


def count_packed(packed: Packed, parts: list[tuple[int, int]]) -> tuple[Tallies, int]:
    """As `count_parts`, by a worker in another process."""
    return count_parts(_unpacked(packed), parts)


def count_parts(task: Task, parts: list[tuple[int, int]]) -> tuple[Tallies, int]:
    """Count the replications of some parts: what a worker anywhere does.

    Returns:
        The counts, and how many replications they are of.
    """
    tallies = _empty(task)
    locks = _locks(tallies)
    with Comparison(task, tallies, locks) as comparison:
        return tallies, _count_into(task, tallies, locks, comparison, parts)


class Comparison:
    """Ranks that wait until there are enough to compare all pairs of units at once; the rest at the end of a block."""

    def __init__(self, task: Task, tallies: Tallies, locks: Locks) -> None:
        self._add_pairs, self._tallies, self._locks = _WAYS[task.backend][2], tallies, locks
        self._waiting: dict[tuple[str, str], list[NDArray[np.int16]]] = {
            key: [] for key, tally in tallies.items() if tally.ahead.size
        }

    def __enter__(self) -> Comparison:
        return self

    def __exit__(self, *_: object) -> None:
        for key in self._waiting:
            self._compare(key)

    def note(self, key: tuple[str, str], ranks: Ranks) -> None:
        """Take ranks, if the pairs of their tally are counted: no more than 2,000 units, so that they are short."""
        if key in self._waiting:
            self._waiting[key].append(ranks.astype(np.int16))
            if sum(map(len, self._waiting[key])) >= MANY:
                self._compare(key)

    def _compare(self, key: tuple[str, str]) -> None:
        if not self._waiting[key]:
            return
        tally = self._tallies[key]
        own = replace(tally, ahead=np.zeros_like(tally.ahead))
        self._add_pairs(own, np.concatenate(self._waiting[key]))
        self._waiting[key] = []
        with self._locks[key]:
            np.add(tally.ahead, own.ahead, out=tally.ahead)


def _count_into(
    task: Task, tallies: Tallies, locks: Locks, comparison: Comparison, parts: list[tuple[int, int]]
) -> int:
    """Count the replications of some parts into tallies; how many they are."""
    rank, add, _ = _WAYS[task.backend]
    rule = task.case.method.rank
    for start, stop in parts:
        scores = _scores(task, start, stop)
        for slot, node in enumerate(task.kept):
            exact = np.ascontiguousarray(scores[slot])
            own = exact.astype(np.float32, copy=False)
            for name, among in task.among.items():
                if (key := (node, name)) not in tallies:
                    continue
                ranks = rank(own, among) if rule == Rank() else ranks_by_rule(rule, exact, among)
                with locks[key]:
                    add(tallies[key], task.scales[slot], own, ranks)
                comparison.note(key, ranks)
    return sum(stop - start for start, stop in parts)


_WAYS = {
    "numba": (ranks_by_numba, add_by_numba, add_pairs_by_numba),
    "numpy": (ranks_by_numpy, add_by_numpy, add_pairs_by_numpy),
}


def _scores(task: Task, start: int, stop: int) -> Singles | Floats:
    """Scores of replications, shape (n_kept, n, n_units); the plain way gives them with all their digits."""
    case = task.case
    rows = rows_of(case, start, stop)
    if task.prepared is not None:
        return scores_of_choices(task.prepared, decide(case, rows, task.backend), task.backend)
    columns = [case.position[node] for node in task.kept]
    found = np.empty((len(columns), stop - start, case.rows.stop - case.rows.start))

    def keep(at: int, scores: Any) -> None:
        found[:, at] = scores[:, columns].T

    loop(case, rows, keep)
    return found
