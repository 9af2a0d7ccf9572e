"""What the parameters of steps are made of: numbers, names, ranges and the base of every parameter class.

What belongs here: types that several steps share. What does not: the parameters of one step (its module).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)]
NotNegative = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]
Count = Annotated[int, Field(strict=True, ge=0)]
Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[str, Field(strict=True, min_length=1)]
Over = Literal["year", "panel"]
OverAny = Literal["year", "panel"] | Annotated[int, Field(strict=True)]
Constant = Literal["error", "missing", "middle"]
Ties = Literal["min", "max", "average", "dense"]


def _label(value: object) -> object:
    """Read a whole number as the text that a values file has for it."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _ascending(value: tuple[float, float]) -> tuple[float, float]:
    """A range has a length."""
    if not value[0] < value[1]:
        raise ValueError("the first number must be below the second")
    return value


def _several(value: object) -> object:
    """Read a single name or number where a list may stand."""
    return [value] if isinstance(value, str | int) else value


Label = Annotated[str, BeforeValidator(_label), Field(strict=True)]
Labels = Annotated[tuple[Label, ...], BeforeValidator(_several), Field(min_length=1)]
Range = Annotated[tuple[Number, Number], AfterValidator(_ascending)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_several), Field(min_length=1)]


class Parameters(BaseModel):
    """Parameters of one step; unknown keys are errors.

    Attributes:
        step: Name of the step in a method file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    step: ClassVar[str]
