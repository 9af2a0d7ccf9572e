"""Hostile files, each read in a process of its own: ``python -m benchmarks.hostile``.

The table tells the rule under which each was refused, the seconds that reading took, by the clock and of the
processor, and the memory that it added to the process. Allowed are one second of the processor and 200 MB for each; a
process that does not live to answer within a minute is told as lost.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks import hostile_child
from benchmarks.hostile_files import KINDS, Hostile

SECONDS, MEGABYTES = 1.0, 200.0
LONGEST = 60.0


@dataclass(frozen=True)
class Outcome:
    """What became of a hostile file.

    Attributes:
        kind: The kind.
        status: ``read``, ``refused``, or ``lost`` where the process died or took a minute.
        rule: Rule of the first finding.
        message: Its sentence.
        wall: Seconds by the clock.
        seconds: Seconds of the processor.
        added: Megabytes that reading added to what the process had held at most before.
    """

    kind: Hostile
    status: str
    rule: str
    message: str
    wall: float
    seconds: float
    added: float

    @property
    def is_good(self) -> bool:
        """Whether it was refused as it should be, or read where it should be, within time and memory."""
        is_expected = self.rule in self.kind.rules if self.kind.rules else self.status != "lost"
        return is_expected and self.seconds <= SECONDS and self.added <= MEGABYTES


def measure(kind: Hostile, path: Path) -> Outcome:
    """Read a file in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.hostile_child"])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=hostile_child.read, args=(str(path), theirs))
    process.start()
    theirs.close()
    try:
        told = ours.recv() if ours.poll(LONGEST) else None
    except EOFError:
        told = None
    process.kill()
    process.join()
    return Outcome(kind, *told) if told else Outcome(kind, "lost", "", "", LONGEST, LONGEST, 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="Kinds whose name holds this.")
    given = parser.parse_args()
    print(f"{'hostile file':<43}{'KB':>7}{'s':>6}{'CPU s':>7}{'+MB':>5}  refused under")
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        for at, kind in enumerate(KINDS):
            if given.only not in kind.name:
                continue
            path = Path(folder) / f"{at}{kind.suffix}"
            kind.build(path)
            one = measure(kind, path)
            outcomes.append(one)
            mark = "" if one.is_good else "   <-- "
            size = path.stat().st_size / 1000
            told = one.rule if one.status == "refused" else one.status
            print(
                f"{kind.name:<43}{size:>7.0f}{one.wall:>6.2f}{one.seconds:>7.2f}{one.added:>5.0f}  {told}{mark}",
                flush=True,
            )
            path.unlink()
    good = sum(one.is_good for one in outcomes)
    slowest, largest = max(one.seconds for one in outcomes), max(one.added for one in outcomes)
    print(f"{good} of {len(outcomes)} as they should; at most {slowest:.2f} s of the processor and {largest:.0f} MB.")
    sys.exit(good != len(outcomes))


if __name__ == "__main__":
    main()
