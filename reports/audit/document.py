"""An audit as documents: PDF and HTML of one edition of a mart.

What belongs here: putting evidence, words and layout together. What does not: any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.audit.evidence import Evidence
from reports.audit.facts import audit_facts
from reports.audit.page import audit_page
from reports.mart import PublicMart
from reports.pdf import PdfMaker
from ssc_index.framework.catalogue import Catalogue
from ssc_index.method import Method


@dataclass(frozen=True)
class Audit:
    """An audit that is ready to be written.

    Attributes:
        pdf: The PDF.
        html: The page; it asks for no other file.
        summary: What came out, in a sentence.
        conclusions: Rule, condition, figure, verdict, sentence and source of each rule.
        remark: What the PDF could not set as it is; empty where nothing.
    """

    pdf: bytes
    html: str
    summary: str
    conclusions: Sequence[Sequence[str]]
    remark: str


def set_audit(mart: PublicMart, catalogue: Catalogue, method: Method, edition: int, setter: PdfMaker) -> Audit:
    """Audit an edition.

    Args:
        mart: The mart.
        catalogue: The catalogue.
        method: The method that made the mart.
        edition: The edition.
        setter: Sets `page.AUDIT`.
    """
    evidence = Evidence(mart, catalogue, method, edition)
    facts = audit_facts(evidence)
    names = {key: row["name"] for key, row in mart.city_rows.items()}
    strange = {key: letters for key, name in names.items() if (letters := setter.letters_without_font(name))}
    legible = facts if not strange else audit_facts(evidence, names | {key: key for key in strange})
    remark = f"Set by their keys, for no font has their letters: {', '.join(sorted(strange))}." if strange else ""
    pdf = setter.set(legible, "".join(name for key, name in names.items() if key not in strange))
    return Audit(pdf, audit_page(facts), facts["summary"], facts["conclusions"], remark)
