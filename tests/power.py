"""A loss of power, as a file system is free to have it: names and bytes that were not synced are gone.

What belongs here: watching in which order a piece of code writes, syncs and renames, and saying what a loss of power
between two steps would take. What does not: the code that is watched.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock


@dataclass
class Watch:
    """What was synced, and what would have been lost at each rename to a name that readers know.

    Attributes:
        below: Names directly below it, or below folders of it whose name has no dot in front, are known to readers.
        synced: Files and folders that were synced since a name in them was last changed, by device and inode.
        changed: Folders in which a name was changed since they were last synced.
        lost: What would have been lost, with the rename that came too early.
        order: Each sync and rename, by the name of its path.
    """

    below: Path
    synced: set[tuple[int, int]] = field(default_factory=set)
    changed: set[tuple[int, int]] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)

    def sync(self, path: Path) -> None:
        """Note a sync."""
        self.synced.add(_key(path))
        self.changed.discard(_key(path))
        self.order.append(f"sync {path.name}")

    def rename(self, source: Path, target: Path) -> None:
        """Note a rename that is about to be done."""
        is_known = not any(part.startswith(".") for part in target.relative_to(self.below).parts)
        if is_known:
            self.order.append(f"name {target.name}")
            self.lost += [f"{target.name}: {path.name}" for path in _within(source) if _key(path) not in self.synced]
            if source.is_symlink():
                end = target.parent / source.readlink()
                if not end.exists() or not self.changed.isdisjoint({_key(end), _key(end.parent)}):
                    self.lost.append(f"{target.name}: it would lead nowhere")
        for folder in (source.parent, target.parent):
            self.synced.discard(_key(folder))
            self.changed.add(_key(folder))


def _within(path: Path) -> list[Path]:
    """A file; a folder with everything in it; of links nothing, which are names in their folder."""
    found = [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
    return [one for one in found if not one.is_symlink()]


def _key(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


@contextmanager
def watched(below: Path) -> Iterator[Watch]:
    """Watch every sync and rename below a folder while a block runs."""
    watch = Watch(below)
    fsync, replace = os.fsync, Path.replace

    def noted_sync(descriptor: int) -> None:
        fsync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.is_relative_to(below):
            watch.sync(path)

    def noted_replace(source: Path, target: Path) -> Path:
        if Path(target).is_relative_to(below):
            watch.rename(source, Path(target))
        return replace(source, target)

    with mock.patch.object(os, "fsync", noted_sync), mock.patch.object(Path, "replace", noted_replace):
        yield watch
