"""Commands that write to a city about its submission: ``findings`` and ``report``.

What belongs here: options, gathering, writing files. What does not: what is told (`reports/verification`) and what is
written into workbooks (`intake/annotate.py`). All of it is for the city alone: mode 0600, and a line in the log.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.case import opened_case
from pipelines.console import UNUSABLE, WorkspaceOption, opened, stop, told_errors
from pipelines.exports import note_export

if TYPE_CHECKING:
    from assets.workspace import Workspace
    from intake.cases import Case
    from reports.verification.facts import Verified

FOLDER = "to-cities"

CityArgument = Annotated[str, typer.Argument(help="City, by its key.")]
YearArgument = Annotated[int, typer.Argument(help="Reference year.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder to write. Default: to-cities/ in the workspace.")]


def findings(city: CityArgument, year: YearArgument, workspace: WorkspaceOption = None, out: OutOption = None) -> None:
    """Write what was found back to a city: at the cells of its own workbook, and as HTML."""
    from intake.annotate import annotated
    from reports.verification.findings_page import findings_page

    place = opened(workspace)
    with told_errors():
        case = latest_case(place, city, year)
        names = {point.id: point.name for point in case.catalogue.data_points}
        rows = case.told_to_city.to_dicts()
        title = f"{case.city} {year}"
        asked = [(one.number, one.data_point, one.text) for one in case.review.open_questions]
        written = {f"{city}-{year}-findings.html": findings_page(title, rows, asked, names).encode()}
        if case.result.kind == "workbook":
            written[f"{city}-{year}-findings.xlsx"] = annotated(case.path, rows, f"Findings: {title}", names, asked)
        folder = write_private(place, out, written)
        note_export(place, "findings", city, folder.name, case.result.file_sha256)
    counts = {word: sum(row["severity"] == word for row in rows) for word in ("error", "warning", "note")}
    told = ", ".join(f"{count} {word}s" for word, count in counts.items())
    typer.echo(f"Wrote {' and '.join(sorted(written))} to {folder}: {told}.")
    if withheld := case.findings.height - len(rows):
        typer.echo(f"Left out: {withheld} for the verifier alone, which would tell of another city.")


def report(
    city: CityArgument,
    year: YearArgument,
    workspace: WorkspaceOption = None,
    out: OutOption = None,
    fonts: Annotated[
        Path | None, typer.Option(help="Folder of fonts for scripts beyond Latin. Or SSC_INDEX_FONTS.")
    ] = None,
) -> None:
    """Write the verification report of a submission, PDF and HTML."""
    from reports.pdf import PdfMaker
    from reports.verification.facts import report_facts
    from reports.verification.report_page import REPORT, report_page

    place = opened(workspace)
    with told_errors():
        case = latest_case(place, city, year)
        facts = report_facts(verified(place, case), case.catalogue)
        maker = PdfMaker(fonts, REPORT)
        legible, strange = maker.legible(facts)
        pdf, remark = maker.pdf(legible, json.dumps(legible, ensure_ascii=False))
        stem = f"{city}-{year}-verification-report"
        written = {f"{stem}.pdf": pdf, f"{stem}.html": report_page(facts).encode()}
        folder = write_private(place, out, written)
        note_export(place, "verification report", city, folder.name, case.result.file_sha256)
    for told in filter(None, (remark, f"No font has {strange}; the PDF shows ? instead." if strange else "")):
        typer.secho(told, err=True, fg="yellow")
    typer.echo(f"Wrote {' and '.join(sorted(written))} to {folder}.")


def latest_case(place: Workspace, city: str, year: int) -> Case:
    """The case of the latest submission of a city and year that has a receipt."""
    from intake.reading import received

    found = [one for one in received(place.raw) if (one.city_id, one.year) == (city, year)]
    if not found:
        years = sorted({one.year for one in received(place.raw) if one.city_id == city})
        hint = f"It has submitted {', '.join(map(str, years))}." if years else "See `ssc-index cities`."
        stop(f"There is no submission of {city} {year}. {hint}", UNUSABLE)
    return opened_case(found[-1].path, city, year)


def verified(place: Workspace, case: Case) -> Verified:
    """A case as its report takes it: values that are verified and sound, and their benchmark points."""
    import polars as pl

    from assets.scoring import benchmark_tables
    from intake.reading import received
    from reports.verification.facts import UNDECIDED, Verified
    from schemas import benchmark

    errors = {row["data_point"]: row["message"] for row in case.findings.to_dicts() if row["severity"] == "error"}
    values = {}
    unverified = {}
    for point, verdict in case.verdicts.items():
        value = case.rows[point]["value"]
        if verdict and point not in errors and value is not None:
            values[point] = float(value)
        else:
            told = errors.get(point) or case.review.reasons.get(point)
            unverified[point] = told or (UNDECIDED if verdict is None else "not verified")
    city, year = case.key
    picked = pl.DataFrame(
        {"city_id": city, "year": year, "data_point": list(values), "value": list(values.values())},
        schema={"city_id": pl.String, "year": pl.Int64, "data_point": pl.String, "value": pl.Float64},
    )
    places = pl.DataFrame({"city_id": [city], "consent": ["none"]})
    scored = benchmark_tables(year, picked, places, case.catalogue)
    points = {row["data_point"]: row for row in scored[benchmark.POINTS.name].to_dicts()}
    cuts = scored[benchmark.SCORES.name].filter(kpi_level="all").to_dicts()
    (line,) = [one for one in received(place.raw) if one.path == case.path and (one.city_id, one.year) == case.key]
    outcome = line.fields.get("verification_outcome") or "pending"
    return Verified(
        city=case.city,
        city_id=city,
        year=year,
        outcome=outcome,
        mode=line.fields.get("verification_mode", ""),
        on=line.fields.get("verified_on", ""),
        verifier=line.fields.get("verifier", ""),
        received_on=str(line.received_on or ""),
        values=values,
        unverified=unverified,
        points=points,
        cuts={(row["cut"], row["node"]): row for row in cuts},
        findings=case.told_to_city.to_dicts(),
        accepted=case.accepted_to_city,
        questions=[(one.number, one.data_point, one.text, one.answer or "") for one in case.review.questions.values()],
        is_demo=place.is_demo,
    )


def write_private(place: Workspace, out: Path | None, contents: dict[str, bytes]) -> Path:
    """Write files that only their owner may read."""
    folder = out or place.root / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in contents.items():
        new = folder / f".{name}.new"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        new.replace(folder / name)
    return folder


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: ssc-index findings no-karmoy 2025")(findings)
    app.command(epilog="Example: ssc-index report no-karmoy 2025")(report)
