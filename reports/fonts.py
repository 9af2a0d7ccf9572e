"""Fonts for scripts that Typst's own lack: a folder that one names, else Noto as the machine has it.

What belongs here: finding fonts and putting them in order. What does not: setting anything (`pdf.py`). Of the
machine's fonts only Noto is used, and only for a text that needs it: all else has the same bytes on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from reports.mart import ReportError

FONTS_VARIABLE = "SSC_INDEX_FONTS"
BODY = "Libertinus Serif"
FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts", "/Library/Fonts")
KINDS = {".ttf", ".otf", ".ttc"}
# Chinese characters are drawn otherwise in each of these; the code is what Noto calls the country's forms.
FORMS = {"JPN": "JP", "KOR": "KR", "PRK": "KR", "TWN": "TC", "HKG": "HK", "MAC": "HK"}
USUAL_FORM = "SC"


def named_folder(fonts: Path | None) -> Path | None:
    """The folder that somebody names, by an argument or by the environment; None where none is named.

    Raises:
        ReportError: If it is not there.
    """
    named = os.environ.get(FONTS_VARIABLE)
    folder = fonts or (Path(named) if named else None)
    if folder is not None and not folder.is_dir():
        raise ReportError(f"There is no folder of fonts {folder}.")
    return folder


@cache
def folders_with_noto(folders: Sequence[str] = FOLDERS) -> tuple[str, ...]:
    """Folders of the machine that hold a font of the Noto family."""
    found = set()
    for folder in folders:
        place = Path(folder).expanduser()
        if place.is_dir():
            found |= {
                str(path.parent) for path in place.rglob("Noto*") if path.suffix in KINDS and "Emoji" not in path.name
            }
    return tuple(sorted(found))


def in_order(families: Sequence[str], country: str) -> list[str]:
    """Families of Noto for a city of a country: serif before sans, its own forms of Chinese characters first.

    Args:
        families: Families by name.
        country: ISO 3166 alpha-3 code.

    >>> in_order(["Noto Mono", "Noto Sans CJK JP", "Noto Serif CJK JP", "Noto Serif CJK SC"], "JPN")
    ['Noto Serif CJK JP', 'Noto Serif CJK SC', 'Noto Sans CJK JP']
    """
    form = FORMS.get(country, USUAL_FORM)
    wanted = [family for family in families if family.startswith("Noto ") and " Mono" not in family]

    def place(family: str) -> tuple[bool, bool, bool, str]:
        is_serif = any(word in family for word in ("Serif", "Naskh", "Nastaliq"))
        return (not is_serif, " CJK " in family, not family.endswith(f" {form}"), family)

    return sorted(wanted, key=place)
