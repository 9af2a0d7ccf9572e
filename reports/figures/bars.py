"""Sensitivity: for each choice a bar of what it does alone, beneath it a paler one of what it does in all.

What belongs here: the drawing. What does not: how the indices are estimated (`ssc_index/sensitivity/sobol.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.figures import palette
from reports.figures.svg import document, element, line, note, shortened, text, ticks, tooltip

WIDTH, ROW, TOP, LEFT, RIGHT = 640.0, 34.0, 52.0, 190.0, 24.0
BAR = 9.0


@dataclass(frozen=True)
class Influence:
    """A choice with its Sobol' indices, each a share of the variance.

    Attributes:
        name: The choice.
        first: First-order index.
        first_interval: Ends of its 95 % interval.
        total: Total index.
        total_interval: Ends of its 95 % interval.
    """

    name: str
    first: float
    first_interval: tuple[float, float]
    total: float
    total_interval: tuple[float, float]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Influence:
        """From a row of a table of Sobol' indices, as `sensitivity.ranks.sensitivity_frame` has them."""
        ends = {name: (row[f"{name}_low"], row[f"{name}_high"]) for name in ("first", "total")}
        return cls(row["input"].replace("_", " "), row["first"], ends["first"], row["total"], ends["total"])


def sensitivity_bars(rows: Sequence[Influence], *, title: str, description: str, ident: str = "bars") -> str:
    """Draw choices, a row each, in the order given. An estimate below 0 is drawn as 0 and told as it is.

    Args:
        rows: Choices.
        title: Title of the figure.
        description: What it shows.
        ident: Stem of the ids.
    """
    most = max((end for row in rows for end in (row.total, row.total_interval[1], row.first_interval[1])), default=1.0)
    most = max(most, 0.01) * 1.03
    height = TOP + ROW * len(rows) + 6

    def x(share: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(share, 0.0), most) / most

    children = [
        _bar(LEFT, 12, 18, full=True),
        note(LEFT + 24, 16, "alone (first order)"),
        _bar(LEFT + 160, 12, 18, full=False),
        note(LEFT + 184, 16, "with all it does together with others (total)"),
    ]
    for tick in ticks(0.0, most):
        children += [
            line(x(tick), TOP - 8, x(tick), height - 2),
            note(x(tick), TOP - 14, f"{100 * tick:g} %", text_anchor="middle"),
        ]
    for count, row in enumerate(rows):
        y = TOP + ROW * (count + 0.5)
        told = (
            f"{row.name}: alone {_share(row.first)} ({_share(row.first_interval[0])} to "
            f"{_share(row.first_interval[1])}), in all {_share(row.total)} ({_share(row.total_interval[0])} to "
            f"{_share(row.total_interval[1])})"
        )
        children.append(
            element(
                "g",
                tooltip(told),
                text(LEFT - 14, y + 4, shortened(row.name, 27), text_anchor="end"),
                _bar(LEFT, y - BAR / 2 - 1, x(row.first) - LEFT, full=True),
                _bar(LEFT, y + BAR / 2 + 1, x(row.total) - LEFT, full=False),
                _whisker(y - BAR / 2 - 1, x(row.first_interval[0]), x(row.first_interval[1])),
                _whisker(y + BAR / 2 + 1, x(row.total_interval[0]), x(row.total_interval[1])),
            )
        )
    return document(WIDTH, height, ident, title, description, children)


def _bar(x: float, y: float, width: float, *, full: bool) -> str:
    return element(
        "rect",
        x=x,
        y=y - BAR / 2,
        width=width,
        height=BAR,
        fill=palette.ACCENT,
        fill_opacity=1 if full else 0.35,
        class_="f-accent",
    )


def _whisker(y: float, low: float, high: float) -> str:
    return "".join(
        line(x1, y1, x2, y2, stroke=palette.MUTED, stroke_width=1.2)
        for x1, y1, x2, y2 in ((low, y, high, y), (low, y - 3, low, y + 3), (high, y - 3, high, y + 3))
    )


def _share(share: float) -> str:
    return f"{100 * share:.0f} %".replace("-", "−")
