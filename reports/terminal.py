"""Pages for the terminal: ranking, movers, a city, a KPI, in 80 columns.

What belongs here: the layout of what the mart holds. What does not: any number of its own but
the median of the values that it shows. Texts of cities are put in
as texts, never read as markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reports import words
from reports.mart import PublicMart, ReportError
from ssc_index.framework.catalogue import Catalogue

EIGHTHS = " ▏▎▍▌▋▊▉█"
LEVELS = "▁▂▃▄▅▆▇█"
FIRST = 20


def bar(share: float, width: int = 10) -> str:
    """A bar of block characters, exact to an eighth of one.

    >>> bar(0.55, 4)
    '██▎ '
    """
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    whole, part = divmod(eighths, 8)
    return (("█" * whole) + (EIGHTHS[part] if part else "")).ljust(width)


def histogram(values: Sequence[float], width: int = 40) -> str:
    """How values are spread from the smallest to the greatest, a character a bin.

    >>> histogram([0.0, 0.0, 0.0, 1.0], 4)
    '█  ▃'
    """
    counts, _ = np.histogram(np.asarray(values, dtype=float), bins=width)
    most = max(1, int(counts.max()))
    return "".join(" " if not count else LEVELS[max(0, -(-8 * int(count) // most) - 1)] for count in counts)


def _table(*columns: tuple[str, Any]) -> Table:
    """A table without lines; numbers stand at the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name, justify in columns:
        table.add_column(name, justify=justify, header_style="dim", no_wrap=justify == "right")
    return table


def _head(title: str, told: str, mart: PublicMart) -> Iterator[RenderableType]:
    if mart.is_demo:
        yield Text(words.DEMO_NOTICE, style="bold yellow")
    yield Text(title, style="bold")
    yield Text(told, style="dim")
    yield Text("")


def ranking(mart: PublicMart, edition: int, show_all: bool = False) -> RenderableType:
    """An edition's ranking: the first twenty, or all; who is not ranked, and why."""
    about = mart.edition_row(edition)
    rows = _rows(mart, edition)
    dimensions = [node for node in mart.nodes if node["level"] == "dimension"]
    ranked = sorted((nodes for nodes in rows.values() if _rank(nodes)), key=lambda nodes: (_rank(nodes), _id(nodes)))
    shown = ranked if show_all else ranked[:FIRST]
    table = _table(
        ("Rank", "right"),
        ("City", "left"),
        ("Index", "right"),
        ("90 %", "right"),
        ("Tier", "right"),
        *((name, "right") for name in _short([node["name"] for node in dimensions])),
        ("Cov.", "right"),
    )
    sureness = mart.sureness(edition)
    for nodes in shown:
        index = nodes["index"]
        sure = sureness.get(index["city_id"])
        table.add_row(
            str(index["rank"]),
            Text(mart.city_rows[index["city_id"]]["name"]),
            Text(words.score(index["score"]), style="bold"),
            Text(f"{sure.low}–{sure.high}" if sure else "–", style="blue"),
            str(sure.tier) if sure and sure.tier is not None else "–",
            *(words.score(nodes.get(node["node"], {}).get("score")) for node in dimensions),
            words.percent(index["coverage"]),
        )
    unranked = [nodes["index"] for nodes in rows.values() if not _rank(nodes) and "index" in nodes]
    told = (
        f"{len(ranked)} of {words.count(about['n_cities'], 'city is', 'cities are')} ranked. "
        f"{about['n_provisional_goalposts']} goalposts are provisional."
    )
    parts: list[RenderableType] = [*_head(f"Ranking {edition} ({about['status']})", told, mart)]
    if ranked:
        parts.append(table)
    if len(shown) < len(ranked):
        parts.append(Text(f"… {len(ranked) - len(shown)} more: ssc-index show ranking --all", style="dim"))
    if sureness:
        told = f"90 % and tier: ranks over the replications, among the {len(sureness)} cities with open values."
        parts.append(Text(told, style="dim"))
    if unranked:
        parts += [Text(""), Text("Not ranked", style="bold"), _unranked(mart, unranked)]
    return Group(*parts)


def _unranked(mart: PublicMart, rows: Sequence[dict[str, Any]]) -> Table:
    table = _table(("City", "left"), ("Cov.", "right"), ("Why", "left"))
    for row in sorted(rows, key=lambda row: (-row["coverage"], row["city_id"])):
        because = row["excluded_because"]
        told = words.reason(because, mart.names) if because else "no index score that is public"
        table.add_row(Text(mart.city_rows[row["city_id"]]["name"]), words.percent(row["coverage"]), Text(told))
    return table


