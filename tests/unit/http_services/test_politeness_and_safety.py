"""What follows from a status, waiting, addresses and the User-Agent: pure functions, on hostile input."""

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing import fuzzed
from workflow_scripts.errors import InputError
from workflow_scripts.http_services.addresses import AddressGuard, ForbiddenAddressError
from workflow_scripts.http_services.politeness import backoff_seconds, kind_of_status, retry_after_seconds, user_agent

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("1.5", 1.5),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0),
        ("Friday, 02-Jan-26 03:05:05 GMT", 60),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("٣", None),
        ("99999999999999999999", None),
        ("Fri, 02 Jan 20266 03:05:05 GMT", None),
    ],
)
def test_retry_after_as_seconds_and_as_a_date(value, seconds):
    assert retry_after_seconds(value, NOW) == seconds


@fuzzed
@given(
    st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,5} \d{1,3}:\d\d:\d\d ([A-Z]{3}|[+-]\d{1,6})")
)
def test_no_retry_after_breaks_it(text):
    seconds = retry_after_seconds(text, NOW)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


def test_backoff_grows_to_its_ceiling_and_is_reproducible():
    waits = [[backoff_seconds(attempt, Random(seed), 1.0, 20.0) for seed in range(300)] for attempt in range(1, 9)]
    assert [max(each) > 0.9 * limit for each, limit in zip(waits, (1, 2, 4, 8, 16, 20, 20, 20), strict=True)] == [
        True
    ] * 8
    assert max(waits[-1]) <= 20
    assert min(waits[-1]) < 1, "full jitter begins at zero"
    assert backoff_seconds(3, Random(1)) == backoff_seconds(3, Random(1))
    assert backoff_seconds(10**6, Random(1)) <= 60


@pytest.mark.parametrize(
    "url",
    [
        "ftp://service.example/x",
        "file:///etc/passwd",
        "data:image/jpeg;base64,AAAA",
        "http://127.0.0.1/x",
        "http://127.1/x",
        "http://2130706433/x",
        "http://0x7f000001/x",
        "http://0177.0.0.1/",
        "http://10.1.2.3/x",
        "http://192.168.0.1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/x",
        "http://[fe80::1]/x",
        "http://[::ffff:10.0.0.1]/x",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://user:secret@service.example/x",
        "http:///x",
        "http://[::1",
        "//service.example:99999999/",
    ],
)
def test_addresses_that_a_service_must_not_lead_to(url):
    with pytest.raises(ForbiddenAddressError):
        AddressGuard("https://service.example/cutout").check(url)


def test_addresses_that_it_may_lead_to():
    guard = AddressGuard("https://service.example/cutout", "http://127.0.0.1:8000/x")
    guard.check("https://other.example/x", come_from="http://service.example/")
    guard.check("https://8.8.8.8/x")
    guard.check("http://127.0.0.1:8000/y")
    with pytest.raises(ForbiddenAddressError):
        guard.check("http://127.0.0.1:8001/y")
    with pytest.raises(ForbiddenAddressError, match="back to http"):
        guard.check("http://service.example/", come_from="https://service.example/")


def test_names_that_resolve_to_private_addresses():
    guard = AddressGuard("https://intranet.example/cutout")
    guard.check_address("intranet.example", 443, "10.0.0.5")
    guard.check_address("elsewhere.example", 443, "8.8.8.8")
    for address in ("10.0.0.5", "127.0.0.1", "::1", "nonsense"):
        with pytest.raises(ForbiddenAddressError):
            guard.check_address("elsewhere.example", 443, address)


def test_a_proxy_of_the_environment_may_be_private_but_nothing_leads_there(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://proxy.intranet:3128")
    monkeypatch.setenv("http_proxy", "10.0.0.7:3128")
    monkeypatch.setenv("no_proxy", "10.0.0.8")
    guard = AddressGuard("https://service.example/cutout")
    guard.check_address("proxy.intranet", 3128, "10.0.0.7")
    guard.check_address("10.0.0.7", 3128, "10.0.0.7")
    for host, port in (("proxy.intranet", 80), ("10.0.0.8", 3128)):
        with pytest.raises(ForbiddenAddressError):
            guard.check_address(host, port, "10.0.0.7")
    for url in ("http://proxy.intranet:3128/", "http://10.0.0.7:3128/"):
        with pytest.raises(ForbiddenAddressError, match="is the proxy"):
            guard.check(url)
    AddressGuard("http://10.0.0.7:3128/own").check("http://10.0.0.7:3128/other")


@pytest.mark.parametrize("url", ["service.example", "ftp://service.example", "http://", "http://[::1", "http://a:b/"])
def test_configured_urls_that_are_none(url):
    with pytest.raises(InputError, match="expected http"):
        AddressGuard(url)


@fuzzed
@given(
    st.text()
    | st.text().map("http://{}/".format)
    | st.lists(st.integers(0, 2**33)).map(lambda n: "http://" + ".".join(map(str, n)))
)
def test_no_url_breaks_the_guard(url):
    try:
        AddressGuard("https://service.example/").check(url)
    except ForbiddenAddressError:
        return
    assert url.lower().startswith(("http:", "https:"))


def test_user_agent_names_skybias_and_the_contact():
    assert user_agent(None).startswith("skybias/")
    assert user_agent("") == user_agent(None)
    assert user_agent("me@example.org") == f"{user_agent(None)} (+me@example.org)"
    for contact in ("me\r\nHost: evil", "Ü", "a(b", "x" * 300):
        with pytest.raises(InputError, match="contact"):
            user_agent(contact)


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        ("transient", [408, 425, 429, 502, 503, 504]),
        ("ambiguous", [401, 403, 500, 501, 505, 599, 204, 304]),
        ("permanent", [400, 404, 405, 410, 414, 451]),
    ],
)
def test_what_follows_from_a_status(kind, statuses):
    assert {kind_of_status(status) for status in statuses} == {kind}
