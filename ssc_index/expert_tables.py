"""Tables of experts that a method file refers to.

What belongs here: reading them into the method, so that the method holds what it rests on. What does not: what the
numbers mean (`steps/weights_parameters.py`).
"""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path
from typing import Any

COMPARISONS = ("expert", "first", "second", "value")


def with_tables(data: object, folder: Path, faults: list[str]) -> object:
    """Plain data of a method with the tables of its steps *weights* written into them.

    Args:
        data: Content of a method file.
        folder: Where the paths of tables start.
        faults: Receives what is wrong with the files.

    Returns:
        The data; steps that name no table as they are.
    """
    if not isinstance(data, dict) or not isinstance(data.get("steps"), list):
        return data
    steps = []
    for number, entry in enumerate(data["steps"]):
        given = entry.get("weights") if isinstance(entry, dict) and len(entry) == 1 else None
        if isinstance(given, dict) and isinstance(given.get("table"), str) and given.get("method") in ("budget", "ahp"):
            place = f"steps[{number}].weights.table"
            if "experts" in given:
                faults.append(f"{place}: give either experts or table")
            else:
                experts = _experts(folder / given["table"], given["method"], place, faults)
                rest = {key: value for key, value in given.items() if key != "table"}
                entry = {"weights": {**rest, "experts": experts}}
        steps.append(entry)
    return {**data, "steps": steps}


def _experts(path: Path, method: str, place: str, faults: list[str]) -> list[dict[str, Any]]:
    """Rows of a table; a fault for each that is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file, strict=True) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        faults.append(f"{place}: {path.name} cannot be read as UTF-8 CSV: {error}")
        return []
    header = rows[0] if rows else []
    wanted = header[:1] == ["expert"] and len(header) > 1 if method == "budget" else tuple(header) == COMPARISONS
    if not wanted or len(set(header)) < len(header):
        columns = "expert and one column per code" if method == "budget" else ",".join(COMPARISONS)
        faults.append(f"{place}: the columns of {path.name} are {', '.join(header)}, not {columns}")
        return []
    experts = []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            faults.append(f"{place}: row {number} of {path.name} has {len(row)} cells under {len(header)} columns")
            continue
        cells: dict[str, Any] = dict(zip(header, row, strict=True))
        for name in header[1:] if method == "budget" else ["value"]:
            cells[name] = _number(cells[name], f"{place}: row {number} of {path.name}, {name}", faults)
        if method == "budget":
            del cells["expert"]
        experts.append(cells)
    return experts


def _number(text: str, where: str, faults: list[str]) -> float:
    """A number, or a fraction such as 1/3."""
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError):
        faults.append(f"{where}: {text!r} is no number")
        return 1.0
