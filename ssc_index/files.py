"""Files of the engine: values in, results out.

What belongs here: the CSV and Parquet forms of values, the result directory of ``ssc-index compute``, and
reading framework, values and method in one go. What does not: the framework's CSV (`framework/load.py`), the
method's YAML (`method.py`), workbooks (`intake`).
"""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ssc_index.errors import FaultsError, MethodError, SscIndexError, ValuesError
from ssc_index.framework.load import nearly, plain, read_framework_csv, said_of_reading, separator_faults
from ssc_index.framework.model import Framework
from ssc_index.index import compute_index
from ssc_index.method import Method, read_method
from ssc_index.result import IndexResult
from ssc_index.steps.denominate import denominators_named
from ssc_index.steps.derive import derived_codes, operands_named
from ssc_index.steps.parameters import Parameters
from ssc_index.steps.walk import listed
from ssc_index.values import Floats, Values, values_from_columns

LONG_COLUMNS = {"unit", "year", "code", "value"}
BESIDE = ("grade", "provisional")  # of a cell; the uncertainty analysis reads them
OUR_FILES = re.compile(
    r"(step|cells|parameters|distributions)_\d+_[a-z]+\.csv|audit_[a-z_]+\.csv|uncertainty(_[a-z_]+)?\.(csv|json|svg)|scores\.csv|weights\.csv|excluded\.csv|run\.json"
)
LONG_FROM = 100_000  # cells from which texts are told apart once
COMPILED_FROM = 10_000_000  # cells from which compiled laying out is worth loading the compiler
PART = 1 << 20  # rows of a long file that are laid out at a time
LAST_BITS = 1e-12  # of the greatest score; far more than summing another way moves, far less than what is reported
ADD_IT = "; add it, empty if nobody reported it"
MISSING = ("na", "n/a", "n.a.", "#n/a", "nan", "nr", "nd", "n.d.", "null", "none", "missing", "not reported")
FORMULA_START = r"^([=+\-@\t\r])"
PACKAGES = ("numpy", "polars", "pydantic", "pyyaml", "ssc-index")


@dataclass(frozen=True)
class _Table:
    """A file's columns, all text, and how to name a cell of it."""

    columns: dict[str, pl.Series]
    line_of: Callable[[int], str]


def columns_named(steps: Iterable[Parameters]) -> set[str]:
    """Columns of the values, beside the indicators, that the steps of a method compute with."""
    listed = tuple(steps)
    return denominators_named(listed) | operands_named(listed)


def read_values(
    path: Path, framework: Framework, denominators: Collection[str] = (), derived: Collection[str] = ()
) -> Values:
    """Read the values of an index from a CSV or Parquet file, wide or long.

    Wide: ``unit``, optionally ``year``, one column for every indicator of the framework; every other column
    is a group column (text), but for those that the framework or the method computes with. Long: exactly ``unit``,
    optionally ``year``, ``code``, ``value``; a code without rows is missing throughout; a denominator is a code
    too; ``grade`` and ``provisional`` may stand beside a value, for `read_beside`. An empty cell (in Parquet also
    null and NaN) is missing; zero is a value.

    Args:
        path: A file whose name ends in ``.parquet``, or a UTF-8 CSV file with a header.
        framework: The framework whose indicators the file gives.
        denominators: Columns that the method computes with (`columns_named`), beside those that the framework names.
        derived: Indicators that the method derives, so that the file need not have a column of them.

    Returns:
        The values, columns in the order of the framework, rows sorted by year and unit.

    Raises:
        ValuesError: With every fault, each with its line and column: text or an infinity where a number
            belongs, a missing or repeated column, an unknown code, a cell given twice, an empty unit.
    """
    table = _read_table(path)
    is_long = {"code", "value"} <= set(table.columns) and not {"code", "value"} & set(framework.codes)
    named = {*denominators, *(node.denominator for node in framework.indicators if node.denominator)}
    numbers = sorted(named - set(framework.codes))
    if is_long:
        return _long(table, framework, numbers, path.name)
    for code in derived:
        if code in framework.codes and code not in table.columns:
            table.columns[code] = pl.repeat(None, table.columns["unit"].len(), dtype=pl.Float64, eager=True)
    return _wide(table, framework, numbers, path.name)


def has_beside(path: Path, column: str) -> bool:
    """Whether a long file of values, one that can be read, has a column beside them."""
    if path.suffix.lower() == ".parquet":
        names = set(pl.read_parquet_schema(path))
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = {cell.strip() for cell in next((row for row in csv.reader(file) if any(row)), [])}
    return {"code", "value", column} <= names


