"""Memory that the operating system gets back while a build goes on, and what is not looked through for it.

What belongs here: two calls of the C library, where it is the GNU one; elsewhere they do nothing; and what Python's
collector is told. What does not: what is held in memory, and for how long.

Each thread of a process takes memory from a heap of its own, and what it frees stays there. A build has many threads
and frees what it has after every edition: at 1,000 cities a third of its memory was heaps that nobody used.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

ARENA_MAX = -8  # of mallopt, in malloc.h


@cache
def _library() -> Any:
    """The C library of this process; None where it is not the GNU one."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None


def share_one_heap() -> bool:
    """Have all threads that start from now on share one heap; whether that could be done."""
    return _library() is not None and bool(_library().mallopt(ARENA_MAX, 1))


def give_back() -> None:
    """Give free memory back to the operating system."""
    if _library() is not None:
        _library().malloc_trim(0)


def keep_what_is_loaded() -> None:
    """Have Python's search for objects that nobody needs pass over those that are there now.

    After Dagster and its like are imported they are hundreds of thousands, all of them needed until the end. To go
    through them took 0.12 s each time. When the process ends they are looked through again: what is still there then
    DuckDB's binding calls leaked, in a hundred lines on standard error.
    """
    gc.freeze()
    atexit.register(gc.unfreeze)


@contextmanager
def loading() -> Iterator[None]:
    """Have Python not search for objects that nobody needs while modules are loaded: there are next to none.

    To go through those of Dagster and its like while they became more took a fifth of the time of loading them.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
