"""Coverage-guided fuzzing of reader and rules: ``python -m benchmarks.fuzz reader --seconds 600``.

The fuzzer is atheris, which is not among the project's requirements: ``pip install atheris``. What it finds is written
beside the corpus as ``crash-…``; such an input belongs into ``tests/intake/crashes/``, where a test replays it.

The first byte of an input of the reader says what the rest is: a part of a small workbook, a whole workbook, a table,
or the text of a cell. An input of the rules is an expression, or numbers for cells against which all rules are held.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import sys
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.hostile_files import DOCUMENT, HEAD, MAIN, RELATIONS, STRINGS, TAIL, WORKBOOK
from intake import numbers
from intake.checks import check
from intake.expressions import ExpressionError, evaluate, parse
from intake.facts import Batch, vocabulary
from intake.inspection import inspect_files
from intake.reading import read_submission
from intake.screening import _batch_rows, form_rows
from intake.tables import CELLS, NUMBER_FIELDS, SUBMISSIONS
from intake.template import HEADERS, PROFILE_LABELS
from ssc_index.framework.catalogue import load_catalogue

POINTS = ("EC_ICT_ICT_1C.main", "EN_EN_AQ_1C.no2", "SC_SH_SA_3A.main", "SC_EH_H_2C.main", "EC_I_T_4A.public")
PROFILE_SHEET, KPIS_SHEET = "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"
STYLES, RELATIONS_PART = "xl/styles.xml", "xl/_rels/workbook.xml.rels"
PARTS = (KPIS_SHEET, PROFILE_SHEET, STRINGS, "xl/workbook.xml", RELATIONS_PART, STYLES)
# Per cent, a date by its number and by its code, a condition, and what is no format of cells.
FORMATS = (
    f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm;@"/><numFmt numFmtId="165" '
    'formatCode="[&gt;1]0.0%;[Red]General"/></numFmts><cellStyleXfs><xf numFmtId="9"/></cellStyleXfs><cellXfs>'
    '<xf numFmtId="0"/><xf numFmtId="10"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs>'
    "</styleSheet>"
)
TO_STYLES = f'<Relationship Id="rId8" Type="{DOCUMENT}/styles" Target="styles.xml"/></Relationships>'
WHOLE, TABLE, TEXT = len(PARTS), len(PARTS) + 1, len(PARTS) + 2
CSV = (
    "city_id,year,data_point,numerator,denominator,result,reported,verified,quality,origin,source,comment\n"
    'no-rana,2020,EC_ICT_ICT_1C.main,9 7,1 00,,YES,NO,accurate_measurements,survey,"a, b",=1\n'
    'no-rana,2020,EN_EN_AQ_1C.no2,,,"3,5 ug/m3",,,,,,\n'
)
TEXTS = ("95 424 / 100 000 inhabitants", "1,234", "-3.5e10", "12 %", "2 No", "Not verified", "1'000'000,5", "340 ppb")


def _cell(address: str, content: object) -> str:
    if isinstance(content, int | float):
        return f'<c r="{address}" s="{ord(address[-1]) % 5}"><v>{content}</v></c>'
    return f'<c r="{address}" t="inlineStr"><is><t>{content}</t></is></c>'


def _sheet(rows: list[list[object]], after: str = "") -> str:
    """A sheet of some rows, blank where None stands."""
    lines = []
    for at, row in enumerate(rows, start=1):
        cells = (_cell(f"{chr(65 + column)}{at}", one) for column, one in enumerate(row) if one is not None)
        lines.append(f'<row r="{at}">{"".join(cells)}</row>')
    return HEAD + "".join(lines) + TAIL.replace("</sheetData>", f"</sheetData>{after}")


@cache
def seeds() -> dict[str, bytes]:
    """The parts of a small form: a profile, and a row for some data points."""
    profile: dict[str, object] = {
        "city_id": "no-rana",
        "year": 2020,
        "framework_version": load_catalogue().version,
        "population": 26000,
        "currency": "NOK",
        "form_version": 2,
    }
    places: list[list[object]] = [["Field", "Value"]]
    places += [[label, profile.get(name)] for name, (label, _) in PROFILE_LABELS.items()]
    rows: list[list[object]] = [list(HEADERS.values())]
    for at, point in enumerate(POINTS):
        row: list[object] = [point, None, None, None, "ppb", 20.0 + at, 260.0, None, None, None, "YES", "NO"]
        rows.append([*row, "Based on accurate measurements", None, "Office", None, TEXTS[at]])
    merged = '<mergeCells><mergeCell ref="O2:O4"/></mergeCells>'
    parts = {
        KPIS_SHEET: _sheet(rows, merged),
        PROFILE_SHEET: _sheet(places),
        STRINGS: f'<sst xmlns="{MAIN}"><si><t>NR</t></si><si><r><t>a</t></r></si></sst>',
        "xl/workbook.xml": WORKBOOK,
        RELATIONS_PART: RELATIONS.replace("</Relationships>", TO_STYLES),
        STYLES: FORMATS,
    }
    return {name: text.encode() for name, text in parts.items()}


def package(changed: dict[str, bytes]) -> bytes:
    """The small form with some parts changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in {**seeds(), **changed}.items():
            archive.writestr(name, content)
    return out.getvalue()


