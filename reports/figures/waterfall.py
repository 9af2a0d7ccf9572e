"""Contribution waterfall: from one score to another, step by step.

What belongs here: the drawing, and the proof that the steps add up. What does not: how contributions are computed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from reports.figures import palette
from reports.figures.svg import document, element, line, note, shortened, text, ticks, tooltip

WIDTH, HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 640.0, 300.0, 30.0, 52.0, 44.0, 12.0
# Of 300 units of height; a narrow one stands in a column of a page of print and keeps its letters legible there.
NARROW = 430.0


@dataclass(frozen=True)
class WaterfallStep:
    """A step between the two scores.

    Attributes:
        name: What moved the score.
        change: By how much, in points of the score.
    """

    name: str
    change: float


def waterfall(
    start: tuple[str, float],
    steps: Sequence[WaterfallStep],
    end: tuple[str, float],
    *,
    title: str,
    description: str,
    tolerance: float = 1e-6,
    ident: str = "waterfall",
    width: float = WIDTH,
    decimals: int = 1,
) -> str:
    """Draw a waterfall.

    Args:
        start: Name and score at the left.
        steps: What lies between.
        end: Name and score at the right.
        title: Title of the figure.
        description: What it shows.
        tolerance: By how much start and steps may miss the end.
        ident: Stem of the ids.
        width: Width of the drawing, in its own units; its letters are 12 high.
        decimals: Decimals of the figures at the bars.

    Raises:
        ValueError: If start and steps do not add up to the end; such a picture would lie.
    """
    total = start[1] + sum(step.change for step in steps)
    if not abs(total - end[1]) <= tolerance:
        raise ValueError(f"{title}: {start[1]:g} and its steps give {total:g}, not {end[1]:g}")
    levels = [start[1]]
    for step in steps:
        levels.append(levels[-1] + step.change)
    low, high = _window([*levels, end[1]])

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    slot = (width - LEFT - RIGHT) / (len(steps) + 2)
    children = [_grid(tick, y(tick), width) for tick in ticks(low, high)]
    children.append(
        _bar(start[0], LEFT, slot, y(start[1]), y(low), f"{start[1]:.{decimals}f}", palette.MUTED, "f-mutedfill")
    )
    for count, step in enumerate(steps):
        x = LEFT + slot * (count + 1)
        better = step.change >= 0
        colour, mark = (palette.BETTER, "f-better") if better else (palette.WORSE, "f-worse")
        ends = sorted((y(levels[count]), y(levels[count + 1])))
        children.append(
            line(x - slot * 0.18, y(levels[count]), x + slot * 0.18, y(levels[count]), class_="f-mutedline")
        )
        children.append(_bar(step.name, x, slot, ends[0], ends[1], signed(step.change, decimals), colour, mark))
    x = LEFT + slot * (len(steps) + 1)
    children.append(line(x - slot * 0.18, y(levels[-1]), x + slot * 0.18, y(levels[-1]), class_="f-mutedline"))
    children.append(_bar(end[0], x, slot, y(end[1]), y(low), f"{end[1]:.{decimals}f}", palette.MUTED, "f-mutedfill"))
    if low > 0:
        children.append(note(LEFT, HEIGHT - 6, f"The scale starts at {low:.1f}."))
    return document(width, HEIGHT, ident, title, description, children)


def signed(change: float, decimals: int = 1) -> str:
    """A change with its sign.

    >>> signed(-3.44), signed(0.0), signed(-0.04)
    ('−3.4', '±0.0', '±0.0')
    """
    told = f"{change:+.{decimals}f}"
    return f"±{told[1:]}" if float(told) == 0 else told.replace("-", "−")


def _window(levels: Sequence[float]) -> tuple[float, float]:
    """The part of the scale that is drawn: the levels with some room, on round numbers."""
    low, high = min(levels), max(levels)
    room = max(1.0, (high - low) * 0.25)
    return max(0.0, low - room) if low >= 0 else low - room, high + room * 0.4


def _grid(tick: float, y: float, width: float) -> str:
    return line(LEFT, y, width - RIGHT, y) + note(LEFT - 6, y + 4, f"{tick:g}", text_anchor="end")


def _bar(name: str, x: float, slot: float, top: float, bottom: float, label: str, colour: str, mark: str) -> str:
    return element(
        "g",
        tooltip(f"{name}: {label}"),
        element(
            "rect",
            x=x + slot * 0.18,
            y=top,
            width=slot * 0.64,
            height=max(1.0, bottom - top),
            rx=2,
            fill=colour,
            class_=mark,
        ),
        text(x + slot / 2, top - 6, label, text_anchor="middle", font_weight="600"),
        *(
            note(
                x + slot / 2, HEIGHT - BOTTOM + 18 + 12 * row, words, text_anchor="middle", font_size=palette.SMALL + 1
            )
            for row, words in enumerate(_lines(name, max(6, int(slot / 6.2))))
        ),
    )


def _lines(name: str, longest: int) -> list[str]:
    """A name on two lines at most, cut where it does not fit on them."""
    first, *more = textwrap.wrap(name, longest) or [""]
    return [first, *([shortened(" ".join(more), longest)] if more else [])]
