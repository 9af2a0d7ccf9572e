"""What must outlive a loss of power: that bytes, and the names they go by, are on the disk.

What belongs here: having the operating system write. What does not: what is written, and in which order names change.

A file's name stands in its folder: a file that is on the disk may have no name after a loss of power, until its folder
is there too.
"""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, written to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_names(folder: Path) -> None:
    """Have the names in a folder, and in all folders below it, written to the disk."""
    for inner in sorted((path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink()), reverse=True):
        sync(inner)
    sync(folder)
