"""North up and east left, whatever an image comes from: every path from a source to the array of a network.

Two marks that no turn or mirror leaves in place: a bright corner in the north-east, a fainter one in the south-west.
"""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from tests.services.coverage import is_covered
from tests.services.protocols.bricks import PIXEL_SCALE as BRICK_SCALE
from tests.services.running import running_survey_server
from tests.services.sky_catalog import SkyCatalog
from workflow_scripts import fetch_cutouts, prepare_images
from workflow_scripts.image_checks.acceptance import Wanted, check_image
from workflow_scripts.images.fits_files import UnusableImageError
from workflow_scripts.images.orientation import local_axes, north_up
from workflow_scripts.step import run_step
from workflow_scripts.surveys.simulated.simulated_survey import SimulatedSurvey

SIZE = 32
STRETCH = {"unit": "file", "softening": 0.25, "black": -0.25, "white": 9.0, "weights": None, "keep_colours": False}
RECIPE = {"size_px": SIZE, "channels": 1, "crop_fraction": 1.0, "resample": "nearest", "stretch": STRETCH}
CORNERS = {"NE": (0, 0), "NW": (0, 1), "SE": (1, 0), "SW": (1, 1)}
UPRIGHT = ["NE", "SW"]


def marked(seed: int = 0) -> np.ndarray:
    """(32, 32) as on the sky: row 0 north, column 0 east."""
    sky = np.random.default_rng(seed).normal(0, 0.02, (SIZE, SIZE))
    sky[2:10, 2:10] += 6
    sky[22:30, 22:30] += 2
    return sky.astype(np.float32)


def brightest_corners(image: np.ndarray) -> list[str]:
    half = len(image) // 2
    light = {
        name: image[half * row : half * (row + 1), half * column : half * (column + 1)].mean()
        for name, (row, column) in CORNERS.items()
    }
    return sorted(light, key=light.get)[:1:-1]


def step(module, **options) -> int:
    arguments = [text for key, value in options.items() for text in (f"--{key.replace('_', '-')}", str(value))]
    with pytest.raises(SystemExit) as stopped:
        run_step(module.main, module.parser, arguments)
    return stopped.value.code


def seen_by_networks(folder: Path, survey: dict, galaxies: pd.DataFrame, recipe=RECIPE, **sources) -> np.ndarray:
    """(n, 32, 32) of a survey's galaxies, fetched and prepared by the steps."""
    folder.mkdir(exist_ok=True)
    galaxies.to_parquet(folder / "catalog.parquet")
    access = {"requests_per_second": None, "timeout_seconds": 60.0}
    if survey["kind"] in ("legacy", "panstarrs", "hips2fits", "bricks"):
        sources |= {"access": json.dumps(access), "limits_folder": folder / "limits"}
    survey = survey | {"equal_tiles": 1}
    options = {"survey": json.dumps(survey), "catalog": folder / "catalog.parquet", "tile": 0, **sources}
    assert step(fetch_cutouts, **options, output=folder / "cutouts.parquet", max_failed_share=0) == 0
    outputs = {"array": folder / "tile.npy", "ids": folder / "tile.parquet"}
    assert step(prepare_images, recipe=json.dumps(recipe), cutouts=folder / "cutouts.parquet", **outputs) == 0
    return np.load(folder / "tile.npy")[..., 0]


def catalog_of(names) -> pd.DataFrame:
    ids = [f"g{number:02d}" for number in range(len(names))]
    return pd.DataFrame({"source_id": ids, "ra": 45.0, "dec": 41.0, "file": list(names)})


def header_of(matrix, frame: str = "RA---TAN DEC--TAN", at=(45.0, 41.0)) -> fits.Header:
    """A place on the sky; `matrix` has the steps to east and north of a step in x and y, in pixels of 0.4 arcsec."""
    cards = {f"CTYPE{axis}": name for axis, name in zip((1, 2), frame.split(), strict=True)}
    for axis in (0, 1):
        cards |= {f"CRVAL{axis + 1}": at[axis], f"CRPIX{axis + 1}": (SIZE + 1) / 2}
        cards |= {f"CD{axis + 1}_{column + 1}": matrix[axis][column] * 0.4 / 3600 for column in (0, 1)}
    return fits.Header(cards)


