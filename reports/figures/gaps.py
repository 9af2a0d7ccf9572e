"""Weight against importance: for each part an open mark where its weight is and a full one where its effect is.

What belongs here: the drawing. What does not: how importance is computed (`ssc_index/audit/importance.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.figures import palette
from reports.figures.svg import document, element, line, note, shortened, text, ticks, tooltip

WIDTH, ROW, TOP, LEFT, RIGHT = 640.0, 26.0, 52.0, 230.0, 40.0


@dataclass(frozen=True)
class Gap:
    """A part with what it is given and what it has.

    Attributes:
        name: The part.
        weight: Its share of the weights, 0 to 1.
        importance: Its share of the effects, 0 to 1.
        is_main: Whether its name stands out.
    """

    name: str
    weight: float
    importance: float
    is_main: bool = False


def weight_gaps(rows: Sequence[Gap], *, title: str, description: str, ident: str = "gaps") -> str:
    """Draw parts, a row each, in the order given.

    Args:
        rows: Parts.
        title: Title of the figure.
        description: What it shows.
        ident: Stem of the ids.
    """
    most = max((max(row.weight, row.importance) for row in rows), default=1.0) * 1.05
    height = TOP + ROW * len(rows) + 10

    def x(share: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * share / most

    children = [
        element("circle", cx=LEFT + 5, cy=12, r=4.2, fill=palette.PAPER, stroke=palette.MUTED, stroke_width=1.6),
        note(LEFT + 14, 16, "weight"),
        element("circle", cx=LEFT + 75, cy=12, r=5, fill=palette.ACCENT, class_="f-accent"),
        note(LEFT + 84, 16, "importance: what it accounts for alone"),
    ]
    for tick in ticks(0.0, most):
        children += [
            line(x(tick), TOP - 8, x(tick), height - 6),
            note(x(tick), TOP - 14, f"{100 * tick:g} %", text_anchor="middle"),
        ]
    for count, row in enumerate(rows):
        children.append(_row(row, TOP + ROW * (count + 0.5), x(row.weight), x(row.importance)))
    return document(WIDTH, height, ident, title, description, children)


def _row(row: Gap, y: float, weight: float, importance: float) -> str:
    more = row.importance >= row.weight
    colour, mark = (palette.BETTER, "f-better") if more else (palette.WORSE, "f-worse")
    told = f"{row.name}: weight {100 * row.weight:.1f} %, importance {100 * row.importance:.1f} %"
    return element(
        "g",
        tooltip(told),
        text(LEFT - 14, y + 4, shortened(row.name, 34), text_anchor="end", font_weight="700" if row.is_main else "400"),
        line(weight, y, importance, y, stroke=colour, stroke_width=4, stroke_opacity=0.45, class_=mark),
        element("circle", cx=weight, cy=y, r=4.2, fill=palette.PAPER, stroke=palette.MUTED, stroke_width=1.6),
        element("circle", cx=importance, cy=y, r=5, fill=colour, class_=mark),
    )
