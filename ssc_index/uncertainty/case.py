"""An index whose choices are uncertain: what is given, and what a replication decides.

What belongs here: from a row of numbers to choices. What does not: what follows from choices (`plain.py`, the slow
and certain way; `kernel.py`, the fast one).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ssc_index.errors import ValuesError
from ssc_index.framework.model import Framework
from ssc_index.method import Method
from ssc_index.steps.aggregate import Aggregate, left_out
from ssc_index.steps.state import Bools, Ints
from ssc_index.steps.walk import nodes_reached
from ssc_index.uncertainty import draws
from ssc_index.uncertainty.inputs import (
    Alternatives,
    Dirichlet,
    Exclusion,
    Goalposts,
    Measurement,
    Provisional,
    Uncertainty,
    WeightNoise,
    Weights,
    WeightTable,
    read_uncertainty,
)
from ssc_index.values import Floats, Values
from ssc_index.weights import sibling_weights

Grades = NDArray[np.str_] | NDArray[np.object_]
Backend = Literal["numba", "numpy"]


@dataclass(frozen=True)
class Case:
    """An index with what is uncertain about it. Build it with `case_of`.

    Attributes:
        values: Values of all years.
        framework: The framework.
        method: The method as it stands.
        section: What varies.
        year: Year whose ranks are asked for; None without years.
        grades: Data-quality grade of each value, shape (n_rows, n_indicators), empty where none is declared; None
            where nothing is declared at all.
        bounds: Smallest and greatest possible value of each indicator, shape (2, n_indicators); NaN is open.
        exact: Indicators that have no measurement error, such as yes or no, shape (n_indicators,).
        provisional: What was reported and is not verified, shape (n_rows, n_indicators), units of the values; NaN is
            nothing; None where nothing is known of it. Grades are those of the cell, whichever value stands in it.
    """

    values: Values
    framework: Framework
    method: Method
    section: Uncertainty
    year: int | None
    grades: Grades | None
    bounds: Floats
    exact: Bools
    provisional: Floats | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the inputs: the columns of a row."""
        return tuple(self.section.inputs)

    @cached_property
    def rows(self) -> slice:
        """Rows of the year."""
        return dict(self.values.year_slices())[self.year]

    @cached_property
    def kept(self) -> tuple[str, ...]:
        """Codes of the nodes that get distributions, in the order of the framework: the root first."""
        names = self.section.nodes or ()
        meant = {node.code for name in names for node in self.framework.named(name)}
        meant = meant & set(self.framework.children) | {self.framework.root.code}
        return tuple(node.code for node in self.framework.nodes if node.code in meant)

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Place of each node in the framework."""
        return {node.code: place for place, node in enumerate(self.framework.nodes)}

    @cached_property
    def base_weights(self) -> Floats:
        """Weights of the method as it stands, by node, each by the step that aggregates it; the root has 1, shape
        (n_nodes,)."""
        weights, done = self.weights_from("framework"), set[str]()
        for step in self.method.steps:
            if isinstance(step, Aggregate):
                parents = {node.code for node in nodes_reached(self.framework, done, step.to)}
                own = self.weights_from(step.weights)
                for place, node in enumerate(self.framework.nodes):
                    if node.parent in parents:
                        weights[place] = own[place]
                done |= parents
        return weights

    def weights_from(self, source: str) -> Floats:
        """Weights by node of a weight set, ``framework`` or ``equal``; the root has 1, shape (n_nodes,)."""
        if source not in self._weights_found:
            weights = np.ones(len(self.framework.nodes))
            for children in self.framework.children.values():
                for child, weight in zip(children, sibling_weights(children, source), strict=True):
                    weights[self.position[child.code]] = weight
            self._weights_found[source] = weights
        return self._weights_found[source].copy()

    @cached_property
    def _weights_found(self) -> dict[str, Floats]:
        return {}

    @cached_property
    def weighted(self) -> bool:
        """Whether any input varies weights."""
        return any(isinstance(one, Weights) for one in self.section.inputs.values())

    @cached_property
    def candidates(self) -> tuple[str, ...]:
        """Nodes of which one may be left out."""
        for one in self.section.inputs.values():
            if isinstance(one, Exclusion):
                meant = [node.code for name in one.nodes for node in self.framework.named(name)]
                return tuple(dict.fromkeys(meant))
        return ()

    @cached_property
    def measurement(self) -> Measurement | None:
        """The input of measurement error, if there is one."""
        return next((one for one in self.section.inputs.values() if isinstance(one, Measurement)), None)

    @cached_property
    def may_stand_in(self) -> tuple[str, Provisional] | None:
        """The input of provisional values with its name, if there is one."""
        inputs = self.section.inputs.items()
        return next(((name, one) for name, one in inputs if isinstance(one, Provisional)), None)

    @cached_property
    def last_steps(self) -> dict[tuple[str, ...], tuple[list[Aggregate], Ints]]:
        """What `prepared.py` has found of the aggregation with the options of inputs, by their names."""
        return {}

    @cached_property
    def places(self) -> Ints:
        """Place of each row's unit among all units in the order of their names, shape (n_rows,)."""
        place = {unit: number for number, unit in enumerate(sorted(set(self.values.units)))}
        return np.array([place[unit] for unit in self.values.units], dtype=np.int64)

    def with_provisional(self, counts: Bools) -> Values:
        """Values with those that are provisional.

        Args:
            counts: Rows of which they count, shape (n_rows,).
        """
        assert self.provisional is not None
        stands = counts[:, None] & ~np.isnan(self.provisional)
        return with_table(self.values, np.where(stands, self.provisional, self.values.values))

    @cached_property
    def with_all_provisional(self) -> Values:
        """Values with all that are provisional."""
        return self.with_provisional(np.ones(len(self.values.units), dtype=bool))

    @cached_property
    def graded(self) -> Ints:
        """Number of the grade of each value of the year in the table of errors, −1 where none is declared.

        Shape (n_units, n_indicators).
        """
        shape = self.values.values[self.rows].shape
        if self.grades is None:
            return np.full(shape, -1, dtype=np.int64)
        given = self.grades[self.rows].ravel().tolist()
        number = {grade: self.grade_number(grade) for grade in set(given)}
        return np.fromiter(map(number.__getitem__, given), np.int64, len(given)).reshape(shape)

    def grade_number(self, grade: str) -> int:
        """Number of a grade in the table of errors; −1 for none."""
        return self._grade_numbers.get(grade, -1)

    @cached_property
    def _grade_numbers(self) -> Mapping[str, int]:
        table = {} if self.measurement is None else self.measurement.table
        return {grade: number for number, grade in enumerate(table)}


