"""How sure one edition is: from its rows to the rows of ``uncertainty``, through the engine.

What belongs here: frames into a case, results into the tables of ``uncertainty``. What does not: any draw or figure
(`ssc_index/uncertainty`) and where rows are stored.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from assets.editions import GROUPS, cells_of, edition_values, max_age
from assets.provisional import Provisional, without_provisional
from intake.consent import covers, visible_scores
from intake.keys import place_among
from schemas import uncertainty as tables
from ssc_index.framework.catalogue import Catalogue
from ssc_index.method import Method
from ssc_index.sensitivity.alternatives import one_at_a_time
from ssc_index.sensitivity.ranks import (
    RankModel,
    alternatives_frame,
    alternatives_of,
    groups_of,
    outputs_of,
    rank_model,
    sensitivity_frame,
)
from ssc_index.sensitivity.sobol import sensitivity
from ssc_index.uncertainty.case import Case, case_of
from ssc_index.uncertainty.distribution import CONFIDENCE
from ssc_index.uncertainty.result import SURE, distribution_frame, pairs_frame, ranks_frame
from ssc_index.uncertainty.run import Result, run_uncertainty

AUDIENCES = {"internal": "all", "public": "public"}
# Up to so many cities each rank and nearly each pair has a row. A thousand cities would have half a million of both
# in every edition, most of which tell that a rank is as unlikely as the next, or that the first is ahead of the last.
FEW = 200


def edition_case(
    edition: int,
    selected: pl.DataFrame,
    cities: pl.DataFrame,
    catalogue: Catalogue,
    method: Method,
    provisional: Provisional | None = None,
) -> Case:
    """An edition with what is uncertain about it.

    Args:
        edition: The edition.
        selected: Rows of ``index.selected`` of the edition.
        cities: Rows of ``index.cities`` of the edition.
        catalogue: The KPI catalogue: bounds of the values, and which are yes or no.
        method: The method, with its section ``uncertainty``.
        provisional: What waits for verification; needed by an input of that kind, and by nothing else. A cell where a
            verified value stands keeps the grade of that one.
    """
    framework = catalogue.framework(edition)
    age = max_age(method)
    cities = cities.select("city_id", *GROUPS)
    reported = selected.select("city_id", "year", "data_point", "value", "quality")
    if provisional is not None:
        cities = pl.concat([cities, provisional.cities])
        cell = ["city_id", "year", "data_point"]
        reported = pl.concat([reported, provisional.values.join(selected, on=cell, how="anti")])
    names, years = cities["city_id"].to_list(), range(edition - age, edition + 1)
    values = edition_values(edition, selected, cities, framework.codes, age)
    known = reported.filter(pl.col("data_point").is_in(framework.codes) & pl.col("quality").is_not_null())
    # The same few words again and again: an array of them would take ten times the memory of the values.
    grades = np.full(values.values.shape, "", dtype=object)
    words = known["quality"].unique().to_list()
    places = cells_of(known, names, years, framework.codes)
    grades[places] = np.array(words, dtype=object)[place_among(known["quality"], words)]
    points = [catalogue.data_point(code) for code in framework.codes]
    open_ = float("nan")
    bounds = np.array(
        [
            [open_ if point.lower_bound is None else point.lower_bound for point in points],
            [open_ if point.upper_bound is None else point.upper_bound for point in points],
        ]
    )
    exact = np.array([point.value_type == "yes_no" for point in points])
    waiting = None
    if provisional is not None:
        waiting = np.full(values.values.shape, np.nan)
        waiting[cells_of(provisional.values, names, years, framework.codes)] = provisional.values["value"].to_numpy()
    return case_of(values, framework, method, edition, grades, bounds, exact, waiting)


def sureness_tables(
    edition: int,
    selected: pl.DataFrame,
    scores: pl.DataFrame,
    cities: pl.DataFrame,
    catalogue: Catalogue,
    method: Method,
    provisional: Provisional | None = None,
) -> dict[str, pl.DataFrame]:
    """Compute an edition's replications and tell them as rows, for the index team and for the public.

    The public figures are those of the cities that consent to publish values, ranked among each other: how the rank of
    a city spreads tells of the values that it rests on, and of those of every city that it is compared with. They are
    computed without an input of kind ``provisional``: what no verifier has seen is nobody's to publish.

    Args:
        edition: The edition.
        selected: Rows of ``index.selected`` of the edition.
        scores: Rows of ``index.scores`` of the edition.
        cities: Rows of ``index.cities`` of the edition.
        catalogue: The KPI catalogue.
        method: The method, with its section ``uncertainty``.
        provisional: What waits for verification, where the method has an input of that kind.

    Returns:
        Rows of ``uncertainty.ranks``, ``distribution``, ``dominance``, ``sensitivity``, ``rank_shift`` and
        ``one_at_a_time``, by table name.
    """
    root = catalogue.framework(edition).root.code
    if scores.filter((pl.col("node") == root) & pl.col("score").is_not_null()).is_empty():
        return {table.name: table.empty() for table in tables.TABLES}
    parents = {node.code: node.parent for node in catalogue.tree()}
    shown = visible_scores(scores, parents, selected).filter((pl.col("node") == root) & pl.col("score").is_not_null())
    named = shown.filter(covers("values"))["city_id"].to_list()
    rows: dict[str, list[pl.DataFrame]] = {table.name: [table.empty()] for table in tables.TABLES}
    runs: list[tuple[Method | None, Provisional | None, dict[str, str]]] = [(method, None, AUDIENCES)]
    if provisional is not None:
        runs = [(method, provisional, {"internal": "all"}), (without_provisional(method), None, {"public": "public"})]
    for one, waiting, audiences in runs:
        if one is None:
            continue
        case = edition_case(edition, selected, cities, catalogue, one, waiting)
        result = run_uncertainty(case, {"public": np.isin(case.values.units[case.rows], named)})
        for name, frames in _told(result, audiences).items():
            rows[name] += [frame.with_columns(pl.lit(edition, pl.Int16).alias("edition")) for frame in frames]
    return {table.name: pl.concat([table.typed(frame) for frame in rows[table.name]]) for table in tables.TABLES}


def _told(result: Result, audiences: dict[str, str]) -> dict[str, list[pl.DataFrame]]:
    """Rows of each table, for each audience: of the set of units that it names."""
    root = result.case.framework.root.code
    amongs = [result.tallies[root, name].among for name in audiences.values()]
    model = rank_model(result.case, amongs=amongs, prepared=result.prepared)
    found: dict[str, list[pl.DataFrame]] = {table.name: [] for table in tables.TABLES}
    several = zip(audiences.items(), what_moves(result, model), one_by_one(result, model), strict=True)
    for (audience, name), indices, alone in several:
        sure = SURE if result.tallies[root, name].among.sum() <= FEW else CONFIDENCE
        frames = (
            ranks_frame(result, name).filter(pl.col("ranked_share") > 0),
            distribution_frame(result, root, name, FEW),
            pairs_frame(result, root, name, sure),
            indices.filter(pl.col("unit").is_not_null()),
            indices.filter(pl.col("unit").is_null()),
            alone,
        )
        for table, frame in zip(tables.TABLES, frames, strict=True):
            renamed = frame.rename({"unit": "city_id", "other": "other_city_id"}, strict=False)
            found[table.name].append(renamed.with_columns(pl.lit(audience).alias("audience")))
    return found


def what_moves(result: Result, model: RankModel) -> list[pl.DataFrame]:
    """Which choice moves which score and rank, and, without a unit, all ranks together: for each set of units.

    Args:
        result: The replications.
        model: Scores and ranks of its case, among sets of units.

    Returns:
        Frames of `sensitivity_frame`, without outputs that no base point has.
    """
    section, amongs = result.case.section, model.amongs
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        indices = sensitivity(model, groups_of(result.case), section.points, section.seed, run=pool.map)
    frames = (sensitivity_frame(indices, result.units, amongs, which) for which in range(len(amongs)))
    return [frame.rename({"n_used": "n_points"}).filter(pl.col("n_points") > 0) for frame in frames]


def one_by_one(result: Result, model: RankModel) -> list[pl.DataFrame]:
    """How far ranks move by each setting of each input alone, for each set of units: frames of `alternatives_frame`."""
    parts = [outputs_of(model.amongs, which)[1] for which in range(len(model.amongs))]
    alone = one_at_a_time(model, len(result.case.names), alternatives_of(result.case), parts[0])
    return [alternatives_frame(alone.over(part)) for part in parts]
