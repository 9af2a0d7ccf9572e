"""How codes, labels and units are compared.

What belongs here: the comparison. What does not: what is compared.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=8192)
def key(text: str) -> str:
    """Letters and digits of a text in small letters: how codes and labels are compared.

    Composed and decomposed letters, and ``m²`` and ``m2``, are the same.

    >>> key("EC: ICT: ICT: 4C / 3g") == key("EC_ICT_ICT_4C.3g")
    True
    """
    plain = unicodedata.normalize("NFKC", text.replace("µ", "u")).casefold()
    return "".join(character for character in plain if character.isalnum())
