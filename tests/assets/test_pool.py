"""Processes and threads beside each other: results in order, and a process that dies takes only what killed it."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

import pytest
from deadly import doubled, orphaned

from assets import pool
from assets.pool import PoolError, in_pool, side_by_side


def done(tasks: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    lost: list[int] = []
    return [number for result in in_pool(doubled, tasks, lost.append) for number in result], lost


def test_results_come_in_the_order_of_the_tasks() -> None:
    assert done([[3, 1], [2], [5, 4, 6]]) == ([6, 2, 4, 10, 8, 12], [])


def test_only_what_ends_its_process_is_left_out() -> None:
    tasks = [[1, 2], [3, 4, -5, 6], [7], *([number] for number in range(8, 20))]
    assert done(tasks) == ([2 * number for number in range(1, 20) if number != 5], [-5])


def test_where_everything_dies_it_is_not_the_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MOST_LOST", 1)
    with pytest.raises(PoolError, match=r"More than 1 files ended .* -2 the last\. .* short of memory"):
        done([[-1, -2, -3]])


def test_a_process_that_cannot_even_start_blames_no_item() -> None:
    lost: list[int] = []
    with pytest.raises(PoolError, match="before it had anything to do"):
        list(in_pool(orphaned, [[1], [2]], lost.append))
    assert lost == []


def test_nothing_to_do_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_processes", None)
    assert done([]) == ([], [])


def test_threads_work_beside_each_other_and_their_results_are_in_order() -> None:
    last_is_done = Event()

    def work(number: int) -> int:
        if number == 1:  # would wait in vain if the other came after it
            assert last_is_done.wait(5)
        else:
            last_is_done.set()
        return 2 * number

    assert side_by_side(work, [1, 2]) == [2, 4]
    assert side_by_side(work, []) == []


def test_what_a_thread_raises_is_raised() -> None:
    def work(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        return number

    with pytest.raises(ValueError, match="two"):
        side_by_side(work, [1, 2, 3])
