"""A case laid out for the kernel: every table that choices can lead to, and what each choice picks.

What belongs here: which cases the kernel can compute, and their arrays. What does not: the loops (`kernel.py`,
`kernel_numpy.py`).

The steps of a method fall into three stages. Whatever comes before the last stage is computed once for each
combination of options, by the engine itself, so that every step of it is known. Without measurement error this holds
for everything before the aggregation; with it, for everything before the first normalisation.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssc_index import elementary, normalise
from ssc_index.framework.model import Framework, Node
from ssc_index.index import tables_of
from ssc_index.method import Method, Rank
from ssc_index.steps.aggregate import Aggregate, mean_at
from ssc_index.steps.impute_parameters import ImputeCentre, ImputeGroup, ImputeNone
from ssc_index.steps.normalise import (
    Normalise,
    NormaliseGoalposts,
    NormaliseMinmax,
    NormaliseNone,
    NormaliseZscore,
)
from ssc_index.steps.parameters import Parameters
from ssc_index.steps.state import Bools, Ints
from ssc_index.steps.walk import indicators_meant, setting_at
from ssc_index.uncertainty.case import Backend, Case, Choices, alive
from ssc_index.uncertainty.inputs import Alternatives, Goalposts, Provisional, WeightTable, laid_over, step_number
from ssc_index.uncertainty.plain import before_normalisation, chosen_framework, chosen_method, chosen_values
from ssc_index.values import Floats, Values

Singles = NDArray[np.float32]
LANES = 32  # as `kernel.py` has it
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
class Fills:
    """Imputations after the errors, which fill scores by the mean or the median of groups of units.

    Attributes:
        centres: Mean (0), median (1) or nothing (−1), in the order of the steps, shape (n_scales, n_fills,
            n_indicators).
        grouping: Number of the grouping, shape (n_scales, n_fills).
        lanes: Units that take part, group after group, shape (n_tables, n_groupings, n_units); those beyond the last
            group have no meaning.
        ends: Where each group starts in ``lanes``, and where the last ends, shape (n_tables, n_groupings,
            n_groups + 1).
    """

    centres: Ints
    grouping: Ints
    lanes: Ints
    ends: Ints

    def groups(self, table: int, grouping: int) -> Ints:
        """Group of each unit, −1 where it takes no part, shape (n_units,)."""
        found = np.full(self.lanes.shape[2], -1, dtype=np.int64)
        ends = self.ends[table, grouping]
        for group, (first, last) in enumerate(itertools.pairwise(ends.tolist())):
            found[self.lanes[table, grouping, first:last]] = group
        return found


@dataclass(frozen=True, eq=False)
class Prepared:
    """Arrays of a case; the names are those of `kernel.compute_scores`.

    Attributes:
        case: The case.
        n_units: Units of the year.
        stages: Inputs that pick a table, a set of scales and a set of means.
        disturbs: Whether values have errors and are normalised in each replication.
        table_number: Table of each combination of the first stage; combinations that lead to the same share one.
        mean_number: Set of means of each combination of the last stage.
        tables: Shape (n_forms, n_tables, n_indicators, n_lanes): values, or scores in every form that a mean asks for.
        deviations: Shape (n_tables, n_indicators, n_lanes); (0, 0, 0) without errors.
        fills: Imputations after the errors.
        base: Weight of each member of ``family`` by set of means, shape (n_means, n_family).
        family_nodes: Place in the framework of each member of ``family``.
    """

    case: Case
    n_units: int
    stages: tuple[Stage, Stage, Stage]
    disturbs: bool
    table_number: Ints
    mean_number: Ints
    tables: Singles
    deviations: Singles
    full: NDArray[np.bool_]
    lowest: Singles
    bounds: Singles
    kinds: Ints
    transforms: Ints
    numbers: Singles
    fills: Fills
    family: Ints
    start: Ints
    means: Ints
    forms: Ints
    floors: Singles
    least: Singles
    alive: NDArray[np.bool_]
    pattern: Ints
    wanted: Ints
    base: Floats
    family_nodes: Ints

    @property
    def n_lanes(self) -> int:
        """Units and padding."""
        return int(self.tables.shape[3])

    @property
    def units(self) -> tuple[str, ...]:
        """Units of the year, in order."""
        return self.case.values.units[self.case.rows]


def why_not(case: Case) -> list[str]:
    """Why the kernel cannot compute a case; empty where it can."""
    reasons: list[str] = []
    stages = _stages(case, reasons)
    rule = case.method.rank
    if rule != Rank():
        reasons.append("ranks of rounded scores, with ties other than min, or with the lowest score first")
    if reasons:
        return reasons
    for stage in stages:
        if np.prod(stage.counts, dtype=float) > MOST_COMBINATIONS:
            reasons.append(f"more than {MOST_COMBINATIONS} combinations of {', '.join(stage.names)}")
            return reasons
    steps, _ = _last_steps(case, stages[2])
    some, _ = _alike([node for node in case.framework.nodes if node.code in case.framework.children], steps)
    known = {"method", "levels", "weights", "min_coverage", "floor", "leave_out", "to"}
    others, as_it_comes = sorted(set(Aggregate.model_fields) - known), Aggregate()
    for step in steps:
        means = {mean_at(step, node) for node in some}
        if not means <= set(MEANS):
            reasons.append(f"means {', '.join(sorted(means - set(MEANS)))}")
        reasons += [f"aggregate.{key}" for key in others if getattr(step, key) != getattr(as_it_comes, key)]
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
        elif isinstance(one, Provisional) and one.by == "all":
            names[0].append(name)
        elif isinstance(one, Provisional):
            reasons.append("provisional values by unit")

    def stage(picked: Sequence[str]) -> Stage:
        counts = []
        for name in picked:
            one = case.section.inputs[name]
            assert isinstance(one, Alternatives | Goalposts | Provisional)
            counts.append((2 if isinstance(one, Provisional) else len(one.options)) + 1)
        return Stage(tuple(picked), tuple(counts))

    return stage(names[0]), stage(names[1]), stage(names[2])


def _why_no_scale(case: Case, stage: Stage) -> list[str]:
    """Steps between errors and aggregation that the kernel lacks."""
    sums = [node.code for node in case.framework.indicators if node.transform not in TRANSFORMS]
    reasons = [f"transform of {', '.join(sums)} after measurement errors"] if sums else []
    first = next(place for place, step in enumerate(case.method.steps) if isinstance(step, Normalise))
    for options in stage.combinations:
        imputed = False
        for step in chosen_method(case, options).steps[first:-1]:
            fine = isinstance(step, NormaliseGoalposts | NormaliseMinmax | NormaliseZscore | NormaliseNone)
            if fine and imputed:
                reasons.append("a normalise step after an imputation after measurement errors")
            if isinstance(step, ImputeCentre | ImputeGroup) and step.level is None:
                fine = imputed = True
            if not fine and not isinstance(step, ImputeNone):
                reasons.append(f"{step.step}: {getattr(step, 'method', '')} after measurement errors")
            if getattr(step, "over", "year") != "year":
                reasons.append(f"{step.step} over other years' units after measurement errors")
            if getattr(step, "overrides", {}):
                reasons.append(f"{step.step} with overrides after measurement errors")
            if getattr(step, "limits", None) is not None:
                reasons.append(f"{step.step} with limits after measurement errors")
            if getattr(step, "centre", None) is not None:
                reasons.append(f"{step.step} with a given centre after measurement errors")
    return reasons


def prepare(case: Case, backend: Backend = "numpy") -> Prepared:
    """Lay a case out for the kernel; `why_not` must be empty.

    Args:
        case: The case.
        backend: ``numba`` or ``numpy``: logarithms of the tables agree to single precision, not to the bit.

    Raises:
        ComputationError: If a combination of options has no value by a step's own definition.
    """
    stages = _stages(case, [])
    framework = case.framework
    disturbs = case.measurement is not None
    n_units = case.rows.stop - case.rows.start
    steps, mean_number = _last_steps(case, stages[2])
    passing = _passing(case, steps)
    above = [node for node in _upwards(framework, framework.root) if node.code not in passing]
    place = {node.code: number for number, node in enumerate(above)}
    column = {code: number for number, code in enumerate(framework.codes)}
    family, family_nodes, start = [], [], [0]
    for node in above:
        for child in framework.children[node.code]:
            code = passing.get(child.code, child.code)
            family.append(-1 - place[code] if code in place else column[code])
            family_nodes.append(case.position[child.code])
        start.append(len(family))
    alive_places = np.ascontiguousarray(alive(case)[:, family_nodes])
    means, floors, least, base = _means(
        case, steps, above, np.add.reduceat(alive_places, start[:-1], axis=1, dtype=int)
    )
    over_leaves = np.array([max(family[start[g] : start[g + 1]]) >= 0 for g in range(len(above))])
    forms, ways = _forms(means, floors, over_leaves & (not disturbs))
    table_number, tables, deviations, takes_part = _tables(case, stages[0], len(ways))
    for way, found in zip(ways[1:], tables[1:], strict=True):
        _fill_form(tables[0], *way, backend, found)
    units = tables[0, :, :, :n_units]
    full = ~np.isnan(units).any(axis=2)
    lowest = np.fmin.reduce(units, axis=2, initial=np.float32(np.inf))
    kinds, numbers = _scales(case, stages[1]) if disturbs else _no_scales(len(column))
    low, high = case.bounds
    bounds = np.stack([np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)])
    return Prepared(
        case=case,
        n_units=n_units,
        stages=stages,
        disturbs=disturbs,
        table_number=table_number,
        mean_number=mean_number,
        tables=tables,
        deviations=deviations,
        full=np.asarray(full),
        lowest=lowest,
        bounds=bounds.astype(np.float32),
        kinds=kinds,
        transforms=np.array([TRANSFORMS.get(node.transform, 0) for node in framework.indicators]),
        numbers=numbers,
        fills=_fills(case, stages[1], takes_part) if disturbs else _no_fills(len(column)),
        family=np.array(family),
        start=np.array(start),
        means=means,
        forms=forms,
        floors=floors,
        least=least,
        alive=alive_places,
        pattern=_pattern(forms),
        wanted=np.array([place[code] for code in case.kept]),
        base=np.ascontiguousarray(base[:, family_nodes]),
        family_nodes=np.array(family_nodes),
    )


def _passing(case: Case, steps: Sequence[Aggregate]) -> dict[str, str]:
    """Nodes that only pass on the score of their one child, and whose score it is in the end.

    A node that nobody asks for, with one child that weighs something and an arithmetic mean, whatever is chosen.
    """
    tables = [one for one in case.section.inputs.values() if isinstance(one, WeightTable)]
    tabled = {code for one in tables for code in one.experts[0]}
    weights = np.min([case.weights_from(source) for source in sorted({step.weights for step in steps})], axis=0)
    found: dict[str, str] = {}
    for node in reversed(case.framework.nodes):
        children = case.framework.children.get(node.code, ())
        if len(children) != 1 or node.code in case.kept or children[0].code in tabled:
            continue
        if weights[case.position[children[0].code]] > 0 and all(mean_at(step, node) == "arithmetic" for step in steps):
            found[node.code] = found.get(children[0].code, children[0].code)
    return found


def _upwards(framework: Framework, node: Node) -> list[Node]:
    """A node and those beneath it that have children, children before parents, indicators in their order."""
    children = [child for child in framework.children[node.code] if child.code in framework.children]
    return [*(one for child in children for one in _upwards(framework, child)), node]


def _last_steps(case: Case, stage: Stage) -> tuple[list[Aggregate], Ints]:
    """The aggregation with every combination of options, without repetition, and the number of each combination's."""
    if stage.names in case.last_steps:
        return case.last_steps[stage.names]
    different = [case.method.steps[-1].model_dump(mode="json")]
    numbers: Ints = np.zeros(1, dtype=np.int64)
    for name, count in zip(stage.names, stage.counts, strict=True):  # in the order of `Stage.combinations`
        one = case.section.inputs[name]
        options = one.options if isinstance(one, Alternatives) else [{}] * (count - 1)
        seen: dict[str, int] = {}
        found, before = [], different
        different = []
        for parameters in before:
            for option in (None, *options):  # None leaves the step as it stands
                laid = parameters if option is None else laid_over(Aggregate.step, parameters, option)
                found.append(seen.setdefault(repr(laid), len(seen)))
                if found[-1] == len(different):
                    different.append(laid)
        numbers = np.array(found).reshape(len(before), -1)[numbers].ravel()
    steps = [Aggregate.model_validate(parameters) for parameters in different]
    return case.last_steps.setdefault(stage.names, (steps, numbers))


