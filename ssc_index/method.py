"""A method: the ordered list of steps that turns values into an index, as data.

What belongs here: the parameters of every step, their defaults and bounds, and the reading of a method
file. What does not: what a step computes (its own module) and whether a method fits a framework
(`check.py`). A new variant of a step is a new parameter class in `STEPS`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, ValidationError

from ssc_index.errors import MethodError

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)]
Count = Annotated[int, Field(strict=True, ge=0)]
Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[str, Field(strict=True, min_length=1)]
Mean = Literal["arithmetic", "geometric"]
Over = Literal["year", "panel"]
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
Model = TypeVar("Model", bound=BaseModel)


class Parameters(BaseModel):
    """Parameters of one step; unknown keys are errors.

    Attributes:
        step: Name of the step in a method file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    step: ClassVar[str]


class Screen(Parameters):
    """Which rows (units × years) take part at all.

    Attributes:
        min_coverage: Least share of all indicators that must be there.
        min_coverage_by_node: Least share of the indicators beneath a node, by node code or level name.
        only_where: Labels that a group column must bear, by column.
        count: ``present`` counts the table as it stands at this step (carried and imputed cells count),
            ``observed`` counts reported cells only, wherever the step stands.
    """

    step: ClassVar[str] = "screen"
    min_coverage: Share = 0.0
    min_coverage_by_node: dict[Name, Share] = {}
    only_where: dict[Name, Labels] = {}
    count: Literal["present", "observed"] = "present"


class TreatNone(Parameters):
    """Leave outliers as they are."""

    step: ClassVar[str] = "treat"
    method: Literal["none"]


class TreatWinsorise(Parameters):
    """Pull the extremes of skewed indicators in, then take a logarithm if that was not enough.

    Attributes:
        max_points: Stop once this many cells stand at a cap.
        skew: An indicator is treated if its absolute skewness reaches this …
        kurtosis: … and its excess kurtosis reaches this.
        fallback: What follows if the winsorised indicator still fails: ``log`` or ``none``.
        only: Nodes or levels whose indicators are treated; None is all.
    """

    step: ClassVar[str] = "treat"
    method: Literal["winsorise"] = "winsorise"
    max_points: Count = 5
    skew: Positive = 2.0
    kurtosis: Number = 3.5
    fallback: Literal["log", "none"] = "log"
    only: Names | None = None


class NormaliseNone(Parameters):
    """Take values as scores already: no direction, no scale.

    Attributes:
        only: Nodes or levels whose indicators are meant; None is all that are left.
    """

    step: ClassVar[str] = "normalise"
    method: Literal["none"]
    only: Names | None = None


class NormaliseGoalposts(Parameters):
    """Place values between the framework's ``low`` and ``high``.

    Attributes:
        range: Scores of ``low`` and ``high``.
        clip: Whether values beyond a goalpost score the same as the goalpost.
        only: Nodes or levels whose indicators are meant; None is all that are left.
    """

    step: ClassVar[str] = "normalise"
    method: Literal["goalposts"]
    range: Range = (0.0, 100.0)
    clip: Flag = True
    only: Names | None = None


class NormaliseMinmax(Parameters):
    """Place values between the worst and the best of the units.

    Attributes:
        range: Scores of the worst and the best.
        constant: What an indicator gets whose units are all equal: an ``error``, ``missing`` scores, or the
            ``middle`` of the range.
        over: Units of the same ``year``, or of all years (``panel``).
        only: Nodes or levels whose indicators are meant; None is all that are left.
    """

    step: ClassVar[str] = "normalise"
    method: Literal["minmax"]
    range: Range = (0.0, 100.0)
    constant: Constant = "error"
    over: Over = "year"
    only: Names | None = None


class NormaliseZscore(Parameters):
    """Standardise values to a mean and a standard deviation (n - 1).

    Attributes:
        mean: Mean of the scores.
        sd: Standard deviation of the scores.
        constant: As in minmax; ``middle`` is the mean.
        over: Units of the same ``year``, or of all years (``panel``).
        only: Nodes or levels whose indicators are meant; None is all that are left.
    """

    step: ClassVar[str] = "normalise"
    method: Literal["zscore"]
    mean: Number = 0.0
    sd: Positive = 1.0
    constant: Constant = "error"
    over: Over = "year"
    only: Names | None = None


class NormaliseRank(Parameters):
    """Score = rank from the worst (1) to the best.

    Attributes:
        ties: What equal values get.
        over: Units of the same ``year``, or of all years (``panel``).
        only: Nodes or levels whose indicators are meant; None is all that are left.
    """

    step: ClassVar[str] = "normalise"
    method: Literal["rank"]
    ties: Ties = "min"
    over: Over = "year"
    only: Names | None = None


