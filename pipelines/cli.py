"""The command line ``ssc-index``.

What belongs here: commands, their options and exit codes. What does not: work; each command calls it where it is
needed, so that ``--help`` stays quick.

Exit codes: 0 done; 1 done, but something was kept out and ``--strict`` was asked for; 2 the command or its input
cannot be used; 3 a build failed and the published marts are the old ones.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer
from typer.core import TyperArgument, TyperGroup
from typer.utils import get_params_from_function

from pipelines import (
    audit_commands,
    check_commands,
    city_commands,
    city_reports,
    diff_commands,
    ending,
    processor,
    release_commands,
    report_commands,
    review_commands,
    schedule_commands,
    server_commands,
    uncertainty_commands,
)
from pipelines.console import (
    FAILED,
    KEPT_OUT,
    UNUSABLE,
    JsonOption,
    ReleaseOption,
    WorkspaceOption,
    marts_of,
    opened,
    progress_bar,
    screen,
    stop,
    told_errors,
    years_told,
)

if TYPE_CHECKING:
    from assets.workspace import Workspace
    from intake.template import LastReport

os.environ.setdefault("POLARS_ENGINE_AFFINITY", "in-memory")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
processor.prefer_quick_sorts()


class Commands(TyperGroup):
    """The commands. What goes wrong where none of them looks for it, in settings for one, is told without a trace."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that is asked for."""
        with told_errors():
            return super().invoke(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name. Typer below 0.26 and Click 8.5 lose what its arguments are: it is put back."""
        found = super().get_command(ctx, cmd_name)
        if found is not None and found.callback is not None:
            told = get_params_from_function(found.callback)
            for one in found.params:
                if isinstance(one, TyperArgument) and one.name in told:
                    one.help = one.help or told[one.name].default.help
        return found


class Application(typer.Typer):
    """The command line; called without arguments it is the process's own, which ends with the command."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command that the process, or the caller, was given."""
        try:
            return super().__call__(*args, **kwargs)
        except SystemExit as end:
            if isinstance(end.code, int) and not (args or kwargs):
                ending.end_with(end.code)
            raise


app = Application(
    name="ssc-index",
    cls=Commands,
    help="The Global Smart Sustainable Cities Index, from verified workbooks to marts.",
    epilog="Example: ssc-index demo && ssc-index build --workspace workspaces/demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.command(epilog="Example: ssc-index template --city no-karmoy --year 2025 --out karmoy-2025.xlsx")
def template(
    city: Annotated[str, typer.Option(help="City of the register, by its key.")],
    year: Annotated[int, typer.Option(min=2000, max=2100, help="Reference year.")],
    out: Annotated[Path, typer.Option(help="Workbook to write.")],
    workspace: WorkspaceOption = None,
    population: Annotated[float | None, typer.Option(help="Inhabitants, filled in where they are asked for.")] = None,
    households: Annotated[float | None, typer.Option(help="Households, filled in where they are asked for.")] = None,
    language: Annotated[str, typer.Option(help="Language of the form's own texts.")] = "en",
) -> None:
    """Write the workbook that a city fills in.

    What the city reported last stands beside, for comparison, where the workspace has been built.
    """
    from intake.addresses import sha256_of
    from intake.form_texts import languages
    from intake.register import read_register
    from intake.template import City, write_workbook
    from pipelines.exports import note_export
    from ssc_index.framework.catalogue import load_catalogue

    place = opened(workspace)
    register, _faults = read_register(place.raw / "cities.csv")
    known = {row["city_id"]: row for row in register.to_dicts()}
    if city not in known:
        near = [name for name in known if city.lower() in name or name in city.lower()] or sorted(known)[:5]
        stop(
            f"{city} is not in {place.raw / 'cities.csv'}. Known are, for example: {', '.join(near)}.",
            UNUSABLE,
        )
    if not out.parent.is_dir():
        stop(f"There is no folder {out.parent} to write {out.name} to.", UNUSABLE)
    if language not in languages():
        stop(f"The form is not there in {language!r}; known are {', '.join(languages())}.", UNUSABLE)
    last = last_report(place, city, year)
    # What changes from year to year is asked for anew; area and currency seldom do.
    profile = {name: last.profile.get(name) for name in ("area_km2", "currency")} if last else {}
    if last:  # what the city reported is for the city alone
        out.touch(mode=0o600)
        out.chmod(0o600)
    write_workbook(
        out,
        load_catalogue(),
        city=City(city, known[city]["name"], known[city]["country"]),
        year=year,
        profile={**profile, "population": population, "households": households},
        last=last,
        language=language,
        is_demo=place.is_demo,
    )
    if last:
        with told_errors():
            note_export(place, f"template with the report of {last.year}", city, out.name, sha256_of(out))
    beside = f", with the report of {last.year} beside" if last else ""
    typer.echo(f"Wrote {out}{beside}.")


def last_report(place: Workspace, city: str, year: int) -> LastReport | None:
    """What a city reported last before a year; None where nothing is known, or nothing has been built."""
    from assets.past import LAST_PROFILE, LAST_VALUES
    from assets.warehouse import read_queries
    from intake.template import LastReport

    if not place.warehouse.exists():
        return None
    with told_errors():
        found = read_queries(
            place.warehouse, {"values": (LAST_VALUES, [city, year]), "profile": (LAST_PROFILE, [city, year])}
        )
    values = found["values"]
    if values.is_empty():
        return None
    profile = found["profile"].row(0, named=True)
    return LastReport(values["year"][0], dict(zip(values["data_point"], values["value"], strict=True)), profile)


@app.command(epilog="Example: ssc-index demo --workspace workspaces/demo --cities 60 --seed 2026")
def demo(
    workspace: Annotated[Path, typer.Option("--workspace", "-w", help="Folder to make.")] = Path("workspaces/demo"),
    cities: Annotated[int, typer.Option(min=1, max=5000, help="Number of invented cities.")] = 60,
    first: Annotated[int, typer.Option("--from", help="First year.")] = 2021,
    last: Annotated[int, typer.Option("--to", help="Last year.")] = 2025,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 2026,
    if_absent: Annotated[bool, typer.Option(help="Do nothing where the cohort is there.")] = False,
) -> None:
    """Make a cohort of invented cities to try things on."""
    from intake.demo import make_demo
    from ssc_index.framework.catalogue import load_catalogue

    if if_absent and (workspace / "raw").is_dir():
        return
    with told_errors(), progress_bar() as listener:
        summary = make_demo(
            workspace,
            load_catalogue(),
            seed=seed,
            cities=cities,
            years=range(first, last + 1),
            progress=lambda done, total: listener("Writing demo workbooks", done, total),
        )
    typer.echo(f"Wrote {summary.files} workbooks of {cities} invented cities to {workspace}.")


@app.command(
    epilog="Examples: ssc-index build · ssc-index build --edition 2024 · ssc-index build --from 2021 --to 2024 --strict"
    " · ssc-index build --as-of 2026-03-31"
)
def build(
    workspace: WorkspaceOption = None,
    edition: Annotated[int | None, typer.Option(help="Build one edition.")] = None,
    first: Annotated[int | None, typer.Option("--from", help="First edition of a range.")] = None,
    last: Annotated[int | None, typer.Option("--to", help="Last edition of a range.")] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="DAY|MOMENT",
            help="Build from what was received by then, in marts of its own below as-of/. A day counts to its end; "
            "without a zone it is UTC.",
        ),
    ] = None,
    afresh: Annotated[bool, typer.Option("--afresh", help="Compute everything anew, changed or not.")] = False,
    strict: Annotated[bool, typer.Option(help="End with 1 if anything was kept out as an error.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take in submissions, compute the editions that are stale, publish the marts."""
    from assets.memory import loading

    with loading():
        from pipelines import run, show

    place = opened(workspace, _moment(as_of) if as_of else None)
    with told_errors(FAILED):
        years = _years(place, edition, first, last)
    with told_errors(FAILED), progress_bar(quiet=as_json) as listener:
        from assets import progress

        with progress.shown_by(listener):
            outcome = run.build(place, *years, afresh=afresh)
    errors = show.count_errors(place) if as_json or strict else 0
    if as_json:
        typer.echo(
            json.dumps(
                show.summary(place)
                | {
                    "run_id": outcome.run_id,
                    "is_unchanged": outcome.is_unchanged,
                    "computed": list(outcome.computed),
                    "kept_out_as_error": errors,
                }
            )
        )
    else:
        if outcome.is_unchanged:
            typer.echo("Nothing has changed since the last build.")
        else:
            anew = years_told(outcome.computed)
            typer.echo(
                f"Computed: {anew}. Any other edition stands as it was." if anew else "No edition had to be computed."
            )
        show.show_build(screen(), place)
    if strict and errors:
        raise typer.Exit(KEPT_OUT)


def _moment(text: str) -> datetime:
    """The moment of a view: the last second of a day that is named alone; UTC where no zone is told.

    >>> _moment("2026-03-31").isoformat(), _moment("2026-03-31T01:30+02:00").isoformat()
    ('2026-03-31T23:59:59+00:00', '2026-03-30T23:30:00+00:00')
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        stop(
            f"--as-of {text} is no day and no moment; write 2026-03-31, 2026-03-31T12:00 or 2026-03-31T12:00+02:00.",
            UNUSABLE,
        )
    if moment.microsecond:
        stop(f"--as-of {text} has a fraction of a second; whole seconds tell views apart.", UNUSABLE)
    if len(text) <= len("2026-03-31"):
        moment = moment.replace(hour=23, minute=59, second=59)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _years(place: Workspace, edition: int | None, first: int | None, last: int | None) -> tuple[int, int]:
    """The range of editions that options mean; without any, all years with receipts."""
    from pipelines.ranges import known_years, received_years

    if edition is None and first is None and last is None:
        return received_years(place)

    earliest, latest = known_years()
    if edition is not None and (first is not None or last is not None):
        stop("Give either --edition, or --from and --to.", UNUSABLE)
    years = (edition, edition) if edition is not None else (first or earliest, last or latest)
    if years[0] > years[1]:
        stop(
            f"--from {years[0]} lies after --to {years[1]}. Editions are built in the order of the years, in one run: "
            f"--from {years[1]} --to {years[0]}.",
            UNUSABLE,
        )
    if not earliest <= years[0] <= years[1] <= latest:
        asked = years_told(range(years[0], years[1] + 1))
        stop(f"Editions go from {earliest} to {latest}; {asked} does not lie within.", UNUSABLE)
    return years


@app.command(epilog="Example: ssc-index compute --framework F.csv --values V.csv --method M.yaml --out results")
def compute(
    framework: Annotated[Path, typer.Option(help="CSV with one row per node.")],
    values: Annotated[Path, typer.Option(help="CSV or Parquet, wide or long.")],
    out: Annotated[Path, typer.Option(help="Folder for scores.csv, one CSV per step and run.json.")],
    method: Annotated[Path | None, typer.Option(help="Method file, YAML.")] = None,
    parameters: Annotated[
        Path | None,
        typer.Option(help="Folder of an earlier result: score units outside its cohort by its method and parameters."),
    ] = None,
    audit: Annotated[bool, typer.Option("--audit", help="Also write audit_*.csv: one more run for each node.")] = False,
    uncertainty: Annotated[
        bool, typer.Option("--uncertainty", help="Also write what `ssc-index uncertainty` writes, of the last year.")
    ] = False,
    grades: uncertainty_commands.GradesOption = None,
    provisional: uncertainty_commands.ProvisionalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute any index from files: framework, values, method.

    The framework has a row per node: code, parent, direction, weight, low, high … (the root without parent).
    The values have a column 'unit', optionally 'year', and one per indicator, or the columns unit, year, code,
    value; an empty cell is missing. The method is a list of steps: screen, treat, normalise, impute, weights,
    aggregate …

    All columns, steps and files of the result are in docs/method.md; examples/ holds indices that run.
    """
    from ssc_index import files, score_outside

    if (method is None) == (parameters is None):
        raise typer.BadParameter("give either --method or --parameters")
    if audit and method is None:
        raise typer.BadParameter("--audit needs --method: units outside a cohort have no audit of their own")
    if uncertainty and method is None:
        raise typer.BadParameter("--uncertainty needs --method: what is uncertain stands in it")
    if not uncertainty and (grades or provisional):
        raise typer.BadParameter("--grades and --provisional are read with --uncertainty alone")
    with told_errors():
        if method is not None:
            result = files.compute(framework, values, method, out, audit)
            if uncertainty:
                inputs = {"framework": framework, "values": values, "method": method}
                uncertainty_commands.explore(inputs, out, grades, provisional, quiet=as_json)
        else:
            assert parameters is not None
            result = score_outside.compute_outside(framework, values, parameters, out)
    ranked = int((result.ranks[:, 0] >= 1).sum())
    facts = {"units": len(result.units), "ranked": ranked, "steps": len(result.steps), "out": str(out)}
    for note in [*files.left_undone(result.framework, result.method), *files.nearly_tied(result)]:
        typer.echo(f"Note: {note}.", err=True)
    if as_json:
        typer.echo(json.dumps(facts))
        return
    typer.echo(f"Computed {facts['units']} rows in {facts['steps']} steps; {ranked} have a rank. See {out}/scores.csv.")


@app.command(epilog='Example: ssc-index query "select * from ranking where edition = 2025 limit 10"')
def query(
    sql: Annotated[str, typer.Argument(help="One SQL query; see docs/marts.md for the tables.")],
    workspace: WorkspaceOption = None,
    internal: Annotated[bool, typer.Option(help="Ask the internal mart.")] = False,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    release: ReleaseOption = None,
) -> None:
    """Ask a mart, read-only."""
    from pipelines import show

    place = opened(workspace)
    source = marts_of(place, release)
    with told_errors():
        frame = show.ask(source, sql, internal=internal)
        if internal:
            from pipelines.exports import note_export

            note_export(place, "query", "internal", "standard output")
    if as_json:
        typer.echo(frame.write_json())
    elif as_csv:
        from ssc_index.files import without_formulas

        typer.echo(without_formulas(frame).write_csv(), nl=False)
    else:
        show.show_frame(screen(), frame)


@app.command(epilog="Example: ssc-index status --json")
def status(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Tell what is received, verified, kept out and published."""
    from pipelines.status import show_status
    from pipelines.status import status as status_of

    place = opened(workspace)
    with told_errors():
        facts = status_of(place)
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        show_status(screen(), facts)


@app.command(epilog="Example: ssc-index doctor")
def doctor(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Look whether everything that a build needs is in order; end with 2 if not."""
    from pipelines.doctor import examine, show_examination

    findings = examine(workspace)
    if as_json:
        typer.echo(json.dumps([finding.__dict__ for finding in findings]))
    else:
        show_examination(screen(), findings)
    if not all(finding.is_fine for finding in findings):
        raise typer.Exit(UNUSABLE)


report_commands.register(app)
audit_commands.register(app)
check_commands.register(app)
city_commands.register(app)
review_commands.register(app)
city_reports.register(app)
release_commands.register(app)
diff_commands.register(app)
schedule_commands.register(app)
server_commands.register(app)
uncertainty_commands.register(app)


if __name__ == "__main__":
    app()