def _alike(nodes: Sequence[Node], steps: Sequence[Aggregate]) -> tuple[list[Node], Ints]:
    """One node of each kind, kinds being nodes with the same mean in whatever step, and the kind of each."""
    named = {name for step in steps for name in step.levels}
    kinds: dict[tuple[str, str], int] = {}
    numbers = np.array(
        [
            kinds.setdefault((node.code if node.code in named else node.level, repr(node.aggregation)), len(kinds))
            for node in nodes
        ]
    )
    return [nodes[int(np.argmax(numbers == kind))] for kind in range(len(kinds))], numbers


def _means(
    case: Case, steps: Sequence[Aggregate], above: Sequence[Node], members: Ints
) -> tuple[Ints, Singles, Singles, Floats]:
    """Mean, floor, least children and weights of each set of means.

    Args:
        case: The case.
        steps: The aggregations.
        above: Nodes above the indicators.
        members: Children that each has, by what is left out, shape (n_out, n_above).

    Returns:
        Means, shape (n_means, n_above); floors, shape (n_means,); least children, shape (n_means, n_out, n_above);
        weights by node without any input on weights, shape (n_means, n_nodes).
    """
    some, kind = _alike(above, steps)
    means = np.array([[MEANS[mean_at(step, node)] for node in some] for step in steps], dtype=np.int64)[:, kind]
    floors = np.full(len(steps), -np.inf, dtype=np.float32)
    least = np.zeros((len(steps), *members.shape), dtype=np.float32)
    base = np.ones((len(steps), len(case.framework.nodes)))
    sources = {source: case.weights_from(source) for source in {step.weights for step in steps}}
    enough: dict[str, Floats] = {}
    for number, step in enumerate(steps):
        floors[number] = -np.inf if step.floor is None else step.floor
        coverage, said = step.min_coverage, repr(step.min_coverage)
        if said not in enough:
            shares = [(setting_at(coverage, node) or 0.0) if isinstance(coverage, dict) else coverage for node in above]
            enough[said] = _enough(members, np.array(shares))
        least[number] = enough[said]
        base[number] = sources[step.weights]
    return means, floors, least, base


