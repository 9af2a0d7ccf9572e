"""Distribution strips: one dot a city along a scale, stacked where they would hide each other.

What belongs here: the drawing. What does not: which values are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reports.figures import palette
from reports.figures.svg import document, element, line, note, shortened, text, ticks, tooltip

WIDTH, LEFT, RIGHT, RADIUS, TALLEST = 640.0, 24.0, 24.0, 4.0, 11


@dataclass(frozen=True)
class Mark:
    """A city on the strip.

    Attributes:
        name: City.
        value: Its value, in the strip's unit.
        is_highlighted: Whether it is named and drawn on top.
    """

    name: str
    value: float
    is_highlighted: bool = False


def distribution_strip(
    marks: Sequence[Mark],
    *,
    title: str,
    description: str,
    unit: str = "",
    references: Sequence[tuple[str, float]] = (),
    ident: str = "strip",
) -> str:
    """Draw a strip.

    Args:
        marks: Cities; those with the same place are stacked, the first at the bottom.
        title: Title of the figure.
        description: What it shows.
        unit: Unit of the values, for the axis.
        references: Names and values of lines across the strip, for example the target.
        ident: Stem of the ids.
    """
    ends = [mark.value for mark in marks] + [value for _, value in references]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / (high - low)

    columns = _stacked(marks, x)
    tallest = max((min(len(column), TALLEST) for column in columns.values()), default=1)
    floor = 34 + 2 * RADIUS * tallest + (18 if any(mark.is_highlighted for mark in marks) else 0)
    height = floor + 34
    children = [
        line(LEFT, floor + RADIUS + 2, WIDTH - RIGHT, floor + RADIUS + 2),
        *(_tick(value, x(value), floor) for value in ticks(low, high)),
        note(WIDTH - RIGHT, height - 2, unit, text_anchor="end"),
        *(_reference(name, x(value), floor) for name, value in references),
    ]
    for column in columns.values():
        step = 2 * RADIUS if len(column) <= TALLEST else 2 * RADIUS * (TALLEST - 1) / (len(column) - 1)
        children += [_dot(mark, x(mark.value), floor - step * count) for count, mark in enumerate(column)]
    names = [mark for mark in marks if mark.is_highlighted]
    children += [_name(mark, x(mark.value), 34.0) for mark in names]
    return document(WIDTH, height, ident, title, description, children)


def _stacked(marks: Sequence[Mark], x: Callable[[float], float]) -> dict[int, list[Mark]]:
    """Marks by the column of pixels that they fall in; the highlighted one lies on the axis."""
    columns: dict[int, list[Mark]] = {}
    for mark in sorted(marks, key=lambda mark: (not mark.is_highlighted, mark.value, mark.name)):
        columns.setdefault(int(x(mark.value) // (2 * RADIUS)), []).append(mark)
    return columns


def _tick(value: float, x: float, floor: float) -> str:
    label = f"{value:,.10g}"
    return line(x, floor + RADIUS + 2, x, floor + RADIUS + 6) + note(
        x, floor + RADIUS + 17, label, text_anchor="middle"
    )


def _reference(name: str, x: float, floor: float) -> str:
    anchor = "start" if x < 80 else "end" if x > WIDTH - 80 else "middle"
    return line(x, 18, x, floor + RADIUS, stroke=palette.MUTED, stroke_dasharray="3 3", class_="f-mutedline") + note(
        x, 12, name, text_anchor=anchor
    )


def _dot(mark: Mark, x: float, y: float) -> str:
    return element(
        "circle",
        tooltip(f"{mark.name}: {mark.value:.6g}"),
        cx=x,
        cy=y,
        r=RADIUS + 1.5 if mark.is_highlighted else RADIUS - 0.4,
        fill=palette.WORSE if mark.is_highlighted else palette.ACCENT,
        fill_opacity=1 if mark.is_highlighted else 0.55,
        class_="f-highlight" if mark.is_highlighted else "f-accent",
    )


def _name(mark: Mark, x: float, y: float) -> str:
    anchor = "start" if x < 120 else "end" if x > WIDTH - 120 else "middle"
    return text(
        x, y, shortened(mark.name, 30), text_anchor=anchor, font_weight="700", fill=palette.WORSE, class_="f-highlight"
    )