def read_beside(path: Path, values: Values, column: str) -> NDArray[Any]:
    """Read what stands beside values: the data-quality grade of a cell, or what was reported for it provisionally.

    Long: ``unit``, optionally ``year``, ``code`` and the column, in the file of the values or in one of its own. Wide:
    ``unit``, optionally ``year``, a column for each indicator that has any. An empty cell is none.

    Args:
        path: CSV or Parquet file, as `read_values` takes it.
        values: The values that it stands beside.
        column: ``grade`` (words) or ``provisional`` (numbers, in the units of the values).

    Returns:
        Shape (n_rows, n_indicators), laid out as the values are: words, empty without a grade; numbers, NaN without.

    Raises:
        ValuesError: With every fault: a unit, year or indicator that the values do not have, a cell given twice, a
            provisional value that is no finite number.
    """
    table = _read_table(path)
    faults: list[str] = []
    units, years = _units(table, faults), _years(table, faults)
    if (years is None) != (values.years is None):
        here, there = ("no years", "years") if years is None else ("years", "no years")
        raise ValuesError(path.name, [*faults, f"the file has {here}, the values that it stands beside have {there}"])
    is_long = {"code", column} <= set(table.columns)
    names = [column] if is_long else [code for code in values.codes if code in table.columns]
    if not is_long:
        known = {"unit", "year", *values.codes, *values.groups, *values.denominators}
        others = [name for name in table.columns if name not in known]
        faults += [f"column {name!r} is no indicator{nearly(name, values.codes)}" for name in others]
    if not names:
        faults.append(f"no column of an indicator, and not the columns 'code' and {column!r} of a long file")
    times: Sequence[int | None] = [None] * len(units) if years is None else years.tolist()
    codes = table.columns["code"].cast(pl.String).to_list() if is_long else []
    own_years: Sequence[int | None] = [None] * len(values.units) if values.years is None else values.years
    rows = {key: row for row, key in enumerate(zip(own_years, values.units, strict=True))}
    columns = {code: number for number, code in enumerate(values.codes)}
    row_of = [rows.get(key, -1) for key in zip(times, units, strict=True)]
    words = column == "grade"
    found: NDArray[Any] = np.full(values.values.shape, "" if words else np.nan, dtype=object if words else np.float64)
    first: dict[tuple[int, int], int] = {}
    for name in names:
        texts = table.columns[name].cast(pl.String)
        cells: Sequence[Any] = texts.to_list() if words else _numbers(table, name, faults).tolist()
        for row in texts.is_not_null().arg_true().to_list():
            code = codes[row] if is_long else name
            cell = row_of[row], columns.get(code, -1)
            said = ", ".join(str(part) for part in (units[row], times[row], code) if part is not None)
            if min(cell) < 0:
                faults.append(f"{table.line_of(row)}: {said}: the values have no such unit, year or indicator")
            elif first.setdefault(cell, row) != row:
                faults.append(f"{table.line_of(row)}: {said} is given on {table.line_of(first[cell])} already")
            else:
                found[cell] = cells[row]
    if faults:
        raise ValuesError(path.name, faults)
    return found


def _read_table(path: Path) -> _Table:
    """Read a file of units, with at least one row."""
    table = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path)
    if "unit" not in table.columns:
        near = nearly("unit", table.columns)
        hint = "" if near else "; rename the one that holds the cities, countries …"
        raise ValuesError(path.name, [f"no column 'unit'{near}; columns are {', '.join(table.columns)}{hint}"])
    if "year" not in table.columns and (near := nearly("year", table.columns)):
        raise ValuesError(path.name, [f"no column 'year'{near}"])
    if not table.columns["unit"].len():
        raise ValuesError(path.name, ["no row below the header"])
    return table


