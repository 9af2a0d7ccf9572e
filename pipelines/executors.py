"""Where the steps of a run are executed that the UI, a schedule or a sensor has started.

What belongs here: the choice. What does not: the command line, whose builds always run in its own process.
"""

from __future__ import annotations

import os

import dagster as dg

from ssc_index.errors import SscIndexError

VARIABLE, BROKER_VARIABLE = "SSC_INDEX_EXECUTOR", "SSC_INDEX_BROKER"
KNOWN = ("in_process", "multiprocess", "celery")


class ExecutorError(SscIndexError):
    """An executor that is not known, or lacks what it needs."""


def executor() -> dg.ExecutorDefinition:
    """The executor that SSC_INDEX_EXECUTOR names; without it all steps run one after another in the run's process.

    The steps form nearly a line and share one writer, so that more processes do not make a build faster; they put it
    on other machines. ``celery`` needs the package dagster-celery, and workers that see the same folders.

    Raises:
        ExecutorError: If the name is unknown, or Celery has no broker or is not installed.
    """
    named = os.environ.get(VARIABLE) or "in_process"
    if named == "in_process":
        return dg.in_process_executor
    if named == "multiprocess":
        return dg.multiprocess_executor
    if named != "celery":
        raise ExecutorError(f"{VARIABLE} is {named!r}; there are {', '.join(KNOWN)}.")
    broker = os.environ.get(BROKER_VARIABLE)
    if not broker:
        raise ExecutorError(f"Celery needs the address of its broker in {BROKER_VARIABLE}, as redis://host:6379/0.")
    try:
        from dagster_celery import celery_executor
    except ImportError as error:
        raise ExecutorError("Celery is not installed; see docs/deploy.md.") from error
    configured: dg.ExecutorDefinition = celery_executor.configured({"broker": broker, "backend": broker}, "celery")
    return configured
