"""How far a value may be off, by the data-quality grade that its city declared.

What belongs here: the table and what it means. What does not: the grades themselves (the catalogue's
``quality_grades``) and the draws.

No source gives these figures: U4SSC grades how a figure came about, not how wrong it is. They are this project's
proposal, to be replaced by a method file as soon as re-measured values allow an estimate: a good measurement is
within a few per cent, a sample survey within twice that, and each further step away from a measurement doubles it
again, roughly. The order of the grades matters for the ranks; the last digit does not.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ssc_index.steps.parameters import NotNegative


class Error(BaseModel):
    """Standard deviation of a measurement error: ``√((relative · |value|)² + absolute²)``.

    Attributes:
        relative: Share of the value.
        absolute: In the unit of the value; seldom of use for more than one indicator.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    relative: NotNegative = 0.0
    absolute: NotNegative = 0.0


GRADES: dict[str, Error] = {
    "accurate_measurements": Error(relative=0.02),
    "extrapolated_survey": Error(relative=0.05),
    "extrapolated_higher_level": Error(relative=0.10),
    "estimation_assumptions": Error(relative=0.15),
    "personal_estimation": Error(relative=0.25),
    "unknown_method": Error(relative=0.30),
}
