"""What an error says stays in the house: run history and notices tell that a step failed, a private file tells why.

What belongs here: where the texts of errors go. What does not: raising them. Errors name city, cell and value, so that
someone can act on them; Dagster keeps what it is told in its history, shows it in its UI and hands it to whatever
listens.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import dagster as dg

from assets.faults import may_pass
from assets.workspace import Workspace
from intake.private import written_in_place

FILE = "errors.jsonl"
# Metadata of a failed step: the class of its error, which names no city.
KIND = "kind"
# Tag of a run whose steps are tried again: seconds to wait before each further attempt. Dagster's own retry policy
# would also try again what was interrupted: a run that is cancelled or out of time would go on.
TRY_AGAIN_AFTER = "ssc-index/try_again_after"

Asset = Callable[..., Iterator[dg.MaterializeResult[None]]]


def confidential(asset: Asset) -> Asset:
    """An asset whose errors reach Dagster without their text; the text goes to the private file of its workspace.

    What may pass is tried again, where the run says so. An interruption is no error: it ends the run.
    """

    @functools.wraps(asset)
    def wrapped(*arguments: Any, **named: Any) -> Iterator[dg.MaterializeResult[None]]:
        workspace = next(one for one in (*arguments, *named.values()) if hasattr(one, "workspace")).workspace
        try:
            yield from asset(*arguments, **named)
        except Exception as error:
            kind, context = type(error).__name__, dg.OpExecutionContext.get()
            told = f"{context.op.name}: {kind}: {error}"
            kept = _keep(workspace, {"run_id": context.run_id, "error": told, "trace": _trace(error)})
            failure = dg.Failure(f"{kind}: {kept}", metadata={KIND: kind})
            waits = [int(one) for one in context.run.tags.get(TRY_AGAIN_AFTER, "").split()]
            if waits and may_pass(error):
                wait = waits[min(context.retry_number, len(waits) - 1)]
                raise dg.RetryRequested(max_retries=len(waits), seconds_to_wait=wait) from failure
            raise failure from None

    return wrapped


def texts_of(workspace: Workspace, run_id: str) -> list[str]:
    """What the errors of a run said, in the order of their coming."""
    path = place(workspace)
    if not path.is_file():
        return []
    told = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError, KeyError, TypeError):  # cut off when the disk was full, or when the power was lost
            one = json.loads(line)
            told += [one["error"]] if one["run_id"] == run_id else []
    return told


def forget(workspace: Workspace, runs: Collection[str]) -> int:
    """Remove what the errors of some runs said.

    Args:
        workspace: The workspace.
        runs: Ids of runs whose history is deleted.

    Returns:
        How many lines went; a line that cannot be read goes too.
    """
    path = place(workspace)
    if not path.is_file():
        return 0
    with _locked(path) as file:
        file.seek(0)
        lines = file.readlines()
        kept = [line for line in lines if _run_of(line) not in (None, *runs)]
        if len(kept) < len(lines):  # whoever is killed here has the old file or the new one, never a part
            with written_in_place(path, path) as new:
                new.writelines(kept)
    return len(lines) - len(kept)


@contextmanager
def _locked(path: Path) -> Iterator[TextIO]:
    """The file, open at its end, with nobody else writing to it or putting another in its place."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a+", encoding="utf-8", errors="replace") as file:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if path.is_file() and os.path.samestat(os.fstat(descriptor), path.stat()):
                yield file
                return
        # While we waited another file took its place: a line that went to the old one would be lost.


def _run_of(line: str) -> str | None:
    """The run of a line; None where it was cut off when the disk was full."""
    try:
        return str(json.loads(line)["run_id"])
    except (ValueError, KeyError, TypeError):
        return None


def place(workspace: Workspace) -> Path:
    """Where the texts lie."""
    return workspace.dagster_home / FILE


def _keep(workspace: Workspace, told: dict[str, str]) -> str:
    """Keep what an error said, and say where; on a full disk, that there was no room for it."""
    path = place(workspace)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path) as file:
            # What a full disk cut off ends where it was cut, so that it takes no other line with it.
            cut = "" if _ends_its_line(file) else "\n"
            file.write(cut + json.dumps(told, ensure_ascii=False) + "\n")
    except OSError as error:
        return f"what it says could not be kept in {FILE}: {error.strerror}."
    return f"what it says stands in {FILE} beside the run history."


def _ends_its_line(file: TextIO) -> bool:
    size = os.fstat(file.fileno()).st_size
    return size == 0 or os.pread(file.fileno(), 1, size - 1) == b"\n"


def _trace(error: Exception) -> str:
    return "".join(traceback.format_exception(error))
