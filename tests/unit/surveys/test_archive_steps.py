"""fetch_cutouts and collect_ledger as programs, on a local survey."""

import io
import json
import tarfile

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from workflow_scripts import collect_ledger, fetch_cutouts
from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.step import run_step
from workflow_scripts.surveys.archive import LEDGER_SCHEMA

ENTRY = {"kind": "local", "tile_order": 0, "file_column": "file", "path": "images", "cutout": {"size_px": 64}}
N = 120


def image(seed: int) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (10 + seed % 3, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def survey(tmp_path):
    """A catalog of 120 galaxies and a folder with their images; the image of g7 is broken, that of g8 absent."""
    generator = np.random.default_rng(1)
    catalog = pd.DataFrame(
        {
            "source_id": [f"g{number}" for number in range(N)],
            "ra": generator.uniform(0, 360, N),
            "dec": np.degrees(np.arcsin(generator.uniform(-1, 1, N))),
            "label": pd.array(generator.choice([0, 1, None], N), dtype="Int8"),
            "file": [f"{number}.png" for number in range(N)],
        }
    )
    catalog.to_parquet(tmp_path / "catalog.parquet")
    (tmp_path / "images").mkdir()
    for number in range(N):
        (tmp_path / "images" / f"{number}.png").write_bytes(image(number)[: 60 if number == 7 else None])
    (tmp_path / "images" / "8.png").unlink()
    return tmp_path


def fetch(folder, tile, *more, entry=ENTRY):
    """Status of fetch_cutouts and the path of the tile."""
    output = folder / "out" / f"tile{tile}.parquet"
    arguments = ["--survey", json.dumps(entry), "--catalog", str(folder / "catalog.parquet"), "--tile", str(tile)]
    arguments += ["--output", str(output), *(more or ["--images", str(folder / "images")])]
    with pytest.raises(SystemExit) as stopped:
        run_step(fetch_cutouts.main, fetch_cutouts.parser, arguments)
    return stopped.value.code, output


def collect(folder, tiles, *more):
    arguments = ["--tiles", *map(str, tiles), "--output", str(folder / "ledger.parquet")]
    arguments += ["--counts", str(folder / "ledger.json"), *more]
    with pytest.raises(SystemExit) as stopped:
        run_step(collect_ledger.main, collect_ledger.parser, arguments)
    return stopped.value.code


@pytest.mark.parametrize("order", [0, 1])
def test_all_tiles_together_request_every_galaxy_once(survey, order):
    tiles = []
    for tile in range(12 * 4**order):
        status, path = fetch(survey, tile, entry=ENTRY | {"tile_order": order})
        assert status == 0
        table = pq.read_table(path)
        tiles.append(path)
        if table.num_rows:
            assert set(tile_of(table["ra"].to_numpy(), table["dec"].to_numpy(), order)) == {tile}
    assert collect(survey, tiles) == 0
    ledger = pq.read_table(survey / "ledger.parquet")
    assert ledger.schema.remove_metadata() == LEDGER_SCHEMA
    rows = ledger.to_pandas().set_index("source_id")
    assert len(rows) == N
    assert rows.loc["g7", ["outcome", "origin"]].tolist() == ["rejected", "7.png"]
    assert rows.loc["g8", ["outcome", "reason"]].tolist() == ["failed", "no such file"]
    assert (rows.drop(["g7", "g8"])["outcome"] == "delivered").all()
    counts = json.loads((survey / "ledger.json").read_text())
    assert counts["requested"] == N
    assert (counts["delivered"], counts["no_coverage"], counts["rejected"], counts["failed"]) == (N - 2, 0, 1, 1)
    missing = [(row["outcome"], row["reason"], row["requests"], row["origin"]) for row in counts["not_delivered"]]
    assert ("failed", "no such file", 1, "8.png") in missing


def test_images_are_kept_byte_by_byte(survey):
    tile = int(tile_of(*pd.read_parquet(survey / "catalog.parquet").loc[[20], ["ra", "dec"]].to_numpy().T, 0)[0])
    _, path = fetch(survey, tile)
    rows = pd.read_parquet(path).set_index("source_id")
    assert rows.loc["g20", "image"] == image(20)
    before = path.read_bytes()
    fetch(survey, tile)
    assert path.read_bytes() == before


def test_too_many_failures_stop_the_step_and_leave_nothing(survey, capsys):
    for number in range(N):
        if number % 2:
            (survey / "images" / f"{number}.png").unlink()
    status, path = fetch(survey, 0)
    assert status == 2
    assert not path.exists()
    assert "failed: tile 0: " in capsys.readouterr().err
    status, path = fetch(survey, 0, "--images", str(survey / "images"), "--max-failed-share", "0.9")
    assert status == 0
    assert path.exists()


def test_most_frequent_reasons_are_listed_first_and_not_without_end(survey):
    _, path = fetch(survey, 4)
    rows = pd.read_parquet(path).head(1)
    many = pd.concat([rows.assign(source_id=f"x{n}", outcome="failed", reason=f"reason {n}") for n in range(80)])
    often = pd.concat([rows.assign(source_id=f"y{n}", outcome="failed", reason="often") for n in range(3)])
    pd.concat([rows, many, often]).assign(image=None).to_parquet(path, schema=pq.read_schema(path))
    assert collect(survey, [path]) == 0
    reasons = json.loads((survey / "ledger.json").read_text())["not_delivered"]
    assert {"outcome": "failed", "reason": "often", "requests": 3, "source_id": "y0"}.items() <= reasons[0].items()
    assert len(reasons) == 50


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda catalog: catalog.drop(columns="dec"), "has no column 'dec'"),
        (lambda catalog: pd.concat([catalog, catalog.head(60)]), "is there more than once"),
        (lambda catalog: catalog.assign(dec=95.0), "rows without a position"),
        (lambda catalog: catalog.assign(ra="12:30"), "rows without a position"),
    ],
)
def test_bad_catalogs_are_one_sentence(survey, capsys, change, message):
    change(pd.read_parquet(survey / "catalog.parquet")).to_parquet(survey / "catalog.parquet")
    statuses = [fetch(survey, tile)[0] for tile in range(12)]
    assert 2 in statuses
    assert f"error: {survey / 'catalog.parquet'}: " in (error := capsys.readouterr().err)
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("tile", "more", "entry", "message"),
    [
        (12, [], ENTRY, "tile 12: expected 0 to 11 at tile_order 0"),
        (0, ["--max-failed-share", "0.01"], ENTRY, "a local survey needs its images, expected --images"),
        (0, [], {"kind": "simulated"}, "needs the simulated sky, expected --truth"),
        (0, [], ENTRY | {"kind": "sds"}, "kind is 'sds'; did you mean 'sdss'?"),
        (0, [], ENTRY | {"file_column": "photo"}, "no column 'photo'"),
    ],
)
def test_bad_requests_are_one_sentence(survey, capsys, tile, more, entry, message):
    status, path = fetch(survey, tile, *more, entry=entry)
    assert status == 2
    assert message in capsys.readouterr().err
    assert not path.exists()


