"""The index: values, framework and method in; every step's table, scores and ranks out.

What belongs here: the order of things – which rows, columns and nodes each step works on, and what is kept.
What does not: any formula (the steps' own modules).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_index import impute, normalise, screen, treat
from ssc_index.aggregate import refused, weighted_mean
from ssc_index.errors import ComputationError, MethodError, ValuesError
from ssc_index.framework.model import Framework, Node
from ssc_index.method import (
    Aggregate,
    ImputeCentre,
    ImputeGroup,
    ImputeLastValue,
    ImputeNone,
    Method,
    NormaliseGoalposts,
    NormaliseMinmax,
    NormaliseNone,
    NormalisePercentile,
    NormaliseRank,
    NormaliseZscore,
    Parameters,
    Screen,
    TreatNone,
    TreatWinsorise,
)
from ssc_index.plan import (
    Impute,
    Normalise,
    check_method,
    indicators_meant,
    level_of_scores,
    mean_at,
    nodes_meant,
    nodes_reached,
    setting_at,
)
from ssc_index.rank import rank_descending
from ssc_index.result import Bools, IndexResult, Ints, StepResult
from ssc_index.values import Floats, Values
from ssc_index.weights import sibling_weights


@dataclass
class _State:
    """The tables as they stand between two steps."""

    values: Values
    framework: Framework
    method: Method
    table: Floats
    scores: Floats
    excluded_by: Ints
    reasons: list[list[str]]
    imputed: Bools
    carried: NDArray[np.int16]
    filled_nodes: Bools
    log_shift: Floats
    number: int = 0
    scaled: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)

    @cached_property
    def blocks(self) -> tuple[tuple[int | None, slice], ...]:
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
class _Outcome:
    """What a step leaves behind; empty arrays mean that nothing of the kind happened."""

    treated: Bools | None = None
    imputed: Bools | None = None
    carried: NDArray[np.int16] | None = None
    parameters: Mapping[str, Floats] = field(default_factory=dict)
    blocks: tuple[int | None, ...] = ()
    notes: tuple[str, ...] = ()


def compute_index(values: Values, framework: Framework, method: Method) -> IndexResult:
    """Compute an index step by step.

    Args:
        values: Values of the units, columns in the order of the framework's indicators.
        framework: What is measured.
        method: What is done, in order.

    Returns:
        Every step's table, the scores and the ranks of all nodes.

    Raises:
        ValuesError: If the columns are not the framework's indicators.
        MethodError: If the method does not fit the framework or the values' columns.
        ComputationError: If a step has no value by its own definition, with every unit and indicator.
    """
    if values.codes != framework.codes:
        raise ValuesError("values", [f"columns {values.codes} are not the indicators {framework.codes}"])
    check_method(method, framework, tuple(values.groups), values.years is not None)
    state = _start(values, framework, method)
    steps = []
    for number, step in enumerate(method.steps, start=1):
        state.number = number
        steps.append(_run(state, step))
    return _result(state, tuple(steps))


def _start(values: Values, framework: Framework, method: Method) -> _State:
    """Nothing done yet."""
    rows, shape = len(values.units), values.values.shape
    return _State(
        values=values,
        framework=framework,
        method=method,
        table=np.array(values.values, order="F"),
        scores=np.full((rows, len(framework.nodes)), np.nan, order="F"),
        excluded_by=np.zeros(rows, dtype=np.int64),
        reasons=[[] for _ in range(rows)],
        imputed=np.zeros(shape, dtype=bool),
        carried=np.zeros(shape, dtype=np.int16),
        filled_nodes=np.zeros((rows, len(framework.nodes)), dtype=bool),
        log_shift=np.full(shape, np.nan),
    )


def _run(state: _State, step: Parameters) -> StepResult:
    """Run one step and keep what it did."""
    on_nodes = isinstance(step, Aggregate) or (
        isinstance(step, Impute) and level_of_scores(state.framework, step) is not None
    )
    before = _all_scores(state) if on_nodes else state.table
    outcome = _STEPS[type(step)](state, step)
    table = _all_scores(state) if on_nodes else state.table
    nothing = np.zeros(table.shape, dtype=bool)
    return StepResult(
        number=state.number,
        name=step.step,
        method=str(getattr(step, "method", "")),
        kind="scores" if state.scaled or state.done else "values",
        codes=tuple(node.code for node in state.framework.nodes) if on_nodes else state.values.codes,
        table=table,
        before=before,
        treated=nothing if outcome.treated is None else outcome.treated,
        imputed=nothing if outcome.imputed is None else outcome.imputed,
        carried=np.zeros(table.shape, dtype=np.int16) if outcome.carried is None else outcome.carried,
        parameters=outcome.parameters,
        blocks=outcome.blocks,
        notes=outcome.notes,
    )


def _all_scores(state: _State) -> Floats:
    """Indicators and the nodes computed so far, in the order of the framework."""
    scores = state.scores.copy(order="F")
    scores[:, state.node_columns(state.values.codes)] = state.table
    return scores


def _nothing(state: _State, step: Parameters) -> _Outcome:
    """A step that is switched off."""
    return _Outcome()


def _screen(state: _State, step: Screen) -> _Outcome:
    """Leave rows out: their cells are missing from here on."""
    present = ~np.isnan(state.values.values if step.count == "observed" else state.table)
    framework = state.framework
    root = framework.root.code
    by_node = {node.code: setting_at(step.min_coverage_by_node, node) or 0.0 for node in framework.nodes}
    by_node[root] = max(by_node[root], step.min_coverage)
    least = {node: share for node, share in by_node.items() if share > 0}
    columns = {node: state.columns(framework.leaves_under[node]) for node in least}
    found = screen.coverage_reasons(present, columns, least)
    for column, wanted in step.only_where.items():
        _some_label_occurs(state, column, wanted)
        labels = screen.label_reasons(state.values.groups[column], column, wanted)
        found = [one + other for one, other in zip(labels, found, strict=True)]
    out = np.array([bool(reasons) for reasons in found], dtype=bool) & (state.excluded_by == 0)
    for row in np.flatnonzero(out).tolist():
        state.reasons[row] = found[row]
    state.excluded_by[out] = state.number
    state.table = np.where((state.excluded_by > 0)[:, None], np.nan, state.table).copy(order="F")
    return _Outcome(notes=(f"{int(out.sum())} of {out.size} rows screened out",))


def _some_label_occurs(state: _State, column: str, wanted: Sequence[str]) -> None:
    """Refuse labels of which none occurs: every row would be left out by a slip of the pen."""
    labels = {label for label in state.values.groups[column] if label is not None}
    if state.values.units and not labels & set(wanted):
        said = ", ".join(repr(label) for label in sorted(labels)[:20])
        fault = f"only_where: none of {', '.join(map(repr, wanted))} occurs in column {column!r}; its labels are {said}"
        raise MethodError(_place(state, "screen"), [fault])


def _treat(state: _State, step: TreatWinsorise) -> _Outcome:
    """Treat each indicator, year by year."""
    codes = indicators_meant(state.framework, step.only)
    anchors = {code: _anchors(state, state.framework.by_code[code]) for code in codes}
    table = state.table.copy(order="F")
    shape = (len(state.blocks), len(state.values.codes))
    found = {name: np.full(shape, np.nan) for name in ("skewness", "kurtosis", "n_points", "log_shift")}
    notes = []
    for block, (year, rows) in enumerate(state.blocks):
        for code, column in zip(codes, state.columns(codes), strict=True):
            node = state.framework.by_code[code]
            done = treat.treat_column(
                np.ascontiguousarray(state.table[rows, column]),
                step.max_points,
                step.skew,
                step.kurtosis,
                step.fallback == "log" and node.transform == "none",
                anchors[code],
            )
            table[rows, column] = done.values
            state.log_shift[rows, column] = done.shift
            statistics = (done.skewness, done.kurtosis, done.n_points, done.shift)
            for name, number in zip(found, statistics, strict=True):
                found[name][block, column] = number
            if done.rule in ("winsorised", "logged"):
                notes.append(f"{code}{_in(year)}: {done.rule}")
    treated = (table != state.table) & ~np.isnan(table)
    state.table = table
    return _Outcome(
        treated=treated, parameters=found, blocks=tuple(year for year, _ in state.blocks), notes=tuple(notes)
    )


def _anchors(state: _State, node: Node) -> tuple[float, ...]:
    """Goalposts that a later step of the method will compare with the indicator's treated values."""
    if node.code in state.scaled or node.low is None or node.high is None:
        return ()
    for step in state.method.steps[state.number :]:
        if isinstance(step, Normalise) and node.code in indicators_meant(state.framework, step.only):
            return (node.low, node.high) if isinstance(step, NormaliseGoalposts) else ()
    return ()


