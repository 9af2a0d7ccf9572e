"""Whether a method scores each unit on its own, or looks at the others.

What belongs here: which steps take anything from other units. What does not: what they take.
"""

from __future__ import annotations

from collections.abc import Iterator

from ssc_index.framework.model import Framework
from ssc_index.method import Method
from ssc_index.steps.aggregate import Aggregate
from ssc_index.steps.denominate import Denominate
from ssc_index.steps.derive import Derive
from ssc_index.steps.impute_parameters import ImputeLastValue, ImputeNone, ImputeOverYears, ImputeWithin
from ssc_index.steps.normalise_parameters import (
    NormaliseCategorical,
    NormaliseCutoff,
    NormaliseGoalposts,
    NormaliseNone,
    NormaliseScaled,
)
from ssc_index.steps.parameters import Parameters
from ssc_index.steps.rules import rule_of
from ssc_index.steps.screen import Screen
from ssc_index.steps.treat import TreatLogOffset, TreatNone
from ssc_index.steps.weights_parameters import FromScores, Weights

# Steps that are not here look at others: a new one is taken to, until somebody shows that it does not.
ALONE: tuple[type[Parameters], ...] = (
    Denominate,
    Derive,
    Screen,
    TreatNone,
    TreatLogOffset,
    NormaliseNone,
    NormaliseCutoff,
    NormaliseGoalposts,
    NormaliseScaled,
    ImputeNone,
    ImputeLastValue,
    ImputeOverYears,
    ImputeWithin,
)


def steps_among_others(framework: Framework, method: Method) -> tuple[str, ...]:
    """Steps by which a unit's score can depend on other units.

    Args:
        framework: The framework; a node may name its own rule of aggregation.
        method: The method.

    Returns:
        Number and name of each, for example ``2 normalise``; empty if a unit alone would have the same score, to
        the last bit. The ranks of any method depend on others.
    """
    return tuple(
        f"{number} {step.step}" for number, step in enumerate(method.steps, start=1) if not is_alone(framework, step)
    )


def is_alone(framework: Framework, step: Parameters) -> bool:
    """Whether a step takes nothing from other units, nor any of its overrides."""
    return all(_is_alone(framework, one) for one in _with_overrides(step))


def _with_overrides(step: Parameters) -> Iterator[Parameters]:
    yield step
    yield from getattr(step, "overrides", {}).values()


def _is_alone(framework: Framework, step: Parameters) -> bool:
    """As `is_alone`, of the step itself."""
    if isinstance(step, Aggregate):
        own = [node.aggregation for node in framework.nodes if node.aggregation is not None]
        rules = [rule_of(how) for how in (step.method, *step.levels.values(), *own)]
        return step.blend is None and not any(rule.cohort for rule in rules)
    if isinstance(step, Weights):
        return not isinstance(step, FromScores)
    if isinstance(step, NormaliseCategorical):
        return step.thresholds is not None
    return isinstance(step, ALONE)
