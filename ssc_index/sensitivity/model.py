"""What a sensitivity analysis asks of a model, and the groups of inputs that move together.

What belongs here: the agreement between a model and the analysis. What does not: any model (the index as a model of
its uncertain choices is built where these are known) and any estimator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ssc_index.errors import FaultsError
from ssc_index.values import Floats


class SensitivityError(FaultsError):
    """A design, a group or a model that a sensitivity analysis cannot use."""


class Model(Protocol):
    """A function of the unit cube, such as scores and ranks of all cities as a function of every uncertain choice.

    ``outputs = model(rows)``: ``rows`` has shape (n_rows, n_columns), one column per coordinate, each number in the
    open interval (0, 1) – or NaN, which means that the input keeps its nominal value, so that a row of NaN is the
    nominal run. ``outputs`` has shape (n_rows, n_outputs), float32 or float64; NaN is an output that this run does
    not have. A row's outputs depend on that row alone, whatever stands above and below it.

    An input of too many dimensions for a sequence, such as noise on every value, is one column: its bits key a
    counter-based generator, which is a function of the unit interval like any other.

    The rows of a call come in families: a row, then the same row with one group of columns replaced, the last group
    first. With the groups in the order of the computation, a model may keep the stages of the row before and
    compute again only from the first column that differs. What it keeps it keeps within the call: calls may come
    from several threads or processes at once. A model that goes to processes can be pickled.
    """

    def __call__(self, rows: Floats, /) -> Floats:
        """Outputs of each row, shape (n_rows, n_outputs)."""
        ...


@dataclass(frozen=True)
class Group:
    """Columns of the unit cube that move together and share one index.

    Attributes:
        name: Its name, for example ``weights``.
        columns: Positions of its columns.
    """

    name: str
    columns: tuple[int, ...]


def groups_from_sizes(sizes: Mapping[str, int]) -> tuple[Group, ...]:
    """Lay groups side by side.

    Args:
        sizes: Number of columns by name of the group, in the order of the computation.

    Returns:
        The groups; the first has columns 0 and following.

    >>> [group.columns for group in groups_from_sizes({"weights": 3, "normalisation": 1})]
    [(0, 1, 2), (3,)]
    """
    groups, start = [], 0
    for name, size in sizes.items():
        groups.append(Group(name, tuple(range(start, start + size))))
        start += size
    return tuple(groups)


def check_groups(groups: Sequence[Group]) -> int:
    """Check that the groups share out columns 0 to n-1, each to one group.

    Args:
        groups: The groups.

    Returns:
        The number of columns.

    Raises:
        SensitivityError: With every group that is empty, bears a name twice or takes a column twice, and every
            column that no group has.
    """
    names = [group.name for group in groups]
    faults = [] if groups else ["there is no group of inputs: name at least one"]
    faults += [
        f"group {name!r} is named {names.count(name)} times" for name in dict.fromkeys(names) if names.count(name) > 1
    ]
    faults += [f"group {group.name!r} has no column" for group in groups if not group.columns]
    taken = [column for group in groups for column in group.columns]
    counts = np.bincount([column for column in taken if column >= 0], minlength=1)
    faults += [f"column {column} is not a position" for column in taken if column < 0]
    faults += [f"column {column} belongs to {count} groups" for column, count in enumerate(counts) if count > 1]
    faults += [f"column {column} belongs to no group" for column, count in enumerate(counts) if taken and not count]
    if faults:
        raise SensitivityError("groups of inputs", faults)
    return len(taken)