def stored_with(matrix) -> np.ndarray:
    """The marked sky as a file has it whose x and y go so; exact for flips and quarter turns."""
    (east_x, east_y), (north_x, _) = np.asarray(matrix)
    pixels = marked()
    if north_x:  # x runs along north
        pixels = pixels.T
        column_up, row_left = north_x > 0, east_y > 0
    else:
        column_up, row_left = east_x > 0, np.asarray(matrix)[1][1] > 0
    pixels = pixels[:, ::-1] if column_up else pixels
    return np.ascontiguousarray(pixels[::-1] if row_left else pixels)


def file_of(*hdus) -> bytes:
    buffer = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer)
    return buffer.getvalue()


def picture_of(pixels: np.ndarray, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((40 + 30 * pixels).clip(0, 255).astype(np.uint8)).save(buffer, kind)
    return buffer.getvalue()


TURNS = [
    [[x, 0], [0, y]] if straight else [[0, x], [y, 0]] for straight in (True, False) for x in (1, -1) for y in (1, -1)
]


def local_files() -> dict[str, bytes]:
    """Files of one sky, in all the ways in which they lie in the world."""
    bottom_up = marked()[::-1]
    files = {"jpeg.jpg": picture_of(marked(), "JPEG"), "png.png": picture_of(marked(), "PNG")}
    files["no place.fits"] = file_of(fits.PrimaryHDU(bottom_up))
    for matrix in TURNS:
        header = header_of(matrix)
        files[f"turned {matrix}.fits"] = file_of(fits.PrimaryHDU(stored_with(matrix), header))
    north_up = [[-1, 0], [0, 1]]
    mirrored = [[1, 0], [0, 1]]
    files["cube.fits"] = file_of(fits.PrimaryHDU(np.stack([stored_with(mirrored)] * 3), header_of(mirrored)))
    files["extension.fits"] = file_of(fits.PrimaryHDU(), fits.ImageHDU(stored_with(mirrored), header_of(mirrored)))
    lossless = {"compression_type": "GZIP_2", "quantize_level": 0}
    files["packed.fits"] = file_of(
        fits.PrimaryHDU(), fits.CompImageHDU(stored_with(mirrored), header_of(mirrored), **lossless)
    )
    # Old files have a matrix beside the scale, or an angle.
    scale = {f"CDELT{axis}": 0.4 / 3600 for axis in (1, 2)}
    files["pc001001.fits"] = file_of(fits.PrimaryHDU(bottom_up, old_header(scale | {"PC001001": -1.0})))
    half_turn = scale | {"CDELT1": -0.4 / 3600, "CROTA2": 180.0}
    files["crota.fits"] = file_of(fits.PrimaryHDU(marked()[:, ::-1], old_header(half_turn)))
    # Far from its tangent point, a field is turned a little.
    sine, cosine = np.sin(np.radians(8)), np.cos(np.radians(8))
    files["turned by 8 degrees.fits"] = file_of(
        fits.PrimaryHDU(bottom_up, header_of([[-cosine, sine], [sine, cosine]]))
    )
    # Between the two north poles, north of the one is south of the other.
    place = SkyCoord(192.859508, 60.0, unit="deg").galactic
    axes = header_of(north_up, "GLON-TAN GLAT-TAN", (place.l.degree, place.b.degree))
    files["galactic.fits"] = file_of(fits.PrimaryHDU(marked()[:, ::-1], axes))
    for encoding in ("jpeg", "fits"):
        cutout = {"size_px": SIZE, "pixel_scale_arcsec": 0.4, "bands": "r", "encoding": encoding, "jpeg_quality": 90}
        survey = SimulatedSurvey({"cutout": cutout}, "truth.parquet")
        files[f"simulated.{encoding}"], _ = survey._encoded(bottom_up[None])
    return files


def old_header(cards: dict[str, float]) -> fits.Header:
    header = header_of([[-1, 0], [0, 1]])
    for card in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        del header[card]
    header.update(cards)
    return header


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    folder = tmp_path_factory.mktemp("local")
    files = local_files()
    (folder / "files").mkdir()
    for name, data in files.items():
        (folder / "files" / name).write_bytes(data)
    images = seen_by_networks(folder, {"kind": "local", "path": "files"}, catalog_of(files), images=folder / "files")
    return dict(zip(files, images, strict=True))


@pytest.mark.parametrize("name", list(local_files()))
def test_files_on_disk(local, name):
    assert brightest_corners(local[name]) == UPRIGHT
    if name.endswith(".fits") and "8 degrees" not in name:
        np.testing.assert_array_equal(local[name], local["no place.fits"])


def test_of_several_images_in_a_file_a_local_survey_takes_those_it_names(tmp_path):
    sky = fits.ImageHDU(stored_with(TURNS[0]), header_of(TURNS[0]), name="SCI")
    mask = fits.ImageHDU((marked() > 1).astype(np.uint8), name="MASK")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "one.fits").write_bytes(file_of(fits.PrimaryHDU(), mask, sky))
    survey, galaxies = {"kind": "local", "path": "files"}, catalog_of(["one.fits"])
    images = seen_by_networks(tmp_path, survey | {"extensions": ["SCI"]}, galaxies, images=tmp_path / "files")
    assert brightest_corners(images[0]) == UPRIGHT
    galaxies.to_parquet(tmp_path / "catalog.parquet")
    options = {"catalog": tmp_path / "catalog.parquet", "tile": 0, "images": tmp_path / "files"}
    options |= {"survey": json.dumps(survey | {"equal_tiles": 1}), "output": tmp_path / "again.parquet"}
    assert step(fetch_cutouts, **options, max_failed_share=1) == 0
    (row,) = pq.read_table(tmp_path / "again.parquet").to_pylist()
    assert row["outcome"] == "rejected"
    assert "2 images: MASK (1), SCI (2); expected one, or the names of its bands" in row["reason"]


