"""What an audit rests on: the tables of a mart, and analyses of the scores and values that it holds.

What belongs here: choosing rows of the mart and asking the engine about them; one name for each figure that a rule
judges. What does not: words (`facts.py`), thresholds (``rules.yaml``), and any figure that cannot be had from the mart.
Everything rests on the one mart that it is given, so that whoever has that mart can do it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from reports.mart import PublicMart, Sureness
from ssc_index.audit.components import principal_components
from ssc_index.audit.correlation import correlate
from ssc_index.audit.discrimination import pairs_told_apart
from ssc_index.audit.reliability import adequacy, cronbach_alpha
from ssc_index.audit.variants import leave_one_out, what_if
from ssc_index.errors import FaultsError
from ssc_index.framework.catalogue import Catalogue
from ssc_index.index import compute_index
from ssc_index.method import Method, method_from_mapping
from ssc_index.result import IndexResult
from ssc_index.statistics import column_statistics
from ssc_index.values import Floats, values_from_columns

# With fewer cities a figure says more of each of them than of the index.
FEWEST = 5
# Steps that choose cities or fill values: the mart holds what came of them.
DONE_BEFORE = ("screen", "impute")
SAME = 1e-9
Row = dict[str, Any]
UPPER = ("dimension", "sub_dimension")
LEFT_OUT_LEVELS = ("dimension", "sub_dimension", "category")


@dataclass(frozen=True)
class Group:
    """Whether the scores of some nodes measure one thing.

    Attributes:
        name: What the nodes are.
        codes: The nodes.
        n: Cities with a score of each.
        alpha: Cronbach's α; None where there is none.
        kmo: Kaiser–Meyer–Olkin measure; None where there is none.
        eigenvalues: Of their correlation matrix, the largest first; empty where there are none.
        reason: Why figures are missing; empty where none is.
    """

    name: str
    codes: tuple[str, ...]
    n: int
    alpha: float | None
    kmo: float | None
    eigenvalues: tuple[float, ...]
    reason: str

    @property
    def first(self) -> float | None:
        """Share of the variance that the first component has."""
        return self.eigenvalues[0] / sum(self.eigenvalues) if self.eigenvalues else None

    @property
    def n_above_one(self) -> int | None:
        """Components with an eigenvalue above 1."""
        return sum(one > 1 + 1e-9 for one in self.eigenvalues) if self.eigenvalues else None


class Evidence:
    """Everything that an audit of one edition tells, as numbers.

    Args:
        mart: A mart.
        catalogue: The catalogue.
        method: The method that made the mart.
        edition: The edition.
    """

    def __init__(self, mart: PublicMart, catalogue: Catalogue, method: Method, edition: int) -> None:
        self.mart, self.method, self.edition = mart, method, edition
        self.about = mart.edition_row(edition)
        self.framework = catalogue.framework(edition)
        self.points = tuple(self.framework.codes)
        self.nodes = {node["node"]: node for node in mart.nodes}
        self.root = self.framework.root.code

    def table(self, name: str) -> pl.DataFrame:
        """Rows of a table of this edition."""
        return self.mart[name].filter(pl.col("edition") == self.edition)

    def of_level(self, level: str) -> list[str]:
        """Scored nodes of a level in the catalogue's order."""
        return [node["node"] for node in self.mart.nodes if node["level"] == level and node["is_scored"]]

    # --- coverage ---------------------------------------------------------------------------------------------

    @cached_property
    def index_rows(self) -> list[Row]:
        """Rows of the index, the first of the ranking first."""
        rows = self.table("fact_score").filter(pl.col("node") == self.root)
        return rows.sort("rank", "city_id", nulls_last=True).to_dicts()

    @cached_property
    def ranked(self) -> list[Row]:
        """Those with a rank."""
        return [row for row in self.index_rows if row["rank"] is not None]

    def carried_share(self, row: Mapping[str, Any]) -> float:
        """Share of the scored data points that a city's index takes from an earlier year."""
        return float(row["n_carried"]) / len(self.points)

    @cached_property
    def coverage(self) -> list[Row]:
        """Coverage of index, dimensions and sub-dimensions over the ranked cities; with the share that is carried."""
        cities = [row["city_id"] for row in self.ranked]
        rows = self.table("fact_score").filter(pl.col("city_id").is_in(cities))
        found = []
        for node in (self.root, *self.of_level("dimension"), *self.of_level("sub_dimension")):
            own = rows.filter(pl.col("node") == node).sort("city_id")
            if own.height >= FEWEST:
                share = own["coverage"].to_numpy()
                carried = own["n_carried"].to_numpy() / len(self.framework.leaves_under[node])
                found.append(
                    {
                        "node": node,
                        "n": own.height,
                        **_ends("coverage", share),
                        "carried": float(carried.mean()),
                        "carried_most": float(carried.max()),
                    }
                )
        return found

    @cached_property
    def open_values(self) -> pl.DataFrame:
        """Values of scored data points of the ranked cities that show them."""
        cities = [row["city_id"] for row in self.ranked]
        rows = self.table("fact_value").filter(
            pl.col("city_id").is_in(cities) & pl.col("data_point").is_in(self.points)
        )
        return rows.sort("city_id", "data_point")

    @cached_property
    def open_cities(self) -> list[str]:
        """Ranked cities that show their values, by key."""
        return sorted(set(self.open_values["city_id"]))

    @cached_property
    def values(self) -> Floats:
        """Their values, shape (n_cities, n_points)."""
        return _grid(self.open_values, self.open_cities, self.points, "data_point", "value")

    @cached_property
    def availability(self) -> list[tuple[str, int]]:
        """Data points with how many of these cities report them for the year itself, the fewest first."""
        own = self.open_values.filter(~pl.col("is_carried"))
        counts = dict(own.group_by("data_point").len().iter_rows())
        return sorted(((point, counts.get(point, 0)) for point in self.points), key=lambda one: one[1])

    # --- outliers ---------------------------------------------------------------------------------------------

    @cached_property
    def measured(self) -> list[str]:
        """Scored data points that are measured; yes and no have no outliers."""
        return [point for point in self.points if self.nodes[point]["unit"] != "yes_no"]

    @cached_property
    def point_scores(self) -> Floats:
        """Scores of data points of the open cities, shape (n_cities, n_points)."""
        rows = self.table("fact_score").filter(pl.col("level") == "data_point")
        return _grid(rows.drop_nulls("score"), self.open_cities, self.points, "node", "score")

    @cached_property
    def shapes(self) -> list[Row]:
        """Of each measured data point: how its values and its scores are spread, and what lies beyond the goalposts."""
        if len(self.open_cities) < FEWEST:
            return []
        place = [self.points.index(point) for point in self.measured]
        values, scores = self.values[:, place], self.point_scores[:, place]
        posts = {row["data_point"]: row for row in self.table("dim_goalpost").to_dicts()}
        of_values = column_statistics(values, self.measured).to_dicts()
        of_scores = column_statistics(scores, self.measured).to_dicts()
        found = []
        for column, point in enumerate(self.measured):
            post = posts.get(point, {"low": None, "high": None})
            worse, better = _beyond(values[:, column], post["low"], post["high"])
            found.append(
                {
                    "point": point,
                    "n": of_values[column]["n"],
                    "skewness": of_values[column]["skewness"],
                    "kurtosis": of_values[column]["kurtosis"],
                    "has_outliers": bool(of_values[column]["has_outliers"]),
                    "scores_have_outliers": bool(of_scores[column]["has_outliers"]),
                    "worse": worse,
                    "better": better,
                    "at_floor": int((scores[:, column] <= 0).sum()),
                    "at_ceiling": int((scores[:, column] >= 100).sum()),
                    "n_scores": of_scores[column]["n"],
                    "apart": float(pairs_told_apart(scores[:, column])),
                }
            )
        return found

    # --- correlation, dimensionality, importance ----------------------------------------------------------------

    @cached_property
    def correlations(self) -> dict[tuple[str, str, str], Row]:
        """Rows of ``fact_correlation`` by measure and pair, either way round."""
        found = {}
        for row in self.table("fact_correlation").to_dicts():
            found[row["measure"], row["node_a"], row["node_b"]] = row
            found[row["measure"], row["node_b"], row["node_a"]] = row
        return found

    @cached_property
    def flagged(self) -> list[Row]:
        """Flagged pairs by Pearson's coefficient, those of the upper levels first."""
        order = {node["node"]: count for count, node in enumerate(self.mart.nodes)}
        levels = ["index", "dimension", "sub_dimension", "category", "kpi", "data_point"]
        rows = self.table("fact_correlation").filter((pl.col("measure") == "pearson") & pl.col("flag").is_not_null())
        return sorted(
            rows.to_dicts(),
            key=lambda row: (levels.index(self.nodes[row["node_a"]]["level"]), order[row["node_a"]], row["node_b"]),
        )

    @cached_property
    def groups(self) -> list[Group]:
        """Dimensions, sub-dimensions in all, and the sub-dimensions of each dimension."""
        sub_dimensions = self.of_level("sub_dimension")
        named = [("The dimensions", self.of_level("dimension")), ("The sub-dimensions", sub_dimensions)]
        named += [
            (f"Sub-dimensions of {self.nodes[node]['name']}", [s for s in sub_dimensions if self.parent(s) == node])
            for node in self.of_level("dimension")
        ]
        named += [
            (
                f"Categories of {self.nodes[node]['name']}",
                [s for s in self.of_level("category") if self.parent(s) == node],
            )
            for node in sub_dimensions
        ]
        return [self._group(name, codes) for name, codes in named if len(codes) > 1]

    def parent(self, node: str) -> str | None:
        """Parent of a node."""
        parent: str | None = self.nodes[node]["parent"]
        return parent

    def _group(self, name: str, codes: Sequence[str]) -> Group:
        rows = self.table("fact_score").filter(pl.col("node").is_in(codes)).drop_nulls("score")
        cities = [row["city_id"] for row in self.ranked]
        table = _grid(rows, cities, codes, "node", "score")
        # In the order of the scores: what cities are called moves no bit.
        table = table[np.lexsort(table.T[::-1])] if cities else table
        n = int((~np.isnan(table).any(axis=1)).sum())
        if n < FEWEST:
            return Group(name, tuple(codes), n, None, None, (), f"fewer than {FEWEST} cities")
        alpha, fit = cronbach_alpha(table), adequacy(table)
        reasons = [alpha.reason, fit.reason]
        try:
            eigenvalues = tuple(principal_components(table, codes).eigenvalues.tolist())
        except FaultsError as error:
            eigenvalues = ()
            reasons.append("; ".join(error.faults))
        told = "; ".join(dict.fromkeys(reason for reason in reasons if reason))
        return Group(name, tuple(codes), n, _known(alpha.alpha), _known(fit.kmo), eigenvalues, told)

    @cached_property
    def importance(self) -> dict[str, list[Row]]:
        """Rows of ``fact_importance`` of the index, by level, in the catalogue's order."""
        rows = self.table("fact_importance").filter(pl.col("node") == self.root).to_dicts()
        order = {node["node"]: count for count, node in enumerate(self.mart.nodes)}
        rows.sort(key=lambda row: order[row["part"]])
        return {level: [row for row in rows if row["level"] == level] for level in ("dimension", "sub_dimension")}

    # --- uncertainty --------------------------------------------------------------------------------------------

    @cached_property
    def sureness(self) -> dict[str, Sureness]:
        """How sure each rank is, the first first."""
        return self.mart.sureness(self.edition)

    @cached_property
    def replications(self) -> int | None:
        """How often the index was computed."""
        found = self.table("fact_rank_uncertainty")["replications"]
        return None if found.is_empty() else int(found[0])

    @cached_property
    def movers(self) -> list[Row]:
        """Rows of ``fact_rank_shift``, the most influential choice first; none where no rank ever moves."""
        rows = self.table("fact_rank_shift").drop_nulls(["first", "total"])
        return rows.sort(["total", "input"], descending=[True, False]).to_dicts()

    @cached_property
    def alone(self) -> list[Row]:
        """Rows of ``fact_one_at_a_time``, the farthest shift first; ``draws`` tells how many make one row.

        Settings that move nothing are left out.
        """
        rows = self.table("fact_one_at_a_time").drop_nulls("mean_rank_shift")
        is_draw = pl.col("setting").str.starts_with("draw ")
        rows = rows.with_columns(pl.when(~is_draw).then("setting").alias("setting"), is_draw.alias("is_draw"))
        told = rows.group_by("input", "setting").agg(
            pl.col("mean_rank_shift").mean(),
            pl.col("largest_rank_shift").max(),
            pl.col("n_compared").min(),
            pl.col("is_draw").sum().alias("draws"),
        )
        moving = told.filter(pl.col("largest_rank_shift") > 0)
        by = ["mean_rank_shift", "input", "setting"]
        return moving.sort(by, descending=[True, False, False], nulls_last=True).to_dicts()

    @cached_property
    def moved_most(self) -> dict[str, int]:
        """By choice: of how many cities it moves the rank most, by total index."""
        rows = self.table("fact_sensitivity").filter(pl.col("measure") == "rank").drop_nulls("total")
        first = rows.sort(["city_id", "total", "input"], descending=[False, True, False]).unique(
            "city_id", keep="first"
        )
        return dict(first.group_by("input").len().iter_rows())

    # --- what hangs on each choice ------------------------------------------------------------------------------

    @cached_property
    def result(self) -> IndexResult | None:
        """The index computed anew from the public values; of the cities for which that gives the published score."""
        published = {row["city_id"]: row["score"] for row in self.ranked}
        cities = self.open_cities
        while len(cities) >= FEWEST:
            try:
                result = self._computed(cities)
            except FaultsError:
                return None
            scores = dict(zip(result.values.units, result.scores[:, result.nodes.index(self.root)], strict=True))
            same = [city for city in cities if abs(scores[city] - published[city]) <= SAME]
            if same == cities:
                return result
            cities = same
        return None

    def _computed(self, cities: Sequence[str]) -> IndexResult:
        mapping = self.method.as_mapping()
        steps = [step for step in mapping["steps"] if next(iter(step)) not in DONE_BEFORE]
        method = method_from_mapping({"name": self.method.name, "steps": steps, "rank": mapping["rank"]})
        rows = [self.open_cities.index(city) for city in cities]
        groups = {
            name: [self.mart.city_rows[city][name] for city in cities]
            for name in ("region", "income_group", "size_class")
        }
        values = values_from_columns(list(cities), None, self.points, self.values[rows], groups, "public values")
        return compute_index(values, self.framework, method)

    @cached_property
    def methods(self) -> dict[str, Method]:
        """Other methods that another panel might have chosen, by what they do; those that do what the method does are
        left out.
        """
        if self.result is None:
            return {}
        mapping = self.result.method.as_mapping()
        steps = mapping["steps"]
        found = {}
        for name, step, change in ALTERNATIVES:
            changed = [
                {
                    key: {**given, **change}
                    if key == step and not _replaces(key, change)
                    else _given(key, given, step, change)
                }
                for one in steps
                for key, given in one.items()
            ]
            if changed == steps:
                continue
            try:
                found[name] = method_from_mapping({**mapping, "steps": changed})
            except FaultsError:
                continue
        return found

    @cached_property
    def variants(self) -> list[Row]:
        """The index by each other method: how far ranks move."""
        if self.result is None or not self.methods:
            return []
        return what_if(self.result, self.methods).summary.to_dicts()

    @cached_property
    def left_out(self) -> dict[str, list[Row]]:
        """The index without each node, by level: how far ranks move; the most first."""
        if self.result is None:
            return {}
        found = {}
        for level in LEFT_OUT_LEVELS:
            rows = leave_one_out(self.result, level)[0].summary.to_dicts()
            found[level] = sorted(rows, key=lambda row: (-(row["mean_shift"] or 0.0), row["variant"]))
        return found

    # --- what rules judge -----------------------------------------------------------------------------------------

    @cached_property
    def measures(self) -> dict[str, float | None]:
        """Every figure that a rule may judge, by name; None where it cannot be told."""
        dimensions = self.of_level("dimension")
        main = self.groups[0] if self.groups else None
        variants = {row["variant"]: row for row in self.variants}
        n_variant = None if self.result is None else len(self.result.values.units)
        sure = list(self.sureness.values()) if len(self.sureness) >= FEWEST else []
        widths = [one.high - one.low + 1 for one in sure]
        shapes = self.shapes
        left_out = self.left_out
        return {
            "coverage_mean": _over([row["coverage"] for row in self.ranked], np.mean),
            "coverage_least": _over([row["coverage"] + self.carried_share(row) for row in self.ranked], min),
            "carried_mean": _over([self.carried_share(row) for row in self.ranked], np.mean),
            "outlying_points": float(sum(row["scores_have_outliers"] for row in shapes)) if shapes else None,
            "points_at_an_end": _over([self.is_at_an_end(row) for row in shapes], np.mean),
            "weakest_dimension": _least(self._coefficients([(node, self.root) for node in dimensions])),
            "closest_dimensions": _most(self._coefficients(_pairs(dimensions))),
            "most_opposed_dimensions": _least(self._coefficients(_pairs(dimensions))),
            "first_component": main.first if main else None,
            "components_above_one": _float(main.n_above_one) if main else None,
            "alpha": main.alpha if main else None,
            "kmo": main.kmo if main else None,
            "largest_gap": _most([abs(row["gap"]) for row in self.importance["dimension"] if row["gap"] is not None]),
            "rank_within_interval": _over([float(one.low <= one.rank <= one.high) for one in sure], np.mean),
            "interval_width": _over([width / len(sure) for width in widths], np.median),
            "largest_mover": _most([row["first"] for row in self.movers]) if len(sure) else None,
            "tiers": _most([float(one.tier) for one in sure if one.tier is not None]),
            "other_mean": _of(variants, "Arithmetic mean of the dimensions", "spearman"),
            "other_scale": _of(variants, "Scores by rank instead of goalposts", "spearman"),
            "largest_category": _share(_most(_shifts(left_out.get("category", []))), n_variant),
            "idle_dimension": _least(_shifts(left_out.get("dimension", []))),
        }  # fmt: skip

    def is_at_an_end(self, row: Mapping[str, Any]) -> float:
        """1 where half of the cities or more have one end of the scale at a data point, else 0."""
        return float(row["n_scores"] >= FEWEST and 2 * max(row["at_floor"], row["at_ceiling"]) >= row["n_scores"])

    def _coefficients(self, pairs: Iterable[tuple[str, str]]) -> list[float]:
        rows = [self.correlations.get(("pearson", *pair)) for pair in pairs]
        return [row["coefficient"] for row in rows if row is not None and row["coefficient"] is not None]

    @cached_property
    def carried_against_score(self) -> float | None:
        """Spearman's coefficient of what is carried and the index; whether it pays to report seldom."""
        table = np.array([[self.carried_share(row), row["score"]] for row in self.ranked], dtype=np.float64)
        if len(table) < FEWEST:
            return None
        found = correlate(table, ["carried", "index"], "spearman")
        return _known(float(found.coefficient[0, 1]))


