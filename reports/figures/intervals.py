"""Rank intervals: each city's rank with the range of ranks that are as good as it.

What belongs here: the drawing. What does not: how an interval is computed (`ssc_index/uncertainty.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.figures import palette
from reports.figures.svg import document, element, line, shortened, text, ticks, tooltip

WIDTH, ROW, TOP, LEFT, RIGHT = 640.0, 20.0, 46.0, 190.0, 24.0


@dataclass(frozen=True)
class RankInterval:
    """A city's rank and the interval around it.

    Attributes:
        name: City.
        rank: Its rank, from 1.
        low: Best rank of the interval.
        high: Worst rank of the interval.
        is_highlighted: Whether the eye should find it first.
    """

    name: str
    rank: int
    low: float
    high: float
    is_highlighted: bool = False


def rank_intervals(
    rows: Sequence[RankInterval], *, title: str, description: str, share: str = "90 %", ident: str = "intervals"
) -> str:
    """Draw intervals, a row a city, in the order given.

    Args:
        rows: Cities.
        title: Title of the figure.
        description: What it shows.
        share: Which share of the simulated ranks an interval holds.
        ident: Stem of the ids.
    """
    worst = max((max(row.rank, row.high) for row in rows), default=1.0)
    height = TOP + ROW * len(rows) + 12

    def x(rank: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (rank - 1) / max(1.0, worst - 1)

    children = [
        text(LEFT, 16, f"Rank and {share} interval", font_weight="600"),
        *(_axis(tick, x(tick), height) for tick in [1.0, *(t for t in ticks(1.0, worst, 7) if t > 1)]),
    ]
    for count, row in enumerate(rows):
        children.append(_row(row, TOP + ROW * (count + 0.5), x(row.low), x(row.high), x(row.rank)))
    return document(WIDTH, height, ident, title, description, children)


def _axis(tick: float, x: float, height: float) -> str:
    label = text(
        x, 36, f"{tick:g}", text_anchor="middle", font_size=palette.SMALL, class_="f-muted", fill=palette.MUTED
    )
    return label + line(x, TOP - 4, x, height - 8)


def _row(row: RankInterval, y: float, low: float, high: float, x: float) -> str:
    colour = palette.WORSE if row.is_highlighted else palette.ACCENT
    mark = "f-highlight" if row.is_highlighted else "f-accent"
    weight = "700" if row.is_highlighted else "400"
    return element(
        "g",
        tooltip(f"{row.name}: rank {row.rank}, interval {row.low:g} to {row.high:g}"),
        text(LEFT - 12, y + 4, shortened(row.name, 27), text_anchor="end", font_weight=weight),
        line(low, y, high, y, stroke=colour, stroke_width=5, stroke_opacity=0.35, stroke_linecap="round", class_=mark),
        element("circle", cx=x, cy=y, r=4.5, fill=colour, class_=mark),
    )
