"""What an uncertainty analysis varies: the section ``uncertainty`` of a method file.

What belongs here: the inputs, their parameters and what is wrong with them on a method and a framework. What does
not: how an input is drawn (`case.py`) and what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ssc_index.errors import MethodError, broken_rule
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Framework
from ssc_index.method import Method, method_from_mapping
from ssc_index.normalise import LOGARITHMS
from ssc_index.plan import check_method
from ssc_index.steps.aggregate import Aggregate, rule_at
from ssc_index.steps.impute_parameters import ImputeMultiple
from ssc_index.steps.normalise import Normalise
from ssc_index.steps.parameters import Flag, Name, Names, NotNegative, Positive
from ssc_index.steps.registry import STEPS
from ssc_index.steps.treat import may_change_the_unit
from ssc_index.uncertainty.grades import GRADES, Error

Whole = Annotated[int, Field(strict=True, ge=1)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Probabilities = Annotated[tuple[Positive, ...], Field(min_length=1)]


class Input(BaseModel):
    """What all inputs have.

    Attributes:
        kind: Which input it is.
        group: Name of the group it moves with in a sensitivity analysis; None stands alone.
        reason: Why it is uncertain, for readers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    group: Name | None = None
    reason: str = ""


class Alternatives(Input):
    """Other parameters of a step.

    Attributes:
        step: Name of the step, or its number from 1 where the method has several of the name.
        options: Each a mapping of parameters: with ``method`` it stands for all parameters of the step, without it
            is laid over those of the method file; ``{}`` is the method as it stands.
        probabilities: Of each option, rescaled to 1; None makes all alike.
    """

    kind: Literal["alternatives"]
    step: Name | Whole
    options: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)]
    probabilities: Probabilities | None = None


class ImputationDraws(Input):
    """The draws of a multiple imputation, each as likely: what it fills is uncertain by as much as they differ.

    Attributes:
        step: Name of the step, or its number from 1; it fills by ``method: multiple``.
    """

    kind: Literal["imputation_draws"]
    step: Name | Whole

    def options(self, method: Method) -> Alternatives:
        """The same as alternatives, one for each draw.

        Raises:
            LookupError: If the step is not there, or is no multiple imputation.
        """
        step = method.steps[step_number(method, self.step)]
        if not isinstance(step, ImputeMultiple):
            raise LookupError(f"step {self.step!r} is no imputation by 'method: multiple', which alone has draws")
        given = tuple({"draw": number} for number in range(step.draws))
        return Alternatives(kind="alternatives", step=self.step, options=given, group=self.group, reason=self.reason)


class WeightNoise(Input):
    """Weights times ``1 + factor · (2u − 1)``, one u for each node.

    Attributes:
        at: Nodes or levels whose weights vary.
        factor: Greatest share by which a weight moves, below 1.
    """

    kind: Literal["weight_noise"]
    at: Names
    factor: Annotated[float, Field(strict=True, gt=0, lt=1)]


class Dirichlet(Input):
    """Weights of siblings together, drawn around those of the framework.

    Attributes:
        at: Nodes or levels whose weights vary, each with all its siblings.
        concentration: The larger, the closer: a share w has the standard deviation
            ``√(w (1 − w) / (concentration + 1))``.
    """

    kind: Literal["weight_dirichlet"]
    at: Names
    concentration: Positive


class WeightTable(Input):
    """Weights as experts gave them.

    Attributes:
        experts: One mapping of weights by node code for each expert; all name the same nodes, with all their siblings.
        bootstrap: Mean of the shares of as many experts as there are, drawn with replacement, instead of one expert.
    """

    kind: Literal["weight_table"]
    experts: Annotated[tuple[dict[Name, NotNegative], ...], Field(min_length=1)]
    bootstrap: Flag = False


class Exclusion(Input):
    """One of several nodes left out, as if the framework lacked it.

    Attributes:
        nodes: Nodes or levels; each node is as likely to be the one.
        probability: That any is left out.
    """

    kind: Literal["exclusion"]
    nodes: Names
    probability: Annotated[float, Field(strict=True, gt=0, le=1)]


