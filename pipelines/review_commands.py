"""Commands for whoever verifies a submission: ``review``.

What belongs here: options, and what of a verification is shown. What does not: what may be done when
(`intake/review.py`), and the questions of the walk (`walk.py`).
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.console import UNUSABLE, JsonOption, screen, stop, told_errors

if TYPE_CHECKING:
    from intake.cases import Case
    from intake.review import Event

VERIFIER_VARIABLE = "SSC_INDEX_VERIFIER"

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


def opened_case(file: Path, city: str | None = None, year: int | None = None) -> Case:
    """The case of a file, compared with what its workspace knows."""
    from assets.workspace import open_workspace
    from intake.cases import open_case
    from pipelines.check_commands import known_from
    from ssc_index.framework.catalogue import load_catalogue

    if not file.is_file():
        stop(f"There is no file {file}.", UNUSABLE)
    raw = next((folder for folder in file.resolve().parents if folder.name == "raw"), None)
    place = open_workspace(raw.parent) if raw is not None else None
    known_of = known_from(place) if place is not None and place.warehouse.is_file() else None
    key = (city, year) if city is not None and year is not None else None
    return open_case(file, load_catalogue(), key, known_of)


def verifier(by: str | None) -> str:
    """Who does it."""
    from pipelines.exports import user

    return by or os.environ.get(VERIFIER_VARIABLE) or user()


def record_events(case: Case, events: list[Event], by: str | None) -> None:
    """Keep what was done, in journal and receipt, and in the case."""
    from intake.review import record
    from pipelines.exports import now

    case.review = record(case.path, case.key, events, at=now(), by=verifier(by), reported=case.reported)


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
        events.append(Event("accepted", subject=finding.strip(), text=why.strip()))
    events += [Event("accepted", subject=text.strip(), word=TAKEN_BACK) for text in given["take_back"]]
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


def facts(case: Case) -> dict[str, Any]:
    """A case for scripts."""
    review = case.review
    return {
        "file": str(case.path),
        "city_id": case.key[0],
        "year": case.key[1],
        "stage": review.stage,
        "outcome": review.outcome,
        "mode": review.mode or None,
        "on": review.on or None,
        "verifier": review.verifier or None,
        "verdicts": {point: _word(verdict) for point, verdict in case.verdicts.items()},
        "reasons": review.reasons,
        "accepted": review.accepted,
        "questions": [question.__dict__ for question in review.questions.values()],
        "findings": case.findings.drop("file_sha256").to_dicts(),
        "journal": review.entries,
    }


def _word(verdict: bool | None) -> str | None:
    return None if verdict is None else "YES" if verdict else "NO"


def show_case(case: Case) -> None:
    """Where a verification stands, in 80 columns."""
    from rich.text import Text

    from pipelines.check_commands import plain

    console, review = screen(), case.review
    counts = Counter(_word(verdict) or "undecided" for verdict in case.verdicts.values())
    severities = Counter(case.findings["severity"])
    console.print(Text(plain(f"{case.city} {case.key[1]}"), style="bold"), Text(plain(f"– {case.path.name}")))
    stage = review.stage.replace("_", " ")
    by = f" by {plain(review.verifier)}, {review.mode}, {review.on}" if review.outcome != "pending" else ""
    console.print(f"Stands at: {stage}{by}.")
    told = ", ".join(f"{counts[word]} {word}" for word in ("YES", "NO", "undecided"))
    console.print(f"{len(case.rows)} data points reported: {told}.")
    found = ", ".join(f"{severities[word]} {word}s" for word in ("error", "warning", "note"))
    console.print(f"Found: {found}; {len(review.accepted)} warnings accepted.")
    for question in review.questions.values():
        about = f" {question.data_point}" if question.data_point else ""
        said = "no answer yet" if question.answer is None else f"answer: {question.answer}"
        console.print(plain(f"Question {question.number}{about}: {question.text} – {said}"))
    for point, why in review.reasons.items():
        console.print(plain(f"NO {point}: {why}"))
    for finding, why in review.accepted.items():
        console.print(plain(f"Accepted {finding}: {why}"))
    if follows := next_step(case):
        console.print(f"Next: {follows}.", soft_wrap=True)


def next_step(case: Case) -> str:
    """What a submission waits for, with the option that does it; empty where its outcome stands."""
    if case.review.stage == "received":
        return "read what `ssc-index check` lists of it, then --screened"
    if case.review.open_questions:
        return "what the city answers: --answer NUMBER=ANSWER"
    if case.review.outcome != "pending":
        return ""
    if None in case.verdicts.values():
        return "a verdict on each data point: --yes POINT (or all), --no POINT=REASON; --ask POINT=QUESTION"
    return "the outcome: --outcome verified, partly_verified or rejected, with --mode onsite or remote"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(
        epilog="Examples: ssc-index review raw/2025/no-karmoy.xlsx · review FILE --screened --yes all · "
        "review FILE --outcome verified --mode remote"
    )(review)
