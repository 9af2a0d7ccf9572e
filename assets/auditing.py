"""The audit of one edition: rows of scores into the engine, its tables into rows of schema ``audit``.

What belongs here: which scores are looked at, for whom. What does not: any figure (`ssc_index/audit/`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from assets.pool import side_by_side
from assets.scoring import grid
from intake.consent import shown_scores
from schemas import audit as tables
from ssc_index.audit.correlation import family_correlations
from ssc_index.audit.importance import importance
from ssc_index.audit.reliability import reliability
from ssc_index.framework.model import Framework
from ssc_index.method import Method
from ssc_index.sample import Scores
from ssc_index.values import Floats


def audit_tables(
    edition: int,
    picked: pl.DataFrame,
    scores: pl.DataFrame,
    weights: pl.DataFrame,
    framework: Framework,
    method: Method,
    parents: Mapping[str, str | None],
    smallest_group: int,
) -> dict[str, pl.DataFrame]:
    """Correlations, importance and reliability of an edition, for the index team and for the public.

    The public figures rest on nothing but what the public mart shows of single cities.

    Args:
        edition: The edition.
        picked: Newest value of each city and data point of the edition.
        scores: Rows of ``index.scores`` of the edition.
        weights: Rows of ``index.weights`` of the edition.
        framework: The framework of the edition.
        method: The method that made the scores.
        parents: Parent of each node.
        smallest_group: Cities below which a coefficient is left out.

    Returns:
        Rows of the tables of schema ``audit``, by table name.
    """
    used = _used(weights, framework)
    views = {"internal": scores, "public": shown_scores(scores, parents, picked)}

    def found(audience: str) -> dict[str, pl.DataFrame]:
        own = _scores(views[audience], framework, method, used)
        stamp = [pl.lit(edition, pl.Int16).alias("edition"), pl.lit(audience).alias("audience")]
        figures = {
            tables.CORRELATIONS.name: _large_enough(own, smallest_group),
            tables.IMPORTANCE.name: importance(own, tables.LEVELS).rename({"code": "part", "n": "n_cities"}),
            tables.RELIABILITY.name: reliability(own, tables.LEVELS),
        }
        return {name: frame.with_columns(stamp) for name, frame in figures.items()}

    made = side_by_side(found, list(views))
    return {table.name: table.conform(pl.concat([one[table.name] for one in made])) for table in tables.TABLES}


def _used(weights: pl.DataFrame, framework: Framework) -> Floats:
    """The weights that were used, shape (1, n_nodes), nodes in the order of the framework; NaN where there is none."""
    of = dict(weights.select("node", "weight").iter_rows())
    known = [of.get(node.code) for node in framework.nodes]
    return np.array([[np.nan if weight is None else weight for weight in known]])


def _scores(rows: pl.DataFrame, framework: Framework, method: Method, weights: Floats) -> Scores:
    """Scores of the cities that have an index, in the order of the scores: what cities are called moves no bit."""
    known = rows.filter(pl.col("score").is_not_null())
    cities = sorted(set(known.filter(pl.col("node") == framework.root.code)["city_id"]))
    nodes = [node.code for node in framework.nodes]
    figures = grid(known, cities, nodes, "node", "score").figures
    return Scores(framework, method, figures[_in_order(figures)], weights)


def _in_order(figures: Floats) -> np.ndarray:
    """Order of rows by their first figure, those alike in it by the second, and so on; NaN is greatest."""
    order = np.argsort(figures[:, 0], kind="stable")
    first = figures[order, 0]
    # Few scores of the index are alike, and the others need no second look.
    return order if (first[1:] > first[:-1]).all() else np.lexsort(figures.T[::-1])


def _large_enough(scores: Scores, smallest_group: int) -> pl.DataFrame:
    """Correlations within families; none of too few cities."""
    frame = family_correlations(scores, levels=tables.LEVELS)
    is_small = pl.col("n") < smallest_group
    figures = [pl.when(~is_small).then(name).alias(name) for name in ("coefficient", "p_value", "flag")]
    said = pl.when(is_small).then(pl.lit(f"fewer than {smallest_group} cities")).otherwise("reason").alias("reason")
    return frame.with_columns(*figures, said).rename({"code_a": "node_a", "code_b": "node_b", "n": "n_cities"})
