"""A busy host: what one refused request is told, and what all are."""

import asyncio

import pytest

from tests.unit.surveys.scripted_server import ScriptedServer, answer
from workflow_scripts.surveys.fetcher.asking import Access, Asker
from workflow_scripts.surveys.fetcher.download import NotReceived, Received
from workflow_scripts.surveys.fetcher.shared_limits import SharedLimits
from workflow_scripts.surveys.fetcher.throttling import IN_A_ROW, Refusals


def received(status: int, retry_after: str | None = "7") -> Received:
    return Received("http://service.example/", status, "", "", retry_after, b"", True)


def pauses(*answers: Received | NotReceived) -> list[float]:
    refusals = Refusals()
    return [refusals.pause_after(each) for each in answers]


def test_a_limit_on_whoever_asks_holds_for_all_requests():
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


@pytest.mark.parametrize(("status", "asked"), [("429 Too Many Requests", 1), ("503 Service Unavailable", IN_A_ROW)])
def test_the_pause_holds_for_all_jobs_and_never_longer_than_configured(tmp_path, status, asked):
    async def ask(url: str) -> list[float]:
        limits = SharedLimits(tmp_path, url, 2, None)
        paused = []
        async with Asker((url,), Access(2, None, 4, 2, 5.0, 40.0), tmp_path, "skybias/test", "seed") as asker:
            for _ in range(asked):
                paused.append(limits.paused_for())
                await asker.once(url, 1000)
        return [*paused, limits.paused_for()]

    with ScriptedServer(lambda before, target: answer(b"busy", status, Retry_After="3000")) as server:
        *before, after = asyncio.run(ask(f"{server.url}/getjpeg"))
    assert before == [0] * asked
    assert 0 < after <= 40
