"""Why scores and ranks changed between two editions: each city's change divided exactly among its causes.

What belongs here: the factors, which mixture of the two editions each combination of them is, and the tables of their
parts. What does not: computing a mixture (`counterfactuals.py`) and the division (`orders.py`).

Seven factors change from one edition to the other. Three are the city's own data: cells *revised* (reported in both),
newly or no longer *reported*, and *carried* or imputed. The *others*' data are those of the cities ranked in both;
*entry_exit* is who else is ranked at all. Then the *framework* (goalposts, weights, indicators) and the *method*. Every
combination of changed and unchanged factors is an index that the engine computes; a factor's part is the mean, over all
orders of the factors, of what its change adds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from ssc_index.alone import steps_among_others
from ssc_index.contributions import contributions_between
from ssc_index.counterfactuals import (
    KINDS,
    ORIGINS,
    WHOLE,
    Edition,
    Pair,
    Side,
    World,
    is_same_framework,
    is_same_method,
)
from ssc_index.errors import ComputationError, MethodError
from ssc_index.orders import order_counts, order_parts
from ssc_index.sample import Scores
from ssc_index.steps.state import Bools, Ints
from ssc_index.steps.weights_parameters import FromScores
from ssc_index.values import Floats

FACTORS = (*KINDS, "others", "entry_exit", "framework", "method")
STATES = ("both", "entered", "left")

# Rows of one run of the engine: the more, the fewer runs; a table of them must fit the memory.
ROWS_AT_ONCE = 4_000

NO_ORDER = "in every order of the changes the city would have no rank on the way"
NOT_APART = "framework and method change together: neither fits the other's old one; their part is under method"
ONLY_SCORES = "only scores of some cities are known, so that ranks cannot be computed with another framework or method"

Rivals = Mapping[str, tuple[float | None, float | None]]


@dataclass(frozen=True)
class Changes:
    """Why scores and ranks changed.

    Attributes:
        parts: One row per unit ranked in either edition: ``unit, state`` (both, entered, left), ``score_before,
            score_after, score_change, rank_before, rank_after, rank_change`` (above 0 is a better rank), for each of
            `FACTORS` ``score_<factor>`` and ``rank_<factor>``, which sum to the changes, and ``reason`` (why parts are
            missing). Null where there is nothing to tell.
        nodes: One row per unit ranked in both and node that the unit's own data move: ``unit, node, parent, level``,
            for each of `KINDS` the contribution to its part, and ``contribution``, their sum. That of a node is its
            own and those of its children together; that of the root is the part.
        cells: One row per unit ranked in either and cell that is another now: ``unit, code, value_before,
            age_before, origin_before, value_after, age_after, origin_after, kind``.
        notes: What holds for all.
    """

    parts: pl.DataFrame
    nodes: pl.DataFrame
    cells: pl.DataFrame
    notes: tuple[str, ...]


def changes(before: Edition, after: Edition, rivals: Rivals | None = None, by_node: bool = True) -> Changes:
    """Divide the change of every unit's score and rank between two editions among its causes.

    Args:
        before: The earlier edition.
        after: The later one.
        rivals: Units of which no more than the scores is known, before and after, None where they are not ranked.
            They are ranked with the others, and get no parts.
        by_node: Whether the contributions of nodes are computed too; they take as long as all else.

    Returns:
        The parts, what of the units' own data they come from, and which cells changed.

    Raises:
        FaultsError: If an edition cannot be computed.
        ValueError: If the method looks at other units and rivals are given: their scores would not be what they are.
    """
    case = _Case(before, after, rivals or {})
    worlds = _Among(case) if case.among_others else _Alone(case, by_node)
    return _tables(case, worlds, by_node)


class _Case:
    """A pair of editions with the factors that are at work."""

    def __init__(self, before: Edition, after: Edition, rivals: Rivals) -> None:
        self.pair = Pair(before, after)
        self.editions = self.pair.editions
        self.rivals = rivals
        self.roots = [
            [node.code for node in one.framework.nodes].index(one.framework.root.code) for one in self.editions
        ]
        steps = {step for one in self.editions for step in steps_among_others(one.framework, one.method)}
        self.among_others = bool(steps)
        if steps and rivals:
            raise ValueError(f"only scores are known of some units, but the method looks at them: {sorted(steps)}")
        same_method = is_same_method(before, after)
        same_framework = is_same_framework(before, after)
        self.notes: list[str] = []
        self.worlds = sorted({(f | same_framework, m | same_method) for f in (0, 1) for m in (0, 1)})
        self.unknown_worlds = {
            world for world in self.worlds if world not in ((0, 0), (1, 1)) and not self._fits(world)
        }
        together = len(self.unknown_worlds) == 2
        if together:
            self.notes.append(NOT_APART)
        active = [*FACTORS[:5]]
        active += [] if same_framework or together else ["framework"]
        active += [] if same_method and not together else ["method"]
        self.factors = tuple(active)
        self.same = (same_framework, same_method)
        self.is_together = together
        is_ranked = np.array([~np.isnan(side.ranks) for side in self.pair.sides])
        is_in = np.array([side.present for side in self.pair.sides])
        self.both: Ints = np.flatnonzero(is_ranked.all(axis=0))
        self.follows_entry: Bools = (is_ranked[0] != is_ranked[1]) | (is_in[0] != is_in[1])

    def _fits(self, world: World) -> bool:
        """Whether the method of one edition can be run with the framework of the other."""
        nobody = np.arange(len(self.pair.units))
        try:
            self.pair.scores(nobody, np.zeros(nobody.size, dtype=np.int64), world)
        except MethodError as error:
            self.notes.append(f"{FACTORS[5 if world[0] else 6]} alone cannot have changed: {error.faults[0]}")
            return False
        except ComputationError:
            return True
        return True

    @cached_property
    def combinations(self) -> list[tuple[int, int, int, World]]:
        """Of each combination of factors: state of the own data, others' data, entry and exit, framework and method."""
        found = []
        for number in range(2 ** len(self.factors)):
            on = {name: number >> place & 1 for place, name in enumerate(self.factors)}
            own = sum(on[name] << place for place, name in enumerate(KINDS))
            method = on.get("method", 1)
            framework = method if self.is_together else on.get("framework", 1)
            found.append((own, on["others"], on["entry_exit"], (framework | self.same[0], method | self.same[1])))
        return found

    def states_of_others(self, others: int, entry: int) -> tuple[Ints, Ints]:
        """Units that take part, and the state of the data of each."""
        is_in = np.where(self.follows_entry, self.pair.sides[entry].present, True)
        states = np.where(self.follows_entry, WHOLE * entry, WHOLE * others)
        places = np.flatnonzero(is_in)
        return places, states[places] & self.pair.changed[places]

    def rivals_present(self, others: int, entry: int) -> Floats:
        """Scores of the units of which no more is known."""
        told = [(pair[others] if None not in pair else pair[entry]) for _, pair in sorted(self.rivals.items())]
        return np.array([score for score in told if score is not None], dtype=np.float64)


