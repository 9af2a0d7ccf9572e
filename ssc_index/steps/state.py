"""An index half-way: the tables as they stand between two steps, and what a step leaves behind.

What belongs here: what steps hand on to each other. What does not: any step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ssc_index.framework.model import Framework
from ssc_index.steps.parameters import Parameters
from ssc_index.steps.saved import Distribution, Saved
from ssc_index.transform import Transform
from ssc_index.values import Floats, Values

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class GroupWeights:
    """Weights of a family that differ between groups of units.

    Attributes:
        codes: The children.
        labels: Label of each group; None is that of all other units.
        table: Weights, shape (n_groups, n_children), not rescaled.
        group_of: Group of each row, shape (n_rows,); −1 for a row that takes no part.
    """

    codes: tuple[str, ...]
    labels: tuple[str | None, ...]
    table: Floats
    group_of: Ints


@dataclass
class State:
    """The tables as they stand between two steps. Steps replace arrays, they do not write into those they were given.

    Attributes:
        values: What came in, never changed.
        framework: What is measured.
        steps: All steps of the method, in order.
        name: Name of the method.
        table: Indicators, shape (n_rows, n_indicators); values, and scores once normalised; NaN is missing.
        scores: Nodes above the indicators, shape (n_rows, n_nodes); NaN where not computed.
        excluded_by: Number of the step that screened a row out; 0 where it takes part.
        reasons: Why a row was screened out.
        observed: Cells of the table that were reported, or derived from such cells alone.
        imputed: Cells of the table that were filled, or derived from such cells.
        carried: Age in years of cells that were carried from an earlier year; 0 elsewhere.
        filled_nodes: Cells of the scores that were filled.
        transforms: What a treatment did to an indicator, by the number of the year's block (from 0) and code.
        saved: Parameters of an earlier run, that are used instead of what the units would give; None for none.
        filled_by: Number of the step that filled a node's or indicator's cell, shape (n_rows, n_nodes); 0 for none.
        weights: Weight that a step set, by year and node, shape (n_blocks, n_nodes); NaN leaves the framework's.
        weights_used: Weight with which a node entered its parent, shape (n_blocks, n_nodes); NaN where it did not, and
            where groups of units have weights of their own.
        group_weights: These, by the code of the parent.
        recorded: Whether what steps did is kept: without it they need not tell the errors of what they fill.
        number: Position of the step that runs, from 1.
        scaled: Indicators that are scores already.
        done: Nodes that are aggregated already.
    """

    values: Values
    framework: Framework
    steps: tuple[Parameters, ...]
    name: str
    table: Floats
    scores: Floats
    excluded_by: Ints
    reasons: list[Sequence[str]]
    observed: Bools
    imputed: Bools
    carried: NDArray[np.int16]
    filled_nodes: Bools
    filled_by: Ints
    weights: Floats
    weights_used: Floats
    number: int = 0
    scaled: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    transforms: dict[tuple[int, str], Transform] = field(default_factory=dict)
    saved: Saved | None = None
    group_weights: dict[str, GroupWeights] = field(default_factory=dict)
    recorded: bool = True

    @cached_property
    def blocks(self) -> tuple[tuple[int | None, slice], ...]:
        """Rows of each year, in order of years; all rows without years."""
        return self.values.year_slices()

    @cached_property
    def column_of(self) -> dict[str, int]:
        """Column of each indicator in the table."""
        return dict(zip(self.values.codes, range(len(self.values.codes)), strict=True))

    @cached_property
    def node_column_of(self) -> dict[str, int]:
        """Column of each node in the scores."""
        return {node.code: column for column, node in enumerate(self.framework.nodes)}

    def columns(self, codes: Sequence[str]) -> list[int]:
        """Columns of indicators in the table."""
        return [self.column_of[code] for code in codes]

    def node_columns(self, codes: Sequence[str]) -> list[int]:
        """Columns of nodes in the scores."""
        return [self.node_column_of[code] for code in codes]


@dataclass(frozen=True)
class Outcome:
    """What a step leaves behind; empty arrays mean that nothing of the kind happened."""

    treated: Bools | None = None
    imputed: Bools | None = None
    carried: NDArray[np.int16] | None = None
    standard_error: Floats | None = None
    parameters: Mapping[str, Floats] = field(default_factory=dict)
    blocks: tuple[int | None, ...] = ()
    notes: tuple[str, ...] = ()
    distributions: tuple[Distribution, ...] = ()


def all_scores(state: State) -> Floats:
    """Indicators and the nodes computed so far, in the order of the framework."""
    scores = state.scores.copy(order="F")
    scores[:, state.node_columns(state.values.codes)] = state.table
    return scores


def last_scores(state: State) -> Floats:
    """As `all_scores`, in the state's own table: for whoever has no more use of the state."""
    state.scores[:, state.node_columns(state.values.codes)] = state.table
    return state.scores


def in_year(year: int | None) -> str:
    """A year in words."""
    return "" if year is None else f" in {year}"


def place(state: State, name: str) -> str:
    """The step, as errors name it."""
    return f"method {state.name}, step {state.number} ({name})"