def with_table(values: Values, table: Floats) -> Values:
    """Values with other numbers in their cells, shape (n_rows, n_indicators)."""
    own = np.array(table, order="F")
    own.flags.writeable = False
    return replace(values, values=own)


@dataclass(frozen=True)
class Choices:
    """What replications decide; the first axis of every array is the replication.

    Attributes:
        options: Number of the option by input (alternatives and goalposts), shape (n,); −1 is the method as it is. Of
            provisional values by ``all`` it is 1 where they count, and 0 where not.
        weights: Weight of each node among its siblings, shape (n, n_nodes); None where no input varies them.
        excluded: Place of the node left out in `Case.candidates`, shape (n,); −1 is none.
        noise: Start of the measurement errors, shape (n,); 0 is no error.
        provisional: Whether a unit's provisional values count, shape (n, n_distinct_units), as `Case.places` numbers
            them; None where they are not drawn by unit.
    """

    options: Mapping[str, Ints]
    weights: Floats | None
    excluded: Ints
    noise: NDArray[np.uint64]
    provisional: Bools | None = None


def case_of(
    values: Values,
    framework: Framework,
    method: Method,
    year: int | None = None,
    grades: Grades | None = None,
    bounds: Floats | None = None,
    exact: Bools | None = None,
    provisional: Floats | None = None,
) -> Case:
    """Put a case together and check it.

    Args:
        values: Values of all years.
        framework: The framework.
        method: The method, with its section ``uncertainty``.
        year: Year whose ranks are asked for; None is the last.
        grades: Data-quality grade of each value, shape (n_rows, n_indicators), empty where none is declared.
        bounds: Smallest and greatest possible value of each indicator, shape (2, n_indicators); NaN is open.
        exact: Indicators that have no measurement error, shape (n_indicators,); None is none.
        provisional: What was reported and is not verified, shape (n_rows, n_indicators), units of the values; NaN is
            nothing. Needed by an input of kind ``provisional``, and by nothing else.

    Raises:
        MethodError: With every fault of the section.
        ValuesError: With a year, grades or provisional values that the values or the method do not fit.
    """
    section = read_uncertainty(method, framework, tuple(values.groups), values.years is not None)
    years = [one for one, _ in values.year_slices()]
    faults = []
    if year is not None and year not in years:
        faults.append(f"year {year}: the values have none of it; they have {', '.join(map(str, years))}")
    if grades is not None and grades.shape != values.values.shape:
        faults.append(f"grades of shape {grades.shape} for values of shape {values.values.shape}")
    faults += _provisional_faults(section, values, provisional)
    if faults:
        raise ValuesError("uncertainty", faults)
    bounds, exact = _limits(section, framework, bounds, exact)
    asked = years[-1] if year is None else year
    case = Case(values, framework, method, section, asked, grades, bounds, exact, provisional)
    if case.measurement is not None and grades is not None:
        unknown = sorted({*grades.ravel().tolist()} - {"", *case.measurement.table})
        if unknown:
            raise ValuesError("uncertainty", [_unknown_grade(case, grade) for grade in unknown])
    return case


