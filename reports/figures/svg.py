"""SVG as text: elements, escaped texts, numbers with fixed rounding, and the frame that every figure has.

What belongs here: writing. What does not: any figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from reports.figures import palette

# Control characters that XML 1.0 cannot hold, not even escaped.
_UNWRITABLE = {code: "\ufffd" for code in range(32) if chr(code) not in "\t\n\r"}


def number(value: float) -> str:
    """A coordinate with two decimals at most, and never ``-0``.

    >>> number(2.50001), number(-0.0001), number(3.0)
    ('2.5', '0', '3')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def clean(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return text.translate(_UNWRITABLE)


def element(name: str, *children: str, **attributes: str | float | None) -> str:
    """An element; ``_`` in an attribute's name is ``-``, a trailing one is dropped, None leaves the attribute out.

    Children are SVG already; use `text` for what people wrote.

    >>> element("a", "b", stroke_width=1.0, class_="c")
    '<a stroke-width="1" class="c">b</a>'
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}={quoteattr(clean(value) if isinstance(value, str) else number(value))}"
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(children)
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def text(x: float, y: float, words: str, **attributes: str | float | None) -> str:
    """A text at a place, escaped."""
    given: dict[str, str | float | None] = {"class_": "f-ink", "fill": palette.INK, "font_size": palette.NORMAL}
    return element("text", escape(clean(words)), **{"x": x, "y": y, **given, **attributes})


def note(x: float, y: float, words: str, **attributes: str | float | None) -> str:
    """A small grey text: axes, units, remarks."""
    given: dict[str, str | float | None] = {
        "class_": "f-muted",
        "fill": palette.MUTED,
        "font_size": palette.SMALL,
    }
    return text(x, y, words, **{**given, **attributes})


def tooltip(words: str) -> str:
    """What a browser shows, and a screen reader tells, of one mark."""
    return element("title", escape(clean(words)))


def line(x1: float, y1: float, x2: float, y2: float, **attributes: str | float | None) -> str:
    """A line, by default of the grid."""
    given: dict[str, str | float | None] = {"class_": "f-line", "stroke": palette.LINE, "stroke_width": 1}
    return element("line", **{"x1": x1, "y1": y1, "x2": x2, "y2": y2, **given, **attributes})


def hatch(ident: str) -> str:
    """The pattern ``{ident}-hatch``: slanting lines on whatever lies beneath."""
    stripe = element("path", d="M0 2.5H5", stroke=palette.HATCH, stroke_width=1.3)
    units = {"patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"}
    return element("defs", element("pattern", stripe, id=f"{ident}-hatch", width=5, height=5, **units))


def document(width: float, height: float, ident: str, title: str, description: str, children: Iterable[str]) -> str:
    """A figure.

    Args:
        width: Width of the drawing, in its own units.
        height: Height of the drawing.
        ident: Stem of the ids of title and description; unique in a page that holds several figures.
        title: What the figure is, in a few words.
        description: What it shows, for those who do not see it.
        children: Elements.

    Returns:
        The SVG, without an XML declaration, so that a page can hold it as it is.
    """
    head = element("title", escape(clean(title)), id=f"{ident}-title")
    told = element("desc", escape(clean(description)), id=f"{ident}-desc")
    return element(
        "svg",
        head,
        told,
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
        role="img",
        aria_labelledby=f"{ident}-title {ident}-desc",
        font_family=palette.FONT,
    )


def shortened(words: str, longest: int) -> str:
    """Words cut to a length, with an ellipsis.

    >>> shortened("Infrastructure", 8)
    'Infrast…'
    """
    return words if len(words) <= longest else words[: longest - 1].rstrip() + "…"


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers that span an interval: steps of 1, 2, 2.5 or 5 times a power of ten, within its ends.

    >>> ticks(0.0, 100.0)
    [0.0, 25.0, 50.0, 75.0, 100.0]
    """
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    raw = span / max(1, wanted - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if power * factor >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [count * step for count in range(first, last + 1)]