def _enough(members: Ints, shares: Floats) -> Floats:
    """Fewest children whose share of all reaches a least one; ∞ where there is no child.

    >>> _enough(np.array([[4, 3, 0]]), np.array([0.5, 1 / 3, 0.0]))
    array([[ 2.,  1., inf]])
    """
    least = np.full(members.shape, np.inf)
    for more in (1, 0, -1):  # around the product, which may be off by its rounding
        count = np.floor(members * shares) + more
        fits = (members > 0) & (count >= 0) & (count <= members)
        least = np.where(fits & (count / np.maximum(members, 1) >= shares), count, least)
    return least


def _forms(means: Ints, floors: Singles, over_leaves: NDArray[np.bool_]) -> tuple[Ints, list[tuple[int, float]]]:
    """Form of the tables that each mean asks for, and what the forms are: a mean and its floor; scores come first."""
    ways, forms = [(MEANS["arithmetic"], -np.inf)], np.zeros(means.shape, dtype=np.int64)
    asked = over_leaves & (means != MEANS["arithmetic"])
    for floor in dict.fromkeys(floors.tolist()):
        for mean in MEANS.values():
            same = asked & (means == mean) & (floors == floor)[:, None]
            if same.any():
                forms[same] = len(ways)
                ways.append((mean, floor))
    return forms, ways