def _limits(
    section: Uncertainty, framework: Framework, bounds: Floats | None, exact: Bools | None
) -> tuple[Floats, Bools]:
    """Bounds and exactness of the indicators: those that are given, and over them those of the section."""
    within = np.full((2, len(framework.codes)), np.nan) if bounds is None else bounds.copy()
    errorless = np.zeros(len(framework.codes), dtype=bool) if exact is None else exact.copy()
    for one in section.inputs.values():
        if isinstance(one, Measurement):
            for code, ends in one.bounds.items():
                within[:, framework.codes.index(code)] = [np.nan if end is None else end for end in ends]
            errorless[[framework.codes.index(code) for code in one.exact]] = True
    return within, errorless


def _unknown_grade(case: Case, grade: str) -> str:
    """What is wrong with a grade that has no error, and where it stands first."""
    assert case.grades is not None
    assert case.measurement is not None
    row, column = np.argwhere(case.grades == grade)[0].tolist()
    where = f"{case.values.row_name(row)}, {case.values.codes[column]}"
    return f"{where}: grade {grade!r} has no error; known are {', '.join(case.measurement.table)}"


def _provisional_faults(section: Uncertainty, values: Values, provisional: Floats | None) -> list[str]:
    """A table that is asked for and not given, or that does not fit the values."""
    asking = [name for name, one in section.inputs.items() if isinstance(one, Provisional)]
    if provisional is None:
        return [f"uncertainty.inputs.{name}: no provisional values are given; give a table of them" for name in asking]
    if provisional.shape != values.values.shape:
        return [f"provisional values of shape {provisional.shape} for values of shape {values.values.shape}"]
    return [
        f"provisional value of {values.row_name(row)}, {values.codes[column]}: {provisional[row, column]} is not finite"
        for row, column in np.argwhere(np.isinf(provisional)).tolist()
    ]


def rows_of(case: Case, start: int, stop: int) -> Floats:
    """Rows of the replications ``start`` to ``stop - 1``, shape (stop - start, n_inputs)."""
    return draws.rows(case.section.seed, start, stop, len(case.names))


def decide(case: Case, rows: Floats, backend: Backend = "numpy") -> Choices:
    """What rows of numbers decide.

    Args:
        case: The case.
        rows: Shape (n, n_inputs), in (0, 1); NaN leaves an input as the method has it.
        backend: ``numba`` or ``numpy``: the same numbers, to the last bits of a logarithm.
    """
    n = rows.shape[0]
    options: dict[str, Ints] = {}
    weights = np.repeat(case.base_weights[None, :], n, axis=0) if case.weighted else None
    excluded = np.full(n, -1, dtype=np.int64)
    noise = np.zeros(n, dtype=np.uint64)
    provisional: Bools | None = None
    for column, (name, one) in enumerate(case.section.inputs.items()):
        number = np.ascontiguousarray(rows[:, column])
        drawn = ~np.isnan(number)
        if isinstance(one, Alternatives | Goalposts):
            options[name] = np.where(drawn, _picked(number, len(one.options), one.probabilities), -1)
        elif isinstance(one, Exclusion):
            place = np.floor(np.nan_to_num(number) / one.probability * len(case.candidates)).astype(np.int64)
            excluded = np.where(drawn & (number < one.probability), np.minimum(place, len(case.candidates) - 1), -1)
        elif isinstance(one, Measurement):
            noise = np.where(drawn, draws.starts(draws.keys(number)), 0).astype(np.uint64)
        elif isinstance(one, Provisional) and one.by == "all":
            options[name] = np.where(drawn, (number < one.probability).astype(np.int64), -1)
        elif isinstance(one, Provisional):
            each = _uniforms(draws.keys(number), int(case.places.max()) + 1, backend)
            provisional = drawn[:, None] & (each < one.probability)
        else:
            assert weights is not None
            found, columns = _weights(case, one, number, backend)
            if drawn.all():  # picking rows too would take as long as all else here
                weights[:, columns] = found
            else:
                weights[np.ix_(drawn, np.array(columns, np.intp))] = found[drawn]
    return Choices(options, weights, excluded, noise, provisional)