def _in(year: int | None) -> str:
    """A year in words."""
    return "" if year is None else f" in {year}"


def _normalise_none(state: _State, step: NormaliseNone) -> _Outcome:
    """Values are scores already."""
    state.scaled |= set(indicators_meant(state.framework, step.only))
    return _Outcome()


def _normalise(state: _State, step: Normalise) -> _Outcome:
    """Put the indicators that are left on a scale, block by block."""
    codes = [code for code in indicators_meant(state.framework, step.only) if code not in state.scaled]
    columns = state.columns(codes)
    nodes = [state.framework.by_code[code] for code in codes]
    values = _transformed(state, nodes, columns)
    blocks = state.blocks
    if getattr(step, "over", "year") == "panel":
        blocks = ((None, slice(0, len(state.values.units))),)
    scores = np.full(values.shape, np.nan, order="F")
    parameters: dict[str, Floats] = {}
    faults: list[str] = []
    for number, (year, rows) in enumerate(blocks):
        with np.errstate(over="ignore", invalid="ignore"):  # looked for below
            scores[rows], found = _scale(state, step, values[rows], nodes, rows)
        for name, array in found.items():
            parameters.setdefault(name, np.full((len(blocks), len(state.values.codes)), np.nan))
            parameters[name][number, columns] = array
        faults += _settle_constant(step, values[rows], scores[rows], codes, year)
    faults += [
        f"{state.values.row_name(row)}, {codes[column]}: {state.table[row, columns[column]]:g} lies beyond every scale"
        for row, column in np.argwhere(np.isinf(scores)).tolist()
    ]
    if faults:
        raise ComputationError(_place(state, "normalise"), faults)
    table = state.table.copy(order="F")
    table[:, columns] = scores
    state.table = table
    state.scaled |= set(codes)
    return _Outcome(parameters=parameters, blocks=tuple(year for year, _ in blocks))


