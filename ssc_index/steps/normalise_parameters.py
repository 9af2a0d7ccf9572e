"""Parameters of the step *normalise*: one class per method.

What belongs here: what a method file may say. What does not: what is wrong with it on a framework and how it runs
(`normalise.py`).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from ssc_index.steps.overrides import Overridable
from ssc_index.steps.parameters import Constant, Flag, Name, Number, OverAny, Parameters, Positive, Range, Share, Ties


class Normalisation(Overridable):
    """What all methods share.

    Attributes:
        only: Nodes or levels whose indicators are meant; None is all that are left.
        overrides: Other parameters for some of them.
        level: Level of nodes whose aggregated scores are put on a scale, in place of indicators; more is better there.
    """

    step: ClassVar[str] = "normalise"
    level: Name | None = None
    variants: ClassVar[dict[str, type[Parameters]]] = {}


class Limited(Normalisation):
    """A scale that values may leave.

    Attributes:
        limits: Least and greatest score; scores beyond are set to them; None is none, also of the two.
    """

    limits: tuple[Number | None, Number | None] | None = None

    @model_validator(mode="after")
    def _apart(self) -> Self:
        low, high = self.limits or (0.0, 1.0)
        if low is None and high is None:
            raise ValueError("limits: give a least score, a greatest one, or both")
        if low is not None and high is not None and not low < high:
            raise ValueError("limits: the first number must be below the second")
        if self.limits is not None and getattr(self, "clip", False):
            raise ValueError("limits: clip holds scores already; say 'clip: false' with limits")
        return self


class OverUnits(Normalisation):
    """A scale that rests on units.

    Attributes:
        over: Units of the same ``year``, of all years (``panel``), or of one year for all of them (``2020``).
    """

    over: OverAny = "year"


class NormaliseNone(Normalisation):
    """Take values as scores already: no direction, no scale."""

    method: Literal["none"]


class NormaliseGoalposts(Limited):
    """Place values between the framework's ``low`` and ``high``.

    Attributes:
        range: Scores of ``low`` and ``high``.
        clip: Whether values beyond a goalpost score the same as the goalpost.
    """

    method: Literal["goalposts"]
    range: Range = (0.0, 100.0)
    clip: Flag = True


class NormaliseScaled(Limited):
    """Place values between two bounds given here, in real units.

    Attributes:
        bounds: Values that score the ends of the range; the first is the worse one, so it is the greater where
            less is better.
        range: Scores of the bounds.
        clip: Whether values beyond a bound score the same as the bound.
    """

    method: Literal["scaled"]
    bounds: tuple[Number, Number]
    range: Range = (0.0, 100.0)
    clip: Flag = False


class NormaliseMinmax(Limited, OverUnits):
    """Place values between the worst and the best of the units.

    Attributes:
        range: Scores of the worst and the best.
        constant: What an indicator gets whose units are all equal: an ``error``, ``missing`` scores, or the
            ``middle`` of the range.
    """

    method: Literal["minmax"]
    range: Range = (0.0, 100.0)
    constant: Constant = "error"


class NormaliseDistanceToMax(Limited, OverUnits):
    """One minus the distance from the best unit, as a share of the distance from the worst to the best.

    Attributes:
        range: Scores of the worst and the best.
        constant: As in minmax.
    """

    method: Literal["distance_to_max"]
    range: Range = (0.0, 1.0)
    constant: Constant = "error"


class NormaliseDistanceToReference(Limited, OverUnits):
    """Distance travelled from the worst unit to a reference unit; better units score above it.

    Attributes:
        unit: The reference unit.
        range: Scores of the worst and of the reference.
        constant: What an indicator gets whose reference has no value, or the worst one.
    """

    method: Literal["distance_to_reference"]
    unit: Name
    range: Range = (0.0, 1.0)
    constant: Constant = "error"


class NormaliseDistanceToTarget(Limited, OverUnits):
    """Distance travelled from the worst unit to the framework's ``target``.

    Attributes:
        range: Scores of the worst and of the target.
        clip: Whether values beyond the target score the same as the target.
        constant: What an indicator gets whose target is no better than the worst value.
    """

    method: Literal["distance_to_target"]
    range: Range = (0.0, 1.0)
    clip: Flag = True
    constant: Constant = "error"


class NormaliseFractionOfMax(Limited, OverUnits):
    """Share of the best value: ``x / max``, and ``min / x`` where less is better.

    Attributes:
        constant: What an indicator gets whose maximum is 0.
    """

    method: Literal["fraction_of_max"]
    constant: Constant = "error"


class NormaliseZscore(Limited, OverUnits):
    """Standardise values to a mean and a standard deviation (n - 1).

    Attributes:
        mean: Mean of the scores.
        sd: Standard deviation of the scores.
        centre: Value that scores the mean; None takes the mean of the units.
        spread: Deviation of the values; None takes that of the units.
        constant: As in minmax; ``middle`` is the mean.
    """

    method: Literal["zscore"]
    mean: Number = 0.0
    sd: Positive = 1.0
    centre: Number | None = None
    spread: Positive | None = None
    constant: Constant = "error"

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.centre is None) != (self.spread is None):
            raise ValueError("give both centre and spread, or neither")
        return self


class NormaliseLogistic(OverUnits):
    """An S-shaped scale that extremes cannot leave.

    Attributes:
        range: Scores that are approached.
        steepness: Slope at the centre, in scores of a range of 4 per spread.
        centre: Value that scores the middle; None takes the mean of the units.
        spread: None takes the standard deviation (n - 1) of the units.
        constant: As in minmax.
    """

    method: Literal["logistic"]
    range: Range = (0.0, 100.0)
    steepness: Positive = 1.0
    centre: Number | None = None
    spread: Positive | None = None
    constant: Constant = "error"

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.centre is None) != (self.spread is None):
            raise ValueError("give both centre and spread, or neither")
        return self


class NormaliseRank(OverUnits):
    """Score = rank from the worst (1) to the best.

    Attributes:
        ties: What equal values get.
    """

    method: Literal["rank"]
    ties: Ties = "min"


class NormaliseBorda(OverUnits):
    """Score = rank from the worst (0) to the best: the number of units that a unit ranks above.

    Attributes:
        ties: What equal values get.
    """

    method: Literal["borda"]
    ties: Ties = "min"


class NormalisePercentile(OverUnits):
    """Score = share of the other units that a unit ranks above, on a range.

    Attributes:
        range: Scores of the worst and the best rank.
        ties: What equal values get.
        constant: What a single unit gets, whose rank says nothing; ``middle`` is the middle of the range.
    """

    method: Literal["percentile"]
    range: Range = (0.0, 100.0)
    ties: Literal["min", "max", "average"] = "min"
    constant: Constant = "error"


class NormaliseCategorical(OverUnits):
    """Score by the class that a value falls in.

    Attributes:
        thresholds: Cut points in real units, from the worst to the best; a value at one reaches it.
        percentiles: Instead, shares of the units below each cut point (quantiles of type 7, "more is better").
        scores: Of each class, from the worst; one more than cut points.
    """

    method: Literal["categorical"]
    thresholds: Annotated[tuple[Number, ...], Field(min_length=1)] | None = None
    percentiles: Annotated[tuple[Share, ...], Field(min_length=1)] | None = None
    scores: Annotated[tuple[Number, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        cuts = self.thresholds or self.percentiles
        if cuts is None or (self.thresholds and self.percentiles):
            raise ValueError("give either thresholds or percentiles")
        if len(self.scores) != len(cuts) + 1:
            raise ValueError(f"{len(cuts)} cut points make {len(cuts) + 1} classes, not {len(self.scores)} scores")
        if list(self.scores) != sorted(set(self.scores)):
            raise ValueError("scores must rise from class to class")
        if self.percentiles and list(self.percentiles) != sorted(set(self.percentiles)):
            raise ValueError("percentiles must rise")
        return self


class NormaliseCutoff(Normalisation):
    """Score whether a value reaches a cutoff; a value at the cutoff reaches it.

    Attributes:
        cutoff: In real units; None takes the framework's ``target``.
        range: Scores of a value that falls short, and of one that reaches it.
    """

    method: Literal["cutoff"]
    cutoff: Number | None = None
    range: Range = (0.0, 1.0)


Normalise = (
    NormaliseNone
    | NormaliseGoalposts
    | NormaliseScaled
    | NormaliseMinmax
    | NormaliseDistanceToMax
    | NormaliseDistanceToReference
    | NormaliseDistanceToTarget
    | NormaliseFractionOfMax
    | NormaliseZscore
    | NormaliseLogistic
    | NormaliseRank
    | NormaliseBorda
    | NormalisePercentile
    | NormaliseCategorical
    | NormaliseCutoff
)


VARIANTS = Normalisation.variants
VARIANTS |= {
    "none": NormaliseNone,
    "goalposts": NormaliseGoalposts,
    "scaled": NormaliseScaled,
    "minmax": NormaliseMinmax,
    "distance_to_max": NormaliseDistanceToMax,
    "distance_to_reference": NormaliseDistanceToReference,
    "distance_to_target": NormaliseDistanceToTarget,
    "fraction_of_max": NormaliseFractionOfMax,
    "zscore": NormaliseZscore,
    "logistic": NormaliseLogistic,
    "rank": NormaliseRank,
    "borda": NormaliseBorda,
    "percentile": NormalisePercentile,
    "categorical": NormaliseCategorical,
    "cutoff": NormaliseCutoff,
}
