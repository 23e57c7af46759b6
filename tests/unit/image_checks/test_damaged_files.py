"""Pictures on disk of every accepted format: cut, with the mark of the end put back, filled up, overwritten."""

import io
import tarfile

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from workflow_scripts.image_checks.acceptance import Wanted, check_image

SIDE = 128
Y, X = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5


def sky(seed: int) -> np.ndarray:
    light = np.exp(-(X * X + Y * Y) / 400)
    noise = np.random.default_rng(seed).normal(15, 4, (SIDE, SIDE, 3))
    return (np.dstack([light * scale for scale in (200, 150, 100)]) + noise).clip(0, 255).astype(np.uint8)


def picture(kind: str, pixels: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def as_fits(pixels: np.ndarray, checksum: bool = False) -> bytes:
    buffer = io.BytesIO()
    fits.PrimaryHDU(pixels).writeto(buffer, checksum=checksum)
    return buffer.getvalue()


def flux(seed: int) -> np.ndarray:
    return sky(seed)[..., 0].astype(np.float32) / 20 + np.random.default_rng(seed).normal(0, 0.1, (SIDE, SIDE)).astype(
        "f4"
    )


KINDS = {
    "jpeg": lambda seed: picture("JPEG", sky(seed), quality=90),
    "jpeg 4:4:4": lambda seed: picture("JPEG", sky(seed), quality=95, subsampling=0),
    "jpeg progressive": lambda seed: picture("JPEG", sky(seed), progressive=True),
    "jpeg grey": lambda seed: picture("JPEG", sky(seed)[..., 0], quality=90),
    "jpeg restart": lambda seed: picture("JPEG", sky(seed), restart_marker_rows=1),
    "png": lambda seed: picture("PNG", sky(seed)),
    "png stored": lambda seed: picture("PNG", sky(seed), compress_level=0),
    "png grey": lambda seed: picture("PNG", sky(seed)[..., 0]),
    "png 16 bits": lambda seed: picture("PNG", sky(seed)[..., 0].astype(np.uint16) * 257),
    "png palette": lambda seed: palette(seed),
    "fits": lambda seed: as_fits(flux(seed)),
    "fits whole numbers": lambda seed: as_fits((flux(seed) * 100).astype(np.int16)),
    "fits sums": lambda seed: as_fits(flux(seed), checksum=True),
}
ENDS = {"jpeg": b"\xff\xd9", "png": b"\0\0\0\0IEND\xaeB`\x82", "fits": b""}


def palette(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(sky(seed)).quantize(64).save(buffer, "PNG")
    return buffer.getvalue()


def reason(data: bytes) -> str:
    judgement = check_image(data, Wanted(None))
    return "" if judgement.kind == "accepted" else judgement.reason or "?"


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_pass(kind):
    assert [reason(KINDS[kind](seed)) for seed in range(10)] == [""] * 10


@pytest.mark.parametrize("filled", [None, 0, 255])
@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_file_is_found_though_its_end_was_put_back_or_filled_up(kind, share, filled):
    for seed in range(5):
        data = KINDS[kind](seed)
        end = ENDS[kind.split()[0]]
        length = len(data) if kind.split()[0] != "fits" else 2880 + len(data[2880:]) * 9 // 10
        cut = data[: int(length * share)]
        if filled is not None:
            cut += bytes([filled]) * (len(data) - len(cut) - len(end))
        assert reason(cut + end), (seed, len(data), len(cut))


@pytest.mark.parametrize("size", [128, 512, 2000])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith(("png", "fits sums"))])
def test_what_has_check_sums_is_never_overwritten_unnoticed(kind, size):
    generator = np.random.default_rng(size)
    for seed in range(10):
        data = KINDS[kind](seed)
        start = int(generator.integers(2880 if kind == "fits sums" else 40, len(data) - size - 6000 * (kind[0] == "f")))
        assert reason(data[:start] + generator.bytes(size) + data[start + size :])