def _transformed(state: _State, nodes: Sequence[Node], columns: Sequence[int]) -> Floats:
    """Values after each indicator's transform; every cell outside a domain is a fault."""
    values = np.array(state.table[:, columns], order="F")
    faults = []
    for position, node in enumerate(nodes):
        outside = normalise.outside_domain(values[:, position], node.transform)
        faults += [
            f"{state.values.row_name(row)}, {node.code}: {values[row, position]:g} has no {node.transform}; "
            f"it must be {normalise.DOMAINS[node.transform]}"
            for row in np.flatnonzero(outside).tolist()
        ]
        values[outside, position] = np.nan
        values[:, position] = normalise.transform_values(values[:, position], node.transform, node.target)
    if faults:
        raise ComputationError(_place(state, "normalise"), faults)
    return values


def _scale(
    state: _State, step: Normalise, values: Floats, nodes: Sequence[Node], rows: slice
) -> tuple[Floats, dict[str, Floats]]:
    """Scores of one block and the parameters they rest on."""
    sign = np.array([-1.0 if node.direction == "lower" or node.transform == "gap_to_target" else 1.0 for node in nodes])
    if isinstance(step, NormaliseGoalposts):
        low, high = _goalposts(state, nodes, rows)
        return normalise.goalposts(values, low, high, step.range, step.clip), {"low": low, "high": high}
    if isinstance(step, NormaliseMinmax):
        scores, worst, best = normalise.minmax(values, sign, step.range)
        return scores, {"worst": worst, "best": best}
    if isinstance(step, NormaliseZscore):
        scores, mean, sd = normalise.zscore(values, sign, step.mean, step.sd)
        return scores, {"mean": mean, "sd": sd}
    count = (~np.isnan(values)).sum(axis=0).astype(np.float64)
    if isinstance(step, NormalisePercentile):
        return normalise.percentiles(values, sign, step.ties, step.range), {"n": count}
    assert isinstance(step, NormaliseRank)
    return normalise.ranks(values, sign, step.ties), {"n": count}


def _goalposts(state: _State, nodes: Sequence[Node], rows: slice) -> tuple[Floats, Floats]:
    """Goalposts of a block, put through the same transform as the values."""
    low, high = np.empty(len(nodes)), np.empty(len(nodes))
    for position, node in enumerate(nodes):
        posts = np.array([node.low, node.high], dtype=np.float64)
        column = state.log_shift[rows, state.column_of[node.code]]
        shift = column[0] if column.size else np.nan
        if np.isnan(shift):
            posts = normalise.transform_values(posts, node.transform, node.target)
        else:
            posts = np.log(posts - shift)
        low[position], high[position] = posts
    return low, high