def _read_csv(path: Path) -> _Table:
    """Read a CSV file as text; faults of its form carry the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [cell.strip() for cell in next((row for row in reader if any(map(str.strip, row))), [])]
            lines, rows = [], []
            for row in reader:
                if any(map(str.strip, row)):
                    lines.append(reader.line_num)
                    rows.append(row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValuesError(path.name, [said_of_reading(error, path)]) from error
    faults = _form_faults(header, lines, rows)
    if faults:
        raise ValuesError(path.name, faults)
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    columns = {
        name: _text(pl.Series(name, column, dtype=pl.String)) for name, column in zip(header, cells, strict=True)
    }
    return _Table(columns, lambda row: f"line {lines[row]}")


def _form_faults(header: Sequence[str], lines: Sequence[int], rows: Sequence[Sequence[str]]) -> list[str]:
    """Faults of a CSV file's header and of the length of its rows."""
    if not any(header):
        return ["the file is empty; the first line names the columns"]
    if separated := separator_faults(header):
        return separated
    faults = [f"line 1: column {name!r} occurs twice" for name in _repeated(header)]
    faults += [f"line 1: column {number + 1} has no name" for number, name in enumerate(header) if not name]
    faults += [
        f"line {line}: {len(row)} cells under {len(header)} columns"
        for line, row in zip(lines, rows, strict=True)
        if len(row) != len(header)
    ]
    return faults


def _repeated(names: Sequence[str]) -> list[str]:
    """Names that occur more than once."""
    return [name for name in dict.fromkeys(names) if name and list(names).count(name) > 1]


def _read_parquet(path: Path) -> _Table:
    """Read a Parquet file; text is trimmed, NaN is missing."""
    try:
        schema = pl.read_parquet_schema(path)
        names, numeric = list(schema), [name for name, kind in schema.items() if kind.is_numeric()]
        with ThreadPoolExecutor(1) as beside:  # numbers while texts are read
            numbers = beside.submit(pl.read_parquet, path, columns=numeric)
            coded = _texts_in_parquet(path)
            columns = numbers.result().get_columns()
        if rest := [name for name in names if name not in coded and name not in numeric]:
            columns += pl.read_parquet(path, columns=rest).get_columns()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ValuesError(path.name, [f"cannot be read as Parquet: {error}"]) from error
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        read = pool.map(lambda series: _parquet_column(path.name, series), columns)
        by_name = coded | {series.name: own for series, own in zip(columns, read, strict=True)}
    return _Table({name: by_name[name] for name in names}, lambda row: f"row {row + 1}")


