"""Commands for whoever runs the programme: ``cities`` and ``exports``.

What belongs here: options and layout. What does not: where a city stands (`intake/participation.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.console import KEPT_OUT, UNUSABLE, JsonOption, WorkspaceOption, opened, screen, stop, told_errors

if TYPE_CHECKING:
    from assets.workspace import Workspace
    from intake.participation import Progress, Record

WORDS = {
    "none": "nothing yet",
    "letter_of_interest": "letter of interest",
    "terms_accepted": "terms accepted",
    "focal_point": "focal point named",
    "collection": "collecting",
    "received": "received",
    "screened": "screened",
    "questions": "questions asked",
    "outcome": "verified or rejected",
    "verified": "verified",
    "partly_verified": "partly verified",
    "rejected": "rejected",
}
COUNTED = "select city_id, year from dim_submission where is_latest and n_values > 0"


def cities(
    city: Annotated[str | None, typer.Argument(help="One city, by its key, a name or a former name.")] = None,
    workspace: WorkspaceOption = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what is past its deadline.")] = False,
    on: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="As it stood on a day. Default: today.")
    ] = None,
    draw_pseudonym: Annotated[
        bool, typer.Option("--draw-pseudonym", help="Have the city counted but not named, from the next build on.")
    ] = False,
    erase: Annotated[
        bool, typer.Option("--erase-focal-points", help="Erase who speaks for the city, here and in its receipts.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the participating cities, what each has done and what is due; or show one.

    Ends with 1 if the register or what belongs to it has faults, all of which are told.
    """
    from intake.participation import read_participation
    from intake.register import REGISTER_NAME, read_register

    place = opened(workspace)
    day = on.date() if on else datetime.now(UTC).date()
    with told_errors():
        register, faults = read_register(place.raw / REGISTER_NAME)
        rows = {row["city_id"]: row for row in register.to_dicts()}
        record = read_participation(place.raw, rows)
        messages = [*faults["message"].to_list(), *record.faults["message"].to_list()]
        key = None if city is None else _found(rows, city)
        if erase or draw_pseudonym:
            _change(place, key, rows, erase=erase)
            return
        standing = [one for one in _standing(place, record, day) if key in (None, one.city_id)]
    if overdue:
        standing = [one for one in standing if one.days_overdue is not None]
    if key is not None:
        _show_one(place, rows[key], standing, record, as_json=as_json)
    elif as_json:
        typer.echo(json.dumps({"as_of": str(day), "cities": [_facts(one) for one in standing], "faults": messages}))
    else:
        _show_list(standing, rows, day, overdue=overdue)
    for message in messages if not as_json else ():
        typer.secho(message, err=True, fg="yellow")
    if messages:
        raise typer.Exit(KEPT_OUT)


def _found(rows: Mapping[str, dict[str, Any]], wanted: str) -> str:
    """The key of the city that a text means: by its key, else by any of its spellings."""
    from intake.names import folded, spellings

    named = [key for key, row in rows.items() if folded(wanted) in spellings(row["name"], row["aliases"])]
    if wanted not in rows and len(named) != 1:
        near = [key for key, row in rows.items() if folded(wanted) in folded(f"{key} {row['name']}")]
        hint = f"Do you mean {', '.join((named or near)[:5])}?" if named or near else "See `ssc-index cities`."
        stop(f"{wanted} is {'the name of several cities' if named else 'no city of the register'}. {hint}", UNUSABLE)
    return wanted if wanted in rows else named[0]


def _standing(place: Workspace, record: Record, day: date) -> list[Progress]:
    """Where every round stands on a day; a submission without a round is one all the same."""
    from intake import lines
    from intake.participation import Participation, progress
    from intake.reading import received
    from intake.review import ENDS, read_review

    came: dict[tuple[str, int], dict[str, date]] = {}
    outcomes: dict[tuple[str, int], str] = {}
    for one in received(place.raw):
        steps = came.setdefault((one.city_id, one.year), {})
        if one.received_on is not None:
            steps.setdefault("received", one.received_on)
        review, _ = read_review(one.path, (one.city_id, one.year))
        asked = [question.asked for question in review.questions.values()]
        told = {"screened": review.screened, "questions": min(asked, default=None)}
        outcome = one.fields.get("verification_outcome", "").casefold()
        if outcome in ENDS:
            told["outcome"] = one.fields.get("verified_on") or review.on or None
            outcomes[one.city_id, one.year] = outcome
        # A build tells of a date that is none; here it is a step without one, which is not shown.
        days = {step: lines.day(text[:10]) for step, text in told.items() if text}
        steps |= {step: reached for step, reached in days.items() if reached is not None}
    rounds = {(one.city_id, one.year): one for one in record.rounds}
    rounds |= {key: Participation(*key) for key in came if key not in rounds}
    persons = {key: [one for one in record.focal_points if one.city_id == key] for key, _ in rounds}
    # What an edition counted on an earlier day is not kept.
    counted = _counted(place) if day >= datetime.now(UTC).date() else set()
    standing = []
    for key in sorted(rounds):
        stands = progress(rounds[key], day, came.get(key, {}), persons[key[0]])
        if "outcome" in stands.reached:
            stands = replace(stands, outcome=outcomes.get(key), is_in_index=key in counted)
        standing.append(stands)
    return standing


def _counted(place: Workspace) -> set[tuple[str, int]]:
    """Cities and years that an edition of the year counts; none where nothing was built."""
    if not place.internal_mart.exists():
        return set()
    from pipelines.show import read

    return {(row["city_id"], row["year"]) for row in read(place, COUNTED, internal=True).to_dicts()}


