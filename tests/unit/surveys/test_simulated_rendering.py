"""Rendered galaxies: flux, orientation, blur and noise are those of the truth; the bytes depend on nothing else."""

import io

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from workflow_scripts.errors import InputError
from workflow_scripts.images.decoding import decode, image_format
from workflow_scripts.surveys.simulated.imaging import EXTINCTION
from workflow_scripts.surveys.simulated.rendering import render_galaxy
from workflow_scripts.surveys.simulated.simulated_survey import SimulatedSurvey, asinh_picture

# A large face-on spiral without noise; tests change what they are about.
GALAXY = {
    "source_id": "sim0000000001",
    "ra": 10.0,
    "dec": 20.0,
    "true_class": 1,
    "magnitude": 15.0,
    "g_r": 0.7,
    "r_i": 0.35,
    "radius_arcsec": 3.0,
    "axis_ratio": 0.8,
    "position_angle_deg": 30.0,
    "sersic_n": 4.0,
    "bulge_fraction": 0.2,
    "arm_count": 2,
    "pitch_angle_deg": 20.0,
    "arm_contrast": 0.8,
    "arm_phase_deg": 40.0,
    "handedness": 1,
    "psf_fwhm_arcsec": 1.2,
    "sky_noise": 0.0,
    "background": 0.0,
    "ebv": 0.0,
    "sky_seed": 1,
}
CUTOUT = {"size_px": 64, "pixel_scale_arcsec": 0.4, "bands": "gri", "encoding": "jpeg", "jpeg_quality": 90}


def drawn(bands="r", size_px=64, scale=0.4, noise_seed=1, **changes):
    galaxy = pd.Series({**GALAXY, **changes})
    return render_galaxy(galaxy, size_px, scale, bands, noise_seed).astype(float)


