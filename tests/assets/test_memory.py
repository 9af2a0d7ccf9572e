"""Memory goes back to the operating system: a build's peak is what one edition needs, not what threads once needed."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from assets.memory import keep_what_is_loaded, loading

SCRIPT = """
import sys, threading
import numpy as np
from assets.memory import give_back, share_one_heap

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

if sys.argv[1] == "shared":
    assert share_one_heap()
kept = []

def work():
    # Small blocks, so that they come from a heap; one that stays keeps the heap from shrinking by itself.
    blocks = [np.ones(2000) for _ in range(1500)]
    kept.append(np.ones(10))
    del blocks

before = resident()
for _ in range(8):
    threads = [threading.Thread(target=work) for _ in range(2)]
    for one in threads: one.start()
    for one in threads: one.join()
if sys.argv[1] == "shared":
    give_back()
print(resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only the GNU C library has these calls")
def test_what_threads_free_goes_back() -> None:
    done = [
        subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True, timeout=60)
        for how in ("shared", "as it is")
    ]
    shared, as_it_is = (float(one.stdout) for one in done)
    assert shared < 10 < as_it_is


def test_what_is_loaded_is_not_looked_through_again() -> None:
    gc.unfreeze()
    looked_through = len(gc.get_objects())
    try:
        keep_what_is_loaded()
        assert gc.get_freeze_count() > 0.9 * looked_through
        assert len(gc.get_objects()) < 0.1 * looked_through
    finally:
        gc.unfreeze()


def test_nothing_is_looked_through_while_modules_are_loaded() -> None:
    was_on = []
    with loading():
        was_on.append(gc.isenabled())
    was_on.append(gc.isenabled())
    assert was_on == [False, True]


def test_what_is_kept_until_the_end_is_not_told_as_leaked() -> None:
    script = [sys.executable, "-c", "import pipelines.definitions"]
    assert subprocess.run(script, capture_output=True, text=True, check=True, timeout=60).stderr == ""
