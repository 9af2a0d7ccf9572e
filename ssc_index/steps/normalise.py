"""Normalise: from values in their units to scores on a common scale.

What belongs here: what is wrong with the step on a framework, and how it runs. What does not: its parameters
(`normalise_parameters.py`) and the arithmetic (`ssc_index/normalise.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import cast

import numpy as np

from ssc_index import normalise
from ssc_index.errors import ComputationError
from ssc_index.framework.model import Node
from ssc_index.steps.normalise_parameters import (
    VARIANTS,
    Normalise,
    NormaliseBorda,
    NormaliseCategorical,
    NormaliseCutoff,
    NormaliseDistanceToMax,
    NormaliseDistanceToReference,
    NormaliseDistanceToTarget,
    NormaliseFractionOfMax,
    NormaliseGoalposts,
    NormaliseLogistic,
    NormaliseMinmax,
    NormaliseNone,
    NormalisePercentile,
    NormaliseRank,
    NormaliseScaled,
    NormaliseZscore,
)
from ssc_index.steps.overrides import check_overrides, parts
from ssc_index.steps.parameters import Parameters
from ssc_index.steps.saved import Distribution, Record
from ssc_index.steps.state import Outcome, State, all_scores, in_year, place
from ssc_index.steps.walk import Walk, indicators_meant, listed, nodes_meant
from ssc_index.treat import quantiles
from ssc_index.values import Floats

__all__ = [
    "VARIANTS",
    "Normalise",
    "NormaliseGoalposts",
    "NormaliseMinmax",
    "NormaliseNone",
    "NormaliseZscore",
    "check",
    "constants_to_come",
    "run",
]

PIECE = 1 << 15  # cells that are scored at a time
PARALLEL_FROM = 1 << 18  # cells from which several processors score them
Ranked = NormaliseRank | NormaliseBorda | NormalisePercentile
WHY = {
    "distance_to_reference": "the reference unit has no value or the worst one",
    "distance_to_target": "the target is no better than the worst value",
    "fraction_of_max": "the best value is 0",
    "percentile": "a single unit has a value",
}


def check(walk: Walk, step: Normalise) -> None:
    """Every fault of the step on a framework, into the walk."""
    if not walk.known(step.only, "only"):
        return
    if step.level is not None:
        _check_level(walk, step, step.level)
        return
    meant = indicators_meant(walk.framework, step.only)
    twice = [code for code in meant if code in walk.scaled]
    if step.only is not None and twice:
        walk.fault(f": {listed(twice)} are normalised already; an indicator is normalised once")
    meant = tuple(code for code in meant if code not in walk.scaled)
    if not meant and not twice:
        walk.fault(": no indicator")
    elif not meant and step.only is None:
        walk.fault(": every indicator is normalised already; drop the step")
    if check_overrides(walk, step, meant):
        for way, codes in parts(walk.framework, step, meant):
            _check_way(walk, way, codes)
    walk.in_time(meant)
    walk.scaled.update(meant)


def _check_level(walk: Walk, step: Normalise, level: str) -> None:
    """Faults of a step on scores of nodes: they are aggregated, and not yet part of their parents."""
    if level not in walk.framework.levels[:-1]:
        walk.fault(f".level: {level!r} is no level above the indicators: {', '.join(walk.framework.levels[:-1])}")
        return
    nodes = nodes_meant(walk.framework, level, step.only)
    meant = tuple(node.code for node in nodes)
    if not meant:
        walk.fault(f".only: no node of level {level} lies there")
    early = [code for code in meant if code not in walk.done]
    if early:
        walk.fault(f".level: {listed(early)} are not aggregated yet; aggregate up to {level} first, by 'to'")
    late = [node.code for node in nodes if node.parent in walk.done]
    if late:
        walk.fault(f".level: comes after the aggregation of {listed(late)}; move it in front of that step")
    if check_overrides(walk, step, meant):
        for way, codes in parts(walk.framework, step, meant):
            if isinstance(way, NormaliseNone):
                walk.fault(f": {listed(codes)} are scores; method none changes nothing")
            _check_way(walk, way, codes)


def _check_way(walk: Walk, way: Parameters, codes: Sequence[str]) -> None:
    """What a method needs of the framework, and of the values' columns."""
    nodes = [walk.framework.by_code[code] for code in codes]
    over = getattr(way, "over", "year")
    if isinstance(over, int) and not walk.has_years:
        walk.fault(f".over: {over}: the values have no years")
    if isinstance(way, NormaliseGoalposts):
        without = [node.code for node in nodes if node.low is None]
        if without:
            walk.fault(
                f": {listed(without)} have no goalposts; fill low and high, or name another method for them by 'only'"
            )
    if isinstance(way, NormaliseDistanceToTarget):
        without = [node.code for node in nodes if node.target is None or node.transform == "gap_to_target"]
        if without:
            walk.fault(f": {listed(without)} have no target to move towards; fill target, or name another method")
    if isinstance(way, NormaliseCutoff) and way.cutoff is None:
        without = [node.code for node in nodes if node.target is None or node.transform == "gap_to_target"]
        if without:
            walk.fault(f": {listed(without)} have no cutoff; fill target, or give 'cutoff' by an override")
    for key, numbers in (("bounds", getattr(way, "bounds", None)), ("thresholds", getattr(way, "thresholds", None))):
        for node in nodes if numbers else ():
            _check_order(walk, key, node, cast(Sequence[float], numbers))


