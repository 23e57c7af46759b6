"""The journal of a tile: what was written before a kill is there, and what is no journal is replaced."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.network_campaign import REPOSITORY
from workflow_scripts.errors import InputError
from workflow_scripts.surveys.fetcher.journal import Journal, remove_journal

RECORDS = [(f"g{number}", {"n": number}, bytes([number]) * (400 * number)) for number in range(6)]


def filled(path: Path) -> Path:
    with Journal(path) as journal:
        for key, head, body in RECORDS:
            journal.write(key, head, body)
    return path


def test_records_come_back_and_the_last_of_a_key_counts(tmp_path):
    path = filled(tmp_path / "a" / "tile.journal")
    with Journal(path) as journal:
        assert list(journal) == [key for key, _, _ in RECORDS]
        for key, head, body in RECORDS:
            assert journal.read(key) == (head, body)
        journal.write("g2", {"n": "again"}, b"new")
        journal.note("g3", {"r": "/name"})
        with pytest.raises(KeyError):
            journal.read("g7")
    with Journal(path) as journal:
        assert journal.read("g2") == ({"n": "again"}, b"new")
        assert journal.noted("g3") == {"r": "/name"}
        assert journal.noted("g2") is None
        assert len(list(journal)) == 7


def test_what_was_written_survives_a_kill(tmp_path):
    path = tmp_path / "tile.journal"
    program = (
        "import sys; from workflow_scripts.surveys.fetcher.journal import Journal\n"
        "journal = Journal(sys.argv[1])\n"
        "for number in range(10**6):\n"
        "    journal.write(f'g{number}', {'n': number}, bytes([number % 256]) * 30_000); print(number, flush=True)"
    )
    for kill in range(3):
        line = [sys.executable, "-c", program, str(path)]
        process = subprocess.Popen(line, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        for _ in range(100 * kill + 30):
            process.stdout.readline()
        process.kill()
        last = int((process.communicate()[0].strip().splitlines() or ["0"])[-1])
        with Journal(path) as journal:
            for number in range(last + 1):
                assert journal.read(f"g{number}") == ({"n": number}, bytes([number % 256]) * 30_000)
        remove_journal(path)


@pytest.mark.parametrize("place", [0, 1, 15, 60, 100, 101, 105, 4095, 4096, 4100, 8192])
@pytest.mark.parametrize("cut", [True, False])
def test_a_damaged_file_is_read_or_replaced_and_never_stops_a_download(tmp_path, place, cut):
    path = filled(tmp_path / "tile.journal")
    content = bytearray(path.read_bytes())
    content[place] ^= 0x5A
    path.write_bytes(content[:place] if cut else content)
    with Journal(path) as journal:
        assert set(journal) <= {key for key, _, _ in RECORDS}
        journal.write("next", {}, b"x")
    with Journal(path) as journal:
        assert journal.read("next") == ({}, b"x")


def test_a_journal_of_an_older_version_is_reported_and_replaced(tmp_path, caplog):
    path = tmp_path / "tile.journal"
    path.write_bytes(b"\x20\x00\x00\x00" * 100)
    with Journal(path) as journal:
        assert list(journal) == []
    assert "what is in it is requested again" in caplog.text


def test_one_process_at_a_time(tmp_path):
    path = tmp_path / "tile.journal"
    with Journal(path), pytest.raises(InputError, match="another process fetches this tile"):
        Journal(path)
    program = "import sys; from workflow_scripts.surveys.fetcher.journal import Journal; Journal(sys.argv[1])"
    with Journal(path):
        line = [sys.executable, "-c", program, str(path)]
        other = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True)
    assert "another process fetches this tile" in other.stderr
    remove_journal(path)
    assert list(tmp_path.parent.glob("tile.journal*")) == []


def test_a_full_disk_is_reported_with_the_name_of_the_file(tmp_path):
    with Journal(tmp_path / "tile.journal") as journal:
        journal._database.execute("PRAGMA max_page_count = 10")
        with pytest.raises(OSError, match=r"disk is full: .*tile\.journal"):
            journal.write("a", {}, bytes(100_000))
        journal.write("b", {}, b"x")