@pytest.fixture(scope="module")
def server():
    with running_survey_server() as running:
        yield running


@pytest.fixture(scope="module")
def galaxies() -> pd.DataFrame:
    sky = SkyCatalog(2_000, 1)
    covered = [
        number
        for number in range(300)
        if all(is_covered(survey, sky.ra[number], sky.dec[number]) for survey in ("legacy", "panstarrs", "sdss"))
    ][:6]
    assert len(covered) == 6
    return pd.DataFrame(
        {"source_id": [f"g{number}" for number in covered], "ra": sky.ra[covered], "dec": sky.dec[covered]}
    )


def surveys_of(server) -> dict[str, tuple[dict, dict]]:
    """Pictures and FITS of the same pixels, by service."""
    cutout = {"size_px": SIZE, "pixel_scale_arcsec": 0.262}
    viewer = {"kind": "legacy", "url": server.url("legacy"), "cutout": cutout}
    stacks = {"kind": "panstarrs", "url": server.url("fitscut"), "names_url": server.url("ps1filenames")}
    stacks["cutout"] = {"size_px": SIZE, "pixel_scale_arcsec": 0.25}
    hips = {"kind": "hips2fits", "urls": [server.url("hips2fits")], "hips": "CDS/P/PanSTARRS/DR1/r", "cutout": cutout}
    coarse = {"size_px": 15, "pixel_scale_arcsec": BRICK_SCALE}
    return {
        "legacy": (viewer, viewer | {"format": "fits"}),
        "panstarrs": (stacks, stacks | {"format": "fits"}),
        "panstarrs, one band": (stacks | {"bands": ["r"]}, stacks | {"format": "fits", "bands": ["r"]}),
        "hips2fits": (hips | {"format": "png"}, hips | {"format": "fits"}),
        "bricks": (
            viewer | {"cutout": coarse},
            {"kind": "bricks", "url": server.url("bricks"), "bands": "grz", "cutout": coarse},
        ),
    }


