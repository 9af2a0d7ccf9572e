"""What stands in the cells of a form that is written for a city: contents by address.

What belongs here: figures of the profile, rows, and what the form's formulas come to with them. What does not: where
the cells are (`form_rows.py`) and packing (`form_package.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from intake import form_formulas
from intake.form_formulas import LETTER
from intake.form_model import PROFILE_LABELS, Entry, LastReport, denominator_of, yes_no
from intake.form_package import Content, Stored
from intake.form_rows import HEADER_ROW, rows_of_points
from intake.form_texts import FormTexts
from ssc_index.framework.catalogue import Catalogue, DataPoint

PROFILE_ROW = 3  # first field of the profile, from 0

Figures = Mapping[str, float | str | None]


def profile_contents(known: Figures, last: LastReport | None, texts: FormTexts) -> dict[str, Content]:
    """Contents of the profile: values, and what was reported last."""
    rows = {field: PROFILE_ROW + index for index, field in enumerate(PROFILE_LABELS, start=1)}
    cells: dict[str, Content] = {f"B{rows[field]}": value for field, value in known.items() if value is not None}
    if last is not None:
        cells |= {f"C{rows[field]}": value for field, value in last.profile.items() if value is not None}
        cells[f"C{PROFILE_ROW}"] = f"{texts.profile_headers['previous']} {last.year}"
    return cells


def row_contents(
    catalogue: Catalogue,
    profile: Figures,
    entries: Mapping[str, Entry],
    last: LastReport | None,
    texts: FormTexts,
) -> dict[str, Content]:
    """Contents of the rows: what is typed, what the form's formulas then come to, and what was reported last."""
    choices = {
        field: {choice.code: choice.text for choice in options.choices}
        for field, options in (
            ("quality", catalogue.scoring.quality_grades),
            ("origin", catalogue.scoring.data_origins),
        )
    }
    nothing = Entry()
    cells: dict[str, Content] = {}
    for code, (row, point) in rows_of_points(catalogue).items():
        entry = entries.get(code, nothing)
        contents: dict[str, Content | None] = _numbers(point, entry, denominator_of(point, profile))
        if entry is not nothing:
            contents |= {
                "is_verified": None if entry.verified is None else yes_no(entry.verified),
                "quality": choices["quality"].get(entry.quality or "", entry.quality),
                "origin": choices["origin"].get(entry.origin or "", entry.origin),
                "source": entry.source,
                "source_details": entry.source_details,
                "comment": entry.comment,
            }
        cells |= {f"{LETTER[field]}{row}": value for field, value in contents.items() if value is not None}
    return cells if last is None else cells | _last_contents(catalogue, last, texts)


def _last_contents(catalogue: Catalogue, last: LastReport, texts: FormTexts) -> dict[str, Content]:
    """What was reported last, with its year in the header."""
    letter, rows = LETTER["previous"], rows_of_points(catalogue)
    cells: dict[str, Content] = {f"{letter}{HEADER_ROW + 1}": f"{texts.headers['previous']}\n{last.year}"}
    for code, value in last.values.items():
        row, point = rows[code]
        cells[f"{letter}{row}"] = yes_no(bool(value)) if point.value_type == "yes_no" else value
    return cells


def _numbers(point: DataPoint, entry: Entry, prefilled: float | None) -> dict[str, Content | None]:
    """Contents of numerator, denominator, result and Reported; None leaves the cell as the form has it.

    Args:
        point: The data point.
        entry: What the city gives.
        prefilled: The denominator that the profile gives.
    """
    contents: dict[str, Content | None] = {}
    if point.numerator is not None:
        contents["numerator"] = entry.numerator
    denominator: float | str | None = prefilled
    if point.denominator is not None and entry.denominator is not None and entry.denominator != prefilled:
        denominator = contents["denominator"] = entry.denominator
    elif prefilled is not None:
        contents["denominator"] = Stored(prefilled)
    computed = None if point.numerator is None else form_formulas.computed(point, entry.numerator, denominator)
    is_given = computed is not None
    if entry.result is not None and not form_formulas.agree(entry.result, computed):
        contents["result"] = entry.result
        is_given = not isinstance(entry.result, str) or entry.result.strip().upper() in ("YES", "NO")
    elif computed is not None:
        contents["result"] = Stored(computed)
    is_contradicted = entry.reported is not None and entry.reported != is_given
    contents["is_reported"] = yes_no(not is_given) if is_contradicted else Stored(yes_no(is_given))
    return contents
