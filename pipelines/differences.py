"""Two editions compared on demand: of the draft, of releases, or one of each.

What belongs here: which marts are meant, and the comparison as frames. What does not: the division
(`ssc_index/changes.py`), what is printed (`diff_commands.py`) and drawn (`reports/changes/`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from assets.changing import Sight, compared
from assets.editions import GROUPS, read_edition_method
from assets.warehouse import connect
from assets.workspace import Workspace
from pipelines import releases
from pipelines.release_folder import FRAMEWORK, METHOD, ReleaseError
from pipelines.show import opened_mart, path_of
from ssc_index.errors import SscIndexError
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.framework.load import read_framework_csv

TABLES = ("dim_city", "dim_edition", "dim_kpi", "fact_score", "fact_value")
AS_GOOD_AS_EQUAL = 1e-9


class DifferenceError(SscIndexError):
    """Two editions that cannot be compared, with what to do."""


@dataclass(frozen=True)
class Compared:
    """Two editions with what changed between them.

    Attributes:
        before: What the earlier one is called.
        after: What the later one is called.
        is_public: Whether nothing but what is public went in.
        is_demo: Whether every city is invented.
        is_draft: Whether one of them is no release.
        parts: A row for each city; see ``changes.parts``.
        kpis: A row for each city and KPI that moved it; see ``changes.kpis``.
        values: Values that are seen in either edition: ``city_id, data_point, kpi_code, value_before, year_before,
            value_after, year_after``.
        cities: Name by key.
        nodes: Name by node.
    """

    before: str
    after: str
    is_public: bool
    is_demo: bool
    is_draft: bool
    parts: pl.DataFrame
    kpis: pl.DataFrame
    values: pl.DataFrame
    cities: Mapping[str, str]
    nodes: Mapping[str, str]


@dataclass(frozen=True)
class _Side:
    """An edition in a mart."""

    label: str
    edition: int
    tables: Mapping[str, pl.DataFrame]
    sight: Sight


def compare(workspace: Workspace, before: str, after: str, *, internal: bool = False) -> Compared:
    """Compare two editions.

    Args:
        workspace: The workspace.
        before: A year is the draft's edition; a release's name, or the beginning of it with the hyphen, that release.
        after: The same for the later one.
        internal: Whether to compare the internal marts, all cities and all values.

    Raises:
        DifferenceError: If there is no such edition, or its scores cannot be made again from its values.
        ReleaseError: If there is no such release, or what it says of itself was changed.
    """
    one, other = (_side(workspace, word, internal) for word in (before, after))
    parts, kpis = compared(one.sight, other.sight, is_public=not internal)
    _check(parts, one, other)
    names: dict[str, str] = {}
    for side in (one, other):
        names |= dict(side.tables["dim_city"].select("city_id", "name").rows())
    return Compared(
        one.label,
        other.label,
        not internal,
        bool(other.tables["dim_edition"]["is_demo"].all()),
        any(side.tables["dim_edition"]["status"].item() != "release" for side in (one, other)),
        parts,
        kpis,
        _values(one, other),
        names,
        dict(other.tables["dim_kpi"].select("node", "name").rows()),
    )


def _side(workspace: Workspace, word: str, internal: bool) -> _Side:
    """The mart that somebody means, with its method and framework."""
    if word.isdecimal() and len(word) == 4:
        edition, label = int(word), f"{word} (draft)"
        with opened_mart(workspace, internal):
            path = path_of(workspace, internal)
        framework_path, method_path = None, workspace.method_path
    else:
        release = releases.find(workspace, word)
        if release.damage is not None:
            raise ReleaseError(release.damage)
        withdrawn = ", withdrawn" if release.withdrawn_because is not None else ""
        edition, label = release.edition, f"{release.edition} (release {release.name}{withdrawn})"
        path = release.internal_mart if internal else release.public_mart
        framework_path, method_path = release.folder / FRAMEWORK, release.folder / METHOD
    tables = _tables(path)
    known = tables["dim_edition"].filter(edition=edition)
    if known.is_empty():
        there = ", ".join(map(str, sorted(tables["dim_edition"]["edition"]))) or "none"
        raise DifferenceError(f"{path.name} has no edition {edition}; it has {there}. Name a year, or a release.")
    if known["method_sha256"].item() != hashlib.sha256(method_path.read_bytes()).hexdigest():
        raise DifferenceError(f"{method_path.name} has changed since the mart was built. Run `ssc-index build` first.")
    own = {
        name: tables[name].filter(edition=edition) if "edition" in tables[name].columns else tables[name]
        for name in TABLES
    }
    opened, shown = _seen(own)
    values = own["fact_value"].select("city_id", "data_point", "value", year="value_year")
    sight = Sight(
        edition,
        values.join(opened, on="city_id", how="semi"),
        own["dim_city"].join(opened, on="city_id", how="semi").select("city_id", *GROUPS),
        shown.clear() if internal else shown,
        read_framework_csv(framework_path) if framework_path else load_catalogue().framework(edition),
        read_edition_method(method_path),
    )
    return _Side(label, edition, own, sight)


def _tables(path: Path) -> dict[str, pl.DataFrame]:
    """Tables of a mart that a comparison asks for."""
    with connect(path, read_only=True) as connection:
        return {name: connection.table(name).pl() for name in TABLES}


def _seen(tables: Mapping[str, pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cities of which the mart shows every node, and the index scores that it shows."""
    scores = tables["fact_score"]
    opened = scores.filter(pl.col("level") == "data_point").select("city_id").unique().sort("city_id")
    index = scores.filter((pl.col("level") == "index") & pl.col("score").is_not_null())
    return opened, index.select("city_id", "score", "rank").sort("city_id")


def _check(parts: pl.DataFrame, before: _Side, after: _Side) -> None:
    """Refuse to explain scores that the engine, as it is now, does not make of the same values."""
    for side, when in ((before, "before"), (after, "after")):
        published = _seen(side.tables)[1].select("city_id", "score")
        both = parts.select("city_id", pl.col(f"score_{when}").alias("made")).join(
            published, on="city_id", how="full", coalesce=True
        )
        gap = (pl.col("made") - pl.col("score")).abs().fill_null(float("inf"))
        wrong = both.filter((pl.col("made").is_not_null() | pl.col("score").is_not_null()) & (gap > AS_GOOD_AS_EQUAL))
        if wrong.height:
            raise DifferenceError(
                f"{side.label}: the scores of {wrong.height} cities come out otherwise from the same values, so that "
                "the engine is another now, and a comparison would mix that in. Compare with the version that made it"
                + (", or run `ssc-index build` first." if "draft" in side.label else ".")
            )


def _values(before: _Side, after: _Side) -> pl.DataFrame:
    """Values that are seen in either edition, side by side, where they differ in number or year."""
    key = ["city_id", "data_point", "kpi_code"]
    one, other = (
        side.tables["fact_value"].select(
            *key, pl.col("value").alias(f"value_{when}"), pl.col("value_year").alias(f"year_{when}")
        )
        for side, when in ((before, "before"), (after, "after"))
    )
    both = one.join(other, on=key, how="full", coalesce=True)
    same = pl.col("value_before").eq_missing(pl.col("value_after")) & pl.col("year_before").eq_missing(
        pl.col("year_after")
    )
    return both.filter(~same).sort(key)