def eight(images: np.ndarray) -> dict[str, np.ndarray]:
    """All flips and quarter turns of (n, H, W)."""
    found = {}
    for turn in range(4):
        turned = np.rot90(images, turn, axes=(1, 2))
        found |= {f"turned {turn}": turned, f"mirrored, turned {turn}": turned[:, :, ::-1]}
    return found


@pytest.mark.parametrize("name", ["legacy", "panstarrs", "panstarrs, one band", "hips2fits", "bricks"])
def test_fits_of_services_lie_as_their_pictures(tmp_path, server, galaxies, name):
    pictures, cubes = (
        seen_by_networks(tmp_path / kind, survey, galaxies)
        for kind, survey in zip(("pictures", "cubes"), surveys_of(server)[name], strict=True)
    )

    def likeness(turned: np.ndarray) -> float:
        pairs = zip(turned, pictures, strict=True)
        return float(np.mean([np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in pairs]))

    assert len(pictures) == len(cubes) == len(galaxies)
    likenesses = {way: likeness(images) for way, images in eight(cubes).items()}
    assert max(likenesses, key=likenesses.get) == "turned 0", likenesses


def matrix_of(degrees: float) -> list[list[float]]:
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    return [[-cosine, sine], [sine, cosine]]


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        (header_of(matrix_of(30)), "its axes are turned by 30 degrees against north and east (WCS), expected quarter"),
        (header_of(matrix_of(120)), "turned by 30 degrees"),
        (old_header({"CDELT1": 0.0, "CDELT2": 1e-4}), "its place on the sky (WCS) cannot be read"),
        (header_of([[-1, 0], [-1, 0]]), "its place on the sky (WCS)"),
        (header_of([[-1, 0], [0, 1]], "RA---XXX DEC--XXX"), "its place on the sky (WCS) cannot be read"),
        (header_of([[-1, 0], [0, 1]], "RA---TAN FREQ"), "its place on the sky (WCS) cannot be read"),
    ],
)
def test_a_place_without_north_up_is_rejected_when_it_is_fetched(cards, reason):
    judgement = check_image(file_of(fits.PrimaryHDU(marked(), cards)), Wanted(None))
    assert (judgement.kind, judgement.outcome) == ("permanent", "rejected")
    assert reason in judgement.reason


@pytest.mark.parametrize("turn", range(-180, 181, 9))
def test_handedness_and_north_by_the_wcs_at_any_turn(turn):
    """Within 15 degrees of a quarter turn north is up; farther away the image is refused, and never mirrored."""
    axes = local_axes(header_of(matrix_of(turn)), (SIZE, SIZE))
    if abs((turn + 45) % 90 - 45) > 15:
        with pytest.raises(UnusableImageError, match="turned by"):
            north_up(marked(), axes)
        return
    wcs = WCS(header_of(matrix_of(turn)))
    ra, dec = wcs.wcs_pix2world(np.indices((SIZE, SIZE))[::-1].reshape(2, -1).T, 0).T.reshape(2, SIZE, SIZE)
    assert (np.diff(north_up(ra, axes).mean(axis=0)) < 0).all()
    assert (np.diff(north_up(dec, axes).mean(axis=1)) < 0).all()


@pytest.mark.parametrize("dec", [-89.9, 0.0, 60.0, 89.9])
@pytest.mark.parametrize("ra", [0.0, 359.99999, 123.4])
def test_axes_hold_near_poles_and_at_the_origin(ra, dec):
    axes = local_axes(header_of([[-1, 0], [0, 1]], at=(ra, dec)), (SIZE, SIZE))
    np.testing.assert_allclose(axes, [[-0.4, 0], [0, 0.4]], atol=1e-3)


def test_wcs_of_the_test_files_says_what_they_show():
    """The corner that the WCS has in the north-east is the bright one: no assumption of the program is in the files."""
    for matrix in TURNS:
        pixels, wcs = stored_with(matrix), WCS(header_of(matrix))
        rows, columns = np.unravel_index(np.argsort(pixels.ravel())[-20:], pixels.shape)
        ra, dec = wcs.wcs_pix2world(np.column_stack([columns, rows]), 0).mean(axis=0)
        assert ra > 45, matrix
        assert dec > 41, matrix
