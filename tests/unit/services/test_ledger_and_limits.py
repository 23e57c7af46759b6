"""The server counts its requests, and keeps its limits."""

import asyncio
import subprocess
import sys
import time

import aiohttp
import pytest

from tests.services.running import REPOSITORY
from tests.unit.services.client import get


def _at_once(url: str, number: int, **values) -> list[int | str]:
    """Statuses of so many requests at a time, in order; `gone` for a connection that broke."""

    async def one(session: aiohttp.ClientSession, place: int) -> int | str:
        try:
            async with session.get(url, params={"ra": 150 + place / 100, "dec": 30, **values}) as response:
                await response.read()
                return response.status
        except aiohttp.ClientConnectionError:
            return "gone"

    async def together() -> list[int | str]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return await asyncio.gather(*(one(session, place) for place in range(number)))

    return asyncio.run(together())


def test_requests_are_counted_by_service_key_and_user_agent(server, place):
    for _ in range(3):
        get(server.url("imgcutout"), **place)
    get(server.url("imgcutout"), **place, width=100)
    get(server.url("imgcutout"), ra="10", dec="-80")
    report = server.report(with_keys=True)["imgcutout"]
    assert (report["requests"], report["keys"], report["most_attempts_of_a_key"]) == (5, 3, 3)
    assert report["outcomes"] == {"ok": 4, "no_coverage": 1}
    assert sorted(report["outcomes_of_keys"].values()) == [["no_coverage"], ["ok"], ["ok", "ok", "ok"]]
    assert list(report["user_agents"].values()) == [5]
    assert "python-requests" in next(iter(report["user_agents"]))


def test_the_order_of_parameters_makes_no_other_key(server):
    get(server.url("legacy") + "/jpeg-cutout?ra=1&dec=50&size=16")
    get(server.url("legacy") + "/jpeg-cutout?size=16&dec=50&ra=1")
    assert server.report()["legacy"]["keys"] == 1


def test_requests_at_a_time_are_counted(server):
    server.behave({"latency_ms": 300})
    assert set(_at_once(server.url("legacy") + "/jpeg-cutout", 12, size=16)) == {200}
    report = server.report()["legacy"]
    assert report["most_at_a_time"] == 12
    assert report["most_in_a_second"] == report["most_in_a_minute"] == 12


@pytest.mark.parametrize(("refuse", "refused"), [("reset", "gone"), ("429", 429)])
def test_the_11th_request_at_a_time_is_refused(server, refuse, refused):
    server.behave({"latency_ms": 300, "limits": {"ps1filenames": {"at_a_time": 10, "refuse": refuse}}})
    statuses = _at_once(server.url("ps1filenames"), 11)
    assert (statuses.count(200), statuses.count(refused)) == (10, 1)
    # A client may repeat a request by itself where a connection breaks.
    assert server.report()["ps1filenames"]["outcomes"][f"limit_{refuse}"] in ((1, 2) if refuse == "reset" else (1,))


def test_requests_a_second_are_limited(server):
    server.behave({"limits": {"ps1filenames": {"per_second": 5}}})
    assert _at_once(server.url("ps1filenames"), 8).count(429) == 3


def test_responses_take_the_latency(server):
    server.behave({"latency_ms": 200})
    started = time.monotonic()
    get(server.url("legacy") + "/jpeg-cutout", ra=150, dec=30, size=16)
    assert time.monotonic() - started >= 0.2


def test_a_client_that_leaves_is_not_counted_as_at_work(server, place):
    server.behave({"latency_ms": 60_000})
    address = server.base_url.removeprefix("http://").split(":")
    code = "import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])));"
    code += "s.sendall(b'GET /legacy/viewer/jpeg-cutout?ra=1&dec=50 HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'); input()"
    client = subprocess.Popen([sys.executable, "-c", code, *address], stdin=subprocess.PIPE, cwd=REPOSITORY)
    while "legacy" not in server.report():
        time.sleep(0.02)
    client.kill()
    client.communicate()
    while not (outcomes := server.report()["legacy"]["outcomes"]):
        time.sleep(0.02)
    assert outcomes == {"client_left": 1}
