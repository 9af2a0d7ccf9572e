"""What a city's consent covers: the one place where the public view is made.

What belongs here: every rule of what may leave the house. What does not: computing or writing anything.
Public marts, site and factsheets take their frames from here and from nowhere else. The rules and the attacks
they withstand are told in docs/decisions/0004-public-view.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

RANK_OF_CONSENT: Mapping[str, int] = {"none": 0, "scores": 1, "values": 2, "report": 3}

# With consent to scores alone, a score must rest on at least so many data points, or it would give values away.
SMALLEST_BASIS = 3
LEVELS_OF_SCORES = ("index", "dimension", "sub_dimension")
CUTS_OF_SCORES = ("total", "dimension")
SURENESS = ("ranks", "distribution", "dominance", "sensitivity", "rank_shift", "one_at_a_time")
CHANGES = ("changes_parts", "changes_kpis")
# Frames of figures over many cities, made once over all and once over what is shown.
WITH_AUDIENCE = ("benchmark_peers", "benchmark_peer_positions", "audit_correlations", "audit_importance")
UNCERTAIN = tuple(f"uncertainty_{name}" for name in SURENESS)

# What the public is told of a city that is counted but not named, where it is told a group of a named one. ZZZ is
# left to users by ISO 3166.
NOT_NAMED, NO_COUNTRY, UNKNOWN_SIZE = "not named", "ZZZ", "unknown"
NAMING_COLUMNS = ("city_id", "other_city_id", "leader_city_id")


def covers(least: str, column: str = "consent") -> pl.Expr:
    """Whether a consent column covers at least ``least``."""
    return pl.col(column).replace_strict(RANK_OF_CONSENT, return_dtype=pl.Int8) >= RANK_OF_CONSENT[least]


def parent_of(parents: Mapping[str, str | None], rows: pl.DataFrame) -> pl.Expr:
    """Parent of the ``node`` of rows, in the form that these have it in: text, or categories of text."""
    return pl.col("node").replace_strict(parents, default=None, return_dtype=rows.schema["node"])


def least_consent(column: str = "consent") -> pl.Expr:
    """The least consent of a group of rows, as an aggregation."""
    words = {rank: word for word, rank in RANK_OF_CONSENT.items()}
    ranks = pl.col(column).replace_strict(RANK_OF_CONSENT, return_dtype=pl.Int8).min()
    return ranks.replace_strict(words, return_dtype=pl.String)


def visible_cities(cities: pl.DataFrame) -> pl.DataFrame:
    """Cities of an edition that may be shown.

    Population and number of values are given only where values may be shown. A city that is not named is in no group:
    what a group gains by it would tell where it lies.
    """
    shown, named = covers("values"), pl.col("public_id") == pl.col("city_id")
    blank = {"region": NOT_NAMED, "income_group": NOT_NAMED, "size_class": UNKNOWN_SIZE}
    return cities.filter(covers("scores")).with_columns(
        pl.when(shown).then(pl.col("population")).alias("population"),
        pl.when(shown).then(pl.col("n_values")).otherwise(0).cast(pl.Int32).alias("n_values"),
        *(pl.when(named).then(pl.col(name)).otherwise(pl.lit(word)).alias(name) for name, word in blank.items()),
    )


def visible_values(values: pl.DataFrame, cities: pl.DataFrame) -> pl.DataFrame:
    """Values that may be shown: both their own year and the edition that uses them must allow it.

    Args:
        values: Rows with ``edition``, ``city_id`` and the ``consent`` of the value's own submission.
        cities: Rows of ``index.cities``.
    """
    allowed = cities.filter(covers("values")).select("edition", "city_id")
    return values.filter(covers("values")).join(allowed, on=["edition", "city_id"], how="semi", maintain_order="left")


def values_of(selected: pl.DataFrame, opened: pl.DataFrame) -> pl.DataFrame:
    """Selected values that may be shown, of the cities of one edition that consent to values."""
    return selected.filter(covers("values")).join(opened.select("city_id"), on="city_id", how="semi")


def visible_scores(scores: pl.DataFrame, parents: Mapping[str, str | None], picked: pl.DataFrame) -> pl.DataFrame:
    """Scores that may be shown, ranked among themselves: a gap would tell of a score that is not shown.

    Args:
        scores: As for `shown_scores`.
        parents: As for `shown_scores`.
        picked: As for `shown_scores`.

    Returns:
        The rows that may be shown, in their order.
    """
    rank = pl.col("rank_published").rank("min").over("edition", "node").cast(pl.Int32)
    shown = shown_scores(scores, parents, picked)
    return shown.with_columns(rank.alias("rank"), rank.alias("rank_published"))


def shown_scores(scores: pl.DataFrame, parents: Mapping[str, str | None], picked: pl.DataFrame) -> pl.DataFrame:
    """Scores that may be shown, with the ranks that they have among all: those are for nobody's eyes.

    Consent to values shows every node. Consent to scores alone shows index, dimensions and sub-dimensions, and
    these only where no value can be solved from them (`_coarse_scores`).

    Args:
        scores: Rows of ``index.scores``: of the cities that consent to scores alone every node, of the others those
            that are asked for.
        parents: Parent of each node.
        picked: The value that each edition took for each city and data point, with its year and the ``consent`` of
            its own submission.

    Returns:
        The rows that may be shown, in their order.
    """
    is_open = scores.select(covers("values")).to_series()
    is_closed = scores.select(covers("scores")).to_series() & ~is_open
    coarse = _coarse_scores(scores.with_row_index("place").filter(is_closed), parents, picked)
    return scores.filter(is_open.scatter(coarse["place"], True))


def _coarse_scores(scores: pl.DataFrame, parents: Mapping[str, str | None], picked: pl.DataFrame) -> pl.DataFrame:
    """Scores of cities that consent to scores alone, from the index down as far as no secret can be solved.

    A secret is a value whose own submission does not consent to values. A score that rests on any must rest on at
    least three of the edition's own year that are not all alike: a carried secret was in an earlier edition's
    scores too and could be had as a difference, and secrets that are all at an end of the scale tell themselves.
    Siblings are shown all or none, and only beneath a parent that is shown, for each could be had from the rest.
    """
    secrets = _secrets_beneath(scores, parents, picked)
    rows = scores.with_columns(secrets).filter(pl.col("level").is_in(LEVELS_OF_SCORES))
    rows = rows.with_columns(parent_of(parents, scores).alias("parent"))
    is_safe = (pl.col("n_own") >= SMALLEST_BASIS) & (pl.col("lowest") < pl.col("highest"))
    tells = pl.col("score").is_not_null() & pl.col("n_own").is_not_null() & ~is_safe.fill_null(False)
    shown = rows.clear()
    for level in LEVELS_OF_SCORES:
        family = _whole_families(rows.filter(pl.col("level") == level), tells)
        above = shown.select("edition", "city_id", pl.col("node").alias("parent"))
        beneath = family.join(above, on=above.columns, how="semi")
        shown = pl.concat([shown, family.filter(pl.col("parent").is_null()), beneath])
    return shown.select(scores.columns)


def _secrets_beneath(scores: pl.DataFrame, parents: Mapping[str, str | None], picked: pl.DataFrame) -> pl.DataFrame:
    """For each row: how many secrets of the edition's own year it rests on, and the scores at their ends.

    A data point counts beneath a node only if every node between them has a score; otherwise it did not get there.

    Returns:
        ``n_own``, ``lowest`` and ``highest``, in the order of the rows; ``n_own`` is null where there is no secret, the
        others where none is of the edition's own year.
    """
    editions, cities = scores["edition"].unique().sort(), scores["city_id"].unique().cast(pl.String).sort()
    nodes = pl.Series([*parents, *set(scores["node"].unique().cast(pl.String)).difference(parents)], dtype=pl.String)
    number = {node: place for place, node in enumerate(nodes)}
    parent = np.array([number.get(parents.get(node) or "", -1) for node in nodes], dtype=np.int64)
    among = (editions, cities, nodes)
    secret = picked.filter(~covers("values"))
    at, leaf = _places(scores, "node", among), _places(secret, "data_point", among)
    score = np.full(editions.len() * cities.len() * nodes.len(), np.nan)
    score[at] = scores["score"].to_numpy()
    is_own = (secret["year"] == secret["edition"]).to_numpy()
    beneath, is_own = leaf[leaf >= 0], is_own[leaf >= 0]
    value = score[beneath]
    is_beneath, n_own = np.zeros(score.size, dtype=bool), np.zeros(score.size, dtype=np.int32)
    lowest, highest = np.full(score.size, np.inf), np.full(score.size, -np.inf)
    while beneath.size:
        counts = ~np.isnan(score[beneath])
        beneath, value, is_own = beneath[counts], value[counts], is_own[counts]
        is_beneath[beneath] = True
        np.add.at(n_own, beneath[is_own], 1)
        np.minimum.at(lowest, beneath[is_own], value[is_own])
        np.maximum.at(highest, beneath[is_own], value[is_own])
        above = parent[beneath % nodes.len()]
        beneath = beneath - beneath % nodes.len() + above
        beneath, value, is_own = beneath[above >= 0], value[above >= 0], is_own[above >= 0]
    told = pl.DataFrame({"n_own": n_own[at], "lowest": lowest[at], "highest": highest[at]})
    rests, has_own = pl.Series(is_beneath[at]), pl.Series(n_own[at] > 0)
    return told.select(
        pl.when(rests).then("n_own").alias("n_own"),
        *(pl.when(has_own).then(name).alias(name) for name in ("lowest", "highest")),
    )


def _places(rows: pl.DataFrame, node: str, among: tuple[pl.Series, pl.Series, pl.Series]) -> np.ndarray:
    """Place of each row in a table of all editions, cities and nodes, the last running fastest; -1 if it has none.

    To find names in a table of numbers takes a tenth of the time of joining rows by three columns.
    """
    editions, cities, nodes = among
    known = {"edition": pl.Enum(editions.cast(pl.String)), "city_id": pl.Enum(cities), node: pl.Enum(nodes)}
    numbers = [rows[name].cast(pl.String).cast(words, strict=False).to_physical() for name, words in known.items()]
    edition, city, column = (one.cast(pl.Int64).fill_null(-1).to_numpy() for one in numbers)
    place = (edition * cities.len() + city) * nodes.len() + column
    return np.where(np.minimum(np.minimum(edition, city), column) < 0, -1, place)


def visible_points(points: pl.DataFrame) -> pl.DataFrame:
    """Benchmark points of single data points that may be shown: they tell a value's band."""
    return points.filter(covers("values"))


