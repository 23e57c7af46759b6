"""Every service of cutouts responds as the real one is known to."""

from io import BytesIO

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from mocpy import MOC

from tests.services.coverage import NSIDE, covered_pixels, is_covered
from tests.services.image_files import comment_of
from tests.unit.services.client import NOWHERE, get, pixels_of, post
from workflow_scripts.images.decoding import decode


@pytest.mark.parametrize(("requested", "given"), [(128, 128), (40, 64), (4096, 2048)])
def test_imgcutout_clamps_sizes_silently(server, place, requested, given):
    response = get(server.url("imgcutout"), **place, scale=0.4, width=requested, height=96)
    assert response.status_code == 200
    assert pixels_of(response).shape == (96, given, 3)


def test_imgcutout_does_not_mind_upper_and_lower_case(server, place):
    url = server.url("imgcutout")
    assert get(url.replace("SkyServerWS", "SkyserverWS"), **place).content == get(url, **place).content


def test_imgcutout_takes_sexagesimal_positions(server):
    ra, dec = {"ra": "12:00:00.0", "dec": "+40:30:00"}, {"ra": "180.0", "dec": "40.5"}
    assert get(server.url("imgcutout"), **ra).content == get(server.url("imgcutout"), **dec).content


def test_imgcutout_outside_the_footprint_is_404_with_a_jpeg(server):
    response = get(server.url("imgcutout"), **NOWHERE)
    assert (response.status_code, response.headers["Content-Type"]) == (404, "image/jpeg")
    assert "outside the SDSS footprint" in response.reason
    assert pixels_of(response).shape == (128, 128, 3)


def test_imgcutout_just_outside_is_black_and_at_the_edge_partly_black(server):
    black = get(server.url("imgcutout"), **_beyond_the_edge(5 / 60), scale=0.4)
    assert black.status_code == 200
    assert (pixels_of(black) == 0).all()
    half = pixels_of(get(server.url("imgcutout"), **_beyond_the_edge(0), scale=0.4))
    assert 0.2 < (half.max(axis=2) < 3).mean() < 0.95


def _beyond_the_edge(degrees: float) -> dict[str, float]:
    """South of the covered sky by so much."""
    dec = 0.0
    while is_covered("sdss", 180.0, dec):
        dec -= 0.001
    return {"ra": 180.0, "dec": dec - degrees}


@pytest.mark.parametrize(
    "values",
    [{}, {"ra": "12"}, {"ra": "x", "dec": "1"}, {"ra": "1", "dec": "2", "width": "1.5"}, {"ra": "nan", "dec": 1}],
)
def test_imgcutout_tells_bad_parameters_in_json(server, values):
    response = get(server.url("imgcutout"), **values)
    assert response.status_code == 400
    assert response.json()["ErrorCode"] == 400


def test_overlays_change_the_pixels(server, place):
    plain, grid = (pixels_of(get(server.url("imgcutout"), **place, opt=letters)) for letters in ("", "G"))
    assert (plain != grid).any()


def test_names_of_stacks_repeat_the_positions_of_an_upload(server, place):
    lines = f"{place['ra']} {place['dec']}\n266.0 -45.0\n150.10000 2.20\n"
    response = post(server.url("ps1filenames"), data={"filters": "ri", "type": "stack"}, files={"file": lines})
    header, *rows = response.text.splitlines()
    assert header.split()[-1] == "badflag"
    assert [row.split()[2:5] for row in rows] == [
        [*position, band] for position in ([place["ra"], place["dec"]], ["150.10000", "2.20"]) for band in "ri"
    ]


def test_no_stacks_are_a_header_without_rows(server):
    response = get(server.url("ps1filenames"), ra=10, dec=-45)
    assert response.status_code == 200
    assert len(response.text.splitlines()) == 1


def _stacks(server, place) -> dict[str, str]:
    rows = get(server.url("ps1filenames"), **place, filters="gri").text.splitlines()[1:]
    return {row.split()[4]: row.split()[7] for row in rows}


def test_fitscut_gives_pictures_stretched_each_by_itself_and_fits(server, place):
    stacks = _stacks(server, place)
    colours = {"red": stacks["i"], "green": stacks["r"], "blue": stacks["g"]}
    picture = pixels_of(get(server.url("fitscut"), **place, size=120, output_size=60, format="jpg", **colours))
    assert picture.shape == (60, 60, 3)
    assert picture.max() > 240
    with fits.open(
        BytesIO(get(server.url("fitscut"), **place, size=50, format="fits", red=stacks["r"]).content)
    ) as file:
        assert file[0].data.shape == (50, 50)
        assert file[0].header["EXPTIME"] > 0


def test_stacks_differ_in_depth_and_some_are_stored_as_asinh(server):
    """As nanomaggies, the noise of the sky is the same in all of them."""
    headers, noise = [], []
    for ra in np.arange(150.1, 150.6, 0.07):
        place = {"ra": f"{ra:.7f}", "dec": "2.2000000"}
        data = get(server.url("fitscut"), **place, size=60, format="fits", red=_stacks(server, place)["r"]).content
        headers.append(fits.getheader(BytesIO(data)))
        noise.append(np.diff(decode(data, of_stack=True)[0, :8, :8]).std())
    assert len({header["EXPTIME"] for header in headers}) > 1
    assert {"BSOFTEN" in header for header in headers} == {True, False}
    assert np.ptp(noise) < 0.5 * np.mean(noise)


