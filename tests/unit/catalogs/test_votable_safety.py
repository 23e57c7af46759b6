"""VOTables that would make the parser open an address or a file, or grow, are recognised in every disguise."""

import gzip
from contextlib import suppress
from io import BytesIO
from xml.parsers.expat import ExpatError

import pytest
from astropy.io.votable import parse
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing import fuzzed
from tests.unit.catalogs.catalog_host import votable_of
from workflow_scripts.catalogs.services.tap import parse_votable
from workflow_scripts.catalogs.services.web import RefusalError, TransientError
from workflow_scripts.catalogs.table_formats.votable_safety import forbidden_content

PLAIN = votable_of(["a", "b"], [(1, "x"), (2, "href <STREAM")], "OK")


def document(data: str, begin: str = '<?xml version="1.0"?>', prefix: str = "") -> str:
    return (
        f'{begin}<{prefix}VOTABLE version="1.4" xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3">'
        '<RESOURCE type="results">'
        f'<TABLE><FIELD name="a" datatype="int"/><DATA>{data}</DATA></TABLE></RESOURCE></{prefix}VOTABLE>'
    )


HREFS = {
    "file": '<BINARY><STREAM href="file://{secret}"/></BINARY>',
    "web": '<BINARY><STREAM encoding="gzip" href="http://127.0.0.1:9/"/></BINARY>',
    "binary2": '<BINARY2><STREAM href="file://{secret}"/></BINARY2>',
    "fits": '<FITS extnum="1"><STREAM href="file://{secret}"/></FITS>',
    "parquet": '<PARQUET type="VOTable-remote-file"><STREAM href="file:{secret}"/></PARQUET>',
    "a sign in an attribute": "<BINARY><STREAM type='>' href='file://{secret}'/></BINARY>",
    "white space": '<BINARY><STREAM\n\t  href\n=\n"file://{secret}"/></BINARY>',
    "a prefix": '<BINARY><v:STREAM href="file://{secret}"/></BINARY>',
    "two prefixes": '<BINARY><v:STREAM v:href="file://{secret}"/></BINARY>',
    "an entity": '<BINARY><STREAM href="&#102;ile://{secret}"/></BINARY>',
    "another case": '<BINARY><stream HREF="file://{secret}"/></BINARY>',
    "empty": '<BINARY><STREAM href=""/></BINARY>',
}


@pytest.mark.parametrize("name", HREFS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
def test_a_stream_with_an_address_is_refused(tmp_path, name, encoding):
    (tmp_path / "secret").write_bytes(b"\0\0\0\7")
    text = document(HREFS[name].format(secret=tmp_path / "secret"), "")
    body = text.encode(encoding)
    assert "its rows lie elsewhere (STREAM href=" in str(forbidden_content(body))
    with BytesIO(body) as file:
        assert "expected them in the VOTable itself" in str(forbidden_content(file))
    with pytest.raises((RefusalError, TransientError)):
        parse_votable(body)


def test_astropy_opens_such_an_address(tmp_path):
    """Why this is looked for: when it no longer does, the scan may go."""
    (tmp_path / "secret").write_bytes(b"\0\0\0\7")
    body = document(HREFS["a sign in an attribute"].format(secret=tmp_path / "secret")).encode()
    assert parse(BytesIO(body)).get_first_table().array["a"].tolist() == [7]


def test_a_document_in_disguise_is_not_unpacked_or_parsed(tmp_path):
    (tmp_path / "secret").write_bytes(b"\0\0\0\7")
    evil = document(HREFS["file"].format(secret=tmp_path / "secret"))
    packed = gzip.compress(evil.encode()) + b"\0" * 8 + b"</VOTABLE>"
    with pytest.raises((RefusalError, TransientError)):
        parse_votable(packed)
    # Long enough that a parser has opened the address before it meets the end, which is in another encoding.
    wide = document(f"<!--{'x' * 200_000}-->" + HREFS["file"].format(secret=tmp_path / "secret"), "").encode("utf-16")
    with pytest.raises((RefusalError, TransientError)):
        parse_votable(wide + b"</VOTABLE>")


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE V [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE V [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE V [<!ENTITY % x SYSTEM "http://127.0.0.1:9/"> %x;]>',
        '<!DOCTYPE V [<!ATTLIST STREAM href CDATA "file:///etc/passwd">]>',
        '<!DOCTYPE V SYSTEM "http://us-vo.org/xml/VOTable.dtd" [<!ENTITY a "b">]>',
    ],
)
def test_entities_and_types_of_its_own_are_refused(doctype):
    body = document("<TABLEDATA/>", doctype).encode()
    assert "declares entities or types of its own (DOCTYPE)" in str(forbidden_content(body))
    with pytest.raises(RefusalError, match="DOCTYPE"):
        parse_votable(body)


def test_plain_documents_pass():
    assert forbidden_content(PLAIN) is None
    old = document("<TABLEDATA/>", '<?xml version="1.0"?><!DOCTYPE VOTABLE SYSTEM "http://us-vo.org/xml/VOTable.dtd">')
    assert forbidden_content(old.encode()) is None
    rows = '<BINARY><STREAM encoding="base64">AAAABw==</STREAM></BINARY>'
    linked = rows + '<LINK href="http://a.example/"/>'
    assert forbidden_content(document(linked).encode()) is None
    assert parse_votable(document(rows).encode()).rows["a"].to_pylist() == [7]


def test_a_long_document_is_scanned_in_blocks():
    class Blocks(BytesIO):
        longest = 0

        def read(self, size: int | None = -1) -> bytes:
            self.longest = max(self.longest, size if size is not None and size >= 0 else 1 << 60)
            return super().read(size)

    file = Blocks(document("<TABLEDATA>" + "<TR><TD>1</TD></TR>" * 100_000 + "</TABLEDATA>").encode())
    assert forbidden_content(file) is None
    assert file.longest <= 1 << 16


@fuzzed
@given(
    st.sampled_from([PLAIN, *(document(text.format(secret="/nowhere")).encode() for text in HREFS.values())]),
    st.integers(0, 700),
    st.binary(max_size=6)
    | st.sampled_from([b"<!DOCTYPE a [", b"<STREAM href='", b'href="', b"]]>", b"<![CDATA[", b"&"]),
    st.booleans(),
)
def test_whatever_is_changed_no_address_is_opened(changed, place, piece, inserted):
    body = changed[:place] + piece + changed[place + (0 if inserted else len(piece)) :]
    opened: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("urllib.request.urlopen", lambda address, *_: opened.append(address) or BytesIO())
        with suppress(ExpatError, ValueError, LookupError):
            forbidden_content(body)
        with suppress(RefusalError, TransientError):
            parse_votable(body)
    assert opened == []
