"""Jobs: an edition or a range of editions from raw to marts, in a single run.

What belongs here: which assets run together. What does not: when (`schedules.py`).
"""

from __future__ import annotations

import dagster as dg

# Raw and marts have no partitions; core, index and benchmark are partitioned by year. A run for a range of years
# takes in the submissions once, computes the range in one go, and publishes once.
build_editions = dg.define_asset_job(
    "build_editions",
    selection=dg.AssetSelection.groups("raw", "core", "index", "benchmark", "marts"),
    description="Take in submissions, compute the editions of the run's years, publish the marts.",
    executor_def=dg.in_process_executor,
)

publish = dg.define_asset_job(
    "publish",
    selection=dg.AssetSelection.groups("marts"),
    description="Publish what the warehouse holds, computing nothing.",
    executor_def=dg.in_process_executor,
)

JOBS = [build_editions, publish]