@pytest.mark.parametrize("wrong", [{"red": "/etc/passwd"}, {"red": ""}, {"ra": "150.0", "dec": "-45.0"}, {"size": "x"}])
def test_fitscut_tells_errors_in_short_texts_with_status_200(server, place, wrong):
    response = get(server.url("fitscut"), **{**place, "red": _stacks(server, place)["r"], **wrong})
    assert response.status_code == 200
    assert response.text.startswith("fitscut: error")


def test_legacy_pictures_outside_are_grey_and_fits_files_an_error(server):
    grey = pixels_of(get(server.url("legacy") + "/jpeg-cutout", **NOWHERE, size=100))
    assert (grey == 32).all()
    assert (pixels_of(get(server.url("legacy") + "/jpeg-cutout", ra=10, dec=-80, layer="sdss")) == 22).all()
    assert get(server.url("legacy") + "/fits-cutout", **NOWHERE).status_code == 500


@pytest.mark.parametrize(
    ("values", "status", "text"),
    [({"ra": "1"}, 400, "Need ra,dec keywords"), ({"ra": "1", "dec": "50", "layer": "ls-dr99"}, 200, "no such layer")],
)
def test_legacy_tells_errors_in_html(server, values, status, text):
    response = get(server.url("legacy") + "/cutout.jpg", **values)
    assert (response.status_code, response.text) == (status, text)
    assert response.headers["Content-Type"] == "text/html"


def test_legacy_sizes_are_cut_at_3000(server, place):
    assert pixels_of(get(server.url("legacy") + "/jpeg-cutout", **place, width=4000, height=20)).shape == (20, 3000, 3)


def test_legacy_fits_files_lie_north_up_in_their_wcs(server, place):
    response = get(server.url("legacy") + "/fits-cutout", **place, layer="ls-dr9", size=65, bands="rz")
    assert response.headers["Content-Disposition"].startswith("attachment")
    with fits.open(BytesIO(response.content)) as file:
        assert file[0].data.shape == (2, 65, 65)
        assert file[0].header["BANDS"] == "rz"
        centre = WCS(file[0].header).celestial.pixel_to_world(32, 32)
        assert np.allclose([centre.ra.deg, centre.dec.deg], [float(place["ra"]), float(place["dec"])], atol=1e-7)
        red = file[0].data[0]
    # The same galaxy as in the picture, whose first row is north.
    picture = pixels_of(get(server.url("legacy") + "/jpeg-cutout", **place, layer="ls-dr9", size=65))[:, :, 1]
    assert np.corrcoef(red[::-1].ravel(), picture.ravel())[0, 1] > 0.6


def test_hips2fits_is_blank_where_there_are_no_tiles(server):
    requested = {"hips": "CDS/P/SDSS9/color", "width": 64, "height": 64, "fov": 0.01, **NOWHERE}
    assert (pixels_of(get(server.url("hips2fits"), **requested, format="jpg")) == 0).all()
    requested["hips"] = "CDS/P/DESI-Legacy-Surveys/DR10/r"
    with fits.open(BytesIO(get(server.url("hips2fits"), **requested, format="fits").content)) as file:
        assert np.isnan(file[0].data).all()


def test_percentiles_stretch_even_a_colour_hips(server, place):
    requested = {"hips": "CDS/P/DSS2/color", "width": 64, "height": 64, "fov": 0.01, "format": "png", **place}
    fixed, stretched = (get(server.url("hips2fits"), **requested, **cuts) for cuts in ({}, {"min_cut": "0.5%"}))
    assert pixels_of(fixed).mean() != pixels_of(stretched).mean()
    assert get(server.url("hips2fits_mirror"), **requested).content == fixed.content


@pytest.mark.parametrize("wrong", [{"hips": "SDSS"}, {"fov": ""}, {"width": 10_000}, {"format": "gif"}])
def test_hips2fits_tells_errors_in_json(server, place, wrong):
    requested = {"hips": "CDS/P/SDSS9/color", "width": 9_000, "height": 9_000, "fov": 0.01, "format": "jpg", **place}
    response = get(server.url("hips2fits"), **{**requested, **wrong})
    assert response.status_code == 400
    assert set(response.json()) == {"title", "description"}


def test_mocserver_knows_the_coverage_and_gives_an_empty_moc_for_what_it_does_not_know(server, tmp_path):
    mocs = {}
    for name in ("CDS/P/SDSS9/color", "nothing"):
        path = tmp_path / "moc.fits"
        path.write_bytes(get(server.url("mocserver"), ivorn=name, get="moc", order=6).content)
        mocs[name] = MOC.from_fits(path)
    assert set(mocs["CDS/P/SDSS9/color"].flatten()) == set(np.flatnonzero(covered_pixels("sdss")))
    assert 2 ** mocs["CDS/P/SDSS9/color"].max_order == NSIDE
    assert mocs["nothing"].empty()


@pytest.mark.parametrize("service", ["imgcutout", "legacy"])
def test_a_position_always_gives_the_same_bytes_and_no_other_position_does(server, place, sky, service):
    url = server.url(service) + ("/jpeg-cutout" if service == "legacy" else "")
    first = get(url, **place)
    assert get(url, **place).content == first.content
    assert place["ra"] in comment_of(first.content)
    others = [get(url, ra=ra, dec=dec).content for ra, dec in zip(sky.ra[:30], sky.dec[:30], strict=True)]
    assert len(set(others)) == 30