def _texts_in_parquet(path: Path) -> dict[str, pl.Series]:
    """Texts of a long Parquet file by the numbers that the file itself gives them: none is looked at row by row.

    A column with missing, empty or untrimmed texts is left for others to read, and so is a file that Arrow refuses.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            kinds = pyarrow.string(), pyarrow.large_string()
            names = [field.name for field in file.schema_arrow if field.type in kinds]
            if file.metadata.num_rows < LONG_FROM or not names:
                return {}
        with parquet.ParquetFile(path, read_dictionary=names) as file:
            table = file.read(names).unify_dictionaries()
    except (OSError, pyarrow.ArrowException):
        return {}
    known = {name: table.column(name) for name in names if not table.column(name).null_count}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        numbered = zip(known, pool.map(_numbered, known, known.values()), strict=True)
        return {name: coded for name, coded in numbered if coded is not None}


def _numbered(name: str, column: Any) -> pl.Series | None:
    """A column of numbered texts as Polars holds it; None where a text is empty or not trimmed."""
    whole = column.combine_chunks()
    kind = pl.Categorical(pl.Categories.random())
    texts, numbers = pl.Series(whole.dictionary.to_pylist(), dtype=pl.String), whole.indices.to_numpy()
    if not ((texts == texts.str.strip_chars()) & (texts != "")).fill_null(False).all():
        return None
    coded = texts.cast(kind)  # held until the end: categories that nobody uses are let go
    ours = coded.to_physical().to_numpy()
    if (ours != np.arange(ours.size)).any():  # a text that has two numbers
        numbers = ours[numbers]
    same_size = numbers.dtype == np.int32  # then none is copied
    return pl.Series(name, numbers.view(np.uint32) if same_size else numbers.astype(np.uint32)).cat.to(kind)


def _parquet_column(subject: str, series: pl.Series) -> pl.Series:
    """A column of a Parquet file: numbers as they are, NaN missing; all else as text."""
    if series.dtype.is_float():
        floats = series.cast(pl.Float64)
        return floats.fill_nan(None) if floats.is_nan().any() else floats
    return series if series.dtype.is_integer() else _text(_as_text(subject, series))


def _as_text(subject: str, series: pl.Series) -> pl.Series:
    """A column as text; a list or a structure has no text."""
    try:
        return series.cast(pl.String)
    except pl.exceptions.PolarsError as error:
        fault = f"column {series.name!r}: holds {series.dtype}, not a number or text in each cell"
        raise ValuesError(subject, [fault]) from error


def _text(series: pl.Series) -> pl.Series:
    """Trim text; empty is null. Long columns, in which few texts recur, are looked at text by text."""
    if series.len() >= LONG_FROM and not series.has_nulls():
        coded = series.cast(pl.Categorical(pl.Categories.random()))
        texts = _texts(coded)
        if ((texts == texts.str.strip_chars()) & (texts != "")).all():
            return coded
    trimmed = series.str.strip_chars()
    return trimmed.set(trimmed == "", None)


def _texts(coded: pl.Series) -> pl.Series:
    """The texts of a column that has categories of its own, by their numbers; nothing is missing in it."""
    numbers = coded.to_physical().to_numpy()
    first = np.full(int(numbers.max(initial=0)) + 1, -1, dtype=np.int64)
    for start in range(0, numbers.size, PART):
        part = numbers[start : start + PART]
        new = np.flatnonzero(first[part] < 0)[::-1]
        first[part[new]] = start + new
        if (first >= 0).all():
            break
    return coded.gather(first[first >= 0]).cast(pl.String)


@dataclass(frozen=True)
class _Coded:
    """A column of texts as numbers.

    Attributes:
        numbers: Of each row, shape (n_rows,).
        texts: The texts in the order of the alphabet.
        place: Position of a number's text among them.
    """

    numbers: NDArray[np.unsignedinteger]
    texts: list[str]
    place: NDArray[np.int32]

    def text(self, row: int) -> str:
        """The text of a row."""
        return self.texts[int(self.place[self.numbers[row]])]


def _coded(series: pl.Series) -> _Coded:
    """Texts as numbers; what is missing is an empty text."""
    coded = series.cast(pl.String).fill_null("") if series.has_nulls() else series
    if not isinstance(coded.dtype, pl.Categorical):
        coded = coded.cast(pl.Categorical(pl.Categories.random()))
    texts = _texts(coded)
    order = texts.arg_sort()
    place = np.empty(texts.len(), dtype=np.int32)
    place[order.to_numpy()] = np.arange(texts.len())
    return _Coded(coded.to_physical().to_numpy(), texts.gather(order).to_list(), place)


def _numbers(table: _Table, name: str, faults: list[str]) -> Floats:
    """Read a column as numbers, NaN where empty; a fault for every cell that is not a finite number."""
    series = table.columns[name]
    if series.dtype == pl.Float64:
        floats = np.empty(series.len())

        def fill(start: int) -> bool:
            """Lay a part out; whether it has an infinity."""
            part = floats[start : start + PART]
            part[:] = series[start : start + PART].fill_null(np.nan).to_numpy()
            return bool(np.isinf(part).any())

        if not any(_part_by_part(fill, floats.size)):
            return floats
    numbers = series.cast(pl.Float64, strict=False)
    wrong = series.is_not_null() & ~numbers.is_finite().fill_null(False)
    faults += [
        f"{table.line_of(row)}, column {name}: {series[row]!r} is not a finite number{_hint(series[row])}"
        for row in wrong.arg_true().to_list()
    ]
    return numbers.set(wrong, None).fill_null(np.nan).to_numpy()


def _part_by_part(call: Callable[[int], bool], n: int) -> list[bool]:
    """What a call gives for the first row of each part of n rows; parts of long columns on all processors."""
    starts = range(0, n, PART)
    if len(starts) < 2:
        return [call(start) for start in starts]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(call, starts))


def _hint(cell: object) -> str:
    """What to do about the commonest faults of a number cell."""
    text = str(cell)
    if re.fullmatch(r"[-+]?\d[\d.,'’\s]*", text) and re.search(r"[,'’\s]|\..*\.", text):
        return "; write a decimal point and no thousands separator"
    if re.fullmatch(r"[−–]\s*[\d.]+", text):
        return "; write the minus as '-', as on a keyboard"
    if text.lower() in MISSING or not re.search(r"\w", text):
        return "; leave a missing cell empty"
    return "; give the bare number, and leave a missing cell empty"


def _units(table: _Table, faults: list[str]) -> list[str]:
    """Units as text; a fault where one is empty."""
    _units_missing(table, faults)
    return table.columns["unit"].cast(pl.String).fill_null("").to_list()


def _units_missing(table: _Table, faults: list[str]) -> None:
    """A fault where a unit is empty."""
    missing = table.columns["unit"].is_null()
    faults += [f"{table.line_of(row)}, column unit: empty" for row in missing.arg_true().to_list()]


def _years(table: _Table, faults: list[str]) -> NDArray[np.int32] | None:
    """Years as whole numbers; None without the column, or if it is empty throughout."""
    series = table.columns.get("year")
    if series is None or series.null_count() == series.len():
        return None
    if series.dtype.is_integer() and not series.has_nulls():
        whole = np.empty(series.len(), dtype=np.int32)

        def lay(start: int) -> bool:
            """Lay a part out; whether all of it are years."""
            part = series[start : start + PART].to_numpy()
            whole[start : start + PART] = part
            return bool(part.min() >= -9999 and part.max() <= 9999)

        if all(_part_by_part(lay, whole.size)):
            return whole
    exact = series.cast(pl.Float64, strict=False)
    wrong = ~(exact.is_between(-9999, 9999) & (exact == exact.floor())).fill_null(False)
    faults += [
        f"{table.line_of(row)}, column year: "
        + ("empty" if series[row] is None else f"{series[row]!r} is not a year such as 2026")
        for row in wrong.arg_true().to_list()
    ]
    return exact.set(wrong, 0).cast(pl.Int32).to_numpy()


def _wide(table: _Table, framework: Framework, denominators: Sequence[str], subject: str) -> Values:
    """One row per unit (and year), one column per indicator and denominator; the rest are groups."""
    there = [code for code in framework.codes if code in table.columns]
    if not there and not any(nearly(code, table.columns) for code in framework.codes):
        raise ValuesError(subject, [_no_indicator(table, framework)])
    faults = [
        f"no column {code!r} ({framework.by_code[code].name}){nearly(code, table.columns) or ADD_IT}"
        for code in framework.codes
        if code not in table.columns
    ]
    others = [name for name in table.columns if name not in {"unit", "year", *framework.codes, *denominators}]
    if others and faults and faults[-1].endswith(ADD_IT):
        faults[-1] += f"; columns that are no indicator: {', '.join(map(repr, others))}"
    units, years = _units(table, faults), _years(table, faults)
    numbers = [_numbers(table, code, faults) for code in there]
    divisors = {name: _numbers(table, name, faults) for name in denominators if name in table.columns}
    times: Sequence[int | None] = [None] * len(units) if years is None else years.tolist()
    faults += _repeated_keys(list(zip(units, times, strict=True)), table)
    if faults:
        raise ValuesError(subject, faults)
    groups = {name: table.columns[name].cast(pl.String).to_list() for name in others}
    return values_from_columns(
        units,
        None if years is None else years.tolist(),
        framework.codes,
        np.stack(numbers, axis=1),
        groups,
        subject,
        divisors,
    )


def _no_indicator(table: _Table, framework: Framework) -> str:
    """What to say of a file that has no column of any indicator."""
    near = [name for name in ("code", "value") if name not in table.columns]
    hints = [hint for hint in (nearly(name, table.columns) for name in near) if hint]
    return (
        f"no column of any indicator of the framework ({listed(framework.codes)}), and not both of 'code' and 'value'"
        f"{''.join(hints)}; columns are {', '.join(map(repr, table.columns))}; a wide file has a column for each "
        "indicator, a long one the columns unit, year, code, value"
    )


def _unknown_code(code: str, framework: Framework) -> str:
    """Why a code of a long file has no place, and what may have been meant."""
    if code in framework.by_code:
        return "is not an indicator but a node with children; values are of indicators"
    found = [known for known in framework.codes if plain(known) == plain(code)]
    return f"is not an indicator of the framework{f'; {found[0]!r} is, and nearly the same' if found else ''}"


def _repeated_keys(keys: Sequence[tuple[Any, ...]], table: _Table) -> list[str]:
    """A fault for each row whose key came before."""
    first: dict[tuple[Any, ...], int] = {}
    faults = []
    for row, key in enumerate(keys):
        before = first.setdefault(key, row)
        if before != row:
            said = ", ".join(str(part) for part in key if part is not None)
            hint = "; tell years apart by a column 'year'" if key[1] is None else ""
            faults.append(f"{table.line_of(row)}: {said} is given on {table.line_of(before)} already{hint}")
    return faults


def _long(table: _Table, framework: Framework, denominators: Sequence[str], subject: str) -> Values:
    """One row per unit, (year) and code."""
    faults = [
        f"unknown column {name!r}; a long file has unit, year, code, value, and beside them {' and '.join(BESIDE)}; "
        "groups of units need a wide file"
        for name in table.columns
        if name not in {*LONG_COLUMNS, *BESIDE}
    ]
    _units_missing(table, faults)
    years, unit, code = _years(table, faults), _coded(table.columns["unit"]), _coded(table.columns["code"])
    given = [name for name in denominators if name in code.texts]
    columns = {name: column for column, name in enumerate((*framework.codes, *given))}
    column_of = np.array([columns.get(text, -1) for text in code.texts], dtype=np.int64)
    if (column_of < 0).any():
        faults += [
            f"{table.line_of(row)}, column code: {code.text(row)!r} {_unknown_code(code.text(row), framework)}"
            for row in np.flatnonzero(column_of[code.place[code.numbers]] < 0).tolist()
        ]
    numbers = _numbers(table, "value", faults)
    laid_out = None if faults else _laid_out(unit, years, column_of[code.place], code.numbers, numbers, len(columns))
    if laid_out is None:
        times: Sequence[int | None] = [None] * numbers.size if years is None else years.tolist()
        keys = [(unit.text(row), times[row], code.text(row)) for row in range(numbers.size)]
        raise ValuesError(subject, faults + _repeated_keys(keys, table))
    units, known_years, matrix = laid_out
    width = len(framework.codes)
    return values_from_columns(
        units,
        None if years is None else known_years,
        framework.codes,
        matrix[:, :width],
        {},
        subject,
        {name: matrix[:, columns[name]] for name in given},
        owned=True,
    )


@cache
def _laying(compiled: bool) -> tuple[Callable[..., None], ...]:
    """The loops over the cells of a long file."""
    if not compiled:
        return _note_years, _note_rows, _lay_cells
    import numba

    from ssc_index import compiled_files as loops

    translated = numba.njit(nogil=True, cache=True)
    return translated(loops.note_years), translated(loops.note_rows), translated(loops.lay_cells)


def _note_years(years: Any, first: int, occurs: Any) -> None:
    """As `compiled_files.note_years`, in NumPy."""
    occurs[years - first] = True


def _note_rows(units: Any, place: Any, years: Any, first: int, start_of_year: Any, occurs: Any) -> None:
    """As `compiled_files.note_rows`, in NumPy."""
    occurs[place[units] + (start_of_year[years - first] if years.size else 0)] = True


def _lay_cells(
    units: Any,
    place: Any,
    years: Any,
    first: int,
    start_of_year: Any,
    row_of: Any,
    codes: Any,
    start_of_code: Any,
    *cells: Any,
) -> None:
    """As `compiled_files.lay_cells`, in NumPy."""
    numbers, flat, filled = cells
    at = start_of_code[codes] + row_of[place[units] + (start_of_year[years - first] if years.size else 0)]
    flat[at], filled[at] = numbers, True


def _laid_out(
    unit: _Coded,
    years: NDArray[np.int32] | None,
    column_of: NDArray[np.int64],
    codes: NDArray[np.unsignedinteger],
    numbers: Floats,
    width: int,
) -> tuple[list[str], list[int], Floats] | None:
    """Cells laid into a table, rows sorted by year and unit; None if a cell is given twice."""
    n = numbers.size
    own_years = np.zeros(0, dtype=np.int32) if years is None else years
    first, last = (0, 0) if years is None else (int(years.min()), int(years.max()))
    is_year = np.full(last - first + 1, years is None)
    note_years, note_rows, lay_cells = _laying(n >= COMPILED_FROM)
    cuts = [slice(start, start + PART) for start in range(0, n, PART)] if n >= COMPILED_FROM else [slice(0, n)]
    with ThreadPoolExecutor(min(len(cuts), os.cpu_count() or 1)) as pool:
        list(pool.map(lambda part: note_years(own_years[part], first, is_year), cuts))
        times = first + np.flatnonzero(is_year)
        start_of_year = (np.cumsum(is_year) - 1) * len(unit.texts)
        occurs = np.zeros(times.size * len(unit.texts), dtype=bool)

        def note(part: slice) -> None:
            note_rows(unit.numbers[part], unit.place, own_years[part], first, start_of_year, occurs)

        list(pool.map(note, cuts))
        known = np.flatnonzero(occurs)
        row_of, start_of_code = np.cumsum(occurs) - 1, column_of * known.size
        flat, filled = np.full(known.size * width, np.nan), np.zeros(known.size * width, dtype=bool)

        def lay(part: slice) -> None:
            where = unit.numbers[part], unit.place, own_years[part], first, start_of_year, row_of
            lay_cells(*where, codes[part], start_of_code, numbers[part], flat, filled)

        list(pool.map(lay, cuts))
    if np.count_nonzero(filled) < n:  # a cell given twice; which of the two was laid last does not matter
        return None
    names = [unit.texts[number] for number in (known % len(unit.texts)).tolist()]
    return names, times[known // len(unit.texts)].tolist(), flat.reshape(width, known.size).T


def compute(framework_path: Path, values_path: Path, method_path: Path, out: Path, audit: bool = False) -> IndexResult:
    """Compute an index from files and write its result: what ``ssc-index compute`` does.

    Faults of framework and method are reported together; values are read once the framework is known.

    Args:
        framework_path: CSV file of the framework.
        values_path: CSV or Parquet file of the values.
        method_path: YAML file of the method.
        out: Directory of the result; made if need be.
        audit: Whether to write the tables of the audit as well.

    Returns:
        The result.

    Raises:
        FaultsError: With every fault of the files, or of the method on them.
    """
    framework = method = None
    errors: list[FaultsError] = []
    try:
        framework = read_framework_csv(framework_path)
    except FaultsError as error:
        errors.append(error)
    try:
        method = read_method(method_path)
    except FaultsError as error:
        errors.append(error)
    if framework is None or method is None:
        raise _joined(errors)
    values = read_values(values_path, framework, columns_named(method.steps), derived_codes(method.steps))
    try:
        result = compute_index(values, framework, method)
    except MethodError as error:
        raise MethodError(f"{method_path.name} ({error.subject})", error.faults) from error
    paths = {"framework": framework_path, "values": values_path, "method": method_path}
    write_result(result, out, paths, audit)
    return result


def _joined(errors: Sequence[FaultsError]) -> FaultsError:
    """One error for the faults of several files."""
    if len(errors) == 1:
        return errors[0]
    subject = " and ".join(error.subject for error in errors)
    return FaultsError(subject, [f"{error.subject}: {fault}" for error in errors for fault in error.faults])


def write_result(result: IndexResult, out: Path, inputs: Mapping[str, Path], audit: bool = False) -> tuple[str, ...]:
    """Write a result as CSV files and a record of the run.

    ``scores.csv``; per step ``step_<n>_<name>.csv`` (the table after it), where there is something to tell
    also ``cells_<n>_<name>.csv`` (cells treated or filled, before and after) and
    ``parameters_<n>_<name>.csv``; ``excluded.csv`` (rows screened out, and why); ``audit_<name>.csv`` if asked for
    (`audit.report.audit_frames`); last ``run.json``. Numbers
    are written so that they read back to the same bits. Text that a spreadsheet would take for a formula gets
    a quote in front. Files of an earlier result in the directory are removed first.

    Args:
        result: The result.
        out: Directory; made if need be.
        inputs: Input files by what they are, for their hashes.
        audit: Whether to write the tables of the audit as well.

    Returns:
        Names of the files written, in order.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SscIndexError(f"{out.name}: cannot be made a directory for the result: {error}") from error
    for path in sorted(out.iterdir()):
        if OUR_FILES.fullmatch(path.name):
            path.unlink()
    frames = _frames(result)
    if audit:
        from ssc_index.audit.report import audit_frames  # slow to import

        frames |= {f"audit_{name}.csv": frame for name, frame in audit_frames(result).items()}
    for name, frame in frames.items():
        _write_csv(frame, out / name)
    record = run_record(result, inputs, tuple(frames))
    text = json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n"  # YAML knows dates
    (out / "run.json").write_text(text, encoding="utf-8", newline="\n")
    return (*frames, "run.json")


