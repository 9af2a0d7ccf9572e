"""Verdicts on single data points: YES or NO of the verifier, where it is not what the file says.

What belongs here: the text of the receipt's column ``verdicts``, and its effect on cells. What does not: the receipt
file (`receipts.py`) and who said so when (`review.py`).

The column holds entries separated by ``|``: ``data point = YES`` or ``data point = NO``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from intake.lines import entries
from ssc_index.framework.catalogue import load_catalogue

_ENTRY = re.compile(r"(?P<point>[A-Za-z0-9_.]+)\s*=\s*(?P<word>YES|NO)")
KEY = ["file_sha256", "city_id", "year"]


def read_verdicts(text: str) -> tuple[list[tuple[str, bool]], list[str]]:
    """Read the column ``verdicts`` of a receipt.

    Args:
        text: Entries, separated by ``|``.

    Returns:
        Data point and verdict of the entries that can be used, and a sentence for each that cannot.

    >>> read_verdicts("EC_P_IN_2C.main = YES | nowhere = NO")
    ([('EC_P_IN_2C.main', True)], ["there is no data point 'nowhere'. Take its id from the form."])
    """
    points = {point.id for point in load_catalogue().data_points}
    good, faults = [], []
    for entry, match in entries(text, _ENTRY):
        if match is None:
            faults.append(f"{entry[:80]!r} is no verdict; write: data point = YES, or = NO.")
        elif match["point"] not in points:
            faults.append(f"there is no data point {match['point']!r}. Take its id from the form.")
        else:
            good.append((match["point"], match["word"] == "YES"))
    return good, faults


def write_verdicts(verdicts: Mapping[str, bool]) -> str:
    """The text of the column, in the order of the data points' ids."""
    return " | ".join(f"{point} = {'YES' if verdicts[point] else 'NO'}" for point in sorted(verdicts))


def apply_verdicts(cells: pl.DataFrame, receipts: pl.DataFrame) -> pl.DataFrame:
    """Cells, their ``is_verified`` as the verifier has it.

    Args:
        cells: Rows of ``raw.cells``.
        receipts: ``file_sha256, city_id, year, verdicts``.

    Returns:
        The same rows in the same order.
    """
    rows = [
        (*key, point, verdict)
        for *key, text in receipts.drop_nulls("verdicts").select(*KEY, "verdicts").iter_rows()
        for point, verdict in read_verdicts(text)[0]
    ]
    if not rows:
        return cells
    types = {"year": pl.Int16}
    key = [*KEY, "data_point"]
    said = pl.DataFrame(rows, schema=[*key, "_verdict"], orient="row", schema_overrides=types)
    said = said.unique(key, keep="last", maintain_order=True)
    joined = cells.join(said, on=key, how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("_verdict", "is_verified").alias("is_verified")).drop("_verdict")