def movers(mart: PublicMart, edition: int, before: int | None = None) -> RenderableType:
    """Who rose and who fell most since another edition, by default the one before.

    Raises:
        ReportError: If there is no earlier edition.
    """
    about = mart.edition_row(edition)
    earlier = [year for year in mart.editions if year < edition]
    if before is None and not earlier:
        raise ReportError(f"There is no edition before {edition}.")
    before = earlier[-1] if before is None else before
    mart.edition_row(before)
    old, new = _rows(mart, before), _rows(mart, edition)
    both = [city for city in new if _rank(new[city]) and _rank(old.get(city, {}))]
    changes = {city: _rank(old[city]) - _rank(new[city]) for city in both}
    told = f"{words.count(len(both), 'city is', 'cities are')} ranked in both."
    told += " A rank also moves when others enter, leave or change."
    parts: list[RenderableType] = list(_head(f"Movers from {before} to {edition} ({about['status']})", told, mart))
    for title, sign in (("Rose", 1), ("Fell", -1)):
        moved = sorted((c for c in both if changes[c] * sign > 0), key=lambda city: (-abs(changes[city]), city))[:10]
        table = _table((title, "left"), ("Rank", "right"), ("", "right"), ("Index", "right"), ("", "right"))
        for city in moved:
            first, last = old[city]["index"], new[city]["index"]
            table.add_row(
                Text(mart.city_rows[city]["name"][:30]),
                f"{first['rank']} → {last['rank']}",
                Text(f"{'▲' if sign > 0 else '▼'} {abs(changes[city])}", style="blue" if sign > 0 else "yellow"),
                f"{words.score(first['score'])} → {words.score(last['score'])}",
                words.change(last["score"] - first["score"]),
            )
        parts += [table if moved else Text(f"{title}: nobody"), Text("")]
    return Group(*parts)


def city(facts: dict[str, Any], mart: PublicMart) -> RenderableType:
    """A city's page, from the facts of its factsheet."""
    profile = " · ".join(pair[1] for pair in facts["profile"])
    title = f"{facts['city']}, edition {facts['edition']} ({facts['status']})"
    parts: list[RenderableType] = list(_head(title, profile, mart))
    # How sure the rank is takes a line of its own.
    short = [figure for figure in facts["key_figures"] if "rank interval" not in figure[1]]
    figures = _table(*(("", "left") for _ in short))
    figures.show_header = False
    figures.add_row(*(Text(figure[0], style="bold") for figure in short))
    figures.add_row(*(Text(figure[1], style="dim") for figure in short))
    parts += [
        figures,
        *(Text(f"{value}: {told}") for value, told in facts["key_figures"] if [value, told] not in short),
    ]
    parts.append(Text(""))
    if facts["because"]:
        parts += [Text(f"Not ranked: {facts['because']}."), Text("")]
    scores = _table(("", "left"), ("Score", "right"), ("", "left"), ("Rank", "right"), ("Peers", "right"))
    for row in facts["scores"]:
        name = Text(row["name"], style="bold") if row["is_main"] else Text("  " + row["name"])
        scores.add_row(name, row["score"], Text(bar(row["share"], 14), style="blue"), row["rank"], row["peers"])
    parts += [scores, Text(facts["score_peers"], style="dim"), Text("")]
    if facts["strengths"]:
        parts.append(Text(f"Compared with {facts['peers']}:", style="dim"))
        for kind in ("strengths", "weaknesses"):
            table = _table((kind.capitalize(), "left"), ("Value", "right"), ("Median", "right"), ("Ahead of", "right"))
            for row in facts[kind][:5]:
                unit = f" {row['unit']}" if row["unit"] else ""
                table.add_row(Text(row["name"] + unit), row["value"], row["median"], row["ahead"])
            parts += [table, Text("")]
    progress = _table(
        ("Edition", "left"), *((n, "right") for n in ("Rank", "Index", *_short(facts["dimensions"]), "Cov."))
    )
    for line in facts["progress"]:
        progress.add_row(*line[:-1])
    parts.append(progress)
    if facts["moved"]:
        parts.append(Text(facts["moved"], style="dim"))
    causes = facts["causes"]
    if causes and causes["parts"]:
        table = _table((f"Why it changed since {causes['before']}", "left"), ("Points", "right"), ("Places", "right"))
        for row in [*causes["parts"], ["Together", *causes["total"]]]:
            table.add_row(*row)
        parts += [Text(""), table]
    if not facts["has_values"]:
        parts.append(Text("The city publishes its scores but not its values.", style="dim"))
    return Group(*parts)


