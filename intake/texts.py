"""Texts of others that are written out again: what a spreadsheet, a terminal or an XML file would obey is taken away.

What belongs here: making a text harmless. What does not: HTML, which the page that holds the text escapes.
"""

from __future__ import annotations

import re

# What spreadsheet programs take for the beginning of a formula, also behind blanks.
_FORMULA = re.compile(r"^\s*[=+\-@\t\r＝＋－＠]")
_NUMBER = re.compile(r"^[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?$")
# Characters that XML 1.0 cannot hold.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
GUARD = "'"


def plain_cell(text: str) -> str:
    """A text as a cell of a CSV file that no spreadsheet runs: an apostrophe stands before what looks like a formula.

    >>> plain_cell("=HYPERLINK(A1)"), plain_cell("-3.5"), plain_cell("Karmøy")
    ("'=HYPERLINK(A1)", '-3.5', 'Karmøy')
    """
    return GUARD + text if _FORMULA.match(text) and not _NUMBER.match(text) else text


def without_guard(text: str) -> str:
    """The text that `plain_cell` was given.

    >>> without_guard("'=A1"), without_guard("'s-Hertogenbosch")
    ('=A1', "'s-Hertogenbosch")
    """
    return text[1:] if text.startswith(GUARD) and plain_cell(text[1:]) == text else text


def one_line(text: str) -> str:
    """A text without line breaks and other characters that do not print.

    >>> one_line("one\\ntwo\\x00")
    'one two'
    """
    return "".join(one for one in " ".join(text.split()) if one.isprintable())


def for_xml(text: str) -> str:
    """A text with a replacement character for whatever XML cannot hold.

    >>> for_xml("a\\x0bb")
    'a\\ufffdb'
    """
    return _NOT_XML.sub("\ufffd", text)
