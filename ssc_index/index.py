"""The index: values, framework and method in; every step's table, scores and ranks out.

What belongs here: the order of things and what is kept of each step. What does not: what a step works on (its
module in `steps/`) and any formula (the modules beside this one).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ssc_index.errors import ValuesError
from ssc_index.framework.model import Framework
from ssc_index.method import Method
from ssc_index.one_year import last_look_around, rows_of_year, state_in, step_in
from ssc_index.plan import check_method
from ssc_index.result import IndexResult, StepResult
from ssc_index.sample import Scores
from ssc_index.steps.aggregate import Aggregate
from ssc_index.steps.impute import level_of_scores
from ssc_index.steps.impute_parameters import Impute
from ssc_index.steps.normalise_parameters import Normalise
from ssc_index.steps.parameters import Parameters
from ssc_index.steps.registry import STEPS
from ssc_index.steps.saved import Saved
from ssc_index.steps.state import Bools, Ints, Outcome, State, all_scores, last_scores
from ssc_index.steps.weights_parameters import Weights
from ssc_index.values import Floats, Values


def compute_index(
    values: Values, framework: Framework, method: Method, saved: Saved | None = None, year: int | None = None
) -> IndexResult:
    """Compute an index step by step.

    Args:
        values: Values of the units, columns in the order of the framework's indicators.
        framework: What is measured.
        method: What is done, in order.
        saved: Parameters of an earlier run of the method, used instead of what these units would give; see
            `score_outside.py`.
        year: The only year of which anything is asked; the others serve it as far as steps look at them, and the
            result has none of their rows. None asks for all.

    Returns:
        Every step's table, the scores and the ranks of all nodes.

    Raises:
        ValuesError: If the columns are not the framework's indicators, or no row is of the year.
        MethodError: If the method does not fit the framework or the values' columns.
        ComputationError: If a step has no value by its own definition, with every unit and indicator.
    """
    state, steps = _run_all(values, framework, method, saved, year)
    return _result(state, method, steps)


def compute_scores(values: Values, framework: Framework, method: Method, year: int | None = None) -> Scores:
    """Compute an index without its ranks, counts and tables of steps: the same scores, in half the time.

    Args:
        values: As for `compute_index`.
        framework: What is measured.
        method: What is done.
        year: As for `compute_index`.

    Returns:
        The scores of all rows, or of the year's, and the weights that were used.

    Raises:
        ValuesError: As `compute_index`.
        MethodError: As `compute_index`.
        ComputationError: As `compute_index`.
    """
    state, _ = _run_all(values, framework, method, None, year, record=False)
    return Scores(framework, method, last_scores(state), state.weights_used)


def compute_steps(
    values: Values, framework: Framework, method: Method, year: int | None = None
) -> tuple[Scores, tuple[StepResult, ...]]:
    """As `compute_scores`, with what each step did."""
    state, steps = _run_all(values, framework, method, None, year)
    return Scores(framework, method, all_scores(state), state.weights_used), steps


def _run_all(
    values: Values, framework: Framework, method: Method, saved: Saved | None, year: int | None, record: bool = True
) -> tuple[State, tuple[StepResult, ...]]:
    """Run every step of a method, once it is known to fit."""
    if values.codes != framework.codes:
        raise ValuesError("values", [f"columns {values.codes} are not the indicators {framework.codes}"])
    has_years = values.years is not None
    check_method(method, framework, tuple(values.groups), has_years, denominators=tuple(values.denominators))
    return run_steps(values, framework, method, saved, year, record)


def run_steps(
    values: Values,
    framework: Framework,
    method: Method,
    saved: Saved | None = None,
    year: int | None = None,
    record: bool = True,
) -> tuple[State, tuple[StepResult, ...]]:
    """Run the steps of a method that is known to fit; ranks and counts are left out.

    Args:
        values: Values of the units, columns in the order of the framework's indicators.
        framework: What is measured.
        method: What is done, in order.
        saved: Parameters of an earlier run of the method.
        year: As for `compute_index`.
        record: Whether to keep what each step did, which takes copies of the tables.

    Returns:
        Where the steps lead to, and what each did; nothing of the latter without ``record``.

    Raises:
        ValuesError: If no row is of the year.
        ComputationError: If a step has no value by its own definition, with every unit and indicator.
    """
    state = beginning(values, framework, method)
    state.saved, state.recorded = saved, record
    block, rows = (0, slice(None)) if year is None else rows_of_year(values, year)
    cut_after = None if year is None else last_look_around(framework, method.steps)
    steps: list[StepResult] = []
    for number, step in enumerate((None, *method.steps)):
        state.number = number
        if step is not None:
            steps += _run(state, step, record)
        if number == cut_after:
            state, steps = state_in(state, block, rows), [step_in(one, rows) for one in steps]
    return state, tuple(steps)


def tables_of(values: Values, framework: Framework, methods: Sequence[Method]) -> Iterator[tuple[int, Floats]]:
    """Tables of the indicators that methods lead to from the same values; steps that some begin with are run once.

    Args:
        values: Values of the units, columns in the order of the framework's indicators.
        framework: What is measured.
        methods: What is done, in order; each is known to fit.

    Yields:
        Place of each method and its table after the last step, the same bits as from `run_steps`; those of few steps
        come first. Who keeps none of them has room for one at a time.

    Raises:
        ComputationError: As `run_steps`; of several, the one at the earliest step of the first method.
    """
    ways = [_ways(method) for method in methods]
    first = beginning(values, framework, methods[0])
    first.recorded = False
    states: dict[tuple[str, ...], State] = {(): first}
    for done in range(max(map(len, ways)) + 1):
        wanted = {way[:done]: method for way, method in zip(ways, methods, strict=True) if len(way) >= done}
        go_on = {way[:done] for way in ways if len(way) > done}
        before, states = states, {}
        for way, method in wanted.items():
            state = _one_more(before[way[:-1]], method) if way else first
            if way in go_on:
                states[way] = state
            yield from ((place, state.table) for place, own in enumerate(ways) if own == way)


def _ways(method: Method) -> tuple[str, ...]:
    """What tells a method's steps from those of another; a treatment looks at what comes after it too."""
    steps = [repr(step) for step in method.steps]
    return tuple(
        "; ".join(steps) if step.step == "treat" else said for step, said in zip(method.steps, steps, strict=True)
    )


