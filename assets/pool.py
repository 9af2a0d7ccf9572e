"""Work done by several processes or threads, in its order.

What belongs here: starting them, handing out work, finding what ends a process: one that dies takes nothing with it but
what killed it. What does not: the work.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from ssc_index.errors import SscIndexError

MOST_PROCESSES = 8
# So many tasks for each process are handed out ahead: results that nobody has taken yet are held in memory.
AHEAD = 2
# If more items than these end the process that holds them, it is not the items.
MOST_LOST = 20

Item = TypeVar("Item")
Result = TypeVar("Result")


class PoolError(SscIndexError):
    """Processes die whatever they are given."""


def in_pool(
    work: Callable[[Sequence[Item]], Result], tasks: Sequence[Sequence[Item]], lost: Callable[[Item], None]
) -> Iterator[Result]:
    """Do work in several processes.

    A process can die: killed for want of memory, or by a fault in a library. What it had in hand is then done again by
    a process of its own, halved until the one item is found that ends its process; that one is left out and told.

    Args:
        work: Function of a module, of the items of a task; what it raises is raised here.
        tasks: The items, task by task.
        lost: Called with each item that ends the process that works on it, every time it is tried.

    Yields:
        The result of each task in their order, whatever finishes first; several for a task that was halved.

    Raises:
        PoolError: If more than `MOST_LOST` items are lost, or a process ends before it has any.
    """
    gone = 0

    def leave_out(item: Item) -> None:
        nonlocal gone
        gone += 1
        lost(item)
        if gone > MOST_LOST:
            raise PoolError(
                f"More than {MOST_LOST} files ended the process that read them, {item} the last. That is hardly the "
                "files: look whether the machine is short of memory, or ends processes for another reason."
            )

    waiting = deque(tasks)
    while waiting:
        with _processes(processes()) as pool:
            yield from _while_whole(pool, work, waiting, leave_out)


def side_by_side(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Do work in a thread for each of a few items; it pays where most of the time is spent in NumPy and Polars.

    Returns:
        The result of each item in their order, whatever finishes first; what the work raises is raised here.
    """
    with ThreadPoolExecutor(max(len(items), 1)) as pool:
        return list(pool.map(work, items))


def processes() -> int:
    """How many processes work beside each other."""
    return min(os.cpu_count() or 1, MOST_PROCESSES)


def _while_whole(
    pool: ProcessPoolExecutor,
    work: Callable[[Sequence[Item]], Result],
    waiting: deque[Sequence[Item]],
    leave_out: Callable[[Item], None],
) -> Iterator[Result]:
    """Results of tasks until all are done, or a process of the pool has died; then ``waiting`` holds the rest."""
    ahead: deque[tuple[Sequence[Item], Future[Result]]] = deque()
    is_whole = True
    while ahead or (waiting and is_whole):
        while is_whole and waiting and len(ahead) < AHEAD * processes():
            try:
                ahead.append((waiting[0], pool.submit(work, waiting[0])))
                waiting.popleft()
            except BrokenProcessPool:
                is_whole = False
        if ahead:
            task, future = ahead.popleft()
            try:
                yield future.result()
            except BrokenProcessPool:
                is_whole = False
                yield from _carefully(work, task, leave_out)


def _carefully(
    work: Callable[[Sequence[Item]], Result], task: Sequence[Item], leave_out: Callable[[Item], None]
) -> Iterator[Result]:
    """Results of a task by a process of its own, halved as often as that dies; of one item nothing is left."""
    with _processes(1) as pool:
        try:
            pool.submit(_started, work).result()
        except BrokenProcessPool:
            raise PoolError(
                "A process ended before it had anything to do, so it is not the files. Why stands in what it printed. "
                "Were the code or its packages changed while this ran, or the script that calls it moved?"
            ) from None
        try:
            found = [pool.submit(work, task).result()]
        except BrokenProcessPool:
            found = []
    if found:
        yield from found
    elif len(task) == 1:
        leave_out(task[0])
    else:
        middle = len(task) // 2
        yield from _carefully(work, task[:middle], leave_out)
        yield from _carefully(work, task[middle:], leave_out)


def _started(work: Callable[..., object]) -> None:
    """Nothing, but that ``work`` could be imported by the process: it does so on its way here."""


def _processes(count: int) -> ProcessPoolExecutor:
    """A pool of processes that share nothing with this one, whose threads a fork would not survive."""
    return ProcessPoolExecutor(count, mp_context=get_context("forkserver"))
