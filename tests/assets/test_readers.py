"""Ten readers ask a mart in a loop while it is published fifty times: no error, and each sees one publication."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from assets.publish import PUBLIC_MODE, publish
from schemas.marts import DIM_CITY, DIM_EDITION
from tests.assets.test_publish import changed, few_frames

PUBLICATIONS, READERS = 50, 10

# Asks until it is told to stop, as an analyst's script would that runs every minute. Each publication says its number
# in two tables; what one connection sees must be of one number, however long it stays open.
READER = """
import json, sys, time
from pathlib import Path
import duckdb

mart, stop = sys.argv[1], Path(sys.argv[2])
numbers, asked = [], 0
while not stop.exists():
    with duckdb.connect(mart, read_only=True) as connection:
        seen = set()
        for pause in (0, 0.2):
            time.sleep(pause)
            seen |= {text for (text,) in connection.execute("select method from dim_edition").fetchall()}
            seen |= {text for (text,) in connection.execute("select name from dim_city").fetchall()}
            asked += 2
    assert len(seen) == 1, seen
    numbers.append(int(seen.pop()))
assert numbers == sorted(numbers), numbers
print(json.dumps({"asked": asked, "numbers": sorted(set(numbers))}))
"""


@contextmanager
def readers(mart: Path, stop: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that ask; ended with the block, however that ends."""
    command = [sys.executable, "-c", READER, str(mart), str(stop)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, **pipes) for _ in range(READERS)]  # type: ignore[call-overload]  # by name
    try:
        yield started
    finally:
        for one in started:
            one.kill()
            one.communicate()


@pytest.mark.slow
def test_ten_readers_see_whole_publications_and_no_error_through_fifty_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mart, stop = tmp_path / "marts" / "ssc_index.duckdb", tmp_path / "stop"
    # Two tables are enough to be torn, and quick to publish; the views draw on others.
    monkeypatch.setattr("assets.publish.VIEWS", ())

    def publish_number(number: int) -> None:
        said = pl.lit(str(number))
        frames = changed(few_frames(), "workspace", said.alias("method"))
        publish(mart, (DIM_CITY, DIM_EDITION), changed(frames, "raw_cities", said.alias("name")), PUBLIC_MODE)

    publish_number(0)
    with readers(mart, stop) as started:
        for number in range(1, PUBLICATIONS + 1):
            publish_number(number)
        stop.touch()
        told = [(*one.communicate(timeout=60), one.returncode) for one in started]
    assert [code for _, _, code in told] == [0] * READERS, [err for _, err, _ in told]
    answers = [json.loads(out) for out, _, _ in told]
    assert min(answer["asked"] for answer in answers) >= 4
    # They did read while it was published, not only before or after.
    assert len({number for answer in answers for number in answer["numbers"]}) > PUBLICATIONS // 4
