"""Files that hold what is confidential: written whole, and never readable by everybody.

What belongs here: modes, the writing of a file in the place of another, and which files are open to others. What does
not: what the files hold.

Receipts, journals, the register with its pseudonyms and the focal points lie below ``raw/``. What is written there is
its owner's; a group that could read the file before, or can read the submission that it belongs to, still can.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from intake.durable import sync

OWNER, GROUP = 0o600, 0o060
OTHERS_READ, OTHERS_PASS = 0o004, 0o001


@contextmanager
def written_in_place(path: Path, like: Path) -> Iterator[TextIO]:
    """Write a file that is new, or takes the place of another once it is whole and on the disk.

    Args:
        path: The file.
        like: The file whose group may read, and write, this one as well; it may be the same.

    Yields:
        The new file, UTF-8, that ends its lines as it is told; if the caller fails, the old one stays.
    """
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fchmod(descriptor, OWNER | _group_bits(descriptor, like))
            was_there = path.exists()
            if was_there:  # what was there must not be lost for what never reached the disk
                os.fsync(descriptor)
        new.replace(path)
        if was_there:
            sync(path.parent)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _group_bits(descriptor: int, like: Path) -> int:
    """What the group of a file may do, if the new file can be given to it."""
    if not like.is_file():
        return 0
    found = like.stat()
    if os.fstat(descriptor).st_gid != found.st_gid:
        try:
            os.fchown(descriptor, -1, found.st_gid)
        except PermissionError:  # we are not of that group, and no other shall read it
            return 0
    return found.st_mode & GROUP


def open_to_others(raw: Path) -> int:
    """How many files below a folder any user of the machine can read.

    None are where a folder on the way to them lets others not pass.
    """
    if not all(folder.stat().st_mode & OTHERS_PASS for folder in (raw.resolve(), *raw.resolve().parents)):
        return 0
    count = 0
    folders = [raw]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                mode = entry.stat(follow_symlinks=False).st_mode
                if entry.is_dir(follow_symlinks=False):
                    folders += [Path(entry.path)] if mode & OTHERS_PASS else []
                elif entry.is_file(follow_symlinks=False) and mode & OTHERS_READ:
                    count += 1
    return count
