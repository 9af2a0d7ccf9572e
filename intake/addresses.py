"""SHA-256 of the content of files, of many by two processes.

What belongs here: hashing, and nothing that would have to be imported for it: this file is also what the second process
runs. What does not: which files.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence

# Bytes. Of most workbooks that is all, and little enough that no memory is asked of the operating system for it.
HASHED_AT_ONCE = 1 << 16
# Of fewer files a second process takes longer to start than it saves.
FEWEST_SHARED = 1_000
# Of each five files, those that the first process hashes; it has other things to do as well.
OWN_OF_FIVE = (0, 2)


def sha256_of(path: str | bytes | os.PathLike[str]) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        digest = hashlib.sha256(os.read(file, HASHED_AT_ONCE))
        while part := os.read(file, HASHED_AT_ONCE):
            digest.update(part)
    finally:
        os.close(file)
    return digest.hexdigest()


def sha256_of_each(paths: Sequence[str], meanwhile: Callable[[], None]) -> list[str]:
    """SHA-256 of each file, of three in five by a second process where there are many and a processor for it.

    Threads of one process take turns at all but the hashing: two of them took the time of one.

    Args:
        paths: The files.
        meanwhile: What this process does while the second still hashes.

    Raises:
        OSError: If a file cannot be read.
    """
    if len(paths) < FEWEST_SHARED or (os.cpu_count() or 1) < 2:
        meanwhile()
        return [sha256_of(path) for path in paths]
    is_mine = [at % 5 in OWN_OF_FIVE for at in range(len(paths))]
    theirs = [path for path, mine in zip(paths, is_mine, strict=True) if not mine]
    # Without site packages and settings of the environment it starts in a fiftieth of a second.
    try:
        second = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what goes wrong there is told from here
        )
    except OSError:  # the system has no process to give
        meanwhile()
        return [sha256_of(path) for path in paths]
    with second as other:
        assert other.stdin is not None
        assert other.stdout is not None
        try:
            other.stdin.write(b"\0".join(map(os.fsencode, theirs)))
            other.stdin.close()
        except BrokenPipeError:  # it has ended already
            pass
        here = [sha256_of(path) for path, mine in zip(paths, is_mine, strict=True) if mine]
        meanwhile()
        told = other.stdout.read().decode("ascii").split()
    # What it could not tell, whatever became of it, is hashed here, where an error is raised.
    there = told if other.returncode == 0 and len(told) == len(theirs) else [sha256_of(path) for path in theirs]
    each_here, each_there = iter(here), iter(there)
    return [next(each_here if mine else each_there) for mine in is_mine]


def _main() -> None:
    """Tell of each file whose path is on standard input, between zero bytes; in the second process."""
    told = [sha256_of(path) for path in sys.stdin.buffer.read().split(b"\0")]
    sys.stdout.write("\n".join(told))


if __name__ == "__main__":
    _main()
