"""A verification as the commands open, record and show it.

What belongs here: what `review` and its walk share. What does not: options and questions
(`review_commands.py`, `walk.py`), and what may be done when (`intake/review.py`).
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.console import UNUSABLE, counted, screen, stop

if TYPE_CHECKING:
    from intake.cases import Case
    from intake.review import Event

VERIFIER_VARIABLE = "SSC_INDEX_VERIFIER"


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

    who = verifier(by)
    case.review = record(case.path, case.key, events, at=now(), by=who, reported=case.reported, warnings=case.warnings)


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
    found = ", ".join(counted(severities[word], word) for word in ("error", "warning", "note"))
    console.print(f"Found: {found}; {counted(len(review.accepted), 'warning')} accepted.")
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
