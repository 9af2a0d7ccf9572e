"""Factsheets as HTML: one file that needs nothing else, on screen and on paper.

What belongs here: the layout. What does not: what is told (`facts.py`). Everything is escaped here, once.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reports.figures.palette import ACCENT, BANDS, INK, LINE, MUTED, NOT_REPORTED, PAPER

STYLE = f"""
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; max-width: 60rem; padding: 1.5rem 1.25rem 3rem; color: {INK}; background: {PAPER};
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Arial, "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; }}
h1 {{ font-size: 2.1rem; line-height: 1.15; letter-spacing: -.015em; margin: .6rem 0 .2rem; }}
h2 {{ font-size: 1.2rem; margin: 2rem 0 .6rem; }} h3 {{ font-size: 1rem; margin: 1rem 0 .3rem; }}
p {{ margin: .3rem 0 .7rem; }} .muted, caption, th {{ color: {MUTED}; }} .small {{ font-size: .875rem; }}
.notice {{ background: #ffd9a8; color: #3a2204; font-weight: 600; padding: .4rem .9rem; border-radius: 6px; }}
.facts {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1rem; margin: 1.2rem 0; }}
.facts div {{ border-top: 3px solid {ACCENT}; padding-top: .4rem; }}
.facts b {{ display: block; font-size: 1.8rem; line-height: 1.2; }}
.two {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 0 2rem; }}
.two > * {{ min-width: 0; }}
table {{ border-collapse: collapse; width: 100%; font-size: .92rem; }}
caption {{ text-align: left; font-size: .85rem; }}
th, td {{ text-align: left; padding: .35rem .4rem; border-bottom: 1px solid {LINE}; }} th {{ font-size: .8rem; }}
tbody th {{ color: inherit; font-size: inherit; }} .num {{ text-align: right; }}
svg {{ max-width: 100%; height: auto; display: block; }} ul {{ list-style: none; padding: 0; margin: .4rem 0; }}
.legend {{ display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .85rem; }}
.legend svg {{ display: inline; vertical-align: -.05rem; }} .scroll {{ overflow-x: auto; }}
footer {{ border-top: 1px solid {LINE}; margin-top: 2rem; padding-top: .6rem; color: {MUTED}; font-size: .85rem; }}
@media print {{ @page {{ size: A4; margin: 14mm; }} body {{ font-size: 10pt; padding: 0; max-width: none; }}
  h2, h3 {{ break-after: avoid; }} svg, tr {{ break-inside: avoid; }} * {{ print-color-adjust: exact; }} }}
"""


def page(facts: Mapping[str, Any]) -> str:
    """Set a factsheet as HTML.

    Args:
        facts: What `facts.FactsheetMaker.facts` gives.

    Returns:
        The page; it asks for no other file.
    """
    said = _escape
    title = f"{said(facts['city'])}, factsheet {said(facts['edition'])}"
    strengths = ""
    if facts["strengths"]:
        tables = "".join(
            _table(
                ["Data point", "Value", "Median", "Ahead of"],
                [[_named(row), row["value"], row["median"], row["ahead"]] for row in facts[kind]],
                caption=kind.capitalize(),
                raw_first=True,
            )
            for kind in ("strengths", "weaknesses")
        )
        told = f'<p class="muted small">Compared with {said(facts["peers"])}.</p>'
        strengths = f'<h2>Strengths and weaknesses</h2>{told}<div class="two">{tables}</div>'
    progress = _table(
        ["Edition", "Rank", "Index", *facts["dimensions"], "Coverage", "Carried"], facts["progress"], caption="Editions"
    )
    moved = ""
    if facts["waterfall"]:
        moved = f"<h3>What moved the index</h3>{facts['waterfall']}<p>{said(facts['moved'])}</p>"
    scores = [[row["name"], row["score"], row["rank"], row["peers"]] for row in facts["scores"]]
    because = f"<p>Not ranked: {said(facts['because'])}.</p>" if facts["because"] else ""
    notice = f'<p class="notice">{said(facts["notice"])}</p>' if facts["notice"] else ""
    figures = "".join(f"<div><b>{said(a)}</b><span>{said(b)}</span></div>" for a, b in facts["key_figures"])
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{notice}
<h1>{said(facts["city"])}</h1>
<p class="muted">{said(" · ".join(pair[1] for pair in facts["profile"]))}<br>
Global Smart Sustainable Cities Index {said(facts["edition"])} ({said(facts["status"])})</p>
<div class="facts">{figures}</div>
{because}
<div class="two">
<section><h2>Benchmark wheel</h2>{facts["wheel"]}{_legend(facts["grey"])}
<p class="muted small">Rings from the inside: dimensions, categories, data points.
{said(facts["wheel_told"])}</p></section>
<section><h2>Scores</h2>{_table(["", "Score", "Rank", "Peers"], scores, caption=facts["score_peers"])}</section>
</div>
{strengths}
<h2>Progress</h2>
{progress}
{moved}
{_data(facts)}
<h2>Method</h2>
{"".join(f"<p class='small'>{said(words)}</p>" for words in facts["method"])}
</main>
<footer>{said(facts["draft"])} {"Mart " + said(facts["content"]) + "…" if facts["content"] else ""}</footer>
</body>
</html>
"""


def _escape(text: object) -> str:
    return html.escape(str(text))


def _named(row: Mapping[str, Any]) -> str:
    return f'{_escape(row["name"])} <span class="muted small">{_escape(row["unit"])}</span>'


def _data(facts: Mapping[str, Any]) -> str:
    """SDG view and data quality, or why there is neither."""
    if not facts["has_values"]:
        told = "publishes its scores but not its values. What lies beneath the scores is confidential."
        return f"<h2>Data</h2><p>{_escape(facts['city'])} {told}</p>"
    goals = [[row["name"], row["told"], row["n"]] for row in facts["sdgs"]]
    return (
        '<div class="two"><section><h2>Sustainable Development Goals</h2>'
        + _table(["Goal", "Points", "Data points"], goals, caption="Benchmark points reached of those possible")
        + "</section><section><h2>Data quality</h2>"
        + _table(["What", "How many"], facts["quality"]["facts"])
        + _table(["How values came about, as declared", "Data points"], facts["quality"]["grades"])
        + "</section></div>"
    )


def _legend(grey: str) -> str:
    """The colours of the wheel."""
    entries = [(f"{band.label} of target", band.fill) for band in BANDS] + [(grey, NOT_REPORTED)]
    dot = '<svg width="11" height="11" aria-hidden="true"><rect width="11" height="11" rx="2" fill="{}"/></svg>'
    return (
        f'<ul class="legend">{"".join(f"<li>{dot.format(fill)} {_escape(told)}</li>" for told, fill in entries)}</ul>'
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", raw_first: bool = False) -> str:
    """A table; the first column names the row, the others are figures."""
    lines = []
    for first, *others in rows:
        name = first if raw_first else _escape(first)
        figures = "".join(f'<td class="num">{_escape(cell)}</td>' for cell in others)
        lines.append(f'<tr><th scope="row">{name}</th>{figures}</tr>')
    heads = "".join(f'<th scope="col"{" class=num" if count else ""}>{_escape(w)}</th>' for count, w in enumerate(head))
    told = f"<caption>{_escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table>{told}<thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )
