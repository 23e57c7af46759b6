"""Bytes as pixels: only whole images of a sane size get through."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from workflow_scripts.images.decoding import decode, image_format, is_constant, size_of
from workflow_scripts.images.fits_files import UndecodableImageError, UnusableImageError

GENERATOR = np.random.default_rng(0)
COLOUR = GENERATOR.integers(0, 256, (24, 32, 3), dtype=np.uint8)
BANDS = GENERATOR.normal(0, 1, (3, 24, 32)).astype(np.float32)


def encoded(pixels: np.ndarray, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def as_fits(*hdus) -> bytes:
    buffer = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has next to nothing."""
    body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", body), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    packed = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def test_png_is_exact():
    np.testing.assert_array_equal(decode(encoded(COLOUR)), COLOUR)
    np.testing.assert_array_equal(decode(encoded(COLOUR[..., 0])), COLOUR[..., 0])


def test_jpeg_is_close():
    smooth = np.repeat(np.arange(0, 240, 10, dtype=np.uint8)[:, None], 32, axis=1)
    assert image_format(encoded(smooth, "JPEG")) == "jpeg"
    assert np.abs(decode(encoded(smooth, "JPEG", quality=95)).astype(int) - smooth).max() <= 4


def test_sixteen_bits_are_scaled_not_cut():
    values = np.array([[0, 257, 1000, 65535]], np.uint16).repeat(3, axis=0)
    np.testing.assert_array_equal(decode(encoded(values))[0], [0, 1, 3, 255])


def test_transparency_and_palettes_become_colour():
    opaque = np.dstack([COLOUR, np.full(COLOUR.shape[:2], 255, np.uint8)])
    np.testing.assert_array_equal(decode(encoded(opaque)), COLOUR)
    buffer = io.BytesIO()
    Image.fromarray(COLOUR).quantize(8).save(buffer, "PNG")
    assert decode(buffer.getvalue()).shape == COLOUR.shape


@pytest.mark.parametrize(
    "data",
    [
        as_fits(fits.PrimaryHDU(BANDS)),
        as_fits(fits.PrimaryHDU(), fits.ImageHDU(BANDS)),
        as_fits(fits.PrimaryHDU(BANDS.astype(">f8"))),
    ],
    ids=["primary", "extension", "float64"],
)
def test_fits_bands(data):
    pixels = decode(data)
    assert pixels.dtype == np.float32
    np.testing.assert_array_equal(pixels, BANDS)
    assert size_of(pixels) == (32, 24)
    assert size_of(COLOUR) == (32, 24)


def test_fits_with_one_band_has_a_band_axis():
    assert decode(as_fits(fits.PrimaryHDU(BANDS[0]))).shape == (1, 24, 32)


def test_fits_with_scaled_integers():
    stored = fits.PrimaryHDU(np.arange(12, dtype=np.int16).reshape(3, 4))
    stored.header["BSCALE"], stored.header["BZERO"] = 0.5, 10.0
    assert decode(as_fits(stored)).max() == 15.5


def test_harmless_oddities_of_fits_headers_are_no_reason_to_reject():
    stored = fits.PrimaryHDU(BANDS)
    stored.header["OBJECT"] = "galaxy"
    data = as_fits(stored).replace(b"OBJECT  =", b"OBJ@CT  =", 1)
    assert decode(data).shape == BANDS.shape


def several_images() -> bytes:
    """As many pipelines write them: an image, its weights and a mask."""
    mask = fits.ImageHDU((BANDS[0] > 1).astype(np.uint8), name="MASK")
    weights = fits.ImageHDU(np.ones_like(BANDS[0]), name="WHT")
    return as_fits(fits.PrimaryHDU(), weights, fits.ImageHDU(BANDS[0], name="SCI"), mask)


def test_of_several_images_none_is_taken_unnamed():
    listed = r"3 images: WHT \(1\), SCI \(2\), MASK \(3\); expected one, or .* \(surveys, extensions\)"
    with pytest.raises(UnusableImageError, match=listed):
        decode(several_images())
    for names in (["SCI"], ["sci"], ["2"]):
        np.testing.assert_array_equal(decode(several_images(), extensions=names), BANDS[:1])
    with pytest.raises(UnusableImageError, match=r"no images of the name ERR .* but WHT \(1\), SCI \(2\)"):
        decode(several_images(), extensions=["SCI", "ERR"])


