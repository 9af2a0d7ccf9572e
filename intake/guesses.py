"""Sheets and headers that people have renamed a little: which one is meant, where only one can be.

What belongs here: the guess. What does not: what is said about it (`workbook.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from intake.points import key


def meant(labels: Mapping[str, str], found: Iterable[str]) -> dict[str, str]:
    """Which of some texts each label became, where it is still contained in exactly one of them.

    Args:
        labels: Labels that were not found, by name.
        found: Texts that stand there and are no label.

    Returns:
        The text by name; a label that could be several texts, or a text that could be several labels, is left out.

    >>> meant({"numerator": "Numerator", "result": "Result"}, ["Numerator (value)", "Remarks"])
    {'numerator': 'Numerator (value)'}
    >>> meant({"source": "Source"}, ["Source 1", "Source 2"])
    {}
    """
    texts = list(dict.fromkeys(found))
    by_name = {name: [text for text in texts if key(label) in key(text)] for name, label in labels.items()}
    single = {name: candidates[0] for name, candidates in by_name.items() if len(candidates) == 1}
    taken = list(single.values())
    return {name: text for name, text in single.items() if taken.count(text) == 1}