def _one_more(before: State, method: Method) -> State:
    """The state after the next step of a method; the state before stays as it is, for other methods."""
    state = replace(
        before,
        steps=method.steps,
        name=method.name,
        excluded_by=before.excluded_by.copy(),
        reasons=list(before.reasons),
        weights=before.weights.copy(),
        number=before.number + 1,
        scaled=set(before.scaled),
        done=set(before.done),
        transforms=dict(before.transforms),
        group_weights=dict(before.group_weights),
    )
    _run(state, method.steps[before.number], record=False)
    return state


def beginning(values: Values, framework: Framework, method: Method) -> State:
    """Nothing done yet."""
    rows, shape = len(values.units), values.values.shape
    return State(
        values=values,
        framework=framework,
        steps=method.steps,
        name=method.name,
        table=np.asfortranarray(values.values),
        scores=np.full((rows, len(framework.nodes)), np.nan, order="F"),
        excluded_by=np.zeros(rows, dtype=np.int64),
        reasons=[()] * rows,
        observed=~np.isnan(values.values),
        imputed=np.zeros(shape, dtype=bool, order="F"),
        carried=np.zeros(shape, dtype=np.int16, order="F"),
        filled_nodes=np.zeros((rows, len(framework.nodes)), dtype=bool, order="F"),
        filled_by=np.zeros((rows, len(framework.nodes)), dtype=np.int64, order="F"),
        weights=np.full((len(values.year_slices()), len(framework.nodes)), np.nan),
        weights_used=np.full((len(values.year_slices()), len(framework.nodes)), np.nan),
    )


