"""How sure one edition is: from its rows to the rows of ``uncertainty``, through the engine.

What belongs here: frames into a case, results into the tables of ``uncertainty``. What does not: any draw or figure
(`ssc_index/uncertainty`) and where rows are stored.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from assets.editions import cells_of, edition_values, max_age, place_among
from intake.consent import covers, visible_scores
from schemas import uncertainty as tables
from ssc_index.framework.catalogue import Catalogue
from ssc_index.method import Method
from ssc_index.sensitivity.ranks import groups_of, rank_model, sensitivity_frame
from ssc_index.sensitivity.sobol import sensitivity
from ssc_index.steps.state import Bools
from ssc_index.uncertainty.case import Case, case_of
from ssc_index.uncertainty.distribution import CONFIDENCE
from ssc_index.uncertainty.result import SURE, distribution_frame, pairs_frame, ranks_frame
from ssc_index.uncertainty.run import Result, run_uncertainty

AUDIENCES = {"internal": "all", "public": "public"}
# Up to so many cities each rank and nearly each pair has a row. A thousand cities would have half a million of both
# in every edition, most of which tell that a rank is as unlikely as the next, or that the first is ahead of the last.
FEW = 200


def edition_case(
    edition: int, selected: pl.DataFrame, cities: pl.DataFrame, catalogue: Catalogue, method: Method
) -> Case:
    """An edition with what is uncertain about it.

    Args:
        edition: The edition.
        selected: Rows of ``index.selected`` of the edition.
        cities: Rows of ``index.cities`` of the edition.
        catalogue: The KPI catalogue: bounds of the values, and which are yes or no.
        method: The method, with its section ``uncertainty``.
    """
    framework = catalogue.framework(edition)
    age = max_age(method)
    values = edition_values(edition, selected, cities, framework.codes, age)
    known = selected.filter(pl.col("data_point").is_in(framework.codes) & pl.col("quality").is_not_null())
    # The same few words again and again: an array of them would take ten times the memory of the values.
    grades = np.full(values.values.shape, "", dtype=object)
    words = known["quality"].unique().to_list()
    years = range(edition - age, edition + 1)
    places = cells_of(known, cities["city_id"].to_list(), years, framework.codes)
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
    return case_of(values, framework, method, edition, grades, bounds, exact)


def sureness_tables(
    edition: int,
    selected: pl.DataFrame,
    scores: pl.DataFrame,
    cities: pl.DataFrame,
    catalogue: Catalogue,
    method: Method,
) -> dict[str, pl.DataFrame]:
    """Compute an edition's replications and tell them as rows, for the index team and for the public.

    The public figures are those of the cities that consent to publish values, ranked among each other: how the rank of
    a city spreads tells of the values that it rests on, and of those of every city that it is compared with.

    Args:
        edition: The edition.
        selected: Rows of ``index.selected`` of the edition.
        scores: Rows of ``index.scores`` of the edition.
        cities: Rows of ``index.cities`` of the edition.
        catalogue: The KPI catalogue.
        method: The method, with its section ``uncertainty``.

    Returns:
        Rows of ``uncertainty.ranks``, ``distribution``, ``dominance``, ``sensitivity`` and ``rank_shift``, by table
        name.
    """
    case = edition_case(edition, selected, cities, catalogue, method)
    root = case.framework.root.code
    if scores.filter((pl.col("node") == root) & pl.col("score").is_not_null()).is_empty():
        return {table.name: table.empty() for table in tables.TABLES}
    parents = {node.code: node.parent for node in catalogue.tree()}
    shown = visible_scores(scores, parents, selected).filter((pl.col("node") == root) & pl.col("score").is_not_null())
    shown = shown.filter(covers("values"))
    named = set(shown["city_id"].to_list())
    among = np.array([unit in named for unit in case.values.units[case.rows]])
    result = run_uncertainty(case, {"public": among})
    rows: dict[str, list[pl.DataFrame]] = {table.name: [] for table in tables.TABLES}
    moved = what_moves(result, [result.tallies[root, name].among for name in AUDIENCES.values()])
    for (audience, name), indices in zip(AUDIENCES.items(), moved, strict=True):
        ranks = ranks_frame(result, name).filter(pl.col("ranked_share") > 0)
        sure = SURE if result.tallies[root, name].among.sum() <= FEW else CONFIDENCE
        frames = (
            ranks,
            distribution_frame(result, root, name, FEW),
            pairs_frame(result, root, name, sure),
            indices.filter(pl.col("unit").is_not_null()),
            indices.filter(pl.col("unit").is_null()),
        )
        for table, frame in zip(tables.TABLES, frames, strict=True):
            stamped = frame.rename({"unit": "city_id", "other": "other_city_id"}, strict=False).with_columns(
                pl.lit(edition, pl.Int16).alias("edition"), pl.lit(audience).alias("audience")
            )
            rows[table.name].append(stamped)
    return {name: pl.concat(frames) for name, frames in rows.items()}


def what_moves(result: Result, amongs: Sequence[Bools]) -> list[pl.DataFrame]:
    """Which choice moves which score and rank, and, without a unit, all ranks together: for each set of units.

    Args:
        result: The replications, with what was laid out for them.
        amongs: Sets of units that are ranked among each other.

    Returns:
        Frames of `sensitivity_frame`, without outputs that no base point has.
    """
    model = rank_model(result.case, amongs=amongs, prepared=result.prepared)
    section = result.case.section
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        indices = sensitivity(model, groups_of(result.case), section.points, section.seed, run=pool.map)
    frames = (sensitivity_frame(indices, result.units, amongs, which) for which in range(len(amongs)))
    return [frame.rename({"n_used": "n_points"}).filter(pl.col("n_points") > 0) for frame in frames]
