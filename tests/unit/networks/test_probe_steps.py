"""The probes as steps: a planted difference of brightness between two halves of the sky is found, and nothing where
there is none."""

import json

import numpy as np
import pandas as pd
import pytest

from workflow_scripts import probe_features, probe_pixels
from workflow_scripts.networks.architectures import build_model
from workflow_scripts.networks.model_files import write_model
from workflow_scripts.statistics.place_auc import place_auc

N = 900
FOOTPRINTS = [
    {"name": name, "region": {"ra_range": limits}} for name, limits in (("east", [0, 180]), ("west", [180, 360]))
]


@pytest.fixture(scope="module")
def halves(tmp_path_factory, galaxy_images, write_images):
    """Folder of a survey of two halves, whose images in `bright` are brighter in the east, and in `even` are not."""
    folder = tmp_path_factory.mktemp("halves")
    random = np.random.default_rng(4)
    ids, labels = np.array([f"h{number:04d}" for number in range(N)]), np.arange(N) % 2
    table = pd.DataFrame({"source_id": ids, "ra": random.uniform(0, 360, N)})
    table["dec"] = np.degrees(np.arcsin(random.uniform(-1, 1, N)))
    table["label"] = pd.array(labels, dtype="Int8")
    table["split"] = np.where(np.arange(N) < 400, "training", "annotation")
    images = galaxy_images(labels, 5)
    write_images(folder / "even", ids, images, np.zeros(N, int))
    brighter = (images + (30 * (table["ra"] < 180)).to_numpy()[:, None, None, None]).clip(0, 255).astype(np.uint8)
    write_images(folder / "bright", ids, brighter, np.zeros(N, int))
    table.to_parquet(folder / "catalog.parquet", index=False)
    training = table[table["split"] == "training"].astype({"label": "int8"})
    for name, inside in (("east", training["ra"] < 180), ("west", training["ra"] >= 180)):
        training[inside].to_parquet(folder / f"{name}.parquet", index=False)
    return folder


@pytest.fixture
def probed(halves, run_here, network):
    """AUC of a network, and its galaxies, for images and what is shown of them."""

    def probe(images, pixels="whole", expect=0, **changes):
        output = halves / f"{images}_{pixels}.parquet"
        message = run_here(
            probe_pixels,
            *("--network", json.dumps(network(epochs=6, **changes))),
            *("--training-sets", str(halves / "east.parquet"), str(halves / "west.parquet")),
            *("--footprints", json.dumps(FOOTPRINTS), "--pixels", pixels, "--seed", "1"),
            *("--index", str(halves / images / "index.parquet"), "--catalog", str(halves / "catalog.parquet")),
            *("--resume-folder", str(halves / "resume"), "--output", str(output)),
            expect=expect,
        )
        if expect:
            return message
        table = pd.read_parquet(output)
        return place_auc(table["score"], table["side"] == 1, table["label"]).value, table

    return probe


def test_a_difference_of_brightness_is_found_in_whole_images_and_corners(probed):
    auc, table = probed("bright")
    assert auc > 0.9
    assert probed("bright", "corners")[0] > 0.9
    assert list(table) == ["source_id", "ra", "dec", "label", "side", "score"]
    # Held-out galaxies alone, each on the side where it lies.
    assert set(table["source_id"]) == {f"h{number:04d}" for number in range(400, N)}
    assert ((table["ra"] < 180) == (table["side"] == 1)).all()


def test_images_that_are_alike_give_one_half_and_the_same_bytes_again(probed, halves):
    auc, _ = probed("even", "scrambled")
    assert abs(auc - 0.5) < 4 / np.sqrt(12 * 125)
    before = (halves / "even_scrambled.parquet").read_bytes()
    probed("even", "scrambled")
    assert (halves / "even_scrambled.parquet").read_bytes() == before


def test_galaxies_to_score_that_were_trained_on_are_refused(probed, halves):
    catalog = pd.read_parquet(halves / "catalog.parquet")
    kept = (halves / "catalog.parquet").read_bytes()
    catalog.assign(split="annotation").to_parquet(halves / "catalog.parquet", index=False)
    try:
        assert "are in the training set" in probed("even", expect=2)
    finally:
        (halves / "catalog.parquet").write_bytes(kept)


def test_features_of_a_model_know_the_place_where_the_images_do(halves, run_here, network, tmp_path):
    write_model(tmp_path / "model.keras", build_model(network(), (20, 20, 3), 2), {})
    found = {}
    for images in ("bright", "even"):
        output = tmp_path / f"{images}.json"
        run_here(
            probe_features,
            *("--model", str(tmp_path / "model.keras"), "--index", str(halves / images / "index.parquet")),
            *("--catalog", str(halves / "catalog.parquet"), "--permutations", "199", "--output", str(output)),
        )
        found[images] = json.loads(output.read_text())
    # Even an untrained network passes brightness on: a hemisphere is a quarter of the variance of positions.
    assert 0.1 < found["bright"]["r2"] < 0.25
    assert found["bright"]["p_permutation"] == 1 / 200
    assert found["even"]["p_permutation"] > 0.01
    assert found["even"]["r2"] < 0.01
    assert found["even"]["n"] == N - 400
    assert len(found["even"]["influence"]) == found["even"]["n_blocks"] >= 20


def test_a_file_that_is_no_model_is_one_sentence(halves, run_here, tmp_path):
    (tmp_path / "model.keras").write_bytes(b"not a model")
    message = run_here(
        probe_features,
        *("--model", str(tmp_path / "model.keras"), "--index", str(halves / "even" / "index.parquet")),
        *("--catalog", str(halves / "catalog.parquet"), "--output", str(tmp_path / "out.json")),
        expect=2,
    )
    assert "is not a .keras file" in message
    assert not (tmp_path / "out.json").exists()