class Measurement(Input):
    """Normal error on what was reported or carried, by the grade that the city declared.

    It is drawn on the values as they reach the first normalisation, within the indicator's bounds; what a step
    before has imputed from other units stays as it is.

    Attributes:
        grades: Error by grade; None is the table of `grades.py`.
        undeclared: Error of a value without a grade.
        scale: Factor on all of them.
        bounds: ``[low, high]`` by indicator, null where it is open: an error leaves a value within them. They take the
            place of those that come with the values, as a catalogue's do; with values from files none come.
        exact: Indicators without an error, such as yes or no, beside those that are known to have none.
    """

    kind: Literal["measurement"]
    grades: dict[Name, Error] | None = None
    undeclared: Error = Error(relative=0.10)
    scale: Positive = 1.0
    bounds: dict[Name, tuple[Finite | None, Finite | None]] = {}
    exact: Names = ()

    @property
    def table(self) -> Mapping[str, Error]:
        """Error by grade."""
        return GRADES if self.grades is None else self.grades


class Goalposts(Input):
    """Other goalposts.

    Attributes:
        options: Each a mapping of ``[low, high]`` by indicator code; ``{}`` leaves the framework's.
        probabilities: Of each option, rescaled to 1; None makes all alike.
    """

    kind: Literal["goalposts"]
    options: Annotated[tuple[dict[Name, tuple[float, float]], ...], Field(min_length=1)]
    probabilities: Probabilities | None = None


class Provisional(Input):
    """What was reported and is not verified: does it count?

    A second table of values, of the same shape, has them. Where it has one and the input says so, it stands in the
    place of the value, mostly a missing one, before the first step.

    Attributes:
        probability: That provisional values count.
        by: ``all``, those of all units or of none; or ``unit``, each unit's for itself.
    """

    kind: Literal["provisional"]
    probability: Annotated[float, Field(strict=True, gt=0, le=1)]
    by: Literal["all", "unit"] = "all"


Weights = WeightNoise | Dirichlet | WeightTable
AnyInput = Alternatives | WeightNoise | Dirichlet | WeightTable | Exclusion | Measurement | Goalposts | Provisional
KINDS: dict[str, type[AnyInput] | type[ImputationDraws]] = {
    "alternatives": Alternatives,
    "imputation_draws": ImputationDraws,
    "weight_noise": WeightNoise,
    "weight_dirichlet": Dirichlet,
    "weight_table": WeightTable,
    "exclusion": Exclusion,
    "measurement": Measurement,
    "goalposts": Goalposts,
    "provisional": Provisional,
}


def _power_of_two(number: int) -> int:
    """A number that is a power of two: a Sobol' sequence is balanced at these only."""
    if number & (number - 1):
        raise ValueError(f"no power of two; {1 << number.bit_length()} is one")
    return number


class Until(BaseModel):
    """Stop early, once every figure is sure enough.

    Attributes:
        mean_rank_error: Greatest standard error of a mean rank.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    mean_rank_error: Positive


class Uncertainty(BaseModel):
    """The section ``uncertainty`` of a method file.

    Attributes:
        replications: How often the index is computed.
        seed: Seed of all draws.
        nodes: Nodes and levels that get distributions; None is the root.
        inputs: What varies, by name.
        until: When to stop before all replications are done; None never.
        points: Base points of the Sobol' indices, a power of two; each costs two replications and one for each group.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    SECTION: ClassVar[str] = "uncertainty"
    replications: Whole = 10_000
    seed: Seed
    nodes: Names | None = None
    inputs: Annotated[dict[Name, AnyInput], Field(min_length=1)]
    until: Until | None = None
    points: Annotated[int, Field(strict=True, ge=4), AfterValidator(_power_of_two)] = 512