# Name, step, and what is other in it; a step with another `method` keeps nothing of the old one but for `aggregate`.
ALTERNATIVES: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("Arithmetic mean of the dimensions", "aggregate", {"levels": {"index": "arithmetic"}, "floor": None}),
    ("Geometric mean of the dimensions", "aggregate", {"levels": {"index": "geometric"}, "floor": 1.0}),
    ("Harmonic mean of the dimensions", "aggregate", {"levels": {"index": "harmonic"}, "floor": 1.0}),
    ("Geometric means also within dimensions", "aggregate",
     {"levels": {"index": "geometric", "dimension": "geometric"}, "floor": 1.0}),
    ("Scale from the smallest to the largest value", "normalise", {"method": "minmax", "constant": "middle"}),
    ("Scores by standard deviations", "normalise",
     {"method": "zscore", "mean": 50.0, "sd": 10.0, "constant": "middle"}),
    ("Scores by rank instead of goalposts", "normalise",
     {"method": "percentile", "ties": "average", "constant": "middle"}),
)  # fmt: skip


def _replaces(step: str, change: Mapping[str, Any]) -> bool:
    return step != "aggregate" and "method" in change


def _given(key: str, given: Mapping[str, Any], step: str, change: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(change) if key == step and _replaces(key, change) else given


def _grid(rows: pl.DataFrame, cities: Sequence[str], codes: Sequence[str], code: str, figure: str) -> Floats:
    """Figures by city and code, NaN where there is none."""
    row, column = ({one: place for place, one in enumerate(names)} for names in (cities, codes))
    table = np.full((len(cities), len(codes)), np.nan)
    for city, of, value in rows.select("city_id", code, figure).iter_rows():
        if city in row and of in column:
            table[row[city], column[of]] = value
    return table


def _beyond(values: Floats, low: float | None, high: float | None) -> tuple[int, int]:
    """How many values lie beyond the goalpost that scores 0, and beyond the one that scores 100."""
    if low is None or high is None:
        return 0, 0
    sign = 1.0 if high > low else -1.0
    return int((sign * values < sign * low).sum()), int((sign * values > sign * high).sum())


def _ends(name: str, figures: Floats) -> Row:
    return {
        f"{name}_least": float(figures.min()),
        f"{name}_mean": float(figures.mean()),
        f"{name}_most": float(figures.max()),
    }


def _pairs(nodes: Sequence[str]) -> list[tuple[str, str]]:
    return [(a, b) for count, a in enumerate(nodes) for b in nodes[count + 1 :]]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _float(value: int | None) -> float | None:
    return None if value is None else float(value)


def _over(figures: Sequence[float], how: Any) -> float | None:
    """One figure of many; None of fewer than `FEWEST`."""
    return float(how(figures)) if len(figures) >= FEWEST else None


def _least(figures: Sequence[float]) -> float | None:
    return min(figures, default=None)


def _most(figures: Sequence[float]) -> float | None:
    return max(figures, default=None)


def _shifts(rows: Sequence[Row]) -> list[float]:
    return [row["mean_shift"] for row in rows if row["mean_shift"] is not None]


def _share(figure: float | None, of: int | None) -> float | None:
    return figure / of if figure is not None and of else None


def _of(rows: Mapping[str, Row], name: str, figure: str) -> float | None:
    found = rows.get(name)
    return None if found is None or found[figure] is None else float(found[figure])
