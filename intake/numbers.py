"""What a text in a number cell, or a YES/NO cell, says – and what was guessed to read it so.

What belongs here: one text in, one reading out. What does not: where the text stood (`workbook.py`, `bulk.py`).
The habits read here are those of published reports: blanks as thousands separators, decimal commas, units and
footnote marks beside the number.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

# Beyond this no quantity of a city lies, in whatever currency; arithmetic on it would overflow or drown the rest.
MAX_MAGNITUDE = 1e18

NOT_REPORTED = frozenset(
    {
        "",
        "-",
        "–",
        "—",
        "..",
        "...",
        "…",
        "nr",
        "n.r.",
        "n/r",
        "na",
        "n.a.",
        "n/a",
        "none",
        "not reported",
        "not available",
        "not applicable",
        "not verified",
        "no data",
        "no data available",
        "missing",
        "unknown",
        "not known",
        "unavailable",
        "no information",
        "n.d.",
        "n/d",
        "nd",
    }
)
YES_WORDS = frozenset({"yes", "y", "true", "1"})
NO_WORDS = frozenset({"no", "n", "false", "0"})

# A word beside the number that changes its size: dropping it would change the value.
_SCALES = re.compile(
    r"(?<![a-z])(ppm|ppb|thousands?|tsd|millions?|mill?|mio|mn|billions?|bn|mrd|trillions?|k|m|per mille?|dozen)"
    r"(?![a-z0-9²³])|‰",
    re.IGNORECASE,
)
# Chosen in the column Unit, these are converted.
_GAS = re.compile(r"(?<![a-z])pp[mb](?![a-z])", re.IGNORECASE)
_M2 = re.compile(r"m ?[23²³]|km ?[2²]|co ?2 ?e?", re.IGNORECASE)
_PER = re.compile(r"(?:/|per) ?100[ ,.]?000", re.IGNORECASE)

# Before a number: it is not that number.
_ABOUT = re.compile(
    r"(?:[<>≤≥~≈±]=?|ca\.?|circa|approx\.?|approximately|about|around|up to|(?:more|less|fewer) than|over|under"
    r"|at (?:least|most)|nearly|almost) ?[\d.,]",
    re.IGNORECASE,
)

_BLANKS = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f\t\r\n"), " ")
_NUMBER = re.compile(
    r"^([+-]?(?:\d[\d .,'’]*\d|\d)|[+-]?[.,]\d+)(e[+-]?\d{1,3})?(?![\d.,])\s*(.*)$", re.IGNORECASE | re.DOTALL
)
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_GROUPS = {
    "blank": re.compile(r"[+-]?\d{1,3}(?: \d{3})+(?:[.,]\d+)?"),
    "apostrophe": re.compile(r"[+-]?\d{1,3}(?:['’]\d{3})+(?:[.,]\d+)?"),
    "comma": re.compile(r"[+-]?\d{1,3}(?:,\d{3}){2,}(?:\.\d+)?|[+-]?\d{1,3}(?:,\d{3})+\.\d+"),
    "point": re.compile(r"[+-]?\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|[+-]?\d{1,3}(?:\.\d{3})+,\d+"),
}
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
_AMBIGUOUS_COMMA = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


@dataclass(frozen=True)
class Reading:
    """How a text was read.

    Attributes:
        number: The number, or None where there is none.
        rule: Code of a fault or note; None where nothing is to be said.
        remark: What was guessed, or why it could not be read; continues "Cell F17: ".
        is_missing: Whether the text says that nothing is reported.
        beside: What stands behind the number and was ignored.
    """

    number: float | None
    rule: str | None = None
    remark: str = ""
    is_missing: bool = False
    beside: str = ""

    @property
    def is_guess(self) -> bool:
        """Whether a number was read, with something to say about it."""
        return self.number is not None and self.rule is not None


@lru_cache(maxsize=4096)
def read_number(text: str) -> Reading:
    """Read a text as a number where it can mean only one.

    Args:
        text: Content of a cell that is not a number.

    Returns:
        The number with what was guessed, or the reason why there is none.

    >>> read_number("95 424 / 100 000 inhabitants").number
    95424.0
    >>> read_number("1,234").rule
    'ambiguous_number'
    >>> read_number("Not reported").is_missing
    True
    """
    clean = _clean(text)
    if clean.casefold() in NOT_REPORTED:
        return Reading(None, is_missing=True)
    if clean.casefold().lstrip("+-") in {"nan", "inf", "infinity"}:
        return Reading(None, "not_finite", f"{clean!r} is not a finite number. Type the number, or NR.")
    match = _NUMBER.match(clean)
    if match is None and _ABOUT.match(clean):
        remark = (
            f"{_short(clean)!r} is a limit or an estimate. Type one number alone, and say so in the comment; or NR."
        )
        return Reading(None, "not_a_number", remark)
    if match is None:
        return Reading(None, "not_a_number", f"{_short(clean)!r} is text, not a number. Type the number alone, or NR.")
    digits, exponent, rest = match.groups()
    return _reading(digits.strip(), exponent or "", rest.strip(), clean)


def check_magnitude(number: float) -> Reading:
    """A number as it stands, refused where no quantity of a city can be that large.

    >>> check_magnitude(1e308).rule
    'out_of_scale'
    """
    if not math.isfinite(number):
        return Reading(None, "not_finite", f"{number} is not a finite number. Type the number, or NR.")
    if abs(number) > MAX_MAGNITUDE:
        return Reading(
            None,
            "out_of_scale",
            f"{number:g} is larger than any quantity of a city (limit 1e18). Correct it.",
        )
    return Reading(number)


def read_yes_no(text: str) -> bool | None:
    """YES or NO in the spellings that programs write; None for anything else.

    >>> read_yes_no(" Yes "), read_yes_no("NO"), read_yes_no("partly")
    (True, False, None)
    """
    word = _clean(text).casefold()
    return True if word in YES_WORDS else False if word in NO_WORDS else None


def says_not_reported(text: str) -> bool:
    """Whether a text is one of the words for "nothing here"."""
    return _clean(text).casefold() in NOT_REPORTED


def says_not_verified(text: str) -> bool:
    """Whether a text says that a value was reported but not verified.

    >>> says_not_verified(" Not verified"), says_not_verified("NR")
    (True, False)
    """
    return _clean(text).casefold() == "not verified"


def _clean(text: str) -> str:
    """Blanks of every kind as one blank, the typographic minus as a minus."""
    return " ".join(text.translate(_BLANKS).replace("−", "-").split())


def _reading(digits: str, exponent: str, rest: str, text: str) -> Reading:
    """The reading of a number and what follows it."""
    if trouble := _trouble(rest):
        gas = _GAS.search(rest)
        how = f"and choose {gas.group().casefold()} in the column Unit" if gas else "in the row's unit"
        return Reading(None, "not_a_number", f"{_short(text)!r} {trouble} Type the number alone, {how}.")
    if _AMBIGUOUS_COMMA.fullmatch(digits):
        return Reading(
            None,
            "ambiguous_number",
            f"{_short(text)!r} can mean two numbers: is the comma a decimal or a thousands mark? Type it as a number.",
        )
    plain = _plain(digits)
    if plain is None:
        return Reading(None, "not_a_number", f"{_short(text)!r} holds more than one number. Type the number alone.")
    checked = check_magnitude(float(plain + exponent))
    if checked.number is None:
        return checked
    ignored = f"; {_short(rest)!r} beside it was ignored" if rest else ""
    remark = f"text {_short(text)!r} was read as {checked.number:.15g}{ignored}."
    return Reading(checked.number, "number_as_text", remark, beside=rest)


def _trouble(rest: str) -> str | None:
    """Why the words after a number forbid to read it alone."""
    if "not reported" in rest.casefold():
        return "says “not reported” beside a number. Which of the two is meant?"
    words = _M2.sub("", _PER.sub("", rest))
    scale = _SCALES.search(words)
    if scale:
        return f"has {scale.group()!r} beside the number, which changes its size."
    if any(character.isdigit() and character not in "¹²³" for character in words):
        return "holds more than one number."
    return None


def _plain(digits: str) -> str | None:
    """Digits with their separators as Python writes the number; None where they fit no custom."""
    if _PLAIN.fullmatch(digits):
        return digits
    if _GROUPS["blank"].fullmatch(digits) or _GROUPS["apostrophe"].fullmatch(digits):
        return re.sub(r"[ '’]", "", digits).replace(",", ".")
    if _GROUPS["comma"].fullmatch(digits):
        return digits.replace(",", "")
    if _GROUPS["point"].fullmatch(digits):
        return digits.replace(".", "").replace(",", ".")
    if _DECIMAL_COMMA.fullmatch(digits):
        return digits.replace(",", ".")
    return None


def _short(text: str) -> str:
    """A text short enough for a message."""
    return text if len(text) <= 60 else text[:59] + "…"
