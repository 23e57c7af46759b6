"""Files of bricks: what is believed of them, and the pixels that are cut out."""

import io

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from tests.unit.surveys.bricks_of_noise import BRICK, EAST, PIXEL_SCALE, SIDE_PX, file_of, noise, position_in
from workflow_scripts.images.decoding import decode
from workflow_scripts.images.fits_files import UndecodableImageError
from workflow_scripts.surveys.bricks.brick_images import NoPixelsError, WrongBrickError, as_fits, cut, read_brick_image

WHOLE = file_of()


def read(data: bytes, brick=BRICK, band="g", pixel_scale=PIXEL_SCALE):
    return read_brick_image(data, brick, band, pixel_scale)


def with_card(data: bytes, name: str, value: object) -> bytes:
    """A file in whose compressed image a card has another value, and nothing else is touched."""
    start = data.index(f"{name:8}=".encode(), 2880)
    return data[:start] + f"{name:8}= {value!s:>20}".ljust(80).encode() + data[start + 80 :]


def test_a_whole_file_has_the_pixels_of_the_brick():
    image = read(WHOLE)
    assert image.pixels.shape == (SIDE_PX, SIDE_PX)
    # As close as the quantization of the compression, 0.001, leaves them.
    assert np.abs(image.pixels - noise(ord("g"))).max() < 6e-4


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 0.8, 0.99, 0.9999])
def test_a_file_that_was_cut_is_refused(share):
    with pytest.raises(UndecodableImageError):
        read(WHOLE[: int(len(WHOLE) * share)])


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.8])
def test_a_file_that_was_cut_and_filled_up_is_refused(share):
    cut_file = WHOLE[: int(len(WHOLE) * share)]
    with pytest.raises(UndecodableImageError):
        read(cut_file + bytes(len(WHOLE) - len(cut_file)))


def test_a_byte_that_is_another_is_found_by_the_sum():
    middle = len(WHOLE) * 3 // 4
    with pytest.raises(UndecodableImageError):
        read(WHOLE[:middle] + bytes([WHOLE[middle] ^ 1]) + WHOLE[middle + 1 :])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZNAXIS1", 999_999_999),
        ("ZNAXIS1", -5),
        ("ZTILE1", 2**31 - 1),
        ("ZTILE2", 0),
        ("ZBITPIX", 17),
        ("NAXIS2", 10**9),
        ("PCOUNT", 10**12),
        ("ZCMPTYPE", "'NOTHING '"),
        ("ZNAXIS", 3),
    ],
)
def test_a_header_that_lies_of_its_size_is_refused(name, value):
    with pytest.raises(UndecodableImageError):
        read(with_card(WHOLE, name, value))


@pytest.mark.parametrize(
    "data", [b"", b"<html>Back soon.</html>", b"SIMPLE  =", as_fits(noise(1)[None], fits.Header(), "", {})]
)
def test_what_is_no_compressed_image_is_refused(data):
    with pytest.raises(UndecodableImageError):
        read(data)


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        ({"BRICKNAM": EAST.name}, f"BRICKNAM is {EAST.name}, expected {BRICK.name}"),
        ({"FILTER": "r"}, "FILTER is r, expected g"),
        ({"CRVAL1": BRICK.ra + 0.01}, "its centre is 27 arcsec from that of brick"),
        ({"CRPIX2": 1.0}, "its centre is"),
        ({"CRVAL2": float(BRICK.dec) - 90.0}, "its centre is"),
        ({"CDELT1": PIXEL_SCALE / 3600}, "its pixels go"),
        ({"CDELT2": PIXEL_SCALE / 3600 * 1.01}, "its pixels go"),
        ({"PC1_1": 0.0, "PC1_2": 1.0, "PC2_1": -1.0, "PC2_2": 0.0}, "its pixels go"),
        ({"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"}, "the projection is"),
        ({"CTYPE1": "", "CTYPE2": ""}, "the projection is"),
    ],
)
def test_a_file_whose_place_on_the_sky_lies_is_refused(cards, reason):
    with pytest.raises(WrongBrickError, match=reason):
        read(file_of(**cards))


def test_a_brick_with_another_scale_than_expected_is_refused():
    with pytest.raises(WrongBrickError, match="its pixels go"):
        read(WHOLE, pixel_scale=0.262)


@pytest.mark.parametrize("size_px", [16, 17])
@pytest.mark.parametrize(("x", "y"), [(45.1, 45.2), (30.4, 50.3), (8.6, 80.8), (20.49, 12.51)])
def test_cut_pixels_are_those_of_the_brick_in_their_place(x, y, size_px):
    images = {band: read(file_of(band=band), band=band) for band in "gr"}
    ra, dec = position_in(BRICK, x, y)
    pixels, place = cut(images, ra, dec, size_px)
    left, bottom = (int(np.ceil(middle - size_px / 2)) for middle in (x, y))
    for plane, image in zip(pixels, images.values(), strict=True):
        assert (plane == image.pixels[bottom : bottom + size_px, left : left + size_px]).all()
    found = WCS(place).wcs_world2pix([[ra, dec]], 0)[0]
    assert found == pytest.approx([x - left, y - bottom], abs=1e-6)
    assert np.abs(found - (size_px - 1) / 2).max() <= 0.5 + 1e-6


def test_the_file_of_a_cutout_records_what_it_was_cut_from_and_has_the_same_bytes_every_time():
    images = {band: read(file_of(band=band), band=band) for band in "gr"}
    pixels, place = cut(images, *position_in(BRICK, 40, 40), 16)
    files = {as_fits(pixels, place, BRICK.name, {"g": "0" * 64, "r": "f" * 64}) for _ in range(2)}
    assert len(files) == 1
    (data,) = files
    header = fits.getheader(io.BytesIO(data))
    assert [header[key] for key in ("BANDS", "BRICK", "SHA256G", "SHA256R")] == ["gr", BRICK.name, "0" * 64, "f" * 64]
    assert (decode(data) == pixels).all()


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [(1, 45, "44% of the image is beyond the edge"), (45, 89.4, "44%|50%"), (150, 45, "outside its brick's image")],
)
def test_a_cutout_beyond_the_edge_of_its_brick_has_no_pixels(x, y, reason):
    with pytest.raises(NoPixelsError, match=reason):
        cut({"g": read(WHOLE)}, *position_in(BRICK, x, y), 16)


def test_where_the_survey_ends_within_a_brick_cutouts_are_as_of_other_services():
    pixels = noise(5)
    pixels[:45] = 0
    image = {"g": read(file_of(pixels=pixels))}
    cut(image, *position_in(BRICK, 45, 60), 16)
    with pytest.raises(NoPixelsError, match="31% of the image is empty"):
        cut(image, *position_in(BRICK, 45, 48), 16)
    with pytest.raises(NoPixelsError, match="outside the survey"):
        cut(image, *position_in(BRICK, 45, 20), 16)
