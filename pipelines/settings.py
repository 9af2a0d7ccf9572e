"""Settings of Dagster: those of the project, and what a place that runs it lays over them.

What belongs here: which settings hold. What does not: the instance that they make (`run.py`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from assets.workspace import PROJECT
from ssc_index.errors import SscIndexError

VARIABLE = "SSC_INDEX_SETTINGS"


class SettingsError(SscIndexError):
    """Settings that cannot be read or used."""


def settings() -> dict[str, Any]:
    """Settings of ``dagster.yaml``, with each top-level key of the file that SSC_INDEX_SETTINGS names in its place.

    A relative path is looked for below the project, so that ``deploy/postgres.yaml`` is found from anywhere.

    Raises:
        SettingsError: If that file cannot be read, or is no mapping.
    """
    own = _read(PROJECT / "dagster.yaml")
    named = os.environ.get(VARIABLE)
    return own | (_read(PROJECT / named) if named else {})


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} cannot be read: {error}. {VARIABLE} names the settings of Dagster.") from error
    if not isinstance(found, dict):
        raise SettingsError(f"{path} holds no settings: it must be a YAML mapping of keys of dagster.yaml.")
    return found
