"""The plain way to a replication: values, framework and method like any others, through `compute_index`.

What belongs here: a replication written out in full. It is what the fast kernel is tested against, what replays a
replication, and what computes the choices that the kernel lacks. What does not: any formula.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ssc_index.framework.model import Framework
from ssc_index.index import compute_index, run_steps
from ssc_index.method import Method
from ssc_index.steps.aggregate import Aggregate
from ssc_index.steps.normalise import Normalise
from ssc_index.steps.screen import Forced, Screen
from ssc_index.steps.state import Bools, Ints, State
from ssc_index.uncertainty import draws
from ssc_index.uncertainty.case import Case, Choices, decide, deviations, rows_of, with_table
from ssc_index.uncertainty.inputs import (
    Alternatives,
    Goalposts,
    framework_with_goalposts,
    method_with,
    step_number,
)
from ssc_index.values import Floats, Values


@dataclass(frozen=True)
class Replication:
    """One replication: an index like any other.

    Attributes:
        values: Its values; with measurement error as they reach the normalisation, those of the year with errors.
        framework: Its framework: weights and goalposts as drawn.
        method: Its method: options as drawn; with measurement error the steps from the normalisation on.
    """

    values: Values
    framework: Framework
    method: Method


def replication(case: Case, number: int) -> Replication:
    """Build a replication again.

    Args:
        case: The case.
        number: Its number, from 0.
    """
    return built(case, decide(case, rows_of(case, number, number + 1)))


def built(case: Case, choices: Choices, at: int = 0) -> Replication:
    """The replication that choices make.

    Args:
        case: The case.
        choices: Of one or more replications.
        at: Which of them.
    """
    method = chosen_method(case, {name: int(option[at]) for name, option in choices.options.items()})
    framework = chosen_framework(case, {name: int(option[at]) for name, option in choices.options.items()})
    values = chosen_values(case, {name: int(option[at]) for name, option in choices.options.items()})
    if choices.provisional is not None:
        values = case.with_provisional(choices.provisional[at][case.places])
    changes: dict[str, object] = {}
    if choices.weights is not None:
        weights = choices.weights[at]
        nodes = tuple(
            node.model_copy(update={"weight": float(weight)})
            for node, weight in zip(framework.nodes, weights, strict=True)
        )
        framework = Framework(nodes=nodes, levels=framework.levels)
        changes["weights"] = "framework"
    if choices.excluded[at] >= 0:
        changes["leave_out"] = (case.candidates[int(choices.excluded[at])],)
    steps = tuple(step.model_copy(update=changes) if isinstance(step, Aggregate) else step for step in method.steps)
    method = method.model_copy(update={"steps": steps})
    if case.measurement is None:
        return Replication(values, framework, method)
    before = before_normalisation(case, values, framework, method)
    values = before.values
    if choices.noise[at]:
        table = np.array(values.values, order="F")
        table[case.rows] = disturbed(table[case.rows], before.deviation, case.bounds, choices.noise[at])
        values = with_table(values, table)
    steps = (*before.screening, *method.steps[before.first :])
    return Replication(values, framework, method.model_copy(update={"steps": steps}))


def chosen_method(case: Case, options: dict[str, int]) -> Method:
    """The method with the options taken; −1 leaves it as it stands."""
    choices: dict[int, list[dict[str, object]]] = {}
    for name, option in options.items():
        one = case.section.inputs[name]
        if isinstance(one, Alternatives) and option >= 0:
            choices.setdefault(step_number(case.method, one.step), []).append(one.options[option])
    return method_with(case.method, case.framework, choices)


def chosen_framework(case: Case, options: dict[str, int]) -> Framework:
    """The framework with the goalposts taken; −1 leaves it as it stands."""
    for name, option in options.items():
        one = case.section.inputs[name]
        if isinstance(one, Goalposts) and option >= 0 and one.options[option]:
            return framework_with_goalposts(case.framework, one.options[option])
    return case.framework


def chosen_values(case: Case, options: dict[str, int]) -> Values:
    """The values, with all that are provisional where the option says so."""
    counts = case.may_stand_in is not None and options.get(case.may_stand_in[0], -1) == 1
    return case.with_all_provisional if counts else case.values


@dataclass(frozen=True)
class Before:
    """Values as they reach the first normalisation.

    Attributes:
        values: The values of all years; rows screened out are bare.
        first: Position of that normalisation, from 0.
        deviation: Standard deviation of each of the year's values' error, in its unit, shape (n, n_indicators); 0 where
            a step before has imputed it from other units, or where it is missing.
        screened: Rows that are screened out by then, shape (n_rows,).
        screening: A step that leaves out again what is screened out by then: to an imputation later on a bare row is a
            unit that has reported nothing. Empty if nothing is.
    """

    values: Values
    first: int
    deviation: Floats
    screened: Bools
    screening: tuple[Screen, ...]


def before_normalisation(case: Case, given: Values, framework: Framework, method: Method) -> Before:
    """Run the steps before the first normalisation on the values of a case, or on these with provisional ones."""
    first = next(place for place, step in enumerate(method.steps) if isinstance(step, Normalise))
    rows = case.rows
    table, age = given.values, np.zeros(given.values.shape, dtype=np.int64)
    filled = np.zeros(table.shape, dtype=bool)
    screened: Bools = np.zeros(len(table), dtype=bool)
    screening: tuple[Screen, ...] = ()
    if first > 0:
        state, head = run_steps(given, framework, method.model_copy(update={"steps": method.steps[:first]}))
        table, screened, screening = head[-1].table, state.excluded_by > 0, _screening(state)
        for step in head:
            age = np.maximum(age, step.carried)
            filled |= step.imputed & (step.carried == 0)
    deviation = np.nan_to_num(deviations(case, table[rows], _graded(case, age[rows])))
    deviation = np.where(filled[rows], 0.0, deviation)
    return Before(with_table(given, table), first, deviation, screened, screening)


def _screening(state: State) -> tuple[Screen, ...]:
    """A step that leaves out the rows that are out of a state."""
    values = state.values
    out = tuple(
        Forced(
            unit=values.units[row],
            reason="; ".join(state.reasons[row]),
            years=None if values.years is None else (values.years[row],),
        )
        for row in np.flatnonzero(state.excluded_by).tolist()
    )
    return (Screen(force_out=out),) if out else ()


def _graded(case: Case, age: Ints) -> Ints:
    """Grade of each value of the year, by number; a carried value has that of the report that it comes from."""
    if case.grades is None or not age.any():
        return case.graded
    graded = case.graded.copy()
    place = {key: row for row, key in enumerate(zip(case.values.years or (), case.values.units, strict=False))}
    for row, column in np.argwhere(age > 0).tolist():
        assert case.year is not None
        key = (case.year - int(age[row, column]), case.values.units[case.rows][row])
        graded[row, column] = case.grade_number(case.grades[place[key], column])
    return graded


def disturbed(values: Floats, deviation: Floats, bounds: Floats, start: np.uint64) -> Floats:
    """Values with normal errors, held within their bounds.

    Args:
        values: Shape (n, n_indicators); NaN is missing.
        deviation: Standard deviations, same shape and units; where it is 0 or missing nothing changes.
        bounds: Smallest and greatest possible value, shape (2, n_indicators); NaN is open.
        start: Start of the errors.

    Returns:
        Shape (n, n_indicators); NaN exactly where ``values`` is NaN. A value beyond its bounds already stays.
    """
    errors = np.where(deviation > 0, deviation * draws.normals(start, *values.shape), 0.0)
    low = np.fmin(np.where(np.isnan(bounds[0]), -np.inf, bounds[0]), values)
    high = np.fmax(np.where(np.isnan(bounds[1]), np.inf, bounds[1]), values)
    return np.where(errors == 0, values, np.clip(values + errors, low, high))


def scores_of(case: Case, one: Replication) -> Floats:
    """Scores of all nodes of the year's units, shape (n_units, n_nodes)."""
    result = compute_index(one.values, one.framework, one.method)
    rows = dict(one.values.year_slices())[case.year]
    return result.scores[rows]


def loop(case: Case, rows: Floats, each: Callable[[int, Floats], None]) -> None:
    """Compute replications one by one and hand on each one's scores.

    Args:
        case: The case.
        rows: Shape (n, n_inputs).
        each: Takes the number within ``rows`` and the scores, shape (n_units, n_nodes).
    """
    choices = decide(case, rows)
    for at in range(rows.shape[0]):
        each(at, scores_of(case, built(case, choices, at)))
