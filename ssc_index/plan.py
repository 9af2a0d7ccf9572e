"""Whether a method fits a framework.

What belongs here: the walk along all steps. What does not: what can be wrong with one step (its module in
`steps/`), parameters on their own (`method.py`) and faults that depend on values.
"""

from __future__ import annotations

from collections.abc import Collection

from ssc_index.errors import MethodError
from ssc_index.framework.model import Framework
from ssc_index.method import Method
from ssc_index.steps.registry import STEPS
from ssc_index.steps.walk import Walk, listed


def check_method(
    method: Method,
    framework: Framework,
    groups: Collection[str],
    has_years: bool,
    subject: str = "",
    denominators: Collection[str] | None = None,
) -> None:
    """Refuse a method that does not fit a framework and the columns of its values.

    A name that exists nowhere, a step that would act on nothing, a step that comes too late, indicators of
    unlike scales about to be averaged, goalposts or a group column that are not there: each is a fault.

    Args:
        method: The method.
        framework: The framework that it is run on.
        groups: Names of the group columns of the values.
        has_years: Whether the values know years.
        subject: What the error names; the method's name if empty.
        denominators: Names of the denominators of the values; None leaves them unchecked.

    Raises:
        MethodError: With every fault, each with the number and name of its step.
    """
    walk = Walk(framework, tuple(groups), has_years, None if denominators is None else tuple(denominators))
    for number, step in enumerate(method.steps):
        walk.place = f"steps[{number}].{step.step}"
        STEPS[step.step].check(walk, step)
    walk.place = "steps"
    parents = dict.fromkeys(framework.by_code[code].parent or "" for code in framework.by_code if code in walk.weighed)
    if parents:
        walk.fault(f": no step aggregates with the weights under {listed(parents)}")
    if walk.faults:
        raise MethodError(subject or f"method {method.name}", walk.faults)
