"""An audit as HTML: one file that needs nothing else, on screen and on paper.

What belongs here: the layout. What does not: what is told (`facts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reports.pages import document, escape, figures_table, key_figures, rows_table

# The same audit for Typst.
AUDIT = Path(__file__).with_name("audit.typ")
STYLE = """
td { vertical-align: top; } h2 { border-top: 1px solid #d5dce2; padding-top: 1rem; } figure { margin: 1rem 0; }
figcaption { color: #5a6875; font-size: .85rem; } caption { padding-top: .8rem; font-weight: 600; }
.verdict { white-space: nowrap; font-weight: 600; } .holds { color: #1b5e9b; } .not { color: #a3470a; }
ul.said { list-style: none; padding: 0; } ul.said li { margin: .3rem 0; padding-left: 1.6rem; text-indent: -1.6rem; }
ul.said b { display: inline-block; width: 1.6rem; text-indent: 0; }
nav ul { columns: 2 16rem; }
"""
MARKS = {"holds": ("✓", "holds"), "does not hold": ("✗", "not"), "cannot be told": ("–", "muted")}


def audit_page(facts: Mapping[str, Any]) -> str:
    """Set an audit as HTML.

    Args:
        facts: What `facts.audit_facts` gives.
    """
    rows = "".join(_rule(*row) for row in facts["conclusions"])
    sections = "".join(
        f'<section id="{one["key"]}"><h2>{number} {escape(one["heading"])}</h2>{_said(one["conclusions"])}'
        f"{''.join(_block(block) for block in one['blocks'])}</section>"
        for number, one in enumerate(facts["sections"], 1)
    )
    listed = "".join(f'<li><a href="#{one["key"]}">{escape(one["heading"])}</a></li>' for one in facts["sections"])
    body = f"""<h1>{escape(facts["title"])}</h1>
<p class="muted">Global Smart Sustainable Cities Index {escape(facts["edition"])} ({escape(facts["status"])}),
{escape(facts["workspace"])}</p>
{key_figures(facts["key_figures"])}
{"".join(f"<p>{escape(text)}</p>" for text in facts["introduction"])}
<nav aria-label="Sections"><ul>{listed}</ul></nav>
<section id="conclusions"><h2>Conclusions</h2><p>{escape(facts["summary"])}</p>
{rows_table(["Rule", "Condition", "Figure", "Verdict", "Conclusion", "Source of the limit"], rows)}</section>
{sections}
<section id="method"><h2>How this audit was made</h2>
{"".join(f"<p class='small'>{escape(text)}</p>" for text in facts["method"])}</section>"""
    footer = escape(facts["draft"]) + (f" Mart {escape(facts['content'])}." if facts["content"] else "")
    return document(facts["title"], body, notices=[facts["notice"]], footer=footer, style=STYLE)


def _rule(name: str, condition: str, value: str, verdict: str, sentence: str, source: str) -> str:
    mark, kind = MARKS[verdict]
    return (
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(condition)}</td><td class="num">{escape(value)}</td>'
        f'<td class="verdict {kind}">{mark} {escape(verdict)}</td><td>{escape(sentence)}</td>'
        f'<td class="muted small">{escape(source)}</td></tr>'
    )


def _said(conclusions: list[list[str]]) -> str:
    """What the rules of a section say."""
    lines = [
        f'<li><b class="{MARKS[verdict][1]}" aria-label="{verdict}">{MARKS[verdict][0]}</b>{escape(sentence)}</li>'
        for verdict, sentence in conclusions
    ]
    return f'<ul class="said">{"".join(lines)}</ul>'


def _block(block: Mapping[str, Any]) -> str:
    if block["kind"] == "text":
        return f"<p>{escape(block['text'])}</p>"
    if block["kind"] == "figure":
        return f"<figure>{block['svg']}<figcaption>{escape(block['told'])}</figcaption></figure>"
    left = [column for column, side in enumerate(block["align"]) if side == "left"]
    return figures_table(block["head"], block["rows"], block["caption"], left=left)