def kpi(mart: PublicMart, catalogue: Catalogue, code: str, edition: int) -> RenderableType:
    """A KPI's page: what it is, how the cities are spread, who does best."""
    one = catalogue.kpi(code)
    title = f"{one.name}, edition {edition} ({mart.edition_row(edition)['status']})"
    told = f"{one.code} · {one.dimension} › {one.sub_dimension} › {one.category} · {one.level}"
    parts: list[RenderableType] = [*_head(title, told, mart), Text(one.definition), Text("")]
    for point in one.data_points:
        unit = catalogue.codes.units[point.unit].symbol
        formula = "reported as it is"
        if point.numerator:
            formula = point.numerator + (f" ÷ {point.denominator}" if point.denominator else "")
            formula += f" × {point.multiplier:g}" if point.multiplier != 1 else ""
        goal = mart["dim_goalpost"].filter(edition=edition, data_point=point.id).to_dicts()
        parts.append(Text(point.name if len(one.data_points) > 1 else "What is reported", style="bold"))
        parts.append(Text(f"{formula}; {_direction(point.direction)}"))
        if goal and goal[0]["low"] is not None:
            ends = f"{words.amount(goal[0]['low'])} scores 0, {words.amount(goal[0]['high'])} scores 100"
            parts.append(Text(f"Goalposts: {ends} ({goal[0]['goalpost_status']})", style="dim"))
        if goal and goal[0]["target"] is not None:
            target = words.amount(goal[0]["target"], point.unit)
            parts.append(Text(f"Target: {target} {unit} ({goal[0]['target_status']})", style="dim"))
        values = mart["fact_value"].filter(edition=edition, data_point=point.id)
        parts += [*_spread(values["value"].to_list(), point.unit, unit), _best(mart, values, point, unit), Text("")]
    return Group(*parts[:-1])


def _direction(direction: str) -> str:
    return {"higher": "more is better", "lower": "less is better"}.get(direction, "neither more nor less is better")


def _spread(values: list[float], kind: str, unit: str) -> Iterator[RenderableType]:
    if not values:
        yield Text("No city publishes a value in this edition.", style="dim")
    elif kind == "yes_no":
        yield Text(f"Yes in {sum(value >= 1 for value in values)} of {len(values)} cities")
    else:
        low, high = words.amount(min(values)), words.amount(max(values))
        median = words.amount(float(np.median(values)))
        yield Text.assemble(f"{low} ", (histogram(values), "blue"), f" {high} {unit}")
        yield Text(f"{len(values)} cities, median {median}", style="dim")


def _best(mart: PublicMart, values: pl.DataFrame, point: Any, unit: str) -> RenderableType:
    if values.is_empty() or point.direction == "none" or point.unit == "yes_no":
        return Text("")
    rows = values.sort(["value", "city_id"], descending=[point.direction == "higher", False]).head(10).to_dicts()
    table = _table(("Best", "left"), (unit or "Value", "right"), ("Year", "right"))
    for row in rows:
        year = f"{row['value_year']}{' carried' if row['is_carried'] else ''}"
        table.add_row(Text(mart.city_rows[row["city_id"]]["name"]), words.amount(row["value"], point.unit), year)
    return Padding(table, (1, 0, 0, 0))


def _short(names: Sequence[str]) -> list[str]:
    """First words, cut to eight characters."""
    words_of = [name.partition(" ")[0] for name in names]
    return [word if len(word) <= 8 else word[:7] + "." for word in words_of]


def _rows(mart: PublicMart, edition: int) -> dict[str, dict[str, dict[str, Any]]]:
    """Rows of index and dimensions by city and node."""
    rows = mart["fact_score"].filter((pl.col("edition") == edition) & pl.col("level").is_in(["index", "dimension"]))
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows.to_dicts():
        found.setdefault(row["city_id"], {})[row["node"]] = row
    return found


def _rank(nodes: dict[str, dict[str, Any]]) -> int:
    """Rank of a city's index; 0 where it has none."""
    return nodes.get("index", {}).get("rank") or 0


def _id(nodes: dict[str, dict[str, Any]]) -> str:
    return str(nodes["index"]["city_id"])
