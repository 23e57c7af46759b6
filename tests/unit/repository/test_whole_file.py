"""Outputs appear whole or not at all."""

import os

import pytest

from workflow_scripts.errors import InputError
from workflow_scripts.whole_file import check_output_folder, whole_file


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "folder" / "table.a.csv"
    with whole_file(path) as temporary:
        temporary.write_text("rows")
        assert not path.exists()
        assert temporary.suffix == ".csv"
    assert path.read_text() == "rows"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("before")

    def fail():
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    left, of_another, hidden = (
        tmp_path / ".tile[1].0123456789ab.partial.npy",
        tmp_path / ".tile[1].ids.0123456789ab.partial.npy",
        tmp_path / ".tile[1].notes.npy",
    )
    for file in (left, of_another, hidden):
        file.write_text("x")
    with whole_file(tmp_path / "tile[1].npy") as temporary:
        temporary.write_text("whole")
    assert not left.exists()
    assert of_another.exists()
    assert hidden.exists()


def test_a_process_that_was_thought_dead_cannot_overwrite(tmp_path):
    path = tmp_path / "table.csv"

    def overtaken():
        with whole_file(path) as slow:
            slow.write_text("old")
            with whole_file(path) as temporary:
                temporary.write_text("new")

    with pytest.raises(FileNotFoundError):
        overtaken()
    assert path.read_text() == "new"


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "results").write_text("x")
    with pytest.raises(InputError, match=r"/results: is a file, expected a folder"):
        check_output_folder(tmp_path / "results")
    check_output_folder(tmp_path / "other" / "results")
    assert not (tmp_path / "other").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match=r"/results: cannot be written to"):
        check_output_folder(tmp_path / "results")
