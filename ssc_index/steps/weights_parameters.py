"""Parameters of the step *weights*: one class for each way to weights.

What belongs here: what a method file may say, and weights that need no scores. What does not: how the step runs
(`steps/weights.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ssc_index import weights_expert
from ssc_index.framework.model import Node
from ssc_index.steps.parameters import Flag, Name, Names, NotNegative, Over, Parameters, Positive, Share
from ssc_index.values import Floats
from ssc_index.weights import sibling_weights

MOST_COMPARED = len(weights_expert.RANDOM_INDEX)


class Weights(Parameters):
    """Weights of children in their parents.

    Attributes:
        under: Nodes or levels whose children are weighed; None is all that the method can weigh at this place.
    """

    step: ClassVar[str] = "weights"
    under: Names | None = None

    def codes(self) -> tuple[str, ...]:
        """Codes that the parameters name."""
        return ()


class Stated(Weights, ABC):
    """Weights that the method file or the framework states: no scores are needed."""

    @abstractmethod
    def weights_of(self, children: Sequence[Node], notes: list[str], faults: list[str]) -> Floats:
        """Weights of a family, shape (n_children,); what to tell of them, and what is wrong, go to the lists."""


class FromScores(Weights):
    """Weights that follow from the scores of the units.

    Attributes:
        over: Scores of each year for its own weights, or those of all years (``panel``) for one set.
    """

    over: Over = "year"


class WeightsEqual(Stated):
    """The same weight for all children."""

    method: Literal["equal"] = "equal"

    def weights_of(self, children: Sequence[Node], notes: list[str], faults: list[str]) -> Floats:
        """Ones."""
        return np.ones(len(children))


class WeightsGiven(Stated):
    """Weights as the method file gives them, or a weight set of the framework.

    Attributes:
        weights: Weight by code; all children of a parent or none.
        set: Name of a weight set.
    """

    method: Literal["given"] = "given"
    weights: dict[Name, NotNegative] = Field(default_factory=dict)
    set: Name | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> WeightsGiven:
        if (self.set is None) == (not self.weights):
            raise ValueError("give either weights or set")
        return self

    def codes(self) -> tuple[str, ...]:
        """Codes that the parameters name."""
        return tuple(self.weights)

    def faults_of(self, codes: Sequence[str]) -> list[str]:
        """Some weight must be above 0."""
        return [] if any(self.weights[code] > 0 for code in codes) else ["all weights are 0"]

    def weights_of(self, children: Sequence[Node], notes: list[str], faults: list[str]) -> Floats:
        """Weights as given."""
        if self.set is None:
            return np.array([self.weights[child.code] for child in children])
        return np.array([child.weight_sets.get(self.set, child.weight) for child in children])


class WeightsByGroup(Weights):
    """Weights that differ between groups of units.

    Attributes:
        group: Group column.
        weights: Weight by label and code; the same codes for every label, all children of a parent or none.
        sets: Instead, the name of a weight set of the framework by label (``framework`` means its plain weights).
        others: Weight set (or ``framework``) for units with another label or none; None makes them errors.
    """

    method: Literal["by_group"] = "by_group"
    group: Name
    weights: dict[Name, dict[Name, NotNegative]] = Field(default_factory=dict)
    sets: dict[Name, Name] = Field(default_factory=dict)
    others: Name | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> WeightsByGroup:
        if bool(self.weights) == bool(self.sets):
            raise ValueError("give either weights or sets, by label")
        if any(set(one) != set(self.codes()) for one in self.weights.values()):
            raise ValueError("weights: not all labels have the same codes")
        return self

    def codes(self) -> tuple[str, ...]:
        """Codes that the parameters name."""
        return tuple(next(iter(self.weights.values()))) if self.weights else ()

    def sets_named(self) -> tuple[str, ...]:
        """Weight sets that the parameters name."""
        return (*self.sets.values(), *(() if self.others is None else (self.others,)))

    def faults_of(self, codes: Sequence[str]) -> list[str]:
        """Some weight of each label must be above 0."""
        return [
            f"all weights of label {label!r} are 0"
            for label, one in self.weights.items()
            if not any(one[code] > 0 for code in codes)
        ]

    def weights_of(self, children: Sequence[Node]) -> tuple[tuple[str | None, ...], Floats]:
        """Labels and the weights of a family by label, shape (n_labels, n_children); the label None is all others."""
        rows: dict[str | None, Sequence[float]] = {}
        for label, own in self.weights.items():
            rows[label] = [own[child.code] for child in children]
        for label, name in self.sets.items():
            rows[label] = sibling_weights(children, name)
        if self.others is not None:
            rows[None] = sibling_weights(children, self.others)
        return tuple(rows), np.array(list(rows.values()))


class WeightsPca(FromScores):
    """Loadings of the first principal component.

    Attributes:
        negative: What a loading below 0 gets: ``error``, weight ``zero``, or ``square`` (all loadings squared).
    """

    method: Literal["pca"] = "pca"
    negative: Literal["error", "zero", "square"] = "error"


class WeightsFactor(FromScores):
    """Squared loadings on factors turned by varimax.

    Attributes:
        factors: How many; None takes those that pass ``min_eigenvalue``.
        min_eigenvalue: Eigenvalue that a factor must pass.
    """

    method: Literal["factor"] = "factor"
    factors: Annotated[int, Field(strict=True, ge=1)] | None = None
    min_eigenvalue: NotNegative = 1.0


class WeightsCritic(FromScores):
    """Contrast times conflict.

    Attributes:
        rescale: Whether contrast is that of scores rescaled to [0, 1].
    """

    method: Literal["critic"] = "critic"
    rescale: Flag = True


class WeightsEntropy(FromScores):
    """How unevenly scores are spread over the units."""

    method: Literal["entropy"] = "entropy"


class WeightsDeviation(FromScores):
    """The inverse of each child's standard deviation."""

    method: Literal["deviation"] = "deviation"


