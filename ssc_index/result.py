"""What an index run returns: every step's table and the scores, as arrays and as frames.

What belongs here: the result and its tables. What does not: how it is computed (`index.py`) and files of it
(`files.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ssc_index.framework.model import Framework
from ssc_index.method import Method
from ssc_index.steps.saved import Distribution
from ssc_index.steps.state import Bools, GroupWeights, Ints
from ssc_index.values import Floats, Values


@dataclass(frozen=True)
class StepResult:
    """The table after one step of the method.

    Attributes:
        number: Position of the step in the method, from 1.
        name: Name of the step, for example ``normalise``.
        method: Method of the step, for example ``goalposts``; empty where a step has only one.
        kind: ``values`` while every indicator is in its unit, ``scores`` once any is on a common scale.
        codes: Columns: indicators, after an aggregation all nodes.
        table: Shape (n_rows, n_codes); NaN is missing, screened out or not computed yet.
        before: The same columns before the step.
        treated: Cells that the step treated as outliers.
        imputed: Cells that the step filled, carried ones among them.
        carried: Age in years of the cells that the step carried from an earlier year; 0 elsewhere.
        standard_error: Standard error of the cells that the step filled, in the unit of the table; NaN elsewhere and
            where the method has none.
        parameters: What the step took from the data or the framework, shape (n_blocks, n_codes) each, for
            example ``low``, ``high`` or ``min``, ``max``; NaN where it does not apply.
        blocks: Year of each row of ``parameters``; None stands for all rows.
        notes: What the reader should know, for example groups without data.
        distributions: Values among which a step ranked.
    """

    number: int
    name: str
    method: str
    kind: str
    codes: tuple[str, ...]
    table: Floats
    before: Floats
    treated: Bools
    imputed: Bools
    carried: NDArray[np.int16]
    standard_error: Floats
    parameters: Mapping[str, Floats]
    blocks: tuple[int | None, ...]
    notes: tuple[str, ...] = ()
    distributions: tuple[Distribution, ...] = ()


@dataclass(frozen=True)
class IndexResult:
    """An index with everything that led to it. Rows are those of the values, sorted by year and unit.

    Attributes:
        framework: The framework.
        method: The method.
        values: The values that went in.
        steps: One result per step, in order.
        included: Whether a row takes part, shape (n_rows,).
        excluded_because: Why a row was screened out; None where it takes part.
        excluded_by: Number of the step that screened a row out, shape (n_rows,); 0 where it takes part.
        scores: Shape (n_rows, n_nodes), nodes in the order of the framework, indicators with their scores.
        ranks: Per year and node, 1 is the best, shape (n_rows, n_nodes); NaN without a score.
        weights: Weight with which a node entered its parent, by year, shape (n_years, n_nodes), not rescaled; NaN for
            the root, what no step aggregated, and where groups of units have weights of their own. Rules that ask for
            no weights take those above 0 as they come.
        group_weights: Weights of families that differ between groups of units, by the code of the parent.
        n_indicators: Indicators beneath each node, shape (n_nodes,).
        n_observed: Of these, reported in the values, whether or not the row takes part.
        n_present: Of these, with a score in the end.
        n_imputed: Of these, filled by imputation, carried ones among them; a node whose own score was filled
            counts one more, and so do the nodes above it.
        n_carried: Of these, carried from an earlier year.
        filled_by: Number of the step that filled the cell itself, shape (n_rows, n_nodes); 0 where none did.
    """

    framework: Framework
    method: Method
    values: Values
    steps: tuple[StepResult, ...]
    included: Bools
    excluded_because: tuple[str | None, ...]
    excluded_by: Ints
    scores: Floats
    ranks: Floats
    weights: Floats
    n_indicators: Ints
    n_observed: Ints
    n_present: Ints
    n_imputed: Ints
    n_carried: Ints
    filled_by: Ints
    group_weights: Mapping[str, GroupWeights] = field(default_factory=dict)

    @property
    def units(self) -> tuple[str, ...]:
        """Unit of each row."""
        return self.values.units

    @property
    def years(self) -> tuple[int, ...] | None:
        """Year of each row; None if the values know no years."""
        return self.values.years

    @property
    def nodes(self) -> tuple[str, ...]:
        """Codes of the nodes: the columns of scores and ranks."""
        return tuple(node.code for node in self.framework.nodes)

    @property
    def coverage(self) -> Floats:
        """Share of the indicators beneath each node that are observed, shape (n_rows, n_nodes)."""
        return self.n_observed / self.n_indicators

    def scores_frame(self) -> pl.DataFrame:
        """Scores of all rows and nodes, long, sorted by year, node (order of the framework) and unit.

        Returns:
            Columns ``unit, year, node, level, score, rank, coverage, n_imputed``; score and rank are null
            where there is none; year is null without years; rank is an integer unless ties share a mean.
        """
        rows = [part for _, part in self.values.year_slices()]
        keys = [self._keys(part) for part in rows]
        whole = self.method.rank.ties != "average"
        rank = pl.Series("rank", _long(self.ranks, rows), nan_to_null=True)
        return pl.concat(keys).with_columns(
            pl.Series("score", _long(self.scores, rows), nan_to_null=True),
            rank.cast(pl.Int64) if whole else rank,
            pl.Series("coverage", _long(self.coverage, rows)),
            pl.Series("n_imputed", _long(self.n_imputed, rows)),
        )

    def _keys(self, part: slice) -> pl.DataFrame:
        """Unit, year, node and level of one year's block, node by node."""
        units, nodes = self.values.units[part], self.framework.nodes
        node = np.repeat(np.arange(len(nodes)), len(units))
        unit = np.tile(np.arange(len(units)), len(nodes))
        years = self.years[part] if self.years is not None else [None] * len(units)
        return pl.DataFrame(
            [
                pl.Series("unit", units, dtype=pl.String).gather(unit),
                pl.Series("year", years, dtype=pl.Int64).gather(unit),
                pl.Series("node", [item.code for item in nodes], dtype=pl.String).gather(node),
                pl.Series("level", [item.level for item in nodes], dtype=pl.String).gather(node),
            ]
        )

    def step_frames(self) -> dict[str, pl.DataFrame]:
        """The table after each step, wide: ``unit``, ``year`` and one column per code.

        Returns:
            Frames by ``<number>_<name>``, for example ``3_normalise``; rows that are screened out by then
            are left out; missing is null; without years there is no column ``year``.
        """
        frames = {}
        for step in self.steps:
            keys = self.row_keys()
            table = [pl.Series(code, step.table[:, column], nan_to_null=True) for column, code in enumerate(step.codes)]
            keep = pl.Series((self.excluded_by == 0) | (self.excluded_by > step.number))
            frames[f"{step.number}_{step.name}"] = keys.hstack(table).filter(keep)
        return frames

    def cells_frame(self, step: StepResult) -> pl.DataFrame:
        """Cells that a step changed as outliers or filled, sorted by year, unit and code.

        Returns:
            Columns ``unit, year, code, before, after, change, method, standard_error, age_years``; ``change`` is
            ``treated``, ``imputed`` or ``carried``; ``before`` is null for a filled cell; ``method`` is the step's.
        """
        rows, columns = np.nonzero(step.treated | step.imputed)
        carried = step.carried[rows, columns]
        change = np.where(step.treated[rows, columns], "treated", np.where(carried > 0, "carried", "imputed"))
        keys = self.row_keys(with_year=True)[rows.tolist()]
        return keys.with_columns(
            pl.Series("code", [step.codes[column] for column in columns.tolist()], dtype=pl.String),
            pl.Series("before", step.before[rows, columns], nan_to_null=True),
            pl.Series("after", step.table[rows, columns], nan_to_null=True),
            pl.Series("change", change.tolist(), dtype=pl.String),
            pl.lit(step.method).alias("method"),
            pl.Series("standard_error", step.standard_error[rows, columns], nan_to_null=True),
            pl.Series("age_years", carried.astype(np.int64)),
        )

    def parameters_frame(self, step: StepResult) -> pl.DataFrame:
        """What a step took from data or framework: ``code, year``, then one column each."""
        blocks = len(step.blocks)
        years = [year for year in step.blocks for _ in step.codes]
        series = [
            pl.Series("code", list(step.codes) * blocks, dtype=pl.String),
            pl.Series("year", years, dtype=pl.Int64),
            *(pl.Series(name, array.ravel(), nan_to_null=True) for name, array in step.parameters.items()),
        ]
        return pl.DataFrame(series)

    def distributions_frame(self, step: StepResult) -> pl.DataFrame:
        """Values among which a step ranked: ``code, year, value, n``; values negated where less is better."""
        parts = step.distributions
        sizes = [part.values.size for part in parts]
        codes = [part.code for part, size in zip(parts, sizes, strict=True) for _ in range(size)]
        years = [part.year for part, size in zip(parts, sizes, strict=True) for _ in range(size)]
        return pl.DataFrame(
            [
                pl.Series("code", codes, dtype=pl.String),
                pl.Series("year", years, dtype=pl.Int64),
                pl.Series("value", np.concatenate([part.values for part in parts])),
                pl.Series("n", np.concatenate([part.counts for part in parts])),
            ]
        )

    def weights_frame(self) -> pl.DataFrame:
        """Weights that were used: ``node, parent, level, year, weight, share, label``.

        The share is of the siblings' sum. The label is that of the units whose weights they are, where groups of units
        have their own (``(others)``: of all that have none of these labels); else null.
        """
        rows = []
        for number, (year, _) in enumerate(self.values.year_slices()):
            own = dict(zip(self.nodes, self.weights[number].tolist(), strict=True))
            for parent, children in self.framework.children.items():
                for label, weights in self._weights_by_label(parent, own):
                    counted = [child for child in children if not np.isnan(weights[child.code])]
                    total = sum(weights[child.code] for child in counted)
                    for child in counted:
                        share = weights[child.code] / total if total > 0 else 0.0
                        rows.append((child.code, parent, child.level, year, weights[child.code], share, label))
        schema = {
            "node": pl.String,
            "parent": pl.String,
            "level": pl.String,
            "year": pl.Int64,
            "weight": pl.Float64,
            "share": pl.Float64,
            "label": pl.String,
        }
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _weights_by_label(self, parent: str, own: dict[str, float]) -> list[tuple[str | None, dict[str, float]]]:
        """Weights of a node's children by label; one entry, without a label, where they are the same for all units."""
        grouped = self.group_weights.get(parent)
        if grouped is None:
            return [(None, own)]
        tables = [dict(zip(grouped.codes, row, strict=True)) for row in grouped.table.tolist()]
        return [
            ("(others)" if label is None else label, table) for label, table in zip(grouped.labels, tables, strict=True)
        ]

    def excluded_frame(self) -> pl.DataFrame:
        """Rows that were screened out: ``unit, year, reason``."""
        reason = pl.Series("reason", self.excluded_because, dtype=pl.String)
        return self.row_keys(with_year=True).with_columns(reason).filter(pl.Series(~self.included))

    def row_keys(self, with_year: bool = False) -> pl.DataFrame:
        """Unit and year of each row; a null year without years only if asked for."""
        keys = pl.DataFrame({"unit": pl.Series(self.units, dtype=pl.String)})
        if self.years is not None:
            return keys.with_columns(pl.Series("year", self.years, dtype=pl.Int64))
        return keys.with_columns(pl.lit(None, dtype=pl.Int64).alias("year")) if with_year else keys


def _long(array: NDArray[np.generic], rows: list[slice]) -> NDArray[np.generic]:
    """Flatten (n_rows, n_nodes) year by year, node by node, unit by unit."""
    return np.concatenate([np.ascontiguousarray(array[part].T).ravel() for part in rows])