def _pattern(forms: Ints) -> Ints:
    """A number for each set of means, the same where all forms are."""
    seen: dict[bytes, int] = {}
    return np.array([seen.setdefault(row.tobytes(), len(seen)) for row in forms])


def _fill_form(tables: Singles, mean: int, floor: float, backend: Backend, found: Singles) -> None:
    """Scores as a mean that is not arithmetic adds them up: logarithms, reciprocals."""
    if backend == "numba":
        from ssc_index.uncertainty import kernel  # its compiler takes a while to load

        rows = (-1, tables.shape[-1])
        kernel.fill_form(tables.reshape(rows), mean, np.float32(floor), found.reshape(rows))
        return
    with np.errstate(divide="ignore", invalid="ignore"):  # scores that are not above 0 are refused one by one
        held = np.where(tables < floor, np.float32(floor), tables).astype(np.float64)
        logarithms = mean == MEANS["geometric"]
        found[:] = elementary.ln(held) if logarithms else 1.0 / held
    found[held <= 0] = -1e30 if logarithms else 1e30  # a share of 0 of it is 0


def _tables(case: Case, stage: Stage, n_forms: int) -> tuple[Ints, Singles, Singles, list[Bools]]:
    """Indicators as they reach the last stage, and their errors.

    Args:
        case: The case.
        stage: Inputs of the first stage.
        n_forms: Forms of the tables that there is to be room for; the first is filled.

    Returns:
        Table of each combination of options, shape (n_combinations,); the tables, shape (n_forms, n_tables,
        n_indicators, n_lanes), and the standard deviations of errors, shape (n_tables, n_indicators, n_lanes), or
        (0, 0, 0) without errors. Lanes beyond the units are missing. Last, for each table, which units are not screened
        out before the errors.
    """
    seen: dict[tuple[str, str, bool], int] = {}
    numbers, wanted = [], []
    for options in stage.combinations:
        method, framework = chosen_method(case, options), chosen_framework(case, options)
        values = chosen_values(case, options)
        other_posts = "" if framework is case.framework else repr(options)
        same = (repr(method.steps[:-1]), other_posts, values is case.values)
        if same not in seen:
            wanted.append((values, framework, method))
        numbers.append(seen.setdefault(same, len(seen)))
    shape = len(wanted), case.rows.stop - case.rows.start, len(case.framework.codes)
    if case.measurement is None:
        everyone = np.ones(shape[1], dtype=bool)
        tables = ((place, table[case.rows]) for place, table in _tables_without_errors(wanted))
        nothing = np.zeros((0, 0, 0), dtype=np.float32)
        return np.array(numbers), _lanes(tables, shape, np.nan, n_forms), nothing, [everyone] * len(wanted)
    with ThreadPoolExecutor(min(len(wanted), os.cpu_count() or 1)) as pool:
        found = list(pool.map(lambda one: before_normalisation(case, *one), wanted))
    return (
        np.array(numbers),
        _lanes(enumerate(before.values.values[case.rows] for before in found), shape, np.nan, n_forms),
        _lanes(enumerate(before.deviation for before in found), shape, 0.0)[0],
        [~before.screened[case.rows] for before in found],
    )


