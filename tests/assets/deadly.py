"""Work of which some items end the process, imported by the processes of a pool: so little that they start quickly."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def doubled(numbers: Sequence[int]) -> list[int]:
    """Each number twice; a negative one ends the process."""
    if min(numbers) < 0:
        os._exit(3)
    return [2 * number for number in numbers]


def orphaned(numbers: Sequence[int]) -> list[int]:
    """As `doubled`, but of a module that no other process finds: as if the code had been changed under a build."""
    return doubled(numbers)


orphaned.__module__ = "tests_assets_gone"
sys.modules["tests_assets_gone"] = sys.modules[__name__]
