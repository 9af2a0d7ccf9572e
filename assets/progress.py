"""How long work tells how far it is, without knowing who listens.

What belongs here: the wire between a step and whoever shows a progress bar. What does not: the bar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int, int], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def shown_by(listener: Listener) -> Iterator[None]:
    """Have a listener told of all progress made inside the block: what, how many done, of how many."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def of(what: str) -> Callable[[int, int], None]:
    """A function that a step calls with the number done and the number to do."""

    def tell(done: int, total: int) -> None:
        if (listener := _listener.get()) is not None:
            listener(what, done, total)

    return tell
