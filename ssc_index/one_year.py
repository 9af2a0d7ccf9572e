"""One year of several: the rows of the others are let go as soon as no step looks at them.

What belongs here: from which step on a year stands by itself, and a state or a step's tables cut down to it. What does
not: what a step does.

An edition draws on values of the years before it. Once they are carried, two thirds of its rows are of years that
nobody asks for: they would be normalised, aggregated and ranked for nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ssc_index.alone import is_alone
from ssc_index.errors import ValuesError
from ssc_index.framework.model import Framework
from ssc_index.result import StepResult
from ssc_index.steps.impute_parameters import ImputeLastValue, ImputeOverYears
from ssc_index.steps.parameters import Parameters
from ssc_index.steps.screen import Screen
from ssc_index.steps.state import State
from ssc_index.values import Values


def last_look_around(framework: Framework, steps: tuple[Parameters, ...]) -> int:
    """Number of the last step that may look at rows of other years; 0 if none does.

    A step that looks at other units may look at those of other years; one that names units or labels looks whether
    they occur in any year.
    """
    looking = (
        number
        for number, step in enumerate(steps, start=1)
        if not is_alone(framework, step)
        or isinstance(step, ImputeLastValue | ImputeOverYears)
        or (isinstance(step, Screen) and (step.only_where or step.force_in or step.force_out))
    )
    return max(looking, default=0)


def rows_of_year(values: Values, year: int) -> tuple[int, slice]:
    """Number of a year's block, and its rows.

    Raises:
        ValuesError: If no row is of the year.
    """
    for block, (known, rows) in enumerate(values.year_slices()):
        if known == year:
            return block, rows
    raise ValuesError("values", [f"no row is of the year {year}"])


def state_in(state: State, block: int, rows: slice) -> State:
    """A state with the rows of one year alone."""
    values = state.values
    kept = np.asfortranarray(values.values[rows])
    kept.flags.writeable = False
    return replace(
        state,
        values=replace(
            values,
            units=values.units[rows],
            years=None if values.years is None else values.years[rows],
            values=kept,
            groups={name: labels[rows] for name, labels in values.groups.items()},
            denominators={name: numbers[rows] for name, numbers in values.denominators.items()},
        ),
        table=np.asfortranarray(state.table[rows]),
        scores=np.asfortranarray(state.scores[rows]),
        excluded_by=state.excluded_by[rows],
        reasons=state.reasons[rows],
        observed=np.asfortranarray(state.observed[rows]),
        imputed=np.asfortranarray(state.imputed[rows]),
        carried=np.asfortranarray(state.carried[rows]),
        filled_nodes=np.asfortranarray(state.filled_nodes[rows]),
        filled_by=np.asfortranarray(state.filled_by[rows]),
        weights=state.weights[block : block + 1],
        weights_used=state.weights_used[block : block + 1],
        group_weights={
            code: replace(grouped, group_of=grouped.group_of[rows]) for code, grouped in state.group_weights.items()
        },
        transforms={(0, code): found for (number, code), found in state.transforms.items() if number == block},
    )


def step_in(step: StepResult, rows: slice) -> StepResult:
    """What a step did, in the rows of one year."""
    return replace(
        step,
        table=np.asfortranarray(step.table[rows]),
        before=np.asfortranarray(step.before[rows]),
        treated=np.asfortranarray(step.treated[rows]),
        imputed=np.asfortranarray(step.imputed[rows]),
        carried=np.asfortranarray(step.carried[rows]),
        standard_error=np.asfortranarray(step.standard_error[rows]),
    )