def _settle_constant(
    step: Normalise, values: Floats, scores: Floats, codes: Sequence[str], year: int | None
) -> list[str]:
    """Apply the step's rule to cells that have a value and no score; ``scores`` is changed in place."""
    if not isinstance(step, NormaliseMinmax | NormaliseZscore | NormalisePercentile):
        return []
    stuck = ~np.isnan(values) & np.isnan(scores)
    if step.constant == "middle":
        middle = step.mean if isinstance(step, NormaliseZscore) else sum(step.range) / 2.0
        scores[stuck] = middle
    if step.constant != "error":
        return []
    return [
        f"{codes[column]}{_in(year)}: all units have the same value, so {step.method} has no score; "
        "say 'constant: missing' or 'constant: middle', or leave the indicator out"
        for column in np.flatnonzero(stuck.any(axis=0)).tolist()
    ]


def _place(state: _State, name: str) -> str:
    """The step, as errors name it."""
    return f"method {state.method.name}, step {state.number} ({name})"


def _impute(state: _State, step: Impute) -> _Outcome:
    """Fill indicators, or the scores of a level."""
    level = level_of_scores(state.framework, step)
    if level is None:
        codes = indicators_meant(state.framework, step.only)
        columns, table, flags = state.columns(codes), state.table, state.imputed
    else:
        codes = tuple(node.code for node in nodes_meant(state.framework, level, step.only))
        columns, table, flags = state.node_columns(codes), state.scores, state.filled_nodes
    wanted = np.zeros(table.shape, dtype=bool)
    wanted[:, columns] = True
    wanted[state.excluded_by > 0] = False
    filled, ages, notes = _fill(state, step, table, wanted, ~flags)
    new = np.isnan(table) & ~np.isnan(filled)
    if not np.array_equal(filled[~np.isnan(table)], table[~np.isnan(table)]):
        raise AssertionError("imputation changed a cell that was there")
    if level is None:
        state.table, state.imputed, state.carried = filled, flags | new, np.maximum(state.carried, ages)
        return _Outcome(imputed=new, carried=ages, notes=tuple(notes))
    state.scores, state.filled_nodes = filled, flags | new
    return _Outcome(imputed=new, carried=ages, notes=tuple(notes))


def _fill(
    state: _State, step: Impute, table: Floats, wanted: Bools, donors: Bools
) -> tuple[Floats, NDArray[np.int16], list[str]]:
    """Fill a table by the step's method; notes name groups that had nothing to give."""
    if isinstance(step, ImputeLastValue):
        assert state.values.years is not None
        filled, ages = impute.fill_by_last_value(
            table, state.values.units, state.values.years, step.max_years, wanted, donors
        )
        return filled, ages, []
    groups, names = _groups(state, step)
    centre: impute.Centre = "median" if step.method.endswith("median") else "mean"
    filled, empty = impute.fill_by_group(table, groups, centre, wanted)
    codes = state.values.codes
    if table.shape[1] != len(codes):
        codes = tuple(node.code for node in state.framework.nodes)
    notes = [
        f"{codes[column]}: {names[group]} has no value; cells that stay missing: {cells}"
        for group, column, cells in empty
    ]
    left = np.isnan(table) & wanted & (groups < 0)[:, None]
    if left.any():
        notes.append(f"rows without a label take no part; cells that stay missing: {int(left.sum())}")
    return filled, np.zeros(table.shape, dtype=np.int16), notes


def _groups(state: _State, step: ImputeCentre | ImputeGroup) -> tuple[NDArray[np.int64], list[str]]:
    """Number of each row's group (year × label) and its name; −1 for rows that take no part."""
    years = state.values.years or (None,) * len(state.values.units)
    labels: Sequence[str | None] = [""] * len(years)
    if isinstance(step, ImputeGroup):
        labels = state.values.groups[step.group]
    keys: dict[tuple[int | None, str], int] = {}
    numbers = np.full(len(years), -1, dtype=np.int64)
    for row, (year, label) in enumerate(zip(years, labels, strict=True)):
        if label is not None and not state.excluded_by[row]:
            numbers[row] = keys.setdefault((year, label), len(keys))
    if isinstance(step, ImputeCentre):
        return numbers, [f"all units{_in(year)}" for year, _ in keys]
    return numbers, [f"{step.group} {label!r}{_in(year)}" for year, label in keys]


