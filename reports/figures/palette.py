"""The look of all figures: colours, sizes and fonts.

What belongs here: every colour that a figure or page uses. What does not: what is drawn with it. The bands run from
orange to blue, which readers with any common colour deficiency tell apart, also in grey print: the extremes are
dark, the middle is light. Grey is "not reported" and nothing else; what has a value and no benchmark is hatched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

INK = "#17212b"
MUTED = "#5a6875"
LINE = "#d5dce2"
PAPER = "#ffffff"
ACCENT = "#1b5e9b"
BETTER = "#1b5e9b"
WORSE = "#b8500b"
NOT_REPORTED = "#c3cad0"
HATCH, HATCHED = "#8593a0", "#e8ecef"  # lines, and what they are drawn on

FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'Noto Sans', 'DejaVu Sans', sans-serif"
SMALL, NORMAL, LARGE = 10.0, 12.0, 15.0


@dataclass(frozen=True)
class Band:
    """A band of the benchmark.

    Attributes:
        key: As the marts call it.
        label: As people read it.
        fill: Its colour; that of the lines where it is hatched.
        ink: Colour of text on it, contrast 4.5 to 1 or more.
        is_hatched: Whether it is drawn as lines on paper.
    """

    key: str
    label: str
    fill: str
    ink: str
    is_hatched: bool = False


# Four bands of the share of target reached (U4SSC), grey for what was not reported, lines for what was not compared.
BANDS = (
    Band("below_33", "below 33 %", "#b8500b", "#ffffff"),
    Band("from_33_to_66", "33 to 66 %", "#f2b36b", INK),
    Band("from_66_to_95", "66 to 95 %", "#8fc1e3", INK),
    Band("above_95", "above 95 %", "#1b5e9b", "#ffffff"),
)
UNREPORTED = Band("not_reported", "not reported", NOT_REPORTED, INK)
UNCOMPARED = Band("no_benchmark", "carried, or without a target", HATCH, INK, is_hatched=True)
_BY_KEY = {band.key: band for band in (*BANDS, UNCOMPARED, UNREPORTED)}


def band(key: str | None) -> Band:
    """A band by its key; None is "not reported".

    >>> band(None).label
    'not reported'
    """
    return UNREPORTED if key is None else _BY_KEY[key]


def legend(hatched: str = UNCOMPARED.label, grey: str = UNREPORTED.label) -> list[dict[str, Any]]:
    """What each look of a wheel means, in order, as JSON can hold it; ``hatched`` and ``grey`` in the page's words."""
    looks = [*((f"{band.label} of target", band) for band in BANDS), (hatched, UNCOMPARED), (grey, UNREPORTED)]
    return [{"told": told, "fill": band.fill, "is_hatched": band.is_hatched} for told, band in looks]


def mix(first: str, second: str, share: float) -> str:
    """A colour between two, ``share`` of the way to the second, in sRGB.

    >>> mix("#000000", "#ffffff", 0.5)
    '#808080'
    """
    parts = [
        round(int(first[i : i + 2], 16) + share * (int(second[i : i + 2], 16) - int(first[i : i + 2], 16)))
        for i in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


def diverging(value: float) -> str:
    """Colour of −1 (orange) over 0 (paper) to 1 (blue)."""
    return mix(PAPER, BETTER if value >= 0 else WORSE, min(1.0, abs(value)))


def sequential(share: float) -> str:
    """Colour of a share from 0 (paper) to 1 (dark blue)."""
    return mix(PAPER, "#0d3c66", min(1.0, max(0.0, share)))


def luminance(colour: str) -> float:
    """Relative luminance of a colour, 0 to 1 (WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink_on(fill: str) -> str:
    """The text colour that reads better on a fill."""
    return INK if luminance(fill) > 0.3 else PAPER