class NormalisePercentile(Parameters):
    """Score = share of the other units that a unit ranks above, on a range.

    Attributes:
        range: Scores of the worst and the best rank.
        ties: What equal values get.
        constant: What a single unit gets, whose rank says nothing; ``middle`` is the middle of the range.
        over: Units of the same ``year``, or of all years (``panel``).
        only: Nodes or levels whose indicators are meant; None is all that are left.
    """

    step: ClassVar[str] = "normalise"
    method: Literal["percentile"]
    range: Range = (0.0, 100.0)
    ties: Literal["min", "max", "average"] = "min"
    constant: Constant = "error"
    over: Over = "year"
    only: Names | None = None


class ImputeNone(Parameters):
    """Leave missing cells missing."""

    step: ClassVar[str] = "impute"
    method: Literal["none"]


class ImputeCentre(Parameters):
    """Fill by the mean or median of the units of the same year.

    Attributes:
        only: Nodes or levels that are filled; None is all.
        level: Level whose scores are filled, once they are aggregated; None is the indicators.
    """

    step: ClassVar[str] = "impute"
    method: Literal["mean", "median"]
    only: Names | None = None
    level: Name | None = None


class ImputeGroup(Parameters):
    """Fill by the mean or median of the units of the same year and group.

    Attributes:
        group: Group column of the values.
        only: Nodes or levels that are filled; None is all.
        level: Level whose scores are filled, once they are aggregated; None is the indicators.
    """

    step: ClassVar[str] = "impute"
    method: Literal["group_mean", "group_median"]
    group: Name
    only: Names | None = None
    level: Name | None = None


class ImputeLastValue(Parameters):
    """Fill by the unit's own last value from an earlier year.

    Attributes:
        max_years: Greatest age in years; None is any age.
        only: Nodes or levels that are filled; None is all.
        level: Level whose scores are filled, once they are aggregated; None is the indicators.
    """

    step: ClassVar[str] = "impute"
    method: Literal["last_value"]
    max_years: Annotated[int, Field(strict=True, ge=1)] | None = None
    only: Names | None = None
    level: Name | None = None


class Aggregate(Parameters):
    """Weighted means up the tree, over what is present.

    Attributes:
        method: Mean at every node that nothing else names.
        levels: Mean by node code or level name; the framework's own ``aggregation`` at a node comes first.
        weights: ``framework``, or ``equal`` for all.
        min_coverage: Least share of a node's children that must be present, for all nodes or by node code or
            level name; a node below it has no score.
        floor: Scores below it are raised to it where a geometric mean takes them; with 0 a part of 0 makes
            the mean 0; None refuses 0 and less.
        to: Level at which the step stops; None is the root.
    """

    step: ClassVar[str] = "aggregate"
    method: Mean = "arithmetic"
    levels: dict[Name, Mean] = {}
    weights: Literal["framework", "equal"] = "framework"
    min_coverage: Share | dict[Name, Share] = 0.0
    floor: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)] | None = None
    to: Name | None = None


class Rank(BaseModel):
    """How ranks are taken; 1 is the best.

    Attributes:
        ties: What equal scores get.
        round: Decimals to which scores are rounded before ranking; None ranks them as they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    ties: Ties = "min"
    round: Annotated[int, Field(strict=True, ge=0, le=15)] | None = None


class Method(BaseModel):
    """A method, ready to run.

    Attributes:
        name: Its name, for example ``index-2026``.
        steps: The steps in order.
        rank: How ranks are taken.
        uncertainty: What the uncertainty analysis varies. Carried as it stands and neither read nor checked
            here; `compute_index` does not use it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Name
    steps: Annotated[tuple[InstanceOf[Parameters], ...], Field(min_length=1)]
    rank: Rank = Rank()
    uncertainty: dict[str, Any] | None = None

    def as_mapping(self) -> dict[str, Any]:
        """The method in the form of its file, every default written out."""
        steps = [{step.step: step.model_dump(mode="json")} for step in self.steps]
        mapping = {"name": self.name, "steps": steps, "rank": self.rank.model_dump(mode="json")}
        return mapping if self.uncertainty is None else {**mapping, "uncertainty": self.uncertainty}


# Parameter classes of each step by method name; the empty method is the default, "" alone has no choice.
STEPS: dict[str, dict[str, type[Parameters]]] = {
    "screen": {"": Screen},
    "treat": {"": TreatWinsorise, "none": TreatNone, "winsorise": TreatWinsorise},
    "normalise": {
        "none": NormaliseNone,
        "goalposts": NormaliseGoalposts,
        "minmax": NormaliseMinmax,
        "zscore": NormaliseZscore,
        "rank": NormaliseRank,
        "percentile": NormalisePercentile,
    },
    "impute": {
        "none": ImputeNone,
        "mean": ImputeCentre,
        "median": ImputeCentre,
        "group_mean": ImputeGroup,
        "group_median": ImputeGroup,
        "last_value": ImputeLastValue,
    },
    "aggregate": {"": Aggregate},
}


