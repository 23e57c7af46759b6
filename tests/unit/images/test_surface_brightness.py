"""The default stretch has one unit: a galaxy and the sky look the same at any pixel scale and in any unit of flux."""

import galsim
import numpy as np
import pytest
from astropy.io import fits

from tests.unit.images.test_decoding import as_fits
from workflow_scripts.images.decoding import decode, sky_pixels
from workflow_scripts.images.fits_files import UndecodableImageError, UnusableImageError
from workflow_scripts.images.recipes import apply_recipe
from workflow_scripts.surveys.simulated.simulated_survey import SimulatedSurvey

HALF_LIGHT_ARCSEC = 4.0
FWHM_ARCSEC = 1.3
RECIPE = {"channels": 1, "crop_fraction": 1.0, "resample": "nearest"}
# A pixel of Legacy Surveys, of SDSS, of Pan-STARRS, and of the simulated survey.
SCALES = [0.262, 0.396, 0.25, 0.4]


def galaxy(scale: float, magnitude: float = 17.0) -> np.ndarray:
    """(129, 129) nanomaggies a pixel of an exponential galaxy in seeing, without noise."""
    flux = 10 ** (0.4 * (22.5 - magnitude))
    profile = galsim.Exponential(half_light_radius=HALF_LIGHT_ARCSEC, flux=flux)
    seen = galsim.Convolve(profile, galsim.Moffat(beta=3.5, fwhm=FWHM_ARCSEC))
    return seen.drawImage(nx=129, ny=129, scale=scale).array


def placed(pixels: np.ndarray, scale: float, unit: str = "") -> bytes:
    """A FITS with a pixel scale in its header, where `scale` is not 0, and a unit."""
    image = fits.PrimaryHDU(pixels.astype(np.float32))
    if scale:
        image.header.update({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 60.0})
        image.header.update({"CRPIX1": 65.0, "CRPIX2": 65.0, "CDELT1": -scale / 3600, "CDELT2": scale / 3600})
    if unit:
        image.header["BUNIT"] = unit
    return as_fits(image)


def greys(pixels: np.ndarray, scale: float) -> tuple[int, int, int]:
    """Grey levels of the sky, at the half-light radius and at the centre, by the default recipe."""
    picture = apply_recipe(pixels, {**RECIPE, "size_px": 129})[..., 0]
    return int(picture[0, 0]), int(picture[64, 64 + round(HALF_LIGHT_ARCSEC / scale)]), int(picture[64, 64])


@pytest.mark.parametrize("scale", SCALES)
def test_an_exponential_galaxy_of_17_mag_has_the_same_greys_at_any_pixel_scale(scale):
    sky, half_light, centre = greys(sky_pixels(placed(galaxy(scale), scale)), scale)
    assert abs(sky - 44) <= 1
    # A pixel's rounding of the radius.
    assert half_light == pytest.approx(140, abs=3)
    assert centre == pytest.approx(202, abs=1)


@pytest.mark.parametrize(
    ("unit", "in_unit"),
    [
        ("", lambda flux, area: flux),
        ("nanomaggy", lambda flux, area: flux),
        ("nanomaggies", lambda flux, area: flux),
        ("nmgy/pix", lambda flux, area: flux),
        ("nmgy/arcsec2", lambda flux, area: flux / area),
        ("Jy", lambda flux, area: flux * 3.631e-6),
        ("uJy/pixel", lambda flux, area: flux * 3.631),
        ("mJy arcsec**-2", lambda flux, area: flux * 3.631e-3 / area),
        ("MJy/sr", lambda flux, area: flux * 3.631e-12 / area * (180 / np.pi * 3600) ** 2),
    ],
)
def test_units_of_headers(unit, in_unit):
    flux = galaxy(0.396)
    expected = flux[::-1] / 0.396**2
    found = sky_pixels(placed(in_unit(flux, 0.396**2), 0.396, unit))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_scale_of_the_survey_counts_before_that_of_the_header():
    values = np.ones((4, 4))
    assert sky_pixels(placed(values, 0.0), pixel_scale=0.5)[0, 0, 0] == 4
    assert sky_pixels(placed(values, 0.25), pixel_scale=0.5)[0, 0, 0] == 4
    assert sky_pixels(placed(values, 0.25))[0, 0, 0] == pytest.approx(16, rel=1e-5)
    assert sky_pixels(placed(values, 0.25), surface_brightness=False)[0, 0, 0] == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (placed(galaxy(0.4), 0.0), r"the pixel scale is not known .*recipes, stretch\.unit: file"),
        (placed(galaxy(0.4), 0.4, "adu"), r"they are in 'adu' \(BUNIT\); expected FITS in nanomaggies or Jy"),
        (placed(galaxy(0.4), 0.4, "Jy/beam"), r"they are in 'Jy/beam'"),
        (placed(galaxy(0.4), 0.4, "no unit at all"), r"they are in 'no unit at all'"),
        (placed(galaxy(0.4), 0.4, "10**99999999 Jy"), r"they are in '10\*\*99999999 Jy'"),
    ],
)
def test_what_has_no_known_brightness_is_refused_unless_the_stretch_is_in_its_unit(data, reason):
    with pytest.raises(UnusableImageError, match=reason):
        sky_pixels(data)
    assert sky_pixels(data, surface_brightness=False).max() == decode(data).max()


@pytest.mark.parametrize("card", ["CRVAL1", "CTYPE1", "BUNIT"])
def test_headers_that_cannot_be_read_are_a_reason_and_no_crash(card):
    data = placed(galaxy(0.4), 0.4, "nmgy")
    start = data.index(card.encode())
    broken = data[: start + 10] + b"'a'b\xff(".ljust(70) + data[start + 80 :]
    with pytest.raises(UndecodableImageError) as caught:
        sky_pixels(broken)
    assert "\n" not in str(caught.value)


def test_the_simulated_survey_gives_the_unit_of_the_stretch():
    pixels = (galaxy(0.4)[None] / 0.4**2).astype(np.float32)
    cutout = {"size_px": 129, "pixel_scale_arcsec": 0.4, "bands": "r", "encoding": "fits"}
    data, _ = SimulatedSurvey({"cutout": cutout}, "truth.parquet")._encoded(pixels)
    np.testing.assert_array_equal(sky_pixels(data), pixels[:, ::-1])
