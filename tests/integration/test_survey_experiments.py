"""The experiments on real surveys, whole, against a server on this machine that speaks the surveys' protocols.

`SKYBIAS_SURVEY_GALAXIES=5000` makes them larger (a few hundred galaxies otherwise).
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from tests.services.running import running_survey_server
from workflow_scripts.configuration.loading import load

pytestmark = [pytest.mark.long, pytest.mark.longest]

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = int(os.environ.get("SKYBIAS_SURVEY_GALAXIES", "240"))
IS_LONG = SAMPLE >= 2000
SURVEYS = {"sdss_galaxy_zoo": "sdss_images", "panstarrs": "panstarrs_images", "legacy_surveys": "legacy_images"}
CATALOGS = {"sdss_images": "galaxy_zoo_1", "panstarrs_images": "galaxy_zoo_1", "legacy_images": "galaxy_zoo_2"}
IDS = {"galaxy_zoo_1": "objid", "galaxy_zoo_2": "dr8objid"}


def overlay(server) -> dict:
    """Other addresses, and in the short form fewer and shorter runs. Everything else is as in the files."""
    skyserver = {"url": server.url("skyserver"), "page_rows": 2000, "queries_per_minute": 50}
    access = {"concurrency": 8, "requests_per_second": None}
    changed = {
        "active_experiments": list(SURVEYS),
        "catalogs": {"galaxy_zoo_1": dict(skyserver), "galaxy_zoo_2": dict(skyserver)},
        "surveys": {
            "sdss_images": {"url": server.url("imgcutout")},
            "panstarrs_images": {"url": server.url("fitscut"), "names_url": server.url("ps1filenames")},
            "legacy_images": {"url": server.url("legacy")},
        },
    }
    for survey in changed["surveys"].values():
        survey |= {"access": dict(access), "max_failed_share": 0.1}
    if not IS_LONG:
        changed["surveys"] = {name: {**survey, "tile_order": 0} for name, survey in changed["surveys"].items()}
        changed["matchings"] = {f"zoo{number}_sets": {"per_class_of_sample": 3} for number in (1, 2)}
        changed["networks"] = {"zoo_lenet5": {"epochs": 1, "batch_size": 4}}
        once = {"resamples": [0], "seeds": [0]}
        arms = {
            name: {"ra_halves": {"replicates": 1}, "anywhere": {**once, "footprints": [f"zoo{number}_first_half"]}}
            for name, number in zip(SURVEYS, (1, 1, 2), strict=True)
        }
        # Single training sets, which answer nothing.
        short = {"allow_unanswerable": True, "tests": {"permutations": 100}}
        changed["experiments"] = {name: {"arms": arms[name], **short} for name in SURVEYS}
    return changed


def snakemake(analysis: Path, files: list[Path], *arguments: str) -> str:
    """Run the workflow in a folder of its own; gives what Snakemake printed."""
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(analysis)]
    command += ["--cores", "2", *arguments, "--configfile", *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=14_400)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def analysis(tmp_path_factory):
    """The folder in which the three experiments have run to the end, and what was requested of the server."""
    folder = tmp_path_factory.mktemp("surveys")
    with running_survey_server(galaxies=max(4000, SAMPLE * 11 // 10)) as server:
        (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay(server)))
        files = [ROOT / "experiments" / f"{name}.yaml" for name in SURVEYS]
        snakemake(folder, [*files, folder / "overlay.yaml"], "--config", f"sample={SAMPLE}")
        requested = server.report()
        again = snakemake(folder, [*files, folder / "overlay.yaml"], "--config", f"sample={SAMPLE}")
        assert "Nothing to be done" in again
        assert server.report() == requested
        (folder / "stricter.yaml").write_text("catalogs: {galaxy_zoo_1: {hygiene: {radius_arcsec: 5}}}")
        files += [folder / "overlay.yaml", folder / "stricter.yaml"]
        (folder / "stricter.txt").write_text(snakemake(folder, files, "--dry-run", "--config", f"sample={SAMPLE}"))
    (folder / "requested.json").write_text(json.dumps(requested, indent=1))
    return folder


@pytest.mark.parametrize("name", SURVEYS)
def test_an_experiment_ends_with_a_verdict(analysis, name):
    summary = json.loads((analysis / "results" / "bias" / name / "summary.json").read_text())
    assert summary["verdict"]
    # One run a footprint, as in the short form, has nothing to test.
    assert summary["tests" if IS_LONG else "paper_style"]
    assert (analysis / "results" / "report" / name / "figures" / "gallery.png").stat().st_size > 10_000


@pytest.mark.parametrize("survey", CATALOGS)
def test_the_sample_is_all_that_is_requested_and_nearly_all_of_it_is_delivered(analysis, survey):
    ledger = pd.read_parquet(analysis / "results" / "cutouts" / survey / "ledger.parquet")
    catalog = pd.read_parquet(analysis / "results" / "catalog" / CATALOGS[survey] / "catalog.parquet")
    assert len(catalog) == SAMPLE
    assert sorted(ledger["source_id"]) == sorted(catalog["source_id"])
    assert ledger["outcome"].isin(["delivered", "no_coverage"]).mean() > 0.99
    assert (ledger["outcome"] == "delivered").mean() > 0.9


@pytest.mark.parametrize("catalog", IDS)
def test_the_catalog_has_whole_ids_exact_positions_and_labels_by_votes(analysis, catalog):
    folder = analysis / "results" / "catalog" / catalog
    response = pq.read_table(folder / "answer.parquet").to_pandas().set_index(IDS[catalog])
    galaxies = pd.read_parquet(folder / "catalog.parquet").set_index("source_id")
    assert galaxies.index.str.len().min() == 19
    of_response = response.loc[galaxies.index]
    assert (of_response["ra"].astype(float) == galaxies["ra"]).all()
    assert of_response["ra"].str.len().max() > 10
    hygiene = json.loads((folder / "hygiene.json").read_text())
    assert hygiene["problems"]["non_finite_position"]["rows"] > 0
    assert hygiene["labels"]["without_label"] > 0
    assert 0.2 < galaxies["label"].isna().mean() < 0.6
    record = json.loads((folder / "answer.json").read_text())
    assert record["rows"] == len(response)
    assert {"sql", "url", "first_date", "last_date"} <= set(record)


def test_a_stricter_hygiene_sends_no_query_again(analysis):
    planned = set(re.findall(r"^(\w+) +\d+$", (analysis / "stricter.txt").read_text(), re.MULTILINE))
    assert "make_catalog" in planned
    assert "query_catalog" not in planned


def hours(text: str) -> list[tuple[float, float]]:
    """Requests and hours of the table in a header."""
    rows = re.findall(r"#   (?:sample=2000|all) +([\d,]+) +\d+ +[\d.]+ [MG]B +([\d.]+) h", text)
    return [(float(requests.replace(",", "")), float(duration)) for requests, duration in rows]


@pytest.mark.parametrize("name", SURVEYS)
def test_the_estimates_of_a_file_follow_from_its_rate(name):
    text = (ROOT / "experiments" / f"{name}.yaml").read_text()
    rate = yaml.safe_load(text)["surveys"][SURVEYS[name]]["access"]["requests_per_second"]
    found = hours(text)
    assert len(found) == 2
    for requests, duration in found:
        assert duration == pytest.approx(requests / rate / 3600, abs=0.05, rel=0.01)


@pytest.mark.parametrize("name", SURVEYS)
def test_a_file_names_who_must_be_credited(name):
    text = (ROOT / "experiments" / f"{name}.yaml").read_text()
    assert "Show and cite" in text
    assert load_alone(name).active_experiments == [name]


def load_alone(name: str):
    """The configuration of one experiment file over the default."""
    below, above = (yaml.safe_load((ROOT / path).read_text()) for path in ("config.yaml", f"experiments/{name}.yaml"))
    registries = {key: {**below.get(key, {}), **value} for key, value in above.items() if isinstance(value, dict)}
    return load({**below, **above, **registries})
