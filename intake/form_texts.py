"""What the form says, by language: headers, labels, help and messages, read from ``texts/*.yaml``.

What belongs here: the texts' shape and loading, and which spellings of a label the reader knows. What does not:
where they are written (`template.py`) and read (`workbook.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from intake.points import key
from ssc_index.errors import FaultsError, broken_rule
from ssc_index.framework.strict_yaml import read_plain_yaml

SHIPPED_FOLDER = Path(__file__).parent / "texts"
ENGLISH = "en"


class TextsError(FaultsError):
    """Faults of the form's texts, all of them."""


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(_Plain):
    """A label of the profile and what is asked for."""

    label: str
    help: str | None = None


class Step(_Plain):
    """One step of the instructions."""

    head: str
    text: str


class Sheets(_Plain):
    """Names of the sheets."""

    instructions: str
    profile: str
    kpis: str
    lists: str


class FormTexts(_Plain):
    """Everything that the form says in one language.

    Attributes:
        sheets: Names of the sheets.
        headers: Field of a KPI row to header, in the order of the form.
        former_headers: Field to headers that earlier forms had.
        profile_headers: Headers of the profile.
        profile: Field of the profile to its label, in the order of the form.
        steps: The instructions.
        legend: Style to what its colour means.
        checks: What the column Check can say.
        words: Titles and single sentences.
    """

    sheets: Sheets
    headers: dict[str, str]
    former_headers: dict[str, tuple[str, ...]] = {}
    profile_headers: dict[str, str]
    profile: dict[str, Label]
    steps: tuple[Step, ...]
    legend: dict[str, str]
    checks: dict[str, str]
    words: dict[str, str]


def load_texts(language: str = ENGLISH, folder: Path | None = None) -> FormTexts:
    """The texts of a language.

    Args:
        language: Its code, which is the name of its file.
        folder: Folder of the files; None is the shipped one, read once.

    Raises:
        TextsError: If there is no such file, or with every fault of it: a key that English has and it has not, too.

    >>> load_texts().headers["numerator"]
    'Numerator'
    """
    return _shipped(language) if folder is None else _load(folder, language)


def languages() -> tuple[str, ...]:
    """Codes of the shipped languages, English first."""
    return (ENGLISH, *sorted({path.stem for path in SHIPPED_FOLDER.glob("*.yaml")} - {ENGLISH}))


@cache
def _shipped(language: str) -> FormTexts:
    return _load(SHIPPED_FOLDER, language)


def _load(folder: Path, language: str) -> FormTexts:
    path = folder / f"{language}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in folder.glob("*.yaml"))) or "none"
        raise TextsError("texts of the form", [f"there is no language {language!r}; known: {known}"])
    tree, faults = read_plain_yaml(path.read_text(encoding="utf-8"))
    try:
        texts = FormTexts.model_validate(tree)
    except ValidationError as error:
        faults += [f"{'.'.join(map(str, fault['loc'])) or 'file'}: {broken_rule(fault)}" for fault in error.errors()]
        raise TextsError(f"texts of the form, {path.name}", faults) from error
    if language != ENGLISH or folder != SHIPPED_FOLDER:
        faults += _differences(texts, _shipped(ENGLISH))
    if faults:
        raise TextsError(f"texts of the form, {path.name}", faults)
    return texts


def _differences(texts: FormTexts, english: FormTexts) -> list[str]:
    """Keys that one of two languages has and the other has not."""
    faults = []
    for part in ("headers", "profile_headers", "profile", "legend", "checks", "words"):
        ours, theirs = getattr(texts, part), getattr(english, part)
        faults += [f"{part}: {name} is missing" for name in theirs if name not in ours]
        faults += [f"{part}: {name} is unknown" for name in ours if name not in theirs]
    return faults


class Labels:
    """Which field each spelling of a label means, over all languages; keys are those of `points.key`.

    Attributes:
        headers: Headers of KPI rows.
        former: Headers that earlier forms had.
        profile: Labels of the profile.
        sheets: Names of sheets.
        profile_headers: Headers of the profile.
    """

    def __init__(self, texts: tuple[FormTexts, ...]) -> None:
        self.headers = _by_key(texts, lambda one: one.headers)
        former = [(name, field) for one in texts for field, names in one.former_headers.items() for name in names]
        self.former = {key(name): field for name, field in former if key(name) not in self.headers}
        self.profile = _by_key(texts, lambda one: {name: label.label for name, label in one.profile.items()})
        self.sheets = _by_key(texts, lambda one: one.sheets.model_dump())
        self.profile_headers = _by_key(texts, lambda one: one.profile_headers)


def _by_key(texts: tuple[FormTexts, ...], labels_of: Any) -> Mapping[str, str]:
    return {key(label): name for one in reversed(texts) for name, label in labels_of(one).items()}


@cache
def known_labels() -> Labels:
    """The labels of all shipped languages."""
    return Labels(tuple(load_texts(language) for language in languages()))