def _frames(result: IndexResult) -> dict[str, pl.DataFrame]:
    """Every table of a result by file name."""
    frames = {"scores.csv": result.scores_frame()}
    tables = result.step_frames()
    for step in result.steps:
        stem = f"{step.number}_{step.name}"
        frames[f"step_{stem}.csv"] = tables[stem]
        if step.treated.any() or step.imputed.any():
            frames[f"cells_{stem}.csv"] = result.cells_frame(step)
        if step.parameters:
            frames[f"parameters_{stem}.csv"] = result.parameters_frame(step)
        if step.distributions:
            frames[f"distributions_{stem}.csv"] = result.distributions_frame(step)
    if result.group_weights or not np.isnan(result.weights).all():
        frames["weights.csv"] = result.weights_frame()
    if not result.included.all():
        frames["excluded.csv"] = result.excluded_frame()
    return frames


def _write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame so that no spreadsheet program runs a text of it."""
    without_formulas(frame).write_csv(path, line_terminator="\n")


def without_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame whose texts and names, where they start like a formula, have a quote in front.

    >>> without_formulas(pl.DataFrame({"name": ["=1+1", "Rana"]}))["name"].to_list()
    ["'=1+1", 'Rana']
    """
    quoted = frame.with_columns(pl.col(pl.String).str.replace(FORMULA_START, "'$1"))
    return quoted.rename({name: re.sub(FORMULA_START, r"'\1", name) for name in frame.columns})


