"""Limits that several processes keep together."""

import subprocess
import sys
import time
from itertools import pairwise

from tests.integration.network_campaign import REPOSITORY
from workflow_scripts.surveys.fetcher.shared_limits import SharedLimits

URL = "https://service.example/cutout"


def test_connections_are_locks_that_die_with_their_process(tmp_path):
    limits, other = (SharedLimits(tmp_path, URL, 2, None) for _ in range(2))
    held = [limits.take_connection(), other.take_connection()]
    assert None not in held
    assert limits.take_connection() is None
    assert other.take_connection() is None
    limits.give_back(held[0])
    lock = other.take_connection()
    assert lock is not None
    other.give_back(lock)
    program = (
        "import sys, time; from workflow_scripts.surveys.fetcher.shared_limits import SharedLimits\n"
        f"print(SharedLimits(sys.argv[1], {URL!r}, 2, None).take_connection() is not None, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "True\n"
    assert limits.take_connection() is None
    process.kill()
    process.communicate()
    assert limits.take_connection() is not None


def test_requests_are_spaced_whoever_makes_them(tmp_path):
    limits, other = (SharedLimits(tmp_path, URL, 2, 10.0) for _ in range(2))
    now = time.time()
    moments = sorted(now + one.reserve() for one in (limits, other, limits, other, limits))
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert all(0.09 < gap < 0.11 for gap in gaps), gaps


def test_where_no_rate_is_set_nobody_waits(tmp_path):
    limits = SharedLimits(tmp_path, URL, 2, None)
    assert [limits.reserve() for _ in range(3)] == [0, 0, 0]


def test_a_pause_holds_for_all_and_never_for_ever(tmp_path):
    limits, other = (SharedLimits(tmp_path, URL, 2, None) for _ in range(2))
    limits.pause(30)
    limits.pause(5)
    assert 25 < other.paused_for() <= 30
    assert SharedLimits(tmp_path, "https://other.example/", 2, None).paused_for() == 0
    limits.pause(1e9)
    assert other.paused_for() <= 3600


def test_a_clock_that_was_set_back_stops_nothing(tmp_path, monkeypatch):
    limits = SharedLimits(tmp_path, URL, 2, 1.0)
    then = time.time() + 10**6
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: then)
        limits.reserve()
        limits.pause(100)
    assert limits.reserve() == 0
    assert limits.paused_for() == 0


def test_who_waits_is_heard(tmp_path):
    limits, other = (SharedLimits(tmp_path, URL, 1, None) for _ in range(2))
    assert not limits.others_wait()
    other.ask_for_connections()
    assert limits.others_wait()
