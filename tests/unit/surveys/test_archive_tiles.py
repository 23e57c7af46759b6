"""What is kept of a survey's results: every request once, checked, with the bytes as received."""

import hashlib
import io
import logging

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from PIL import Image

from tests.unit.surveys.archived import fetch_tile, write_tile
from workflow_scripts.errors import InputError
from workflow_scripts.image_checks.acceptance import Wanted
from workflow_scripts.surveys import archive
from workflow_scripts.surveys.archive import check_failed_share, checked, count_outcomes
from workflow_scripts.surveys.survey import CutoutResult


def picture(seed: int = 0, size: tuple[int, int] = (20, 20), kind: str = "JPEG", constant: int | None = None) -> bytes:
    """(width, height) random pixels, or one value."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    if constant is not None:
        pixels[:] = constant
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def cube(size: int = 20) -> bytes:
    buffer = io.BytesIO()
    fits.PrimaryHDU(np.random.default_rng(0).normal(size=(3, size, size)).astype(np.float32)).writeto(buffer)
    return buffer.getvalue()


def delivered(image: bytes | None, source_id: str = "a") -> CutoutResult:
    return CutoutResult(source_id, "delivered", "", image, "", "somewhere", 2)


class Prepared:
    """A survey with prepared results, whatever is requested."""

    def __init__(self, *results: CutoutResult):
        self.results = results

    def cutouts(self, requests):
        yield from self.results


def requests(*source_ids: str) -> pd.DataFrame:
    n = len(source_ids)
    table = pd.DataFrame(
        {"source_id": pd.Series(source_ids, dtype=str), "ra": np.arange(n) + 0.5, "dec": -1.0 * np.arange(n)}
    )
    return table.assign(**{"2nd magnitude": 17.0, "class": 1})


@pytest.mark.parametrize(
    ("image", "size", "found"),
    [
        (picture(), 20, "jpeg"),
        (picture(), None, "jpeg"),
        (picture(kind="PNG"), 20, "png"),
        (cube(), 20, "fits"),
        (picture(size=(20, 33)), None, "jpeg"),
    ],
)
def test_whole_images_pass_with_their_bytes(image, size, found):
    result = checked(delivered(image), Wanted(size))
    assert (result.outcome, result.image, result.image_format) == ("delivered", image, found)
    assert (result.origin, result.attempts) == ("somewhere", 2)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (None, "not an image: no bytes"),
        (b"", "not an image: no bytes"),
        (b"<html>busy</html>", "not an image: neither JPEG"),
        (picture()[:-40], "not an image: .*truncated"),
        (picture()[:-40] + b"\xff\xd9", "not an image: .*premature end"),
        (cube()[:4000], "not an image: not a whole FITS"),
        (picture(size=(20, 64)), "20 x 64 pixels, expected 20 x 20"),
        (cube(64), "64 x 64 pixels, expected 20 x 20"),
        (picture(constant=32), "the image is constant"),
        (picture(constant=0, kind="PNG"), "the image is constant"),
    ],
)
def test_what_is_not_the_requested_image_is_rejected(image, reason):
    result = checked(delivered(image), Wanted(20))
    assert (result.outcome, result.image, result.image_format) == ("rejected", None, "")
    assert pd.Series([result.reason]).str.match(reason).all(), result.reason
    assert (result.origin, result.attempts) == ("somewhere", 2)


def test_other_outcomes_pass_unchanged():
    for outcome in ("no_coverage", "failed", "rejected"):
        result = CutoutResult("a", outcome, "why", None, "", "url", 3)
        assert checked(result, Wanted(20)) is result
    with pytest.raises(RuntimeError, match="the outcome 'lost', which is none"):
        checked(CutoutResult("a", "lost", "", None, "", "", 1), Wanted(20))  # type: ignore[arg-type]


def test_every_request_is_a_row_in_the_order_of_the_requests(tmp_path):
    survey = Prepared(
        CutoutResult("d", "no_coverage", "outside", None, "", "url-d", 1),
        delivered(picture(3), "c"),
        CutoutResult("b", "failed", "timeout", None, "", "url-b", 5),
        delivered(b"rubbish", "a"),
    )
    write_tile(tmp_path / "tile.parquet", survey, requests("a", "b", "c", "d"), 20, {"config": 1})
    rows = pq.read_table(tmp_path / "tile.parquet").to_pylist()
    assert [row["source_id"] for row in rows] == ["a", "b", "c", "d"]
    assert [row["outcome"] for row in rows] == ["rejected", "failed", "delivered", "no_coverage"]
    assert [row["reason"] for row in rows[1:]] == ["timeout", "", "outside"]
    assert [(row["ra"], row["dec"]) for row in rows] == [(0.5, 0), (1.5, -1), (2.5, -2), (3.5, -3)]
    assert [row["attempts"] for row in rows] == [2, 5, 2, 1]
    assert [row["image"] for row in rows] == [None, None, picture(3), None]
    assert rows[2]["sha256"] == hashlib.sha256(picture(3)).hexdigest()
    assert [row["sha256"] for row in rows if row["outcome"] != "delivered"] == [""] * 3
    assert count_outcomes(archive.read_ledger(tmp_path / "tile.parquet")) == {
        "requested": 4,
        "delivered": 1,
        "no_coverage": 1,
        "rejected": 1,
        "failed": 1,
    }


def test_files_have_the_schema_and_small_groups(tmp_path):
    names = [f"g{number}" for number in range(600)]
    image = picture(1)
    survey = Prepared(*(delivered(image, name) for name in names))
    write_tile(tmp_path / "tile.parquet", survey, requests(*names), 20)
    with pq.ParquetFile(tmp_path / "tile.parquet") as file:
        assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [256, 256, 88]
        assert file.schema_arrow.remove_metadata() == archive.TILE_SCHEMA
    assert "image" not in archive.read_ledger(tmp_path / "tile.parquet").column_names
    assert list(archive.read_images(tmp_path / "tile.parquet")) == [(name, image, "", None) for name in names]


def test_empty_tile(tmp_path):
    write_tile(tmp_path / "tile.parquet", Prepared(), requests(), 20)
    assert archive.read_ledger(tmp_path / "tile.parquet").num_rows == 0
    assert list(archive.read_images(tmp_path / "tile.parquet")) == []


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([delivered(picture(), "a")], "1 results for 2 requests"),
        ([delivered(picture(), "a"), delivered(picture(), "a")], "second result for a"),
        ([delivered(picture(), "a"), delivered(picture(), "x")], "result for x, or it was not requested"),
    ],
)
def test_a_survey_without_one_result_for_every_request_is_a_bug(results, message):
    with pytest.raises(RuntimeError, match=message):
        fetch_tile(Prepared(*results), requests("a", "b"), 20)


@pytest.mark.parametrize(
    ("rejected", "failed", "requested", "limit", "passes"),
    [
        (0, 0, 0, 0.0, True),
        (0, 1, 100, 0.01, True),
        (1, 1, 100, 0.01, False),
        (0, 1, 5, 0.01, True),
        (0, 1, 5, 0.0, False),
        (50, 50, 100, 1.0, True),
        (6, 5, 1000, 0.01, False),
    ],
)
def test_failed_share_counts_rejected_too(rejected, failed, requested, limit, passes):
    outcomes = ["no_coverage"] * (requested - rejected - failed) + ["rejected"] * rejected + ["failed"] * failed
    ledger = pa.table(
        {
            "source_id": pa.array([f"g{number}" for number in range(requested)], pa.string()),
            "outcome": pa.array(outcomes, pa.string()),
            "reason": pa.array([f"reason of {outcome}" for outcome in outcomes], pa.string()),
            "origin": pa.array([f"{number}.jpg" for number in range(requested)], pa.string()),
        }
    )
    if passes:
        check_failed_share(ledger, limit, "tile 3")
    else:
        first = "failed" if failed >= rejected else "rejected"
        expected = (
            rf"^tile 3: .*% rejected or failed \(.*{rejected} rejected, {failed} failed\), expected at most .*"
            rf"most often: reason of {first} \({max(rejected, failed)} times, for example \d+\.jpg of g\d+\)$"
        )
        with pytest.raises(InputError, match=expected):
            check_failed_share(ledger, limit, "tile 3")


def test_progress_is_logged_with_rate_and_time_left(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    clock = iter(np.arange(0, 10_000, 20.0))
    monkeypatch.setattr("workflow_scripts.progress.time.monotonic", lambda: next(clock))
    names = [f"g{number}" for number in range(8)]
    fetch_tile(Prepared(*(delivered(picture(), name) for name in names)), requests(*names), 20)
    lines = [record.message for record in caplog.records]
    assert 2 <= len(lines) <= 5
    assert all("of 8 cutouts" in line and "a second" in line and "s left" in line for line in lines[:-1])
    assert lines[-1].startswith("checked: 8 of 8 cutouts in ")
