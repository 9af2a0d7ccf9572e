"""The verification of a submission: who did what when, and what follows from it.

What belongs here: the journal of a submission, the state that it adds up to, what may be done in which state, and the
receipt that follows from it. What does not: how it is asked for in a terminal, and what the machine finds
(`inspection.py`).

The journal lies beside its file as ``<file name>.journal.csv`` and is only ever added to (`ledger.py`). The receipt
says what counts now; the journal says how it came about.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from intake.acceptance import read_acceptances
from intake.addresses import sha256_of
from intake.ledger import NUMBER, Ledger
from intake.lines import day
from intake.private import written_in_place
from intake.receipts import COLUMNS, MODES, OUTCOMES, Key, receipt_path
from intake.tables import WORKBOOK_SUFFIXES
from intake.verdicts import read_verdicts, write_verdicts
from ssc_index.errors import FaultsError
from ssc_index.framework.catalogue import load_catalogue

JOURNAL_SUFFIX = ".journal.csv"
JOURNAL_COLUMNS = ("at", "by", "event", "city_id", "year", "subject", "word", "on", "text")
EVENTS = ("received", "screened", "question", "answer", "verdict", "accepted", "outcome", "reopened")
ENDS = tuple(word for word in OUTCOMES if word != "pending")
YES, NO, TAKEN_BACK = "YES", "NO", "TAKEN BACK"


class ReviewError(FaultsError):
    """Something that cannot be done in the state that the verification is in; nothing is recorded."""


@dataclass(frozen=True)
class Event:
    """One thing that somebody did.

    Attributes:
        event: One of `EVENTS`.
        subject: The data point of a verdict or question; the number of the question that an answer is for; ``rule @
            data point`` of a finding that is accepted; the mode of an outcome; the hash of the file received.
        word: YES or NO, or the outcome; of a question its number, which `record` gives.
        on: Day of the outcome, where it is not that of the entry.
        text: What was asked, answered, or given as the reason.
    """

    event: str
    subject: str = ""
    word: str = ""
    on: str = ""
    text: str = ""


@dataclass(frozen=True)
class Question:
    """A question to the city, numbered from 1 in each city and year."""

    number: int
    data_point: str
    text: str
    asked: str
    answer: str | None = None
    answered: str | None = None


@dataclass
class Review:
    """What the journal of one city and year adds up to.

    Attributes:
        verdicts: YES or NO of data points, as the verifier has it.
        reasons: Why a data point is NO.
        accepted: Findings that the verifier accepts, with their reasons.
        questions: All questions, by number.
        screened: When it was screened; None before.
        outcome: ``pending`` until there is one.
        mode: How it was verified.
        on: Day of the outcome.
        verifier: Who gave it.
        reason: What was said of it.
        file_sha256: SHA-256 of the workbook that the review began with; empty of a bulk file, and in earlier journals.
        entries: The lines of the journal.
    """

    verdicts: dict[str, bool] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    questions: dict[int, Question] = field(default_factory=dict)
    screened: str | None = None
    outcome: str = "pending"
    mode: str = ""
    on: str = ""
    verifier: str = ""
    reason: str = ""
    file_sha256: str = ""
    entries: list[dict[str, str]] = field(default_factory=list)

    @property
    def open_questions(self) -> list[Question]:
        """Questions that the city has not answered."""
        return [one for one in self.questions.values() if one.answer is None]

    @property
    def stage(self) -> str:
        """``received``, ``screened``, ``questions``, or the outcome."""
        if self.outcome != "pending":
            return self.outcome
        if self.open_questions:
            return "questions"
        return "screened" if self.screened else "received"


def journal_of(path: Path) -> Ledger:
    """The journal of a submission."""
    return Ledger(path.with_name(path.name + JOURNAL_SUFFIX), JOURNAL_COLUMNS)


def read_review(path: Path, key: Key) -> tuple[Review, list[str]]:
    """What the journal of a submission says of one city and year, and where its chain is broken."""
    entries, faults = journal_of(path).read()
    own = [entry for entry in entries if (entry["city_id"], entry["year"]) == (key[0], str(key[1]))]
    review = Review()
    for entry in own or _taken_over(path, key):
        _add(review, entry)
    review.entries = own
    return review, faults


def _taken_over(path: Path, key: Key, at: str = "", by: str = "") -> list[dict[str, str]]:
    """What a receipt that was written by hand says, as the first lines of a journal; the outcome by its verifier."""
    try:
        _, lines = _receipt_lines(path, key)
    except ReviewError:
        return []
    receipt = _line_of(key, lines)
    found = [Event("verdict", point, YES if verdict else NO) for point, verdict in _verdicts_of(receipt)]
    accepted = read_acceptances(receipt.get("accepted", ""))[0]
    found += [Event("accepted", finding_of(one.rule, one.data_point), text=one.reason) for one in accepted]
    outcome, who = receipt.get("verification_outcome", "").casefold(), receipt.get("verifier", "") or by
    if outcome in ENDS:
        mode, on = receipt.get("verification_mode", "").casefold(), receipt.get("verified_on", "")
        found.append(Event("outcome", mode, outcome, on, f"taken over from the receipt by {by}"))
    return [_line(event, key, at, who if event.event == "outcome" else by) for event in found]


def _sha256_of_workbook(path: Path) -> str:
    """SHA-256 of a workbook; nothing of a bulk file, to which lines of other cities may be added."""
    return sha256_of(path) if path.suffix.casefold() in WORKBOOK_SUFFIXES else ""


def _verdicts_of(receipt: Mapping[str, str]) -> list[tuple[str, bool]]:
    return read_verdicts(receipt.get("verdicts", ""))[0]


def _line_of(key: Key, receipts: Iterable[dict[str, str]]) -> dict[str, str]:
    """The line of a receipt that is of a city and year."""
    return next(line for line in receipts if (line.get("city_id", "").casefold(), line.get("year")) == _texts(key))


def _texts(key: Key) -> tuple[str, str]:
    return key[0], str(key[1])


def _line(event: Event, key: Key, at: str, by: str) -> dict[str, str]:
    """An event as a line of the journal."""
    city, year = _texts(key)
    line = {"at": at, "by": by, "event": event.event, "city_id": city, "year": year}
    return line | {"subject": event.subject, "word": event.word, "on": event.on or "", "text": event.text}


def _add(review: Review, entry: dict[str, str]) -> None:
    """Take one line of the journal into account."""
    review.entries.append(entry)
    subject = entry["subject"]
    match entry["event"]:
        case "received":
            review.file_sha256 = subject
        case "screened":
            review.screened = entry["at"]
        case "question":
            # Earlier journals had no number of its own for a question, but that of its line.
            number = int(entry["word"] or entry[NUMBER])
            while number in review.questions:  # two verifiers asked at the same time
                number += 1
            review.questions[number] = Question(number, subject, entry["text"], entry["at"])
        case "answer":
            asked = review.questions[int(subject)]
            answered = Question(asked.number, asked.data_point, asked.text, asked.asked, entry["text"], entry["at"])
            review.questions[asked.number] = answered
        case "verdict":
            review.verdicts[subject] = entry["word"] == YES
            review.reasons.pop(subject, None)
            if entry["word"] == NO and entry["text"]:
                review.reasons[subject] = entry["text"]
        case "accepted":
            review.accepted[subject] = entry["text"]
            if entry["word"] == TAKEN_BACK:
                del review.accepted[subject]
        case "outcome":
            review.outcome, review.mode = entry["word"], subject
            review.on, review.verifier, review.reason = entry["on"] or entry["at"][:10], entry["by"], entry["text"]
        case "reopened":
            review.outcome, review.mode, review.on, review.verifier, review.reason = "pending", "", "", "", ""


def record(
    path: Path,
    key: Key,
    events: Sequence[Event],
    *,
    at: str,
    by: str,
    reported: Mapping[str, bool | None],
    warnings: Collection[str] = (),
) -> Review:
    """Add what somebody did to the journal, and write the receipt that follows from it.

    A journal that begins takes over what the receipt says already.

    Args:
        path: The submission; its receipt lies beside it.
        key: City and year.
        events: What was done, in its order: all of it is recorded, or nothing.
        at: When, ``2025-06-02T10:00:00Z``.
        by: Who.
        reported: The data points that the submission reports, with the verdict that stands in the form.
        warnings: The warnings that were found, ``rule @ data point`` or ``rule``: what can be accepted.

    Returns:
        The review with all of it.

    Raises:
        ReviewError: With everything that cannot be done in the state that the verification is in.
        LedgerError: If the journal was changed by hand.
        OSError: If the receipt cannot be read or written.
    """
    review, broken = read_review(path, key)
    if broken:
        raise ReviewError(f"{journal_of(path).path.name} was changed by hand", broken)
    _, receipts = _receipt_lines(path, key)
    own = _line_of(key, receipts)
    received = {review.file_sha256, own.get("file_sha256", "").casefold()} - {""}
    content = _sha256_of_workbook(path)
    faults: list[str] = []
    if content and received - {content}:
        told = "put it back, or take the new one in as a revision: under another name, with a receipt of its own"
        raise ReviewError(f"{path.name} is not the file that was received", [told])
    begun = [_line(Event("received", content), key, at, by), *_taken_over(path, key, at, by)]
    lines = [] if review.entries else begun
    for event in events:
        line = _line(event, key, at, by)
        if event.event == "question":
            line["word"] = str(max(review.questions, default=0) + 1)
        found = _objections(review, event, reported, warnings)
        if not by.strip():
            found.append("nobody is named who did it; give a name")
        faults += found
        if not found:
            _add(review, line)
        lines.append(line)
    if faults:
        raise ReviewError(f"Nothing of {key[0]} {key[1]} is recorded", faults)
    journal_of(path).append(lines)
    # Read again: somebody else may have added to it in between.
    review, _ = read_review(path, key)
    project(path, key, review)
    return review


def _objections(
    review: Review, event: Event, reported: Mapping[str, bool | None], warnings: Collection[str]
) -> list[str]:
    """Why an event cannot be recorded in a state."""
    points = {point.id for point in load_catalogue().data_points}
    ended = review.outcome != "pending"
    if event.event not in EVENTS:
        return [f"{event.event!r} is none of {', '.join(EVENTS)}"]
    if event.event == "reopened":
        return [] if ended and event.text else ["only what has an outcome can be reopened, and with a reason"]
    if ended:
        return [f"{event.event}: the submission is {review.outcome}; reopen it first, with a reason"]
    if event.event not in ("received", "screened") and review.screened is None:
        return [f"{event.event}: the submission is not screened yet"]
    match event.event:
        case "question":
            return _unless(bool(event.text) and (not event.subject or event.subject in points), "question", event)
        case "answer":
            is_asked = event.subject.isdecimal() and int(event.subject) in review.questions
            return _unless(is_asked and bool(event.text), "answer to a question that was asked", event)
        case "verdict":
            is_known = event.subject in reported and event.word in (YES, NO)
            return _unless(is_known, "YES or NO of a data point that is reported", event)
        case "accepted":
            if event.word == TAKEN_BACK:
                return _unless(event.subject in review.accepted, "finding that is accepted", event)
            told = read_acceptances(accepted_entry(event.subject, event.text))[1]
            if not told and event.subject not in warnings:
                told = [f"accepted: no warning {event.subject} was found; take rule and data point from the findings"]
            return [sentence.rstrip(".") for sentence in told]
        case "outcome":
            return _outcome_objections(review, event, reported)
    return []


def accepted_entry(subject: str, reason: str) -> str:
    """An accepted finding as the receipt holds it; the bar there separates entries."""
    return f"{subject} = {reason.replace('|', '/')}"


def finding_of(rule: str, point: str | None) -> str:
    """A finding as journal and receipt name it.

    >>> finding_of("jump", "EC_P_IN_2C.main"), finding_of("many_not_reported", None)
    ('jump @ EC_P_IN_2C.main', 'many_not_reported')
    """
    return rule if point is None else f"{rule} @ {point}"


def _unless(is_fine: bool, what: str, event: Event) -> list[str]:
    return [] if is_fine else [f"{event.event}: {event.subject!r} {event.word} {event.text!r} is no {what}"]


def effective(review: Review, reported: Mapping[str, bool | None]) -> dict[str, bool | None]:
    """The verdict on each reported data point: the verifier's, else that of the form, else None."""
    return {point: review.verdicts.get(point, in_form) for point, in_form in reported.items()}


