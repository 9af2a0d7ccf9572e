"""Factsheets as HTML: one file that needs nothing else, on screen and on paper.

What belongs here: the layout. What does not: what is told (`facts.py`). Everything is escaped here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.figures import RankInterval, rank_intervals
from reports.pages import document, escape, figures_table, key_figures, legend


def page(facts: Mapping[str, Any]) -> str:
    """Set a factsheet as HTML.

    Args:
        facts: What `facts.FactsheetMaker.facts` gives.

    Returns:
        The page; it asks for no other file.
    """
    said = escape
    strengths = ""
    if facts["strengths"]:
        tables = "".join(
            figures_table(
                ["Data point", "Value", "Median", "Ahead of"],
                [[_named(row), row["value"], row["median"], row["ahead"]] for row in facts[kind]],
                kind.capitalize(),
                raw_first=True,
            )
            for kind in ("strengths", "weaknesses")
        )
        told = f'<p class="muted small">Compared with {said(facts["peers"])}.</p>'
        strengths = f'<h2>Strengths and weaknesses</h2>{told}<div class="two">{tables}</div>'
    progress = figures_table(
        ["Edition", "Rank", "Index", *facts["dimensions"], "Coverage", "Carried"], facts["progress"], caption="Editions"
    )
    moved = ""
    if facts["waterfall"]:
        moved = f"<h3>What moved the index</h3>{facts['waterfall']}<p>{said(facts['moved'])}</p>"
    sure = facts["sureness"]
    sureness = ""
    if sure:
        rows = [RankInterval(r["name"], r["rank"], r["low"], r["high"], r["is_own"]) for r in sure["rows"]]
        drawn = rank_intervals(rows, title="How sure is the rank", description=sure["told"])
        sureness = f"<h2>How sure is the rank</h2>{drawn}<p class='muted small'>{said(sure['told'])}</p>"
    scores = [[row["name"], row["score"], row["rank"], row["peers"]] for row in facts["scores"]]
    because = f"<p>Not ranked: {said(facts['because'])}.</p>" if facts["because"] else ""
    footer = said(facts["draft"]) + (f" Mart {said(facts['content'])}…" if facts["content"] else "")
    body = f"""<h1>{said(facts["city"])}</h1>
<p class="muted">{said(" · ".join(pair[1] for pair in facts["profile"]))}<br>
Global Smart Sustainable Cities Index {said(facts["edition"])} ({said(facts["status"])})</p>
{key_figures(facts["key_figures"])}
{because}
<div class="two">
<section><h2>Benchmark wheel</h2>{facts["wheel"]}{legend(facts["legend"])}
<p class="muted small">Rings from the inside: dimensions, categories, data points.
{said(facts["wheel_told"])}</p></section>
<section><h2>Scores</h2>{figures_table(["", "Score", "Rank", "Peers"], scores, caption=facts["score_peers"])}
{sureness}</section>
</div>
{strengths}
<h2>Progress</h2>
{progress}
{moved}
{_causes(facts["causes"])}
{_data(facts)}
<h2>Method</h2>
{"".join(f"<p class='small'>{said(words)}</p>" for words in facts["method"])}"""
    return document(f"{facts['city']}, factsheet {facts['edition']}", body, notices=[facts["notice"]], footer=footer)


def _named(row: Mapping[str, Any]) -> str:
    return f'{escape(row["name"])} <span class="muted small">{escape(row["unit"])}</span>'


def _causes(causes: Mapping[str, Any]) -> str:
    """Why score and rank changed; nothing where it is not known."""
    if not causes:
        return ""
    head = f"<h2>Why it changed since {escape(causes['before'])}</h2>"
    told = f"{head}<p>{escape(causes['told'])} {escape(causes['more'])}</p>"
    if not causes["parts"]:
        return told
    parts = figures_table(["Cause", "Points", "Places"], [*causes["parts"], ["Together", *causes["total"]]])
    kpis = figures_table(["By its own data", "Points"], causes["kpis"]) if causes["kpis"] else ""
    return f'{told}<div class="two">{parts}{kpis}</div>'


def _data(facts: Mapping[str, Any]) -> str:
    """SDG view and data quality, or why there is neither."""
    if not facts["has_values"]:
        told = "publishes its scores but not its values. What lies beneath the scores is confidential."
        return f"<h2>Data</h2><p>{escape(facts['city'])} {told}</p>"
    goals = [[row["name"], row["told"], row["n"]] for row in facts["sdgs"]]
    return (
        '<div class="two"><section><h2>Sustainable Development Goals</h2>'
        + figures_table(["Goal", "Points", "Data points"], goals, caption="Benchmark points reached of those possible")
        + "</section><section><h2>Data quality</h2>"
        + figures_table(["What", "How many"], facts["quality"]["facts"])
        + figures_table(["How values came about, as declared", "Data points"], facts["quality"]["grades"])
        + "</section></div>"
    )
