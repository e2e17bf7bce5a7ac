"""Files that get their names when they are complete."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import taskplan as tp
from taskplan.operators.storage.unfinished_file import UnfinishedFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.csv"


def content(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.parent.iterdir()}


def test_a_file_is_not_there_before_it_is_committed(path):
    file = UnfinishedFile(path)
    file.open().write(b"new")
    before = [each.name for each in path.parent.iterdir() if not each.name.startswith(".")]

    file.commit()

    assert before == []
    assert content(path) == {"t.csv": b"new"}


@pytest.mark.parametrize("closes", [False, True])
def test_a_committed_file_takes_the_place_of_an_older_one(path, closes):
    path.write_bytes(b"old")
    file = UnfinishedFile(path)
    opened = file.open()
    opened.write(b"new")
    if closes:
        opened.close()

    file.commit()

    assert opened.closed
    assert content(path) == {"t.csv": b"new"}


def test_an_aborted_file_leaves_nothing_and_the_older_one_as_it_was(path):
    path.write_bytes(b"old")
    file = UnfinishedFile(path)
    opened = file.open()
    opened.write(b"new")

    file.abort()

    assert opened.closed
    assert content(path) == {"t.csv": b"old"}


def test_committing_and_aborting_are_done_once(path):
    file = UnfinishedFile(path)
    file.abort()
    file.commit()
    file.open().write(b"new")
    file.commit()

    file.abort()
    file.commit()

    assert content(path) == {"t.csv": b"new"}


def test_a_file_that_is_begun_anew_throws_away_what_was_begun_before(path):
    file = UnfinishedFile(path)
    file.open().write(b"first")
    file.open().write(b"second")

    file.commit()

    assert content(path) == {"t.csv": b"second"}


def test_a_file_that_cannot_get_its_name_can_be_aborted(path):
    path.mkdir()
    file = UnfinishedFile(path)
    file.open().write(b"new")

    with pytest.raises(OSError, match="directory"):
        file.commit()
    file.abort()

    assert [each.name for each in path.parent.iterdir()] == ["t.csv"]


def test_where_a_link_leads_to_is_replaced(path, tmp_path: Path):
    target = tmp_path / "elsewhere" / "t.csv"
    target.parent.mkdir()
    path.symlink_to(target)
    file = UnfinishedFile(path)
    file.open().write(b"new")

    file.commit()

    assert path.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_folder_has_to_be_there(tmp_path: Path):
    file = UnfinishedFile(tmp_path / "missing" / "t.csv")

    with pytest.raises(FileNotFoundError):
        file.open()
    file.abort()


def test_a_path_cannot_be_empty():
    with pytest.raises(tp.BuildValueError, match="path must name a file, got ''"):
        UnfinishedFile("")


def test_a_process_that_is_killed_leaves_nothing(path):
    script = (
        "import os, signal, sys\n"
        "from taskplan.operators.storage.unfinished_file import UnfinishedFile\n"
        "file = UnfinishedFile(sys.argv[1]).open()\n"
        "file.write(b'new')\n"
        "file.flush()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    ended = subprocess.run([sys.executable, "-c", script, str(path)], check=False)

    assert ended.returncode == -signal.SIGKILL
    assert content(path) == {}


@pytest.mark.parametrize("ends", ["commit", "abort"])
def test_where_files_cannot_be_without_a_name_they_have_a_hidden_one(path, monkeypatch, ends):
    monkeypatch.delattr(os, "O_TMPFILE")
    path.write_bytes(b"old")
    file = UnfinishedFile(path)
    file.open().write(b"new")
    [hidden] = [name for name in content(path) if name != "t.csv"]

    getattr(file, ends)()

    assert hidden.startswith(".")
    assert content(path) == {"t.csv": b"new" if ends == "commit" else b"old"}


def test_a_file_has_the_rights_of_any_new_file(path):
    file = UnfinishedFile(path)
    file.open()
    file.commit()
    (path.parent / "other").touch()

    assert path.stat().st_mode == (path.parent / "other").stat().st_mode
