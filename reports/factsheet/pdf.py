"""Factsheets as PDF: set by Typst, tagged (PDF/UA-1), the same bytes for the same facts.

What belongs here: the compiler, its fonts, and what to do where no font has a letter. What does not: what is told
(`facts.py`). Fonts of the machine are not used, or bytes would differ from one to the next; Typst brings Latin, Greek
and Cyrillic letters, all else comes from a folder of fonts that one names.
"""

from __future__ import annotations

import json
import os
import threading
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.figures.palette import BANDS, UNREPORTED
from reports.mart import ReportError

if TYPE_CHECKING:
    import typst

TEMPLATE = Path(__file__).with_name("factsheet.typ")
FONTS_VARIABLE = "SSC_INDEX_FONTS"
BODY = "Libertinus Serif"


def beyond_latin(text: str) -> str:
    """Letters of scripts that a font might lack, each once.

    >>> beyond_latin("京都 Kyōto")
    '京都'
    """
    found = [one for one in dict.fromkeys(text) if ord(one) >= 0x250 and unicodedata.category(one)[0] in "LMNS"]
    return "".join(found)


class PdfMaker:
    """Compilers with their fonts, made once for many factsheets; one a thread, for one compiler sets one at a time.

    Args:
        fonts: Folder of further fonts (TTF, OTF, TTC) for scripts that Typst's own lack; None is the environment's
            ``SSC_INDEX_FONTS``, if set.
        template: What is set; it takes its facts as the factsheet does.

    Raises:
        ReportError: If the folder is not there or holds no font.
    """

    def __init__(self, fonts: Path | None = None, template: Path = TEMPLATE) -> None:
        import typst

        self._template = template

        named = os.environ.get(FONTS_VARIABLE)
        folder = fonts or (Path(named) if named else None)
        if folder is not None and not folder.is_dir():
            raise ReportError(f"There is no folder of fonts {folder}.")
        paths = [] if folder is None else [str(folder)]
        own = set(typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[]).families())
        book = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=paths)
        further = [family for family in book.families() if family not in own]
        if folder is not None and not further:
            raise ReportError(f"{folder} holds no font that can be read.")
        if boxes := [family for family in further if family.startswith("Last Resort")]:
            raise ReportError(f"{folder} holds {boxes[0]}, which has a box for every letter. Take it out.")
        self._families = "|".join([BODY, *further])
        self._book = book
        self._own = threading.local()
        self._known: dict[str, bool] = {}

    @property
    def _compiler(self) -> typst.Compiler:
        """The compiler of this thread."""
        import typst

        if not hasattr(self._own, "compiler"):
            self._own.compiler = typst.Compiler(root=str(self._template.parent), font_paths=self._book)
        compiler: typst.Compiler = self._own.compiler
        return compiler

    def pdf(self, facts: Mapping[str, Any]) -> tuple[bytes, str]:
        """Set a factsheet.

        Args:
            facts: What `facts.FactsheetMaker.facts` gives.

        Returns:
            The PDF, and a remark where a name had to be set in other letters; empty where none.
        """
        told, remark = self._in_letters_that_can_be_set(facts)
        return self.set(told), remark

    def set(self, facts: Mapping[str, Any]) -> bytes:
        """Set facts as they are; a letter that no font has is an error of Typst's."""
        inputs = {"facts": json.dumps(facts, ensure_ascii=False), "fonts": self._families}
        pdf = self._compiler.compile(
            input=str(self._template), format="pdf", sys_inputs=inputs, pdf_standards=["ua-1"], timestamp=0
        )
        if not isinstance(pdf, bytes):
            raise ReportError(f"{self._template.name}: Typst gave no single document.")
        return pdf

    def png(self, facts: Mapping[str, Any], pixels_an_inch: float) -> bytes:
        """The first page as a picture."""
        told, _ = self._in_letters_that_can_be_set(facts)
        inputs = {"facts": json.dumps(told, ensure_ascii=False), "fonts": self._families}
        pages = self._compiler.compile(input=str(self._template), format="png", sys_inputs=inputs, ppi=pixels_an_inch)
        first = pages[0] if isinstance(pages, list) else pages
        if first is None:
            raise ReportError(f"{facts['city']}: Typst gave no picture.")
        return first

    def legible(self, facts: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """Facts with a question mark for every letter that no font has, but for the city's name; and which these are.

        People write questions and reasons in any script; one letter would keep the whole document from being set.
        """
        text = json.dumps(facts, ensure_ascii=False)
        strange = self.letters_without_font(text)
        kept = {name: facts[name] for name in ("city", "city_id")}
        return {**json.loads(text.translate(dict.fromkeys(map(ord, strange), "?"))), **kept}, strange

    def _in_letters_that_can_be_set(self, facts: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """The facts; with the key for the name where there is no font for it, so that no box stands in its place."""
        legend = [[f"{band.label} of target", band.fill] for band in BANDS] + [[facts["grey"], UNREPORTED.fill]]
        told = {**facts, "legend": legend}
        strange = self.letters_without_font(facts["city"])
        if not strange:
            return told, ""
        # The name also stands in the titles of the figures.
        replaced = json.loads(
            json.dumps(told, ensure_ascii=False).replace(_inside(facts["city"]), _inside(facts["city_id"]))
        )
        remark = (
            f"{facts['city']} is set as {facts['city_id']}: no font has {strange}. "
            f"Name a folder of fonts that have with --fonts or {FONTS_VARIABLE}, for example one with Noto Sans."
        )
        return replaced, remark

    def letters_without_font(self, text: str) -> str:
        """Letters that none of the fonts has, each once; Typst refuses them in a document for all readers."""
        return "".join(letter for letter in beyond_latin(text) if not self._has(letter))

    def _has(self, letter: str) -> bool:
        """Whether a font has a letter: Typst is asked once for each."""
        import typst

        if letter not in self._known:
            families = json.dumps(self._families.split("|"), ensure_ascii=False)[1:-1]
            head = f'#set document(title: "probe", date: none)\n#set text(font: ({families},))\n'
            probe = f"{head}#{json.dumps(letter, ensure_ascii=False)}"
            try:
                self._compiler.compile(input=probe.encode(), format="pdf", pdf_standards=["ua-1"], timestamp=0)
                self._known[letter] = True
            except typst.TypstError as error:
                if "could not be displayed" not in error.message:
                    raise
                self._known[letter] = False
        return self._known[letter]


def _inside(text: str) -> str:
    """A text as it stands within JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