def reader(data: bytes, folder: Path) -> None:
    """Read one input; raises where the reader breaks a promise.

    Args:
        data: The input; see the module.
        folder: Where the file is written.
    """
    kind, rest = (data[0] % (TEXT + 1), data[1:]) if data else (WHOLE, b"")
    if kind == TEXT:
        _text(rest.decode("utf-8", "replace"))
        return
    content = package({PARTS[kind]: rest}) if kind < WHOLE else rest
    path = folder / ("fuzzed.csv" if kind == TABLE else "fuzzed.xlsx")
    path.write_bytes(content)
    result = read_submission(path, load_catalogue())
    rules = result.faults["rule"].to_list()
    assert "unreadable_file" not in rules, result.faults["message"].to_list()
    assert result.status == "read" or rules, "refused without a reason"
    assert dict(result.cells.schema) == {
        name: kind() if isinstance(kind, type) else kind for name, kind in CELLS.items()
    }
    for name in NUMBER_FIELDS:
        assert result.cells[name].drop_nulls().is_finite().all(), name
    if result.status == "read" and len(data) % 8 == 0:
        inspect_files([path], load_catalogue())


def _text(text: str) -> None:
    reading = numbers.read_number(text)
    assert reading.number is None or math.isfinite(reading.number)
    assert reading.number is not None or reading.rule or reading.is_missing
    numbers.read_yes_no(text)
    numbers.says_not_verified(text)


def rules(data: bytes, _folder: Path) -> None:
    """Parse and evaluate one expression, or hold all rules against one submission; raises where that breaks."""
    if data[:1] < b"\x80":
        with contextlib.suppress(ExpressionError):
            node = parse(data.decode("utf-8", "replace"), vocabulary(load_catalogue()))
            batch = _nothing()
            holds = np.asarray(evaluate(node, batch.on([0, 5])))
            np.broadcast_to(holds, (batch.submissions.height, 2))
            assert (holds.dtype == bool) == (node.kind == "truth")
        return
    whole = data[1 : 1 + (len(data) - 1) // 8 * 8]
    batch = _batch(np.frombuffer(whole, np.float64))
    for one in check(batch, np.ones(1, bool)):
        assert all(one.message), one.rule.code


@cache
def _nothing() -> Batch:
    return _batch(np.array([], np.float64))


def _batch(given: np.ndarray) -> Batch:
    """A submission whose profile and cells hold some numbers, in their order."""
    catalogue = load_catalogue()
    finite = [float(one) for one in given if math.isfinite(one) and abs(one) <= numbers.MAX_MAGNITUDE]
    profile = dict(zip(("population", "households", "area_km2", "city_gdp"), finite, strict=False))
    key = {"file_sha256": "a", "city_id": "x", "year": 2024}
    row = dict.fromkeys(SUBMISSIONS) | key | profile
    cells = []
    for at, point in enumerate(catalogue.data_points):
        values = finite[4 + 3 * at : 7 + 3 * at]
        if values:
            cell = dict.fromkeys(CELLS) | key | {"data_point": point.id, "sheet": "KPIs", "row_number": 5 + at}
            cells.append(cell | dict(zip(NUMBER_FIELDS, values, strict=False)) | {"result_is_formula": False})
    submissions = pl.DataFrame([row], schema=dict(SUBMISSIONS))
    frame = pl.DataFrame(cells, schema=dict(CELLS))
    rows = form_rows(frame, submissions, submissions.select("file_sha256"), catalogue)
    return Batch(_batch_rows(rows), submissions, catalogue)


TARGETS: dict[str, Callable[[bytes, Path], None]] = {"reader": reader, "rules": rules}


def _corpus(target: str, folder: Path) -> None:
    """First inputs."""
    inputs: list[bytes] = []
    if target == "reader":
        inputs += [bytes([at]) + seeds()[name] for at, name in enumerate(PARTS)]
        inputs += [bytes([WHOLE]) + package({}), bytes([TABLE]) + CSV.encode()]
        inputs += [bytes([TEXT]) + text.encode() for text in TEXTS]
    else:
        from intake.rules import load_rules

        inputs += [rule.text.when.encode() for rule in load_rules() if rule.text.when]
        inputs += [b"\xff" + np.linspace(0.1, 1e6, n).tobytes() for n in (8, 64, 340)]
    for at, one in enumerate(inputs):
        (folder / f"seed-{at:03}").write_bytes(one)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--corpus", type=Path, help="Folder that is kept; a new one is forgotten at the end.")
    given = parser.parse_args()
    try:
        import atheris
    except ModuleNotFoundError:
        sys.exit("Fuzzing needs atheris: pip install atheris (it is not among the project's requirements).")
    with tempfile.TemporaryDirectory() as name:
        corpus = given.corpus or Path(name) / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        _corpus(given.target, corpus)
        for module in [one for one in sys.modules if one.split(".")[0] == "intake"]:
            _instrument(atheris, sys.modules[module])
        target, folder = TARGETS[given.target], Path(name)
        options = [f"-max_total_time={given.seconds}", "-max_len=20000", "-timeout=20", "-rss_limit_mb=1500"]
        options += [f"-artifact_prefix={corpus}/", "-print_final_stats=1", "-len_control=0", "-keep_seed=1"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], lambda data: target(data, folder))
        atheris.Fuzz()


def _instrument(atheris: object, module: object) -> None:
    """Count which lines of a module's functions and classes are run."""
    import types

    for name, one in list(vars(module).items()):
        if isinstance(one, types.FunctionType) and one.__module__ == getattr(module, "__name__", ""):
            setattr(module, name, atheris.instrument_func(one))  # type: ignore[attr-defined]  # it ships no types
        elif isinstance(one, type) and one.__module__ == getattr(module, "__name__", ""):
            for inner, method in list(vars(one).items()):
                if isinstance(method, types.FunctionType):
                    setattr(one, inner, atheris.instrument_func(method))  # type: ignore[attr-defined]  # it ships no types


if __name__ == "__main__":
    main()
