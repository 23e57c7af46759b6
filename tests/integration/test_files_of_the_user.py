"""The user's own files are inputs: missing ones are named before anything runs, changed ones are noticed."""

import copy
import os

import keras
import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from tests.small_experiment import CONFIG
from tests.workflow_copy import WorkflowCopy
from workflow_scripts.configuration.loading import load
from workflow_scripts.surveys.registry import folder_digest

pytestmark = pytest.mark.slow

TABLE = {
    "source": "file",
    "path": "table.csv",
    "columns": {"source_id": "id", "ra": "ra", "dec": "dec", "label": "kind", "file": "file"},
    "classes": ["elliptical", "spiral"],
    "label_values": {"e": "elliptical", "s": "spiral"},
}
STAMPS = {"kind": "local", "catalog": "sky", "path": "stamps"}


@pytest.fixture
def checkout(repository, tmp_path):
    return WorkflowCopy(repository, tmp_path / "it's here")


@pytest.mark.parametrize(
    ("edit", "missing"),
    [
        (
            lambda c: c["footprints"]["east"].update(region={"moc": {"path": "region.fits"}}),
            "footprints.east.region.moc.path is 'region.fits'",
        ),
        (
            lambda c: c["networks"]["net"].update(mode="fine_tune", weights="first.weights.h5"),
            "networks.net.weights is 'first.weights.h5'",
        ),
        (
            lambda c: c["networks"]["net"].update(architecture="file", mode="annotate", path="m.keras"),
            "networks.net.path is 'm.keras'",
        ),
        (
            lambda c: c["catalogs"].update(sky=TABLE) or c["surveys"].update(pixels=STAMPS),
            "catalogs.sky.path is 'table.csv'",
        ),
        (lambda c: c["surveys"].update(pixels=STAMPS), "surveys.pixels.path is 'stamps'"),
        (
            lambda c: c.update(active_audits=["mine"], audits={"mine": {"path": "labels.csv", "label": ["kind"]}}),
            "audits.mine.path is 'labels.csv'",
        ),
    ],
)
def test_a_missing_file_is_named_by_a_dry_run(checkout, edit, missing):
    config = copy.deepcopy(CONFIG)
    edit(config)
    checkout.write_config(config)
    result = checkout.snakemake("--dry-run", check=False)
    assert result.returncode
    assert f"experiment.yaml: {missing}, which does not exist" in result.stderr + result.stdout
    assert "Traceback" not in result.stderr + result.stdout


def test_a_model_that_cannot_be_used_ends_the_run_before_any_image(checkout):
    pixels = keras.layers.Input((32, 32, 3))
    logits = keras.layers.Dense(1, name="end")(keras.layers.GlobalAveragePooling2D()(pixels))
    keras.Model(pixels, logits).save(checkout.analysis / "mine.keras")
    config = copy.deepcopy(CONFIG)
    config["networks"]["net"] = {"architecture": "file", "path": "mine.keras", "mode": "annotate", "recipe": "small"}
    checkout.write_config(config)
    failed = checkout.snakemake(check=False)
    *_, last = failed.stderr.strip().splitlines()
    assert last.startswith("error: mine.keras: its last layer 'end' has no activation, expected probabilities")
    assert last.endswith("(logs/training/pixels/models/net/check_model.log)")
    assert not list(checkout.analysis.glob("results/images/**/*.npy"))
    log = (checkout.analysis / "logs/training/pixels/models/net/check_model.log").read_text()
    assert len(log.splitlines()) == 2, "remarks of TensorFlow"


@pytest.mark.long
def test_a_mistyped_path_does_not_keep_the_results_of_another_file(checkout):
    (checkout.analysis / "table.csv").write_text("id,ra,dec,kind,file\na,10,0,e,a.png\nb,20,0,s,b.png\n")
    (checkout.analysis / "stamps").mkdir()
    config = copy.deepcopy(CONFIG)
    config["catalogs"]["sky"] = dict(TABLE)
    config["surveys"]["pixels"] = STAMPS
    checkout.write_config(config)
    tile = "results/cutouts/pixels/tile0.parquet"
    checkout.snakemake(tile)
    config["catalogs"]["sky"]["path"] = "tabel.csv"
    checkout.write_config(config)
    result = checkout.snakemake("--dry-run", tile, check=False)
    assert result.returncode
    assert "(did you mean 'table.csv'?)" in result.stderr + result.stdout
    # For whoever has put the original away.
    checkout.write_config(config | {"missing_files": "accept"})
    assert "Nothing to be done" in checkout.snakemake("--dry-run", tile).stdout


def test_files_of_regions_are_found_at_any_depth():
    region = {"union": [{"complement": {"moc": {"path": "a.fits"}}}, {"moc": {"path": "b.fits"}}, {"whole_sky": True}]}
    config = copy.deepcopy(CONFIG)
    config["footprints"]["east"]["region"] = region
    assert load(config).moc_files("east") == ["a.fits", "b.fits"]
    assert load(config).moc_files("west") == []


@pytest.mark.long
def test_a_folder_of_images_is_known_by_names_and_sizes(checkout):
    folder = checkout.analysis / "in put's"
    folder.mkdir()
    random = np.random.default_rng(0)
    rows = []
    for number in range(24):
        Image.fromarray(random.integers(0, 255, (16, 16, 3), np.uint8)).save(folder / f"g{number}.png")
        # Nested pixel 4 of nside 1 is about RA 0 on the equator.
        name, kind = f"g{number}", "es"[number % 2]
        rows.append({"id": name, "ra": 0.5 * number, "dec": 0.1, "kind": kind, "file": f"{name}.png"})
    pd.DataFrame(rows).to_csv(checkout.analysis / "table.csv", index=False)
    config = copy.deepcopy(CONFIG)
    config["catalogs"]["mine"] = dict(TABLE)
    config["surveys"]["mine"] = {"kind": "local", "catalog": "mine", "path": "in put's"}
    checkout.write_config(config)
    tile = "results/cutouts/mine/tile4.parquet"
    checkout.snakemake(tile)

    def would_run():
        return "fetch_cutouts" in checkout.snakemake("--dry-run", tile).stdout

    assert not would_run()
    (folder / ".DS_Store").write_bytes(b"x")
    for path in folder.iterdir():
        os.utime(path)
    assert not would_run()
    (folder / "g3.png").write_bytes(b"")
    assert would_run()


def test_the_digest_of_a_folder_is_that_of_its_files(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(b"12")
    first = folder_digest(tmp_path)
    (tmp_path / "deep" / "a").rename(tmp_path / "deep" / "b")
    assert folder_digest(tmp_path) != first
    (tmp_path / "deep" / "b").rename(tmp_path / "deep" / "a")
    assert folder_digest(tmp_path) == first


def test_files_of_any_size_are_compared_by_content(repository):
    """Snakemake compares files above a limit by date alone, and a catalog or a tile is soon above it."""
    profile = yaml.safe_load((repository / "profiles" / "default" / "config.yaml").read_text())
    assert profile["max-checksum-file-size"] >= 10**12
