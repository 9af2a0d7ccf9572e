"""Rules of aggregation: how a node's score comes from its children, each with its parameters.

What belongs here: the parameters of each rule, what it refuses, and which function computes it. What does not: the
arithmetic (`ssc_index/aggregate.py` and its neighbours) and the walk up the tree (`steps/aggregate.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from ssc_index import aggregate, aggregate_cohort
from ssc_index.benefit_of_doubt import Ratio, benefit_of_doubt
from ssc_index.errors import broken_rule, faults_in
from ssc_index.formula import evaluated, formula, in_words, undefined
from ssc_index.outranking import copeland
from ssc_index.steps.parameters import Flag, Name, NotNegative, Number, Over, Positive, Range, Share
from ssc_index.unobserved import LEAST_CHILDREN, unobserved_components
from ssc_index.values import Floats


def _not_descending(value: tuple[float, float]) -> tuple[float, float]:
    """Bounds that something can lie between."""
    if value[0] > value[1]:
        raise ValueError("the first number must not be above the second")
    return value


ShareRange = Annotated[tuple[Share, Share], AfterValidator(_not_descending)]
Refusal = tuple[int, int, str]  # row, child (−1: none of them), what is wrong


class Rule(BaseModel, ABC):
    """A rule with its parameters; unknown keys are errors.

    Attributes:
        name: Its name in a method file.
        weighs: Whether weights of the children count.
        cohort: Whether a row's score depends on the other rows of its year.
        refuses_zero: Whether scores of 0 and less are refused unless a floor is given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str]
    weighs: ClassVar[bool] = True
    cohort: ClassVar[bool] = False
    refuses_zero: ClassVar[bool] = False

    @property
    def takes_floor(self) -> bool:
        """Whether a floor changes anything."""
        return self.refuses_zero

    @abstractmethod
    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Scores of a node from its children, shape (n_rows,); the rows are a cohort where the rule needs one."""

    def prepared(self, parts: Sequence[Floats], blocks: Sequence[slice]) -> tuple[list[Floats], list[Refusal]]:
        """Parts on the scale that the rule needs, and the children that have no such scale."""
        return list(parts), []

    def among(self, codes: Sequence[str]) -> Rule:
        """The rule, knowing the children whose parts it will get."""
        return self

    def faults(self, codes: Sequence[str]) -> list[str]:
        """What of the rule does not fit the children."""
        return []

    def refusals(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> list[Refusal]:
        """Cells and rows that the rule refuses."""
        if not self.refuses_zero:
            return []
        return [(row, child, "is not above 0") for row, child in aggregate.refused(parts, least)]


class Arithmetic(Rule):
    """``Σ w s / Σ w``."""

    name: ClassVar[str] = "arithmetic"

    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Weighted mean."""
        return aggregate.weighted_mean(parts, weights, "arithmetic", least)


class Geometric(Rule):
    """``exp(Σ w ln s / Σ w)``."""

    name: ClassVar[str] = "geometric"
    refuses_zero: ClassVar[bool] = True

    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Weighted mean."""
        return aggregate.weighted_mean(parts, weights, "geometric", least)


class Harmonic(Rule):
    """``Σ w / Σ (w / s)``."""

    name: ClassVar[str] = "harmonic"
    refuses_zero: ClassVar[bool] = True

    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Weighted mean."""
        return aggregate.weighted_mean(parts, weights, "harmonic", least)


class Generalised(Rule):
    """``(Σ w s^p / Σ w)^(1/p)``.

    Attributes:
        p: The order, not 0 (that is the geometric mean). Below 0, scores of 0 are refused; above, scores below 0.
    """

    name: ClassVar[str] = "generalised"
    refuses_zero: ClassVar[bool] = True
    p: Number

    @model_validator(mode="after")
    def _not_zero(self) -> Generalised:
        if self.p == 0:
            raise ValueError("p: the mean of order 0 is the geometric one; say 'geometric'")
        return self

    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Weighted mean of order p."""
        return aggregate.power_mean(parts, weights, self.p, least)

    def refusals(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> list[Refusal]:
        """Scores that have no such power."""
        says = "is below 0" if self.p > 0 else "is not above 0"
        return [(row, child, says) for row, child in aggregate.refused(parts, least, zero=self.p > 0)]


class Median(Rule):
    """As much weight above as below."""

    name: ClassVar[str] = "median"

    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Weighted median."""
        return aggregate.weighted_median(parts, weights, least)


