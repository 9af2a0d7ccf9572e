"""Whether the public view gives away what it hides: held against every edition before it is published.

What belongs here: checks of what `consent.public_view` made, by other ways than those it was made by. What does not:
the rules themselves (`consent.py`). A sentence counts; it names no city, for it goes into logs.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from intake.consent import NAMING_COLUMNS, NOT_NAMED, SMALLEST_BASIS, UNKNOWN_SIZE, covers, parent_of

Frames = Mapping[str, pl.DataFrame]
Parents = Mapping[str, str | None]

GROUPINGS = ("region", "income_group", "size_class")
_KEY = ["edition", "city_id"]


def disclosures(view: Frames, frames: Frames, parents: Parents, smallest_group: int) -> list[str]:
    """What the public could learn that no consent covers.

    Args:
        view: What `consent.public_view` gives.
        frames: What it was given.
        parents: Parent of each node.
        smallest_group: Fewest cities that a figure of a group may rest on.

    Returns:
        A sentence for each kind of fault, with how often it occurs; empty where nothing is given away.
    """
    checks = {
        "rows of cities that the view does not show": _strangers(view),
        "scores from which a value that is not shown can be solved": solvable(view, frames, parents),
        "ranks that have a gap or are no ranks of what is shown": _false_ranks(view["index_scores"]),
        "figures of peers that are not in the view themselves": _hidden_figures(view),
        "peer groups that rest on too few cities, or on others than are shown": _odd_groups(view, smallest_group),
        "chances of ranks of cities that do not show their values": _closed_sureness(view),
        "correlations that rest on too few cities": _small_correlations(view, smallest_group),
    }
    return [f"{count} {what}" for what, count in checks.items() if count]


def _strangers(view: Frames) -> int:
    """Names of cities that the edition of their row does not show, or no edition where a row has none."""
    known = view["index_cities"].select(_KEY).unique()
    strange = 0
    for frame in view.values():
        for name in NAMING_COLUMNS:
            if name in frame.columns:
                key = ["edition", name] if "edition" in frame.columns else [name]
                named = frame.filter(pl.col(name).is_not_null())
                strange += named.join(known.rename({"city_id": name}), on=key, how="anti").height
    return strange


def solvable(view: Frames, frames: Frames, parents: Parents) -> int:
    """Scores that are shown, less all that is shown beneath them, and rest on too few secrets.

    A secret is a value whose own submission does not consent to values; others of the city may be had, though its
    consent of the edition keeps them from being shown there. Every secret is followed upwards to the first score that
    is shown. What is shown beneath that score can be taken off it; what remains rests on these values alone. Three
    that are of the edition's own year, and not all at one end of the scale, can be solved by nobody.
    """
    public = frames["index_cities"].select(*_KEY, "public_id")
    shown = view["index_scores"].filter(pl.col("score").is_not_null()).select(*_KEY, "node")
    shown = shown.rename({"city_id": "public_id"}).with_columns(is_shown=True)
    scored = frames["index_scores"].filter(pl.col("score").is_not_null()).select(*_KEY, "node", "score")
    open_values = view["picked_values"].select(*_KEY, "data_point").rename({"city_id": "public_id"})
    hidden = frames["picked_values"].filter(~covers("values")).join(public, on=_KEY)
    hidden = hidden.join(open_values, on=["edition", "public_id", "data_point"], how="anti")
    # Who has no secret takes no part: most of an edition.
    scored = scored.join(hidden, on=_KEY, how="semi")
    shown = shown.join(hidden, on=["edition", "public_id"], how="semi")
    at = hidden.select(*_KEY, "public_id", "year", node="data_point").join(scored, on=[*_KEY, "node"])
    found = []
    while not at.is_empty():
        marked = at.join(shown, on=["edition", "public_id", "node"], how="left")
        found.append(marked.filter("is_shown"))
        upwards = marked.filter(pl.col("is_shown").is_null()).drop("is_shown").with_columns(parent_of(parents, scored))
        at = upwards.join(scored.select(*_KEY, "node"), on=[*_KEY, "node"])
    if not found:
        return 0
    own = pl.col("score").filter(pl.col("year") == pl.col("edition"))
    groups = pl.concat(found).group_by("edition", "public_id", "node")
    told = groups.agg(own.len().alias("n"), own.min().alias("low"), own.max().alias("high"))
    return told.filter((pl.col("n") < SMALLEST_BASIS) | (pl.col("low") == pl.col("high")).fill_null(True)).height


def _false_ranks(scores: pl.DataFrame) -> int:
    ranked = scores.filter(pl.col("rank").is_not_null())
    true = pl.col("score").rank("min", descending=True).over("edition", "node")
    return ranked.filter(pl.col("rank") != true).height


def _hidden_figures(view: Frames) -> int:
    """Places among peers whose figure is neither a value nor a score that is shown."""
    key = ["edition", "city_id", "item"]
    sources = {
        "value": view["picked_values"].select("edition", "city_id", item="data_point", shown="value"),
        "score": view["index_scores"].select("edition", "city_id", item="node", shown="score"),
    }
    places = view["benchmark_peer_positions"]
    return sum(
        places.filter(measure=measure)
        .join(source, on=key, how="left")
        .filter(pl.col("figure").eq_missing(pl.col("shown")).not_())
        .height
        for measure, source in sources.items()
    )


def _odd_groups(view: Frames, smallest_group: int) -> int:
    """Groups that are told though they are too small, or whose extremes and number are not those of shown figures."""
    return sum(_odd_in(view, grouping, smallest_group) for grouping in GROUPINGS)


def _odd_in(view: Frames, grouping: str, smallest_group: int) -> int:
    cities = view["index_cities"].select(*_KEY, peer_group=grouping)
    members = view["benchmark_peer_positions"].filter(pl.col("figure").is_not_null()).join(cities, on=_KEY)
    figure = pl.col("figure")
    true = members.group_by("edition", "peer_group", "measure", "item").agg(
        n=pl.len(), low=figure.min(), high=figure.max()
    )
    told = view["benchmark_peers"].filter(pl.col("grouping") == grouping)
    told = told.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in _FIGURES))
    held = told.join(true, on=["edition", "peer_group", "measure", "item"], how="left")
    is_right = (
        (pl.col("n_cities") == pl.col("n"))
        & (pl.col("minimum") == pl.col("low"))
        & (pl.col("maximum") == pl.col("high"))
        & (pl.col("n_cities") >= smallest_group)
        & ~pl.col("peer_group").is_in([NOT_NAMED, UNKNOWN_SIZE])
    )
    return held.filter(~is_right.fill_null(False)).height


_FIGURES = ("n_cities", "minimum", "quartile_1", "median", "quartile_3", "maximum", "leader_city_id")


def _closed_sureness(view: Frames) -> int:
    open_cities = view["index_cities"].filter(covers("values")).select(_KEY)
    names = ("uncertainty_ranks", "uncertainty_distribution", "uncertainty_dominance")
    return sum(view[name].join(open_cities, on=_KEY, how="anti").height for name in names)


def _small_correlations(view: Frames, smallest_group: int) -> int:
    is_told = pl.col("coefficient").is_not_null() & (pl.col("n_cities") < smallest_group)
    return view["audit_correlations"].filter(is_told).height