def test_extensions_are_bands_in_their_order():
    bands = [fits.ImageHDU(band, name=name) for band, name in zip(BANDS, "grz", strict=True)]
    data = as_fits(fits.PrimaryHDU(), *bands)
    with pytest.raises(UnusableImageError, match=r"3 images: G \(1\), R \(2\), Z \(3\)"):
        decode(data)
    np.testing.assert_array_equal(decode(data, extensions=["z", "g"]), BANDS[[2, 0]])
    unlike = as_fits(fits.PrimaryHDU(BANDS[0]), fits.ImageHDU(BANDS[0, :8], name="R"))
    with pytest.raises(UndecodableImageError, match=r"bands of shapes \(1, 24, 32\), \(1, 8, 32\), expected one"):
        decode(unlike, extensions=["PRIMARY", "R"])
    same = as_fits(fits.PrimaryHDU(), *(fits.ImageHDU(BANDS[0], name="SCI") for _ in range(2)))
    with pytest.raises(UnusableImageError, match=r"2 images of the name SCI"):
        decode(same, extensions=["SCI"])


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_truncated_pictures(kind, kept):
    data = encoded(COLOUR, kind)
    with pytest.raises(UndecodableImageError):
        decode(data[: int(len(data) * kept)])


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_truncated_fits(kept):
    data = as_fits(fits.PrimaryHDU(BANDS))
    with pytest.raises(UndecodableImageError):
        decode(data[: int(len(data) * kept)])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>no such layer</html>",
        b"GIF89a" + b"\0" * 100,
        b"\xff\xd8\xff" + b"\0" * 1000,
        b"\xff\xd8\xff<html>",
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 200,
        b"SIMPLE  =                    T" + b" " * 5000,
        as_fits(fits.PrimaryHDU()),
        as_fits(fits.PrimaryHDU(np.zeros(10))),
        as_fits(fits.PrimaryHDU(np.zeros((2, 2, 4, 4)))),
        as_fits(fits.PrimaryHDU(), fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])])),
        as_fits(fits.PrimaryHDU(np.zeros((17, 4, 4)))),
        as_fits(fits.PrimaryHDU(BANDS)).replace(b"NAXIS1  =                   32", b"NAXIS1  =                  -32"),
        as_fits(fits.PrimaryHDU(BANDS)).replace(b"BITPIX  =                  -32", b"BITPIX  =                    7"),
    ],
)
def test_what_is_no_image_has_a_short_reason(data):
    with pytest.raises(UndecodableImageError) as caught:
        decode(data)
    assert 5 < len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "bomb",
    [
        png_header(30_000, 30_000),
        png_header(9000, 20),
        png_header(8192, 8193),
        as_fits(fits.PrimaryHDU(BANDS)).replace(b"NAXIS1  =                   32", b"NAXIS1  =            100000000"),
        as_fits(fits.PrimaryHDU(BANDS)).replace(b"NAXIS3  =                    3", b"NAXIS3  =             10000000"),
        as_fits(fits.PrimaryHDU(), fits.CompImageHDU(np.zeros((1, 8200, 8200), np.int16), compression_type="RICE_1")),
        b"\xff\xd8\xff" + b"\0" * (64 * 2**20),
    ],
    ids=["png", "png-wide", "png-pixels", "fits-wide", "fits-bands", "fits-compressed", "bytes"],
)
def test_bombs_are_refused_before_they_are_unpacked(bomb):
    tracemalloc.start()
    try:
        with pytest.raises(
            UndecodableImageError, match=r"expected at most|exceeds limit of|File may have been truncated"
        ):
            decode(bomb)
        assert tracemalloc.get_traced_memory()[1] < 40 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.full((8, 8, 3), 32, np.uint8), True),
        (np.full((8, 8, 3), (0, 0, 40), np.uint8), True),
        (np.zeros((8, 8), np.uint8), True),
        (np.uint8(np.arange(64) == 63).reshape(8, 8), False),
        (np.full((3, 8, 8), np.nan, np.float32), True),
        (np.array([1, 2, 3], np.float32)[:, None, None].repeat(8, 1).repeat(8, 2), True),
        (COLOUR, False),
        (COLOUR * np.uint8([0, 0, 1]), False),
        (BANDS, False),
        (np.where(np.arange(8) < 4, np.nan, BANDS[:, :8, :8]).astype(np.float32), False),
    ],
)
def test_constant_images(pixels, expected):
    assert is_constant(pixels) is expected
