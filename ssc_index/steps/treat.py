"""Treat: outliers, before they stretch a scale.

What belongs here: the parameters of the step, what is wrong with them, and how it runs. What does not: the
arithmetic (`ssc_index/treat.py`, `ssc_index/transform.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from ssc_index import treat
from ssc_index.errors import ComputationError
from ssc_index.framework.model import Node
from ssc_index.steps import normalise
from ssc_index.steps.overrides import Overridable, check_overrides, parts
from ssc_index.steps.parameters import Count, Number, Over, Parameters, Positive, Share
from ssc_index.steps.saved import Record
from ssc_index.steps.state import Outcome, State, in_year, place
from ssc_index.steps.walk import Walk, indicators_meant, listed
from ssc_index.transform import NUMBERS, Family, Form, Transform, found_in
from ssc_index.treat import Treated
from ssc_index.values import Floats

NoSpread = Literal["error", "keep"]
Power = Annotated[Number | Literal["estimate"], Field(union_mode="left_to_right")]


class Treatment(Overridable):
    """What all ways to treat share."""

    step: ClassVar[str] = "treat"
    variants: ClassVar[dict[str, type[Parameters]]] = {}


class TreatNone(Treatment):
    """Leave outliers as they are."""

    method: Literal["none"]


class TreatWinsorise(Treatment):
    """Pull the extremes of skewed indicators in; change the unit if that was not enough.

    Attributes:
        max_points: Stop once this many cells stand at a cap.
        skew: An indicator is treated if its absolute skewness reaches this …
        kurtosis: … and its excess kurtosis reaches this.
        fallback: What follows if the winsorised indicator still fails; Box-Cox takes ``x - min + 1`` here.
        fallback_on: Whether it works on the values as they were, or on the winsorised ones.
        over: Units of the same ``year``, or of all years (``panel``).
    """

    method: Literal["winsorise"] = "winsorise"
    max_points: Count = 5
    skew: Positive = 2.0
    kurtosis: Number = 3.5
    fallback: Family | Literal["none"] = "log"
    fallback_on: Literal["original", "winsorised"] = "original"
    over: Over = "year"


class TreatIqr(Treatment):
    """Cap values at fences: ``factor`` interquartile ranges from the quartiles.

    Attributes:
        factor: 1.5 are Tukey's inner fences.
        no_spread: What becomes of an indicator whose quartiles are equal: an ``error``, or it is ``keep`` as it is.
        over: Units of the same ``year``, or of all years (``panel``).
    """

    method: Literal["iqr"]
    factor: Positive = 1.5
    no_spread: NoSpread = "error"
    over: Over = "year"


class TreatMad(Treatment):
    """Cap values ``factor`` times 1.4826 median absolute deviations from the median.

    Attributes:
        factor: Robust standard deviations.
        no_spread: As in iqr, where half of the values or more are equal.
        over: Units of the same ``year``, or of all years (``panel``).
    """

    method: Literal["mad"]
    factor: Positive = 3.0
    no_spread: NoSpread = "error"
    over: Over = "year"


class TreatPercentile(Treatment):
    """Cap values at two quantiles (type 7).

    Attributes:
        low: Share of the values below the lower cap, from 0.
        high: Share of the values below the upper cap, to 1.
        over: Units of the same ``year``, or of all years (``panel``).
    """

    method: Literal["percentile"]
    low: Share
    high: Share
    over: Over = "year"

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if not self.low < self.high:
            raise ValueError("low must be below high")
        return self


class TreatLog(Treatment):
    """Take a logarithm of every indicator meant, whatever its shape.

    Attributes:
        no_spread: What becomes of an indicator whose values are all equal: an ``error``, or it is ``keep`` as it is.
        over: Units of the same ``year``, or of all years (``panel``).
    """

    method: Literal["log", "log_plus", "log_orig"]
    no_spread: NoSpread = "error"
    over: Over = "year"


class TreatLogGii(Treatment):
    """Take the logarithm of the Global Innovation Index.

    Attributes:
        factor: What the maximum is multiplied by, where it is not above 1.
        no_spread: As in log.
        over: Units of the same ``year``, or of all years (``panel``).
    """

    method: Literal["log_gii"]
    factor: Positive = 1.0
    no_spread: NoSpread = "error"
    over: Over = "year"


class TreatLogOffset(Treatment):
    """Take the logarithm of values and a constant.

    Attributes:
        offset: What is added to a value first; every value, and every goalpost, must lie above 0 then.
        base: Base of the logarithm; None is e.
    """

    method: Literal["log_offset"]
    offset: Number
    base: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=1)] | None = None


class TreatBoxCox(Treatment):
    """Transform by Box and Cox.

    Attributes:
        power: λ, or ``estimate`` it by greatest likelihood.
        positive: Values of 0 and less are errors (``required``), or ``x - min + 1`` is taken (``shifted``).
        no_spread: As in log.
        over: Units of the same ``year``, or of all years (``panel``).
    """

    method: Literal["boxcox"]
    power: Power = "estimate"
    positive: Literal["required", "shifted"] = "required"
    no_spread: NoSpread = "error"
    over: Over = "year"


class TreatYeoJohnson(Treatment):
    """Transform by Yeo and Johnson; any value has one.

    Attributes:
        power: λ, or ``estimate`` it by greatest likelihood.
        no_spread: As in log.
        over: Units of the same ``year``, or of all years (``panel``).
    """

    method: Literal["yeojohnson"]
    power: Power = "estimate"
    no_spread: NoSpread = "error"
    over: Over = "year"


Treat = (
    TreatNone
    | TreatWinsorise
    | TreatIqr
    | TreatMad
    | TreatPercentile
    | TreatLog
    | TreatLogGii
    | TreatLogOffset
    | TreatBoxCox
    | TreatYeoJohnson
)
Estimating = TreatLog | TreatLogGii | TreatBoxCox | TreatYeoJohnson
Changing = Estimating | TreatLogOffset

VARIANTS = Treatment.variants
VARIANTS |= {
    "": TreatWinsorise,
    "none": TreatNone,
    "winsorise": TreatWinsorise,
    "iqr": TreatIqr,
    "mad": TreatMad,
    "percentile": TreatPercentile,
    "log": TreatLog,
    "log_plus": TreatLog,
    "log_orig": TreatLog,
    "log_gii": TreatLogGii,
    "log_offset": TreatLogOffset,
    "boxcox": TreatBoxCox,
    "yeojohnson": TreatYeoJohnson,
}


def check(walk: Walk, step: Treat) -> None:
    """Every fault of the step on a framework, into the walk."""
    if not walk.known(step.only, "only"):
        return
    meant = indicators_meant(walk.framework, step.only)
    if not check_overrides(walk, step, meant):
        return
    ways = [(way, codes) for way, codes in parts(walk.framework, step, meant) if not isinstance(way, TreatNone)]
    touched = [code for _, codes in ways for code in codes]
    twice = [code for code in touched if code in walk.treated]
    if twice:
        walk.fault(f": {listed(twice)} are treated already; an indicator is treated once")
    if touched:
        walk.in_time(touched)
    walk.treated.update(touched)
    for way, codes in ways:
        if isinstance(way, Changing):
            own = [code for code in codes if walk.framework.by_code[code].transform != "none"]
            if own:
                walk.fault(f": {listed(own)} have a transform of their own; {way.method} would be a second one")
        if getattr(way, "over", "year") == "year" and (
            isinstance(way, Estimating) or getattr(way, "fallback", "none") != "none"
        ):
            walk.logged.update(code for code in codes if code not in walk.scaled)


def may_change_the_unit(step: Parameters) -> bool:
    """Whether a treatment may leave some indicator in another unit."""
    ways = (step, *getattr(step, "overrides", {}).values())
    return any(isinstance(way, Changing) or getattr(way, "fallback", "none") != "none" for way in ways)


def run(state: State, step: Treat) -> Outcome:
    """Treat each indicator, year by year or over the panel."""
    table = state.table.copy(order="F")
    record = Record(len(state.values.codes))
    notes: list[str] = []
    faults: list[str] = []
    whole = slice(0, table.shape[0])
    for way, codes in parts(state.framework, step, indicators_meant(state.framework, step.only)):
        if isinstance(way, TreatNone):
            continue
        pooled = getattr(way, "over", "year") == "panel"
        for code in codes:
            column, anchors = state.column_of[code], normalise.constants_to_come(state, code)
            treated: Treated | None = None
            for block, (year, rows) in enumerate(state.blocks):
                if treated is None or not pooled:
                    source = whole if pooled else rows
                    treated = _treatment(
                        state, way, code, table[source, column], anchors, None if pooled else year, faults
                    )
                    _keep(record, None if pooled else year, column, treated)
                    if treated.rule in ("winsorised", "transformed"):
                        notes.append(f"{code}{in_year(None if pooled else year)}: {_said(treated)}")
                table[rows, column] = treated.transform.treated(table[rows, column])
                state.transforms[block, code] = treated.transform
    if faults:
        raise ComputationError(place(state, "treat"), faults)
    changed = (table != state.table) & ~np.isnan(table)
    state.table = table
    parameters, blocks = record.tables([year for year, _ in state.blocks])
    return Outcome(treated=changed, parameters=parameters, blocks=blocks, notes=tuple(notes))


def _treatment(
    state: State,
    way: Parameters,
    code: str,
    values: Floats,
    anchors: Sequence[float],
    year: int | None,
    faults: list[str],
) -> Treated:
    """What is to be done to one column of one block: found in it, or as saved."""
    if state.saved is not None:
        return _saved_treatment(state, code, values, year, faults)
    node = state.framework.by_code[code]
    finite = np.sort(values)[: values.size - int(np.isnan(values).sum())]  # what is missing comes last
    try:
        return _found_treatment(way, node, finite, anchors, state.table.size >= treat.COMPILED_FROM)
    except ValueError as error:
        faults.append(f"{code}{in_year(year)}: {error}")
        return Treated("undefined", 0, math.nan, math.nan)


def _found_treatment(way: Parameters, node: Node, values: Floats, anchors: Sequence[float], compiled: bool) -> Treated:
    """What is to be done to sorted values."""
    lower = node.direction == "lower"
    if isinstance(way, TreatWinsorise):
        family = way.fallback
        if family == "none" or node.transform != "none":  # no second change of unit
            return treat.treat_column(values, way.max_points, way.skew, way.kurtosis, compiled=compiled)

        def second(numbers: Floats, skewness: float) -> Transform:
            return found_in(numbers, family, anchors, skewness, lower_is_better=lower)

        return treat.treat_column(values, way.max_points, way.skew, way.kurtosis, second, way.fallback_on, compiled)
    statistics = treat.skewness_and_kurtosis(values) if values.size else (math.nan, math.nan)
    undefined = Treated("undefined", 0, *statistics)
    if values.size == 0:
        return undefined
    try:
        transform = _transform(way, values, anchors, statistics[0], lower)
    except ValueError as error:
        if str(error).startswith(treat.NO_SPREAD) and getattr(way, "no_spread", "error") == "keep":
            return undefined
        raise
    if transform.form != "none":
        return Treated("transformed", 0, *statistics, transform)
    beyond = int(((values < transform.low) | (values > transform.high)).sum())
    return (
        Treated("winsorised", beyond, *statistics, transform)
        if beyond
        else Treated("passes", 0, *statistics, transform)
    )


def _transform(way: Parameters, values: Floats, anchors: Sequence[float], skewness: float, lower: bool) -> Transform:
    """Caps or a new unit, whatever the shape of the values."""
    caps = None
    if isinstance(way, TreatIqr):
        caps = treat.fences(values, way.factor)
    elif isinstance(way, TreatMad):
        caps = treat.mad_caps(values, way.factor)
    elif isinstance(way, TreatPercentile):
        low, high = treat.quantiles(values, (way.low, way.high))
        caps = low, high
    if caps is not None:
        return Transform(low=caps[0], high=caps[1])
    if isinstance(way, TreatLogOffset):
        return _log_offset(way, float(values[0]))
    if values[0] == values[-1]:
        raise ValueError(f"{treat.NO_SPREAD}: all its values are {values[0]:g}")
    assert isinstance(way, Estimating)
    power = getattr(way, "power", None)
    return found_in(
        values,
        way.method,
        anchors,
        skewness if not math.isnan(skewness) else 0.0,
        factor=getattr(way, "factor", 1.0),
        power=None if power == "estimate" else power,
        shifted=getattr(way, "positive", "required") == "shifted",
        lower_is_better=lower,
    )


def _log_offset(way: TreatLogOffset, smallest: float) -> Transform:
    """The logarithm of a value and a constant; every value must have one."""
    if not smallest + way.offset > 0:
        raise ValueError(
            f"log_offset needs values above {0.0 - way.offset:g}, not {smallest:g}; give a greater 'offset'"
        )
    if way.base is None:
        return Transform("log", shift=0.0 - way.offset)
    return Transform("log_base", shift=0.0 - way.offset, factor=way.base)


def _said(treated: Treated) -> str:
    """A treatment in words."""
    if treated.transform.form == "none":
        return treated.rule
    return ("winsorised, " if treated.n_points else "") + treated.transform.form


def _keep(record: Record, year: int | None, column: int, treated: Treated) -> None:
    """Note all that the treatment needs to be done again."""
    transform = treated.transform
    numbers = {"skewness": treated.skewness, "kurtosis": treated.kurtosis, "n_points": float(treated.n_points)}
    if math.isfinite(transform.low):
        numbers |= {"cap_low": transform.low, "cap_high": transform.high}
    numbers |= {f"{transform.form}_{name}": getattr(transform, name) for name in NUMBERS[transform.form]}
    record.put(year, column, numbers)


def _saved_treatment(state: State, code: str, values: Floats, year: int | None, faults: list[str]) -> Treated:
    """The treatment that an earlier run saved."""
    assert state.saved is not None
    there = state.saved.numbers(state.number, code, year)
    if there is None:
        if not np.isnan(values).all():
            faults.append(f"{code}{in_year(year)}: the saved parameters have no treatment of it")
        return Treated("undefined", 0, math.nan, math.nan)
    transform = Transform(low=there.get("cap_low", -math.inf), high=there.get("cap_high", math.inf))
    forms: list[Form] = [form for form, names in NUMBERS.items() if names and f"{form}_{names[0]}" in there]
    if forms:
        form = forms[0]
        numbers = {name: there[f"{form}_{name}"] for name in NUMBERS[form]}
        transform = Transform(form, low=transform.low, high=transform.high, **numbers)
    points = int(((values < transform.low) | (values > transform.high)).sum())
    rule: treat.Rule = "transformed" if forms else "winsorised" if points else "passes"
    return Treated(rule, points, there.get("skewness", math.nan), there.get("kurtosis", math.nan), transform)
