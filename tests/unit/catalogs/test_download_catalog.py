"""The step that downloads a table: whole, once, and the very file that was meant."""

import hashlib
import json

import pytest

from tests.unit.catalogs.catalog_host import Reply
from workflow_scripts import download_catalog
from workflow_scripts.step import run_step

TABLE = b"objid,ra,dec\n" + b"".join(b"%d,%.5f,1.5\n" % (1237648720693755918 + i, i / 100) for i in range(20_000))
DIGEST = hashlib.sha256(TABLE).hexdigest()


@pytest.fixture
def url(host):
    host.files["/files/galaxies.csv"] = TABLE
    return f"{host.url}/files/galaxies.csv"


def run(tmp_path, url, sha256=DIGEST, *options) -> int:
    arguments = ["--url", url, "--sha256", sha256, "--kept", str(tmp_path / "kept"), *options]
    arguments += ["--output", str(tmp_path / "download.csv"), "--record", str(tmp_path / "download.csv.json")]
    with pytest.raises(SystemExit) as stopped:
        run_step(download_catalog.main, download_catalog.parser, arguments)
    return stopped.value.code


def ranges(host) -> list[str | None]:
    return [headers.get("Range") for headers in host.headers]


def test_the_file_comes_as_it_is_and_the_record_has_its_origin(tmp_path, host, url):
    assert run(tmp_path, url, DIGEST.upper()) == 0
    assert (tmp_path / "download.csv").read_bytes() == TABLE
    record = json.loads((tmp_path / "download.csv.json").read_text())
    assert (record["url"], record["sha256"], record["bytes"]) == (url, DIGEST, len(TABLE))
    assert ranges(host) == [None]


def test_a_broken_download_goes_on_where_it_stopped(tmp_path, host, url, waits):
    host.replies = [Reply(TABLE, sent=200_000)]
    assert run(tmp_path, url) == 0
    assert (tmp_path / "download.csv").read_bytes() == TABLE
    (begun,) = [value for value in ranges(host) if value]
    assert 0 < int(begun.removeprefix("bytes=").rstrip("-")) <= 200_000


def test_a_server_without_ranges_sends_it_all_again(tmp_path, host, url, waits):
    host.replies = [Reply(TABLE, sent=200_000), Reply(TABLE)]
    assert run(tmp_path, url) == 0
    assert (tmp_path / "download.csv").read_bytes() == TABLE


@pytest.mark.parametrize(
    "second",
    [
        Reply(TABLE[:999], 206, Content_Range="bytes 0-998/9"),
        Reply(b"", 416),
        Reply(b"other bytes", 206, Content_Range="bytes 131072-9/9"),
    ],
)
def test_pieces_that_do_not_fit_are_thrown_away(tmp_path, host, url, waits, second):
    host.replies = [Reply(TABLE, sent=131_072), second]
    assert run(tmp_path, url) == 0
    assert (tmp_path / "download.csv").read_bytes() == TABLE


def test_a_download_that_was_killed_goes_on(tmp_path, host, url):
    partial = tmp_path / "kept" / DIGEST[:16] / "download.body"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(TABLE[:5000])
    assert run(tmp_path, url) == 0
    assert ranges(host) == ["bytes=5000-"]
    assert (tmp_path / "download.csv").read_bytes() == TABLE


@pytest.mark.parametrize(
    ("reply", "options", "words", "attempts"),
    [
        (
            Reply(TABLE[:-1]),
            (),
            f"bytes) has the sha256 {hashlib.sha256(TABLE[:-1]).hexdigest()}, expected {DIGEST}",
            2,
        ),
        (Reply(b"<!DOCTYPE html><html>Log in</html>"), (), "a page of HTML) has the sha256", 2),
        (Reply(TABLE), ("--max-bytes", "1000"), "longer than 1000 bytes", 1),
        (Reply(b"", 404), (), "status 404", 1),
        (Reply(status=301, Location="ftp://127.0.0.1/a"), (), "leads to", 1),
    ],
)
def test_another_file_is_one_sentence_and_leaves_nothing(
    tmp_path, host, url, waits, capsys, reply, options, words, attempts
):
    host.replies = [reply] * 2
    assert run(tmp_path, url, DIGEST, *options) == 2
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert words in sentence
    assert url in sentence
    assert not (tmp_path / "download.csv").exists()
    assert len(host.requests) == attempts
