"""Downloads as servers send them: labelled gzip, packed on the way, in chunks, in pieces; the digest decides."""

import gzip
import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing import fuzzed
from tests.unit.catalogs.catalog_host import Reply
from tests.unit.catalogs.test_download_catalog import DIGEST, TABLE, run
from workflow_scripts.catalogs.services.content_encodings import digest, encodings, undo_encodings
from workflow_scripts.catalogs.services.web import RefusalError

PACKED = gzip.compress(TABLE, mtime=0)
# As long as the table, so that there is something to break.
STORED = gzip.compress(TABLE, compresslevel=0, mtime=0)
TWO_MEMBERS = gzip.compress(TABLE[:9000], mtime=0) + gzip.compress(TABLE[9000:], mtime=0)


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("sent", "encoding", "published", "words"),
    [
        (PACKED, "gzip", PACKED, "kept as they are"),
        (PACKED, "x-gzip", PACKED, "kept as they are"),
        (TABLE, "x-gzip", TABLE, "kept as they are"),
        (PACKED, "gzip", TABLE, "encoding gzip; it has the sha256 when unpacked"),
        (PACKED, "X-GZIP", TABLE, "encoding x-gzip; it has the sha256 when unpacked"),
        (TWO_MEMBERS, "gzip", TABLE, "when unpacked"),
        (zlib.compress(TABLE), "deflate", TABLE, "when unpacked"),
        (bare_deflate(TABLE), "deflate", TABLE, "when unpacked"),
        (gzip.compress(PACKED), "gzip", PACKED, "when unpacked"),
        (gzip.compress(PACKED), "gzip, gzip", TABLE, "encoding gzip, gzip"),
        (gzip.compress(zlib.compress(TABLE)), "deflate, x-gzip", TABLE, "encoding x-gzip, deflate"),
        (TABLE, "br", TABLE, "kept as they are"),
        (TABLE, "identity", TABLE, ""),
        (PACKED, "", PACKED, ""),
    ],
)
def test_the_file_that_is_kept_has_the_digest(tmp_path, host, capsys, sent, encoding, published, words, chunked):
    host.replies = [Reply(sent, chunked=chunked, Content_Encoding=encoding)]
    assert run(tmp_path, f"{host.url}/files/a.csv.gz", sha256(published)) == 0
    assert (tmp_path / "download.csv").read_bytes() == published
    assert words in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "kept").rglob("*") if path.is_file()] == ["lock"]


@pytest.mark.parametrize("label", ["gzip", "x-gzip"])
@pytest.mark.parametrize("published", [STORED, TABLE])
def test_a_labelled_download_that_broke_goes_on_by_what_was_sent(tmp_path, host, waits, label, published):
    content_range = f"bytes 131072-{len(STORED) - 1}/{len(STORED)}"
    host.replies = [
        Reply(STORED, sent=131_072, Content_Encoding=label),
        Reply(STORED[131_072:], 206, Content_Encoding=label, Content_Range=content_range),
    ]
    assert run(tmp_path, f"{host.url}/a", sha256(published)) == 0
    assert (tmp_path / "download.csv").read_bytes() == published
    assert host.headers[1]["Range"] == "bytes=131072-"


def test_a_server_that_gives_pieces_is_asked_for_all_of_them(tmp_path, host, waits):
    step = 60_000
    host.replies = [
        Reply(
            TABLE[begin : begin + step],
            206,
            Content_Range=f"bytes {begin}-{min(begin + step, len(TABLE)) - 1}/{len(TABLE)}",
        )
        for begin in range(0, len(TABLE), step)
    ]
    pieces = len(host.replies)
    assert run(tmp_path, f"{host.url}/a") == 0
    assert (tmp_path / "download.csv").read_bytes() == TABLE
    assert (len(host.requests), waits) == (pieces, [])


@pytest.mark.parametrize(
    "content_range",
    ["", "bytes */412000", "bytes 9-20/9", "bytes 100000-99999/412000", "items 0-9/9", "bytes 0x1-2/3", "bytes 1-2"],
)
def test_a_piece_that_was_not_requested_is_thrown_away(tmp_path, host, waits, content_range):
    host.files["/a"] = TABLE
    host.replies = [Reply(TABLE, sent=131_072), Reply(b"other", 206, Content_Range=content_range)]
    assert run(tmp_path, f"{host.url}/a") == 0
    assert (tmp_path / "download.csv").read_bytes() == TABLE


@pytest.mark.parametrize(
    ("reply", "words", "attempts"),
    [
        (Reply(gzip.compress(b"\0" * 10**7), Content_Encoding="gzip"), "than 1000000 bytes when unpacked from gzip", 1),
        (Reply(zlib.compress(b"\0" * 10**7), Content_Encoding="deflate"), "when unpacked from deflate", 1),
        (Reply(b"\0" * 2_000_000, chunked=True), "the response is longer than 1000000 bytes", 1),
        (Reply(b"\0" * 2_000_000), "has 2000000 bytes, longer than 1000000 bytes", 1),
        (Reply(PACKED[:-9], Content_Encoding="x-gzip"), "sent in the encoding x-gzip, packed and unpacked) has the", 2),
        (Reply(PACKED + b"more", Content_Encoding="gzip"), "has the sha256", 2),
        (Reply(TABLE[1:], Content_Encoding="br"), "sent in the encoding br", 2),
        (Reply(bare_deflate(TABLE)[:-9], Content_Encoding="deflate"), "has the sha256", 2),
        (Reply(TABLE[1:], Content_Encoding=", ,gzip,,"), "has the sha256", 2),
    ],
)
def test_another_file_is_one_sentence_and_nothing_stays(tmp_path, host, waits, capsys, reply, words, attempts):
    host.replies = [reply] * 3
    assert run(tmp_path, f"{host.url}/a", DIGEST, "--max-bytes", "1000000") == 2
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert words in sentence
    assert len(host.requests) == attempts
    assert not (tmp_path / "download.csv").exists()
    assert not list((tmp_path / "kept").rglob("*unpacked*"))


def test_names_of_encodings():
    assert encodings("gzip, X-Gzip ,identity,,br") == ["br", "x-gzip", "gzip"]
    assert encodings("") == []
    assert len(encodings("gzip," * 1000)) == 3


@fuzzed
@given(
    st.sampled_from(["gzip", "deflate", "deflate, gzip", "x-gzip, x-gzip", "br", "zstd", ""]) | st.text(max_size=20),
    st.sampled_from([PACKED[:2000], gzip.compress(b"abc"), zlib.compress(b"abc" * 99), bare_deflate(b"abc" * 99)]),
    st.integers(0, 1999),
    st.binary(max_size=3),
)
def test_damaged_packed_files_stay_as_they_are(tmp_path_factory, header, packed, place, change):
    path = tmp_path_factory.getbasetemp() / "damaged"
    damaged = packed[:place] + change + packed[place + len(change) :]
    path.write_bytes(damaged)
    wanted = sha256(b"abc" * 99)
    try:
        undone = undo_encodings(path, header, wanted, 100_000)
    except RefusalError:
        undone = None
    assert digest(path) == wanted if undone else path.read_bytes() == damaged
    assert [other.name for other in path.parent.glob("damaged*")] == ["damaged"]
