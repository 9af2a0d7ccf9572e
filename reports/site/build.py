"""Writing the site: data as scripts, pages, downloads; built beside the old one and put in its place.

What belongs here: files. What does not: what is in them (`payload.py`, `detail.py`, ``static/``).
Pages opened from a folder may not fetch files; scripts they may, so that data are scripts that call ``SSC.put``.
"""

from __future__ import annotations

import csv
import html
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from reports import words
from reports.audit.document import Audit
from reports.changes.of_mart import stories_of
from reports.mart import NO_EDITION, PublicMart, ReportError
from reports.site import detail, payload
from reports.weights import aggregate_step
from ssc_index.framework.catalogue import Catalogue
from ssc_index.method import Method

STATIC = Path(__file__).with_name("static")
SCRIPTS = (
    "util.js",
    "figures.js",
    "ranking.js",
    "regions.js",
    "city.js",
    "kpi.js",
    "compare.js",
    "change.js",
    "weights.js",
    "audit.js",
    "about.js",
    "app.js",
)
MARK = ".ssc-index-site"
# Tables offered as Parquet; the others are the pages' own or can be had from the mart.
DOWNLOADS = ("dim_city", "dim_edition", "dim_goalpost", "dim_kpi", "fact_score", "fact_value")


@dataclass(frozen=True)
class Site:
    """What was written.

    Attributes:
        index: The page to open.
        files: Number of files.
        bytes: Their size.
    """

    index: Path
    files: int
    bytes: int


