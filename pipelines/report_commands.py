"""Commands that make what people read: the explorer site, factsheets, pages in the terminal.

What belongs here: options, reading the public mart, writing files. What does not: what is in them (`reports`).
No command here reads the internal mart.
"""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.console import (
    UNUSABLE,
    ReleaseOption,
    WorkspaceOption,
    folder_for,
    marts_of,
    opened,
    progress_bar,
    screen,
    short_path,
    stop,
    told_errors,
)
from pipelines.exports import note_export


class Kind(StrEnum):
    """What is set of a city."""

    FACTSHEET = "factsheet"
    SNAPSHOT = "snapshot"
    CERTIFICATE = "certificate"


if TYPE_CHECKING:
    from assets.workspace import Workspace
    from reports.mart import PublicMart


def read_public_mart(place: Workspace) -> PublicMart:
    """The public mart of a workspace as reports take it."""
    return read_mart(place, internal=False)


def read_mart(place: Workspace, *, internal: bool) -> PublicMart:
    """A mart of a workspace as reports take it; only the audit for the index team takes the internal one."""
    from pipelines.show import opened_mart
    from reports.mart import TABLES, PublicMart

    with opened_mart(place, internal) as connection:
        tables = {name: connection.table(name).pl() for name in TABLES}
    path = place.internal_mart if internal else place.public_mart
    manifest = path.with_name(f"{path.stem}_manifest.json")
    content = json.loads(manifest.read_text(encoding="utf-8"))["content_sha256"] if manifest.is_file() else ""
    return PublicMart(tables, place.name, place.is_demo, content, is_public=not internal)


def method_text(place: Workspace, mart: PublicMart) -> str:
    """The method file, if it is the one that the mart was computed by."""
    from reports.mart import ReportError

    text = place.method_path.read_bytes()
    used = set(mart["dim_edition"]["method_sha256"].to_list())
    if used - {hashlib.sha256(text).hexdigest()}:
        raise ReportError(
            f"{place.method_path.name} has changed since the mart was built. Run `ssc-index build` first."
        )
    return text.decode("utf-8-sig")


def site(
    workspace: WorkspaceOption = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write. Default: site/ beside the marts.")] = None,
    release: ReleaseOption = None,
) -> None:
    """Write the explorer: static pages that any browser opens, from the public mart alone."""
    from reports.audit.document import set_audit
    from reports.audit.page import AUDIT
    from reports.pdf import PdfMaker
    from reports.site.build import write_site
    from ssc_index.framework.catalogue import load_catalogue
    from ssc_index.method import read_method

    place = opened(workspace)
    source = marts_of(place, release)
    folder = out or folder_for(place, source, "site")
    with told_errors(), progress_bar() as listener:
        mart = read_public_mart(source)
        text = method_text(source, mart)
        catalogue, method = load_catalogue(), read_method(source.method_path)
        audits = {
            edition: set_audit(mart, catalogue, method, edition, PdfMaker(None, AUDIT))
            for edition in mart.editions[-1:]
        }
        written = write_site(
            folder,
            mart,
            catalogue,
            method,
            text,
            lambda done, total: listener("Writing cities", done, total),
            audits,
        )
        note_export(place, "site", "public", folder.name, mart.content_sha256)
    typer.echo(f"Wrote {written.files} files, {written.bytes / 1e6:.1f} MB. Open {short_path(written.index)}")


