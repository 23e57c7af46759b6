"""Progress of long loops: lines in a log now and then, a bar on a terminal, nothing for short work."""

import fcntl
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from workflow_scripts.progress import Progress, counted
from workflow_scripts.surveys.fetcher.campaign import FetchProgress

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still but where a test moves it."""
    now = [100.0]
    monkeypatch.setattr("workflow_scripts.progress.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records]


def passing(clock, items, seconds):
    for item in items:
        clock[0] += seconds
        yield item


def test_a_line_every_half_minute_with_amounts_share_and_time_left(clock, lines):
    pieces = passing(clock, [range(1_000_000)] * 10, 8)
    assert len(list(counted(pieces, 10_000_000, "rows", "audit", size=len))) == 10
    assert lines() == [
        "audit: 4.0 of 10.0 million rows, 40 %, about 48 s left",
        "audit: 8.0 of 10.0 million rows, 80 %, about 16 s left",
        "audit: 10.0 of 10.0 million rows in 1 min 20 s",
    ]


def test_what_takes_less_than_that_leaves_nothing(clock, lines):
    assert list(counted(passing(clock, "abc", 9), 3, "letters", "read")) == ["a", "b", "c"]
    assert lines() == []


@pytest.mark.parametrize("total", [None, 0, 2])
def test_a_total_that_is_not_known_or_wrong_is_not_shown(clock, lines, total):
    list(counted(passing(clock, range(5), 31), total, "rows", "read"))
    assert lines()[-2:] == ["read: 5 rows", "read: 5 rows in 2 min 35 s"]


def test_a_slow_start_says_nothing_about_what_is_left(clock, lines):
    with Progress("read", 11, "files") as progress:
        clock[0] += 1000
        progress.add()
        for _ in range(4):
            clock[0] += 10
            progress.add()
    assert lines() == [
        "read: 1 of 11 files, 9 %",
        "read: 4 of 11 files, 36 %, about 1 min 10 s left",
        "read: 5 of 11 files in 17 min 20 s",
    ]


def test_what_was_done_earlier_counts_but_not_as_speed(clock, lines):
    with Progress("download", 100_000_000, "bytes", rate=True) as progress:
        progress.skip(50_000_000)
        progress.add(0)
        clock[0] += 40
        progress.add(10_000_000)
    assert lines()[0] == "download: 60.0 of 100.0 MB, 60 %, 0.2 MB a second, about 2 min 40 s left"


def test_a_download_of_cutouts_lists_outcomes(clock, lines):
    with FetchProgress("tile 3", 10) as progress:
        progress.skip(2)
        for outcome in ("delivered", "failed", "delivered", "delivered"):
            progress.retries += outcome == "failed"
            clock[0] += 12
            progress.count(outcome, 100_000)
    note = "2 delivered, 1 failed, 1 repeated, 0.3 MB"
    assert lines() == [
        f"tile 3: 5 of 10 cutouts, 50 %, {note}, 0.1 cutouts a second, about 1 min 00 s left",
        "tile 3: 6 of 10 cutouts, 3 delivered, 1 failed, 1 repeated, 0.4 MB in 48 s",
    ]


def test_a_loop_that_fails_ends_with_how_far_it_came(clock, lines):
    rows = counted(passing(clock, range(9), 20), 9, "rows", "read")
    with pytest.raises(ZeroDivisionError):
        [1 / (3 - row) for row in rows]
    rows.close()
    assert lines()[-1] == "read: 3 of 9 rows in 1 min 20 s"


def test_a_piece_that_is_emptied_by_its_user_was_counted_whole(clock, lines):
    for piece in counted(passing(clock, [[1, 2], [3]], 20), 3, "rows", "read", size=len):
        piece.clear()
    assert lines()[-1] == "read: 3 of 3 rows in 40 s"


LOOP = """
import logging, sys
logging.basicConfig(level=sys.argv[1], stream=sys.stderr, format="%(message)s")
import workflow_scripts.progress as progress
now = [0.0]
progress.time.monotonic = lambda: now[0]
for item in progress.counted(range(8), 8, "rows", "a loop with a long name, longer than the terminal is wide"):
    now[0] += float(sys.argv[2])
    if item == 5:
        logging.info("a line of the log")
print("the end", file=sys.stderr)
"""


def on_terminal(*arguments: str, columns: int = 50, **environment: str) -> str:
    """What the loop writes on a terminal."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", **environment}
    command = [sys.executable, "-c", LOOP, *arguments]
    with subprocess.Popen(command, stderr=its, env=variables) as process:
        os.close(its)
        written = b""
        # Linux ends a terminal whose other side is closed with an error.
        with suppress(OSError):
            while block := os.read(ours, 4096):
                written += block
    os.close(ours)
    assert process.returncode == 0
    return written.decode()


def shown(written: str) -> list[str]:
    """Lines that a terminal shows at the end."""
    return [re.split(r"\r\x1b\[K|\r(?!\n)", line.rstrip("\r"))[-1] for line in written.split("\n")]


def test_a_terminal_has_one_line_that_is_cleared_for_others():
    for columns in (50, 120):
        written = on_terminal("INFO", "1", columns=columns)
        assert ("\r\x1b[K[#######.............] a loop" in written) is (columns == 120)
        assert ("\r\x1b[Ka loop with a long name" in written) is (columns == 50)
        assert all(len(text) < columns for text in re.split(r"\r\x1b\[K|\r\n", written))
        assert shown(written) == ["a line of the log", "the end", ""]


def test_long_work_on_a_terminal_leaves_a_line():
    lines = shown(on_terminal("INFO", "10", columns=0))
    assert lines[1].endswith("8 of 8 rows in 1 min 20 s")


def test_no_bar_without_a_wish_for_it_or_on_a_terminal_that_has_none():
    assert shown(on_terminal("WARNING", "10")) == ["the end", ""]
    assert "\x1b" not in on_terminal("WARNING", "10") + on_terminal("INFO", "1", TERM="dumb")