def _outcome_objections(review: Review, event: Event, reported: Mapping[str, bool | None]) -> list[str]:
    """Why an outcome cannot be given."""
    found = []
    if event.word not in ENDS:
        found.append(f"outcome {event.word!r} is none of {', '.join(ENDS)}")
    if event.subject not in MODES:
        found.append(f"the mode of verification {event.subject!r} is none of {', '.join(MODES)}")
    if event.on and day(event.on) is None:
        found.append(f"{event.on!r} is no date; write 2025-06-02")
    if review.open_questions and event.word != "rejected":
        numbers = ", ".join(str(one.number) for one in review.open_questions)
        found.append(f"{event.word}: the city has not answered question {numbers}")
    verdicts = effective(review, reported)
    undecided = sum(verdict is None for verdict in verdicts.values())
    refused = sum(verdict is False for verdict in verdicts.values())
    if event.word in ("verified", "partly_verified") and undecided:
        found.append(f"{event.word}: {undecided} reported data points have neither YES nor NO")
    if event.word == "verified" and refused:
        found.append(f"verified: {refused} data points are NO; the outcome is partly_verified")
    if event.word == "partly_verified" and not refused and not undecided:
        found.append("partly_verified: every data point is YES; the outcome is verified")
    if event.word == "rejected" and not event.text:
        found.append("rejected: give the reason")
    return found


