"""Lines of text files, read by tasks."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.data.moving import group_of, rows_read

import taskplan as tp
from taskplan.data.files.text_lines import TextLinesReader


@pytest.fixture(params=[tp.LocalSession, tp.SimulatedSession])
def session(request: pytest.FixtureRequest) -> Iterator[Any]:
    with tp.fresh_names(), request.param(tp.Workspace()) as opened:
        yield opened


def test_lines_come_in_batches_without_their_ends(session, tmp_path: Path):
    path = tmp_path / "t.txt"
    path.write_bytes(b"one\ntwo\r\n\nthree \nlast")
    seen: list[Any] = []

    session.run(group_of(TextLinesReader(path, 2), lambda column: seen.append(column.tolist())))

    assert seen == [[b"one", b"two"], [b"", b"three "], [b"last"]]


def test_the_schema_is_a_column_of_strings():
    schema = TextLinesReader("t.txt").schema()

    assert schema.field_names() == ["line"]
    assert schema.field_types()[0].kind == "U"


@pytest.mark.parametrize(
    ("suffix", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_compressed_files_are_decompressed(session, tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]):
    path = tmp_path / f"t.txt{suffix}"
    path.write_bytes(compress(b"one\ntwo\n"))

    assert rows_read(session, TextLinesReader(str(path))) == [b"one", b"two"]


@pytest.mark.parametrize("instances", [1, 3])
def test_files_are_read_in_order_or_by_several_instances(session, tmp_path: Path, instances):
    paths = [tmp_path / f"{number}.txt" for number in range(4)]
    for number, path in enumerate(paths):
        path.write_text("".join(f"{number} {line}\n" for line in range(10)))

    rows = rows_read(session, TextLinesReader(paths, 3), instances=instances)

    expected = [f"{number} {line}".encode() for number in range(4) for line in range(10)]
    assert (rows if instances == 1 else sorted(rows)) == expected


def test_empty_files_have_no_lines(session, tmp_path: Path):
    (tmp_path / "empty").touch()

    assert rows_read(session, TextLinesReader([tmp_path / "empty"] * 2)) == []


def test_the_encoding_of_the_file_becomes_utf_8(session, tmp_path: Path):
    (tmp_path / "t.txt").write_bytes("ä\n".encode("latin-1"))

    assert rows_read(session, TextLinesReader(tmp_path / "t.txt", encoding="latin-1")) == ["ä".encode()]


@pytest.mark.parametrize(
    ("errors", "line"), [("ignore", b"a"), ("replace", "�a".encode()), ("surrogateescape", b"\xffa")]
)
def test_bytes_of_no_text_are_handled_as_asked_for(session, tmp_path: Path, errors, line):
    (tmp_path / "t.txt").write_bytes(b"\xffa\n")

    assert rows_read(session, TextLinesReader(tmp_path / "t.txt", errors=errors)) == [line]


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_bytes_of_no_text_are_an_error_that_names_the_line_after_all_lines_before(session, tmp_path: Path, batch_size):
    (tmp_path / "t.txt").write_bytes(b"one\ntwo\r\nthree\nb\xffd\nfive\n")
    rows: list[Any] = []
    group = group_of(TextLinesReader(tmp_path / "t.txt", batch_size), lambda column: rows.extend(column.tolist()))

    with pytest.raises(UnicodeDecodeError, match=r"byte 0xff in position 1: .*, in line 4 of '.*t\.txt'"):
        session.run(group)

    assert rows == [b"one", b"two", b"three"]


def test_bytes_of_no_text_are_found_in_other_encodings_too(session, tmp_path: Path):
    (tmp_path / "t.txt").write_bytes(b"one\n\xc3\xa4\n")

    with pytest.raises(UnicodeDecodeError, match=r"'ascii' codec .* position 0: .*, in line 2 of '.*t\.txt'"):
        rows_read(session, TextLinesReader(tmp_path / "t.txt", encoding="ascii"))


def test_half_a_character_of_two_bytes_is_an_error_that_names_the_file(session, tmp_path: Path):
    (tmp_path / "t.txt").write_bytes("one\n".encode("utf-16-le") + b"a")

    with pytest.raises(UnicodeDecodeError) as caught:
        rows_read(session, TextLinesReader(tmp_path / "t.txt", encoding="utf-16-le"))

    assert any("t.txt', after line" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_text(session, tmp_path: Path, encoding: str):
    mark = "\ufeff" if "8" in encoding else ""
    (tmp_path / "t.txt").write_bytes(f"{mark}ä\n\ufeffb\n".encode(encoding.replace("-sig", "")))

    rows = rows_read(session, TextLinesReader(tmp_path / "t.txt", encoding=encoding))

    assert rows == ["ä".encode(), "\ufeffb".encode()]


COMPRESSED = [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]


@pytest.mark.parametrize(("suffix", "compress"), COMPRESSED)
@pytest.mark.parametrize("damage", ["cut", "foreign", "changed"])
def test_a_compressed_file_that_is_damaged_is_an_error_that_names_it(
    session, tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes], damage: str
):
    content = compress(b"".join(b"%d\n" % (number * 7919 % 10007) for number in range(10_000)))
    middle = len(content) // 2
    damaged = {
        "cut": content[:middle],
        "foreign": b"plain text\n",
        "changed": content[:middle]
        + bytes(each ^ 255 for each in content[middle : middle + 9])
        + content[middle + 9 :],
    }
    path = tmp_path / f"t{suffix}"
    path.write_bytes(damaged[damage])

    with pytest.raises(tp.BuildValueError, match=rf"'.*t\{suffix}' is damaged, not whole, or .* as '\{suffix}' says"):
        rows_read(session, TextLinesReader(path))


def test_a_file_that_is_missing_is_an_error_that_names_it(session, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"missing\.txt"):
        rows_read(session, TextLinesReader(tmp_path / "missing.txt"))


@pytest.mark.parametrize("paths", [[], "", ["a", ""]])
def test_there_has_to_be_a_file(paths):
    with pytest.raises(tp.BuildValueError, match="paths must name files"):
        TextLinesReader(paths)


def test_an_encoding_that_there_is_not_is_refused():
    with pytest.raises(LookupError, match="unknown encoding: nonsense"):
        TextLinesReader("t.txt", encoding="nonsense")


def test_a_batch_has_lines():
    with pytest.raises(tp.BuildValueError, match="batch_size must be at least 1 row, got 0"):
        TextLinesReader("t.txt", 0)
