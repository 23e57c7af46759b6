"""Images with one seeing, one noise and one sky level: what is measured on them afterwards."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from workflow_scripts import find_common_imaging
from workflow_scripts.errors import InputError
from workflow_scripts.images.common_imaging import (
    FWHM,
    ImagingOfImage,
    common_values,
    measured_on_corners,
    with_common_imaging,
)
from workflow_scripts.images.imaging_table import ImagingTable
from workflow_scripts.tables import recorded_config

SIZE = 96


def star(fwhm: float, noise: float, sky: float, seed: int, flux: float = 500.0) -> np.ndarray:
    """One band (1, H, W) with a Gaussian star of a width in pixels, white noise and a sky level."""
    pixels = np.zeros((SIZE, SIZE))
    pixels[SIZE // 2, SIZE // 2] = flux
    pixels = ndimage.gaussian_filter(pixels, fwhm / FWHM) if fwhm else pixels
    return (pixels + sky + noise * np.random.default_rng(seed).normal(size=pixels.shape))[None].astype(np.float32)


def imaging(fwhm, noise, sky) -> ImagingOfImage:
    return ImagingOfImage(fwhm, np.atleast_1d(noise), np.atleast_1d(sky))


def test_corners_give_noise_and_sky_beside_a_bright_galaxy():
    noise, sky = measured_on_corners(star(20, 0.3, 2.0, 0, 1e5))
    assert noise[0] == pytest.approx(0.3, rel=0.1)
    assert sky[0] == pytest.approx(2.0, abs=0.05)
    picture = np.full((64, 64, 3), 20, np.uint8)
    picture[:10, :10] = 255
    noise, sky = measured_on_corners(picture)
    assert noise.tolist() == [0, 0, 0]
    assert sky.tolist() == [20, 20, 20]


def test_a_blurred_star_has_the_common_width_and_white_noise_of_its_own_size():
    own, common = imaging(3.0, 0.3, 2.0), imaging(6.0, 0.9, 5.0)
    stars = [with_common_imaging(star(3, 0.3, 2, n), own, common, ["seeing"], 900 + n)[0] for n in range(40)]
    mean = np.mean(stars, axis=0)
    expected = star(6, 0, 2, 0)[0]
    assert np.abs(mean - expected).max() < 0.35
    corner = np.stack(stars)[:, :24, :24]
    assert corner.std() == pytest.approx(0.3, rel=0.03)
    assert corner.mean() == pytest.approx(2.0, abs=0.01)
    left = corner - corner.mean(axis=(1, 2), keepdims=True)
    # Blurred alone, neighbours would be alike to 0.9.
    assert abs((left[:, 1:] * left[:, :-1]).mean() / left.var()) < 0.04


def test_noise_and_background_become_the_common_ones_and_what_is_worse_stays():
    common = imaging(None, 0.9, 5.0)
    made = with_common_imaging(star(3, 0.3, 2, 1, 0.0), imaging(None, 0.3, 2.0), common, ["noise", "background"], 7)
    assert made.std() == pytest.approx(0.9, rel=0.03)
    assert made.mean() == pytest.approx(5.0, abs=0.05)
    noisy = star(3, 1.4, 2, 1, 0.0)
    np.testing.assert_allclose(
        with_common_imaging(noisy, imaging(None, 1.4, 2.0), common, ["noise"], 7), noisy, atol=1e-5
    )
    wide = with_common_imaging(star(8, 0, 0, 1), imaging(8.0, 0.0, 0.0), imaging(6.0, 0.0, 0.0), ["seeing"], 7)
    np.testing.assert_allclose(wide, star(8, 0, 0, 1), atol=1e-4)


def test_a_picture_stays_a_picture_and_what_is_missing_stays_missing():
    picture = np.clip(star(3, 4, 30, 2, 0.0)[0], 0, 255).astype(np.uint8)
    three = np.stack([picture] * 3, axis=-1)
    own, common = imaging(None, [4.0] * 3, [30.0] * 3), imaging(None, [8.0] * 3, [50.0] * 3)
    made = with_common_imaging(three, own, common, ["noise", "background"], 1)
    assert made.dtype == np.uint8
    assert made.shape == three.shape
    assert made.std() == pytest.approx(8, rel=0.05)
    assert made.mean() == pytest.approx(50, abs=1)
    hole = star(3, 0.3, 2, 1)
    hole[0, :5] = np.nan
    made = with_common_imaging(hole, imaging(3.0, 0.3, 2.0), imaging(6.0, 0.9, 5.0), ["seeing", "noise"], 1)
    np.testing.assert_array_equal(np.isnan(made), np.isnan(hole))


def test_the_worst_is_not_the_last_of_a_hundred():
    seeing = np.append(np.linspace(1, 2, 999), 40.0)
    fwhm, noise, sky = common_values(seeing, np.stack([seeing, seeing], axis=1), np.stack([seeing, -seeing], axis=1))
    assert 1.98 < fwhm < 2.0
    assert noise == pytest.approx([fwhm, fwhm])
    assert sky == pytest.approx([1.5, -1.5], abs=0.01)


def write_tile(path, ids, noise=0.3, scale=0.5, bands=1):
    rows = {"source_id": ids, "pixel_scale_arcsec": scale, "noise": [[noise] * bands] * len(ids)}
    pd.DataFrame(rows | {"sky": [[2.0] * bands] * len(ids)}).to_parquet(path)


def found(folder, seeing):
    pd.DataFrame({"source_id": list(seeing), "psf_fwhm_arcsec": list(seeing.values())}).to_parquet(folder / "g.parquet")
    arguments = ["--tiles", str(folder / "0.parquet"), str(folder / "1.parquet")]
    arguments += ["--galaxies", str(folder / "g.parquet"), "--output", str(folder / "imaging.parquet")]
    find_common_imaging.main(find_common_imaging.parser.parse_args(arguments))
    return folder / "imaging.parquet"


def test_the_table_of_all_images_makes_each_alike(tmp_path):
    write_tile(tmp_path / "0.parquet", ["a", "b"])
    write_tile(tmp_path / "1.parquet", ["c"], noise=0.9)
    table = found(tmp_path, {"a": 1.5, "b": 1.5, "c": 3.0, "other": 9.0})
    common = recorded_config(table)
    assert common["fwhm_arcsec"] == pytest.approx(2.97)
    assert json.dumps(common["sky"]) == "[2.0]"
    alike = ImagingTable(table, ["seeing", "noise"], ["a", "c"])
    # 1.5 arcsec are 3 pixels.
    made = np.mean([alike.alike("a", star(3, 0.3, 2, n)) for n in range(20)], axis=0)[0]
    assert made[SIZE // 2, SIZE // 2] == pytest.approx(star(5.94, 0, 2, 0)[0, SIZE // 2, SIZE // 2], rel=0.1)
    np.testing.assert_array_equal(alike.alike("a", star(3, 0.3, 2, 1)), alike.alike("a", star(3, 0.3, 2, 1)))
    with pytest.raises(InputError, match="lacks b"):
        alike.alike("b", star(3, 0.3, 2, 1))
    with pytest.raises(InputError, match="a: 2 bands, expected 1"):
        alike.alike("a", np.repeat(star(3, 0.3, 2, 1), 2, axis=0))


def test_images_that_cannot_be_made_alike_are_named(tmp_path):
    write_tile(tmp_path / "0.parquet", ["a", "b"])
    write_tile(tmp_path / "1.parquet", ["c"])
    with pytest.raises(InputError, match=r"g\.parquet: 1 galaxies have no psf_fwhm_arcsec, such as c"):
        found(tmp_path, {"a": 1.5, "b": 1.5})
    write_tile(tmp_path / "1.parquet", ["c"], scale=np.nan)
    with pytest.raises(InputError, match="no pixel scale, such as c"):
        found(tmp_path, {"a": 1.5, "b": 1.5, "c": 1.5})
    write_tile(tmp_path / "1.parquet", ["c"], bands=3)
    with pytest.raises(InputError, match="different numbers of bands"):
        found(tmp_path, {"a": 1.5, "b": 1.5, "c": 1.5})