class Minimum(Rule):
    """The smallest score; a child of weight 0 has no say."""

    name: ClassVar[str] = "minimum"
    weighs: ClassVar[bool] = False

    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Smallest part with a weight."""
        return aggregate.weighted_minimum(parts, weights, least)


class OrderedWeights(Rule):
    """Weights by place, the best score first.

    Attributes:
        weights: Weight of each place; as many as the node has children. They need not sum to one.
        power: Instead of weights: ``Q(r) = r^power``; above 1 the worse scores count more.
    """

    name: ClassVar[str] = "owa"
    weights: Annotated[tuple[NotNegative, ...], Field(min_length=1)] | None = None
    power: Positive | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> OrderedWeights:
        if (self.weights is None) == (self.power is None):
            raise ValueError("give either weights or power")
        if self.weights is not None and sum(self.weights) == 0:
            raise ValueError("weights: all are 0")
        return self

    def faults(self, codes: Sequence[str]) -> list[str]:
        """As many weights as children."""
        if self.weights is None or len(self.weights) == len(codes):
            return []
        return [f"owa has {len(self.weights)} weights for {len(codes)} children"]

    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Ordered weighted average."""
        return aggregate.ordered_average(parts, weights, self.weights, self.power or 1.0, least)


class Counting(Rule):
    """Count deprivations: the mean of units that are deprived in enough, the full mark for all others.

    Attributes:
        cutoff: Least share of the children's weights, deprived, by which a unit counts as poor; above 0.
        range: Scores of a child of full deprivation and of none.
        gives: ``intensity`` keeps the mean of the poor; ``headcount`` gives them the lower end of the range.
    """

    name: ClassVar[str] = "counting"
    cutoff: Annotated[float, Field(strict=True, gt=0, le=1)]
    range: Range = (0.0, 1.0)
    gives: Literal["intensity", "headcount"] = "intensity"

    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Mean, censored."""
        censored = aggregate.censored_mean(parts, weights, self.cutoff, self.range, least)
        if self.gives == "intensity":
            return censored
        return np.where(censored < self.range[1], self.range[0], censored)

    def refusals(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> list[Refusal]:
        """Scores that are no share of a deprivation."""
        low, high = self.range
        return [
            (row, child, f"is not between {low:g} and {high:g}")
            for child, part in enumerate(parts)
            for row in np.flatnonzero((part < low) | (part > high)).tolist()
        ]


class ByFormula(Rule):
    """What a formula says of the children, by their codes; all of them must be there.

    Attributes:
        expression: The formula, as `ssc_index.formula` reads it; it names every child.
    """

    name: ClassVar[str] = "formula"
    weighs: ClassVar[bool] = False
    expression: Annotated[str, Field(strict=True)]
    _codes: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: object) -> object:
        """``{formula: a / b}`` is short for ``{formula: {expression: a / b}}``."""
        return {"expression": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _readable(self) -> ByFormula:
        formula(self.expression)
        return self

    def among(self, codes: Sequence[str]) -> Rule:
        """The rule with the children that its names mean."""
        rule = self.model_copy()
        rule._codes = tuple(codes)
        return rule

    def faults(self, codes: Sequence[str]) -> list[str]:
        """The formula names the children, and none goes without saying."""
        names = formula(self.expression).names
        found = [f"formula names {name!r}, which is none of {', '.join(codes)}" for name in names if name not in codes]
        return found + [f"formula leaves {code!r} without any say; name it" for code in codes if code not in names]

    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Value of the formula."""
        return evaluated(formula(self.expression), dict(zip(self._codes, parts, strict=True)))

    def refusals(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> list[Refusal]:
        """Rows for which the formula has no value."""
        what, columns = formula(self.expression), dict(zip(self._codes, parts, strict=True))
        rows = undefined(evaluated(what, columns), what, columns)
        return [(row, -1, f"{in_words(what, columns, row)} has no value") for row in rows]


class Unobserved(Rule):
    """What the children measure in common, each with errors of its own; precise children weigh more.

    Attributes:
        mean: Mean of the scores.
        sd: Standard deviation of what is common, in scores.
        least_error: Least share of a child's variance that is its own; None refuses a child that would have none.
    """

    name: ClassVar[str] = "unobserved"
    weighs: ClassVar[bool] = False
    cohort: ClassVar[bool] = True
    mean: Number = 0.0
    sd: Positive = 1.0
    least_error: Annotated[float, Field(strict=True, gt=0, lt=1)] | None = None

    def faults(self, codes: Sequence[str]) -> list[str]:
        """Fewer children tell nothing of their errors."""
        if len(codes) >= LEAST_CHILDREN:
            return []
        return [f"unobserved needs {LEAST_CHILDREN} children or more, not {len(codes)}"]

    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Means of the common part given the children."""
        return self.mean + self.sd * unobserved_components(parts, weights, least, self.least_error).score


class Borda(Rule):
    """How many others a row beats, child by child.

    Attributes:
        range: Score of a row that is last, and of one that is first, everywhere.
    """

    name: ClassVar[str] = "borda"
    cohort: ClassVar[bool] = True
    range: Range = (0.0, 100.0)

    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Borda points."""
        return aggregate_cohort.borda(parts, weights, self.range, least)


class Copeland(Rule):
    """Duels won less duels lost.

    Attributes:
        range: Score of a row that loses, and of one that wins, every duel; None keeps the count.
    """

    name: ClassVar[str] = "copeland"
    cohort: ClassVar[bool] = True
    range: Range | None = None

    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Copeland scores."""
        return copeland(parts, weights, self.range, least)


class WeightRatio(BaseModel):
    """Bounds on one weight as a multiple of another: ``min ≤ w_first / w_second ≤ max``.

    Attributes:
        first: Code of a child.
        second: Code of another child of the same node.
        min: Least ratio.
        max: Greatest ratio; None is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    first: Name
    second: Name
    min: NotNegative = 0.0
    max: Positive | None = None


class BenefitOfDoubt(Rule):
    """The weights that are best for each unit, no unit passing 1 by them.

    Attributes:
        scale: Score of a unit on the frontier.
        shares: Least and greatest share of a child in a unit's own score, for all children or by code.
        ratios: Bounds on ratios of weights.
    """

    name: ClassVar[str] = "bod"
    weighs: ClassVar[bool] = False
    cohort: ClassVar[bool] = True
    scale: Positive = 100.0
    shares: ShareRange | dict[Name, ShareRange] = (0.0, 1.0)
    ratios: tuple[WeightRatio, ...] = ()
    _codes: tuple[str, ...] = PrivateAttr(default=())

    def among(self, codes: Sequence[str]) -> Rule:
        """The rule with the children that its restrictions name."""
        rule = self.model_copy()
        rule._codes = tuple(codes)
        return rule

    def faults(self, codes: Sequence[str]) -> list[str]:
        """Restrictions must name children, and leave room."""
        named = [*self.shares] if isinstance(self.shares, dict) else []
        named += [code for one in self.ratios for code in (one.first, one.second)]
        found = [f"bod names {code!r}, which is none of {', '.join(codes)}" for code in named if code not in codes]
        shares = self._shares(codes)
        if sum(least for least, _ in shares) > 1 or sum(most for _, most in shares) < 1:
            found.append("bod.shares: the least ones sum to more than 1, or the greatest to less")
        return found

    def _shares(self, codes: Sequence[str]) -> list[tuple[float, float]]:
        """Bounds on the share of each child."""
        given = self.shares
        return [given.get(code, (0.0, 1.0)) if isinstance(given, dict) else given for code in codes]

    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Scores up to the scale."""
        place = {code: number for number, code in enumerate(self._codes)}
        shares = {number: pair for number, pair in enumerate(self._shares(self._codes)) if pair != (0.0, 1.0)}
        ratios = [
            Ratio(place[one.first], place[one.second], one.min, np.inf if one.max is None else one.max)
            for one in self.ratios
            if one.first in place and one.second in place
        ]
        return self.scale * benefit_of_doubt(parts, weights, shares, ratios, least)[0]

    def refusals(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> list[Refusal]:
        """Scores below 0."""
        return [(row, child, "is below 0") for row, child in aggregate.refused(parts, least, zero=True)]


class _Penalised(Rule):
    """What both Mazziotta–Pareto indices share.

    Attributes:
        penalty: ``subtract`` for an index of something good, ``add`` for one of something bad.
        standardise: Whether children are standardised first; False where they are on the scale already.
    """

    cohort: ClassVar[bool] = True
    penalty: Literal["subtract", "add"] = "subtract"
    standardise: Flag = True

    def combine(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> Floats:
        """Mean less or plus the penalty."""
        return aggregate_cohort.mazziotta_pareto(parts, weights, -1 if self.penalty == "subtract" else 1, least)

    def refusals(self, parts: Sequence[Floats], weights: Sequence[float], least: float) -> list[Refusal]:
        """Rows whose mean is not above 0."""
        mean = aggregate.weighted_mean(parts, weights, "arithmetic", least)
        return [
            (row, -1, f"the mean of its children, {mean[row]:g}, is not above 0")
            for row in np.flatnonzero(mean <= 0).tolist()
        ]


class MazziottaPareto(_Penalised):
    """Mean less its penalty, of children with mean 100 and standard deviation 10 within the year."""

    name: ClassVar[str] = "mpi"

    def prepared(self, parts: Sequence[Floats], blocks: Sequence[slice]) -> tuple[list[Floats], list[Refusal]]:
        """Children standardised within each year."""
        if not self.standardise:
            return list(parts), []
        done, refused = [], []
        for child, part in enumerate(parts):
            scaled = np.concatenate([aggregate_cohort.standardised(part[rows]) for rows in blocks])
            refused += _unscaled(part, scaled, child)
            done.append(scaled)
        return done, refused


class AdjustedMazziottaPareto(_Penalised):
    """Mean less its penalty, of children between 70 and 130 about a reference.

    Attributes:
        over: Minimum and maximum of each child over all years (``panel``), so that years compare, or within each.
        reference: Score of each child that becomes 100: a number for all, or None for the mean over the same rows.
    """

    name: ClassVar[str] = "ampi"
    over: Over = "panel"
    reference: Number | None = None

    def prepared(self, parts: Sequence[Floats], blocks: Sequence[slice]) -> tuple[list[Floats], list[Refusal]]:
        """Children rescaled about their reference."""
        if not self.standardise:
            return list(parts), []
        cohorts = [slice(0, parts[0].size)] if self.over == "panel" else list(blocks)
        done, refused = [], []
        for child, part in enumerate(parts):
            scaled = np.concatenate([self._about(part[rows]) for rows in cohorts])
            refused += _unscaled(part, scaled, child)
            done.append(scaled)
        return done, refused

    def _about(self, part: Floats) -> Floats:
        """One child of one cohort."""
        known = part[~np.isnan(part)]
        if known.size == 0:
            return part
        reference = known.sum() / known.size if self.reference is None else self.reference
        return aggregate_cohort.rescaled_about(part, reference)


def _unscaled(part: Floats, scaled: Floats, child: int) -> list[Refusal]:
    """The first row of a child whose scores are all equal, so that they have no standard form."""
    lost = np.flatnonzero(~np.isnan(part) & np.isnan(scaled)).tolist()
    return [(lost[0], child, "is the score of every unit, so that it cannot be standardised")] if lost else []


KINDS: tuple[type[Rule], ...] = (
    Arithmetic,
    Geometric,
    Harmonic,
    Generalised,
    Median,
    Minimum,
    OrderedWeights,
    Counting,
    ByFormula,
    MazziottaPareto,
    AdjustedMazziottaPareto,
    BenefitOfDoubt,
    Unobserved,
    Borda,
    Copeland,
)
RULES: dict[str, type[Rule]] = {kind.name: kind for kind in KINDS}


def _read(value: object) -> object:
    """Read ``name`` or ``{name: parameters}``; a name alone stays a name."""
    if isinstance(value, str) and value in RULES:
        _as_named(value)
        return value
    if isinstance(value, Rule):
        return value
    given: object
    name, given = value, {}
    if isinstance(value, dict) and len(value) == 1:
        name, given = next(iter(value.items()))
    if not isinstance(name, str) or name not in RULES:
        raise ValueError(f"no rule of aggregation; known are {', '.join(RULES)}, or one of them with its parameters")
    return _built(name, given if given is not None else {})


@cache
def _as_named(name: str) -> Rule:
    """A rule with every parameter at its default; rules do not change, so that one is enough."""
    return _built(name, {})


def _built(name: str, given: Any) -> Rule:
    """A rule from its parameters; faults in one line."""
    try:
        return RULES[name].model_validate(given)
    except ValidationError as error:
        said = []
        for fault in faults_in(error.errors(include_url=False), given):
            place = ".".join(str(part) for part in fault["loc"])
            text = f"unknown key; known are {', '.join(RULES[name].model_fields)}"
            text = text if fault["type"] == "extra_forbidden" else broken_rule(fault)
            said.append(f"{name}{'.' if place else ''}{place}: {text}")
        raise ValueError("; ".join(said)) from error


def _write(value: str | Rule) -> Any:
    """The form of a method file."""
    return value if isinstance(value, str) else {value.name: value.model_dump(mode="json")}


How = Annotated[str | Rule, BeforeValidator(_read), PlainSerializer(_write)]


def rule_of(how: str | Rule) -> Rule:
    """The rule of a name, every parameter at its default, or the rule itself."""
    return _as_named(how) if isinstance(how, str) else how