@pytest.mark.parametrize(
    "written", [bytes(600), b"\xff" * 600, b"lorem ipsum " * 50, np.random.default_rng(0).bytes(600)]
)
def test_a_long_piece_of_a_fits_was_overwritten(written):
    data = as_fits(flux(1))
    for start in (2880, 20_000, 40_002, 2880 + SIDE * SIDE * 4 - 600):
        if written[:1] == b"\xff" and start > 50_000:
            # NaN at the end is what a survey has beyond its edge.
            continue
        assert reason(data[:start] + written + data[start + 600 :]), start


@pytest.mark.parametrize("value", [128, 0, 255, 77])
@pytest.mark.parametrize(("kind", "rows"), [("JPEG", 30), ("JPEG", 77), ("PNG", 9), ("PNG", 30), ("PNG", 77)])
def test_a_flat_end_that_was_coded_again(kind, rows, value):
    pixels = sky(1)
    pixels[-rows:] = value
    options = {"quality": 90} if kind == "JPEG" else {}
    assert reason(picture(kind, pixels, **options)) == "the last rows have one value, as in a picture that was cut"


@pytest.mark.parametrize("value", [0, 255, 20])
def test_masked_and_padded_images_are_whole(value):
    """Whoever sets the sky to one value, or fills up to a square, does so on more than one side."""
    masked = np.where((X * X + Y * Y < 1000)[..., None], sky(1), np.uint8(value))
    bars = sky(1)
    bars[:20] = bars[-20:] = value
    left = sky(1)
    left[:, :30] = value
    corner = sky(1)
    corner[-40:, :50] = value
    for pixels in (masked, bars, left, corner):
        assert reason(picture("PNG", pixels)) == ""
        assert reason(as_fits(np.where(pixels[..., 0] == value, np.float32(value), flux(2)))) == ""
    assert reason(as_fits(np.where(masked[..., 0] == value, np.float32(np.nan), flux(2)))) == ""


@pytest.mark.parametrize("side", [16, 24, 32, 64])
def test_a_sky_of_few_levels_is_no_flat_end(side):
    """As 12-bit values in a PNG of 16 bits have it, and a JPEG of low quality."""
    for seed in range(200):
        y, x = np.mgrid[:side, :side] - side / 2 + 0.5
        light = np.exp(-(x * x + y * y) / side * 2) * 200 + np.random.default_rng(seed).normal(12, 3, (side, side))
        assert reason(picture("PNG", (light.clip(0, 255) * 4 + 1000).astype(np.uint16))) == ""
        assert reason(picture("JPEG", light.clip(0, 255).astype(np.uint8), quality=20)) == ""


def test_bad_rows_and_edges_of_a_fits_are_no_damage():
    row, edge, single = flux(1), flux(2), flux(3)
    row[60] = 0
    edge[-30:] = np.nan
    single[60, 60:70] = 0
    assert [reason(as_fits(pixels)) for pixels in (row, edge, single)] == [""] * 3
    edge[-30:] = 0
    assert reason(as_fits(edge)).startswith("the FITS ends in 3840 values of 0")
    assert "no data, expected NaN" in reason(as_fits(np.where(flux(1) > 9, np.float32(-1e30), flux(1))))


def test_real_pictures_are_whole(shared_data):
    """All of the published ones; every tenth is also cut."""
    wrong, passed = [], []
    with tarfile.open(shared_data / "sdss_gz1" / "gz1_E_S_128px.tar") as archive:
        for number, member in enumerate(member for member in archive if member.name.endswith(".jpg")):
            data = archive.extractfile(member).read()
            if found := reason(data):
                wrong.append((member.name, found))
            if number % 10 == 0 and not reason(data[: len(data) * 3 // 5] + b"\xff\xd9"):
                passed.append(member.name)
    assert wrong == []
    assert passed == []