def factsheet(
    city: Annotated[
        str | None, typer.Argument(help="City, by its key or a part of its name; `leader`: the first of the ranking.")
    ] = None,
    workspace: WorkspaceOption = None,
    edition: Annotated[int | None, typer.Option(help="Edition. Default: the latest.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All cities with public scores of the edition.")] = False,
    kind: Annotated[
        Kind, typer.Option(help="factsheet: PDF and HTML; snapshot: one page; certificate: one page that attests.")
    ] = Kind.FACTSHEET,
    out: Annotated[Path | None, typer.Option(help="Folder to write. Default: factsheets/ beside the marts.")] = None,
    fonts: Annotated[
        Path | None, typer.Option(help="Folder of fonts for scripts beyond Latin, Greek, Cyrillic. Or SSC_INDEX_FONTS.")
    ] = None,
    release: ReleaseOption = None,
) -> None:
    """Write factsheets, PDF and HTML, or what is told of a city on one page, from the public mart alone."""
    from reports.factsheet.facts import FactsheetMaker
    from reports.factsheet.page import page
    from reports.mart import NO_EDITION, ReportError
    from reports.pdf import CERTIFICATE, FACTSHEET, SNAPSHOT, PdfMaker
    from ssc_index.framework.catalogue import load_catalogue
    from ssc_index.method import read_method

    if (city is None) == (not every):
        stop("Name a city, or give --all.", UNUSABLE)
    place = opened(workspace)
    source = marts_of(place, release)
    folder = out or folder_for(place, source, "factsheets")
    with told_errors(), progress_bar() as listener:
        mart = read_public_mart(source)
        method_text(source, mart)
        if not mart.editions:
            stop(NO_EDITION, UNUSABLE)
        maker = FactsheetMaker(mart, load_catalogue(), read_method(source.method_path), edition or mart.editions[-1])
        cities = maker.cities if city is None else [maker.leader if city == "leader" else mart.city_named(city)]
        setter = PdfMaker(fonts, {Kind.SNAPSHOT: SNAPSHOT, Kind.CERTIFICATE: CERTIFICATE}.get(kind, FACTSHEET))
        folder.mkdir(parents=True, exist_ok=True)
        left_out: list[str] = []
        end = f"{maker.edition}" if kind is Kind.FACTSHEET else f"{maker.edition}-{kind.value}"

        def write(key: str) -> str:
            try:
                facts = maker.certificate(key) if kind is Kind.CERTIFICATE else maker.facts(key)
            except ReportError as error:
                if not every:
                    raise
                left_out.append(key)
                return str(error)
            pdf, remark = setter.pdf(facts)
            (folder / f"{key}-{end}.pdf").write_bytes(pdf)
            if kind is Kind.FACTSHEET:
                (folder / f"{key}-{end}.html").write_text(page(facts), encoding="utf-8")
            return remark

        # Typst sets without holding Python's lock, so that threads use every core.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for count, remark in enumerate(pool.map(write, cities), start=1):
                if remark:
                    typer.secho(remark, err=True, fg="yellow")
                listener(f"Setting {kind.value}s", count, len(cities))
        cities = [key for key in cities if key not in left_out]
        what = f"{len(cities)} {kind.value}s of {maker.edition}"
        note_export(place, what, "public", folder.name, mart.content_sha256)
    is_both = kind is Kind.FACTSHEET
    if not every:
        beside = " and .html beside it" if is_both else ""
        typer.echo(f"Wrote {short_path(folder / f'{cities[0]}-{end}.pdf')}{beside}.")
    else:
        formats = "PDF and HTML" if is_both else "PDF"
        named = kind.value if len(cities) == 1 else f"{kind.value}s"
        typer.echo(f"Wrote {len(cities)} {named} of the edition {maker.edition}, {formats}, to {short_path(folder)}.")


def show(
    what: Annotated[str, typer.Argument(help="A city, a KPI, `ranking` or `movers`.")] = "ranking",
    workspace: WorkspaceOption = None,
    edition: Annotated[int | None, typer.Option(help="Edition. Default: the latest.")] = None,
    since: Annotated[int | None, typer.Option(help="Earlier edition, for movers. Default: the one before.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All cities of the ranking, not the first twenty.")] = False,
    release: ReleaseOption = None,
) -> None:
    """Show a city, a KPI, the ranking or the movers in the terminal, from the public mart alone."""
    from reports import terminal
    from reports.factsheet.facts import FactsheetMaker
    from reports.mart import NO_EDITION
    from ssc_index.framework.catalogue import load_catalogue
    from ssc_index.method import read_method

    place = marts_of(opened(workspace), release)
    with told_errors():
        mart = read_public_mart(place)
        if not mart.editions:
            stop(NO_EDITION, UNUSABLE)
        year = edition or mart.editions[-1]
        mart.edition_row(year)
        catalogue = load_catalogue()
        if what == "ranking":
            page = terminal.ranking(mart, year, every)
        elif what == "movers":
            page = terminal.movers(mart, year, since)
        elif (kpi := catalogue.kpi_named(what)) is not None:
            page = terminal.kpi(mart, catalogue, kpi.code, year)
        else:
            maker = FactsheetMaker(mart, catalogue, read_method(place.method_path), year)
            page = terminal.city(maker.facts(mart.city_named(what)), mart)
    screen().print(page)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Examples: ssc-index site --workspace workspaces/demo --out site · site --release current")(site)
    app.command(epilog="Examples: ssc-index show ranking · show movers · show karmoy · show EC_ICT_ICT_1C")(show)
    app.command(
        epilog="Examples: ssc-index factsheet karmoy · factsheet --all --edition 2024 --kind snapshot · "
        "factsheet --all --kind certificate --release current"
    )(factsheet)
