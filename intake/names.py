"""When two spellings of a city's name are the same name.

What belongs here: comparison of names. What does not: which cities there are (`register.py`).
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Letters that Unicode does not take apart into a base letter and a mark.
_LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "’": "'", "ʻ": "'", "‘": "'"}
)


@lru_cache(maxsize=16_384)
def folded(name: str) -> str:
    """A name without case, marks, and doubled blanks; composed and decomposed spellings fold alike.

    >>> folded("KARMØY") == folded("Karmoy")
    True
    >>> folded("A\\u030alesund") == folded("Ålesund") == "alesund"
    True
    """
    letters = unicodedata.normalize("NFKD", name.casefold()).translate(_LETTERS)
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(bare.replace("-", " ").split())


def spellings(name: str, aliases: str | None) -> set[str]:
    """Folded spellings of a city: its name and its aliases, which semicolons separate."""
    return {folded(part) for part in (name, *(aliases or "").split(";")) if part.strip()}