def test_absent_and_broken_catalog(survey, capsys):
    (survey / "catalog.parquet").write_text("no table")
    assert fetch(survey, 0)[0] == 2
    (survey / "catalog.parquet").unlink()
    assert fetch(survey, 0)[0] == 2
    error = capsys.readouterr().err
    assert "catalog.parquet: expected a catalog (Parquet)" in error
    assert "catalog.parquet: does not exist, expected a catalog" in error


def test_real_survey(shared_data, tmp_path):
    images = shared_data / "sdss_gz1" / "gz1_E_S_128px.tar"
    with tarfile.open(images) as archive:
        catalog = pd.read_csv(archive.extractfile("catalog.csv"), dtype={"objid": str}).iloc[::400]
    catalog = catalog.rename(columns={"objid": "source_id"})[["source_id", "ra", "dec", "file"]]
    catalog.to_parquet(tmp_path / "catalog.parquet")
    tiles = []
    for tile in range(12):
        status, path = fetch(tmp_path, tile, "--images", str(images), "--max-failed-share", "0")
        assert status == 0
        tiles.append(pd.read_parquet(path))
    rows = pd.concat(tiles)
    assert len(rows) == len(catalog) > 10
    assert set(rows["outcome"]) == {"delivered"}
    assert set(rows["image_format"]) == {"jpeg"}
