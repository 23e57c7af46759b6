"""The bricks of the server: where the survey has them, with the galaxies of its sky in their places."""

import io

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from tests.services.coverage import is_covered
from tests.services.protocols import bricks
from tests.unit.services.client import get

FILE = "{folder}/{name}/legacysurvey-{again}-image-{band}.fits.fz"


def fetched_file(server, name: str, band: str = "r", folder: str | None = None, again: str | None = None):
    path = FILE.format(folder=folder or name[:3], name=name, again=again or name, band=band)
    return get(f"{server.url('bricks')}/{path}")


@pytest.fixture(scope="module")
def galaxy(sky) -> tuple[str, float, float]:
    """A brick with a galaxy well inside it, and the galaxy's position."""
    for index in np.flatnonzero(is_covered("legacy", sky.ra, sky.dec) & (sky.dec > 0)):
        ra, dec = float(sky.ra[index]), float(sky.dec[index])
        row = round((dec + 90) * 4) / 4 - 90
        tenths = f"p{int(row * 10 + 1e-6):03d}"
        names = [f"{int(ra * 10) + step:04d}{tenths}" for step in range(-2, 3)]
        found = [(name, bricks.centre_of(name)) for name in names if bricks.centre_of(name)]
        for name, centre in found:
            away = np.hypot((ra - centre[0]) * np.cos(np.radians(dec)), dec - centre[1])
            if away < 0.1 and is_covered("legacy", *centre):
                return name, ra, dec
    raise AssertionError("no galaxy lies inside a brick")


def test_a_galaxy_is_where_the_header_has_it(server, galaxy):
    name, ra, dec = galaxy
    response = fetched_file(server, name)
    assert response.status_code == 200
    with fits.open(io.BytesIO(response.content)) as hdus:
        image, header = hdus[1].data, hdus[1].header
    x, y = np.rint(WCS(header).wcs_world2pix([[ra, dec]], 0)[0]).astype(int)
    assert (header["BRICKNAM"], header["FILTER"]) == (name, "r")
    assert image[y - 1 : y + 2, x - 1 : x + 2].max() > 10 * bricks.NOISE
    assert fetched_file(server, name).content == response.content


@pytest.mark.parametrize(
    "changed", [{"band": "y"}, {"folder": "999"}, {"again": "0001p000"}, {"name": "0002p000"}, {"name": "2660m290"}]
)
def test_what_there_is_not_is_not_found(server, galaxy, changed):
    assert fetched_file(server, **{"name": galaxy[0], **changed}).status_code == 404
