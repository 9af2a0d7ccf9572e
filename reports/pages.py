"""What every page has that we write as one HTML file: its frame, its style, its tables.

What belongs here: markup that several pages share. What does not: what any of them tells. Everything that people
wrote is escaped here, once; a page asks for no other file.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reports.figures.palette import ACCENT, INK, LINE, MUTED, PAPER
from reports.figures.svg import hatch

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


def document(title: str, body: str, *, notices: Iterable[str] = (), footer: str = "", style: str = "") -> str:
    """A whole page.

    Args:
        title: Its title, as text.
        body: What stands on it, as markup.
        notices: Texts in boxes on top; empty ones are left out.
        footer: What stands at its foot, as markup; nothing where empty.
        style: Rules of this page beyond `STYLE`.
    """
    told = "".join(f'<p class="notice">{escape(one)}</p>\n' for one in notices if one)
    foot = f"<footer>{footer}</footer>\n" if footer else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}{style}</style>
</head>
<body>
<main>
{told}{body}
</main>
{foot}</body>
</html>
"""


def escape(text: object) -> str:
    """Anything as text that no browser takes for markup.

    >>> escape("<b>")
    '&lt;b&gt;'
    """
    return html.escape(str(text))


def key_figures(figures: Iterable[Sequence[str]]) -> str:
    """Figures in large letters, each with what it is."""
    boxes = "".join(f"<div><b>{escape(a)}</b><span>{escape(b)}</span></div>" for a, b in figures)
    return f'<div class="facts">{boxes}</div>'


def figures_table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    caption: str = "",
    *,
    raw_first: bool = False,
    left: Sequence[int] = (),
) -> str:
    """A table whose first column names the row and whose others are figures, at the right.

    Args:
        head: Names of the columns.
        rows: Cells as text.
        caption: What the table is.
        raw_first: Whether the first cell of each row is markup.
        left: Columns of texts, which stand at the left.
    """

    def kind(column: int) -> str:
        return "" if column in (0, *left) else ' class="num"'

    lines = []
    for first, *others in rows:
        name = first if raw_first else escape(first)
        figures = "".join(f"<td{kind(place)}>{escape(cell)}</td>" for place, cell in enumerate(others, 1))
        lines.append(f'<tr><th scope="row">{name}</th>{figures}</tr>')
    heads = "".join(f'<th scope="col"{kind(place)}>{escape(word)}</th>' for place, word in enumerate(head))
    return _table(heads, "".join(lines), caption)


def texts_table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """A table of texts."""
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return rows_table(head, body, caption)


def rows_table(head: Sequence[str], body: str, caption: str = "") -> str:
    """A table whose rows are markup already."""
    return _table("".join(f'<th scope="col">{escape(word)}</th>' for word in head), body, caption)


def _table(heads: str, body: str, caption: str) -> str:
    told = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll"><table>{told}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def legend(looks: Iterable[Mapping[str, Any]]) -> str:
    """What the colours of a wheel mean; of what `palette.legend` gives."""
    size = 'width="11" height="11"'
    parts = []
    for count, look in enumerate(looks):
        ident = f"look-{count}"
        defs, fill = (hatch(ident), f"url(#{ident}-hatch)") if look["is_hatched"] else ("", look["fill"])
        square = f'<rect {size} rx="2" fill="{fill}"/>'
        parts.append(f'<li><svg {size} aria-hidden="true">{defs}{square}</svg> {escape(look["told"])}</li>')
    return f'<ul class="legend">{"".join(parts)}</ul>'
