"""A long CSV or Parquet file in batches of lines, every size limited before it is spent.

What belongs here: the bytes, the header, batches with their line numbers. What does not: what the columns mean
(`bulk.py`).

Lines are counted as a spreadsheet program counts rows: the header is line 1.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import polars as pl

from intake.xlsx import Refused

MEBIBYTE = 1 << 20
MAX_FILE_BYTES = 4096 * MEBIBYTE
MAX_LINES = 20_000_000
MAX_COLUMNS = 200
MAX_HEADER_BYTES = 1 << 16
BATCH_BYTES = 8 * MEBIBYTE  # of CSV
MAX_LINE_BYTES = MEBIBYTE  # of CSV
MAX_BATCH_BYTES = 16 * MEBIBYTE  # of CSV, where a quoted text has no end
BATCH_LINES = 50_000  # of Parquet
_QUOTED_BYTES = 1 << 14  # read at a time to find the end of a quoted text


@dataclass(frozen=True)
class LongTable:
    """A table file whose header has been read.

    Attributes:
        path: The file.
        columns: Names of its columns, as they stand there.
        separator: Separator of a CSV; None for Parquet.
    """

    path: Path
    columns: tuple[str, ...]
    separator: str | None


def open_table(path: Path) -> LongTable:
    """Read the header of a CSV (UTF-8; comma, semicolon or tab) or Parquet file.

    Raises:
        Refused: If it is empty, too large, or neither of the two.
    """
    size = path.stat().st_size
    if size == 0:
        raise Refused("empty_file", "The file is empty. Send it again.")
    if size > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES // MEBIBYTE
        raise Refused("too_large", f"The file has {size // MEBIBYTE} MiB, the limit is {limit} MiB. Split it.")
    table = _open_parquet(path) if path.suffix.lower() == ".parquet" else _open_csv(path)
    if len(table.columns) > MAX_COLUMNS:
        raise Refused("too_large", f"The file has {len(table.columns)} columns, the limit is {MAX_COLUMNS}.")
    return table


def batches(table: LongTable, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The lines of a table that hold anything, batch by batch, in their order.

    Args:
        table: An opened table.
        columns: Columns to read; those of a CSV come as texts, those of Parquet as they are.

    Yields:
        Frames of ``line`` and the columns.

    Raises:
        Refused: If the file is damaged, or holds too many lines.
    """
    blocks = _parquet_batches(table, columns) if table.separator is None else _csv_batches(table, columns)
    is_given = pl.any_horizontal(pl.col(name).is_not_null() for name in columns)
    with _damage_refused(table):
        for block in blocks:
            if block.height and block.get_column("line").item(-1) > MAX_LINES:
                raise Refused("too_large", f"The file has more than {MAX_LINES} lines. Split it.")
            yield block.filter(is_given).with_columns(pl.col("line").cast(pl.Int32))


@contextmanager
def _damage_refused(table: LongTable) -> Iterator[None]:
    """Turn what Polars raises on a damaged file, a panic of its core among it, into a refusal."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise Refused("not_a_table", _csv_trouble(table) or _reason(error)) from error


def _open_csv(path: Path) -> LongTable:
    """The header of a CSV."""
    with path.open("rb") as file:
        head = file.read(MAX_HEADER_BYTES)
    if head.startswith((b"PK\x03\x04", b"PAR1")):
        raise Refused("not_a_table", "The file is named .csv but is another kind of file. Correct its suffix.")
    line, newline, _ = head.partition(b"\n")
    if not newline and len(head) == MAX_HEADER_BYTES:
        raise Refused("not_a_table", "The first line is too long for a line of headers. Write them into line 1.")
    try:
        text = line.decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError as error:
        raise Refused("not_a_table", _NOT_UTF8) from error
    separator = max(",;\t", key=text.count)
    try:
        names = tuple(next(csv.reader([text], delimiter=separator)))
    except csv.Error as error:
        raise Refused("not_a_table", f"The line of headers cannot be read ({error}). Write it again.") from error
    return LongTable(path, names, separator)


def _csv_batches(table: LongTable, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Blocks of whole records, parsed one at a time; a mapped file would count as memory."""
    separator = table.separator or ","
    # Every block is read under a header of our own: without one, Polars drops blank lines and lines would shift.
    names = [f"c{index}" for index in range(len(table.columns))]
    header = (separator.join(names) + "\n").encode()
    wanted = [pl.col(names[table.columns.index(name)]).alias(name) for name in columns]
    line = 2
    for block in _csv_blocks(table.path):
        frame = pl.read_csv(
            header + block,
            schema=dict.fromkeys(names, pl.String),
            separator=separator,
            row_index_name="line",
            row_index_offset=line,
        )
        line += frame.height
        yield frame.select("line", *wanted)