def read_uncertainty(
    method: Method, framework: Framework, groups: Collection[str] = (), has_years: bool = False
) -> Uncertainty:
    """Read the section of a method and check every reference of it.

    Args:
        method: The method.
        framework: The framework that it is run on.
        groups: Group columns of the values.
        has_years: Whether the values know years.

    Returns:
        The section.

    Raises:
        MethodError: With every fault: an unknown key, a step, node, level or option that is not there, an option
            with which the method does not fit the framework, two inputs that would vary the same thing.
    """
    faults: list[str] = []
    given = method.uncertainty
    if given is None:
        raise MethodError(f"method {method.name}", ["uncertainty: missing; say what varies under 'inputs'"])
    inputs = _with_draws(_inputs(given.get("inputs"), faults), method, faults)
    section: Uncertainty | None = _valid(
        Uncertainty, {**given, "inputs": inputs or {"-": _STAND_IN}}, "uncertainty", faults
    )
    if not faults and section is not None:
        _check(section, method, framework, lambda other: check_method(other, framework, groups, has_years), faults)
    if faults or section is None:
        raise MethodError(f"method {method.name}", faults)
    return section


_STAND_IN = WeightNoise(kind="weight_noise", at=("-",), factor=0.5)


def _inputs(given: object, faults: list[str]) -> dict[str, AnyInput | ImputationDraws]:
    """Build each input by its kind."""
    if not isinstance(given, dict) or not given:
        faults.append("uncertainty.inputs: a mapping of at least one input by name")
        return {}
    found: dict[str, AnyInput | ImputationDraws] = {}
    for name, data in given.items():
        path = f"uncertainty.inputs.{name}"
        kind = data.get("kind") if isinstance(data, dict) else None
        if kind not in KINDS:
            faults.append(f"{path}.kind: {kind!r} is no kind of input; known are {', '.join(KINDS)}")
        elif (built := _valid(KINDS[kind], data, path, faults)) is not None:
            found[str(name)] = built
    return found


def _with_draws(
    inputs: Mapping[str, AnyInput | ImputationDraws], method: Method, faults: list[str]
) -> dict[str, AnyInput]:
    """Inputs with the draws of a multiple imputation written out as alternatives."""
    found: dict[str, AnyInput] = {}
    for name, one in inputs.items():
        try:
            found[name] = one.options(method) if isinstance(one, ImputationDraws) else one
        except LookupError as error:
            faults.append(f"uncertainty.inputs.{name}.step: {error.args[0]}")
    return found


def _valid(kind: Any, data: Mapping[str, Any], path: str, faults: list[str]) -> Any:
    """Validate data; None and a fault for each error that Pydantic finds."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            place = ".".join([path, *(str(part) for part in fault["loc"])])
            said = {
                "extra_forbidden": f"unknown key; known are {', '.join(kind.model_fields)}",
                "missing": "missing",
            }.get(fault["type"], f"{fault['input']!r}: {broken_rule(fault)}")
            faults.append(f"{place}: {said}")
        return None


def step_number(method: Method, step: str | int) -> int:
    """Position of a step from 0.

    Raises:
        LookupError: With the reason, if the method has no such step, or several.
    """
    if isinstance(step, int):
        if step > len(method.steps):
            raise LookupError(f"there is no step {step}; the method has {len(method.steps)}")
        return step - 1
    found = [number for number, one in enumerate(method.steps) if one.step == step]
    if not found:
        raise LookupError(f"the method has no step {step!r}; it has {', '.join(one.step for one in method.steps)}")
    if len(found) > 1:
        raise LookupError(f"the method has several steps {step!r}; give its number: {[one + 1 for one in found]}")
    return found[0]


def method_with(method: Method, framework: Framework, choices: Mapping[int, Sequence[Mapping[str, Any]]]) -> Method:
    """The method with options at its steps, by position from 0; without its section on uncertainty.

    A floor that no rule is left to take is dropped with the last of them.

    Raises:
        MethodError: If the result is no method.
    """
    mapping = method.as_mapping()
    mapping.pop(Uncertainty.SECTION, None)
    for number, options in choices.items():
        ((name, parameters),) = mapping["steps"][number].items()
        for option in options:
            parameters = laid_over(name, parameters, option)
        mapping["steps"][number] = {name: parameters}
    built = method_from_mapping(mapping, f"method {method.name}")
    for number in choices:
        step = built.steps[number]
        nodes = [node for node in framework.nodes if node.code in framework.children]
        if isinstance(step, Aggregate) and not any(rule_at(step, node).takes_floor for node in nodes):
            mapping["steps"][number][step.step]["floor"] = None
            built = method_from_mapping(mapping, f"method {method.name}")
    return built


def laid_over(name: str, step: Mapping[str, Any], option: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a step with an option: in its place if it names another variant of the step."""
    if any(STEPS[name].VARIANTS) and "method" in option:
        return dict(option)
    result = dict(step)
    for key, value in option.items():
        old = result.get(key)
        result[key] = {**old, **value} if isinstance(value, dict) and isinstance(old, dict) else value
    return result


