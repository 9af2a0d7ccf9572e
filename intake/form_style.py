"""How the form looks: colours, widths, heights.

What belongs here: appearance only. What does not: what is written where (`template.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NAVY = "#14375E"
BLUE = "#DCE9F5"
PALE_BLUE = "#F0F6FB"
YELLOW = "#FFF8DC"
GREY = "#F0F0F0"
LILAC = "#ECE7F5"
LINE = "#C4CCD4"
TEXT = "#1F2933"
MUTED = "#66727F"
ORANGE = "#FBD9B5"
AMBER = "#FDEBB3"
PINK = "#F9D3CF"
GREEN = "#1B7A3D"
RED = "#B42318"

# Code, KPI, data point, help, unit, numerator, denominator, result, last report, check, reported, verified, quality,
# origin, source, details, comment; in characters.
KPI_WIDTHS = (20, 34, 26, 60, 16, 15, 15, 14, 14, 30, 11, 11, 26, 26, 28, 34, 34)

RESULT_FORMAT = "[>=100000]#,##0;[>=0.1]#,##0.00;General"

_LINE_HEIGHT = 12.5


def formats(book: Any) -> Mapping[str, Any]:
    """The formats of a workbook by name; each is created once."""
    base = {"font_name": "Calibri", "font_size": 10, "font_color": TEXT, "valign": "vcenter"}
    framed = {**base, "border": 1, "border_color": LINE}
    number = {**framed, "num_format": "[>=10000]#,##0;General", "align": "right"}
    wrapped = {**framed, "text_wrap": True}
    styles: dict[str, dict[str, object]] = {
        "title": {
            **base,
            "font_size": 15,
            "bold": True,
            "font_color": "white",
            "bg_color": NAVY,
            "indent": 1,
        },
        "subtitle": {**base, "bg_color": BLUE, "indent": 1},
        "demo": {**base, "bold": True, "font_color": "white", "bg_color": RED, "indent": 1},
        "progress": {**base, "bold": True, "font_color": NAVY},
        "progress_line": {**base, "bold": True, "font_color": NAVY, "indent": 1},
        "header": {**wrapped, "bold": True, "font_color": "white", "bg_color": NAVY, "indent": 1},
        "group": {**base, "bold": True, "font_color": NAVY, "bg_color": BLUE},
        "step": {**base, "bold": True, "font_color": NAVY, "valign": "top"},
        "text": {**base, "text_wrap": True, "valign": "top", "align": "left", "indent": 1},
        "label": {**framed, "bold": True, "bg_color": PALE_BLUE, "indent": 1},
        "code": {**wrapped, "font_size": 8, "font_color": MUTED},
        "kpi": {**wrapped, "bold": True, "indent": 1},
        "point": {**wrapped, "indent": 1},
        "help": {**wrapped, "font_size": 9, "font_color": MUTED, "indent": 1},
        "unit": {**wrapped, "font_size": 9, "indent": 1},
        "unit_choice": {**wrapped, "font_size": 9, "indent": 1, "bg_color": YELLOW, "locked": False},
        "input": {**number, "bg_color": YELLOW, "locked": False},
        "input_text": {**wrapped, "bg_color": YELLOW, "locked": False, "font_size": 9, "indent": 1},
        "prefilled": {**number, "bg_color": BLUE, "locked": False},
        "result": {
            **number,
            "num_format": RESULT_FORMAT,
            "bg_color": PALE_BLUE,
            "bold": True,
            "locked": False,
        },
        "previous": {**number, "num_format": RESULT_FORMAT, "bg_color": GREY, "font_color": MUTED},
        "check": {**wrapped, "font_size": 9, "bg_color": "#FFFFFF", "indent": 1},
        "total": {**framed, "bold": True, "bg_color": GREY},
        "total_help": {**framed, "font_size": 9, "font_color": MUTED, "bg_color": GREY, "indent": 1},
        "total_number": {**number, "bold": True, "num_format": RESULT_FORMAT, "bg_color": GREY},
        "choice": {**framed, "bg_color": YELLOW, "align": "center", "locked": False},
        "verifier": {**framed, "bg_color": LILAC, "align": "center", "locked": False},
        "locked": {**framed, "bg_color": GREY},
        "profile_locked": {**framed, "bg_color": GREY, "align": "left", "indent": 1},
        "profile_input": {
            **framed,
            "bg_color": YELLOW,
            "align": "left",
            "indent": 1,
            "num_format": "#,##0.######",
            "locked": False,
        },
        "profile_previous": {
            **framed,
            "bg_color": GREY,
            "font_color": MUTED,
            "align": "left",
            "indent": 1,
            "num_format": "#,##0.######",
        },
        "missing": {"bg_color": ORANGE},
        "wrong": {"bg_color": PINK, "font_color": RED},
        "doubtful": {"bg_color": AMBER},
        "not_reported": {"font_color": MUTED, "bg_color": GREY},
        "yes": {"font_color": GREEN, "bold": True},
    }
    for name in ("input", "prefilled", "result", "previous", "verifier", "locked", "missing", "wrong", "doubtful"):
        styles[f"legend_{name}"] = {"border": 1, "border_color": LINE, "bg_color": styles[name]["bg_color"]}
    return {name: book.add_format(style) for name, style in styles.items()}


def height(text: str, width: float, least: int = 1) -> float:
    """Height in points of a row whose text wraps at a width in characters.

    >>> height("short", 40)
    18.5
    """
    # Nine-point text holds about as many characters as the width counts, less the indent.
    lines = sum(max(1, math.ceil(len(part) / (1.05 * width - 2))) for part in text.split("\n"))
    return 6 + _LINE_HEIGHT * max(lines, least)
