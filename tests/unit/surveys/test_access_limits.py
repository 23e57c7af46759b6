"""The access limits of a service: rate and pauses that all jobs keep, and what a refusal holds for."""

import asyncio
import subprocess
import sys
import time
from itertools import pairwise

import pytest

from tests.integration.network_campaign import REPOSITORY
from tests.unit.surveys.scripted_server import ScriptedServer, http_response
from workflow_scripts.http_services.addresses import AddressGuard
from workflow_scripts.http_services.politeness import PAUSES_HOST_AFTER
from workflow_scripts.surveys.fetcher.connections import (
    AccessLimits,
    Connections,
    NotReceived,
    Received,
    Throttle,
)
from workflow_scripts.surveys.fetcher.shared_limits import SharedClock

URL = "https://service.example/cutout"
# Responses with 503 in a row that stop all requests.
IN_A_ROW = PAUSES_HOST_AFTER[503]


def test_a_clock_is_free_again_when_its_process_is_killed(tmp_path):
    program = (
        "import sys, time; from workflow_scripts.surveys.fetcher.shared_limits import SharedClock\n"
        f"with SharedClock(sys.argv[1], {URL!r}, 1.0): print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    process.kill()
    process.communicate()
    assert SharedClock(tmp_path, URL, 1.0).reserve() == 0


def test_requests_are_spaced_whichever_job_sends_them(tmp_path):
    clock, other = (SharedClock(tmp_path, URL, 10.0) for _ in range(2))
    now = time.time()
    moments = sorted(now + one.reserve() for one in (clock, other, clock, other, clock))
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert all(0.09 < gap < 0.11 for gap in gaps), gaps


def test_where_no_rate_is_set_no_job_waits(tmp_path):
    clock = SharedClock(tmp_path, URL, None)
    assert [clock.reserve() for _ in range(3)] == [0, 0, 0]


def test_a_pause_holds_for_all_and_never_for_ever(tmp_path):
    clock, other = (SharedClock(tmp_path, URL, None) for _ in range(2))
    clock.pause(30)
    clock.pause(5)
    assert 25 < other.paused_for() <= 30
    assert SharedClock(tmp_path, "https://other.example/", None).paused_for() == 0
    clock.pause(1e9)
    assert other.paused_for() <= 3600


def test_a_clock_that_was_set_back_stops_nothing(tmp_path, monkeypatch):
    clock = SharedClock(tmp_path, URL, 1.0)
    then = time.time() + 10**6
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: then)
        clock.reserve()
        clock.pause(100)
    assert clock.reserve() == 0
    assert clock.paused_for() == 0


def received(status: int, retry_after: str | None = "7") -> Received:
    return Received("http://service.example/", status, "", "", retry_after, b"", True)


def pauses(*responses: Received | NotReceived) -> list[float]:
    throttle = Throttle()
    return [throttle.pause_after(each) for each in responses]


def test_a_limit_on_the_client_holds_for_all_requests():
    assert pauses(received(429), received(200), received(429, "0.5")) == [7, 0, 0.5]
    assert pauses(received(429, None), received(429, "soon")) == [0, 0]


def test_some_refusals_between_images_hold_up_nothing_else():
    one_in_two = [received(503), received(200)] * 20
    assert set(pauses(*one_in_two)) == {0}
    most_in_a_row = [received(503)] * (IN_A_ROW - 1) + [received(404)]
    assert set(pauses(*most_in_a_row * 5)) == {0}


def test_a_host_that_refuses_all_is_left_alone_until_it_gives_something():
    refused = [received(503)] * IN_A_ROW
    lost = NotReceived("the connection broke off")
    assert pauses(*refused, lost, received(503)) == [0] * (IN_A_ROW - 1) + [7, 0, 7]
    assert pauses(*refused, received(200), received(503))[-2:] == [0, 0]


@pytest.mark.parametrize("first", ["http", "https"])
def test_no_redirect_leads_from_https_back_to_http(tmp_path, monkeypatch, first):
    """Wherever in a chain."""
    chain = [f"{first}://service.example/a", "https://service.example/b", "http://service.example/c"]
    sent = []

    async def redirect(self: Connections, lane: object, url: str, *_: object) -> str:
        sent.append(url)
        return chain[len(sent)]

    async def fetch() -> Received | NotReceived:
        limits = AccessLimits(1, None, 4, 2, 5.0, 1.0)
        async with Connections(chain[0], limits, tmp_path, AddressGuard(chain[0]), "skybias/test") as connections:
            return await connections.request(chain[0], 1000)

    monkeypatch.setattr(Connections, "_once", redirect)
    assert "leads from https back to http" in asyncio.run(fetch()).reason
    assert sent == chain[:2]


@pytest.mark.parametrize(("status", "requests"), [("429 Too Many Requests", 1), ("503 Service Unavailable", IN_A_ROW)])
def test_the_pause_holds_for_all_jobs_and_never_longer_than_configured(tmp_path, status, requests):
    async def fetch(url: str) -> list[float]:
        clock = SharedClock(tmp_path, url, None)
        paused = []
        limits = AccessLimits(2, None, 4, 2, 5.0, 40.0)
        async with Connections(url, limits, tmp_path, AddressGuard(url), "skybias/test") as connections:
            for _ in range(requests):
                paused.append(clock.paused_for())
                await connections.request(url, 1000)
        return [*paused, clock.paused_for()]

    with ScriptedServer(lambda before, target: http_response(b"busy", status, Retry_After="3000")) as server:
        *before, after = asyncio.run(fetch(f"{server.url}/getjpeg"))
    assert before == [0] * requests
    assert 0 < after <= 40