def _check_order(walk: Walk, key: str, node: Node, numbers: Sequence[float]) -> None:
    """Constants of a file lead from the worse to the better, and have the indicator's transform."""
    array = np.asarray(numbers, dtype=np.float64)
    outside = array[normalise.outside_domain(array, node.transform)]
    if outside.size:
        walk.fault(f".{key}: {outside[0]:g} has no {node.transform}, which is the transform of {node.code}")
        return
    better = normalise.transform_values(array, node.transform, node.target) * _sign(node)
    if (np.diff(better) <= 0).any():
        said = "fall, for less is better" if _sign(node) < 0 else "rise, for more is better"
        walk.fault(f".{key}: for {node.code} they must {said}; give it an override if its direction differs")


def _sign(node: Node) -> float:
    """−1 where less is better, after the transform."""
    return -1.0 if node.direction == "lower" or node.transform == "gap_to_target" else 1.0


def constants(way: Parameters, node: Node) -> tuple[float, ...]:
    """Numbers in real units that a method compares with an indicator's values."""
    if isinstance(way, NormaliseGoalposts):
        return () if node.low is None or node.high is None else (node.low, node.high)
    if isinstance(way, NormaliseCutoff) and way.cutoff is not None:
        return (way.cutoff,)
    if isinstance(way, NormaliseDistanceToTarget | NormaliseCutoff):
        return () if node.target is None else (node.target,)
    if isinstance(way, NormaliseScaled):
        return way.bounds
    if isinstance(way, NormaliseCategorical):
        return way.thresholds or ()
    return ()


def constants_to_come(state: State, code: str) -> tuple[float, ...]:
    """Numbers in real units that a later step of the method will compare an indicator's treated values with."""
    if code in state.scaled:
        return ()
    for step in state.steps[state.number :]:
        if isinstance(step, Normalise) and step.level is None and code in indicators_meant(state.framework, step.only):
            return constants(parts(state.framework, step, (code,))[0][0], state.framework.by_code[code])
    return ()


@dataclass
class _Task:
    """Indicators of one way of normalising, in the rows of one block.

    Attributes:
        state: The tables as they stand.
        way: Method and its parameters.
        nodes: The indicators.
        columns: Their columns.
        sign: −1 where less is better.
        block: Number of the year's block that constants in real units are mapped as.
        year: Year of the units that the scale rests on; None for all years.
        source: Values of these units, shape (n, n_nodes).
        units: Their names.
        rows: Rows that are scored.
        faults: What cannot be computed; the task adds to it.
    """

    state: State
    way: Parameters
    nodes: Sequence[Node]
    columns: Sequence[int]
    sign: Floats
    block: int
    year: int | None
    source: Floats
    units: Sequence[str]
    rows: slice
    faults: list[str]