def _run(state: State, step: Parameters, record: bool) -> tuple[StepResult, ...]:
    """Run one step; what it did, if that is to be kept."""
    on_nodes = (
        isinstance(step, Aggregate | Weights)
        or (isinstance(step, Impute) and level_of_scores(state.framework, step) is not None)
        or (isinstance(step, Normalise) and step.level is not None)
    )
    before = all_scores(state) if on_nodes and record else state.table
    outcome: Outcome = STEPS[step.step].run(state, step)
    codes = tuple(node.code for node in state.framework.nodes) if on_nodes else state.values.codes
    places = state.node_columns(codes)
    if record and outcome.imputed is not None:
        for column in np.flatnonzero(outcome.imputed.any(axis=0)).tolist():
            np.copyto(state.filled_by[:, places[column]], state.number, where=outcome.imputed[:, column])
    if not record:
        return ()
    table = all_scores(state) if on_nodes else state.table
    nothing = np.zeros(table.shape, dtype=bool)
    imputed = nothing if outcome.imputed is None else outcome.imputed
    error = np.broadcast_to(np.nan, table.shape) if outcome.standard_error is None else outcome.standard_error
    done = StepResult(
        number=state.number,
        name=step.step,
        method=str(getattr(step, "method", "")),
        kind="scores" if state.scaled or state.done else "values",
        codes=codes,
        table=table,
        before=before,
        treated=nothing if outcome.treated is None else outcome.treated,
        imputed=imputed,
        carried=np.zeros(table.shape, dtype=np.int16) if outcome.carried is None else outcome.carried,
        standard_error=error,
        parameters=outcome.parameters,
        blocks=outcome.blocks,
        notes=outcome.notes,
        distributions=outcome.distributions,
    )
    return (done,)


def _result(state: State, method: Method, steps: tuple[StepResult, ...]) -> IndexResult:
    """Ranks and counts of every node."""
    scores = all_scores(state)
    column_of = state.node_column_of
    same_as: dict[int, int] = {}
    for column, node in reversed(list(enumerate(state.framework.nodes))):  # children before parents
        children = state.framework.children.get(node.code, ())
        child = column_of[children[0].code] if len(children) == 1 else column
        if child != column and np.array_equal(scores[:, column], scores[:, child], equal_nan=True):
            same_as[column] = child  # an only child's score is its parent's
    columns = [column for column in range(scores.shape[1]) if column not in same_as]
    ranks = method.rank.ranks_of_blocks(scores, [rows for _, rows in state.blocks], columns)
    for column, child in same_as.items():
        ranks[:, column] = ranks[:, child]
    for array in (scores, ranks, state.filled_by):
        array.flags.writeable = False
    rows_in = (state.excluded_by == 0)[:, None]
    return IndexResult(
        framework=state.framework,
        method=method,
        values=state.values,
        steps=tuple(_frozen(step) for step in steps),
        included=state.excluded_by == 0,
        excluded_because=tuple("; ".join(why) or None for why in state.reasons),
        excluded_by=state.excluded_by,
        scores=scores,
        ranks=ranks,
        weights=state.weights_used,
        n_indicators=_counts(state, np.ones((1, state.observed.shape[1]), dtype=bool))[0],
        n_observed=_counts(state, state.observed),
        n_present=_counts(state, ~np.isnan(state.table)),
        n_imputed=_counts(state, state.imputed & rows_in, state.filled_nodes & rows_in),
        n_carried=_counts(state, (state.carried > 0) & rows_in),
        filled_by=state.filled_by,
        group_weights=state.group_weights,
    )


def _counts(state: State, leaves: Bools, nodes: Bools | None = None) -> Ints:
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
    for array in (step.table, step.before, step.treated, step.imputed, step.carried, step.standard_error):
        array.flags.writeable = False
    return replace(step, parameters=dict(step.parameters))
