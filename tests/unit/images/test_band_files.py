"""Several FITS files as one, and each of them as it was."""

import hashlib
import io

import numpy as np
import pytest
from astropy.io import fits

from workflow_scripts.images.band_files import is_packed, packed, unpacked
from workflow_scripts.images.decoding import UndecodableImageError, decode, image_format

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
