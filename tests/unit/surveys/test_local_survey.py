"""Images on disk: folders, tars and zips, whole and hostile."""

import gzip
import io
import os
import struct
import tarfile
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from workflow_scripts.errors import InputError
from workflow_scripts.images import decoding
from workflow_scripts.surveys import image_sources
from workflow_scripts.surveys.local import LocalSurvey

ENTRY = {"kind": "local", "file_column": "file"}


def jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


FILES = {f"{number}.jpg": jpeg(number) for number in range(6)} | {"deep/er/7.jpg": jpeg(7)}


def make(kind: str, path, files=FILES, prefix: str = ""):
    """Folder or archive with files."""
    if kind == "folder":
        for name, data in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
    elif kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(prefix + name, data)
    else:
        with tarfile.open(path, f"w:{kind.partition('.')[2]}") as archive:
            for name, data in files.items():
                member = tarfile.TarInfo(prefix + name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return path


def requests(*names, ids=None) -> pd.DataFrame:
    ids = ids or [f"g{number}" for number in range(len(names))]
    return pd.DataFrame({"source_id": ids, "ra": 1.0, "dec": 2.0, "file": names})


def results_of(path, table, entry=ENTRY) -> dict:
    found = list(LocalSurvey(entry, path).cutouts(table))
    assert len(found) == len(table)
    return {result.source_id: result for result in found}


KINDS = ["folder", "zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prefix", ["", "./"])
def test_bytes_are_exactly_those_on_disk(tmp_path, kind, prefix):
    path = make(kind, tmp_path / "images", prefix=prefix)
    names = ["5.jpg", "deep/er/7.jpg", "absent.jpg", "0.jpg", "./3.jpg", "deep/er", "deep"]
    found = results_of(path, requests(*names))
    for number, name in enumerate(names):
        result = found[f"g{number}"]
        data = FILES.get(name.removeprefix("./"))
        assert result.outcome == ("delivered" if data else "failed")
        assert result.image == data
        assert result.reason == ("" if data else "no such file")
        assert (result.origin, result.attempts) == (name, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["../secret.jpg", "/etc/passwd", "deep/../../secret.jpg", "..\\secret.jpg", "a\0b.jpg"]
)
def test_names_that_lead_out_are_rejected(tmp_path, kind, name):
    (tmp_path / "secret.jpg").write_bytes(jpeg(99))
    # A file of an archive is inside, whatever root its name begins with.
    files = FILES if kind == "folder" or "\0" in name or name[0] == "/" else FILES | {name: jpeg(98)}
    result = results_of(make(kind, tmp_path / "images", files), requests(name))["g0"]
    assert (result.outcome, result.image) == ("rejected", None)
    assert "leads out" in result.reason


def test_names_come_from_the_id_where_the_catalog_has_none(tmp_path):
    path = make("tar", tmp_path / "images.tar")
    table = pd.DataFrame({"source_id": ["0", "1", "2"], "ra": 1.0, "dec": 1.0})
    assert {result.origin for result in results_of(path, table).values()} == {"0.jpg", "1.jpg", "2.jpg"}
    table["file"] = [None, np.nan, "5.jpg"]
    found = results_of(path, table)
    assert [found[name].image for name in "012"] == [FILES["0.jpg"], FILES["1.jpg"], FILES["5.jpg"]]
    table = table.rename(columns={"file": "picture"})
    assert results_of(path, table, ENTRY | {"file_column": "picture"})["2"].image == FILES["5.jpg"]
    with pytest.raises(InputError, match=r"no column 'photo' \(surveys, file_column\), expected one of .*picture"):
        results_of(path, table, ENTRY | {"file_column": "photo"})


@pytest.mark.parametrize("kind", KINDS)
def test_size_limit(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(image_sources, "LARGEST_BYTES", 1000)
    path = make(kind, tmp_path / "images", {"big.jpg": b"x" * 1001, "fits.jpg": b"y" * 1000})
    found = results_of(path, requests("big.jpg", "fits.jpg"))
    assert (found["g0"].outcome, found["g0"].reason) == ("rejected", "1001 bytes, expected at most 1000")
    assert len(found["g1"].image) == 1000


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_compressed_archive_is_read_in_its_own_order(tmp_path, kind):
    path = make(kind, tmp_path / "images")
    table = requests("4.jpg", "absent.jpg", "1.jpg", "deep/er/7.jpg", "0.jpg")
    origins = [result.origin for result in LocalSurvey(ENTRY, path).cutouts(table)]
    assert [name for name in origins if name in FILES] == ["0.jpg", "1.jpg", "4.jpg", "deep/er/7.jpg"]


def test_links_in_a_tar_are_not_followed(tmp_path):
    (tmp_path / "secret.jpg").write_bytes(jpeg(99))
    with tarfile.open(tmp_path / "t.tar", "w") as archive:
        for name, target in (("link.jpg", "../secret.jpg"), ("absolute.jpg", str(tmp_path / "secret.jpg"))):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
        device = tarfile.TarInfo("zero.jpg")
        device.type, device.devmajor, device.devminor = tarfile.CHRTYPE, 1, 5
        archive.addfile(device)
    found = results_of(tmp_path / "t.tar", requests("link.jpg", "absolute.jpg", "zero.jpg"))
    assert {result.outcome for result in found.values()} == {"failed"}


def test_links_in_a_folder_are_followed(tmp_path):
    (tmp_path / "elsewhere.jpg").write_bytes(jpeg(1))
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    (tmp_path / "images" / "broken.jpg").symlink_to(tmp_path / "absent.jpg")
    os.mkfifo(tmp_path / "images" / "pipe.jpg")
    found = results_of(tmp_path / "images", requests("a.jpg", "broken.jpg", "pipe.jpg"))
    assert [found[name].outcome for name in ("g0", "g1", "g2")] == ["delivered", "failed", "failed"]


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.bz2", "tar.xz", "zip"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.85])
def test_truncated_archives_are_named(tmp_path, kind, kept):
    # So many that the zeros which pad a tar do not count.
    path = make(kind, tmp_path / "images", {f"{number}.jpg": jpeg(number) for number in range(60)})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(InputError) as caught:
        results_of(path, requests("0.jpg"))
    assert str(caught.value).startswith(f"{path}: expected a ")
    assert "\n" not in str(caught.value)


def test_tar_cut_between_two_members(tmp_path):
    """The one cut that the tar reader itself takes for the end."""
    path = make("tar", tmp_path / "images.tar")
    with tarfile.open(path) as archive:
        third = archive.getmembers()[2].offset
    path.write_bytes(path.read_bytes()[:third])
    with pytest.raises(InputError, match=r"images\.tar: .*whole tar.*cut off: there is no end after 2 files"):
        results_of(path, requests("0.jpg"))


def test_tar_with_a_broken_header_in_the_middle(tmp_path):
    path = make("tar", tmp_path / "images.tar")
    with tarfile.open(path) as archive:
        third = archive.getmembers()[2].offset
    data = bytearray(path.read_bytes())
    data[third + 150] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"images\.tar: .*whole tar.*cut off: there is no end after 2 files"):
        results_of(path, requests("5.jpg"))


def test_empty_tar_is_whole(tmp_path):
    path = make("tar", tmp_path / "images.tar", {})
    assert results_of(path, requests("0.jpg"))["g0"].outcome == "failed"


@pytest.mark.parametrize("content", [b"", b"RA,Dec\n1,2\n" * 1000, gzip.compress(b"not a tar" * 100, mtime=0), jpeg(0)])
def test_a_file_that_is_no_archive(tmp_path, content):
    (tmp_path / "images").write_bytes(content)
    with pytest.raises(InputError, match=r"images: expected a folder, tar or zip of images, but") as caught:
        results_of(tmp_path / "images", requests("0.jpg"))
    assert "\n" not in str(caught.value)


def test_absent_images(tmp_path):
    with pytest.raises(InputError, match=r"absent\.tar: does not exist, expected a folder, tar or zip"):
        results_of(tmp_path / "absent.tar", requests("0.jpg"))


def test_broken_member_of_a_zip_is_rejected_and_the_others_come(tmp_path):
    path = make("zip", tmp_path / "images.zip")
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("2.jpg").header_offset
    data = bytearray(path.read_bytes())
    data[start + 60 : start + 100] = b"\xff" * 40
    path.write_bytes(data)
    found = results_of(path, requests("1.jpg", "2.jpg", "3.jpg"))
    assert [found[name].outcome for name in ("g0", "g1", "g2")] == ["delivered", "rejected", "delivered"]
    assert "broken in the zip" in found["g1"].reason


def test_zip_that_lies_about_the_size_of_a_bomb(tmp_path):
    path = make("zip", tmp_path / "images.zip", {"bomb.jpg": b"\0" * 3_000_000})
    data = bytearray(path.read_bytes())
    honest = struct.pack("<I", 3_000_000)
    assert data.count(honest) == 2
    path.write_bytes(data.replace(honest, struct.pack("<I", 100)))
    result = results_of(path, requests("bomb.jpg"))["g0"]
    assert result.outcome == "rejected"
    assert result.image is None


def test_encrypted_member_of_a_zip_is_rejected(tmp_path):
    path = make("zip", tmp_path / "images.zip", {"a.jpg": jpeg(0)})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert results_of(path, requests("a.jpg"))["g0"].outcome == "rejected"


def test_of_two_members_with_one_name_the_later_counts(tmp_path):
    with tarfile.open(tmp_path / "t.tar", "w") as archive:
        for seed in (1, 2):
            member = tarfile.TarInfo("a.jpg")
            member.size = len(jpeg(seed))
            archive.addfile(member, io.BytesIO(jpeg(seed)))
    assert results_of(tmp_path / "t.tar", requests("a.jpg"))["g0"].image == jpeg(2)


def test_real_tar(shared_data):
    path = shared_data / "sdss_gz1" / "gz1_E_S_128px.tar"
    names = ["587722981733826738.jpg", "587722953303916935.jpg", "absent.jpg"]
    found = results_of(path, requests(*names))
    assert [found[name].outcome for name in ("g0", "g1", "g2")] == ["delivered", "delivered", "failed"]
    assert decoding.decode(found["g0"].image).shape == (128, 128, 3)
    assert len(found["g1"].image) == 3528


def test_a_hard_link_in_a_tar_is_the_file_it_names_with_that_files_size(tmp_path, monkeypatch):
    path = tmp_path / "t.tar"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("a.jpg")
        member.size = len(jpeg(1))
        archive.addfile(member, io.BytesIO(jpeg(1)))
        for name, target in (("b.jpg", "a.jpg"), ("c.jpg", "absent.jpg"), ("d.jpg", "../../secret.jpg")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.LNKTYPE, target
            archive.addfile(link)
    found = results_of(path, requests("b.jpg", "c.jpg", "d.jpg"))
    assert found["g0"].image == jpeg(1)
    assert [found[name].outcome for name in ("g1", "g2")] == ["failed", "failed"]
    monkeypatch.setattr(image_sources, "LARGEST_BYTES", 10)
    assert results_of(path, requests("b.jpg"))["g0"].outcome == "rejected"


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.bz2", "tar.xz"])
@pytest.mark.parametrize("inside", [b"PK\x05\x06" + bytes(18), "zip"])
def test_a_tar_that_ends_in_something_like_a_zip_is_a_tar(tmp_path, kind, inside):
    if inside == "zip":
        inside = make("zip", tmp_path / "notes.zip", {"readme.txt": b"by me"}).read_bytes()
    path = make(kind, tmp_path / "images", FILES | {"z.zip": inside})
    assert results_of(path, requests("5.jpg"))["g0"].image == FILES["5.jpg"]


def test_a_zip_with_something_before_it_is_a_zip(tmp_path):
    path = make("zip", tmp_path / "images")
    path.write_bytes(b"MZ unpacks itself" + path.read_bytes())
    assert results_of(path, requests("5.jpg"))["g0"].image == FILES["5.jpg"]


@pytest.mark.parametrize(
    ("magic", "kind"), [(b"\x28\xb5\x2f\xfd", "zstd"), (b"7z\xbc\xaf\x27\x1c", "7-Zip"), (b"Rar!\x1a", "RAR")]
)
def test_archives_of_other_kinds_are_named(tmp_path, magic, kind):
    (tmp_path / "images").write_bytes(magic + bytes(100))
    with pytest.raises(InputError, match=rf"images: expected a folder, zip or tar .* but it is of {kind}"):
        results_of(tmp_path / "images", requests("0.jpg"))


def test_a_zip_of_a_later_version_is_named(tmp_path):
    path = make("zip", tmp_path / "images.zip")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 6] = 131
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"images\.zip: expected a whole zip of images, but zip file version 13\.1"):
        results_of(path, requests("0.jpg"))
