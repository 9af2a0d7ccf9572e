"""Impute: missing cells filled, each flagged with its step, its method and, where there is one, its standard error.

What belongs here: what is wrong with an imputation on a framework, which cells of which table it may fill, and how it
runs. What does not: its parameters (`impute_parameters.py`) and the arithmetic (`ssc_index/impute*.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ssc_index import impute
from ssc_index.errors import ComputationError
from ssc_index.framework.model import Framework, Node
from ssc_index.impute_neighbours import fill_by_neighbours
from ssc_index.impute_normal import NormalError, conditional_means, draw, fit_normal
from ssc_index.impute_regression import regress
from ssc_index.impute_time import fill_over_years
from ssc_index.steps.impute_parameters import (
    VARIANTS,
    Impute,
    ImputeCentre,
    ImputeGroup,
    ImputeLastValue,
    ImputeMultiple,
    ImputeNeighbours,
    ImputeNone,
    ImputeNormal,
    ImputeOverYears,
    ImputeRegression,
    ImputeWithin,
)
from ssc_index.steps.state import Bools, Outcome, State, in_year, place
from ssc_index.steps.walk import Walk, group_columns, indicators_meant, listed, nodes_meant
from ssc_index.values import Floats

__all__ = ["VARIANTS", "check", "drawn_table", "level_of_scores", "run"]

PIECE = 1 << 16  # cells that are looked at together
FIRST_YEAR = -10_000  # before any year that values may have: streams of draws are counted from it


def level_of_scores(framework: Framework, step: Impute) -> str | None:
    """Level whose scores an imputation fills; None for the indicators."""
    return None if step.level == framework.levels[-1] else step.level


def check(walk: Walk, step: ImputeNone | Impute) -> None:
    """Every fault of the step on a framework, into the walk."""
    if isinstance(step, ImputeNone):
        return
    if isinstance(step, ImputeGroup) and step.group not in walk.groups:
        walk.fault(f".group: {step.group!r} is no group column; {group_columns(walk.groups)}")
    if isinstance(step, ImputeLastValue | ImputeOverYears) and not walk.has_years:
        walk.fault(f": {step.method} needs years, but the values have no column year")
    names = {"only": step.only, "using": getattr(step, "using", None), "predictors": getattr(step, "predictors", None)}
    if isinstance(step, ImputeWithin):
        names["within"] = (step.within,)
    if sum(not walk.known(given, key) for key, given in names.items()):  # each is looked at
        return
    level = level_of_scores(walk.framework, step)
    if level is None:
        _check_indicators(walk, step)
    elif level not in walk.framework.levels:
        walk.fault(f".level: {level!r} is no level; levels are {', '.join(walk.framework.levels)}")
        return
    else:
        _check_impute_level(walk, level, nodes_meant(walk.framework, level, step.only))
    _check_sources(walk.framework, walk, step, level)


def _check_indicators(walk: Walk, step: Impute) -> None:
    """Values must be comparable where they meet: over years, and within a row."""
    meant = indicators_meant(walk.framework, step.only)
    walk.in_time(meant)
    logged = [code for code in meant if code in walk.logged - walk.scaled]
    if logged and _meets_other_years(step):
        walk.fault(
            f": {listed(logged)} may be on another logarithm in each year; carry values before treat, "
            "or scores after normalise, or treat with 'fallback: none'"
        )
    if isinstance(step, ImputeWithin):
        kin = [code for family in _families(walk.framework, step, None) for code in family]
        raw = [code for code in kin if code not in walk.scaled]
        if raw and len(raw) < len(kin):
            walk.fault(f": {listed(raw)} are not normalised, other indicators of the row are")


def _meets_other_years(step: Impute) -> bool:
    """Whether a fill rests on other years' cells."""
    return isinstance(step, ImputeLastValue | ImputeOverYears) or getattr(step, "over", "year") == "panel"


def _check_sources(framework: Framework, walk: Walk, step: Impute, level: str | None) -> None:
    """What a fill rests on must be there: cells of the same level, and others than those filled."""
    targets = set(_targets(framework, step, level))
    for key in ("using", "predictors"):
        given = getattr(step, key, None)
        if given is not None and not _codes(framework, level, given):
            walk.fault(f".{key}: names no node of level {level!r}")
    if isinstance(step, ImputeRegression) and not targets:
        given = listed(_codes(framework, level, step.predictors))
        walk.fault(f".predictors: {given} predict nothing but themselves; name other cells")
    if isinstance(step, ImputeWithin) and not any(
        len(family) > 1 and targets & set(family) for family in _families(framework, step, level)
    ):
        walk.fault(f".within: {step.within!r} holds no two cells of a row that could fill each other")


