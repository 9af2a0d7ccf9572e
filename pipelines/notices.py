"""Notices of builds that ended: a line in a file, and a message to a webhook.

What belongs here: what is told and where to. What does not: when (`sensors.py`).

A notice names the job, its editions, the steps that failed and the kind of each error, which docs/operations.md
explains. Error texts stay in the run history: they may name cities and values that nobody outside has consented to.
"""

from __future__ import annotations

import json
import os
import urllib.request
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from queue import Empty, SimpleQueue
from threading import Thread
from urllib.error import HTTPError

from assets.workspace import Workspace
from ssc_index.errors import SscIndexError

WEBHOOK_VARIABLE = "SSC_INDEX_WEBHOOK"
FILE = "notices.jsonl"
TIMEOUT_SECONDS = 10


class NoticeError(SscIndexError):
    """A webhook that could not be reached; the line in the file was written."""


@dataclass(frozen=True)
class Notice:
    """What is told of a run.

    Attributes:
        event: ``failed`` or ``succeeded``.
        job: The job.
        run_id: Dagster's run, to be found in the UI.
        editions: Editions asked for.
        failed_steps: Steps that failed.
        errors: Kind of each error, for example ``OtherVersionError``.
    """

    event: str
    job: str
    run_id: str
    editions: str
    failed_steps: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """One sentence for people; chat programs show the key ``text`` of a message."""
        if self.event == "failed":
            where = f"failed at {', '.join(self.failed_steps)}" if self.failed_steps else "was ended"
            kinds = f" ({', '.join(self.errors)})" if self.errors else ""
            return f"{self.job} {self.editions} {where}{kinds}; the marts are the old ones."
        return f"{self.job} {self.editions} ended well; the marts are up to date."


def send(workspace: Workspace, notice: Notice) -> None:
    """Write a notice to ``notices.jsonl`` and, if SSC_INDEX_WEBHOOK is set, post it there as JSON.

    Raises:
        NoticeError: If the webhook does not take it. Dagster shows it at the sensor's tick.
    """
    at = datetime.now(UTC).isoformat(timespec="seconds")
    message = {"at": at, "workspace": workspace.name, **asdict(notice), "text": f"{workspace.name}: {notice.text}"}
    line = json.dumps(message, ensure_ascii=False)
    descriptor = os.open(workspace.root / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(line + "\n")
    if address := os.environ.get(WEBHOOK_VARIABLE):
        _post(address, line)


class _Refused(urllib.request.HTTPRedirectHandler):
    """A redirected message becomes a question without content: a page to log in at would answer it, and it is lost."""

    def redirect_request(self, *_: object) -> None:
        """Take a redirection as an error."""


def _post(address: str, body: str) -> None:
    """Post a message, or say why it was not taken.

    The time limit of a socket begins anew with every byte, and looking up a name has none: a server that is slow enough
    would hold the sensor until Dagster breaks its tick off, and tells of the same run in the next one.
    """
    refusals: SimpleQueue[str] = SimpleQueue()
    Thread(target=lambda: refusals.put(_refusal(address, body)), daemon=True).start()
    try:
        refusal = refusals.get(timeout=TIMEOUT_SECONDS)
    except Empty:
        refusal = f"it had not answered after {TIMEOUT_SECONDS} seconds"
    if refusal:
        raise NoticeError(f"The webhook did not take the notice: {refusal}. It stands in {FILE}.")


def _refusal(address: str, body: str) -> str:
    """Why a message was not taken; empty if it was."""
    if not address.startswith(("https://", "http://")):
        return f"{WEBHOOK_VARIABLE} is no http address, nothing was sent"
    headers = {"Content-Type": "application/json"}
    try:
        request = urllib.request.Request(address, body.encode(), headers, method="POST")
        with urllib.request.build_opener(_Refused).open(request, timeout=TIMEOUT_SECONDS):
            return ""
    except HTTPError as error:  # a status of 300 and above
        with error:
            return str(error)
    except OSError as error:
        return str(error)
    except (HTTPException, ValueError) as error:  # its text may quote the address, which often is a secret
        return type(error).__name__
