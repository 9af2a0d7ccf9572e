"""One at a time: the nominal run against each alternative of each input.

What belongs here: the rows and the table. What does not: which alternatives there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ssc_index.sensitivity.batches import evaluate
from ssc_index.sensitivity.model import Model, SensitivityError
from ssc_index.values import Floats


@dataclass(frozen=True)
class Alternative:
    """One setting of one input, every other input at its nominal value.

    Attributes:
        group: Name of the input, for example ``normalisation``.
        label: Name of the setting, for example ``z-score``.
        coordinates: Coordinate by column of the unit cube.
    """

    group: str
    label: str
    coordinates: Mapping[int, float]


@dataclass(frozen=True)
class OneAtATime:
    """The nominal run and each alternative.

    Attributes:
        alternatives: The alternatives.
        nominal: Outputs of the nominal run, shape (n_outputs,).
        outputs: Outputs of each alternative, shape (n_alternatives, n_outputs); NaN is one that a run has not.
        mean_shift: Mean over outputs of ``|output - nominal|``, shape (n_alternatives,).
        largest_shift: Largest ``|output - nominal|``.
        n_compared: Outputs that both runs have; the shifts rest on these and are NaN without any.
    """

    alternatives: tuple[Alternative, ...]
    nominal: Floats
    outputs: Floats
    mean_shift: Floats
    largest_shift: Floats
    n_compared: np.ndarray[tuple[int], np.dtype[np.int64]]

    def over(self, part: slice) -> OneAtATime:
        """The same runs, with the shifts of other outputs."""
        return _compared(self.alternatives, self.nominal, self.outputs, part)


def choices(group: str, column: int, probabilities: Mapping[str, float]) -> tuple[Alternative, ...]:
    """Alternatives of a discrete input: the middle of each one's share of the unit interval.

    Args:
        group: Name of the input.
        column: Its column; the alternatives lie on it side by side, in their order, each as wide as it is likely.
        probabilities: Probability by label; they add up to one.

    Returns:
        One alternative each; those of probability 0 are left out.

    >>> [one.coordinates[0] for one in choices("mean", 0, {"arithmetic": 0.5, "geometric": 0.5})]
    [0.25, 0.75]
    """
    ends = np.cumsum(list(probabilities.values()))
    middles = ends - np.array(list(probabilities.values())) / 2
    return tuple(
        Alternative(group, label, {column: float(middle)})
        for (label, share), middle in zip(probabilities.items(), middles, strict=True)
        if share > 0
    )


def one_at_a_time(model: Model, n_columns: int, alternatives: Sequence[Alternative], part: slice) -> OneAtATime:
    """Run the nominal row and each alternative.

    Args:
        model: A function of the unit cube for which NaN means nominal.
        n_columns: Its number of columns.
        alternatives: What to compare.
        part: Outputs over which the shifts are taken, for example the ranks of all cities.

    Returns:
        The runs and the shifts, alternatives in their order.

    Raises:
        SensitivityError: If an alternative names a column that is not there, or a coordinate outside (0, 1).
    """
    faults = [
        f"{one.group}: {one.label}: coordinate {value} of column {column}; columns are 0 to {n_columns - 1} "
        "and coordinates lie between 0 and 1"
        for one in alternatives
        for column, value in one.coordinates.items()
        if not (0 <= column < n_columns and 0 < value < 1)
    ]
    if faults:
        raise SensitivityError("alternatives", faults)
    rows = np.full((1, 1 + len(alternatives), n_columns), np.nan)
    for place, one in enumerate(alternatives, start=1):
        rows[0, place, list(one.coordinates)] = list(one.coordinates.values())
    outputs = evaluate(model, rows)[0].astype(np.float64)
    return _compared(tuple(alternatives), outputs[0], outputs[1:], part)


def _compared(alternatives: tuple[Alternative, ...], nominal: Floats, outputs: Floats, part: slice) -> OneAtATime:
    """The runs with their shifts over some outputs."""
    shifts = np.abs(outputs[:, part] - nominal[part])
    compared = np.count_nonzero(~np.isnan(shifts), axis=1)
    known = np.where(np.isnan(shifts), 0.0, shifts)
    nothing = compared == 0
    mean = np.where(nothing, np.nan, known.sum(axis=1) / np.maximum(compared, 1))
    largest = np.where(nothing, np.nan, known.max(axis=1, initial=0.0))
    return OneAtATime(alternatives, nominal, outputs, mean, largest, compared)