class _Alone:
    """Mixtures by methods that look at no other unit: one run serves all units, and ranks are counted.

    Attributes:
        tables: Scores by world: shape (8, n_units, n_nodes), by the state of the unit's own data; of the root alone
            where nobody asks for the nodes.
    """

    def __init__(self, case: _Case, by_node: bool) -> None:
        self.case, self.by_node = case, by_node
        self.tables: dict[World, Floats] = {}
        self.weights: dict[World, Floats | None] = {}
        for world in case.worlds:
            if world not in case.unknown_worlds:
                self._fill(world)

    def _fill(self, world: World) -> None:
        """Compute every state of every unit that any combination asks for; the editions themselves are there."""
        pair = self.case.pair
        root = self.case.roots[world[0]]
        kept = slice(None) if self.by_node else slice(root, root + 1)
        n_nodes = len(self.case.editions[world[0]].framework.nodes[kept])
        table = np.full((WHOLE + 1, len(pair.units), n_nodes), np.nan)
        wanted = self._wanted()
        for number, side in enumerate(pair.sides):
            if world == (number, number) or all(self.case.same):
                done = side.present & wanted[WHOLE * number & pair.changed, np.arange(len(pair.units))]
                places = np.flatnonzero(done)
                states = WHOLE * number & pair.changed[places]
                table[states, places] = side.scores[places, kept]
                wanted[states, places] = False
                self.weights[world] = side.weights
        states, places = np.nonzero(wanted)
        for start in range(0, len(places), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            done_part = pair.scores_alone(places[part], states[part], world)
            table[states[part], places[part]] = done_part.table[:, kept]
            self.weights[world] = done_part.weights
        self.tables[world] = table

    def _wanted(self) -> Bools:
        """Which states of which units any combination asks for, shape (8, n_units)."""
        case = self.case
        wanted = np.zeros((WHOLE + 1, len(case.pair.units)), dtype=bool)
        for state in range(WHOLE + 1):
            wanted[state & case.pair.changed[case.both], case.both] = True
        for others, entry in itertools.product((0, 1), (0, 1)):
            places, states = case.states_of_others(others, entry)
            wanted[states, places] = True
        return wanted

    def worth(self) -> tuple[Floats, Floats]:
        """Score and rank of the units ranked in both, by combination: shape (n_both, 2ᵏ) each; NaN is unknown."""
        case, both = self.case, self.case.both
        shape = (len(both), len(case.combinations))
        scores, ranks = np.full(shape, np.nan), np.full(shape, np.nan)
        ladders: dict[tuple[int, int, World], _Ladder] = {}
        for number, (own, others, entry, world) in enumerate(case.combinations):
            if world in case.unknown_worlds:
                continue
            root = self.tables[world][:, :, case.roots[world[0]] if self.by_node else 0]
            key = (others, entry, world)
            if key not in ladders:
                ladders[key] = self._ladder(root, *key)
            scores[:, number] = root[own & case.pair.changed[both], both]
            ranks[:, number] = ladders[key].ranks(
                scores[:, number], root[WHOLE * others & case.pair.changed[both], both]
            )
        return scores, ranks

    def _ladder(self, root: Floats, others: int, entry: int, world: World) -> _Ladder:
        """All who are ranked when others' data, entry and exit, framework and method are so."""
        places, states = self.case.states_of_others(others, entry)
        known = self.case.rivals_present(others, entry)
        rule = self.case.editions[world[1]].method.rank
        return _Ladder(np.concatenate([root[states, places], known]), rule.ties, rule.round)

    def own_contributions(self, worth: Floats) -> Iterator[tuple[int, Ints, Sequence[str], Floats]]:
        """Contributions of nodes to the parts of the own data: kind, units, codes of nodes, shares of contributions."""
        case = self.case
        counts, total = order_counts(~np.isnan(worth))
        gathered: dict[tuple[World, int, int], Floats] = {}
        for factor, subset, count in counts:
            own, _, _, world = case.combinations[subset]
            if factor < len(KINDS):
                key = (world, factor, own)
                gathered[key] = gathered.get(key, np.zeros(len(case.both))) + count / np.maximum(total, 1.0)
        for world in self.tables:
            steps = [(kind, own, share) for (one, kind, own), share in gathered.items() if one == world]
            yield from self._in_world(world, steps)

    def _in_world(
        self, world: World, steps: Sequence[tuple[int, int, Floats]]
    ) -> Iterator[tuple[int, Ints, Sequence[str], Floats]]:
        """Contributions to steps from one state to the next, many at once."""
        case, table = self.case, self.tables[world]
        framework, method = case.editions[world[0]].framework, case.editions[world[1]].method
        changed = case.pair.changed[case.both]
        moved = [np.flatnonzero((share > 0) & (changed >> kind & 1 == 1)) for kind, _, share in steps]
        told = np.repeat(np.arange(len(steps)), [len(rows) for rows in moved])
        rows = np.concatenate([*moved, np.zeros(0, dtype=np.int64)])
        codes = [node.code for node in framework.nodes]
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            own = np.array([one for _, one, _ in steps])[told[part]]
            bits = np.array([1 << kind for kind, _, _ in steps])[told[part]]
            first, last = (
                Scores(
                    framework, method, table[state & changed[rows[part]], case.both[rows[part]]], self.weights[world]
                )
                for state in (own, own | bits)
            )
            found, _ = contributions_between(first, last)
            for number in np.unique(told[part]).tolist():
                kind, _, share = steps[number]
                here = np.flatnonzero(told[part] == number)
                mine = rows[part][here]
                yield kind, mine, codes, found[here] * share[mine, None]


@dataclass(frozen=True)
class _Ladder:
    """Scores of all who are ranked, and the rank of one of them that gets another score."""

    scores: Floats
    ties: str
    decimals: int | None

    @cached_property
    def steps(self) -> tuple[Floats, Ints]:
        """Distinct scores, ascending, and how many have each."""
        rounded = self._rounded(self.scores[~np.isnan(self.scores)])
        values, counts = np.unique(rounded, return_counts=True)
        return values, counts

    def _rounded(self, scores: Floats) -> Floats:
        return scores if self.decimals is None else np.round(scores, self.decimals)

    def ranks(self, new: Floats, old: Floats) -> Floats:
        """Rank of each by its new score, all others as they are; its old score is one of those on the ladder."""
        values, counts = self.steps
        new, old = self._rounded(new), self._rounded(old)
        sums = np.concatenate([[0], np.cumsum(counts)])
        at_most, below = (np.searchsorted(values, new, side) for side in ("right", "left"))
        above = sums[-1] - sums[at_most] - (old > new)
        equal = sums[at_most] - sums[below] - (old == new)
        found = {
            "min": above + 1.0,
            "max": above + equal + 1.0,
            "average": above + 1.0 + equal / 2.0,
            "dense": self._distinct_above(values, counts, at_most, new, old) + 1.0,
        }[self.ties]
        return np.where(np.isnan(new), np.nan, found)

    def _distinct_above(self, values: Floats, counts: Ints, at_most: Ints, new: Floats, old: Floats) -> Ints:
        """Distinct scores above the new one, the unit's own old score left out."""
        place = np.minimum(np.searchsorted(values, old), max(len(values) - 1, 0))
        is_only = (old > new) & (counts[place] == 1) if len(values) else np.zeros(new.shape, dtype=bool)
        found: Ints = len(values) - at_most - is_only
        return found


class _Among:
    """Mixtures by methods that look at other units: a whole cohort is computed for each unit and combination.

    Cohorts in which the unit is as all the others are serve every unit.
    """

    def __init__(self, case: _Case) -> None:
        self.case = case
        self.shared: dict[tuple[int, int, World], Scores | None] = {}
        self.rows: dict[int, list[Scores | None]] = {}

    def worth(self) -> tuple[Floats, Floats]:
        """As `_Alone.worth`."""
        case = self.case
        shape = (len(case.both), len(case.combinations))
        scores, ranks = np.full(shape, np.nan), np.full(shape, np.nan)
        for row, place in enumerate(case.both.tolist()):
            self.rows[row] = [None] * len(case.combinations)
            for number, combination in enumerate(case.combinations):
                done = self._cohort(place, *combination)
                if done is None:
                    continue
                world = combination[3]
                places, _ = case.states_of_others(combination[1], combination[2])
                own = int(np.searchsorted(places, place))
                root = done.table[:, case.roots[world[0]]]
                rule = case.editions[world[1]].method.rank
                scores[row, number] = root[own]
                ranks[row, number] = rule.ranks_of(root)[own]
                self.rows[row][number] = Scores(done.framework, done.method, done.table[own : own + 1], done.weights)
        return scores, ranks

    def _cohort(self, place: int, own: int, others: int, entry: int, world: World) -> Scores | None:
        """The cohort in which one unit's own data are in a state of their own; None where it has no value."""
        changed = int(self.case.pair.changed[place])
        if own & changed != WHOLE * others & changed:
            places, states = self.case.states_of_others(others, entry)
            states = states.copy()
            states[np.searchsorted(places, place)] = own & changed
            return self._scores(places, states, world)
        key = (others, entry, world)
        if key not in self.shared:
            self.shared[key] = self._scores(*self.case.states_of_others(others, entry), world)
        return self.shared[key]

    def _scores(self, places: Ints, states: Ints, world: World) -> Scores | None:
        if world in self.case.unknown_worlds:
            return None
        try:
            return self.case.pair.scores(places, states, world)
        except ComputationError:
            return None

    def own_contributions(self, worth: Floats) -> Iterator[tuple[int, Ints, Sequence[str], Floats]]:
        """As `_Alone.own_contributions`."""
        case = self.case
        data_weights = any(isinstance(step, FromScores) for one in case.editions for step in one.method.steps)
        counts, total = order_counts(~np.isnan(worth))
        for factor, subset, count in counts:
            if factor >= len(KINDS):
                continue
            share = count / np.maximum(total, 1.0)
            kind_moves = case.pair.changed[case.both] >> factor & 1 == 1
            rows = np.flatnonzero((share > 0) & kind_moves)
            for part in [rows[one : one + 1] for one in range(len(rows))] if data_weights else [rows]:
                pairs = [(self.rows[row][subset], self.rows[row][subset | 1 << factor]) for row in part.tolist()]
                firsts = [one for one, _ in pairs if one is not None]
                lasts = [one for _, one in pairs if one is not None]
                if firsts and len(firsts) == len(lasts):
                    found, _ = contributions_between(_stacked(firsts), _stacked(lasts))
                    yield factor, part, [node.code for node in firsts[0].framework.nodes], found * share[part, None]


def _stacked(rows: Sequence[Scores]) -> Scores:
    """Rows as one table."""
    one = rows[0]
    return Scores(one.framework, one.method, np.concatenate([row.table for row in rows]), one.weights)


def _tables(case: _Case, worlds: _Alone | _Among, by_node: bool) -> Changes:
    """The parts as frames."""
    scores, ranks = worlds.worth()
    rank_parts = order_parts(ranks)
    notes = list(case.notes)
    if case.rivals and case.worlds != [(1, 1)]:
        rank_parts[:] = np.nan
        notes.append(ONLY_SCORES)
    parts = _parts_frame(case, order_parts(scores), rank_parts)
    return Changes(parts, _nodes_frame(case, worlds, scores, by_node), _cells_frame(case), tuple(notes))


def _parts_frame(case: _Case, score_parts: Floats, rank_parts: Floats) -> pl.DataFrame:
    """A row for each unit that is ranked in either edition."""
    pair = case.pair
    ranked = [~np.isnan(side.ranks) for side in pair.sides]
    places = np.flatnonzero(ranked[0] | ranked[1])
    in_both = np.searchsorted(places, case.both)
    told: dict[str, Floats] = {}
    for name, figures in (("score", _root_scores(case)), ("rank", _ranks(case))):
        before, after = (column[places] for column in figures)
        told[f"{name}_before"], told[f"{name}_after"] = before, after
        told[f"{name}_change"] = (after - before) if name == "score" else (before - after)
    for name, parts, sign in (("score", score_parts, 1.0), ("rank", rank_parts, -1.0)):
        for factor in FACTORS:
            column = np.full(len(places), np.nan)
            if factor in case.factors:
                column[in_both] = sign * parts[:, case.factors.index(factor)]
            elif not (factor == "framework" and case.is_together):
                column[in_both] = np.where(np.isnan(parts[:, 0]), np.nan, 0.0)
            told[f"{name}_{factor}"] = column + 0.0
    states = np.where(ranked[0][places] & ranked[1][places], 0, np.where(ranked[1][places], 1, 2))
    reason = np.full(len(places), None, dtype=object)
    reason[in_both[np.isnan(score_parts[:, 0])]] = NO_ORDER
    return pl.DataFrame(
        [
            pl.Series("unit", [pair.units[place] for place in places.tolist()], dtype=pl.String),
            pl.Series("state", [STATES[state] for state in states.tolist()], dtype=pl.String),
            *(pl.Series(name, column, nan_to_null=True) for name, column in told.items()),
            pl.Series("reason", reason.tolist(), dtype=pl.String),
        ]
    )


def _root_scores(case: _Case) -> list[Floats]:
    return [side.scores[:, root] for side, root in zip(case.pair.sides, case.roots, strict=True)]


def _ranks(case: _Case) -> list[Floats]:
    """Ranks of the editions themselves, among the units of which only the score is known too."""
    found = []
    for number, scores in enumerate(_root_scores(case)):
        known = [pair[number] for _, pair in sorted(case.rivals.items())]
        whole = np.concatenate([scores, np.array([score for score in known if score is not None], dtype=np.float64)])
        rule = case.editions[number].method.rank
        found.append(rule.ranks_of(whole)[: len(scores)])
    return found


def _nodes_frame(case: _Case, worlds: _Alone | _Among, worth: Floats, by_node: bool) -> pl.DataFrame:
    """Contributions of nodes to the parts of the units' own data; rows of nothing but zeros are left out."""
    nodes = {node.code: node for one in (1, 0) for node in case.editions[one].framework.nodes}
    column = {code: place for place, code in enumerate(nodes)}
    total = np.zeros((len(KINDS), len(case.both), len(nodes)))
    for kind, rows, codes, found in worlds.own_contributions(worth) if by_node else ():
        total[kind][np.ix_(rows, np.array([column[code] for code in codes]))] += found
    row, place = np.nonzero((total != 0).any(axis=0))
    return pl.DataFrame(
        [
            pl.Series("unit", case.pair.units, dtype=pl.String).gather(case.both[row]),
            pl.Series("node", list(nodes), dtype=pl.String).gather(place),
            pl.Series("parent", [node.parent for node in nodes.values()], dtype=pl.String).gather(place),
            pl.Series("level", [node.level for node in nodes.values()], dtype=pl.String).gather(place),
            *(pl.Series(name, total[kind][row, place]) for kind, name in enumerate(KINDS)),
            pl.Series("contribution", total.sum(axis=0)[row, place]),
        ]
    )


def _cells_frame(case: _Case) -> pl.DataFrame:
    """Cells of ranked units that are another now, in value, age or origin."""
    pair = case.pair
    ranked = ~np.isnan(pair.sides[0].ranks) | ~np.isnan(pair.sides[1].ranks)
    newest = [_newest(side) for side in pair.sides]
    same = (pair.sides[0].origins == pair.sides[1].origins) & _equal(newest[0][0], newest[1][0])
    same &= (newest[0][1] == newest[1][1]) | np.isnan(newest[1][0])
    row, column = np.nonzero(~same & ranked[:, None])
    told = []
    for name, (values, ages), side in zip(("before", "after"), newest, pair.sides, strict=True):
        there = ~np.isnan(values[row, column])
        told += [
            pl.Series(f"value_{name}", values[row, column], nan_to_null=True),
            pl.Series(f"age_{name}", np.where(there, ages[row, column], np.nan), nan_to_null=True).cast(pl.Int64),
            pl.Series(ORIGINS, dtype=pl.String).gather(side.origins[row, column]).alias(f"origin_{name}"),
        ]
    return pl.DataFrame(
        [
            pl.Series("unit", pair.units, dtype=pl.String).gather(row),
            pl.Series("code", pair.codes, dtype=pl.String).gather(column),
            *told,
            pl.Series(KINDS, dtype=pl.String).gather(pair.kinds[row, column]).alias("kind"),
        ]
    )


def _newest(side: Side) -> tuple[Floats, Ints]:
    """Newest value of each cell that the edition used, and its age; a value that it did not carry is none."""
    known = ~np.isnan(side.cells)
    age = np.argmax(known, axis=0)
    values = np.take_along_axis(side.cells, age[None], axis=0)[0]
    is_used = (side.origins == ORIGINS.index("reported")) | (side.origins == ORIGINS.index("carried"))
    return np.where(is_used, values, np.nan), age


def _equal(one: Floats, other: Floats) -> Bools:
    same: Bools = (one == other) | (np.isnan(one) & np.isnan(other))
    return same
