"""One edition: from selected values to the rows of every step's table, through the engine.

What belongs here: frames into arrays and arrays into the tables of ``index``. What does not: any step
(`ssc_index`) and where rows are stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from intake.consent import covers
from intake.keys import place_among
from schemas import index as tables
from ssc_index.errors import MethodError
from ssc_index.framework.model import Framework
from ssc_index.index import compute_index
from ssc_index.method import Method, read_method
from ssc_index.result import IndexResult, StepResult
from ssc_index.sample import scores_in
from ssc_index.steps.aggregate import Aggregate
from ssc_index.steps.impute_parameters import ImputeLastValue, ImputeOverYears
from ssc_index.steps.rules import rule_of
from ssc_index.values import Floats, Values, values_from_columns

GROUPS = ("region", "income_group", "size_class")


def read_edition_method(path: Path) -> Method:
    """Read a method file that editions can be built by.

    Raises:
        MethodError: If the file is at fault, or asks for what an edition cannot give: ranks that are no whole numbers,
            values of any age, or parameters over all years of a panel, of which an edition sees only the newest values.
    """
    method = read_method(path)
    faults = []
    if method.rank.ties == "average":
        faults.append("rank.ties: average gives halves; an edition's ranks are whole numbers: min, max or dense")
    faults += [
        f"steps[{number}].{step.step}.over: panel would see of earlier years only what an edition carries; use year"
        for number, step in enumerate(method.steps)
        if getattr(step, "over", "year") == "panel"
    ]
    faults += [
        f"steps[{number}].impute.max_years: missing, which is any age; an edition draws on so many years and no more. "
        "Say how many (2), or leave the step out to carry nothing"
        for number, step in enumerate(method.steps)
        if isinstance(step, ImputeLastValue | ImputeOverYears) and step.max_years is None
    ]
    for number, step in enumerate(method.steps):
        if isinstance(step, Aggregate):
            rules = [rule_of(how) for how in (step.method, *step.levels.values())]
            if any(getattr(rule, "over", "year") == "panel" and getattr(rule, "standardise", True) for rule in rules):
                faults.append(f"steps[{number}].aggregate: ampi over panel would see one edition only; say over: year")
    if faults:
        raise MethodError(path.name, faults)
    return method


def max_age(method: Method) -> int:
    """Greatest age in years of a value that the method carries into an edition; 0 if it carries none."""
    ages = [step.max_years or 0 for step in method.steps if isinstance(step, ImputeLastValue | ImputeOverYears)]
    return max(ages, default=0)


def edition_values(
    edition: int, selected: pl.DataFrame, cities: pl.DataFrame, codes: tuple[str, ...], age: int
) -> Values:
    """Values of an edition as the engine takes them.

    Args:
        edition: The edition.
        selected: Rows of ``index.selected`` of the edition.
        cities: Rows of ``index.cities`` of the edition.
        codes: Data points of the framework, in order.
        age: Greatest age of a value; the table has a row for each city and year back to it.

    Returns:
        One row per city and year, NaN where nothing is reported.
    """
    names = cities["city_id"].to_list()
    years = list(range(edition - age, edition + 1))
    known = selected.filter(pl.col("data_point").is_in(codes))
    table = np.full((len(years) * len(names), len(codes)), np.nan)
    table[cells_of(known, names, years, codes)] = known["value"].to_numpy()
    return values_from_columns(
        [name for _ in years for name in names],
        [year for year in years for _ in names],
        codes,
        table,
        {group: cities[group].to_list() * len(years) for group in GROUPS},
        subject=f"edition {edition}",
    )


def cells_of(
    known: pl.DataFrame, names: Sequence[str], years: Sequence[int], codes: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of values in a table with a row for each year and city, years first.

    Args:
        known: Rows with ``year``, ``city_id`` and ``data_point``, one of the codes.
        names: Cities, in order.
        years: Years, ascending without a gap.
        codes: Data points, in order.

    Raises:
        ValueError: If a city or year is none of these.
    """
    year = known["year"].to_numpy().astype(np.int64) - years[0]
    places = (year, place_among(known["city_id"], names))
    return np.ravel_multi_index(places, (len(years), len(names))), place_among(known["data_point"], codes)


