"""What an imputation can be told: the parameters of each method.

What belongs here: the parameter classes. What does not: what is wrong with them on a framework and how they run
(`impute.py`).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ssc_index.steps.parameters import Flag, Name, Names, Over, Parameters, Positive

Whole = Annotated[int, Field(strict=True, ge=1)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
NotNegative = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]


class ImputeNone(Parameters):
    """Leave missing cells missing."""

    step: ClassVar[str] = "impute"
    method: Literal["none"]


class Impute(Parameters):
    """What every imputation can be told.

    Attributes:
        only: Nodes or levels that are filled; None is all.
        level: Level whose scores are filled, once they are aggregated; None is the indicators.
    """

    step: ClassVar[str] = "impute"
    only: Names | None = None
    level: Name | None = None


class ImputeCentre(Impute):
    """Fill by the mean or median of the units of the same year."""

    method: Literal["mean", "median"]


class ImputeGroup(Impute):
    """Fill by the mean or median of the units of the same year and group.

    Attributes:
        group: Group column of the values.
    """

    method: Literal["group_mean", "group_median"]
    group: Name


class ImputeLastValue(Impute):
    """Fill by the unit's own last value from an earlier year.

    Attributes:
        max_years: Greatest age in years; None is any age.
    """

    method: Literal["last_value"]
    max_years: Whole | None = None


class ImputeOverYears(Impute):
    """Fill from the unit's own values before and after: on the line between them, or by the nearest.

    Attributes:
        max_years: Greatest distance in years to every value that a fill rests on; None is any.
    """

    method: Literal["linear", "constant", "linear_constant"]
    max_years: Whole | None = None


class ImputeWithin(Impute):
    """Fill by the mean or median of the unit's own other cells beneath the same node.

    Attributes:
        within: Level: a cell is filled from the cells beneath the same node of that level. Or a node: the cells
            beneath it fill each other.
    """

    method: Literal["within_mean", "within_median"]
    within: Name


class ImputeNeighbours(Impute):
    """Fill by the mean of the nearest units that have the cell.

    Attributes:
        k: How many.
        using: Nodes or levels from which distances are taken; None is all.
        standardise: Whether these are divided by their standard deviations first.
        over: Whether neighbours are of the same ``year``, or of any year of the ``panel``.
    """

    method: Literal["neighbours"]
    k: Whole = 5
    using: Names | None = None
    standardise: Flag = True
    over: Over = "year"


class ImputeRegression(Impute):
    """Fill by a linear regression on other indicators (or other nodes of the level).

    Attributes:
        predictors: By code; a node or level stands for the indicators beneath it.
        over: Whether a regression is fitted to each ``year``, or to the ``panel``.
    """

    method: Literal["regression"]
    predictors: Names
    over: Over = "year"


class ImputeNormal(Impute):
    """Fill by the mean given the unit's other cells, under a multivariate normal fitted by EM.

    Attributes:
        using: Nodes or levels that inform beside those filled; None is all.
        over: Whether a normal is fitted to each ``year``, or to the ``panel``.
        tolerance: EM stops once no mean and no covariance of the standardised columns moves by more.
        max_iterations: Steps within which it must get there.
        ridge: Covariances between columns are divided by ``1 + ridge``; 0 is maximum likelihood.
    """

    method: Literal["em"]
    using: Names | None = None
    over: Over = "year"
    tolerance: Positive = 1e-6
    max_iterations: Whole = 1000
    ridge: NotNegative = 0.0


class ImputeMultiple(Impute):
    """Fill by the mean of random draws under a multivariate normal; the uncertainty analysis uses each draw.

    Attributes:
        draws: How many.
        seed: Seed of the draws.
        draw: Number of the one draw, from 0, that fills; None is the mean of all.
        resample: Whether each draw fits its normal to rows drawn with replacement.
        using: Nodes or levels that inform beside those filled; None is all.
        over: Whether a normal is fitted to each ``year``, or to the ``panel``.
        tolerance: As for ``em``.
        max_iterations: As for ``em``.
        ridge: As for ``em``.
    """

    method: Literal["multiple"]
    draws: Annotated[int, Field(strict=True, ge=2)]
    seed: Seed
    draw: Annotated[int, Field(strict=True, ge=0)] | None = None
    resample: Flag = True
    using: Names | None = None
    over: Over = "year"
    tolerance: Positive = 1e-6
    max_iterations: Whole = 1000
    ridge: NotNegative = 0.0


VARIANTS: dict[str, type[Parameters]] = {
    "none": ImputeNone,
    "mean": ImputeCentre,
    "median": ImputeCentre,
    "group_mean": ImputeGroup,
    "group_median": ImputeGroup,
    "within_mean": ImputeWithin,
    "within_median": ImputeWithin,
    "last_value": ImputeLastValue,
    "linear": ImputeOverYears,
    "constant": ImputeOverYears,
    "linear_constant": ImputeOverYears,
    "neighbours": ImputeNeighbours,
    "regression": ImputeRegression,
    "em": ImputeNormal,
    "multiple": ImputeMultiple,
}
