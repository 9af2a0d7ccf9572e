"""The verification report as HTML: one file that needs nothing else.

What belongs here: the layout. What does not: what is told (`facts.py`). Everything is escaped here, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reports.pages import document, escape, key_figures, legend, rows_table, texts_table

# The same report for Typst.
REPORT = Path(__file__).with_name("report.typ")
MORE_STYLE = """
td { vertical-align: top; } .wheel { max-width: 34rem; margin: auto; }
.dot { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; }
"""
SUMMARY = ("KPIs", "Reported", "In part", "Not reported", "Verified")


def report_page(facts: Mapping[str, Any]) -> str:
    """Set a report as HTML.

    Args:
        facts: What `facts.report_facts` gives.
    """
    sections = "".join(f"<h2>{number} {title}</h2>{body}" for number, (title, body) in enumerate(_sections(facts), 1))
    body = f"""<h1>{escape(facts["city"])}</h1>
<p class="muted">U4SSC verification report {escape(facts["year"])}</p>
{key_figures(facts["key_figures"])}
{sections}"""
    notice = f"{facts['notice']} {facts['confidential']}".strip()
    return document(f"{facts['city']}, verification report {facts['year']}", body, notices=[notice], style=MORE_STYLE)


def _sections(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Headings and bodies in the order of U4SSC's reports."""
    scoring = ", ".join(f"{band}: {points}" for band, points in facts["scoring"])
    return [
        ("Introduction", "".join(f"<p>{escape(text)}</p>" for text in facts["introduction"])),
        ("KPI reporting and verification summary", texts_table(("Dimension", *SUMMARY), facts["kpi_summary"])),
        (
            "Data point reporting and verification summary",
            texts_table(("Dimension", "Data points", "Reported", "Not reported", "Verified"), facts["point_summary"])
            + _part("Questions to the city", ("No.", "About", "Question", "Answer"), facts["questions"])
            + _part("Findings that the verifier accepted", ("Finding", "Why"), facts["accepted"])
            + _part("Findings that stand", ("Where", "About", "Effect", "What"), facts["open_findings"]),
        ),
        ("City performance benchmark", f"<div class=wheel>{facts['wheel']}</div>{legend(facts['legend'])}"),
        (
            "Benchmarks and scoring",
            f"<p>Points by the share of the target: {escape(scoring)}.</p>"
            + texts_table(
                ("Dimension, category", "Points", "Reached"),
                [[name, points, reached] for name, reached, points, _ in facts["benchmarks"]],
            ),
        ),
        ("Results", "".join(_group(group) for group in facts["results"])),
        ("KPIs not reported", _or_none(facts, "not_reported", ("Code", "KPI", "Level", "State"))),
        ("KPIs not verified", _or_none(facts, "not_verified", ("Code", "KPI, data point", "Why"))),
        (
            "Policy recommendations",
            "".join(_recommendation(one) for one in facts["recommendations"])
            or _said(facts["none"]["recommendations"]),
        ),
        (
            "Improvement opportunities",
            _or_none(facts, "improvements", ("Data point", "Category", "Result", "Benchmark", "Share")),
        ),
        ("Next steps", "<ol>" + "".join(f"<li>{escape(step)}</li>" for step in facts["next_steps"]) + "</ol>"),
    ]


def _recommendation(one: Mapping[str, str]) -> str:
    return (
        f"<h3>{escape(one['heading'])}</h3><p>{escape(one['text'])}<br><span class='muted small'>"
        f"{escape(one['category'])}. Because of: {escape(one['because'])}. Serves: "
        f"<a href='{escape(one['href'])}'>{escape(one['source'])}</a>.</span></p>"
    )


def _group(group: Mapping[str, Any]) -> str:
    lines = []
    for *cells, fill in group["rows"]:
        dot = f"<i class=dot style='background:{escape(fill)}'></i>" if fill else ""
        lines.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + f"<td>{dot}</td></tr>")
    title = f"<h3>{escape(group['dimension'])}: {escape(group['category'])}</h3>"
    return title + rows_table(("Code", "KPI, data point", "Result", "Benchmark", "Share", "Points", ""), "".join(lines))


def _part(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return f"<h3>{title}</h3>{texts_table(head, rows)}" if rows else ""


def _or_none(facts: Mapping[str, Any], name: str, head: Sequence[str]) -> str:
    return texts_table(head, facts[name]) if facts[name] else _said(facts["none"][name])


def _said(text: str) -> str:
    return f"<p class=muted>{escape(text)}</p>"