def _aggregate(state: _State, step: Aggregate) -> _Outcome:
    """Compute nodes from their children, the lowest first."""
    scores = _all_scores(state)
    position = state.node_column_of
    faults: list[str] = []
    nodes = nodes_reached(state.framework, state.done, step.to)
    for node in nodes:
        children = state.framework.children[node.code]
        parts = [scores[:, position[child.code]] for child in children]
        mean, least = mean_at(step, node), _least_coverage(step, node)
        if mean == "geometric":
            parts, found = _positive(state, step, node, parts)
            faults += found
        weights = sibling_weights(state.framework, node.code, step.weights)
        scores[:, position[node.code]] = weighted_mean(parts, weights, mean, least)
    if faults:
        raise ComputationError(_place(state, "aggregate"), faults)
    state.scores = scores
    state.done |= {node.code for node in nodes}
    return _Outcome()


def _positive(state: _State, step: Aggregate, node: Node, parts: Sequence[Floats]) -> tuple[list[Floats], list[str]]:
    """Raise scores to the floor, or refuse every one that is not above 0."""
    if step.floor is not None:
        return [np.maximum(part, step.floor) for part in parts], []
    children = state.framework.children[node.code]
    faults = [
        f"{state.values.row_name(row)}, {children[child].code}: {parts[child][row]:g} is not above 0, so "
        f"{node.code} has no geometric mean; give the step a floor, or this node another mean"
        for row, child in refused(parts, _least_coverage(step, node))
    ]
    return [np.where(part <= 0, np.nan, part) for part in parts], faults


def _least_coverage(step: Aggregate, node: Node) -> float:
    """Share of the children that must be present at a node."""
    if not isinstance(step.min_coverage, dict):
        return step.min_coverage
    return setting_at(step.min_coverage, node) or 0.0


def _result(state: _State, steps: tuple[StepResult, ...]) -> IndexResult:
    """Ranks and counts of every node."""
    scores = _all_scores(state)
    ranks = np.full(scores.shape, np.nan, order="F")
    rule = state.method.rank
    for _, rows in state.blocks:
        for column in range(scores.shape[1]):
            ranks[rows, column] = rank_descending(scores[rows, column], rule.ties, rule.round)
    for array in (scores, ranks):
        array.flags.writeable = False
    observed = ~np.isnan(state.values.values)
    rows_in = (state.excluded_by == 0)[:, None]
    return IndexResult(
        framework=state.framework,
        method=state.method,
        values=state.values,
        steps=tuple(_frozen(step) for step in steps),
        included=state.excluded_by == 0,
        excluded_because=tuple("; ".join(why) or None for why in state.reasons),
        excluded_by=state.excluded_by,
        scores=scores,
        ranks=ranks,
        n_indicators=_counts(state, np.ones((1, observed.shape[1]), dtype=bool))[0],
        n_observed=_counts(state, observed),
        n_present=_counts(state, ~np.isnan(state.table)),
        n_imputed=_counts(state, state.imputed & rows_in, state.filled_nodes & rows_in),
        n_carried=_counts(state, (state.carried > 0) & rows_in),
    )


def _counts(state: _State, leaves: Bools, nodes: Bools | None = None) -> Ints:
    """Sum flags of indicators (and of nodes themselves) up the tree, shape (n_rows, n_nodes)."""
    counts = np.zeros((leaves.shape[0], len(state.framework.nodes)), dtype=np.int64, order="F")
    if nodes is not None:
        counts += nodes
    position = state.node_column_of
    for column, code in enumerate(state.values.codes):
        counts[:, position[code]] += leaves[:, column]
    for node in reversed(state.framework.nodes):
        if node.parent is not None:
            counts[:, position[node.parent]] += counts[:, position[node.code]]
    return counts


def _frozen(step: StepResult) -> StepResult:
    """Make a step's arrays read-only."""
    for array in (step.table, step.before, step.treated, step.imputed, step.carried):
        array.flags.writeable = False
    return replace(step, parameters=dict(step.parameters))


_STEPS: dict[type[Parameters], Callable[[_State, Any], _Outcome]] = {
    Screen: _screen,
    TreatNone: _nothing,
    TreatWinsorise: _treat,
    NormaliseNone: _normalise_none,
    NormaliseGoalposts: _normalise,
    NormaliseMinmax: _normalise,
    NormaliseZscore: _normalise,
    NormaliseRank: _normalise,
    NormalisePercentile: _normalise,
    ImputeNone: _nothing,
    ImputeCentre: _impute,
    ImputeGroup: _impute,
    ImputeLastValue: _impute,
    Aggregate: _aggregate,
}
