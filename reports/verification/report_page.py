"""The verification report as HTML: one file that needs nothing else.

What belongs here: the layout. What does not: what is told (`facts.py`). Everything is escaped here, once.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reports.factsheet.page import STYLE

# The same report for Typst.
REPORT = Path(__file__).with_name("report.typ")
SUMMARY = ("KPIs", "Reported", "In part", "Not reported", "Verified")


def report_page(facts: Mapping[str, Any]) -> str:
    """Set a report as HTML.

    Args:
        facts: What `facts.report_facts` gives.
    """
    said = _said
    notice = f"{facts['notice']} {facts['confidential']}".strip()
    figures = "".join(f"<div><b>{said(a)}</b><span>{said(b)}</span></div>" for a, b in facts["key_figures"])
    sections = "".join(f"<h2>{number} {title}</h2>{body}" for number, (title, body) in enumerate(_sections(facts), 1))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{said(facts["city"])}, verification report {said(facts["year"])}</title>
<style>{STYLE} td {{ vertical-align: top; }} .wheel {{ max-width: 34rem; margin: auto; }}
.dot {{ display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; }}</style>
</head>
<body>
<main>
<p class="notice">{said(notice)}</p>
<h1>{said(facts["city"])}</h1>
<p class="muted">U4SSC verification report {said(facts["year"])}</p>
<div class="facts">{figures}</div>
{sections}
</main>
</body>
</html>
"""


def _sections(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Headings and bodies in the order of U4SSC's reports."""
    scoring = ", ".join(f"{band}: {points}" for band, points in facts["scoring"])
    legend = "".join(
        f"<li><i class=dot style='background:{fill}'></i> {_said(told)}</li>" for told, fill in facts["legend"]
    )
    return [
        ("Introduction", "".join(f"<p>{_said(text)}</p>" for text in facts["introduction"])),
        ("KPI reporting and verification summary", _table(("Dimension", *SUMMARY), facts["kpi_summary"])),
        (
            "Data point reporting and verification summary",
            _table(("Dimension", "Data points", "Reported", "Not reported", "Verified"), facts["point_summary"])
            + _part("Questions to the city", ("About", "Question", "Answer"), facts["questions"])
            + _part("Findings that the verifier accepted", ("Finding", "Why"), facts["accepted"])
            + _part("Findings that stand", ("Where", "What"), facts["open_findings"]),
        ),
        ("City performance benchmark", f"<div class=wheel>{facts['wheel']}</div><ul class=legend>{legend}</ul>"),
        (
            "Benchmarks and scoring",
            f"<p>Points by the share of the target: {_said(scoring)}.</p>"
            + _table(
                ("Dimension, category", "Points", "Reached"),
                [[name, points, reached] for name, reached, points, _ in facts["benchmarks"]],
            ),
        ),
        ("Results", "".join(_group(group) for group in facts["results"])),
        ("KPIs not reported", _or_none(("Code", "KPI", "Level", "State"), facts["not_reported"])),
        ("KPIs not verified", _or_none(("Code", "KPI, data point", "Why"), facts["not_verified"])),
        ("Policy recommendations", "".join(_recommendation(one) for one in facts["recommendations"]) or "<p>None.</p>"),
        (
            "Improvement opportunities",
            _or_none(("Data point", "Category", "Result", "Benchmark", "Share"), facts["improvements"]),
        ),
        ("Next steps", "<ol>" + "".join(f"<li>{_said(step)}</li>" for step in facts["next_steps"]) + "</ol>"),
    ]


def _recommendation(one: Mapping[str, str]) -> str:
    return (
        f"<h3>{_said(one['heading'])}</h3><p>{_said(one['text'])}<br><span class='muted small'>"
        f"{_said(one['category'])}. Because of: {_said(one['because'])}. Serves: "
        f"<a href='{_said(one['href'])}'>{_said(one['source'])}</a>.</span></p>"
    )


def _group(group: Mapping[str, Any]) -> str:
    lines = []
    for *cells, fill in group["rows"]:
        dot = f"<i class=dot style='background:{_said(fill)}'></i>" if fill else ""
        lines.append("<tr>" + "".join(f"<td>{_said(cell)}</td>" for cell in cells) + f"<td>{dot}</td></tr>")
    title = f"<h3>{_said(group['dimension'])}: {_said(group['category'])}</h3>"
    return title + _whole(("Code", "KPI, data point", "Result", "Benchmark", "Share", "Points", ""), "".join(lines))


def _part(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return f"<h3>{title}</h3>{_table(head, rows)}" if rows else ""


def _or_none(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return _table(head, rows) if rows else "<p>None.</p>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return _whole(head, "".join("<tr>" + "".join(f"<td>{_said(cell)}</td>" for cell in row) + "</tr>" for row in rows))


def _whole(head: Sequence[str], body: str) -> str:
    heads = "".join(f'<th scope="col">{word}</th>' for word in head)
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _said(text: object) -> str:
    return html.escape(str(text))