def _stands_at(one: Progress) -> str:
    """The last step in words: of an outcome which, and whether it is in the index."""
    return "in the index" if one.is_in_index else WORDS[one.outcome or one.step]


def _facts(one: Progress) -> dict[str, Any]:
    facts = asdict(one)
    facts["reached"] = {step: str(day) for step, day in one.reached.items()}
    facts["deadline"] = None if one.deadline is None else str(one.deadline)
    return facts


def _show_list(standing: Sequence[Progress], rows: Mapping[str, dict[str, Any]], day: date, *, overdue: bool) -> None:
    from rich.table import Table

    console = screen()
    if not standing:
        console.print("Nothing is overdue." if overdue else "No city takes part yet. Write raw/participation.csv.")
        return
    table = Table(title=f"Participating cities on {day}", title_justify="left", box=None, padding=(0, 1, 0, 0))
    for name, width in (("City", 22), ("Year", 4), ("Stands at", 20), ("since", 10), ("Due", 10), ("", 12)):
        table.add_column(name, max_width=width, no_wrap=True)
    for one in standing:
        since = one.reached.get(one.step)
        late = "" if one.days_overdue is None else f"{one.days_overdue} d late"
        due = one.deadline if "received" not in one.reached else None
        name = rows[one.city_id]["name"] if one.city_id in rows else one.city_id
        table.add_row(name, str(one.year), _stands_at(one), str(since or "–"), str(due or "–"), late)
    console.print(table)


def _show_one(
    place: Workspace, row: Mapping[str, Any], standing: Sequence[Progress], record: Record, *, as_json: bool
) -> None:
    """One city: who it is, who speaks for it, and what happened when."""
    from intake.participation import PHASES

    persons = [one for one in record.focal_points if one.city_id == row["city_id"]]
    if as_json:
        told = {name: None if value is None else str(value) for name, value in row.items()}
        people = [asdict(one) for one in persons]
        typer.echo(json.dumps({**told, "focal_points": people, "rounds": [_facts(one) for one in standing]}))
        return
    console = screen()
    console.print(f"{row['name']} ({row['city_id']}), {row['country']}", style="bold")
    if row["aliases"]:
        console.print(f"Also {row['aliases']}.")
    if row["ended_on"]:
        into = f", part of {row['merged_into']} since" if row["merged_into"] else ""
        console.print(f"Ended on {row['ended_on']}{into}.")
    if row["pseudonym"]:
        console.print(f"Counted but not named; the public knows it as {row['pseudonym']}.")
    for person in persons:
        contact = ", ".join(text for text in (person.role, person.email, person.phone) if text)
        console.print(f"Focal point: {person.name}{' – ' + contact if contact else ''}")
    for one in standing:
        late = "" if one.days_overdue is None else f", {one.days_overdue} days overdue"
        due = f"; due {one.deadline}{late}" if one.deadline else ""
        counted = ", in the index" if one.is_in_index else ""
        console.print(f"\n{one.year}: {WORDS[one.outcome or one.step]}{counted}{due}", style="bold")
        for step, day in one.reached.items():
            word = WORDS[one.outcome] if step == "outcome" and one.outcome else WORDS[step]
            console.print(f"  {day}  phase {PHASES[step]}  {word}")
        if one.next_step:
            console.print(f"  next: {WORDS[one.next_step]}")


def _change(place: Workspace, key: str | None, rows: Mapping[str, dict[str, Any]], *, erase: bool) -> None:
    """Erase persons, or draw a pseudonym."""
    from intake.participation import erase_focal_points
    from intake.register import REGISTER_NAME, write_pseudonym

    if key is None:
        stop("Name the city that is meant.", UNUSABLE)
    if erase:
        count = erase_focal_points(place.raw, key)
        told = f"Erased {count} focal point{'' if count == 1 else 's'} of {key}."
        typer.echo(told if count else f"No focal point of {key} is on file; nothing was erased.")
        return
    if rows[key]["pseudonym"]:
        stop(f"{key} has the pseudonym {rows[key]['pseudonym']} already.", UNUSABLE)
    taken = {row["pseudonym"] for row in rows.values()}
    text = write_pseudonym(place.raw / REGISTER_NAME, key, taken)
    typer.echo(f"{key} is known to the public as {text} from the next build on.")


def exports(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List what was written out of the workspace, by whom and when. Ends with 1 if the log was changed by hand."""
    from rich.table import Table

    from pipelines.exports import entries

    place = opened(workspace)
    with told_errors():
        lines, faults = entries(place)
    if as_json:
        typer.echo(json.dumps({"exports": lines, "faults": faults}))
    else:
        table = Table(title="Exports, the oldest first", title_justify="left", box=None, padding=(0, 1, 0, 0))
        for name in ("When", "Who", "What", "For", "Where"):
            table.add_column(name, overflow="fold")
        for line in lines:
            table.add_row(line["at"], line["by"], line["what"], line["audience"], line["target"])
        screen().print(table if lines else "Nothing was exported yet.")
        for fault in faults:
            typer.secho(f"exports.csv: {fault}", err=True, fg="red")
    if faults:
        raise typer.Exit(KEPT_OUT)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(
        epilog="Examples: ssc-index cities · ssc-index cities --overdue --as-of 2026-06-30 · ssc-index cities no-karmoy"
    )(cities)
    app.command(epilog="Example: ssc-index exports --json")(exports)
