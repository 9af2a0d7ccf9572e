"""How the process of a command ends: as soon as its work is done.

What belongs here: its end. What does not: which status a command ends with (`console.py`).

Python would take everything apart before it ends, object by object and several times over. After a build, with Dagster
and its like loaded, that took a second, for memory that the operating system takes back by itself.
"""

from __future__ import annotations

import atexit
import os
import sys

_status: list[int] = []


def end_with(status: int) -> None:
    """Have this process end with a status once its threads have ended and what is registered for the end is done."""
    _status.append(status)


@atexit.register
def _end() -> None:
    """End at once; registered before what commands load, so that what that registers is done by then."""
    if _status:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_status[-1])