def run(state: State, step: Normalise) -> Outcome:
    """Put the indicators that are left, or the nodes of a level, on a scale, block by block."""
    if step.level is None:
        codes = tuple(code for code in indicators_meant(state.framework, step.only) if code not in state.scaled)
        before, column_of = state.table, state.column_of
    else:
        codes = tuple(node.code for node in nodes_meant(state.framework, step.level, step.only))
        before, column_of = all_scores(state), state.node_column_of
    ways = [one for one in parts(state.framework, step, codes) if not isinstance(one[0], NormaliseNone)]
    every = sum(len(meant) for _, meant in ways) == before.shape[1]
    table = np.empty(before.shape, order="F") if every else before.copy(order="F")
    record = Record(before.shape[1])
    distributions: list[Distribution] = []
    faults: list[str] = []
    notes: list[str] = []
    for way, meant in ways:
        columns = [column_of[code] for code in meant]
        nodes = [state.framework.by_code[code] for code in meant]
        values = _transformed(state, nodes, before[:, _side_by_side(columns)])
        pieces = _in_pieces(state, way, nodes, columns, values, table)
        for piece in pieces:
            for year, own, numbers in piece.numbers:
                record.put(year, own, numbers)
        distributions += [
            one for of_task in zip(*(piece.found for piece in pieces), strict=True) for one in chain(*of_task)
        ]
        faults += [fault for piece in pieces for fault in piece.faults]
        faults += [
            f"{state.values.row_name(row)}, {meant[column]}: {before[row, columns[column]]:g} lies beyond every scale"
            for row, column in sorted(cell for piece in pieces for cell in piece.beyond)
        ]
        notes += [note for piece in pieces for note in piece.notes]
    if faults:
        raise ComputationError(place(state, "normalise"), list(dict.fromkeys(faults)))
    if step.level is None:
        state.table = table
        state.scaled |= set(codes)
    else:
        state.scores = table
    parameters, blocks = record.tables([year for year, _ in state.blocks])
    return Outcome(parameters=parameters, blocks=blocks, notes=tuple(notes), distributions=tuple(distributions))


