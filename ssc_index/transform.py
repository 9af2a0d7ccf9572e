"""Increasing functions that change the unit of an indicator: logarithms, Box-Cox, Yeo-Johnson.

What belongs here: the functions, how their constants are found in a column, and their use on values and on
goalposts alike. What does not: when a column needs one (`treat.py`) and the transforms that a framework gives an
indicator for good (`normalise.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ssc_index import elementary
from ssc_index.values import Floats

Form = Literal["none", "log", "mirrored_log", "gii", "mirrored_gii", "boxcox", "yeojohnson", "log_base"]
Family = Literal["log", "log_plus", "log_orig", "log_gii", "boxcox", "yeojohnson"]
NUMBERS: dict[Form, tuple[str, ...]] = {
    "none": (),
    "log": ("shift",),
    "mirrored_log": ("shift",),
    "gii": ("shift", "factor"),
    "mirrored_gii": ("shift", "factor"),
    "boxcox": ("shift", "power"),
    "yeojohnson": ("power",),
    "log_base": ("shift", "factor"),
}
"""The constants that each form has."""


@dataclass(frozen=True)
class Transform:
    """What a treatment does to a column: caps first, then an increasing change of unit.

    Attributes:
        form: ``log`` is ``ln(x - shift)``, ``mirrored_log`` ``-ln(shift - x)``, ``gii``
            ``ln(factor (x - shift) + 1)``, ``mirrored_gii`` ``-ln(factor (shift - x) + 1)``, ``boxcox`` and
            ``yeojohnson`` those of the literature, of ``x - shift`` and of ``x``; ``log_base`` is the logarithm of
            ``x - shift`` to the base ``factor``.
        shift: See ``form``.
        factor: See ``form``.
        power: λ of Box-Cox and Yeo-Johnson.
        low: Smallest value that is left; lower ones are raised to it.
        high: Largest value that is left.
    """

    form: Form = "none"
    shift: float = math.nan
    factor: float = math.nan
    power: float = math.nan
    low: float = -math.inf
    high: float = math.inf

    def treated(self, values: Floats) -> Floats:
        """Values at their caps and in the new unit, shape (n,); NaN where they are NaN."""
        return self.in_new_unit(np.clip(values, self.low, self.high))

    def in_new_unit(self, values: Floats) -> Floats:
        """Values in the new unit, no caps: for goalposts and whatever else the treated values are compared with.

        Args:
            values: Shape (n,), in the old unit; NaN is missing.

        Returns:
            Shape (n,); NaN or infinite outside the function's domain.

        >>> Transform("boxcox", shift=0.0, power=0.5).in_new_unit(np.array([4.0]))
        array([2.])
        """
        x: Floats = np.ascontiguousarray(values)  # one code path of the logarithm, so one result
        with np.errstate(invalid="ignore", divide="ignore"):
            match self.form:
                case "log":
                    return elementary.ln(x - self.shift)
                case "mirrored_log":
                    return -elementary.ln(self.shift - x)
                case "gii":
                    return elementary.ln(self.factor * (x - self.shift) + 1.0)
                case "mirrored_gii":
                    return -elementary.ln(self.factor * (self.shift - x) + 1.0)
                case "log_base":
                    if self.factor == 2.0:
                        return elementary.log2(x - self.shift)
                    if self.factor == 10.0:
                        return elementary.log10(x - self.shift)
                    ratio: Floats = elementary.ln(x - self.shift) / elementary.ln(self.factor)
                    return ratio
                case "boxcox":
                    return _box_cox(x - self.shift, self.power)
                case "yeojohnson":
                    return np.where(
                        x >= 0, _box_cox(1.0 + np.abs(x), self.power), -_box_cox(1.0 + np.abs(x), 2.0 - self.power)
                    )
        return x


UNTREATED = Transform()


def _box_cox(values: Floats, power: float) -> Floats:
    """``(x^λ - 1) / λ``, and its limit ``ln x`` at 0; NaN or -inf where x is 0 or less."""
    positive = np.where(values > 0, values, np.nan)
    if power == 0:
        return elementary.ln(positive)
    return elementary.expm1(power * elementary.ln(positive)) / power


def found_in(
    values: Floats,
    family: Family,
    anchors: Sequence[float] = (),
    skewness: float = math.nan,
    factor: float = 1.0,
    power: float | None = None,
    shifted: bool = True,
    lower_is_better: bool = False,
) -> Transform:
    """Find the constants of a transform in a column.

    With min and max over values and anchors, and ``e = 0.01 (max - min)``: ``log`` is ``ln(x - min + e)``;
    ``log_plus`` the same, and ``-ln(max + e - x)`` where skewness is 0 or less; ``log_orig`` is
    ``ln(x - min + 1)``; ``log_gii`` is ``ln((max f - 1) (x - min) / (max - min) + 1)``, mirrored where less is
    better; Box-Cox takes ``x - min + 1`` if shifted, ``x`` otherwise; λ is that of the greatest likelihood.

    Args:
        values: Shape (n,), finite, sorted, not all equal.
        family: Which transform.
        anchors: Goalposts and the like, which the function must be able to take.
        skewness: Of the values; for ``log_plus``.
        factor: ``f`` of ``log_gii``.
        power: λ; None estimates it from the values.
        shifted: Whether Box-Cox starts from ``min - 1``.
        lower_is_better: For ``log_gii``.

    Returns:
        The transform.

    Raises:
        ValueError: If it has no value on these numbers, with the reason.

    Source: COINr (``log_CT``, ``log_CT_plus``, ``log_CT_orig``, ``boxcox``); WIPO, Global Innovation Index,
    appendix on the treatment of series with outliers (``log_gii``); Box and Cox (1964); Yeo and Johnson (2000).
    """
    smallest, largest = min([float(values[0]), *anchors]), max([float(values[-1]), *anchors])
    margin = 0.01 * (largest - smallest)
    match family:
        case "log":
            return Transform("log", shift=smallest - margin)
        case "log_plus":
            if skewness > 0:
                return Transform("log", shift=smallest - margin)
            return Transform("mirrored_log", shift=largest + margin)
        case "log_orig":
            return Transform("log", shift=smallest - 1.0)
        case "log_gii":
            if not largest * factor > 1:
                raise ValueError(f"log_gii needs a maximum above 1, not {largest * factor:g}; give a greater 'factor'")
            slope = (largest * factor - 1.0) / (largest - smallest)
            if lower_is_better:
                return Transform("mirrored_gii", shift=largest, factor=slope)
            return Transform("gii", shift=smallest, factor=slope)
        case "boxcox":
            shift = smallest - 1.0 if shifted else 0.0
            if not smallest > shift:
                raise ValueError(
                    f"boxcox needs values above 0, not {smallest:g}; say 'positive: shifted', or yeojohnson"
                )
            return Transform(
                "boxcox", shift=shift, power=_likeliest("boxcox", values - shift) if power is None else power
            )
        case "yeojohnson":
            return Transform("yeojohnson", power=_likeliest("yeojohnson", values) if power is None else power)


def _likeliest(family: Literal["boxcox", "yeojohnson"], values: Floats) -> float:
    """λ under which the transformed values are most likely a normal sample."""
    from scipy import stats  # slow to import

    with np.errstate(all="ignore"):
        if family == "boxcox":
            return float(stats.boxcox_normmax(values, method="mle"))
        return float(stats.yeojohnson_normmax(values))
