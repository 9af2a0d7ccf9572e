"""Everything that Dagster runs, listed by hand: what is not named here does not exist.

What belongs here: assets, jobs, schedules, sensors and the resource, put together. What does not: what they do.
"""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from assets import audit, benchmark, changes, core, index, marts, raw, status, uncertainty
from assets.memory import keep_what_is_loaded, share_one_heap
from assets.resources import WorkspaceResource
from assets.workspace import ENVIRONMENT_VARIABLE, default_root
from pipelines.executors import executor
from pipelines.jobs import JOBS
from pipelines.schedules import SCHEDULES
from pipelines.sensors import SENSORS

# In every process that runs steps, before it has threads.
share_one_heap()
keep_what_is_loaded()

ASSETS = [
    raw.ingest_submissions,
    core.derive,
    index.select,
    index.compute,
    benchmark.score_benchmarks,
    benchmark.compare_peers,
    uncertainty.replicate,
    audit.audit_editions,
    changes.compare_editions,
    marts.publish_marts,
    status.tell_status,
]


def definitions(root: Path, as_of: str = "", *, status: str = "draft", afresh: bool = False) -> dg.Definitions:
    """Definitions for one workspace.

    Args:
        root: Folder of the workspace.
        as_of: ISO date and time with zone; only submissions received by then count. Empty counts all.
        status: What the editions call themselves, ``draft`` or ``release``.
        afresh: Whether to compute what already stands on the same inputs.
    """
    return dg.Definitions(
        assets=ASSETS,
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources={"store": WorkspaceResource(root=str(root), as_of=as_of, status=status, afresh=afresh)},
        executor=executor(),
    )


defs = definitions(Path(os.environ.get(ENVIRONMENT_VARIABLE) or default_root()))
