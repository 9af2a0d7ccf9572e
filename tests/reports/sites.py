"""What the tests of site and factsheets share: the public mart of the small workspace, with one hostile name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from assets.workspace import open_workspace
from pipelines.report_commands import method_text, read_public_mart
from reports.audit.document import set_audit
from reports.audit.page import AUDIT
from reports.mart import PublicMart
from reports.pdf import PdfMaker
from reports.site.build import Site, write_site
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.method import read_method

HOSTILE = "demo-001-aldermoor"
HOSTILE_NAME = 'Łódź</script><img src=x onerror=alert(1)>&amp;="1"'


def public_mart(root: Path) -> PublicMart:
    """The public mart of a workspace."""
    return read_public_mart(open_workspace(root))


def with_name(mart: PublicMart, city: str, name: str) -> PublicMart:
    """The mart with another name for a city."""
    renamed = pl.when(pl.col("city_id") == city).then(pl.lit(name)).otherwise(pl.col("name")).alias("name")
    return replace(mart, tables={**mart.tables, "dim_city": mart["dim_city"].with_columns(renamed)})


def make_site(root: Path, out: Path, mart: PublicMart | None = None, *, with_audit: bool = False) -> Site:
    """Write the site of a workspace; with the audit, which takes seconds, if so wished."""
    place = open_workspace(root)
    mart = mart or public_mart(root)
    catalogue, method = load_catalogue(), read_method(place.method_path)
    years = mart.editions[-1:] if with_audit else []
    audits = {year: set_audit(mart, catalogue, method, year, PdfMaker(None, AUDIT)) for year in years}
    return write_site(out, mart, catalogue, method, method_text(place, mart), audits=audits)


def written(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
