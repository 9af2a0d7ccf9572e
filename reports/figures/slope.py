"""Slope charts: ranks of two editions, joined city by city.

What belongs here: the drawing. What does not: which cities are shown, and why they moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.figures import palette
from reports.figures.svg import document, element, line, note, shortened, text, tooltip

WIDTH, ROW, TOP, LEFT, RIGHT = 640.0, 17.0, 50.0, 220.0, 420.0


@dataclass(frozen=True)
class SlopeLine:
    """A city in two editions.

    Attributes:
        name: City.
        before: Rank in the earlier edition.
        after: Rank in the later edition.
        is_highlighted: Whether it stands out from the others.
    """

    name: str
    before: int
    after: int
    is_highlighted: bool = False


def slope_chart(
    lines: Sequence[SlopeLine],
    *,
    editions: tuple[str, str],
    title: str,
    description: str,
    ident: str = "slope",
) -> str:
    """Draw a slope chart; blue rises, orange falls, grey stays.

    Args:
        lines: Cities, ranked in both editions. Names of equal rank stand on rows of their own.
        editions: Heads of the two columns.
        title: Title of the figure.
        description: What it shows.
        ident: Stem of the ids.
    """
    first, count = _first_rows(lines)
    left = _rows(lines, [one.before for one in lines], first)
    right = _rows(lines, [one.after for one in lines], first)
    height = TOP + ROW * max(1, count) + 10
    children = [
        text(LEFT, 20, editions[0], text_anchor="end", font_weight="700", font_size=palette.LARGE),
        text(RIGHT, 20, editions[1], font_weight="700", font_size=palette.LARGE),
        note(LEFT, 36, "rank", text_anchor="end"),
        note(RIGHT, 36, "rank"),
    ]
    order = sorted(range(len(lines)), key=lambda place: (lines[place].is_highlighted, place))
    children += [_line(lines[place], left[place], right[place]) for place in order]
    return document(WIDTH, height, ident, title, description, children)


def _first_rows(lines: Sequence[SlopeLine]) -> tuple[dict[int, int], int]:
    """First row of each rank that occurs, and the number of rows; equal ranks of one edition need rows of their own."""
    rows: dict[int, int] = {}
    row = 0
    for rank in sorted({one.before for one in lines} | {one.after for one in lines}):
        rows[rank] = row
        row += max(sum(one.before == rank for one in lines), sum(one.after == rank for one in lines))
    return rows, row


def _rows(lines: Sequence[SlopeLine], ranks: Sequence[int], first: Mapping[int, int]) -> list[int]:
    """Row of each city: that of its rank, below those of equal rank whose names come first."""
    order = sorted(range(len(lines)), key=lambda place: (ranks[place], lines[place].name))
    taken: dict[int, int] = {}
    rows = [0] * len(lines)
    for place in order:
        rank = ranks[place]
        rows[place] = first[rank] + taken.get(rank, 0)
        taken[rank] = taken.get(rank, 0) + 1
    return rows


def _line(one: SlopeLine, left: int, right: int) -> str:
    change = one.before - one.after
    colour, mark = (
        (palette.BETTER, "f-better")
        if change > 0
        else (palette.WORSE, "f-worse")
        if change < 0
        else (palette.MUTED, "f-mutedline")
    )
    y1, y2 = TOP + ROW * (left + 0.5), TOP + ROW * (right + 0.5)
    weight = "700" if one.is_highlighted else "400"
    name = shortened(one.name, 25)
    word = f"up {change}" if change > 0 else f"down {-change}" if change < 0 else "unchanged"
    return element(
        "g",
        tooltip(f"{one.name}: rank {one.before} to {one.after}, {word}"),
        text(LEFT - 10, y1 + 4, f"{name}  {one.before}", text_anchor="end", font_weight=weight),
        line(
            LEFT,
            y1,
            RIGHT - 8,
            y2,
            stroke=colour,
            class_=mark,
            stroke_width=2.5 if one.is_highlighted else 1.5,
            stroke_opacity=1 if one.is_highlighted or change else 0.6,
        ),
        element("circle", cx=LEFT, cy=y1, r=3, fill=colour, class_=mark),
        element("circle", cx=RIGHT - 8, cy=y2, r=3, fill=colour, class_=mark),
        text(RIGHT + 2, y2 + 4, f"{one.after}  {name}", font_weight=weight),
    )