def visible_sureness(ranks: pl.DataFrame, index_scores: pl.DataFrame) -> pl.DataFrame:
    """How sure the ranks of the index are, of the cities that consent to publish values.

    The ranks are those among these cities. How far a score or a rank spreads depends on single values and their
    grades; whoever has the method, its seed and the open values could solve for the one city that is not open. The
    spread of scores, and what moves them, is left out: its quantiles are read off a scale that all cities share, and
    in single precision the last bits of a score rest on one, hidden cities among them.

    Args:
        ranks: Rows of ``uncertainty.ranks`` for the public.
        index_scores: The scores that are shown.
    """
    shown = index_scores.filter(covers("values") & pl.col("score").is_not_null())
    key = ["edition", "city_id", "node"]
    rows = ranks.join(shown.select(key), on=key, how="semi", maintain_order="left")
    return rows.with_columns(pl.lit(None, pl.Float64).alias(name) for name in ranks.columns if "score" in name)


def visible_chances(rows: pl.DataFrame, ranks: pl.DataFrame) -> pl.DataFrame:
    """Shares of replications or of variance, where every city that a row names is shown."""
    shown = ranks.select("edition", "city_id").unique()
    result = rows.join(shown, on=["edition", "city_id"], how="semi", maintain_order="left")
    if "other_city_id" in rows.columns:
        other = shown.rename({"city_id": "other_city_id"})
        result = result.join(other, on=["edition", "other_city_id"], how="semi", maintain_order="left")
    return result


