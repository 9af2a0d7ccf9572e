"""Two editions side by side, and any mixture of them computed by the engine.

What belongs here: what differs between two editions, cell by cell, and the index of a mixture: these cells of the one
and those of the other, this framework with that method. What does not: dividing a change (`changes.py`, `orders.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ssc_index.errors import ComputationError, ValuesError
from ssc_index.framework.model import Framework, Node
from ssc_index.index import compute_scores, compute_steps
from ssc_index.method import Method
from ssc_index.result import StepResult
from ssc_index.sample import Scores
from ssc_index.steps.normalise_parameters import NormaliseCutoff, NormaliseDistanceToTarget
from ssc_index.steps.parameters import Parameters
from ssc_index.steps.screen import Screen
from ssc_index.steps.state import Bools, Ints
from ssc_index.values import Floats, Values, values_from_columns

# Where the value of a cell comes from, and what became of it between two editions.
MISSING, REPORTED, CARRIED, IMPUTED = range(4)
ORIGINS = ("missing", "reported", "carried", "imputed")
KINDS = ("revised", "reported", "carried")
WHOLE = 2 ** len(KINDS) - 1

# Whose framework and whose method: 0 is the earlier edition, 1 the later one.
World = tuple[int, int]


@dataclass(frozen=True)
class Edition:
    """One edition: what it was computed from.

    Attributes:
        values: Values of its year and of the years before that it may draw on. They may have more columns than the
            framework: those that the other edition's framework asks for.
        framework: The framework.
        method: The method.
        year: Its year; None if the values know no years.
    """

    values: Values
    framework: Framework
    method: Method
    year: int | None = None

    def computed(self) -> tuple[Scores, tuple[StepResult, ...]]:
        """Scores of the edition's own year, and what each step did to it."""
        return compute_steps(with_columns(self.values, self.framework.codes), self.framework, self.method, self.year)

    def nothing(self) -> tuple[Scores, tuple[StepResult, ...]]:
        """As `computed`, of an edition without units."""
        return Scores(self.framework, self.method, np.zeros((0, len(self.framework.nodes)))), ()


def with_columns(values: Values, codes: tuple[str, ...]) -> Values:
    """Values with other columns; those that are not there are missing."""
    if values.codes == codes:
        return values
    place = {code: column for column, code in enumerate(values.codes)}
    table = np.full((len(values.units), len(codes)), np.nan, order="F")
    for column, code in enumerate(codes):
        if code in place:
            table[:, column] = values.values[:, place[code]]
    table.flags.writeable = False
    return Values(values.units, values.years, codes, table, values.groups, values.denominators)


def is_same_framework(one: Edition, other: Edition) -> bool:
    """Whether the frameworks of two editions make the same index: what no number rests on apart.

    That is names, units, and targets that no transform and no step asks for.
    """
    ways = [way for edition in (one, other) for step in edition.method.steps for way in _ways(step)]
    by_target = any(isinstance(way, NormaliseDistanceToTarget | NormaliseCutoff) for way in ways)
    return _numbers(one.framework, by_target) == _numbers(other.framework, by_target)


def _numbers(framework: Framework, by_target: bool) -> list[Node]:
    """The nodes without what no number rests on."""
    return [
        node.model_copy(
            update={
                "name": "",
                "unit": "",
                "target": node.target if by_target or node.transform == "gap_to_target" else None,
            }
        )
        for node in framework.nodes
    ]


def _ways(step: Parameters) -> tuple[Parameters, ...]:
    """A step and its overrides."""
    return (step, *getattr(step, "overrides", {}).values())


def is_same_method(one: Edition, other: Edition) -> bool:
    """Whether the methods of two editions make the same index: names and the uncertainty analysis apart.

    A method that names years is another in another year.
    """
    is_same = (one.method.steps, one.method.rank) == (other.method.steps, other.method.rank)
    return is_same and (one.year == other.year or not _names_years(one.method))


def _names_years(method: Method) -> bool:
    """Whether a step says something of certain years."""
    forced = [rule for step in method.steps if isinstance(step, Screen) for rule in (*step.force_in, *step.force_out)]
    ways = [way for step in method.steps for way in _ways(step)]
    return any(rule.years for rule in forced) or any(isinstance(getattr(way, "over", None), int) for way in ways)


@dataclass(frozen=True)
class Side:
    """An edition laid out by unit, code and age.

    Attributes:
        cells: Values, shape (n_ages, n_units, n_codes); age 0 is the edition's own year.
        labels: Labels by group column, shape (n_ages, n_units).
        divisors: Denominators, shape (n_ages, n_units).
        present: Units in its scope, shape (n_units,).
        scores: Scores of the edition itself, shape (n_units, n_nodes of its framework).
        ranks: Ranks of its root, shape (n_units,).
        weights: Weights that were used.
        origins: Where the value of each cell comes from, shape (n_units, n_codes).
    """

    cells: Floats
    labels: dict[str, np.ndarray]
    divisors: dict[str, Floats]
    present: Bools
    scores: Floats
    ranks: Floats
    weights: Floats | None
    origins: Ints


