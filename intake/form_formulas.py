"""The live formulas of a row of the form, and what they come to.

What belongs here: formulas as texts, and the same arithmetic in Python for the stored values. What does not: where
they are written (`form_rows.py`) and the rules that judge what comes back (``rulebook/``), which say the same in full.

Rows count from 1 here, as in the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from intake.form_model import HEADERS, NOT_REPORTED
from intake.units import CHOICES
from ssc_index.framework.catalogue import DataPoint

LETTER: Mapping[str, str] = {name: chr(65 + index) for index, name in enumerate(HEADERS)}
# Shares may miss 100 by so much before a verifier asks (V22 p32).
SHARES_MAY_MISS = 2
# A denominator may differ from the profile by so much (V22 p31).
PROFILE_MAY_DIFFER = 0.05
# Beyond this factor from the last report a value is looked at again.
FAR_FACTOR = 3


def result_formula(point: DataPoint, row: int) -> str:
    """The form's formula of a result."""
    n, d = f"{LETTER['numerator']}{row}", f"{LETTER['denominator']}{row}"
    if point.denominator is None:
        return f'=IF(ISNUMBER({n}),{n},"{NOT_REPORTED}")'
    alone = f'"{NOT_REPORTED}"'
    if point.value_type == "concentration":
        alone = f'IF(ISNUMBER({n}),{n}{_unit_factor(point, row)},"{NOT_REPORTED}")'
    factor = point.template_multiplier
    times = "" if factor == 1 else f"*{factor:.0f}"
    return f"=IF(AND(ISNUMBER({n}),ISNUMBER({d}),N({d})<>0),{n}/{d}{times},{alone})"


def _unit_factor(point: DataPoint, row: int) -> str:
    """Conversion from a unit that may be chosen."""
    factor = "1"
    for unit, number in CHOICES.get(point.id, {}).items():
        factor = f'IF({LETTER["unit"]}{row}="{unit}",{number:g},{factor})'
    return "" if factor == "1" else f"*{factor}"


def computed(point: DataPoint, numerator: object, denominator: object) -> float | None:
    """What the form's formula comes to, in the form's own unit."""
    if not isinstance(numerator, int | float):
        return None
    if point.denominator is None:
        return float(numerator)
    if isinstance(denominator, int | float) and denominator != 0:
        return numerator / denominator * point.template_multiplier
    return float(numerator) if point.value_type == "concentration" else None


def agree(result: float | str, value: float | None) -> bool:
    """Whether a given result is what the form computes, to the last bits."""
    return (
        isinstance(result, int | float)
        and value is not None
        and math.isclose(result, value, rel_tol=1e-12, abs_tol=1e-300)
    )


def reported_formula(row: int) -> str:
    """YES where the result is one; an error is none."""
    result = f"{LETTER['result']}{row}"
    return f'=IF(ISERROR({result}),"NO",IF(OR(ISNUMBER({result}),{result}="YES",{result}="NO"),"YES","NO"))'


def is_text(cell: str, nothing: str) -> str:
    """Test whether a cell holds a text that reading would refuse: one of the words for "nothing here" is none.

    Args:
        cell: Its address.
        nothing: The range that holds these words, in small letters.
    """
    return f'AND(ISTEXT({cell}),TRIM({cell})<>"",SUMPRODUCT(--({nothing}=LOWER(TRIM({cell}))))=0)'


