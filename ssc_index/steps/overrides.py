"""Another way for some indicators within one step.

What belongs here: reading ``overrides`` of a step, and which indicator they concern. What does not: what a step
does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, SerializeAsAny, ValidationError, model_validator

from ssc_index.errors import broken_rule, faults_in
from ssc_index.framework.model import Framework
from ssc_index.steps.parameters import Name, Names, Parameters
from ssc_index.steps.walk import Walk, ancestors

OF_THE_STEP = ("only", "overrides", "level")  # what a step says once, for all of its overrides


class Overridable(Parameters):
    """Parameters of a step whose indicators may differ.

    Attributes:
        only: Nodes or levels whose indicators are meant; None is all (that are left).
        overrides: Parameters by node or level name; the nearest name counts, the code first. One that names no
            method, or the step's own, keeps the step's other parameters; one that names another starts from that
            method's defaults.
        variants: Parameters by the name of a method; a step fills it once all of its methods are known.
    """

    variants: ClassVar[dict[str, type[Parameters]]]
    only: Names | None = None
    overrides: dict[Name, SerializeAsAny[Parameters]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _built(cls, data: Any) -> Any:
        """Build each override; all that is wrong with them at once."""
        given = data.get("overrides") if isinstance(data, dict) else None
        if not isinstance(given, dict):
            return data
        own = {key: value for key, value in data.items() if key not in OF_THE_STEP}
        faults: list[str] = []
        built = {name: _override(cls.variants, own, name, said, faults) for name, said in given.items()}
        if faults:
            raise ValueError("; ".join(faults))
        return {**data, "overrides": built}


def _override(
    variants: Mapping[str, type[Parameters]], own: Mapping[str, Any], name: object, said: object, faults: list[str]
) -> Parameters | None:
    """Build one override; None and a fault for each thing that is wrong."""
    if isinstance(said, Parameters):
        return said
    if not isinstance(said, dict):
        faults.append(f"overrides.{name}: parameters are a mapping, not {said!r}")
        return None
    said = {key: value for key, value in said.items() if key not in OF_THE_STEP or value}
    faults += [f"overrides.{name}.{key}: not within an override" for key in OF_THE_STEP if key in said]
    method = said.get("method", own.get("method", ""))
    if method not in variants:
        faults.append(f"overrides.{name}.method: unknown {method!r}; known are {', '.join(filter(None, variants))}")
        return None
    kind = variants[method]
    same = kind is variants.get(own.get("method", ""))
    try:
        return kind.model_validate({**own, **said} if same else said)
    except ValidationError as error:
        for fault in faults_in(error.errors(include_url=False), {**own, **said} if same else said):
            place = ".".join(str(part) for part in ("overrides", name, *fault["loc"]))
            known = f"; known are {', '.join(kind.model_fields)}" if fault["type"] == "extra_forbidden" else ""
            faults.append(f"{place}: {fault['input']!r}: {broken_rule(fault)}{known}")
        return None


def parts(framework: Framework, step: Parameters, codes: Sequence[str]) -> list[tuple[Parameters, tuple[str, ...]]]:
    """The step and its overrides, each with the indicators that it concerns, none without any."""
    if not getattr(step, "overrides", {}):
        return [(step, tuple(codes))] if codes else []
    chosen = {code: _name_for(framework, step, code) for code in codes}
    ways: dict[str | None, Parameters] = {None: step, **getattr(step, "overrides", {})}
    by_way = {name: tuple(code for code in codes if chosen[code] == name) for name in ways}
    return [(ways[name], meant) for name, meant in by_way.items() if meant]


def _name_for(framework: Framework, step: Parameters, code: str) -> str | None:
    """The override that concerns an indicator: by its code or level, else by the nearest node above it."""
    overrides: Collection[str] = getattr(step, "overrides", ())
    node = framework.by_code[code]
    for above in (code, *ancestors(framework, node)):
        for name in (above, framework.by_code[above].level):
            if name in overrides:
                return name
    return None


def check_overrides(walk: Walk, step: Parameters, codes: Sequence[str]) -> bool:
    """Whether every override is of something that the step works on; a fault for each that is not."""
    overrides: Collection[str] = getattr(step, "overrides", ())
    if not walk.known(overrides, "overrides"):
        return False
    used = {_name_for(walk.framework, step, code) for code in codes}
    idle = [name for name in overrides if name not in used]
    for name in idle:
        walk.fault(f".overrides: {name!r} concerns no indicator of this step, so that it would change nothing")
    return not idle