def visible_benchmark(scores: pl.DataFrame) -> pl.DataFrame:
    """Benchmark percentages that may be shown.

    Consent to scores alone shows the total and the dimensions over all KPIs, the dimensions all or none; core and
    advanced apart would give each other away. Each must rest on three data points or more and lie so far from both
    ends that any one of them may have any points.
    """
    is_open = scores.select(covers("values")).to_series()
    is_coarse = pl.col("cut").is_in(CUTS_OF_SCORES) & (pl.col("kpi_level") == "all")
    closed = scores.with_row_index("place").filter(~is_open & covers("scores") & is_coarse)
    coarse = closed.with_columns(pl.col("cut").alias("parent"))
    room = pl.col("max_points") // pl.col("n_scored") - 1
    is_at_end = (pl.col("points") - pl.col("n_scored") < room) | (pl.col("max_points") - pl.col("points") < room)
    coarse = _whole_families(coarse, (pl.col("n_scored") > 0) & ((pl.col("n_scored") < SMALLEST_BASIS) | is_at_end))
    return scores.filter(is_open.scatter(coarse["place"], True))


def _whole_families(rows: pl.DataFrame, is_small: pl.Expr) -> pl.DataFrame:
    """Rows without those whose siblings, or who themselves, rest on too little."""
    family = ["edition", "city_id", "parent"]
    small = rows.filter(is_small).select(family).unique()
    return rows.join(small, on=family, how="anti", nulls_equal=True, maintain_order="left")


