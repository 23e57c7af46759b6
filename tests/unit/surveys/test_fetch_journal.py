"""The journal of a tile: what was written before a kill is there, and nothing that is not whole."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing import fuzzed
from workflow_scripts.errors import InputError
from workflow_scripts.surveys.fetcher.journal import Journal, remove_journal

RECORDS = [(f"g{number}", {"n": number}, os.urandom(0) + bytes([number]) * (40 * number)) for number in range(6)]


def filled(path: Path) -> list[int]:
    """Write the records; where each of them ends."""
    ends = []
    with Journal(path) as journal:
        for key, head, body in RECORDS:
            journal.write(key, head, body)
            ends.append(path.stat().st_size)
    return ends


def test_records_come_back_and_the_last_of_a_key_counts(tmp_path):
    filled(tmp_path / "a" / "tile.journal")
    with Journal(tmp_path / "a" / "tile.journal") as journal:
        assert list(journal) == [key for key, _, _ in RECORDS]
        for key, head, body in RECORDS:
            assert journal.read(key) == ({**head, "key": key}, body)
        journal.write("g2", {"n": "again"}, b"new")
        journal.forget("g3")
        journal.forget("never there")
    with Journal(tmp_path / "a" / "tile.journal") as journal:
        assert journal.read("g2")[1] == b"new"
        assert "g3" not in journal
        assert len(list(journal)) == 5


@fuzzed
@given(st.data())
def test_a_file_that_was_cut_or_damaged_keeps_its_whole_records(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("journal") / "tile.journal"
    ends = filled(path)
    cut = data.draw(st.integers(0, ends[-1]))
    content = bytearray(path.read_bytes()[:cut])
    if damaged := data.draw(st.booleans()) and cut > 0:
        content[-1] ^= 1 + data.draw(st.integers(0, 254))
    path.write_bytes(content)
    whole = sum(end <= cut - bool(damaged) for end in ends)
    with Journal(path) as journal:
        assert list(journal) == [key for key, _, _ in RECORDS[:whole]]
        for key, head, body in RECORDS[:whole]:
            assert journal.read(key) == ({**head, "key": key}, body)
        journal.write("next", {}, b"x")
    with Journal(path) as journal:
        assert journal.read("next")[1] == b"x"


@fuzzed
@given(st.binary(max_size=200))
def test_rubbish_is_an_empty_journal(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("journal") / "tile.journal"
    path.write_bytes(content)
    with Journal(path) as journal:
        assert list(journal) == []


def test_one_process_at_a_time(tmp_path):
    with Journal(tmp_path / "tile.journal"), pytest.raises(InputError, match="another process fetches this tile"):
        Journal(tmp_path / "tile.journal")
    with Journal(tmp_path / "tile.journal") as journal:
        remove_journal(journal.path)
    assert not (tmp_path / "tile.journal").exists()


def test_a_full_disk_is_reported_with_the_name_of_the_file(tmp_path, monkeypatch):
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with Journal(tmp_path / "tile.journal") as journal:
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match=r"No space left on device: .*tile\.journal"):
            journal.write("a", {}, b"x")