def _csv_blocks(path: Path) -> Iterator[bytes]:
    """The lines after the header in blocks that end where a record ends."""
    with path.open("rb") as file:
        file.readline(MAX_HEADER_BYTES)
        while block := _record_block(file):
            _check_lines(block)
            yield block


def _record_block(file: BinaryIO) -> bytes:
    """The next lines of a file, up to where a record ends; empty at its end."""
    pieces = [file.read(BATCH_BYTES), _rest_of_line(file)]
    size = sum(map(len, pieces))
    is_within = sum(piece.count(b'"') for piece in pieces) % 2 == 1
    while is_within and (rest := file.read(_QUOTED_BYTES) + _rest_of_line(file)):
        pieces.append(rest)  # the end of the block lies inside a quoted text
        size += len(rest)
        is_within ^= rest.count(b'"') % 2 == 1
        if size > MAX_BATCH_BYTES:
            raise Refused("not_a_table", "A quoted text in the file has no end. Check the quotes.")
    return b"".join(pieces)


def _rest_of_line(file: BinaryIO) -> bytes:
    """What a file holds up to the next end of a line."""
    rest = file.readline(MAX_LINE_BYTES)
    if len(rest) == MAX_LINE_BYTES:
        raise Refused("too_large", _LONG_LINE)
    return rest


def _check_lines(block: bytes) -> None:
    """Refuse a block that has a line which is longer than any line of a table."""
    start = 0
    while len(block) - start > MAX_LINE_BYTES:
        end = block.rfind(b"\n", start, start + MAX_LINE_BYTES)
        if end < 0:
            raise Refused("too_large", _LONG_LINE)
        start = end + 1


def _csv_trouble(table: LongTable) -> str | None:
    """Why a CSV could not be parsed, with the line; None where that cannot be said."""
    if table.separator is None:
        return None
    try:
        with table.path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, delimiter=table.separator, strict=True)
            for line, row in enumerate(rows, start=1):
                if len(row) > len(table.columns):
                    return (
                        f"Line {line} has {len(row)} fields, the header has {len(table.columns)}. Put quotes around "
                        f"texts that hold {table.separator!r}."
                    )
    except UnicodeDecodeError:
        return _NOT_UTF8
    except (csv.Error, OSError):
        return "A quoted text in the file has no end. Check the quotes, or write the file again."
    return None


def _open_parquet(path: Path) -> LongTable:
    """The schema of a Parquet file."""
    try:
        names = pl.scan_parquet(path, glob=False).collect_schema().names()
        # Counted from the file's own list of its row groups, before any of them is unpacked.
        lines = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise Refused("not_a_table", _reason(error)) from error
    if lines > MAX_LINES:
        raise Refused("too_large", f"The file has {lines} lines, the limit is {MAX_LINES}. Split it.")
    return LongTable(path, tuple(names), None)


def _parquet_batches(table: LongTable, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Batches of a Parquet file; at least one, perhaps empty."""
    scan = pl.scan_parquet(table.path, glob=False)
    for name, dtype in scan.select(columns).collect_schema().items():
        if dtype.is_nested() or dtype.is_temporal() or dtype == pl.Binary:
            raise Refused("not_a_table", f"Column {name!r} holds neither texts nor numbers. Write it again as text.")
    lines = scan.select(columns).with_row_index("line", offset=2)
    # The other engine reads all lines before it gives the first batch: 2.7 GB of eleven million.
    yield from lines.collect_batches(chunk_size=BATCH_LINES, engine="streaming")


def _reason(error: BaseException) -> str:
    """The reason that a library gives, as a sentence."""
    reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
    return f"The file cannot be read ({reason}). Write it again."


_LONG_LINE = (
    f"The file has a line of more than {MAX_LINE_BYTES // MEBIBYTE} MiB. Write one line for each city, year and data "
    "point."
)
_NOT_UTF8 = "The file is not UTF-8 text. Save it as “CSV UTF-8”."
