"""The archive of received bytes, and images that lie on disk."""

import io
import tarfile
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from workflow_scripts.errors import InputError
from workflow_scripts.surveys.archive import (
    check_failed_share,
    count_outcomes,
    fetch_tile,
    read_images,
    read_ledger,
    write_tile,
)
from workflow_scripts.surveys.interface import CutoutResult
from workflow_scripts.surveys.local import LocalSurvey

ENTRY = {"kind": "local", "file_column": "file"}


def jpeg(seed=0, size=12):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (size, size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def grey():
    buffer = io.BytesIO()
    Image.new("RGB", (12, 12), (32, 32, 32)).save(buffer, "JPEG")
    return buffer.getvalue()


FILES = {"a.jpg": jpeg(1), "sub/b.jpg": jpeg(2), "broken.jpg": jpeg(3)[:300], "grey.jpg": grey()}
NAMES = ["a.jpg", "sub/b.jpg", "broken.jpg", "grey.jpg", "absent.jpg", "../secret.jpg", "/etc/passwd"]


@pytest.fixture
def requests():
    ids = [f"id{number}" for number in range(len(NAMES))]
    return pd.DataFrame({"source_id": ids, "ra": 10.0, "dec": 5.0, "file": NAMES})


@pytest.fixture(params=["folder", "tar", "tar.gz", "zip"])
def collection(request, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(jpeg(9))
    path = tmp_path / f"images.{request.param}"
    if request.param == "folder":
        for name, data in FILES.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
    elif request.param == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in FILES.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz" if request.param == "tar.gz" else "w") as archive:
            for name, data in FILES.items():
                member = tarfile.TarInfo(f"./{name}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return path


def test_every_request_has_one_outcome_and_delivered_bytes_are_those_received(collection, requests, tmp_path):
    table = fetch_tile(LocalSurvey(ENTRY, collection), requests, None)
    write_tile(tmp_path / "tile.parquet", table, {})
    ledger = read_ledger(tmp_path / "tile.parquet")
    assert ledger["outcome"].tolist() == ["delivered"] * 2 + ["rejected"] * 2 + ["failed"] + ["rejected"] * 2
    assert ledger["reason"].str.contains("constant").tolist()[3]
    assert ledger["reason"].str.contains("leads elsewhere").tolist()[5:] == [True, True]
    counts = count_outcomes(ledger)
    assert counts == {"requested": 7, "delivered": 2, "no_coverage": 0, "rejected": 4, "failed": 1}
    assert dict(read_images(tmp_path / "tile.parquet")) == {"id0": FILES["a.jpg"], "id1": FILES["sub/b.jpg"]}
    with pytest.raises(InputError, match=r"71.4% rejected or failed, expected at most 1.0%"):
        check_failed_share(counts, 0.01, "tile 3")


def test_an_image_of_another_size_is_rejected(collection, requests):
    table = fetch_tile(LocalSurvey(ENTRY, collection), requests.head(1), 64)
    assert table["reason"][0].as_py() == "12 x 12 pixels, expected 64 x 64"


@pytest.mark.parametrize("cut", [100, 700, 1536, 3000])
def test_a_truncated_tar_is_named(tmp_path, requests, cut):
    path = tmp_path / "cut.tar"
    with tarfile.open(path, "w") as archive:
        for name, data in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"cut\.tar: .*(whole|cut off)"):
        fetch_tile(LocalSurvey(ENTRY, path), requests.head(2), None)


def test_a_symbolic_link_out_of_the_folder_is_not_followed(tmp_path, requests):
    folder = tmp_path / "images"
    folder.mkdir()
    (tmp_path / "secret.jpg").write_bytes(jpeg(4))
    (folder / "a.jpg").symlink_to(tmp_path / "secret.jpg")
    table = fetch_tile(LocalSurvey(ENTRY, folder), requests.head(1), None)
    assert table["outcome"][0].as_py() == "failed"


@pytest.mark.parametrize("answers", [["id0", "id0"], [], ["id0", "other"]])
def test_a_survey_that_does_not_answer_each_request_once_is_a_bug(requests, answers):
    class Odd:
        def cutouts(self, requests):
            for source_id in answers:
                yield CutoutResult(source_id, "failed", "", None, "", "", 1)

    with pytest.raises(RuntimeError):
        fetch_tile(Odd(), requests.head(1), None)


def test_real_images_of_a_tar_are_delivered(shared_data):
    path = shared_data / "sdss_gz1" / "gz1_E_S_128px.tar"
    with tarfile.open(path) as archive:
        names = [member.name for member in archive if member.name.endswith(".jpg")][:20]
    ids = [str(number) for number in range(len(names))]
    table = fetch_tile(
        LocalSurvey(ENTRY, path), pd.DataFrame({"source_id": ids, "ra": 0.0, "dec": 0.0, "file": names}), 128
    )
    assert table["outcome"].to_pylist() == ["delivered"] * 20
