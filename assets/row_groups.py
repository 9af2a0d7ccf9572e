"""Row groups of Parquet files, copied as bytes from one file into another.

What belongs here: where a row group lies in its file, and the footer of a file into which some were copied. What does
not: which are copied (`publish.py`), and rows.

PyArrow would read a row group as rows and write them again: half a second for a million rows, for the same bytes. The
footer is a structure of Thrift's compact protocol, which tells of each field what kind it is: fields that nothing is
done with are kept as they are.

Source: Apache Parquet format, ``parquet.thrift``; Apache Thrift, ``thrift-compact-protocol.md``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MAGIC = b"PAR1"
TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, STRUCT = 1, 2, 3, 7, 8, 9, 12
INTEGERS = (4, 5, 6)

# A structure: kind and value of each field by its number. A list: kind of its items, and these.
Struct = dict[int, tuple[int, Any]]

# Numbers of fields in ``parquet.thrift``.
ROWS_OF_FILE, GROUPS = 3, 4
COLUMNS, ROWS_OF_GROUP, GROUP_OFFSET, GROUP_SIZE = 1, 3, 5, 6
CHUNK_FACTS = 3
PAGE_OFFSETS = (9, 10, 11)


@dataclass(frozen=True)
class RowGroup:
    """Where a row group lies in a file.

    Attributes:
        start: Its first byte.
        size: How many bytes it has.
        n_rows: How many rows.
        facts: What the footer says of it.
    """

    start: int
    size: int
    n_rows: int
    facts: Struct


def row_groups_of(file: BinaryIO) -> list[RowGroup]:
    """Row groups of a Parquet file, in their order."""
    return [_row_group(facts) for facts in _footer(file)[1][GROUPS][1][1]]


def bytes_of(file: BinaryIO, group: RowGroup) -> bytes:
    """The bytes of a row group."""
    file.seek(group.start)
    return file.read(group.size)


def add_to_footer(path: Path, copied: Sequence[tuple[int, int, RowGroup]]) -> None:
    """Have the footer of a file tell of row groups whose bytes were copied into it.

    Args:
        path: The file, closed, with a footer that tells of the others.
        copied: Of each its place among all row groups, ascending, its first byte in the file, and where it came from.

    The footer is the one that PyArrow would have written, had it written all of them.
    """
    with path.open("r+b") as file:
        start, footer = _footer(file)
        groups: list[Struct] = footer[GROUPS][1][1]
        for place, first, group in copied:
            groups.insert(place, _moved(group.facts, first - group.start))
        rows = sum(facts[ROWS_OF_GROUP][1] for facts in groups)
        footer[ROWS_OF_FILE] = (footer[ROWS_OF_FILE][0], rows)
        written = _written(STRUCT, footer)
        file.seek(start)
        file.truncate()
        file.write(written + len(written).to_bytes(4, "little") + MAGIC)


def _row_group(facts: Struct) -> RowGroup:
    offsets = [
        chunk[CHUNK_FACTS][1][field][1]
        for chunk in facts[COLUMNS][1][1]
        for field in PAGE_OFFSETS
        if field in chunk[CHUNK_FACTS][1]
    ]
    return RowGroup(min(offsets), facts[GROUP_SIZE][1], facts[ROWS_OF_GROUP][1], facts)


def _moved(facts: Struct, by: int) -> Struct:
    """What a footer says of a row group, so many bytes further on in a file; a copy."""
    kind, (kind_of_items, chunks) = facts[COLUMNS]
    moved = []
    for chunk in chunks:
        kind_of_facts, own = chunk[CHUNK_FACTS]
        fields = {
            number: (one, value + by if number in PAGE_OFFSETS else value) for number, (one, value) in own.items()
        }
        moved.append({**chunk, CHUNK_FACTS: (kind_of_facts, fields)})
    kind_of_offset, offset = facts[GROUP_OFFSET]
    return {**facts, COLUMNS: (kind, (kind_of_items, moved)), GROUP_OFFSET: (kind_of_offset, offset + by)}


def _footer(file: BinaryIO) -> tuple[int, Struct]:
    """First byte of a file's footer, and the footer."""
    end = file.seek(-len(MAGIC) - 4, os.SEEK_END)
    size = int.from_bytes(file.read(4), "little")
    start = file.seek(end - size)
    footer: Struct = _Reader(file.read(size)).value(STRUCT)
    return start, footer


class _Reader:
    """Values of the compact protocol, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def value(self, kind: int) -> Any:
        """The next value, which is of a kind."""
        if kind in (TRUE, FALSE):
            return None  # the kind is the value
        if kind == BYTE:
            return self._bytes(1)
        if kind in INTEGERS:
            number = self._varint()
            return (number >> 1) ^ -(number & 1)
        if kind == DOUBLE:
            return self._bytes(8)
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind == LIST:
            return self._list()
        if kind == STRUCT:
            return self._struct()
        raise ValueError(f"kind {kind} is in no footer of Parquet")

    def _bytes(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def _varint(self) -> int:
        number = shift = 0
        while True:
            (byte,) = self._bytes(1)
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    def _list(self) -> tuple[int, list[Any]]:
        (head,) = self._bytes(1)
        count = self._varint() if head >> 4 == 15 else head >> 4
        return head & 15, [self.value(head & 15) for _ in range(count)]

    def _struct(self) -> Struct:
        fields: Struct = {}
        number = 0
        while True:
            (head,) = self._bytes(1)
            if not head:
                return fields
            number = number + (head >> 4) if head >> 4 else self.value(INTEGERS[0])
            fields[number] = (head & 15, self.value(head & 15))


def _written(kind: int, value: Any) -> bytes:
    """A value as `_Reader` reads it."""
    if kind in (TRUE, FALSE):
        return b""
    if kind in INTEGERS:
        return _varint(value << 1 if value >= 0 else (-value << 1) - 1)
    if kind == BINARY:
        return b"".join([_varint(len(value)), value])
    if kind == LIST:
        kind_of_items, items = value
        head = bytes([len(items) << 4 | kind_of_items]) if len(items) < 15 else bytes([0xF0 | kind_of_items])
        return b"".join(
            [head, b"" if len(items) < 15 else _varint(len(items)), *(_written(kind_of_items, one) for one in items)]
        )
    if kind == STRUCT:
        return _written_struct(value)
    return bytes(value)


def _written_struct(fields: Struct) -> bytes:
    parts, before = [], 0
    for number, (kind, value) in fields.items():
        step = number - before
        parts.append(bytes([step << 4 | kind]) if 0 < step <= 15 else bytes([kind]) + _written(INTEGERS[0], number))
        parts.append(_written(kind, value))
        before = number
    return b"".join([*parts, b"\0"])


def _varint(number: int) -> bytes:
    written = bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
