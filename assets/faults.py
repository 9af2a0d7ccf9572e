"""Which failures are worth a second try.

What belongs here: judging an error. What does not: how often and when a step is tried again (`pipelines/jobs.py`).
"""

from __future__ import annotations

from assets.warehouse import UnreadableError
from ssc_index.errors import SscIndexError


def may_pass(error: BaseException) -> bool:
    """Whether a step that failed with an error may come through some minutes later.

    A warehouse of another version, a method file with a fault or a mart that fails its checks are the same in two
    minutes; a full disk or a file server that is away are not. A warehouse that cannot be opened may be either: a
    disk that was full, or somebody else's reader.
    """
    return isinstance(error, UnreadableError) or not isinstance(error, SscIndexError)