def moments(image):
    """Second moments (xx, yy, xy) about the centre, pixels, within 20 pixels; x to the right and y up."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] - (image.shape[0] - 1) / 2
    weights = image * (np.hypot(x, y) < 20)
    return [(weights * product).sum() / weights.sum() for product in (x * x, y * y, x * y)]


@pytest.mark.parametrize("kind", [0, 1])
def test_flux_is_that_of_the_magnitude(kind):
    # 256 pixels hold nearly all of it; half of an elliptical's light is outside the half-light radius by definition.
    image = drawn(size_px=256, true_class=kind, sersic_n=2.5)[0]
    flux = image.sum() * 0.4**2
    assert flux == pytest.approx(10 ** (0.4 * (22.5 - 15.0)), rel=0.03)


@pytest.mark.parametrize("kind", [0, 1])
def test_half_of_the_light_is_inside_the_half_light_radius(kind):
    image = drawn(size_px=256, true_class=kind, psf_fwhm_arcsec=0.6, axis_ratio=1.0, bulge_fraction=0.0, arm_contrast=0)
    y, x = (np.mgrid[:256, :256] - 127.5) * 0.4
    inside = image[0][np.hypot(x, y) < 3.0].sum() / image[0].sum()
    assert inside == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("kind", [0, 1])
def test_worse_seeing_is_broader_by_the_seeing(kind):
    widths = [sum(moments(drawn(true_class=kind, psf_fwhm_arcsec=fwhm)[0])[:2]) for fwhm in (1.0, 1.5, 2.0)]
    assert widths[0] < widths[1] < widths[2]
    # Moments within an aperture see less than the whole broadening, but the most of it.
    gaussian = 2 * (2.0**2 - 1.0**2) / 2.3548**2 / 0.4**2
    assert 0.4 * gaussian < widths[2] - widths[0] < 2.5 * gaussian


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("angle", [20.0, 70.0, 110.0, 160.0])
def test_position_angle_runs_from_north_through_east(kind, angle):
    """FITS convention: the first row is the southernmost, east is on the left."""
    image = drawn(true_class=kind, axis_ratio=0.4, position_angle_deg=angle, arm_contrast=0.0)[0]
    xx, yy, xy = moments(image)
    from_north_to_left = np.degrees(0.5 * np.arctan2(-2 * xy, yy - xx)) % 180
    assert from_north_to_left == pytest.approx(angle, abs=2)


def test_extinction_dims_and_reddens_each_band_by_its_coefficient():
    clear, dusty = drawn("gri"), drawn("gri", ebv=0.2)
    lost = -2.5 * np.log10(dusty.sum(axis=(1, 2)) / clear.sum(axis=(1, 2)))
    np.testing.assert_allclose(lost, [0.2 * EXTINCTION[band] for band in "gri"], rtol=1e-4)


def test_background_is_added_to_every_pixel():
    np.testing.assert_allclose(drawn("gri", background=0.3) - drawn("gri"), 0.3, atol=1e-4)


def test_noise_is_white_and_of_the_size_requested():
    difference = drawn(sky_noise=0.2, noise_seed=5)[0] - drawn()[0]
    # sky_noise is for a square arcsec; a pixel of 0.4 arcsec averages less sky.
    assert difference.std() == pytest.approx(0.2 / 0.4, rel=0.05)
    assert abs(np.corrcoef(difference[:, 1:].ravel(), difference[:, :-1].ravel())[0, 1]) < 0.06


def test_noise_follows_its_seed_and_not_the_number_of_bands():
    first, again, other = (drawn(sky_noise=0.2, noise_seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    everything = drawn("gri", sky_noise=0.2)
    correlation = np.corrcoef((everything - drawn("gri")).reshape(3, -1))
    assert np.all(np.abs(correlation[np.triu_indices(3, 1)]) < 0.06)


def test_arms_wind_the_other_way_with_the_other_handedness():
    """Mirrored galaxy, mirrored image: handedness is the only difference."""
    settings = {"axis_ratio": 1.0, "position_angle_deg": 0.0, "arm_phase_deg": 0.0}
    left, right = (drawn(handedness=handedness, **settings)[0] for handedness in (1, -1))
    np.testing.assert_allclose(right, left[:, ::-1], rtol=0.01, atol=0.01 * left.max())
    assert np.abs(left - right).max() > 0.05 * left.max()


def test_arms_are_bluer_and_bulges_redder():
    image = drawn("gri", axis_ratio=1.0)
    colour = image[0] / image[1]
    centre, outside = colour[31:33, 31:33].mean(), colour[32, 42:48].mean()
    assert outside > 1.1 * centre


def sky_of(n):
    rows = [
        {**GALAXY, "source_id": f"sim{number:010d}", "true_class": number % 2, "sky_noise": 0.1, "background": 0.05}
        for number in range(n)
    ]
    return pd.DataFrame(rows)


def results_of(tmp_path, requests, **cutout):
    survey = SimulatedSurvey({"kind": "simulated", "cutout": {**CUTOUT, **cutout}}, tmp_path / "truth.parquet")
    return {result.source_id: result for result in survey.cutouts(requests)}


@pytest.mark.parametrize(
    ("cutout", "name", "shape"),
    [
        ({}, "jpeg", (64, 64, 3)),
        ({"bands": "r", "size_px": 40}, "jpeg", (40, 40)),
        ({"encoding": "fits"}, "fits", (3, 64, 64)),
        ({"encoding": "fits", "bands": "r", "size_px": 33}, "fits", (1, 33, 33)),
    ],
)
def test_images_decode_at_the_size_requested(tmp_path, cutout, name, shape):
    sky = sky_of(2)
    sky.to_parquet(tmp_path / "truth.parquet")
    found = results_of(tmp_path, sky, **cutout)
    assert sorted(found) == sky["source_id"].tolist()
    for result in found.values():
        assert (result.outcome, result.image_format, result.attempts) == ("delivered", name, 1)
        assert image_format(result.image) == name
        assert decode(result.image).shape == shape


def test_bytes_do_not_depend_on_order_or_on_the_others(tmp_path):
    sky = sky_of(8)
    sky.to_parquet(tmp_path / "truth.parquet")
    forward = results_of(tmp_path, sky)
    for requests in (sky.iloc[::-1], sky.iloc[[5]], sky.iloc[[6, 1]]):
        for source_id, result in results_of(tmp_path, requests).items():
            assert result == forward[source_id]
    # The rows differ in nothing but their name, so what differs is their noise.
    assert forward["sim0000000001"].image != forward["sim0000000003"].image


def test_another_sky_has_other_noise(tmp_path):
    sky = sky_of(2)
    images = []
    for seed in (1, 2):
        sky.assign(sky_seed=seed).to_parquet(tmp_path / "truth.parquet")
        images.append(results_of(tmp_path, sky)["sim0000000001"].image)
    assert images[0] != images[1]


def test_no_requests_no_responses(tmp_path):
    sky_of(1).to_parquet(tmp_path / "truth.parquet")
    assert results_of(tmp_path, sky_of(1).head(0)) == {}


def test_a_galaxy_that_is_not_in_the_truth_is_an_input_error(tmp_path):
    sky_of(2).to_parquet(tmp_path / "truth.parquet")
    with pytest.raises(InputError, match=r"truth\.parquet: has 2 of the 3 galaxies"):
        results_of(tmp_path, sky_of(3))


def test_fits_header_records_unit_bands_and_scale(tmp_path):
    sky = sky_of(1)
    sky.to_parquet(tmp_path / "truth.parquet")
    header = fits.getheader(io.BytesIO(results_of(tmp_path, sky, encoding="fits")["sim0000000000"].image))
    assert (header["BUNIT"], header["BANDS"], header["PIXSCALE"]) == ("nmgy/arcsec2", "gri", 0.4)


def test_stretch_is_the_same_for_every_image():
    """A pixel's picture depends on that pixel alone: no scaling by the image's own brightest or noise."""
    random = np.random.default_rng(0)
    faint = random.uniform(0, 1, (3, 16, 16)).astype(np.float32)
    bright = faint.copy()
    bright[:, 0, 0] = 500.0
    np.testing.assert_array_equal(asinh_picture(faint, "gri")[1:], asinh_picture(bright, "gri")[1:])
    assert asinh_picture(bright, "gri")[0, 0].max() == 255


def test_reddest_band_is_shown_as_red():
    pixels = np.zeros((3, 8, 8), np.float32)
    pixels[2] = 2.0
    picture = asinh_picture(pixels, "gri")
    assert picture[..., 0].min() > picture[..., 1].max()
    assert asinh_picture(pixels[:1], "r").shape == (8, 8)


@pytest.mark.parametrize("kind", [0, 1])
def test_surface_brightness_does_not_depend_on_the_size_of_the_cutout(kind):
    """A galaxy larger than its cutout is cut, not squeezed into it."""
    small, large = (drawn(size_px=size, true_class=kind, radius_arcsec=8.0)[0] for size in (64, 160))
    np.testing.assert_allclose(small, large[48:112, 48:112], atol=0.01 * large.max())
    np.testing.assert_allclose(small[0], large[48, 48:112], rtol=0.03)


def test_pictures_have_north_up_and_east_left(tmp_path):
    sky = sky_of(2).assign(axis_ratio=0.4, position_angle_deg=45.0, sky_noise=0.01, arm_contrast=0.1)
    sky.to_parquet(tmp_path / "truth.parquet")
    for result in results_of(tmp_path, sky).values():
        picture = decode(result.image).astype(float).sum(axis=-1)
        # Row 0 is the top of a picture: north-east is the upper left quarter.
        assert picture[10:26, 10:26].mean() > 1.5 * picture[38:54, 10:26].mean()
