"""Maps of numbers: the correlation map, and the heat map of how likely each rank is.

What belongs here: the drawing of a matrix. What does not: how its numbers are computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from reports.figures import palette
from reports.figures.svg import document, element, line, shortened, text, tooltip

LEFT, TOP, CELL = 170.0, 118.0, 26.0


def correlation_map(
    names: Sequence[str],
    correlations: Sequence[Sequence[float]],
    *,
    title: str,
    description: str,
    ident: str = "correlations",
) -> str:
    """Draw a correlation matrix: blue goes together, orange goes against each other, grey is unknown.

    Args:
        names: Names of rows and columns.
        correlations: From −1 to 1, shape (n, n); NaN where there is none.
        title: Title of the figure.
        description: What it shows.
        ident: Stem of the ids.
    """

    def told(row: int, column: int, value: float) -> str:
        return f"{names[row]} and {names[column]}: {_or_none(value, '{:.2f}')}"

    size = max(10.0, min(CELL, 520.0 / max(1, len(names))))
    return _matrix(
        names, names, correlations, (size, size), palette.diverging, told, _correlation, title, description, ident
    )


def acceptability_map(
    names: Sequence[str],
    shares: Sequence[Sequence[float]],
    ranks: Sequence[int] | None = None,
    *,
    title: str,
    description: str,
    ident: str = "acceptability",
) -> str:
    """Draw how often each city took each rank, over all simulated variants.

    Args:
        names: Cities, in the order drawn.
        shares: Share of the variants, 0 to 1, shape (n_cities, n_ranks).
        ranks: Rank of each column; None counts from 1.
        title: Title of the figure.
        description: What it shows.
        ident: Stem of the ids.
    """
    columns = len(shares[0]) if shares else 0
    heads = [str(rank) for rank in ranks or range(1, columns + 1)]

    def told(row: int, column: int, value: float) -> str:
        return f"{names[row]}, rank {heads[column]}: {_or_none(value, '{:.1%}')}"

    width = max(4.0, min(CELL, 560.0 / max(1, columns)))
    largest = max((value for row in shares for value in row if not math.isnan(value)), default=1.0) or 1.0
    return _matrix(
        names,
        heads,
        shares,
        (width, 18.0),
        lambda value: palette.sequential(value / largest),
        told,
        lambda value: f"{100 * value:.0f}" if value >= 0.005 else "",
        title,
        description,
        ident,
        upright=True,
    )


def _correlation(value: float) -> str:
    return f"{value:.1f}".replace("-", "−") if abs(value) < 0.95 else f"{value:.0f}".replace("-", "−")


def _or_none(value: float, form: str) -> str:
    return "none" if math.isnan(value) else form.format(value)


def _matrix(
    rows: Sequence[str],
    columns: Sequence[str],
    numbers: Sequence[Sequence[float]],
    cell: tuple[float, float],
    colour: Callable[[float], str],
    told: Callable[[int, int, float], str],
    label: Callable[[float], str],
    title: str,
    description: str,
    ident: str,
    upright: bool = False,
) -> str:
    """Cells with the names of rows at the left and of columns on top."""
    width, height = cell
    top = 44.0 if upright else TOP
    children = []
    for row, name in enumerate(rows):
        y = top + height * row
        children.append(text(LEFT - 8, y + height / 2 + 4, shortened(name, 24), text_anchor="end", font_size=11))
        for column, value in enumerate(numbers[row]):
            x = LEFT + width * column
            fill = palette.NOT_REPORTED if math.isnan(value) else colour(value)
            inside = element(
                "rect",
                tooltip(told(row, column, value)),
                x=x,
                y=y,
                width=width - 1,
                height=height - 1,
                fill=fill,
                class_="f-cell",
            )
            children.append(inside)
            if width >= 20 and not math.isnan(value) and (words := label(value)):
                ink = palette.ink_on(fill)
                children.append(_inside(x + (width - 1) / 2, y + height / 2 + 3, words, ink))
    step = 1 if width >= 14 or not upright else 5
    for column, name in enumerate(columns):
        x = LEFT + width * (column + 0.5)
        if upright and (column % step == 0):
            children.append(text(x, top - 8, name, text_anchor="middle", font_size=palette.SMALL))
        elif not upright:
            place = f"translate({x + 3.5:.2f} {top - 8:.2f}) rotate(-60)"
            children.append(text(0, 0, shortened(name, 20), transform=place, font_size=11))
    whole = (LEFT + width * len(columns) + (12 if upright else 50), top + height * len(rows) + 8)
    if upright:  # with few ranks the heading is wider than the map
        whole = (max(whole[0], LEFT + 345), whole[1])
        children.append(text(LEFT, 16, "Rank, with its share of all variants in per cent", font_weight="600"))
        children.append(line(LEFT, top - 4, LEFT + width * len(columns), top - 4))
    return document(*whole, ident, title, description, children)


def _inside(x: float, y: float, words: str, ink: str) -> str:
    """A number in a cell; the cell's own title tells it to a screen reader."""
    return text(
        x,
        y,
        words,
        text_anchor="middle",
        font_size=9.5,
        fill=ink,
        class_=None,
        aria_hidden="true",
        pointer_events="none",
    )
