"""The command ``audit``: the statistical audit of an edition, for the public or for the index team.

What belongs here: options, reading a mart, writing files. What does not: what an audit tells (`reports/audit`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.console import (
    UNUSABLE,
    ReleaseOption,
    WorkspaceOption,
    folder_for,
    marts_of,
    opened,
    progress_bar,
    short_path,
    stop,
    told_errors,
)
from pipelines.exports import note_export


def audit(
    workspace: WorkspaceOption = None,
    edition: Annotated[int | None, typer.Option(help="Edition. Default: the latest.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All editions.")] = False,
    internal: Annotated[
        bool, typer.Option("--internal", help="Of all cities, from the internal mart: for the index team alone.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write. Default: audit/ beside the marts, audit-internal/ for --internal."),
    ] = None,
    fonts: Annotated[
        Path | None, typer.Option(help="Folder of fonts for scripts beyond Latin, Greek, Cyrillic. Or SSC_INDEX_FONTS.")
    ] = None,
    release: ReleaseOption = None,
) -> None:
    """Write the statistical audit of an edition, PDF and HTML, from the public mart alone unless said otherwise."""
    from pipelines.city_reports import write_private
    from pipelines.report_commands import method_text, read_mart
    from reports.audit.document import set_audit
    from reports.audit.page import AUDIT
    from reports.mart import NO_EDITION
    from reports.pdf import PdfMaker
    from ssc_index.framework.catalogue import load_catalogue
    from ssc_index.method import read_method

    if edition is not None and every:
        stop("Give --edition or --all, not both.", UNUSABLE)
    place = opened(workspace)
    source = marts_of(place, release)
    folder = out or folder_for(place, source, "audit-internal" if internal else "audit")
    with told_errors(), progress_bar() as listener:
        mart = read_mart(source, internal=internal)
        method_text(source, mart)
        if not mart.editions:
            stop("The mart has no edition: nothing is verified yet." if internal else NO_EDITION, UNUSABLE)
        editions = mart.editions if every else [edition or mart.editions[-1]]
        catalogue, method, setter = load_catalogue(), read_method(source.method_path), PdfMaker(fonts, AUDIT)
        if not internal:
            folder.mkdir(parents=True, exist_ok=True)
        for count, year in enumerate(editions, start=1):
            written = set_audit(mart, catalogue, method, year, setter)
            contents = {f"audit-{year}.pdf": written.pdf, f"audit-{year}.html": written.html.encode()}
            if internal:
                write_private(place, folder, contents)
            else:
                for name, content in contents.items():
                    (folder / name).write_bytes(content)
            if written.remark:
                typer.secho(written.remark, err=True, fg="yellow")
            listener("Auditing editions", count, len(editions))
        what, audience = f"audit of {', '.join(map(str, editions))}", "internal" if internal else "public"
        note_export(place, what, audience, folder.name, mart.content_sha256)
    typer.echo(written.summary)
    typer.echo(f"Wrote {short_path(folder / f'audit-{editions[-1]}.pdf')} and .html beside it.")


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Examples: ssc-index audit · ssc-index audit --edition 2024 · ssc-index audit --internal")(audit)