class Pair:
    """Two editions over the same units and codes.

    Attributes:
        editions: The two.
        units: Units of either, sorted.
        codes: Indicators of either framework, those of the later one first.
        sides: The two laid out.
    """

    def __init__(self, before: Edition, after: Edition) -> None:
        self.editions = (before, after)
        self.units = tuple(sorted({*before.values.units, *after.values.units}))
        self.codes = tuple(dict.fromkeys((*after.framework.codes, *before.framework.codes)))
        depth = max(_depth(before), _depth(after))
        self.sides = (self._side(before, depth), self._side(after, depth))

    def _side(self, edition: Edition, depth: int) -> Side:
        """Lay an edition out, and compute it."""
        values = with_columns(edition.values, self.codes)
        done, steps = edition.computed() if values.units else edition.nothing()
        row = {unit: place for place, unit in enumerate(self.units)}
        places = np.array([row[unit] for unit in values.units], dtype=np.int64)
        ages = np.zeros(len(places), dtype=np.int64)
        if edition.year is not None:
            ages = edition.year - np.asarray(values.years, dtype=np.int64)
        shape = (depth, len(self.units))
        cells = np.full((*shape, len(self.codes)), np.nan)
        cells[ages, places] = values.values
        labels = {name: np.full(shape, None, dtype=object) for name in values.groups}
        for name, column in values.groups.items():
            labels[name][ages, places] = np.array(column, dtype=object)
        divisors = {name: np.full(shape, np.nan) for name in values.denominators}
        for name, numbers in values.denominators.items():
            divisors[name][ages, places] = numbers
        own = np.flatnonzero(ages == 0)
        present = np.zeros(len(self.units), dtype=bool)
        present[places[own]] = True
        scores = np.full((len(self.units), len(edition.framework.nodes)), np.nan)
        scores[places[own]] = done.table
        root = [node.code for node in edition.framework.nodes].index(edition.framework.root.code)
        ranks = edition.method.rank.ranks_of(scores[:, root])
        origins = self._origins(cells, edition.framework, steps, places[own])
        return Side(cells, labels, divisors, present, scores, ranks, done.weights, origins)

    def _origins(self, cells: Floats, framework: Framework, steps: Sequence[StepResult], places: Ints) -> Ints:
        """Where each cell comes from, by what the edition's own computation did."""
        origins = np.where(np.isnan(cells[0]), MISSING, REPORTED)
        at = {code: place for place, code in enumerate(self.codes)}
        for step in steps:
            for flags, origin in ((step.imputed, IMPUTED), (step.carried > 0, CARRIED)):
                row, column = np.nonzero(flags)
                there = np.array([at.get(code, -1) for code in step.codes], dtype=np.int64)[column]
                unit, code = places[row[there >= 0]], there[there >= 0]
                filled = origins[unit, code] != REPORTED
                origins[unit[filled], code[filled]] = origin
        # What a framework does not ask for, its computation tells nothing of.
        unasked = [place for code, place in at.items() if code not in framework.codes]
        older = ~np.isnan(cells[1:, :, unasked]).all(axis=0) & np.isnan(cells[0][:, unasked])
        origins[:, unasked] = np.where(older, CARRIED, origins[:, unasked])
        return origins

    @cached_property
    def kinds(self) -> Ints:
        """What became of each cell: its place in `KINDS`, shape (n_units, n_codes)."""
        was, now = (side.origins for side in self.sides)
        is_reported = (now == REPORTED) | ((was == REPORTED) & (now == MISSING))
        return np.where((was == REPORTED) & (now == REPORTED), 0, np.where(is_reported, 1, 2))

    @cached_property
    def changed(self) -> Ints:
        """Kinds of which a unit has any cell that is another now, as bits, shape (n_units,)."""
        before, after = self.sides
        differs = ~_alike(before.cells, after.cells).all(axis=0)
        bits = np.zeros(len(self.units), dtype=np.int64)
        for place in range(len(KINDS)):
            bits |= (differs & (self.kinds == place)).any(axis=1).astype(np.int64) << place
        about = np.zeros(len(self.units), dtype=bool)
        for names, told in (
            (_names(before.labels, after.labels), "labels"),
            (_names(before.divisors, after.divisors), "divisors"),
        ):
            for name in names:
                one, other = (getattr(side, told).get(name) for side in self.sides)
                about |= True if one is None or other is None else ~_alike(one, other).all(axis=0)
        return bits | about  # the first bit: what a city reports of itself is its own data, reported anew

    def mixed(self, places: Ints, states: Ints, world: World, names: Sequence[str]) -> Values:
        """Values of some units, each with these kinds of cells as they are in the later edition.

        Args:
            places: Units.
            states: Kinds of each, as bits.
            world: Its framework gives the columns, its method the year that rows bear: a method may name years.
            names: What the rows' units are called.
        """
        before, after = self.sides
        wanted = self.editions[world[0]].framework.codes
        codes = [self.codes.index(code) for code in wanted]
        taken = (states[:, None] >> self.kinds[places][:, codes]) & 1 == 1
        cells, later = (self._cells(side, places, codes) for side in self.sides)
        np.copyto(cells, later, where=taken)
        # The oldest year first, as the engine's rows lie.
        when, row = np.nonzero(((np.arange(len(cells)) == 0)[:, None] | ~np.isnan(cells).all(axis=2))[::-1])
        age = len(cells) - 1 - when
        is_new = states & 1 == 1
        labels = {name: self._about("labels", name, places, is_new) for name in _names(before.labels, after.labels)}
        divisors = {
            name: self._about("divisors", name, places, is_new) for name in _names(before.divisors, after.divisors)
        }
        year = self.editions[world[1]].year
        return values_from_columns(
            [names[one] for one in row.tolist()],
            None if year is None else (year - age).tolist(),
            wanted,
            cells[age, row],
            {name: column[age, row].tolist() for name, column in labels.items()},
            denominators={name: column[age, row] for name, column in divisors.items()},
            owned=True,
        )

    def _cells(self, side: Side, places: Ints, codes: list[int]) -> Floats:
        """Cells of some units and codes, shape (n_ages, n_places, n_codes), a copy."""
        cells = side.cells[:, places]
        return cells if codes == list(range(len(self.codes))) else cells[:, :, codes]

    def _about(self, told: str, name: str, places: Ints, is_new: Bools) -> np.ndarray:
        """Labels or denominators of a name, from the edition that each unit takes them from."""
        columns = [getattr(side, told).get(name) for side in self.sides]
        known = next(column for column in columns if column is not None)
        one, other = (known[:, places] if column is None else column[:, places] for column in columns)
        mixed: np.ndarray = np.where(is_new, other, one)
        return mixed

    def scores(self, places: Ints, states: Ints, world: World) -> Scores:
        """Scores of the edition's year of a cohort of mixed units, in the order of `places`.

        Raises:
            MethodError: If the method does not fit the framework.
            ComputationError: If a step has no value by its own definition.
        """
        done = self._computed(places, states, world, [self.units[place] for place in places.tolist()])
        order = np.argsort(np.argsort(places, kind="stable"), kind="stable")
        return replace(done, table=done.table[order])

    def scores_alone(self, places: Ints, states: Ints, world: World) -> Scores:
        """As `scores`, of units that may occur in several states, by a method that looks at no other unit.

        A unit that has no score by a step's own definition in a state that never was has none; the others have.

        Raises:
            MethodError: If the method does not fit the framework.
        """
        method = self.editions[world[1]].method
        if any(isinstance(step, Screen) and (step.force_in or step.force_out) for step in method.steps):
            return self._scores_by_name(places, states, world)
        try:
            return self._computed(places, states, world, [f"{count:09d}" for count in range(len(places))])
        except ComputationError:
            if len(places) == 1:
                return self._no_scores(1, world)
            half = len(places) // 2
            halves = (slice(0, half), slice(half, None))
            parts = [self.scores_alone(places[part], states[part], world) for part in halves]
            weights = next((part.weights for part in parts if part.weights is not None), None)
            return replace(parts[0], table=np.concatenate([part.table for part in parts]), weights=weights)

    def _scores_by_name(self, places: Ints, states: Ints, world: World) -> Scores:
        """As `scores_alone`, for a method that names units: every unit is there in every run, by its name."""
        everybody = np.arange(len(self.units))
        found = self._no_scores(len(places), world)
        for state in np.unique(states).tolist():
            rows = np.flatnonzero(states == state)
            try:
                done = self.scores(everybody, np.full(everybody.size, state), world)
            except ComputationError:
                continue
            found.table[rows] = done.table[places[rows]]
            found = replace(found, weights=done.weights)
        return found

    def _computed(self, places: Ints, states: Ints, world: World, names: Sequence[str]) -> Scores:
        """Scores of the edition's year, sorted by the names of the rows."""
        framework, method = self.editions[world[0]].framework, self.editions[world[1]].method
        return compute_scores(self.mixed(places, states, world, names), framework, method, self.editions[world[1]].year)

    def _no_scores(self, count: int, world: World) -> Scores:
        framework, method = self.editions[world[0]].framework, self.editions[world[1]].method
        return Scores(framework, method, np.full((count, len(framework.nodes)), np.nan))


def _depth(edition: Edition) -> int:
    """Ages of an edition's values, its own year included."""
    if edition.year is None or not edition.values.units:
        return 1
    years = set(edition.values.years or ())
    if edition.year not in years or max(years) > edition.year:
        raise ValuesError("edition", [f"its values go up to {max(years, default=None)}, its year is {edition.year}"])
    return edition.year - min(years) + 1


def _alike(one: np.ndarray, other: np.ndarray) -> Bools:
    """Where two arrays hold the same, missing and missing too."""
    if one.dtype == object:
        return np.asarray(one == other, dtype=bool)
    same: Bools = (one == other) | (np.isnan(one) & np.isnan(other))
    return same


def _names(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))
