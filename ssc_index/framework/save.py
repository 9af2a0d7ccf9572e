"""Writing a framework as the CSV file that `load.read_framework_csv` reads.

What belongs here: the file. What does not: what its columns mean (`load.py`).
"""

from __future__ import annotations

import csv
import io

from ssc_index.framework.load import WEIGHT_SET
from ssc_index.framework.model import Framework

COLUMNS = (
    "code",
    "parent",
    "name",
    "level",
    "unit",
    "direction",
    "weight",
    "transform",
    "low",
    "high",
    "target",
    "aggregation",
    "denominator",
    "per",
)


def framework_csv(framework: Framework) -> str:
    """A framework as text; read back it is the same to the last bit.

    Args:
        framework: The framework.

    Returns:
        CSV with a header, one row per node, parents before children.
    """
    sets = framework.weight_sets
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow([*COLUMNS, *(WEIGHT_SET + name for name in sets)])
    for node in framework.nodes:
        weights = [_cell(node.weight_sets.get(name)) for name in sets]
        writer.writerow([*(_cell(getattr(node, name)) for name in COLUMNS), *weights])
    return lines.getvalue()


def _cell(value: object) -> str:
    """A cell: floats with as many digits as they need."""
    if isinstance(value, float):
        return repr(value)
    return "" if value is None else str(value)
