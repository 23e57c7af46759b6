"""Images that come in another order than they were requested in are kept on disk, not in memory."""

import tracemalloc

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.unit.surveys.test_local_survey import make
from workflow_scripts.errors import InputError
from workflow_scripts.image_checks.acceptance import accepted
from workflow_scripts.surveys import archive, waiting_results
from workflow_scripts.surveys.local import LocalSurvey
from workflow_scripts.surveys.survey import CutoutResult

ENTRY = {"kind": "local", "file_column": "file"}


def tile(path, images, order, folder):
    """The galaxies in an order, from images in another."""
    table = pd.DataFrame(
        {"source_id": [f"g{n}" for n in order], "ra": 1.0, "dec": 2.0, "file": [f"{n}" for n in order]}
    )
    batches = archive.fetch_batches(LocalSurvey(ENTRY, images), table, None, folder)
    archive.write_batches(path, batches, {}, lambda ledger: None)
    return pq.read_table(path)


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_every_image_comes_to_its_galaxy(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archive, "check_image", lambda data, wanted: accepted(data, "png"))
    files = {f"{n}": np.random.default_rng(n).bytes(1000 + n) for n in range(600)}
    images = make(kind, tmp_path / "images", files)
    order = np.random.default_rng(1).permutation(600)
    whole = tile(tmp_path / "whole.parquet", images, order, tmp_path / "new folder")
    monkeypatch.setattr(waiting_results, "LARGEST_WAITING_BYTES", 5000)
    spilt = tile(tmp_path / "spilt.parquet", images, order, None)
    assert whole["image"].to_pylist() == [files[f"{n}"] for n in order]
    assert spilt.equals(whole)
    assert list((tmp_path / "new folder").iterdir()) == []


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(waiting_results, "LARGEST_WAITING_BYTES", 2_000_000)
    with waiting_results.waiting_results() as waiting:
        tracemalloc.start()
        for number in range(1000):
            waiting.put(CutoutResult(str(number), "delivered", "", bytes([number % 251]) * 20_000))
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
        tracemalloc.stop()
        for number in reversed(range(1000)):
            assert waiting.take(str(number)).image == bytes([number % 251]) * 20_000
        assert "5" not in waiting


def test_a_full_disk_is_one_sentence(monkeypatch):
    monkeypatch.setattr(waiting_results, "LARGEST_WAITING_BYTES", 10)
    with open("/dev/full", "w+b", buffering=0) as full:
        waiting = waiting_results.WaitingResults(full)
        with pytest.raises(InputError, match=r"images that wait for their turn cannot be kept on disk: .*No space"):
            waiting.put(CutoutResult("1", "delivered", "", bytes(100)))