class WeightsRegression(FromScores):
    """Coefficients of a regression.

    Attributes:
        target: What is explained: a node outside the family, or a group column of numbers.
        negative: ``error``, or ``zero``: coefficients of 0 and more.
    """

    method: Literal["regression"] = "regression"
    target: Name
    negative: Literal["error", "zero"] = "error"


class WeightsBod(FromScores):
    """One set of weights for all units that is best for their mean, none above 1."""

    method: Literal["bod"] = "bod"


class WeightsOptimised(FromScores):
    """Weights by which children matter as much as they should.

    Attributes:
        targets: Share of importance by code, rescaled within the family; all children of a parent or none (equal).
        measure: What importance is: correlation with the mean, its square, or the correlation ratio.
    """

    method: Literal["optimised"] = "optimised"
    targets: dict[Name, Positive] = Field(default_factory=dict)
    measure: Literal["correlation", "variance", "ratio"] = "variance"

    def codes(self) -> tuple[str, ...]:
        """Codes that the parameters name."""
        return tuple(self.targets) if self.under is None else ()


class WeightsBudget(Stated):
    """Points that experts share out.

    Attributes:
        experts: Points by code, one mapping for each expert.
        table: CSV file instead: ``expert`` and one column per code; read with the method file, which then holds it.
        points: What each expert's points of a family must sum to.
    """

    method: Literal["budget"] = "budget"
    experts: tuple[dict[Name, NotNegative], ...] = ()
    table: Name | None = None
    points: Positive = 100.0

    @model_validator(mode="after")
    def _has_experts(self) -> WeightsBudget:
        if not self.experts:
            raise ValueError("no experts; give them, or a table in a method file")
        if any(set(one) != set(self.experts[0]) for one in self.experts):
            raise ValueError("experts: not all share points among the same codes")
        return self

    def codes(self) -> tuple[str, ...]:
        """Codes that the parameters name."""
        return tuple(self.experts[0])

    def faults_of(self, codes: Sequence[str]) -> list[str]:
        """Points must sum to what there is to share."""
        sums = [sum(one[code] for code in codes) for one in self.experts]
        return [
            f"points of expert {number} sum to {total:.12g}, not {self.points:.12g}"
            for number, total in enumerate(sums, start=1)
            if abs(total - self.points) > 1e-6 * self.points
        ]

    def weights_of(self, children: Sequence[Node], notes: list[str], faults: list[str]) -> Floats:
        """Mean shares."""
        return weights_expert.budget_weights(np.array([[one[c.code] for c in children] for one in self.experts]))


