"""The verification of a submission as questions in a terminal.

What belongs here: what is asked and shown, in which order. What does not: what may be done when (`intake/review.py`).
Every answer is kept before the next question is asked: it can be ended and gone on with at any point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from intake.review import ENDS, NO, YES, Event, finding_of
from pipelines.case import record_events, show_case
from pipelines.check_commands import MARKS, plain
from pipelines.console import screen

if TYPE_CHECKING:
    from intake.cases import Case

MODE_KEYS = {"o": "onsite", "r": "remote"}
OUTCOME_KEYS = {"v": "verified", "p": "partly_verified", "r": "rejected"}


class Ended(Exception):  # no error: whoever sits there has had enough for now
    """The walk is left; what was answered is kept."""


def walk(case: Case, by: str, read: Callable[[str], str] = input) -> None:
    """Go through a submission with a verifier.

    Args:
        case: The submission.
        by: Who verifies.
        read: How an answer is read after a prompt.
    """
    console = screen()
    show_case(case)
    try:
        if case.review.outcome != "pending":
            console.print("It has an outcome. To change it: --reopen REASON.")
            return
        _screening(case, by, read)
        _clean_ones(case, by, read)
        _points(case, by, read)
        _answers(case, by, read)
        _outcome(case, by, read)
    except (Ended, EOFError, KeyboardInterrupt):
        console.print(f"\nAll that was answered is kept. Go on with: ssc-index review {plain(str(case.path))}")
        return
    show_case(case)


def _chosen(read: Callable[[str], str], prompt: str, keys: Mapping[str, str]) -> str:
    """The key of one of several things to do; asked again until it is one of them."""
    offered = "  ".join(f"[{key}] {word}" for key, word in keys.items())
    while True:
        answer = read(f"{prompt} {offered}  [x] end > ").strip().casefold()
        if answer == "x":
            raise Ended
        if answer in keys:
            return answer


def _do(case: Case, by: str, event: Event) -> bool:
    """Keep an answer; say why where that cannot be."""
    from intake.review import ReviewError

    try:
        record_events(case, [event], by)
    except ReviewError as error:
        screen().print(str(error), style="yellow")
        return False
    return True


def _screening(case: Case, by: str, read: Callable[[str], str]) -> None:
    """What concerns the submission as a whole, before anything else."""
    if case.review.screened is not None:
        return
    _show_findings(case.findings_of(None))
    if _chosen(read, "Is the submission screened?", {"y": "yes", "n": "not yet"}) == "n":
        raise Ended
    _do(case, by, Event("screened"))
    for warning in _warnings(case, None):
        screen().print(plain(f"Warning {warning}"))
        if _chosen(read, "Is it in order?", {"a": "accept, with a reason", "s": "leave it"}) == "a":
            _accept(case, by, read, warning)


def _clean_ones(case: Case, by: str, read: Callable[[str], str]) -> None:
    """Data points without error or warning may be passed at once."""
    doubtful = {row["data_point"] for row in case.findings.to_dicts() if row["severity"] != "note"}
    clean = [point for point, verdict in case.verdicts.items() if verdict is None and point not in doubtful]
    if not clean:
        return
    prompt = f"{len(clean)} data points have neither error nor warning. Pass them all?"
    if _chosen(read, prompt, {"y": "yes, all", "n": "one by one"}) == "y":
        record_events(case, [Event("verdict", point, YES) for point in clean], by)


def _points(case: Case, by: str, read: Callable[[str], str]) -> None:
    """Every data point without a verdict."""
    asked = {one.data_point for one in case.review.open_questions}
    undecided = [point for point, verdict in case.verdicts.items() if verdict is None and point not in asked]
    for at, point in enumerate(undecided, start=1):
        _point(case, by, read, point, f"{at} of {len(undecided)}")


def _point(case: Case, by: str, read: Callable[[str], str], point: str, place: str) -> None:
    _show_point(case, point, place)
    while True:
        warnings = _warnings(case, point)
        keys = {"y": "yes", "n": "no", "q": "question to the city", "s": "skip"}
        keys |= {"a": "accept warning"} if warnings else {}
        match _chosen(read, "Verified?", keys):
            case "y":
                done = _do(case, by, Event("verdict", point, YES))
            case "n":
                done = _do(case, by, Event("verdict", point, NO, text=read("Why not? > ").strip()))
            case "q":
                done = _do(case, by, Event("question", point, text=read("Question to the city > ").strip()))
            case "a":
                _accept(case, by, read, warnings[0])
                done = False
            case _:
                done = True
        if done:
            return


def _warnings(case: Case, point: str | None) -> list[str]:
    """Warnings at a data point, or of the submission as a whole, that nobody has accepted; each once."""
    rows = [row for row in case.findings_of(point) if row["severity"] == "warning"]
    return list(dict.fromkeys(finding_of(row["rule"], point) for row in rows))


def _accept(case: Case, by: str, read: Callable[[str], str], warning: str) -> None:
    reason = read(f"Why is {warning} in order? > ").strip()
    _do(case, by, Event("accepted", warning, text=reason))


def _answers(case: Case, by: str, read: Callable[[str], str]) -> None:
    """Questions that the city has not answered yet."""
    for question in case.review.open_questions:
        about = f" ({question.data_point})" if question.data_point else ""
        screen().print(plain(f"Question {question.number}{about}: {question.text}"))
        if words := read("Answer of the city (blank: none yet) > ").strip():
            _do(case, by, Event("answer", str(question.number), text=words))
            if question.data_point and case.verdicts.get(question.data_point) is None:
                _point(case, by, read, question.data_point, "answered")


def _outcome(case: Case, by: str, read: Callable[[str], str]) -> None:
    """The outcome, once there is nothing open."""
    undecided = [point for point, verdict in case.verdicts.items() if verdict is None]
    if undecided or case.review.open_questions:
        told = f"{len(undecided)} data points undecided, {len(case.review.open_questions)} questions open."
        screen().print(f"{told} No outcome yet.")
        raise Ended
    while case.review.outcome == "pending":
        words = {key: word.replace("_", " ") for key, word in OUTCOME_KEYS.items()}
        word = OUTCOME_KEYS[_chosen(read, "Outcome?", words)]
        assert word in ENDS
        mode = MODE_KEYS[_chosen(read, "How was it verified?", MODE_KEYS)]
        reason = read("Remark (a rejection needs one) > ").strip()
        _do(case, by, Event("outcome", mode, word, text=reason))


def _show_point(case: Case, code: str, place: str) -> None:
    """A data point with its value, where it stands, and what was found."""
    from intake.checks import shown

    console, row, point = screen(), case.rows[code], case.point(code)
    console.print(f"\n{place}  {code}  {plain(point.name)}", style="bold")
    value = "no number" if row["value"] is None else f"{shown(row['value'])} {point.unit}"
    parts = ""
    if row["numerator"] is not None and row["denominator"] is not None:
        parts = f" = {shown(row['numerator'])} / {shown(row['denominator'])}"
    where = f"row {row['row_number']}" if row["sheet"] is None else f"{row['sheet']}, row {row['row_number']}"
    console.print(plain(f"  {value}{parts}  ({where})"))
    for label, name in (("source", "source"), ("details", "source_details"), ("comment", "comment")):
        if row[name]:
            console.print(plain(f"  {label}: {row[name]}"))
    _show_findings(case.findings_of(code))


def _show_findings(rows: list[dict[str, Any]]) -> None:
    from rich.text import Text

    for row in rows:
        cell = f" {row['cell']}" if row["cell"] else ""
        severity = Text(f"  {row['severity']}", style=MARKS[row["severity"]])
        screen().print(severity, Text(plain(f"{cell} {row['message']} [{row['rule']}]")))
