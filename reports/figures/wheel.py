"""The benchmark wheel: rings of dimensions, categories and data points, each in the colour of its band.

What belongs here: the drawing. What does not: bands and percentages (the marts). The idea is that of U4SSC's
reports: one look at a city tells where it is near its targets and what it did not report.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from xml.sax.saxutils import escape

from reports.figures import palette
from reports.figures.svg import clean, document, element, hatch, note, number, shortened, text, tooltip

SIZE = 690.0
CENTRE = SIZE / 2
# Radii of the rings, from the inside: dimensions, categories, data points.
RINGS = ((74.0, 112.0), (114.0, 152.0), (154.0, 214.0))
LABEL_RADIUS = RINGS[-1][1] + 7.0


@dataclass(frozen=True)
class Part:
    """A part of the wheel with the parts within it.

    Attributes:
        name: What it is called.
        band: Key of its band; ``no_benchmark`` where there is a value that no target was held against, None where
            nothing is reported.
        told: What is said of it when it is pointed at, for example ``56.3 % of targets``.
        parts: Parts of the next ring; none for a data point.
    """

    name: str
    band: str | None
    told: str
    parts: tuple[Part, ...] = ()


def group(name: str, band: str | None, told: str, parts: tuple[Part, ...]) -> Part:
    """A part of the inner rings; without a band it is grey only if everything within it is.

    >>> group("a", None, "", (Part("b", None, ""), Part("c", "no_benchmark", ""))).band
    'no_benchmark'
    """
    known = any(part.band is not None for part in parts)
    return Part(name, band or (palette.UNCOMPARED.key if known else None), told, parts)


def leaves(part: Part) -> int:
    """Number of data points of a part, itself if it has no parts.

    >>> leaves(Part("a", None, "", (Part("b", None, ""), Part("c", None, ""))))
    2
    """
    return sum(leaves(inner) for inner in part.parts) if part.parts else 1


def wheel(
    dimensions: Sequence[Part], centre: tuple[str, str], *, title: str, description: str, ident: str = "wheel"
) -> str:
    """Draw a wheel.

    Args:
        dimensions: Dimensions with their categories and these with their data points.
        centre: A figure for the middle and a word below it.
        title: Title of the figure.
        description: What it shows.
        ident: Stem of the ids.

    Returns:
        SVG text. Every data point has the same angle, so that a ring's share is a share of what is asked for.
    """
    total = sum(leaves(part) for part in dimensions)
    children = [hatch(ident), *_rings(dimensions, 0.0, 1.0 / total if total else 0.0, 0, ident)]
    children.append(
        text(CENTRE, CENTRE + 6, centre[0], text_anchor="middle", font_size=34, font_weight="700", class_="f-ink")
    )
    children.append(note(CENTRE, CENTRE + 28, centre[1], text_anchor="middle", font_size=palette.NORMAL))
    return document(SIZE, SIZE, ident, title, description, children)


def _rings(parts: Sequence[Part], start: float, share: float, ring: int, ident: str) -> Iterator[str]:
    """Draw parts, clockwise from the top, with what lies outside them."""
    for count, part in enumerate(parts):
        inner, outer = RINGS[ring]
        end = start + share * leaves(part)
        band = palette.band(part.band)
        yield element(
            "path",
            tooltip(f"{part.name}: {part.told}"),
            d=sector(inner, outer, start, end),
            fill=palette.HATCHED if band.is_hatched else band.fill,
            stroke=palette.PAPER,
            stroke_width=1.4 if ring < 2 else 0.8,
            class_=f"f-band f-{band.key}",
        )
        if band.is_hatched:  # not every reader of SVG draws patterns: where it does not, the part is pale
            yield element(
                "path", d=sector(inner, outer, start, end), fill=f"url(#{ident}-hatch)", pointer_events="none"
            )
        if ring == 0:
            yield _along(part, (inner + outer) / 2, start, end, band.ink, f"{ident}-{count}")
        elif ring == 1:
            yield _outside(part, (start + end) / 2)
        yield from _rings(part.parts, start, share, ring + 1, ident)
        start = end


@lru_cache(maxsize=4096)
def sector(inner: float, outer: float, start: float, end: float) -> str:
    """Path of a ring's sector; kept, for the wheels of all cities have the same ones.

    Args:
        inner: Inner radius.
        outer: Outer radius.
        start: Where it begins, in turns from the top, clockwise.
        end: Where it ends; a whole turn is drawn as two halves.
    """
    if end - start > 0.999999:
        middle = (start + end) / 2
        return f"{sector(inner, outer, start, middle)} {sector(inner, outer, middle, end)}"
    large = 1 if end - start > 0.5 else 0
    (ax, ay), (bx, by) = point(outer, start), point(outer, end)
    (cx, cy), (dx, dy) = point(inner, end), point(inner, start)
    there = f"A{number(outer)} {number(outer)} 0 {large} 1 {number(bx)} {number(by)}"
    back = f"A{number(inner)} {number(inner)} 0 {large} 0 {number(dx)} {number(dy)}"
    return f"M{number(ax)} {number(ay)}{there}L{number(cx)} {number(cy)}{back}Z"


def point(radius: float, turn: float) -> tuple[float, float]:
    """Place on a circle around the centre, in turns from the top, clockwise."""
    angle = 2 * math.pi * turn
    return CENTRE + radius * math.sin(angle), CENTRE - radius * math.cos(angle)


def _along(part: Part, radius: float, start: float, end: float, ink: str, ident: str) -> str:
    """A name along its arc; in the lower half the arc runs the other way, so that no name is upside down."""
    below = 0.25 < ((start + end) / 2) % 1.0 < 0.75
    radius += 4.0 if below else -4.0
    large = 1 if end - start > 0.5 else 0
    (ax, ay), (bx, by) = (point(radius, turn) for turn in ((end, start) if below else (start, end)))
    arc = f"M{number(ax)} {number(ay)}A{number(radius)} {number(radius)} 0 {large} {0 if below else 1}"
    room = int((end - start) * 2 * math.pi * radius / 6.2)
    path = element("path", id=ident, d=f"{arc} {number(bx)} {number(by)}", fill="none")
    words = element("textPath", escape(shortened(clean(part.name), max(2, room))), href=f"#{ident}", startOffset="50%")
    look = {"text_anchor": "middle", "font_weight": "600", "fill": ink}
    return path + element("text", words, font_size=palette.NORMAL, aria_hidden="true", **look)


def _outside(part: Part, turn: float) -> str:
    """A category's name outside the rings, read from the centre outwards on the right, inwards on the left."""
    x, y = point(LABEL_RADIUS, turn)
    left = turn % 1.0 > 0.5
    degrees = 360 * turn - (270 if left else 90)
    return text(
        0,
        3.5,
        shortened(clean(part.name), 19),
        text_anchor="end" if left else "start",
        font_size=palette.NORMAL,
        class_="f-muted",
        fill=palette.MUTED,
        transform=f"translate({number(x)} {number(y)}) rotate({number(degrees)})",
    )