def framework_with_goalposts(framework: Framework, posts: Mapping[str, tuple[float, float]]) -> Framework:
    """The framework with other goalposts, checked as any framework is."""
    nodes = [
        node.model_copy(update={"low": posts[node.code][0], "high": posts[node.code][1]})
        if node.code in posts
        else node
        for node in framework.nodes
    ]
    return framework_from_nodes(nodes, "goalposts")


def _check(
    section: Uncertainty, method: Method, framework: Framework, fits: Callable[[Method], None], faults: list[str]
) -> None:
    """Every fault of the inputs on a method and a framework."""
    if method.rank.ties == "average":
        faults.append("uncertainty: whole ranks are counted; rank.ties: average gives others: say min, max or dense")
    nodes = _check_names(framework, section.nodes, "uncertainty.nodes", faults)
    faults += [
        f"uncertainty.nodes: {code} is an indicator; distributions are of the nodes above"
        for code in nodes
        if code in framework.codes
    ]
    weighted: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for name, one in section.inputs.items():
        path = f"uncertainty.inputs.{name}"
        if isinstance(one, Alternatives):
            _check_alternatives(one, method, framework, fits, section.inputs.values(), path, faults)
        elif isinstance(one, Goalposts):
            _check_goalposts(one, method, framework, path, faults)
        elif isinstance(one, Measurement):
            _check_measurement(one, method, framework, path, faults)
        elif isinstance(one, Exclusion):
            _check_names(framework, one.nodes, f"{path}.nodes", faults, below=True)
        elif isinstance(one, Weights):
            _check_weights(one, method, framework, weighted, path, faults)
        if isinstance(one, Goalposts | Measurement | Exclusion | Provisional):
            if one.kind in kinds:
                faults.append(f"{path}: {kinds[one.kind]} is of kind {one.kind} already; make them one")
            kinds[one.kind] = name
        count = len(one.options) if isinstance(one, Alternatives | Goalposts) else 0
        given = one.probabilities if isinstance(one, Alternatives | Goalposts) else None
        if given is not None and len(given) != count:
            faults.append(f"{path}.probabilities: {len(given)} for {count} options")


def _check_names(
    framework: Framework, names: Names | None, path: str, faults: list[str], below: bool = False
) -> list[str]:
    """Codes of nodes that names mean; a fault for each that means nothing, or the root where it may not."""
    meant: list[str] = []
    for name in names or ():
        nodes = framework.named(name)
        if not nodes:
            faults.append(f"{path}: {name!r} is no level and no node; levels are {', '.join(framework.levels)}")
        elif below and any(node.parent is None for node in nodes):
            faults.append(f"{path}: {name!r} is the root, which has no parent to count in")
        meant += [node.code for node in nodes]
    return meant


def _check_alternatives(
    one: Alternatives,
    method: Method,
    framework: Framework,
    fits: Callable[[Method], None],
    inputs: Collection[AnyInput],
    path: str,
    faults: list[str],
) -> None:
    """The step is there, and the method with each option fits."""
    try:
        number = step_number(method, one.step)
    except LookupError as error:
        faults.append(f"{path}.step: {error}")
        return
    for position, option in enumerate(one.options):
        if "weights" in option and any(isinstance(other, Weights) for other in inputs):
            faults.append(f"{path}.options[{position}].weights: another input varies weights; keep one of the two")
        try:
            fits(method_with(method, framework, {number: [option]}))
        except MethodError as error:
            faults += [f"{path}.options[{position}]: {fault}" for fault in error.faults]