def public_view(frames: Mapping[str, pl.DataFrame], parents: Mapping[str, str | None]) -> dict[str, pl.DataFrame]:
    """The frames of the marts with everything removed that consent does not cover.

    Args:
        frames: The frames that `assets/publish.py` fills the marts from, by name.
        parents: Parent of each node.

    Returns:
        The same names; frames that no public mart may draw on are absent.
    """
    cities = visible_cities(frames["index_cities"])
    shown_cities = cities.select("city_id").unique()
    editions = cities.select("edition").unique()
    picked = visible_values(frames["picked_values"], frames["index_cities"])
    shown = picked.select("file_sha256", "city_id", "year", "data_point").unique()
    scores = visible_scores(frames["index_scores"], parents, frames["picked_values"])
    of_public = {name: frames[f"uncertainty_{name}"].filter(pl.col("audience") == "public") for name in SURENESS}
    sureness = visible_sureness(of_public["ranks"], scores)
    register = frames["raw_cities"].join(shown_cities, on="city_id", how="semi", maintain_order="left")
    goalposts = frames["catalogue_goalposts"]
    of_edition = cities.select("edition", "city_id")
    view = {
        "workspace": frames["workspace"],
        "catalogue_nodes": frames["catalogue_nodes"],
        # An edition that shows no city would tell that somebody has submitted.
        "catalogue_goalposts": goalposts.join(editions, on="edition", how="semi", maintain_order="left"),
        "raw_cities": _public_register(register),
        "index_cities": cities,
        "picked_values": picked,
        "core_values": frames["core_values"].join(shown, on=shown.columns, how="semi", maintain_order="left"),
        "index_scores": scores,
        "benchmark_points": visible_points(frames["benchmark_points"]),
        "benchmark_scores": visible_benchmark(frames["benchmark_scores"]),
        **{name: _public(frames[name]) for name in WITH_AUDIENCE},
        # Nor does an edition tell of a city that it does not show: not even that the city was in the one before.
        **{name: _public(frames[name]).join(of_edition, on=of_edition.columns, how="semi") for name in CHANGES},
        "uncertainty_ranks": sureness,
        "uncertainty_distribution": visible_chances(of_public["distribution"], sureness),
        "uncertainty_dominance": visible_chances(of_public["dominance"], sureness),
        "uncertainty_sensitivity": visible_chances(
            of_public["sensitivity"].filter(pl.col("measure") == "rank"), sureness
        ),
        **{
            f"uncertainty_{name}": of_public[name].join(sureness.select("edition"), on="edition", how="semi")
            for name in ("rank_shift", "one_at_a_time")
        },
    }
    return _under_public_names(view, cities)


def _public(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows that were made for the public."""
    return frame.filter(pl.col("audience") == "public")


def _public_register(register: pl.DataFrame) -> pl.DataFrame:
    """Rows of the register, those of cities that are not named without anything that tells who they are."""
    unnamed = pl.col("pseudonym").is_not_null()
    spoken = pl.col("pseudonym").str.replace_all("-", " ")
    told = {
        "name": pl.concat_str(spoken.str.head(1).str.to_uppercase(), spoken.str.slice(1)),
        "country_code": pl.lit(NO_COUNTRY),
        **dict.fromkeys(("country", "region", "income_group"), pl.lit(NOT_NAMED)),
    }
    return register.select(
        "city_id",
        *(pl.when(unnamed).then(text).otherwise(name).alias(name) for name, text in told.items()),
        is_named(),
    )


def is_named() -> pl.Expr:
    """Whether a city of the register is called by its name."""
    return pl.col("pseudonym").is_null().alias("is_named")


def _under_public_names(view: Mapping[str, pl.DataFrame], cities: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The frames with the pseudonym of each city that has one in place of its key."""
    pairs = cities.filter(pl.col("city_id") != pl.col("public_id")).select("city_id", "public_id").unique()
    if pairs.is_empty():
        return dict(view)
    mapping = dict(pairs.iter_rows())
    return {
        name: frame.with_columns(
            pl.col(column).replace(mapping) for column in NAMING_COLUMNS if column in frame.columns
        )
        for name, frame in view.items()
    }
