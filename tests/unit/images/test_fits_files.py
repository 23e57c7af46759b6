"""Several FITS files as one, each of them as it was; and from the values of a Pan-STARRS stack to nanomaggies."""

import hashlib
import io
import math

import numpy as np
import pytest
from astropy.io import fits

from workflow_scripts.images.decoding import decode, image_format
from workflow_scripts.images.fits_files import UndecodableImageError, is_packed, nanomaggies, packed, unpacked

BANDS = np.random.default_rng(0).normal(size=(3, 6, 5)).astype(np.float32)


def as_fits(pixels: np.ndarray, **cards: float) -> bytes:
    buffer = io.BytesIO()
    fits.PrimaryHDU(pixels, fits.Header(list(cards.items()))).writeto(buffer)
    return buffer.getvalue()


FILES = {band: as_fits(pixels) for band, pixels in zip("irg", BANDS, strict=True)}


def test_every_file_comes_back_as_it_was():
    assert list(unpacked(packed(FILES)).items()) == list(FILES.items())
    assert packed(FILES) == packed(dict(FILES))
    assert is_packed(packed(FILES))
    assert not is_packed(FILES["i"])


def test_astropy_alone_tells_the_files_apart():
    with fits.open(io.BytesIO(packed(FILES))) as hdus:
        hdus.verify("exception")
        for hdu, (band, data) in zip(hdus[1:], FILES.items(), strict=True):
            assert hdu.header["BAND"] == band
            assert hdu.header["SHA256"] == hashlib.sha256(data).hexdigest()
            np.testing.assert_array_equal(fits.getdata(io.BytesIO(hdu.data)), BANDS["irg".index(band)])


def test_decoded_bands_are_from_blue_to_red():
    assert image_format(packed(FILES)) == "fits"
    np.testing.assert_array_equal(decode(packed(FILES)), BANDS[::-1])


def test_every_band_has_its_own_exposure():
    files = {
        band: as_fits(pixels, EXPTIME=10 * 2**k) for k, (band, pixels) in enumerate(zip("ir", BANDS, strict=False))
    }
    expected = np.stack([BANDS[1] / 20, BANDS[0] / 10]) / 10
    np.testing.assert_allclose(decode(packed(files), of_stack=True), expected, rtol=1e-6)


def test_what_is_not_as_it_was_received_is_refused():
    whole = packed(FILES)
    changed = bytearray(whole)
    # A pixel of the first file, behind the header of the whole, that of its HDU and its own.
    changed[3 * 2880 + 1] ^= 1
    cases = {
        "band 'i' is not the one that was received": bytes(changed),
        "not a whole FITS file": whole[:-2880],
        "a FITS file of bands without any": packed({}),
        "bands of shapes": packed({**FILES, "g": as_fits(BANDS[2, :4])}),
        "without an image": packed({**FILES, "g": as_fits(BANDS[2, 0])}),
        "pixels, expected at most": packed({band: as_fits(BANDS[0]) for band in "abcdefghijklmnopq"}),
    }
    for message, data in cases.items():
        with pytest.raises(UndecodableImageError, match=message):
            decode(data)


@pytest.mark.parametrize(
    "hdu",
    [
        fits.ImageHDU(BANDS),
        fits.ImageHDU(np.arange(9, dtype=np.int16)),
        fits.CompImageHDU(np.zeros((400, 400), np.uint8)),
        fits.ImageHDU(),
    ],
    ids=["cube", "int16", "compressed", "empty"],
)
def test_what_is_no_row_of_bytes_is_no_file(hdu):
    with fits.open(io.BytesIO(packed(FILES))) as hdus:
        buffer = io.BytesIO()
        fits.HDUList([*hdus, hdu]).writeto(buffer)
    with pytest.raises(UndecodableImageError, match="is no row of bytes"):
        decode(buffer.getvalue())


def test_a_packed_file_in_a_packed_file_is_no_image():
    with pytest.raises(UndecodableImageError, match="without an image"):
        decode(packed({"i": packed(FILES)}))


def test_no_band_comes_twice():
    with fits.open(io.BytesIO(packed(FILES))) as hdus:
        hdus[2].header["BAND"] = "i"
        buffer = io.BytesIO()
        hdus.writeto(buffer)
    with pytest.raises(UndecodableImageError, match="two files of band 'i'"):
        unpacked(buffer.getvalue())


FLUX = np.array([[-0.3, 0.0, 0.02], [1.0, 55.5, 4e4]], np.float32)


def test_magnitude_25_is_one_count_a_second():
    magnitude = 22.5 - 2.5 * math.log10(nanomaggies(np.float32([700.0]), fits.Header([("EXPTIME", 700)]))[0])
    assert magnitude == pytest.approx(25)


@pytest.mark.parametrize(("exposure", "softening", "offset"), [(300, 20.5, 5.0), (1100.5, 3.0, -2.0)])
def test_depth_and_scaling_of_a_stack_leave_no_trace(exposure, softening, offset):
    counts = FLUX.astype(float) * 10 * exposure
    cards = [("EXPTIME", exposure), ("BSOFTEN", softening), ("BOFFSET", offset)]
    # As the survey's pipeline writes stacks: 2.5 log10(e) asinh((L - BOFFSET) / (2 BSOFTEN)).
    scaled = 2.5 * math.log10(math.e) * np.arcsinh((counts - offset) / (2 * softening))
    np.testing.assert_allclose(nanomaggies(scaled.astype(np.float32), fits.Header(cards)), FLUX, rtol=2e-5, atol=1e-4)
    np.testing.assert_allclose(nanomaggies(counts.astype(np.float32), fits.Header(cards[:1])), FLUX, rtol=1e-6)


def test_pixels_without_a_measurement_stay_without():
    cards = [("EXPTIME", 10.0), ("BSOFTEN", 1.0), ("BOFFSET", 0.0)]
    values = np.float32([np.nan, 1e30])
    assert np.isnan(nanomaggies(values, fits.Header(cards))[0])
    assert np.isinf(nanomaggies(values, fits.Header(cards))[1])


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        ([], "EXPTIME of the FITS header is None, expected a number"),
        ([("EXPTIME", "long")], "EXPTIME .* is 'long', expected a number"),
        ([("EXPTIME", True)], "EXPTIME .* is True"),
        ([("EXPTIME", 0.0)], "EXPTIME .* is 0.0, expected more than 0"),
        ([("EXPTIME", 10), ("BSOFTEN", 1.0)], "BOFFSET .* is None"),
        ([("EXPTIME", 10), ("BOFFSET", 1.0)], "BSOFTEN .* is None"),
        ([("EXPTIME", 10), ("BOFFSET", 1.0), ("BSOFTEN", -1.0)], "BSOFTEN .* more than 0"),
    ],
)
def test_headers_without_what_is_needed(cards, message):
    with pytest.raises(UndecodableImageError, match=message):
        nanomaggies(FLUX, fits.Header(cards))