def _tables_without_errors(wanted: Sequence[tuple[Values, Framework, Method]]) -> Iterator[tuple[int, Floats]]:
    """Place of each method, and the table that it leads to before its aggregation."""
    together: dict[tuple[int, int], list[int]] = {}
    for place, (values, framework, _) in enumerate(wanted):
        together.setdefault((id(values), id(framework)), []).append(place)
    for places in together.values():
        values, framework, _ = wanted[places[0]]
        heads = [wanted[place][2] for place in places]
        heads = [method.model_copy(update={"steps": method.steps[:-1]}) for method in heads]
        for place, table in tables_of(values, framework, heads):
            yield places[place], table


def _lanes(tables: Iterable[tuple[int, Floats]], shape: tuple[int, int, int], fill: float, n_forms: int = 1) -> Singles:
    """Tables with their units side by side, as the first form of (n_forms, n_tables, n_indicators, n_lanes).

    Args:
        tables: Place and table, each used before the next is asked for.
        shape: Number of tables, units and indicators.
        fill: What lanes beyond the units hold.
        n_forms: Number of forms.
    """
    n_tables, n_units, n_columns = shape
    result = np.empty((n_forms, n_tables, n_columns, -(-n_units // LANES) * LANES), dtype=np.float32)
    result[0, :, :, n_units:] = fill
    for place, table in tables:
        result[0, place, :, :n_units] = table.T
    return result


def _no_scales(n_columns: int) -> tuple[Ints, Singles]:
    return np.zeros((0, n_columns), dtype=np.int64), np.zeros((0, n_columns, 8), dtype=np.float32)


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
            if not isinstance(step, Normalise):
                continue
            codes = indicators_meant(framework, getattr(step, "only", None))
            for column, node in enumerate(framework.indicators):
                if node.code in codes and node.code not in scaled:
                    scaled.add(node.code)
                    kinds[number, column], numbers[number, column] = _scale(step, node)
    return kinds, numbers


def _no_fills(n_columns: int) -> Fills:
    return Fills(*(np.zeros(shape, dtype=np.int64) for shape in ((0, 0, n_columns), (0, 0), (1, 0, 0), (1, 0, 1))))


def _fills(case: Case, stage: Stage, takes_part: Sequence[Bools]) -> Fills:
    """Imputations between errors and aggregation, for each combination of options.

    Args:
        case: The case.
        stage: Inputs that pick them.
        takes_part: For each table, which units are not screened out.
    """
    first = next(place for place, step in enumerate(case.method.steps) if isinstance(step, Normalise))
    steps = [
        [step for step in chosen_method(case, options).steps[first:-1] if isinstance(step, ImputeCentre | ImputeGroup)]
        for options in stage.combinations
    ]
    names = sorted({_group_column(step) for some in steps for step in some})
    shape = len(steps), max(map(len, steps)), len(case.framework.codes)
    centres, grouping = np.full(shape, -1, dtype=np.int64), np.zeros(shape[:2], dtype=np.int64)
    for number, some in enumerate(steps):
        for place, step in enumerate(some):
            codes = indicators_meant(case.framework, step.only)
            meant = [column for column, code in enumerate(case.framework.codes) if code in codes]
            centres[number, place, meant] = step.method.endswith("median")
            grouping[number, place] = names.index(_group_column(step))
    n_units = case.rows.stop - case.rows.start
    labels = [case.values.groups[name][case.rows] if name else ("",) * n_units for name in names]
    words = [sorted({label for label in column if label is not None}) for column in labels]
    lanes = np.zeros((len(takes_part), len(names), n_units), dtype=np.int64)
    ends = np.zeros((*lanes.shape[:2], max(map(len, words), default=0) + 1), dtype=np.int64)
    for table, name in itertools.product(range(len(takes_part)), range(len(names))):
        groups = [
            [unit for unit in np.flatnonzero(takes_part[table]).tolist() if labels[name][unit] == word]
            for word in words[name]
        ]
        together = [unit for group in groups for unit in group]
        lanes[table, name, : len(together)] = together
        sizes = np.cumsum([len(group) for group in groups])
        ends[table, name, 1 : len(groups) + 1], ends[table, name, len(groups) + 1 :] = sizes, len(together)
    return Fills(centres, grouping, lanes, ends)


def _group_column(step: ImputeCentre | ImputeGroup) -> str:
    """The column by whose labels units are grouped; empty where they are all together."""
    return step.group if isinstance(step, ImputeGroup) else ""


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
    tables, means = prepared.table_number[tables], prepared.mean_number[means]
    weights = (
        prepared.base[means].astype(np.float32)
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