def _picked(number: Floats, count: int, probabilities: Sequence[float] | None) -> Ints:
    """Option of each number: the inverse of the cumulated probabilities; the last where there is no number."""
    shares = np.ones(count) if probabilities is None else np.asarray(probabilities)
    upper = np.cumsum(shares / shares.sum())[:-1]
    return np.searchsorted(upper, number, side="right").astype(np.int64)


def _weights(case: Case, one: Weights, number: Floats, backend: Backend) -> tuple[Floats, list[int]]:
    """Weights that an input gives, shape (n, n_columns), and the nodes they belong to."""
    key = draws.keys(number)
    if isinstance(one, WeightTable):
        codes = list(one.experts[0])
        table = np.array([[expert[code] for code in codes] for expert in one.experts])
        columns = [case.position[code] for code in codes]
        if not one.bootstrap:
            return table[_picked(number, len(table), None)], columns
        above = np.array([case.framework.by_code[code].parent for code in codes])
        for parent in np.unique(above):  # who gives more points says no more
            table[:, above == parent] /= table[:, above == parent].sum(axis=1, keepdims=True)
        drawn = _uniforms(key, len(table), backend)
        picked = np.floor(drawn * len(table)).astype(np.int64)
        total = np.zeros((len(number), len(codes)))
        for place in range(len(table)):
            total += table[picked[:, place]]
        return total / len(table), columns
    codes = list(dict.fromkeys(node.code for name in one.at for node in case.framework.named(name)))
    if isinstance(one, WeightNoise):
        columns = [case.position[code] for code in codes]
        drawn = _uniforms(key, len(columns), backend)
        drawn *= 2.0  # in place: new arrays take longer than the sums
        drawn -= 1.0
        drawn *= one.factor
        drawn += 1.0
        drawn *= case.base_weights[columns]
        return drawn, columns
    assert isinstance(one, Dirichlet)
    parents = dict.fromkeys(case.framework.by_code[code].parent for code in codes)
    columns, shapes = [], []
    for parent in parents:
        assert parent is not None
        family = [case.position[child.code] for child in case.framework.children[parent]]
        own = case.base_weights[family]
        columns += family
        shapes += (one.concentration * own / own.sum()).tolist()
    shape = np.asarray(shapes)
    drawn = np.zeros((len(number), len(columns)))
    drawn[:, shape > 0] = _gammas(key, shape[shape > 0], backend)
    return drawn, columns


def _uniforms(key: draws.Words, width: int, backend: Backend) -> Floats:
    """The first uniform numbers of streams, shape (n, width)."""
    drawn = np.empty((key.size, width))
    if backend == "numba":
        from ssc_index.uncertainty import kernel_draws  # its compiler takes a while to load

        kernel_draws.fill_uniforms(key, drawn)
    else:
        drawn[:], _ = draws.stream(key, width)
    return drawn


def _gammas(key: draws.Words, shapes: Floats, backend: Backend) -> Floats:
    """Gamma draws of streams, shape (n, n_shapes)."""
    if backend == "numpy":
        return draws.gammas(key, shapes)
    from ssc_index.uncertainty import kernel_draws  # its compiler takes a while to load

    drawn: Floats = np.empty((key.size, shapes.size))
    kernel_draws.fill_gammas(key, shapes, drawn)
    return drawn


def alive(case: Case) -> Bools:
    """Which nodes count, by the candidate that is left out; the last row leaves none out.

    Returns:
        Shape (n_candidates + 1, n_nodes).
    """
    table = np.ones((len(case.candidates) + 1, len(case.framework.nodes)), dtype=bool)
    for place, code in enumerate(case.candidates):
        table[place, [case.position[one] for one in left_out(case.framework, [code])]] = False
    return table


def deviations(case: Case, values: Floats, graded: Ints) -> Floats:
    """Standard deviation of the measurement error of values, in their units.

    Args:
        case: A case with measurement error.
        values: Shape (n, n_indicators).
        graded: Number of the grade of each, as `Case.graded` has it, same shape.

    Returns:
        Shape (n, n_indicators); NaN where the value is missing.
    """
    measurement = case.measurement
    assert measurement is not None
    errors = [*measurement.table.values(), measurement.undeclared]
    relative, absolute = (np.array([getattr(one, name) for one in errors])[graded] for name in ("relative", "absolute"))
    result = np.hypot(relative * np.abs(values), absolute) * measurement.scale
    return np.where(case.exact, 0.0 * values, result)
