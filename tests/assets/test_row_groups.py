"""Row groups that are copied as bytes: the file is the one that PyArrow would have written from rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.row_groups import LIST, STRUCT, RowGroup, _Reader, _written, add_to_footer, bytes_of, row_groups_of


def rows_of(number: int) -> pa.Table:
    """Some rows that differ from those of another number, with a column of each kind that marts have."""
    names = [None if row % 5 == 0 else f"city {number} {row % 7}" for row in range(40 + number)]
    return pa.table(
        {
            "edition": pa.array([number] * len(names), pa.int16()),
            "name": pa.array(names, pa.large_string()),
            "score": pa.array([row / 3 for row in range(len(names))], pa.float64()),
            "is_demo": pa.array([row % 2 == 0 for row in range(len(names))], pa.bool_()),
        }
    )


def written(path: Path, numbers: list[int]) -> Path:
    with pq.ParquetWriter(path, rows_of(0).schema, compression="zstd") as writer:
        for number in numbers:
            writer.write_table(rows_of(number))
    return path


@pytest.mark.parametrize(
    "copied",
    [
        pytest.param({0, 1, 3, 4}, id="one is new, amid others"),
        pytest.param({0, 1, 2, 3, 4}, id="none is new"),
        pytest.param({4}, id="all but the last are new"),
        pytest.param({0}, id="all but the first are new"),
        pytest.param(set(range(20)) - {2}, id="so many that their number takes a byte of its own"),
    ],
)
def test_a_file_of_copied_and_new_row_groups_has_the_bytes_of_one_that_is_new(copied: set[int], tmp_path: Path) -> None:
    numbers = sorted(copied | {0, 1, 2, 3, 4})
    whole = written(tmp_path / "whole.parquet", numbers)
    # What is copied stands elsewhere in its file: one more row group lies before it.
    stands = written(tmp_path / "stands.parquet", [99, *numbers])
    path = tmp_path / "made.parquet"
    found: list[tuple[int, int, RowGroup]] = []
    with stands.open("rb") as file, pa.OSFile(str(path), "wb") as made:
        groups = row_groups_of(file)[1:]
        with pq.ParquetWriter(made, rows_of(0).schema, compression="zstd") as writer:
            for place, number in enumerate(numbers):
                if number in copied:
                    found.append((place, made.tell(), groups[place]))
                    made.write(bytes_of(file, groups[place]))
                else:
                    writer.write_table(rows_of(number))
    add_to_footer(path, found)
    assert path.read_bytes() == whole.read_bytes()
    assert pq.read_table(path).equals(pa.concat_tables([rows_of(number) for number in numbers]))


def test_row_groups_lie_one_after_the_other_and_have_their_rows(tmp_path: Path) -> None:
    with written(tmp_path / "some.parquet", [1, 2, 3]).open("rb") as file:
        groups = row_groups_of(file)
    assert [group.n_rows for group in groups] == [41, 42, 43]
    assert groups[0].start == 4  # behind the file's first four bytes
    assert [group.start + group.size for group in groups[:-1]] == [group.start for group in groups[1:]]


@pytest.mark.parametrize("number", [0, 1, -1, 63, -64, 64, 2**31 - 1, -(2**63)])
def test_a_number_is_read_as_it_was_written(number: int) -> None:
    fields = {1: (6, number), 40: (5, number), 41: (1, None), 42: (8, b"x" * 200), 43: (LIST, (6, [number] * 20))}
    assert _Reader(_written(STRUCT, fields)).value(STRUCT) == fields


def test_a_kind_that_no_footer_has_is_refused() -> None:
    with pytest.raises(ValueError, match="kind 11"):
        _Reader(b"\x1b\0").value(STRUCT)