class Comparison(BaseModel):
    """One expert's comparison of two siblings.

    Attributes:
        expert: Who compares.
        first: Code of a node.
        second: Code of a sibling.
        value: How many times more important the first is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    expert: Name
    first: Name
    second: Name
    value: Positive


class WeightsAhp(Stated):
    """Comparisons of each child with each, by the analytic hierarchy process.

    Attributes:
        experts: The comparisons.
        table: CSV file instead: ``expert,first,second,value``; read with the method file, which then holds it.
        combine: Geometric mean of ``judgements``, or mean of ``priorities``.
        max_inconsistency: Greatest consistency ratio of an expert in a family.
    """

    method: Literal["ahp"] = "ahp"
    experts: tuple[Comparison, ...] = ()
    table: Name | None = None
    combine: Literal["judgements", "priorities"] = "judgements"
    max_inconsistency: Share = 0.1

    @model_validator(mode="after")
    def _has_experts(self) -> WeightsAhp:
        if not self.experts:
            raise ValueError("no experts; give them, or a table in a method file")
        return self

    def codes(self) -> tuple[str, ...]:
        """Codes that the parameters name."""
        return tuple(dict.fromkeys(code for one in self.experts for code in (one.first, one.second)))

    def names(self) -> tuple[str, ...]:
        """Experts in the order of their first comparison."""
        return tuple(dict.fromkeys(one.expert for one in self.experts))

    def faults_of(self, codes: Sequence[str]) -> list[str]:
        """Each expert compares each pair once."""
        if len(codes) > MOST_COMPARED:
            return [f"{len(codes)} children; consistency is known up to {MOST_COMPARED}"]
        family = set(codes)
        faults = [
            f"expert {one.expert} compares {one.first} with {one.second}, which are no siblings"
            for one in self.experts
            if (one.first in family) != (one.second in family) or one.first == one.second
        ]
        for expert in self.names():
            pairs = [
                frozenset((one.first, one.second))
                for one in self.experts
                if one.expert == expert and {one.first, one.second} <= family
            ]
            for place, first in enumerate(codes):
                for second in codes[place + 1 :]:
                    count = pairs.count(frozenset((first, second)))
                    if count != 1:
                        faults.append(f"expert {expert} compares {first} with {second} {count} times, not once")
        return faults

    def weights_of(self, children: Sequence[Node], notes: list[str], faults: list[str]) -> Floats:
        """Priorities of the group; experts who contradict themselves too much are faults."""
        codes = [child.code for child in children]
        place = {code: number for number, code in enumerate(codes)}
        matrices = []
        for expert in self.names():
            matrix = np.eye(len(codes))
            for one in self.experts:
                if one.expert == expert and one.first in place:
                    a, b = place[one.first], place[one.second]
                    matrix[a, b], matrix[b, a] = one.value, 1.0 / one.value
            matrices.append(matrix)
            ratio = weights_expert.priorities(matrix).ratio
            said = f"under {children[0].parent}: expert {expert} has a consistency ratio of {ratio:.4f}"
            notes.append(said)
            if ratio > self.max_inconsistency:
                limit = f"{self.max_inconsistency:g}"
                faults.append(f"{said}, above {limit}; let them compare again, or allow more by max_inconsistency")
        return weights_expert.combined(np.array(matrices), self.combine)