def method_from_mapping(data: object, subject: str = "method") -> Method:
    """Check a method given as plain data and build it.

    Args:
        data: The content of a method file: ``name``, ``steps`` and optionally ``rank``, ``uncertainty``.
        subject: What an error names, for example a file.

    Returns:
        The method.

    Raises:
        MethodError: With every fault, each with its path, for example ``steps[2].normalise.range``.

    >>> method = method_from_mapping({"name": "plain", "steps": [{"aggregate": {"method": "geometric"}}]})
    >>> method.as_mapping()["rank"]
    {'ties': 'min', 'round': None}
    """
    if not isinstance(data, dict):
        raise MethodError(subject, ["a method file is a mapping with the keys name, steps, rank, uncertainty"])
    faults = [
        f"{key}: unknown key; known are {', '.join(Method.model_fields)}"
        for key in data
        if key not in Method.model_fields
    ]
    steps = _steps(data.get("steps"), faults)
    rank = _build(Rank, data.get("rank") or {}, "rank", faults)
    head = {key: data[key] for key in ("name", "uncertainty") if key in data}
    stand_in = steps or (Screen(),)
    method = _build(Method, {**head, "steps": stand_in, "rank": rank or Rank()}, "", faults)
    if faults or method is None:
        raise MethodError(subject, faults)
    return method


def _steps(data: object, faults: list[str]) -> tuple[Parameters, ...]:
    """Build every step that can be built; a fault for each of the others."""
    if not isinstance(data, list) or not data:
        faults.append("steps: a list of at least one step, such as '- aggregate: {method: arithmetic}'")
        return ()
    return tuple(step for number, entry in enumerate(data) if (step := _step(entry, number, faults)))


def _step(entry: object, number: int, faults: list[str]) -> Parameters | None:
    """Build one step from ``{name: parameters}``."""
    path = f"steps[{number}]"
    if not isinstance(entry, dict) or len(entry) != 1:
        faults.append(f"{path}: a step is one key with its parameters, such as 'screen: {{min_coverage: 0.5}}'")
        return None
    name, given = next(iter(entry.items()))
    if name not in STEPS:
        faults.append(f"{path}: unknown step {name!r}; known are {', '.join(STEPS)}")
        return None
    path = f"{path}.{name}"
    if given is not None and not isinstance(given, dict):
        faults.append(f"{path}: parameters are a mapping, not {given!r}")
        return None
    given = given or {}
    variants = STEPS[name]
    methods = [variant for variant in variants if variant]
    chosen = given.get("method", "") if methods else ""
    if chosen not in variants:
        said = f"unknown method {chosen!r}" if chosen else "no method"
        faults.append(f"{path}.method: {said}; known are {', '.join(methods)}")
        return None
    return _build(variants[chosen], given, path, faults)


def _build(kind: type[Model], data: object, path: str, faults: list[str]) -> Model | None:
    """Validate data; None and a fault for each error that Pydantic finds."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            place = ".".join([path, *(str(part) for part in fault["loc"])]).strip(".")
            if fault["type"] == "extra_forbidden":
                faults.append(f"{place}: unknown key; known are {', '.join(kind.model_fields)}")
            elif fault["type"] == "missing":
                faults.append(f"{place}: missing")
            else:
                faults.append(f"{place}: {fault['input']!r}: {fault['msg']}{_hint(fault['input'])}")
        return None


def _hint(value: object) -> str:
    """YAML reads NO, on, yes as booleans and 1e-3 as text; say so where it may have happened."""
    if isinstance(value, bool):
        return " (YAML reads NO, yes, on … as true or false: put quotes around a name)"
    if isinstance(value, str) and value[:1].isdigit():
        return " (YAML reads 1e-3 as text: write 0.001)"
    return ""


def read_method(path: Path) -> Method:
    """Read a method file (YAML).

    Args:
        path: A UTF-8 YAML file, plain: a key given twice and an alias are errors.

    Returns:
        The method.

    Raises:
        MethodError: With every fault, or with the place where the file is not YAML.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_StrictLoader)
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise MethodError(path.name, [f"cannot be read as YAML: {error}"]) from error
    return method_from_mapping(data, path.name)


class _StrictLoader(yaml.SafeLoader):
    """YAML without repeated keys, which PyYAML would resolve in silence, and without aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Build a node; raise where the file refers to another place of itself."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it out
            raise yaml.composer.ComposerError(None, None, "an alias; write it out", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping; raise where a key occurs twice."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} occurs twice", node.start_mark)
        return super().construct_mapping(node, deep)