def _check_impute_level(walk: Walk, level: str, nodes: Collection[Node]) -> None:
    """Scores of a level must have been aggregated, and their parents must not."""
    if not nodes:
        walk.fault(f".only: names no node of level {level!r}")
    missing = [node.code for node in nodes if node.code not in walk.done]
    if missing:
        walk.fault(f".level: {listed(missing)} are not aggregated yet; put 'aggregate: {{to: {level}}}' before it")
    late = [node.code for node in nodes if node.parent is None or node.parent in walk.done]
    if late and not missing:
        walk.fault(
            f".level: the nodes above {listed(late)} are aggregated already, so that it would change "
            f"nothing; stop the aggregation before it by 'to: {level}'"
        )


def _codes(framework: Framework, level: str | None, names: Sequence[str] | None) -> tuple[str, ...]:
    """Codes of the indicators, or of the nodes of a level, at or beneath what is named."""
    if level is None:
        return indicators_meant(framework, names)
    return tuple(node.code for node in nodes_meant(framework, level, names))


def _targets(framework: Framework, step: Impute, level: str | None) -> tuple[str, ...]:
    """Codes that a step may fill: a regression does not fill its predictors."""
    codes = _codes(framework, level, step.only)
    if not isinstance(step, ImputeRegression):
        return codes
    predictors = set(_codes(framework, level, step.predictors))
    return tuple(code for code in codes if code not in predictors)


def _families(framework: Framework, step: ImputeWithin, level: str | None) -> list[tuple[str, ...]]:
    """Codes that fill each other, node by node of the level named."""
    return [_codes(framework, level, (node.code,)) for node in framework.named(step.within)]


@dataclass
class _Task:
    """One imputation about to run.

    Attributes:
        state: The tables as they stand.
        table: The table that is filled: indicators, or scores of all nodes.
        level: Level of the scores; None for the indicators.
        column_of: Column of each code in the table.
        wanted: Cells that may be filled.
        donors: Cells that were not filled themselves.
        notes: What the reader should know; runs add to it.
        faults: What cannot be computed; runs add to it.
    """

    state: State
    table: Floats
    level: str | None
    column_of: dict[str, int]
    wanted: Bools
    donors: Bools
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def columns(self, names: Sequence[str] | None) -> NDArray[np.int64]:
        """Columns of what is named, in the order of the table."""
        codes = _codes(self.state.framework, self.level, names)
        return np.array(sorted(self.column_of[code] for code in codes), dtype=np.int64)

    def blocks(self, over: str) -> list[tuple[int | None, NDArray[np.int64]]]:
        """Rows that are worked on together and take part, by year; only blocks in which something is missing."""
        parts: Sequence[tuple[int | None, slice]] = self.state.blocks
        if over == "panel":
            parts = [(None, slice(0, self.table.shape[0]))]
        takes_part = self.state.excluded_by == 0
        blocks = [(year, np.flatnonzero(takes_part[rows]) + (rows.start or 0)) for year, rows in parts]
        holes = np.isnan(self.table) & self.wanted
        return [(year, rows.astype(np.int64)) for year, rows in blocks if holes[rows].any()]

    def count_rest(self, filled: Floats) -> None:
        """Note the cells that stay missing, by code."""
        rest = (np.isnan(filled) & self.wanted).sum(axis=0)
        codes = [code for code, column in self.column_of.items() if rest[column]]
        if codes:
            self.notes.append(f"cells that stay missing: {int(rest.sum())}, of {listed(codes)}")


@dataclass(frozen=True)
class _Fill:
    """A filled table, and what is known of its fills."""

    table: Floats
    standard_error: Floats | None = None
    ages: NDArray[np.int16] | None = None


def _task(state: State, step: Impute) -> _Task:
    """Which cells of which table the step may fill."""
    level = level_of_scores(state.framework, step)
    table, flags = (state.table, state.imputed) if level is None else (state.scores, state.filled_nodes)
    column_of = state.column_of if level is None else state.node_column_of
    wanted = np.zeros(table.shape, dtype=bool, order="F")
    wanted[:, [column_of[code] for code in _targets(state.framework, step, level)]] = True
    wanted[state.excluded_by > 0] = False
    return _Task(state, table, level, column_of, wanted, ~flags)


def run(state: State, step: ImputeNone | Impute) -> Outcome:
    """Fill indicators, or the scores of a level."""
    if isinstance(step, ImputeNone):
        return Outcome()
    task = _task(state, step)
    done = _fill(task, step)
    if task.faults:
        raise ComputationError(place(state, "impute"), task.faults)
    new = _new_cells(task, done.table)
    error = None if done.standard_error is None else np.where(new, done.standard_error, np.nan)
    if task.level is None:
        state.table, state.imputed = done.table, state.imputed | new
        state.carried = state.carried if done.ages is None else np.maximum(state.carried, done.ages)
    else:
        state.scores, state.filled_nodes = done.table, state.filled_nodes | new
    return Outcome(imputed=new, carried=done.ages, standard_error=error, notes=tuple(task.notes))


