"""Documents as PDF: set by Typst, tagged (PDF/UA-1), the same bytes for the same facts.

What belongs here: the compiler, and what to do where no font has a letter. What does not: what is told (`facts.py` of
each report), and where fonts come from (`fonts.py`).
"""

from __future__ import annotations

import json
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.fonts import BODY, FONTS_VARIABLE, folders_with_noto, in_order, named_folder
from reports.mart import ReportError

if TYPE_CHECKING:
    import typst

FACTSHEET, SNAPSHOT, CERTIFICATE = (
    Path(__file__).with_name("factsheet") / f"{name}.typ" for name in ("factsheet", "snapshot", "certificate")
)


def beyond_latin(text: str) -> str:
    """Letters of scripts that a font might lack, each once.

    >>> beyond_latin("京都 Kyōto")
    '京都'
    """
    found = [one for one in dict.fromkeys(text) if ord(one) >= 0x250 and unicodedata.category(one)[0] in "LMNS"]
    return "".join(found)


class PdfMaker:
    """Compilers with their fonts, made once for many documents; one a thread, for one compiler sets one at a time.

    Args:
        fonts: Folder of further fonts (TTF, OTF, TTC) for scripts that Typst's own lack; None is the environment's
            ``SSC_INDEX_FONTS``, if set. Where none is named, Noto of the machine serves the texts that need it.
        template: What is set; it takes its facts as the factsheet does.
        machine: Whether fonts of the machine may be used.

    Raises:
        ReportError: If the folder is not there or holds no font.
    """

    def __init__(self, fonts: Path | None = None, template: Path = FACTSHEET, *, machine: bool = True) -> None:
        import typst

        self._template = template
        folder = named_folder(fonts)
        paths = [] if folder is None else [str(folder)]
        self._own = set(typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[]).families())
        self._book = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=paths)
        further = [family for family in self._book.families() if family not in self._own]
        if folder is not None and not further:
            raise ReportError(f"{folder} holds no font that can be read.")
        if boxes := [family for family in further if family.startswith("Last Resort")]:
            raise ReportError(f"{folder} holds {boxes[0]}, which has a box for every letter. Take it out.")
        self._families = [BODY, *further]
        self._machine = machine and folder is None
        self._of_thread = threading.local()
        self._known: dict[tuple[str, bool, bool], bool] = {}

    @cached_property
    def _noto(self) -> tuple[typst.Fonts, list[str]] | None:
        """Typst's fonts with Noto of the machine, and the families of the latter; None where it has none."""
        import typst

        if not self._machine or not (folders := folders_with_noto()):
            return None
        book = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=list(folders))
        return book, [family for family in book.families() if family not in self._own]

    def _compiler(self, with_noto: bool = False) -> typst.Compiler:
        """The compiler of this thread, with or without Noto of the machine."""
        import typst

        name = "with_noto" if with_noto else "plain"
        if not hasattr(self._of_thread, name):
            book = self._noto[0] if with_noto and self._noto else self._book
            setattr(self._of_thread, name, typst.Compiler(root=str(self._template.parent), font_paths=book))
        compiler: typst.Compiler = getattr(self._of_thread, name)
        return compiler

    def pdf(self, facts: Mapping[str, Any], written: str = "") -> tuple[bytes, str]:
        """Set a document about a city.

        Args:
            facts: What `facts.FactsheetMaker.facts` gives, or of that form: with ``city``, ``city_id``;
                ``names`` of all cities that it names, by key; and ``country_code``, by which Chinese characters get the
                forms of the country.
            written: Whatever else people wrote that may need fonts beyond Typst's own.

        Returns:
            The PDF, and a remark where a name had to be set in other letters; empty where none.
        """
        told, remark = self._in_letters_that_can_be_set(facts)
        return self.set(told, "".join(told["names"].values()) + written, told.get("country_code", "")), remark

    def set(self, facts: Mapping[str, Any], names: str = "", country: str = "") -> bytes:
        """Set facts as they are; a letter that no font has is an error of Typst's.

        Args:
            facts: What the template takes.
            names: Names among them that may need fonts beyond Typst's own.
            country: Code of the country whose forms of Chinese characters are meant.
        """
        pdf = self._compile(facts, names, country, format="pdf", pdf_standards=["ua-1"], timestamp=0)
        if not isinstance(pdf, bytes):
            raise ReportError(f"{self._template.name}: Typst gave no single document.")
        return pdf

    def _compile(self, facts: Mapping[str, Any], names: str, country: str, **how: Any) -> Any:
        needs_noto = self._noto_needed(names)
        families = [*self._families, *(in_order(self._noto[1], country) if needs_noto and self._noto else [])]
        inputs = {"facts": json.dumps(facts, ensure_ascii=False), "fonts": "|".join(families)}
        return self._compiler(needs_noto).compile(input=str(self._template), sys_inputs=inputs, **how)

    def png(self, facts: Mapping[str, Any], pixels_an_inch: float) -> bytes:
        """The first page as a picture; of facts of a city, or of others as they are."""
        told = {**facts, "names": {}}
        if "city_id" in facts:
            told, _ = self._in_letters_that_can_be_set(facts)
        names = "".join(told["names"].values())
        pages = self._compile(told, names, told.get("country_code", ""), format="png", ppi=pixels_an_inch)
        first = pages[0] if isinstance(pages, list) else pages
        if not isinstance(first, bytes):
            raise ReportError(f"{self._template.name}: Typst gave no picture.")
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
        """The facts; with the key for a city's name where no font has its letters, so that no box stands for it."""
        names: dict[str, str] = facts.get("names") or {facts["city_id"]: facts["city"]}
        strange = {key: letters for key, name in names.items() if (letters := self.letters_without_font(name))}
        told = {**facts, "names": {key: key if key in strange else names[key] for key in names}}
        if not strange:
            return told, ""
        # A name also stands in the titles of figures; the longest first, for one may be part of another.
        text = json.dumps(told, ensure_ascii=False)
        for key in sorted(strange, key=lambda key: (-len(names[key]), key)):
            text = text.replace(_inside(names[key]), _inside(key))
        remark = (
            f"{', '.join(f'{names[key]} is set as {key}' for key in strange)}: "
            f"no font has {''.join(dict.fromkeys(''.join(strange.values())))}. "
            "Install Noto (Debian: fonts-noto-cjk, fonts-noto-core), or name a folder of fonts that have with --fonts "
            f"or {FONTS_VARIABLE}."
        )
        return json.loads(text), remark

    def letters_without_font(self, text: str) -> str:
        """Letters that no font has, each once; Typst refuses them in a document for all readers."""
        strange = [letter for letter in beyond_latin(text) if not self._has(letter, self._families)]
        if self._noto is None:
            return "".join(strange)
        with_noto = [*self._families, *self._noto[1]]
        return "".join(letter for letter in strange if not self._has(letter, with_noto, with_noto=True))

    def _noto_needed(self, text: str) -> bool:
        """Whether a text has letters that neither the face of the text nor a font that somebody named has.

        Typst's other fonts would do for some: Arabic there is of one width, Indic letters come from a font of formulas.
        """
        return self._noto is not None and any(
            not self._has(letter, self._families, fallback=False) for letter in beyond_latin(text)
        )

    def _has(self, letter: str, fonts: Sequence[str], *, with_noto: bool = False, fallback: bool = True) -> bool:
        """Whether one of some fonts, or one to fall back on, has a letter: Typst is asked once for each."""
        import typst

        key = (letter, with_noto, fallback)
        if key not in self._known:
            families = json.dumps(list(fonts), ensure_ascii=False)[1:-1]
            head = (
                '#set document(title: "probe", date: none)\n'
                f"#set text(font: ({families},), fallback: {str(fallback).lower()})\n"
            )
            probe = f"{head}#{json.dumps(letter, ensure_ascii=False)}".encode()
            try:
                self._compiler(with_noto).compile(input=probe, format="pdf", pdf_standards=["ua-1"], timestamp=0)
                self._known[key] = True
            except typst.TypstError as error:
                if "could not be displayed" not in error.message:
                    raise
                self._known[key] = False
        return self._known[key]


def _inside(text: str) -> str:
    """A text as it stands within JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