def edition_tables(
    edition: int, selected: pl.DataFrame, cities: pl.DataFrame, framework: Framework, method: Method
) -> dict[str, pl.DataFrame]:
    """Compute an edition and tell it as rows.

    Args:
        edition: The edition.
        selected: Rows of ``index.selected`` of the edition.
        cities: Rows of ``index.cities`` of the edition.
        framework: The framework of the edition's year.
        method: The method.

    Returns:
        Rows of ``index.treated``, ``normalised``, ``imputed``, ``weights`` and ``scores``, by table name.
    """
    values = edition_values(edition, selected, cities, framework.codes, max_age(method))
    result = compute_index(values, framework, method, year=edition)
    names = {"treat": tables.TREATED, "normalise": tables.NORMALISED, "impute": tables.IMPUTED}
    parts: dict[str, list[pl.DataFrame]] = {table.name: [] for table in names.values()}
    for step in result.steps:
        if step.name in names:
            parts[names[step.name].name].append(_step_rows(edition, result, step))
    frames = {
        table.name: table.conform(pl.concat(parts[table.name])) if parts[table.name] else table.empty()
        for table in names.values()
    }
    frames[tables.WEIGHTS.name] = _weight_rows(edition, result)
    frames[tables.SCORES.name] = _score_rows(edition, result, cities)
    return frames


def _step_rows(edition: int, result: IndexResult, step: StepResult) -> pl.DataFrame:
    """The indicators' cells after a step, missing ones left out."""
    order = np.argsort(np.array(step.codes))  # rows in the order of their key need no sorting
    columns = order[np.isin(step.codes, result.framework.codes)[order]]
    table = step.table[:, columns]
    row, found = np.nonzero(~np.isnan(table))
    column = columns[found]
    return pl.DataFrame(
        {
            "city_id": pl.Series(result.units, dtype=pl.String).gather(row),
            "data_point": pl.Series(step.codes, dtype=pl.String).gather(column),
            "value": table[row, found],
            "is_treated": step.treated[row, column],
            "is_imputed": step.imputed[row, column],
            "carried_years": step.carried[row, column],
        }
    ).with_columns(pl.lit(edition, pl.Int16).alias("edition"), pl.lit(step.number, pl.Int16).alias("step"))


def _weight_rows(edition: int, result: IndexResult) -> pl.DataFrame:
    """The weights that were used, node by node."""
    used = scores_in(result, edition).weights
    assert used is not None
    nodes = result.framework.nodes
    frame = pl.DataFrame({"node": [node.code for node in nodes], "weight": pl.Series(used[0], nan_to_null=True)})
    below = pl.col("node") != result.framework.root.code
    return tables.WEIGHTS.conform(frame.filter(below).with_columns(pl.lit(edition, pl.Int16).alias("edition")))


def _score_rows(edition: int, result: IndexResult, cities: pl.DataFrame) -> pl.DataFrame:
    """Scores, ranks and what they rest on, city by city and node by node."""
    nodes, n_cities = result.framework.nodes, len(result.units)
    order = np.argsort(np.array([one.code for one in nodes]))  # rows in the order of their key need no sorting
    city, node = np.repeat(np.arange(n_cities), len(nodes)), np.tile(order, n_cities)

    def ordered(table: np.ndarray) -> np.ndarray:
        return table[:, order].ravel()

    frame = pl.DataFrame(
        {
            "city_id": pl.Series(result.units, dtype=pl.String).gather(city),
            "node": pl.Series([one.code for one in nodes], dtype=pl.String).gather(node),
            "level": pl.Series([one.level for one in nodes], dtype=pl.String).gather(node),
            "score": pl.Series(ordered(result.scores), nan_to_null=True),
            "rank": pl.Series(ordered(result.ranks), nan_to_null=True),
            "rank_published": pl.Series(ordered(_published_ranks(result, cities)), nan_to_null=True),
            "coverage": ordered(result.coverage),
            "n_present": ordered(result.n_present),
            "n_carried": ordered(result.n_carried),
            "n_imputed": ordered(result.n_imputed),
            "excluded_because": pl.Series(result.excluded_because, dtype=pl.String).gather(city),
        }
    ).with_columns(pl.lit(edition, pl.Int16).alias("edition"))
    frame = frame.join(cities.select("city_id", "consent"), on="city_id", how="left", maintain_order="left")
    return tables.SCORES.conform(frame)


def _published_ranks(result: IndexResult, cities: pl.DataFrame) -> Floats:
    """Ranks among the cities that consent to publish scores, so that no gap tells of another."""
    named = set(cities.filter(covers("scores"))["city_id"].to_list())
    is_named = np.array([unit in named for unit in result.units], dtype=bool)
    ranks = np.full((len(result.units), len(result.nodes)), np.nan)
    rule = result.method.rank
    for column in range(len(result.nodes)):
        ranks[is_named, column] = rule.ranks_of(result.scores[is_named, column])
    return ranks
