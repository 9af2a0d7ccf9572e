"""The process of a command ends once its work is done, and not before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from assets.workspace import PROJECT

SCRIPT = """
import atexit, os, sys, threading, time
from pipelines.cli import app

class Part:
    def __del__(self):
        os.write(1, b"taken apart\\n")

part = Part()

def work():
    threading.main_thread().join()  # however long the command takes, it has printed by then
    time.sleep(0.2)
    sys.stdout.write("thread ended\\n")

threading.Thread(target=work).start()
atexit.register(sys.stdout.write, "registered\\n")
sys.exit(app())
"""


@pytest.mark.parametrize(("argument", "status"), [("--help", 0), ("no-such-command", 2)])
def test_threads_and_what_is_registered_end_first_and_nothing_is_taken_apart(argument: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, argument], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == status
    assert done.stdout.endswith("thread ended\nregistered\n")
    assert "Usage" in done.stdout + done.stderr


def test_who_calls_a_command_from_python_goes_on() -> None:
    script = (
        "import sys\n"
        "from pipelines.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, check=False, timeout=60)
    assert done.returncode == 7