def _check_goalposts(one: Goalposts, method: Method, framework: Framework, path: str, faults: list[str]) -> None:
    """Every code is an indicator, and the framework with each option is one."""
    for position, option in enumerate(one.options):
        wrong = [code for code in option if code not in framework.codes]
        faults += [f"{path}.options[{position}]: {code!r} is no indicator" for code in wrong]
        if wrong or not option:
            continue
        try:
            framework_with_goalposts(framework, option)
        except Exception as error:  # the loader's own words, whatever its class
            faults.append(f"{path}.options[{position}]: {error}")


def _check_measurement(one: Measurement, method: Method, framework: Framework, path: str, faults: list[str]) -> None:
    """An error can be put on the values before the first normalisation; bounds and exactness are of indicators."""
    for key in ("bounds", "exact"):
        wrong = [code for code in getattr(one, key) if code not in framework.codes]
        faults += [f"{path}.{key}: {code!r} is no indicator" for code in wrong]
    faults += [
        f"{path}.bounds.{code}: {low:g} is not below {high:g}"
        for code, (low, high) in one.bounds.items()
        if low is not None and high is not None and low >= high
    ]
    first = next((place for place, step in enumerate(method.steps) if isinstance(step, Normalise)), None)
    if first is None:
        faults.append(f"{path}: the method has no normalise step, so there are no values in units to be wrong about")
        return
    before = method.steps[:first]
    if any(step.step == "treat" and may_change_the_unit(step) for step in before):
        faults.append(f"{path}: treat may put an indicator on a logarithm before; say 'fallback: none'")
    if any(isinstance(step, Aggregate) for step in before):
        faults.append(f"{path}: scores are aggregated before the first normalise step")
    logs = [node.code for node in framework.indicators if node.transform.startswith(tuple(LOGARITHMS))]
    if logs:
        faults.append(f"{path}: {', '.join(logs)} are put on a logarithm, which a normal error may leave")


def _family_faults(one: WeightTable, framework: Framework, named: Collection[str], path: str) -> list[str]:
    """Experts who weigh some siblings and not the others, or who give a whole family nothing."""
    faults = []
    for parent, children in framework.children.items():
        codes = [child.code for child in children]
        unnamed = [code for code in codes if code not in named]
        if unnamed and len(unnamed) < len(codes):
            faults.append(
                f"{path}: {', '.join(unnamed)} under {parent} have no weight beside their siblings'; name all"
            )
        elif not unnamed:
            faults += [
                f"{path}[{place}]: gives nothing under {parent}"
                for place, expert in enumerate(one.experts)
                if set(codes) <= expert.keys() and not any(expert[code] for code in codes)
            ]
    return faults


def _check_weights(
    one: WeightNoise | Dirichlet | WeightTable,
    method: Method,
    framework: Framework,
    weighted: dict[str, str],
    path: str,
    faults: list[str],
) -> None:
    """Names are nodes below the root; no weight is varied twice; the method has weights at all."""
    if not any(isinstance(step, Aggregate) for step in method.steps):
        faults.append(f"{path}: the method aggregates nothing, so that no weight counts")
    if any(step.step == "weights" for step in method.steps):
        faults.append(f"{path}: a step weights sets weights, over which those of the framework do not count")
    if isinstance(one, WeightTable):
        names: Names = tuple(one.experts[0])
        codes = _check_names(framework, names, f"{path}.experts", faults, below=True)
        faults += [
            f"{path}.experts[{place}]: names {', '.join(sorted(set(expert) ^ set(names)))} where another does not"
            for place, expert in enumerate(one.experts)
            if set(expert) != set(names)
        ]
        faults += [f"{path}.experts: {name!r} is a level; give each node" for name in names if name in framework.levels]
        faults += _family_faults(one, framework, set(codes), f"{path}.experts")
    else:
        codes = _check_names(framework, one.at, f"{path}.at", faults, below=True)
    if isinstance(one, Dirichlet):  # siblings are drawn together, named or not
        parents = dict.fromkeys(framework.by_code[code].parent for code in codes)
        codes = [child.code for parent in parents if parent is not None for child in framework.children[parent]]
    for code in dict.fromkeys(codes):
        if code in weighted:
            faults.append(f"{path}: the weight of {code} is varied by {weighted[code]} already")
        weighted.setdefault(code, path)
