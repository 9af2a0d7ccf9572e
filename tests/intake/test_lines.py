"""Small CSV files of people: the short way of reading them gives what the long one gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import lines
from intake.lines import LinesError, read_lines


@given(st.text(alphabet=st.sampled_from("ab,\n\n, \t\x0b\x0c\x1c\x85\u2028é'\ufeff")))
def test_a_plain_text_is_read_as_the_reader_of_csv_reads_it(text: str) -> None:
    assert lines._is_plain(text)
    ends = [one for one in lines._plain(text) if any(one[1])]
    assert ends == [one for one in lines._quoted(text) if any(one[1])]
    assert lines._plain(text)[:1] == (lines._quoted(text)[:1] or [(1, [])])  # the header counts though it is blank


@pytest.mark.parametrize("text", ['a\n"b\nc"\n', "a\rb", "a\0b", "a" * lines.LONGEST_PLAIN])
def test_what_is_not_plain_goes_the_long_way(text: str) -> None:
    assert not lines._is_plain(text)


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\xef\xbb\xbfa , b\r\n\r\n1, 2\r\n", b'a,b\n"1", 2 ,3\n'])
def test_lines_come_with_their_numbers_and_without_blanks(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    header, rows = read_lines(tmp_path / "a.csv")
    assert header == ["a", "b"]
    assert rows == [(3 if b"\r\n\r\n" in content else 2, {"a": "1", "b": "2"})]


@pytest.mark.parametrize("content", [b"a\n\xff", b"a\n" + b"b" * 200_000])
def test_what_is_no_csv_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(LinesError, match="no CSV in UTF-8"):
        read_lines(tmp_path / "a.csv")