def _new_cells(task: _Task, filled: Floats) -> Bools:
    """Cells that were filled; a guard that no other was touched."""
    new = np.empty(filled.shape, dtype=bool, order="F")
    width = max(1, PIECE // max(1, len(filled)))
    for start in range(0, filled.shape[1], width):
        own = slice(start, start + width)
        before, after = task.table[:, own], filled[:, own]
        there = before == before
        np.greater(after == after, there, out=new[:, own])
        if (there & (before != after)).any() or (new[:, own] > task.wanted[:, own]).any():
            raise AssertionError("imputation changed a cell that was there, or that it was not to fill")
    return new


def _fill(task: _Task, step: Impute) -> _Fill:
    """Fill the task's table by the step's method."""
    if isinstance(step, ImputeCentre | ImputeGroup):
        return _fill_by_group(task, step)
    if isinstance(step, ImputeLastValue | ImputeOverYears):
        done = _fill_over_years(task, step)
    elif isinstance(step, ImputeWithin):
        done = _fill_within(task, step)
    elif isinstance(step, ImputeNeighbours):
        done = _fill_by_neighbours(task, step)
    elif isinstance(step, ImputeRegression):
        done = _fill_by_regression(task, step)
    elif isinstance(step, ImputeNormal):
        done = _fill_by_normal(task, step)
    else:
        done = _fill_by_draws(task, cast(ImputeMultiple, step))
    task.count_rest(done.table)
    return done


def _fill_by_group(task: _Task, step: ImputeCentre | ImputeGroup) -> _Fill:
    """Fill from the units of the same year (and label)."""
    groups, names = _groups(task.state, step)
    centre: impute.Centre = "median" if step.method.endswith("median") else "mean"
    filled, empty = impute.fill_by_group(task.table, groups, centre, task.wanted)
    codes = {column: code for code, column in task.column_of.items()}
    task.notes += [
        f"{codes[column]}: {names[group]} has no value; cells that stay missing: {cells}"
        for group, column, cells in empty
    ]
    outside = np.flatnonzero(groups < 0)
    left = int((np.isnan(task.table[outside]) & task.wanted[outside]).sum())
    if left:
        task.notes.append(f"rows without a label take no part; cells that stay missing: {left}")
    told = centre == "mean" and task.state.recorded
    return _Fill(filled, impute.errors_of_means(task.table, groups) if told else None)


def _groups(state: State, step: ImputeCentre | ImputeGroup) -> tuple[NDArray[np.int64], list[str]]:
    """Number of each row's group (year × label) and its name; −1 for rows that take no part."""
    years = state.values.years or (None,) * len(state.values.units)
    labels: Sequence[str | None] = [""] * len(years)
    if isinstance(step, ImputeGroup):
        labels = state.values.groups[step.group]
    keys: dict[tuple[int | None, str], int] = {}
    numbers = np.full(len(years), -1, dtype=np.int64)
    for row, (year, label, excluded_by) in enumerate(zip(years, labels, state.excluded_by.tolist(), strict=True)):
        if label is not None and not excluded_by:
            numbers[row] = keys.setdefault((year, label), len(keys))
    if isinstance(step, ImputeCentre):
        return numbers, [f"all units{in_year(year)}" for year, _ in keys]
    return numbers, [f"{step.group} {label!r}{in_year(year)}" for year, label in keys]


def _fill_over_years(task: _Task, step: ImputeLastValue | ImputeOverYears) -> _Fill:
    """Fill from the unit's own other years."""
    values = task.state.values
    assert values.years is not None
    if isinstance(step, ImputeLastValue):
        filled, ages = impute.fill_by_last_value(
            task.table, values.units, values.years, step.max_years, task.wanted, task.donors
        )
    else:
        filled, ages = fill_over_years(
            task.table, values.units, values.years, step.method, step.max_years, task.wanted, task.donors
        )
    return _Fill(filled, ages=ages)


def _fill_within(task: _Task, step: ImputeWithin) -> _Fill:
    """Fill from the unit's own other cells; values are laid on a common scale of the year first."""
    framework = task.state.framework
    kin = _families(framework, step, task.level)
    families = [sorted(task.column_of[code] for code in family) for family in kin if family]
    signs = None
    if task.level is None and not any(code in task.state.scaled for family in kin for code in family):
        signs = np.array([1.0 if node.direction == "higher" else -1.0 for node in framework.indicators])
    centre: impute.Centre = "median" if step.method.endswith("median") else "mean"
    filled = np.array(task.table, order="F")
    for _, rows in task.blocks("year"):
        filled[rows] = impute.fill_within_row(task.table[rows], families, centre, task.wanted[rows], signs)
    return _Fill(filled)


def _fill_by_neighbours(task: _Task, step: ImputeNeighbours) -> _Fill:
    """Fill from the nearest rows of the block."""
    filled = np.array(task.table, order="F")
    for _, rows in task.blocks(step.over):
        filled[rows] = fill_by_neighbours(
            task.table[rows], step.k, task.columns(step.using).tolist(), step.standardise, task.wanted[rows]
        )
    return _Fill(filled)


def _fill_by_regression(task: _Task, step: ImputeRegression) -> _Fill:
    """Fill each column by its regression on the predictors."""
    filled, error = np.array(task.table, order="F"), np.full(task.table.shape, np.nan, order="F")
    predictors = task.columns(step.predictors)
    for year, rows in task.blocks(step.over):
        for code, column in task.column_of.items():
            holes = np.isnan(task.table[rows, column]) & task.wanted[rows, column]
            if holes.any():
                fit = regress(task.table[rows, column], task.table[np.ix_(rows, predictors)])
                filled[rows[holes], column] = fit.predicted[holes]
                error[rows[holes], column] = fit.standard_error[holes]
                if fit.refused:
                    task.notes.append(f"{code}{in_year(year)}: {fit.refused}")
    return _Fill(filled, error)


def _model_columns(task: _Task, step: ImputeNormal | ImputeMultiple) -> NDArray[np.int64]:
    """Columns that the normal describes: those that inform and those that are filled."""
    return np.union1d(task.columns(step.using), np.flatnonzero(task.wanted.any(axis=0))).astype(np.int64)


def _fill_by_normal(task: _Task, step: ImputeNormal) -> _Fill:
    """Fill by the conditional mean under the normal of the block."""
    filled, error = np.array(task.table, order="F"), np.full(task.table.shape, np.nan, order="F")
    columns = _model_columns(task, step)
    for year, rows in task.blocks(step.over):
        block = task.table[np.ix_(rows, columns)]
        try:
            normal = fit_normal(block, step.tolerance, step.max_iterations, step.ridge)
        except NormalError as refusal:
            task.faults.append(f"{f'{year}: ' if year is not None else ''}{refusal}")
            continue
        task.notes.append(f"EM{in_year(year)} took {normal.iterations} steps")
        means, errors = conditional_means(block, normal)
        wanted = task.wanted[np.ix_(rows, columns)]
        filled[np.ix_(rows, columns)] = np.where(wanted, means, block)
        error[np.ix_(rows, columns)] = errors
    return _Fill(filled, error)


def _fill_by_draws(task: _Task, step: ImputeMultiple) -> _Fill:
    """Fill by the mean of the draws, or by one of them; the standard error is the standard deviation of all."""
    mean, squares = np.zeros(task.table.shape, order="F"), np.zeros(task.table.shape, order="F")
    for number in range(step.draws):
        drawn = _drawn(task, step, number)
        if task.faults:
            break
        apart = drawn - mean
        mean += apart / (number + 1)
        squares += apart * (drawn - mean)
    filled = np.where(np.isnan(task.table), mean, task.table)
    if step.draw is not None and not task.faults:
        filled = _drawn(task, step, step.draw)
    return _Fill(np.asfortranarray(filled), np.sqrt(squares / (step.draws - 1)))


def _drawn(task: _Task, step: ImputeMultiple, number: int) -> Floats:
    """The task's table with one draw in its holes."""
    filled = np.array(task.table, order="F")
    columns = _model_columns(task, step)
    for year, rows in task.blocks(step.over):
        block, wanted = task.table[np.ix_(rows, columns)], task.wanted[np.ix_(rows, columns)]
        stream = 0 if year is None else year - FIRST_YEAR
        settings = (step.tolerance, step.max_iterations, step.ridge, step.resample, stream)
        try:
            drawn = draw(block, step.seed, number, *settings)
        except NormalError as refusal:
            task.faults.append(f"{f'{year}, ' if year is not None else ''}draw {number}: {refusal}")
            continue
        filled[np.ix_(rows, columns)] = np.where(wanted, drawn, block)
    return filled


def drawn_table(state: State, step: ImputeMultiple, number: int) -> Floats:
    """One of the tables of a multiple imputation, as the uncertainty analysis takes them.

    Args:
        state: The tables as they stand before the step.
        step: The step.
        number: Number of the draw, from 0; it may pass the step's own ``draws``.

    Returns:
        The indicators, or the scores of all nodes where the step fills a level, with this draw in the holes.

    Raises:
        ComputationError: Where a normal cannot be fitted, year by year.
    """
    task = _task(state, step)
    filled = _drawn(task, step, number)
    if task.faults:
        raise ComputationError(place(state, "impute"), task.faults)
    return filled