def check_formula(point: DataPoint, row: int, says: Mapping[str, str], profile_cell: str | None, nothing: str) -> str:
    """What is missing or doubtful in a row: the gravest alone.

    Args:
        point: The data point of the row.
        row: Its row.
        says: What can be said, to the cell that holds the words.
        profile_cell: The figure of the profile that the denominator is, if it is one.
        nothing: As for `is_text`.
    """
    at = {name: f"{letter}{row}" for name, letter in LETTER.items()}
    result, reported = at["result"], at["is_reported"]
    if point.value_type == "yes_no":
        words = f'{result}="YES",{result}="NO"'
        is_other = f"OR(ISNUMBER({result}),{is_text(result, nothing)})"
        tests = [
            (f"AND(NOT(OR({words})),{is_other})", "not_a_choice"),
            (f'AND({reported}="NO",OR({words}))', "reported_no"),
        ]
    else:
        tests = _number_tests(point, at, profile_cell, nothing)
        tests.append((f'AND({reported}="NO",COUNT({result}))', "reported_no"))
    tests.append((f'AND({reported}="YES",{at["source"]}&{at["source_details"]}="")', "source_missing"))
    tests.sort(key=lambda test: test[1] in _DOUBTS)
    # An error in a cell is an error in whatever looks at it, so it is asked for before all else.
    errors = ",".join(f"ISERROR({at[name]})" for name in ("numerator", "denominator", "result"))
    tests.insert(0, (f"OR({errors})", "not_a_number"))
    formula = f'IF({reported}="YES",{says["ok"]},"")'
    for test, word in reversed(tests):
        formula = f"IF({test},{says[word]},{formula})"
    return f"={formula}"


_DOUBTS = frozenset({"fraction", "off_profile", "far_from_last"})


def _number_tests(
    point: DataPoint, at: Mapping[str, str], profile_cell: str | None, nothing: str
) -> list[tuple[str, str]]:
    """The tests of a row that holds a number; COUNT is 0 for what is no number."""
    n, d, h, last = at["numerator"], at["denominator"], at["result"], at["previous"]
    texts = [is_text(one, nothing) for one in (h, n, d)]
    tests = [(f"OR({','.join(texts)})", "not_a_number")]
    low, high = point.lower_bound, point.upper_bound
    beyond = ([] if low is None else [f"{h}<{low:g}"]) + ([] if high is None else [f"{h}>{high:.15g}"])
    if beyond:
        tests.append((f"AND(COUNT({h}),OR({','.join(beyond)}))", "out_of_bounds"))
    if point.denominator is not None:
        times = "" if point.template_multiplier == 1 else f"*{point.template_multiplier:.0f}"
        tests.append((f"AND(COUNT({n}),COUNT({d})=0,COUNT({h})=0)", "denominator_missing"))
        apart = f"ABS({h}-{n}/{d}{times})>0.01+ABS({h})/100"
        tests.append((f"IF(COUNT({n}:{h})=3,IF({d}<>0,{apart}))", "differs"))
        if point.unit == "percent":
            tests.append((f"AND(COUNT({h}),COUNT({n})=0,{h}>0,{h}<=1)", "fraction"))
        if profile_cell is not None:
            full = d if point.template_divisor == 1 else f"{d}*{point.template_divisor:.0f}"
            test = f"ABS({full}-{profile_cell})>{PROFILE_MAY_DIFFER:g}*{profile_cell}"
            tests.append((f"IF(AND(COUNT({n}:{d})=2,N({profile_cell})>0),{test})", "off_profile"))
    far = f"OR({h}>{FAR_FACTOR}*{last},{FAR_FACTOR}*{h}<{last})"
    tests.append((f"IF(COUNT({h}:{last})=2,{far})", "far_from_last"))
    return tests


def total_formula(first: int, last: int, column: str = "result") -> str:
    """Sum of the results of some rows; blank while none is given."""
    cells = f"{LETTER[column]}{first}:{LETTER[column]}{last}"
    return f'=IF(COUNT({cells})=0,"",SUM({cells}))'


def total_check(first: int, last: int, says: Mapping[str, str]) -> str:
    """Whether shares come to 100, as far as they are given."""
    cells = f"{LETTER['result']}{first}:{LETTER['result']}{last}"
    n = last - first + 1
    over = f"SUM({cells})>{100 + SHARES_MAY_MISS}"
    whole = f"COUNT({cells})={n}"
    wrong = f"OR({over},AND({whole},SUM({cells})<{100 - SHARES_MAY_MISS}))"
    return f'=IF({wrong},{says["not_100"]},IF({whole},{says["ok"]},""))'
