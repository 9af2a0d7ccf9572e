"""Changes in the terminal, in 80 columns.

What belongs here: the layout. What does not: what is told (`story.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports import words
from reports.changes.story import RANK_DECIMALS, SCORE_DECIMALS, SHORT, TOLD, Told
from reports.figures.palette import BETTER, WORSE

FIRST = 20


def overview(title: str, told: Sequence[Told], show_all: bool = False) -> RenderableType:
    """Two tables: points of the index and places, city by city, by what moved them."""
    both = [one for one in told if one.state == "both"]
    shown = both if show_all else both[:FIRST]
    parts: list[RenderableType] = [Text(title, style="bold")]
    moved = [name for name in SHORT if any(one.score_parts.get(name) or one.rank_parts.get(name) for one in both)]
    if len(both) == len(told) and not any(one.score_change or one.rank_change for one in both) and not moved:
        return Group(*parts, Text(f"Scores and ranks of the {len(both)} ranked cities are the same in both."))
    parts += [Text("Points of the index", style="bold"), _scores(shown, moved), Text("")]
    parts += [Text("Places, + is better", style="bold"), _ranks(shown, moved), Text("")]
    if len(shown) < len(both):
        parts.append(Text(f"… {len(both) - len(shown)} more: --all. One city: --city NAME.", style="dim"))
    for state, said in (("entered", "Newly ranked"), ("left", "No longer ranked")):
        names = [one.name for one in told if one.state == state]
        if names:
            parts.append(Text(f"{said}: {', '.join(names)}", style="dim"))
    parts += [Text(f"{SHORT[name]}: {TOLD[name]}", style="dim") for name in moved]
    parts.append(Text("Parts are rounded so that they add up. – : not divided, see --city.", style="dim"))
    return Group(*parts)


def one_city(title: str, one: Told) -> RenderableType:
    """A city: what happened, in sentences, and by which KPIs."""
    parts: list[RenderableType] = [Text(title, style="dim"), Text(one.name, style="bold")]
    parts += [Text(sentence) for sentence in one.sentences]
    if one.kpis:
        table = _table(("By its own data", "left"), ("Points", "right"))
        for name, value in one.kpis:
            table.add_row(Text(name), _coloured(value, SCORE_DECIMALS))
        parts += [Text(""), table]
    if one.values:
        parts += [Text(""), Text("Values", style="bold"), *(Text(line) for line in one.values)]
    return Group(*parts)


def _scores(shown: Sequence[Told], moved: Sequence[str]) -> Table:
    table = _table(
        ("City", "left"), ("Score", "right"), ("Change", "right"), *((SHORT[name], "right") for name in moved)
    )
    for one in shown:
        table.add_row(
            Text(one.name[:22]),
            words.score(one.score[1], SCORE_DECIMALS),
            _coloured(one.score_change, SCORE_DECIMALS),
            *(_coloured(one.score_parts.get(name), SCORE_DECIMALS) for name in moved),
        )
    return table


def _ranks(shown: Sequence[Told], moved: Sequence[str]) -> Table:
    table = _table(
        ("City", "left"), ("Rank", "right"), ("Change", "right"), *((SHORT[name], "right") for name in moved)
    )
    for one in shown:
        table.add_row(
            Text(one.name[:22]),
            f"{one.rank[0]}→{one.rank[1]}",
            _coloured(one.rank_change, 0),
            *(_coloured(one.rank_parts.get(name), RANK_DECIMALS) for name in moved),
        )
    return table


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name, justify in columns:
        table.add_column(name, justify=justify, header_style="dim", no_wrap=justify == "right")  # type: ignore[arg-type]  # the literals stand above
    return table


def _coloured(value: float | None, decimals: int) -> Text:
    """A change with its sign; 0 is faint."""
    said = words.change(value, decimals)
    style = "dim" if value is None or said.startswith("±") else BETTER if value > 0 else WORSE
    return Text(said, style=style)