def project(path: Path, key: Key, review: Review) -> None:
    """Write into the receipt what the journal adds up to; what the journal does not know stays as it is.

    Args:
        path: The submission.
        key: City and year.
        review: What the journal adds up to.
    """
    header, lines = _receipt_lines(path, key)
    fields = {
        "verification_outcome": review.outcome,
        "verification_mode": review.mode,
        "verified_on": review.on,
        "verifier": review.verifier,
        "accepted": " | ".join(accepted_entry(subject, text) for subject, text in sorted(review.accepted.items())),
        "verdicts": write_verdicts(review.verdicts),
    }
    header = [*header, *(name for name in COLUMNS if name not in header)]
    for line in lines:
        if (line.get("city_id", "").casefold(), line.get("year")) == _texts(key):
            line.update(fields)
            if not line.get("file_sha256"):  # what is verified is this file: another in its place counts for nothing
                line["file_sha256"] = review.file_sha256
    target = receipt_path(path)
    with written_in_place(target, target) as file:
        writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def _receipt_lines(path: Path, key: Key) -> tuple[list[str], list[dict[str, str]]]:
    """Header and lines of a receipt that has one for the key."""
    place = receipt_path(path)
    if not place.is_file():
        raise ReviewError(f"{place.name} is missing", ["write it first: city_id, year, received_at, consent"])
    with place.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        lines = [dict(zip(header, (cell.strip() for cell in line), strict=False)) for line in reader if any(line)]
    if not any((line.get("city_id", "").casefold(), line.get("year")) == _texts(key) for line in lines):
        raise ReviewError(f"{place.name} has no line of {key[0]} {key[1]}", ["add it first"])
    return header, lines


def reported_points(cells: Iterable[Mapping[str, object]]) -> dict[str, bool | None]:
    """The data points of a submission that hold something, with the verdict that stands in the form.

    Args:
        cells: Rows of `tables.CELLS` of one city and year.
    """
    holding = ("numerator", "result", "numerator_text", "denominator_text", "result_text")
    found: dict[str, bool | None] = {}
    for cell in cells:
        if any(cell[name] is not None for name in holding):
            verdict = cell["is_verified"]
            found[str(cell["data_point"])] = None if verdict is None else bool(verdict)
    return found