@dataclass
class _Piece:
    """What came of some of a way's indicators.

    Attributes:
        numbers: Year, columns and parameters, task by task.
        found: What was ranked among, task by task.
        faults: What could not be computed.
        beyond: Row and column, among the way's, of scores that are endless.
        notes: Notes of the limits.
    """

    numbers: list[tuple[int | None, Sequence[int], dict[str, Floats]]] = field(default_factory=list)
    found: list[list[Distribution]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    beyond: list[tuple[int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _in_pieces(
    state: State, way: Parameters, nodes: Sequence[Node], columns: Sequence[int], values: Floats, table: Floats
) -> list[_Piece]:
    """Score a way's indicators, so many at a time that they stay in the processor's memory, by all processors.

    Args:
        state: The tables as they stand.
        way: Method and its parameters.
        nodes: The indicators.
        columns: Their columns in the table.
        values: Their values, transformed, shape (n_rows, n_nodes).
        table: Receives their scores.

    Returns:
        What came of each piece, in order.
    """
    width = max(1, PIECE // max(1, len(values)))
    cuts = [slice(start, min(start + width, len(nodes))) for start in range(0, len(nodes), width)]

    def score(cut: slice) -> _Piece:
        piece, own, blocks = _Piece(), values[:, cut], []
        for task in _tasks(state, way, nodes[cut], columns[cut], own, piece.faults):
            with np.errstate(all="ignore"):  # looked for below
                scored, numbers, found = _scale(task, own[task.rows])
            blocks.append(scored)
            piece.numbers.append((task.year, task.columns, numbers))
            piece.found.append(found)
            _settle(task, own[task.rows], scored)
        if not blocks:
            return piece
        scores = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        beyond = np.isinf(scores)
        if beyond.any():
            piece.beyond = [(row, cut.start + column) for row, column in np.argwhere(beyond).tolist()]
        limits = getattr(way, "limits", None)
        if limits is not None:
            scores = _within(limits, scores, [node.code for node in nodes[cut]], piece.notes)
        table[:, _side_by_side(columns[cut])] = scores
        return piece

    if values.size < PARALLEL_FROM:
        return [score(cut) for cut in cuts]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(score, cuts))


def _side_by_side(columns: Sequence[int]) -> slice | list[int]:
    """Columns, as a slice where they stand side by side: then they are not copied."""
    if columns and list(columns) == list(range(columns[0], columns[0] + len(columns))):
        return slice(columns[0], columns[0] + len(columns))
    return list(columns)


def _within(
    limits: tuple[float | None, float | None], scores: Floats, codes: Sequence[str], notes: list[str]
) -> Floats:
    """Scores held within limits; a note of each indicator that has some beyond."""
    low, high = -np.inf if limits[0] is None else limits[0], np.inf if limits[1] is None else limits[1]
    beyond = ((scores < low) | (scores > high)).sum(axis=0)
    notes += [f"{codes[column]}: scores set to a limit: {beyond[column]}" for column in np.flatnonzero(beyond).tolist()]
    return np.clip(scores, low, high)


def _tasks(
    state: State, way: Parameters, nodes: Sequence[Node], columns: Sequence[int], values: Floats, faults: list[str]
) -> Iterator[_Task]:
    """One task per block of units that share a scale."""
    sign = np.array([_sign(node) for node in nodes])
    over = getattr(way, "over", "year")
    units = state.values.units

    def task(block: int, year: int | None, source: slice, rows: slice) -> _Task:
        own = units[source]
        return _Task(state, way, nodes, columns, sign, block, year, values[source], own, rows, faults)

    whole = slice(0, len(units))
    if over == "year":
        for block, (year, rows) in enumerate(state.blocks):
            yield task(block, year, rows, rows)
        return
    if over == "panel":
        block, source = 0, whole
        if isinstance(way, NormaliseDistanceToTarget):
            _one_unit(state, nodes, "the target", faults)
    else:
        found = [(block, rows) for block, (year, rows) in enumerate(state.blocks) if year == over]
        if not found and state.saved is None:
            known = ", ".join(str(year) for year, _ in state.blocks)
            faults.append(f"over: no unit has a value of {over}; years are {known}")
            return
        block, source = found[0] if found else (0, whole)
        _one_unit(state, nodes, f"the scale of {over}", faults)
    yield task(block, None, source, whole)


def _one_unit(state: State, nodes: Sequence[Node], what: str, faults: list[str]) -> None:
    """A fault for each indicator that a treatment put into another unit in each year."""
    for node in nodes:
        done = {_unit(state, block, node.code) for block in range(len(state.blocks))}
        if len(done) > 1:
            faults.append(
                f"{node.code}: treat changed its unit otherwise in each year, so {what} has no place among "
                "them; treat it with 'over: panel'"
            )


def _unit(state: State, block: int, code: str) -> object:
    """What tells the unit of an indicator's treated values in a block."""
    transform = state.transforms.get((block, code))
    if transform is None or transform.form == "none":
        return None
    return transform.form, transform.shift, repr(transform.factor), repr(transform.power)


def _transformed(state: State, nodes: Sequence[Node], given: Floats) -> Floats:
    """Values after each indicator's transform; every cell outside a domain is a fault."""
    if all(node.transform == "none" for node in nodes):
        return given
    values = np.array(given, order="F")
    faults = []
    for position, node in enumerate(nodes):
        if node.transform == "none":
            continue
        outside = normalise.outside_domain(values[:, position], node.transform)
        faults += [
            f"{state.values.row_name(row)}, {node.code}: {values[row, position]:g} has no {node.transform}; "
            f"it must be {normalise.domain(node.transform)}"
            for row in np.flatnonzero(outside).tolist()
        ]
        values[outside, position] = np.nan
        values[:, position] = normalise.transform_values(values[:, position], node.transform, node.target)
    if faults:
        raise ComputationError(place(state, "normalise"), faults)
    return values


def _scale(task: _Task, values: Floats) -> tuple[Floats, dict[str, Floats], list[Distribution]]:
    """Scores of one block, the numbers they rest on, and what was ranked among."""
    way, sign = task.way, task.sign
    if isinstance(way, Ranked):
        return _ranked(task, way, values)
    numbers = _numbers(task)
    n = list(numbers.values())
    match way:
        case NormaliseGoalposts() | NormaliseScaled():
            scores = normalise.goalposts(values, n[0], n[1], way.range, way.clip)
        case NormaliseMinmax() | NormaliseDistanceToMax():
            scores = normalise.minmax(values, n[0], n[1], way.range)
        case NormaliseDistanceToReference():
            scores = normalise.to_target(values, sign, n[0], n[1], way.range, False)
        case NormaliseDistanceToTarget():
            scores = normalise.to_target(values, sign, n[0], n[1], way.range, way.clip)
        case NormaliseFractionOfMax():
            _check_positive(task, values)
            scores = normalise.fraction_of_best(values, sign, n[0])
        case NormaliseZscore():
            scores = normalise.zscore(values, sign, n[0], n[1], way.mean, way.sd)
        case NormaliseLogistic():
            scores = normalise.logistic(values, sign, n[0], n[1], way.steepness, way.range)
        case NormaliseCategorical():
            scores = normalise.categories(values, sign, np.array(n), way.scores)
        case NormaliseCutoff():
            scores = normalise.categories(values, sign, np.array(n), way.range)
        case _:
            raise AssertionError(way)
    return scores, numbers, []


def _numbers(task: _Task) -> dict[str, Floats]:
    """What a scale rests on: constants in real units put through the same functions as the values, and numbers that
    are taken from the units, or from an earlier run."""
    way = task.way
    given = [_mapped(task, node) for node in task.nodes]
    posts = np.array(given, dtype=np.float64).T
    match way:
        case NormaliseGoalposts() | NormaliseScaled():
            return {"low": posts[0], "high": posts[1]}
        case NormaliseCategorical() if way.thresholds:
            return {f"cut_{number}": post for number, post in enumerate(posts, start=1)}
        case NormaliseCutoff():
            return {"cut_1": posts[0]}
        case NormaliseZscore() | NormaliseLogistic() if way.centre is not None and way.spread is not None:
            _check_own_unit(task)
            ones = np.ones(len(task.nodes))
            return {"mean": way.centre * ones, "sd": way.spread * ones}
    taken = _taken(task) if task.state.saved is None else _from_saved(task)
    return {**taken, "target": posts[0]} if isinstance(way, NormaliseDistanceToTarget) else taken


def _taken(task: _Task) -> dict[str, Floats]:
    """Numbers that a scale takes from the units."""
    way, source = task.way, task.source
    match way:
        case NormaliseZscore() | NormaliseLogistic():
            means, deviations = normalise.means_and_deviations(source)
            return {"mean": means, "sd": deviations}
        case NormaliseCategorical():
            cuts = [
                _cuts(source[:, column], task.sign[column], way.percentiles or ()) for column in range(source.shape[1])
            ]
            return {f"cut_{number}": cut for number, cut in enumerate(np.array(cuts).T, start=1)}
    worst, best = normalise.worst_and_best(source, task.sign)
    match way:
        case NormaliseFractionOfMax():
            return {"best": best}
        case NormaliseDistanceToTarget():
            return {"worst": worst}
        case NormaliseDistanceToReference():
            return {"worst": worst, "reference": _reference(task, way)}
    return {"worst": worst, "best": best}


def _cuts(values: Floats, sign: float, shares: Sequence[float]) -> tuple[float, ...]:
    """Cut points at shares of the units, from the worst."""
    better = np.sort(values[~np.isnan(values)] * sign)
    if better.size == 0:
        return (np.nan,) * len(shares)
    return tuple(cut * sign for cut in quantiles(better, shares))


def _reference(task: _Task, way: NormaliseDistanceToReference) -> Floats:
    """Values of the reference unit."""
    at = [row for row, unit in enumerate(task.units) if unit == way.unit]
    if len(at) == 1:
        return np.array(task.source[at[0]])
    said = "is no unit" if not at else "has a value in each year; say whose year by 'over'"
    task.faults.append(f"unit: {way.unit!r} {said}{in_year(task.year)}")
    return np.full(len(task.nodes), np.nan)


NAMES = {
    "minmax": ("worst", "best"),
    "distance_to_max": ("worst", "best"),
    "distance_to_reference": ("worst", "reference"),
    "distance_to_target": ("worst",),
    "fraction_of_max": ("best",),
    "zscore": ("mean", "sd"),
    "logistic": ("mean", "sd"),
    "rank": ("n",),
    "borda": ("n",),
    "percentile": ("n",),
}


def _from_saved(task: _Task) -> dict[str, Floats]:
    """The same numbers as an earlier run saved them."""
    way, saved = task.way, task.state.saved
    assert saved is not None
    names = NAMES.get(str(getattr(way, "method", ""))) or tuple(
        f"cut_{number}" for number in range(1, len(getattr(way, "scores", ())))
    )
    found = {name: np.full(len(task.nodes), np.nan) for name in names}
    for position, node in enumerate(task.nodes):
        there = saved.numbers(task.state.number, node.code, task.year)
        if there is None:
            task.faults.append(f"{node.code}{in_year(task.year)}: the saved parameters have no scale of it")
        for name in names:
            found[name][position] = (there or {}).get(name, np.nan)
    return found


def _mapped(task: _Task, node: Node) -> Floats | tuple[float, ...]:
    """Constants of an indicator in the unit of its values."""
    given = constants(task.way, node)
    treated = task.state.transforms.get((task.block, node.code))
    if not given or (treated is None and node.transform == "none"):
        return given
    posts = np.array(given, dtype=np.float64)
    if treated is not None:
        posts = treated.in_new_unit(posts)
    if not np.isfinite(posts).all():
        said = ", ".join(f"{number:g}" for number in given)
        task.faults.append(f"{node.code}{in_year(task.year)}: {said} have no place in the unit that treat gave it")
    return normalise.transform_values(posts, node.transform, node.target)


def _check_own_unit(task: _Task) -> None:
    """Refuse a centre and a spread of indicators whose unit a treatment changed."""
    for node in task.nodes:
        if _unit(task.state, task.block, node.code) is not None:
            task.faults.append(
                f"{node.code}: treat changed its unit, so that centre and spread say nothing; leave them out"
            )


def _check_positive(task: _Task, values: Floats) -> None:
    """Refuse values that have no share of the best."""
    wrong = np.where(task.sign > 0, values < 0, values <= 0)
    for row, column in np.argwhere(wrong).tolist():
        least = "0 or more" if task.sign[column] > 0 else "above 0"
        name = task.state.values.row_name((task.rows.start or 0) + row)
        task.faults.append(f"{name}, {task.nodes[column].code}: {values[row, column]:g}; fraction_of_max needs {least}")


def _ranked(task: _Task, way: Ranked, values: Floats) -> tuple[Floats, dict[str, Floats], list[Distribution]]:
    """Ranks among the units of the block, or of another year, or of an earlier run."""
    own = task.state.saved is None and task.source.shape == values.shape  # the units that are scored rank themselves
    ranked, among = normalise.ranks(values, task.sign, way.ties) if own else (np.empty(values.shape, order="F"), [])
    found: list[Distribution] = []
    for position, node in enumerate(task.nodes):
        if task.state.saved is None:
            better, counts = (
                among[position] if own else normalise.distinct(task.source[:, position] * task.sign[position])
            )
            other = Distribution(task.year, node.code, better, counts)
        else:
            there = task.state.saved.distribution(task.state.number, node.code, task.year)
            if there is None:
                task.faults.append(
                    f"{node.code}{in_year(task.year)}: the saved parameters have no values to rank it among"
                )
            other = there or Distribution(task.year, node.code, np.empty(0), np.empty(0))
        found.append(other)
        if not own:
            better = values[:, position] * task.sign[position]
            ranked[:, position] = normalise.ranks_among(better, other.values, other.counts, way.ties)
    count = np.array([other.counts.sum() for other in found])
    if isinstance(way, NormalisePercentile):
        scores = normalise.percentiles(ranked, count, way.range)
    else:
        scores = ranked - 1.0 if isinstance(way, NormaliseBorda) else ranked
    return scores, {"n": count}, found


def _settle(task: _Task, values: Floats, scores: Floats) -> None:
    """Apply the step's rule to cells that have a value and no score; ``scores`` is changed in place."""
    way = task.way
    rule = getattr(way, "constant", None)
    if rule is None:
        return
    stuck = (scores != scores) > (values != values)
    if rule == "middle":
        if isinstance(way, NormaliseZscore):
            scores[stuck] = way.mean
        elif isinstance(way, NormaliseFractionOfMax):
            scores[stuck] = 0.5
        else:
            scores[stuck] = sum(way.range) / 2.0  # type: ignore[attr-defined]  # all others have a range
    if rule == "error":
        method = str(way.method)  # type: ignore[attr-defined]  # each way has its method
        why = WHY.get(method, "all units have the same value")
        task.faults += [
            f"{task.nodes[column].code}{in_year(task.year)}: {why}, so {method} has no score; "
            "say 'constant: missing' or 'constant: middle', or leave the indicator out"
            for column in np.flatnonzero(stuck.any(axis=0)).tolist()
        ]
