"""The findings of a submission as HTML: one file that needs nothing else.

What belongs here: the layout. What does not: the findings. Everything is escaped here, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.pages import document, escape, rows_table

HEADINGS = {"error": "To correct", "warning": "To check", "note": "For your information"}
TOLD = {
    "error": "These rows do not count until they are corrected.",
    "warning": "Correct these, or tell the verifier why they are right.",
    "note": "Nothing need be done; this is how the workbook was understood.",
}


def findings_page(
    title: str,
    findings: Sequence[Mapping[str, Any]],
    questions: Sequence[tuple[int, str, str]],
    names: Mapping[str, str],
) -> str:
    """Set findings and questions as HTML.

    Args:
        title: Heading, for example ``Karmøy 2025``.
        findings: Rows of ``tables.FAULTS``.
        questions: Number, data point, or nothing, and text of each open question.
        names: Name of each data point.
    """
    parts = []
    if questions:
        rows = "".join(
            f"<tr><td>{number}</td><td>{escape(names.get(point, point))}</td><td>{escape(text)}</td></tr>"
            for number, point, text in questions
        )
        asked = "<p class=muted>Answer each by its number.</p>"
        parts.append(f"<h2>Questions to you</h2>{asked}{rows_table(('No.', 'About', 'Question'), rows)}")
    for severity, heading in HEADINGS.items():
        of_kind = [one for one in findings if one["severity"] == severity]
        if of_kind:
            rows = "".join(_row(one, names) for one in of_kind)
            table = rows_table(("Where", "Data point", "What was found", "Rule"), rows)
            parts.append(f"<h2>{heading} ({len(of_kind)})</h2><p class=muted>{TOLD[severity]}</p>{table}")
    body = f"""<h1>{escape(title)}</h1>
<p class="muted">What was found in your submission, where, and what to do.</p>
{"".join(parts) or "<p>Nothing was found.</p>"}"""
    notices = ["Confidential: for the city and its verifier."]
    return document(f"Findings: {title}", body, notices=notices, style=" td { vertical-align: top; }")


def _row(one: Mapping[str, Any], names: Mapping[str, str]) -> str:
    where = f"{one['sheet']}!{one['cell']}" if one["sheet"] else one["cell"] or "–"
    point = one["data_point"] or ""
    name = f"{escape(names.get(point, ''))}<br><span class='muted small'>{escape(point)}</span>"
    return (
        f"<tr><td>{escape(where)}</td><td>{name}</td><td>{escape(one['message'])}</td>"
        f"<td class='muted small'>{escape(one['rule'])}</td></tr>"
    )
