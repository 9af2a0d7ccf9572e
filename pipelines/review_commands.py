"""Commands for whoever verifies a submission: ``review``.

What belongs here: options. What does not: what may be done when (`intake/review.py`), the questions of the walk
(`walk.py`), and what both share (`case.py`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.case import VERIFIER_VARIABLE, facts, opened_case, record_events, show_case, verifier
from pipelines.console import JsonOption, told_errors

if TYPE_CHECKING:
    from intake.cases import Case
    from intake.review import Event

FileArgument = Annotated[Path, typer.Argument(help="Workbook or bulk file below raw/, with its receipt beside it.")]
ByOption = Annotated[str | None, typer.Option("--by", help=f"Who does it. Default: {VERIFIER_VARIABLE}, else you.")]


def review(
    file: FileArgument,
    by: ByOption = None,
    city: Annotated[str | None, typer.Option(help="City, where the file holds several.")] = None,
    year: Annotated[int | None, typer.Option(help="Year, where the file holds several.")] = None,
    screened: Annotated[bool, typer.Option("--screened", help="The submission has been screened.")] = False,
    yes: Annotated[list[str] | None, typer.Option(help="A data point that is verified; `all`: all undecided.")] = None,
    no: Annotated[list[str] | None, typer.Option(help="POINT=REASON: a data point that is not.")] = None,
    ask: Annotated[list[str] | None, typer.Option(help="POINT=QUESTION to the city, or a question alone.")] = None,
    answer: Annotated[list[str] | None, typer.Option(help="NUMBER=ANSWER that the city gave.")] = None,
    accept: Annotated[list[str] | None, typer.Option(help="'RULE @ POINT = REASON': accept a warning.")] = None,
    take_back: Annotated[list[str] | None, typer.Option(help="'RULE @ POINT': accept it no more.")] = None,
    outcome: Annotated[str | None, typer.Option(help="verified, partly_verified or rejected.")] = None,
    mode: Annotated[str, typer.Option(help="onsite or remote.")] = "",
    on: Annotated[str, typer.Option(help="Day of the outcome, 2025-06-02. Default: today.")] = "",
    reason: Annotated[str, typer.Option(help="Said with the outcome; a rejection needs one.")] = "",
    reopen: Annotated[str | None, typer.Option(help="Reason: take an outcome back.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify a submission: by questions in the terminal, or by options in a script.

    What is decided is kept at once in the journal beside the file, so that it can be gone on with at any time; the
    receipt says what counts. Without options, and where nobody sits at a terminal, it shows where things stand.
    """
    from intake.review import ReviewError

    with told_errors():
        case = opened_case(file, city, year)
        events = _events(
            case,
            screened=screened, yes=yes or [], no=no or [], ask=ask or [], answer=answer or [], accept=accept or [],
            take_back=take_back or [], outcome=outcome, mode=mode, on=on, reason=reason, reopen=reopen,
        )  # fmt: skip
        if events:
            record_events(case, events, by)
        elif sys.stdin.isatty() and not as_json:
            from pipelines.walk import walk

            walk(case, verifier(by))
            return
        if case.broken:
            raise ReviewError("The journal was changed by hand", case.broken)
    if as_json:
        typer.echo(json.dumps(facts(case), ensure_ascii=False))
    else:
        show_case(case)


def _events(case: Case, **given: Any) -> list[Event]:
    """What the options of a call ask for, in the order in which it may be done."""
    from intake.review import NO, TAKEN_BACK, YES, Event

    events = []
    if given["reopen"] is not None:
        events.append(Event("reopened", text=given["reopen"]))
    if given["screened"]:
        events.append(Event("screened"))
    for text in given["accept"]:
        finding, _, why = text.partition("=")
        events.append(Event("accepted", subject=_subject(finding), text=why.strip()))
    events += [Event("accepted", subject=_subject(text), word=TAKEN_BACK) for text in given["take_back"]]
    for text in given["yes"]:
        undecided = [point for point, verdict in case.verdicts.items() if verdict is None]
        events += [Event("verdict", point, YES) for point in (undecided if text == "all" else [text])]
    for text in given["no"]:
        point, _, why = text.partition("=")
        events.append(Event("verdict", point.strip(), NO, text=why.strip()))
    for text in given["ask"]:
        point, is_of_point, question = text.partition("=")
        subject = point.strip() if is_of_point and point.strip() in case.rows else ""
        events.append(Event("question", subject, text=question.strip() if subject else text.strip()))
    for text in given["answer"]:
        number, _, words = text.partition("=")
        events.append(Event("answer", number.strip(), text=words.strip()))
    if given["outcome"] is not None:
        events.append(Event("outcome", given["mode"], given["outcome"], given["on"], given["reason"]))
    return events


def _subject(text: str) -> str:
    """A finding as the journal names it, whatever blanks stand around its parts."""
    return " @ ".join(part.strip() for part in text.split("@"))


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(
        epilog="Examples: ssc-index review raw/2025/no-karmoy.xlsx · review FILE --screened --yes all · "
        "review FILE --outcome verified --mode remote"
    )(review)