def run_record(result: IndexResult, inputs: Mapping[str, Path], files: Sequence[str]) -> dict[str, Any]:
    """What was run: hashes of the inputs, the whole method, versions, counts, notes. No clock, no paths.

    Args:
        result: The result.
        inputs: Input files by what they are.
        files: Names of the tables written.

    Returns:
        Plain data for ``run.json``.
    """
    return {
        "inputs": {
            what: {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            for what, path in inputs.items()
        },
        "method": result.method.as_mapping(),
        "versions": {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES}},
        "counts": {
            "rows": len(result.units),
            "rows_screened_out": int((~result.included).sum()),
            "indicators": len(result.framework.codes),
            "nodes": len(result.framework.nodes),
            "cells_missing": int(np.isnan(result.values.values).sum()),
        },
        "notes": [
            *left_undone(result.framework, result.method),
            *nearly_tied(result),
            *(f"{step.number}_{step.name}: {note}" for step in result.steps for note in step.notes),
        ],
        "files": list(files),
    }


def left_undone(framework: Framework, method: Method) -> list[str]:
    """What a framework asks for and no step of a method does: a sentence each.

    Args:
        framework: The framework.
        method: A method that fits it.

    >>> from ssc_index.framework.load import framework_from_nodes
    >>> from ssc_index.framework.model import Node
    >>> from ssc_index.method import method_from_mapping
    >>> tree = framework_from_nodes([
    ...     Node(code="i", parent=None, name="I", level=""),
    ...     Node(code="a", parent="i", name="A", level="", direction="higher"),
    ... ])
    >>> left_undone(tree, method_from_mapping({"name": "m", "steps": [{"normalise": {"method": "minmax"}}]}))
    ["no step aggregates up to i, which so has no score; add '- aggregate: {}'"]
    """
    steps, root = {step.step for step in method.steps}, framework.nodes[0]
    tops = {getattr(step, "to", None) or root.level for step in method.steps if step.step == "aggregate"}
    notes = []
    if not tops & {root.level, root.code}:
        notes.append(f"no step aggregates up to {root.code}, which so has no score; add '- aggregate: {{}}'")
    totals = [node.code for node in framework.indicators if node.denominator]
    if totals and "denominate" not in steps:
        notes.append(
            f"{listed(totals)} counted undivided: the framework names denominators and no step divides by them; add "
            "'- denominate: {}', or empty the cells where the values are divided already"
        )
    return notes


def nearly_tied(result: IndexResult) -> list[str]:
    """Tell of scores of aggregated nodes that differ in their last bits alone: ranks part what may be equal on paper.

    Args:
        result: A result; what has no rank is not looked at, and nothing is where scores are rounded before ranking.

    Returns:
        One sentence, or none.
    """
    found: dict[str, int] = {}
    for column, node in enumerate(result.framework.nodes):
        if node.code in result.framework.codes or result.method.rank.round is not None:
            continue
        for _, rows in result.values.year_slices():
            scores = result.scores[rows, column][result.ranks[rows, column] >= 1]
            gaps = np.diff(np.sort(scores))
            near = int(((gaps > 0) & (gaps <= LAST_BITS * np.abs(scores).max(initial=0.0))).sum())
            found[node.code] = found.get(node.code, 0) + near
    counts = [f"{count} of {code}" for code, count in found.items() if count]
    if not counts:
        return []
    return [
        "scores that differ from the next in their last bits alone, though they may be equal on paper: "
        f"{listed(counts)}; "
        "'rank: {round: 9}' ranks them alike, and 'round: 9' of the step aggregate makes them so for later steps"
    ]


def version_of(package: str) -> str | None:
    """Version of an installed package; None where the code runs uninstalled."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
