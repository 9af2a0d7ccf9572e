"""Who runs what the UI, schedules and sensors ask for: Dagster's code server, watched.

What belongs here: whether the server of a run is still there. What does not: what is done about a run without one
(Dagster's run monitoring tells it as failed, and frees its place in the pool).
"""

from __future__ import annotations

import json
import socket

from dagster import DagsterRun, DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG

SECONDS_TO_CONNECT = 5.0


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's own launcher, which asks for no signs of life: a run would stand as started until it is too old.

    A code server listens until the last of its runs has ended, and tells of a run whose process dies. Where nobody
    listens any more, because the daemon's container or machine was started anew, its runs are gone as well.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """It does; Dagster's own does not."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the server that started a run is there; so is one that is slow, or that we cannot ask.

        Args:
            run: A run that has started. A build from the command line has no server: it is not ours to judge.
        """
        server = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
        if "socket" in server and not _is_listened_to(server["socket"]):
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "its code server is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)


def _is_listened_to(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(SECONDS_TO_CONNECT)
        try:
            probe.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:  # slow, or not ours to ask
            return True
    return True
