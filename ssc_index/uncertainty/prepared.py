"""A case laid out for the kernel: every table that choices can lead to, and what each choice picks.

What belongs here: which cases the kernel can compute, and their arrays. What does not: the loops (`kernel.py`,
`kernel_numpy.py`).

The steps of a method fall into three stages. Whatever comes before the last stage is computed once for each
combination of options, by the engine itself, so that every step of it is known. Without measurement error this holds
for everything before the aggregation; with it, for everything before the first normalisation.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssc_index import normalise
from ssc_index.framework.model import Node
from ssc_index.index import compute_index
from ssc_index.method import Method
from ssc_index.steps.aggregate import Aggregate, mean_at
from ssc_index.steps.impute_parameters import ImputeNone
from ssc_index.steps.normalise import (
    Normalise,
    NormaliseGoalposts,
    NormaliseMinmax,
    NormaliseNone,
    NormaliseZscore,
)
from ssc_index.steps.parameters import Parameters
from ssc_index.steps.state import Ints
from ssc_index.steps.walk import indicators_meant, setting_at
from ssc_index.uncertainty.case import Case, Choices, alive
from ssc_index.uncertainty.inputs import Alternatives, Goalposts, step_number
from ssc_index.uncertainty.plain import before_normalisation, chosen_framework, chosen_method
from ssc_index.values import Floats

Singles = NDArray[np.float32]
LANES = 16
MEANS = {"arithmetic": 0, "geometric": 1, "harmonic": 2}
TRANSFORMS = {"none": 0, "sqrt": 1, "gap_to_target": 2}
MOST_COMBINATIONS = 512


@dataclass(frozen=True)
class Stage:
    """Inputs that act at the same stage, and the combinations of their options.

    Attributes:
        names: The inputs.
        counts: Number of options of each, the method as it stands counted as one more.
    """

    names: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def combinations(self) -> list[dict[str, int]]:
        """Options by input, the last input running fastest; −1 is the method as it stands."""
        return [
            dict(zip(self.names, (one - 1 for one in combination), strict=True))
            for combination in itertools.product(*(range(count) for count in self.counts))
        ]

    def of(self, choices: Choices) -> Ints:
        """Combination of each replication."""
        found: Ints = np.zeros(len(choices.excluded), dtype=np.int64)
        for name, count in zip(self.names, self.counts, strict=True):
            found = found * count + choices.options[name] + 1
        return found


@dataclass(frozen=True)
class Prepared:
    """Arrays of a case; the names are those of `kernel.compute_scores`.

    Attributes:
        case: The case.
        n_units: Units of the year.
        stages: Inputs that pick a table, a set of scales and a set of means.
        disturbs: Whether values have errors and are normalised in each replication.
        base: Weight of each member of ``family`` by set of means, shape (n_means, n_family).
        family_nodes: Place in the framework of each member of ``family``.
    """

    case: Case
    n_units: int
    stages: tuple[Stage, Stage, Stage]
    disturbs: bool
    tables: Singles
    deviations: Singles
    bounds: Singles
    kinds: Ints
    transforms: Ints
    numbers: Singles
    nodes: Ints
    family: Ints
    start: Ints
    means: Ints
    floors: Singles
    least: Singles
    alive: NDArray[np.bool_]
    wanted: Ints
    base: Singles
    family_nodes: Ints

    @property
    def n_lanes(self) -> int:
        """Units and padding."""
        return int(self.tables.shape[2])

    @property
    def units(self) -> tuple[str, ...]:
        """Units of the year, in order."""
        return self.case.values.units[self.case.rows]


def why_not(case: Case) -> list[str]:
    """Why the kernel cannot compute a case; empty where it can."""
    reasons: list[str] = []
    stages = _stages(case, reasons)
    rule = case.method.rank
    if rule.ties != "min" or rule.round is not None:
        reasons.append("ranks of rounded scores, or with ties other than min")
    if reasons:
        return reasons
    for stage in stages:
        if np.prod(stage.counts, dtype=float) > MOST_COMBINATIONS:
            reasons.append(f"more than {MOST_COMBINATIONS} combinations of {', '.join(stage.names)}")
            return reasons
    for options in stages[2].combinations:
        step = chosen_method(case, options).steps[-1]
        assert isinstance(step, Aggregate)
        means = {mean_at(step, node) for node in case.framework.nodes if node.code in case.framework.children}
        known = {"method", "levels", "weights", "min_coverage", "floor", "leave_out", "to"}
        if not means <= set(MEANS):
            reasons.append(f"means {', '.join(sorted(means - set(MEANS)))}")
        if set(type(step).model_fields) - known:
            defaults = type(step)().model_dump()
            given = step.model_dump()
            reasons += [f"aggregate.{key}" for key in sorted(set(given) - known) if given[key] != defaults.get(key)]
    if case.measurement is not None:
        reasons += _why_no_scale(case, stages[1])
    return list(dict.fromkeys(reasons))


def _stages(case: Case, reasons: list[str]) -> tuple[Stage, Stage, Stage]:
    """Sort the inputs by the stage at which they act."""
    steps = case.method.steps
    empty = Stage((), ())
    last = steps[-1]
    aggregates = [step for step in steps if isinstance(step, Aggregate)]
    if any(step.step == "weights" for step in steps):
        reasons.append("a step that sets weights")
        return empty, empty, empty
    if not isinstance(last, Aggregate) or len(aggregates) > 1 or last.to is not None or last.leave_out:
        reasons.append("an aggregation in several steps, or not up to the root")
        return empty, empty, empty
    split = len(steps) - 1
    if case.measurement is not None:
        split = next(place for place, step in enumerate(steps) if isinstance(step, Normalise))
    names: tuple[list[str], list[str], list[str]] = ([], [], [])
    for name, one in case.section.inputs.items():
        if isinstance(one, Alternatives):
            number = step_number(case.method, one.step)
            names[2 if number == len(steps) - 1 else 1 if number >= split else 0].append(name)
        elif isinstance(one, Goalposts):
            # A treatment may look at goalposts, so that they act before it.
            names[1 if split < len(steps) - 1 else 0].append(name)
            if split < len(steps) - 1 and any(step.step == "treat" for step in steps[:split]):
                reasons.append("goalposts that a treatment before the errors looks at")

    def stage(picked: Sequence[str]) -> Stage:
        counts = []
        for name in picked:
            one = case.section.inputs[name]
            assert isinstance(one, Alternatives | Goalposts)
            counts.append(len(one.options) + 1)
        return Stage(tuple(picked), tuple(counts))

    return stage(names[0]), stage(names[1]), stage(names[2])


def _why_no_scale(case: Case, stage: Stage) -> list[str]:
    """Steps between errors and aggregation that the kernel lacks."""
    reasons = []
    first = next(place for place, step in enumerate(case.method.steps) if isinstance(step, Normalise))
    for options in stage.combinations:
        for step in chosen_method(case, options).steps[first:-1]:
            fine = isinstance(step, NormaliseGoalposts | NormaliseMinmax | NormaliseZscore | NormaliseNone)
            if not fine and not isinstance(step, ImputeNone):
                reasons.append(f"{step.step}: {getattr(step, 'method', '')} after measurement errors")
            if getattr(step, "over", "year") != "year":
                reasons.append(f"{step.step} over other years' units after measurement errors")
            if getattr(step, "overrides", {}):
                reasons.append(f"{step.step} with overrides after measurement errors")
            if getattr(step, "centre", None) is not None:
                reasons.append(f"{step.step} with a given centre after measurement errors")
    return reasons


def prepare(case: Case) -> Prepared:
    """Lay a case out for the kernel; `why_not` must be empty.

    Raises:
        ComputationError: If a combination of options has no value by a step's own definition.
    """
    stages = _stages(case, [])
    framework = case.framework
    disturbs = case.measurement is not None
    n_units = case.rows.stop - case.rows.start
    lanes = -(-n_units // LANES) * LANES
    above = [node for node in reversed(framework.nodes) if node.code in framework.children]
    place = {node.code: number for number, node in enumerate(above)}
    column = {code: number for number, code in enumerate(framework.codes)}
    family, family_nodes, start = [], [], [0]
    for node in above:
        for child in framework.children[node.code]:
            family.append(-1 - place[child.code] if child.code in place else column[child.code])
            family_nodes.append(case.position[child.code])
        start.append(len(family))
    alive_nodes = alive(case)
    methods = [chosen_method(case, options) for options in stages[2].combinations]
    means, floors, least, base = _means(case, methods, above, alive_nodes, family_nodes)
    tables, deviations = _tables(case, stages[0], n_units, lanes)
    kinds, numbers = _scales(case, stages[1]) if disturbs else (_no_kinds(column), _no_numbers(column))
    low, high = case.bounds
    bounds = np.stack([np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)])
    return Prepared(
        case=case,
        n_units=n_units,
        stages=stages,
        disturbs=disturbs,
        tables=tables,
        deviations=deviations,
        bounds=bounds.astype(np.float32),
        kinds=kinds,
        transforms=np.array([TRANSFORMS.get(node.transform, 0) for node in framework.indicators]),
        numbers=numbers,
        nodes=np.array([case.position[node.code] for node in above]),
        family=np.array(family),
        start=np.array(start),
        means=means,
        floors=floors,
        least=least,
        alive=np.ascontiguousarray(alive_nodes[:, family_nodes]),
        wanted=np.array([place[code] for code in case.kept]),
        base=base,
        family_nodes=np.array(family_nodes),
    )


def _means(
    case: Case,
    methods: Sequence[Method],
    above: Sequence[Node],
    alive_nodes: NDArray[np.bool_],
    family_nodes: Sequence[int],
) -> tuple[Ints, Singles, Singles, Singles]:
    """Mean, floor, least children and weights of each set of means."""
    framework = case.framework
    means = np.zeros((len(methods), len(above)), dtype=np.int64)
    floors = np.full(len(methods), -np.inf, dtype=np.float32)
    least = np.zeros((len(methods), len(alive_nodes), len(above)), dtype=np.float32)
    base = np.ones((len(methods), len(family_nodes)), dtype=np.float32)
    for number, method in enumerate(methods):
        step = method.steps[-1]
        assert isinstance(step, Aggregate)
        floors[number] = -np.inf if step.floor is None else step.floor
        weights = _weights(case, step)
        base[number] = weights[list(family_nodes)]
        for position, node in enumerate(above):
            means[number, position] = MEANS[mean_at(step, node)]
            coverage = step.min_coverage
            share = (setting_at(coverage, node) or 0.0) if isinstance(coverage, dict) else coverage
            members = [case.position[child.code] for child in framework.children[node.code]]
            for out, row in enumerate(alive_nodes):
                total = int(row[members].sum())
                enough = [count for count in range(total + 1) if total and count / total >= share]
                least[number, out, position] = enough[0] if enough else np.inf
    return means, floors, least, base


def _weights(case: Case, step: Aggregate) -> Floats:
    """Weights of an aggregation by node, without any input on weights."""
    return np.array([1.0 if step.weights == "equal" else node.weight for node in case.framework.nodes])


def _tables(case: Case, stage: Stage, n_units: int, lanes: int) -> tuple[Singles, Singles]:
    """Indicators as they reach the last stage, for each combination of options, and their errors."""
    shape = (len(stage.combinations), len(case.framework.codes), lanes)
    disturbs = case.measurement is not None
    tables = np.full(shape, np.nan, dtype=np.float32)
    deviations = np.zeros(shape if disturbs else (1, 1, LANES), dtype=np.float32)
    seen: dict[tuple[str, str], int] = {}
    for number, options in enumerate(stage.combinations):
        method, framework = chosen_method(case, options), chosen_framework(case, options)
        same = (repr(method.steps[:-1]), "" if framework is case.framework else repr(options))
        if same in seen:
            tables[number] = tables[seen[same]]
            if disturbs:
                deviations[number] = deviations[seen[same]]
            continue
        seen[same] = number
        if disturbs:
            before = before_normalisation(case, framework, method)
            tables[number, :, :n_units] = before.values.values.T
            deviations[number, :, :n_units] = before.deviation.T
        elif len(method.steps) == 1:
            tables[number, :, :n_units] = case.values.values[case.rows].T
        else:
            head = method.model_copy(update={"steps": method.steps[:-1]})
            tables[number, :, :n_units] = compute_index(case.values, framework, head).steps[-1].table[case.rows].T
    return tables, deviations


def _no_kinds(column: Mapping[str, int]) -> Ints:
    return np.full((1, len(column)), 3, dtype=np.int64)


def _no_numbers(column: Mapping[str, int]) -> Singles:
    return np.zeros((1, len(column), 8), dtype=np.float32)


def _scales(case: Case, stage: Stage) -> tuple[Ints, Singles]:
    """Kind and parameters of each indicator's scale, for each combination of options.

    The parameters: low, high (transformed), the scores of both (z-score: mean and deviation), target, sign, clip
    (−1 where a constant indicator is an error), and what a constant indicator gets.
    """
    first = next(place for place, step in enumerate(case.method.steps) if isinstance(step, Normalise))
    kinds = np.full((len(stage.combinations), len(case.framework.codes)), 3, dtype=np.int64)
    numbers = np.zeros((*kinds.shape, 8), dtype=np.float32)
    for number, options in enumerate(stage.combinations):
        framework = chosen_framework(case, options)
        scaled: set[str] = set()
        for step in chosen_method(case, options).steps[first:-1]:
            if isinstance(step, ImputeNone):
                continue
            codes = indicators_meant(framework, getattr(step, "only", None))
            for column, node in enumerate(framework.indicators):
                if node.code in codes and node.code not in scaled:
                    scaled.add(node.code)
                    kinds[number, column], numbers[number, column] = _scale(step, node)
    return kinds, numbers


def _scale(step: Parameters, node: Node) -> tuple[int, list[float]]:
    """Kind and parameters of one indicator's scale."""
    target = np.nan if node.target is None else node.target
    sign = -1.0 if node.direction == "lower" or node.transform == "gap_to_target" else 1.0
    if isinstance(step, NormaliseGoalposts):
        posts = np.array([node.low, node.high], dtype=np.float64)
        low, high = normalise.transform_values(posts, node.transform, node.target).tolist()
        return 0, [low, high, *step.range, target, sign, float(step.clip), np.nan]
    if isinstance(step, NormaliseMinmax):
        middle = sum(step.range) / 2.0 if step.constant == "middle" else np.nan
        return 1, [0.0, 0.0, *step.range, target, sign, -1.0 if step.constant == "error" else 1.0, middle]
    if isinstance(step, NormaliseZscore):
        middle = step.mean if step.constant == "middle" else np.nan
        return 2, [0.0, 0.0, step.mean, step.sd, target, sign, -1.0 if step.constant == "error" else 1.0, middle]
    return 3, [0.0] * 8


@dataclass(frozen=True)
class Laid:
    """Replications laid out for the kernel; the names are those of `kernel.compute_scores`."""

    table_of: Ints
    scale_of: Ints
    mean_of: Ints
    alive_of: Ints
    weights: Singles
    noise: NDArray[np.uint64]


def lay(prepared: Prepared, choices: Choices) -> Laid:
    """What choices pick."""
    tables, scales, means = (stage.of(choices) for stage in prepared.stages)
    weights = (
        prepared.base[means]
        if choices.weights is None
        else choices.weights[:, prepared.family_nodes].astype(np.float32)
    )
    return Laid(
        table_of=tables,
        scale_of=scales if prepared.disturbs else np.full(len(tables), -1, dtype=np.int64),
        mean_of=means,
        alive_of=np.where(choices.excluded < 0, len(prepared.alive) - 1, choices.excluded),
        weights=np.ascontiguousarray(weights),
        noise=choices.noise,
    )
