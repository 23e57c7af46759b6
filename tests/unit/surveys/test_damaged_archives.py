"""Damaged archives of images are refused in one sentence, or give images that are whole; never those of others.

Images are PNG, whose data have checksums: a bit changed in the data of another format, in a plain tar, no one can see.
"""

import gzip
import io
import tarfile
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.fuzzing import fuzzed_files
from workflow_scripts.errors import InputError
from workflow_scripts.image_checks.acceptance import Wanted
from workflow_scripts.surveys.archive import checked
from workflow_scripts.surveys.local import LocalSurvey

NAMES = [f"galaxies/{number}.png" for number in range(5)]
KINDS = ["zip", "stored.zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]


@lru_cache
def image(number: int) -> bytes:
    # Of different numbers of tar's blocks: between files as long as each other, a lost header and file cannot be seen.
    pixels = np.random.default_rng(number).integers(0, 256, (12, 12 * number + 12, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@lru_cache
def packed(kind: str) -> bytes:
    out = io.BytesIO()
    if kind.endswith("zip"):
        method = zipfile.ZIP_STORED if kind.startswith("stored") else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(out, "w", method) as archive:
            for number, name in enumerate(NAMES):
                archive.writestr(zipfile.ZipInfo(name), image(number), method)
        return out.getvalue()
    with tarfile.open(fileobj=out, mode="w:" + kind.removeprefix("tar").lstrip(".").replace("gz", "")) as archive:
        for number, name in enumerate(NAMES):
            member = tarfile.TarInfo(name)
            member.size = len(image(number))
            archive.addfile(member, io.BytesIO(image(number)))
    return gzip.compress(out.getvalue(), mtime=0) if kind == "tar.gz" else out.getvalue()


@st.composite
def damages(draw: Any, whole: bytes) -> bytes:
    """An archive that was changed in one to three ways."""
    data = whole
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.sampled_from([1, 7, 512, 1024]))
        match draw(st.sampled_from(["byte", "cut", "insert", "drop", "twice", "zeros", "moved"])):
            case "byte":
                data = data[:place] + bytes([draw(st.integers(0, 255))]) + data[place + 1 :]
            case "cut":
                data = data[:place]
            case "insert":
                data = data[:place] + draw(st.binary(min_size=1, max_size=20)) + data[place:]
            case "drop":
                data = data[:place] + data[place + length :]
            case "twice":
                data = data[:place] + data[place : place + length] + data[place:]
            case "zeros":
                data = data[:place] + bytes(min(length, len(data) - place)) + data[place + length :]
            case "moved":
                at = draw(st.integers(0, max(len(data) - 1, 0))) // 512 * 512
                data = data[:at] + data[place // 512 * 512 :][:length] + data[at:]
    return data


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("archives")


def accepted(path: Path) -> dict[str, bytes]:
    """Images by name, of those that pass the checks of every survey."""
    ids = [f"g{number}" for number in range(len(NAMES))]
    requests = pd.DataFrame({"source_id": ids, "ra": 1.0, "dec": 2.0, "file": NAMES})
    results = [checked(result, Wanted(None)) for result in LocalSurvey({"file_column": "file"}, path).cutouts(requests)]
    assert sorted(result.source_id for result in results) == ids
    assert all(result.reason and "\n" not in result.reason for result in results if result.outcome != "delivered")
    of = dict(zip(ids, NAMES, strict=True))
    return {of[result.source_id]: result.image or b"" for result in results if result.outcome == "delivered"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_archive_gives_every_image(folder, kind):
    path = folder / f"whole.{kind}"
    path.write_bytes(packed(kind))
    assert accepted(path) == {name: image(number) for number, name in enumerate(NAMES)}


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
@fuzzed_files
def test_a_damaged_archive_is_refused_or_gives_whole_images(folder, kind, data):
    path = folder / f"damaged.{kind}"
    path.write_bytes(data.draw(damages(packed(kind))))
    try:
        found = accepted(path)
    except InputError as error:
        found, refused = {}, str(error)
    else:
        refused = str(path)
    assert str(path) in refused
    assert "\n" not in refused
    for name, content in found.items():
        with Image.open(io.BytesIO(content)) as seen, Image.open(io.BytesIO(image(NAMES.index(name)))) as expected:
            assert np.array_equal(np.asarray(seen), np.asarray(expected))
