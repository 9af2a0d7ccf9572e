"""What `hostile` forks for each file: the reader, with everything loaded that is not the file's.

What belongs here: reading one file and telling its cost. What does not: the files and the table.
"""

from __future__ import annotations

import resource
import time
from multiprocessing.connection import Connection
from pathlib import Path

from intake.points import lookup_of
from intake.reading import read_submission
from ssc_index.framework.catalogue import load_catalogue

CATALOGUE = load_catalogue()
lookup_of(CATALOGUE)


def read(path: str, connection: Connection) -> None:
    """Read a file; sends status, rule, message, seconds by the clock and of the processor, megabytes added."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, used = time.perf_counter(), time.process_time()
    result = read_submission(Path(path), CATALOGUE)
    wall, used = time.perf_counter() - wall, time.process_time() - used
    added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
    rule, message = (result.faults["rule"][0], result.faults["message"][0]) if result.faults.height else ("", "")
    connection.send((result.status, rule, message, wall, used, added))