def write_site(
    out: Path,
    mart: PublicMart,
    catalogue: Catalogue,
    method: Method,
    method_text: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
    audits: Mapping[int, Audit] | None = None,
) -> Site:
    """Write the site into a folder.

    Args:
        out: The folder; made anew. One that is not a site of ours is not touched.
        mart: The public mart.
        catalogue: The catalogue.
        method: The method by which the mart was computed.
        method_text: The method file as it stands, shown on the method page.
        progress: Told how many cities are written, and of how many.
        audits: Audits by edition, which the site holds and shows.

    Returns:
        What was written.

    Raises:
        ReportError: If the folder holds something else, or the mart no edition.
    """
    mart.must_be_public()
    if not mart.editions:
        raise ReportError(NO_EDITION)
    if out.exists() and any(out.iterdir()) and not (out / MARK).is_file():
        raise ReportError(f"{out} holds files that no site of ours wrote. Name another folder with --out.")
    fresh = out.with_name(f".{out.name}-{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        _write_all(fresh, mart, catalogue, method, method_text, progress, audits or {})
        _replace(fresh, out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    return Site(out / "index.html", len(files), sum(path.stat().st_size for path in files))


def _replace(fresh: Path, out: Path) -> None:
    """Put the new folder in the old one's place."""
    old = out.with_name(f".{out.name}-old-{os.getpid()}")
    if out.exists():
        out.replace(old)
    fresh.replace(out)
    shutil.rmtree(old, ignore_errors=True)


def _write_all(
    folder: Path,
    mart: PublicMart,
    catalogue: Catalogue,
    method: Method,
    method_text: str,
    progress: Callable[[int, int], None],
    audits: Mapping[int, Audit],
) -> None:
    data = folder / "data"
    for part in (data / "city", data / "kpi", folder / "downloads"):
        part.mkdir(parents=True)
    (folder / MARK).write_text("Written by ssc-index site; the next run replaces this folder.\n", encoding="utf-8")
    can_weigh = _can_weigh(method)
    about = {
        "method": method.as_mapping(),
        "method_text": method_text,
        "can_weigh": can_weigh,
        "audits": sorted(audits),
    }
    downloads = _downloads(folder / "downloads", mart)
    core = payload.core(mart, catalogue) | {"about": about, "downloads": downloads, "fields": detail.FIELDS}
    _put(data / "core.js", "core", core)
    changes = {edition: stories_of(mart, edition) for edition in mart.editions}
    for edition in mart.editions:
        content = payload.edition_data(mart, edition, changes[edition])
        _put(data / f"edition-{edition}.js", f"edition-{edition}", content)
        if can_weigh:
            _put(
                data / f"scores-{edition}.js",
                f"scores-{edition}",
                payload.score_matrix(mart, edition, catalogue, method),
            )
    total = len(mart.city_rows)
    for count, (city, content) in enumerate(detail.city_files(mart, changes), start=1):
        _put(data / "city" / f"{city}.js", f"city/{city}", content)
        progress(count, total)
    for code, content in detail.kpi_files(mart):
        _put(data / "kpi" / f"{code}.js", f"kpi/{code}", content)
    for edition, audit in audits.items():
        told = {"summary": audit.summary, "conclusions": audit.conclusions}
        _put(data / f"audit-{edition}.js", f"audit-{edition}", told)
        (folder / "downloads" / f"audit-{edition}.html").write_text(audit.html, encoding="utf-8")
        (folder / "downloads" / f"audit-{edition}.pdf").write_bytes(audit.pdf)
    for name in ("site.css", *SCRIPTS):
        shutil.copyfile(STATIC / name, folder / name)
    (folder / "index.html").write_text(_page(mart), encoding="utf-8")


def _can_weigh(method: Method) -> bool:
    """Whether weights can be tried with this method."""
    try:
        aggregate_step(method)
    except ReportError:
        return False
    return True


def _put(path: Path, name: str, content: object) -> None:
    """Write data as a script; nothing in it can end a script element or be read as markup."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    path.write_text(f"SSC.put({json.dumps(name)},{text});\n", encoding="utf-8")


def _downloads(folder: Path, mart: PublicMart) -> list[list[Any]]:
    """Write the files that visitors may take; return name, what it is, and its size."""
    offered = []
    for edition in mart.editions:
        name = f"ranking-{edition}.csv"
        (folder / name).write_text(_ranking_csv(mart, edition), encoding="utf-8")
        offered.append((name, f"Ranking of the edition {edition}, with index, dimensions and coverage"))
    for table in DOWNLOADS:
        name = f"{table}.parquet"
        mart[table].write_parquet(folder / name, compression="zstd")
        offered.append((name, f"Table {table} of the public mart"))
    return [[name, told, (folder / name).stat().st_size] for name, told in offered]


def _ranking_csv(mart: PublicMart, edition: int) -> str:
    """An edition's ranking as CSV."""
    rows = mart["fact_score"].filter(pl.col("edition") == edition)
    dimensions = [node["node"] for node in mart.nodes if node["level"] == "dimension"]
    wide: dict[str, dict[str, Any]] = {}
    for row in rows.filter(pl.col("level").is_in(["index", "dimension"])).to_dicts():
        wide.setdefault(row["city_id"], {})[row["node"]] = row
    root = next(node["node"] for node in mart.nodes if node["level"] == "index")

    def order(item: tuple[str, Mapping[str, Any]]) -> tuple[float, str]:
        rank = item[1].get(root, {}).get("rank")
        return (float("inf") if rank is None else rank, item[0])

    head = ["edition", "rank", "city_id", "city", "country", "region", "income_group", "size_class", "score"]
    lines: list[list[Any]] = [[*head, *dimensions, "coverage", "n_carried", "not_ranked_because", "is_demo", "status"]]
    for city, nodes in sorted(wide.items(), key=order):
        about, own = mart.city_rows[city], nodes.get(root, {})
        groups = (about["region"], about["income_group"], about["size_class"])
        because = words.reason(own["excluded_because"], mart.names) if own.get("excluded_because") else None
        lines.append(
            [
                edition,
                own.get("rank"),
                city,
                about["name"],
                about["country"],
                *groups,
                own.get("score"),
                *(nodes.get(node, {}).get("score") for node in dimensions),
                own.get("coverage"),
                own.get("n_carried"),
                because,
                about["is_demo"],
                mart.edition_row(edition)["status"],
            ]
        )
    return _csv(lines)


def _csv(lines: Iterable[Iterable[Any]]) -> str:
    """Lines as CSV; a text that a spreadsheet would take for a formula gets an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for line in lines:
        cells = ("" if cell is None else cell for cell in line)
        writer.writerow(
            f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" and cell else cell for cell in cells
        )
    return text.getvalue()


def _page(mart: PublicMart) -> str:
    """The one page; scripts fill it. Without them it says so and points at the downloads."""
    template = (STATIC / "index.html").read_text(encoding="utf-8")
    scripts = "\n".join(f'<script src="{name}"></script>' for name in SCRIPTS)
    links = "".join(
        f'<li><a href="downloads/ranking-{edition}.csv">Ranking {edition} (CSV)</a></li>' for edition in mart.editions
    )
    filled = {
        "workspace": html.escape(mart.workspace),
        "notice": html.escape(words.DEMO_NOTICE) if mart.is_demo else "",
        "demo_class": "is-demo" if mart.is_demo else "",
        "scripts": scripts,
        "links": links,
    }
    for key, value in filled.items():
        template = template.replace(f"{{{{{key}}}}}", value)
    return template
