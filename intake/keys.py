"""How codes, labels and units are compared, and where a word stands among others.

What belongs here: the comparison. What does not: what is compared.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import polars as pl


@lru_cache(maxsize=8192)
def key(text: str) -> str:
    """Letters and digits of a text in small letters: how codes and labels are compared.

    Composed and decomposed letters, and ``m²`` and ``m2``, are the same.

    >>> key("EC: ICT: ICT: 4C / 3g") == key("EC_ICT_ICT_4C.3g")
    True
    """
    plain = unicodedata.normalize("NFKC", text.replace("µ", "u")).casefold()
    return "".join(character for character in plain if character.isalnum())


def place_among(words: pl.Series, among: Sequence[str] | pl.Series) -> np.ndarray:
    """Place of each word among some that are all different; -1 for one that is not there.

    >>> place_among(pl.Series(["b", "c", "a"]), ["a", "b"]).tolist()
    [1, -1, 0]
    """
    places = words.cast(pl.Enum(among), strict=False).to_physical().cast(pl.Int64).fill_null(-1)
    return places.to_numpy()
