"""Append-only files: numbered lines, each with the hash of the line before, so that a change shows.

What belongs here: adding a line, reading all of them, and telling where the chain is broken. What does not: what the
lines mean (`review.py`, the log of exports). A line that is cut off the end leaves no trace; whoever must prove that
none was keeps the hash of the last line elsewhere.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from intake.durable import sync
from intake.texts import one_line, plain_cell, without_guard
from ssc_index.errors import FaultsError

NUMBER, PREVIOUS = "number", "previous"


class LedgerError(FaultsError):
    """A file that was changed otherwise than by adding a line."""


@dataclass(frozen=True)
class Ledger:
    """An append-only file.

    Attributes:
        path: Where it lies; absent is empty.
        columns: Its columns between the number and the hash.
    """

    path: Path
    columns: tuple[str, ...]

    @property
    def header(self) -> bytes:
        """The first line."""
        return _line([NUMBER, *self.columns, PREVIOUS])

    def read(self) -> tuple[list[dict[str, str]], list[str]]:
        """All lines in their order, and a sentence for each place where the chain is broken.

        A broken chain does not keep the lines from being read: what they say may still help.
        """
        content = self.path.read_bytes() if self.path.is_file() else b""
        return self._parsed(content)

    def append(self, lines: Sequence[Mapping[str, str]]) -> list[int]:
        """Add lines, all or none; what was written is on disk when this returns.

        Args:
            lines: Texts by column; a column that is not given is blank, a line break in a text becomes a blank.

        Returns:
            The numbers that the lines have got.

        Raises:
            LedgerError: If the file was changed otherwise than by adding a line; nothing is added.
            OSError: If the disk is full; nothing is added.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
            content = file.read()
            known, faults = self._parsed(content)
            if faults:
                raise LedgerError(f"{self.path.name} was changed by hand; nothing is added to it", faults)
            new = b"" if content else self.header
            last = content.splitlines(keepends=True)[-1] if content else self.header
            numbers = list(range(len(known) + 1, len(known) + 1 + len(lines)))
            for number, line in zip(numbers, lines, strict=True):
                cells = [plain_cell(one_line(line.get(name, ""))) for name in self.columns]
                last = _line([str(number), *cells, _hash(last)])
                new += last
            try:
                left = memoryview(new)
                while left:  # a disk that is nearly full takes a part, and says no word of it
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), len(content))
                raise
        if not content:
            sync(self.path.parent)
        return numbers

    def _parsed(self, content: bytes) -> tuple[list[dict[str, str]], list[str]]:
        lines = content.splitlines(keepends=True)
        if not lines:
            return [], []
        if lines[0] != self.header:
            return [], [f"line 1 is not {self.header.decode().strip()}"]
        entries, faults = [], []
        for number, line in enumerate(lines[1:], start=1):
            cells = next(csv.reader([line.decode("utf-8", errors="replace")]), [])
            if len(cells) != len(self.columns) + 2 or not line.endswith(b"\n"):
                is_last = number == len(lines) - 1
                hint = ": if the power was lost, take it off; what it tells of was not done" if is_last else ""
                faults.append(f"line {number + 1} is incomplete{hint}")
                continue
            if cells[0] != str(number):
                faults.append(
                    f"line {number + 1} has number {cells[0]}, {number} is due: a line is missing or was added"
                )
            if cells[-1] != _hash(lines[number - 1]):
                faults.append(f"line {number + 1} does not follow line {number}: one of them was changed")
            texts = [without_guard(cell) for cell in cells[1:-1]]
            entries.append({NUMBER: cells[0], **dict(zip(self.columns, texts, strict=True))})
        return entries, faults


def _line(cells: Sequence[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue().encode("utf-8")


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
