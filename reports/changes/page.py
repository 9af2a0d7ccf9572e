"""Changes as a page that a spokesperson can read: one file that needs nothing else.

What belongs here: the layout. What does not: what is told (`story.py`). Everything is escaped here, once.
"""

from __future__ import annotations

from collections.abc import Sequence

from reports import words
from reports.changes.story import NAMES, RANK_DECIMALS, SCORE_DECIMALS, SHORT, TOLD, Told
from reports.figures.palette import BETTER, WORSE
from reports.figures.waterfall import WaterfallStep, waterfall
from reports.pages import document, escape, figures_table

MORE_STYLE = f"""
.up {{ color: {BETTER}; }} .down {{ color: {WORSE}; }} nav ul {{ columns: 14rem; }} section {{ break-inside: avoid; }}
section > h2 {{ border-top: 1px solid #d5dce2; padding-top: 1rem; }} td.num {{ white-space: nowrap; }}
@media (max-width: 32rem) {{ .wide {{ display: none; }} }}
"""
HOW = """\
Every figure is divided without a remainder. For each city the index was computed again for every combination of what
has changed and what has not; a cause's part is what its change adds, on average over all orders in which the changes
could have come. Parts of points add up to the change of the index, parts of places to the change of rank; they are
rounded so that they also add up as shown."""


def changes_page(
    before: str, after: str, told: Sequence[Told], *, is_public: bool, is_demo: bool, is_draft: bool
) -> str:
    """Set the changes as HTML.

    Args:
        before: What the earlier edition is called.
        after: What the later one is called.
        told: What is told of each city, in order.
        is_public: Whether all of it may be published.
        is_demo: Whether every city is invented.
        is_draft: Whether one of them is no release.
    """
    notices = [words.DEMO_NOTICE] if is_demo else []
    notices += [words.DRAFT_NOTICE] if is_draft else []
    notices += [] if is_public else ["Internal: it tells of cities and values that are not public. Do not pass it on."]
    both = [one for one in told if one.state == "both"]
    moved = [name for name in SHORT if any(one.score_parts.get(name) or one.rank_parts.get(name) for one in both)]
    listed = "".join(f'<li><a href="#{escape(one.key)}">{escape(one.name)}</a></li>' for one in told)
    rows = "".join(_row(one) for one in both)
    cities = "".join(_city(one, number) for number, one in enumerate(told))
    meaning = "".join(
        f"<li><b>{escape(NAMES[name])}</b> ({escape(SHORT[name])}): {escape(TOLD[name])}</li>" for name in moved
    )
    body = f"""<h1>Why did it change?</h1>
<p class="muted">Global Smart Sustainable Cities Index, from {escape(before)} to {escape(after)}</p>
<p>{_count(both)}</p>
{_crossings(told)}
<div class="scroll"><table><caption>Largest movements first</caption>
<thead><tr><th scope="col">City</th><th scope="col" class="num">Rank</th><th scope="col" class="num">Places</th>
<th scope="col" class="num wide">Index</th><th scope="col" class="num">Points</th>
<th scope="col">Mostly by</th></tr></thead>
<tbody>{rows}</tbody></table></div>
<h2>How to read it</h2>
<p>{HOW}</p>
<ul>{meaning}</ul>
<nav aria-label="Cities"><h2>City by city</h2><ul>{listed}</ul></nav>
{cities}"""
    return document(f"Why did it change? {before} to {after}", body, notices=notices, style=MORE_STYLE)


def _count(both: Sequence[Told]) -> str:
    """How many rose, fell and stayed."""
    rose, fell = (sum((one.rank_change or 0) * sign > 0 for one in both) for sign in (1, -1))
    stayed = len(both) - rose - fell
    return f"{len(both)} cities are ranked in both editions: {rose} rose, {fell} fell, {stayed} kept their rank."


def _crossings(told: Sequence[Told]) -> str:
    """Who is ranked in one of the editions only; their coming and going moves the others."""
    said = []
    for state, words_of_it in (("entered", "Newly ranked"), ("left", "No longer ranked")):
        names = [one.name for one in told if one.state == state]
        if names:
            said.append(f"<p>{words_of_it} ({len(names)}): {escape(', '.join(names))}.</p>")
    return "".join(said)


def mostly_by(one: Told) -> str:
    """The cause that did most of a city's change: of its rank or, where it kept that, of its index; empty if none did.

    What worked against the change is not what made it, however large.
    """
    for parts, change in ((one.rank_parts, one.rank_change), (one.score_parts, one.score_change)):
        if change:
            name, part = max(parts.items(), key=lambda item: item[1] * change, default=("", 0.0))
            return name if part * change > 0 else ""
    return ""


def _row(one: Told) -> str:
    cause = mostly_by(one)
    mostly = NAMES[cause] if cause else "–"
    return (
        f'<tr><th scope="row"><a href="#{escape(one.key)}">{escape(one.name)}</a></th>'
        f'<td class="num">{one.rank[0]} → {one.rank[1]}</td><td class="num">{_signed(one.rank_change, 0)}</td>'
        f'<td class="num wide">{words.score(one.score[1], SCORE_DECIMALS)}</td>'
        f'<td class="num">{_signed(one.score_change, SCORE_DECIMALS)}</td><td>{escape(mostly)}</td></tr>'
    )


def _signed(value: float | None, decimals: int) -> str:
    said = words.change(value, decimals)
    kind = "" if value is None or said.startswith("±") else "up" if value > 0 else "down"
    return f'<span class="{kind}">{said}</span>' if kind else said


def _city(one: Told, number: int) -> str:
    """A city's section."""
    sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in one.sentences)
    moved = {name: value for name, value in one.score_parts.items() if value}
    figure = ""
    if moved and one.score[0] is not None and one.score[1] is not None:
        figure = waterfall(
            ("Before", one.score[0]),
            [WaterfallStep(SHORT[name], value) for name, value in moved.items()],
            ("After", one.score[1]),
            title=f"What moved the index of {one.name}",
            description="; ".join(f"{SHORT[name]} {words.change(value, 2)}" for name, value in moved.items()),
            ident=f"waterfall-{number}",
            decimals=SCORE_DECIMALS,
        )
    tables = _pairs("By its own data", "Points", [(name, words.change(value, 2)) for name, value in one.kpis])
    places = [(NAMES[name], words.change(value, RANK_DECIMALS)) for name, value in one.rank_parts.items() if value]
    tables += _pairs("Rank", "Places", places)
    values = "".join(f"<li>{escape(line)}</li>" for line in one.values)
    return (
        f'<section id="{escape(one.key)}"><h2>{escape(one.name)}</h2>{sentences}{figure}'
        f'<div class="two">{tables}</div>{f"<h3>Values</h3><ul>{values}</ul>" if values else ""}</section>'
    )


def _pairs(head: str, figure: str, rows: Sequence[tuple[str, str]]) -> str:
    """A table of names and figures; nothing where there are none."""
    if not rows:
        return ""
    return figures_table([head, figure], rows)
